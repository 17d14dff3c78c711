// What a thread does when its interrupt word is not zero. Order as in CPython's eval breaker.
#include "vm/gc/heap_impl.h"
#include "vm/protocol/protocol.h"
#include "vm/threads/signals.h"
#include "vm/threads/thread_impl.h"
#include "vm/threads/thread_table.h"
#include "vm/types/exception.h"
#include "vm/types/runtime.h"

namespace mp {

// So many dead objects with finalizers do not wait for the end of a long native operation: they are memory.
static constexpr size_t kManyFinalizers = 100000;

static Error raise_interruption(Thread& t) {
  if (t.impl->runs_uncalled_code()) t.impl->interruption = t.current();
  return Error{};
}

Status Thread::handle_interrupts(bool keep_gil) {
  uint32_t bits = interrupt_word.load(std::memory_order_acquire);
  if ((bits & kInterruptPass) != 0) let_take_away(*this);
  if ((bits & kInterruptStopTheWorld) != 0) suspend_for_stop(*this);
  // Within an operation, script code (gc.callbacks, handlers of signals, finalizers) waits: it may change
  // what the operation goes through.
  if ((bits & kInterruptCollect) != 0 && !(keep_gil && heap_->impl().runs_callbacks())) {
    clear_interrupt(kInterruptCollect);
    heap_->impl().collect_automatically(*this);
  }
  if ((bits & kInterruptMemory) != 0) {
    clear_interrupt(kInterruptMemory);
    heap_->impl().collect(*this, "memory limit");
    if (heap_->impl().over_limit(0)) return raise_memory_error();
  }
  if ((bits & kInterruptSignal) != 0 && (!keep_gil || interrupt_is_pending(*this))) {
    clear_interrupt(kInterruptSignal);
    if (is_main && run_signal_handlers(*this).is_error()) return raise_interruption(*this);
  }
  bits = interrupt_word.load(std::memory_order_acquire);  // the collection may have queued finalizers
  if ((bits & kInterruptPendingCall) != 0 && (!keep_gil || heap_->impl().pending.load() > kManyFinalizers)) {
    clear_interrupt(kInterruptPendingCall);
    heap_->run_pending_finalizers(*this);
  }
  if ((bits & kInterruptStoppedWork) != 0) stop_for_work_if_due(*this);
  if ((bits & kInterruptWake) != 0) impl->wakes.flush_if_due(*this);
  if (!keep_gil && (interrupt_word.load(std::memory_order_acquire) & kInterruptDropGil) != 0) {
    if (impl->held_policy != nullptr)
      yield_gil(*this);
    else
      clear_interrupt(kInterruptDropGil);
  }
  if ((bits & kInterruptAsyncException) != 0) {
    clear_interrupt(kInterruptAsyncException);
    Value exception = async_exception.exchange(kEmpty);
    if (!exception.is_empty()) {
      (void)raise_from(*this, exception, kEmpty);
      return raise_interruption(*this);
    }
  }
  return {};
}

}  // namespace mp

#include "vm/threads/gil_queue.h"

#include <new>

#include "vm/os/clock.h"
#include "vm/threads/thread_impl.h"

namespace mp {

void QueuedPolicy::ask(GilState& gil) {
  if (holder_ == nullptr ||
      (holder_->interrupt_word.load(std::memory_order_relaxed) & kInterruptDropGil) != 0)
    return;
  holder_->set_interrupt(kInterruptDropGil);
  gil.forced_requests.fetch_add(1, std::memory_order_relaxed);
}

bool QueuedPolicy::take(GilState& gil, Thread& t) {
  std::unique_lock<std::mutex> lock(mutex_);
  bool was_forced = t.impl->dropped_by_request;
  t.impl->dropped_by_request = false;
  bool contended = holder_ != nullptr;
  if (!contended) {
    holder_ = &t;
  } else {
    gil.contended.fetch_add(1, std::memory_order_relaxed);
    Waiter waiter{&t, os::monotonic_ns(), was_forced, nullptr, false, {}};
    (last_ != nullptr ? last_->next : first_) = &waiter;
    last_ = &waiter;
    int64_t patience_ns = patience(gil, waiter);
    if (patience_ns == 0) ask(gil);
    while (!waiter.granted) {
      waiter.parker.reset();
      lock.unlock();
      waiter.parker.sleep(patience_ns == 0 ? os::kNoDeadline : os::deadline_after(patience_ns));
      lock.lock();
      if (!waiter.granted) ask(gil);
    }
  }
  if (last_holder_ != &t) {
    last_holder_ = &t;
    gil.switches.fetch_add(1, std::memory_order_relaxed);
  }
  // A request of an earlier hold is void; the waiters that have no patience ask anew.
  t.clear_interrupt(kInterruptDropGil);
  for (Waiter* waiter = first_; waiter != nullptr; waiter = waiter->next) {
    if (patience(gil, *waiter) != 0) continue;
    ask(gil);
    break;
  }
  return contended;
}

void QueuedPolicy::hand_over(GilState& gil) {
  holder_ = nullptr;
  if (first_ == nullptr) return;
  Waiter* chosen = choose(gil, first_);
  Waiter* before = nullptr;
  for (Waiter* waiter = first_; waiter != chosen; waiter = waiter->next) before = waiter;
  (before != nullptr ? before->next : first_) = chosen->next;
  if (last_ == chosen) last_ = before;
  holder_ = chosen->thread;
  chosen->granted = true;
  // SAFETY: woken under the mutex, which the waiter takes before it leaves its stack frame.
  chosen->parker.wake();
}

void QueuedPolicy::drop(GilState& gil, Thread& t) {
  std::lock_guard<std::mutex> lock(mutex_);
  t.impl->dropped_by_request = (t.interrupt_word.load(std::memory_order_relaxed) & kInterruptDropGil) != 0;
  t.clear_interrupt(kInterruptDropGil);
  hand_over(gil);
}

void QueuedPolicy::after_fork_child(Thread* holder) {
  new (&mutex_) std::mutex;
  holder_ = last_holder_ = holder;
  first_ = last_ = nullptr;
  if (holder != nullptr) holder->clear_interrupt(kInterruptDropGil);
}

}  // namespace mp

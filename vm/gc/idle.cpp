#include "vm/gc/idle.h"

#include <algorithm>

#include "vm/gc/heap_impl.h"
#include "vm/threads/thread_impl.h"
#include "vm/threads/thread_table.h"
#include "vm/types/runtime.h"

namespace mp {

void note_opened(Thread& t) { t.heap().impl().open_files.fetch_add(1, std::memory_order_relaxed); }
void note_closed(Thread& t) { t.heap().impl().open_files.fetch_sub(1, std::memory_order_relaxed); }

bool may_wait_for_garbage(Thread& t) {
  return t.is_main && (t.heap().impl().open_files.load(std::memory_order_relaxed) > 0 ||
                       t.runtime().threads->started_threads.load(std::memory_order_relaxed) > 0);
}

IdleWait::IdleWait(Thread& t) : step_(os::kNanosPerSecond / 10) { arm(t); }

void IdleWait::arm(Thread& t) {
  constexpr int64_t kShare = 20;  // a wait is this many times as long as the work of a collection
  const HeapImpl& heap = t.heap().impl();
  deadline_ = os::kNoDeadline;
  interval_ = 0;
  // The main thread waits for the others, who may open some.
  bool needed = t.is_main || heap.open_files.load(std::memory_order_relaxed) > 0;
  if (!needed || t.runtime().finalizing || !heap.enabled.load(std::memory_order_relaxed)) return;
  collections_ = t.heap().collections();
  interval_ = std::max(step_, heap.statistics.last_cpu_ns.load(std::memory_order_relaxed) * kShare);
}

os::Deadline IdleWait::deadline() {
  if (armed() && deadline_ == os::kNoDeadline) deadline_ = os::monotonic_ns() + interval_;
  return deadline_;
}

void IdleWait::collect(Thread& t) {
  // Of several threads that wait one is enough.
  bool first = t.heap().collections() == collections_;
  if (first && t.heap().impl().open_files.load(std::memory_order_relaxed) > 0) {
    t.impl->collecting_idly = true;
    t.heap().collect(t);
    t.impl->collecting_idly = false;
    t.impl->interruption = kEmpty;
  }
  step_ *= 2;
  arm(t);
}

}  // namespace mp

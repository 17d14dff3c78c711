#include "vm/threads/gil_queue.h"

#include <climits>
#include <mutex>
#include <new>

#include "vm/os/clock.h"
#include "vm/os/futex.h"
#include "vm/threads/thread_impl.h"

namespace mp {

void TicketMutex::lock() {
  uint32_t mine = next_.fetch_add(1, std::memory_order_relaxed);
  constexpr int kSpins = 100;
  for (int i = 0;; ++i) {
    uint32_t serving = serving_.load(std::memory_order_acquire);
    if (serving == mine) return;
    if (i >= kSpins) os::futex_wait(serving_, serving, os::kNoDeadline);
  }
}

void TicketMutex::unlock() {
  uint32_t now = serving_.fetch_add(1, std::memory_order_seq_cst) + 1;
  // All are woken, for only one of them knows that it is its turn.
  if (next_.load(std::memory_order_seq_cst) != now) os::futex_wake(serving_, INT_MAX);
}

// With the mutex held.
void QueuedPolicy::ask(GilState& gil) {
  if (holder_ == nullptr ||
      (holder_->interrupt_word.load(std::memory_order_relaxed) & kInterruptDropGil) != 0)
    return;
  holder_->set_interrupt(kInterruptDropGil);
  gil.forced_requests.fetch_add(1, std::memory_order_relaxed);
}

// With the mutex held: the thread has the lock from here on.
void QueuedPolicy::begin_hold(GilState& gil, Thread& t) {
  holder_ = &t;
  t.impl->gil_waiter.hold_since = os::monotonic_ns();
  if (last_holder_ != &t) {
    if (last_holder_ != nullptr) gil.switches.fetch_add(1, std::memory_order_relaxed);
    last_holder_ = &t;
  }
  // A request of an earlier hold is void; the waiters that have no patience ask anew.
  t.clear_interrupt(kInterruptDropGil);
  for (Waiter* waiter = first_; waiter != nullptr; waiter = waiter->next) {
    if (patience(gil, *waiter) != 0) continue;
    ask(gil);
    break;
  }
}

// With the mutex held, and a holder that is another thread, or that is about to hand over.
void QueuedPolicy::enqueue(GilState& gil, Thread& t) {
  Waiter& waiter = t.impl->gil_waiter;
  waiter.thread = &t;
  waiter.since = os::monotonic_ns();
  waiter.next = nullptr;
  waiter.granted.store(false, std::memory_order_relaxed);
  waiter.parker.reset();
  (last_ != nullptr ? last_->next : first_) = &waiter;
  last_ = &waiter;
  gil.contended.fetch_add(1, std::memory_order_relaxed);
}

bool QueuedPolicy::take(GilState& gil, Thread& t) {
  Waiter& waiter = t.impl->gil_waiter;
  if (t.impl->queued_policy == nullptr) {
    std::lock_guard<TicketMutex> lock(mutex_);
    if (holder_ == nullptr) {
      begin_hold(gil, t);
      return false;
    }
    enqueue(gil, t);
    if (patience(gil, waiter) == 0) ask(gil);
  }
  t.impl->queued_policy = nullptr;
  for (;;) {
    int64_t patience_ns = patience(gil, waiter);
    waiter.parker.sleep(patience_ns == 0 ? os::kNoDeadline : os::deadline_after(patience_ns));
    if (waiter.granted.load(std::memory_order_acquire)) return true;
    std::lock_guard<TicketMutex> lock(mutex_);
    if (!waiter.granted.load(std::memory_order_relaxed)) ask(gil);
  }
}

void QueuedPolicy::drop(GilState& gil, Thread& t) {
  std::lock_guard<TicketMutex> lock(mutex_);
  t.clear_interrupt(kInterruptDropGil);
  GilWaiter& own = t.impl->gil_waiter;
  own.computed = t.impl->yielding ? own.computed + os::monotonic_ns() - own.hold_since : 0;
  holder_ = nullptr;
  if (first_ == nullptr) return;
  // A thread that wants to go on takes its place in the queue now: who comes later stands behind it, however
  // the system schedules.
  if (t.impl->yielding) {
    enqueue(gil, t);
    t.impl->queued_policy = this;
  }
  Waiter* chosen = choose(gil, first_);
  Waiter* before = nullptr;
  for (Waiter* waiter = first_; waiter != chosen; waiter = waiter->next) before = waiter;
  (before != nullptr ? before->next : first_) = chosen->next;
  if (last_ == chosen) last_ = before;
  Thread& next = *chosen->thread;
  begin_hold(gil, next);
  // SAFETY: the waiter lives in its Thread, which cannot end before it has dropped the lock, and for that it
  // needs our mutex.
  chosen->granted.store(true, std::memory_order_release);
  chosen->parker.wake();
}

void QueuedPolicy::after_fork_child(Thread* holder) {
  new (&mutex_) TicketMutex;
  holder_ = last_holder_ = holder;
  first_ = last_ = nullptr;
  if (holder != nullptr) holder->clear_interrupt(kInterruptDropGil);
}

}  // namespace mp

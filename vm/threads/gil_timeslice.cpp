// CPython's policy since 3.2: a waiter waits one switch interval; if no switch happened meanwhile it asks the
// holder to drop; a holder that was asked waits until another thread has taken the lock (forced switch); a
// voluntary release does not wait; one waiter is woken. The lock is a futex word, so that taking and dropping
// it without a waiter are one atomic operation each.
#include <climits>
#include <mutex>
#include <new>

#include "vm/os/clock.h"
#include "vm/os/futex.h"
#include "vm/os/spin.h"
#include "vm/threads/gil.h"
#include "vm/threads/thread_impl.h"

namespace mp {
namespace {

class TimeslicePolicy final : public GilPolicy {
 public:
  bool take(GilState& gil, Thread& t) override {
    bool contended = !try_take();
    if (contended) {
      // The holder often drops within a microsecond: who woke us is about to wait itself.
      spin_.wait([this] { return word_.load(std::memory_order_relaxed) == kFree; });
      if (!try_take()) wait(gil);
    }
    holder_.store(&t, std::memory_order_release);
    if (last_holder_ != &t) {
      if (last_holder_ != nullptr) gil.switches.fetch_add(1, std::memory_order_relaxed);
      last_holder_ = &t;
      switch_number_.fetch_add(1, std::memory_order_seq_cst);
      if (switch_waiters_.load(std::memory_order_seq_cst) != 0) os::futex_wake(switch_number_, INT_MAX);
    }
    // A request of an earlier hold would make us wait, in drop(), for a taker that does not exist.
    t.clear_interrupt(kInterruptDropGil);
    return contended;
  }

  void drop(GilState&, Thread& t) override {
    bool asked = (t.interrupt_word.load(std::memory_order_relaxed) & kInterruptDropGil) != 0;
    uint32_t number = switch_number_.load(std::memory_order_relaxed);
    release(t);
    if (!asked) return;
    t.clear_interrupt(kInterruptDropGil);
    // Forced switch: the asking thread is awake by now or will be, and takes the lock before we try again.
    // SAFETY: who asks is waiting for the lock and does not give up, so there is a switch.
    switch_waiters_.fetch_add(1, std::memory_order_seq_cst);
    while (switch_number_.load(std::memory_order_seq_cst) == number)
      os::futex_wait(switch_number_, number, os::kNoDeadline);
    switch_waiters_.fetch_sub(1, std::memory_order_relaxed);
  }

  void drop_quietly(GilState&, Thread& t) override {
    t.clear_interrupt(kInterruptDropGil);
    release(t);
  }

  void forget(Thread&) override { std::lock_guard<std::mutex> guard(asking_); }

  void after_fork_child(Thread* holder) override {
    new (&asking_) std::mutex;
    word_.store(holder != nullptr ? kHeld : kFree, std::memory_order_relaxed);
    switch_waiters_.store(0, std::memory_order_relaxed);
    holder_.store(holder, std::memory_order_relaxed);
    last_holder_ = holder;
    if (holder != nullptr) holder->clear_interrupt(kInterruptDropGil);
  }

  bool defers_wakes() const override { return true; }

 private:
  static constexpr uint32_t kFree = 0, kHeld = 1, kHeldWithWaiters = 2;

  bool try_take() {
    uint32_t expected = kFree;
    return word_.compare_exchange_strong(expected, kHeld, std::memory_order_acquire);
  }

  void wait(GilState& gil) {
    gil.contended.fetch_add(1, std::memory_order_relaxed);
    constexpr int64_t kShortest = 1000;  // nanoseconds; CPython's, too, cannot be less than a microsecond
    while (word_.exchange(kHeldWithWaiters, std::memory_order_acquire) != kFree) {
      uint32_t number = switch_number_.load(std::memory_order_relaxed);
      int64_t interval = std::max(gil.interval_ns.load(std::memory_order_relaxed), kShortest);
      os::Deadline deadline = os::deadline_after(interval);
      os::FutexResult result = os::futex_wait(word_, kHeldWithWaiters, deadline);
      if (result == os::FutexResult::TimedOut && switch_number_.load(std::memory_order_relaxed) == number)
        ask(gil);
    }
  }

  void ask(GilState& gil) {
    std::lock_guard<std::mutex> guard(asking_);
    // Acquire: the holder may have been made by a thread with which we share nothing else.
    Thread* holder = holder_.load(std::memory_order_acquire);
    if (holder == nullptr) return;
    // SAFETY: a thread ends after forget(), which waits for us.
    holder->set_interrupt(kInterruptDropGil);
    gil.forced_requests.fetch_add(1, std::memory_order_relaxed);
  }

  void release(Thread& t) {
    holder_.store(nullptr, std::memory_order_relaxed);
    if (word_.exchange(kFree, std::memory_order_release) == kHeldWithWaiters) os::futex_wake(word_, 1);
    t.impl->wakes.flush(t);
  }

  std::atomic<uint32_t> word_{kFree};
  os::AdaptiveSpin spin_;
  std::mutex asking_;  // holder_ lives while it is held
  std::atomic<Thread*> holder_{nullptr};
  Thread* last_holder_ = nullptr;  // written by the holder
  std::atomic<uint32_t> switch_number_{0}, switch_waiters_{0};
};

}  // namespace

std::unique_ptr<GilPolicy> make_timeslice_policy() { return std::make_unique<TimeslicePolicy>(); }

}  // namespace mp

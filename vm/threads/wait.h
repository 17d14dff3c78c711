// The one place that parks a thread. Every primitive (Lock, RLock, Condition, join, sleep, ...) blocks
// through park(), on an address, so that what a thread waits for is always on record. It knows addresses and
// deadlines, nothing of what they protect.
#pragma once
#include "vm/os/clock.h"
#include "vm/os/spin.h"
#include "vm/threads/thread.h"

namespace mp {

enum class WaitKind : uint8_t {
  None,
  Lock,
  RLock,
  Condition,
  Event,
  Semaphore,
  Barrier,
  Queue,      // an item
  QueuePut,   // room for one
  QueueJoin,  // the end of all tasks
  Future,
  Import,
  Join,
  Sleep,
  Child,
  Poll,
  Gil,
  Other
};

// Who holds a lock, and where it was taken. Written by whoever takes and releases the lock; the collector
// traces `code`.
struct LockSite {
  std::atomic<uint64_t> owner{0};  // ident, 0: nobody
  Slot code;                       // CodeObject of the innermost frame, or empty
  std::atomic<uint32_t> word{0};   // where in it
  std::atomic<uint32_t> taken{0};  // how often, by all threads; wraps around
};

// What a thread waits for; read by the deadlock detector and the event trace.
struct WaitRecord {
  std::atomic<WaitKind> kind{WaitKind::None};
  std::atomic<const void*> object{nullptr};
  std::atomic<int64_t> since{0};
  std::atomic<int64_t> deadline{os::kNoDeadline};
  std::atomic<uint64_t> owner{0};              // ident of the thread that can end the wait, 0: unknown
  std::atomic<const LockSite*> site{nullptr};  // of the lock waited for; set by the lock around its wait
};

// A thread's sleeping place. wake() and interrupt() are async-signal-safe.
class Parker {
 public:
  void reset() { word_.store(0, std::memory_order_seq_cst); }
  // Sleeps until woken, interrupted or the deadline.
  void sleep(os::Deadline deadline);
  void sleep_until_woken();  // for one who knows that a waker is on its way
  void wake();
  void interrupt();
  bool woken() const { return (word_.load(std::memory_order_acquire) & kWoken) != 0; }
  bool interrupted() const { return (word_.load(std::memory_order_acquire) & kInterrupted) != 0; }

 private:
  static constexpr uint32_t kWoken = 1, kInterrupted = 2, kSleeping = 4;
  void signal(uint32_t bit);
  std::atomic<uint32_t> word_{0};
  os::AdaptiveSpin spin_;
};

enum class WaitResult : uint8_t {
  Woken,  // by unpark
  TimedOut,
  Interrupted,  // a signal for the main thread, or an exception for this one: handle it (`TRY(t.poll())`) and
                // wait again
  Refused,      // the check said no: nothing was waited for
};

// Called with the address's bucket locked: true to go to sleep.
using WaitCheck = bool (*)(void* context);

// Parks the thread on `address` (which it does not read), detached, until unpark, deadline or a signal.
// `object` is what the record names, where that is not the address.
WaitResult park(Thread& t, const void* address, WaitCheck check, void* context, os::Deadline deadline,
                WaitKind kind, uint64_t owner = 0, const void* object = nullptr);
// Wakes the thread that waits longest on `address`; false when there is none. `t` is the caller, attached:
// while it holds the GIL nobody else could run, so the wake-up may wait until it lets go (DeferredWakes).
bool unpark_one(Thread& t, const void* address);
size_t unpark_all(Thread& t, const void* address);
// Sleeps until the deadline; Interrupted on signals.
WaitResult park_until(Thread& t, os::Deadline deadline);

// Wait morphing for the GIL: threads that were taken out of their queues by a holder of the GIL and are woken
// when it drops it, or by its first poll after a while. Woken at once they would find the GIL taken and go
// to sleep a second time. SAFETY: who was taken out of a queue waits for its wake-up whatever its deadline,
// so the parkers live.
class DeferredWakes {
 public:
  void add(Thread& t, Parker& parker);
  // After the GIL has been dropped.
  void flush(Thread& t) {
    if (count_ != 0) wake_all(t);
  }
  // In a poll, with the GIL held.
  void flush_if_due(Thread& t) {
    if (count_ != 0 && os::monotonic_ns() >= due_) wake_all(t);
  }
  void forget(Thread& t);  // in the child of a fork

 private:
  static constexpr uint32_t kMost = 16;
  void wake_all(Thread& t);
  Parker* parkers_[kMost];
  uint32_t count_ = 0;
  int64_t due_ = 0;
};

void reset_parking_lot_after_fork();
// How often this process was forked off: what the threads of before left in lists is void after a change.
uint32_t fork_generation();

// For how long it pays to stay awake for a lock while its holder runs: learned from this thread's last waits.
struct LockPatience {
  static constexpr int64_t kLeast = 2'000, kMost = 100'000;  // nanoseconds
  int64_t ns = kMost;
  uint32_t waits = 0;
};

// A mutex of one byte on the parking lot; what Lock and RLock stand on. Whoever comes may take it when it is
// free, so that a thread that takes it again and again need not go to sleep in between; but a thread that
// has waited for long is handed it.
class ParkingLock {
 public:
  bool try_lock() {
    uint8_t expected = 0;
    return state_.compare_exchange_strong(expected, kLocked, std::memory_order_acquire);
  }
  // Woken: locked. TimedOut. Interrupted: poll and call again.
  WaitResult lock(Thread& t, os::Deadline deadline, WaitKind kind, uint64_t owner = 0) {
    return try_lock() ? WaitResult::Woken : lock_slow(t, deadline, kind, owner, kLocked);
  }
  // The same for a thread that adopt_waiter() may have moved here: others may have been moved with it.
  WaitResult lock_adopted(Thread& t, WaitKind kind, uint64_t owner = 0) {
    return lock_slow(t, os::kNoDeadline, kind, owner, kLocked | kWaiters);
  }
  // Wait morphing: the thread that waits longest on `address` now waits for this lock, and unlock() wakes it;
  // it is woken at once when the lock is free. False when there is none.
  bool adopt_waiter(Thread& t, const void* address);
  // The state must be locked (by anybody).
  void unlock(Thread& t) {
    uint8_t expected = kLocked;
    if (!state_.compare_exchange_strong(expected, 0, std::memory_order_seq_cst)) [[unlikely]]
      unlock_slow(t);
  }
  bool is_locked() const { return state_.load(std::memory_order_relaxed) != 0; }
  void reset() { state_.store(0, std::memory_order_relaxed); }

 private:
  // kStarved: somebody has waited too long, the next unlock hands it over. kHanded: locked, but whoever was
  // woken last does not know yet that he has it.
  static constexpr uint8_t kLocked = 1, kWaiters = 2, kStarved = 4, kHanded = 8;
  WaitResult lock_slow(Thread& t, os::Deadline deadline, WaitKind kind, uint64_t owner, uint8_t take);
  bool spin(Thread& t, os::Deadline deadline);
  void unlock_slow(Thread& t);
  std::atomic<uint8_t> state_{0};
};

}  // namespace mp

#include "vm/threads/wait.h"
#include "vm/threads/dead_stack.h"

#include <pthread.h>

#include <algorithm>
#include <mutex>
#include <new>
#include <utility>

#include "vm/core/address_hash.h"
#include "vm/core/compiler.h"
#include "vm/gc/heap.h"
#include "vm/gc/idle.h"
#include "vm/os/futex.h"
#include "vm/threads/deadlock.h"
#include "vm/threads/gil.h"
#include "vm/threads/thread_impl.h"
#include "vm/threads/thread_table.h"
#include "vm/types/runtime.h"

namespace mp {

void Parker::sleep(os::Deadline deadline) {
  auto ended = [this] { return word_.load(std::memory_order_acquire) != 0; };
  if (spin_.wait(ended)) return;
  uint32_t expected = 0;
  if (!word_.compare_exchange_strong(expected, kSleeping, std::memory_order_seq_cst)) return;
  while (word_.load(std::memory_order_acquire) == kSleeping) {
    if (os::futex_wait(word_, kSleeping, deadline) == os::FutexResult::TimedOut) return;
  }
}
void Parker::sleep_until_woken() {
  while (!woken()) {
    uint32_t seen = word_.fetch_or(kSleeping, std::memory_order_seq_cst) | kSleeping;
    if ((seen & kWoken) == 0) os::futex_wait(word_, seen, os::kNoDeadline);
  }
}
void Parker::signal(uint32_t bit) {
  // Who has not gone to sleep yet sees the word: no system call.
  // SAFETY: from here the parker may be gone with its thread; the system call takes its address for a number.
  if ((word_.fetch_or(bit, std::memory_order_seq_cst) & kSleeping) != 0) os::futex_wake(word_, 1);
}
void Parker::wake() { signal(kWoken); }
void Parker::interrupt() { signal(kInterrupted); }

namespace {

struct Waiter {
  std::atomic<const void*> address;  // changes under the locks of both buckets
  Parker* parker;
  Waiter* next = nullptr;
  std::atomic<size_t>* blocked =
      nullptr;  // ThreadTable::blocked while this wait, once begun, ends by another thread only
  bool queued = false;
};

// Threads that wait, by a hash of the address. Process-wide, because addresses are: it holds no state of any
// runtime.
struct Bucket {
  std::mutex mutex;
  Waiter* first = nullptr;
  Waiter* last = nullptr;

  void push(Waiter& waiter) {
    waiter.queued = true;
    if (waiter.blocked != nullptr) waiter.blocked->fetch_add(1, std::memory_order_seq_cst);
    (last != nullptr ? last->next : first) = &waiter;
    last = &waiter;
  }
  void remove(Waiter& waiter) {
    Waiter* previous = nullptr;
    for (Waiter* w = first; w != nullptr; previous = w, w = w->next) {
      if (w != &waiter) continue;
      (previous != nullptr ? previous->next : first) = w->next;
      if (last == w) last = previous;
      w->next = nullptr;
      w->queued = false;
      if (w->blocked != nullptr) w->blocked->fetch_sub(1, std::memory_order_seq_cst);
      return;
    }
  }
  Waiter* pop(const void* address) {
    for (Waiter* w = first; w != nullptr; w = w->next) {
      if (w->address.load(std::memory_order_relaxed) != address) continue;
      remove(*w);
      return w;
    }
    return nullptr;
  }
};

constexpr unsigned kBucketBits = 8;
Bucket g_buckets[1 << kBucketBits];

Bucket& bucket_of(const void* address) { return g_buckets[address_bucket<kBucketBits>(address)]; }

constexpr uint32_t kWakingInterrupts = kInterruptSignal;

// Takes the waiter out of the bucket where it is now; false when a waker was faster.
bool withdraw(Waiter& waiter) {
  for (;;) {
    const void* address = waiter.address.load(std::memory_order_relaxed);
    Bucket& now = bucket_of(address);
    std::lock_guard<std::mutex> guard(now.mutex);
    if (waiter.address.load(std::memory_order_relaxed) != address) continue;  // adopted by a lock meanwhile
    if (!waiter.queued) return false;
    now.remove(waiter);
    return true;
  }
}

// A processor that has gone idle takes long to come back: 50 microseconds and more in a virtual machine. Two
// threads that answer each other within a microsecond would pay that at every turn, for each has gone to
// sleep when the other one answers. So now and then (a probe) a wait spins for as long as the last one took,
// and after a success the next ones too, so that the other's probe finds this thread awake; while the answers
// come quickly both go on. Waits that are long by nature, and such as cost little, are left alone.
constexpr int64_t kShortWait = 10'000, kMostToProbe = 200'000;  // nanoseconds
constexpr uint32_t kCredits = 16, kLeastInterval = 8, kMostInterval = 256;

struct LongSpin {
  int64_t last_wait = 0;               // nanoseconds, of the last wait that was not short
  uint32_t credits = 0;                // waits that will spin in any case
  uint32_t waits = 0;                  // since the last probe
  uint32_t interval = kLeastInterval;  // waits from probe to probe
};
// Of the thread of the system, because it is about the processors: it holds no state of any runtime.
thread_local LongSpin tls_long_spin;

// `begin`: when the wait began.
void sleep_adaptively(Parker& parker, int64_t begin, os::Deadline deadline) {
  LongSpin& spin = tls_long_spin;
  bool probe = spin.credits == 0;
  bool spins = !probe || (spin.last_wait != 0 && spin.last_wait <= kMostToProbe &&
                          ++spin.waits % spin.interval == 0 && os::has_several_processors());
  bool met = false;
  if (spins) {
    int64_t end = std::min<int64_t>(begin + std::min(spin.last_wait * 3 / 2, kMostToProbe), deadline);
    while (!(met = parker.woken() || parker.interrupted()) && os::monotonic_ns() < end)
      for (int i = 0; i < 8; ++i) os::cpu_pause();
  }
  if (!met) parker.sleep(deadline);
  int64_t took = os::monotonic_ns() - begin;
  if (took < kShortWait) {
    if (!spins) return;
    spin.credits = kCredits;
    spin.interval = kLeastInterval;
    return;
  }
  spin.last_wait = took;
  if (!spins) return;
  if (probe && met)
    spin.credits = kCredits;
  else if (probe || --spin.credits == 0)
    spin.interval = std::min(spin.interval * 2, kMostInterval);
}

// Why a wait ended before its time: it goes on after a collection.
enum class Pause : uint8_t {
  None,
  Deadlock,  // it was the last thread that could make progress, and did not wait
  Idle,      // it has waited for a while: vm/gc/idle.h
};

WaitResult wait_in_bucket(Thread& t, Bucket& bucket, Waiter& waiter, WaitCheck check, void* context,
                          os::Deadline deadline, os::Deadline idle, Pause* pause) {
  Parker& parker = *waiter.parker;
  const void* address = waiter.address.load(std::memory_order_relaxed);
  parker.reset();
  // SAFETY: the word was reset before the bits are read; a signal that comes now finds the word and wakes us.
  if (t.is_main && (t.interrupt_word.load(std::memory_order_seq_cst) & kWakingInterrupts) != 0)
    return WaitResult::Interrupted;
  {
    std::lock_guard<std::mutex> guard(bucket.mutex);
    if (check != nullptr && !check(context)) return WaitResult::Refused;
    bucket.push(waiter);
  }
  if (waiter.blocked != nullptr && all_threads_blocked(t.runtime()) && withdraw(waiter)) {
    *pause = Pause::Deadlock;
    return WaitResult::Interrupted;
  }
  sleep_adaptively(parker, t.impl->wait.since.load(std::memory_order_relaxed), std::min(deadline, idle));
  // SAFETY: the waker took us out of the queue before it woke us.
  if (parker.woken()) return WaitResult::Woken;
  if (!withdraw(waiter)) {
    parker.sleep_until_woken();
    return WaitResult::Woken;
  }
  if (parker.interrupted()) return WaitResult::Interrupted;
  if (idle >= deadline) return WaitResult::TimedOut;
  // Who was moved to a lock has been notified: it goes on there.
  if (waiter.address.load(std::memory_order_relaxed) != address) return WaitResult::Woken;
  *pause = Pause::Idle;
  return WaitResult::TimedOut;
}

std::atomic<uint32_t> g_forks{0};

MP_NOINLINE WaitResult park_cleanly(Thread& t, const void* address, WaitCheck check, void* context,
                                    os::Deadline deadline, WaitKind kind, uint64_t owner,
                                    const void* object) {
  WaitRecord& record = t.impl->wait;
  WaitResult result;
  record.since.store(os::monotonic_ns(), std::memory_order_relaxed);
  IdleWait idle(t);
  for (bool collected = false;;) {
    record.object.store(object != nullptr ? object : address, std::memory_order_relaxed);
    record.deadline.store(deadline, std::memory_order_relaxed);
    record.owner.store(owner, std::memory_order_relaxed);
    record.kind.store(kind, std::memory_order_release);
    bool for_good = may_block_for_good(t, kind, deadline);
    Waiter waiter{address, &t.impl->parker, nullptr, for_good ? &t.runtime().threads->blocked : nullptr};
    Pause pause = Pause::None;
    {
      BlockingRegion out(t);
      result =
          wait_in_bucket(t, bucket_of(address), waiter, check, context, deadline, idle.deadline(), &pause);
    }
    if (pause == Pause::None) break;
    if (pause == Pause::Idle) {
      record.kind.store(WaitKind::None, std::memory_order_release);
      idle.collect(t);
      continue;
    }
    if (!collected) {
      // What is garbage may wake somebody: a weakref's callback, a __del__.
      collected = true;
      record.kind.store(WaitKind::None, std::memory_order_release);
      t.heap().collect(t);
      t.heap().run_pending_finalizers(t);
      continue;
    }
    if (handle_deadlock(t).ok()) continue;  // a report has been printed, or there was none: it waits again
    t.async_exception = t.take_exception();
    t.set_interrupt(kInterruptAsyncException);
    break;
  }
  record.kind.store(WaitKind::None, std::memory_order_release);
  return result;
}

}  // namespace

WaitResult park(Thread& t, const void* address, WaitCheck check, void* context, os::Deadline deadline,
                WaitKind kind, uint64_t owner, const void* object) {
  // Its frame has room that it does not write: what lies there would keep alive, for the collection before a
  // deadlock is reported, just the object that may wake the thread.
  clear_dead_stack<1024>();
  return park_cleanly(t, address, check, context, deadline, kind, owner, object);
}

// Wakes now, or once the GIL is free.
static void wake_waiter(Thread& t, Parker& parker) {
  if (t.impl->held_policy != nullptr && t.impl->held_policy->defers_wakes())
    t.impl->wakes.add(t, parker);
  else
    parker.wake();
}

bool unpark_one(Thread& t, const void* address) {
  Bucket& bucket = bucket_of(address);
  Waiter* waiter;
  {
    std::lock_guard<std::mutex> guard(bucket.mutex);
    waiter = bucket.pop(address);
  }
  if (waiter == nullptr) return false;
  wake_waiter(t, *waiter->parker);
  return true;
}

size_t unpark_all(Thread& t, const void* address) {
  size_t count = 0;
  while (unpark_one(t, address)) ++count;
  return count;
}

void DeferredWakes::add(Thread& t, Parker& parker) {
  constexpr int64_t kLongest = 50'000;
  if (count_ == kMost) wake_all(t);
  if (count_ == 0) {
    // Whoever is woken waits for the GIL for an interval before it asks: small ones count from now.
    due_ = os::monotonic_ns() +
           std::min(kLongest, t.runtime().gil->interval_ns.load(std::memory_order_relaxed) / 2);
    t.set_interrupt(kInterruptWake);
  }
  parkers_[count_++] = &parker;
}

void DeferredWakes::wake_all(Thread& t) {
  t.clear_interrupt(kInterruptWake);
  uint32_t count = std::exchange(count_, 0);
  for (uint32_t i = 0; i < count; ++i) parkers_[i]->wake();
}

void DeferredWakes::forget(Thread& t) {
  t.clear_interrupt(kInterruptWake);
  count_ = 0;
}

WaitResult park_until(Thread& t, os::Deadline deadline) {
  return park(t, t.impl, nullptr, nullptr, deadline, WaitKind::Sleep);
}

void reset_parking_lot_after_fork() {
  // The other threads are gone and with them their waiters; a lock may have been held in the moment of the
  // fork.
  for (Bucket& bucket : g_buckets) {
    new (&bucket.mutex) std::mutex;
    bucket.first = bucket.last = nullptr;
  }
  g_forks.fetch_add(1, std::memory_order_relaxed);
}
uint32_t fork_generation() { return g_forks.load(std::memory_order_relaxed); }

WaitResult ParkingLock::lock_slow(Thread& t, os::Deadline deadline, WaitKind kind, uint64_t owner,
                                  uint8_t take) {
  constexpr int64_t kStarving = 1'000'000;  // nanoseconds
  bool may_have_it = take != kLocked;
  if (!may_have_it && spin(t, deadline)) return WaitResult::Woken;
  bool was_woken = false;
  int64_t begin = 0;
  for (;;) {
    uint8_t seen = state_.load(std::memory_order_relaxed);
    if (may_have_it && (seen & kHanded) != 0) {
      // Who was woken before the one that it was meant for may be faster: that one waits on.
      if (state_.compare_exchange_weak(seen, seen & ~kHanded, std::memory_order_acquire))
        return WaitResult::Woken;
      continue;
    }
    if (seen == 0) {
      if (state_.compare_exchange_weak(seen, take, std::memory_order_acquire)) return WaitResult::Woken;
      continue;
    }
    if (was_woken && begin == 0) begin = os::monotonic_ns();
    uint8_t wanted = seen | kWaiters;
    if (was_woken && os::monotonic_ns() - begin > kStarving) wanted |= kStarved;
    if (seen != wanted && !state_.compare_exchange_weak(seen, wanted, std::memory_order_relaxed)) continue;
    // From here the flag says that somebody waits, so whoever gives up after being woken leaves it set for
    // the others.
    if (was_woken && deadline != os::kNoDeadline && os::monotonic_ns() >= deadline)
      return WaitResult::TimedOut;
    WaitResult result = park(
        t, this,
        [](void* self) {
          constexpr uint8_t kBoth = kLocked | kWaiters;
          return (static_cast<ParkingLock*>(self)->state_.load(std::memory_order_seq_cst) & kBoth) == kBoth;
        },
        this, deadline, kind, owner);
    take = kLocked | kWaiters;  // others may still wait
    if (result == WaitResult::TimedOut || result == WaitResult::Interrupted) return result;
    was_woken = result == WaitResult::Woken;
    may_have_it |= was_woken;
  }
}

// Without a GIL the holder runs, and most locks are held for less time than going to sleep takes.
bool ParkingLock::spin(Thread& t, os::Deadline deadline) {
  constexpr uint32_t kMostPauses = 256, kProbe = 32;
  constexpr int64_t kLongestNap = 10'000'000;
  if (t.impl->held_policy != nullptr || !os::has_several_processors()) return false;
  StandAside aside(t);
  const LockSite* site = t.impl->wait.site.load(std::memory_order_relaxed);
  if (site != nullptr && (deadline == os::kNoDeadline || deadline - os::monotonic_ns() > kLongestNap))
    t.impl->lock_steps.meet(t, this, site, [](const void* where) {
      return static_cast<const LockSite*>(where)->taken.load(std::memory_order_relaxed);
    });
  LockPatience& patience = t.impl->lock_patience;
  int64_t limit = ++patience.waits % kProbe == 0 ? LockPatience::kMost : patience.ns;  // may have changed
  int64_t end = std::min(os::monotonic_ns() + limit, deadline);
  bool met = false;
  for (uint32_t pauses = 4;; pauses = std::min(pauses * 2, kMostPauses)) {
    for (uint32_t i = 0; i < pauses; ++i) os::cpu_pause();
    met = !is_locked() && try_lock();
    if (met || os::monotonic_ns() >= end || is_urgent(t)) break;
  }
  patience.ns =
      met ? std::min(patience.ns * 2, LockPatience::kMost) : std::max(patience.ns / 2, LockPatience::kLeast);
  return met;
}

void ParkingLock::unlock_slow(Thread& t) {
  uint8_t seen = state_.load(std::memory_order_relaxed);
  for (;;) {
    if ((seen & kStarved) == 0) {
      if (!state_.compare_exchange_weak(seen, 0, std::memory_order_seq_cst)) continue;
      if ((seen & kWaiters) != 0) unpark_one(t, this);
      return;
    }
    if (!state_.compare_exchange_weak(seen, kLocked | kWaiters | kHanded, std::memory_order_seq_cst))
      continue;
    if (unpark_one(t, this)) return;
    // Nobody waits any more: taken back, unless somebody has found it.
    seen = state_.load(std::memory_order_relaxed);
    do {
      if ((seen & kHanded) == 0) return;
    } while (!state_.compare_exchange_weak(seen, seen & ~kHanded, std::memory_order_seq_cst));
    seen = state_.load(std::memory_order_relaxed);
  }
}

bool ParkingLock::adopt_waiter(Thread& t, const void* address) {
  Bucket& from = bucket_of(address);
  Bucket& to = bucket_of(this);
  std::unique_lock<std::mutex> first(&from < &to ? from.mutex : to.mutex);
  std::unique_lock<std::mutex> second;
  if (&from != &to) second = std::unique_lock<std::mutex>(&from < &to ? to.mutex : from.mutex);
  Waiter* waiter = from.pop(address);
  if (waiter == nullptr) return false;
  uint8_t seen = state_.load(std::memory_order_relaxed);
  while (seen == kLocked &&
         !state_.compare_exchange_weak(seen, kLocked | kWaiters, std::memory_order_seq_cst)) {
  }
  if (seen == 0) {
    wake_waiter(t, *waiter->parker);
  } else {
    waiter->address.store(this, std::memory_order_relaxed);
    to.push(*waiter);
  }
  return true;
}

}  // namespace mp

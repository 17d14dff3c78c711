#include "vm/threads/object_lock.h"

#include <sched.h>
#include <time.h>

#include <algorithm>

#include "vm/os/clock.h"
#include "vm/os/process_fence.h"
#include "vm/os/spin.h"
#include "vm/threads/thread_impl.h"
#include "vm/threads/thread_table.h"
#include "vm/types/runtime.h"

namespace mp {

// The byte is held now, but the owner may be changing the object: it looked at the byte before. SAFETY: after
// the fence every thread sees the byte as it is now before it goes on, and what it wrote before is seen here:
// either the owner's second look fails, or its `holding` names the object. A number that no thread uses at
// the moment needs no fence: who gets it next makes itself known first (choose_lock_mode).
void ObjectLock::take_away(Thread& t, Object* object, uint8_t owner_id) {
  constexpr uint32_t kSpins = 1000;
  LockOwner& owner = t.runtime().threads->lock_owners[owner_id];
  if (&owner == t.lock_owner) return;  // its own, while it holds another one
  if (owner.active.load(std::memory_order_seq_cst)) {
    owner.taken_away.fetch_add(1, std::memory_order_relaxed);
    os::process_fence();
  }
  for (uint32_t i = 0; owner.holding.load(std::memory_order_acquire) == object; ++i)
    if (i < kSpins && os::has_several_processors())
      os::cpu_pause();
    else
      sched_yield();
}

// Two threads that change one object all the time slow each other down: at each hand-over its cache lines
// move to the other processor, which takes longer than the change. So who meets the other again and again
// steps back for longer each time (up to some 10 microseconds), and the other one makes many changes
// meanwhile.
void ObjectLock::acquire_slow(Thread& t, Object* object) {
  constexpr uint32_t kMaxLevel = 9;
  constexpr int64_t kAgain = 50'000;  // nanoseconds
  constexpr uint32_t kYields = 4;
  std::atomic<uint8_t>& lock = object->lock_;
  if (uint8_t seen = lock.load(std::memory_order_relaxed);
      seen > kHeld && lock.compare_exchange_strong(seen, kHeld, std::memory_order_seq_cst))
    return take_away(t, object, seen);
  LockPressure& pressure = t.impl->lock_pressure;
  uint32_t level =
      os::monotonic_ns() - pressure.met_at < kAgain ? std::min(pressure.level + 1, kMaxLevel) : 0;
  for (uint32_t round = 0;; ++round) {
    if (os::has_several_processors())
      for (uint32_t i = 0; i < 4u << level; ++i) os::cpu_pause();
    else
      sched_yield();
    uint8_t expected = kFree;
    if (lock.load(std::memory_order_relaxed) == kFree &&
        lock.compare_exchange_strong(expected, kHeld, std::memory_order_acquire))
      break;
    if (level < kMaxLevel) {
      ++level;
    } else if (round < kMaxLevel + kYields) {
      sched_yield();  // the holder may have lost its processor
    } else {
      // It copies or sorts something large.
      timespec nap{0, 50'000};
      nanosleep(&nap, nullptr);
    }
  }
  pressure.level = level;
  pressure.met_at = os::monotonic_ns();
}

}  // namespace mp

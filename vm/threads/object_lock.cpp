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
  owner.streak.store(0, std::memory_order_relaxed);
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

bool ObjectLock::try_byte(Thread& t, Object* object) {
  uint8_t seen = object->lock_.load(std::memory_order_relaxed);
  if (seen == kHeld || !object->lock_.compare_exchange_strong(seen, kHeld, std::memory_order_seq_cst))
    return false;
  if (seen > kHeld && seen < kLastHolder) take_away(t, object, seen);
  return true;
}

uint8_t ObjectLock::acquire(Thread& t, Object* object) {
  static_assert(ThreadTable::kLockOwners <= kLastHolder);
  // Taking an object away costs the next one about as much as so many exchanges.
  constexpr uint32_t kStreak = 4096;
  LockOwner* me = t.lock_owner;
  uint8_t after = me == nullptr ? kFree : static_cast<uint8_t>(kLastHolder + me->number);
  uint8_t seen = object->lock_.load(std::memory_order_relaxed);
  bool may_own = t.lock_owner_id != kNoLockOwner;
  uint8_t owned = may_own ? me->number : after;
  if (seen == after && may_own) {
    uint32_t streak = me->streak.load(std::memory_order_relaxed);
    if (streak < kStreak)
      me->streak.store(streak + 1, std::memory_order_relaxed);
    else
      after = owned;
  } else if (seen == owned) {
    after = owned;  // while it holds another one, the byte says that it is held
  } else if (me != nullptr && (seen == kHeld || seen > kLastHolder)) {
    me->streak.store(0, std::memory_order_relaxed);
  }
  if (!try_byte(t, object)) wait_for_byte(t, object);
  return after;
}

// Two threads that change one object all the time slow each other down: at each hand-over its cache lines
// move to the other processor, which takes longer than the change. So who meets the other again and again
// steps back for longer each time (up to some 10 microseconds), and the other one makes many changes
// meanwhile.
void ObjectLock::wait_for_byte(Thread& t, Object* object) {
  constexpr uint32_t kMaxLevel = 9;
  constexpr int64_t kAgain = 50'000;  // nanoseconds
  constexpr uint32_t kYields = 4;
  LockPressure& pressure = t.impl->lock_pressure;
  uint32_t level =
      os::monotonic_ns() - pressure.met_at < kAgain ? std::min(pressure.level + 1, kMaxLevel) : 0;
  for (uint32_t round = 0;; ++round) {
    if (os::has_several_processors())
      for (uint32_t i = 0; i < 4u << level; ++i) os::cpu_pause();
    else
      sched_yield();
    if (try_byte(t, object)) break;
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

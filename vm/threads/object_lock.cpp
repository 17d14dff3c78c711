#include "vm/threads/object_lock.h"

#include <sched.h>
#include <time.h>

#include "vm/os/process_fence.h"
#include "vm/os/spin.h"
#include "vm/threads/thread_impl.h"
#include "vm/threads/thread_table.h"
#include "vm/types/runtime.h"

namespace mp {

// Before the next look at what another thread holds.
static void pause(uint32_t round) {
  constexpr uint32_t kSpins = 8, kYields = 4;
  if (!os::has_several_processors()) {
    sched_yield();
  } else if (round < kSpins) {
    for (uint32_t i = 0; i < 4u << round; ++i) os::cpu_pause();
  } else if (round < kSpins + kYields) {
    sched_yield();  // the holder may have lost its processor
  } else {
    // It copies or sorts something large.
    timespec nap{0, 50'000};
    nanosleep(&nap, nullptr);
  }
}

// The byte is held now, but the owner may be changing the object: it looked at the byte before. SAFETY: after
// the fence every thread sees the byte as it is now before it goes on, and what it wrote before is seen here:
// either the owner's second look fails, or its `holding` names the object. A number that no thread uses at
// the moment needs no fence: who gets it next makes itself known first (choose_lock_mode).
void ObjectLock::take_away(Thread& t, Object* object, uint8_t owner_id) {
  LockOwner& owner = t.runtime().threads->lock_owners[owner_id];
  if (&owner == t.lock_owner) return;  // its own, while it holds another one
  owner.streak.store(0, std::memory_order_relaxed);
  if (owner.active.load(std::memory_order_seq_cst)) {
    owner.taken_away.fetch_add(1, std::memory_order_relaxed);
    os::process_fence();
  }
  for (uint32_t i = 0; owner.holding.load(std::memory_order_acquire) == object; ++i) pause(i);
}

bool ObjectLock::try_byte(Thread& t, Object* object) {
  uint8_t seen = object->lock_.load(std::memory_order_relaxed);
  if (seen == kHeld || !object->lock_.compare_exchange_strong(seen, kHeld, std::memory_order_seq_cst))
    return false;
  if (seen > kHeld && seen < kLastHolder) take_away(t, object, seen);
  return true;
}

static uint32_t count_locks(const void* owners) {
  uint32_t count = 0;
  for (size_t i = 0; i < ThreadTable::kLockOwners; ++i)
    count += static_cast<const LockOwner*>(owners)[i].locks.load(std::memory_order_relaxed);
  return count;
}

uint8_t ObjectLock::acquire(Thread& t, Object* object) {
  static_assert(ThreadTable::kLockOwners <= kLastHolder);
  // Taking an object away costs the next one about as much as so many exchanges.
  constexpr uint32_t kStreak = 4096;
  constexpr int32_t kEarned = 8;  // that may be taken away once more without counting
  LockOwner* me = t.lock_owner;
  uint8_t after = kFree;
  if (me != nullptr) {
    after = static_cast<uint8_t>(kLastHolder + me->number);
    add_one(me->locks);
    uint8_t seen = object->lock_.load(std::memory_order_relaxed);
    bool may_own = t.lock_owner_id != kNoLockOwner;
    if (seen == kHeld || (seen > kLastHolder && seen != after)) {
      me->streak.store(0, std::memory_order_relaxed);
      // Who holds another object would make others wait.
      if (me->holding.load(std::memory_order_relaxed) == nullptr && os::has_several_processors())
        t.impl->object_steps.meet(t, object, t.runtime().threads->lock_owners.get(), count_locks);
    } else if (may_own && seen == me->number) {
      after = seen;  // while it holds another one, the byte says that it is held
    } else if (may_own && seen == after) {
      if (me->streak.load(std::memory_order_relaxed) < kStreak) {
        add_one(me->streak);
      } else {
        if (me->taken_away.load(std::memory_order_relaxed) > -kEarned)
          me->taken_away.fetch_sub(1, std::memory_order_relaxed);
        after = me->number;
      }
    }
  }
  for (uint32_t round = 0; !try_byte(t, object); ++round) pause(round);
  return after;
}

}  // namespace mp

#include "vm/threads/object_lock.h"

#include <sched.h>
#include <time.h>

#include <algorithm>

#include "vm/os/clock.h"
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

// The byte is held now, but the owner may be changing the object: it looked at the byte before. SAFETY: when
// it has passed it sees the byte as it is now; then it is within no change that it began before, or `holding`
// names the object. It passes soon: at a safepoint, when it detaches, or where it waits attached
// (StandAside). Who waits here stands aside itself, and at mutexes for which threads wait attached no object
// is locked, so that nobody waits for a thread that waits for it. A number that no thread uses at the moment
// is passed over: who gets it next makes itself known first (assign_lock_owner).
void ObjectLock::take_away(Thread& t, Object* object, uint8_t owner_id) {
  ThreadTable& table = *t.runtime().threads;
  LockOwner& owner = table.lock_owners[owner_id];
  if (&owner == t.lock_owner) return;  // its own, while it holds another one
  owner.streak.store(0, std::memory_order_relaxed);
  if (!owner.active.load(std::memory_order_seq_cst)) return;
  constexpr int64_t kMicrosecond = 1'000, kMost = 500;  // the owner may only have lost its processor
  int64_t begin = os::monotonic_ns();
  uint32_t seen = owner.passed.load(std::memory_order_seq_cst);
  auto has_passed = [&] {
    return owner.aside.load(std::memory_order_seq_cst) ||
           owner.passed.load(std::memory_order_seq_cst) != seen;
  };
  // Once is enough: who stood aside may go on at the next look.
  if (!has_passed()) {
    {
      std::lock_guard<std::mutex> guard(table.mutex);
      if (owner.thread == nullptr ||
          owner.thread->impl->state.load(std::memory_order_seq_cst) != ThreadState::Attached)
        return;
      owner.thread->set_interrupt(kInterruptPass);
    }
    for (uint32_t i = 0; !has_passed(); ++i) pause(i);
  }
  int64_t took = std::min((os::monotonic_ns() - begin) / kMicrosecond, kMost);
  owner.taken_away.fetch_add(1 + static_cast<int32_t>(took), std::memory_order_relaxed);
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

static void add_one(std::atomic<uint32_t>& count) {  // that no other thread changes
  count.store(count.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
}

uint8_t ObjectLock::acquire(Thread& t, Object* object) {
  static_assert(ThreadTable::kLockOwners <= kLastHolder);
  // Taking an object away costs the next one about as much as so many exchanges.
  constexpr uint32_t kStreak = 256;
  // Microseconds: what may be taken away once more without counting, at most so much.
  constexpr int32_t kTakingAway = 2, kEarned = 16;
  ThreadTable& table = *t.runtime().threads;
  LockOwner* me = t.lock_owner;
  uint8_t after = kFree, seen = object->lock_.load(std::memory_order_relaxed);
  bool met = false;
  if (me != nullptr) {
    after = static_cast<uint8_t>(kLastHolder + me->number);
    add_one(me->locks);
    bool may_own = t.lock_owner_id != kNoLockOwner;
    if (seen == kHeld || (seen > kLastHolder && seen != after)) {
      me->streak.store(0, std::memory_order_relaxed);
      // Who holds another object would make others wait.
      met = me->holding.load(std::memory_order_relaxed) == nullptr && os::has_several_processors();
    } else if (may_own && seen == me->number) {
      after = seen;  // while it holds another one, the byte says that it is held
    } else if (may_own && seen == after) {
      if (me->streak.load(std::memory_order_relaxed) < kStreak) {
        add_one(me->streak);
      } else {
        table.lock_turns.of(object).owned.store(os::monotonic_ns(), std::memory_order_relaxed);
        if (me->taken_away.load(std::memory_order_relaxed) > -kEarned)
          me->taken_away.fetch_sub(kTakingAway, std::memory_order_relaxed);
        after = me->number;
      }
    }
  }
  if (!met && (seen == kFree || seen >= kLastHolder || seen == after) &&
      object->lock_.compare_exchange_strong(seen, kHeld, std::memory_order_seq_cst))
    return after;
  StandAside aside(t);
  if (met) t.impl->object_steps.meet(t, object, table.lock_owners.get(), count_locks);
  for (uint32_t round = 0; !try_byte(t, object); ++round) pause(round);
  return after;
}

}  // namespace mp

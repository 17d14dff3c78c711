#include "vm/threads/object_lock.h"

#include <sched.h>
#include <time.h>

#include <algorithm>
#include <bit>

#include "vm/os/clock.h"
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
    if (owner.turn.load(std::memory_order_relaxed) != object &&
        owner.earned.load(std::memory_order_relaxed) != object)
      owner.taken_away.fetch_add(1, std::memory_order_relaxed);
    os::process_fence();
  }
  for (uint32_t i = 0; owner.holding.load(std::memory_order_acquire) == reinterpret_cast<uintptr_t>(object);
       ++i)
    pause(i);
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
  LockTurns& turns = t.impl->lock_turns;
  uint8_t after = me == nullptr ? kFree : static_cast<uint8_t>(kLastHolder + me->number);
  bool may_own = t.lock_owner_id != kNoLockOwner;
  uint8_t owned = may_own ? me->number : after;
  ++turns.locks;
  bool my_turn = wait_for_turn(t, object);
  uint8_t seen = object->lock_.load(std::memory_order_relaxed);
  bool met = me != nullptr && (seen == kHeld || (seen > kLastHolder && seen != after));
  if (seen == after && may_own) {
    uint32_t streak = me->streak.load(std::memory_order_relaxed);
    if (streak < kStreak) {
      me->streak.store(streak + 1, std::memory_order_relaxed);
    } else {
      me->earned.store(object, std::memory_order_relaxed);
      after = owned;
    }
  } else if (seen == owned) {
    after = owned;  // while it holds another one, the byte says that it is held
  } else if (met) {
    me->streak.store(0, std::memory_order_relaxed);
  }
  for (uint32_t round = 0; !try_byte(t, object); ++round) {
    pause(round);
    my_turn |= wait_for_turn(t, object);
  }
  if (!may_own) return after;
  if (my_turn)
    my_turn = turns.take(*me);
  else if (met)
    turns.meet(*me, object, seen);
  else
    my_turn = turns.try_alone(*me, object);
  if (!my_turn) return after;
  me->turn.store(object, std::memory_order_relaxed);  // seen by who sees the owned byte: that is a release
  return owned;
}

// Threads that change one object all the time slow each other down: at each change the processor's cache
// lines move from one to the other, some 100 nanoseconds each. They may take turns instead: the one whose
// turn it is owns the object, the other one sleeps for as long as the turn is, and takes it away then. But
// what they do between the changes, only one of them does at a time then. So it is measured which is better:
// how long a lock takes this thread with what comes after it, while it meets others, and for a few locks
// during which the others wait (a trial).

// Counts a turn. False: things may have changed, it is measured again.
bool LockTurns::take(LockOwner& me) {
  constexpr uint32_t kTurns = 64;
  if (++taken < kTurns) return true;
  taken = 0;
  me.turn.store(nullptr, std::memory_order_relaxed);
  return false;
}

// Counts a meeting; a trial begins after so many.
void LockTurns::meet(LockOwner& me, const Object* where, uint8_t seen) {
  constexpr uint32_t kMeetings = 64, kWindows = 3;
  constexpr uint64_t kLongest = kMeetings * 400'000;  // cycles: less often, it hardly matters
  if (object != where) {
    *this = LockTurns{.object = where, .length = length};
    begin = os::cycle_count();
  } else if (trial > 0) {  // somebody did not wait
    end_trial(me, false);
  }
  others |= uint64_t{1} << (seen % ThreadTable::kLockOwners);
  if (++meetings < kMeetings) return;
  uint64_t now = os::cycle_count();
  // Of several times the best one: in the others the thread may have lost its processor.
  if (now - begin < kLongest) {
    together = std::min(together, (now - begin) / locks);
    if (++windows >= kWindows + pause) {
      trial = kWarmUp + kTrialLocks;
      me.turn.store(where, std::memory_order_relaxed);
    }
  }
  meetings = locks = 0;
  begin = now;
}

// Counts a lock of a trial. True: it is over, and turns are better.
bool LockTurns::try_alone(LockOwner& me, const Object* where) {
  if (trial == 0 || object != where) return false;
  if (--trial == kTrialLocks) begin = os::cycle_count();
  if (trial > 0) return false;
  // What a lock of the ordinary kind takes longer than an owned one, in cycles.
  constexpr uint64_t kOrdinary = 64;
  uint64_t alone = (os::cycle_count() - begin) / kTrialLocks;
  alone -= std::min(alone, kOrdinary);
  others &= ~uint64_t{1 << 1};  // seen where the lock was held
  bool better = alone * std::max(std::popcount(others) + 1, 2) < together;
  end_trial(me, better);
  return better;
}

void LockTurns::end_trial(LockOwner& me, bool better) {
  constexpr uint32_t kLongestPause = 1024;
  if (!better) me.turn.store(nullptr, std::memory_order_relaxed);
  pause = better ? 0 : std::min(2 * pause + 1, kLongestPause);
  trial = meetings = locks = windows = 0;
  together = UINT64_MAX;
  others = 0;
  begin = os::cycle_count();
}

// True: the object has another owner whose turn is over. A turn is longer each time, if the object was really
// changed all the time; else it is not worth waiting for, and its lock is an ordinary one again.
bool ObjectLock::wait_for_turn(Thread& t, const Object* object) {
  constexpr uint32_t kFirst = 32, kLongest = 4096;  // microseconds
  constexpr int64_t kMicrosecond = 1000, kTrial = 32 * kMicrosecond;
  constexpr int64_t kLongestNap = 64 * kMicrosecond;  // a stop of the world is not kept waiting for longer
  constexpr int64_t kLongestSpin = 8 * kMicrosecond;
  uint8_t seen = object->lock_.load(std::memory_order_acquire);
  uint8_t owner_id = seen & (kLastHolder - 1);
  if (owner_id <= kHeld || t.lock_owner == nullptr || owner_id == t.lock_owner->number ||
      !is_done(*t.lock_owner))
    return false;
  const LockOwner& owner = t.runtime().threads->lock_owners[owner_id];
  if (owner.turn.load(std::memory_order_relaxed) != object || !os::has_several_processors()) return false;
  uint32_t& length = t.impl->lock_turns.length;
  length = std::clamp(length, kFirst, kLongest);
  const int64_t begin = os::monotonic_ns();
  int64_t now = begin, limit = kTrial;
  bool owned = false;
  for (int64_t nap = kMicrosecond; now - begin < limit; nap = std::min(2 * nap, kLongestNap)) {
    if (nap <= kLongestSpin) {
      for (int64_t until = now + nap; now < until; now = os::monotonic_ns()) os::cpu_pause();
    } else {
      timespec duration{0, static_cast<long>(nap)};
      nanosleep(&duration, nullptr);
      now = os::monotonic_ns();
    }
    if (owner.turn.load(std::memory_order_relaxed) != object || !owner.active.load(std::memory_order_relaxed))
      return false;
    if ((t.interrupt_word.load(std::memory_order_relaxed) & kInterruptStopTheWorld) != 0) return false;
    seen = object->lock_.load(std::memory_order_relaxed);
    if (seen != owner_id) {
      if (owned || (seen != kHeld && seen != kLastHolder + owner_id)) return false;
      continue;  // a trial still
    }
    owned = true;
    limit = length * kMicrosecond;
    if (!is_using(owner, object)) {
      length = 0;
      return false;
    }
  }
  if (owned) length *= 2;
  return owned;
}

// Whether `owner` changes the object again and again: it is seen at it in one of some moments.
bool ObjectLock::is_using(const LockOwner& owner, const Object* object) {
  constexpr uint32_t kMoments = 4, kPauses = 4;
  uintptr_t changed = reinterpret_cast<uintptr_t>(object) | LockOwner::kDone;
  for (uint32_t i = 0; i < kMoments; ++i) {
    if ((owner.holding.load(std::memory_order_relaxed) | LockOwner::kDone) == changed) return true;
    for (uint32_t k = 0; k < kPauses; ++k) os::cpu_pause();
  }
  return false;
}

}  // namespace mp

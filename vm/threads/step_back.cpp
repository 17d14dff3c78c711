#include "vm/threads/step_back.h"

#include <time.h>

#include <algorithm>
#include <atomic>

#include "vm/os/clock.h"
#include "vm/threads/thread_impl.h"
#include "vm/threads/thread_table.h"
#include "vm/types/runtime.h"

namespace mp {

bool is_urgent(const Thread& t) {
  constexpr uint32_t kUrgent = kInterruptStopTheWorld | kInterruptSignal;
  return (t.interrupt_word.load(std::memory_order_relaxed) & kUrgent) != 0;
}

void StepBack::measure(int64_t now, uint32_t count) {
  count_ = count;
  begin_ = now;
  meetings_ = 0;
}

// Nanoseconds for 64 locks since measure().
int64_t StepBack::cost(int64_t now, uint32_t count) const {
  return (now - begin_) * 64 / std::max(count - count_, 1u);
}

static uint64_t name_of(const Thread& t) { return 1 + t.impl->serial % (LockTurns::kNames - 1); }

// The word of a turn, from the low bits: the thread's name, how many turns there were before, the microsecond
// that it ends.
constexpr uint64_t kNobodys = 0, kNumbers = 128;
constexpr int64_t kMicrosecond = 1'000;
static uint64_t make_turn(const Thread& t, uint64_t number, int64_t now) {
  constexpr int64_t kShortest = 150'000, kLongest = 32 * kShortest;  // nanoseconds
  int64_t end = now + std::min(kShortest << std::min<uint64_t>(number, 8), kLongest);
  return (static_cast<uint64_t>(end / kMicrosecond) * kNumbers + number) * LockTurns::kNames + name_of(t);
}
static uint64_t thread_of(uint64_t turn) { return turn % LockTurns::kNames; }
static uint64_t number_of(uint64_t turn) { return turn / LockTurns::kNames % kNumbers; }
static int64_t end_of(uint64_t turn) {
  return static_cast<int64_t>(turn / LockTurns::kNames / kNumbers) * kMicrosecond;
}
static bool replace(LockTurns::Turn& turns, uint64_t turn, uint64_t next) {
  return turns.word.compare_exchange_strong(turn, next, std::memory_order_relaxed);
}

// The time for a lock is the median of some windows without turns: in one somebody may have lost the
// processor, or was elsewhere.
void StepBack::meet(Thread& t, const void* lock, const void* what, Count count) {
  constexpr uint32_t kMeetings = 8;
  constexpr int64_t kWindow = 200'000, kLongest = 10'000'000;  // nanoseconds: less often, it hardly matters
  constexpr int64_t kOver = 1'000'000;                         // nanoseconds after the end of a turn
  if (what_ != what) {
    *this = StepBack{};
    what_ = what;
    measure(os::monotonic_ns(), count(what));
    return;
  }
  LockTurns& table = t.runtime().threads->lock_turns;
  LockTurns::Turn& turns = table.of(lock);
  uint64_t turn = turns.word.load(std::memory_order_relaxed), whose = thread_of(turn);
  bool others = turn != kNobodys && whose != name_of(t);
  if (++meetings_ % kMeetings != 0 && !others) return;
  int64_t now = os::monotonic_ns(), end = end_of(turn);
  if (others && now < end) {
    // Who naps at another lock has no turn at this one.
    if (table.naps[whose].load(std::memory_order_relaxed))
      replace(turns, turn, make_turn(t, number_of(turn), now));
    else
      nap(t, turns, turn, now, count);
    return;
  }
  if (others && now > end + kOver) replace(turns, turn, kNobodys);
  if (meetings_ < kMeetings || now - begin_ < kWindow) return;
  uint32_t taken = count(what);
  if (turn == turn_ && now - begin_ < kLongest) costs_[windows_++ % kWindows] = cost(now, taken);
  turn_ = turn;
  measure(now, taken);
  if (now < end || windows_ < kWindows + turns.pause.load(std::memory_order_relaxed)) return;
  std::ranges::sort(costs_);
  turns.together.store(costs_[kWindows / 2], std::memory_order_relaxed);
  replace(turns, turn, make_turn(t, 0, now));
  windows_ = 0;
}

// The thread that wakes first begins the next turn; it is late by what the system takes, and the lock is in
// use till then. Turns get longer as long as they pay; after a while both ways are measured again.
void StepBack::nap(Thread& t, LockTurns::Turn& turns, uint64_t turn, int64_t now, Count count) {
  constexpr uint32_t kTurns = 64, kLongestPause = 255;
  constexpr int64_t kLeast = 75'000;   // nanoseconds that tell something
  constexpr timespec kNap{0, 50'000};  // it takes some 100 microseconds more
  measure(now, count(what_));
  int64_t end = end_of(turn);
  std::atomic<bool>& naps = t.runtime().threads->lock_turns.naps[name_of(t)];
  naps.store(true, std::memory_order_relaxed);
  for (; now < end && !is_urgent(t); now = os::monotonic_ns()) nanosleep(&kNap, nullptr);
  naps.store(false, std::memory_order_relaxed);
  uint32_t taken = count(what_);
  bool tells = now >= end && end - begin_ > kLeast;
  int64_t together = turns.together.load(std::memory_order_relaxed);
  int64_t owned = turns.owned.load(std::memory_order_relaxed);
  bool better = cost(owned > begin_ ? std::min(owned, now) : now, taken) < together - together / 8;
  measure(now, taken);
  windows_ = 0;
  uint32_t pause = turns.pause.load(std::memory_order_relaxed);
  if (tells && better) turns.pause.store(0, std::memory_order_relaxed);
  if (tells && !better) {
    if (replace(turns, turn, kNobodys))
      turns.pause.store(std::min(pause * 4 + 3, kLongestPause), std::memory_order_relaxed);
  } else if (number_of(turn) == kTurns) {
    replace(turns, turn, kNobodys);
  } else if (now >= end) {
    replace(turns, turn, make_turn(t, number_of(turn) + 1, now));
  }
}

}  // namespace mp

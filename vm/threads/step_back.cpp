#include "vm/threads/step_back.h"

#include <time.h>

#include <algorithm>

#include "vm/os/clock.h"
#include "vm/threads/thread.h"

namespace mp {

bool is_urgent(const Thread& t) {
  constexpr uint32_t kUrgent = kInterruptStopTheWorld | kInterruptSignal;
  return (t.interrupt_word.load(std::memory_order_relaxed) & kUrgent) != 0;
}

void StepBack::measure(int64_t now, LockCount count) {
  count_ = count;
  begin_ = now;
  meetings_ = 0;
}

// Nanoseconds for 64 locks since measure().
int64_t StepBack::cost(int64_t now, LockCount count) const {
  return (now - begin_) * 64 / std::max(count.locks - count_.locks, 1u);
}

// The time for a lock is the best one of some windows: in the others somebody may have lost the processor.
// Naps get longer as long as they are better; after a while both ways are measured again.
void StepBack::meet(Thread& t, const void* what, Count count) {
  constexpr uint32_t kMeetings = 64, kWindows = 3, kMostNaps = 16, kTimes = 64, kLongestPause = 1024;
  constexpr int64_t kLongest = kMeetings * 200'000;  // nanoseconds: less often, it hardly matters
  constexpr timespec kNap{0, 50'000};                // it takes some 100 microseconds more
  if (what_ != what) {
    *this = StepBack{};
    what_ = what;
    measure(os::monotonic_ns(), count(what));
    return;
  }
  if (naps_ == 0 && ++meetings_ < kMeetings) return;
  int64_t now = os::monotonic_ns();
  if (now < awake_until_) return;
  LockCount taken = count(what);
  if (naps_ == 0) {
    if (now - begin_ < kLongest && taken.streaks == count_.streaks) {
      together_ = std::min(together_, cost(now, taken));
      ++windows_;
    }
    measure(now, taken);
    if (windows_ < kWindows + pause_) return;
    naps_ = 1;
  }
  measure(now, taken);
  for (uint32_t i = 0; i < naps_ && !is_urgent(t); ++i) nanosleep(&kNap, nullptr);
  now = os::monotonic_ns();
  taken = count(what);
  awake_until_ = now + (now - begin_);
  naps_ = std::min(naps_ * 2, kMostNaps);
  bool better = taken.streaks != count_.streaks || cost(now, taken) < together_;
  measure(now, taken);
  if (better && ++times_ < kTimes) return;
  pause_ = better ? 0 : std::min(pause_ * 2 + 1, kLongestPause);
  naps_ = times_ = windows_ = 0;
  together_ = INT64_MAX;
}

}  // namespace mp

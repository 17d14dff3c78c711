// Threads that do little but take a lock slow each other down: at each hand-over the processors' cache lines
// move from one to the other, some 100 nanoseconds each. If one takes a nap the others take the lock many
// times meanwhile. When they work long between two locks, who naps only loses time. So it is measured, now
// and then, whether locks are taken more often while this thread naps than while all are awake.
#pragma once
#include <cstdint>

namespace mp {

class Thread;

// How often all threads together have taken what is measured, and how often one took it so often that it is
// not counted any more. Both wrap around.
struct LockCount {
  uint32_t locks, streaks;
};

class StepBack {
 public:
  using Count = LockCount (*)(const void* what);

  // This thread has met another one at a lock. It may sleep, for up to 3 milliseconds; a stop of the world or
  // a signal ends that.
  void meet(Thread& t, const void* what, Count count);

 private:
  void measure(int64_t now, LockCount count);
  int64_t cost(int64_t now, LockCount count) const;

  const void* what_ = nullptr;
  LockCount count_{};             // when the window began
  uint32_t meetings_ = 0;         // in this window
  int64_t begin_ = 0;             // of the window, nanoseconds
  int64_t together_ = INT64_MAX;  // nanoseconds for 64 locks in the best window while all are awake
  uint32_t windows_ = 0;          // of these, so far
  uint32_t pause_ = 0;            // windows more before the next nap is tried
  uint32_t naps_ = 0;             // at the next meeting; 0: it stays awake
  uint32_t times_ = 0;            // it took naps
  int64_t awake_until_ = 0;       // after naps it stays awake for as long
};

// Signals and stops wait for a thread that is attached.
bool is_urgent(const Thread& t);

}  // namespace mp

// Collecting while a thread waits. Without reference counts a socket or pipe that nobody holds any more stays
// open until a collection, and the one at its other end may wait for that: so a thread that has waited for a
// while collects, as long as there are such files. It knows neither waits nor files.
#pragma once
#include <ctime>

#include "vm/os/clock.h"
#include "vm/threads/thread.h"

namespace mp {

// A pipe or socket was opened, or closed: what another one may wait for.
void note_opened(Thread& t);
void note_closed(Thread& t);
// Whether a collection may bring what this thread is about to wait for. Others are spared the question: where
// the main thread waits, it collects for them.
bool may_wait_for_garbage(Thread& t);

// One wait. It is interrupted after a tenth of a second, then each time after twice as long, so that what is
// dropped meanwhile is found; and never for more than a small share of the time.
class IdleWait {
 public:
  explicit IdleWait(Thread& t);
  bool armed() const { return interval_ != 0; }
  // When the wait that goes on now is to be interrupted; kNoDeadline when it is not armed.
  os::Deadline deadline();
  // The same as a time from now, without a look at the clock. It must be armed.
  timespec interval() const { return {interval_ / os::kNanosPerSecond, interval_ % os::kNanosPerSecond}; }
  // At a safepoint, when the time has passed. Runs script code: t.poll() follows, for what that was to raise.
  void collect(Thread& t);

 private:
  void arm(Thread& t);
  int64_t step_, interval_ = 0;  // nanoseconds
  os::Deadline deadline_ = os::kNoDeadline;
  size_t collections_ = 0;
};

}  // namespace mp

#include "vm/os/clock.h"

#include <ctime>

namespace mp::os {

static int64_t read_clock(clockid_t id) {
  timespec now;
  clock_gettime(id, &now);
  return int64_t{now.tv_sec} * kNanosPerSecond + now.tv_nsec;
}

int64_t monotonic_ns() { return read_clock(CLOCK_MONOTONIC); }
int64_t realtime_ns() { return read_clock(CLOCK_REALTIME); }
int64_t process_cpu_ns() { return read_clock(CLOCK_PROCESS_CPUTIME_ID); }
int64_t thread_cpu_ns() { return read_clock(CLOCK_THREAD_CPUTIME_ID); }

ClockInfo clock_info(Clock clock) {
  clockid_t id = CLOCK_MONOTONIC;
  ClockInfo info{"clock_gettime(CLOCK_MONOTONIC)", 0, true, false};
  if (clock == Clock::Realtime) {
    id = CLOCK_REALTIME;
    info = {"clock_gettime(CLOCK_REALTIME)", 0, false, true};
  } else if (clock == Clock::ProcessCpu) {
    id = CLOCK_PROCESS_CPUTIME_ID;
    info = {"clock_gettime(CLOCK_PROCESS_CPUTIME_ID)", 0, true, false};
  } else if (clock == Clock::ThreadCpu) {
    id = CLOCK_THREAD_CPUTIME_ID;
    info = {"clock_gettime(CLOCK_THREAD_CPUTIME_ID)", 0, true, false};
  }
  timespec resolution{};
  info.resolution = clock_getres(id, &resolution) == 0 ? static_cast<double>(resolution.tv_sec) +
                                                             static_cast<double>(resolution.tv_nsec) * 1e-9
                                                       : 1e-9;
  return info;
}

Deadline deadline_after(int64_t timeout_ns) {
  int64_t result;
  if (__builtin_add_overflow(monotonic_ns(), timeout_ns, &result)) return kNoDeadline;
  return result;
}

}  // namespace mp::os

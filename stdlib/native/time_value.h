// Seconds as Python objects to nanoseconds, with CPython's errors. Shared by time, _thread, select, signal
// and queue.
#pragma once
#include <sys/time.h>

#include "vm/os/clock.h"
#include "vm/types/number.h"

namespace mp {

enum class TimeRounding : uint8_t { Floor, Ceiling, HalfEven, Up };

// int or float seconds. ValueError for NaN, OverflowError when out of range, TypeError for other types.
Result<int64_t> time_from_seconds(Thread& t, Value seconds, TimeRounding rounding);
Result<int64_t> time_from_milliseconds(Thread& t, Value milliseconds, TimeRounding rounding);
// A timeout argument: None gives kNoDeadline (as a duration: INT64_MAX), negative numbers are returned as
// they are.
inline constexpr int64_t kForever = INT64_MAX;
// threading's upper bound in seconds (TIMEOUT_MAX).
inline constexpr double kTimeoutMax = 9223372036.0;
inline os::Deadline deadline_from_timeout(int64_t timeout_ns) {
  return timeout_ns == kForever ? os::kNoDeadline : os::deadline_after(timeout_ns);
}

// Divided, as in CPython: 50,000 microseconds are 0.05.
inline double seconds_from_timeval(const timeval& v) {
  return static_cast<double>(v.tv_sec) + static_cast<double>(v.tv_usec) / 1e6;
}

}  // namespace mp

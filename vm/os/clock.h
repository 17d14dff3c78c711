// The one clock: nanoseconds of the system's clocks. It knows nothing of minipy.
#pragma once
#include <cstdint>

namespace mp::os {

inline constexpr int64_t kNanosPerSecond = 1000000000;

int64_t monotonic_ns();
int64_t realtime_ns();
int64_t process_cpu_ns();
int64_t thread_cpu_ns();
// Name and resolution (seconds) as time.get_clock_info shows them.
struct ClockInfo {
  const char* implementation;
  double resolution;
  bool monotonic;
  bool adjustable;
};
enum class Clock : uint8_t { Monotonic, Realtime, ProcessCpu, ThreadCpu };
ClockInfo clock_info(Clock clock);

// A point of the monotonic clock, or "never".
using Deadline = int64_t;
inline constexpr Deadline kNoDeadline = INT64_MAX;
// now + timeout, saturating.
Deadline deadline_after(int64_t timeout_ns);

}  // namespace mp::os

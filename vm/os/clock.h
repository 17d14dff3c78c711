// The one clock: nanoseconds of the system's clocks. It knows nothing of minipy.
#pragma once
#include <cstdint>

namespace mp::os {

inline constexpr int64_t kNanosPerSecond = 1000000000;

int64_t monotonic_ns();
// The processor's own counter, at a constant rate of its own: for shares of times.
inline uint64_t cycle_count() {
#if defined(__x86_64__)
  return __builtin_ia32_rdtsc();
#elif defined(__aarch64__)
  uint64_t count;
  asm volatile("mrs %0, cntvct_el0" : "=r"(count));
  return count;
#else
  return static_cast<uint64_t>(monotonic_ns());
#endif
}
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

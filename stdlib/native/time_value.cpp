#include "stdlib/native/time_value.h"

#include <cmath>

namespace mp {

static double round_time(double x, TimeRounding rounding) {
  switch (rounding) {
    case TimeRounding::Floor: return std::floor(x);
    case TimeRounding::Ceiling: return std::ceil(x);
    case TimeRounding::Up: return x >= 0 ? std::ceil(x) : std::floor(x);
    case TimeRounding::HalfEven: return std::nearbyint(x);
  }
  return x;
}

static Error too_large(Thread& t) {
  return t.raise(Exc::OverflowError, "timestamp too large to convert to C PyTime_t");
}

Result<int64_t> time_from_seconds(Thread& t, Value seconds, TimeRounding rounding) {
  if (is_float(seconds)) {
    double d = float_value(seconds);
    if (std::isnan(d)) return t.raise(Exc::ValueError, "Invalid value NaN (not a number)");
    d = round_time(d * 1e9, rounding);
    if (!(d >= -9223372036854775808.0 && d < 9223372036854775808.0)) return too_large(t);
    return static_cast<int64_t>(d);
  }
  Value index = TRY(to_index(t, seconds));
  int64_t whole, nanoseconds;
  if (!int_to_int64(index, &whole) || __builtin_mul_overflow(whole, os::kNanosPerSecond, &nanoseconds))
    return too_large(t);
  return nanoseconds;
}

}  // namespace mp

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

static Result<int64_t> time_from_units(Thread& t, Value units, int64_t unit, TimeRounding rounding) {
  if (is_float(units)) {
    double d = float_value(units);
    if (std::isnan(d)) return t.raise(Exc::ValueError, "Invalid value NaN (not a number)");
    d = round_time(d * static_cast<double>(unit), rounding);
    if (!(d >= -9223372036854775808.0 && d < 9223372036854775808.0))
      return t.raise(Exc::OverflowError, "timestamp out of range for platform time_t");
    return static_cast<int64_t>(d);
  }
  Value index = TRY(to_index(t, units));
  int64_t whole, nanoseconds;
  if (!int_to_int64(index, &whole) || __builtin_mul_overflow(whole, unit, &nanoseconds))
    return t.raise(Exc::OverflowError, "timestamp too large to convert to C PyTime_t");
  return nanoseconds;
}

Result<int64_t> time_from_seconds(Thread& t, Value seconds, TimeRounding rounding) {
  return time_from_units(t, seconds, os::kNanosPerSecond, rounding);
}
Result<int64_t> time_from_milliseconds(Thread& t, Value milliseconds, TimeRounding rounding) {
  return time_from_units(t, milliseconds, 1000000, rounding);
}

}  // namespace mp

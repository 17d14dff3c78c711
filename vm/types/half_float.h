// IEEE 754 binary16 ('e' of the struct module) to and from double.
#pragma once
#include <bit>
#include <cmath>
#include <cstdint>

namespace mp {

inline double half_to_double(uint16_t half) {
  int exponent = half >> 10 & 31;
  double mantissa = half & 1023;
  double value;
  if (exponent == 31)
    value = mantissa == 0 ? HUGE_VAL : std::nan("");
  else if (exponent == 0)
    value = std::ldexp(mantissa, -24);
  else
    value = std::ldexp(mantissa + 1024, exponent - 25);
  return (half & 0x8000) != 0 ? -value : value;
}

// Rounds half to even; false when the value is finite but too large.
inline bool double_to_half(double value, uint16_t* out) {
  uint16_t sign = std::signbit(value) ? 0x8000 : 0;
  if (std::isnan(value)) {
    *out = sign | 0x7e00;
    return true;
  }
  value = std::fabs(value);
  if (std::isinf(value)) {
    *out = sign | 0x7c00;
    return true;
  }
  int exponent;
  std::frexp(value, &exponent);  // value = f * 2^exponent, 0.5 <= f < 1
  if (value == 0) {
    *out = sign;
    return true;
  }
  int shift = exponent < -13 ? -24 : exponent - 11;  // the weight of the last bit
  double scaled = std::nearbyint(std::ldexp(value, -shift));
  auto bits = static_cast<uint32_t>(scaled);
  if (exponent < -13) {  // subnormal; a carry into 1024 is the smallest normal, by construction
    *out = static_cast<uint16_t>(sign | bits);
    return true;
  }
  uint32_t biased = static_cast<uint32_t>(exponent + 14);
  if (bits == 2048) {
    bits = 1024;
    ++biased;
  }
  if (biased >= 31) return false;
  *out = static_cast<uint16_t>(sign | biased << 10 | (bits - 1024));
  return true;
}

}  // namespace mp

// The same arithmetic for coefficients that fit in 128 bits. Each function does the usual case, in which
// nothing is special and the exponents are far from the limits of the context, or returns false:
// decimal_number.h then does all cases.
#pragma once
#include "stdlib/native/decimal_number.h"

namespace mp::decimal {

inline constexpr int kSmallDigits = 38;

struct Small {
  Wide coefficient;
  int64_t exponent;
  int digits;
  bool negative;
};

using SmallBinary = bool(Small& r, const Small& a, const Small& b, const Rules& rules, uint32_t& status);
SmallBinary add_small, subtract_small, multiply_small, divide_small, quantize_small, power_small;
// The integer part of a / b and, where it is asked for, what remains.
bool divide_integer_small(Small& quotient, Small* rest, const Small& a, const Small& b, const Rules& rules,
                          uint32_t& status);
// Rounds r to the precision; `sticky`: there was more behind its last place.
bool finish_small(Small& r, bool sticky, const Rules& rules, uint32_t& status);
bool compare_small(const Small& a, const Small& b, int* order);
// Digits of a number below 10^38 at the end of `end`; the first one.
char* write_digits(char* end, Wide n);
bool small_from_ascii(Small& r, std::string_view text);

}  // namespace mp::decimal

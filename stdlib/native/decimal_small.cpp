#include "stdlib/native/decimal_small.h"

namespace mp::decimal {

namespace {

// n / d for any n.
Wide divide_wide(Wide n, const Divisor& d, uint64_t* remainder) {
  auto high = static_cast<uint64_t>(n >> 64);
  uint64_t top = 0, rest = 0;
  if (high != 0) top = d.divide(high, &rest);
  return static_cast<Wide>(top) << 64 |
         d.divide(static_cast<Wide>(rest) << 64 | static_cast<uint64_t>(n), remainder);
}

// n / 10^places and what is lost, as Words::shift_right says it.
Wide cut(Wide n, int64_t places, bool sticky, int* lost) {
  if (places > kSmallDigits) {
    *lost = n != 0 || sticky ? 1 : 0;
    return 0;
  }
  uint64_t rest, low = 0;
  int first = static_cast<int>(places), second = 0;
  if (first > 19) {
    second = first - 19;
    n = divide_wide(n, kDivisors[second], &low);
    first = 19;
  }
  n = divide_wide(n, kDivisors[first], &rest);
  uint64_t half = kPowers[first] / 2;
  bool more = sticky || low != 0;
  *lost = rest > half || (rest == half && more) ? 6 : rest == half ? 5 : rest != 0 || more ? 1 : 0;
  return n;
}

bool rounds_up(const Small& a, int lost, Rounding rounding) {
  switch (rounding) {
    case Rounding::Up: return lost != 0;
    case Rounding::Down: return false;
    case Rounding::Ceiling: return lost != 0 && !a.negative;
    case Rounding::Floor: return lost != 0 && a.negative;
    case Rounding::HalfUp: return lost >= 5;
    case Rounding::HalfDown: return lost > 5;
    case Rounding::HalfEven: return lost > 5 || (lost == 5 && (a.coefficient & 1) != 0);
    case Rounding::ZeroFiveUp: return lost != 0 && static_cast<uint64_t>(a.coefficient % 5) == 0;
  }
  return false;
}

}  // namespace

bool finish_small(Small& r, bool sticky, const Rules& rules, uint32_t& status) {
  if (rules.clamp) return false;
  if (r.coefficient == 0) {
    r.digits = 1;
    return !sticky && r.exponent >= rules.etiny() && r.exponent <= rules.emax;
  }
  r.digits = digit_count(r.coefficient);
  int64_t adjusted = r.exponent + r.digits - 1, places = r.digits - rules.prec;
  // One below the limit, for it may be rounded up.
  if (adjusted >= rules.emax || adjusted < rules.emin) return false;
  if (places <= 0) return !sticky && r.digits <= kSmallDigits;
  int lost;
  r.coefficient = cut(r.coefficient, places, sticky, &lost);
  r.exponent += places;
  r.digits = static_cast<int>(rules.prec);
  if (rounds_up(r, lost, rules.rounding) && ++r.coefficient == wide_power(r.digits)) {
    r.coefficient /= 10;
    ++r.exponent;
  }
  status |= lost != 0 ? kRounded | kInexact : kRounded;
  return true;
}

namespace {

bool align(const Small& a, const Small& b, Wide* x, Wide* y) {
  *x = a.coefficient;
  *y = b.coefficient;
  if (a.exponent == b.exponent) return true;
  int64_t places = a.exponent - b.exponent;
  if (places > 0) {
    if (places + a.digits > kSmallDigits) return false;
    *x *= wide_power(static_cast<int>(places));
  } else {
    if (b.digits - places > kSmallDigits) return false;
    *y *= wide_power(static_cast<int>(-places));
  }
  return true;
}

// The same where the places are too far apart for one number. What is behind the last of 37 digits only says
// that there is something, for more digits than the precision are left.
bool add_apart(Small& r, const Small& high, bool high_negative, const Small& low, bool low_negative,
               const Rules& rules, uint32_t& status) {
  int places = kSmallDigits - 1 - high.digits;
  if (places < 0 || high.coefficient == 0) return false;
  Wide x = high.coefficient * wide_power(places);
  r.exponent = high.exponent - places;
  int lost;
  Wide y = cut(low.coefficient, r.exponent - low.exponent, false, &lost);
  if (high_negative == low_negative) {
    r.coefficient = x + y;
    r.negative = high_negative;
  } else if (x > y) {
    r.coefficient = x - y - (lost != 0 ? 1 : 0);
    r.negative = high_negative;
  } else {
    r.coefficient = y - x;
    r.negative = low_negative;
  }
  // With as few digits as the precision, places that were cut would show.
  if (rules.prec >= kSmallDigits || r.coefficient < wide_power(static_cast<int>(rules.prec))) return false;
  return finish_small(r, lost != 0, rules, status);
}

bool add_signed(Small& r, const Small& a, const Small& b, bool b_negative, const Rules& rules,
                uint32_t& status) {
  Wide x, y;
  if (!align(a, b, &x, &y))
    return a.exponent > b.exponent ? add_apart(r, a, a.negative, b, b_negative, rules, status)
                                   : add_apart(r, b, b_negative, a, a.negative, rules, status);
  r.exponent = a.exponent < b.exponent ? a.exponent : b.exponent;
  if (a.negative == b_negative) {
    r.coefficient = x + y;
    r.negative = a.negative;
  } else if (x == y) {
    r.coefficient = 0;
    r.negative = rules.rounding == Rounding::Floor;
  } else {
    r.coefficient = x > y ? x - y : y - x;
    r.negative = x > y ? a.negative : b_negative;
  }
  return finish_small(r, false, rules, status);
}

}  // namespace

bool add_small(Small& r, const Small& a, const Small& b, const Rules& rules, uint32_t& status) {
  return add_signed(r, a, b, b.negative, rules, status);
}
bool subtract_small(Small& r, const Small& a, const Small& b, const Rules& rules, uint32_t& status) {
  return add_signed(r, a, b, !b.negative, rules, status);
}

namespace {
bool is_power_of_ten(const Small& a) { return a.coefficient == wide_power(a.digits - 1); }

// The product as four limbs.
void multiply_wide(uint64_t* limbs, Wide a, Wide b) {
  auto a0 = static_cast<uint64_t>(a), a1 = static_cast<uint64_t>(a >> 64);
  auto b0 = static_cast<uint64_t>(b), b1 = static_cast<uint64_t>(b >> 64);
  Wide low = static_cast<Wide>(a0) * b0, middle = static_cast<Wide>(a0) * b1,
       other = static_cast<Wide>(a1) * b0;
  Wide sum = (low >> 64) + static_cast<uint64_t>(middle) + static_cast<uint64_t>(other);
  Wide high = static_cast<Wide>(a1) * b1 + (middle >> 64) + (other >> 64) + (sum >> 64);
  limbs[0] = static_cast<uint64_t>(low);
  limbs[1] = static_cast<uint64_t>(sum);
  limbs[2] = static_cast<uint64_t>(high);
  limbs[3] = static_cast<uint64_t>(high >> 64);
}
}  // namespace

bool multiply_small(Small& r, const Small& a, const Small& b, const Rules& rules, uint32_t& status) {
  r.negative = a.negative != b.negative;
  r.exponent = a.exponent + b.exponent;
  int digits = a.digits + b.digits;
  if (digits <= kSmallDigits || (a.coefficient >> 64 == 0 && b.coefficient >> 64 == 0) ||
      a.coefficient == 0 || b.coefficient == 0) {
    r.coefficient = a.coefficient * b.coefficient;
    return finish_small(r, false, rules, status);
  }
  // The product is cut to 38 digits; one of them at least must be lost.
  if (rules.prec > kSmallDigits - 2) return false;
  uint64_t limbs[4];
  multiply_wide(limbs, a.coefficient, b.coefficient);
  int places = digits - kSmallDigits;
  r.exponent += places;
  bool sticky = false;
  while (places > 0) {
    int step = places < 19 ? places : 19;
    uint64_t rest = 0;
    for (int i = limbs[3] != 0 ? 3 : 2; i >= 0; --i)
      limbs[i] = kDivisors[step].divide(static_cast<Wide>(rest) << 64 | limbs[i], &rest);
    sticky = sticky || rest != 0;
    places -= step;
  }
  r.coefficient = static_cast<Wide>(limbs[1]) << 64 | limbs[0];
  return finish_small(r, sticky, rules, status);
}

bool divide_small(Small& r, const Small& a, const Small& b, const Rules& rules, uint32_t& status) {
  if (a.coefficient == 0 || b.coefficient == 0) return false;
  int64_t places = b.digits - a.digits + rules.prec + 1;
  if (places < 0 || places > kSmallDigits || rules.prec > kSmallDigits - 3) return false;
  Wide factor = wide_power(static_cast<int>(places));
  bool exact;
  if (b.coefficient >> 64 == 0 && places <= kSmallDigits - a.digits) {
    uint64_t rest;
    r.coefficient = divide_wide(a.coefficient * factor, Divisor(static_cast<uint64_t>(b.coefficient)), &rest);
    exact = rest == 0;
  } else {
    mp_limb_t dividend[4],
        quotient[4] = {}, rest[2],
        divisor[2] = {static_cast<mp_limb_t>(b.coefficient), static_cast<mp_limb_t>(b.coefficient >> 64)};
    multiply_wide(dividend, a.coefficient, factor);
    mp_size_t size = dividend[3] != 0 ? 4 : dividend[2] != 0 ? 3 : 2, by = divisor[1] != 0 ? 2 : 1;
    mpn_tdiv_qr(quotient, rest, 0, dividend, size, divisor, by);
    r.coefficient = static_cast<Wide>(quotient[1]) << 64 | quotient[0];
    exact = mpn_zero_p(rest, by) != 0;
  }
  r.exponent = a.exponent - b.exponent - places;
  r.negative = a.negative != b.negative;
  // As few zeros as the ideal exponent leaves.
  for (int zeros = 16; exact && zeros > 0; zeros = zeros == 1 ? 0 : zeros / 4) {
    while (places >= zeros) {
      uint64_t tail;
      Wide shorter = divide_wide(r.coefficient, kDivisors[zeros], &tail);
      if (tail != 0) break;
      r.coefficient = shorter;
      r.exponent += zeros;
      places -= zeros;
    }
  }
  // The quotient has more digits than the precision if it is not exact: what is behind them is lost with
  // these.
  return finish_small(r, !exact, rules, status);
}

bool divide_integer_small(Small& quotient, Small* rest, const Small& a, const Small& b, const Rules& rules,
                          uint32_t& status) {
  Wide x, y;
  if (b.coefficient == 0 || !align(a, b, &x, &y)) return false;
  uint32_t conditions = 0;
  quotient = {x >> 64 == 0 && y >> 64 == 0 ? static_cast<uint64_t>(x) / static_cast<uint64_t>(y) : x / y, 0,
              0, a.negative != b.negative};
  if (digit_count(quotient.coefficient) > rules.prec) return false;
  if (rest != nullptr) {
    *rest = {x - quotient.coefficient * y, a.exponent < b.exponent ? a.exponent : b.exponent, 0, a.negative};
    if (!finish_small(*rest, false, rules, conditions)) return false;
  }
  if (!finish_small(quotient, false, rules, conditions)) return false;
  status |= conditions;
  return true;
}

bool power_small(Small& r, const Small& a, const Small& b, const Rules& rules, uint32_t& status) {
  // The squarings of power_integer() in decimal_power.cpp, with its precision. What is 0 or 1 has rules of
  // its own.
  if (b.negative || b.exponent != 0 || b.coefficient == 0 || b.digits > 4) return false;
  if (a.coefficient == 0 || is_power_of_ten(a)) return false;
  Rules work = rules;
  work.prec += b.digits + 2;
  work.rounding = Rounding::HalfEven;
  auto n = static_cast<uint32_t>(b.coefficient);
  uint32_t conditions = 0;
  Small product;
  r = a;
  for (uint32_t bit = 1u << (31 - __builtin_clz(n)); (bit >>= 1) != 0;) {
    if (!multiply_small(product, r, r, work, conditions)) return false;
    r = product;
    if ((n & bit) == 0) continue;
    if (!multiply_small(product, r, a, work, conditions)) return false;
    r = product;
  }
  r.negative = a.negative && (n & 1) != 0;
  if (!finish_small(r, false, rules, conditions)) return false;
  status |= conditions;
  return true;
}

bool quantize_small(Small& r, const Small& a, const Small& b, const Rules& rules, uint32_t& status) {
  int64_t places = a.exponent - b.exponent;
  if (rules.clamp || b.exponent > rules.emax || b.exponent < rules.etiny() || places + a.digits > rules.prec)
    return false;
  uint32_t conditions = 0;
  r = a;
  r.exponent = b.exponent;
  if (places >= 0) {
    if (places + a.digits > kSmallDigits) return false;
    r.coefficient *= wide_power(static_cast<int>(places));
  } else {
    int lost;
    r.coefficient = cut(a.coefficient, -places, false, &lost);
    if (rounds_up(r, lost, rules.rounding)) ++r.coefficient;
    if (a.coefficient != 0) conditions = lost != 0 ? kRounded | kInexact : kRounded;
  }
  r.digits = digit_count(r.coefficient);
  int64_t adjusted = r.exponent + r.digits - 1;
  if (r.digits > rules.prec || adjusted > rules.emax || (r.coefficient != 0 && adjusted < rules.emin))
    return false;
  status |= conditions;
  return true;
}

bool compare_small(const Small& a, const Small& b, int* order) {
  if (a.negative != b.negative || a.coefficient == 0 || b.coefficient == 0) {
    int left = a.coefficient == 0 ? 0
               : a.negative       ? -1
                                  : 1,
        right = b.coefficient == 0 ? 0
                : b.negative       ? -1
                                   : 1;
    *order = left < right ? -1 : left > right ? 1 : 0;
    return true;
  }
  Wide x, y;
  int64_t left = a.exponent + a.digits, right = b.exponent + b.digits;
  int magnitude;
  if (left != right) {
    magnitude = left < right ? -1 : 1;
  } else {
    if (!align(a, b, &x, &y)) return false;
    magnitude = x < y ? -1 : x > y ? 1 : 0;
  }
  *order = a.negative ? -magnitude : magnitude;
  return true;
}

char* write_digits(char* end, Wide n) {
  while (n >> 64 != 0) {
    uint64_t low;
    n = divide_wide(n, kDivisors[18], &low);
    for (int i = 0; i < 18; ++i, low /= 10) *--end = static_cast<char>('0' + low % 10);
  }
  auto word = static_cast<uint64_t>(n);
  do {
    *--end = static_cast<char>('0' + word % 10);
    word /= 10;
  } while (word != 0);
  return end;
}

bool small_from_ascii(Small& r, std::string_view text) {
  const char *p = text.data(), *end = p + text.size();
  if (p != end && end[-1] <= ' ') return false;
  r.negative = p != end && *p == '-';
  if (p != end && (*p == '-' || *p == '+')) ++p;
  uint64_t low = 0, high = 0;
  int digits = 0;
  int64_t behind = 0;
  bool point = false, any = false;
  for (; p != end; ++p) {
    auto digit = static_cast<unsigned>(*p - '0');
    if (digit <= 9) {
      any = true;
      behind += point ? 1 : 0;
      if (digits == 0 && digit == 0) continue;
      ++digits;
      if (digits <= 18)
        high = high * 10 + digit;
      else
        low = low * 10 + digit;
    } else if (*p == '.' && !point) {
      point = true;
    } else {
      return false;
    }
  }
  if (!any || digits > 36) return false;
  r.coefficient = digits <= 18 ? high : static_cast<Wide>(high) * kPowers[digits - 18] + low;
  r.digits = digits == 0 ? 1 : digits;
  r.exponent = -behind;
  return true;
}

}  // namespace mp::decimal

// Neighbours of a number, maxima, logical operations on digits, shifts, and the order of everything.
#include "stdlib/native/decimal_number.h"

namespace mp::decimal {

// ---------------------------------------------------------------- order

void compare(Number& r, const Number& a, const Number& b, const Rules& rules, uint32_t& status) {
  if (propagate_nan(r, a, b, rules, status)) return;
  int order = compare_value(a, b);
  r.set(order < 0, order != 0 ? 1 : 0, 0);
}
void compare_signal(Number& r, const Number& a, const Number& b, const Rules& rules, uint32_t& status) {
  compare(r, a, b, rules, status);
  if (r.is_nan()) status |= kInvalidOperation;
}
void compare_total(Number& r, const Number& a, const Number& b, const Rules&, uint32_t&) {
  int order = compare_total_order(a, b);
  r.set(order < 0, order != 0 ? 1 : 0, 0);
}
void compare_total_mag(Number& r, const Number& a, const Number& b, const Rules&, uint32_t&) {
  int order = compare_total_magnitude(a, b);
  r.set(order < 0, order != 0 ? 1 : 0, 0);
}

namespace {

// The larger one if `sign` is 1, the smaller one if it is -1.
void choose(Number& r, const Number& a, const Number& b, bool magnitude, int sign, const Rules& rules,
            uint32_t& status) {
  const Number* chosen;
  if (a.kind == Kind::Quiet && !b.is_nan()) {
    chosen = &b;
  } else if (b.kind == Kind::Quiet && !a.is_nan()) {
    chosen = &a;
  } else {
    if (propagate_nan(r, a, b, rules, status)) return;
    int order = magnitude ? compare_magnitude(a, b) : compare_value(a, b);
    if (order == 0) order = compare_total_order(a, b);
    chosen = (sign > 0 ? order < 0 : order > 0) ? &b : &a;
  }
  copy(r, *chosen, status);
  finalize(r, rules, status);
}

}  // namespace

void max(Number& r, const Number& a, const Number& b, const Rules& rules, uint32_t& status) {
  choose(r, a, b, false, 1, rules, status);
}
void min(Number& r, const Number& a, const Number& b, const Rules& rules, uint32_t& status) {
  choose(r, a, b, false, -1, rules, status);
}
void max_mag(Number& r, const Number& a, const Number& b, const Rules& rules, uint32_t& status) {
  choose(r, a, b, true, 1, rules, status);
}
void min_mag(Number& r, const Number& a, const Number& b, const Rules& rules, uint32_t& status) {
  choose(r, a, b, true, -1, rules, status);
}

// ---------------------------------------------------------------- neighbours

namespace {

void next(Number& r, const Number& a, bool up, const Rules& rules, uint32_t& status) {
  if (propagate_nan(r, a, rules, status)) return;
  if (a.is_infinite()) {
    if (a.negative == !up) return copy(r, a, status);
    r.negative = a.negative;
    set_largest(r, rules);
    if (r.is_nan()) status |= kMallocError;
    return;
  }
  Rules work = rules;
  work.rounding = up ? Rounding::Ceiling : Rounding::Floor;
  uint32_t conditions = 0;
  copy(r, a, conditions);
  finalize(r, work, conditions);
  if ((conditions & (kInexact | kErrors)) != 0) {
    status |= conditions & kErrors;
    return;
  }
  Number tiny;
  tiny.set(!up, 1, rules.etiny() - 1);
  conditions = 0;
  add(r, a, tiny, work, conditions);
  status |= conditions & kErrors;
}

}  // namespace

void next_minus(Number& r, const Number& a, const Rules& rules, uint32_t& status) {
  next(r, a, false, rules, status);
}
void next_plus(Number& r, const Number& a, const Rules& rules, uint32_t& status) {
  next(r, a, true, rules, status);
}
void next_toward(Number& r, const Number& a, const Number& b, const Rules& rules, uint32_t& status) {
  if (propagate_nan(r, a, b, rules, status)) return;
  int order = compare_value(a, b);
  if (order == 0) {
    copy(r, a, status);
    r.negative = b.negative;
    return;
  }
  next(r, a, order < 0, rules, status);
  if (r.is_infinite()) {
    status |= kOverflow | kRounded | kInexact;
  } else if (!r.is_special() && r.adjusted() < rules.emin) {
    status |= kUnderflow | kSubnormal | kRounded | kInexact;
    if (r.words.is_zero()) status |= kClamped;
  }
}

// ---------------------------------------------------------------- signs and exponents

void apply(Number& r, const Number& a, const Rules& rules, uint32_t& status) {
  copy(r, a, status);
  finalize(r, rules, status);
}
void copy_abs(Number& r, const Number& a, const Rules&, uint32_t& status) {
  copy(r, a, status);
  r.negative = false;
}
void copy_negate(Number& r, const Number& a, const Rules&, uint32_t& status) {
  copy(r, a, status);
  r.negative = !a.negative;
}
void copy_sign(Number& r, const Number& a, const Number& b, const Rules&, uint32_t& status) {
  copy(r, a, status);
  r.negative = b.negative;
}
bool same_quantum(const Number& a, const Number& b) {
  if (a.is_special() || b.is_special())
    return (a.is_nan() && b.is_nan()) || (a.is_infinite() && b.is_infinite());
  return a.exponent == b.exponent;
}

void logb(Number& r, const Number& a, const Rules& rules, uint32_t& status) {
  if (propagate_nan(r, a, rules, status)) return;
  if (a.is_infinite()) return r.set_special(false, Kind::Infinite);
  if (a.words.is_zero()) {
    r.set_special(true, Kind::Infinite);
    status |= kDivisionByZero;
    return;
  }
  int64_t adjusted = a.adjusted();
  r.set(adjusted < 0, 0, 0);
  if (!r.words.assign(static_cast<Wide>(adjusted < 0 ? -adjusted : adjusted)))
    return r.set_error(kMallocError, status);
  r.count_digits();
  finalize(r, rules, status);
}

void scaleb(Number& r, const Number& a, const Number& b, const Rules& rules, uint32_t& status) {
  if (propagate_nan(r, a, b, rules, status)) return;
  int64_t n;
  int64_t most = 2 * (rules.emax + rules.prec);
  if (b.is_infinite() || b.exponent != 0 || !to_int64(b, &n) || n > most || n < -most)
    return r.set_error(kInvalidOperation, status);
  copy(r, a, status);
  if (r.is_special()) return;
  r.exponent += n;
  if (r.exponent > kInfiniteExponent) r.exponent = kInfiniteExponent;
  if (r.exponent < kTinyExponent) r.exponent = kTinyExponent;
  finalize(r, rules, status);
}

const char* number_class(const Number& a, const Rules& rules) {
  if (a.is_nan()) return a.kind == Kind::Quiet ? "NaN" : "sNaN";
  if (a.is_infinite()) return a.negative ? "-Infinity" : "+Infinity";
  if (a.words.is_zero()) return a.negative ? "-Zero" : "+Zero";
  if (a.adjusted() < rules.emin) return a.negative ? "-Subnormal" : "+Subnormal";
  return a.negative ? "-Normal" : "+Normal";
}
bool is_normal(const Number& a, const Rules& rules) {
  return !a.is_special() && !a.words.is_zero() && a.adjusted() >= rules.emin;
}
bool is_subnormal(const Number& a, const Rules& rules) {
  return !a.is_special() && !a.words.is_zero() && a.adjusted() < rules.emin;
}

// ---------------------------------------------------------------- digits

namespace {

// A non-negative integer of zeros and ones.
bool is_logical(const Number& a) {
  if (a.is_special() || a.negative || a.exponent != 0) return false;
  for (size_t i = 0; i < a.words.size(); ++i)
    for (uint64_t word = a.words[i]; word != 0; word /= 10)
      if (word % 10 > 1) return false;
  return true;
}

enum class Logic : uint8_t { And, Or, Xor };
void logical(Number& r, const Number& a, const Number& b, Logic operation, const Rules& rules,
             uint32_t& status) {
  // A NaN is as invalid as any other operand; of long ones the last places count.
  if (!is_logical(a) || !is_logical(b)) return r.set_error(kInvalidOperation, status);
  r.set(false, 0, 0);
  if (!r.words.resize(a.words.size() > b.words.size() ? a.words.size() : b.words.size()))
    return r.set_error(kMallocError, status);
  for (size_t i = 0; i < r.words.size(); ++i) {
    uint64_t x = i < a.words.size() ? a.words[i] : 0, y = i < b.words.size() ? b.words[i] : 0, out = 0;
    for (int place = 0; place < kWordDigits; ++place, x /= 10, y /= 10) {
      uint64_t p = x % 10, q = y % 10;
      out += kPowers[place] * (operation == Logic::And ? p & q : operation == Logic::Or ? p | q : p ^ q);
    }
    r.words[i] = out;
  }
  r.words.trim();
  r.words.keep_low(rules.prec);
  r.count_digits();
}

// A whole number of places, not more than the precision.
bool to_places(const Number& b, const Rules& rules, int64_t* places) {
  return !b.is_special() && b.exponent == 0 && to_int64(b, places) && *places <= rules.prec &&
         *places >= -rules.prec;
}

}  // namespace

void logical_and(Number& r, const Number& a, const Number& b, const Rules& rules, uint32_t& status) {
  logical(r, a, b, Logic::And, rules, status);
}
void logical_or(Number& r, const Number& a, const Number& b, const Rules& rules, uint32_t& status) {
  logical(r, a, b, Logic::Or, rules, status);
}
void logical_xor(Number& r, const Number& a, const Number& b, const Rules& rules, uint32_t& status) {
  logical(r, a, b, Logic::Xor, rules, status);
}
void logical_invert(Number& r, const Number& a, const Rules& rules, uint32_t& status) {
  Number ones;
  set_largest(ones, rules);
  if (ones.is_nan()) return r.set_error(kMallocError, status);
  for (size_t i = 0; i < ones.words.size(); ++i) ones.words[i] /= 9;
  ones.exponent = 0;
  logical(r, a, ones, Logic::Xor, rules, status);
}

void shift(Number& r, const Number& a, const Number& b, const Rules& rules, uint32_t& status) {
  if (propagate_nan(r, a, b, rules, status)) return;
  int64_t places;
  if (!to_places(b, rules, &places)) return r.set_error(kInvalidOperation, status);
  copy(r, a, status);
  if (r.is_special()) return;
  if (places >= 0) {
    r.words.keep_low(rules.prec - places);  // what would leave it to the left
    if (!r.words.shift_left(places)) return r.set_error(kMallocError, status);
  } else {
    r.words.keep_low(rules.prec);
    r.words.shift_right(-places);
  }
  r.count_digits();
}
void rotate(Number& r, const Number& a, const Number& b, const Rules& rules, uint32_t& status) {
  if (propagate_nan(r, a, b, rules, status)) return;
  int64_t places;
  if (!to_places(b, rules, &places)) return r.set_error(kInvalidOperation, status);
  copy(r, a, status);
  if (r.is_special()) return;
  if (places < 0) places += rules.prec;
  Words high, low;
  r.words.keep_low(rules.prec);
  bool ok = low.assign(r.words) && high.assign(r.words);
  low.keep_low(rules.prec - places);
  high.shift_right(rules.prec - places);
  ok = ok && low.shift_left(places) && add(r.words, low, high);
  if (!ok) return r.set_error(kMallocError, status);
  r.count_digits();
}

}  // namespace mp::decimal

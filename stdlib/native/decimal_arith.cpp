// Decimal arithmetic: sums, products, quotients, quantize, rounding to integers.
#include "stdlib/native/decimal_number.h"

namespace mp::decimal {

namespace {

void no_memory(Number& r, uint32_t& status) { r.set_error(kMallocError, status); }

// a + b, or a - b.
void add_signed(Number& r, const Number& a, const Number& b, bool minus, const Rules& rules,
                uint32_t& status) {
  bool b_negative = b.negative != minus;
  if (a.is_special() || b.is_special()) {
    if (propagate_nan(r, a, b, rules, status)) return;
    if (a.is_infinite() && b.is_infinite() && a.negative != b_negative)
      return r.set_error(kInvalidOperation, status);
    r.set_special(a.is_infinite() ? a.negative : b_negative, Kind::Infinite);
    return;
  }
  bool swapped = b.exponent > a.exponent;
  const Number &big = swapped ? b : a, *small = swapped ? &a : &b;  // by exponent
  bool big_negative = swapped ? b_negative : a.negative, small_negative = swapped ? a.negative : b_negative;
  Number aligned, tiny;
  const Words* left = &big.words;
  if (big.exponent != small->exponent && !big.words.is_zero()) {
    // A number far below the last place that counts only says that there is something.
    int64_t floor = big.exponent - 1 + (big.digits > rules.prec ? 0 : big.digits - rules.prec - 1);
    if (small->adjusted() < floor) {
      tiny.set(false, small->words.is_zero() ? 0 : 1, floor);
      small = &tiny;
    }
    if (!aligned.words.assign(big.words) || !aligned.words.shift_left(big.exponent - small->exponent))
      return no_memory(r, status);
    left = &aligned.words;
  }
  r.kind = Kind::Finite;
  r.exponent = small->exponent;
  bool done;
  if (big_negative == small_negative) {
    done = add(r.words, *left, small->words);
    r.negative = big_negative;
  } else {
    int order = compare(*left, small->words);
    done = order >= 0 ? subtract(r.words, *left, small->words) : subtract(r.words, small->words, *left);
    r.negative = order == 0 ? rules.rounding == Rounding::Floor : order > 0 ? big_negative : small_negative;
  }
  if (!done) return no_memory(r, status);
  r.count_digits();
  finalize(r, rules, status);
}

}  // namespace

void add(Number& r, const Number& a, const Number& b, const Rules& rules, uint32_t& status) {
  add_signed(r, a, b, false, rules, status);
}
void subtract(Number& r, const Number& a, const Number& b, const Rules& rules, uint32_t& status) {
  add_signed(r, a, b, true, rules, status);
}

void multiply_exact(Number& r, const Number& a, const Number& b, const Rules& rules, uint32_t& status) {
  bool negative = a.negative != b.negative;
  if (a.is_special() || b.is_special()) {
    if (propagate_nan(r, a, b, rules, status)) return;
    if (a.is_zero() || b.is_zero()) return r.set_error(kInvalidOperation, status);
    return r.set_special(negative, Kind::Infinite);
  }
  r.negative = negative;
  r.kind = Kind::Finite;
  r.exponent = a.exponent + b.exponent;
  if (!multiply(r.words, a.words, b.words)) return no_memory(r, status);
  r.count_digits();
}
void multiply(Number& r, const Number& a, const Number& b, const Rules& rules, uint32_t& status) {
  multiply_exact(r, a, b, rules, status);
  finalize(r, rules, status);
}
void fma(Number& r, const Number& a, const Number& b, const Number& c, const Rules& rules, uint32_t& status) {
  Number product;
  uint32_t conditions = 0;
  multiply_exact(product, a, b, rules, conditions);
  status |= conditions;
  if (conditions != 0)
    r.swap(product);  // a NaN already, whatever is added
  else
    add(r, product, c, rules, status);
}

// ---------------------------------------------------------------- quotients

namespace {
void divide_once(Number& r, const Number& a, const Number& b, const Rules& rules, uint32_t& status) {
  bool negative = a.negative != b.negative;
  if (a.is_special() || b.is_special()) {
    if (propagate_nan(r, a, b, rules, status)) return;
    if (a.is_infinite() && b.is_infinite()) return r.set_error(kInvalidOperation, status);
    if (a.is_infinite()) return r.set_special(negative, Kind::Infinite);
    r.set(negative, 0, rules.etiny());
    status |= kClamped;
    return;
  }
  if (b.words.is_zero()) {
    if (a.words.is_zero()) return r.set_error(kDivisionUndefined, status);
    r.set_special(negative, Kind::Infinite);
    status |= kDivisionByZero;
    return;
  }
  int64_t ideal = a.exponent - b.exponent;
  if (a.words.is_zero()) {
    r.set(negative, 0, ideal);
    return finalize(r, rules, status);
  }
  // One digit more than the precision, at least.
  int64_t places = b.digits - a.digits + rules.prec + 1;
  Words shifted, rest;
  const Words& fixed = places > 0 ? b.words : a.words;
  if (!shifted.assign(places > 0 ? a.words : b.words) || !shifted.shift_left(places > 0 ? places : -places))
    return no_memory(r, status);
  if (!(places > 0 ? divide(r.words, rest, shifted, fixed) : divide(r.words, rest, fixed, shifted)))
    return no_memory(r, status);
  r.negative = negative;
  r.kind = Kind::Finite;
  r.exponent = ideal - places;
  if (!rest.is_zero()) {
    if (r.words[0] % 5 == 0) ++r.words[0];  // neither exact nor half
  } else if (places > 0) {
    int64_t zeros = r.words.trailing_zeros();
    if (zeros > places) zeros = places;
    r.words.shift_right(zeros);
    r.exponent += zeros;
  }
  r.count_digits();
  finalize(r, rules, status);
}
}  // namespace

void divide(Number& r, const Number& a, const Number& b, const Rules& rules, uint32_t& status) {
  uint32_t conditions = 0;
  divide_once(r, a, b, rules, conditions);
  if ((conditions & kMallocError) != 0) {
    // No memory for all the digits that a huge precision allows: an exact quotient has only so many.
    Rules few = rules;
    few.prec = a.digits + 4 * b.digits;
    uint32_t others = 0;
    divide_once(r, a, b, few, others);
    if ((others & kInexact) != 0) no_memory(r, others);
    conditions = others;
  }
  status |= conditions;
}

namespace {

// The integer part of a / b and the rest, of finite numbers; b is not 0. False: both are NaNs.
bool divide_to_integer(Number& quotient, Number& rest, const Number& a, const Number& b, const Rules& rules,
                       uint32_t& status) {
  bool negative = a.negative != b.negative;
  int64_t ideal = a.exponent < b.exponent ? a.exponent : b.exponent;
  auto fail = [&](Condition condition) {
    quotient.set_error(condition, status);
    rest.set_error(condition, status);
    return false;
  };
  if (a.words.is_zero()) {
    rest.set(a.negative, 0, ideal);
    quotient.set(negative, 0, 0);
    return true;
  }
  int64_t difference = a.adjusted() - b.adjusted();
  if (difference < 0) {
    if (!rest.assign(a)) return fail(kMallocError);
    if (a.exponent > b.exponent) {
      if (!rest.words.shift_left(a.exponent - b.exponent)) return fail(kMallocError);
      rest.count_digits();
      rest.exponent = b.exponent;
    }
    quotient.set(negative, 0, 0);
    return true;
  }
  if (difference > rules.prec) return fail(kDivisionImpossible);
  int64_t places = a.exponent - b.exponent;
  Words shifted;
  if (!shifted.assign(places > 0 ? a.words : b.words) || !shifted.shift_left(places > 0 ? places : -places))
    return fail(kMallocError);
  if (!divide(quotient.words, rest.words, places > 0 ? shifted : a.words, places > 0 ? b.words : shifted))
    return fail(kMallocError);
  quotient.negative = negative;
  rest.negative = a.negative;
  quotient.kind = rest.kind = Kind::Finite;
  quotient.exponent = 0;
  rest.exponent = ideal;
  quotient.count_digits();
  rest.count_digits();
  if (quotient.digits > rules.prec) return fail(kDivisionImpossible);
  return true;
}

// What the remainders have in common; false: the result stands.
bool remainder_begins(Number& r, const Number& a, const Number& b, const Rules& rules, uint32_t& status) {
  if (a.is_special() || b.is_special()) {
    if (propagate_nan(r, a, b, rules, status)) return false;
    if (a.is_infinite()) {
      r.set_error(kInvalidOperation, status);
    } else {
      copy(r, a, status);
      finalize(r, rules, status);
    }
    return false;
  }
  if (!b.words.is_zero()) return true;
  r.set_error(a.words.is_zero() ? kDivisionUndefined : kInvalidOperation, status);
  return false;
}

}  // namespace

void divide_integer(Number& r, const Number& a, const Number& b, const Rules& rules, uint32_t& status) {
  bool negative = a.negative != b.negative;
  if (a.is_special() || b.is_special()) {
    if (propagate_nan(r, a, b, rules, status)) return;
    if (a.is_infinite() && b.is_infinite()) return r.set_error(kInvalidOperation, status);
    if (a.is_infinite()) return r.set_special(negative, Kind::Infinite);
    return r.set(negative, 0, 0);
  }
  if (b.words.is_zero()) {
    if (a.words.is_zero()) return r.set_error(kDivisionUndefined, status);
    r.set_special(negative, Kind::Infinite);
    status |= kDivisionByZero;
    return;
  }
  Number rest;
  divide_to_integer(r, rest, a, b, rules, status);
  finalize(r, rules, status);
}
void remainder(Number& r, const Number& a, const Number& b, const Rules& rules, uint32_t& status) {
  if (!remainder_begins(r, a, b, rules, status)) return;
  Number quotient;
  divide_to_integer(quotient, r, a, b, rules, status);
  finalize(r, rules, status);
}
void remainder_near(Number& r, const Number& a, const Number& b, const Rules& rules, uint32_t& status) {
  if (!remainder_begins(r, a, b, rules, status)) return;
  Number quotient;
  if (!divide_to_integer(quotient, r, a, b, rules, status)) return;
  if (!r.words.is_zero()) {
    // Twice the rest against the divisor; ties go to the even quotient.
    Number twice, two, other;
    two.set(false, 2, 0);
    multiply_exact(twice, r, two, kExact, status);
    int order = twice.is_nan() ? 0 : compare_magnitude(twice, b);
    if (order > 0 || (order == 0 && quotient.words.is_odd())) {
      if (!quotient.words.increment() || quotient.words.digits() > rules.prec)
        return r.set_error(kDivisionImpossible, status);
      if (a.negative == b.negative)
        subtract(other, r, b, kExact, status);
      else
        add(other, r, b, kExact, status);
      r.swap(other);
    }
  }
  finalize(r, rules, status);
}
void divide_modulo(Number& quotient, Number& rest, const Number& a, const Number& b, const Rules& rules,
                   uint32_t& status) {
  bool negative = a.negative != b.negative;
  if (a.is_special() || b.is_special()) {
    if (propagate_nan(quotient, a, b, rules, status)) return copy(rest, quotient, status);
    if (a.is_infinite()) {
      if (b.is_infinite())
        quotient.set_special(false, Kind::Quiet);
      else
        quotient.set_special(negative, Kind::Infinite);
      return rest.set_error(kInvalidOperation, status);
    }
    copy(rest, a, status);
    finalize(rest, rules, status);
    return quotient.set(negative, 0, 0);
  }
  if (b.words.is_zero()) {
    if (a.words.is_zero()) {
      quotient.set_special(false, Kind::Quiet);
      return rest.set_error(kDivisionUndefined, status);
    }
    quotient.set_special(negative, Kind::Infinite);
    status |= kDivisionByZero;
    return rest.set_error(kInvalidOperation, status);
  }
  divide_to_integer(quotient, rest, a, b, rules, status);
  finalize(quotient, rules, status);
  finalize(rest, rules, status);
}

// ---------------------------------------------------------------- one operand

namespace {
void with_sign(Number& r, const Number& a, bool negative, const Rules& rules, uint32_t& status) {
  if (propagate_nan(r, a, rules, status)) return;
  copy(r, a, status);
  r.negative = a.is_zero() && rules.rounding != Rounding::Floor ? false : negative;
  finalize(r, rules, status);
}
}  // namespace

void plus(Number& r, const Number& a, const Rules& rules, uint32_t& status) {
  with_sign(r, a, a.negative, rules, status);
}
void minus(Number& r, const Number& a, const Rules& rules, uint32_t& status) {
  with_sign(r, a, !a.negative, rules, status);
}
void absolute(Number& r, const Number& a, const Rules& rules, uint32_t& status) {
  if (a.negative)
    minus(r, a, rules, status);
  else
    plus(r, a, rules, status);
}

void quantize(Number& r, const Number& a, const Number& b, const Rules& rules, uint32_t& status) {
  if (a.is_special() || b.is_special()) {
    if (propagate_nan(r, a, b, rules, status)) return;
    if (a.is_infinite() && b.is_infinite()) return copy(r, a, status);
    return r.set_error(kInvalidOperation, status);
  }
  if (b.exponent > rules.emax || b.exponent < rules.etiny()) return r.set_error(kInvalidOperation, status);
  if (a.words.is_zero()) {
    r.set(a.negative, 0, b.exponent);
    return finalize(r, rules, status);
  }
  if (a.digits + (a.exponent - b.exponent) > rules.prec) return r.set_error(kInvalidOperation, status);
  uint32_t conditions = 0;
  rescale(r, a, b.exponent, rules.rounding, conditions);
  if (r.is_special()) return no_memory(r, status);
  if (r.adjusted() > rules.emax || r.digits > rules.prec) return r.set_error(kInvalidOperation, status);
  status |= conditions;
  finalize(r, rules, status);
}

namespace {
void to_integral(Number& r, const Number& a, bool exact, const Rules& rules, uint32_t& status) {
  if (propagate_nan(r, a, rules, status)) return;
  if (a.is_special() || a.exponent >= 0) return copy(r, a, status);
  if (a.words.is_zero()) return r.set(a.negative, 0, 0);
  uint32_t conditions = 0;
  rescale(r, a, 0, rules.rounding, conditions);
  status |= exact ? conditions : conditions & kMallocError;
}
}  // namespace

void round_to_integral(Number& r, const Number& a, const Rules& rules, uint32_t& status) {
  to_integral(r, a, false, rules, status);
}
void round_to_integral_exact(Number& r, const Number& a, const Rules& rules, uint32_t& status) {
  to_integral(r, a, true, rules, status);
}

void reduce(Number& r, const Number& a, const Rules& rules, uint32_t& status) {
  if (propagate_nan(r, a, rules, status)) return;
  copy(r, a, status);
  finalize(r, rules, status);
  if (r.is_special()) return;
  if (r.words.is_zero()) return r.set(r.negative, 0, 0);
  int64_t zeros = r.words.trailing_zeros(), most = (rules.clamp ? rules.etop() : rules.emax) - r.exponent;
  if (zeros > most) zeros = most;
  r.words.shift_right(zeros);
  r.exponent += zeros;
  r.count_digits();
}

}  // namespace mp::decimal

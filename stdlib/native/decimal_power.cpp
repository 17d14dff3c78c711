// sqrt, exp, ln, log10 and powers. The transcendental functions are computed in binary fixed point with a few
// digits more than asked for, and again with more of them where these do not decide the rounding (A. Ziv,
// "Fast evaluation of elementary mathematical functions with correctly rounded last bit", 1991).
#include <cmath>

#include "stdlib/native/decimal_number.h"

namespace mp::decimal {

namespace {

struct Integer {
  mpz_t z;
  Integer() { mpz_init(z); }
  ~Integer() { mpz_clear(z); }
  Integer(const Integer&) = delete;
  operator mpz_ptr() { return z; }  // NOLINT: implicit on purpose
};
using Bits = mp_bitcnt_t;

// ln(10) * 2^384
constexpr mp_limb_t kLn10[7] = {0x31c32f00b17c35a0,
                                0x58bc0b5ec6a04173,
                                0x0f187a0807c0b5ca,
                                0x8a3fb3e76977e43a,
                                0xa95b58ae0b4c28a3,
                                0x4d763776aaa2b05b,
                                0x2};
constexpr Bits kLn10Bits = 384;

void add_atanh(mpz_ptr sum, unsigned long weight, unsigned long inverse, Bits bits) {
  Integer power, term;
  mpz_setbit(power, bits);
  mpz_mul_ui(power, power, weight);
  mpz_tdiv_q_ui(power, power, inverse);
  for (unsigned long k = 1; mpz_sgn(power.z) != 0; k += 2) {
    mpz_tdiv_q_ui(term, power, k);
    mpz_add(sum, sum, term);
    mpz_tdiv_q_ui(power, power, inverse * inverse);
  }
}
// ln(10) in fixed point: a formula of Machin's kind.
void fixed_ln10(mpz_ptr out, Bits bits) {
  if (bits <= kLn10Bits) {
    mpz_t constant;
    mpz_roinit_n(constant, kLn10, 7);
    mpz_tdiv_q_2exp(out, constant, kLn10Bits - bits);
    return;
  }
  constexpr Bits kGuard = 32;
  mpz_set_ui(out, 0);
  add_atanh(out, 46, 31, bits + kGuard);
  add_atanh(out, 34, 49, bits + kGuard);
  add_atanh(out, 20, 161, bits + kGuard);
  mpz_tdiv_q_2exp(out, out, kGuard);
}

// e^x for |x| < 4: Taylor's series for x / 2^halvings, squared again.
void fixed_exp(mpz_ptr out, mpz_srcptr x, Bits bits) {
  auto halvings = static_cast<Bits>(std::sqrt(static_cast<double>(bits) / 2));
  Bits work = bits + 2 * halvings + 16;
  Integer reduced, term;
  mpz_mul_2exp(reduced, x, work - bits - halvings);  // (x / 2^halvings) with `work` bits
  mpz_set_ui(out, 0);
  mpz_setbit(out, work);
  mpz_set(term, out);
  for (unsigned long k = 1;; ++k) {
    mpz_mul(term, term, reduced);
    mpz_fdiv_q_2exp(term, term, work);
    mpz_tdiv_q_ui(term, term, k);
    if (mpz_sgn(term.z) == 0 || mpz_cmp_si(term.z, -1) == 0) break;
    mpz_add(out, out, term);
  }
  for (Bits i = 0; i < halvings; ++i) {
    mpz_mul(out, out, out);
    mpz_tdiv_q_2exp(out, out, work);
  }
  mpz_tdiv_q_2exp(out, out, work - bits);
}

// ln(m) for 0.3 < m < 4, by Halley's iteration on e^y = m, which triples the digits.
void fixed_ln(mpz_ptr out, mpz_srcptr m, Bits bits) {
  constexpr Bits kStart = 44;
  Bits steps[64];
  int count = 0;
  for (Bits need = bits; need > kStart; need = need / 3 + 8) steps[count++] = need;
  long exponent;
  double start = mpz_get_d_2exp(&exponent, m);
  start = std::log(std::ldexp(start, static_cast<int>(exponent - static_cast<long>(bits))));
  Bits have = 60;
  mpz_set_d(out, std::ldexp(start, 60));
  Integer target, power, difference;
  while (count-- > 0) {
    Bits want = steps[count] + 8;
    if (want > have)
      mpz_mul_2exp(out, out, want - have);
    else
      mpz_fdiv_q_2exp(out, out, have - want);
    have = want;
    if (want > bits)
      mpz_mul_2exp(target, m, want - bits);
    else
      mpz_tdiv_q_2exp(target, m, bits - want);
    fixed_exp(power, out, want);
    mpz_sub(difference, target, power);
    mpz_add(power, target, power);
    mpz_mul_2exp(difference, difference, want + 1);
    mpz_tdiv_q(difference, difference, power);
    mpz_add(out, out, difference);
  }
  if (have > bits)
    mpz_fdiv_q_2exp(out, out, have - bits);
  else
    mpz_mul_2exp(out, out, bits - have);
}

Bits bits_of_digits(int64_t digits) {
  return static_cast<Bits>(static_cast<double>(digits) * 3.3219280949) + 1;
}

// |a| * 2^bits, cut; the digits below the last bit do not count.
bool to_fixed(mpz_ptr out, const Number& a, Bits bits) {
  Integer power;
  Words words;
  if (!words.assign(a.words)) return false;
  int64_t exponent = a.exponent, lowest = -static_cast<int64_t>(static_cast<double>(bits) * 0.30103) - 4;
  if (exponent < lowest) {
    words.shift_right(lowest - exponent);
    exponent = lowest;
  }
  if (!to_binary(out, words)) return false;
  mpz_ui_pow_ui(power, 10, static_cast<unsigned long>(exponent < 0 ? -exponent : exponent));
  if (exponent >= 0) mpz_mul(out, out, power);
  mpz_mul_2exp(out, out, bits);
  if (exponent < 0) mpz_tdiv_q(out, out, power);
  return true;
}

// x / 2^bits, cut behind `digits` decimal places. False when there is no memory.
bool from_fixed(Number& r, Integer& x, Bits bits, int64_t digits) {
  Integer scale;
  mpz_ui_pow_ui(scale, 10, static_cast<unsigned long>(digits));
  mpz_mul(x, x, scale);
  mpz_tdiv_q_2exp(x, x, bits);
  r.kind = Kind::Finite;
  r.negative = mpz_sgn(x.z) < 0;
  r.exponent = -digits;
  mpz_abs(x, x);
  if (!from_binary(r.words, x)) return false;
  r.count_digits();
  return true;
}

// The digits behind the last place that counts decide the rounding although the last one may be wrong by 3.
bool decides(const Number& a, const Rules& rules) {
  int64_t lost = a.digits - rules.prec, tiny = rules.etiny() - a.exponent;
  if (tiny > lost) lost = tiny;
  if (lost > a.digits + 1) return true;
  if (lost < 4) return false;
  int first = a.words.digit(lost - 1), second = a.words.digit(lost - 2);
  if ((second != 0 || (first != 0 && first != 5)) && (second != 9 || (first != 4 && first != 9))) return true;
  for (int64_t place = lost - 3; place > 0; --place)
    if (a.words.digit(place) != second) return true;
  return false;
}

// Rounds what stands for an irrational number, half to even.
void finalize_inexact(Number& r, const Rules& rules, uint32_t& status) {
  if (r.words[0] % 5 == 0) ++r.words[0];
  Rules even = rules;
  even.rounding = Rounding::HalfEven;
  finalize(r, even, status);
  status |= kInexact | kRounded;
}

// 1 with all its zeros.
void set_padded_one(Number& r, bool negative, int64_t zeros, uint32_t& status) {
  r.set(negative, 1, 0);
  if (!r.words.shift_left(zeros)) return r.set_error(kMallocError, status);
  r.exponent = -zeros;
  r.digits = zeros + 1;
}
constexpr int64_t kGuardDigits = 8;

bool enough_memory(Number& r, int64_t digits, uint32_t& status) {
  // A dozen numbers of as many digits.
  if (digits < (int64_t{1} << 56) && room_for(static_cast<size_t>(digits) * 8)) return true;
  r.set_error(kMallocError, status);
  return false;
}

}  // namespace

namespace {
void square_root_once(Number& r, const Number& a, const Rules& rules, uint32_t& status) {
  if (propagate_nan(r, a, rules, status)) return;
  int64_t exponent = a.exponent - (a.exponent & 1);
  if (!a.is_infinite() && a.words.is_zero()) {
    r.set(a.negative, 0, exponent / 2);
    return finalize(r, rules, status);
  }
  if (a.negative) return r.set_error(kInvalidOperation, status);
  if (a.is_infinite()) return copy(r, a, status);
  if (!enough_memory(r, rules.prec + a.digits, status)) return;
  // The root of a number of 2 * (prec + 1) digits has one digit more than the precision.
  Words words;
  int64_t digits = a.digits + (a.exponent & 1), places = rules.prec + 1 - (digits + 1) / 2;
  bool ok = words.assign(a.words) && words.shift_left(a.exponent & 1);
  int lost = 0;
  if (places >= 0)
    ok = ok && words.shift_left(2 * places);
  else
    lost = words.shift_right(-2 * places);
  Integer square, root, rest;
  ok = ok && to_binary(square, words);
  if (ok) mpz_sqrtrem(root, rest, square);
  r.kind = Kind::Finite;
  r.negative = false;
  if (!ok || !from_binary(r.words, root)) return r.set_error(kMallocError, status);
  r.exponent = exponent / 2 - places;
  if (lost != 0 || mpz_sgn(rest.z) != 0) {
    if (r.words[0] % 5 == 0) ++r.words[0];
  } else if (places >= 0) {
    r.words.shift_right(places);
    r.exponent += places;
  }
  r.count_digits();
  Rules even = rules;
  even.rounding = Rounding::HalfEven;
  finalize(r, even, status);
}
}  // namespace

void square_root(Number& r, const Number& a, const Rules& rules, uint32_t& status) {
  uint32_t conditions = 0;
  square_root_once(r, a, rules, conditions);
  if ((conditions & kMallocError) != 0) {
    // As for a quotient: the exact root of a number has no more digits than that.
    Rules few = rules;
    few.prec = a.digits;
    conditions = 0;
    square_root_once(r, a, few, conditions);
    if ((conditions & kInexact) != 0) r.set_error(kMallocError, conditions);
  }
  status |= conditions;
}

void exp(Number& r, const Number& a, const Rules& rules, uint32_t& status) {
  if (propagate_nan(r, a, rules, status)) return;
  if (a.is_infinite()) {
    if (a.negative) return r.set(false, 0, 0);
    return r.set_special(false, Kind::Infinite);
  }
  if (a.words.is_zero()) return r.set(false, 1, 0);
  Number limit;
  limit.set(false, 9, -(rules.prec + 4));
  Rules even = rules;
  even.rounding = Rounding::HalfEven;
  if (compare_magnitude(a, limit) <= 0) {
    set_padded_one(r, false, rules.prec - 1, status);
    status |= kInexact | kRounded;
    return finalize(r, even, status);
  }
  if (a.adjusted() >= 19) {  // beyond all exponents
    r.set(false, 1, a.negative ? -kInfiniteExponent * 2 : kInfiniteExponent);
    finalize(r, even, status);
    status |= kInexact | kRounded;
    return;
  }
  for (int64_t extra = kGuardDigits;; extra *= 2) {
    int64_t digits = rules.prec + extra;
    if (!enough_memory(r, digits, status)) return;
    Bits bits = bits_of_digits(digits) + 80;  // 64 for the multiple of ln(10)
    Integer x, ln_ten, tens;
    if (!to_fixed(x, a, bits)) return r.set_error(kMallocError, status);
    if (a.negative) mpz_neg(x, x);
    fixed_ln10(ln_ten, bits);
    mpz_fdiv_qr(tens, x, x, ln_ten);
    bits -= 64;
    mpz_tdiv_q_2exp(x, x, 64);
    fixed_exp(x, x, bits);
    if (!from_fixed(r, x, bits, digits)) return r.set_error(kMallocError, status);
    r.exponent += mpz_get_si(tens.z);
    if (decides(r, rules)) return finalize_inexact(r, rules, status);
  }
}

namespace {

// ln or log10 of a positive finite number that is not 1.
void logarithm(Number& r, const Number& a, bool common, const Rules& rules, uint32_t& status) {
  // a = m * 10^tens with m near 1.
  int64_t tens = a.adjusted();
  if (a.words.digit(a.digits - 1) >= 3) ++tens;
  Number mantissa;
  if (!mantissa.assign(a)) return r.set_error(kMallocError, status);
  mantissa.exponent -= tens;
  // ln(m) is about m - 1: as many digits more as that has zeros behind the point.
  int64_t zeros = 0;
  if (tens == 0) {
    Number one, difference;
    one.set(false, 1, 0);
    subtract(difference, a, one, kExact, status);
    if (difference.is_special()) return r.set_error(kMallocError, status);
    zeros = -difference.adjusted();
    if (zeros < 0) zeros = 0;
  }
  for (int64_t extra = kGuardDigits;; extra *= 2) {
    int64_t digits = rules.prec + extra + zeros;
    if (!enough_memory(r, digits, status)) return;
    Bits bits = bits_of_digits(digits) + 16;
    Integer y, x, ln_ten, multiple;
    if (!to_fixed(x, mantissa, bits)) return r.set_error(kMallocError, status);
    fixed_ln(y, x, bits);
    if (common || tens != 0) fixed_ln10(ln_ten, bits + 64);
    if (common) {
      mpz_mul_2exp(y, y, bits + 64);
      mpz_tdiv_q(y, y, ln_ten);
      mpz_set_si(multiple, tens);
      mpz_mul_2exp(multiple, multiple, bits);
      mpz_add(y, y, multiple);
    } else if (tens != 0) {
      mpz_mul_si(multiple, ln_ten, tens);
      mpz_fdiv_q_2exp(multiple, multiple, 64);
      mpz_add(y, y, multiple);
    }
    if (!from_fixed(r, y, bits, digits)) return r.set_error(kMallocError, status);
    if (decides(r, rules)) return finalize_inexact(r, rules, status);
  }
}

int exponent_digits(int64_t n) { return digit_count(static_cast<uint64_t>(n < 0 ? -n : n)); }

// What both logarithms have in common; false: the result stands.
bool logarithm_begins(Number& r, const Number& a, const Rules& rules, uint32_t& status) {
  if (propagate_nan(r, a, rules, status)) return false;
  if (a.is_zero())
    r.set_special(true, Kind::Infinite);
  else if (a.negative)
    r.set_error(kInvalidOperation, status);
  else if (a.is_infinite())
    r.set_special(false, Kind::Infinite);
  else
    return true;
  return false;
}

}  // namespace

void ln(Number& r, const Number& a, const Rules& rules, uint32_t& status) {
  if (!logarithm_begins(r, a, rules, status)) return;
  Number one;
  one.set(false, 1, 0);
  if (compare_magnitude(a, one) == 0) return r.set(false, 0, 0);
  logarithm(r, a, false, rules, status);
}
void log10(Number& r, const Number& a, const Rules& rules, uint32_t& status) {
  if (!logarithm_begins(r, a, rules, status)) return;
  if (is_power_of_ten(a.words)) {
    int64_t adjusted = a.adjusted();
    r.set(adjusted < 0, 0, 0);
    if (!r.words.assign(static_cast<Wide>(adjusted < 0 ? -adjusted : adjusted)))
      return r.set_error(kMallocError, status);
    r.count_digits();
    Rules even = rules;
    even.rounding = Rounding::HalfEven;
    return finalize(r, even, status);
  }
  logarithm(r, a, true, rules, status);
}

// ---------------------------------------------------------------- powers

namespace {

// As libmpdec does it, so that the digits are the same: a precision that covers the digits of the exponent,
// and each product rounded to it.
void power_integer(Number& r, const Number& base, const Number& exponent, bool negative, const Rules& rules,
                   uint32_t& status) {
  Rules work = rules;
  work.prec += exponent.digits + exponent.exponent + 2;
  work.rounding = Rounding::HalfEven;
  work.clamp = false;
  Number factor, product;
  if (exponent.negative) {
    ++work.prec;
    uint32_t conditions = 0;
    Number one;
    one.set(false, 1, 0);
    divide(factor, one, base, work, conditions);
    status |= conditions;
    if ((conditions & kErrors) != 0) {
      r.set_special(false, Kind::Quiet);
      return finalize(r, rules, status);
    }
  } else {
    copy(factor, base, status);
  }
  uint32_t conditions = 0;
  auto vanished = [&] { return r.is_special() || (r.words.is_zero() && (conditions & kClamped) != 0); };
  int64_t count;
  if (to_int64(exponent, &count)) {
    auto n = static_cast<uint64_t>(count < 0 ? -count : count);
    copy(r, factor, status);
    for (uint64_t bit = uint64_t{1} << (63 - __builtin_clzll(n)); (bit >>= 1) != 0;) {
      multiply(product, r, r, work, conditions);
      r.swap(product);
      if ((n & bit) != 0) {
        multiply(product, r, factor, work, conditions);
        r.swap(product);
      }
      if (vanished()) break;
    }
  } else {
    Words rest, half, digit, two(2);
    bool ok = rest.assign(exponent.words) && rest.shift_left(exponent.exponent);
    rest.shift_right(-exponent.exponent);
    r.set(false, 1, 0);
    while (ok && !rest.is_zero()) {
      if (rest.is_odd()) {
        multiply(product, r, factor, work, conditions);
        r.swap(product);
        if (vanished()) break;
      }
      multiply(product, factor, factor, work, conditions);
      factor.swap(product);
      ok = divide(half, digit, rest, two);
      rest.swap(half);
      if (factor.is_nan()) ok = false;
    }
    if (!ok) {
      status |= conditions & kErrors;
      return r.set_error(kMallocError, status);
    }
  }
  status |= conditions;
  if (!r.is_nan()) r.negative = negative;
  if (r.is_infinite()) r.set(negative, 1, kInfiniteExponent);  // by the context's own rounding
  finalize(r, rules, status);
}

void power_real(Number& r, const Number& base, const Number& exponent, const Rules& rules, uint32_t& status) {
  Rules work = kExact;
  work.prec = (base.digits > rules.prec ? base.digits : rules.prec) + 4 + 19;
  uint32_t conditions = 0;
  Number logarithm, product;
  ln(logarithm, base, work, conditions);
  multiply(product, logarithm, exponent, work, conditions);
  exp(r, product, work, status);
  status |= (conditions & kErrors) | kInexact | kRounded;
  Number one;
  one.set(false, 1, 0);
  if (!r.is_special() && compare_value(r, one) == 0) set_padded_one(r, false, rules.prec - 1, status);
  if (r.is_infinite()) r.set(false, 1, kInfiniteExponent);
  finalize(r, rules, status);
}

// A lower bound of log10(|log10(x)|), x > 0 and not 1.
int64_t logarithm_bound(const Number& x, uint32_t& status) {
  int64_t adjusted = x.adjusted();
  if (adjusted > 0) return exponent_digits(adjusted) - 1;
  if (adjusted < -1) return exponent_digits(adjusted + 1) - 1;
  Number one, difference;
  one.set(false, 1, 0);
  subtract(difference, x, one, kExact, status);
  return difference.adjusted() - (adjusted == 0 ? 2 : 1);
}

// Results far beyond the limits are known without computing them.
bool power_out_of_range(Number& r, const Number& base, const Number& exponent, bool negative,
                        const Rules& rules, uint32_t& status) {
  Number magnitude;
  copy(magnitude, base, status);
  magnitude.negative = false;
  int64_t size = exponent.adjusted() + logarithm_bound(magnitude, status);
  bool grows = (base.adjusted() < 0) == exponent.negative;
  int64_t limit = grows ? rules.emax : rules.etiny();
  if (exponent_digits(limit) >= size) return false;
  r.set(negative, 1, grows ? kInfiniteExponent : limit - 1);
  finalize(r, rules, status);
  return true;
}

}  // namespace

void power(Number& r, const Number& base, const Number& exponent, const Rules& rules, uint32_t& status) {
  if (propagate_nan(r, base, exponent, rules, status)) return;
  bool integer = is_integer(exponent), negative = integer && base.negative && is_odd(exponent);
  if (base.is_zero()) {
    if (exponent.is_zero()) return r.set_error(kInvalidOperation, status);
    if (exponent.negative) return r.set_special(negative, Kind::Infinite);
    return r.set(negative, 0, 0);
  }
  if (base.negative && (!integer || exponent.is_infinite())) return r.set_error(kInvalidOperation, status);
  Number one;
  one.set(false, 1, 0);
  if (exponent.is_infinite()) {
    int order = compare_value(base, one);
    if (order == 0) {
      status |= kInexact | kRounded;
      return set_padded_one(r, negative, rules.prec - 1, status);
    }
    if (order * exponent.sign() < 0) return r.set(negative, 0, 0);
    return r.set_special(negative, Kind::Infinite);
  }
  if (base.is_infinite()) {
    if (exponent.is_zero()) return r.set(negative, 1, 0);
    if (exponent.negative) return r.set(negative, 0, 0);
    return r.set_special(negative, Kind::Infinite);
  }
  if (exponent.is_zero()) return r.set(negative, 1, 0);
  if (compare_magnitude(base, one) == 0) {
    int64_t zeros = rules.prec - 1;
    if (integer) {
      if (exponent.negative) return r.set(negative, 1, 0);
      // 1.00 ** 3 = 1.000000
      int64_t times, all;
      if (base.exponent == 0) {
        zeros = 0;
      } else if (!to_int64(exponent, &times) || __builtin_mul_overflow(times, -base.exponent, &all) ||
                 all > zeros) {
        status |= kRounded;
      } else {
        zeros = all;
      }
    } else {
      status |= kInexact | kRounded;
    }
    return set_padded_one(r, negative, zeros, status);
  }
  if (power_out_of_range(r, base, exponent, negative, rules, status)) return;
  if (integer)
    power_integer(r, base, exponent, negative, rules, status);
  else
    power_real(r, base, exponent, rules, status);
}

void power_modulo(Number& r, const Number& base, const Number& exponent, const Number& modulus,
                  const Rules& rules, uint32_t& status) {
  if (propagate_nan(r, base, exponent, modulus, rules, status)) return;
  bool fits = is_integer(base) && is_integer(exponent) && is_integer(modulus) && !modulus.words.is_zero() &&
              modulus.digits + modulus.exponent <= rules.prec &&
              (!exponent.negative || exponent.words.is_zero());
  if (!fits || (base.words.is_zero() && exponent.words.is_zero()))
    return r.set_error(kInvalidOperation, status);
  bool negative = base.negative && is_odd(exponent);
  auto whole = [](Words& out, const Number& a) {
    if (!out.assign(a.words) || !out.shift_left(a.exponent)) return false;
    out.shift_right(-a.exponent);
    return true;
  };
  // Neither the base nor the exponent is written out.
  Integer m, x, y, ten;
  Words words;
  bool ok = whole(words, modulus) && to_binary(m, words) && words.assign(base.words);
  if (ok && base.exponent < 0) words.shift_right(-base.exponent);
  ok = ok && to_binary(x, words) && words.assign(exponent.words);
  if (ok && exponent.exponent < 0) words.shift_right(-exponent.exponent);
  ok = ok && to_binary(y, words);
  if (!ok) return r.set_error(kMallocError, status);
  if (base.exponent > 0) {
    mpz_set_ui(ten, 10);
    Integer power;
    mpz_set_ui(power, static_cast<unsigned long>(base.exponent));
    mpz_powm(ten, ten, power, m);
    mpz_mul(x, x, ten);
  }
  mpz_powm(x, x, y, m);
  for (int64_t i = 0; i < exponent.exponent; ++i) mpz_powm_ui(x, x, 10, m);
  r.set(negative, 0, 0);
  if (!from_binary(r.words, x)) return r.set_error(kMallocError, status);
  r.count_digits();
}

}  // namespace mp::decimal

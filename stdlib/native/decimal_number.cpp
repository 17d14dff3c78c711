// Rounding, special values and comparison of decimal numbers.
#include "stdlib/native/decimal_number.h"

#include <initializer_list>
#include <utility>

namespace mp::decimal {

void Number::set(bool minus, uint64_t coefficient, int64_t exp) {
  negative = minus;
  kind = Kind::Finite;
  exponent = exp;
  words.set(coefficient);
  count_digits();
}
void Number::set_special(bool minus, Kind k) {
  negative = minus;
  kind = k;
  exponent = 0;
  digits = 0;
  words.set(0);
}
void Number::set_error(Condition condition, uint32_t& status) {
  set_special(false, Kind::Quiet);
  status |= condition;
}
bool Number::assign(const Number& other) {
  negative = other.negative;
  kind = other.kind;
  exponent = other.exponent;
  digits = other.digits;
  return words.assign(other.words);
}
void Number::swap(Number& other) {
  std::swap(negative, other.negative);
  std::swap(kind, other.kind);
  std::swap(exponent, other.exponent);
  std::swap(digits, other.digits);
  words.swap(other.words);
}

void copy(Number& r, const Number& a, uint32_t& status) {
  if (!r.assign(a)) r.set_error(kMallocError, status);
}

bool is_power_of_ten(const Words& words) {
  return !words.is_zero() && words.trailing_zeros() == words.digits() - 1 &&
         words.digit(words.digits() - 1) == 1;
}
bool is_integer(const Number& a) {
  return !a.is_special() && (a.exponent >= 0 || a.words.is_zero() || a.words.trailing_zeros() >= -a.exponent);
}
bool is_odd(const Number& a) {
  if (a.words.is_zero() || a.exponent > 0) return false;
  return -a.exponent < a.digits && a.words.digit(-a.exponent) % 2 != 0;
}
bool to_int64(const Number& a, int64_t* out) {
  if (!is_integer(a)) return false;
  *out = 0;
  if (a.words.is_zero()) return true;
  if (a.adjusted() > 18) return false;
  uint64_t magnitude = 0;
  for (int64_t place = a.digits - 1; place >= (a.exponent < 0 ? -a.exponent : 0); --place)
    magnitude = magnitude * 10 + static_cast<uint64_t>(a.words.digit(place));
  for (int64_t i = 0; i < a.exponent; ++i) magnitude *= 10;
  if (magnitude > (uint64_t{1} << 63) - (a.negative ? 0 : 1)) return false;
  *out = a.negative ? static_cast<int64_t>(-magnitude) : static_cast<int64_t>(magnitude);
  return true;
}

// ---------------------------------------------------------------- rounding

namespace {

bool rounds_up(const Number& a, int lost, Rounding rounding) {
  if (lost == 0) return false;
  switch (rounding) {
    case Rounding::Up: return true;
    case Rounding::Down: return false;
    case Rounding::Ceiling: return !a.negative;
    case Rounding::Floor: return a.negative;
    case Rounding::HalfUp: return lost >= 5;
    case Rounding::HalfDown: return lost > 5;
    case Rounding::HalfEven: return lost > 5 || (lost == 5 && a.words.is_odd());
    case Rounding::ZeroFiveUp: return a.words.digit(0) % 5 == 0;
  }
  return false;
}

// The exponent is brought within the limits.
void check_exponent(Number& a, const Rules& rules, uint32_t& status) {
  int64_t adjusted = a.adjusted();
  bool zero = a.words.is_zero();
  if (adjusted > rules.emax) {
    if (zero) {
      a.set(a.negative, 0, rules.clamp ? rules.etop() : rules.emax);
      status |= kClamped;
      return;
    }
    Rounding r = rules.rounding;
    bool largest = r == Rounding::Down || r == Rounding::ZeroFiveUp ||
                   (r == Rounding::Ceiling && a.negative) || (r == Rounding::Floor && !a.negative);
    status |= kOverflow | kInexact | kRounded;
    if (!largest)
      a.set_special(a.negative, Kind::Infinite);
    else
      set_largest(a, rules);
    if (a.is_nan()) status |= kMallocError;
  } else if (rules.clamp && a.exponent > rules.etop()) {
    int64_t places = a.exponent - rules.etop();
    if (!a.words.shift_left(places)) return a.set_error(kMallocError, status);
    if (!zero) a.digits += places;
    a.exponent -= places;
    status |= kClamped;
    if (!zero && adjusted < rules.emin) status |= kSubnormal;
  } else if (adjusted < rules.emin) {
    int64_t etiny = rules.etiny();
    if (zero) {
      if (a.exponent < etiny) {
        a.exponent = etiny;
        status |= kClamped;
      }
      return;
    }
    status |= kSubnormal;
    if (a.exponent < etiny) {
      int lost = a.words.shift_right(etiny - a.exponent);
      a.exponent = etiny;
      if (!round_last(a, lost, rules.rounding)) return a.set_error(kMallocError, status);
      status |= kRounded;
      if (lost != 0) {
        status |= kInexact | kUnderflow;
        if (a.words.is_zero()) status |= kClamped;
      }
    }
  }
}

}  // namespace

bool round_last(Number& a, int lost, Rounding rounding) {
  if (rounds_up(a, lost, rounding) && !a.words.increment()) return false;
  a.count_digits();
  return true;
}

void set_largest(Number& a, const Rules& rules) {
  bool negative = a.negative;
  a.set(negative, 0, rules.etop());
  auto size = static_cast<size_t>((rules.prec + kWordDigits - 1) / kWordDigits);
  if (!a.words.resize(size)) return a.set_special(false, Kind::Quiet);
  for (size_t i = 0; i < size; ++i) a.words[i] = kBase - 1;
  if (int rest = static_cast<int>(rules.prec % kWordDigits); rest != 0) a.words[size - 1] = kPowers[rest] - 1;
  a.digits = rules.prec;
}

void fix_nan(Number& a, const Rules& rules) {
  int64_t room = rules.prec - (rules.clamp ? 1 : 0);
  if (a.digits <= room) return;
  a.words.keep_low(room);
  a.digits = a.words.is_zero() ? 0 : a.words.digits();
}

void finalize(Number& a, const Rules& rules, uint32_t& status) {
  if (a.is_special()) {
    if (a.is_nan()) fix_nan(a, rules);
    return;
  }
  check_exponent(a, rules, status);
  if (a.is_special() || a.digits <= rules.prec) return;
  int64_t places = a.digits - rules.prec;
  int lost = a.words.shift_right(places);
  a.exponent += places;
  if (!round_last(a, lost, rules.rounding)) return a.set_error(kMallocError, status);
  if (a.digits > rules.prec) {
    a.words.shift_right(1);
    a.count_digits();
    ++a.exponent;
    check_exponent(a, rules, status);
  }
  status |= kRounded;
  if (lost != 0) status |= kInexact;
}

bool rescale(Number& r, const Number& a, int64_t exponent, Rounding rounding, uint32_t& status) {
  copy(r, a, status);
  if (r.is_special()) return false;
  int64_t places = a.exponent - exponent;
  r.exponent = exponent;
  if (places >= 0) {
    if (!r.words.shift_left(places)) {
      r.set_error(kMallocError, status);
      return false;
    }
    r.count_digits();
    return true;
  }
  int lost = r.words.shift_right(-places);
  if (!round_last(r, lost, rounding)) {
    r.set_error(kMallocError, status);
    return false;
  }
  status |= kRounded;
  if (lost != 0) status |= kInexact;
  return true;
}

// ---------------------------------------------------------------- NaNs

bool propagate_nan(Number& r, const Number& a, const Number& b, const Number& c, const Rules& rules,
                   uint32_t& status) {
  // The first signaling one, else the first quiet one.
  const Number* found = nullptr;
  for (const Number* each : {&c, &b, &a})
    if (each->kind == Kind::Signaling ||
        (each->kind == Kind::Quiet && (found == nullptr || found->kind == Kind::Quiet)))
      found = each;
  if (found == nullptr) return false;
  if (found->kind == Kind::Signaling) status |= kInvalidOperation;
  copy(r, *found, status);
  r.kind = Kind::Quiet;
  fix_nan(r, rules);
  return true;
}
bool propagate_nan(Number& r, const Number& a, const Number& b, const Rules& rules, uint32_t& status) {
  return (a.is_nan() || b.is_nan()) && propagate_nan(r, a, b, b, rules, status);
}
bool propagate_nan(Number& r, const Number& a, const Rules& rules, uint32_t& status) {
  return a.is_nan() && propagate_nan(r, a, a, a, rules, status);
}

// ---------------------------------------------------------------- comparison

namespace {

// Coefficients of the same number of places, b's exponent higher by `places`: a against b * 10^places.
int compare_shifted(const Words& a, const Words& b, int64_t places) {
  auto words = static_cast<size_t>(places / kWordDigits);
  int rest = static_cast<int>(places % kWordDigits);
  uint64_t low = kPowers[kWordDigits - rest], factor = kPowers[rest];
  size_t size = a.size();
  for (size_t i = size; i-- > 0;) {
    uint64_t word = 0;
    if (i >= words) {
      if (i - words < b.size()) word = b[i - words] % low * factor;
      if (i > words && rest > 0 && i - words - 1 < b.size()) word += b[i - words - 1] / low;
    }
    if (a[i] != word) return a[i] < word ? -1 : 1;
  }
  return 0;
}

}  // namespace

int compare_magnitude(const Number& a, const Number& b) {
  if (a.is_infinite() || b.is_infinite())
    return static_cast<int>(a.is_infinite()) - static_cast<int>(b.is_infinite());
  bool zero_a = a.words.is_zero(), zero_b = b.words.is_zero();
  if (zero_a || zero_b) return static_cast<int>(zero_b) - static_cast<int>(zero_a);
  if (a.adjusted() != b.adjusted()) return a.adjusted() < b.adjusted() ? -1 : 1;
  if (a.exponent == b.exponent) return compare(a.words, b.words);
  return a.exponent < b.exponent ? compare_shifted(a.words, b.words, b.exponent - a.exponent)
                                 : -compare_shifted(b.words, a.words, a.exponent - b.exponent);
}
int compare_value(const Number& a, const Number& b) {
  bool zero_a = a.is_zero(), zero_b = b.is_zero();
  if (zero_a && zero_b) return 0;
  if (zero_a) return -b.sign();
  if (zero_b || a.negative != b.negative) return a.sign();
  return a.sign() * compare_magnitude(a, b);
}

namespace {
int compare_sign(bool a, bool b) { return static_cast<int>(b) - static_cast<int>(a); }
int three_way(int64_t a, int64_t b) { return a < b ? -1 : a > b ? 1 : 0; }

int total_order(const Number& a, const Number& b, bool minus_a, bool minus_b) {
  if (minus_a != minus_b) return compare_sign(minus_a, minus_b);
  // Signaling NaNs stand between the infinities and the quiet ones.
  auto rank = [](const Number& n) { return n.kind == Kind::Quiet ? 2 : n.kind == Kind::Signaling ? 1 : 0; };
  int order = three_way(rank(a), rank(b));
  if (order == 0 && a.is_nan()) {
    order = a.digits != b.digits ? three_way(a.digits, b.digits) : compare(a.words, b.words);
  } else if (order == 0) {
    order = compare_magnitude(a, b);
    if (order == 0 && !a.is_infinite()) order = three_way(a.exponent, b.exponent);
  }
  return minus_a ? -order : order;
}

}  // namespace

int compare_total_order(const Number& a, const Number& b) {
  return total_order(a, b, a.negative, b.negative);
}
int compare_total_magnitude(const Number& a, const Number& b) { return total_order(a, b, false, false); }

}  // namespace mp::decimal

// int and bool: construction, conversion to and from C++ integers and text, arithmetic on any size.
#include <fmt/format.h>

#include <cmath>
#include <cstring>

#include "vm/native/native.h"
#include "vm/os/memory.h"
#include "vm/protocol/protocol.h"
#include "vm/types/exception.h"
#include "vm/types/int_limbs.h"
#include "vm/types/number.h"
#include "vm/types/number_convert.h"
#include "vm/types/runtime.h"

namespace mp {

static Error too_large(Thread& t) { return t.raise_memory_error(); }

IntView::IntView(Value v) {
  if (is_kind(v, Kind::Int)) {
    IntObject* object = v.as<IntObject>();
    mpz_roinit_n(z_, object->limbs(), object->size);
    return;
  }
  int64_t i = v.is_bool() ? (v.is_true() ? 1 : 0) : v.as_int();
  scratch_ = i < 0 ? -static_cast<uint64_t>(i) : static_cast<uint64_t>(i);
  mpz_roinit_n(z_, &scratch_, i == 0 ? 0 : (i < 0 ? -1 : 1));
}

static Value make_int_boxed(Thread& t, Type* type, mpz_srcptr z) {
  size_t count = mpz_size(z);
  auto* object = t.heap().make<IntObject>(t, type, count * sizeof(mp_limb_t));
  object->size = mpz_sgn(z) < 0 ? -static_cast<int64_t>(count) : static_cast<int64_t>(count);
  std::memcpy(object->limbs(), mpz_limbs_read(z), count * sizeof(mp_limb_t));
  return object;
}

Value make_int_mpz(Thread& t, const mpz_t z) {
  if (mpz_size(z) <= 1) {
    uint64_t magnitude = mpz_size(z) == 0 ? 0 : mpz_getlimbn(z, 0);
    if (magnitude <= static_cast<uint64_t>(Value::kMaxInt))
      return Value::from_int(mpz_sgn(z) < 0 ? -static_cast<int64_t>(magnitude)
                                            : static_cast<int64_t>(magnitude));
    if (magnitude == uint64_t{1} << 62 && mpz_sgn(z) < 0) return Value::from_int(Value::kMinInt);
  }
  return make_int_boxed(t, t.types().int_, z);
}

Value make_int(Thread& t, int64_t i) {
  if (Value::fits_int(i)) return Value::from_int(i);
  mp_limb_t limb = i < 0 ? -static_cast<uint64_t>(i) : static_cast<uint64_t>(i);
  mpz_t z;
  mpz_roinit_n(z, &limb, i < 0 ? -1 : 1);
  return make_int_boxed(t, t.types().int_, z);
}

Value make_int_unsigned(Thread& t, uint64_t i) {
  if (i <= static_cast<uint64_t>(Value::kMaxInt)) return Value::from_int(static_cast<int64_t>(i));
  mp_limb_t limb = i;
  mpz_t z;
  mpz_roinit_n(z, &limb, 1);
  return make_int_boxed(t, t.types().int_, z);
}

Value int_plain(Thread& t, Value v) {
  if (v.is_int()) return v;
  if (v.is_bool()) return Value::from_int(v.is_true());
  if (v.as_object()->type() == t.types().int_) return v;
  IntView view(v);
  return make_int_mpz(t, view.get());
}

bool int_to_int64(Value v, int64_t* out) {
  if (v.is_int()) return *out = v.as_int(), true;
  if (v.is_bool()) return *out = v.is_true(), true;
  IntObject* object = v.as<IntObject>();
  if (object->size == 0) return *out = 0, true;
  if (object->limb_count() > 1) return false;
  uint64_t magnitude = object->limbs()[0];
  if (object->size > 0) {
    if (magnitude > INT64_MAX) return false;
    *out = static_cast<int64_t>(magnitude);
    return true;
  }
  if (magnitude > uint64_t{1} << 63) return false;
  *out = static_cast<int64_t>(-magnitude);
  return true;
}

// ---- conversions of arbitrary objects

Result<Value> to_index(Thread& t, Value v) {
  if (v.is_int() || is_any_int(v)) return v;
  Type* type = type_of(t, v);
  if (type->slots.index == nullptr)
    return t.raise(Exc::TypeError, "'{}' object cannot be interpreted as an integer", type_name(type));
  Value result = TRY(type->slots.index(t, v));
  if (!is_any_int(result))
    return t.raise(Exc::TypeError, "__index__ returned non-int (type {})", type_name(t, result));
  if (!result.is_int() && !is_exact(result, t.types().int_))
    TRY(warn(
        t, Exc::DeprecationWarning,
        fmt::format("__index__ returned non-int (type {}).  The ability to return an instance of a strict "
                    "subclass of int is deprecated, and may be removed in a future version of Python.",
                    type_name(t, result))));
  return result;
}

Result<int64_t> to_int64(Thread& t, Value v) {
  Value index = TRY(to_index(t, v));
  int64_t out;
  if (!int_to_int64(index, &out))
    return t.raise(Exc::OverflowError, "Python int too large to convert to C long");
  return out;
}

Result<int64_t> to_ssize(Thread& t, Value v, Exc overflow) {
  Value index = TRY(to_index(t, v));
  int64_t out;
  if (!int_to_int64(index, &out))
    return t.raise(overflow, "cannot fit '{}' into an index-sized integer", type_name(t, v));
  return out;
}

int64_t clamp_ssize(Value v) {
  int64_t out;
  if (int_to_int64(v, &out)) return out;
  return v.as<IntObject>()->size < 0 ? INT64_MIN : INT64_MAX;
}

Result<int> to_c_int(Thread& t, Value v) {
  Value index = TRY(to_index(t, v));
  int64_t out;
  if (!int_to_int64(index, &out) || out > INT32_MAX || out < INT32_MIN)
    return t.raise(Exc::OverflowError, "Python int too large to convert to C int");
  return static_cast<int>(out);
}

// The nearest double, ties to even; OverflowError beyond the range.
static Result<double> int_to_double(Thread& t, Value v) {
  int64_t small;
  if (int_to_int64(v, &small)) return static_cast<double>(small);
  IntView view(v);
  mpz_srcptr z = view.get();
  size_t bits = mpz_sizeinbase(z, 2);
  if (bits > 1024) return t.raise(Exc::OverflowError, "int too large to convert to float");
  // GMP truncates: keep 64 top bits with a sticky bit, then round once.
  Mpz top;
  mp_bitcnt_t shift = bits - 64;
  mpz_tdiv_q_2exp(top, z, shift);
  uint64_t mantissa = mpz_getlimbn(top, 0);
  if (mpz_scan1(z, 0) < shift) mantissa |= 1;
  // 64 -> 53 bits with round half even; the sticky bit survives because 11 bits are dropped.
  double result = std::ldexp(static_cast<double>(mantissa), static_cast<int>(shift));
  if (std::isinf(result)) return t.raise(Exc::OverflowError, "int too large to convert to float");
  return mpz_sgn(z) < 0 ? -result : result;
}

Result<Value> converted_to_float(Thread& t, Value v) {
  Type* type = type_of(t, v);
  Value result = TRY(type->slots.float_(t, v));
  if (!is_float(result))
    return t.raise(Exc::TypeError, "{}.__float__ returned non-float (type {})", type_name(type),
                   type_name(t, result));
  if (!result.is_float_inline() && !is_exact(result, t.types().float_))
    TRY(warn(t, Exc::DeprecationWarning,
             fmt::format("{}.__float__ returned non-float (type {}).  The ability to return an instance of a "
                         "strict subclass of float is deprecated, and may be removed in a future version "
                         "of Python.",
                         type_name(type), type_name(t, result))));
  return result;
}

Result<double> to_double(Thread& t, Value v) {
  if (is_float(v)) return float_value(v);
  if (is_any_int(v) && (!v.is_object() || v.as_object()->type() == t.types().int_))
    return int_to_double(t, v);
  Type* type = type_of(t, v);
  if (type->slots.float_ != nullptr) {
    return float_value(TRY(converted_to_float(t, v)));
  }
  if (type->slots.index != nullptr) {
    Value index = TRY(to_index(t, v));
    return int_to_double(t, index);
  }
  return t.raise(Exc::TypeError, "must be real number, not {}", type_name(type));
}

// ---- arithmetic beyond int_arith.cpp

Result<Value> int_pow(Thread& t, Value a, Value b, Value modulus) {
  if (!modulus.is_none()) {
    if (int_is_zero(modulus)) return t.raise(Exc::ValueError, "pow() 3rd argument cannot be 0");
    IntView x(a), e(b), m(modulus);
    Mpz r, base;
    mpz_set(base, x.get());
    if (mpz_sgn(e.get()) < 0) {
      if (mpz_invert(base, base, m.get()) == 0)
        return t.raise(Exc::ValueError, "base is not invertible for the given modulus");
      Mpz positive;
      mpz_neg(positive, e.get());
      mpz_powm(r, base, positive, m.get());
    } else {
      mpz_powm(r, base, e.get(), m.get());
    }
    // Python: the result has the sign of the modulus.
    if (mpz_sgn(m.get()) < 0 && mpz_sgn(r.z) > 0) mpz_add(r, r, m.get());
    return make_int_mpz(t, r);
  }
  if (int_sign(b) < 0) {
    double x = TRY(int_to_double(t, a)), y = TRY(int_to_double(t, b));
    if (x == 0) return t.raise(Exc::ZeroDivisionError, "0.0 cannot be raised to a negative power");
    return make_float(t, std::pow(x, y));
  }
  if (a.is_int() && b.is_int()) {
    int64_t base = a.as_int(), result = 1;
    bool fits = true;
    for (auto e = static_cast<uint64_t>(b.as_int()); fits;
         fits = !__builtin_mul_overflow(base, base, &base)) {
      if ((e & 1) != 0) fits = !__builtin_mul_overflow(result, base, &result);
      if ((e >>= 1) == 0 || !fits) break;
    }
    if (fits) return make_int(t, result);
  }
  int64_t exponent;
  if (!int_to_int64(b, &exponent)) {
    if (int_is_zero(a)) return Value::from_int(0);
    int64_t base;
    if (int_to_int64(a, &base) && (base == 1 || base == -1))
      return Value::from_int(base == 1 || int_is_zero(TRY(int_mod(t, b, Value::from_int(2)))) ? 1 : -1);
    return too_large(t);
  }
  IntView x(a);
  size_t bits = mpz_sizeinbase(x.get(), 2);
  if (bits > 1 && static_cast<uint64_t>(exponent) > kMaxIntLimbs * 64 / (bits - 1)) return too_large(t);
  // GMP ends the process where it finds no memory, of which it takes some times what the result has.
  constexpr size_t kWorkspace = 6;
  if (!os::has_room(bits * static_cast<size_t>(exponent) / 8 * kWorkspace)) return t.raise_memory_error();
  Mpz r;
  mpz_pow_ui(r, x.get(), static_cast<unsigned long>(exponent));
  return make_int_mpz(t, r);
}

// Correctly rounded quotient, as CPython: scale so that the integer quotient has at least 55 bits plus a
// sticky bit.
Result<Value> int_truediv(Thread& t, Value a, Value b) {
  if (int_is_zero(b)) return t.raise(Exc::ZeroDivisionError, "division by zero");
  constexpr int64_t kExact = int64_t{1} << 53;
  if (a.is_int() && b.is_int()) {
    int64_t x = a.as_int(), y = b.as_int();
    if (x <= kExact && x >= -kExact && y <= kExact && y >= -kExact)
      return make_float(t, static_cast<double>(x) / static_cast<double>(y));
  }
  IntView x(a), y(b);
  bool negative = (mpz_sgn(x.get()) < 0) != (mpz_sgn(y.get()) < 0);
  if (mpz_sgn(x.get()) == 0) return make_float(t, negative ? -0.0 : 0.0);
  auto exponent =
      static_cast<int64_t>(mpz_sizeinbase(x.get(), 2)) - static_cast<int64_t>(mpz_sizeinbase(y.get(), 2));
  if (exponent > 1025) return t.raise(Exc::OverflowError, "integer division result too large for a float");
  if (exponent < -1080) return make_float(t, negative ? -0.0 : 0.0);
  // Bits wanted: fewer for subnormal results, so that ldexp does not round a second time.
  int64_t shift = exponent - 55;
  if (shift < -1074 - 2) shift = -1074 - 2;
  Mpz numerator, denominator, quotient, remainder;
  mpz_abs(numerator, x.get());
  mpz_abs(denominator, y.get());
  if (shift < 0)
    mpz_mul_2exp(numerator, numerator, static_cast<mp_bitcnt_t>(-shift));
  else
    mpz_mul_2exp(denominator, denominator, static_cast<mp_bitcnt_t>(shift));
  mpz_tdiv_qr(quotient, remainder, numerator, denominator);
  uint64_t q = mpz_getlimbn(quotient, 0);
  bool sticky = mpz_sgn(remainder.z) != 0;
  // Round half even to 53 bits, or to the bit of weight 2^-1074.
  int bits = 64 - __builtin_clzll(q | 1);
  int64_t drop = bits - 53;
  if (drop < -1074 - shift) drop = -1074 - shift;
  if (drop > 0) {
    uint64_t mask = (uint64_t{1} << drop) - 1, rest = q & mask, half = uint64_t{1} << (drop - 1);
    q >>= drop;
    if (rest > half || (rest == half && (sticky || (q & 1)))) ++q;
    shift += drop;
  }
  double result = std::ldexp(static_cast<double>(q), static_cast<int>(shift));
  if (std::isinf(result)) return t.raise(Exc::OverflowError, "integer division result too large for a float");
  return make_float(t, negative ? -result : result);
}

int int_compare(Value a, Value b) {
  if (a.is_int() && b.is_int()) return a.as_int() < b.as_int() ? -1 : a.as_int() > b.as_int();
  IntView x(a), y(b);
  int c = mpz_cmp(x.get(), y.get());
  return c < 0 ? -1 : c > 0;
}

int64_t int_hash(Value v) {
  constexpr uint64_t kModulus = (uint64_t{1} << 61) - 1;
  int64_t small;
  if (int_to_int64(v, &small)) {
    uint64_t magnitude = small < 0 ? -static_cast<uint64_t>(small) : static_cast<uint64_t>(small);
    auto h = static_cast<int64_t>(magnitude % kModulus);
    if (small < 0) h = -h;
    return h == -1 ? -2 : h;
  }
  IntView view(v);
  auto h = static_cast<int64_t>(mpz_tdiv_ui(view.get(), kModulus));
  if (mpz_sgn(view.get()) < 0) h = -h;
  return h == -1 ? -2 : h;
}

// ---- text

std::string int_to_text(Value v, int base) {
  int64_t small;
  if (base == 10 && int_to_int64(v, &small)) return fmt::format_int(small).str();
  IntView view(v);
  std::string out(mpz_sizeinbase(view.get(), base) + 2, '\0');
  mpz_get_str(out.data(), base, view.get());
  out.resize(std::strlen(out.c_str()));
  return out;
}

Result<Value> int_repr(Thread& t, Value v) {
  int64_t small;
  if (int_to_int64(v, &small)) {
    fmt::format_int text(small);
    return make_str_latin1(t, reinterpret_cast<const uint8_t*>(text.data()), text.size());
  }
  IntView view(v);
  int limit = t.runtime().int_max_str_digits.load(std::memory_order_relaxed);
  if (limit > 0 && mpz_sizeinbase(view.get(), 2) > static_cast<size_t>(limit) * 3321928 / 1000000 + 4)
    return t.raise(Exc::ValueError,
                   "Exceeds the limit ({} digits) for integer string conversion; use "
                   "sys.set_int_max_str_digits() to increase the limit",
                   limit);
  std::string text = int_to_text(v, 10);
  if (limit > 0 && text.size() - (text[0] == '-') > static_cast<size_t>(limit))
    return t.raise(Exc::ValueError,
                   "Exceeds the limit ({} digits) for integer string conversion; use "
                   "sys.set_int_max_str_digits() to increase the limit",
                   limit);
  return make_str(t, text);
}

static int digit_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'z') return c - 'a' + 10;
  if (c >= 'A' && c <= 'Z') return c - 'A' + 10;
  return 99;
}

Result<Value> int_from_text(Thread& t, std::string_view text, int base, Value original) {
  auto invalid = [&]() -> Error {
    return t.raise(Exc::ValueError, "invalid literal for int() with base {}: {}", base,
                   repr_text(t, original));
  };
  auto is_space = [](char c) { return c == ' ' || (c >= '\t' && c <= '\r') || (c >= 0x1c && c <= 0x1f); };
  while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
  bool negative = false;
  if (!text.empty() && (text[0] == '+' || text[0] == '-')) {
    negative = text[0] == '-';
    text.remove_prefix(1);
  }
  int real_base = base;
  bool prefix = false;
  if (text.size() >= 2 && text[0] == '0') {
    char p = static_cast<char>(text[1] | 32);
    int prefix_base = p == 'x' ? 16 : p == 'o' ? 8 : p == 'b' ? 2 : 0;
    if (prefix_base != 0 && (base == 0 || base == prefix_base)) {
      real_base = prefix_base;
      text.remove_prefix(2);
      if (!text.empty() && text[0] == '_') text.remove_prefix(1);
      prefix = true;
    }
  }
  if (real_base == 0) real_base = 10;
  std::string digits;
  bool underscore = true;  // none at the start
  for (char c : text) {
    if (c == '_') {
      if (underscore) return invalid();
      underscore = true;
      continue;
    }
    if (digit_value(c) >= real_base) return invalid();
    digits += c;
    underscore = false;
  }
  if (digits.empty() || underscore) return invalid();
  if (base == 0 && !prefix && digits[0] == '0' && digits.find_first_not_of('0') != std::string::npos)
    return invalid();
  bool power_of_two = (real_base & (real_base - 1)) == 0;
  int limit = t.runtime().int_max_str_digits.load(std::memory_order_relaxed);
  if (!power_of_two && limit > 0 && digits.size() > static_cast<size_t>(limit))
    return t.raise(Exc::ValueError,
                   "Exceeds the limit ({} digits) for integer string conversion: value has {} digits; use "
                   "sys.set_int_max_str_digits() to increase the limit",
                   limit, digits.size());
  if (digits.size() <= 11) {  // 36^11 < 2^62
    int64_t value = 0;
    for (char c : digits) value = value * real_base + digit_value(c);
    return make_int(t, negative ? -value : value);
  }
  if (!os::has_room(digits.size() * 6)) return t.raise_memory_error();  // as in int_pow
  Mpz z;
  mpz_set_str(z, digits.c_str(), real_base);
  if (negative) mpz_neg(z, z);
  return make_int_mpz(t, z);
}

}  // namespace mp

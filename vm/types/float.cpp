// float: shortest repr, parsing, arithmetic with Python's semantics, methods.
#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstring>

#include "vm/native/native.h"
#include "vm/protocol/protocol.h"
#include "vm/types/buffer.h"
#include "vm/types/number.h"
#include "vm/types/number_convert.h"
#include "vm/types/runtime.h"

namespace mp {

Value make_float_boxed(Thread& t, double d) {
  auto* object = t.heap().make<FloatObject>(t, t.types().float_);
  object->value = d;
  return object;
}

// repr(): the shortest digits that read back as the same double; exponent form below 1e-4 and from 1e16.
std::string float_repr(double d) {
  if (std::isnan(d)) return "nan";
  if (std::isinf(d)) return d < 0 ? "-inf" : "inf";
  // fmt gives the shortest digits, and the exponent form where repr() does.
  std::string text = fmt::format("{}", d);
  if (text.find_first_of(".e") == std::string::npos) text += ".0";
  return text;
}

int64_t float_hash(double d) {
  constexpr uint64_t kModulus = (uint64_t{1} << 61) - 1;
  if (std::isinf(d)) return d > 0 ? 314159 : -314159;
  if (std::isnan(d)) return 0;  // callers that have an object use its address
  if (d == std::floor(d) && std::fabs(d) < 1e18) {
    auto i = static_cast<int64_t>(d);
    uint64_t magnitude = i < 0 ? -static_cast<uint64_t>(i) : static_cast<uint64_t>(i);
    auto h = static_cast<int64_t>(magnitude % kModulus);
    if (i < 0) h = -h;
    return h == -1 ? -2 : h;
  }
  int exponent;
  double m = std::frexp(d, &exponent);
  int sign = 1;
  if (m < 0) {
    sign = -1;
    m = -m;
  }
  uint64_t x = 0;
  while (m != 0) {
    x = ((x << 28) & kModulus) | x >> 33;
    m *= 268435456.0;
    exponent -= 28;
    auto y = static_cast<uint64_t>(m);
    m -= static_cast<double>(y);
    x += y;
    if (x >= kModulus) x -= kModulus;
  }
  exponent = exponent >= 0 ? exponent % 61 : 60 - ((-1 - exponent) % 61);
  x = ((x << exponent) & kModulus) | x >> (61 - exponent);
  auto h = static_cast<int64_t>(x) * sign;
  return h == -1 ? -2 : h;
}

double float_mod(double a, double b) {
  double r = std::fmod(a, b);
  if (r != 0) {
    if ((b < 0) != (r < 0)) r += b;
  } else {
    r = std::copysign(0.0, b);
  }
  return r;
}

double float_floordiv(double a, double b) {
  double r = std::fmod(a, b);
  double q = (a - r) / b;
  if (r != 0 && (b < 0) != (r < 0)) q -= 1.0;
  if (q == 0) return std::copysign(0.0, a / b);
  double floored = std::floor(q);
  return q - floored > 0.5 ? floored + 1.0 : floored;
}

// Digits with a point somewhere: with at most 15 of them the number and the power of ten are both exact, and
// their quotient is rounded once. False: not of this kind.
static bool short_decimal(std::string_view text, double* value) {
  static constexpr double kPowers[] = {1e0, 1e1, 1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                       1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15};
  if (text.size() > 16 || text.size() < 2) return false;
  uint64_t number = 0;
  size_t digits = 0, point = text.size();
  for (size_t i = 0; i < text.size(); ++i) {
    auto digit = static_cast<uint8_t>(text[i] - '0');
    if (digit < 10) {
      number = number * 10 + digit;
      ++digits;
    } else if (text[i] == '.' && point == text.size()) {
      point = i;
    } else {
      return false;
    }
  }
  if (digits == 0 || digits > 15) return false;
  *value = static_cast<double>(number) / kPowers[point == text.size() ? 0 : text.size() - 1 - point];
  return true;
}

Result<double> float_from_text(Thread& t, std::string_view text, Value original) {
  if (double simple; short_decimal(text, &simple)) return simple;
  auto invalid = [&]() -> Error {
    return t.raise(Exc::ValueError, "could not convert string to float: {}", repr_text(t, original));
  };
  auto is_space = [](char c) { return c == ' ' || (c >= '\t' && c <= '\r') || (c >= 0x1c && c <= 0x1f); };
  while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
  std::string clean;
  bool has_underscores = text.find('_') != std::string_view::npos;
  for (size_t i = 0; has_underscores && i < text.size(); ++i) {
    if (text[i] == '_') {
      bool between = i > 0 && i + 1 < text.size() && text[i - 1] >= '0' && text[i - 1] <= '9' &&
                     text[i + 1] >= '0' && text[i + 1] <= '9';
      if (!between) return invalid();
      continue;
    }
    clean += text[i];
  }
  std::string_view rest = has_underscores ? std::string_view(clean) : text;
  bool negative = false;
  if (!rest.empty() && (rest[0] == '+' || rest[0] == '-')) {
    negative = rest[0] == '-';
    rest.remove_prefix(1);
  }
  if (rest.empty()) return invalid();
  double value = 0;
  auto is_word = [&](const char* word) {
    return rest.size() == std::strlen(word) && strncasecmp(rest.data(), word, rest.size()) == 0;
  };
  if (is_word("inf") || is_word("infinity")) {
    value = HUGE_VAL;
  } else if (is_word("nan")) {
    value = std::nan("");
  } else {
    if (!((rest[0] >= '0' && rest[0] <= '9') || rest[0] == '.')) return invalid();
    auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), value);
    if (end != rest.data() + rest.size()) return invalid();
    if (error == std::errc::invalid_argument) return invalid();
    if (error == std::errc::result_out_of_range) value = std::strtod(std::string(rest).c_str(), nullptr);
  }
  return negative ? -value : value;
}

// ---- operands: float or int, else NotImplemented. An int too large raises OverflowError.

enum class Operand { Float, Foreign, Failed };
static Operand float_operand(Thread& t, Value v, double* out) {
  if (is_float(v)) return *out = float_value(v), Operand::Float;
  if (is_any_int(v)) {
    auto converted = to_double(t, int_plain(t, v));
    if (converted.is_error()) return Operand::Failed;
    return *out = converted.value(), Operand::Float;
  }
  return Operand::Foreign;
}

#define MP_FLOAT_OPERANDS(x, y)                                                             \
  double x = 0, y = 0;                                                                      \
  if (Operand o = float_operand(t, a, &x); o != Operand::Float)                             \
    return o == Operand::Foreign ? Result<Value>(kNotImplemented) : Result<Value>(Error{}); \
  if (Operand o = float_operand(t, b, &y); o != Operand::Float)                             \
  return o == Operand::Foreign ? Result<Value>(kNotImplemented) : Result<Value>(Error{})

static Result<Value> float_add(Thread& t, Value a, Value b) {
  MP_FLOAT_OPERANDS(x, y);
  return make_float(t, x + y);
}
static Result<Value> float_sub(Thread& t, Value a, Value b) {
  MP_FLOAT_OPERANDS(x, y);
  return make_float(t, x - y);
}
static Result<Value> float_mul(Thread& t, Value a, Value b) {
  MP_FLOAT_OPERANDS(x, y);
  return make_float(t, x * y);
}
static Result<Value> float_truediv(Thread& t, Value a, Value b) {
  MP_FLOAT_OPERANDS(x, y);
  if (y == 0) return t.raise(Exc::ZeroDivisionError, "float division by zero");
  return make_float(t, x / y);
}
static Result<Value> float_floordiv_slot(Thread& t, Value a, Value b) {
  MP_FLOAT_OPERANDS(x, y);
  if (y == 0) return t.raise(Exc::ZeroDivisionError, "float floor division by zero");
  return make_float(t, float_floordiv(x, y));
}
static Result<Value> float_mod_slot(Thread& t, Value a, Value b) {
  MP_FLOAT_OPERANDS(x, y);
  if (y == 0) return t.raise(Exc::ZeroDivisionError, "float modulo");
  return make_float(t, float_mod(x, y));
}
static Result<Value> float_divmod(Thread& t, Value a, Value b) {
  MP_FLOAT_OPERANDS(x, y);
  if (y == 0) return t.raise(Exc::ZeroDivisionError, "float divmod()");
  return make_tuple(t, {make_float(t, float_floordiv(x, y)), make_float(t, float_mod(x, y))});
}
static Result<Value> float_pow(Thread& t, Value a, Value b, Value modulus) {
  if (!modulus.is_none())
    return t.raise(Exc::TypeError, "pow() 3rd argument not allowed unless all arguments are integers");
  MP_FLOAT_OPERANDS(x, y);
  if (y == 0 || x == 1) return make_float(t, 1.0);
  if (std::isnan(x) || std::isnan(y)) return make_float(t, x + y);
  if (x == 0 && y < 0 && std::isfinite(y))
    return t.raise(Exc::ZeroDivisionError, "0.0 cannot be raised to a negative power");
  if (x < 0 && std::isfinite(x) && std::isfinite(y) && y != std::floor(y)) {
    Value base = make_complex(t, x, 0), exponent = make_complex(t, y, 0);
    return t.types().complex->slots.pow(t, base, exponent, kNone);
  }
  double r = std::pow(x, y);
  if (std::isinf(r) && std::isfinite(x) && std::isfinite(y))
    return t.raise_value(Exc::OverflowError,
                         make_tuple(t, {Value::from_int(34), make_str(t, "Numerical result out of range")}));
  return make_float(t, r);
}
static Result<Value> float_neg(Thread& t, Value v) { return make_float(t, -float_value(v)); }
static Result<Value> float_pos(Thread& t, Value v) { return make_float(t, float_value(v)); }
static Result<Value> float_abs(Thread& t, Value v) { return make_float(t, std::fabs(float_value(v))); }
static Result<bool> float_bool(Thread&, Value v) { return float_value(v) != 0; }
static Result<Value> float_repr_slot(Thread& t, Value v) { return make_str(t, float_repr(float_value(v))); }
static Result<int64_t> float_hash_slot(Thread&, Value v) {
  double d = float_value(v);
  if (std::isnan(d)) return static_cast<int64_t>(v.bits() >> 4);
  return float_hash(d);
}

static Result<Value> double_to_int(Thread& t, double d) {
  if (std::isnan(d)) return t.raise(Exc::ValueError, "cannot convert float NaN to integer");
  if (std::isinf(d)) return t.raise(Exc::OverflowError, "cannot convert float infinity to integer");
  if (std::fabs(d) < 4e18) return make_int(t, static_cast<int64_t>(d));
  Mpz z;
  mpz_set_d(z, d);
  return make_int_mpz(t, z);
}
static Result<Value> float_int(Thread& t, Value v) { return double_to_int(t, std::trunc(float_value(v))); }

// Exact comparison of a float with an int of any size.
static int compare_with_int(double d, Value i) {
  int64_t small;
  if (int_to_int64(i, &small) && small > -(int64_t{1} << 53) && small < (int64_t{1} << 53)) {
    auto x = static_cast<double>(small);
    return d < x ? -1 : d > x;
  }
  if (std::isinf(d)) return d < 0 ? -1 : 1;
  IntView view(i);
  int c = -mpz_cmp_d(view.get(), d);
  return c < 0 ? -1 : c > 0;
}
static Result<Value> float_compare(Thread&, Value a, Value b, CompareOp op) {
  double x = float_value(a);
  bool lt, eq, gt;
  if (is_float(b)) {
    double y = float_value(b);
    lt = x<y, eq = x == y, gt = x> y;
  } else if (is_any_int(b)) {
    if (std::isnan(x)) {
      lt = eq = gt = false;
    } else {
      int c = compare_with_int(x, b);
      lt = c<0, eq = c == 0, gt = c> 0;
    }
  } else {
    return kNotImplemented;
  }
  switch (op) {
    case CompareOp::Lt: return Value::from_bool(lt);
    case CompareOp::Le: return Value::from_bool(lt || eq);
    case CompareOp::Eq: return Value::from_bool(eq);
    case CompareOp::Ne: return Value::from_bool(!eq);
    case CompareOp::Gt: return Value::from_bool(gt);
    default: return Value::from_bool(gt || eq);
  }
}

// ---- construction and methods

static Value float_of_type(Thread& t, Type* cls, double d) {
  if (cls == t.types().float_) return make_float(t, d);
  auto* object = t.heap().make<FloatObject>(t, cls);
  object->value = d;
  return object;
}

static Result<Value> float_new(Thread& t, const Value* args) {
  auto* cls = args[0].as<Type>();
  Value x = args[1];
  if (x.is_empty()) return float_of_type(t, cls, 0.0);
  if (is_str(x) && type_of(t, x)->slots.float_ == nullptr) {
    auto* s = x.as<StrObject>();
    if (s->is_ascii()) return float_of_type(t, cls, TRY(float_from_text(t, s->ascii(), x)));
    return float_of_type(t, cls, TRY(float_from_text(t, number_text(s), x)));
  }
  Type* type = type_of(t, x);
  bool number = is_float(x) || is_any_int(x) || type->slots.float_ != nullptr || type->slots.index != nullptr;
  if (!number && supports_buffer(t, x)) {
    std::string text(TRY(bytes_view(t, x)));
    return float_of_type(t, cls, TRY(float_from_text(t, text, x)));
  }
  if (!number)
    return t.raise(Exc::TypeError, "float() argument must be a string or a real number, not '{}'",
                   type_name(type));
  if (is_float(x) && x.is_object() && type != t.types().float_ && type->slots.float_ != nullptr)
    return float_of_type(t, cls, float_value(TRY(converted_to_float(t, x))));
  return float_of_type(t, cls, TRY(to_double(t, x)));
}

static Result<Value> float_is_integer(Thread&, const Value* args) {
  double d = float_value(args[0]);
  return Value::from_bool(std::isfinite(d) && d == std::floor(d));
}
static Result<Value> float_as_integer_ratio(Thread& t, const Value* args) {
  double d = float_value(args[0]);
  if (std::isinf(d)) return t.raise(Exc::OverflowError, "cannot convert Infinity to integer ratio");
  if (std::isnan(d)) return t.raise(Exc::ValueError, "cannot convert NaN to integer ratio");
  int exponent;
  double m = std::frexp(d, &exponent);
  for (int i = 0; i < 300 && m != std::floor(m); ++i) {
    m *= 2;
    --exponent;
  }
  Mpz numerator, denominator(1);
  mpz_set_d(numerator, m);
  if (exponent > 0)
    mpz_mul_2exp(numerator, numerator, static_cast<mp_bitcnt_t>(exponent));
  else
    mpz_mul_2exp(denominator, denominator, static_cast<mp_bitcnt_t>(-exponent));
  return make_tuple(t, {make_int_mpz(t, numerator), make_int_mpz(t, denominator)});
}
static Result<Value> float_trunc(Thread& t, const Value* args) {
  return double_to_int(t, std::trunc(float_value(args[0])));
}
static Result<Value> float_floor(Thread& t, const Value* args) {
  return double_to_int(t, std::floor(float_value(args[0])));
}
static Result<Value> float_ceil(Thread& t, const Value* args) {
  return double_to_int(t, std::ceil(float_value(args[0])));
}
static Result<Value> float_round(Thread& t, const Value* args) {
  double d = float_value(args[0]);
  if (args[1].is_empty() || args[1].is_none()) return double_to_int(t, std::nearbyint(d));
  Value index = TRY(to_index(t, args[1]));
  int64_t digits = clamp_ssize(index);
  if (!std::isfinite(d) || d == 0 || digits > 323) return make_float(t, d);
  if (digits < -308) return make_float(t, std::copysign(0.0, d));
  // The decimal expansion of a double is exact in glibc's printf, so rounding happens once, on the true
  // value.
  if (digits >= 0) {
    char buffer[800];
    std::snprintf(buffer, sizeof buffer, "%.*f", static_cast<int>(digits), d);
    return make_float(t, std::strtod(buffer, nullptr));
  }
  double unit = std::pow(10.0, static_cast<double>(-digits));
  double scaled = std::nearbyint(d / unit);
  if (std::fabs(d / unit - std::trunc(d / unit)) == 0.5) scaled = 2.0 * std::nearbyint(d / unit / 2.0);
  double result = scaled * unit;
  if (std::isinf(result)) return t.raise(Exc::OverflowError, "rounded value too large to represent");
  return make_float(t, result);
}
static Result<Value> float_conjugate(Thread& t, const Value* args) {
  return make_float(t, float_value(args[0]));
}
static Result<Value> float_getnewargs(Thread& t, const Value* args) {
  return make_tuple(t, {make_float(t, float_value(args[0]))});
}
static Result<Value> float_format_method(Thread& t, const Value* args) {
  if (!is_str(args[1]))
    return t.raise(Exc::TypeError, "__format__() argument must be str, not {}", type_name(t, args[1]));
  if (args[1].as<StrObject>()->length() == 0) return str(t, args[0]);  // a subclass may have its own __str__
  return format_float(t, float_value(args[0]), args[1].as<StrObject>());
}

static Result<Value> float_hex(Thread& t, const Value* args) {
  double d = float_value(args[0]);
  if (!std::isfinite(d)) return make_str(t, float_repr(d));
  if (d == 0) return make_str(t, std::signbit(d) ? "-0x0.0p+0" : "0x0.0p+0");
  int exponent;
  double m = std::frexp(std::fabs(d), &exponent);
  int shift = 1 - std::max(-1021 - exponent, 0);
  m = std::ldexp(m, shift);
  exponent -= shift;
  auto leading = static_cast<int>(m);
  std::string out = fmt::format("{}0x{}.", std::signbit(d) ? "-" : "", leading);
  m -= leading;
  for (int i = 0; i < 13; ++i) {
    m *= 16;
    auto digit = static_cast<int>(m);
    out += "0123456789abcdef"[digit];
    m -= digit;
  }
  out += fmt::format("p{}{}", exponent < 0 ? '-' : '+', std::abs(exponent));
  return make_str(t, out);
}

// "1.8p3": hexadecimal digits with a point and a binary exponent, rounded once, half to even. (glibc's strtod
// goes wrong at the border of the subnormal numbers.)
static double hex_to_double(const std::string& text) {
  uint64_t mantissa = 0;
  int64_t exponent = 0;
  size_t i = 0;
  bool point = false;
  for (; i < text.size() && (text[i] | 32) != 'p'; ++i) {
    if (text[i] == '.') {
      point = true;
      continue;
    }
    auto digit = static_cast<uint64_t>(text[i] <= '9' ? text[i] - '0' : (text[i] | 32) - 'a' + 10);
    if (mantissa >> 60 != 0) {
      mantissa |= digit != 0;  // sticky: far below the last bit that counts
      exponent += point ? 0 : 4;
    } else {
      mantissa = mantissa << 4 | digit;
      exponent -= point ? 4 : 0;
    }
  }
  if (mantissa == 0) return 0.0;
  if (i < text.size())
    exponent += std::clamp<int64_t>(std::strtoll(text.c_str() + i + 1, nullptr, 10), -(int64_t{1} << 60),
                                    int64_t{1} << 60);
  int bits = 64 - __builtin_clzll(mantissa);
  if (exponent + bits > 1100) return HUGE_VAL;
  if (exponent + bits < -1100) return 0.0;
  auto drop = static_cast<int>(std::max<int64_t>(bits - 53, -1074 - exponent));
  if (drop > 63) return drop == bits && mantissa > uint64_t{1} << 63 ? std::ldexp(1.0, -1074) : 0.0;
  if (drop > 0) {
    uint64_t rest = mantissa & ((uint64_t{1} << drop) - 1), half = uint64_t{1} << (drop - 1);
    mantissa >>= drop;
    if (rest > half || (rest == half && (mantissa & 1) != 0)) ++mantissa;
    exponent += drop;
  }
  return std::ldexp(static_cast<double>(mantissa), static_cast<int>(exponent));
}

static Result<Value> float_fromhex(Thread& t, const Value* args) {
  if (!is_str(args[1])) return t.raise(Exc::TypeError, "bad argument type for built-in operation");
  std::string text = to_utf8(args[1].as<StrObject>());
  auto invalid = [&] { return t.raise(Exc::ValueError, "invalid hexadecimal floating-point string"); };
  size_t begin = text.find_first_not_of(" \t\n\v\f\r"), end = text.find_last_not_of(" \t\n\v\f\r");
  if (begin == std::string::npos) return invalid();
  text = text.substr(begin, end - begin + 1);
  size_t i = 0;
  bool negative = false;
  if (text[i] == '+' || text[i] == '-') negative = text[i++] == '-';
  std::string body = text.substr(i);
  auto same = [&](const char* word) { return strcasecmp(body.c_str(), word) == 0; };
  double value;
  if (same("inf") || same("infinity")) {
    value = HUGE_VAL;
  } else if (same("nan")) {
    value = std::nan("");
  } else {
    if (body.size() > 1 && body[0] == '0' && (body[1] | 32) == 'x') body = body.substr(2);
    size_t p = 0;
    bool digits = false, dot = false;
    while (p < body.size() &&
           (std::isxdigit(static_cast<unsigned char>(body[p])) || (body[p] == '.' && !dot))) {
      if (body[p] == '.')
        dot = true;
      else
        digits = true;
      ++p;
    }
    if (!digits) return invalid();
    if (p < body.size()) {
      if ((body[p] | 32) != 'p') return invalid();
      size_t q = p + 1;
      if (q < body.size() && (body[q] == '+' || body[q] == '-')) ++q;
      if (q >= body.size()) return invalid();
      for (; q < body.size(); ++q)
        if (!std::isdigit(static_cast<unsigned char>(body[q]))) return invalid();
    }
    value = hex_to_double(body);
    if (std::isinf(value))
      return t.raise(Exc::OverflowError, "hexadecimal value too large to represent as a float");
  }
  if (negative) value = -value;
  auto* cls = args[0].as<Type>();
  Value result = make_float(t, value);
  return cls == t.types().float_ ? Result<Value>(result) : call(t, cls, {result});
}

static Result<Value> float_from_number(Thread& t, const Value* args) {
  Value x = args[1];
  if (is_str(x)) return t.raise(Exc::TypeError, "must be real number, not str");
  Value result = make_float(t, TRY(to_double(t, x)));
  auto* cls = args[0].as<Type>();
  return cls == t.types().float_ ? Result<Value>(result) : call(t, cls, {result});
}
static Result<Value> float_getformat(Thread& t, const Value* args) {
  if (!is_str(args[1]))
    return t.raise(Exc::TypeError, "__getformat__() argument must be str, not {}", type_name(t, args[1]));
  if ((!str_equal(args[1].as<StrObject>(), "double") && !str_equal(args[1].as<StrObject>(), "float")))
    return t.raise(Exc::ValueError, "__getformat__() argument 1 must be 'double' or 'float'");
  return make_str(t, "IEEE, little-endian");
}
static Result<Value> float_get_real(Thread& t, Value self) { return make_float(t, float_value(self)); }
static Result<Value> float_get_imag(Thread& t, Value) { return make_float(t, 0.0); }

static const GetSetDef kFloatGetSets[] = {
    {"real", float_get_real, nullptr, "the real part of a complex number"},
    {"imag", float_get_imag, nullptr, "the imaginary part of a complex number"},
    {}};
static const NativeDef kFloatMethods[] = {
    MP_NEW(float_new, "__new__(cls, x=?, /)", nullptr),
    MP_METHOD(float_is_integer, "is_integer(self, /)", "Return True if the float is an integer."),
    MP_METHOD(float_as_integer_ratio, "as_integer_ratio(self, /)",
              "Return a pair of integers, whose ratio is exactly equal to the original float."),
    MP_METHOD(float_conjugate, "conjugate(self, /)", "Return self, the complex conjugate of any float."),
    MP_METHOD(float_hex, "hex(self, /)", "Return a hexadecimal representation of a floating-point number."),
    MP_CLASS_METHOD(float_fromhex, "fromhex(cls, string, /)",
                    "Create a floating-point number from a hexadecimal string."),
    MP_CLASS_METHOD(float_from_number, "from_number(cls, number, /)",
                    "Convert real number to a floating-point number."),
    MP_CLASS_METHOD(float_getformat, "__getformat__(cls, typestr, /)", nullptr),
    MP_METHOD(float_trunc, "__trunc__(self, /)", "Return the Integral closest to x between 0 and x."),
    MP_METHOD(float_floor, "__floor__(self, /)", "Return the floor as an Integral."),
    MP_METHOD(float_ceil, "__ceil__(self, /)", "Return the ceiling as an Integral."),
    MP_METHOD(float_round, "__round__(self, ndigits=None, /)",
              "Return the Integral closest to x, rounding half toward even."),
    MP_METHOD(float_format_method, "__format__(self, format_spec, /)",
              "Formats the float according to format_spec."),
    MP_METHOD(float_getnewargs, "__getnewargs__(self, /)", nullptr),
    MP_END};

extern const TypeSpec kFloatSpec;
const TypeSpec kFloatSpec = {
    .name = "float",
    .kind = Kind::Float,
    .size = sizeof(FloatObject),
    .flags = kTypeBaseType | kTypeFloatSubclass | kTypeMatchSelf,
    .doc = "Convert a string or number to a floating-point number, if possible.",
    .slots = MP_SLOTS(.repr = float_repr_slot, .hash = float_hash_slot, .compare = float_compare,
                      .add = float_add, .sub = float_sub, .mul = float_mul, .truediv = float_truediv,
                      .floordiv = float_floordiv_slot, .mod = float_mod_slot, .divmod = float_divmod,
                      .pow = float_pow, .neg = float_neg, .pos = float_pos, .abs = float_abs,
                      .bool_ = float_bool, .int_ = float_int, .float_ = float_pos),
    .methods = kFloatMethods,
    .getsets = kFloatGetSets};

}  // namespace mp

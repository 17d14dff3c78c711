// complex: arithmetic, parsing, repr, methods.
#include <cmath>
#include <complex>
#include <cstring>

#include "vm/native/native.h"
#include "vm/protocol/protocol.h"
#include "vm/types/exception.h"
#include "vm/types/number.h"
#include "vm/types/number_convert.h"
#include "vm/types/runtime.h"

namespace mp {

using Complex = std::complex<double>;

Value make_complex(Thread& t, double real, double imag) {
  auto* object = t.heap().make<ComplexObject>(t, t.types().complex);
  object->real = real;
  object->imag = imag;
  return object;
}
static Value make_complex(Thread& t, Complex z) { return make_complex(t, z.real(), z.imag()); }

enum class Operand { Number, Foreign, Failed };
static Operand complex_operand(Thread& t, Value v, Complex* out) {
  if (is_kind(v, Kind::Complex)) {
    auto* object = v.as<ComplexObject>();
    *out = Complex(object->real, object->imag);
    return Operand::Number;
  }
  if (is_float(v) || is_any_int(v)) {
    auto d = to_double(t, is_any_int(v) ? int_plain(t, v) : v);
    if (d.is_error()) return Operand::Failed;
    *out = Complex(d.value(), 0);
    return Operand::Number;
  }
  return Operand::Foreign;
}
#define MP_COMPLEX_OPERANDS(x, y)                                                           \
  Complex x, y;                                                                             \
  if (Operand o = complex_operand(t, a, &x); o != Operand::Number)                          \
    return o == Operand::Foreign ? Result<Value>(kNotImplemented) : Result<Value>(Error{}); \
  if (Operand o = complex_operand(t, b, &y); o != Operand::Number)                          \
  return o == Operand::Foreign ? Result<Value>(kNotImplemented) : Result<Value>(Error{})

static Result<Value> complex_add(Thread& t, Value a, Value b) {
  MP_COMPLEX_OPERANDS(x, y);
  return make_complex(t, x + y);
}
static Result<Value> complex_sub(Thread& t, Value a, Value b) {
  MP_COMPLEX_OPERANDS(x, y);
  return make_complex(t, x - y);
}
static Complex multiply(Complex x, Complex y) {  // CPython's plain formula, without C99's infinity recovery
  return {x.real() * y.real() - x.imag() * y.imag(), x.real() * y.imag() + x.imag() * y.real()};
}
static Result<Value> complex_mul(Thread& t, Value a, Value b) {
  MP_COMPLEX_OPERANDS(x, y);
  return make_complex(t, multiply(x, y));
}
static Complex quotient(Complex a, Complex b) {  // Smith's method, as CPython
  double abs_real = std::fabs(b.real()), abs_imag = std::fabs(b.imag());
  if (abs_real >= abs_imag) {
    double ratio = b.imag() / b.real(), denominator = b.real() + b.imag() * ratio;
    return {(a.real() + a.imag() * ratio) / denominator, (a.imag() - a.real() * ratio) / denominator};
  }
  if (abs_imag >= abs_real) {
    double ratio = b.real() / b.imag(), denominator = b.real() * ratio + b.imag();
    return {(a.real() * ratio + a.imag()) / denominator, (a.imag() * ratio - a.real()) / denominator};
  }
  return {std::nan(""), std::nan("")};
}
static Result<Value> complex_truediv(Thread& t, Value a, Value b) {
  MP_COMPLEX_OPERANDS(x, y);
  if (y == Complex(0, 0)) return t.raise(Exc::ZeroDivisionError, "complex division by zero");
  return make_complex(t, quotient(x, y));
}
static Result<Value> complex_pow(Thread& t, Value a, Value b, Value modulus) {
  MP_COMPLEX_OPERANDS(x, y);
  if (!modulus.is_none()) return t.raise(Exc::ValueError, "complex modulo");
  if (y == Complex(0, 0)) return make_complex(t, 1, 0);
  if (x == Complex(0, 0)) {
    if (y.imag() != 0 || y.real() < 0)
      return t.raise(Exc::ZeroDivisionError, "0.0 to a negative or complex power");
    return make_complex(t, 0, 0);
  }
  Complex r;
  if (y.imag() == 0 && y.real() == std::floor(y.real()) && std::fabs(y.real()) <= 100) {
    auto n = static_cast<int>(std::fabs(y.real()));
    r = 1;
    Complex p = x;
    for (; n > 0; n >>= 1) {
      if (n & 1) r = multiply(r, p);
      p = multiply(p, p);
    }
    if (y.real() < 0) r = quotient(1, r);
  } else {
    double length = std::pow(std::hypot(x.real(), x.imag()), y.real());
    double at = std::atan2(x.imag(), x.real()), phase = at * y.real();
    if (y.imag() != 0) {
      length *= std::exp(-at * y.imag());
      phase += y.imag() * std::log(std::hypot(x.real(), x.imag()));
    }
    r = {length * std::cos(phase), length * std::sin(phase)};
  }
  if (!std::isfinite(r.real()) || !std::isfinite(r.imag()))
    if (std::isfinite(x.real()) && std::isfinite(x.imag()) && std::isfinite(y.real()) &&
        std::isfinite(y.imag()))
      return t.raise(Exc::OverflowError, "complex exponentiation");
  return make_complex(t, r);
}
static Complex value_of(Value v) { return {v.as<ComplexObject>()->real, v.as<ComplexObject>()->imag}; }
static Result<Value> complex_neg(Thread& t, Value v) { return make_complex(t, -value_of(v)); }
static Result<Value> complex_pos(Thread& t, Value v) { return make_complex(t, value_of(v)); }
static Result<Value> complex_abs(Thread& t, Value v) {
  Complex z = value_of(v);
  double r = std::hypot(z.real(), z.imag());
  if (std::isinf(r) && std::isfinite(z.real()) && std::isfinite(z.imag()))
    return t.raise(Exc::OverflowError, "absolute value too large");
  return make_float(t, r);
}
static Result<bool> complex_bool(Thread&, Value v) { return value_of(v) != Complex(0, 0); }
static Result<int64_t> complex_hash(Thread&, Value v) {
  Complex z = value_of(v);
  auto h = static_cast<int64_t>(static_cast<uint64_t>(float_hash(z.real())) +
                                1000003u * static_cast<uint64_t>(float_hash(z.imag())));
  return h == -1 ? -2 : h;
}
static Result<Value> complex_compare(Thread& t, Value a, Value b, CompareOp op) {
  if (op != CompareOp::Eq && op != CompareOp::Ne) return kNotImplemented;
  Complex x = value_of(a);
  bool equal;
  if (is_kind(b, Kind::Complex)) {
    equal = x == value_of(b);
  } else if (is_float(b) || is_any_int(b)) {
    equal = x.imag() == 0 && TRY(compare_bool(t, make_float(t, x.real()), b, CompareOp::Eq));
  } else {
    return kNotImplemented;
  }
  return Value::from_bool(equal == (op == CompareOp::Eq));
}

static std::string part(double d) {
  std::string text = float_repr(d);
  if (text.size() > 2 && text.ends_with(".0")) text.resize(text.size() - 2);
  return text;
}
static Result<Value> complex_repr(Thread& t, Value v) {
  Complex z = value_of(v);
  if (z.real() == 0 && !std::signbit(z.real())) return make_str(t, part(z.imag()) + "j");
  std::string imag = part(z.imag());
  if (imag[0] != '-') imag = "+" + imag;
  return make_str(t, "(" + part(z.real()) + imag + "j)");
}

// ---- construction

static Value complex_of_type(Thread& t, Type* cls, Complex z) {
  if (cls == t.types().complex) return make_complex(t, z);
  auto* object = t.heap().make<ComplexObject>(t, cls);
  object->real = z.real();
  object->imag = z.imag();
  return object;
}

// One float at the front of `text`; advances. False when there is none.
static bool scan_float(std::string_view* text, double* out) {
  const char* begin = text->data();
  size_t n = text->size(), i = 0;
  if (i < n && (begin[i] == '+' || begin[i] == '-')) ++i;
  size_t start = i;
  auto word = [&](const char* w) {
    size_t k = std::strlen(w);
    return n - i >= k && strncasecmp(begin + i, w, k) == 0 ? k : 0;
  };
  if (size_t k = word("infinity"); k != 0) {
    i += k;
  } else if (size_t k3 = word("inf") + word("nan"); k3 != 0) {
    i += k3;
  } else {
    bool digits = false;
    auto scan_digits = [&] {
      while (i < n && begin[i] >= '0' && begin[i] <= '9') ++i, digits = true;
    };
    scan_digits();
    if (i < n && begin[i] == '.') ++i, scan_digits();
    if (!digits) return false;
    if (i < n && (begin[i] | 32) == 'e') {
      size_t j = i + 1;
      if (j < n && (begin[j] == '+' || begin[j] == '-')) ++j;
      if (j < n && begin[j] >= '0' && begin[j] <= '9') {
        while (j < n && begin[j] >= '0' && begin[j] <= '9') ++j;
        i = j;
      }
    }
  }
  if (i == start) return false;
  *out = std::strtod(std::string(begin, i).c_str(), nullptr);
  text->remove_prefix(i);
  return true;
}

static Result<Complex> complex_from_text(Thread& t, Value s) {
  auto invalid = [&] { return t.raise(Exc::ValueError, "complex() arg is a malformed string"); };
  std::string clean, raw = number_text(s.as<StrObject>());
  for (size_t i = 0; i < raw.size(); ++i) {
    if (raw[i] == '_') {
      if (i == 0 || i + 1 == raw.size() || !std::isdigit(static_cast<unsigned char>(raw[i - 1])) ||
          !std::isdigit(static_cast<unsigned char>(raw[i + 1])))
        return t.raise(Exc::ValueError, "could not convert string to complex: {}", repr_text(t, s));
      continue;
    }
    clean += raw[i];
  }
  std::string_view text = clean;
  auto trim = [](std::string_view* v) {
    while (!v->empty() && std::isspace(static_cast<unsigned char>(v->front()))) v->remove_prefix(1);
    while (!v->empty() && std::isspace(static_cast<unsigned char>(v->back()))) v->remove_suffix(1);
  };
  trim(&text);
  if (text.size() >= 2 && text.front() == '(' && text.back() == ')') {
    text = text.substr(1, text.size() - 2);
    trim(&text);
  }
  if (text.empty()) return invalid();
  double x = 0, y = 0;
  auto is_j = [&] { return text.size() == 1 && (text[0] | 32) == 'j'; };
  if (scan_float(&text, &x)) {
    if (text.empty()) return Complex(x, 0);
    if (is_j()) return Complex(0, x);
    if (text[0] != '+' && text[0] != '-') return invalid();
    if (!scan_float(&text, &y)) {
      y = text[0] == '-' ? -1 : 1;
      text.remove_prefix(1);
    }
    if (!is_j()) return invalid();
    return Complex(x, y);
  }
  double sign = 1;
  if (text[0] == '+' || text[0] == '-') {
    sign = text[0] == '-' ? -1 : 1;
    text.remove_prefix(1);
  }
  if (!is_j()) return invalid();
  return Complex(0, sign);
}

// A number argument: complex, __complex__, float, int.
static Result<Complex> complex_argument(Thread& t, Value v, const char* message) {
  if (is_exact(v, t.types().complex)) return value_of(v);
  Value special = TRY(call_special(t, v, t.names().complex_));
  if (!special.is_not_found()) {
    if (!is_kind(special, Kind::Complex))
      return t.raise(Exc::TypeError, "__complex__ returned non-complex (type {})", type_name(t, special));
    if (!is_exact(special, t.types().complex))
      TRY(warn(
          t, Exc::DeprecationWarning,
          fmt::format("__complex__ returned non-complex (type {}).  The ability to return an instance of a "
                      "strict subclass of complex is deprecated, and may be removed in a future "
                      "version of Python.",
                      type_name(t, special))));
    return value_of(special);
  }
  Type* type = type_of(t, v);
  if (!is_float(v) && !is_any_int(v) && type->slots.float_ == nullptr && type->slots.index == nullptr)
    return t.raise(Exc::TypeError, fmt::runtime(message), type_name(type));
  if (is_float(v) && v.is_object() && type->slots.float_ != nullptr)
    return Complex(float_value(TRY(converted_to_float(t, v))), 0);
  return Complex(TRY(to_double(t, v)), 0);
}

Result<Complex> to_complex(Thread& t, Value v) {
  return complex_argument(t, v, "must be real number, not {}");
}

static Result<Value> complex_new(Thread& t, const Value* args) {
  auto* cls = args[0].as<Type>();
  Value real = args[1], imag = args[2];
  if (real.is_empty() && imag.is_empty()) return complex_of_type(t, cls, 0);
  if (!real.is_empty() && is_str(real)) {
    if (!imag.is_empty())
      return t.raise(Exc::TypeError, "complex() can't take second arg if first is a string");
    return complex_of_type(t, cls, TRY(complex_from_text(t, real)));
  }
  if (!imag.is_empty() && is_str(imag))
    return t.raise(Exc::TypeError, "complex() second arg can't be a string");
  if (imag.is_empty()) {
    if (is_exact(real, t.types().complex) && cls == t.types().complex) return real;
    return complex_of_type(
        t, cls,
        TRY(complex_argument(t, real, "complex() first argument must be a string or a number, not '{}'")));
  }
  Complex r = 0;
  if (!real.is_empty())
    r = TRY(complex_argument(t, real, "complex() first argument must be a string or a number, not '{}'"));
  Complex i = TRY(complex_argument(t, imag, "complex() second argument must be a number, not '{}'"));
  // Parts that are plain numbers are taken as they are: adding zero would lose the sign of a zero.
  double real_part = i.imag() == 0 ? r.real() : r.real() - i.imag();
  double imag_part = r.imag() == 0 ? i.real() : r.imag() + i.real();
  return complex_of_type(t, cls, Complex(real_part, imag_part));
}
static Result<Value> complex_conjugate(Thread& t, const Value* args) {
  return make_complex(t, std::conj(value_of(args[0])));
}
static Result<Value> complex_self(Thread& t, const Value* args) { return make_complex(t, value_of(args[0])); }
static Result<Value> complex_getnewargs(Thread& t, const Value* args) {
  Complex z = value_of(args[0]);
  return make_tuple(t, {make_float(t, z.real()), make_float(t, z.imag())});
}
static Result<Value> complex_format(Thread& t, const Value* args) {
  if (!is_str(args[1]))
    return t.raise(Exc::TypeError, "__format__() argument must be str, not {}", type_name(t, args[1]));
  if (args[1].as<StrObject>()->length() == 0) return str(t, args[0]);  // a subclass may have its own __str__
  Complex z = value_of(args[0]);
  return format_complex(t, z.real(), z.imag(), args[1].as<StrObject>());
}
static Result<Value> complex_real(Thread& t, Value self) {
  return make_float(t, self.as<ComplexObject>()->real);
}
static Result<Value> complex_imag(Thread& t, Value self) {
  return make_float(t, self.as<ComplexObject>()->imag);
}

static const GetSetDef kComplexGetSets[] = {
    {"real", complex_real, nullptr, "the real part of a complex number"},
    {"imag", complex_imag, nullptr, "the imaginary part of a complex number"},
    {}};
static const NativeDef kComplexMethods[] = {
    MP_NEW(complex_new, "__new__(cls, real=?, imag=?)", nullptr),
    MP_METHOD(complex_conjugate, "conjugate(self, /)",
              "Return the complex conjugate of its argument. (3-4j).conjugate() == 3+4j."),
    MP_METHOD(complex_self, "__complex__(self, /)", "Convert this value to exact type complex."),
    MP_METHOD(complex_getnewargs, "__getnewargs__(self, /)", nullptr),
    MP_METHOD(complex_format, "__format__(self, format_spec, /)",
              "Convert to a string according to format_spec."),
    MP_END};

extern const TypeSpec kComplexSpec;
const TypeSpec kComplexSpec = {
    .name = "complex",
    .kind = Kind::Complex,
    .size = sizeof(ComplexObject),
    .flags = kTypeBaseType,
    .doc = "Create a complex number from a string or numbers.",
    .slots =
        MP_SLOTS(.repr = complex_repr, .hash = complex_hash, .compare = complex_compare, .add = complex_add,
                 .sub = complex_sub, .mul = complex_mul, .truediv = complex_truediv, .pow = complex_pow,
                 .neg = complex_neg, .pos = complex_pos, .abs = complex_abs, .bool_ = complex_bool),
    .methods = kComplexMethods,
    .getsets = kComplexGetSets};

}  // namespace mp

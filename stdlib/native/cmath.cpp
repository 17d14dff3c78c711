// cmath: functions of complex numbers. C's functions follow IEEE 754 and Annex G of the C standard; what is
// added here is which of their results are errors in Python.
#include <complex>

#include "stdlib/native/math_support.h"
#include "vm/types/containers.h"

namespace mp {

Result<std::complex<double>> to_complex(Thread& t, Value v);  // vm/types/complex.cpp

namespace {

using Complex = std::complex<double>;

bool is_finite(Complex z) { return std::isfinite(z.real()) && std::isfinite(z.imag()); }
bool has_nan(Complex z) { return std::isnan(z.real()) || std::isnan(z.imag()); }
bool has_infinity(Complex z) { return std::isinf(z.real()) || std::isinf(z.imag()); }
Value complex_value(Thread& t, Complex z) { return make_complex(t, z.real(), z.imag()); }

bool never(Complex) { return false; }
// An infinite angle: there is no sine of it. When the other part is -inf the result of exp is 0 all the same.
bool exp_undefined(Complex z) {
  return std::isinf(z.imag()) && (std::isfinite(z.real()) || z.real() == INFINITY);
}
bool cosh_undefined(Complex z) { return std::isinf(z.imag()) && !std::isnan(z.real()); }
bool cos_undefined(Complex z) { return std::isinf(z.real()) && !std::isnan(z.imag()); }
bool tanh_undefined(Complex z) { return std::isinf(z.imag()) && std::isfinite(z.real()); }
bool tan_undefined(Complex z) { return std::isinf(z.real()) && std::isfinite(z.imag()); }
// The poles.
bool log_undefined(Complex z) { return z == Complex(0, 0); }
bool atanh_undefined(Complex z) { return z == Complex(1, 0) || z == Complex(-1, 0); }
bool atan_undefined(Complex z) { return z == Complex(0, 1) || z == Complex(0, -1); }

template <bool (*undefined)(Complex)>
Result<Value> outcome(Thread& t, Complex z, Complex result) {
  if (undefined(z)) return math_domain_error(t);
  if (is_finite(z) && has_infinity(result)) return math_range_error(t);
  return complex_value(t, result);
}

template <Complex (*function)(const Complex&), bool (*undefined)(Complex)>
Result<Value> unary(Thread& t, const Value* args) {
  Complex z = TRY(to_complex(t, args[0]));
  return outcome<undefined>(t, z, function(z));
}

Complex logarithm(Complex z) {
  // Near the unit circle the logarithm of the absolute value would lose its digits: log(|z|) = log1p(|z|^2 -
  // 1) / 2.
  double x = std::fabs(z.real()), y = std::fabs(z.imag()), big = std::fmax(x, y), small = std::fmin(x, y);
  double magnitude = std::hypot(x, y);
  if (magnitude > 0.71 && magnitude < 1.73)
    return {std::log1p((big - 1) * (big + 1) + small * small) / 2, std::arg(z)};
  return std::log(z);
}

Result<Value> cmath_log(Thread& t, const Value* args) {
  Complex z = TRY(to_complex(t, args[0]));
  Complex result = logarithm(z);
  if (!args[1].is_empty()) {
    Complex base = logarithm(TRY(to_complex(t, args[1])));
    if (base == Complex(0, 0)) return math_domain_error(t);
    result /= base;
    if (has_infinity(base)) return math_domain_error(t);
  }
  return outcome<log_undefined>(t, z, result);
}
Result<Value> cmath_log10(Thread& t, const Value* args) {
  Complex z = TRY(to_complex(t, args[0]));
  return outcome<log_undefined>(t, z, logarithm(z) / std::log(10.0));
}

Result<Value> cmath_phase(Thread& t, const Value* args) {
  return make_float(t, std::arg(TRY(to_complex(t, args[0]))));
}
Result<Value> cmath_polar(Thread& t, const Value* args) {
  Complex z = TRY(to_complex(t, args[0]));
  double radius = std::hypot(z.real(), z.imag());
  if (is_finite(z) && std::isinf(radius)) return math_range_error(t);
  return make_tuple(t, {make_float(t, radius), make_float(t, std::arg(z))});
}

double signed_infinity(double sign) { return std::copysign(INFINITY, sign); }

Result<Value> cmath_rect(Thread& t, const Value* args) {
  double radius = TRY(to_double(t, args[0])), angle = TRY(to_double(t, args[1]));
  if (std::isinf(angle) && radius != 0 && !std::isnan(radius)) return math_domain_error(t);
  if (angle == 0)
    return make_complex(t, radius, std::isinf(radius) ? std::copysign(0.0, angle) : radius * angle);
  if (std::isinf(radius) && std::isfinite(angle))
    return make_complex(t, signed_infinity(radius * std::cos(angle)),
                        signed_infinity(radius * std::sin(angle)));
  if (radius == 0 && !std::isfinite(angle)) return make_complex(t, 0, 0);
  return make_complex(t, radius * std::cos(angle), radius * std::sin(angle));
}

Result<Value> cmath_isfinite(Thread& t, const Value* args) {
  return Value::from_bool(is_finite(TRY(to_complex(t, args[0]))));
}
Result<Value> cmath_isnan(Thread& t, const Value* args) {
  return Value::from_bool(has_nan(TRY(to_complex(t, args[0]))));
}
Result<Value> cmath_isinf(Thread& t, const Value* args) {
  return Value::from_bool(has_infinity(TRY(to_complex(t, args[0]))));
}
Result<Value> cmath_isclose(Thread& t, const Value* args) {
  Complex a = TRY(to_complex(t, args[0])), b = TRY(to_complex(t, args[1]));
  double relative = TRY(to_double(t, args[2])), absolute = TRY(to_double(t, args[3]));
  if (relative < 0 || absolute < 0) return t.raise(Exc::ValueError, "tolerances must be non-negative");
  if (a == b) return kTrue;
  if (has_infinity(a) || has_infinity(b)) return kFalse;
  double difference = std::abs(a - b);
  return Value::from_bool(difference <= relative * std::abs(b) || difference <= relative * std::abs(a) ||
                          difference <= absolute);
}

const NativeDef kFunctions[] = {
    MP_FUNCTION((unary<std::acos<double>, never>), "acos(z, /)", "Return the arc cosine of z."),
    MP_FUNCTION((unary<std::acosh<double>, never>), "acosh(z, /)",
                "Return the inverse hyperbolic cosine of z."),
    MP_FUNCTION((unary<std::asin<double>, never>), "asin(z, /)", "Return the arc sine of z."),
    MP_FUNCTION((unary<std::asinh<double>, never>), "asinh(z, /)",
                "Return the inverse hyperbolic sine of z."),
    MP_FUNCTION((unary<std::atan<double>, atan_undefined>), "atan(z, /)", "Return the arc tangent of z."),
    MP_FUNCTION((unary<std::atanh<double>, atanh_undefined>), "atanh(z, /)",
                "Return the inverse hyperbolic tangent of z."),
    MP_FUNCTION((unary<std::cos<double>, cos_undefined>), "cos(z, /)", "Return the cosine of z."),
    MP_FUNCTION((unary<std::cosh<double>, cosh_undefined>), "cosh(z, /)",
                "Return the hyperbolic cosine of z."),
    MP_FUNCTION((unary<std::exp<double>, exp_undefined>), "exp(z, /)", "Return the exponential value e**z."),
    MP_FUNCTION(cmath_isclose, "isclose(a, b, *, rel_tol=1e-09, abs_tol=0.0)",
                "Determine whether two complex numbers are close in value."),
    MP_FUNCTION(cmath_isfinite, "isfinite(z, /)",
                "Return True if both the real and imaginary parts of z are finite, else False."),
    MP_FUNCTION(cmath_isinf, "isinf(z, /)", "Checks if the real or imaginary part of z is infinite."),
    MP_FUNCTION(cmath_isnan, "isnan(z, /)", "Checks if the real or imaginary part of z not a number (NaN)."),
    MP_FUNCTION(cmath_log, "log(z, base=?, /)",
                "log(z[, base]) -> the logarithm of z to the given base.\n\nIf the base is not specified, "
                "returns the natural logarithm (base e) of z."),
    MP_FUNCTION(cmath_log10, "log10(z, /)", "Return the base-10 logarithm of z."),
    MP_FUNCTION(cmath_phase, "phase(z, /)", "Return argument, also known as the phase angle, of a complex."),
    MP_FUNCTION(cmath_polar, "polar(z, /)",
                "Convert a complex from rectangular coordinates to polar coordinates.\n\nr is the distance "
                "from 0 and phi the phase angle."),
    MP_FUNCTION(cmath_rect, "rect(r, phi, /)", "Convert from polar coordinates to rectangular coordinates."),
    MP_FUNCTION((unary<std::sin<double>, cos_undefined>), "sin(z, /)", "Return the sine of z."),
    MP_FUNCTION((unary<std::sinh<double>, cosh_undefined>), "sinh(z, /)", "Return the hyperbolic sine of z."),
    MP_FUNCTION((unary<std::sqrt<double>, never>), "sqrt(z, /)", "Return the square root of z."),
    MP_FUNCTION((unary<std::tan<double>, tan_undefined>), "tan(z, /)", "Return the tangent of z."),
    MP_FUNCTION((unary<std::tanh<double>, tanh_undefined>), "tanh(z, /)",
                "Return the hyperbolic tangent of z."),
    MP_END};

Status init_module(Thread& t, ModuleObject* module) {
  const double pi = std::acos(-1.0);
  const struct {
    const char* name;
    double value;
  } constants[] = {{"pi", pi}, {"e", std::exp(1.0)}, {"tau", 2 * pi}, {"inf", INFINITY}, {"nan", NAN}};
  for (const auto& constant : constants)
    TRY(module_add(t, module, constant.name, make_float(t, constant.value)));
  TRY(module_add(t, module, "infj", make_complex(t, 0, INFINITY)));
  return module_add(t, module, "nanj", make_complex(t, 0, NAN));
}

}  // namespace

extern const ModuleSpec kCmathModule;
const ModuleSpec kCmathModule = {
    "cmath", "This module provides access to mathematical functions for complex\nnumbers.", kFunctions,
    init_module};

}  // namespace mp

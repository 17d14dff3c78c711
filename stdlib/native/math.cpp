// math: functions of floats. Results and errors as in CPython: what C calls a domain error raises ValueError,
// an infinite result of finite arguments OverflowError where the function can overflow.
#include <cfloat>
#include <limits>

#include "stdlib/native/math_support.h"
#include "vm/types/containers.h"
#include "vm/types/function.h"

namespace mp {

namespace {

const double kPi = 3.141592653589793238462643383279502884;
const double kE = 2.718281828459045235360287471352662498;

enum class Overflow { Impossible, Possible };

template <double (*function)(double), Overflow overflow>
Result<Value> unary(Thread& t, const Value* args) {
  double x = TRY(to_double(t, args[0]));
  double r = function(x);
  if (std::isnan(r) && !std::isnan(x)) return math_domain_error(t);
  if (std::isinf(r) && std::isfinite(x))
    return overflow == Overflow::Possible ? math_range_error(t) : math_domain_error(t);
  return make_float(t, r);
}

double c_acos(double x) { return acos(x); }
double c_acosh(double x) { return acosh(x); }
double c_asin(double x) { return asin(x); }
double c_asinh(double x) { return asinh(x); }
double c_atan(double x) { return atan(x); }
double c_atanh(double x) { return atanh(x); }
double c_cbrt(double x) { return cbrt(x); }
double c_cos(double x) { return cos(x); }
double c_cosh(double x) { return cosh(x); }
double c_erf(double x) { return erf(x); }
double c_erfc(double x) { return erfc(x); }
double c_exp(double x) { return exp(x); }
double c_exp2(double x) { return exp2(x); }
double c_expm1(double x) { return expm1(x); }
double c_fabs(double x) { return fabs(x); }
double c_log1p(double x) { return log1p(x); }
double c_sin(double x) { return sin(x); }
double c_sinh(double x) { return sinh(x); }
double c_sqrt(double x) { return sqrt(x); }
double c_tan(double x) { return tan(x); }
double c_tanh(double x) { return tanh(x); }

Result<Value> math_gamma(Thread& t, const Value* args) {
  double x = TRY(to_double(t, args[0]));
  if (std::isnan(x) || x == INFINITY) return make_float(t, x);
  if (x == 0 || x == -INFINITY || (x < 0 && x == floor(x))) return math_domain_error(t);
  double r = tgamma(x);
  if (std::isinf(r)) return math_range_error(t);
  return make_float(t, r);
}

Result<Value> math_lgamma(Thread& t, const Value* args) {
  double x = TRY(to_double(t, args[0]));
  if (std::isinf(x)) return make_float(t, INFINITY);
  if (x <= 0 && x == floor(x)) return math_domain_error(t);
  int sign;  // lgamma() itself would write a global
  double r = lgamma_r(x, &sign);
  if (std::isinf(r)) return math_range_error(t);
  return make_float(t, r);
}

// The logarithm of any int or float; ints beyond the floats through their exponent.
Result<double> any_log(Thread& t, Value v, double (*function)(double), double log_of_2) {
  if (is_any_int(v)) {
    IntView view(v);
    if (mpz_sgn(view.get()) <= 0) return math_domain_error(t);
    if (mpz_sizeinbase(view.get(), 2) <= 1023) return function(mpz_get_d(view.get()));
    long exponent;
    double mantissa = mpz_get_d_2exp(&exponent, view.get());
    return function(mantissa) + log_of_2 * static_cast<double>(exponent);
  }
  double x = TRY(to_double(t, v));
  if (x <= 0) return math_domain_error(t);
  return function(x);
}
double c_log(double x) { return log(x); }
double c_log2(double x) { return log2(x); }
double c_log10(double x) { return log10(x); }

Result<Value> math_log(Thread& t, const Value* args) {
  const double ln2 = 0.693147180559945309417232121458176568;
  double x = TRY(any_log(t, args[0], c_log, ln2));
  if (args[1].is_empty()) return make_float(t, x);
  double base = TRY(any_log(t, args[1], c_log, ln2));
  if (base == 0) return t.raise(Exc::ZeroDivisionError, "division by zero");
  return make_float(t, x / base);
}
Result<Value> math_log2(Thread& t, const Value* args) {
  double r = TRY(any_log(t, args[0], c_log2, 1.0));
  return make_float(t, r);
}
Result<Value> math_log10(Thread& t, const Value* args) {
  double r = TRY(any_log(t, args[0], c_log10, 0.301029995663981195213738894724493027));
  return make_float(t, r);
}

Result<Value> math_atan2(Thread& t, const Value* args) {
  double y = TRY(to_double(t, args[0])), x = TRY(to_double(t, args[1]));
  return make_float(t, atan2(y, x));
}
Result<Value> math_copysign(Thread& t, const Value* args) {
  double x = TRY(to_double(t, args[0])), y = TRY(to_double(t, args[1]));
  return make_float(t, copysign(x, y));
}

Result<Value> math_pow(Thread& t, const Value* args) {
  double x = TRY(to_double(t, args[0])), y = TRY(to_double(t, args[1]));
  double r = pow(x, y);
  if (std::isfinite(x) && std::isfinite(y)) {
    if (std::isnan(r)) return math_domain_error(t);
    if (std::isinf(r)) return x == 0 ? math_domain_error(t) : math_range_error(t);
  }
  return make_float(t, r);
}

Result<Value> math_fmod(Thread& t, const Value* args) {
  double x = TRY(to_double(t, args[0])), y = TRY(to_double(t, args[1]));
  if (std::isinf(y) && std::isfinite(x)) return make_float(t, x);
  double r = fmod(x, y);
  if (std::isnan(r) && !std::isnan(x) && !std::isnan(y)) return math_domain_error(t);
  return make_float(t, r);
}

Result<Value> math_remainder(Thread& t, const Value* args) {
  double x = TRY(to_double(t, args[0])), y = TRY(to_double(t, args[1]));
  double r = remainder(x, y);
  if (std::isnan(r) && !std::isnan(x) && !std::isnan(y)) return math_domain_error(t);
  return make_float(t, r);
}

Result<Value> math_fma(Thread& t, const Value* args) {
  double x = TRY(to_double(t, args[0])), y = TRY(to_double(t, args[1])), z = TRY(to_double(t, args[2]));
  double r = fma(x, y, z);
  if (std::isfinite(r)) return make_float(t, r);
  if (std::isnan(r)) {
    if (!std::isnan(x) && !std::isnan(y) && !std::isnan(z))
      return t.raise(Exc::ValueError, "invalid operation in fma");
  } else if (std::isfinite(x) && std::isfinite(y) && std::isfinite(z)) {
    return t.raise(Exc::OverflowError, "overflow in fma");
  }
  return make_float(t, r);
}

Result<Value> math_degrees(Thread& t, const Value* args) {
  double x = TRY(to_double(t, args[0]));
  return make_float(t, x * (180.0 / kPi));
}
Result<Value> math_radians(Thread& t, const Value* args) {
  double x = TRY(to_double(t, args[0]));
  return make_float(t, x * (kPi / 180.0));
}

Result<Value> pair(Thread& t, Value first, Value second) {
  Value items[] = {first, second};
  return Value(make_tuple(t, items, 2));
}

Result<Value> math_frexp(Thread& t, const Value* args) {
  double x = TRY(to_double(t, args[0]));
  int exponent = 0;
  double mantissa = std::isfinite(x) ? frexp(x, &exponent) : x;
  return pair(t, make_float(t, mantissa), Value::from_int(exponent));
}

Result<Value> math_ldexp(Thread& t, const Value* args) {
  double x = TRY(to_double(t, args[0]));
  if (!is_any_int(args[1])) return t.raise(Exc::TypeError, "Expected an int as second argument to ldexp.");
  int64_t exponent;
  if (!int_to_int64(args[1], &exponent)) {
    IntView view(args[1]);
    exponent = mpz_sgn(view.get()) < 0 ? INT32_MIN : INT32_MAX;
  }
  if (x == 0 || !std::isfinite(x)) return make_float(t, x);
  if (exponent > INT32_MAX) return math_range_error(t);
  if (exponent < INT32_MIN) return make_float(t, copysign(0.0, x));
  double r = ldexp(x, static_cast<int>(exponent));
  if (std::isinf(r)) return math_range_error(t);
  return make_float(t, r);
}

Result<Value> math_modf(Thread& t, const Value* args) {
  double x = TRY(to_double(t, args[0]));
  if (std::isinf(x)) return pair(t, make_float(t, copysign(0.0, x)), make_float(t, x));
  double whole;
  double fraction = modf(x, &whole);
  return pair(t, make_float(t, fraction), make_float(t, whole));
}

Result<Value> math_isnan(Thread& t, const Value* args) {
  return Value::from_bool(std::isnan(TRY(to_double(t, args[0]))));
}
Result<Value> math_isinf(Thread& t, const Value* args) {
  return Value::from_bool(std::isinf(TRY(to_double(t, args[0]))));
}
Result<Value> math_isfinite(Thread& t, const Value* args) {
  return Value::from_bool(std::isfinite(TRY(to_double(t, args[0]))));
}

Result<Value> math_isclose(Thread& t, const Value* args) {
  double a = TRY(to_double(t, args[0])), b = TRY(to_double(t, args[1]));
  double relative = TRY(to_double(t, args[2])), absolute = TRY(to_double(t, args[3]));
  if (relative < 0 || absolute < 0) return t.raise(Exc::ValueError, "tolerances must be non-negative");
  if (a == b) return kTrue;
  if (std::isinf(a) || std::isinf(b)) return kFalse;
  double difference = fabs(b - a);
  return Value::from_bool(difference <= fabs(relative * b) || difference <= fabs(relative * a) ||
                          difference <= absolute);
}

Result<Value> math_nextafter(Thread& t, const Value* args) {
  double x = TRY(to_double(t, args[0])), y = TRY(to_double(t, args[1]));
  if (args[2].is_none()) return make_float(t, nextafter(x, y));
  Value index = TRY(to_index(t, args[2]));
  IntView steps(index);
  if (mpz_sgn(steps.get()) < 0) return t.raise(Exc::ValueError, "steps must be a non-negative integer");
  if (mpz_sgn(steps.get()) == 0 || std::isnan(x)) return make_float(t, x);
  if (std::isnan(y)) return make_float(t, y);
  // The floats in order are the integers of their bits, negative ones mirrored.
  auto to_order = [](double d) {
    int64_t bits;
    memcpy(&bits, &d, sizeof bits);
    return bits < 0 ? -(bits & INT64_MAX) : bits;
  };
  int64_t from = to_order(x), to = to_order(y);
  if (x == y) return make_float(t, y);
  uint64_t distance = static_cast<uint64_t>(to > from ? to - from : from - to);
  if (mpz_cmp_ui(steps.get(), distance) >= 0) return make_float(t, y);
  int64_t count = static_cast<int64_t>(mpz_get_ui(steps.get()));
  int64_t order = to > from ? from + count : from - count;
  uint64_t bits =
      order < 0 ? (static_cast<uint64_t>(-order) | (uint64_t{1} << 63)) : static_cast<uint64_t>(order);
  double r;
  memcpy(&r, &bits, sizeof r);
  return make_float(t, r);
}

Result<Value> math_ulp(Thread& t, const Value* args) {
  double x = TRY(to_double(t, args[0]));
  if (std::isnan(x)) return make_float(t, x);
  x = fabs(x);
  if (std::isinf(x)) return make_float(t, x);
  double next = nextafter(x, INFINITY);
  return make_float(t, std::isinf(next) ? x - nextafter(x, -INFINITY) : next - x);
}

// floor, ceil: the special method first, then the float.
Result<Value> round_to_int(Thread& t, double x) {
  if (std::isnan(x)) return t.raise(Exc::ValueError, "cannot convert float NaN to integer");
  if (std::isinf(x)) return t.raise(Exc::OverflowError, "cannot convert float infinity to integer");
  if (fabs(x) < 4e18) return make_int(t, static_cast<int64_t>(x));
  Mpz big;
  mpz_set_d(big, x);
  return make_int_mpz(t, big);
}

bool is_plain_float(Thread& t, Value v) { return v.is_float_inline() || is_exact(v, t.types().float_); }

template <double (*function)(double)>
Result<Value> rounded(Thread& t, Value v, const char* method) {
  if (v.is_int()) return v;
  if (!is_plain_float(t, v)) {
    Value result = TRY(call_special(t, v, intern(t, method)));
    if (!result.is_not_found()) return result;
  }
  double x = TRY(to_double(t, v));
  return round_to_int(t, function(x));
}
double c_floor(double x) { return floor(x); }
double c_ceil(double x) { return ceil(x); }

Result<Value> math_floor(Thread& t, const Value* args) { return rounded<c_floor>(t, args[0], "__floor__"); }
Result<Value> math_ceil(Thread& t, const Value* args) { return rounded<c_ceil>(t, args[0], "__ceil__"); }

Result<Value> math_trunc(Thread& t, const Value* args) {
  if (args[0].is_int()) return args[0];
  if (is_plain_float(t, args[0])) return round_to_int(t, trunc(float_value(args[0])));
  Value result = TRY(call_special(t, args[0], intern(t, "__trunc__")));
  if (!result.is_not_found()) return result;
  return t.raise(Exc::TypeError, "type {} doesn't define __trunc__ method", type_name(t, args[0]));
}

Status add_all(Thread& t, ModuleObject* module, const NativeDef* defs) {
  for (; defs->signature; ++defs) {
    NativeFunctionObject* function =
        make_native_function(t, *defs, Value(module), Value(make_str(t, "math")));
    std::string_view signature = defs->signature;
    TRY(module_add(t, module, std::string(signature.substr(0, signature.find('('))).c_str(),
                   Value(function)));
  }
  return {};
}

Status init_module(Thread& t, ModuleObject* module) {
  TRY(add_all(t, module, kMathIntegerFunctions));
  TRY(add_all(t, module, kMathVectorFunctions));
  TRY(module_add(t, module, "pi", make_float(t, kPi)));
  TRY(module_add(t, module, "e", make_float(t, kE)));
  TRY(module_add(t, module, "tau", make_float(t, 2 * kPi)));
  TRY(module_add(t, module, "inf", make_float(t, INFINITY)));
  return module_add(t, module, "nan", make_float(t, std::numeric_limits<double>::quiet_NaN()));
}

}  // namespace

#define MP_UNARY(name, overflow, doc) MP_FUNCTION((unary<c_##name, Overflow::overflow>), #name "(x, /)", doc)

const NativeDef kMathFunctions[] = {
    MP_UNARY(acos, Impossible,
             "Return the arc cosine (measured in radians) of x.\n\nThe result is between 0 and pi."),
    MP_UNARY(acosh, Impossible, "Return the inverse hyperbolic cosine of x."),
    MP_UNARY(asin, Impossible,
             "Return the arc sine (measured in radians) of x.\n\nThe result is between -pi/2 and pi/2."),
    MP_UNARY(asinh, Impossible, "Return the inverse hyperbolic sine of x."),
    MP_UNARY(atan, Impossible,
             "Return the arc tangent (measured in radians) of x.\n\nThe result is between -pi/2 and pi/2."),
    MP_UNARY(atanh, Impossible, "Return the inverse hyperbolic tangent of x."),
    MP_UNARY(cbrt, Impossible, "Return the cube root of x."),
    MP_UNARY(cos, Impossible, "Return the cosine of x (measured in radians)."),
    MP_UNARY(cosh, Possible, "Return the hyperbolic cosine of x."),
    MP_UNARY(erf, Impossible, "Error function at x."),
    MP_UNARY(erfc, Impossible, "Complementary error function at x."),
    MP_UNARY(exp, Possible, "Return e raised to the power of x."),
    MP_UNARY(exp2, Possible, "Return 2 raised to the power of x."),
    MP_UNARY(
        expm1, Possible,
        "Return exp(x)-1.\n\nThis function avoids the loss of precision involved in the direct evaluation of "
        "exp(x)-1 for small x."),
    MP_UNARY(fabs, Impossible, "Return the absolute value of the float x."),
    MP_UNARY(
        log1p, Impossible,
        "Return the natural logarithm of 1+x (base e).\n\nThe result is computed in a way which is accurate "
        "for x near zero."),
    MP_UNARY(sin, Impossible, "Return the sine of x (measured in radians)."),
    MP_UNARY(sinh, Possible, "Return the hyperbolic sine of x."),
    MP_UNARY(sqrt, Impossible, "Return the square root of x."),
    MP_UNARY(tan, Impossible, "Return the tangent of x (measured in radians)."),
    MP_UNARY(tanh, Impossible, "Return the hyperbolic tangent of x."),
    MP_FUNCTION(math_gamma, "gamma(x, /)", "Gamma function at x."),
    MP_FUNCTION(math_lgamma, "lgamma(x, /)", "Natural logarithm of absolute value of Gamma function at x."),
    MP_FUNCTION(math_log, "log(x, base=?, /)",
                "log(x, [base=math.e])\nReturn the logarithm of x to the given base.\n\nIf the base is not "
                "specified, "
                "returns the natural logarithm (base e) of x."),
    MP_FUNCTION(math_log2, "log2(x, /)", "Return the base 2 logarithm of x."),
    MP_FUNCTION(math_log10, "log10(x, /)", "Return the base 10 logarithm of x."),
    MP_FUNCTION(
        math_atan2, "atan2(y, x, /)",
        "Return the arc tangent (measured in radians) of y/x.\n\nUnlike atan(y/x), the signs of both x and y "
        "are considered."),
    MP_FUNCTION(
        math_copysign, "copysign(x, y, /)",
        "Return a float with the magnitude (absolute value) of x but the sign of y.\n\nOn platforms that "
        "support signed zeros, copysign(1.0, -0.0)\nreturns -1.0.\n"),
    MP_FUNCTION(math_pow, "pow(x, y, /)", "Return x**y (x to the power of y)."),
    MP_FUNCTION(math_fmod, "fmod(x, y, /)",
                "Return fmod(x, y), according to platform C.\n\nx % y may differ."),
    MP_FUNCTION(
        math_remainder, "remainder(x, y, /)",
        "Difference between x and the closest integer multiple of y.\n\nReturn x - n*y where n*y is the "
        "closest integer multiple of y.\nIn the case where x is exactly halfway between two multiples of\ny, "
        "the nearest even value of n is used. The result is always exact."),
    MP_FUNCTION(math_fma, "fma(x, y, z, /)",
                "Fused multiply-add operation.\n\nCompute (x * y) + z with a single round."),
    MP_FUNCTION(math_degrees, "degrees(x, /)", "Convert angle x from radians to degrees."),
    MP_FUNCTION(math_radians, "radians(x, /)", "Convert angle x from degrees to radians."),
    MP_FUNCTION(math_frexp, "frexp(x, /)",
                "Return the mantissa and exponent of x, as pair (m, e).\n\nm is a float and e is an int, "
                "such that x = "
                "m * 2.**e.\nIf x is 0, m and e are both 0.  Else 0.5 <= abs(m) < 1.0."),
    MP_FUNCTION(math_ldexp, "ldexp(x, i, /)",
                "Return x * (2**i).\n\nThis is essentially the inverse of frexp()."),
    MP_FUNCTION(
        math_modf, "modf(x, /)",
        "Return the fractional and integer parts of x.\n\nBoth results carry the sign of x and are floats."),
    MP_FUNCTION(math_isnan, "isnan(x, /)", "Return True if x is a NaN (not a number), and False otherwise."),
    MP_FUNCTION(math_isinf, "isinf(x, /)",
                "Return True if x is a positive or negative infinity, and False otherwise."),
    MP_FUNCTION(math_isfinite, "isfinite(x, /)",
                "Return True if x is neither an infinity nor a NaN, and False otherwise."),
    MP_FUNCTION(math_isclose, "isclose(a, b, *, rel_tol=1e-09, abs_tol=0.0)",
                "Determine whether two floating-point numbers are close in value."),
    MP_FUNCTION(math_nextafter, "nextafter(x, y, /, *, steps=None)",
                "Return the floating-point value the given number of steps after x towards y."),
    MP_FUNCTION(math_ulp, "ulp(x, /)", "Return the value of the least significant bit of the float x."),
    MP_FUNCTION(math_floor, "floor(x, /)",
                "Return the floor of x as an Integral.\n\nThis is the largest integer <= x."),
    MP_FUNCTION(math_ceil, "ceil(x, /)",
                "Return the ceiling of x as an Integral.\n\nThis is the smallest integer >= x."),
    MP_FUNCTION(math_trunc, "trunc(x, /)",
                "Truncates the Real x to the nearest Integral toward 0.\n\nUses the __trunc__ magic method."),
    MP_END};

extern const ModuleSpec kMathModule;
const ModuleSpec kMathModule = {
    .name = "math",
    .doc =
        "This module provides access to the mathematical functions\ndefined by the C "
        "standard.",
    .functions = kMathFunctions,
    .init = init_module};

}  // namespace mp

// math: sums, products and distances of many numbers.
#include <limits>
#include <vector>

#include "stdlib/native/math_support.h"
#include "vm/protocol/walk.h"
#include "vm/types/containers.h"

namespace mp {

namespace {

// Shewchuk's algorithm: partial sums that do not overlap, so that nothing is lost until the last rounding.
Result<Value> math_fsum(Thread& t, const Value* args) {
  std::vector<double> partials;
  double special = 0, infinities = 0;
  TRY(for_each(t, args[0], [&](Value item) -> Status {
    double x = TRY(to_double(t, item));
    double original = x;
    size_t kept = 0;
    for (size_t j = 0; j < partials.size(); ++j) {
      double y = partials[j];
      if (fabs(x) < fabs(y)) std::swap(x, y);
      volatile double high = x + y;
      volatile double rest = high - x;
      double low = y - rest;
      if (low != 0) partials[kept++] = low;
      x = high;
    }
    partials.resize(kept);
    if (x != 0) {
      if (std::isfinite(x)) {
        partials.push_back(x);
      } else {
        if (std::isfinite(original)) return t.raise(Exc::OverflowError, "intermediate overflow in fsum");
        if (std::isinf(original)) infinities += original;
        special += original;
        partials.clear();
      }
    }
    return {};
  }));
  if (special != 0) {
    if (std::isnan(infinities)) return t.raise(Exc::ValueError, "-inf + inf in fsum");
    return make_float(t, special);
  }
  volatile double high = 0;
  size_t n = partials.size();
  if (n > 0) {
    high = partials[--n];
    volatile double low = 0;
    while (n > 0) {
      double x = high, y = partials[--n];
      high = x + y;
      volatile double rest = high - x;
      low = y - rest;
      if (low != 0) break;
    }
    // Half-way cases round to even only if what lies below does not say otherwise.
    if (n > 0 && ((low < 0 && partials[n - 1] < 0) || (low > 0 && partials[n - 1] > 0))) {
      double twice = low * 2.0;
      volatile double x = high + twice;
      volatile double rest = x - high;
      if (twice == rest) high = x;
    }
  }
  return make_float(t, high);
}

Result<Value> math_prod(Thread& t, const Value* args) {
  Value product = args[1];
  TRY(walk_each(t, args[0], [&](Value item) -> Status {
    int64_t whole;
    if (product.is_int() && item.is_int() &&
        !__builtin_mul_overflow(product.as_int(), item.as_int(), &whole)) {
      product = make_int(t, whole);
    } else if (product.is_float_inline() && item.is_float_inline()) {
      product = make_float(t, product.as_float_inline() * item.as_float_inline());
    } else {
      TRY(t.poll_within());  // a large object each, and the items of a list need no safepoint
      product = TRY(binary(t, BinaryOp::Mul, product, item));
    }
    return {};
  }));
  return product;
}

// The exact sum of the float products (error-free transformations); mixed and integer input through the
// protocol.
Result<Value> math_sumprod(Thread& t, const Value* args) {
  Value p = TRY(to_list(t, args[0])), q = TRY(to_list(t, args[1]));
  auto* a = p.as<ListObject>();
  auto* b = q.as<ListObject>();
  if (a->length() != b->length()) return t.raise(Exc::ValueError, "Inputs are not the same length");
  Value total = Value::from_int(0);
  long double sum = 0, error = 0;
  bool floats = a->length() > 0;
  for (size_t i = 0; i < a->length() && floats; ++i)
    floats = (is_float(a->at(i)) || a->at(i).is_int()) && (is_float(b->at(i)) || b->at(i).is_int()) &&
             (is_float(a->at(i)) || is_float(b->at(i)));
  for (size_t i = 0; i < a->length(); ++i) {
    if (floats) {
      double x = TRY(to_double(t, a->at(i))), y = TRY(to_double(t, b->at(i)));
      double high = x * y;
      double low = std::isfinite(high) ? fma(x, y, -high) : 0;
      long double next = sum + high;
      error += (fabsl(sum) >= fabs(high) ? (sum - next) + high : (high - next) + sum) + low;
      sum = next;
    } else {
      TRY(t.poll_within());  // large objects perhaps
      Value product = TRY(binary(t, BinaryOp::Mul, a->at(i), b->at(i)));
      total = TRY(binary(t, BinaryOp::Add, total, product));
    }
  }
  if (!floats) return total;
  return make_float(t, static_cast<double>(std::isfinite(static_cast<double>(sum)) ? sum + error : sum));
}

// The length of a vector, summed with more bits than a double has; no square of a double is too large or too
// small for a long double.
double vector_length(const double* parts, size_t count) {
  static_assert(std::numeric_limits<long double>::max_exponent >=
                4 * std::numeric_limits<double>::max_exponent);
  double largest = 0;
  bool nan = false;
  for (size_t i = 0; i < count; ++i) {
    if (std::isinf(parts[i])) return INFINITY;
    nan = nan || std::isnan(parts[i]);
    largest = std::max(largest, fabs(parts[i]));
  }
  if (nan) return NAN;
  if (largest == 0 || count == 1) return largest;
  long double sum = 0, error = 0;
  for (size_t i = 0; i < count; ++i) {
    long double square = static_cast<long double>(parts[i]) * parts[i];
    long double next = sum + square;
    error += sum >= square ? (sum - next) + square : (square - next) + sum;
    sum = next;
  }
  return static_cast<double>(sqrtl(sum + error));
}

Result<Value> math_hypot(Thread& t, Value, const CallArgs& args) {
  if (args.keyword_names.is_object() && args.keyword_names.as<TupleObject>()->size != 0)
    return t.raise(Exc::TypeError, "math.hypot() takes no keyword arguments");
  if (args.count == 2) {  // no memory of its own
    double x = TRY(to_double(t, args.values[0])), y = TRY(to_double(t, args.values[1]));
    double parts[] = {x, y};
    return make_float(t, vector_length(parts, 2));
  }
  std::vector<double> parts;
  for (size_t i = 0; i < args.count; ++i) parts.push_back(TRY(to_double(t, args.values[i])));
  return make_float(t, vector_length(parts.data(), parts.size()));
}

Result<Value> math_dist(Thread& t, const Value* args) {
  Value p = TRY(to_tuple(t, args[0])), q = TRY(to_tuple(t, args[1]));
  auto* a = p.as<TupleObject>();
  auto* b = q.as<TupleObject>();
  if (a->size != b->size)
    return t.raise(Exc::ValueError, "both points must have the same number of dimensions");
  std::vector<double> parts;
  for (size_t i = 0; i < a->size; ++i) {
    double x = TRY(to_double(t, (*a)[i])), y = TRY(to_double(t, (*b)[i]));
    parts.push_back(x - y);
  }
  return make_float(t, vector_length(parts.data(), parts.size()));
}

}  // namespace

const NativeDef kMathVectorFunctions[] = {
    MP_FUNCTION(math_fsum, "fsum(seq, /)",
                "Return an accurate floating-point sum of values in the iterable seq.\n\nAssumes IEEE-754 "
                "floating-point "
                "arithmetic."),
    MP_FUNCTION(
        math_prod, "prod(iterable, /, *, start=1)",
        "Calculate the product of all the elements in the input iterable.\n\nThe default start value for the "
        "product is 1."),
    MP_FUNCTION(math_sumprod, "sumprod(p, q, /)",
                "Return the sum of products of values from two iterables p and q."),
    MP_RAW_FUNCTION(math_hypot, "hypot(*coordinates)",
                    "Multidimensional Euclidean distance from the origin to a point."),
    MP_FUNCTION(math_dist, "dist(p, q, /)", "Return the Euclidean distance between two points p and q."),
    MP_END};

}  // namespace mp

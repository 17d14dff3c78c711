// math: functions of integers.
#include <array>
#include <numeric>

#include "stdlib/native/math_support.h"
#include "vm/types/containers.h"

namespace mp {

namespace {

Result<Value> math_gcd(Thread& t, Value, const CallArgs& args) {
  if (args.keyword_names.is_object() && args.keyword_names.as<TupleObject>()->size != 0)
    return t.raise(Exc::TypeError, "math.gcd() takes no keyword arguments");
  if (args.count == 2 && args.values[0].is_int() && args.values[1].is_int())
    return make_int(t, std::gcd(args.values[0].as_int(), args.values[1].as_int()));
  Mpz result;
  for (size_t i = 0; i < args.count; ++i) {
    Value index = TRY(to_index(t, args.values[i]));
    IntView view(index);
    mpz_gcd(result, result, view.get());
  }
  return make_int_mpz(t, result);
}

Result<Value> math_lcm(Thread& t, Value, const CallArgs& args) {
  if (args.keyword_names.is_object() && args.keyword_names.as<TupleObject>()->size != 0)
    return t.raise(Exc::TypeError, "math.lcm() takes no keyword arguments");
  Mpz result(1);
  for (size_t i = 0; i < args.count; ++i) {
    Value index = TRY(to_index(t, args.values[i]));
    IntView view(index);
    mpz_lcm(result, result, view.get());
  }
  return make_int_mpz(t, result);
}

Result<Value> math_isqrt(Thread& t, const Value* args) {
  Value index = TRY(to_index(t, args[0]));
  IntView view(index);
  if (mpz_sgn(view.get()) < 0) return t.raise(Exc::ValueError, "isqrt() argument must be nonnegative");
  Mpz root;
  mpz_sqrt(root, view.get());
  return make_int_mpz(t, root);
}

Result<Value> math_factorial(Thread& t, const Value* args) {
  Value index = TRY(to_index(t, args[0]));
  int64_t n;
  bool fits = int_to_int64(index, &n);
  if (fits ? n < 0 : mpz_sgn(IntView(index).get()) < 0)
    return t.raise(Exc::ValueError, "factorial() not defined for negative values");
  if (!fits) return t.raise(Exc::OverflowError, "factorial() argument should not exceed {}", INT64_MAX);
  // GMP aborts when it cannot allocate: a result beyond some hundred megabytes is refused before.
  if (n > 50'000'000) return t.raise(Exc::MemoryError, "");
  static constexpr std::array<int64_t, 21> kSmall = [] {
    std::array<int64_t, 21> all{1};
    for (int64_t i = 1; i < 21; ++i) all[static_cast<size_t>(i)] = all[static_cast<size_t>(i - 1)] * i;
    return all;
  }();
  if (n < 21) return make_int(t, kSmall[static_cast<size_t>(n)]);
  Mpz result;
  mpz_fac_ui(result, static_cast<unsigned long>(n));
  return make_int_mpz(t, result);
}

// n and k as ints; ValueError when one is negative.
Status choose_arguments(Thread& t, const Value* args, Value* n, Value* k) {
  *n = TRY(to_index(t, args[0]));
  *k = TRY(to_index(t, args[1]));
  if (mpz_sgn(IntView(*n).get()) < 0) return t.raise(Exc::ValueError, "n must be a non-negative integer");
  if (mpz_sgn(IntView(*k).get()) < 0) return t.raise(Exc::ValueError, "k must be a non-negative integer");
  return {};
}

// n over k while all products on the way fit; -1: they do not.
int64_t small_comb(int64_t n, int64_t k) {
  if (k > n) return 0;
  k = std::min(k, n - k);
  int64_t result = 1;
  for (int64_t i = 1; i <= k; ++i) {
    int64_t product;
    if (__builtin_mul_overflow(result, n - k + i, &product)) return -1;
    result = product / i;
  }
  return result;
}

Result<Value> math_comb(Thread& t, const Value* args) {
  if (args[0].is_int() && args[1].is_int() && args[0].as_int() >= 0 && args[1].as_int() >= 0) {
    int64_t result = small_comb(args[0].as_int(), args[1].as_int());
    if (result >= 0) return make_int(t, result);
  }
  Value n_value, k_value;
  TRY(choose_arguments(t, args, &n_value, &k_value));
  IntView n(n_value), k(k_value);
  Mpz rest;
  mpz_sub(rest, n.get(), k.get());
  if (mpz_sgn(rest.z) < 0) return Value::from_int(0);
  if (mpz_cmp(rest, k.get()) > 0) mpz_set(rest, k.get());  // the smaller of k and n - k
  if (!mpz_fits_slong_p(rest))
    return t.raise(Exc::OverflowError, "min(n - k, k) must not exceed {}", INT64_MAX);
  Mpz result;
  mpz_bin_ui(result, n.get(), mpz_get_ui(rest));
  return make_int_mpz(t, result);
}

Result<Value> math_perm(Thread& t, const Value* args) {
  if (args[1].is_none()) return math_factorial(t, args);
  Value n_value, k_value;
  TRY(choose_arguments(t, args, &n_value, &k_value));
  IntView n(n_value), k(k_value);
  if (mpz_cmp(k.get(), n.get()) > 0) return Value::from_int(0);
  if (!mpz_fits_slong_p(k.get())) return t.raise(Exc::OverflowError, "k must not exceed {}", INT64_MAX);
  unsigned long count = mpz_get_ui(k.get());
  if (n_value.is_int() && count <= 20) {
    int64_t product = 1, n_small = n_value.as_int();
    bool fits = true;
    for (unsigned long i = 0; i < count && fits; ++i)
      fits = !__builtin_mul_overflow(product, n_small--, &product);
    if (fits) return make_int(t, product);
  }
  Mpz result(1), factor;
  mpz_set(factor, n.get());
  for (unsigned long i = 0; i < count; ++i) {
    mpz_mul(result, result, factor);
    mpz_sub_ui(factor, factor, 1);
    if ((i & 1023) == 1023) TRY(t.poll_within());
  }
  return make_int_mpz(t, result);
}

}  // namespace

const NativeDef kMathIntegerFunctions[] = {
    MP_RAW_FUNCTION(math_gcd, "gcd(*integers)", "Greatest Common Divisor."),
    MP_RAW_FUNCTION(math_lcm, "lcm(*integers)", "Least Common Multiple."),
    MP_FUNCTION(math_isqrt, "isqrt(n, /)", "Return the integer part of the square root of the input."),
    MP_FUNCTION(math_factorial, "factorial(n, /)", "Find n!."),
    MP_FUNCTION(math_comb, "comb(n, k, /)",
                "Number of ways to choose k items from n items without repetition and without order."),
    MP_FUNCTION(math_perm, "perm(n, k=None, /)",
                "Number of ways to choose k items from n items without repetition and with order."),
    MP_END};

}  // namespace mp

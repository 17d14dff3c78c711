// Number: a decimal number with its operations, as the General Decimal Arithmetic Specification defines them
// (http://speleotrove.com/decimal/decarith.html). It knows no objects: decimal.h.
//   decimal_number     rounding, special values, comparison
//   decimal_arith      + - * / and their like, quantize, rounding to integers
//   decimal_power      sqrt, exp, ln, log10, power
//   decimal_logic      neighbours, logical operations, shifts, total order
//   decimal_text       from text and to text
// An operation gets other objects as operands than its result (the same operand twice is fine), adds the
// conditions it meets to `status`, and where there is no memory gives a NaN and kMallocError.
#pragma once
#include <string>
#include <string_view>

#include "stdlib/native/decimal_words.h"

namespace mp::decimal {

inline constexpr int64_t kMaxPrec = 999'999'999'999'999'999, kMaxEmax = kMaxPrec, kMinEmin = -kMaxPrec,
                         kMinEtiny = kMinEmin - (kMaxPrec - 1);
// Exponents beyond all limits, which can still be added.
inline constexpr int64_t kInfiniteExponent = 2'000'000'000'000'000'001,
                         kTinyExponent = -4'000'000'000'000'000'001;

enum Condition : uint32_t {
  kClamped = 1,
  kConversionSyntax = 2,
  kDivisionByZero = 4,
  kDivisionImpossible = 8,
  kDivisionUndefined = 16,
  kInexact = 32,
  kInvalidContext = 64,
  kInvalidOperation = 128,
  kMallocError = 256,
  kFloatOperation = 512,
  kOverflow = 1024,
  kRounded = 2048,
  kSubnormal = 4096,
  kUnderflow = 8192,
  // What the signal InvalidOperation stands for.
  kAnyInvalid = kConversionSyntax | kDivisionImpossible | kDivisionUndefined | kInvalidContext |
                kInvalidOperation | kMallocError,
  kErrors = kAnyInvalid | kDivisionByZero,
};

enum class Rounding : uint8_t { Up, Down, Ceiling, Floor, HalfUp, HalfDown, HalfEven, ZeroFiveUp };
inline constexpr int kRoundings = 8;

// The part of a context that results depend on.
struct Rules {
  int64_t prec = 28, emax = 999999, emin = -999999;
  Rounding rounding = Rounding::HalfEven;
  bool clamp = false;
  int64_t etiny() const { return emin - (prec - 1); }
  int64_t etop() const { return emax - (prec - 1); }
};
inline constexpr Rules kExact = {kMaxPrec, kMaxEmax, kMinEmin, Rounding::HalfEven, false};

enum class Kind : uint8_t { Finite, Infinite, Quiet, Signaling };

struct Number {
  bool negative = false;
  Kind kind = Kind::Finite;
  int64_t exponent = 0;
  int64_t digits = 1;  // of the coefficient; 0: a NaN without a payload
  Words words;         // the coefficient, or a NaN's payload

  bool is_special() const { return kind != Kind::Finite; }
  bool is_nan() const { return kind >= Kind::Quiet; }
  bool is_infinite() const { return kind == Kind::Infinite; }
  bool is_zero() const { return kind == Kind::Finite && words.is_zero(); }
  int64_t adjusted() const { return exponent + digits - 1; }
  int sign() const { return negative ? -1 : 1; }
  void count_digits() { digits = words.digits(); }

  void set(bool minus, uint64_t coefficient, int64_t exp);
  void set_special(bool minus, Kind k);
  void set_error(Condition condition, uint32_t& status);
  [[nodiscard]] bool assign(const Number& other);
  void swap(Number& other);
};
// 5 * 10^places is a power of ten's neighbour, and so on: the coefficient is 1 followed by zeros.
bool is_power_of_ten(const Words& words);
bool is_integer(const Number& a);  // finite and without fraction
bool is_odd(const Number& integer);
// An integer in range; false for the others.
bool to_int64(const Number& a, int64_t* out);

// ---- rounding
void finalize(Number& a, const Rules& rules, uint32_t& status);
// Rounds up where `lost` (Words::shift_right) asks for it. False: no memory.
[[nodiscard]] bool round_last(Number& a, int lost, Rounding rounding);
void fix_nan(Number& a, const Rules& rules);
void set_largest(Number& a, const Rules& rules);  // the largest coefficient, at the largest exponent
// Sets a new exponent; no limits but those of memory. The lost part as Words::shift_right.
bool rescale(Number& r, const Number& a, int64_t exponent, Rounding rounding, uint32_t& status);

// ---- NaNs among the operands: true, and r is the result.
bool propagate_nan(Number& r, const Number& a, const Rules& rules, uint32_t& status);
bool propagate_nan(Number& r, const Number& a, const Number& b, const Rules& rules, uint32_t& status);
bool propagate_nan(Number& r, const Number& a, const Number& b, const Number& c, const Rules& rules,
                   uint32_t& status);
void copy(Number& r, const Number& a, uint32_t& status);

// ---- comparison of numbers that are no NaN: -1, 0, 1
int compare_magnitude(const Number& a, const Number& b);
int compare_value(const Number& a, const Number& b);
int compare_total_order(const Number& a, const Number& b);
int compare_total_magnitude(const Number& a, const Number& b);

// ---- operations
using Unary = void(Number& r, const Number& a, const Rules& rules, uint32_t& status);
using Binary = void(Number& r, const Number& a, const Number& b, const Rules& rules, uint32_t& status);
Unary absolute, minus, plus, exp, ln, log10, logb, next_minus, next_plus, reduce, square_root, logical_invert,
    round_to_integral, round_to_integral_exact, apply, copy_abs, copy_negate;
Binary add, subtract, multiply, divide, divide_integer, remainder, remainder_near, power, quantize, compare,
    compare_signal, max, max_mag, min, min_mag, next_toward, logical_and, logical_or, logical_xor, rotate,
    scaleb, shift, compare_total, compare_total_mag, copy_sign;
void divide_modulo(Number& quotient, Number& remainder, const Number& a, const Number& b, const Rules& rules,
                   uint32_t& status);
void fma(Number& r, const Number& a, const Number& b, const Number& c, const Rules& rules, uint32_t& status);
void power_modulo(Number& r, const Number& base, const Number& exponent, const Number& modulus,
                  const Rules& rules, uint32_t& status);
void multiply_exact(Number& r, const Number& a, const Number& b, const Rules& rules, uint32_t& status);
bool same_quantum(const Number& a, const Number& b);
bool is_normal(const Number& a, const Rules& rules);
bool is_subnormal(const Number& a, const Rules& rules);
const char* number_class(const Number& a, const Rules& rules);

// ---- texts
enum class Notation : uint8_t { Scientific, Engineering };
// ASCII, without blanks.
void from_text(Number& r, std::string_view text, const Rules& rules, uint32_t& status);
void append_digits(std::string& out, const Number& a);
void append_text(std::string& out, const Number& a, bool capitals, Notation notation);
void from_binary(Number& r, mpz_srcptr z, const Rules& rules, uint32_t& status);

}  // namespace mp::decimal

// int, float, complex, bool: layouts and conversions. Small ints and most floats are inline in Value
// (vm/core/value.h).
#pragma once
#include <gmp.h>

#include "vm/types/builtin_types.h"
#include "vm/types/str.h"

namespace mp {

// An int out of 63 bits, or an instance of a subclass of int (then possibly small). Magnitude as GMP limbs,
// sign in `size`.
struct IntObject : Object {
  int64_t size = 0;  // number of limbs, negative for negative numbers, 0 for zero (subclasses only)
  uint64_t reserved = 0;
  // limbs follow; a subclass instance keeps its attribute area after them
  mp_limb_t* limbs() { return reinterpret_cast<mp_limb_t*>(this + 1); }
  const mp_limb_t* limbs() const { return reinterpret_cast<const mp_limb_t*>(this + 1); }
  size_t limb_count() const { return static_cast<size_t>(size < 0 ? -size : size); }
};
struct FloatObject : Object {
  double value = 0;
};
struct ComplexObject : Object {
  double real = 0, imag = 0;
};

Value make_int(Thread& t, int64_t i);  // inline when it fits
Value make_int_unsigned(Thread& t, uint64_t i);
Value make_int_mpz(Thread& t, const mpz_t z);  // normalises to inline
inline Value make_float(Thread& t, double d);
Value make_float_boxed(Thread& t, double d);
Value make_complex(Thread& t, double real, double imag);
inline Value make_float(Thread& t, double d) {
  Value v = Value::try_float_inline(d);
  return v.is_float_inline() ? v : make_float_boxed(t, d);
}
inline double float_value(Value v) {  // v is_float()
  return v.is_float_inline() ? v.as_float_inline() : v.as<FloatObject>()->value;
}
// Read-only mpz view of any int (is_any_int). `scratch` backs inline ints and must live as long as the view.
struct IntView {
  explicit IntView(Value v);
  mpz_srcptr get() const { return z_; }

 private:
  mpz_t z_;
  mp_limb_t scratch_;
};
// Strips subclasses and bool: the plain int Value of any int.
Value int_plain(Thread& t, Value any_int);
// The value of any int (is_any_int) if it fits int64; false when out of range.
bool int_to_int64(Value any_int, int64_t* out);
// Conversions of arbitrary objects through __index__ (as CPython's PyNumber_Index etc.), with its messages.
Result<Value> to_index(Thread& t, Value v);    // TypeError: 'str' object cannot be interpreted as an integer
Result<int64_t> to_int64(Thread& t, Value v);  // OverflowError: Python int too large to convert to C long
Result<int64_t> to_ssize(Thread& t, Value v,
                         Exc overflow = Exc::OverflowError);  // cannot fit 'int' into an index-sized integer
int64_t clamp_ssize(Value any_int);                           // saturates, for slices
Result<double> to_double(Thread& t,
                         Value v);  // float, __float__, __index__; TypeError: must be real number, not str
Result<int> to_c_int(Thread& t, Value v);
// Arithmetic on any ints, used by the protocol layer and the interpreter's slow paths.
Result<Value> int_add(Thread& t, Value a, Value b);
Result<Value> int_sub(Thread& t, Value a, Value b);
Result<Value> int_mul(Thread& t, Value a, Value b);
Result<Value> int_floordiv(Thread& t, Value a, Value b);
Result<Value> int_mod(Thread& t, Value a, Value b);
Result<Value> int_pow(Thread& t, Value a, Value b, Value modulus_or_none);
Result<Value> int_lshift(Thread& t, Value a, Value b);
Result<Value> int_rshift(Thread& t, Value a, Value b);
Result<Value> int_truediv(Thread& t, Value a, Value b);
int int_compare(Value a, Value b);  // any ints
int64_t int_hash(Value any_int);
int64_t float_hash(double d);  // equal numbers hash alike, as CPython (mod 2^61-1)
// int(text, base): ValueError "invalid literal for int() with base 10: 'x'" (and the 4300-digit limit).
Result<Value> int_from_text(Thread& t, std::string_view text, int base, Value original);
std::string int_to_text(Value any_int, int base);  // no prefix
std::string float_repr(double d);                  // shortest repr: 1.0, 1e+16, inf, nan
// C double arithmetic with Python's semantics.
// RAII for GMP temporaries.
struct Mpz {
  mpz_t z;
  Mpz() { mpz_init(z); }
  explicit Mpz(int64_t i) { mpz_init_set_si(z, i); }
  ~Mpz() { mpz_clear(z); }
  Mpz(const Mpz&) = delete;
  operator mpz_ptr() { return z; }  // NOLINT: implicit on purpose
};
// The __format__ of numbers; spec is a str. Implemented in vm/types/format_number.cpp.
Result<Value> format_int(Thread& t, Value any_int, StrObject* spec);
Result<Value> format_float(Thread& t, double d, StrObject* spec);
Result<Value> format_complex(Thread& t, double real, double imag, StrObject* spec);
double float_mod(double a, double b);
double float_floordiv(double a, double b);
Result<double> float_from_text(Thread& t, std::string_view text, Value original);

}  // namespace mp

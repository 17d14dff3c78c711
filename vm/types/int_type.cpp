// The types int and bool: constructors, methods, slots. Arithmetic itself is in int.cpp.
#include <cmath>
#include <cstring>

#include "vm/native/native.h"
#include "vm/os/memory.h"
#include "vm/protocol/order.h"
#include "vm/protocol/protocol.h"
#include "vm/types/exception.h"
#include "vm/types/number.h"
#include "vm/types/number_convert.h"
#include "vm/types/runtime.h"

namespace mp {

Result<Value> int_repr(Thread& t, Value v);

// ---- slots: both operands must be ints, else NotImplemented

#define MP_INT_BINARY(name, operation)                            \
  static Result<Value> name(Thread& t, Value a, Value b) {        \
    if (!is_any_int(a) || !is_any_int(b)) return kNotImplemented; \
    return operation(t, int_plain(t, a), int_plain(t, b));        \
  }
MP_INT_BINARY(int_add_slot, int_add)
MP_INT_BINARY(int_sub_slot, int_sub)
MP_INT_BINARY(int_mul_slot, int_mul)
MP_INT_BINARY(int_floordiv_slot, int_floordiv)
MP_INT_BINARY(int_mod_slot, int_mod)
MP_INT_BINARY(int_truediv_slot, int_truediv)
MP_INT_BINARY(int_lshift_slot, int_lshift)
MP_INT_BINARY(int_rshift_slot, int_rshift)
#undef MP_INT_BINARY

static Result<Value> int_divmod_slot(Thread& t, Value a, Value b) {
  if (!is_any_int(a) || !is_any_int(b)) return kNotImplemented;
  a = int_plain(t, a);
  b = int_plain(t, b);
  Value q = TRY(int_floordiv(t, a, b));
  Value r = TRY(int_mod(t, a, b));
  return make_tuple(t, {q, r});
}

static Result<Value> int_pow_slot(Thread& t, Value a, Value b, Value modulus) {
  if (!is_any_int(a) || !is_any_int(b)) return kNotImplemented;
  if (!modulus.is_none() && !is_any_int(modulus)) return kNotImplemented;
  if (!modulus.is_none()) modulus = int_plain(t, modulus);
  return int_pow(t, int_plain(t, a), int_plain(t, b), modulus);
}

template <class Small, class Big>
static Result<Value> bitwise(Thread& t, Value a, Value b, Small small, Big big) {
  if (!is_any_int(a) || !is_any_int(b)) return kNotImplemented;
  int64_t x, y;
  if (int_to_int64(a, &x) && int_to_int64(b, &y)) return make_int(t, small(x, y));
  IntView u(a), v(b);
  // GMP ends the process where it finds no memory.
  if (!os::has_room((mpz_size(u.get()) + mpz_size(v.get())) * 2 * sizeof(mp_limb_t)))
    return t.raise_memory_error();
  Mpz r;
  big(r.z, u.get(), v.get());
  return make_int_mpz(t, r);
}
static Result<Value> int_and_slot(Thread& t, Value a, Value b) {
  // A mask: only the lowest limb counts.
  if (b.is_int() && b.as_int() >= 0 && is_kind(a, Kind::Int)) {
    auto* big = a.as<IntObject>();
    uint64_t low = big->size == 0 ? 0 : big->size > 0 ? big->limbs()[0] : -big->limbs()[0];
    return Value::from_int(static_cast<int64_t>(low & static_cast<uint64_t>(b.as_int())));
  }
  return bitwise(
      t, a, b, [](int64_t x, int64_t y) { return x & y; }, mpz_and);
}
static Result<Value> int_or_slot(Thread& t, Value a, Value b) {
  return bitwise(
      t, a, b, [](int64_t x, int64_t y) { return x | y; }, mpz_ior);
}
static Result<Value> int_xor_slot(Thread& t, Value a, Value b) {
  return bitwise(
      t, a, b, [](int64_t x, int64_t y) { return x ^ y; }, mpz_xor);
}
// bool & bool stays bool.
static Result<Value> bool_and_slot(Thread& t, Value a, Value b) {
  if (a.is_bool() && b.is_bool()) return Value::from_bool(a.is_true() && b.is_true());
  return int_and_slot(t, a, b);
}
static Result<Value> bool_or_slot(Thread& t, Value a, Value b) {
  if (a.is_bool() && b.is_bool()) return Value::from_bool(a.is_true() || b.is_true());
  return int_or_slot(t, a, b);
}
static Result<Value> bool_xor_slot(Thread& t, Value a, Value b) {
  if (a.is_bool() && b.is_bool()) return Value::from_bool(a.is_true() != b.is_true());
  return int_xor_slot(t, a, b);
}

static Result<Value> int_neg_slot(Thread& t, Value v) {
  return int_sub(t, Value::from_int(0), int_plain(t, v));
}
static Result<Value> int_plain_slot(Thread& t, Value v) { return int_plain(t, v); }
static Result<Value> int_abs_slot(Thread& t, Value v) {
  return int_compare(v, Value::from_int(0)) < 0 ? int_neg_slot(t, v) : Result<Value>(int_plain(t, v));
}
static Result<Value> int_invert_slot(Thread& t, Value v) {
  return int_sub(t, Value::from_int(-1), int_plain(t, v));
}
static Result<Value> bool_invert_slot(Thread& t, Value v) {
  TRY(warn(
      t, Exc::DeprecationWarning,
      "Bitwise inversion '~' on bool is deprecated and will be removed in Python 3.16. This returns the "
      "bitwise "
      "inversion of the underlying int object and is usually not what you expect from the negation of a bool "
      "object. Use the 'not' operator for boolean negation or ~int(x) for the bitwise inversion of the "
      "underlying "
      "int."));
  return int_invert_slot(t, v);
}
static Result<bool> int_bool_slot(Thread&, Value v) { return int_compare(v, Value::from_int(0)) != 0; }
static Result<Value> int_float_slot(Thread& t, Value v) {
  return make_float(t, TRY(to_double(t, int_plain(t, v))));
}
static Result<int64_t> int_hash_slot(Thread&, Value v) { return int_hash(v); }
static Result<Value> int_compare_slot(Thread&, Value a, Value b, CompareOp op) {
  if (!is_any_int(a) || !is_any_int(b)) return kNotImplemented;
  return order_result(int_compare(a, b), op);
}

// ---- construction

// An instance of a subclass with the given value.
static Value int_of_type(Thread& t, Type* cls, Value value) {
  if (cls == t.types().int_) return int_plain(t, value);
  IntView view(value);
  size_t count = mpz_size(view.get());
  auto* object = t.heap().make<IntObject>(t, cls, count * sizeof(mp_limb_t));
  object->size = mpz_sgn(view.get()) < 0 ? -static_cast<int64_t>(count) : static_cast<int64_t>(count);
  std::memcpy(object->limbs(), mpz_limbs_read(view.get()), count * sizeof(mp_limb_t));
  return object;
}

static Result<Value> int_from_object(Thread& t, Value x) {
  if (x.is_int() || x.is_bool()) return int_plain(t, x);
  if (x.is_float_inline() || (is_kind(x, Kind::Float) && x.as_object()->type() == t.types().float_)) {
    return t.types().float_->slots.int_(t, x);
  }
  Type* type = type_of(t, x);
  if (type->slots.int_ != nullptr) {
    Value result = TRY(type->slots.int_(t, x));
    if (!is_any_int(result))
      return t.raise(Exc::TypeError, "__int__ returned non-int (type {})", type_name(t, result));
    if (!result.is_int() && !is_exact(result, t.types().int_))
      TRY(warn(
          t, Exc::DeprecationWarning,
          fmt::format(
              "__int__ returned non-int (type {}).  The ability to return an instance of a strict subclass "
              "of int is deprecated, and may be removed in a future version of Python.",
              type_name(t, result))));
    return int_plain(t, result);
  }
  if (type->slots.index != nullptr) return int_plain(t, TRY(to_index(t, x)));
  Value trunc = TRY(call_special(t, x, t.names().__trunc__));
  if (!trunc.is_not_found()) {
    TRY(warn(t, Exc::DeprecationWarning, "The delegation of int() to __trunc__ is deprecated."));
    if (!is_any_int(trunc)) {
      Type* trunc_type = type_of(t, trunc);
      if (trunc_type->slots.index == nullptr)
        return t.raise(Exc::TypeError, "__trunc__ returned non-Integral (type {})", type_name(trunc_type));
      trunc = TRY(to_index(t, trunc));
    }
    return int_plain(t, trunc);
  }
  if (is_str(x)) return int_from_text(t, number_text(x.as<StrObject>()), 10, x);
  auto view = bytes_view(t, x);
  if (view.ok()) {
    std::string text(view.value());
    return int_from_text(t, text, 10, x);
  }
  t.clear_exception();
  return t.raise(Exc::TypeError,
                 "int() argument must be a string, a bytes-like object or a real number, not '{}'",
                 type_name(type));
}

static Result<Value> int_new(Thread& t, Value self, const CallArgs& call) {
  Type* cls = self.as<Type>();
  size_t keywords = call.keyword_names.is_empty() ? 0 : call.keyword_names.as<TupleObject>()->size;
  Value x = kEmpty, base = kEmpty;
  if (call.count + keywords > 2) {
    // Without keywords CPython's type calls a function of its own, with them __new__.
    if (call.keyword_names.is_empty() && cls == t.types().int_)
      return t.raise(Exc::TypeError, "int expected at most 2 arguments, got {}", call.count);
    return t.raise(Exc::TypeError, "int() takes at most 2 arguments ({} given)", call.count + keywords);
  }
  if (call.count > 0) x = call.values[0];
  if (call.count > 1) base = call.values[1];
  for (size_t i = 0; i < keywords; ++i) {
    auto* name = (*call.keyword_names.as<TupleObject>())[i].as<StrObject>();
    if (!str_equal(name, "base")) return unexpected_keyword(t, "int()", to_utf8(name), {"base"});
    if (!base.is_empty())
      return t.raise(Exc::TypeError, "argument for int() given by name ('base') and position (2)");
    base = call.values[call.count + i];
  }
  if (x.is_empty()) {
    if (!base.is_empty()) return t.raise(Exc::TypeError, "int() missing string argument");
    return int_of_type(t, cls, Value::from_int(0));
  }
  if (base.is_empty()) return int_of_type(t, cls, TRY(int_from_object(t, x)));
  Value index = TRY(to_index(t, base));
  int64_t b;
  if (!int_to_int64(index, &b) || (b != 0 && b < 2) || b > 36)
    return t.raise(Exc::ValueError, "int() base must be >= 2 and <= 36, or 0");
  std::string text;
  if (is_str(x)) {
    text = number_text(x.as<StrObject>());
  } else if (is_bytes(x) || is_kind(x, Kind::ByteArray)) {
    text = std::string(TRY(bytes_view(t, x)));
  } else {
    return t.raise(Exc::TypeError, "int() can't convert non-string with explicit base");
  }
  return int_of_type(t, cls, TRY(int_from_text(t, text, static_cast<int>(b), x)));
}

static Result<Value> bool_new(Thread& t, const Value* args) {
  return Value::from_bool(TRY(truth(t, args[1])));
}
static Result<Value> bool_repr(Thread& t, Value v) {
  return Value(v.is_true() ? t.names().true_ : t.names().false_);
}

// ---- methods

static Result<Value> int_bit_length(Thread&, const Value* args) {
  IntView view(args[0]);
  return Value::from_int(mpz_sgn(view.get()) == 0 ? 0 : static_cast<int64_t>(mpz_sizeinbase(view.get(), 2)));
}
static Result<Value> int_bit_count(Thread&, const Value* args) {
  IntView view(args[0]);
  int64_t count = 0;
  for (size_t i = 0; i < mpz_size(view.get()); ++i) count += __builtin_popcountl(mpz_getlimbn(view.get(), i));
  return Value::from_int(count);
}
static Result<Value> int_conjugate(Thread& t, const Value* args) { return int_plain(t, args[0]); }
static Result<Value> int_as_integer_ratio(Thread& t, const Value* args) {
  return make_tuple(t, {int_plain(t, args[0]), Value::from_int(1)});
}
static Result<Value> int_is_integer(Thread&, const Value*) { return kTrue; }
static Result<Value> int_getnewargs(Thread& t, const Value* args) {
  return make_tuple(t, {int_plain(t, args[0])});
}
static Result<Value> int_sizeof(Thread& t, const Value* args) {
  IntView view(args[0]);
  return make_int(t, 24 + 4 * static_cast<int64_t>((mpz_sizeinbase(view.get(), 2) + 29) / 30));
}
static Result<Value> int_format_method(Thread& t, const Value* args) {
  if (!is_str(args[1]))
    return t.raise(Exc::TypeError, "__format__() argument must be str, not {}", type_name(t, args[1]));
  if (args[1].as<StrObject>()->length() == 0) return str(t, args[0]);  // a subclass may have its own __str__
  return format_int(t, args[0], args[1].as<StrObject>());
}

// round(i, -n): to a multiple of 10**n, ties to even.
static Result<Value> int_round(Thread& t, const Value* args) {
  Value v = int_plain(t, args[0]);
  if (args[1].is_empty() || args[1].is_none()) return v;
  Value digits = TRY(to_index(t, args[1]));
  int64_t n;
  if (!int_to_int64(digits, &n)) {
    if (int_compare(digits, Value::from_int(0)) > 0) return v;
    return Value::from_int(0);
  }
  if (n >= 0) return v;
  IntView view(v);
  if (static_cast<uint64_t>(-n) > mpz_sizeinbase(view.get(), 10) + 1) return Value::from_int(0);
  Mpz unit, quotient, remainder, twice;
  mpz_ui_pow_ui(unit, 10, static_cast<unsigned long>(-n));
  mpz_fdiv_qr(quotient, remainder, view.get(), unit);
  mpz_mul_2exp(twice, remainder, 1);
  int c = mpz_cmp(twice, unit);
  if (c > 0 || (c == 0 && mpz_odd_p(quotient.z))) mpz_add_ui(quotient, quotient, 1);
  mpz_mul(quotient, quotient, unit);
  return make_int_mpz(t, quotient);
}

static Result<bool> is_big_endian(Thread& t, Value order) {
  if (!is_str(order))
    return t.raise(Exc::TypeError, "to_bytes() argument 'byteorder' must be str, not {}",
                   type_name(t, order));
  if (order.as<StrObject>()->is_ascii() && order.as<StrObject>()->ascii() == "big") return true;
  if (str_equal(order.as<StrObject>(), "little")) return false;
  return t.raise(Exc::ValueError, "byteorder must be either 'little' or 'big'");
}

// An int of one word.
static Result<Value> small_to_bytes(Thread& t, int64_t v, int64_t length, bool big, bool is_signed) {
  if (v < 0 && !is_signed) return t.raise(Exc::OverflowError, "can't convert negative int to unsigned");
  int64_t bits = 8 * length - (is_signed ? 1 : 0);
  if (length < 8 && v != 0 && (bits <= 0 || (v < 0 ? ~v : v) >> bits != 0))
    return t.raise(Exc::OverflowError, "int too big to convert");
  BytesObject* bytes = allocate_bytes(t, static_cast<size_t>(length));
  if (bytes == nullptr) return Error{};
  uint8_t* data = bytes->data();
  for (int64_t i = 0; i < length; ++i)
    data[big ? length - 1 - i : i] = static_cast<uint8_t>(v >> 8 * std::min<int64_t>(i, 7));
  for (int64_t i = 8; i < length; ++i) data[big ? length - 1 - i : i] = v < 0 ? 0xff : 0;
  return bytes;
}

static Result<Value> int_to_bytes(Thread& t, const Value* args) {
  int64_t length = TRY(to_ssize(t, args[1]));
  bool big = TRY(is_big_endian(t, args[2]));
  bool is_signed = TRY(truth(t, args[3]));
  if (length < 0) return t.raise(Exc::ValueError, "length argument must be non-negative");
  constexpr int64_t kFewBytes = 64;
  if (args[0].is_int() && length <= kFewBytes)
    return small_to_bytes(t, args[0].as_int(), length, big, is_signed);
  IntView view(args[0]);
  int sign = mpz_sgn(view.get());
  if (sign < 0 && !is_signed) return t.raise(Exc::OverflowError, "can't convert negative int to unsigned");
  Mpz z;
  size_t bits;
  if (sign < 0) {
    mpz_com(z, view.get());  // ~v >= 0; two's complement bytes are the inverted bytes of ~v
    bits = mpz_sgn(z.z) == 0 ? 1 : mpz_sizeinbase(z, 2) + 1;
  } else {
    mpz_set(z, view.get());
    bits = (sign == 0 ? 0 : mpz_sizeinbase(z, 2)) + (is_signed && sign != 0 ? 1 : 0);
  }
  if (bits > static_cast<uint64_t>(length) * 8) return t.raise(Exc::OverflowError, "int too big to convert");
  if (length > (int64_t{1} << 40)) return t.raise_memory_error();
  BytesObject* bytes = allocate_bytes(t, static_cast<size_t>(length));
  if (bytes == nullptr) return Error{};
  uint8_t* data = bytes->data();
  std::memset(data, 0, static_cast<size_t>(length));
  size_t written = 0;
  if (length > 0) {
    std::string buffer(mpz_sizeinbase(z, 2) / 8 + 1, '\0');
    mpz_export(buffer.data(), &written, -1, 1, -1, 0, z);
    std::memcpy(data, buffer.data(), std::min(written, static_cast<size_t>(length)));
  }
  if (sign < 0)
    for (int64_t i = 0; i < length; ++i) data[i] = static_cast<uint8_t>(~data[i]);
  if (big)
    for (int64_t i = 0; i < length / 2; ++i) std::swap(data[i], data[length - 1 - i]);
  return bytes;
}

static Result<Value> int_from_bytes(Thread& t, const Value* args) {
  bool big = TRY(is_big_endian(t, args[2]));
  bool is_signed = TRY(truth(t, args[3]));
  std::string_view data;
  if (is_bytes(args[1]) || is_kind(args[1], Kind::ByteArray) || is_kind(args[1], Kind::MemoryView)) {
    data = TRY(bytes_view(t, args[1]));
  } else if (is_str(args[1])) {
    return t.raise(Exc::TypeError, "cannot convert 'str' object to bytes");
  } else if (is_any_int(args[1])) {
    return t.raise(Exc::TypeError, "cannot convert '{}' object to bytes", type_name(t, args[1]));
  } else {
    Value as_bytes = TRY(call(t, t.types().bytes, {args[1]}));
    data = TRY(bytes_view(t, as_bytes));
  }
  Type* cls = args[0].as<Type>();
  if (data.size() <= 8 && cls == t.types().int_) {
    uint64_t v = 0;
    for (size_t i = 0; i < data.size(); ++i)
      v = v << 8 | static_cast<uint8_t>(data[big ? i : data.size() - 1 - i]);
    if (!is_signed || data.empty()) return make_int_unsigned(t, v);
    int unused = static_cast<int>(64 - 8 * data.size());
    return make_int(t, static_cast<int64_t>(v << unused) >> unused);
  }
  if (!os::has_room(data.size() * 3)) return t.raise_memory_error();
  Mpz z;
  mpz_import(z, data.size(), big ? 1 : -1, 1, 0, 0, data.data());
  if (is_signed && !data.empty() && (static_cast<uint8_t>(big ? data.front() : data.back()) & 0x80)) {
    Mpz power;
    mpz_setbit(power, data.size() * 8);
    mpz_sub(z, z, power);
  }
  Value result = make_int_mpz(t, z);
  if (cls == t.types().int_) return result;
  return call(t, cls, {result});
}

static Result<Value> int_get_real(Thread& t, Value self) { return int_plain(t, self); }
static Result<Value> int_get_imag(Thread&, Value) { return Value::from_int(0); }
static Result<Value> int_get_denominator(Thread&, Value) { return Value::from_int(1); }

static const GetSetDef kIntGetSets[] = {
    {"real", int_get_real, nullptr, "the real part of a complex number"},
    {"imag", int_get_imag, nullptr, "the imaginary part of a complex number"},
    {"numerator", int_get_real, nullptr, "the numerator of a rational number in lowest terms"},
    {"denominator", int_get_denominator, nullptr, "the denominator of a rational number in lowest terms"},
    {}};

static const NativeDef kIntMethods[] = {
    MP_RAW_NEW(int_new, "__new__(cls, x=?, /, base=?)", nullptr),
    MP_METHOD(int_bit_length, "bit_length(self, /)", "Number of bits necessary to represent self in binary."),
    MP_METHOD(int_bit_count, "bit_count(self, /)",
              "Number of ones in the binary representation of the absolute value of self."),
    MP_METHOD(int_conjugate, "conjugate(self, /)", "Returns self, the complex conjugate of any int."),
    MP_METHOD(int_as_integer_ratio, "as_integer_ratio(self, /)",
              "Return a pair of integers, whose ratio is equal to the original int."),
    MP_METHOD(int_is_integer, "is_integer(self, /)",
              "Returns True. Exists for duck type compatibility with float.is_integer."),
    MP_METHOD(int_to_bytes, "to_bytes(self, /, length=1, byteorder='big', *, signed=False)",
              "Return an array of bytes representing an integer."),
    MP_CLASS_METHOD(int_from_bytes, "from_bytes(cls, /, bytes, byteorder='big', *, signed=False)",
                    "Return the integer represented by the given array of bytes."),
    MP_METHOD(int_conjugate, "__trunc__(self, /)", "Truncating an Integral returns itself."),
    MP_METHOD(int_conjugate, "__floor__(self, /)", "Flooring an Integral returns itself."),
    MP_METHOD(int_conjugate, "__ceil__(self, /)", "Ceiling of an Integral returns itself."),
    MP_METHOD(int_round, "__round__(self, ndigits=?, /)", "Rounding an Integral returns itself."),
    MP_METHOD(int_format_method, "__format__(self, format_spec, /)",
              "Convert to a string according to format_spec."),
    MP_METHOD(int_getnewargs, "__getnewargs__(self, /)", nullptr),
    MP_METHOD(int_sizeof, "__sizeof__(self, /)", "Returns size in memory, in bytes."),
    MP_END};

extern const TypeSpec kIntSpec;
const TypeSpec kIntSpec = {
    .name = "int",
    .kind = Kind::Int,
    .size = sizeof(IntObject),
    .flags = kTypeBaseType | kTypeIntSubclass | kTypeVariableSize | kTypeMatchSelf,
    .doc =
        "int([x]) -> integer\nint(x, base=10) -> integer\n\nConvert a number or "
        "string to an integer, or return 0 if "
        "no arguments\nare given.",
    .slots = MP_SLOTS(.repr = int_repr, .hash = int_hash_slot, .compare = int_compare_slot,
                      .add = int_add_slot, .sub = int_sub_slot, .mul = int_mul_slot,
                      .truediv = int_truediv_slot, .floordiv = int_floordiv_slot, .mod = int_mod_slot,
                      .divmod = int_divmod_slot, .pow = int_pow_slot, .lshift = int_lshift_slot,
                      .rshift = int_rshift_slot, .and_ = int_and_slot, .or_ = int_or_slot,
                      .xor_ = int_xor_slot, .neg = int_neg_slot, .pos = int_plain_slot, .abs = int_abs_slot,
                      .invert = int_invert_slot, .bool_ = int_bool_slot, .int_ = int_plain_slot,
                      .float_ = int_float_slot, .index = int_plain_slot),
    .methods = kIntMethods,
    .getsets = kIntGetSets};

static const NativeDef kBoolMethods[] = {MP_NEW(bool_new, "__new__(cls, object=False, /)", nullptr), MP_END};

extern const TypeSpec kBoolSpec;
const TypeSpec kBoolSpec = {.name = "bool",
                            .kind = Kind::Int,
                            .base = &BuiltinTypes::int_,
                            .size = sizeof(IntObject),
                            .flags = kTypeIntSubclass | kTypeVariableSize | kTypeMatchSelf,
                            .doc =
                                "Returns True when the argument is true, False otherwise.\nThe builtins True "
                                "and False are the only two "
                                "instances of the class bool.\nThe class bool is a subclass of the class "
                                "int, and cannot be subclassed.",
                            .slots = MP_SLOTS(.repr = bool_repr, .and_ = bool_and_slot, .or_ = bool_or_slot,
                                              .xor_ = bool_xor_slot, .invert = bool_invert_slot),
                            .methods = kBoolMethods};

}  // namespace mp

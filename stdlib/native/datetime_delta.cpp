// timedelta. Its arithmetic is exact: totals of microseconds have 67 bits, so they are computed in 128.
#include <cmath>

#include "stdlib/native/datetime.h"
#include "vm/types/container_support.h"

namespace mp {

using Total = __int128;

namespace {

constexpr int64_t kMaxDays = 999'999'999;

Error too_large(Thread& t) { return t.raise(Exc::OverflowError, "Python int too large to convert to C int"); }

Total total_of(Value delta) {
  auto* d = delta.as<DeltaObject>();
  return Total{d->days} * kDay + d->microseconds;
}

Result<Value> delta_of_total(Thread& t, DateTypes& types, Total total) {
  Total days = total / kDay;
  if (total % kDay < 0) --days;
  auto microseconds = static_cast<int64_t>(total - days * kDay);
  if (days < INT32_MIN || days > INT32_MAX) return too_large(t);
  return make_delta_checked(t, types, static_cast<int64_t>(days), microseconds);
}

// An int of at most 127 bits; false when it has more.
bool to_total(Value any_int, Total* out) {
  int64_t small;
  if (int_to_int64(any_int, &small)) {
    *out = small;
    return true;
  }
  IntView view(any_int);
  if (mpz_sizeinbase(view.get(), 2) > 126) return false;
  uint64_t limbs[2] = {};
  mpz_export(limbs, nullptr, -1, 8, 0, 0, view.get());
  *out = static_cast<Total>((static_cast<unsigned __int128>(limbs[1]) << 64) | limbs[0]);
  if (mpz_sgn(view.get()) < 0) *out = -*out;
  return true;
}

Value int_of_total(Thread& t, Total total) {
  if (total >= INT64_MIN && total <= INT64_MAX) return make_int(t, static_cast<int64_t>(total));
  bool negative = total < 0;
  auto magnitude = static_cast<unsigned __int128>(negative ? -total : total);
  uint64_t limbs[2] = {static_cast<uint64_t>(magnitude), static_cast<uint64_t>(magnitude >> 64)};
  Mpz number;
  mpz_import(number, 2, -1, 8, 0, 0, limbs);
  if (negative) mpz_neg(number, number);
  return make_int_mpz(t, number);
}

Total floor_divide_total(Total a, Total b) {
  Total quotient = a / b;
  return a % b != 0 && (a < 0) != (b < 0) ? quotient - 1 : quotient;
}

// Nearest, ties to even.
Total divide_nearest(Total a, Total b) {
  Total quotient = floor_divide_total(a, b), rest = a - quotient * b;  // rest has b's sign
  if (b < 0) rest = -rest, b = -b;
  Total other = b - rest;
  return rest > other || (rest == other && (quotient & 1) != 0) ? quotient + 1 : quotient;
}

// ---- numbers as fractions, for products and quotients
struct Fraction {
  Total numerator = 0, denominator = 1;
  int shift = 0;  // of the numerator, or (negative) of the denominator
};

// float.as_integer_ratio(), which a subclass may define anew.
Result<Fraction> fraction_of(Thread& t, Value number) {
  if (is_exact(number, t.types().float_) || number.is_float_inline()) {
    double d = float_value(number);
    if (std::isnan(d)) return t.raise(Exc::ValueError, "cannot convert NaN to integer ratio");
    if (std::isinf(d)) return t.raise(Exc::OverflowError, "cannot convert Infinity to integer ratio");
    int exponent;
    auto mantissa = static_cast<int64_t>(std::ldexp(std::frexp(d, &exponent), 53));
    if (mantissa == 0) return Fraction{};
    int zeros = __builtin_ctzll(static_cast<uint64_t>(mantissa));
    return Fraction{mantissa >> zeros, 1, exponent - 53 + zeros};
  }
  Value ratio = TRY(call_method(t, number, intern(t, "as_integer_ratio")));
  if (!is_tuple(ratio))
    return t.raise(Exc::TypeError, "unexpected return type from as_integer_ratio(): expected tuple, got '{}'",
                   type_name(t, ratio));
  auto* pair = ratio.as<TupleObject>();
  if (pair->size != 2) return t.raise(Exc::ValueError, "as_integer_ratio() must return a 2-tuple");
  Fraction fraction;
  for (size_t i = 0; i < 2; ++i) {
    Value part = TRY(to_index(t, (*pair)[i]));
    if (!to_total(part, i == 0 ? &fraction.numerator : &fraction.denominator)) return too_large(t);
  }
  if (fraction.denominator == 0) return t.raise(Exc::ZeroDivisionError, "integer division or modulo by zero");
  return fraction;
}

// a * b * 2**shift / c, to the nearest. What leaves 128 bits on the way up is out of a timedelta's range, and
// what a shift brings below half a microsecond is 0.
Result<Value> scaled(Thread& t, DateTypes& types, Total a, Total b, int shift, Total c) {
  Total product, divisor = c;
  if (a == 0 || b == 0) return make_delta(t, types, 0, 0);
  if (__builtin_mul_overflow(a, b, &product)) return too_large(t);
  if (shift > 0) {
    if (shift > 126 || __builtin_mul_overflow(product, Total{1} << shift, &product)) return too_large(t);
  } else if (shift < 0) {
    if (shift < -126 || __builtin_mul_overflow(divisor, Total{1} << -shift, &divisor))
      return make_delta(t, types, 0, 0);
  }
  return delta_of_total(t, types, divide_nearest(product, divisor));
}

// ---------------------------------------------------------------- construction

struct Unit {
  const char* name;
  int64_t microseconds;
};
// In the order of the parameters; CPython adds them up from the smallest unit on: the first wrong one is
// named.
constexpr Unit kUnits[] = {{"days", kDay},         {"seconds", kSecond}, {"microseconds", 1},
                           {"milliseconds", 1000}, {"minutes", kMinute}, {"hours", kHour},
                           {"weeks", 7 * kDay}};
constexpr size_t kOrder[] = {2, 3, 1, 4, 5, 0, 6};
constexpr const char* kParameterNames[] = {"days",    "seconds", "microseconds", "milliseconds",
                                           "minutes", "hours",   "weeks"};
constexpr Parameters kParameters = {"__new__", kParameterNames, 7, 7, 0};

// Adds `number` units to the whole microseconds; the fraction of a float goes to `fraction`.
Status accumulate(Thread& t, Value number, const Unit& unit, Total* whole, double* fraction) {
  Total units, product;
  if (is_any_int(number)) {
    if (!to_total(number, &units) || __builtin_mul_overflow(units, Total{unit.microseconds}, &product))
      return too_large(t);
  } else if (is_float(number)) {
    double d = float_value(number), units_double;
    if (std::isnan(d)) return t.raise(Exc::ValueError, "cannot convert float NaN to integer");
    if (std::isinf(d)) return t.raise(Exc::OverflowError, "cannot convert float infinity to integer");
    double part = std::modf(d, &units_double);
    if (std::fabs(units_double) > 0x1p120 ||
        __builtin_mul_overflow(static_cast<Total>(units_double), Total{unit.microseconds}, &product))
      return too_large(t);
    if (part != 0) {
      double whole_part;
      *fraction += std::modf(part * static_cast<double>(unit.microseconds), &whole_part);
      product += static_cast<Total>(whole_part);
    }
  } else {
    return t.raise(Exc::TypeError, "unsupported type for timedelta {} component: {}", unit.name,
                   type_name(t, number));
  }
  if (__builtin_add_overflow(*whole, product, whole)) return too_large(t);
  return {};
}

Value allocate_delta(Thread& t, Type* type, int64_t days, int64_t microseconds) {
  auto* delta = t.heap().make<DeltaObject>(t, type);
  delta->days = days;
  delta->microseconds = microseconds;
  return delta;
}

Result<Value> delta_new(Thread& t, Value cls, const CallArgs& args) {
  auto* type = cls.as<Type>();
  Value parts[7] = {};
  if (args.keyword_names.is_empty() && args.count <= 7) {
    for (size_t i = 0; i < args.count; ++i) parts[i] = args.values[i];
  } else {
    TRY(bind_constructor(t, kParameters, args, parts));
  }
  Total total = 0;
  double fraction = 0;
  for (size_t i : kOrder)
    if (!parts[i].is_empty()) TRY(accumulate(t, parts[i], kUnits[i], &total, &fraction));
  if (fraction != 0) {
    // Ties go to the even total, not to the even rest.
    double rounded = std::round(fraction);
    if (std::fabs(rounded - fraction) == 0.5) {
      double odd = (total & 1) != 0 ? 1 : 0;
      rounded = 2.0 * std::round((fraction + odd) * 0.5) - odd;
    }
    total += static_cast<Total>(rounded);
  }
  if (type == date_types(type).delta) return delta_of_total(t, date_types(type), total);
  Value plain = TRY(delta_of_total(t, date_types(type), total));
  return allocate_delta(t, type, plain.as<DeltaObject>()->days, plain.as<DeltaObject>()->microseconds);
}

// ---------------------------------------------------------------- arithmetic

Result<Value> delta_sum(Thread& t, Value a, Value b, int sign) {
  auto* x = a.as<DeltaObject>();
  auto* y = b.as<DeltaObject>();
  return make_delta_checked(t, date_types(a), x->days + sign * y->days,
                            x->microseconds + sign * y->microseconds);
}
Result<Value> delta_add(Thread& t, Value a, Value b) {
  if (!is_delta(a) || !is_delta(b)) return kNotImplemented;
  return delta_sum(t, a, b, 1);
}
Result<Value> delta_sub(Thread& t, Value a, Value b) {
  if (!is_delta(a) || !is_delta(b)) return kNotImplemented;
  return delta_sum(t, a, b, -1);
}
Result<Value> delta_neg(Thread& t, Value v) {
  auto* d = v.as<DeltaObject>();
  return make_delta_checked(t, date_types(v), -d->days, -d->microseconds);
}
Result<Value> delta_pos(Thread& t, Value v) {
  auto* d = v.as<DeltaObject>();
  return make_delta(t, date_types(v), d->days, d->microseconds);
}
Result<Value> delta_abs(Thread& t, Value v) {
  return v.as<DeltaObject>()->days < 0 ? delta_neg(t, v) : delta_pos(t, v);
}
Result<bool> delta_bool(Thread&, Value v) {
  return v.as<DeltaObject>()->days != 0 || v.as<DeltaObject>()->microseconds != 0;
}

Result<Value> delta_mul(Thread& t, Value a, Value b) {
  Value delta = is_delta(a) ? a : b, number = is_delta(a) ? b : a;
  if (is_any_int(number)) {
    Total total = total_of(delta), factor, product;
    if (total == 0) return make_delta(t, date_types(delta), 0, 0);
    if (!to_total(number, &factor) || __builtin_mul_overflow(total, factor, &product)) return too_large(t);
    return delta_of_total(t, date_types(delta), product);
  }
  if (is_float(number)) {
    Fraction f = TRY(fraction_of(t, number));
    return scaled(t, date_types(delta), total_of(delta), f.numerator, f.shift, f.denominator);
  }
  return kNotImplemented;
}

Error zero_division(Thread& t) {
  return t.raise(Exc::ZeroDivisionError, "integer division or modulo by zero");
}

Result<Value> delta_truediv(Thread& t, Value a, Value b) {
  if (!is_delta(a)) return kNotImplemented;
  Total total = total_of(a);
  if (is_delta(b)) {
    Total other = total_of(b);
    constexpr Total kExact = Total{1} << 53;  // doubles hold it, so that their quotient is the nearest one
    if (other != 0 && total <= kExact && total >= -kExact && other <= kExact && other >= -kExact)
      return make_float(t, static_cast<double>(total) / static_cast<double>(other));
    return int_truediv(t, int_of_total(t, total), int_of_total(t, other));
  }
  if (is_any_int(b)) {
    Total divisor;
    if (!to_total(b, &divisor)) return make_delta(t, date_types(a), 0, 0);
    if (divisor == 0) return zero_division(t);
    return delta_of_total(t, date_types(a), divide_nearest(total, divisor));
  }
  if (is_float(b)) {
    Fraction f = TRY(fraction_of(t, b));
    if (f.numerator == 0) return zero_division(t);
    return scaled(t, date_types(a), total, f.denominator, -f.shift, f.numerator);
  }
  return kNotImplemented;
}

Result<Value> delta_floordiv(Thread& t, Value a, Value b) {
  if (!is_delta(a)) return kNotImplemented;
  Total total = total_of(a), divisor;
  if (is_delta(b)) {
    divisor = total_of(b);
    if (divisor == 0) return zero_division(t);
    return int_of_total(t, floor_divide_total(total, divisor));
  }
  if (!is_any_int(b)) return kNotImplemented;
  if (!to_total(b, &divisor)) {
    bool negative = int_compare(b, Value::from_int(0)) < 0;
    return make_delta(t, date_types(a), (total < 0) != negative && total != 0 ? -1 : 0);
  }
  if (divisor == 0) return zero_division(t);
  return delta_of_total(t, date_types(a), floor_divide_total(total, divisor));
}
Result<Value> delta_mod(Thread& t, Value a, Value b) {
  if (!is_delta(a) || !is_delta(b)) return kNotImplemented;
  Total total = total_of(a), divisor = total_of(b);
  if (divisor == 0) return t.raise(Exc::ZeroDivisionError, "integer modulo by zero");
  return delta_of_total(t, date_types(a), total - floor_divide_total(total, divisor) * divisor);
}
Result<Value> delta_divmod(Thread& t, Value a, Value b) {
  if (!is_delta(a) || !is_delta(b)) return kNotImplemented;
  Value quotient = TRY(delta_floordiv(t, a, b));
  Value rest = TRY(delta_mod(t, a, b));
  return make_tuple(t, {quotient, rest});
}

// ---------------------------------------------------------------- order, texts, attributes

Result<Value> delta_compare(Thread&, Value a, Value b, CompareOp op) {
  if (!is_delta(b)) return kNotImplemented;
  auto* x = a.as<DeltaObject>();
  auto* y = b.as<DeltaObject>();
  bool same_day = x->days == y->days;
  int64_t left = same_day ? x->microseconds : x->days, right = same_day ? y->microseconds : y->days;
  return order_result(left < right ? -1 : left > right ? 1 : 0, op);
}

int64_t seconds_of(const DeltaObject* d) { return d->microseconds / kSecond; }
int64_t rest_of(const DeltaObject* d) { return d->microseconds % kSecond; }

// That of the tuple (days, seconds, microseconds): the order of sets depends on it.
Result<int64_t> delta_hash(Thread&, Value self) {
  auto* d = self.as<DeltaObject>();
  TupleHash hash;
  hash.add(d->days == -1 ? -2 : d->days);
  hash.add(seconds_of(d));
  hash.add(rest_of(d));
  return hash.finish(3);
}

Result<Value> delta_repr(Thread& t, Value self) {
  auto* d = self.as<DeltaObject>();
  std::string text;
  auto add = [&text](const char* name, int64_t number) {
    if (number != 0) text += fmt::format("{}{}={}", text.empty() ? "" : ", ", name, number);
  };
  add("days", d->days);
  add("seconds", seconds_of(d));
  add("microseconds", rest_of(d));
  return str_or_error(make_str(t, class_name(self) + "(" + (text.empty() ? "0" : text) + ")"));
}

Result<Value> delta_str(Thread& t, Value self) {
  auto* d = self.as<DeltaObject>();
  std::string text;
  if (d->days != 0) text = fmt::format("{} day{}, ", d->days, d->days == 1 || d->days == -1 ? "" : "s");
  auto seconds = static_cast<uint32_t>(seconds_of(d));
  append_digits(text, seconds / 3600, seconds < 36000 ? 1 : 2);
  text += ':';
  append_digits(text, seconds / 60 % 60, 2);
  text += ':';
  append_digits(text, seconds % 60, 2);
  if (rest_of(d) != 0) {
    text += '.';
    append_digits(text, static_cast<uint32_t>(rest_of(d)), 6);
  }
  return str_or_error(make_str(t, text));
}

Result<Value> delta_days(Thread&, Value self) { return Value::from_int(self.as<DeltaObject>()->days); }
Result<Value> delta_seconds(Thread&, Value self) {
  return Value::from_int(seconds_of(self.as<DeltaObject>()));
}
Result<Value> delta_microseconds(Thread&, Value self) {
  return Value::from_int(rest_of(self.as<DeltaObject>()));
}
Status read_only(Thread& t, Value, Value) { return t.raise(Exc::AttributeError, "readonly attribute"); }

Result<Value> delta_reduce(Thread& t, const Value* args) {
  auto* d = args[0].as<DeltaObject>();
  Value state =
      make_tuple(t, {Value::from_int(d->days), Value::from_int(seconds_of(d)), Value::from_int(rest_of(d))});
  return make_tuple(t, {Value(type_of(t, args[0])), state});
}

const NativeDef kMethods[] = {
    MP_RAW_NEW(delta_new, "__new__(cls, /, *args, **kwargs)", nullptr),
    MP_METHOD(delta_total_seconds, "total_seconds(self, /)", "Total seconds in the duration."),
    MP_METHOD(delta_reduce, "__reduce__(self, /)", "__reduce__() -> (cls, state)"), MP_END};
const GetSetDef kGetSets[] = {
    {"days", delta_days, read_only, "Number of days."},
    {"seconds", delta_seconds, read_only, "Number of seconds (>= 0 and less than 1 day)."},
    {"microseconds", delta_microseconds, read_only, "Number of microseconds (>= 0 and less than 1 second)."},
    {nullptr, nullptr, nullptr, nullptr}};

}  // namespace

Result<Value> delta_total_seconds(Thread& t, const Value* args) {
  Total total = total_of(args[0]);
  constexpr Total kExact = Total{1} << 53;
  if (total <= kExact && total >= -kExact) return make_float(t, static_cast<double>(total) / 1e6);
  return int_truediv(t, int_of_total(t, total), Value::from_int(kSecond));
}

Value make_delta(Thread& t, DateTypes& types, int64_t days, int64_t microseconds) {
  return allocate_delta(t, types.delta, days, microseconds);
}
Result<Value> make_delta_checked(Thread& t, DateTypes& types, int64_t days, int64_t microseconds) {
  days += floor_divide(microseconds, kDay);
  if (days < -kMaxDays || days > kMaxDays)
    return t.raise(Exc::OverflowError, "days={}; must have magnitude <= {}", days, kMaxDays);
  return make_delta(t, types, days, floor_remainder(microseconds, kDay));
}

const TypeSpec kDeltaSpec = {
    .name = "datetime.timedelta",
    .size = sizeof(DeltaObject),
    .flags = kTypeBaseType,
    .doc =
        "Difference between two datetime values.\n\n"
        "timedelta(days=0, seconds=0, microseconds=0, milliseconds=0, minutes=0, hours=0, weeks=0)\n\n"
        "All arguments are optional and default to 0.\n"
        "Arguments may be integers or floats, and may be positive or negative.",
    .slots = MP_SLOTS(.repr = delta_repr, .str = delta_str, .hash = delta_hash, .compare = delta_compare,
                      .add = delta_add, .sub = delta_sub, .mul = delta_mul, .truediv = delta_truediv,
                      .floordiv = delta_floordiv, .mod = delta_mod, .divmod = delta_divmod, .neg = delta_neg,
                      .pos = delta_pos, .abs = delta_abs, .bool_ = delta_bool),
    .methods = kMethods,
    .getsets = kGetSets};

}  // namespace mp

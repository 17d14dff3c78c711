// Decimal: its objects, operators and comparison.
#include "stdlib/native/decimal.h"
#include "vm/protocol/order.h"
#include "vm/types/exception.h"

namespace mp::decimal {

// ---------------------------------------------------------------- objects

namespace {

uint64_t shape_of(int64_t digits, Kind kind, bool negative) {
  return static_cast<uint64_t>(digits) << 3 | static_cast<uint64_t>(kind) << 1 | (negative ? 1 : 0);
}
void trace_decimal(Object* o, Tracer& tracer) {
  auto* decimal = static_cast<DecimalObject*>(o);
  if (!decimal->is_small()) tracer.mark_raw(reinterpret_cast<const void*>(decimal->low));
}

}  // namespace

Value make_small(Thread& t, Type* type, const Small& small) {
  auto* decimal = t.heap().make<DecimalObject>(t, type);
  decimal->exponent = small.exponent;
  decimal->low = static_cast<uint64_t>(small.coefficient);
  decimal->high = static_cast<uint64_t>(small.coefficient >> 64);
  decimal->shape = shape_of(small.digits, Kind::Finite, small.negative);
  return decimal;
}

Result<Value> make_decimal(Thread& t, Type* type, const Number& number) {
  uint64_t low, high;
  if (number.digits <= kSmallDigits) {
    Wide n = number.words[0];
    if (number.words.size() > 1) n += static_cast<Wide>(number.words[1]) * kBase;
    if (number.words.size() > 2) n += static_cast<Wide>(number.words[2]) * kBase * kBase;
    low = static_cast<uint64_t>(n);
    high = static_cast<uint64_t>(n >> 64);
  } else {
    size_t bytes = number.words.size() * sizeof(uint64_t);
    void* cell = t.heap().allocate_raw_unset(t, bytes);
    if (cell == nullptr) return t.raise_memory_error();
    std::memcpy(cell, number.words.data(), bytes);
    low = reinterpret_cast<uint64_t>(cell);
    high = number.words.size();
  }
  auto* decimal = t.heap().make<DecimalObject>(t, type);
  decimal->exponent = number.exponent;
  decimal->low = low;
  decimal->high = high;
  decimal->shape = shape_of(number.digits, number.kind, number.negative);
  return decimal;
}

bool load(Number& out, const DecimalObject* decimal) {
  out.negative = decimal->negative();
  out.kind = decimal->kind();
  out.exponent = decimal->exponent;
  out.digits = decimal->digits();
  if (decimal->is_small()) return out.words.assign(decimal->coefficient());
  return out.words.assign(reinterpret_cast<const uint64_t*>(decimal->low), decimal->high);
}

bool load_small(Value v, Small* out) {
  if (v.is_int()) {
    int64_t i = v.as_int();
    *out = {i < 0 ? static_cast<uint64_t>(-i) : static_cast<uint64_t>(i), 0, 0, i < 0};
    out->digits = digit_count(static_cast<uint64_t>(out->coefficient));
    return true;
  }
  if (!is_decimal(v)) return false;
  auto* decimal = v.as<DecimalObject>();
  if (!decimal->is_small() || decimal->kind() != Kind::Finite) return false;
  *out = {decimal->coefficient(), decimal->exponent, static_cast<int>(decimal->digits()),
          decimal->negative()};
  return true;
}

Status load_operand(Thread& t, DecimalTypes& types, ContextObject* context, Value v, Number* out) {
  if (is_decimal(v)) return load(*out, v.as<DecimalObject>()) ? Status() : t.raise_memory_error();
  IntView view(v);
  uint32_t status = 0;
  from_binary(*out, view.get(), kExact, status);
  if ((status & (kInexact | kRounded | kClamped)) != 0) out->set_error(kInvalidOperation, status);
  return add_conditions(t, types, context, status & kErrors);
}

Status load_argument(Thread& t, DecimalTypes& types, ContextObject* context, Value v, Number* out) {
  if (is_decimal(v) || is_any_int(v)) return load_operand(t, types, context, v, out);
  return t.raise(Exc::TypeError, "conversion from {} to Decimal is not supported", type_name(t, v));
}

Result<Value> finish(Thread& t, DecimalTypes& types, ContextObject* context, const Number& r,
                     uint32_t conditions) {
  TRY(add_conditions(t, types, context, conditions));
  return make_decimal(t, types.decimal, r);
}

// ---------------------------------------------------------------- operators

namespace {

bool is_operand(Value v) { return is_decimal(v) || is_any_int(v); }
DecimalTypes& types_of_one(Value a, Value b) { return types_of(is_decimal(a) ? a : b); }

Result<Value> operate(Thread& t, Value a, Value b, Binary* operation) {
  if (!is_operand(a) || !is_operand(b)) return kNotImplemented;
  DecimalTypes& types = types_of_one(a, b);
  ContextObject* context = current_context(t, types);
  Number x, y, r;
  TRY(load_operand(t, types, context, a, &x));
  TRY(load_operand(t, types, context, b, &y));
  uint32_t status = 0;
  operation(r, x, y, context->rules(), status);
  return finish(t, types, context, r, status);
}
Result<Value> operate(Thread& t, Value a, Value b, SmallBinary* small, Binary* operation) {
  Small x, y, z;
  if (load_small(a, &x) && load_small(b, &y)) [[likely]] {
    DecimalTypes& types = types_of_one(a, b);
    ContextObject* context = current_context(t, types);
    uint32_t status = 0;
    if (small(z, x, y, context->rules(), status)) [[likely]] {
      TRY(add_conditions(t, types, context, status));
      return make_small(t, types.decimal, z);
    }
  }
  return operate(t, a, b, operation);
}

Result<Value> decimal_add(Thread& t, Value a, Value b) { return operate(t, a, b, add_small, add); }
Result<Value> decimal_sub(Thread& t, Value a, Value b) { return operate(t, a, b, subtract_small, subtract); }
Result<Value> decimal_mul(Thread& t, Value a, Value b) { return operate(t, a, b, multiply_small, multiply); }
Result<Value> decimal_truediv(Thread& t, Value a, Value b) { return operate(t, a, b, divide_small, divide); }
bool floordiv_small(Small& r, const Small& a, const Small& b, const Rules& rules, uint32_t& status) {
  return divide_integer_small(r, nullptr, a, b, rules, status);
}
bool mod_small(Small& r, const Small& a, const Small& b, const Rules& rules, uint32_t& status) {
  Small quotient;
  return divide_integer_small(quotient, &r, a, b, rules, status);
}
Result<Value> decimal_floordiv(Thread& t, Value a, Value b) {
  return operate(t, a, b, floordiv_small, divide_integer);
}
Result<Value> decimal_mod(Thread& t, Value a, Value b) { return operate(t, a, b, mod_small, remainder); }
Result<Value> decimal_divmod(Thread& t, Value a, Value b) {
  if (!is_operand(a) || !is_operand(b)) return kNotImplemented;
  DecimalTypes& types = types_of_one(a, b);
  ContextObject* context = current_context(t, types);
  uint32_t status = 0;
  Small first, second, whole, rest;
  if (load_small(a, &first) && load_small(b, &second) &&
      divide_integer_small(whole, &rest, first, second, context->rules(), status)) {
    TRY(add_conditions(t, types, context, status));
    Value quotient = make_small(t, types.decimal, whole);
    return make_tuple(t, {quotient, make_small(t, types.decimal, rest)});
  }
  Number x, y, q, r;
  TRY(load_operand(t, types, context, a, &x));
  TRY(load_operand(t, types, context, b, &y));
  status = 0;
  divide_modulo(q, r, x, y, context->rules(), status);
  TRY(add_conditions(t, types, context, status));
  Value quotient = TRY(make_decimal(t, types.decimal, q));
  return make_tuple(t, {quotient, TRY(make_decimal(t, types.decimal, r))});
}
Result<Value> decimal_pow(Thread& t, Value base, Value exponent, Value modulus) {
  if (modulus.is_none()) return operate(t, base, exponent, power_small, power);
  if (!is_operand(base) || !is_operand(exponent) || !is_operand(modulus)) return kNotImplemented;
  DecimalTypes& types = types_of(is_decimal(base) ? base : is_decimal(exponent) ? exponent : modulus);
  ContextObject* context = current_context(t, types);
  Number x, y, z, r;
  TRY(load_operand(t, types, context, base, &x));
  TRY(load_operand(t, types, context, exponent, &y));
  TRY(load_operand(t, types, context, modulus, &z));
  uint32_t status = 0;
  power_modulo(r, x, y, z, context->rules(), status);
  return finish(t, types, context, r, status);
}

Result<Value> sign_operation(Thread& t, Value v, Unary* operation, bool negative) {
  DecimalTypes& types = types_of(v);
  ContextObject* context = current_context(t, types);
  uint32_t status = 0;
  Small small;
  if (load_small(v, &small) && small.coefficient != 0) {
    small.negative = negative;
    if (finish_small(small, false, context->rules(), status)) {
      TRY(add_conditions(t, types, context, status));
      return make_small(t, types.decimal, small);
    }
  }
  Number a, r;
  TRY(load_operand(t, types, context, v, &a));
  status = 0;
  operation(r, a, context->rules(), status);
  return finish(t, types, context, r, status);
}
Result<Value> decimal_neg(Thread& t, Value v) {
  return sign_operation(t, v, minus, !v.as<DecimalObject>()->negative());
}
Result<Value> decimal_pos(Thread& t, Value v) {
  return sign_operation(t, v, plus, v.as<DecimalObject>()->negative());
}
Result<Value> decimal_abs(Thread& t, Value v) { return sign_operation(t, v, absolute, false); }
Result<bool> decimal_bool(Thread&, Value v) { return !v.as<DecimalObject>()->is_zero(); }
Result<Value> decimal_int(Thread& t, Value v) { return to_int_rounded(t, v, Rounding::Down); }

// ---------------------------------------------------------------- comparison

// What `b` is as a Decimal; a rational's denominator multiplies `a`. False: it is no number that compares.
Result<bool> load_compared(Thread& t, DecimalTypes& types, ContextObject* context, Value b, CompareOp op,
                           Number& x, Number* y) {
  bool equality = op == CompareOp::Eq || op == CompareOp::Ne;
  if (is_operand(b)) {
    TRY(load_operand(t, types, context, b, y));
    return true;
  }
  if (is_float(b)) {
    if (equality)
      context->note(kFloatOperation);
    else
      TRY(add_conditions(t, types, context, kFloatOperation));
    TRY(number_from_float(t, b, y));
    return true;
  }
  if (is_kind(b, mp::Kind::Complex)) {
    auto* complex = b.as<ComplexObject>();
    if (!equality || complex->imag != 0) return false;
    context->note(kFloatOperation);
    TRY(number_from_float(t, make_float(t, complex->real), y));
    return true;
  }
  if (!TRY(is_instance_of(t, b, types.rational))) return false;
  Value numerator = TRY(get_attr(t, b, "numerator"));
  if (!is_any_int(numerator)) return t.raise(Exc::TypeError, "argument must be an integer");
  TRY(load_operand(t, types, context, numerator, y));
  if (x.is_special()) return true;
  Value denominator = TRY(get_attr(t, b, "denominator"));
  if (!is_any_int(denominator)) return t.raise(Exc::TypeError, "argument must be an integer");
  Number factor, product;
  TRY(load_operand(t, types, context, denominator, &factor));
  uint32_t status = 0;
  multiply_exact(product, x, factor, kExact, status);
  if (status != 0) return t.raise(Exc::ValueError, "exact conversion for comparison failed");
  x.swap(product);
  return true;
}

Result<Value> decimal_compare(Thread& t, Value a, Value b, CompareOp op) {
  if (b.is_object() && a.as_object()->type() == b.as_object()->type()) {
    auto *x = a.as<DecimalObject>(), *y = b.as<DecimalObject>();
    // Finite, positive, short, of one exponent: prices in a list.
    if (x->exponent == y->exponent && (x->shape & 7) == 0 && (y->shape & 7) == 0 && x->is_small() &&
        y->is_small()) {
      Wide left = x->coefficient(), right = y->coefficient();
      return order_result(left < right ? -1 : left > right ? 1 : 0, op);
    }
  }
  Small p, q;
  int order;
  if (load_small(a, &p) && load_small(b, &q) && compare_small(p, q, &order)) [[likely]]
    return order_result(order, op);
  DecimalTypes& types = types_of(a);
  ContextObject* context = current_context(t, types);
  Number x, y;
  TRY(load_operand(t, types, context, a, &x));
  if (!TRY(load_compared(t, types, context, b, op, x, &y))) return kNotImplemented;
  if (x.is_nan() || y.is_nan()) {
    bool equality = op == CompareOp::Eq || op == CompareOp::Ne;
    if (!equality || x.kind == decimal::Kind::Signaling || y.kind == decimal::Kind::Signaling)
      TRY(add_conditions(t, types, context, kInvalidOperation));
    return Value::from_bool(op == CompareOp::Ne);
  }
  return order_result(compare_value(x, y), op);
}

Result<Value> decimal_str(Thread& t, Value self) {
  ContextObject* context = current_context(t, types_of(self));
  return decimal_text(t, self.as<DecimalObject>(), context->capitals != 0, Notation::Scientific);
}
Result<Value> decimal_repr(Thread& t, Value self) {
  Value text = TRY(decimal_str(t, self));
  std::string out = "Decimal('";
  append_utf8(out, text.as<StrObject>());
  return str_or_error(make_str(t, out + "')"));
}

}  // namespace

const TypeSpec kDecimalSpec = {
    .name = "decimal.Decimal",
    .size = sizeof(DecimalObject),
    .flags = kTypeBaseType,
    .doc =
        "Construct a new Decimal object. 'value' can be an integer, string, tuple,\n"
        "or another Decimal object. If no value is given, return Decimal('0').\n"
        "The context does not affect the conversion and is only passed to determine\n"
        "if the InvalidOperation trap is active.\n",
    .trace = trace_decimal,
    .slots =
        MP_SLOTS(.repr = decimal_repr, .str = decimal_str, .hash = decimal_hash, .compare = decimal_compare,
                 .add = decimal_add, .sub = decimal_sub, .mul = decimal_mul, .truediv = decimal_truediv,
                 .floordiv = decimal_floordiv, .mod = decimal_mod, .divmod = decimal_divmod,
                 .pow = decimal_pow, .neg = decimal_neg, .pos = decimal_pos, .abs = decimal_abs,
                 .bool_ = decimal_bool, .int_ = decimal_int, .float_ = decimal_float),
    .methods = kDecimalMethods,
    .getsets = kDecimalGetSets};

}  // namespace mp::decimal

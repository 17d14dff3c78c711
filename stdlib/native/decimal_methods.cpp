// The methods of Decimal and Context. Most are an operation of decimal_number.h behind two signatures:
// decimal_operations.def.
#include "stdlib/native/decimal.h"

namespace mp::decimal {

namespace {

ContextObject* context_of(Value v) { return v.as<ContextObject>(); }

Result<Value> unary(Thread& t, Unary* operation, Value v, ContextObject* context) {
  DecimalTypes& types = types_of(Value(context));
  Number a, r;
  TRY(load_argument(t, types, context, v, &a));
  uint32_t status = 0;
  operation(r, a, context->rules(), status);
  return finish(t, types, context, r, status);
}
Result<Value> binary(Thread& t, Binary* operation, Value v, Value w, ContextObject* context) {
  DecimalTypes& types = types_of(Value(context));
  Number a, b, r;
  TRY(load_argument(t, types, context, v, &a));
  TRY(load_argument(t, types, context, w, &b));
  uint32_t status = 0;
  operation(r, a, b, context->rules(), status);
  return finish(t, types, context, r, status);
}
Result<Value> own_unary(Thread& t, Unary* operation, const Value* args) {
  return unary(t, operation, args[0], TRY(context_argument(t, types_of(args[0]), args[1])));
}
Result<Value> own_binary(Thread& t, Binary* operation, const Value* args) {
  return binary(t, operation, args[0], args[1], TRY(context_argument(t, types_of(args[0]), args[2])));
}

#define CONTEXT_UNARY(name, operation, doc)                            \
  Result<Value> context_##name(Thread& t, const Value* args) {         \
    return unary(t, decimal::operation, args[1], context_of(args[0])); \
  }
#define CONTEXT_BINARY(name, operation, doc)                                     \
  Result<Value> context_##name(Thread& t, const Value* args) {                   \
    return binary(t, decimal::operation, args[1], args[2], context_of(args[0])); \
  }
#define UNARY(name, operation, doc)                            \
  Result<Value> decimal_##name(Thread& t, const Value* args) { \
    return own_unary(t, decimal::operation, args);             \
  }                                                            \
  CONTEXT_UNARY(name, operation, doc)
#define BINARY(name, operation, doc)                           \
  Result<Value> decimal_##name(Thread& t, const Value* args) { \
    return own_binary(t, decimal::operation, args);            \
  }                                                            \
  CONTEXT_BINARY(name, operation, doc)
#include "stdlib/native/decimal_operations.def"

// ---------------------------------------------------------------- with arguments of their own

Result<Value> decimal_quantize(Thread& t, const Value* args) {
  DecimalTypes& types = types_of(args[0]);
  ContextObject* context = TRY(context_argument(t, types, args[3]));
  Rules rules = context->rules();
  if (!args[2].is_none()) rules.rounding = TRY(rounding_argument(t, args[2]));
  uint32_t status = 0;
  Small x, y, z;
  if (load_small(args[0], &x) && load_small(args[1], &y) && quantize_small(z, x, y, rules, status)) {
    TRY(add_conditions(t, types, context, status));
    return make_small(t, types.decimal, z);
  }
  Number a, b, r;
  TRY(load_argument(t, types, context, args[0], &a));
  TRY(load_argument(t, types, context, args[1], &b));
  status = 0;
  quantize(r, a, b, rules, status);
  return finish(t, types, context, r, status);
}

Result<Value> to_integral(Thread& t, Unary* operation, const Value* args) {
  DecimalTypes& types = types_of(args[0]);
  ContextObject* context = TRY(context_argument(t, types, args[2]));
  Rules rules = context->rules();
  if (!args[1].is_none()) rules.rounding = TRY(rounding_argument(t, args[1]));
  Number a, r;
  TRY(load_argument(t, types, context, args[0], &a));
  uint32_t status = 0;
  operation(r, a, rules, status);
  return finish(t, types, context, r, status);
}
Result<Value> decimal_to_integral_value(Thread& t, const Value* args) {
  return to_integral(t, round_to_integral, args);
}
Result<Value> decimal_to_integral_exact(Thread& t, const Value* args) {
  return to_integral(t, round_to_integral_exact, args);
}

Result<Value> fma_of(Thread& t, Value v, Value w, Value x, ContextObject* context) {
  DecimalTypes& types = types_of(Value(context));
  Number a, b, c, r;
  TRY(load_argument(t, types, context, v, &a));
  TRY(load_argument(t, types, context, w, &b));
  TRY(load_argument(t, types, context, x, &c));
  uint32_t status = 0;
  fma(r, a, b, c, context->rules(), status);
  return finish(t, types, context, r, status);
}
Result<Value> decimal_fma(Thread& t, const Value* args) {
  return fma_of(t, args[0], args[1], args[2], TRY(context_argument(t, types_of(args[0]), args[3])));
}
Result<Value> context_fma(Thread& t, const Value* args) {
  return fma_of(t, args[1], args[2], args[3], context_of(args[0]));
}
Result<Value> context_power(Thread& t, const Value* args) {
  ContextObject* context = context_of(args[0]);
  if (args[3].is_none()) return binary(t, decimal::power, args[1], args[2], context);
  DecimalTypes& types = types_of(args[0]);
  Number a, b, c, r;
  TRY(load_argument(t, types, context, args[1], &a));
  TRY(load_argument(t, types, context, args[2], &b));
  TRY(load_argument(t, types, context, args[3], &c));
  uint32_t status = 0;
  power_modulo(r, a, b, c, context->rules(), status);
  return finish(t, types, context, r, status);
}
Result<Value> context_divmod(Thread& t, const Value* args) {
  ContextObject* context = context_of(args[0]);
  DecimalTypes& types = types_of(args[0]);
  Number a, b, q, r;
  TRY(load_argument(t, types, context, args[1], &a));
  TRY(load_argument(t, types, context, args[2], &b));
  uint32_t status = 0;
  divide_modulo(q, r, a, b, context->rules(), status);
  TRY(add_conditions(t, types, context, status));
  Value quotient = TRY(make_decimal(t, types.decimal, q));
  return make_tuple(t, {quotient, TRY(make_decimal(t, types.decimal, r))});
}

// ---------------------------------------------------------------- questions

const DecimalObject* as_decimal(Value v) { return v.as<DecimalObject>(); }
bool infinite(Value v) { return as_decimal(v)->kind() == Kind::Infinite; }
bool nan(Value v) { return as_decimal(v)->kind() >= Kind::Quiet; }

Result<Value> context_canonical(Thread& t, const Value* args) {
  if (!is_decimal(args[1])) return t.raise(Exc::TypeError, "argument must be a Decimal");
  return args[1];
}
Result<Value> decimal_is_canonical(Thread&, const Value*) { return kTrue; }
Result<Value> context_is_canonical(Thread& t, const Value* args) {
  TRY(context_canonical(t, args));
  return kTrue;
}

#define QUESTION(name, test)                                      \
  Result<Value> decimal_is_##name(Thread&, const Value* args) {   \
    Value v = args[0];                                            \
    return Value::from_bool(test);                                \
  }                                                               \
  Result<Value> context_is_##name(Thread& t, const Value* args) { \
    Value v = TRY(from_argument(t, args));                        \
    return Value::from_bool(test);                                \
  }
// The argument of a context's method as a Decimal.
Result<Value> from_argument(Thread& t, const Value* args) {
  if (is_decimal(args[1])) return args[1];
  Number a;
  TRY(load_argument(t, types_of(args[0]), context_of(args[0]), args[1], &a));
  return make_decimal(t, types_of(args[0]).decimal, a);
}
QUESTION(finite, as_decimal(v)->kind() == Kind::Finite)
QUESTION(infinite, infinite(v))
QUESTION(nan, nan(v))
QUESTION(qnan, as_decimal(v)->kind() == Kind::Quiet)
QUESTION(snan, as_decimal(v)->kind() == Kind::Signaling)
QUESTION(signed, as_decimal(v)->negative())
QUESTION(zero, as_decimal(v)->is_zero())
#undef QUESTION

Result<Value> classify(Thread& t, Value v, ContextObject* context, int question) {
  Number a;
  TRY(load_argument(t, types_of(Value(context)), context, v, &a));
  Rules rules = context->rules();
  if (question == 0) return str_or_error(make_str(t, number_class(a, rules)));
  return Value::from_bool(question == 1 ? is_normal(a, rules) : is_subnormal(a, rules));
}
#define CLASSIFY(name, question)                                                                 \
  Result<Value> decimal_##name(Thread& t, const Value* args) {                                   \
    return classify(t, args[0], TRY(context_argument(t, types_of(args[0]), args[1])), question); \
  }                                                                                              \
  Result<Value> context_##name(Thread& t, const Value* args) {                                   \
    return classify(t, args[1], context_of(args[0]), question);                                  \
  }
CLASSIFY(number_class, 0)
CLASSIFY(is_normal, 1)
CLASSIFY(is_subnormal, 2)
#undef CLASSIFY

Result<Value> quantum(Thread& t, Value v, Value w, ContextObject* context) {
  DecimalTypes& types = types_of(Value(context));
  Number a, b;
  TRY(load_argument(t, types, context, v, &a));
  TRY(load_argument(t, types, context, w, &b));
  return Value::from_bool(same_quantum(a, b));
}
Result<Value> decimal_same_quantum(Thread& t, const Value* args) {
  return quantum(t, args[0], args[1], TRY(context_argument(t, types_of(args[0]), args[2])));
}
Result<Value> context_same_quantum(Thread& t, const Value* args) {
  return quantum(t, args[1], args[2], context_of(args[0]));
}

Result<Value> decimal_adjusted(Thread& t, const Value* args) {
  auto* d = as_decimal(args[0]);
  return make_int(t, d->kind() == Kind::Finite ? d->exponent + d->digits() - 1 : 0);
}
Result<Value> decimal_self(Thread&, const Value* args) { return args[0]; }
Result<Value> radix(Thread& t, const Value* args) {
  return make_small(t, types_of(args[0]).decimal, {10, 0, 2, false});
}
Result<Value> with_sign(Thread& t, Value v, bool negative) {
  auto* from = as_decimal(v);
  Type* type = types_of(v).decimal;
  auto* copy = t.heap().make<DecimalObject>(t, type);
  copy->exponent = from->exponent;
  copy->shape = (from->shape & ~uint64_t{1}) | (negative ? 1 : 0);
  copy->high = from->high;
  copy->low = from->low;
  return copy;
}
Result<Value> decimal_copy_abs(Thread& t, const Value* args) { return with_sign(t, args[0], false); }
Result<Value> decimal_copy_negate(Thread& t, const Value* args) {
  return with_sign(t, args[0], !as_decimal(args[0])->negative());
}

// ---------------------------------------------------------------- texts, numbers

Result<Value> decimal_to_eng_string(Thread& t, const Value* args) {
  ContextObject* context = TRY(context_argument(t, types_of(args[0]), args[1]));
  return decimal_text(t, as_decimal(args[0]), context->capitals != 0, Notation::Engineering);
}
Result<Value> context_text(Thread& t, const Value* args, Notation notation) {
  return decimal_text(t, TRY(from_argument(t, args)).as<DecimalObject>(), context_of(args[0])->capitals != 0,
                      notation);
}
Result<Value> context_to_sci_string(Thread& t, const Value* args) {
  return context_text(t, args, Notation::Scientific);
}
Result<Value> context_to_eng_string(Thread& t, const Value* args) {
  return context_text(t, args, Notation::Engineering);
}

Result<Value> decimal_from_float(Thread& t, const Value* args) {
  DecimalTypes& types = types_of(args[0].as<Type>());
  Number a;
  TRY(number_from_float(t, args[1], &a));
  Value decimal = TRY(make_decimal(t, types.decimal, a));
  return args[0].as<Type>() == types.decimal ? Result<Value>(decimal) : call(t, args[0], {decimal});
}
Result<Value> decimal_reduce(Thread& t, const Value* args) {
  Value text = TRY(mp::str(t, args[0]));
  return make_tuple(t, {Value(type_of(t, args[0])), Value(make_tuple(t, {text}))});
}
Result<Value> decimal_round(Thread& t, const Value* args) {
  if (args[1].is_empty()) return to_int_rounded(t, args[0], Rounding::HalfEven);
  if (!is_any_int(args[1])) return t.raise(Exc::TypeError, "optional arg must be an integer");
  int64_t places;
  if (!int_to_int64(args[1], &places))
    return t.raise(Exc::OverflowError, "Python int too large to convert to C ssize_t");
  DecimalTypes& types = types_of(args[0]);
  ContextObject* context = current_context(t, types);
  uint32_t status = 0;
  int64_t exponent = places == INT64_MIN ? INT64_MAX : -places;
  Small small, rounded;
  if (load_small(args[0], &small) &&
      quantize_small(rounded, small, {1, exponent, 1, false}, context->rules(), status)) {
    TRY(add_conditions(t, types, context, status));
    return make_small(t, types.decimal, rounded);
  }
  Number a, b, r;
  TRY(load_argument(t, types, context, args[0], &a));
  b.set(false, 1, exponent);
  status = 0;
  quantize(r, a, b, context->rules(), status);
  return finish(t, types, context, r, status);
}
Result<Value> decimal_ceil(Thread& t, const Value* args) {
  return to_int_rounded(t, args[0], Rounding::Ceiling);
}
Result<Value> decimal_floor(Thread& t, const Value* args) {
  return to_int_rounded(t, args[0], Rounding::Floor);
}
Result<Value> decimal_trunc(Thread& t, const Value* args) {
  return to_int_rounded(t, args[0], Rounding::Down);
}
Result<Value> decimal_complex(Thread& t, const Value* args) {
  return make_complex(t, float_value(TRY(decimal_float(t, args[0]))), 0);
}
Result<Value> decimal_sizeof(Thread&, const Value* args) {
  auto* d = as_decimal(args[0]);
  uint64_t size = d->type()->instance_size + (d->is_small() ? 0 : d->high * sizeof(uint64_t));
  return Value::from_int(static_cast<int64_t>(size));
}

// ---------------------------------------------------------------- Context

Result<Value> context_etiny(Thread& t, const Value* args) {
  return make_int(t, context_of(args[0])->rules().etiny());
}
Result<Value> context_etop(Thread& t, const Value* args) {
  return make_int(t, context_of(args[0])->rules().etop());
}
Result<Value> context_clear_flags(Thread&, const Value* args) {
  context_of(args[0])->status = 0;
  return kNone;
}
Result<Value> context_clear_traps(Thread&, const Value* args) {
  context_of(args[0])->traps = 0;
  return kNone;
}
Result<Value> context_copy(Thread& t, const Value* args) {
  return make_context(t, types_of(args[0]).context, context_of(args[0]));
}
Result<Value> context_reduce(Thread& t, const Value* args) {
  ContextObject* c = context_of(args[0]);
  DecimalTypes& types = types_of(args[0]);
  Value flags = TRY(signals_list(t, types, c->status)), traps = TRY(signals_list(t, types, c->traps));
  Value rounding = intern(t, kRoundingNames[static_cast<size_t>(c->rounding.load())]);
  Value state = make_tuple(t, {make_int(t, c->prec), rounding, make_int(t, c->emin), make_int(t, c->emax),
                               Value::from_int(c->capitals), Value::from_int(c->clamp), flags, traps});
  return make_tuple(t, {Value(type_of(t, args[0])), state});
}
Result<Value> context_copy_decimal(Thread& t, const Value* args) { return from_argument(t, args); }
Result<Value> context_apply(Thread& t, const Value* args) {
  return unary(t, apply, args[1], context_of(args[0]));
}
Result<Value> context_create_decimal(Thread& t, const Value* args) {
  return from_object_rounded(t, types_of(args[0]), args[1], context_of(args[0]));
}
Result<Value> context_create_decimal_from_float(Thread& t, const Value* args) {
  Number a;
  TRY(number_from_float(t, args[1], &a));
  uint32_t status = 0;
  finalize(a, context_of(args[0])->rules(), status);
  return finish(t, types_of(args[0]), context_of(args[0]), a, status);
}

Result<Value> real(Thread&, Value self) { return self; }
Result<Value> imag(Thread& t, Value self) { return make_small(t, types_of(self).decimal, {0, 0, 1, false}); }

Result<Value> decimal_new(Thread& t, const Value* args) {
  auto* type = args[0].as<Type>();
  ContextObject* context = TRY(context_argument(t, types_of(type), args[2]));
  return from_object(t, type, args[1], context);
}

}  // namespace

#define CONTEXT_UNARY(name, operation, doc)
#define CONTEXT_BINARY(name, operation, doc)
#define UNARY(name, operation, doc) MP_METHOD(decimal_##name, #name "(self, /, context=None)", doc),
#define BINARY(name, operation, doc) MP_METHOD(decimal_##name, #name "(self, /, other, context=None)", doc),
#define QUESTION(name) MP_METHOD(decimal_is_##name, "is_" #name "(self, /)", nullptr),
const NativeDef kDecimalMethods[] = {
    MP_NEW(decimal_new, "__new__(cls, value='0', context=None)", nullptr),
#include "stdlib/native/decimal_operations.def"
    QUESTION(canonical) QUESTION(finite) QUESTION(infinite) QUESTION(nan) QUESTION(qnan) QUESTION(snan)
        QUESTION(signed) QUESTION(zero)
            MP_METHOD(decimal_quantize, "quantize(self, /, exp, rounding=None, context=None)",
                      "Return a value equal to the first operand after rounding and having the exponent of "
                      "the second."),
    MP_METHOD(decimal_to_integral_value, "to_integral(self, /, rounding=None, context=None)",
              "Identical to the to_integral_value() method."),
    MP_METHOD(decimal_to_integral_value, "to_integral_value(self, /, rounding=None, context=None)",
              "Round to the nearest integer without signaling either Inexact or Rounded."),
    MP_METHOD(decimal_to_integral_exact, "to_integral_exact(self, /, rounding=None, context=None)",
              "Round to the nearest integer, signaling Inexact or Rounded as appropriate."),
    MP_METHOD(decimal_fma, "fma(self, /, other, third, context=None)",
              "Fused multiply-add: self * other + third with no rounding of the product."),
    MP_METHOD(decimal_number_class, "number_class(self, /, context=None)",
              "Return a string describing the class of the operand."),
    MP_METHOD(decimal_is_normal, "is_normal(self, /, context=None)", nullptr),
    MP_METHOD(decimal_is_subnormal, "is_subnormal(self, /, context=None)", nullptr),
    MP_METHOD(decimal_same_quantum, "same_quantum(self, /, other, context=None)",
              "Test whether self and other have the same exponent or whether both are NaN."),
    MP_METHOD(decimal_adjusted, "adjusted(self, /)", "Return the adjusted exponent of the number."),
    MP_METHOD(decimal_self, "canonical(self, /)", "Return the canonical encoding of the argument."),
    MP_METHOD(decimal_self, "conjugate(self, /)", "Return self."),
    MP_METHOD(radix, "radix(self, /)", "Return Decimal(10), the radix (base) of all calculations."),
    MP_METHOD(decimal_copy_abs, "copy_abs(self, /)", "Return the absolute value of the argument."),
    MP_METHOD(decimal_copy_negate, "copy_negate(self, /)", "Return the negation of the argument."),
    MP_METHOD(decimal_to_eng_string, "to_eng_string(self, /, context=None)",
              "Convert to an engineering-type string."),
    MP_CLASS_METHOD(decimal_from_float, "from_float(cls, f, /)",
                    "Class method that converts a float to a decimal number, exactly."),
    MP_METHOD(decimal_as_tuple, "as_tuple(self, /)", "Return a tuple representation of the number."),
    MP_METHOD(decimal_as_integer_ratio, "as_integer_ratio(self, /)",
              "Decimal.as_integer_ratio() -> (int, int)\n\nReturn a pair of integers whose ratio is exactly "
              "equal to the number."),
    MP_METHOD(decimal_self, "__copy__(self, /)", nullptr),
    MP_METHOD(decimal_self, "__deepcopy__(self, memo, /)", nullptr),
    MP_METHOD(decimal_format, "__format__(self, format_spec, override=?, /)", nullptr),
    MP_METHOD(decimal_reduce, "__reduce__(self, /)", nullptr),
    MP_METHOD(decimal_round, "__round__(self, ndigits=?, /)", nullptr),
    MP_METHOD(decimal_ceil, "__ceil__(self, /)", nullptr),
    MP_METHOD(decimal_floor, "__floor__(self, /)", nullptr),
    MP_METHOD(decimal_trunc, "__trunc__(self, /)", nullptr),
    MP_METHOD(decimal_complex, "__complex__(self, /)", nullptr),
    MP_METHOD(decimal_sizeof, "__sizeof__(self, /)", nullptr),
    MP_END};
#undef QUESTION
const GetSetDef kDecimalGetSets[] = {
    {"real", real, nullptr, nullptr}, {"imag", imag, nullptr, nullptr}, {nullptr, nullptr, nullptr, nullptr}};

#define CONTEXT_UNARY(name, operation, doc) MP_METHOD(context_##name, #name "(self, x, /)", doc),
#define CONTEXT_BINARY(name, operation, doc) MP_METHOD(context_##name, #name "(self, x, y, /)", doc),
#define UNARY(name, operation, doc) CONTEXT_UNARY(name, operation, doc)
#define BINARY(name, operation, doc) CONTEXT_BINARY(name, operation, doc)
#define QUESTION(name) MP_METHOD(context_is_##name, "is_" #name "(self, x, /)", nullptr),
const NativeDef kContextMethods[] = {
    MP_RAW_NEW(context_new,
               "__new__(cls, prec=None, rounding=None, Emin=None, Emax=None, capitals=None, clamp=None, "
               "flags=None, traps=None)",
               nullptr),
    MP_METHOD(context_init,
              "__init__(self, prec=None, rounding=None, Emin=None, Emax=None, capitals=None, clamp=None, "
              "flags=None, traps=None)",
              nullptr),
#include "stdlib/native/decimal_operations.def"
    QUESTION(canonical) QUESTION(finite) QUESTION(infinite) QUESTION(nan) QUESTION(qnan) QUESTION(snan)
        QUESTION(signed) QUESTION(zero)
            MP_METHOD(context_fma, "fma(self, x, y, z, /)", "Return x multiplied by y, plus z."),
    MP_METHOD(context_power, "power(self, /, a, b, modulo=None)", "Compute a**b, or (a**b) % modulo."),
    MP_METHOD(context_divmod, "divmod(self, x, y, /)",
              "Return quotient and remainder of the division x / y."),
    MP_METHOD(context_number_class, "number_class(self, x, /)", nullptr),
    MP_METHOD(context_is_normal, "is_normal(self, x, /)", nullptr),
    MP_METHOD(context_is_subnormal, "is_subnormal(self, x, /)", nullptr),
    MP_METHOD(context_same_quantum, "same_quantum(self, x, y, /)", nullptr),
    MP_METHOD(context_etiny, "Etiny(self, /)", "Return a value equal to Emin - prec + 1."),
    MP_METHOD(context_etop, "Etop(self, /)", "Return a value equal to Emax - prec + 1."),
    MP_METHOD(radix, "radix(self, /)", "Return 10."),
    MP_METHOD(context_apply, "_apply(self, object, /)", nullptr),
    MP_METHOD(context_canonical, "canonical(self, x, /)", "Return a new instance of x."),
    MP_METHOD(context_copy_decimal, "copy_decimal(self, x, /)", "Return a copy of Decimal x."),
    MP_METHOD(context_to_sci_string, "to_sci_string(self, x, /)",
              "Convert a number to a string using scientific notation."),
    MP_METHOD(context_to_eng_string, "to_eng_string(self, x, /)",
              "Convert a number to a string, using engineering notation."),
    MP_METHOD(context_clear_flags, "clear_flags(self, /)", "Reset all flags to False."),
    MP_METHOD(context_clear_traps, "clear_traps(self, /)", "Set all traps to False."),
    MP_METHOD(context_copy, "__copy__(self, /)", nullptr),
    MP_METHOD(context_copy, "copy(self, /)", "Return a duplicate of the context with all flags cleared."),
    MP_METHOD(context_reduce, "__reduce__(self, /)", nullptr),
    MP_METHOD(context_create_decimal, "create_decimal(self, num='0', /)",
              "Create a new Decimal instance from num, using self as the context."),
    MP_METHOD(context_create_decimal_from_float, "create_decimal_from_float(self, f, /)",
              "Create a new Decimal instance from float f."),
    MP_END};

}  // namespace mp::decimal

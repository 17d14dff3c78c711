// _decimal: the objects and what its parts share. Decimals are immutable; a context is shared by whoever
// holds it, so that its fields are single atomic words.
//   decimal_words, decimal_number, ...   arithmetic without objects: decimal_number.h
//   decimal_small      the same for coefficients of at most 38 digits, which is what programs have
//   decimal_type       Decimal: construction, operators, conversions
//   decimal_convert    int, float, str, tuple <-> Decimal, hash
//   decimal_methods    the methods of Decimal and Context, from decimal_operations.def
//   decimal_format     Decimal.__format__
//   decimal_context    Context, its flags and traps, the current context
//   decimal_module     the module, its exceptions
// The design is that of CPython's _decimal (messages, which conditions are raised where), the code is not.
#pragma once
#include "stdlib/native/decimal_number.h"
#include "stdlib/native/decimal_small.h"
#include "vm/native/native.h"
#include "vm/protocol/protocol.h"
#include "vm/types/containers.h"
#include "vm/types/number.h"
#include "vm/types/runtime.h"

namespace mp::decimal {

struct DecimalObject : Object {
  int64_t exponent;
  uint64_t shape;  // digits << 3 | kind << 1 | negative
  uint64_t low,
      high;  // the coefficient up to 38 digits; of a longer one the words (a raw cell) and their number

  int64_t digits() const { return static_cast<int64_t>(shape >> 3); }
  Kind kind() const { return static_cast<Kind>(shape >> 1 & 3); }
  bool negative() const { return (shape & 1) != 0; }
  bool is_small() const { return shape >> 3 <= kSmallDigits; }
  bool is_zero() const { return kind() == Kind::Finite && is_small() && (low | high) == 0; }
  Wide coefficient() const { return static_cast<Wide>(high) << 64 | low; }  // is_small()
};

struct ContextObject : Object {
  std::atomic<int64_t> prec, emax, emin;
  std::atomic<uint32_t> traps, status;  // Conditions
  std::atomic<Rounding> rounding;
  std::atomic<uint8_t> clamp, capitals;
  Slot traps_view, flags_view;  // SignalDicts, made when asked for

  Rules rules() const;
  void note(uint32_t conditions) {
    if ((~status.load(std::memory_order_relaxed) & conditions) != 0)
      status.fetch_or(conditions, std::memory_order_relaxed);
  }
};

inline constexpr size_t kSignals = 9, kConditions = 5;
// Per runtime, found through Type::extra of each of the types.
struct DecimalTypes : Object {
  Type *decimal, *context, *signals, *manager;
  Slot signal_dict;  // the class of flags and traps
  Slot variable;     // the ContextVar of the current context
  Slot default_context, basic_context, extended_context;
  Slot rational, tuple;    // numbers.Rational, DecimalTuple
  Slot signal_classes;     // tuple, in the order of kSignalList
  Slot condition_classes;  // tuple: those below InvalidOperation, itself first
};
struct SignalName {
  const char* name;
  uint32_t conditions;
};
extern const SignalName kSignalList[kSignals], kConditionList[kConditions];
extern const char* const kRoundingNames[kRoundings];

extern const TypeSpec kDecimalSpec, kContextSpec, kSignalsSpec, kManagerSpec;

inline Type* builtin_base(Type* type) {
  while (type->has(kTypeHeap)) type = type->base.load(std::memory_order_relaxed);
  return type;
}
inline bool has_spec(Value v, const TypeSpec& spec) {
  if (!v.is_object()) return false;
  Type* type = v.as_object()->type();
  return type->spec == &spec || (type->has(kTypeHeap) && builtin_base(type)->spec == &spec);
}
inline bool is_decimal(Value v) { return has_spec(v, kDecimalSpec); }
inline bool is_decimal_context(Value v) { return has_spec(v, kContextSpec); }
inline DecimalTypes& types_of(Value v) {  // an instance of one of the types
  return *static_cast<DecimalTypes*>(builtin_base(v.as_object()->type())->extra.get().as_object());
}
inline DecimalTypes& types_of(Type* type) {
  return *static_cast<DecimalTypes*>(builtin_base(type)->extra.get().as_object());
}

// ---- contexts
ContextObject* current_context(Thread& t, DecimalTypes& types);
ContextObject* make_context(Thread& t, Type* type, const ContextObject* like);
// The argument `context=None`.
Result<ContextObject*> context_argument(Thread& t, DecimalTypes& types, Value context);
// Adds to the flags and raises what is trapped.
Status raise_conditions(Thread& t, DecimalTypes& types, ContextObject* context, uint32_t conditions);
inline Status add_conditions(Thread& t, DecimalTypes& types, ContextObject* context, uint32_t conditions) {
  if (conditions == 0) return {};
  context->note(conditions);
  if ((conditions & (context->traps.load(std::memory_order_relaxed) | kMallocError)) == 0) [[likely]]
    return {};
  return raise_conditions(t, types, context, conditions);
}
Result<Rounding> rounding_argument(Thread& t, Value rounding);
Status set_attributes(Thread& t, DecimalTypes& types, ContextObject* context, const Value* eight_or_none);
Result<Value> context_new(Thread& t, Value cls, const CallArgs& args);
Result<Value> context_init(Thread& t, const Value* args);
Result<Value> get_context(Thread& t, const Value* args);
Result<Value> set_context(Thread& t, const Value* args);
Result<Value> local_context(Thread& t, const Value* args);
Result<Value> signals_list(Thread& t, DecimalTypes& types, uint32_t conditions);

// ---- Decimals
Result<Value> make_decimal(Thread& t, Type* type, const Number& number);
Value make_small(Thread& t, Type* type, const Small& small);
[[nodiscard]] bool load(Number& out, const DecimalObject* decimal);  // false: no memory
// A finite Decimal of few digits, or an int of one word.
bool load_small(Value v, Small* out);
// A Decimal or an int.
Status load_operand(Thread& t, DecimalTypes& types, ContextObject* context, Value v, Number* out);
// TypeError for what is neither.
Status load_argument(Thread& t, DecimalTypes& types, ContextObject* context, Value v, Number* out);
Result<Value> finish(Thread& t, DecimalTypes& types, ContextObject* context, const Number& r,
                     uint32_t conditions);

// Decimal(value): exact. Context.create_decimal(value): rounded.
Result<Value> from_object(Thread& t, Type* type, Value v, ContextObject* context);
Result<Value> from_object_rounded(Thread& t, DecimalTypes& types, Value v, ContextObject* context);
Status number_from_float(Thread& t, Value v, Number* out);  // int or float
Result<Value> to_int_rounded(Thread& t, Value decimal, Rounding rounding);
Result<Value> decimal_text(Thread& t, const DecimalObject* decimal, bool capitals, Notation notation);
Result<int64_t> decimal_hash(Thread& t, Value self);
Result<Value> decimal_float(Thread& t, Value self);
Result<Value> decimal_as_tuple(Thread& t, const Value* args);
Result<Value> decimal_as_integer_ratio(Thread& t, const Value* args);
Result<Value> decimal_format(Thread& t, const Value* args);
extern const NativeDef kDecimalMethods[], kContextMethods[];
extern const GetSetDef kDecimalGetSets[];

}  // namespace mp::decimal

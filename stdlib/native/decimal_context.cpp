// Context with its flags and traps, the current context, localcontext().
#include "stdlib/native/contextvars.h"
#include "stdlib/native/decimal.h"
#include "vm/types/exception.h"

namespace mp::decimal {

const SignalName kSignalList[kSignals] = {{"InvalidOperation", kAnyInvalid},
                                          {"FloatOperation", kFloatOperation},
                                          {"DivisionByZero", kDivisionByZero},
                                          {"Overflow", kOverflow},
                                          {"Underflow", kUnderflow},
                                          {"Subnormal", kSubnormal},
                                          {"Inexact", kInexact},
                                          {"Rounded", kRounded},
                                          {"Clamped", kClamped}};
const SignalName kConditionList[kConditions] = {{"InvalidOperation", kInvalidOperation},
                                                {"ConversionSyntax", kConversionSyntax},
                                                {"DivisionImpossible", kDivisionImpossible},
                                                {"DivisionUndefined", kDivisionUndefined},
                                                {"InvalidContext", kInvalidContext}};
const char* const kRoundingNames[kRoundings] = {"ROUND_UP",        "ROUND_DOWN",    "ROUND_CEILING",
                                                "ROUND_FLOOR",     "ROUND_HALF_UP", "ROUND_HALF_DOWN",
                                                "ROUND_HALF_EVEN", "ROUND_05UP"};

Rules ContextObject::rules() const {
  constexpr auto relaxed = std::memory_order_relaxed;
  return {prec.load(relaxed), emax.load(relaxed), emin.load(relaxed), rounding.load(relaxed),
          clamp.load(relaxed) != 0};
}

ContextObject* make_context(Thread& t, Type* type, const ContextObject* like) {
  auto* context = t.heap().make<ContextObject>(t, type);
  context->prec = like->prec.load();
  context->emax = like->emax.load();
  context->emin = like->emin.load();
  context->traps = like->traps.load();
  context->status = like->status.load();
  context->rounding = like->rounding.load();
  context->clamp = like->clamp.load();
  context->capitals = like->capitals.load();
  return context;
}

ContextObject* current_context(Thread& t, DecimalTypes& types) {
  Value found = context_variable(t, types.variable);
  if (is_decimal_context(found)) [[likely]]  // scripts find the variable in copy_context()
    return found.as<ContextObject>();
  ContextObject* fresh = make_context(t, types.context, types.default_context.get().as<ContextObject>());
  fresh->status = 0;
  set_context_variable(t, types.variable, fresh);
  return fresh;
}

Result<ContextObject*> context_argument(Thread& t, DecimalTypes& types, Value context) {
  if (context.is_none()) return current_context(t, types);
  if (!is_decimal_context(context)) return t.raise(Exc::TypeError, "optional argument must be a context");
  return context.as<ContextObject>();
}

Result<Value> signals_list(Thread& t, DecimalTypes& types, uint32_t conditions) {
  ListObject* list = make_list(t);
  for (size_t i = 0; i < kSignals; ++i)
    if ((kSignalList[i].conditions & conditions) != 0)
      TRY(list_append(t, list, (*types.signal_classes.get().as<TupleObject>())[i]));
  return list;
}

Status raise_conditions(Thread& t, DecimalTypes& types, ContextObject* context, uint32_t conditions) {
  if ((conditions & kMallocError) != 0) return t.raise_memory_error();
  conditions &= context->traps;
  if (conditions == 0) return {};  // another thread has changed the traps
  auto* classes = types.signal_classes.get().as<TupleObject>();
  ListObject* list = make_list(t);
  for (size_t i = 0; i < kConditions; ++i)
    if ((kConditionList[i].conditions & conditions) != 0)
      TRY(list_append(t, list, (*types.condition_classes.get().as<TupleObject>())[i]));
  Value cls;
  for (size_t i = 0; i < kSignals; ++i) {
    if ((kSignalList[i].conditions & conditions) == 0) continue;
    if (cls.is_empty()) cls = (*classes)[i];
    if (i > 0) TRY(list_append(t, list, (*classes)[i]));
  }
  return t.raise_object(TRY(call(t, cls, {Value(list)})));
}

// ---------------------------------------------------------------- attributes

Result<Rounding> rounding_argument(Thread& t, Value rounding) {
  for (int i = 0; is_str(rounding) && i < kRoundings; ++i)
    if (str_equal(rounding.as<StrObject>(), std::string_view(kRoundingNames[i])))
      return static_cast<Rounding>(i);
  return t.raise(Exc::TypeError,
                 "valid values for rounding are:\n  [ROUND_CEILING, ROUND_FLOOR, ROUND_UP, ROUND_DOWN,\n   "
                 "ROUND_HALF_UP, ROUND_HALF_DOWN, ROUND_HALF_EVEN,\n   ROUND_05UP]");
}

namespace {

// CPython's PyLong_AsSsize_t: no __index__.
Result<int64_t> integer(Thread& t, Value v) {
  if (!is_any_int(v)) return t.raise(Exc::TypeError, "an integer is required");
  int64_t out;
  if (!int_to_int64(v, &out))
    return t.raise(Exc::OverflowError, "Python int too large to convert to C ssize_t");
  return out;
}

Status set_bounded(Thread& t, std::atomic<int64_t>& field, Value v, int64_t least, int64_t most,
                   const char* range) {
  if (v.is_empty()) return t.raise(Exc::AttributeError, "context attributes cannot be deleted");
  int64_t number = TRY(integer(t, v));
  if (number < least || number > most) return t.raise(Exc::ValueError, "valid range for {}", range);
  field = number;
  return {};
}
Status set_flag(Thread& t, std::atomic<uint8_t>& field, Value v, const char* name) {
  int64_t number = TRY(integer(t, v));
  if (number != 0 && number != 1) return t.raise(Exc::ValueError, "valid values for {} are 0 or 1", name);
  field = static_cast<uint8_t>(number);
  return {};
}
Status set_prec(Thread& t, Value self, Value v) {
  return set_bounded(t, self.as<ContextObject>()->prec, v, 1, kMaxPrec, "prec is [1, MAX_PREC]");
}
Status set_emax(Thread& t, Value self, Value v) {
  return set_bounded(t, self.as<ContextObject>()->emax, v, 0, kMaxEmax, "Emax is [0, MAX_EMAX]");
}
Status set_emin(Thread& t, Value self, Value v) {
  return set_bounded(t, self.as<ContextObject>()->emin, v, kMinEmin, 0, "Emin is [MIN_EMIN, 0]");
}
Status set_rounding(Thread& t, Value self, Value v) {
  self.as<ContextObject>()->rounding = TRY(rounding_argument(t, v));
  return {};
}
Status set_capitals(Thread& t, Value self, Value v) {
  return set_flag(t, self.as<ContextObject>()->capitals, v, "capitals");
}
Status set_clamp(Thread& t, Value self, Value v) {
  return set_flag(t, self.as<ContextObject>()->clamp, v, "clamp");
}

Result<Value> get_prec(Thread& t, Value self) { return make_int(t, self.as<ContextObject>()->prec); }
Result<Value> get_emax(Thread& t, Value self) { return make_int(t, self.as<ContextObject>()->emax); }
Result<Value> get_emin(Thread& t, Value self) { return make_int(t, self.as<ContextObject>()->emin); }
Result<Value> get_capitals(Thread&, Value self) {
  return Value::from_int(self.as<ContextObject>()->capitals);
}
Result<Value> get_clamp(Thread&, Value self) { return Value::from_int(self.as<ContextObject>()->clamp); }
Result<Value> get_rounding(Thread& t, Value self) {
  return Value(intern(t, kRoundingNames[static_cast<size_t>(self.as<ContextObject>()->rounding.load())]));
}

const GetSetDef kContextGetSets[] = {{"prec", get_prec, set_prec, nullptr},
                                     {"Emax", get_emax, set_emax, nullptr},
                                     {"Emin", get_emin, set_emin, nullptr},
                                     {"rounding", get_rounding, set_rounding, nullptr},
                                     {"capitals", get_capitals, set_capitals, nullptr},
                                     {"clamp", get_clamp, set_clamp, nullptr},
                                     {nullptr, nullptr, nullptr, nullptr}};

// ---------------------------------------------------------------- flags and traps

struct SignalsObject : Object {
  Slot context;  // empty: made by hand
  bool traps;
};
std::atomic<uint32_t>* signal_bits(Value v) {
  auto* signals = v.as<SignalsObject>();
  if (signals->context.get().is_empty()) return nullptr;
  auto* context = signals->context.get().as<ContextObject>();
  return signals->traps ? &context->traps : &context->status;
}

Result<uint32_t> signal_of(Thread& t, DecimalTypes& types, Value key) {
  auto* classes = types.signal_classes.get().as<TupleObject>();
  for (size_t i = 0; i < kSignals; ++i)
    if ((*classes)[i] == key) return kSignalList[i].conditions;
  return t.raise(Exc::KeyError,
                 "valid values for signals are:\n  [InvalidOperation, FloatOperation, DivisionByZero,\n   "
                 "Overflow, Underflow, Subnormal, Inexact, Rounded,\n   Clamped]");
}

Result<uint32_t> signals_of_list(Thread& t, DecimalTypes& types, ListObject* list) {
  uint32_t all = 0;
  for (size_t i = 0; i < list->length(); ++i) all |= TRY(signal_of(t, types, list->at(i)));
  return all;
}
Result<uint32_t> signals_of_dict(Thread& t, DecimalTypes& types, Value v) {
  if (has_spec(v, kSignalsSpec) && signal_bits(v) != nullptr) return signal_bits(v)->load();
  if (!is_dict(v)) return t.raise(Exc::TypeError, "argument must be a signal dict");
  auto* dict = v.as<DictObject>();
  auto* classes = types.signal_classes.get().as<TupleObject>();
  uint32_t all = 0;
  for (size_t i = 0; i < kSignals; ++i) {
    Value on = dict->length() == kSignals ? TRY(dict_get(t, dict, (*classes)[i])) : kNotFound;
    if (on.is_not_found()) return t.raise(Exc::KeyError, "invalid signal dict");
    if (TRY(truth(t, on))) all |= kSignalList[i].conditions;
  }
  return all;
}

Result<Value> signals_repr(Thread& t, Value self) {
  auto* bits = signal_bits(self);
  std::string text;
  for (const SignalName& signal : kSignalList)
    text += fmt::format("{}<class 'decimal.{}'>:{}", text.empty() ? "{" : ", ", signal.name,
                        bits != nullptr && (*bits & signal.conditions) != 0 ? "True" : "False");
  return str_or_error(make_str(t, text + "}"));
}
Result<Value> signals_compare(Thread& t, Value a, Value b, CompareOp op) {
  if (op != CompareOp::Eq && op != CompareOp::Ne) return kNotImplemented;
  auto* bits = signal_bits(a);
  if (bits == nullptr || (!is_dict(b) && !has_spec(b, kSignalsSpec))) return kNotImplemented;
  Result<uint32_t> others = signals_of_dict(t, types_of(a), b);
  if (others.is_error()) {
    if (t.catch_exception(Exc::KeyError)) return kNotImplemented;
    return Error{};
  }
  return Value::from_bool((bits->load() == others.value()) == (op == CompareOp::Eq));
}
Result<Value> signals_iter(Thread& t, Value self) { return get_iter(t, types_of(self).signal_classes); }
Result<int64_t> signals_length(Thread&, Value) { return static_cast<int64_t>(kSignals); }
Result<Value> signals_get(Thread& t, Value self, Value key) {
  uint32_t signal = TRY(signal_of(t, types_of(self), key));
  auto* bits = signal_bits(self);
  return Value::from_bool(bits != nullptr && (*bits & signal) != 0);
}
Status signals_set(Thread& t, Value self, Value key, Value value) {
  if (value.is_empty()) return t.raise(Exc::ValueError, "signal keys cannot be deleted");
  uint32_t signal = TRY(signal_of(t, types_of(self), key));
  bool on = TRY(truth(t, value));
  auto* bits = signal_bits(self);
  if (bits == nullptr) return {};
  if (on)
    bits->fetch_or(signal);
  else
    bits->fetch_and(~signal);
  return {};
}
Result<Value> signals_copy(Thread& t, const Value* args) {
  DictObject* dict = make_dict(t, kSignals);
  auto* classes = types_of(args[0]).signal_classes.get().as<TupleObject>();
  for (size_t i = 0; i < kSignals; ++i)
    TRY(dict_set(t, dict, (*classes)[i], TRY(signals_get(t, args[0], (*classes)[i]))));
  return dict;
}
Result<Value> signals_new(Thread& t, Value cls, const CallArgs&) {
  return t.heap().make<SignalsObject>(t, cls.as<Type>());
}
void trace_signals(Object* o, Tracer& tracer) { tracer.visit(static_cast<SignalsObject*>(o)->context); }
const NativeDef kSignalsMethods[] = {MP_RAW_NEW(signals_new, "__new__(cls, /, *args, **kwargs)", nullptr),
                                     MP_METHOD(signals_copy, "copy(self, /)", nullptr), MP_END};

Result<Value> signals_view(Thread& t, ContextObject* context, Slot& slot, bool traps) {
  if (slot.get().is_empty()) {
    Value view = TRY(call(t, types_of(Value(context)).signal_dict));
    view.as<SignalsObject>()->context = Value(context);
    view.as<SignalsObject>()->traps = traps;
    slot.compare_exchange(kEmpty, view);
  }
  return slot.get();
}

// ---------------------------------------------------------------- Context

void trace_context(Object* o, Tracer& tracer) {
  tracer.visit(static_cast<ContextObject*>(o)->traps_view);
  tracer.visit(static_cast<ContextObject*>(o)->flags_view);
}

Result<Value> context_get_attr(Thread& t, Value self, StrObject* name) {
  auto* context = self.as<ContextObject>();
  if (str_equal(name, std::string_view("traps"))) return signals_view(t, context, context->traps_view, true);
  if (str_equal(name, std::string_view("flags"))) return signals_view(t, context, context->flags_view, false);
  return generic_get_attr(t, self, name);
}
Status context_set_attr(Thread& t, Value self, StrObject* name, Value value) {
  auto* context = self.as<ContextObject>();
  if (value.is_empty()) return t.raise(Exc::AttributeError, "context attributes cannot be deleted");
  bool traps = str_equal(name, std::string_view("traps"));
  if (!traps && !str_equal(name, std::string_view("flags"))) return generic_set_attr(t, self, name, value);
  uint32_t bits = TRY(signals_of_dict(t, types_of(self), value));
  (traps ? context->traps : context->status) = bits;
  return {};
}

std::string names_of(uint32_t conditions) {
  // In the order of libmpdec's bits.
  constexpr size_t kOrder[] = {8, 0, 2, 6, 1, 3, 7, 5, 4};
  std::string text;
  for (size_t i : kOrder)
    if ((kSignalList[i].conditions & conditions) != 0)
      text += (text.empty() ? "" : ", ") + std::string(kSignalList[i].name);
  return "[" + text + "]";
}
Result<Value> context_repr(Thread& t, Value self) {
  auto* c = self.as<ContextObject>();
  return str_or_error(make_str(
      t, fmt::format(
             "Context(prec={}, rounding={}, Emin={}, Emax={}, capitals={}, clamp={}, flags={}, traps={})",
             c->prec.load(), kRoundingNames[static_cast<size_t>(c->rounding.load())], c->emin.load(),
             c->emax.load(), static_cast<int>(c->capitals.load()), static_cast<int>(c->clamp.load()),
             names_of(c->status), names_of(c->traps))));
}

}  // namespace

Result<Value> context_new(Thread& t, Value cls, const CallArgs&) {
  auto* like = types_of(cls.as<Type>()).default_context.get().as<ContextObject>();
  ContextObject* context = make_context(t, cls.as<Type>(), like);
  context->capitals = 1;
  return context;
}
Result<Value> context_init(Thread& t, const Value* args) {
  TRY(set_attributes(t, types_of(args[0]), args[0].as<ContextObject>(), args + 1));
  return kNone;
}

// prec, rounding, Emin, Emax, capitals, clamp, flags, traps
Status set_attributes(Thread& t, DecimalTypes& types, ContextObject* context, const Value* values) {
  using Setter = Status (*)(Thread&, Value, Value);
  constexpr Setter kSetters[] = {set_prec, set_rounding, set_emin, set_emax, set_capitals, set_clamp};
  for (size_t i = 0; i < 6; ++i)
    if (!values[i].is_none()) TRY(kSetters[i](t, context, values[i]));
  for (size_t i : {7, 6}) {
    Value v = values[i];
    if (v.is_none()) continue;
    uint32_t bits =
        is_list(v) ? TRY(signals_of_list(t, types, v.as<ListObject>())) : TRY(signals_of_dict(t, types, v));
    (i == 7 ? context->traps : context->status) = bits;
  }
  return {};
}

// ---------------------------------------------------------------- the current context

Result<Value> get_context(Thread& t, const Value*) {
  return current_context(t, types_of(native_type(t, kDecimalSpec)));
}

namespace {
Status make_current(Thread& t, DecimalTypes& types, Value context) {
  if (!is_decimal_context(context)) return t.raise(Exc::TypeError, "argument must be a context");
  for (Value shared :
       {types.default_context.get(), types.basic_context.get(), types.extended_context.get()}) {
    if (context != shared) continue;
    ContextObject* copy = make_context(t, types.context, context.as<ContextObject>());
    copy->status = 0;
    context = copy;
    break;
  }
  set_context_variable(t, types.variable, context);
  return {};
}

struct ManagerObject : Object {
  Slot inner, outer;
};
void trace_manager(Object* o, Tracer& tracer) {
  tracer.visit_slots(&static_cast<ManagerObject*>(o)->inner, 2);
}
Result<Value> manager_enter(Thread& t, const Value* args) {
  auto* manager = args[0].as<ManagerObject>();
  TRY(make_current(t, types_of(args[0]), manager->inner));
  return manager->inner;
}
Result<Value> manager_exit(Thread& t, Value self, const CallArgs&) {
  TRY(make_current(t, types_of(self), self.as<ManagerObject>()->outer));
  return kNone;
}
const NativeDef kManagerMethods[] = {MP_METHOD(manager_enter, "__enter__(self, /)", nullptr),
                                     MP_RAW_METHOD(manager_exit, "__exit__(self, /, *args)", nullptr),
                                     MP_END};
}  // namespace

Result<Value> set_context(Thread& t, const Value* args) {
  TRY(make_current(t, types_of(native_type(t, kDecimalSpec)), args[0]));
  return kNone;
}
Result<Value> local_context(Thread& t, const Value* args) {
  DecimalTypes& types = types_of(native_type(t, kDecimalSpec));
  ContextObject* outer = current_context(t, types);
  ContextObject* like = TRY(context_argument(t, types, args[0]));
  auto* manager = t.heap().make<ManagerObject>(t, types.manager);
  ContextObject* inner = make_context(t, types.context, like);
  manager->inner = Value(inner);
  manager->outer = Value(outer);
  TRY(set_attributes(t, types, inner, args + 1));
  return manager;
}

const TypeSpec kContextSpec = {
    .name = "decimal.Context",
    .size = sizeof(ContextObject),
    .flags = kTypeBaseType,
    .doc =
        "The context affects almost all operations and controls rounding,\n"
        "Over/Underflow, raising of exceptions and much more.",
    .trace = trace_context,
    .slots = MP_SLOTS(.repr = context_repr, .get_attr = context_get_attr, .set_attr = context_set_attr),
    .methods = kContextMethods,
    .getsets = kContextGetSets};
const TypeSpec kSignalsSpec = {
    .name = "decimal.SignalDictMixin",
    .size = sizeof(SignalsObject),
    .flags = kTypeBaseType,
    .trace = trace_signals,
    .slots = MP_SLOTS(.repr = signals_repr, .compare = signals_compare, .iter = signals_iter,
                      .length = signals_length, .get_item = signals_get, .set_item = signals_set),
    .methods = kSignalsMethods};
const TypeSpec kManagerSpec = {.name = "decimal.ContextManager",
                               .size = sizeof(ManagerObject),
                               .flags = kTypeDisallowNew,
                               .trace = trace_manager,
                               .methods = kManagerMethods};

}  // namespace mp::decimal

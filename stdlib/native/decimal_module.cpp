// The module _decimal: types, exceptions, constants.
#include "stdlib/native/contextvars.h"
#include "stdlib/native/decimal.h"
#include "vm/modules/modules.h"

namespace mp::decimal {

namespace {

void trace_types(Object* self, Tracer& tracer) {
  auto* types = static_cast<DecimalTypes*>(self);
  for (Type* type : {types->decimal, types->context, types->signals, types->manager})
    tracer.visit(static_cast<Object*>(type));
  for (const Slot* slot : {&types->signal_dict, &types->variable, &types->default_context,
                           &types->basic_context, &types->extended_context, &types->rational, &types->tuple,
                           &types->signal_classes, &types->condition_classes})
    tracer.visit(*slot);
}
const TypeSpec kTypesSpec = {
    .name = "decimal._types", .size = sizeof(DecimalTypes), .flags = kTypeDisallowNew, .trace = trace_types};

Result<Value> make_class(Thread& t, Value metaclass, const char* name, std::initializer_list<Value> bases) {
  DictObject* body = make_dict(t);
  TRY(dict_set_text(t, body, "__module__", intern(t, "decimal")));
  return call(t, metaclass, {Value(intern(t, name)), Value(make_tuple(t, bases)), Value(body)});
}
Result<Value> exception_class(Thread& t, const char* name, std::initializer_list<Value> bases) {
  return make_class(t, Value(t.types().type), name, bases);
}

Status make_exceptions(Thread& t, DecimalTypes& types) {
  BuiltinTypes& builtin = t.types();
  Value root = TRY(exception_class(t, "DecimalException", {Value(builtin.exception(Exc::ArithmeticError))}));
  Value zero = builtin.exception(Exc::ZeroDivisionError);
  Value invalid = TRY(exception_class(t, "InvalidOperation", {root}));
  Value inexact = TRY(exception_class(t, "Inexact", {root})),
        rounded = TRY(exception_class(t, "Rounded", {root}));
  Value subnormal = TRY(exception_class(t, "Subnormal", {root}));
  // In the order of kSignalList and kConditionList.
  types.signal_classes = Value(make_tuple(
      t,
      {invalid, TRY(exception_class(t, "FloatOperation", {root, Value(builtin.exception(Exc::TypeError))})),
       TRY(exception_class(t, "DivisionByZero", {root, zero})),
       TRY(exception_class(t, "Overflow", {inexact, rounded})),
       TRY(exception_class(t, "Underflow", {inexact, rounded, subnormal})), subnormal, inexact, rounded,
       TRY(exception_class(t, "Clamped", {root}))}));
  types.condition_classes =
      Value(make_tuple(t, {invalid, TRY(exception_class(t, "ConversionSyntax", {invalid})),
                           TRY(exception_class(t, "DivisionImpossible", {invalid})),
                           TRY(exception_class(t, "DivisionUndefined", {invalid, zero})),
                           TRY(exception_class(t, "InvalidContext", {invalid}))}));
  return {};
}

ContextObject* template_context(Thread& t, DecimalTypes& types, int64_t prec, Rounding rounding,
                                uint32_t traps) {
  auto* context = t.heap().make<ContextObject>(t, types.context);
  context->prec = prec;
  context->emax = 999999;
  context->emin = -999999;
  context->rounding = rounding;
  context->traps = traps;
  context->capitals = 1;
  return context;
}

// Once per runtime: a module imported afresh has the same types.
Status make_types(Thread& t) {
  auto* types = t.heap().make<DecimalTypes>(t, native_type(t, kTypesSpec));
  types->decimal = native_type(t, kDecimalSpec);
  types->context = native_type(t, kContextSpec);
  types->signals = native_type(t, kSignalsSpec);
  types->manager = native_type(t, kManagerSpec);
  for (Type* type : {types->context, types->signals, types->manager}) type->extra = Value(types);
  TRY(make_exceptions(t, *types));
  constexpr uint32_t kTraps = kAnyInvalid | kDivisionByZero | kOverflow;
  types->default_context = Value(template_context(t, *types, 28, Rounding::HalfEven, kTraps));
  types->basic_context =
      Value(template_context(t, *types, 9, Rounding::HalfUp, kTraps | kUnderflow | kClamped));
  types->extended_context = Value(template_context(t, *types, 9, Rounding::HalfEven, 0));
  types->variable = make_context_variable(t, "decimal_context");

  Value mapping = TRY(get_attr(t, TRY(import_module(t, "collections.abc")), "MutableMapping"));
  Value meta = type_of(t, mapping);
  types->signal_dict = TRY(make_class(t, meta, "SignalDict", {Value(types->signals), mapping}));
  Value numbers = TRY(import_module(t, "numbers"));
  types->rational = TRY(get_attr(t, numbers, "Rational"));
  TRY(call_method(t, TRY(get_attr(t, numbers, "Number")), intern(t, "register"), {Value(types->decimal)}));
  types->tuple =
      TRY(call_method(t, TRY(import_module(t, "collections")), intern(t, "namedtuple"),
                      {Value(intern(t, "DecimalTuple")), Value(make_str(t, "sign digits exponent"))}));
  TRY(set_attr(t, types->tuple, intern(t, "__module__"), Value(intern(t, "decimal"))));
  types->decimal->extra = Value(types);  // last: it says that all of this is done
  return {};
}

Status init_module(Thread& t, ModuleObject* module) {
  Type* decimal = native_type(t, kDecimalSpec);
  if (decimal->extra.get().is_empty()) TRY(make_types(t));
  auto* types = decimal->extra.get().as<DecimalTypes>();
  module_add_type(t, module, kDecimalSpec);
  module_add_type(t, module, kContextSpec);
  auto* signals = types->signal_classes.get().as<TupleObject>();
  TRY(module_add(t, module, "DecimalException", (*signals)[0].as<Type>()->base.load()));
  for (size_t i = 0; i < kSignals; ++i) TRY(module_add(t, module, kSignalList[i].name, (*signals)[i]));
  for (size_t i = 1; i < kConditions; ++i)
    TRY(module_add(t, module, kConditionList[i].name,
                   (*types->condition_classes.get().as<TupleObject>())[i]));
  TRY(module_add(t, module, "DecimalTuple", types->tuple));
  TRY(module_add(t, module, "DefaultContext", types->default_context));
  TRY(module_add(t, module, "BasicContext", types->basic_context));
  TRY(module_add(t, module, "ExtendedContext", types->extended_context));
  for (const char* name : kRoundingNames) TRY(module_add(t, module, name, Value(intern(t, name))));
  TRY(module_add(t, module, "HAVE_THREADS", kTrue));
  TRY(module_add(t, module, "HAVE_CONTEXTVAR", kTrue));
  const std::pair<const char*, int64_t> limits[] = {
      {"MAX_PREC", kMaxPrec}, {"MAX_EMAX", kMaxEmax}, {"MIN_EMIN", kMinEmin}, {"MIN_ETINY", kMinEtiny}};
  for (auto [name, value] : limits) TRY(module_add_int(t, module, name, value));
  TRY(module_add_text(t, module, "__version__", "1.70"));
  return module_add_text(t, module, "__libmpdec_version__", "2.5.1");
}

const NativeDef kFunctions[] = {
    MP_FUNCTION(get_context, "getcontext()", "Get the current default context."),
    MP_FUNCTION(set_context, "setcontext(context, /)", "Set a new default context."),
    MP_FUNCTION(
        local_context,
        "localcontext(ctx=None, prec=None, rounding=None, Emin=None, Emax=None, capitals=None, clamp=None, "
        "flags=None, traps=None)",
        "Return a context manager that will set the default context to a copy of ctx\non entry to the "
        "with-statement and restore the previous default context when\nexiting the with-statement. If no "
        "context is specified, a copy of the current\ndefault context is used."),
    MP_END};

}  // namespace

}  // namespace mp::decimal

namespace mp {
extern const ModuleSpec kDecimalModule;
const ModuleSpec kDecimalModule = {.name = "_decimal",
                                   .doc = "C decimal arithmetic module",
                                   .functions = decimal::kFunctions,
                                   .init = decimal::init_module};
}  // namespace mp

// PEP 695: what the intrinsics of type parameters make. Type variables are classes of the typing module;
// TypeAliasType is ours.
#include "vm/exec/type_parameters.h"

#include "vm/exec/interp.h"
#include "vm/native/native.h"
#include "vm/protocol/protocol.h"
#include "vm/types/runtime.h"

namespace mp {

namespace {

struct TypeAlias : Object {
  Slot name, type_params, compute, value, module;
};
TypeAlias* self(Value v) { return v.as<TypeAlias>(); }

void trace_alias(Object* o, Tracer& tracer) {
  auto* a = static_cast<TypeAlias*>(o);
  for (const Slot* s : {&a->name, &a->type_params, &a->compute, &a->value, &a->module}) tracer.visit(*s);
}

Result<Value> alias_value(Thread& t, Value v) {
  TypeAlias* a = self(v);
  Value known = a->value;
  if (!known.is_empty()) return known;
  Value made = TRY(call(t, a->compute));
  a->value = made;
  return made;
}
Result<Value> alias_name(Thread&, Value v) { return self(v)->name; }
Result<Value> alias_module(Thread&, Value v) { return self(v)->module; }
Result<Value> alias_params(Thread& t, Value v) {
  Value params = self(v)->type_params;
  return is_tuple(params) ? params : Value(empty_tuple(t));
}
Result<Value> alias_repr(Thread&, Value v) { return self(v)->name; }
Result<Value> alias_or(Thread& t, Value a, Value b) { return make_union(t, a, b); }
Result<Value> alias_get_item(Thread& t, Value v, Value key) {
  if (!is_tuple(self(v)->type_params))
    return t.raise(Exc::TypeError, "Only generic type aliases are subscriptable");
  return make_generic_alias(t, v, is_tuple(key) ? key : Value(make_tuple(t, {key})));
}
Result<Value> alias_new(Thread& t, const Value* args) {
  auto* a = t.heap().make<TypeAlias>(t, args[0].as<Type>());
  a->name = args[1];
  a->value = args[2];
  a->type_params = args[3].is_empty() ? kNone : args[3];
  Value name = t.frame != nullptr ? dict_get_str(t.frame->globals, t.names().__name__) : kNotFound;
  a->module = name.is_not_found() ? kNone : name;
  return a;
}

const NativeDef kAliasMethods[] = {
    MP_NEW(alias_new, "__new__(cls, name, value, *, type_params=())", "Type alias."), MP_END};
const GetSetDef kAliasGetSets[] = {
    {"__name__", alias_name, nullptr, nullptr},          {"__value__", alias_value, nullptr, nullptr},
    {"__type_params__", alias_params, nullptr, nullptr}, {"__parameters__", alias_params, nullptr, nullptr},
    {"__module__", alias_module, nullptr, nullptr},      {nullptr, nullptr, nullptr, nullptr}};

Result<Value> typing_class(Thread& t, const char* name) {
  Value module = TRY(import_name(t, intern(t, "typing"), t.runtime().builtins_dict, kNone,
                                 make_tuple(t, {make_str(t, name)}), 0));
  return get_attr(t, module, name);
}

Result<Value> call_with_keyword(Thread& t, Value callee, Value name, const char* keyword, Value value) {
  Value args[2] = {name, value};
  return call(t, callee, CallArgs{args, 1, make_tuple(t, {intern(t, keyword)})});
}

}  // namespace

extern const TypeSpec kTypeAliasSpec;
const TypeSpec kTypeAliasSpec = {
    .name = "typing.TypeAliasType",
    .size = sizeof(TypeAlias),
    .doc = "Type alias.",
    .trace = trace_alias,
    .slots = MP_SLOTS(.repr = alias_repr, .or_ = alias_or, .get_item = alias_get_item),
    .methods = kAliasMethods,
    .getsets = kAliasGetSets,
};

// The variance of a declared type parameter is inferred: it shows as T, not ~T.
static Result<Value> make_parameter(Thread& t, lang::Intrinsic which, const Value* args);

Result<Value> type_parameter_intrinsic(Thread& t, lang::Intrinsic which, const Value* args) {
  Value made = TRY(make_parameter(t, which, args));
  switch (which) {
    case lang::Intrinsic::TYPEVAR:
    case lang::Intrinsic::PARAMSPEC:
    case lang::Intrinsic::TYPEVAR_WITH_BOUND:
    case lang::Intrinsic::TYPEVAR_WITH_CONSTRAINTS:
      TRY(set_attr(t, made, intern(t, "__infer_variance__"), kTrue));
      return made;
    default: return made;
  }
}

static Result<Value> make_parameter(Thread& t, lang::Intrinsic which, const Value* args) {
  switch (which) {
    case lang::Intrinsic::TYPEVAR: return call(t, TRY(typing_class(t, "TypeVar")), {args[0]});
    case lang::Intrinsic::PARAMSPEC: return call(t, TRY(typing_class(t, "ParamSpec")), {args[0]});
    case lang::Intrinsic::TYPEVARTUPLE: return call(t, TRY(typing_class(t, "TypeVarTuple")), {args[0]});
    case lang::Intrinsic::TYPEVAR_WITH_BOUND: {
      // typing's TypeVar wants its bound at once; one that names what does not exist yet stays out.
      Value cls = TRY(typing_class(t, "TypeVar"));
      Value bound = call(t, args[1]).take();
      if (bound.is_error()) {
        if (!t.catch_exception(Exc::NameError)) return Error{};
        return call(t, cls, {args[0]});
      }
      return call_with_keyword(t, cls, args[0], "bound", bound);
    }
    case lang::Intrinsic::TYPEVAR_WITH_CONSTRAINTS: {
      Value cls = TRY(typing_class(t, "TypeVar"));
      Value constraints = call(t, args[1]).take();
      if (constraints.is_error()) {
        if (!t.catch_exception(Exc::NameError)) return Error{};
        return call(t, cls, {args[0]});
      }
      Value all = TRY(binary(t, BinaryOp::Add, make_tuple(t, {args[0]}), constraints));
      return call_tuple(t, cls, all, kEmpty);
    }
    case lang::Intrinsic::SET_TYPEPARAM_DEFAULT: {
      Value value = TRY(call(t, args[1]));
      TRY(set_attr(t, args[0], intern(t, "__default__"), value));
      return args[0];
    }
    case lang::Intrinsic::SUBSCRIPT_GENERIC: {
      auto* params = args[0].as<TupleObject>();
      ListObject* unpacked = make_list(t, params->size);
      for (size_t i = 0; i < params->size; ++i) {
        Value p = (*params)[i];
        if (str_equal(type_of(t, p)->name, std::string_view("TypeVarTuple"))) {
          TRY(list_extend(t, unpacked, p));
        } else {
          TRY(list_append(t, unpacked, p));
        }
      }
      return get_item(t, TRY(typing_class(t, "Generic")), list_to_tuple(t, unpacked));
    }
    case lang::Intrinsic::TYPEALIAS: {
      auto* parts = args[0].as<TupleObject>();
      auto* a = t.heap().make<TypeAlias>(t, native_type(t, kTypeAliasSpec));
      a->name = (*parts)[0];
      a->type_params = (*parts)[1];
      a->compute = (*parts)[2];
      Value name = dict_get_str(t.frame->globals, t.names().__name__);
      a->module = name.is_not_found() ? kNone : name;
      return a;
    }
    default: return t.raise(Exc::SystemError, "unknown intrinsic");
  }
}

}  // namespace mp

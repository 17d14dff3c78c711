// types.UnionType: int | str.
#include "vm/native/native.h"
#include "vm/types/container_support.h"
#include "vm/types/generic_support.h"
#include "vm/types/type.h"

namespace mp {

static bool is_union(Thread& t, Value v) { return is_exact(v, t.types().union_type); }
static bool is_alias(Thread& t, Value v) {
  return v.is_object() && is_instance(t, v, t.types().generic_alias);
}

static bool unionable(Thread& t, Value v) {
  if (v.is_none() || is_type(v) || is_alias(t, v) || is_union(t, v)) return true;
  return v.is_object() && str_equal(type_of(t, v)->name, std::string_view("TypeAliasType"));
}

static Status add_member(Thread& t, ListObject* list, Value v) {
  if (v.is_none()) v = Value(t.types().none);
  if (is_union(t, v)) {
    auto* args = v.as<UnionObject>()->args.get().as<TupleObject>();
    for (size_t i = 0; i < args->size; ++i) TRY(add_member(t, list, (*args)[i]));
    return {};
  }
  for (size_t i = 0; i < list->length(); ++i) {
    Value own = list->at(i);
    if (own == v) return {};
    if (is_alias(t, own) && is_alias(t, v)) {
      bool same = TRY(equals(t, own, v));
      if (same) return {};
    }
  }
  return list_append(t, list, v);
}

Result<Value> make_union(Thread& t, Value left, Value right) {
  ListObject* members = make_list(t);
  TRY(add_member(t, members, left));
  TRY(add_member(t, members, right));
  if (members->length() == 1) return members->at(0);
  auto* made = t.heap().make<UnionObject>(t, t.types().union_type);
  made->args = Value(list_to_tuple(t, members));
  return made;
}

Result<Value> union_or(Thread& t, Value left, Value right) {
  if (!unionable(t, left) || !unionable(t, right)) return kNotImplemented;
  return make_union(t, left, right);
}

TupleObject* union_args(Value union_object) {
  return union_object.as<UnionObject>()->args.get().as<TupleObject>();
}

static void trace_union(Object* self, Tracer& tracer) {
  tracer.visit(static_cast<UnionObject*>(self)->args);
  tracer.visit(static_cast<UnionObject*>(self)->parameters);
}

static Result<Value> union_repr(Thread& t, Value self) {
  auto* args = union_args(self);
  StrBuilder out(t);
  for (size_t i = 0; i < args->size; ++i) {
    if (i != 0) out.append(std::string_view(" | "));
    Value text = TRY(generic_item_text(t, (*args)[i]));
    out.append(text.as<StrObject>());
  }
  return out.finish();
}

static Result<Value> frozen_args(Thread& t, Value self) {
  SetObject* set = make_set(t, t.types().frozenset);
  TRY(set_update(t, set, union_args(self)));
  return set;
}

static Result<int64_t> union_hash(Thread& t, Value self) {
  Value set = TRY(frozen_args(t, self));
  return hash(t, set);
}

static Result<Value> union_compare(Thread& t, Value left, Value right, CompareOp op) {
  if ((op != CompareOp::Eq && op != CompareOp::Ne) || !is_union(t, left) || !is_union(t, right))
    return kNotImplemented;
  Value a = TRY(frozen_args(t, left));
  Value b = TRY(frozen_args(t, right));
  return compare(t, a, b, op);
}

static Result<Value> get_parameters(Thread& t, Value self) {
  auto* u = self.as<UnionObject>();
  Value own = u->parameters.get();
  if (own.is_empty()) {
    own = TRY(generic_parameters(t, u->args));
    u->parameters = own;
  }
  return own;
}
static Result<Value> get_args(Thread&, Value self) { return self.as<UnionObject>()->args; }

static Result<Value> union_get_item(Thread& t, Value self, Value item) {
  Value parameters = TRY(get_parameters(t, self));
  Value args = TRY(generic_substitute(t, self, self.as<UnionObject>()->args, parameters, item));
  auto* tuple = args.as<TupleObject>();
  Value result = (*tuple)[0];
  for (size_t i = 1; i < tuple->size; ++i) result = TRY(binary(t, BinaryOp::Or, result, (*tuple)[i]));
  return result;
}

static Result<Value> union_instancecheck(Thread& t, const Value* args) {
  auto* members = union_args(args[0]);
  for (size_t i = 0; i < members->size; ++i) {
    bool is = TRY(is_instance_of(t, args[1], (*members)[i]));
    if (is) return kTrue;
  }
  return kFalse;
}
static Result<Value> union_subclasscheck(Thread& t, const Value* args) {
  if (!is_type(args[1])) return t.raise(Exc::TypeError, "issubclass() arg 1 must be a class");
  auto* members = union_args(args[0]);
  for (size_t i = 0; i < members->size; ++i) {
    bool is = TRY(is_subclass(t, args[1], (*members)[i]));
    if (is) return kTrue;
  }
  return kFalse;
}

// Pickles and copies as functools.reduce(operator.or_, args).
static Result<Value> union_reduce(Thread& t, const Value* args) {
  Value import = TRY(builtin_function(t, "__import__"));
  Value functools = TRY(call(t, import, {Value(make_str(t, "functools"))}));
  Value op = TRY(call(t, import, {Value(make_str(t, "operator"))}));
  Value reduce = TRY(get_attr(t, functools, "reduce"));
  Value or_function = TRY(get_attr(t, op, "or_"));
  return make_tuple(t, {reduce, Value(make_tuple(t, {or_function, args[0].as<UnionObject>()->args}))});
}

static const GetSetDef kUnionGetSets[] = {
    {"__args__", get_args, nullptr, nullptr},
    {"__parameters__", get_parameters, nullptr, "Type variables in the types.UnionType."},
    {nullptr, nullptr, nullptr, nullptr}};
static const NativeDef kUnionMethods[] = {
    MP_METHOD(union_instancecheck, "__instancecheck__(self, instance, /)", nullptr),
    MP_METHOD(union_subclasscheck, "__subclasscheck__(self, cls, /)", nullptr),
    MP_METHOD(union_reduce, "__reduce__(self, /)", nullptr), MP_END};

extern const TypeSpec kUnionTypeSpec;
const TypeSpec kUnionTypeSpec = {
    .name = "types.UnionType",
    .size = sizeof(UnionObject),
    .flags = kTypeDisallowNew | kTypeHasWeakref,
    .doc = "Represent a PEP 604 union type\n\nE.g. for int | str",
    .trace = trace_union,
    .slots = MP_SLOTS(.repr = union_repr, .hash = union_hash, .compare = union_compare, .or_ = union_or,
                      .get_item = union_get_item),
    .methods = kUnionMethods,
    .getsets = kUnionGetSets};

}  // namespace mp

// types.GenericAlias: list[int], substitution of type parameters, unpacked *tuple[int, ...].
#include "vm/types/generic_alias.h"

#include "vm/native/native.h"
#include "vm/types/container_support.h"
#include "vm/types/generic_support.h"
#include "vm/types/iterator_support.h"
#include "vm/types/type.h"

namespace mp {

namespace {
GenericAliasObject* new_alias(Thread& t, Type* cls, Value origin, Value args, bool starred) {
  auto* alias = t.heap().make<GenericAliasObject>(t, cls);
  alias->origin = origin;
  alias->args = is_tuple(args) ? args : Value(make_tuple(t, {args}));
  alias->starred.store(starred);
  return alias;
}

Status add_unique(Thread& t, ListObject* list, Value v) {
  for (size_t i = 0; i < list->length(); ++i)
    if (list->at(i) == v) return {};
  return list_append(t, list, v);
}

Status collect_parameters(Thread& t, Value args, ListObject* out) {
  TRY(t.check_stack());
  Value tuple = TRY(to_tuple(t, args));
  auto* items = tuple.as<TupleObject>();
  for (size_t i = 0; i < items->size; ++i) {
    Value arg = (*items)[i];
    if (is_type(arg)) continue;  // the __parameters__ of a bare class is not meant
    if (is_tuple(arg) || is_list(arg)) {
      TRY(collect_parameters(t, arg, out));
      continue;
    }
    Value substitute = TRY(get_attr_or_not_found(t, arg, t.names().__typing_subst__));
    if (!substitute.is_not_found()) {
      TRY(add_unique(t, out, arg));
      continue;
    }
    Value inner = TRY(get_attr_or_not_found(t, arg, t.names().__parameters__));
    if (inner.is_not_found() || !is_tuple(inner)) continue;
    for (size_t k = 0; k < inner.as<TupleObject>()->size; ++k)
      TRY(add_unique(t, out, (*inner.as<TupleObject>())[k]));
  }
  return {};
}

int64_t index_in(TupleObject* tuple, Value v) {
  for (size_t i = 0; i < tuple->size; ++i)
    if ((*tuple)[i] == v) return static_cast<int64_t>(i);
  return -1;
}

// X[*tuple[int, str]] means X[int, str].
Result<Value> unpack_arguments(Thread& t, Value item) {
  ListObject* out = make_list(t);
  size_t n = is_tuple(item) ? item.as<TupleObject>()->size : 1;
  for (size_t i = 0; i < n; ++i) {
    Value one = is_tuple(item) ? (*item.as<TupleObject>())[i] : item;
    if (!is_type(one)) {
      Value inner = TRY(get_attr_or_not_found(t, one, t.names().__typing_unpacked_tuple_args__));
      if (!inner.is_not_found() && is_tuple(inner)) {
        auto* tuple = inner.as<TupleObject>();
        if (tuple->size == 0 || (*tuple)[tuple->size - 1] != kEllipsis) {
          TRY(list_extend(t, out, inner));
          continue;
        }
      }
    }
    TRY(list_append(t, out, one));
  }
  return list_to_tuple(t, out);
}

// Substitutes inside an argument that is itself generic.
Result<Value> substitute_inner(Thread& t, Value v, TupleObject* parameters, TupleObject* items) {
  Value own = TRY(get_attr_or_not_found(t, v, t.names().__parameters__));
  if (own.is_not_found() || !is_tuple(own) || own.as<TupleObject>()->size == 0) return v;
  auto* inner = own.as<TupleObject>();
  ListObject* arguments = make_list(t);
  for (size_t i = 0; i < inner->size; ++i) {
    Value arg = (*inner)[i];
    int64_t at = index_in(parameters, arg);
    if (at >= 0) {
      Value parameter = (*parameters)[static_cast<size_t>(at)];
      arg = (*items)[static_cast<size_t>(at)];
      if (type_of(t, parameter)->slots.iter != nullptr && is_tuple(arg)) {  // a TypeVarTuple
        TRY(list_extend(t, arguments, arg));
        continue;
      }
    }
    TRY(list_append(t, arguments, arg));
  }
  return get_item(t, v, list_to_tuple(t, arguments));
}

Result<Value> substitute_all(Thread& t, Value self, Value args, TupleObject* parameters, TupleObject* items) {
  TRY(t.check_stack());
  Value tuple = TRY(to_tuple(t, args));
  auto* source = tuple.as<TupleObject>();
  ListObject* out = make_list(t);
  for (size_t i = 0; i < source->size; ++i) {
    Value arg = (*source)[i];
    if (is_type(arg)) {
      TRY(list_append(t, out, arg));
      continue;
    }
    if (is_tuple(arg) || is_list(arg)) {
      Value inner = TRY(substitute_all(t, self, arg, parameters, items));
      if (is_list(arg)) inner = TRY(to_list(t, inner));
      TRY(list_append(t, out, inner));
      continue;
    }
    Value flag = TRY(get_attr_or_not_found(t, arg, intern(t, "__typing_is_unpacked_typevartuple__")));
    bool unpack = !flag.is_not_found() && TRY(truth(t, flag));
    Value substitute = TRY(get_attr_or_not_found(t, arg, t.names().__typing_subst__));
    Value result;
    int64_t at = index_in(parameters, arg);
    if (!substitute.is_not_found() && at >= 0)
      result = TRY(call(t, substitute, {(*items)[static_cast<size_t>(at)]}));
    else
      result = TRY(substitute_inner(t, arg, parameters, items));
    if (!unpack) {
      TRY(list_append(t, out, result));
    } else {
      if (!is_tuple(result))
        return t.raise(Exc::TypeError, "expected __typing_subst__ of {} objects to return a tuple, not {}",
                       type_name(t, arg), type_name(t, result));
      TRY(list_extend(t, out, result));
    }
  }
  return list_to_tuple(t, out);
}
}  // namespace

Result<Value> generic_parameters(Thread& t, Value args) {
  ListObject* list = make_list(t);
  TRY(collect_parameters(t, args, list));
  return list_to_tuple(t, list);
}

Result<Value> generic_substitute(Thread& t, Value self, Value args, Value parameters, Value item) {
  auto* wanted = parameters.as<TupleObject>();
  if (wanted->size == 0) return t.raise(Exc::TypeError, "{} is not a generic class", repr_text(t, self));
  Value items = TRY(unpack_arguments(t, item));
  for (size_t i = 0; i < wanted->size; ++i) {
    Value prepare = TRY(get_attr_or_not_found(t, (*wanted)[i], t.names().__typing_prepare_subst__));
    if (prepare.is_not_found() || prepare.is_none()) continue;
    Value prepared = TRY(call(t, prepare, {self, items}));
    items = is_tuple(prepared) ? prepared : Value(make_tuple(t, {prepared}));
  }
  auto* given = items.as<TupleObject>();
  if (given->size != wanted->size)
    return t.raise(Exc::TypeError, "Too {} arguments for {}; actual {}, expected {}",
                   given->size > wanted->size ? "many" : "few", repr_text(t, self), given->size,
                   wanted->size);
  return substitute_all(t, self, args, wanted, given);
}

Result<Value> generic_item_text(Thread& t, Value v) {
  if (v == kEllipsis) return make_str(t, "...");
  if (v == Value(t.types().none)) return make_str(t, "None");
  Value origin = TRY(get_attr_or_not_found(t, v, t.names().__origin__));
  if (!origin.is_not_found()) {
    Value args = TRY(get_attr_or_not_found(t, v, t.names().__args__));
    if (!args.is_not_found()) return repr(t, v);
  }
  Value name = TRY(get_attr_or_not_found(t, v, t.names().__qualname__));
  Value module = TRY(get_attr_or_not_found(t, v, t.names().__module__));
  if (name.is_not_found() || !is_str(name) || module.is_not_found() || module.is_none()) return repr(t, v);
  if (is_str(module) && str_equal(module.as<StrObject>(), "builtins")) return name;
  StrBuilder out(t);
  Value text = TRY(str(t, module));
  out.append(text.as<StrObject>());
  out.append(U'.');
  out.append(name.as<StrObject>());
  return out.finish();
}

Result<Value> make_generic_alias(Thread& t, Value origin, Value args) {
  return new_alias(t, t.types().generic_alias, origin, args, false);
}

Result<Value> native_class_getitem(Thread& t, const Value* args) {
  return make_generic_alias(t, args[0], args[1]);
}

static void trace_alias(Object* self, Tracer& tracer) {
  auto* alias = static_cast<GenericAliasObject*>(self);
  tracer.visit(alias->origin);
  tracer.visit(alias->args);
  tracer.visit(alias->parameters);
}

static Result<Value> alias_new(Thread& t, const Value* args) {
  return new_alias(t, args[0].as<Type>(), args[1], args[2], false);
}

static Result<Value> item_or_list_text(Thread& t, Value v) {
  if (!is_list(v)) {
    if (v == Value(t.types().none)) return make_str(t, "NoneType");
    return generic_item_text(t, v);
  }
  StrBuilder out(t);
  out.append(U'[');
  for (size_t i = 0; i < v.as<ListObject>()->length(); ++i) {
    Value item = v.as<ListObject>()->at(i);
    if (item.is_empty()) break;
    if (i != 0) out.append(std::string_view(", "));
    Value text = TRY(generic_item_text(t, item));
    out.append(text.as<StrObject>());
  }
  out.append(U']');
  return out.finish();
}

static Result<Value> alias_repr(Thread& t, Value self) {
  auto* alias = self.as<GenericAliasObject>();
  StrBuilder out(t);
  if (alias->starred.load()) out.append(U'*');
  Value text = TRY(generic_item_text(t, alias->origin));
  out.append(text.as<StrObject>());
  out.append(U'[');
  auto* args = alias->args.get().as<TupleObject>();
  for (size_t i = 0; i < args->size; ++i) {
    if (i != 0) out.append(std::string_view(", "));
    text = TRY(item_or_list_text(t, (*args)[i]));
    out.append(text.as<StrObject>());
  }
  if (args->size == 0) out.append(std::string_view("()"));
  out.append(U']');
  return out.finish();
}

static Result<int64_t> alias_hash(Thread& t, Value self) {
  auto* alias = self.as<GenericAliasObject>();
  int64_t a = TRY(hash(t, alias->origin));
  int64_t b = TRY(hash(t, alias->args));
  int64_t h = a ^ b;
  return h == -1 ? int64_t{-2} : h;
}

static Result<Value> alias_call(Thread& t, Value self, const CallArgs& args) {
  Value made = TRY(call(t, self.as<GenericAliasObject>()->origin, args));
  if (set_attr(t, made, t.names().__orig_class__, self).is_error()) {
    if (!t.catch_exception(Exc::AttributeError) && !t.catch_exception(Exc::TypeError)) return Error{};
  }
  return made;
}

static Result<Value> alias_get_attr(Thread& t, Value self, StrObject* name) {
  static const char* const kOwn[] = {"__bases__",       "__copy__",       "__deepcopy__",
                                     "__class__",       "__origin__",     "__args__",
                                     "__unpacked__",    "__parameters__", "__typing_unpacked_tuple_args__",
                                     "__mro_entries__", "__reduce_ex__",  "__reduce__"};
  for (const char* own : kOwn)
    if (str_equal(name, own)) return generic_get_attr(t, self, name);
  TRY(t.check_stack());
  return get_attr(t, self.as<GenericAliasObject>()->origin, name);
}

static Result<Value> alias_compare(Thread& t, Value left, Value right, CompareOp op) {
  if (op != CompareOp::Eq && op != CompareOp::Ne) return kNotImplemented;
  if (!is_instance(t, left, t.types().generic_alias) || !is_instance(t, right, t.types().generic_alias))
    return kNotImplemented;
  auto* a = left.as<GenericAliasObject>();
  auto* b = right.as<GenericAliasObject>();
  bool same = a->starred.load() == b->starred.load();
  if (same) same = TRY(equals(t, a->origin, b->origin));
  if (same) same = TRY(equals(t, a->args, b->args));
  return bool_value(same == (op == CompareOp::Eq));
}

// *tuple[int, ...]: iterating an alias gives it once, starred.
namespace {
struct AliasIterator : Object {
  Slot alias;
};
}  // namespace
static void trace_alias_iterator(Object* self, Tracer& tracer) {
  tracer.visit(static_cast<AliasIterator*>(self)->alias);
}
static Result<Value> alias_iterator_next(Thread& t, Value self) {
  Value held = self.as<AliasIterator>()->alias.exchange(kEmpty);
  if (held.is_empty()) return kNoMore;
  auto* alias = held.as<GenericAliasObject>();
  return new_alias(t, t.types().generic_alias, alias->origin, alias->args, true);
}
static Result<Value> alias_iterator_reduce(Thread& t, const Value* args) {
  Value iter = TRY(builtin_function(t, "iter"));
  Value alias = args[0].as<AliasIterator>()->alias.get();
  return make_tuple(t, {iter, Value(make_tuple(t, {alias.is_empty() ? Value(empty_tuple(t)) : alias}))});
}
static const NativeDef kAliasIteratorMethods[] = {
    MP_METHOD(alias_iterator_reduce, "__reduce__(self, /)", "Return state information for pickling."),
    MP_END};
static const TypeSpec kAliasIteratorSpec = {
    .name = "generic_alias_iterator",
    .size = sizeof(AliasIterator),
    .flags = kTypeDisallowNew,
    .trace = trace_alias_iterator,
    .slots = MP_SLOTS(.iter = iterator_self, .next = alias_iterator_next),
    .methods = kAliasIteratorMethods};
static Result<Value> alias_iter(Thread& t, Value self) {
  auto* it = t.heap().make<AliasIterator>(t, native_type(t, kAliasIteratorSpec));
  it->alias = self;
  return it;
}

static Result<Value> get_parameters(Thread& t, Value self) {
  auto* alias = self.as<GenericAliasObject>();
  Value own = alias->parameters.get();
  if (own.is_empty()) {
    own = TRY(generic_parameters(t, alias->args));
    alias->parameters = own;
  }
  return own;
}

static Result<Value> alias_get_item(Thread& t, Value self, Value item) {
  auto* alias = self.as<GenericAliasObject>();
  Value parameters = TRY(get_parameters(t, self));
  Value args = TRY(generic_substitute(t, self, alias->args, parameters, item));
  return new_alias(t, t.types().generic_alias, alias->origin, args, alias->starred.load());
}

static Result<Value> alias_mro_entries(Thread& t, const Value* args) {
  return make_tuple(t, {args[0].as<GenericAliasObject>()->origin});
}
static Result<Value> alias_instancecheck(Thread& t, const Value*) {
  return t.raise(Exc::TypeError, "isinstance() argument 2 cannot be a parameterized generic");
}
static Result<Value> alias_subclasscheck(Thread& t, const Value*) {
  return t.raise(Exc::TypeError, "issubclass() argument 2 cannot be a parameterized generic");
}
static Result<Value> alias_reduce(Thread& t, const Value* args) {
  auto* alias = args[0].as<GenericAliasObject>();
  if (alias->starred.load()) {
    Value next = TRY(builtin_function(t, "next"));
    Value plain = new_alias(t, t.types().generic_alias, alias->origin, alias->args, false);
    Value it = TRY(get_iter(t, plain));
    return make_tuple(t, {next, Value(make_tuple(t, {it}))});
  }
  return make_tuple(t, {Value(t.types().generic_alias), Value(make_tuple(t, {alias->origin, alias->args}))});
}
static Result<Value> alias_dir(Thread& t, const Value* args) {
  Value names = TRY(dir(t, args[0].as<GenericAliasObject>()->origin));
  for (const char* name : {"__origin__", "__args__", "__parameters__", "__unpacked__", "__mro_entries__",
                           "__reduce_ex__", "__reduce__", "__typing_unpacked_tuple_args__"}) {
    Value own = intern(t, name);
    bool known = TRY(contains(t, names, own));
    if (!known) TRY(list_append(t, names.as<ListObject>(), own));
  }
  return names;
}

static Result<Value> get_origin(Thread&, Value self) { return self.as<GenericAliasObject>()->origin; }
static Result<Value> get_args(Thread&, Value self) { return self.as<GenericAliasObject>()->args; }
static Result<Value> get_unpacked(Thread&, Value self) {
  return bool_value(self.as<GenericAliasObject>()->starred.load());
}
static Result<Value> get_unpacked_args(Thread& t, Value self) {
  auto* alias = self.as<GenericAliasObject>();
  if (alias->starred.load() && alias->origin.get() == Value(t.types().tuple)) return alias->args;
  return kNone;
}

static const GetSetDef kAliasGetSets[] = {
    {"__origin__", get_origin, nullptr, nullptr},
    {"__args__", get_args, nullptr, nullptr},
    {"__unpacked__", get_unpacked, nullptr, nullptr},
    {"__parameters__", get_parameters, nullptr, "Type variables in the GenericAlias."},
    {"__typing_unpacked_tuple_args__", get_unpacked_args, nullptr, nullptr},
    {nullptr, nullptr, nullptr, nullptr}};
static const NativeDef kAliasMethods[] = {
    MP_NEW(alias_new, "__new__(cls, origin, args, /)", nullptr),
    MP_METHOD(alias_mro_entries, "__mro_entries__(self, bases, /)", nullptr),
    MP_METHOD(alias_instancecheck, "__instancecheck__(self, instance, /)", nullptr),
    MP_METHOD(alias_subclasscheck, "__subclasscheck__(self, cls, /)", nullptr),
    MP_METHOD(alias_reduce, "__reduce__(self, /)", nullptr),
    MP_METHOD(alias_dir, "__dir__(self, /)", nullptr),
    MP_END};

extern const TypeSpec kGenericAliasSpec;
const TypeSpec kGenericAliasSpec = {
    .name = "types.GenericAlias",
    .size = sizeof(GenericAliasObject),
    .flags = kTypeBaseType | kTypeHasWeakref,
    .doc =
        "Represent a PEP 585 generic type\n\nE.g. for t = list[int], t.__origin__ is list and "
        "t.__args__ is (int,).",
    .trace = trace_alias,
    .slots =
        MP_SLOTS(.repr = alias_repr, .hash = alias_hash, .call = alias_call, .get_attr = alias_get_attr,
                 .compare = alias_compare, .iter = alias_iter, .or_ = union_or, .get_item = alias_get_item),
    .methods = kAliasMethods,
    .getsets = kAliasGetSets};

}  // namespace mp

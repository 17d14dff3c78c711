// object.__reduce__, __reduce_ex__ and __getstate__: what copy and pickle build on (copyreg's protocol 2).

#include "vm/types/exception.h"
#include "vm/types/number.h"
#include "vm/types/type_internal.h"

namespace mp {

Result<Value> import_module(Thread& t, std::string_view dotted_name);  // vm/modules/modules.h, a layer up

static Result<Value> copyreg_attr(Thread& t, const char* name) {
  Value module = TRY(import_module(t, "copyreg"));
  return get_attr(t, module, name);
}

// copyreg._slotnames(cls), cached in cls.__slotnames__.
static Result<Value> slot_names(Thread& t, Type* cls) {
  Value cached = type_own(t, cls, intern(t, "__slotnames__"));
  if (!cached.is_not_found()) {
    if (!cached.is_none() && !is_list(cached))
      return t.raise(Exc::TypeError, "{}.__slotnames__ should be a list or None, not {}", type_name(cls),
                     type_name(t, cached));
    return cached;
  }
  bool any = false;
  for (Type* each = cls; each != nullptr; each = each->base.load())
    any = any || each->base_size != each->fields_offset;
  if (!any) return kNone;  // no fields: nothing to ask copyreg for
  Value function = TRY(copyreg_attr(t, "_slotnames"));
  return call(t, function, {Value(cls)});
}

static bool is_immutable_sequence(Type* type) {
  return type->has(kTypeVariableSize) && type->instance_kind != Kind::Str;
}

static Result<Value> default_state(Thread& t, Value self, bool required) {
  Type* type = type_of(t, self);
  if (required && is_immutable_sequence(type) && !type->has(kTypeHeap))
    return t.raise(Exc::TypeError, "cannot pickle '{}' object", type_name(type));
  if (required && !type->has(kTypeHeap) && type != t.types().object && type->base_size > sizeof(Object) &&
      !is_list(self) && !is_dict(self))
    return t.raise(Exc::TypeError, "cannot pickle '{}' object", type_name(type));
  Value state = kNone;
  if (type->has(kTypeHasDict) && self.is_object()) {
    Value custom = type_lookup(t, type, t.names().__dict__);
    (void)custom;
    if (instance_attr_count(t, self.as_object()) > 0) state = Value(instance_attrs_copy(t, self.as_object()));
  } else {
    Value dict = TRY(get_attr_or_not_found(t, self, t.names().__dict__));
    if (!dict.is_not_found()) state = dict;
  }
  Value names = TRY(slot_names(t, type));
  if (is_list(names) && names.as<ListObject>()->length() > 0) {
    DictObject* fields = make_dict(t);
    auto* list = names.as<ListObject>();
    for (size_t i = 0; i < list->length(); ++i) {
      Value name = list->at(i);
      if (!is_str(name)) continue;
      Value v = TRY(get_attr_or_not_found(t, self, name.as<StrObject>()));
      if (!v.is_not_found()) TRY(dict_set(t, fields, name, v));
    }
    if (fields->length() > 0) return make_tuple(t, {state, Value(fields)});
  }
  return state;
}

Result<Value> object_getstate(Thread& t, const Value* args) { return default_state(t, args[0], false); }

static Result<Value> state_of(Thread& t, Value self, bool required) {
  Value method = type_lookup(t, type_of(t, self), t.names().__getstate__);
  if (is_kind(method, Kind::NativeFunction) &&
      method.as<NativeFunctionObject>()->owner_type == t.types().object)
    return default_state(t, self, required);
  return call_method(t, self, t.names().__getstate__);
}

static Result<Value> reduce_new_style(Thread& t, Value self, int64_t protocol) {
  Type* type = type_of(t, self);
  Value make = TRY(resolve_new(t, type));
  if (make.is_none()) return t.raise(Exc::TypeError, "cannot pickle '{}' object", type_name(type));
  Value args = kEmpty, keywords = kEmpty;
  Value getnewargs_ex = TRY(lookup_special(t, self, t.names().__getnewargs_ex__));
  if (!getnewargs_ex.is_not_found()) {
    Value pair = TRY(call(t, getnewargs_ex));
    if (!is_tuple(pair))
      return t.raise(Exc::TypeError, "__getnewargs_ex__ should return a tuple, not '{}'", type_name(t, pair));
    auto* tuple = pair.as<TupleObject>();
    if (tuple->size != 2)
      return t.raise(Exc::ValueError, "__getnewargs_ex__ should return a tuple of length 2, not {}",
                     tuple->size);
    args = (*tuple)[0];
    keywords = (*tuple)[1];
    if (!is_tuple(args))
      return t.raise(Exc::TypeError,
                     "first item of the tuple returned by __getnewargs_ex__ must be a tuple, not '{}'",
                     type_name(t, args));
    if (!is_dict(keywords))
      return t.raise(Exc::TypeError,
                     "second item of the tuple returned by __getnewargs_ex__ must be a dict, not '{}'",
                     type_name(t, keywords));
  } else {
    Value getnewargs = TRY(lookup_special(t, self, t.names().__getnewargs__));
    if (!getnewargs.is_not_found()) {
      args = TRY(call(t, getnewargs));
      if (!is_tuple(args))
        return t.raise(Exc::TypeError, "__getnewargs__ should return a tuple, not '{}'", type_name(t, args));
    }
  }
  bool has_args = !args.is_empty();
  Value function, arguments;
  if (keywords.is_empty() || keywords.as<DictObject>()->length() == 0) {
    function = TRY(copyreg_attr(t, "__newobj__"));
    RootVector items(t);
    items.push_back(Value(type));
    if (has_args)
      for (size_t i = 0; i < args.as<TupleObject>()->size; ++i) items.push_back((*args.as<TupleObject>())[i]);
    arguments = make_tuple(t, items.data(), items.size());
  } else {
    function = TRY(copyreg_attr(t, "__newobj_ex__"));
    arguments = make_tuple(t, {Value(type), args, keywords});
  }
  bool required = !has_args && !is_list(self) && !is_dict(self);
  Value state = TRY(state_of(t, self, required));
  Value list_items = kNone, dict_items = kNone;
  if (is_list(self)) list_items = TRY(get_iter(t, self));
  if (is_dict(self)) {
    Value items = TRY(call_method(t, self, t.names().items));
    dict_items = TRY(get_iter(t, items));
  }
  (void)protocol;
  return make_tuple(t, {function, arguments, state, list_items, dict_items});
}

static Result<Value> common_reduce(Thread& t, Value self, int64_t protocol) {
  if (protocol >= 2) return reduce_new_style(t, self, protocol);
  Value function = TRY(copyreg_attr(t, "_reduce_ex"));
  return call(t, function, {self, Value::from_int(protocol)});
}

Result<Value> object_reduce(Thread& t, const Value* args) { return common_reduce(t, args[0], 0); }

Result<Value> object_reduce_ex(Thread& t, const Value* args) {
  int64_t protocol = TRY(to_int64(t, args[1]));
  // An overridden __reduce__ wins.
  Value own = type_lookup(t, type_of(t, args[0]), t.names().__reduce__);
  bool is_default =
      is_kind(own, Kind::NativeFunction) && own.as<NativeFunctionObject>()->owner_type == t.types().object;
  if (!is_default) {
    Value reduce = TRY(get_attr_or_not_found(t, args[0], t.names().__reduce__));
    if (!reduce.is_not_found()) return call(t, reduce);
  }
  return common_reduce(t, args[0], protocol);
}

}  // namespace mp

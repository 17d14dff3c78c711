// Reader: classes by name, objects and their state.
#include "stdlib/native/pickle.h"
#include "vm/modules/modules.h"

namespace mp {

Result<Value> find_class(Thread& t, bool fix_imports, int protocol, Value module, Value name) {
  if (!is_str(module) || !is_str(name)) return t.raise(Exc::TypeError, "find_class() arguments must be str");
  if (protocol < 3 && fix_imports) {
    Value compat = TRY(import_module(t, "_compat_pickle"));
    Value names = TRY(get_attr(t, compat, "NAME_MAPPING"));
    Value key = make_tuple(t, {module, name});
    if (TRY(contains(t, names, key))) {
      Value mapped = TRY(get_item(t, names, key));
      if (!is_tuple(mapped) || mapped.as<TupleObject>()->size != 2)
        return t.raise(Exc::RuntimeError, "_compat_pickle.NAME_MAPPING values should be 2-tuples, not {}",
                       type_name(t, mapped));
      module = (*mapped.as<TupleObject>())[0];
      name = (*mapped.as<TupleObject>())[1];
    } else {
      Value modules = TRY(get_attr(t, compat, "IMPORT_MAPPING"));
      if (TRY(contains(t, modules, module))) module = TRY(get_item(t, modules, module));
    }
    if (!is_str(module) || !is_str(name))
      return t.raise(Exc::RuntimeError, "_compat_pickle values should be strings");
  }
  auto* attribute = name.as<StrObject>();
  Value imported = TRY(import_module(t, to_utf8(module.as<StrObject>()))), parent;
  Result<Value> found = protocol >= 4 ? deep_attribute(t, imported, attribute, &parent)
                                      : get_attr(t, imported, intern(t, str_plain(t, attribute)));
  if (found.ok()) return found;
  if (!t.catch_exception(Exc::AttributeError)) return Error{};
  return t.raise(Exc::AttributeError, "Can't get attribute {} on {}", repr_text(t, name),
                 repr_text(t, imported));
}

Status Reader::push_global(Value module, Value name) {
  if (plain_)
    return push(find_class(t_, unpickler_->fix_imports, unpickler_->protocol.load(std::memory_order_relaxed),
                           module, name));
  return push(call_method(t_, unpickler_, intern(t_, "find_class"), {module, name}));
}

Status Reader::instantiate(Value cls, Value arguments) {
  if (arguments.as<TupleObject>()->size == 0 && is_type(cls) &&
      !TRY(has_attr(t_, cls, intern(t_, "__getinitargs__"))))
    return push(call_method(t_, cls, t_.names().__new__, {cls}));
  return push(call_tuple(t_, cls, arguments, kEmpty));
}

Status Reader::new_object(bool keywords) {
  const char* name = keywords ? "NEWOBJ_EX" : "NEWOBJ";
  Value options = keywords ? TRY(pop()) : kEmpty;
  Value arguments = TRY(pop()), cls = TRY(pop());
  if (!is_type(cls))
    return raise_unpickling(
        t_, fmt::format("{} class argument must be a type, not {}", name, type_name(t_, cls)));
  if (!is_tuple(arguments))
    return raise_unpickling(
        t_, fmt::format("{} args argument must be a tuple, not {}", name, type_name(t_, arguments)));
  if (keywords && !is_dict(options))
    return raise_unpickling(
        t_, fmt::format("{} kwargs argument must be a dict, not {}", name, type_name(t_, options)));
  Value make = TRY(get_attr(t_, cls, t_.names().__new__));
  auto& given = *arguments.as<TupleObject>();
  if (given.size == 0 && !keywords) return push(call(t_, make, {cls}));
  TupleObject* all = allocate_tuple(t_, given.size + 1);
  all->items()[0] = cls;
  for (size_t i = 0; i < given.size; ++i) all->items()[i + 1] = given[i];
  return push(call_tuple(t_, make, Value(all), options));
}

Status Reader::build() {
  TRY(need(2));
  Value state = TRY(pop()), object = stack_.back();
  Value set_state_method = TRY(get_attr_or_not_found(t_, object, intern(t_, "__setstate__")));
  if (!set_state_method.is_not_found()) {
    TRY(call(t_, set_state_method, {state}));
    return {};
  }
  Value slots = kNone;
  if (is_tuple(state) && state.as<TupleObject>()->size == 2) {
    slots = (*state.as<TupleObject>())[1];
    state = (*state.as<TupleObject>())[0];
  }
  if (!state.is_none()) {
    if (!is_dict(state)) return raise_unpickling(t_, "state is not a dictionary");
    TRY(set_state(object, state));
  }
  if (!slots.is_none()) {
    if (!is_dict(slots)) return raise_unpickling(t_, "slot state is not a dictionary");
    size_t position = 0;
    Value key, value;
    while (dict_next(slots.as<DictObject>(), &position, &key, &value)) {
      if (!is_str(key))
        return t_.raise(Exc::TypeError, "attribute name must be string, not '{}'", type_name(t_, key));
      TRY(set_attr(t_, object, intern(t_, str_plain(t_, key.as<StrObject>())), value));
    }
  }
  return {};
}

// object.__dict__.update(state), without making a dict of attributes that can stay where they are.
Status Reader::set_state(Value object, Value state) {
  auto* attributes = state.as<DictObject>();
  Type* type = type_of(t_, object);
  bool direct = object.is_object() && type->has(kTypeHasDict) &&
                instance_attrs(object.as_object()) != nullptr &&
                is_kind(type_lookup(t_, type, t_.names().__dict__), Kind::GetSetDescriptor);
  size_t position = 0;
  Value key, value, dict;
  if (!direct) dict = TRY(get_attr(t_, object, t_.names().__dict__));
  while (dict_next(attributes, &position, &key, &value)) {
    if (is_exact(key, t_.types().str)) key = intern(t_, key.as<StrObject>());
    if (direct && is_exact(key, t_.types().str)) {
      TRY(instance_set_own(t_, object.as_object(), key.as<StrObject>(), value));
    } else {
      if (dict.is_empty()) dict = TRY(get_attr(t_, object, t_.names().__dict__));
      TRY(set_item(t_, dict, key, value));
    }
  }
  return {};
}

Status Reader::persistent(Value id) {
  return push(call_method(t_, unpickler_, intern(t_, "persistent_load"), {id}));
}

Status Reader::extension(int64_t code) {
  Value copyreg = TRY(import_module(t_, "copyreg"));
  Value cache = TRY(get_attr(t_, copyreg, "_extension_cache")), number = make_int(t_, code);
  if (!is_dict(cache))
    return t_.raise(Exc::RuntimeError, "copyreg._extension_cache should be a dict, not {}",
                    type_name(t_, cache));
  Value known = TRY(dict_get(t_, cache.as<DictObject>(), number));
  if (!known.is_not_found()) return push(known);
  Value registry = TRY(get_attr(t_, copyreg, "_inverted_registry"));
  if (!is_dict(registry))
    return t_.raise(Exc::RuntimeError, "copyreg._inverted_registry should be a dict, not {}",
                    type_name(t_, registry));
  Value pair = TRY(dict_get(t_, registry.as<DictObject>(), number));
  if (pair.is_not_found()) {
    if (code <= 0) return raise_unpickling(t_, "EXT specifies code <= 0");
    return t_.raise(Exc::ValueError, "unregistered extension code {}", code);
  }
  if (!is_tuple(pair) || pair.as<TupleObject>()->size != 2 || !is_str((*pair.as<TupleObject>())[0]) ||
      !is_str((*pair.as<TupleObject>())[1]))
    return t_.raise(Exc::ValueError, "_inverted_registry[{}] isn't a 2-tuple of strings", code);
  TRY(push_global((*pair.as<TupleObject>())[0], (*pair.as<TupleObject>())[1]));
  return dict_set(t_, cache.as<DictObject>(), number, stack_.back());
}

Status Reader::next_buffer() {
  Value buffers = unpickler_->buffers;  // a call of __init__ may take them away
  if (buffers.is_empty())
    return raise_unpickling(t_,
                            "pickle stream refers to out-of-band data but no *buffers* argument was given");
  Value buffer = TRY(iter_next(t_, buffers));
  if (buffer.is_no_more()) return raise_unpickling(t_, "not enough out-of-band buffers");
  return push(buffer);
}

}  // namespace mp

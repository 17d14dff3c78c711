// Saver: classes and functions by name, and what __reduce_ex__ returns.
#include "stdlib/native/pickle.h"
#include "vm/modules/modules.h"

namespace mp {

Result<Value> Saver::copyreg_attr(const char* name) {
  return get_attr(t_, TRY(import_module(t_, "copyreg")), name);
}

// ---------------------------------------------------------------- reduce

Status Saver::save_by_reduce(Value object, Type* type) {
  if (!reducer_override_.is_empty()) {
    Value reduced = TRY(call(t_, reducer_override_, {object}));
    if (!reduced.is_not_implemented()) return save_reduced(reduced, object);
  }
  if (type == t_.types().type) return save_class(object);
  if (type == t_.types().function) return save_global(object, kEmpty);
  if (dispatch_table_.is_empty()) dispatch_table_ = TRY(copyreg_attr("dispatch_table"));
  Value reduce;
  if (is_dict(dispatch_table_)) {
    reduce = TRY(dict_get(t_, dispatch_table_.as<DictObject>(), Value(type)));
  } else {
    Result<Value> found = get_item(t_, dispatch_table_, Value(type));
    if (found.is_error()) {
      if (!t_.catch_exception(Exc::KeyError)) return Error{};
      reduce = kNotFound;
    } else {
      reduce = found.value();
    }
  }
  Value reduced;
  if (!reduce.is_not_found()) {
    reduced = TRY(call(t_, reduce, {object}));
  } else if (is_type(object)) {
    return save_global(object, kEmpty);
  } else {
    Value method = TRY(get_attr_or_not_found(t_, object, intern(t_, "__reduce_ex__")));
    if (!method.is_not_found()) {
      reduced = TRY(call(t_, method, {Value::from_int(protocol_)}));
    } else {
      method = TRY(get_attr_or_not_found(t_, object, intern(t_, "__reduce__")));
      if (method.is_not_found())
        return raise_pickling(
            t_, fmt::format("can't pickle '{}' object: {}", type_name(type), repr_text(t_, object)));
      reduced = TRY(call(t_, method));
    }
  }
  return save_reduced(reduced, object);
}

Status Saver::save_call(Value function, Value arguments, Value object) {
  return save_reduced(make_tuple(t_, {function, arguments}), object);
}

// (callable, arguments, state, list items, dict items, state setter): PEP 307, and 3.8's sixth item.
Status Saver::save_reduced(Value reduced, Value object) {
  if (is_str(reduced)) return save_global(object, reduced);
  if (!is_tuple(reduced)) return raise_pickling(t_, "__reduce__ must return a string or tuple");
  auto& items = *reduced.as<TupleObject>();
  if (items.size < 2 || items.size > 6)
    return raise_pickling(t_, "tuple returned by __reduce__ must contain 2 through 6 elements");
  auto optional = [&items](size_t i) { return i < items.size && !items[i].is_none() ? items[i] : kEmpty; };
  Value function = items[0], arguments = items[1], state = optional(2), list_items = optional(3),
        dict_items = optional(4), state_setter = optional(5);
  if (!is_callable(t_, function))
    return raise_pickling(t_, "first item of the tuple returned by __reduce__ must be callable");
  if (!is_tuple(arguments))
    return raise_pickling(t_, "second item of the tuple returned by __reduce__ must be a tuple");
  if (!list_items.is_empty() && type_of(t_, list_items)->slots.next == nullptr)
    return raise_pickling(t_, "fourth element of the tuple returned by __reduce__ must be an iterator, not " +
                                  type_name(t_, list_items));
  if (!dict_items.is_empty() && type_of(t_, dict_items)->slots.next == nullptr)
    return raise_pickling(t_, "fifth element of the tuple returned by __reduce__ must be an iterator, not " +
                                  type_name(t_, dict_items));
  if (!state_setter.is_empty() && !is_callable(t_, state_setter))
    return raise_pickling(t_, "sixth element of the tuple returned by __reduce__ must be a function, not " +
                                  type_name(t_, state_setter));

  bool newobj = false, newobj_ex = false;
  if (protocol_ >= 2) {
    Value name = TRY(get_attr_or_not_found(t_, function, t_.names().__name__));
    if (is_str(name)) {
      newobj = str_equal(name.as<StrObject>(), "__newobj__");
      newobj_ex = str_equal(name.as<StrObject>(), "__newobj_ex__");
    }
  }
  auto& given = *arguments.as<TupleObject>();
  if (newobj_ex) {
    if (given.size != 3)
      return raise_pickling(
          t_, fmt::format("length of the NEWOBJ_EX argument tuple must be exactly 3, not {}", given.size));
    if (!is_type(given[0]))
      return raise_pickling(
          t_, "first item from NEWOBJ_EX argument tuple must be a class, not " + type_name(t_, given[0]));
    if (!is_tuple(given[1]))
      return raise_pickling(
          t_, "second item from NEWOBJ_EX argument tuple must be a tuple, not " + type_name(t_, given[1]));
    if (!is_dict(given[2]))
      return raise_pickling(
          t_, "third item from NEWOBJ_EX argument tuple must be a dict, not " + type_name(t_, given[2]));
    if (protocol_ >= 4) {
      for (size_t i = 0; i < 3; ++i) TRY(save(given[i]));
      put(kNewObjEx);
    } else {
      // partial(cls.__new__, cls, *args, **kwargs)
      Value make = TRY(get_attr(t_, given[0], t_.names().__new__));
      RootVector bound(t_);
      bound.push_back(make);
      bound.push_back(given[0]);
      auto& positional = *given[1].as<TupleObject>();
      for (size_t i = 0; i < positional.size; ++i) bound.push_back(positional[i]);
      Value partial = TRY(get_attr(t_, TRY(import_module(t_, "functools")), "partial"));
      Value made = TRY(call_tuple(t_, partial, make_tuple(t_, bound.data(), bound.size()), given[2]));
      TRY(save(made));
      TRY(save(empty_tuple(t_)));
      put(kReduce);
    }
  } else if (newobj) {
    if (given.size < 1) return raise_pickling(t_, "__newobj__ arglist is empty");
    Value cls = given[0];
    if (!is_type(cls)) return raise_pickling(t_, "args[0] from __newobj__ args is not a type");
    if (!object.is_empty() && TRY(get_attr(t_, object, t_.names().__class__)) != cls)
      return raise_pickling(t_, "args[0] from __newobj__ args has the wrong class");
    TRY(save(cls));
    TRY(save(make_tuple(t_, reinterpret_cast<const Value*>(given.items() + 1), given.size - 1)));
    put(kNewObj);
  } else {
    TRY(save(function));
    TRY(save(arguments));
    put(kReduce);
  }
  if (!object.is_empty()) {
    int64_t known = pickler_->find(object);
    if (known >= 0) {  // the arguments led back to it
      put(kPop);
      put_get(known);
    } else {
      TRY(memoize(object));
    }
  }
  if (!list_items.is_empty()) TRY(append_items(list_items));
  if (!dict_items.is_empty()) TRY(set_items(dict_items));
  if (state.is_empty()) return {};
  if (state_setter.is_empty()) {
    TRY(save(state));
    put(kBuild);
    return {};
  }
  TRY(save(state_setter));
  TRY(save(object));
  TRY(save(state));
  put(kTuple2);
  put(kReduce);
  put(kPop);
  return {};
}

// ---------------------------------------------------------------- names

Status Saver::save_class(Value cls) {
  Value instance;
  if (cls == Value(t_.types().none)) instance = kNone;
  if (cls == Value(t_.types().ellipsis)) instance = kEllipsis;
  if (cls == Value(t_.types().not_implemented)) instance = kNotImplemented;
  if (!instance.is_empty()) return save_call(Value(t_.types().type), make_tuple(t_, {instance}), cls);
  return save_global(cls, kEmpty);
}

Result<Value> deep_attribute(Thread& t, Value module, StrObject* dotted_name, Value* parent) {
  Value at = module;
  *parent = kNone;
  for (size_t begin = 0;;) {
    int64_t dot = str_find(dotted_name, make_str_char(t, '.'), begin, dotted_name->length());
    size_t end = dot < 0 ? dotted_name->length() : static_cast<size_t>(dot);
    StrObject* part = begin == 0 && dot < 0 ? dotted_name : str_slice(t, dotted_name, begin, end);
    *parent = at;
    at = TRY(get_attr(t, at, intern(t, part)));
    if (dot < 0) return at;
    begin = end + 1;
  }
}

// The module whose attribute the object is: what it says itself, else what a search through sys.modules says.
static Result<Value> module_of(Thread& t, Value object, Value name) {
  Value module = TRY(get_attr_or_not_found(t, object, t.names().__module__));
  if (!module.is_not_found() && !module.is_none()) return module;
  return call_method(t, TRY(import_module(t, "pickle")), intern(t, "whichmodule"), {object, name});
}

Status Saver::save_global(Value object, Value name) {
  if (name.is_empty()) {
    name = TRY(get_attr_or_not_found(t_, object, t_.names().__qualname__));
    if (name.is_not_found()) name = TRY(get_attr(t_, object, t_.names().__name__));
  }
  if (!is_str(name)) return t_.raise(Exc::TypeError, "__qualname__ must be a str");
  std::string dotted = to_utf8(name.as<StrObject>());
  for (size_t at = dotted.find("<locals>"); at != std::string::npos; at = dotted.find("<locals>", at + 1))
    if ((at == 0 || dotted[at - 1] == '.') && (at + 8 == dotted.size() || dotted[at + 8] == '.'))
      return t_.raise(Exc::AttributeError, "Can't get local object {}", repr_text(t_, name));
  Value module_name = TRY(module_of(t_, object, name));
  auto text = [this](Value v) { return str_text(t_, v); };
  if (!is_str(module_name)) module_name = TRY(str(t_, module_name));
  Result<Value> imported = import_module(t_, to_utf8(module_name.as<StrObject>()));
  if (imported.is_error()) {
    if (!t_.exception_matches(Exc::Exception)) return Error{};
    t_.clear_exception();
    return raise_pickling(t_, fmt::format("Can't pickle {}: import of module {} failed",
                                          repr_text(t_, object), repr_text(t_, module_name)));
  }
  Value module = imported.value(), parent;
  Result<Value> found = deep_attribute(t_, module, name.as<StrObject>(), &parent);
  if (found.is_error()) {
    if (!t_.catch_exception(Exc::AttributeError)) return Error{};
    return raise_pickling(t_, fmt::format("Can't pickle {}: attribute lookup {} on {} failed",
                                          repr_text(t_, object), text(name), text(module_name)));
  }
  if (found.value() != object)
    return raise_pickling(t_, fmt::format("Can't pickle {}: it's not the same object as {}.{}",
                                          repr_text(t_, object), text(module_name), text(name)));
  if (protocol_ >= 2) {
    Value registry = TRY(copyreg_attr("_extension_registry"));
    Value code = kNotFound;
    if (is_dict(registry) && registry.as<DictObject>()->length() > 0)
      code = TRY(dict_get(t_, registry.as<DictObject>(), make_tuple(t_, {module_name, name})));
    if (!code.is_not_found()) {
      int64_t number = TRY(to_int64(t_, code));
      if (number <= 0 || number > INT32_MAX)
        return t_.raise(Exc::RuntimeError, "extension code {} is out of range", number);
      int bytes = number <= 0xff ? 1 : number <= 0xffff ? 2 : 4;
      put(bytes == 1 ? kExt1 : bytes == 2 ? kExt2 : kExt4, static_cast<uint64_t>(number), bytes);
      return {};
    }
  }
  auto* whole = name.as<StrObject>();
  int64_t dot = str_rfind(whole, make_str_char(t_, '.'), 0, whole->length());
  Value last = dot < 0 ? name : Value(str_slice(t_, whole, static_cast<size_t>(dot) + 1, whole->length()));
  if (parent == module) name = last;
  if (protocol_ >= 4) {
    TRY(save(module_name));
    TRY(save(name));
    put(kStackGlobal);
  } else if (parent != module) {
    Value getattr = dict_get_text(t_, t_.runtime().builtins_dict, "getattr");
    return save_call(getattr, make_tuple(t_, {parent, last}), object);
  } else {
    Value pair[2] = {module_name, name};
    if (protocol_ < 3 && pickler_->fix_imports) {
      Value compat = TRY(import_module(t_, "_compat_pickle"));
      Value names = TRY(get_attr(t_, compat, "REVERSE_NAME_MAPPING"));
      Value key = make_tuple(t_, pair, 2);
      if (TRY(contains(t_, names, key))) {
        Value mapped = TRY(get_item(t_, names, key));
        if (!is_tuple(mapped) || mapped.as<TupleObject>()->size != 2)
          return t_.raise(Exc::RuntimeError,
                          "_compat_pickle.REVERSE_NAME_MAPPING values should be 2-tuples, not {}",
                          type_name(t_, mapped));
        for (size_t i = 0; i < 2; ++i) pair[i] = (*mapped.as<TupleObject>())[i];
      } else {
        Value modules = TRY(get_attr(t_, compat, "REVERSE_IMPORT_MAPPING"));
        if (TRY(contains(t_, modules, pair[0]))) pair[0] = TRY(get_item(t_, modules, pair[0]));
      }
    }
    std::string line(1, static_cast<char>(kGlobal));
    for (size_t i = 0; i < 2; ++i) {
      if (!is_str(pair[i])) return t_.raise(Exc::RuntimeError, "_compat_pickle values should be strings");
      if (protocol_ < 3 && !pair[i].as<StrObject>()->is_ascii())
        return raise_pickling(t_, fmt::format("can't pickle {} identifier '{}' using pickle protocol {}",
                                              i == 0 ? "module" : "global", text(pair[i]), protocol_));
      line += to_utf8(pair[i].as<StrObject>()) + "\n";
    }
    put(line);
  }
  return memoize(object);
}

}  // namespace mp

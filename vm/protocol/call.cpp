// Calling any callable.
#include <alloca.h>

#include "vm/exec/interp.h"
#include "vm/types/type_internal.h"

namespace mp {

static constexpr size_t kStackArguments = 512;  // more are copied to a RootVector

Result<Value> call(Thread& t, Value callee, const CallArgs& args) {
  if (callee.is_object()) {
    Object* object = callee.as_object();
    switch (object->kind()) {
      case Kind::Function: return call_function(t, static_cast<FunctionObject*>(object), kEmpty, args);
      case Kind::NativeFunction:
        TRY(t.check_stack(" while calling a Python object"));
        return call_native(t, static_cast<NativeFunctionObject*>(object), args);
      case Kind::BoundMethod: {
        auto* method = static_cast<BoundMethodObject*>(object);
        return call_prepend(t, method->function, method->self, args);
      }
      case Kind::Type:
        if (object->type() == t.types().type) {
          TRY(t.check_stack(" while calling a Python object"));
          return type_call(t, callee, args);
        }
        break;
      default: break;
    }
  }
  Type* type = type_of(t, callee);
  if (type->slots.call == nullptr)
    return t.raise(Exc::TypeError, "'{}' object is not callable", type_name(type));
  TRY(t.check_stack(" while calling a Python object"));
  return type->slots.call(t, callee, args);
}

Result<Value> call(Thread& t, Value callee, std::initializer_list<Value> positional) {
  return call(t, callee, CallArgs{positional.begin(), positional.size(), kEmpty});
}

Result<Value> call_prepend(Thread& t, Value callee, Value self, const CallArgs& args) {
  if (is_kind(callee, Kind::Function)) return call_function(t, callee.as<FunctionObject>(), self, args);
  if (is_kind(callee, Kind::SlotWrapper) && callee.as_object()->type() == t.types().slot_wrapper)
    return call_slot_wrapper(t, callee.as<SlotWrapperObject>(), self, args);
  TRY(t.check_stack(" while calling a Python object"));
  size_t total = args.count + keyword_count(args);
  if (total < kStackArguments) {
    // Arguments on the native stack are seen by the collector's conservative scan.
    auto* values = static_cast<Value*>(alloca((total + 1) * sizeof(Value)));
    values[0] = self;
    for (size_t i = 0; i < total; ++i) values[i + 1] = args.values[i];
    return call(t, callee, CallArgs{values, args.count + 1, args.keyword_names});
  }
  RootVector values(t);
  values.reserve(total + 1);
  values.push_back(self);
  for (size_t i = 0; i < total; ++i) values.push_back(args.values[i]);
  return call(t, callee, CallArgs{values.data(), args.count + 1, args.keyword_names});
}

Value find_keyword(const CallArgs& args, std::string_view name) {
  if (args.keyword_names.is_empty()) return kEmpty;
  auto* names = args.keyword_names.as<TupleObject>();
  for (size_t i = 0; i < names->size; ++i)
    if (str_equal((*names)[i].as<StrObject>(), name)) return args.values[args.count + i];
  return kEmpty;
}

// "module.f()" as CPython's _PyObject_FunctionStr.
static std::string function_text(Thread& t, Value callee) {
  auto name = get_attr_or_not_found(t, callee, t.names().__qualname__);
  if (name.is_error() || !is_str(name.value())) {
    t.clear_exception();
    return str_text(t, callee);
  }
  std::string text = to_utf8(name.value().as<StrObject>()) + "()";
  auto module = get_attr_or_not_found(t, callee, t.names().__module__);
  if (module.is_error()) {
    t.clear_exception();
    return text;
  }
  if (!is_str(module.value())) return text;
  std::string prefix = to_utf8(module.value().as<StrObject>());
  return prefix == "builtins" ? text : prefix + "." + text;
}

Result<Value> call_tuple(Thread& t, Value callee, Value positional, Value keywords) {
  if (!is_tuple(positional)) {
    auto tuple = to_tuple(t, positional);
    if (tuple.is_error()) {
      Type* type = type_of(t, positional);
      if (t.exception_matches(Exc::TypeError) && type->slots.iter == nullptr &&
          type->slots.get_item == nullptr) {
        t.clear_exception();
        return t.raise(Exc::TypeError, "{} argument after * must be an iterable, not {}",
                       function_text(t, callee), type_name(type));
      }
      return Error{};
    }
    positional = tuple.value();
  }
  auto* tuple = positional.as<TupleObject>();
  DictObject* dict = nullptr;
  if (!keywords.is_empty() && !keywords.is_none()) {
    if (is_dict(keywords)) {
      dict = keywords.as<DictObject>();
    } else {
      dict = make_dict(t);
      if (!TRY(has_attr(t, keywords, t.names().keys)))
        return t.raise(Exc::TypeError, "{} argument after ** must be a mapping, not {}",
                       function_text(t, callee), type_name(t, keywords));
      TRY(dict_update(t, dict, keywords));
    }
  }
  if (dict == nullptr || dict->length() == 0)
    return call(t, callee, CallArgs{reinterpret_cast<const Value*>(tuple->items()), tuple->size, kEmpty});
  size_t total = tuple->size + dict->length();
  if (total < 64) {
    // Few arguments: the native stack is scanned.
    auto* values = static_cast<Value*>(alloca(total * sizeof(Value)));
    TupleObject* names = allocate_tuple(t, dict->length());
    size_t count = 0, named = 0, position = 0;
    for (; count < tuple->size; ++count) values[count] = (*tuple)[count];
    Value key, value;
    while (dict_next(dict, &position, &key, &value) && named < names->size && count < total) {
      if (!is_str(key)) return t.raise(Exc::TypeError, "keywords must be strings");
      names->items()[named++] = key;
      values[count++] = value;
    }
    if (named == names->size) return call(t, callee, CallArgs{values, tuple->size, Value(names)});
  }
  RootVector values(t);
  RootVector names(t);
  values.reserve(tuple->size + dict->length());
  for (size_t i = 0; i < tuple->size; ++i) values.push_back((*tuple)[i]);
  size_t position = 0;
  Value key, value;
  while (dict_next(dict, &position, &key, &value)) {
    if (!is_str(key)) return t.raise(Exc::TypeError, "keywords must be strings");
    names.push_back(key);
    values.push_back(value);
  }
  Value name_tuple = make_tuple(t, names.data(), names.size());
  return call(t, callee, CallArgs{values.data(), tuple->size, name_tuple});
}

bool is_callable(Thread& t, Value v) { return type_of(t, v)->slots.call != nullptr; }

}  // namespace mp

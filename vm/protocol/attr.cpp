// Attribute access: the generic algorithm (data descriptors, the instance, the class), methods without
// binding, special methods.
#include "vm/types/exception.h"
#include "vm/types/type_internal.h"

namespace mp {

StrObject* attribute_name(Thread& t, StrObject* name) {
  if (name->has_flag(kFlagInterned)) [[likely]]
    return name;
  if (name->type() == t.types().str) return intern(t, name);
  return intern(t, to_utf8(name));  // an instance of a subclass of str
}

Error raise_attribute_error(Thread& t, Value object, StrObject* name, const std::string& message) {
  Value e = make_exception(t, Exc::AttributeError, Value(make_str(t, message)));
  if (e.is_object() && is_exception(e)) {
    e.as<ExceptionObject>()->fields[0] = Value(name);
    e.as<ExceptionObject>()->fields[1] = object;
  }
  return t.raise_object(e);
}

Error raise_no_attribute(Thread& t, Value object, StrObject* name) {
  if (is_type(object))
    return raise_attribute_error(
        t, object, name,
        fmt::format("type object '{}' has no attribute '{}'", type_name(object.as<Type>()), to_utf8(name)));
  return raise_attribute_error(
      t, object, name, fmt::format("'{}' object has no attribute '{}'", type_name(t, object), to_utf8(name)));
}

// ---------------------------------------------------------------- get

Result<Value> generic_get_attr_quiet(Thread& t, Value object, StrObject* name) {
  name = attribute_name(t, name);
  Type* type = type_of(t, object);
  Value descriptor = type_lookup(t, type, name);
  DescrGetSlot get = nullptr;
  if (!descriptor.is_not_found() && descriptor.is_object()) {
    Type* descriptor_type = descriptor.as_object()->type();
    get = descriptor_type->slots.descr_get;
    if (get != nullptr && descriptor_type->slots.descr_set != nullptr)
      return get(t, descriptor, object, Value(type));
  }
  Value own = kNotFound;
  if (object.is_object() && type->has(kTypeHasDict))
    own = instance_get_own(t, object.as_object(), name);
  else if (is_kind(object, Kind::Module))
    own = module_get_own(object.as<ModuleObject>(), name);
  if (!own.is_not_found()) return own;
  if (get != nullptr) return get(t, descriptor, object, Value(type));
  return descriptor;
}

Result<Value> generic_get_attr(Thread& t, Value object, StrObject* name) {
  Value v = TRY(generic_get_attr_quiet(t, object, name));
  if (v.is_not_found()) [[unlikely]]
    return raise_no_attribute(t, object, name);
  return v;
}

// Whatever raised the AttributeError: it tells the object and the name, for the suggestions.
void add_attribute_context(Thread& t, Value object, StrObject* name) {
  if (!t.exception_matches(Exc::AttributeError)) return;
  auto* e = t.current().as<ExceptionObject>();
  if (!e->fields[0].get().is_empty() || !e->fields[1].get().is_empty()) return;
  e->fields[0] = Value(name);
  e->fields[1] = object;
}

Result<Value> get_attr(Thread& t, Value object, StrObject* name) {
  Result<Value> v = type_of(t, object)->slots.get_attr(t, object, name);
  if (v.is_error()) [[unlikely]]
    add_attribute_context(t, object, name);
  return v;
}
Result<Value> get_attr(Thread& t, Value object, std::string_view name) {
  return get_attr(t, object, intern(t, name));
}

Result<Value> get_attr_or_not_found(Thread& t, Value object, StrObject* name) {
  GetAttrSlot slot = type_of(t, object)->slots.get_attr;
  // Descriptors may raise AttributeError on any of these ways.
  Result<Value> v = kNotFound;
  if (slot == generic_get_attr)
    v = generic_get_attr_quiet(t, object, name);
  else if (slot == type_get_attr_slot)
    v = type_get_attr(t, object.as<Type>(), attribute_name(t, name));
  else if (slot == module_get_attr_slot)
    v = module_get_attr_quiet(t, object.as<ModuleObject>(), name);
  else if (slot == dispatch_get_attr)
    v = hooked_get_attr_quiet(t, object, name);
  else
    v = slot(t, object, name);
  if (v.is_error() && t.catch_exception(Exc::AttributeError)) return kNotFound;
  return v;
}

Result<bool> has_attr(Thread& t, Value object, StrObject* name) {
  Value v = TRY(get_attr_or_not_found(t, object, name));
  return !v.is_not_found();
}

// ---------------------------------------------------------------- set

Status generic_set_attr(Thread& t, Value object, StrObject* name, Value value) {
  name = attribute_name(t, name);
  Type* type = type_of(t, object);
  Value descriptor = type_lookup(t, type, name);
  if (!descriptor.is_not_found() && descriptor.is_object())
    if (DescrSetSlot set = descriptor.as_object()->type()->slots.descr_set)
      return set(t, descriptor, object, value);
  if (object.is_object() && type->has(kTypeHasDict))
    return instance_set_own(t, object.as_object(), name, value);
  if (is_kind(object, Kind::Module)) return module_set_own(t, object.as<ModuleObject>(), name, value);
  std::string text = to_utf8(name);
  if (!descriptor.is_not_found())
    return raise_attribute_error(
        t, object, name, fmt::format("'{}' object attribute '{}' is read-only", type_name(type), text));
  if (type->slots.set_attr == generic_set_attr)
    return raise_attribute_error(
        t, object, name,
        fmt::format("'{}' object has no attribute '{}' and no __dict__ for setting new attributes",
                    type_name(type), text));
  return raise_no_attribute(t, object, name);
}

static Status set_or_delete(Thread& t, Value object, StrObject* name, Value value) {
  Type* type = type_of(t, object);
  SetAttrSlot set = type->slots.set_attr;
  if (set == nullptr)
    return t.raise(Exc::TypeError, "'{}' object has {} attributes ({} .{})", type_name(type),
                   type->slots.get_attr == nullptr ? "no" : "only read-only",
                   value.is_empty() ? "del" : "assign to", to_utf8(name));
  return set(t, object, name, value);
}
Status set_attr(Thread& t, Value object, StrObject* name, Value value) {
  return set_or_delete(t, object, attribute_name(t, name), value);
}
Status delete_attr(Thread& t, Value object, StrObject* name) {
  return set_or_delete(t, object, attribute_name(t, name), kEmpty);
}

// ---------------------------------------------------------------- methods

// Functions that take the receiver as first argument when called unbound.
static bool is_plain_method(BuiltinTypes& types, Value v) {
  if (!v.is_object()) return false;
  Type* type = v.as_object()->type();
  return type == types.function || type == types.method_descriptor || type == types.slot_wrapper;
}

Result<Value> lookup_special(Thread& t, Value receiver, StrObject* name) {
  Type* type = type_of(t, receiver);
  Value found = type_lookup(t, type, name);
  if (!found.is_object()) return found;
  if (DescrGetSlot get = found.as_object()->type()->slots.descr_get)
    return get(t, found, receiver, Value(type));
  return found;
}

Result<Value> call_special(Thread& t, Value receiver, StrObject* name,
                           std::initializer_list<Value> positional) {
  Value found = type_lookup(t, type_of(t, receiver), name);
  if (found.is_not_found()) return kNotFound;
  CallArgs args{positional.begin(), positional.size(), kEmpty};
  if (is_plain_method(t.types(), found)) return call_prepend(t, found, receiver, args);
  Value bound = TRY(lookup_special(t, receiver, name));
  return call(t, bound, args);
}

// The function behind a class method of a plain class, to be called with the class: `date.today()`.
static Value class_method_of(Thread& t, Type* cls, StrObject* name) {
  Value found = type_lookup(t, cls, name);
  if (!found.is_object()) return kEmpty;
  Value function = found;
  if (is_kind(found, Kind::ClassMethod))
    function = found.as<ClassMethodObject>()->callable;
  else if (found.as_object()->type() != t.types().classmethod_descriptor)
    return kEmpty;
  if (function != found && !is_kind(function, Kind::Function)) return kEmpty;
  // What the metaclass has comes first where it is a data descriptor: `__dict__`, `__name__`.
  return type_lookup(t, t.types().type, name).is_not_found() ? function : kEmpty;
}

Status get_method(Thread& t, Value object, StrObject* name, Value* method, Value* self) {
  Type* type = type_of(t, object);
  *self = kEmpty;
  if (type == t.types().type) {
    *method = class_method_of(t, object.as<Type>(), attribute_name(t, name));
    if (!method->is_empty()) {
      *self = object;
      return {};
    }
  }
  if (type->slots.get_attr != generic_get_attr) {
    *method = TRY(type->slots.get_attr(t, object, name));
    return {};
  }
  name = attribute_name(t, name);
  Value descriptor = type_lookup(t, type, name);
  bool plain = is_plain_method(t.types(), descriptor);
  DescrGetSlot get = nullptr;
  if (!plain && !descriptor.is_not_found() && descriptor.is_object()) {
    Type* descriptor_type = descriptor.as_object()->type();
    get = descriptor_type->slots.descr_get;
    if (get != nullptr && descriptor_type->slots.descr_set != nullptr) {
      *method = TRY(get(t, descriptor, object, Value(type)));
      return {};
    }
  }
  if (object.is_object() && type->has(kTypeHasDict)) {
    Value own = instance_get_own(t, object.as_object(), name);
    if (!own.is_not_found()) {
      *method = own;
      return {};
    }
  }
  if (plain) {
    *method = descriptor;
    *self = object;
    return {};
  }
  if (get != nullptr) {
    *method = TRY(get(t, descriptor, object, Value(type)));
    return {};
  }
  if (descriptor.is_not_found()) return raise_no_attribute(t, object, name);
  *method = descriptor;
  return {};
}

Result<Value> call_method(Thread& t, Value receiver, StrObject* name,
                          std::initializer_list<Value> positional) {
  Value method, self;
  TRY(get_method(t, receiver, name, &method, &self));
  CallArgs args{positional.begin(), positional.size(), kEmpty};
  return self.is_empty() ? call(t, method, args) : call_prepend(t, method, self, args);
}

// ---------------------------------------------------------------- dir

Result<Value> dir(Thread& t, Value object) {
  Value names = TRY(call_special(t, object, t.names().__dir__));
  if (names.is_not_found()) return t.raise(Exc::TypeError, "object does not provide __dir__");
  Value list = TRY(to_list(t, names));
  TRY(list_sort(t, list.as<ListObject>(), kNone, false));
  return list;
}

}  // namespace mp

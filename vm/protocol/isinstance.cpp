// isinstance and issubclass with __instancecheck__, __subclasscheck__, tuples and abstract bases.
#include "vm/types/type_internal.h"

namespace mp {

static Result<bool> abstract_subclass(Thread& t, Value derived, Value cls) {
  if (derived == cls) return true;
  TRY(t.check_stack(" in __subclasscheck__"));
  Value bases = TRY(get_attr_or_not_found(t, derived, t.names().__bases__));
  if (!is_tuple(bases)) return false;
  auto* tuple = bases.as<TupleObject>();
  for (size_t i = 0; i < tuple->size; ++i)
    if (TRY(abstract_subclass(t, (*tuple)[i], cls))) return true;
  return false;
}

static Status check_class(Thread& t, Value cls, const char* message) {
  Value bases = TRY(get_attr_or_not_found(t, cls, t.names().__bases__));
  if (!is_tuple(bases)) return t.raise(Exc::TypeError, "{}", message);
  return {};
}

// What type.__instancecheck__ does.
Result<bool> plain_isinstance(Thread& t, Value v, Value cls) {
  Type* own = type_of(t, v);
  if (is_type(cls)) {
    if (is_subtype(own, cls.as<Type>())) return true;
    // A proxy may claim another class through __class__.
    if (own->slots.get_attr == generic_get_attr) {
      if (!own->has(kTypeHeap)) return false;  // builtin types have object's
      Value found = type_lookup(t, own, t.names().__class__);
      if (is_kind(found, Kind::GetSetDescriptor) &&
          found.as<GetSetDescriptorObject>()->owner == t.types().object)
        return false;
    }
    Value claimed = TRY(get_attr_or_not_found(t, v, t.names().__class__));
    return is_type(claimed) && claimed.as<Type>() != own && is_subtype(claimed.as<Type>(), cls.as<Type>());
  }
  TRY(check_class(t, cls, "isinstance() arg 2 must be a type, a tuple of types, or a union"));
  Value claimed = TRY(get_attr_or_not_found(t, v, t.names().__class__));
  if (claimed.is_not_found()) return false;
  return abstract_subclass(t, claimed, cls);
}

// What type.__subclasscheck__ does.
Result<bool> plain_issubclass(Thread& t, Value derived, Value cls) {
  if (is_type(derived) && is_type(cls)) return is_subtype(derived.as<Type>(), cls.as<Type>());
  TRY(check_class(t, derived, "issubclass() arg 1 must be a class"));
  TRY(check_class(t, cls, "issubclass() arg 2 must be a class, a tuple of classes, or a union"));
  return abstract_subclass(t, derived, cls);
}

Result<bool> is_instance_of(Thread& t, Value v, Value cls) {
  if (type_of(t, v) == cls.as_object() && cls.is_object()) return true;
  if (is_exact(cls, t.types().type)) return plain_isinstance(t, v, cls);
  if (is_tuple(cls)) {
    TRY(t.check_stack(" in __instancecheck__"));
    auto* tuple = cls.as<TupleObject>();
    for (size_t i = 0; i < tuple->size; ++i)
      if (TRY(is_instance_of(t, v, (*tuple)[i]))) return true;
    return false;
  }
  if (is_type(cls)) {
    Value check = type_lookup(t, cls.as_object()->type(), t.names().__instancecheck__);
    if (is_kind(check, Kind::NativeFunction) &&
        check.as<NativeFunctionObject>()->owner_type == t.types().type)
      return plain_isinstance(t, v, cls);
  }
  TRY(t.check_stack(" in __instancecheck__"));
  Value answer = TRY(call_special(t, cls, t.names().__instancecheck__, {v}));
  if (answer.is_not_found()) return plain_isinstance(t, v, cls);
  return truth(t, answer);
}

Result<bool> is_subclass(Thread& t, Value derived, Value cls) {
  if (is_exact(cls, t.types().type)) {
    if (derived == cls) return true;
    return plain_issubclass(t, derived, cls);
  }
  if (is_tuple(cls)) {
    TRY(t.check_stack(" in __subclasscheck__"));
    auto* tuple = cls.as<TupleObject>();
    for (size_t i = 0; i < tuple->size; ++i)
      if (TRY(is_subclass(t, derived, (*tuple)[i]))) return true;
    return false;
  }
  TRY(t.check_stack(" in __subclasscheck__"));
  Value answer = TRY(call_special(t, cls, t.names().__subclasscheck__, {derived}));
  if (answer.is_not_found()) return plain_issubclass(t, derived, cls);
  return truth(t, answer);
}

}  // namespace mp

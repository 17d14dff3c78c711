// Subscription and membership: a[k], a[k] = v, del a[k], x in a.
#include "vm/types/container_support.h"
#include "vm/types/type.h"

namespace mp {

static bool is_index_like(Thread& t, Value key) {
  return key.is_int() || type_of(t, key)->slots.index != nullptr;
}

// Sequences without item assignment word their errors through PySequence_DelItem.
static bool is_plain_sequence(Value v) {
  if (!v.is_object()) return false;
  switch (v.as_object()->kind()) {
    case Kind::Tuple:
    case Kind::Str:
    case Kind::Bytes:
    case Kind::Set:
    case Kind::Range: return true;
    default: return v.as_object()->type()->has(kTypeHeap);
  }
}

Result<Value> get_item(Thread& t, Value container, Value key) {
  Type* type = type_of(t, container);
  if (type->slots.get_item != nullptr) [[likely]]
    return type->slots.get_item(t, container, key);
  if (is_type(container)) {
    // PEP 560. type[int] has no __class_getitem__ but is a generic alias.
    if (container.as<Type>() == t.types().type) return make_generic_alias(t, container, key);
    Value method = TRY(get_attr_or_not_found(t, container, t.names().__class_getitem__));
    if (!method.is_not_found() && !method.is_none()) return call(t, method, {key});
    return t.raise(Exc::TypeError, "type '{}' is not subscriptable", type_name(container.as<Type>()));
  }
  return t.raise(Exc::TypeError, "'{}' object is not subscriptable", type_name(type));
}

Status set_item(Thread& t, Value container, Value key, Value value) {
  Type* type = type_of(t, container);
  if (type->slots.set_item != nullptr) [[likely]]
    return type->slots.set_item(t, container, key, value);
  return t.raise(Exc::TypeError, "'{}' object does not support item assignment", type_name(type));
}

Status delete_item(Thread& t, Value container, Value key) {
  Type* type = type_of(t, container);
  if (type->slots.set_item != nullptr) [[likely]]
    return type->slots.set_item(t, container, key, kEmpty);
  if (is_plain_sequence(container) && is_index_like(t, key))
    return t.raise(Exc::TypeError, "'{}' object doesn't support item deletion", type_name(type));
  return t.raise(Exc::TypeError, "'{}' object does not support item deletion", type_name(type));
}

Result<bool> contains(Thread& t, Value container, Value item) {
  Type* type = type_of(t, container);
  if (type->slots.contains != nullptr) [[likely]]
    return type->slots.contains(t, container, item);
  // Membership by iteration, as operator.contains documents.
  if (type->slots.iter == nullptr && type->slots.get_item == nullptr)
    return t.raise(Exc::TypeError, "argument of type '{}' is not iterable", type_name(type));
  Result<Value> iterator = get_iter(t, container);
  if (iterator.is_error()) {
    if (t.catch_exception(Exc::TypeError))
      return t.raise(Exc::TypeError, "argument of type '{}' is not iterable", type_name(type));
    return Error{};
  }
  for (;;) {
    Value own = TRY(iter_next(t, iterator.value()));
    if (own.is_no_more()) return false;
    bool same = TRY(equals_fast(t, own, item));
    if (same) return true;
    TRY(t.poll_within());
  }
}

}  // namespace mp

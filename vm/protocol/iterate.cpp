// The iteration protocol: iter(), next(), len(), length hints, list(x), tuple(x), reversed(x).
#include "vm/types/container_support.h"
#include "vm/types/list_support.h"
#include "vm/types/type.h"

namespace mp {

struct SequenceIterator : Object {
  Slot sequence;
  std::atomic<int64_t> index{0};
};
Value make_sequence_iterator(Thread& t, Value sequence);  // vm/types/iterators.cpp
Value make_reversed(Thread& t, Value sequence, int64_t length);

static bool has_sequence_protocol(Thread& t, Value v) {
  // A mapping layout has get_item too; like CPython, only a real dict is refused here.
  return type_of(t, v)->slots.get_item != nullptr && !is_dict(v) && !is_kind(v, Kind::MappingProxy);
}

Result<Value> get_iter(Thread& t, Value iterable) {
  UnarySlot iter = type_of(t, iterable)->slots.iter;
  if (iter == nullptr) {
    if (has_sequence_protocol(t, iterable)) return make_sequence_iterator(t, iterable);
    return t.raise(Exc::TypeError, "'{}' object is not iterable", type_name(t, iterable));
  }
  Value iterator = TRY(iter(t, iterable));
  if (type_of(t, iterator)->slots.next == nullptr) [[unlikely]]
    return t.raise(Exc::TypeError, "iter() returned non-iterator of type '{}'", type_name(t, iterator));
  return iterator;
}

Result<Value> iter_next(Thread& t, Value iterator) {
  UnarySlot next = type_of(t, iterator)->slots.next;
  if (next == nullptr) [[unlikely]]
    return t.raise(Exc::TypeError, "'{}' object is not an iterator", type_name(t, iterator));
  TRY(t.check_stack());  // map over map over map ...
  TRY(t.poll_within());  // max(map(str, range(10**8))) runs no script code that would
  return next(t, iterator);
}

Result<Value> to_list(Thread& t, Value iterable) {
  ListObject* list = make_list(t);
  TRY(list_extend(t, list, iterable));
  return list;
}

Result<Value> to_tuple(Thread& t, Value iterable) {
  if (is_exact(iterable, t.types().tuple)) return iterable;
  if (is_exact(iterable, t.types().list)) return tuple_of_list(t, iterable.as<ListObject>());
  ListObject* list = make_list(t);
  TRY(list_extend(t, list, iterable));
  return tuple_of_list(t, list);
}

Result<int64_t> length(Thread& t, Value v) {
  LengthSlot slot = type_of(t, v)->slots.length;
  if (slot == nullptr) return t.raise(Exc::TypeError, "object of type '{}' has no len()", type_name(t, v));
  return slot(t, v);
}

Result<int64_t> length_hint(Thread& t, Value v, int64_t fallback) {
  if (type_of(t, v)->slots.length != nullptr) {
    Result<int64_t> n = length(t, v);
    if (n.ok()) return n;
    if (!t.catch_exception(Exc::TypeError)) return Error{};
  }
  if (!v.is_object()) return fallback;
  if (is_kind(v, Kind::Generator)) return fallback;
  Result<Value> hint = call_special(t, v, t.names().__length_hint__);
  if (hint.is_error()) {
    if (t.catch_exception(Exc::TypeError)) return fallback;
    return Error{};
  }
  Value h = hint.value();
  if (h.is_not_found() || h.is_not_implemented()) return fallback;
  if (!is_any_int(h))
    return t.raise(Exc::TypeError, "__length_hint__ must be an integer, not {}", type_name(t, h));
  int64_t n = TRY(to_ssize(t, h));
  if (n < 0) return t.raise(Exc::ValueError, "__length_hint__() should return >= 0");
  return n;
}

Result<Value> reversed_iter(Thread& t, Value v) {
  Value method = type_lookup(t, type_of(t, v), t.names().__reversed__);
  if (method.is_none()) return t.raise(Exc::TypeError, "'{}' object is not reversible", type_name(t, v));
  if (!method.is_not_found()) return call_special(t, v, t.names().__reversed__);
  Type* type = type_of(t, v);
  // A script class with __getitem__ alone counts as a sequence; what fails then is len().
  bool countable = type->slots.length != nullptr || (type->flags & kTypeHeap) != 0;
  if (!has_sequence_protocol(t, v) || !countable || is_kind(v, Kind::Set))
    return t.raise(Exc::TypeError, "'{}' object is not reversible", type_name(t, v));
  int64_t n = TRY(length(t, v));
  return make_reversed(t, v, n);
}

}  // namespace mp

// _collections.deque: a ring buffer whose capacity is a power of two; both ends, indexing and rotation
// without moving more than needed.
#include "stdlib/native/collections_deque.h"
#include "stdlib/native/deque.h"
#include "vm/native/native.h"
#include "vm/types/container_support.h"
#include "vm/types/type.h"

namespace mp {

namespace {

void trace_deque(Object* self, Tracer& tracer) {
  auto* d = static_cast<Deque*>(self);
  DequeArray* a = d->array.load();
  if (a == nullptr) return;
  tracer.mark_raw(a);
  for (uint64_t i = 0; i < d->count(); ++i) tracer.visit(d->slot(i));
}

// ---- primitives; the caller holds the lock
Status reserve(Thread& t, Deque* d, uint64_t wanted) {
  DequeArray* old = d->array.load(std::memory_order_relaxed);
  if (old != nullptr && wanted <= old->capacity) return {};
  uint64_t capacity = old == nullptr ? 8 : old->capacity * 2;
  while (capacity < wanted) capacity *= 2;
  auto* a = static_cast<DequeArray*>(t.heap().allocate_raw(t, sizeof(DequeArray) + capacity * sizeof(Slot)));
  if (a == nullptr) return t.raise_memory_error();
  a->capacity = capacity;
  for (uint64_t i = 0; i < d->count(); ++i) a->items()[i] = d->slot(i).get();
  d->head.store(0, std::memory_order_relaxed);
  d->array.store(a, std::memory_order_release);
  return {};
}
Value take_right(Deque* d) {
  uint64_t n = d->count() - 1;
  Value item = d->slot(n).get();
  d->slot(n) = kEmpty;
  d->size.store(n, std::memory_order_relaxed);
  d->changed();
  return item;
}
Value take_left(Deque* d) {
  Value item = d->slot(0).get();
  d->slot(0) = kEmpty;
  DequeArray* a = d->array.load(std::memory_order_relaxed);
  d->head.store((d->head.load(std::memory_order_relaxed) + 1) & (a->capacity - 1), std::memory_order_relaxed);
  d->size.store(d->count() - 1, std::memory_order_relaxed);
  d->changed();
  return item;
}
Status push_right(Thread& t, Deque* d, Value item) {
  int64_t maxlen = d->maxlen.load(std::memory_order_relaxed);
  if (maxlen == 0) return {};
  if (maxlen > 0 && d->count() >= static_cast<uint64_t>(maxlen)) take_left(d);
  uint64_t n = d->count();
  TRY(reserve(t, d, n + 1));
  d->size.store(n + 1, std::memory_order_relaxed);
  d->slot(n) = item;
  d->changed();
  return {};
}
Status push_left(Thread& t, Deque* d, Value item) {
  int64_t maxlen = d->maxlen.load(std::memory_order_relaxed);
  if (maxlen == 0) return {};
  if (maxlen > 0 && d->count() >= static_cast<uint64_t>(maxlen)) take_right(d);
  uint64_t n = d->count();
  TRY(reserve(t, d, n + 1));
  DequeArray* a = d->array.load(std::memory_order_relaxed);
  d->head.store((d->head.load(std::memory_order_relaxed) - 1) & (a->capacity - 1), std::memory_order_relaxed);
  d->size.store(n + 1, std::memory_order_relaxed);
  d->slot(0) = item;
  d->changed();
  return {};
}
void clear_all(Deque* d) {
  d->size.store(0, std::memory_order_relaxed);
  d->head.store(0, std::memory_order_relaxed);
  d->array.store(nullptr, std::memory_order_release);
  d->changed();
}
void rotate_by(Deque* d, int64_t n) {
  auto size = static_cast<int64_t>(d->count());
  if (size < 2) return;
  n %= size;
  if (n < 0) n += size;
  if (n == 0) return;
  // The shorter way round; with a full ring only the head moves.
  DequeArray* a = d->array.load(std::memory_order_relaxed);
  uint64_t mask = a->capacity - 1;
  auto step = [&](bool right) {
    uint64_t head = d->head.load(std::memory_order_relaxed);
    if (right) {
      Slot& last = d->slot(static_cast<uint64_t>(size) - 1);
      Value item = last.get();
      last = kEmpty;
      d->head.store((head - 1) & mask, std::memory_order_relaxed);
      d->slot(0) = item;
    } else {
      Slot& first = d->slot(0);
      Value item = first.get();
      first = kEmpty;
      d->head.store((head + 1) & mask, std::memory_order_relaxed);
      d->slot(static_cast<uint64_t>(size) - 1) = item;
    }
  };
  if (n <= size / 2) {
    for (int64_t i = 0; i < n; ++i) step(true);
  } else {
    for (int64_t i = 0; i < size - n; ++i) step(false);
  }
  d->changed();
}
// Item i or empty.
Value item_at(Thread& t, Deque* d, uint64_t i) {
  ObjectLock lock(t, d);
  return i < d->count() ? d->slot(i).get() : kEmpty;
}
}  // namespace

// ---- for other native code

Value make_deque(Thread& t) {
  auto* d = t.heap().make<Deque>(t, native_type(t, kDequeSpec));
  d->maxlen.store(-1);
  return d;
}
bool is_deque(Thread& t, Value v) { return v.is_object() && is_instance(t, v, native_type(t, kDequeSpec)); }
bool is_exact_deque(Value v) { return v.is_object() && v.as_object()->type()->spec == &kDequeSpec; }
Status deque_push(Thread& t, Value deque, Value item) {
  ObjectLock lock(t, deque.as_object());
  return push_right(t, deque.as<Deque>(), item);
}
Value deque_take(Thread& t, Value deque) {
  auto* d = deque.as<Deque>();
  if (d->count() == 0) return kEmpty;
  ObjectLock lock(t, d);
  return d->count() == 0 ? kEmpty : take_left(d);
}
uint64_t deque_size(Value deque) { return deque.as<Deque>()->count(); }

static Status extend_right(Thread& t, Deque* d, Value iterable) {
  if (iterable == Value(d)) iterable = TRY(to_list(t, iterable));
  if (is_exact(iterable, t.types().list)) iterable = list_to_tuple(t, iterable.as<ListObject>());
  if (is_exact(iterable, t.types().tuple) && d->maxlen.load(std::memory_order_relaxed) < 0) {
    auto* items = iterable.as<TupleObject>();
    ObjectLock lock(t, d);
    uint64_t n = d->count();
    TRY(reserve(t, d, n + items->size));
    d->size.store(n + items->size, std::memory_order_relaxed);
    for (size_t i = 0; i < items->size; ++i) d->slot(n + i) = (*items)[i];
    d->changed();
    return {};
  }
  return for_each(t, iterable, [&](Value item) -> Status {
    ObjectLock lock(t, d);
    return push_right(t, d, item);
  });
}
static Status extend_left(Thread& t, Deque* d, Value iterable) {
  if (iterable == Value(d)) iterable = TRY(to_list(t, iterable));
  return for_each(t, iterable, [&](Value item) -> Status {
    ObjectLock lock(t, d);
    return push_left(t, d, item);
  });
}

static Result<Value> deque_new(Thread& t, Value self, const CallArgs&) {
  auto* d = t.heap().make<Deque>(t, self.as<Type>());
  d->maxlen.store(-1);
  return d;
}
static Result<Value> deque_init(Thread& t, const Value* args) {
  auto* d = args[0].as<Deque>();
  int64_t maxlen = -1;
  if (!args[2].is_none()) {
    if (!is_any_int(args[2])) return t.raise(Exc::TypeError, "an integer is required");
    maxlen = TRY(to_ssize(t, args[2]));
    if (maxlen < 0) return t.raise(Exc::ValueError, "maxlen must be non-negative");
  }
  {
    ObjectLock lock(t, d);
    d->maxlen.store(maxlen);
    if (d->count() != 0) clear_all(d);
  }
  if (!args[1].is_empty()) TRY(extend_right(t, d, args[1]));
  return kNone;
}
static Result<Value> deque_append(Thread& t, const Value* args) {
  ObjectLock lock(t, args[0].as_object());
  TRY(push_right(t, args[0].as<Deque>(), args[1]));
  return kNone;
}
static Result<Value> deque_appendleft(Thread& t, const Value* args) {
  ObjectLock lock(t, args[0].as_object());
  TRY(push_left(t, args[0].as<Deque>(), args[1]));
  return kNone;
}
static Result<Value> deque_pop(Thread& t, const Value* args) {
  auto* d = args[0].as<Deque>();
  ObjectLock lock(t, d);
  if (d->count() == 0) return t.raise(Exc::IndexError, "pop from an empty deque");
  return take_right(d);
}
static Result<Value> deque_popleft(Thread& t, const Value* args) {
  auto* d = args[0].as<Deque>();
  ObjectLock lock(t, d);
  if (d->count() == 0) return t.raise(Exc::IndexError, "pop from an empty deque");
  return take_left(d);
}
static Result<Value> deque_clear(Thread& t, const Value* args) {
  ObjectLock lock(t, args[0].as_object());
  clear_all(args[0].as<Deque>());
  return kNone;
}
static Result<Value> deque_extend(Thread& t, const Value* args) {
  TRY(extend_right(t, args[0].as<Deque>(), args[1]));
  return kNone;
}
static Result<Value> deque_extendleft(Thread& t, const Value* args) {
  TRY(extend_left(t, args[0].as<Deque>(), args[1]));
  return kNone;
}
static Result<Value> deque_rotate(Thread& t, const Value* args) {
  int64_t n = TRY(to_ssize(t, args[1]));
  ObjectLock lock(t, args[0].as_object());
  rotate_by(args[0].as<Deque>(), n);
  return kNone;
}
static Result<Value> deque_reverse(Thread& t, const Value* args) {
  auto* d = args[0].as<Deque>();
  ObjectLock lock(t, d);
  for (uint64_t i = 0, j = d->count(); i + 1 < j; ++i) {
    --j;
    Value x = d->slot(i).get();
    d->slot(i) = d->slot(j).get();
    d->slot(j) = x;
  }
  return kNone;
}

static Result<Value> deque_copy(Thread& t, const Value* args) {
  auto* old = args[0].as<Deque>();
  if (old->type() == native_type(t, kDequeSpec)) {
    auto* d = t.heap().make<Deque>(t, old->type());
    ObjectLock lock(t, old);
    d->maxlen.store(old->maxlen.load());
    TRY(reserve(t, d, old->count()));
    for (uint64_t i = 0; i < old->count(); ++i) d->array.load()->items()[i] = old->slot(i).get();
    d->size.store(old->count());
    return d;
  }
  int64_t maxlen = old->maxlen.load();
  Value cls = old->type();
  Value made =
      maxlen < 0 ? TRY(call(t, cls, {args[0]})) : TRY(call(t, cls, {args[0], Value::from_int(maxlen)}));
  if (!is_deque(t, made))
    return t.raise(Exc::TypeError, "{}() must return a deque, not {}", type_name(old->type()),
                   type_name(t, made));
  return made;
}

static Result<Value> deque_count(Thread& t, const Value* args) {
  auto* d = args[0].as<Deque>();
  uint64_t state = d->state.load(), size = d->count();
  int64_t n = 0;
  for (uint64_t i = 0; i < size; ++i) {
    Value own = item_at(t, d, i);
    bool same = !own.is_empty() && TRY(equals_fast(t, own, args[1]));
    if (d->state.load() != state) return t.raise(Exc::RuntimeError, "deque mutated during iteration");
    if (same) ++n;
  }
  return Value::from_int(n);
}
static Result<bool> deque_contains(Thread& t, Value self, Value item) {
  auto* d = self.as<Deque>();
  uint64_t state = d->state.load(), size = d->count();
  for (uint64_t i = 0; i < size; ++i) {
    Value own = item_at(t, d, i);
    bool same = !own.is_empty() && TRY(equals_fast(t, own, item));
    if (same) return true;
    if (d->state.load() != state) return t.raise(Exc::RuntimeError, "deque mutated during iteration");
  }
  return false;
}
static Result<Value> deque_index(Thread& t, const Value* args) {
  auto* d = args[0].as<Deque>();
  uint64_t state = d->state.load();
  auto size = static_cast<int64_t>(d->count());
  int64_t start = clamp_start(TRY(slice_argument(t, args[2])), size);
  int64_t stop = clamp_start(TRY(slice_argument(t, args[3])), size);
  if (stop > size) stop = size;
  for (int64_t i = start; i < stop; ++i) {
    Value own = item_at(t, d, static_cast<uint64_t>(i));
    bool same = !own.is_empty() && TRY(equals_fast(t, own, args[1]));
    if (same) return Value::from_int(i);
    if (d->state.load() != state) return t.raise(Exc::RuntimeError, "deque mutated during iteration");
  }
  return t.raise(Exc::ValueError, "{} is not in deque", repr_text(t, args[1]));
}
static Status delete_at(Thread& t, Deque* d, uint64_t i) {
  ObjectLock lock(t, d);
  if (i >= d->count()) return t.raise(Exc::IndexError, "deque index out of range");
  uint64_t n = d->count();
  if (i < n / 2) {
    for (; i > 0; --i) d->slot(i) = d->slot(i - 1).get();
    take_left(d);
  } else {
    for (; i + 1 < n; ++i) d->slot(i) = d->slot(i + 1).get();
    take_right(d);
  }
  return {};
}
static Result<Value> deque_remove(Thread& t, const Value* args) {
  auto* d = args[0].as<Deque>();
  uint64_t state = d->state.load(), size = d->count();
  for (uint64_t i = 0; i < size; ++i) {
    Value own = item_at(t, d, i);
    bool same = !own.is_empty() && TRY(equals_fast(t, own, args[1]));
    if (d->state.load() != state) return t.raise(Exc::IndexError, "deque mutated during remove().");
    if (same) {
      TRY(delete_at(t, d, i));
      return kNone;
    }
  }
  return t.raise(Exc::ValueError, "{} is not in deque", repr_text(t, args[1]));
}
static Result<Value> deque_insert(Thread& t, const Value* args) {
  auto* d = args[0].as<Deque>();
  int64_t index = TRY(to_ssize(t, args[1]));
  ObjectLock lock(t, d);
  auto n = static_cast<int64_t>(d->count());
  if (d->maxlen.load() == n) return t.raise(Exc::IndexError, "deque already at its maximum size");
  if (index < 0) index += n;
  if (index < 0) index = 0;
  if (index > n) index = n;
  if (index < n / 2) {
    TRY(push_left(t, d, args[2]));
    for (int64_t i = 0; i < index; ++i)
      d->slot(static_cast<uint64_t>(i)) = d->slot(static_cast<uint64_t>(i) + 1).get();
  } else {
    TRY(push_right(t, d, args[2]));
    for (int64_t i = n; i > index; --i)
      d->slot(static_cast<uint64_t>(i)) = d->slot(static_cast<uint64_t>(i) - 1).get();
  }
  d->slot(static_cast<uint64_t>(index)) = args[2];
  return kNone;
}

// ---------------------------------------------------------------- slots
static Result<Value> deque_repr(Thread& t, Value self) {
  auto* d = self.as<Deque>();
  ReprGuard guard(t, self);
  if (guard.recursive()) return make_str(t, "[...]");
  Value list = TRY(to_list(t, self));
  Value shown = TRY(repr(t, list));
  StrBuilder out(t);
  out.append(d->type()->name);
  out.append(U'(');
  out.append(shown.as<StrObject>());
  if (d->maxlen.load() >= 0) out.append(std::string_view(", maxlen=" + std::to_string(d->maxlen.load())));
  out.append(U')');
  return out.finish();
}
static Result<Value> deque_compare(Thread& t, Value left, Value right, CompareOp op) {
  if (!is_deque(t, left) || !is_deque(t, right)) return kNotImplemented;
  auto* a = left.as<Deque>();
  auto* b = right.as<Deque>();
  if (a->count() != b->count() && (op == CompareOp::Eq || op == CompareOp::Ne))
    return bool_value(op == CompareOp::Ne);
  Value x = TRY(get_iter(t, left));
  Value y = TRY(get_iter(t, right));
  for (;;) {
    Value i = TRY(iter_next(t, x));
    Value j = TRY(iter_next(t, y));
    bool end_x = i.is_no_more(), end_y = j.is_no_more();
    if (end_x || end_y) {
      switch (op) {
        case CompareOp::Lt: return bool_value(end_x && !end_y);
        case CompareOp::Le: return bool_value(end_x);
        case CompareOp::Eq: return bool_value(end_x == end_y);
        case CompareOp::Ne: return bool_value(end_x != end_y);
        case CompareOp::Gt: return bool_value(!end_x && end_y);
        case CompareOp::Ge: return bool_value(end_y);
      }
    }
    bool same = TRY(equals_fast(t, i, j));
    if (same) continue;
    if (op == CompareOp::Eq) return kFalse;
    if (op == CompareOp::Ne) return kTrue;
    return compare(t, i, j, op);
  }
}
static Result<Value> deque_iter(Thread& t, Value self) {
  return make_deque_iterator(t, self, kDequeIteratorSpec);
}
static Result<Value> deque_reversed(Thread& t, const Value* args) {
  return make_deque_iterator(t, args[0], kDequeReverseIteratorSpec);
}
static Result<int64_t> deque_length(Thread&, Value self) {
  return static_cast<int64_t>(self.as<Deque>()->count());
}
static Result<Value> deque_concat(Thread& t, Value left, Value right) {
  if (!is_deque(t, right))
    return t.raise(Exc::TypeError, "can only concatenate deque (not \"{}\") to deque", type_name(t, right));
  Value sum = TRY(deque_copy(t, &left));
  TRY(extend_right(t, sum.as<Deque>(), right));
  return sum;
}
static Result<Value> deque_inplace_concat(Thread& t, Value self, Value other) {
  TRY(extend_right(t, self.as<Deque>(), other));
  return self;
}
static Result<Value> deque_inplace_repeat(Thread& t, Value self, Value count) {
  if (!is_any_int(count) && type_of(t, count)->slots.index == nullptr)
    return t.raise(Exc::TypeError, "can't multiply sequence by non-int of type '{}'", type_name(t, count));
  int64_t n = TRY(to_ssize(t, count));
  auto* d = self.as<Deque>();
  ObjectLock lock(t, d);
  auto size = static_cast<int64_t>(d->count());
  if (size == 0 || n == 1) return self;
  if (n <= 0) {
    clear_all(d);
    return self;
  }
  int64_t maxlen = d->maxlen.load();
  if (size == 1 && maxlen >= 0 && n > maxlen) n = maxlen;
  if (n > kMaxContainerItems / size) return t.raise_memory_error();
  if (maxlen >= 0 && n > (maxlen + size - 1) / size + 1) {
    // Only the last maxlen items survive.
    int64_t enough = (maxlen + size - 1) / size + 1;
    n = enough;
  }
  auto* items = static_cast<Slot*>(t.heap().allocate_raw(t, static_cast<size_t>(size) * sizeof(Slot)));
  if (items == nullptr) return t.raise_memory_error();
  for (int64_t i = 0; i < size; ++i) items[i] = d->slot(static_cast<uint64_t>(i)).get();
  if (maxlen < 0) TRY(reserve(t, d, static_cast<uint64_t>(size * n)));
  for (int64_t r = 1; r < n; ++r)
    for (int64_t i = 0; i < size; ++i) TRY(push_right(t, d, items[i].get()));
  return self;
}
static Result<Value> deque_repeat(Thread& t, Value self, Value count) {
  if (!is_any_int(count) && type_of(t, count)->slots.index == nullptr)
    return t.raise(Exc::TypeError, "can't multiply sequence by non-int of type '{}'", type_name(t, count));
  Value product = TRY(deque_copy(t, &self));
  return deque_inplace_repeat(t, product, count);
}
static Result<Value> deque_get_item(Thread& t, Value self, Value key) {
  auto* d = self.as<Deque>();
  if (!key.is_int() && !is_any_int(key) && type_of(t, key)->slots.index == nullptr)
    return t.raise(Exc::TypeError, "sequence index must be integer, not '{}'", type_name(t, key));
  int64_t i = key.is_int() ? key.as_int() : TRY(to_ssize(t, key, Exc::IndexError));
  ObjectLock lock(t, d);
  auto n = static_cast<int64_t>(d->count());
  if (i < 0) i += n;
  if (i < 0 || i >= n) return t.raise(Exc::IndexError, "deque index out of range");
  return d->slot(static_cast<uint64_t>(i)).get();
}
static Status deque_set_item(Thread& t, Value self, Value key, Value value) {
  auto* d = self.as<Deque>();
  if (!key.is_int() && !is_any_int(key) && type_of(t, key)->slots.index == nullptr)
    return t.raise(Exc::TypeError, "sequence index must be integer, not '{}'", type_name(t, key));
  int64_t i = key.is_int() ? key.as_int() : TRY(to_ssize(t, key, Exc::IndexError));
  if (i < 0) i += static_cast<int64_t>(d->count());
  if (i < 0) return t.raise(Exc::IndexError, "deque index out of range");
  if (value.is_empty()) return delete_at(t, d, static_cast<uint64_t>(i));
  ObjectLock lock(t, d);
  if (i >= static_cast<int64_t>(d->count())) return t.raise(Exc::IndexError, "deque index out of range");
  d->slot(static_cast<uint64_t>(i)) = value;
  return {};
}

static Result<Value> deque_reduce(Thread& t, const Value* args) {
  auto* d = args[0].as<Deque>();
  Value state = TRY(call_method(t, args[0], t.names().__getstate__));
  Value iterator = TRY(get_iter(t, args[0]));
  TupleObject* init = d->maxlen.load() < 0
                          ? empty_tuple(t)
                          : make_tuple(t, {Value(empty_tuple(t)), Value::from_int(d->maxlen.load())});
  return make_tuple(t, {Value(d->type()), Value(init), state, iterator});
}
static Result<Value> deque_sizeof(Thread&, const Value* args) {
  DequeArray* a = args[0].as<Deque>()->array.load();
  return Value::from_int(
      static_cast<int64_t>(sizeof(Deque) + 16 + (a == nullptr ? 0 : a->capacity * sizeof(Slot))));
}
static Result<Value> deque_maxlen(Thread&, Value self) {
  int64_t maxlen = self.as<Deque>()->maxlen.load();
  return maxlen < 0 ? kNone : Value::from_int(maxlen);
}

static const GetSetDef kDequeGetSets[] = {
    {"maxlen", deque_maxlen, nullptr, "maximum size of a deque or None if unbounded"},
    {nullptr, nullptr, nullptr, nullptr}};
static const NativeDef kDequeMethods[] = {
    MP_RAW_NEW(deque_new, "__new__(cls, *args, **kwargs)", nullptr),
    MP_METHOD(deque_init, "__init__(self, iterable=?, maxlen=None)", nullptr),
    MP_METHOD(deque_append, "append(self, item, /)", "Add an element to the right side of the deque."),
    MP_METHOD(deque_appendleft, "appendleft(self, item, /)", "Add an element to the left side of the deque."),
    MP_METHOD(deque_clear, "clear(self, /)", "Remove all elements from the deque."),
    MP_METHOD(deque_copy, "__copy__(self, /)", "Return a shallow copy of a deque."),
    MP_METHOD(deque_copy, "copy(self, /)", "Return a shallow copy of a deque."),
    MP_METHOD(deque_count, "count(self, value, /)", "Return number of occurrences of value."),
    MP_METHOD(deque_extend, "extend(self, iterable, /)",
              "Extend the right side of the deque with elements from the iterable."),
    MP_METHOD(deque_extendleft, "extendleft(self, iterable, /)",
              "Extend the left side of the deque with elements from the iterable."),
    MP_METHOD(deque_index, "index(self, value, start=0, stop=9223372036854775807, /)",
              "Return first index of value.\n\nRaises ValueError if the value is not present."),
    MP_METHOD(deque_insert, "insert(self, index, value, /)", "Insert value before index."),
    MP_METHOD(deque_pop, "pop(self, /)", "Remove and return the rightmost element."),
    MP_METHOD(deque_popleft, "popleft(self, /)", "Remove and return the leftmost element."),
    MP_METHOD(deque_reduce, "__reduce__(self, /)", "Return state information for pickling."),
    MP_METHOD(deque_remove, "remove(self, value, /)", "Remove first occurrence of value."),
    MP_METHOD(deque_reverse, "reverse(self, /)", "Reverse *IN PLACE*."),
    MP_METHOD(deque_reversed, "__reversed__(self, /)", "Return a reverse iterator over the deque."),
    MP_METHOD(deque_rotate, "rotate(self, n=1, /)",
              "Rotate the deque n steps to the right.  If n is negative, rotates left."),
    MP_METHOD(deque_sizeof, "__sizeof__(self, /)", "Return the size of the deque in memory, in bytes."),
    MP_CLASS_GETITEM,
    MP_END};

const TypeSpec kDequeSpec = {
    .name = "collections.deque",
    .size = sizeof(Deque),
    .flags = kTypeBaseType | kTypeHasWeakref | kTypeSequence,
    .doc = "A list-like sequence optimized for data accesses near its endpoints.",
    .trace = trace_deque,
    .slots = MP_SLOTS(.repr = deque_repr, .hash = hash_not_implemented, .compare = deque_compare,
                      .iter = deque_iter, .length = deque_length, .get_item = deque_get_item,
                      .set_item = deque_set_item, .contains = deque_contains, .concat = deque_concat,
                      .repeat = deque_repeat, .inplace_concat = deque_inplace_concat,
                      .inplace_repeat = deque_inplace_repeat),
    .methods = kDequeMethods,
    .getsets = kDequeGetSets};

}  // namespace mp

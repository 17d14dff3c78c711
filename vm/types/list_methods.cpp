// list: its slots, methods and iterators.
#include "vm/core/compiler.h"
#include "vm/native/native.h"
#include "vm/types/iterator_support.h"
#include "vm/types/list_filler.h"
#include "vm/types/list_support.h"
#include "vm/types/type.h"

namespace mp {

static void trace_list(Object* self, Tracer& tracer) {
  auto* list = static_cast<ListObject*>(self);
  ListArray* a = list->array.load(std::memory_order_acquire);
  if (a == nullptr) return;
  tracer.mark_raw(a);
  size_t n = list->length();
  tracer.visit_slots(a->items(), n < a->capacity ? n : a->capacity);
}

static Result<Value> list_new(Thread& t, Value self, const CallArgs&) {
  return t.heap().make<ListObject>(t, self.as<Type>());
}

static Result<Value> list_init(Thread& t, Value self, const CallArgs& args) {
  auto* list = self.as<ListObject>();
  TRY(refuse_keywords(t, list->type(), t.types().list, args, "list"));
  if (args.count > 1) return t.raise(Exc::TypeError, "list expected at most 1 argument, got {}", args.count);
  if (list->length() != 0) list_clear(t, list);
  if (args.count == 1) TRY(list_extend(t, list, args.values[0]));
  return kNone;
}

static Result<Value> list_repr(Thread& t, Value self) {
  auto* list = self.as<ListObject>();
  if (list->length() == 0) return make_str(t, "[]");
  ReprGuard guard(t, self);
  if (guard.recursive()) return make_str(t, "[...]");
  StrBuilder out(t);
  out.append(U'[');
  for (size_t i = 0; i < list->length(); ++i) {
    Value item = list->at(i);
    if (item.is_empty()) break;
    if (i != 0) out.append(std::string_view(", "));
    Value text = TRY(repr(t, item));
    out.append(text.as<StrObject>());
  }
  out.append(U']');
  return out.finish();
}

static Result<Value> list_compare(Thread& t, Value left, Value right, CompareOp op) {
  if (!is_list(left) || !is_list(right)) return kNotImplemented;
  auto* a = left.as<ListObject>();
  auto* b = right.as<ListObject>();
  if (a->length() != b->length() && (op == CompareOp::Eq || op == CompareOp::Ne))
    return bool_value(op == CompareOp::Ne);
  size_t i = 0;
  {
    // As long as no script code runs, nothing is looked up again.
    ListView left_items = list_view(a), right_items = list_view(b);
    const Type* str_type = t.types().str;
    for (size_t n = std::min(left_items.count, right_items.count); i < n; ++i) {
      Value x = left_items.items[i], y = right_items.items[i];
      if (x.is_empty() || match_plain(str_type, x, y) != Match::Yes) break;
    }
  }
  for (; i < a->length() && i < b->length(); ++i) {
    Value x = a->at(i), y = b->at(i);
    if (x.is_empty() || y.is_empty()) break;
    bool same = TRY(equals_fast(t, x, y));
    if (same) continue;
    // The comparison may have changed the lists.
    if (op != CompareOp::Eq && op != CompareOp::Ne) {
      x = a->at(i);
      y = b->at(i);
    }
    if (i >= a->length() || i >= b->length() || x.is_empty() || y.is_empty()) break;
    return compare_sequences(t, op, 0, 0, true, x, y);
  }
  return compare_sequences(t, op, a->length(), b->length(), false, {}, {});
}

static Result<int64_t> list_length(Thread&, Value self) {
  return static_cast<int64_t>(self.as<ListObject>()->length());
}

ListObject* list_slice(Thread& t, ListObject* list, size_t low, size_t high) {
  ObjectLock lock(t, list);
  ListView view = list_view(list);
  if (high > view.count) high = view.count;
  if (low >= high) return make_list(t);
  Slot* to;
  ListObject* part = make_list_unset(t, high - low, &to);
  if (to == nullptr) {
    (void)t.raise_memory_error();
    return nullptr;
  }
  copy_slots(t, to, view.items + low, high - low);
  return part;
}

Result<Value> list_get_item(Thread& t, Value self, Value key) {
  auto* list = self.as<ListObject>();
  auto size = static_cast<int64_t>(list->length());
  int64_t i;
  if (key.is_int()) {
    i = key.as_int();
  } else if (is_kind(key, Kind::Slice)) {
    SliceRange r = TRY(slice_indices(t, key.as<SliceObject>(), size));
    if (r.step == 1)
      return str_or_error(
          list_slice(t, list, static_cast<size_t>(r.start), static_cast<size_t>(r.start + r.count)));
    ListView view = list_snapshot(t, list);
    ListFiller part(t, static_cast<size_t>(r.count));
    for (int64_t n = 0, at = r.start; n < r.count; ++n, at += r.step) {
      if (static_cast<size_t>(at) >= view.count) break;
      part.push(view.items[at].get());
    }
    return part.finish();
  } else if (key.is_bool() || type_of(t, key)->slots.index != nullptr) {
    i = TRY(to_ssize(t, key, Exc::IndexError));
    size = static_cast<int64_t>(list->length());
  } else {
    return t.raise(Exc::TypeError, "list indices must be integers or slices, not {}", type_name(t, key));
  }
  if (i < 0) i += size;
  Value item = i < 0 ? kEmpty : list->at(static_cast<size_t>(i));
  if (item.is_empty()) return t.raise(Exc::IndexError, "list index out of range");
  return item;
}

// del list[a:b:c] with a step: moves the survivors together.
static Status delete_extended(Thread& t, ListObject* list, SliceRange r) {
  if (r.count <= 0) return {};
  if (r.step < 0) {
    r.start += r.step * (r.count - 1);
    r.step = -r.step;
  }
  ObjectLock lock(t, list);
  auto size = static_cast<int64_t>(list->size.load(std::memory_order_relaxed));
  Slot* items =
      list->array.load(std::memory_order_relaxed) == nullptr ? nullptr : list->array.load()->items();
  int64_t to = r.start, removed = 0;
  for (int64_t i = r.start; i < size; ++i) {
    if (removed < r.count && i == r.start + removed * r.step)
      ++removed;
    else
      items[to++] = items[i].get();
  }
  if (removed != 0) list_set_size(list, static_cast<size_t>(to));
  return {};
}

static Status assign_slice(Thread& t, ListObject* list, SliceObject* slice, Value value) {
  if (value.is_empty()) {
    SliceRange r = TRY(slice_indices(t, slice, static_cast<int64_t>(list->length())));
    if (r.step != 1) return delete_extended(t, list, r);
    ObjectLock lock(t, list);
    return list_replace_range(t, list, static_cast<size_t>(r.start), static_cast<size_t>(r.start + r.count),
                              nullptr, 0);
  }
  // A sequence of its own: `a[:] = a` and iterables that change the list must not disturb the copy.
  SliceRange first = TRY(slice_indices(t, slice, static_cast<int64_t>(list->length())));
  Value items = value;
  if (is_list(value)) {
    items = list_to_tuple(t, value.as<ListObject>());
  } else if (!is_tuple(value)) {
    if (type_of(t, value)->slots.iter == nullptr && type_of(t, value)->slots.get_item == nullptr) {
      if (first.step == 1) return t.raise(Exc::TypeError, "can only assign an iterable");
      return t.raise(Exc::TypeError, "must assign iterable to extended slice");
    }
    items = TRY(to_tuple(t, value));
  }
  auto* tuple = items.as<TupleObject>();
  SliceRange r = TRY(slice_indices(t, slice, static_cast<int64_t>(list->length())));
  ObjectLock lock(t, list);
  if (r.step == 1)
    return list_replace_range(t, list, static_cast<size_t>(r.start), static_cast<size_t>(r.start + r.count),
                              tuple->items(), tuple->size);
  if (static_cast<int64_t>(tuple->size) != r.count)
    return t.raise(Exc::ValueError, "attempt to assign sequence of size {} to extended slice of size {}",
                   tuple->size, r.count);
  size_t size = list->size.load(std::memory_order_relaxed);
  if (r.count == 0) return {};
  Slot* to = list->array.load(std::memory_order_relaxed)->items();
  for (int64_t n = 0, at = r.start; n < r.count; ++n, at += r.step)
    if (static_cast<size_t>(at) < size) to[at] = tuple->items()[n].get();
  return {};
}

Status list_set_item(Thread& t, Value self, Value key, Value value) {
  auto* list = self.as<ListObject>();
  int64_t i;
  if (key.is_int()) {
    i = key.as_int();
  } else if (is_kind(key, Kind::Slice)) {
    return assign_slice(t, list, key.as<SliceObject>(), value);
  } else if (key.is_bool() || type_of(t, key)->slots.index != nullptr) {
    i = TRY(to_ssize(t, key, Exc::IndexError));
  } else {
    return t.raise(Exc::TypeError, "list indices must be integers or slices, not {}", type_name(t, key));
  }
  ObjectLock lock(t, list);
  if (!value.is_empty() && list_store_locked(list, i, value)) return {};
  auto size = static_cast<int64_t>(list->size.load(std::memory_order_relaxed));
  if (i < 0) i += size;
  if (i < 0 || i >= size) return t.raise(Exc::IndexError, "list assignment index out of range");
  return list_replace_range(t, list, static_cast<size_t>(i), static_cast<size_t>(i) + 1, nullptr, 0);
}

static Result<bool> list_contains(Thread& t, Value self, Value item) {
  auto* list = self.as<ListObject>();
  for (size_t i = 0; i < list->length(); ++i) {
    Value own = list->at(i);
    if (own.is_empty()) break;
    bool same = TRY(equals_fast(t, own, item));
    if (same) return true;
  }
  return false;
}

static Result<Value> list_concat(Thread& t, Value left, Value right) {
  if (!is_list(right))
    return t.raise(Exc::TypeError, "can only concatenate list (not \"{}\") to list", type_name(t, right));
  if (free_threaded(t)) {
    size_t count = left.as<ListObject>()->length() + right.as<ListObject>()->length();
    ListObject* sum = make_list(t, count);
    TRY(list_append_list(t, sum, left.as<ListObject>()));
    TRY(list_append_list(t, sum, right.as<ListObject>()));
    return sum;
  }
  ListView a = list_view(left.as<ListObject>());
  ListView b = list_view(right.as<ListObject>());
  Slot* to;
  ListObject* sum = make_list_unset(t, a.count + b.count, &to);
  if (to == nullptr) {
    if (a.count + b.count != 0) return t.raise_memory_error();
    return sum;
  }
  copy_slots(t, to, a.items, a.count);
  copy_slots(t, to + a.count, b.items, b.count);
  return sum;
}

static Result<Value> list_repeat(Thread& t, Value self, Value count) {
  if (!is_any_int(count) && type_of(t, count)->slots.index == nullptr)
    return t.raise(Exc::TypeError, "can't multiply sequence by non-int of type '{}'", type_name(t, count));
  int64_t n = TRY(to_ssize(t, count));
  ListView view = list_snapshot(t, self.as<ListObject>());
  if (n <= 0 || view.count == 0) return make_list(t);
  if (n > kMaxContainerItems / static_cast<int64_t>(view.count)) return t.raise_memory_error();
  size_t total = view.count * static_cast<size_t>(n);
  Slot* to;
  ListObject* product = make_list_unset(t, total, &to);
  if (to == nullptr) return t.raise_memory_error();
  copy_slots(t, to, view.items, view.count);
  for (size_t done = view.count, step; done < total; done += step) {
    step = std::min(done, total - done);
    copy_slots(t, to + done, to, step);
  }
  return product;
}

static Result<Value> list_inplace_concat(Thread& t, Value self, Value other) {
  TRY(list_extend(t, self.as<ListObject>(), other));
  return self;
}

static Result<Value> list_inplace_repeat(Thread& t, Value self, Value count) {
  if (!is_any_int(count) && type_of(t, count)->slots.index == nullptr)
    return t.raise(Exc::TypeError, "can't multiply sequence by non-int of type '{}'", type_name(t, count));
  int64_t n = TRY(to_ssize(t, count));
  auto* list = self.as<ListObject>();
  if (n <= 0) {
    list_clear(t, list);
    return self;
  }
  ObjectLock lock(t, list);
  size_t size = list->size.load(std::memory_order_relaxed);
  if (size == 0 || n == 1) return self;
  if (n > kMaxContainerItems / static_cast<int64_t>(size)) return t.raise_memory_error();
  size_t total = size * static_cast<size_t>(n);
  Slot* items = list_reserve(t, list, total);
  if (items == nullptr) return t.raise_memory_error();
  for (size_t i = size; i < total; ++i) items[i] = items[i - size].get();
  list->size.store(total, std::memory_order_release);
  return self;
}

static Result<Value> list_iter(Thread& t, Value self) {
  auto* it = t.heap().make<ListIterator>(t, t.types().list_iterator);
  it->list = self;
  return it;
}

// ---------------------------------------------------------------- methods
// A function of its own: the common case saves no registers for it.
MP_NOINLINE static Result<Value> append_the_long_way(Thread& t, ListObject* list, Value item) {
  TRY(list_append(t, list, item));
  return kNone;
}
static Result<Value> method_append(Thread& t, const Value* args) {
  auto* list = args[0].as<ListObject>();
  Value item = args[1];
  if (list_append_in_room(t, list, item)) [[likely]]
    return kNone;
  return append_the_long_way(t, list, item);
}
static Result<Value> method_extend(Thread& t, const Value* args) {
  TRY(list_extend(t, args[0].as<ListObject>(), args[1]));
  return kNone;
}
static Result<Value> method_insert(Thread& t, const Value* args) {
  int64_t index = TRY(to_ssize(t, args[1]));
  TRY(list_insert(t, args[0].as<ListObject>(), index, args[2]));
  return kNone;
}
static Result<Value> method_pop(Thread& t, const Value* args) {
  int64_t index = args[1].is_int() ? args[1].as_int() : TRY(to_ssize(t, args[1]));
  return list_pop(t, args[0].as<ListObject>(), index);
}
static Result<Value> method_clear(Thread& t, const Value* args) {
  list_clear(t, args[0].as<ListObject>());
  return kNone;
}
static Result<Value> method_copy(Thread& t, const Value* args) {
  auto* list = args[0].as<ListObject>();
  return str_or_error(list_slice(t, list, 0, list->length()));
}
static Result<Value> method_count(Thread& t, const Value* args) {
  auto* list = args[0].as<ListObject>();
  int64_t n = 0;
  for (size_t i = 0; i < list->length(); ++i) {
    Value own = list->at(i);
    if (own.is_empty()) break;
    bool same = TRY(equals_fast(t, own, args[1]));
    if (same) ++n;
  }
  return Value::from_int(n);
}
static Result<Value> method_index(Thread& t, const Value* args) {
  auto* list = args[0].as<ListObject>();
  int64_t start = clamp_start(TRY(slice_argument(t, args[2])), static_cast<int64_t>(list->length()));
  int64_t stop = clamp_start(TRY(slice_argument(t, args[3])), static_cast<int64_t>(list->length()));
  for (int64_t i = start; i < stop && i < static_cast<int64_t>(list->length()); ++i) {
    Value own = list->at(static_cast<size_t>(i));
    if (own.is_empty()) break;
    bool same = TRY(equals_fast(t, own, args[1]));
    if (same) return Value::from_int(i);
  }
  return t.raise(Exc::ValueError, "{} is not in list", repr_text(t, args[1]));
}
static Result<Value> method_remove(Thread& t, const Value* args) {
  auto* list = args[0].as<ListObject>();
  for (size_t i = 0; i < list->length(); ++i) {
    Value own = list->at(i);
    if (own.is_empty()) break;
    bool same = TRY(equals_fast(t, own, args[1]));
    if (!same) continue;
    ObjectLock lock(t, list);
    size_t n = list->size.load(std::memory_order_relaxed);
    // Another thread may have moved it meanwhile: look again under the lock, by identity.
    ListView view = list_view(list);
    if (free_threaded(t) && (i >= view.count || view.items[i].get() != own)) {
      for (i = 0; i < view.count && view.items[i].get() != own;) ++i;
      if (i == view.count) break;
    }
    if (i < n) TRY(list_replace_range(t, list, i, i + 1, nullptr, 0));
    return kNone;
  }
  return t.raise(Exc::ValueError, "list.remove(x): x not in list");
}
static Result<Value> method_reverse(Thread& t, const Value* args) {
  auto* list = args[0].as<ListObject>();
  ObjectLock lock(t, list);
  ListView view = list_view(list);
  if (view.count < 2) return kNone;
  for (size_t i = 0, j = view.count - 1; i < j; ++i, --j) {
    Value x = view.items[i].get();
    view.items[i] = view.items[j].get();
    view.items[j] = x;
  }
  return kNone;
}
static Result<Value> method_sort(Thread& t, const Value* args) {
  bool reverse = args[2].is_bool() ? args[2].is_true() : TRY(truth(t, args[2]));
  TRY(list_sort(t, args[0].as<ListObject>(), args[1], reverse));
  return kNone;
}
struct ListReverseIterator : Object {
  Slot list;
  std::atomic<int64_t> index{0};
};
static Result<Value> method_reversed(Thread& t, const Value* args) {
  auto* it = t.heap().make<ListReverseIterator>(t, t.types().list_reverse_iterator);
  it->list = args[0];
  it->index.store(static_cast<int64_t>(args[0].as<ListObject>()->length()) - 1);
  return it;
}
static Result<Value> method_sizeof(Thread&, const Value* args) {
  auto* list = args[0].as<ListObject>();
  ListArray* a = list->array.load(std::memory_order_acquire);
  return Value::from_int(
      static_cast<int64_t>(sizeof(ListObject) + 16 + (a == nullptr ? 0 : a->capacity * sizeof(Slot))));
}
static Result<Value> method_getitem(Thread& t, const Value* args) {
  return list_get_item(t, args[0], args[1]);
}

static const NativeDef kListMethods[] = {
    MP_RAW_NEW(list_new, "__new__(cls, *args, **kwargs)", nullptr),
    MP_RAW_METHOD(list_init, "__init__(self, iterable=?, /)", nullptr),
    MP_METHOD(method_getitem, "__getitem__(self, index, /)", "Return self[index]."),
    MP_METHOD(method_reversed, "__reversed__(self, /)", "Return a reverse iterator over the list."),
    MP_METHOD(method_sizeof, "__sizeof__(self, /)", "Return the size of the list in memory, in bytes."),
    MP_METHOD(method_clear, "clear(self, /)", "Remove all items from list."),
    MP_METHOD(method_copy, "copy(self, /)", "Return a shallow copy of the list."),
    MP_QUIET_METHOD(method_append, "append(self, object, /)", "Append object to the end of the list."),
    MP_METHOD(method_insert, "insert(self, index, object, /)", "Insert object before index."),
    MP_METHOD(method_extend, "extend(self, iterable, /)",
              "Extend list by appending elements from the iterable."),
    MP_METHOD(method_pop, "pop(self, index=-1, /)",
              "Remove and return item at index (default last).\n\nRaises IndexError if list is empty or "
              "index is out of range."),
    MP_METHOD(method_remove, "remove(self, value, /)",
              "Remove first occurrence of value.\n\nRaises ValueError if the value is not present."),
    MP_METHOD(method_index, "index(self, value, start=0, stop=9223372036854775807, /)",
              "Return first index of value.\n\nRaises ValueError if the value is not present."),
    MP_METHOD(method_count, "count(self, value, /)", "Return number of occurrences of value."),
    MP_METHOD(method_reverse, "reverse(self, /)", "Reverse *IN PLACE*."),
    MP_METHOD(method_sort, "sort(self, /, *, key=None, reverse=False)",
              "Sort the list in ascending order and return None.\n\nThe sort is in-place (i.e. the list "
              "itself is modified) and "
              "stable (i.e. the\norder of two equal elements is maintained).\n\nIf a key function is given, "
              "apply it once to each "
              "list item and sort them,\nascending or descending, according to their function values.\n\nThe "
              "reverse flag can be "
              "set to sort in descending order."),
    MP_CLASS_GETITEM,
    MP_END};

extern const TypeSpec kListSpec;
const TypeSpec kListSpec = {
    .name = "list",
    .kind = Kind::List,
    .size = sizeof(ListObject),
    .flags = kTypeBaseType | kTypeListSubclass | kTypeSequence | kTypeMatchSelf,
    .doc =
        "Built-in mutable sequence.\n\nIf no argument is given, the constructor "
        "creates a new empty list.\nThe argument must be "
        "an iterable if specified.",
    .trace = trace_list,
    .slots =
        MP_SLOTS(.repr = list_repr, .hash = hash_not_implemented, .compare = list_compare, .iter = list_iter,
                 .length = list_length, .get_item = list_get_item, .set_item = list_set_item,
                 .contains = list_contains, .concat = list_concat, .repeat = list_repeat,
                 .inplace_concat = list_inplace_concat, .inplace_repeat = list_inplace_repeat),
    .methods = kListMethods};

// ---------------------------------------------------------------- iterators
static void trace_list_iterator(Object* self, Tracer& tracer) {
  tracer.visit(static_cast<ListIterator*>(self)->list);
}

static Result<Value> list_iterator_next(Thread&, Value self) {
  auto* it = self.as<ListIterator>();
  Value list = it->list.get();
  if (list.is_empty()) return kNoMore;
  uint64_t i = it->index.load(std::memory_order_relaxed);
  Value item = list.as<ListObject>()->at(i);
  if (item.is_empty()) {
    it->list = kEmpty;
    return kNoMore;
  }
  it->index.store(i + 1, std::memory_order_relaxed);
  return item;
}

static Result<Value> list_iterator_length_hint(Thread&, const Value* args) {
  auto* it = args[0].as<ListIterator>();
  Value list = it->list.get();
  if (list.is_empty()) return Value::from_int(0);
  int64_t rest =
      static_cast<int64_t>(list.as<ListObject>()->length()) - static_cast<int64_t>(it->index.load());
  return Value::from_int(rest < 0 ? 0 : rest);
}

static Result<Value> list_iterator_reduce(Thread& t, const Value* args) {
  auto* it = args[0].as<ListIterator>();
  Value iter = TRY(builtin_function(t, "iter"));
  Value list = it->list.get();
  if (list.is_empty()) return make_tuple(t, {iter, Value(make_tuple(t, {Value(make_list(t))}))});
  return make_tuple(
      t, {iter, Value(make_tuple(t, {list})), Value::from_int(static_cast<int64_t>(it->index.load()))});
}

static Result<Value> list_iterator_setstate(Thread& t, const Value* args) {
  auto* it = args[0].as<ListIterator>();
  int64_t index = TRY(to_ssize(t, args[1]));
  Value list = it->list.get();
  if (!list.is_empty()) {
    auto size = static_cast<int64_t>(list.as<ListObject>()->length());
    it->index.store(static_cast<uint64_t>(index < 0 ? 0 : index > size ? size : index));
  }
  return kNone;
}

static const NativeDef kListIteratorMethods[] = {
    MP_METHOD(list_iterator_length_hint, "__length_hint__(self, /)",
              "Private method returning an estimate of len(list(it))."),
    MP_METHOD(list_iterator_reduce, "__reduce__(self, /)", "Return state information for pickling."),
    MP_METHOD(list_iterator_setstate, "__setstate__(self, state, /)",
              "Set state information for unpickling."),
    MP_END};

extern const TypeSpec kListIteratorSpec;
const TypeSpec kListIteratorSpec = {.name = "list_iterator",
                                    .size = sizeof(ListIterator),
                                    .flags = kTypeDisallowNew,
                                    .trace = trace_list_iterator,
                                    .slots = MP_SLOTS(.iter = iterator_self, .next = list_iterator_next),
                                    .methods = kListIteratorMethods};

static void trace_reverse_iterator(Object* self, Tracer& tracer) {
  tracer.visit(static_cast<ListReverseIterator*>(self)->list);
}

static Result<Value> reverse_iterator_next(Thread&, Value self) {
  auto* it = self.as<ListReverseIterator>();
  Value list = it->list.get();
  if (list.is_empty()) return kNoMore;
  int64_t i = it->index.load(std::memory_order_relaxed);
  Value item = i < 0 ? kEmpty : list.as<ListObject>()->at(static_cast<size_t>(i));
  if (item.is_empty()) {
    it->index.store(-1, std::memory_order_relaxed);
    it->list = kEmpty;
    return kNoMore;
  }
  it->index.store(i - 1, std::memory_order_relaxed);
  return item;
}

static Result<Value> reverse_iterator_length_hint(Thread&, const Value* args) {
  auto* it = args[0].as<ListReverseIterator>();
  Value list = it->list.get();
  int64_t rest = it->index.load() + 1;
  if (list.is_empty() || static_cast<int64_t>(list.as<ListObject>()->length()) < rest) rest = 0;
  return Value::from_int(rest);
}

static Result<Value> reverse_iterator_reduce(Thread& t, const Value* args) {
  auto* it = args[0].as<ListReverseIterator>();
  Value list = it->list.get();
  if (list.is_empty()) {
    Value iter = TRY(builtin_function(t, "iter"));
    return make_tuple(t, {iter, Value(make_tuple(t, {Value(make_list(t))}))});
  }
  Value reversed = TRY(builtin_function(t, "reversed"));
  return make_tuple(t, {reversed, Value(make_tuple(t, {list})), Value::from_int(it->index.load())});
}

static Result<Value> reverse_iterator_setstate(Thread& t, const Value* args) {
  auto* it = args[0].as<ListReverseIterator>();
  int64_t index = TRY(to_ssize(t, args[1]));
  Value list = it->list.get();
  if (!list.is_empty()) {
    auto size = static_cast<int64_t>(list.as<ListObject>()->length());
    it->index.store(index < -1 ? -1 : index > size - 1 ? size - 1 : index);
  }
  return kNone;
}

static const NativeDef kListReverseIteratorMethods[] = {
    MP_METHOD(reverse_iterator_length_hint, "__length_hint__(self, /)",
              "Private method returning an estimate of len(list(it))."),
    MP_METHOD(reverse_iterator_reduce, "__reduce__(self, /)", "Return state information for pickling."),
    MP_METHOD(reverse_iterator_setstate, "__setstate__(self, state, /)",
              "Set state information for unpickling."),
    MP_END};

extern const TypeSpec kListReverseIteratorSpec;
const TypeSpec kListReverseIteratorSpec = {
    .name = "list_reverseiterator",
    .size = sizeof(ListReverseIterator),
    .flags = kTypeDisallowNew,
    .trace = trace_reverse_iterator,
    .slots = MP_SLOTS(.iter = iterator_self, .next = reverse_iterator_next),
    .methods = kListReverseIteratorMethods};

}  // namespace mp

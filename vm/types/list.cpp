// The list core: arrays, append, slices, pop; what other C++ code calls. Methods are in list_methods.cpp,
// sorting in list_sort.cpp.
#include "vm/types/list_support.h"

#include "vm/core/compiler.h"
#include "vm/protocol/walk.h"
#include "vm/types/dict_table.h"
#include "vm/types/range_values.h"

namespace mp {

ListArray* list_allocate_array(Thread& t, size_t capacity, size_t written) {
  if (capacity > static_cast<size_t>(kMaxContainerItems)) return nullptr;
  size_t bytes = Heap::usable_size(sizeof(ListArray) + capacity * sizeof(Slot));
  size_t used = sizeof(ListArray) + written * sizeof(Slot);
  auto* a = static_cast<ListArray*>(written == 0 ? t.heap().allocate_raw(t, bytes)
                                                 : t.heap().allocate_raw_unset(t, bytes, used));
  if (a == nullptr) return nullptr;
  a->reserved = 0;
  a->capacity = (bytes - sizeof(ListArray)) / sizeof(Slot);
  return a;
}

ListObject* make_list(Thread& t, size_t capacity) {
  auto* list = t.heap().make<ListObject>(t, t.types().list);
  if (capacity != 0) list->array.store(list_allocate_array(t, capacity, 0), std::memory_order_release);
  return list;
}

ListObject* make_list_unset(Thread& t, size_t count, Slot** items) {
  auto* list = t.heap().make<ListObject>(t, t.types().list);
  *items = nullptr;
  if (count == 0) return list;
  ListArray* a = list_allocate_array(t, count, count);
  if (a == nullptr) return list;
  list->array.store(a, std::memory_order_relaxed);
  list->size.store(count, std::memory_order_release);
  *items = a->items();
  return list;
}

ListObject* make_list(Thread& t, const Value* items, size_t count) {
  Slot* to;
  ListObject* list = make_list_unset(t, count, &to);
  MP_CHECK(to != nullptr || count == 0, "out of memory while building a list");
  copy_values(to, items, count);
  return list;
}

Slot* list_reserve(Thread& t, ListObject* list, size_t count) {
  ListArray* old = list->array.load(std::memory_order_relaxed);
  if (old != nullptr && count <= old->capacity) return old->items();
  size_t size = list->size.load(std::memory_order_relaxed);
  // One more than the size is an append: grow by half. Anything else asks for what it needs.
  size_t wanted = size != 0 && count <= size + (size >> 1) ? size + (size >> 1) + 6 : count;
  if (wanted < 4) wanted = 4;
  ListArray* a = list_allocate_array(t, wanted, size);
  if (a == nullptr) return nullptr;
  if (old != nullptr && size != 0)
    std::memcpy(static_cast<void*>(a->items()), static_cast<const void*>(old->items()), size * sizeof(Slot));
  list->array.store(a, std::memory_order_release);
  return a->items();
}

void list_set_size(ListObject* list, size_t count) {
  size_t old = list->size.load(std::memory_order_relaxed);
  list->size.store(count, std::memory_order_release);
  if (count < old) {
    Slot* items = list->array.load(std::memory_order_relaxed)->items();
    for (size_t i = count; i < old; ++i) items[i] = kEmpty;
  }
}

// nullptr: the list is empty, or there is no memory.
static ListArray* copy_array(Thread& t, ListObject* list, size_t* count) {
  ObjectLock lock(t, list);
  ListView view = list_view(list);
  *count = view.count;
  ListArray* copy = view.count == 0 ? nullptr : list_allocate_array(t, view.count, view.count);
  if (copy != nullptr) copy_steady_slots(copy->items(), view.items, view.count);
  return copy;
}

ListView list_snapshot(Thread& t, ListObject* list) {
  if (!free_threaded(t)) return list_view(list);
  size_t count;
  ListArray* copy = copy_array(t, list, &count);
  MP_CHECK(copy != nullptr || count == 0, "out of memory while copying a list");
  return copy == nullptr ? ListView{} : ListView{copy->items(), count};
}

MP_NOINLINE static Status append_growing(Thread& t, ListObject* list, Value item) {
  ObjectLock lock(t, list);
  size_t n = list->size.load(std::memory_order_relaxed);
  Slot* items = list_reserve(t, list, n + 1);
  if (items == nullptr) return t.raise_memory_error();
  items[n].set(item);
  list->size.store(n + 1, std::memory_order_release);
  return {};
}

Status list_append(Thread& t, ListObject* list, Value item) {
  if (list_append_in_room(t, list, item)) [[likely]]
    return {};
  return append_growing(t, list, item);
}

static Status append_slots(Thread& t, ListObject* list, const Slot* items, size_t count) {
  ObjectLock lock(t, list);
  size_t n = list->size.load(std::memory_order_relaxed);
  Slot* to = list_reserve(t, list, n + count);
  if (to == nullptr) return t.raise_memory_error();
  copy_slots(t, to + n, items, count);
  list->size.store(n + count, std::memory_order_release);
  return {};
}

// Without a GIL: what was copied in one step becomes the list's own array if it has none.
static Status extend_by_list(Thread& t, ListObject* list, ListObject* source) {
  size_t count;
  ListArray* copy = copy_array(t, source, &count);
  if (count == 0) return {};
  if (copy == nullptr) return t.raise_memory_error();
  {
    ObjectLock lock(t, list);
    if (list->size.load(std::memory_order_relaxed) == 0) {
      list->array.store(copy, std::memory_order_release);
      list->size.store(count, std::memory_order_release);
      return {};
    }
  }
  return append_slots(t, list, copy->items(), count);
}

Status list_append_list(Thread& t, ListObject* own, ListObject* source) {
  ObjectLock lock(t, source);
  ListView view = list_view(source);
  if (view.count == 0) return {};
  size_t n = own->size.load(std::memory_order_relaxed);
  Slot* to = list_reserve(t, own, n + view.count);
  if (to == nullptr) return t.raise_memory_error();
  copy_steady_slots(to + n, view.items, view.count);
  own->size.store(n + view.count, std::memory_order_release);
  return {};
}

// The keys of a dict, in one step.
static Status extend_by_keys(Thread& t, ListObject* list, DictObject* dict) {
  ListObject* keys = make_list(t, dict->length());
  {
    ObjectLock lock(t, dict);
    DictTable* table = dict->table.load(std::memory_order_relaxed);
    size_t position = 0;
    for (Value key, value; dict_next_in(table, &position, &key, &value, nullptr);)
      if (!list_append_locked(keys, key)) TRY(list_append(t, keys, key));
  }
  return extend_by_list(t, list, keys);
}

// PEP 703: list(d), sorted(s) and the like are one step, whoever changes the dict or the set meanwhile.
static Result<Value> unchanging(Thread& t, Value iterable) {
  if (!iterable.is_object()) return iterable;
  BuiltinTypes& types = t.types();
  Type* type = iterable.as_object()->type();
  if (type == types.dict) return str_or_error(dict_copy(t, iterable.as<DictObject>()));
  if (type == types.set) return set_copy(t, iterable.as<SetObject>(), types.set);
  if (type != types.dict_keys && type != types.dict_values && type != types.dict_items) return iterable;
  Value dict = iterable.as<DictViewObject>()->dict;
  if (!is_exact(dict, types.dict)) return iterable;
  DictObject* copy = dict_copy(t, dict.as<DictObject>());
  if (copy == nullptr) return Error{};
  return make_dict_view(t, copy,
                        type == types.dict_keys     ? DictPart::Keys
                        : type == types.dict_values ? DictPart::Values
                                                    : DictPart::Items);
}

Status list_extend(Thread& t, ListObject* list, Value iterable) {
  if (is_kind(iterable, Kind::List) && type_of(t, iterable)->slots.iter == t.types().list->slots.iter) {
    if (free_threaded(t)) return extend_by_list(t, list, iterable.as<ListObject>());
    ListView view = list_view(iterable.as<ListObject>());
    return view.count == 0 ? Status() : append_slots(t, list, view.items, view.count);
  }
  if (is_kind(iterable, Kind::Tuple) && type_of(t, iterable)->slots.iter == t.types().tuple->slots.iter) {
    auto* tuple = iterable.as<TupleObject>();
    return tuple->size == 0 ? Status() : append_slots(t, list, tuple->items(), tuple->size);
  }
  int64_t start, step, length;
  if (is_exact(iterable, t.types().range) &&
      range_in_words(iterable.as<RangeObject>(), &start, &step, &length)) {
    if (length == 0) return {};
    ObjectLock lock(t, list);
    size_t n = list->size.load(std::memory_order_relaxed), added = static_cast<size_t>(length);
    Slot* items = length <= kMaxContainerItems ? list_reserve(t, list, n + added) : nullptr;
    if (items == nullptr) return t.raise_memory_error();
    for (size_t i = 0; i < added; ++i, start += step) items[n + i].set(Value::from_int(start));
    list->size.store(n + added, std::memory_order_release);
    return {};
  }
  if (free_threaded(t)) {
    if (is_exact(iterable, t.types().dict)) return extend_by_keys(t, list, iterable.as<DictObject>());
    iterable = TRY(unchanging(t, iterable));
  }
  Walk walk(t);
  TRY(walk.begin(iterable));
  // The hint makes room, which is not touched before it is used; what cannot be had is a MemoryError at once.
  // As CPython, an error of __length_hint__ counts.
  int64_t hint = walk.known_length();
  if (hint < 0) hint = TRY(length_hint(t, iterable, 8));
  int64_t total;  // a sum beyond all numbers is no hint
  if (hint > 8 && !__builtin_add_overflow(hint, static_cast<int64_t>(list->length()), &total)) {
    ObjectLock lock(t, list);
    size_t n = list->size.load(std::memory_order_relaxed);
    Slot* items = hint <= kMaxContainerItems ? list_reserve(t, list, n + static_cast<size_t>(hint)) : nullptr;
    if (items == nullptr) return t.raise_memory_error();
    size_t copied;
    if (!free_threaded(t) && walk.copy_to(items + n, &copied)) {
      list->size.store(n + copied, std::memory_order_release);
      return {};
    }
  }
  for (;;) {
    Value item = TRY(walk.next());
    if (item.is_no_more()) return {};
    if (!list_append_in_room(t, list, item)) TRY(list_append(t, list, item));
  }
}

Status list_set(Thread& t, ListObject* list, size_t index, Value item) {
  ObjectLock lock(t, list);
  if (index >= list->size.load(std::memory_order_relaxed))
    return t.raise(Exc::IndexError, "list assignment index out of range");
  list->array.load(std::memory_order_relaxed)->items()[index].set(item);
  return {};
}

Status list_insert(Thread& t, ListObject* list, int64_t index, Value item) {
  ObjectLock lock(t, list);
  auto n = static_cast<int64_t>(list->size.load(std::memory_order_relaxed));
  if (index < 0) {
    index += n;
    if (index < 0) index = 0;
  }
  if (index > n) index = n;
  Slot* items = list_reserve(t, list, static_cast<size_t>(n) + 1);
  if (items == nullptr) return t.raise_memory_error();
  move_slots(t, items + index + 1, items + index, static_cast<size_t>(n - index));
  items[index].set(item);
  list->size.store(static_cast<uint64_t>(n) + 1, std::memory_order_release);
  return {};
}

Result<Value> list_pop(Thread& t, ListObject* list, int64_t index) {
  ObjectLock lock(t, list);
  auto n = static_cast<int64_t>(list->size.load(std::memory_order_relaxed));
  if (n == 0) return t.raise(Exc::IndexError, "pop from empty list");
  if (index < 0) index += n;
  if (index < 0 || index >= n) return t.raise(Exc::IndexError, "pop index out of range");
  Slot* items = list->array.load(std::memory_order_relaxed)->items();
  Value item = items[index].get();
  if (index != n - 1) move_slots(t, items + index, items + index + 1, static_cast<size_t>(n - 1 - index));
  list->size.store(static_cast<uint64_t>(n) - 1, std::memory_order_release);
  items[n - 1] = kEmpty;
  return item;
}

void list_clear(Thread& t, ListObject* list) {
  ObjectLock lock(t, list);
  ListArray* a = list->array.load(std::memory_order_relaxed);
  if (a != nullptr && a->capacity == 0) return;  // being sorted, and unchanged
  list->size.store(0, std::memory_order_release);
  list->array.store(nullptr, std::memory_order_release);
}

Status list_replace_range(Thread& t, ListObject* list, size_t low, size_t high, const Slot* items,
                          size_t count) {
  size_t n = list->size.load(std::memory_order_relaxed);
  if (high > n) high = n;
  if (low > high) low = high;
  size_t removed = high - low;
  size_t after = n - removed + count;
  if (count > removed) {
    Slot* to = list_reserve(t, list, after);
    if (to == nullptr) return t.raise_memory_error();
    move_slots(t, to + low + count, to + high, n - high);
    copy_slots(to + low, items, count);
    list->size.store(after, std::memory_order_release);
  } else if (n != 0) {
    Slot* to = list->array.load(std::memory_order_relaxed)->items();
    copy_slots(to + low, items, count);
    move_slots(t, to + low + count, to + high, n - high);
    if (after == 0) {
      list->size.store(0, std::memory_order_release);
      list->array.store(nullptr, std::memory_order_release);
    } else {
      list_set_size(list, after);
    }
  }
  return {};
}

Status list_set_slice(Thread& t, ListObject* list, int64_t low, int64_t high, const Value* items,
                      size_t count) {
  static_assert(sizeof(Value) == sizeof(Slot));
  ObjectLock lock(t, list);
  auto n = static_cast<int64_t>(list->size.load(std::memory_order_relaxed));
  low = low < 0 ? 0 : low > n ? n : low;
  high = high < low ? low : high > n ? n : high;
  return list_replace_range(t, list, static_cast<size_t>(low), static_cast<size_t>(high),
                            reinterpret_cast<const Slot*>(items), count);
}

Result<Value> tuple_of_list(Thread& t, ListObject* list) {
  ObjectLock lock(t, list);
  ListView view = list_view(list);
  TupleObject* tuple = TRY(new_tuple(t, view.count));
  copy_slots(t, tuple->items(), view.items, view.count);
  return tuple;
}

TupleObject* list_to_tuple(Thread& t, ListObject* list) {
  ObjectLock lock(t, list);
  ListView view = list_view(list);
  TupleObject* tuple = allocate_tuple(t, view.count);
  copy_slots(t, tuple->items(), view.items, view.count);
  return tuple;
}

}  // namespace mp

// Array handling shared by the list files. The caller of the changing functions holds the list's lock.
// Internal to list*.cpp and heapq.
#pragma once
#include "vm/types/container_support.h"

namespace mp {

// What a reader may look at: one array, and how many of its slots belong to the list. Slots may turn empty
// under its eyes when other threads shrink it.
struct ListView {
  Slot* items = nullptr;
  size_t count = 0;
};
inline ListView list_view(const ListObject* list) {
  ListArray* a = list->array.load(std::memory_order_acquire);
  if (a == nullptr) return {};
  size_t n = list->length();
  return {a->items(), n < a->capacity ? n : a->capacity};
}

// A copy nobody changes: with a GIL the list's own array, else a copied one.
ListView list_snapshot(Thread& t, ListObject* list);

// Appends the items of `source`, in one step, to a list that nobody else knows of.
Status list_append_list(Thread& t, ListObject* own, ListObject* source);

// The first `written` items are left to the caller, the others are empty. nullptr when out of memory.
ListArray* list_allocate_array(Thread& t, size_t capacity, size_t written);
// Makes room for `count` items in all (size stays). nullptr when out of memory.
Slot* list_reserve(Thread& t, ListObject* list, size_t count);
// Sets the size; slots beyond it are emptied, so that no reader meets a stale pointer.
void list_set_size(ListObject* list, size_t count);
Status list_replace_range(Thread& t, ListObject* list, size_t low, size_t high, const Slot* items,
                          size_t count);

// The common case of list_append: there is room. The caller holds the list's lock, or its GIL stands for it,
// or nobody else knows of the list.
inline bool list_append_locked(ListObject* list, Value item) {
  size_t n = list->size.load(std::memory_order_relaxed);
  ListArray* a = list->array.load(std::memory_order_relaxed);
  if (a == nullptr || n >= a->capacity) return false;
  a->items()[n].set(item);
  list->size.store(n + 1, std::memory_order_release);
  return true;
}
// The same for list[i] = item; false: out of range.
inline bool list_store_locked(ListObject* list, int64_t i, Value item) {
  size_t n = list->size.load(std::memory_order_relaxed);
  if (i < 0) i += static_cast<int64_t>(n);
  if (static_cast<uint64_t>(i) >= n) return false;
  list->array.load(std::memory_order_relaxed)->items()[i].set(item);
  return true;
}
// In line; false: it has to be appended the long way.
inline bool list_append_in_room(Thread& t, ListObject* list, Value item) {
  return ObjectLock::needless(t, list) && list_append_locked(list, item);
}

// A list of `count` items, which the caller writes to `*items` at once: it reaches no safepoint and nobody
// sees the list before. *items is null when there are none or no memory.
ListObject* make_list_unset(Thread& t, size_t count, Slot** items);
// list[low:high], in range; nullptr: MemoryError raised.
ListObject* list_slice(Thread& t, ListObject* list, size_t low, size_t high);
Result<Value> list_get_item(Thread& t, Value self, Value key);
Status list_set_item(Thread& t, Value self, Value key, Value value_or_empty);
Result<Value> compare_sequences(Thread& t, CompareOp op, size_t left_count, size_t right_count, bool differ,
                                Value left, Value right);

// a < b, with ints, floats, str and tuples of them in line.
Result<bool> less_than(Thread& t, Value a, Value b);

}  // namespace mp

// tuple, list, dict, set, slice, range, cell: layouts and the operations that C++ code uses. The methods live
// in the types' .cpp files.
#pragma once
#include <string_view>

#include "vm/types/str.h"

namespace mp {

// ---------------------------------------------------------------- tuple
struct TupleObject : Object {
  uint64_t size = 0;
  std::atomic<int64_t> hash{-1};
  // items follow; a subclass instance keeps its attribute area after them
  Slot* items() { return reinterpret_cast<Slot*>(this + 1); }
  const Slot* items() const { return reinterpret_cast<const Slot*>(this + 1); }
  Value operator[](size_t i) const { return items()[i]; }
};
TupleObject* make_tuple(Thread& t, const Value* items, size_t count);
TupleObject* make_tuple(Thread& t, std::initializer_list<Value> items);
TupleObject* allocate_tuple(Thread& t, size_t count);  // items empty: fill them at once
// For sizes that scripts choose: MemoryError where allocate_tuple() would end the process.
Result<TupleObject*> new_tuple(Thread& t, size_t count);
TupleObject* empty_tuple(Thread& t);
TupleObject* allocate_tuple_of(Thread& t, Type* type, size_t count);  // an instance of a subclass

// ---------------------------------------------------------------- list
struct ListArray;  // raw cell: capacity, then Slots
struct ListArray {
  uint64_t capacity = 0;
  uint64_t reserved = 0;
  Slot* items() { return reinterpret_cast<Slot*>(this + 1); }
};
struct ListObject : Object {
  std::atomic<ListArray*> array{
      nullptr};  // null when never filled. A reader loads array once, then checks index < min(size, capacity)
  std::atomic<uint64_t> size{0};
  uint64_t length() const { return size.load(std::memory_order_acquire); }
  // Item i or empty when out of range by now (another thread shrank the list, or cleared and filled it).
  Value at(size_t i) const {
    ListArray* a = array.load(std::memory_order_acquire);
    return a != nullptr && i < length() && i < a->capacity ? a->items()[i].get() : kEmpty;
  }
};
ListObject* make_list(Thread& t, size_t capacity = 0);
ListObject* make_list(Thread& t, const Value* items, size_t count);
Status list_append(Thread& t, ListObject* list, Value item);
Status list_extend(Thread& t, ListObject* list, Value iterable);
Status list_set(Thread& t, ListObject* list, size_t index, Value item);  // index in range
Status list_insert(Thread& t, ListObject* list, int64_t index, Value item);
Status list_sort(Thread& t, ListObject* list, Value key_or_none, bool reverse);
TupleObject* list_to_tuple(Thread& t, ListObject* list);   // snapshot
Result<Value> tuple_of_list(Thread& t, ListObject* list);  // the same; MemoryError where it does not fit
void list_clear(Thread& t, ListObject* list);
Result<Value> list_pop(Thread& t, ListObject* list,
                       int64_t index);  // IndexError "pop from empty list", "pop index out of range"
Status list_set_slice(Thread& t, ListObject* list, int64_t low, int64_t high, const Value* items,
                      size_t count);  // clamps

// ---------------------------------------------------------------- dict
struct DictEntry {
  std::atomic<int64_t> hash;
  Slot key;    // empty: deleted
  Slot value;  // empty: deleted
};
// Raw cell: header, `entry_capacity` entries in insertion order, then the index (open addressing; 1, 2 or 4
// byte cells). Entries are append-only: an entry's place never changes within one table; growth and clean-up
// make a new table (readers of the old one stay safe: the collector keeps it).
struct DictTable {
  uint32_t index_log2 = 0;
  uint32_t entry_capacity = 0;
  std::atomic<uint32_t> used{0};        // entries appended, deleted ones included
  std::atomic<uint32_t> version{0};     // 0: not cached by anybody; set to a fresh number by dict_version(),
                                        // back to 0 by any change of the key set
  std::atomic<uint32_t> first_live{0};  // entries before it are deleted
  std::atomic<uint32_t> tail{0};        // entries from it on are deleted (popitem)
  DictEntry* entries() { return reinterpret_cast<DictEntry*>(this + 1); }
};
struct DictObject : Object {
  std::atomic<DictTable*> table{nullptr};  // never null
  std::atomic<uint64_t> live{0};
  std::atomic<uint32_t> mutations{0};  // key-set changes, for "dictionary changed size during iteration"
  uint64_t length() const { return live.load(std::memory_order_acquire); }
};
DictObject* make_dict(Thread& t, size_t expected = 0);
// Look-ups return kNotFound when absent; an error only if __hash__ or __eq__ raises.
Result<Value> dict_get(Thread& t, DictObject* dict, Value key);
Value dict_get_str(DictObject* dict, StrObject* key);  // no script code runs for exact str keys; kNotFound
                                                       // when absent. Dicts with odd keys fall back safely
Result<Value> dict_get_hashed(Thread& t, DictObject* dict, Value key, int64_t hash);
Status dict_set(Thread& t, DictObject* dict, Value key, Value value);
// Keys and values by turns, into a new dict: as long as no script code runs, no other thread can know it.
Status dict_fill(Thread& t, DictObject* dict, const Value* pairs, size_t count);
Status dict_set_str(Thread& t, DictObject* dict, StrObject* key, Value value);
Status dict_set_text(Thread& t, DictObject* dict, std::string_view key, Value value);  // interns the key
Value dict_get_text(Thread& t, DictObject* dict, std::string_view key);
Result<bool> dict_delete(Thread& t, DictObject* dict, Value key);  // false when absent
Result<Value> dict_pop(Thread& t, DictObject* dict, Value key);    // kNotFound when absent
Result<Value> dict_set_default(Thread& t, DictObject* dict, Value key,
                               Value value);  // the value now in the dict
void dict_clear(Thread& t, DictObject* dict);
DictObject* dict_copy(Thread& t, DictObject* dict);
Status dict_update(Thread& t, DictObject* dict, Value mapping_or_pairs);  // dict.update(x)
// dict.update for **kwargs: raises TypeError "f() got multiple values for keyword argument 'x'" on duplicates
// when function is not empty.
Status dict_merge_keywords(Thread& t, DictObject* dict, Value mapping, Value function);
// Iteration: `size_t i = 0; Value k, v; while (dict_next(dict, &i, &k, &v)) ...` (insertion order; safe
// against concurrent change)
bool dict_next(DictObject* dict, size_t* position, Value* key, Value* value);
// Caching support for LOAD_GLOBAL: entry number of a str key in the current table, or -1; and the table's
// version (never 0 after this call).
int64_t dict_entry_index(DictObject* dict, StrObject* key);
uint32_t dict_version(Thread& t, DictObject* dict);

// ---------------------------------------------------------------- set, frozenset
struct SetEntry {
  std::atomic<int64_t> hash;
  Slot key;  // empty: free; kNotFound: deleted (dummy)
};
struct SetTable {
  uint64_t mask = 0;
  std::atomic<uint32_t> finger{0};   // where set.pop looks next
  std::atomic<uint32_t> fill{0};     // used + dummies
  std::atomic<uint64_t> changes{0};  // counts changes of this table
  SetEntry* entries() { return reinterpret_cast<SetEntry*>(this + 1); }
};
struct SetObject : Object {
  std::atomic<SetTable*> table{nullptr};  // never null
  std::atomic<uint64_t> live{0};
  std::atomic<int64_t> hash{-1};  // frozenset
  uint64_t length() const { return live.load(std::memory_order_acquire); }
};
SetObject* make_set(Thread& t, Type* type = nullptr);  // nullptr: set
Status set_add(Thread& t, SetObject* set, Value key);
Result<bool> set_contains(Thread& t, SetObject* set, Value key);
Result<bool> set_discard(Thread& t, SetObject* set, Value key);
Status set_update(Thread& t, SetObject* set, Value iterable);
bool set_next(SetObject* set, size_t* position, Value* key);
SetObject* set_copy(Thread& t, SetObject* set, Type* type);

// ---------------------------------------------------------------- slice, range, cell
struct SliceObject : Object {
  Slot start, stop, step;
};
SliceObject* make_slice(Thread& t, Value start, Value stop, Value step);
struct SliceRange {
  int64_t start = 0, stop = 0, step = 1, count = 0;
};
// slice.indices semantics, clamped to `length`; ValueError "slice step cannot be zero".
Result<SliceRange> slice_indices(Thread& t, SliceObject* slice, int64_t length);

struct RangeObject : Object {
  Slot start, stop, step, length;  // ints
};
Result<Value> make_range(Thread& t, Value start, Value stop, Value step);
// Iterator over a range whose values fit int64; the interpreter's FOR_ITER reads it directly. One word says
// where it is: threads that share it without a GIL may get a value twice, but none beyond the end.
struct RangeIterator : Object {
  int64_t end = 0;  // start + length * step, modulo 2^64
  int64_t step = 1;
  std::atomic<int64_t> remaining{0};

  int64_t value(int64_t left) const {  // the next one when `left` values remain
    return static_cast<int64_t>(static_cast<uint64_t>(end) -
                                static_cast<uint64_t>(left) * static_cast<uint64_t>(step));
  }
};
struct ListIterator : Object {
  Slot list;  // empty when exhausted
  std::atomic<uint64_t> index{0};
};
struct TupleIterator : Object {
  Slot tuple;
  std::atomic<uint64_t> index{0};
};

struct CellObject : Object {
  Slot content;
};
CellObject* make_cell(Thread& t, Value content = {});

// ---------------------------------------------------------------- bytes, bytearray
struct BytesObject : Object {
  std::atomic<int64_t> hash{-1};
  uint64_t size = 0;
  // bytes follow, then a NUL
  uint8_t* data() { return reinterpret_cast<uint8_t*>(this + 1); }
  const uint8_t* data() const { return reinterpret_cast<const uint8_t*>(this + 1); }
  std::string_view view() const { return {reinterpret_cast<const char*>(data()), size}; }
};
BytesObject* make_bytes(Thread& t, std::string_view content);
BytesObject* allocate_bytes(Thread& t, size_t size);
// Raw cell of a bytearray. Growth makes a new cell; readers and memoryviews of the old one stay safe (the
// collector keeps it).
struct ByteArrayCell {
  uint64_t capacity = 0;
  uint64_t reserved = 0;
  uint8_t* bytes() { return reinterpret_cast<uint8_t*>(this + 1); }
};
struct ByteArrayObject : Object {
  std::atomic<ByteArrayCell*> cell{nullptr};  // null while empty
  std::atomic<uint64_t> size{0};
  std::atomic<int32_t> pins{0};  // views of it that are out (buffer.h): it keeps its size meanwhile
  uint64_t length() const { return view().size(); }
  // A reader's view: the cell once, then bounds within it.
  std::string_view view() const {
    ByteArrayCell* c = cell.load(std::memory_order_acquire);
    if (c == nullptr) return {};
    uint64_t n = size.load(std::memory_order_acquire);
    return {reinterpret_cast<const char*>(c->bytes()), n < c->capacity ? n : c->capacity};
  }
};
ByteArrayObject* make_bytearray(Thread& t, std::string_view content);
// Read access to bytes-like objects (bytes, bytearray, memoryview, array.array, mmap). Raises TypeError "a
// bytes-like object is required, not 'str'". The view is valid until script code runs; hold the object and
// its export for longer (vm/types/buffer.h).
Result<std::string_view> bytes_view(Thread& t, Value v);

}  // namespace mp

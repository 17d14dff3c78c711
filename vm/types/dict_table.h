// The table of a dict: probing and filling. It runs no script code: what it cannot decide it hands back as
// kAskEntry. Internal to dict*.cpp.
#pragma once
#include "vm/types/container_support.h"

namespace mp {

inline constexpr uint32_t kMinDictLog2 = 3;    // of a table that grows
inline constexpr uint32_t kExactDictLog2 = 2;  // of one for a known number of entries: two
inline constexpr int64_t kAbsentEntry = -1;
inline constexpr int64_t kAskEntry = -2;

extern DictTable* const kEmptyDictTable;
void trace_dict(Object* self, Tracer& tracer);  // for types that extend the layout

inline size_t dict_cell_width(uint32_t log2) { return log2 <= 8 ? 1 : log2 <= 16 ? 2 : 4; }
inline void* dict_cells(DictTable* table) { return table->entries() + table->entry_capacity; }

struct DictFound {
  int64_t entry;  // >= 0: its number; kAbsentEntry: `cell` is where a new one goes; kAskEntry
  size_t cell;
};

template <class Cell, class Same>
inline DictFound dict_probe_cells(DictTable* table, int64_t hash, Same&& same) {
  auto* cells = static_cast<std::atomic<Cell>*>(dict_cells(table));
  DictEntry* entries = table->entries();
  size_t mask = (size_t{1} << table->index_log2) - 1;
  size_t i = static_cast<size_t>(hash) & mask;
  uint64_t perturb = static_cast<uint64_t>(hash);
  for (;;) {
    Cell c = cells[i].load(std::memory_order_acquire);
    if (c == 0) return {kAbsentEntry, i};
    Match m = same(entries[c - 1]);
    if (m == Match::Yes) return {static_cast<int64_t>(c) - 1, i};
    if (m == Match::Ask) [[unlikely]]
      return {kAskEntry, i};
    perturb >>= 5;
    i = (i * 5 + static_cast<size_t>(perturb) + 1) & mask;
  }
}

template <class Same>
inline DictFound dict_probe(DictTable* table, int64_t hash, Same&& same) {
  if (table->index_log2 <= 8) return dict_probe_cells<uint8_t>(table, hash, same);
  if (table->index_log2 <= 16) return dict_probe_cells<uint16_t>(table, hash, same);
  return dict_probe_cells<uint32_t>(table, hash, same);
}

// What the first cell on the way of `key` says, which mostly decides: the entry of that very key, or none;
// kAskEntry: look further.
inline DictFound dict_first_cell(DictTable* table, Value key, int64_t hash) {
  uint32_t log2 = table->index_log2;
  size_t i = static_cast<size_t>(hash) & ((size_t{1} << log2) - 1);
  uint32_t c;
  if (log2 <= 8) [[likely]]
    c = static_cast<std::atomic<uint8_t>*>(dict_cells(table))[i].load(std::memory_order_acquire);
  else if (log2 <= 16)
    c = static_cast<std::atomic<uint16_t>*>(dict_cells(table))[i].load(std::memory_order_acquire);
  else
    return {kAskEntry, i};
  if (c == 0) return {kAbsentEntry, i};
  if (table->entries()[c - 1].key.get() == key) return {static_cast<int64_t>(c) - 1, i};
  return {kAskEntry, i};
}

// Keys that are exact str: no thread needed. Stored keys of other kinds count as different.
inline DictFound dict_find_str(DictTable* table, StrObject* key, int64_t hash) {
  Value wanted(key);
  DictFound first = dict_first_cell(table, wanted, hash);
  if (first.entry != kAskEntry) return first;
  return dict_probe(table, hash, [&](DictEntry& e) {
    Value stored = e.key.get();
    if (stored == wanted) return Match::Yes;
    if (e.hash.load(std::memory_order_relaxed) != hash || !is_str(stored)) return Match::No;
    return same_text(stored.as<StrObject>(), key) ? Match::Yes : Match::No;
  });
}

// Keys are compared by identity only; dict_find_equal starts again where that is not enough (a call in the
// loop would make every look-up save its registers).
DictFound dict_find_equal(Thread& t, DictTable* table, Value key, int64_t hash);

inline DictFound dict_find(Thread& t, DictTable* table, Value key, int64_t hash) {
  DictFound found = dict_first_cell(table, key, hash);
  if (found.entry != kAskEntry) return found;
  // Words that were cut out of a text are equal to a key, not the same object.
  if (is_exact(key, t.types().str)) return dict_find_equal(t, table, key, hash);
  found = dict_probe(table, hash, [&](DictEntry& e) {
    Value stored = e.key.get();
    if (stored == key) return Match::Yes;
    if (e.hash.load(std::memory_order_relaxed) != hash || stored.is_empty()) return Match::No;
    return Match::Ask;
  });
  if (found.entry != kAskEntry) [[likely]]
    return found;
  return dict_find_equal(t, table, key, hash);
}

// Where a key that is not in the table goes when entries were deleted: the first index cell on its way that
// is free or names a deleted entry. Without this, one key put in and out again would walk over all its
// traces.
inline size_t dict_reusable_cell(DictTable* table, int64_t hash) {
  return dict_probe(table, hash, [](DictEntry& e) { return e.key.get().is_empty() ? Match::Yes : Match::No; })
      .cell;
}

// The first free index cell for a hash.
inline size_t dict_free_cell(DictTable* table, int64_t hash) {
  return dict_probe(table, hash, [](DictEntry&) { return Match::No; }).cell;
}

inline void dict_store_cell(DictTable* table, size_t cell, uint32_t entry) {
  if (table->index_log2 <= 8)
    static_cast<std::atomic<uint8_t>*>(dict_cells(table))[cell].store(static_cast<uint8_t>(entry + 1),
                                                                      std::memory_order_release);
  else if (table->index_log2 <= 16)
    static_cast<std::atomic<uint16_t>*>(dict_cells(table))[cell].store(static_cast<uint16_t>(entry + 1),
                                                                       std::memory_order_release);
  else
    static_cast<std::atomic<uint32_t>*>(dict_cells(table))[cell].store(entry + 1, std::memory_order_release);
}

// A fresh table that can hold `entries` entries; nullptr when out of memory.
DictTable* dict_allocate_table(Thread& t, size_t entries, uint32_t least_log2 = kMinDictLog2);

// ---- changes; the caller holds the object's lock
inline void dict_keys_changed(DictObject* dict, DictTable* table) {
  if (table->version.load(std::memory_order_relaxed) != 0) table->version.store(0, std::memory_order_release);
  dict->mutations.store(dict->mutations.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
}
Status dict_insert_new(Thread& t, DictObject* dict, DictTable* table, size_t cell, Value key, int64_t hash,
                       Value value);
void dict_erase_entry(DictObject* dict, DictTable* table, int64_t entry);

// The look-up that may run script code. `table` and `used` tell the caller what the answer is about: it holds
// while they are unchanged.
struct DictAnswer {
  DictTable* table;
  uint32_t used;
  int64_t entry;
  size_t cell;
};
Result<DictAnswer> dict_find_slow(Thread& t, DictObject* dict, Value key, int64_t hash);
inline bool dict_answer_holds(DictObject* dict, const DictAnswer& a) {
  return dict->table.load(std::memory_order_relaxed) == a.table &&
         a.table->used.load(std::memory_order_relaxed) == a.used &&
         (a.entry < 0 || !a.table->entries()[a.entry].key.get().is_empty());
}
// Calls change(DictFound, table) under the lock, once, with a valid answer. Change: Status(DictTable*,
// DictFound).
template <class Change>
Status dict_change(Thread& t, DictObject* dict, Value key, int64_t hash, Change&& change) {
  {
    ObjectLock lock(t, dict);
    DictTable* table = dict->table.load(std::memory_order_relaxed);
    DictFound found = dict_find(t, table, key, hash);
    if (found.entry != kAskEntry) [[likely]]
      return change(table, found);
  }
  for (;;) {
    DictAnswer answer = TRY(dict_find_slow(t, dict, key, hash));
    ObjectLock lock(t, dict);
    if (dict_answer_holds(dict, answer)) return change(answer.table, DictFound{answer.entry, answer.cell});
  }
}

Status dict_set_hashed(Thread& t, DictObject* dict, Value key, int64_t hash, Value value);
Result<Value> dict_delete_hashed(Thread& t, DictObject* dict, Value key,
                                 int64_t hash);  // old value or kNotFound
// Like dict_next, with the hash, one table throughout.
bool dict_next_in(DictTable* table, size_t* position, Value* key, Value* value, int64_t* hash);
// The same without a call where the next entry is not a deleted one.
inline bool dict_next_pair(DictTable* table, size_t* position, Value* key, Value* value) {
  size_t i = *position;
  if (i < table->used.load(std::memory_order_acquire)) {
    DictEntry& e = table->entries()[i];
    *key = e.key.get();
    *value = e.value.get();
    if (!key->is_empty() && !value->is_empty()) [[likely]] {
      *position = i + 1;
      return true;
    }
  }
  return dict_next_in(table, position, key, value, nullptr);
}
// The same backwards: the pair before *position, which goes there.
inline bool dict_previous_pair(DictTable* table, size_t* position, Value* key, Value* value) {
  while (*position > 0) {
    DictEntry& e = table->entries()[--*position];
    *key = e.key.get();
    *value = e.value.get();
    if (!key->is_empty() && !value->is_empty()) return true;
  }
  return false;
}

// ---- dict_views.cpp
enum class DictPart : uint8_t { Keys, Values, Items };
struct DictViewObject : Object {
  Slot dict;
};
Value make_dict_view(Thread& t, DictObject* dict, DictPart part);
Value make_dict_iterator(Thread& t, DictObject* dict, DictPart part, bool reverse);

}  // namespace mp

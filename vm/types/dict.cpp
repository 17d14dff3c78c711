// The dict core: tables, look-up, insertion, deletion. Methods are in dict_methods.cpp, views in
// dict_views.cpp.
#include "vm/core/compiler.h"
#include "vm/types/dict_table.h"
#include "vm/types/type.h"

namespace mp {

namespace {
// Shared by all empty dicts, never written: one free index cell and no entries.
struct alignas(16) EmptyDictStorage {
  DictTable table;
  uint64_t cells = 0;
};
EmptyDictStorage empty_dict_storage;

template <class Cell>
void fill_cells(DictTable* table, uint32_t count) {
  auto* cells = static_cast<Cell*>(dict_cells(table));
  DictEntry* entries = table->entries();
  size_t mask = (size_t{1} << table->index_log2) - 1;
  for (uint32_t n = 0; n < count; ++n) {
    int64_t hash = entries[n].hash.load(std::memory_order_relaxed);
    size_t i = static_cast<size_t>(hash) & mask;
    uint64_t perturb = static_cast<uint64_t>(hash);
    while (cells[i] != 0) {
      perturb >>= 5;
      i = (i * 5 + static_cast<size_t>(perturb) + 1) & mask;
    }
    cells[i] = static_cast<Cell>(n + 1);
  }
}

// A new table with room for `entries` entries and the live content of `from`.
DictTable* rebuild(Thread& t, DictTable* from, size_t entries) {
  DictTable* to = dict_allocate_table(t, entries);
  if (to == nullptr) return nullptr;
  uint32_t used = from->used.load(std::memory_order_relaxed);
  uint32_t n = 0;
  DictEntry* source = from->entries();
  DictEntry* target = to->entries();
  for (uint32_t i = 0; i < used; ++i) {
    Value key = source[i].key.get();
    if (key.is_empty()) continue;
    target[n].hash.store(source[i].hash.load(std::memory_order_relaxed), std::memory_order_relaxed);
    target[n].key = key;
    target[n].value = source[i].value.get();
    ++n;
  }
  to->used.store(n, std::memory_order_relaxed);
  to->tail.store(n, std::memory_order_relaxed);
  if (to->index_log2 <= 8)
    fill_cells<uint8_t>(to, n);
  else if (to->index_log2 <= 16)
    fill_cells<uint16_t>(to, n);
  else
    fill_cells<uint32_t>(to, n);
  return to;
}
}  // namespace

DictTable* const kEmptyDictTable = &empty_dict_storage.table;

void trace_dict(Object* self, Tracer& tracer) {
  DictTable* table = static_cast<DictObject*>(self)->table.load(std::memory_order_acquire);
  if (table == nullptr || table == kEmptyDictTable) return;
  tracer.mark_raw(table);
  uint32_t used = table->used.load(std::memory_order_acquire);
  DictEntry* entries = table->entries();
  for (uint32_t i = 0; i < used; ++i) {
    tracer.visit(entries[i].key);
    tracer.visit(entries[i].value);
  }
}

DictTable* dict_allocate_table(Thread& t, size_t entries, uint32_t least_log2) {
  uint32_t log2 = least_log2;
  while (((size_t{1} << log2) << 1) / 3 < entries) ++log2;
  if (log2 > 31) return nullptr;
  size_t capacity = ((size_t{1} << log2) << 1) / 3;
  // Entries that are not in use yet are written before anybody reads them; the cells begin as zero.
  size_t cells = sizeof(DictTable) + capacity * sizeof(DictEntry);
  size_t bytes = cells + (dict_cell_width(log2) << log2);
  void* memory = t.heap().allocate_raw_unset(t, bytes, cells);
  if (memory == nullptr) return nullptr;
  auto* table = new (memory) DictTable;
  table->index_log2 = log2;
  table->entry_capacity = static_cast<uint32_t>(capacity);
  return table;
}

DictObject* make_dict(Thread& t, size_t expected) {
  auto* dict = t.heap().make<DictObject>(t, t.types().dict);
  DictTable* table = expected == 0 ? nullptr : dict_allocate_table(t, expected, kExactDictLog2);
  dict->table.store(table != nullptr ? table : kEmptyDictTable, std::memory_order_release);
  return dict;
}

Status dict_insert_new(Thread& t, DictObject* dict, DictTable* table, size_t cell, Value key, int64_t hash,
                       Value value) {
  uint32_t n = table->used.load(std::memory_order_relaxed);
  if (n == table->entry_capacity) [[unlikely]] {
    uint64_t live = dict->live.load(std::memory_order_relaxed);
    // CPython's growth: three times the live entries, as index cells.
    DictTable* bigger = rebuild(t, table, live * 2 > live + 1 ? live * 2 : live + 1);
    if (bigger == nullptr) return t.raise_memory_error();
    dict->table.store(bigger, std::memory_order_release);
    table = bigger;
    n = table->used.load(std::memory_order_relaxed);
    cell = dict_free_cell(table, hash);
  } else if (n != dict->live.load(std::memory_order_relaxed)) {
    cell = dict_reusable_cell(table, hash);
  }
  DictEntry& e = table->entries()[n];
  e.hash.store(hash, std::memory_order_relaxed);
  e.value = value;
  e.key = key;
  dict_store_cell(table, cell, n);
  table->used.store(n + 1, std::memory_order_release);
  table->tail.store(n + 1, std::memory_order_relaxed);
  dict->live.store(dict->live.load(std::memory_order_relaxed) + 1, std::memory_order_release);
  dict_keys_changed(dict, table);
  return {};
}

void dict_erase_entry(DictObject* dict, DictTable* table, int64_t entry) {
  DictEntry& e = table->entries()[entry];
  e.value = kEmpty;
  e.key = kEmpty;
  dict->live.store(dict->live.load(std::memory_order_relaxed) - 1, std::memory_order_release);
  dict_keys_changed(dict, table);
}

// As dict_probe_cells for a key that is an exact str, without a call but for long texts.
template <class Cell>
static DictFound find_text(const Type* str_type, DictTable* table, StrObject* text, int64_t hash) {
  auto* cells = static_cast<std::atomic<Cell>*>(dict_cells(table));
  DictEntry* entries = table->entries();
  size_t mask = (size_t{1} << table->index_log2) - 1;
  size_t i = static_cast<size_t>(hash) & mask;
  uint64_t perturb = static_cast<uint64_t>(hash);
  for (;;) {
    Cell c = cells[i].load(std::memory_order_acquire);
    if (c == 0) return {kAbsentEntry, i};
    DictEntry& e = entries[c - 1];
    if (e.hash.load(std::memory_order_relaxed) == hash) {
      Value stored = e.key.get();
      Match m = Match::No;
      if (stored == Value(text))
        m = Match::Yes;
      else if (is_exact(stored, str_type))
        m = same_text(stored.as<StrObject>(), text) ? Match::Yes : Match::No;
      else if (!stored.is_empty())
        m = match_keys(str_type, stored, Value(text));
      if (m == Match::Yes) return {static_cast<int64_t>(c) - 1, i};
      if (m == Match::Ask) [[unlikely]]
        return {kAskEntry, i};
    }
    perturb >>= 5;
    i = (i * 5 + static_cast<size_t>(perturb) + 1) & mask;
  }
}

DictFound dict_find_equal(Thread& t, DictTable* table, Value key, int64_t hash) {
  const Type* str_type = t.types().str;
  if (is_exact(key, str_type)) {
    auto* text = key.as<StrObject>();
    if (table->index_log2 <= 8) return find_text<uint8_t>(str_type, table, text, hash);
    if (table->index_log2 <= 16) return find_text<uint16_t>(str_type, table, text, hash);
    return find_text<uint32_t>(str_type, table, text, hash);
  }
  return dict_probe(table, hash, [&](DictEntry& e) {
    if (e.hash.load(std::memory_order_relaxed) != hash) return Match::No;
    Value stored = e.key.get();
    if (stored == key) return Match::Yes;
    return stored.is_empty() ? Match::No : match_keys(str_type, stored, key);
  });
}

MP_NOINLINE Result<DictAnswer> dict_find_slow(Thread& t, DictObject* dict, Value key, int64_t hash) {
  const Type* str_type = t.types().str;
  for (;;) {
    DictTable* table = dict->table.load(std::memory_order_acquire);
    uint32_t used = table->used.load(std::memory_order_acquire);
    DictEntry* entries = table->entries();
    size_t mask = (size_t{1} << table->index_log2) - 1;
    size_t i = static_cast<size_t>(hash) & mask;
    uint64_t perturb = static_cast<uint64_t>(hash);
    size_t width = dict_cell_width(table->index_log2);
    bool changed = false;
    while (!changed) {
      uint32_t c = width == 1   ? static_cast<std::atomic<uint8_t>*>(dict_cells(table))[i].load()
                   : width == 2 ? static_cast<std::atomic<uint16_t>*>(dict_cells(table))[i].load()
                                : static_cast<std::atomic<uint32_t>*>(dict_cells(table))[i].load();
      if (c == 0) return DictAnswer{table, used, kAbsentEntry, i};
      DictEntry& e = entries[c - 1];
      Value stored = e.key.get();
      if (stored == key) return DictAnswer{table, used, static_cast<int64_t>(c) - 1, i};
      if (!stored.is_empty() && e.hash.load(std::memory_order_relaxed) == hash) {
        Match m = match_keys(str_type, stored, key);
        if (m == Match::Ask) {
          bool same = TRY(equals(t, stored, key));
          if (dict->table.load(std::memory_order_acquire) != table || e.key.get() != stored) {
            changed = true;  // the comparison changed the dict: start over
            continue;
          }
          m = same ? Match::Yes : Match::No;
        }
        if (m == Match::Yes) return DictAnswer{table, used, static_cast<int64_t>(c) - 1, i};
      }
      perturb >>= 5;
      i = (i * 5 + static_cast<size_t>(perturb) + 1) & mask;
    }
  }
}

Result<Value> dict_get_hashed(Thread& t, DictObject* dict, Value key, int64_t hash) {
  DictTable* table = dict->table.load(std::memory_order_acquire);
  DictFound found = dict_find(t, table, key, hash);
  if (found.entry == kAskEntry) [[unlikely]] {
    DictAnswer answer = TRY(dict_find_slow(t, dict, key, hash));
    table = answer.table;
    found.entry = answer.entry;
  }
  if (found.entry < 0) return kNotFound;
  Value value = table->entries()[found.entry].value.get();
  return value.is_empty() ? kNotFound : value;
}

MP_NOINLINE static Result<Value> get_slow(Thread& t, DictObject* dict, Value key) {
  int64_t hash = TRY(hash_key(t, key));
  return dict_get_hashed(t, dict, key, hash);
}

Result<Value> dict_get(Thread& t, DictObject* dict, Value key) {
  int64_t hash;
  if (known_hash(t.types().str, key, &hash)) [[likely]] {
    DictTable* table = dict->table.load(std::memory_order_acquire);
    DictFound first = dict_first_cell(table, key, hash);
    if (first.entry == kAbsentEntry) return kNotFound;
    if (first.entry >= 0) [[likely]] {
      Value value = table->entries()[first.entry].value.get();
      if (!value.is_empty()) [[likely]]
        return value;
    }
  }
  return get_slow(t, dict, key);
}

Value dict_get_str(DictObject* dict, StrObject* key) {
  int64_t hash = key->hash.load(std::memory_order_relaxed);
  if (hash == -1) hash = str_hash(key);
  DictTable* table = dict->table.load(std::memory_order_acquire);
  DictFound found = dict_find_str(table, key, hash);
  if (found.entry < 0) return kNotFound;
  Value value = table->entries()[found.entry].value.get();
  return value.is_empty() ? kNotFound : value;
}

Value dict_get_text(Thread& t, DictObject* dict, std::string_view key) {
  return dict_get_str(dict, intern(t, key));
}

// Where the key was found, or its place.
static Status store_at(Thread& t, DictObject* dict, DictTable* table, DictFound found, Value key,
                       int64_t hash, Value value) {
  if (found.entry < 0) return dict_insert_new(t, dict, table, found.cell, key, hash, value);
  table->entries()[found.entry].value = value;
  return {};
}

MP_NOINLINE Status dict_set_hashed(Thread& t, DictObject* dict, Value key, int64_t hash, Value value) {
  return dict_change(t, dict, key, hash, [&](DictTable* table, DictFound found) -> Status {
    return store_at(t, dict, table, found, key, hash, value);
  });
}

MP_NOINLINE static Status set_slow(Thread& t, DictObject* dict, Value key, Value value) {
  int64_t hash = TRY(hash_key(t, key));
  return dict_set_hashed(t, dict, key, hash, value);
}

// Without the lock, and without script code: whether the key's first place decides.
static inline bool set_at_first(Thread& t, DictObject* dict, Value key, int64_t hash, Value value,
                                Status* status) {
  DictTable* table = dict->table.load(std::memory_order_relaxed);
  DictFound first = dict_first_cell(table, key, hash);
  if (first.entry >= 0) {
    table->entries()[first.entry].value = value;
    *status = {};
    return true;
  }
  if (first.entry != kAbsentEntry) return false;
  *status = dict_insert_new(t, dict, table, first.cell, key, hash, value);
  return true;
}

Status dict_set(Thread& t, DictObject* dict, Value key, Value value) {
  int64_t hash;
  if (known_hash(t.types().str, key, &hash)) [[likely]] {
    if (!ObjectLock::needless(t, dict)) return dict_set_hashed(t, dict, key, hash, value);
    if (Status status; set_at_first(t, dict, key, hash, value, &status)) return status;
  }
  return set_slow(t, dict, key, value);
}

Status dict_fill(Thread& t, DictObject* dict, const Value* pairs, size_t count) {
  size_t i = 0;
  for (int64_t hash; i < count && known_hash(t.types().str, pairs[2 * i], &hash); ++i) {
    Status status;
    if (!set_at_first(t, dict, pairs[2 * i], hash, pairs[2 * i + 1], &status)) break;
    TRY(status);
  }
  for (; i < count; ++i) TRY(dict_set(t, dict, pairs[2 * i], pairs[2 * i + 1]));
  return {};
}

Status dict_set_str(Thread& t, DictObject* dict, StrObject* key, Value value) {
  int64_t hash = key->hash.load(std::memory_order_relaxed);
  if (hash == -1) hash = str_hash(key);
  if (Status status; ObjectLock::needless(t, dict) && set_at_first(t, dict, key, hash, value, &status))
    return status;
  return dict_set_hashed(t, dict, key, hash, value);
}

Status dict_set_text(Thread& t, DictObject* dict, std::string_view key, Value value) {
  return dict_set_str(t, dict, intern(t, key), value);
}

Result<Value> dict_delete_hashed(Thread& t, DictObject* dict, Value key, int64_t hash) {
  Value old = kNotFound;
  TRY(dict_change(t, dict, key, hash, [&](DictTable* table, DictFound found) -> Status {
    if (found.entry < 0) return {};
    old = table->entries()[found.entry].value.get();
    dict_erase_entry(dict, table, found.entry);
    return {};
  }));
  return old;
}

Result<bool> dict_delete(Thread& t, DictObject* dict, Value key) {
  int64_t hash = TRY(hash_key(t, key));
  Value old = TRY(dict_delete_hashed(t, dict, key, hash));
  return !old.is_not_found();
}

Result<Value> dict_pop(Thread& t, DictObject* dict, Value key) {
  if (dict->length() == 0) return kNotFound;  // as CPython: an unhashable key goes unnoticed here
  int64_t hash = TRY(hash_key(t, key));
  return dict_delete_hashed(t, dict, key, hash);
}

Result<Value> dict_set_default(Thread& t, DictObject* dict, Value key, Value value) {
  int64_t hash = TRY(hash_key(t, key));
  Value result = value;
  TRY(dict_change(t, dict, key, hash, [&](DictTable* table, DictFound found) -> Status {
    if (found.entry >= 0) {
      result = table->entries()[found.entry].value.get();
      return {};
    }
    return dict_insert_new(t, dict, table, found.cell, key, hash, value);
  }));
  return result;
}

void dict_clear(Thread& t, DictObject* dict) {
  ObjectLock lock(t, dict);
  DictTable* table = dict->table.load(std::memory_order_relaxed);
  if (table == kEmptyDictTable) return;
  dict_keys_changed(dict, table);
  dict->table.store(kEmptyDictTable, std::memory_order_release);
  dict->live.store(0, std::memory_order_release);
}

// nullptr: MemoryError raised.
DictObject* dict_copy(Thread& t, DictObject* dict) {
  auto* copy = t.heap().make<DictObject>(t, t.types().dict);
  copy->table.store(kEmptyDictTable, std::memory_order_release);
  ObjectLock lock(t, dict);
  uint64_t live = dict->live.load(std::memory_order_relaxed);
  if (live == 0) return copy;
  DictTable* table = dict->table.load(std::memory_order_relaxed);
  DictTable* fresh = nullptr;
  if (table->used.load(std::memory_order_relaxed) == live && live * 3 >= table->entry_capacity) {
    // No holes and well filled: the table is copied as it is.
    size_t bytes = sizeof(DictTable) + table->entry_capacity * sizeof(DictEntry) +
                   (dict_cell_width(table->index_log2) << table->index_log2);
    fresh = static_cast<DictTable*>(t.heap().allocate_raw_unset(t, bytes));
    if (fresh != nullptr) {
      auto* from = reinterpret_cast<const char*>(table);
      auto* to = reinterpret_cast<char*>(fresh);
      std::memcpy(to, from, sizeof(DictTable) + live * sizeof(DictEntry));
      size_t cells = sizeof(DictTable) + table->entry_capacity * sizeof(DictEntry);
      std::memcpy(to + cells, from + cells, bytes - cells);
      fresh->version.store(0, std::memory_order_relaxed);
    }
  } else {
    fresh = rebuild(t, table, live);
  }
  if (fresh == nullptr) {
    (void)t.raise_memory_error();
    return nullptr;
  }
  copy->table.store(fresh, std::memory_order_release);
  copy->live.store(live, std::memory_order_release);
  return copy;
}

bool dict_next_in(DictTable* table, size_t* position, Value* key, Value* value, int64_t* hash) {
  uint32_t used = table->used.load(std::memory_order_acquire);
  DictEntry* entries = table->entries();
  uint32_t first = table->first_live.load(std::memory_order_relaxed);
  bool from_start = *position <= first;
  for (size_t i = from_start ? first : *position; i < used; ++i) {
    Value k = entries[i].key.get();
    if (k.is_empty()) continue;
    Value v = entries[i].value.get();
    if (v.is_empty()) continue;
    // Deleted entries stay deleted, so what was skipped at the start need not be looked at again.
    if (from_start && i > first) table->first_live.store(static_cast<uint32_t>(i), std::memory_order_relaxed);
    if (key != nullptr) *key = k;
    if (value != nullptr) *value = v;
    if (hash != nullptr) *hash = entries[i].hash.load(std::memory_order_relaxed);
    *position = i + 1;
    return true;
  }
  *position = used;
  return false;
}

bool dict_next(DictObject* dict, size_t* position, Value* key, Value* value) {
  return dict_next_in(dict->table.load(std::memory_order_acquire), position, key, value, nullptr);
}

int64_t dict_entry_index(DictObject* dict, StrObject* key) {
  int64_t hash = key->hash.load(std::memory_order_relaxed);
  if (hash == -1) hash = str_hash(key);
  return dict_find_str(dict->table.load(std::memory_order_acquire), key, hash).entry;
}

uint32_t dict_version(Thread& t, DictObject* dict) {
  ObjectLock lock(t, dict);
  DictTable* table = dict->table.load(std::memory_order_relaxed);
  if (table == kEmptyDictTable) {
    // The shared table must stay unversioned.
    table = dict_allocate_table(t, 1);
    MP_CHECK(table != nullptr, "out of memory");
    dict->table.store(table, std::memory_order_release);
  }
  uint32_t version = table->version.load(std::memory_order_relaxed);
  if (version == 0) {
    do version = t.runtime().next_dict_version.fetch_add(1, std::memory_order_relaxed);
    while (version == 0);
    table->version.store(version, std::memory_order_release);
  }
  return version;
}

}  // namespace mp

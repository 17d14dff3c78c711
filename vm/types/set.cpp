// The set core: table, look-up, insertion. Methods and operators are in set_methods.cpp.
#include "vm/core/compiler.h"
#include "vm/types/set_table.h"
#include "vm/types/type.h"

namespace mp {

namespace {
struct EmptySetStorage {
  SetTable table;
  SetEntry entries[kMinSetSize];
  EmptySetStorage() { table.mask = kMinSetSize - 1; }
};
EmptySetStorage empty_set_storage;  // shared by all empty sets, never written

void insert_clean(SetTable* table, Value key, int64_t hash) {
  SetEntry* e = set_probe(table, hash, [](SetEntry*, Value) { return Match::No; }).entry;
  e->hash.store(hash, std::memory_order_relaxed);
  e->key = key;
}

struct SetAnswer {
  SetTable* table;
  uint64_t changes;
  SetFound found;
};

// The look-up that may run script code.
Result<SetAnswer> find_slow(Thread& t, SetObject* set, Value key, int64_t hash) {
  const Type* str_type = t.types().str;
  for (;;) {
    SetTable* table = set->table.load(std::memory_order_acquire);
    uint64_t changes = table->changes.load(std::memory_order_acquire);
    SetEntry* deleted = nullptr;
    bool changed = false, failed = false;
    SetFound found = set_probe(table, hash, [&](SetEntry* e, Value stored) {
      if (stored == key) return Match::Yes;
      if (stored.is_not_found()) {
        deleted = e;
        return Match::No;
      }
      if (e->hash.load(std::memory_order_relaxed) != hash) return Match::No;
      Match m = match_keys(str_type, stored, key);
      if (m != Match::Ask) return m;
      Result<bool> same = equals(t, stored, key);
      if (same.is_error()) {
        failed = true;
        return Match::Yes;
      }
      if (set->table.load(std::memory_order_acquire) != table || e->key.get() != stored) {
        changed = true;
        return Match::Yes;
      }
      return same.value() ? Match::Yes : Match::No;
    });
    if (failed) return Error{};
    if (found.kind == SetFound::Absent && deleted != nullptr) found.entry = deleted;
    if (!changed) return SetAnswer{table, changes, found};
  }
}

// change(table, found) under the lock with a valid answer.
template <class Change>
Status set_change(Thread& t, SetObject* set, Value key, int64_t hash, Change&& change) {
  {
    ObjectLock lock(t, set);
    SetTable* table = set->table.load(std::memory_order_relaxed);
    SetFound found = set_find<Find::Place>(t, table, key, hash);
    if (found.kind != SetFound::Ask) [[likely]]
      return change(table, found);
  }
  for (;;) {
    SetAnswer a = TRY(find_slow(t, set, key, hash));
    ObjectLock lock(t, set);
    if (set->table.load(std::memory_order_relaxed) != a.table ||
        a.table->changes.load(std::memory_order_relaxed) != a.changes)
      continue;
    if (a.found.kind == SetFound::Present && a.found.entry->key.get().is_not_found()) continue;
    return change(a.table, a.found);
  }
}
}  // namespace

template <Find kFind>
SetFound set_find_equal(Thread& t, SetTable* table, Value key, int64_t hash) {
  const Type* str_type = t.types().str;
  SetEntry* deleted = nullptr;
  uint64_t mask = table->mask;
  uint64_t i = static_cast<uint64_t>(hash) & mask;
  uint64_t perturb = static_cast<uint64_t>(hash);
  SetEntry* entries = table->entries();
  for (;;) {
    SetEntry* e = entries + i;
    const SetEntry* last = i + kSetLinearProbes <= mask ? e + kSetLinearProbes : e;
    for (;; ++e) {
      int64_t h = e->hash.load(std::memory_order_relaxed);
      if (h == hash) {
        Value stored = e->key.get();
        if (stored == key) return {SetFound::Present, e};
        if (stored.is_empty()) return {SetFound::Absent, deleted != nullptr ? deleted : e};
        if (!stored.is_not_found()) {
          Match m = match_keys(str_type, stored, key);
          if (m == Match::Yes) return {SetFound::Present, e};
          if (m == Match::Ask) [[unlikely]]
            return {SetFound::Ask, e};
        }
      } else if (h == 0 && e->key.get().is_empty()) {
        return {SetFound::Absent, deleted != nullptr ? deleted : e};
      } else if (kFind == Find::Place && h == -1) {
        deleted = e;
      }
      if (e == last) break;
    }
    perturb >>= 5;
    i = (i * 5 + 1 + perturb) & mask;
  }
}
template SetFound set_find_equal<Find::Key>(Thread&, SetTable*, Value, int64_t);
template SetFound set_find_equal<Find::Place>(Thread&, SetTable*, Value, int64_t);

SetTable* const kEmptySetTable = &empty_set_storage.table;

void trace_set(Object* self, Tracer& tracer) {
  SetTable* table = static_cast<SetObject*>(self)->table.load(std::memory_order_acquire);
  if (table == nullptr || table == kEmptySetTable) return;
  tracer.mark_raw(table);
  SetEntry* entries = table->entries();
  for (uint64_t i = 0; i <= table->mask; ++i) tracer.visit(entries[i].key);
}

SetTable* set_allocate_table(Thread& t, size_t size) {
  if (size > (size_t{1} << 32)) return nullptr;
  auto* table = static_cast<SetTable*>(t.heap().allocate_raw(t, sizeof(SetTable) + size * sizeof(SetEntry)));
  if (table != nullptr) table->mask = size - 1;
  return table;
}

SetObject* make_set(Thread& t, Type* type) {
  auto* set = t.heap().make<SetObject>(t, type == nullptr ? t.types().set : type);
  set->table.store(kEmptySetTable, std::memory_order_release);
  set->hash.store(-1, std::memory_order_relaxed);
  return set;
}

Status set_resize(Thread& t, SetObject* set, size_t minimum) {
  size_t size = kMinSetSize;
  while (size <= minimum) size <<= 1;
  SetTable* old = set->table.load(std::memory_order_relaxed);
  SetTable* table = set_allocate_table(t, size);
  if (table == nullptr) return t.raise_memory_error();
  uint32_t live = 0;
  if (old != kEmptySetTable) {
    SetEntry* entries = old->entries();
    for (uint64_t i = 0; i <= old->mask; ++i) {
      Value key = entries[i].key.get();
      if (key.is_empty() || key.is_not_found()) continue;
      insert_clean(table, key, entries[i].hash.load(std::memory_order_relaxed));
      ++live;
    }
  }
  table->fill.store(live, std::memory_order_relaxed);
  set->table.store(table, std::memory_order_release);
  return {};
}

Status set_insert_slow(Thread& t, SetObject* set, SetTable* table, SetEntry* entry, Value key, int64_t hash) {
  if (table == kEmptySetTable) [[unlikely]] {
    table = set_allocate_table(t, kMinSetSize);
    if (table == nullptr) return t.raise_memory_error();
    entry = table->entries() + (entry - kEmptySetTable->entries());
    set->table.store(table, std::memory_order_release);
  }
  bool reused = entry->key.get().is_not_found();
  entry->hash.store(hash, std::memory_order_relaxed);
  entry->key = key;
  set_changed(table);
  if (reused) {
    set->live.store(set->live.load(std::memory_order_relaxed) + 1, std::memory_order_release);
    return {};
  }
  uint32_t fill = table->fill.load(std::memory_order_relaxed) + 1;
  table->fill.store(fill, std::memory_order_release);
  uint64_t used = set->live.load(std::memory_order_relaxed) + 1;
  set->live.store(used, std::memory_order_release);
  if (uint64_t{fill} * 5 < table->mask * 3) return {};
  return set_resize(t, set, used > 50000 ? used * 2 : used * 4);
}

Status set_add_hashed(Thread& t, SetObject* set, Value key, int64_t hash) {
  return set_change(t, set, key, hash, [&](SetTable* table, SetFound found) -> Status {
    if (found.kind == SetFound::Present) return {};
    return set_insert_new(t, set, table, found.entry, key, hash);
  });
}

MP_NOINLINE static Status set_add_slow(Thread& t, SetObject* set, Value key) {
  int64_t hash = TRY(hash_key(t, key));
  return set_add_hashed(t, set, key, hash);
}

Status set_add(Thread& t, SetObject* set, Value key) {
  int64_t hash;
  if (!known_hash(t.types().str, key, &hash)) [[unlikely]]
    return set_add_slow(t, set, key);
  if (ObjectLock::needless(t, set)) [[likely]] {
    SetTable* table = set->table.load(std::memory_order_relaxed);
    SetFound found = set_first_place(table, key, hash);
    if (found.kind == SetFound::Absent) return set_insert_new(t, set, table, found.entry, key, hash);
    if (found.kind != SetFound::Ask) return {};
  }
  return set_add_hashed(t, set, key, hash);
}

Result<bool> set_contains_hashed(Thread& t, SetObject* set, Value key, int64_t hash) {
  SetFound found = set_find<Find::Key>(t, set->table.load(std::memory_order_acquire), key, hash);
  if (found.kind != SetFound::Ask) [[likely]]
    return found.kind == SetFound::Present;
  SetAnswer a = TRY(find_slow(t, set, key, hash));
  return a.found.kind == SetFound::Present;
}

MP_NOINLINE static Result<bool> set_contains_slow(Thread& t, SetObject* set, Value key) {
  int64_t hash = TRY(hash_key(t, key));
  return set_contains_hashed(t, set, key, hash);
}

Result<bool> set_contains(Thread& t, SetObject* set, Value key) {
  int64_t hash;
  if (known_hash(t.types().str, key, &hash)) [[likely]] {
    SetFound found = set_first_place(set->table.load(std::memory_order_acquire), key, hash);
    if (found.kind != SetFound::Ask) [[likely]]
      return found.kind == SetFound::Present;
    return set_contains_hashed(t, set, key, hash);
  }
  return set_contains_slow(t, set, key);
}

Result<bool> set_discard_hashed(Thread& t, SetObject* set, Value key, int64_t hash) {
  bool removed = false;
  TRY(set_change(t, set, key, hash, [&](SetTable* table, SetFound found) -> Status {
    if (found.kind != SetFound::Present) return {};
    set_remove_entry(set, table, found.entry);
    removed = true;
    return {};
  }));
  return removed;
}

Result<bool> set_discard(Thread& t, SetObject* set, Value key) {
  int64_t hash = TRY(hash_key(t, key));
  return set_discard_hashed(t, set, key, hash);
}

bool set_next(SetObject* set, size_t* position, Value* key) {
  return set_next_in(set->table.load(std::memory_order_acquire), position, key, nullptr);
}

void set_clear(Thread& t, SetObject* set) {
  ObjectLock lock(t, set);
  set->live.store(0, std::memory_order_release);
  set->table.store(kEmptySetTable, std::memory_order_release);
}

}  // namespace mp

// The table of a set: CPython's probe sequence, so that sets print in CPython's order. Internal to set*.cpp.
#pragma once
#include "vm/types/container_support.h"

namespace mp {

inline constexpr size_t kMinSetSize = 8;
inline constexpr size_t kSetLinearProbes = 9;

extern SetTable* const kEmptySetTable;

struct SetFound {
  enum Kind : uint8_t { Absent, Present, Ask } kind;
  SetEntry* entry;  // Absent: the free place; Ask: the entry that script code must compare
};

// Walks the probe sequence of `hash`; visit(entry) decides: No continues. A free entry ends the walk.
template <class Same>
inline SetFound set_probe(SetTable* table, int64_t hash, Same&& same) {
  uint64_t mask = table->mask;
  uint64_t i = static_cast<uint64_t>(hash) & mask;
  uint64_t perturb = static_cast<uint64_t>(hash);
  SetEntry* entries = table->entries();
  for (;;) {
    SetEntry* e = entries + i;
    size_t probes = i + kSetLinearProbes <= mask ? kSetLinearProbes : 0;
    do {
      Value stored = e->key.get();
      if (stored.is_empty()) return {SetFound::Absent, e};
      Match m = same(e, stored);
      if (m == Match::Yes) return {SetFound::Present, e};
      if (m == Match::Ask) [[unlikely]]
        return {SetFound::Ask, e};
      ++e;
    } while (probes-- != 0);
    perturb >>= 5;
    i = (i * 5 + 1 + perturb) & mask;
  }
}

// What a look-up is for: with Find::Place the Absent `entry` is where the key goes, the last deleted entry on
// the way if there is one (as CPython fills them).
enum class Find : uint8_t { Key, Place };

// Compares hashes first, as most steps of a walk meet another key: a deleted entry has the hash -1, which no
// key has, a free one has 0. Keys are compared by identity only; set_find_equal starts again where that is
// not enough (a call in the loop would make every look-up save its registers).
template <Find kFind>
SetFound set_find_equal(Thread& t, SetTable* table, Value key, int64_t hash);

template <Find kFind>
inline SetFound set_find(Thread& t, SetTable* table, Value key, int64_t hash) {
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
        return set_find_equal<kFind>(t, table, key, hash);
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
// What the first place on the way of `key` says, which mostly decides; Ask: look further.
inline SetFound set_first_place(SetTable* table, Value key, int64_t hash) {
  SetEntry* e = table->entries() + (static_cast<uint64_t>(hash) & table->mask);
  Value stored = e->key.get();
  return {stored == key ? SetFound::Present : stored.is_empty() ? SetFound::Absent : SetFound::Ask, e};
}
inline void set_changed(SetTable* table) {
  table->changes.store(table->changes.load(std::memory_order_relaxed) + 1, std::memory_order_release);
}

// Takes a key out: the entry stays as a deleted one. Under the lock.
inline void set_remove_entry(SetObject* set, SetTable* table, SetEntry* entry) {
  entry->key = kNotFound;
  entry->hash.store(-1, std::memory_order_release);  // after the key: read_entry
  set_changed(table);
  set->live.store(set->live.load(std::memory_order_relaxed) - 1, std::memory_order_release);
}

// False: free or deleted. Key and hash belong together, though another thread may take a key out and put
// another one in its place between two loads.
inline bool read_entry(const SetEntry& entry, Value* key, int64_t* hash) {
  for (;;) {
    *key = entry.key.get();
    if (key->is_empty() || key->is_not_found()) return false;
    *hash = entry.hash.load(std::memory_order_acquire);
    if (entry.key.get() == *key) return true;
  }
}

// The keys of a table, in its order: `for (SetKeys it(table); it.next();) use(it.key, it.hash);`
struct SetKeys {
  explicit SetKeys(SetTable* table) : at(table->entries()), end(at + table->mask + 1) {}
  bool next() {
    while (at != end) {
      if (read_entry(*at++, &key, &hash)) return true;
    }
    return false;
  }
  SetEntry* at;
  SetEntry* end;
  Value key;
  int64_t hash = 0;
};

SetTable* set_allocate_table(Thread& t, size_t size);
// `minimum`: the table gets the smallest power of two above it. The caller holds the lock.
Status set_resize(Thread& t, SetObject* set, size_t minimum);
Status set_insert_slow(Thread& t, SetObject* set, SetTable* table, SetEntry* entry, Value key, int64_t hash);
// A key that is not there, at the place where it goes; the caller holds the lock.
inline Status set_insert_new(Thread& t, SetObject* set, SetTable* table, SetEntry* entry, Value key,
                             int64_t hash) {
  uint32_t fill = table->fill.load(std::memory_order_relaxed) + 1;
  if (table == kEmptySetTable || uint64_t{fill} * 5 >= table->mask * 3 || entry->key.get().is_not_found())
      [[unlikely]]
    return set_insert_slow(t, set, table, entry, key, hash);
  entry->hash.store(hash, std::memory_order_relaxed);
  entry->key = key;
  set_changed(table);
  table->fill.store(fill, std::memory_order_release);
  set->live.store(set->live.load(std::memory_order_relaxed) + 1, std::memory_order_release);
  return {};
}
Status set_add_hashed(Thread& t, SetObject* set, Value key, int64_t hash);
Result<bool> set_contains_hashed(Thread& t, SetObject* set, Value key, int64_t hash);
Result<bool> set_discard_hashed(Thread& t, SetObject* set, Value key, int64_t hash);
inline bool set_next_in(SetTable* table, size_t* position, Value* key, int64_t* hash) {
  SetEntry* entries = table->entries();
  for (size_t i = *position; i <= table->mask; ++i) {
    Value found;
    int64_t its_hash;
    if (!read_entry(entries[i], &found, &its_hash)) continue;
    *key = found;
    if (hash != nullptr) *hash = its_hash;
    *position = i + 1;
    return true;
  }
  *position = table->mask + 1;
  return false;
}
void set_clear(Thread& t, SetObject* set);
void trace_set(Object* self, Tracer& tracer);

}  // namespace mp

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

// Absent: `entry` is where the key goes, the last deleted entry on the way if there is one (as CPython fills
// them).
inline SetFound set_find(Thread& t, SetTable* table, Value key, int64_t hash) {
  const Type* str_type = t.types().str;
  SetEntry* deleted = nullptr;
  SetFound found = set_probe(table, hash, [&](SetEntry* e, Value stored) {
    if (stored == key) return Match::Yes;
    if (stored.is_not_found()) {
      deleted = e;
      return Match::No;
    }
    if (e->hash.load(std::memory_order_relaxed) != hash) return Match::No;
    return match_keys(str_type, stored, key);
  });
  if (found.kind == SetFound::Absent && deleted != nullptr) found.entry = deleted;
  return found;
}
inline void set_changed(SetTable* table) {
  table->changes.store(table->changes.load(std::memory_order_relaxed) + 1, std::memory_order_release);
}

SetTable* set_allocate_table(Thread& t, size_t size);
// `minimum`: the table gets the smallest power of two above it. The caller holds the lock.
Status set_resize(Thread& t, SetObject* set, size_t minimum);
Status set_insert_new(Thread& t, SetObject* set, SetTable* table, SetEntry* entry, Value key, int64_t hash);
Status set_add_hashed(Thread& t, SetObject* set, Value key, int64_t hash);
Result<bool> set_contains_hashed(Thread& t, SetObject* set, Value key, int64_t hash);
Result<bool> set_discard_hashed(Thread& t, SetObject* set, Value key, int64_t hash);
bool set_next_in(SetTable* table, size_t* position, Value* key, int64_t* hash);
void set_clear(Thread& t, SetObject* set);
void trace_set(Object* self, Tracer& tracer);

}  // namespace mp

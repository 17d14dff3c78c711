// Sets among sets: copies, unions, intersections, differences, subsets.
//
// The tables grow and are filled in CPython's order, so that a result prints as there.
#include "vm/core/compiler.h"
#include "vm/protocol/walk.h"
#include "vm/types/dict_table.h"
#include "vm/types/set_methods.h"
#include "vm/types/set_table.h"
#include "vm/types/type.h"

namespace mp {

namespace {
bool is_set(Value v) { return is_kind(v, Kind::Set); }

// Whether `key` is in the set; script code runs only in the call.
inline Result<bool> contains(Thread& t, SetObject* set, Value key, int64_t hash) {
  SetFound found = set_first_place(set->table.load(std::memory_order_acquire), key, hash);
  if (found.kind != SetFound::Ask) [[likely]]
    return found.kind == SetFound::Present;
  return set_contains_hashed(t, set, key, hash);
}

// Many changes of one set: under a GIL nobody else runs between them unless a comparison runs script code.
class SetChanger {
 public:
  SetChanger(Thread& t, SetObject* set) : t_(t), set_(set), locks_(free_threaded(t)) {}

  Status add(Value key, int64_t hash) {
    if (!locks_) [[likely]] {
      SetTable* table = set_->table.load(std::memory_order_relaxed);
      SetFound found = set_first_place(table, key, hash);
      if (found.kind == SetFound::Ask) found = set_find<Find::Place>(t_, table, key, hash);
      if (found.kind == SetFound::Present) return {};
      if (found.kind == SetFound::Absent) return set_insert_new(t_, set_, table, found.entry, key, hash);
    }
    Status done = set_add_hashed(t_, set_, key, hash);
    locks_ = free_threaded(t_);
    return done;
  }

  Result<bool> discard(Value key, int64_t hash) {
    if (!locks_) [[likely]] {
      SetTable* table = set_->table.load(std::memory_order_relaxed);
      SetFound found = set_first_place(table, key, hash);
      if (found.kind == SetFound::Ask) found = set_find<Find::Key>(t_, table, key, hash);
      if (found.kind == SetFound::Absent) return false;
      if (found.kind == SetFound::Present) {
        set_remove_entry(set_, table, found.entry);
        return true;
      }
    }
    Result<bool> done = set_discard_hashed(t_, set_, key, hash);
    locks_ = free_threaded(t_);
    return done;
  }

 private:
  Thread& t_;
  SetObject* set_;
  bool locks_;
};

// A new set of some keys of `source`: they differ from each other, so nothing is compared, unless somebody
// changes the source meanwhile.
class SetSelection {
 public:
  SetSelection(Thread& t, SetObject* result, SetTable* source)
      : t_(t), result_(result), source_(source), changes_(source->changes), compares_(free_threaded(t)) {}

  Status add(Value key, int64_t hash) {
    if (compares_ || source_->changes.load(std::memory_order_relaxed) != changes_) [[unlikely]] {
      compares_ = true;
      return set_add_hashed(t_, result_, key, hash);
    }
    SetTable* table = result_->table.load(std::memory_order_relaxed);
    SetEntry* place = set_probe(table, hash, [](SetEntry*, Value) { return Match::No; }).entry;
    return set_insert_new(t_, result_, table, place, key, hash);
  }

 private:
  Thread& t_;
  SetObject* result_;
  SetTable* source_;
  uint64_t changes_;
  bool compares_;
};

// Room for the items of another set before they come in.
Status grow_for(Thread& t, SetObject* set, uint64_t count) {
  ObjectLock lock(t, set);
  SetTable* table = set->table.load(std::memory_order_relaxed);
  if ((table->fill.load(std::memory_order_relaxed) + count) * 5 < table->mask * 3) return {};
  return set_resize(t, set, (set->live.load(std::memory_order_relaxed) + count) * 2);
}

// The table of a set that has no deleted entries and the size that growing for all of them at once would
// give; nullptr: it is another one.
Result<SetTable*> copy_whole(Thread& t, SetObject* set) {
  SetTable* source = set->table.load(std::memory_order_relaxed);
  uint64_t count = set->length();
  if (source->fill.load(std::memory_order_relaxed) != count) return nullptr;
  size_t size = kMinSetSize;
  if (count * 5 >= (size - 1) * 3)
    while (size <= count * 2) size <<= 1;
  if (source->mask + 1 != size) return nullptr;
  size_t bytes = sizeof(SetTable) + size * sizeof(SetEntry);
  auto* copy = static_cast<SetTable*>(t.heap().allocate_raw_unset(t, bytes));
  if (copy == nullptr) return t.raise_memory_error();
  std::memcpy(static_cast<void*>(copy), static_cast<const void*>(source), bytes);
  copy->finger.store(0, std::memory_order_relaxed);
  return copy;
}

Status merge_set(Thread& t, SetObject* set, SetObject* other) {
  if (set == other || other->length() == 0) return {};
  if (!free_threaded(t) && set->table.load(std::memory_order_relaxed) == kEmptySetTable) {
    SetTable* copy = TRY(copy_whole(t, other));
    if (copy != nullptr) {
      set->table.store(copy, std::memory_order_release);
      set->live.store(other->length(), std::memory_order_release);
      return {};
    }
  }
  TRY(grow_for(t, set, other->length()));
  SetTable* source = other->table.load(std::memory_order_acquire);
  uint64_t changes = source->changes.load(std::memory_order_acquire);
  {
    ObjectLock lock(t, set);
    SetTable* table = set->table.load(std::memory_order_relaxed);
    if (table->fill.load(std::memory_order_relaxed) == 0 && set->live.load(std::memory_order_relaxed) == 0) {
      // Nothing to compare with: distinct keys go straight in.
      if (table == kEmptySetTable) {
        table = set_allocate_table(t, kMinSetSize);
        if (table == nullptr) return t.raise_memory_error();
      }
      uint64_t used = source->fill.load(std::memory_order_relaxed);
      const SetEntry* from = source->entries();
      uint32_t count = 0, live = 0;
      bool fits = true;
      Value key;
      int64_t hash;
      if (table->mask == source->mask && used == other->length()) {  // nothing deleted: place by place
        SetEntry* to = table->entries();
        uint32_t deleted = 0;
        for (uint64_t i = 0; i <= source->mask; ++i) {
          if (!read_entry(from[i], &key, &hash)) hash = key.is_empty() ? 0 : -1;
          to[i].hash.store(hash, std::memory_order_relaxed);
          to[i].key = key;
          count += !key.is_empty();
          deleted += key.is_not_found();  // by another thread just now
        }
        live = count - deleted;
      } else {
        for (uint64_t i = 0; i <= source->mask; ++i) {
          if (!read_entry(from[i], &key, &hash)) continue;
          // Another thread may have put more into it since there was room for all.
          if (fits = uint64_t{count + 1} * 5 < table->mask * 3; !fits) break;
          SetEntry* to = set_probe(table, hash, [](SetEntry*, Value) { return Match::No; }).entry;
          to->hash.store(hash, std::memory_order_relaxed);
          to->key = key;
          ++count;
        }
        live = count;
      }
      if (fits && source->changes.load(std::memory_order_acquire) == changes) {
        table->fill.store(count, std::memory_order_release);
        set->table.store(table, std::memory_order_release);
        set->live.store(live, std::memory_order_release);
        return {};
      }
      // Another thread changed it meanwhile: what was taken out and put in again has come twice, or not at
      // all. From the beginning, with comparisons.
      table = set_allocate_table(t, table->mask + 1);
      if (table == nullptr) return t.raise_memory_error();
      set->table.store(table, std::memory_order_release);
    }
  }
  SetChanger changer(t, set);
  for (SetKeys it(source); it.next();) TRY(changer.add(it.key, it.hash));
  return {};
}

// The first keys of a set that is still empty, as long as they are ints and exact strs, which are compared
// without script code: small tables that are outgrown at once lie on the native stack, and only the one that
// is kept is allocated.
class FirstKeys {
 public:
  static constexpr size_t kMostPlaces = 128;

  FirstKeys() { begin_table(tables_[0], kMinSetSize); }

  // False: not one for this table. It holds what was added before.
  bool add(Thread& t, Value key) {
    if (!key.is_int() && !is_exact(key, t.types().str)) return false;
    int64_t hash = hash_key(t, key).value();
    SetFound found = set_first_place(table_, key, hash);
    if (found.kind == SetFound::Ask) found = set_find<Find::Key>(t, table_, key, hash);
    if (found.kind == SetFound::Present) return true;
    if (found.kind == SetFound::Ask) return false;
    put(found.entry, key, hash);
    if (uint64_t{++count_} * 5 < table_->mask * 3) return true;
    if (table_->mask + 1 == kMostPlaces) {
      full_ = true;
      return true;
    }
    grow();
    return true;
  }
  bool full() const { return full_; }

  // Gives the set its table; false when it has got another one meanwhile.
  Result<bool> move_to(Thread& t, SetObject* set) {
    if (count_ == 0) return true;
    size_t bytes = sizeof(SetTable) + (table_->mask + 1) * sizeof(SetEntry);
    auto* kept = static_cast<SetTable*>(t.heap().allocate_raw_unset(t, bytes));
    if (kept == nullptr) return t.raise_memory_error();
    std::memcpy(static_cast<void*>(kept), static_cast<const void*>(table_), bytes);
    kept->fill.store(count_, std::memory_order_relaxed);
    ObjectLock lock(t, set);
    if (set->table.load(std::memory_order_relaxed) != kEmptySetTable) return false;
    set->table.store(kept, std::memory_order_release);
    set->live.store(count_, std::memory_order_release);
    if (full_) TRY(set_resize(t, set, uint64_t{count_} * 4));
    return true;
  }
  SetTable* table() { return table_; }

 private:
  static void put(SetEntry* entry, Value key, int64_t hash) {
    entry->hash.store(hash, std::memory_order_relaxed);
    entry->key = key;
  }
  struct Room {
    SetTable table;
    SetEntry entries[kMostPlaces];
  };
  void begin_table(Room& room, size_t size) {
    std::memset(static_cast<void*>(&room), 0, sizeof(SetTable) + size * sizeof(SetEntry));
    room.table.mask = size - 1;
    table_ = &room.table;
  }
  void grow() {
    SetTable* old = table_;
    size_t size = kMinSetSize;
    while (size <= count_ * 4) size <<= 1;
    begin_table(tables_[old == &tables_[0].table ? 1 : 0], size);
    for (uint64_t i = 0; i <= old->mask; ++i) {
      Value key = old->entries()[i].key;
      if (key.is_empty()) continue;
      int64_t hash = old->entries()[i].hash.load(std::memory_order_relaxed);
      put(set_probe(table_, hash, [](SetEntry*, Value) { return Match::No; }).entry, key, hash);
    }
  }

  union {
    Room tables_[2];  // not touched before it is needed
  };
  SetTable* table_;
  uint32_t count_ = 0;
  bool full_ = false;
};

// The items of `walk` up to one that FirstKeys does not take, which is `*rest` then; kNoMore: all of them.
MP_NOINLINE Status add_first_keys(Thread& t, SetObject* set, Walk& walk, Value* rest) {
  FirstKeys keys;
  for (;;) {
    Value item = TRY(walk.next());
    *rest = item;
    if (item.is_no_more() || !keys.add(t, item)) break;
    if (keys.full()) {
      *rest = TRY(walk.next());
      break;
    }
  }
  bool moved = TRY(keys.move_to(t, set));
  if (moved) return {};
  for (SetKeys it(keys.table()); it.next();) TRY(set_add_hashed(t, set, it.key, it.hash));
  return {};
}

Status drop_dummies(Thread& t, SetObject* set) {
  ObjectLock lock(t, set);
  SetTable* table = set->table.load(std::memory_order_relaxed);
  uint64_t used = set->live.load(std::memory_order_relaxed);
  if (table->fill.load(std::memory_order_relaxed) - used <= table->mask / 4) return {};
  return set_resize(t, set, used > 50000 ? used * 2 : used * 4);
}
}  // namespace

Type* set_base_type(Thread& t, SetObject* set) {
  return is_subtype(set->type(), t.types().frozenset) ? t.types().frozenset : t.types().set;
}

Result<SetObject*> set_from(Thread& t, Value iterable) {
  if (is_set(iterable)) return iterable.as<SetObject>();
  SetObject* set = make_set(t);
  TRY(set_update(t, set, iterable));
  return set;
}

SetObject* set_copy(Thread& t, SetObject* set, Type* type) {
  SetObject* copy = make_set(t, type);
  if (merge_set(t, copy, set).is_error()) MP_CHECK(false, "out of memory while copying a set");
  return copy;
}

Status set_update(Thread& t, SetObject* set, Value iterable) {
  if (is_set(iterable)) return merge_set(t, set, iterable.as<SetObject>());
  if (is_exact(iterable, t.types().dict)) {
    auto* dict = iterable.as<DictObject>();
    TRY(grow_for(t, set, dict->length()));
    DictTable* table = dict->table.load(std::memory_order_acquire);
    size_t position = 0;
    Value key;
    int64_t hash;
    while (dict_next_in(table, &position, &key, nullptr, &hash)) TRY(set_add_hashed(t, set, key, hash));
    return {};
  }
  Walk walk(t);
  TRY(walk.begin(iterable));
  Value item = kEmpty;
  // Of these the next item is made without script code.
  bool plain = walk.is_builtin() || is_exact(iterable, t.types().range);
  if (plain && set->table.load(std::memory_order_relaxed) == kEmptySetTable)
    TRY(add_first_keys(t, set, walk, &item));
  if (item.is_empty()) item = TRY(walk.next());
  while (!item.is_no_more()) {
    int64_t hash = TRY(hash_key(t, item));
    TRY(SetChanger(t, set).add(item, hash));  // script code ran: the GIL may be off by now
    item = TRY(walk.next());
  }
  return {};
}

static Result<SetObject*> copy_and_subtract(Thread& t, SetObject* set, Value other) {
  SetObject* copy = set_copy(t, set, set_base_type(t, set));
  TRY(set_difference_update(t, copy, other));
  return copy;
}

Result<SetObject*> set_difference(Thread& t, SetObject* set, Value other) {
  uint64_t its;
  if (is_set(other))
    its = other.as<SetObject>()->length();
  else if (is_exact(other, t.types().dict))
    its = other.as<DictObject>()->length();
  else
    return copy_and_subtract(t, set, other);
  if ((set->length() >> 2) > its) return copy_and_subtract(t, set, other);
  SetObject* result = make_set(t, set_base_type(t, set));
  SetTable* table = set->table.load(std::memory_order_acquire);
  SetSelection selection(t, result, table);
  for (SetKeys it(table); it.next();) {
    bool found;
    if (is_set(other)) {
      found = TRY(contains(t, other.as<SetObject>(), it.key, it.hash));
    } else {
      Value value = TRY(dict_get_hashed(t, other.as<DictObject>(), it.key, it.hash));
      found = !value.is_not_found();
    }
    if (!found) TRY(selection.add(it.key, it.hash));
  }
  return result;
}

Status set_difference_update(Thread& t, SetObject* set, Value other) {
  if (Value(set) == other) {
    set_clear(t, set);
    return {};
  }
  if (is_set(other)) {
    auto* its = other.as<SetObject>();
    if ((its->length() >> 3) > set->length()) {
      Value common = TRY(set_intersection(t, set, other));
      its = common.as<SetObject>();
    }
    SetChanger changer(t, set);
    for (SetKeys it(its->table.load(std::memory_order_acquire)); it.next();)
      TRY(changer.discard(it.key, it.hash));
  } else {
    TRY(for_each(t, other, [&](Value item) -> Status {
      TRY(set_discard(t, set, item));
      return {};
    }));
  }
  return drop_dummies(t, set);
}

Result<Value> set_intersection(Thread& t, SetObject* set, Value other) {
  if (Value(set) == other) return set_copy(t, set, set_base_type(t, set));
  SetObject* result = make_set(t, set_base_type(t, set));
  if (is_set(other)) {
    SetObject* small = other.as<SetObject>();
    SetObject* big = set;
    if (small->length() > big->length()) std::swap(small, big);
    SetTable* table = small->table.load(std::memory_order_acquire);
    SetSelection selection(t, result, table);
    for (SetKeys it(table); it.next();) {
      bool found = TRY(contains(t, big, it.key, it.hash));
      if (found) TRY(selection.add(it.key, it.hash));
    }
    return result;
  }
  TRY(for_each(t, other, [&](Value item) -> Status {
    int64_t hash = TRY(hash_key(t, item));
    bool found = TRY(set_contains_hashed(t, set, item, hash));
    if (!found) return {};
    return set_add_hashed(t, result, item, hash);
  }));
  return result;
}

Status set_symmetric_difference_update(Thread& t, SetObject* set, Value other) {
  if (Value(set) == other) {
    set_clear(t, set);
    return {};
  }
  SetObject* its = TRY(set_from(t, other));
  SetChanger changer(t, set);
  for (SetKeys it(its->table.load(std::memory_order_acquire)); it.next();) {
    bool removed = TRY(changer.discard(it.key, it.hash));
    if (!removed) TRY(changer.add(it.key, it.hash));
  }
  return {};
}

Result<bool> set_is_subset(Thread& t, SetObject* a, SetObject* b) {
  if (a->length() > b->length()) return false;
  for (SetKeys it(a->table.load(std::memory_order_acquire)); it.next();) {
    bool found = TRY(contains(t, b, it.key, it.hash));
    if (!found) return false;
  }
  return true;
}

Result<bool> set_is_disjoint(Thread& t, SetObject* a, SetObject* b) {
  if (b->length() > a->length()) std::swap(a, b);
  for (SetKeys it(b->table.load(std::memory_order_acquire)); it.next();) {
    bool found = TRY(contains(t, a, it.key, it.hash));
    if (found) return false;
  }
  return true;
}

}  // namespace mp

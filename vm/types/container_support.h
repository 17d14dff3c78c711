// What the container files share: fast hashing of keys, moving slots, comparing items. Internal to vm/types
// containers and their modules.
#pragma once
#include <cstring>

#include "vm/core/check.h"
#include "vm/protocol/protocol.h"
#include "vm/threads/object_lock.h"
#include "vm/types/containers.h"
#include "vm/types/exception.h"
#include "vm/types/generic_alias.h"
#include "vm/types/number.h"
#include "vm/types/runtime.h"

namespace mp {

inline constexpr int64_t kHashModulus = (int64_t{1} << 61) - 1;

// hash(key) with the two common cases in line.
inline Result<int64_t> hash_key(Thread& t, Value key) {
  if (key.is_int()) {
    int64_t i = key.as_int();
    if (i > -kHashModulus && i < kHashModulus) return i == -1 ? int64_t{-2} : i;
  } else if (key.is_object() && key.as_object()->type() == t.types().str) {
    int64_t h = key.as<StrObject>()->hash.load(std::memory_order_relaxed);
    return h != -1 ? h : str_hash(key.as<StrObject>());
  }
  return hash(t, key);
}

// The hash of an int, or of a str that has told it before: what needs no call.
inline bool known_hash(const Type* str_type, Value key, int64_t* hash) {
  if (key.is_int()) {
    *hash = key.as_int();
    return *hash > -kHashModulus && *hash < kHashModulus && *hash != -1;
  }
  if (!key.is_object() || key.as_object()->type() != str_type) return false;
  *hash = key.as<StrObject>()->hash.load(std::memory_order_relaxed);
  return *hash != -1;
}

// Without a call for what is as short as words and names are.
inline bool same_bytes(const uint8_t* a, const uint8_t* b, size_t n) {
  auto differ = [&](auto word, size_t at) {
    decltype(word) x, y;
    std::memcpy(&x, a + at, sizeof x);
    std::memcpy(&y, b + at, sizeof y);
    return x ^ y;
  };
  if (n > 16) return std::memcmp(a, b, n) == 0;
  if (n >= 8) return (differ(uint64_t{}, 0) | differ(uint64_t{}, n - 8)) == 0;
  if (n >= 4) return (differ(uint32_t{}, 0) | differ(uint32_t{}, n - 4)) == 0;
  return n == 0 || (a[0] == b[0] && a[n >> 1] == b[n >> 1] && a[n - 1] == b[n - 1]);
}
inline bool same_text(const StrObject* a, const StrObject* b) {
  return ((a->length_and_width ^ b->length_and_width) & ~StrObject::kExternalBit) == 0 &&
         same_bytes(a->data8(), b->data8(), a->byte_size());
}

enum class Match : uint8_t { No, Yes, Ask };

// Two exact tuples, item by item. container_support.cpp
Match match_tuples(const Type* str_type, const TupleObject* stored, const TupleObject* key);

// The hash of a tuple from those of its items: xxHash, as CPython: the order of sets of tuples depends on it.
class TupleHash {
 public:
  void add(int64_t lane) {
    acc_ += static_cast<uint64_t>(lane) * 14029467366897019727u;
    acc_ = std::rotl(acc_, 31) * 11400714785074694791u;
  }
  int64_t finish(size_t count) const {
    uint64_t acc = acc_ + (count ^ (kPrime5 ^ 3527539u));
    return acc == static_cast<uint64_t>(-1) ? 1546275796 : static_cast<int64_t>(acc);
  }

 private:
  static constexpr uint64_t kPrime5 = 2870177450012600261u;
  uint64_t acc_ = kPrime5;
};
// Are two keys with equal hashes equal? Ask: script code may have to decide.
inline Match match_keys(const Type* str_type, Value stored, Value key) {
  if (stored == key) return Match::Yes;
  if (stored.is_int() && key.is_int()) return Match::No;
  if (stored.is_object() && key.is_object() && stored.as_object()->type() == str_type &&
      key.as_object()->type() == str_type)
    return same_text(stored.as<StrObject>(), key.as<StrObject>()) ? Match::Yes : Match::No;
  if (is_kind(stored, Kind::Tuple) && is_kind(key, Kind::Tuple))
    return match_tuples(str_type, stored.as<TupleObject>(), key.as<TupleObject>());
  return Match::Ask;
}

// a == b where both are ints, bools, None, floats or exact strs: no script code runs for them. Ask: other
// values.
inline Match match_plain(const Type* str_type, Value a, Value b) {
  if (a == b) return Match::Yes;
  if (a.is_int() && b.is_int()) return Match::No;
  if (a.is_object() && b.is_object()) {
    if (a.as_object()->type() != str_type || b.as_object()->type() != str_type) return Match::Ask;
    return same_text(a.as<StrObject>(), b.as<StrObject>()) ? Match::Yes : Match::No;
  }
  if (a.is_float_inline() && b.is_float_inline()) return Match::No;  // each has one form, -0.0 none
  if (a.is_object() || b.is_object() || a.is_float_inline() || b.is_float_inline()) return Match::Ask;
  auto number = [](Value v) { return v.is_bool() ? Value::from_int(v.is_true() ? 1 : 0) : v; };
  return number(a) == number(b) ? Match::Yes : Match::No;
}

// equals() with the common cases in line.
inline Result<bool> equals_fast(Thread& t, Value a, Value b) {
  Match m = match_plain(t.types().str, a, b);
  if (m != Match::Ask) [[likely]]
    return m == Match::Yes;
  return equals(t, a, b);
}

// memmove of slots. Without a GIL other threads read meanwhile, so every word moves atomically.
inline void move_slots(Thread& t, Slot* to, const Slot* from, size_t count) {
  if (count == 0 || to == from) return;
  if (!free_threaded(t)) {
    std::memmove(static_cast<void*>(to), static_cast<const void*>(from), count * sizeof(Slot));
  } else if (to < from) {
    for (size_t i = 0; i < count; ++i) to[i].set(from[i].get());
  } else {
    for (size_t i = count; i-- > 0;) to[i].set(from[i].get());
  }
}

// A new array of slots that nobody else sees yet.
inline void copy_slots(Slot* to, const Slot* from, size_t count) {
  for (size_t i = 0; i < count; ++i) to[i].set(from[i].get());
}
// The same at once where no other thread changes the items meanwhile: their owner is locked, or nobody
// else's.
inline void copy_steady_slots(Slot* to, const Slot* from, size_t count) {
  if (count != 0) std::memcpy(static_cast<void*>(to), static_cast<const void*>(from), count * sizeof(Slot));
}
inline void copy_slots(Thread& t, Slot* to, const Slot* from, size_t count) {
  if (free_threaded(t))
    copy_slots(to, from, count);
  else
    copy_steady_slots(to, from, count);
}
inline void copy_values(Slot* to, const Value* from, size_t count) {
  if (count != 0) std::memcpy(static_cast<void*>(to), from, count * sizeof(Slot));
}

inline Value bool_value(bool b) { return Value::from_bool(b); }

// The names CPython's TypeErrors print.
std::string type_name(Thread& t, Value v);
std::string type_name(const Type* type);

// Checks `len` for container + container and container * n.
inline constexpr int64_t kMaxContainerItems = (int64_t{1} << 60) - 1;

// The hash slot of unhashable types; `X.__hash__` is None then. vm/types/slot_update.cpp
Result<int64_t> hash_not_implemented(Thread& t, Value self);

// `__dict__` of native types with kTypeHasDict.
Result<Value> get_instance_dict(Thread& t, Value self);
Status set_instance_dict(Thread& t, Value self, Value value);
extern const GetSetDef kInstanceDictGetSets[];

// Keywords of a builtin constructor: refused unless a subclass has its own __new__ (or __init__, for
// immutable types) that knows them.
Status refuse_keywords(Thread& t, Type* cls, const Type* own, const CallArgs& args, const char* who);
Status refuse_keywords_of_new(Thread& t, Type* cls, const Type* own, const CallArgs& args, const char* who);

// builtins.iter / builtins.getattr for __reduce__ results.
Result<Value> builtin_function(Thread& t, std::string_view name);

// Index argument of a sequence method as list.index(x, start, stop): any __index__, negative from the end,
// clamped at 0.
Result<int64_t> slice_argument(Thread& t, Value v);
inline int64_t clamp_start(int64_t index, int64_t size) {
  if (index < 0) {
    index += size;
    if (index < 0) index = 0;
  }
  return index;
}

}  // namespace mp

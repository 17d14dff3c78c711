// set and frozenset: slots, methods, iterator.
#include "vm/types/set_methods.h"

#include "vm/native/native.h"
#include "vm/types/dict_table.h"
#include "vm/types/iterator_support.h"
#include "vm/types/set_table.h"
#include "vm/types/type.h"

namespace mp {

static bool is_set(Value v) { return is_kind(v, Kind::Set); }

// Makes `set` hold what `from` holds (both private or the caller accepts the race).
static void take_table(Thread& t, SetObject* set, SetObject* from) {
  ObjectLock lock(t, set);
  set->table.store(from->table.load(std::memory_order_relaxed), std::memory_order_release);
  set->live.store(from->live.load(std::memory_order_relaxed), std::memory_order_release);
}

// ---------------------------------------------------------------- slots
static Result<Value> set_repr(Thread& t, Value self) {
  auto* set = self.as<SetObject>();
  std::string name = to_utf8(set->type()->name);
  if (set->length() == 0) return make_str(t, name + "()");
  ReprGuard guard(t, self);
  if (guard.recursive()) return make_str(t, name + "(...)");
  StrBuilder out(t);
  bool plain = set->type() == t.types().set;
  if (!plain) out.append(std::string_view(name + "("));
  out.append(U'{');
  Value keys = TRY(to_list(t, self));
  auto* list = keys.as<ListObject>();
  for (size_t i = 0; i < list->length(); ++i) {
    if (i != 0) out.append(std::string_view(", "));
    Value text = TRY(repr(t, list->at(i)));
    out.append(text.as<StrObject>());
  }
  out.append(U'}');
  if (!plain) out.append(U')');
  return out.finish();
}

static uint64_t shuffle_bits(uint64_t h) { return ((h ^ 89869747u) ^ (h << 16)) * 3644798167u; }

static Result<int64_t> frozenset_hash(Thread&, Value self) {
  auto* set = self.as<SetObject>();
  int64_t cached = set->hash.load(std::memory_order_relaxed);
  if (cached != -1) return cached;
  uint64_t hash = 0;
  SetTable* table = set->table.load(std::memory_order_acquire);
  size_t position = 0;
  Value key;
  int64_t item;
  while (set_next_in(table, &position, &key, &item)) hash ^= shuffle_bits(static_cast<uint64_t>(item));
  hash ^= (set->length() + 1) * 1927868237u;
  hash ^= (hash >> 11) ^ (hash >> 25);
  hash = hash * 69069u + 907133923u;
  if (hash == static_cast<uint64_t>(-1)) hash = 590923713u;
  set->hash.store(static_cast<int64_t>(hash), std::memory_order_relaxed);
  return static_cast<int64_t>(hash);
}

static Result<Value> set_compare(Thread& t, Value left, Value right, CompareOp op) {
  if (!is_set(left) || !is_set(right)) return kNotImplemented;
  auto* a = left.as<SetObject>();
  auto* b = right.as<SetObject>();
  bool result = false;
  switch (op) {
    case CompareOp::Eq:
    case CompareOp::Ne: {
      int64_t ha = a->hash.load(std::memory_order_relaxed), hb = b->hash.load(std::memory_order_relaxed);
      if (a->length() == b->length() && (ha == -1 || hb == -1 || ha == hb))
        result = TRY(set_is_subset(t, a, b));
      if (op == CompareOp::Ne) result = !result;
      break;
    }
    case CompareOp::Le: result = TRY(set_is_subset(t, a, b)); break;
    case CompareOp::Ge: result = TRY(set_is_subset(t, b, a)); break;
    case CompareOp::Lt:
      if (a->length() < b->length()) result = TRY(set_is_subset(t, a, b));
      break;
    case CompareOp::Gt:
      if (b->length() < a->length()) result = TRY(set_is_subset(t, b, a));
      break;
  }
  return bool_value(result);
}

static Result<Value> set_sub(Thread& t, Value left, Value right) {
  if (!is_set(left) || !is_set(right)) return kNotImplemented;
  SetObject* result = TRY(set_difference(t, left.as<SetObject>(), right));
  return result;
}
static Result<Value> set_and(Thread& t, Value left, Value right) {
  if (!is_set(left) || !is_set(right)) return kNotImplemented;
  return set_intersection(t, left.as<SetObject>(), right);
}
static Result<Value> set_or(Thread& t, Value left, Value right) {
  if (!is_set(left) || !is_set(right)) return kNotImplemented;
  auto* a = left.as<SetObject>();
  SetObject* result = set_copy(t, a, set_base_type(t, a));
  if (left != right) TRY(set_update(t, result, right));
  return result;
}
static Result<SetObject*> symmetric_difference(Thread& t, SetObject* a, Value other) {
  SetObject* result = make_set(t, set_base_type(t, a));
  TRY(set_update(t, result, other));
  TRY(set_symmetric_difference_update(t, result, a));
  return result;
}
static Result<Value> set_xor(Thread& t, Value left, Value right) {
  if (!is_set(left) || !is_set(right)) return kNotImplemented;
  SetObject* result = TRY(symmetric_difference(t, left.as<SetObject>(), right));
  return result;
}
static Result<Value> set_isub(Thread& t, Value self, Value other) {
  if (!is_set(other)) return kNotImplemented;
  TRY(set_difference_update(t, self.as<SetObject>(), other));
  return self;
}
static Result<Value> set_iand(Thread& t, Value self, Value other) {
  if (!is_set(other)) return kNotImplemented;
  Value common = TRY(set_intersection(t, self.as<SetObject>(), other));
  take_table(t, self.as<SetObject>(), common.as<SetObject>());
  return self;
}
static Result<Value> set_ior(Thread& t, Value self, Value other) {
  if (!is_set(other)) return kNotImplemented;
  TRY(set_update(t, self.as<SetObject>(), other));
  return self;
}
static Result<Value> set_ixor(Thread& t, Value self, Value other) {
  if (!is_set(other)) return kNotImplemented;
  TRY(set_symmetric_difference_update(t, self.as<SetObject>(), other));
  return self;
}
static Result<int64_t> set_length(Thread&, Value self) {
  return static_cast<int64_t>(self.as<SetObject>()->length());
}

// Look-ups of a set (unhashable) mean the frozenset with its items.
static Result<int64_t> hash_or_frozen(Thread& t, Value* key) {
  Result<int64_t> h = hash_key(t, *key);
  if (h.ok() || !is_set(*key)) return h;
  if (!t.catch_exception(Exc::TypeError)) return Error{};
  *key = set_copy(t, key->as<SetObject>(), t.types().frozenset);
  return frozenset_hash(t, *key);
}

static Result<bool> set_contains_slot(Thread& t, Value self, Value key) {
  int64_t hash = TRY(hash_or_frozen(t, &key));
  return set_contains_hashed(t, self.as<SetObject>(), key, hash);
}

struct SetIterator : Object {
  Slot set;
  std::atomic<uint64_t> expected{0};
  std::atomic<uint64_t> position{0};
  std::atomic<uint64_t> remaining{0};
};
static Result<Value> set_iter(Thread& t, Value self) {
  auto* it = t.heap().make<SetIterator>(t, t.types().set_iterator);
  it->set = self;
  it->expected.store(self.as<SetObject>()->length());
  it->remaining.store(self.as<SetObject>()->length());
  return it;
}

// ---------------------------------------------------------------- methods
static Result<Value> set_new(Thread& t, Value self, const CallArgs&) { return make_set(t, self.as<Type>()); }
static Result<Value> set_init(Thread& t, Value self, const CallArgs& args) {
  auto* set = self.as<SetObject>();
  if (!args.keyword_names.is_empty() && args.keyword_names.as<TupleObject>()->size != 0)
    return t.raise(Exc::TypeError, "set() takes no keyword arguments");
  if (args.count > 1) return t.raise(Exc::TypeError, "set expected at most 1 argument, got {}", args.count);
  if (set->length() != 0) set_clear(t, set);
  if (args.count == 1) TRY(set_update(t, set, args.values[0]));
  return kNone;
}
static Result<Value> frozenset_new(Thread& t, Value self, const CallArgs& args) {
  auto* cls = self.as<Type>();
  TRY(refuse_keywords_of_new(t, cls, t.types().frozenset, args, "frozenset"));
  if (args.count > 1)
    return t.raise(Exc::TypeError, "frozenset expected at most 1 argument, got {}", args.count);
  if (args.count == 1 && cls == t.types().frozenset && is_exact(args.values[0], cls)) return args.values[0];
  SetObject* set = make_set(t, cls);
  if (args.count == 1) TRY(set_update(t, set, args.values[0]));
  return set;
}

static Result<Value> method_add(Thread& t, const Value* args) {
  TRY(set_add(t, args[0].as<SetObject>(), args[1]));
  return kNone;
}
static Result<Value> method_discard(Thread& t, const Value* args) {
  Value key = args[1];
  int64_t hash = TRY(hash_or_frozen(t, &key));
  TRY(set_discard_hashed(t, args[0].as<SetObject>(), key, hash));
  return kNone;
}
static Result<Value> method_remove(Thread& t, const Value* args) {
  Value key = args[1];
  int64_t hash = TRY(hash_or_frozen(t, &key));
  bool removed = TRY(set_discard_hashed(t, args[0].as<SetObject>(), key, hash));
  if (!removed) return t.raise_value(Exc::KeyError, args[1]);
  return kNone;
}
static Result<Value> method_pop(Thread& t, const Value* args) {
  auto* set = args[0].as<SetObject>();
  ObjectLock lock(t, set);
  uint64_t used = set->live.load(std::memory_order_relaxed);
  if (used == 0) return t.raise(Exc::KeyError, "pop from an empty set");
  SetTable* table = set->table.load(std::memory_order_relaxed);
  SetEntry* entries = table->entries();
  uint64_t i = table->finger.load(std::memory_order_relaxed) & table->mask;
  for (;; i = i == table->mask ? 0 : i + 1) {
    Value key = entries[i].key.get();
    if (key.is_empty() || key.is_not_found()) continue;
    set_remove_entry(set, table, &entries[i]);
    table->finger.store(static_cast<uint32_t>(i + 1), std::memory_order_relaxed);
    return key;
  }
}
static Result<Value> method_clear(Thread& t, const Value* args) {
  set_clear(t, args[0].as<SetObject>());
  return kNone;
}
static Result<Value> method_copy(Thread& t, const Value* args) {
  auto* set = args[0].as<SetObject>();
  return set_copy(t, set, set_base_type(t, set));
}
static Result<Value> frozenset_copy(Thread& t, const Value* args) {
  if (args[0].as<SetObject>()->type() == t.types().frozenset) return args[0];
  return set_copy(t, args[0].as<SetObject>(), t.types().frozenset);
}
static Result<Value> method_update(Thread& t, const Value* args) {
  auto* others = args[1].as<TupleObject>();
  for (size_t i = 0; i < others->size; ++i) TRY(set_update(t, args[0].as<SetObject>(), (*others)[i]));
  return kNone;
}
static Result<Value> method_union(Thread& t, const Value* args) {
  auto* set = args[0].as<SetObject>();
  auto* others = args[1].as<TupleObject>();
  SetObject* result = set_copy(t, set, set_base_type(t, set));
  for (size_t i = 0; i < others->size; ++i) TRY(set_update(t, result, (*others)[i]));
  return result;
}
static Result<Value> intersect_many(Thread& t, SetObject* set, TupleObject* others) {
  if (others->size == 0) return set_copy(t, set, set_base_type(t, set));
  Value result = set;
  for (size_t i = 0; i < others->size; ++i)
    result = TRY(set_intersection(t, result.as<SetObject>(), (*others)[i]));
  return result;
}
static Result<Value> method_intersection(Thread& t, const Value* args) {
  return intersect_many(t, args[0].as<SetObject>(), args[1].as<TupleObject>());
}
static Result<Value> method_intersection_update(Thread& t, const Value* args) {
  Value common = TRY(intersect_many(t, args[0].as<SetObject>(), args[1].as<TupleObject>()));
  take_table(t, args[0].as<SetObject>(), common.as<SetObject>());
  return kNone;
}
static Result<Value> method_difference(Thread& t, const Value* args) {
  auto* set = args[0].as<SetObject>();
  auto* others = args[1].as<TupleObject>();
  if (others->size == 0) return set_copy(t, set, set_base_type(t, set));
  SetObject* result = TRY(set_difference(t, set, (*others)[0]));
  for (size_t i = 1; i < others->size; ++i) TRY(set_difference_update(t, result, (*others)[i]));
  return result;
}
static Result<Value> method_difference_update(Thread& t, const Value* args) {
  auto* others = args[1].as<TupleObject>();
  for (size_t i = 0; i < others->size; ++i)
    TRY(set_difference_update(t, args[0].as<SetObject>(), (*others)[i]));
  return kNone;
}
static Result<Value> method_symmetric_difference(Thread& t, const Value* args) {
  SetObject* result = TRY(symmetric_difference(t, args[0].as<SetObject>(), args[1]));
  return result;
}
static Result<Value> method_symmetric_difference_update(Thread& t, const Value* args) {
  TRY(set_symmetric_difference_update(t, args[0].as<SetObject>(), args[1]));
  return kNone;
}
static Result<Value> method_isdisjoint(Thread& t, const Value* args) {
  auto* set = args[0].as<SetObject>();
  if (args[0] == args[1]) return bool_value(set->length() == 0);
  if (is_set(args[1])) {
    bool disjoint = TRY(set_is_disjoint(t, set, args[1].as<SetObject>()));
    return bool_value(disjoint);
  }
  Value iterator = TRY(get_iter(t, args[1]));
  for (;;) {
    Value item = TRY(iter_next(t, iterator));
    if (item.is_no_more()) return kTrue;
    bool found = TRY(set_contains(t, set, item));
    if (found) return kFalse;
  }
}
static Result<Value> method_issubset(Thread& t, const Value* args) {
  SetObject* other = TRY(set_from(t, args[1]));
  bool result = TRY(set_is_subset(t, args[0].as<SetObject>(), other));
  return bool_value(result);
}
static Result<Value> method_issuperset(Thread& t, const Value* args) {
  auto* set = args[0].as<SetObject>();
  if (is_set(args[1])) {
    bool result = TRY(set_is_subset(t, args[1].as<SetObject>(), set));
    return bool_value(result);
  }
  Value iterator = TRY(get_iter(t, args[1]));
  for (;;) {
    Value item = TRY(iter_next(t, iterator));
    if (item.is_no_more()) return kTrue;
    bool found = TRY(set_contains(t, set, item));
    if (!found) return kFalse;
  }
}
static Result<Value> method_contains(Thread& t, const Value* args) {
  bool found = TRY(set_contains_slot(t, args[0], args[1]));
  return bool_value(found);
}
static Result<Value> method_reduce(Thread& t, const Value* args) {
  Value keys = TRY(to_list(t, args[0]));
  Value state = TRY(call_method(t, args[0], t.names().__getstate__));
  return make_tuple(t, {Value(args[0].as_object()->type()), Value(make_tuple(t, {keys})), state});
}
static Result<Value> method_sizeof(Thread&, const Value* args) {
  auto* set = args[0].as<SetObject>();
  SetTable* table = set->table.load(std::memory_order_acquire);
  return Value::from_int(static_cast<int64_t>(sizeof(SetObject) + 16 + (table->mask + 1) * sizeof(SetEntry)));
}

#define MP_SET_SHARED                                                                                      \
  MP_METHOD(method_contains, "__contains__(self, object, /)", "x.__contains__(y) <==> y in x."),           \
      MP_METHOD(method_reduce, "__reduce__(self, /)", "Return state information for pickling."),           \
      MP_METHOD(method_sizeof, "__sizeof__(self, /)", "S.__sizeof__() -> size of S in memory, in bytes."), \
      MP_METHOD(method_difference, "difference(self, /, *others)",                                         \
                "Return a new set with elements in the set that are not in the others."),                  \
      MP_METHOD(method_intersection, "intersection(self, /, *others)",                                     \
                "Return a new set with elements common to the set and all others."),                       \
      MP_METHOD(method_isdisjoint, "isdisjoint(self, other, /)",                                           \
                "Return True if two sets have a null intersection."),                                      \
      MP_METHOD(method_issubset, "issubset(self, other, /)",                                               \
                "Report whether another set contains this set."),                                          \
      MP_METHOD(method_issuperset, "issuperset(self, other, /)",                                           \
                "Report whether this set contains another set."),                                          \
      MP_METHOD(method_symmetric_difference, "symmetric_difference(self, other, /)",                       \
                "Return a new set with elements in either the set or other but not both."),                \
      MP_METHOD(method_union, "union(self, /, *others)",                                                   \
                "Return a new set with elements from the set and all others."),                            \
      MP_CLASS_GETITEM

static const NativeDef kSetMethods[] = {
    MP_RAW_NEW(set_new, "__new__(cls, *args, **kwargs)", nullptr),
    MP_RAW_METHOD(set_init, "__init__(self, iterable=?, /)", nullptr),
    MP_SET_SHARED,
    MP_METHOD(method_add, "add(self, object, /)",
              "Add an element to a set.\n\nThis has no effect if the element is already present."),
    MP_METHOD(method_clear, "clear(self, /)", "Remove all elements from this set."),
    MP_METHOD(method_copy, "copy(self, /)", "Return a shallow copy of a set."),
    MP_METHOD(method_discard, "discard(self, object, /)",
              "Remove an element from a set if it is a member.\n\nUnlike set.remove(), the discard() method "
              "does not raise\nan "
              "exception when an element is missing from the set."),
    MP_METHOD(method_difference_update, "difference_update(self, /, *others)",
              "Update the set, removing elements found in others."),
    MP_METHOD(method_intersection_update, "intersection_update(self, /, *others)",
              "Update the set, keeping only elements found in it and all others."),
    MP_METHOD(method_pop, "pop(self, /)",
              "Remove and return an arbitrary set element.\n\nRaises KeyError if the set is empty."),
    MP_METHOD(method_remove, "remove(self, object, /)",
              "Remove an element from a set; it must be a member.\n\nIf the element is not a member, raise a "
              "KeyError."),
    MP_METHOD(method_symmetric_difference_update, "symmetric_difference_update(self, other, /)",
              "Update the set, keeping only elements found in either set, but not in both."),
    MP_METHOD(method_update, "update(self, /, *others)", "Update the set, adding elements from all others."),
    MP_END};

static const NativeDef kFrozenSetMethods[] = {
    MP_RAW_NEW(frozenset_new, "__new__(cls, iterable=(), /)", nullptr), MP_SET_SHARED,
    MP_METHOD(frozenset_copy, "copy(self, /)", "Return a shallow copy of a set."), MP_END};

extern const TypeSpec kSetSpec;
const TypeSpec kSetSpec = {
    .name = "set",
    .kind = Kind::Set,
    .size = sizeof(SetObject),
    .flags = kTypeBaseType | kTypeMatchSelf | kTypeHasWeakref,
    .doc = "Build an unordered collection of unique elements.",
    .trace = trace_set,
    .slots = MP_SLOTS(.repr = set_repr, .hash = hash_not_implemented, .compare = set_compare,
                      .iter = set_iter, .sub = set_sub, .and_ = set_and, .or_ = set_or, .xor_ = set_xor,
                      .isub = set_isub, .iand = set_iand, .ior = set_ior, .ixor = set_ixor,
                      .length = set_length, .contains = set_contains_slot),
    .methods = kSetMethods};

extern const TypeSpec kFrozenSetSpec;
const TypeSpec kFrozenSetSpec = {
    .name = "frozenset",
    .kind = Kind::Set,
    .size = sizeof(SetObject),
    .flags = kTypeBaseType | kTypeMatchSelf | kTypeHasWeakref,
    .doc = "Build an immutable unordered collection of unique elements.",
    .trace = trace_set,
    .slots = MP_SLOTS(.repr = set_repr, .hash = frozenset_hash, .compare = set_compare, .iter = set_iter,
                      .sub = set_sub, .and_ = set_and, .or_ = set_or, .xor_ = set_xor, .length = set_length,
                      .contains = set_contains_slot),
    .methods = kFrozenSetMethods};

// ---------------------------------------------------------------- iterator
static void trace_set_iterator(Object* self, Tracer& tracer) {
  tracer.visit(static_cast<SetIterator*>(self)->set);
}

static Result<Value> set_iterator_next(Thread& t, Value self) {
  auto* it = self.as<SetIterator>();
  Value held = it->set.get();
  if (held.is_empty()) return kNoMore;
  auto* set = held.as<SetObject>();
  if (it->expected.load(std::memory_order_relaxed) != set->length()) {
    it->expected.store(UINT64_MAX, std::memory_order_relaxed);
    return t.raise(Exc::RuntimeError, "Set changed size during iteration");
  }
  size_t position = it->position.load(std::memory_order_relaxed);
  Value key;
  if (!set_next_in(set->table.load(std::memory_order_acquire), &position, &key, nullptr)) {
    it->set = kEmpty;
    return kNoMore;
  }
  it->position.store(position, std::memory_order_relaxed);
  uint64_t rest = it->remaining.load(std::memory_order_relaxed);
  it->remaining.store(rest == 0 ? 0 : rest - 1, std::memory_order_relaxed);
  return key;
}

static Result<Value> set_iterator_length_hint(Thread&, const Value* args) {
  auto* it = args[0].as<SetIterator>();
  Value set = it->set.get();
  if (set.is_empty() || set.as<SetObject>()->length() != it->expected.load()) return Value::from_int(0);
  return Value::from_int(static_cast<int64_t>(it->remaining.load()));
}

static Result<Value> set_iterator_reduce(Thread& t, const Value* args) {
  auto* it = args[0].as<SetIterator>();
  Value iter = TRY(builtin_function(t, "iter"));
  auto* copy = t.heap().make<SetIterator>(t, it->type());
  copy->set = it->set.get();
  copy->expected.store(it->expected.load());
  copy->position.store(it->position.load());
  Value rest = TRY(to_list(t, copy));
  return make_tuple(t, {iter, Value(make_tuple(t, {rest}))});
}

static const NativeDef kSetIteratorMethods[] = {
    MP_METHOD(set_iterator_length_hint, "__length_hint__(self, /)",
              "Private method returning an estimate of len(list(it))."),
    MP_METHOD(set_iterator_reduce, "__reduce__(self, /)", "Return state information for pickling."), MP_END};

extern const TypeSpec kSetIteratorSpec;
const TypeSpec kSetIteratorSpec = {.name = "set_iterator",
                                   .size = sizeof(SetIterator),
                                   .flags = kTypeDisallowNew,
                                   .trace = trace_set_iterator,
                                   .slots = MP_SLOTS(.iter = iterator_self, .next = set_iterator_next),
                                   .methods = kSetIteratorMethods};

}  // namespace mp

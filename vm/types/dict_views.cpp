// dict.keys(), values(), items() and their iterators.
#include "vm/core/compiler.h"
#include "vm/native/native.h"
#include "vm/types/dict_table.h"
#include "vm/types/iterator_support.h"
#include "vm/types/set_methods.h"
#include "vm/types/type.h"

namespace mp {

namespace {
struct DictIterator : Object {
  Slot dict;                          // empty when exhausted
  std::atomic<uint64_t> expected{0};  // size of the dict; UINT64_MAX after an error
  std::atomic<uint64_t> position{0};
  std::atomic<uint64_t> remaining{0};
};

Type* iterator_type(Thread& t, DictPart part, bool reverse) {
  BuiltinTypes& types = t.types();
  switch (part) {
    case DictPart::Keys: return reverse ? types.dict_reverse_key_iterator : types.dict_key_iterator;
    case DictPart::Values: return reverse ? types.dict_reverse_value_iterator : types.dict_value_iterator;
    case DictPart::Items: break;
  }
  return reverse ? types.dict_reverse_item_iterator : types.dict_item_iterator;
}

bool is_keys(Thread& t, Value v) { return is_exact(v, t.types().dict_keys); }
bool is_items(Thread& t, Value v) { return is_exact(v, t.types().dict_items); }
bool is_set_view(Thread& t, Value v) {
  return is_keys(t, v) || is_items(t, v) ||
         (v.is_object() &&
          (is_instance(t, v, t.types().dict_keys) || is_instance(t, v, t.types().dict_items)));
}
DictObject* view_dict(Value view) { return view.as<DictViewObject>()->dict.get().as<DictObject>(); }
}  // namespace

Value make_dict_view(Thread& t, DictObject* dict, DictPart part) {
  BuiltinTypes& types = t.types();
  Type* type = part == DictPart::Keys     ? types.dict_keys
               : part == DictPart::Values ? types.dict_values
                                          : types.dict_items;
  auto* view = t.heap().make<DictViewObject>(t, type);
  view->dict = Value(dict);
  return view;
}

Value make_dict_iterator(Thread& t, DictObject* dict, DictPart part, bool reverse) {
  auto* it = t.heap().make<DictIterator>(t, iterator_type(t, part, reverse));
  it->dict = Value(dict);
  it->expected.store(dict->length());
  it->remaining.store(dict->length());
  it->position.store(
      reverse ? dict->table.load(std::memory_order_acquire)->used.load(std::memory_order_acquire) : 0);
  return it;
}

// ---------------------------------------------------------------- iterators
static void trace_iterator(Object* self, Tracer& tracer) {
  tracer.visit(static_cast<DictIterator*>(self)->dict);
}

template <bool reverse>
__attribute__((always_inline)) static inline Result<bool> step(Thread& t, DictIterator* it, Value* key_out,
                                                               Value* value_out) {
  Value held = it->dict.get();
  if (held.is_empty()) return false;
  auto* dict = held.as<DictObject>();
  if (it->expected.load(std::memory_order_relaxed) != dict->length()) {
    it->expected.store(UINT64_MAX, std::memory_order_relaxed);
    return t.raise(Exc::RuntimeError, "dictionary changed size during iteration");
  }
  DictTable* table = dict->table.load(std::memory_order_acquire);
  size_t position = it->position.load(std::memory_order_relaxed);
  Value key, value;
  bool found = false;
  if constexpr (reverse) {
    size_t used = table->used.load(std::memory_order_acquire);
    if (position > used) position = used;
    found = dict_previous_pair(table, &position, &key, &value);
  } else {
    found = dict_next_pair(table, &position, &key, &value);
  }
  if (!found) {
    it->dict = kEmpty;
    return false;
  }
  uint64_t remaining = it->remaining.load(std::memory_order_relaxed);
  if (!reverse && remaining == 0) {
    it->dict = kEmpty;
    return t.raise(Exc::RuntimeError, "dictionary keys changed during iteration");
  }
  it->position.store(position, std::memory_order_relaxed);
  it->remaining.store(remaining == 0 ? 0 : remaining - 1, std::memory_order_relaxed);
  *key_out = key;
  *value_out = value;
  return true;
}

MP_NOINLINE static Result<bool> step_back(Thread& t, DictIterator* it, Value* key, Value* value) {
  return step<true>(t, it, key, value);
}

Result<bool> dict_items_next(Thread& t, Value iterator, Value* key, Value* value) {
  return step<false>(t, iterator.as<DictIterator>(), key, value);
}

template <DictPart part, bool reverse>
static Result<Value> iterator_next(Thread& t, Value self) {
  Value key, value;
  auto* it = self.as<DictIterator>();
  Result<bool> more = reverse ? step_back(t, it, &key, &value) : step<false>(t, it, &key, &value);
  if (!TRY(more)) return kNoMore;
  if constexpr (part == DictPart::Keys) return key;
  if constexpr (part == DictPart::Values) return value;
  TupleObject* pair = allocate_tuple(t, 2);
  pair->items()[0] = key;
  pair->items()[1] = value;
  return pair;
}

static Result<Value> iterator_length_hint(Thread&, const Value* args) {
  auto* it = args[0].as<DictIterator>();
  Value dict = it->dict.get();
  if (dict.is_empty() || dict.as<DictObject>()->length() != it->expected.load()) return Value::from_int(0);
  return Value::from_int(static_cast<int64_t>(it->remaining.load()));
}

static Result<Value> iterator_reduce(Thread& t, const Value* args) {
  auto* it = args[0].as<DictIterator>();
  Value iter = TRY(builtin_function(t, "iter"));
  auto* copy = t.heap().make<DictIterator>(t, it->type());
  copy->dict = it->dict.get();
  copy->expected.store(it->expected.load());
  copy->position.store(it->position.load());
  copy->remaining.store(it->remaining.load());
  Value rest = TRY(to_list(t, copy));
  return make_tuple(t, {iter, Value(make_tuple(t, {rest}))});
}

static const NativeDef kIteratorMethods[] = {
    MP_METHOD(iterator_length_hint, "__length_hint__(self, /)",
              "Private method returning an estimate of len(list(it))."),
    MP_METHOD(iterator_reduce, "__reduce__(self, /)", "Return state information for pickling."), MP_END};

#define MP_DICT_ITERATOR(spec, text, part, reverse)                                             \
  extern const TypeSpec spec;                                                                   \
  const TypeSpec spec = {                                                                       \
      .name = text,                                                                             \
      .size = sizeof(DictIterator),                                                             \
      .flags = kTypeDisallowNew,                                                                \
      .trace = trace_iterator,                                                                  \
      .slots = MP_SLOTS(.iter = iterator_self, .next = iterator_next<DictPart::part, reverse>), \
      .methods = kIteratorMethods};
MP_DICT_ITERATOR(kDictKeyIteratorSpec, "dict_keyiterator", Keys, false)
MP_DICT_ITERATOR(kDictValueIteratorSpec, "dict_valueiterator", Values, false)
MP_DICT_ITERATOR(kDictItemIteratorSpec, "dict_itemiterator", Items, false)
MP_DICT_ITERATOR(kDictReverseKeyIteratorSpec, "dict_reversekeyiterator", Keys, true)
MP_DICT_ITERATOR(kDictReverseValueIteratorSpec, "dict_reversevalueiterator", Values, true)
MP_DICT_ITERATOR(kDictReverseItemIteratorSpec, "dict_reverseitemiterator", Items, true)
#undef MP_DICT_ITERATOR

// ---------------------------------------------------------------- views
static void trace_view(Object* self, Tracer& tracer) {
  tracer.visit(static_cast<DictViewObject*>(self)->dict);
}

static Result<int64_t> view_length(Thread&, Value self) {
  return static_cast<int64_t>(view_dict(self)->length());
}

template <DictPart part>
static Result<Value> view_iter(Thread& t, Value self) {
  return make_dict_iterator(t, view_dict(self), part, false);
}
template <DictPart part>
static Result<Value> view_reversed(Thread& t, const Value* args) {
  return make_dict_iterator(t, view_dict(args[0]), part, true);
}

static Result<Value> view_repr(Thread& t, Value self) {
  ReprGuard guard(t, self);
  if (guard.recursive()) return make_str(t, "...");
  Value list = TRY(to_list(t, self));
  Value text = TRY(repr(t, list));
  StrBuilder out(t);
  out.append(std::string_view(type_name(t, self)));
  out.append(U'(');
  out.append(text.as<StrObject>());
  out.append(U')');
  return out.finish();
}

static Result<bool> keys_contains(Thread& t, Value self, Value key) {
  Value value = TRY(dict_get(t, view_dict(self), key));
  return !value.is_not_found();
}

static Result<bool> items_contains(Thread& t, Value self, Value item) {
  if (!is_tuple(item) || item.as<TupleObject>()->size != 2) return false;
  Value value = TRY(dict_get(t, view_dict(self), (*item.as<TupleObject>())[0]));
  if (value.is_not_found()) return false;
  return equals_fast(t, value, (*item.as<TupleObject>())[1]);
}

static Result<bool> view_contains(Thread& t, Value self, Value item) {
  return is_instance(t, self, t.types().dict_keys) ? keys_contains(t, self, item)
                                                   : items_contains(t, self, item);
}

static Result<bool> all_contained_in(Thread& t, Value self, Value other) {
  Value iterator = TRY(get_iter(t, self));
  for (;;) {
    Value item = TRY(iter_next(t, iterator));
    if (item.is_no_more()) return true;
    bool found = TRY(contains(t, other, item));
    if (!found) return false;
  }
}

static Result<Value> view_compare(Thread& t, Value self, Value other, CompareOp op) {
  if (!is_kind(other, Kind::Set) && !is_set_view(t, other)) return kNotImplemented;
  int64_t own = TRY(length(t, self));
  int64_t its = TRY(length(t, other));
  bool result = false;
  switch (op) {
    case CompareOp::Ne:
    case CompareOp::Eq:
      if (own == its) result = TRY(all_contained_in(t, self, other));
      if (op == CompareOp::Ne) result = !result;
      break;
    case CompareOp::Lt:
      if (own < its) result = TRY(all_contained_in(t, self, other));
      break;
    case CompareOp::Le:
      if (own <= its) result = TRY(all_contained_in(t, self, other));
      break;
    case CompareOp::Gt:
      if (own > its) result = TRY(all_contained_in(t, other, self));
      break;
    case CompareOp::Ge:
      if (own >= its) result = TRY(all_contained_in(t, other, self));
      break;
  }
  return bool_value(result);
}

static Result<SetObject*> view_to_set(Thread& t, Value view) {
  SetObject* set = make_set(t);
  TRY(set_update(t, set, view));
  return set;
}

static Result<Value> view_sub(Thread& t, Value left, Value right) {
  SetObject* set = TRY(view_to_set(t, left));
  TRY(set_difference_update(t, set, right));
  return set;
}

static Result<Value> view_and(Thread& t, Value left, Value right) {
  Value self = left, other = right;
  if (!is_set_view(t, self)) std::swap(self, other);
  int64_t own = TRY(length(t, self));
  if (is_exact(other, t.types().set)) {
    if (own <= static_cast<int64_t>(other.as<SetObject>()->length()))
      return set_intersection(t, other.as<SetObject>(), self);
  }
  if (is_set_view(t, other)) {
    int64_t its = TRY(length(t, other));
    if (its > own) std::swap(self, other);
  }
  SetObject* result = make_set(t);
  TRY(for_each(t, other, [&](Value item) -> Status {
    bool found = TRY(view_contains(t, self, item));
    if (!found) return {};
    return set_add(t, result, item);
  }));
  return result;
}

static Result<Value> view_or(Thread& t, Value left, Value right) {
  SetObject* set = TRY(view_to_set(t, left));
  TRY(set_update(t, set, right));
  return set;
}

static Result<Value> view_xor(Thread& t, Value left, Value right) {
  SetObject* set = TRY(view_to_set(t, left));
  TRY(set_symmetric_difference_update(t, set, right));
  return set;
}

static Result<Value> view_isdisjoint(Thread& t, const Value* args) {
  Value self = args[0], other = args[1];
  int64_t own = TRY(length(t, self));
  if (self == other) return bool_value(own == 0);
  if (is_kind(other, Kind::Set) || is_set_view(t, other)) {
    int64_t its = TRY(length(t, other));
    if (its > own) std::swap(self, other);
  }
  Value iterator = TRY(get_iter(t, other));
  for (;;) {
    Value item = TRY(iter_next(t, iterator));
    if (item.is_no_more()) return kTrue;
    bool found = TRY(contains(t, self, item));
    if (found) return kFalse;
  }
}

static Result<Value> view_mapping(Thread& t, Value self) {
  return make_mapping_proxy(t, self.as<DictViewObject>()->dict);
}
static const GetSetDef kViewGetSets[] = {
    {"mapping", view_mapping, nullptr, "dictionary that this view refers to"},
    {nullptr, nullptr, nullptr, nullptr}};

static const NativeDef kKeysMethods[] = {
    MP_METHOD(view_isdisjoint, "isdisjoint(self, other, /)",
              "Return True if the view and the given iterable have a null intersection."),
    MP_METHOD(view_reversed<DictPart::Keys>, "__reversed__(self, /)",
              "Return a reverse iterator over the dict keys."),
    MP_END};
static const NativeDef kItemsMethods[] = {
    MP_METHOD(view_isdisjoint, "isdisjoint(self, other, /)",
              "Return True if the view and the given iterable have a null intersection."),
    MP_METHOD(view_reversed<DictPart::Items>, "__reversed__(self, /)",
              "Return a reverse iterator over the dict items."),
    MP_END};
static const NativeDef kValuesMethods[] = {MP_METHOD(view_reversed<DictPart::Values>, "__reversed__(self, /)",
                                                     "Return a reverse iterator over the dict values."),
                                           MP_END};

extern const TypeSpec kDictKeysSpec;
const TypeSpec kDictKeysSpec = {
    .name = "dict_keys",
    .size = sizeof(DictViewObject),
    .flags = kTypeDisallowNew | kTypeBaseType,
    .trace = trace_view,
    .slots = MP_SLOTS(.repr = view_repr, .hash = hash_not_implemented, .compare = view_compare,
                      .iter = view_iter<DictPart::Keys>, .sub = view_sub, .and_ = view_and, .or_ = view_or,
                      .xor_ = view_xor, .length = view_length, .contains = keys_contains),
    .methods = kKeysMethods,
    .getsets = kViewGetSets};

extern const TypeSpec kDictItemsSpec;
const TypeSpec kDictItemsSpec = {
    .name = "dict_items",
    .size = sizeof(DictViewObject),
    .flags = kTypeDisallowNew | kTypeBaseType,
    .trace = trace_view,
    .slots = MP_SLOTS(.repr = view_repr, .hash = hash_not_implemented, .compare = view_compare,
                      .iter = view_iter<DictPart::Items>, .sub = view_sub, .and_ = view_and, .or_ = view_or,
                      .xor_ = view_xor, .length = view_length, .contains = items_contains),
    .methods = kItemsMethods,
    .getsets = kViewGetSets};

extern const TypeSpec kDictValuesSpec;
const TypeSpec kDictValuesSpec = {
    .name = "dict_values",
    .size = sizeof(DictViewObject),
    .flags = kTypeDisallowNew | kTypeBaseType,
    .trace = trace_view,
    .slots = MP_SLOTS(.repr = view_repr, .iter = view_iter<DictPart::Values>, .length = view_length),
    .methods = kValuesMethods,
    .getsets = kViewGetSets};

}  // namespace mp

// collections.OrderedDict: a dict (which keeps insertion order anyway) that can move keys to either end and
// compares in order.
#include "vm/native/native.h"
#include "vm/types/dict_table.h"
#include "vm/types/iterator_support.h"
#include "vm/types/type.h"

namespace mp {

extern const TypeSpec kOrderedDictSpec;

namespace {
struct OrderedIterator : Object {
  Slot dict;
  std::atomic<uint32_t> mutations{0};
  std::atomic<uint64_t> size{0};
  std::atomic<uint64_t> position{0};
  DictPart part = DictPart::Keys;
  bool reverse = false;
};
void trace_ordered_iterator(Object* self, Tracer& tracer) {
  tracer.visit(static_cast<OrderedIterator*>(self)->dict);
}
void trace_view(Object* self, Tracer& tracer) { tracer.visit(static_cast<DictViewObject*>(self)->dict); }

Type* ordered_type(Thread& t) { return native_type(t, kOrderedDictSpec); }
bool is_ordered(Thread& t, Value v) { return is_dict(v) && is_instance(t, v, ordered_type(t)); }
bool is_exact_ordered(DictObject* d) { return d->type()->spec == &kOrderedDictSpec; }

Result<Value> ordered_iterator_next(Thread& t, Value self) {
  auto* it = self.as<OrderedIterator>();
  Value held = it->dict.get();
  if (held.is_empty()) return kNoMore;
  auto* dict = held.as<DictObject>();
  if (it->mutations.load() != dict->mutations.load()) {
    it->dict = kEmpty;
    return t.raise(Exc::RuntimeError, "OrderedDict mutated during iteration");
  }
  DictTable* table = dict->table.load(std::memory_order_acquire);
  size_t position = it->position.load();
  // Another thread may have changed it since: the place may be beyond the entries that there are now.
  if (it->reverse) position = std::min<size_t>(position, table->used.load(std::memory_order_acquire));
  Value key, value;
  bool found = it->reverse ? dict_previous_pair(table, &position, &key, &value)
                           : dict_next_in(table, &position, &key, &value, nullptr);
  if (!found) {
    it->dict = kEmpty;
    return kNoMore;
  }
  it->position.store(position);
  if (it->part == DictPart::Keys) return key;
  if (it->part == DictPart::Values) return value;
  return make_tuple(t, {key, value});
}
Result<Value> ordered_iterator_reduce(Thread& t, const Value* args) {
  auto* it = args[0].as<OrderedIterator>();
  Value iter = TRY(builtin_function(t, "iter"));
  auto* copy = t.heap().make<OrderedIterator>(t, it->type());
  copy->dict = it->dict.get();
  copy->mutations.store(it->mutations.load());
  copy->size.store(it->size.load());
  copy->position.store(it->position.load());
  copy->part = it->part;
  copy->reverse = it->reverse;
  Value rest = TRY(to_list(t, copy));
  return make_tuple(t, {iter, Value(make_tuple(t, {rest}))});
}
const NativeDef kOrderedIteratorMethods[] = {
    MP_METHOD(ordered_iterator_reduce, "__reduce__(self, /)", "Return state information for pickling"),
    MP_END};
const TypeSpec kOrderedIteratorSpec = {
    .name = "odict_iterator",
    .size = sizeof(OrderedIterator),
    .flags = kTypeDisallowNew,
    .trace = trace_ordered_iterator,
    .slots = MP_SLOTS(.iter = iterator_self, .next = ordered_iterator_next),
    .methods = kOrderedIteratorMethods};

Value new_iterator(Thread& t, DictObject* dict, DictPart part, bool reverse) {
  auto* it = t.heap().make<OrderedIterator>(t, native_type(t, kOrderedIteratorSpec));
  it->dict = Value(dict);
  it->mutations.store(dict->mutations.load());
  it->size.store(dict->length());
  it->part = part;
  it->reverse = reverse;
  it->position.store(reverse ? dict->table.load(std::memory_order_acquire)->used.load() : 0);
  return it;
}

DictObject* view_dict(Value view) { return view.as<DictViewObject>()->dict.get().as<DictObject>(); }
template <DictPart part>
Result<Value> view_iter(Thread& t, Value self) {
  return new_iterator(t, view_dict(self), part, false);
}
template <DictPart part>
Result<Value> view_reversed(Thread& t, const Value* args) {
  return new_iterator(t, view_dict(args[0]), part, true);
}
const NativeDef kOrderedKeysMethods[] = {
    MP_METHOD(view_reversed<DictPart::Keys>, "__reversed__(self, /)", nullptr), MP_END};
const NativeDef kOrderedValuesMethods[] = {
    MP_METHOD(view_reversed<DictPart::Values>, "__reversed__(self, /)", nullptr), MP_END};
const NativeDef kOrderedItemsMethods[] = {
    MP_METHOD(view_reversed<DictPart::Items>, "__reversed__(self, /)", nullptr), MP_END};
const TypeSpec kOrderedKeysSpec = {.name = "odict_keys",
                                   .base = &BuiltinTypes::dict_keys,
                                   .size = sizeof(DictViewObject),
                                   .flags = kTypeDisallowNew,
                                   .trace = trace_view,
                                   .slots = MP_SLOTS(.iter = view_iter<DictPart::Keys>),
                                   .methods = kOrderedKeysMethods};
const TypeSpec kOrderedValuesSpec = {.name = "odict_values",
                                     .base = &BuiltinTypes::dict_values,
                                     .size = sizeof(DictViewObject),
                                     .flags = kTypeDisallowNew,
                                     .trace = trace_view,
                                     .slots = MP_SLOTS(.iter = view_iter<DictPart::Values>),
                                     .methods = kOrderedValuesMethods};
const TypeSpec kOrderedItemsSpec = {.name = "odict_items",
                                    .base = &BuiltinTypes::dict_items,
                                    .size = sizeof(DictViewObject),
                                    .flags = kTypeDisallowNew,
                                    .trace = trace_view,
                                    .slots = MP_SLOTS(.iter = view_iter<DictPart::Items>),
                                    .methods = kOrderedItemsMethods};

template <const TypeSpec& spec>
Result<Value> make_view(Thread& t, const Value* args) {
  auto* view = t.heap().make<DictViewObject>(t, native_type(t, spec));
  view->dict = args[0];
  return view;
}

// MutableMapping.update: through __setitem__ where a subclass has its own.
Status store(Thread& t, Value self, Value key, Value value) {
  if (type_of(t, self)->slots.set_item == t.types().dict->slots.set_item)
    return dict_set(t, self.as<DictObject>(), key, value);
  return set_item(t, self, key, value);
}
Status update_one(Thread& t, Value self, Value other) {
  if (type_of(t, self)->slots.set_item == t.types().dict->slots.set_item) {
    if (is_dict(other) && !is_exact(other, t.types().dict) && !is_exact_ordered(other.as<DictObject>())) {
      // A mapping with its own views: keys() and [].
    } else {
      return dict_update(t, self.as<DictObject>(), other);
    }
  }
  if (is_exact(other, t.types().dict)) {
    Value items = TRY(call_method(t, other, t.names().items));
    return for_each(t, items, [&](Value pair) -> Status {
      return store(t, self, (*pair.as<TupleObject>())[0], (*pair.as<TupleObject>())[1]);
    });
  }
  Value keys = TRY(get_attr_or_not_found(t, other, t.names().keys));
  if (!keys.is_not_found()) {
    Value names = TRY(call(t, keys));
    return for_each(t, names, [&](Value key) -> Status {
      Value value = TRY(get_item(t, other, key));
      return store(t, self, key, value);
    });
  }
  return for_each(t, other, [&](Value pair) -> Status {
    Value list = TRY(to_list(t, pair));
    size_t n = list.as<ListObject>()->length();
    if (n < 2) return t.raise(Exc::ValueError, "need more than {} value{} to unpack", n, n == 1 ? "" : "s");
    if (n > 2) return t.raise(Exc::ValueError, "too many values to unpack (expected 2)");
    return store(t, self, list.as<ListObject>()->at(0), list.as<ListObject>()->at(1));
  });
}
Status update_from(Thread& t, Value self, const CallArgs& args, const char* name) {
  if (args.count > 1)
    return t.raise(Exc::TypeError, "{}() takes at most 1 positional argument ({} given)", name, args.count);
  if (args.count == 1) TRY(update_one(t, self, args.values[0]));
  if (!args.keyword_names.is_empty()) {
    auto* names = args.keyword_names.as<TupleObject>();
    for (size_t i = 0; i < names->size; ++i) TRY(store(t, self, (*names)[i], args.values[args.count + i]));
  }
  return {};
}
}  // namespace

static Result<Value> ordered_init(Thread& t, Value self, const CallArgs& args) {
  TRY(update_from(t, self, args, "OrderedDict"));
  return kNone;
}
static Result<Value> ordered_update(Thread& t, Value self, const CallArgs& args) {
  TRY(update_from(t, self, args, "update"));
  return kNone;
}
static Result<Value> ordered_fromkeys(Thread& t, const Value* args) {
  Value made = TRY(call(t, args[0]));
  TRY(for_each(t, args[1], [&](Value key) -> Status { return set_item(t, made, key, args[2]); }));
  return made;
}

static Result<Value> ordered_move_to_end(Thread& t, const Value* args) {
  auto* dict = args[0].as<DictObject>();
  bool last = TRY(truth(t, args[2]));
  int64_t hash = TRY(hash_key(t, args[1]));
  bool missing = false;
  TRY(dict_change(t, dict, args[1], hash, [&](DictTable* table, DictFound found) -> Status {
    if (found.entry < 0) {
      missing = true;
      return {};
    }
    DictEntry& e = table->entries()[found.entry];
    Value key = e.key.get(), value = e.value.get();
    if (last) {
      if (static_cast<uint32_t>(found.entry) + 1 == table->tail.load()) return {};
      dict_erase_entry(dict, table, found.entry);
      return dict_insert_new(t, dict, table, dict_free_cell(table, hash), key, hash, value);
    }
    // Entries are append-only: going first means a new table.
    DictTable* fresh = dict_allocate_table(t, dict->length());
    if (fresh == nullptr) return t.raise_memory_error();
    auto put = [&](Value k, int64_t h, Value v) {
      uint32_t n = fresh->used.load(std::memory_order_relaxed);
      DictEntry& to = fresh->entries()[n];
      to.hash.store(h, std::memory_order_relaxed);
      to.key = k;
      to.value = v;
      dict_store_cell(fresh, dict_free_cell(fresh, h), n);
      fresh->used.store(n + 1, std::memory_order_release);
      fresh->tail.store(n + 1, std::memory_order_relaxed);
    };
    put(key, hash, value);
    for (uint32_t i = 0; i < table->used.load(std::memory_order_relaxed); ++i) {
      DictEntry& from = table->entries()[i];
      if (i == static_cast<uint32_t>(found.entry) || from.key.get().is_empty()) continue;
      put(from.key, from.hash.load(std::memory_order_relaxed), from.value);
    }
    dict_keys_changed(dict, table);
    dict->table.store(fresh, std::memory_order_release);
    return {};
  }));
  if (missing) return t.raise_value(Exc::KeyError, args[1]);
  return kNone;
}

static Result<Value> ordered_popitem(Thread& t, const Value* args) {
  auto* dict = args[0].as<DictObject>();
  bool last = TRY(truth(t, args[1]));
  TupleObject* pair = allocate_tuple(t, 2);
  ObjectLock lock(t, dict);
  if (dict->length() == 0) return t.raise(Exc::KeyError, "dictionary is empty");
  DictTable* table = dict->table.load(std::memory_order_relaxed);
  DictEntry* entries = table->entries();
  uint32_t i;
  if (last) {
    i = table->tail.load(std::memory_order_relaxed) - 1;
    while (entries[i].key.get().is_empty()) --i;
    table->tail.store(i, std::memory_order_relaxed);
  } else {
    i = table->first_live.load(std::memory_order_relaxed);
    while (entries[i].key.get().is_empty()) ++i;
    table->first_live.store(i + 1, std::memory_order_relaxed);
  }
  pair->items()[0] = entries[i].key.get();
  pair->items()[1] = entries[i].value.get();
  dict_erase_entry(dict, table, i);
  return pair;
}

static Result<Value> ordered_pop(Thread& t, const Value* args) {
  Value value = TRY(dict_pop(t, args[0].as<DictObject>(), args[1]));
  if (!value.is_not_found()) return value;
  if (!args[2].is_empty()) return args[2];
  return t.raise_value(Exc::KeyError, args[1]);
}
static Result<Value> ordered_setdefault(Thread& t, const Value* args) {
  Value self = args[0];
  if (type_of(t, self)->slots.set_item == t.types().dict->slots.set_item)
    return dict_set_default(t, self.as<DictObject>(), args[1], args[2]);
  bool found = TRY(contains(t, self, args[1]));
  if (found) return get_item(t, self, args[1]);
  TRY(set_item(t, self, args[1], args[2]));
  return args[2];
}
static Result<Value> ordered_clear(Thread& t, const Value* args) {
  dict_clear(t, args[0].as<DictObject>());
  return kNone;
}

static Result<Value> ordered_copy(Thread& t, const Value* args) {
  auto* dict = args[0].as<DictObject>();
  Value made = TRY(call(t, Value(dict->type())));
  if (is_exact_ordered(dict)) {
    TRY(dict_update(t, made.as<DictObject>(), args[0]));
  } else {
    TRY(for_each(t, args[0], [&](Value key) -> Status {
      Value value = TRY(get_item(t, args[0], key));
      return set_item(t, made, key, value);
    }));
  }
  return made;
}
static Result<Value> ordered_reversed(Thread& t, const Value* args) {
  return new_iterator(t, args[0].as<DictObject>(), DictPart::Keys, true);
}
static Result<Value> ordered_iter(Thread& t, Value self) {
  return new_iterator(t, self.as<DictObject>(), DictPart::Keys, false);
}

static Result<Value> ordered_reduce(Thread& t, const Value* args) {
  Value state = TRY(call_method(t, args[0], t.names().__getstate__));
  Value items = TRY(call_method(t, args[0], t.names().items));
  Value iterator = TRY(get_iter(t, items));
  return make_tuple(t, {Value(args[0].as_object()->type()), Value(empty_tuple(t)), state, kNone, iterator});
}

static Result<Value> ordered_repr(Thread& t, Value self) {
  auto* dict = self.as<DictObject>();
  std::string name = to_utf8(dict->type()->name);
  if (dict->length() == 0) return make_str(t, name + "()");
  ReprGuard guard(t, self);
  if (guard.recursive()) return make_str(t, "...");
  DictObject* plain = make_dict(t);
  if (is_exact_ordered(dict)) {
    plain = dict_copy(t, dict);
    if (plain == nullptr) return Error{};
  } else {
    Value items = TRY(call_method(t, self, t.names().items));
    TRY(dict_update(t, plain, items));
  }
  Value shown = TRY(repr(t, plain));
  StrBuilder out(t);
  out.append(std::string_view(name));
  out.append(U'(');
  out.append(shown.as<StrObject>());
  out.append(U')');
  return out.finish();
}

static Result<Value> ordered_compare(Thread& t, Value left, Value right, CompareOp op) {
  if ((op != CompareOp::Eq && op != CompareOp::Ne) || !is_dict(left) || !is_dict(right))
    return kNotImplemented;
  Value same = TRY(t.types().dict->slots.compare(t, left, right, CompareOp::Eq));
  bool equal = same.is_true();
  if (equal && is_ordered(t, left) && is_ordered(t, right)) {
    Value a = TRY(get_iter(t, left));
    Value b = TRY(get_iter(t, right));
    for (;;) {
      Value x = TRY(iter_next(t, a));
      Value y = TRY(iter_next(t, b));
      if (x.is_no_more() || y.is_no_more()) break;
      equal = TRY(equals_fast(t, x, y));
      if (!equal) break;
    }
  }
  return bool_value(equal == (op == CompareOp::Eq));
}

static Result<Value> ordered_or(Thread& t, Value left, Value right) {
  if (!is_dict(left) || !is_dict(right)) return kNotImplemented;
  Value own = is_ordered(t, left) ? left : right;
  Value made = TRY(call(t, Value(own.as_object()->type()), {left}));
  TRY(update_one(t, made, right));
  return made;
}
static Result<Value> ordered_ior(Thread& t, Value self, Value other) {
  TRY(update_one(t, self, other));
  return self;
}

static const NativeDef kOrderedDictMethods[] = {
    MP_RAW_METHOD(ordered_init, "__init__(self, /, *args, **kwargs)", nullptr),
    MP_CLASS_METHOD(ordered_fromkeys, "fromkeys(cls, iterable, value=None)",
                    "Create a new ordered dictionary with keys from iterable and values set to value."),
    MP_METHOD(ordered_setdefault, "setdefault(self, key, default=None)",
              "Insert key with a value of default if key is not in the dictionary.\n\nReturn the value for "
              "key if key is in the "
              "dictionary, else default."),
    MP_METHOD(ordered_pop, "pop(self, key, default=?)",
              "od.pop(key[,default]) -> v, remove specified key and return the corresponding value.\n\nIf "
              "the key is not found, "
              "return the default if given; otherwise,\nraise a KeyError."),
    MP_METHOD(ordered_popitem, "popitem(self, last=True)",
              "Remove and return a (key, value) pair from the dictionary.\n\nPairs are returned in LIFO "
              "order if last is true or "
              "FIFO order if false."),
    MP_METHOD(ordered_move_to_end, "move_to_end(self, key, last=True)",
              "Move an existing element to the end (or beginning if last is false).\n\nRaise KeyError if the "
              "element does not "
              "exist."),
    MP_METHOD(make_view<kOrderedKeysSpec>, "keys(self, /)", nullptr),
    MP_METHOD(make_view<kOrderedValuesSpec>, "values(self, /)", nullptr),
    MP_METHOD(make_view<kOrderedItemsSpec>, "items(self, /)", nullptr),
    MP_RAW_METHOD(ordered_update, "update(self, /, *args, **kwargs)", nullptr),
    MP_METHOD(ordered_clear, "clear(self, /)", "od.clear() -> None.  Remove all items from od."),
    MP_METHOD(ordered_copy, "copy(self, /)", "od.copy() -> a shallow copy of od"),
    MP_METHOD(ordered_reversed, "__reversed__(self, /)", "od.__reversed__() <==> reversed(od)"),
    MP_METHOD(ordered_reduce, "__reduce__(self, /)", "Return state information for pickling"),
    MP_END};

const TypeSpec kOrderedDictSpec = {
    .name = "collections.OrderedDict",
    .kind = Kind::Dict,
    .base = &BuiltinTypes::dict,
    .size = sizeof(DictObject),
    .flags = kTypeBaseType | kTypeDictSubclass | kTypeMapping | kTypeHasDict | kTypeHasWeakref,
    .doc = "Dictionary that remembers insertion order",
    .trace = trace_dict,
    .slots = MP_SLOTS(.repr = ordered_repr, .hash = hash_not_implemented, .compare = ordered_compare,
                      .iter = ordered_iter, .or_ = ordered_or, .ior = ordered_ior),
    .methods = kOrderedDictMethods,
    .getsets = kInstanceDictGetSets};

}  // namespace mp

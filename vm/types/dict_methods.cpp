// dict: merging, its slots and methods.
#include "vm/native/native.h"
#include "vm/protocol/walk.h"
#include "vm/types/dict_table.h"
#include "vm/types/iterator_support.h"
#include "vm/types/set_table.h"
#include "vm/types/type.h"

namespace mp {

namespace {
enum class OnDuplicate : uint8_t { Override, Keep, Raise };

// Copies `from` into `to` if that is empty; false if it is not (any more).
Result<bool> take_copy(Thread& t, DictObject* to, DictObject* from) {
  if (to->length() != 0) return false;
  DictObject* copy = dict_copy(t, from);
  if (copy == nullptr) return Error{};
  ObjectLock lock(t, to);
  if (to->length() != 0) return false;  // another thread was faster
  to->table.store(copy->table.load(std::memory_order_relaxed), std::memory_order_release);
  to->live.store(copy->length(), std::memory_order_release);
  to->mutations.store(to->mutations.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  return true;
}

Status merge_dict(Thread& t, DictObject* to, DictObject* from, OnDuplicate policy) {
  if (to == from || from->length() == 0) return {};
  if (TRY(take_copy(t, to, from))) return {};
  DictTable* table = from->table.load(std::memory_order_acquire);
  uint64_t live = from->length();
  size_t position = 0;
  Value key, value;
  int64_t hash;
  while (dict_next_in(table, &position, &key, &value, &hash)) {
    if (policy == OnDuplicate::Override) {
      TRY(dict_set_hashed(t, to, key, hash, value));
    } else {
      Value old = TRY(dict_get_hashed(t, to, key, hash));
      if (old.is_not_found())
        TRY(dict_set_hashed(t, to, key, hash, value));
      else if (policy == OnDuplicate::Raise)
        return t.raise_value(Exc::KeyError, key);
    }
    if (!free_threaded(t) && (from->table.load(std::memory_order_relaxed) != table || from->length() != live))
      return t.raise(Exc::RuntimeError, "dict mutated during update");
  }
  return {};
}

bool is_plain_dict(Thread& t, Value v) {
  return is_dict(v) && v.as_object()->type()->slots.iter == t.types().dict->slots.iter;
}

Status merge_mapping(Thread& t, DictObject* to, Value mapping, OnDuplicate policy) {
  if (is_plain_dict(t, mapping)) return merge_dict(t, to, mapping.as<DictObject>(), policy);
  Value keys = TRY(call_method(t, mapping, t.names().keys));
  return for_each(t, keys, [&](Value key) -> Status {
    if (policy != OnDuplicate::Override) {
      Value old = TRY(dict_get(t, to, key));
      if (!old.is_not_found()) {
        if (policy == OnDuplicate::Raise) return t.raise_value(Exc::KeyError, key);
        return {};
      }
    }
    Value value = TRY(get_item(t, mapping, key));
    return dict_set(t, to, key, value);
  });
}

Status merge_pairs(Thread& t, DictObject* to, Value pairs) {
  // dict(zip(keys, values)): no tuple is made for each pair.
  for (;;) {
    Value pair[2];
    Unpacked got = next_unpacked(t, pairs, pair, 2);
    if (got == Unpacked::Raised) return Error{};
    if (got == Unpacked::End) return {};
    if (got == Unpacked::Other) break;
    TRY(dict_set(t, to, pair[0], pair[1]));
    TRY(t.poll_within());
  }
  size_t i = 0;
  return for_each(t, pairs, [&](Value item) -> Status {
    Value pair = item;
    if (!is_tuple(item) && !is_list(item)) {
      Result<Value> list = to_list(t, item);
      if (list.is_error()) {
        if (t.catch_exception(Exc::TypeError))
          return t.raise(Exc::TypeError,
                         "cannot convert dictionary update sequence element #{} to a sequence", i);
        return Error{};
      }
      pair = list.value();
    } else if (is_list(item)) {
      pair = list_to_tuple(t, item.as<ListObject>());
    }
    size_t count = is_tuple(pair) ? pair.as<TupleObject>()->size : pair.as<ListObject>()->length();
    if (count != 2)
      return t.raise(Exc::ValueError, "dictionary update sequence element #{} has length {}; 2 is required",
                     i, count);
    Value key = is_tuple(pair) ? (*pair.as<TupleObject>())[0] : pair.as<ListObject>()->at(0);
    Value value = is_tuple(pair) ? (*pair.as<TupleObject>())[1] : pair.as<ListObject>()->at(1);
    ++i;
    return dict_set(t, to, key, value);
  });
}

// "module.qualname()" as CPython names a callee in errors.
std::string callee_text(Thread& t, Value function) {
  Result<Value> qualified = get_attr_or_not_found(t, function, t.names().__qualname__);
  if (qualified.is_error() || qualified.value().is_not_found() || !is_str(qualified.value())) {
    t.clear_exception();
    return str_text(t, function);
  }
  std::string text = to_utf8(qualified.value().as<StrObject>());
  Result<Value> module = get_attr_or_not_found(t, function, t.names().__module__);
  if (module.is_error()) t.clear_exception();
  if (module.ok() && is_str(module.value()) && !str_equal(module.value().as<StrObject>(), "builtins"))
    text = to_utf8(module.value().as<StrObject>()) + "." + text;
  return text + "()";
}
}  // namespace

Status dict_update(Thread& t, DictObject* dict, Value other) {
  if (is_plain_dict(t, other)) return merge_dict(t, dict, other.as<DictObject>(), OnDuplicate::Override);
  Value keys = TRY(get_attr_or_not_found(t, other, t.names().keys));
  if (!keys.is_not_found()) return merge_mapping(t, dict, other, OnDuplicate::Override);
  return merge_pairs(t, dict, other);
}

Status dict_merge_keywords(Thread& t, DictObject* dict, Value mapping, Value function) {
  if (!is_dict(mapping)) {
    Value keys = TRY(get_attr_or_not_found(t, mapping, t.names().keys));
    if (keys.is_not_found()) {
      if (function.is_empty())
        return t.raise(Exc::TypeError, "'{}' object is not a mapping", type_name(t, mapping));
      return t.raise(Exc::TypeError, "{} argument after ** must be a mapping, not {}",
                     callee_text(t, function), type_name(t, mapping));
    }
  }
  if (function.is_empty()) return merge_mapping(t, dict, mapping, OnDuplicate::Override);
  // A KeyError of our own and one of the mapping must not be mixed up: the duplicate is looked for by hand.
  if (is_plain_dict(t, mapping)) {
    auto* from = mapping.as<DictObject>();
    if (dict->length() != 0) {
      size_t position = 0;
      Value key, value;
      while (dict_next(from, &position, &key, &value)) {
        Value old = TRY(dict_get(t, dict, key));
        if (!old.is_not_found())
          return t.raise(Exc::TypeError, "{} got multiple values for keyword argument '{}'",
                         callee_text(t, function), str_text(t, key));
      }
    }
    return merge_dict(t, dict, from, OnDuplicate::Override);
  }
  Value keys = TRY(call_method(t, mapping, t.names().keys));
  return for_each(t, keys, [&](Value key) -> Status {
    Value old = TRY(dict_get(t, dict, key));
    if (!old.is_not_found())
      return t.raise(Exc::TypeError, "{} got multiple values for keyword argument '{}'",
                     callee_text(t, function), str_text(t, key));
    Value value = TRY(get_item(t, mapping, key));
    return dict_set(t, dict, key, value);
  });
}

// ---------------------------------------------------------------- slots
static Result<Value> dict_repr(Thread& t, Value self) {
  auto* dict = self.as<DictObject>();
  if (dict->length() == 0) return make_str(t, "{}");
  ReprGuard guard(t, self);
  if (guard.recursive()) return make_str(t, "{...}");
  StrBuilder out(t);
  out.append(U'{');
  size_t position = 0;
  Value key, value;
  bool first = true;
  while (dict_next(dict, &position, &key, &value)) {
    if (!first) out.append(std::string_view(", "));
    first = false;
    Value text = TRY(repr(t, key));
    out.append(text.as<StrObject>());
    out.append(std::string_view(": "));
    text = TRY(repr(t, value));
    out.append(text.as<StrObject>());
  }
  out.append(U'}');
  return out.finish();
}

static Result<bool> dict_equal(Thread& t, DictObject* a, DictObject* b) {
  if (a->length() != b->length()) return false;
  size_t position = 0;
  Value key, value;
  int64_t hash;
  while (dict_next_in(a->table.load(std::memory_order_acquire), &position, &key, &value, &hash)) {
    Value other = TRY(dict_get_hashed(t, b, key, hash));
    if (other.is_not_found()) return false;
    bool same = TRY(equals_fast(t, other, value));
    if (!same) return false;
  }
  return true;
}

static Result<Value> dict_compare(Thread& t, Value left, Value right, CompareOp op) {
  if (!is_dict(left) || !is_dict(right) || (op != CompareOp::Eq && op != CompareOp::Ne))
    return kNotImplemented;
  TRY(t.check_stack(" in comparison"));
  bool same = TRY(dict_equal(t, left.as<DictObject>(), right.as<DictObject>()));
  return bool_value(same == (op == CompareOp::Eq));
}

static Result<Value> dict_iter(Thread& t, Value self) {
  return make_dict_iterator(t, self.as<DictObject>(), DictPart::Keys, false);
}

static Result<Value> dict_or(Thread& t, Value left, Value right) {
  if (!is_dict(left) || !is_dict(right)) return kNotImplemented;
  DictObject* sum = dict_copy(t, left.as<DictObject>());
  if (sum == nullptr) return Error{};
  TRY(dict_update(t, sum, right));
  return sum;
}

static Result<Value> dict_ior(Thread& t, Value self, Value other) {
  TRY(dict_update(t, self.as<DictObject>(), other));
  return self;
}

static Result<int64_t> dict_length(Thread&, Value self) {
  return static_cast<int64_t>(self.as<DictObject>()->length());
}

static Result<Value> dict_get_item(Thread& t, Value self, Value key) {
  auto* dict = self.as<DictObject>();
  Value value = TRY(dict_get(t, dict, key));
  if (!value.is_not_found()) [[likely]]
    return value;
  if (dict->type() != t.types().dict) {
    value = TRY(call_special(t, self, t.names().__missing__, {key}));
    if (!value.is_not_found()) return value;
  }
  return t.raise_value(Exc::KeyError, key);
}

static Status dict_set_item(Thread& t, Value self, Value key, Value value) {
  if (!value.is_empty()) return dict_set(t, self.as<DictObject>(), key, value);
  bool found = TRY(dict_delete(t, self.as<DictObject>(), key));
  if (!found) return t.raise_value(Exc::KeyError, key);
  return {};
}

static Result<bool> dict_contains(Thread& t, Value self, Value key) {
  Value value = TRY(dict_get(t, self.as<DictObject>(), key));
  return !value.is_not_found();
}

// ---------------------------------------------------------------- methods
static Result<Value> dict_new(Thread& t, Value self, const CallArgs&) {
  auto* dict = t.heap().make<DictObject>(t, self.as<Type>());
  dict->table.store(kEmptyDictTable, std::memory_order_release);
  return dict;
}

static Status update_from_call(Thread& t, DictObject* dict, const CallArgs& args, const char* name) {
  if (args.count > 1)
    return t.raise(Exc::TypeError, "{} expected at most 1 argument, got {}", name, args.count);
  if (args.count == 1) TRY(dict_update(t, dict, args.values[0]));
  if (!args.keyword_names.is_empty()) {
    auto* names = args.keyword_names.as<TupleObject>();
    for (size_t i = 0; i < names->size; ++i)
      TRY(dict_set_str(t, dict, (*names)[i].as<StrObject>(), args.values[args.count + i]));
  }
  return {};
}

static Result<Value> dict_init(Thread& t, Value self, const CallArgs& args) {
  TRY(update_from_call(t, self.as<DictObject>(), args, "dict"));
  return kNone;
}
static Result<Value> method_update(Thread& t, Value self, const CallArgs& args) {
  TRY(update_from_call(t, self.as<DictObject>(), args, "update"));
  return kNone;
}
static Result<Value> method_get(Thread& t, const Value* args) {
  Value value = TRY(dict_get(t, args[0].as<DictObject>(), args[1]));
  return value.is_not_found() ? args[2] : value;
}
static Result<Value> method_setdefault(Thread& t, const Value* args) {
  return dict_set_default(t, args[0].as<DictObject>(), args[1], args[2]);
}
static Result<Value> method_pop(Thread& t, const Value* args) {
  Value value = TRY(dict_pop(t, args[0].as<DictObject>(), args[1]));
  if (!value.is_not_found()) return value;
  if (!args[2].is_empty()) return args[2];
  return t.raise_value(Exc::KeyError, args[1]);
}
static Result<Value> method_popitem(Thread& t, const Value* args) {
  auto* dict = args[0].as<DictObject>();
  TupleObject* pair = allocate_tuple(t, 2);
  ObjectLock lock(t, dict);
  if (dict->live.load(std::memory_order_relaxed) == 0)
    return t.raise(Exc::KeyError, "popitem(): dictionary is empty");
  DictTable* table = dict->table.load(std::memory_order_relaxed);
  uint32_t i = table->tail.load(std::memory_order_relaxed);
  DictEntry* entries = table->entries();
  while (entries[i - 1].key.get().is_empty()) --i;
  table->tail.store(i - 1, std::memory_order_relaxed);
  pair->items()[0] = entries[i - 1].key.get();
  pair->items()[1] = entries[i - 1].value.get();
  dict_erase_entry(dict, table, i - 1);
  return pair;
}
static Result<Value> method_keys(Thread& t, const Value* args) {
  return make_dict_view(t, args[0].as<DictObject>(), DictPart::Keys);
}
static Result<Value> method_values(Thread& t, const Value* args) {
  return make_dict_view(t, args[0].as<DictObject>(), DictPart::Values);
}
static Result<Value> method_items(Thread& t, const Value* args) {
  return make_dict_view(t, args[0].as<DictObject>(), DictPart::Items);
}
static Result<Value> method_clear(Thread& t, const Value* args) {
  dict_clear(t, args[0].as<DictObject>());
  return kNone;
}
static Result<Value> method_copy(Thread& t, const Value* args) {
  return str_or_error(dict_copy(t, args[0].as<DictObject>()));
}
static Result<Value> method_reversed(Thread& t, const Value* args) {
  return make_dict_iterator(t, args[0].as<DictObject>(), DictPart::Keys, true);
}
static Result<Value> method_sizeof(Thread&, const Value* args) {
  auto* dict = args[0].as<DictObject>();
  DictTable* table = dict->table.load(std::memory_order_acquire);
  size_t bytes = sizeof(DictObject) + 16;
  if (table != kEmptyDictTable)
    bytes += sizeof(DictTable) + table->entry_capacity * sizeof(DictEntry) +
             (dict_cell_width(table->index_log2) << table->index_log2);
  return Value::from_int(static_cast<int64_t>(bytes));
}
static Result<Value> method_contains(Thread& t, const Value* args) {
  bool found = TRY(dict_contains(t, args[0], args[1]));
  return bool_value(found);
}
static Result<Value> method_getitem(Thread& t, const Value* args) {
  return dict_get_item(t, args[0], args[1]);
}

static Result<Value> method_fromkeys(Thread& t, const Value* args) {
  Value made = TRY(call(t, args[0]));
  if (is_exact(made, t.types().dict)) {
    auto* dict = made.as<DictObject>();
    // Sources that know the hashes.
    size_t position = 0;
    Value own;
    int64_t hash;
    if (is_exact(args[1], t.types().dict)) {
      DictTable* table = args[1].as<DictObject>()->table.load(std::memory_order_acquire);
      while (dict_next_in(table, &position, &own, nullptr, &hash))
        TRY(dict_set_hashed(t, dict, own, hash, args[2]));
      return made;
    }
    if (is_exact(args[1], t.types().set) || is_exact(args[1], t.types().frozenset)) {
      SetTable* table = args[1].as<SetObject>()->table.load(std::memory_order_acquire);
      while (set_next_in(table, &position, &own, &hash)) TRY(dict_set_hashed(t, dict, own, hash, args[2]));
      return made;
    }
    TRY(walk_each(t, args[1], [&](Value key) -> Status { return dict_set(t, dict, key, args[2]); }));
    return made;
  }
  TRY(for_each(t, args[1], [&](Value key) -> Status { return set_item(t, made, key, args[2]); }));
  return made;
}

static const NativeDef kDictMethods[] = {
    MP_RAW_NEW(dict_new, "__new__(cls, *args, **kwargs)", nullptr),
    MP_RAW_METHOD(dict_init, "__init__(self, /, *args, **kwargs)", nullptr),
    MP_METHOD(method_contains, "__contains__(self, key, /)",
              "True if the dictionary has the specified key, else False."),
    MP_METHOD(method_getitem, "__getitem__(self, key, /)", "Return self[key]."),
    MP_METHOD(method_sizeof, "__sizeof__(self, /)", "Return the size of the dict in memory."),
    MP_METHOD(method_get, "get(self, key, default=None, /)",
              "Return the value for key if key is in the dictionary, else default."),
    MP_METHOD(method_setdefault, "setdefault(self, key, default=None, /)",
              "Insert key with a value of default if key is not in the dictionary.\n\nReturn the value for "
              "key if key is in the "
              "dictionary, else default."),
    MP_METHOD(method_pop, "pop(self, key, default=?, /)",
              "D.pop(k[,d]) -> v, remove specified key and return the corresponding value.\n\nIf the key is "
              "not found, return the "
              "default if given; otherwise,\nraise a KeyError."),
    MP_METHOD(method_popitem, "popitem(self, /)",
              "Remove and return a (key, value) pair as a 2-tuple.\n\nPairs are returned in LIFO (last-in, "
              "first-out) "
              "order.\nRaises KeyError if the dict is empty."),
    MP_METHOD(method_keys, "keys(self, /)", "Return a set-like object providing a view on the dict's keys."),
    MP_METHOD(method_items, "items(self, /)",
              "Return a set-like object providing a view on the dict's items."),
    MP_METHOD(method_values, "values(self, /)", "Return an object providing a view on the dict's values."),
    MP_RAW_METHOD(method_update, "update(self, /, *args, **kwargs)",
                  "D.update([E, ]**F) -> None.  Update D from mapping/iterable E and F.\nIf E is present and "
                  "has a .keys() method, "
                  "then does:  for k in E.keys(): D[k] = E[k]\nIf E is present and lacks a .keys() method, "
                  "then does:  for k, v in "
                  "E: D[k] = v\nIn either case, this is followed by: for k in F:  D[k] = F[k]"),
    MP_CLASS_METHOD(method_fromkeys, "fromkeys(cls, iterable, value=None, /)",
                    "Create a new dictionary with keys from iterable and values set to value."),
    MP_METHOD(method_clear, "clear(self, /)", "Remove all items from the dict."),
    MP_METHOD(method_copy, "copy(self, /)", "Return a shallow copy of the dict."),
    MP_METHOD(method_reversed, "__reversed__(self, /)", "Return a reverse iterator over the dict keys."),
    MP_CLASS_GETITEM,
    MP_END};

extern const TypeSpec kDictSpec;
const TypeSpec kDictSpec = {
    .name = "dict",
    .kind = Kind::Dict,
    .size = sizeof(DictObject),
    .flags = kTypeBaseType | kTypeDictSubclass | kTypeMapping | kTypeMatchSelf,
    .doc =
        "dict() -> new empty dictionary\ndict(mapping) -> new dictionary initialized "
        "from a mapping object's\n    (key, value) "
        "pairs\ndict(iterable) -> new dictionary initialized as if via:\n    d = "
        "{}\n    for k, v in iterable:\n        d[k] = "
        "v\ndict(**kwargs) -> new dictionary initialized with the name=value pairs\n "
        "   in the keyword argument list.  For "
        "example:  dict(one=1, two=2)",
    .trace = trace_dict,
    .slots = MP_SLOTS(.repr = dict_repr, .hash = hash_not_implemented, .compare = dict_compare,
                      .iter = dict_iter, .or_ = dict_or, .ior = dict_ior, .length = dict_length,
                      .get_item = dict_get_item, .set_item = dict_set_item, .contains = dict_contains),
    .methods = kDictMethods};

}  // namespace mp

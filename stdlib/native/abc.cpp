// _abc: the machinery of abstract base classes: registration, subclass checks with their caches, abstract
// methods.
#include "vm/native/native.h"
#include "vm/types/container_support.h"
#include "vm/types/type.h"

namespace mp {

namespace {
// What an ABC knows: `_abc_impl` of the class. The caches are keyed by the address of the class they hold.
struct AbcData : Object {
  Slot registry;               // list of weak references to classes
  Slot cache, negative_cache;  // dict: address -> class
  std::atomic<uint64_t> negative_version{0};
};
void trace_abc_data(Object* self, Tracer& tracer) {
  auto* d = static_cast<AbcData*>(self);
  tracer.visit(d->registry);
  tracer.visit(d->cache);
  tracer.visit(d->negative_cache);
}
const TypeSpec kAbcDataSpec = {.name = "_abc._abc_data",
                               .size = sizeof(AbcData),
                               .flags = kTypeDisallowNew,
                               .doc = "Internal state held by ABC machinery.",
                               .trace = trace_abc_data};

struct AbcState {
  std::atomic<uint64_t> counter{0};
};
const char kAbcTag = 0;
std::atomic<uint64_t>& invalidation_counter(Thread& t) {
  return t.runtime().state<AbcState>(&kAbcTag).counter;
}

constexpr size_t kMostCached = 1000;  // the caches hold classes strongly: they must not grow without end

Value address_of(Value cls) { return Value::from_int(static_cast<int64_t>(cls.bits() >> 4)); }
DictObject* dict_of(const Slot& slot) { return slot.get().as<DictObject>(); }
Result<bool> cached(Thread& t, const Slot& cache, Value cls) {
  Value found = TRY(dict_get(t, dict_of(cache), address_of(cls)));
  return found == cls;
}
Status remember(Thread& t, const Slot& cache, Value cls) {
  if (dict_of(cache)->length() >= kMostCached) dict_clear(t, dict_of(cache));
  return dict_set(t, dict_of(cache), address_of(cls), cls);
}

Result<AbcData*> data_of(Thread& t, Value cls) {
  Value data = TRY(get_attr(t, cls, "_abc_impl"));
  if (!is_exact(data, native_type(t, kAbcDataSpec)))
    return t.raise(Exc::TypeError, "_abc_impl is set to a wrong type");
  return data.as<AbcData>();
}

void set_collection_flag(Thread& t, Value cls, uint32_t flag) {
  auto* type = cls.as<Type>();
  if (type->has(kTypeImmutable) || (type->flags.load() & (kTypeSequence | kTypeMapping)) == flag) return;
  type->flags.fetch_and(~uint32_t{kTypeSequence | kTypeMapping});
  type->flags.fetch_or(flag);
  Result<Value> below = call_method(t, cls, intern(t, "__subclasses__"));
  if (below.is_error() || !is_list(below.value())) return t.clear_exception();
  auto* list = below.value().as<ListObject>();
  for (size_t i = 0; i < list->length(); ++i)
    if (Value each = list->at(i); is_type(each)) set_collection_flag(t, each, flag);
}

Status compute_abstract_methods(Thread& t, Value cls) {
  SetObject* names = make_set(t, t.types().frozenset);
  Value name_space = TRY(get_attr(t, cls, t.names().__dict__));
  Value items = TRY(call_method(t, name_space, t.names().items));
  items = TRY(to_list(t, items));
  auto is_abstract = [&](Value v) -> Result<bool> {
    Value flag = TRY(get_attr_or_not_found(t, v, t.names().__isabstractmethod__));
    if (flag.is_not_found()) return false;
    return truth(t, flag);
  };
  TRY(for_each(t, items, [&](Value pair) -> Status {
    if (!is_tuple(pair) || pair.as<TupleObject>()->size != 2)
      return t.raise(Exc::TypeError, "items() must return pairs");
    bool abstract = TRY(is_abstract((*pair.as<TupleObject>())[1]));
    if (abstract) TRY(set_add(t, names, (*pair.as<TupleObject>())[0]));
    return {};
  }));
  Value bases = TRY(get_attr(t, cls, t.names().__bases__));
  TRY(for_each(t, bases, [&](Value base) -> Status {
    Value inherited = TRY(get_attr_or_not_found(t, base, t.names().__abstractmethods__));
    if (inherited.is_not_found()) return {};
    return for_each(t, inherited, [&](Value name) -> Status {
      if (!is_str(name)) return {};
      Value own = TRY(get_attr_or_not_found(t, cls, name.as<StrObject>()));
      if (own.is_not_found()) return {};
      bool abstract = TRY(is_abstract(own));
      if (abstract) TRY(set_add(t, names, name));
      return {};
    });
  }));
  return set_attr(t, cls, t.names().__abstractmethods__, names);
}
}  // namespace

static Result<Value> abc_init(Thread& t, const Value* args) {
  TRY(compute_abstract_methods(t, args[0]));
  auto* data = t.heap().make<AbcData>(t, native_type(t, kAbcDataSpec));
  data->registry = Value(make_list(t));
  data->cache = Value(make_dict(t));
  data->negative_cache = Value(make_dict(t));
  data->negative_version.store(invalidation_counter(t).load());
  TRY(set_attr(t, args[0], intern(t, "_abc_impl"), data));
  if (!is_type(args[0])) return kNone;
  // collections.abc marks Sequence and Mapping for `match` this way: CPython's flag bits.
  StrObject* mark = intern(t, "__abc_tpflags__");
  auto* cls = args[0].as<Type>();
  Value flags = dict_get_str(cls->dict.load(), mark);
  if (!flags.is_not_found() && flags.is_int()) {
    constexpr int64_t kSequenceBit = 1 << 5, kMappingBit = 1 << 6;
    int64_t bits = flags.as_int() & (kSequenceBit | kMappingBit);
    if (bits == (kSequenceBit | kMappingBit))
      return t.raise(Exc::TypeError,
                     "__abc_tpflags__ cannot be both Py_TPFLAGS_SEQUENCE and Py_TPFLAGS_MAPPING");
    if (bits != 0) set_collection_flag(t, args[0], bits == kSequenceBit ? kTypeSequence : kTypeMapping);
    TRY(delete_attr(t, args[0], mark));
  }
  return kNone;
}

static Result<Value> abc_register(Thread& t, const Value* args) {
  Value self = args[0], cls = args[1];
  if (!is_type(cls)) return t.raise(Exc::TypeError, "Can only register classes");
  bool known = TRY(is_subclass(t, cls, self));
  if (known) return cls;
  bool cycle = TRY(is_subclass(t, self, cls));
  if (cycle) return t.raise(Exc::RuntimeError, "Refusing to create an inheritance cycle");
  AbcData* data = TRY(data_of(t, self));
  Value ref = TRY(make_weakref(t, cls, kEmpty));
  TRY(list_append(t, data->registry.get().as<ListObject>(), ref));
  invalidation_counter(t).fetch_add(1);
  if (is_type(self)) {
    uint32_t flag = self.as<Type>()->flags.load() & (kTypeSequence | kTypeMapping);
    if (flag != 0) set_collection_flag(t, cls, flag);
  }
  return cls;
}

static Result<Value> abc_subclasscheck(Thread& t, const Value* args) {
  Value self = args[0], cls = args[1];
  if (!is_type(cls)) return t.raise(Exc::TypeError, "issubclass() arg 1 must be a class");
  AbcData* data = TRY(data_of(t, self));
  bool hit = TRY(cached(t, data->cache, cls));
  if (hit) return kTrue;
  uint64_t now = invalidation_counter(t).load();
  if (data->negative_version.load() < now) {
    dict_clear(t, dict_of(data->negative_cache));
    data->negative_version.store(now);
  } else {
    hit = TRY(cached(t, data->negative_cache, cls));
    if (hit) return kFalse;
  }
  auto yes = [&]() -> Result<Value> {
    TRY(remember(t, data->cache, cls));
    return kTrue;
  };
  Value verdict = TRY(call_method(t, self, t.names().__subclasshook__, {cls}));
  if (verdict.is_true()) return yes();
  if (verdict.is_false()) {
    TRY(remember(t, data->negative_cache, cls));
    return kFalse;
  }
  if (!verdict.is_not_implemented())
    return t.raise(Exc::AssertionError, "__subclasshook__ must return either False, True, or NotImplemented");
  if (is_type(self) && is_subtype(cls.as<Type>(), self.as<Type>())) return yes();
  Value registered = TRY(to_list(t, data->registry));
  auto* registry = registered.as<ListObject>();
  for (size_t i = 0; i < registry->length(); ++i) {
    Value known = weakref_target(registry->at(i).as<WeakRefObject>());
    if (known.is_none()) continue;
    bool is = TRY(is_subclass(t, cls, known));
    if (is) return yes();
  }
  Value below = TRY(call_method(t, self, intern(t, "__subclasses__")));
  if (!is_list(below)) return t.raise(Exc::TypeError, "__subclasses__() must return a list");
  auto* subclasses = below.as<ListObject>();
  for (size_t i = 0; i < subclasses->length(); ++i) {
    Value sub = subclasses->at(i);
    if (sub.is_empty()) break;
    bool is = TRY(is_subclass(t, cls, sub));
    if (is) return yes();
  }
  TRY(remember(t, data->negative_cache, cls));
  return kFalse;
}

static Result<Value> abc_instancecheck(Thread& t, const Value* args) {
  Value self = args[0], instance = args[1];
  AbcData* data = TRY(data_of(t, self));
  Value type(type_of(t, instance));
  Value cls = TRY(get_attr(t, instance, t.names().__class__));
  bool hit = TRY(cached(t, data->cache, cls));
  if (hit) return kTrue;
  if (cls == type && data->negative_version.load() == invalidation_counter(t).load()) {
    hit = TRY(cached(t, data->negative_cache, cls));
    if (hit) return kFalse;
  }
  StrObject* check = t.names().__subclasscheck__;
  Value verdict = TRY(call_method(t, self, check, {cls}));
  bool is = TRY(truth(t, verdict));
  if (is || cls == type) return verdict;
  return call_method(t, self, check, {type});
}

static Result<Value> get_cache_token(Thread& t, const Value*) {
  return make_int_unsigned(t, invalidation_counter(t).load());
}
static Result<Value> reset_registry(Thread& t, const Value* args) {
  AbcData* data = TRY(data_of(t, args[0]));
  list_clear(t, data->registry.get().as<ListObject>());
  return kNone;
}
static Result<Value> reset_caches(Thread& t, const Value* args) {
  AbcData* data = TRY(data_of(t, args[0]));
  dict_clear(t, dict_of(data->cache));
  dict_clear(t, dict_of(data->negative_cache));
  return kNone;
}
static Result<Value> get_dump(Thread& t, const Value* args) {
  AbcData* data = TRY(data_of(t, args[0]));
  auto refs = [&](const Slot& cache) -> Result<Value> {
    SetObject* set = make_set(t);
    size_t position = 0;
    Value key, value;
    while (dict_next(dict_of(cache), &position, &key, &value)) {
      Value ref = TRY(make_weakref(t, value, kEmpty));
      TRY(set_add(t, set, ref));
    }
    return set;
  };
  SetObject* registry = make_set(t);
  TRY(set_update(t, registry, data->registry));
  Value cache = TRY(refs(data->cache));
  Value negative = TRY(refs(data->negative_cache));
  return make_tuple(t,
                    {Value(registry), cache, negative, make_int_unsigned(t, data->negative_version.load())});
}

static const NativeDef kAbcFunctions[] = {
    MP_FUNCTION(get_cache_token, "get_cache_token()", "Returns the current ABC cache token."),
    MP_FUNCTION(abc_init, "_abc_init(self, /)",
                "Internal ABC helper for class set-up. Should be never used outside abc module."),
    MP_FUNCTION(abc_register, "_abc_register(self, subclass, /)",
                "Internal ABC helper for subclasss registration. Should be never used outside abc module."),
    MP_FUNCTION(abc_instancecheck, "_abc_instancecheck(self, instance, /)",
                "Internal ABC helper for instance checks. Should be never used outside abc module."),
    MP_FUNCTION(abc_subclasscheck, "_abc_subclasscheck(self, subclass, /)",
                "Internal ABC helper for subclasss checks. Should be never used outside abc module."),
    MP_FUNCTION(get_dump, "_get_dump(self, /)", "Internal ABC helper for cache and registry debugging."),
    MP_FUNCTION(reset_registry, "_reset_registry(self, /)",
                "Internal ABC helper to reset registry of a given class."),
    MP_FUNCTION(reset_caches, "_reset_caches(self, /)",
                "Internal ABC helper to reset both caches of a given class."),
    MP_END};
extern const ModuleSpec kAbcModule;
const ModuleSpec kAbcModule = {.name = "_abc",
                               .doc = "Module contains faster C implementation of abc.ABCMeta",
                               .functions = kAbcFunctions};

}  // namespace mp

// _collections: the module, defaultdict, _count_elements, _tuplegetter.
#include "vm/native/native.h"
#include "vm/types/dict_table.h"
#include "vm/types/type.h"

namespace mp {

// ---------------------------------------------------------------- defaultdict
namespace {
struct DefaultDict : DictObject {
  Slot factory;
};
struct TupleGetter : Object {
  Slot doc;
  int64_t index = 0;
};
}  // namespace
extern const TypeSpec kDefaultDictSpec;

static void trace_default_dict(Object* self, Tracer& tracer) {
  trace_dict(self, tracer);
  tracer.visit(static_cast<DefaultDict*>(self)->factory);
}

static Result<Value> default_init(Thread& t, Value self, const CallArgs& args) {
  auto* d = self.as<DefaultDict>();
  Value factory = kNone;
  if (args.count > 0) {
    factory = args.values[0];
    if (!factory.is_none() && !is_callable(t, factory))
      return t.raise(Exc::TypeError, "first argument must be callable or None");
    // The rest is dict.__init__'s.
    if (args.count > 2)
      return t.raise(Exc::TypeError, "dict expected at most 1 argument, got {}", args.count - 1);
  }
  d->factory = factory;
  if (args.count == 2) TRY(dict_update(t, d, args.values[1]));
  if (!args.keyword_names.is_empty()) {
    auto* names = args.keyword_names.as<TupleObject>();
    for (size_t i = 0; i < names->size; ++i)
      TRY(dict_set_str(t, d, (*names)[i].as<StrObject>(), args.values[args.count + i]));
  }
  return kNone;
}

static Result<Value> default_missing(Thread& t, Value self, Value key) {
  Value factory = self.as<DefaultDict>()->factory.get();
  if (factory.is_empty() || factory.is_none()) return t.raise_value(Exc::KeyError, key);
  Value value = TRY(call(t, factory));
  TRY(set_item(t, self, key, value));
  return value;
}
static Result<Value> default_missing_method(Thread& t, const Value* args) {
  return default_missing(t, args[0], args[1]);
}

static Result<Value> default_get_item(Thread& t, Value self, Value key) {
  auto* d = self.as<DictObject>();
  Value value = TRY(dict_get(t, d, key));
  if (!value.is_not_found()) return value;
  if (d->type()->spec == &kDefaultDictSpec) return default_missing(t, self, key);
  return call_special(t, self, t.names().__missing__, {key});
}

static Result<Value> default_repr(Thread& t, Value self) {
  Value base = TRY(t.types().dict->slots.repr(t, self));
  Value factory = self.as<DefaultDict>()->factory.get();
  Value shown = kEmpty;
  if (factory.is_empty()) factory = kNone;
  ReprGuard guard(t, factory);
  shown = guard.recursive() ? Value(make_str(t, "...")) : TRY(repr(t, factory));
  StrBuilder out(t);
  out.append(type_of(t, self)->name);
  out.append(U'(');
  out.append(shown.as<StrObject>());
  out.append(std::string_view(", "));
  out.append(base.as<StrObject>());
  out.append(U')');
  return out.finish();
}

static Result<Value> default_copy(Thread& t, const Value* args) {
  Value factory = args[0].as<DefaultDict>()->factory.get();
  return call(t, Value(args[0].as_object()->type()), {factory.is_empty() ? kNone : factory, args[0]});
}

static Result<Value> default_or(Thread& t, Value left, Value right) {
  if (!is_dict(left) || !is_dict(right)) return kNotImplemented;
  bool left_is_ours = is_instance(t, left, native_type(t, kDefaultDictSpec));
  Value own = left_is_ours ? left : right;
  Value factory = own.as<DefaultDict>()->factory.get();
  Value made = TRY(call(t, Value(own.as_object()->type()), {factory.is_empty() ? kNone : factory, left}));
  TRY(dict_update(t, made.as<DictObject>(), right));
  return made;
}

static Result<Value> default_reduce(Thread& t, const Value* args) {
  Value factory = args[0].as<DefaultDict>()->factory.get();
  Value items = TRY(call_method(t, args[0], t.names().items));
  Value iterator = TRY(get_iter(t, items));
  TupleObject* init = factory.is_empty() || factory.is_none() ? empty_tuple(t) : make_tuple(t, {factory});
  return make_tuple(t, {Value(args[0].as_object()->type()), Value(init), kNone, kNone, iterator});
}

static Result<Value> get_factory(Thread&, Value self) {
  Value factory = self.as<DefaultDict>()->factory.get();
  return factory.is_empty() ? kNone : factory;
}
static Status set_factory(Thread&, Value self, Value value) {
  self.as<DefaultDict>()->factory = value.is_empty() ? kNone : value;
  return {};
}
static const GetSetDef kDefaultDictGetSets[] = {
    {"default_factory", get_factory, set_factory, "Factory for default value called by __missing__()."},
    {nullptr, nullptr, nullptr, nullptr}};
static const NativeDef kDefaultDictMethods[] = {
    MP_RAW_METHOD(default_init, "__init__(self, default_factory=None, /, *args, **kwargs)", nullptr),
    MP_METHOD(default_missing_method, "__missing__(self, key, /)",
              "__missing__(key) # Called by __getitem__ for missing key; pseudo-code:\n  if "
              "self.default_factory is None: raise "
              "KeyError((key,))\n  self[key] = value = self.default_factory()\n  return value\n"),
    MP_METHOD(default_copy, "copy(self, /)", "D.copy() -> a shallow copy of D."),
    MP_METHOD(default_copy, "__copy__(self, /)", "D.copy() -> a shallow copy of D."),
    MP_METHOD(default_reduce, "__reduce__(self, /)", "Return state information for pickling."),
    MP_CLASS_GETITEM,
    MP_END};
const TypeSpec kDefaultDictSpec = {
    .name = "collections.defaultdict",
    .kind = Kind::Dict,
    .base = &BuiltinTypes::dict,
    .size = sizeof(DefaultDict),
    .flags = kTypeBaseType | kTypeDictSubclass | kTypeMapping | kTypeHasWeakref,
    .doc =
        "defaultdict(default_factory=None, /, [...]) --> dict with default factory\n\nThe default factory is "
        "called without "
        "arguments to produce\na new value when a key is not present, in __getitem__ only.\nA defaultdict "
        "compares equal to a "
        "dict with the same items.\nAll remaining arguments are treated the same as if they were\npassed to "
        "the dict "
        "constructor, including keyword arguments.",
    .trace = trace_default_dict,
    .slots = MP_SLOTS(.repr = default_repr, .or_ = default_or, .get_item = default_get_item),
    .methods = kDefaultDictMethods,
    .getsets = kDefaultDictGetSets};

// ---------------------------------------------------------------- _count_elements(mapping, iterable)
static Result<Value> count_elements(Thread& t, const Value* args) {
  Value mapping = args[0];
  const Value one = Value::from_int(1);
  Type* type = type_of(t, mapping);
  bool plain =
      is_dict(mapping) &&
      type_lookup(t, type, t.names().get) == type_lookup(t, t.types().dict, t.names().get) &&
      type_lookup(t, type, t.names().__setitem__) == type_lookup(t, t.types().dict, t.names().__setitem__);
  if (plain) {
    auto* dict = mapping.as<DictObject>();
    TRY(for_each(t, args[1], [&](Value key) -> Status {
      int64_t hash = TRY(hash_key(t, key));
      // A key that is there keeps its place: one probe when nothing else changes it meanwhile.
      Value count = kNotFound;
      TRY(dict_change(t, dict, key, hash, [&](DictTable* table, DictFound found) -> Status {
        if (found.entry < 0) return dict_insert_new(t, dict, table, found.cell, key, hash, one);
        Slot& value = table->entries()[found.entry].value;
        Value old = value.get();
        if (old.is_int() && old.as_int() < Value::kMaxInt)
          value = Value::from_int(old.as_int() + 1);
        else
          count = old;
        return {};
      }));
      if (!count.is_not_found()) {
        Value next = TRY(binary(t, BinaryOp::Add, count, one));
        TRY(dict_set_hashed(t, dict, key, hash, next));
      }
      return t.poll_within();
    }));
    return kNone;
  }
  Value get = TRY(get_attr(t, mapping, t.names().get));
  TRY(for_each(t, args[1], [&](Value key) -> Status {
    Value old = TRY(call(t, get, {key, Value::from_int(0)}));
    Value next = TRY(binary(t, BinaryOp::Add, old, one));
    return set_item(t, mapping, key, next);
  }));
  return kNone;
}

// ---------------------------------------------------------------- _tuplegetter: the fields of named tuples
static void trace_tuple_getter(Object* self, Tracer& tracer) {
  tracer.visit(static_cast<TupleGetter*>(self)->doc);
}
static Result<Value> tuple_getter_new(Thread& t, const Value* args) {
  int64_t index = TRY(to_ssize(t, args[1]));
  auto* getter = t.heap().make<TupleGetter>(t, args[0].as<Type>());
  getter->index = index;
  getter->doc = args[2];
  return getter;
}
static Result<Value> tuple_getter_get(Thread& t, Value descriptor, Value instance, Value owner) {
  (void)owner;
  if (instance.is_empty() || instance.is_none()) return descriptor;
  int64_t index = descriptor.as<TupleGetter>()->index;
  if (!is_tuple(instance))
    return t.raise(Exc::TypeError,
                   "descriptor for index '{}' for tuple subclasses doesn't apply to '{}' object", index,
                   type_name(t, instance));
  auto* tuple = instance.as<TupleObject>();
  if (index < 0 || static_cast<size_t>(index) >= tuple->size)
    return t.raise(Exc::IndexError, "tuple index out of range");
  return (*tuple)[static_cast<size_t>(index)];
}
static Status tuple_getter_set(Thread& t, Value, Value, Value value) {
  if (value.is_empty()) return t.raise(Exc::AttributeError, "can't delete attribute");
  return t.raise(Exc::AttributeError, "can't set attribute");
}
static Result<Value> tuple_getter_repr(Thread& t, Value self) {
  Value doc = TRY(repr(t, self.as<TupleGetter>()->doc));
  return make_str(t, fmt::format("{}({}, {})", to_utf8(type_of(t, self)->name), self.as<TupleGetter>()->index,
                                 to_utf8(doc.as<StrObject>())));
}
static Result<Value> tuple_getter_reduce(Thread& t, const Value* args) {
  auto* getter = args[0].as<TupleGetter>();
  return make_tuple(
      t, {Value(getter->type()), Value(make_tuple(t, {Value::from_int(getter->index), getter->doc}))});
}
static Result<Value> get_doc(Thread&, Value self) { return self.as<TupleGetter>()->doc; }
static Status set_doc(Thread&, Value self, Value value) {
  self.as<TupleGetter>()->doc = value.is_empty() ? kNone : value;
  return {};
}
static const GetSetDef kTupleGetterGetSets[] = {{"__doc__", get_doc, set_doc, nullptr},
                                                {nullptr, nullptr, nullptr, nullptr}};
static const NativeDef kTupleGetterMethods[] = {
    MP_NEW(tuple_getter_new, "__new__(cls, index, doc, /)", nullptr),
    MP_METHOD(tuple_getter_reduce, "__reduce__(self, /)", nullptr), MP_END};
static const TypeSpec kTupleGetterSpec = {
    .name = "collections._tuplegetter",
    .size = sizeof(TupleGetter),
    .trace = trace_tuple_getter,
    .slots =
        MP_SLOTS(.repr = tuple_getter_repr, .descr_get = tuple_getter_get, .descr_set = tuple_getter_set),
    .methods = kTupleGetterMethods,
    .getsets = kTupleGetterGetSets};

// ---------------------------------------------------------------- the module
extern const TypeSpec kDequeSpec, kDequeIteratorSpec, kDequeReverseIteratorSpec, kOrderedDictSpec;

static Status init_collections(Thread& t, ModuleObject* module) {
  for (const TypeSpec* spec : {&kDequeSpec, &kDefaultDictSpec, &kOrderedDictSpec, &kDequeIteratorSpec,
                               &kDequeReverseIteratorSpec, &kTupleGetterSpec})
    module_add_type(t, module, *spec);
  return {};
}
static const NativeDef kCollectionsFunctions[] = {
    MP_FUNCTION(count_elements, "_count_elements(mapping, iterable, /)",
                "Count elements in the iterable, updating the mapping"),
    MP_END};
extern const ModuleSpec kCollectionsModule;
const ModuleSpec kCollectionsModule = {
    .name = "_collections",
    .doc =
        "High performance data structures.\n- deque:        ordered collection accessible "
        "from endpoints only\n- defaultdict:  dict subclass with a default value factory",
    .functions = kCollectionsFunctions,
    .init = init_collections};

}  // namespace mp

// Builtin types from their specs, attribute look-up along the MRO with the method cache, versions,
// subclasses.
#include "vm/types/type.h"

#include <cstring>

#include "vm/core/check.h"
#include "vm/native/signature.h"
#include "vm/types/type_internal.h"

namespace mp {

// ---------------------------------------------------------------- making builtin types

static uint32_t kind_flags(Kind kind) {
  switch (kind) {
    case Kind::Int: return kTypeIntSubclass | kTypeVariableSize;
    case Kind::Float: return kTypeFloatSubclass;
    case Kind::Str: return kTypeStrSubclass | kTypeVariableSize;
    case Kind::Bytes: return kTypeBytesSubclass | kTypeVariableSize;
    case Kind::Tuple: return kTypeTupleSubclass | kTypeVariableSize;
    case Kind::List: return kTypeListSubclass;
    case Kind::Dict: return kTypeDictSubclass;
    case Kind::Exception: return kTypeExceptionSubclass;
    case Kind::Type: return kTypeTypeSubclass;
    default: return 0;
  }
}

static constexpr uint32_t kInheritedFlags =
    kTypeHasDict | kTypeHasWeakref | kTypeIntSubclass | kTypeStrSubclass | kTypeTupleSubclass |
    kTypeListSubclass | kTypeDictSubclass | kTypeBytesSubclass | kTypeExceptionSubclass | kTypeTypeSubclass |
    kTypeFloatSubclass | kTypeVariableSize | kTypeSequence | kTypeMapping | kTypeMatchSelf;

// Phase 1: everything that needs no other object.
static void lay_out(Type* type, const TypeSpec& spec, Type* base) {
  type->spec = &spec;
  type->base.store(base);
  Kind kind = spec.kind;
  if (kind == Kind::Other && base != nullptr && base->instance_kind != Kind::Instance)
    kind = base->instance_kind;
  type->instance_kind = kind;
  uint32_t flags = spec.flags | kTypeImmutable | kTypeLazyNamespace | kind_flags(kind);
  if (base != nullptr) flags |= base->flags.load() & kInheritedFlags;
  type->flags.store(flags);
  type->trace = spec.trace != nullptr ? spec.trace : base != nullptr ? base->trace : nullptr;
  type->base_size = spec.size;
  if (base != nullptr && base->base_size > spec.size) type->base_size = base->base_size;
  type->fields_offset = type->base_size;
  type->inline_slot_count = 0;
  type->attrs_offset = 0;
  type->instance_size = type->base_size;
  if ((flags & kTypeHasDict) != 0) {
    if ((flags & kTypeVariableSize) == 0) type->attrs_offset = (type->base_size + 7) & ~7u;
    type->instance_size = type->base_size + 16;
  }
  inherit_builtin_slots(type, base, spec);
}

// Phase 2: names, MRO, namespace.
static void complete(Thread& t, Type* type, const TypeSpec& spec, Type* base, Type* second_base) {
  const char* dot = std::strrchr(spec.name, '.');
  type->name = intern(t, dot != nullptr ? dot + 1 : spec.name);
  type->qualified_name = type->name;
  type->module = intern(t, dot != nullptr ? std::string_view(spec.name, static_cast<size_t>(dot - spec.name))
                                          : std::string_view("builtins"));
  if (type->dict.load() == nullptr) type->dict.store(make_dict(t));
  if (base == nullptr) {
    type->bases.store(empty_tuple(t));
    type->mro.store(make_tuple(t, {Value(type)}));
  } else if (second_base != nullptr) {
    type->bases.store(make_tuple(t, {Value(base), Value(second_base)}));
    auto mro = linearise(t, type, type->bases.load());
    MP_CHECK(mro.ok(), "builtin MRO");
    type->mro.store(mro.value().as<TupleObject>());
    add_subclass(t, base, type);
    add_subclass(t, second_base, type);
  } else {
    type->bases.store(make_tuple(t, {Value(base)}));
    TupleObject* above = base->mro.load();
    TupleObject* mro = allocate_tuple(t, above->size + 1);
    mro->items()[0] = Value(type);
    for (size_t i = 0; i < above->size; ++i) mro->items()[i + 1] = (*above)[i];
    type->mro.store(mro);
    add_subclass(t, base, type);
  }
  if (type->has(kTypeHasDict)) type->root_shape = make_root_shape(t, type);
  // Methods written as natives stand for the slots that the spec leaves empty.
  for (const NativeDef* def = spec.methods; def != nullptr && def->signature != nullptr; ++def) {
    if (def->signature[0] != '_' || def->signature[1] != '_') continue;
    const char* end = std::strchr(def->signature, '(');
    std::string_view text(def->signature, end != nullptr ? static_cast<size_t>(end - def->signature) : 0);
    if (text == "__new__" || text == "__init__" || text == "__getattr__") continue;
    for (size_t i = 0; i < kDunderCount; ++i) {
      if (kDunders[i].name[2] != text[2] || text != kDunders[i].name) continue;
      void*& slot = slot_ref(type->slots, kDunders[i].slot);
      Type* above = base;
      if (slot == nullptr || (above != nullptr && slot == slot_ref(above->slots, kDunders[i].slot) &&
                              spec.slots.find(kDunders[i].slot) == nullptr)) {
        if (void* dispatcher = slot_dispatcher(kDunders[i].slot)) slot = dispatcher;
      }
    }
  }
  if (spec.init != nullptr) spec.init(t, type);
}

static Type* allocate_type(Thread& t, Type* metatype) {
  auto* type = t.heap().make<Type>(t, metatype);
  type->set_flag(kFlagImmortal);
  return type;
}

static void scan_types(void* context, Tracer& tracer) {
  auto* runtime = static_cast<Runtime*>(context);
#define MP_TYPE(member, spec) tracer.visit(runtime->types.member);
#include "vm/types/types.def"
#undef MP_TYPE
  for (Type* type : runtime->types.exceptions) tracer.visit(type);
  MethodCache& cache = *runtime->method_cache;
  for (auto* name : cache.dunder_names) tracer.visit(name);
  // Entries hold plain pointers: a dead name's address may be used again, so nothing survives a collection.
  for (uint32_t i = 0; i < cache.size.load(std::memory_order_relaxed); ++i)
    if (cache.entries[i].version.load(std::memory_order_relaxed) != 0)
      cache.entries[i].version.store(0, std::memory_order_relaxed);
}

extern const TypeSpec kObjectSpec, kTypeSpec, kStrSpec, kTupleSpec, kDictSpec, kListSpec;

void bootstrap_core_types(Thread& t) {
  Runtime& runtime = t.runtime();
  runtime.method_cache = std::make_shared<MethodCache>();
  init_shapes(t);
  BuiltinTypes& types = t.types();
  Type boot;  // stands for `type` while `type` is being allocated
  boot.instance_size = sizeof(Type);
  boot.instance_kind = Kind::Type;
  types.type = allocate_type(t, &boot);
  types.type->set_type(types.type);
  types.type->instance_kind = Kind::Type;
  types.type->instance_size = sizeof(Type);
  types.object = allocate_type(t, types.type);
  lay_out(types.object, kObjectSpec, nullptr);
  lay_out(types.type, kTypeSpec, types.object);
  auto make = [&](const TypeSpec& spec) {
    Type* type = allocate_type(t, types.type);
    lay_out(type, spec, types.object);
    return type;
  };
  types.str = make(kStrSpec);
  types.tuple = make(kTupleSpec);
  types.dict = make(kDictSpec);
  types.list = make(kListSpec);
  t.heap().add_root_scanner(scan_types, &runtime);
}

Type* make_type_with_bases(Thread& t, const TypeSpec& spec, Type* base, Type* second_base) {
  if (t.runtime().method_cache->dunder_names[0] == nullptr) init_dunder_names(t);
  BuiltinTypes& types = t.types();
  Type* type = nullptr;
  for (Type* core : {types.object, types.type, types.str, types.tuple, types.dict, types.list})
    if (core != nullptr && core->spec == &spec && core->mro.load() == nullptr) type = core;
  if (type == nullptr) {
    type = allocate_type(t, types.type);
    lay_out(type, spec, base);
  }
  complete(t, type, spec, type == types.object ? nullptr : base, second_base);
  return type;
}

Type* make_builtin_type(Thread& t, const TypeSpec& spec) {
  Type* base = spec.base != nullptr        ? t.types().*(spec.base)
               : spec.base_spec != nullptr ? native_type(t, *spec.base_spec)
                                           : t.types().object;
  return make_type_with_bases(t, spec, base, nullptr);
}

// ---------------------------------------------------------------- namespaces

static Value make_descriptor(Thread& t, Type* type, const NativeDef& def) {
  switch (def.kind) {
    case NativeKind::New: return make_native_function(t, def, Value(type), Value(type));
    case NativeKind::StaticMethod: {
      auto* wrapped = t.heap().make<StaticMethodObject>(t, t.types().staticmethod);
      wrapped->callable = Value(make_native_function(t, def, kEmpty, Value(type)));
      return wrapped;
    }
    default: return make_native_descriptor(t, def, type);
  }
}

extern const GetSetDef kDictGetSet;  // type_class.cpp

static void add_missing(Thread& t, DictObject* dict, StrObject* name, Value value) {
  if (dict_get_str(dict, name).is_not_found()) (void)dict_set_str(t, dict, name, value);
}

static void populate(Thread& t, Type* type) {
  TypeLock lock(t);
  if (!type->has(kTypeLazyNamespace)) return;
  const auto& spec = *static_cast<const TypeSpec*>(type->spec);
  DictObject* dict = type->dict.load();
  for (const NativeDef* def = spec.methods; def != nullptr && def->signature != nullptr; ++def) {
    const char* end = std::strchr(def->signature, '(');
    size_t length = end != nullptr ? static_cast<size_t>(end - def->signature) : std::strlen(def->signature);
    add_missing(t, dict, intern(t, std::string_view(def->signature, length)), make_descriptor(t, type, *def));
  }
  Slots slots = spec.slots.unpack();
  for (size_t i = 0; i < kDunderCount; ++i) {
    void* function = slot_ref(slots, kDunders[i].slot);
    if (function == nullptr || kDunders[i].wrap == Wrap::GetAttrHook) continue;
    StrObject* name = t.runtime().method_cache->dunder_names[i];
    if (function == reinterpret_cast<void*>(&hash_not_implemented))
      add_missing(t, dict, name, kNone);
    else
      add_missing(t, dict, name, make_slot_wrapper(t, type, &kDunders[i], function));
  }
  if (slots.compare != nullptr && slots.hash == nullptr && type->slots.hash == &hash_not_implemented)
    add_missing(t, dict, t.names().__hash__, kNone);
  for (const GetSetDef* def = spec.getsets; def != nullptr && def->name != nullptr; ++def) {
    auto* descriptor = t.heap().make<GetSetDescriptorObject>(t, t.types().getset_descriptor);
    descriptor->owner = type;
    descriptor->def = def;
    StrObject* name = intern(t, def->name);
    descriptor->name = Value(name);
    add_missing(t, dict, name, descriptor);
  }
  Type* above = type->base.load();
  if (type->has(kTypeHasDict) && (above == nullptr || !above->has(kTypeHasDict))) {
    auto* descriptor = t.heap().make<GetSetDescriptorObject>(t, t.types().getset_descriptor);
    descriptor->owner = type;
    descriptor->def = &kDictGetSet;
    descriptor->name = Value(t.names().__dict__);
    add_missing(t, dict, t.names().__dict__, descriptor);
  }
  for (const MemberDef* def = spec.members; def != nullptr && def->name != nullptr; ++def) {
    auto* descriptor = t.heap().make<MemberDescriptorObject>(t, t.types().member_descriptor);
    descriptor->owner = type;
    StrObject* name = intern(t, def->name);
    descriptor->name = Value(name);
    descriptor->offset = def->offset;
    descriptor->read_only = def->read_only;
    descriptor->doc = def->doc;
    add_missing(t, dict, name, descriptor);
  }
  Value doc = kNone;
  if (spec.doc != nullptr) doc = Value(make_str(t, spec.doc));
  add_missing(t, dict, t.names().__doc__, doc);
  type->flags.fetch_and(~uint32_t{kTypeLazyNamespace});
}

DictObject* type_namespace(Thread& t, Type* type) {
  if (type->has(kTypeLazyNamespace)) [[unlikely]]
    populate(t, type);
  return type->dict.load(std::memory_order_acquire);
}

Value type_own(Thread& t, Type* type, StrObject* name) { return dict_get_str(type_namespace(t, type), name); }

// ---------------------------------------------------------------- look-up

static Value find_in_mro(Thread& t, Type* type, StrObject* name) {
  TupleObject* mro = type->mro.load(std::memory_order_acquire);
  if (mro == nullptr) return kNotFound;
  for (size_t i = 0; i < mro->size; ++i) {
    Value v = dict_get_str(type_namespace(t, (*mro)[i].as<Type>()), name);
    if (!v.is_not_found()) return v;
  }
  return kNotFound;
}

Value type_lookup(Thread& t, Type* type, StrObject* name) {
  if (!name->has_flag(kFlagInterned)) [[unlikely]]
    name = attribute_name(t, name);
  MethodCache& cache = *t.runtime().method_cache;
  uint32_t version = type->version.load(std::memory_order_acquire);
  if (version == 0) version = type_version(t, type);
  auto hash = static_cast<uint32_t>(reinterpret_cast<uintptr_t>(name) >> 4) ^ (version * 0x9E3779B1u >> 16);
  MethodCache::Entry& entry = cache.entries[hash & (cache.size.load(std::memory_order_relaxed) - 1)];
  if (version != 0) {
    uint32_t before = entry.sequence.load(std::memory_order_acquire);
    if (entry.version.load(std::memory_order_acquire) == version &&
        entry.name.load(std::memory_order_acquire) == name) {
      Value value(entry.value.load(std::memory_order_acquire));
      if ((before & 1) == 0 && entry.sequence.load(std::memory_order_acquire) == before) return value;
    }
  }
  Value value = find_in_mro(t, type, name);
  if (version != 0 && type->version.load(std::memory_order_acquire) == version) {
    uint32_t before = entry.sequence.load(std::memory_order_relaxed);
    // Whoever loses the race to write simply does not cache.
    if ((before & 1) == 0 && entry.sequence.compare_exchange_strong(before, before + 1)) {
      entry.version.store(version, std::memory_order_release);
      entry.name.store(name, std::memory_order_release);
      entry.value.store(value.bits(), std::memory_order_release);
      entry.sequence.store(before + 2, std::memory_order_release);
      if (cache.written.fetch_add(1, std::memory_order_relaxed) == MethodCache::kFirstSize)
        cache.size.store(MethodCache::kSize, std::memory_order_relaxed);
    }
  }
  return value;
}

uint32_t type_version(Thread& t, Type* type) {
  if (uint32_t version = type->version.load(std::memory_order_acquire)) return version;
  TypeLock lock(t);
  if (uint32_t version = type->version.load()) return version;
  // A type with a version has bases with one: so type_modified() can stop at types without.
  TupleObject* mro = type->mro.load();
  if (mro == nullptr) return 0;
  for (size_t i = mro->size; i-- > 0;) {
    auto* each = (*mro)[i].as<Type>();
    if (each->version.load() != 0) continue;
    uint32_t next = t.runtime().next_type_version.load();
    if (next == UINT32_MAX) return 0;
    t.runtime().next_type_version.store(next + 1);
    each->version.store(next, std::memory_order_release);
  }
  return type->version.load();
}

// Under the type lock, after the change is visible.
void type_modified(Thread& t, Type* type) {
  type->version.store(0, std::memory_order_release);
  type->new_function = kEmpty;
  type->init_function = kEmpty;
  for_each_subclass(
      t, type, [](void* context, Type* subclass) { type_modified(*static_cast<Thread*>(context), subclass); },
      &t);
}

bool is_subtype(const Type* type, const Type* base) {
  if (type == base) return true;
  const TupleObject* mro = type->mro.load(std::memory_order_acquire);
  if (mro == nullptr) {
    for (const Type* each = type; each != nullptr; each = each->base.load())
      if (each == base) return true;
    return false;
  }
  const Slot* items = mro->items();
  for (size_t i = 0; i < mro->size; ++i)
    if (items[i].get().as_object() == base) return true;
  return false;
}

// ---------------------------------------------------------------- subclasses
// A list of builtin types (strong: they live as long as the runtime) and weak references to script classes.

static Type* subclass_at(ListObject* list, size_t i) {
  Value item = list->at(i);
  if (is_kind(item, Kind::WeakRef)) item = weakref_target(item.as<WeakRefObject>());
  return is_type(item) ? item.as<Type>() : nullptr;
}

void add_subclass(Thread& t, Type* base, Type* subclass) {
  TypeLock lock(t);
  if (base->subclasses.get().is_empty()) base->subclasses = Value(make_list(t));
  auto* list = base->subclasses.get().as<ListObject>();
  if (!subclass->has(kTypeHeap)) {
    (void)list_append(t, list, Value(subclass));
    return;
  }
  auto ref = make_weakref(t, Value(subclass), kEmpty);
  if (ref.is_error()) return t.clear_exception();
  // Dead classes go when the length passes a power of two: constant cost per class on average.
  size_t length = list->length();
  if (length >= 16 && (length & (length - 1)) == 0) {
    ListObject* kept = make_list(t);
    for (size_t i = 0; i < length; ++i)
      if (subclass_at(list, i) != nullptr) (void)list_append(t, kept, list->at(i));
    base->subclasses = Value(kept);
    list = kept;
  }
  (void)list_append(t, list, ref.value());
}

void remove_subclass(Thread& t, Type* base, Type* subclass) {
  TypeLock lock(t);
  if (base->subclasses.get().is_empty()) return;
  auto* old = base->subclasses.get().as<ListObject>();
  ListObject* list = make_list(t);
  for (size_t i = 0; i < old->length(); ++i)
    if (subclass_at(old, i) != subclass) (void)list_append(t, list, old->at(i));
  base->subclasses = Value(list);
}

void for_each_subclass(Thread& t, Type* type, void (*visit)(void*, Type*), void* context) {
  TypeLock lock(t);
  if (type->subclasses.get().is_empty()) return;
  auto* list = type->subclasses.get().as<ListObject>();
  for (size_t i = 0; i < list->length(); ++i)
    if (Type* subclass = subclass_at(list, i)) visit(context, subclass);
}

// ---------------------------------------------------------------- names

// As CPython's tp_name: natives of a module carry its name in messages ('collections.deque'), classes of
// scripts do not.
std::string type_name(const Type* type) {
  if (type->spec != nullptr && type->has(kTypeImmutable))
    return static_cast<const TypeSpec*>(type->spec)->name;
  return to_utf8(type->name);
}
std::string type_name(Thread& t, Value v) { return type_name(type_of(t, v)); }

std::string type_full_name(Type* type) {
  Value module = type->module;
  std::string name = to_utf8(type->qualified_name);
  if (!is_str(module)) return name;
  std::string text = to_utf8(module.as<StrObject>());
  return text == "builtins" ? name : text + "." + name;
}

}  // namespace mp

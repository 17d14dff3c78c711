// Which function each slot of a class holds: inherited, a builtin's own, or a dispatcher to the script's
// method.
#include <bitset>

#include "vm/threads/object_lock.h"
#include "vm/threads/thread_table.h"
#include "vm/types/type_internal.h"

namespace mp {

const DunderDef kDunders[] = {
#define MP_DUNDER(id, name, slot, wrap, signature, doc) {name, SlotId::slot, Wrap::wrap, signature, doc},
#include "vm/types/dunders.def"
#undef MP_DUNDER
};

using SlotSet = std::bitset<kSlotCount>;

static uint32_t name_hash(StrObject* name) {
  return static_cast<uint32_t>(reinterpret_cast<uintptr_t>(name) >> 4);
}

void init_dunder_names(Thread& t) {
  MethodCache& cache = *t.runtime().method_cache;
  for (size_t i = 0; i < kDunderCount; ++i) {
    StrObject* name = intern(t, kDunders[i].name);
    cache.dunder_names[i] = name;
    uint32_t at = name_hash(name) % MethodCache::kNameSlots;
    while (cache.names[at].name != nullptr && cache.names[at].name != name)
      at = (at + 1) % MethodCache::kNameSlots;
    auto& entry = cache.names[at];
    if (entry.name == nullptr) entry = {name, static_cast<uint16_t>(i), 0};
    ++entry.count;
  }
}

const MethodCache::NameEntry* find_dunder(Thread& t, StrObject* name) {
  MethodCache& cache = *t.runtime().method_cache;
  for (uint32_t at = name_hash(name) % MethodCache::kNameSlots;; at = (at + 1) % MethodCache::kNameSlots) {
    if (cache.names[at].name == name) return &cache.names[at];
    if (cache.names[at].name == nullptr) return nullptr;
  }
}

Result<int64_t> hash_not_implemented(Thread& t, Value self) {
  return t.raise(Exc::TypeError, "unhashable type: '{}'", type_name(t, self));
}
Result<Value> next_not_implemented(Thread& t, Value self) {
  return t.raise(Exc::TypeError, "'{}' object is not an iterator", type_name(t, self));
}

void inherit_builtin_slots(Type* type, Type* base, const TypeSpec& spec) {
  type->slots = spec.slots.unpack();
  if (base != nullptr) {
    // hash and comparison go together: who redefines == is no longer hashable by the inherited hash.
    bool inherit_hash = type->slots.hash == nullptr && type->slots.compare == nullptr;
    for (size_t i = 0; i < kSlotCount; ++i) {
      auto id = static_cast<SlotId>(i);
      if (id == SlotId::hash && !inherit_hash) continue;
      void*& slot = slot_ref(type->slots, id);
      if (slot == nullptr) slot = slot_ref(base->slots, id);
    }
  }
  if (type->slots.hash == nullptr) type->slots.hash = hash_not_implemented;
}

static void set_slot(Type* type, SlotId id, void* function) {
  __atomic_store_n(&slot_ref(type->slots, id), function, __ATOMIC_RELEASE);
}

// CPython's update_one_slot: a builtin's own function when every name of the slot resolves to its wrapper,
// else the dispatcher.
static void update_slot(Thread& t, Type* type, SlotId id) {
  void* specific = nullptr;
  bool generic = false;
  for (size_t i = 0; i < kDunderCount; ++i) {
    if (kDunders[i].slot != id) continue;
    Value found = type_lookup(t, type, t.runtime().method_cache->dunder_names[i]);
    if (found.is_not_found()) continue;
    if (is_kind(found, Kind::SlotWrapper)) {
      auto* wrapper = found.as<SlotWrapperObject>();
      if (wrapper->def->slot != id && std::string_view(wrapper->def->name) == kDunders[i].name) {
        // The other slot of the name has it (list.__add__ is concat, not add); unless taken from an unrelated
        // class.
        if (is_subtype(type, wrapper->owner)) continue;
        generic = true;
        continue;
      }
      if (wrapper->def == &kDunders[i] && is_subtype(type, wrapper->owner) &&
          (specific == nullptr || specific == wrapper->function)) {
        specific = wrapper->function;
        continue;
      }
      generic = true;
    } else if (is_kind(found, Kind::NativeFunction) &&
               found.as<NativeFunctionObject>()->owner_type != nullptr &&
               is_subtype(type, found.as<NativeFunctionObject>()->owner_type) &&
               slot_ref(found.as<NativeFunctionObject>()->owner_type->slots, id) != nullptr) {
      // A builtin's method that duplicates its slot (dict.__contains__).
      void* own = slot_ref(found.as<NativeFunctionObject>()->owner_type->slots, id);
      if (specific == nullptr || specific == own)
        specific = own;
      else
        generic = true;
    } else if (found.is_none() && id == SlotId::hash) {
      specific = reinterpret_cast<void*>(&hash_not_implemented);
    } else {
      generic = true;
    }
  }
  void* function = generic ? slot_dispatcher(id) : specific;
  // A custom mro() may leave out object: what every value needs stays.
  bool needed = id == SlotId::repr || id == SlotId::str || id == SlotId::hash || id == SlotId::get_attr ||
                id == SlotId::set_attr;
  if (function == nullptr && needed) function = slot_ref(t.types().object->slots, id);
  set_slot(type, id, function);
}

void refresh_type_flags(Thread& t, Type* type) {
  (void)t;
  uint32_t custom = 0;
  if (type->slots.get_attr != generic_get_attr) custom |= kTypeCustomGetAttr;
  if (type->slots.set_attr != generic_set_attr) custom |= kTypeCustomSetAttr;
  type->flags.fetch_and(~uint32_t{kTypeCustomGetAttr | kTypeCustomSetAttr});
  type->flags.fetch_or(custom);
}

static void collect(Thread& t, Type* type, SlotSet& slots) {
  DictObject* dict = type_namespace(t, type);
  size_t position = 0;
  Value key, value;
  while (dict_next(dict, &position, &key, &value)) {
    if (!is_str(key)) continue;
    auto* name = key.as<StrObject>();
    if (name->length() < 5 || name->at(0) != '_' || name->at(1) != '_') continue;
    if (auto* entry = find_dunder(t, attribute_name(t, name)))
      for (size_t i = entry->first; i < size_t{entry->first} + entry->count; ++i)
        slots.set(static_cast<size_t>(kDunders[i].slot));
  }
}

void fill_class_slots(Thread& t, Type* type) {
  Type* base = type->base.load();
  type->slots = base->slots;
  SlotSet slots;
  TupleObject* mro = type->mro.load();
  for (size_t i = 0; i < mro->size; ++i) {
    auto* each = (*mro)[i].as<Type>();
    if (each == type || !is_subtype(base, each)) collect(t, each, slots);
  }
  for (size_t i = 0; i < kSlotCount; ++i)
    if (slots.test(i)) update_slot(t, type, static_cast<SlotId>(i));
  refresh_type_flags(t, type);
}

// Slots are read as plain words, often twice ("is it there, then call it"): with the GIL off nobody runs
// while those of a class in use change. The caller holds the type lock, which others wait for detached.
void update_all_slots(Thread& t, Type* type) {
  Exclusive alone(t);
  for (size_t i = 0; i < kSlotCount; ++i) update_slot(t, type, static_cast<SlotId>(i));
  refresh_type_flags(t, type);
  for_each_subclass(
      t, type,
      [](void* context, Type* subclass) { update_all_slots(*static_cast<Thread*>(context), subclass); }, &t);
}

void update_slots_for(Thread& t, Type* type, StrObject* name) {
  auto* entry = find_dunder(t, name);
  if (entry == nullptr) return;
  Exclusive alone(t);
  for (size_t i = entry->first; i < size_t{entry->first} + entry->count; ++i)
    update_slot(t, type, kDunders[i].slot);
  refresh_type_flags(t, type);
  struct Context {
    Thread& t;
    StrObject* name;
  } context{t, name};
  for_each_subclass(
      t, type,
      [](void* c, Type* subclass) {
        auto* own = static_cast<Context*>(c);
        update_slots_for(own->t, subclass, own->name);
      },
      &context);
}

}  // namespace mp

// What the files that build classes share: the method cache, the table of dunders, slot dispatchers. Nobody
// else includes it.
#pragma once
#include <mutex>

#include "vm/core/check.h"
#include "vm/gc/root.h"
#include "vm/native/native.h"
#include "vm/os/memory.h"
#include "vm/protocol/protocol.h"
#include "vm/types/runtime.h"

namespace mp {

// How a slot function is called when Python calls its dunder.
enum class Wrap : uint8_t {
  Unary,
  Binary,
  Reflected,
  Pow,
  PowReflected,
  Hash,
  Call,
  GetAttribute,
  GetAttrHook,
  SetAttr,
  DelAttr,
  Lt,
  Le,
  Eq,
  Ne,
  Gt,
  Ge,
  Next,
  DescrGet,
  DescrSet,
  DescrDelete,
  Bool,
  Length,
  SetItem,
  DelItem,
  Contains,
  Repeat,
  Delete,
  ReprLike,
};
enum class Dunder : uint8_t {
#define MP_DUNDER(id, name, slot, wrap, signature, doc) id,
#include "vm/types/dunders.def"
#undef MP_DUNDER
  kCount
};
struct DunderDef {
  const char* name;
  SlotId slot;
  Wrap wrap;
  const char* signature;  // as __text_signature__
  const char* doc;
};
extern const DunderDef kDunders[];
inline constexpr size_t kDunderCount = static_cast<size_t>(Dunder::kCount);
// The function that calls the script-defined dunder; nullptr where a script cannot fill the slot (sequence
// concat and repeat).
void* slot_dispatcher(SlotId id);
Result<int64_t> hash_not_implemented(Thread& t, Value self);
Result<Value> next_not_implemented(Thread& t, Value self);

// wrapper_descriptor: list.__len__
struct SlotWrapperObject : Object {
  Type* owner = nullptr;
  const DunderDef* def = nullptr;
  void* function = nullptr;
  Slot name;
};
// method-wrapper: [].__len__
struct MethodWrapperObject : Object {
  Slot wrapper;
  Slot self;
};
// The builtin types' __init__: NativeFunctionObjects whose type is wrapper_descriptor (bound:
// method-wrapper). native_function.cpp
struct NativeInitForms {
  UnarySlot repr, bound_repr;
  CallSlot call;
  CompareSlot compare;
  HashSlot hash;
  DescrGetSlot descr_get;
  UnarySlot name, qualified_name, objclass, self, doc, text_signature, reduce;
  TraceFunction trace;
};
extern const NativeInitForms kNativeInit;
inline bool is_native_init(Value v) { return is_kind(v, Kind::NativeFunction); }
Value make_slot_wrapper(Thread& t, Type* owner, const DunderDef* def, void* function);
Result<Value> call_slot_wrapper(Thread& t, SlotWrapperObject* wrapper, Value self, const CallArgs& args);

// ---- type.cpp
struct MethodCache {
  static constexpr uint32_t kSize = 4096, kFirstSize = 256;
  struct Entry {
    std::atomic<uint32_t> sequence{0};
    std::atomic<uint32_t> version{0};
    std::atomic<StrObject*> name{nullptr};
    std::atomic<uint64_t> value{0};
  };
  // Pages that nobody has used yet stay untouched: every start would pay for 100 KB of zeros. So only
  // kFirstSize entries are in use until as many have been written; an entry says what it is for, so that
  // growing needs no more than a new size.
  std::atomic<uint32_t> size{kFirstSize}, written{0};
  Entry* entries = static_cast<Entry*>(os::map_memory(kSize * sizeof(Entry), 0, os::Reserve::Yes));
  MethodCache() { MP_CHECK(entries != nullptr, "no memory for the method cache"); }
  ~MethodCache() { os::unmap_memory(entries, kSize * sizeof(Entry)); }
  MethodCache(const MethodCache&) = delete;
  // One lock for all changes of types; readers take none. Recursive: filling a namespace may look at a base.
  std::recursive_mutex mutex;
  // Interned dunder names: address -> first index into kDunders and count (duplicates of a name are
  // adjacent).
  static constexpr uint32_t kNameSlots = 512;
  struct NameEntry {
    StrObject* name = nullptr;
    uint16_t first = 0;
    uint16_t count = 0;
  };
  NameEntry names[kNameSlots];
  StrObject* dunder_names[kDunderCount] = {};
};
// Waits detached: its holder may stop the world (slot_update.cpp). Nobody runs a script while holding it: the
// script may wait for a thread that makes a class.
class TypeLock {
 public:
  explicit TypeLock(Thread& t) : mutex_(t.runtime().method_cache->mutex) { acquire(t); }
  ~TypeLock() { release(); }
  TypeLock(const TypeLock&) = delete;
  void release() { mutex_.unlock(); }
  void acquire(Thread& t) {
    if (mutex_.try_lock()) return;
    BlockingRegion out(t);
    mutex_.lock();
  }

 private:
  std::recursive_mutex& mutex_;
};
inline StrObject* dunder_name(Thread& t, Dunder d) {
  return t.runtime().method_cache->dunder_names[static_cast<size_t>(d)];
}
const MethodCache::NameEntry* find_dunder(Thread& t, StrObject* name);
void init_dunder_names(Thread& t);
void type_modified(Thread& t, Type* type);  // new version for it and its subclasses
void for_each_subclass(Thread& t, Type* type, void (*visit)(void* context, Type* subclass), void* context);
void add_subclass(Thread& t, Type* base, Type* subclass);
void remove_subclass(Thread& t, Type* base, Type* subclass);
Type* make_type_with_bases(Thread& t, const TypeSpec& spec, Type* base, Type* second_base);

// ---- native_module.cpp: the types made for a TypeSpec or StructSequenceSpec; found without a lock
Type* known_type(Thread& t, const void* spec);  // nullptr: not made yet
void remember_type(Thread& t, const void* spec, Type* type);

// ---- type_mro.cpp
bool has_scripted_mro(Thread& t, Type* type);
Result<Value> compute_mro(Thread& t, Type* type);  // by type.mro or the metaclass's mro()
Result<Value> linearise(Thread& t, Type* type, TupleObject* bases);
Result<Type*> best_base(Thread& t, TupleObject* bases);
Type* solid_base(Type* type);
bool same_layout(Type* a, Type* b);  // for __class__ and __bases__ assignment

// ---- type_attributes.cpp
// Under the type lock. A class is among the subclasses of its bases, and of no others: so what walks them
// meets no cycle.
void store_bases(Thread& t, Type* type, TupleObject* bases, Type* base);

// ---- slot_update.cpp
void inherit_builtin_slots(Type* type, Type* base, const TypeSpec& spec);
void fill_class_slots(Thread& t, Type* type);  // a new script class
void update_slots_for(Thread& t, Type* type,
                      StrObject* name);        // after `type.name = ...`; subclasses included
void update_all_slots(Thread& t, Type* type);  // after __bases__ changed
void refresh_type_flags(Thread& t, Type* type);

// ---- attr.cpp
Error raise_no_attribute(Thread& t, Value object, StrObject* name);
Error raise_attribute_error(Thread& t, Value object, StrObject* name, const std::string& message);
StrObject* attribute_name(Thread& t, StrObject* name);                           // interned, exact
Result<Value> generic_get_attr_quiet(Thread& t, Value object, StrObject* name);  // kNotFound when absent
Result<Value> type_get_attr_slot(Thread& t, Value cls, StrObject* name);
Result<Value> module_get_attr_slot(Thread& t, Value module, StrObject* name);
Result<Value> module_get_attr_quiet(Thread& t, ModuleObject* module, StrObject* name);
// In its own dict, as instance_get_own() and instance_set_own(): kNotFound; an empty value deletes.
Value module_get_own(ModuleObject* module, StrObject* name);
Status module_set_own(Thread& t, ModuleObject* module, StrObject* name, Value value);
Result<Value> hooked_get_attr_quiet(Thread& t, Value self, StrObject* name);
Result<Value> dispatch_get_attr(Thread& t, Value self, StrObject* name);

// ---- type_class.cpp
Result<Value> resolve_new(Thread& t,
                          Type* type);  // type.__new__ / __init__ found through the MRO, cached in the type
Result<Value> resolve_init(Thread& t, Type* type);
Result<Value> type_new_raw(Thread& t, Value cls,
                           const CallArgs& args);  // type.__new__(metatype, name, bases, namespace, **kw)
extern const NativeDef kObjectNewDef, kObjectInitDef;

// ---- exception_types.cpp
Result<Value> exception_new_raw(Thread& t, Value cls, const CallArgs& args);
Result<Value> exception_base_init(Thread& t, Value self, const CallArgs& args);

// ---- object.cpp
Result<Value> object_new_raw(Thread& t, Value cls, const CallArgs& args);
Result<Value> object_init_raw(Thread& t, Value self, const CallArgs& args);
Status set_class(Thread& t, Value self, Value cls);

// Calls with `self` put in front of the arguments.
Result<Value> call_prepend(Thread& t, Value callee, Value self, const CallArgs& args);
inline size_t keyword_count(const CallArgs& args) {
  return args.keyword_names.is_empty() ? 0 : args.keyword_names.as<TupleObject>()->size;
}
// A keyword argument by name; empty when absent.
Value find_keyword(const CallArgs& args, std::string_view name);

Status check_type_name(Thread& t, StrObject* name);  // ValueError, UnicodeEncodeError

}  // namespace mp

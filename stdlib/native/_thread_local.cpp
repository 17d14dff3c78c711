// _thread._local: an object whose attributes are each thread's own.
#include "stdlib/native/thread_module.h"
#include "vm/gc/heap.h"
#include "vm/protocol/protocol.h"
#include "vm/threads/object_lock.h"
#include "vm/threads/thread_impl.h"
#include "vm/threads/thread_table.h"
#include "vm/types/runtime.h"
#include "vm/types/type_internal.h"

namespace mp {
namespace {

struct LocalEntry {
  std::atomic<uint64_t> serial;  // of the thread; 0: free
  Slot dict;
};
struct LocalTable {  // raw cell
  uint64_t capacity;
  uint64_t reserved;
  LocalEntry* entries() { return reinterpret_cast<LocalEntry*>(this + 1); }
};
struct LocalObject : Object {
  Slot args, keywords;  // of the constructor: each thread's first access calls __init__ with them
  std::atomic<LocalTable*> table{nullptr};
  Runtime* runtime = nullptr;
};

// Dictionaries of threads that ended are not kept.
void trace_local(Object* object, Tracer& tracer) {
  auto* self = static_cast<LocalObject*>(object);
  tracer.visit(self->args);
  tracer.visit(self->keywords);
  LocalTable* table = self->table.load(std::memory_order_relaxed);
  if (table == nullptr) return;
  tracer.mark_raw(table);
  for (size_t i = 0; i < table->capacity; ++i) {
    LocalEntry& entry = table->entries()[i];
    uint64_t serial = entry.serial.load(std::memory_order_relaxed);
    if (serial == 0) continue;
    bool alive = false;
    for (Thread* t = self->runtime->threads->first; t != nullptr && !alive; t = t->impl->next)
      alive = t->impl->serial == serial;
    if (alive) {
      tracer.visit(entry.dict);
    } else {
      entry.dict = kEmpty;
      entry.serial.store(0, std::memory_order_relaxed);
    }
  }
}

DictObject* find_dict(Thread& t, LocalObject* self) {
  LocalTable* table = self->table.load(std::memory_order_acquire);
  if (table == nullptr) return nullptr;
  uint64_t serial = t.impl->serial;
  for (size_t i = 0; i < table->capacity; ++i)
    if (table->entries()[i].serial.load(std::memory_order_acquire) == serial)
      return table->entries()[i].dict.get().as<DictObject>();
  return nullptr;
}

Status add_dict(Thread& t, LocalObject* self, DictObject* dict) {
  ObjectLock lock(t, self);
  LocalTable* table = self->table.load(std::memory_order_relaxed);
  size_t capacity = table != nullptr ? table->capacity : 0;
  for (size_t i = 0; i < capacity; ++i) {
    LocalEntry& entry = table->entries()[i];
    if (entry.serial.load(std::memory_order_relaxed) != 0) continue;
    entry.dict = Value(dict);
    entry.serial.store(t.impl->serial, std::memory_order_release);
    return {};
  }
  size_t bigger = capacity == 0 ? 2 : capacity * 2;
  auto* fresh =
      static_cast<LocalTable*>(t.heap().allocate_raw(t, sizeof(LocalTable) + bigger * sizeof(LocalEntry)));
  if (fresh == nullptr) return t.raise_memory_error();
  fresh->capacity = bigger;
  for (size_t i = 0; i < capacity; ++i) {
    fresh->entries()[i].dict = table->entries()[i].dict.get();
    fresh->entries()[i].serial.store(table->entries()[i].serial.load(std::memory_order_relaxed),
                                     std::memory_order_relaxed);
  }
  fresh->entries()[capacity].dict = Value(dict);
  fresh->entries()[capacity].serial.store(t.impl->serial, std::memory_order_relaxed);
  self->table.store(fresh, std::memory_order_release);
  return {};
}

void remove_dict(Thread& t, LocalObject* self) {
  ObjectLock lock(t, self);
  LocalTable* table = self->table.load(std::memory_order_relaxed);
  for (size_t i = 0; i < table->capacity; ++i) {
    LocalEntry& entry = table->entries()[i];
    if (entry.serial.load(std::memory_order_relaxed) != t.impl->serial) continue;
    entry.dict = kEmpty;
    entry.serial.store(0, std::memory_order_relaxed);
  }
}

Status call_init(Thread& t, LocalObject* self) {
  Value bound = TRY(lookup_special(t, self, t.names().__init__));
  TRY(call_tuple(t, bound, self->args, self->keywords));
  return {};
}

Result<Value> local_dict(Thread& t, Value v) {
  auto* self = v.as<LocalObject>();
  if (DictObject* known = find_dict(t, self)) return known;
  DictObject* dict = make_dict(t);
  TRY(add_dict(t, self, dict));
  if (has_own_init(t, self->type()) && call_init(t, self).is_error()) {
    remove_dict(t, self);  // the next access tries again
    return Error{};
  }
  return dict;
}

Result<Value> local_new(Thread& t, Value cls, const CallArgs& args) {
  auto* type = cls.as<Type>();
  size_t named = keyword_count(args);
  if (args.count + named > 0 && !has_own_init(t, type))
    return t.raise(Exc::TypeError, "Initialization arguments are not supported");
  auto* self = t.heap().make<LocalObject>(t, type);
  self->runtime = &t.runtime();
  self->args = Value(make_tuple(t, args.values, args.count));
  if (named > 0) {
    DictObject* keywords = make_dict(t, named);
    for (size_t i = 0; i < named; ++i)
      TRY(dict_set(t, keywords, (*args.keyword_names.as<TupleObject>())[i], args.values[args.count + i]));
    self->keywords = Value(keywords);
  }
  // The creating thread's __init__ is called by type.__call__.
  TRY(add_dict(t, self, make_dict(t)));
  return self;
}

// CPython shows the type's full name here.
std::string shown_name(Thread& t, Value self) {
  Type* type = type_of(t, self);
  return type->has(kTypeHeap) ? type_name(type) : type_full_name(type);
}

Result<Value> local_get_attr(Thread& t, Value self, StrObject* name) {
  Value dict = TRY(local_dict(t, self));
  if (str_equal(name, "__dict__")) return dict;
  Type* type = type_of(t, self);
  Value descriptor = type_lookup(t, type, name);
  if (!descriptor.is_not_found()) {
    Type* kind = type_of(t, descriptor);
    if (kind->slots.descr_get != nullptr && kind->slots.descr_set != nullptr)
      return kind->slots.descr_get(t, descriptor, self, type);
  }
  Value own = TRY(dict_get(t, dict.as<DictObject>(), name));
  if (!own.is_not_found()) return own;
  if (!descriptor.is_not_found()) {
    Type* kind = type_of(t, descriptor);
    if (kind->slots.descr_get != nullptr) return kind->slots.descr_get(t, descriptor, self, type);
    return descriptor;
  }
  return raise_attribute_error(
      t, self, name, fmt::format("'{}' object has no attribute '{}'", shown_name(t, self), to_utf8(name)));
}

Status local_set_attr(Thread& t, Value self, StrObject* name, Value value) {
  Value dict = TRY(local_dict(t, self));
  if (str_equal(name, "__dict__"))
    return t.raise(Exc::AttributeError, "'{}' object attribute '__dict__' is read-only", shown_name(t, self));
  Value descriptor = type_lookup(t, type_of(t, self), name);
  if (!descriptor.is_not_found()) {
    Type* kind = type_of(t, descriptor);
    if (kind->slots.descr_set != nullptr) return kind->slots.descr_set(t, descriptor, self, value);
  }
  if (!value.is_empty()) return dict_set(t, dict.as<DictObject>(), name, value);
  if (TRY(dict_delete(t, dict.as<DictObject>(), name))) return {};
  return raise_attribute_error(
      t, self, name, fmt::format("'{}' object has no attribute '{}'", shown_name(t, self), to_utf8(name)));
}

const NativeDef kLocalMethods[] = {MP_RAW_NEW(local_new, "__new__(cls, /)", nullptr), MP_END};

}  // namespace

bool has_own_init(Thread& t, Type* type) {
  return type_lookup(t, type, t.names().__init__) != type_lookup(t, t.types().object, t.names().__init__);
}

const TypeSpec kLocalSpec = {.name = "_thread._local",
                             .size = sizeof(LocalObject),
                             .flags = kTypeBaseType | kTypeHasWeakref,
                             .doc = "Thread-local data",
                             .trace = trace_local,
                             .slots = MP_SLOTS(.get_attr = local_get_attr, .set_attr = local_set_attr),
                             .methods = kLocalMethods};

}  // namespace mp

// The _weakref module.
#include "vm/gc/root.h"
#include "vm/native/native.h"
#include "vm/protocol/protocol.h"
#include "vm/types/dict_table.h"
#include "vm/types/runtime.h"
#include "vm/types/weakref.h"

namespace mp {
namespace {

Result<Value> proxy(Thread& t, const Value* args) {
  Type* type = is_callable(t, args[0]) ? t.types().weakcallableproxy : t.types().weakproxy;
  return make_weakref_of_type(t, type, args[0], args[1]);
}

Result<Value> getweakrefcount(Thread& t, const Value* args) {
  int64_t count = 0;
  if (args[0].is_object())
    t.heap().for_each_weakref(
        args[0].as_object(), [](void* context, Object*) { ++*static_cast<int64_t*>(context); }, &count);
  return Value::from_int(count);
}

// The plain reference first, then the newest: the order of CPython's list.
Result<Value> getweakrefs(Thread& t, const Value* args) {
  RootVector found(t), ordered(t);
  if (args[0].is_object())
    t.heap().for_each_weakref(
        args[0].as_object(),
        [](void* context, Object* ref) { static_cast<RootVector*>(context)->push_back(ref); }, &found);
  auto is_plain = [&](Value ref) {
    Type* type = ref.as_object()->type();
    return ref.as<WeakRefObject>()->callback.get().is_empty() &&
           (type == t.types().weakref || type == t.types().weakproxy || type == t.types().weakcallableproxy);
  };
  for (Value ref : found)
    if (is_plain(ref)) ordered.push_back(ref);
  for (size_t i = found.size(); i-- > 0;)
    if (!is_plain(found[i])) ordered.push_back(found[i]);
  return make_list(t, ordered.data(), ordered.size());
}

Result<Value> remove_dead_weakref(Thread& t, const Value* args) {
  auto* dict = args[0].as<DictObject>();
  if (!is_dict(args[0]))
    return t.raise(Exc::TypeError, "_remove_dead_weakref() argument 1 must be dict, not {}",
                   type_name(t, args[0]));
  TRY(dict_change(t, dict, args[1], TRY(hash_key(t, args[1])),
                  [&](DictTable* table, DictFound found) -> Status {
                    Value ref = found.entry < 0 ? kNone : table->entries()[found.entry].value.get();
                    if (is_kind(ref, Kind::WeakRef) && weakref_target(ref.as<WeakRefObject>()).is_none())
                      dict_erase_entry(dict, table, found.entry);
                    return {};
                  }));
  return kNone;
}

const NativeDef kFunctions[] = {
    MP_FUNCTION(proxy, "proxy(object, callback=None, /)",
                "Create a proxy object that weakly references 'object'.\n\n'callback', if given, is called "
                "with a reference to the\nproxy when 'object' is about to be finalized."),
    MP_FUNCTION(getweakrefcount, "getweakrefcount(object, /)",
                "Return the number of weak references to 'object'."),
    MP_FUNCTION(getweakrefs, "getweakrefs(object, /)",
                "Return a list of all weak reference objects pointing to 'object'."),
    MP_FUNCTION(remove_dead_weakref, "_remove_dead_weakref(dct, key, /)",
                "Atomically remove key from dict if it points to a dead weakref."),
    MP_END};

Status init_module(Thread& t, ModuleObject* module) {
  TRY(module_add(t, module, "ref", t.types().weakref));
  TRY(module_add(t, module, "ReferenceType", t.types().weakref));
  TRY(module_add(t, module, "ProxyType", t.types().weakproxy));
  return module_add(t, module, "CallableProxyType", t.types().weakcallableproxy);
}

}  // namespace

extern const ModuleSpec kWeakrefModule;
const ModuleSpec kWeakrefModule = {"_weakref", "Weak-reference support module.", kFunctions, init_module};

}  // namespace mp

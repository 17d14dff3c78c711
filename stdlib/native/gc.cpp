// The gc module: the script's view of the collector. There is one generation; the calls about three exist for
// programs written for them.
#include "vm/exec/generator.h"
#include "vm/gc/heap_impl.h"
#include "vm/gc/root.h"
#include "vm/native/native.h"
#include "vm/protocol/protocol.h"
#include "vm/threads/thread_impl.h"
#include "vm/threads/thread_table.h"
#include "vm/types/exception.h"
#include "vm/types/number.h"
#include "vm/types/runtime.h"

namespace mp {
namespace {

const char kTag = 0;
struct GcState {
  Slot callbacks, garbage;
  std::atomic<int64_t> thresholds[3] = {2000, 10, 10};
  std::atomic<int64_t> debug{0};
  std::atomic<size_t> frozen{0};
};
GcState& gc_state(Thread& t) { return t.runtime().state<GcState>(&kTag); }

Result<Value> gc_enable(Thread& t, const Value*) {
  t.heap().set_enabled(true);
  return kNone;
}
Result<Value> gc_disable(Thread& t, const Value*) {
  t.heap().set_enabled(false);
  return kNone;
}
Result<Value> gc_isenabled(Thread& t, const Value*) { return Value::from_bool(t.heap().enabled()); }

Result<Value> gc_collect(Thread& t, const Value* args) {
  int generation = TRY(to_c_int(t, args[0]));
  if (generation < 0 || generation > 2) return t.raise(Exc::ValueError, "invalid generation");
  if (t.impl->collecting) return Value::from_int(0);  // called by one of gc.callbacks
  t.impl->collecting = true;
  size_t freed = t.heap().collect(t);
  t.impl->collecting = false;
  TRY(t.poll());  // what a handler of a signal raised in a finalizer
  return make_int_unsigned(t, freed);
}

Result<Value> gc_set_debug(Thread& t, const Value* args) {
  gc_state(t).debug.store(TRY(to_c_int(t, args[0])), std::memory_order_relaxed);
  return kNone;
}
Result<Value> gc_get_debug(Thread& t, const Value*) {
  return make_int(t, gc_state(t).debug.load(std::memory_order_relaxed));
}

Result<Value> gc_set_threshold(Thread& t, const Value* args) {
  GcState& state = gc_state(t);
  for (int i = 0; i < 3; ++i)
    if (!args[i].is_empty()) state.thresholds[i].store(TRY(to_c_int(t, args[i])), std::memory_order_relaxed);
  t.heap().impl().threshold_is_zero.store(state.thresholds[0].load(std::memory_order_relaxed) == 0,
                                          std::memory_order_relaxed);
  return kNone;
}
Result<Value> gc_get_threshold(Thread& t, const Value*) {
  GcState& state = gc_state(t);
  Value values[3];
  for (int i = 0; i < 3; ++i)
    values[i] = Value::from_int(state.thresholds[i].load(std::memory_order_relaxed));
  return make_tuple(t, values, 3);
}
Result<Value> gc_get_count(Thread& t, const Value*) {
  HeapImpl& heap = t.heap().impl();
  int64_t recent =
      static_cast<int64_t>(heap.objects_handed_out(t)) - static_cast<int64_t>(heap.marked_objects);
  return make_tuple(t, {Value::from_int(recent > 0 ? recent : 0), Value::from_int(0), Value::from_int(0)});
}

Result<Value> gc_get_stats(Thread& t, const Value*) {
  const CollectionStatistics& statistics = t.heap().impl().statistics;
  ListObject* list = make_list(t);
  for (int generation = 0; generation < 3; ++generation) {
    DictObject* entry = make_dict(t);
    bool full = generation == 2;
    TRY(dict_set_text(t, entry, "collections", make_int_unsigned(t, full ? statistics.collections : 0)));
    TRY(dict_set_text(t, entry, "collected", make_int_unsigned(t, full ? statistics.collected : 0)));
    TRY(dict_set_text(t, entry, "uncollectable", Value::from_int(0)));
    TRY(list_append(t, list, entry));
  }
  return list;
}

// What CPython's collector knows about: containers. Tuples and dicts of plain values are not tracked.
bool is_tracked(const Object* object, int depth = 0) {
  switch (object->kind()) {
    case Kind::Int:
    case Kind::Float:
    case Kind::Complex:
    case Kind::Str:
    case Kind::Bytes:
    case Kind::ByteArray: return object->type()->has(kTypeHeap);
    case Kind::Range:
    case Kind::Code: return false;
    case Kind::Tuple: {
      auto* tuple = static_cast<const TupleObject*>(object);
      if (depth > 8) return true;
      for (size_t i = 0; i < tuple->size; ++i)
        if (Value v = (*tuple)[i]; v.is_object() && is_tracked(v.as_object(), depth + 1)) return true;
      return object->type()->has(kTypeHeap);
    }
    case Kind::Dict: {
      if (object->type()->has(kTypeHeap) || depth > 8) return true;
      auto* dict = const_cast<DictObject*>(static_cast<const DictObject*>(object));
      size_t position = 0;
      Value key, value;
      while (dict_next(dict, &position, &key, &value)) {
        if (key.is_object() && is_tracked(key.as_object(), depth + 1)) return true;
        if (value.is_object() && is_tracked(value.as_object(), depth + 1)) return true;
      }
      return false;
    }
    case Kind::Other: return object->type()->trace != nullptr || object->type()->has(kTypeHeap);
    default: return true;
  }
}
Result<Value> gc_is_tracked(Thread&, const Value* args) {
  return Value::from_bool(args[0].is_object() && is_tracked(args[0].as_object()));
}
Result<Value> gc_is_finalized(Thread&, const Value* args) {
  return Value::from_bool(args[0].is_object() && args[0].as_object()->has_flag(kFlagFinalized));
}

bool is_public(const Object* object) {
  return object->type() != nullptr && object->kind() != Kind::Free && !object->has_flag(kFlagHidden);
}

Result<Value> gc_get_objects(Thread& t, const Value* args) {
  if (!args[0].is_none()) {
    int64_t generation = TRY(to_ssize(t, args[0]));
    if (generation < 0) return t.raise(Exc::ValueError, "generation parameter cannot be negative");
    if (generation > 2)
      return t.raise(Exc::ValueError,
                     "generation parameter must be less than the number of available generations (3)");
  }
  RootVector found(t);
  {
    StoppedWorld stopped(t);
    t.heap().for_each_object(
        [](void* context, Object* object) {
          note_seen(object);
          if (is_public(object) && is_tracked(object)) static_cast<RootVector*>(context)->push_back(object);
        },
        &found);
  }
  return make_list(t, found.data(), found.size());
}

Result<Value> gc_get_referents(Thread& t, Value, const CallArgs& args) {
  std::vector<Object*> edges;
  {
    StoppedWorld stopped(t);
    for (size_t i = 0; i < args.count; ++i)
      if (args.values[i].is_object()) t.heap().impl().edges_of(args.values[i].as_object(), &edges);
  }
  // SAFETY: no safepoint since; what the objects refer to is alive through them.
  ListObject* list = make_list(t);
  for (Object* edge : edges) {
    note_seen(edge);
    TRY(list_append(t, list, edge));
  }
  return list;
}

struct ReferrerSearch {
  HeapImpl* heap;
  CallArgs targets;
  RootVector* found;
  std::vector<Object*> edges;
};

Result<Value> gc_get_referrers(Thread& t, Value, const CallArgs& args) {
  RootVector found(t);
  ReferrerSearch search{&t.heap().impl(), args, &found, {}};
  {
    StoppedWorld stopped(t);
    t.heap().for_each_object(
        [](void* context, Object* object) {
          auto* s = static_cast<ReferrerSearch*>(context);
          note_seen(object);
          if (!is_public(object) || !is_tracked(object)) return;
          s->edges.clear();
          s->heap->edges_of(object, &s->edges);
          for (Object* edge : s->edges) {
            for (size_t i = 0; i < s->targets.count; ++i) {
              if (Value(edge) != s->targets.values[i]) continue;
              s->found->push_back(object);
              return;
            }
          }
        },
        &search);
  }
  return make_list(t, found.data(), found.size());
}

Result<Value> gc_freeze(Thread& t, const Value*) {
  gc_state(t).frozen.store(t.heap().impl().objects_handed_out(t), std::memory_order_relaxed);
  return kNone;
}
Result<Value> gc_unfreeze(Thread& t, const Value*) {
  gc_state(t).frozen.store(0, std::memory_order_relaxed);
  return kNone;
}
Result<Value> gc_get_freeze_count(Thread& t, const Value*) {
  return make_int_unsigned(t, gc_state(t).frozen.load(std::memory_order_relaxed));
}

// gc.callbacks: called before and after each collection.
bool has_callbacks(void* context) {
  Value list = static_cast<GcState*>(context)->callbacks;
  return is_list(list) && list.as<ListObject>()->length() != 0;
}
void observe(void* context, Thread& t, bool starting, size_t collected) {
  if (!has_callbacks(context)) return;
  Value list = static_cast<GcState*>(context)->callbacks;
  Value saved = t.take_exception();
  for (size_t i = 0; i < list.as<ListObject>()->length(); ++i) {
    Value callback = list.as<ListObject>()->at(i);
    if (callback.is_empty()) break;
    DictObject* info = make_dict(t);
    bool ok = dict_set_text(t, info, "generation", Value::from_int(2)).ok() &&
              dict_set_text(t, info, "collected", make_int_unsigned(t, collected)).ok() &&
              dict_set_text(t, info, "uncollectable", Value::from_int(0)).ok();
    if (!ok || call(t, callback, {Value(make_str(t, starting ? "start" : "stop")), Value(info)}).is_error())
      write_unraisable(t, nullptr, callback);
  }
  t.restore_exception(saved);
}

const NativeDef kFunctions[] = {
    MP_FUNCTION(gc_enable, "enable()", "Enable automatic garbage collection."),
    MP_FUNCTION(gc_disable, "disable()", "Disable automatic garbage collection."),
    MP_FUNCTION(gc_isenabled, "isenabled()", "Returns true if automatic garbage collection is enabled."),
    MP_FUNCTION(gc_collect, "collect(generation=2)",
                "Run the garbage collector.\n\nThe number of unreachable objects is returned."),
    MP_FUNCTION(gc_set_debug, "set_debug(flags, /)", "Set the garbage collection debugging flags."),
    MP_FUNCTION(gc_get_debug, "get_debug()", "Get the garbage collection debugging flags."),
    MP_FUNCTION(gc_set_threshold, "set_threshold(threshold0, threshold1=?, threshold2=?, /)",
                "Set the collection thresholds (the collection frequency).\n\nSetting 'threshold0' to zero "
                "disables collection."),
    MP_FUNCTION(gc_get_threshold, "get_threshold()", "Return the current collection thresholds."),
    MP_FUNCTION(gc_get_count, "get_count()", "Return a three-tuple of the current collection counts."),
    MP_FUNCTION(gc_get_stats, "get_stats()",
                "Return a list of dictionaries containing per-generation statistics."),
    MP_FUNCTION(gc_is_tracked, "is_tracked(obj, /)",
                "Returns true if the object is tracked by the garbage collector.\n\nSimple atomic objects "
                "will return false."),
    MP_FUNCTION(gc_is_finalized, "is_finalized(obj, /)",
                "Returns true if the object has been already finalized by the GC."),
    MP_FUNCTION(gc_get_objects, "get_objects(generation=None)",
                "Return a list of objects tracked by the collector (excluding the list returned)."),
    MP_RAW_FUNCTION(gc_get_referents, "get_referents(*objs)",
                    "Return the list of objects that are directly referred to by 'objs'."),
    MP_RAW_FUNCTION(gc_get_referrers, "get_referrers(*objs)",
                    "Return the list of objects that directly refer to any of 'objs'."),
    MP_FUNCTION(gc_freeze, "freeze()",
                "Freeze all current tracked objects and ignore them for future collections."),
    MP_FUNCTION(gc_unfreeze, "unfreeze()", "Unfreeze all objects in the permanent generation."),
    MP_FUNCTION(gc_get_freeze_count, "get_freeze_count()",
                "Return the number of objects in the permanent generation."),
    MP_END};

Status init_module(Thread& t, ModuleObject* module) {
  GcState& state = gc_state(t);
  state.callbacks = Value(make_list(t));
  state.garbage = Value(make_list(t));
  t.heap().add_root_scanner(
      [](void* context, Tracer& tracer) {
        tracer.visit(static_cast<GcState*>(context)->callbacks);
        tracer.visit(static_cast<GcState*>(context)->garbage);
      },
      &state);
  t.heap().impl().observer_context = &state;
  t.heap().impl().has_callbacks = has_callbacks;
  t.heap().impl().observer = observe;
  TRY(module_add(t, module, "callbacks", state.callbacks));
  TRY(module_add(t, module, "garbage", state.garbage));
  TRY(module_add_int(t, module, "DEBUG_STATS", 1));
  TRY(module_add_int(t, module, "DEBUG_COLLECTABLE", 2));
  TRY(module_add_int(t, module, "DEBUG_UNCOLLECTABLE", 4));
  TRY(module_add_int(t, module, "DEBUG_SAVEALL", 32));
  return module_add_int(t, module, "DEBUG_LEAK", 38);
}

}  // namespace

extern const ModuleSpec kGcModule;
const ModuleSpec kGcModule = {"gc",
                              "This module provides access to the garbage collector for reference cycles.",
                              kFunctions, init_module};

}  // namespace mp

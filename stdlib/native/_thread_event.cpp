// threading.Event: a flag under a Condition. Reading the flag takes no lock.
#include "stdlib/native/condition.h"
#include "stdlib/native/time_value.h"
#include "vm/gc/heap.h"
#include "vm/protocol/protocol.h"
#include "vm/types/exception.h"
#include "vm/types/runtime.h"

namespace mp {
namespace {

struct EventObject : Object {
  Slot condition;  // `_cond`; empty before __init__
  std::atomic<bool> flag{false};
};

void trace_event(Object* o, Tracer& tracer) { tracer.visit(static_cast<EventObject*>(o)->condition); }
EventObject* event(Value v) { return v.as<EventObject>(); }
Result<ConditionObject*> condition_of(Thread& t, EventObject* self) {
  return condition_attribute(t, self, self->condition, "_cond");
}

Result<Value> event_new(Thread& t, Value cls, const CallArgs&) {
  return t.heap().make<EventObject>(t, cls.as<Type>());
}
Result<Value> event_init(Thread& t, const Value* args) {
  event(args[0])->flag.store(false, std::memory_order_relaxed);
  event(args[0])->condition = Value(make_condition(t, make_lock(t)));
  return kNone;
}
Result<Value> get_flag(Thread& t, Value self) {
  (void)TRY(slot_attribute(t, event(self), event(self)->condition, "_flag"));
  return Value::from_bool(event(self)->flag.load(std::memory_order_acquire));
}
Result<Value> event_is_set(Thread& t, const Value* args) { return get_flag(t, args[0]); }
Result<Value> event_is_set_old(Thread& t, const Value* args) {
  TRY(warn(t, Exc::DeprecationWarning, "isSet() is deprecated, use is_set() instead"));
  return call_method(t, args[0], intern(t, "is_set"));
}
Result<Value> event_set(Thread& t, const Value* args) {
  ConditionObject* condition = TRY(condition_of(t, event(args[0])));
  return with_monitor(t, condition, [&]() -> Result<Value> {
    event(args[0])->flag.store(true, std::memory_order_release);
    condition_notify_all(t, condition);
    return kNone;
  });
}
Result<Value> event_clear(Thread& t, const Value* args) {
  ConditionObject* condition = TRY(condition_of(t, event(args[0])));
  return with_monitor(t, condition, [&]() -> Result<Value> {
    event(args[0])->flag.store(false, std::memory_order_release);
    return kNone;
  });
}
Result<Value> event_wait(Thread& t, const Value* args) {
  EventObject* self = event(args[0]);
  ConditionObject* condition = TRY(condition_of(t, self));
  if (self->flag.load(std::memory_order_acquire)) return kTrue;
  int64_t timeout = TRY(parse_timeout(t, args[1]));
  return with_monitor(t, condition, [&]() -> Result<Value> {
    if (self->flag.load(std::memory_order_relaxed)) return kTrue;
    return Value::from_bool(TRY(condition_wait(t, condition, timeout, WaitKind::Event, self)));
  });
}
Result<Value> event_reinit(Thread& t, const Value* args) {
  reinit_after_fork(TRY(condition_of(t, event(args[0]))));
  return kNone;
}
Result<Value> event_repr(Thread& t, Value self) {
  return state_repr(t, self, TRY(get_flag(t, self)) == kTrue ? "set" : "unset");
}
Status set_flag(Thread& t, Value self, Value value) {
  if (value.is_empty()) return t.raise(Exc::AttributeError, "_flag");
  event(self)->flag.store(TRY(truth(t, value)));
  return {};
}
Result<Value> get_condition(Thread& t, Value self) { return TRY(condition_of(t, event(self))); }
Status set_condition_attribute(Thread& t, Value self, Value value) {
  return set_condition(t, event(self)->condition, value);
}

const NativeDef kMethods[] = {
    MP_RAW_NEW(event_new, "__new__(cls, *args, **kwargs)", nullptr),
    MP_METHOD(event_init, "__init__(self)", nullptr),
    MP_METHOD(event_is_set, "is_set(self)", "Return true if and only if the internal flag is true."),
    MP_METHOD(event_is_set_old, "isSet(self)", "Deprecated: use is_set()."),
    MP_METHOD(event_set, "set(self)", "Set the flag and wake all threads that wait for it."),
    MP_METHOD(event_clear, "clear(self)", "Reset the flag."),
    MP_METHOD(event_wait, "wait(self, timeout=None)",
              "Block until the flag is true: returns it (False only after a timeout)."),
    MP_METHOD(event_reinit, "_at_fork_reinit(self)", nullptr),
    MP_END};
const GetSetDef kGetSets[] = {
    {"_flag", get_flag, set_flag, nullptr}, {"_cond", get_condition, set_condition_attribute, nullptr}, {}};

}  // namespace

const TypeSpec kEventSpec = {.name = "threading.Event",
                             .size = sizeof(EventObject),
                             .flags = kTypeBaseType | kTypeHasDict | kTypeHasWeakref,
                             .doc = "A flag that threads can wait for.",
                             .trace = trace_event,
                             .slots = MP_SLOTS(.repr = event_repr),
                             .methods = kMethods,
                             .getsets = kGetSets,
                             .init = open_type};

}  // namespace mp

// threading.Semaphore and BoundedSemaphore: a count under a Condition.
#include "stdlib/native/condition.h"
#include "stdlib/native/time_value.h"
#include "vm/gc/heap.h"
#include "vm/protocol/protocol.h"
#include "vm/types/runtime.h"

namespace mp {
namespace {

struct SemaphoreObject : Object {
  Slot condition;       // `_cond`; empty before __init__
  Slot value, initial;  // numbers; the second is BoundedSemaphore's
};

void trace_semaphore(Object* o, Tracer& tracer) {
  tracer.visit_slots(&static_cast<SemaphoreObject*>(o)->condition, 3);
}
Result<ConditionObject*> condition_of(Thread& t, SemaphoreObject* self) {
  return condition_attribute(t, self, self->condition, "_cond");
}
bool is_plain(Value v) {  // no subclass of a script
  const void* spec = v.as_object()->type()->spec;
  return spec == &kSemaphoreSpec || spec == &kBoundedSemaphoreSpec;
}

Result<Value> semaphore_new(Thread& t, Value cls, const CallArgs&) {
  return t.heap().make<SemaphoreObject>(t, cls.as<Type>());
}
Result<Value> semaphore_init(Thread& t, const Value* args) {
  auto* self = args[0].as<SemaphoreObject>();
  if (TRY(compare_bool(t, args[1], Value::from_int(0), CompareOp::Lt)))
    return t.raise(Exc::ValueError, "semaphore initial value must be >= 0");
  self->value = self->initial = args[1];
  self->condition = Value(make_condition(t, make_lock(t)));
  return kNone;
}

Result<Value> value_of(Thread& t, SemaphoreObject* self) {
  return slot_attribute(t, self, self->value, "_value");
}
Result<Value> initial_of(Thread& t, SemaphoreObject* self) {
  return slot_attribute(t, self, self->initial, "_initial_value");
}

Result<bool> is_exhausted(Thread& t, SemaphoreObject* self) {
  Value value = TRY(value_of(t, self));
  if (value.is_int()) [[likely]]
    return value.as_int() == 0;
  return compare_bool(t, value, Value::from_int(0), CompareOp::Eq);
}

Result<Value> semaphore_acquire(Thread& t, const Value* args) {
  auto* self = args[0].as<SemaphoreObject>();
  bool blocking = TRY(truth(t, args[1]));
  if (!blocking && !args[2].is_none())
    return t.raise(Exc::ValueError, "can't specify timeout for non-blocking acquire");
  ConditionObject* condition = TRY(condition_of(t, self));
  return with_monitor(t, condition, [&]() -> Result<Value> {
    os::Deadline deadline = os::kNoDeadline;
    while (TRY(is_exhausted(t, self))) {
      if (!blocking) return kFalse;
      int64_t left;
      if (deadline == os::kNoDeadline) {
        left = TRY(parse_timeout_from_now(t, args[2]));
        deadline = deadline_from_timeout(left);
      } else {
        left = deadline - os::monotonic_ns();
        if (left <= 0) return kFalse;
      }
      (void)TRY(condition_wait(t, condition, left, WaitKind::Semaphore, self));
    }
    Value value = TRY(value_of(t, self));
    self->value = value.is_int() ? make_int(t, value.as_int() - 1)
                                 : TRY(binary(t, BinaryOp::Sub, value, Value::from_int(1)));
    return kTrue;
  });
}

Result<Value> release(Thread& t, SemaphoreObject* self, Value count, bool bounded) {
  if (count.is_int() ? count.as_int() < 1 : TRY(compare_bool(t, count, Value::from_int(1), CompareOp::Lt)))
    return t.raise(Exc::ValueError, "n must be one or more");
  ConditionObject* condition = TRY(condition_of(t, self));
  return with_monitor(t, condition, [&]() -> Result<Value> {
    Value value = TRY(value_of(t, self));
    value = value.is_int() && count.is_int() ? make_int(t, value.as_int() + count.as_int())
                                             : TRY(binary(t, BinaryOp::Add, value, count));
    if (bounded && TRY(compare_bool(t, value, TRY(initial_of(t, self)), CompareOp::Gt)))
      return t.raise(Exc::ValueError, "Semaphore released too many times");
    self->value = value;
    TRY(condition_notify_number(t, condition, count));
    return kNone;
  });
}
Result<Value> semaphore_release(Thread& t, const Value* args) {
  return release(t, args[0].as<SemaphoreObject>(), args[1], false);
}
Result<Value> bounded_release(Thread& t, const Value* args) {
  return release(t, args[0].as<SemaphoreObject>(), args[1], true);
}
Result<Value> semaphore_exit(Thread& t, const Value* args) {
  Value self = args[0];
  if (is_plain(self))
    return release(t, self.as<SemaphoreObject>(), Value::from_int(1),
                   self.as_object()->type()->spec == &kBoundedSemaphoreSpec);
  TRY(call_method(t, self, intern(t, "release")));
  return kNone;
}

Result<Value> semaphore_repr(Thread& t, Value self) {
  return state_repr(t, self, "value=" + str_text(t, TRY(value_of(t, self.as<SemaphoreObject>()))));
}
Result<Value> bounded_repr(Thread& t, Value self) {
  auto* s = self.as<SemaphoreObject>();
  return state_repr(
      t, self,
      fmt::format("value={}/{}", str_text(t, TRY(value_of(t, s))), str_text(t, TRY(initial_of(t, s)))));
}

Result<Value> get_condition(Thread& t, Value self) {
  return TRY(condition_of(t, self.as<SemaphoreObject>()));
}
Status set_condition_attribute(Thread& t, Value self, Value value) {
  return set_condition(t, self.as<SemaphoreObject>()->condition, value);
}

const char kAcquireDoc[] =
    "Acquire a semaphore, decrementing the internal counter by one.\n\nBlocks while the counter is zero: "
    "True, or False when not blocking or when the timeout ran out.";
const char kReleaseDoc[] = "Release a semaphore, incrementing the internal counter by one or more.";
const NativeDef kMethods[] = {
    MP_RAW_NEW(semaphore_new, "__new__(cls, *args, **kwargs)", nullptr),
    MP_METHOD(semaphore_init, "__init__(self, value=1)", nullptr),
    MP_METHOD(semaphore_acquire, "acquire(self, blocking=True, timeout=None)", kAcquireDoc),
    MP_METHOD(semaphore_acquire, "__enter__(self, blocking=True, timeout=None)", kAcquireDoc),
    MP_METHOD(semaphore_release, "release(self, n=1)", kReleaseDoc),
    MP_METHOD(semaphore_exit, "__exit__(self, t, v, tb)", nullptr),
    MP_END};
const NativeDef kBoundedMethods[] = {MP_METHOD(semaphore_init, "__init__(self, value=1)", nullptr),
                                     MP_METHOD(bounded_release, "release(self, n=1)", kReleaseDoc), MP_END};
const GetSetDef kGetSets[] = {{"_cond", get_condition, set_condition_attribute, nullptr}, {}};
const MemberDef kMembers[] = {{"_value", offsetof(SemaphoreObject, value), false, nullptr}, {}};
const MemberDef kBoundedMembers[] = {{"_initial_value", offsetof(SemaphoreObject, initial), false, nullptr},
                                     {}};

}  // namespace

const TypeSpec kSemaphoreSpec = {
    .name = "threading.Semaphore",
    .size = sizeof(SemaphoreObject),
    .flags = kTypeBaseType | kTypeHasDict | kTypeHasWeakref,
    .doc = "A counter of permits: acquire() takes one and waits while there is none.",
    .trace = trace_semaphore,
    .slots = MP_SLOTS(.repr = semaphore_repr),
    .methods = kMethods,
    .getsets = kGetSets,
    .members = kMembers,
    .init = open_type};
const TypeSpec kBoundedSemaphoreSpec = {
    .name = "threading.BoundedSemaphore",
    .base_spec = &kSemaphoreSpec,
    .size = sizeof(SemaphoreObject),
    .flags = kTypeBaseType,
    .doc = "A semaphore that refuses to be released more often than it was acquired.",
    .trace = trace_semaphore,
    .slots = MP_SLOTS(.repr = bounded_repr),
    .methods = kBoundedMethods,
    .members = kBoundedMembers,
    .init = open_type};

}  // namespace mp

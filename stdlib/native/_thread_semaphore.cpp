// threading.Semaphore and BoundedSemaphore: a count under a Condition.
#include "stdlib/native/condition.h"
#include "stdlib/native/time_value.h"
#include "vm/gc/heap.h"
#include "vm/protocol/protocol.h"
#include "vm/types/runtime.h"

namespace mp {
namespace {

struct SemaphoreObject : Object {
  Slot condition;  // `_cond`; empty before __init__
  std::atomic<int64_t> value{0};
  std::atomic<int64_t> initial{0};  // BoundedSemaphore
};

void trace_semaphore(Object* o, Tracer& tracer) { tracer.visit(static_cast<SemaphoreObject*>(o)->condition); }
Result<ConditionObject*> condition_of(Thread& t, SemaphoreObject* self) {
  Value condition = self->condition.get();
  if (condition.is_empty()) [[unlikely]]
    return t.raise(Exc::AttributeError, "'{}' object has no attribute '_cond'", type_name(t, Value(self)));
  return condition.as<ConditionObject>();
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
  int64_t value = TRY(to_int64(t, args[1]));
  if (value < 0) return t.raise(Exc::ValueError, "semaphore initial value must be >= 0");
  self->value.store(value, std::memory_order_relaxed);
  self->initial.store(value, std::memory_order_relaxed);
  self->condition = Value(make_condition(t, make_lock(t)));
  return kNone;
}

Result<bool> acquire(Thread& t, SemaphoreObject* self, bool blocking, int64_t timeout) {
  ConditionObject* condition = TRY(condition_of(t, self));
  Value got = TRY(with_monitor(t, condition, [&]() -> Result<Value> {
    os::Deadline deadline = os::kNoDeadline;
    int64_t left = timeout;
    while (self->value.load(std::memory_order_relaxed) == 0) {
      if (!blocking) return kFalse;
      if (timeout != kForever) {
        if (deadline == os::kNoDeadline) {
          deadline = deadline_from_timeout(timeout);
        } else {
          left = deadline - os::monotonic_ns();
          if (left <= 0) return kFalse;
        }
      }
      (void)TRY(condition_wait(t, condition, left, WaitKind::Semaphore, self));
    }
    self->value.store(self->value.load(std::memory_order_relaxed) - 1, std::memory_order_relaxed);
    return kTrue;
  }));
  return got == kTrue;
}
Result<Value> semaphore_acquire(Thread& t, const Value* args) {
  bool blocking = TRY(truth(t, args[1]));
  if (!blocking && !args[2].is_none())
    return t.raise(Exc::ValueError, "can't specify timeout for non-blocking acquire");
  int64_t timeout = TRY(parse_timeout(t, args[2]));
  return Value::from_bool(TRY(acquire(t, args[0].as<SemaphoreObject>(), blocking, timeout)));
}

Status release(Thread& t, SemaphoreObject* self, int64_t count, bool bounded) {
  ConditionObject* condition = TRY(condition_of(t, self));
  TRY(with_monitor(t, condition, [&]() -> Result<Value> {
    int64_t value = self->value.load(std::memory_order_relaxed);
    if (bounded && value + count > self->initial.load(std::memory_order_relaxed))
      return t.raise(Exc::ValueError, "Semaphore released too many times");
    if (__builtin_add_overflow(value, count, &value))
      return t.raise(Exc::OverflowError, "Semaphore value too large");
    self->value.store(value, std::memory_order_relaxed);
    condition_notify(t, condition, count);
    return kNone;
  }));
  return {};
}
Result<int64_t> release_count(Thread& t, Value n) {
  int64_t count = TRY(to_int64(t, n));
  if (count < 1) return t.raise(Exc::ValueError, "n must be one or more");
  return count;
}
Result<Value> semaphore_release(Thread& t, const Value* args) {
  TRY(release(t, args[0].as<SemaphoreObject>(), TRY(release_count(t, args[1])), false));
  return kNone;
}
Result<Value> bounded_release(Thread& t, const Value* args) {
  TRY(release(t, args[0].as<SemaphoreObject>(), TRY(release_count(t, args[1])), true));
  return kNone;
}
Result<Value> semaphore_exit(Thread& t, Value self, const CallArgs&) {
  if (!is_plain(self)) {
    TRY(call_method(t, self, intern(t, "release")));
    return kNone;
  }
  TRY(release(t, self.as<SemaphoreObject>(), 1, self.as_object()->type()->spec == &kBoundedSemaphoreSpec));
  return kNone;
}

Result<Value> semaphore_repr(Thread& t, Value self) {
  return state_repr(t, self, fmt::format("value={}", self.as<SemaphoreObject>()->value.load()));
}
Result<Value> bounded_repr(Thread& t, Value self) {
  auto* s = self.as<SemaphoreObject>();
  return state_repr(t, self, fmt::format("value={}/{}", s->value.load(), s->initial.load()));
}

Result<Value> get_value(Thread& t, Value self) {
  return make_int(t, self.as<SemaphoreObject>()->value.load(std::memory_order_relaxed));
}
Status set_value(Thread& t, Value self, Value value) {
  if (value.is_empty()) return t.raise(Exc::AttributeError, "_value");
  self.as<SemaphoreObject>()->value.store(TRY(to_int64(t, value)), std::memory_order_relaxed);
  return {};
}
Result<Value> get_initial(Thread& t, Value self) {
  return make_int(t, self.as<SemaphoreObject>()->initial.load(std::memory_order_relaxed));
}
Status set_initial(Thread& t, Value self, Value value) {
  if (value.is_empty()) return t.raise(Exc::AttributeError, "_initial_value");
  self.as<SemaphoreObject>()->initial.store(TRY(to_int64(t, value)), std::memory_order_relaxed);
  return {};
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
    MP_RAW_METHOD(semaphore_exit, "__exit__(self, t, v, tb)", nullptr),
    MP_END};
const NativeDef kBoundedMethods[] = {MP_METHOD(semaphore_init, "__init__(self, value=1)", nullptr),
                                     MP_METHOD(bounded_release, "release(self, n=1)", kReleaseDoc), MP_END};
const GetSetDef kGetSets[] = {{"_value", get_value, set_value, nullptr},
                              {"_cond", get_condition, set_condition_attribute, nullptr},
                              {}};
const GetSetDef kBoundedGetSets[] = {{"_initial_value", get_initial, set_initial, nullptr}, {}};

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
    .getsets = kBoundedGetSets,
    .init = open_type};

}  // namespace mp

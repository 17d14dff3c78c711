// threading.Barrier: a fixed number of threads wait for each other, round after round.
#include "stdlib/native/condition.h"
#include "stdlib/native/sync_errors.h"
#include "stdlib/native/time_value.h"
#include "vm/gc/heap.h"
#include "vm/protocol/protocol.h"
#include "vm/types/runtime.h"

namespace mp {
namespace {

// Threads come in; the last one lets them go; reset() throws them out; broken for good.
enum State : int64_t { kFilling = 0, kDraining = 1, kResetting = -1, kBroken = -2 };

struct BarrierObject : Object {
  Slot condition;        // `_cond`; empty before __init__
  Slot action, timeout;  // or None
  std::atomic<int64_t> parties{0}, count{0}, state{kFilling};
};

void trace_barrier(Object* o, Tracer& tracer) {
  tracer.visit_slots(&static_cast<BarrierObject*>(o)->condition, 3);
}
BarrierObject* barrier(Value v) { return v.as<BarrierObject>(); }
Result<ConditionObject*> condition_of(Thread& t, BarrierObject* self) {
  Value condition = self->condition.get();
  if (condition.is_empty()) [[unlikely]]
    return t.raise(Exc::AttributeError, "'{}' object has no attribute '_cond'", type_name(t, Value(self)));
  return condition.as<ConditionObject>();
}

Error raise_broken(Thread& t) { return raise_sync_error(t, SyncError::BrokenBarrier); }

Result<Value> barrier_new(Thread& t, Value cls, const CallArgs&) {
  return t.heap().make<BarrierObject>(t, cls.as<Type>());
}
Result<Value> barrier_init(Thread& t, const Value* args) {
  auto* self = barrier(args[0]);
  int64_t parties = TRY(to_int64(t, args[1]));
  if (parties < 1) return t.raise(Exc::ValueError, "parties must be > 0");
  self->parties = parties;
  self->action = args[2];
  self->timeout = args[3];
  self->state = kFilling;
  self->count = 0;
  self->condition = Value(make_condition(t, make_lock(t)));
  return kNone;
}

// ---- with the lock held

void break_barrier(Thread& t, BarrierObject* self, ConditionObject* condition) {
  self->state = kBroken;
  condition_notify_all(t, condition);
}
Status let_go(Thread& t, BarrierObject* self, ConditionObject* condition) {
  if (TRY(truth(t, self->action))) {
    if (call(t, self->action).is_error()) {
      break_barrier(t, self, condition);
      return Error{};
    }
  }
  self->state = kDraining;
  condition_notify_all(t, condition);
  return {};
}
Status wait_for_others(Thread& t, BarrierObject* self, ConditionObject* condition, int64_t timeout) {
  os::Deadline deadline = deadline_from_timeout(timeout);
  while (self->state == kFilling) {
    int64_t left = kForever;
    if (timeout != kForever) {
      left = deadline - os::monotonic_ns();
      if (left <= 0) {
        break_barrier(t, self, condition);
        return raise_broken(t);
      }
    }
    (void)TRY(condition_wait(t, condition, left, WaitKind::Barrier, self));
  }
  if (self->state < 0) return raise_broken(t);
  return {};
}
void leave(Thread& t, BarrierObject* self, ConditionObject* condition) {
  self->count = self->count - 1;
  if (self->count == 0 && (self->state == kResetting || self->state == kDraining)) {
    self->state = kFilling;
    condition_notify_all(t, condition);
  }
}

Result<Value> barrier_wait(Thread& t, const Value* args) {
  auto* self = barrier(args[0]);
  ConditionObject* condition = TRY(condition_of(t, self));
  int64_t timeout = TRY(parse_timeout(t, args[1].is_none() ? self->timeout.get() : args[1]));
  return with_monitor(t, condition, [&]() -> Result<Value> {
    // Those of the round before must have left.
    while (self->state == kDraining || self->state == kResetting)
      (void)TRY(condition_wait(t, condition, kForever, WaitKind::Barrier, self));
    if (self->state < 0) return raise_broken(t);
    int64_t index = self->count;
    self->count = index + 1;
    Status outcome = index + 1 == self->parties ? let_go(t, self, condition)
                                                : wait_for_others(t, self, condition, timeout);
    leave(t, self, condition);
    if (outcome.is_error()) return Error{};
    return Value::from_int(index);
  });
}
Result<Value> barrier_reset(Thread& t, const Value* args) {
  auto* self = barrier(args[0]);
  ConditionObject* condition = TRY(condition_of(t, self));
  return with_monitor(t, condition, [&]() -> Result<Value> {
    if (self->count > 0) {
      if (self->state != kDraining) self->state = kResetting;
    } else {
      self->state = kFilling;
    }
    condition_notify_all(t, condition);
    return kNone;
  });
}
Result<Value> barrier_abort(Thread& t, const Value* args) {
  auto* self = barrier(args[0]);
  ConditionObject* condition = TRY(condition_of(t, self));
  return with_monitor(t, condition, [&]() -> Result<Value> {
    break_barrier(t, self, condition);
    return kNone;
  });
}

Result<Value> get_parties(Thread& t, Value self) { return make_int(t, barrier(self)->parties); }
Result<Value> get_waiting(Thread& t, Value self) {
  return make_int(t, barrier(self)->state == kFilling ? barrier(self)->count.load() : 0);
}
Result<Value> get_broken(Thread&, Value self) { return Value::from_bool(barrier(self)->state == kBroken); }
Result<Value> get_state(Thread& t, Value self) { return make_int(t, barrier(self)->state); }
Result<Value> get_count(Thread& t, Value self) { return make_int(t, barrier(self)->count); }
Result<Value> get_condition(Thread& t, Value self) { return TRY(condition_of(t, barrier(self))); }
Status set_condition_attribute(Thread& t, Value self, Value value) {
  return set_condition(t, barrier(self)->condition, value);
}
Result<Value> barrier_repr(Thread& t, Value v) {
  auto* self = barrier(v);
  if (self->state == kBroken) return state_repr(t, v, "broken");
  return state_repr(
      t, v,
      fmt::format("waiters={}/{}", self->state == kFilling ? self->count.load() : 0, self->parties.load()));
}

const NativeDef kMethods[] = {
    MP_RAW_NEW(barrier_new, "__new__(cls, *args, **kwargs)", nullptr),
    MP_METHOD(barrier_init, "__init__(self, parties, action=None, timeout=None)", nullptr),
    MP_METHOD(barrier_wait, "wait(self, timeout=None)",
              "Wait until all parties have come: each gets another number from 0 to parties-1."),
    MP_METHOD(barrier_reset, "reset(self)", "Empty the barrier: those that wait get BrokenBarrierError."),
    MP_METHOD(barrier_abort, "abort(self)",
              "Break the barrier, for those that wait and those that will come."),
    MP_END};
const GetSetDef kGetSets[] = {
    {"parties", get_parties, nullptr, "The number of threads that make the barrier open."},
    {"n_waiting", get_waiting, nullptr, "The number of threads that wait now."},
    {"broken", get_broken, nullptr, "True once the barrier is broken."},
    {"_parties", get_parties, nullptr, nullptr},
    {"_state", get_state, nullptr, nullptr},
    {"_count", get_count, nullptr, nullptr},
    {"_cond", get_condition, set_condition_attribute, nullptr},
    {}};
const MemberDef kMembers[] = {{"_action", offsetof(BarrierObject, action), false, nullptr},
                              {"_timeout", offsetof(BarrierObject, timeout), false, nullptr},
                              {}};

}  // namespace

const TypeSpec kBarrierSpec = {.name = "threading.Barrier",
                               .size = sizeof(BarrierObject),
                               .flags = kTypeBaseType | kTypeHasDict | kTypeHasWeakref,
                               .doc = "Lets a fixed number of threads wait for each other.",
                               .trace = trace_barrier,
                               .slots = {.repr = barrier_repr},
                               .methods = kMethods,
                               .getsets = kGetSets,
                               .members = kMembers,
                               .init = open_type};

}  // namespace mp

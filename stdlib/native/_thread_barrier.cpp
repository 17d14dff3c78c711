// threading.Barrier: a fixed number of threads wait for each other, round after round. Each has a record on
// its stack that says how the round ended, so that who is woken needs no lock and the next round begins at
// once (CPython counts them out under the lock before it does).
#include <utility>

#include "stdlib/native/condition.h"
#include "stdlib/native/sync_errors.h"
#include "stdlib/native/time_value.h"
#include "vm/gc/heap.h"
#include "vm/protocol/protocol.h"
#include "vm/threads/object_lock.h"
#include "vm/types/runtime.h"

namespace mp {
namespace {

enum State : int64_t { kFilling = 0, kBroken = -2 };  // CPython's numbers
enum class Outcome : uint8_t { Pending, Released, Broken };

struct BarrierWaiter {
  BarrierWaiter* next = nullptr;
  std::atomic<Outcome> outcome{Outcome::Pending};
};

struct BarrierObject : Object {
  Slot condition;        // `_cond`: its lock keeps others out while the action runs; empty before __init__
  Slot action, timeout;  // or None
  Slot parties;          // any number
  std::atomic<int64_t> count{0}, state{kFilling};
  // Under the object lock.
  BarrierWaiter* first = nullptr;  // of this round
  uint32_t generation = 0;         // fork_generation() of the list: waiters of a parent do not exist here
};

void trace_barrier(Object* o, Tracer& tracer) {
  tracer.visit_slots(&static_cast<BarrierObject*>(o)->condition, 4);
}
BarrierObject* barrier(Value v) { return v.as<BarrierObject>(); }
Result<ConditionObject*> condition_of(Thread& t, BarrierObject* self) {
  return condition_attribute(t, self, self->condition, "_cond");
}

Error raise_broken(Thread& t) { return raise_sync_error(t, SyncError::BrokenBarrier); }

Result<Value> barrier_new(Thread& t, Value cls, const CallArgs&) {
  return t.heap().make<BarrierObject>(t, cls.as<Type>());
}
Result<Value> barrier_init(Thread& t, const Value* args) {
  auto* self = barrier(args[0]);
  if (TRY(compare_bool(t, args[1], Value::from_int(1), CompareOp::Lt)))
    return t.raise(Exc::ValueError, "parties must be > 0");
  self->parties = args[1];
  self->action = args[2];
  self->timeout = args[3];
  self->state = kFilling;
  self->count = 0;
  self->condition = Value(make_condition(t, make_lock(t)));
  return kNone;
}

// ---- the list of waiters

void drop_stale(BarrierObject* self) {
  if (self->generation == fork_generation()) return;
  self->generation = fork_generation();
  self->first = nullptr;
}
void add(Thread& t, BarrierObject* self, BarrierWaiter& waiter) {
  ObjectLock guard(t, self);
  drop_stale(self);
  waiter.next = self->first;
  self->first = &waiter;
}
// One leaves before its round ends.
void withdraw(Thread& t, BarrierObject* self, BarrierWaiter& waiter) {
  ObjectLock guard(t, self);
  for (BarrierWaiter** link = &self->first; *link != nullptr; link = &(*link)->next) {
    if (*link != &waiter) continue;
    *link = waiter.next;
    self->count.fetch_sub(1, std::memory_order_relaxed);
    return;
  }
}
// Tells all that wait how the round ended; the next one may begin. The number of those that are to be woken.
size_t end_round(Thread& t, BarrierObject* self, Outcome outcome) {
  ObjectLock guard(t, self);
  drop_stale(self);
  size_t told = 0;
  for (BarrierWaiter* waiter = std::exchange(self->first, nullptr); waiter != nullptr; ++told) {
    // SAFETY: who has been told may be gone.
    BarrierWaiter* next = waiter->next;
    waiter->outcome.store(outcome, std::memory_order_release);
    waiter = next;
  }
  self->count = 0;
  return told;
}
// They wait in the order of their coming, before any of the next round: those find nothing told and wait on.
void wake(Thread& t, BarrierObject* self, size_t count) {
  while (count-- > 0 && unpark_one(t, self)) {
  }
}
// With the monitor held.
size_t break_barrier(Thread& t, BarrierObject* self, State next = kBroken) {
  self->state = next;
  return end_round(t, self, Outcome::Broken);
}

// ---- waiting

// The last one has come.
Status let_go(Thread& t, BarrierObject* self, size_t* told) {
  auto act = [&]() -> Status {
    Value action = TRY(slot_attribute(t, self, self->action, "_action"));
    if (TRY(truth(t, action))) TRY(call(t, action));
    return {};
  };
  Status acted = act();
  *told = acted.is_error() ? break_barrier(t, self) : end_round(t, self, Outcome::Released);
  return acted;
}

Result<bool> is_complete(Thread& t, BarrierObject* self, int64_t count) {
  Value parties = TRY(slot_attribute(t, self, self->parties, "_parties"));
  if (parties.is_int()) [[likely]]
    return count == parties.as_int();
  return compare_bool(t, Value::from_int(count), parties, CompareOp::Eq);
}

Status wait_for_others(Thread& t, BarrierObject* self, ConditionObject* condition, BarrierWaiter& waiter,
                       int64_t timeout) {
  auto pending = [](void* w) {
    return static_cast<BarrierWaiter*>(w)->outcome.load(std::memory_order_acquire) == Outcome::Pending;
  };
  os::Deadline deadline = deadline_from_timeout(timeout);
  while (pending(&waiter)) {
    WaitResult result = park(t, self, pending, &waiter, deadline, WaitKind::Barrier, 0, self);
    if (result == WaitResult::Interrupted && t.poll().is_error()) {
      withdraw(t, self, waiter);
      return Error{};
    }
    if (result != WaitResult::TimedOut) continue;
    size_t told = 0;
    // The last one may have come meanwhile, and run the action.
    Result<Value> broken = with_monitor(t, condition, [&]() -> Result<Value> {
      if (pending(&waiter)) told = break_barrier(t, self);
      return kNone;
    });
    wake(t, self, told);
    if (broken.is_error()) {
      withdraw(t, self, waiter);
      return Error{};
    }
  }
  if (waiter.outcome.load(std::memory_order_acquire) == Outcome::Broken) return raise_broken(t);
  return {};
}

Result<Value> barrier_wait(Thread& t, const Value* args) {
  auto* self = barrier(args[0]);
  ConditionObject* condition = TRY(condition_of(t, self));
  int64_t timeout = kForever;
  BarrierWaiter waiter;
  size_t told = 0;
  bool last = false;
  Result<Value> index = with_monitor(t, condition, [&]() -> Result<Value> {
    if (self->state < 0) return raise_broken(t);
    int64_t mine = self->count.fetch_add(1, std::memory_order_relaxed);
    auto decide = [&]() -> Status {
      last = TRY(is_complete(t, self, mine + 1));
      if (!last)
        timeout = TRY(parse_timeout_from_now(
            t, args[1].is_none() ? TRY(slot_attribute(t, self, self->timeout, "_timeout")) : args[1]));
      return {};
    };
    if (decide().is_error()) {
      self->count.fetch_sub(1, std::memory_order_relaxed);
      return Error{};
    }
    if (last)
      TRY(let_go(t, self, &told));
    else
      add(t, self, waiter);
    return Value::from_int(mine);
  });
  wake(t, self, told);
  if (index.is_error()) {
    withdraw(t, self, waiter);
    return Error{};
  }
  if (!last) TRY(wait_for_others(t, self, condition, waiter, timeout));
  return index;
}
// Everybody that waits gets BrokenBarrierError.
Result<Value> throw_out(Thread& t, Value v, State next) {
  auto* self = barrier(v);
  size_t told = 0;
  TRY(with_monitor(t, TRY(condition_of(t, self)), [&]() -> Result<Value> {
    told = break_barrier(t, self, next);
    return kNone;
  }));
  wake(t, self, told);
  return kNone;
}
Result<Value> barrier_reset(Thread& t, const Value* args) { return throw_out(t, args[0], kFilling); }
Result<Value> barrier_abort(Thread& t, const Value* args) { return throw_out(t, args[0], kBroken); }

Result<Value> get_parties(Thread& t, Value self) {
  return slot_attribute(t, barrier(self), barrier(self)->parties, "_parties");
}
Status check_made(Thread& t, Value self) {
  (void)TRY(slot_attribute(t, barrier(self), barrier(self)->condition, "_state"));
  return {};
}
Result<Value> get_waiting(Thread& t, Value self) {
  TRY(check_made(t, self));
  return make_int(t, barrier(self)->state == kFilling ? barrier(self)->count.load() : 0);
}
Result<Value> get_broken(Thread& t, Value self) {
  TRY(check_made(t, self));
  return Value::from_bool(barrier(self)->state == kBroken);
}
template <std::atomic<int64_t> BarrierObject::*field>
Result<Value> get_number(Thread& t, Value self) {
  return make_int(t, barrier(self)->*field);
}
template <std::atomic<int64_t> BarrierObject::*field>
Status set_number(Thread& t, Value self, Value value) {
  barrier(self)->*field = value.is_empty() ? 0 : TRY(to_int64(t, value));
  return {};
}
Result<Value> get_condition(Thread& t, Value self) { return TRY(condition_of(t, barrier(self))); }
Status set_condition_attribute(Thread& t, Value self, Value value) {
  return set_condition(t, barrier(self)->condition, value);
}
Result<Value> barrier_repr(Thread& t, Value v) {
  auto* self = barrier(v);
  TRY(check_made(t, v));
  if (self->state == kBroken) return state_repr(t, v, "broken");
  return state_repr(t, v,
                    fmt::format("waiters={}/{}", self->state == kFilling ? self->count.load() : 0,
                                str_text(t, TRY(get_parties(t, v)))));
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
    {"_state", get_number<&BarrierObject::state>, set_number<&BarrierObject::state>, nullptr},
    {"_count", get_number<&BarrierObject::count>, set_number<&BarrierObject::count>, nullptr},
    {"_cond", get_condition, set_condition_attribute, nullptr},
    {}};
const MemberDef kMembers[] = {{"_parties", offsetof(BarrierObject, parties), false, nullptr},
                              {"_action", offsetof(BarrierObject, action), false, nullptr},
                              {"_timeout", offsetof(BarrierObject, timeout), false, nullptr},
                              {}};

}  // namespace

const TypeSpec kBarrierSpec = {.name = "threading.Barrier",
                               .size = sizeof(BarrierObject),
                               .flags = kTypeBaseType | kTypeHasDict | kTypeHasWeakref,
                               .doc = "Lets a fixed number of threads wait for each other.",
                               .trace = trace_barrier,
                               .slots = MP_SLOTS(.repr = barrier_repr),
                               .methods = kMethods,
                               .getsets = kGetSets,
                               .members = kMembers,
                               .init = open_type};

}  // namespace mp

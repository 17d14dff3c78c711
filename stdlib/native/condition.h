// Condition: the monitor that Semaphore, Event, Barrier and the queues stand on. It knows its lock and who
// waits; what they wait for is the business of those above.
#pragma once
#include "stdlib/native/thread_module.h"

namespace mp {

// How a Condition treats its lock: the two native kinds directly, anything else through its methods.
enum class MonitorLock : uint8_t { None, Lock, RLock, Script };

// One waiting thread, on its own stack, in its Condition's list. The list is touched attached, under the
// Condition's object lock.
struct ConditionWaiter {
  ConditionWaiter* next = nullptr;
  ConditionWaiter* previous = nullptr;
  std::atomic<bool> notified{false};
  Value lock{};  // which it will want again
};

struct ConditionObject : Object {
  Slot lock;  // empty before __init__; a script may replace it
  ConditionWaiter* first = nullptr;
  ConditionWaiter* last = nullptr;
  std::atomic<uint32_t> waiting{0};
  uint32_t generation = 0;  // fork_generation() of the list: waiters of a parent do not exist here
};
extern const TypeSpec kConditionSpec, kSemaphoreSpec, kBoundedSemaphoreSpec, kEventSpec, kBarrierSpec;

ConditionObject* make_condition(Thread& t, LockObject* lock);  // on a Lock
ConditionObject* make_recursive_condition(Thread& t);          // on an RLock of its own
// `timeout` of wait(), of any type that has `timeout > 0`: kForever for None; 0 for what is not positive.
Result<int64_t> parse_timeout(Thread& t, Value timeout);
// Of the methods that first compute when to give up: it must be a number that can be added to a float.
Result<int64_t> parse_timeout_from_now(Thread& t, Value timeout);

// `with condition:`. A failed enter holds nothing.
Status monitor_enter(Thread& t, ConditionObject* condition);
Status monitor_exit(Thread& t, ConditionObject* condition);
// Takes the lock without waiting; false when that did not work at once.
bool monitor_try_enter(Thread& t, ConditionObject* condition);
// The lock must be held; it is again when this returns, whatever happens. False: the time ran out.
Result<bool> condition_wait(Thread& t, ConditionObject* condition, int64_t timeout_ns,
                            WaitKind kind = WaitKind::Condition, const Object* shown = nullptr);
void condition_notify(Thread& t, ConditionObject* condition, int64_t count);
inline void condition_notify_all(Thread& t, ConditionObject* condition) {
  condition_notify(t, condition, INT64_MAX);
}
// `n` may be a number of any type.
Status condition_notify_number(Thread& t, ConditionObject* condition, Value n);
void reinit_after_fork(ConditionObject* condition);

// Runs `body` (a Result<Value>()) as the block of `with condition:`.
template <class Body>
Result<Value> with_monitor(Thread& t, ConditionObject* condition, Body&& body) {
  TRY(monitor_enter(t, condition));
  Result<Value> result = body();
  if (result.is_error()) {
    Value failure = t.take_exception();
    TRY(monitor_exit(t, condition));
    t.restore_exception(failure);
    return Error{};
  }
  TRY(monitor_exit(t, condition));
  return result;
}

// What the getters and setters of `_cond` share: a Condition, or TypeError.
Status set_condition(Thread& t, Slot& slot, Value value);
Error raise_unfilled(Thread& t, Object* self, const char* name);
// AttributeError where __init__ has not filled it.
inline Result<Value> slot_attribute(Thread& t, Object* self, const Slot& slot, const char* name) {
  Value value = slot;
  if (value.is_empty()) [[unlikely]]
    return raise_unfilled(t, self, name);
  return value;
}
inline Result<ConditionObject*> condition_attribute(Thread& t, Object* self, const Slot& slot,
                                                    const char* name) {
  return TRY(slot_attribute(t, self, slot, name)).as<ConditionObject>();
}
// Makes a native type look like a class of threading: its attributes may be replaced.
void open_type(Thread& t, Type* type);
// "<threading.Event at 0x7f..: TEXT>"
Result<Value> state_repr(Thread& t, Value self, const std::string& text);

}  // namespace mp

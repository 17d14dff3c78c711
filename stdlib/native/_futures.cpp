// concurrent.futures.Future: the result of a call that runs elsewhere. Its Condition is visible to scripts,
// which wait() and as_completed() of the package need.
#include "stdlib/native/condition.h"
#include "stdlib/native/sync_errors.h"
#include "stdlib/native/time_value.h"
#include "vm/gc/heap.h"
#include "vm/protocol/protocol.h"
#include "vm/types/exception.h"
#include "vm/types/generic_alias.h"
#include "vm/types/runtime.h"

namespace mp {
namespace {

enum class State : uint8_t { Pending, Running, Cancelled, CancelledAndNotified, Finished };
constexpr const char* kStates[] = {"PENDING", "RUNNING", "CANCELLED", "CANCELLED_AND_NOTIFIED", "FINISHED"};
constexpr const char* kShown[] = {"pending", "running", "cancelled", "cancelled", "finished"};

struct FutureObject : Object {
  Slot condition;  // empty before __init__
  Slot result, exception;
  Slot waiters, callbacks;  // lists
  std::atomic<State> state;
};

void trace_future(Object* o, Tracer& tracer) {
  tracer.visit_slots(&static_cast<FutureObject*>(o)->condition, 5);
}
FutureObject* future(Value v) { return v.as<FutureObject>(); }
Result<ConditionObject*> condition_of(Thread& t, FutureObject* self) {
  return condition_attribute(t, self, self->condition, "_condition");
}
bool is_cancelled(State state) { return state == State::Cancelled || state == State::CancelledAndNotified; }
bool is_done(State state) { return state >= State::Cancelled; }
State state_of(FutureObject* self) { return self->state.load(std::memory_order_acquire); }
template <class Test>
Result<Value> ask(Thread& t, Value self, Test&& test) {
  (void)TRY(condition_of(t, future(self)));
  return Value::from_bool(test(state_of(future(self))));
}

Result<Value> future_new(Thread& t, Value cls, const CallArgs&) {
  return t.heap().make<FutureObject>(t, cls.as<Type>());
}
Result<Value> future_init(Thread& t, const Value* args) {
  FutureObject* self = future(args[0]);
  self->state.store(State::Pending);
  self->result = self->exception = kNone;
  self->waiters = Value(make_list(t));
  self->callbacks = Value(make_list(t));
  self->condition = Value(make_recursive_condition(t));
  return kNone;
}

// One callback: what it raises is logged.
Status call_back(Thread& t, Value self, Value callback) {
  if (call(t, callback, {self}).ok()) return {};
  if (!t.exception_matches(Exc::Exception)) return Error{};
  Value failure = t.take_exception();
  TRY(call(t, TRY(get_attr(t, self, "_callback_failed")), {self, failure}));
  return {};
}
Status call_all_back(Thread& t, Value self) {
  Value list = TRY(slot_attribute(t, future(self), future(self)->callbacks, "_done_callbacks"));
  auto* callbacks = list.as<ListObject>();
  for (size_t i = 0; i < callbacks->length(); ++i) {
    Value callback = callbacks->at(i);
    if (!callback.is_empty()) TRY(call_back(t, self, callback));
  }
  return {};
}
Status tell_waiters(Thread& t, Value self, const char* method) {
  auto* waiters = future(self)->waiters.get().as<ListObject>();
  for (size_t i = 0; i < waiters->length(); ++i) {
    Value waiter = waiters->at(i);
    if (!waiter.is_empty()) TRY(call_method(t, waiter, intern(t, method), {self}));
  }
  return {};
}

Result<Value> future_cancel(Thread& t, const Value* args) {
  FutureObject* self = future(args[0]);
  ConditionObject* condition = TRY(condition_of(t, self));
  Value first = TRY(with_monitor(t, condition, [&]() -> Result<Value> {
    State state = state_of(self);
    if (state == State::Running || state == State::Finished) return kFalse;
    if (is_cancelled(state)) return kTrue;
    self->state.store(State::Cancelled, std::memory_order_release);
    condition_notify_all(t, condition);
    return kNone;
  }));
  if (!first.is_none()) return first;
  TRY(call_all_back(t, args[0]));
  return kTrue;
}
Result<Value> future_cancelled(Thread& t, const Value* args) { return ask(t, args[0], is_cancelled); }
Result<Value> future_running(Thread& t, const Value* args) {
  return ask(t, args[0], [](State state) { return state == State::Running; });
}
Result<Value> future_done(Thread& t, const Value* args) { return ask(t, args[0], is_done); }
Result<Value> future_add_done_callback(Thread& t, const Value* args) {
  FutureObject* self = future(args[0]);
  Value kept = TRY(with_monitor(t, TRY(condition_of(t, self)), [&]() -> Result<Value> {
    if (is_done(state_of(self))) return kFalse;
    TRY(list_append(t, self->callbacks.get().as<ListObject>(), args[1]));
    return kTrue;
  }));
  if (kept == kFalse) TRY(call_back(t, args[0], args[1]));
  return kNone;
}

// Waits until the future is done: CancelledError, TimeoutError.
Status wait_done(Thread& t, FutureObject* self, Value timeout_value) {
  if (state_of(self) != State::Finished) {
    ConditionObject* condition = TRY(condition_of(t, self));
    int64_t timeout = TRY(parse_timeout(t, timeout_value));
    TRY(with_monitor(t, condition, [&]() -> Result<Value> {
      if (!is_done(state_of(self))) (void)TRY(condition_wait(t, condition, timeout, WaitKind::Future, self));
      return kNone;
    }));
  }
  State state = state_of(self);
  if (is_cancelled(state)) return raise_sync_error(t, SyncError::FutureCancelled);
  if (state != State::Finished)
    return t.raise_object(make_exception_args(t, Exc::TimeoutError, empty_tuple(t)));
  return {};
}
Result<Value> future_result(Thread& t, const Value* args) {
  FutureObject* self = future(args[0]);
  TRY(wait_done(t, self, args[1]));
  Value exception = TRY(slot_attribute(t, self, self->exception, "_exception"));
  if (TRY(truth(t, exception))) return raise_from(t, exception, kEmpty);
  return slot_attribute(t, self, self->result, "_result");
}
Result<Value> future_exception(Thread& t, const Value* args) {
  FutureObject* self = future(args[0]);
  TRY(wait_done(t, self, args[1]));
  return slot_attribute(t, self, self->exception, "_exception");
}

// ---- for executors

std::string class_name(Thread& t, Value v) { return to_utf8(type_of(t, v)->name); }
std::string shown(Thread& t, Value v) {
  FutureObject* self = future(v);
  State state = state_of(self);
  std::string text =
      fmt::format("<{} at {:#x} state={}", class_name(t, v), v.bits(), kShown[static_cast<size_t>(state)]);
  if (state == State::Finished) {
    bool raised = !self->exception.get().is_none();
    text += fmt::format(" {} {}", raised ? "raised" : "returned",
                        class_name(t, raised ? self->exception.get() : self->result.get()));
  }
  return text + ">";
}
Result<Value> future_repr(Thread& t, Value self) {
  (void)TRY(condition_of(t, future(self)));
  return str_or_error(make_str(t, shown(t, self)));
}

Result<Value> future_set_running(Thread& t, const Value* args) {
  FutureObject* self = future(args[0]);
  return with_monitor(t, TRY(condition_of(t, self)), [&]() -> Result<Value> {
    switch (state_of(self)) {
      case State::Cancelled:
        self->state.store(State::CancelledAndNotified, std::memory_order_release);
        TRY(tell_waiters(t, args[0], "add_cancelled"));
        return kFalse;
      case State::Pending: self->state.store(State::Running, std::memory_order_release); return kTrue;
      default: break;
    }
    TRY(call(t, TRY(get_attr(t, args[0], "_unexpected_state")), {args[0]}));
    return t.raise(Exc::RuntimeError, "Future in unexpected state");
  });
}
Result<Value> finish(Thread& t, Value v, Slot FutureObject::*field, Value outcome, const char* notice) {
  FutureObject* self = future(v);
  ConditionObject* condition = TRY(condition_of(t, self));
  TRY(with_monitor(t, condition, [&]() -> Result<Value> {
    State state = state_of(self);
    if (is_done(state))
      return raise_sync_error(t, SyncError::FutureState,
                              fmt::format("{}: {}", kStates[static_cast<size_t>(state)], repr_text(t, v)));
    self->*field = outcome;
    self->state.store(State::Finished, std::memory_order_release);
    TRY(tell_waiters(t, v, notice));
    condition_notify_all(t, condition);
    return kNone;
  }));
  TRY(call_all_back(t, v));
  return kNone;
}
Result<Value> future_set_result(Thread& t, const Value* args) {
  return finish(t, args[0], &FutureObject::result, args[1], "add_result");
}
Result<Value> future_set_exception(Thread& t, const Value* args) {
  return finish(t, args[0], &FutureObject::exception, args[1], "add_exception");
}
Result<Value> future_call_all_back(Thread& t, const Value* args) {
  TRY(call_all_back(t, args[0]));
  return kNone;
}

// ---- attributes

Result<Value> get_state(Thread& t, Value self) {
  (void)TRY(slot_attribute(t, future(self), future(self)->condition, "_state"));
  return intern(t, kStates[static_cast<size_t>(state_of(future(self)))]);
}
Status set_state(Thread& t, Value self, Value value) {
  std::string wanted = value.is_empty() ? "" : str_text(t, value);
  for (size_t i = 0; i < std::size(kStates); ++i) {
    if (wanted != kStates[i]) continue;
    future(self)->state.store(static_cast<State>(i), std::memory_order_release);
    return {};
  }
  return t.raise(Exc::ValueError, "not a state of a future: {}", value.is_empty() ? "" : repr_text(t, value));
}
Result<Value> get_condition(Thread& t, Value self) { return TRY(condition_of(t, future(self))); }
Status set_condition_attribute(Thread& t, Value self, Value value) {
  return set_condition(t, future(self)->condition, value);
}
Result<Value> get_waiters(Thread& t, Value self) {
  return slot_attribute(t, future(self), future(self)->waiters, "_waiters");
}
Result<Value> get_callbacks(Thread& t, Value self) {
  return slot_attribute(t, future(self), future(self)->callbacks, "_done_callbacks");
}
template <Slot FutureObject::*field>
Status set_list(Thread& t, Value self, Value value) {
  if (value.is_empty() || !is_list(value)) return t.raise(Exc::TypeError, "a list is needed");
  future(self)->*field = value;
  return {};
}

const NativeDef kMethods[] = {
    MP_RAW_NEW(future_new, "__new__(cls, *args, **kwargs)", nullptr),
    MP_METHOD(future_init, "__init__(self)", "Initializes the future. Should not be called by clients."),
    MP_METHOD(future_cancel, "cancel(self)",
              "Cancel the future if possible: False when it runs or is done already."),
    MP_METHOD(future_cancelled, "cancelled(self)", "Return True if the future was cancelled."),
    MP_METHOD(future_running, "running(self)", "Return True if the future is currently executing."),
    MP_METHOD(future_done, "done(self)", "Return True if the future was cancelled or finished executing."),
    MP_METHOD(future_add_done_callback, "add_done_callback(self, fn)",
              "Attaches a callable that will be called when the future finishes."),
    MP_METHOD(future_result, "result(self, timeout=None)",
              "Return the result of the call that the future represents, or raise what it raised."),
    MP_METHOD(future_exception, "exception(self, timeout=None)",
              "Return the exception raised by the call that the future represents, or None."),
    MP_METHOD(future_set_running, "set_running_or_notify_cancel(self)",
              "Mark the future as running, or process any cancel notifications: False."),
    MP_METHOD(future_set_result, "set_result(self, result)",
              "Sets the return value of work associated with the future."),
    MP_METHOD(future_set_exception, "set_exception(self, exception)",
              "Sets the result of the future as being the given exception."),
    MP_METHOD(future_call_all_back, "_invoke_callbacks(self)", nullptr),
    MP_CLASS_GETITEM,
    MP_END};
const GetSetDef kGetSets[] = {{"_state", get_state, set_state, nullptr},
                              {"_condition", get_condition, set_condition_attribute, nullptr},
                              {"_waiters", get_waiters, set_list<&FutureObject::waiters>, nullptr},
                              {"_done_callbacks", get_callbacks, set_list<&FutureObject::callbacks>, nullptr},
                              {}};
const MemberDef kMembers[] = {{"_result", offsetof(FutureObject, result), false, nullptr},
                              {"_exception", offsetof(FutureObject, exception), false, nullptr},
                              {}};
const TypeSpec kFutureSpec = {.name = "concurrent.futures._base.Future",
                              .size = sizeof(FutureObject),
                              .flags = kTypeBaseType | kTypeHasDict | kTypeHasWeakref,
                              .doc = "Represents the result of an asynchronous computation.",
                              .trace = trace_future,
                              .slots = MP_SLOTS(.repr = future_repr),
                              .methods = kMethods,
                              .getsets = kGetSets,
                              .members = kMembers,
                              .init = open_type};

Status init_module(Thread& t, ModuleObject* module) {
  module_add_type(t, module, kFutureSpec);
  TRY(module_add(t, module, "Error", TRY(sync_error_class(t, SyncError::FutureError))));
  TRY(module_add(t, module, "CancelledError", TRY(sync_error_class(t, SyncError::FutureCancelled))));
  return module_add(t, module, "InvalidStateError", TRY(sync_error_class(t, SyncError::FutureState)));
}
const NativeDef kFunctions[] = {MP_END};

}  // namespace

extern const ModuleSpec kFuturesModule;
const ModuleSpec kFuturesModule = {.name = "_futures",
                                   .doc = "What concurrent.futures is made of.",
                                   .functions = kFunctions,
                                   .init = init_module};

}  // namespace mp

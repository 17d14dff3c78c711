// asyncio.Task: a coroutine that an event loop drives. A step is one call into the interpreter: the coroutine
// is resumed with send, what it yields is the future that it waits for, and nothing is raised on the way.
#include "stdlib/native/asyncio_internal.h"
#include "stdlib/native/contextvars.h"
#include "vm/exec/generator.h"
#include "vm/types/generic_alias.h"
#include "vm/types/iterator_support.h"
#include "vm/types/number.h"

namespace mp::asyncio {
namespace {

bool is_cancelled_error(Thread& t, Value exception, Value cls) {
  return is_exception(exception) && is_instance(t, exception, cls.as<Type>());
}

// Nothing will be said about this task when it is destroyed. A subclass may have a __del__ of its own.
void needs_no_finalizer(Thread& t, TaskObject* task) {
  if (task->type() == native_type(t, kTaskSpec)) task->set_flag(kFlagFinalized);
}

Status schedule(Thread& t, TaskObject* task, Value exception) {
  return schedule_step(t, task->loop, Value(task), exception, task->context);
}
// The coroutine gets a RuntimeError in its next step.
Status fail_soon(Thread& t, TaskObject* task, const std::string& message) {
  return schedule(t, task, make_exception(t, Exc::RuntimeError, make_str(t, message)));
}

// A cancel() that came while the coroutine ran goes to what it waits for now.
Status pass_cancel_on(Thread& t, TaskObject* task, Value waiter) {
  if (!task->must_cancel) return {};
  Value method{}, self{};
  TRY(get_method(t, waiter, intern(t, "cancel"), &method, &self));
  Value values[2];
  size_t count = 0;
  if (!self.is_empty()) values[count++] = self;
  values[count] = or_none(task->cancel_message);
  if (TRY(truth(t, TRY(call(t, method, CallArgs{values, count, make_tuple(t, {Value(intern(t, "msg"))})})))))
    task->must_cancel = false;
  return {};
}

std::string yield_text(Thread& t, TaskObject* task, const char* what, Value yielded) {
  return fmt::format("yield was used instead of yield from {}in task {} with {}", what,
                     repr_text(t, Value(task)), repr_text(t, yielded));
}

Status wait_for_foreign(Thread& t, TaskObject* task, Value yielded, Value blocking) {
  Value get_loop = TRY(get_attr_or_not_found(t, yielded, intern(t, "get_loop")));
  Value loop = get_loop.is_not_found() ? TRY(get_attr(t, yielded, "_loop")) : TRY(call(t, get_loop));
  if (loop != task->loop.get())
    return fail_soon(t, task,
                     fmt::format("Task {} got Future {} attached to a different loop",
                                 repr_text(t, Value(task)), repr_text(t, yielded)));
  if (!TRY(truth(t, blocking))) return fail_soon(t, task, yield_text(t, task, "", yielded));
  if (yielded == Value(task))
    return fail_soon(t, task, "Task cannot await on itself: " + repr_text(t, Value(task)));
  TRY(set_attr(t, yielded, intern(t, "_asyncio_future_blocking"), kFalse));
  Value method{}, self{};
  TRY(get_method(t, yielded, intern(t, "add_done_callback"), &method, &self));
  Value values[3];
  size_t count = 0;
  if (!self.is_empty()) values[count++] = self;
  values[count++] = make_wakeup_callable(t, Value(task));
  values[count] = task->context;
  TRY(call(t, method, CallArgs{values, count, make_tuple(t, {Value(intern(t, "context"))})}));
  task->waiter = yielded;
  return pass_cancel_on(t, task, yielded);
}

// What the coroutine waits for. Errors of the script are thrown into it in the next step.
Status wait_for(Thread& t, TaskObject* task, Value yielded) {
  Type* type = type_of(t, yielded);
  if (type == native_type(t, kFutureSpec) || type == native_type(t, kTaskSpec)) {
    FutureObject* future = future_of(yielded);
    TRY(check_initialised(t, future));
    if (future->loop.get() != task->loop.get())
      return fail_soon(t, task,
                       fmt::format("Task {} got Future {} attached to a different loop",
                                   repr_text(t, Value(task)), repr_text(t, yielded)));
    if (!future->blocking.exchange(false)) return fail_soon(t, task, yield_text(t, task, "", yielded));
    if (yielded == Value(task))
      return fail_soon(t, task, "Task cannot await on itself: " + repr_text(t, Value(task)));
    TRY(add_waiter(t, future, task));
    task->waiter = yielded;
    return pass_cancel_on(t, task, yielded);
  }
  if (yielded.is_none()) return schedule(t, task, kEmpty);
  Value blocking = TRY(get_attr_or_not_found(t, yielded, intern(t, "_asyncio_future_blocking")));
  if (!blocking.is_not_found() && !blocking.is_none()) return wait_for_foreign(t, task, yielded, blocking);
  if (type == t.types().generator)
    return fail_soon(t, task,
                     fmt::format("yield was used instead of yield from for generator in task {} with {}",
                                 repr_text(t, Value(task)), repr_text(t, yielded)));
  return fail_soon(t, task, "Task got bad yield: " + repr_text(t, yielded));
}

// Throws into a coroutine, or into what looks like one.
SendStatus throw_into(Thread& t, Value coroutine, Value exception, Value* out) {
  Type* type = type_of(t, coroutine);
  if (type == t.types().coroutine || type == t.types().generator)
    return generator_throw(t, coroutine.as<GeneratorObject>(), exception, out);
  *out = call_method(t, coroutine, t.names().throw_, {exception}).take();
  if (!out->is_error()) return SendStatus::Next;
  if (!t.exception_matches(Exc::StopIteration)) return SendStatus::Error;
  *out = or_none(t.take_exception().as<ExceptionObject>()->fields[0]);
  return SendStatus::Return;
}

// One step of the coroutine and what follows from it; the task is the current one.
Status run_step(Thread& t, TaskObject* task, Value exception) {
  Value coroutine = task->coroutine, out;
  SendStatus status =
      exception.is_empty() ? send_to(t, coroutine, kNone, &out) : throw_into(t, coroutine, exception, &out);
  switch (status) {
    case SendStatus::Next: return wait_for(t, task, out);
    case SendStatus::Return:
      unregister_task(task);
      needs_no_finalizer(t, task);
      if (task->must_cancel.exchange(false)) {
        // Cancelled just before it ended.
        TRY(cancel_future(t, task, task->cancel_message));
        return {};
      }
      return finish(t, task, out);
    case SendStatus::Error: break;
  }
  Value raised = t.take_exception();
  Value cancelled = TRY(async_error_class(t, AsyncError::Cancelled));
  unregister_task(task);
  if (is_cancelled_error(t, raised, cancelled)) {
    task->cancelled_error = raised;
    needs_no_finalizer(t, task);
    TRY(cancel_future(t, task, kNone));
    return {};
  }
  TRY(fail(t, task, raised));
  if (is_exception_of(t, raised, Exc::KeyboardInterrupt) || is_exception_of(t, raised, Exc::SystemExit)) {
    t.restore_exception(raised);
    return Error{};
  }
  return {};
}

// Runs the first step at once (eager_task_factory).
Status start_eagerly(Thread& t, TaskObject* task) {
  Value before, context = task->context, loop = task->loop;
  if (!is_context(context)) return t.raise(Exc::TypeError, "an instance of Context was expected");
  Value previous = TRY(swap_current_task(t, loop, Value(task)));
  register_task(t, task);
  Status status = enter_context(t, context, &before);
  if (status.ok()) {
    status = run_step(t, task, kEmpty);
    leave_context(t, context, before);
  }
  Value failure = t.take_exception();
  Status restored{};
  if (auto current = swap_current_task(t, loop, previous); current.is_error()) restored = Error{};
  if (!failure.is_empty()) t.restore_exception(failure);
  if (state_of(task) != State::Pending) {
    unregister_task(task);
    task->coroutine = kEmpty;
  }
  if (status.is_error() || restored.is_error()) return Error{};
  return {};
}

}  // namespace

Status task_step(Thread& t, Value self, Value exception) {
  TaskObject* task = task_of(self);
  if (state_of(task) != State::Pending)
    return raise_async_error(t, AsyncError::InvalidState,
                             fmt::format("__step(): already done: {} {}", repr_text(t, self),
                                         exception.is_empty() ? "None" : repr_text(t, exception)));
  if (task->must_cancel) [[unlikely]] {
    Value cancelled = TRY(async_error_class(t, AsyncError::Cancelled));
    if (!is_cancelled_error(t, exception, cancelled)) exception = TRY(make_cancelled_error(t, task));
    task->must_cancel = false;
  }
  task->waiter = kEmpty;
  Value loop = task->loop;
  TRY(enter_task(t, loop, self));
  Status status = run_step(t, task, exception);
  if (status.is_error()) {
    Value failure = t.take_exception();
    if (leave_task(t, loop, self).is_error()) return Error{};
    t.restore_exception(failure);
    return Error{};
  }
  return leave_task(t, loop, self);
}

Status task_wake(Thread& t, Value self, Value waited) {
  Type* type = type_of(t, waited);
  if (type == native_type(t, kFutureSpec) || type == native_type(t, kTaskSpec)) {
    FutureObject* future = future_of(waited);
    if (state_of(future) == State::Finished) {
      Value exception = future->exception;
      return task_step(t, self, exception.is_empty() ? kEmpty : retrieve_exception(future));
    }
    if (state_of(future) == State::Cancelled) return task_step(t, self, TRY(make_cancelled_error(t, future)));
  }
  if (call_method(t, waited, intern(t, "result")).ok()) return task_step(t, self, kEmpty);
  return task_step(t, self, t.take_exception());
}

Value task_name(Thread& t, TaskObject* task) {
  Value name = task->name;
  if (!name.is_empty()) return name;
  name = make_str(t, fmt::format("Task-{}", task->number));
  task->name = name;
  return name;
}

// ---- callables for loops that are not native

namespace {

struct StepCallable : Object {
  Slot task, exception;  // exception empty: none
};
void trace_step(Object* o, Tracer& tracer) { tracer.visit_slots(&static_cast<StepCallable*>(o)->task, 2); }
Status no_arguments(Thread& t, const CallArgs& args, size_t wanted, const char* message) {
  bool named = args.keyword_names.is_object() && args.keyword_names.as<TupleObject>()->size > 0;
  return args.count == wanted && !named ? Status() : Status(t.raise(Exc::TypeError, "{}", message));
}
Result<Value> call_step(Thread& t, Value self, const CallArgs& args) {
  TRY(no_arguments(t, args, 0, "function takes no positional arguments"));
  TRY(task_step(t, self.as<StepCallable>()->task, self.as<StepCallable>()->exception));
  return kNone;
}
Result<Value> call_wakeup(Thread& t, Value self, const CallArgs& args) {
  TRY(no_arguments(t, args, 1, "task_wakeup() takes exactly one argument"));
  TRY(task_wake(t, self.as<StepCallable>()->task, args.values[0]));
  return kNone;
}
Result<Value> get_self(Thread&, Value self) { return self.as<StepCallable>()->task; }
const GetSetDef kStepGetSets[] = {{"__self__", get_self, nullptr, nullptr}, {}};
// CPython's is a bound builtin method; this is what is seen of it in reprs.
Result<Value> get_wakeup_name(Thread& t, Value) { return intern(t, "task_wakeup"); }
Result<Value> get_wakeup_qualified_name(Thread& t, Value) { return intern(t, "Task.task_wakeup"); }
const GetSetDef kWakeupGetSets[] = {{"__self__", get_self, nullptr, nullptr},
                                    {"__name__", get_wakeup_name, nullptr, nullptr},
                                    {"__qualname__", get_wakeup_qualified_name, nullptr, nullptr},
                                    {}};
const TypeSpec kStepSpec = {.name = "_asyncio.TaskStepMethWrapper",
                            .size = sizeof(StepCallable),
                            .flags = kTypeDisallowNew,
                            .trace = trace_step,
                            .slots = MP_SLOTS(.call = call_step),
                            .getsets = kStepGetSets};

}  // namespace

const TypeSpec kWakeupSpec = {.name = "_asyncio.TaskWakeupMethWrapper",
                              .size = sizeof(StepCallable),
                              .flags = kTypeDisallowNew,
                              .trace = trace_step,
                              .slots = MP_SLOTS(.call = call_wakeup),
                              .getsets = kWakeupGetSets};

Value make_step_callable(Thread& t, Value task, Value exception) {
  auto* step = t.heap().make<StepCallable>(t, native_type(t, kStepSpec));
  step->task = task;
  step->exception = exception;
  return step;
}
Value make_wakeup_callable(Thread& t, Value task) {
  auto* wakeup = t.heap().make<StepCallable>(t, native_type(t, kWakeupSpec));
  wakeup->task = task;
  return wakeup;
}

// ---- the type

namespace {

TaskObject* self_of(const Value* args) { return task_of(args[0]); }
void trace_task(Object* o, Tracer& tracer) {
  trace_future(o, tracer);
  tracer.visit_slots(&static_cast<TaskObject*>(o)->coroutine, kTaskSlots);
}

Result<bool> is_coroutine_like(Thread& t, Value v) {
  if (type_of(t, v) == t.types().coroutine) return true;
  return truth(t, TRY(call_helper(t, "asyncio.coroutines", "iscoroutine", {v})));
}

// A task that is destroyed reports before its coroutine is closed, as where the one's end is the other's: the
// collector leaves the coroutine to the task.
void keep_coroutine(Thread& t, TaskObject* task) {
  Value coroutine = task->coroutine;
  if (type_of(t, coroutine) == t.types().coroutine) coroutine.as_object()->set_flag(kFlagFinalized);
}
void release_coroutine(Thread& t, TaskObject* task) {
  Value coroutine = task->coroutine;
  if (coroutine.is_empty() || type_of(t, coroutine) != t.types().coroutine ||
      coroutine.as<GeneratorObject>()->state.load() == GeneratorState::Finished)
    return;
  coroutine.as_object()->clear_flag(kFlagFinalized);
  t.heap().register_script_finalizer(coroutine.as_object());
}

Status init_task(Thread& t, TaskObject* task, Value coroutine, Value loop, Value name, Value context,
                 bool eager) {
  unregister_task(task);
  task->log_destroy_pending = true;
  TRY(init_future(t, task, loop));
  if (!TRY(is_coroutine_like(t, coroutine))) {
    task->log_destroy_pending = false;
    return t.raise(Exc::TypeError, "a coroutine was expected, got {}", repr_text(t, coroutine));
  }
  task->context = context.is_none() ? copy_context(t) : context;
  task->cancels_requested = 0;
  task->must_cancel = false;
  task->waiter = kEmpty;
  task->coroutine = coroutine;
  if (name.is_none()) {
    task->name = kEmpty;
    task->number = next_task_number(t);
  } else {
    task->name = is_exact(name, t.types().str) ? name : TRY(str(t, name));
  }
  if (eager && TRY(truth(t, TRY(call_method(t, task->loop, intern(t, "is_running")))))) {
    keep_coroutine(t, task);
    return start_eagerly(t, task);
  }
  TRY(schedule(t, task, kEmpty));
  keep_coroutine(t, task);
  register_task(t, task);
  return {};
}

Result<Value> task_new(Thread& t, Value cls, const CallArgs&) {
  return t.heap().make<TaskObject>(t, cls.as<Type>());
}
Result<Value> task_init(Thread& t, const Value* args) {
  TRY(init_task(t, self_of(args), args[1], args[2], args[3], args[4], TRY(truth(t, args[5]))));
  return kNone;
}
Status finalize_task(Thread& t, Value self) {
  TaskObject* task = task_of(self);
  unregister_task(task);
  if (!task->loop.get().is_empty() && state_of(task) == State::Pending && task->log_destroy_pending &&
      report_to_loop(t, task, "task", "Task was destroyed but it is pending!", kEmpty).is_error())
    write_unraisable(t, nullptr, self);
  release_coroutine(t, task);
  return finalize_future(t, self);
}

Result<Value> task_cancel(Thread& t, const Value* args) {
  TaskObject* self = self_of(args);
  self->log_traceback = false;
  if (state_of(self) != State::Pending || self->loop.get().is_empty()) return kFalse;
  self->cancels_requested.fetch_add(1);
  Value waiter = self->waiter;
  if (!waiter.is_empty()) {
    Value method{}, receiver{};
    TRY(get_method(t, waiter, intern(t, "cancel"), &method, &receiver));
    Value values[2];
    size_t count = 0;
    if (!receiver.is_empty()) values[count++] = receiver;
    values[count] = args[1];
    Value names = make_tuple(t, {Value(intern(t, "msg"))});
    // It stays the waiter: a task may ignore this and be cancelled again.
    if (TRY(truth(t, TRY(call(t, method, CallArgs{values, count, names}))))) return kTrue;
  }
  self->must_cancel = true;
  self->cancel_message = args[1];
  return kTrue;
}
Result<Value> task_cancelling(Thread&, const Value* args) {
  return Value::from_int(self_of(args)->cancels_requested);
}
Result<Value> task_uncancel(Thread&, const Value* args) {
  TaskObject* self = self_of(args);
  if (self->cancels_requested > 0 && self->cancels_requested.fetch_sub(1) == 1) self->must_cancel = false;
  return Value::from_int(self->cancels_requested);
}
Result<Value> task_get_coro(Thread&, const Value* args) { return or_none(self_of(args)->coroutine); }
Result<Value> task_get_context(Thread&, const Value* args) { return or_none(self_of(args)->context); }
Result<Value> task_get_name(Thread& t, const Value* args) {
  if (self_of(args)->loop.get().is_empty()) return kNone;
  return task_name(t, self_of(args));
}
Result<Value> task_set_name(Thread& t, const Value* args) {
  self_of(args)->name = is_exact(args[1], t.types().str) ? args[1] : TRY(str(t, args[1]));
  return kNone;
}
Result<Value> task_get_stack(Thread& t, const Value* args) {
  return call_helper(t, "asyncio.base_tasks", "_task_get_stack", {args[0], args[1]});
}
Result<Value> task_print_stack(Thread& t, const Value* args) {
  return call_helper(t, "asyncio.base_tasks", "_task_print_stack", {args[0], args[1], args[2]});
}
Result<Value> task_set_result(Thread& t, const Value*) {
  return t.raise(Exc::RuntimeError, "Task does not support set_result operation");
}
Result<Value> task_set_exception(Thread& t, const Value*) {
  return t.raise(Exc::RuntimeError, "Task does not support set_exception operation");
}
Result<Value> task_repr(Thread& t, Value self) {
  TRY(check_initialised(t, future_of(self)));
  return call_helper(t, "asyncio.base_tasks", "_task_repr", {self});
}
Result<Value> get_must_cancel(Thread&, Value self) { return Value::from_bool(task_of(self)->must_cancel); }
Result<Value> get_log_destroy(Thread&, Value self) {
  return Value::from_bool(task_of(self)->log_destroy_pending);
}
Status set_log_destroy(Thread& t, Value self, Value value) {
  if (value.is_empty()) return t.raise(Exc::AttributeError, "cannot delete attribute");
  task_of(self)->log_destroy_pending = TRY(truth(t, value));
  return {};
}
Result<Value> get_coroutine(Thread&, Value self) { return or_none(task_of(self)->coroutine); }
Result<Value> get_waiter(Thread&, Value self) { return or_none(task_of(self)->waiter); }

const NativeDef kTaskMethods[] = {
    MP_RAW_NEW(task_new, "__new__(cls, *args, **kwargs)", nullptr),
    MP_METHOD(task_init, "__init__(self, coro, *, loop=None, name=None, context=None, eager_start=False)",
              nullptr),
    MP_METHOD(task_cancel, "cancel(self, /, msg=None)",
              "Request that this task cancel itself: a CancelledError is thrown into the coroutine in the "
              "next cycle "
              "of the event loop."),
    MP_METHOD(task_cancelling, "cancelling(self, /)",
              "Return the count of the task's cancellation requests."),
    MP_METHOD(task_uncancel, "uncancel(self, /)",
              "Decrement the task's count of cancellation requests and return what is left."),
    MP_METHOD(task_get_coro, "get_coro(self, /)", nullptr),
    MP_METHOD(task_get_context, "get_context(self, /)", nullptr),
    MP_METHOD(task_get_name, "get_name(self, /)", nullptr),
    MP_METHOD(task_set_name, "set_name(self, value, /)", nullptr),
    MP_METHOD(task_get_stack, "get_stack(self, /, *, limit=None)",
              "Return the list of stack frames for this task's coroutine."),
    MP_METHOD(task_print_stack, "print_stack(self, /, *, limit=None, file=None)",
              "Print the stack or traceback for this task's coroutine."),
    MP_METHOD(task_set_result, "set_result(self, result, /)", nullptr),
    MP_METHOD(task_set_exception, "set_exception(self, exception, /)", nullptr),
    MP_CLASS_GETITEM,
    MP_END};
const GetSetDef kTaskGetSets[] = {{"_log_destroy_pending", get_log_destroy, set_log_destroy, nullptr},
                                  {"_must_cancel", get_must_cancel, nullptr, nullptr},
                                  {"_coro", get_coroutine, nullptr, nullptr},
                                  {"_fut_waiter", get_waiter, nullptr, nullptr},
                                  {}};

// What sleep(0) awaits: it yields once, which lets the other tasks run.
struct TurnObject : Object {
  std::atomic<bool> yielded;
};
Result<Value> turn_send(Thread&, Value self, Value, bool* finished) {
  *finished = self.as<TurnObject>()->yielded.exchange(true, std::memory_order_relaxed);
  return kNone;
}
Result<Value> turn_next(Thread& t, Value self) {
  bool finished = false;
  Value v = TRY(turn_send(t, self, kNone, &finished));
  return finished ? kNoMore : v;
}
const TypeSpec kTurnSpec = {
    .name = "_asyncio.Turn",
    .size = sizeof(TurnObject),
    .flags = kTypeDisallowNew,
    .slots = MP_SLOTS(.iter = iterator_self, .next = turn_next, .await = iterator_self),
    .init = [](Thread&, Type* type) { set_native_send(type, turn_send); }};

Status init_module(Thread& t, ModuleObject* module) {
  if (module_add_type(t, module, kFutureSpec) == nullptr || module_add_type(t, module, kTaskSpec) == nullptr)
    return Error{};
  return init_registry(t, module);
}

}  // namespace

Result<Value> make_turn(Thread& t, const Value*) {
  return t.heap().make<TurnObject>(t, native_type(t, kTurnSpec));
}

const TypeSpec kTaskSpec = {.name = "_asyncio.Task",
                            .base_spec = &kFutureSpec,
                            .size = sizeof(TaskObject),
                            .flags = kTypeBaseType | kTypeHasDict | kTypeHasWeakref,
                            .doc = "A coroutine wrapped in a Future.",
                            .trace = trace_task,
                            .slots = MP_SLOTS(.repr = task_repr, .finalize = finalize_task),
                            .methods = kTaskMethods,
                            .getsets = kTaskGetSets};

}  // namespace mp::asyncio

namespace mp {

Result<Value> make_asyncio_task(Thread& t, Value coroutine, Value loop, Value name, Value context) {
  auto* task = t.heap().make<asyncio::TaskObject>(t, native_type(t, asyncio::kTaskSpec));
  t.heap().register_script_finalizer(task);
  TRY(asyncio::init_task(t, task, coroutine, loop, name, context, false));
  return task;
}
bool is_asyncio_task(Thread& t, Value v) { return asyncio::is_task(t, v); }

extern const ModuleSpec kAsyncioModule;
const ModuleSpec kAsyncioModule = {.name = "_asyncio",
                                   .doc = "Futures and tasks: what asyncio is made of.",
                                   .functions = asyncio::kRegistryFunctions,
                                   .init = asyncio::init_module};

}  // namespace mp

// The event loop: one iteration after the other it waits, lets timers go and runs what is due. What is rare
// (orchestration of connections, executors, signal handlers) is script code:
// stdlib/lib/_later/asyncio/unix_events.mp.
#include "stdlib/native/asyncio.h"
#include "stdlib/native/event_loop_internal.h"
#include "vm/threads/signals.h"
#include "vm/threads/thread_impl.h"
#include "vm/types/number.h"
#include "vm/types/runtime.h"

namespace mp {
namespace event_loop {
namespace {

// CPython's clock resolution of CLOCK_MONOTONIC: a timer that is due within it is due.
constexpr double kClockResolution = 1e-9;
constexpr int64_t kLongestWait = 24 * 3600 * os::kNanosPerSecond;

extern const NativeDef kLoopMethods[];
Result<Value> loop_call_soon(Thread& t, Value self, const CallArgs& args);
Result<Value> loop_time(Thread& t, const Value* args);

bool has_own(Thread& t, EventLoopObject* loop, const char* name, const void* function) {
  StrObject* key = intern(t, name);
  Value found = type_lookup(t, loop->type(), key);
  if (!is_kind(found, Kind::NativeFunction)) return false;
  const NativeDef* def = found.as<NativeFunctionObject>()->def;
  const void* implementation = def->call != nullptr ? reinterpret_cast<const void*>(def->call)
                                                    : reinterpret_cast<const void*>(def->raw_call);
  return implementation == function && instance_get_own(t, loop, key).is_not_found();
}
// Neither call_soon nor time is replaced. What was found is remembered for the type's version and the
// object's shape; an object in dict mode (no shape) is looked at each time.
bool is_plain(Thread& t, EventLoopObject* loop) {
  uint32_t version = loop->type()->version.load(std::memory_order_relaxed);
  ShapeId shape = loop->shape();
  uint64_t now = (uint64_t{version} << 32) | shape;
  if (loop->plain.load(std::memory_order_relaxed) == now && now != 0) [[likely]]
    return true;
  bool plain = has_own(t, loop, "call_soon", reinterpret_cast<const void*>(&loop_call_soon)) &&
               has_own(t, loop, "time", reinterpret_cast<const void*>(&loop_time));
  version = type_version(t, loop->type());
  if (plain && version != 0 && shape != kNoShape)
    loop->plain.store((uint64_t{version} << 32) | shape, std::memory_order_relaxed);
  return plain;
}

double monotonic_seconds() { return static_cast<double>(os::monotonic_ns()) * 1e-9; }
Result<double> time_of(Thread& t, EventLoopObject* loop) {
  if (is_plain(t, loop)) return monotonic_seconds();
  return to_double(t, TRY(call_method(t, loop, intern(t, "time"))));
}
Status check_closed(Thread& t, EventLoopObject* loop) {
  if (loop->closed.load(std::memory_order_relaxed)) return t.raise(Exc::RuntimeError, "Event loop is closed");
  return {};
}

// ---------------------------------------------------------------- one iteration

// A bare call: nobody has a handle of it.
Status run_bare(Thread& t, EventLoopObject* loop, const ReadyCall& call) {
  Value callback = call.callback, argument = call.argument, context = call.context, before;
  Status status = enter_context(t, context, &before);
  if (status.ok()) {
    if (!call.step.get().is_empty()) {
      auto step = reinterpret_cast<LoopStep>(call.step.get().as_int());
      status = step(t, callback, argument);
    } else {
      auto result = argument.is_empty() ? mp::call(t, callback) : mp::call(t, callback, {argument});
      if (result.is_error()) status = Error{};
    }
    leave_context(t, context, before);
  }
  if (status.ok()) [[likely]]
    return {};
  Value exception = t.take_exception();
  Value arguments = argument.is_empty() ? empty_tuple(t) : make_tuple(t, {argument});
  HandleObject* handle = TRY(make_handle(t, loop, callback, arguments, context));
  t.restore_exception(exception);
  return report_failure(t, handle);
}
Status run_call(Thread& t, EventLoopObject* loop, const ReadyCall& call) {
  Value handle = call.handle;
  if (handle.is_empty()) return run_bare(t, loop, call);
  return run_handle(t, handle.as<HandleObject>());
}
// In debug mode a call that takes long is reported.
Status run_timed(Thread& t, EventLoopObject* loop, const ReadyCall& call) {
  Value shown = call.handle.get().is_empty() ? call.callback.get() : call.handle.get();
  loop->current_handle = shown;
  double start = monotonic_seconds();
  Status status = run_call(t, loop, call);
  loop->current_handle = kNone;
  TRY(status);
  double taken = monotonic_seconds() - start;
  if (taken < TRY(to_double(t, loop->slow_callback_duration))) return {};
  TRY(call_method(t, loop, intern(t, "_report_slow"), {shown, make_float(t, taken)}));
  return {};
}

Result<os::Deadline> next_deadline(Thread& t, EventLoopObject* loop) {
  if (loop->ready_count.load(std::memory_order_acquire) > 0 || loop->stopping.load(std::memory_order_relaxed))
    return kDoNotWait;
  double when;
  if (!first_timer(t, loop, &when)) return os::kNoDeadline;
  int64_t now = os::monotonic_ns();
  double left = (when - TRY(time_of(t, loop))) * 1e9;
  if (!(left > 0)) return kDoNotWait;
  return now + (left < static_cast<double>(kLongestWait) ? static_cast<int64_t>(left) : kLongestWait);
}

Status run_once(Thread& t, EventLoopObject* loop) {
  os::Deadline deadline = TRY(next_deadline(t, loop));
  TRY(poll_events(t, loop, deadline));
  if (loop->timer_count.load(std::memory_order_relaxed) > 0)
    TRY(release_timers(t, loop, TRY(time_of(t, loop)) + kClockResolution));
  // What these calls schedule is for the next iteration, after I/O has had its turn.
  for (uint64_t left = loop->ready_count.load(std::memory_order_acquire); left > 0; --left) {
    ReadyCall call;
    if (!take_ready(t, loop, &call)) break;
    Value handle = call.handle;
    if (!handle.is_empty() && handle.as<HandleObject>()->cancelled.load(std::memory_order_relaxed)) continue;
    if (loop->debug.load(std::memory_order_relaxed)) [[unlikely]] {
      TRY(run_timed(t, loop, call));
    } else {
      TRY(run_call(t, loop, call));
    }
  }
  return {};
}

// ---------------------------------------------------------------- scheduling

struct ScheduleArgs {
  const Value* values;
  size_t count;
  Value context;
};
// (..., *args, context=None) with at least `fixed` positional arguments.
Result<ScheduleArgs> schedule_args(Thread& t, const CallArgs& args, const char* function, size_t fixed,
                                   const char* const* names) {
  ScheduleArgs out{args.values, args.count, kNone};
  if (!args.keyword_names.is_empty()) {
    auto* keywords = args.keyword_names.as<TupleObject>();
    for (size_t i = 0; i < keywords->size; ++i) {
      Value name = (*keywords)[i];
      if (!str_equal(name.as<StrObject>(), "context"))
        return t.raise(Exc::TypeError, "{}() got an unexpected keyword argument '{}'", function,
                       str_text(t, name));
      out.context = args.values[args.count + i];
    }
  }
  if (args.count < fixed) {
    size_t missing = fixed - args.count;
    std::string list = fmt::format("'{}'", names[args.count]);
    if (missing > 1) list += fmt::format(" and '{}'", names[fixed - 1]);
    return t.raise(Exc::TypeError, "{}() missing {} required positional argument{}: {}", function, missing,
                   missing == 1 ? "" : "s", list);
  }
  return out;
}
Value rest_tuple(Thread& t, const ScheduleArgs& args, size_t fixed) {
  if (args.count == fixed) return empty_tuple(t);
  return make_tuple(t, args.values + fixed, args.count - fixed);
}
Status check_in_debug(Thread& t, EventLoopObject* loop, Value callback, const char* function,
                      bool any_thread) {
  if (!loop->debug.load(std::memory_order_relaxed)) [[likely]]
    return {};
  if (!any_thread) TRY(call_method(t, loop, intern(t, "_check_thread")));
  TRY(call_method(t, loop, intern(t, "_check_callback"), {callback, Value(intern(t, function))}));
  return {};
}

constexpr const char* kSoonNames[] = {"callback"};
constexpr const char* kLaterNames[] = {"delay", "callback"};
constexpr const char* kAtNames[] = {"when", "callback"};

Result<Value> loop_call_soon(Thread& t, Value self, const CallArgs& args) {
  EventLoopObject* loop = loop_of(self);
  ScheduleArgs wanted = TRY(schedule_args(t, args, "call_soon", 1, kSoonNames));
  TRY(check_closed(t, loop));
  TRY(check_in_debug(t, loop, wanted.values[0], "call_soon", false));
  HandleObject* handle =
      TRY(make_handle(t, loop, wanted.values[0], rest_tuple(t, wanted, 1), wanted.context));
  TRY(push_handle(t, loop, handle));
  return handle;
}
Result<Value> loop_call_soon_threadsafe(Thread& t, Value self, const CallArgs& args) {
  EventLoopObject* loop = loop_of(self);
  ScheduleArgs wanted = TRY(schedule_args(t, args, "call_soon_threadsafe", 1, kSoonNames));
  TRY(check_closed(t, loop));
  TRY(check_in_debug(t, loop, wanted.values[0], "call_soon_threadsafe", true));
  HandleObject* handle =
      TRY(make_handle(t, loop, wanted.values[0], rest_tuple(t, wanted, 1), wanted.context));
  TRY(push_handle(t, loop, handle));
  wake(t, loop);
  return handle;
}
Result<Value> schedule_at(Thread& t, EventLoopObject* loop, Value when, const ScheduleArgs& wanted,
                          const char* function) {
  TRY(check_closed(t, loop));
  TRY(check_in_debug(t, loop, wanted.values[1], function, false));
  TimerHandleObject* timer =
      TRY(make_timer(t, loop, when, wanted.values[1], rest_tuple(t, wanted, 2), wanted.context));
  TRY(push_timer(t, loop, timer));
  return timer;
}
Result<Value> loop_call_later(Thread& t, Value self, const CallArgs& args) {
  EventLoopObject* loop = loop_of(self);
  ScheduleArgs wanted = TRY(schedule_args(t, args, "call_later", 2, kLaterNames));
  if (wanted.values[0].is_none()) return t.raise(Exc::TypeError, "delay must not be None");
  Value now = make_float(t, TRY(time_of(t, loop)));
  return schedule_at(t, loop, TRY(binary(t, BinaryOp::Add, now, wanted.values[0])), wanted, "call_at");
}
Result<Value> loop_call_at(Thread& t, Value self, const CallArgs& args) {
  ScheduleArgs wanted = TRY(schedule_args(t, args, "call_at", 2, kAtNames));
  if (wanted.values[0].is_none()) return t.raise(Exc::TypeError, "when cannot be None");
  return schedule_at(t, loop_of(self), wanted.values[0], wanted, "call_at");
}

Result<Value> loop_add_callback(Thread& t, const Value* args) {
  if (!is_instance(t, args[1], native_type(t, kHandleSpec)))
    return t.raise(Exc::TypeError, "a Handle is needed, not {}", type_name(t, args[1]));
  if (!args[1].as<HandleObject>()->cancelled) TRY(push_handle(t, loop_of(args[0]), args[1]));
  return kNone;
}
Result<Value> loop_add_callback_signalsafe(Thread& t, const Value* args) {
  TRY(loop_add_callback(t, args));
  wake(t, loop_of(args[0]));
  return kNone;
}
Result<Value> loop_timer_cancelled(Thread&, const Value*) { return kNone; }  // cancel() counts by itself
Result<Value> loop_write_to_self(Thread& t, const Value* args) {
  wake(t, loop_of(args[0]));
  return kNone;
}

// ---------------------------------------------------------------- descriptors

template <Direction direction>
Result<Value> add_watch(Thread& t, Value self, const CallArgs& args) {
  EventLoopObject* loop = loop_of(self);
  if (args.count < 2) return t.raise(Exc::TypeError, "a descriptor and a callback are needed");
  TRY(check_closed(t, loop));
  int fd = TRY(descriptor_of(t, args.values[0]));
  ScheduleArgs wanted{args.values, args.count, kNone};
  HandleObject* handle = TRY(make_handle(t, loop, args.values[1], rest_tuple(t, wanted, 2), kNone));
  Value old = kEmpty;
  TRY(watch(t, loop, fd, direction, handle, &old));
  if (is_exact_handle(old)) TRY(cancel_handle(t, old.as<HandleObject>()));
  return handle;
}
template <Direction direction>
Result<Value> remove_watch(Thread& t, const Value* args) {
  EventLoopObject* loop = loop_of(args[0]);
  if (loop->closed.load(std::memory_order_relaxed)) return kFalse;
  int fd = TRY(descriptor_of(t, args[1]));
  Value old = TRY(unwatch(t, loop, fd, direction));
  if (old.is_empty()) return kFalse;
  if (is_exact_handle(old)) TRY(cancel_handle(t, old.as<HandleObject>()));
  return kTrue;
}

// (reader, writer), each a handle, a transport or None.
Result<Value> loop_watchers(Thread& t, const Value* args) {
  int fd = TRY(descriptor_of(t, args[1]));
  auto found = [&](Direction direction) {
    Value watcher = watcher_of(t, loop_of(args[0]), fd, direction);
    return watcher.is_empty() ? kNone : watcher;
  };
  return make_tuple(t, {found(Direction::Read), found(Direction::Write)});
}
Result<Value> loop_watched(Thread& t, const Value* args) {
  EventLoopObject* loop = loop_of(args[0]);
  SlotArray* watches = loop->watches.load(std::memory_order_acquire);
  ListObject* list = make_list(t);
  for (uint64_t i = 0; watches != nullptr && i < watches->capacity; i += 2)
    if (!watches->items()[i].get().is_empty() || !watches->items()[i + 1].get().is_empty())
      TRY(list_append(t, list, make_int_unsigned(t, i / 2)));
  return list;
}

// ---------------------------------------------------------------- futures and tasks

Result<Value> loop_create_future(Thread& t, const Value* args) { return make_asyncio_future(t, args[0]); }
Result<Value> loop_create_task(Thread& t, const Value* args) {
  EventLoopObject* loop = loop_of(args[0]);
  Value coroutine = args[1], name = args[2], context = args[3], factory = loop->task_factory;
  TRY(check_closed(t, loop));
  if (factory.is_none()) return make_asyncio_task(t, coroutine, args[0], name, context);
  Value values[] = {args[0], coroutine, context};
  CallArgs call_args{values, 2};
  if (!context.is_none()) call_args.keyword_names = make_tuple(t, {Value(intern(t, "context"))});
  Value task = TRY(call(t, factory, call_args));
  if (!name.is_none()) TRY(call_method(t, task, intern(t, "set_name"), {name}));
  return task;
}

// ---------------------------------------------------------------- the life of a loop

Result<Value> loop_new(Thread& t, Value cls, const CallArgs&) {
  auto* loop = t.heap().make<EventLoopObject>(t, cls.as<Type>());
  loop->names = &loop_names(t);
  loop->current_handle = kNone;
  loop->slow_callback_duration = make_float(t, 0.1);
  loop->task_factory = kNone;
  loop->handle_type = Value(native_type(t, kHandleSpec));
  loop->timer_type = Value(native_type(t, kTimerHandleSpec));
  return loop;
}
Result<Value> loop_time(Thread& t, const Value*) { return make_float(t, monotonic_seconds()); }
Result<Value> loop_run_once(Thread& t, const Value* args) {
  TRY(run_once(t, loop_of(args[0])));
  return kNone;
}
Result<Value> loop_run_until_stopped(Thread& t, const Value* args) {
  EventLoopObject* loop = loop_of(args[0]);
  do {
    TRY(run_once(t, loop));
  } while (!loop->stopping.load(std::memory_order_relaxed));
  return kNone;
}
Result<Value> loop_stop(Thread&, const Value* args) {
  loop_of(args[0])->stopping.store(true, std::memory_order_relaxed);
  return kNone;
}
bool is_running(EventLoopObject* loop) { return loop->thread_id.load(std::memory_order_relaxed) != 0; }
Result<Value> loop_is_running(Thread&, const Value* args) {
  return Value::from_bool(is_running(loop_of(args[0])));
}
Result<Value> loop_is_closed(Thread&, const Value* args) {
  return Value::from_bool(loop_of(args[0])->closed.load(std::memory_order_relaxed));
}
Result<Value> loop_get_debug(Thread&, const Value* args) {
  return Value::from_bool(loop_of(args[0])->debug.load(std::memory_order_relaxed));
}
Result<Value> loop_check_closed(Thread& t, const Value* args) {
  TRY(check_closed(t, loop_of(args[0])));
  return kNone;
}
Result<Value> loop_discard(Thread& t, const Value* args) {
  EventLoopObject* loop = loop_of(args[0]);
  if (is_running(loop)) return t.raise(Exc::RuntimeError, "Cannot close a running event loop");
  loop->closed.store(true, std::memory_order_relaxed);
  clear_queues(t, loop);
  close_poller(t, loop);
  return kNone;
}

void trace_loop(Object* o, Tracer& tracer) {
  auto* loop = static_cast<EventLoopObject*>(o);
  for (SlotArray* array : {loop->ready.load(), loop->timers.load()}) {
    if (array == nullptr) continue;
    tracer.mark_raw(array);
    tracer.visit_slots(array->items(), array->capacity);
  }
  trace_watches(loop, tracer);
  tracer.visit_slots(&loop->current_handle, 5);
}

template <std::atomic<bool> EventLoopObject::*flag>
Result<Value> get_flag(Thread&, Value self) {
  return Value::from_bool((loop_of(self)->*flag).load());
}
template <std::atomic<bool> EventLoopObject::*flag>
Status set_flag(Thread& t, Value self, Value value) {
  if (value.is_empty()) return t.raise(Exc::AttributeError, "cannot delete the attribute");
  (loop_of(self)->*flag) = TRY(truth(t, value));
  return {};
}
Result<Value> get_thread_id(Thread& t, Value self) {
  uint64_t ident = loop_of(self)->thread_id.load();
  return ident == 0 ? kNone : make_int_unsigned(t, ident);
}
Status set_thread_id(Thread& t, Value self, Value value) {
  int64_t ident = value.is_none() || value.is_empty() ? 0 : TRY(to_int64(t, value));
  loop_of(self)->thread_id = static_cast<uint64_t>(ident);
  return {};
}
Result<Value> get_clock_resolution(Thread& t, Value) { return make_float(t, kClockResolution); }
// Copies: for a look from outside.
Result<Value> get_ready(Thread& t, Value self) {
  EventLoopObject* loop = loop_of(self);
  ListObject* list = make_list(t);
  SlotArray* array = loop->ready.load();
  for (uint64_t i = 0; array != nullptr && i < loop->ready_count.load(); ++i) {
    auto* calls = reinterpret_cast<ReadyCall*>(array->items());
    const ReadyCall& call = calls[(loop->ready_head.load() + i) & (array->reserved - 1)];
    Value shown = call.handle.get().is_empty() ? call.callback.get() : call.handle.get();
    if (!shown.is_empty()) TRY(list_append(t, list, shown));
  }
  return list;
}
Result<Value> get_scheduled(Thread& t, Value self) {
  EventLoopObject* loop = loop_of(self);
  ListObject* list = make_list(t);
  SlotArray* array = loop->timers.load();
  for (uint64_t i = 0; array != nullptr && i < array->capacity; ++i) {
    Value timer = array->items()[i];
    if (!timer.is_empty()) TRY(list_append(t, list, timer));
  }
  return list;
}
Result<Value> get_cancelled_timers(Thread& t, Value self) {
  return make_int_unsigned(t, loop_of(self)->cancelled_timers.load());
}

const GetSetDef kGetSets[] = {
    {"_debug", get_flag<&EventLoopObject::debug>, set_flag<&EventLoopObject::debug>, nullptr},
    {"_closed", get_flag<&EventLoopObject::closed>, set_flag<&EventLoopObject::closed>, nullptr},
    {"_stopping", get_flag<&EventLoopObject::stopping>, set_flag<&EventLoopObject::stopping>, nullptr},
    {"_thread_id", get_thread_id, set_thread_id, nullptr},
    {"_clock_resolution", get_clock_resolution, nullptr, nullptr},
    {"_ready", get_ready, nullptr, nullptr},
    {"_scheduled", get_scheduled, nullptr, nullptr},
    {"_timer_cancelled_count", get_cancelled_timers, nullptr, nullptr},
    {}};
const MemberDef kMembers[] = {
    {"_current_handle", offsetof(EventLoopObject, current_handle), false, nullptr},
    {"_task_factory", offsetof(EventLoopObject, task_factory), false, nullptr},
    {"slow_callback_duration", offsetof(EventLoopObject, slow_callback_duration), false, nullptr},
    {}};
const NativeDef kLoopMethods[] = {
    MP_RAW_NEW(loop_new, "__new__(cls, *args, **kwargs)", nullptr),
    MP_RAW_METHOD(loop_call_soon, "call_soon(self, callback, *args, context=None)",
                  "Arrange for a callback to be called as soon as possible, in the order of registration."),
    MP_RAW_METHOD(loop_call_soon_threadsafe, "call_soon_threadsafe(self, callback, *args, context=None)",
                  "Like call_soon(), from any thread."),
    MP_RAW_METHOD(loop_call_later, "call_later(self, delay, callback, *args, context=None)",
                  "Arrange for a callback to be called after `delay` seconds. The Handle that is returned "
                  "can cancel it."),
    MP_RAW_METHOD(loop_call_at, "call_at(self, when, callback, *args, context=None)",
                  "Like call_later(), but `when` is a point of the loop's clock, time()."),
    MP_METHOD(loop_create_future, "create_future(self)", "Create a Future object attached to the loop."),
    MP_METHOD(loop_create_task, "create_task(self, coro, *, name=None, context=None)",
              "Schedule a coroutine object: a Task."),
    MP_METHOD(loop_time, "time(self)", "The loop's clock in seconds: monotonic, its start is undefined."),
    MP_METHOD(loop_stop, "stop(self)", "Stop the loop at the end of this iteration."),
    MP_METHOD(loop_is_running, "is_running(self)", "True while the loop runs."),
    MP_METHOD(loop_is_closed, "is_closed(self)", "True after close()."),
    MP_METHOD(loop_get_debug, "get_debug(self)", "True in debug mode."),
    MP_METHOD(loop_check_closed, "_check_closed(self)", nullptr),
    MP_METHOD(loop_run_once, "_run_once(self)", "One iteration."),
    MP_METHOD(loop_run_until_stopped, "_run_until_stopped(self)", "Iterations until stop()."),
    MP_METHOD(loop_discard, "_discard(self)",
              "Closed, and everything that was scheduled or watched is forgotten."),
    MP_METHOD(loop_add_callback, "_add_callback(self, handle)", nullptr),
    MP_METHOD(loop_add_callback_signalsafe, "_add_callback_signalsafe(self, handle)", nullptr),
    MP_METHOD(loop_timer_cancelled, "_timer_handle_cancelled(self, handle)", nullptr),
    MP_METHOD(loop_write_to_self, "_write_to_self(self)", "Ends the wait of the loop, from any thread."),
    MP_RAW_METHOD(add_watch<Direction::Read>, "_add_reader(self, fd, callback, *args)", nullptr),
    MP_RAW_METHOD(add_watch<Direction::Write>, "_add_writer(self, fd, callback, *args)", nullptr),
    MP_METHOD(loop_watchers, "_watchers(self, fd)", "Who is told of a descriptor: (reader, writer)."),
    MP_METHOD(loop_watched, "_watched(self)", "The descriptors that are watched."),
    MP_METHOD(remove_watch<Direction::Read>, "_remove_reader(self, fd)", nullptr),
    MP_METHOD(remove_watch<Direction::Write>, "_remove_writer(self, fd)", nullptr),
    MP_END};

Status init_module(Thread& t, ModuleObject* module) {
  for (const TypeSpec* spec : {&kHandleSpec, &kTimerHandleSpec, &kEventLoopSpec, &kStreamTransportSpec})
    if (module_add_type(t, module, *spec) == nullptr) return Error{};
  return {};
}
const NativeDef kFunctions[] = {MP_END};

}  // namespace

const LoopNames& loop_names(Thread& t) {
  static const char kTag = 0;
  struct State {
    std::once_flag once;
    LoopNames names;
  };
  auto& state = t.runtime().state<State>(&kTag);
  std::call_once(state.once, [&] {
    state.names = {intern(t, "data_received"), intern(t, "eof_received"),
                   intern(t, "get_buffer"),    intern(t, "buffer_updated"),
                   intern(t, "pause_writing"), intern(t, "resume_writing"),
                   intern(t, "call_soon"),     intern(t, "_call_connection_lost"),
                   intern(t, "_fatal_error"),  intern(t, "call_exception_handler"),
                   intern(t, "set_result"),    intern(t, "set_exception")};
  });
  return state.names;
}

const TypeSpec kEventLoopSpec = {.name = "_event_loop.EventLoop",
                                 .size = sizeof(EventLoopObject),
                                 .flags = kTypeBaseType | kTypeHasDict | kTypeHasWeakref,
                                 .doc = "Ready queue, timers and descriptors: what is hot in an event loop.",
                                 .trace = trace_loop,
                                 .methods = kLoopMethods,
                                 .getsets = kGetSets,
                                 .members = kMembers};

bool is_native_loop(Value v) {
  for (const Type* type = v.is_object() ? v.as_object()->type() : nullptr; type != nullptr;
       type = type->base.load())
    if (type->spec == &kEventLoopSpec) return true;
  return false;
}

}  // namespace event_loop

bool is_event_loop(Thread& t, Value loop) {
  return event_loop::is_native_loop(loop) && event_loop::is_plain(t, event_loop::loop_of(loop));
}

bool event_loop_debug(Value loop) { return event_loop::loop_of(loop)->debug.load(std::memory_order_relaxed); }

static Status push_bare(Thread& t, Value v, const event_loop::ReadyCall& call) {
  event_loop::EventLoopObject* loop = event_loop::loop_of(v);
  TRY(event_loop::check_closed(t, loop));
  if (!is_context(call.context)) return t.raise(Exc::TypeError, "a contextvars.Context is needed");
  return event_loop::push_ready(t, loop, call);
}

Status event_loop_call_soon(Thread& t, Value loop, Value callback, Value argument, Value context) {
  // A handle shows where it was made and what was slow: in debug mode there is one.
  if (!is_event_loop(t, loop) || event_loop::loop_of(loop)->debug.load(std::memory_order_relaxed)) {
    Value values[] = {callback, argument, context};
    size_t count = argument.is_empty() ? 1 : 2;
    values[count] = context;
    CallArgs args{values, count, make_tuple(t, {Value(intern(t, "context"))})};
    TRY(call(t, TRY(get_attr(t, loop, "call_soon")), args));
    return {};
  }
  event_loop::ReadyCall bare{};
  bare.callback = callback;
  bare.argument = argument;
  bare.context = context;
  return push_bare(t, loop, bare);
}

Status event_loop_call_soon(Thread& t, Value loop, LoopStep step, Value subject, Value argument,
                            Value context) {
  event_loop::ReadyCall bare{};
  bare.callback = subject;
  bare.argument = argument;
  bare.context = context;
  bare.step = Value::from_int(reinterpret_cast<int64_t>(step));
  return push_bare(t, loop, bare);
}

extern const ModuleSpec kEventLoopModule;
const ModuleSpec kEventLoopModule = {.name = "_event_loop",
                                     .doc = "What asyncio's event loop is made of.",
                                     .functions = event_loop::kFunctions,
                                     .init = event_loop::init_module};

}  // namespace mp

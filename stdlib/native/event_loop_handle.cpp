// asyncio.Handle and TimerHandle: a callback that was scheduled. They work with any loop; a native one is
// asked directly.
#include "stdlib/native/event_loop_internal.h"
#include "vm/modules/modules.h"
#include "vm/types/number.h"
#include "vm/types/runtime.h"

namespace mp::event_loop {
namespace {

HandleObject* handle_of(Value v) { return v.as<HandleObject>(); }
TimerHandleObject* timer_of(Value v) { return v.as<TimerHandleObject>(); }
void trace_handle(Object* o, Tracer& tracer) {
  tracer.visit_slots(&static_cast<HandleObject*>(o)->callback, 6);
}
void trace_timer(Object* o, Tracer& tracer) {
  trace_handle(o, tracer);
  tracer.visit(static_cast<TimerHandleObject*>(o)->when);
}
bool is_timer(Value v) {
  for (const Type* type = v.is_object() ? v.as_object()->type() : nullptr; type != nullptr;
       type = type->base.load())
    if (type->spec == &kTimerHandleSpec) return true;
  return false;
}

Result<bool> debug_of(Thread& t, Value loop) {
  if (is_native_loop(loop)) return loop_of(loop)->debug.load(std::memory_order_relaxed);
  return truth(t, TRY(call_method(t, loop, intern(t, "get_debug"))));
}

Result<Value> format_helper(Thread& t, const char* name) {
  return get_attr(t, TRY(import_module(t, "asyncio.format_helpers")), name);
}

// `debug` remembers where the handle was made: the frames of the script, which is what called us.
Status init_handle(Thread& t, HandleObject* handle, Value loop, Value callback, Value arguments,
                   Value context, bool debug) {
  handle->callback = callback;
  handle->arguments = arguments;
  handle->context = context.is_empty() || context.is_none() ? copy_context(t) : context;
  handle->loop = loop;
  handle->text = kNone;
  handle->traceback = kNone;
  if (debug) [[unlikely]]
    handle->traceback = TRY(call(t, TRY(format_helper(t, "extract_stack"))));
  return {};
}

// The parts of the repr, which a debugging user reads: class, state, callback, where it was made.
Result<Value> repr_info(Thread& t, Value self) {
  HandleObject* handle = handle_of(self);
  ListObject* info = make_list(t);
  TRY(list_append(t, info, type_of(t, self)->name));
  if (handle->cancelled) TRY(list_append(t, info, make_str(t, "cancelled")));
  if (is_timer(self)) {
    Value when = timer_of(self)->when;
    TRY(list_append(t, info, make_str(t, "when=" + to_utf8(TRY(str(t, when)).as<StrObject>()))));
  }
  if (!handle->callback.get().is_none()) {
    Value debug = Value::from_bool(TRY(debug_of(t, handle->loop)));
    Value values[] = {handle->callback, handle->arguments, debug};
    CallArgs args{values, 2, make_tuple(t, {Value(intern(t, "debug"))})};
    TRY(list_append(t, info, TRY(call(t, TRY(format_helper(t, "_format_callback_source")), args))));
  }
  Value traceback = handle->traceback;
  if (TRY(truth(t, traceback))) {
    Value frame = TRY(get_item(t, traceback, Value::from_int(-1)));
    std::string place = "created at " + str_text(t, TRY(get_item(t, frame, Value::from_int(0)))) + ":" +
                        str_text(t, TRY(get_item(t, frame, Value::from_int(1))));
    TRY(list_append(t, info, make_str(t, place)));
  }
  return info;
}
Result<Value> handle_repr_info(Thread& t, const Value* args) { return repr_info(t, args[0]); }
Result<Value> handle_repr(Thread& t, Value self) {
  HandleObject* handle = handle_of(self);
  if (!handle->text.get().is_none()) return handle->text.get();
  // Through the method, which subclasses may extend.
  Value info = TRY(call_method(t, self, intern(t, "_repr_info")));
  std::string text;
  TRY(for_each(t, info, [&](Value part) -> Status {
    text += (text.empty() ? "<" : " ") + str_text(t, part);
    return {};
  }));
  return str_or_error(make_str(t, text + ">"));
}

Result<Value> handle_new(Thread& t, Value cls, const CallArgs&) {
  auto* handle = t.heap().make<HandleObject>(t, cls.as<Type>());
  for (Slot* slot = &handle->callback; slot <= &handle->traceback; ++slot) *slot = kNone;
  return handle;
}
Result<Value> timer_new(Thread& t, Value cls, const CallArgs&) {
  auto* timer = t.heap().make<TimerHandleObject>(t, cls.as<Type>());
  for (Slot* slot = &timer->callback; slot <= &timer->traceback; ++slot) *slot = kNone;
  timer->when = kNone;
  return timer;
}
Result<Value> handle_init(Thread& t, const Value* args) {
  bool debug = TRY(debug_of(t, args[3]));
  TRY(init_handle(t, handle_of(args[0]), args[3], args[1], args[2], args[4], debug));
  return kNone;
}
Status set_time(Thread& t, TimerHandleObject* timer, Value when) {
  timer->when = when;
  timer->seconds = TRY(to_double(t, when));
  return {};
}
Result<Value> timer_init(Thread& t, const Value* args) {
  bool debug = TRY(debug_of(t, args[4]));
  TRY(init_handle(t, handle_of(args[0]), args[4], args[2], args[3], args[5], debug));
  // Any time that can be compared will do for a loop written in script.
  timer_of(args[0])->when = args[1];
  if (set_time(t, timer_of(args[0]), args[1]).is_error()) t.clear_exception();
  return kNone;
}

Result<Value> handle_cancel(Thread& t, const Value* args) {
  TRY(cancel_handle(t, handle_of(args[0])));
  return kNone;
}
Result<Value> handle_cancelled(Thread&, const Value* args) {
  return Value::from_bool(handle_of(args[0])->cancelled.load(std::memory_order_relaxed));
}
Result<Value> handle_get_context(Thread&, const Value* args) { return handle_of(args[0])->context.get(); }
Result<Value> handle_run(Thread& t, const Value* args) {
  TRY(run_handle(t, handle_of(args[0])));
  return kNone;
}
Result<Value> timer_when(Thread&, const Value* args) { return timer_of(args[0])->when.get(); }
Result<int64_t> timer_hash(Thread& t, Value self) { return hash(t, timer_of(self)->when); }

Result<bool> same_timer(Thread& t, TimerHandleObject* a, TimerHandleObject* b) {
  return TRY(equals(t, a->when, b->when)) && TRY(equals(t, a->callback, b->callback)) &&
         TRY(equals(t, a->arguments, b->arguments)) && a->cancelled.load() == b->cancelled.load();
}
Result<Value> timer_compare(Thread& t, Value left, Value right, CompareOp op) {
  if (!is_timer(right)) return kNotImplemented;
  TimerHandleObject *a = timer_of(left), *b = timer_of(right);
  switch (op) {
    case CompareOp::Lt:
    case CompareOp::Gt: return compare(t, a->when, b->when, op);
    case CompareOp::Le:
    case CompareOp::Ge: {
      CompareOp strict = op == CompareOp::Le ? CompareOp::Lt : CompareOp::Gt;
      if (TRY(compare_bool(t, a->when, b->when, strict))) return kTrue;
      return Value::from_bool(TRY(same_timer(t, a, b)));
    }
    default: return Value::from_bool(TRY(same_timer(t, a, b)) == (op == CompareOp::Eq));
  }
}

Result<Value> get_cancelled(Thread&, Value self) {
  return Value::from_bool(handle_of(self)->cancelled.load());
}
Status set_cancelled(Thread& t, Value self, Value value) {
  if (value.is_empty()) return t.raise(Exc::AttributeError, "_cancelled");
  handle_of(self)->cancelled = TRY(truth(t, value));
  return {};
}
Result<Value> get_scheduled(Thread&, Value self) {
  return Value::from_bool(timer_of(self)->scheduled.load());
}
Status set_scheduled(Thread& t, Value self, Value value) {
  if (value.is_empty()) return t.raise(Exc::AttributeError, "_scheduled");
  timer_of(self)->scheduled = TRY(truth(t, value));
  return {};
}
Result<Value> get_when(Thread&, Value self) { return timer_of(self)->when.get(); }
Status set_when(Thread& t, Value self, Value value) {
  if (value.is_empty()) return t.raise(Exc::AttributeError, "_when");
  return set_time(t, timer_of(self), value);
}

const MemberDef kMembers[] = {{"_callback", offsetof(HandleObject, callback), false, nullptr},
                              {"_args", offsetof(HandleObject, arguments), false, nullptr},
                              {"_context", offsetof(HandleObject, context), false, nullptr},
                              {"_loop", offsetof(HandleObject, loop), false, nullptr},
                              {"_repr", offsetof(HandleObject, text), false, nullptr},
                              {"_source_traceback", offsetof(HandleObject, traceback), false, nullptr},
                              {}};
const GetSetDef kGetSets[] = {{"_cancelled", get_cancelled, set_cancelled, nullptr}, {}};
const NativeDef kMethods[] = {
    MP_RAW_NEW(handle_new, "__new__(cls, *args, **kwargs)", nullptr),
    MP_METHOD(handle_init, "__init__(self, callback, args, loop, context=None)", nullptr),
    MP_METHOD(handle_repr_info, "_repr_info(self)", nullptr),
    MP_METHOD(handle_get_context, "get_context(self)", "The context in which the callback runs."),
    MP_METHOD(handle_cancel, "cancel(self)", "The callback will not be called."),
    MP_METHOD(handle_cancelled, "cancelled(self)", "True after cancel()."),
    MP_METHOD(handle_run, "_run(self)", nullptr),
    MP_END};
const GetSetDef kTimerGetSets[] = {
    {"_scheduled", get_scheduled, set_scheduled, nullptr}, {"_when", get_when, set_when, nullptr}, {}};
const NativeDef kTimerMethods[] = {
    MP_RAW_NEW(timer_new, "__new__(cls, *args, **kwargs)", nullptr),
    MP_METHOD(timer_init, "__init__(self, when, callback, args, loop, context=None)", nullptr),
    MP_METHOD(timer_when, "when(self)", "The time of the call, on the clock of loop.time()."), MP_END};

}  // namespace

const TypeSpec kHandleSpec = {.name = "asyncio.events.Handle",
                              .size = sizeof(HandleObject),
                              .flags = kTypeBaseType | kTypeHasWeakref,
                              .doc = "Object returned by callback registration methods.",
                              .trace = trace_handle,
                              .slots = MP_SLOTS(.repr = handle_repr),
                              .methods = kMethods,
                              .getsets = kGetSets,
                              .members = kMembers};
const TypeSpec kTimerHandleSpec = {.name = "asyncio.events.TimerHandle",
                                   .base_spec = &kHandleSpec,
                                   .size = sizeof(TimerHandleObject),
                                   .flags = kTypeBaseType | kTypeHasWeakref,
                                   .doc = "Object returned by timed callback registration methods.",
                                   .trace = trace_timer,
                                   .slots = MP_SLOTS(.hash = timer_hash, .compare = timer_compare),
                                   .methods = kTimerMethods,
                                   .getsets = kTimerGetSets};

Result<HandleObject*> make_handle(Thread& t, EventLoopObject* loop, Value callback, Value arguments,
                                  Value context) {
  auto* handle = t.heap().make<HandleObject>(t, loop->handle_type.get().as<Type>());
  TRY(init_handle(t, handle, loop, callback, arguments, context,
                  loop->debug.load(std::memory_order_relaxed)));
  return handle;
}
Result<TimerHandleObject*> make_timer(Thread& t, EventLoopObject* loop, Value when, Value callback,
                                      Value arguments, Value context) {
  auto* timer = t.heap().make<TimerHandleObject>(t, loop->timer_type.get().as<Type>());
  TRY(set_time(t, timer, when));
  TRY(init_handle(t, timer, loop, callback, arguments, context, loop->debug.load(std::memory_order_relaxed)));
  return timer;
}
bool is_exact_handle(Value v) {
  if (!v.is_object()) return false;
  const void* spec = v.as_object()->type()->spec;
  return spec == &kHandleSpec || spec == &kTimerHandleSpec;
}

Status cancel_handle(Thread& t, HandleObject* handle) {
  if (handle->cancelled.load(std::memory_order_relaxed)) return {};
  Value self = handle, loop = handle->loop;
  bool native = is_native_loop(loop);
  if (is_timer(self)) {
    if (native) {
      if (timer_of(self)->scheduled.load(std::memory_order_relaxed))
        loop_of(loop)->cancelled_timers.fetch_add(1, std::memory_order_relaxed);
    } else {
      TRY(call_method(t, loop, intern(t, "_timer_handle_cancelled"), {self}));
    }
  }
  handle->cancelled.store(true, std::memory_order_relaxed);
  // A message about a slow callback shows what it was.
  if (TRY(debug_of(t, loop))) handle->text = TRY(repr(t, self));
  handle->callback = kNone;
  handle->arguments = kNone;
  return {};
}

Status run_handle(Thread& t, HandleObject* handle) {
  Value callback = handle->callback, arguments = handle->arguments, context = handle->context;
  Value before;
  if (!is_context(context)) [[unlikely]] {
    // Something of the script's with a run().
    auto* tuple = TRY(to_tuple(t, arguments)).as<TupleObject>();
    TupleObject* all = allocate_tuple(t, tuple->size + 1);
    all->items()[0] = callback;
    for (size_t i = 0; i < tuple->size; ++i) all->items()[i + 1] = tuple->items()[i];
    auto run = get_attr(t, context, "run");
    if (run.ok() && call_tuple(t, run.value(), all, kEmpty).ok()) return {};
    return report_failure(t, handle);
  }
  if (enter_context(t, context, &before).is_error()) return report_failure(t, handle);
  Result<Value> result = call_tuple(t, callback, arguments, kEmpty);
  leave_context(t, context, before);
  return result.is_error() ? report_failure(t, handle) : Status();
}

Status report_failure(Thread& t, HandleObject* handle) {
  if (t.exception_matches(Exc::SystemExit) || t.exception_matches(Exc::KeyboardInterrupt)) return Error{};
  Value exception = t.take_exception();
  Value debug = Value::from_bool(TRY(debug_of(t, handle->loop)));
  Value values[] = {handle->callback, handle->arguments, debug};
  CallArgs args{values, 2, make_tuple(t, {Value(intern(t, "debug"))})};
  Value source = TRY(call(t, TRY(format_helper(t, "_format_callback_source")), args));
  DictObject* context = make_dict(t);
  TRY(dict_set_text(t, context, "message", make_str(t, "Exception in callback " + str_text(t, source))));
  TRY(dict_set_text(t, context, "exception", exception));
  TRY(dict_set_text(t, context, "handle", handle));
  if (TRY(truth(t, handle->traceback))) TRY(dict_set_text(t, context, "source_traceback", handle->traceback));
  TRY(call_method(t, handle->loop, intern(t, "call_exception_handler"), {Value(context)}));
  return {};
}

}  // namespace mp::event_loop

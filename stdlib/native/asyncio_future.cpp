// asyncio.Future: a result that is not there yet, of one event loop. Its callbacks are scheduled on the loop
// when it is done; a task that awaits it is woken without a callback object.
#include "stdlib/native/asyncio_internal.h"
#include "stdlib/native/contextvars.h"
#include "vm/core/compiler.h"
#include "vm/exec/generator.h"
#include "vm/types/generic_alias.h"
#include "vm/types/iterator_support.h"

namespace mp::asyncio {

extern const TypeSpec kFutureIteratorSpec;

namespace {

constexpr const char* kStates[] = {"PENDING", "CANCELLED", "FINISHED"};

FutureObject* self_of(const Value* args) { return future_of(args[0]); }

// Everything that waits is told, once: the callbacks are taken out.
Status schedule_callbacks(Thread& t, FutureObject* future) {
  Value first, context, rest;
  bool wakes;
  {
    ObjectLock lock(t, future);
    first = future->first_callback.exchange(kEmpty);
    context = future->first_context.exchange(kEmpty);
    rest = future->callbacks.exchange(kEmpty);
    wakes = future->wakes_first.exchange(false);
  }
  Value loop = future->loop;
  if (!first.is_empty()) {
    if (wakes && is_task(t, first)) {
      TRY(schedule_wake(t, loop, first, Value(future), context));
    } else {
      TRY(schedule_call(t, loop, first, Value(future), context));
    }
  }
  if (rest.is_empty()) return {};
  auto* list = rest.as<ListObject>();
  for (size_t i = 0; i < list->length(); ++i) {
    Value pair = list->at(i);
    if (!is_tuple(pair)) continue;
    TRY(schedule_call(t, loop, (*pair.as<TupleObject>())[0], Value(future), (*pair.as<TupleObject>())[1]));
  }
  return {};
}

// Pending -> `end`, by one thread only; `store` runs before anybody can see it.
template <class Store>
Status leave_pending(Thread& t, FutureObject* future, State end, Store&& store) {
  bool left = false;
  {
    ObjectLock lock(t, future);
    if (state_of(future) == State::Pending) {
      store();
      future->state.store(end, std::memory_order_release);
      left = true;
    }
  }
  if (!left) return raise_async_error(t, AsyncError::InvalidState, "invalid state");
  return schedule_callbacks(t, future);
}

// It has one already, or is done.
Status append_more(Thread& t, FutureObject* future, Value callback, Value context, bool wakes) {
  if (state_of(future) == State::Pending) {
    Value made = wakes ? make_wakeup_callable(t, callback) : callback;
    Value pair = make_tuple(t, {made, context}), list = make_list(t);
    ObjectLock lock(t, future);  // who finishes it takes the list out
    if (state_of(future) == State::Pending) {
      if (Value known = future->callbacks; !known.is_empty()) list = known;
      future->callbacks = list;
      return list_append(t, list.as<ListObject>(), pair);
    }
  }
  if (wakes) return schedule_wake(t, future->loop, callback, Value(future), context);
  return schedule_call(t, future->loop, callback, Value(future), context);
}
MP_NOINLINE Status append_callback(Thread& t, FutureObject* future, Value callback, Value context,
                                   bool wakes) {
  {
    ObjectLock lock(t, future);
    if (state_of(future) == State::Pending && future->first_callback.get().is_empty() &&
        future->callbacks.get().is_empty()) {
      future->wakes_first.store(wakes, std::memory_order_relaxed);
      future->first_context = context;
      future->first_callback = callback;
      return {};
    }
  }
  return append_more(t, future, callback, context, wakes);
}

// The callbacks as Python sees them: a list of (callback, context), or None.
Value shown_callbacks(Thread& t, FutureObject* future) {
  Value first = future->first_callback, rest = future->callbacks;
  if (first.is_empty() && rest.is_empty()) return kNone;
  ListObject* all = make_list(t);
  if (!first.is_empty()) {
    if (future->wakes_first && is_task(t, first)) first = make_wakeup_callable(t, first);
    Value pair = make_tuple(t, {first, or_none(future->first_context)});
    if (list_append(t, all, pair).is_error()) t.clear_exception();
  }
  if (!rest.is_empty()) {
    auto* list = rest.as<ListObject>();
    for (size_t i = 0; i < list->length(); ++i)
      if (list_append(t, all, list->at(i)).is_error()) t.clear_exception();
  }
  return all;
}

}  // namespace

Result<Value> call_helper(Thread& t, const char* module, const char* function,
                          std::initializer_list<Value> arguments) {
  return call(t, TRY(get_attr(t, TRY(import_module(t, module)), function)), arguments);
}

void trace_future(Object* o, Tracer& tracer) {
  tracer.visit_slots(&static_cast<FutureObject*>(o)->loop, kFutureSlots);
}

Status check_initialised(Thread& t, FutureObject* future) {
  if (future->loop.get().is_empty()) [[unlikely]]
    return t.raise(Exc::RuntimeError, "{} object is not initialized.",
                   is_task(t, Value(future)) ? "Task" : "Future");
  return {};
}

Status init_future(Thread& t, FutureObject* future, Value loop) {
  if (loop.is_none() || loop.is_empty()) {
    loop = t.impl->event_loop;
    if (loop.is_empty()) loop = TRY(call_helper(t, "asyncio.events", "get_event_loop", {}));
  }
  future->first_callback = future->first_context = future->callbacks = kEmpty;
  future->result = future->exception = future->exception_traceback = kEmpty;
  future->source_traceback = future->cancel_message = future->cancelled_error = kEmpty;
  future->wakes_first.store(false, std::memory_order_relaxed);
  future->blocking.store(false, std::memory_order_relaxed);
  future->log_traceback.store(false, std::memory_order_relaxed);
  future->state.store(State::Pending, std::memory_order_release);
  future->loop = loop;
  if (TRY(loop_debug(t, loop)) && !t.runtime().finalizing)
    future->source_traceback = TRY(call_helper(t, "traceback", "extract_stack", {}));
  return {};
}

Status finish(Thread& t, FutureObject* future, Value result) {
  return leave_pending(t, future, State::Finished, [&] { future->result = result; });
}

Status fail(Thread& t, FutureObject* future, Value exception) {
  if (is_exception_of(t, exception, Exc::StopIteration)) {
    Value replaced = make_exception(
        t, Exc::RuntimeError,
        make_str(t, "StopIteration interacts badly with generators and cannot be raised into a Future"));
    auto* e = replaced.as<ExceptionObject>();
    e->cause = exception;
    e->suppress_context = true;
    e->context = exception;
    exception = replaced;
  }
  // Tasks are registered from the start: they tell as well when they are destroyed pending.
  if (!future->log_traceback.exchange(true) && future->type() == native_type(t, kFutureSpec))
    t.heap().register_script_finalizer(future);
  return leave_pending(t, future, State::Finished, [&] {
    future->exception = exception;
    future->exception_traceback = exception.as<ExceptionObject>()->traceback;
  });
}

Result<bool> cancel_future(Thread& t, FutureObject* future, Value message) {
  future->log_traceback.store(false, std::memory_order_relaxed);
  {
    ObjectLock lock(t, future);
    if (state_of(future) != State::Pending) return false;
    future->cancel_message = message;
    future->state.store(State::Cancelled, std::memory_order_release);
  }
  TRY(schedule_callbacks(t, future));
  return true;
}

Result<Value> make_cancelled_error(Thread& t, FutureObject* future) {
  Value kept = future->cancelled_error.exchange(kEmpty);
  if (!kept.is_empty()) return kept;
  Value cls = TRY(async_error_class(t, AsyncError::Cancelled));
  Value message = future->cancel_message;
  if (message.is_empty() || message.is_none()) return call(t, cls);
  return call(t, cls, {message});
}

Value retrieve_exception(FutureObject* future) {
  future->log_traceback.store(false, std::memory_order_relaxed);
  Value exception = future->exception;
  if (is_exception(exception)) {
    Value traceback = future->exception_traceback;
    exception.as<ExceptionObject>()->traceback = traceback.is_empty() ? kNone : traceback;
  }
  return exception;
}

Result<Value> future_outcome(Thread& t, FutureObject* future) {
  switch (state_of(future)) {
    case State::Pending: return raise_async_error(t, AsyncError::InvalidState, "Result is not set.");
    case State::Cancelled: return t.raise_object(TRY(make_cancelled_error(t, future)));
    case State::Finished: break;
  }
  Value exception = retrieve_exception(future);
  if (!exception.is_empty()) return t.raise_object(exception);
  return or_none(future->result);
}

Status add_callback(Thread& t, FutureObject* future, Value callback, Value context) {
  return append_callback(t, future, callback, context, false);
}
Status add_waiter(Thread& t, FutureObject* future, TaskObject* task) {
  return append_callback(t, future, Value(task), task->context, true);
}

Status report_to_loop(Thread& t, FutureObject* future, const char* key, const std::string& message,
                      Value exception) {
  DictObject* context = make_dict(t);
  if (!exception.is_empty()) {
    TRY(dict_set_text(t, context, "message", make_str(t, message)));
    TRY(dict_set_text(t, context, "exception", exception));
    TRY(dict_set_text(t, context, key, Value(future)));
  } else {
    TRY(dict_set_text(t, context, key, Value(future)));
    TRY(dict_set_text(t, context, "message", make_str(t, message)));
  }
  Value source = future->source_traceback;
  if (!source.is_empty() && !source.is_none()) TRY(dict_set_text(t, context, "source_traceback", source));
  TRY(call_method(t, future->loop, intern(t, "call_exception_handler"), {Value(context)}));
  return {};
}

Status finalize_future(Thread& t, Value self) {
  FutureObject* future = future_of(self);
  if (future->loop.get().is_empty() || !future->log_traceback.exchange(false)) return {};
  Value exception = future->exception;
  if (exception.is_empty()) return {};
  std::string name = to_utf8(type_of(t, self)->name);  // without the module, which type_name() has
  if (report_to_loop(t, future, "future", name + " exception was never retrieved", exception).is_error())
    write_unraisable(t, nullptr, self);
  return {};
}

namespace {

// Who asks for an outcome before __init__ ran gets the error of a future that has none yet.
Status check_has_outcome(Thread& t, FutureObject* future) {
  if (!future->loop.get().is_empty()) return {};
  return raise_async_error(t, AsyncError::InvalidState, "Future object is not initialized.");
}

Result<Value> future_new(Thread& t, Value cls, const CallArgs&) {
  auto* future = t.heap().make<FutureObject>(t, cls.as<Type>());
  // Registered when there is something to report, see fail(); classes that may have a __del__ like any
  // object.
  if (cls.as<Type>() == native_type(t, kFutureSpec)) future->set_flag(kFlagHasFinalizer);
  return future;
}
Result<Value> future_init(Thread& t, const Value* args) {
  TRY(init_future(t, self_of(args), args[1]));
  return kNone;
}
Result<Value> future_result(Thread& t, const Value* args) {
  TRY(check_has_outcome(t, self_of(args)));
  return future_outcome(t, self_of(args));
}
Result<Value> future_exception(Thread& t, const Value* args) {
  FutureObject* self = self_of(args);
  TRY(check_has_outcome(t, self));
  switch (state_of(self)) {
    case State::Pending: return raise_async_error(t, AsyncError::InvalidState, "Exception is not set.");
    case State::Cancelled: return t.raise_object(TRY(make_cancelled_error(t, self)));
    case State::Finished: break;
  }
  self->log_traceback.store(false, std::memory_order_relaxed);
  return or_none(self->exception);
}
Result<Value> future_set_result(Thread& t, const Value* args) {
  TRY(check_initialised(t, self_of(args)));
  TRY(finish(t, self_of(args), args[1]));
  return kNone;
}
Result<Value> future_set_exception(Thread& t, const Value* args) {
  FutureObject* self = self_of(args);
  TRY(check_initialised(t, self));
  if (state_of(self) != State::Pending)
    return raise_async_error(t, AsyncError::InvalidState, "invalid state");
  Value exception = args[1];
  if (is_type(exception) && is_subtype(exception.as<Type>(), t.types().exception(Exc::BaseException)))
    exception = TRY(call(t, exception));
  if (!is_exception(exception)) return t.raise(Exc::TypeError, "invalid exception object");
  TRY(fail(t, self, exception));
  return kNone;
}
Result<Value> future_add_done_callback(Thread& t, const Value* args) {
  TRY(check_initialised(t, self_of(args)));
  TRY(add_callback(t, self_of(args), args[1], args[2].is_none() ? copy_context(t) : args[2]));
  return kNone;
}
Result<Value> future_remove_done_callback(Thread& t, const Value* args) {
  FutureObject* self = self_of(args);
  TRY(check_initialised(t, self));
  int64_t removed = 0;
  Value first = self->first_callback;
  if (!first.is_empty() && !self->wakes_first && TRY(equals(t, first, args[1])) &&
      self->first_callback.compare_exchange(first, kEmpty))
    ++removed;  // its context stays: it may be that of another one by now
  Value rest = self->callbacks;
  if (rest.is_empty()) return Value::from_int(removed);
  ListObject* kept = make_list(t);
  auto* list = rest.as<ListObject>();
  size_t i = 0;
  for (; i < list->length(); ++i) {
    Value pair = list->at(i);
    if (!is_tuple(pair)) continue;
    if (TRY(equals(t, (*pair.as<TupleObject>())[0], args[1]))) {
      ++removed;
    } else {
      TRY(list_append(t, kept, pair));
    }
  }
  // Comparing runs code: what it did to the list stays, and what other threads have added.
  ObjectLock lock(t, self);
  if (self->callbacks.get() != rest) return Value::from_int(removed);
  for (; i < list->length(); ++i) TRY(list_append(t, kept, list->at(i)));
  self->callbacks = kept->length() == 0 ? kEmpty : Value(kept);
  return Value::from_int(removed);
}
Result<Value> future_cancel(Thread& t, const Value* args) {
  TRY(check_initialised(t, self_of(args)));
  return Value::from_bool(TRY(cancel_future(t, self_of(args), args[1])));
}
Result<Value> future_cancelled(Thread&, const Value* args) {
  return Value::from_bool(state_of(self_of(args)) == State::Cancelled &&
                          !self_of(args)->loop.get().is_empty());
}
Result<Value> future_done(Thread&, const Value* args) {
  return Value::from_bool(state_of(self_of(args)) != State::Pending && !self_of(args)->loop.get().is_empty());
}
Result<Value> future_get_loop(Thread& t, const Value* args) {
  TRY(check_initialised(t, self_of(args)));
  return self_of(args)->loop;
}
Result<Value> future_make_cancelled_error(Thread& t, const Value* args) {
  return make_cancelled_error(t, self_of(args));
}
Result<Value> future_repr(Thread& t, Value self) {
  TRY(check_initialised(t, future_of(self)));
  return call_helper(t, "asyncio.base_futures", "_future_repr", {self});
}

// ---- attributes

Result<Value> get_state(Thread& t, Value self) {
  return intern(t, kStates[static_cast<size_t>(state_of(future_of(self)))]);
}
Result<Value> get_blocking(Thread&, Value self) { return Value::from_bool(future_of(self)->blocking); }
Status set_blocking(Thread& t, Value self, Value value) {
  if (value.is_empty()) return t.raise(Exc::AttributeError, "cannot delete attribute");
  future_of(self)->blocking.store(TRY(truth(t, value)));
  return {};
}
Result<Value> get_log_traceback(Thread&, Value self) {
  return Value::from_bool(future_of(self)->log_traceback);
}
Status set_log_traceback(Thread& t, Value self, Value value) {
  if (value.is_empty()) return t.raise(Exc::AttributeError, "cannot delete attribute");
  if (TRY(truth(t, value))) return t.raise(Exc::ValueError, "_log_traceback can only be set to False");
  future_of(self)->log_traceback.store(false);
  return {};
}
Result<Value> get_callbacks(Thread& t, Value self) { return shown_callbacks(t, future_of(self)); }
Result<Value> get_cancel_message(Thread&, Value self) { return or_none(future_of(self)->cancel_message); }
Status set_cancel_message(Thread& t, Value self, Value value) {
  if (value.is_empty()) return t.raise(Exc::AttributeError, "cannot delete attribute");
  future_of(self)->cancel_message = value;
  return {};
}
template <Slot FutureObject::*field>
Result<Value> get_slot(Thread&, Value self) {
  return or_none(future_of(self)->*field);
}

const NativeDef kFutureMethods[] = {
    MP_RAW_NEW(future_new, "__new__(cls, *args, **kwargs)", nullptr),
    MP_METHOD(future_init, "__init__(self, *, loop=None)", nullptr),
    MP_METHOD(future_result, "result(self, /)", "Return the result this future represents."),
    MP_METHOD(future_exception, "exception(self, /)", "Return the exception that was set on this future."),
    MP_METHOD(future_set_result, "set_result(self, result, /)", "Mark the future done and set its result."),
    MP_METHOD(future_set_exception, "set_exception(self, exception, /)",
              "Mark the future done and set an exception."),
    MP_METHOD(future_add_done_callback, "add_done_callback(self, fn, /, *, context=None)",
              "Add a callback to be run when the future becomes done."),
    MP_METHOD(future_remove_done_callback, "remove_done_callback(self, fn, /)",
              "Remove all instances of a callback from the \"call when done\" list."),
    MP_METHOD(future_cancel, "cancel(self, /, msg=None)", "Cancel the future and schedule callbacks."),
    MP_METHOD(future_cancelled, "cancelled(self, /)", "Return True if the future was cancelled."),
    MP_METHOD(future_done, "done(self, /)", "Return True if the future is done."),
    MP_METHOD(future_get_loop, "get_loop(self, /)", "Return the event loop the Future is bound to."),
    MP_METHOD(future_make_cancelled_error, "_make_cancelled_error(self, /)",
              "Create the CancelledError to raise if the Future is cancelled."),
    MP_CLASS_GETITEM,
    MP_END};

// ---- FutureIter: what `await future` drives

struct FutureIterator : Object {
  Slot future;  // empty when exhausted
};
void trace_iterator(Object* o, Tracer& tracer) { tracer.visit(static_cast<FutureIterator*>(o)->future); }

Result<Value> iterator_send(Thread& t, Value self, Value, bool* finished) {
  auto* iterator = self.as<FutureIterator>();
  Value waited = iterator->future;
  if (waited.is_empty()) {
    *finished = true;
    return kNone;
  }
  FutureObject* future = future_of(waited);
  if (state_of(future) == State::Pending) {
    if (!future->blocking.exchange(true)) return waited;
    iterator->future = kEmpty;
    return t.raise(Exc::RuntimeError, "await wasn't used with future");
  }
  iterator->future = kEmpty;
  *finished = true;
  return future_outcome(t, future);
}
Result<Value> iterator_outcome(Thread& t, Value self, Value sent) {
  bool finished = false;
  Value v = TRY(iterator_send(t, self, sent, &finished));
  return finished ? Result<Value>(raise_stop_iteration(t, v)) : Result<Value>(v);
}
Result<Value> iterator_next(Thread& t, Value self) { return iterator_outcome(t, self, kNone); }
Result<Value> iterator_send_method(Thread& t, const Value* args) {
  return iterator_outcome(t, args[0], args[1]);
}
Result<Value> iterator_throw(Thread& t, const Value* args) {
  TRY(warn_old_throw(t, args[2], "throw"));
  args[0].as<FutureIterator>()->future = kEmpty;
  return t.raise_object(TRY(thrown_exception(t, args[1], args[2], args[3])));
}
Result<Value> iterator_close(Thread&, const Value* args) {
  args[0].as<FutureIterator>()->future = kEmpty;
  return kNone;
}
Result<Value> make_iterator(Thread& t, Value self) {
  TRY(check_initialised(t, future_of(self)));
  auto* iterator = t.heap().make<FutureIterator>(t, native_type(t, kFutureIteratorSpec));
  iterator->future = self;
  return iterator;
}
const NativeDef kIteratorMethods[] = {MP_METHOD(iterator_send_method, "send(self, value, /)", nullptr),
                                      MP_METHOD(iterator_throw, "throw(self, type, val=?, tb=?, /)", nullptr),
                                      MP_METHOD(iterator_close, "close(self, /)", nullptr), MP_END};

}  // namespace

const GetSetDef kFutureGetSets[] = {
    {"_state", get_state, nullptr, nullptr},
    {"_asyncio_future_blocking", get_blocking, set_blocking, nullptr},
    {"_loop", get_slot<&FutureObject::loop>, nullptr, nullptr},
    {"_callbacks", get_callbacks, nullptr, nullptr},
    {"_result", get_slot<&FutureObject::result>, nullptr, nullptr},
    {"_exception", get_slot<&FutureObject::exception>, nullptr, nullptr},
    {"_log_traceback", get_log_traceback, set_log_traceback, nullptr},
    {"_source_traceback", get_slot<&FutureObject::source_traceback>, nullptr, nullptr},
    {"_cancel_message", get_cancel_message, set_cancel_message, nullptr},
    {}};
const TypeSpec kFutureIteratorSpec = {
    .name = "_asyncio.FutureIter",
    .size = sizeof(FutureIterator),
    .flags = kTypeDisallowNew,
    .trace = trace_iterator,
    .slots = MP_SLOTS(.iter = iterator_self, .next = iterator_next),
    .methods = kIteratorMethods,
    .init = [](Thread&, Type* type) { set_native_send(type, iterator_send); }};
const TypeSpec kFutureSpec = {.name = "_asyncio.Future",
                              .size = sizeof(FutureObject),
                              .flags = kTypeBaseType | kTypeHasDict | kTypeHasWeakref,
                              .doc = "A result that is not there yet, in an event loop.",
                              .trace = trace_future,
                              .slots = MP_SLOTS(.repr = future_repr, .iter = make_iterator,
                                                .await = make_iterator, .finalize = finalize_future),
                              .methods = kFutureMethods,
                              .getsets = kFutureGetSets};

}  // namespace mp::asyncio

namespace mp {

Result<Value> make_asyncio_future(Thread& t, Value loop) {
  auto* future = t.heap().make<asyncio::FutureObject>(t, native_type(t, asyncio::kFutureSpec));
  TRY(asyncio::init_future(t, future, loop));
  return future;
}
bool is_asyncio_future(Thread& t, Value v) {
  return v.is_object() && is_instance(t, v, native_type(t, asyncio::kFutureSpec));
}
bool asyncio_future_done(Value future) {
  return asyncio::state_of(asyncio::future_of(future)) != asyncio::State::Pending;
}
Status asyncio_future_set_result(Thread& t, Value future, Value result) {
  return asyncio::finish(t, asyncio::future_of(future), result);
}
Status asyncio_future_set_exception(Thread& t, Value future, Value exception) {
  return asyncio::fail(t, asyncio::future_of(future), exception);
}

}  // namespace mp

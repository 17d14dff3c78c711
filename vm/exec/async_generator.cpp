// The awaitables of async generators: what __anext__, asend, athrow and aclose return (PEP 525).
#include "vm/exec/generator.h"
#include "vm/exec/interp.h"
#include "vm/exec/loop_generators.h"
#include "vm/native/native.h"
#include "vm/protocol/protocol.h"
#include "vm/types/generic_alias.h"
#include "vm/types/iterator_support.h"
#include "vm/types/runtime.h"

namespace mp {

namespace {

enum class AwaitState : uint8_t { Init, Iterating, Closed };

// asend and athrow share a layout; `payload` is the value to send, or the tuple of athrow's arguments (empty:
// aclose).
struct AsyncGenAwaitable : Object {
  Slot generator;
  Slot payload;
  AwaitState state = AwaitState::Init;
  bool watched = false;  // it warns when nobody awaits it: a CreationSite stands behind it
  CreationSite* site() { return reinterpret_cast<CreationSite*>(this + 1); }
  GeneratorObject* target() const { return generator.get().as<GeneratorObject>(); }
};

AsyncGenAwaitable* self(Value v) { return v.as<AsyncGenAwaitable>(); }

void trace_awaitable(Object* o, Tracer& tracer) {
  auto* a = static_cast<AsyncGenAwaitable*>(o);
  tracer.visit(a->generator);
  tracer.visit(a->payload);
  if (a->watched) tracer.visit_slots(&a->site()->code, 2);
}
void trace_wrapped(Object* o, Tracer& tracer) { tracer.visit(static_cast<AsyncGenWrappedValue*>(o)->value); }

const TypeSpec kWrappedSpec = {.name = "async_generator_wrapped_value",
                               .size = sizeof(AsyncGenWrappedValue),
                               .flags = kTypeDisallowNew,
                               .trace = trace_wrapped};

bool is_wrapped(Thread& t, Value v) { return is_exact(v, async_gen_wrapped_type(t)); }

bool is_asend(Thread& t, Value v) { return type_of(t, v) == t.types().async_generator_asend; }

bool ends_iteration(Thread& t) {
  return t.exception_matches(Exc::StopAsyncIteration) || t.exception_matches(Exc::GeneratorExit);
}

// The outcome of resuming the generator as the awaitable's outcome: a value yielded with `yield` ends the
// await.
SendStatus unwrap(Thread& t, GeneratorObject* g, SendStatus status, Value* result) {
  switch (status) {
    case SendStatus::Next:
      if (!is_wrapped(t, *result)) return SendStatus::Next;
      g->running_async.store(false);
      *result = result->as<AsyncGenWrappedValue>()->value;
      return SendStatus::Return;
    case SendStatus::Return:
      g->closed = true;
      g->running_async.store(false);
      t.raise_object(make_exception(t, Exc::StopAsyncIteration, kEmpty));
      return SendStatus::Error;
    case SendStatus::Error:
      if (ends_iteration(t)) g->closed = true;
      g->running_async.store(false);
      return SendStatus::Error;
  }
  return SendStatus::Error;
}

SendStatus fail(Thread& t, AsyncGenAwaitable* a, const char* message) {
  a->state = AwaitState::Closed;
  t.raise(Exc::RuntimeError, "{}", message);
  return SendStatus::Error;
}

SendStatus asend_send(Thread& t, AsyncGenAwaitable* a, Value sent, Value* result) {
  GeneratorObject* g = a->target();
  if (a->state == AwaitState::Closed) return fail(t, a, "cannot reuse already awaited __anext__()/asend()");
  if (a->state == AwaitState::Init) {
    if (g->running_async.load()) return fail(t, a, "anext(): asynchronous generator is already running");
    if (sent.is_none()) sent = a->payload;
    a->state = AwaitState::Iterating;
  }
  g->running_async.store(true);
  SendStatus status = unwrap(t, g, generator_resume(t, g, sent, false, result), result);
  if (status != SendStatus::Next) a->state = AwaitState::Closed;
  return status;
}

SendStatus ignored_exit(Thread& t, AsyncGenAwaitable* a) {
  a->target()->running_async.store(false);
  return fail(t, a, "async generator ignored GeneratorExit");
}

// What athrow() and aclose() make of the generator's outcome.
SendStatus athrow_outcome(Thread& t, AsyncGenAwaitable* a, SendStatus status, Value* result) {
  GeneratorObject* g = a->target();
  bool closing = a->payload.get().is_empty();
  if (!closing) {
    status = unwrap(t, g, status, result);
    if (status != SendStatus::Next) a->state = AwaitState::Closed;
    return status;
  }
  if (status == SendStatus::Next) {
    if (is_wrapped(t, *result)) return ignored_exit(t, a);
    return SendStatus::Next;
  }
  g->running_async.store(false);
  a->state = AwaitState::Closed;
  if (status == SendStatus::Error) {
    if (!ends_iteration(t)) return SendStatus::Error;
    t.clear_exception();
  }
  *result = kNone;
  return SendStatus::Return;
}

// The exception that athrow() was given; wrong arguments are told of by the first send.
Result<Value> exception_to_throw(Thread& t, AsyncGenAwaitable* a) {
  auto* arguments = a->payload.get().as<TupleObject>();
  Value given[3] = {kEmpty, kEmpty, kEmpty};
  for (size_t i = 0; i < arguments->size && i < 3; ++i) given[i] = (*arguments)[i];
  return thrown_exception(t, given[0], given[1], given[2]);
}

SendStatus athrow_send(Thread& t, AsyncGenAwaitable* a, Value sent, Value* result) {
  GeneratorObject* g = a->target();
  bool closing = a->payload.get().is_empty();
  if (a->state == AwaitState::Closed) return fail(t, a, "cannot reuse already awaited aclose()/athrow()");
  if (g->state.load() == GeneratorState::Finished) {
    a->state = AwaitState::Closed;
    *result = kNone;
    return SendStatus::Return;
  }
  if (a->state == AwaitState::Iterating)
    return athrow_outcome(t, a, generator_resume(t, g, sent, false, result), result);
  if (g->running_async.load())
    return fail(t, a,
                closing ? "aclose(): asynchronous generator is already running"
                        : "athrow(): asynchronous generator is already running");
  if (g->closed) {
    a->state = AwaitState::Closed;
    t.raise_object(make_exception(t, Exc::StopAsyncIteration, kEmpty));
    return SendStatus::Error;
  }
  if (!sent.is_none()) {
    t.raise(Exc::RuntimeError, "can't send non-None value to a just-started coroutine");
    return SendStatus::Error;
  }
  a->state = AwaitState::Iterating;
  g->running_async.store(true);
  if (closing) g->closed = true;
  if (!closing) {
    size_t count = a->payload.get().as<TupleObject>()->size;
    if (count < 1 || count > 3) {
      // As in CPython the generator counts as running from here on.
      t.raise(Exc::TypeError, "athrow expected at {} {}, got {}", count < 1 ? "least" : "most",
              count < 1 ? "1 argument" : "3 arguments", count);
      return SendStatus::Error;
    }
  }
  Value exception = closing ? make_exception(t, Exc::GeneratorExit, kEmpty) : exception_to_throw(t, a).take();
  SendStatus status = exception.is_error() ? SendStatus::Error : generator_throw(t, g, exception, result);
  return athrow_outcome(t, a, status, result);
}

SendStatus awaitable_throw(Thread& t, Value v, Value exception, Value* result) {
  AsyncGenAwaitable* a = self(v);
  GeneratorObject* g = a->target();
  bool asend = is_asend(t, v);
  bool closing = !asend && a->payload.get().is_empty();
  if (a->state == AwaitState::Closed)
    return fail(t, a,
                asend ? "cannot reuse already awaited __anext__()/asend()"
                      : "cannot reuse already awaited aclose()/athrow()");
  if (a->state == AwaitState::Init) {
    if (g->running_async.load())
      return fail(t, a,
                  asend     ? "anext(): asynchronous generator is already running"
                  : closing ? "aclose(): asynchronous generator is already running"
                            : "athrow(): asynchronous generator is already running");
    a->state = AwaitState::Iterating;
    g->running_async.store(true);
  }
  SendStatus status = generator_throw(t, g, exception, result);
  if (!asend) return athrow_outcome(t, a, status, result);
  status = unwrap(t, g, status, result);
  if (status != SendStatus::Next) a->state = AwaitState::Closed;
  return status;
}

Result<Value> outcome(Thread& t, SendStatus status, Value out) {
  switch (status) {
    case SendStatus::Next: return out;
    case SendStatus::Return: return raise_stop_iteration(t, out);
    case SendStatus::Error: break;
  }
  return Error{};
}

SendStatus awaitable_send(Thread& t, Value v, Value sent, Value* result) {
  return is_asend(t, v) ? asend_send(t, self(v), sent, result) : athrow_send(t, self(v), sent, result);
}

Result<Value> awaitable_next(Thread& t, Value v) {
  Value out;
  SendStatus status = awaitable_send(t, v, kNone, &out);
  return outcome(t, status, out);
}
Result<Value> awaitable_send_method(Thread& t, const Value* args) {
  Value out;
  SendStatus status = awaitable_send(t, args[0], args[1], &out);
  return outcome(t, status, out);
}
Result<Value> awaitable_throw_method(Thread& t, const Value* args) {
  TRY(warn_old_throw(t, args[2], "throw"));
  Value exception = TRY(thrown_exception(t, args[1], args[2], args[3]));
  Value out;
  SendStatus status = awaitable_throw(t, args[0], exception, &out);
  return outcome(t, status, out);
}
Result<Value> awaitable_close_method(Thread& t, const Value* args) {
  if (self(args[0])->state == AwaitState::Closed) return kNone;
  Value out;
  SendStatus status = awaitable_throw(t, args[0], make_exception(t, Exc::GeneratorExit, kEmpty), &out);
  if (status == SendStatus::Next) return t.raise(Exc::RuntimeError, "coroutine ignored GeneratorExit");
  if (status == SendStatus::Return) return kNone;
  if (t.catch_exception(Exc::StopIteration) || t.catch_exception(Exc::StopAsyncIteration) ||
      t.catch_exception(Exc::GeneratorExit))
    return kNone;
  return Error{};
}

// asyncio's own hook keeps a weak reference; any other may keep the generator.
bool keeps_weakly(Thread& t, Value hook) {
  if (!is_kind(hook, Kind::BoundMethod)) return false;
  Value module = dict_get_text(t, t.runtime().modules, "asyncio.base_events");
  if (module.is_not_found()) return false;
  Value loop = get_attr_or_not_found(t, module, intern(t, "BaseEventLoop")).take();
  return is_type(loop) && type_lookup(t, loop.as<Type>(), intern(t, "_asyncgen_firstiter_hook")) ==
                              hook.as<BoundMethodObject>()->function.get();
}

// The first iteration tells the hooks of sys.set_asyncgen_hooks.
Status init_hooks(Thread& t, GeneratorObject* g) {
  if (g->hooks_initialised) return {};
  g->hooks_initialised = true;
  g->finalizer = t.async_gen_finalizer.get();
  Value first = t.async_gen_firstiter;
  if (first.is_empty() || first.is_none()) return {};
  if (g->loop_frame != nullptr && !keeps_weakly(t, first)) let_go(t, g);
  TRY(call(t, first, {g}));
  return {};
}

enum class Awaited : uint8_t { AtOnce, Perhaps };
Result<Value> make_awaitable(Thread& t, Type* type, Value generator, Value payload, Awaited awaited) {
  TRY(init_hooks(t, generator.as<GeneratorObject>()));
  bool watched = awaited == Awaited::Perhaps;
  auto* a = t.heap().make<AsyncGenAwaitable>(t, type, watched ? sizeof(CreationSite) : 0);
  a->generator = generator;
  a->payload = payload;
  if (watched) {
    a->watched = true;
    set_creation_site(a->site(), t.frame);
    t.heap().register_script_finalizer(a);
  }
  return a;
}

Result<Value> agen_asend(Thread& t, const Value* args) {
  return make_awaitable(t, t.types().async_generator_asend, args[0], args[1], Awaited::Perhaps);
}
Result<Value> agen_athrow(Thread& t, const Value* args) {
  if (args[1].as<TupleObject>()->size > 1) TRY(warn_old_throw(t, args[1], "athrow"));
  return make_awaitable(t, t.types().async_generator_athrow, args[0], args[1], Awaited::Perhaps);
}
Result<Value> agen_aclose(Thread& t, const Value* args) {
  return make_awaitable(t, t.types().async_generator_athrow, args[0], kEmpty, Awaited::Perhaps);
}

Status awaitable_finalize(Thread& t, Value v) {
  AsyncGenAwaitable* a = self(v);
  if (a->state != AwaitState::Init) return {};
  const char* method = is_asend(t, v) ? "asend" : a->payload.get().is_empty() ? "aclose" : "athrow";
  std::string message = fmt::format("coroutine method '{}' of '{}' was never awaited", method,
                                    str_text(t, a->target()->qualified_name));
  if (warn_never_awaited(t, a->site(), message, v).is_error()) write_unraisable(t, "async generator", v);
  return {};
}

// anext(iterator, default): the awaitable of __anext__, with StopAsyncIteration turned into the default.
struct AnextAwaitable : Object {
  Slot awaitable, fallback;
};
void trace_anext(Object* o, Tracer& tracer) {
  tracer.visit(static_cast<AnextAwaitable*>(o)->awaitable);
  tracer.visit(static_cast<AnextAwaitable*>(o)->fallback);
}
Result<Value> anext_iterator(Thread& t, Value v) {
  Value inner = v.as<AnextAwaitable>()->awaitable;
  if (type_of(t, inner) == t.types().async_generator_asend) return inner;
  return get_awaitable_iter(t, inner);
}
// An error of the awaitable: StopAsyncIteration ends the await with the default.
Result<Value> anext_error(Thread& t, Value v) {
  if (!t.catch_exception(Exc::StopAsyncIteration)) return Error{};
  return raise_stop_iteration(t, v.as<AnextAwaitable>()->fallback);
}
Result<Value> anext_send_value(Thread& t, Value v, Value sent) {
  Value inner = TRY(anext_iterator(t, v));
  Value out;
  SendStatus status = send_to(t, inner, sent, &out);
  if (status == SendStatus::Error) return anext_error(t, v);
  return outcome(t, status, out);
}
Result<Value> anext_next(Thread& t, Value v) { return anext_send_value(t, v, kNone); }
Result<Value> anext_send(Thread& t, const Value* args) { return anext_send_value(t, args[0], args[1]); }
Result<Value> anext_throw(Thread& t, const Value* args) {
  Value inner = TRY(anext_iterator(t, args[0]));
  Value exception = TRY(thrown_exception(t, args[1], args[2], args[3]));
  Result<Value> done = call_method(t, inner, t.names().throw_, {exception});
  return done.is_error() ? anext_error(t, args[0]) : done;
}
Result<Value> anext_close(Thread& t, const Value* args) {
  Value inner = TRY(anext_iterator(t, args[0]));
  return call_method(t, inner, t.names().close);
}

const NativeDef kAnextMethods[] = {
    MP_METHOD(anext_send, "send(self, arg, /)", nullptr),
    MP_METHOD(anext_throw, "throw(self, type, value=?, traceback=?, /)", nullptr),
    MP_METHOD(anext_close, "close(self, /)", nullptr), MP_END};
const TypeSpec kAnextSpec = {
    .name = "anext_awaitable",
    .size = sizeof(AnextAwaitable),
    .flags = kTypeDisallowNew,
    .trace = trace_anext,
    .slots = MP_SLOTS(.iter = iterator_self, .next = anext_next, .await = iterator_self),
    .methods = kAnextMethods,
};

Result<Value> builtin_anext(Thread& t, const Value* args) {
  Type* type = type_of(t, args[0]);
  if (type->slots.anext == nullptr)
    return t.raise(Exc::TypeError, "'{}' object is not an async iterator", type_name(type));
  Value awaitable = TRY(type->slots.anext(t, args[0]));
  if (args[1].is_empty()) return awaitable;
  auto* made = t.heap().make<AnextAwaitable>(t, native_type(t, kAnextSpec));
  made->awaitable = awaitable;
  made->fallback = args[1];
  return made;
}

const NativeDef kAwaitableMethods[] = {
    MP_METHOD(awaitable_send_method, "send(self, arg, /)", nullptr),
    MP_METHOD(awaitable_throw_method, "throw(self, type, value=?, traceback=?, /)", nullptr),
    MP_METHOD(awaitable_close_method, "close(self, /)", nullptr), MP_END};

}  // namespace

extern const NativeDef kAnextBuiltin;
const NativeDef kAnextBuiltin = MP_FUNCTION(
    builtin_anext, "anext(aiterator, default=?, /)",
    "Return the next item from the async iterator.\n\nIf default is given and the async iterator is "
    "exhausted,\nit is returned instead of raising StopAsyncIteration.");

Type* async_gen_wrapped_type(Thread& t) { return native_type(t, kWrappedSpec); }

void note_awaited(Thread& t, Value awaitable) {
  if (is_asend(t, awaitable)) let_go(t, self(awaitable)->target());
}

SendStatus async_generator_awaitable_send(Thread& t, Value awaitable, Value sent, Value* result) {
  return awaitable_send(t, awaitable, sent, result);
}

Result<Value> async_generator_anext(Thread& t, Value v) {
  return make_awaitable(t, t.types().async_generator_asend, v, kNone, Awaited::Perhaps);
}
Result<Value> async_generator_next_awaited(Thread& t, Value v) {
  return make_awaitable(t, t.types().async_generator_asend, v, kNone, Awaited::AtOnce);
}

extern const NativeDef kAsyncGeneratorMethods[];
const NativeDef kAsyncGeneratorMethods[] = {
    MP_METHOD(agen_asend, "asend(self, value, /)", "asend(v) -> send 'v' in generator."),
    MP_METHOD(agen_athrow, "athrow(self, /, *args)",
              "athrow(value)\nathrow(type[,value[,tb]])\n\nraise exception in generator."),
    MP_METHOD(agen_aclose, "aclose(self, /)", "aclose() -> raise GeneratorExit inside generator."),
    MP_CLASS_GETITEM, MP_END};

extern const TypeSpec kAsyncGeneratorASendSpec, kAsyncGeneratorAThrowSpec;
const TypeSpec kAsyncGeneratorASendSpec = {
    .name = "async_generator_asend",
    .size = sizeof(AsyncGenAwaitable),
    .flags = kTypeDisallowNew,
    .trace = trace_awaitable,
    .slots = MP_SLOTS(.iter = iterator_self, .next = awaitable_next, .await = iterator_self,
                      .finalize = awaitable_finalize),
    .methods = kAwaitableMethods,
};
const TypeSpec kAsyncGeneratorAThrowSpec = {
    .name = "async_generator_athrow",
    .size = sizeof(AsyncGenAwaitable),
    .flags = kTypeDisallowNew,
    .trace = trace_awaitable,
    .slots = MP_SLOTS(.iter = iterator_self, .next = awaitable_next, .await = iterator_self,
                      .finalize = awaitable_finalize),
    .methods = kAwaitableMethods,
};

}  // namespace mp

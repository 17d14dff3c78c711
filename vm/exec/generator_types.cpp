// The types generator, coroutine, coroutine_wrapper and async_generator: what scripts see of a
// GeneratorObject. What the methods do is in generator.cpp.

#include "vm/exec/generator.h"
#include "vm/native/native.h"
#include "vm/protocol/protocol.h"
#include "vm/threads/object_lock.h"
#include "vm/threads/thread_table.h"
#include "vm/types/generic_alias.h"
#include "vm/types/iterator_support.h"
#include "vm/types/runtime.h"

namespace mp {

Result<Value> send_outcome(Thread& t, GeneratorObject* g, SendStatus status, Value out) {
  switch (status) {
    case SendStatus::Next: return out;
    case SendStatus::Return:
      if (is_async_code(g)) return t.raise_object(make_exception(t, Exc::StopAsyncIteration, kEmpty));
      return raise_stop_iteration(t, out);
    case SendStatus::Error: break;
  }
  return Error{};
}

Result<Value> thrown_exception(Thread& t, Value type, Value value, Value traceback) {
  if (!traceback.is_empty() && !traceback.is_none() && !is_kind(traceback, Kind::Traceback))
    return t.raise(Exc::TypeError, "throw() third argument must be a traceback object");
  Value exception{};
  Value base = t.types().exception(Exc::BaseException);
  if (is_type(type) && is_subtype(type.as<Type>(), base.as<Type>())) {
    if (is_exception(value) && is_instance(t, value, type.as<Type>()))
      exception = value;
    else {
      Result<Value> made = value.is_empty() || value.is_none() ? call(t, type)
                           : is_tuple(value)                   ? call_tuple(t, type, value, kEmpty)
                                                               : call(t, type, {value});
      // What goes wrong here is thrown instead, as PyErr_NormalizeException does.
      if (made.is_error())
        exception = t.take_exception();
      else if (!is_exception(made.value()))
        exception = make_exception(
            t, Exc::TypeError,
            make_str(t, fmt::format("calling {} should have returned an instance of BaseException, not {}",
                                    repr_text(t, type), type_name(t, made.value()))));
      else
        exception = made.value();
    }
  } else if (is_exception(type)) {
    if (!value.is_empty() && !value.is_none())
      return t.raise(Exc::TypeError, "instance exception may not have a separate value");
    exception = type;
  } else {
    return t.raise(Exc::TypeError,
                   "exceptions must be classes or instances deriving from BaseException, not {}",
                   type_name(t, type));
  }
  if (is_kind(traceback, Kind::Traceback)) exception.as<ExceptionObject>()->traceback = traceback;
  return exception;
}

Status warn_old_throw(Thread& t, Value second, const char* method) {
  if (second.is_empty()) return {};
  return warn(
      t, Exc::DeprecationWarning,
      fmt::format(
          "the (type, exc, tb) signature of {}() is deprecated, use the single-arg signature instead.",
          method));
}

namespace {

GeneratorObject* self(Value v) { return v.as<GeneratorObject>(); }

void trace_generator(Object* object, Tracer& tracer) {
  auto* g = static_cast<GeneratorObject*>(object);
  tracer.visit(g->name);
  tracer.visit(g->qualified_name);
  tracer.visit(g->origin);
  tracer.visit(g->finalizer);
  tracer.visit(g->handled.value);
  if (g->frame.code == nullptr) return;
  if (g->state.load(std::memory_order_relaxed) == GeneratorState::Finished) {
    tracer.visit(g->frame.code);
    tracer.visit(g->frame.frame_object);
    return;
  }
  trace_frame(&g->frame, nullptr, tracer);
  if (is_coroutine_code(g)) tracer.visit_slots(&creation_site(g)->code, 2);
}

Result<Value> generator_send_method(Thread& t, const Value* args) {
  Value out;
  SendStatus status = generator_resume(t, self(args[0]), args[1], false, &out);
  return send_outcome(t, self(args[0]), status, out);
}

Result<Value> generator_throw_method(Thread& t, const Value* args) {
  TRY(warn_old_throw(t, args[2], "throw"));
  Value exception = TRY(thrown_exception(t, args[1], args[2], args[3]));
  Value out;
  SendStatus status = generator_throw(t, self(args[0]), exception, &out);
  return send_outcome(t, self(args[0]), status, out);
}

Result<Value> generator_close_method(Thread& t, const Value* args) {
  return generator_close(t, self(args[0]));
}

Result<Value> generator_repr(Thread& t, Value v) {
  return make_str(t, fmt::format("<{} object {} at {:#x}>", type_name(v.as_object()->type()),
                                 str_text(t, self(v)->qualified_name), v.bits()));
}

Result<Value> get_frame(Thread& t, Value v) {
  Exclusive alone(t);  // another thread may run it, and changes its flags
  if (self(v)->state.load(std::memory_order_relaxed) == GeneratorState::Finished) return kNone;
  FrameObject* f = frame_object(t, &self(v)->frame);
  f->exposed = true;
  return f;
}
Result<Value> get_running(Thread&, Value v) {
  return Value::from_bool(self(v)->state.load(std::memory_order_relaxed) == GeneratorState::Running);
}
Result<Value> get_running_async(Thread&, Value v) { return Value::from_bool(self(v)->running_async.load()); }
Result<Value> get_suspended(Thread&, Value v) {
  return Value::from_bool(self(v)->state.load(std::memory_order_relaxed) == GeneratorState::Suspended);
}
Result<Value> get_code(Thread&, Value v) { return Value(self(v)->frame.code); }
Result<Value> get_delegate(Thread& t, Value v) { return generator_delegate(t, self(v)); }
Result<Value> get_origin(Thread&, Value v) {
  Value origin = self(v)->origin;
  return origin.is_empty() ? kNone : origin;
}
Result<Value> get_name(Thread&, Value v) { return self(v)->name; }
Status set_name(Thread& t, Value v, Value value) {
  if (!is_str(value)) return t.raise(Exc::TypeError, "__name__ must be set to a string object");
  self(v)->name = value;
  return {};
}
Result<Value> get_qualified_name(Thread&, Value v) { return self(v)->qualified_name; }
Status set_qualified_name(Thread& t, Value v, Value value) {
  if (!is_str(value)) return t.raise(Exc::TypeError, "__qualname__ must be set to a string object");
  self(v)->qualified_name = value;
  return {};
}
#define GENERATOR_METHODS(WHAT)                                                                           \
  MP_METHOD(generator_send_method, "send(self, arg, /)",                                                  \
            "send(arg) -> send 'arg' into " WHAT ",\nreturn next yielded value or raise StopIteration."), \
      MP_METHOD(generator_throw_method, "throw(self, type, value=?, traceback=?, /)",                     \
                "throw(value)\nthrow(type[,value[,traceback]])\n\nRaise exception in " WHAT               \
                ", return next "                                                                          \
                "iterated\nvalue or raise StopIteration."),                                               \
      MP_METHOD(generator_close_method, "close(self, /)", "close() -> raise GeneratorExit inside " WHAT ".")

const NativeDef kGeneratorMethods[] = {GENERATOR_METHODS("generator"), MP_CLASS_GETITEM, MP_END};

const NativeDef kCoroutineMethods[] = {GENERATOR_METHODS("coroutine"), MP_CLASS_GETITEM, MP_END};

const GetSetDef kGeneratorGetSets[] = {
    {"gi_frame", get_frame, nullptr, nullptr},
    {"gi_running", get_running, nullptr, nullptr},
    {"gi_suspended", get_suspended, nullptr, nullptr},
    {"gi_code", get_code, nullptr, nullptr},
    {"gi_yieldfrom", get_delegate, nullptr, "object being iterated by yield from, or None"},
    {"__name__", get_name, set_name, "name of the generator"},
    {"__qualname__", get_qualified_name, set_qualified_name, "qualified name of the generator"},
    {nullptr, nullptr, nullptr, nullptr}};
const GetSetDef kCoroutineGetSets[] = {
    {"cr_frame", get_frame, nullptr, nullptr},
    {"cr_running", get_running, nullptr, nullptr},
    {"cr_suspended", get_suspended, nullptr, nullptr},
    {"cr_code", get_code, nullptr, nullptr},
    {"cr_await", get_delegate, nullptr, "object being awaited on, or None"},
    {"cr_origin", get_origin, nullptr, nullptr},
    {"__name__", get_name, set_name, "name of the coroutine"},
    {"__qualname__", get_qualified_name, set_qualified_name, "qualified name of the coroutine"},
    {nullptr, nullptr, nullptr, nullptr}};
const GetSetDef kAsyncGeneratorGetSets[] = {
    {"ag_frame", get_frame, nullptr, nullptr},
    {"ag_running", get_running_async, nullptr, nullptr},
    {"ag_suspended", get_suspended, nullptr, nullptr},
    {"ag_code", get_code, nullptr, nullptr},
    {"ag_await", get_delegate, nullptr, "object being awaited on, or None"},
    {"__name__", get_name, set_name, "name of the async generator"},
    {"__qualname__", get_qualified_name, set_qualified_name, "qualified name of the async generator"},
    {nullptr, nullptr, nullptr, nullptr}};

// What coroutine.__await__() returns.
struct CoroutineWrapper : Object {
  Slot coroutine;
};
GeneratorObject* wrapped(Value v) { return v.as<CoroutineWrapper>()->coroutine.get().as<GeneratorObject>(); }
void trace_wrapper(Object* o, Tracer& tracer) { tracer.visit(static_cast<CoroutineWrapper*>(o)->coroutine); }
Result<Value> coroutine_await(Thread& t, Value v) {
  auto* w = t.heap().make<CoroutineWrapper>(t, t.types().coroutine_wrapper);
  w->coroutine = v;
  return w;
}
Result<Value> wrapper_next(Thread& t, Value v) { return generator_next_value(t, wrapped(v)); }
Result<Value> wrapper_send(Thread& t, const Value* args) {
  Value out;
  SendStatus status = generator_resume(t, wrapped(args[0]), args[1], false, &out);
  return send_outcome(t, wrapped(args[0]), status, out);
}
Result<Value> wrapper_throw(Thread& t, const Value* args) {
  TRY(warn_old_throw(t, args[2], "throw"));
  Value exception = TRY(thrown_exception(t, args[1], args[2], args[3]));
  Value out;
  SendStatus status = generator_throw(t, wrapped(args[0]), exception, &out);
  return send_outcome(t, wrapped(args[0]), status, out);
}
Result<Value> wrapper_close(Thread& t, const Value* args) { return generator_close(t, wrapped(args[0])); }

const NativeDef kWrapperMethods[] = {
    MP_METHOD(wrapper_send, "send(self, arg, /)", nullptr),
    MP_METHOD(wrapper_throw, "throw(self, type, value=?, traceback=?, /)", nullptr),
    MP_METHOD(wrapper_close, "close(self, /)", nullptr), MP_END};

}  // namespace

extern const TypeSpec kGeneratorSpec, kCoroutineSpec, kCoroutineWrapperSpec, kAsyncGeneratorSpec;
const TypeSpec kGeneratorSpec = {
    .name = "generator",
    .kind = Kind::Generator,
    .size = sizeof(GeneratorObject),
    .flags = kTypeHasWeakref | kTypeDisallowNew,
    .trace = trace_generator,
    .slots = MP_SLOTS(.repr = generator_repr, .iter = iterator_self, .next = generator_next,
                      .finalize = finalize_generator),
    .methods = kGeneratorMethods,
    .getsets = kGeneratorGetSets,
};
const TypeSpec kCoroutineSpec = {
    .name = "coroutine",
    .kind = Kind::Generator,
    .size = sizeof(GeneratorObject),
    .flags = kTypeHasWeakref | kTypeDisallowNew,
    .trace = trace_generator,
    .slots = MP_SLOTS(.repr = generator_repr, .await = coroutine_await, .finalize = finalize_generator),
    .methods = kCoroutineMethods,
    .getsets = kCoroutineGetSets,
};
const TypeSpec kCoroutineWrapperSpec = {
    .name = "coroutine_wrapper",
    .size = sizeof(CoroutineWrapper),
    .flags = kTypeDisallowNew,
    .doc = "A wrapper object implementing __await__ for coroutines.",
    .trace = trace_wrapper,
    .slots = MP_SLOTS(.iter = iterator_self, .next = wrapper_next),
    .methods = kWrapperMethods,
};
const TypeSpec kAsyncGeneratorSpec = {
    .name = "async_generator",
    .kind = Kind::Generator,
    .size = sizeof(GeneratorObject),
    .flags = kTypeHasWeakref | kTypeDisallowNew,
    .trace = trace_generator,
    .slots = MP_SLOTS(.repr = generator_repr, .aiter = iterator_self, .anext = async_generator_anext,
                      .finalize = finalize_generator),
    .methods = kAsyncGeneratorMethods,
    .getsets = kAsyncGeneratorGetSets,
};

}  // namespace mp

// GeneratorObject: generators, coroutines and async generators: a frame that lives in the heap. It knows
// sending, throwing and closing; the interpreter resumes frames by itself in loops and awaits.
#pragma once
#include "vm/exec/frame.h"

namespace mp {

enum class GeneratorState : uint8_t { Created, Suspended, Running, Finished };

struct GeneratorObject : Object {
  std::atomic<GeneratorState> state{GeneratorState::Created};
  bool hooks_initialised = false;  // async generator: firstiter has been called
  bool closed = false;             // async generator: aclose() or exhausted
  std::atomic<bool> running_async{false};
  Slot name, qualified_name;
  Slot origin;     // cr_origin
  Slot finalizer;  // async generator: the finalizer hook
  HandledException handled;
  Frame frame;
  Value* registers() { return reinterpret_cast<Value*>(this + 1); }  // register_count of them
};
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Winvalid-offsetof"
inline GeneratorObject* Frame::generator() const {
  return reinterpret_cast<GeneratorObject*>(reinterpret_cast<char*>(const_cast<Frame*>(this)) -
                                            __builtin_offsetof(GeneratorObject, frame));
}
#pragma GCC diagnostic pop
// The value an async generator yields with `yield` (not with await), wrapped so that asend() can tell them
// apart.
struct AsyncGenWrappedValue : Object {
  Slot value;
};

Type* async_gen_wrapped_type(Thread& t);

enum class SendStatus : uint8_t { Next, Return, Error };
// Sends into any iterator (PyIter_Send): generators and coroutines directly, others by next() or .send(). No
// StopIteration is made.
SendStatus send_to(Thread& t, Value iterator, Value sent, Value* result);
// "coroutine 'f' was never awaited", told of the place that made it.
Status warn_where_created(Thread& t, GeneratorObject* coroutine);
SendStatus generator_resume(Thread& t, GeneratorObject* generator, Value sent, bool throwing, Value* result);
// What a native iterator does with a value that `await` or `yield from` sends: it returns what it yields, or,
// with *finished set, its result. Kept in Type::extra.
using SendFunction = Result<Value> (*)(Thread& t, Value self, Value sent, bool* finished);
inline void set_native_send(Type* type, SendFunction send) {
  type->extra = Value::from_int(static_cast<int64_t>(reinterpret_cast<uintptr_t>(send)));
}
inline SendFunction native_send(const Type* type) {
  Value kept = type->extra;
  return kept.is_int() ? reinterpret_cast<SendFunction>(static_cast<uintptr_t>(kept.as_int())) : nullptr;
}
// throw() of an exception instance into a generator-like; the result as for send_to.
SendStatus generator_throw(Thread& t, GeneratorObject* generator, Value exception, Value* result);
// next(): StopIteration with the generator's result at the end (the `next` slot returns kNoMore and drops
// it).
Result<Value> generator_next_value(Thread& t, GeneratorObject* generator);
Result<Value> generator_close(Thread& t, GeneratorObject* generator);
// What is awaited or delegated to (gi_yieldfrom, cr_await), or None.
Value generator_delegate(GeneratorObject* generator);
// The iterator of `await v`: coroutine itself, or v.__await__(). TypeError "object X can't be used in 'await'
// expression".
Result<Value> get_awaitable_iter(Thread& t, Value v);
// Makes the generator-like for the running frame (RETURN_GENERATOR).
Result<Value> make_generator(Thread& t, Frame* frame);
bool is_coroutine(Thread& t, Value v);  // coroutine, or a generator of types.coroutine
// StopIteration with this value, raised.
Error raise_stop_iteration(Thread& t, Value value);

}  // namespace mp

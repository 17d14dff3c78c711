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
  // Nothing that script code can reach names it, but one temporary of the frame that awaits it or loops over
  // it (or an iterator or a call in that temporary's place).
  std::atomic<bool> unseen{false};
  bool reusable = false;      // its memory may be the next one's, if it is unseen when it has returned
  bool held_by_call = false;  // unseen, with frame.return_register: what the frame that runs it holds it by
  std::atomic<bool> running_async{false};
  const Frame* loop_frame = nullptr;  // where LoopTable has it; null: nowhere
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
// Where a coroutine was made. It may be collected long after the statement that dropped it, and the warning
// that nobody awaited it shall name that statement as CPython's does.
struct CreationSite {
  Slot code, globals;  // of the innermost script frame, or empty
  uint64_t word;
};
void set_creation_site(CreationSite* site, const Frame* maker);
inline bool is_coroutine_code(GeneratorObject* g) {
  return (g->frame.code->flags & lang::kCodeCoroutine) != 0;
}
inline bool is_async_code(GeneratorObject* g) {
  return (g->frame.code->flags & lang::kCodeAsyncGenerator) != 0;
}
// Behind the registers of a coroutine.
inline CreationSite* creation_site(GeneratorObject* g) {
  return reinterpret_cast<CreationSite*>(g->registers() + g->frame.code->register_count);
}
// "coroutine KIND was never awaited", told of that place.
Status warn_never_awaited(Thread& t, const CreationSite* site, const std::string& message, Value source);
// The same for a coroutine.
Status warn_where_created(Thread& t, GeneratorObject* coroutine);
// __anext__() for an await that follows at once: nothing warns of it.
Result<Value> async_generator_next_awaited(Thread& t, Value generator);
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
// The slot `next`: kNoMore at the end, for it has no place for the generator's result.
Result<Value> generator_next(Thread& t, Value generator);
// next(): StopIteration with the generator's result at the end.
Result<Value> generator_next_value(Thread& t, GeneratorObject* generator);
Result<Value> generator_close(Thread& t, GeneratorObject* generator);
// generator_types.cpp: a SendStatus as the methods send() and throw() show it, the exception instance for
// throw(type[, value[, traceback]]), and the warning of the old form with a `second` argument.
Result<Value> send_outcome(Thread& t, GeneratorObject* generator, SendStatus status, Value out);
Result<Value> thrown_exception(Thread& t, Value type, Value value, Value traceback);
Status warn_old_throw(Thread& t, Value second, const char* method);
// async_generator.cpp: the type's methods, __anext__(), send() of what it returns, and that somebody awaits
// that.
extern const NativeDef kAsyncGeneratorMethods[];
Result<Value> async_generator_anext(Thread& t, Value generator);
SendStatus async_generator_awaitable_send(Thread& t, Value awaitable, Value sent, Value* result);
void note_awaited(Thread& t, Value awaitable);
// What its end in the collector does: closes it, or warns, or tells the hook of sys.set_asyncgen_hooks.
Status finalize_generator(Thread& t, Value generator);
// At the end of a native function with NativeDef::lets_go, or where an adapter drops its source: a generator
// that nobody else knows is closed.
void drop_held(Thread& t, Value generator);
// What is awaited or delegated to (gi_yieldfrom, cr_await), or None.
Value generator_delegate(Thread& t, GeneratorObject* generator);
// The same in a stopped world, or while nobody else can resume it; empty: nothing.
Value delegate_of(GeneratorObject* generator);
bool is_awaiting(GeneratorObject* generator);  // it is suspended in an await or a `yield from`
// The iterator of `await v`: coroutine itself, or v.__await__(). TypeError "object X can't be used in 'await'
// expression".
Result<Value> get_awaitable_iter(Thread& t, Value v);
// Makes the generator-like for the running frame (RETURN_GENERATOR).
Result<Value> make_generator(Thread& t, Frame* frame);
// The same for one that the caller awaits or loops over at once, so that no script code can name it: it needs
// no finalizer, and its memory is used again when it has returned.
GeneratorObject* make_unseen_generator(Thread& t, Frame* frame);
// In a stopped world or under the GIL: script code may hold `object` from now on.
void note_seen(Object* object);
bool is_coroutine(Thread& t, Value v);  // coroutine, or a generator of types.coroutine
// StopIteration with this value, raised.
Error raise_stop_iteration(Thread& t, Value value);

}  // namespace mp

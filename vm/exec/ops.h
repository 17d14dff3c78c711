// The out-of-line parts of instructions: slow paths, cold instructions, inline-cache misses. Private to
// vm/exec. They read their operands from the instruction and the registers; the frame's pc has been stored
// before.
#pragma once
#include "vm/core/compiler.h"
#include "vm/exec/generator.h"
#include "vm/exec/interp.h"
#include "vm/protocol/protocol.h"
#include "vm/threads/gil.h"
#include "vm/types/number.h"
#include "vm/types/runtime.h"

namespace mp::ops {

using lang::Instruction;
using lang::Op;

inline std::atomic<uint64_t>* cache_word(const Instruction* pc, int at = 1) {
  return reinterpret_cast<std::atomic<uint64_t>*>(const_cast<Instruction*>(pc) + at);
}
inline uint64_t load_cache(const Instruction* pc, int at = 1) {
  return cache_word(pc, at)->load(std::memory_order_acquire);
}
inline Op opcode(const Instruction* pc) {
  return static_cast<Op>(__atomic_load_n(&pc->op, __ATOMIC_RELAXED));
}
// Code that all threads run is written only where it changes: each store takes its cache line from the
// others.
inline void rewrite(const Instruction* pc, Op op) {
  if (opcode(pc) != op)
    __atomic_store_n(&const_cast<Instruction*>(pc)->op, static_cast<uint8_t>(op), __ATOMIC_RELEASE);
}
inline StrObject* name_of(const Frame* frame, size_t index) { return frame->code->names[index]; }

// --- arithmetic, comparison
Value binary_slow(Thread& t, const Instruction* pc, Value* r);
Value compare_slow(Thread& t, const Instruction* pc, Value* r);
int compare_jump_slow(Thread& t, const Instruction* pc, Value* r);  // 1 true, 0 false, -1 raised
int contains_jump(Thread& t, const Instruction* pc, Value* r);      // r[a] in r[b]; likewise
int truth_slow(Thread& t, Value v);                                 // the same

// --- names and attributes (inline_cache.cpp, ops_names.cpp)
CacheEntry* new_entry(Thread& t, CodeObject* code);  // cache_entries.cpp; null: no memory
// `number` of an entry of LOAD_METHOD_BUILTIN. The last two are of what is called through a class: it has no
// `type`, for its version is of that class alone.
enum class MethodSelf : uint64_t { Instance, None, Class };
Value load_global(Thread& t, Frame* frame, const Instruction* pc);
bool store_global(Thread& t, Frame* frame, const Instruction* pc, Value value);
Value load_name(Thread& t, Frame* frame, const Instruction* pc);
bool store_name(Thread& t, Frame* frame, const Instruction* pc, Value value);
Value load_attr(Thread& t, Frame* frame, const Instruction* pc, Value object);
bool store_attr(Thread& t, Frame* frame, const Instruction* pc, Value object, Value value);
bool load_method(Thread& t, Frame* frame, const Instruction* pc, Value* r);
Value load_super(Thread& t, Frame* frame, const Instruction* pc, Value* r,
                 Value* self);  // self: null for an attribute
// A specialised instruction did not match: back to the base form, to be tried again later.
void cache_miss(Thread& t, const Instruction* pc);
// The same for sites that may learn a few alternatives: the new one goes in front of those known.
void attr_miss(Thread& t, Frame* frame, const Instruction* pc, Value object);
void method_miss(Thread& t, Frame* frame, const Instruction* pc, Value object);
bool store_attr_miss(Thread& t, Frame* frame, const Instruction* pc, Value object,
                     Value value);                            // stores as well
inline constexpr uint64_t kGenericTag = 0xffffffff00000001u;  // high word no shape id, low bit no pointer
// STORE_ATTR_ADD for an object that this thread does not own; false: it has another shape by now.
bool add_slot_to_shared(Thread& t, Object* object, const CacheEntry* entry, Value value);
// An attribute that a GetSetDef computes; `getter` is its Getter.
Value call_getter(Thread& t, Frame* frame, const Instruction* pc, Value object, uint64_t getter);
Error name_error(Thread& t, StrObject* name);
Error unbound_error(Thread& t, Frame* frame, uint16_t reg);
Error unbound_cell_error(Thread& t, Frame* frame, uint16_t reg);

// --- subscripts
Value subscript(Thread& t, const Instruction* pc, Value container, Value key);
bool store_subscript(Thread& t, const Instruction* pc, Value container, Value key, Value value);

// --- calls (calls.cpp)
// Pushes a frame for a script function and binds its arguments; null when it raised. `control` is what
// Frame::flags, return_length and return_register get.
Frame* push_call(Thread& t, FunctionObject* function, Value self, const CallArgs& args, uint32_t control,
                 const SpreadArgs& spread = kNoSpread);
Frame* push_frame(Thread& t, CodeObject* code, FunctionObject* function, DictObject* globals,
                  DictObject* builtins, uint32_t control);
void pop_frame(Thread& t, Frame* frame);
Error recursion_error(Thread& t);
// Where a frame would end beyond the stack, or the recursion limit is reached: false, and RecursionError, if
// so it is.
bool may_go_deeper(Thread& t, const Slot* top);
bool expand_call(Thread& t, const Instruction* pc, Value* r, CallArgs* args,
                 SpreadArgs* spread);  // CALL_EX's arguments
Value call_native_direct(Thread& t, NativeFunctionObject* function, Value self, const CallArgs& args);
Value call_value(Thread& t, Value callee, Value self, const CallArgs& args);
// A native that takes its arguments raw, or whose missing ones have defaults: whether it is one, with `count`
// positional arguments behind the receiver `self`, if any; and the call then.
bool knows_defaults(Thread& t, NativeFunctionObject* function, Value self, size_t count);
Value call_known(Thread& t, NativeFunctionObject* function, Value self, const CallArgs& args);
Value call_builtin_type(Thread& t, Type* type, const CallArgs& args);
// The definition if `count` positional arguments (receiver included) are exactly its parameters and it has
// the bound convention.
const NativeDef* exact_native(Thread& t, NativeFunctionObject* function, size_t count);
bool check_receiver(Thread& t, NativeFunctionObject* function, Value self);
// The __init__ of a class whose call is: allocate an instance, run a script __init__ (null otherwise).
FunctionObject* plain_class_init(Thread& t, Type* cls);
Error init_result_error(Thread& t, Value result);
// BEFORE_WITH up to the call: looks up both methods, writes what leaves to r[c] (for call_exit). What enters:
// with *self a script function or a native method, without it something bound; or the error sentinel.
Value with_methods(Thread& t, const Instruction* pc, Value* r, Value* self);
Result<Value> call_exit(Thread& t, Value exit, Value type, Value exception, Value traceback);

// --- unwinding (unwind.cpp)
// Finds the handler of the current exception from t.frame on, leaving frames. The frame to go on in, or null
// when an entry frame was left.
Frame* unwind(Thread& t, bool add_entry);
// What a frame with flags needs when it returns or is unwound; then it is no longer t.frame.
void leave_frame(Thread& t, Frame* frame);

// --- polls and tracing
enum class Poll : uint8_t { Ok, Raised, SwitchMode };
Poll poll(Thread& t, bool instrumented);
bool observed(Thread& t);  // somebody wants events: sys.settrace, setprofile, monitoring
// Whether somebody has asked for events, or for switch sites between the loop's own polls; most often nobody.
inline bool may_need_instrumentation(Thread& t) {
  const GilState& gil = *t.runtime().gil;
  return (t.trace_function.get().bits() | t.profile_function.get().bits()) != 0 ||
         gil.every_instruction.load(std::memory_order_relaxed) ||
         gil.monitored.load(std::memory_order_relaxed);
}
// Where in the frame the current exception came up: cleanup code, which raises it again, has no line.
uint32_t raised_at(Thread& t, Frame* frame);
inline bool needs_instrumentation(Thread& t) {
  return may_need_instrumentation(t) &&
         (t.runtime().gil->every_instruction.load(std::memory_order_relaxed) || observed(t));
}
enum class Observed : uint8_t { Run, Called, Raised };
// Before an instruction; may change frame->pc. Called: it was a call, which ran here, its result is stored.
Observed trace_instruction(Thread& t, Frame* frame);
// A frame starts, or goes on after a yield (with the current exception when `throwing`).
bool trace_call(Thread& t, Frame* frame, bool throwing);
bool trace_return(Thread& t, Frame* frame, Value result);  // return and yield
// The current exception leaves the frame; `again`: after an `except` or a `finally`.
void trace_unwind(Thread& t, Frame* frame, bool again);
void trace_exception(Thread& t, Frame* frame, bool again);
bool trace_handled(Thread& t, Frame* frame);  // the current exception goes to a handler of the frame
// What is at its end: the generator of the frame's loop, a generator or coroutine that it delegates to,
// another awaitable.
enum class StopOf : uint8_t { LoopGenerator, Delegate, Awaitable };
bool trace_stop_iteration(Thread& t, Frame* frame, Value result, StopOf what);

}  // namespace mp::ops

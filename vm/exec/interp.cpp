// The interpreter loop: one function, whose opcodes stand in the interp_*.inc files by class. Hot paths are
// there; everything else is out of line in ops*.cpp, calls.cpp, inline_cache.cpp and unwind.cpp, so that the
// loop's state (pc, registers, frame, constants, thread) stays in machine registers.
#include "vm/exec/interp.h"

#include "vm/core/compiler.h"
#include "vm/exec/cold_ops.h"
#include "vm/exec/interp_values.h"
#include "vm/exec/loop_generators.h"
#include "vm/exec/ops.h"
#include "vm/threads/object_lock.h"
#include "vm/types/iterator_support.h"
#include "vm/types/list_support.h"

namespace mp {

using lang::Instruction;
using lang::Op;
using namespace ops;

namespace {

// One byte, which other threads may rewrite: volatile does what a relaxed load does, and the compiler widens
// it in the load itself. ThreadSanitizer wants to see the atomic.
inline uint8_t next_opcode(const Instruction* pc) {
#if MP_TSAN
  return __atomic_load_n(&pc->op, __ATOMIC_RELAXED);
#else
  return *static_cast<const volatile uint8_t*>(&pc->op);
#endif
}

#define NEXT(words) \
  do {              \
    pc += (words);  \
    DISPATCH();     \
  } while (0)
#define DISPATCH()                                  \
  do {                                              \
    if constexpr (kInstrumented) goto instrumented; \
    goto* kLabels[next_opcode(pc)];                 \
  } while (0)
#define SAVE() (frame->pc = pc)
// The value of a Result<Value> or Value expression; goes to `raised` on error.
#define VALUE(expression)                              \
  ({                                                   \
    SAVE();                                            \
    Value mp_value = Result<Value>(expression).take(); \
    if (mp_value.is_error()) [[unlikely]]              \
      goto raised;                                     \
    mp_value;                                          \
  })
#define CHECK(condition)           \
  do {                             \
    SAVE();                        \
    if (!(condition)) [[unlikely]] \
      goto raised;                 \
  } while (0)
#define INTERRUPTED() __builtin_expect(t.interrupt_word.load(std::memory_order_relaxed) != 0, 0)
#define ARGS(first, length) (args = {(first), (length), {}})
#define LOAD_FRAME()            \
  do {                          \
    r = frame->registers;       \
    k = frame->code->constants; \
    pc = frame->pc;             \
  } while (0)

inline bool may_yield_tuples(Thread& t, Type* type) {
  return type == t.types().enumerate || type == t.types().zip || type == t.types().dict_item_iterator;
}

// Out of line: formatting a message takes room on the stack.
MP_NOINLINE void raise_plain(Thread& t, Exc kind, const char* message) { t.raise(kind, "{}", message); }

// Whether the loop's item goes through a temporary to an UNPACK at the head of the body and nowhere else.
inline bool unpacks_item(const Frame* frame, const Instruction* loop, const Instruction* body) {
  return lang::op_info(opcode(body)).base == Op::UNPACK && body->b == loop->a &&
         loop->a >= frame->code->first_temporary;
}

// Whether what the running generator function returns goes from a temporary of its caller straight into an
// await, a for loop or a `yield from`: then the GET_AWAITABLE, GET_ITER or GET_YIELD_FROM_ITER, which gives
// the generator itself.
inline const Instruction* used_at_once(Thread& t, const Frame* frame) {
  if (frame->flags != 0) return nullptr;
  const CodeObject *caller = frame->previous->code, *code = frame->code;
  const Instruction* next = frame->previous->pc + frame->return_length;
  if (next->b != frame->return_register || next->b < caller->first_temporary) return nullptr;
  switch (opcode(next)) {
    case Op::GET_AWAITABLE:
      return (code->flags & lang::kCodeCoroutine) != 0 && t.coroutine_origin_depth == 0 ? next : nullptr;
    case Op::GET_YIELD_FROM_ITER:
      return (code->flags &
              (lang::kCodeCoroutine | lang::kCodeAsyncGenerator | lang::kCodeIterableCoroutine)) == 0 &&
                     code->unit->exceptions.empty()
                 ? next
                 : nullptr;
    case Op::GET_ITER: {
      const Instruction* loop = next + 1;
      bool looped = lang::op_info(opcode(loop)).base == Op::FOR_ITER && loop->b == next->a &&
                    loop->b >= caller->first_temporary;
      // One with handlers gets a finalizer, for loops that are left early.
      return looped && (code->flags & (lang::kCodeCoroutine | lang::kCodeAsyncGenerator)) == 0 &&
                     code->unit->exceptions.empty()
                 ? next
                 : nullptr;
    }
    default: return nullptr;
  }
}
// A generator that has returned and that nobody can name is the next one of its code.
inline void keep_unseen(Thread& t, Frame* left) {
  GeneratorObject* generator = left->generator();
  if (!generator->unseen.load(std::memory_order_relaxed) || !generator->reusable || free_threaded(t)) return;
  CodeObject* code = left->code;
  left->previous = code->spare_generators == nullptr ? nullptr : &code->spare_generators->frame;
  code->spare_generators = generator;
}

template <bool kInstrumented>
Value run(Thread& t, Frame* frame, bool throwing) {
  static const void* const kLabels[256] = {
#define OP(NAME, A, B, C, EXTRA, CACHE, EFFECTS, SITE, DOC) &&op_##NAME,
#define SPECIALISED(NAME, BASE, DOC) &&op_##NAME,
#include "lang/opcodes.def"
  };
  BuiltinTypes& types = t.types();
  const Instruction* pc;
  Value* r;
  Slot* k;
  // What a call hands to the shared code that pushes a frame.
  FunctionObject* callee = nullptr;
  const Value* call_values = nullptr;
  uint32_t call_control = 0;
  // What leaves a frame, goes into a generator, comes out of it.
  Value result;
  Value yielded;
  Value sent;
  GeneratorObject* resumed = nullptr;
  uint32_t mode = 0;
  // What lies in memory for a callee, once for all instructions: an own variable for each would be a word of
  // the native stack that is seldom written, where the collector finds what lies there from before.
  CallArgs args;
  SpreadArgs spread;
  Value out;
  double p, q;

  LOAD_FRAME();
  if (throwing) goto raised;
  DISPATCH();

instrumented:
  if constexpr (kInstrumented) {
    SAVE();
    Observed seen = trace_instruction(t, frame);
    if (seen == Observed::Raised) goto raised;
    pc = frame->pc;
    if (seen == Observed::Called) {
      if (INTERRUPTED()) goto after_call;
      NEXT(lang::op_info(opcode(pc)).length());
    }
    goto* kLabels[next_opcode(pc)];
  }

  // The compiler keeps this order.
#include "vm/exec/interp_loops.inc"
  // ---
#include "vm/exec/interp_calls.inc"
#include "vm/exec/interp_generators.inc"
#include "vm/exec/interp_names.inc"
#include "vm/exec/interp_operators.inc"

  // ------------------------------------------------------------------ exceptions
op_PUSH_EXC : {
  Value before = t.handled->value;
  t.handled->value = r[pc->b];
  r[pc->a] = before.is_empty() ? kNone : before;
  NEXT(1);
}
op_POP_EXC : {
  Value before = r[pc->a];
  t.handled->value = before.is_none() ? kEmpty : before;
  NEXT(1);
}
op_CHECK_EXC_MATCH : {
  SAVE();
  Result<bool> matches = exception_matches(t, r[pc->b], r[pc->c]);
  if (matches.is_error()) goto raised;
  r[pc->a] = Value::from_bool(matches.value());
  NEXT(1);
}
op_RERAISE:
  t.restore_exception(r[pc->a]);
  goto reraise;
op_RAISE_CURRENT : {
  Value current = topmost_handled(t);
  if (current.is_empty()) {
    SAVE();
    raise_plain(t, Exc::RuntimeError, "No active exception to reraise");
    goto raised;
  }
  t.restore_exception(current);
  goto reraise;
}
op_END_ASYNC_FOR:
  if (is_exception_of(t, r[pc->a], Exc::StopAsyncIteration)) NEXT(1);
  t.restore_exception(r[pc->a]);
reraise:
  SAVE();
  frame = unwind(t, false);
  goto unwound;
raised:
  frame = unwind(t, true);
unwound:
  if (frame == nullptr) return kErrorValue;
  LOAD_FRAME();
  DISPATCH();

switch_mode : {
  SAVE();
  Value outcome = run<!kInstrumented>(t, frame, false);
  t.set_interrupt(kInterruptTrace);  // the loops further out have to look as well
  return outcome;
}

// ------------------------------------------------------------------ everything else
#define COLD(NAME)                                \
  op_##NAME : CHECK(cold::NAME(t, frame, pc, r)); \
  NEXT(1);
#include "vm/exec/cold_ops.def"
#undef COLD
}

}  // namespace

// With something to see to first, or to watch.
MP_NOINLINE static Value execute_attentively(Thread& t, Frame* frame, bool throwing) {
  if (t.check_stack().is_error()) {
    // The frame never ran: drop it and let the caller see the error.
    leave_frame(t, frame);
    return kErrorValue;
  }
  // A function called from native code begins with a switch site as any other; an await that goes on does
  // not.
  if (!throwing && INTERRUPTED() && opcode(frame->pc) != Op::AWAIT) throwing = poll(t, false) == Poll::Raised;
  if (!needs_instrumentation(t)) return run<false>(t, frame, throwing);
  if (!trace_call(t, frame, throwing)) throwing = true;
  Value result = run<true>(t, frame, throwing);
  t.set_interrupt(kInterruptTrace);  // a loop further out may be waiting for its turn to change
  return result;
}

Value execute(Thread& t, Frame* frame, bool throwing) {
  bool deep = reinterpret_cast<uintptr_t>(__builtin_frame_address(0)) <= t.stack_limit;
  if (deep || INTERRUPTED() || may_need_instrumentation(t)) [[unlikely]]
    return execute_attentively(t, frame, throwing);
  return run<false>(t, frame, throwing);
}

}  // namespace mp

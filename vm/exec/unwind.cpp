// From a raised exception to its handler: traceback entries, exception tables, leaving frames.
#include "vm/exec/loop_generators.h"
#include "vm/exec/ops.h"

namespace mp {

void add_traceback(Thread& t, Frame* frame) {
  Value exception = t.current_exception;
  if (!is_exception(exception)) return;
  auto* entry = t.heap().make<TracebackObject>(t, t.types().traceback);
  Value next = exception.as<ExceptionObject>()->traceback;
  entry->next = next.is_empty() ? kNone : next;
  entry->frame = Value(frame_object(t, frame));
  uint32_t word = frame->word();
  entry->last_instruction = static_cast<int32_t>(word * 2);
  entry->line = code_line(frame->code, word);
  exception.as<ExceptionObject>()->traceback = Value(entry);
}

namespace ops {

// PEP 479: StopIteration must not leave a generator by accident.
static void convert_stop_iteration(Thread& t, Frame* frame) {
  bool async_generator = (frame->code->flags & lang::kCodeAsyncGenerator) != 0;
  bool coroutine = (frame->code->flags & lang::kCodeCoroutine) != 0;
  const char* what = nullptr;
  if (t.exception_matches(Exc::StopIteration))
    what = async_generator ? "async generator raised StopIteration"
           : coroutine     ? "coroutine raised StopIteration"
                           : "generator raised StopIteration";
  else if (async_generator && t.exception_matches(Exc::StopAsyncIteration))
    what = "async generator raised StopAsyncIteration";
  if (what == nullptr) return;
  Value cause = t.take_exception();
  Value error = make_exception(t, Exc::RuntimeError, make_str(t, what));
  auto* e = error.as<ExceptionObject>();
  e->cause = cause;
  e->context = cause;
  e->suppress_context.store(true, std::memory_order_relaxed);
  t.restore_exception(error);
  add_traceback(t, frame);
}

void leave_frame(Thread& t, Frame* frame) {
  if ((frame->flags & kFrameAttached) != 0) {
    close_loops(t, frame, 0);
    if (frame->frame_object != nullptr) detach_frame_object(t, frame);
  }
  t.frame = frame->previous;
  --t.recursion_depth;
  if ((frame->flags & kFrameGenerator) != 0) {
    GeneratorObject* generator = frame->generator();
    t.handled = generator->handled.previous;
    generator->handled.previous = nullptr;
    generator->handled.value = kEmpty;
    frame->previous = nullptr;
    frame->flags = kFrameGenerator;
    generator->state.store(GeneratorState::Finished, std::memory_order_release);
    // Nothing is left to close: the collector need not bring it back to life for that.
    if (generator->has_flag(kFlagHasFinalizer)) {
      generator->set_flag(kFlagFinalized);
      let_go(t, generator);
    }
  } else {
    t.stack_top = reinterpret_cast<Slot*>(frame);
  }
}

uint32_t raised_at(Thread& t, Frame* frame) {
  Value exception = t.current_exception;
  Value head = is_exception(exception) ? exception.as<ExceptionObject>()->traceback.get() : kEmpty;
  if (is_kind(head, Kind::Traceback) && frame->frame_object != nullptr &&
      head.as<TracebackObject>()->frame.get() == Value(frame->frame_object))
    return static_cast<uint32_t>(head.as<TracebackObject>()->last_instruction / 2);
  return frame->word();
}

MP_NOINLINE Frame* unwind(Thread& t, bool add_entry) {
  for (;;) {
    Frame* frame = t.frame;
    bool raised_again = !add_entry;
    if (add_entry) {
      add_traceback(t, frame);
    }
    bool seen = observed(t);
    if (seen) trace_exception(t, frame, raised_again);
    add_entry = true;
    const lang::CodeUnit* unit = frame->code->unit;
    if (!unit->exceptions.empty()) {
      if (const lang::ExceptionRange* range = unit->handler_at(frame->word())) {
        if ((frame->flags & kFrameAttached) != 0) close_loops(t, frame, range->exception_register);
        frame->pc = frame->code->instructions + range->handler;
        if (seen && !trace_handled(t, frame) && opcode(frame->pc) == Op::PUSH_EXC) {
          // What a callback raises there leaves the handler, through the POP_EXC of its end.
          Value before = t.handled->value;
          frame->registers[frame->pc->a] = before.is_empty() ? kNone : before;
          continue;
        }
        frame->registers[range->exception_register] = t.take_exception();
        return frame;
      }
    }
    if (raised_again) frame->pc = frame->code->instructions + raised_at(t, frame);
    uint8_t flags = frame->flags;
    if ((flags & kFrameGenerator) != 0) convert_stop_iteration(t, frame);
    if (observed(t)) trace_unwind(t, frame, raised_again);
    leave_frame(t, frame);
    if ((flags & kFrameEntry) != 0) return nullptr;
  }
}

}  // namespace ops
}  // namespace mp

// Polls of the interrupt word, and sys.settrace / sys.setprofile: what the instrumented loop calls.
#include <utility>

#include "vm/exec/code_data.h"
#include "vm/exec/ops.h"
#include "vm/exec/switch_sites.h"
#include "vm/threads/gil.h"
#include "vm/threads/thread_impl.h"
#include "vm/types/runtime.h"

namespace mp::ops {

bool tracing(Thread& t) { return !t.trace_function.get().is_empty() || !t.profile_function.get().is_empty(); }

MP_NOINLINE Poll poll(Thread& t, bool instrumented) {
  t.clear_interrupt(kInterruptTrace);
  if (t.poll().is_error()) return Poll::Raised;
  return needs_instrumentation(t) != instrumented ? Poll::SwitchMode : Poll::Ok;
}

bool needs_instrumentation(Thread& t) {
  return tracing(t) || t.runtime().gil->every_instruction.load(std::memory_order_relaxed);
}

namespace {

// Runs a trace function with tracing off; its result, or the error sentinel.
Value call_tracer(Thread& t, Slot Thread::*which, Value function, Frame* frame, const char* event,
                  Value argument) {
  Value saved_trace = t.trace_function, saved_profile = t.profile_function;
  Value pending = t.take_exception();
  FrameObject* f = frame_object(t, frame);
  f->exposed = true;
  t.trace_function = kEmpty;
  t.profile_function = kEmpty;
  t.clear_interrupt(kInterruptTrace);
  const Value hooks[] = {saved_trace, saved_profile};
  const Value* outer_hooks = std::exchange(t.impl->hidden_hooks, hooks);
  Value result = call(t, function, {f, intern(t, event), argument}).take();
  bool changed = t.impl->hidden_hooks != hooks;
  t.impl->hidden_hooks = outer_hooks;
  // The function may have set new hooks itself: those stay.
  if (!changed) {
    t.trace_function = saved_trace;
    t.profile_function = saved_profile;
  }
  if (result.is_error()) {
    // An error in the hook switches it off.
    (t.*which) = kEmpty;
    f->trace = kEmpty;
  } else {
    t.restore_exception(pending);
  }
  return result;
}

}  // namespace

bool trace_call(Thread& t, Frame* frame) {
  Value trace = t.trace_function;
  // A function that starts is at its first line, whatever its first instruction stands for.
  bool starts = frame->pc == frame->code->instructions && (frame->code->flags & lang::kCodeOptimized) != 0;
  if (!trace.is_empty()) {
    FrameObject* f = frame_object(t, frame);
    if (starts) f->line_override = static_cast<int32_t>(frame->code->first_line);
    Value local = call_tracer(t, &Thread::trace_function, trace, frame, "call", kNone);
    f->line_override = 0;
    if (local.is_error()) return false;
    f->trace = local.is_none() ? kEmpty : local;
    f->traced_line = 0;
  }
  Value profile = t.profile_function;
  if (!profile.is_empty() &&
      call_tracer(t, &Thread::profile_function, profile, frame, "call", kNone).is_error())
    return false;
  return true;
}

static bool local_event(Thread& t, Frame* frame, const char* event, Value argument) {
  FrameObject* f = frame->frame_object;
  if (f == nullptr || f->trace.get().is_empty() || t.trace_function.get().is_empty()) return true;
  Value local = call_tracer(t, &Thread::trace_function, f->trace, frame, event, argument);
  if (local.is_error()) return false;
  if (!local.is_none()) f->trace = local;
  return true;
}

bool trace_instruction(Thread& t, Frame* frame) {
  GilState& gil = *t.runtime().gil;
  if (gil.every_instruction.load(std::memory_order_relaxed)) {
    bool permitted = t.impl->at_switch_site;
    t.impl->at_switch_site =
        switch_site_after(gil.semantics.load(std::memory_order_relaxed), lang::op_info(frame->pc->opcode()));
    count_instruction(t, permitted);
  }
  FrameObject* f = frame->frame_object;
  if (f == nullptr || f->trace.get().is_empty() || t.trace_function.get().is_empty()) return true;
  uint32_t word = frame->word();
  int32_t line = code_line(frame->code, word);
  // A line event: another line than before, or a jump backwards to the start of a line.
  bool backward = word <= f->traced_word && f->traced_line != 0;
  bool starts_line = false;
  if (line > 0 && (line != f->traced_line || backward)) {
    const std::vector<LineEntry>& lines = code_lines(frame->code);
    for (const LineEntry& entry : lines)
      if (entry.start == word) starts_line = true;
    if (line != f->traced_line) starts_line = true;
  }
  f->traced_word = word;
  if (starts_line && f->trace_lines) {
    f->traced_line = line;
    if (!local_event(t, frame, "line", kNone)) return false;
  }
  if (f->trace_opcodes) return local_event(t, frame, "opcode", kNone);
  return true;
}

bool trace_return(Thread& t, Frame* frame, Value result) {
  Value argument = result.is_empty() ? kNone : result;
  if (!local_event(t, frame, "return", argument)) return false;
  Value profile = t.profile_function;
  if (!profile.is_empty() &&
      call_tracer(t, &Thread::profile_function, profile, frame, "return", argument).is_error())
    return false;
  return true;
}

void trace_exception(Thread& t, Frame* frame) {
  Value e = t.current();
  if (!is_exception(e)) return;
  Value traceback = e.as<ExceptionObject>()->traceback;
  Value argument = make_tuple(t, {type_of(t, e), e, traceback.is_empty() ? kNone : traceback});
  local_event(t, frame, "exception", argument);
}

bool trace_native(Thread& t, Frame* frame, const char* event, Value function) {
  Value profile = t.profile_function;
  if (profile.is_empty()) return true;
  return !call_tracer(t, &Thread::profile_function, profile, frame, event, function).is_error();
}

}  // namespace mp::ops

// What the instrumented loop calls: polls of the interrupt word, and the events of sys.settrace,
// sys.setprofile and sys.monitoring. Neither a trace function nor a callback is observed while it runs.
#include <algorithm>
#include <utility>

#include "vm/exec/code_data.h"
#include "vm/exec/monitoring.h"
#include "vm/exec/ops.h"
#include "vm/exec/switch_sites.h"
#include "vm/native/signature.h"
#include "vm/threads/gil.h"
#include "vm/threads/thread_impl.h"
#include "vm/types/runtime.h"

namespace mp::ops {

MP_NOINLINE Poll poll(Thread& t, bool instrumented) {
  t.clear_interrupt(kInterruptTrace);
  if (t.poll().is_error()) return Poll::Raised;
  return needs_instrumentation(t) != instrumented ? Poll::SwitchMode : Poll::Ok;
}

bool observed(Thread& t) {
  if (t.impl->observing) return false;
  return !t.trace_function.get().is_empty() || !t.profile_function.get().is_empty() || monitored(t.runtime());
}

namespace {

Op base_op(const Instruction* pc) { return lang::op_info(opcode(pc)).base; }

// Runs a trace function; its result, or the error sentinel.
Value call_tracer(Thread& t, Slot Thread::*which, Value function, Frame* frame, const char* event,
                  Value argument) {
  Value pending = t.take_exception();
  FrameObject* f = frame_object(t, frame);
  f->exposed = true;
  t.impl->observing = true;
  f->event = event[0];
  Value result = call(t, function, {f, intern(t, event), argument}).take();
  f->event = 0;
  t.impl->observing = false;
  t.set_interrupt(kInterruptTrace);  // it may have switched off what keeps this loop running
  if (result.is_error()) {
    // An error in the hook switches it off.
    (t.*which) = kEmpty;
    f->trace = kEmpty;
  } else {
    t.restore_exception(pending);
  }
  return result;
}

bool profile_event(Thread& t, Frame* frame, const char* event, Value argument) {
  Value profile = t.profile_function;
  return profile.is_empty() ||
         !call_tracer(t, &Thread::profile_function, profile, frame, event, argument).is_error();
}

// The end of a module or a class body has no line: it is told with the last one.
bool profile_return(Thread& t, Frame* frame, Value result) {
  if (t.profile_function.get().is_empty()) return true;
  FrameObject* f = frame_object(t, frame);
  f->line_override = last_code_line(frame->code, frame->word());
  bool ok = profile_event(t, frame, "return", result);
  f->line_override = 0;
  return ok;
}

// An event for the frame's own trace function.
bool local_event(Thread& t, Frame* frame, const char* event, Value argument) {
  FrameObject* f = frame->frame_object;
  Value trace = f == nullptr ? kEmpty : f->trace.get();
  if (trace.is_empty() || t.trace_function.get().is_empty()) return true;
  Value local = call_tracer(t, &Thread::trace_function, trace, frame, event, argument);
  if (local.is_error()) return false;
  if (!local.is_none()) f->trace = local;
  return true;
}

bool starts_line_entry(const CodeObject* code, uint32_t word) {
  const std::vector<LineEntry>& lines = code_lines(code);
  auto found = std::lower_bound(lines.begin(), lines.end(), word,
                                [](const LineEntry& entry, uint32_t w) { return entry.start < w; });
  return found != lines.end() && found->start == word;
}

constexpr uint32_t bit(Event event) { return 1U << static_cast<int>(event); }
constexpr uint32_t kJumpEvents = bit(Event::Jump) | bit(Event::Branch);
constexpr uint32_t kNowhere = UINT32_MAX;
constexpr uint32_t kInstructionEvents = kJumpEvents | bit(Event::Line) | bit(Event::Instruction);

// Puts the frame on the mark of a line without instructions that lies between `before` and where it stands.
void pass_line_mark(Frame* frame, uint32_t before) {
  const std::vector<lang::LineMark>& marks = frame->code->unit->line_marks;
  if (marks.empty()) return;
  uint32_t word = frame->word();
  if (before == kNowhere && word != 0) return;
  const Instruction* code = frame->code->instructions;
  if (before != kNowhere) {
    // These two do the work of the UNPACK behind them as well.
    const Instruction* from = code + before;
    if (opcode(from) == Op::FOR_ITER_UNPACK)
      before += static_cast<uint32_t>(lang::op_info(opcode(from)).length());
    if (opcode(from) == Op::FOR_LOOP_UNPACK &&
        word != before + static_cast<uint32_t>(lang::op_info(opcode(from)).length()))
      before = static_cast<uint32_t>(from + lang::op_info(opcode(from)).length() + from->sc() - code);
  }
  static_assert(kNowhere == lang::LineMark::kEntry);
  auto found = std::lower_bound(marks.begin(), marks.end(), before,
                                [](const lang::LineMark& mark, uint32_t from) { return mark.from < from; });
  for (; found != marks.end() && found->from == before; ++found) {
    if (found->to != word) continue;
    frame->pc = code + found->mark;
    return;
  }
}

// CPython's functions make their cells before their first line.
bool in_prologue(const CodeObject* code, uint32_t word) {
  if ((code->flags & lang::kCodeOptimized) == 0) return false;
  Op op = base_op(code->instructions + word);
  return op == Op::COPY_FREE || op == Op::RETURN_GENERATOR ||
         (op == Op::MAKE_CELL && code_line(code, word) == static_cast<int32_t>(code->first_line));
}

// Whether a line event is due: on another line than the last one.
bool starts_line(Frame* frame, uint32_t before, int32_t last_line) {
  const CodeObject* code = frame->code;
  uint32_t word = frame->word();
  int32_t line = code_line(code, word);
  if (line <= 0 || in_prologue(code, word)) return false;
  if (before == kNowhere) return starts_line_entry(code, word);
  return in_prologue(code, before) || line != (last_line != 0 ? last_line : code_line(code, before));
}
// sys.settrace wants one as well after a jump back to the start of the same line.
bool goes_round(Frame* frame, uint32_t before) {
  const CodeObject* code = frame->code;
  uint32_t word = frame->word();
  // FOR_LOOP is CPython's jump back and the test at the top in one.
  bool loops = base_op(frame->pc) == Op::FOR_LOOP;
  if (before == kNowhere || (word > before && !loops)) return false;
  if (code_line(code, word) <= 0 || in_prologue(code, word)) return false;
  if (loops) return true;
  const Instruction* from = code->instructions + before;
  lang::SwitchSite site = lang::op_info(opcode(from)).site;
  if (site == lang::SwitchSite::Back)
    return base_op(from) != Op::FOR_LOOP && base_op(frame->pc) != Op::GET_ANEXT;
  return !lang::is_line_mark(*from) && starts_line_entry(code, word);
}

const Instruction* jump_target(const Instruction* from) {
  const lang::OpInfo& info = lang::op_info(opcode(from));
  return from + info.length() + (info.c == lang::Operand::J16 ? from->sc() : from->bc());
}

// The jump that led from the instruction at `before` to where the frame stands. A loop's last instruction is
// CPython's jump back and the branch at the top in one.
bool monitor_jump(Thread& t, Frame* frame, uint32_t before) {
  const Instruction *here = frame->pc, *from = frame->code->instructions + before;
  const lang::OpInfo& info = lang::op_info(opcode(from));
  if ((info.effects & lang::kJumps) == 0 ||
      (lang::is_line_mark(*from) && (from->aux & lang::kJumpIsNone) != 0))
    return true;
  const Instruction *next = from + info.length(), *target = jump_target(from), *reached = here;
  while (reached != next && reached != target && lang::is_line_mark(*reached)) reached = jump_target(reached);
  bool conditional = (info.effects & lang::kEnds) == 0, loops = info.base == Op::FOR_LOOP;
  // Those that take the UNPACK behind them in go on behind it.
  if (opcode(from) == Op::FOR_ITER_UNPACK || opcode(from) == Op::FOR_LOOP_UNPACK)
    if (const Instruction* body = loops ? target : next;
        reached == body + lang::op_info(opcode(body)).length())
      reached = body;
  if (reached != next && reached != target) return true;
  // CPython has a copy of the end in place of a jump to it.
  if (!conditional && base_op(target) == Op::RETURN_CONST) return true;
  auto fire = [&](Event event, const Instruction* at, const Instruction* to) {
    frame->pc = at;
    return fire_event(t, event, frame, {make_int(t, int64_t{frame->code->word_of(to)} * 2)});
  };
  bool ok = true;
  if (loops) {
    const Instruction* top = base_op(target - 2) == Op::FOR_ITER ? target - 2 : from;
    ok = fire(Event::Jump, from, top) && fire(Event::Branch, top, here);
  } else {
    if (conditional) ok = fire(Event::Branch, from, here);
    if (ok && (!conditional || (target <= from && reached == target))) ok = fire(Event::Jump, from, here);
  }
  frame->pc = here;
  return ok;
}

bool monitor_instruction(Thread& t, Frame* frame, uint32_t before) {
  uint32_t wanted = wanted_events(t, frame->code);
  if ((wanted & kInstructionEvents) == 0) return true;
  if (before != kNowhere && (wanted & kJumpEvents) != 0 && !monitor_jump(t, frame, before)) return false;
  if ((wanted & bit(Event::Line)) != 0) {
    int32_t line = code_line(frame->code, frame->word());
    if (starts_line(frame, before, 0) && !fire_event(t, Event::Line, frame, {Value::from_int(line)}))
      return false;
  }
  return (wanted & bit(Event::Instruction)) == 0 || fire_event(t, Event::Instruction, frame, {});
}

bool trace_line(Thread& t, Frame* frame, uint32_t before) {
  FrameObject* f = frame->frame_object;
  if (f == nullptr || f->trace.get().is_empty() || t.trace_function.get().is_empty()) return true;
  if (starts_line(frame, before, f->traced_line) || goes_round(frame, before)) {
    f->traced_line = code_line(frame->code, frame->word());
    if (f->trace_lines && !local_event(t, frame, "line", kNone)) return false;
  }
  return !f->trace_opcodes || local_event(t, frame, "opcode", kNone);
}

// Tells of a call, and of its outcome unless the callee is a script function: that has events of its own.
// Then the call runs here, so that callee and first argument live on the native stack meanwhile.
Observed observe_call(Thread& t, Frame* frame) {
  bool monitored = wants_event(t, Event::Call, frame), profiled = !t.profile_function.get().is_empty();
  if (!monitored && !profiled) return Observed::Run;
  const Instruction* pc = frame->pc;
  Value *r = frame->registers, self{};
  CallArgs args{r + pc->b + 2, pc->c, {}};
  SpreadArgs spread;
  switch (base_op(pc)) {
    case Op::CALL: break;
    case Op::CALL_METHOD: self = r[pc->b + 1]; break;
    case Op::CALL_METHOD_KW: self = r[pc->b + 1]; [[fallthrough]];
    case Op::CALL_KW:
      args.keyword_names = frame->code->constants[*reinterpret_cast<const uint64_t*>(pc + 1)].get();
      args.count -= args.keyword_names.as<TupleObject>()->size;
      break;
    case Op::CALL_EX:
      if (!expand_call(t, pc, r, &args, &spread)) return Observed::Raised;
      break;
    default: return Observed::Run;
  }
  Value function = r[pc->b], callee = function, receiver = self;
  if (receiver.is_empty() && is_kind(callee, Kind::BoundMethod)) {
    receiver = callee.as<BoundMethodObject>()->self;
    callee = callee.as<BoundMethodObject>()->function;
  }
  // As CPython counts: a bound method is told whole, and the first argument may be a keyword's.
  bool any = args.count > 0 || !args.keyword_names.is_empty();
  Value first = !self.is_empty() ? self : any ? args.values[0] : monitoring(t)->missing.get();
  if (monitored && !fire_event(t, Event::Call, frame, {function, first})) return Observed::Raised;
  if (is_kind(callee, Kind::Function)) return Observed::Run;
  Value native = is_kind(callee, Kind::NativeFunction) ? callee : kEmpty;
  if (!native.is_empty() && !receiver.is_empty() &&
      native.as<NativeFunctionObject>()->self.get().is_empty() && profiled)
    native = bind_native_function(t, native.as<NativeFunctionObject>(), receiver);
  if (!native.is_empty() && !profile_event(t, frame, "c_call", native)) return Observed::Raised;
  Value v = call_value(t, function, self, args);
  bool raised = v.is_error();
  if (!fire_event(t, raised ? Event::CRaise : Event::CReturn, frame, {function, first}))
    return Observed::Raised;
  // A function that was set by this very call hears nothing of it.
  if (profiled && !native.is_empty() && !profile_event(t, frame, raised ? "c_exception" : "c_return", native))
    return Observed::Raised;
  if (raised) return Observed::Raised;
  r[pc->a] = v;
  return Observed::Called;
}

}  // namespace

Observed trace_instruction(Thread& t, Frame* frame) {
  GilState& gil = *t.runtime().gil;
  if (gil.every_instruction.load(std::memory_order_relaxed)) {
    bool permitted = t.impl->at_switch_site;
    t.impl->at_switch_site =
        switch_site_after(gil.semantics.load(std::memory_order_relaxed), lang::op_info(frame->pc->opcode()));
    count_instruction(t, permitted);
  }
  if (!observed(t)) return Observed::Run;
  uint32_t before = (frame->flags & kFrameTraced) != 0 ? frame->traced_word : kNowhere;
  pass_line_mark(frame, before);
  frame->flags |= kFrameTraced;
  frame->traced_word = frame->word();
  if (monitored(t.runtime()) && !monitor_instruction(t, frame, before)) return Observed::Raised;
  if (!trace_line(t, frame, before)) return Observed::Raised;
  frame->traced_word = frame->word();  // a debugger may have jumped
  return is_call(base_op(frame->pc)) ? observe_call(t, frame) : Observed::Run;
}

// Whether a generator's frame has run nothing yet. Who resumes it from C++ has stepped over RETURN_GENERATOR.
static bool generator_starts(const Frame* frame) {
  if (!frame->code->is_generator_like()) return false;
  const Instruction* pc = frame->code->instructions;
  while (base_op(pc) != Op::RETURN_GENERATOR) pc += lang::op_info(opcode(pc)).length();
  return frame->pc == pc || (frame->pc == pc + 1 && (frame->flags & kFrameEntry) != 0);
}

// Where a generator's frame that goes on had stopped: who resumes it from C++ has stepped over a YIELD.
static uint32_t suspended_at(const Frame* frame) {
  Op op = base_op(frame->pc);
  bool there = op == Op::RETURN_GENERATOR || op == Op::YIELD || op == Op::YIELD_FROM || op == Op::AWAIT;
  bool behind = !there && frame->pc != frame->code->instructions && (frame->flags & kFrameEntry) != 0;
  return frame->word() - static_cast<uint32_t>(behind);
}

bool trace_call(Thread& t, Frame* frame, bool throwing) {
  if (!observed(t)) return true;
  bool first = frame->pc == frame->code->instructions;
  if (first && frame->code->is_generator_like()) {
    // Making a generator is no event: the first resume is its start.
    if ((frame->flags & kFrameGenerator) == 0) return true;
    first = false;
  }
  bool starts = first || generator_starts(frame);
  frame->flags &= static_cast<uint8_t>(~kFrameTraced);
  uint32_t suspended = first ? 0 : suspended_at(frame);
  if (!first) {
    frame->flags |= kFrameTraced;
    frame->traced_word = suspended;
  }
  if (throwing) {
    if (!fire_event(t, Event::PyThrow, frame, {t.current()})) return false;
  } else if (!fire_event(t, starts ? Event::PyStart : Event::PyResume, frame, {})) {
    return false;
  }
  Value trace = t.trace_function;
  if (trace.is_empty() && t.profile_function.get().is_empty()) return true;
  FrameObject* f = frame_object(t, frame);
  // What starts is at its first line, whatever its first instruction stands for.
  if (!starts)
    f->line_override = code_line(frame->code, suspended);
  else if (str_equal(frame->code->name.get().as<StrObject>(), "<module>"))
    f->line_override = FrameObject::kBeforeFirstLine;
  else
    f->line_override = static_cast<int32_t>(frame->code->first_line);
  bool profiled = profile_event(t, frame, "call", kNone);
  trace = t.trace_function;
  Value local = kNone;
  if (profiled && !trace.is_empty())
    local = call_tracer(t, &Thread::trace_function, trace, frame, "call", kNone);
  f->line_override = 0;
  if (!profiled || local.is_error()) return false;
  if (trace.is_empty()) return true;
  f->trace = local.is_none() ? kEmpty : local;
  f->traced_line = starts ? 0 : code_line(frame->code, suspended);
  return true;
}

bool trace_return(Thread& t, Frame* frame, Value result) {
  if (t.impl->observing) return true;
  Op op = base_op(frame->pc);
  if (op == Op::RETURN_GENERATOR) return true;
  bool yields = op == Op::YIELD || op == Op::YIELD_FROM || op == Op::AWAIT;
  return fire_event(t, yields ? Event::PyYield : Event::PyReturn, frame, {result}) &&
         profile_return(t, frame, result) && local_event(t, frame, "return", result);
}

void trace_unwind(Thread& t, Frame* frame, bool again) {
  if (!fire_event(t, Event::PyUnwind, frame, {t.current()}) || !profile_return(t, frame, kNone)) return;
  FrameObject* f = frame->frame_object;
  if (f == nullptr) return;
  if (again) f->line_override = f->traced_line;
  local_event(t, frame, "return", kNone);
  f->line_override = 0;
}

static bool trace_exception_value(Thread& t, Frame* frame, Value e) {
  FrameObject* f = frame->frame_object;
  if (f == nullptr || f->trace.get().is_empty() || !is_exception(e)) return true;
  Value traceback = e.as<ExceptionObject>()->traceback;
  return local_event(t, frame, "exception",
                     make_tuple(t, {type_of(t, e), e, traceback.is_empty() ? kNone : traceback}));
}

void trace_exception(Thread& t, Frame* frame, bool again) {
  if (again) {
    FrameObject* f = frame->frame_object;
    // A `with` goes back to where its block was left.
    if (f != nullptr && opcode(frame->pc) == Op::RERAISE && code_line(frame->code, frame->word()) > 0)
      f->traced_line = code_line(frame->code, raised_at(t, frame));
    fire_event(t, Event::Reraise, frame, {t.current()});
    return;
  }
  if (fire_event(t, Event::Raise, frame, {t.current()})) trace_exception_value(t, frame, t.current());
}

bool trace_handled(Thread& t, Frame* frame) {
  Value e = t.current();
  return fire_event(t, Event::ExceptionHandled, frame, {e});
}

bool trace_stop_iteration(Thread& t, Frame* frame, Value result, StopOf what) {
  if (!observed(t)) return true;
  Value stop = result.is_none() ? make_exception_args(t, Exc::StopIteration, empty_tuple(t))
                                : make_exception(t, Exc::StopIteration, result);
  Event event = what == StopOf::Awaitable ? Event::Raise : Event::StopIteration;
  if (!fire_event(t, event, frame, {stop})) return false;
  // sys.settrace: a loop's generator just ends, unless it returns a value.
  return (what == StopOf::LoopGenerator && result.is_none()) || trace_exception_value(t, frame, stop);
}

}  // namespace mp::ops

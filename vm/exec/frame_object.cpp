// FrameObject: making it, detaching it from a frame that is left, its attributes; the walk of the collector
// over frames.
#include <algorithm>
#include <cstring>

#include "lang/operands.h"
#include "vm/exec/code_data.h"
#include "vm/exec/generator.h"
#include "vm/exec/interp.h"
#include "vm/native/native.h"
#include "vm/protocol/protocol.h"
#include "vm/threads/object_lock.h"
#include "vm/threads/thread_table.h"
#include "vm/types/number.h"
#include "vm/types/runtime.h"

namespace mp {

namespace {

Value* copied_registers(FrameObject* f) { return reinterpret_cast<Value*>(f + 1); }

void trace_frame_object(Object* object, Tracer& tracer) {
  auto* f = static_cast<FrameObject*>(object);
  tracer.visit(f->generator);
  tracer.visit(f->back);
  tracer.visit(f->code);
  tracer.visit(f->function);
  tracer.visit(f->globals);
  tracer.visit(f->builtins);
  tracer.visit(f->locals);
  tracer.visit(f->trace);
  tracer.visit(f->extra_locals);
  if (f->registers != nullptr && is_kind(f->code, Kind::Code))
    tracer.visit_conservative(f->registers, f->registers + f->code.get().as<CodeObject>()->first_temporary);
}

}  // namespace

FrameLook::FrameLook(Thread& t, const FrameObject* f) {
  if (!free_threaded(t)) return;
  const Frame* frame = __atomic_load_n(&f->frame, __ATOMIC_ACQUIRE);
  if (frame == nullptr) return;
  for (const Frame* own = t.frame; own != nullptr; own = own->previous)
    if (own == frame) return;
  stop_the_world(*(stopped_ = &t));
}
FrameLook::~FrameLook() {
  if (stopped_ != nullptr) start_the_world(*stopped_);
}

static lang::Progress progress_of(const Frame* frame, const Frame* callee) {
  using lang::Op;
  Op op = frame->code->unit->instruction(frame->word()).opcode();
  if (callee != nullptr) {
    bool call = op == Op::CALL || op == Op::CALL_METHOD || op == Op::CALL_KW || op == Op::CALL_METHOD_KW ||
                op == Op::CALL_EX;
    return call && (callee->flags & kFrameEntry) == 0 ? lang::Progress::Called : lang::Progress::Unknown;
  }
  bool suspended = (frame->flags & kFrameGenerator) != 0 &&
                   frame->generator()->state.load(std::memory_order_relaxed) == GeneratorState::Suspended;
  return suspended && op == Op::YIELD ? lang::Progress::Yielded : lang::Progress::Unknown;
}

static uint64_t live_temporaries(Frame* frame, const Frame* callee) {
  CodeObject* code = frame->code;
  // A debugger may let the frame jump to where other temporaries are read.
  if (frame->frame_object != nullptr && !frame->frame_object->trace.get().is_empty()) return ~uint64_t{0};
  lang::Progress progress = progress_of(frame, callee);
  uint32_t word = frame->word();
  if (code->live_word != word || code->live_progress != progress) {
    code->live_mask = lang::live_temporaries(*code->unit, word, progress);
    code->live_word = word;
    code->live_progress = progress;
  }
  uint64_t live = code->live_mask;
  if (callee != nullptr && (callee->flags & kFrameInit) != 0) {
    uint32_t instance = frame->pc->b + 1u - code->first_temporary;
    if (instance < lang::kTrackedTemporaries) live |= uint64_t{1} << instance;
  }
  return live;
}

void trace_frame(Frame* frame, const Frame* callee, Tracer& tracer) {
  tracer.visit(frame->code);
  tracer.visit(frame->function);
  tracer.visit(frame->globals);
  tracer.visit(frame->builtins);
  tracer.visit(frame->frame_object);
  tracer.visit(frame->locals);
  uint32_t first = frame->code->first_temporary;
  uint32_t live = frame->code->unit->live_at(frame->word());
  if (live > frame->code->register_count) live = frame->code->register_count;
  tracer.visit_conservative(frame->registers, frame->registers + first);
  // Live registers may still be scratch on another way through the code: hence conservatively.
  uint64_t wanted = live > first ? live_temporaries(frame, callee) : 0;
  for (uint32_t i = first; i < live; ++i)
    if (i - first >= lang::kTrackedTemporaries || (wanted >> (i - first) & 1) != 0)
      tracer.visit_conservative(frame->registers + i, frame->registers + i + 1);
}

FrameObject* frame_object(Thread& t, Frame* frame) {
  if (frame->frame_object != nullptr) return frame->frame_object;
  auto* f = t.heap().make<FrameObject>(t, t.types().frame, frame->code->first_temporary * sizeof(Value));
  f->frame = frame;
  f->trace_lines = true;
  f->code = Value(frame->code);
  f->globals = Value(frame->globals);
  f->builtins = Value(frame->builtins);
  f->locals = frame->locals;
  f->function = Value(frame->function);
  if ((frame->flags & kFrameGenerator) != 0) f->generator = Value(frame->generator());
  frame->frame_object = f;
  frame->flags |= kFrameAttached;
  return f;
}

void detach_frame_object(Thread& t, Frame* frame) {
  FrameObject* f = frame->frame_object;
  f->last_word = frame->word();
  f->registers = copied_registers(f);
  std::memcpy(static_cast<void*>(f->registers), frame->registers,
              frame->code->first_temporary * sizeof(Value));
  f->locals = frame->locals;
  Frame* back = frame->previous;
  bool wanted = back != nullptr && (f->exposed || t.has_exception() || back->frame_object != nullptr);
  if (wanted) {
    FrameObject* outer = frame_object(t, back);
    if (f->exposed) outer->exposed = true;
    f->back = Value(outer);
  } else {
    f->back = kNone;
  }
  __atomic_store_n(&f->frame, nullptr, __ATOMIC_RELEASE);
  f->generator = kEmpty;
  frame->frame_object = nullptr;
  frame->flags &= static_cast<uint8_t>(~kFrameAttached);
}

CodeObject* frame_code(FrameObject* f) { return f->code.get().as<CodeObject>(); }
uint32_t frame_word(FrameObject* f) { return f->frame != nullptr ? f->frame->word() : f->last_word; }
int32_t frame_line(FrameObject* f) {
  if (f->line_override != 0) return std::max(f->line_override, 0);
  int32_t line = code_line(frame_code(f), frame_word(f));
  return line < 0 && f->traced_line > 0 ? f->traced_line : line;
}
Value frame_back(Thread& t, FrameObject* f) {
  FrameLook look(t, f);
  f->exposed = true;
  if (f->frame == nullptr) return f->back.get().is_empty() ? kNone : f->back.get();
  if (f->frame->previous == nullptr) return kNone;
  FrameObject* outer = frame_object(t, f->frame->previous);
  outer->exposed = true;
  return outer;
}
DictObject* frame_globals(FrameObject* f) { return f->globals.get().as<DictObject>(); }

FrameView frame_view(FrameObject* f) {
  if (f->frame != nullptr) return {f->frame->code, f->frame->registers, f->frame->word()};
  return {frame_code(f), f->registers, f->last_word};
}

Status super_arguments(Thread& t, Value* cls, Value* object) {
  Frame* frame = t.frame;
  if (frame == nullptr) return t.raise(Exc::RuntimeError, "super(): no current frame");
  CodeObject* code = frame->code;
  if (code->argument_count == 0) return t.raise(Exc::RuntimeError, "super(): no arguments");
  // The first parameter: in its register, or moved into its cell.
  Value first = frame->registers[0];
  StrObject* first_name = (*code->local_names.get().as<TupleObject>())[0].as<StrObject>();
  auto* cells = code->cell_names.get().as<TupleObject>();
  for (size_t i = 0; i < cells->size; ++i) {
    Value cell = frame->registers[code->local_count + i];
    if ((*cells)[i] == Value(first_name) && is_kind(cell, Kind::Cell)) first = cell.as<CellObject>()->content;
  }
  if (first.is_empty()) return t.raise(Exc::RuntimeError, "super(): arg[0] deleted");
  auto* free_names = code->free_names.get().as<TupleObject>();
  for (size_t i = 0; i < free_names->size; ++i) {
    if ((*free_names)[i] != Value(t.names().__class__)) continue;
    Value cell = frame->registers[code->local_count + code->cell_count + i];
    if (!is_kind(cell, Kind::Cell)) return t.raise(Exc::RuntimeError, "super(): bad __class__ cell");
    Value content = cell.as<CellObject>()->content;
    if (content.is_empty()) return t.raise(Exc::RuntimeError, "super(): empty __class__ cell");
    if (!is_type(content))
      return t.raise(Exc::RuntimeError, "super(): __class__ is not a type ({})", type_name(t, content));
    *cls = content;
    *object = first;
    return {};
  }
  return t.raise(Exc::RuntimeError, "super(): __class__ cell not found");
}

namespace {

FrameObject* self(Value v) { return v.as<FrameObject>(); }

Result<Value> get_back(Thread& t, Value v) { return frame_back(t, self(v)); }
Result<Value> get_code(Thread&, Value v) { return self(v)->code; }
Result<Value> get_globals(Thread&, Value v) { return self(v)->globals; }
Result<Value> get_builtins(Thread&, Value v) { return self(v)->builtins; }
Result<Value> get_locals(Thread& t, Value v) { return frame_locals(t, self(v)); }
Result<Value> get_last_instruction(Thread& t, Value v) {
  FrameLook look(t, self(v));
  return make_int(t, int64_t{frame_word(self(v))} * 2);
}
int32_t line_now(Thread& t, FrameObject* f) {
  FrameLook look(t, f);
  return frame_line(f);
}
Result<Value> get_line(Thread& t, Value v) {
  int32_t line = line_now(t, self(v));
  return line > 0 || self(v)->line_override == FrameObject::kBeforeFirstLine ? make_int(t, line) : kNone;
}

Status set_line(Thread& t, Value v, Value value) {
  if (value.is_empty()) return t.raise(Exc::AttributeError, "cannot delete attribute");
  if (!is_any_int(value)) return t.raise(Exc::ValueError, "lineno must be an integer");
  int64_t line = TRY(to_int64(t, value));
  if (FrameLook(t, self(v)).is_elsewhere())
    return t.raise(Exc::ValueError, "f_lineno can only be set in a trace function");
  return jump_to_line(t, self(v), line);
}

Result<Value> get_trace(Thread&, Value v) {
  Value trace = self(v)->trace;
  return trace.is_empty() ? kNone : trace;
}
Status set_trace(Thread&, Value v, Value value) {
  self(v)->trace = value.is_none() ? kEmpty : value;
  return {};
}
Result<Value> get_trace_lines(Thread&, Value v) { return Value::from_bool(self(v)->trace_lines); }
Status set_trace_lines(Thread& t, Value v, Value value) {
  if (!value.is_bool()) return t.raise(Exc::TypeError, "attribute value type must be bool");
  self(v)->trace_lines = value.is_true();
  return {};
}
Result<Value> get_trace_opcodes(Thread&, Value v) { return Value::from_bool(self(v)->trace_opcodes); }
Status set_trace_opcodes(Thread& t, Value v, Value value) {
  if (!value.is_bool()) return t.raise(Exc::TypeError, "attribute value type must be bool");
  self(v)->trace_opcodes = value.is_true();
  return {};
}
Result<Value> get_generator(Thread&, Value v) {
  Value generator = self(v)->generator;
  return generator.is_empty() ? kNone : generator;
}

Result<Value> frame_clear(Thread& t, const Value* args) {
  FrameObject* f = self(args[0]);
  GeneratorObject* generator = nullptr;
  {
    FrameLook look(t, f);
    if (f->frame != nullptr && (f->frame->flags & kFrameGenerator) == 0)
      return t.raise(Exc::RuntimeError, "cannot clear an executing frame");
    if (f->frame != nullptr) generator = f->frame->generator();
  }
  if (generator != nullptr) {
    GeneratorState state = generator->state.load();
    if (state == GeneratorState::Running)
      return t.raise(Exc::RuntimeError, "cannot clear an executing frame");
    if (state == GeneratorState::Suspended)
      return t.raise(Exc::RuntimeError, "cannot clear a suspended frame");
    if (FinalizeSlot finalize = generator->type()->slots.finalize; finalize != nullptr)
      TRY(finalize(t, Value(generator)));  // tells of a coroutine that was never awaited
    TRY(generator_close(t, generator));
    return kNone;
  }
  if (f->registers != nullptr)
    for (uint32_t i = 0; i < frame_code(f)->first_temporary; ++i) f->registers[i] = kEmpty;
  f->extra_locals = kEmpty;
  f->cleared = true;
  return kNone;
}

Result<Value> frame_sizeof(Thread& t, const Value*) { return make_int(t, sizeof(FrameObject)); }

Result<Value> frame_repr(Thread& t, Value v) {
  CodeObject* code = frame_code(self(v));
  return make_str(
      t, fmt::format("<frame at {:#x}, file {}, line {}, code {}>", v.bits(), repr_text(t, code->filename),
                     line_now(t, self(v)), to_utf8(code->name.get().as<StrObject>())));
}

const NativeDef kMethods[] = {
    MP_METHOD(frame_clear, "clear(self, /)", "Clear all references held by the frame."),
    MP_METHOD(frame_sizeof, "__sizeof__(self, /)", "Return the size of the frame in memory, in bytes."),
    MP_END};

const GetSetDef kGetSets[] = {{"f_back", get_back, nullptr, nullptr},
                              {"f_code", get_code, nullptr, nullptr},
                              {"f_globals", get_globals, nullptr, nullptr},
                              {"f_builtins", get_builtins, nullptr, nullptr},
                              {"f_locals", get_locals, nullptr, nullptr},
                              {"f_lasti", get_last_instruction, nullptr, nullptr},
                              {"f_lineno", get_line, set_line, nullptr},
                              {"f_trace", get_trace, set_trace, nullptr},
                              {"f_trace_lines", get_trace_lines, set_trace_lines, nullptr},
                              {"f_trace_opcodes", get_trace_opcodes, set_trace_opcodes, nullptr},
                              {"f_generator", get_generator, nullptr, nullptr},
                              {nullptr, nullptr, nullptr, nullptr}};

}  // namespace

extern const TypeSpec kFrameSpec;
const TypeSpec kFrameSpec = {
    .name = "frame",
    .kind = Kind::Frame,
    .size = sizeof(FrameObject),
    .flags = kTypeDisallowNew,
    .trace = trace_frame_object,
    .slots = MP_SLOTS(.repr = frame_repr),
    .methods = kMethods,
    .getsets = kGetSets,
};

}  // namespace mp

// Frame: one activation of script code. FrameObject: what script code sees of it. The layout is stable: the
// interpreter, a later baseline compiler and the collector's stack walk rely on it. It does not know how
// instructions run.
#pragma once
#include "vm/exec/code.h"
#include "vm/types/exception.h"
#include "vm/types/function.h"

namespace mp {

struct FrameObject;
struct GeneratorObject;

enum FrameFlags : uint8_t {
  kFrameEntry = 1,  // its return leaves the interpreter loop (called from C++)
  kFrameInit =
      2,  // __init__ of a class call: its result is dropped for the instance (the caller's self slot)
  kFrameGenerator = 4,  // lives in a GeneratorObject
  kFrameForIter = 8,    // generator resumed by FOR_ITER / FOR_LOOP of the previous frame
  kFrameDelegate = 16,  // generator resumed by YIELD_FROM / AWAIT of the previous frame
  kFrameAttached =
      32,  // frame_object is set, or loops hold generators (loop_generators.cpp): both outlive no frame
  kFrameTraced = 64,    // traced_word is valid
  kFrameDiscard = 128,  // the result is not stored
};

// Frames of ordinary functions lie on the VM stack, directly before their registers; those of generators in
// the generator.
struct Frame {
  Frame* previous = nullptr;
  CodeObject* code = nullptr;
  const lang::Instruction* pc =
      nullptr;  // the instruction being run whenever something outside the loop may look
  Value* registers = nullptr;
  DictObject* globals = nullptr;
  DictObject* builtins = nullptr;
  FunctionObject* function = nullptr;  // null for module code
  FrameObject* frame_object = nullptr;
  Value locals{};                // mapping of class bodies, modules, exec; empty in functions
  uint8_t flags = 0;             // FrameFlags
  uint8_t return_length = 0;     // words the caller's pc advances on return
  uint16_t return_register = 0;  // caller's register for the result
  uint32_t traced_word = 0;      // with kFrameTraced: where the instruction before was

  uint32_t word() const { return code->word_of(pc); }
  GeneratorObject* generator() const;  // only with kFrameGenerator
};
inline constexpr size_t kFrameSlots = sizeof(Frame) / sizeof(Slot);
static_assert(sizeof(Frame) % sizeof(Slot) == 0);

struct FrameObject : Object {
  Frame* frame = nullptr;  // null once the frame has been left: then the fields below tell
  Slot generator;          // keeps a generator frame's home alive
  Slot back, code, function, globals, builtins, locals;
  Value* registers = nullptr;  // after leaving: the copied locals and cells (behind this object)
  uint32_t last_word = 0;
  Slot trace;
  Slot extra_locals;  // dict of names that f_locals got and the code does not know, or empty
  bool trace_lines = true, trace_opcodes = false;
  bool cleared = false;
  bool exposed = false;  // script code has seen it: its f_back must stay right
  char event = 0;        // its trace function runs: first letter of what it is told ("call", "line", ...)
  static constexpr int32_t kBeforeFirstLine = INT32_MIN;  // where a module starts: line 0, as in CPython
  int32_t line_override = 0;
  int32_t traced_line = 0;  // sys.settrace: where the last line event was
};

// Around reading or changing the frame of an object that script code has: without a GIL another thread may
// run it, or leave it, so then the world is stopped. No script code runs meanwhile.
class FrameLook {
 public:
  FrameLook(Thread& t, const FrameObject* f);
  ~FrameLook();
  FrameLook(const FrameLook&) = delete;
  bool is_elsewhere() const { return stopped_ != nullptr; }  // it is not on this thread's stack

 private:
  Thread* stopped_ = nullptr;
};
// The object for a live frame, made on first use.
FrameObject* frame_object(Thread& t, Frame* frame);
// f_lineno = line, from a trace function.
Status jump_to_line(Thread& t, FrameObject* f, int64_t line);
// Copies what the object needs out of a frame that is being left.
void detach_frame_object(Thread& t, Frame* frame);
CodeObject* frame_code(FrameObject* f);
uint32_t frame_word(FrameObject* f);
int32_t frame_line(FrameObject* f);           // f_lineno
Value frame_back(Thread& t, FrameObject* f);  // FrameObject or None
DictObject* frame_globals(FrameObject* f);

// A frame's variables, live or left behind.
struct FrameView {
  CodeObject* code = nullptr;
  Value* registers = nullptr;
  uint32_t word = 0;
};
FrameView frame_view(FrameObject* f);
// Calls visit(context, name, value, register, is_cell) for the variables, in CPython's order; unbound ones
// have an empty value.
using VariableVisitor = void (*)(void* context, Value name, Value value, Value* home, bool is_cell);
void for_each_variable(Thread& t, const FrameView& view, VariableVisitor visit, void* context);
Result<Value> frame_locals(Thread& t,
                           FrameObject* f);  // f_locals: a proxy in functions, the mapping elsewhere

// locals() of a frame: a fresh dict in functions, the mapping itself elsewhere.
Result<Value> frame_locals_snapshot(Thread& t, Frame* frame);
// super() without arguments: class and first argument of the calling frame. RuntimeError "super(): no
// arguments" and the like.
Status super_arguments(Thread& t, Value* cls, Value* object);
// What the collector marks of a frame: variables, and the temporaries that may still be read. `callee` is the
// frame that it has called, if any.
void trace_frame(Frame* frame, const Frame* callee, Tracer& tracer);
inline Value topmost_handled(Thread& t) {  // sys.exception()
  for (HandledException* h = t.handled; h != nullptr; h = h->previous)
    if (!h->value.get().is_empty()) return h->value;
  return kEmpty;
}

}  // namespace mp

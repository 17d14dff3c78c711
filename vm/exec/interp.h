// The interpreter's doors: running code, calling script functions, binding their arguments, compiling source
// at run time.
#pragma once
#include "vm/exec/frame.h"
#include "vm/native/native.h"

namespace mp {

// Calls a function written in script. `self_or_empty` goes before the arguments (bound methods need no new
// array).
Result<Value> call_function(Thread& t, FunctionObject* function, Value self_or_empty, const CallArgs& args);
// Runs module, class or exec code: names live in `locals` (a mapping; usually the globals themselves).
Result<Value> run_code(Thread& t, CodeObject* code, DictObject* globals, Value locals);
// Runs a function without arguments whose names live in `locals` (class bodies, exec with a closure).
Result<Value> run_function_with_locals(Thread& t, FunctionObject* function, Value locals);
// A function object as MAKE_FUNCTION makes it (no defaults, no closure); its builtins come from
// globals["__builtins__"].
FunctionObject* make_function(Thread& t, CodeObject* code, DictObject* globals);
// The dict of builtins that code with these globals uses: globals["__builtins__"] (module or dict), else the
// runtime's.
DictObject* builtins_of(Thread& t, DictObject* globals);

// Once per runtime, after the types exist: registers the walk over all threads' frames with the heap.
void set_up_interpreter(Thread& t);

// compile() for strings: source text (UTF-8 or with an encoding cookie when `decode`), "exec", "eval" or
// "single".
struct CompileRequest {
  std::string_view source;
  std::string_view filename = "<string>";
  std::string_view mode = "exec";
  uint32_t flags = 0;   // future flags and PyCF_* as in compile()
  int optimize = -1;    // -1: the runtime's
  bool decode = false;  // bytes: honour BOM and coding cookie
  bool script = false;  // the command's: a null byte is reported with its line
};
Result<Value> compile_source(Thread& t, const CompileRequest& request);  // a CodeObject; SyntaxError

// exec, eval, compile, __build_class__, globals, locals, vars, and sys.*: for the builtins and sys modules.
extern const NativeDef kInterpreterBuiltins[];
extern const NativeDef kInterpreterSysFunctions[];  // _getframe, settrace, setprofile, gettrace, getprofile,
                                                    // getrecursionlimit, ...

// Import hooks for the interpreter's IMPORT_NAME; implemented by vm/modules/import.cpp.
Result<Value> import_name(Thread& t, StrObject* name, DictObject* globals, Value locals, Value from_list,
                          int64_t level);

// --- inside vm/exec
// Runs `frame` (already linked as t.frame) until it returns; with `throwing` it starts by raising
// t.current_exception at its pc. The error sentinel means: an exception is set. A generator frame also
// returns when it yields: see its state.
Value execute(Thread& t, Frame* frame, bool throwing = false);
// What a call with * and ** brings whole: a callee whose *args or **kwargs would hold just that takes it
// over.
struct SpreadArgs {
  TupleObject* positional = nullptr;  // the same items as CallArgs's
  DictObject* keywords = nullptr;     // nobody else's; all of its keys go to **kwargs, none is in CallArgs
};
inline constexpr SpreadArgs kNoSpread;
// Binds a call to the parameters of `function`: fills registers [0, local_count). Raises CPython's
// TypeErrors.
Status bind_arguments(Thread& t, FunctionObject* function, CodeObject* code, Value self_or_empty,
                      const CallArgs& args, Value* registers, const SpreadArgs& spread = kNoSpread);
// Whether a call with these keywords puts all of them into **kwargs.
bool keywords_are_rest(CodeObject* code, DictObject* keywords);
// Adds the traceback entry of this frame to the current exception.
void add_traceback(Thread& t, Frame* frame);

}  // namespace mp

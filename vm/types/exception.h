// Exception instances: one layout for all builtin exceptions, so that script classes may combine them freely.
#pragma once
#include "vm/types/containers.h"

namespace mp {

struct ExceptionObject : Object {
  Slot args;       // tuple
  Slot traceback;  // TracebackObject or None/empty
  Slot cause, context;
  Slot notes;  // unused unless set through __notes__ (kept in the attribute area)
  std::atomic<bool> suppress_context{false};
  // Class-specific members, by position:
  //   OSError: errno strerror filename filename2 characters_written   StopIteration: value   SystemExit: code
  //   ImportError: msg name path name_from   NameError: name   AttributeError: name obj
  //   SyntaxError: msg filename lineno offset text end_lineno end_offset print_file_and_line
  //   UnicodeError: encoding object start end reason   ExceptionGroup: message exceptions
  Slot fields[8];
};

// An instance of a builtin exception class (no script code runs).
Value make_exception(Thread& t, Exc kind, Value argument);
Value make_exception_args(Thread& t, Exc kind, TupleObject* args);
// `raise X` / `raise X from Y` on arbitrary objects: instantiates classes, checks types.
Error raise_from(Thread& t, Value exception_or_class, Value cause_or_empty);
// isinstance check of `except` clauses: builtin or script class, or tuple of them. TypeError "catching
// classes that do not inherit from BaseException is not allowed".
Result<bool> exception_matches(Thread& t, Value exception, Value class_or_tuple);
bool is_exception_of(Thread& t, Value exception, Exc kind);
// Sets e.__cause__/__context__ helpers used by natives: `raise X from current`.
void chain_context(Thread& t, Value exception, Value context);

struct TracebackObject : Object {
  Slot next;   // TracebackObject or None
  Slot frame;  // FrameObject
  int32_t last_instruction = -1;
  int32_t line = 0;
};

int32_t traceback_line(TracebackObject* traceback);
// Source text that is in no file ("<string>" of -c, "<stdin>"): tracebacks show its lines.
void register_source(Thread& t, const std::string& filename, const std::string& text);
std::string format_exception_only(Thread& t, Value exception);  // "ValueError: x\n" with notes
std::string format_traceback(Thread& t, Value traceback);       // the "File ..." part
// Text of the whole traceback as CPython 3.13 prints it (cause and context chains, groups, notes, carets,
// suggestions), without colours unless asked.
Result<Value> format_exception(Thread& t, Value exception,
                               bool colour = false);  // vm/types/traceback_print.cpp
// Prints through sys.excepthook semantics to sys.stderr (falls back to fd 2). Never leaves an exception set.
void print_exception(Thread& t, Value exception);
// What sys.excepthook and threading.excepthook write, whatever they are called with.
Result<Value> excepthook_text(Thread& t, Value exception, Value traceback);
// What sys.__excepthook__ and sys.__unraisablehook__ do, hooks ignored.
void display_exception(Thread& t, Value exception);
std::string unraisable_text(Thread& t, Value exception, const std::string& message, Value object);
void display_unraisable(Thread& t, Value exception, const std::string& message, Value object);
void write_stderr(Thread& t, const std::string& text);
// "Exception ignored in: ..." through sys.unraisablehook. Takes the current exception.
void write_unraisable(Thread& t, const char* where, Value object);
// warnings.warn from C++: may raise (when a filter says error).
Status warn(Thread& t, Exc category, const std::string& message, int stack_level = 1);
// warnings.warn_explicit for a place that is no longer on the stack; `globals` is its module's dict or empty.
Status warn_at(Thread& t, Exc category, const std::string& message, Value filename, int line, Value globals,
               Value source);

}  // namespace mp

// Running what a command line asks for, with CPython's semantics for __main__, sys.path[0], exit codes and
// tracebacks.
#pragma once
#include "minipy/minipy.h"
#include "vm/threads/thread.h"

namespace mp {

int run_command(Thread& t, const minipy::Command& command);
// The interactive prompt until end of input or SystemExit; its exit code. (vm/runtime/repl.cpp)
int run_repl(Thread& t);
// Exit code of the current exception: SystemExit's code, else 1 after printing the traceback (130 for
// KeyboardInterrupt after re-raising the signal).
int report_exception(Thread& t);

}  // namespace mp

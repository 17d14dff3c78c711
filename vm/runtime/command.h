// Running what a command line asks for, with CPython's semantics for __main__, sys.path[0], exit codes and
// tracebacks.
#pragma once
#include "minipy/minipy.h"
#include "vm/threads/thread.h"

namespace mp {

int run_command(Thread& t, const minipy::Command& command);
enum class Banner { Shown, Hidden };
// The interactive prompt until end of input or SystemExit; its exit code. (vm/runtime/repl.cpp)
int run_repl(Thread& t, Banner banner);
// Exit code of the current exception: SystemExit's code, else 1 after printing the traceback (130 for
// KeyboardInterrupt after re-raising the signal).
enum class AtExit { Leave, Stay };  // Stay: a prompt follows, SystemExit is an exception like any other
int report_exception(Thread& t, AtExit at_exit = AtExit::Leave);

}  // namespace mp

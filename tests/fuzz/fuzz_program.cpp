// Whole programs: bytes through the front end, the compiler and the machine, with limits of time and memory
// and without files, processes, threads or modules that reach them. One runtime serves many inputs, each with
// fresh globals. ./dev fuzz program SECONDS; the seed corpus is tests/script.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>

#include "minipy/minipy.h"

static const char kPrelude[] = R"(
import builtins, io, signal, sys, types
ALLOWED = {name: __import__(name) for name in (
    "abc", "array", "bisect", "collections", "contextlib", "copy", "dataclasses", "decimal", "enum", "functools",
    "gc", "heapq", "itertools", "json", "math", "operator", "re", "string", "struct", "types", "typing", "weakref")}
ALLOWED["sys"] = types.SimpleNamespace(version_info=sys.version_info, maxsize=sys.maxsize, exc_info=sys.exc_info,
    getrecursionlimit=sys.getrecursionlimit, intern=sys.intern, getsizeof=sys.getsizeof, exception=sys.exception)

def limited_import(name, globals=None, locals=None, fromlist=(), level=0):
    if level == 0 and name in ALLOWED:
        return ALLOWED[name]
    raise ImportError(f"no {name!r} here")

HIDDEN = {"open", "input", "breakpoint", "exit", "quit", "help"}

class OutOfTime(BaseException):
    pass

def stop(number, frame):
    raise OutOfTime

signal.signal(signal.SIGVTALRM, stop)

def run(source):
    safe = {k: v for k, v in vars(builtins).items() if k not in HIDDEN}
    safe["__import__"] = limited_import
    sys.stdout, sys.stderr = io.StringIO(), io.StringIO()
    signal.setitimer(signal.ITIMER_VIRTUAL, 0.5, 0.05)
    try:
        exec(compile(source, "fuzz", "exec"), {"__name__": "fuzz", "__builtins__": safe})
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        sys.stdout, sys.stderr = sys.__stdout__, sys.__stderr__
)";

namespace {
struct Machine {
  std::unique_ptr<minipy::Runtime> runtime;
  minipy::Handle run;
  int uses = 0;
};

Machine& machine() {
  static Machine& m = *new Machine;  // never torn down: libFuzzer ends the process
  constexpr int kUses = 500;  // then a fresh one: what programs leave behind must not decide later ones
  if (m.runtime != nullptr && ++m.uses < kUses) return m;
  m.run = {};
  m.runtime.reset();
  minipy::Options options;
  options.memory_limit = size_t{256} << 20;
  options.python_lib = "none";
  m.runtime = std::make_unique<minipy::Runtime>(options);
  m.runtime->exec(kPrelude, "prelude");
  m.run = m.runtime->eval("run");
  m.uses = 0;
  return m;
}
}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  Machine& m = machine();
  minipy::Handle source;
  try {
    source = m.runtime->make(std::string_view(reinterpret_cast<const char*>(data) + 1, size - 1));
  } catch (const minipy::Error&) {
    return 0;  // not UTF-8: the other fuzzers' business
  }
  try {
    m.run({source});
  } catch (const minipy::Error& error) {
    // Any exception will do, but the machine's own mistakes.
    if (error.type() == "SystemError") {
      fprintf(stderr, "%s\n", error.traceback().c_str());
      abort();
    }
  }
  return 0;
}

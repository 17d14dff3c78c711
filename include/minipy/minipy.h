// minipy: the C++ interface. A Runtime is one isolated interpreter; several may live in one process. All
// functions of a Runtime are called from the thread that made it; between calls the runtime's other threads
// run (the GIL is free). Failures of scripts are thrown as minipy::Error.
#pragma once

#include <cstdint>
#include <exception>
#include <functional>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace minipy {

class Runtime;

// A script exception that reached the host.
class Error : public std::exception {
 public:
  Error(std::string type, std::string message, std::string traceback)
      : type_(std::move(type)), message_(std::move(message)), traceback_(std::move(traceback)) {}
  const char* what() const noexcept override { return message_.c_str(); }
  const std::string& type() const { return type_; }            // "ZeroDivisionError"
  const std::string& message() const { return message_; }      // str(exception)
  const std::string& traceback() const { return traceback_; }  // as minipy prints it, ends with a newline

 private:
  std::string type_, message_, traceback_;
};

// A value of a script, kept alive as long as the handle. Handles must not outlive their Runtime. Copying is
// cheap.
class Handle {
 public:
  Handle() = default;
  bool empty() const { return node_ == nullptr; }
  bool is_none() const;
  // Conversions; Error (TypeError, OverflowError) when the value is of another kind.
  std::int64_t to_int() const;
  double to_double() const;
  bool truth() const;
  std::string to_string() const;  // str(value), UTF-8
  std::string repr() const;
  Handle attribute(std::string_view name) const;
  void set_attribute(std::string_view name, const Handle& value) const;
  Handle operator()(std::initializer_list<Handle> arguments = {}) const;

  struct Node;  // opaque

 private:
  friend class Runtime;
  friend struct Access;
  explicit Handle(std::shared_ptr<Node> node) : node_(std::move(node)) {}
  std::shared_ptr<Node> node_;
};

using HostFunction = std::function<Handle(Runtime& runtime, const std::vector<Handle>& arguments)>;

struct Options {
  std::vector<std::string> argv = {""};  // sys.argv
  std::vector<std::string> orig_argv;    // sys.orig_argv; empty: argv
  std::vector<std::string> module_path;  // first entries of sys.path
  std::string executable;                // sys.executable
  std::string python_lib;  // an installed CPython library, "none", or empty: the newest one found
  bool gil = true;         // false: free-threaded
  // timeslice, py2, fair, priority, handoff, none; empty: what the semantics bring; "on": that, but a lock
  std::string gil_policy;
  double switch_interval = 0.005;  // seconds, > 0
  int check_interval = 100;        // instructions between two releases under the py2 policy, >= 1
  std::string semantics =
      "py3.13";  // where a switch may fall: py2.7, py3.9, py3.10, py3.13, py3.13t, every-op
  // When every thread of the runtime is blocked for good: "report" on standard error, "raise" RuntimeError in
  // the thread that blocked last, "exit" with code 67, or "off" (threads of the host may still wake them).
  std::string deadlock = "off";
  std::string gil_statistics;    // printed to standard error at the end: "text", "json", or empty
  std::size_t memory_limit = 0;  // bytes, 0: none
  int optimize = 0;              // 1: no asserts; 2: no docstrings either
  bool ignore_environment = false, isolated = false, no_site = false, unbuffered = false, quiet = false,
       inspect = false;
  bool interactive = false, verbose = false, safe_path = false, dev_mode = false, dont_write_bytecode = true;
  bool utf8_mode = true;
  int bytes_warning = 0;
  std::vector<std::string> warn_options, x_options;
  std::vector<std::string> debug;        // "gc", "gil": lines on standard error while the program runs
  bool install_signal_handlers = false;  // Ctrl-C becomes KeyboardInterrupt; the command sets it
};

// What a command line asks to run.
struct Command {
  enum class Kind { File, Text, Module, StandardInput, Interactive } kind = Kind::Interactive;
  std::string target;              // path, text or module name
  bool interactive_after = false;  // -i
  bool skip_first_line = false;    // -x, of a file
};

class Runtime {
 public:
  explicit Runtime(Options options = {});
  ~Runtime();
  Runtime(const Runtime&) = delete;
  Runtime& operator=(const Runtime&) = delete;

  // Runs statements in the module __main__.
  void exec(std::string_view source, const std::string& filename = "<string>");
  // The value of one expression, seen from __main__.
  Handle eval(std::string_view expression);
  Handle import(std::string_view module);
  Handle call(const Handle& callee, std::initializer_list<Handle> arguments = {});
  Handle none();
  Handle make(std::int64_t value);
  Handle make(double value);
  Handle make(bool value);
  Handle make(std::string_view utf8);
  Handle make(const char* utf8) { return make(std::string_view(utf8)); }
  // Makes `function` a builtin of that name. What it throws becomes a script exception: Error keeps its type,
  // any other std::exception is a RuntimeError.
  void define(const std::string& name, HostFunction function);

  // The `minipy` command: runs it with CPython's exit codes. Prints the traceback of an uncaught exception.
  int run(const Command& command);
  // The lock, changed while threads run, through a stop-the-world. Error (ValueError) for unknown names.
  bool gil_enabled();
  void set_gil_enabled(bool enabled);
  std::string gil_policy();
  void set_gil_policy(const std::string& name);
  // What the lock cost since record_gil(true) or since the start with Options::gil_statistics: JSON, as
  // `minipy.gil.stats()` gives it (docs/GIL.md). Empty text when nothing was recorded.
  void record_gil(bool on);
  std::string gil_statistics();

  // The shutdown sequence: joins threads, runs atexit functions, flushes. 120 if standard output could not be
  // flushed. Done by the destructor as well.
  int finish();

  // One stage of the front end as text: "tokens", "ast" or "code". Error (SyntaxError) for wrong input.
  static std::string dump(std::string_view stage, std::string_view source, const std::string& filename);
  // Where a switch may fall in each statement, under each semantics preset, and which updates of shared
  // variables are atomic: a table as text (docs/GIL.md). `line` 0: the whole source; otherwise the statements
  // that cover it. Error (SyntaxError; ValueError for a line that the source does not have).
  static std::string atomicity(std::string_view source, const std::string& filename, int line = 0);

 private:
  friend struct Access;
  std::shared_ptr<struct RuntimeState> state_;
};

std::string version();  // "0.1.0"

}  // namespace minipy

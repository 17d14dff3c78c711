// Runtime: one isolated interpreter: its heap, types, names, modules, threads, GIL and limits. Several may
// live in one process.
#pragma once
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "vm/gc/heap.h"
#include "vm/types/type.h"

namespace mp {

struct Names {
#define MP_NAME(name) StrObject* name = nullptr;
#define MP_NAME_AS(name, text) StrObject* name = nullptr;
#include "vm/core/names.def"
#undef MP_NAME
#undef MP_NAME_AS
};

struct RuntimeOptions {
  std::vector<std::string> argv;         // sys.argv
  std::vector<std::string> orig_argv;    // sys.orig_argv; empty: argv
  std::vector<std::string> module_path;  // first entries of sys.path
  std::string executable;
  std::string python_lib;  // directory of an installed CPython library, "none", or empty: look for one
  bool gil = true;
  std::string gil_policy = "timeslice";
  double switch_interval = 0.005;    // seconds
  int check_interval = 100;          // instructions between two releases under the py2 policy
  std::string semantics = "py3.13";  // where a switch may fall: a preset of vm/threads/semantics.def
  std::string deadlock =
      "off";                   // what happens when every thread is blocked for good: report, raise, exit, off
  std::string gil_statistics;  // printed to standard error at exit: "text", "json", or empty
  bool ignore_environment = false;  // -E
  bool isolated = false;            // -I
  bool no_site = false;             // -S
  bool unbuffered = false;          // -u
  bool quiet = false, inspect = false, interactive = false, verbose = false, safe_path = false,
       dev_mode = false, utf8_mode = true;
  bool dont_write_bytecode = true;
  int optimize = 0;  // -O, -OO
  int bytes_warning = 0;
  std::vector<std::string> warn_options, x_options;
  std::vector<std::string> debug;  // -d tokens,ast,code,gc,gil
  size_t memory_limit = 0;         // bytes, 0: none
  size_t stack_slots = 1u << 20;   // VM stack registers per thread (virtual; touched on use)
  bool install_signal_handlers = true;
};

struct GilState;       // vm/threads/gil.h
struct ThreadTable;    // vm/threads/thread_table.h
struct ImportState;    // vm/modules/import.h
struct ShapeTableSet;  // vm/types/shape.h
struct InternTable;    // vm/types/intern.h
struct MethodCache;    // vm/types/type.cpp
struct LoopTable;      // vm/exec/loop_generators.cpp
std::shared_ptr<LoopTable> make_loop_table();

void after_fork_child(Thread& t);  // vm/threads/thread_table.h

class Runtime {
 public:
  // Creates the runtime and attaches the calling thread as its main thread. nullptr and a message on stderr
  // if the system lacks memory.
  static std::unique_ptr<Runtime> create(RuntimeOptions options);
  ~Runtime();  // finalises: threading._shutdown, atexit, flush, then frees everything
  Runtime(const Runtime&) = delete;

  Thread& main_thread() { return *main_thread_; }
  // Runs the shutdown sequence once (non-daemon threads joined, atexit, streams flushed); returns 120 when
  // flushing stdout failed, else 0.
  int finalize();

  RuntimeOptions options;
  BuiltinTypes types;
  Names names;
  std::unique_ptr<Heap> heap;
  std::unique_ptr<GilState> gil;
  std::unique_ptr<ThreadTable> threads;
  std::unique_ptr<ImportState> import;
  std::shared_ptr<ShapeTableSet> shapes;
  std::shared_ptr<InternTable> interned;
  std::shared_ptr<MethodCache> method_cache;
  std::shared_ptr<LoopTable> loop_table;

  std::atomic<bool> free_threaded{false};  // no GIL right now
  std::atomic<int32_t> recursion_limit{1000};
  std::atomic<uint32_t> next_type_version{1};
  std::atomic<uint32_t> next_dict_version{1};
  std::atomic<int32_t> int_max_str_digits{4300};  // 0: no limit
  std::atomic<bool> finalizing{false};

  DictObject* builtins_dict = nullptr;
  ModuleObject* builtins_module = nullptr;
  ModuleObject* sys_module = nullptr;
  DictObject* modules = nullptr;       // sys.modules
  DictObject* native_types = nullptr;  // TypeSpec address -> Type (native_type())
  StrObject* empty_str = nullptr;
  TupleObject* empty_tuple = nullptr;
  BytesObject* empty_bytes = nullptr;
  StrObject* latin1_chars[256] = {};
  Slot emergency_memory_error;

  // Per-runtime state of a native part, keyed by the address of a static tag; destroyed with the runtime.
  // `scan` may be null. e.g. struct SignalState; static const char kTag = 0; auto& s =
  // t.runtime().state<SignalState>(&kTag);
  template <class State>
  State& state(const void* tag) {
    std::lock_guard<std::mutex> guard(states_mutex_);
    for (auto& entry : states_)
      if (entry.tag == tag) return *static_cast<State*>(entry.pointer.get());
    states_.push_back({tag, std::shared_ptr<void>(std::make_shared<State>())});
    return *static_cast<State*>(states_.back().pointer.get());
  }
  void add_exit_hook(std::function<void(Thread&)> hook) { exit_hooks_.push_back(std::move(hook)); }

 private:
  friend void after_fork_child(Thread& t);
  Runtime() = default;
  void bootstrap(Thread& t);
  struct StateEntry {
    const void* tag;
    std::shared_ptr<void> pointer;
  };
  std::mutex states_mutex_;
  std::vector<StateEntry> states_;
  std::vector<std::function<void(Thread&)>> exit_hooks_;
  Thread* main_thread_ = nullptr;
  bool finalized_ = false;
};

}  // namespace mp

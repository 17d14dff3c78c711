// Making and ending a Runtime: the order in which its parts come to life, and the shutdown sequence.
#include <mutex>

#include "vm/exec/interp.h"
#include "vm/gc/root.h"
#include "vm/modules/import.h"
#include "vm/modules/modules.h"
#include "vm/protocol/protocol.h"
#include "vm/threads/ended_threads.h"
#include "vm/threads/gil.h"
#include "vm/threads/thread_table.h"
#include "vm/types/exception.h"
#include "vm/types/intern.h"
#include "vm/types/runtime.h"

namespace mp {

#define MP_TYPE(member, spec) extern const TypeSpec spec;
#include "vm/types/types.def"
#undef MP_TYPE

namespace {

// Everything that the Runtime object itself refers to.
void scan_runtime(void* context, Tracer& tracer) {
  auto* runtime = static_cast<Runtime*>(context);
#define MP_NAME(name) tracer.visit(runtime->names.name);
#define MP_NAME_AS(name, text) tracer.visit(runtime->names.name);
#include "vm/core/names.def"
#undef MP_NAME
#undef MP_NAME_AS
  tracer.visit(runtime->builtins_dict);
  tracer.visit(runtime->builtins_module);
  tracer.visit(runtime->sys_module);
  tracer.visit(runtime->modules);
  tracer.visit(runtime->native_types);
  tracer.visit(runtime->empty_str);
  tracer.visit(runtime->empty_tuple);
  tracer.visit(runtime->empty_bytes);
  for (StrObject* str : runtime->latin1_chars) tracer.visit(str);
  tracer.visit(runtime->emergency_memory_error);
  if (runtime->import != nullptr) tracer.visit(runtime->import->default_import);
}

void intern_names(Thread& t, Names& names) {
#define MP_NAME(name) names.name = intern(t, #name);
#define MP_NAME_AS(name, text) names.name = intern(t, text);
#include "vm/core/names.def"
#undef MP_NAME
#undef MP_NAME_AS
}

void make_types(Thread& t, BuiltinTypes& types) {
#define MP_TYPE(member, spec) types.member = make_builtin_type(t, spec);
#include "vm/types/types.def"
#undef MP_TYPE
  make_exception_types(t);
}

}  // namespace

std::unique_ptr<Runtime> Runtime::create(RuntimeOptions options) {
  std::unique_ptr<Runtime> runtime(new Runtime());
  runtime->options = std::move(options);
  runtime->heap = std::make_unique<Heap>(*runtime);
  if (runtime->options.memory_limit != 0) runtime->heap->set_memory_limit(runtime->options.memory_limit);
  bool gil_enabled;
  runtime->gil = make_gil(runtime->options, &gil_enabled);
  runtime->threads = std::make_unique<ThreadTable>();
  runtime->threads->watch_deadlocks = runtime->options.deadlock != "off";
  runtime->import = std::make_unique<ImportState>();
  runtime->interned = std::make_shared<InternTable>();
  runtime->loop_table = make_loop_table();
  runtime->free_threaded = !gil_enabled;
  Thread* t = attach_new_thread(*runtime);
  if (t == nullptr) {
    std::fprintf(stderr, "minipy: no memory for a runtime\n");
    return nullptr;
  }
  runtime->main_thread_ = t;
  runtime->bootstrap(*t);
  return runtime;
}

void Runtime::bootstrap(Thread& t) {
  heap->set_enabled(false);
  heap->add_root_scanner(scan_runtime, this);
  heap->add_root_scanner(&InternTable::scan, interned.get());
  bootstrap_core_types(t);
  intern_names(t, names);
  make_types(t, types);
  native_types = native_types != nullptr ? native_types : make_dict(t);
  emergency_memory_error = make_exception_args(t, Exc::MemoryError, mp::empty_tuple(t));
  set_up_interpreter(t);

  modules = make_dict(t);
  sys_module = make_module(t, intern(t, "sys"));
  builtins_module = make_module(t, intern(t, "builtins"));
  builtins_dict = builtins_module->dict;
  add_builtins(t, builtins_module);
  if (!options.no_site) add_site_builtins(t, builtins_module);
  import->default_import = dict_get_str(builtins_dict, names.__import__);
  add_sys(t, sys_module);
  MP_BOOT(dict_set_str(t, modules, names.sys, sys_module));
  MP_BOOT(dict_set_str(t, modules, names.builtins, builtins_module));
  MP_BOOT(sys_set_paths(t));
  set_core_specs(t);
  ModuleObject* main = make_module(t, names.__main__);
  MP_BOOT(dict_set_str(t, modules, names.__main__, main));
  for (StrObject* name : {names.__package__, names.__loader__, names.__spec__})
    MP_BOOT(dict_set_str(t, main->dict, name, kNone));
  MP_BOOT(dict_set_str(t, main->dict, names.__annotations__, make_dict(t)));
  MP_BOOT(dict_set_str(t, main->dict, names.__builtins__, builtins_module));
  MP_BOOT(set_up_standard_streams(t));
  heap->set_enabled(true);
}

ModuleObject* main_module(Thread& t) {
  Value main = dict_get_str(t.runtime().modules, t.names().__main__);
  return is_kind(main, Kind::Module) ? main.as<ModuleObject>() : nullptr;
}

// The standard streams are flushed last, where an error still counts: they have no finaliser.
static void keep_standard_streams(Thread& t) {
  for (const char* name : {"stdin", "stdout", "stderr", "__stdin__", "__stdout__", "__stderr__"}) {
    Value stream = dict_get_text(t, t.runtime().sys_module->dict, name);
    for (const char* inner : {"buffer", "raw", ""}) {
      if (!stream.is_object()) break;
      stream.as_object()->set_flag(kFlagFinalized);
      if (*inner == '\0') break;
      Result<Value> next = get_attr_or_not_found(t, stream, intern(t, inner));
      if (next.is_error()) t.clear_exception();
      stream = next.is_error() ? Value() : next.value();
    }
  }
}

// CPython's Py_FinalizeEx in order: threads joined, atexit, streams flushed.
int Runtime::finalize() {
  if (finalized_) return 0;
  finalized_ = true;
  Thread& t = *main_thread_;
  auto run = [&](const char* module_name, const char* function, const char* where) {
    Value module = dict_get_text(t, modules, module_name);
    if (module.is_not_found() || module.is_none()) return;
    Result<Value> found = get_attr_or_not_found(t, module, intern(t, function));
    if (found.ok() && found.value().is_not_found()) return;
    Result<Value> done = found.is_error() ? found : call(t, found.value());
    if (done.is_error()) write_unraisable(t, where, kNone);
  };
  run("threading", "_shutdown", "Exception ignored on threading shutdown");
  run("atexit", "_run_exitfuncs", nullptr);
  // What is still reachable gets its __del__, its finally blocks, its "never awaited" now, in the order of
  // creation.
  finalizing = true;
  keep_standard_streams(t);
  heap->finalize_all(t);
  if (!options.gil_statistics.empty()) {
    std::string report =
        gil_report(t, options.gil_statistics == "json" ? GilReportForm::Json : GilReportForm::Text);
    std::fprintf(stderr, "%s%s", report.c_str(), report.ends_with('\n') ? "" : "\n");
  }
  for (auto& hook : exit_hooks_) hook(t);
  int status = 0;
  // A script may have put others in the place of the first two.
  for (const char* name : {"stdout", "stderr", "__stdout__", "__stderr__"}) {
    Value stream = dict_get_text(t, sys_module->dict, name);
    if (stream.is_not_found() || stream.is_none()) continue;
    Result<Value> closed = get_attr(t, stream, "closed");
    if (closed.ok()) {
      Result<bool> is_closed = truth(t, closed.value());
      if (is_closed.ok() && is_closed.value()) continue;
    }
    if (closed.is_error()) t.clear_exception();
    if (call_method(t, stream, names.flush).is_error()) {
      if (std::string_view(name) == "stdout")
        write_unraisable(t, "Exception ignored on flushing sys.stdout", kNone);
      else
        t.clear_exception();
      if (*name != '_') status = 120;
    }
  }
  join_leaving_threads(t);
  return status;
}

Runtime::~Runtime() {
  if (main_thread_ == nullptr) return;
  finalize();
  Thread* t = main_thread_;
  if (stop_other_threads_for_exit(*t)) {
    // Daemon threads still run native code and hold pointers into this runtime: its memory stays until the
    // process ends.
    (void)heap.release();
    (void)threads.release();
    (void)gil.release();
    (void)import.release();
    new std::shared_ptr<InternTable>(interned);
    new std::shared_ptr<MethodCache>(method_cache);
    new std::shared_ptr<ShapeTableSet>(shapes);
    new std::vector<StateEntry>(states_);
    return;
  }
  heap->remove_root_scanner(scan_runtime, this);
  detach_and_destroy(t);
}

}  // namespace mp

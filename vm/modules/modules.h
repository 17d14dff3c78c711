// Modules: the import system, sys, builtins and the table of native and frozen modules. It knows no
// particular library module.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "vm/native/native.h"
#include "vm/types/runtime.h"

namespace mp {

// Set-up failures inside the VM's own boot sequence are bugs (or no memory at all).
#define MP_BOOT(expression)                                                               \
  do {                                                                                    \
    auto mp_boot_result = (expression);                                                   \
    if (mp_boot_result.is_error()) ::mp::boot_failed(t, __FILE__, __LINE__, #expression); \
  } while (false)
[[noreturn]] void boot_failed(Thread& t, const char* file, int line, const char* expression);

void add_builtins(Thread& t, ModuleObject* module);       // builtins.cpp
void add_site_builtins(Thread& t, ModuleObject* module);  // exit, quit, help, ... (site_builtins.cpp)
void add_sys(Thread& t, ModuleObject* module);            // sys.cpp
Status sys_set_paths(Thread& t);                          // sys.path from options and environment
bool warns_about_encoding(Thread& t);                     // -X warn_default_encoding (PEP 597)
void set_core_specs(Thread& t);                           // __spec__ and __loader__ of sys and builtins
Status set_up_standard_streams(Thread& t);                // stdlib/native/io_module.cpp
inline void add_native(Thread& t, ModuleObject* module, const NativeDef& def) {
  Value name = dict_get_str(module->dict, t.names().__name__);
  NativeFunctionObject* function = make_native_function(t, def, module, name);
  MP_BOOT(dict_set(t, module->dict, function->name, function));
}
extern const NativeDef
    kThreadSysFunctions[];  // vm/threads: getswitchinterval, setswitchinterval, _current_frames...

// ---- import (PEP 328, 420, 451). All may run script code.
// `import a.b.c` / `from ..x import y` below the level of a replaced builtins.__import__ (that hook is
// import_name() of vm/exec/interp.h): an empty or None `from_list` gives the top package, else the module
// itself. `globals` may be null when level is 0.
Result<Value> import_dotted(Thread& t, StrObject* name, DictObject* globals, Value from_list, int64_t level);
Result<Value> import_from(Thread& t, Value module, StrObject* name);  // ImportError with CPython's wording
Status import_star(Thread& t, Value module, Value target_namespace);
Result<Value> import_module(Thread& t,
                            std::string_view dotted_name);  // the module itself, as importlib.import_module
// Fills __name__, __loader__, __spec__, __package__, __builtins__ of a new module.
Status init_module_attributes(Thread& t, ModuleObject* module, Value spec);
// The native module named so (made on first use, then in sys.modules), or kNotFound.
Result<Value> load_native_module(Thread& t, StrObject* name);
// The whole file, undecoded; OSError.
Result<Value> read_file(Thread& t, const std::string& path);
// The module __main__, made empty at start-up.
ModuleObject* main_module(Thread& t);

const ModuleSpec* find_native_module(std::string_view name);  // stdlib/native/module_table.cpp
std::vector<std::string> native_module_names();

}  // namespace mp

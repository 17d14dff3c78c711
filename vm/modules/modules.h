// Modules: the import system, sys, builtins and the table of native and frozen modules. It knows no particular library module.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "vm/native/native.h"

namespace mp {

// Set-up failures inside the VM's own boot sequence are bugs (or no memory at all).
#define MP_BOOT(expression)                                                                     \
  do {                                                                                          \
    auto mp_boot_result = (expression);                                                         \
    if (mp_boot_result.is_error()) ::mp::boot_failed(t, __FILE__, __LINE__, #expression);       \
  } while (false)
[[noreturn]] void boot_failed(Thread& t, const char* file, int line, const char* expression);

void add_builtins(Thread& t, ModuleObject* module);  // builtins.cpp
void add_sys(Thread& t, ModuleObject* module);       // sys.cpp
Status sys_set_paths(Thread& t);                     // sys.path from options and environment
inline void add_native(Thread& t, ModuleObject* module, const NativeDef& def) {
  NativeFunctionObject* function = make_native_function(t, def, module, kNone);
  MP_BOOT(dict_set(t, module->dict, function->name, function));
}
extern const NativeDef kFrameBuiltins[];    // vm/exec/frame_builtins.cpp: exec, eval, compile, locals, globals, vars, dir, __build_class__
extern const NativeDef kFrameSysFunctions[];  // vm/exec: sys._getframe, settrace, ...

// Iterator of iter(callable, sentinel); StopIteration raised by next(it) with the generator's return value if it has one.
Result<Value> make_callable_iterator(Thread& t, Value callable, Value sentinel);
Error stop_iteration(Thread& t, Value iterator);

// ---- import (PEP 328, 420, 451). All may run script code.
// What the import statement does: `from_list` empty or None gives the top package, else the module itself.
Result<Value> import_name(Thread& t, StrObject* name, Value globals, Value from_list, int level);
Result<Value> import_from(Thread& t, Value module, StrObject* name);   // ImportError with CPython's wording
Status import_star(Thread& t, Value module, Value target_namespace);
Result<Value> import_module(Thread& t, std::string_view dotted_name);  // the module itself, as importlib.import_module
// Runs a file as module `name` (usually "__main__") in the given namespace.
Result<Value> run_source(Thread& t, std::string_view source, const std::string& filename, DictObject* globals);

struct FrozenModule {
  const char* name;
  const uint8_t* data;  // a serialised CodeUnit
  size_t size;
  bool is_package;
};
const FrozenModule* find_frozen_module(std::string_view name);       // stdlib/freeze (generated)
const ModuleSpec* find_native_module(std::string_view name);         // stdlib/native/module_table.cpp
std::vector<std::string> native_module_names();
std::vector<std::string> frozen_module_names();

}  // namespace mp

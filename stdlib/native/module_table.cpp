// The table of native and frozen modules: reads stdlib/modules.def, the only list.
#include <algorithm>
#include <cstring>

#include "vm/modules/modules.h"

namespace mp {

#define NATIVE(module, spec) extern const ModuleSpec spec;
#include "stdlib/modules.def"

namespace {
struct NativeEntry {
  std::string_view name;
  const ModuleSpec* spec;
};
#define NATIVE(module, spec) {#module, &spec},
constexpr NativeEntry kNativeModules[] = {
#include "stdlib/modules.def"
};

}  // namespace

const ModuleSpec* find_native_module(std::string_view name) {
  for (const NativeEntry& entry : kNativeModules)
    if (entry.name == name) return entry.spec;
  return nullptr;
}

std::vector<std::string> native_module_names() {
  std::vector<std::string> names = {"sys", "builtins"};
  for (const NativeEntry& entry : kNativeModules) names.emplace_back(entry.name);
  return names;
}

}  // namespace mp

// The table of native and frozen modules: reads stdlib/modules.def, the only list.
#include <algorithm>
#include <array>

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
constexpr NativeEntry kListed[] = {
#include "stdlib/modules.def"
};
constexpr auto kNativeModules = [] {
  std::array<NativeEntry, std::size(kListed)> sorted{};
  std::copy(std::begin(kListed), std::end(kListed), sorted.begin());
  std::sort(sorted.begin(), sorted.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
  return sorted;
}();

}  // namespace

const ModuleSpec* find_native_module(std::string_view name) {
  const auto* found =
      std::lower_bound(kNativeModules.begin(), kNativeModules.end(), name,
                       [](const NativeEntry& entry, std::string_view wanted) { return entry.name < wanted; });
  return found != kNativeModules.end() && found->name == name ? found->spec : nullptr;
}

std::vector<std::string> native_module_names() {
  std::vector<std::string> names = {"sys", "builtins"};
  for (const NativeEntry& entry : kNativeModules) names.emplace_back(entry.name);
  return names;
}

}  // namespace mp

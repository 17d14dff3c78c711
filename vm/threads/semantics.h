// The presets of --semantics: which Python's switch points a runtime has. It knows their names, not
// instructions.
#pragma once
#include <cstdint>
#include <string_view>

namespace mp {

enum class Semantics : uint8_t {
#define MP_SEMANTICS(name, enumerator, policy, doc) enumerator,
#include "vm/threads/semantics.def"
#undef MP_SEMANTICS
};

struct SemanticsInfo {
  const char* name;
  const char* policy;  // the GIL policy that comes with it; "none": the GIL is off
  const char* doc;
};
const SemanticsInfo& semantics_info(Semantics semantics);
// False for an unknown name.
bool parse_semantics(std::string_view name, Semantics* semantics);

// Presets with switch sites that the ordinary loop does not poll need the instrumented one.
inline bool needs_every_instruction(Semantics semantics) {
  return semantics != Semantics::Py313 && semantics != Semantics::Py313t;
}

}  // namespace mp

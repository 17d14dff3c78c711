// Where values go inside one function: which reads of a variable reach which stores of it, and under which
// presets a switch may fall on the way. It knows code, not its source.
#pragma once
#include <cstdint>
#include <vector>

#include "lang/code_unit.h"
#include "vm/threads/semantics.h"

namespace mp::atomicity {

using PresetMask = uint8_t;  // one bit per preset
inline constexpr int kPresets = 0
#define MP_SEMANTICS(name, enumerator, policy, doc) +1
#include "vm/threads/semantics.def"
#undef MP_SEMANTICS
    ;
static_assert(kPresets <= 8);
inline constexpr PresetMask kAllPresets = (1 << kPresets) - 1;
inline constexpr PresetMask preset_bit(Semantics semantics) {
  return static_cast<PresetMask>(1 << static_cast<int>(semantics));
}

// One instruction as the analysis sees it.
struct Step {
  uint32_t pc;
  lang::Instruction instruction;
  const lang::OpInfo* info;
  int load = -1, store = -1;  // the shared variable it reads, writes
  int look = -1, act = -1;    // the container whose contents it looks at, changes
  PresetMask after = 0;       // sites between it and the instruction behind it
  PresetMask jump = 0;        // and where it jumps to
};

enum class FlowKind : uint8_t {
  Value,   // the value stored into a variable is made of what was read from it
  Choice,  // a jump has looked at what was read, or a handler at how that failed
  Act,     // a jump has looked at the contents of a container that is changed
  Other,   // as Value, from another variable that is stored into as well
};

// What is read at step `load` decides what is stored at step `store`.
struct Flow {
  uint32_t load, store, test;  // test: the jump, for Choice and Act; the read for a handler
  FlowKind kind;
  PresetMask sites = 0;  // presets with a site in between, on some way
};

struct FlowResult {
  std::vector<Flow> flows;
  std::vector<bool> normal;  // by step: runs when nothing is raised
};

FlowResult find_flows(const lang::CodeUnit& unit, const std::vector<Step>& steps, int variable_count);

}  // namespace mp::atomicity

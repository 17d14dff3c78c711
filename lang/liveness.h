// Liveness of temporaries: which of them may still be read from a place in the code on. Found by walking the
// code forward; for the collector, which must not keep alive what a dead scratch register still names.
#pragma once

#include <cstdint>

#include "lang/code_unit.h"

namespace mp::lang {

inline constexpr uint32_t kTrackedTemporaries = 64;  // those above are taken for live

// Where a frame stands in the instruction at its pc.
enum class Progress : uint8_t {
  Unknown,  // before it, in it or just behind it
  Called,   // a call whose callee runs: its operands have been read, its result is not there
  Yielded,  // a yield: its operand is gone
};

// Bit i: temporary first_temporary() + i. A walk that gets long gives up and takes the rest for live.
uint64_t live_temporaries(const CodeUnit& unit, uint32_t pc, Progress progress);

}  // namespace mp::lang

// What earlier calls left on the native stack, where nothing has been written since: the collector would take
// it for references.
#pragma once
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "vm/core/compiler.h"

namespace mp {

// Clears so much below the caller's frame.
template <size_t kBytes>
MP_NOINLINE void clear_dead_stack() {
  uint8_t below[kBytes];
  std::memset(below, 0, sizeof below);
  asm volatile("" : : "r"(below) : "memory");
}

}  // namespace mp

// Spreads addresses over the buckets of a table.
#pragma once
#include <cstddef>
#include <cstdint>

namespace mp {

// Below 2^kBits (Fibonacci hashing: Knuth, The Art of Computer Programming, volume 3, 6.4).
template <unsigned kBits>
size_t address_bucket(const void* address) {
  static_assert(kBits > 0 && kBits < 64);
  return (reinterpret_cast<uintptr_t>(address) >> 3) * uint64_t{0x9E3779B97F4A7C15} >> (64 - kBits);
}

}  // namespace mp

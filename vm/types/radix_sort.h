// Radix sort of keys with a 64-bit order, least significant byte first: it is stable and compares nothing.
#pragma once
#include <bit>
#include <cstdint>
#include <cstring>
#include <utility>

#include "vm/types/str.h"

namespace mp {

struct RadixItem {
  uint64_t key;
  uint64_t index;
};

inline uint64_t ordered_int(Value v) { return v.bits() ^ (uint64_t{1} << 63); }
inline uint64_t ordered_float(Value v) {
  uint64_t u = std::bit_cast<uint64_t>(v.as_float_inline());
  return (u >> 63) != 0 ? ~u : u ^ (uint64_t{1} << 63);
}
// The first eight bytes of a Latin-1 str, big-endian. Equal prefixes decide nothing unless both strings end
// within them.
inline uint64_t str_prefix(Value v) {
  auto* s = v.as<StrObject>();
  uint64_t raw = 0;
  size_t n = s->length();
  if (n >= 8) {
    std::memcpy(&raw, s->data8(), 8);
  } else {
    std::memcpy(&raw, s->data8(), n);
  }
  return __builtin_bswap64(raw);
}

// Sorts `items` by key through `scratch`; returns the array that holds the result.
template <class Item>
Item* radix_sort(Item* items, Item* scratch, size_t count) {
  static thread_local uint32_t histogram[8][256];
  std::memset(histogram, 0, sizeof histogram);
  for (size_t i = 0; i < count; ++i) {
    uint64_t key = items[i].key;
    for (int d = 0; d < 8; ++d) ++histogram[d][(key >> (8 * d)) & 255];
  }
  for (int d = 0; d < 8; ++d) {
    uint32_t* h = histogram[d];
    if (h[(items[0].key >> (8 * d)) & 255] == count) continue;  // all the same
    uint32_t sum = 0;
    for (int b = 0; b < 256; ++b) {
      uint32_t n = h[b];
      h[b] = sum;
      sum += n;
    }
    for (size_t i = 0; i < count; ++i) scratch[h[(items[i].key >> (8 * d)) & 255]++] = items[i];
    std::swap(items, scratch);
  }
  return items;
}

}  // namespace mp

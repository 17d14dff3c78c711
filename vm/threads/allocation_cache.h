// AllocationCache: a thread's free cells by size class, popped without a lock; and the size classes
// themselves. It knows nothing of blocks or of collection (vm/gc).
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>

namespace mp {

struct FreeCell {
  FreeCell* next;
};

inline constexpr size_t kGranule = 16;
// Cells per 64 KiB block without waste: the large classes divide the block.
inline constexpr uint32_t kClassSizes[] = {16,   32,   48,   64,   80,    96,    112,   128,   144,  160,
                                           176,  192,  208,  224,  240,   256,   320,   384,   448,  512,
                                           640,  768,  896,  1024, 1280,  1536,  1792,  2048,  2496, 3088,
                                           4048, 4992, 6480, 8112, 10816, 12976, 16224, 21632, 32448};
inline constexpr size_t kSizeClassCount = sizeof(kClassSizes) / sizeof(kClassSizes[0]);
inline constexpr size_t kMaxSmallSize = 32448;

namespace detail {
constexpr auto make_class_table() {
  std::array<uint8_t, kMaxSmallSize / kGranule + 1> table{};
  size_t c = 0;
  for (size_t g = 0; g < table.size(); ++g) {
    while (kClassSizes[c] < g * kGranule) ++c;
    table[g] = static_cast<uint8_t>(c);
  }
  return table;
}
}  // namespace detail
extern const std::array<uint8_t, kMaxSmallSize / kGranule + 1> kClassOfGranules;  // vm/gc/size_classes.cpp

// size <= kMaxSmallSize
inline size_t size_class(size_t size) { return kClassOfGranules[(size + kGranule - 1) / kGranule]; }

struct AllocationCache {
  FreeCell* objects[kSizeClassCount] = {};  // zeroed but for the link
  FreeCell* raws[kSizeClassCount] = {};     // content undefined
};

}  // namespace mp

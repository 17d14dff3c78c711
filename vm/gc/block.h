// Block: 64 KiB of cells of one size (or one large cell that spans several blocks), its mark bits, and the
// pool that blocks come from. It knows addresses and sizes, nothing of objects.
#pragma once
#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <vector>

#include "vm/threads/allocation_cache.h"

namespace mp {

inline constexpr size_t kBlockSize = 64 * 1024;
inline constexpr size_t kMarkWords = kBlockSize / kGranule / 64;

enum class CellKind : uint8_t { Object, Raw };

// A processor as blocks know it; several may share a number. Memory goes back to where it was used last, if
// it can: its lines may still be in that processor's cache, and no other has them. (Not a thread: short ones
// would all find what others have left, on any processor.)
using BlockUser = uint8_t;
inline constexpr uint64_t kBlockUsers = 254;

struct Block {
  static constexpr uint32_t kUnknown = UINT32_MAX;
  uint64_t cell_size = 0;   // of a large block: the size of its one cell
  uint32_t reciprocal = 0;  // ceil(2^32 / cell_size): index of a cell without a division
  uint32_t cell_count = 0;
  uint32_t carved = 0;      // cells below this index have been handed out once; the others are raw memory
  uint32_t marked = 0;      // cells marked in this cycle
  uint32_t unit_count = 1;  // 64 KiB units
  // Cells that were not free after the last sweep, while no thread has taken any of the others.
  uint32_t occupied = kUnknown;
  uint32_t immortal_count = 0;
  uint8_t size_class = 0;
  CellKind kind = CellKind::Object;
  bool large = false;
  bool dirty = false;        // uncarved memory may not be zero
  bool own_mapping = false;  // a large block outside the regions
  bool needs_sweep = false;
  BlockUser user = 0;  // who took cells from it last
  uint8_t reserved[1] = {};
  uint64_t populated = kBlockSize;  // bytes whose pages are there, or come in large ones
  Block* next = nullptr;            // of a thread's spare ones
  uint64_t* immortal = nullptr;     // marks that stay set; HeapImpl's
  uint64_t unused[7] = {};
  uint64_t marks[kMarkWords] = {};

  uint8_t* cells();
  void* cell(size_t index) { return cells() + index * cell_size; }
  bool is_marked(const void* cell) const {
    size_t granule = (reinterpret_cast<uintptr_t>(cell) & (kBlockSize - 1)) / kGranule;
    return (marks[granule >> 6] >> (granule & 63) & 1) != 0;
  }
  // True when it was not marked before.
  bool mark(const void* cell) {
    if (!set_mark(marks, cell)) return false;
    ++marked;
    return true;
  }
  static bool set_mark(uint64_t* marks, const void* cell) {
    size_t granule = (reinterpret_cast<uintptr_t>(cell) & (kBlockSize - 1)) / kGranule;
    uint64_t bit = uint64_t{1} << (granule & 63);
    if ((marks[granule >> 6] & bit) != 0) return false;
    marks[granule >> 6] |= bit;
    return true;
  }
  // Free cells of a list that begins with `cell`: those from there on that the last collection did not mark,
  // up to the one with this index.
  size_t free_cells_from(const void* cell, uint32_t end) const {
    auto offset = reinterpret_cast<uintptr_t>(cell) & (kBlockSize - 1);
    size_t granule = offset / kGranule, count = end - (offset - sizeof(Block)) / cell_size;
    count -= static_cast<size_t>(std::popcount(marks[granule >> 6] >> (granule & 63)));
    for (size_t i = (granule >> 6) + 1; i < kMarkWords; ++i)
      count -= static_cast<size_t>(std::popcount(marks[i]));
    return count;
  }
  void clear_marks() {
    if (marked == immortal_count) return;  // nor fetch the lines of a block that only the dead have used
    if (immortal != nullptr)
      std::memcpy(marks, immortal, sizeof marks);
    else if (large)
      marks[(sizeof(Block) / kGranule) >> 6] = 0;
    else
      std::memset(marks, 0, sizeof marks);
    marked = immortal_count;
  }
};
static_assert(sizeof(Block) == 640);
inline constexpr size_t kBlockHeader = sizeof(Block);
inline uint8_t* Block::cells() { return reinterpret_cast<uint8_t*>(this) + kBlockHeader; }
inline Block* block_of(const void* cell) {
  return reinterpret_cast<Block*>(reinterpret_cast<uintptr_t>(cell) & ~(kBlockSize - 1));
}

// Address -> block, for words that may not be pointers at all. Reads take no lock.
class PageMap {
 public:
  PageMap();
  ~PageMap();
  bool ok() const { return root_ != nullptr; }
  Block* find(uintptr_t address) const {
    if (address >> 48 != 0) return nullptr;
    std::atomic<Block*>* leaf = root_[address >> 32].load(std::memory_order_acquire);
    return leaf == nullptr ? nullptr : leaf[(address >> 16) & 0xFFFF].load(std::memory_order_acquire);
  }
  bool set(uintptr_t address, size_t units, Block* block);  // under the heap's lock

 private:
  std::atomic<std::atomic<Block*>*>* root_ = nullptr;
  std::vector<std::atomic<Block*>*> leaves_;
};

// What an allocation may take of the memory that is kept for the time between running out and MemoryError.
enum class FromReserve : uint8_t {
  Nothing,
  Half,  // a small one: most that are made until the next safepoint can get on
  All,   // its caller has no way to fail
};

// Hands out runs of 64 KiB units, from larger mappings; the caller holds the heap's lock.
class BlockPool {
 public:
  ~BlockPool();
  // A block whose first `kBlockHeader` bytes are a fresh header; nullptr when the system refuses. `bytes`
  // counts the cells only.
  Block* allocate(size_t bytes, BlockUser user, FromReserve from_reserve, PageMap& map);
  void release(Block* block, PageMap& map);
  // Gives dirty free units beyond `keep_bytes` back to the system.
  void trim(size_t keep_bytes);
  size_t used_bytes() const { return used_units_ * kBlockSize; }
  // The system has refused memory, and what is left is reserved.
  bool exhausted() const { return exhausted_.load(std::memory_order_relaxed); }
  // After each collection, before the first allocation: what was used last is used next.
  void turn() { upwards_ = !upwards_; }
  void look_for_memory();  // after a collection: exhausted() no more if that has helped
  size_t free_dirty_bytes() const { return dirty_units_ * kBlockSize; }

 private:
  static constexpr size_t kMaxRegionUnits = 512;  // 32 MiB
  struct Region {
    uint8_t* base;
    size_t units;
    size_t free_units;
    size_t first_free;           // no free unit below
    size_t small_units;          // at the start, whose pages are small
    std::vector<uint8_t> state;  // per unit: kZero, kUsed, or kDirty + the last user
  };
  static constexpr uint8_t kZero = 0, kUsed = 1, kDirty = 2;
  static constexpr size_t kReservedUnits = 64;       // 4 MiB: what natives make until they poll
  bool grow(size_t units);                           // maps a region of so many at least
  static size_t find(Region& region, size_t units);  // a run of free units, kMaxRegionUnits: none
  Block* take_own(BlockUser user, PageMap& map);     // a free unit that this user had
  Block* take(Region& region, size_t first, size_t units, BlockUser user, PageMap& map);
  std::vector<Region> regions_;
  // Between the units that a user took and those that it takes next.
  struct Position {
    uint32_t region = 0, unit = 0;
  };
  Position positions_[kBlockUsers];
  bool upwards_ = true;
  size_t used_units_ = 0;
  size_t dirty_units_ = 0;
  size_t free_units_ = 0;  // of all regions
  std::atomic<bool> exhausted_{false};
};

}  // namespace mp

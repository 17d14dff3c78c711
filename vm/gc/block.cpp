#include "vm/gc/block.h"

#include <algorithm>
#include <new>

#include "vm/gc/poison.h"
#include "vm/os/memory.h"

namespace mp {

static constexpr size_t kMapBytes = 65536 * sizeof(void*);
static constexpr size_t kFirstBytes =
    4096;  // of a block of small cells: the header, and what is carved first
static constexpr size_t kHugePage = 2u << 20;
static constexpr size_t kUnitsPerHugePage = kHugePage / kBlockSize;
static constexpr size_t kSmallPages = 4u << 20;  // at the start of the first region
static constexpr size_t kFewUnits = 16;          // larger cells keep off them: they are populated at once

PageMap::PageMap() {
  // Touched sparsely: only the pages in use become resident.
  void* memory = os::map_memory(kMapBytes, 4096, os::Reserve::No);
  if (memory != nullptr) os::no_huge_pages(memory, kMapBytes);
  root_ = static_cast<std::atomic<std::atomic<Block*>*>*>(memory);
}

PageMap::~PageMap() {
  for (auto* leaf : leaves_) os::unmap_memory(leaf, kMapBytes);
  if (root_ != nullptr) os::unmap_memory(root_, kMapBytes);
}

bool PageMap::set(uintptr_t address, size_t units, Block* block) {
  for (size_t i = 0; i < units; ++i, address += kBlockSize) {
    auto& slot = root_[address >> 32];
    auto* leaf = slot.load(std::memory_order_relaxed);
    if (leaf == nullptr) {
      leaf = static_cast<std::atomic<Block*>*>(os::map_memory(kMapBytes, 4096, os::Reserve::No));
      if (leaf == nullptr) return false;
      os::no_huge_pages(leaf, kMapBytes);
      leaves_.push_back(leaf);
      slot.store(leaf, std::memory_order_release);
    }
    leaf[(address >> 16) & 0xFFFF].store(block, std::memory_order_release);
  }
  return true;
}

BlockPool::~BlockPool() {
  for (Region& region : regions_) {
    unpoison(region.base, region.units * kBlockSize);
    os::unmap_memory(region.base, region.units * kBlockSize);
  }
}

size_t BlockPool::find(Region& region, size_t units) {
  if (region.free_units < units) return kMaxRegionUnits;
  size_t i = region.first_free;
  while (i < region.units && region.state[i] == kUsed) ++i;
  region.first_free = i;
  if (units > kFewUnits && i < region.small_units) i = region.small_units;
  while (i + units <= region.units) {
    size_t run = 0;
    while (run < units && region.state[i + run] != kUsed) ++run;
    if (run == units) return i;
    i += run + 1;
  }
  return kMaxRegionUnits;
}

Block* BlockPool::take(Region& region, size_t first, size_t units, BlockUser user, PageMap& map) {
  auto address = region.base + first * kBlockSize;
  if (!map.set(reinterpret_cast<uintptr_t>(address), units, reinterpret_cast<Block*>(address)))
    return nullptr;
  bool dirty = false;
  for (size_t k = 0; k < units; ++k) {
    uint8_t& state = region.state[first + k];
    if (state != kZero) {
      dirty = true;
      --dirty_units_;
    }
    state = kUsed;
  }
  region.free_units -= units;
  free_units_ -= units;
  used_units_ += units;
  unpoison(address, units * kBlockSize);
  size_t populated = units * kBlockSize;
  if (first < region.small_units && !dirty) {
    if (units == 1) populated = kFirstBytes;
    os::populate(address, populated);
  }
  auto* block = new (address) Block();
  block->dirty = dirty;
  block->populated = populated;
  block->unit_count = static_cast<uint32_t>(units);
  block->user = user;
  return block;
}

bool BlockPool::grow(size_t units) {
  // A process that needs little memory gets small pages: a huge page would be resident as a whole. Beyond
  // that, the faults of small pages would cost a short program more than its work.
  size_t region_units = regions_.empty() ? kMaxRegionUnits / 2 : kMaxRegionUnits;
  void* memory = nullptr;
  for (; region_units >= units; region_units /= 2) {
    memory = os::map_memory(region_units * kBlockSize, kHugePage, os::Reserve::No);
    if (memory != nullptr) break;
  }
  if (memory == nullptr) return false;
  size_t small = regions_.empty() ? std::min(kSmallPages, region_units * kBlockSize) : 0;
  if (small != 0) os::no_huge_pages(memory, small);
  if (size_t rest = region_units * kBlockSize - small; rest != 0)
    os::huge_pages(static_cast<uint8_t*>(memory) + small, rest);
  regions_.push_back({static_cast<uint8_t*>(memory), region_units, region_units, 0, small / kBlockSize,
                      std::vector<uint8_t>(region_units)});
  free_units_ += region_units;
  return true;
}

void BlockPool::look_for_memory() {
  if (exhausted()) exhausted_ = free_units_ < 2 * kReservedUnits && !grow(2 * kReservedUnits);
}

Block* BlockPool::allocate(size_t bytes, BlockUser user, FromReserve from_reserve, PageMap& map) {
  size_t units = (bytes + kBlockHeader + kBlockSize - 1) / kBlockSize;
  // Pages that go to the system and come back cost many times what clearing them costs, so only what is very
  // large has a mapping of its own.
  if (units > kMaxRegionUnits / 2) {
    void* memory = os::map_memory(units * kBlockSize, kHugePage, os::Reserve::Yes);
    if (memory == nullptr) return nullptr;
    os::huge_pages(memory, units * kBlockSize);
    auto* block = new (memory) Block();
    if (!map.set(reinterpret_cast<uintptr_t>(memory), units, block)) {
      os::unmap_memory(memory, units * kBlockSize);
      return nullptr;
    }
    block->own_mapping = true;
    block->unit_count = static_cast<uint32_t>(units);
    used_units_ += units;
    return block;
  }
  if (free_units_ < units + kReservedUnits && !grow(units + kReservedUnits)) {
    exhausted_ = true;
    size_t kept = from_reserve == FromReserve::Half ? kReservedUnits / 2 : kReservedUnits;
    if (from_reserve != FromReserve::All && free_units_ < units + kept) return nullptr;
  }
  if (units == 1)
    if (Block* block = take_own(user, map)) return block;
  for (Region& region : regions_)
    if (size_t first = find(region, units); first != kMaxRegionUnits)
      return take(region, first, units, user, map);
  if (!grow(units)) return nullptr;
  return take(regions_.back(), 0, units, user, map);
}

// Upwards and downwards by turns: always in the same order, a program that fills more than a cache between
// two collections would never find a line of the last round there.
Block* BlockPool::take_own(BlockUser user, PageMap& map) {
  if (regions_.empty()) return nullptr;
  Position& at = positions_[user];
  for (size_t tried = 0; tried <= regions_.size(); ++tried) {
    const uint8_t* first = regions_[at.region].state.data();
    size_t count = regions_[at.region].units;
    const void* own = upwards_ ? std::memchr(first + at.unit, kDirty + user, count - at.unit)
                               : memrchr(first, kDirty + user, at.unit);
    if (own != nullptr) {
      size_t unit = static_cast<size_t>(static_cast<const uint8_t*>(own) - first);
      at.unit = static_cast<uint32_t>(upwards_ ? unit + 1 : unit);
      return take(regions_[at.region], unit, 1, user, map);
    }
    if (upwards_) {
      at.region = at.region + 1 == regions_.size() ? 0 : at.region + 1;
      at.unit = 0;
    } else {
      at.region = (at.region == 0 ? static_cast<uint32_t>(regions_.size()) : at.region) - 1;
      at.unit = static_cast<uint32_t>(regions_[at.region].units);
    }
  }
  return nullptr;
}

void BlockPool::release(Block* block, PageMap& map) {
  size_t units = block->unit_count;
  bool own = block->own_mapping;
  BlockUser user = block->user;
  map.set(reinterpret_cast<uintptr_t>(block), units, nullptr);
  used_units_ -= units;
  poison(block, units * kBlockSize);
  if (own) {
    unpoison(block, units * kBlockSize);
    os::unmap_memory(block, units * kBlockSize);
    return;
  }
  auto* address = reinterpret_cast<uint8_t*>(block);
  for (Region& region : regions_) {
    if (address < region.base || address >= region.base + region.units * kBlockSize) continue;
    size_t first = static_cast<size_t>(address - region.base) / kBlockSize;
    std::memset(&region.state[first], kDirty + user, units);
    dirty_units_ += units;
    region.free_units += units;
    free_units_ += units;
    if (first < region.first_free) region.first_free = first;
    return;
  }
}

void BlockPool::trim(size_t keep_bytes) {
  for (size_t r = regions_.size(); r-- > 0 && dirty_units_ * kBlockSize > keep_bytes;) {
    Region& region = regions_[r];
    for (size_t i = region.units; i > 0 && dirty_units_ * kBlockSize > keep_bytes;) {
      // A part of a large page would come back as small ones, each with a fault of its own.
      size_t begin = (i - 1) / kUnitsPerHugePage * kUnitsPerHugePage, end = i;
      i = begin;
      if (!std::all_of(region.state.begin() + static_cast<long>(begin),
                       region.state.begin() + static_cast<long>(end), [](uint8_t s) { return s >= kDirty; }))
        continue;
      std::fill(region.state.begin() + static_cast<long>(begin),
                region.state.begin() + static_cast<long>(end), kZero);
      os::discard_memory(region.base + begin * kBlockSize, (end - begin) * kBlockSize);
      dirty_units_ -= end - begin;
    }
  }
}

}  // namespace mp

// Handing out cells: carving fresh blocks, sweeping old ones, large cells, the memory limit.
#include <algorithm>
#include <utility>

#include "vm/core/check.h"
#include "vm/gc/heap_impl.h"
#include "vm/gc/poison.h"
#include "vm/os/memory.h"
#include "vm/os/processor.h"
#include "vm/threads/thread_impl.h"
#include "vm/threads/thread_table.h"
#include "vm/types/runtime.h"

namespace mp {

static constexpr size_t kCarveBytes = 4096;  // a page
static constexpr size_t kMostCarved = 4 * kCarveBytes;
static constexpr size_t kCacheLine = 64;
static constexpr size_t kReported = 64 * 1024;
static constexpr size_t kLookAhead = 16;  // blocks
// As many of a thread's blocks since the last collection make it take one more at a time.
static constexpr size_t kBlocksPerSpare = 16, kMostSpare = 4;
static constexpr size_t kReserve = 1u << 20;  // what allocations that cannot fail may take beyond the limit
static constexpr size_t kMaxCell = size_t{1} << 46;

static BlockUser block_user() { return static_cast<BlockUser>(os::current_processor() % kBlockUsers); }

bool HeapImpl::over_limit(size_t more) const {
  if (pool.exhausted()) return true;
  size_t limit = memory_limit.load(std::memory_order_relaxed);
  if (limit == 0) return false;
  int64_t outside = external.load(std::memory_order_relaxed);
  return pool.used_bytes() + static_cast<size_t>(outside > 0 ? outside : 0) + more > limit;
}

// In portions: threads that allocate in parallel would meet at the sum for each page.
void HeapImpl::note_allocated(Thread& t, size_t bytes, size_t objects) {
  AllocationCount& count = t.impl->allocation;
  count.bytes += bytes;
  count.unreported += bytes;
  count.objects += objects;
  size_t wanted = trigger.load(std::memory_order_relaxed);
  if (count.unreported < std::min(kReported, wanted / 16)) return;
  size_t total = allocated_since.fetch_add(count.unreported, std::memory_order_relaxed) + count.unreported;
  count.unreported = 0;
  if (total >= wanted && enabled.load(std::memory_order_relaxed)) t.set_interrupt(kInterruptCollect);
}

// Links the next cells of a block that were never used: a page's worth at first, so that untouched memory
// stays untouched, then as much as is in use.
FreeCell* HeapImpl::carve(Thread& t, Block* block) {
  size_t bytes =
      block->carved == 0
          ? kCarveBytes -
                kBlockHeader  // the page of the header: a start uses 60 blocks, most of them for a few cells
          : std::clamp<size_t>(block->carved * block->cell_size, kCarveBytes, kMostCarved);
  uint32_t count = static_cast<uint32_t>(std::max<size_t>(bytes / block->cell_size, 1));
  count = std::min(count, block->cell_count - block->carved);
  uint8_t* first = static_cast<uint8_t*>(block->cell(block->carved));
  size_t size = block->cell_size;
  size_t end = kBlockHeader + (block->carved + count) * size;
  if (end > block->populated) {
    size_t whole_pages = (end + kCarveBytes - 1) & ~(kCarveBytes - 1);
    size_t more = std::min(std::max<size_t>(whole_pages, 2 * block->populated), kBlockSize);
    os::populate(reinterpret_cast<uint8_t*>(block) + block->populated, more - block->populated);
    block->populated = more;
  }
  if (block->dirty && block->kind == CellKind::Object) std::memset(first, 0, count * size);
  for (uint32_t i = 0; i < count; ++i) {
    reinterpret_cast<FreeCell*>(first + i * size)->next =
        i + 1 < count ? reinterpret_cast<FreeCell*>(first + (i + 1) * size) : nullptr;
    poison_free_cell(first + i * size, size);
  }
  block->carved += count;
  // The next page is fetched while this one is used up: its lines left the cache since the last round.
  if (block->carved < block->cell_count)
    for (size_t at = 0; at < kCarveBytes; at += kCacheLine)
      __builtin_prefetch(first + count * size + at, 1, 2);
  note_allocated(t, count * size, block->kind == CellKind::Object ? count : 0);
  return reinterpret_cast<FreeCell*>(first);
}

// Zeroes a small cell: most are of a few words, for which a call of memset costs more than the stores.
static inline void clear_cell(void* cell, size_t size) {
  constexpr size_t kInline = 256;
  if (size > kInline) {
    std::memset(cell, 0, size);
    return;
  }
  using Granule = long long __attribute__((vector_size(kGranule)));
  auto* to = static_cast<Granule*>(cell);
  for (auto* end = to + size / kGranule; to != end; ++to) {
    *to = Granule{};
    asm volatile("" : "+r"(to));  // else the compiler makes it the call again
  }
}

FreeCell* HeapImpl::sweep(Block* block) {
  block->needs_sweep = false;
  size_t size = block->cell_size;
  bool objects = block->kind == CellKind::Object;
  FreeCell* list = nullptr;
  // From the end, so that the list runs upwards.
  for (size_t i = block->carved; i-- > 0;) {
    auto* cell = static_cast<uint8_t*>(block->cell(i));
    if (block->is_marked(cell)) continue;
    if (objects && reinterpret_cast<Object*>(cell)->kind_ != Kind::Free) {
      unpoison(cell, size);
      clear_cell(cell, size);
    }
    reinterpret_cast<FreeCell*>(cell)->next = list;
    poison_free_cell(cell, size);
    list = reinterpret_cast<FreeCell*>(cell);
  }
  return list;
}

// Several at once for a thread that fills many: the others wait less often at the lock.
bool HeapImpl::take_spare_blocks(Thread& t, FromReserve from_reserve) {
  size_t wanted =
      std::clamp<size_t>(t.impl->allocation.bytes / (kBlocksPerSpare * kBlockSize), 1, kMostSpare);
  std::lock_guard guard(mutex);
  // The reserve is for the one that is needed now.
  for (; wanted > 0; --wanted, from_reserve = FromReserve::Nothing) {
    Block* block = pool.allocate(kBlockSize - kBlockHeader, block_user(), from_reserve, map);
    if (block == nullptr) break;
    block->next = std::exchange(t.impl->spare_blocks, block);
  }
  // Small cells do not fail for a limit: the thread collects at its next safepoint, and raises MemoryError if
  // that does not help.
  if (over_limit(0)) t.set_interrupt(kInterruptMemory);
  return t.impl->spare_blocks != nullptr;
}

Block* HeapImpl::new_block(Thread& t, CellKind kind, size_t size_class, FromReserve from_reserve) {
  if (t.impl->spare_blocks == nullptr && !take_spare_blocks(t, from_reserve)) return nullptr;
  Block* block = std::exchange(t.impl->spare_blocks, t.impl->spare_blocks->next);
  block->kind = kind;
  block->size_class = static_cast<uint8_t>(size_class);
  block->cell_size = kClassSizes[size_class];
  block->cell_count = static_cast<uint32_t>((kBlockSize - kBlockHeader) / block->cell_size);
  block->reciprocal = static_cast<uint32_t>(((uint64_t{1} << 32) + block->cell_size - 1) / block->cell_size);
  t.impl->own_blocks.push_back(block);
  return block;
}

Block* HeapImpl::next_to_sweep(ClassBlocks& c, BlockUser user) {
  while (c.next_to_sweep < c.blocks.size()) {
    size_t end = std::min(c.next_to_sweep + kLookAhead, c.blocks.size());
    for (size_t i = c.next_to_sweep; i < end; ++i) {
      if (c.blocks[i]->user != user) continue;
      std::swap(c.blocks[i], c.blocks[c.next_to_sweep]);
      break;
    }
    Block* block = c.blocks[c.next_to_sweep++];
    if (!std::exchange(block->needs_sweep, false) || block->marked == block->cell_count) continue;
    block->user = user;
    return block;
  }
  return nullptr;
}

FreeCell* HeapImpl::refill(Thread& t, CellKind kind, size_t size_class, FromReserve from_reserve) {
  bool objects = kind == CellKind::Object;
  // Where cells are poisoned, each is handed out here, where its size is known, and none through the cache.
  FreeCell*& rest = kPoisons ? (objects ? t.impl->held_objects : t.impl->held_raws)[size_class]
                             : (objects ? t.cache.objects : t.cache.raws)[size_class];
  if (FreeCell* cell = rest; kPoisons && cell != nullptr) {
    rest = cell->next;
    cell->next = nullptr;
    return cell;
  }
  Block*& carving = objects ? t.impl->carving_objects[size_class] : t.impl->carving_raws[size_class];
  FreeCell* list = nullptr;
  if (carving != nullptr && carving->carved < carving->cell_count) list = carve(t, carving);
  ClassBlocks& c = classes[static_cast<size_t>(kind)][size_class];
  while (list == nullptr && !c.used_up.load(std::memory_order_relaxed)) {
    Block* block = nullptr;
    {
      std::lock_guard guard(mutex);
      if (!c.left_cells.empty()) {
        LeftCells cells = c.left_cells.back();
        c.left_cells.pop_back();
        if (objects) {
          t.impl->allocation.objects += cells.count;
          t.impl->list_ends[size_class] = cells.end;
        }
        rest = cells.first->next;
        cells.first->next = nullptr;
        return cells.first;
      }
      if (!c.left_blocks.empty()) {
        carving = c.left_blocks.back();
        c.left_blocks.pop_back();
        list = carve(t, carving);
        break;
      }
      block = next_to_sweep(c, block_user());
      if (block == nullptr) c.used_up.store(true, std::memory_order_relaxed);
    }
    if (block == nullptr) break;
    size_t free_bytes = (block->carved - block->marked) * block->cell_size;
    list = sweep(block);
    block->occupied = Block::kUnknown;
    if (list != nullptr) note_allocated(t, free_bytes, objects ? block->carved - block->marked : 0);
    if (block->carved < block->cell_count) {
      carving = block;
      if (list == nullptr) list = carve(t, block);
    }
  }
  if (list == nullptr) {
    Block* block = new_block(t, kind, size_class, from_reserve);
    if (block == nullptr) return nullptr;
    carving = block;
    list = carve(t, block);
  }
  if (objects) t.impl->list_ends[size_class] = block_of(list)->carved;
  rest = list->next;
  list->next = nullptr;
  return list;
}

void* HeapImpl::allocate_large(Thread& t, CellKind kind, size_t bytes, bool may_exceed, size_t unset) {
  if (bytes > kMaxCell) return nullptr;
  bytes = (bytes + kGranule - 1) & ~(kGranule - 1);
  Block* block;
  {
    std::lock_guard guard(mutex);
    if (over_limit(bytes) && !(may_exceed && bytes <= kReserve)) return nullptr;
    block = pool.allocate(bytes, block_user(), may_exceed ? FromReserve::All : FromReserve::Nothing, map);
    if (block == nullptr) return nullptr;
    block->large = true;
    block->kind = kind;
    block->cell_size = block->unit_count * kBlockSize - kBlockHeader;
    block->cell_count = block->carved = 1;
    large_blocks.push_back(block);
  }
  if (block->dirty && unset < bytes) std::memset(block->cells() + unset, 0, bytes - unset);
  note_allocated(t, bytes, kind == CellKind::Object ? 1 : 0);
  unpoison_cell(block->cells(), bytes, block->cell_size);
  return block->cells();
}

Object* Heap::allocate_object_slow(Thread& t, Type* type, size_t bytes, bool may_exceed) {
  Object* object;
  if (bytes <= kMaxSmallSize)
    object = reinterpret_cast<Object*>(impl_->refill(t, CellKind::Object, size_class(bytes),
                                                     may_exceed ? FromReserve::All : FromReserve::Half));
  else
    object = static_cast<Object*>(impl_->allocate_large(t, CellKind::Object, bytes, may_exceed));
  if (object == nullptr) {
    MP_CHECK(!may_exceed, "out of memory");
    return nullptr;
  }
  if (bytes <= kMaxSmallSize) unpoison_cell(object, bytes, kClassSizes[size_class(bytes)]);
  init_header(t, object, type);
  return object;
}

inline void* HeapImpl::allocate_raw(Thread& t, size_t bytes, size_t unset) {
  if (bytes > kMaxSmallSize) [[unlikely]]
    return allocate_large(t, CellKind::Raw, bytes, false, unset);
  size_t c = size_class(bytes);
  FreeCell*& head = t.cache.raws[c];
  FreeCell* cell = head;
  if (cell != nullptr) [[likely]] {
    head = cell->next;
  } else {
    cell = refill(t, CellKind::Raw, c, FromReserve::Half);
    if (cell == nullptr) return nullptr;
  }
  unpoison(cell, kClassSizes[c]);
  if (unset < bytes) {
    size_t from = unset & ~(kGranule - 1);
    clear_cell(reinterpret_cast<uint8_t*>(cell) + from, ((bytes + kGranule - 1) & ~(kGranule - 1)) - from);
  }
  unpoison_cell(cell, bytes, kClassSizes[c]);
  return cell;
}
void* Heap::allocate_raw(Thread& t, size_t bytes) { return impl_->allocate_raw(t, bytes, 0); }
void* Heap::allocate_raw_unset(Thread& t, size_t bytes, size_t unset) {
  return impl_->allocate_raw(t, bytes, unset);
}

size_t Heap::usable_size(size_t bytes) {
  if (kPoisons) return bytes;
  if (bytes <= kMaxSmallSize) return kClassSizes[size_class(bytes)];
  return (bytes + kBlockHeader + kBlockSize - 1) / kBlockSize * kBlockSize - kBlockHeader;
}

void Heap::account_external(int64_t bytes) {
  impl_->external.fetch_add(bytes, std::memory_order_relaxed);
  if (bytes > 0) impl_->allocated_since.fetch_add(static_cast<size_t>(bytes), std::memory_order_relaxed);
}

}  // namespace mp

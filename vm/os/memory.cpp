#include "vm/os/memory.h"

#include <sys/mman.h>

#include <cstdint>

namespace mp::os {

static constexpr size_t kPage = 4096;

void* map_memory(size_t bytes, size_t alignment, Reserve reserve) {
  size_t extra = alignment > kPage ? alignment : 0;
  if (bytes + extra < bytes) return nullptr;
  int flags = MAP_PRIVATE | MAP_ANONYMOUS | (reserve == Reserve::No ? MAP_NORESERVE : 0);
  void* raw = mmap(nullptr, bytes + extra, PROT_READ | PROT_WRITE, flags, -1, 0);
  if (raw == MAP_FAILED) return nullptr;
  if (extra == 0) return raw;
  auto begin = reinterpret_cast<uintptr_t>(raw);
  uintptr_t aligned = (begin + alignment - 1) & ~(alignment - 1);
  if (aligned != begin) munmap(raw, aligned - begin);
  uintptr_t end = begin + bytes + extra;
  if (aligned + bytes != end) munmap(reinterpret_cast<void*>(aligned + bytes), end - (aligned + bytes));
  return reinterpret_cast<void*>(aligned);
}

static void* map_unreserved(uintptr_t address, size_t bytes, int flags) {
  void* memory = mmap(reinterpret_cast<void*>(address), bytes, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | flags, -1, 0);
  return memory == MAP_FAILED ? nullptr : memory;
}

void* map_memory_near(uintptr_t address, size_t bytes) { return map_unreserved(address, bytes, 0); }

bool extend_memory(void* end, size_t bytes) {
  void* memory = map_unreserved(reinterpret_cast<uintptr_t>(end), bytes, MAP_FIXED_NOREPLACE);
  if (memory == end) return true;
  if (memory != nullptr) munmap(memory, bytes);  // by a system older than Linux 4.17
  return false;
}

void unmap_memory(void* address, size_t bytes) { munmap(address, bytes); }
void discard_memory(void* address, size_t bytes) { madvise(address, bytes, MADV_DONTNEED); }
void huge_pages(void* address, size_t bytes) { madvise(address, bytes, MADV_HUGEPAGE); }
void no_huge_pages(void* address, size_t bytes) { madvise(address, bytes, MADV_NOHUGEPAGE); }

void populate(void* address, size_t bytes) {
#ifdef MADV_POPULATE_WRITE
  madvise(address, bytes, MADV_POPULATE_WRITE);
#endif
}

bool has_room(size_t bytes) {
  constexpr size_t kSmall = 1u << 20;
  if (bytes < kSmall) return true;
  void* probe = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (probe == MAP_FAILED) return false;
  munmap(probe, bytes);
  return true;
}

}  // namespace mp::os

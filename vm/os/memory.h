// Address space from the system. It knows nothing of minipy.
#pragma once
#include <cstddef>
#include <cstdint>

namespace mp::os {

enum class Reserve : bool {
  No,
  Yes
};  // Yes: counts against the system's overcommit limit (may fail), No: MAP_NORESERVE

// Zeroed, readable and writable, aligned; nullptr when the system refuses.
void* map_memory(size_t bytes, size_t alignment, Reserve reserve);
// The same, Reserve::No, aligned to a page: at the address if nothing is there, else anywhere.
void* map_memory_near(uintptr_t address, size_t bytes);
// More of the same from `end` on; false: something is there, or the system refuses.
bool extend_memory(void* end, size_t bytes);
void unmap_memory(void* address, size_t bytes);
void discard_memory(void* address, size_t bytes);  // the pages read as zero afterwards
void huge_pages(void* address, size_t bytes);      // big tables: a fault for 2 MiB instead of one for 4 KiB
void no_huge_pages(void* address, size_t bytes);   // keeps the resident size of a small process small
// Makes the pages resident in one go, where the system can (Linux 5.14): a fault for each costs 5 to 20 times
// as much.
void populate(void* address, size_t bytes);
// Whether the system would give so many bytes at once. A C++ container that asks for more ends the process,
// so whoever makes one of a size that a script names asks first. Small amounts are taken for granted.
bool has_room(size_t bytes);
// Before a std::string or std::vector grows by `more` items; false when the system has no memory.
template <class Container>
bool make_room(Container& container, size_t more) {
  size_t size = container.size(), capacity = container.capacity();
  if (capacity - size >= more) return true;
  size_t wanted = size + more < 2 * capacity ? 2 * capacity : size + more;
  if (!has_room(wanted * sizeof(typename Container::value_type))) return false;
  container.reserve(wanted);
  return true;
}

}  // namespace mp::os

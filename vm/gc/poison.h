// Under AddressSanitizer, cells that hold nothing, and the slack behind those that do, are poisoned: a use of
// a dead array or a step over its end is then reported as it would be with malloc. Elsewhere these are
// nothing.
#pragma once
#include <cstddef>

#ifdef __SANITIZE_ADDRESS__
#define MP_POISON 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define MP_POISON 1
#endif
#endif
#ifdef MP_POISON
#include <sanitizer/asan_interface.h>
#endif

namespace mp {

#ifdef MP_POISON
inline constexpr bool kPoisons = true;
inline void poison(const void* begin, size_t bytes) { __asan_poison_memory_region(begin, bytes); }
inline void unpoison(const void* begin, size_t bytes) { __asan_unpoison_memory_region(begin, bytes); }
#else
inline constexpr bool kPoisons = false;
inline void poison(const void*, size_t) {}
inline void unpoison(const void*, size_t) {}
#endif

// What stays readable of a free cell: the link, and the header's kind for the conservative scan.
inline constexpr size_t kReadableOfFree = 16;

// `used` bytes of a cell of `size` are in use.
inline void unpoison_cell(const void* cell, size_t used, size_t size) {
  unpoison(cell, used);
  if (used < size) poison(static_cast<const char*>(cell) + used, size - used);
}
inline void poison_free_cell(const void* cell, size_t size) { unpoison_cell(cell, kReadableOfFree, size); }

}  // namespace mp

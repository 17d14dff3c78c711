// Where the native stack of the calling thread lies. It knows nothing of minipy.
#pragma once
#include <cstddef>
#include <cstdint>

namespace mp::os {

struct StackBounds {
  uintptr_t base = 0;   // highest address
  uintptr_t limit = 0;  // lowest address that may be used
};
StackBounds current_stack_bounds();
uint64_t native_thread_id();

// What must stay free below stack_limit for native code that does not check.
#if defined(__SANITIZE_ADDRESS__) || (defined(__has_feature) && __has_feature(address_sanitizer))
inline constexpr size_t kStackMargin = 1024 * 1024;
#else
inline constexpr size_t kStackMargin = 256 * 1024;
#endif

}  // namespace mp::os

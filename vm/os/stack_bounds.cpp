#include "vm/os/stack_bounds.h"

#include <pthread.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>

#include "vm/core/compiler.h"

extern "C" void* __libc_stack_end;  // NOLINT: glibc's: the top of the process's first stack

namespace mp::os {

static constexpr size_t kMainStackCap = 64u << 20;  // when the limit is "unlimited" or silly

uint64_t native_thread_id() { return static_cast<uint64_t>(syscall(SYS_gettid)); }

static StackBounds whole_stack() {
  StackBounds bounds;
  if (native_thread_id() == static_cast<uint64_t>(getpid())) {
    // pthread_getattr_np reads /proc/self/maps for the first thread: too slow for start-up.
    rlimit limit{};
    size_t size = 8u << 20;
    if (getrlimit(RLIMIT_STACK, &limit) == 0)
      size =
          limit.rlim_cur == RLIM_INFINITY || limit.rlim_cur > kMainStackCap ? kMainStackCap : limit.rlim_cur;
    bounds.base = reinterpret_cast<uintptr_t>(__libc_stack_end);
    bounds.limit = bounds.base - size + 16384;
    return bounds;
  }
  pthread_attr_t attributes;
  if (pthread_getattr_np(pthread_self(), &attributes) == 0) {
    void* address = nullptr;
    size_t size = 0, guard = 0;
    pthread_attr_getstack(&attributes, &address, &size);
    pthread_attr_getguardsize(&attributes, &guard);
    pthread_attr_destroy(&attributes);
    bounds.limit = reinterpret_cast<uintptr_t>(address) + guard;
    bounds.base = reinterpret_cast<uintptr_t>(address) + size;
  } else {
    bounds.base = reinterpret_cast<uintptr_t>(__builtin_frame_address(0)) + 4096;
    bounds.limit = bounds.base - (512u << 10);
  }
  return bounds;
}

StackBounds current_stack_bounds() {
  StackBounds bounds = whole_stack();
#if MP_TSAN
  // ThreadSanitizer keeps the return addresses of 65536 calls per thread and writes on behind them.
  constexpr size_t kCalls = 65536, kSmallestCalls = 48;  // bytes: a cycle of calls takes more on average
  bounds.limit = std::max(bounds.limit, bounds.base - kCalls * kSmallestCalls);
#endif
  return bounds;
}

}  // namespace mp::os

#if MP_ASAN
// The conservative scan must see every local on the real stack; the heap is freed wholesale at exit.
extern "C" const char* __asan_default_options() { return "detect_stack_use_after_return=0:detect_leaks=0"; }
#endif

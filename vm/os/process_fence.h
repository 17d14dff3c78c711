// A memory fence that one thread makes all running threads of the process pass: the other side of an
// asymmetric protocol then needs none (membarrier(2), Linux 4.14).
#pragma once
#include <sys/syscall.h>
#include <unistd.h>

namespace mp::os {

// <linux/membarrier.h>; older headers do not have all of it.
inline constexpr int kMembarrierPrivateExpedited = 1 << 3;
inline constexpr int kMembarrierRegisterPrivateExpedited = 1 << 4;

// Before the first fence, once per process (more is harmless). False: the system has no such fence.
inline bool enable_process_fence() {
#ifdef SYS_membarrier
  return syscall(SYS_membarrier, kMembarrierRegisterPrivateExpedited, 0, 0) == 0;
#else
  return false;
#endif
}

inline void process_fence() {
#ifdef SYS_membarrier
  syscall(SYS_membarrier, kMembarrierPrivateExpedited, 0, 0);
#endif
}

}  // namespace mp::os

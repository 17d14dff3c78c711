// A word that a thread sleeps on. Waking is async-signal-safe.
#pragma once
#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdint>
#include <ctime>

#include "vm/os/clock.h"

namespace mp::os {

enum class FutexResult : uint8_t { Woken, TimedOut, Interrupted };

// Sleeps while `word` is `expected`, at the longest until `deadline`. May return early for no reason.
inline FutexResult futex_wait(std::atomic<uint32_t>& word, uint32_t expected, Deadline deadline) {
  timespec absolute;
  timespec* limit = nullptr;
  if (deadline != kNoDeadline) {
    if (deadline < 0) deadline = 0;
    absolute.tv_sec = deadline / kNanosPerSecond;
    absolute.tv_nsec = deadline % kNanosPerSecond;
    limit = &absolute;
  }
  // FUTEX_WAIT_BITSET takes an absolute time of the monotonic clock.
  long rc = syscall(SYS_futex, reinterpret_cast<uint32_t*>(&word), FUTEX_WAIT_BITSET | FUTEX_PRIVATE_FLAG,
                    expected, limit, nullptr, FUTEX_BITSET_MATCH_ANY);
  if (rc == 0) return FutexResult::Woken;
  if (errno == ETIMEDOUT) return FutexResult::TimedOut;
  return errno == EINTR ? FutexResult::Interrupted : FutexResult::Woken;
}

inline void futex_wake(std::atomic<uint32_t>& word, int count) {
  syscall(SYS_futex, reinterpret_cast<uint32_t*>(&word), FUTEX_WAKE | FUTEX_PRIVATE_FLAG, count, nullptr,
          nullptr, 0);
}

}  // namespace mp::os

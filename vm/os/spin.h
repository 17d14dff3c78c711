// Waiting actively for what another processor is about to do: shorter than the two context switches that
// sleeping costs. It learns from its success, so that waits that are long anyway do not burn time first.
#pragma once
#include <sched.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <mutex>

namespace mp::os {

inline void cpu_pause() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

// That this process may use; read once.
inline size_t processor_count() {
  static const size_t count = [] {
    cpu_set_t set;
    return sched_getaffinity(0, sizeof set, &set) == 0 ? static_cast<size_t>(CPU_COUNT(&set)) : size_t{2};
  }();
  return count;
}
inline bool has_several_processors() { return processor_count() > 1; }

class AdaptiveSpin {
 public:
  // True as soon as ready() is; false when it was not within the time that paid off lately.
  template <class Ready>
  bool wait(Ready&& ready) {
    if (ready()) return true;
    if (!has_several_processors()) return false;
    uint32_t limit = limit_.load(std::memory_order_relaxed);
    uint32_t attempt = attempts_.load(std::memory_order_relaxed) + 1;
    attempts_.store(attempt, std::memory_order_relaxed);
    if (attempt % kProbe == 0) limit = kMost;  // things may have changed
    for (uint32_t i = 0; i < limit; ++i) {
      cpu_pause();
      if (!ready()) continue;
      uint32_t wanted = 2 * i + kLeast;
      if (wanted > limit_.load(std::memory_order_relaxed))
        limit_.store(wanted < kMost ? wanted : kMost, std::memory_order_relaxed);
      return true;
    }
    uint32_t less = limit / 2;
    limit_.store(less < kLeast ? kLeast : less, std::memory_order_relaxed);
    return false;
  }

 private:
  static constexpr uint32_t kLeast = 4, kMost = 128, kProbe = 32;
  std::atomic<uint32_t> limit_{kMost}, attempts_{0};
};

// For short sections that threads on several processors enter often.
class SpinningMutex {
 public:
  void lock() {
    if (!spin_.wait([this] { return mutex_.try_lock(); })) mutex_.lock();
  }
  void unlock() { mutex_.unlock(); }

 private:
  std::mutex mutex_;
  AdaptiveSpin spin_;
};

}  // namespace mp::os

#include "vm/threads/object_lock.h"

#include <sched.h>
#include <time.h>

#include <algorithm>

#include "vm/os/clock.h"
#include "vm/os/spin.h"
#include "vm/threads/thread_impl.h"
#include "vm/threads/thread_table.h"
#include "vm/types/runtime.h"

namespace mp {

// A thread that is the only one needs no locks. SAFETY: the second one is started by the first, between two
// operations, or comes from outside and waits for the first to reach a safepoint (attach_new_thread); the
// last one that ends has touched its last object before it is no longer counted.
bool has_several_threads(Thread& t) { return t.runtime().threads->count.load(std::memory_order_acquire) > 1; }

// Two threads that change one object all the time slow each other down: at each hand-over its cache lines
// move to the other processor, which takes longer than the change. So who meets the other again and again
// steps back for longer each time (up to some 10 microseconds), and the other one makes many changes
// meanwhile.
void ObjectLock::acquire_slow(Thread& t, Object* object) {
  constexpr uint32_t kMaxLevel = 9;
  constexpr int64_t kAgain = 50'000;  // nanoseconds
  constexpr uint32_t kYields = 4;
  std::atomic<uint8_t>& lock = object->lock_;
  LockPressure& pressure = t.impl->lock_pressure;
  uint32_t level =
      os::monotonic_ns() - pressure.met_at < kAgain ? std::min(pressure.level + 1, kMaxLevel) : 0;
  for (uint32_t round = 0;; ++round) {
    if (os::has_several_processors())
      for (uint32_t i = 0; i < 4u << level; ++i) os::cpu_pause();
    else
      sched_yield();
    uint8_t expected = kFree;
    if (lock.load(std::memory_order_relaxed) == kFree &&
        lock.compare_exchange_strong(expected, kHeld, std::memory_order_acquire))
      break;
    if (level < kMaxLevel) {
      ++level;
    } else if (round < kMaxLevel + kYields) {
      sched_yield();  // the holder may have lost its processor
    } else {
      // It copies or sorts something large.
      timespec nap{0, 50'000};
      nanosleep(&nap, nullptr);
    }
  }
  pressure.level = level;
  pressure.met_at = os::monotonic_ns();
}

}  // namespace mp

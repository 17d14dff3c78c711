#include "vm/threads/object_lock.h"

#include <sched.h>

#include "vm/threads/wait.h"
#include "vm/types/runtime.h"

namespace mp {

// lock_ byte: 1 locked, 2 somebody waits.
static constexpr uint8_t kLocked = 1, kWaiters = 2;
static constexpr int kSpins = 64;

bool free_threaded(Thread& t) { return t.runtime().free_threaded.load(std::memory_order_relaxed); }

void ObjectLock::acquire(Object* object) {
  std::atomic<uint8_t>& lock = object->lock_;
  for (int i = 0; i < kSpins; ++i) {
    uint8_t expected = 0;
    if (lock.compare_exchange_weak(expected, kLocked, std::memory_order_acquire)) return;
#if defined(__x86_64__)
    __builtin_ia32_pause();
#endif
  }
  sched_yield();
  // The holder runs no script code and reaches no safepoint, so it is never stopped while it holds the lock:
  // waiting attached is safe.
  for (;;) {
    uint8_t seen = lock.load(std::memory_order_relaxed);
    if (seen == 0) {
      if (lock.compare_exchange_weak(seen, kLocked, std::memory_order_acquire)) return;
      continue;
    }
    if (seen != (kLocked | kWaiters) &&
        !lock.compare_exchange_weak(seen, kLocked | kWaiters, std::memory_order_relaxed))
      continue;
    park_briefly(
        object,
        [](void* o) {
          return static_cast<Object*>(o)->lock_.load(std::memory_order_seq_cst) == (kLocked | kWaiters);
        },
        object);
  }
}

void ObjectLock::release(Object* object) {
  // All waiters are woken and compete: who loses sets the flag again.
  if (object->lock_.exchange(0, std::memory_order_seq_cst) == (kLocked | kWaiters)) unpark_all(object);
}

}  // namespace mp

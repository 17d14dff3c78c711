// The per-object lock byte: free-threaded mutators of builtin containers take it; under a GIL it costs one
// test.
#pragma once
#include "vm/threads/thread.h"

namespace mp {

bool has_several_threads(Thread& t);
// True while the runtime has no GIL and several threads (changes at this thread's safepoints only).
inline bool free_threaded(Thread& t) {
  return t.no_gil->load(std::memory_order_relaxed) && has_several_threads(t);
}

// `ObjectLock lock(t, list);` Not recursive for the same object on the same thread: do not call script code
// while holding it. The holder reaches no safepoint and never sleeps, so whoever waits does so actively
// first, then in short naps: letting go is a plain store, which is half of what an uncontended lock costs.
class ObjectLock {
 public:
  ObjectLock(Thread& t, Object* object) : object_(free_threaded(t) ? object : nullptr) {
    if (object_ == nullptr) [[likely]]
      return;
    uint8_t expected = kFree;
    if (!object->lock_.compare_exchange_strong(expected, kHeld, std::memory_order_acquire)) [[unlikely]]
      acquire_slow(t, object);
  }
  ~ObjectLock() {
    if (object_ != nullptr) [[unlikely]]
      object_->lock_.store(kFree, std::memory_order_release);
  }
  ObjectLock(const ObjectLock&) = delete;

 private:
  static constexpr uint8_t kFree = 0, kHeld = 1;
  static void acquire_slow(Thread& t, Object* object);
  Object* object_;
};

}  // namespace mp

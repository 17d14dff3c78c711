// The per-object lock byte: free-threaded mutators of builtin containers take it; under a GIL it costs one
// test.
#pragma once
#include <utility>

#include "vm/core/check.h"
#include "vm/core/compiler.h"
#include "vm/threads/thread.h"

namespace mp {

// True while the runtime has no GIL and several threads (becomes true at this thread's safepoints only).
inline bool free_threaded(Thread& t) { return t.needs_locks.load(std::memory_order_acquire); }

// `ObjectLock lock(t, list);` Not recursive for the same object on the same thread: do not call script code
// while holding it. The holder reaches no safepoint and does not block (at a second object's lock it may step
// back for some milliseconds), so whoever waits does so actively first, then in short naps: letting go is a
// plain store.
//
// Most objects are only ever changed by the thread that made them, and an atomic exchange costs more than
// most changes. So an object belongs to its maker at first: the lock byte names a LockOwner, and that thread
// locks by writing the object's address into its LockOwner and looking at the byte once more. The first other
// thread takes the object away (object_lock.cpp); from then on the byte is an ordinary lock that says, while
// it is free, who held it last. A thread that was so for long at all objects it locked owns them from there
// on.
class ObjectLock {
 public:
  ObjectLock(Thread& t, Object* object) {
    if (!free_threaded(t)) [[likely]]
      return;
    object_ = object;
    owner_ = own(t, object);
    if (owner_ == nullptr) after_ = acquire(t, object);
  }
  ~ObjectLock() {
    if (owner_ != nullptr)
      release(*owner_);
    else if (object_ != nullptr)
      object_->lock_.store(after_, std::memory_order_release);
  }
  ObjectLock(const ObjectLock&) = delete;

  // The lock for a thread that owns the object, `if (ObjectLock::Owned lock(t, list); lock) ...`: calls
  // nothing, so that a short change saves no registers. Else it is not taken, and the change goes the long
  // way. For free-threaded code only.
  class Owned {
   public:
    Owned(Thread& t, Object* object) : owner_(own(t, object)) {}
    // For instructions and what they call: their thread holds no other object.
    struct Outermost {};
    Owned(Thread& t, Object* object, Outermost) : owner_(own<true>(t, object)) {}
    ~Owned() {
      if (owner_ != nullptr) release(*owner_);
    }
    Owned(const Owned&) = delete;
    explicit operator bool() const { return owner_ != nullptr; }

    // Hands the lock over to a function that adopts it: no work is left to do after the call.
    LockOwner* keep() { return std::exchange(owner_, nullptr); }
    explicit Owned(LockOwner* kept) : owner_(kept) {}

   private:
    LockOwner* owner_;
  };

 private:
  // Others: the number of a LockOwner, or that with kLastHolder.
  static constexpr uint8_t kFree = 0, kHeld = 1, kLastHolder = 64;
  template <bool kOutermost = false>
  static LockOwner* own(Thread& t, Object* object) {
    const uint32_t id = t.lock_owner_id;
    if (object->lock_.load(std::memory_order_relaxed) != id) return nullptr;
    LockOwner* owner = t.lock_owner;
    if constexpr (!kOutermost) {
      if (owner->holding.load(std::memory_order_relaxed) != nullptr) return nullptr;  // one object at a time
    } else if (MP_ASAN || MP_TSAN) {
      MP_CHECK(owner->holding.load() == nullptr, "an instruction within a lock");
    }
    owner->holding.store(object, std::memory_order_relaxed);
    // SAFETY: the processor may do the load before the store; who takes the object away makes it pass a fence
    // between changing the byte and looking at `holding` (take_away).
    std::atomic_signal_fence(std::memory_order_seq_cst);
    if (object->lock_.load(std::memory_order_acquire) == id) [[likely]] {
      add_one(owner->locks);
      return owner;
    }
    owner->holding.store(nullptr, std::memory_order_release);
    return nullptr;
  }
  static void add_one(std::atomic<uint32_t>& count) {  // that no other thread changes
    count.store(count.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  }
  static void release(LockOwner& owner) { owner.holding.store(nullptr, std::memory_order_release); }
  static uint8_t acquire(Thread& t, Object* object);  // what the byte will be when it is let go
  static bool try_byte(Thread& t, Object* object);
  static void take_away(Thread& t, Object* object, uint8_t owner_id);

  Object* object_ = nullptr;  // locked by its byte
  uint8_t after_ = kFree;
  LockOwner* owner_ = nullptr;  // or as this thread's own
};

}  // namespace mp

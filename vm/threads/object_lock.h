// The per-object lock byte: free-threaded mutators of builtin containers take it; under a GIL it costs one
// test.
#pragma once
#include "vm/threads/thread.h"

namespace mp {

// `ObjectLock lock(t, list);` Not recursive for the same object on the same thread: do not call script code
// while holding it. The holder reaches no safepoint and does not block (at a second object's lock it may step
// back for some milliseconds), so whoever waits does so actively first, then in short naps: letting go is a
// plain store.
//
// Most objects are only ever changed by the thread that made them, and an atomic exchange costs more than
// most changes. So an object belongs to its maker at first: the lock byte names a LockOwner, and that thread
// locks by writing the object's address into its LockOwner. The first other thread takes the object away
// (object_lock.cpp): it changes the byte and waits until the owner has passed a safepoint, or is detached.
// From then on the byte is an ordinary lock that says, while it is free, who held it last. A thread that was
// so for long at all objects it locked owns them from there on.
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
      owner_->holding.store(nullptr, std::memory_order_release);
    else if (object_ != nullptr)
      object_->lock_.store(after_, std::memory_order_release);
  }
  ObjectLock(const ObjectLock&) = delete;

  // For a short change, one that takes no lock and reaches no safepoint: true under a GIL, and while the
  // object belongs to this thread. `if (ObjectLock::needless(t, list) && list_append_locked(list, item))
  // ...`: else the change goes the long way.
  // SAFETY: this load and what take_away() does have a single order. What is true stays so until the next
  // safepoint.
  static bool needless(Thread& t, const Object* object) {
    uint32_t difference = object->lock_.load(std::memory_order_seq_cst) ^ t.lock_owner_id;
    return (difference & t.lock_mask.load(std::memory_order_acquire)) == 0;
  }

 private:
  // Others: the number of a LockOwner, or that with kLastHolder.
  static constexpr uint8_t kFree = 0, kHeld = 1, kLastHolder = 64;
  static LockOwner* own(Thread& t, Object* object) {
    if (object->lock_.load(std::memory_order_seq_cst) != t.lock_owner_id) return nullptr;
    LockOwner* owner = t.lock_owner;
    if (owner->holding.load(std::memory_order_relaxed) != nullptr) return nullptr;  // one object at a time
    owner->holding.store(object, std::memory_order_relaxed);
    return owner;
  }
  static uint8_t acquire(Thread& t, Object* object);  // what the byte will be when it is let go
  static bool try_byte(Thread& t, Object* object);
  static void take_away(Thread& t, Object* object, uint8_t owner_id);

  Object* object_ = nullptr;  // locked by its byte
  uint8_t after_ = kFree;
  LockOwner* owner_ = nullptr;  // or as this thread's own
};

}  // namespace mp

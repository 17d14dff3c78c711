// The per-object lock byte: free-threaded mutators of builtin containers take it; under a GIL it costs one
// test.
#pragma once
#include "vm/threads/thread.h"

namespace mp {

// True while the runtime has no GIL (read with the world running; changes only in a stop-the-world).
bool free_threaded(Thread& t);

// `ObjectLock lock(t, list);` Not recursive for the same object on the same thread: do not call script code
// while holding it.
class ObjectLock {
 public:
  ObjectLock(Thread& t, Object* object) : object_(free_threaded(t) ? object : nullptr) {
    if (object_ != nullptr) [[unlikely]]
      acquire(object_);
  }
  ~ObjectLock() {
    if (object_ != nullptr) [[unlikely]]
      release(object_);
  }
  ObjectLock(const ObjectLock&) = delete;

 private:
  static void acquire(Object* object);
  static void release(Object* object);
  Object* object_;
};

}  // namespace mp

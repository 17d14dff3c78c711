// What the files of the _thread module share: the lock objects and their waits.
#pragma once
#include "vm/native/native.h"
#include "vm/threads/wait.h"

namespace mp {

struct LockObject : Object {
  ParkingLock lock;
};
struct RLockObject : Object {
  ParkingLock lock;
  std::atomic<uint64_t> owner{0};  // ident
  uint64_t count = 0;              // touched by the owner alone
};
extern const TypeSpec kLockSpec, kRLockSpec, kLocalSpec, kThreadHandleSpec;

LockObject* make_lock(Thread& t);
// Acquires; false when the time ran out. Handles signals meanwhile (KeyboardInterrupt).
Result<bool> acquire_lock(Thread& t, ParkingLock& lock, int64_t timeout_ns, WaitKind kind,
                          uint64_t owner = 0);
Result<bool> acquire_rlock(Thread& t, RLockObject* lock, int64_t timeout_ns);
Status release_rlock(Thread& t, RLockObject* lock);
// (blocking=True, timeout=-1) of acquire(): kForever, 0 or the nanoseconds.
Result<int64_t> parse_acquire(Thread& t, Value blocking, Value timeout);

}  // namespace mp

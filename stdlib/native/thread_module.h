// What the files of the _thread module share: the lock objects and their waits.
#pragma once
#include "vm/native/native.h"
#include "vm/threads/wait.h"

namespace mp {

struct LockObject : Object {
  ParkingLock lock;
  LockSite site;
};
struct RLockObject : Object {
  ParkingLock lock;
  std::atomic<uint64_t> owner{0};  // ident
  LockSite site;
  std::atomic<uint64_t> count{0};  // written by the owner alone
};
// What the deadlock report says of a lock: around every taking and letting go.
void note_taken(Thread& t, LockSite& site);
template <class Lock>
void unlock(Thread& t, Lock* lock) {
  lock->site.owner.store(0, std::memory_order_relaxed);
  lock->lock.unlock(t);
}
extern const TypeSpec kLockSpec, kRLockSpec, kLocalSpec, kThreadHandleSpec;

LockObject* make_lock(Thread& t);
// Acquires; false when the time ran out. Handles signals meanwhile (KeyboardInterrupt).
// `site` notes who has it from then on, and where it was taken.
Result<bool> acquire_lock(Thread& t, ParkingLock& lock, int64_t timeout_ns, WaitKind kind, LockSite& site);
Result<bool> acquire_rlock(Thread& t, RLockObject* lock, int64_t timeout_ns);
Status release_rlock(Thread& t, RLockObject* lock);
// (blocking=True, timeout=-1) of acquire(): kForever, 0 or the nanoseconds.
Result<int64_t> parse_acquire(Thread& t, Value blocking, Value timeout);
// A class of a script that takes arguments of its own: __new__ passes over them.
bool has_own_init(Thread& t, Type* type);

}  // namespace mp

// _thread.lock and _thread.RLock.
#include "stdlib/native/thread_module.h"
#include "stdlib/native/time_value.h"
#include "vm/exec/frame.h"
#include "vm/gc/heap.h"
#include "vm/protocol/protocol.h"
#include "vm/threads/thread_impl.h"
#include "vm/threads/thread_table.h"
#include "vm/types/runtime.h"
#include "vm/types/type_internal.h"

namespace mp {

LockObject* make_lock(Thread& t) { return t.heap().make<LockObject>(t, native_type(t, kLockSpec)); }

Result<int64_t> parse_acquire(Thread& t, Value blocking_value, Value timeout_value) {
  bool blocking = TRY(truth(t, blocking_value));
  int64_t timeout = TRY(time_from_seconds(t, timeout_value, TimeRounding::Up));
  bool unset = timeout == -os::kNanosPerSecond;
  if (!blocking && !unset) return t.raise(Exc::ValueError, "can't specify a timeout for a non-blocking call");
  if (timeout < 0 && !unset) return t.raise(Exc::ValueError, "timeout value must be a non-negative number");
  if (!blocking) return 0;
  if (unset) return kForever;
  if (static_cast<double>(timeout) / 1e9 > kTimeoutMax)
    return t.raise(Exc::OverflowError, "timeout value is too large");
  return timeout;
}

void note_taken(Thread& t, LockSite& site) {
  site.taken.store(site.taken.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  site.owner.store(t.ident, std::memory_order_relaxed);
  if (t.frame == nullptr || !t.runtime().threads->watch_deadlocks.load(std::memory_order_relaxed)) return;
  site.code = t.frame->code;
  site.word.store(t.frame->word(), std::memory_order_relaxed);
}

Result<bool> acquire_lock(Thread& t, ParkingLock& lock, int64_t timeout_ns, WaitKind kind, LockSite& site) {
  if (!lock.try_lock()) {
    if (timeout_ns == 0) return false;
    os::Deadline deadline = deadline_from_timeout(timeout_ns);
    for (;;) {
      t.impl->wait.site.store(&site, std::memory_order_relaxed);
      WaitResult result = lock.lock(t, deadline, kind);
      t.impl->wait.site.store(nullptr, std::memory_order_relaxed);
      if (result == WaitResult::Woken) break;
      if (result == WaitResult::TimedOut) return false;
      TRY(t.poll());
    }
  }
  note_taken(t, site);
  return true;
}

// ---------------------------------------------------------------- lock

static Result<Value> lock_new(Thread& t, const Value* args) {
  return t.heap().make<LockObject>(t, args[0].as<Type>());
}
static Result<bool> acquire(Thread& t, Value self, int64_t timeout_ns) {
  auto* object = self.as<LockObject>();
  return acquire_lock(t, object->lock, timeout_ns, WaitKind::Lock, object->site);
}
static Result<Value> lock_acquire(Thread& t, const Value* args) {
  int64_t timeout = TRY(parse_acquire(t, args[1], args[2]));
  return Value::from_bool(TRY(acquire(t, args[0], timeout)));
}
static Result<Value> lock_release(Thread& t, const Value* args) {
  auto* self = args[0].as<LockObject>();
  if (!self->lock.is_locked()) return t.raise(Exc::RuntimeError, "release unlocked lock");
  unlock(t, self);
  return kNone;
}
static Result<Value> lock_locked(Thread&, const Value* args) {
  return Value::from_bool(args[0].as<LockObject>()->lock.is_locked());
}
static Result<Value> lock_reinit(Thread&, const Value* args) {
  args[0].as<LockObject>()->lock.reset();
  return kNone;
}
static Result<Value> lock_repr(Thread& t, Value self) {
  return str_or_error(make_str(t, fmt::format("<{} {} object at {:#x}>",
                                              self.as<LockObject>()->lock.is_locked() ? "locked" : "unlocked",
                                              type_full_name(type_of(t, self)), self.bits())));
}

static const char kAcquireDoc[] =
    "Lock the lock.  Without argument, this blocks if the lock is already\nlocked (even by the same thread), "
    "waiting for another thread to release\nthe lock, and return True once the lock is acquired.";
static void trace_lock(Object* o, Tracer& tracer) { tracer.visit(static_cast<LockObject*>(o)->site.code); }
static Result<Value> lock_exit(Thread& t, Value self, const CallArgs& args) {
  if (keyword_count(args) > 0) return t.raise(Exc::TypeError, "lock.__exit__() takes no keyword arguments");
  return lock_release(t, &self);
}
static const NativeDef kLockMethods[] = {
    MP_NEW(lock_new, "__new__(cls, /)", nullptr),
    MP_METHOD(lock_acquire, "acquire(self, /, blocking=True, timeout=-1)", kAcquireDoc),
    MP_METHOD(lock_acquire, "acquire_lock(self, /, blocking=True, timeout=-1)",
              "An obsolete synonym of acquire()."),
    MP_METHOD(lock_release, "release(self, /)",
              "Release the lock, allowing another thread that is blocked waiting for\nthe lock to acquire "
              "the lock."),
    MP_METHOD(lock_release, "release_lock(self, /)", "An obsolete synonym of release()."),
    MP_METHOD(lock_locked, "locked(self, /)", "Return whether the lock is in the locked state."),
    MP_METHOD(lock_locked, "locked_lock(self, /)", "An obsolete synonym of locked()."),
    MP_METHOD(lock_acquire, "__enter__(self, /, blocking=True, timeout=-1)", kAcquireDoc),
    MP_RAW_METHOD(lock_exit, "__exit__(self, /, *exc_info)", "Release the lock."),
    MP_METHOD(lock_reinit, "_at_fork_reinit(self, /)", nullptr),
    MP_END};
const TypeSpec kLockSpec = {.name = "_thread.lock",
                            .size = sizeof(LockObject),
                            .flags = kTypeHasWeakref,
                            .doc = "A lock object is a synchronization primitive.",
                            .trace = trace_lock,
                            .slots = MP_SLOTS(.repr = lock_repr),
                            .methods = kLockMethods};

// ---------------------------------------------------------------- RLock

static Result<Value> rlock_new_raw(Thread& t, Value cls, const CallArgs&) {
  return t.heap().make<RLockObject>(t, cls.as<Type>());
}

Result<bool> acquire_rlock(Thread& t, RLockObject* self, int64_t timeout) {
  if (self->owner.load(std::memory_order_relaxed) == t.ident) {
    uint64_t count = self->count.load(std::memory_order_relaxed) + 1;
    if (count == 0) return t.raise(Exc::OverflowError, "Internal lock count overflowed");
    self->count.store(count, std::memory_order_relaxed);
    return true;
  }
  if (!TRY(acquire_lock(t, self->lock, timeout, WaitKind::RLock, self->site))) return false;
  self->owner.store(t.ident, std::memory_order_relaxed);
  self->count.store(1, std::memory_order_relaxed);
  return true;
}
static Result<Value> rlock_acquire(Thread& t, const Value* args) {
  int64_t timeout = TRY(parse_acquire(t, args[1], args[2]));
  return Value::from_bool(TRY(acquire_rlock(t, args[0].as<RLockObject>(), timeout)));
}
Status release_rlock(Thread& t, RLockObject* self) {
  if (self->owner.load(std::memory_order_relaxed) != t.ident)
    return t.raise(Exc::RuntimeError, "cannot release un-acquired lock");
  uint64_t count = self->count.load(std::memory_order_relaxed) - 1;
  self->count.store(count, std::memory_order_relaxed);
  if (count == 0) {
    self->owner.store(0, std::memory_order_relaxed);
    unlock(t, self);
  }
  return {};
}
static Result<Value> rlock_release(Thread& t, const Value* args) {
  TRY(release_rlock(t, args[0].as<RLockObject>()));
  return kNone;
}
static Result<Value> rlock_is_owned(Thread& t, const Value* args) {
  return Value::from_bool(args[0].as<RLockObject>()->owner.load(std::memory_order_relaxed) == t.ident);
}
static Result<Value> rlock_recursion_count(Thread& t, const Value* args) {
  auto* self = args[0].as<RLockObject>();
  return make_int_unsigned(t,
                           self->owner.load(std::memory_order_relaxed) == t.ident ? self->count.load() : 0);
}
static Result<Value> rlock_release_save(Thread& t, const Value* args) {
  auto* self = args[0].as<RLockObject>();
  if (self->owner.load(std::memory_order_relaxed) != t.ident)
    return t.raise(Exc::RuntimeError, "cannot release un-acquired lock");
  Value count = make_int_unsigned(t, self->count.load()), owner = make_int_unsigned(t, t.ident);
  self->count = 0;
  self->owner.store(0, std::memory_order_relaxed);
  unlock(t, self);
  return make_tuple(t, {count, owner});
}
static Result<Value> rlock_acquire_restore(Thread& t, const Value* args) {
  auto* self = args[0].as<RLockObject>();
  if (!is_tuple(args[1]) || args[1].as<TupleObject>()->size != 2)
    return t.raise(Exc::TypeError, "function takes exactly 2 arguments");
  int64_t count = TRY(to_int64(t, (*args[1].as<TupleObject>())[0]));
  int64_t owner = TRY(to_int64(t, (*args[1].as<TupleObject>())[1]));
  (void)TRY(acquire_lock(t, self->lock, kForever, WaitKind::RLock, self->site));
  self->owner.store(static_cast<uint64_t>(owner), std::memory_order_relaxed);
  self->count = static_cast<uint64_t>(count);
  return kNone;
}
static Result<Value> rlock_reinit(Thread&, const Value* args) {
  auto* self = args[0].as<RLockObject>();
  self->lock.reset();
  self->owner.store(0, std::memory_order_relaxed);
  self->count = 0;
  return kNone;
}
static Result<Value> rlock_repr(Thread& t, Value v) {
  auto* self = v.as<RLockObject>();
  uint64_t owner = self->owner.load(std::memory_order_relaxed);
  return str_or_error(make_str(
      t, fmt::format("<{} {} object owner={} count={} at {:#x}>", owner != 0 ? "locked" : "unlocked",
                     type_full_name(type_of(t, v)), owner, owner != 0 ? self->count.load() : 0, v.bits())));
}

static void trace_rlock(Object* o, Tracer& tracer) { tracer.visit(static_cast<RLockObject*>(o)->site.code); }
static Result<Value> rlock_exit(Thread& t, Value self, const CallArgs& args) {
  if (keyword_count(args) > 0) return t.raise(Exc::TypeError, "RLock.__exit__() takes no keyword arguments");
  return rlock_release(t, &self);
}
static const NativeDef kRLockMethods[] = {
    MP_RAW_NEW(rlock_new_raw, "__new__(cls, *args, **kwargs)", nullptr),
    MP_METHOD(rlock_acquire, "acquire(self, /, blocking=True, timeout=-1)", kAcquireDoc),
    MP_METHOD(rlock_release, "release(self, /)",
              "Release the lock, allowing another thread that is blocked waiting for\nthe lock to acquire "
              "the lock."),
    MP_METHOD(rlock_acquire, "__enter__(self, /, blocking=True, timeout=-1)", kAcquireDoc),
    MP_RAW_METHOD(rlock_exit, "__exit__(self, /, *exc_info)", "Release the lock."),
    MP_METHOD(rlock_is_owned, "_is_owned(self, /)", "For internal use by `threading.Condition`."),
    MP_METHOD(rlock_recursion_count, "_recursion_count(self, /)", "For internal use by reentrancy checks."),
    MP_METHOD(rlock_release_save, "_release_save(self, /)", "For internal use by `threading.Condition`."),
    MP_METHOD(rlock_acquire_restore, "_acquire_restore(self, state, /)",
              "For internal use by `threading.Condition`."),
    MP_METHOD(rlock_reinit, "_at_fork_reinit(self, /)", nullptr),
    MP_END};
const TypeSpec kRLockSpec = {.name = "_thread.RLock",
                             .size = sizeof(RLockObject),
                             .flags = kTypeBaseType | kTypeHasWeakref,
                             .trace = trace_rlock,
                             .slots = MP_SLOTS(.repr = rlock_repr),
                             .methods = kRLockMethods};

}  // namespace mp

// threading.Condition. A waiter is a record on its thread's stack; notify() moves it to the queue of the
// lock (wait morphing), so that nobody wakes up only to find the lock taken.
#include "stdlib/native/condition.h"
#include "stdlib/native/deque.h"
#include "stdlib/native/time_value.h"
#include "vm/gc/heap.h"
#include "vm/protocol/protocol.h"
#include "vm/threads/object_lock.h"
#include "vm/threads/thread_impl.h"
#include "vm/types/exception.h"
#include "vm/types/runtime.h"
#include "vm/types/type_internal.h"

namespace mp {
namespace {

bool is_exactly(Value v, const TypeSpec& spec) {
  return v.is_object() && v.as_object()->type()->spec == &spec;
}
// Of what was read from ConditionObject::lock once: another thread may replace it.
LockObject* lock_of(Value lock) { return lock.as<LockObject>(); }
RLockObject* rlock_of(Value lock) { return lock.as<RLockObject>(); }
MonitorLock kind_of(Value lock) {
  if (is_exactly(lock, kLockSpec)) return MonitorLock::Lock;
  if (is_exactly(lock, kRLockSpec)) return MonitorLock::RLock;
  return lock.is_empty() ? MonitorLock::None : MonitorLock::Script;
}

Error raise_uninitialised(Thread& t, ConditionObject* c) { return raise_unfilled(t, c, "_lock"); }

// ---- the list of waiters; the caller holds the object lock

void drop_stale(ConditionObject* c) {
  uint32_t now = fork_generation();
  if (c->generation == now) [[likely]]
    return;
  c->generation = now;
  c->first = c->last = nullptr;
  c->waiting.store(0, std::memory_order_relaxed);
}
void push(ConditionObject* c, ConditionWaiter& waiter) {
  drop_stale(c);
  waiter.previous = c->last;
  (c->last != nullptr ? c->last->next : c->first) = &waiter;
  c->last = &waiter;
  c->waiting.fetch_add(1, std::memory_order_relaxed);
}
void remove(ConditionObject* c, ConditionWaiter& waiter) {
  (waiter.previous != nullptr ? waiter.previous->next : c->first) = waiter.next;
  (waiter.next != nullptr ? waiter.next->previous : c->last) = waiter.previous;
  waiter.next = waiter.previous = nullptr;
  c->waiting.fetch_sub(1, std::memory_order_relaxed);
}

// ---- the lock

Result<bool> is_owned(Thread& t, ConditionObject* c) {
  Value lock = c->lock;
  switch (kind_of(lock)) {
    case MonitorLock::Lock: return lock_of(lock)->lock.is_locked();
    case MonitorLock::RLock: return rlock_of(lock)->owner.load(std::memory_order_relaxed) == t.ident;
    case MonitorLock::None: return raise_uninitialised(t, c);
    case MonitorLock::Script: break;
  }
  Value own = TRY(get_attr_or_not_found(t, lock, intern(t, "_is_owned")));
  if (!own.is_not_found()) return truth(t, TRY(call(t, own)));
  // Holds for plain locks, which know no owner: somebody has it.
  Value taken = TRY(call_method(t, lock, intern(t, "acquire"), {kFalse}));
  if (!TRY(truth(t, taken))) return true;
  TRY(call_method(t, lock, intern(t, "release")));
  return false;
}

// How the lock was held: the depth of an RLock, what a script lock's _release_save() gave.
struct Saved {
  uint64_t count = 0;
  Value state{};
};

Status release_save(Thread& t, Value lock, Saved* saved) {
  switch (kind_of(lock)) {
    case MonitorLock::Lock: unlock(t, lock_of(lock)); return {};
    case MonitorLock::RLock: {
      RLockObject* own = rlock_of(lock);
      saved->count = own->count;
      own->count = 0;
      own->owner.store(0, std::memory_order_relaxed);
      unlock(t, own);
      return {};
    }
    default: break;
  }
  Value method = TRY(get_attr_or_not_found(t, lock, intern(t, "_release_save")));
  if (method.is_not_found())
    TRY(call_method(t, lock, intern(t, "release")));
  else
    saved->state = TRY(call(t, method));
  return {};
}

// Takes the lock again. A signal handler's exception is raised after that, never instead.
Status acquire_restore(Thread& t, Value value, const Saved& saved, bool notified) {
  MonitorLock kind = kind_of(value);
  if (kind == MonitorLock::Script) {
    Value method = TRY(get_attr_or_not_found(t, value, intern(t, "_acquire_restore")));
    if (method.is_not_found())
      TRY(call_method(t, value, intern(t, "acquire")));
    else
      TRY(call(t, method, {saved.state}));
    return {};
  }
  bool plain = kind == MonitorLock::Lock;
  ParkingLock& lock = plain ? lock_of(value)->lock : rlock_of(value)->lock;
  LockSite& site = plain ? lock_of(value)->site : rlock_of(value)->site;
  Value failure{};
  for (;;) {
    uint64_t owner = plain ? 0 : rlock_of(value)->owner.load(std::memory_order_relaxed);
    WaitKind wait = plain ? WaitKind::Lock : WaitKind::RLock;
    t.impl->wait.site.store(&site, std::memory_order_relaxed);
    WaitResult result =
        notified ? lock.lock_adopted(t, wait, owner) : lock.lock(t, os::kNoDeadline, wait, owner);
    t.impl->wait.site.store(nullptr, std::memory_order_relaxed);
    if (result == WaitResult::Woken) break;
    if (t.poll().is_error()) failure = t.take_exception();
  }
  note_taken(t, site);
  if (!plain) {
    rlock_of(value)->owner.store(t.ident, std::memory_order_relaxed);
    rlock_of(value)->count = saved.count;
  }
  if (failure.is_empty()) return {};
  t.restore_exception(failure);
  return Error{};
}

}  // namespace

// ---------------------------------------------------------------- the C++ interface

ConditionObject* make_condition(Thread& t, LockObject* lock) {
  auto* c = t.heap().make<ConditionObject>(t, native_type(t, kConditionSpec));
  c->generation = fork_generation();
  c->lock = Value(lock);
  return c;
}

ConditionObject* make_recursive_condition(Thread& t) {
  auto* c = t.heap().make<ConditionObject>(t, native_type(t, kConditionSpec));
  c->generation = fork_generation();
  c->lock = Value(t.heap().make<RLockObject>(t, native_type(t, kRLockSpec)));
  return c;
}

Result<int64_t> parse_timeout(Thread& t, Value timeout) {
  if (timeout.is_none()) return kForever;
  if (!TRY(compare_bool(t, timeout, Value::from_int(0), CompareOp::Gt))) return 0;
  int64_t ns = TRY(time_from_seconds(t, timeout, TimeRounding::Up));
  if (static_cast<double>(ns) / 1e9 > kTimeoutMax)
    return t.raise(Exc::OverflowError, "timeout value is too large");
  return ns;
}
Result<int64_t> parse_timeout_from_now(Thread& t, Value timeout) {
  if (!timeout.is_none()) TRY(binary(t, BinaryOp::Add, make_float(t, 0.0), timeout));
  return parse_timeout(t, timeout);
}

Status monitor_enter(Thread& t, ConditionObject* c) {
  Value lock = c->lock;
  switch (kind_of(lock)) {
    case MonitorLock::Lock:
      (void)TRY(acquire_lock(t, lock_of(lock)->lock, kForever, WaitKind::Lock, lock_of(lock)->site));
      return {};
    case MonitorLock::RLock: (void)TRY(acquire_rlock(t, rlock_of(lock), kForever)); return {};
    case MonitorLock::None: return raise_uninitialised(t, c);
    case MonitorLock::Script: break;
  }
  TRY(call_method(t, lock, t.names().__enter__));
  return {};
}

bool monitor_try_enter(Thread& t, ConditionObject* c) {
  Value lock = c->lock;
  if (kind_of(lock) != MonitorLock::Lock || !lock_of(lock)->lock.try_lock()) return false;
  note_taken(t, lock_of(lock)->site);
  return true;
}

Status monitor_exit(Thread& t, ConditionObject* c) {
  Value lock = c->lock;
  switch (kind_of(lock)) {
    case MonitorLock::Lock:
      if (!lock_of(lock)->lock.is_locked()) return t.raise(Exc::RuntimeError, "release unlocked lock");
      unlock(t, lock_of(lock));
      return {};
    case MonitorLock::RLock: return release_rlock(t, rlock_of(lock));
    case MonitorLock::None: return raise_uninitialised(t, c);
    case MonitorLock::Script: break;
  }
  TRY(call_method(t, lock, t.names().__exit__, {kNone, kNone, kNone}));
  return {};
}

Result<bool> condition_wait(Thread& t, ConditionObject* c, int64_t timeout_ns, WaitKind kind,
                            const Object* shown) {
  ConditionWaiter waiter;
  waiter.lock = c->lock;
  {
    ObjectLock guard(t, c);
    push(c, waiter);
  }
  Saved saved;
  Value failure{};
  if (release_save(t, waiter.lock, &saved).is_error()) {
    ObjectLock guard(t, c);
    if (!waiter.notified.load(std::memory_order_relaxed)) remove(c, waiter);
    return Error{};
  }
  os::Deadline deadline = timeout_ns > 0 ? deadline_from_timeout(timeout_ns) : 0;
  while (timeout_ns > 0 && !waiter.notified.load(std::memory_order_acquire)) {
    WaitResult result = park(
        t, &waiter,
        [](void* w) { return !static_cast<ConditionWaiter*>(w)->notified.load(std::memory_order_acquire); },
        &waiter, deadline, kind, 0, shown != nullptr ? shown : c);
    if (result == WaitResult::TimedOut) break;
    if (result == WaitResult::Interrupted && t.poll().is_error()) {
      failure = t.take_exception();
      break;
    }
  }
  bool notified;
  {
    ObjectLock guard(t, c);
    notified = waiter.notified.load(std::memory_order_acquire);
    if (!notified) remove(c, waiter);
  }
  // Who was notified and leaves with an exception has used up somebody's notification: it goes to the next.
  if (notified && !failure.is_empty()) condition_notify(t, c, 1);
  TRY(acquire_restore(t, waiter.lock, saved, notified));
  if (failure.is_empty()) return notified;
  t.restore_exception(failure);
  return Error{};
}

void condition_notify(Thread& t, ConditionObject* c, int64_t count) {
  while (count-- > 0 && c->waiting.load(std::memory_order_relaxed) != 0) {
    ConditionWaiter* waiter;
    Value lock;
    {
      ObjectLock guard(t, c);
      drop_stale(c);
      waiter = c->first;
      if (waiter == nullptr) return;
      remove(c, *waiter);
      lock = waiter->lock;
      waiter->notified.store(true, std::memory_order_seq_cst);
    }
    // SAFETY: from here the waiter may be gone; only its address is used.
    switch (kind_of(lock)) {
      case MonitorLock::Lock: lock_of(lock)->lock.adopt_waiter(t, waiter); break;
      case MonitorLock::RLock: rlock_of(lock)->lock.adopt_waiter(t, waiter); break;
      default: unpark_one(t, waiter);
    }
  }
}

Status condition_notify_number(Thread& t, ConditionObject* c, Value n) {
  if (n.is_int()) {
    condition_notify(t, c, n.as_int());
    return {};
  }
  // CPython does not look at n either when nobody waits.
  while (c->waiting.load(std::memory_order_relaxed) != 0 &&
         TRY(compare_bool(t, n, Value::from_int(0), CompareOp::Gt))) {
    condition_notify(t, c, 1);
    n = TRY(binary(t, BinaryOp::Sub, n, Value::from_int(1)));
  }
  return {};
}

void reinit_after_fork(ConditionObject* c) {
  Value lock = c->lock;
  if (kind_of(lock) == MonitorLock::Lock) lock_of(lock)->lock.reset();
  c->first = c->last = nullptr;
  c->waiting.store(0, std::memory_order_relaxed);
  c->generation = fork_generation();
}

Status set_condition(Thread& t, Slot& slot, Value value) {
  if (value.is_empty() || !is_instance(t, value, native_type(t, kConditionSpec)))
    return t.raise(Exc::TypeError, "a Condition is needed, not {}",
                   value.is_empty() ? "nothing" : type_name(t, value));
  slot = value;
  return {};
}

Error raise_unfilled(Thread& t, Object* self, const char* name) {
  return raise_no_attribute(t, Value(self), intern(t, name));
}

void open_type(Thread&, Type* type) { type->flags.fetch_and(~uint32_t{kTypeImmutable}); }

Result<Value> state_repr(Thread& t, Value self, const std::string& text) {
  return str_or_error(
      make_str(t, fmt::format("<{} at {:#x}: {}>", type_full_name(type_of(t, self)), self.bits(), text)));
}

// ---------------------------------------------------------------- the script interface

static Result<Value> condition_new(Thread& t, Value cls, const CallArgs&) {
  auto* c = t.heap().make<ConditionObject>(t, cls.as<Type>());
  c->generation = fork_generation();
  return c;
}
static Result<Value> condition_init(Thread& t, const Value* args) {
  Value lock = args[1];
  if (lock.is_none()) {
    lock = t.heap().make<RLockObject>(t, native_type(t, kRLockSpec));
  } else if (!is_exactly(lock, kLockSpec) && !is_exactly(lock, kRLockSpec)) {
    // CPython fails here, and not at the first use, when it is no lock.
    TRY(get_attr(t, lock, "acquire"));
    TRY(get_attr(t, lock, "release"));
  }
  args[0].as<ConditionObject>()->lock = lock;
  return kNone;
}

static Result<Value> condition_lock(Thread& t, Value self) {
  auto* c = self.as<ConditionObject>();
  Value lock = c->lock;
  if (lock.is_empty()) return raise_uninitialised(t, c);
  return lock;
}
static Result<Value> condition_acquire(Thread& t, Value self, const CallArgs& args) {
  auto* c = self.as<ConditionObject>();
  Value lock = TRY(condition_lock(t, self));
  if (args.count == 0 && args.keyword_names.is_empty() && kind_of(lock) != MonitorLock::Script) {
    TRY(monitor_enter(t, c));
    return kTrue;
  }
  return call(t, TRY(get_attr(t, lock, "acquire")), args);
}
static Result<Value> condition_release(Thread& t, const Value* args) {
  auto* c = args[0].as<ConditionObject>();
  Value lock = c->lock;
  if (kind_of(lock) == MonitorLock::Script) return call_method(t, lock, intern(t, "release"));
  TRY(monitor_exit(t, c));
  return kNone;
}
static Result<Value> condition_enter(Thread& t, const Value* args) {
  auto* c = args[0].as<ConditionObject>();
  Value lock = c->lock;
  if (kind_of(lock) == MonitorLock::Script) return call_method(t, lock, t.names().__enter__);
  TRY(monitor_enter(t, c));
  return kTrue;
}
static Result<Value> condition_exit(Thread& t, Value self, const CallArgs& args) {
  if (keyword_count(args) > 0)
    return t.raise(Exc::TypeError, "Condition.__exit__() got an unexpected keyword argument '{}'",
                   str_text(t, (*args.keyword_names.as<TupleObject>())[0]));
  auto* c = self.as<ConditionObject>();
  Value lock = c->lock;
  if (kind_of(lock) == MonitorLock::Script) return call(t, TRY(get_attr(t, lock, t.names().__exit__)), args);
  TRY(monitor_exit(t, c));
  return kNone;
}

static Result<Value> condition_wait_method(Thread& t, const Value* args) {
  auto* c = args[0].as<ConditionObject>();
  if (!TRY(is_owned(t, c))) return t.raise(Exc::RuntimeError, "cannot wait on un-acquired lock");
  int64_t timeout = TRY(parse_timeout(t, args[1]));
  return Value::from_bool(TRY(condition_wait(t, c, timeout)));
}

static Result<Value> condition_wait_for(Thread& t, const Value* args) {
  auto* c = args[0].as<ConditionObject>();
  Value result = TRY(call(t, args[1]));
  Value timeout = args[2];
  os::Deadline end = os::kNoDeadline;
  while (!TRY(truth(t, result))) {
    int64_t left;
    if (end == os::kNoDeadline) {
      left = TRY(parse_timeout_from_now(t, timeout));
      end = deadline_from_timeout(left);
    } else {
      left = end - os::monotonic_ns();
      if (left <= 0) break;
      timeout = make_float(t, static_cast<double>(left) / 1e9);
    }
    if (is_exactly(args[0], kConditionSpec)) {
      if (!TRY(is_owned(t, c))) return t.raise(Exc::RuntimeError, "cannot wait on un-acquired lock");
      (void)TRY(condition_wait(t, c, left));
    } else {
      TRY(call_method(t, args[0], intern(t, "wait"), {timeout}));
    }
    result = TRY(call(t, args[1]));
  }
  return result;
}

static Result<Value> condition_notify_method(Thread& t, const Value* args) {
  auto* c = args[0].as<ConditionObject>();
  if (!TRY(is_owned(t, c))) return t.raise(Exc::RuntimeError, "cannot notify on un-acquired lock");
  TRY(condition_notify_number(t, c, args[1]));
  return kNone;
}
static Result<Value> condition_notify_all_method(Thread& t, const Value* args) {
  auto* c = args[0].as<ConditionObject>();
  if (!is_exactly(args[0], kConditionSpec))
    return call_method(t, args[0], intern(t, "notify"), {Value::from_int(c->waiting.load())});
  if (!TRY(is_owned(t, c))) return t.raise(Exc::RuntimeError, "cannot notify on un-acquired lock");
  condition_notify_all(t, c);
  return kNone;
}
static Result<Value> condition_notify_all_old(Thread& t, const Value* args) {
  TRY(warn(t, Exc::DeprecationWarning, "notifyAll() is deprecated, use notify_all() instead"));
  return call_method(t, args[0], intern(t, "notify_all"));
}

static Result<Value> condition_is_owned(Thread& t, const Value* args) {
  return Value::from_bool(TRY(is_owned(t, args[0].as<ConditionObject>())));
}
// As with CPython, an RLock's own, where the lock has them.
static Result<Value> condition_release_save(Thread& t, const Value* args) {
  Value lock = TRY(condition_lock(t, args[0]));
  Value own = TRY(get_attr_or_not_found(t, lock, intern(t, "_release_save")));
  if (!own.is_not_found()) return call(t, own);
  TRY(call_method(t, lock, intern(t, "release")));
  return kNone;
}
static Result<Value> condition_acquire_restore(Thread& t, const Value* args) {
  Value lock = TRY(condition_lock(t, args[0]));
  Value own = TRY(get_attr_or_not_found(t, lock, intern(t, "_acquire_restore")));
  if (!own.is_not_found()) return call(t, own, {args[1]});
  TRY(call_method(t, lock, intern(t, "acquire")));
  return kNone;
}
static Result<Value> condition_reinit(Thread& t, const Value* args) {
  TRY(call_method(t, TRY(condition_lock(t, args[0])), intern(t, "_at_fork_reinit")));
  reinit_after_fork(args[0].as<ConditionObject>());
  return kNone;
}

static Result<Value> condition_repr(Thread& t, Value self) {
  auto* c = self.as<ConditionObject>();
  Value lock = TRY(condition_lock(t, self));
  return str_or_error(make_str(t, fmt::format("<Condition({}, {})>", str_text(t, lock), c->waiting.load())));
}
static Status condition_set_lock(Thread& t, Value self, Value lock) {
  if (lock.is_empty()) return t.raise(Exc::AttributeError, "_lock");
  self.as<ConditionObject>()->lock = lock;
  return {};
}
// How many wait is all that can be seen: a deque of as many Nones.
static Result<Value> condition_waiters(Thread& t, Value self) {
  if (self.as<ConditionObject>()->lock.get().is_empty())
    return raise_unfilled(t, self.as_object(), "_waiters");
  Value waiters = make_deque(t);
  for (uint32_t n = self.as<ConditionObject>()->waiting.load(); n > 0; --n)
    TRY(deque_push(t, waiters, kNone));
  return waiters;
}
static void trace_condition(Object* o, Tracer& tracer) {
  tracer.visit(static_cast<ConditionObject*>(o)->lock);
}

static const NativeDef kMethods[] = {
    MP_RAW_NEW(condition_new, "__new__(cls, *args, **kwargs)", nullptr),
    MP_METHOD(condition_init, "__init__(self, lock=None)", nullptr),
    MP_RAW_METHOD(condition_acquire, "acquire(self, *args, **kwargs)", "Acquire the underlying lock."),
    MP_METHOD(condition_release, "release(self)", "Release the underlying lock."),
    MP_METHOD(condition_enter, "__enter__(self)", nullptr),
    MP_RAW_METHOD(condition_exit, "__exit__(self, *args)", nullptr),
    MP_METHOD(condition_wait_method, "wait(self, timeout=None)",
              "Wait until notified or until a timeout occurs: True unless the timeout ran out."),
    MP_METHOD(condition_wait_for, "wait_for(self, predicate, timeout=None)",
              "Wait until a condition evaluates to True: returns its last value."),
    MP_METHOD(condition_notify_method, "notify(self, n=1)",
              "Wake up one or more threads waiting on this condition, if any."),
    MP_METHOD(condition_notify_all_method, "notify_all(self)",
              "Wake up all threads waiting on this condition."),
    MP_METHOD(condition_notify_all_old, "notifyAll(self)", "Deprecated: use notify_all()."),
    MP_METHOD(condition_is_owned, "_is_owned(self)", nullptr),
    MP_METHOD(condition_release_save, "_release_save(self)", nullptr),
    MP_METHOD(condition_acquire_restore, "_acquire_restore(self, x)", nullptr),
    MP_METHOD(condition_reinit, "_at_fork_reinit(self)", nullptr),
    MP_END};
static const GetSetDef kGetSets[] = {{"_lock", condition_lock, condition_set_lock, nullptr},
                                     {"_waiters", condition_waiters, nullptr, nullptr},
                                     {}};
const TypeSpec kConditionSpec = {
    .name = "threading.Condition",
    .size = sizeof(ConditionObject),
    .flags = kTypeBaseType | kTypeHasDict | kTypeHasWeakref,
    .doc = "A condition variable: lets threads wait until another thread notifies them.",
    .trace = trace_condition,
    .slots = MP_SLOTS(.repr = condition_repr),
    .methods = kMethods,
    .getsets = kGetSets,
    .init = open_type};

}  // namespace mp

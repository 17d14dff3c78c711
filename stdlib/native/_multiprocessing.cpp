// _multiprocessing: SemLock, a semaphore of the system that processes share; what multiprocessing's and
// concurrent.futures' locks between processes stand on.
#include <fcntl.h>
#include <semaphore.h>
#include <sys/stat.h>

#include <climits>

#include "stdlib/native/posix_process.h"
#include "stdlib/native/time_value.h"
#include "vm/gc/heap.h"

namespace mp {
namespace {

enum SemaphoreKind : int { kRecursiveMutex, kSemaphore };

struct SemLockObject : Object {
  sem_t* handle = nullptr;
  std::atomic<uint64_t> owner{0};  // ident of the thread that acquired last
  std::atomic<int> count{0};       // how often the owner holds it
  int kind = kSemaphore;
  int most = 0;
  Slot name;  // str or None
  bool is_mine(Thread& t) const { return count.load() > 0 && owner.load() == t.ident; }
};
void trace_semlock(Object* object, Tracer& tracer) {
  tracer.visit(static_cast<SemLockObject*>(object)->name);
}
void close_semlock(Object* object) {
  if (sem_t* handle = static_cast<SemLockObject*>(object)->handle) sem_close(handle);
}
SemLockObject* self_of(const Value* args) { return args[0].as<SemLockObject>(); }

Value make_semlock(Thread& t, Value cls, sem_t* handle, int kind, int most, Value name) {
  auto* self = t.heap().make<SemLockObject>(t, cls.as<Type>());
  self->handle = handle;
  self->kind = kind;
  self->most = most;
  self->name = name;
  t.heap().register_native_finalizer(self, close_semlock);
  return self;
}
Result<Value> semlock_new(Thread& t, const Value* args) {
  int kind = TRY(to_c_int(t, args[1])), value = TRY(to_c_int(t, args[2])), most = TRY(to_c_int(t, args[3]));
  if (!is_str(args[4]))
    return t.raise(Exc::TypeError, "SemLock() argument 'name' must be str, not {}", type_name(t, args[4]));
  std::string name = TRY(posix::exec_string(t, args[4]));
  bool unlink = TRY(truth(t, args[5]));
  if (kind != kRecursiveMutex && kind != kSemaphore) return t.raise(Exc::ValueError, "unrecognized kind");
  sem_t* handle = sem_open(name.c_str(), O_CREAT | O_EXCL, 0600, static_cast<unsigned>(value));
  if (handle == SEM_FAILED) return t.raise_os_error(errno);
  if (unlink && sem_unlink(name.c_str()) < 0) {
    int error = errno;
    sem_close(handle);
    return t.raise_os_error(error);
  }
  return make_semlock(t, args[0], handle, kind, most, unlink ? kNone : args[4]);
}
Result<Value> semlock_rebuild(Thread& t, const Value* args) {
  int kind = TRY(to_c_int(t, args[2])), most = TRY(to_c_int(t, args[3]));
  if (args[4].is_none()) return t.raise(Exc::ValueError, "a semaphore without a name belongs to its process");
  std::string name = TRY(posix::exec_string(t, args[4]));
  sem_t* handle = sem_open(name.c_str(), 0);
  if (handle == SEM_FAILED) return t.raise_os_error(errno);
  return make_semlock(t, args[0], handle, kind, most, args[4]);
}

Result<bool> acquire(Thread& t, SemLockObject* self, int64_t timeout) {
  if (self->kind == kRecursiveMutex && self->is_mine(t)) {
    ++self->count;
    return true;
  }
  int error = sem_trywait(self->handle) < 0 ? errno : 0;
  if (error == EAGAIN && timeout != 0) {
    timespec limit{};
    if (timeout != kForever) {  // sem_timedwait takes a time of the wall clock
      int64_t at = os::realtime_ns() + timeout;
      limit = {static_cast<time_t>(at / os::kNanosPerSecond), static_cast<long>(at % os::kNanosPerSecond)};
    }
    for (;;) {
      {
        BlockingRegion out(t);
        int rc = timeout == kForever ? sem_wait(self->handle) : sem_timedwait(self->handle, &limit);
        error = rc < 0 ? errno : 0;
      }
      if (error != EINTR) break;
      TRY(t.poll());
    }
  }
  if (error == EAGAIN || error == ETIMEDOUT) return false;
  if (error != 0) return t.raise_os_error(error);
  self->owner = t.ident;  // first: is_mine() of who held it before looks at the count
  ++self->count;
  return true;
}
Result<Value> semlock_acquire(Thread& t, const Value* args) {
  int64_t timeout = kForever;
  if (!TRY(truth(t, args[1])))
    timeout = 0;
  else if (!args[2].is_none())
    timeout = std::max<int64_t>(0, TRY(time_from_seconds(t, args[2], TimeRounding::Ceiling)));
  return Value::from_bool(TRY(acquire(t, self_of(args), timeout)));
}
Result<Value> semlock_enter(Thread& t, const Value* args) {
  return Value::from_bool(TRY(acquire(t, self_of(args), kForever)));
}
Result<Value> semlock_release(Thread& t, const Value* args) {
  SemLockObject* self = self_of(args);
  if (self->kind == kRecursiveMutex) {
    if (!self->is_mine(t))
      return t.raise(Exc::AssertionError, "attempt to release recursive lock not owned by thread");
    if (self->count.load() > 1) {
      --self->count;
      return kNone;
    }
  } else {
    int value;
    if (sem_getvalue(self->handle, &value) < 0) return t.raise_os_error(errno);
    if (value >= self->most) return t.raise(Exc::ValueError, "semaphore or lock released too many times");
  }
  --self->count;  // before somebody else can have it
  if (sem_post(self->handle) < 0) {
    ++self->count;
    return t.raise_os_error(errno);
  }
  return kNone;
}
Result<Value> semlock_count(Thread&, const Value* args) {
  return Value::from_int(self_of(args)->count.load());
}
Result<Value> semlock_is_mine(Thread& t, const Value* args) {
  return Value::from_bool(self_of(args)->is_mine(t));
}
Result<int> value_of(Thread& t, SemLockObject* self) {
  int value;
  if (sem_getvalue(self->handle, &value) < 0) return t.raise_os_error(errno);
  return value < 0 ? 0 : value;
}
Result<Value> semlock_get_value(Thread& t, const Value* args) {
  return Value::from_int(TRY(value_of(t, self_of(args))));
}
Result<Value> semlock_is_zero(Thread& t, const Value* args) {
  return Value::from_bool(TRY(value_of(t, self_of(args))) == 0);
}
Result<Value> semlock_after_fork(Thread&, const Value* args) {
  self_of(args)->count = 0;
  return kNone;
}
Result<Value> semlock_handle(Thread& t, Value self) {
  return make_int(t, reinterpret_cast<int64_t>(self.as<SemLockObject>()->handle));
}
Result<Value> semlock_kind(Thread&, Value self) { return Value::from_int(self.as<SemLockObject>()->kind); }
Result<Value> semlock_most(Thread&, Value self) { return Value::from_int(self.as<SemLockObject>()->most); }
Result<Value> semlock_name(Thread&, Value self) { return self.as<SemLockObject>()->name; }

const NativeDef kSemLockMethods[] = {
    MP_NEW(semlock_new, "__new__(cls, kind, value, maxvalue, name, unlink)", nullptr),
    MP_CLASS_METHOD(semlock_rebuild, "_rebuild(cls, handle, kind, maxvalue, name, /)", nullptr),
    MP_METHOD(semlock_acquire, "acquire(self, /, block=True, timeout=None)", "Acquire the semaphore/lock."),
    MP_METHOD(semlock_release, "release(self, /)", "Release the semaphore/lock."),
    MP_METHOD(semlock_enter, "__enter__(self, /)", "Enter the semaphore/lock."),
    MP_METHOD(semlock_release, "__exit__(self, exc_type=None, exc_value=None, exc_tb=None, /)",
              "Exit the semaphore/lock."),
    MP_METHOD(semlock_count, "_count(self, /)",
              "Num of `acquire()`s minus num of `release()`s for this process."),
    MP_METHOD(semlock_is_mine, "_is_mine(self, /)", "Whether the lock is owned by this thread."),
    MP_METHOD(semlock_get_value, "_get_value(self, /)", "Get the value of the semaphore."),
    MP_METHOD(semlock_is_zero, "_is_zero(self, /)", "Return whether semaphore has value zero."),
    MP_METHOD(semlock_after_fork, "_after_fork(self, /)", "Rezero the net acquisition count after fork()."),
    MP_END};
const GetSetDef kSemLockGetters[] = {{"handle", semlock_handle, nullptr, nullptr},
                                     {"kind", semlock_kind, nullptr, nullptr},
                                     {"maxvalue", semlock_most, nullptr, nullptr},
                                     {"name", semlock_name, nullptr, nullptr},
                                     {}};
void init_semlock(Thread& t, Type* type) {
  (void)type_set_attr_raw(t, type, intern(t, "SEM_VALUE_MAX"), Value::from_int(SEM_VALUE_MAX));
}
const TypeSpec kSemLockSpec = {.name = "_multiprocessing.SemLock",
                               .size = sizeof(SemLockObject),
                               .flags = kTypeBaseType,
                               .doc = "Semaphore/Mutex type",
                               .trace = trace_semlock,
                               .methods = kSemLockMethods,
                               .getsets = kSemLockGetters,
                               .init = init_semlock};

Result<Value> multiprocessing_sem_unlink(Thread& t, const Value* args) {
  std::string name = TRY(posix::exec_string(t, args[0]));
  if (sem_unlink(name.c_str()) < 0) return t.raise_os_error(errno);
  return kNone;
}
const NativeDef kFunctions[] = {MP_FUNCTION(multiprocessing_sem_unlink, "sem_unlink(name, /)", nullptr),
                                MP_END};

Status init_module(Thread& t, ModuleObject* module) {
  module_add_type(t, module, kSemLockSpec);
  DictObject* flags = make_dict(t);  // what the system can do
  for (const char* name : {"HAVE_SEM_OPEN", "HAVE_SEM_TIMEDWAIT"})
    TRY(dict_set_text(t, flags, name, Value::from_int(1)));
  TRY(dict_set_text(t, flags, "HAVE_FD_TRANSFER", Value::from_int(1)));
  return module_add(t, module, "flags", flags);
}

}  // namespace

extern const ModuleSpec kMultiprocessingModule;
const ModuleSpec kMultiprocessingModule = {"_multiprocessing", nullptr, kFunctions, init_module};

}  // namespace mp

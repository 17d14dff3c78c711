// posix: what only Linux has: eventfd, timerfd, memfd, pidfd, namespaces, random numbers.
#include <fcntl.h>
#include <sched.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "stdlib/native/posix_process.h"
#include "stdlib/native/time_value.h"
#include "vm/os/memory.h"

namespace mp::posix {

Result<int> descriptor_argument(Thread& t, Value v) {
  int fd = TRY(fd_argument(t, v));
  if (fd < 0) return t.raise(Exc::ValueError, "file descriptor cannot be a negative integer ({})", fd);
  return fd;
}

namespace {

Result<Value> os_eventfd(Thread& t, const Value* args) {
  int64_t initial = TRY(to_int64(t, args[0]));
  int flags = TRY(to_c_int(t, args[1]));
  if (initial < 0) return t.raise(Exc::ValueError, "value must be positive");
  if (initial > UINT32_MAX) return t.raise(Exc::OverflowError, "Python int too large for C unsigned int");
  return Value::from_int(TRY(checked(t, [&] { return eventfd(static_cast<unsigned>(initial), flags); })));
}
Result<Value> os_eventfd_read(Thread& t, const Value* args) {
  int fd = TRY(fd_argument(t, args[0]));
  eventfd_t value = 0;
  TRY(checked(t, [&] { return eventfd_read(fd, &value); }));
  return make_int_unsigned(t, value);
}
Result<Value> os_eventfd_write(Thread& t, const Value* args) {
  int fd = TRY(fd_argument(t, args[0]));
  Value plain = TRY(to_index(t, args[1]));
  if (int_compare(plain, Value::from_int(0)) < 0)
    return t.raise(Exc::OverflowError, "can't convert negative value to unsigned int");
  Mpz copy;
  mpz_set(copy, IntView(plain).get());
  if (mpz_sizeinbase(copy, 2) > 64)
    return t.raise(Exc::OverflowError, "Python int too large to convert to C unsigned long long");
  eventfd_t value = mpz_get_ui(copy);
  TRY(checked(t, [&] { return eventfd_write(fd, value); }));
  return kNone;
}

Result<Value> os_memfd_create(Thread& t, const Value* args) {
  std::string name = TRY(exec_string(t, args[0]));
  auto flags = static_cast<unsigned>(TRY(to_int64(t, args[1])));
  return Value::from_int(TRY(checked(t, [&] { return memfd_create(name.c_str(), flags); })));
}

// Seconds (float) or nanoseconds (int), both ways.
enum class TimeUnit : uint8_t { Seconds, Nanoseconds };
timespec to_timespec(int64_t ns) {
  return {static_cast<time_t>(ns / os::kNanosPerSecond), static_cast<long>(ns % os::kNanosPerSecond)};
}
Value timer_value(Thread& t, const itimerspec& timer, TimeUnit unit) {
  auto one = [&](const timespec& ts) {
    int64_t ns = ts.tv_sec * os::kNanosPerSecond + ts.tv_nsec;
    return unit == TimeUnit::Nanoseconds ? make_int(t, ns) : make_float(t, static_cast<double>(ns) * 1e-9);
  };
  return make_tuple(t, {one(timer.it_value), one(timer.it_interval)});
}
Result<Value> timer_set(Thread& t, const Value* args, TimeUnit unit) {
  int fd = TRY(fd_argument(t, args[0])), flags = TRY(to_c_int(t, args[1]));
  int64_t parts[2];
  for (int i = 0; i < 2; ++i)
    parts[i] = unit == TimeUnit::Nanoseconds ? TRY(to_int64(t, args[2 + i]))
                                             : TRY(time_from_seconds(t, args[2 + i], TimeRounding::Ceiling));
  itimerspec wanted{}, old{};
  wanted.it_value = to_timespec(parts[0]);
  wanted.it_interval = to_timespec(parts[1]);
  TRY(checked(t, [&] { return timerfd_settime(fd, flags, &wanted, &old); }));
  return timer_value(t, old, unit);
}
Result<Value> timer_get(Thread& t, const Value* args, TimeUnit unit) {
  int fd = TRY(fd_argument(t, args[0]));
  itimerspec now{};
  TRY(checked(t, [&] { return timerfd_gettime(fd, &now); }));
  return timer_value(t, now, unit);
}
Result<Value> os_timerfd_create(Thread& t, const Value* args) {
  int clock = TRY(to_c_int(t, args[0])), flags = TRY(to_c_int(t, args[1]));
  return Value::from_int(TRY(checked(t, [&] { return timerfd_create(clock, TFD_CLOEXEC | flags); })));
}
Result<Value> os_timerfd_settime(Thread& t, const Value* args) {
  return timer_set(t, args, TimeUnit::Seconds);
}
Result<Value> os_timerfd_settime_ns(Thread& t, const Value* args) {
  return timer_set(t, args, TimeUnit::Nanoseconds);
}
Result<Value> os_timerfd_gettime(Thread& t, const Value* args) {
  return timer_get(t, args, TimeUnit::Seconds);
}
Result<Value> os_timerfd_gettime_ns(Thread& t, const Value* args) {
  return timer_get(t, args, TimeUnit::Nanoseconds);
}

Result<Value> os_pidfd_open(Thread& t, const Value* args) {
  int pid = TRY(to_c_int(t, args[0]));
  auto flags = static_cast<unsigned>(TRY(to_int64(t, args[1])));
  return Value::from_int(TRY(checked(t, [&] { return syscall(SYS_pidfd_open, pid, flags); })));
}
Result<Value> os_unshare(Thread& t, const Value* args) {
  int flags = TRY(to_c_int(t, args[0]));
  TRY(checked(t, [&] { return unshare(flags); }));
  return kNone;
}
Result<Value> os_setns(Thread& t, const Value* args) {
  int fd = TRY(fd_argument(t, args[0])), kind = TRY(to_c_int(t, args[1]));
  TRY(checked(t, [&] { return setns(fd, kind); }));
  return kNone;
}

Result<Value> os_getrandom(Thread& t, const Value* args) {
  int64_t size = TRY(to_ssize(t, args[0]));
  auto flags = static_cast<unsigned>(TRY(to_c_int(t, args[1])));
  if (size < 0) return t.raise_os_error(EINVAL);
  if (size > INT32_MAX) size = INT32_MAX;
  if (!os::has_room(static_cast<size_t>(size))) return t.raise_memory_error();
  std::string data(static_cast<size_t>(size), '\0');
  int64_t got = TRY(checked(t, [&] { return getrandom(data.data(), data.size(), flags); }));
  return make_bytes(t, std::string_view(data).substr(0, static_cast<size_t>(got)));
}
Result<Value> os_urandom(Thread& t, const Value* args) {
  int64_t size = TRY(to_ssize(t, args[0]));
  if (size < 0) return t.raise(Exc::ValueError, "negative argument not allowed");
  if (!os::has_room(static_cast<size_t>(size))) return t.raise_memory_error();
  std::string data(static_cast<size_t>(size), '\0');
  size_t done = 0;
  while (done < data.size())
    done += static_cast<size_t>(
        TRY(checked(t, [&] { return getrandom(data.data() + done, data.size() - done, 0); })));
  return make_bytes(t, data);
}
}  // namespace

const NativeDef kLinuxFunctions[] = {
    MP_FUNCTION(os_eventfd, "eventfd(initval, flags=0)",
                "Creates and returns an event notification file descriptor."),
    MP_FUNCTION(os_eventfd_read, "eventfd_read(fd)", "Read eventfd value"),
    MP_FUNCTION(os_eventfd_write, "eventfd_write(fd, value)", "Write eventfd value."),
    MP_FUNCTION(os_memfd_create, "memfd_create(name, flags=1)", nullptr),
    MP_FUNCTION(os_timerfd_create, "timerfd_create(clockid, /, *, flags=524288)",
                "Create and return a timer file descriptor."),
    MP_FUNCTION(os_timerfd_settime, "timerfd_settime(fd, /, *, flags=0, initial=0.0, interval=0.0)",
                "Alter a timer file descriptor's internal timer in seconds."),
    MP_FUNCTION(os_timerfd_settime_ns, "timerfd_settime_ns(fd, /, *, flags=0, initial=0, interval=0)",
                "Alter a timer file descriptor's internal timer in nanoseconds."),
    MP_FUNCTION(os_timerfd_gettime, "timerfd_gettime(fd, /)",
                "Return a tuple of a timer file descriptor's (interval, next expiration) in float seconds."),
    MP_FUNCTION(os_timerfd_gettime_ns, "timerfd_gettime_ns(fd, /)",
                "Return a tuple of a timer file descriptor's (interval, next expiration) in nanoseconds."),
    MP_FUNCTION(os_pidfd_open, "pidfd_open(pid, flags=0)",
                "Return a file descriptor referring to the process *pid*."),
    MP_FUNCTION(os_unshare, "unshare(flags)",
                "Disassociate parts of a process (or thread) execution context."),
    MP_FUNCTION(os_setns, "setns(fd, nstype=0)", "Move the calling thread into different namespaces."),
    MP_FUNCTION(os_getrandom, "getrandom(size, flags=0)", "Obtain a series of random bytes."),
    MP_FUNCTION(os_urandom, "urandom(size, /)",
                "Return a bytes object containing random bytes suitable for cryptographic use."),
    MP_END};

}  // namespace mp::posix

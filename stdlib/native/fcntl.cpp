// The module fcntl: control of descriptors, devices and file locks.
#include <fcntl.h>
#include <linux/fs.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cstring>

#include "stdlib/native/posix_process.h"

namespace mp {
namespace {

constexpr size_t kMostBytes = 1024;  // of an argument that is passed by value

// What the third argument stands for.
struct ControlArgument {
  bool is_buffer = false;
  long number = 0;
  char bytes[kMostBytes + 1];
  size_t size = 0;
};
Result<long> control_number(Thread& t, Value v) {
  Value index = TRY(to_index(t, v));
  int64_t number;
  if (int_to_int64(index, &number)) {
    if (number >= INT32_MIN && number <= UINT32_MAX) return static_cast<long>(number);
    return t.raise(Exc::OverflowError, "signed integer is {}",
                   number < 0 ? "less than minimum" : "greater than maximum");
  }
  return t.raise(Exc::OverflowError, "Python int too large to convert to C long");
}
Status fill_bytes(Thread& t, Value v, const char* function, ControlArgument& out) {
  std::string text;
  std::string_view data;
  if (is_str(v)) {
    text = to_utf8(v.as<StrObject>());
    data = text;
  } else {
    data = TRY(bytes_view(t, v));
  }
  if (data.size() > kMostBytes) return t.raise(Exc::ValueError, "{} string arg too long", function);
  std::memcpy(out.bytes, data.data(), data.size());
  out.bytes[data.size()] = '\0';
  out.size = data.size();
  out.is_buffer = true;
  return {};
}
bool is_number(Thread& t, Value v) { return is_any_int(v) || type_of(t, v)->slots.index != nullptr; }

Result<Value> fcntl_fcntl(Thread& t, const Value* args) {
  int fd = TRY(posix::descriptor_argument(t, args[0])), command = TRY(to_c_int(t, args[1]));
  ControlArgument argument;
  if (args[2].is_empty() || is_number(t, args[2])) {
    if (!args[2].is_empty()) argument.number = TRY(control_number(t, args[2]));
    return make_int(
        t, TRY(posix::checked(t, [&] { return fcntl(fd, command, static_cast<int>(argument.number)); })));
  }
  TRY(fill_bytes(t, args[2], "fcntl", argument));
  TRY(posix::checked(t, [&] { return fcntl(fd, command, argument.bytes); }));
  return make_bytes(t, std::string_view(argument.bytes, argument.size));
}

Result<Value> fcntl_ioctl(Thread& t, const Value* args) {
  int fd = TRY(posix::descriptor_argument(t, args[0]));
  auto request = static_cast<unsigned long>(TRY(control_number(t, args[1]))) & UINT32_MAX;
  ControlArgument argument;
  if (args[2].is_empty() || is_number(t, args[2])) {
    if (!args[2].is_empty()) argument.number = TRY(control_number(t, args[2]));
    return make_int(t, TRY(posix::checked(t, [&] { return ioctl(fd, request, argument.number); })));
  }
  bool mutate = TRY(truth(t, args[3]));
  Value buffer = args[2];
  bool immutable = is_str(buffer) || is_bytes(buffer);
  if (immutable || !mutate) {
    TRY(fill_bytes(t, buffer, "ioctl", argument));
    TRY(posix::checked(t, [&] { return ioctl(fd, request, argument.bytes); }));
    return make_bytes(t, std::string_view(argument.bytes, argument.size));
  }
  // The device writes into a copy, which then goes into the caller's buffer: another thread may resize that.
  std::string data(TRY(bytes_view(t, buffer)));
  (void)TRY(io::writable_size(t, buffer));
  size_t size = data.size();
  data.resize(size < kMostBytes ? kMostBytes + 1 : size + 1, '\0');
  int64_t result = TRY(posix::checked(t, [&] { return ioctl(fd, request, data.data()); }));
  TRY(io::copy_into(t, buffer, std::string_view(data).substr(0, size)));
  return make_int(t, result);
}

Result<Value> fcntl_flock(Thread& t, const Value* args) {
  int fd = TRY(posix::descriptor_argument(t, args[0])), operation = TRY(to_c_int(t, args[1]));
  TRY(posix::checked(t, [&] { return flock(fd, operation); }));
  return kNone;
}
Result<Value> fcntl_lockf(Thread& t, const Value* args) {
  int fd = TRY(posix::descriptor_argument(t, args[0])), operation = TRY(to_c_int(t, args[1]));
  struct flock lock {};
  if (operation == LOCK_UN)
    lock.l_type = F_UNLCK;
  else if ((operation & LOCK_SH) != 0)
    lock.l_type = F_RDLCK;
  else if ((operation & LOCK_EX) != 0)
    lock.l_type = F_WRLCK;
  else
    return t.raise(Exc::ValueError, "unrecognized lockf argument");
  lock.l_len = TRY(to_int64(t, args[2]));
  lock.l_start = TRY(to_int64(t, args[3]));
  lock.l_whence = static_cast<short>(TRY(to_c_int(t, args[4])));
  int command = (operation & LOCK_NB) != 0 ? F_SETLK : F_SETLKW;
  TRY(posix::checked(t, [&] { return fcntl(fd, command, &lock); }));
  return kNone;
}

const NativeDef kFunctions[] = {
    MP_FUNCTION(fcntl_fcntl, "fcntl(fd, cmd, arg=?, /)",
                "Perform the operation `cmd` on file descriptor fd."),
    MP_FUNCTION(fcntl_ioctl, "ioctl(fd, request, arg=?, mutate_flag=True, /)",
                "Perform the operation request on file descriptor fd."),
    MP_FUNCTION(fcntl_flock, "flock(fd, operation, /)",
                "Perform the lock operation `operation` on file descriptor `fd`."),
    MP_FUNCTION(fcntl_lockf, "lockf(fd, cmd, len=0, start=0, whence=0, /)",
                "A wrapper around the fcntl() locking calls."),
    MP_END};

Status init_module(Thread& t, ModuleObject* module) {
  static constexpr IntConstant kConstants[] = {
#define MP_CONSTANT(name) {#name, static_cast<int64_t>(name)},
#include "stdlib/native/fcntl_constants.def"
#undef MP_CONSTANT
  };
  return module_add_ints(t, module, kConstants);
}

}  // namespace

extern const ModuleSpec kFcntlModule;
const ModuleSpec kFcntlModule = {"fcntl",
                                 "This module performs file control and I/O control on file\ndescriptors.  "
                                 "It is an interface to the fcntl() "
                                 "and ioctl() Unix\nroutines.  File descriptors can be obtained with the "
                                 "fileno() method of\na file or socket "
                                 "object.",
                                 kFunctions, init_module};

}  // namespace mp

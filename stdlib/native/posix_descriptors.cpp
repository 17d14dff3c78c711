// posix: file descriptors, pipes, terminals.
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/sendfile.h>
#include <sys/uio.h>
#include <unistd.h>

#include <memory>

#include "stdlib/native/posix_support.h"
#include "vm/os/memory.h"
#include "vm/threads/descriptor_wait.h"

namespace mp::posix {
namespace {

Result<Value> os_open(Thread& t, const Value* args) {
  Path path = TRY(path_argument(t, args[0], "open"));
  int flags = TRY(to_c_int(t, args[1])), mode = TRY(to_c_int(t, args[2]));
  int directory = TRY(dir_fd_argument(t, args[3]));
  int64_t fd = TRY(checked(
      t, [&] { return openat(directory, path.text.c_str(), flags | O_CLOEXEC, mode); }, path.original));
  return Value::from_int(fd);
}
Result<Value> os_close(Thread& t, const Value* args) {
  int fd = TRY(to_c_int(t, args[0]));
  int error = 0;
  {
    BlockingRegion out(t);
    if (close(fd) < 0) error = errno;
  }
  if (error != 0 && error != EINTR) return t.raise_os_error(error);
  return kNone;
}
Result<Value> os_closerange(Thread& t, const Value* args) {
  int low = TRY(to_c_int(t, args[0])), high = TRY(to_c_int(t, args[1]));
  BlockingRegion out(t);
  for (int fd = low < 0 ? 0 : low; fd < high; ++fd) close(fd);
  return kNone;
}
Result<Value> os_read(Thread& t, const Value* args) {
  int fd = TRY(fd_argument(t, args[0]));
  int64_t size = TRY(to_ssize(t, args[1]));
  if (size < 0) return t.raise_os_error(EINVAL);
  if (size > 0x7ffff000) size = 0x7ffff000;
  TRY(await_readable(t, fd));
  if (!os::has_room(static_cast<size_t>(size))) return t.raise_memory_error();
  auto data = std::make_unique_for_overwrite<char[]>(static_cast<size_t>(size));  // often far more than comes
  int64_t n = TRY(checked(t, [&] { return read(fd, data.get(), static_cast<size_t>(size)); }));
  return make_bytes(t, std::string_view(data.get(), static_cast<size_t>(n)));
}
Result<Value> os_write(Thread& t, const Value* args) {
  int fd = TRY(fd_argument(t, args[0]));
  HeldBuffer held;
  std::string_view data = TRY(io::hold_bytes(t, args[1], held));
  int64_t n = TRY(checked(t, [&] { return write(fd, data.data(), data.size()); }));
  return make_int(t, n);
}
Result<Value> os_pread(Thread& t, const Value* args) {
  int fd = TRY(fd_argument(t, args[0]));
  int64_t size = TRY(to_ssize(t, args[1])), offset = TRY(to_int64(t, args[2]));
  if (size < 0) return t.raise_os_error(EINVAL);
  if (!os::has_room(static_cast<size_t>(size))) return t.raise_memory_error();
  std::string data(static_cast<size_t>(size), '\0');
  int64_t n = TRY(checked(t, [&] { return pread(fd, data.data(), data.size(), offset); }));
  return make_bytes(t, std::string_view(data).substr(0, static_cast<size_t>(n)));
}
Result<Value> os_pwrite(Thread& t, const Value* args) {
  int fd = TRY(fd_argument(t, args[0]));
  HeldBuffer held;
  std::string_view data = TRY(io::hold_bytes(t, args[1], held));
  int64_t offset = TRY(to_int64(t, args[2]));
  return make_int(t, TRY(checked(t, [&] { return pwrite(fd, data.data(), data.size(), offset); })));
}
Result<Value> os_lseek(Thread& t, const Value* args) {
  int fd = TRY(fd_argument(t, args[0]));
  int64_t offset = TRY(to_int64(t, args[1]));
  int whence = TRY(to_c_int(t, args[2]));
  return make_int(t, TRY(checked(t, [&] { return lseek(fd, offset, whence); })));
}
Result<Value> os_isatty(Thread& t, const Value* args) {
  return Value::from_bool(isatty(TRY(to_c_int(t, args[0]))) == 1);
}
Result<Value> os_ttyname(Thread& t, const Value* args) {
  char name[256];
  int error = ttyname_r(TRY(to_c_int(t, args[0])), name, sizeof name);
  if (error != 0) return t.raise_os_error(error);
  return make_str(t, name);
}
Result<Value> pipe_with(Thread& t, int flags) {
  int fds[2];
  TRY(checked(t, [&] { return pipe2(fds, flags); }));
  return make_tuple(t, {Value::from_int(fds[0]), Value::from_int(fds[1])});
}
Result<Value> os_pipe(Thread& t, const Value*) { return pipe_with(t, O_CLOEXEC); }
Result<Value> os_pipe2(Thread& t, const Value* args) { return pipe_with(t, TRY(to_c_int(t, args[0]))); }
Result<Value> os_dup(Thread& t, const Value* args) {
  int fd = TRY(to_c_int(t, args[0]));
  return Value::from_int(TRY(checked(t, [&] { return fcntl(fd, F_DUPFD_CLOEXEC, 0); })));
}
Result<Value> os_dup2(Thread& t, const Value* args) {
  int from = TRY(to_c_int(t, args[0])), to = TRY(to_c_int(t, args[1]));
  bool inheritable = TRY(truth(t, args[2]));
  int64_t fd =
      TRY(checked(t, [&] { return from == to || inheritable ? dup2(from, to) : dup3(from, to, O_CLOEXEC); }));
  return Value::from_int(fd);
}
Result<Value> os_fsync(Thread& t, const Value* args) {
  int fd = TRY(fd_argument(t, args[0]));
  TRY(checked(t, [&] { return fsync(fd); }));
  return kNone;
}
Result<Value> os_get_inheritable(Thread& t, const Value* args) {
  int fd = TRY(to_c_int(t, args[0]));
  return Value::from_bool((TRY(checked(t, [&] { return fcntl(fd, F_GETFD); })) & FD_CLOEXEC) == 0);
}
Result<Value> os_set_inheritable(Thread& t, const Value* args) {
  int fd = TRY(to_c_int(t, args[0]));
  bool inheritable = TRY(truth(t, args[1]));
  int64_t flags = TRY(checked(t, [&] { return fcntl(fd, F_GETFD); }));
  flags = inheritable ? flags & ~int64_t{FD_CLOEXEC} : flags | FD_CLOEXEC;
  TRY(checked(t, [&] { return fcntl(fd, F_SETFD, static_cast<int>(flags)); }));
  return kNone;
}
Result<Value> os_get_blocking(Thread& t, const Value* args) {
  int fd = TRY(to_c_int(t, args[0]));
  return Value::from_bool((TRY(checked(t, [&] { return fcntl(fd, F_GETFL); })) & O_NONBLOCK) == 0);
}
Result<Value> os_set_blocking(Thread& t, const Value* args) {
  int fd = TRY(to_c_int(t, args[0]));
  bool blocking = TRY(truth(t, args[1]));
  int64_t flags = TRY(checked(t, [&] { return fcntl(fd, F_GETFL); }));
  flags = blocking ? flags & ~int64_t{O_NONBLOCK} : flags | O_NONBLOCK;
  TRY(checked(t, [&] { return fcntl(fd, F_SETFL, static_cast<int>(flags)); }));
  return kNone;
}
Result<Value> os_sendfile(Thread& t, const Value* args) {
  int to = TRY(fd_argument(t, args[0])), from = TRY(fd_argument(t, args[1]));
  int64_t count = TRY(to_ssize(t, args[3]));
  if (args[2].is_none())
    return make_int(t,
                    TRY(checked(t, [&] { return sendfile(to, from, nullptr, static_cast<size_t>(count)); })));
  off_t offset = TRY(to_int64(t, args[2]));
  return make_int(t,
                  TRY(checked(t, [&] { return sendfile(to, from, &offset, static_cast<size_t>(count)); })));
}
constexpr const char* kTerminalFields[] = {"columns", "lines", nullptr};
const StructSequenceSpec kTerminalSpec = {"os.terminal_size", kTerminalFields, 2,
                                          "A tuple of (columns, lines) for holding terminal window size"};
Result<Value> os_terminal_size(Thread& t, const Value* args) {
  int fd = TRY(to_c_int(t, args[0]));
  winsize size;
  TRY(checked(t, [&] { return ioctl(fd, TIOCGWINSZ, &size); }));
  Value fields[] = {Value::from_int(size.ws_col), Value::from_int(size.ws_row)};
  return make_struct_sequence(t, struct_sequence_type(t, kTerminalSpec), fields, 2);
}
}  // namespace

const NativeDef kDescriptorFunctions[] = {
    MP_FUNCTION(os_open, "open(path, flags, mode=511, *, dir_fd=None)",
                "Open a file for low level IO.  Returns a file descriptor (integer)."),
    MP_FUNCTION(os_close, "close(fd)", "Close a file descriptor."),
    MP_FUNCTION(os_closerange, "closerange(fd_low, fd_high, /)", nullptr),
    MP_FUNCTION(os_read, "read(fd, length, /)", "Read from a file descriptor.  Returns a bytes object."),
    MP_FUNCTION(os_write, "write(fd, data, /)", "Write a bytes object to a file descriptor."),
    MP_FUNCTION(os_pread, "pread(fd, length, offset, /)", nullptr),
    MP_FUNCTION(os_pwrite, "pwrite(fd, buffer, offset, /)", nullptr),
    MP_FUNCTION(os_lseek, "lseek(fd, position, whence, /)",
                "Set the position of a file descriptor.  Return the new position."),
    MP_FUNCTION(os_isatty, "isatty(fd, /)", "Return True if the fd is connected to a terminal."),
    MP_FUNCTION(os_ttyname, "ttyname(fd, /)", nullptr),
    MP_FUNCTION(os_pipe, "pipe()", "Create a pipe."),
    MP_FUNCTION(os_pipe2, "pipe2(flags, /)", nullptr),
    MP_FUNCTION(os_dup, "dup(fd, /)", "Return a duplicate of a file descriptor."),
    MP_FUNCTION(os_dup2, "dup2(fd, fd2, inheritable=True)", "Duplicate file descriptor."),
    MP_FUNCTION(os_fsync, "fsync(fd)", "Force write of fd to disk."),
    MP_FUNCTION(os_get_inheritable, "get_inheritable(fd, /)", nullptr),
    MP_FUNCTION(os_set_inheritable, "set_inheritable(fd, inheritable, /)", nullptr),
    MP_FUNCTION(os_get_blocking, "get_blocking(fd, /)", nullptr),
    MP_FUNCTION(os_set_blocking, "set_blocking(fd, blocking, /)", nullptr),
    MP_FUNCTION(os_sendfile, "sendfile(out_fd, in_fd, offset, count)", nullptr),
    MP_FUNCTION(os_terminal_size, "get_terminal_size(fd=1, /)",
                "Return the size of the terminal window as (columns, lines)."),
    MP_END};

Status add_descriptor_types(Thread& t, ModuleObject* module) {
  return module_add(t, module, "terminal_size", struct_sequence_type(t, kTerminalSpec));
}

}  // namespace mp::posix

// posix: reading and writing with several buffers, moving data between descriptors, locks and advice on
// files.
#include <fcntl.h>
#include <sys/uio.h>
#include <unistd.h>

#include "stdlib/native/posix_process.h"

namespace mp::posix {
namespace {

bool is_sequence(Thread& t, Value v) {
  return is_list(v) || is_tuple(v) || type_of(t, v)->slots.get_item != nullptr;
}
// Reads into memory of our own first: another thread may resize a script's buffer while the call waits.
template <class Call>
Result<Value> read_vector(Thread& t, Value buffers, const char* name, Call call) {
  if (!is_sequence(t, buffers)) return t.raise(Exc::TypeError, "{}() arg 2 must be a sequence", name);
  Value items = TRY(to_tuple(t, buffers));
  auto* targets = items.as<TupleObject>();
  std::vector<std::string> copies(targets->size);
  std::vector<iovec> vector(targets->size);
  for (size_t i = 0; i < targets->size; ++i) {
    copies[i].resize(static_cast<size_t>(TRY(io::writable_size(t, (*targets)[i]))));
    vector[i] = {copies[i].data(), copies[i].size()};
  }
  int64_t count = TRY(checked(t, [&] { return call(vector.data(), static_cast<int>(vector.size())); }));
  auto left = static_cast<size_t>(count);
  for (size_t i = 0; i < targets->size && left > 0; ++i) {
    size_t part = std::min(left, copies[i].size());
    TRY(io::copy_into(t, (*targets)[i], std::string_view(copies[i]).substr(0, part)));
    left -= part;
  }
  return make_int(t, count);
}
template <class Call>
Result<Value> write_vector(Thread& t, Value buffers, const char* name, Call call) {
  if (!is_sequence(t, buffers)) return t.raise(Exc::TypeError, "{}() arg 2 must be a sequence", name);
  Value items = TRY(to_tuple(t, buffers));
  auto* sources = items.as<TupleObject>();
  std::vector<std::string> copies(sources->size);
  std::vector<iovec> vector(sources->size);
  for (size_t i = 0; i < sources->size; ++i) {
    copies[i] = TRY(bytes_view(t, (*sources)[i]));
    vector[i] = {copies[i].data(), copies[i].size()};
  }
  return make_int(t, TRY(checked(t, [&] { return call(vector.data(), static_cast<int>(vector.size())); })));
}
Result<Value> os_readv(Thread& t, const Value* args) {
  int fd = TRY(fd_argument(t, args[0]));
  return read_vector(t, args[1], "readv", [&](const iovec* v, int n) { return readv(fd, v, n); });
}
Result<Value> os_preadv(Thread& t, const Value* args) {
  int fd = TRY(fd_argument(t, args[0]));
  int64_t offset = TRY(to_int64(t, args[2]));
  int flags = TRY(to_c_int(t, args[3]));
  return read_vector(t, args[1], "preadv",
                     [&](const iovec* v, int n) { return preadv2(fd, v, n, offset, flags); });
}
Result<Value> os_writev(Thread& t, const Value* args) {
  int fd = TRY(fd_argument(t, args[0]));
  return write_vector(t, args[1], "writev", [&](const iovec* v, int n) { return writev(fd, v, n); });
}
Result<Value> os_pwritev(Thread& t, const Value* args) {
  int fd = TRY(fd_argument(t, args[0]));
  int64_t offset = TRY(to_int64(t, args[2]));
  int flags = TRY(to_c_int(t, args[3]));
  return write_vector(t, args[1], "pwritev",
                      [&](const iovec* v, int n) { return pwritev2(fd, v, n, offset, flags); });
}

// An offset argument: None is "where the descriptor stands".
struct Offset {
  bool given = false;
  off64_t value = 0;
  off64_t* pointer() { return given ? &value : nullptr; }
};
Result<Offset> offset_argument(Thread& t, Value v) {
  if (v.is_none()) return Offset{};
  return Offset{true, TRY(to_int64(t, v))};
}
Result<Value> os_copy_file_range(Thread& t, const Value* args) {
  int from = TRY(to_c_int(t, args[0])), to = TRY(to_c_int(t, args[1]));
  int64_t count = TRY(to_ssize(t, args[2]));
  if (count < 0) return t.raise(Exc::ValueError, "negative value for 'count' not allowed");
  Offset source = TRY(offset_argument(t, args[3])), target = TRY(offset_argument(t, args[4]));
  return make_int(t, TRY(checked(t, [&] {
                    return copy_file_range(from, source.pointer(), to, target.pointer(),
                                           static_cast<size_t>(count), 0);
                  })));
}
Result<Value> os_splice(Thread& t, const Value* args) {
  int from = TRY(to_c_int(t, args[0])), to = TRY(to_c_int(t, args[1]));
  int64_t count = TRY(to_ssize(t, args[2]));
  if (count < 0) return t.raise(Exc::ValueError, "negative value for 'count' not allowed");
  Offset source = TRY(offset_argument(t, args[3])), target = TRY(offset_argument(t, args[4]));
  auto flags = static_cast<unsigned>(TRY(to_c_int(t, args[5])));
  return make_int(t, TRY(checked(t, [&] {
                    return splice(from, source.pointer(), to, target.pointer(), static_cast<size_t>(count),
                                  flags);
                  })));
}
Result<Value> os_lockf(Thread& t, const Value* args) {
  int fd = TRY(to_c_int(t, args[0])), command = TRY(to_c_int(t, args[1]));
  int64_t length = TRY(to_int64(t, args[2]));
  TRY(checked(t, [&] { return lockf(fd, command, length); }));
  return kNone;
}
// These two return the error.
Result<Value> os_posix_fallocate(Thread& t, const Value* args) {
  int fd = TRY(to_c_int(t, args[0]));
  int64_t offset = TRY(to_int64(t, args[1])), length = TRY(to_int64(t, args[2]));
  int error;
  do {
    BlockingRegion out(t);
    error = posix_fallocate(fd, offset, length);
  } while (error == EINTR);
  if (error != 0) return t.raise_os_error(error);
  return kNone;
}
Result<Value> os_posix_fadvise(Thread& t, const Value* args) {
  int fd = TRY(to_c_int(t, args[0]));
  int64_t offset = TRY(to_int64(t, args[1])), length = TRY(to_int64(t, args[2]));
  int advice = TRY(to_c_int(t, args[3]));
  int error = posix_fadvise(fd, offset, length, advice);
  if (error != 0) return t.raise_os_error(error);
  return kNone;
}
Result<Value> os_fdatasync(Thread& t, const Value* args) {
  int fd = TRY(fd_argument(t, args[0]));
  TRY(checked(t, [&] { return fdatasync(fd); }));
  return kNone;
}
}  // namespace

const NativeDef kTransferFunctions[] = {
    MP_FUNCTION(os_readv, "readv(fd, buffers, /)",
                "Read from a file descriptor fd into an iterable of buffers."),
    MP_FUNCTION(os_preadv, "preadv(fd, buffers, offset, flags=0, /)",
                "Reads from a file descriptor into a number of mutable bytes-like objects."),
    MP_FUNCTION(os_writev, "writev(fd, buffers, /)",
                "Iterate over buffers, and write the contents of each to a file descriptor."),
    MP_FUNCTION(os_pwritev, "pwritev(fd, buffers, offset, flags=0, /)",
                "Writes the contents of bytes-like objects to a file descriptor at a given offset."),
    MP_FUNCTION(os_copy_file_range, "copy_file_range(src, dst, count, offset_src=None, offset_dst=None)",
                "Copy count bytes from one file descriptor to another."),
    MP_FUNCTION(os_splice, "splice(src, dst, count, offset_src=None, offset_dst=None, flags=0)",
                "Transfer count bytes from one pipe to a descriptor or vice versa."),
    MP_FUNCTION(os_lockf, "lockf(fd, command, length, /)",
                "Apply, test or remove a POSIX lock on an open file descriptor."),
    MP_FUNCTION(os_posix_fallocate, "posix_fallocate(fd, offset, length, /)",
                "Ensure a file has allocated at least a particular number of bytes on disk."),
    MP_FUNCTION(os_posix_fadvise, "posix_fadvise(fd, offset, length, advice, /)",
                "Announce an intention to access data in a specific pattern."),
    MP_FUNCTION(os_fdatasync, "fdatasync(fd)",
                "Force write of fd to disk without forcing update of metadata."),
    MP_END};

}  // namespace mp::posix

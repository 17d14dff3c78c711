// FileIO: an unbuffered file descriptor. Blocking calls run detached and are retried after a signal (PEP
// 475).
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "stdlib/native/io.h"
#include "stdlib/native/io_orphans.h"
#include "vm/gc/idle.h"
#include "vm/os/memory.h"
#include "vm/threads/descriptor_wait.h"

namespace mp::io {

// read() or write() as `call`, again after a signal. -2: it would block.
template <class Call>
static Result<int64_t> transfer(Thread& t, size_t size, Call call) {
  constexpr size_t kMost = 0x7ffff000;  // read(2): Linux transfers no more at once
  if (size > kMost) size = kMost;
  for (;;) {
    ssize_t n;
    int error;
    {
      BlockingRegion out(t);
      n = call(size);
      error = errno;
    }
    if (n >= 0) return n;
    if (error == EINTR) {
      TRY(t.poll());
      continue;
    }
    if (error == EAGAIN) return int64_t{-2};
    return t.raise_os_error(error);
  }
}
Result<int64_t> file_read_into(Thread& t, FileIOObject* file, char* data, size_t size) {
  if (file->counted || file->fd <= STDERR_FILENO) TRY(await_readable(t, file->fd));
  return transfer(t, size, [&](size_t most) { return ::read(file->fd, data, most); });
}
Result<int64_t> file_write_from(Thread& t, FileIOObject* file, const char* data, size_t size) {
  return transfer(t, size, [&](size_t most) { return ::write(file->fd, data, most); });
}

namespace {

FileIOObject* self_of(const Value* args) { return args[0].as<FileIOObject>(); }
Status check_open(Thread& t, FileIOObject* file) {
  // FileIO's message has no full stop.
  if (file->fd < 0) return t.raise(Exc::ValueError, "I/O operation on closed file");
  return {};
}

struct OpenMode {
  int flags = 0;
  bool created = false, readable = false, writable = false, appending = false;
};
Result<OpenMode> parse_mode(Thread& t, const std::string& mode) {
  OpenMode m;
  auto bad = [&] {
    return t.raise(Exc::ValueError,
                   "Must have exactly one of create/read/write/append mode and at most one plus");
  };
  bool kind = false, plus = false;
  for (char c : mode) {
    switch (c) {
      case 'x':
        if (kind) return bad();
        kind = true, m.created = m.writable = true, m.flags |= O_EXCL | O_CREAT;
        break;
      case 'r':
        if (kind) return bad();
        kind = true, m.readable = true;
        break;
      case 'w':
        if (kind) return bad();
        kind = true, m.writable = true, m.flags |= O_CREAT | O_TRUNC;
        break;
      case 'a':
        if (kind) return bad();
        kind = true, m.writable = m.appending = true, m.flags |= O_APPEND | O_CREAT;
        break;
      case 'b': break;
      case '+':
        if (plus) return bad();
        m.readable = m.writable = plus = true;
        break;
      default: return t.raise(Exc::ValueError, "invalid mode: {}", mode);
    }
  }
  if (!kind) return bad();
  m.flags |= m.readable && m.writable ? O_RDWR : m.readable ? O_RDONLY : O_WRONLY;
  return m;
}

// Closes unless close_fd is false; never retried on EINTR (Linux has closed it).
Status close_descriptor(Thread& t, FileIOObject* file) {
  int fd = file->fd.exchange(-1);
  if (fd < 0 || !file->close_fd) return {};
  if (file->counted) note_closed(t);
  int error = 0;
  {
    BlockingRegion out(t);
    if (::close(fd) < 0) error = errno;
  }
  if (error != 0 && error != EINTR) return t.raise_os_error(error);
  return {};
}

Result<Value> file_new(Thread& t, Value cls, const CallArgs&) {
  Value self = TRY(allocate_instance(t, cls.as<Type>()));
  auto* file = self.as<FileIOObject>();  // cells are zeroed, not constructed
  file->fd = -1;
  file->seekable = -1;
  file->close_fd = true;
  file->block_size = kDefaultBufferSize;
  return self;
}

// __init__(self, file, mode='r', closefd=True, opener=None)
Result<Value> file_init(Thread& t, const Value* args) {
  FileIOObject* self = self_of(args);
  if (self->fd >= 0) TRY(close_descriptor(t, self));
  Value name = args[1];
  if (!is_str(args[2]))
    return t.raise(Exc::TypeError, "FileIO() argument 'mode' must be str, not {}", type_name(t, args[2]));
  std::string mode_text = to_utf8(args[2].as<StrObject>());
  if (name.is_float_inline() || is_float(name))
    return t.raise(Exc::TypeError, "integer argument expected, got float");
  OpenMode mode = TRY(parse_mode(t, mode_text));
  bool close_fd = TRY(truth(t, args[3]));
  int fd = -1;
  std::string path;
  Value path_value = name;
  if (is_any_int(name)) {
    if (name.is_bool()) TRY(warn(t, Exc::RuntimeWarning, "bool is used as a file descriptor"));
    int64_t number = TRY(to_int64(t, name));
    if (number < 0) return t.raise(Exc::ValueError, "negative file descriptor");
    if (number > INT32_MAX) return t.raise(Exc::OverflowError, "Python int too large to convert to C int");
    fd = static_cast<int>(number);
  } else {
    path_value = TRY(file_system_path(t, name));
    path = is_bytes(path_value) ? std::string(path_value.as<BytesObject>()->view())
                                : TRY(file_system_encode(t, path_value));
    if (path.find('\0') != std::string::npos) return t.raise(Exc::ValueError, "embedded null byte");
  }
  self->created = mode.created;
  self->readable = mode.readable;
  self->writable = mode.writable;
  self->appending = mode.appending;
  self->seekable = -1;
  self->close_fd = close_fd;
  bool opened_here = fd < 0;
  if (fd < 0) {
    if (!close_fd) return t.raise(Exc::ValueError, "Cannot use closefd=False with file name");
    int flags = mode.flags | O_CLOEXEC;
    flush_writers(t);
    if (args[4].is_none()) {
      for (bool reclaimed = false;;) {
        int error;
        {
          BlockingRegion out(t);
          fd = ::open(path.c_str(), flags, 0666);
          error = errno;
        }
        if (fd >= 0) break;
        if (error == EINTR) {
          TRY(t.poll());
          continue;
        }
        if (!reclaimed && reclaim_descriptors(t, error)) {
          reclaimed = true;
          continue;
        }
        return t.raise_os_error(error, name);
      }
    } else {
      Value opened = TRY(call(t, args[4], {name, Value::from_int(flags)}));
      if (!is_any_int(opened)) return t.raise(Exc::TypeError, "expected integer from opener");
      int64_t number = TRY(to_int64(t, opened));
      if (number < 0) return t.raise(Exc::ValueError, "opener returned {}", number);
      fd = static_cast<int>(number);
      fcntl(fd, F_SETFD, FD_CLOEXEC);
    }
  }
  struct stat info;
  if (fstat(fd, &info) < 0) {
    int error = errno;
    if (opened_here) ::close(fd);
    return t.raise_os_error(error, is_any_int(name) ? kEmpty : name);
  }
  if (S_ISDIR(info.st_mode)) {
    if (opened_here) ::close(fd);
    return t.raise_os_error(EISDIR, name);
  }
  if (info.st_blksize > 1) self->block_size = info.st_blksize;
  self->fd = fd;
  // Nobody waits for the end of a regular file.
  self->counted = self->close_fd && fd > STDERR_FILENO && (S_ISFIFO(info.st_mode) || S_ISSOCK(info.st_mode));
  if (self->counted) note_opened(t);
  TRY(set_attr(t, self, t.names().name, name));
  if (mode.appending) lseek(fd, 0, SEEK_END);
  return kNone;
}

Result<Value> file_close(Thread& t, const Value* args) {
  FileIOObject* self = self_of(args);
  // _RawIOBase.close marks the object and calls an overridden flush().
  Value super_close = type_lookup(t, native_type(t, kRawIOBaseSpec), t.names().close);
  Result<Value> base = self->fd < 0 ? Result<Value>(kNone) : call(t, super_close, {args[0]});
  Value exception = base.is_error() ? t.take_exception() : kEmpty;
  TRY(close_descriptor(t, self));
  if (!exception.is_empty()) {
    t.restore_exception(exception);
    return Error{};
  }
  return kNone;
}
Result<Value> file_fileno(Thread& t, const Value* args) {
  TRY(check_open(t, self_of(args)));
  return Value::from_int(self_of(args)->fd);
}
Result<Value> file_readable(Thread& t, const Value* args) {
  TRY(check_open(t, self_of(args)));
  return Value::from_bool(self_of(args)->readable);
}
Result<Value> file_writable(Thread& t, const Value* args) {
  TRY(check_open(t, self_of(args)));
  return Value::from_bool(self_of(args)->writable);
}
Result<Value> file_seekable(Thread& t, const Value* args) {
  FileIOObject* self = self_of(args);
  TRY(check_open(t, self));
  if (self->seekable < 0) self->seekable = lseek(self->fd, 0, SEEK_CUR) >= 0 ? 1 : 0;
  return Value::from_bool(self->seekable == 1);
}
Result<Value> file_isatty(Thread& t, const Value* args) {
  TRY(check_open(t, self_of(args)));
  return Value::from_bool(isatty(self_of(args)->fd) == 1);
}
Status check_readable(Thread& t, FileIOObject* self) {
  TRY(check_open(t, self));
  return self->readable ? Status() : Status(unsupported(t, "File not open for reading"));
}
Status check_writable(Thread& t, FileIOObject* self) {
  TRY(check_open(t, self));
  return self->writable ? Status() : Status(unsupported(t, "File not open for writing"));
}
Result<Value> file_readall(Thread& t, const Value* args) {
  FileIOObject* self = self_of(args);
  TRY(check_readable(t, self));
  std::string all;
  struct stat info;
  size_t chunk = 65536;
  if (fstat(self->fd, &info) == 0 && info.st_size > 0) {
    off_t at = lseek(self->fd, 0, SEEK_CUR);
    if (at >= 0 && info.st_size >= at) chunk = static_cast<size_t>(info.st_size - at) + 1;
  }
  for (;;) {
    size_t used = all.size();
    if (!os::has_room(used + chunk)) return t.raise_memory_error();
    all.resize(used + chunk);
    int64_t n = TRY(file_read_into(t, self, all.data() + used, chunk));
    all.resize(used + static_cast<size_t>(n > 0 ? n : 0));
    if (n == -2 && used == 0) return kNone;
    if (n <= 0) break;
    chunk = std::max<size_t>(65536, all.size() / 2);
  }
  BytesObject* bytes = make_bytes(t, all);
  return bytes == nullptr ? Result<Value>(Error{}) : Result<Value>(bytes);
}
Result<Value> file_read(Thread& t, const Value* args) {
  FileIOObject* self = self_of(args);
  TRY(check_readable(t, self));
  int64_t size = TRY(size_argument(t, args[1]));
  if (size < 0) return file_readall(t, args);
  std::string data;
  if (!os::has_room(static_cast<size_t>(size))) return t.raise_memory_error();
  data.resize(static_cast<size_t>(size));
  int64_t n = TRY(file_read_into(t, self, data.data(), data.size()));
  if (n == -2) return kNone;
  return make_bytes(t, std::string_view(data).substr(0, static_cast<size_t>(n)));
}
Result<Value> file_readinto(Thread& t, const Value* args) {
  FileIOObject* self = self_of(args);
  TRY(check_readable(t, self));
  int64_t size = TRY(writable_size(t, args[1]));
  std::string data(static_cast<size_t>(size), '\0');
  int64_t n = TRY(file_read_into(t, self, data.data(), data.size()));
  if (n == -2) return kNone;
  TRY(copy_into(t, args[1], std::string_view(data).substr(0, static_cast<size_t>(n))));
  return Value::from_int(n);
}
Result<Value> file_write(Thread& t, const Value* args) {
  FileIOObject* self = self_of(args);
  TRY(check_writable(t, self));
  HeldBuffer held;
  std::string_view view = TRY(hold_bytes(t, args[1], held));
  int64_t n = TRY(file_write_from(t, self, view.data(), view.size()));
  return n == -2 ? Result<Value>(kNone) : Result<Value>(make_int(t, n));
}
Result<Value> file_seek(Thread& t, const Value* args) {
  FileIOObject* self = self_of(args);
  TRY(check_open(t, self));
  if (is_float(args[1])) return t.raise(Exc::TypeError, "'float' object cannot be interpreted as an integer");
  int64_t offset = TRY(to_int64(t, args[1]));
  int whence = TRY(to_c_int(t, args[2]));
  off_t at;
  int error;
  {
    BlockingRegion out(t);
    at = lseek(self->fd, offset, whence);
    error = errno;
  }
  if (at < 0) return t.raise_os_error(error);
  if (self->seekable < 0) self->seekable = 1;
  return make_int(t, at);
}
Result<Value> file_tell(Thread& t, const Value* args) {
  TRY(check_open(t, self_of(args)));
  off_t at = lseek(self_of(args)->fd, 0, SEEK_CUR);
  if (at < 0) return t.raise_os_error(errno);
  return make_int(t, at);
}
Result<Value> file_truncate(Thread& t, const Value* args) {
  FileIOObject* self = self_of(args);
  TRY(check_writable(t, self));
  Value size_value = args[1];
  if (size_value.is_none()) size_value = TRY(file_tell(t, args));
  int64_t size = TRY(to_int64(t, size_value));
  int result, error;
  {
    BlockingRegion out(t);
    result = ftruncate(self->fd, size);
    error = errno;
  }
  if (result < 0) return t.raise_os_error(error);
  return size_value;
}

const char* mode_text(const FileIOObject* self) {
  if (self->created) return self->readable ? "xb+" : "xb";
  if (self->appending) return self->readable ? "ab+" : "ab";
  if (self->readable) return self->writable ? "rb+" : "rb";
  return "wb";
}
Result<Value> file_repr(Thread& t, Value self) {
  auto* file = self.as<FileIOObject>();
  std::string name = type_full_name(type_of(t, self));
  if (file->fd < 0) return make_str(t, "<" + name + " [closed]>");
  Value file_name = TRY(get_attr_or_not_found(t, self, t.names().name));
  ReprGuard guard(t, self);
  if (guard.recursive()) return t.raise(Exc::RuntimeError, "reentrant call inside {}.__repr__", name);
  std::string what =
      file_name.is_not_found() ? "fd=" + std::to_string(file->fd) : "name=" + TRY(repr_utf8(t, file_name));
  return make_str(t, fmt::format("<{} {} mode='{}' closefd={}>", name, what, mode_text(file),
                                 file->close_fd ? "True" : "False"));
}
Result<Value> file_mode(Thread& t, Value self) { return make_str(t, mode_text(self.as<FileIOObject>())); }
Result<Value> file_closed(Thread&, Value self) { return Value::from_bool(self.as<FileIOObject>()->fd < 0); }
Result<Value> file_closefd(Thread&, Value self) {
  return Value::from_bool(self.as<FileIOObject>()->close_fd);
}
Result<Value> file_blksize(Thread&, Value self) {
  return Value::from_int(self.as<FileIOObject>()->block_size);
}

// ResourceWarning about `source`, the outermost stream over this file.
Status warn_unclosed(Thread& t, FileIOObject* file, Value source) {
  if (file->fd < 0 || !file->close_fd) return {};
  std::string text = "unclosed file " + repr_text(t, source);
  if (warn(t, Exc::ResourceWarning, text).is_error()) write_unraisable(t, "Exception ignored in", source);
  return {};
}
Result<Value> file_dealloc_warn(Thread& t, const Value* args) {
  TRY(warn_unclosed(t, self_of(args), args[1]));
  return kNone;
}
Status file_finalize(Thread& t, Value self) {
  auto* file = self.as<FileIOObject>();
  if (file->fd < 0 || !file->close_fd) return {};
  TRY(warn_unclosed(t, file, self));
  if (call_method(t, self, t.names().close).is_error()) t.clear_exception();
  return {};
}

const NativeDef kFileMethods[] = {
    MP_METHOD(file_dealloc_warn, "_dealloc_warn(self, source, /)", nullptr),
    MP_RAW_NEW(file_new, "__new__(cls, /, *args, **kwargs)", nullptr),
    MP_METHOD(file_init, "__init__(self, /, file, mode='r', closefd=True, opener=None)", "Open a file."),
    MP_METHOD(file_read, "read(self, size=-1, /)", "Read at most size bytes, returned as bytes."),
    MP_METHOD(file_readall, "readall(self, /)", "Read all data from the file, returned as bytes."),
    MP_METHOD(file_readinto, "readinto(self, buffer, /)", "Same as RawIOBase.readinto()."),
    MP_METHOD(file_write, "write(self, b, /)", "Write buffer b to file, return number of bytes written."),
    MP_METHOD(file_seek, "seek(self, pos, whence=0, /)",
              "Move to new file position and return the file position."),
    MP_METHOD(file_tell, "tell(self, /)", "Current file position."),
    MP_METHOD(file_truncate, "truncate(self, size=None, /)",
              "Truncate the file to at most size bytes and return the truncated size."),
    MP_METHOD(file_close, "close(self, /)", "Close the file."),
    MP_METHOD(file_seekable, "seekable(self, /)", "True if file supports random-access."),
    MP_METHOD(file_readable, "readable(self, /)", "True if file was opened in a read mode."),
    MP_METHOD(file_writable, "writable(self, /)", "True if file was opened in a write mode."),
    MP_METHOD(file_fileno, "fileno(self, /)", "Return the underlying file descriptor (an integer)."),
    MP_METHOD(file_isatty, "isatty(self, /)", "True if the file is connected to a TTY device."),
    MP_END};
const GetSetDef kFileGetSets[] = {
    {"closed", file_closed, nullptr, "True if the file is closed"},
    {"closefd", file_closefd, nullptr, "True if the file descriptor will be closed by close()."},
    {"mode", file_mode, nullptr, "String giving the file mode"},
    {"_blksize", file_blksize, nullptr, "Stat st_blksize if available"},
    {}};

}  // namespace

const TypeSpec kFileIOSpec = {.name = "_io.FileIO",
                              .base_spec = &kRawIOBaseSpec,
                              .size = sizeof(FileIOObject),
                              .flags = kTypeBaseType | kTypeHasDict | kTypeHasWeakref,
                              .doc = "Open a file.",
                              .slots = MP_SLOTS(.repr = file_repr, .finalize = file_finalize),
                              .methods = kFileMethods,
                              .getsets = kFileGetSets};

}  // namespace mp::io

// posix: files and directories by path.
#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/time.h>
#include <unistd.h>

#include <climits>
#include <cstdlib>
#include <memory>

#include "stdlib/native/posix_support.h"
#include "vm/types/iterator_support.h"

namespace mp::posix {

Result<Path> path_argument(Thread& t, Value v, const char* function, bool allow_fd, const char* name,
                           bool allow_none) {
  io::flush_writers(t);
  Path path;
  path.original = v;
  if (allow_fd && is_any_int(v)) {
    TRY(warn_of_bool_descriptor(t, v));
    path.fd = TRY(to_c_int(t, v));
    return path;
  }
  Value text = v;
  if (!is_str(v) && !is_bytes(v)) {
    bool has_path = io::is_path_like(t, v);
    Value special = has_path ? TRY(call_special(t, v, t.names().__fspath__)) : kNotFound;
    if (!has_path)
      return t.raise(Exc::TypeError, "{}: {} should be string, bytes{} or {}, not {}", function, name,
                     allow_fd && allow_none ? ", os.PathLike, integer"
                     : allow_fd             ? ", os.PathLike"
                                            : "",
                     allow_fd && allow_none ? "None"
                     : allow_fd             ? "integer"
                                            : "os.PathLike",
                     type_name(t, v));
    if (!is_str(special) && !is_bytes(special))
      return t.raise(Exc::TypeError, "expected {}.__fspath__() to return str or bytes, not {}",
                     type_name(t, v), type_name(t, special));
    text = path.original = special;
  }
  path.is_bytes = is_bytes(text);
  path.text =
      path.is_bytes ? std::string(text.as<BytesObject>()->view()) : TRY(io::file_system_encode(t, text));
  if (path.text.find('\0') != std::string::npos)
    return t.raise(Exc::ValueError, "{}: embedded null character in path", function);
  return path;
}
Status warn_of_bool_descriptor(Thread& t, Value v) {
  return v.is_bool() ? warn(t, Exc::RuntimeWarning, "bool is used as a file descriptor") : Status{};
}
Result<int> fd_argument(Thread& t, Value v) {
  if (!is_any_int(v) && type_of(t, v)->slots.index == nullptr) {
    Value fileno = TRY(get_attr_or_not_found(t, v, t.names().fileno));
    if (fileno.is_not_found())
      return t.raise(Exc::TypeError, "argument must be an int, or have a fileno() method.");
    v = TRY(call(t, fileno));
    if (!is_any_int(v)) return t.raise(Exc::TypeError, "fileno() returned a non-integer");
  }
  TRY(warn_of_bool_descriptor(t, v));
  return to_c_int(t, v);
}
Result<int> dir_fd_argument(Thread& t, Value v) {
  if (v.is_none()) return AT_FDCWD;
  if (!is_any_int(v) && type_of(t, v)->slots.index == nullptr)
    return t.raise(Exc::TypeError, "argument should be integer or None, not {}", type_name(t, v));
  Value index = TRY(to_index(t, v));
  int64_t fd;
  if (!int_to_int64(index, &fd) || fd < INT_MIN || fd > INT_MAX)
    return t.raise(Exc::OverflowError, "fd is {} than {}",
                   int_compare(index, Value::from_int(0)) < 0 ? "less" : "greater",
                   int_compare(index, Value::from_int(0)) < 0 ? "minimum" : "maximum");
  return static_cast<int>(fd);
}
Value path_value(Thread& t, const std::string& text, bool as_bytes) {
  if (as_bytes) return make_bytes(t, text);
  Result<Value> decoded = decode_utf8(t, text, "surrogateescape");
  return decoded.is_error() ? kNone : decoded.value();
}

namespace {

constexpr const char* kStatFields[] = {
    "st_mode",      "st_ino",       "st_dev",       "st_nlink",  "st_uid",   "st_gid",   "st_size",
    "st_atime_int", "st_mtime_int", "st_ctime_int", "st_atime",  "st_mtime", "st_ctime", "st_atime_ns",
    "st_mtime_ns",  "st_ctime_ns",  "st_blksize",   "st_blocks", "st_rdev",  nullptr};
const StructSequenceSpec kStatSpec = {"os.stat_result", kStatFields, 10,
                                      "stat_result: Result from stat, fstat, or lstat."};
constexpr const char* kStatvfsFields[] = {"f_bsize",  "f_frsize",  "f_blocks", "f_bfree",
                                          "f_bavail", "f_files",   "f_ffree",  "f_favail",
                                          "f_flag",   "f_namemax", "f_fsid",   nullptr};
const StructSequenceSpec kStatvfsSpec = {"os.statvfs_result", kStatvfsFields, 10, nullptr};

double seconds(const timespec& ts) {
  return static_cast<double>(ts.tv_sec) + 1e-9 * static_cast<double>(ts.tv_nsec);
}

Value stat_result(Thread& t, const struct stat& s) {
  auto i = [&](auto n) { return make_int(t, static_cast<int64_t>(n)); };
  auto ns = [&](const timespec& ts) { return make_int(t, ts.tv_sec * int64_t{1000000000} + ts.tv_nsec); };
  Value fields[] = {i(s.st_mode),
                    make_int_unsigned(t, s.st_ino),
                    make_int_unsigned(t, s.st_dev),
                    i(s.st_nlink),
                    i(s.st_uid),
                    i(s.st_gid),
                    i(s.st_size),
                    i(s.st_atim.tv_sec),
                    i(s.st_mtim.tv_sec),
                    i(s.st_ctim.tv_sec),
                    make_float(t, seconds(s.st_atim)),
                    make_float(t, seconds(s.st_mtim)),
                    make_float(t, seconds(s.st_ctim)),
                    ns(s.st_atim),
                    ns(s.st_mtim),
                    ns(s.st_ctim),
                    i(s.st_blksize),
                    i(s.st_blocks),
                    make_int_unsigned(t, s.st_rdev)};
  return make_struct_sequence(t, struct_sequence_type(t, kStatSpec), fields, std::size(fields));
}

Result<Value> stat_path(Thread& t, Value path_value, Value dir_fd, bool follow, const char* name) {
  Path path = TRY(path_argument(t, path_value, name, std::string_view(name) == "stat"));
  int directory = TRY(dir_fd_argument(t, dir_fd));
  struct stat s;
  TRY(checked(
      t,
      [&] {
        return path.is_fd() ? fstat(path.fd, &s)
                            : fstatat(directory, path.text.c_str(), &s, follow ? 0 : AT_SYMLINK_NOFOLLOW);
      },
      path.original));
  return stat_result(t, s);
}
Result<Value> os_stat(Thread& t, const Value* args) {
  return stat_path(t, args[0], args[1], TRY(truth(t, args[2])), "stat");
}
Result<Value> os_lstat(Thread& t, const Value* args) {
  return stat_path(t, args[0], args[1], false, "lstat");
}
Result<Value> os_fstat(Thread& t, const Value* args) {
  int fd = TRY(fd_argument(t, args[0]));
  struct stat s;
  TRY(checked(t, [&] { return fstat(fd, &s); }));
  return stat_result(t, s);
}
Result<Value> os_statvfs(Thread& t, const Value* args) {
  Path path = TRY(path_argument(t, args[0], "statvfs", true));
  struct statvfs s;
  TRY(checked(
      t, [&] { return path.is_fd() ? fstatvfs(path.fd, &s) : statvfs(path.text.c_str(), &s); },
      path.original));
  auto i = [&](auto n) { return make_int_unsigned(t, static_cast<uint64_t>(n)); };
  Value fields[] = {i(s.f_bsize), i(s.f_frsize), i(s.f_blocks), i(s.f_bfree),   i(s.f_bavail), i(s.f_files),
                    i(s.f_ffree), i(s.f_favail), i(s.f_flag),   i(s.f_namemax), i(s.f_fsid)};
  return make_struct_sequence(t, struct_sequence_type(t, kStatvfsSpec), fields, std::size(fields));
}

// ---- directories

struct DirEntryObject : Object {
  Slot name, path;
  Slot lstat_cache, stat_cache;
  Slot directory;  // scandir(fd): the descriptor that `path` is relative to, else None
  uint8_t type;
  uint64_t inode;
};
void trace_entry(Object* object, Tracer& tracer) {
  tracer.visit_slots(&static_cast<DirEntryObject*>(object)->name, 5);
}
Result<Value> entry_stat_value(Thread& t, DirEntryObject* entry, bool follow) {
  Slot& cache = follow ? entry->stat_cache : entry->lstat_cache;
  if (cache.get().is_empty()) cache = TRY(stat_path(t, entry->path, entry->directory, follow, "stat"));
  return cache;
}
Result<Value> entry_stat(Thread& t, const Value* args) {
  return entry_stat_value(t, args[0].as<DirEntryObject>(), TRY(truth(t, args[1])));
}
Result<bool> entry_is(Thread& t, DirEntryObject* entry, bool follow, mode_t wanted, uint8_t type) {
  bool link = entry->type == DT_LNK;
  if (entry->type != DT_UNKNOWN && !(link && follow)) return entry->type == type;
  Result<Value> stat = entry_stat_value(t, entry, follow);
  if (stat.is_error()) {
    if (t.catch_exception(Exc::FileNotFoundError)) return false;
    return Error{};
  }
  int64_t mode = (*stat.value().as<TupleObject>())[0].as_int();
  return (static_cast<mode_t>(mode) & S_IFMT) == wanted;
}
Result<Value> entry_is_dir(Thread& t, const Value* args) {
  return Value::from_bool(
      TRY(entry_is(t, args[0].as<DirEntryObject>(), TRY(truth(t, args[1])), S_IFDIR, DT_DIR)));
}
Result<Value> entry_is_file(Thread& t, const Value* args) {
  return Value::from_bool(
      TRY(entry_is(t, args[0].as<DirEntryObject>(), TRY(truth(t, args[1])), S_IFREG, DT_REG)));
}
Result<Value> entry_is_symlink(Thread& t, const Value* args) {
  return Value::from_bool(TRY(entry_is(t, args[0].as<DirEntryObject>(), false, S_IFLNK, DT_LNK)));
}
Result<Value> entry_is_junction(Thread&, const Value*) { return kFalse; }
Result<Value> entry_inode(Thread& t, const Value* args) {
  return make_int_unsigned(t, args[0].as<DirEntryObject>()->inode);
}
Result<Value> entry_fspath(Thread&, const Value* args) { return args[0].as<DirEntryObject>()->path; }
Result<Value> entry_repr(Thread& t, Value self) {
  return make_str(t, "<DirEntry " + repr_text(t, self.as<DirEntryObject>()->name) + ">");
}
const NativeDef kEntryMethods[] = {
    MP_METHOD(entry_stat, "stat(self, /, *, follow_symlinks=True)", nullptr),
    MP_METHOD(entry_is_dir, "is_dir(self, /, *, follow_symlinks=True)", nullptr),
    MP_METHOD(entry_is_file, "is_file(self, /, *, follow_symlinks=True)", nullptr),
    MP_METHOD(entry_is_symlink, "is_symlink(self, /)", nullptr),
    MP_METHOD(entry_is_junction, "is_junction(self, /)", nullptr),
    MP_METHOD(entry_inode, "inode(self, /)", nullptr),
    MP_METHOD(entry_fspath, "__fspath__(self, /)", nullptr),
    MP_END};
const MemberDef kEntryMembers[] = {{"name", offsetof(DirEntryObject, name), true, nullptr},
                                   {"path", offsetof(DirEntryObject, path), true, nullptr},
                                   {}};
const TypeSpec kDirEntrySpec = {.name = "posix.DirEntry",
                                .size = sizeof(DirEntryObject),
                                .flags = kTypeDisallowNew,
                                .trace = trace_entry,
                                .slots = MP_SLOTS(.repr = entry_repr),
                                .methods = kEntryMethods,
                                .members = kEntryMembers};

// scandir() reads the whole directory at once: the iterator holds no descriptor.
struct ScandirObject : Object {
  Slot entries;
  std::atomic<size_t> index;
  std::atomic<bool> closed;
};
void trace_scandir(Object* object, Tracer& tracer) {
  tracer.visit(static_cast<ScandirObject*>(object)->entries);
}
Result<Value> scandir_next(Thread&, Value self) {
  auto* scan = self.as<ScandirObject>();
  if (scan->closed) return kNoMore;
  Value entry = scan->entries.get().as<ListObject>()->at(scan->index++);
  if (!entry.is_empty()) return entry;
  scan->closed = true;
  return kNoMore;
}
Result<Value> scandir_close(Thread&, const Value* args) {
  args[0].as<ScandirObject>()->closed = true;
  return kNone;
}
Result<Value> scandir_enter(Thread&, const Value* args) { return args[0]; }
const NativeDef kScandirMethods[] = {MP_METHOD(scandir_close, "close(self, /)", nullptr),
                                     MP_METHOD(scandir_enter, "__enter__(self, /)", nullptr),
                                     MP_METHOD(scandir_close, "__exit__(self, /, *args)", nullptr), MP_END};
const TypeSpec kScandirSpec = {.name = "posix.ScandirIterator",
                               .size = sizeof(ScandirObject),
                               .flags = kTypeDisallowNew,
                               .trace = trace_scandir,
                               .slots = MP_SLOTS(.iter = iterator_self, .next = scandir_next),
                               .methods = kScandirMethods};

struct RawEntry {
  std::string name;
  uint8_t type;
  uint64_t inode;
};
Status read_directory(Thread& t, const Path& path, std::vector<RawEntry>& out) {
  int error = 0;
  {
    BlockingRegion region(t);
    DIR* directory = nullptr;
    if (path.is_fd()) {
      int copy = fcntl(path.fd, F_DUPFD_CLOEXEC, 0);
      directory = copy < 0 ? nullptr : fdopendir(copy);
      if (directory != nullptr)
        rewinddir(directory);
      else if (copy >= 0)
        close(copy);
    } else {
      directory = opendir(path.text.c_str());
    }
    if (directory == nullptr) {
      error = errno;
    } else {
      for (;;) {
        errno = 0;
        dirent* entry = readdir(directory);
        if (entry == nullptr) {
          error = errno;
          break;
        }
        std::string_view name = entry->d_name;
        if (name != "." && name != "..") out.push_back({std::string(name), entry->d_type, entry->d_ino});
      }
      closedir(directory);
    }
  }
  if (error != 0) return t.raise_os_error(error, path.original);
  return {};
}
Result<Path> directory_argument(Thread& t, Value v, const char* name) {
  if (v.is_none()) {
    Path here;
    here.text = ".";
    here.original = make_str(t, ".");
    return here;
  }
  return path_argument(t, v, name, true, "path", true);
}
Result<Value> os_listdir(Thread& t, const Value* args) {
  Path path = TRY(directory_argument(t, args[0], "listdir"));
  std::vector<RawEntry> raw;
  TRY(read_directory(t, path, raw));
  ListObject* list = make_list(t, raw.size());
  for (const RawEntry& entry : raw) TRY(list_append(t, list, path_value(t, entry.name, path.is_bytes)));
  return list;
}
Result<Value> os_scandir(Thread& t, const Value* args) {
  Path path = TRY(directory_argument(t, args[0], "scandir"));
  std::vector<RawEntry> raw;
  TRY(read_directory(t, path, raw));
  auto* scan = t.heap().make<ScandirObject>(t, native_type(t, kScandirSpec));
  ListObject* list = make_list(t, raw.size());
  scan->entries = list;
  std::string prefix = path.is_fd() ? "" : path.text;
  if (!prefix.empty() && prefix.back() != '/') prefix += '/';
  for (const RawEntry& entry : raw) {
    auto* object = t.heap().make<DirEntryObject>(t, native_type(t, kDirEntrySpec));
    object->name = path_value(t, entry.name, path.is_bytes);
    object->path = path_value(t, prefix + entry.name, path.is_bytes);
    object->directory = path.is_fd() ? Value::from_int(path.fd) : kNone;
    object->type = entry.type;
    object->inode = entry.inode;
    TRY(list_append(t, list, object));
  }
  return scan;
}
// A path may be longer than PATH_MAX: the C library takes as much memory as it needs.
Result<Value> current_directory(Thread& t, bool as_bytes) {
  std::unique_ptr<char, decltype(&free)> text(getcwd(nullptr, 0), free);
  if (text == nullptr) return t.raise_os_error(errno);
  return path_value(t, text.get(), as_bytes);
}
Result<Value> os_getcwd(Thread& t, const Value*) { return current_directory(t, false); }
Result<Value> os_getcwdb(Thread& t, const Value*) { return current_directory(t, true); }
Result<Value> os_chdir(Thread& t, const Value* args) {
  Path path = TRY(path_argument(t, args[0], "chdir", true));
  TRY(checked(
      t, [&] { return path.is_fd() ? fchdir(path.fd) : chdir(path.text.c_str()); }, path.original));
  return kNone;
}
Result<Value> os_mkdir(Thread& t, const Value* args) {
  Path path = TRY(path_argument(t, args[0], "mkdir"));
  int mode = TRY(to_c_int(t, args[1])), directory = TRY(dir_fd_argument(t, args[2]));
  TRY(checked(
      t, [&] { return mkdirat(directory, path.text.c_str(), static_cast<mode_t>(mode)); }, path.original));
  return kNone;
}
Result<Value> os_rmdir(Thread& t, const Value* args) {
  Path path = TRY(path_argument(t, args[0], "rmdir"));
  int directory = TRY(dir_fd_argument(t, args[1]));
  TRY(checked(
      t, [&] { return unlinkat(directory, path.text.c_str(), AT_REMOVEDIR); }, path.original));
  return kNone;
}
Result<Value> os_unlink(Thread& t, const Value* args) {
  Path path = TRY(path_argument(t, args[0], "remove"));
  int directory = TRY(dir_fd_argument(t, args[1]));
  TRY(checked(
      t, [&] { return unlinkat(directory, path.text.c_str(), 0); }, path.original));
  return kNone;
}
Result<Value> os_rename(Thread& t, const Value* args) {
  Path from = TRY(path_argument(t, args[0], "rename", false, "src"));
  Path to = TRY(path_argument(t, args[1], "rename", false, "dst"));
  int from_directory = TRY(dir_fd_argument(t, args[2])), to_directory = TRY(dir_fd_argument(t, args[3]));
  TRY(checked(
      t, [&] { return renameat(from_directory, from.text.c_str(), to_directory, to.text.c_str()); },
      from.original, to.original));
  return kNone;
}
Result<Value> os_link(Thread& t, const Value* args) {
  Path from = TRY(path_argument(t, args[0], "link", false, "src"));
  Path to = TRY(path_argument(t, args[1], "link", false, "dst"));
  TRY(checked(
      t, [&] { return link(from.text.c_str(), to.text.c_str()); }, from.original, to.original));
  return kNone;
}
Result<Value> os_symlink(Thread& t, const Value* args) {
  Path from = TRY(path_argument(t, args[0], "symlink", false, "src"));
  Path to = TRY(path_argument(t, args[1], "symlink", false, "dst"));
  int directory = TRY(dir_fd_argument(t, args[3]));
  TRY(checked(
      t, [&] { return symlinkat(from.text.c_str(), directory, to.text.c_str()); }, from.original,
      to.original));
  return kNone;
}
Result<Value> os_readlink(Thread& t, const Value* args) {
  Path path = TRY(path_argument(t, args[0], "readlink"));
  int directory = TRY(dir_fd_argument(t, args[1]));
  char buffer[PATH_MAX];
  int64_t n = TRY(checked(
      t, [&] { return readlinkat(directory, path.text.c_str(), buffer, sizeof buffer); }, path.original));
  return path_value(t, std::string(buffer, static_cast<size_t>(n)), path.is_bytes);
}
Result<Value> os_access(Thread& t, const Value* args) {
  Path path = TRY(path_argument(t, args[0], "access"));
  int mode = TRY(to_c_int(t, args[1])), directory = TRY(dir_fd_argument(t, args[2]));
  bool effective = TRY(truth(t, args[3])), follow = TRY(truth(t, args[4]));
  int flags = (effective ? AT_EACCESS : 0) | (follow ? 0 : AT_SYMLINK_NOFOLLOW);
  BlockingRegion out(t);
  return Value::from_bool(faccessat(directory, path.text.c_str(), mode, flags) == 0);
}
Result<Value> os_chmod(Thread& t, const Value* args) {
  Path path = TRY(path_argument(t, args[0], "chmod", true));
  auto mode = static_cast<mode_t>(TRY(to_c_int(t, args[1])));
  TRY(checked(
      t, [&] { return path.is_fd() ? fchmod(path.fd, mode) : chmod(path.text.c_str(), mode); },
      path.original));
  return kNone;
}
Result<Value> os_chown(Thread& t, const Value* args) {
  Path path = TRY(path_argument(t, args[0], "chown", true));
  auto user = static_cast<uid_t>(TRY(to_int64(t, args[1])));
  auto group = static_cast<gid_t>(TRY(to_int64(t, args[2])));
  TRY(checked(
      t, [&] { return path.is_fd() ? fchown(path.fd, user, group) : chown(path.text.c_str(), user, group); },
      path.original));
  return kNone;
}
Result<Value> os_truncate(Thread& t, const Value* args) {
  Path path = TRY(path_argument(t, args[0], "truncate", true));
  int64_t size = TRY(to_int64(t, args[1]));
  TRY(checked(
      t, [&] { return path.is_fd() ? ftruncate(path.fd, size) : truncate(path.text.c_str(), size); },
      path.original));
  return kNone;
}
Result<timespec> time_argument(Thread& t, Value v, bool nanoseconds) {
  timespec ts;
  if (nanoseconds || is_any_int(v)) {
    Value index = TRY(to_index(t, v));
    Value unit = make_int(t, nanoseconds ? 1000000000 : 1);
    ts.tv_sec = TRY(to_int64(t, TRY(int_floordiv(t, index, unit))));
    ts.tv_nsec = nanoseconds ? TRY(to_int64(t, TRY(int_mod(t, index, unit)))) : 0;
  } else {
    double d = TRY(to_double(t, v));
    double whole = __builtin_floor(d);
    ts.tv_sec = static_cast<time_t>(whole);
    ts.tv_nsec = static_cast<long>((d - whole) * 1e9);
  }
  return ts;
}
Result<Value> os_utime(Thread& t, const Value* args) {
  Path path = TRY(path_argument(t, args[0], "utime", true));
  timespec times[2] = {{0, UTIME_NOW}, {0, UTIME_NOW}};
  bool nanoseconds = !args[2].is_empty();
  if (nanoseconds && !args[1].is_none())
    return t.raise(Exc::ValueError, "utime: you may specify either 'times' or 'ns' but not both");
  Value source = nanoseconds ? args[2] : args[1];
  if (nanoseconds || !source.is_none()) {
    if (!is_tuple(source) || source.as<TupleObject>()->size != 2)
      return t.raise(Exc::TypeError, "utime: {}",
                     nanoseconds ? "'ns' must be a tuple of two ints"
                                 : "'times' must be either a tuple of two ints or None");
    for (int i = 0; i < 2; ++i)
      times[i] = TRY(time_argument(t, (*source.as<TupleObject>())[static_cast<size_t>(i)], nanoseconds));
  }
  int directory = TRY(dir_fd_argument(t, args[3]));
  bool follow = TRY(truth(t, args[4]));
  TRY(checked(
      t,
      [&] {
        return path.is_fd()
                   ? futimens(path.fd, times)
                   : utimensat(directory, path.text.c_str(), times, follow ? 0 : AT_SYMLINK_NOFOLLOW);
      },
      path.original));
  return kNone;
}
Result<Value> os_mkfifo(Thread& t, const Value* args) {
  Path path = TRY(path_argument(t, args[0], "mkfifo"));
  auto mode = static_cast<mode_t>(TRY(to_c_int(t, args[1])));
  int directory = TRY(dir_fd_argument(t, args[2]));
  TRY(checked(
      t, [&] { return mkfifoat(directory, path.text.c_str(), mode); }, path.original));
  return kNone;
}
Result<Value> os_fspath(Thread& t, const Value* args) { return io::file_system_path(t, args[0]); }
Result<Value> os_umask(Thread& t, const Value* args) {
  int mask = TRY(to_c_int(t, args[0]));
  return Value::from_int(umask(static_cast<mode_t>(mask)));
}
Result<Value> os_sync(Thread& t, const Value*) {
  BlockingRegion out(t);
  sync();
  return kNone;
}

// os.path.normpath() without its last step: nothing is left of ".".
Result<Value> os_path_normpath(Thread& t, const Value* args) {
  if (!is_str(args[0]))
    return t.raise(Exc::TypeError, "_path_normpath() argument 'path' must be str, not {}",
                   type_name(t, args[0]));
  std::string text = to_utf8(args[0].as<StrObject>());
  // POSIX: exactly two leading slashes may mean something else than one.
  size_t slashes = text.find_first_not_of('/');
  if (slashes == std::string::npos) slashes = text.size();
  std::string out(slashes == 2 ? 2 : slashes > 0 ? 1 : 0, '/');
  size_t root = out.size(), kept = 0;  // components that ".." takes away
  for (size_t at = slashes; at < text.size();) {
    size_t end = std::min(text.find('/', at), text.size());
    std::string_view part = std::string_view(text).substr(at, end - at);
    at = end + 1;
    if (part.empty() || part == ".") continue;
    if (part == ".." && kept > 0) {
      size_t last = out.rfind('/');
      out.resize(last == std::string::npos || last < root ? root : last);
      --kept;
      continue;
    }
    if (part == "..") {
      if (root > 0) continue;
    } else {
      ++kept;
    }
    if (out.size() > root) out += '/';
    out += part;
  }
  return make_str(t, out);
}

}  // namespace

const NativeDef kFileFunctions[] = {
    MP_FUNCTION(os_path_normpath, "_path_normpath(path)", "Basic routine for normalizing path."),
    MP_FUNCTION(os_stat, "stat(path, *, dir_fd=None, follow_symlinks=True)",
                "Perform a stat system call on the given path."),
    MP_FUNCTION(os_lstat, "lstat(path, *, dir_fd=None)",
                "Perform a stat system call on the given path, without following symbolic links."),
    MP_FUNCTION(os_fstat, "fstat(fd)", "Perform a stat system call on the given file descriptor."),
    MP_FUNCTION(os_statvfs, "statvfs(path)", nullptr),
    MP_FUNCTION(os_statvfs, "fstatvfs(fd)", nullptr),
    MP_FUNCTION(os_listdir, "listdir(path=None)",
                "Return a list containing the names of the files in the directory."),
    MP_FUNCTION(os_scandir, "scandir(path=None)", "Return an iterator of DirEntry objects for given path."),
    MP_FUNCTION(os_getcwd, "getcwd()", "Return a unicode string representing the current working directory."),
    MP_FUNCTION(os_getcwdb, "getcwdb()", "Return a bytes string representing the current working directory."),
    MP_FUNCTION(os_chdir, "chdir(path)", "Change the current working directory to the specified path."),
    MP_FUNCTION(os_chdir, "fchdir(fd)", nullptr),
    MP_FUNCTION(os_mkdir, "mkdir(path, mode=511, *, dir_fd=None)", "Create a directory."),
    MP_FUNCTION(os_rmdir, "rmdir(path, *, dir_fd=None)", "Remove a directory."),
    MP_FUNCTION(os_unlink, "unlink(path, *, dir_fd=None)", "Remove a file (same as remove())."),
    MP_FUNCTION(os_unlink, "remove(path, *, dir_fd=None)", "Remove a file (same as unlink())."),
    MP_FUNCTION(os_rename, "rename(src, dst, *, src_dir_fd=None, dst_dir_fd=None)",
                "Rename a file or directory."),
    MP_FUNCTION(os_rename, "replace(src, dst, *, src_dir_fd=None, dst_dir_fd=None)",
                "Rename a file or directory, overwriting the destination."),
    MP_FUNCTION(os_link, "link(src, dst, *, src_dir_fd=None, dst_dir_fd=None, follow_symlinks=True)",
                "Create a hard link to a file."),
    MP_FUNCTION(os_symlink, "symlink(src, dst, target_is_directory=False, *, dir_fd=None)",
                "Create a symbolic link pointing to src named dst."),
    MP_FUNCTION(os_readlink, "readlink(path, *, dir_fd=None)",
                "Return a string representing the path to which the symbolic link points."),
    MP_FUNCTION(os_access, "access(path, mode, *, dir_fd=None, effective_ids=False, follow_symlinks=True)",
                nullptr),
    MP_FUNCTION(os_chmod, "chmod(path, mode, *, dir_fd=None, follow_symlinks=True)",
                "Change the access permissions of a file."),
    MP_FUNCTION(os_chmod, "fchmod(fd, mode)", nullptr),
    MP_FUNCTION(os_chown, "chown(path, uid, gid, *, dir_fd=None, follow_symlinks=True)", nullptr),
    MP_FUNCTION(os_chown, "fchown(fd, uid, gid)", nullptr),
    MP_FUNCTION(os_truncate, "truncate(path, length)", nullptr),
    MP_FUNCTION(os_truncate, "ftruncate(fd, length, /)", nullptr),
    MP_FUNCTION(os_utime, "utime(path, times=None, *, ns=?, dir_fd=None, follow_symlinks=True)", nullptr),
    MP_FUNCTION(os_mkfifo, "mkfifo(path, mode=438, *, dir_fd=None)", nullptr),
    MP_FUNCTION(os_fspath, "fspath(path)", "Return the file system path representation of the object."),
    MP_FUNCTION(os_umask, "umask(mask, /)", "Set the current numeric umask and return the previous umask."),
    MP_FUNCTION(os_sync, "sync()", "Force write of everything to disk."),
    MP_END};

Status add_file_types(Thread& t, ModuleObject* module) {
  if (module_add_type(t, module, kDirEntrySpec) == nullptr ||
      module_add_type(t, module, kScandirSpec) == nullptr)
    return Error{};
  TRY(module_add(t, module, "stat_result", struct_sequence_type(t, kStatSpec)));
  TRY(module_add(t, module, "statvfs_result", struct_sequence_type(t, kStatvfsSpec)));
  return {};
}

}  // namespace mp::posix

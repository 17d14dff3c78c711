// mmap: files and anonymous memory as mutable bytes. The mapping stays where it is while a view of it is out;
// every access holds the object's lock, so that no other thread unmaps the memory meanwhile. A file that
// somebody shortens under its mapping ends the process with SIGBUS, as in CPython.
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstring>

#include "stdlib/native/posix_support.h"
#include "vm/os/memory.h"
#include "vm/threads/object_lock.h"
#include "vm/types/buffer.h"

namespace mp {

namespace {

enum class Access : int { Default, Read, Write, Copy };
constexpr const char* kAccessNames[] = {"ACCESS_DEFAULT", "ACCESS_READ", "ACCESS_WRITE", "ACCESS_COPY"};

struct MmapObject : Object {
  std::atomic<uint8_t*> data{nullptr};  // null: closed
  std::atomic<int64_t> size{0};
  std::atomic<int64_t> position{0};
  std::atomic<int32_t> exports{0};  // views that are out
  int64_t offset;
  int fd;  // our own, or -1
  bool tracks_fd;
  bool anonymous_shared;
  Access access;
};
extern const TypeSpec kMmapSpec;

MmapObject* self(Value v) { return v.as<MmapObject>(); }

Error raise_closed(Thread& t) { return t.raise(Exc::ValueError, "mmap closed or invalid"); }
Status check_writable(Thread& t, MmapObject* m) {
  if (m->access == Access::Read) return t.raise(Exc::TypeError, "mmap can't modify a readonly memory map.");
  return {};
}

// ---------------------------------------------------------------- making and closing

void unmap(MmapObject* m) {
  if (uint8_t* data = m->data.exchange(nullptr)) munmap(data, static_cast<size_t>(m->size.load()));
  if (m->fd >= 0) close(m->fd);
  m->fd = -1;
}

// The length that is mapped of the file behind `fd`: all of it from `offset` when `length` is 0.
Result<int64_t> mapped_length(Thread& t, int fd, int64_t length, int64_t offset) {
  struct stat status;
  if (fd < 0 || fstat(fd, &status) != 0 || !S_ISREG(status.st_mode)) return length;
  if (length == 0) {
    if (status.st_size == 0) return t.raise(Exc::ValueError, "cannot mmap an empty file");
    if (offset >= status.st_size) return t.raise(Exc::ValueError, "mmap offset is greater than file size");
    return status.st_size - offset;
  }
  if (offset > status.st_size || status.st_size - offset < length)
    return t.raise(Exc::ValueError, "mmap length is greater than file size");
  return length;
}

// __new__(cls, fileno, length, flags, prot, access, offset, *, trackfd)
Result<Value> mmap_new(Thread& t, const Value* args) {
  int fd = TRY(to_c_int(t, args[1]));
  int64_t length = TRY(to_int64(t, args[2])), offset = TRY(to_int64(t, args[6]));
  int flags = TRY(to_c_int(t, args[3])), protection = TRY(to_c_int(t, args[4])),
      access = TRY(to_c_int(t, args[5]));
  bool tracks_fd = TRY(truth(t, args[7]));
  if (length < 0) return t.raise(Exc::OverflowError, "memory mapped length must be positive");
  if (offset < 0) return t.raise(Exc::OverflowError, "memory mapped offset must be positive");
  constexpr int kReadWrite = PROT_READ | PROT_WRITE;
  if (access != 0 && (flags != MAP_SHARED || protection != kReadWrite))
    return t.raise(Exc::ValueError, "mmap can't specify both access and flags, prot.");
  switch (access) {
    case static_cast<int>(Access::Default):
      if ((protection & kReadWrite) != kReadWrite && (protection & PROT_WRITE) == 0)
        access = static_cast<int>(Access::Read);
      break;
    case static_cast<int>(Access::Read): protection = PROT_READ; break;
    case static_cast<int>(Access::Write): break;
    case static_cast<int>(Access::Copy): flags = MAP_PRIVATE; break;
    default: return t.raise(Exc::ValueError, "mmap invalid access parameter.");
  }
  io::flush_writers(t);
  length = TRY(mapped_length(t, fd, length, offset));
  auto* m = t.heap().make<MmapObject>(t, args[0].as<Type>());
  m->fd = -1;
  m->access = static_cast<Access>(access);
  m->offset = offset;
  m->tracks_fd = tracks_fd;
  m->anonymous_shared = fd == -1 && (flags & MAP_PRIVATE) == 0;
  if (fd == -1)
    flags |= MAP_ANONYMOUS;
  else if (tracks_fd)
    m->fd = static_cast<int>(TRY(posix::checked(t, [&] { return fcntl(fd, F_DUPFD_CLOEXEC, 0); })));
  void* data = mmap(nullptr, static_cast<size_t>(length), protection, flags, fd, offset);
  if (data == MAP_FAILED) return t.raise_os_error(errno);
  m->size = length;
  m->data = static_cast<uint8_t*>(data);
  return m;
}
Status mmap_finalize(Thread&, Value v) {
  if (self(v)->exports.load() == 0) unmap(self(v));
  return {};
}
Result<Value> mmap_close(Thread& t, const Value* args) {
  MmapObject* m = self(args[0]);
  settle_exports(t, m->exports);
  ObjectLock lock(t, m);
  TRY(check_exports(t, m->exports, "cannot close exported pointers exist"));
  unmap(m);
  return kNone;
}
Result<Value> mmap_closed(Thread&, Value v) { return Value::from_bool(self(v)->data.load() == nullptr); }
Result<Value> mmap_enter(Thread& t, const Value* args) {
  if (self(args[0])->data.load() == nullptr) return raise_closed(t);
  return args[0];
}
Result<Value> mmap_repr(Thread& t, Value v) {
  MmapObject* m = self(v);
  if (m->data.load() == nullptr)
    return make_str(t, fmt::format("<{} closed=True>", type_full_name(m->type())));
  return make_str(t, fmt::format("<{} closed=False, access={}, length={}, pos={}, offset={}>",
                                 type_full_name(m->type()), kAccessNames[static_cast<int>(m->access)],
                                 m->size.load(), m->position.load(), m->offset));
}

// ---------------------------------------------------------------- as a file

// Reads as many bytes from the position on as count(rest of the memory) says.
template <class Count>
Result<Value> take(Thread& t, MmapObject* m, Count count) {
  std::string out;
  {
    ObjectLock lock(t, m);
    if (m->data.load() == nullptr) return raise_closed(t);
    std::string_view all(reinterpret_cast<char*>(m->data.load()), static_cast<size_t>(m->size.load()));
    std::string_view rest = all.substr(std::min(static_cast<size_t>(m->position.load()), all.size()));
    rest = rest.substr(0, count(rest));
    if (!os::has_room(rest.size())) return t.raise_memory_error();
    out = rest;
    m->position += static_cast<int64_t>(out.size());
  }
  return str_or_error(make_bytes(t, out));
}

Result<Value> mmap_read(Thread& t, const Value* args) {
  MmapObject* m = self(args[0]);
  int64_t wanted = args[1].is_none() ? INT64_MAX : TRY(to_int64(t, TRY(to_index(t, args[1]))));
  return take(t, m, [&](std::string_view rest) {
    return wanted < 0 ? rest.size() : std::min(static_cast<size_t>(wanted), rest.size());
  });
}
Result<Value> mmap_read_byte(Thread& t, const Value* args) {
  MmapObject* m = self(args[0]);
  ObjectLock lock(t, m);
  if (m->data.load() == nullptr) return raise_closed(t);
  if (m->position >= m->size) return t.raise(Exc::ValueError, "read byte out of range");
  return Value::from_int(m->data.load()[m->position++]);
}
Result<Value> mmap_readline(Thread& t, const Value* args) {
  return take(t, self(args[0]), [](std::string_view rest) {
    size_t end = rest.find('\n');
    return end == std::string_view::npos ? rest.size() : end + 1;
  });
}
Result<Value> mmap_write(Thread& t, const Value* args) {
  MmapObject* m = self(args[0]);
  HeldBuffer bytes;
  TRY(bytes.get(t, args[1]));
  ObjectLock lock(t, m);
  if (m->data.load() == nullptr) return raise_closed(t);
  TRY(check_writable(t, m));
  int64_t count = static_cast<int64_t>(bytes.bytes().size());
  if (m->position > m->size || m->size - m->position < count)
    return t.raise(Exc::ValueError, "data out of range");
  std::memmove(m->data.load() + m->position, bytes.bytes().data(), static_cast<size_t>(count));
  m->position += count;
  return Value::from_int(count);
}
Result<uint8_t> byte_value(Thread& t, Value v) {
  int64_t byte = TRY(to_int64(t, TRY(to_index(t, v))));
  if (byte < 0 || byte > 255) return t.raise(Exc::ValueError, "mmap item value must be in range(0, 256)");
  return static_cast<uint8_t>(byte);
}
Result<Value> mmap_write_byte(Thread& t, const Value* args) {
  MmapObject* m = self(args[0]);
  uint8_t byte = TRY(byte_value(t, args[1]));
  ObjectLock lock(t, m);
  if (m->data.load() == nullptr) return raise_closed(t);
  TRY(check_writable(t, m));
  if (m->position >= m->size) return t.raise(Exc::ValueError, "write byte out of range");
  m->data.load()[m->position++] = byte;
  return kNone;
}
Result<Value> mmap_seek(Thread& t, const Value* args) {
  MmapObject* m = self(args[0]);
  int64_t distance = TRY(to_int64(t, TRY(to_index(t, args[1])))), whence = TRY(to_c_int(t, args[2]));
  ObjectLock lock(t, m);
  if (m->data.load() == nullptr) return raise_closed(t);
  int64_t from = whence == SEEK_SET ? 0 : whence == SEEK_CUR ? m->position.load() : m->size.load();
  if (whence != SEEK_SET && whence != SEEK_CUR && whence != SEEK_END)
    return t.raise(Exc::ValueError, "unknown seek type");
  int64_t target;
  if (__builtin_add_overflow(from, distance, &target) || target < 0 || target > m->size)
    return t.raise(Exc::ValueError, "seek out of range");
  m->position = target;
  return make_int(t, target);
}
Result<Value> mmap_seekable(Thread&, const Value*) { return kTrue; }
Result<Value> mmap_tell(Thread& t, const Value* args) {
  if (self(args[0])->data.load() == nullptr) return raise_closed(t);
  return make_int(t, self(args[0])->position.load());
}

// ---------------------------------------------------------------- the mapping

Result<Value> mmap_size(Thread& t, const Value* args) {
  MmapObject* m = self(args[0]);
  ObjectLock lock(t, m);  // the descriptor is closed with the mapping
  if (m->data.load() == nullptr) return raise_closed(t);
  if (m->fd < 0) {
    if (!m->tracks_fd) return t.raise(Exc::ValueError, "can't get size with trackfd=False");
    return make_int(t, m->size.load());
  }
  struct stat status;
  if (fstat(m->fd, &status) < 0) return t.raise_os_error(errno);
  return make_int(t, status.st_size);
}
Result<Value> mmap_resize(Thread& t, const Value* args) {
  MmapObject* m = self(args[0]);
  int64_t size = TRY(to_int64(t, TRY(to_index(t, args[1]))));
  settle_exports(t, m->exports);
  ObjectLock lock(t, m);
  if (m->data.load() == nullptr) return raise_closed(t);
  TRY(check_exports(t, m->exports, "mmap can't resize with extant buffers exported."));
  if (!m->tracks_fd) return t.raise(Exc::ValueError, "mmap can't resize with trackfd=False.");
  if (m->access == Access::Read || m->access == Access::Copy)
    return t.raise(Exc::TypeError, "mmap can't resize a readonly or copy-on-write memory map.");
  if (size < 0 || INT64_MAX - size < m->offset) return t.raise(Exc::ValueError, "new size out of range");
  // What is beyond its first end would not be there: SIGBUS.
  if (m->anonymous_shared && size > m->size)
    return t.raise(Exc::ValueError, "mmap: can't expand a shared anonymous mapping on Linux");
  if (m->fd >= 0 && ftruncate(m->fd, m->offset + size) != 0) return t.raise_os_error(errno);
  void* moved =
      mremap(m->data.load(), static_cast<size_t>(m->size.load()), static_cast<size_t>(size), MREMAP_MAYMOVE);
  if (moved == MAP_FAILED) return t.raise_os_error(errno);
  m->data = static_cast<uint8_t*>(moved);
  m->size = size;
  return kNone;
}
Result<Value> mmap_flush(Thread& t, const Value* args) {
  MmapObject* m = self(args[0]);
  int64_t offset = TRY(to_int64(t, TRY(to_index(t, args[1]))));
  int64_t size = args[2].is_empty() ? m->size.load() - offset : TRY(to_int64(t, TRY(to_index(t, args[2]))));
  ObjectLock lock(t, m);
  if (m->data.load() == nullptr) return raise_closed(t);
  if (offset < 0 || size < 0 || m->size - offset < size)
    return t.raise(Exc::ValueError, "flush values out of range");
  if (m->access == Access::Read || m->access == Access::Copy) return kNone;
  if (msync(m->data.load() + offset, static_cast<size_t>(size), MS_SYNC) != 0) return t.raise_os_error(errno);
  return kNone;
}
Result<Value> mmap_madvise(Thread& t, const Value* args) {
  MmapObject* m = self(args[0]);
  int advice = TRY(to_c_int(t, args[1]));
  int64_t start = TRY(to_int64(t, TRY(to_index(t, args[2]))));
  int64_t length = args[3].is_none() ? m->size.load() : TRY(to_int64(t, TRY(to_index(t, args[3]))));
  ObjectLock lock(t, m);
  if (m->data.load() == nullptr) return raise_closed(t);
  if (start < 0 || start >= m->size) return t.raise(Exc::ValueError, "madvise start out of bounds");
  if (length < 0) return t.raise(Exc::ValueError, "madvise length invalid");
  if (INT64_MAX - start < length) return t.raise(Exc::OverflowError, "madvise length too large");
  length = std::min(length, m->size - start);
  if (madvise(m->data.load() + start, static_cast<size_t>(length), advice) != 0)
    return t.raise_os_error(errno);
  return kNone;
}
Result<Value> mmap_move(Thread& t, const Value* args) {
  MmapObject* m = self(args[0]);
  int64_t to = TRY(to_int64(t, TRY(to_index(t, args[1])))),
          from = TRY(to_int64(t, TRY(to_index(t, args[2])))),
          count = TRY(to_int64(t, TRY(to_index(t, args[3]))));
  ObjectLock lock(t, m);
  if (m->data.load() == nullptr) return raise_closed(t);
  TRY(check_writable(t, m));
  if (to < 0 || from < 0 || count < 0 || m->size - to < count || m->size - from < count)
    return t.raise(Exc::ValueError, "source, destination, or count out of range");
  std::memmove(m->data.load() + to, m->data.load() + from, static_cast<size_t>(count));
  return kNone;
}

// find(sub, start=the position, end=the size), negative ones counted from the end.
Result<Value> search(Thread& t, const Value* args, bool backwards) {
  MmapObject* m = self(args[0]);
  int64_t bounds[2] = {m->position.load(), m->size.load()};
  for (int i = 0; i < 2; ++i)
    if (!args[2 + i].is_empty() && !args[2 + i].is_none())
      bounds[i] = TRY(to_int64(t, TRY(to_index(t, args[2 + i]))));
  HeldBuffer wanted;
  TRY(wanted.get(t, args[1]));
  ObjectLock lock(t, m);
  if (m->data.load() == nullptr) return raise_closed(t);
  for (int64_t& bound : bounds) bound = std::clamp<int64_t>(bound < 0 ? bound + m->size : bound, 0, m->size);
  if (bounds[0] > bounds[1]) return Value::from_int(-1);
  std::string_view area(reinterpret_cast<char*>(m->data.load()) + bounds[0],
                        static_cast<size_t>(bounds[1] - bounds[0]));
  size_t found = backwards ? area.rfind(wanted.bytes()) : area.find(wanted.bytes());
  return make_int(t, found == std::string_view::npos ? -1 : bounds[0] + static_cast<int64_t>(found));
}
Result<Value> mmap_find(Thread& t, const Value* args) { return search(t, args, false); }
Result<Value> mmap_rfind(Thread& t, const Value* args) { return search(t, args, true); }

// ---------------------------------------------------------------- as a sequence

Result<int64_t> mmap_length(Thread& t, Value v) {
  if (self(v)->data.load() == nullptr) return raise_closed(t);
  return self(v)->size.load();
}
Result<int64_t> index_of(Thread& t, MmapObject* m, Value key) {
  int64_t i = TRY(to_int64(t, TRY(to_index(t, key))));
  int64_t size = m->size;
  if (i < 0) i += size;
  if (i < 0 || i >= size) return t.raise(Exc::IndexError, "mmap index out of range");
  return i;
}
bool is_index(Thread& t, Value key) { return is_any_int(key) || type_of(t, key)->slots.index != nullptr; }

Result<Value> mmap_get_item(Thread& t, Value v, Value key) {
  MmapObject* m = self(v);
  if (m->data.load() == nullptr) return raise_closed(t);
  if (!is_kind(key, Kind::Slice)) {
    if (!is_index(t, key)) return t.raise(Exc::TypeError, "mmap indices must be integers");
    int64_t i = TRY(index_of(t, m, key));
    ObjectLock lock(t, m);
    if (m->data.load() == nullptr || i >= m->size) return raise_closed(t);
    return Value::from_int(m->data.load()[i]);
  }
  int64_t size = m->size;
  SliceRange range = TRY(slice_indices(t, key.as<SliceObject>(), size));
  if (!os::has_room(static_cast<size_t>(range.count))) return t.raise_memory_error();
  std::string out;
  {
    ObjectLock lock(t, m);
    if (m->data.load() == nullptr || m->size < size) return raise_closed(t);
    const char* data = reinterpret_cast<char*>(m->data.load());
    if (range.step == 1)
      out.assign(data + range.start, static_cast<size_t>(std::max<int64_t>(range.count, 0)));
    else
      for (int64_t i = 0; i < range.count; ++i) out += data[range.start + i * range.step];
  }
  return str_or_error(make_bytes(t, out));
}
Status mmap_set_item(Thread& t, Value v, Value key, Value value) {
  MmapObject* m = self(v);
  if (m->data.load() == nullptr) return raise_closed(t);
  TRY(check_writable(t, m));
  if (!is_kind(key, Kind::Slice)) {
    if (!is_index(t, key)) return t.raise(Exc::TypeError, "mmap indices must be integers");
    int64_t i = TRY(index_of(t, m, key));
    if (value.is_empty()) return t.raise(Exc::TypeError, "mmap doesn't support item deletion");
    if (!is_index(t, value)) return t.raise(Exc::TypeError, "mmap item value must be an int");
    uint8_t byte = TRY(byte_value(t, value));
    ObjectLock lock(t, m);
    if (m->data.load() == nullptr || i >= m->size) return raise_closed(t);
    m->data.load()[i] = byte;
    return {};
  }
  if (value.is_empty()) return t.raise(Exc::TypeError, "mmap object doesn't support slice deletion");
  HeldBuffer bytes;
  TRY(bytes.get(t, value));
  int64_t size = m->size;
  SliceRange range = TRY(slice_indices(t, key.as<SliceObject>(), size));
  ObjectLock lock(t, m);
  if (m->data.load() == nullptr || m->size < size) return raise_closed(t);
  if (static_cast<int64_t>(bytes.bytes().size()) != std::max<int64_t>(range.count, 0))
    return t.raise(Exc::IndexError, "mmap slice assignment is wrong size");
  if (range.step == 1)
    std::memmove(m->data.load() + range.start, bytes.bytes().data(), bytes.bytes().size());
  else
    for (int64_t i = 0; i < range.count; ++i)
      m->data.load()[range.start + i * range.step] =
          static_cast<uint8_t>(bytes.bytes()[static_cast<size_t>(i)]);
  return {};
}

// Unlike an index, iteration gives bytes.
struct MmapIterator : Object {
  Slot mapping;
  std::atomic<int64_t> index{0};
};
Result<Value> mmap_iterator_next(Thread& t, Value v) {
  auto* iterator = v.as<MmapIterator>();
  MmapObject* m = self(iterator->mapping);
  int64_t i = iterator->index.fetch_add(1);
  char byte;
  {
    ObjectLock lock(t, m);
    if (m->data.load() == nullptr) return raise_closed(t);
    if (i >= m->size) return kNoMore;
    byte = static_cast<char>(m->data.load()[i]);
  }
  return make_bytes(t, {&byte, 1});
}
const TypeSpec kMmapIteratorSpec = {
    .name = "mmap.iterator",
    .size = sizeof(MmapIterator),
    .flags = kTypeDisallowNew,
    .trace = [](Object* o, Tracer& tracer) { tracer.visit(static_cast<MmapIterator*>(o)->mapping); },
    .slots = MP_SLOTS(
            .iter = [](Thread&, Value v) -> Result<Value> { return v; }, .next = mmap_iterator_next)};
Result<Value> mmap_iter(Thread& t, Value v) {
  auto* iterator = t.heap().make<MmapIterator>(t, native_type(t, kMmapIteratorSpec));
  iterator->mapping = v;
  return iterator;
}

Status acquire_mmap(Thread& t, Value owner, BufferView* view) {
  MmapObject* m = self(owner);
  ObjectLock lock(t, m);
  if (m->data.load() == nullptr) return raise_closed(t);
  m->exports.fetch_add(1);
  fill_buffer(view, owner, m->data.load(), m->size.load(), 1, "B", m->access == Access::Read);
  return {};
}
void release_mmap(Value owner) { self(owner)->exports.fetch_sub(1); }
const BufferProcs kMmapBuffer = {acquire_mmap, release_mmap};

const NativeDef kMmapMethods[] = {
    MP_NEW(mmap_new, "__new__(cls, fileno, length, flags=1, prot=3, access=0, offset=0, *, trackfd=True)",
           nullptr),
    MP_METHOD(mmap_close, "close(self, /)", "Unmap the memory."),
    MP_METHOD(mmap_enter, "__enter__(self, /)", nullptr),
    MP_METHOD(mmap_close, "__exit__(self, exc_type, exc_value, traceback, /)", nullptr),
    MP_METHOD(mmap_find, "find(self, sub, start=?, end=?, /)",
              "The lowest index of `sub` from the position on, or -1."),
    MP_METHOD(mmap_rfind, "rfind(self, sub, start=?, end=?, /)",
              "The highest index of `sub` from the position on, or -1."),
    MP_METHOD(mmap_flush, "flush(self, offset=0, size=?, /)", "Write changes back to the file."),
    MP_METHOD(mmap_madvise, "madvise(self, option, start=0, length=None, /)",
              "Tell the system how the memory is used."),
    MP_METHOD(mmap_move, "move(self, dest, src, count, /)", "Copy bytes within the memory."),
    MP_METHOD(mmap_read, "read(self, n=None, /)", "Read bytes from the position on."),
    MP_METHOD(mmap_read_byte, "read_byte(self, /)", "Read a byte as an int."),
    MP_METHOD(mmap_readline, "readline(self, /)", "Read to the end of the line."),
    MP_METHOD(mmap_resize, "resize(self, newsize, /)", "Resize the mapping, and the file behind it."),
    MP_METHOD(mmap_seek, "seek(self, pos, whence=0, /)", "Set the position."),
    MP_METHOD(mmap_seekable, "seekable(self, /)", "True."),
    MP_METHOD(mmap_size, "size(self, /)", "The size of the file, which may be larger than the mapping."),
    MP_METHOD(mmap_tell, "tell(self, /)", "The position."),
    MP_METHOD(mmap_write, "write(self, bytes, /)", "Write at the position; the size does not change."),
    MP_METHOD(mmap_write_byte, "write_byte(self, byte, /)", "Write a byte at the position."),
    MP_END};
static_assert(MAP_SHARED == 1 && (PROT_READ | PROT_WRITE) == 3, "the defaults in the signature of __new__");
const GetSetDef kMmapGetSets[] = {{"closed", mmap_closed, nullptr, nullptr}, {}};

const TypeSpec kMmapSpec = {
    .name = "mmap.mmap",
    .size = sizeof(MmapObject),
    .flags = kTypeBaseType | kTypeHasWeakref,
    .doc = "Maps a file into memory; with -1 for the descriptor, memory without a file.",
    .slots = MP_SLOTS(.repr = mmap_repr, .iter = mmap_iter, .length = mmap_length, .get_item = mmap_get_item,
                      .set_item = mmap_set_item, .finalize = mmap_finalize),
    .methods = kMmapMethods,
    .getsets = kMmapGetSets};

Status init_module(Thread& t, ModuleObject* module) {
  register_buffer_type(t, &kMmapSpec, &kMmapBuffer);
  TRY(module_add(t, module, "mmap", native_type(t, kMmapSpec)));
  TRY(module_add(t, module, "error", t.types().exception(Exc::OSError)));
  static constexpr IntConstant kConstants[] = {
#define MP_CONSTANT(name) {#name, static_cast<int64_t>(name)},
#include "stdlib/native/mmap_constants.def"
#undef MP_CONSTANT
  };
  TRY(module_add_ints(t, module, kConstants));
  for (int i = 0; i < 4; ++i) TRY(module_add_int(t, module, kAccessNames[i], i));
  TRY(module_add_int(t, module, "PAGESIZE", sysconf(_SC_PAGESIZE)));
  return module_add_int(t, module, "ALLOCATIONGRANULARITY", sysconf(_SC_PAGESIZE));
}

}  // namespace

extern const ModuleSpec kMmapModule;
const ModuleSpec kMmapModule = {"mmap", nullptr, nullptr, init_module};

}  // namespace mp

// BufferedReader, BufferedWriter, BufferedRandom: one implementation. A buffer holds either read-ahead or
// pending writes, never both.
#include <cstring>

#include "stdlib/native/io_buffer.h"
#include "vm/core/compiler.h"
#include "vm/os/memory.h"

namespace mp::io {

namespace {

void free_buffer(Object* object) {
  auto* self = static_cast<BufferedObject*>(object);
  delete self->buffer;
  self->buffer = nullptr;
}
void trace_buffered(Object* object, Tracer& tracer) {
  tracer.visit(static_cast<BufferedObject*>(object)->raw);
}
BufferedObject* self_of(const Value* args) { return args[0].as<BufferedObject>(); }

// ---- construction

Result<Value> buffered_new(Thread& t, Value cls, const CallArgs&) {
  Value self = TRY(allocate_instance(t, cls.as<Type>()));
  self.as<BufferedObject>()->buffer = new std::string;
  t.heap().register_native_finalizer(self.as_object(), free_buffer);
  return self;
}
Result<Value> initialise(Thread& t, const Value* args, bool read, bool write) {
  BufferedObject* self = self_of(args);
  self->ready = false;
  self->detached = false;
  int64_t size = TRY(to_ssize(t, args[2]));
  if (size <= 0) return t.raise(Exc::ValueError, "buffer size must be strictly positive");
  if (size > (int64_t{1} << 40)) return t.raise_memory_error();
  if (read && write && !TRY(ask(t, args[1], "seekable")))
    return unsupported(t, "File or stream is not seekable.");
  if (read && !TRY(ask(t, args[1], "readable"))) return unsupported(t, "File or stream is not readable.");
  if (write && !TRY(ask(t, args[1], "writable"))) return unsupported(t, "File or stream is not writable.");
  TRY(self->lock.acquire(t, self));  // another thread may use it as it was
  LockHolder holder(t, self->lock);
  self->raw = args[1];
  self->readable = read;
  self->writable = write;
  self->buffer_size = size;
  self->buffer->clear();
  self->position = 0;
  self->writing = false;
  self->ready = true;
  return kNone;
}
Result<Value> reader_init(Thread& t, const Value* args) { return initialise(t, args, true, false); }
Result<Value> writer_init(Thread& t, const Value* args) { return initialise(t, args, false, true); }
Result<Value> random_init(Thread& t, const Value* args) { return initialise(t, args, true, true); }

// While it is held `raw` stays.
MP_NOINLINE Status lock_ready(Thread& t, BufferedObject* self) {
  TRY(self->lock.acquire(t, self));
  Status ready = check_ready(t, self);
  if (ready.is_error()) self->lock.release(t);
  return ready;
}
#define MP_LOCKED(self)     \
  TRY(lock_ready(t, self)); \
  LockHolder mp_holder(t, (self)->lock)

// ---- reading

Result<Value> read_all(Thread& t, BufferedObject* self) {
  std::string out = take(self, unread(self));
  self->buffer->clear();
  self->position = 0;
  Value readall = TRY(get_attr_or_not_found(t, self->raw, intern(t, "readall")));
  if (!readall.is_not_found() && !readall.is_none()) {
    Value rest = TRY(call(t, readall));
    if (rest.is_none()) {
      if (out.empty()) return kNone;
    } else {
      if (!is_bytes(rest)) return t.raise(Exc::TypeError, "readall() should return bytes");
      if (out.empty()) return rest;
      std::string_view more = rest.as<BytesObject>()->view();
      if (!os::make_room(out, more.size())) return t.raise_memory_error();
      out += more;
    }
    return str_or_error(make_bytes(t, out));
  }
  for (;;) {
    Value piece = TRY(call_name(t, self->raw, "read"));
    if (piece.is_none()) {
      if (out.empty()) return kNone;
      break;
    }
    if (!is_bytes(piece)) return t.raise(Exc::TypeError, "read() should return bytes");
    std::string_view more = piece.as<BytesObject>()->view();
    if (more.empty()) break;
    if (!os::make_room(out, more.size())) return t.raise_memory_error();
    out += more;
  }
  return str_or_error(make_bytes(t, out));
}
Result<Value> buffered_read(Thread& t, const Value* args) {
  BufferedObject* self = self_of(args);
  int64_t size = -1;
  if (!args[1].is_none()) {
    size = TRY(to_ssize(t, args[1]));
    if (size < -1) return t.raise(Exc::ValueError, "read length must be non-negative or -1");
  }
  TRY(usable_raw(t, self, "read of closed file"));
  MP_LOCKED(self);
  TRY(flush_pending(t, self));
  if (size < 0) return read_all(t, self);
  auto wanted = static_cast<size_t>(size);
  if (wanted <= unread(self)) {
    BytesObject* bytes = make_bytes(t, std::string_view(*self->buffer).substr(self->position, wanted));
    self->position += wanted;
    return str_or_error(bytes);
  }
  if (size > (int64_t{1} << 40)) return t.raise_memory_error();
  std::string out = take(self, unread(self));
  while (out.size() < wanted) {
    size_t missing = wanted - out.size();
    int64_t n;
    if (missing >= static_cast<size_t>(self->buffer_size)) {
      n = TRY(read_past(t, self, missing, out));
    } else {
      n = TRY(fill(t, self));
      if (n > 0) out += take(self, missing);
    }
    if (n == -2 && out.empty()) return kNone;
    if (n <= 0) break;
  }
  return str_or_error(make_bytes(t, out));
}
Result<Value> buffered_read1(Thread& t, const Value* args) {
  BufferedObject* self = self_of(args);
  int64_t size = TRY(to_ssize(t, args[1]));
  TRY(usable_raw(t, self, "read of closed file"));
  if (size < 0) size = self->buffer_size;
  if (size == 0) return make_bytes(t, "");
  MP_LOCKED(self);
  TRY(flush_pending(t, self));
  if (unread(self) == 0) {
    std::string out;
    int64_t n = TRY(read_past(t, self, static_cast<size_t>(size), out));
    (void)n;
    return make_bytes(t, out);
  }
  return make_bytes(t, take(self, std::min(static_cast<size_t>(size), unread(self))));
}
Result<Value> read_into(Thread& t, const Value* args, bool once) {
  BufferedObject* self = self_of(args);
  TRY(usable_raw(t, self, "readinto of closed file"));
  int64_t size = TRY(writable_size(t, args[1]));
  MP_LOCKED(self);
  TRY(flush_pending(t, self));
  auto wanted = static_cast<size_t>(size);
  std::string out = take(self, std::min(wanted, unread(self)));
  while (out.size() < wanted && !(once && !out.empty())) {
    int64_t n;
    if (wanted - out.size() >= static_cast<size_t>(self->buffer_size)) {
      n = TRY(read_past(t, self, wanted - out.size(), out));
    } else {
      n = TRY(fill(t, self));
      if (n > 0) out += take(self, wanted - out.size());
    }
    if (n == -2 && out.empty()) return kNone;
    if (n <= 0) break;
  }
  TRY(copy_into(t, args[1], out));
  return Value::from_int(static_cast<int64_t>(out.size()));
}
Result<Value> buffered_readinto(Thread& t, const Value* args) { return read_into(t, args, false); }
Result<Value> buffered_readinto1(Thread& t, const Value* args) { return read_into(t, args, true); }
Result<Value> buffered_peek(Thread& t, const Value* args) {
  BufferedObject* self = self_of(args);
  TRY(usable_raw(t, self, "peek of closed file"));
  MP_LOCKED(self);
  TRY(flush_pending(t, self));
  if (unread(self) == 0) TRY(fill(t, self));
  return make_bytes(t, std::string_view(*self->buffer).substr(self->position));
}
// A line of at most `limit` bytes; -1: no limit.
Result<Value> read_line(Thread& t, BufferedObject* self, int64_t limit) {
  TRY(usable_raw(t, self, "readline of closed file"));
  MP_LOCKED(self);
  TRY(flush_pending(t, self));
  std::string line;
  for (;;) {
    size_t available = unread(self);
    if (limit >= 0) available = std::min(available, static_cast<size_t>(limit) - line.size());
    const char* start = self->buffer->data() + self->position;
    if (const void* newline = available > 0 ? std::memchr(start, '\n', available) : nullptr;
        newline != nullptr) {
      size_t count = static_cast<size_t>(static_cast<const char*>(newline) - start) + 1;
      if (line.empty()) {
        BytesObject* bytes = make_bytes(t, std::string_view(start, count));
        self->position += count;
        return str_or_error(bytes);
      }
      line += take(self, count);
      break;
    }
    if (!os::make_room(line, available)) return t.raise_memory_error();
    line += take(self, available);
    if (limit >= 0 && line.size() >= static_cast<size_t>(limit)) break;
    if (TRY(fill(t, self)) <= 0) break;
  }
  return str_or_error(make_bytes(t, line));
}
Result<Value> buffered_readline(Thread& t, const Value* args) {
  TRY(check_ready(t, self_of(args)));
  return read_line(t, self_of(args), TRY(size_argument(t, args[1])));
}
Result<Value> buffered_next(Thread& t, Value self) {
  const void* spec = self.as_object()->type()->spec;
  Value line;
  if (spec == &kBufferedReaderSpec || spec == &kBufferedRandomSpec) {
    line = TRY(read_line(t, self.as<BufferedObject>(), -1));
  } else {
    line = TRY(call_name(t, self, "readline"));
    if (!is_bytes(line))
      return t.raise(Exc::OSError, "readline() should have returned a bytes object, not '{}'",
                     type_name(t, line));
  }
  return line.as<BytesObject>()->size == 0 ? Result<Value>(kNoMore) : Result<Value>(line);
}

// ---- writing

Result<Value> buffered_write(Thread& t, const Value* args) {
  BufferedObject* self = self_of(args);
  if (is_str(args[1])) return t.raise(Exc::TypeError, "a bytes-like object is required, not 'str'");
  TRY(check_ready(t, self));
  HeldBuffer held;
  std::string_view data = TRY(hold_bytes(t, args[1], held));
  TRY(usable_raw(t, self, "write to closed file"));
  MP_LOCKED(self);
  if (!self->writing) TRY(drop_read_ahead(t, self));
  self->writing = true;
  auto capacity = static_cast<size_t>(self->buffer_size);
  if (self->buffer->size() + data.size() <= capacity) {
    self->buffer->append(data);
    return Value::from_int(static_cast<int64_t>(data.size()));
  }
  if (!os::has_room(data.size())) return t.raise_memory_error();
  std::string copy(data);
  Status flushed = flush_pending(t, self);
  if (flushed.is_error()) {
    // Non-blocking stream: keep what fits, report how much was taken.
    if (!t.exception_matches(Exc::BlockingIOError)) return Error{};
    size_t room = capacity > self->buffer->size() ? capacity - self->buffer->size() : 0;
    size_t taken = std::min(room, copy.size());
    self->buffer->append(copy, 0, taken);
    if (taken == copy.size()) {
      t.clear_exception();
      return Value::from_int(static_cast<int64_t>(taken));
    }
    t.clear_exception();
    return blocking_error(t, taken);
  }
  self->writing = true;
  size_t done = 0;
  while (copy.size() - done > capacity) {
    int64_t n = TRY(raw_write(t, self, std::string_view(copy).substr(done)));
    if (n == -2) {
      size_t taken = std::min(capacity, copy.size() - done);
      self->buffer->assign(copy, done, taken);
      return blocking_error(t, done + taken);
    }
    done += static_cast<size_t>(n);
    TRY(t.poll());
  }
  self->buffer->assign(copy, done, std::string::npos);
  return Value::from_int(static_cast<int64_t>(copy.size()));
}
Result<Value> buffered_flush(Thread& t, const Value* args) {
  BufferedObject* self = self_of(args);
  Value raw = TRY(usable_raw(t, self, "flush of closed file"));
  {
    MP_LOCKED(self);
    TRY(flush_pending(t, self));
    if (self->readable && self->writable) TRY(drop_read_ahead(t, self));
  }
  if (!is_plain_file(raw) && self->writable) TRY(call_method(t, raw, t.names().flush));
  return kNone;
}

// ---- position, state

Result<Value> buffered_tell(Thread& t, const Value* args) {
  BufferedObject* self = self_of(args);
  int64_t position = TRY(raw_tell(t, TRY(raw_of(t, self))));
  position +=
      self->writing ? static_cast<int64_t>(self->buffer->size()) : -static_cast<int64_t>(unread(self));
  return make_int(t, position);
}
Result<Value> buffered_seek(Thread& t, const Value* args) {
  BufferedObject* self = self_of(args);
  Value raw = TRY(raw_of(t, self));
  int whence = TRY(to_c_int(t, args[2]));
  if (whence < 0 || whence > 4) return t.raise(Exc::ValueError, "whence value {} unsupported", whence);
  if (TRY(raw_closed(t, raw))) return t.raise(Exc::ValueError, "seek of closed file");
  if (!TRY(ask(t, raw, "seekable"))) return unsupported(t, "File or stream is not seekable.");
  int64_t offset;
  if (!int_to_int64(TRY(to_index(t, args[1])), &offset))
    return t.raise(Exc::ValueError, "cannot fit '{}' into an offset-sized integer", type_name(t, args[1]));
  MP_LOCKED(self);
  TRY(flush_pending(t, self));
  if (whence <= 1 && !self->buffer->empty()) {
    // Inside what was read ahead nothing moves below: a raw stream that decompresses would begin again.
    int64_t end = TRY(raw_tell(t, self->raw)), begin = end - static_cast<int64_t>(self->buffer->size()),
            target = offset;
    bool known =
        whence == 0 || !__builtin_add_overflow(begin + static_cast<int64_t>(self->position), offset, &target);
    if (known && target >= std::max<int64_t>(begin, 0) && target <= end) {
      self->position = static_cast<size_t>(target - begin);
      return make_int(t, target);
    }
  }
  if (whence == 1) offset -= static_cast<int64_t>(unread(self));
  int64_t at = TRY(raw_seek(t, self, offset, whence));
  self->buffer->clear();
  self->position = 0;
  return make_int(t, at);
}
Result<Value> buffered_truncate(Thread& t, const Value* args) {
  BufferedObject* self = self_of(args);
  Value raw = TRY(usable_raw(t, self, "truncate of closed file"));
  if (!self->writable) return unsupported(t, "truncate");
  Value size = args[1];
  {
    MP_LOCKED(self);
    TRY(flush_pending(t, self));
    TRY(drop_read_ahead(t, self));
  }
  if (size.is_none()) size = TRY(call_name(t, raw, "tell"));
  return call_name(t, raw, "truncate", {size});
}
Result<Value> buffered_close(Thread& t, const Value* args) {
  BufferedObject* self = self_of(args);
  Value raw = TRY(raw_of(t, self));
  if (TRY(raw_closed(t, raw))) return kNone;
  return flush_and_close(t, args[0], raw);
}
Result<Value> buffered_detach(Thread& t, const Value* args) {
  BufferedObject* self = self_of(args);
  TRY(check_ready(t, self));
  TRY(call_method(t, args[0], t.names().flush));
  MP_LOCKED(self);
  Value raw = self->raw;
  self->detached = true;
  self->ready = false;
  self->raw = kEmpty;
  return raw;
}
template <const char* name>
constexpr auto forwarded = forward<BufferedObject, &BufferedObject::raw, name>;

Result<Value> buffered_closed(Thread& t, Value self) {
  return get_attr(t, TRY(raw_of(t, self.as<BufferedObject>())), "closed");
}
Result<Value> buffered_name(Thread& t, Value self) {
  return get_attr(t, TRY(raw_of(t, self.as<BufferedObject>())), t.names().name);
}
Result<Value> buffered_mode(Thread& t, Value self) {
  return get_attr(t, TRY(raw_of(t, self.as<BufferedObject>())), "mode");
}
Result<Value> buffered_raw(Thread& t, Value self) { return raw_of(t, self.as<BufferedObject>()); }
Result<Value> buffered_repr(Thread& t, Value self) {
  std::string name = type_full_name(type_of(t, self));
  auto* buffered = self.as<BufferedObject>();
  if (!buffered->ready) return make_str(t, "<" + name + ">");
  ReprGuard guard(t, self);
  if (guard.recursive()) return t.raise(Exc::RuntimeError, "reentrant call inside {}.__repr__", name);
  Value file_name = TRY(get_attr_or_not_found(t, self, t.names().name));
  if (file_name.is_not_found()) return make_str(t, "<" + name + ">");
  return make_str(t, "<" + name + " name=" + TRY(repr_utf8(t, file_name)) + ">");
}
Result<Value> buffered_dealloc_warn(Thread& t, const Value* args) {
  auto* self = args[0].as<BufferedObject>();
  if (self->ready) (void)TRY(call_name(t, self->raw, "_dealloc_warn", {args[1]}));
  return kNone;
}
Status buffered_finalize(Thread& t, Value self) {
  return self.as<BufferedObject>()->ready ? close_forgotten(t, self, self) : Status();
}

#define MP_BUFFERED_COMMON                                                         \
  MP_RAW_NEW(buffered_new, "__new__(cls, /, *args, **kwargs)", nullptr),           \
      MP_METHOD(buffered_detach, "detach(self, /)", nullptr),                      \
      MP_METHOD(buffered_flush, "flush(self, /)", nullptr),                        \
      MP_METHOD(buffered_close, "close(self, /)", nullptr),                        \
      MP_METHOD(forwarded<kSeekable>, "seekable(self, /)", nullptr),               \
      MP_METHOD(forwarded<kFileno>, "fileno(self, /)", nullptr),                   \
      MP_METHOD(forwarded<kIsatty>, "isatty(self, /)", nullptr),                   \
      MP_METHOD(buffered_seek, "seek(self, target, whence=0, /)", nullptr),        \
      MP_METHOD(buffered_tell, "tell(self, /)", nullptr),                          \
      MP_METHOD(buffered_truncate, "truncate(self, pos=None, /)", nullptr),        \
      MP_METHOD(buffered_dealloc_warn, "_dealloc_warn(self, source, /)", nullptr), \
      MP_METHOD(refuse_pickling, "__reduce__(self, /)", nullptr),                  \
      MP_METHOD(refuse_pickling, "__getstate__(self, /)", nullptr)
#define MP_BUFFERED_READING                                                 \
  MP_METHOD(buffered_read, "read(self, size=-1, /)", nullptr),              \
      MP_METHOD(buffered_read1, "read1(self, size=-1, /)", nullptr),        \
      MP_METHOD(buffered_readinto, "readinto(self, buffer, /)", nullptr),   \
      MP_METHOD(buffered_readinto1, "readinto1(self, buffer, /)", nullptr), \
      MP_METHOD(buffered_peek, "peek(self, size=0, /)", nullptr),           \
      MP_METHOD(buffered_readline, "readline(self, size=-1, /)", nullptr)

const NativeDef kReaderMethods[] = {
    MP_METHOD(reader_init, "__init__(self, /, raw, buffer_size=8192)", nullptr),
    MP_METHOD(forwarded<kReadable>, "readable(self, /)", nullptr), MP_BUFFERED_COMMON, MP_BUFFERED_READING,
    MP_END};
const NativeDef kWriterMethods[] = {
    MP_METHOD(writer_init, "__init__(self, /, raw, buffer_size=8192)", nullptr),
    MP_METHOD(forwarded<kWritable>, "writable(self, /)", nullptr),
    MP_METHOD(buffered_write, "write(self, buffer, /)", nullptr), MP_BUFFERED_COMMON, MP_END};
const NativeDef kRandomMethods[] = {
    MP_METHOD(random_init, "__init__(self, /, raw, buffer_size=8192)", nullptr),
    MP_METHOD(forwarded<kReadable>, "readable(self, /)", nullptr),
    MP_METHOD(forwarded<kWritable>, "writable(self, /)", nullptr),
    MP_METHOD(buffered_write, "write(self, buffer, /)", nullptr),
    MP_BUFFERED_COMMON,
    MP_BUFFERED_READING,
    MP_END};
const GetSetDef kBufferedGetSets[] = {{"closed", buffered_closed, nullptr, nullptr},
                                      {"name", buffered_name, nullptr, nullptr},
                                      {"mode", buffered_mode, nullptr, nullptr},
                                      {"raw", buffered_raw, nullptr, nullptr},
                                      {}};

}  // namespace

#define MP_BUFFERED_SPEC(id, text, method_list, document)                                             \
  const TypeSpec id = {                                                                               \
      .name = text,                                                                                   \
      .base_spec = &kBufferedIOBaseSpec,                                                              \
      .size = sizeof(BufferedObject),                                                                 \
      .flags = kTypeBaseType | kTypeHasDict | kTypeHasWeakref,                                        \
      .doc = document,                                                                                \
      .trace = trace_buffered,                                                                        \
      .slots = MP_SLOTS(.repr = buffered_repr, .next = buffered_next, .finalize = buffered_finalize), \
      .methods = method_list,                                                                         \
      .getsets = kBufferedGetSets}
MP_BUFFERED_SPEC(kBufferedReaderSpec, "_io.BufferedReader", kReaderMethods,
                 "Create a new buffered reader using the given readable raw IO object.");
MP_BUFFERED_SPEC(kBufferedWriterSpec, "_io.BufferedWriter", kWriterMethods,
                 "A buffer for a writeable sequential RawIO object.");
MP_BUFFERED_SPEC(kBufferedRandomSpec, "_io.BufferedRandom", kRandomMethods,
                 "A buffered interface to random access streams.");

bool buffered_is_open_file(Value v) {
  if (!v.is_object()) return false;
  const void* spec = v.as_object()->type()->spec;
  if (spec != &kBufferedReaderSpec && spec != &kBufferedWriterSpec && spec != &kBufferedRandomSpec)
    return false;
  auto* self = v.as<BufferedObject>();
  Value raw = self->raw;
  return self->ready && is_plain_file(raw) && raw.as<FileIOObject>()->fd >= 0;
}

bool buffered_has_pending(Thread& t, Value v) {
  for (const TypeSpec* spec : {&kBufferedWriterSpec, &kBufferedRandomSpec})
    if (is_instance(t, v, native_type(t, *spec))) {
      auto* self = v.as<BufferedObject>();
      return self->ready && self->writing && !self->buffer->empty();
    }
  return false;
}

}  // namespace mp::io

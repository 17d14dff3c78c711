// BytesIO: a binary file in memory.
#include <algorithm>
#include <cstring>

#include "stdlib/native/io.h"
#include "stdlib/native/io_newlines.h"
#include "vm/core/compiler.h"

namespace mp::io {

namespace {

// Bytes that grow, in a cell of the collector. Until they are written they may be those of a bytes object. It
// begins zeroed, which is empty.
class ByteBuffer {
 public:
  size_t size() const { return size_; }
  uint8_t* data() const { return data_; }
  std::string_view view() const { return {reinterpret_cast<const char*>(data_), size_}; }
  Value shared() const { return shared_; }
  void trace(Tracer& tracer) const {
    tracer.visit(shared_);
    if (shared_.get().is_empty()) tracer.mark_raw(data_);
  }
  void share(BytesObject* bytes) {
    shared_ = bytes;
    data_ = bytes->data();
    size_ = bytes->size;
    capacity_ = 0;
  }
  void clear() {
    shared_ = kEmpty;
    data_ = nullptr;
    size_ = capacity_ = 0;
  }
  // Room of its own for `capacity` bytes; false: no memory.
  bool reserve(Thread& t, size_t capacity) {
    if (capacity <= capacity_) return true;
    size_t wanted = capacity_ == 0 ? std::max(capacity, size_) : std::max(capacity, capacity_ * 2);
    if (wanted > SIZE_MAX / 4) return false;
    auto* bigger = static_cast<uint8_t*>(t.heap().allocate_raw_unset(t, wanted));
    if (bigger == nullptr) return false;
    if (size_ != 0) std::memcpy(bigger, data_, size_);
    shared_ = kEmpty;
    data_ = bigger;
    capacity_ = wanted;
    return true;
  }
  // Writes over what is there from `position` on, after zeros if that is beyond the end; false: no memory.
  bool write(Thread& t, size_t position, std::string_view bytes) {
    size_t end = position + bytes.size();
    if (end < position || !reserve(t, std::max(end, size_))) return false;
    if (position > size_) std::memset(data_ + size_, 0, position - size_);
    if (!bytes.empty()) std::memcpy(data_ + position, bytes.data(), bytes.size());
    size_ = std::max(size_, end);
    return true;
  }
  bool shrink(Thread& t, size_t size) {
    if (!reserve(t, size)) return false;
    size_ = size;
    return true;
  }

 private:
  Slot shared_;
  uint8_t* data_;
  size_t size_, capacity_;
};

struct BytesIOObject : Object {
  StreamLock lock;
  ByteBuffer content;
  size_t position;
  std::atomic<int32_t> exports;  // views that are out
  std::atomic<bool> closed;      // asked without the lock
  bool lent;                     // by getbuffer(), once: the content is its own from then on
};
void trace_bytes_io(Object* object, Tracer& tracer) {
  static_cast<BytesIOObject*>(object)->content.trace(tracer);
}
// What getbuffer() views: it lends the content of its stream.
struct BytesIOBuffer : Object {
  Slot stream;
};
extern const TypeSpec kBytesIOBufferSpec;
BytesIOObject* bytes_self(const Value* args) { return args[0].as<BytesIOObject>(); }
Status check_open(Thread& t, BytesIOObject* self) {
  return self->closed.load(std::memory_order_relaxed) ? Status(raise_closed(t)) : Status();
}

// Before the content moves, or changes its size.
Status may_resize(Thread& t, BytesIOObject* self) {
  settle_exports(t, self->exports);
  return check_exports(t, self->exports);
}

Result<Value> bytes_io_new(Thread& t, Value cls, const CallArgs&) {
  return allocate_instance(t, cls.as<Type>());
}
// `view` is what lies in `source`.
Status set_content(Thread& t, BytesIOObject* self, Value source, std::string_view view) {
  self->content.clear();
  if (is_exact(source, t.types().bytes) && !self->lent)
    self->content.share(source.as<BytesObject>());
  else if (!self->content.write(t, 0, view))
    return t.raise_memory_error();
  return {};
}
// F of the bytes of the argument. Not inline: what lies in the unused part of a HeldBuffer looks like a
// reference to a view, when may_resize() collects.
using UseBytes = Result<Value> (*)(Thread& t, BytesIOObject* self, Value source, std::string_view bytes);
MP_NOINLINE Result<Value> use_held(Thread& t, const Value* args, UseBytes use) {
  HeldBuffer held;
  std::string_view bytes = TRY(hold_bytes(t, args[1], held));
  return use(t, bytes_self(args), args[1], bytes);
}
template <UseBytes F>
Result<Value> use_bytes(Thread& t, const Value* args) {
  if (!is_bytes(args[1])) return use_held(t, args, F);
  return F(t, bytes_self(args), args[1], args[1].as<BytesObject>()->view());
}
Result<Value> init_with(Thread& t, BytesIOObject* self, Value source, std::string_view initial) {
  TRY(may_resize(t, self));
  self->closed.store(false, std::memory_order_relaxed);
  self->content.clear();
  self->position = 0;
  if (!source.is_none()) TRY(set_content(t, self, source, initial));
  return kNone;
}
Result<Value> bytes_io_init(Thread& t, const Value* args) {
  return args[1].is_none() ? init_with(t, bytes_self(args), kNone, {}) : use_bytes<init_with>(t, args);
}
std::string_view available(BytesIOObject* self) {
  return self->position >= self->content.size() ? std::string_view()
                                                : self->content.view().substr(self->position);
}
Result<Value> take(Thread& t, BytesIOObject* self, size_t count) {
  std::string_view view = available(self).substr(0, count);
  BytesObject* bytes = make_bytes(t, view);
  if (bytes == nullptr) return Error{};
  self->position += view.size();
  return bytes;
}
Result<Value> bytes_io_read(Thread& t, const Value* args) {
  BytesIOObject* self = bytes_self(args);
  int64_t size = TRY(size_argument(t, args[1]));
  TRY(check_open(t, self));
  return take(t, self, size < 0 ? std::string::npos : static_cast<size_t>(size));
}
Result<Value> bytes_io_readline(Thread& t, const Value* args) {
  BytesIOObject* self = bytes_self(args);
  int64_t size = TRY(size_argument(t, args[1]));
  TRY(check_open(t, self));
  size_t newline = available(self).find('\n');
  size_t count = newline == std::string_view::npos ? available(self).size() : newline + 1;
  if (size >= 0) count = std::min(count, static_cast<size_t>(size));
  return take(t, self, count);
}
Result<Value> bytes_io_next(Thread& t, Value value) {
  auto* self = value.as<BytesIOObject>();
  TRY(check_open(t, self));
  if (available(self).empty()) return kNoMore;
  size_t newline = available(self).find('\n');
  return take(t, self, newline == std::string_view::npos ? available(self).size() : newline + 1);
}
Result<Value> bytes_io_readinto(Thread& t, const Value* args) {
  BytesIOObject* self = bytes_self(args);
  int64_t size = TRY(writable_size(t, args[1]));
  TRY(check_open(t, self));  // after what may be script code, here and below
  std::string part(available(self).substr(0, static_cast<size_t>(size)));
  TRY(copy_into(t, args[1], part));
  self->position += part.size();
  return Value::from_int(static_cast<int64_t>(part.size()));
}
Result<Value> write_with(Thread& t, BytesIOObject* self, Value, std::string_view data) {
  TRY(check_open(t, self));
  TRY(may_resize(t, self));
  if (data.empty()) return Value::from_int(0);
  if (!self->content.write(t, self->position, data)) return t.raise_memory_error();
  self->position += data.size();
  return Value::from_int(static_cast<int64_t>(data.size()));
}
Result<Value> bytes_io_write(Thread& t, const Value* args) {
  TRY(check_open(t, bytes_self(args)));
  if (is_str(args[1])) return t.raise(Exc::TypeError, "a bytes-like object is required, not 'str'");
  return use_bytes<write_with>(t, args);
}
Result<Value> bytes_io_seek(Thread& t, const Value* args) {
  BytesIOObject* self = bytes_self(args);
  int64_t offset = TRY(to_int64(t, args[1]));
  int whence = TRY(to_c_int(t, args[2]));
  TRY(check_open(t, self));
  if (whence == 0 && offset < 0) return t.raise(Exc::ValueError, "negative seek value {}", offset);
  int64_t base = 0;
  if (whence == 1)
    base = static_cast<int64_t>(self->position);
  else if (whence == 2)
    base = static_cast<int64_t>(self->content.size());
  else if (whence != 0)
    return t.raise(Exc::ValueError, "invalid whence ({}, should be 0, 1 or 2)", whence);
  if (offset > INT64_MAX - base) return t.raise(Exc::OverflowError, "new position too large");
  self->position = static_cast<size_t>(std::max<int64_t>(0, base + offset));
  return make_int(t, static_cast<int64_t>(self->position));
}
Result<Value> bytes_io_tell(Thread& t, const Value* args) {
  TRY(check_open(t, bytes_self(args)));
  return make_int(t, static_cast<int64_t>(bytes_self(args)->position));
}
Result<Value> bytes_io_truncate(Thread& t, const Value* args) {
  BytesIOObject* self = bytes_self(args);
  int64_t size = TRY(size_argument(t, args[1], static_cast<int64_t>(self->position)));
  TRY(check_open(t, self));
  TRY(may_resize(t, self));
  if (size < 0) return t.raise(Exc::ValueError, "negative size value {}", size);
  if (static_cast<size_t>(size) < self->content.size() && !self->content.shrink(t, static_cast<size_t>(size)))
    return t.raise_memory_error();
  return make_int(t, size);
}
Result<Value> bytes_io_getvalue(Thread& t, const Value* args) {
  BytesIOObject* self = bytes_self(args);
  TRY(check_open(t, self));
  if (Value shared = self->content.shared(); !shared.is_empty()) return shared;
  return str_or_error(make_bytes(t, self->content.view()));
}
Status acquire_content(Thread& t, Value owner, BufferView* view) {
  auto* stream = owner.as<BytesIOBuffer>()->stream.get().as<BytesIOObject>();
  StreamGuard guard(t, stream->lock);
  TRY(guard.acquire());
  TRY(check_open(t, stream));
  stream->exports.fetch_add(1);
  const ByteBuffer& content = stream->content;
  fill_buffer(view, owner, content.data(), static_cast<int64_t>(content.size()), 1, "B", false,
              content.data());
  return {};
}
void release_content(Value owner) {
  owner.as<BytesIOBuffer>()->stream.get().as<BytesIOObject>()->exports.fetch_sub(1);
}
const BufferProcs kBytesIOBufferProcs = {acquire_content, release_content};
Result<Value> bytes_io_getbuffer(Thread& t, const Value* args) {
  BytesIOObject* self = bytes_self(args);
  TRY(check_open(t, self));
  if (!self->content.reserve(t, std::max<size_t>(self->content.size(), 1))) return t.raise_memory_error();
  self->lent = true;
  register_buffer_type(t, &kBytesIOBufferSpec, &kBytesIOBufferProcs);
  auto* lender = t.heap().make<BytesIOBuffer>(t, native_type(t, kBytesIOBufferSpec));
  lender->stream = args[0];
  return make_memoryview(t, lender);
}
Result<Value> bytes_io_close(Thread& t, const Value* args) {
  TRY(may_resize(t, bytes_self(args)));
  bytes_self(args)->content.clear();
  bytes_self(args)->closed.store(true, std::memory_order_relaxed);
  return kNone;
}
Result<Value> bytes_io_yes(Thread& t, const Value* args) {
  TRY(check_open(t, bytes_self(args)));
  return kTrue;
}
Result<Value> bytes_io_no(Thread& t, const Value* args) {
  TRY(check_open(t, bytes_self(args)));
  return kFalse;
}
Result<Value> bytes_io_flush(Thread& t, const Value* args) {
  TRY(check_open(t, bytes_self(args)));
  return kNone;
}
Result<Value> bytes_io_closed(Thread&, Value self) {
  return Value::from_bool(self.as<BytesIOObject>()->closed.load(std::memory_order_relaxed));
}
Result<Value> bytes_io_getstate(Thread& t, const Value* args) {
  Value content = TRY(bytes_io_getvalue(t, args));
  Value dict = TRY(instance_dict(t, args[0].as_object()));
  Value copy = TRY(str_or_error(dict_copy(t, dict.as<DictObject>())));
  return make_tuple(t, {content, make_int(t, static_cast<int64_t>(bytes_self(args)->position)), copy});
}
Result<Value> bytes_io_setstate(Thread& t, const Value* args) {
  BytesIOObject* self = bytes_self(args);
  TRY(check_open(t, self));
  if (!is_tuple(args[1]) || args[1].as<TupleObject>()->size != 3)
    return t.raise(Exc::TypeError, "{}.__setstate__ argument should be 3-tuple, got {}",
                   type_name(t, args[0]), type_name(t, args[1]));
  auto& state = *args[1].as<TupleObject>();
  std::string_view view = TRY(bytes_view(t, state[0]));
  if (!state[2].is_none() && !is_dict(state[2]))
    return t.raise(Exc::TypeError, "third item of state should be a dict, got a {}", type_name(t, state[2]));
  int64_t position = TRY(to_ssize(t, state[1]));
  TRY(check_open(t, self));
  TRY(may_resize(t, self));
  TRY(set_content(t, self, state[0], view));
  if (position < 0) return t.raise(Exc::ValueError, "position value cannot be negative");
  self->position = static_cast<size_t>(position);
  if (is_dict(state[2])) {
    Value dict = TRY(instance_dict(t, self));
    TRY(dict_update(t, dict.as<DictObject>(), state[2]));
  }
  return kNone;
}
const NativeDef kBytesIOMethods[] = {
    MP_RAW_NEW(bytes_io_new, "__new__(cls, /, *args, **kwargs)", nullptr),
    MP_METHOD((exclusive<BytesIOObject, bytes_io_init>), "__init__(self, /, initial_bytes=None)", nullptr),
    MP_METHOD((exclusive<BytesIOObject, bytes_io_read>), "read(self, size=-1, /)", nullptr),
    MP_METHOD((exclusive<BytesIOObject, bytes_io_read>), "read1(self, size=-1, /)", nullptr),
    MP_METHOD((exclusive<BytesIOObject, bytes_io_readline>), "readline(self, size=-1, /)", nullptr),
    MP_METHOD((exclusive<BytesIOObject, bytes_io_readinto>), "readinto(self, buffer, /)", nullptr),
    MP_METHOD((exclusive<BytesIOObject, bytes_io_readinto>), "readinto1(self, buffer, /)", nullptr),
    MP_METHOD((exclusive<BytesIOObject, bytes_io_write>), "write(self, b, /)", nullptr),
    MP_METHOD((exclusive<BytesIOObject, bytes_io_seek>), "seek(self, pos, whence=0, /)", nullptr),
    MP_METHOD((exclusive<BytesIOObject, bytes_io_tell>), "tell(self, /)", nullptr),
    MP_METHOD((exclusive<BytesIOObject, bytes_io_truncate>), "truncate(self, size=None, /)", nullptr),
    MP_METHOD((exclusive<BytesIOObject, bytes_io_getvalue>), "getvalue(self, /)", nullptr),
    MP_METHOD((exclusive<BytesIOObject, bytes_io_getbuffer>), "getbuffer(self, /)", nullptr),
    MP_METHOD((exclusive<BytesIOObject, bytes_io_close>), "close(self, /)", nullptr),
    MP_METHOD(bytes_io_yes, "readable(self, /)", nullptr),
    MP_METHOD(bytes_io_yes, "writable(self, /)", nullptr),
    MP_METHOD(bytes_io_yes, "seekable(self, /)", nullptr),
    MP_METHOD(bytes_io_no, "isatty(self, /)", nullptr),
    MP_METHOD((exclusive<BytesIOObject, bytes_io_flush>), "flush(self, /)", nullptr),
    MP_METHOD((exclusive<BytesIOObject, bytes_io_getstate>), "__getstate__(self, /)", nullptr),
    MP_METHOD((exclusive<BytesIOObject, bytes_io_setstate>), "__setstate__(self, state, /)", nullptr),
    MP_END};
const TypeSpec kBytesIOBufferSpec = {
    .name = "_io._BytesIOBuffer",
    .size = sizeof(BytesIOBuffer),
    .flags = kTypeDisallowNew,
    .trace = [](Object* o, Tracer& tracer) { tracer.visit(static_cast<BytesIOBuffer*>(o)->stream); }};
const GetSetDef kBytesIOGetSets[] = {{"closed", bytes_io_closed, nullptr, nullptr}, {}};

}  // namespace

const TypeSpec kBytesIOSpec = {.name = "_io.BytesIO",
                               .base_spec = &kBufferedIOBaseSpec,
                               .size = sizeof(BytesIOObject),
                               .flags = kTypeBaseType | kTypeHasDict | kTypeHasWeakref,
                               .doc = "Buffered I/O implementation using an in-memory bytes buffer.",
                               .trace = trace_bytes_io,
                               .slots = MP_SLOTS(.next = exclusive_slot<BytesIOObject, bytes_io_next>),
                               .methods = kBytesIOMethods,
                               .getsets = kBytesIOGetSets};

}  // namespace mp::io

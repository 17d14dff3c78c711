// BytesIO and StringIO: files in memory.
#include <algorithm>
#include <cstring>

#include "stdlib/native/io.h"
#include "stdlib/native/io_newlines.h"
#include "vm/types/buffer.h"

namespace mp::io {

namespace {

// ---------------------------------------------------------------- BytesIO

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
    std::memcpy(data_ + position, bytes.data(), bytes.size());
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
Result<Value> bytes_io_init(Thread& t, const Value* args) {
  BytesIOObject* self = bytes_self(args);
  std::string_view initial;
  if (!args[1].is_none()) initial = TRY(bytes_view(t, args[1]));
  TRY(may_resize(t, self));
  self->closed.store(false, std::memory_order_relaxed);
  self->content.clear();
  self->position = 0;
  if (!args[1].is_none()) TRY(set_content(t, self, args[1], initial));
  return kNone;
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
Result<Value> bytes_io_write(Thread& t, const Value* args) {
  BytesIOObject* self = bytes_self(args);
  TRY(check_open(t, self));
  if (is_str(args[1])) return t.raise(Exc::TypeError, "a bytes-like object is required, not 'str'");
  std::string_view data = TRY(bytes_view(t, args[1]));
  TRY(check_open(t, self));
  TRY(may_resize(t, self));
  if (data.empty()) return Value::from_int(0);
  if (!self->content.write(t, self->position, data)) return t.raise_memory_error();
  self->position += data.size();
  return Value::from_int(static_cast<int64_t>(data.size()));
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
  Value copy = dict_copy(t, dict.as<DictObject>());
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

// ---------------------------------------------------------------- StringIO

// Text that grows, in a cell of the collector. It begins zeroed, which is empty.
class TextBuffer {
 public:
  size_t size() const { return size_; }
  std::u32string_view view() const { return {data_, size_}; }
  void trace(Tracer& tracer) const { tracer.mark_raw(data_); }
  void shrink(size_t size) { size_ = size; }
  // Writes over what is there from `position` on, after zeros if that is beyond the end; false: no memory.
  template <class Unit>
  bool write(Thread& t, size_t position, const Unit* units, size_t count) {
    size_t end = position + count;
    if (end < count || !make_room(t, end)) return false;
    if (position > size_) std::fill(data_ + size_, data_ + position, U'\0');
    std::copy(units, units + count, data_ + position);
    size_ = std::max(size_, end);
    return true;
  }

 private:
  bool make_room(Thread& t, size_t count) {
    if (count <= capacity_) return true;
    size_t wanted = std::max(count, capacity_ + capacity_ / 2);
    if (wanted > SIZE_MAX / sizeof(char32_t) / 2) return false;
    auto* bigger = static_cast<char32_t*>(t.heap().allocate_raw_unset(t, wanted * sizeof(char32_t)));
    if (bigger == nullptr) return false;
    std::copy(data_, data_ + size_, bigger);
    data_ = bigger;
    capacity_ = wanted;
    return true;
  }
  char32_t* data_;
  size_t size_, capacity_;
};

struct StringIOObject : Object {
  StreamLock lock;
  TextBuffer content;
  size_t position;
  std::atomic<bool> ready;  // these two are asked without the lock
  std::atomic<bool> closed;
  bool translate;        // newline=None: "\r\n" and "\r" become "\n" on writing
  bool universal;        // newline None or ''
  uint8_t newline_kind;  // 0: "\n" or none; 1: "\r"; 2: "\r\n"
  uint8_t seen;          // newlines met: NewlineKind
};
void trace_string_io(Object* object, Tracer& tracer) {
  static_cast<StringIOObject*>(object)->content.trace(tracer);
}
StringIOObject* string_self(const Value* args) { return args[0].as<StringIOObject>(); }
Status check_open(Thread& t, StringIOObject* self) {
  if (!self->ready) return t.raise(Exc::ValueError, "I/O operation on uninitialized object");
  // StringIO's message has no full stop, unlike BytesIO's and the files'.
  if (self->closed) return t.raise(Exc::ValueError, "I/O operation on closed file");
  return {};
}
std::u32string code_points(const StrObject* s) {
  size_t n = s->length();
  switch (s->width()) {
    case 1: return std::u32string(s->data8(), s->data8() + n);
    case 2: return std::u32string(s->data16(), s->data16() + n);
    default: return std::u32string(s->data32(), s->data32() + n);
  }
}
Value from_code_points(Thread& t, std::u32string_view text) {
  return make_str_utf32(t, reinterpret_cast<const uint32_t*>(text.data()), text.size());
}
template <class Unit>
Status put(Thread& t, StringIOObject* self, const Unit* units, size_t count) {
  if (!self->content.write(t, self->position, units, count)) return t.raise_memory_error();
  self->position += count;
  return {};
}
Status write_text(Thread& t, StringIOObject* self, const StrObject* s) {
  if (!self->universal && self->newline_kind == 0) {  // as it is
    switch (s->width()) {
      case 1: return put(t, self, s->data8(), s->length());
      case 2: return put(t, self, s->data16(), s->length());
      default: return put(t, self, s->data32(), s->length());
    }
  }
  std::u32string text = code_points(s);
  if (self->universal) {
    std::u32string out;
    append_newlines<char32_t>(text, self->translate, &self->seen, out);
    text = std::move(out);
  } else {
    std::u32string out;
    for (char32_t c : text) {
      if (c == U'\n')
        out += self->newline_kind == 1 ? U"\r" : U"\r\n";
      else
        out += c;
    }
    text = std::move(out);
  }
  return put(t, self, text.data(), text.size());
}
Result<Value> string_io_new(Thread& t, Value cls, const CallArgs&) {
  return allocate_instance(t, cls.as<Type>());
}
Result<Value> string_io_init(Thread& t, const Value* args) {
  StringIOObject* self = string_self(args);
  Value initial = args[1], newline = args[2];
  if (!newline.is_none() && !is_str(newline))
    return t.raise(Exc::TypeError, "newline must be str or None, not {}", type_name(t, newline));
  std::string text = newline.is_none() ? "" : to_utf8(newline.as<StrObject>());
  if (!newline.is_none() && !text.empty() && text != "\n" && text != "\r" && text != "\r\n")
    return t.raise(Exc::ValueError, "illegal newline value: {}", repr_text(t, newline));
  if (!initial.is_none() && !is_str(initial))
    return t.raise(Exc::TypeError, "initial_value must be str or None, not {}", type_name(t, initial));
  self->closed = false;
  self->content.shrink(0);
  self->position = 0;
  self->seen = 0;
  self->translate = newline.is_none();
  self->universal = newline.is_none() || text.empty();
  self->newline_kind = text == "\r" ? 1 : text == "\r\n" ? 2 : 0;
  self->ready = true;
  if (!initial.is_none()) TRY(write_text(t, self, initial.as<StrObject>()));
  self->position = 0;
  return kNone;
}
std::u32string_view available(StringIOObject* self) {
  return self->position >= self->content.size() ? std::u32string_view()
                                                : self->content.view().substr(self->position);
}
Value take(Thread& t, StringIOObject* self, size_t count) {
  std::u32string_view view = available(self).substr(0, count);
  self->position += view.size();
  return from_code_points(t, view);
}
size_t line_length(StringIOObject* self) {
  std::u32string_view text = available(self);
  size_t at;
  if (self->universal && !self->translate) {
    at = text.find_first_of(U"\r\n");
    if (at == std::u32string_view::npos) return text.size();
    return text[at] == U'\r' && at + 1 < text.size() && text[at + 1] == U'\n' ? at + 2 : at + 1;
  }
  std::u32string_view mark = self->newline_kind == 1 ? U"\r" : self->newline_kind == 2 ? U"\r\n" : U"\n";
  at = text.find(mark);
  return at == std::u32string_view::npos ? text.size() : at + mark.size();
}
Result<Value> string_io_read(Thread& t, const Value* args) {
  int64_t size = TRY(size_argument(t, args[1]));
  TRY(check_open(t, string_self(args)));
  return take(t, string_self(args), size < 0 ? std::u32string::npos : static_cast<size_t>(size));
}
Result<Value> string_io_readline(Thread& t, const Value* args) {
  int64_t size = TRY(size_argument(t, args[1]));
  TRY(check_open(t, string_self(args)));
  size_t count = line_length(string_self(args));
  if (size >= 0) count = std::min(count, static_cast<size_t>(size));
  return take(t, string_self(args), count);
}
Result<Value> string_io_next(Thread& t, Value value) {
  auto* self = value.as<StringIOObject>();
  TRY(check_open(t, self));
  if (available(self).empty()) return kNoMore;
  return take(t, self, line_length(self));
}
Result<Value> string_io_write(Thread& t, const Value* args) {
  StringIOObject* self = string_self(args);
  if (!is_str(args[1]))
    return t.raise(Exc::TypeError, "string argument expected, got '{}'", type_name(t, args[1]));
  TRY(check_open(t, self));
  auto* text = args[1].as<StrObject>();
  if (text->length() > 0) TRY(write_text(t, self, text));
  return Value::from_int(static_cast<int64_t>(text->length()));
}
Result<Value> string_io_seek(Thread& t, const Value* args) {
  StringIOObject* self = string_self(args);
  int64_t offset = TRY(to_int64(t, args[1]));
  int whence = TRY(to_c_int(t, args[2]));
  TRY(check_open(t, self));
  if (whence < 0 || whence > 2)
    return t.raise(Exc::ValueError, "Invalid whence ({}, should be 0, 1 or 2)", whence);
  if (whence == 0 && offset < 0) return t.raise(Exc::ValueError, "Negative seek position {}", offset);
  if (whence != 0 && offset != 0) return t.raise(Exc::OSError, "Can't do nonzero cur-relative seeks");
  if (whence == 0) self->position = static_cast<size_t>(offset);
  if (whence == 2) self->position = self->content.size();
  return make_int(t, static_cast<int64_t>(self->position));
}
Result<Value> string_io_tell(Thread& t, const Value* args) {
  TRY(check_open(t, string_self(args)));
  return make_int(t, static_cast<int64_t>(string_self(args)->position));
}
Result<Value> string_io_truncate(Thread& t, const Value* args) {
  StringIOObject* self = string_self(args);
  TRY(check_open(t, self));
  int64_t size = TRY(size_argument(t, args[1], static_cast<int64_t>(self->position)));
  if (size < 0) return t.raise(Exc::ValueError, "Negative size value {}", size);
  if (static_cast<size_t>(size) < self->content.size()) self->content.shrink(static_cast<size_t>(size));
  return make_int(t, size);
}
Result<Value> string_io_getvalue(Thread& t, const Value* args) {
  TRY(check_open(t, string_self(args)));
  return from_code_points(t, string_self(args)->content.view());
}
Result<Value> string_io_close(Thread&, const Value* args) {
  string_self(args)->closed = true;
  string_self(args)->content = {};
  return kNone;
}
Result<Value> string_io_yes(Thread& t, const Value* args) {
  TRY(check_open(t, string_self(args)));
  return kTrue;
}
Result<Value> string_io_closed(Thread& t, Value value) {
  auto* self = value.as<StringIOObject>();
  if (!self->ready) return t.raise(Exc::ValueError, "I/O operation on uninitialized object");
  return Value::from_bool(self->closed);
}
Result<Value> string_io_line_buffering(Thread& t, Value value) {
  TRY(check_open(t, value.as<StringIOObject>()));
  return kFalse;
}
Result<Value> string_io_newlines(Thread& t, Value value) {
  auto* self = value.as<StringIOObject>();
  TRY(check_open(t, self));
  return self->universal ? seen_newlines(t, self->seen) : kNone;
}
Result<Value> string_io_getstate(Thread& t, const Value* args) {
  StringIOObject* self = string_self(args);
  Value content = TRY(string_io_getvalue(t, args));
  const char* newline = self->newline_kind == 1   ? "\r"
                        : self->newline_kind == 2 ? "\r\n"
                        : self->universal         ? ""
                                                  : "\n";
  Value newline_value = self->translate ? kNone : Value(make_str(t, newline));
  Value dict = TRY(instance_dict(t, args[0].as_object()));
  Value copy = dict_copy(t, dict.as<DictObject>());
  return make_tuple(t, {content, newline_value, make_int(t, static_cast<int64_t>(self->position)), copy});
}
Result<Value> string_io_setstate(Thread& t, const Value* args) {
  if (!is_tuple(args[1]) || args[1].as<TupleObject>()->size < 4)
    return t.raise(Exc::TypeError, "{}.__setstate__ argument should be 4-tuple, got {}",
                   type_name(t, args[0]), type_name(t, args[1]));
  auto& state = *args[1].as<TupleObject>();
  Value init_args[3] = {args[0], state[0], state[1]};
  TRY(string_io_init(t, init_args));
  string_self(args)->position = static_cast<size_t>(TRY(to_ssize(t, state[2])));
  if (is_dict(state[3])) {
    Value dict = TRY(instance_dict(t, args[0].as_object()));
    TRY(dict_update(t, dict.as<DictObject>(), state[3]));
  }
  return kNone;
}
const NativeDef kStringIOMethods[] = {
    MP_RAW_NEW(string_io_new, "__new__(cls, /, *args, **kwargs)", nullptr),
    MP_METHOD((exclusive<StringIOObject, string_io_init>),
              "__init__(self, /, initial_value='', newline='\\n')", nullptr),
    MP_METHOD((exclusive<StringIOObject, string_io_read>), "read(self, size=-1, /)", nullptr),
    MP_METHOD((exclusive<StringIOObject, string_io_readline>), "readline(self, size=-1, /)", nullptr),
    MP_METHOD((exclusive<StringIOObject, string_io_write>), "write(self, s, /)", nullptr),
    MP_METHOD((exclusive<StringIOObject, string_io_seek>), "seek(self, pos, whence=0, /)", nullptr),
    MP_METHOD((exclusive<StringIOObject, string_io_tell>), "tell(self, /)", nullptr),
    MP_METHOD((exclusive<StringIOObject, string_io_truncate>), "truncate(self, pos=None, /)", nullptr),
    MP_METHOD((exclusive<StringIOObject, string_io_getvalue>), "getvalue(self, /)", nullptr),
    MP_METHOD((exclusive<StringIOObject, string_io_close>), "close(self, /)", nullptr),
    MP_METHOD(string_io_yes, "readable(self, /)", nullptr),
    MP_METHOD(string_io_yes, "writable(self, /)", nullptr),
    MP_METHOD(string_io_yes, "seekable(self, /)", nullptr),
    MP_METHOD((exclusive<StringIOObject, string_io_getstate>), "__getstate__(self, /)", nullptr),
    MP_METHOD((exclusive<StringIOObject, string_io_setstate>), "__setstate__(self, state, /)", nullptr),
    MP_END};
const GetSetDef kStringIOGetSets[] = {{"closed", string_io_closed, nullptr, nullptr},
                                      {"newlines", string_io_newlines, nullptr, nullptr},
                                      {"line_buffering", string_io_line_buffering, nullptr, nullptr},
                                      {}};

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
const TypeSpec kStringIOSpec = {.name = "_io.StringIO",
                                .base_spec = &kTextIOBaseSpec,
                                .size = sizeof(StringIOObject),
                                .flags = kTypeBaseType | kTypeHasDict | kTypeHasWeakref,
                                .doc = "Text I/O implementation using an in-memory buffer.",
                                .trace = trace_string_io,
                                .slots = MP_SLOTS(.next = exclusive_slot<StringIOObject, string_io_next>),
                                .methods = kStringIOMethods,
                                .getsets = kStringIOGetSets};

}  // namespace mp::io

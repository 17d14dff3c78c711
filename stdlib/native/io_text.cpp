// TextIOWrapper: text over a binary stream. The common encodings (UTF-8, Latin-1, ASCII) are decoded and
// encoded in C++; any other goes through the codec registry's incremental codecs.
#include "stdlib/native/io_text.h"

#include <cstring>

#include "vm/core/compiler.h"
#include "vm/os/memory.h"
#include "vm/threads/object_lock.h"
#include "vm/types/str_internal.h"

namespace mp::io {

Status check_ready(Thread& t, TextObject* self) {
  if (self->ready) return {};
  if (self->detached) return t.raise(Exc::ValueError, "underlying buffer has been detached");
  return t.raise(Exc::ValueError, "I/O operation on uninitialized object");
}
MP_NOINLINE Result<Value> buffer_of(Thread& t, TextObject* self) {
  TRY(t.check_stack());  // it may lead back to here
  Value buffer = self->buffer;
  TRY(check_ready(t, self));
  if (buffer.is_empty()) return t.raise(Exc::ValueError, "underlying buffer has been detached");
  return buffer;
}
Status check_open(Thread& t, TextObject* self) {
  Value buffer = TRY(buffer_of(t, self));
  if (buffered_is_open_file(buffer)) return {};  // no calls through attributes
  return check_closed(t, buffer);
}
MP_NOINLINE std::string error_handler(const TextObject* self) { return *self->errors_text; }
Status write_pending(Thread& t, TextObject* self) {
  if (self->pending->empty()) return {};
  BytesObject* bytes = make_bytes(t, *self->pending);
  if (bytes == nullptr) return Error{};
  self->pending->clear();
  self->unwritten.store(false, std::memory_order_release);
  TRY(call_method(t, self->buffer, t.names().write, {bytes}));
  return {};
}

namespace {

void free_text(Object* object) {
  auto* self = static_cast<TextObject*>(object);
  for (std::string** s : {&self->errors_text, &self->newline, &self->read_newline, &self->pending,
                          &self->raw_ahead, &self->decoded}) {
    delete *s;
    *s = nullptr;
  }
}
void trace_text(Object* object, Tracer& tracer) {
  auto* self = static_cast<TextObject*>(object);
  tracer.visit_slots(&self->buffer, 5);
}
Result<Value> text_new(Thread& t, Value cls, const CallArgs&) {
  Value value = TRY(allocate_instance(t, cls.as<Type>()));
  auto* self = value.as<TextObject>();
  for (std::string** s : {&self->errors_text, &self->newline, &self->read_newline, &self->pending,
                          &self->raw_ahead, &self->decoded})
    *s = new std::string;
  t.heap().register_native_finalizer(self, free_text);
  return value;
}

// ---- writing

Status encode_to_pending(Thread& t, TextObject* self, StrObject* text) {
  const std::string errors = error_handler(self);
  switch (self->native) {
    case Encoding::Utf8: return encode_utf8_to(t, text, errors, *self->pending);
    case Encoding::Latin1: return encode_latin1_to(t, text, errors, *self->pending);
    case Encoding::Ascii: return encode_ascii_to(t, text, errors, *self->pending);
    default: break;
  }
  Value bytes = TRY(call_method(t, self->encoder, t.names().encode, {text}));
  if (!is_bytes(bytes))
    return t.raise(Exc::TypeError, "encoder should return a bytes object, not '{}'", type_name(t, bytes));
  self->pending->append(bytes.as<BytesObject>()->view());
  return {};
}
bool contains_char(const StrObject* s, uint32_t c) {
  if (s->width() == 1) return std::memchr(s->data8(), static_cast<int>(c), s->length()) != nullptr;
  for (size_t i = 0; i < s->length(); ++i)
    if (s->at(i) == c) return true;
  return false;
}
Result<Value> text_write(Thread& t, const Value* args) {
  TextObject* self = self_of(args);
  if (!is_str(args[1]))
    return t.raise(Exc::TypeError, "write() argument must be str, not {}", type_name(t, args[1]));
  TRY(check_open(t, self));
  if (!self->writable) return unsupported(t, "not writable");
  auto* text = args[1].as<StrObject>();
  size_t length = text->length();
  bool has_newline = contains_char(text, '\n');
  bool flush = self->line_buffering && (has_newline || contains_char(text, '\r'));
  if (has_newline && *self->newline != "\n") {
    Value replaced = TRY(call_name(t, text, "replace", {make_str(t, "\n"), make_str(t, *self->newline)}));
    text = replaced.as<StrObject>();
  }
  size_t before = self->pending->size();
  if (!os::has_room(text->byte_size() * 3)) return t.raise_memory_error();  // encoded, and as bytes
  Status encoded = encode_to_pending(t, self, text);
  if (encoded.is_error()) {
    self->pending->resize(std::min(before, self->pending->size()));
    return Error{};
  }
  self->unwritten.store(!self->pending->empty(), std::memory_order_release);
  if (self->write_through || flush || self->pending->size() > self->chunk_size) TRY(write_pending(t, self));
  if (flush) TRY(call_method(t, self->buffer, t.names().flush));
  // The beginning of a line that another thread waits for is its.
  StreamGuard guard(t, self->reading);
  if (guard.try_acquire() && self->can_tell) {
    self->decoded->clear();
    self->raw_ahead->clear();
    self->offset = 0;
    self->can_tell = false;
    if (!self->decoder.get().is_empty()) TRY(call_name(t, self->decoder, "reset"));
  }
  return Value::from_int(static_cast<int64_t>(length));
}
Result<Value> text_flush(Thread& t, const Value* args) {
  TextObject* self = self_of(args);
  TRY(check_open(t, self));
  self->telling = self->seekable;
  TRY(write_pending(t, self));
  return call_method(t, self->buffer, t.names().flush);
}

// ---- reading

// Decodes one more chunk. False at the end of the file.
Result<bool> read_chunk(Thread& t, TextObject* self, int64_t hint) {
  int64_t size = std::max<int64_t>(static_cast<int64_t>(self->chunk_size), hint);
  Value data =
      hint == -2
          ? TRY(call_name(t, self->buffer, "read"))
          : TRY(call_name(t, self->buffer, self->has_read1 ? "read1" : "read", {Value::from_int(size)}));
  if (data.is_none()) return t.raise(Exc::BlockingIOError, "read returned None");
  auto got = bytes_view(t, data);
  if (got.is_error()) {
    t.clear_exception();
    return t.raise(Exc::TypeError, "underlying {}() should have returned a bytes-like object, not '{}'",
                   self->has_read1 && hint != -2 ? "read1" : "read", type_name(t, data));
  }
  std::string_view view = got.value();
  bool end = view.empty();
  bool final = end || hint == -2;
  std::string storage;
  std::string_view decoded;
  if (self->native == Encoding::Other) {
    if (self->decoder.get().is_empty()) return unsupported(t, "not readable");
    Value text = TRY(call_method(t, self->decoder, t.names().decode, {data, Value::from_bool(final)}));
    if (!is_str(text))
      return t.raise(Exc::TypeError, "decoder should return a string result, not '{}'", type_name(t, text));
    if (!os::has_room(text.as<StrObject>()->byte_size() * 2)) return t.raise_memory_error();
    decoded = storage = to_utf8(text.as<StrObject>());
  } else if (self->raw_ahead->empty() &&
             all_ascii(reinterpret_cast<const uint8_t*>(view.data()), view.size())) {
    decoded = view;
  } else {
    // Besides what was read: the two joined, the text, and its UTF-8.
    if (!os::has_room(view.size() * 4)) return t.raise_memory_error();
    std::string joined = *self->raw_ahead;
    joined += view;
    size_t consumed = joined.size();
    const std::string errors = error_handler(self);
    Value text;
    switch (self->native) {
      case Encoding::Utf8: text = TRY(decode_utf8(t, joined, errors, final ? nullptr : &consumed)); break;
      case Encoding::Latin1: text = TRY(decode_latin1(t, joined)); break;
      default: text = TRY(decode_ascii(t, joined, errors)); break;
    }
    *self->raw_ahead = joined.substr(consumed);
    decoded = storage = to_utf8(text.as<StrObject>());
  }
  if (self->offset > 0) {
    self->decoded->erase(0, self->offset);
    self->offset = 0;
  }
  if (!os::make_room(*self->decoded, decoded.size() + 1)) return t.raise_memory_error();
  if (self->universal)
    translate_newlines(self->newlines, decoded, self->translate_read, final, *self->decoded);
  else
    *self->decoded += decoded;
  if (self->telling) self->can_tell = true;
  return !end;
}
// With no lock held: who waits to write must not wait for a reader that waits for him.
Status before_reading(Thread& t, TextObject* self) {
  TRY(check_open(t, self));
  if (!self->readable) return unsupported(t, "not readable");
  if (!self->unwritten.load(std::memory_order_acquire)) return {};
  StreamGuard guard(t, self->writing);
  TRY(guard.acquire());
  TRY(check_ready(t, self));
  return write_pending(t, self);
}
// Bytes of the first `count` code points of the unread text, and how many there were.
size_t utf8_prefix(std::string_view text, size_t count, size_t* found) {
  size_t i = 0, n = 0;
  while (i < text.size() && n < count) {
    auto c = static_cast<uint8_t>(text[i]);
    i += c < 0x80 ? 1 : c < 0xE0 ? 2 : c < 0xF0 ? 3 : 4;
    ++n;
  }
  *found = n;
  return std::min(i, text.size());
}
Result<Value> take(Thread& t, TextObject* self, size_t bytes) {
  StrObject* text = make_str(t, unread(self).substr(0, bytes));
  if (text == nullptr) return Error{};
  ++self->taken;
  self->offset += bytes;
  if (self->offset == self->decoded->size()) {
    self->decoded->clear();
    self->offset = 0;
  }
  return text;
}
Result<Value> text_read(Thread& t, const Value* args) {
  TextObject* self = self_of(args);
  int64_t size = TRY(size_argument(t, args[1]));
  TRY(before_reading(t, self));
  StreamGuard guard(t, self->reading);
  TRY(guard.acquire());
  TRY(check_ready(t, self));
  if (size < 0) {
    while (TRY(read_chunk(t, self, -2))) {
    }
    return take(t, self, unread(self).size());
  }
  for (;;) {
    size_t found;
    size_t bytes = utf8_prefix(unread(self), static_cast<size_t>(size), &found);
    if (found == static_cast<size_t>(size)) return take(t, self, bytes);
    if (!TRY(read_chunk(t, self, size - static_cast<int64_t>(found)))) {
      bytes = utf8_prefix(unread(self), static_cast<size_t>(size), &found);
      return take(t, self, bytes);
    }
  }
}
// End of the first line in `text` after `from` bytes were searched in vain: npos when there is none yet.
size_t find_line_end(const TextObject* self, std::string_view text, size_t from) {
  if (self->translate_read || *self->read_newline == "\n") {
    size_t at = text.find('\n', from);
    return at == std::string_view::npos ? at : at + 1;
  }
  if (self->universal) {  // newline='': "\n", "\r" and "\r\n" all end a line and stay as they are
    size_t at = text.find('\n', from);  // two of these are faster than one find_first_of()
    at = std::min(at, text.substr(0, at).find('\r', from));
    if (at == std::string_view::npos) return at;
    if (text[at] == '\r' && at + 1 < text.size() && text[at + 1] == '\n') return at + 2;
    return at + 1;
  }
  size_t back = self->read_newline->size() - 1;
  size_t at = text.find(*self->read_newline, from > back ? from - back : 0);
  return at == std::string_view::npos ? at : at + self->read_newline->size();
}
Result<Value> read_line(Thread& t, TextObject* self, int64_t limit) {
  TRY(before_reading(t, self));
  StreamGuard guard(t, self->reading);
  TRY(guard.acquire());
  TRY(check_ready(t, self));
  size_t searched = 0;
  for (;;) {
    std::string_view text = unread(self);
    size_t end = find_line_end(self, text, searched);
    if (limit >= 0) {
      size_t found;
      size_t bytes = utf8_prefix(text, static_cast<size_t>(limit), &found);
      if (found == static_cast<size_t>(limit) && (end == std::string_view::npos || bytes < end))
        return take(t, self, bytes);
    }
    if (end != std::string_view::npos) return take(t, self, end);
    searched = text.size();
    uint64_t taken = self->taken;
    bool more = TRY(read_chunk(t, self, 0));
    if (self->taken != taken) searched = 0;  // by another thread, while there was a GIL
    if (!more) {
      text = unread(self);
      end = find_line_end(self, text, 0);
      return take(t, self, end == std::string_view::npos ? text.size() : end);
    }
  }
}
// The next line if nothing has to be waited for or written before: without a guard, for while there is a GIL
// no other thread comes in here. Otherwise kNotFound.
Result<Value> line_at_hand(Thread& t, TextObject* self) {
  if (free_threaded(t) || !self->ready || !self->readable || !buffered_is_open_file(self->buffer) ||
      self->unwritten.load(std::memory_order_relaxed))
    return kNotFound;
  size_t end = find_line_end(self, unread(self), 0);
  if (end == std::string_view::npos) return kNotFound;
  return take(t, self, end);
}
Result<Value> text_readline(Thread& t, const Value* args) {
  int64_t limit = TRY(size_argument(t, args[1]));
  if (limit < 0) {
    Value line = TRY(line_at_hand(t, self_of(args)));
    if (!line.is_not_found()) return line;
  }
  return read_line(t, self_of(args), limit);
}
Result<Value> text_next(Thread& t, Value value) {
  auto* self = value.as<TextObject>();
  if (self->telling.load(std::memory_order_relaxed)) self->telling = false;
  Value line;
  if (value.as_object()->type()->spec == &kTextIOWrapperSpec) {
    line = TRY(line_at_hand(t, self));
    if (!line.is_not_found()) return line;
    line = TRY(read_line(t, self, -1));
  } else {
    line = TRY(call_method(t, value, t.names().readline));
    if (!is_str(line))
      return t.raise(Exc::OSError, "readline() should have returned a str object, not '{}'",
                     type_name(t, line));
  }
  if (line.as<StrObject>()->length() == 0) {
    self->telling = self->seekable;
    return kNoMore;
  }
  return line;
}

// ---- life

Result<Value> text_close(Thread& t, const Value* args) {
  TextObject* self = self_of(args);
  TRY(check_ready(t, self));
  if (TRY(is_closed(t, self->buffer))) return kNone;
  return flush_and_close(t, args[0], self->buffer);
}
Result<Value> text_detach(Thread& t, const Value* args) {
  TextObject* self = self_of(args);
  TRY(check_ready(t, self));
  TRY(call_method(t, args[0], t.names().flush));
  Value buffer = TRY(buffer_of(t, self));  // flush() may be a script's
  self->detached = true;
  self->ready = false;
  self->buffer = kEmpty;
  return buffer;
}
template <const char* name>
constexpr auto forwarded = forward<TextObject, &TextObject::buffer, name>;

Result<Value> text_repr(Thread& t, Value value) {
  auto* self = value.as<TextObject>();
  TRY(check_ready(t, self));
  ReprGuard guard(t, value);
  std::string out = "<" + type_full_name(type_of(t, value));
  if (guard.recursive())
    return t.raise(Exc::RuntimeError, "reentrant call inside {}.__repr__", type_full_name(type_of(t, value)));
  for (const char* attribute : {"name", "mode"}) {
    Value v = TRY(get_attr_or_not_found(t, value, intern(t, attribute)));
    if (!v.is_not_found()) out += std::string(" ") + attribute + "=" + TRY(repr_utf8(t, v));
  }
  return make_str(t, out + " encoding=" + repr_text(t, self->encoding) + ">");
}
Result<Value> text_closed(Thread& t, Value value) {
  return get_attr(t, TRY(buffer_of(t, value.as<TextObject>())), "closed");
}
Result<Value> text_name(Thread& t, Value value) {
  return get_attr(t, TRY(buffer_of(t, value.as<TextObject>())), t.names().name);
}
Result<Value> text_get_encoding(Thread&, Value value) {
  Value v = value.as<TextObject>()->encoding;
  return v.is_empty() ? kNone : v;
}
Result<Value> text_get_errors(Thread& t, Value value) {
  TRY(check_ready(t, value.as<TextObject>()));
  return value.as<TextObject>()->errors;
}
Result<Value> text_get_buffer(Thread& t, Value value) { return buffer_of(t, value.as<TextObject>()); }
Result<Value> text_get_line_buffering(Thread&, Value value) {
  return Value::from_bool(value.as<TextObject>()->line_buffering);
}
Result<Value> text_get_write_through(Thread&, Value value) {
  return Value::from_bool(value.as<TextObject>()->write_through);
}
Result<Value> text_get_newlines(Thread& t, Value value) {
  auto* self = value.as<TextObject>();
  StreamGuard guard(t, self->reading);
  TRY(guard.acquire());
  return self->universal ? seen_newlines(t, self->newlines.seen) : kNone;
}
Result<Value> text_get_chunk_size(Thread&, Value value) {
  return Value::from_int(static_cast<int64_t>(value.as<TextObject>()->chunk_size));
}
Status text_set_chunk_size(Thread& t, Value value, Value size) {
  if (size.is_empty()) return t.raise(Exc::AttributeError, "cannot delete attribute");
  int64_t n = TRY(to_ssize(t, size));
  if (n <= 0) return t.raise(Exc::ValueError, "a strictly positive integer is required");
  value.as<TextObject>()->chunk_size = static_cast<size_t>(n);
  return {};
}
Status text_finalize(Thread& t, Value value) {
  auto* self = value.as<TextObject>();
  return self->ready ? close_forgotten(t, value, self->buffer) : Status();
}

template <Result<Value> (*F)(Thread&, const Value*)>
Result<Value> writing(Thread& t, const Value* args) {
  StreamGuard guard(t, self_of(args)->writing);
  TRY(guard.acquire());
  return F(t, args);
}
template <Result<Value> (*F)(Thread&, const Value*)>
Result<Value> alone(Thread& t, const Value* args) {
  TextObject* self = self_of(args);
  // None is held while the other one is waited for: a buffer's script may call back, and take them in any
  // order.
  StreamLock *one = &self->writing, *other = &self->reading;
  for (;; std::swap(one, other)) {
    StreamGuard first(t, *one), second(t, *other);
    TRY(first.acquire());
    if (!free_threaded(t))
      TRY(second.acquire());
    else if (!second.try_acquire())
      continue;
    return F(t, args);
  }
}

const NativeDef kTextMethods[] = {
    MP_RAW_NEW(text_new, "__new__(cls, /, *args, **kwargs)", nullptr),
    MP_METHOD(alone<text_init>,
              "__init__(self, /, buffer, encoding=None, errors=None, newline=None, line_buffering=False, "
              "write_through=False)",
              nullptr),
    MP_METHOD(writing<text_write>, "write(self, text, /)", nullptr),
    MP_METHOD(text_read, "read(self, size=-1, /)", nullptr),
    MP_METHOD(text_readline, "readline(self, size=-1, /)", nullptr),
    MP_METHOD(writing<text_flush>, "flush(self, /)", nullptr),
    MP_METHOD(alone<text_close>, "close(self, /)", nullptr),
    MP_METHOD(alone<text_detach>, "detach(self, /)", nullptr),
    MP_METHOD(
        alone<text_reconfigure>,
        "reconfigure(self, /, *, encoding=?, errors=?, newline=?, line_buffering=None, write_through=None)",
        nullptr),
    MP_METHOD(alone<text_seek>, "seek(self, cookie, whence=0, /)", nullptr),
    MP_METHOD(alone<text_tell>, "tell(self, /)", nullptr),
    MP_METHOD(alone<text_truncate>, "truncate(self, pos=None, /)", nullptr),
    MP_METHOD(forwarded<kSeekable>, "seekable(self, /)", nullptr),
    MP_METHOD(forwarded<kReadable>, "readable(self, /)", nullptr),
    MP_METHOD(forwarded<kWritable>, "writable(self, /)", nullptr),
    MP_METHOD(forwarded<kFileno>, "fileno(self, /)", nullptr),
    MP_METHOD(forwarded<kIsatty>, "isatty(self, /)", nullptr),
    MP_METHOD(refuse_pickling, "__reduce__(self, /)", nullptr),
    MP_METHOD(refuse_pickling, "__getstate__(self, /)", nullptr),
    MP_END};
const GetSetDef kTextGetSets[] = {{"closed", text_closed, nullptr, nullptr},
                                  {"name", text_name, nullptr, nullptr},
                                  {"encoding", text_get_encoding, nullptr, nullptr},
                                  {"errors", text_get_errors, nullptr, nullptr},
                                  {"buffer", text_get_buffer, nullptr, nullptr},
                                  {"line_buffering", text_get_line_buffering, nullptr, nullptr},
                                  {"write_through", text_get_write_through, nullptr, nullptr},
                                  {"newlines", text_get_newlines, nullptr, nullptr},
                                  {"_CHUNK_SIZE", text_get_chunk_size, text_set_chunk_size, nullptr},
                                  {}};

}  // namespace

const TypeSpec kTextIOWrapperSpec = {
    .name = "_io.TextIOWrapper",
    .base_spec = &kTextIOBaseSpec,
    .size = sizeof(TextObject),
    .flags = kTypeBaseType | kTypeHasDict | kTypeHasWeakref,
    .doc = "Character and line based layer over a BufferedIOBase object, buffer.",
    .trace = trace_text,
    .slots = MP_SLOTS(.repr = text_repr, .next = text_next, .finalize = text_finalize),
    .methods = kTextMethods,
    .getsets = kTextGetSets};

bool text_has_pending(Thread& t, Value v) {
  if (!is_instance(t, v, native_type(t, kTextIOWrapperSpec))) return false;
  auto* self = v.as<TextObject>();
  return self->ready && (!self->pending->empty() || buffered_has_pending(t, self->buffer));
}

}  // namespace mp::io

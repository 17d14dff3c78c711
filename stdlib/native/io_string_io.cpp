// StringIO: a text file in memory.
#include <algorithm>
#include <cstring>

#include "stdlib/native/io.h"
#include "stdlib/native/io_newlines.h"
#include "vm/types/buffer.h"

namespace mp::io {

namespace {

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
  Value copy = TRY(str_or_error(dict_copy(t, dict.as<DictObject>())));
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

// Makers of bytes, their repr, and construction from anything: what bytes and bytearray have in common.
#include <algorithm>

#include "vm/os/memory.h"
#include "vm/protocol/order.h"
#include "vm/protocol/protocol.h"
#include "vm/types/bytes_internal.h"
#include "vm/types/codec.h"
#include "vm/types/exception.h"
#include "vm/types/number.h"
#include "vm/types/runtime.h"

namespace mp {

BytesObject* allocate_bytes_of(Thread& t, Type* type, size_t size) {
  if (size > size_t{1} << 46) {
    (void)t.raise_memory_error();
    return nullptr;
  }
  size_t content = size + 1;
  size_t extra = type->instance_size > sizeof(BytesObject) ? type->instance_size - sizeof(BytesObject) : 0;
  if (extra != 0) content = (content + 15) & ~size_t{15};
  auto* b =
      static_cast<BytesObject*>(t.heap().allocate_object(t, type, sizeof(BytesObject) + content + extra));
  if (b == nullptr) {
    (void)t.raise_memory_error();
    return nullptr;
  }
  b->hash.store(-1, std::memory_order_relaxed);
  b->size = size;
  return b;
}

BytesObject* allocate_bytes(Thread& t, size_t size) {
  if (size >= 4096) return allocate_bytes_of(t, t.types().bytes, size);
  auto* b =
      static_cast<BytesObject*>(t.heap().allocate_object(t, t.types().bytes, sizeof(BytesObject) + size + 1));
  if (b == nullptr) [[unlikely]] {
    (void)t.raise_memory_error();
    return nullptr;
  }
  b->hash.store(-1, std::memory_order_relaxed);
  b->size = size;
  return b;
}

BytesObject* make_bytes(Thread& t, std::string_view content) {
  if (content.empty() && t.runtime().empty_bytes != nullptr) return t.runtime().empty_bytes;
  BytesObject* b = allocate_bytes(t, content.size());
  if (b != nullptr && !content.empty()) std::memcpy(b->data(), content.data(), content.size());
  return b;
}

Result<Value> bytes_like_self(Thread& t, Value self, std::string_view content) {
  if (is_bytes(self)) return str_or_error(make_bytes(t, content));
  return str_or_error(make_bytearray(t, content));
}

BytesRoom::BytesRoom(Thread& t, Value self, size_t size) {
  if (is_bytes(self)) {
    BytesObject* bytes = allocate_bytes(t, size);
    if (bytes == nullptr) return;
    made = bytes;
    data = bytes->data();
  } else {
    ByteArrayObject* array = allocate_bytearray(t, size);
    if (array == nullptr) return;
    made = array;
    data = array->cell.load(std::memory_order_relaxed)->bytes();
  }
}

Result<Value> bytes_unchanged(Thread& t, Value self) {
  if (is_exact(self, t.types().bytes)) return self;
  return bytes_like_self(t, self, self_bytes(t, self));
}

std::string bytes_repr_text(std::string_view content, bool escape_single) {
  char quote = content.find('\'') != content.npos && content.find('"') == content.npos ? '"' : '\'';
  constexpr char kHex[] = "0123456789abcdef";
  std::string out(content.size() * 4 + 3, '\0');
  char* to = out.data();
  *to++ = 'b';
  *to++ = quote;
  for (char signed_byte : content) {
    auto c = static_cast<uint8_t>(signed_byte);
    char short_form = c == '\t' ? 't' : c == '\n' ? 'n' : c == '\r' ? 'r' : '\0';
    if (c == static_cast<uint8_t>(quote) || c == '\\' || (escape_single && c == '\''))
      short_form = signed_byte;
    if (short_form != '\0') {
      *to++ = '\\';
      *to++ = short_form;
    } else if (c < 0x20 || c >= 0x7f) {
      *to++ = '\\';
      *to++ = 'x';
      *to++ = kHex[c >> 4];
      *to++ = kHex[c & 15];
    } else {
      *to++ = signed_byte;
    }
  }
  *to++ = quote;
  out.resize(static_cast<size_t>(to - out.data()));
  return out;
}

Result<uint8_t> byte_value(Thread& t, Value v, const char* message) {
  int64_t i;
  if (v.is_int()) {
    i = v.as_int();
  } else {
    Value index = TRY(to_index(t, v));
    if (!int_to_int64(index, &i)) i = -1;
  }
  if (i < 0 || i > 255) return t.raise_text(Exc::ValueError, message);
  return static_cast<uint8_t>(i);
}

Status bytes_new_args(Thread& t, const char* type, const CallArgs& args, Value* values) {
  static constexpr std::string_view kNames[3] = {"source", "encoding", "errors"};
  if (args.count > 3)
    return t.raise(Exc::TypeError, "{}() takes at most 3 arguments ({} given)", type, args.count);
  for (size_t i = 0; i < args.count; ++i) values[i] = args.values[i];
  if (!args.keyword_names.is_empty()) {
    auto* names = args.keyword_names.as<TupleObject>();
    for (size_t k = 0; k < names->size; ++k) {
      auto* name = (*names)[k].as<StrObject>();
      size_t i = 0;
      while (i < 3 && !str_equal(name, kNames[i])) ++i;
      if (i == 3)
        return unexpected_keyword(t, std::string(type) + "()", to_utf8(name),
                                  {"source", "encoding", "errors"});
      if (!values[i].is_empty()) {
        return t.raise(Exc::TypeError, "argument for {}() given by name ('{}') and position ({})", type,
                       kNames[i], i + 1);
      }
      values[i] = args.values[args.count + k];
    }
  }
  for (size_t i = 1; i < 3; ++i) {
    if (!values[i].is_empty() && !is_str(values[i])) {
      return t.raise(Exc::TypeError, "{}() argument '{}' must be str, not {}", type, kNames[i],
                     type_name(t, values[i]));
    }
  }
  return {};
}

static Status append_items(Thread& t, Value source, const char* type, std::string& out) {
  const char* message = type[4] == 'a' ? "byte must be in range(0, 256)" : "bytes must be in range(0, 256)";
  Result<Value> iterator = get_iter(t, source);
  if (iterator.is_error()) {
    if (!t.catch_exception(Exc::TypeError)) return Error{};
    return t.raise(Exc::TypeError, "cannot convert '{}' object to {}", type_name(t, source), type);
  }
  for (;;) {
    Value item = TRY(iter_next(t, iterator.value()));
    if (item.is_no_more()) return {};
    out.push_back(static_cast<char>(TRY(byte_value(t, item, message))));
  }
}

Status bytes_from_source(Thread& t, Value source, Value encoding, Value errors, const char* type,
                         std::string& out) {
  if (!source.is_empty() && is_str(source)) {
    if (encoding.is_empty()) return t.raise(Exc::TypeError, "string argument without an encoding");
    Value encoded = TRY(encode_str(t, source.as<StrObject>(), encoding, errors));
    out = self_bytes(t, encoded);
    return {};
  }
  if (!encoding.is_empty()) return t.raise(Exc::TypeError, "encoding without a string argument");
  if (!errors.is_empty()) return t.raise(Exc::TypeError, "errors without a string argument");
  if (source.is_empty()) return {};
  if (is_bytes(source) && source.as_object()->type() == t.types().bytes) {
    out = source.as<BytesObject>()->view();
    return {};
  }
  bool index = is_any_int(source);
  if (!index && source.is_object()) {
    if (supports_buffer(t, source)) {
      BufferView view;
      TRY(get_buffer(t, source, &view));
      out = buffer_to_bytes(t, view);
      release_buffer(view);
      return {};
    }
    index = type_of(t, source)->slots.index != nullptr;
  }
  if (index) {
    Result<int64_t> count = to_ssize(t, source);
    if (count.is_error()) {
      if (t.exception_matches(Exc::OverflowError) || !t.catch_exception(Exc::TypeError)) return Error{};
    } else {
      if (count.value() < 0) return t.raise(Exc::ValueError, "negative count");
      if (!os::has_room(static_cast<size_t>(count.value()))) return t.raise_memory_error();
      out.assign(static_cast<size_t>(count.value()), '\0');
      return {};
    }
  }
  if (is_list(source) || is_tuple(source)) {
    bool list = is_list(source);
    const char* message = type[4] == 'a' ? "byte must be in range(0, 256)" : "bytes must be in range(0, 256)";
    for (size_t i = 0;; ++i) {
      Value item;
      if (list) {
        item = source.as<ListObject>()->at(i);
        if (item.is_empty()) return {};
      } else {
        if (i >= source.as<TupleObject>()->size) return {};
        item = (*source.as<TupleObject>())[i];
      }
      out.push_back(static_cast<char>(TRY(byte_value(t, item, message))));
    }
  }
  return append_items(t, source, type, out);
}

Result<Value> bytes_compare(Thread& t, Value left, Value right, CompareOp op) {
  std::string_view a = self_bytes(t, left), b;
  HeldBuffer held;
  if (is_bytes(right) || is_kind(right, Kind::ByteArray)) {
    b = self_bytes(t, right);
  } else {
    // bytes knows bytes only; bytearray knows every buffer.
    if (t.runtime().options.bytes_warning > 0 && (op == CompareOp::Eq || op == CompareOp::Ne) &&
        (is_str(right) || (is_bytes(left) && is_any_int(right))))
      TRY(warn(t, Exc::BytesWarning,
               fmt::format("Comparison between {} and {}", is_bytes(left) ? "bytes" : "bytearray",
                           is_str(right) ? "string" : "int")));
    if (is_bytes(left) || !supports_buffer(t, right)) return kNotImplemented;
    TRY(held.get(t, right));
    b = held.bytes();
  }
  if (op == CompareOp::Eq) return Value::from_bool(a == b);
  if (op == CompareOp::Ne) return Value::from_bool(a != b);
  return order_result(a.compare(b), op);
}

Result<bool> bytes_contains(Thread& t, Value self, Value item) {
  if (is_any_int(item) || (item.is_object() && type_of(t, item)->slots.index != nullptr)) {
    uint8_t byte = TRY(byte_value(t, item, "byte must be in range(0, 256)"));
    std::string_view own = self_bytes(t, self);
    return !own.empty() && std::memchr(own.data(), byte, own.size()) != nullptr;
  }
  HeldBuffer held;
  TRY(held.get(t, item));
  std::string_view own = self_bytes(t, self), part = held.bytes();
  return find_bytes(raw(own), own.size(), raw(part), part.size()) >= 0;
}

}  // namespace mp

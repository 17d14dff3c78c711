// The bytes type: slots, construction, iteration.
#include "vm/os/memory.h"
#include "vm/protocol/protocol.h"
#include "vm/types/bytes_internal.h"
#include "vm/types/exception.h"
#include "vm/types/iterator_support.h"
#include "vm/types/number.h"
#include "vm/types/runtime.h"
#include "vm/types/str_methods.h"
#include "vm/types/text_format.h"

namespace mp {

BytesObject* allocate_bytes_of(Thread& t, Type* type, size_t size);

static Result<Value> bytes_into(Thread& t, Type* type, std::string_view content) {
  if (type == t.types().bytes) return str_or_error(make_bytes(t, content));
  BytesObject* b = allocate_bytes_of(t, type, content.size());
  if (b == nullptr) return Error{};
  std::memcpy(b->data(), content.data(), content.size());
  return Value(b);
}

Result<Value> bytes_new(Thread& t, Value cls, const CallArgs& args) {
  Value values[3];
  TRY(bytes_new_args(t, "bytes", args, values));
  auto* type = cls.as<Type>();
  Value source = values[0];
  if (values[1].is_empty() && values[2].is_empty() && !source.is_empty()) {
    if (type == t.types().bytes && is_exact(source, type)) return source;
    if (source.is_object() && !is_exact(source, t.types().bytes) && !is_exact(source, t.types().list)) {
      Value made = TRY(call_special(t, source, t.names().__bytes__));
      if (!made.is_not_found()) {
        if (!is_bytes(made)) {
          return t.raise(Exc::TypeError, "__bytes__ returned non-bytes (type {})", type_name(t, made));
        }
        if (type == t.types().bytes) return made;
        return bytes_into(t, type, made.as<BytesObject>()->view());
      }
    }
  }
  std::string content;
  TRY(bytes_from_source(t, source, values[1], values[2], "bytes", content));
  return bytes_into(t, type, content);
}

static Result<Value> bytes_repr(Thread& t, Value self) {
  std::string_view content = self.as<BytesObject>()->view();
  if (!os::has_room(content.size() * 5)) return t.raise_memory_error();
  return str_or_error(make_str(t, bytes_repr_text(content)));
}

static Result<Value> bytes_str(Thread& t, Value self) {
  if (t.runtime().options.bytes_warning > 0) {
    TRY(warn(t, Exc::BytesWarning, "str() on a bytes instance"));
  }
  return bytes_repr(t, self);
}

static Result<int64_t> bytes_slot_hash(Thread&, Value self) {
  auto* b = self.as<BytesObject>();
  int64_t h = b->hash.load(std::memory_order_relaxed);
  if (h == -1) {
    h = hash_bytes(b->data(), b->size);
    b->hash.store(h, std::memory_order_relaxed);
  }
  return h;
}

static Result<int64_t> bytes_length(Thread&, Value self) {
  return static_cast<int64_t>(self.as<BytesObject>()->size);
}

static Result<Value> bytes_get_item(Thread& t, Value self, Value key) {
  auto* b = self.as<BytesObject>();
  auto size = static_cast<int64_t>(b->size);
  if (is_kind(key, Kind::Slice)) {
    SliceRange range = TRY(slice_indices(t, key.as<SliceObject>(), size));
    if (range.count <= 0) return str_or_error(make_bytes(t, {}));
    if (range.step == 1) {
      if (range.count == size) return bytes_unchanged(t, self);
      return str_or_error(make_bytes(
          t, b->view().substr(static_cast<size_t>(range.start), static_cast<size_t>(range.count))));
    }
    BytesObject* out = allocate_bytes(t, static_cast<size_t>(range.count));
    if (out == nullptr) return Error{};
    uint8_t* to = out->data();
    const uint8_t* from = b->data() + range.start;
    for (int64_t i = 0; i < range.count; ++i) to[i] = from[i * range.step];
    return Value(out);
  }
  if (!is_any_int(key) && (!key.is_object() || type_of(t, key)->slots.index == nullptr)) {
    return t.raise(Exc::TypeError, "byte indices must be integers or slices, not {}", type_name(t, key));
  }
  int64_t i = key.is_int() ? key.as_int() : TRY(to_ssize(t, key, Exc::IndexError));
  if (i < 0) i += size;
  if (i < 0 || i >= size) return t.raise(Exc::IndexError, "index out of range");
  return Value::from_int(b->data()[i]);
}

static Result<Value> joined(Thread& t, std::string_view a, std::string_view b) {
  BytesObject* out = allocate_bytes(t, a.size() + b.size());
  if (out == nullptr) return Error{};
  std::memcpy(out->data(), a.data(), a.size());
  std::memcpy(out->data() + a.size(), b.data(), b.size());
  return Value(out);
}

static Result<Value> bytes_concat(Thread& t, Value left, Value right) {
  if (is_exact(left, t.types().bytes) && is_exact(right, t.types().bytes)) {
    std::string_view a = left.as<BytesObject>()->view(), b = right.as<BytesObject>()->view();
    return a.empty() ? right : b.empty() ? left : joined(t, a, b);
  }
  HeldBuffer a, b;
  for (int i = 0; i < 2; ++i) {
    Status got = i == 0 ? a.get(t, left) : b.get(t, right);
    if (got.is_error()) {
      if (!t.catch_exception(Exc::TypeError)) return Error{};
      return t.raise(Exc::TypeError, "can't concat {} to {}", type_name(t, right), type_name(t, left));
    }
  }
  if (b.bytes().empty() && is_exact(left, t.types().bytes)) return left;
  if (a.bytes().empty() && is_exact(right, t.types().bytes)) return right;
  return joined(t, a.bytes(), b.bytes());
}

static Result<Value> bytes_repeat(Thread& t, Value self, Value count) {
  int64_t n = TRY(repeat_count(t, count));
  std::string_view own = self.as<BytesObject>()->view();
  if (n == 1) return bytes_unchanged(t, self);
  if (n <= 0 || own.empty()) return str_or_error(make_bytes(t, {}));
  if (n > INT64_MAX / static_cast<int64_t>(own.size())) {
    return t.raise(Exc::OverflowError, "repeated bytes are too long");
  }
  BytesObject* out = allocate_bytes(t, own.size() * static_cast<size_t>(n));
  if (out == nullptr) return Error{};
  if (own.size() == 1) {
    std::memset(out->data(), own[0], static_cast<size_t>(n));
  } else {
    for (int64_t i = 0; i < n; ++i)
      std::memcpy(out->data() + static_cast<size_t>(i) * own.size(), own.data(), own.size());
  }
  return Value(out);
}

static Result<Value> bytes_mod(Thread& t, Value left, Value right) {
  if (!is_bytes(left)) return kNotImplemented;
  std::string out;
  TRY(bytes_percent_format(t, left.as<BytesObject>()->view(), right, out));
  return str_or_error(make_bytes(t, out));
}

// ---------------------------------------------------------------- iteration

struct BytesIterator : Object {
  Slot bytes;  // empty when exhausted; also used for bytearray
  std::atomic<uint64_t> index{0};
};

static Result<Value> bytes_iter(Thread& t, Value self) {
  auto* it = t.heap().make<BytesIterator>(t, t.types().bytes_iterator);
  it->bytes = self;
  return Value(it);
}
Result<Value> bytearray_iter(Thread& t, Value self) {
  auto* it = t.heap().make<BytesIterator>(t, t.types().bytearray_iterator);
  it->bytes = self;
  return Value(it);
}
static Result<Value> bytes_iterator_next(Thread& t, Value self) {
  auto* it = self.as<BytesIterator>();
  Value source = it->bytes;
  if (source.is_empty()) return kNoMore;
  uint64_t i = it->index.load(std::memory_order_relaxed);
  it->index.store(i + 1, std::memory_order_relaxed);
  int byte = byte_at(t, source, i);
  if (byte >= 0) return Value::from_int(byte);
  it->bytes = kEmpty;
  return kNoMore;
}
static Result<Value> bytes_iterator_length_hint(Thread&, const Value* args) {
  auto* it = args[0].as<BytesIterator>();
  Value source = it->bytes;
  if (source.is_empty()) return Value::from_int(0);
  auto left = static_cast<int64_t>(self_size(source)) - static_cast<int64_t>(it->index.load());
  return Value::from_int(left < 0 ? 0 : left);
}
static Result<Value> bytes_iterator_reduce(Thread& t, const Value* args) {
  auto* it = args[0].as<BytesIterator>();
  Value iter = TRY(get_attr(t, t.runtime().builtins_module, "iter"));
  Value source = it->bytes;
  if (source.is_empty()) return Value(make_tuple(t, {iter, make_tuple(t, {Value(empty_tuple(t))})}));
  return Value(make_tuple(
      t, {iter, make_tuple(t, {source}), Value::from_int(static_cast<int64_t>(it->index.load()))}));
}
static Result<Value> bytes_iterator_setstate(Thread& t, const Value* args) {
  int64_t i = TRY(to_ssize(t, args[1]));
  args[0].as<BytesIterator>()->index.store(static_cast<uint64_t>(i < 0 ? 0 : i));
  return kNone;
}
static const NativeDef kBytesIteratorMethods[] = {
    MP_METHOD(bytes_iterator_length_hint, "__length_hint__(self, /)", nullptr),
    MP_METHOD(bytes_iterator_reduce, "__reduce__(self, /)", nullptr),
    MP_METHOD(bytes_iterator_setstate, "__setstate__(self, state, /)", nullptr), MP_END};
static void trace_bytes_iterator(Object* object, Tracer& tracer) {
  tracer.visit(static_cast<BytesIterator*>(object)->bytes);
}
extern const TypeSpec kBytesIteratorSpec, kByteArrayIteratorSpec, kBytesSpec;
const TypeSpec kBytesIteratorSpec = {.name = "bytes_iterator",
                                     .size = sizeof(BytesIterator),
                                     .flags = kTypeDisallowNew,
                                     .trace = trace_bytes_iterator,
                                     .slots = MP_SLOTS(.iter = iterator_self, .next = bytes_iterator_next),
                                     .methods = kBytesIteratorMethods};
const TypeSpec kByteArrayIteratorSpec = {
    .name = "bytearray_iterator",
    .size = sizeof(BytesIterator),
    .flags = kTypeDisallowNew,
    .trace = trace_bytes_iterator,
    .slots = MP_SLOTS(.iter = iterator_self, .next = bytes_iterator_next),
    .methods = kBytesIteratorMethods};

const TypeSpec kBytesSpec = {
    .name = "bytes",
    .kind = Kind::Bytes,
    .size = sizeof(BytesObject),
    .flags = kTypeBaseType | kTypeBytesSubclass | kTypeVariableSize | kTypeMatchSelf | kTypeImmutable,
    .doc =
        "bytes(iterable_of_ints) -> bytes\n"
        "bytes(string, encoding[, errors]) -> bytes\n"
        "bytes(bytes_or_buffer) -> immutable copy of bytes_or_buffer\n"
        "bytes(int) -> bytes object of size given by the parameter initialized with null bytes\n"
        "bytes() -> empty bytes object\n\n"
        "Construct an immutable array of bytes from:\n"
        "  - an iterable yielding integers in range(256)\n"
        "  - a text string encoded using the specified encoding\n"
        "  - any object implementing the buffer API.\n"
        "  - an integer",
    .slots =
        MP_SLOTS(.repr = bytes_repr, .str = bytes_str, .hash = bytes_slot_hash, .compare = bytes_compare,
                 .iter = bytes_iter, .mod = bytes_mod, .length = bytes_length, .get_item = bytes_get_item,
                 .contains = bytes_contains, .concat = bytes_concat, .repeat = bytes_repeat),
    .methods = kBytesMethods};

}  // namespace mp

// bytearray: growing, changing in place. Mutators hold the object lock and run no script code under it.
#include <algorithm>

#include "vm/os/memory.h"
#include "vm/protocol/protocol.h"
#include "vm/threads/object_lock.h"
#include "vm/types/buffer.h"
#include "vm/types/bytearray_methods.h"
#include "vm/types/exception.h"
#include "vm/types/number.h"
#include "vm/types/runtime.h"
#include "vm/types/str_internal.h"
#include "vm/types/str_methods.h"
#include "vm/types/text_format.h"

namespace mp {

Result<Value> bytearray_iter(Thread& t, Value self);

ByteArrayObject* allocate_bytearray(Thread& t, size_t size) {
  auto* b = static_cast<ByteArrayObject*>(
      t.heap().allocate_object(t, t.types().bytearray, t.types().bytearray->instance_size));
  auto* cell = static_cast<ByteArrayCell*>(t.heap().allocate_raw_unset(t, sizeof(ByteArrayCell) + size));
  if (b == nullptr || cell == nullptr) {
    (void)t.raise_memory_error();
    return nullptr;
  }
  *cell = {};
  cell->capacity = size;
  b->cell.store(cell);
  b->size.store(size);
  return b;
}

ByteArrayObject* make_bytearray(Thread& t, std::string_view content) {
  if (!content.empty()) {
    ByteArrayObject* made = allocate_bytearray(t, content.size());
    if (made != nullptr) std::memcpy(made->cell.load()->bytes(), content.data(), content.size());
    return made;
  }
  auto* b = static_cast<ByteArrayObject*>(
      t.heap().allocate_object(t, t.types().bytearray, t.types().bytearray->instance_size));
  if (b == nullptr) (void)t.raise_memory_error();
  return b;
}

// Replaces self[at : at + removed] by `added` bytes (from `content`, or uninitialised when null). The lock is
// held.
static Status splice(Thread& t, ByteArrayObject* b, size_t at, size_t removed, const uint8_t* content,
                     size_t added) {
  ByteArrayCell* cell = b->cell.load(std::memory_order_relaxed);
  size_t size = b->size.load(std::memory_order_relaxed);
  size_t fresh = size - removed + added;
  if (fresh != size) TRY(check_exports(t, b->pins));
  if (fresh > size_t{1} << 44) return t.raise_memory_error();
  size_t tail = size - at - removed;
  if (cell == nullptr || fresh > cell->capacity || (fresh < cell->capacity / 4 && cell->capacity > 256)) {
    size_t wanted = fresh < 16 ? 24 : fresh + fresh / 8 + 8;
    auto* grown = static_cast<ByteArrayCell*>(t.heap().allocate_raw(t, sizeof(ByteArrayCell) + wanted));
    if (grown == nullptr) return t.raise_memory_error();
    grown->capacity = wanted;
    if (cell != nullptr) {
      std::memcpy(grown->bytes(), cell->bytes(), at);
      std::memcpy(grown->bytes() + at + added, cell->bytes() + at + removed, tail);
    }
    if (content != nullptr && added != 0) std::memcpy(grown->bytes() + at, content, added);
    // A reader pairs the old size with the new cell or the reverse: both are within bounds of what it checks.
    if (fresh < size) b->size.store(fresh, std::memory_order_release);
    b->cell.store(grown, std::memory_order_release);
    b->size.store(fresh, std::memory_order_release);
    return {};
  }
  if (added != removed) std::memmove(cell->bytes() + at + added, cell->bytes() + at + removed, tail);
  if (content != nullptr && added != 0) std::memcpy(cell->bytes() + at, content, added);
  b->size.store(fresh, std::memory_order_release);
  return {};
}

std::string_view bytearray_content(Thread& t, ByteArrayObject* b) {
  if (!free_threaded(t)) return b->view();
  ObjectLock lock(t, b);
  std::string_view own = b->view();
  if (own.empty()) return {};
  auto* copy = static_cast<uint8_t*>(t.heap().allocate_raw(t, own.size()));
  // SAFETY: the cell has room for that size whatever happens to it, and our pointer keeps it alive; at worst
  // what is read is of more than one moment.
  if (copy == nullptr) return own;
  std::memcpy(copy, own.data(), own.size());
  return {reinterpret_cast<const char*>(copy), own.size()};
}

int byte_at(Thread& t, Value self, uint64_t i) {
  auto read = [i](std::string_view content) {
    return i < content.size() ? static_cast<uint8_t>(content[i]) : -1;
  };
  if (is_bytes(self)) return read(self.as<BytesObject>()->view());
  auto* b = self.as<ByteArrayObject>();
  if (!free_threaded(t)) return read(b->view());
  ObjectLock lock(t, b);
  return read(b->view());
}

static Status append_all(Thread& t, ByteArrayObject* b, std::string_view content) {
  if (!content.empty()) settle_exports(t, b->pins);
  ObjectLock lock(t, b);
  size_t size = b->size.load(std::memory_order_relaxed), fresh = size + content.size();
  ByteArrayCell* cell = b->cell.load(std::memory_order_relaxed);
  if (cell != nullptr && fresh <= cell->capacity && fresh >= cell->capacity / 4 &&
      b->pins.load(std::memory_order_relaxed) == 0) [[likely]] {
    copy_bytes(cell->bytes() + size, reinterpret_cast<const uint8_t*>(content.data()), content.size());
    b->size.store(fresh, std::memory_order_release);
    return {};
  }
  return splice(t, b, size, 0, reinterpret_cast<const uint8_t*>(content.data()), content.size());
}

// ---------------------------------------------------------------- construction

Result<Value> bytearray_new(Thread& t, Value cls, const CallArgs&) {
  auto* type = cls.as<Type>();
  return str_or_error(static_cast<ByteArrayObject*>(t.heap().allocate_object(t, type, type->instance_size)));
}

Result<Value> bytearray_init(Thread& t, Value self, const CallArgs& args) {
  Value values[3];
  TRY(bytes_new_args(t, "bytearray", args, values));
  std::string content;
  auto* b = self.as<ByteArrayObject>();
  if (b->length() != 0) {
    settle_exports(t, b->pins);
    ObjectLock lock(t, b);
    TRY(splice(t, b, 0, b->size.load(), nullptr, 0));
  }
  TRY(bytes_from_source(t, values[0], values[1], values[2], "bytearray", content));
  ObjectLock lock(t, b);
  TRY(splice(t, b, 0, b->size.load(), reinterpret_cast<const uint8_t*>(content.data()), content.size()));
  return kNone;
}

// ---------------------------------------------------------------- slots

static Result<Value> bytearray_repr(Thread& t, Value self) {
  return str_or_error(
      make_str(t, fmt::format("{}({})", type_name(t, self),
                              bytes_repr_text(bytearray_content(t, self.as<ByteArrayObject>()), true))));
}
static Result<Value> bytearray_str(Thread& t, Value self) {
  if (t.runtime().options.bytes_warning > 0) {
    TRY(warn(t, Exc::BytesWarning, "str() on a bytearray instance"));
  }
  return bytearray_repr(t, self);
}
static Result<int64_t> bytearray_length(Thread&, Value self) {
  return static_cast<int64_t>(self.as<ByteArrayObject>()->length());
}

static Result<int64_t> index_of(Thread& t, Value key, int64_t size, const char* message) {
  if (!is_any_int(key) && (!key.is_object() || type_of(t, key)->slots.index == nullptr)) {
    return t.raise(Exc::TypeError, "bytearray indices must be integers or slices, not {}", type_name(t, key));
  }
  int64_t i = key.is_int() ? key.as_int() : TRY(to_ssize(t, key, Exc::IndexError));
  if (i < 0) i += size;
  if (i < 0 || i >= size) return t.raise_text(Exc::IndexError, message);
  return i;
}

static Result<Value> bytearray_get_item(Thread& t, Value self, Value key) {
  auto* b = self.as<ByteArrayObject>();
  std::string_view own = b->view();
  auto size = static_cast<int64_t>(own.size());
  if (is_kind(key, Kind::Slice)) {
    SliceRange range = TRY(slice_indices(t, key.as<SliceObject>(), size));
    own = bytearray_content(t, b);
    if (range.count <= 0) return str_or_error(make_bytearray(t, {}));
    if (range.start >= static_cast<int64_t>(own.size())) return str_or_error(make_bytearray(t, {}));
    if (range.step == 1) {
      return str_or_error(
          make_bytearray(t, own.substr(static_cast<size_t>(range.start), static_cast<size_t>(range.count))));
    }
    std::string out;
    for (int64_t i = 0; i < range.count; ++i) {
      auto at = static_cast<size_t>(range.start + i * range.step);
      if (at < own.size()) out.push_back(own[at]);
    }
    return str_or_error(make_bytearray(t, out));
  }
  int64_t i = TRY(index_of(t, key, size, "bytearray index out of range"));
  int byte =
      byte_at(t, self, static_cast<uint64_t>(i));  // __index__ or another thread may have made it shorter
  if (byte < 0) return t.raise(Exc::IndexError, "bytearray index out of range");
  return Value::from_int(byte);
}

static Status assign_slice(Thread& t, ByteArrayObject* b, SliceObject* slice, std::string_view content) {
  SliceRange range = TRY(slice_indices(t, slice, static_cast<int64_t>(b->length())));
  if (static_cast<int64_t>(content.size()) != std::max<int64_t>(range.count, 0)) settle_exports(t, b->pins);
  ObjectLock lock(t, b);
  size_t size = b->size.load();
  auto* data = reinterpret_cast<const uint8_t*>(content.data());
  auto needed = static_cast<int64_t>(content.size());
  if (range.step == 1) {
    auto begin = std::min(static_cast<size_t>(range.start), size);
    auto removed = std::min(static_cast<size_t>(std::max<int64_t>(range.count, 0)), size - begin);
    return splice(t, b, begin, removed, data, content.size());
  }
  if (needed != 0 && needed != range.count) {
    return t.raise(Exc::ValueError, "attempt to assign bytes of size {} to extended slice of size {}", needed,
                   range.count);
  }
  if (range.count <= 0) return {};
  uint8_t* bytes = b->cell.load()->bytes();
  if (needed == 0) {  // delete each of them, from the right
    std::string kept;
    std::string_view own = b->view();
    int64_t step = range.step, first = range.start;
    if (step < 0) {
      first = range.start + (range.count - 1) * step;
      step = -step;
    }
    int64_t next = first, left = range.count;
    for (size_t i = 0; i < own.size(); ++i) {
      if (left > 0 && static_cast<int64_t>(i) == next) {
        next += step;
        --left;
      } else {
        kept.push_back(own[i]);
      }
    }
    return splice(t, b, 0, size, reinterpret_cast<const uint8_t*>(kept.data()), kept.size());
  }
  for (int64_t i = 0; i < range.count; ++i) {
    auto at = static_cast<size_t>(range.start + i * range.step);
    if (at < size) bytes[at] = data[i];
  }
  return {};
}

static Status bytearray_set_item(Thread& t, Value self, Value key, Value value) {
  auto* b = self.as<ByteArrayObject>();
  if (is_kind(key, Kind::Slice)) {
    std::string content;
    if (!value.is_empty()) {
      if (is_bytes(value) || is_kind(value, Kind::ByteArray)) {
        content = self_bytes(t, value);
      } else {
        if (is_any_int(value)) {
          return t.raise(Exc::TypeError,
                         "can assign only bytes, buffers, or iterables of ints in range(0, 256)");
        }
        static const char* const kMessage =
            "can assign only bytes, buffers, or iterables of ints in range(0, 256)";
        if (is_str(value)) return t.raise_text(Exc::TypeError, kMessage);
        Status made = bytes_from_source(t, value, kEmpty, kEmpty, "bytearray", content);
        if (made.is_error()) {
          if (type_of(t, value)->slots.iter != nullptr || !t.catch_exception(Exc::TypeError)) return Error{};
          return t.raise_text(Exc::TypeError, kMessage);
        }
      }
    }
    return assign_slice(t, b, key.as<SliceObject>(), content);
  }
  int64_t i = TRY(index_of(t, key, static_cast<int64_t>(b->length()), "bytearray index out of range"));
  if (value.is_empty()) {
    settle_exports(t, b->pins);
    ObjectLock lock(t, b);
    if (static_cast<uint64_t>(i) >= b->size.load())
      return t.raise(Exc::IndexError, "bytearray index out of range");
    return splice(t, b, static_cast<size_t>(i), 1, nullptr, 0);
  }
  uint8_t byte = TRY(byte_value(t, value, "byte must be in range(0, 256)"));
  ObjectLock lock(t, b);
  if (static_cast<uint64_t>(i) >= b->size.load())
    return t.raise(Exc::IndexError, "bytearray index out of range");
  b->cell.load()->bytes()[i] = byte;
  return {};
}

static Result<Value> bytearray_concat(Thread& t, Value left, Value right) {
  HeldBuffer other;
  if (!supports_buffer(t, right)) {
    return t.raise(Exc::TypeError, "can't concat {} to {}", type_name(t, right), type_name(t, left));
  }
  TRY(other.get(t, right));
  std::string_view own = bytearray_content(t, left.as<ByteArrayObject>());
  std::string out;
  out.reserve(own.size() + other.bytes().size());
  out.append(own);
  out.append(other.bytes());
  return str_or_error(make_bytearray(t, out));
}

static Result<Value> bytearray_inplace_concat(Thread& t, Value self, Value right) {
  if (!supports_buffer(t, right))
    return t.raise(Exc::TypeError, "can't concat {} to {}", type_name(t, right), type_name(t, self));
  if (right == self) {
    std::string copy(bytearray_content(t, self.as<ByteArrayObject>()));
    TRY(append_all(t, self.as<ByteArrayObject>(), copy));
    return self;
  }
  if (is_kind(right, Kind::Bytes)) {
    TRY(append_all(t, self.as<ByteArrayObject>(), right.as<BytesObject>()->view()));
    return self;
  }
  HeldBuffer other;
  TRY(other.get(t, right));
  TRY(append_all(t, self.as<ByteArrayObject>(), other.bytes()));
  return self;
}

static Result<Value> bytearray_repeat(Thread& t, Value self, Value count) {
  int64_t n = TRY(repeat_count(t, count));
  std::string_view own = bytearray_content(t, self.as<ByteArrayObject>());
  size_t size;
  if (n > 0 && (__builtin_mul_overflow(own.size(), static_cast<size_t>(n), &size) || !os::has_room(size)))
    return t.raise_memory_error();
  std::string out;
  if (n > 0) out.reserve(size);
  for (int64_t i = 0; i < n; ++i) out.append(own);
  return str_or_error(make_bytearray(t, out));
}

static Result<Value> bytearray_inplace_repeat(Thread& t, Value self, Value count) {
  Value repeated = TRY(bytearray_repeat(t, self, count));
  std::string_view content = bytearray_content(t, repeated.as<ByteArrayObject>());
  auto* b = self.as<ByteArrayObject>();
  settle_exports(t, b->pins);
  ObjectLock lock(t, b);
  TRY(splice(t, b, 0, b->size.load(), reinterpret_cast<const uint8_t*>(content.data()), content.size()));
  return self;
}

static Result<Value> bytearray_mod(Thread& t, Value left, Value right) {
  if (!is_kind(left, Kind::ByteArray)) return kNotImplemented;
  std::string format(bytearray_content(t, left.as<ByteArrayObject>())), out;
  TRY(bytes_percent_format(t, format, right, out));
  return str_or_error(make_bytearray(t, out));
}

// ---------------------------------------------------------------- methods

Result<Value> bytearray_append(Thread& t, const Value* args) {
  auto byte = static_cast<char>(TRY(byte_value(t, args[1], "byte must be in range(0, 256)")));
  TRY(append_all(t, args[0].as<ByteArrayObject>(), {&byte, 1}));
  return kNone;
}

Result<Value> bytearray_clear(Thread& t, const Value* args) {
  auto* b = args[0].as<ByteArrayObject>();
  settle_exports(t, b->pins);
  ObjectLock lock(t, b);
  TRY(splice(t, b, 0, b->size.load(), nullptr, 0));
  return kNone;
}

Result<Value> bytearray_copy(Thread& t, const Value* args) {
  return str_or_error(make_bytearray(t, bytearray_content(t, args[0].as<ByteArrayObject>())));
}

Result<Value> bytearray_extend(Thread& t, const Value* args) {
  auto* b = args[0].as<ByteArrayObject>();
  std::string content;
  if (args[1].is_object() && supports_buffer(t, args[1])) {
    HeldBuffer held;
    TRY(held.get(t, args[1]));
    content = held.bytes();
  } else {
    if (is_str(args[1])) {
      if (args[1].as<StrObject>()->length() == 0) return kNone;
      return t.raise(Exc::TypeError, "expected iterable of integers; got: 'str'");
    }
    Result<Value> iterator = get_iter(t, args[1]);
    if (iterator.is_error()) {
      if (!t.catch_exception(Exc::TypeError)) return Error{};
      return t.raise(Exc::TypeError, "can't extend bytearray with {}", type_name(t, args[1]));
    }
    for (;;) {
      Value item = TRY(iter_next(t, iterator.value()));
      if (item.is_no_more()) break;
      content.push_back(static_cast<char>(TRY(byte_value(t, item, "byte must be in range(0, 256)"))));
    }
  }
  TRY(append_all(t, b, content));
  return kNone;
}

Result<Value> bytearray_insert(Thread& t, const Value* args) {
  auto* b = args[0].as<ByteArrayObject>();
  int64_t at = TRY(to_ssize(t, args[1]));
  uint8_t byte = TRY(byte_value(t, args[2], "byte must be in range(0, 256)"));
  settle_exports(t, b->pins);
  ObjectLock lock(t, b);
  auto size = static_cast<int64_t>(b->size.load());
  if (at < 0) at = std::max<int64_t>(0, at + size);
  TRY(splice(t, b, static_cast<size_t>(std::min(at, size)), 0, &byte, 1));
  return kNone;
}

Result<Value> bytearray_pop(Thread& t, const Value* args) {
  auto* b = args[0].as<ByteArrayObject>();
  int64_t at = TRY(to_ssize(t, args[1]));
  settle_exports(t, b->pins);
  ObjectLock lock(t, b);
  auto size = static_cast<int64_t>(b->size.load());
  if (size == 0) return t.raise(Exc::IndexError, "pop from empty bytearray");
  if (at < 0) at += size;
  if (at < 0 || at >= size) return t.raise(Exc::IndexError, "pop index out of range");
  uint8_t byte = b->cell.load()->bytes()[at];
  TRY(splice(t, b, static_cast<size_t>(at), 1, nullptr, 0));
  return Value::from_int(byte);
}

Result<Value> bytearray_remove(Thread& t, const Value* args) {
  auto* b = args[0].as<ByteArrayObject>();
  uint8_t byte = TRY(byte_value(t, args[1], "byte must be in range(0, 256)"));
  settle_exports(t, b->pins);
  ObjectLock lock(t, b);
  size_t at = b->view().find(static_cast<char>(byte));
  if (at == std::string_view::npos) return t.raise(Exc::ValueError, "value not found in bytearray");
  TRY(splice(t, b, at, 1, nullptr, 0));
  return kNone;
}

Result<Value> bytearray_reverse(Thread& t, const Value* args) {
  auto* b = args[0].as<ByteArrayObject>();
  ObjectLock lock(t, b);
  ByteArrayCell* cell = b->cell.load();
  if (cell != nullptr) std::reverse(cell->bytes(), cell->bytes() + b->size.load());
  return kNone;
}

Result<Value> bytearray_alloc(Thread& t, const Value* args) {
  ByteArrayCell* cell = args[0].as<ByteArrayObject>()->cell.load();
  return make_int(t, cell == nullptr ? 0 : static_cast<int64_t>(cell->capacity) + 1);
}

static Result<Value> instance_state(Thread& t, Value self) {
  if (is_exact(self, t.types().bytearray)) return kNone;
  return call_method(t, self, t.names().__getstate__);
}

Result<Value> bytearray_reduce(Thread& t, const Value* args) {
  std::string_view own = bytearray_content(t, args[0].as<ByteArrayObject>());
  StrObject* text = make_str_latin1(t, reinterpret_cast<const uint8_t*>(own.data()), own.size());
  if (text == nullptr) return Error{};
  Value state = TRY(instance_state(t, args[0]));
  Value content = own.empty() ? Value(empty_tuple(t))
                              : Value(make_tuple(t, {Value(text), Value(make_str(t, "latin-1"))}));
  return Value(make_tuple(t, {Value(type_of(t, args[0])), content, state}));
}

Result<Value> bytearray_reduce_ex(Thread& t, const Value* args) {
  int64_t protocol = TRY(to_c_int(t, args[1]));
  if (protocol < 3) return bytearray_reduce(t, args);
  std::string_view own = bytearray_content(t, args[0].as<ByteArrayObject>());
  Value content = own.empty() ? Value(empty_tuple(t)) : Value(make_tuple(t, {Value(make_bytes(t, own))}));
  Value state = TRY(instance_state(t, args[0]));
  return Value(make_tuple(t, {Value(type_of(t, args[0])), content, state}));
}

static void trace_bytearray(Object* object, Tracer& tracer) {
  tracer.mark_raw(static_cast<ByteArrayObject*>(object)->cell.load());
}

extern const TypeSpec kByteArraySpec;
const TypeSpec kByteArraySpec = {
    .name = "bytearray",
    .kind = Kind::ByteArray,
    .size = sizeof(ByteArrayObject),
    .flags = kTypeBaseType | kTypeMatchSelf | kTypeImmutable,
    .doc =
        "bytearray(iterable_of_ints) -> bytearray\n"
        "bytearray(string, encoding[, errors]) -> bytearray\n"
        "bytearray(bytes_or_buffer) -> mutable copy of bytes_or_buffer\n"
        "bytearray(int) -> bytes array of size given by the parameter initialized with null bytes\n"
        "bytearray() -> empty bytes array",
    .trace = trace_bytearray,
    .slots = MP_SLOTS(.repr = bytearray_repr, .str = bytearray_str, .compare = bytes_compare,
                      .iter = bytearray_iter, .mod = bytearray_mod, .length = bytearray_length,
                      .get_item = bytearray_get_item, .set_item = bytearray_set_item,
                      .contains = bytes_contains, .concat = bytearray_concat, .repeat = bytearray_repeat,
                      .inplace_concat = bytearray_inplace_concat, .inplace_repeat = bytearray_inplace_repeat),
    .methods = kByteArrayMethods};

}  // namespace mp

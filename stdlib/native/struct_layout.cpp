// The formats of struct: layouts, packing, unpacking.
#include "stdlib/native/struct_layout.h"

#include <cstring>
#include <mutex>
#include <unordered_map>

#include "vm/gc/heap.h"
#include "vm/os/memory.h"
#include "vm/protocol/protocol.h"
#include "vm/threads/object_lock.h"
#include "vm/types/buffer.h"
#include "vm/types/half_float.h"
#include "vm/types/memoryview.h"
#include "vm/types/number.h"
#include "vm/types/runtime.h"
#include "vm/types/str_internal.h"

namespace mp::structs {

namespace {

struct StructState {
  std::unordered_map<std::string, std::shared_ptr<const Layout>> layouts;
  std::mutex mutex;
  Slot error;  // struct.error
  bool ready = false;
};
const char kStateTag = 0;

StructState& struct_state(Thread& t) {
  auto& state = t.runtime().state<StructState>(&kStateTag);
  if (!state.ready) {
    state.ready = true;
    t.heap().add_root_scanner(
        [](void* context, Tracer& tracer) { tracer.visit(static_cast<StructState*>(context)->error); },
        &state);
  }
  return state;
}

}  // namespace

Error raise_struct(Thread& t, const std::string& message) {
  Result<Value> exception = call(t, struct_state(t).error, {Value(make_str(t, message))});
  if (exception.is_error()) return Error{};
  return t.raise_object(exception.value());
}

namespace {

int64_t standard_size(char code) {
  switch (code) {
    case 'x':
    case 'c':
    case 'b':
    case 'B':
    case '?':
    case 's':
    case 'p': return 1;
    case 'h':
    case 'H':
    case 'e': return 2;
    case 'i':
    case 'I':
    case 'l':
    case 'L':
    case 'f': return 4;
    case 'q':
    case 'Q':
    case 'd': return 8;
    default: return 0;
  }
}

Result<std::shared_ptr<const Layout>> parse_layout(Thread& t, const std::string& format) {
  auto layout = std::make_shared<Layout>();
  size_t at = 0;
  bool align = true;
  if (!format.empty()) {
    switch (format[0]) {
      case '@': ++at; break;
      case '=':
      case '<': layout->native = align = false, ++at; break;
      case '>':
      case '!': layout->native = align = false, layout->big_endian = true, ++at; break;
      default: break;
    }
  }
  int64_t size = 0;
  while (at < format.size()) {
    char c = format[at++];
    if (c == ' ' || (c >= 9 && c <= 13)) continue;
    int64_t count = 1;
    if (c >= '0' && c <= '9') {
      count = c - '0';
      while (at < format.size() && format[at] >= '0' && format[at] <= '9') {
        if (count > (INT64_MAX - (format[at] - '0')) / 10)
          return raise_struct(t, "total struct size too long");
        count = count * 10 + (format[at++] - '0');
      }
      if (at >= format.size()) return raise_struct(t, "repeat count given without format specifier");
      c = format[at++];
    }
    int64_t item =
        layout->native ? (c == 'x' || c == 's' || c == 'p' ? 1 : native_item_size(c)) : standard_size(c);
    if (item == 0) return raise_struct(t, "bad char in struct format");
    if (align && item > 1) {
      int64_t padded = (size + item - 1) / item * item;
      if (padded < size) return raise_struct(t, "total struct size too long");
      size = padded;
    }
    if (!os::make_room(layout->items, 1)) return t.raise_memory_error();
    if (c == 's' || c == 'p') {
      layout->items.push_back({c, size, count, 1});
      ++layout->values;
    } else if (c != 'x' && count > 0) {
      layout->items.push_back({c, size, item, count});
      layout->values += count;
    }
    int64_t bytes;
    if (__builtin_mul_overflow(count, item, &bytes) || __builtin_add_overflow(size, bytes, &size)) {
      return raise_struct(t, "total struct size too long");
    }
  }
  layout->size = size;
  return std::shared_ptr<const Layout>(layout);
}

}  // namespace

Result<std::shared_ptr<const Layout>> get_layout(Thread& t, Value format) {
  std::string text;
  if (is_str(format)) {
    if (!format.as<StrObject>()->is_ascii()) {
      Value encoded = TRY(call_method(t, format, intern(t, "encode"), {Value(make_str(t, "ascii"))}));
      (void)encoded;
    }
    text = to_utf8(format.as<StrObject>());
  } else if (is_bytes(format)) {
    text = format.as<BytesObject>()->view();
  } else {
    return t.raise(Exc::TypeError, "Struct() argument 1 must be a str or bytes object, not {}",
                   type_name(t, format));
  }
  StructState& state = struct_state(t);
  {
    std::unique_lock<std::mutex> guard(state.mutex, std::defer_lock);
    if (free_threaded(t)) guard.lock();
    auto found = state.layouts.find(text);
    if (found != state.layouts.end()) return found->second;
  }
  if (text.find('\0') != text.npos) return raise_struct(t, "embedded null character");
  auto layout = TRY(parse_layout(t, text));
  std::lock_guard<std::mutex> guard(state.mutex);
  if (state.layouts.size() > 200) state.layouts.clear();
  state.layouts[text] = layout;
  return layout;
}

namespace {

void reverse_bytes(uint8_t* p, int64_t size) {
  for (int64_t i = 0, j = size - 1; i < j; ++i, --j) std::swap(p[i], p[j]);
}

// ---------------------------------------------------------------- unpacking

Result<Value> unpack_integer(Thread& t, const Layout& layout, const Item& item, const uint8_t* p) {
  uint64_t u = 0;
  auto* out = reinterpret_cast<uint8_t*>(&u);
  std::memcpy(out, p, static_cast<size_t>(item.size));
  if (layout.big_endian) reverse_bytes(out, item.size);
  bool is_signed = item.code >= 'a';
  if (is_signed) {
    int shift = static_cast<int>(64 - item.size * 8);
    return make_int(t, static_cast<int64_t>(u << shift) >> shift);
  }
  return make_int_unsigned(t, u);
}

Result<Value> unpack_one(Thread& t, const Layout& layout, const Item& item, const uint8_t* p) {
  uint8_t copy[8];
  switch (item.code) {
    case 's':
      return str_or_error(make_bytes(t, {reinterpret_cast<const char*>(p), static_cast<size_t>(item.size)}));
    case 'p': {
      int64_t n = item.size == 0 ? 0 : p[0];
      if (n >= item.size) n = item.size == 0 ? 0 : item.size - 1;
      return str_or_error(make_bytes(t, {reinterpret_cast<const char*>(p + 1), static_cast<size_t>(n)}));
    }
    case 'c': return str_or_error(make_bytes(t, {reinterpret_cast<const char*>(p), 1}));
    case '?': return Value::from_bool(*p != 0);
    case 'e':
    case 'f':
    case 'd':
      std::memcpy(copy, p, static_cast<size_t>(item.size));
      if (layout.big_endian) reverse_bytes(copy, item.size);
      return unpack_native(t, item.code, copy);
    default: return unpack_integer(t, layout, item, p);
  }
}

}  // namespace

Result<Value> unpack_all(Thread& t, const Layout& layout, const uint8_t* data) {
  TupleObject* out = TRY(new_tuple(t, static_cast<size_t>(layout.values)));
  size_t n = 0;
  for (const Item& item : layout.items)
    for (int64_t i = 0; i < item.count; ++i)
      out->items()[n++] = TRY(unpack_one(t, layout, item, data + item.offset + i * item.size));
  return Value(out);
}

namespace {

// ---------------------------------------------------------------- packing

Error range_error(Thread& t, const Item& item) {
  if (item.code == 'P') return raise_struct(t, "int too large to convert");
  uint64_t top = item.size == 8 ? UINT64_MAX : (uint64_t{1} << (item.size * 8)) - 1;
  if (item.code < 'a')
    return raise_struct(t, fmt::format("'{}' format requires 0 <= number <= {}", item.code, top));
  auto high = static_cast<int64_t>(top >> 1);
  return raise_struct(t, fmt::format("'{}' format requires {} <= number <= {}", item.code, -high - 1, high));
}

Status pack_integer(Thread& t, const Layout& layout, const Item& item, uint8_t* p, Value v) {
  if (!is_any_int(v)) {
    if (!v.is_object() || type_of(t, v)->slots.index == nullptr) {
      return raise_struct(t, "required argument is not an integer");
    }
    v = TRY(to_index(t, v));
  }
  bool is_signed = item.code >= 'a';
  int64_t i = 0;
  uint64_t u = 0;
  if (int_to_int64(v, &i)) {
    u = static_cast<uint64_t>(i);
    if (is_signed) {
      int64_t high = item.size == 8 ? INT64_MAX : (int64_t{1} << (item.size * 8 - 1)) - 1;
      if (i > high || i < -high - 1) return range_error(t, item);
    } else if (item.code != 'P') {
      if (i < 0) return range_error(t, item);
      if (item.size < 8 && u >> (item.size * 8) != 0) return range_error(t, item);
    }
  } else {
    IntView big(v);
    bool word = mpz_sgn(big.get()) > 0 && mpz_sizeinbase(big.get(), 2) <= 64;
    if (is_signed || item.size != 8 || !word) {
      return range_error(t, item);
    }
    u = mpz_get_ui(big.get());
  }
  std::memcpy(p, &u, static_cast<size_t>(item.size));
  if (layout.big_endian) reverse_bytes(p, item.size);
  return {};
}

Status pack_real(Thread& t, const Layout& layout, const Item& item, uint8_t* p, Value v) {
  Result<double> converted = to_double(t, v);
  if (converted.is_error()) {
    if (!t.catch_exception(Exc::TypeError)) return Error{};
    return raise_struct(t, "required argument is not a float");
  }
  double d = converted.value();
  if (item.code == 'd') {
    std::memcpy(p, &d, 8);
  } else if (item.code == 'f') {
    auto narrow = static_cast<float>(d);
    if (std::isinf(narrow) && !std::isinf(d) && !layout.native)
      return t.raise(Exc::OverflowError, "float too large to pack with f format");
    std::memcpy(p, &narrow, 4);
  } else {
    uint16_t half;
    if (!double_to_half(d, &half))
      return t.raise(Exc::OverflowError, "float too large to pack with e format");
    std::memcpy(p, &half, 2);
  }
  if (layout.big_endian) reverse_bytes(p, item.size);
  return {};
}

Status pack_one(Thread& t, const Layout& layout, const Item& item, uint8_t* p, Value v) {
  switch (item.code) {
    case 's':
    case 'p': {
      if (!is_bytes(v) && !is_kind(v, Kind::ByteArray)) {
        return raise_struct(t, fmt::format("argument for '{}' must be a bytes object", item.code));
      }
      std::string_view content = TRY(bytes_view(t, v));
      auto n = static_cast<int64_t>(content.size());
      if (item.code == 's') {
        std::memcpy(p, content.data(), static_cast<size_t>(std::min(n, item.size)));
      } else if (item.size > 0) {
        n = std::min(n, item.size - 1);
        std::memcpy(p + 1, content.data(), static_cast<size_t>(n));
        p[0] = static_cast<uint8_t>(std::min<int64_t>(n, 255));
      }
      return {};
    }
    case 'c':
      if (!is_bytes(v) || v.as<BytesObject>()->size != 1) {
        return raise_struct(t, "char format requires a bytes object of length 1");
      }
      *p = v.as<BytesObject>()->data()[0];
      return {};
    case '?': *p = TRY(truth(t, v)) ? 1 : 0; return {};
    case 'e':
    case 'f':
    case 'd': return pack_real(t, layout, item, p, v);
    default: return pack_integer(t, layout, item, p, v);
  }
}

Status pack_all(Thread& t, const Layout& layout, uint8_t* data, const Value* values) {
  for (const Item& item : layout.items)
    for (int64_t i = 0; i < item.count; ++i) {
      Value v = *values++;
      if (pack_one(t, layout, item, data + item.offset + i * item.size, v).is_error()) {
        if (is_any_int(v) && t.catch_exception(Exc::OverflowError))
          return raise_struct(t, "int too large to convert");
        return Error{};
      }
    }
  return {};
}

// ---------------------------------------------------------------- operations on a layout

}  // namespace

Result<Value> do_pack(Thread& t, const Layout& layout, const Value* values, size_t count) {
  if (static_cast<int64_t>(count) != layout.values) {
    return raise_struct(t, fmt::format("pack expected {} items for packing (got {})", layout.values, count));
  }
  BytesObject* out = allocate_bytes(t, static_cast<size_t>(layout.size));
  if (out == nullptr) return Error{};
  TRY(pack_all(t, layout, out->data(), values));
  return Value(out);
}

namespace {

// Makes an offset from the end one from the beginning of a buffer of `size` bytes, which must have room
// there.
Status check_offset(Thread& t, const Layout& layout, int64_t size, int64_t* offset, const char* function,
                    const char* lack, const char* doing) {
  if (*offset < 0) {
    if (*offset + layout.size > 0)
      return raise_struct(t, fmt::format("{} {} bytes at offset {}", lack, layout.size, *offset));
    if (*offset + size < 0)
      return raise_struct(t, fmt::format("offset {} out of range for {}-byte buffer", *offset, size));
    *offset += size;
  }
  if (size - *offset >= layout.size) return {};
  return raise_struct(
      t, fmt::format("{} requires a buffer of at least {} bytes for {} {} bytes at offset {} "
                     "(actual buffer size is {})",
                     function, static_cast<uint64_t>(layout.size) + static_cast<uint64_t>(*offset), doing,
                     layout.size, *offset, size));
}

}  // namespace

Result<Value> do_pack_into(Thread& t, const Layout& layout, const Value* args, size_t count) {
  if (count < 2 || static_cast<int64_t>(count) - 2 != layout.values) {
    if (count == 0) return raise_struct(t, "pack_into expected buffer argument");
    if (count == 1) return raise_struct(t, "pack_into expected offset argument");
    return raise_struct(
        t, fmt::format("pack_into expected {} items for packing (got {})", layout.values, count - 2));
  }
  HeldBuffer held;
  Status got = held.get(t, args[0], true);
  if (got.is_error()) {
    if (!t.exception_matches(Exc::BufferError) && !t.exception_matches(Exc::TypeError)) return Error{};
    t.clear_exception();
    return t.raise(Exc::TypeError, "argument must be read-write bytes-like object, not {}",
                   type_name(t, args[0]));
  }
  int64_t offset = TRY(to_ssize(t, args[1], Exc::IndexError));
  int64_t size = held.view().size;
  TRY(check_offset(t, layout, size, &offset, "pack_into", "no space to pack", "packing"));
  // Values are packed aside: they may run script code that resizes the buffer.
  if (!os::has_room(static_cast<size_t>(layout.size))) return t.raise_memory_error();
  std::string packed(static_cast<size_t>(layout.size), '\0');
  TRY(pack_all(t, layout, reinterpret_cast<uint8_t*>(packed.data()), args + 2));
  std::memcpy(held.data() + offset, packed.data(), packed.size());
  return kNone;
}

Result<Value> do_unpack(Thread& t, const Layout& layout, Value buffer) {
  HeldBuffer held;
  TRY(held.get(t, buffer));
  if (static_cast<int64_t>(held.bytes().size()) != layout.size) {
    return raise_struct(t, fmt::format("unpack requires a buffer of {} bytes", layout.size));
  }
  return unpack_all(t, layout, reinterpret_cast<const uint8_t*>(held.bytes().data()));
}

Result<Value> do_unpack_from(Thread& t, const Layout& layout, Value buffer, Value offset_value) {
  HeldBuffer held;
  TRY(held.get(t, buffer));
  int64_t offset = TRY(to_ssize(t, offset_value));
  auto size = static_cast<int64_t>(held.bytes().size());
  TRY(check_offset(t, layout, size, &offset, "unpack_from", "not enough data to unpack", "unpacking"));
  return unpack_all(t, layout, reinterpret_cast<const uint8_t*>(held.bytes().data()) + offset);
}

Status make_error_class(Thread& t, Value* made) {
  StructState& state = struct_state(t);
  if (state.error.get().is_empty()) {  // a module imported afresh shares the class
    DictObject* body = make_dict(t);
    TRY(dict_set_text(t, body, "__module__", Value(make_str(t, "struct"))));
    Value bases = make_tuple(t, {Value(t.types().exception(Exc::Exception))});
    state.error = TRY(call(t, Value(t.types().type), {Value(intern(t, "error")), bases, Value(body)}));
  }
  *made = state.error;
  return {};
}

void forget_layouts(Thread& t) {
  StructState& state = struct_state(t);
  std::lock_guard<std::mutex> guard(state.mutex);
  state.layouts.clear();
}

}  // namespace mp::structs

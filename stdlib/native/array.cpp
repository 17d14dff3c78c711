// array: compact arrays of one C type; their storage is array_items.cpp's.
#include <algorithm>
#include <cstring>

#include "stdlib/native/array_items.h"
#include "vm/gc/heap.h"
#include "vm/modules/modules.h"
#include "vm/native/native.h"
#include "vm/os/memory.h"
#include "vm/protocol/protocol.h"
#include "vm/threads/object_lock.h"
#include "vm/types/exception.h"
#include "vm/types/generic_alias.h"
#include "vm/types/iterator_support.h"
#include "vm/types/list_filler.h"
#include "vm/types/memoryview.h"
#include "vm/types/number.h"
#include "vm/types/str_internal.h"

namespace mp {

Result<Value> array_reduce_ex(Thread& t, const Value* args);  // array_pickle.cpp

namespace {

struct ArrayIterator : Object {
  Slot array;
  std::atomic<int64_t> index{0};
};
extern const TypeSpec kArrayIteratorSpec;

// ---------------------------------------------------------------- construction

Result<Value> array_new(Thread& t, const Value* args) {
  auto* type = args[0].as<Type>();
  if (!is_str(args[1]) || args[1].as<StrObject>()->length() != 1) {
    return t.raise(Exc::TypeError, "array() argument 1 must be a unicode character, not {}",
                   type_name(t, args[1]));
  }
  uint32_t c = args[1].as<StrObject>()->at(0);
  if (c > 127 || kArrayCodes.find(static_cast<char>(c)) == kArrayCodes.npos) {
    return t.raise(Exc::ValueError, "bad typecode (must be b, B, u, w, h, H, i, I, l, L, q, Q, f or d)");
  }
  auto code = static_cast<char>(c);
  if (code == 'u')
    TRY(warn(t, Exc::DeprecationWarning,
             "The 'u' type code is deprecated and will be removed in Python 3.16"));
  bool text = code == 'u' || code == 'w';
  Value source = args[2];
  if (!source.is_empty()) {
    if (is_str(source) && !text) {
      return t.raise(Exc::TypeError, "cannot use a str to initialize an array with typecode '{}'", code);
    }
    if (is_array(t, source) &&
        (source.as<ArrayObject>()->code == 'u' || source.as<ArrayObject>()->code == 'w') && !text) {
      return t.raise(Exc::TypeError, "cannot use a unicode array to initialize an array with typecode '{}'",
                     code);
    }
  }
  ArrayObject* a = make_array(t, type, code);
  if (source.is_empty()) return Value(a);
  if (is_str(source)) {
    TRY(array_append_text(t, a, source.as<StrObject>()));
  } else if (is_bytes(source) || is_kind(source, Kind::ByteArray)) {
    std::string content(TRY(bytes_view(t, source)));
    if (content.size() % static_cast<size_t>(a->item_size) != 0) {
      return t.raise(Exc::ValueError, "bytes length not a multiple of item size");
    }
    TRY(array_append_bytes(t, a, content));
  } else if (is_array(t, source) && source.as<ArrayObject>()->code != code) {
    auto* other = source.as<ArrayObject>();
    for (int64_t i = 0;; ++i) {
      Value item = TRY(array_item(t, other, i));
      if (item.is_not_found()) break;
      TRY(array_append_value(t, a, item));
    }
  } else {
    TRY(array_extend_with(t, a, source));
  }
  return Value(a);
}

// ---------------------------------------------------------------- slots

Result<Value> array_tolist(Thread& t, const Value* args) {
  auto* a = args[0].as<ArrayObject>();
  ListFiller out(t, static_cast<size_t>(a->length()));
  for (int64_t i = 0;; ++i) {
    Value item = TRY(array_item(t, a, i));
    if (item.is_not_found()) return out.finish();
    out.push(item);
  }
}

Result<Value> array_tounicode(Thread& t, const Value* args) {
  auto* a = args[0].as<ArrayObject>();
  if (a->code != 'u' && a->code != 'w') {
    return t.raise(Exc::ValueError, "tounicode() may only be called on unicode type arrays ('u' or 'w')");
  }
  std::string own = array_content(t, a);
  StrBuilder out(t);
  for (size_t at = 0; at < own.size(); at += 4) {
    uint32_t c;
    std::memcpy(&c, own.data() + at, 4);
    if (c > 0x10ffff)
      return t.raise(Exc::ValueError, "character U+{:x} is not in range [U+0000; U+10ffff]", c);
    out.append(c);
  }
  return out.finish();
}

Result<Value> array_repr(Thread& t, Value self) {
  auto* a = self.as<ArrayObject>();
  std::string name = to_utf8(a->type()->name);
  if (a->length() == 0) return str_or_error(make_str(t, fmt::format("{}('{}')", name, a->code)));
  bool text = a->code == 'u' || a->code == 'w';
  Value content = TRY(repr(t, text ? TRY(array_tounicode(t, &self)) : TRY(array_tolist(t, &self))));
  StrBuilder out(t);
  out.append(fmt::format("{}('{}', ", name, a->code));
  out.append(content.as<StrObject>());
  out.append(')');
  return out.finish();
}

Result<int64_t> array_length(Thread&, Value self) { return self.as<ArrayObject>()->length(); }

Result<int64_t> index_in(Thread& t, ArrayObject* a, Value key, const char* message) {
  if (!is_any_int(key) && (!key.is_object() || type_of(t, key)->slots.index == nullptr)) {
    return t.raise(Exc::TypeError, "array indices must be integers");
  }
  int64_t i = TRY(to_ssize(t, key, Exc::IndexError));
  if (i < 0) i += a->length();
  if (i < 0 || i >= a->length()) return t.raise_text(Exc::IndexError, message);
  return i;
}

Result<Value> array_get_item(Thread& t, Value self, Value key) {
  auto* a = self.as<ArrayObject>();
  if (is_kind(key, Kind::Slice)) {
    SliceRange range = TRY(slice_indices(t, key.as<SliceObject>(), a->length()));
    std::string picked, own = array_content(t, a);
    auto unit = static_cast<size_t>(a->item_size);
    for (int64_t i = 0; i < range.count; ++i) {
      size_t at = static_cast<size_t>(range.start + i * range.step) * unit;
      if (at + unit <= own.size()) picked.append(own, at, unit);
    }
    ArrayObject* out = make_array(t, native_type(t, kArraySpec), a->code);
    TRY(array_append_bytes(t, out, picked));
    return Value(out);
  }
  int64_t i = TRY(index_in(t, a, key, "array index out of range"));
  Value item = TRY(array_item(t, a, i));
  if (item.is_not_found()) return t.raise(Exc::IndexError, "array index out of range");
  return item;
}

Status array_set_item(Thread& t, Value self, Value key, Value value) {
  auto* a = self.as<ArrayObject>();
  if (!is_kind(key, Kind::Slice)) {
    int64_t i = TRY(index_in(t, a, key, "array assignment index out of range"));
    if (value.is_empty()) {
      settle_exports(t, a->exports);
      ObjectLock lock(t, a);
      if (i >= a->length()) return t.raise(Exc::IndexError, "array assignment index out of range");
      return array_splice(t, a, i, 1, nullptr, 0);
    }
    char packed[8];
    TRY(array_pack(t, a, value, packed));
    ObjectLock lock(t, a);
    if (i >= a->length()) return t.raise(Exc::IndexError, "array assignment index out of range");
    return array_splice(t, a, i, 1, packed, 1);
  }
  std::string content;
  if (!value.is_empty()) {
    if (!is_array(t, value)) {
      return t.raise(Exc::TypeError, "can only assign array (not \"{}\") to array slice",
                     type_name(t, value));
    }
    if (value.as<ArrayObject>()->code != a->code) {
      return t.raise(Exc::TypeError, "bad argument type for built-in operation");
    }
    content = array_content(t, value.as<ArrayObject>());
  }
  int64_t length = a->length();
  SliceRange range = TRY(slice_indices(t, key.as<SliceObject>(), length));
  int64_t unit = a->item_size, added = static_cast<int64_t>(content.size()) / unit;
  int64_t count = std::max<int64_t>(range.count, 0);
  if (added != count) settle_exports(t, a->exports);
  ObjectLock lock(t, a);
  if (a->length() != length) {
    // Another thread was faster: what is left of the range.
    length = a->length();
    if (range.step != 1) return t.raise(Exc::RuntimeError, "array changed size during slice assignment");
    range.start = std::min(range.start, length);
    count = std::min(count, length - range.start);
  }
  if (range.step == 1) return array_splice(t, a, range.start, count, content.data(), added);
  if (!value.is_empty() && added != count) {
    return t.raise(Exc::ValueError, "attempt to assign array of size {} to extended slice of size {}", added,
                   count);
  }
  if (value.is_empty()) {
    std::string kept;
    std::string_view own = a->view();
    auto size = static_cast<int64_t>(own.size()) / unit;
    int64_t first = range.step < 0 ? range.start + (count - 1) * range.step : range.start,
            step = std::abs(range.step);
    for (int64_t i = 0; i < size; ++i) {
      bool drop = count > 0 && i >= first && (i - first) % step == 0 && (i - first) / step < count;
      if (!drop) kept.append(own.substr(static_cast<size_t>(i * unit), static_cast<size_t>(unit)));
    }
    return array_splice(t, a, 0, size, kept.data(), static_cast<int64_t>(kept.size()) / unit);
  }
  for (int64_t i = 0; i < count; ++i)
    TRY(array_splice(t, a, range.start + i * range.step, 1, content.data() + i * unit, 1));
  return {};
}

Result<Value> array_compare(Thread& t, Value left, Value right, CompareOp op) {
  if (!is_array(t, left) || !is_array(t, right)) return kNotImplemented;
  auto *a = left.as<ArrayObject>(), *b = right.as<ArrayObject>();
  bool equality = op == CompareOp::Eq || op == CompareOp::Ne;
  if (equality && a->length() != b->length()) return Value::from_bool(op == CompareOp::Ne);
  for (int64_t i = 0; i < a->length() && i < b->length(); ++i) {
    Value x = TRY(array_item(t, a, i)), y = TRY(array_item(t, b, i));
    if (x.is_not_found() || y.is_not_found()) break;
    if (TRY(compare_bool(t, x, y, CompareOp::Eq))) continue;
    if (equality) return Value::from_bool(op == CompareOp::Ne);
    return compare(t, x, y, op);
  }
  int64_t n = a->length(), m = b->length();
  switch (op) {
    case CompareOp::Lt: return Value::from_bool(n < m);
    case CompareOp::Le: return Value::from_bool(n <= m);
    case CompareOp::Eq: return Value::from_bool(n == m);
    case CompareOp::Ne: return Value::from_bool(n != m);
    case CompareOp::Gt: return Value::from_bool(n > m);
    default: return Value::from_bool(n >= m);
  }
}

// The first item equal to `v` in [begin, end), or -1.
Result<int64_t> find_item(Thread& t, ArrayObject* a, Value v, int64_t begin, int64_t end) {
  for (int64_t i = begin; i < end; ++i) {
    Value item = TRY(array_item(t, a, i));
    if (item.is_not_found()) break;
    if (TRY(compare_bool(t, item, v, CompareOp::Eq))) return i;
  }
  return -1;
}
Result<bool> array_contains(Thread& t, Value self, Value v) {
  return TRY(find_item(t, self.as<ArrayObject>(), v, 0, INT64_MAX)) >= 0;
}

Result<Value> array_concat(Thread& t, Value left, Value right) {
  if (!is_array(t, right)) {
    return t.raise(Exc::TypeError, "can only append array (not \"{}\") to array", type_name(t, right));
  }
  auto *a = left.as<ArrayObject>(), *b = right.as<ArrayObject>();
  if (a->code != b->code) return t.raise(Exc::TypeError, "bad argument type for built-in operation");
  ArrayObject* out = make_array(t, native_type(t, kArraySpec), a->code);
  std::string content = array_content(t, a) + array_content(t, b);
  TRY(array_append_bytes(t, out, content));
  return Value(out);
}
Result<Value> array_inplace_concat(Thread& t, Value self, Value right) {
  if (!is_array(t, right)) {
    return t.raise(Exc::TypeError, "can only extend with array (not \"{}\")", type_name(t, right));
  }
  TRY(array_extend_with(t, self.as<ArrayObject>(), right));
  return self;
}
Result<std::string> repeated(Thread& t, ArrayObject* a, Value count) {
  int64_t n = TRY(to_ssize(t, count));
  std::string own = array_content(t, a), out;
  if (n <= 0 || own.empty()) return out;
  if (n > (int64_t{1} << 40) / static_cast<int64_t>(own.size()) ||
      !os::has_room(3 * own.size() * static_cast<size_t>(n)))
    return t.raise_memory_error();
  out.reserve(own.size() * static_cast<size_t>(n));
  for (int64_t i = 0; i < n; ++i) out.append(own);
  return out;
}
Result<Value> array_repeat(Thread& t, Value self, Value count) {
  auto* a = self.as<ArrayObject>();
  std::string content = TRY(repeated(t, a, count));
  ArrayObject* out = make_array(t, native_type(t, kArraySpec), a->code);
  TRY(array_append_bytes(t, out, content));
  return Value(out);
}
Result<Value> array_inplace_repeat(Thread& t, Value self, Value count) {
  auto* a = self.as<ArrayObject>();
  std::string content = TRY(repeated(t, a, count));
  settle_exports(t, a->exports);
  ObjectLock lock(t, a);
  TRY(array_splice(t, a, 0, static_cast<int64_t>(a->size.load()), content.data(),
                   static_cast<int64_t>(content.size()) / a->item_size));
  return self;
}

Result<Value> array_iter(Thread& t, Value self) {
  auto* it = t.heap().make<ArrayIterator>(t, native_type(t, kArrayIteratorSpec));
  it->array = self;
  return Value(it);
}
Result<Value> array_iterator_next(Thread& t, Value self) {
  auto* it = self.as<ArrayIterator>();
  Value array = it->array;
  if (array.is_empty()) return kNoMore;
  auto* a = array.as<ArrayObject>();
  int64_t i = it->index.load(std::memory_order_relaxed);
  it->index.store(i + 1, std::memory_order_relaxed);
  Value item = TRY(array_item(t, a, i));
  if (!item.is_not_found()) return item;
  it->array = kEmpty;
  return kNoMore;
}
Result<Value> array_iterator_reduce(Thread& t, const Value* args) {
  auto* it = args[0].as<ArrayIterator>();
  Value iter = TRY(get_attr(t, t.runtime().builtins_module, "iter")), array = it->array;
  if (array.is_empty()) return Value(make_tuple(t, {iter, Value(make_tuple(t, {Value(empty_tuple(t))}))}));
  return Value(make_tuple(t, {iter, Value(make_tuple(t, {array})), make_int(t, it->index.load())}));
}
Result<Value> array_iterator_setstate(Thread& t, const Value* args) {
  auto* it = args[0].as<ArrayIterator>();
  int64_t index = TRY(to_ssize(t, args[1]));
  Value array = it->array;
  if (array.is_empty()) return kNone;
  it->index.store(std::clamp<int64_t>(index, 0, array.as<ArrayObject>()->length()));
  return kNone;
}
const NativeDef kArrayIteratorMethods[] = {
    MP_METHOD(array_iterator_reduce, "__reduce__(self, /)", "Return state information for pickling."),
    MP_METHOD(array_iterator_setstate, "__setstate__(self, state, /)",
              "Set state information for unpickling."),
    MP_END};

// ---------------------------------------------------------------- methods

Result<Value> array_append(Thread& t, const Value* args) {
  TRY(array_append_value(t, args[0].as<ArrayObject>(), args[1]));
  return kNone;
}
Result<Value> array_extend(Thread& t, const Value* args) {
  TRY(array_extend_with(t, args[0].as<ArrayObject>(), args[1]));
  return kNone;
}
Result<Value> array_fromlist(Thread& t, const Value* args) {
  if (!is_list(args[1])) return t.raise(Exc::TypeError, "arg must be list");
  auto* a = args[0].as<ArrayObject>();
  std::string packed;
  for (size_t i = 0;; ++i) {
    Value item = args[1].as<ListObject>()->at(i);
    if (item.is_empty()) break;
    char one[8];
    TRY(array_pack(t, a, item, one));
    packed.append(one, static_cast<size_t>(a->item_size));
  }
  TRY(array_append_bytes(t, a, packed));
  return kNone;
}
Result<Value> array_frombytes(Thread& t, const Value* args) {
  auto* a = args[0].as<ArrayObject>();
  HeldBuffer held;
  TRY(held.get(t, args[1]));
  if (held.bytes().size() % static_cast<size_t>(a->item_size) != 0) {
    return t.raise(Exc::ValueError, "bytes length not a multiple of item size");
  }
  std::string content(held.bytes());
  TRY(array_append_bytes(t, a, content));
  return kNone;
}
Result<Value> array_fromunicode(Thread& t, const Value* args) {
  auto* a = args[0].as<ArrayObject>();
  if (!is_str(args[1]))
    return t.raise(Exc::TypeError, "fromunicode() argument must be str, not {}", type_name(t, args[1]));
  if (a->code != 'u' && a->code != 'w') {
    return t.raise(Exc::ValueError, "fromunicode() may only be called on unicode type arrays ('u' or 'w')");
  }
  TRY(array_append_text(t, a, args[1].as<StrObject>()));
  return kNone;
}
Result<Value> array_tobytes(Thread& t, const Value* args) {
  return str_or_error(make_bytes(t, array_content(t, args[0].as<ArrayObject>())));
}
Result<Value> array_tofile(Thread& t, const Value* args) {
  Value content = TRY(array_tobytes(t, args));
  TRY(call_method(t, args[1], intern(t, "write"), {content}));
  return kNone;
}
Result<Value> array_fromfile(Thread& t, const Value* args) {
  auto* a = args[0].as<ArrayObject>();
  int64_t n = TRY(to_ssize(t, args[2]));
  if (n < 0) return t.raise(Exc::ValueError, "negative count");
  Value content = TRY(call_method(t, args[1], intern(t, "read"), {make_int(t, n * a->item_size)}));
  if (!is_bytes(content)) return t.raise(Exc::TypeError, "read() didn't return bytes");
  Value call_args[2] = {args[0], content};
  bool enough = static_cast<int64_t>(content.as<BytesObject>()->size) == n * a->item_size;
  TRY(array_frombytes(t, call_args));
  if (!enough) return t.raise(Exc::EOFError, "read() didn't return enough bytes");
  return kNone;
}
Result<Value> array_insert(Thread& t, const Value* args) {
  auto* a = args[0].as<ArrayObject>();
  int64_t at = TRY(to_ssize(t, args[1]));
  char packed[8];
  TRY(array_pack(t, a, args[2], packed));
  settle_exports(t, a->exports);
  ObjectLock lock(t, a);
  int64_t size = a->length();
  if (at < 0) at = std::max<int64_t>(0, at + size);
  TRY(array_splice(t, a, std::min(at, size), 0, packed, 1));
  return kNone;
}
Result<Value> array_pop(Thread& t, const Value* args) {
  auto* a = args[0].as<ArrayObject>();
  int64_t at = TRY(to_ssize(t, args[1]));
  settle_exports(t, a->exports);
  if (a->length() == 0) return t.raise(Exc::IndexError, "pop from empty array");
  uint8_t bytes[8];
  {
    ObjectLock lock(t, a);
    if (at < 0) at += a->length();
    if (!array_read(a, at, bytes)) return t.raise(Exc::IndexError, "pop index out of range");
    TRY(array_splice(t, a, at, 1, nullptr, 0));
  }
  return array_unpack(t, a, bytes);
}
Result<Value> array_remove(Thread& t, const Value* args) {
  auto* a = args[0].as<ArrayObject>();
  int64_t at = TRY(find_item(t, a, args[1], 0, INT64_MAX));
  settle_exports(t, a->exports);
  ObjectLock lock(t, a);
  if (at < 0 || at >= a->length()) return t.raise(Exc::ValueError, "array.remove(x): x not in array");
  TRY(array_splice(t, a, at, 1, nullptr, 0));
  return kNone;
}
Result<Value> array_index(Thread& t, const Value* args) {
  auto* a = args[0].as<ArrayObject>();
  int64_t from, to;
  TRY(clip_range(t, args[2], args[3], static_cast<size_t>(a->length()), &from, &to));
  int64_t at = TRY(find_item(t, a, args[1], from, to));
  if (at < 0) return t.raise(Exc::ValueError, "array.index(x): x not in array");
  return make_int(t, at);
}
Result<Value> array_count(Thread& t, const Value* args) {
  auto* a = args[0].as<ArrayObject>();
  int64_t count = 0;
  for (int64_t i = 0; (i = TRY(find_item(t, a, args[1], i, INT64_MAX))) >= 0; ++i) ++count;
  return make_int(t, count);
}
Result<Value> array_reverse(Thread& t, const Value* args) {
  auto* a = args[0].as<ArrayObject>();
  ObjectLock lock(t, a);
  int64_t n = a->length(), unit = a->item_size;
  uint8_t* p = n > 0 ? a->cell.load()->bytes() : nullptr;
  for (int64_t i = 0, j = n - 1; i < j; ++i, --j)
    std::swap_ranges(p + i * unit, p + (i + 1) * unit, p + j * unit);
  return kNone;
}
Result<Value> array_byteswap(Thread& t, const Value* args) {
  auto* a = args[0].as<ArrayObject>();
  ObjectLock lock(t, a);
  int64_t n = a->length(), unit = a->item_size;
  uint8_t* p = n > 0 ? a->cell.load()->bytes() : nullptr;
  for (int64_t i = 0; i < n; ++i) std::reverse(p + i * unit, p + (i + 1) * unit);
  return kNone;
}
Result<Value> array_clear(Thread& t, const Value* args) {
  auto* a = args[0].as<ArrayObject>();
  settle_exports(t, a->exports);
  ObjectLock lock(t, a);
  TRY(array_splice(t, a, 0, static_cast<int64_t>(a->size.load()), nullptr, 0));
  return kNone;
}
Result<Value> array_buffer_info(Thread& t, const Value* args) {
  auto* a = args[0].as<ArrayObject>();
  auto address = reinterpret_cast<int64_t>(a->view().data());
  return Value(make_tuple(t, {make_int(t, address), make_int(t, a->length())}));
}
Result<Value> array_copy(Thread& t, const Value* args) {
  auto* a = args[0].as<ArrayObject>();
  ArrayObject* out = make_array(t, native_type(t, kArraySpec), a->code);
  TRY(array_append_bytes(t, out, array_content(t, a)));
  return Value(out);
}
Result<Value> array_typecode(Thread& t, Value self) {
  return str_or_error(make_str_char(t, static_cast<uint32_t>(self.as<ArrayObject>()->code)));
}
Result<Value> array_itemsize(Thread&, Value self) {
  return Value::from_int(self.as<ArrayObject>()->item_size);
}

const GetSetDef kArrayGetSets[] = {
    {"typecode", array_typecode, nullptr, "the typecode character used to create the array"},
    {"itemsize", array_itemsize, nullptr, "the size, in bytes, of one array item"},
    {}};
const NativeDef kArrayMethods[] = {
    MP_NEW(array_new, "__new__(cls, typecode, initializer=?, /)", nullptr),
    MP_METHOD(array_append, "append(self, v, /)", "Append new value v to the end of the array."),
    MP_METHOD(array_buffer_info, "buffer_info(self, /)", "Return a tuple (address, length)."),
    MP_METHOD(array_byteswap, "byteswap(self, /)", "Byteswap all items of the array."),
    MP_METHOD(array_clear, "clear(self, /)", "Remove all items from the array."),
    MP_METHOD(array_count, "count(self, v, /)", "Return number of occurrences of v in the array."),
    MP_METHOD(array_extend, "extend(self, bb, /)", "Append items to the end of the array."),
    MP_METHOD(array_fromfile, "fromfile(self, f, n, /)",
              "Read n objects from the file object f and append them."),
    MP_METHOD(array_fromlist, "fromlist(self, list, /)", "Append items to array from list."),
    MP_METHOD(array_frombytes, "frombytes(self, buffer, /)", "Appends items from the string."),
    MP_METHOD(array_fromunicode, "fromunicode(self, ustr, /)",
              "Extends this array with data from the unicode string ustr."),
    MP_METHOD(array_index, "index(self, v, start=?, stop=?, /)",
              "Return index of first occurrence of v in the array."),
    MP_METHOD(array_insert, "insert(self, i, v, /)", "Insert a new item v into the array before position i."),
    MP_METHOD(array_pop, "pop(self, i=-1, /)", "Return the i-th element and delete it from the array."),
    MP_METHOD(array_remove, "remove(self, v, /)", "Remove the first occurrence of v in the array."),
    MP_METHOD(array_reverse, "reverse(self, /)", "Reverse the order of the items in the array."),
    MP_METHOD(array_tobytes, "tobytes(self, /)", "Convert the array to an array of machine values."),
    MP_METHOD(array_tofile, "tofile(self, f, /)",
              "Write all items (as machine values) to the file object f."),
    MP_METHOD(array_tolist, "tolist(self, /)", "Convert array to an ordinary list with the same items."),
    MP_METHOD(array_tounicode, "tounicode(self, /)",
              "Extends this array with data from the unicode string ustr."),
    MP_METHOD(array_copy, "__copy__(self, /)", "Return a copy of the array."),
    MP_METHOD(array_copy, "__deepcopy__(self, memo, /)", "Return a copy of the array."),
    MP_METHOD(array_reduce_ex, "__reduce_ex__(self, value, /)", "Return state information for pickling."),
    MP_CLASS_GETITEM,
    MP_END};

}  // namespace

const TypeSpec kArraySpec = {
    .name = "array.array",
    .size = sizeof(ArrayObject),
    .flags = kTypeBaseType | kTypeSequence | kTypeHasWeakref,
    .doc = "array(typecode [, initializer]) -> array",
    .trace = [](Object* o, Tracer& tracer) { tracer.mark_raw(static_cast<ArrayObject*>(o)->cell.load()); },
    .slots = MP_SLOTS(.repr = array_repr, .compare = array_compare, .iter = array_iter,
                      .length = array_length, .get_item = array_get_item, .set_item = array_set_item,
                      .contains = array_contains, .concat = array_concat, .repeat = array_repeat,
                      .inplace_concat = array_inplace_concat, .inplace_repeat = array_inplace_repeat),
    .methods = kArrayMethods,
    .getsets = kArrayGetSets};

namespace {

const TypeSpec kArrayIteratorSpec = {
    .name = "array.arrayiterator",
    .size = sizeof(ArrayIterator),
    .flags = kTypeDisallowNew,
    .trace = [](Object* o, Tracer& tracer) { tracer.visit(static_cast<ArrayIterator*>(o)->array); },
    .slots = MP_SLOTS(.iter = iterator_self, .next = array_iterator_next),
    .methods = kArrayIteratorMethods};

Status acquire_array(Thread& t, Value owner, BufferView* view) {
  auto* a = owner.as<ArrayObject>();
  ObjectLock lock(t, a);
  a->exports.fetch_add(1);
  static const char* const kFormats[] = {"b", "B", "w", "w", "h", "H", "i",
                                         "I", "l", "L", "q", "Q", "f", "d"};
  std::string_view own = a->view();
  fill_buffer(view, owner, const_cast<char*>(own.data()), static_cast<int64_t>(own.size()) / a->item_size,
              a->item_size, kFormats[kArrayCodes.find(a->code)], false, a->cell.load());
  return {};
}
void release_array(Value owner) { owner.as<ArrayObject>()->exports.fetch_sub(1); }
const BufferProcs kArrayBuffer = {acquire_array, release_array};

Status init_module(Thread& t, ModuleObject* module) {
  Value type = native_type(t, kArraySpec);
  register_buffer_type(t, &kArraySpec, &kArrayBuffer);
  TRY(module_add(t, module, "array", type));
  Value sequence = TRY(get_attr(t, TRY(import_module(t, "_collections_abc")), "MutableSequence"));
  TRY(call_method(t, sequence, intern(t, "register"), {type}));
  TRY(module_add(t, module, "ArrayType", type));
  return module_add_text(t, module, "typecodes", kArrayCodes);
}

}  // namespace

extern const NativeDef kArrayFunctions[];  // array_pickle.cpp
extern const ModuleSpec kArrayModule;
const ModuleSpec kArrayModule = {
    "array", "This module defines an object type which can efficiently represent an array of basic values.",
    kArrayFunctions, init_module};

}  // namespace mp

// array.array's storage: growth makes a new raw cell, so that memoryviews and readers of the old one stay
// safe.
#include "stdlib/native/array_items.h"

#include <cstring>

#include "vm/gc/heap.h"
#include "vm/native/native.h"
#include "vm/protocol/protocol.h"
#include "vm/protocol/walk.h"
#include "vm/threads/object_lock.h"
#include "vm/types/memoryview.h"
#include "vm/types/number.h"
#include "vm/types/str_internal.h"

namespace mp {

static int64_t code_size(char code) { return code == 'u' || code == 'w' ? 4 : native_item_size(code); }

bool is_array(Thread& t, Value v) {
  return v.is_object() && is_subtype(v.as_object()->type(), native_type(t, kArraySpec));
}

ArrayObject* make_array(Thread& t, Type* type, char code) {
  auto* a = t.heap().make<ArrayObject>(t, type);
  a->code = code;
  a->item_size = code_size(code);
  return a;
}

Status array_splice(Thread& t, ArrayObject* a, int64_t at, int64_t removed, const char* content,
                    int64_t added) {
  ByteArrayCell* cell = a->cell.load();
  auto size = static_cast<int64_t>(a->size.load());
  int64_t fresh = size - removed + added, unit = a->item_size;
  if (fresh != size) TRY(check_exports(t, a->exports, "cannot resize an array that is exporting buffers"));
  if (fresh > (int64_t{1} << 44) / unit) return t.raise_memory_error();
  int64_t tail = (size - at - removed) * unit;
  if (cell == nullptr || fresh * unit > static_cast<int64_t>(cell->capacity)) {
    int64_t wanted = (fresh + fresh / 8 + 6) * unit;
    auto* grown = static_cast<ByteArrayCell*>(
        t.heap().allocate_raw(t, sizeof(ByteArrayCell) + static_cast<size_t>(wanted)));
    if (grown == nullptr) return t.raise_memory_error();
    grown->capacity = static_cast<uint64_t>(wanted);
    if (cell != nullptr) {
      std::memcpy(grown->bytes(), cell->bytes(), static_cast<size_t>(at * unit));
      std::memcpy(grown->bytes() + (at + added) * unit, cell->bytes() + (at + removed) * unit,
                  static_cast<size_t>(tail));
    }
    if (added != 0) std::memcpy(grown->bytes() + at * unit, content, static_cast<size_t>(added * unit));
    if (fresh < size) a->size.store(static_cast<uint64_t>(fresh));
    a->cell.store(grown, std::memory_order_release);
  } else {
    if (added != removed)
      std::memmove(cell->bytes() + (at + added) * unit, cell->bytes() + (at + removed) * unit,
                   static_cast<size_t>(tail));
    if (added != 0) std::memcpy(cell->bytes() + at * unit, content, static_cast<size_t>(added * unit));
  }
  a->size.store(static_cast<uint64_t>(fresh), std::memory_order_release);
  return {};
}

std::string array_content(Thread& t, ArrayObject* a) {
  ObjectLock lock(t, a);
  return std::string(a->view());
}

bool array_read(const ArrayObject* a, int64_t i, uint8_t* out) {
  if (i < 0 || i >= a->length()) return false;
  std::memcpy(out, a->view().data() + i * a->item_size, static_cast<size_t>(a->item_size));
  return true;
}

Result<Value> array_unpack(Thread& t, const ArrayObject* a, const uint8_t* bytes) {
  if (a->code == 'u' || a->code == 'w') {
    uint32_t c;
    std::memcpy(&c, bytes, 4);
    if (c > 0x10ffff)
      return t.raise(Exc::ValueError, "character U+{:x} is not in range [U+0000; U+10ffff]", c);
    return str_or_error(make_str_char(t, c));
  }
  return unpack_native(t, a->code, bytes);
}

Result<Value> array_item(Thread& t, ArrayObject* a, int64_t i) {
  uint8_t bytes[8];
  {
    ObjectLock lock(t, a);
    if (!array_read(a, i, bytes)) return kNotFound;
  }
  return array_unpack(t, a, bytes);
}

static const char* code_words(char code) {
  switch (code) {
    case 'b': return "signed char";
    case 'B': return "unsigned byte integer";
    case 'h': return "signed short integer";
    case 'H': return "unsigned short";
    case 'i': return "signed integer";
    case 'I': return "unsigned int";
    default: return "Python int";
  }
}

Status array_pack(Thread& t, const ArrayObject* a, Value v, char* out) {
  char code = a->code;
  if (code == 'u' || code == 'w') {
    if (!is_str(v))
      return t.raise(Exc::TypeError, "array item must be a unicode character, not {}", type_name(t, v));
    if (v.as<StrObject>()->length() != 1) {
      return t.raise(Exc::TypeError, "array item must be a string of length 1, not a string of length {}",
                     v.as<StrObject>()->length());
    }
    uint32_t c = v.as<StrObject>()->at(0);
    std::memcpy(out, &c, 4);
    return {};
  }
  if (code == 'f' || code == 'd') {
    double d = TRY(to_double(t, v));
    auto narrow = static_cast<float>(d);
    if (code == 'f')
      std::memcpy(out, &narrow, 4);
    else
      std::memcpy(out, &d, 8);
    return {};
  }
  Value index = TRY(to_index(t, v));
  bool is_signed = code >= 'a';
  auto unit = static_cast<size_t>(a->item_size);
  int64_t i;
  if (int_to_int64(index, &i)) {
    bool low, high;
    if (is_signed) {
      int64_t top = unit == 8 ? INT64_MAX : (int64_t{1} << (unit * 8 - 1)) - 1;
      low = i < -top - 1;
      high = i > top;
    } else {
      low = i < 0;
      high = unit < 8 && i >> (unit * 8) != 0;
    }
    if (low && unit >= 4 && !is_signed)
      return t.raise(Exc::OverflowError, "can't convert negative value to unsigned int");
    if (low) return t.raise(Exc::OverflowError, "{} is less than minimum", code_words(code));
    if (high) return t.raise(Exc::OverflowError, "{} is greater than maximum", code_words(code));
    std::memcpy(out, &i, unit);
    return {};
  }
  IntView big(index);
  if (is_signed || unit != 8 || mpz_sgn(big.get()) < 0 || mpz_sizeinbase(big.get(), 2) > 64) {
    if (!is_signed && mpz_sgn(big.get()) < 0)
      return t.raise(Exc::OverflowError, "can't convert negative value to unsigned int");
    return t.raise(Exc::OverflowError, "Python int too large to convert to C {}",
                   is_signed ? "long" : "unsigned long");
  }
  uint64_t u = mpz_get_ui(big.get());
  std::memcpy(out, &u, 8);
  return {};
}

Status array_append_value(Thread& t, ArrayObject* a, Value v) {
  char packed[8];
  TRY(array_pack(t, a, v, packed));
  settle_exports(t, a->exports);
  ObjectLock lock(t, a);
  return array_splice(t, a, static_cast<int64_t>(a->size.load()), 0, packed, 1);
}

Status array_append_bytes(Thread& t, ArrayObject* a, std::string_view content) {
  if (!content.empty()) settle_exports(t, a->exports);
  ObjectLock lock(t, a);
  return array_splice(t, a, static_cast<int64_t>(a->size.load()), 0, content.data(),
                      static_cast<int64_t>(content.size()) / a->item_size);
}

Status array_append_text(Thread& t, ArrayObject* a, StrObject* text) {
  std::string packed(text->length() * 4, '\0');
  for (size_t i = 0; i < text->length(); ++i) {
    uint32_t c = text->at(i);
    std::memcpy(packed.data() + i * 4, &c, 4);
  }
  return array_append_bytes(t, a, packed);
}

Status array_extend_with(Thread& t, ArrayObject* a, Value source) {
  if (is_array(t, source)) {
    auto* other = source.as<ArrayObject>();
    if (other->code != a->code) return t.raise(Exc::TypeError, "can only extend with array of same kind");
    return array_append_bytes(t, a, array_content(t, other));
  }
  bool builtin = is_exact(source, t.types().list) || is_exact(source, t.types().tuple);
  // Numbers that run no script code are packed first and go in together.
  char packed[512];
  size_t filled = 0, unit = static_cast<size_t>(a->item_size);
  auto flush = [&]() -> Status {
    size_t size = filled;
    filled = 0;
    return size == 0 ? Status() : array_append_bytes(t, a, {packed, size});
  };
  Status extended = walk_each(t, source, [&](Value item) -> Status {
    if (!builtin || (!item.is_int() && !item.is_float_inline())) {
      TRY(flush());
      return array_append_value(t, a, item);
    }
    if (filled + unit > sizeof packed) TRY(flush());
    TRY(array_pack(t, a, item, packed + filled));
    filled += unit;
    return {};
  });
  if (!extended.is_error() || filled == 0) return extended.is_error() ? extended : flush();
  Value exception = t.take_exception();
  TRY(flush());
  t.restore_exception(exception);
  return Error{};
}

}  // namespace mp

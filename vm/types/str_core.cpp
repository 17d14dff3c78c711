// Makers, conversions and the basic operations of str that everything else stands on.
#include <algorithm>

#include "vm/threads/object_lock.h"
#include "vm/types/intern.h"
#include "vm/types/number.h"
#include "vm/types/runtime.h"
#include "vm/types/str_internal.h"

namespace mp {

static constexpr size_t kMaxStrBytes = size_t{1} << 46;

bool all_ascii(const uint8_t* data, size_t count) {
  size_t i = 0;
  for (; i + 32 <= count; i += 32) {
    uint64_t words[4];
    std::memcpy(words, data + i, 32);
    if (((words[0] | words[1] | words[2] | words[3]) & 0x8080808080808080u) != 0) return false;
  }
  uint8_t rest = 0;
  for (; i < count; ++i) rest |= data[i];
  return rest < 0x80;
}

// Up to the first units that need the whole width: more cannot be learned.
template <class Unit>
static uint32_t or_units(const Unit* data, size_t count) {
  constexpr uint32_t kNarrower = sizeof(Unit) == 2 ? 0xff : 0xffff;
  constexpr size_t kBlock = 16;
  uint32_t mask = 0;
  for (; count >= kBlock && mask <= kNarrower; data += kBlock, count -= kBlock)
    for (size_t i = 0; i < kBlock; ++i) mask |= data[i];
  if (mask > kNarrower) return mask;
  for (size_t i = 0; i < count; ++i) mask |= data[i];
  return mask;
}
uint32_t or_of(const uint8_t* data, size_t count) { return all_ascii(data, count) ? 0x7f : 0xff; }
uint32_t or_of(const uint16_t* data, size_t count) { return or_units(data, count); }
uint32_t or_of(const uint32_t* data, size_t count) { return or_units(data, count); }

static inline uint32_t step_utf8(const uint8_t*& p, const uint8_t* end) {
  uint32_t c = *p++;
  if (c < 0x80) return c;
  if (c < 0xe0 && p < end) return (c & 0x1f) << 6 | (*p++ & 0x3f);
  int extra = c >= 0xf0 ? 3 : c >= 0xe0 ? 2 : 1;
  if (end - p < extra) {
    p = end;
    return 0xfffd;
  }
  c = (c & 0x3fu >> extra) << 12 | (p[0] & 0x3fu) << 6 | (p[1] & 0x3fu);
  if (extra == 3) c = c << 6 | (p[2] & 0x3f);
  p += extra;
  return c;
}
uint32_t next_utf8(const uint8_t*& p, const uint8_t* end) { return step_utf8(p, end); }
template <class Unit>
static void decode_units(Unit* out, const uint8_t* p, const uint8_t* end) {
  while (p < end) *out++ = static_cast<Unit>(step_utf8(p, end));
}

void append_utf8_char(std::string& out, uint32_t c) {
  uint8_t bytes[4];
  uint8_t* end = put_utf8(bytes, c);
  out.append(reinterpret_cast<char*>(bytes), static_cast<size_t>(end - bytes));
}

StrObject* allocate_str_of(Thread& t, Type* type, size_t length, int width, bool ascii) {
  if (length > kMaxStrBytes / static_cast<size_t>(width)) {
    (void)t.raise_memory_error();
    return nullptr;
  }
  // The attribute area of a subclass instance follows the text, 16-byte aligned.
  size_t text_bytes =
      length * static_cast<size_t>(width) + 1;  // cells are zeroed: C code may take ASCII text as it is
  size_t extra = type->instance_size > sizeof(StrObject) ? type->instance_size - sizeof(StrObject) : 0;
  if (extra != 0) text_bytes = (text_bytes + 15) & ~size_t{15};
  auto* s =
      static_cast<StrObject*>(t.heap().allocate_object(t, type, sizeof(StrObject) + text_bytes + extra));
  if (s == nullptr) [[unlikely]] {
    (void)t.raise_memory_error();
    return nullptr;
  }
  s->hash.store(-1, std::memory_order_relaxed);
  s->length_and_width =
      static_cast<uint64_t>(length) << 8 | (ascii ? StrObject::kAsciiBit : 0) | static_cast<uint64_t>(width);
  return s;
}

StrObject* allocate_str(Thread& t, size_t length, int width, bool ascii) {
  return allocate_str_of(t, t.types().str, length, width, ascii);
}

void init_text(Thread& t) {
  Runtime& runtime = t.runtime();
  if (runtime.empty_str != nullptr) return;
  runtime.empty_str = runtime.interned->intern(allocate_str(t, 0, 1, true));
  for (uint32_t c = 0; c < 256; ++c) {
    StrObject* s = allocate_str(t, 1, 1, c < 128);
    *static_cast<uint8_t*>(s->data()) = static_cast<uint8_t>(c);
    runtime.latin1_chars[c] = runtime.interned->intern(s);
  }
}

StrObject* empty_str(Thread& t) {
  if (t.runtime().empty_str == nullptr) [[unlikely]]
    init_text(t);
  return t.runtime().empty_str;
}

StrObject* make_str_char(Thread& t, uint32_t c) {
  if (c < 256) {
    if (t.runtime().empty_str == nullptr) [[unlikely]]
      init_text(t);
    return t.runtime().latin1_chars[c];
  }
  StrObject* s = allocate_str(t, 1, width_for(c), false);
  if (s != nullptr) write_code_point(s->data(), s->width(), 0, c);
  return s;
}

static StrObject* make_ascii(Thread& t, const uint8_t* data, size_t length) {
  if (length <= 1) return length == 0 ? empty_str(t) : make_str_char(t, data[0]);
  StrObject* s = allocate_ascii(t, length);
  if (s != nullptr) std::memcpy(s->data(), data, length);
  return s;
}

StrObject* make_str_latin1(Thread& t, const uint8_t* data, size_t length) {
  if (all_ascii(data, length)) return make_ascii(t, data, length);
  if (length == 1) return make_str_char(t, data[0]);
  StrObject* s = allocate_str(t, length, 1, false);
  if (s != nullptr) std::memcpy(s->data(), data, length);
  return s;
}

template <class To, class From>
static void convert_units(To* out, const From* in, size_t count) {
  for (size_t i = 0; i < count; ++i) out[i] = static_cast<To>(in[i]);
}

StrObject* make_str_utf32(Thread& t, const uint32_t* data, size_t length) {
  if (length <= 1) return length == 0 ? empty_str(t) : make_str_char(t, data[0]);
  uint32_t mask = or_of(data, length);
  StrObject* s = allocate_text(t, length, width_for(mask), mask < 0x80);
  if (s == nullptr) return nullptr;
  switch (s->width()) {
    case 1: convert_units(static_cast<uint8_t*>(s->data()), data, length); break;
    case 2: convert_units(static_cast<uint16_t*>(s->data()), data, length); break;
    default: std::memcpy(s->data(), data, length * sizeof(uint32_t));
  }
  return s;
}

StrObject* make_str(Thread& t, std::string_view utf8) {
  auto* data = reinterpret_cast<const uint8_t*>(utf8.data());
  if (all_ascii(data, utf8.size())) return make_ascii(t, data, utf8.size());
  const uint8_t* end = data + utf8.size();
  constexpr size_t kShort = 256;  // bytes: one pass does
  if (utf8.size() <= kShort) {
    uint32_t room[kShort];
    uint32_t* to = room;
    for (const uint8_t* p = data; p < end;) *to++ = step_utf8(p, end);
    return make_str_utf32(t, room, static_cast<size_t>(to - room));
  }
  size_t count = 0;
  uint32_t mask = 0;
  for (const uint8_t* p = data; p < end; ++count) mask |= step_utf8(p, end);
  if (count == 1) return make_str_char(t, mask);
  StrObject* s = allocate_str(t, count, width_for(mask), mask < 0x80);
  if (s == nullptr) return nullptr;
  switch (s->width()) {
    case 1: decode_units(static_cast<uint8_t*>(s->data()), data, end); break;
    case 2: decode_units(static_cast<uint16_t*>(s->data()), data, end); break;
    default: decode_units(static_cast<uint32_t*>(s->data()), data, end);
  }
  return s;
}

void write_code_point(void* out, int width, size_t index, uint32_t c) {
  switch (width) {
    case 1: static_cast<uint8_t*>(out)[index] = static_cast<uint8_t>(c); return;
    case 2: static_cast<uint16_t*>(out)[index] = static_cast<uint16_t>(c); return;
    default: static_cast<uint32_t*>(out)[index] = c;
  }
}

void fill_code_points(void* out, int width, size_t begin, size_t count, uint32_t c) {
  switch (width) {
    case 1: std::memset(static_cast<uint8_t*>(out) + begin, static_cast<int>(c), count); return;
    case 2: std::fill_n(static_cast<uint16_t*>(out) + begin, count, static_cast<uint16_t>(c)); return;
    default: std::fill_n(static_cast<uint32_t*>(out) + begin, count, c);
  }
}

void copy_code_points(void* out, int width, const StrObject* s, size_t begin, size_t count) {
  if (s->width() == width) {
    size_t unit = static_cast<size_t>(width);
    std::memcpy(out, s->data8() + begin * unit, count * unit);
    return;
  }
  with_width(s, [&](auto* data) {
    switch (width) {
      case 1: convert_units(static_cast<uint8_t*>(out), data + begin, count); break;
      case 2: convert_units(static_cast<uint16_t*>(out), data + begin, count); break;
      default: convert_units(static_cast<uint32_t*>(out), data + begin, count);
    }
  });
}

std::string to_utf8(const StrObject* s) {
  std::string out;
  append_utf8(out, s);
  return out;
}

void append_utf8(std::string& out, const StrObject* s) {
  if (s->is_ascii()) {
    out.append(s->ascii());
    return;
  }
  size_t before = out.size();
  with_width(s, [&](auto* data) {
    size_t n = s->length();
    out.resize(before + utf8_size(data, n));
    auto* p = reinterpret_cast<uint8_t*>(out.data()) + before;
    for (size_t i = 0; i < n; ++i) p = put_utf8(p, data[i]);
  });
}

bool str_equal_slow(const StrObject* a, const StrObject* b) {
  if (a->has_flag(kFlagInterned) && b->has_flag(kFlagInterned)) return false;
  return std::memcmp(a->data8(), b->data8(), a->byte_size()) == 0;
}

bool str_equal(const StrObject* a, std::string_view ascii) {
  return a->is_ascii() && a->length() == ascii.size() &&
         std::memcmp(a->data8(), ascii.data(), ascii.size()) == 0;
}

int str_compare(const StrObject* a, const StrObject* b) {
  if (a == b) return 0;
  size_t common = std::min(a->length(), b->length());
  int order = 0;
  if (a->width() == 1 && b->width() == 1) {
    order = std::memcmp(a->data8(), b->data8(), common);
  } else {
    order = with_width(a, [&](auto* left) {
      return with_width(b, [&](auto* right) {
        for (size_t i = 0; i < common; ++i)
          if (left[i] != right[i]) return left[i] < right[i] ? -1 : 1;
        return 0;
      });
    });
  }
  if (order != 0) return order;
  return a->length() < b->length() ? -1 : a->length() > b->length() ? 1 : 0;
}

int64_t str_hash(StrObject* s) {
  int64_t h = s->hash.load(std::memory_order_relaxed);
  if (h == -1) [[unlikely]] {
    h = hash_bytes(s->data8(), s->byte_size());
    s->hash.store(h, std::memory_order_relaxed);
  }
  return h;
}

StrObject* str_plain(Thread& t, StrObject* s) {
  if (s->type() == t.types().str) return s;
  return str_slice(t, s, 0, s->length());
}

// A long result of concatenating onto a result of concatenation: `s += x` in a loop. The text goes into a
// buffer with slack; whoever holds the longest string of that buffer may append in place, so the loop is
// linear (CPython gets this from a reference count of one).
static constexpr size_t kGrowthMinimum = 256;

static StrObject* append_in_buffer(Thread& t, StrObject* a, StrObject* b, int width, bool ascii) {
  size_t unit = static_cast<size_t>(width);
  size_t old_bytes = a->length() * unit, added = b->length() * unit, total = old_bytes + added;
  StrGrowthBuffer* buffer = nullptr;
  if (a->is_external() && a->width() == width && a->buffer()->capacity >= total) {
    uint64_t expected = old_bytes;
    std::atomic<uint64_t>& used = a->buffer()->used;
    if (!free_threaded(t)) {  // SAFETY: no safepoint between the look and the store
      if (used.load(std::memory_order_relaxed) == expected) {
        used.store(total, std::memory_order_relaxed);
        buffer = a->buffer();
      }
    } else if (used.compare_exchange_strong(expected, total)) {
      buffer = a->buffer();
    }
  }
  if (buffer == nullptr) {
    size_t bytes = sizeof(StrGrowthBuffer) + total + total / 2;
    buffer = static_cast<StrGrowthBuffer*>(t.heap().allocate_raw(t, bytes));
    if (buffer == nullptr) {
      (void)t.raise_memory_error();
      return nullptr;
    }
    buffer->capacity = bytes - sizeof(StrGrowthBuffer);
    buffer->used.store(total, std::memory_order_relaxed);
    copy_code_points(buffer->bytes(), width, a, 0, a->length());
  }
  if (width == 1)
    copy_bytes(buffer->bytes() + old_bytes, b->data8(), b->length());
  else
    copy_code_points(buffer->bytes() + old_bytes, width, b, 0, b->length());
  StrObject* s = allocate_ascii(t, sizeof(void*));
  if (s == nullptr) return nullptr;
  std::memcpy(s + 1, &buffer, sizeof buffer);
  s->length_and_width = static_cast<uint64_t>(a->length() + b->length()) << 8 |
                        (ascii ? StrObject::kAsciiBit : 0) | StrObject::kExternalBit |
                        static_cast<uint64_t>(width);
  s->set_flag(kFlagUser1);
  return s;
}

StrObject* str_concat(Thread& t, StrObject* a, StrObject* b) {
  if (b->length() == 0 && a->type() == t.types().str) return a;
  if (a->length() == 0 && b->type() == t.types().str) return b;
  int width = std::max(a->width(), b->width());
  bool ascii = a->is_ascii() && b->is_ascii();
  size_t length = a->length() + b->length();
  if (a->has_flag(kFlagUser1) && length >= kGrowthMinimum && a->length() >= b->length() &&
      length < kMaxStrBytes / 8)
    return append_in_buffer(t, a, b, width, ascii);
  if (length == 0) return empty_str(t);
  if (ascii) {
    StrObject* s = allocate_ascii(t, length);
    if (s == nullptr) return nullptr;
    auto* out = static_cast<uint8_t*>(s->data());
    copy_bytes(out, a->data8(), a->length());
    copy_bytes(out + a->length(), b->data8(), b->length());
    if (length >= kGrowthMinimum / 2) s->set_flag(kFlagUser1);
    return s;
  }
  StrObject* s = allocate_text(t, length, width, false);
  if (s == nullptr) return nullptr;
  auto* out = static_cast<uint8_t*>(s->data());
  copy_code_points(out, width, a, 0, a->length());
  copy_code_points(out + a->length() * static_cast<size_t>(width), width, b, 0, b->length());
  if (length >= kGrowthMinimum / 2) s->set_flag(kFlagUser1);
  return s;
}

StrObject* str_slice(Thread& t, StrObject* s, size_t begin, size_t end) {
  if (begin == 0 && end == s->length() && s->type() == t.types().str) return s;
  size_t length = end - begin;
  if (length == 0) return empty_str(t);
  if (length == 1) return make_str_char(t, s->at(begin));
  if (s->is_ascii()) {
    StrObject* out = allocate_ascii(t, length);
    if (out != nullptr) copy_bytes(reinterpret_cast<uint8_t*>(out + 1), s->data8() + begin, length);
    return out;
  }
  uint32_t mask = with_width(s, [&](auto* data) { return or_of(data + begin, length); });
  int width = width_for(mask);
  StrObject* out = allocate_text(t, length, width, mask < 0x80);
  if (out != nullptr) copy_code_points(out->data(), width, s, begin, length);
  return out;
}

StrObject* str_narrowest(Thread& t, StrObject* made) {
  size_t length = made->length();
  if (length <= 1) return length == 0 ? empty_str(t) : make_str_char(t, made->at(0));
  uint32_t mask = with_width(made, [&](auto* data) { return or_of(data, length); });
  int width = width_for(mask);
  if (width == made->width() && made->is_ascii() == (mask < 0x80)) return made;
  StrObject* out = allocate_text(t, length, width, mask < 0x80);
  if (out != nullptr) copy_code_points(out->data(), width, made, 0, length);
  return out;
}

StrObject* str_repeat(Thread& t, StrObject* s, int64_t count) {
  size_t length = s->length();
  if (count <= 0 || length == 0) return empty_str(t);
  if (count == 1) return str_plain(t, s);
  size_t unit = static_cast<size_t>(s->width());
  if (static_cast<uint64_t>(count) > kMaxStrBytes / (length * unit)) {
    if (static_cast<uint64_t>(count) > static_cast<uint64_t>(INT64_MAX) / length)
      (void)t.raise(Exc::OverflowError, "repeated string is too long");
    else
      (void)t.raise_memory_error();
    return nullptr;
  }
  size_t total = length * static_cast<size_t>(count);
  StrObject* out = allocate_text(t, total, s->width(), s->is_ascii());
  if (out == nullptr) return nullptr;
  auto* data = static_cast<uint8_t*>(out->data());
  if (length == 1 && unit == 1) {
    std::memset(data, s->data8()[0], total);
    return out;
  }
  size_t done = length * unit, all = total * unit;
  std::memcpy(data, s->data8(), done);
  while (done < all) {
    size_t step = std::min(done, all - done);
    std::memcpy(data + done, data, step);
    done += step;
  }
  return out;
}

Result<Value> str_join(Thread& t, StrObject* separator, const Value* items, size_t count) {
  if (count == 0) return Value(empty_str(t));
  size_t length = 0;
  int width = 1;
  bool ascii = true;
  if (count > 1) {
    width = separator->length() != 0 ? separator->width() : 1;
    ascii = separator->is_ascii() || separator->length() == 0;
    if (separator->length() != 0 && count - 1 > kMaxStrBytes / separator->length())
      return t.raise_memory_error();
    length = separator->length() * (count - 1);
  }
  for (size_t i = 0; i < count; ++i) {
    if (!is_str(items[i])) {
      return t.raise(Exc::TypeError, "sequence item {}: expected str instance, {} found", i,
                     type_name(t, items[i]));
    }
    auto* s = items[i].as<StrObject>();
    length += s->length();
    width = std::max(width, s->width());
    ascii = ascii && s->is_ascii();
  }
  if (count == 1 && items[0].as<StrObject>()->type() == t.types().str) return items[0];
  if (length == 0) return Value(empty_str(t));
  StrObject* out = allocate_str(t, length, width, ascii);
  if (out == nullptr) return Error{};
  auto* p = static_cast<uint8_t*>(out->data());
  size_t unit = static_cast<size_t>(width), separator_length = separator->length();
  if (width == 1) {
    const uint8_t* separator_data = separator->data8();
    for (size_t i = 0; i < count; ++i) {
      if (i != 0 && separator_length != 0) {
        if (separator_length == 1) {
          *p++ = *separator_data;
        } else {
          std::memcpy(p, separator_data, separator_length);
          p += separator_length;
        }
      }
      auto* s = items[i].as<StrObject>();
      std::memcpy(p, s->data8(), s->length());
      p += s->length();
    }
    return Value(out);
  }
  for (size_t i = 0; i < count; ++i) {
    if (i != 0) {
      copy_code_points(p, width, separator, 0, separator_length);
      p += separator_length * unit;
    }
    auto* s = items[i].as<StrObject>();
    copy_code_points(p, width, s, 0, s->length());
    p += s->length() * unit;
  }
  return Value(out);
}

}  // namespace mp

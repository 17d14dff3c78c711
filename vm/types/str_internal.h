// Helpers that the files of str and bytes share: dispatch on storage width, searching, hashing. Not for other
// parts.
#pragma once
#include <cstring>
#include <string_view>

#include "vm/gc/heap.h"
#include "vm/types/containers.h"
#include "vm/types/str.h"

namespace mp {

// Calls body(pointer to the code points) with the storage type of the string.
template <class Body>
auto with_width(const StrObject* s, Body&& body) {
  switch (s->width()) {
    case 1: return body(s->data8());
    case 2: return body(s->data16());
    default: return body(s->data32());
  }
}

inline int width_for(uint32_t max_or_mask) { return max_or_mask < 0x100 ? 1 : max_or_mask < 0x10000 ? 2 : 4; }

// An exact str, content to be filled in by the caller. The common case of allocate_str, inline.
inline StrObject* allocate_text(Thread& t, size_t length, int width, bool ascii) {
  if (length >= 4096) return allocate_str(t, length, width, ascii);
  size_t bytes = sizeof(StrObject) + length * static_cast<size_t>(width) + 1;
  auto* s = static_cast<StrObject*>(t.heap().allocate_object(t, t.types().str, bytes));
  if (s == nullptr) [[unlikely]] {
    (void)t.raise_memory_error();
    return nullptr;
  }
  s->hash.store(-1, std::memory_order_relaxed);
  s->length_and_width =
      static_cast<uint64_t>(length) << 8 | (ascii ? StrObject::kAsciiBit : 0) | static_cast<uint64_t>(width);
  return s;
}
inline StrObject* allocate_ascii(Thread& t, size_t length) { return allocate_text(t, length, 1, true); }

// memcpy without the call for the lengths that words and names have.
inline void copy_bytes(uint8_t* out, const uint8_t* in, size_t n) {
  if (n > 16) {
    std::memcpy(out, in, n);
  } else if (n >= 8) {
    uint64_t head, tail;
    std::memcpy(&head, in, 8);
    std::memcpy(&tail, in + n - 8, 8);
    std::memcpy(out, &head, 8);
    std::memcpy(out + n - 8, &tail, 8);
  } else if (n >= 4) {
    uint32_t head, tail;
    std::memcpy(&head, in, 4);
    std::memcpy(&tail, in + n - 4, 4);
    std::memcpy(out, &head, 4);
    std::memcpy(out + n - 4, &tail, 4);
  } else {
    for (size_t i = 0; i < n; ++i) out[i] = in[i];
  }
}

// OR of the units that tell ascii and the narrowest width.
uint32_t or_of(const uint8_t* data, size_t count);
uint32_t or_of(const uint16_t* data, size_t count);
uint32_t or_of(const uint32_t* data, size_t count);
bool all_ascii(const uint8_t* data, size_t count);

// Copies `count` code points of `s` from `begin` to `out`, whose units have `width` bytes (at least the
// string's own width).
void copy_code_points(void* out, int width, const StrObject* s, size_t begin, size_t count);
// A text that nobody has seen yet and whose storage may be wider than its characters need: that text in its
// one form. nullptr: no memory.
StrObject* str_narrowest(Thread& t, StrObject* made);
void write_code_point(void* out, int width, size_t index, uint32_t code_point);
void fill_code_points(void* out, int width, size_t begin, size_t count, uint32_t code_point);

inline const uint8_t* raw(std::string_view bytes) { return reinterpret_cast<const uint8_t*>(bytes.data()); }
inline bool is_space_byte(uint8_t c) { return c == ' ' || (c >= 9 && c <= 13); }

// Byte search in the style of memmem/memrmem; -1 when absent. The needle may be empty.
int64_t find_bytes(const uint8_t* hay, size_t hay_size, const uint8_t* needle, size_t needle_size);
int64_t rfind_bytes(const uint8_t* hay, size_t hay_size, const uint8_t* needle, size_t needle_size);
int64_t count_bytes(const uint8_t* hay, size_t hay_size, const uint8_t* needle, size_t needle_size,
                    int64_t limit);

// The seeded hash of str and bytes; never -1.
int64_t hash_bytes(const void* data, size_t size);

// The UTF-8 (WTF-8 for surrogates) of one code point at `p`; the end of it.
inline uint8_t* put_utf8(uint8_t* p, uint32_t c) {
  if (c < 0x80) {
    *p++ = static_cast<uint8_t>(c);
    return p;
  }
  if (c < 0x800) {
    *p++ = static_cast<uint8_t>(0xc0 | c >> 6);
  } else {
    if (c < 0x10000) {
      *p++ = static_cast<uint8_t>(0xe0 | c >> 12);
    } else {
      *p++ = static_cast<uint8_t>(0xf0 | c >> 18);
      *p++ = static_cast<uint8_t>(0x80 | (c >> 12 & 0x3f));
    }
    *p++ = static_cast<uint8_t>(0x80 | (c >> 6 & 0x3f));
  }
  *p++ = static_cast<uint8_t>(0x80 | (c & 0x3f));
  return p;
}
// How many bytes put_utf8 makes of the units.
template <class Unit>
size_t utf8_size(const Unit* data, size_t count) {
  size_t size = count;
  for (size_t i = 0; i < count; ++i) {
    uint32_t c = data[i];
    size +=
        static_cast<size_t>(c >= 0x80) + static_cast<size_t>(c >= 0x800) + static_cast<size_t>(c >= 0x10000);
  }
  return size;
}

// Appends one code point as UTF-8 (WTF-8 for surrogates).
void append_utf8_char(std::string& out, uint32_t c);
// Decodes one code point of trusted WTF-8; never reads past `end`.
uint32_t next_utf8(const uint8_t*& p, const uint8_t* end);

// begin/end arguments of find, index, count, startswith: ints, None or objects with __index__, clamped to
// 0..length. An absent argument is kEmpty or kNone. begin may exceed end.
Status clip_range(Thread& t, Value begin, Value end, size_t length, int64_t* from, int64_t* to);

}  // namespace mp

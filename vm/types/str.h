// StrObject: immutable text as code points of 1, 2 or 4 bytes (PEP 393's idea), hash cached, interning per
// runtime.
#pragma once
#include <atomic>
#include <string>
#include <string_view>

#include "vm/types/builtin_types.h"

namespace mp {

// A long string made by repeated `s += x` keeps its text in a growth buffer that its ancestors share (see
// str_concat): the text is then behind a pointer. Nobody but the accessors below needs to know.
struct StrGrowthBuffer {
  std::atomic<uint64_t> used{0};  // bytes taken by the longest string that lives in here
  uint64_t capacity = 0;
  uint8_t* bytes() { return reinterpret_cast<uint8_t*>(this + 1); }
};

struct StrObject : Object {
  std::atomic<int64_t> hash{-1};  // -1: not computed
  // length << 8 | ascii flag << 7 | in a growth buffer << 3 | bytes per code point (1, 2, 4: the narrowest
  // that fits)
  uint64_t length_and_width = 0;
  // The code points follow. A subclass instance keeps its attribute area after them (see instance_attrs).

  static constexpr uint64_t kAsciiBit = 128, kExternalBit = 8;
  size_t length() const { return length_and_width >> 8; }
  int width() const { return static_cast<int>(length_and_width & 7); }
  bool is_ascii() const { return (length_and_width & kAsciiBit) != 0; }
  bool is_external() const { return (length_and_width & kExternalBit) != 0; }
  // Only when is_external().
  StrGrowthBuffer* buffer() const { return *reinterpret_cast<StrGrowthBuffer* const*>(this + 1); }
  const uint8_t* data8() const {
    if (is_external()) [[unlikely]]
      return buffer()->bytes();
    return reinterpret_cast<const uint8_t*>(this + 1);
  }
  const uint16_t* data16() const { return reinterpret_cast<const uint16_t*>(data8()); }
  const uint32_t* data32() const { return reinterpret_cast<const uint32_t*>(data8()); }
  void* data() { return const_cast<uint8_t*>(data8()); }
  size_t byte_size() const { return length() * static_cast<size_t>(width()); }
  uint32_t at(size_t i) const {
    switch (width()) {
      case 1: return data8()[i];
      case 2: return data16()[i];
      default: return data32()[i];
    }
  }
  // Valid only when is_ascii().
  std::string_view ascii() const { return {reinterpret_cast<const char*>(data8()), length()}; }
};
static_assert(sizeof(StrObject) == 32);

// Makers. Text is UTF-8; surrogates in WTF-8 form (ED A0..BF xx) become lone surrogates. Invalid bytes must
// not occur (decode first). All return nullptr only with MemoryError raised where they take a Thread; string
// sizes over the limit raise MemoryError.
StrObject* make_str(Thread& t, std::string_view utf8);
StrObject* make_str_latin1(Thread& t, const uint8_t* data, size_t length);
StrObject* make_str_utf32(Thread& t, const uint32_t* data, size_t length);  // narrows
StrObject* make_str_char(Thread& t, uint32_t code_point);                   // cached for Latin-1
// Uninitialised content of the given width (fill it at once; the content must need that width).
StrObject* allocate_str(Thread& t, size_t length, int width, bool ascii);
// The same for an instance of str or of a subclass (`type`), with room for its attribute area.
StrObject* allocate_str_of(Thread& t, Type* type, size_t length, int width, bool ascii);
StrObject* empty_str(Thread& t);
// Makes the empty and the one-character strings; called by the bootstrap once the str type and the intern
// table exist.
void init_text(Thread& t);
// A maker's nullptr becomes the error it stands for: `return str_or_error(make_str(t, text));`
inline Result<Value> str_or_error(const Object* made) {
  if (made == nullptr) [[unlikely]]
    return Error{};
  return Value(made);
}
StrObject* intern(Thread& t, std::string_view utf8);
StrObject* intern(Thread& t, StrObject* str);  // exact str only; returns the canonical object
bool is_interned(const StrObject* str);

std::string to_utf8(const StrObject* str);  // lone surrogates as WTF-8; never fails. For messages and C++ use
void append_utf8(std::string& out, const StrObject* str);
bool str_equal_slow(const StrObject* a, const StrObject* b);
inline bool str_equal(const StrObject* a, const StrObject* b) {
  return a == b || (((a->length_and_width ^ b->length_and_width) & ~StrObject::kExternalBit) == 0 &&
                    str_equal_slow(a, b));
}
bool str_equal(const StrObject* a, std::string_view ascii);
int str_compare(const StrObject* a, const StrObject* b);  // <0, 0, >0 by code points
int64_t str_hash(StrObject* str);                         // never -1; seeded per process (PYTHONHASHSEED)
StrObject* str_concat(Thread& t, StrObject* a, StrObject* b);
StrObject* str_slice(Thread& t, StrObject* s, size_t begin, size_t end);
Result<Value> str_join(Thread& t, StrObject* separator, const Value* items,
                       size_t count);  // all must be str; raises CPython's TypeError
// Index of the first occurrence at or after begin, or -1.
int64_t str_find(const StrObject* text, const StrObject* part, size_t begin, size_t end);
int64_t str_rfind(const StrObject* text, const StrObject* part, size_t begin, size_t end);
int64_t str_count(const StrObject* text, const StrObject* part, size_t begin, size_t end, int64_t limit);

// str(v) of an exact str for a str subclass instance: the same text as a plain str.
StrObject* str_plain(Thread& t, StrObject* str);
StrObject* str_repeat(Thread& t, StrObject* str,
                      int64_t count);  // nullptr: MemoryError or OverflowError raised
StrObject* str_repr(Thread& t, StrObject* str, bool ascii_only = false);

// Builds a str piece by piece; widens as needed. Result of finish() is exact str.
class StrBuilder {
 public:
  explicit StrBuilder(Thread& t) : thread_(t) {}
  ~StrBuilder();
  StrBuilder(const StrBuilder&) = delete;
  StrBuilder& operator=(const StrBuilder&) = delete;
  void append(uint32_t code_point) {
    if (code_point < 256 && width_ == 1 && length_ < capacity_) [[likely]] {
      data_[length_++] = static_cast<uint8_t>(code_point);
      or_mask_ |= code_point;
    } else {
      append_slow(code_point);
    }
  }
  void append(const StrObject* str) { append(str, 0, str->length()); }
  void append(const StrObject* str, size_t begin, size_t end);
  void append(std::string_view utf8);
  void append(const char* utf8) { append(std::string_view(utf8)); }
  void append_ascii(std::string_view ascii);
  void append_latin1(const uint8_t* data, size_t count);
  void append_fill(uint32_t code_point, size_t count);
  size_t length() const { return length_; }
  bool empty() const { return length_ == 0; }
  uint32_t at(size_t i) const;
  void truncate(size_t length) {
    length_ = length;
  }  // must not cut below what made the text wide, or finish() scans again
  void clear() { length_ = 0, or_mask_ = 0, width_ = 1, capacity_ = byte_capacity_; }
  Result<Value> finish();   // raises MemoryError
  StrObject* finish_str();  // nullptr: MemoryError raised

 private:
  void append_slow(uint32_t code_point);
  bool reserve(
      size_t extra,
      uint32_t mask);  // room for `extra` more code points of at most that width; false when out of memory
  Thread& thread_;
  size_t length_ = 0;
  size_t capacity_ = kInlineBytes;  // in code points of the present width
  size_t byte_capacity_ = kInlineBytes;
  uint32_t or_mask_ = 0;  // of all code points so far: tells ascii, and the final width
  int width_ = 1;
  bool failed_ = false;
  static constexpr size_t kInlineBytes = 256;
  uint8_t* data_ = inline_;
  alignas(4) uint8_t inline_[kInlineBytes];
};

}  // namespace mp

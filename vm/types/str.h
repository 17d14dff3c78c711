// StrObject: immutable text as code points of 1, 2 or 4 bytes (PEP 393's idea), hash cached, interning per runtime.
#pragma once
#include <string>
#include <string_view>

#include "vm/types/builtin_types.h"

namespace mp {

struct StrObject : Object {
  std::atomic<int64_t> hash{-1};  // -1: not computed
  uint64_t length_and_width = 0;  // length << 8 | ascii flag << 7 | bytes per code point (1, 2, 4: the narrowest that fits)
  // The code points follow. A subclass instance keeps its attribute area after them (see instance_attrs).

  size_t length() const { return length_and_width >> 8; }
  int width() const { return static_cast<int>(length_and_width & 7); }
  bool is_ascii() const { return (length_and_width & 128) != 0; }
  const uint8_t* data8() const { return reinterpret_cast<const uint8_t*>(this + 1); }
  const uint16_t* data16() const { return reinterpret_cast<const uint16_t*>(this + 1); }
  const uint32_t* data32() const { return reinterpret_cast<const uint32_t*>(this + 1); }
  void* data() { return this + 1; }
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

// Makers. Text is UTF-8; surrogates in WTF-8 form (ED A0..BF xx) become lone surrogates. Invalid bytes must not occur (decode first).
// All return nullptr only with MemoryError raised where they take a Thread; string sizes over the limit raise MemoryError.
StrObject* make_str(Thread& t, std::string_view utf8);
StrObject* make_str_latin1(Thread& t, const uint8_t* data, size_t length);
StrObject* make_str_utf32(Thread& t, const uint32_t* data, size_t length);  // narrows
StrObject* make_str_char(Thread& t, uint32_t code_point);                   // cached for Latin-1
// Uninitialised content of the given width (fill it at once; the content must need that width).
StrObject* allocate_str(Thread& t, size_t length, int width, bool ascii);
StrObject* empty_str(Thread& t);
StrObject* intern(Thread& t, std::string_view utf8);
StrObject* intern(Thread& t, StrObject* str);  // exact str only; returns the canonical object
bool is_interned(const StrObject* str);

std::string to_utf8(const StrObject* str);  // lone surrogates as WTF-8; never fails. For messages and C++ use
void append_utf8(std::string& out, const StrObject* str);
bool str_equal(const StrObject* a, const StrObject* b);
bool str_equal(const StrObject* a, std::string_view ascii);
int str_compare(const StrObject* a, const StrObject* b);  // <0, 0, >0 by code points
int64_t str_hash(StrObject* str);                         // never -1; seeded per process (PYTHONHASHSEED)
StrObject* str_concat(Thread& t, StrObject* a, StrObject* b);
StrObject* str_slice(Thread& t, StrObject* s, size_t begin, size_t end);
Result<Value> str_join(Thread& t, StrObject* separator, const Value* items, size_t count);  // all must be str; raises CPython's TypeError
// Index of the first occurrence at or after begin, or -1.
int64_t str_find(const StrObject* text, const StrObject* part, size_t begin, size_t end);

// Builds a str piece by piece; widens as needed. Result of finish() is exact str.
class StrBuilder {
 public:
  explicit StrBuilder(Thread& t);
  void append(uint32_t code_point);
  void append(const StrObject* str) { append(str, 0, str->length()); }
  void append(const StrObject* str, size_t begin, size_t end);
  void append(std::string_view utf8);
  void append_fill(uint32_t code_point, size_t count);
  size_t length() const { return length_; }
  Result<Value> finish();  // raises MemoryError

 private:
  void grow(size_t extra, int width);
  Thread& thread_;
  std::string bytes_;  // code points of width_ bytes each
  size_t length_ = 0;
  int width_ = 1;
  uint32_t or_mask_ = 0;
};

}  // namespace mp

// The items of a pattern that take one character: literals, categories, sets. Part of sre_engine.cpp, which
// asks for each character of a text; others call matches_item(), for a file built for size must not leave its
// copy here.
#pragma once
#include "stdlib/native/sre_engine.h"
#include "vm/types/unicode.h"

namespace mp::sre {

inline bool ascii_word(uint32_t c) { return c < 128 && (unicode::is_alnum_ascii(c) || c == '_'); }
inline bool unicode_word(uint32_t c) { return c < 128 ? ascii_word(c) : unicode::is_alnum(c); }
inline bool ascii_space(uint32_t c) { return c == ' ' || c - 9 < 5u; }

inline bool in_category(uint32_t category, uint32_t c) {
  bool result;
  switch (category & ~1u) {
    case 0: result = c - '0' < 10u; break;
    case 2: result = ascii_space(c); break;
    case 4:
    case 8: result = ascii_word(c); break;
    case 6: result = c == '\n'; break;
    case 10: result = c < 128 ? c - '0' < 10u : unicode::decimal_value(c) >= 0; break;
    case 12: result = unicode::is_space(c); break;
    case 14: result = unicode_word(c); break;
    default: result = unicode::is_line_break(c); break;
  }
  return result != ((category & 1) != 0);
}

// The set at `set` up to its FAILURE.
inline bool in_set(const uint32_t* set, uint32_t c) {
  bool ok = true;
  for (;;) {
    switch (*set++) {
      case kFailure: return !ok;
      case kLiteral:
        if (c == *set++) return ok;
        break;
      case kCategory:
        if (in_category(*set++, c)) return ok;
        break;
      case kCharset:
        if (c < 256 && (set[c / 32] & (1u << (c & 31)))) return ok;
        set += 8;
        break;
      case kRange:
        if (set[0] <= c && c <= set[1]) return ok;
        set += 2;
        break;
      case kRangeUniIgnore: {
        if (set[0] <= c && c <= set[1]) return ok;
        uint32_t upper = unicode::to_upper(c);
        if (set[0] <= upper && upper <= set[1]) return ok;
        set += 2;
        break;
      }
      case kNegate: ok = !ok; break;
      case kBigCharset: {
        uint32_t count = *set++;
        if (c < 65536) {
          uint32_t block = reinterpret_cast<const uint8_t*>(set)[c >> 8];
          if (set[64 + (block * 256 + (c & 255)) / 32] & (1u << (c & 31))) return ok;
        }
        set += 64 + count * 8;
        break;
      }
      default: return false;
    }
  }
}

// Whether the one-character item at p takes c.
inline bool item_takes(const uint32_t* p, uint32_t c) {
  switch (*p) {
    case kAny: return c != '\n';
    case kAnyAll: return true;
    case kLiteral: return c == p[1];
    case kNotLiteral: return c != p[1];
    case kLiteralIgnore:
    case kLiteralLocIgnore: return lower_ascii(c) == p[1];
    case kNotLiteralIgnore:
    case kNotLiteralLocIgnore: return lower_ascii(c) != p[1];
    case kLiteralUniIgnore: return lower_unicode(c) == p[1];
    case kNotLiteralUniIgnore: return lower_unicode(c) != p[1];
    case kIn: return in_set(p + 2, c);
    case kInIgnore: return in_set(p + 2, lower_ascii(c));
    case kInLocIgnore:
      return in_set(p + 2, c) || in_set(p + 2, lower_ascii(c)) || in_set(p + 2, c - 'a' < 26u ? c - 32 : c);
    case kInUniIgnore: return in_set(p + 2, lower_unicode(c));
    case kCategory: return in_category(p[1], c);
    default: return false;
  }
}

}  // namespace mp::sre

#include "lang/unicode.h"

#include <utf8proc.h>

#include <cstdlib>

namespace mp::lang {

int decode_utf8(const char* at, uint32_t* code_point) {
  auto byte = [&](int i) { return static_cast<unsigned char>(at[i]); };
  auto tail = [&](int i) { return (byte(i) & 0xC0) == 0x80; };
  unsigned char first = byte(0);
  if (first < 0x80) {
    *code_point = first;
    return 1;
  }
  if (first >= 0xC2 && first < 0xE0 && tail(1)) {
    *code_point = (first & 0x1Fu) << 6 | (byte(1) & 0x3Fu);
    return 2;
  }
  if (first >= 0xE0 && first < 0xF0 && tail(1) && tail(2)) {
    uint32_t value = (first & 0x0Fu) << 12 | (byte(1) & 0x3Fu) << 6 | (byte(2) & 0x3Fu);
    if (value >= 0x800) {
      *code_point = value;
      return 3;
    }
  }
  if (first >= 0xF0 && first < 0xF5 && tail(1) && tail(2) && tail(3)) {
    uint32_t value =
        (first & 0x07u) << 18 | (byte(1) & 0x3Fu) << 12 | (byte(2) & 0x3Fu) << 6 | (byte(3) & 0x3Fu);
    if (value >= 0x10000 && value <= 0x10FFFF) {
      *code_point = value;
      return 4;
    }
  }
  *code_point = first;
  return 1;
}

void append_utf8(std::string* out, uint32_t c) {
  if (c < 0x80) {
    *out += static_cast<char>(c);
  } else if (c < 0x800) {
    *out += static_cast<char>(0xC0 | (c >> 6));
    *out += static_cast<char>(0x80 | (c & 0x3F));
  } else if (c < 0x10000) {
    *out += static_cast<char>(0xE0 | (c >> 12));
    *out += static_cast<char>(0x80 | ((c >> 6) & 0x3F));
    *out += static_cast<char>(0x80 | (c & 0x3F));
  } else {
    *out += static_cast<char>(0xF0 | (c >> 18));
    *out += static_cast<char>(0x80 | ((c >> 12) & 0x3F));
    *out += static_cast<char>(0x80 | ((c >> 6) & 0x3F));
    *out += static_cast<char>(0x80 | (c & 0x3F));
  }
}

namespace {

// XID_Start and XID_Continue from the general category, plus Unicode's Other_ID_* and minus what NFKC
// changes.
bool is_id_start(uint32_t c) {
  if (c < 0x80) return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
  switch (utf8proc_category(static_cast<utf8proc_int32_t>(c))) {
    case UTF8PROC_CATEGORY_LU:
    case UTF8PROC_CATEGORY_LL:
    case UTF8PROC_CATEGORY_LT:
    case UTF8PROC_CATEGORY_LM:
    case UTF8PROC_CATEGORY_LO:
    case UTF8PROC_CATEGORY_NL:
      // XID_Start leaves out: NFKC turns these into something that cannot start an identifier.
      return !(c == 0x037A || c == 0x0E33 || c == 0x0EB3 || c == 0x2E2F || (c >= 0xFC5E && c <= 0xFC63) ||
               c == 0xFDFA || c == 0xFDFB || c == 0xFE70 || c == 0xFE72 || c == 0xFE74 || c == 0xFE76 ||
               c == 0xFE78 || c == 0xFE7A || c == 0xFE7C || c == 0xFE7E || c == 0xFF9E || c == 0xFF9F);
    default: return c == 0x1885 || c == 0x1886 || c == 0x2118 || c == 0x212E;
  }
}

bool is_id_continue(uint32_t c) {
  if (is_id_start(c)) return true;
  if (c < 0x80) return c >= '0' && c <= '9';
  switch (utf8proc_category(static_cast<utf8proc_int32_t>(c))) {
    case UTF8PROC_CATEGORY_MN:
    case UTF8PROC_CATEGORY_MC:
    case UTF8PROC_CATEGORY_ND:
    case UTF8PROC_CATEGORY_PC: return true;
    default:
      return c == 0x00B7 || c == 0x0387 || (c >= 0x1369 && c <= 0x1371) || c == 0x19DA || c == 0x0E33 ||
             c == 0x0EB3 || c == 0xFF9E || c == 0xFF9F;
  }
}

}  // namespace

bool is_identifier(std::string_view text, size_t* bad) {
  for (size_t at = 0; at < text.size();) {
    uint32_t c = 0;
    int width = decode_utf8(text.data() + at, &c);
    if (!(at == 0 ? is_id_start(c) : is_id_continue(c))) {
      *bad = at;
      return false;
    }
    at += static_cast<size_t>(width);
  }
  return !text.empty();
}

std::string normalize_nfkc(std::string_view text) {
  utf8proc_uint8_t* out = nullptr;
  utf8proc_ssize_t size = utf8proc_map(
      reinterpret_cast<const utf8proc_uint8_t*>(text.data()), static_cast<utf8proc_ssize_t>(text.size()),
      &out, static_cast<utf8proc_option_t>(UTF8PROC_STABLE | UTF8PROC_COMPOSE | UTF8PROC_COMPAT));
  if (size < 0) return std::string(text);
  std::string result(reinterpret_cast<char*>(out), static_cast<size_t>(size));
  std::free(out);
  return result;
}

bool is_printable(uint32_t c) {
  if (c == ' ') return true;
  switch (utf8proc_category(static_cast<utf8proc_int32_t>(c))) {
    case UTF8PROC_CATEGORY_CC:
    case UTF8PROC_CATEGORY_CF:
    case UTF8PROC_CATEGORY_CS:
    case UTF8PROC_CATEGORY_CO:
    case UTF8PROC_CATEGORY_CN:
    case UTF8PROC_CATEGORY_ZL:
    case UTF8PROC_CATEGORY_ZP:
    case UTF8PROC_CATEGORY_ZS: return false;
    default: return true;
  }
}

size_t count_characters(std::string_view text, size_t begin, size_t end) {
  size_t count = 0;
  for (size_t i = begin; i < end && i < text.size(); ++i)
    count += (static_cast<unsigned char>(text[i]) & 0xC0) != 0x80;
  return count;
}

size_t find_invalid_utf8(std::string_view text, bool allow_surrogates) {
  size_t at = 0;
  while (at < text.size()) {
    unsigned char first = static_cast<unsigned char>(text[at]);
    if (first < 0x80) {
      ++at;
      continue;
    }
    char padded[5] = {};
    for (size_t i = 0; i < 4 && at + i < text.size(); ++i) padded[i] = text[at + i];
    uint32_t c = 0;
    int width = decode_utf8(padded, &c);
    if (width == 1 || (!allow_surrogates && c >= 0xD800 && c < 0xE000)) return at;
    at += static_cast<size_t>(width);
  }
  return std::string_view::npos;
}

}  // namespace mp::lang

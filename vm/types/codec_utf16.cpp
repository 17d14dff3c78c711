// UTF-16 and UTF-32, in both byte orders and with a byte order mark.
#include "vm/types/codec.h"
#include "vm/types/codec_errors.h"
#include "vm/types/str_internal.h"

namespace mp {

// What a byte order mark of `width` bytes at p says: -1 little-endian, 1 big-endian; 0: there is none.
static int marked_order(const uint8_t* p, int width) {
  if (read_unit(p, width, false) == 0xfeff) return -1;
  return read_unit(p, width, true) == 0xfeff ? 1 : 0;
}

Result<Value> decode_utf16(Thread& t, std::string_view data, std::string_view errors, int* byte_order,
                           size_t* consumed) {
  int order = byte_order != nullptr ? *byte_order : 0;
  size_t at = 0, n = data.size();
  const uint8_t* p = raw(data);
  if (order == 0 && n >= 2 && (order = marked_order(p, 2)) != 0) at = 2;
  bool big = order == 1;
  const char* encoding = big ? "utf-16-be" : "utf-16-le";
  StrBuilder out(t);
  while (at < n) {
    const char* reason = nullptr;
    size_t end = at + 2;
    if (n - at < 2) {
      if (consumed != nullptr) break;
      reason = "truncated data";
      end = n;
    } else {
      uint32_t c = read_unit(p + at, 2, big);
      if (c < 0xd800 || c > 0xdfff) {
        out.append(c);
        at += 2;
        continue;
      }
      if (c >= 0xdc00) {
        reason = "illegal encoding";
      } else if (n - at < 4) {
        if (consumed != nullptr) break;
        reason = "unexpected end of data";
        end = n;
      } else {
        uint32_t low = read_unit(p + at + 2, 2, big);
        if (low >= 0xdc00 && low <= 0xdfff) {
          out.append(0x10000 + ((c - 0xd800) << 10 | (low - 0xdc00)));
          at += 4;
          continue;
        }
        reason = "illegal UTF-16 surrogate";
      }
    }
    TRY(handle_decode_error(t, errors, encoding, data, at, end, reason, out, &at));
    p = raw(data);
    n = data.size();
  }
  if (consumed != nullptr) *consumed = at;
  if (byte_order != nullptr) *byte_order = order;
  return out.finish();
}

Result<Value> decode_utf32(Thread& t, std::string_view data, std::string_view errors, int* byte_order,
                           size_t* consumed) {
  int order = byte_order != nullptr ? *byte_order : 0;
  size_t at = 0, n = data.size();
  const uint8_t* p = raw(data);
  if (order == 0 && n >= 4 && (order = marked_order(p, 4)) != 0) at = 4;
  bool big = order == 1;
  const char* encoding = big ? "utf-32-be" : "utf-32-le";
  StrBuilder out(t);
  while (at < n) {
    const char* reason;
    size_t end = at + 4;
    if (n - at < 4) {
      if (consumed != nullptr) break;
      reason = "truncated data";
      end = n;
    } else {
      uint32_t c = read_unit(p + at, 4, big);
      if (c >= 0xd800 && c <= 0xdfff) {
        reason = "code point in surrogate code point range(0xd800, 0xe000)";
      } else if (c > 0x10ffff) {
        reason = "code point not in range(0x110000)";
      } else {
        out.append(c);
        at += 4;
        continue;
      }
    }
    TRY(handle_decode_error(t, errors, encoding, data, at, end, reason, out, &at));
    p = raw(data);
    n = data.size();
  }
  if (consumed != nullptr) *consumed = at;
  if (byte_order != nullptr) *byte_order = order;
  return out.finish();
}

static void append_code_point(std::string& out, uint32_t c, int width, bool big) {
  if (width == 2 && c >= 0x10000) {
    c -= 0x10000;
    append_unit(out, 0xd800 + (c >> 10), 2, big);
    append_unit(out, 0xdc00 + (c & 0x3ff), 2, big);
  } else {
    append_unit(out, c, width, big);
  }
}

static Status encode_units(Thread& t, StrObject* text, std::string_view errors, int order, int width,
                           const char* encoding, std::string& out) {
  bool big = order == 1;
  if (order == 0) append_unit(out, 0xfeff, width, false);
  size_t n = text->length();
  for (size_t i = 0; i < n;) {
    uint32_t c = text->at(i);
    if (c < 0xd800 || c > 0xdfff) {
      append_code_point(out, c, width, big);
      ++i;
      continue;
    }
    size_t end = i + 1;
    size_t position;
    Value replacement =
        TRY(call_encode_error(t, errors, encoding, text, i, end, "surrogates not allowed", &position));
    if (is_bytes(replacement)) {
      std::string_view piece = replacement.as<BytesObject>()->view();
      if (piece.size() % static_cast<size_t>(width) != 0)
        return raise_encode_error(t, encoding, text, i, end, "surrogates not allowed");
      out.append(piece);
    } else {
      auto* s = replacement.as<StrObject>();
      for (size_t k = 0; k < s->length(); ++k) {
        if (s->at(k) >= 0x80) return raise_encode_error(t, encoding, text, i, end, "surrogates not allowed");
        append_unit(out, s->at(k), width, big);
      }
    }
    i = position;
  }
  return {};
}

Status encode_utf16_to(Thread& t, StrObject* text, std::string_view errors, int order, std::string& out) {
  return encode_units(t, text, errors, order, 2,
                      order == 0  ? "utf-16"
                      : order < 0 ? "utf-16-le"
                                  : "utf-16-be",
                      out);
}
Status encode_utf32_to(Thread& t, StrObject* text, std::string_view errors, int order, std::string& out) {
  return encode_units(t, text, errors, order, 4,
                      order == 0  ? "utf-32"
                      : order < 0 ? "utf-32-le"
                                  : "utf-32-be",
                      out);
}

}  // namespace mp

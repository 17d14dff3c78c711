// UTF-7 (RFC 2152).
#include "vm/types/codec.h"
#include "vm/types/codec_errors.h"
#include "vm/types/str_internal.h"

namespace mp {

static const char kAlphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static int base64_value(uint8_t c) {
  if (c >= 'A' && c <= 'Z') return c - 'A';
  if (c >= 'a' && c <= 'z') return c - 'a' + 26;
  if (c >= '0' && c <= '9') return c - '0' + 52;
  return c == '+' ? 62 : c == '/' ? 63 : -1;
}

Result<Value> decode_utf7(Thread& t, std::string_view data, std::string_view errors, size_t* consumed) {
  StrBuilder out(t);
  size_t n = data.size(), at = 0, shift_start = 0, length_at_shift = 0;
  bool in_shift = false;
  uint32_t bits = 0, high = 0;
  int bit_count = 0;
  const char* reason = nullptr;
  size_t start = 0;
  for (;;) {
    if (at == n && reason == nullptr) {
      bool left = in_shift && (high != 0 || bit_count >= 6 || (bit_count > 0 && bits != 0));
      if (!left || consumed != nullptr) break;
      start = shift_start;
      reason = "unterminated shift sequence";
    }
    if (reason != nullptr) {
      TRY(handle_decode_error(t, errors, "utf7", data, start, at, reason, out, &at));
      n = data.size();
      reason = nullptr;
      in_shift = false;
      high = 0;
      continue;
    }
    auto c = static_cast<uint8_t>(data[at]);
    if (in_shift) {
      int value = base64_value(c);
      if (value >= 0) {
        bits = bits << 6 | static_cast<uint32_t>(value);
        bit_count += 6;
        ++at;
        if (bit_count < 16) continue;
        uint32_t unit = bits >> (bit_count - 16) & 0xffff;
        bit_count -= 16;
        bits &= (1u << bit_count) - 1;
        if (high != 0) {
          if (unit >= 0xdc00 && unit <= 0xdfff) {
            out.append(0x10000 + ((high - 0xd800) << 10 | (unit - 0xdc00)));
            high = 0;
            continue;
          }
          out.append(high);
          high = 0;
        }
        if (unit >= 0xd800 && unit <= 0xdbff)
          high = unit;
        else
          out.append(unit);
        continue;
      }
      in_shift = false;
      start = shift_start;
      if (bit_count >= 6) {
        ++at;
        reason = "partial character in base64 sequence";
        continue;
      }
      if (bit_count > 0 && bits != 0) {
        ++at;
        reason = "non-zero padding bits in base64 sequence";
        continue;
      }
      if (high != 0) {
        out.append(high);
        high = 0;
      }
      if (c == '-') ++at;
      continue;
    }
    if (c == '+') {
      shift_start = at++;
      length_at_shift = out.length();
      if (at < n && data[at] == '-') {
        ++at;
        out.append('+');
      } else if (at < n && base64_value(static_cast<uint8_t>(data[at])) < 0) {
        start = shift_start;
        ++at;
        reason = "ill-formed sequence";
      } else {
        in_shift = true;
        bits = 0;
        bit_count = 0;
        high = 0;
      }
      continue;
    }
    if (c < 0x80) {
      out.append(static_cast<uint32_t>(c));
      ++at;
      continue;
    }
    start = at++;
    reason = "unexpected special character";
  }
  if (consumed != nullptr) *consumed = n;
  if (in_shift && consumed != nullptr) {
    *consumed = shift_start;
    out.truncate(length_at_shift);
  }
  return out.finish();
}

Status encode_utf7_to(Thread&, StrObject* text, std::string& out) {
  static constexpr std::string_view kDirect = "'(),-./:? \t\n\r!\"#$%&*;<=>@[]^_`{|}";
  auto direct = [](uint32_t c) {
    return (c | 32) - 'a' < 26u || c - '0' < 10u ||
           (c < 128 && c != 0 && kDirect.find(static_cast<char>(c)) != kDirect.npos);
  };
  bool in_shift = false;
  uint32_t bits = 0;
  int bit_count = 0;
  auto put_unit = [&](uint32_t unit) {
    bits = bits << 16 | unit;
    bit_count += 16;
    while (bit_count >= 6) {
      bit_count -= 6;
      out.push_back(kAlphabet[bits >> bit_count & 63]);
    }
    bits &= (1u << bit_count) - 1;
  };
  auto leave = [&](uint32_t next, bool at_end) {
    if (bit_count > 0) out.push_back(kAlphabet[bits << (6 - bit_count) & 63]);
    bits = 0;
    bit_count = 0;
    in_shift = false;
    if (at_end || (next < 128 && base64_value(static_cast<uint8_t>(next)) >= 0) || next == '-')
      out.push_back('-');
  };
  for (size_t i = 0; i < text->length(); ++i) {
    uint32_t c = text->at(i);
    if (in_shift && direct(c)) leave(c, false);
    if (!in_shift) {
      if (direct(c)) {
        out.push_back(static_cast<char>(c));
        continue;
      }
      if (c == '+') {
        out += "+-";
        continue;
      }
      out.push_back('+');
      in_shift = true;
    }
    if (c >= 0x10000) {
      put_unit(0xd800 + ((c - 0x10000) >> 10));
      put_unit(0xdc00 + (c & 0x3ff));
    } else {
      put_unit(c);
    }
  }
  if (in_shift) leave(0, true);
  return {};
}

}  // namespace mp

// unicode_escape and raw_unicode_escape.
#include "vm/types/codec.h"
#include "vm/types/codec_errors.h"
#include "vm/types/exception.h"
#include "vm/types/str_internal.h"

namespace mp {

static int hex_digit(uint8_t c) {
  if (c >= '0' && c <= '9') return c - '0';
  c |= 32;
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

namespace {
// Reads `count` hex digits at `at`; the number actually read is in `*got`.
uint32_t read_hex(std::string_view data, size_t at, int count, int* got) {
  uint32_t c = 0;
  *got = 0;
  while (*got < count && at + static_cast<size_t>(*got) < data.size()) {
    int digit = hex_digit(static_cast<uint8_t>(data[at + static_cast<size_t>(*got)]));
    if (digit < 0) break;
    c = c << 4 | static_cast<uint32_t>(digit);
    ++*got;
  }
  return c;
}
}  // namespace

Result<Value> decode_unicode_escape(Thread& t, std::string_view data, std::string_view errors,
                                    size_t* consumed) {
  StrBuilder out(t);
  size_t n = data.size(), at = 0;
  int warned = -1;
  if (consumed != nullptr) *consumed = n;
  while (at < n) {
    auto c = static_cast<uint8_t>(data[at]);
    if (c != '\\') {
      out.append(static_cast<uint32_t>(c));
      ++at;
      continue;
    }
    size_t start = at++;
    const char* reason = "\\ at end of string";
    size_t end = n;
    if (at < n) {
      auto e = static_cast<uint8_t>(data[at++]);
      int count = 0;
      switch (e) {
        case '\n': continue;
        case '\\':
        case '\'':
        case '"': out.append(static_cast<uint32_t>(e)); continue;
        case 'b': out.append('\b'); continue;
        case 'f': out.append('\f'); continue;
        case 't': out.append('\t'); continue;
        case 'n': out.append('\n'); continue;
        case 'r': out.append('\r'); continue;
        case 'v': out.append('\v'); continue;
        case 'a': out.append('\a'); continue;
        case '0':
        case '1':
        case '2':
        case '3':
        case '4':
        case '5':
        case '6':
        case '7': {
          uint32_t value = e - '0';
          for (int i = 0; i < 2 && at < n && data[at] >= '0' && data[at] <= '7'; ++i)
            value = value * 8 + static_cast<uint32_t>(data[at++] - '0');
          if (value > 255 && warned < 0) warned = static_cast<int>(value);
          out.append(value);
          continue;
        }
        case 'x':
          count = 2;
          reason = "truncated \\xXX escape";
          break;
        case 'u':
          count = 4;
          reason = "truncated \\uXXXX escape";
          break;
        case 'U':
          count = 8;
          reason = "truncated \\UXXXXXXXX escape";
          break;
        case 'N': {
          reason = "malformed \\N character escape";
          size_t close = at < n && data[at] == '{' ? data.find('}', at) : std::string_view::npos;
          if (close == std::string_view::npos) {
            if (consumed != nullptr && (at >= n || data[at] == '{')) {
              *consumed = start;
              return out.finish();
            }
            end = at < n && data[at] == '{' ? n : at;
            break;
          }
          end = close + 1;
          if (close == at + 1) break;
          int64_t named = unicode_by_name(data.substr(at + 1, close - at - 1));
          if (named >= 0) {
            out.append(static_cast<uint32_t>(named));
            at = end;
            continue;
          }
          reason = "unknown Unicode character name";
          break;
        }
        default:
          if (warned < 0) warned = e;
          out.append('\\');
          out.append(static_cast<uint32_t>(e));
          continue;
      }
      if (count != 0) {
        int got;
        uint32_t value = read_hex(data, at, count, &got);
        end = at + static_cast<size_t>(got);
        if (got == count) {
          if (value <= 0x10ffff) {
            out.append(value);
            at = end;
            continue;
          }
          reason = "illegal Unicode character";
        } else if (consumed != nullptr && end == n) {
          *consumed = start;
          break;
        }
      }
    } else if (consumed != nullptr) {
      *consumed = start;
      break;
    }
    TRY(handle_decode_error(t, errors, "unicodeescape", data, start, end, reason, out, &at));
    n = data.size();
    if (consumed != nullptr) *consumed = n;
  }
  if (warned > 255) {
    TRY(warn(t, Exc::DeprecationWarning, fmt::format("invalid octal escape sequence '\\{:o}'", warned)));
  } else if (warned >= 0) {
    TRY(warn(t, Exc::DeprecationWarning,
             fmt::format("invalid escape sequence '\\{}'", static_cast<char>(warned))));
  }
  return out.finish();
}

Result<Value> decode_raw_unicode_escape(Thread& t, std::string_view data, std::string_view errors,
                                        size_t* consumed) {
  StrBuilder out(t);
  size_t n = data.size(), at = 0;
  if (consumed != nullptr) *consumed = n;
  while (at < n) {
    auto c = static_cast<uint8_t>(data[at]);
    if (c != '\\' || (at + 1 >= n && consumed == nullptr)) {
      out.append(static_cast<uint32_t>(c));
      ++at;
      continue;
    }
    size_t start = at;
    if (at + 1 >= n) {
      *consumed = start;
      break;
    }
    char e = data[at + 1];
    if (e != 'u' && e != 'U') {
      out.append('\\');
      out.append(static_cast<uint32_t>(static_cast<uint8_t>(e)));
      at += 2;
      continue;
    }
    int count = e == 'u' ? 4 : 8, got;
    uint32_t value = read_hex(data, at + 2, count, &got);
    size_t end = at + 2 + static_cast<size_t>(got);
    const char* reason = e == 'u' ? "truncated \\uXXXX escape" : "truncated \\UXXXXXXXX escape";
    if (got == count) {
      if (value <= 0x10ffff) {
        out.append(value);
        at = end;
        continue;
      }
      reason = "\\Uxxxxxxxx out of range";
    } else if (consumed != nullptr && end == n) {
      *consumed = start;
      break;
    }
    TRY(handle_decode_error(t, errors, "rawunicodeescape", data, start, end, reason, out, &at));
    n = data.size();
    if (consumed != nullptr) *consumed = n;
  }
  return out.finish();
}

Status encode_unicode_escape_to(Thread&, StrObject* text, std::string& out) {
  for (size_t i = 0; i < text->length(); ++i) {
    uint32_t c = text->at(i);
    if (c == '\\') {
      out += "\\\\";
    } else if (c >= 0x20 && c < 0x7f) {
      out.push_back(static_cast<char>(c));
    } else if (c == '\t') {
      out += "\\t";
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '\r') {
      out += "\\r";
    } else {
      out += backslash_escape(c);
    }
  }
  return {};
}

Status encode_raw_unicode_escape_to(Thread&, StrObject* text, std::string& out) {
  for (size_t i = 0; i < text->length(); ++i) {
    uint32_t c = text->at(i);
    if (c < 0x100)
      out.push_back(static_cast<char>(c));
    else
      out += backslash_escape(c);
  }
  return {};
}

}  // namespace mp

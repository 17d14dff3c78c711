// repr() and ascii() of str.
#include "vm/protocol/protocol.h"
#include "vm/types/runtime.h"
#include "vm/types/str_internal.h"
#include "vm/types/unicode.h"

namespace mp {

// What ascii() writes for `c` but for the quote.
static char* put_ascii(char* to, uint32_t c) {
  if (c >= 0x20 && c < 0x7f && c != '\\') {
    *to++ = static_cast<char>(c);
    return to;
  }
  *to++ = '\\';
  char letter = c == '\n' ? 'n' : c == '\r' ? 'r' : c == '\t' ? 't' : c == '\\' ? '\\' : '\0';
  if (letter != '\0') {
    *to++ = letter;
    return to;
  }
  *to++ = c < 0x100 ? 'x' : c < 0x10000 ? 'u' : 'U';
  for (int shift = c < 0x100 ? 4 : c < 0x10000 ? 12 : 28; shift >= 0; shift -= 4)
    *to++ = "0123456789abcdef"[c >> shift & 15];
  return to;
}
static constexpr size_t kLongestEscape = 10;
static void append_escape(StrBuilder& out, uint32_t c) {
  char text[kLongestEscape];
  out.append_ascii({text, put_ascii(text, c)});
}

StrObject* str_repr(Thread& t, StrObject* s, bool ascii_only) {
  size_t n = s->length();
  bool plain = true, single = false, has_double = false;
  with_width(s, [&](auto* data) {
    for (size_t i = 0; i < n; ++i) {
      uint32_t c = data[i];
      if (c == '\'') {
        single = true;
      } else if (c == '"') {
        has_double = true;
      } else if (c == '\\' || c < 0x20 || c >= 0x7f) {
        plain = false;
      }
    }
  });
  char quote = single && !has_double ? '"' : '\'';
  if (plain && (!single || quote == '"')) {
    StrObject* out = allocate_str(t, n + 2, 1, true);
    if (out == nullptr) return nullptr;
    auto* p = static_cast<uint8_t*>(out->data());
    p[0] = p[n + 1] = static_cast<uint8_t>(quote);
    std::memcpy(p + 1, s->data8(), n);
    return out;
  }
  StrBuilder out(t);
  out.append(static_cast<uint32_t>(quote));
  char room[256];
  char* to = room;
  for (size_t i = 0; ascii_only && i < n; ++i) {
    if (static_cast<size_t>(room + sizeof room - to) < 1 + kLongestEscape) {
      out.append_ascii({room, to});
      to = room;
    }
    uint32_t c = s->at(i);
    if (c == static_cast<uint32_t>(quote)) *to++ = '\\';
    to = put_ascii(to, c);
  }
  out.append_ascii({room, to});
  for (size_t i = 0; !ascii_only && i < n; ++i) {
    uint32_t c = s->at(i);
    if (c == static_cast<uint32_t>(quote)) out.append('\\');
    if (c >= 0x80 && unicode::is_printable(c))
      out.append(c);
    else if (c >= 0x20 && c < 0x7f && c != '\\')
      out.append(c);
    else
      append_escape(out, c);
  }
  out.append(static_cast<uint32_t>(quote));
  return out.finish_str();
}

Result<Value> ascii(Thread& t, Value v) {
  if (is_exact(v, t.types().str)) return str_or_error(str_repr(t, v.as<StrObject>(), true));
  Value text = TRY(repr(t, v));
  auto* s = text.as<StrObject>();
  if (s->is_ascii()) return text;
  StrBuilder out(t);
  for (size_t i = 0; i < s->length(); ++i) {
    uint32_t c = s->at(i);
    if (c < 0x80)
      out.append(c);
    else
      append_escape(out, c);
  }
  return out.finish();
}

}  // namespace mp

// repr() and ascii() of str.
#include "vm/protocol/protocol.h"
#include "vm/types/runtime.h"
#include "vm/types/str_internal.h"
#include "vm/types/unicode.h"

namespace mp {

// As \xNN, \uNNNN or \UNNNNNNNN.
static void append_escape(StrBuilder& out, uint32_t c) {
  int digits = c < 0x100 ? 2 : c < 0x10000 ? 4 : 8;
  char text[12] = {'\\', c < 0x100 ? 'x' : c < 0x10000 ? 'u' : 'U'};
  for (int i = 0; i < digits; ++i) text[2 + i] = "0123456789abcdef"[c >> 4 * (digits - 1 - i) & 15];
  out.append_ascii({text, static_cast<size_t>(2 + digits)});
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
  for (size_t i = 0; i < n; ++i) {
    uint32_t c = s->at(i);
    if (c == static_cast<uint32_t>(quote) || c == '\\') {
      out.append('\\');
      out.append(c);
    } else if (c >= 0x20 && c < 0x7f) {
      out.append(c);
    } else if (c == '\n') {
      out.append_ascii("\\n");
    } else if (c == '\r') {
      out.append_ascii("\\r");
    } else if (c == '\t') {
      out.append_ascii("\\t");
    } else if (c >= 0x80 && !ascii_only && unicode::is_printable(c)) {
      out.append(c);
    } else {
      append_escape(out, c);
    }
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

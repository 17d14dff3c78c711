// Values of Unicode decimal digits. utf8proc knows the category Nd but not the value: digits come in runs of
// ten, zero first.
#include <utf8proc.h>

#include "vm/types/number_convert.h"

namespace mp {

int decimal_digit(uint32_t code_point) {
  if (code_point < 128)
    return code_point >= '0' && code_point <= '9' ? static_cast<int>(code_point - '0') : -1;
  auto is_nd = [](uint32_t c) {
    return utf8proc_category(static_cast<utf8proc_int32_t>(c)) == UTF8PROC_CATEGORY_ND;
  };
  if (!is_nd(code_point)) return -1;
  uint32_t first = code_point;  // start of the whole run; runs of several decades (mathematical digits) begin
                                // with a zero too
  while (is_nd(first - 1)) --first;
  return static_cast<int>((code_point - first) % 10);
}

std::string number_text(StrObject* s) {
  if (s->is_ascii()) return std::string(s->ascii());
  std::string text;
  text.reserve(s->length());
  for (size_t i = 0; i < s->length(); ++i) {
    uint32_t c = s->at(i);
    if (c < 128) {
      text += static_cast<char>(c);
    } else if (int digit = decimal_digit(c); digit >= 0) {
      text += static_cast<char>('0' + digit);
    } else {
      bool space = c == 0x85 || c == 0xa0 || c == 0x1680 || (c >= 0x2000 && c <= 0x200a) || c == 0x2028 ||
                   c == 0x2029 || c == 0x202f || c == 0x205f || c == 0x3000;
      text += space ? ' ' : '\x01';
    }
  }
  return text;
}

}  // namespace mp

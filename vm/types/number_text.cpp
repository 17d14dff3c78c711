#include "vm/types/number_convert.h"
#include "vm/types/unicode.h"

namespace mp {

std::string number_text(StrObject* s) {
  if (s->is_ascii()) return std::string(s->ascii());
  std::string text;
  text.reserve(s->length());
  for (size_t i = 0; i < s->length(); ++i) {
    uint32_t c = s->at(i);
    if (c < 128)
      text += static_cast<char>(c);
    else if (int digit = unicode::decimal_value(c); digit >= 0)
      text += static_cast<char>('0' + digit);
    else
      text += unicode::is_space(c) ? ' ' : '\x01';
  }
  return text;
}

}  // namespace mp

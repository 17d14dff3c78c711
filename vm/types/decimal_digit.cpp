// Values of Unicode decimal digits. utf8proc knows the category Nd but not the value: digits come in runs of
// ten, zero first.
#include <utf8proc.h>

#include "vm/types/number.h"

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

}  // namespace mp

// What the codec files share about errors: handler names, the form of UTF encodings, escapes. Not for other
// parts.
#pragma once
#include <string>
#include <string_view>

#include "vm/types/str.h"

namespace mp {

enum class ErrorHandler : uint8_t {
  Strict,
  Ignore,
  Replace,
  BackslashReplace,
  XmlCharRefReplace,
  NameReplace,
  SurrogateEscape,
  SurrogatePass,
  Other
};
ErrorHandler error_handler_by_name(std::string_view name);

Error raise_decode_error(Thread& t, const char* encoding, std::string_view data, size_t start, size_t end,
                         const char* reason);
Error raise_encode_error(Thread& t, const char* encoding, StrObject* text, size_t start, size_t end,
                         const char* reason);

struct UtfForm {
  int width = 0;  // bytes per unit; 0: not a UTF
  bool big_endian = false;
};
UtfForm utf_form(std::string_view encoding);
void append_unit(std::string& out, uint32_t unit, int width, bool big_endian);
uint32_t read_unit(const uint8_t* p, int width, bool big_endian);
int64_t passed_surrogate(std::string_view encoding, std::string_view data, size_t start, size_t* length);

std::string backslash_escape(uint32_t c);  // "\\xe9"
std::string name_escape(uint32_t c);       // "\\N{...}" or the above
// The Unicode name of a character, empty when unknown; and the character of a name, or -1.
// vm/types/unicode_names.cpp
std::string unicode_name(uint32_t c);
int64_t unicode_by_name(std::string_view name);

}  // namespace mp

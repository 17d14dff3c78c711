// Formatting: the format mini-language and %-formatting. It knows int, float, complex and str.
#pragma once
#include <string>
#include <string_view>

#include "vm/types/containers.h"

namespace mp {

// `text % arguments`.
Result<Value> str_percent_format(Thread& t, StrObject* text, Value arguments);
// The same for bytes and bytearray; gives the raw result.
Status bytes_percent_format(Thread& t, std::string_view format, Value arguments, std::string& out);

// str.__format__; `spec` is a str. Those of the numbers are declared in number.h.
Result<Value> format_str(Thread& t, StrObject* text, StrObject* spec);

// The parsed mini-language: [[fill]align][sign][z][#][0][width][grouping][.precision][type]
struct FormatSpec {
  uint32_t fill = ' ';
  char align = '<';
  char sign = 0;
  char grouping = 0;  // ',' or '_' or 0
  bool align_given = false, alternate = false, no_negative_zero = false;
  int group_size = 3;
  int64_t width = -1, precision = -1;
  uint32_t type = 0;
};
// `type_of_object` is for the messages.
Result<FormatSpec> parse_format_spec(Thread& t, StrObject* spec, char default_type, char default_align,
                                     std::string_view type_of_object);
Error unknown_format_code(Thread& t, uint32_t code, std::string_view type_of_object);

// str.format and str.format_map.
Result<Value> str_format(Thread& t, StrObject* text, const CallArgs& args);

// A double as C's %e %f %g with `precision` digits, exactly rounded; 'r' is the shortest repr. Flags: '#'
// keeps the point and trailing zeros.
std::string format_double(double value, char code, int precision, bool alternate, bool add_dot_zero);

}  // namespace mp

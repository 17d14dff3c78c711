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

// __format__ of the builtin types. `spec` is a str.
Result<Value> format_str(Thread& t, StrObject* text, StrObject* spec);
Result<Value> format_int(Thread& t, Value any_int, StrObject* spec);
Result<Value> format_float(Thread& t, double value, StrObject* spec, Value original);
Result<Value> format_complex(Thread& t, double real, double imag, StrObject* spec);

// str.format and str.format_map.
Result<Value> str_format(Thread& t, StrObject* text, CallArgs args);

// A double as C's %e %f %g with `precision` digits, exactly rounded; 'r' is the shortest repr. Flags: '#'
// keeps the point and trailing zeros.
std::string format_double(double value, char code, int precision, bool alternate, bool add_dot_zero);

}  // namespace mp

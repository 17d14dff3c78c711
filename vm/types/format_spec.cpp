// The format mini-language: parsing it, and applying it to str.
#include <algorithm>

#include "vm/os/memory.h"
#include "vm/types/number.h"
#include "vm/types/str_internal.h"
#include "vm/types/text_format.h"
#include "vm/types/type.h"
#include "vm/types/unicode.h"

namespace mp {

Error unknown_format_code(Thread& t, uint32_t code, std::string_view type) {
  if (code > 32 && code < 128) {
    return t.raise(Exc::ValueError, "Unknown format code '{}' for object of type '{}'",
                   static_cast<char>(code), type);
  }
  return t.raise(Exc::ValueError, "Unknown format code '\\x{:x}' for object of type '{}'", code, type);
}

// Digits at `at`: the value, or -1 when there are none; -2 when it overflows.
static int64_t parse_digits(const StrObject* s, size_t& at) {
  int64_t value = -1;
  while (at < s->length()) {
    int digit = unicode::decimal_value(s->at(at));
    if (digit < 0) break;
    if (value < 0) value = 0;
    if (value > (INT64_MAX - digit) / 10) return -2;
    value = value * 10 + digit;
    ++at;
  }
  return value;
}

Result<FormatSpec> parse_format_spec(Thread& t, StrObject* s, char default_type, char default_align,
                                     std::string_view type) {
  FormatSpec f;
  f.align = default_align;
  f.type = static_cast<uint32_t>(default_type);
  size_t at = 0, n = s->length();
  auto is_align = [](uint32_t c) { return c == '<' || c == '>' || c == '=' || c == '^'; };
  auto peek = [&](uint32_t c) { return at < n && s->at(at) == c; };
  bool fill_given = false;
  if (n >= 2 && is_align(s->at(1))) {
    f.fill = s->at(0);
    f.align = static_cast<char>(s->at(1));
    fill_given = f.align_given = true;
    at = 2;
  } else if (n >= 1 && is_align(s->at(0))) {
    f.align = static_cast<char>(s->at(0));
    f.align_given = true;
    at = 1;
  }
  if (peek(' ') || peek('+') || peek('-')) f.sign = static_cast<char>(s->at(at++));
  if (peek('z')) f.no_negative_zero = true, ++at;
  if (peek('#')) f.alternate = true, ++at;
  if (!fill_given && peek('0')) {
    f.fill = '0';
    if (!f.align_given && default_align == '>') f.align = '=';
    ++at;
  }
  f.width = parse_digits(s, at);
  if (f.width == -2) return t.raise(Exc::ValueError, "Too many decimal digits in format string");
  if (f.width > 0 && !os::has_room(2 * static_cast<size_t>(f.width))) return t.raise_memory_error();
  if (peek(',')) f.grouping = ',', ++at;
  if (peek('_')) {
    if (f.grouping != 0) return t.raise(Exc::ValueError, "Cannot specify both ',' and '_'.");
    f.grouping = '_';
    ++at;
  }
  if (peek(',') && f.grouping == '_') return t.raise(Exc::ValueError, "Cannot specify both ',' and '_'.");
  if (peek('.')) {
    ++at;
    f.precision = parse_digits(s, at);
    if (f.precision == -2) return t.raise(Exc::ValueError, "Too many decimal digits in format string");
    if (f.precision < 0) return t.raise(Exc::ValueError, "Format specifier missing precision");
  }
  if (n - at > 1) {
    return t.raise(Exc::ValueError, "Invalid format specifier '{}' for object of type '{}'", to_utf8(s),
                   type);
  }
  if (at < n) f.type = s->at(at);
  if (f.grouping != 0) {
    switch (f.type) {
      case 'd':
      case 'e':
      case 'f':
      case 'g':
      case 'E':
      case 'G':
      case '%':
      case 'F':
      case 0: break;
      case 'b':
      case 'o':
      case 'x':
      case 'X':
        if (f.grouping == '_') {
          f.group_size = 4;
          break;
        }
        [[fallthrough]];
      default:
        if (f.type > 32 && f.type < 128) {
          return t.raise(Exc::ValueError, "Cannot specify '{}' with '{}'.", f.grouping,
                         static_cast<char>(f.type));
        }
        return t.raise(Exc::ValueError, "Cannot specify '{}' with '\\x{:x}'.", f.grouping, f.type);
    }
  }
  return f;
}

Result<Value> format_str(Thread& t, StrObject* text, StrObject* spec) {
  if (spec->length() == 0) return str_or_error(str_plain(t, text));
  std::string type = text->type() == t.types().str ? "str" : type_name(text->type());
  FormatSpec f = TRY(parse_format_spec(t, spec, 's', '<', type));
  if (f.type != 's') return unknown_format_code(t, f.type, type);
  if (f.sign == ' ') return t.raise(Exc::ValueError, "Space not allowed in string format specifier");
  if (f.sign != 0) return t.raise(Exc::ValueError, "Sign not allowed in string format specifier");
  if (f.no_negative_zero) {
    return t.raise(Exc::ValueError, "Negative zero coercion (z) not allowed in string format specifier");
  }
  if (f.alternate)
    return t.raise(Exc::ValueError, "Alternate form (#) not allowed in string format specifier");
  if (f.align == '=') return t.raise(Exc::ValueError, "'=' alignment not allowed in string format specifier");
  auto length = static_cast<int64_t>(text->length());
  if (f.precision >= 0) length = std::min(length, f.precision);
  if (f.width <= length) return str_or_error(str_slice(t, text, 0, static_cast<size_t>(length)));
  int64_t margin = f.width - length;
  int64_t left = f.align == '>' ? margin : f.align == '^' ? margin / 2 : 0;
  StrBuilder out(t);
  out.append_fill(f.fill, static_cast<size_t>(left));
  out.append(text, 0, static_cast<size_t>(length));
  out.append_fill(f.fill, static_cast<size_t>(margin - left));
  return out.finish();
}

}  // namespace mp

// __format__ of int, float and complex: digits, signs, grouping, padding.
#include <algorithm>
#include <bit>
#include <climits>
#include <cmath>
#include <optional>

#include "vm/os/memory.h"
#include "vm/protocol/protocol.h"
#include "vm/types/locale.h"
#include "vm/types/number.h"
#include "vm/types/str_internal.h"
#include "vm/types/text_format.h"
#include "vm/types/type.h"

namespace mp {

// ---------------------------------------------------------------- doubles

// %g by hand, because Python's rule for "add .0" moves the switch to exponents by one.
static std::string format_general(double value, int precision, bool alternate, bool add_dot_zero) {
  if (precision == 0) precision = 1;
  std::string text(static_cast<size_t>(precision) + 32, 0);
  int length = std::snprintf(text.data(), text.size(), "%.*e", precision - 1, value);
  text.resize(static_cast<size_t>(length));
  std::string out;
  size_t at = 0;
  if (text[0] == '-') {
    out.push_back('-');
    at = 1;
  }
  size_t e = text.rfind('e');
  int exponent = std::atoi(text.c_str() + e + 1);
  std::string digits(1, text[at]);
  if (at + 2 < e) digits.append(text, at + 2, e - at - 2);
  if (!alternate)
    while (digits.size() > 1 && digits.back() == '0') digits.pop_back();
  int point = exponent + 1;
  bool use_exponent = point <= -4 || point > precision - (add_dot_zero ? 1 : 0);
  auto count = static_cast<int>(digits.size());
  if (use_exponent) {
    out.push_back(digits[0]);
    if (count > 1 || alternate) out.push_back('.');
    out.append(digits, 1);
    out += fmt::format("e{}{:02d}", exponent < 0 ? '-' : '+', std::abs(exponent));
    return out;
  }
  if (point <= 0) {
    out += "0.";
    out.append(static_cast<size_t>(-point), '0');
    out += digits;
  } else if (count <= point) {
    out += digits;
    out.append(static_cast<size_t>(point - count), '0');
    if (add_dot_zero)
      out += ".0";
    else if (alternate)
      out.push_back('.');
  } else {
    out.append(digits, 0, static_cast<size_t>(point));
    out.push_back('.');
    out.append(digits, static_cast<size_t>(point));
  }
  return out;
}

// %.Nf by integer arithmetic: value * 10^N is m * 10^N / 2^k, exactly, in 128 bits. False where that does not
// fit.
static bool format_fixed_fast(double value, int precision, std::string& out) {
  static constexpr uint64_t kPowers[] = {1,           10,           100,          1000,      10000,
                                         100000,      1000000,      10000000,     100000000, 1000000000,
                                         10000000000, 100000000000, 1000000000000};
  if (precision > 12 || !(std::fabs(value) < 1e15)) return false;
  auto bits = std::bit_cast<uint64_t>(value);
  bool negative = bits >> 63 != 0;
  int exponent = static_cast<int>(bits >> 52 & 0x7ff);
  uint64_t mantissa = bits & ((uint64_t{1} << 52) - 1);
  if (exponent != 0)
    mantissa |= uint64_t{1} << 52;
  else
    exponent = 1;
  int shift = 1075 - exponent;  // value = mantissa / 2^shift; positive as the value is below 2^52
  unsigned __int128 scaled = static_cast<unsigned __int128>(mantissa) * kPowers[precision];
  uint64_t digits;
  if (shift <= 0) {
    scaled <<= -shift;
    if (scaled >> 64 != 0) return false;
    digits = static_cast<uint64_t>(scaled);
  } else if (shift > 126) {
    digits = 0;  // below half a unit of the last place
  } else {
    unsigned __int128 quotient = scaled >> shift, half = static_cast<unsigned __int128>(1) << (shift - 1);
    unsigned __int128 remainder = scaled & ((half << 1) - 1);
    if (remainder > half || (remainder == half && (quotient & 1) != 0)) ++quotient;
    if (quotient >> 64 != 0) return false;
    digits = static_cast<uint64_t>(quotient);
  }
  char buffer[40];
  char* p = buffer + sizeof buffer;
  for (int i = 0; i < precision; ++i) {
    *--p = static_cast<char>('0' + digits % 10);
    digits /= 10;
  }
  if (precision > 0) *--p = '.';
  do {
    *--p = static_cast<char>('0' + digits % 10);
    digits /= 10;
  } while (digits != 0);
  if (negative) *--p = '-';
  out.assign(p, static_cast<size_t>(buffer + sizeof buffer - p));
  return true;
}

std::string format_double(double value, char code, int precision, bool alternate, bool add_dot_zero) {
  bool upper = code == 'E' || code == 'F' || code == 'G';
  std::string out;
  if (!std::isfinite(value)) {
    out = std::isnan(value) ? "nan" : value < 0 ? "-inf" : "inf";
  } else if (code == 'r') {
    out = float_repr(value);
    bool has_exponent = out.find('e') != std::string::npos;
    if (!add_dot_zero && !has_exponent && out.size() > 2 && out.compare(out.size() - 2, 2, ".0") == 0) {
      out.resize(out.size() - (alternate ? 1 : 2));
    }
    if (alternate && has_exponent && out.find('.') == std::string::npos) out.insert(out.find('e'), ".");
  } else if (code == 'g' || code == 'G') {
    out = format_general(value, precision, alternate, add_dot_zero);
  } else if ((code | 32) == 'f' && !alternate && format_fixed_fast(value, precision, out)) {
    return out;
  } else {
    char pattern[8] = {'%', '.', '*', (code | 32) == 'e' ? 'e' : 'f', 0};
    if (alternate) std::snprintf(pattern, sizeof pattern, "%%#.*%c", (code | 32) == 'e' ? 'e' : 'f');
    char small[128];
    int length = std::snprintf(small, sizeof small, pattern, precision, value);
    if (static_cast<size_t>(length) < sizeof small) {
      out.assign(small, static_cast<size_t>(length));
    } else {
      out.resize(static_cast<size_t>(length) + 1);
      std::snprintf(out.data(), out.size(), pattern, precision, value);
      out.resize(static_cast<size_t>(length));
    }
  }
  if (upper)
    for (char& c : out)
      if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 32);
  return out;
}

// ---------------------------------------------------------------- layout

// Groups `digits` from the right and pads with zeros to at least `min_width` columns. `sizes` are those of
// the groups from the right, the last of which repeats; CHAR_MAX ends the grouping, as in localeconv(3).
static std::string group_digits(std::string_view digits, int64_t min_width, char separator,
                                std::string_view sizes) {
  std::string reversed;
  size_t index = 0;
  auto remaining = static_cast<int64_t>(digits.size());
  bool first = true;
  for (;;) {
    int64_t group = sizes[std::min(index++, sizes.size() - 1)];
    int64_t take = separator == 0 || group == CHAR_MAX || group == -1
                       ? std::max<int64_t>(std::max(remaining, min_width), 1)
                       : std::min<int64_t>(group, std::max<int64_t>(std::max(remaining, min_width), 1));
    int64_t zeros = std::max<int64_t>(0, take - remaining), used = std::min(remaining, take);
    if (!first) reversed.push_back(separator);
    first = false;
    for (int64_t i = 0; i < used; ++i) reversed.push_back(digits[static_cast<size_t>(remaining - 1 - i)]);
    reversed.append(static_cast<size_t>(zeros), '0');
    remaining -= used;
    min_width -= take;
    if (remaining <= 0 && min_width <= 0) break;
    min_width -= 1;
  }
  std::reverse(reversed.begin(), reversed.end());
  return reversed;
}

// A number taken apart: sign, prefix ("0x"), integer digits, the rest (".5e+10", "inf", "%").
struct NumberParts {
  bool negative = false;
  std::string_view prefix, digits, rest;
};

// `local` are the conventions of the type 'n'.
static void append_number(StrBuilder& out, const FormatSpec& f, const NumberParts& parts,
                          const NumericConventions* local = nullptr) {
  char sign = parts.negative ? '-' : f.sign == '+' ? '+' : f.sign == ' ' ? ' ' : 0;
  auto fixed = static_cast<int64_t>((sign != 0 ? 1 : 0) + parts.prefix.size() + parts.rest.size());
  int64_t min_digits = f.fill == '0' && f.align == '=' ? f.width - fixed : 0;
  std::string grouped;
  std::string_view digits = parts.digits;
  if (local != nullptr && !digits.empty() && !local->thousands_separator.empty() &&
      !local->grouping.empty()) {
    grouped = group_digits(digits, min_digits, ',', local->grouping);
    digits = grouped;
  } else if (!digits.empty() && (f.grouping != 0 || min_digits > static_cast<int64_t>(digits.size()))) {
    const auto size = static_cast<char>(f.group_size);
    grouped = group_digits(digits, min_digits, f.grouping, {&size, 1});
    digits = grouped;
  }
  int64_t margin = std::max<int64_t>(0, f.width - fixed - static_cast<int64_t>(digits.size()));
  int64_t left = 0, middle = 0;
  switch (f.align) {
    case '>': left = margin; break;
    case '^': left = margin / 2; break;
    case '=': middle = margin; break;
    default: break;
  }
  out.append_fill(f.fill, static_cast<size_t>(left));
  if (sign != 0) out.append(static_cast<uint32_t>(sign));
  out.append_ascii(parts.prefix);
  out.append_fill(f.fill, static_cast<size_t>(middle));
  if (local == nullptr) {
    out.append_ascii(digits);
    out.append_ascii(parts.rest);
  } else {
    for (char c : digits)
      if (c == ',')
        out.append(std::string_view(local->thousands_separator));
      else
        out.append(static_cast<uint32_t>(c));
    bool point = parts.rest.starts_with('.');
    if (point) out.append(std::string_view(local->decimal_point));
    out.append_ascii(parts.rest.substr(point ? 1 : 0));
  }
  out.append_fill(f.fill, static_cast<size_t>(margin - left - middle));
}

// What 'n' writes differently in the runtime's locale; nothing in one like "C".
static std::optional<NumericConventions> conventions_of(Thread& t, const FormatSpec& f) {
  if (f.type != 'n') return std::nullopt;
  NumericConventions conventions = numeric_conventions(t);
  if (conventions.is_plain()) return std::nullopt;
  return conventions;
}

static NumberParts split_number(std::string_view text) {
  NumberParts parts;
  if (!text.empty() && text[0] == '-') {
    parts.negative = true;
    text.remove_prefix(1);
  }
  size_t n = 0;
  while (n < text.size() && text[n] >= '0' && text[n] <= '9') ++n;
  parts.digits = text.substr(0, n);
  parts.rest = text.substr(n);
  return parts;
}

static bool is_zero_text(std::string_view text) {
  for (char c : text) {
    if (c == 'e' || c == 'E') break;
    if (c >= '1' && c <= '9') return false;
    if (c == 'n' || c == 'i' || c == 'N' || c == 'I') return false;
  }
  return true;
}

static Status check_precision(Thread& t, const FormatSpec& f) {
  if (f.precision > INT32_MAX) return t.raise(Exc::ValueError, "precision too big");
  if (f.precision > 0 && !os::has_room(3 * static_cast<size_t>(f.precision))) return t.raise_memory_error();
  return {};
}

static Result<Value> format_double_spec(Thread& t, double value, FormatSpec f, std::string_view type) {
  TRY(check_precision(t, f));
  char code;
  bool percent = false, add_dot_zero = false;
  int precision = 6;
  switch (f.type) {
    case 0:
      code = 'r';
      add_dot_zero = true;
      precision = 0;
      break;
    case 'n': code = 'g'; break;
    case '%':
      code = 'f';
      percent = true;
      value *= 100;
      break;
    case 'e':
    case 'E':
    case 'f':
    case 'F':
    case 'g':
    case 'G': code = static_cast<char>(f.type); break;
    default: return unknown_format_code(t, f.type, type);
  }
  if (f.precision >= 0) {
    precision = static_cast<int>(f.precision);
    if (code == 'r') code = 'g';
  }
  std::string text = format_double(value, code, precision, f.alternate, add_dot_zero);
  if (percent) text.push_back('%');
  NumberParts parts = split_number(text);
  if (f.no_negative_zero && parts.negative && is_zero_text(text)) parts.negative = false;
  StrBuilder out(t);
  std::optional<NumericConventions> local = conventions_of(t, f);
  append_number(out, f, parts, local ? &*local : nullptr);
  return out.finish();
}

Result<Value> format_float(Thread& t, double value, StrObject* spec) {
  if (spec->length() == 0) return str_or_error(make_str(t, float_repr(value)));
  FormatSpec f = TRY(parse_format_spec(t, spec, 0, '>', "float"));
  return format_double_spec(t, value, f, "float");
}

// ---------------------------------------------------------------- int

Result<Value> format_int(Thread& t, Value v, StrObject* spec) {
  if (spec->length() == 0) return str(t, v);
  std::string type = v.is_int() ? "int" : type_name(t, v);
  FormatSpec f = TRY(parse_format_spec(t, spec, 'd', '>', type));
  int base = 10;
  std::string_view prefix;
  switch (f.type) {
    case 'd':
    case 'n': break;
    case 'b': base = 2, prefix = "0b"; break;
    case 'o': base = 8, prefix = "0o"; break;
    case 'x': base = 16, prefix = "0x"; break;
    case 'X': base = 16, prefix = "0X"; break;
    case 'c': break;
    case 'e':
    case 'E':
    case 'f':
    case 'F':
    case 'g':
    case 'G':
    case '%': return format_double_spec(t, TRY(to_double(t, int_plain(t, v))), f, type);
    default: return unknown_format_code(t, f.type, type);
  }
  if (f.precision >= 0) return t.raise(Exc::ValueError, "Precision not allowed in integer format specifier");
  if (f.no_negative_zero) {
    return t.raise(Exc::ValueError, "Negative zero coercion (z) not allowed in integer format specifier");
  }
  StrBuilder out(t);
  if (f.type == 'c') {
    if (f.sign != 0) return t.raise(Exc::ValueError, "Sign not allowed with integer format specifier 'c'");
    if (f.alternate) {
      return t.raise(Exc::ValueError, "Alternate form (#) not allowed with integer format specifier 'c'");
    }
    int64_t code;
    if (!int_to_int64(v, &code))
      return t.raise(Exc::OverflowError, "Python int too large to convert to C long");
    if (code < 0 || code > 0x10ffff) return t.raise(Exc::OverflowError, "%c arg not in range(0x110000)");
    int64_t margin = std::max<int64_t>(0, f.width - 1);
    int64_t left = f.align == '<' ? 0 : f.align == '^' ? margin / 2 : margin;
    out.append_fill(f.fill, static_cast<size_t>(left));
    out.append(static_cast<uint32_t>(code));
    out.append_fill(f.fill, static_cast<size_t>(margin - left));
    return out.finish();
  }
  NumberParts parts;
  std::string text;
  char small[72];
  if (v.is_int() && base != 8) {
    // The common case without GMP.
    int64_t i = v.as_int();
    parts.negative = i < 0;
    uint64_t u = i < 0 ? 0 - static_cast<uint64_t>(i) : static_cast<uint64_t>(i);
    const char* letters = f.type == 'X' ? "0123456789ABCDEF" : "0123456789abcdef";
    char* p = small + sizeof small;
    do {
      *--p = letters[u % static_cast<unsigned>(base)];
      u /= static_cast<unsigned>(base);
    } while (u != 0);
    parts.digits = {p, static_cast<size_t>(small + sizeof small - p)};
  } else {
    if (base == 10 && !v.is_int() && !v.is_bool()) {  // the limit on digits applies, as in str()
      text = TRY(repr_utf8(t, int_plain(t, v)));
    } else {
      text = int_to_text(v, base);
    }
    std::string_view digits = text;
    if (digits[0] == '-') {
      parts.negative = true;
      digits.remove_prefix(1);
    }
    if (f.type == 'X')
      for (char& c : text)
        if (c >= 'a') c = static_cast<char>(c - 32);
    parts.digits = digits;
  }
  if (f.alternate) parts.prefix = prefix;
  std::optional<NumericConventions> local = conventions_of(t, f);
  append_number(out, f, parts, local ? &*local : nullptr);
  return out.finish();
}

// ---------------------------------------------------------------- complex

Result<Value> format_complex(Thread& t, double real, double imag, StrObject* spec) {
  if (spec->length() == 0) return str(t, make_complex(t, real, imag));
  FormatSpec f = TRY(parse_format_spec(t, spec, 0, '>', "complex"));
  TRY(check_precision(t, f));
  char code;
  int precision = 6;
  bool skip_real = false, parentheses = false;
  switch (f.type) {
    case 0:
      code = 'r';
      if (real == 0 && !std::signbit(real))
        skip_real = true;
      else
        parentheses = true;
      break;
    case 'n': code = 'g'; break;
    case 'e':
    case 'E':
    case 'f':
    case 'F':
    case 'g':
    case 'G': code = static_cast<char>(f.type); break;
    default: return unknown_format_code(t, f.type, "complex");
  }
  if (f.fill == '0') {
    return t.raise(Exc::ValueError, "Zero padding is not allowed in complex format specifier");
  }
  if (f.align == '=') {
    return t.raise(Exc::ValueError, "'=' alignment flag is not allowed in complex format specifier");
  }
  if (f.precision >= 0) {
    precision = static_cast<int>(f.precision);
    if (code == 'r') code = 'g';
  }
  FormatSpec part = f;
  part.width = -1;
  part.fill = ' ';
  part.align = '<';
  StrBuilder body(t);
  if (parentheses) body.append('(');
  std::string text;
  if (!skip_real) {
    text = format_double(real, code, precision, f.alternate, false);
    NumberParts parts = split_number(text);
    if (f.no_negative_zero && parts.negative && is_zero_text(text)) parts.negative = false;
    append_number(body, part, parts);
    part.sign = '+';
  }
  text = format_double(imag, code, precision, f.alternate, false);
  NumberParts parts = split_number(text);
  if (f.no_negative_zero && parts.negative && is_zero_text(text)) parts.negative = false;
  append_number(body, part, parts);
  body.append('j');
  if (parentheses) body.append(')');
  StrObject* whole = body.finish_str();
  if (whole == nullptr) return Error{};
  int64_t margin = std::max<int64_t>(0, f.width - static_cast<int64_t>(whole->length()));
  if (margin == 0) return Value(whole);
  int64_t left = f.align == '>' ? margin : f.align == '^' ? margin / 2 : 0;
  StrBuilder out(t);
  out.append_fill(f.fill, static_cast<size_t>(left));
  out.append(whole);
  out.append_fill(f.fill, static_cast<size_t>(margin - left));
  return out.finish();
}

}  // namespace mp

// Decimal.__format__: [[fill]align][sign][z][#][0][width][,][.precision][type], as libmpdec reads it.
#include <algorithm>

#include "stdlib/native/decimal.h"
#include "vm/modules/modules.h"

namespace mp::decimal {

namespace {

struct Format {
  std::string fill = " ";
  char align = '>';  // '0': zeros between the sign and the digits
  char sign = '-';
  char type = 'g';
  bool capitals = false, no_negative_zero = false, alternate = false;
  int64_t width = 0, precision = -1;
  std::string point = ".", separator, grouping;  // grouping as in struct lconv
};

Error invalid(Thread& t) { return t.raise(Exc::ValueError, "invalid format string"); }
bool is_align(char c) { return c == '<' || c == '>' || c == '=' || c == '^'; }
size_t character_size(const std::string& text, size_t at) {
  size_t size = 1;
  while (at + size < text.size() && (static_cast<unsigned char>(text[at + size]) & 0xc0) == 0x80) ++size;
  return size;
}
size_t characters(std::string_view text) {
  size_t count = 0;
  for (char c : text) count += (static_cast<unsigned char>(c) & 0xc0) != 0x80;
  return count;
}

bool read_number(const std::string& text, size_t* at, int64_t* out) {
  int64_t number = 0;
  for (; *at < text.size() && text[*at] >= '0' && text[*at] <= '9'; ++*at) {
    if (number > kMaxPrec / 10) return false;
    number = number * 10 + (text[*at] - '0');
  }
  *out = number;
  return true;
}

Status use_locale(Thread& t, Format* format) {
  Value lconv = TRY(call_method(t, TRY(import_module(t, "locale")), intern(t, "localeconv")));
  auto text = [&](const char* key, std::string* out) -> Status {
    Value v = TRY(get_item(t, lconv, intern(t, key)));
    if (is_str(v)) *out = to_utf8(v.as<StrObject>());
    return {};
  };
  TRY(text("decimal_point", &format->point));
  TRY(text("thousands_sep", &format->separator));
  TRY(for_each(t, TRY(get_item(t, lconv, intern(t, "grouping"))), [&](Value size) -> Status {
    format->grouping += static_cast<char>(TRY(to_int64(t, size)));
    return {};
  }));
  return {};
}

Result<Format> parse(Thread& t, const std::string& text, bool capitals) {
  Format format;
  format.capitals = capitals;
  size_t at = 0;
  bool aligned = false;
  size_t fill = text.empty() ? 0 : character_size(text, 0);
  if (fill < text.size() && is_align(text[fill])) {
    format.fill = text.substr(0, fill);
    format.align = text[fill];
    at = fill + 1;
    aligned = true;
  } else if (!text.empty() && is_align(text[0])) {
    format.align = text[0];
    at = 1;
    aligned = true;
  }
  auto next = [&](std::string_view any) {
    return at < text.size() && any.find(text[at]) != std::string_view::npos;
  };
  if (next("+- ")) format.sign = text[at++];
  if (next("z")) {
    format.no_negative_zero = true;
    ++at;
  }
  if (next("#")) {
    format.alternate = true;
    ++at;
  }
  if (next("0")) {
    if (aligned) return invalid(t);
    format.align = '0';
    format.fill = "0";
    ++at;
  }
  if (next("123456789") && !read_number(text, &at, &format.width)) return invalid(t);
  if (next(",")) {
    format.separator = ",";
    format.grouping = "\003";
    ++at;
  }
  if (next(".")) {
    ++at;
    if (!next("0123456789") || !read_number(text, &at, &format.precision)) return invalid(t);
  }
  if (at < text.size()) {
    char type = text[at++];
    if (std::string_view("eEfFgG%n").find(type) == std::string_view::npos || at < text.size())
      return invalid(t);
    format.capitals = type == 'E' || type == 'F' || type == 'G';
    format.type = static_cast<char>(type | (type == '%' ? 0 : 32));
    if (type == 'n') {
      if (!format.separator.empty()) return invalid(t);
      format.type = 'g';
      TRY(use_locale(t, &format));
    }
  }
  return format;
}

// The undocumented second argument: what localeconv() would say.
Status use_override(Thread& t, Value override, Format* format) {
  if (!is_dict(override)) return t.raise(Exc::TypeError, "optional argument must be a dict");
  std::pair<const char*, std::string*> parts[] = {{"decimal_point", &format->point},
                                                  {"thousands_sep", &format->separator},
                                                  {"grouping", &format->grouping}};
  for (auto [key, out] : parts) {
    Value v = dict_get_text(t, override.as<DictObject>(), key);
    if (v.is_not_found()) continue;
    if (!is_str(v)) return t.raise(Exc::TypeError, "override values must be str");
    *out = to_utf8(v.as<StrObject>());
  }
  bool signs = false;  // a byte below 0, which no group has as its size
  for (char size : format->grouping) signs = signs || size < 0;
  if (signs || format->point.empty() || format->point.size() > 4 || format->separator.size() > 4)
    return t.raise(Exc::ValueError, "invalid override dict");
  return {};
}

// `digits` with separators, filled with zeros to `width` columns; a separator does not come first.
std::string group(const std::string& digits, const Format& format, int64_t width) {
  if (format.separator.empty() || format.grouping.empty() || format.grouping[0] <= 0) {
    auto missing = width - static_cast<int64_t>(digits.size());
    return missing > 0 ? std::string(static_cast<size_t>(missing), '0') + digits : digits;
  }
  std::string out;  // from the last digit to the first
  size_t step = 0;
  auto separator_width = static_cast<int64_t>(characters(format.separator));
  for (size_t left = digits.size();;) {
    int64_t most = std::max({static_cast<int64_t>(left), width, int64_t{1}});
    char size = step < format.grouping.size() ? format.grouping[step] : '\0';
    if (size == 0 && step > 0) size = format.grouping[--step];  // the last one repeats
    bool last = size == 127 || size < 0;
    int64_t take = last || size > most ? most : size;
    for (int64_t i = 0; i < take; ++i) out += left > 0 ? digits[--left] : '0';
    width -= take;
    if (last || (left == 0 && width <= 0)) break;
    out.append(format.separator.rbegin(), format.separator.rend());
    width -= separator_width;
    ++step;
  }
  std::reverse(out.begin(), out.end());
  return out;
}

// Rounds to `digits` significant ones.
void round_to(Number& r, int64_t digits, Rounding rounding, uint32_t& status) {
  if (r.words.is_zero()) return;
  Number out;
  int64_t exponent = r.exponent + r.digits - digits;
  rescale(out, r, exponent, rounding, status);
  r.swap(out);
  if (!r.is_special() && r.digits > digits) {
    rescale(out, r, exponent + 1, rounding, status);
    r.swap(out);
  }
}

// What is before the point and behind it; the exponent or a percent sign.
struct Parts {
  std::string whole, fraction, tail;
  bool negative = false, special = false;
};

void set_digits(Parts* parts, std::string_view digits, int64_t point) {
  auto count = static_cast<int64_t>(digits.size());
  if (point <= 0) {
    parts->whole = "0";
    parts->fraction.assign(static_cast<size_t>(-point), '0');
    parts->fraction += digits;
  } else if (point >= count) {
    parts->whole = digits;
    parts->whole.append(static_cast<size_t>(point - count), '0');
  } else {
    parts->whole = digits.substr(0, static_cast<size_t>(point));
    parts->fraction = digits.substr(static_cast<size_t>(point));
  }
}

// ".2f" of a short number, without a Number.
bool place_small(Value decimal, const Format& format, Rounding rounding, Parts* parts) {
  Small a, r;
  uint32_t status = 0;
  if (format.type != 'f' || format.precision < 0 || format.precision > kSmallDigits ||
      !load_small(decimal, &a))
    return false;
  Rules rules = kExact;
  rules.prec = kSmallDigits;
  rules.rounding = rounding;
  if (!quantize_small(r, a, {0, -format.precision, 1, false}, rules, status)) return false;
  char buffer[48], *end = buffer + sizeof buffer;
  const char* first = write_digits(end, r.coefficient);
  auto count = static_cast<size_t>(end - first);
  set_digits(parts, {first, count}, static_cast<int64_t>(count) - format.precision);
  parts->negative = r.negative && !(format.no_negative_zero && r.coefficient == 0);
  return true;
}

Status place(Thread& t, const DecimalObject* decimal, Format* format, Rounding rounding, Parts* parts) {
  Number a;
  if (!load(a, decimal)) return t.raise_memory_error();
  parts->negative = a.negative;
  parts->special = a.is_special();
  if (parts->special) {
    a.negative = false;
    append_text(parts->whole, a, true, Notation::Scientific);
    if (format->type == '%') parts->tail = "%";
    if (format->align == '0') {
      format->align = '>';
      format->fill = " ";
    }
    return {};
  }
  uint32_t status = 0;
  if (format->type == '%') a.exponent += 2;
  bool fixed = format->type == 'f' || format->type == '%';
  int64_t precision = format->precision;
  if (precision >= 0 && fixed) {
    if (a.exponent + a.digits + precision > kMaxPrec)
      return t.raise(Exc::ValueError, "format specification exceeds internal limits of _decimal");
    Number out;
    rescale(out, a, -precision, rounding, status);
    a.swap(out);
  } else if (precision >= 0 && format->type == 'e') {
    round_to(a, precision + 1, rounding, status);
  } else if (precision >= 0) {
    if (precision == 0) precision = 1;
    if (a.digits > precision) round_to(a, precision, rounding, status);
  }
  if ((status & kMallocError) != 0) return t.raise_memory_error();
  if (a.is_zero() && a.exponent > 0 && fixed) a.exponent = 0;
  if (format->no_negative_zero && a.is_zero()) parts->negative = false;
  int64_t left = a.exponent + a.digits, point = left;
  if (format->type == 'e')
    point = a.is_zero() && precision >= 0 ? 1 - precision : 1;
  else if (format->type == 'g' && !(a.exponent <= 0 && left > -6))
    point = 1;
  int64_t size = a.digits + (point < 0 ? -point : point);
  if (size > (int64_t{1} << 60) || !room_for(static_cast<size_t>(size) * 6)) return t.raise_memory_error();
  std::string digits;
  append_digits(digits, a);
  set_digits(parts, digits, point);
  if (format->type == 'e' || left != point) {
    int64_t exponent = left - point;
    parts->tail = fmt::format("{}{}{}", format->capitals ? 'E' : 'e', exponent < 0 ? '-' : '+',
                              exponent < 0 ? -exponent : exponent);
  }
  if (format->type == '%') parts->tail += '%';
  return {};
}

// Sign, grouping, width.
std::string lay_out(Parts& parts, const Format& format) {
  std::string sign = parts.negative ? "-" : format.sign == '-' ? "" : std::string(1, format.sign);
  if (!parts.fraction.empty() || (format.alternate && !parts.special)) parts.fraction.insert(0, format.point);
  if (!parts.special && (format.align == '0' || !format.separator.empty())) {
    auto around = static_cast<int64_t>(sign.size() + characters(parts.fraction) + parts.tail.size());
    parts.whole = group(parts.whole, format, format.align == '0' ? format.width - around : 0);
  }
  std::string body = parts.whole + parts.fraction + parts.tail;
  if (format.width == 0) return sign + body;
  auto missing = format.width - static_cast<int64_t>(sign.size() + characters(body));
  std::string padding, rest;
  for (int64_t i = 0; i < missing; ++i)
    (format.align == '^' && i >= missing / 2 ? rest : padding) += format.fill;
  switch (format.align) {
    case '<': return sign + body + padding;
    case '=': return sign + padding + body;
    case '^': return padding + sign + body + rest;
    default: return padding + sign + body;
  }
}

}  // namespace

Result<Value> decimal_format(Thread& t, const Value* args) {
  if (!is_str(args[1])) return t.raise(Exc::TypeError, "format arg must be str");
  ContextObject* context = current_context(t, types_of(args[0]));
  Format format = TRY(parse(t, to_utf8(args[1].as<StrObject>()), context->capitals != 0));
  if (!args[2].is_empty()) TRY(use_override(t, args[2], &format));
  Rounding rounding = context->rounding;
  Parts parts;
  if (!place_small(args[0], format, rounding, &parts))
    TRY(place(t, args[0].as<DecimalObject>(), &format, rounding, &parts));
  if (format.width > (int64_t{1} << 60) || !room_for(static_cast<size_t>(format.width) * 8))
    return t.raise_memory_error();
  return str_or_error(make_str(t, lay_out(parts, format)));
}

}  // namespace mp::decimal

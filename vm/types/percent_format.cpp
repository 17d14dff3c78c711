// printf-style formatting of str (`%`) and of bytes: one walk over the format, two kinds of output.
#include <algorithm>
#include <charconv>

#include "vm/os/memory.h"
#include "vm/protocol/protocol.h"
#include "vm/types/number.h"
#include "vm/types/runtime.h"
#include "vm/types/str_internal.h"
#include "vm/types/text_format.h"
#include "vm/types/type.h"

namespace mp {

namespace {

struct StrSink {
  static constexpr bool kBytes = false;
  StrObject* format;
  StrBuilder& out;
  uint32_t at(size_t i) const { return format->at(i); }
  size_t size() const { return format->length(); }
  void literal(size_t begin, size_t end) { out.append(format, begin, end); }
  size_t find_percent(size_t i) const {
    return with_width(format, [&](auto* units) {
      size_t n = format->length(), at = i;
      while (at < n && units[at] != '%') ++at;
      return at;
    });
  }
  void ascii(std::string_view text) { out.append_ascii(text); }
  void fill(uint32_t c, size_t n) { out.append_fill(c, n); }
  Result<Value> key(Thread& t, size_t begin, size_t end) {
    return str_or_error(str_slice(t, format, begin, end));
  }
};

struct BytesSink {
  static constexpr bool kBytes = true;
  std::string_view format;
  std::string& out;
  uint32_t at(size_t i) const { return static_cast<uint8_t>(format[i]); }
  size_t size() const { return format.size(); }
  void literal(size_t begin, size_t end) { out.append(format.substr(begin, end - begin)); }
  size_t find_percent(size_t i) const { return std::min(format.find('%', i), format.size()); }
  void ascii(std::string_view text) { out.append(text); }
  void fill(uint32_t c, size_t n) { out.append(n, static_cast<char>(c)); }
  Result<Value> key(Thread& t, size_t begin, size_t end) {
    return str_or_error(make_bytes(t, format.substr(begin, end - begin)));
  }
};

struct Conversion {
  bool left = false, plus = false, space = false, alternate = false, zero = false;
  int64_t width = -1;
  int64_t precision = -1;
  uint32_t code = 0;
};

template <class Sink>
class PercentFormatter {
 public:
  PercentFormatter(Thread& t, Sink& sink, Value args) : t_(t), sink_(sink), args_(args) {
    if (is_tuple(args)) {
      count_ = static_cast<int64_t>(args.as<TupleObject>()->size);
      next_ = 0;
    }
    bool text = is_str(args) || (Sink::kBytes && (is_bytes(args) || is_kind(args, Kind::ByteArray)));
    mapping_ = !is_tuple(args) && !text && args.is_object() && type_of(t, args)->slots.get_item != nullptr;
  }

  Status run() {
    size_t n = sink_.size(), i = 0;
    while (i < n) {
      size_t begin = i;
      i = sink_.find_percent(i);
      if (i > begin) sink_.literal(begin, i);
      if (i == n) break;
      ++i;
      if (i < n && sink_.at(i) == '%') {
        sink_.ascii("%");
        ++i;
        continue;
      }
      Conversion c;
      TRY(parse(i, &c));
      Value v = TRY(next_argument());
      TRY(output(v, c, i - 1));
    }
    if (next_ < count_ && !mapping_) {
      return t_.raise(Exc::TypeError, "not all arguments converted during {} formatting",
                      Sink::kBytes ? "bytes" : "string");
    }
    return {};
  }

 private:
  Result<Value> next_argument() {
    if (next_ >= count_) return t_.raise(Exc::TypeError, "not enough arguments for format string");
    ++next_;
    return count_ < 0 ? Result<Value>(args_)
                      : Result<Value>((*args_.as<TupleObject>())[static_cast<size_t>(next_ - 1)]);
  }

  Status parse(size_t& i, Conversion* c) {
    size_t n = sink_.size();
    if (i < n && sink_.at(i) == '(') {
      if (!mapping_) return t_.raise(Exc::TypeError, "format requires a mapping");
      size_t begin = ++i;
      int depth = 1;
      while (i < n && depth > 0) {
        uint32_t ch = sink_.at(i++);
        if (ch == ')') --depth;
        if (ch == '(') ++depth;
      }
      if (depth > 0) return t_.raise(Exc::ValueError, "incomplete format key");
      if (dict_.is_empty()) dict_ = args_;
      Value key = TRY(sink_.key(t_, begin, i - 1));
      args_ = TRY(get_item(t_, dict_, key));
      count_ = -1;
      next_ = -2;
    }
    for (; i < n; ++i) {
      uint32_t ch = sink_.at(i);
      if (ch == '-') {
        c->left = true;
      } else if (ch == '+') {
        c->plus = true;
      } else if (ch == ' ') {
        c->space = true;
      } else if (ch == '#') {
        c->alternate = true;
      } else if (ch == '0') {
        c->zero = true;
      } else {
        break;
      }
    }
    if (i < n && sink_.at(i) == '*') {
      ++i;
      Value v = TRY(next_argument());
      if (!is_any_int(v)) return t_.raise(Exc::TypeError, "* wants int");
      if (!int_to_int64(v, &c->width)) {
        return t_.raise(Exc::OverflowError, "Python int too large to convert to C ssize_t");
      }
      if (c->width < 0) {
        c->left = true;
        c->width = -c->width;
      }
    } else {
      TRY(parse_number(i, &c->width, INT64_MAX, "width too big"));
    }
    if (i < n && sink_.at(i) == '.') {
      ++i;
      c->precision = 0;
      if (i < n && sink_.at(i) == '*') {
        ++i;
        Value v = TRY(next_argument());
        if (!is_any_int(v)) return t_.raise(Exc::TypeError, "* wants int");
        int64_t precision;
        if (!int_to_int64(v, &precision) || precision > INT32_MAX || precision < INT32_MIN) {
          return t_.raise(Exc::OverflowError, "Python int too large to convert to C int");
        }
        c->precision = std::max<int64_t>(precision, 0);
      } else {
        TRY(parse_number(i, &c->precision, INT32_MAX, Sink::kBytes ? "prec too big" : "precision too big"));
      }
    }
    if (i < n && (sink_.at(i) == 'h' || sink_.at(i) == 'l' || sink_.at(i) == 'L')) ++i;
    if (i >= n) return t_.raise(Exc::ValueError, "incomplete format");
    c->code = sink_.at(i++);
    // Digits; of a text it takes away.
    if (c->precision > 0 && c->code != 's' && c->code != 'r' && c->code != 'a')
      TRY(check_width(c->precision));
    if (Sink::kBytes && c->code == 'i') c->code = 'd';
    return {};
  }

  Status parse_number(size_t& i, int64_t* out, int64_t limit, const char* too_big) {
    for (; i < sink_.size(); ++i) {
      uint32_t digit = sink_.at(i) - '0';
      if (digit > 9) break;
      if (*out < 0) *out = 0;
      if (*out > (limit - static_cast<int64_t>(digit)) / 10) return t_.raise_text(Exc::ValueError, too_big);
      *out = *out * 10 + digit;
    }
    return {};
  }

  // sign, prefix and digits, padded as C does.
  Status number(const Conversion& c, bool negative, std::string_view prefix, std::string_view digits) {
    char sign = negative ? '-' : c.plus ? '+' : c.space ? ' ' : 0;
    int64_t length = static_cast<int64_t>(prefix.size() + digits.size()) + (sign != 0 ? 1 : 0);
    int64_t margin = std::max<int64_t>(0, c.width - length);
    TRY(check_width(margin));
    auto pad = static_cast<size_t>(margin);
    if (pad != 0 && !c.left && !c.zero) sink_.fill(' ', pad);
    if (sign != 0) sink_.ascii({&sign, 1});
    if (!prefix.empty()) sink_.ascii(prefix);
    if (pad != 0 && !c.left && c.zero) sink_.fill('0', pad);
    sink_.ascii(digits);
    if (pad != 0 && c.left) sink_.fill(' ', pad);
    return {};
  }

  Status check_width(int64_t margin) {
    if (margin > int64_t{1} << 44 || !os::has_room(2 * static_cast<size_t>(margin)))
      return t_.raise_memory_error();
    return {};
  }

  Result<Value> integer(Value v, const Conversion& c) {
    if (is_any_int(v)) return v;
    bool index_only = c.code == 'o' || c.code == 'x' || c.code == 'X';
    const Slots& slots = type_of(t_, v)->slots;
    bool numeric = slots.index != nullptr || slots.int_ != nullptr || slots.float_ != nullptr;
    if (numeric) {
      Result<Value> converted = index_only ? to_index(t_, v) : call(t_, t_.types().int_, {v});
      if (converted.ok() && is_any_int(converted.value())) return converted;
      if (converted.is_error() && !t_.catch_exception(Exc::TypeError)) return Error{};
    }
    if (index_only) {
      return t_.raise(Exc::TypeError, "%{} format: an integer is required, not {}", static_cast<char>(c.code),
                      type_name(t_, v));
    }
    return t_.raise(Exc::TypeError, "%{} format: a real number is required, not {}",
                    static_cast<char>(c.code), type_name(t_, v));
  }

  Status output_integer(Value v, const Conversion& c) {
    v = TRY(integer(v, c));
    int base = c.code == 'o' ? 8 : (c.code | 32) == 'x' ? 16 : 10;
    char room[64];  // an octal number of one word takes 22
    std::string text;
    std::string_view digits;
    bool negative;
    if (v.is_int()) {
      negative = v.as_int() < 0;
      auto magnitude = static_cast<uint64_t>(v.as_int());
      if (negative) magnitude = 0 - magnitude;
      digits = {room, std::to_chars(room, room + sizeof room, magnitude, base).ptr};
    } else {
      if (base == 10)  // with the limit on digits
        text = TRY(repr_utf8(t_, int_plain(t_, v)));
      else
        text = int_to_text(v, base);
      digits = text;
      negative = digits[0] == '-';
      if (negative) digits.remove_prefix(1);
    }
    if (c.precision > static_cast<int64_t>(digits.size()) || c.code == 'X') {
      std::string longer(static_cast<size_t>(std::max<int64_t>(c.precision, 0)), '0');
      longer.resize(longer.size() - std::min(longer.size(), digits.size()));
      longer.append(digits);
      text = std::move(longer);
      digits = text;
    }
    if (c.code == 'X')
      for (char& ch : text)
        if (ch >= 'a') ch = static_cast<char>(ch - 32);
    std::string_view prefix;
    if (c.alternate && base != 10) prefix = c.code == 'o' ? "0o" : c.code == 'x' ? "0x" : "0X";
    return number(c, negative, prefix, digits);
  }

  Status output_float(Value v, const Conversion& c) {
    double d;
    if constexpr (Sink::kBytes) {
      Result<double> converted = to_double(t_, v);
      if (converted.is_error()) {
        if (!t_.catch_exception(Exc::TypeError)) return Error{};
        return t_.raise(Exc::TypeError, "float argument required, not {}", type_name(t_, v));
      }
      d = converted.value();
    } else {
      d = TRY(to_double(t_, v));
    }
    int precision = c.precision < 0 ? 6 : static_cast<int>(c.precision);
    std::string text = format_double(d, static_cast<char>(c.code), precision, c.alternate, false);
    bool negative = text[0] == '-';
    if (negative) text.erase(0, 1);
    return number(c, negative, {}, text);
  }

  Status padded(const Conversion& c, int64_t length, const auto& write) {
    int64_t margin = std::max<int64_t>(0, c.width - length);
    TRY(check_width(margin));
    if (!c.left) sink_.fill(' ', static_cast<size_t>(margin));
    write();
    if (c.left) sink_.fill(' ', static_cast<size_t>(margin));
    return {};
  }

  Status output_text(const Conversion& c, StrObject* text) {
    if constexpr (!Sink::kBytes) {
      if (c.width < 0 && c.precision < 0) {
        sink_.out.append(text);
        return {};
      }
    }
    auto length = static_cast<int64_t>(text->length());
    if (c.precision >= 0) length = std::min(length, c.precision);
    return padded(c, length, [&] {
      if constexpr (Sink::kBytes)
        sink_.ascii(text->ascii().substr(0, static_cast<size_t>(length)));
      else
        sink_.out.append(text, 0, static_cast<size_t>(length));
    });
  }

  Status output_char(Value v, const Conversion& c) {
    if constexpr (Sink::kBytes) {
      char byte;
      std::string_view view;
      if ((is_bytes(v) || is_kind(v, Kind::ByteArray)) && (view = TRY(bytes_view(t_, v))).size() == 1) {
        byte = view[0];
      } else {
        if (!is_any_int(v) && (is_float(v) || type_of(t_, v)->slots.index == nullptr)) {
          return t_.raise(Exc::TypeError, "%c requires an integer in range(256) or a single byte");
        }
        Value index = TRY(to_index(t_, v));
        int64_t code;
        if (!int_to_int64(index, &code) || code < 0 || code > 255) {
          return t_.raise(Exc::OverflowError, "%c arg not in range(256)");
        }
        byte = static_cast<char>(code);
      }
      return padded(c, 1, [&] { sink_.ascii({&byte, 1}); });
    } else {
      uint32_t ch;
      if (is_str(v) && v.as<StrObject>()->length() == 1) {
        ch = v.as<StrObject>()->at(0);
      } else {
        if (!is_any_int(v) && (is_str(v) || type_of(t_, v)->slots.index == nullptr)) {
          return t_.raise(Exc::TypeError, "%c requires int or char");
        }
        Value index = TRY(to_index(t_, v));
        int64_t code;
        if (!int_to_int64(index, &code) || code < 0 || code > 0x10ffff) {
          return t_.raise(Exc::OverflowError, "%c arg not in range(0x110000)");
        }
        ch = static_cast<uint32_t>(code);
      }
      return padded(c, 1, [&] { sink_.out.append(ch); });
    }
  }

  Status output_bytes(Value v, const Conversion& c) {
    Value holder = v;
    if (!is_bytes(v) && !is_kind(v, Kind::ByteArray)) {
      Value converted = TRY(call_special(t_, v, t_.names().__bytes__));
      if (!converted.is_not_found()) {
        if (!is_bytes(converted)) {
          return t_.raise(Exc::TypeError, "__bytes__ returned non-bytes (type {})", type_name(t_, converted));
        }
        holder = converted;
      }
    }
    Result<std::string_view> view = bytes_view(t_, holder);
    if (view.is_error()) {
      if (!t_.catch_exception(Exc::TypeError)) return Error{};
      return t_.raise(Exc::TypeError,
                      "%b requires a bytes-like object, or an object that implements __bytes__, not '{}'",
                      type_name(t_, v));
    }
    std::string_view text = view.value();
    if (c.precision >= 0) text = text.substr(0, static_cast<size_t>(c.precision));
    return padded(c, static_cast<int64_t>(text.size()), [&] { sink_.ascii(text); });
  }

  Status output(Value v, const Conversion& c, size_t index) {
    switch (c.code) {
      case 's':
        if constexpr (Sink::kBytes)
          return output_bytes(v, c);
        else
          return output_text(c, (is_exact(v, t_.types().str) ? v : TRY(str(t_, v))).template as<StrObject>());
      case 'r':
        if constexpr (!Sink::kBytes) return output_text(c, TRY(repr(t_, v)).template as<StrObject>());
        [[fallthrough]];
      case 'a': return output_text(c, TRY(ascii(t_, v)).template as<StrObject>());
      case 'd':
      case 'i':
      case 'u':
      case 'o':
      case 'x':
      case 'X': return output_integer(v, c);
      case 'e':
      case 'E':
      case 'f':
      case 'F':
      case 'g':
      case 'G': return output_float(v, c);
      case 'c': return output_char(v, c);
      case 'b':
        if constexpr (Sink::kBytes) return output_bytes(v, c);
        [[fallthrough]];
      default:
        return t_.raise(Exc::ValueError, "unsupported format character '{}' (0x{:x}) at index {}",
                        c.code > 31 && c.code < 128 ? static_cast<char>(c.code) : '?', c.code, index);
    }
  }

  Thread& t_;
  Sink& sink_;
  Value args_;
  Value dict_;
  int64_t count_ = -1, next_ = -2;
  bool mapping_ = false;
};

}  // namespace

Result<Value> str_percent_format(Thread& t, StrObject* text, Value arguments) {
  StrBuilder out(t);
  StrSink sink{text, out};
  PercentFormatter<StrSink> formatter(t, sink, arguments);
  TRY(formatter.run());
  return out.finish();
}

Status bytes_percent_format(Thread& t, std::string_view format, Value arguments, std::string& out) {
  BytesSink sink{format, out};
  PercentFormatter<BytesSink> formatter(t, sink, arguments);
  return formatter.run();
}

}  // namespace mp

#include "lang/literals.h"

#include <fmt/core.h>

#include <charconv>
#include <cmath>
#include <cstdlib>

#include "lang/token.h"
#include "lang/unicode.h"

namespace mp::lang {

namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_name_char(char c) {
  return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}
bool starts_with(const char* at, const char* word) {
  while (*word) {
    if (*at++ != *word++) return false;
  }
  return true;
}

// Keywords that may follow a number without a blank, with a warning: and else for if in is or not.
bool keyword_follows(const char* at) {
  return starts_with(at, "and") || starts_with(at, "else") || starts_with(at, "for") ||
         starts_with(at, "if") || starts_with(at, "in") || starts_with(at, "is") || starts_with(at, "or") ||
         starts_with(at, "not");
}

bool verify_end(const char* behind, const char* kind, LiteralError* problem) {
  if (keyword_follows(behind)) {
    problem->message = fmt::format("invalid {} literal", kind);
    problem->warning = true;
    return false;
  }
  if (is_name_char(*behind)) {
    problem->message = fmt::format("invalid {} literal", kind);
    problem->at = behind;
    return false;
  }
  return true;
}

}  // namespace

bool check_number_end(std::string_view number, const char* behind, LiteralError* problem) {
  const char* begin = number.data();
  char last = *behind;
  char second = number.size() > 1 ? static_cast<char>(number[1] | 0x20) : 0;
  bool radix = number[0] == '0' && (second == 'x' || second == 'o' || second == 'b');
  if (number == "0" && ((last | 0x20) == 'x' || (last | 0x20) == 'o' || (last | 0x20) == 'b')) {
    // Nothing valid behind the prefix.
    radix = true;
    second = static_cast<char>(last | 0x20);
    ++behind;
    last = *behind;
  }
  if (radix) {
    const char* kind = second == 'x' ? "hexadecimal" : second == 'o' ? "octal" : "binary";
    bool nothing = behind == begin + 2;
    if (last == '_') {
      ++behind;
      last = *behind;
      nothing = true;
    }
    if (is_digit(last) && second != 'x') {
      problem->message = fmt::format("invalid digit '{}' in {} literal", last, kind);
      problem->at = behind + 1;
      return false;
    }
    if (nothing) {
      problem->message = fmt::format("invalid {} literal", kind);
      problem->at = behind;
      return false;
    }
    return verify_end(behind, kind, problem);
  }
  bool imaginary = (number.back() | 0x20) == 'j';
  if (imaginary) return verify_end(behind, "imaginary", problem);
  if (last == '_' && is_digit(number.back())) {
    problem->message = "invalid decimal literal";
    problem->at = behind + 1;
    return false;
  }
  bool integer = true;
  for (char c : number) integer &= is_digit(c) || c == '_';
  if (integer && number[0] == '0') {
    size_t at = 0;
    while (at < number.size() && (number[at] == '0' || number[at] == '_')) ++at;
    if (at < number.size()) {
      problem->message =
          "leading zeros in decimal integer literals are not permitted; use an 0o prefix for octal integers";
      problem->at = begin;
      problem->range_end = begin + at + 1;
      return false;
    }
  }
  if ((last | 0x20) == 'e' && (behind[1] == '+' || behind[1] == '-')) {
    // An exponent without digits.
    problem->message = "invalid decimal literal";
    problem->at = behind + 2;
    return false;
  }
  return verify_end(behind, "decimal", problem);
}

bool parse_number(std::string_view text, Arena& arena, ConstantValue* value, std::string* message) {
  char buffer[64];
  std::string heap;
  char* digits = buffer;
  if (text.size() >= sizeof(buffer)) {
    heap.resize(text.size() + 1);
    digits = heap.data();
  }
  size_t size = 0;
  bool integer = true;
  for (char c : text) {
    if (c == '_') continue;
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c | 0x20);
    integer &= is_digit(c);
    digits[size++] = c;
  }
  digits[size] = 0;
  uint32_t base = 10;
  size_t at = 0;
  if (size > 2 && digits[0] == '0' && (digits[1] == 'x' || digits[1] == 'o' || digits[1] == 'b')) {
    base = digits[1] == 'x' ? 16 : digits[1] == 'o' ? 8 : 2;
    at = 2;
    integer = true;
  }
  if (integer) {
    while (at + 1 < size && digits[at] == '0') ++at;
    uint64_t total = 0;
    bool big = false;
    for (size_t i = at; i < size && !big; ++i) {
      uint32_t digit = is_digit(digits[i]) ? static_cast<uint32_t>(digits[i] - '0')
                                           : static_cast<uint32_t>(digits[i] - 'a' + 10);
      big = __builtin_mul_overflow(total, base, &total) || __builtin_add_overflow(total, digit, &total);
    }
    if (!big && total <= static_cast<uint64_t>(INT64_MAX)) {
      value->kind = ConstantKind::Int;
      value->integer = static_cast<int64_t>(total);
      return true;
    }
    if (base == 10 && size - at > kMaxDecimalDigits) {
      *message = fmt::format(
          "Exceeds the limit ({} digits) for integer string conversion: value has {} digits; use "
          "sys.set_int_max_str_digits() to "
          "increase the limit - Consider hexadecimal for huge integer literals to avoid decimal conversion "
          "limits.",
          kMaxDecimalDigits, size - at);
      return false;
    }
    value->kind = ConstantKind::BigInt;
    value->base = static_cast<uint8_t>(base);
    value->text = arena.copy_text({digits + at, size - at});
    return true;
  }
  value->kind = ConstantKind::Float;
  if (digits[size - 1] == 'j') {
    value->kind = ConstantKind::Complex;
    digits[--size] = 0;
  }
  double real = 0;
  auto result = std::from_chars(digits, digits + size, real);
  // Overflow and underflow: strtod rounds to inf and 0 as CPython does.
  if (result.ec != std::errc()) real = std::strtod(digits, nullptr);
  value->real = real;
  return true;
}

namespace {

class StringDecoder {
 public:
  StringDecoder(std::string_view body, uint8_t flags, bool is_fstring, Arena& arena,
                std::vector<EscapeWarning>* warnings)
      : body_(body),
        flags_(flags),
        doubled_braces_(is_fstring && (flags & kInSpec) == 0),
        arena_(arena),
        warnings_(warnings) {}

  DecodeResult run() {
    bool raw = (flags_ & kPrefixRaw) != 0;
    size_t size = body_.size();
    size_t at = 0;
    while (at < size && body_[at] != '\\' && !(doubled_braces_ && (body_[at] == '{' || body_[at] == '}')))
      ++at;
    if (at == size) return {arena_.copy_text(body_), {}};
    out_.assign(body_.substr(0, at));
    out_.reserve(size);
    while (at < size) {
      char c = body_[at];
      if (doubled_braces_ && (c == '{' || c == '}')) {
        out_ += c;
        at += at + 1 < size && body_[at + 1] == c ? 2 : 1;
      } else if (c == '\\' && !raw) {
        at = escape(at);
        if (!error_.empty()) return {{}, error_};
      } else {
        out_ += c;
        ++at;
      }
    }
    return {arena_.copy_text(out_), {}};
  }

 private:
  bool bytes() const { return (flags_ & kPrefixBytes) != 0; }

  void put(uint32_t code_point) {
    if (bytes())
      out_ += static_cast<char>(code_point);
    else
      append_utf8(&out_, code_point);
  }

  // `at` is the backslash; returns where the text goes on.
  size_t escape(size_t at) {
    size_t begin = at++;
    if (at >= body_.size()) {
      // A lone backslash at the end: f"\{x}".
      out_ += '\\';
      warn(begin, fmt::format("invalid escape sequence '\\{}'", doubled_braces_ ? "{" : ""), 1);
      return at;
    }
    char c = body_[at++];
    switch (c) {
      case '\n': return at;
      case '\\':
      case '\'':
      case '"': out_ += c; return at;
      case 'a': out_ += '\a'; return at;
      case 'b': out_ += '\b'; return at;
      case 'f': out_ += '\f'; return at;
      case 'n': out_ += '\n'; return at;
      case 'r': out_ += '\r'; return at;
      case 't': out_ += '\t'; return at;
      case 'v': out_ += '\v'; return at;
      case '0':
      case '1':
      case '2':
      case '3':
      case '4':
      case '5':
      case '6':
      case '7': {
        uint32_t value = static_cast<uint32_t>(c - '0');
        for (int i = 0; i < 2 && at < body_.size() && body_[at] >= '0' && body_[at] <= '7'; ++i)
          value = value * 8 + static_cast<uint32_t>(body_[at++] - '0');
        if (value > 0377)
          warn(begin, fmt::format("invalid octal escape sequence '{}'", body_.substr(begin, at - begin)),
               at - begin);
        put(bytes() ? value & 0xFF : value);
        return at;
      }
      case 'x': return hexadecimal(begin, at, 2, "truncated \\xXX escape");
      case 'u':
        if (!bytes()) return hexadecimal(begin, at, 4, "truncated \\uXXXX escape");
        break;
      case 'U':
        if (!bytes()) return hexadecimal(begin, at, 8, "truncated \\UXXXXXXXX escape");
        break;
      case 'N':
        if (!bytes()) return named(begin, at);
        break;
      default: break;
    }
    uint32_t code_point = 0;
    int width = decode_utf8(body_.data() + at - 1, &code_point);
    warn(begin,
         fmt::format("invalid escape sequence '\\{}'", body_.substr(at - 1, static_cast<size_t>(width))),
         1 + static_cast<size_t>(width));
    out_ += '\\';
    return at - 1;
  }

  size_t hexadecimal(size_t begin, size_t at, int digits, const char* message) {
    uint32_t value = 0;
    int count = 0;
    for (; count < digits && at < body_.size(); ++count, ++at) {
      char c = body_[at];
      uint32_t digit;
      if (is_digit(c))
        digit = static_cast<uint32_t>(c - '0');
      else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
        digit = static_cast<uint32_t>((c | 0x20) - 'a' + 10);
      else
        break;
      value = value << 4 | digit;
    }
    if (count < digits) {
      if (bytes())
        error_ = fmt::format("(value error) invalid \\x escape at position {}", begin);
      else
        fail(begin, at, message);
      return at;
    }
    if (value > 0x10FFFF) {
      fail(begin, at, "illegal Unicode character");
      return at;
    }
    put(value);
    return at;
  }

  size_t named(size_t begin, size_t at) {
    if (at >= body_.size() || body_[at] != '{') {
      fail(begin, at, "malformed \\N character escape");
      return at;
    }
    size_t close = body_.find('}', at);
    if (close == std::string_view::npos || close == at + 1) {
      fail(begin, close == std::string_view::npos ? body_.size() : at + 1, "malformed \\N character escape");
      return at;
    }
    int32_t code_point = lookup_character_name(body_.substr(at + 1, close - at - 1));
    if (code_point < 0) {
      fail(begin, close + 1, "unknown Unicode character name");
      return at;
    }
    put(static_cast<uint32_t>(code_point));
    return close + 1;
  }

  // CPython's positions count in its own buffer, where a character beyond ASCII is written as \UXXXXXXXX.
  size_t buffer_position(size_t offset) const {
    size_t position = 0;
    for (size_t i = 0; i < offset; ++i) {
      unsigned char c = static_cast<unsigned char>(body_[i]);
      if (c < 0x80)
        ++position;
      else if ((c & 0xC0) != 0x80)
        position += 10;
    }
    return position;
  }

  void fail(size_t begin, size_t end, const char* reason) {
    size_t first = buffer_position(begin), last = buffer_position(end) - 1;
    if (first == last)
      error_ = fmt::format("(unicode error) 'unicodeescape' codec can't decode byte 0x5c in position {}: {}",
                           first, reason);
    else
      error_ = fmt::format("(unicode error) 'unicodeescape' codec can't decode bytes in position {}-{}: {}",
                           first, last, reason);
  }

  void warn(size_t begin, std::string message, size_t width) {
    if (warned_ || warnings_ == nullptr) return;
    warned_ = true;
    warnings_->push_back({std::move(message), static_cast<uint32_t>(begin), static_cast<uint32_t>(width)});
  }

  std::string_view body_;
  uint8_t flags_;
  bool doubled_braces_;
  Arena& arena_;
  std::vector<EscapeWarning>* warnings_;
  std::string out_;
  std::string error_;
  bool warned_ = false;
};

}  // namespace

DecodeResult decode_string(std::string_view body, uint8_t flags, Arena& arena,
                           std::vector<EscapeWarning>* warnings) {
  return StringDecoder(body, flags, false, arena, warnings).run();
}

DecodeResult decode_fstring_text(std::string_view body, uint8_t flags, Arena& arena,
                                 std::vector<EscapeWarning>* warnings) {
  return StringDecoder(body, flags, true, arena, warnings).run();
}

}  // namespace mp::lang

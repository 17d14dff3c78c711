// Decimal numbers from text and to text.
#include <cstring>

#include "stdlib/native/decimal_number.h"

namespace mp::decimal {

namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// Whether `text` is `word` (in lower case), whatever its own case.
bool is_word(std::string_view text, std::string_view word) {
  if (text.size() != word.size()) return false;
  for (size_t i = 0; i < word.size(); ++i)
    if ((text[i] | 32) != word[i]) return false;
  return true;
}

// `count` digits with at most one point among them.
bool read_digits(Words& words, std::string_view text, size_t count) {
  words.set(0);
  if (!words.resize((count + kWordDigits - 1) / kWordDigits)) return false;
  const char* p = text.data();
  size_t left = count;
  while (left > 0) {
    size_t take = left % kWordDigits == 0 ? kWordDigits : left % kWordDigits;
    uint64_t word = 0;
    for (size_t i = 0; i < take; ++p) {
      if (*p == '.') continue;
      word = word * 10 + static_cast<uint64_t>(*p - '0');
      ++i;
    }
    left -= take;
    words[left / kWordDigits] = word;
  }
  words.trim();
  return true;
}

}  // namespace

void from_text(Number& r, std::string_view text, const Rules& rules, uint32_t& status) {
  bool negative = false;
  if (!text.empty() && (text[0] == '+' || text[0] == '-')) {
    negative = text[0] == '-';
    text.remove_prefix(1);
  }
  if (!text.empty() && !is_digit(text[0]) && text[0] != '.') {
    if (is_word(text, "inf") || is_word(text, "infinity")) return r.set_special(negative, Kind::Infinite);
    bool signaling = (text[0] | 32) == 's';
    std::string_view name = text.substr(signaling ? 1 : 0);
    if (name.size() < 3 || !is_word(name.substr(0, 3), "nan")) return r.set_error(kConversionSyntax, status);
    std::string_view payload = name.substr(3);
    for (char c : payload)
      if (!is_digit(c)) return r.set_error(kConversionSyntax, status);
    while (!payload.empty() && payload[0] == '0') payload.remove_prefix(1);
    if (static_cast<int64_t>(payload.size()) > rules.prec - (rules.clamp ? 1 : 0))
      return r.set_error(kConversionSyntax, status);
    r.set_special(negative, signaling ? Kind::Signaling : Kind::Quiet);
    if (payload.empty()) return;
    if (!read_digits(r.words, payload, payload.size())) return r.set_error(kMallocError, status);
    r.digits = static_cast<int64_t>(payload.size());
    return;
  }
  size_t end = 0, digits = 0, point = std::string_view::npos;
  for (; end < text.size(); ++end) {
    if (text[end] == '.' && point == std::string_view::npos)
      point = end;
    else if (is_digit(text[end]))
      ++digits;
    else
      break;
  }
  if (digits == 0) return r.set_error(kConversionSyntax, status);
  int64_t exponent = 0;
  if (end < text.size()) {
    if ((text[end] | 32) != 'e') return r.set_error(kConversionSyntax, status);
    size_t at = end + 1;
    bool minus = false;
    if (at < text.size() && (text[at] == '+' || text[at] == '-')) minus = text[at++] == '-';
    if (at == text.size()) return r.set_error(kConversionSyntax, status);
    constexpr int64_t kMost = int64_t{1} << 62;
    for (; at < text.size(); ++at) {
      if (!is_digit(text[at])) return r.set_error(kConversionSyntax, status);
      exponent = exponent > kMost / 10 - 1 ? kMost : exponent * 10 + (text[at] - '0');
    }
    if (minus) exponent = -exponent;
  }
  if (point != std::string_view::npos) exponent -= static_cast<int64_t>(end - point - 1);
  if (exponent > kInfiniteExponent) exponent = kInfiniteExponent;
  if (exponent < kTinyExponent) exponent = kTinyExponent;
  std::string_view coefficient = text.substr(0, end);
  while (digits > 1 && (coefficient[0] == '0' || coefficient[0] == '.')) {
    if (coefficient[0] == '0') --digits;
    coefficient.remove_prefix(1);
  }
  r.negative = negative;
  r.kind = Kind::Finite;
  r.exponent = exponent;
  if (!read_digits(r.words, coefficient, digits)) return r.set_error(kMallocError, status);
  r.count_digits();
  finalize(r, rules, status);
}

void from_binary(Number& r, mpz_srcptr z, const Rules& rules, uint32_t& status) {
  r.kind = Kind::Finite;
  r.negative = mpz_sgn(z) < 0;
  r.exponent = 0;
  if (!from_binary(r.words, z)) return r.set_error(kMallocError, status);
  r.count_digits();
  finalize(r, rules, status);
}

void append_digits(std::string& out, const Number& a) {
  if (a.digits <= 0) return;
  size_t before = out.size();
  out.resize(before + static_cast<size_t>(a.digits));
  char* end = out.data() + out.size();
  const char* begin = out.data() + before;
  for (size_t i = 0; i < a.words.size(); ++i) {
    uint64_t word = a.words[i];
    for (int place = 0; place < kWordDigits && end > begin; ++place, word /= 10)
      *--end = static_cast<char>('0' + word % 10);
  }
}

namespace {
void append_exponent(std::string& out, int64_t exponent, bool capitals) {
  out += capitals ? 'E' : 'e';
  out += exponent < 0 ? '-' : '+';
  out += std::to_string(exponent < 0 ? -exponent : exponent);
}
}  // namespace

void append_text(std::string& out, const Number& a, bool capitals, Notation notation) {
  if (a.negative) out += '-';
  if (a.is_special()) {
    out += a.is_infinite() ? "Infinity" : a.kind == Kind::Quiet ? "NaN" : "sNaN";
    if (a.is_nan() && a.digits > 0) append_digits(out, a);
    return;
  }
  int64_t left = a.exponent + a.digits;  // digits before the point, in plain notation
  int64_t point = left;
  if (a.exponent > 0 || left <= -6) {
    point = 1;
    if (notation == Notation::Engineering) {
      // The exponent is a multiple of three; a zero shows 0, 0.00 or 0.0.
      int64_t power = left - 1, down = ((power % 3) + 3) % 3;
      point = a.words.is_zero() ? (down + 2) % 3 - 1 : 1 + down;
    }
  }
  size_t begin = out.size();
  if (point <= 0) {
    out += "0.";
    out.append(static_cast<size_t>(-point), '0');
    append_digits(out, a);
  } else if (point >= a.digits) {
    append_digits(out, a);
    out.append(static_cast<size_t>(point - a.digits), '0');
  } else {
    append_digits(out, a);
    out.insert(begin + static_cast<size_t>(point), 1, '.');
  }
  if (left != point) append_exponent(out, left - point, capitals);
}

}  // namespace mp::decimal

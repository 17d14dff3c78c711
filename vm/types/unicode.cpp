#include "vm/types/unicode.h"

#include <utf8proc.h>

#include <algorithm>
#include <iterator>

namespace mp {
namespace unicode {

namespace {
struct CodeRange {
  uint32_t first, last;
};
struct SpecialCase {
  uint32_t from;
  uint32_t to[3];
};
struct DigitRun {
  uint32_t first, last;
  int value;
};
struct NumericRun {
  uint32_t first, last;
  int64_t numerator;
  int denominator;
  int step;
};
#include "vm/types/unicode_tables.inc"

template <size_t N>
bool in_ranges(const CodeRange (&table)[N], uint32_t c) {
  auto* it = std::upper_bound(std::begin(table), std::end(table), c,
                              [](uint32_t value, const CodeRange& range) { return value < range.first; });
  return it != std::begin(table) && c <= (it - 1)->last;
}

template <class Run, size_t N>
const Run* find_run(const Run (&table)[N], uint32_t c) {
  auto* it = std::upper_bound(std::begin(table), std::end(table), c,
                              [](uint32_t value, const Run& run) { return value < run.first; });
  return it != std::begin(table) && c <= (it - 1)->last ? it - 1 : nullptr;
}

template <size_t N>
int special_case(const SpecialCase (&table)[N], uint32_t c, uint32_t* out) {
  auto* it = std::lower_bound(std::begin(table), std::end(table), c,
                              [](const SpecialCase& entry, uint32_t value) { return entry.from < value; });
  if (it == std::end(table) || it->from != c) return 0;
  int n = 0;
  while (n < 3 && it->to[n] != 0) {
    out[n] = it->to[n];
    ++n;
  }
  return n;
}

const utf8proc_property_t* property(uint32_t c) {
  return utf8proc_get_property(static_cast<utf8proc_int32_t>(c));
}

// Whether c may be in the tables of full case mappings: most text is not and needs no search.
bool may_be_special(uint32_t c) { return c < 0x590 || c - 0x1e96 <= 0x1ffc - 0x1e96 || c - 0xfb00 < 0x18; }

// Scripts without case, and punctuation: CJK, Hangul, emoji.
bool has_no_case(uint32_t c) {
  return c - 0x2000 < 0x100 || c - 0x2e80 < 0xa640 - 0x2e80 || c - 0xac00 < 0xfb00 - 0xac00 || c >= 0x1f000;
}

enum { Lu = 1, Ll, Lt, Lm, Lo, Mn, Mc, Me, Nd, Nl, No, Pc, Zs = 23, Zl, Zp, Cc, Cf, Cs, Co };
constexpr uint32_t bit(int category) { return 1u << category; }
}  // namespace

int category(uint32_t c) { return property(c)->category; }
const char* category_name(uint32_t c) { return utf8proc_category_string(static_cast<utf8proc_int32_t>(c)); }

bool is_space(uint32_t c) {
  if (c < 0x80) return (c >= 9 && c <= 13) || (c >= 0x1c && c <= 0x20);
  if (c == 0x85 || c == 0xa0) return true;
  if (c < 0x1680) return false;
  return c == 0x1680 || (c >= 0x2000 && c <= 0x200a) || c == 0x2028 || c == 0x2029 || c == 0x202f ||
         c == 0x205f || c == 0x3000;
}

bool is_line_break(uint32_t c) {
  return (c >= 10 && c <= 13) || (c >= 0x1c && c <= 0x1e) || c == 0x85 || c == 0x2028 || c == 0x2029;
}

bool is_printable(uint32_t c) {
  if (c < 0x7f) return c >= 0x20;
  if (c < 0xa1) return false;
  constexpr uint32_t kHidden = bit(0) | bit(Cc) | bit(Cf) | bit(Cs) | bit(Co) | bit(Zs) | bit(Zl) | bit(Zp);
  return (bit(category(c)) & kHidden) == 0;
}

bool is_alpha(uint32_t c) {
  if (c < 0x80) return (c | 32) - 'a' < 26u;
  return (bit(category(c)) & (bit(Lu) | bit(Ll) | bit(Lt) | bit(Lm) | bit(Lo))) != 0;
}

bool is_lower(uint32_t c) {
  if (c < 0x80) return c - 'a' < 26u;
  return category(c) == Ll || in_ranges(kOtherLowercase, c);
}
bool is_upper(uint32_t c) {
  if (c < 0x80) return c - 'A' < 26u;
  return category(c) == Lu || in_ranges(kOtherUppercase, c);
}
bool is_title(uint32_t c) { return c >= 0x80 && category(c) == Lt; }
bool is_cased(uint32_t c) { return is_lower(c) || is_upper(c) || is_title(c); }

bool is_case_ignorable(uint32_t c) {
  static constexpr CodeRange kWordMiddle[] = {
      {0x27, 0x27},     {0x2e, 0x2e},     {0x3a, 0x3a},     {0xb7, 0xb7},
      {0x387, 0x387},   {0x55f, 0x55f},   {0x5f4, 0x5f4},   {0x2018, 0x2019},
      {0x2024, 0x2024}, {0x2027, 0x2027}, {0xfe13, 0xfe13}, {0xfe52, 0xfe52},
      {0xfe55, 0xfe55}, {0xff07, 0xff07}, {0xff0e, 0xff0e}, {0xff1a, 0xff1a}};
  constexpr uint32_t kSk = 21;
  uint32_t mask = bit(Mn) | bit(Me) | bit(Cf) | bit(Lm) | (1u << kSk);
  return (bit(category(c)) & mask) != 0 || in_ranges(kWordMiddle, c);
}

bool is_identifier_start(uint32_t c) {
  if (c < 0x80) return (c | 32) - 'a' < 26u || c == '_';
  // Letters whose NFKC form is not an identifier (UAX 31, XID modifications).
  static constexpr CodeRange kNotStart[] = {
      {0x37a, 0x37a},   {0xe33, 0xe33},   {0xeb3, 0xeb3},   {0xfc5e, 0xfc63}, {0xfdfa, 0xfdfb},
      {0xfe70, 0xfe70}, {0xfe72, 0xfe72}, {0xfe74, 0xfe74}, {0xfe76, 0xfe76}, {0xfe78, 0xfe78},
      {0xfe7a, 0xfe7a}, {0xfe7c, 0xfe7c}, {0xfe7e, 0xfe7e}, {0xff9e, 0xff9f}};
  if (c == 0x2118 || c == 0x212e || c == 0x1885 || c == 0x1886) return true;
  uint32_t letters = bit(Lu) | bit(Ll) | bit(Lt) | bit(Lm) | bit(Lo) | bit(Nl);
  if (c == 0x2e2f) return false;  // Pattern_Syntax
  return (bit(category(c)) & letters) != 0 && !in_ranges(kNotStart, c);
}

bool is_identifier_continue(uint32_t c) {
  if (c < 0x80) return is_alnum_ascii(c) || c == '_';
  if (is_identifier_start(c)) return true;
  if (c == 0xb7 || c == 0x387 || (c >= 0x1369 && c <= 0x1371) || c == 0x19da || c == 0xe33 || c == 0xeb3 ||
      c == 0xff9e || c == 0xff9f)
    return true;
  return (bit(category(c)) & (bit(Mn) | bit(Mc) | bit(Nd) | bit(Pc))) != 0;
}

int decimal_value(uint32_t c) {
  if (c < 0x80) return c - '0' < 10u ? static_cast<int>(c - '0') : -1;
  if (category(c) != Nd) return -1;
  // Decimal digits stand in runs of ten, zero first; several runs may be adjacent (mathematical digits).
  uint32_t first = c;
  while (category(first - 1) == Nd) --first;
  return static_cast<int>((c - first) % 10);
}

int digit_value(uint32_t c) {
  if (c < 0x80) return c - '0' < 10u ? static_cast<int>(c - '0') : -1;
  if (const DigitRun* run = find_run(kDigits, c)) return run->value + static_cast<int>(c - run->first);
  return decimal_value(c);
}

bool numeric_value(uint32_t c, double* value) {
  int decimal = decimal_value(c);
  if (decimal >= 0) {
    *value = decimal;
    return true;
  }
  if (c < 0x80) return false;
  const NumericRun* run = find_run(kNumerics, c);
  if (run == nullptr) return false;
  int64_t numerator = run->numerator + static_cast<int64_t>(c - run->first) * run->step;
  *value = static_cast<double>(numerator) / run->denominator;
  return true;
}

bool is_alnum(uint32_t c) {
  if (c < 0x80) return is_alnum_ascii(c);
  double ignored;
  return is_alpha(c) || numeric_value(c, &ignored);
}

uint32_t to_lower(uint32_t c) {
  if (c < 0x80) return c - 'A' < 26u ? c + 32 : c;
  if (has_no_case(c)) return c;
  return static_cast<uint32_t>(utf8proc_tolower(static_cast<utf8proc_int32_t>(c)));
}
uint32_t to_upper(uint32_t c) {
  if (c < 0x80) return c - 'a' < 26u ? c - 32 : c;
  if (c == 0xdf) return c;  // utf8proc prefers U+1E9E
  if (has_no_case(c)) return c;
  return static_cast<uint32_t>(utf8proc_toupper(static_cast<utf8proc_int32_t>(c)));
}
uint32_t to_title(uint32_t c) {
  if (c < 0x80) return to_upper(c);
  if (c == 0xdf) return c;
  if (has_no_case(c)) return c;
  return static_cast<uint32_t>(utf8proc_totitle(static_cast<utf8proc_int32_t>(c)));
}

int to_lower_full(uint32_t c, uint32_t* out) {
  if (c == 0x130) {
    out[0] = 'i';
    out[1] = 0x307;
    return 2;
  }
  out[0] = to_lower(c);
  return 1;
}
int to_upper_full(uint32_t c, uint32_t* out) {
  if (c >= 0x80 && may_be_special(c))
    if (int n = special_case(kSpecialUpper, c, out)) return n;
  out[0] = to_upper(c);
  return 1;
}
const CaseTable& case_table() {
  static const CaseTable table = [] {
    CaseTable made;
    for (uint32_t c = 0; c < CaseTable::kEnd; ++c) {
      uint32_t out[3];
      made.upper[c] = to_upper_full(c, out) == 1 ? static_cast<uint16_t>(out[0]) : 0;
      made.title[c] = to_title_full(c, out) == 1 ? static_cast<uint16_t>(out[0]) : 0;
      made.lower[c] = c != 0x3a3 && to_lower_full(c, out) == 1 ? static_cast<uint16_t>(out[0]) : 0;
    }
    return made;
  }();
  return table;
}
int to_title_full(uint32_t c, uint32_t* out) {
  if (c >= 0x80 && may_be_special(c))
    if (int n = special_case(kSpecialTitle, c, out)) return n;
  out[0] = to_title(c);
  return 1;
}
int to_folded_full(uint32_t c, uint32_t* out) {
  if (c < 0x80) {
    out[0] = to_lower(c);
    return 1;
  }
  if (property(c)->casefold_seqindex == UINT16_MAX) {
    out[0] = c;
    return 1;
  }
  utf8proc_int32_t folded[8];
  int boundary = 0;
  auto n = utf8proc_decompose_char(static_cast<utf8proc_int32_t>(c), folded, 8, UTF8PROC_CASEFOLD, &boundary);
  if (n < 1 || n > 3) {
    out[0] = to_lower(c);
    return 1;
  }
  for (int i = 0; i < n; ++i) out[i] = static_cast<uint32_t>(folded[i]);
  return static_cast<int>(n);
}

}  // namespace unicode
}  // namespace mp

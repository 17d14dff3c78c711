// Properties of code points as Python's str methods see them. The data comes from utf8proc and a small table;
// it knows no str objects.
#pragma once
#include <cstddef>
#include <cstdint>

namespace mp {
namespace unicode {

// Categories by utf8proc's numbers: 0 Cn, 1 Lu, 2 Ll, 3 Lt, 4 Lm, 5 Lo, 6 Mn, 7 Mc, 8 Me, 9 Nd, 10 Nl, 11 No,
// 12 Pc, 13 Pd, 14 Ps, 15 Pe, 16 Pi, 17 Pf, 18 Po, 19 Sm, 20 Sc, 21 Sk, 22 So, 23 Zs, 24 Zl, 25 Zp, 26 Cc, 27
// Cf, 28 Cs, 29 Co
int category(uint32_t c);
const char* category_name(uint32_t c);  // "Lu"

bool is_space(uint32_t c);
bool is_line_break(uint32_t c);
bool is_printable(uint32_t c);
bool is_alpha(uint32_t c);
bool is_lower(uint32_t c);
bool is_upper(uint32_t c);
bool is_title(uint32_t c);
bool is_cased(uint32_t c);
bool is_case_ignorable(uint32_t c);
bool is_identifier_start(uint32_t c);
bool is_identifier_continue(uint32_t c);
int decimal_value(uint32_t c);  // 0..9, or -1
int digit_value(uint32_t c);    // 0..9, or -1
bool numeric_value(uint32_t c, double* value);
inline bool is_alnum_ascii(uint32_t c) { return (c | 32) - 'a' < 26u || c - '0' < 10u; }
bool is_alnum(uint32_t c);

// Simple mappings, one code point to one.
uint32_t to_lower(uint32_t c);
uint32_t to_upper(uint32_t c);
uint32_t to_title(uint32_t c);
// Full mappings: up to 3 code points into `out`; the count.
int to_lower_full(uint32_t c, uint32_t* out);
int to_upper_full(uint32_t c, uint32_t* out);
int to_title_full(uint32_t c, uint32_t* out);
int to_folded_full(uint32_t c, uint32_t* out);

// The mappings of the alphabets with case at hand, made on the first use. 0: ask the functions above (several
// code points, or the neighbours matter).
struct CaseTable {
  static constexpr uint32_t kEnd = 0x590;
  uint16_t upper[kEnd], lower[kEnd], title[kEnd];
};
const CaseTable& case_table();

}  // namespace unicode
}  // namespace mp

// Names of characters. What follows a rule is derived (Hangul, ideographs); the rest comes from a table when
// the build had one.
#include <string>

#include "vm/types/codec_errors.h"

namespace mp {

static const char* const kInitial[] = {"G",  "GG", "N", "D",  "DD", "R", "M", "B", "BB", "S",
                                       "SS", "",   "J", "JJ", "C",  "K", "T", "P", "H"};
static const char* const kMedial[] = {"A",  "AE", "YA", "YAE", "EO", "E",  "YEO", "YE", "O",  "WA", "WAE",
                                      "OE", "YO", "U",  "WEO", "WE", "WI", "YU",  "EU", "YI", "I"};
static const char* const kFinal[] = {"",   "G",  "GG", "GS", "N",  "NJ", "NH", "D", "L",  "LG",
                                     "LM", "LB", "LS", "LT", "LP", "LH", "M",  "B", "BS", "S",
                                     "SS", "NG", "J",  "C",  "K",  "T",  "P",  "H"};

static bool is_unified_ideograph(uint32_t c) {
  return (c >= 0x3400 && c <= 0x4dbf) || (c >= 0x4e00 && c <= 0x9fff) || (c >= 0x20000 && c <= 0x2a6df) ||
         (c >= 0x2a700 && c <= 0x2b739) || (c >= 0x2b740 && c <= 0x2b81d) || (c >= 0x2b820 && c <= 0x2cea1) ||
         (c >= 0x2ceb0 && c <= 0x2ebe0) || (c >= 0x2ebf0 && c <= 0x2ee5d) || (c >= 0x30000 && c <= 0x3134a) ||
         (c >= 0x31350 && c <= 0x323af);
}

std::string table_unicode_name(uint32_t c);
int64_t table_unicode_by_name(const std::string& upper);

std::string unicode_name(uint32_t c) {
  if (c >= 0xac00 && c <= 0xd7a3) {
    uint32_t s = c - 0xac00;
    return std::string("HANGUL SYLLABLE ") + kInitial[s / 588] + kMedial[s % 588 / 28] + kFinal[s % 28];
  }
  if (is_unified_ideograph(c)) return fmt::format("CJK UNIFIED IDEOGRAPH-{:X}", c);
  return table_unicode_name(c);
}

int64_t unicode_by_name(std::string_view name) {
  std::string upper(name);
  for (char& c : upper)
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 32);
  static constexpr std::string_view kIdeograph = "CJK UNIFIED IDEOGRAPH-", kHangul = "HANGUL SYLLABLE ";
  if (upper.compare(0, kIdeograph.size(), kIdeograph) == 0) {
    size_t digits = upper.size() - kIdeograph.size();
    if (digits != 4 && digits != 5) return -1;
    uint32_t c = 0;
    for (size_t i = kIdeograph.size(); i < upper.size(); ++i) {
      char d = upper[i];
      if (!((d >= '0' && d <= '9') || (d >= 'A' && d <= 'F'))) return -1;
      c = c << 4 | static_cast<uint32_t>(d <= '9' ? d - '0' : d - 'A' + 10);
    }
    return is_unified_ideograph(c) ? c : -1;
  }
  if (upper.compare(0, kHangul.size(), kHangul) == 0) {
    std::string rest = upper.substr(kHangul.size());
    for (uint32_t s = 0; s < 11172; ++s)
      if (rest == std::string(kInitial[s / 588]) + kMedial[s % 588 / 28] + kFinal[s % 28]) return 0xac00 + s;
    return -1;
  }
  return table_unicode_by_name(upper);
}

}  // namespace mp

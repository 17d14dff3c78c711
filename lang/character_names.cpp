#include "lang/character_names.h"

#include <cstdio>
#include <cstring>
#include <vector>

#ifdef MINIPY_CHARACTER_NAMES
#include <zlib.h>

#include "character_names.inc"
#endif

namespace mp::lang {

namespace {

constexpr uint32_t kHangulBase = 0xAC00;
constexpr const char* kLeading[] = {"G",  "GG", "N", "D",  "DD", "R", "M", "B", "BB", "S",
                                    "SS", "",   "J", "JJ", "C",  "K", "T", "P", "H"};
constexpr const char* kVowels[] = {"A",  "AE", "YA", "YAE", "EO", "E",  "YEO", "YE", "O",  "WA", "WAE",
                                   "OE", "YO", "U",  "WEO", "WE", "WI", "YU",  "EU", "YI", "I"};
constexpr const char* kTrailing[] = {"",   "G",  "GG", "GS", "N",  "NJ", "NH", "D", "L",  "LG",
                                     "LM", "LB", "LS", "LT", "LP", "LH", "M",  "B", "BS", "S",
                                     "SS", "NG", "J",  "C",  "K",  "T",  "P",  "H"};

struct NumberedRange {
  const char* prefix;
  uint32_t first;
  uint32_t last;
};
// Ranges that UnicodeData.txt gives by their ends only (Unicode 15).
constexpr NumberedRange kNumbered[] = {
    {"CJK UNIFIED IDEOGRAPH-", 0x3400, 0x4DBF},   {"CJK UNIFIED IDEOGRAPH-", 0x4E00, 0x9FFF},
    {"CJK UNIFIED IDEOGRAPH-", 0x20000, 0x2A6DF}, {"CJK UNIFIED IDEOGRAPH-", 0x2A700, 0x2B739},
    {"CJK UNIFIED IDEOGRAPH-", 0x2B740, 0x2B81D}, {"CJK UNIFIED IDEOGRAPH-", 0x2B820, 0x2CEA1},
    {"CJK UNIFIED IDEOGRAPH-", 0x2CEB0, 0x2EBE0}, {"CJK UNIFIED IDEOGRAPH-", 0x2EBF0, 0x2EE5D},
    {"CJK UNIFIED IDEOGRAPH-", 0x30000, 0x3134A}, {"CJK UNIFIED IDEOGRAPH-", 0x31350, 0x323AF},
    {"TANGUT IDEOGRAPH-", 0x17000, 0x187F7},      {"TANGUT IDEOGRAPH-", 0x18D00, 0x18D08},
};

uint32_t read_varint(const char** at) {
  uint32_t value = 0;
  int shift = 0;
  for (;;) {
    unsigned char byte = static_cast<unsigned char>(*(*at)++);
    value |= static_cast<uint32_t>(byte & 0x7F) << shift;
    if (byte < 0x80) return value;
    shift += 7;
  }
}

struct NameTables {
  std::string words;    // lang/tools/make_character_names.cpp says how
  std::string records;  // by code point
};

#ifdef MINIPY_CHARACTER_NAMES
std::string unpacked(const char* packed, unsigned packed_size, uLongf size) {
  std::string out(size, '\0');
  uncompress(reinterpret_cast<Bytef*>(out.data()), &size, reinterpret_cast<const Bytef*>(packed),
             packed_size);
  return out;
}
// Constants, but for the room that they take: unpacked when the first name is asked for.
const NameTables& tables() {
  static const NameTables kTables = {unpacked(kWords, kWordsPacked, kWordsSize),
                                     unpacked(kRecords, kRecordsPacked, kRecordsSize)};
  return kTables;
}
#else
const NameTables& tables() {
  static const NameTables kNone;
  return kNone;
}
#endif

// 0 where no name has this word.
uint32_t word_number(std::string_view word) {
  uint32_t number = 1;
  for (const char *at = tables().words.data(), *end = at + tables().words.size(); at < end; ++number) {
    size_t size = static_cast<unsigned char>(*at);
    if (std::string_view(at + 1, size) == word) return number;
    at += size + 1;
  }
  return 0;
}

std::string_view word_text(uint32_t number) {
  const char* at = tables().words.data();
  while (--number > 0) at += static_cast<unsigned char>(*at) + 1;
  return {at + 1, static_cast<unsigned char>(*at)};
}

// The longest of `parts` that `text` begins with is taken off.
template <size_t kCount>
int take_part(std::string_view* text, const char* const (&parts)[kCount]) {
  int best = -1;
  size_t length = 0;
  for (size_t i = 0; i < kCount; ++i) {
    size_t size = std::strlen(parts[i]);
    if (text->substr(0, size) == parts[i] && (best < 0 || size > length)) {
      best = static_cast<int>(i);
      length = size;
    }
  }
  text->remove_prefix(length);
  return best;
}

int32_t lookup_hangul(std::string_view rest) {
  int leading = take_part(&rest, kLeading), vowel = take_part(&rest, kVowels),
      trailing = take_part(&rest, kTrailing);
  if (leading < 0 || vowel < 0 || trailing < 0 || !rest.empty()) return -1;
  return static_cast<int32_t>(kHangulBase) + (leading * 21 + vowel) * 28 + trailing;
}

int64_t parse_hex(std::string_view digits) {
  if (digits.size() < 4 || digits.size() > 5) return -1;
  int64_t value = 0;
  for (char c : digits) {
    int digit = c >= '0' && c <= '9' ? c - '0' : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
    if (digit < 0) return -1;
    value = value * 16 + digit;
  }
  return value;
}

}  // namespace

int32_t lookup_character_name(std::string_view given) {
  if (given.size() > 256) return -1;
  std::string name;
  for (char c : given) name += c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  std::string_view text = name;
  constexpr std::string_view kHangul = "HANGUL SYLLABLE ";
  if (text.substr(0, kHangul.size()) == kHangul) return lookup_hangul(text.substr(kHangul.size()));
  for (const NumberedRange& range : kNumbered) {
    std::string_view prefix = range.prefix;
    if (text.substr(0, prefix.size()) != prefix) continue;
    int64_t code_point = parse_hex(text.substr(prefix.size()));
    if (code_point >= range.first && code_point <= range.last) return static_cast<int32_t>(code_point);
  }
  // Words, or for a name that ends in its own number: the part up to the hyphen and the number.
  std::vector<uint32_t> words;
  int64_t own = -1;
  for (size_t at = 0; at <= text.size();) {
    size_t end = text.find(' ', at);
    if (end == std::string_view::npos) end = text.size();
    std::string_view word = text.substr(at, end - at);
    uint32_t number = word_number(word);
    size_t hyphen = word.rfind('-');
    if (end == text.size() && hyphen != std::string_view::npos &&
        (own = parse_hex(word.substr(hyphen + 1))) >= 0 && word_number(word.substr(0, hyphen + 1)) != 0 &&
        number == 0) {
      words.push_back(word_number(word.substr(0, hyphen + 1)));
      words.push_back(0);
    } else {
      own = -1;
      if (number == 0) return -1;
      words.push_back(number);
    }
    at = end + 1;
  }
  uint32_t code_point = 0;
  for (const char *at = tables().records.data(), *end = at + tables().records.size(); at < end;) {
    code_point += read_varint(&at);
    size_t count = static_cast<unsigned char>(*at++);
    bool same = count == words.size() && (own < 0 || own == code_point);
    for (size_t i = 0; i < count; ++i) {
      uint32_t word = read_varint(&at);
      same = same && word == words[i];
    }
    if (same) return static_cast<int32_t>(code_point);
  }
  return -1;
}

std::string character_name(uint32_t wanted) {
  char own[16];
  std::snprintf(own, sizeof own, "%04X", wanted);
  if (wanted >= kHangulBase && wanted < kHangulBase + 19 * 21 * 28) {
    uint32_t index = wanted - kHangulBase;
    return std::string("HANGUL SYLLABLE ") + kLeading[index / 588] + kVowels[index % 588 / 28] +
           kTrailing[index % 28];
  }
  for (const NumberedRange& range : kNumbered)
    if (wanted >= range.first && wanted <= range.last) return std::string(range.prefix) + own;
  uint32_t code_point = 0;
  for (const char *at = tables().records.data(), *end = at + tables().records.size(); at < end;) {
    code_point += read_varint(&at);
    size_t count = static_cast<unsigned char>(*at++);
    std::string name;
    for (size_t i = 0; i < count; ++i) {
      uint32_t word = read_varint(&at);
      if (code_point != wanted) continue;
      if (word == 0) {
        name += own;
      } else {
        if (i > 0) name += ' ';
        name += word_text(word);
      }
    }
    // The first record is the name; aliases follow. Control characters have aliases only.
    if (code_point == wanted)
      return wanted < 0x20 || (wanted >= 0x7F && wanted < 0xA0) ? std::string() : name;
    if (code_point > wanted) break;
  }
  return {};
}

}  // namespace mp::lang

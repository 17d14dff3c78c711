// unicodedata, on utf8proc; names through lang/character_names.h.
// (vm/types/unicode_name_table.cpp).
#include <utf8proc.h>

#include <algorithm>
#include <vector>

#include "vm/native/native.h"
#include "vm/os/memory.h"
#include "vm/protocol/protocol.h"
#include "vm/types/codec_errors.h"
#include "vm/types/number.h"
#include "vm/types/str_internal.h"
#include "vm/types/unicode.h"

namespace mp {

namespace {

Result<uint32_t> one_char(Thread& t, Value v, const char* function, bool numbered) {
  if (!is_str(v)) {
    return t.raise(Exc::TypeError, "{}() argument{} must be a unicode character, not {}", function,
                   numbered ? " 1" : "", type_name(t, v));
  }
  if (v.as<StrObject>()->length() != 1) {
    return t.raise(Exc::TypeError, "{}(): argument must be a unicode character, not a string of length {}",
                   function, v.as<StrObject>()->length());
  }
  return v.as<StrObject>()->at(0);
}

const utf8proc_property_t* property(uint32_t c) {
  return utf8proc_get_property(static_cast<utf8proc_int32_t>(c));
}
Result<Value> text(Thread& t, std::string_view s) { return str_or_error(make_str(t, s)); }

Result<Value> ud_category(Thread& t, const Value* args) {
  return text(t, unicode::category_name(TRY(one_char(t, args[0], "category", false))));
}

Result<Value> ud_bidirectional(Thread& t, const Value* args) {
  static const char* const kNames[] = {"",    "L",  "LRE", "LRO", "R",   "AL",  "RLE", "RLO",
                                       "PDF", "EN", "ES",  "ET",  "AN",  "CS",  "NSM", "BN",
                                       "B",   "S",  "WS",  "ON",  "LRI", "RLI", "FSI", "PDI"};
  uint32_t c = TRY(one_char(t, args[0], "bidirectional", false));
  if (unicode::category(c) == 0) return text(t, "");
  size_t i = property(c)->bidi_class;
  return text(t, i < std::size(kNames) ? kNames[i] : "");
}

Result<Value> ud_combining(Thread& t, const Value* args) {
  return Value::from_int(property(TRY(one_char(t, args[0], "combining", false)))->combining_class);
}
Result<Value> ud_mirrored(Thread& t, const Value* args) {
  return Value::from_int(property(TRY(one_char(t, args[0], "mirrored", false)))->bidi_mirrored);
}

Result<Value> ud_east_asian_width(Thread& t, const Value* args) {
  uint32_t c = TRY(one_char(t, args[0], "east_asian_width", false));
  if (c >= 0x20 && c < 0x7f) return text(t, "Na");
  if (c == 0x20a9 || (c >= 0xff61 && c <= 0xffdc) || (c >= 0xffe8 && c <= 0xffee)) return text(t, "H");
  if (c == 0x3000 || (c >= 0xff01 && c <= 0xff60) || (c >= 0xffe0 && c <= 0xffe6)) return text(t, "F");
  if (property(c)->charwidth == 2) return text(t, "W");
  // Ambiguous in East Asian typesetting: the ranges that text-width code asks for.
  static constexpr uint32_t kAmbiguous[][2] = {
      {0xa1, 0xa1},     {0xa4, 0xa4},     {0xa7, 0xa8},     {0xaa, 0xaa},     {0xad, 0xae},
      {0xb0, 0xb4},     {0xb6, 0xba},     {0xbc, 0xbf},     {0xc6, 0xc6},     {0xd0, 0xd0},
      {0xd7, 0xd8},     {0xde, 0xe1},     {0xe6, 0xe6},     {0xe8, 0xea},     {0xec, 0xed},
      {0xf0, 0xf0},     {0xf2, 0xf3},     {0xf7, 0xfa},     {0xfc, 0xfc},     {0xfe, 0xfe},
      {0x300, 0x36f},   {0x391, 0x3a1},   {0x3a3, 0x3a9},   {0x3b1, 0x3c1},   {0x3c3, 0x3c9},
      {0x401, 0x401},   {0x410, 0x44f},   {0x451, 0x451},   {0x2010, 0x2010}, {0x2013, 0x2016},
      {0x2018, 0x2019}, {0x201c, 0x201d}, {0x2020, 0x2022}, {0x2024, 0x2027}, {0x2030, 0x2030},
      {0x2032, 0x2033}, {0x2190, 0x2199}, {0x2500, 0x254b}, {0x2550, 0x2573}, {0x2580, 0x258f},
      {0x2592, 0x2595}, {0x25a0, 0x25a1}, {0xe000, 0xf8ff}, {0xfe00, 0xfe0f}, {0xfffd, 0xfffd}};
  for (auto& range : kAmbiguous)
    if (c >= range[0] && c <= range[1]) return text(t, "A");
  return text(t, "N");
}

Result<Value> ud_decimal(Thread& t, const Value* args) {
  int value = unicode::decimal_value(TRY(one_char(t, args[0], "decimal", true)));
  if (value >= 0) return Value::from_int(value);
  if (!args[1].is_empty()) return args[1];
  return t.raise(Exc::ValueError, "not a decimal");
}
Result<Value> ud_digit(Thread& t, const Value* args) {
  int value = unicode::digit_value(TRY(one_char(t, args[0], "digit", true)));
  if (value >= 0) return Value::from_int(value);
  if (!args[1].is_empty()) return args[1];
  return t.raise(Exc::ValueError, "not a digit");
}
Result<Value> ud_numeric(Thread& t, const Value* args) {
  double value;
  if (unicode::numeric_value(TRY(one_char(t, args[0], "numeric", true)), &value)) return make_float(t, value);
  if (!args[1].is_empty()) return args[1];
  return t.raise(Exc::ValueError, "not a numeric character");
}

Result<Value> ud_name(Thread& t, const Value* args) {
  uint32_t c = TRY(one_char(t, args[0], "name", true));
  std::string name = unicode_name(c);
  if (!name.empty()) return text(t, name);
  if (!args[1].is_empty()) return args[1];
  return t.raise(Exc::ValueError, "no such name");
}
Result<Value> ud_lookup(Thread& t, const Value* args) {
  if (!is_str(args[0]))
    return t.raise(Exc::TypeError, "lookup() argument must be str, not {}", type_name(t, args[0]));
  std::string name = to_utf8(args[0].as<StrObject>());
  int64_t c = unicode_by_name(name);
  if (c >= 0) return str_or_error(make_str_char(t, static_cast<uint32_t>(c)));
  return t.raise_value(Exc::KeyError, Value(make_str(t, fmt::format("undefined character name '{}'", name))));
}

Result<Value> ud_decomposition(Thread& t, const Value* args) {
  uint32_t c = TRY(one_char(t, args[0], "decomposition", false));
  const utf8proc_property_t* p = property(c);
  if (p->decomp_seqindex == UINT16_MAX || (c >= 0xac00 && c <= 0xd7a3)) return text(t, "");
  static const char* const kTypes[] = {"",         "font",   "noBreak", "initial",  "medial",   "final",
                                       "isolated", "circle", "super",   "sub",      "vertical", "wide",
                                       "narrow",   "small",  "square",  "fraction", "compat"};
  // utf8proc stores the full decomposition of canonical pairs one step at a time: what it returns without
  // recursion is not public, so a canonical mapping is rebuilt as composed prefix plus last mark.
  utf8proc_int32_t buffer[32];
  int boundary = 0;
  auto options = static_cast<utf8proc_option_t>(p->decomp_type != 0 ? UTF8PROC_DECOMPOSE | UTF8PROC_COMPAT
                                                                    : UTF8PROC_DECOMPOSE);
  auto n = utf8proc_decompose_char(static_cast<utf8proc_int32_t>(c), buffer, 32, options, &boundary);
  if (n < 1) return text(t, "");
  std::string out;
  if (p->decomp_type != 0 && static_cast<size_t>(p->decomp_type) < std::size(kTypes))
    out = fmt::format("<{}>", kTypes[p->decomp_type]);
  std::vector<uint32_t> parts(buffer, buffer + n);
  auto compose = [](const std::string& utf8) {
    utf8proc_uint8_t* made = utf8proc_NFC(reinterpret_cast<const utf8proc_uint8_t*>(utf8.c_str()));
    if (made == nullptr) return uint32_t{0};
    const uint8_t* q = made;
    uint32_t first = next_utf8(q, made + std::char_traits<char>::length(reinterpret_cast<char*>(made)));
    bool single = *q == 0;
    std::free(made);
    return single ? first : 0;
  };
  if (p->decomp_type == 0 && n >= 2) {
    std::string whole;
    for (uint32_t part : parts) append_utf8_char(whole, part);
    uint32_t other = compose(whole);
    if (other != 0 && other != c) return text(t, fmt::format("{:04X}", other));  // a singleton
  }
  if (p->decomp_type == 0 && n > 2) {
    std::string prefix;
    for (size_t i = 0; i + 1 < parts.size(); ++i) append_utf8_char(prefix, parts[i]);
    if (uint32_t first = compose(prefix)) parts = {first, parts.back()};
  }
  for (uint32_t part : parts) out += fmt::format("{}{:04X}", out.empty() ? "" : " ", part);
  return text(t, out);
}

// ---------------------------------------------------------------- normalisation

bool all_below(const StrObject* s, uint32_t limit) {
  if (s->width() == 1 && limit >= 0x100) return true;
  for (size_t i = 0; i < s->length(); ++i)
    if (s->at(i) >= limit) return false;
  return true;
}

Result<Value> normalized(Thread& t, std::string_view form, StrObject* s) {
  int options;
  if (form == "NFC") {
    options = UTF8PROC_COMPOSE | UTF8PROC_STABLE;
  } else if (form == "NFD") {
    options = UTF8PROC_DECOMPOSE | UTF8PROC_STABLE;
  } else if (form == "NFKC") {
    options = UTF8PROC_COMPOSE | UTF8PROC_STABLE | UTF8PROC_COMPAT;
  } else if (form == "NFKD") {
    options = UTF8PROC_DECOMPOSE | UTF8PROC_STABLE | UTF8PROC_COMPAT;
  } else {
    return t.raise(Exc::ValueError, "invalid normalization form");
  }
  if (s->is_ascii()) return str_or_error(str_plain(t, s));
  // Below U+0300 nothing composes with what stands before it, and what could be decomposed is composed.
  if (form == "NFC" && all_below(s, 0x300)) return str_or_error(str_plain(t, s));
  const uint32_t first_special =
      (options & UTF8PROC_COMPAT) != 0 ? 0xa0 : 0xc0;  // those below decompose to themselves
  // Surrogates are unknown to utf8proc: text between them is normalised by itself.
  StrBuilder out(t);
  size_t n = s->length();
  for (size_t i = 0; i < n;) {
    uint32_t c = s->at(i);
    if (c >= 0xd800 && c <= 0xdfff) {
      out.append(c);
      ++i;
      continue;
    }
    std::vector<utf8proc_int32_t> decomposed;
    int boundary = 0;
    for (; i < n; ++i) {
      if (!os::make_room(decomposed, 32)) return t.raise_memory_error();
      c = s->at(i);
      if (c >= 0xd800 && c <= 0xdfff) break;
      if (c < first_special) {
        decomposed.push_back(static_cast<utf8proc_int32_t>(c));
        continue;
      }
      utf8proc_int32_t piece[32];
      auto step = static_cast<utf8proc_option_t>((options & UTF8PROC_COMPAT) | UTF8PROC_DECOMPOSE);
      auto count = utf8proc_decompose_char(static_cast<utf8proc_int32_t>(c), piece, 32, step, &boundary);
      for (int k = 0; k < count && k < 32; ++k) decomposed.push_back(piece[k]);
    }
    // Canonical ordering.
    size_t begin = 0;
    while (begin < decomposed.size()) {
      if (decomposed[begin] < 0x300 ||
          property(static_cast<uint32_t>(decomposed[begin]))->combining_class == 0) {
        ++begin;
        continue;
      }
      size_t end = begin;
      while (end < decomposed.size() &&
             property(static_cast<uint32_t>(decomposed[end]))->combining_class != 0)
        ++end;
      std::stable_sort(decomposed.begin() + static_cast<int64_t>(begin),
                       decomposed.begin() + static_cast<int64_t>(end),
                       [](utf8proc_int32_t a, utf8proc_int32_t b) {
                         return property(static_cast<uint32_t>(a))->combining_class <
                                property(static_cast<uint32_t>(b))->combining_class;
                       });
      begin = end;
    }
    auto length = static_cast<utf8proc_ssize_t>(decomposed.size());
    if ((options & UTF8PROC_COMPOSE) != 0) {
      length = utf8proc_normalize_utf32(decomposed.data(), length,
                                        static_cast<utf8proc_option_t>(UTF8PROC_COMPOSE | UTF8PROC_STABLE));
    }
    for (utf8proc_ssize_t k = 0; k < length; ++k)
      out.append(static_cast<uint32_t>(decomposed[static_cast<size_t>(k)]));
  }
  return out.finish();
}

Status check_form(Thread& t, const Value* args, const char* function) {
  for (int i = 0; i < 2; ++i) {
    if (!is_str(args[i])) {
      return t.raise(Exc::TypeError, "{}() argument {} must be str, not {}", function, i + 1,
                     type_name(t, args[i]));
    }
  }
  return {};
}

Result<Value> ud_normalize(Thread& t, const Value* args) {
  TRY(check_form(t, args, "normalize"));
  return normalized(t, to_utf8(args[0].as<StrObject>()), args[1].as<StrObject>());
}
Result<Value> ud_is_normalized(Thread& t, const Value* args) {
  TRY(check_form(t, args, "is_normalized"));
  Value made = TRY(normalized(t, to_utf8(args[0].as<StrObject>()), args[1].as<StrObject>()));
  return Value::from_bool(str_equal(made.as<StrObject>(), args[1].as<StrObject>()));
}

const NativeDef kFunctions[] = {
    MP_FUNCTION(ud_category, "category(chr, /)",
                "Returns the general category assigned to the character chr as string."),
    MP_FUNCTION(ud_bidirectional, "bidirectional(chr, /)",
                "Returns the bidirectional class assigned to the character chr as string."),
    MP_FUNCTION(ud_combining, "combining(chr, /)",
                "Returns the canonical combining class assigned to the character chr as integer."),
    MP_FUNCTION(ud_mirrored, "mirrored(chr, /)",
                "Returns the mirrored property assigned to the character chr as integer."),
    MP_FUNCTION(ud_east_asian_width, "east_asian_width(chr, /)",
                "Returns the east asian width assigned to the character chr as string."),
    MP_FUNCTION(ud_decimal, "decimal(chr, default=?, /)",
                "Converts a Unicode character into its equivalent decimal value."),
    MP_FUNCTION(ud_digit, "digit(chr, default=?, /)",
                "Converts a Unicode character into its equivalent digit value."),
    MP_FUNCTION(ud_numeric, "numeric(chr, default=?, /)",
                "Converts a Unicode character into its equivalent numeric value."),
    MP_FUNCTION(ud_name, "name(chr, default=?, /)",
                "Returns the name assigned to the character chr as a string."),
    MP_FUNCTION(ud_lookup, "lookup(name, /)", "Look up character by name."),
    MP_FUNCTION(ud_decomposition, "decomposition(chr, /)",
                "Returns the character decomposition mapping assigned to the character chr as string."),
    MP_FUNCTION(ud_normalize, "normalize(form, unistr, /)",
                "Return the normal form 'form' for the Unicode string unistr."),
    MP_FUNCTION(ud_is_normalized, "is_normalized(form, unistr, /)",
                "Return whether the Unicode string unistr is in the normal form 'form'."),
    MP_END};

Status init_module(Thread& t, ModuleObject* module) {
  // `stringprep` asks for the old database by name; the present one is close enough for it.
  TRY(module_add(t, module, "ucd_3_2_0", Value(module)));
  return module_add_text(t, module, "unidata_version", utf8proc_unicode_version());
}

}  // namespace

extern const ModuleSpec kUnicodedataModule;
const ModuleSpec kUnicodedataModule = {"unicodedata", "Access to the Unicode Character Database.", kFunctions,
                                       init_module};

}  // namespace mp

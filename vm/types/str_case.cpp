// Case mapping and character class tests of str.
#include <cstdlib>
#include <memory>

#include "vm/types/str_methods.h"
#include "vm/types/unicode.h"

namespace mp {

// 'Σ' at the end of a word is 'ς' (Unicode, Final_Sigma).
static uint32_t lower_sigma(const StrObject* s, size_t i) {
  size_t j = i;
  bool cased_before = false;
  while (j-- > 0) {
    uint32_t c = s->at(j);
    if (!unicode::is_case_ignorable(c)) {
      cased_before = unicode::is_cased(c);
      break;
    }
  }
  if (!cased_before) return 0x3c3;
  for (j = i + 1; j < s->length(); ++j) {
    uint32_t c = s->at(j);
    if (!unicode::is_case_ignorable(c)) return unicode::is_cased(c) ? 0x3c3 : 0x3c2;
  }
  return 0x3c2;
}

static int lower_at(const StrObject* s, size_t i, uint32_t c, uint32_t* out) {
  const auto& table = unicode::case_table();
  if (c < table.kEnd && (out[0] = table.lower[c]) != 0) return 1;
  if (c == 0x3a3) {
    out[0] = lower_sigma(s, i);
    return 1;
  }
  return unicode::to_lower_full(c, out);
}

// map(index, code point, out[3]) -> count.
template <class Map>
static Result<Value> map_text(Thread& t, StrObject* s, Map&& map) {
  constexpr size_t kLocal = 512;
  uint32_t local[kLocal];
  size_t n = s->length();
  std::unique_ptr<uint32_t, decltype(&std::free)> longer(nullptr, std::free);
  uint32_t* out = local;
  if (n > kLocal / 3) {
    longer.reset(static_cast<uint32_t*>(std::malloc(n * 3 * sizeof(uint32_t))));
    if (longer == nullptr) return t.raise_memory_error();
    out = longer.get();
  }
  size_t count = 0;
  with_width(s, [&](auto* data) {
    for (size_t i = 0; i < n; ++i) count += static_cast<size_t>(map(i, data[i], out + count));
  });
  return str_or_error(make_str_utf32(t, out, count));
}

template <class Map>
static Result<Value> map_ascii(Thread& t, StrObject* s, Map&& map) {
  size_t n = s->length();
  if (n == 0) return Value(empty_str(t));
  StrObject* out = allocate_ascii(t, n);
  if (out == nullptr) return Error{};
  const uint8_t* in = s->data8();
  auto* p = static_cast<uint8_t*>(out->data());
  for (size_t i = 0; i < n; ++i) p[i] = map(in[i]);
  return Value(out);
}

static int title_at(uint32_t c, uint32_t* out) {
  const auto& table = unicode::case_table();
  if (c < table.kEnd && (out[0] = table.title[c]) != 0) return 1;
  return unicode::to_title_full(c, out);
}

static uint8_t ascii_lower(uint8_t c) {
  return static_cast<uint8_t>(c + (static_cast<uint8_t>(c - 'A') < 26 ? 32 : 0));
}
static uint8_t ascii_upper(uint8_t c) {
  return static_cast<uint8_t>(c - (static_cast<uint8_t>(c - 'a') < 26 ? 32 : 0));
}
static bool ascii_alpha(uint8_t c) { return static_cast<uint8_t>((c | 32) - 'a') < 26; }

Result<Value> str_method_lower(Thread& t, const Value* args) {
  auto* s = args[0].as<StrObject>();
  if (s->is_ascii()) return map_ascii(t, s, [](uint8_t c) { return ascii_lower(c); });
  return map_text(t, s, [&](size_t i, uint32_t c, uint32_t* out) { return lower_at(s, i, c, out); });
}

Result<Value> str_method_upper(Thread& t, const Value* args) {
  auto* s = args[0].as<StrObject>();
  if (s->is_ascii()) return map_ascii(t, s, [](uint8_t c) { return ascii_upper(c); });
  const auto& table = unicode::case_table();
  return map_text(t, s, [&](size_t, uint32_t c, uint32_t* out) {
    if (c < table.kEnd && (out[0] = table.upper[c]) != 0) return 1;
    return unicode::to_upper_full(c, out);
  });
}

Result<Value> str_method_casefold(Thread& t, const Value* args) {
  auto* s = args[0].as<StrObject>();
  if (s->is_ascii()) return map_ascii(t, s, [](uint8_t c) { return ascii_lower(c); });
  return map_text(t, s, [](size_t, uint32_t c, uint32_t* out) { return unicode::to_folded_full(c, out); });
}

Result<Value> str_method_title(Thread& t, const Value* args) {
  auto* s = args[0].as<StrObject>();
  bool in_word = false;
  if (s->is_ascii()) {
    return map_ascii(t, s, [&](uint8_t c) {
      uint8_t mapped = in_word ? ascii_lower(c) : ascii_upper(c);
      in_word = ascii_alpha(c);
      return mapped;
    });
  }
  return map_text(t, s, [&](size_t i, uint32_t c, uint32_t* out) {
    int n = in_word ? lower_at(s, i, c, out) : title_at(c, out);
    in_word = out[0] != c || unicode::is_cased(c);
    return n;
  });
}

Result<Value> str_method_capitalize(Thread& t, const Value* args) {
  auto* s = args[0].as<StrObject>();
  if (s->is_ascii()) {
    bool first = true;
    return map_ascii(t, s, [&](uint8_t c) {
      uint8_t mapped = first ? ascii_upper(c) : ascii_lower(c);
      first = false;
      return mapped;
    });
  }
  return map_text(t, s, [&](size_t i, uint32_t c, uint32_t* out) {
    return i == 0 ? title_at(c, out) : lower_at(s, i, c, out);
  });
}

Result<Value> str_method_swapcase(Thread& t, const Value* args) {
  auto* s = args[0].as<StrObject>();
  if (s->is_ascii()) {
    return map_ascii(t, s, [](uint8_t c) { return ascii_alpha(c) ? static_cast<uint8_t>(c ^ 32) : c; });
  }
  return map_text(t, s, [&](size_t i, uint32_t c, uint32_t* out) {
    if (unicode::is_upper(c)) return lower_at(s, i, c, out);
    if (unicode::is_lower(c)) return unicode::to_upper_full(c, out);
    out[0] = c;
    return 1;
  });
}

// ---------------------------------------------------------------- tests

template <class Test>
static Result<Value> all_of(const Value* args, bool when_empty, Test&& test) {
  auto* s = args[0].as<StrObject>();
  size_t n = s->length();
  if (n == 0) return Value::from_bool(when_empty);
  return with_width(s, [&](auto* data) {
    for (size_t i = 0; i < n; ++i)
      if (!test(static_cast<uint32_t>(data[i]))) return Value::from_bool(false);
    return Value::from_bool(true);
  });
}

Result<Value> str_method_isalpha(Thread&, const Value* args) {
  return all_of(args, false, unicode::is_alpha);
}
Result<Value> str_method_isalnum(Thread&, const Value* args) {
  return all_of(args, false, unicode::is_alnum);
}
Result<Value> str_method_isascii(Thread&, const Value* args) {
  return Value::from_bool(args[0].as<StrObject>()->is_ascii());
}
Result<Value> str_method_isdecimal(Thread&, const Value* args) {
  return all_of(args, false, [](uint32_t c) { return unicode::decimal_value(c) >= 0; });
}
Result<Value> str_method_isdigit(Thread&, const Value* args) {
  return all_of(args, false, [](uint32_t c) { return unicode::digit_value(c) >= 0; });
}
Result<Value> str_method_isnumeric(Thread&, const Value* args) {
  return all_of(args, false, [](uint32_t c) {
    double ignored;
    return unicode::numeric_value(c, &ignored);
  });
}
Result<Value> str_method_isspace(Thread&, const Value* args) {
  return all_of(args, false, unicode::is_space);
}
Result<Value> str_method_isprintable(Thread&, const Value* args) {
  return all_of(args, true, unicode::is_printable);
}
Result<Value> str_method_isidentifier(Thread&, const Value* args) {
  bool first = true;
  return all_of(args, false, [&](uint32_t c) {
    bool fits = first ? unicode::is_identifier_start(c) : unicode::is_identifier_continue(c);
    first = false;
    return fits;
  });
}

Result<Value> str_method_islower(Thread&, const Value* args) {
  bool cased = false;
  Value clean = all_of(args, false, [&](uint32_t c) {
                  if (unicode::is_upper(c) || unicode::is_title(c)) return false;
                  cased = cased || unicode::is_lower(c);
                  return true;
                }).take();
  return Value::from_bool(cased && clean.is_true());
}
Result<Value> str_method_isupper(Thread&, const Value* args) {
  bool cased = false;
  Value clean = all_of(args, false, [&](uint32_t c) {
                  if (unicode::is_lower(c) || unicode::is_title(c)) return false;
                  cased = cased || unicode::is_upper(c);
                  return true;
                }).take();
  return Value::from_bool(cased && clean.is_true());
}
Result<Value> str_method_istitle(Thread&, const Value* args) {
  bool cased = false, in_word = false;
  Value clean = all_of(args, false, [&](uint32_t c) {
                  if (unicode::is_upper(c) || unicode::is_title(c)) {
                    if (in_word) return false;
                    cased = in_word = true;
                  } else if (unicode::is_lower(c)) {
                    if (!in_word) return false;
                  } else {
                    in_word = false;
                  }
                  return true;
                }).take();
  return Value::from_bool(cased && clean.is_true());
}

}  // namespace mp

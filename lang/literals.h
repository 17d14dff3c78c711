// Literals: what numbers and strings of the source text mean. Pure functions; the compiler and the parser
// share them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "lang/arena.h"
#include "lang/ast.h"
#include "lang/character_names.h"

namespace mp::lang {

// CPython's sys.int_info.default_max_str_digits: more decimal digits are a SyntaxError.
inline constexpr size_t kMaxDecimalDigits = 4300;

struct LiteralError {
  std::string message;
  const char* at = nullptr;         // where CPython's tokenizer stood
  const char* range_end = nullptr;  // set: the error covers [at, range_end)
  bool warning = false;
};

// What stands directly behind a number: "1_", "1abc", "0777", "0b12". False: an error, or a warning ("1if").
bool check_number_end(std::string_view number, const char* behind, LiteralError* problem);

// A number token. False (too many digits): `message` says so.
bool parse_number(std::string_view text, Arena& arena, ConstantValue* value, std::string* message);

// An invalid escape sequence: `offset` into the body, `width` bytes of it.
struct EscapeWarning {
  std::string message;
  uint32_t offset;
  uint32_t width;
};

struct DecodeResult {
  std::string_view text;  // in the arena, or a part of the source where nothing had to be decoded
  std::string error;      // CPython's message; empty: success
};

// The body between the quotes. `flags` are the prefixes of token.h. At most one warning, as CPython does.
DecodeResult decode_string(std::string_view body, uint8_t flags, Arena& arena,
                           std::vector<EscapeWarning>* warnings);
// f-string text: as a str body, where {{ and }} stand for { and } unless it is a format spec.
DecodeResult decode_fstring_text(std::string_view body, uint8_t flags, Arena& arena,
                                 std::vector<EscapeWarning>* warnings);

}  // namespace mp::lang

// Tokens: what the lexer and layout produce and the parser reads. No grammar here.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "lang/arena.h"
#include "lang/diagnostic.h"

namespace mp::lang {

struct Constant;

enum class TokenKind : uint8_t {
  End = 0,
  // 1 and 2 are Bison's own.
  BeforeFirst = 2,
#define MP_TOKEN(Name, text) Name,
#define MP_KEYWORD(Name, text) Name,
#define MP_AUGMENTED(Name, text) Name,
#include "lang/tokens.def"
#undef MP_TOKEN
#undef MP_KEYWORD
#undef MP_AUGMENTED
  // Internal to the lexer and layout, never seen by the parser.
  RawNewline,
  RawComment,
  RawContinuation,
  RawStringStart,
  RawBang,
  RawIllegal,
};

const char* token_text(TokenKind kind);
bool is_keyword(TokenKind kind);

struct Token {
  TokenKind kind = TokenKind::End;
  // FStringStart: prefix flags; brackets: nothing.
  uint8_t flags = 0;
  // How many brackets are open behind this token (CPython's Token.level).
  uint16_t level = 0;
  Span span;
  // Name: the identifier; Number: its constant; FStringMiddle: nothing, the span says all.
  union Value {
    Identifier name;
    Constant* constant;
    Value() : constant(nullptr) {}
  } value;
};

// String prefixes, of String and FStringStart tokens.
inline constexpr uint8_t kPrefixRaw = 1;
inline constexpr uint8_t kPrefixBytes = 2;
inline constexpr uint8_t kPrefixUnicode = 4;
inline constexpr uint8_t kPrefixFormat = 8;
inline constexpr uint8_t kTriple = 16;
// FStringMiddle: in a format spec (so {{ is no escape).
inline constexpr uint8_t kInSpec = 32;

struct TokenStream {
  std::vector<Token> tokens;  // ends with End or Error
  // Set when the last token is Error.
  Diagnostic error;
  bool has_error = false;
  // The error is that the text ended inside of a string or bracket: more text may help.
  bool error_at_end = false;
  // Brackets still open where the tokens end: offset of the innermost one.
  bool unclosed = false;
  uint32_t unclosed_at = 0;
  std::vector<Diagnostic> warnings;
};

}  // namespace mp::lang

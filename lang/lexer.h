// The lexer: pure functions from a NUL-terminated text to raw tokens, one per lexical mode. It knows no
// layout and no brackets.
#pragma once

#include "lang/token.h"

namespace mp::lang {

struct RawToken {
  TokenKind kind;
  const char* begin;
  const char* end;
};

// Ordinary code. Skips blanks before the token; comments, line ends and continuations are tokens of their
// own. A NUL is End: the caller tells the end of the text from a NUL byte in it (Source has rejected those).
RawToken lex_code(const char* cursor);

// The width of the blanks at the start of a line, as CPython measures: tabs to 8 and tabs to 1.
struct Indentation {
  int column = 0;
  int alternative_column = 0;
  const char* end = nullptr;
  bool after_continuation = false;
};
Indentation lex_indentation(const char* line_start);

// Behind an opening quote: returns the position of the closing quote, or null where the string is not
// terminated; `stop` is then where the scan ended (the newline, or the end of the text).
const char* find_string_end(const char* body, const char* limit, char quote, bool triple, const char** stop);

enum class TextEnd : uint8_t { Quote, Field, CloseBrace, Newline, End };
// f-string text (or the text of a format spec) from `cursor` to what ends it; {{ and }} outside a spec are
// text.
TextEnd lex_fstring_text(const char* cursor, char quote, bool triple, bool raw, const char** end);
TextEnd lex_format_spec(const char* cursor, char quote, bool triple, bool raw, const char** end);

}  // namespace mp::lang

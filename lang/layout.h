// Layout turns raw tokens into Python's tokens: NEWLINE, INDENT, DEDENT, soft keywords, f-strings. It knows
// brackets, not grammar.
#pragma once

#include "lang/arena.h"
#include "lang/frontend.h"
#include "lang/source.h"
#include "lang/token.h"

namespace mp::lang {

// CPython's limits: MAXLEVEL, MAXINDENT, MAXFSTRINGLEVEL, MAX_EXPR_NESTING.
inline constexpr int kMaxBrackets = 200;
inline constexpr int kMaxIndentation = 100;
inline constexpr int kMaxFStrings = 150;
inline constexpr int kMaxFieldNesting = 3;

// All tokens of a source. A lexical error ends the stream with an Error token, so that a syntax error before
// it is found first.
TokenStream tokenize(const Source& source, Arena& arena, Mode mode = Mode::Exec);

// `minipy -d tokens`: one line per token.
std::string dump_tokens(const Source& source, const TokenStream& stream);

}  // namespace mp::lang

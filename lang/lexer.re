// The lexical rules of Python 3.13, for re2c. See lexer.h.
#include "lang/lexer.h"

namespace mp::lang {

/*!re2c
  re2c:yyfill:enable = 0;
  re2c:flags:input = default;
  re2c:define:YYCTYPE = "unsigned char";
  re2c:define:YYCURSOR = cursor;
  re2c:define:YYMARKER = marker;

  digit_part  = [0-9] ("_"? [0-9])*;
  exponent    = [eE] [+-]? digit_part;
  decimal     = [0-9] ("_"? [0-9])*;
  hexadecimal = "0" [xX] ("_"? [0-9a-fA-F])+;
  octal       = "0" [oO] ("_"? [0-7])+;
  binary      = "0" [bB] ("_"? [01])+;
  point_float = digit_part "." digit_part? | "." digit_part;
  floating    = point_float exponent? | digit_part exponent;
  number      = decimal | hexadecimal | octal | binary | floating | (digit_part | floating) [jJ];

  name_start  = [a-zA-Z_\x80-\xff];
  name_part   = [a-zA-Z0-9_\x80-\xff];
  prefix      = [rR] | [bB] | [uU] | [fF] | [rR][bB] | [bB][rR] | [rR][fF] | [fF][rR];
*/

namespace {
RawToken raw(TokenKind kind, const unsigned char* begin, const unsigned char* end) {
  return {kind, reinterpret_cast<const char*>(begin), reinterpret_cast<const char*>(end)};
}
}  // namespace

RawToken lex_code(const char* text) {
  const unsigned char* cursor = reinterpret_cast<const unsigned char*>(text);
  const unsigned char* marker = nullptr;
  const unsigned char* begin;
again:
  begin = cursor;
  /*!re2c
  [ \t\f]+               { goto again; }
  "\x00"                 { return raw(TokenKind::End, begin, begin); }
  "\n"                   { return raw(TokenKind::RawNewline, begin, cursor); }
  "#" [^\n\x00]*         { return raw(TokenKind::RawComment, begin, cursor); }
  "\\\n"                 { return raw(TokenKind::RawContinuation, begin, cursor); }

  "False"                { return raw(TokenKind::False, begin, cursor); }
  "None"                 { return raw(TokenKind::None, begin, cursor); }
  "True"                 { return raw(TokenKind::True, begin, cursor); }
  "and"                  { return raw(TokenKind::And, begin, cursor); }
  "as"                   { return raw(TokenKind::As, begin, cursor); }
  "assert"               { return raw(TokenKind::Assert, begin, cursor); }
  "async"                { return raw(TokenKind::Async, begin, cursor); }
  "await"                { return raw(TokenKind::Await, begin, cursor); }
  "break"                { return raw(TokenKind::Break, begin, cursor); }
  "class"                { return raw(TokenKind::Class, begin, cursor); }
  "continue"             { return raw(TokenKind::Continue, begin, cursor); }
  "def"                  { return raw(TokenKind::Def, begin, cursor); }
  "del"                  { return raw(TokenKind::Del, begin, cursor); }
  "elif"                 { return raw(TokenKind::Elif, begin, cursor); }
  "else"                 { return raw(TokenKind::Else, begin, cursor); }
  "except"               { return raw(TokenKind::Except, begin, cursor); }
  "finally"              { return raw(TokenKind::Finally, begin, cursor); }
  "for"                  { return raw(TokenKind::For, begin, cursor); }
  "from"                 { return raw(TokenKind::From, begin, cursor); }
  "global"               { return raw(TokenKind::Global, begin, cursor); }
  "if"                   { return raw(TokenKind::If, begin, cursor); }
  "import"               { return raw(TokenKind::Import, begin, cursor); }
  "in"                   { return raw(TokenKind::In, begin, cursor); }
  "is"                   { return raw(TokenKind::Is, begin, cursor); }
  "lambda"               { return raw(TokenKind::Lambda, begin, cursor); }
  "nonlocal"             { return raw(TokenKind::Nonlocal, begin, cursor); }
  "not"                  { return raw(TokenKind::Not, begin, cursor); }
  "or"                   { return raw(TokenKind::Or, begin, cursor); }
  "pass"                 { return raw(TokenKind::Pass, begin, cursor); }
  "raise"                { return raw(TokenKind::Raise, begin, cursor); }
  "return"               { return raw(TokenKind::Return, begin, cursor); }
  "try"                  { return raw(TokenKind::Try, begin, cursor); }
  "while"                { return raw(TokenKind::While, begin, cursor); }
  "with"                 { return raw(TokenKind::With, begin, cursor); }
  "yield"                { return raw(TokenKind::Yield, begin, cursor); }
  "("                    { return raw(TokenKind::LeftParen, begin, cursor); }
  ")"                    { return raw(TokenKind::RightParen, begin, cursor); }
  "["                    { return raw(TokenKind::LeftBracket, begin, cursor); }
  "]"                    { return raw(TokenKind::RightBracket, begin, cursor); }
  "{"                    { return raw(TokenKind::LeftBrace, begin, cursor); }
  "}"                    { return raw(TokenKind::RightBrace, begin, cursor); }
  ":"                    { return raw(TokenKind::Colon, begin, cursor); }
  ","                    { return raw(TokenKind::Comma, begin, cursor); }
  ";"                    { return raw(TokenKind::Semicolon, begin, cursor); }
  "."                    { return raw(TokenKind::Dot, begin, cursor); }
  "..."                  { return raw(TokenKind::Ellipsis, begin, cursor); }
  "="                    { return raw(TokenKind::Equal, begin, cursor); }
  ":="                   { return raw(TokenKind::Walrus, begin, cursor); }
  "->"                   { return raw(TokenKind::Arrow, begin, cursor); }
  "@"                    { return raw(TokenKind::At, begin, cursor); }
  "+"                    { return raw(TokenKind::Plus, begin, cursor); }
  "-"                    { return raw(TokenKind::Minus, begin, cursor); }
  "*"                    { return raw(TokenKind::Star, begin, cursor); }
  "/"                    { return raw(TokenKind::Slash, begin, cursor); }
  "%"                    { return raw(TokenKind::Percent, begin, cursor); }
  "&"                    { return raw(TokenKind::Ampersand, begin, cursor); }
  "|"                    { return raw(TokenKind::Pipe, begin, cursor); }
  "^"                    { return raw(TokenKind::Caret, begin, cursor); }
  "~"                    { return raw(TokenKind::Tilde, begin, cursor); }
  "<"                    { return raw(TokenKind::Less, begin, cursor); }
  ">"                    { return raw(TokenKind::Greater, begin, cursor); }
  "=="                   { return raw(TokenKind::EqualEqual, begin, cursor); }
  "!="                   { return raw(TokenKind::NotEqual, begin, cursor); }
  "<="                   { return raw(TokenKind::LessEqual, begin, cursor); }
  ">="                   { return raw(TokenKind::GreaterEqual, begin, cursor); }
  "<<"                   { return raw(TokenKind::LeftShift, begin, cursor); }
  ">>"                   { return raw(TokenKind::RightShift, begin, cursor); }
  "**"                   { return raw(TokenKind::DoubleStar, begin, cursor); }
  "//"                   { return raw(TokenKind::DoubleSlash, begin, cursor); }
  "+="                   { return raw(TokenKind::PlusEqual, begin, cursor); }
  "-="                   { return raw(TokenKind::MinusEqual, begin, cursor); }
  "*="                   { return raw(TokenKind::StarEqual, begin, cursor); }
  "/="                   { return raw(TokenKind::SlashEqual, begin, cursor); }
  "%="                   { return raw(TokenKind::PercentEqual, begin, cursor); }
  "@="                   { return raw(TokenKind::AtEqual, begin, cursor); }
  "&="                   { return raw(TokenKind::AmpersandEqual, begin, cursor); }
  "|="                   { return raw(TokenKind::PipeEqual, begin, cursor); }
  "^="                   { return raw(TokenKind::CaretEqual, begin, cursor); }
  "<<="                  { return raw(TokenKind::LeftShiftEqual, begin, cursor); }
  ">>="                  { return raw(TokenKind::RightShiftEqual, begin, cursor); }
  "**="                  { return raw(TokenKind::DoubleStarEqual, begin, cursor); }
  "//="                  { return raw(TokenKind::DoubleSlashEqual, begin, cursor); }
  "<>"                   { return raw(TokenKind::NotEqual, begin, cursor); }
  "!"                    { return raw(TokenKind::RawBang, begin, cursor); }

  prefix? ['"]           { return raw(TokenKind::RawStringStart, begin, cursor); }
  number                 { return raw(TokenKind::Number, begin, cursor); }
  name_start name_part*  { return raw(TokenKind::Name, begin, cursor); }
  *                      { return raw(TokenKind::RawIllegal, begin, cursor); }
  */
}

Indentation lex_indentation(const char* line_start) {
  constexpr int kTabSize = 8;
  Indentation indentation;
  const char* at = line_start;
  int continuation_column = -1, continuation_alternative = -1;
  for (;; ++at) {
    if (*at == ' ') {
      ++indentation.column;
      ++indentation.alternative_column;
    } else if (*at == '\t') {
      indentation.column = (indentation.column / kTabSize + 1) * kTabSize;
      ++indentation.alternative_column;
    } else if (*at == '\f') {
      indentation.column = indentation.alternative_column = 0;
    } else if (*at == '\\' && at[1] == '\n') {
      // The indentation is what stood before the first backslash.
      if (continuation_column < 0) {
        continuation_column = indentation.column;
        continuation_alternative = indentation.alternative_column;
      }
      indentation.after_continuation = true;
      ++at;
    } else {
      break;
    }
  }
  if (continuation_column > 0) {
    indentation.column = continuation_column;
    indentation.alternative_column = continuation_alternative;
  }
  indentation.end = at;
  return indentation;
}

const char* find_string_end(const char* body, const char* limit, char quote, bool triple, const char** stop) {
  for (const char* at = body; at < limit; ++at) {
    char c = *at;
    if (c == quote) {
      if (!triple || (at[1] == quote && at[2] == quote)) return at;
    } else if (c == '\\') {
      if (++at >= limit) break;
    } else if (c == '\n' && !triple) {
      *stop = at;
      return nullptr;
    }
  }
  *stop = limit;
  return nullptr;
}

namespace {
// One function for both texts: a format spec differs in what braces and newlines mean.
template <bool kSpec>
TextEnd lex_text(const char* text, char quote, bool triple, bool is_raw, const char** end) {
  const unsigned char* cursor = reinterpret_cast<const unsigned char*>(text);
  const unsigned char* begin;
  auto stop = [&](TextEnd kind) {
    *end = reinterpret_cast<const char*>(begin);
    return kind;
  };
again:
  begin = cursor;
  /*!re2c
  [^\x00\n"'{}\\]+  { goto again; }
  "\x00"            { return stop(TextEnd::End); }
  "\n"              { if (!triple) return stop(TextEnd::Newline); goto again; }
  ["']              { if (*begin != static_cast<unsigned char>(quote)) goto again;
                      if (!triple || (cursor[0] == *begin && cursor[1] == *begin)) return stop(TextEnd::Quote);
                      goto again; }
  "{{"              { if (!kSpec) goto again; return stop(TextEnd::Field); }
  "}}"              { if (!kSpec) goto again; return stop(TextEnd::CloseBrace); }
  "{"               { return stop(TextEnd::Field); }
  "}"               { return stop(TextEnd::CloseBrace); }
  "\\N{" [^\x00\n"'{}\\]*
                    { if (is_raw) cursor = begin + 2; else if (*cursor == '}') ++cursor; goto again; }
  "\\" [{}]         { cursor = begin + 1; goto again; }
  "\\\n"            { goto again; }
  "\\" [^\x00\n{}]  { goto again; }
  "\\"              { goto again; }
  */
}
}  // namespace

TextEnd lex_fstring_text(const char* cursor, char quote, bool triple, bool is_raw, const char** end) {
  return lex_text<false>(cursor, quote, triple, is_raw, end);
}

TextEnd lex_format_spec(const char* cursor, char quote, bool triple, bool is_raw, const char** end) {
  return lex_text<true>(cursor, quote, triple, is_raw, end);
}

}  // namespace mp::lang

#include "lang/layout.h"

#include <fmt/core.h>

#include "lang/ast.h"
#include "lang/lexer.h"
#include "lang/literals.h"
#include "lang/unicode.h"

namespace mp::lang {

void mark_soft_keywords(std::vector<Token>& tokens);  // soft_keywords.cpp

namespace {

struct Bracket {
  char kind;  // ( [ { or F for the { of a replacement field
  bool in_spec;
  uint32_t at;
};

struct OpenFString {
  char quote;
  bool triple;
  bool raw;
  uint32_t begin;       // the prefix
  uint32_t base_level;  // brackets open outside of it
};

struct IndentLevel {
  int column;
  int alternative_column;
};

class Layout {
 public:
  Layout(const Source& source, Arena& arena) : source_(source), arena_(arena), text_(source.text().data()) {
    end_ = text_ + source.text().size();
    cursor_ = text_;
    indents_.push_back({0, 0});
    stream_.tokens.reserve(source.text().size() / 4 + 16);
  }

  TokenStream run(Mode mode) {
    TokenKind start = mode == Mode::Exec     ? TokenKind::StartExec
                      : mode == Mode::Eval   ? TokenKind::StartEval
                      : mode == Mode::Single ? TokenKind::StartSingle
                                             : TokenKind::StartFuncType;
    push(start, text_, text_);
    while (step()) {
    }
    if (!brackets_.empty()) {
      stream_.unclosed = true;
      stream_.unclosed_at = brackets_.back().at;
    }
    mark_soft_keywords(stream_.tokens);
    return std::move(stream_);
  }

 private:
  uint32_t offset(const char* at) const { return static_cast<uint32_t>(at - text_); }

  Token& push(TokenKind kind, const char* begin, const char* end) {
    stream_.tokens.emplace_back();
    Token& token = stream_.tokens.back();
    token.kind = kind;
    token.level = static_cast<uint16_t>(brackets_.size());
    token.span = {offset(begin), offset(end)};
    return token;
  }

  // Ends the stream. `cursor` is where CPython's tokenizer stood: the column counts the characters before it.
  bool fail(DiagnosticKind kind, std::string message, const char* cursor, const char* range_begin = nullptr) {
    const char* line_at = cursor > text_ && (cursor[-1] == '\n' && cursor == end_) ? cursor - 1 : cursor;
    uint32_t line = source_.line_of(offset(line_at));
    uint32_t line_start = source_.line_start(line);
    Diagnostic& error = stream_.error;
    error.kind = kind;
    error.message = std::move(message);
    error.filename = source_.filename();
    error.line = static_cast<int>(line);
    error.end_line = static_cast<int>(line);
    int column = static_cast<int>(count_characters(source_.text(), line_start, offset(cursor)));
    error.end_offset = column;
    error.offset =
        range_begin ? static_cast<int>(count_characters(source_.text(), line_start, offset(range_begin))) + 1
                    : column;
    error.has_text = true;
    error.text = std::string(source_.line_text(line));
    uint32_t at = offset(cursor);
    error.span = {range_begin ? offset(range_begin) : at > 0 ? at - 1 : 0, at};
    stream_.has_error = true;
    push(TokenKind::Error, cursor, cursor);
    return false;
  }

  bool fail(std::string message, const char* cursor) {
    return fail(DiagnosticKind::SyntaxError, std::move(message), cursor);
  }

  bool step() {
    if (!fstrings_.empty() && brackets_.size() == fstrings_.back().base_level) return fstring_text();
    if (!brackets_.empty() && brackets_.back().in_spec) return format_spec();
    if (at_line_start_ && brackets_.empty()) {
      at_line_start_ = false;
      if (!line_start()) return false;
    }
    return code();
  }

  bool tab_error(const char* at) {
    fail(DiagnosticKind::TabError, "inconsistent use of tabs and spaces in indentation", at);
    stream_.error.offset = 1;
    stream_.error.end_offset = 0;
    // CPython's text has its newline here.
    stream_.error.text += '\n';
    return false;
  }

  // Skips blank lines, then compares the indentation with the stack.
  bool line_start() {
    const char* line = cursor_;
    Indentation indentation;
    for (;;) {
      indentation = lex_indentation(line);
      const char* at = indentation.end;
      if (*at == '#') {
        while (*at != '\n' && at < end_) ++at;
      }
      if (*at != '\n') {
        if (at >= end_) {
          cursor_ = at;
          if (indentation.after_continuation) return fail_continuation(at);
          return true;  // the end: code() closes what is open
        }
        break;
      }
      line = at + 1;
    }
    cursor_ = indentation.end;
    int column = indentation.column, alternative = indentation.alternative_column;
    IndentLevel top = indents_.back();
    if (column == top.column) {
      if (alternative != top.alternative_column) return tab_error(cursor_);
    } else if (column > top.column) {
      if (static_cast<int>(indents_.size()) >= kMaxIndentation) {
        fail(DiagnosticKind::IndentationError, "too many levels of indentation", cursor_);
        stream_.error.offset = 1;
        stream_.error.end_offset = 0;
        stream_.error.text += '\n';
        return false;
      }
      if (alternative <= top.alternative_column) return tab_error(cursor_);
      indents_.push_back({column, alternative});
      push(TokenKind::Indent, line, cursor_);
    } else {
      size_t depth = indents_.size();
      while (depth > 1 && column < indents_[depth - 1].column) --depth;
      if (column != indents_[depth - 1].column) {
        fail(DiagnosticKind::IndentationError, "unindent does not match any outer indentation level",
             cursor_);
        const char* line_end = cursor_;
        while (*line_end != '\n' && line_end < end_) ++line_end;
        stream_.error.offset = stream_.error.end_offset =
            static_cast<int>(source_.character_column(offset(line_end))) + 1;
        stream_.error.end_offset = -1;
        stream_.error.text += '\n';
        return false;
      }
      if (alternative != indents_[depth - 1].alternative_column) return tab_error(cursor_);
      while (indents_.size() > depth) {
        indents_.pop_back();
        push(TokenKind::Dedent, cursor_, cursor_);
      }
    }
    return true;
  }

  bool fail_continuation(const char* at) {
    if (!brackets_.empty()) return finish(at);
    fail("unexpected EOF while parsing", at);
    stream_.error.end_offset = -1;
    // The position is behind the backslash.
    const char* back = at;
    while (back > text_ && back[-1] != '\\') --back;
    uint32_t line = source_.line_of(offset(back > text_ ? back - 1 : back));
    stream_.error.line = stream_.error.end_line = static_cast<int>(line);
    stream_.error.text = std::string(source_.line_text(line)) + "\n";
    stream_.error.offset =
        static_cast<int>(count_characters(source_.text(), source_.line_start(line), offset(back))) + 1;
    stream_.error_at_end = true;
    return false;
  }

  bool finish(const char* at) {
    if (!brackets_.empty() || !fstrings_.empty()) {
      // Inside of brackets the end is an error of the parser's ("was never closed").
      push(TokenKind::End, at, at);
      return false;
    }
    TokenKind last = stream_.tokens.back().kind;
    if (stream_.tokens.size() > 1 && last != TokenKind::Newline && last != TokenKind::Dedent &&
        last != TokenKind::Indent)
      push(TokenKind::Newline, at, at);
    while (indents_.size() > 1) {
      indents_.pop_back();
      push(TokenKind::Dedent, at, at);
    }
    push(TokenKind::End, at, at);
    return false;
  }

  bool code() {
    RawToken raw = lex_code(cursor_);
    switch (raw.kind) {
      case TokenKind::End: return finish(raw.begin);
      case TokenKind::RawComment:
        cursor_ = raw.end;
        comment_ = raw.begin;
        return true;
      case TokenKind::RawNewline:
        cursor_ = raw.end;
        if (brackets_.empty()) {
          // CPython's NEWLINE begins with the comment before it.
          push(TokenKind::Newline, comment_ != nullptr ? comment_ : raw.begin, raw.begin);
          at_line_start_ = true;
        }
        comment_ = nullptr;
        return true;
      case TokenKind::RawContinuation:
        cursor_ = raw.end;
        if (cursor_ >= end_) return fail_continuation(cursor_);
        return true;
      case TokenKind::RawStringStart: return string(raw);
      case TokenKind::Number: return number(raw);
      case TokenKind::Name: return name(raw);
      case TokenKind::RawIllegal: return illegal(raw);
      case TokenKind::RawBang:
        push(in_field() ? TokenKind::FieldBang : TokenKind::Illegal, raw.begin, raw.end);
        cursor_ = raw.end;
        return true;
      case TokenKind::LeftParen:
      case TokenKind::LeftBracket:
      case TokenKind::LeftBrace: return open(raw);
      case TokenKind::RightParen:
      case TokenKind::RightBracket:
      case TokenKind::RightBrace: return close(raw);
      case TokenKind::Colon:
      case TokenKind::Walrus:
        if (in_field()) {
          push(TokenKind::FieldColon, raw.begin, raw.begin + 1);
          cursor_ = raw.begin + 1;
          brackets_.back().in_spec = true;
          return true;
        }
        break;
      case TokenKind::NotEqual:
        if (*raw.begin == '<') {  // <>: only with `from __future__ import barry_as_FLUFL`
          push(TokenKind::Illegal, raw.begin, raw.end);
          cursor_ = raw.end;
          return true;
        }
        break;
      default: break;
    }
    push(raw.kind, raw.begin, raw.end);
    cursor_ = raw.end;
    return true;
  }

  bool in_field() const { return !brackets_.empty() && brackets_.back().kind == 'F' && !fstrings_.empty(); }

  bool open(const RawToken& raw) {
    if (static_cast<int>(brackets_.size()) >= kMaxBrackets)
      return fail("too many nested parentheses", raw.end);
    brackets_.push_back({*raw.begin, false, offset(raw.begin)});
    push(raw.kind, raw.begin, raw.end);
    cursor_ = raw.end;
    return true;
  }

  bool close(const RawToken& raw) {
    char closer = *raw.begin;
    cursor_ = raw.end;
    if (brackets_.empty()) return fail(fmt::format("unmatched '{}'", closer), raw.end);
    Bracket opener = brackets_.back();
    if (opener.kind == 'F' && closer != '}')
      return fail(fmt::format("f-string: unmatched '{}'", closer), raw.end);
    char expected = opener.kind == '(' ? ')' : opener.kind == '[' ? ']' : '}';
    if (closer != expected) {
      char shown = opener.kind == 'F' ? '{' : opener.kind;
      uint32_t open_line = source_.line_of(opener.at);
      if (open_line != source_.line_of(offset(raw.begin)))
        return fail(fmt::format("closing parenthesis '{}' does not match opening parenthesis '{}' on line {}",
                                closer, shown, open_line),
                    raw.end);
      return fail(
          fmt::format("closing parenthesis '{}' does not match opening parenthesis '{}'", closer, shown),
          raw.end);
    }
    brackets_.pop_back();
    push(opener.kind == 'F' ? TokenKind::FieldEnd : raw.kind, raw.begin, raw.end);
    return true;
  }

  bool name(const RawToken& raw) {
    std::string_view text(raw.begin, static_cast<size_t>(raw.end - raw.begin));
    cursor_ = raw.end;
    bool ascii = true;
    for (char c : text) ascii &= static_cast<signed char>(c) >= 0;
    Identifier identifier;
    if (ascii) {
      identifier = arena_.intern(text);
    } else {
      size_t bad = 0;
      if (!is_identifier(text, &bad)) return bad_character(raw.begin + bad);
      identifier = arena_.intern(normalize_nfkc(text));
    }
    push(TokenKind::Name, raw.begin, raw.end).value.name = identifier;
    return true;
  }

  bool bad_character(const char* at) {
    uint32_t code_point = 0;
    int width = decode_utf8(at, &code_point);
    std::string_view shown(at, static_cast<size_t>(width));
    cursor_ = at + width;
    if (is_printable(code_point))
      return fail(fmt::format("invalid character '{}' (U+{:04X})", shown, code_point), cursor_);
    return fail(fmt::format("invalid non-printable character U+{:04X}", code_point), cursor_);
  }

  bool illegal(const RawToken& raw) {
    unsigned char c = static_cast<unsigned char>(*raw.begin);
    cursor_ = raw.end;
    if (c == '\\') return fail_after_backslash(raw.end);
    if (c < 0x20 || c == 0x7f)
      return fail(fmt::format("invalid non-printable character U+{:04X}", c), raw.end);
    push(TokenKind::Illegal, raw.begin, raw.end);
    return true;
  }

  bool fail_after_backslash(const char* behind) {
    if (behind >= end_) {
      if (!brackets_.empty()) return finish(behind);
      fail("unexpected EOF while parsing", behind);
      stream_.error.offset += 1;
      stream_.error.end_offset = -1;
      stream_.error.text += '\n';
      stream_.error_at_end = true;
      return false;
    }
    fail("unexpected character after line continuation character", behind);
    stream_.error.offset += 1;
    stream_.error.end_offset = 0;
    return false;
  }

  bool number(const RawToken& raw) {
    std::string_view text(raw.begin, static_cast<size_t>(raw.end - raw.begin));
    cursor_ = raw.end;
    LiteralError problem;
    if (!check_number_end(text, raw.end, &problem)) {
      if (problem.warning) {
        warn(problem.message, raw);
      } else if (problem.range_end != nullptr) {
        return fail(DiagnosticKind::SyntaxError, problem.message, problem.range_end, problem.at);
      } else {
        return fail(problem.message, problem.at);
      }
    }
    auto* constant = arena_.make<Constant>();
    constant->span = {offset(raw.begin), offset(raw.end)};
    std::string message;
    if (!parse_number(text, arena_, &constant->value, &message)) {
      fail(message, raw.end);
      Diagnostic located = source_.diagnose(DiagnosticKind::SyntaxError, message, constant->span);
      stream_.error = located;
      return false;
    }
    push(TokenKind::Number, raw.begin, raw.end).value.constant = constant;
    return true;
  }

  void warn(const std::string& message, const RawToken& raw) {
    stream_.warnings.push_back(
        source_.diagnose(DiagnosticKind::SyntaxWarning, message, {offset(raw.begin), offset(raw.end)}));
  }

  bool string(const RawToken& raw) {
    uint8_t flags = 0;
    for (const char* at = raw.begin; at < raw.end - 1; ++at) {
      switch (*at | 0x20) {
        case 'r': flags |= kPrefixRaw; break;
        case 'b': flags |= kPrefixBytes; break;
        case 'u': flags |= kPrefixUnicode; break;
        default: flags |= kPrefixFormat; break;
      }
    }
    char quote = raw.end[-1];
    const char* body = raw.end;
    bool triple = body[0] == quote && body[1] == quote;
    if (triple) {
      body += 2;
      flags |= kTriple;
    }
    if ((flags & kPrefixFormat) != 0) {
      if (static_cast<int>(fstrings_.size()) + 1 >= kMaxFStrings)
        return fail("too many nested f-strings", body);
      push(TokenKind::FStringStart, raw.begin, body).flags = flags;
      fstrings_.push_back({quote, triple, (flags & kPrefixRaw) != 0, offset(raw.begin),
                           static_cast<uint32_t>(brackets_.size())});
      cursor_ = body;
      return true;
    }
    const char* stop = nullptr;
    const char* close = find_string_end(body, end_, quote, triple, &stop);
    if (close == nullptr) return unterminated(raw.begin, quote, triple, "", stop);
    cursor_ = close + (triple ? 3 : 1);
    push(TokenKind::String, raw.begin, cursor_).flags = flags;
    return true;
  }

  bool unterminated(const char* begin, char quote, bool triple, const char* what, const char* stop) {
    // In a replacement field a quote like the f-string's own is a forgotten }.
    if (*what == 0 && !fstrings_.empty() && fstrings_.back().quote == quote &&
        fstrings_.back().triple == triple)
      return fail("f-string: expecting '}'", begin + 1);
    // At the very end the line is the last one that has text.
    const char* last = stop > text_ && stop[-1] == '\n' && stop == end_ ? stop - 1 : stop;
    uint32_t detected = source_.line_of(offset(last));
    fail(fmt::format("unterminated {}{}string literal (detected at line {})", triple ? "triple-quoted " : "",
                     what, detected),
         begin + 1);
    stream_.error_at_end = triple || (stop >= end_ && stop > begin && stop[-1] == '\n');
    return false;
  }

  bool fstring_text() {
    OpenFString& open_string = fstrings_.back();
    const char* stop = nullptr;
    TextEnd reason = lex_fstring_text(cursor_, open_string.quote, open_string.triple, open_string.raw, &stop);
    if (reason == TextEnd::End || reason == TextEnd::Newline) {
      const char* begin = text_ + open_string.begin;
      bool triple = open_string.triple;
      char quote = open_string.quote;
      fstrings_.pop_back();
      return unterminated(begin, quote, triple, "f-", stop);
    }
    if (stop > cursor_)
      push(TokenKind::FStringMiddle, cursor_, stop).flags = open_string.raw ? kPrefixRaw : 0;
    cursor_ = stop;
    if (reason == TextEnd::Quote) {
      cursor_ = stop + (open_string.triple ? 3 : 1);
      fstrings_.pop_back();
      push(TokenKind::FStringEnd, stop, cursor_);
      return true;
    }
    if (reason == TextEnd::CloseBrace) return fail("f-string: single '}' is not allowed", stop + 1);
    return open_field(stop);
  }

  bool open_field(const char* at) {
    if (static_cast<int>(brackets_.size()) >= kMaxBrackets)
      return fail("too many nested parentheses", at + 1);
    int nesting = 0;
    for (size_t i = brackets_.size(); i > fstrings_.back().base_level; --i)
      nesting += brackets_[i - 1].in_spec;
    if (nesting >= kMaxFieldNesting) return fail("f-string: expressions nested too deeply", at + 1);
    brackets_.push_back({'F', false, offset(at)});
    push(TokenKind::FieldBegin, at, at + 1);
    cursor_ = at + 1;
    return true;
  }

  bool format_spec() {
    OpenFString& open_string = fstrings_.back();
    const char* stop = nullptr;
    TextEnd reason = lex_format_spec(cursor_, open_string.quote, open_string.triple, open_string.raw, &stop);
    if (stop > cursor_)
      push(TokenKind::FStringMiddle, cursor_, stop).flags = kInSpec | (open_string.raw ? kPrefixRaw : 0);
    cursor_ = stop;
    switch (reason) {
      case TextEnd::Newline:
        // The spec of a single-quoted f-string ends here, the field goes on.
        brackets_.back().in_spec = false;
        return true;
      case TextEnd::Field: return open_field(stop);
      case TextEnd::CloseBrace:
        brackets_.pop_back();
        cursor_ = stop + 1;
        push(TokenKind::FieldEnd, stop, cursor_);
        return true;
      case TextEnd::Quote:
        // The parser says what it expected.
        push(TokenKind::FStringEnd, stop, stop + (open_string.triple ? 3 : 1));
        cursor_ = stop + (open_string.triple ? 3 : 1);
        while (brackets_.size() > open_string.base_level) brackets_.pop_back();
        fstrings_.pop_back();
        return true;
      case TextEnd::End: break;
    }
    return unterminated(text_ + open_string.begin, open_string.quote, open_string.triple, "f-", stop);
  }

  const Source& source_;
  Arena& arena_;
  const char* text_;
  const char* end_;
  const char* cursor_;
  bool at_line_start_ = true;
  const char* comment_ = nullptr;  // on this line
  std::vector<IndentLevel> indents_;
  std::vector<Bracket> brackets_;
  std::vector<OpenFString> fstrings_;
  TokenStream stream_;
};

}  // namespace

TokenStream tokenize(const Source& source, Arena& arena, Mode mode) {
  return Layout(source, arena).run(mode);
}

std::string dump_tokens(const Source& source, const TokenStream& stream) {
  std::string out;
  for (const Token& token : stream.tokens) {
    if (token.kind >= TokenKind::StartExec && token.kind <= TokenKind::StartFuncType) continue;
    Position begin = source.position(token.span.begin), end = source.position(token.span.end);
    std::string text = source.text().substr(token.span.begin, token.span.end - token.span.begin);
    std::string shown;
    for (char c : text) {
      if (c == '\n')
        shown += "\\n";
      else
        shown += c;
    }
    out += fmt::format("{},{}-{},{}:\t{}\t'{}'\n", begin.line, begin.column, end.line, end.column,
                       token_text(token.kind), shown);
  }
  if (stream.has_error) out += fmt::format("error: {}\n", stream.error.message);
  return out;
}

}  // namespace mp::lang

#include "lang/diagnose.h"

#include <fmt/core.h>

namespace mp::lang {

using T = TokenKind;

Diagnoser::Diagnoser(ParserContext& context, int failed_at)
    : context_(context), tokens_(context.stream.tokens.data()), failed_at_(failed_at), furthest_(failed_at) {}

void Diagnoser::raise(DiagnosticKind kind, std::string message, Span span) {
  context_.error = context_.located(kind, std::move(message), span);
  throw Found{};
}

void Diagnoser::raise_at_last(std::string message) { raise_at(std::move(message), furthest_); }

void Diagnoser::end_of_tokens(TokenKind found) {
  if (found == T::Error) {
    context_.error = context_.stream.error;
    context_.error_is_token = true;
    throw Found{};
  }
  if (context_.stream.unclosed) {
    context_.unclosed_bracket();
    throw Found{};
  }
}

void Diagnoser::check_targets(Piece piece, const char* verb) {
  if (!piece.is_target())
    raise_range(fmt::format("cannot {} {}", verb, piece.bad_what), piece.bad_begin, piece.bad_end - 1);
}

void Diagnoser::run() {
  const Token& token = tokens_[failed_at_];
  const TokenStream& stream = context_.stream;
  if (token.kind == T::Error) {
    context_.error = stream.error;
    context_.error_is_token = true;
    return;
  }
  if (token.kind == T::End && stream.unclosed) {
    context_.unclosed_bracket();
    return;
  }
  try {
    T before = at(failed_at_ - 1);
    if (before == T::Newline) missing_block();
    if (before == T::Dedent || before == T::Newline) missing_handler();
    if (before != T::Newline && before != T::Dedent && before != T::Indent) {
      int begin = failed_at_;
      while (begin > 1 && at(begin - 1) != T::Newline && at(begin - 1) != T::Dedent &&
             at(begin - 1) != T::Indent)
        --begin;
      // A first word that cannot stand there says nothing about the rest.
      if (begin != failed_at_) line(begin);
    }
    // CPython looks no further for these.
    if (token.kind == T::Dedent || token.kind == T::Indent) context_.error_is_token = true;
    if (token.kind == T::Dedent) raise_at_dedent(DiagnosticKind::IndentationError, "unexpected unindent");
    if (token.kind == T::Indent) {
      context_.error =
          context_.source.diagnose(DiagnosticKind::IndentationError, "unexpected indent", token.span);
      context_.error.line = context_.error.end_line =
          static_cast<int>(context_.source.line_of(token.span.end));
      context_.error.text =
          std::string(context_.source.line_text(static_cast<uint32_t>(context_.error.line))) + "\n";
      context_.error.offset = static_cast<int>(context_.source.character_column(token.span.end));
      context_.error.end_offset = -1;
      return;
    }
    context_.error = context_.located(DiagnosticKind::SyntaxError, "invalid syntax",
                                      tokens_[generic_at_ > 0 ? generic_at_ : failed_at_].span);
    if (token.kind == T::End) {
      // ENDMARKER has no column; it stands on the last line.
      uint32_t last = context_.source.line_count();
      if (last > 1 && context_.source.line_start(last) == context_.source.text().size()) --last;
      context_.error.line = context_.error.end_line = static_cast<int>(last);
      context_.error.offset = context_.error.end_offset = 0;
      context_.error.text = std::string(context_.source.line_text(last)) + "\n";
    }
  } catch (const Found&) {
  }
  context_.failed_line = context_.source.line_of(tokens_[furthest_].span.begin);
}

// ---- structure

// CPython's DEDENT has no position: the error stands where its tokenizer does, behind the indentation of the
// next line, or behind the last line.
void Diagnoser::raise_at_dedent(DiagnosticKind kind, std::string message) {
  const std::string& text = context_.source.text();
  Span span = tokens_[failed_at_].span;
  bool at_end = span.begin >= text.size();
  if (at_end && span.begin > 0 && text[span.begin - 1] == '\n') --span.begin;
  Diagnostic& error = context_.error;
  error = context_.source.diagnose(kind, std::move(message), span);
  if (!at_end) error.offset -= 1;
  error.end_line = error.line;
  error.end_offset = -1;
  throw Found{};
}

void Diagnoser::missing_block() {
  if (at(failed_at_) == T::Indent || at(failed_at_ - 2) != T::Colon || tokens_[failed_at_ - 2].level != 0)
    return;
  int begin = failed_at_ - 2;
  while (begin > 1 && at(begin - 1) != T::Newline && at(begin - 1) != T::Dedent && at(begin - 1) != T::Indent)
    --begin;
  if (at(begin) == T::Async) ++begin;
  std::string what;
  switch (at(begin)) {
    case T::Def: what = "function definition"; break;
    case T::Class: what = "class definition"; break;
    case T::Except: what = at(begin + 1) == T::Star ? "'except*' statement" : "'except' statement"; break;
    case T::If:
    case T::Elif:
    case T::Else:
    case T::For:
    case T::While:
    case T::With:
    case T::Try:
    case T::Finally:
    case T::Match:
    case T::Case: what = fmt::format("'{}' statement", token_text(at(begin))); break;
    default: return;
  }
  uint32_t on_line = context_.source.line_of(tokens_[begin].span.begin);
  const Token& token = tokens_[failed_at_];
  std::string message = fmt::format("expected an indented block after {} on line {}", what, on_line);
  if (token.kind == T::Dedent || token.kind == T::End)
    raise_at_dedent(DiagnosticKind::IndentationError, message);
  raise(DiagnosticKind::IndentationError, message, token.span);
}

void Diagnoser::missing_handler() {
  int index = failed_at_ - 1;
  if (at(index) == T::Dedent) {
    // Back to the matching INDENT, then to the start of its header.
    int open = 1;
    --index;
    while (index > 0 && open > 0) {
      if (at(index) == T::Dedent) ++open;
      if (at(index) == T::Indent) --open;
      --index;
    }
  } else {
    --index;
  }
  int begin = index;
  while (begin > 1 && at(begin - 1) != T::Newline && at(begin - 1) != T::Dedent && at(begin - 1) != T::Indent)
    --begin;
  if (at(begin) == T::Try && at(failed_at_) != T::Except && at(failed_at_) != T::Finally) {
    if (at(failed_at_ - 1) == T::Newline && at(failed_at_ - 2) == T::Colon) return;
    T found = at(failed_at_);
    if (found == T::Dedent || found == T::End)
      raise_at_dedent(DiagnosticKind::SyntaxError, "expected 'except' or 'finally' block");
    raise_at("expected 'except' or 'finally' block", failed_at_);
  }
}

void Diagnoser::line(int begin) {
  position_ = begin;
  if (context_.options.mode == Mode::Eval) {
    star_expressions();
    return;
  }
  // Decorators and the rest of a line: expressions first.
  if (accept(T::At)) {
    named_expression();
    return;
  }
  if (at(begin) == T::Async &&
      (at(begin + 1) == T::Def || at(begin + 1) == T::For || at(begin + 1) == T::With))
    ++position_;
  if (header()) return;
  position_ = begin;
  simple_statements();
}

void Diagnoser::simple_statements() {
  for (;;) {
    simple_statement();
    if (!accept(T::Semicolon)) return;
    if (is(T::Newline)) return;
  }
}

void Diagnoser::simple_statement() {
  int begin = position_;
  switch (kind()) {
    case T::Return:
      ++position_;
      star_expressions();
      return;
    case T::Raise:
      ++position_;
      if (expression() && accept(T::From)) expression();
      return;
    case T::Assert:
      ++position_;
      if (expression() && accept(T::Comma)) expression();
      return;
    case T::Del: {
      ++position_;
      Piece targets = star_expressions();
      if (targets) check_targets(targets, "delete");
      return;
    }
    case T::Import: import_statement(); return;
    case T::From: from_statement(); return;
    case T::Global:
    case T::Nonlocal:
    case T::Pass:
    case T::Break:
    case T::Continue: return;
    case T::Type:
      position_ += 2;
      type_params();
      if (accept(T::Equal)) expression();
      return;
    case T::Yield: break;
    default: break;
  }
  if (!assignment()) {
    position_ = begin;
    bool check = invalid_rules_;
    invalid_rules_ = false;
    Piece target = star_expressions();
    invalid_rules_ = check;
    // The grammar takes any expression before an annotation's colon, CPython's only a target.
    std::string_view what = target.what;
    if (target && is(T::Colon) && position_ < failed_at_ && what != "name" && what != "attribute" &&
        what != "subscript")
      generic_at_ = position_;
    position_ = begin;
    invalid_assignment();
    position_ = begin;
    yield_or_star();
  }
}

// The alternatives of CPython's `assignment`: true where a beginning of the line is one.
bool Diagnoser::assignment() {
  int begin = position_;
  if (is(T::Name) && at(position_ + 1) == T::Colon) {
    position_ += 2;
    if (expression()) {
      int behind = position_;
      if (accept(T::Equal) && !yield_or_star()) position_ = behind;
      return true;
    }
    position_ = begin;
  }
  int equals = 0;
  bool good = true;
  for (;;) {
    int from = position_;
    Piece piece = is(T::Yield) ? Piece() : star_expressions();
    if (piece && piece.is_target() && is(T::Equal)) {
      ++position_;
      ++equals;
      continue;
    }
    if (equals == 0) {
      good = false;
      break;
    }
    position_ = from;
    good = static_cast<bool>(yield_or_star()) && !is(T::Equal);
    break;
  }
  if (good) return true;
  position_ = begin;
  Piece target = is(T::Yield) ? Piece() : star_expression();
  if (target && target.is_target()) {
    if (kind() >= T::PlusEqual && kind() <= T::DoubleSlashEqual) {
      ++position_;
      // A cut: nothing else is tried.
      yield_or_star();
      return true;
    }
    if (is(T::Colon) && std::string_view(target.what) != "list" && std::string_view(target.what) != "tuple") {
      ++position_;
      if (expression()) {
        int behind = position_;
        if (accept(T::Equal) && !yield_or_star()) position_ = behind;
        return true;
      }
    }
  }
  position_ = begin;
  return false;
}

void Diagnoser::invalid_assignment() {
  int begin = position_;
  if (is(T::Yield)) {
    yield_or_star();
    if (is(T::Equal)) raise_range("assignment to yield expression not possible", begin, position_ - 1);
    return;
  }
  Piece first = star_named();
  if (first) {
    if (accept(T::Comma)) {
      while (star_named()) accept(T::Comma);
      if (is(T::Colon)) {
        ++position_;
        if (expression())
          raise_range("only single target (not tuple) can be annotated", first.begin, first.end - 1);
      }
    } else if (is(T::Colon)) {
      ++position_;
      std::string_view what = first.what;
      if (expression() && what != "name" && what != "attribute" && what != "subscript") {
        if (what == "list" || what == "tuple")
          raise_range(fmt::format("only single target (not {}) can be annotated", what), first.begin,
                      first.end - 1);
        raise_pieces("illegal target for annotation", first, first);
      }
    }
  }
  position_ = begin;
  for (;;) {
    Piece piece = star_expressions();
    if (!piece) break;
    if (is(T::Equal)) {
      check_targets(piece, "assign to");
      ++position_;
      continue;
    }
    break;
  }
  position_ = begin;
  Piece piece = star_expressions();
  if (piece && kind() >= T::PlusEqual && kind() <= T::DoubleSlashEqual) {
    ++position_;
    std::string_view what = piece.what;
    if (yield_or_star() && what != "name" && what != "attribute" && what != "subscript")
      raise_range(fmt::format("'{}' is an illegal expression for augmented assignment", what), piece.begin,
                  piece.end - 1);
  }
  position_ = begin;
}

void Diagnoser::import_statement() {
  int begin = position_++;
  if (is(T::Newline)) raise_at("Expected one or more names after 'import'", position_);
  auto dotted = [&] {
    if (!accept(T::Name)) return false;
    while (is(T::Dot) && at(position_ + 1) == T::Name) position_ += 2;
    return true;
  };
  int names = position_;
  while (dotted() && accept(T::Comma)) {
  }
  if (position_ > names && accept(T::From) && dotted()) {
    Span span{tokens_[begin].span.begin, tokens_[position_ - 1].span.end};
    raise("Did you mean to use 'from ... import ...' instead?", span);
  }
}

void Diagnoser::from_statement() {
  ++position_;
  while (is(T::Dot) || is(T::Ellipsis) || is(T::Name)) ++position_;
  if (!accept(T::Import)) return;
  if (is(T::Newline)) raise_at("Expected one or more names after 'import'", position_);
  while (accept(T::Name)) {
    if (accept(T::As)) accept(T::Name);
    if (!accept(T::Comma)) break;
    if (is(T::Newline)) raise_at_last("trailing comma not allowed without surrounding parentheses");
  }
}

void Diagnoser::expect_colon_or_newline_error(bool forced) {
  if (is(T::Colon)) {
    body_after_colon();
    return;
  }
  if (forced) raise_at("expected ':'", position_);
  if (is(T::Newline)) raise_at_last("expected ':'");
}

void Diagnoser::body_after_colon() {
  if (!accept(T::Colon) || is(T::Newline)) return;
  simple_statements();
}

bool Diagnoser::header() {
  switch (kind()) {
    case T::If:
    case T::Elif:
    case T::While:
      ++position_;
      if (named_expression()) expect_colon_or_newline_error();
      return true;
    case T::Else:
    case T::Try:
    case T::Finally:
      ++position_;
      expect_colon_or_newline_error(true);
      return true;
    case T::For: {
      int for_token = position_++;
      if (targets(false, for_token) && accept(T::In) && star_expressions()) expect_colon_or_newline_error();
      return true;
    }
    case T::Except: except_header(); return true;
    case T::With: with_header(); return true;
    case T::Def: def_header(); return true;
    case T::Class:
      ++position_;
      if (!accept(T::Name)) return true;
      type_params();
      if (accept(T::LeftParen)) {
        if (!arguments() || !accept(T::RightParen)) return true;
      }
      expect_colon_or_newline_error();
      return true;
    case T::Match:
      ++position_;
      if (star_named()) {
        while (accept(T::Comma) && star_named()) {
        }
        if (is(T::Newline)) raise_at_last("expected ':'");
      }
      return true;
    case T::Case: case_header(); return true;
    default: return false;
  }
}

void Diagnoser::except_header() {
  ++position_;
  bool star = accept(T::Star);
  if (is(T::Newline)) {
    if (star) raise_at_last("expected one or more exception types");
    raise_at_last("expected ':'");
  }
  if (is(T::Colon)) {
    if (star) raise_at_last("expected one or more exception types");
    body_after_colon();
    return;
  }
  Piece type = expression();
  if (!type) return;
  if (is(T::Comma)) {
    int behind = position_;
    ++position_;
    while (expression() && accept(T::Comma)) {
    }
    if (accept(T::As)) accept(T::Name);
    if (is(T::Colon))
      raise_range("multiple exception types must be parenthesized", type.begin, position_ - 1);
    position_ = behind;
    return;
  }
  if (accept(T::As) && !accept(T::Name)) return;
  expect_colon_or_newline_error();
}

void Diagnoser::with_header() {
  ++position_;
  bool bracket = accept(T::WithParen);
  for (;;) {
    if (!expression()) return;
    if (accept(T::As)) {
      Piece target = star_expression();
      if (!target) return;
      if (is(T::Comma) || is(T::RightParen) || is(T::Colon)) check_targets(target, "assign to");
    }
    if (!accept(T::Comma)) break;
    if (bracket && is(T::RightParen)) break;
  }
  if (bracket && !accept(T::RightParen)) return;
  expect_colon_or_newline_error();
}

void Diagnoser::def_header() {
  ++position_;
  if (!accept(T::Name)) return;
  if (is(T::LeftBracket) && !type_params()) return;
  if (!accept(T::LeftParen)) raise_at("expected '('", position_);
  if (!parameters(T::RightParen, false) || !accept(T::RightParen)) return;
  int arrow = position_;
  if (accept(T::Arrow) && !expression()) position_ = arrow;
  expect_colon_or_newline_error(true);
}

void Diagnoser::case_header() {
  ++position_;
  for (;;) {
    if (accept(T::Star)) {
      if (!accept(T::Name)) return;
    } else if (!pattern()) {
      return;
    }
    if (!accept(T::Comma)) break;
    if (is(T::Colon) || is(T::If)) break;
  }
  if (accept(T::If) && !named_expression()) return;
  expect_colon_or_newline_error();
}

bool Diagnoser::pattern() {
  if (!closed_pattern()) return false;
  while (accept(T::Pipe)) {
    if (!closed_pattern()) return false;
  }
  if (accept(T::As)) {
    if (is(T::Name)) {
      if (name_at(position_) == "_") raise_at("cannot use '_' as a target", position_);
      ++position_;
      return true;
    }
    Piece target = expression();
    if (target) raise_range("invalid pattern target", target.begin, target.end - 1);
    return false;
  }
  return true;
}

bool Diagnoser::closed_pattern() {
  struct Depth {
    int& depth;
    explicit Depth(int& d) : depth(++d) {}
    ~Depth() { --depth; }
  } guard(depth_);
  if (depth_ > kMaxDepth) return false;
  auto sequence = [&](T close) {
    while (!is(close)) {
      if (accept(T::Star)) {
        if (!accept(T::Name)) return false;
      } else if (!pattern()) {
        return false;
      }
      if (!accept(T::Comma)) break;
    }
    return accept(close);
  };
  switch (kind()) {
    case T::Name:
      ++position_;
      while (is(T::Dot) && at(position_ + 1) == T::Name) position_ += 2;
      if (accept(T::LeftParen)) {
        bool keyword = false;
        while (!is(T::RightParen)) {
          int begin = position_;
          if (is(T::Name) && at(position_ + 1) == T::Equal) {
            position_ += 2;
            keyword = true;
            if (!pattern()) return false;
          } else {
            if (!pattern()) return false;
            if (keyword && (is(T::Comma) || is(T::RightParen)))
              raise_range("positional patterns follow keyword patterns", begin, position_ - 1);
          }
          if (!accept(T::Comma)) break;
        }
        return accept(T::RightParen);
      }
      return true;
    case T::Minus: ++position_; [[fallthrough]];
    case T::Number:
      if (!accept(T::Number)) return false;
      if ((is(T::Plus) || is(T::Minus)) && at(position_ + 1) == T::Number) position_ += 2;
      return true;
    case T::String:
    case T::FStringStart: return strings().ok;
    case T::None:
    case T::True:
    case T::False: ++position_; return true;
    case T::LeftParen: ++position_; return sequence(T::RightParen);
    case T::LeftBracket: ++position_; return sequence(T::RightBracket);
    case T::LeftBrace:
      ++position_;
      while (!is(T::RightBrace)) {
        if (accept(T::DoubleStar)) {
          if (!accept(T::Name)) return false;
        } else if (!closed_pattern() || !accept(T::Colon) || !pattern()) {
          return false;
        }
        if (!accept(T::Comma)) break;
      }
      return accept(T::RightBrace);
    default: return false;
  }
}

}  // namespace mp::lang

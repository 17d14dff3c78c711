// What CPython says where the parser cannot go on: a second look at the tokens of the failing statement, by
// recursive descent, in the order of CPython's second pass (the invalid_* rules of its grammar). Private to
// the parser.
#pragma once

#include <unordered_map>

#include "lang/parser_context.h"

namespace mp::lang {

// What a piece of an expression is, for messages: the name expression_description() would give.
struct Piece {
  int begin = 0;  // token indices, end exclusive
  int end = 0;
  const char* what = "";
  bool ok = false;
  // Of a tuple or list: the first part that is no target.
  int bad_begin = -1;
  int bad_end = -1;
  const char* bad_what = "";
  // In brackets: the span of what is in them, which is where the node stands.
  bool grouped = false;
  Span inner{};
  explicit operator bool() const { return ok; }

  // Could it be assigned to? Fills bad_*.
  bool is_target() {
    std::string_view kind = what;
    if (kind == "name" || kind == "attribute" || kind == "subscript") return true;
    if (kind == "tuple" || kind == "list" || kind == "starred") return bad_begin < 0;
    bad_begin = begin;
    bad_end = end;
    bad_what = what;
    return false;
  }
  // A part of this tuple or list.
  void add(Piece part) {
    if (bad_begin >= 0 || part.is_target()) return;
    bad_begin = part.bad_begin;
    bad_end = part.bad_end;
    bad_what = part.bad_what;
  }
};

class Diagnoser {
 public:
  Diagnoser(ParserContext& context, int failed_at);
  // Fills context.error.
  void run();

 private:
  struct Found {};  // thrown when a message is found
  static constexpr int kMaxDepth = 600;

  // ---- tokens
  TokenKind at(int index) const { return tokens_[index].kind; }
  TokenKind kind() {
    if (position_ > furthest_) furthest_ = position_;
    TokenKind found = tokens_[position_].kind;
    if (found == TokenKind::End || found == TokenKind::Error) end_of_tokens(found);
    return found;
  }
  // CPython's tokenizer raises its own errors wherever the parser meets them.
  void end_of_tokens(TokenKind found);
  bool is(TokenKind wanted) { return kind() == wanted; }
  bool accept(TokenKind wanted) {
    if (!is(wanted)) return false;
    ++position_;
    return true;
  }
  std::string_view name_at(int index) const { return tokens_[index].value.name.view(); }

  // ---- raising
  [[noreturn]] void raise(DiagnosticKind kind, std::string message, Span span);
  [[noreturn]] void raise(std::string message, Span span) {
    raise(DiagnosticKind::SyntaxError, std::move(message), span);
  }
  [[noreturn]] void raise_at(std::string message, int token) {
    raise(std::move(message), tokens_[token].span);
  }
  [[noreturn]] void raise_range(std::string message, int first, int last) {
    raise(std::move(message), {tokens_[first].span.begin, tokens_[last].span.end});
  }
  Span span_of(const Piece& piece) const {
    return piece.grouped ? piece.inner
                         : Span{tokens_[piece.begin].span.begin, tokens_[piece.end - 1].span.end};
  }
  [[noreturn]] void raise_pieces(std::string message, const Piece& first, const Piece& last) {
    raise(std::move(message), {span_of(first).begin, span_of(last).end});
  }
  [[noreturn]] void raise_at_last(std::string message);
  [[noreturn]] void raise_at_dedent(DiagnosticKind kind, std::string message);
  [[noreturn]] void raise_missing_colon(const Piece& key);

  // ---- structure
  void missing_block();
  void missing_handler();
  void line(int begin);
  void check_targets(Piece piece, const char* verb);
  void simple_statements();
  void simple_statement();
  bool assignment();
  void invalid_assignment();
  bool header();
  void expect_colon_or_newline_error(bool forced = false);
  void body_after_colon();
  void except_header();
  void with_header();
  void def_header();
  void import_statement();
  void from_statement();
  void case_header();
  bool pattern();
  bool closed_pattern();

  // ---- expressions; each advances position_ where it succeeds
  Piece star_expressions();
  Piece star_expression();
  Piece yield_or_star();
  Piece named_expression();
  Piece star_named();
  Piece expression();
  Piece disjunction();
  Piece conjunction();
  Piece inversion();
  Piece comparison();
  Piece bitwise_or();
  Piece unary();
  Piece primary();
  Piece atom();
  Piece group();
  Piece list_atom();
  Piece brace_atom();
  Piece display_or_comprehension(const Piece& first, TokenKind closing, const char* display,
                                 const char* comprehension, bool targets);
  Piece strings();
  bool fstring();
  bool field();
  bool arguments();
  Piece named_expression_argument();
  void invalid_arguments(int begin);
  bool slices();
  bool for_clauses();
  bool targets(bool comprehension, int for_token);
  Piece lambda();
  bool parameters(TokenKind close, bool is_lambda);
  bool type_params();
  void invalid_named(int begin);
  void invalid_expression(int begin);
  bool legacy_name(int index) const;

  template <typename Rule>
  Piece memoized(int rule, Rule body);

  ParserContext& context_;
  const Token* tokens_;
  int failed_at_;
  int position_ = 0;
  int furthest_;
  int depth_ = 0;
  int generic_at_ = 0;  // where "invalid syntax" stands, if not at the failing token
  bool invalid_rules_ = true;
  std::unordered_map<uint64_t, Piece> memo_;
};

}  // namespace mp::lang

// Soft keywords: which names are match, case and type statements, and which ( opens the items of a with
// statement.
#include "lang/token.h"

namespace mp::lang {

namespace {

// A name before one of these is an expression, never the keyword of a match statement.
bool may_start_subject(TokenKind kind) {
  switch (kind) {
    case TokenKind::Name:
    case TokenKind::Number:
    case TokenKind::String:
    case TokenKind::FStringStart:
    case TokenKind::LeftParen:
    case TokenKind::LeftBracket:
    case TokenKind::LeftBrace:
    case TokenKind::Minus:
    case TokenKind::Plus:
    case TokenKind::Tilde:
    case TokenKind::Star:
    case TokenKind::Not:
    case TokenKind::Lambda:
    case TokenKind::Await:
    case TokenKind::Yield:
    case TokenKind::None:
    case TokenKind::True:
    case TokenKind::False:
    case TokenKind::Ellipsis: return true;
    default: return false;
  }
}

// Could these two tokens be `match subject` but never an expression that goes on?
bool only_a_subject(TokenKind kind) {
  switch (kind) {
    case TokenKind::Name:
    case TokenKind::Number:
    case TokenKind::String:
    case TokenKind::FStringStart:
    case TokenKind::LeftBrace:
    case TokenKind::Tilde:
    case TokenKind::Lambda:
    case TokenKind::Await:
    case TokenKind::None:
    case TokenKind::True:
    case TokenKind::False:
    case TokenKind::Ellipsis: return true;
    default: return false;
  }
}

// `(` at index behind `with`: do its items stand in these brackets? As in CPython, where the alternative with
// brackets comes first.
bool encloses_items(const std::vector<Token>& tokens, size_t index) {
  uint16_t level = tokens[index].level;
  bool item_start = true;
  size_t at = index + 1;
  for (;; ++at) {
    const Token& token = tokens[at];
    if (token.kind == TokenKind::End || token.kind == TokenKind::Error) return false;
    if (token.level < level) break;
    if (token.level != level) {
      item_start = false;
      continue;
    }
    switch (token.kind) {
      case TokenKind::As: return true;
      case TokenKind::Walrus:
      case TokenKind::For:
      case TokenKind::Yield: return false;
      case TokenKind::Star:
        if (item_start) return false;
        item_start = false;
        break;
      case TokenKind::Comma: item_start = true; break;
      default: item_start = false; break;
    }
  }
  if (at == index + 1) return false;
  return tokens[at + 1].kind == TokenKind::Colon;
}

}  // namespace

void mark_soft_keywords(std::vector<Token>& tokens) {
  std::vector<bool> match_blocks{false};
  bool line_is_match = false;
  bool statement_start = true;
  bool line_start = true;
  size_t count = tokens.size();
  for (size_t i = 1; i < count; ++i) {
    Token& token = tokens[i];
    switch (token.kind) {
      case TokenKind::Newline: statement_start = line_start = true; continue;
      case TokenKind::Indent:
        match_blocks.push_back(line_is_match);
        statement_start = line_start = true;
        continue;
      case TokenKind::Dedent:
        if (match_blocks.size() > 1) match_blocks.pop_back();
        statement_start = line_start = true;
        continue;
      case TokenKind::Semicolon:
      case TokenKind::Colon:
        statement_start = token.level == 0;
        line_start = false;
        continue;
      case TokenKind::With:
        if (tokens[i + 1].kind == TokenKind::LeftParen && encloses_items(tokens, i + 1))
          tokens[i + 1].kind = TokenKind::WithParen;
        break;
      case TokenKind::Name: {
        if (!statement_start) break;
        if (line_start) line_is_match = false;
        std::string_view name = token.value.name.view();
        if (name == "type") {
          if (tokens[i + 1].kind == TokenKind::Name) token.kind = TokenKind::Type;
        } else if (line_start && name == "case" && match_blocks.back()) {
          token.kind = TokenKind::Case;
        } else if (line_start && name == "match" && may_start_subject(tokens[i + 1].kind)) {
          size_t at = i + 1;
          while (tokens[at].kind != TokenKind::Newline && tokens[at].kind != TokenKind::End &&
                 tokens[at].kind != TokenKind::Error)
            ++at;
          if ((tokens[at - 1].kind == TokenKind::Colon && tokens[at - 1].level == 0) ||
              only_a_subject(tokens[i + 1].kind)) {
            token.kind = TokenKind::Match;
            line_is_match = true;
          }
        }
        break;
      }
      default: break;
    }
    if (line_start && token.kind != TokenKind::Match) line_is_match = false;
    statement_start = line_start = false;
  }
}

}  // namespace mp::lang

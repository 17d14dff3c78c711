// Diagnoser: expressions.
#include <fmt/core.h>

#include "lang/diagnose.h"

namespace mp::lang {

using T = TokenKind;

namespace {
struct Depth {
  int& depth;
  explicit Depth(int& d) : depth(d) { ++depth; }
  ~Depth() { --depth; }
};
}  // namespace

template <typename Rule>
Piece Diagnoser::memoized(int rule, Rule body) {
  // Without this, every level of brackets would be read twice as often as the one outside of it.
  uint64_t key = static_cast<uint64_t>(position_) << 8 | static_cast<uint64_t>(rule) << 1 |
                 static_cast<uint64_t>(invalid_rules_);
  auto found = memo_.find(key);
  if (found != memo_.end()) {
    if (found->second.ok) position_ = found->second.end;
    return found->second;
  }
  Depth guard(depth_);
  int begin = position_;
  Piece piece;
  if (depth_ <= kMaxDepth) piece = body();
  if (piece.ok) {
    if (piece.begin != begin || piece.end != position_) piece.grouped = false;
    piece.begin = begin;
    piece.end = position_;
  } else {
    piece.begin = begin;
    position_ = begin;
  }
  memo_[key] = piece;
  return piece;
}

Piece Diagnoser::yield_or_star() {
  if (!is(T::Yield)) return star_expressions();
  Piece piece{position_, 0, "yield expression", true};
  ++position_;
  if (accept(T::From)) {
    if (!expression()) return {};
  } else {
    star_expressions();
  }
  piece.end = position_;
  return piece;
}

Piece Diagnoser::star_expression() {
  if (is(T::Star)) {
    Piece piece{position_, 0, "starred", true};
    ++position_;
    Piece inner = bitwise_or();
    if (!inner) {
      position_ = piece.begin;
      return {};
    }
    piece.add(inner);
    piece.end = position_;
    return piece;
  }
  return expression();
}

Piece Diagnoser::star_expressions() {
  return memoized(1, [&]() -> Piece {
    Piece first = star_expression();
    if (!first) return {};
    if (!is(T::Comma)) return first;
    Piece tuple{0, 0, "tuple", true};
    tuple.add(first);
    while (accept(T::Comma)) {
      Piece next = star_expression();
      if (!next) break;
      tuple.add(next);
    }
    return tuple;
  });
}

Piece Diagnoser::star_named() {
  if (is(T::Star)) return star_expression();
  return named_expression();
}

Piece Diagnoser::named_expression() {
  return memoized(2, [&]() -> Piece {
    int begin = position_;
    if (is(T::Name) && at(position_ + 1) == T::Walrus) {
      position_ += 2;
      if (expression()) return {0, 0, "named expression", true};
      return {};
    }
    if (invalid_rules_) {
      invalid_named(begin);
      position_ = begin;
    }
    Piece piece = expression();
    if (!piece || is(T::Walrus)) return {};
    return piece;
  });
}

void Diagnoser::invalid_named(int begin) {
  Piece target = expression();
  if (target && accept(T::Walrus) && expression())
    raise_range(fmt::format("cannot use assignment expressions with {}", target.what), target.begin,
                target.end - 1);
  position_ = begin;
  if (is(T::Name) && at(position_ + 1) == T::Equal) {
    position_ += 2;
    Piece value = bitwise_or();
    if (value && !is(T::Equal) && !is(T::Walrus))
      raise_range("invalid syntax. Maybe you meant '==' or ':=' instead of '='?", begin, value.end - 1);
    position_ = begin;
  }
  if (is(T::True) || is(T::False) || is(T::None)) return;
  Piece left = bitwise_or();
  if (left && is(T::Equal)) {
    std::string_view what = left.what;
    // CPython looks for a list, tuple or generator at the beginning of it, whatever follows.
    if (is(T::Equal) && what != "list" && what != "tuple" && what != "generator expression") {
      ++position_;
      if (bitwise_or() && !is(T::Equal) && !is(T::Walrus) && what != "name")
        raise_pieces(fmt::format("cannot assign to {} here. Maybe you meant '==' instead of '='?", what),
                     left, left);
    }
  }
  position_ = begin;
}

bool Diagnoser::legacy_name(int index) const {
  return at(index) == T::Name && (name_at(index) == "print" || name_at(index) == "exec");
}

Piece Diagnoser::expression() {
  return memoized(3, [&]() -> Piece {
    int begin = position_;
    if (invalid_rules_) {
      invalid_expression(begin);
      position_ = begin;
    }
    if (is(T::Lambda)) return lambda();
    Piece body = disjunction();
    if (!body) return {};
    int behind = position_;
    if (accept(T::If)) {
      if (disjunction() && accept(T::Else) && expression()) return {0, 0, "conditional expression", true};
      position_ = behind;
    }
    return body;
  });
}

void Diagnoser::invalid_expression(int begin) {
  bool soft = is(T::Name) && (name_at(begin) == "_" || name_at(begin) == "match" ||
                              name_at(begin) == "case" || name_at(begin) == "type");
  bool name_then_string = is(T::Name) && at(begin + 1) == T::String;
  if (!soft && !name_then_string) {
    Piece first = disjunction();
    if (first) {
      int behind = position_;
      invalid_rules_ = false;
      Piece second = expression();
      invalid_rules_ = true;
      bool legacy = first.end == first.begin + 1 && legacy_name(first.begin);
      if (second && !legacy && tokens_[second.end - 1].level != 0)
        raise_pieces("invalid syntax. Perhaps you forgot a comma?", first, second);
      position_ = behind;
    }
  }
  position_ = begin;
  Piece body = disjunction();
  if (body && accept(T::If)) {
    Piece condition = disjunction();
    if (condition && !is(T::Else) && !is(T::Colon))
      raise_pieces("expected 'else' after 'if' expression", body, condition);
  }
  position_ = begin;
  if (is(T::Lambda)) {
    ++position_;
    if (parameters(T::Colon, true) && is(T::FieldColon) && at(position_ + 1) == T::FStringMiddle)
      raise_range("f-string: lambda expressions are not allowed without parentheses", begin, position_);
  }
  position_ = begin;
  if (legacy_name(begin) && at(begin + 1) != T::LeftParen) {
    ++position_;
    Piece argument = star_expressions();
    if (argument)
      raise_range(fmt::format("Missing parentheses in call to '{0}'. Did you mean {0}(...)?", name_at(begin)),
                  begin, argument.end - 1);
  }
  position_ = begin;
}

Piece Diagnoser::disjunction() {
  return memoized(4, [&]() -> Piece {
    Piece first = conjunction();
    if (!first) return {};
    int behind = position_;
    bool more = false;
    while (accept(T::Or)) {
      if (!conjunction()) {
        position_ = behind;
        break;
      }
      behind = position_;
      more = true;
    }
    return more ? Piece{0, 0, "expression", true} : first;
  });
}

Piece Diagnoser::conjunction() {
  Piece first = inversion();
  if (!first) return {};
  int behind = position_;
  while (accept(T::And)) {
    if (!inversion()) {
      position_ = behind;
      break;
    }
    behind = position_;
    first.what = "expression";
    first.grouped = false;
  }
  first.end = position_;
  return first;
}

Piece Diagnoser::inversion() {
  if (!is(T::Not)) return comparison();
  return memoized(5, [&]() -> Piece {
    ++position_;
    if (!inversion()) return {};
    return {0, 0, "expression", true};
  });
}

Piece Diagnoser::comparison() {
  Piece first = bitwise_or();
  if (!first) return {};
  for (;;) {
    int behind = position_;
    switch (kind()) {
      case T::Less:
      case T::Greater:
      case T::EqualEqual:
      case T::NotEqual:
      case T::LessEqual:
      case T::GreaterEqual:
      case T::In: ++position_; break;
      case T::Is:
        ++position_;
        accept(T::Not);
        break;
      case T::Not:
        ++position_;
        if (!accept(T::In)) {
          position_ = behind;
          first.end = behind;
          return first;
        }
        break;
      default: first.end = behind; return first;
    }
    if (!bitwise_or()) {
      position_ = behind;
      first.end = behind;
      return first;
    }
    first.what = "comparison";
    first.grouped = false;
  }
}

Piece Diagnoser::bitwise_or() {
  return memoized(6, [&]() -> Piece {
    Piece first = unary();
    if (!first) return {};
    for (;;) {
      int behind = position_;
      switch (kind()) {
        case T::Pipe:
        case T::Caret:
        case T::Ampersand:
        case T::LeftShift:
        case T::RightShift:
        case T::Plus:
        case T::Minus:
        case T::Star:
        case T::Slash:
        case T::Percent:
        case T::DoubleSlash:
        case T::At:
        case T::DoubleStar: ++position_; break;
        default: return first;
      }
      if (!unary()) {
        position_ = behind;
        return first;
      }
      first.what = "expression";
      first.grouped = false;
    }
  });
}

Piece Diagnoser::unary() {
  int begin = position_;
  bool sign = false;
  while (is(T::Minus) || is(T::Plus) || is(T::Tilde)) {
    ++position_;
    sign = true;
  }
  bool await = accept(T::Await);
  Piece piece = primary();
  if (!piece) {
    position_ = begin;
    return {};
  }
  if (await || sign) piece.grouped = false;
  if (await) piece.what = "await expression";
  if (sign) piece.what = "expression";
  return piece;
}

Piece Diagnoser::primary() {
  return memoized(7, [&]() -> Piece {
    Piece piece = atom();
    if (!piece) return {};
    for (;;) {
      int behind = position_;
      if (is(T::Dot) && at(position_ + 1) == T::Name) {
        position_ += 2;
        piece.what = "attribute";
        piece.grouped = false;
      } else if (accept(T::LeftParen)) {
        if (!arguments() || !accept(T::RightParen)) {
          position_ = behind;
          return piece;
        }
        piece.what = "function call";
        piece.grouped = false;
      } else if (accept(T::LeftBracket)) {
        if (!slices() || !accept(T::RightBracket)) {
          position_ = behind;
          return piece;
        }
        piece.what = "subscript";
        piece.grouped = false;
      } else {
        if (is(T::Dot)) {
          ++position_;
          kind();  // CPython has looked at what follows
        }
        position_ = behind;
        return piece;
      }
    }
  });
}

Piece Diagnoser::atom() {
  auto single = [&](const char* what) -> Piece {
    ++position_;
    return {0, 0, what, true};
  };
  switch (kind()) {
    case T::Name: return single("name");
    case T::Number: return single("literal");
    case T::None: return single("None");
    case T::True: return single("True");
    case T::False: return single("False");
    case T::Ellipsis: return single("ellipsis");
    case T::String:
    case T::FStringStart: return strings();
    case T::LeftParen: return group();
    case T::LeftBracket: return list_atom();
    case T::LeftBrace: return brace_atom();
    default: return {};
  }
}

Piece Diagnoser::strings() {
  const char* what = "literal";
  bool any = false;
  for (;;) {
    if (accept(T::String)) {
      any = true;
    } else if (is(T::FStringStart)) {
      if (!fstring()) return {};
      what = "f-string expression";
      any = true;
    } else {
      break;
    }
  }
  return {0, 0, what, any};
}

Piece Diagnoser::group() {
  int begin = position_++;
  if (accept(T::RightParen)) return {0, 0, "tuple", true};
  if (is(T::Yield)) {
    Piece piece = yield_or_star();
    if (!piece || !is(T::RightParen)) return {};
    Span inner = span_of(piece);
    ++position_;
    piece.grouped = true;
    piece.inner = inner;
    piece.begin = begin;
    piece.end = position_;
    return piece;
  }
  if (is(T::DoubleStar)) {
    int star = position_++;
    if (expression() && is(T::RightParen) && invalid_rules_)
      raise_at("cannot use double starred expression here", star);
    return {};
  }
  Piece first = star_named();
  if (!first) return {};
  bool starred = std::string_view(first.what) == "starred";
  if (is(T::Comma)) {
    Piece tuple{0, 0, "tuple", true};
    tuple.add(first);
    while (accept(T::Comma)) {
      Piece next = star_named();
      if (!next) break;
      tuple.add(next);
    }
    if (accept(T::RightParen)) return tuple;
    return {};
  }
  if (is(T::RightParen)) {
    if (starred && invalid_rules_)
      raise_range("cannot use starred expression here", first.begin, first.end - 1);
    Span inner = span_of(first);
    ++position_;
    first.grouped = true;
    first.inner = inner;
    first.begin = begin;
    first.end = position_;
    return first;
  }
  if (is(T::For) || is(T::Async)) {
    if (for_clauses()) {
      if (starred && invalid_rules_)
        raise_range("iterable unpacking cannot be used in comprehension", first.begin, first.end - 1);
      if (accept(T::RightParen)) return {0, 0, "generator expression", true};
    }
  }
  return {};
}

Piece Diagnoser::list_atom() {
  ++position_;
  if (accept(T::RightBracket)) return {0, 0, "list", true};
  Piece first = star_named();
  if (!first) return {};
  return display_or_comprehension(first, T::RightBracket, "list", "list comprehension", true);
}

// Behind the first item of a list or a set; `targets`: it may be assigned to, so that its items count.
Piece Diagnoser::display_or_comprehension(const Piece& first, TokenKind closing, const char* display,
                                          const char* comprehension, bool targets) {
  Piece last = first;
  Piece items{0, 0, display, true};
  if (targets) items.add(first);
  bool many = false, trailing = false;
  int comma = 0;
  while (is(T::Comma)) {
    comma = position_++;
    trailing = true;
    Piece next = star_named();
    if (!next) break;
    trailing = false;
    many = true;
    last = next;
    if (targets) items.add(next);
  }
  if (accept(closing)) return items;
  if (is(T::For) || is(T::Async)) {
    if (!for_clauses()) return {};
    if (invalid_rules_) {
      if (std::string_view(first.what) == "starred" && !many && !trailing)
        raise_range("iterable unpacking cannot be used in comprehension", first.begin, first.end - 1);
      if (many || trailing)
        raise_range("did you forget parentheses around the comprehension target?", first.begin,
                    trailing && !many ? comma : last.end - 1);
    }
    if (accept(closing)) return {0, 0, comprehension, true};
  }
  return {};
}

void Diagnoser::raise_missing_colon(const Piece& key) {
  // CPython's own arithmetic: from the key's last column on, no end.
  uint32_t end = tokens_[key.end - 1].span.end;
  context_.error = context_.source.diagnose(DiagnosticKind::SyntaxError, "':' expected after dictionary key",
                                            {end - 1, end});
  context_.error.line = static_cast<int>(context_.source.line_of(tokens_[key.begin].span.begin));
  context_.error.end_offset = 0;
  throw Found{};
}

Piece Diagnoser::brace_atom() {
  ++position_;
  if (accept(T::RightBrace)) return {0, 0, "dict literal", true};
  int begin = position_;
  bool dict = false;
  // Pairs, as far as they go.
  for (;;) {
    int item = position_;
    if (accept(T::DoubleStar)) {
      if (!bitwise_or()) return {};
      dict = true;
      if (is(T::For) || is(T::Async)) {
        if (for_clauses() && is(T::RightBrace) && invalid_rules_)
          raise_at("dict unpacking cannot be used in dict comprehension", item);
        return {};
      }
    } else {
      if (!dict && is(T::Star)) break;
      // Of a later pair CPython wants the colon first.
      if (dict && invalid_rules_) {
        invalid_rules_ = false;
        Piece bare = expression();
        invalid_rules_ = true;
        if (bare && !is(T::Colon)) raise_missing_colon(bare);
        position_ = item;
      }
      Piece key = expression();
      if (!key) {
        if (dict) break;
        return {};
      }
      if (!is(T::Colon)) {
        break;
      }
      int colon = position_++;
      if (invalid_rules_) {
        if (is(T::Star)) {
          int star = position_++;
          if (bitwise_or())
            raise_range("cannot use a starred expression in a dictionary value", star, position_ - 1);
          return {};
        }
        if (is(T::RightBrace) || is(T::Comma))
          raise_at("expression expected after dictionary key and ':'", colon);
      }
      if (!expression()) return {};
      dict = true;
      if (is(T::For) || is(T::Async)) {
        if (!for_clauses()) return {};
        if (accept(T::RightBrace)) return {0, 0, "dict comprehension", true};
        return {};
      }
    }
    if (!accept(T::Comma)) break;
    if (is(T::RightBrace)) break;
  }
  if (dict) {
    if (accept(T::RightBrace)) return {0, 0, "dict literal", true};
    return {};
  }
  position_ = begin;
  Piece first = star_named();
  if (!first) return {};
  return display_or_comprehension(first, T::RightBrace, "set display", "set comprehension", false);
}

}  // namespace mp::lang

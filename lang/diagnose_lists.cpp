// Diagnoser: what stands in lists: comprehension clauses, arguments, slices, parameters, the fields of
// f-strings.
#include <fmt/core.h>

#include "lang/diagnose.h"

namespace mp::lang {

using T = TokenKind;

bool Diagnoser::for_clauses() {
  bool any = false;
  for (;;) {
    int begin = position_;
    if (is(T::Async) && at(position_ + 1) == T::For) ++position_;
    if (!is(T::For)) {
      position_ = begin;
      return any;
    }
    int for_token = position_++;
    if (!targets(true, for_token)) return false;
    if (!accept(T::In)) return false;
    if (!disjunction()) return false;
    while (is(T::If)) {
      ++position_;
      if (!disjunction()) return false;
    }
    any = true;
  }
}

bool Diagnoser::targets(bool comprehension, int) {
  Piece all{0, 0, "tuple", true};
  bool first = true;
  for (;;) {
    if (!first && (is(T::In) || is(T::Colon))) break;
    accept(T::Star);
    Piece target = bitwise_or();
    if (!target) return false;
    first = false;
    all.add(target);
    if (!accept(T::Comma)) break;
  }
  if (!is(T::In) && comprehension && invalid_rules_) raise_at_last("'in' expected after for-loop variables");
  if (invalid_rules_) check_targets(all, "assign to");
  return true;
}

bool Diagnoser::arguments() {
  int begin = position_;
  if (invalid_rules_) {
    invalid_arguments(begin);
    position_ = begin;
  }
  while (!is(T::RightParen)) {
    if (accept(T::Star) || accept(T::DoubleStar)) {
      if (!expression()) return false;
    } else if (is(T::Name) && at(position_ + 1) == T::Equal) {
      position_ += 2;
      if (!expression()) return false;
    } else {
      if (!named_expression_argument()) return false;
      if (is(T::For) || is(T::Async)) {
        if (!for_clauses()) return false;
      }
    }
    if (!accept(T::Comma)) break;
  }
  return is(T::RightParen);
}

// As named_expression, but x=1 is a keyword argument here.
Piece Diagnoser::named_expression_argument() {
  if (is(T::Name) && at(position_ + 1) == T::Walrus) {
    int begin = position_;
    position_ += 2;
    if (expression()) return {begin, position_, "named expression", true};
    position_ = begin;
    return {};
  }
  return expression();
}

void Diagnoser::invalid_arguments(int begin) {
  position_ = begin;
  bool keyword = false, unpacking = false;
  const char* wrong = nullptr;
  while (!is(T::RightParen)) {
    int item = position_;
    if (is(T::Star) || is(T::DoubleStar)) {
      unpacking |= is(T::DoubleStar);
      ++position_;
      if (!expression()) return;
    } else if (is(T::True) || is(T::False) || is(T::None)) {
      if (at(position_ + 1) == T::Equal)
        raise_range(fmt::format("cannot assign to {}", token_text(at(position_))), position_, position_ + 1);
      if (!expression()) return;
    } else if (is(T::Name) && at(position_ + 1) == T::Equal) {
      position_ += 2;
      keyword = true;
      if (is(T::Comma) || is(T::RightParen))
        raise_range("expected argument value expression", item, item + 1);
      Piece value = expression();
      if (!value) return;
      if (is(T::For) || is(T::Async)) {
        if (for_clauses())
          raise_range("invalid syntax. Maybe you meant '==' or ':=' instead of '='?", item, item + 1);
        return;
      }
    } else {
      Piece value = named_expression_argument();
      if (!value) return;
      if (unpacking)
        wrong = "positional argument follows keyword argument unpacking";
      else if (keyword && wrong == nullptr)
        wrong = "positional argument follows keyword argument";
      if (is(T::Equal) && std::string_view(value.what) != "named expression")
        raise_range("expression cannot contain assignment, perhaps you meant \"==\"?", value.begin,
                    position_);
      if (is(T::For) || is(T::Async)) {
        if (!for_clauses()) return;
        if (is(T::Comma)) {
          raise_range("Generator expression must be parenthesized", value.begin, position_ - 1);
        }
      }
    }
    if (!accept(T::Comma)) break;
  }
  if (wrong != nullptr) raise_at(wrong, position_);
}

bool Diagnoser::slices() {
  bool any = false;
  for (;;) {
    if (is(T::RightBracket)) break;
    if (accept(T::Star)) {
      if (!expression()) return false;
    } else {
      if (!is(T::Colon)) {
        Piece piece = named_expression();
        if (!piece) return false;
      }
      for (int i = 0; i < 2 && accept(T::Colon); ++i) {
        if (!is(T::Colon) && !is(T::RightBracket) && !is(T::Comma) && !expression()) return false;
      }
    }
    any = true;
    if (!accept(T::Comma)) break;
  }
  return any;
}

Piece Diagnoser::lambda() {
  ++position_;
  if (!parameters(T::Colon, true)) return {};
  if (!accept(T::Colon)) {
    return {};
  }
  if (!expression()) return {};
  return {0, 0, "lambda", true};
}

bool Diagnoser::parameters(TokenKind close, bool is_lambda) {
  bool has_default = false, star = false, slash = false, named_after_star = true, kwarg = false;
  int star_token = 0;
  int count = 0;
  bool check = invalid_rules_;
  while (!is(close) && !is(T::FieldColon)) {
    int begin = position_;
    if (kwarg && check && (is(T::Name) || is(T::Star) || is(T::DoubleStar) || is(T::Slash)))
      raise_at("arguments cannot follow var-keyword argument", begin);
    if (accept(T::Name)) {
      if (!is_lambda && accept(T::Colon) && !expression()) return false;
      int behind_name = position_;
      if (accept(T::Equal)) {
        if (check && (is(T::RightParen) || is(T::Comma)))
          raise_at("expected default value expression", position_ - 1);
        if (!expression()) return false;
        has_default = true;
      } else if (has_default && !star && check && (is(T::Comma) || is(close))) {
        raise_range("parameter without a default follows parameter with a default", begin, behind_name - 1);
      }
      named_after_star = true;
    } else if (is(T::Slash)) {
      if (check) {
        if (count == 0) raise_at("at least one argument must precede /", begin);
        if (slash) raise_at("/ may appear only once", begin);
        if (star) raise_at("/ must be ahead of *", begin);
      }
      slash = true;
      ++position_;
      if (check && is(T::Star)) raise_at("expected comma between / and *", position_);
    } else if (accept(T::Star)) {
      if (star && check) raise_at("* argument may appear only once", begin);
      star = true;
      star_token = begin;
      named_after_star = false;
      if (accept(T::Name)) {
        named_after_star = true;
        if (!is_lambda && accept(T::Colon) && !star_expression()) return false;
        if (is(T::Equal) && check) raise_at("var-positional argument cannot have default value", position_);
      }
    } else if (accept(T::DoubleStar)) {
      if (!named_after_star && check) raise_at("named arguments must follow bare *", star_token);
      if (!accept(T::Name)) return false;
      if (!is_lambda && accept(T::Colon) && !expression()) return false;
      if (is(T::Equal) && check) raise_at("var-keyword argument cannot have default value", position_);
      kwarg = true;
    } else if (is(T::LeftParen)) {
      int inner = position_ + 1;
      int names = 0;
      while (at(inner) == T::Name) {
        ++inner;
        ++names;
        if (at(inner) != T::Comma) break;
        ++inner;
      }
      if (names > 0 && at(inner) == T::RightParen && check && !has_default && !star) {
        if (inner > furthest_) furthest_ = inner;
        raise_range(is_lambda ? "Lambda expression parameters cannot be parenthesized"
                              : "Function parameters cannot be parenthesized",
                    begin, inner);
      }
      return false;
    } else {
      return false;
    }
    ++count;
    if (!accept(T::Comma)) break;
  }
  if (!named_after_star && check && (is(close) || is(T::FieldColon)))
    raise_at("named arguments must follow bare *", star_token);
  return true;
}

bool Diagnoser::type_params() {
  if (!accept(T::LeftBracket)) return true;
  if (is(T::RightBracket)) raise_at("Type parameter list cannot be empty", position_);
  while (!is(T::RightBracket)) {
    if (!accept(T::Star)) accept(T::DoubleStar);
    if (!accept(T::Name)) return false;
    if (accept(T::Colon) && !expression()) return false;
    if (accept(T::Equal) && !star_expression()) return false;
    if (!accept(T::Comma)) break;
  }
  return accept(T::RightBracket);
}

bool Diagnoser::fstring() {
  ++position_;
  for (;;) {
    if (accept(T::FStringMiddle)) continue;
    if (accept(T::FStringEnd)) return true;
    if (!is(T::FieldBegin)) return false;
    if (!field()) return false;
  }
}

bool Diagnoser::field() {
  ++position_;
  bool check = invalid_rules_;
  auto text = [&](T k) {
    return k == T::Equal ? "=" : k == T::FieldBang ? "!" : k == T::FieldColon ? ":" : "}";
  };
  T next = kind();
  if (check && (next == T::Equal || next == T::FieldBang || next == T::FieldColon || next == T::FieldEnd))
    raise_at(fmt::format("f-string: valid expression required before '{}'", text(next)), position_);
  Piece value = yield_or_star();
  if (!value) {
    if (check) raise_at("f-string: expecting a valid expression after '{'", position_);
    return false;
  }
  bool equal = false;
  if (check && !is(T::Equal) && !is(T::FieldBang) && !is(T::FieldColon) && !is(T::FieldEnd))
    raise_at("f-string: expecting '=', or '!', or ':', or '}'", position_);
  equal = accept(T::Equal);
  if (check && equal && !is(T::FieldBang) && !is(T::FieldColon) && !is(T::FieldEnd))
    raise_at("f-string: expecting '!', or ':', or '}'", position_);
  if (accept(T::FieldBang)) {
    if (check && (is(T::FieldColon) || is(T::FieldEnd)))
      raise_at("f-string: missing conversion character", position_);
    if (!is(T::Name)) {
      if (check) raise_at("f-string: invalid conversion character", position_);
      return false;
    }
    ++position_;
    if (check && !is(T::FieldColon) && !is(T::FieldEnd))
      raise_at("f-string: expecting ':' or '}'", position_);
  }
  if (accept(T::FieldColon)) {
    for (;;) {
      if (accept(T::FStringMiddle)) continue;
      if (!is(T::FieldBegin)) break;
      if (!field()) return false;
    }
    if (check && !is(T::FieldEnd)) raise_at("f-string: expecting '}', or format specs", position_);
  }
  if (check && !is(T::FieldEnd)) raise_at("f-string: expecting '}'", position_);
  return accept(T::FieldEnd);
}

}  // namespace mp::lang

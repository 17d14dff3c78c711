// String literals and f-strings: how their parts become one Constant or one JoinedStr.
#include <fmt/core.h>

#include "lang/literals.h"
#include "lang/parser_context.h"

namespace mp::lang {

namespace {
// The text between the quotes of a string token.
Span body_of(const Token* token, std::string_view text) {
  uint32_t begin = token->span.begin;
  while (text[begin] != '\'' && text[begin] != '"') ++begin;
  uint32_t quotes = (token->flags & kTriple) != 0 ? 3 : 1;
  return {begin + quotes, token->span.end - quotes};
}
}  // namespace

void ParserContext::fail_string(const std::string& message, Span span) {
  // Unicode errors stand where the parser is, other ones at the string.
  fail(message, span);
}

std::string_view ParserContext::decode(const Token* token, Span body, bool is_fstring) {
  std::string_view text = std::string_view(source.text()).substr(body.begin, body.end - body.begin);
  std::vector<EscapeWarning> escapes;
  DecodeResult result = is_fstring ? decode_fstring_text(text, token->flags, arena, &escapes)
                                   : decode_string(text, token->flags, arena, &escapes);
  if (!result.error.empty()) fail_string(result.error, token->span);
  // As in CPython 3.13 a warning about a plain string stands at the whole of it, its first line.
  for (const EscapeWarning& escape : escapes)
    warn(DiagnosticKind::SyntaxWarning, escape.message,
         is_fstring ? Span{body.begin + escape.offset, body.begin + escape.offset + escape.width}
                    : token->span);
  return result.text;
}

ExprNode* ParserContext::string_constant(std::string_view text, ConstantKind kind, Span span) {
  Constant* node = constant(kind, span);
  node->value.text = text;
  return node;
}

ExprNode* ParserContext::strings(SeqBuilder<StringPart*>* parts, Span span) {
  bool bytes = false, text = false, format = false;
  for (const StringPart* part : *parts) {
    if (part->values != nullptr) {
      format = text = true;
    } else {
      ((part->token->flags & kPrefixBytes) != 0 ? bytes : text) = true;
    }
  }
  if (bytes && text) fail_at_last_token("cannot mix bytes and nonbytes literals");

  if (!format) {
    const Token* first = (*parts)[0]->token;
    ExprNode* node;
    if (parts->size() == 1) {
      node = string_constant(decode_part(first), bytes ? ConstantKind::Bytes : ConstantKind::Str, span);
    } else {
      std::string joined;
      for (const StringPart* part : *parts) joined += decode_part(part->token);
      node = string_constant(arena.copy_text(joined), bytes ? ConstantKind::Bytes : ConstantKind::Str, span);
    }
    ast_as<Constant>(node).value.unicode_prefix = (first->flags & kPrefixUnicode) != 0;
    return node;
  }

  // Neighbouring constants become one; empty ones vanish.
  Exprs values;
  std::string pending;
  Span pending_span;
  bool has_pending = false;
  bool pending_unicode = false;
  auto flush = [&] {
    if (has_pending && !pending.empty()) {
      ExprNode* node = string_constant(arena.copy_text(pending), ConstantKind::Str, pending_span);
      ast_as<Constant>(node).value.unicode_prefix = pending_unicode;
      values.push(arena, node);
    }
    pending.clear();
    has_pending = false;
  };
  auto add_text = [&](std::string_view piece, Span at, bool unicode) {
    if (!has_pending) {
      pending_span = at;
      pending_unicode = unicode;
    }
    pending_span.end = at.end;
    has_pending = true;
    pending += piece;
  };
  for (const StringPart* part : *parts) {
    if (part->values == nullptr) {
      add_text(decode_part(part->token), part->span, (part->token->flags & kPrefixUnicode) != 0);
      continue;
    }
    for (ExprNode* value : *part->values) {
      if (const auto* literal = ast_cast<Constant>(value)) {
        add_text(literal->value.text, literal->span, false);
      } else {
        flush();
        values.push(arena, value);
      }
    }
  }
  flush();
  return make<JoinedStr>(span, values.seq());
}

std::string_view ParserContext::decode_part(const Token* token) {
  Span body = body_of(token, source.text());
  if ((token->flags & kPrefixBytes) != 0) {
    for (uint32_t i = body.begin; i < body.end; ++i)
      if (static_cast<signed char>(source.text()[i]) < 0)
        fail("bytes can only contain ASCII literal characters", token->span);
  }
  return decode(token, body, false);
}

ExprNode* ParserContext::fstring_text(const Token* token) {
  return string_constant(decode(token, token->span, true), ConstantKind::Str, token->span);
}

void ParserContext::fstring_field(Exprs* values, Span open, ExprNode* value, const Token* equal,
                                  const Token* bang, const Token* conversion, Exprs* spec, Span spec_span,
                                  Span span) {
  int conversion_code = -1;
  if (conversion != nullptr) {
    std::string_view name = conversion->value.name.view();
    if (conversion->span.begin != bang->span.end)
      fail("f-string: conversion type must come right after the exclamation mark",
           {bang->span.begin, conversion->span.end});
    if (name != "s" && name != "r" && name != "a")
      fail(fmt::format("f-string: invalid conversion character '{}': expected 's', 'r', or 'a'", name),
           conversion->span);
    conversion_code = name[0];
  }
  ExprNode* format_spec = nullptr;
  if (spec != nullptr) {
    Exprs kept;
    for (ExprNode* item : *spec) {
      const auto* literal = ast_cast<Constant>(item);
      if (literal == nullptr || !literal->value.text.empty()) kept.push(arena, item);
    }
    format_spec = make<JoinedStr>(spec_span, kept.seq());
  }
  if (equal != nullptr) {
    // f"{x = }": the text from the brace up to what follows the =.
    uint32_t end = equal[1].span.begin;
    std::string_view text = std::string_view(source.text()).substr(open.end, end - open.end);
    values->push(arena, string_constant(arena.copy_text(text), ConstantKind::Str, {open.end, end}));
    if (conversion == nullptr && spec == nullptr) conversion_code = 'r';
  }
  values->push(arena, make<FormattedValue>(span, value, conversion_code, format_spec));
}

}  // namespace mp::lang

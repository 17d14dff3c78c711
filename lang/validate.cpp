// Validation: what the grammar accepts and Python does not, in CPython 3.13's words.
#include <fmt/core.h>

#include "lang/parser_context.h"
#include "lang/unicode.h"

namespace mp::lang {

Diagnostic ParserContext::located(DiagnosticKind kind, std::string message, Span span) const {
  Diagnostic diagnostic = source.diagnose(kind, std::move(message), span);
  // CPython's parser measures the end in the first line, even where it stands in a later one.
  if (diagnostic.end_line != diagnostic.line)
    diagnostic.end_offset =
        std::min<int>(diagnostic.end_offset,
                      static_cast<int>(count_characters(diagnostic.text, 0, diagnostic.text.size())));
  return diagnostic;
}

void ParserContext::fail(DiagnosticKind kind, std::string message, Span span) {
  error = located(kind, std::move(message), span);
  if (!options.filename.empty()) error.filename = options.filename;
  failed = true;
  failed_line = source.line_of(lookahead->span.begin);
  throw ParseStop{};
}

void ParserContext::prefer_token_errors() {
  if (error_is_token || error.kind > DiagnosticKind::TabError) return;
  const Diagnostic& other = stream.error;
  if (stream.has_error) {
    if (other.kind == DiagnosticKind::SyntaxError && other.message != "unexpected EOF while parsing" &&
        (other.message != "unexpected character after line continuation character" ||
         other.line == error.line))
      error = other;
  } else if (stream.unclosed && failed_line > source.line_of(stream.unclosed_at)) {
    unclosed_bracket();
  }
}

void ParserContext::unclosed_bracket() {
  uint32_t at = stream.unclosed_at;
  error = source.diagnose(DiagnosticKind::SyntaxError,
                          fmt::format("'{}' was never closed", source.text()[at]), {at, at + 1});
  error.end_offset = 0;
  error_is_token = true;
}

void ParserContext::fail(std::string message, Span span) {
  fail(DiagnosticKind::SyntaxError, std::move(message), span);
}

void ParserContext::fail_at_last_token(std::string message) { fail(std::move(message), lookahead->span); }

void ParserContext::too_deep(Span) {
  error = Diagnostic();
  error.kind = DiagnosticKind::RecursionError;
  error.message = "maximum recursion depth exceeded during compilation";
  error.filename = source.filename();
  failed = true;
  throw ParseStop{};
}

void ParserContext::warn(DiagnosticKind kind, std::string message, Span span) {
  Diagnostic warning = source.diagnose(kind, std::move(message), span);
  if (!options.filename.empty()) warning.filename = options.filename;
  warnings.push_back(std::move(warning));
}

const char* expression_description(const ExprNode* node) {
  switch (node->kind) {
    case NodeKind::Attribute: return "attribute";
    case NodeKind::Subscript: return "subscript";
    case NodeKind::Starred: return "starred";
    case NodeKind::Name: return "name";
    case NodeKind::List: return "list";
    case NodeKind::Tuple: return "tuple";
    case NodeKind::Lambda: return "lambda";
    case NodeKind::Call: return "function call";
    case NodeKind::BoolOp:
    case NodeKind::BinOp:
    case NodeKind::UnaryOp: return "expression";
    case NodeKind::GeneratorExp: return "generator expression";
    case NodeKind::Yield:
    case NodeKind::YieldFrom: return "yield expression";
    case NodeKind::Await: return "await expression";
    case NodeKind::ListComp: return "list comprehension";
    case NodeKind::SetComp: return "set comprehension";
    case NodeKind::DictComp: return "dict comprehension";
    case NodeKind::Dict: return "dict literal";
    case NodeKind::Set: return "set display";
    case NodeKind::JoinedStr:
    case NodeKind::FormattedValue: return "f-string expression";
    case NodeKind::Constant:
      switch (ast_as<Constant>(node).value.kind) {
        case ConstantKind::None: return "None";
        case ConstantKind::True: return "True";
        case ConstantKind::False: return "False";
        case ConstantKind::Ellipsis: return "ellipsis";
        default: return "literal";
      }
    case NodeKind::Compare: return "comparison";
    case NodeKind::IfExp: return "conditional expression";
    case NodeKind::NamedExpr: return "named expression";
    default: return "expression";
  }
}

// ---- targets

const ExprNode* ParserContext::invalid_target(const ExprNode* node, TargetKind kind) const {
  switch (node->kind) {
    case NodeKind::List:
      for (const ExprNode* item : ast_as<List>(node).elts)
        if (const ExprNode* bad = invalid_target(item, kind)) return bad;
      return nullptr;
    case NodeKind::Tuple:
      for (const ExprNode* item : ast_as<Tuple>(node).elts)
        if (const ExprNode* bad = invalid_target(item, kind)) return bad;
      return nullptr;
    case NodeKind::Starred:
      if (kind == TargetKind::Delete) return node;
      return invalid_target(ast_as<Starred>(node).value, kind);
    case NodeKind::Name:
    case NodeKind::Subscript:
    case NodeKind::Attribute: return nullptr;
    default: return node;
  }
}

void ParserContext::set_context(ExprNode* node, ExprContext context) {
  switch (node->kind) {
    case NodeKind::Name: ast_as<Name>(node).ctx = context; break;
    case NodeKind::Attribute: ast_as<Attribute>(node).ctx = context; break;
    case NodeKind::Subscript: ast_as<Subscript>(node).ctx = context; break;
    case NodeKind::Starred:
      ast_as<Starred>(node).ctx = context;
      set_context(ast_as<Starred>(node).value, context);
      break;
    case NodeKind::List:
      ast_as<List>(node).ctx = context;
      for (ExprNode* item : ast_as<List>(node).elts) set_context(item, context);
      break;
    case NodeKind::Tuple:
      ast_as<Tuple>(node).ctx = context;
      for (ExprNode* item : ast_as<Tuple>(node).elts) set_context(item, context);
      break;
    default: break;
  }
}

void ParserContext::make_target(ExprNode* node, ExprContext context, TargetKind kind, const char* suffix) {
  if (const ExprNode* bad = invalid_target(node, kind))
    fail(fmt::format("cannot {} {}{}", kind == TargetKind::Delete ? "delete" : "assign to",
                     expression_description(bad), suffix),
         bad->span);
  set_context(node, context);
}

namespace {

// Would CPython's bitwise_or match the whole expression? Only such a one gets "Maybe you meant '=='".
bool is_bitwise_or(const ExprNode* node) {
  if ((node->flags & kParenthesized) != 0) return true;
  switch (node->kind) {
    case NodeKind::BoolOp:
    case NodeKind::Compare:
    case NodeKind::IfExp:
    case NodeKind::Lambda:
    case NodeKind::Starred:
    case NodeKind::NamedExpr:
    case NodeKind::Yield:
    case NodeKind::YieldFrom: return false;
    case NodeKind::UnaryOp: return ast_as<UnaryOp>(node).op != UnaryOperator::Not;
    case NodeKind::Tuple: return false;
    default: return true;
  }
}

// Does it begin with a bitwise_or?
bool starts_bitwise_or(const ExprNode* node) {
  if ((node->flags & kParenthesized) != 0) return true;
  switch (node->kind) {
    case NodeKind::Lambda:
    case NodeKind::Starred:
    case NodeKind::Yield:
    case NodeKind::YieldFrom: return false;
    case NodeKind::UnaryOp: return ast_as<UnaryOp>(node).op != UnaryOperator::Not;
    case NodeKind::BoolOp: return starts_bitwise_or(ast_as<BoolOp>(node).values[0]);
    case NodeKind::IfExp: return starts_bitwise_or(ast_as<IfExp>(node).body);
    case NodeKind::Compare: return starts_bitwise_or(ast_as<Compare>(node).left);
    case NodeKind::Tuple: {
      const auto& tuple = ast_as<Tuple>(node);  // without brackets
      return !tuple.elts.empty() && starts_bitwise_or(tuple.elts[0]);
    }
    default: return true;
  }
}

// list, tuple, generator, True, None, False: CPython looks only at how the text begins.
bool may_mean_equality(const ExprNode* node) {
  switch (node->kind) {
    case NodeKind::List:
    case NodeKind::Tuple:
    case NodeKind::GeneratorExp: return false;
    case NodeKind::Constant: {
      ConstantKind kind = ast_as<Constant>(node).value.kind;
      if ((node->flags & kParenthesized) != 0) return true;
      return kind != ConstantKind::True && kind != ConstantKind::False && kind != ConstantKind::None;
    }
    default: return is_bitwise_or(node);
  }
}

}  // namespace

// A statement that is no assignment is read as `a, b = c` would be inside of brackets: the last element
// before the = and the first operand behind it, where no further = follows.
void ParserContext::suggest_equality(const ExprNode* target, const ExprNode* next, bool only) {
  if (!starts_bitwise_or(next) || (!only && is_bitwise_or(next))) return;
  const ExprNode* last = target;
  if (target->kind == NodeKind::Tuple && (target->flags & kParenthesized) == 0) {
    const auto& tuple = ast_as<Tuple>(target);
    // A trailing comma leaves nothing before the =.
    if (tuple.span.end != tuple.elts.back()->span.end && (tuple.elts.back()->flags & kParenthesized) == 0)
      return;
    last = tuple.elts.back();
  }
  if (last->kind == NodeKind::Name && (last->flags & kParenthesized) == 0) {
    const ExprNode* right = next;
    while (!is_bitwise_or(right)) {
      if (right->kind == NodeKind::BoolOp)
        right = ast_as<BoolOp>(right).values[0];
      else if (right->kind == NodeKind::IfExp)
        right = ast_as<IfExp>(right).body;
      else if (right->kind == NodeKind::Compare)
        right = ast_as<Compare>(right).left;
      else
        right = ast_as<Tuple>(right).elts[0];
    }
    fail("invalid syntax. Maybe you meant '==' or ':=' instead of '='?", {last->span.begin, right->span.end});
  }
  if (last->kind != NodeKind::Name && may_mean_equality(last))
    fail(fmt::format("cannot assign to {} here. Maybe you meant '==' instead of '='?",
                     expression_description(last)),
         last->span);
}

StmtNode* ParserContext::assign(Exprs* items, Span span) {
  uint32_t targets = items->size() - 1;
  ExprNode* value = (*items)[targets];
  for (uint32_t i = 0; i < targets; ++i) {
    ExprNode* target = (*items)[i];
    const ExprNode* bad = invalid_target(target, TargetKind::Star);
    if (bad == nullptr) continue;
    suggest_equality((*items)[0], (*items)[1], targets == 1);
    if ((target->kind == NodeKind::Yield || target->kind == NodeKind::YieldFrom) &&
        (target->flags & kParenthesized) == 0)
      fail("assignment to yield expression not possible", target->span);
    fail(fmt::format("cannot assign to {}", expression_description(bad)), bad->span);
  }
  for (uint32_t i = 0; i < targets; ++i) set_context((*items)[i], ExprContext::Store);
  return make<Assign>(span, Seq<ExprNode*>(items->begin(), targets), value);
}

StmtNode* ParserContext::annotated(ExprNode* target, ExprNode* annotation, ExprNode* value, Span span) {
  switch (target->kind) {
    case NodeKind::Name:
    case NodeKind::Attribute:
    case NodeKind::Subscript: break;
    case NodeKind::List: fail("only single target (not list) can be annotated", target->span);
    case NodeKind::Tuple: {
      Span at = target->span;
      if ((target->flags & kParenthesized) == 0 && !ast_as<Tuple>(target).elts.empty())
        at = ast_as<Tuple>(target).elts[0]->span;
      fail("only single target (not tuple) can be annotated", at);
    }
    case NodeKind::Starred:
    case NodeKind::Yield:
    case NodeKind::YieldFrom: {
      if ((target->flags & kParenthesized) != 0) fail("illegal target for annotation", target->span);
      // The colon cannot stand there.
      uint32_t at = target->span.end;
      while (source.text()[at] != ':') ++at;
      fail("invalid syntax", {at, at + 1});
    }
    default: fail("illegal target for annotation", target->span);
  }
  set_context(target, ExprContext::Store);
  bool simple = target->kind == NodeKind::Name && (target->flags & kParenthesized) == 0;
  return make<AnnAssign>(span, target, annotation, value, simple ? 1 : 0);
}

StmtNode* ParserContext::augmented(ExprNode* target, Operator op, ExprNode* value, Span span) {
  switch (target->kind) {
    case NodeKind::Name:
    case NodeKind::Attribute:
    case NodeKind::Subscript: break;
    case NodeKind::Yield:
    case NodeKind::YieldFrom:
      if ((target->flags & kParenthesized) == 0) {
        uint32_t at = target->span.end;
        while (source.text()[at] != '=') ++at;
        fail("invalid syntax", {target->span.end + 1, at + 1});
      }
      [[fallthrough]];
    default:
      fail(fmt::format("'{}' is an illegal expression for augmented assignment",
                       expression_description(target)),
           target->span);
  }
  set_context(target, ExprContext::Store);
  return make<AugAssign>(span, target, op, value);
}

ExprNode* ParserContext::named(ExprNode* target, ExprNode* value, Span span) {
  if (target->kind != NodeKind::Name || (target->flags & kParenthesized) != 0)
    fail(fmt::format("cannot use assignment expressions with {}", expression_description(target)),
         target->span);
  set_context(target, ExprContext::Store);
  return make<NamedExpr>(span, target, value);
}

// ---- comprehensions and displays

void ParserContext::check_comprehension(NodeKind kind, Exprs* items, const Comprehension* clause) {
  ExprNode* first = (*items)[0];
  if (first->kind == NodeKind::Starred)
    fail("iterable unpacking cannot be used in comprehension", first->span);
  if (items->size() > 1) {
    if (kind == NodeKind::GeneratorExp) fail("invalid syntax", token_at(clause->span.begin)->span);
    fail("did you forget parentheses around the comprehension target?",
         {first->span.begin, items->back()->span.end});
  }
}

// ---- parameters

const Token* ParserContext::token_at(uint32_t offset) const {
  auto found = std::lower_bound(stream.tokens.begin() + 1, stream.tokens.end(), offset,
                                [](const Token& token, uint32_t at) { return token.span.begin < at; });
  while (found->kind == TokenKind::Dedent) ++found;
  return &*found;
}

// CPython points at the star, but in a lambda at what follows it.
void ParserContext::fail_bare_star(Span star, bool is_lambda) {
  const Token* token = token_at(star.begin);
  if (is_lambda) {
    ++token;
    if (token->kind == TokenKind::Comma) ++token;
  }
  fail("named arguments must follow bare *", token->span);
}

Arguments* ParserContext::parameters(SeqBuilder<Parameter*>* list, Span span, bool is_lambda) {
  SeqBuilder<Arg*> positional_only, plain, keyword_only;
  Exprs defaults, keyword_defaults;
  Arg* vararg = nullptr;
  Arg* kwarg = nullptr;
  bool slash = false, star = false;
  bool bare_star_pending = false;
  Span bare_star;
  for (uint32_t i = 0; i < list->size(); ++i) {
    Parameter* parameter = (*list)[i];
    Span sign{parameter->span.begin,
              parameter->span.begin + (parameter->kind == ParameterKind::DoubleStar ? 2u : 1u)};
    if (kwarg != nullptr)
      fail("arguments cannot follow var-keyword argument",
           parameter->kind == ParameterKind::Plain ? parameter->arg->span : sign);
    switch (parameter->kind) {
      case ParameterKind::Plain:
        bare_star_pending = false;
        if (star) {
          keyword_only.push(arena, parameter->arg);
          keyword_defaults.push(arena, parameter->default_value);
        } else {
          if (parameter->default_value == nullptr && !defaults.empty())
            fail("parameter without a default follows parameter with a default", parameter->arg->span);
          plain.push(arena, parameter->arg);
          if (parameter->default_value != nullptr) defaults.push(arena, parameter->default_value);
        }
        break;
      case ParameterKind::Slash:
        if (i == 0) fail("at least one argument must precede /", parameter->span);
        if (slash) fail("/ may appear only once", parameter->span);
        if (star) fail("/ must be ahead of *", parameter->span);
        slash = true;
        positional_only = plain;
        plain = SeqBuilder<Arg*>();
        break;
      case ParameterKind::Star:
        if (star && i + 1 == list->size() && token_at(sign.begin)[1].kind != TokenKind::Comma)
          fail("invalid syntax", sign);
        if (star) fail("* argument may appear only once", sign);
        star = true;
        bare_star_pending = true;
        bare_star = parameter->span;
        break;
      case ParameterKind::StarName:
        if (star) fail("* argument may appear only once", sign);
        star = true;
        vararg = parameter->arg;
        break;
      case ParameterKind::DoubleStar:
        if (bare_star_pending) fail_bare_star(bare_star, is_lambda);
        kwarg = parameter->arg;
        break;
    }
  }
  if (bare_star_pending) fail_bare_star(bare_star, is_lambda);
  return make<Arguments>(span, positional_only.seq(), plain.seq(), vararg, keyword_only.seq(),
                         keyword_defaults.seq(), kwarg, defaults.seq());
}

// ---- arguments

CallArguments* ParserContext::split_arguments(SeqBuilder<Argument*>* arguments, bool is_call) {
  Exprs values;
  SeqBuilder<Keyword*> named_values;
  bool keyword_seen = false, unpacking_seen = false;
  uint32_t count = arguments->size();
  for (uint32_t i = 0; i < count; ++i) {
    Argument* argument = (*arguments)[i];
    switch (argument->kind) {
      case ArgumentKind::Generator:
        if (!is_call && count == 1) {
          const auto& generator = ast_as<GeneratorExp>(argument->value);
          uint32_t at = generator.generators[0]->span.begin;
          fail("invalid syntax", {at, at + (generator.generators[0]->is_async != 0 ? 5u : 3u)});
        }
        if (count > 1) fail_generator_argument(arguments, i);
        [[fallthrough]];
      case ArgumentKind::Positional:
        if (unpacking_seen) fail_at_last_token("positional argument follows keyword argument unpacking");
        if (keyword_seen) fail_at_last_token("positional argument follows keyword argument");
        values.push(arena, argument->value);
        break;
      case ArgumentKind::Starred:
        if (unpacking_seen)
          fail("iterable argument unpacking follows keyword argument unpacking",
               {(token_at(argument->span.begin) - 1)->span.begin, argument->span.end});
        values.push(arena, argument->value);
        break;
      case ArgumentKind::Keyword: {
        const ExprNode* name = argument->name;
        if (name->kind != NodeKind::Name || (name->flags & kParenthesized) != 0) {
          Span equal{name->span.begin, name->span.end};
          while (source.text()[equal.end] != '=') ++equal.end;
          ++equal.end;
          const auto* constant = ast_cast<Constant>(name);
          if (constant != nullptr &&
              (constant->value.kind == ConstantKind::True || constant->value.kind == ConstantKind::False ||
               constant->value.kind == ConstantKind::None))
            fail(fmt::format("cannot assign to {}", expression_description(name)), equal);
          fail("expression cannot contain assignment, perhaps you meant \"==\"?", equal);
        }
        keyword_seen = true;
        named_values.push(arena, make<Keyword>(argument->span, ast_as<Name>(name).id, argument->value));
        break;
      }
      case ArgumentKind::DoubleStar:
        unpacking_seen = true;
        named_values.push(arena, make<Keyword>(argument->span, Identifier(), argument->value));
        break;
    }
  }
  return arena.make<CallArguments>(values.seq(), named_values.seq());
}

// f(x for x in y, 1): the range of the generator, or up to the clauses where it is the first of several.
void ParserContext::fail_generator_argument(SeqBuilder<Argument*>* arguments, uint32_t index) {
  Argument* generator = (*arguments)[index];
  fail("Generator expression must be parenthesized", generator->span);
}

// ---- type parameters

TypeParamNode* ParserContext::type_param(ParameterKind kind, const Token* token, ExprNode* bound,
                                         ExprNode* default_value, Span span) {
  Identifier name = token->value.name;
  if (kind != ParameterKind::Plain && bound != nullptr) {
    uint32_t at = token->span.end;
    while (source.text()[at] != ':') ++at;
    const char* what = kind == ParameterKind::StarName ? "TypeVarTuple" : "ParamSpec";
    fail(fmt::format("cannot use {} with {}", bound->kind == NodeKind::Tuple ? "constraints" : "bound", what),
         {at, at + 1});
  }
  switch (kind) {
    case ParameterKind::StarName: return make<TypeVarTuple>(span, name, default_value);
    case ParameterKind::DoubleStar: return make<ParamSpec>(span, name, default_value);
    default: return make<TypeVar>(span, name, bound, default_value);
  }
}

// ---- patterns

void ParserContext::check_pattern_number(const ExprNode* real, const ExprNode* imaginary) {
  const ExprNode* number = real;
  if (const auto* negated = ast_cast<UnaryOp>(real)) number = negated->operand;
  if (ast_as<Constant>(number).value.kind == ConstantKind::Complex)
    fail("real number required in complex literal", number->span);
  if (ast_as<Constant>(imaginary).value.kind != ConstantKind::Complex)
    fail("imaginary number required in complex literal", imaginary->span);
}

ExprNode* ParserContext::pattern_string(ExprNode* value) {
  if (value->kind == NodeKind::JoinedStr)
    fail("patterns may only match literals and attribute lookups", value->span);
  return value;
}

// ---- modes

ExprNode* ParserContext::eval_input(ExprNode* node) {
  // `expressions` knows no star.
  auto reject = [&](const ExprNode* item) {
    if (item->kind == NodeKind::Starred) fail("invalid syntax", token_at(item->span.begin)->span);
  };
  reject(node);
  if (const auto* tuple = ast_cast<Tuple>(node); tuple != nullptr && (node->flags & kParenthesized) == 0)
    for (const ExprNode* item : tuple->elts) reject(item);
  return node;
}

void ParserContext::check_single_statement(Stmts* statements, const Token*) {
  if (statements->empty()) fail("invalid syntax", lookahead->span);
  // Statements of one line are one; a second line is a second.
  for (uint32_t i = 1; i < statements->size(); ++i) {
    std::string_view between = std::string_view(source.text()).substr((*statements)[i - 1]->span.end);
    between = between.substr(0, (*statements)[i]->span.begin - (*statements)[i - 1]->span.end);
    if (between.find(';') == std::string_view::npos ||
        (*statements)[0]->span.end < (*statements)[0]->span.begin)
      fail("multiple statements found while compiling a single statement", (*statements)[i]->span);
  }
}

}  // namespace mp::lang

// ParserContext: how nodes are made.
#include <fmt/core.h>

#include "lang/literals.h"
#include "lang/parser_context.h"

namespace mp::lang {

ExprNode* ParserContext::tuple_or_single(Exprs* items, bool comma, Span span) {
  if (items->size() == 1 && !comma) return (*items)[0];
  return make<Tuple>(span, items->seq(), ExprContext::Load);
}

ExprNode* ParserContext::parenthesize(ExprNode* node, Span) {
  node->flags |= kParenthesized;
  return node;
}

ExprNode* ParserContext::group(Exprs* items, bool comma, Span span) {
  if (items->size() == 1 && !comma) {
    ExprNode* only = (*items)[0];
    if (only->kind == NodeKind::Starred) fail("cannot use starred expression here", only->span);
    only->flags |= kParenthesized;
    return only;
  }
  ExprNode* tuple = make<Tuple>(span, items->seq(), ExprContext::Load);
  tuple->flags |= kParenthesized;
  return tuple;
}

ExprNode* ParserContext::comparison(ComparisonChain* chain, Span span) {
  return make<Compare>(span, chain->left, chain->ops.seq(), chain->comparators.seq());
}

ExprNode* ParserContext::bool_op(BoolOperator op, Exprs* values, Span span) {
  return make<BoolOp>(span, op, values->seq());
}

ExprNode* ParserContext::subscript(ExprNode* value, Exprs* slices, bool comma, Span span, Span slice_span) {
  ExprNode* index = (*slices)[0];
  if (slices->size() > 1 || comma || index->kind == NodeKind::Starred)
    index = make<Tuple>(slice_span, slices->seq(), ExprContext::Load);
  return make<Subscript>(span, value, index, ExprContext::Load);
}

ExprNode* ParserContext::comprehension(NodeKind kind, Exprs* items, Seq<Comprehension*> generators,
                                       Span span) {
  ExprNode* element = (*items)[0];
  check_comprehension(kind, items, generators[0]);
  switch (kind) {
    case NodeKind::ListComp: return make<ListComp>(span, element, generators);
    case NodeKind::SetComp: return make<SetComp>(span, element, generators);
    default: return make<GeneratorExp>(span, element, generators);
  }
}

Comprehension* ParserContext::comprehension_clause(Exprs* targets, bool comma, ExprNode* iter, Exprs* ifs,
                                                   bool is_async, Span target_span) {
  ExprNode* target = for_target(targets, comma, target_span);
  return make<Comprehension>(target_span, target, iter, ifs->seq(), is_async ? 1 : 0);
}

ExprNode* ParserContext::for_target(Exprs* targets, bool comma, Span span) {
  ExprNode* target;
  if (targets->size() == 1 && !comma) {
    target = (*targets)[0];
    if (target->kind == NodeKind::Starred) {
      make_target(ast_as<Starred>(target).value, ExprContext::Store, TargetKind::For);
      ast_as<Starred>(target).ctx = ExprContext::Store;
      return target;
    }
  } else {
    target = make<Tuple>(span, targets->seq(), ExprContext::Load);
  }
  make_target(target, ExprContext::Store, TargetKind::For);
  return target;
}

WithItem* ParserContext::with_item(ExprNode* context, ExprNode* target) {
  Span span = context->span;
  if (target != nullptr) {
    make_target(target, ExprContext::Store, TargetKind::Star);
    span.end = target->span.end;
  }
  return make<WithItem>(span, context, target);
}

StmtNode* ParserContext::delete_targets(Exprs* targets, bool, Span span, Span) {
  for (ExprNode* target : *targets) make_target(target, ExprContext::Del, TargetKind::Delete);
  return make<Delete>(span, targets->seq());
}

StmtNode* ParserContext::async_function(FunctionDef* f, Span async) {
  return make<AsyncFunctionDef>({async.begin, f->span.end}, f->name, f->args, f->body, f->decorator_list,
                                f->returns, f->type_params);
}

StmtNode* ParserContext::decorate(StmtNode* node, Exprs* decorators) {
  int depth = depth_of(decorators->seq());
  if (depth >= kMaxAstDepth) too_deep(node->span);
  node->depth = static_cast<uint16_t>(std::max<int>(node->depth, depth + 1));
  switch (node->kind) {
    case NodeKind::FunctionDef: ast_as<FunctionDef>(node).decorator_list = decorators->seq(); break;
    case NodeKind::AsyncFunctionDef: ast_as<AsyncFunctionDef>(node).decorator_list = decorators->seq(); break;
    default: ast_as<ClassDef>(node).decorator_list = decorators->seq(); break;
  }
  return node;
}

ExprNode* ParserContext::call(ExprNode* function, SeqBuilder<Argument*>* arguments, Span span, Span open,
                              bool) {
  if (arguments->size() == 1 && arguments->back()->kind == ArgumentKind::Generator)
    arguments->back()->value->span = {open.begin, span.end};
  CallArguments* split = split_arguments(arguments, true);
  return make<Call>(span, function, split->positional, split->keywords);
}

StmtNode* ParserContext::import_from(int level, Identifier module, SeqBuilder<Alias*>* names, Span span) {
  if (names == nullptr) {
    Alias* star = make<Alias>({span.end - 1, span.end}, arena.intern("*"), Identifier());
    return make<ImportFrom>(span, module, list(star)->seq(), level);
  }
  return make<ImportFrom>(span, module, names->seq(), level);
}

Seq<TypeParamNode*> ParserContext::type_params(SeqBuilder<TypeParamNode*>* list) {
  return list == nullptr ? Seq<TypeParamNode*>() : list->seq();
}

TryParts* ParserContext::add_handler(TryParts* parts, bool star, ExprNode* type, const Token* name,
                                     Stmts* body, Span span) {
  if (parts == nullptr) parts = arena.make<TryParts>();
  (star ? parts->star : parts->plain) = true;
  if (parts->star && parts->plain) {
    const Token* keyword = token_at(span.begin);
    fail("cannot have both 'except' and 'except*' on the same 'try'",
         {span.begin, keyword[star ? 1 : 0].span.end});
  }
  auto* handler = make<ExceptHandler>(span, type, name ? name->value.name : Identifier(), body->seq());
  parts->handlers.push(arena, handler);
  return parts;
}

StmtNode* ParserContext::try_statement(Stmts* body, TryParts* parts, Stmts* orelse, Stmts* finalbody,
                                       Span span) {
  Seq<ExceptHandler*> handlers;
  Seq<StmtNode*> else_body, final_body;
  if (parts != nullptr) {
    handlers = parts->handlers.seq();
  }
  if (orelse != nullptr && !orelse->empty()) {
    else_body = orelse->seq();
  }
  if (finalbody != nullptr && !finalbody->empty()) {
    final_body = finalbody->seq();
  }
  if (parts != nullptr && parts->star)
    return make<TryStar>(span, body->seq(), handlers, else_body, final_body);
  return make<Try>(span, body->seq(), handlers, else_body, final_body);
}

// ---- patterns

PatternNode* ParserContext::pattern_constant(ExprNode* value) {
  if (auto* constant = ast_cast<Constant>(value)) {
    ConstantKind kind = constant->value.kind;
    if (kind == ConstantKind::None || kind == ConstantKind::True || kind == ConstantKind::False)
      return make<MatchSingleton>(value->span, constant->value);
  }
  return make<MatchValue>(value->span, value);
}

PatternNode* ParserContext::capture(const Token* token) {
  Identifier identifier = token->value.name;
  if (identifier == "_") identifier = Identifier();
  return make<MatchAs>(token->span, static_cast<PatternNode*>(nullptr), identifier);
}

PatternNode* ParserContext::pattern_star(const Token* token, Span span) {
  Identifier identifier = token->value.name;
  if (identifier == "_") identifier = Identifier();
  return make<MatchStar>(span, identifier);
}

PatternNode* ParserContext::pattern_as(PatternNode* pattern, const Token* name, Span span) {
  if (name->value.name == "_") fail("cannot use '_' as a target", name->span);
  return make<MatchAs>(span, pattern, name->value.name);
}

PatternNode* ParserContext::pattern_class(ExprNode* cls, SeqBuilder<PatternArgument*>* arguments, Span span) {
  Patterns positional, keyword_patterns;
  SeqBuilder<Identifier> names;
  if (arguments != nullptr) {
    const PatternArgument* first_after = nullptr;
    const PatternArgument* last_after = nullptr;
    for (const PatternArgument* argument : *arguments) {
      if (argument->name) {
        names.push(arena, argument->name);
        keyword_patterns.push(arena, argument->pattern);
      } else {
        if (!names.empty()) {
          if (first_after == nullptr) first_after = argument;
          last_after = argument;
        }
        positional.push(arena, argument->pattern);
      }
    }
    if (first_after != nullptr)
      fail("positional patterns follow keyword patterns", {first_after->span.begin, last_after->span.end});
  }
  return make<MatchClass>(span, cls, positional.seq(), names.seq(), keyword_patterns.seq());
}

PatternNode* ParserContext::pattern_mapping(MappingPatternItems* items, Span span) {
  return make<MatchMapping>(span, items->keys.seq(), items->patterns.seq(), items->rest);
}

}  // namespace mp::lang

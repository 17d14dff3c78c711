// The names that expressions use and bind: comprehensions have scopes of their own (PEP 709 does not show
// here), and `:=` in one binds in the scope around it (PEP 572).
#include <fmt/format.h>

#include "lang/scope_builder.h"

namespace mp::lang {

void ScopeBuilder::check_annotation_scope(const char* what, Span span) {
  switch (current_->kind) {
    case ScopeKind::Annotation:
      fail_syntax(fmt::format("{} cannot be used within an annotation", what), span);
    case ScopeKind::TypeVariable:
      fail_syntax(fmt::format("{} cannot be used within {}", what, current_->info), span);
    case ScopeKind::TypeAlias: fail_syntax(fmt::format("{} cannot be used within a type alias", what), span);
    case ScopeKind::TypeParameters:
      fail_syntax(fmt::format("{} cannot be used within the definition of a generic", what), span);
    default: break;
  }
}

void ScopeBuilder::named_expression_in_comprehension(const Name& target) {
  Identifier name = target.id;
  for (Scope* scope = current_; scope != nullptr; scope = scope->parent) {
    if (scope->comprehension != ComprehensionKind::None) {
      uint32_t flags = flags_of(scope, name);
      if ((flags & kDefCompIter) && (flags & kDefLocal)) {
        fail_syntax(fmt::format("assignment expression cannot rebind comprehension iteration variable '{}'",
                                name.view()),
                    target.span);
      }
      continue;
    }
    switch (scope->kind) {
      case ScopeKind::Function:
        add(name, flags_of(scope, name) & kDefGlobal ? kDefGlobal : kDefNonlocal, target.span);
        directive(name, target.span);
        add_to(scope, name, kDefLocal | kWalrus, target.span);
        return;
      case ScopeKind::Module:
        add(name, kDefGlobal, target.span);
        directive(name, target.span);
        add_to(scope, name, kDefGlobal, target.span);
        return;
      case ScopeKind::Class:
        fail_syntax("assignment expression within a comprehension cannot be used in a class body",
                    target.span);
      case ScopeKind::TypeVariable:
        fail_syntax("assignment expression within a comprehension cannot be used in a TypeVar bound",
                    target.span);
      case ScopeKind::TypeAlias:
        fail_syntax("assignment expression within a comprehension cannot be used in a type alias",
                    target.span);
      case ScopeKind::TypeParameters:
        fail_syntax(
            "assignment expression within a comprehension cannot be used within the definition of a "
            "generic",
            target.span);
      case ScopeKind::Annotation: return;
    }
  }
}

void ScopeBuilder::comprehension(const ExprNode* node, ComprehensionKind kind, const char* scope_name,
                                 Seq<Comprehension*> generators, ExprNode* element, ExprNode* value) {
  Comprehension* outermost = generators[0];
  ++current_->comp_iter_expr;
  expr(outermost->iter);
  --current_->comp_iter_expr;
  Scope* scope =
      enter(ScopeKind::Function, table_.arena_.intern(scope_name), node, ScopeRole::Main, node->span);
  scope->comprehension = kind;
  if (outermost->is_async) scope->coroutine = true;
  add(table_.arena_.intern(".0"), kDefParam, node->span);
  bool first = true;
  for (Comprehension* each : generators) {
    scope->comp_iter_target = true;
    expr(each->target);
    scope->comp_iter_target = false;
    if (!first) {
      ++scope->comp_iter_expr;
      expr(each->iter);
      --scope->comp_iter_expr;
    }
    exprs(each->ifs);
    if (each->is_async) scope->coroutine = true;
    first = false;
  }
  optional(value);
  expr(element);
  scope->generator = kind == ComprehensionKind::Generator;
  bool async = scope->coroutine && !scope->generator;
  leave();
  if (async) current_->coroutine = true;
}

void ScopeBuilder::yield_in(Span span) {
  check_annotation_scope("yield expression", span);
  current_->generator = true;
  switch (current_->comprehension) {
    case ComprehensionKind::None: break;
    case ComprehensionKind::List: fail_syntax("'yield' inside list comprehension", span);
    case ComprehensionKind::Set: fail_syntax("'yield' inside set comprehension", span);
    case ComprehensionKind::Dict: fail_syntax("'yield' inside dict comprehension", span);
    case ComprehensionKind::Generator: fail_syntax("'yield' inside generator expression", span);
  }
}

void ScopeBuilder::expr(const ExprNode* node) {
  switch (node->kind) {
    case NodeKind::NamedExpr: {
      auto& named = ast_as<NamedExpr>(node);
      check_annotation_scope("named expression", node->span);
      auto* target = ast_cast<Name>(named.target);
      if (current_->comp_iter_expr > 0) {
        fail_syntax("assignment expression cannot be used in a comprehension iterable expression",
                    node->span);
      }
      if (target != nullptr && current_->comprehension != ComprehensionKind::None) {
        named_expression_in_comprehension(*target);
      }
      expr(named.value);
      expr(named.target);
      if (target != nullptr) add(target->id, kWalrus, target->span);
      break;
    }
    case NodeKind::BoolOp: exprs(ast_as<BoolOp>(node).values); break;
    case NodeKind::BinOp: {
      // Left-associative chains are deep on the left.
      size_t base = pending_.size();
      const ExprNode* left = node;
      while (left->kind == NodeKind::BinOp) {
        pending_.push_back(ast_as<BinOp>(left).right);
        left = ast_as<BinOp>(left).left;
      }
      expr(left);
      while (pending_.size() > base) {
        const ExprNode* right = pending_.back();
        pending_.pop_back();
        expr(right);
      }
      break;
    }
    case NodeKind::UnaryOp: expr(ast_as<UnaryOp>(node).operand); break;
    case NodeKind::Lambda: {
      auto& lambda = ast_as<Lambda>(node);
      exprs(lambda.args->defaults);
      exprs(lambda.args->kw_defaults);
      enter(ScopeKind::Function, table_.arena_.intern("lambda"), node, ScopeRole::Main, node->span);
      parameters(*lambda.args);
      expr(lambda.body);
      leave();
      break;
    }
    case NodeKind::IfExp:
      expr(ast_as<IfExp>(node).test);
      expr(ast_as<IfExp>(node).body);
      expr(ast_as<IfExp>(node).orelse);
      break;
    case NodeKind::Dict:
      exprs(ast_as<Dict>(node).keys);
      exprs(ast_as<Dict>(node).values);
      break;
    case NodeKind::Set: exprs(ast_as<Set>(node).elts); break;
    case NodeKind::ListComp: {
      auto& comp = ast_as<ListComp>(node);
      comprehension(node, ComprehensionKind::List, "listcomp", comp.generators, comp.elt, nullptr);
      break;
    }
    case NodeKind::SetComp: {
      auto& comp = ast_as<SetComp>(node);
      comprehension(node, ComprehensionKind::Set, "setcomp", comp.generators, comp.elt, nullptr);
      break;
    }
    case NodeKind::DictComp: {
      auto& comp = ast_as<DictComp>(node);
      comprehension(node, ComprehensionKind::Dict, "dictcomp", comp.generators, comp.key, comp.value);
      break;
    }
    case NodeKind::GeneratorExp: {
      auto& comp = ast_as<GeneratorExp>(node);
      comprehension(node, ComprehensionKind::Generator, "genexpr", comp.generators, comp.elt, nullptr);
      break;
    }
    case NodeKind::Await:
      check_annotation_scope("await expression", node->span);
      expr(ast_as<Await>(node).value);
      current_->coroutine = true;
      break;
    case NodeKind::Yield:
      check_annotation_scope("yield expression", node->span);
      optional(ast_as<Yield>(node).value);
      yield_in(node->span);
      break;
    case NodeKind::YieldFrom:
      check_annotation_scope("yield expression", node->span);
      expr(ast_as<YieldFrom>(node).value);
      yield_in(node->span);
      break;
    case NodeKind::Compare:
      expr(ast_as<Compare>(node).left);
      exprs(ast_as<Compare>(node).comparators);
      break;
    case NodeKind::Call:
      expr(ast_as<Call>(node).func);
      exprs(ast_as<Call>(node).args);
      for (Keyword* each : ast_as<Call>(node).keywords) expr(each->value);
      break;
    case NodeKind::FormattedValue:
      expr(ast_as<FormattedValue>(node).value);
      optional(ast_as<FormattedValue>(node).format_spec);
      break;
    case NodeKind::JoinedStr: exprs(ast_as<JoinedStr>(node).values); break;
    case NodeKind::Constant: break;
    case NodeKind::Attribute: expr(ast_as<Attribute>(node).value); break;
    case NodeKind::Subscript:
      expr(ast_as<Subscript>(node).value);
      expr(ast_as<Subscript>(node).slice);
      break;
    case NodeKind::Starred: expr(ast_as<Starred>(node).value); break;
    case NodeKind::Name: {
      auto& name = ast_as<Name>(node);
      switch (name.ctx) {
        case ExprContext::Load:
          add(name.id, kUse, node->span);
          // Zero-argument super() needs the cell of the class.
          if (current_->kind == ScopeKind::Function && name.id == "super") add(class_, kUse, node->span);
          break;
        case ExprContext::Store: add(name.id, kDefLocal, node->span); break;
        case ExprContext::Del: add(name.id, kDefLocal | kDeleted, node->span); break;
      }
      break;
    }
    case NodeKind::List: exprs(ast_as<List>(node).elts); break;
    case NodeKind::Tuple: exprs(ast_as<Tuple>(node).elts); break;
    case NodeKind::Slice:
      optional(ast_as<Slice>(node).lower);
      optional(ast_as<Slice>(node).upper);
      optional(ast_as<Slice>(node).step);
      break;
    default: break;
  }
}

}  // namespace mp::lang

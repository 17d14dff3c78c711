// The scopes, and the names that statements, definitions and patterns bind.
#include "lang/scope_builder.h"

#include <fmt/format.h>

namespace mp::lang {

void ScopeBuilder::module(const ModNode& module) {
  enter(ScopeKind::Module, table_.arena_.intern("top"), &module, ScopeRole::Main, module.span);
  table_.top_ = current_;
  switch (module.kind) {
    case NodeKind::Module: block(ast_as<Module>(&module).body); break;
    case NodeKind::Interactive: block(ast_as<Interactive>(&module).body); break;
    case NodeKind::Expression: expr(ast_as<Expression>(&module).body); break;
    default: fail_syntax("this compiler does not handle FunctionTypes", module.span);
  }
  leave();
}

Scope* ScopeBuilder::enter(ScopeKind kind, Identifier name, const void* node, ScopeRole role, Span span) {
  table_.scopes_.emplace_back();
  Scope* scope = &table_.scopes_.back();
  scope->kind = kind;
  scope->name = name;
  scope->parent = current_;
  scope->span = span;
  scope->private_name = private_;
  if (current_ != nullptr) {
    scope->nested = current_->nested || current_->function_like();
    scope->discarded = current_->discarded;
    scope->comp_iter_expr = current_->comp_iter_expr;
    current_->children.push_back(scope);
  }
  if (node != nullptr) {
    table_.by_node_.emplace(reinterpret_cast<uintptr_t>(node) + static_cast<uintptr_t>(role), scope);
  }
  current_ = scope;
  return scope;
}

void ScopeBuilder::add_to(Scope* scope, Identifier raw, uint32_t flag, Span span) {
  Identifier name = table_.mangle(private_, raw);
  Symbol* symbol = scope->symbols.add(name);
  if ((flag & kDefParam) && (symbol->flags & kDefParam)) {
    fail_syntax(fmt::format("duplicate argument '{}' in function definition", name.view()), span);
  }
  if ((flag & kDefTypeParam) && (symbol->flags & kDefTypeParam)) {
    fail_syntax(fmt::format("duplicate type parameter '{}'", name.view()), span);
  }
  uint32_t flags = symbol->flags | flag;
  if (scope->comp_iter_target && (flag & kDefLocal)) {
    if (flags & (kDefGlobal | kDefNonlocal)) {
      fail_syntax(fmt::format("comprehension inner loop cannot rebind assignment expression target '{}'",
                              name.view()),
                  span);
    }
    flags |= kDefCompIter;
  }
  symbol->flags = flags;
  if (flag & kWalrus) ++symbol->walrus_count;
  if (flag & kDefParam) scope->parameters.push_back(name);
  if ((flag & kDefGlobal) && table_.top_ != nullptr && scope != table_.top_) {
    table_.top_->symbols.add(name)->flags |= kDefGlobal;
  }
}

uint32_t ScopeBuilder::flags_of(Scope* scope, Identifier raw) {
  Symbol* symbol = scope->symbols.find(table_.mangle(private_, raw));
  return symbol == nullptr ? 0 : symbol->flags;
}

// ---- definitions

template <typename F>
void ScopeBuilder::function(const F& node, bool async) {
  add(node.name, kDefLocal, node.span);
  exprs(node.args->defaults);
  exprs(node.args->kw_defaults);
  exprs(node.decorator_list);
  bool in_class = current_->kind == ScopeKind::Class;
  if (!node.type_params.empty()) {
    bool has_kw_defaults = false;
    for (ExprNode* each : node.args->kw_defaults) has_kw_defaults |= each != nullptr;
    enter_type_parameters(node.name, &node, node.span, !node.args->defaults.empty(), has_kw_defaults, false);
    type_parameters(node.type_params);
  }
  annotations(*node.args, node.returns);
  Scope* scope = enter(ScopeKind::Function, node.name, &node, ScopeRole::Main, node.span);
  scope->async_function = async;
  scope->coroutine = async;
  scope->method = in_class && node.type_params.empty();
  parameters(*node.args);
  block(node.body);
  leave();
  if (!node.type_params.empty()) leave();
}

void ScopeBuilder::class_definition(const ClassDef& node) {
  add(node.name, kDefLocal, node.span);
  exprs(node.decorator_list);
  Identifier outer_private = private_;
  if (!node.type_params.empty()) {
    enter_type_parameters(node.name, &node, node.span, false, false, true);
    private_ = node.name;
    current_->private_name = private_;
    type_parameters(node.type_params);
  }
  exprs(node.bases);
  for (Keyword* each : node.keywords) expr(each->value);
  private_ = node.name;
  enter(ScopeKind::Class, node.name, &node, ScopeRole::Main, node.span);
  if (!node.type_params.empty()) {
    add(table_.arena_.intern("__type_params__"), kDefLocal, node.span);
    add(table_.arena_.intern(".type_params"), kUse, node.span);
  }
  block(node.body);
  leave();
  if (!node.type_params.empty()) leave();
  private_ = outer_private;
}

void ScopeBuilder::enter_type_parameters(Identifier name, const void* node, Span span, bool defaults,
                                         bool kw_defaults, bool for_class) {
  bool in_class = current_->kind == ScopeKind::Class;
  Identifier scope_name = table_.arena_.intern(fmt::format("<generic parameters of {}>", name.view()));
  Scope* scope = enter(ScopeKind::TypeParameters, scope_name, node, ScopeRole::TypeParameters, span);
  if (in_class) {
    scope->can_see_class_scope = true;
    add(class_dict_, kUse, span);
  }
  if (for_class) {
    Identifier type_params = table_.arena_.intern(".type_params");
    add(type_params, kDefLocal, span);
    add(type_params, kUse, span);
    Identifier base = table_.arena_.intern(".generic_base");
    add(base, kDefLocal, span);
    add(base, kUse, span);
  }
  if (defaults) add(table_.arena_.intern(".defaults"), kDefParam, span);
  if (kw_defaults) add(table_.arena_.intern(".kwdefaults"), kDefParam, span);
}

void ScopeBuilder::type_parameters(Seq<TypeParamNode*> list) {
  for (TypeParamNode* each : list) {
    switch (each->kind) {
      case NodeKind::TypeVar: {
        auto& node = ast_as<TypeVar>(each);
        add(node.name, kDefTypeParam | kDefLocal, node.span);
        bool constraints = node.bound != nullptr && node.bound->kind == NodeKind::Tuple;
        type_variable_part(node.bound, node.name, each, ScopeRole::Main,
                           constraints ? "a TypeVar constraint" : "a TypeVar bound");
        type_variable_part(node.default_value, node.name, each, ScopeRole::Default, "a TypeVar default");
        break;
      }
      case NodeKind::ParamSpec: {
        auto& node = ast_as<ParamSpec>(each);
        add(node.name, kDefTypeParam | kDefLocal, node.span);
        type_variable_part(node.default_value, node.name, each, ScopeRole::Default, "a ParamSpec default");
        break;
      }
      default: {
        auto& node = ast_as<TypeVarTuple>(each);
        add(node.name, kDefTypeParam | kDefLocal, node.span);
        type_variable_part(node.default_value, node.name, each, ScopeRole::Default, "a TypeVarTuple default");
      }
    }
  }
}

void ScopeBuilder::type_variable_part(ExprNode* part, Identifier name, const void* node, ScopeRole role,
                                      const char* info) {
  if (part == nullptr) return;
  bool in_class = current_->can_see_class_scope;
  Scope* scope = enter(ScopeKind::TypeVariable, name, node, role, part->span);
  scope->info = info;
  scope->can_see_class_scope = in_class;
  if (in_class) add(class_dict_, kUse, part->span);
  expr(part);
  leave();
}

void ScopeBuilder::annotation(ExprNode* node) {
  if (node == nullptr) return;
  if (!table_.future_annotations_) {
    expr(node);
    return;
  }
  enter(ScopeKind::Annotation, table_.arena_.intern("_annotation"), nullptr, ScopeRole::Main, node->span);
  current_->discarded = true;
  expr(node);
  leave();
}

void ScopeBuilder::annotations(const Arguments& args, ExprNode* returns) {
  for (Arg* each : args.posonlyargs) annotation(each->annotation);
  for (Arg* each : args.args) annotation(each->annotation);
  if (args.vararg != nullptr) annotation(args.vararg->annotation);
  if (args.kwarg != nullptr) annotation(args.kwarg->annotation);
  for (Arg* each : args.kwonlyargs) annotation(each->annotation);
  annotation(returns);
}

void ScopeBuilder::parameters(const Arguments& args) {
  for (Arg* each : args.posonlyargs) add(each->arg, kDefParam, each->span);
  for (Arg* each : args.args) add(each->arg, kDefParam, each->span);
  for (Arg* each : args.kwonlyargs) add(each->arg, kDefParam, each->span);
  if (args.vararg != nullptr) {
    add(args.vararg->arg, kDefParam, args.vararg->span);
    current_->varargs = true;
  }
  if (args.kwarg != nullptr) {
    add(args.kwarg->arg, kDefParam, args.kwarg->span);
    current_->varkeywords = true;
  }
}

void ScopeBuilder::type_alias(const TypeAlias& node) {
  expr(node.name);
  bool in_class = current_->kind == ScopeKind::Class;
  auto* name = ast_cast<Name>(node.name);
  bool generic = !node.type_params.empty();
  if (generic) {
    enter_type_parameters(name->id, &node, node.span, false, false, false);
    type_parameters(node.type_params);
  }
  Scope* scope = enter(ScopeKind::TypeAlias, name->id, &node, ScopeRole::Main, node.span);
  scope->can_see_class_scope = in_class;
  if (in_class) add(class_dict_, kUse, node.value->span);
  expr(node.value);
  leave();
  if (generic) leave();
}

// ---- statements

void ScopeBuilder::global(Seq<Identifier> names, Span span, bool nonlocal) {
  const char* word = nonlocal ? "nonlocal" : "global";
  for (Identifier name : names) {
    uint32_t flags = flags_of(current_, name);
    if (flags & (kDefParam | kDefLocal | kUse | kDefAnnotation)) {
      const char* text = flags & kDefParam        ? "name '{}' is parameter and {}"
                         : flags & kUse           ? "name '{}' is used prior to {} declaration"
                         : flags & kDefAnnotation ? "annotated name '{}' can't be {}"
                                                  : "name '{}' is assigned to before {} declaration";
      fail_syntax(fmt::format(fmt::runtime(text), name.view(), word), span);
    }
    add(name, nonlocal ? kDefNonlocal : kDefGlobal, span);
    directive(name, span);
  }
}

void ScopeBuilder::annotated_assignment(const AnnAssign& node) {
  current_->annotations_used = true;
  if (auto* name = ast_cast<Name>(node.target)) {
    uint32_t flags = flags_of(current_, name->id);
    if ((flags & (kDefGlobal | kDefNonlocal)) && current_ != table_.top_ && node.simple) {
      fail_syntax(fmt::format("annotated name '{}' can't be {}", name->id.view(),
                              flags & kDefGlobal ? "global" : "nonlocal"),
                  node.span);
    }
    if (node.simple) {
      add(name->id, kDefAnnotation | kDefLocal, node.target->span);
    } else if (node.value != nullptr) {
      add(name->id, kDefLocal, node.target->span);
    }
  } else {
    expr(node.target);
  }
  annotation(node.annotation);
  optional(node.value);
}

void ScopeBuilder::handlers(Seq<ExceptHandler*> list) {
  for (ExceptHandler* each : list) {
    optional(each->type);
    if (each->name) add(each->name, kDefLocal | kDeleted, each->span);
    block(each->body);
  }
}

void ScopeBuilder::alias(const Alias& node) {
  std::string_view full = node.asname ? node.asname.view() : node.name.view();
  size_t dot = node.asname ? std::string_view::npos : full.find('.');
  if (full == "*") {
    if (current_->kind != ScopeKind::Module) {
      fail_syntax("import * only allowed at module level", node.span);
    }
    return;
  }
  add(dot == std::string_view::npos ? (node.asname ? node.asname : node.name)
                                    : table_.arena_.intern(full.substr(0, dot)),
      kDefImport, node.span);
}

void ScopeBuilder::with_items(Seq<WithItem*> items) {
  for (WithItem* each : items) {
    expr(each->context_expr);
    optional(each->optional_vars);
  }
}

void ScopeBuilder::statement(const StmtNode* node) {
  switch (node->kind) {
    case NodeKind::FunctionDef: function(ast_as<FunctionDef>(node), false); break;
    case NodeKind::AsyncFunctionDef: function(ast_as<AsyncFunctionDef>(node), true); break;
    case NodeKind::ClassDef: class_definition(ast_as<ClassDef>(node)); break;
    case NodeKind::TypeAlias: type_alias(ast_as<TypeAlias>(node)); break;
    case NodeKind::Return:
      if (ast_as<Return>(node).value != nullptr) {
        expr(ast_as<Return>(node).value);
        current_->returns_value = true;
      }
      break;
    case NodeKind::Delete: exprs(ast_as<Delete>(node).targets); break;
    case NodeKind::Assign:
      exprs(ast_as<Assign>(node).targets);
      expr(ast_as<Assign>(node).value);
      break;
    case NodeKind::AnnAssign: annotated_assignment(ast_as<AnnAssign>(node)); break;
    case NodeKind::AugAssign:
      expr(ast_as<AugAssign>(node).target);
      expr(ast_as<AugAssign>(node).value);
      break;
    case NodeKind::For: {
      auto& loop = ast_as<For>(node);
      expr(loop.target);
      expr(loop.iter);
      block(loop.body);
      block(loop.orelse);
      break;
    }
    case NodeKind::AsyncFor: {
      auto& loop = ast_as<AsyncFor>(node);
      if (current_->kind == ScopeKind::Module)
        current_->coroutine = true;  // as PyCF_ALLOW_TOP_LEVEL_AWAIT has it
      expr(loop.target);
      expr(loop.iter);
      block(loop.body);
      block(loop.orelse);
      break;
    }
    case NodeKind::While: {
      auto& loop = ast_as<While>(node);
      expr(loop.test);
      block(loop.body);
      block(loop.orelse);
      break;
    }
    case NodeKind::If: {
      // A chain of elif is a chain of nested nodes: iterate.
      const If* branch = &ast_as<If>(node);
      for (;;) {
        expr(branch->test);
        block(branch->body);
        if (branch->orelse.size() != 1 || branch->orelse[0]->kind != NodeKind::If) break;
        branch = &ast_as<If>(branch->orelse[0]);
      }
      block(branch->orelse);
      break;
    }
    case NodeKind::Match: {
      auto& match = ast_as<Match>(node);
      expr(match.subject);
      for (MatchCase* each : match.cases) {
        pattern(each->pattern);
        optional(each->guard);
        block(each->body);
      }
      break;
    }
    case NodeKind::Raise:
      optional(ast_as<Raise>(node).exc);
      optional(ast_as<Raise>(node).cause);
      break;
    case NodeKind::Try: {
      auto& attempt = ast_as<Try>(node);
      block(attempt.body);
      handlers(attempt.handlers);
      block(attempt.orelse);
      block(attempt.finalbody);
      break;
    }
    case NodeKind::TryStar: {
      auto& attempt = ast_as<TryStar>(node);
      block(attempt.body);
      handlers(attempt.handlers);
      block(attempt.orelse);
      block(attempt.finalbody);
      break;
    }
    case NodeKind::Assert:
      expr(ast_as<Assert>(node).test);
      optional(ast_as<Assert>(node).msg);
      break;
    case NodeKind::Import:
      for (Alias* each : ast_as<Import>(node).names) alias(*each);
      break;
    case NodeKind::ImportFrom:
      for (Alias* each : ast_as<ImportFrom>(node).names) alias(*each);
      break;
    case NodeKind::Global: global(ast_as<Global>(node).names, node->span, false); break;
    case NodeKind::Nonlocal: global(ast_as<Nonlocal>(node).names, node->span, true); break;
    case NodeKind::Expr: expr(ast_as<Expr>(node).value); break;
    case NodeKind::With:
      with_items(ast_as<With>(node).items);
      block(ast_as<With>(node).body);
      break;
    case NodeKind::AsyncWith:
      if (current_->kind == ScopeKind::Module) current_->coroutine = true;
      with_items(ast_as<AsyncWith>(node).items);
      block(ast_as<AsyncWith>(node).body);
      break;
    default: break;  // pass, break, continue
  }
}

void ScopeBuilder::pattern(const PatternNode* node) {
  switch (node->kind) {
    case NodeKind::MatchValue: expr(ast_as<MatchValue>(node).value); break;
    case NodeKind::MatchSequence:
      for (PatternNode* each : ast_as<MatchSequence>(node).patterns) pattern(each);
      break;
    case NodeKind::MatchStar:
      if (ast_as<MatchStar>(node).name) add(ast_as<MatchStar>(node).name, kDefLocal, node->span);
      break;
    case NodeKind::MatchMapping: {
      auto& mapping = ast_as<MatchMapping>(node);
      exprs(mapping.keys);
      for (PatternNode* each : mapping.patterns) pattern(each);
      if (mapping.rest) add(mapping.rest, kDefLocal, node->span);
      break;
    }
    case NodeKind::MatchClass: {
      auto& match = ast_as<MatchClass>(node);
      expr(match.cls);
      for (PatternNode* each : match.patterns) pattern(each);
      for (PatternNode* each : match.kwd_patterns) pattern(each);
      break;
    }
    case NodeKind::MatchAs: {
      auto& match = ast_as<MatchAs>(node);
      if (match.pattern != nullptr) pattern(match.pattern);
      if (match.name) add(match.name, kDefLocal, node->span);
      break;
    }
    case NodeKind::MatchOr:
      for (PatternNode* each : ast_as<MatchOr>(node).patterns) pattern(each);
      break;
    default: break;  // MatchSingleton
  }
}

void SymbolTable::build(const ModNode& module, bool future_annotations) {
  future_annotations_ = future_annotations;
  ScopeBuilder(*this).module(module);
  resolve(top_);
}

}  // namespace mp::lang

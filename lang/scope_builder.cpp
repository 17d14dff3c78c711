// The walk over the AST that fills the symbol table.
#include <fmt/format.h>

#include "lang/scope.h"

namespace mp::lang {

class ScopeBuilder {
 public:
  explicit ScopeBuilder(SymbolTable& table)
      : table_(table),
        class_(table.arena_.intern("__class__")),
        class_dict_(table.arena_.intern("__classdict__")) {}

  void module(const ModNode& module) {
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

 private:
  Scope* enter(ScopeKind kind, Identifier name, const void* node, ScopeRole role, Span span) {
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
  void leave() { current_ = current_->parent; }

  void add(Identifier raw, uint32_t flag, Span span) { add_to(current_, raw, flag, span); }

  void add_to(Scope* scope, Identifier raw, uint32_t flag, Span span) {
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

  uint32_t flags_of(Scope* scope, Identifier raw) {
    Symbol* symbol = scope->symbols.find(table_.mangle(private_, raw));
    return symbol == nullptr ? 0 : symbol->flags;
  }

  void directive(Identifier raw, Span span) {
    current_->directives.push_back({table_.mangle(private_, raw), span});
  }

  void check_annotation_scope(const char* what, Span span) {
    switch (current_->kind) {
      case ScopeKind::Annotation:
        fail_syntax(fmt::format("{} cannot be used within an annotation", what), span);
      case ScopeKind::TypeVariable:
        fail_syntax(fmt::format("{} cannot be used within {}", what, current_->info), span);
      case ScopeKind::TypeAlias:
        fail_syntax(fmt::format("{} cannot be used within a type alias", what), span);
      case ScopeKind::TypeParameters:
        fail_syntax(fmt::format("{} cannot be used within the definition of a generic", what), span);
      default: break;
    }
  }

  // ---- statements
  void block(Seq<StmtNode*> body) {
    for (StmtNode* each : body) statement(each);
  }
  void exprs(Seq<ExprNode*> list) {
    for (ExprNode* each : list) {
      if (each != nullptr) expr(each);
    }
  }
  void optional(ExprNode* node) {
    if (node != nullptr) expr(node);
  }

  template <typename F>
  void function(const F& node, bool async) {
    add(node.name, kDefLocal, node.span);
    exprs(node.args->defaults);
    exprs(node.args->kw_defaults);
    exprs(node.decorator_list);
    bool in_class = current_->kind == ScopeKind::Class;
    if (!node.type_params.empty()) {
      bool has_kw_defaults = false;
      for (ExprNode* each : node.args->kw_defaults) has_kw_defaults |= each != nullptr;
      enter_type_parameters(node.name, &node, node.span, !node.args->defaults.empty(), has_kw_defaults,
                            false);
      type_parameters(node.type_params);
    }
    annotations(*node.args, node.returns, &node);
    Scope* scope = enter(ScopeKind::Function, node.name, &node, ScopeRole::Main, node.span);
    scope->async_function = async;
    scope->coroutine = async;
    scope->method = in_class && node.type_params.empty();
    parameters(*node.args);
    block(node.body);
    leave();
    if (!node.type_params.empty()) leave();
  }

  void class_definition(const ClassDef& node) {
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

  void enter_type_parameters(Identifier name, const void* node, Span span, bool defaults, bool kw_defaults,
                             bool for_class) {
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

  void type_parameters(Seq<TypeParamNode*> list) {
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
          type_variable_part(node.default_value, node.name, each, ScopeRole::Default,
                             "a TypeVarTuple default");
        }
      }
    }
  }

  void type_variable_part(ExprNode* part, Identifier name, const void* node, ScopeRole role,
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

  void annotation(ExprNode* node) {
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

  void annotations(const Arguments& args, ExprNode* returns, const void*) {
    for (Arg* each : args.posonlyargs) annotation(each->annotation);
    for (Arg* each : args.args) annotation(each->annotation);
    if (args.vararg != nullptr) annotation(args.vararg->annotation);
    if (args.kwarg != nullptr) annotation(args.kwarg->annotation);
    for (Arg* each : args.kwonlyargs) annotation(each->annotation);
    annotation(returns);
  }

  void parameters(const Arguments& args) {
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

  void global(Seq<Identifier> names, Span span, bool nonlocal) {
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

  void annotated_assignment(const AnnAssign& node) {
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

  void type_alias(const TypeAlias& node) {
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

  void handlers(Seq<ExceptHandler*> list) {
    for (ExceptHandler* each : list) {
      optional(each->type);
      if (each->name) add(each->name, kDefLocal | kDeleted, each->span);
      block(each->body);
    }
  }

  void alias(const Alias& node) {
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

  void with_items(Seq<WithItem*> items) {
    for (WithItem* each : items) {
      expr(each->context_expr);
      optional(each->optional_vars);
    }
  }

  void statement(const StmtNode* node) {
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

  // ---- expressions
  void named_expression_in_comprehension(const Name& target) {
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

  void comprehension(const ExprNode* node, ComprehensionKind kind, const char* scope_name,
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

  void yield_in(Span span) {
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

  void expr(const ExprNode* node) {
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

  void pattern(const PatternNode* node) {
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

  SymbolTable& table_;
  Identifier class_, class_dict_;
  Scope* current_ = nullptr;
  Identifier private_;
  std::vector<const ExprNode*> pending_;
};

void SymbolTable::build(const ModNode& module, bool future_annotations) {
  future_annotations_ = future_annotations;
  ScopeBuilder(*this).module(module);
  resolve(top_);
}

}  // namespace mp::lang

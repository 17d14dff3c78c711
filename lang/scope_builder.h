// ScopeBuilder: the walk over the AST that fills the symbol table. scope_builder.cpp has the scopes,
// statements, definitions and patterns, scope_expressions.cpp the expressions.
#pragma once
#include "lang/scope.h"

namespace mp::lang {

class ScopeBuilder {
 public:
  explicit ScopeBuilder(SymbolTable& table)
      : table_(table),
        class_(table.arena_.intern("__class__")),
        class_dict_(table.arena_.intern("__classdict__")) {}
  void module(const ModNode& module);

 private:
  // ---- scopes and their symbols
  Scope* enter(ScopeKind kind, Identifier name, const void* node, ScopeRole role, Span span);
  void leave() { current_ = current_->parent; }
  void add(Identifier raw, uint32_t flag, Span span) { add_to(current_, raw, flag, span); }
  void add_to(Scope* scope, Identifier raw, uint32_t flag, Span span);
  uint32_t flags_of(Scope* scope, Identifier raw);
  void directive(Identifier raw, Span span) {
    current_->directives.push_back({table_.mangle(private_, raw), span});
  }

  // ---- statements
  void block(Seq<StmtNode*> body) {
    for (StmtNode* each : body) statement(each);
  }
  void statement(const StmtNode* node);
  template <typename F>
  void function(const F& node, bool async);
  void class_definition(const ClassDef& node);
  void enter_type_parameters(Identifier name, const void* node, Span span, bool defaults, bool kw_defaults,
                             bool for_class);
  void type_parameters(Seq<TypeParamNode*> list);
  void type_variable_part(ExprNode* part, Identifier name, const void* node, ScopeRole role,
                          const char* info);
  void annotation(ExprNode* node);
  void annotations(const Arguments& args, ExprNode* returns);
  void parameters(const Arguments& args);
  void global(Seq<Identifier> names, Span span, bool nonlocal);
  void annotated_assignment(const AnnAssign& node);
  void type_alias(const TypeAlias& node);
  void handlers(Seq<ExceptHandler*> list);
  void alias(const Alias& node);
  void with_items(Seq<WithItem*> items);
  void pattern(const PatternNode* node);

  // ---- expressions
  void exprs(Seq<ExprNode*> list) {
    for (ExprNode* each : list) {
      if (each != nullptr) expr(each);
    }
  }
  void optional(ExprNode* node) {
    if (node != nullptr) expr(node);
  }
  void expr(const ExprNode* node);
  void named_expression_in_comprehension(const Name& target);
  void comprehension(const ExprNode* node, ComprehensionKind kind, const char* scope_name,
                     Seq<Comprehension*> generators, ExprNode* element, ExprNode* value);
  void yield_in(Span span);
  // An error where the current scope is an annotation, a bound or a type alias, which may not hold a `what`.
  void check_annotation_scope(const char* what, Span span);

  SymbolTable& table_;
  Identifier class_, class_dict_;
  Scope* current_ = nullptr;
  Identifier private_;
  std::vector<const ExprNode*> pending_;  // the right operands of chains that expr() is in
};

}  // namespace mp::lang

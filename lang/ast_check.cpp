// Walks a tree that objects were made into. Lists must have items where the grammar wants some, lists that
// belong together the same length, and each expression the context of its place.
#include "lang/ast_check.h"

#include <fmt/format.h>

namespace mp::lang {

namespace {

class Checker {
 public:
  AstProblem problem;

  bool module(const ModNode& node) {
    switch (node.kind) {
      case NodeKind::Module: return statements(ast_as<Module>(&node).body);
      case NodeKind::Interactive: return statements(ast_as<Interactive>(&node).body);
      case NodeKind::Expression: return expr(ast_as<Expression>(&node).body);
      default: {
        const auto& type = ast_as<FunctionType>(&node);
        return exprs(type.argtypes) && expr(type.returns);
      }
    }
  }

 private:
  template <class... Args>
  bool fail(fmt::format_string<Args...> text, Args&&... args) {
    problem.message = fmt::format(text, std::forward<Args>(args)...);
    return false;
  }
  bool wrong_type(const char* text) {
    problem = {text, true};
    return false;
  }
  template <class T>
  bool not_empty(Seq<T> items, const char* field, const char* owner) {
    return items.size() > 0 || fail("empty {} on {}", field, owner);
  }

  // ---- statements
  bool statements(Seq<StmtNode*> body) {
    for (const StmtNode* each : body)
      if (!statement(each)) return false;
    return true;
  }
  bool block(Seq<StmtNode*> body, const char* owner) {
    return not_empty(body, "body", owner) && statements(body);
  }
  template <class Function>
  bool function(const Function& node, const char* owner) {
    return block(node.body, owner) && type_params(node.type_params) && arguments(*node.args) &&
           exprs(node.decorator_list) && optional(node.returns);
  }
  template <class Loop>
  bool for_loop(const Loop& node, const char* owner) {
    return expr(node.target, ExprContext::Store) && expr(node.iter) && block(node.body, owner) &&
           statements(node.orelse);
  }
  template <class Branch>
  bool branch(const Branch& node, const char* owner) {
    return expr(node.test) && block(node.body, owner) && statements(node.orelse);
  }
  template <class WithNode>
  bool with(const WithNode& node, const char* owner) {
    if (!not_empty(node.items, "items", owner)) return false;
    for (const WithItem* item : node.items)
      if (!expr(item->context_expr) || !optional(item->optional_vars, ExprContext::Store)) return false;
    return block(node.body, owner);
  }
  template <class TryNode>
  bool try_block(const TryNode& node, const char* owner) {
    if (!block(node.body, owner)) return false;
    if (node.handlers.size() == 0 && node.finalbody.size() == 0)
      return fail("{} has neither except handlers nor finalbody", owner);
    if (node.handlers.size() == 0 && node.orelse.size() > 0)
      return fail("{} has orelse but no except handlers", owner);
    for (const ExceptHandler* handler : node.handlers)
      if (!optional(handler->type) || !block(handler->body, "ExceptHandler")) return false;
    return statements(node.orelse) && statements(node.finalbody);
  }

  bool statement(const StmtNode* node) {
    switch (node->kind) {
      case NodeKind::FunctionDef: return function(ast_as<FunctionDef>(node), "FunctionDef");
      case NodeKind::AsyncFunctionDef: return function(ast_as<AsyncFunctionDef>(node), "AsyncFunctionDef");
      case NodeKind::ClassDef: {
        const auto& cls = ast_as<ClassDef>(node);
        return block(cls.body, "ClassDef") && type_params(cls.type_params) && exprs(cls.bases) &&
               keywords(cls.keywords) && exprs(cls.decorator_list);
      }
      case NodeKind::Return: return optional(ast_as<Return>(node).value);
      case NodeKind::Delete: {
        const auto& del = ast_as<Delete>(node);
        return not_empty(del.targets, "targets", "Delete") && exprs(del.targets, ExprContext::Del);
      }
      case NodeKind::Assign: {
        const auto& assign = ast_as<Assign>(node);
        return not_empty(assign.targets, "targets", "Assign") && exprs(assign.targets, ExprContext::Store) &&
               expr(assign.value);
      }
      case NodeKind::TypeAlias: {
        const auto& alias = ast_as<TypeAlias>(node);
        if (alias.name->kind != NodeKind::Name) return wrong_type("TypeAlias with non-Name name");
        return expr(alias.name, ExprContext::Store) && type_params(alias.type_params) && expr(alias.value);
      }
      case NodeKind::AugAssign: {
        const auto& assign = ast_as<AugAssign>(node);
        return expr(assign.target, ExprContext::Store) && expr(assign.value);
      }
      case NodeKind::AnnAssign: {
        const auto& assign = ast_as<AnnAssign>(node);
        if (assign.simple != 0 && assign.target->kind != NodeKind::Name)
          return wrong_type("AnnAssign with simple non-Name target");
        return expr(assign.target, ExprContext::Store) && optional(assign.value) && expr(assign.annotation);
      }
      case NodeKind::For: return for_loop(ast_as<For>(node), "For");
      case NodeKind::AsyncFor: return for_loop(ast_as<AsyncFor>(node), "AsyncFor");
      case NodeKind::While: return branch(ast_as<While>(node), "While");
      case NodeKind::If: return branch(ast_as<If>(node), "If");
      case NodeKind::With: return with(ast_as<With>(node), "With");
      case NodeKind::AsyncWith: return with(ast_as<AsyncWith>(node), "AsyncWith");
      case NodeKind::Match: {
        const auto& match = ast_as<Match>(node);
        if (!expr(match.subject) || !not_empty(match.cases, "cases", "Match")) return false;
        for (const MatchCase* each : match.cases)
          if (!pattern(each->pattern) || !optional(each->guard) || !block(each->body, "match_case"))
            return false;
        return true;
      }
      case NodeKind::Raise: {
        const auto& raise = ast_as<Raise>(node);
        if (raise.exc == nullptr && raise.cause != nullptr) return fail("Raise with cause but no exception");
        return optional(raise.exc) && optional(raise.cause);
      }
      case NodeKind::Try: return try_block(ast_as<Try>(node), "Try");
      case NodeKind::TryStar: return try_block(ast_as<TryStar>(node), "TryStar");
      case NodeKind::Assert: return expr(ast_as<Assert>(node).test) && optional(ast_as<Assert>(node).msg);
      case NodeKind::Import: return not_empty(ast_as<Import>(node).names, "names", "Import");
      case NodeKind::ImportFrom:
        if (ast_as<ImportFrom>(node).level < 0) return fail("Negative ImportFrom level");
        return not_empty(ast_as<ImportFrom>(node).names, "names", "ImportFrom");
      case NodeKind::Global: return not_empty(ast_as<Global>(node).names, "names", "Global");
      case NodeKind::Nonlocal: return not_empty(ast_as<Nonlocal>(node).names, "names", "Nonlocal");
      case NodeKind::Expr: return expr(ast_as<Expr>(node).value);
      default: return true;  // pass, break, continue
    }
  }

  // ---- expressions
  bool optional(const ExprNode* node, ExprContext context = ExprContext::Load) {
    return node == nullptr || expr(node, context);
  }
  enum class Gaps { Forbidden, Allowed };
  bool exprs(Seq<ExprNode*> nodes, ExprContext context = ExprContext::Load, Gaps gaps = Gaps::Forbidden) {
    for (const ExprNode* each : nodes) {
      if (each == nullptr && gaps == Gaps::Forbidden) return fail("None disallowed in expression list");
      if (!optional(each, context)) return false;
    }
    return true;
  }
  bool keywords(Seq<Keyword*> nodes) {
    for (const Keyword* each : nodes)
      if (!expr(each->value)) return false;
    return true;
  }
  bool arguments(const Arguments& node) {
    for (Seq<Arg*> group : {node.posonlyargs, node.args, node.kwonlyargs})
      for (const Arg* each : group)
        if (!optional(each->annotation)) return false;
    for (const Arg* each : {node.vararg, node.kwarg})
      if (each != nullptr && !optional(each->annotation)) return false;
    if (node.defaults.size() > node.posonlyargs.size() + node.args.size())
      return fail("more positional defaults than args on arguments");
    if (node.kw_defaults.size() != node.kwonlyargs.size())
      return fail("length of kwonlyargs is not the same as kw_defaults on arguments");
    return exprs(node.defaults) && exprs(node.kw_defaults, ExprContext::Load, Gaps::Allowed);
  }
  bool comprehensions(Seq<Comprehension*> generators) {
    if (generators.size() == 0) return fail("comprehension with no generators");
    for (const Comprehension* each : generators)
      if (!expr(each->target, ExprContext::Store) || !expr(each->iter) || !exprs(each->ifs)) return false;
    return true;
  }
  bool type_params(Seq<TypeParamNode*> params) {
    for (const TypeParamNode* each : params) {
      bool ok = true;
      if (const auto* variable = ast_cast<TypeVar>(each))
        ok = optional(variable->bound) && optional(variable->default_value);
      else if (const auto* spec = ast_cast<ParamSpec>(each))
        ok = optional(spec->default_value);
      else
        ok = optional(ast_as<TypeVarTuple>(each).default_value);
      if (!ok) return false;
    }
    return true;
  }

  bool in_context(const ExprNode* node, ExprContext wanted) {
    ExprContext context = ExprContext::Load;
    switch (node->kind) {
      case NodeKind::Attribute: context = ast_as<Attribute>(node).ctx; break;
      case NodeKind::Subscript: context = ast_as<Subscript>(node).ctx; break;
      case NodeKind::Starred: context = ast_as<Starred>(node).ctx; break;
      case NodeKind::Name: context = ast_as<Name>(node).ctx; break;
      case NodeKind::List: context = ast_as<List>(node).ctx; break;
      case NodeKind::Tuple: context = ast_as<Tuple>(node).ctx; break;
      default:
        return wanted == ExprContext::Load ||
               fail("expression which can't be assigned to in {} context", context_name(wanted));
    }
    return context == wanted || fail("expression must have {} context but has {} instead",
                                     context_name(wanted), context_name(context));
  }

  bool expr(const ExprNode* node, ExprContext context = ExprContext::Load) {
    if (!in_context(node, context)) return false;
    switch (node->kind) {
      case NodeKind::BoolOp:
        if (ast_as<BoolOp>(node).values.size() < 2) return fail("BoolOp with less than 2 values");
        return exprs(ast_as<BoolOp>(node).values);
      case NodeKind::NamedExpr: {
        const auto& named = ast_as<NamedExpr>(node);
        if (named.target->kind != NodeKind::Name) return wrong_type("NamedExpr target must be a Name");
        return expr(named.value);
      }
      case NodeKind::BinOp: return expr(ast_as<BinOp>(node).left) && expr(ast_as<BinOp>(node).right);
      case NodeKind::UnaryOp: return expr(ast_as<UnaryOp>(node).operand);
      case NodeKind::Lambda: return arguments(*ast_as<Lambda>(node).args) && expr(ast_as<Lambda>(node).body);
      case NodeKind::IfExp: {
        const auto& choice = ast_as<IfExp>(node);
        return expr(choice.test) && expr(choice.body) && expr(choice.orelse);
      }
      case NodeKind::Dict: {
        const auto& dict = ast_as<Dict>(node);
        if (dict.keys.size() != dict.values.size())
          return fail("Dict doesn't have the same number of keys as values");
        return exprs(dict.keys, ExprContext::Load, Gaps::Allowed) && exprs(dict.values);
      }
      case NodeKind::Set: return exprs(ast_as<Set>(node).elts);
      case NodeKind::ListComp:
        return comprehensions(ast_as<ListComp>(node).generators) && expr(ast_as<ListComp>(node).elt);
      case NodeKind::SetComp:
        return comprehensions(ast_as<SetComp>(node).generators) && expr(ast_as<SetComp>(node).elt);
      case NodeKind::GeneratorExp:
        return comprehensions(ast_as<GeneratorExp>(node).generators) && expr(ast_as<GeneratorExp>(node).elt);
      case NodeKind::DictComp: {
        const auto& made = ast_as<DictComp>(node);
        return comprehensions(made.generators) && expr(made.key) && expr(made.value);
      }
      case NodeKind::Await: return expr(ast_as<Await>(node).value);
      case NodeKind::Yield: return optional(ast_as<Yield>(node).value);
      case NodeKind::YieldFrom: return expr(ast_as<YieldFrom>(node).value);
      case NodeKind::Compare: {
        const auto& compare = ast_as<Compare>(node);
        if (compare.comparators.size() == 0) return fail("Compare with no comparators");
        if (compare.comparators.size() != compare.ops.size())
          return fail("Compare has a different number of comparators and operands");
        return exprs(compare.comparators) && expr(compare.left);
      }
      case NodeKind::Call: {
        const auto& call = ast_as<Call>(node);
        return expr(call.func) && exprs(call.args) && keywords(call.keywords);
      }
      case NodeKind::FormattedValue: {
        const auto& formatted = ast_as<FormattedValue>(node);
        if (formatted.format_spec != nullptr && formatted.format_spec->kind != NodeKind::JoinedStr &&
            formatted.format_spec->kind != NodeKind::Constant)
          return wrong_type("FormattedValue with a format_spec that is no JoinedStr");
        return expr(formatted.value) && optional(formatted.format_spec);
      }
      case NodeKind::JoinedStr: return exprs(ast_as<JoinedStr>(node).values);
      case NodeKind::Attribute: return expr(ast_as<Attribute>(node).value);
      case NodeKind::Subscript:
        return expr(ast_as<Subscript>(node).slice) && expr(ast_as<Subscript>(node).value);
      case NodeKind::Starred: return expr(ast_as<Starred>(node).value, context);
      case NodeKind::Name: {
        std::string_view name = ast_as<Name>(node).id.view();
        if (name == "None" || name == "True" || name == "False")
          return fail("identifier field can't represent '{}' constant", name);
        return true;
      }
      case NodeKind::List: return exprs(ast_as<List>(node).elts, context);
      case NodeKind::Tuple: return exprs(ast_as<Tuple>(node).elts, context);
      case NodeKind::Slice: {
        const auto& slice = ast_as<Slice>(node);
        return optional(slice.lower) && optional(slice.upper) && optional(slice.step);
      }
      default: return true;  // constants
    }
  }

  // ---- patterns
  enum class Star { Forbidden, Allowed };
  bool patterns(Seq<PatternNode*> nodes, Star star) {
    for (const PatternNode* each : nodes)
      if (!pattern(each, star)) return false;
    return true;
  }
  bool captures(Identifier name) {
    return !name || name.view() != "_" || fail("can't capture name '_' in patterns");
  }
  static bool is_number(const ExprNode* node) {
    const auto* constant = ast_cast<Constant>(node);
    if (constant == nullptr) return false;
    ConstantKind kind = constant->value.kind;
    return kind == ConstantKind::Int || kind == ConstantKind::BigInt || kind == ConstantKind::Float ||
           kind == ConstantKind::Complex;
  }
  static bool is_singleton(ConstantKind kind) {
    return kind == ConstantKind::None || kind == ConstantKind::True || kind == ConstantKind::False;
  }
  static bool is_singleton(const ExprNode* node) {
    const auto* constant = ast_cast<Constant>(node);
    return constant != nullptr && is_singleton(constant->value.kind);
  }
  static bool is_signed_number(const ExprNode* node) {
    const auto* unary = ast_cast<UnaryOp>(node);
    return is_number(node) ||
           (unary != nullptr && unary->op == UnaryOperator::USub && is_number(unary->operand));
  }
  bool value_pattern(const ExprNode* value) {
    if (!expr(value)) return false;
    if (const auto* constant = ast_cast<Constant>(value)) {
      ConstantKind kind = constant->value.kind;
      bool literal = is_number(value) || kind == ConstantKind::Str || kind == ConstantKind::Bytes;
      return literal || fail("unexpected constant inside of a literal pattern");
    }
    const auto* sum = ast_cast<BinOp>(value);
    bool complex = sum != nullptr && (sum->op == Operator::Add || sum->op == Operator::Sub) &&
                   is_signed_number(sum->left) && is_number(sum->right);
    return value->kind == NodeKind::Attribute || value->kind == NodeKind::JoinedStr || complex ||
           is_signed_number(value) || fail("patterns may only match literals and attribute lookups");
  }
  bool pattern(const PatternNode* node, Star star = Star::Forbidden) {
    switch (node->kind) {
      case NodeKind::MatchValue: return value_pattern(ast_as<MatchValue>(node).value);
      case NodeKind::MatchSingleton: {
        return is_singleton(ast_as<MatchSingleton>(node).value.kind) ||
               fail("MatchSingleton can only contain True, False and None");
      }
      case NodeKind::MatchSequence: return patterns(ast_as<MatchSequence>(node).patterns, Star::Allowed);
      case NodeKind::MatchMapping: {
        const auto& mapping = ast_as<MatchMapping>(node);
        if (mapping.keys.size() != mapping.patterns.size())
          return fail("MatchMapping doesn't have the same number of keys as patterns");
        if (!captures(mapping.rest)) return false;
        for (const ExprNode* key : mapping.keys) {
          if (key == nullptr) return fail("None disallowed in expression list");
          if (!is_singleton(key) && !value_pattern(key)) return false;
        }
        return patterns(mapping.patterns, Star::Forbidden);
      }
      case NodeKind::MatchClass: {
        const auto& match = ast_as<MatchClass>(node);
        if (match.kwd_attrs.size() != match.kwd_patterns.size())
          return fail("MatchClass doesn't have the same number of keyword attributes as patterns");
        if (!expr(match.cls)) return false;
        const ExprNode* cls = match.cls;
        while (const auto* attribute = ast_cast<Attribute>(cls)) cls = attribute->value;
        if (cls->kind != NodeKind::Name)
          return fail("MatchClass cls field can only contain Name or Attribute nodes.");
        return patterns(match.patterns, Star::Forbidden) && patterns(match.kwd_patterns, Star::Forbidden);
      }
      case NodeKind::MatchStar:
        if (star == Star::Forbidden) return fail("can't use MatchStar here");
        return captures(ast_as<MatchStar>(node).name);
      case NodeKind::MatchAs: {
        const auto& as = ast_as<MatchAs>(node);
        if (!captures(as.name)) return false;
        if (as.pattern == nullptr) return true;
        if (!as.name) return fail("MatchAs must specify a target name if a pattern is given");
        return pattern(as.pattern);
      }
      default:
        if (ast_as<MatchOr>(node).patterns.size() < 2) return fail("MatchOr requires at least 2 patterns");
        return patterns(ast_as<MatchOr>(node).patterns, Star::Forbidden);
    }
  }
};

}  // namespace

AstProblem check_ast(const ModNode& module) {
  Checker checker;
  checker.module(module);
  return checker.problem;
}

}  // namespace mp::lang

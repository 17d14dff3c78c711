// The text of an expression from its AST, by the rules of CPython's ast_unparse.c: what __annotations__ holds
// under `from __future__ import annotations`.
#include <fmt/format.h>

#include "lang/compile.h"

namespace mp::lang {

namespace {

enum Level : int {
  kTuple,
  kTest,
  kOr,
  kAnd,
  kNot,
  kComparison,
  kExpr,
  kBitOr = kExpr,
  kBitXor,
  kBitAnd,
  kShift,
  kArithmetic,
  kTerm,
  kFactor,
  kPower,
  kAwait,
  kAtom
};

class Unparser {
 public:
  std::string text;

  void expr(const ExprNode* node, int level) {
    switch (node->kind) {
      case NodeKind::BoolOp: {
        auto& logic = ast_as<BoolOp>(node);
        int own = logic.op == BoolOperator::And ? kAnd : kOr;
        Parens parens(*this, level > own);
        for (size_t i = 0; i < logic.values.size(); ++i) {
          if (i) text += own == kAnd ? " and " : " or ";
          expr(logic.values[i], own + 1);
        }
        break;
      }
      case NodeKind::NamedExpr: {
        auto& named = ast_as<NamedExpr>(node);
        Parens parens(*this, level > kTuple);
        expr(named.target, kAtom);
        text += " := ";
        expr(named.value, kAtom);
        break;
      }
      case NodeKind::BinOp: {
        auto& binary = ast_as<BinOp>(node);
        int own = kArithmetic;
        bool right_associative = false;
        switch (binary.op) {
          case Operator::Add:
          case Operator::Sub: own = kArithmetic; break;
          case Operator::Mult:
          case Operator::MatMult:
          case Operator::Div:
          case Operator::FloorDiv:
          case Operator::Mod: own = kTerm; break;
          case Operator::LShift:
          case Operator::RShift: own = kShift; break;
          case Operator::BitOr: own = kBitOr; break;
          case Operator::BitXor: own = kBitXor; break;
          case Operator::BitAnd: own = kBitAnd; break;
          case Operator::Pow:
            own = kPower;
            right_associative = true;
            break;
        }
        Parens parens(*this, level > own);
        expr(binary.left, own + right_associative);
        text += ' ';
        text += operator_symbol(binary.op);
        text += ' ';
        expr(binary.right, own + !right_associative);
        break;
      }
      case NodeKind::UnaryOp: {
        auto& unary = ast_as<UnaryOp>(node);
        int own = unary.op == UnaryOperator::Not ? kNot : kFactor;
        Parens parens(*this, level > own);
        static constexpr const char* kText[] = {"~", "not ", "+", "-"};
        text += kText[static_cast<int>(unary.op)];
        expr(unary.operand, own);
        break;
      }
      case NodeKind::Lambda: {
        auto& lambda = ast_as<Lambda>(node);
        Parens parens(*this, level > kTest);
        size_t before = text.size();
        text += "lambda ";
        arguments(*lambda.args);
        if (text.size() == before + 7) text.pop_back();
        text += ": ";
        expr(lambda.body, kTest);
        break;
      }
      case NodeKind::IfExp: {
        auto& choice = ast_as<IfExp>(node);
        Parens parens(*this, level > kTest);
        expr(choice.body, kTest + 1);
        text += " if ";
        expr(choice.test, kTest + 1);
        text += " else ";
        expr(choice.orelse, kTest);
        break;
      }
      case NodeKind::Dict: {
        auto& dict = ast_as<Dict>(node);
        text += '{';
        for (size_t i = 0; i < dict.values.size(); ++i) {
          if (i) text += ", ";
          if (dict.keys[i] == nullptr) {
            text += "**";
            expr(dict.values[i], kExpr);
          } else {
            expr(dict.keys[i], kTest);
            text += ": ";
            expr(dict.values[i], kTest);
          }
        }
        text += '}';
        break;
      }
      case NodeKind::Set: list(ast_as<Set>(node).elts, '{', '}'); break;
      case NodeKind::List: list(ast_as<List>(node).elts, '[', ']'); break;
      case NodeKind::Tuple: {
        auto& tuple = ast_as<Tuple>(node);
        if (tuple.elts.empty()) {
          text += "()";
          break;
        }
        Parens parens(*this, level > kTuple);
        commas(tuple.elts);
        if (tuple.elts.size() == 1) text += ',';
        break;
      }
      case NodeKind::ListComp:
        comprehension(ast_as<ListComp>(node).elt, nullptr, ast_as<ListComp>(node).generators, '[', ']');
        break;
      case NodeKind::SetComp:
        comprehension(ast_as<SetComp>(node).elt, nullptr, ast_as<SetComp>(node).generators, '{', '}');
        break;
      case NodeKind::GeneratorExp:
        comprehension(ast_as<GeneratorExp>(node).elt, nullptr, ast_as<GeneratorExp>(node).generators, '(',
                      ')');
        break;
      case NodeKind::DictComp: {
        auto& comp = ast_as<DictComp>(node);
        comprehension(comp.key, comp.value, comp.generators, '{', '}');
        break;
      }
      case NodeKind::Await: {
        Parens parens(*this, level > kAwait);
        text += "await ";
        expr(ast_as<Await>(node).value, kAtom);
        break;
      }
      case NodeKind::Yield:
        text += "(yield";
        if (ast_as<Yield>(node).value != nullptr) {
          text += ' ';
          expr(ast_as<Yield>(node).value, kTest);
        }
        text += ')';
        break;
      case NodeKind::YieldFrom:
        text += "(yield from ";
        expr(ast_as<YieldFrom>(node).value, kTest);
        text += ')';
        break;
      case NodeKind::Compare: {
        auto& compare = ast_as<Compare>(node);
        Parens parens(*this, level > kComparison);
        expr(compare.left, kComparison + 1);
        static constexpr const char* kText[] = {" == ", " != ", " < ",      " <= ", " > ",
                                                " >= ", " is ", " is not ", " in ", " not in "};
        for (size_t i = 0; i < compare.ops.size(); ++i) {
          text += kText[static_cast<int>(compare.ops[i])];
          expr(compare.comparators[i], kComparison + 1);
        }
        break;
      }
      case NodeKind::Call: {
        auto& call = ast_as<Call>(node);
        expr(call.func, kAtom);
        if (call.args.size() == 1 && call.keywords.empty() && call.args[0]->kind == NodeKind::GeneratorExp) {
          expr(call.args[0], kTest);
          break;
        }
        text += '(';
        bool first = true;
        for (ExprNode* each : call.args) {
          if (!first) text += ", ";
          first = false;
          expr(each, kTest);
        }
        for (Keyword* each : call.keywords) {
          if (!first) text += ", ";
          first = false;
          if (each->arg) {
            text += each->arg.view();
            text += '=';
          } else {
            text += "**";
          }
          expr(each->value, kTest);
        }
        text += ')';
        break;
      }
      case NodeKind::FormattedValue:
      case NodeKind::JoinedStr: {
        text += 'f';
        std::string body;
        f_string(node, body, false);
        ConstantValue value;
        value.kind = ConstantKind::Str;
        value.text = body;
        text += constant_repr(value);
        break;
      }
      case NodeKind::Constant: {
        auto& value = ast_as<Constant>(node).value;
        if (value.kind == ConstantKind::Ellipsis) {
          text += "...";
          break;
        }
        std::string repr = constant_repr(value);
        if (value.kind == ConstantKind::Float || value.kind == ConstantKind::Complex) {
          // Infinity has no literal: 1e309 reads back as it.
          for (size_t at; (at = repr.find("inf")) != std::string::npos;) repr.replace(at, 3, "1e309");
        }
        if (value.unicode_prefix) text += 'u';
        text += repr;
        break;
      }
      case NodeKind::Attribute: {
        auto& attribute = ast_as<Attribute>(node);
        expr(attribute.value, kAtom);
        auto* constant = ast_cast<Constant>(attribute.value);
        bool integer = constant != nullptr && (constant->value.kind == ConstantKind::Int ||
                                               constant->value.kind == ConstantKind::BigInt);
        text += integer ? " ." : ".";
        text += attribute.attr.view();
        break;
      }
      case NodeKind::Starred:
        text += '*';
        expr(ast_as<Starred>(node).value, kExpr);
        break;
      case NodeKind::Name: text += ast_as<Name>(node).id.view(); break;
      case NodeKind::Subscript: {
        auto& subscript = ast_as<Subscript>(node);
        expr(subscript.value, kAtom);
        text += '[';
        expr(subscript.slice, kTuple);
        text += ']';
        break;
      }
      case NodeKind::Slice: {
        auto& slice = ast_as<Slice>(node);
        if (slice.lower != nullptr) expr(slice.lower, kTest);
        text += ':';
        if (slice.upper != nullptr) expr(slice.upper, kTest);
        if (slice.step != nullptr) {
          text += ':';
          expr(slice.step, kTest);
        }
        break;
      }
      default: break;
    }
  }

 private:
  struct Parens {
    Parens(Unparser& unparser, bool wanted) : unparser_(unparser), wanted_(wanted) {
      if (wanted_) unparser_.text += '(';
    }
    ~Parens() {
      if (wanted_) unparser_.text += ')';
    }
    Unparser& unparser_;
    bool wanted_;
  };

  void commas(Seq<ExprNode*> list) {
    for (size_t i = 0; i < list.size(); ++i) {
      if (i) text += ", ";
      expr(list[i], kTest);
    }
  }
  void list(Seq<ExprNode*> elements, char open, char close) {
    text += open;
    commas(elements);
    text += close;
  }

  void comprehension(const ExprNode* element, const ExprNode* value, Seq<Comprehension*> generators,
                     char open, char close) {
    text += open;
    expr(element, kTest);
    if (value != nullptr) {
      text += ": ";
      expr(value, kTest);
    }
    for (const Comprehension* each : generators) {
      text += each->is_async ? " async for " : " for ";
      expr(each->target, kTuple);
      text += " in ";
      expr(each->iter, kTest + 1);
      for (ExprNode* condition : each->ifs) {
        text += " if ";
        expr(condition, kTest + 1);
      }
    }
    text += close;
  }

  void argument(const Arg* arg) {
    text += arg->arg.view();
    if (arg->annotation != nullptr) {
      text += ": ";
      expr(arg->annotation, kTest);
    }
  }

  void arguments(const Arguments& args) {
    bool first = true;
    auto comma = [&] {
      if (!first) text += ", ";
      first = false;
    };
    size_t positional = args.posonlyargs.size() + args.args.size();
    for (size_t i = 0; i < positional; ++i) {
      comma();
      bool only = i < args.posonlyargs.size();
      argument(only ? args.posonlyargs[i] : args.args[i - args.posonlyargs.size()]);
      size_t without = positional - args.defaults.size();
      if (i >= without) {
        text += '=';
        expr(args.defaults[i - without], kTest);
      }
      if (only && i + 1 == args.posonlyargs.size()) text += ", /";
    }
    if (args.vararg != nullptr || !args.kwonlyargs.empty()) {
      comma();
      text += '*';
      if (args.vararg != nullptr) argument(args.vararg);
    }
    for (size_t i = 0; i < args.kwonlyargs.size(); ++i) {
      comma();
      argument(args.kwonlyargs[i]);
      if (args.kw_defaults[i] != nullptr) {
        text += '=';
        expr(args.kw_defaults[i], kTest);
      }
    }
    if (args.kwarg != nullptr) {
      comma();
      text += "**";
      argument(args.kwarg);
    }
  }

  void f_string(const ExprNode* node, std::string& body, bool in_spec) {
    if (auto* joined = ast_cast<JoinedStr>(node)) {
      for (ExprNode* each : joined->values) f_string(each, body, in_spec);
      return;
    }
    if (auto* constant = ast_cast<Constant>(node)) {
      for (char c : constant->value.text) {
        body += c;
        if (c == '{' || c == '}') body += c;
      }
      return;
    }
    if (auto* value = ast_cast<FormattedValue>(node)) {
      Unparser inner;
      inner.expr(value->value, kTest + 1);
      body += inner.text.starts_with("{") ? "{ " : "{";
      body += inner.text;
      if (value->conversion > 0) {
        body += '!';
        body += static_cast<char>(value->conversion);
      }
      if (value->format_spec != nullptr) {
        body += ':';
        f_string(value->format_spec, body, true);
      }
      body += '}';
    }
  }
};

}  // namespace

std::string unparse_expression(const ExprNode* node) {
  Unparser unparser;
  unparser.expr(node, kTuple);
  return std::move(unparser.text);
}

}  // namespace mp::lang

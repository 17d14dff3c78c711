// The AST: plain structs in an Arena, one per node of CPython 3.13's Python.asdl (see ast_nodes.def), each
// with its kind and its span. It knows neither tokens nor scopes. Depth is bounded by the parser
// (kMaxAstDepth), so recursive walks are safe.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "lang/arena.h"
#include "lang/diagnostic.h"

namespace mp::lang {

class Source;

// Every recursive walk over an AST that parse() returned nests at most this deep.
inline constexpr int kMaxAstDepth = 3000;

enum class NodeKind : uint8_t {
#define MP_AST_NODE(Name, Fields) Name,
#include "lang/ast_nodes.def"
};

enum class Operator : uint8_t {
  Add,
  Sub,
  Mult,
  MatMult,
  Div,
  Mod,
  Pow,
  LShift,
  RShift,
  BitOr,
  BitXor,
  BitAnd,
  FloorDiv
};
enum class UnaryOperator : uint8_t { Invert, Not, UAdd, USub };
enum class BoolOperator : uint8_t { And, Or };
enum class CompareOperator : uint8_t { Eq, NotEq, Lt, LtE, Gt, GtE, Is, IsNot, In, NotIn };
enum class ExprContext : uint8_t { Load, Store, Del };

const char* node_kind_name(NodeKind kind);  // "FunctionDef", "arguments", ...
bool has_position(NodeKind kind);           // it shows lineno and its like
const char* operator_name(Operator op);     // "Add"
const char* operator_symbol(Operator op);   // "+"
const char* operator_name(UnaryOperator op);
const char* operator_name(BoolOperator op);
const char* operator_name(CompareOperator op);
const char* context_name(ExprContext context);

enum class ConstantKind : uint8_t { None, True, False, Ellipsis, Int, BigInt, Float, Complex, Str, Bytes };

// The value of a literal. Text lives in the arena.
struct ConstantValue {
  ConstantKind kind = ConstantKind::None;
  uint8_t base = 10;            // BigInt: 2, 8, 10 or 16
  bool unicode_prefix = false;  // Str: written with the prefix u (ast.Constant.kind)
  union {
    int64_t integer = 0;  // Int
    double real;          // Float; Complex: the imaginary part (the real part of a literal is 0)
  };
  // Str: UTF-8 with lone surrogates as three bytes each (WTF-8); Bytes: the bytes; BigInt: digits in `base`,
  // no prefix, no underscores.
  std::string_view text;
};

struct Node {
  NodeKind kind;
  uint8_t flags = 0;   // kParenthesized: written in brackets, which the span leaves out
  uint16_t depth = 0;  // of the tree below, at most kMaxAstDepth
  Span span;
};

inline constexpr uint8_t kParenthesized = 1;

struct ModNode : Node {};
struct StmtNode : Node {};
struct ExprNode : Node {};
struct PatternNode : Node {};
struct TypeParamNode : Node {};
struct HandlerNode : Node {};
struct HelperNode : Node {};

#define MP_AST_NODE(Name, Fields) struct Name;
#include "lang/ast_nodes.def"

#define F(type, name) type name{};
#define O(type, name) type name{};
#define MP_AST_STRUCT(Name, Base, FieldList)          \
  struct Name##Fields {                               \
    FieldList                                         \
  };                                                  \
  struct Name : Base, Name##Fields {                  \
    using Fields = Name##Fields;                      \
    static constexpr NodeKind kKind = NodeKind::Name; \
    Name() { kind = kKind; }                          \
  };
#define MP_AST_MOD(Name, Fields) MP_AST_STRUCT(Name, ModNode, Fields)
#define MP_AST_STMT(Name, Fields) MP_AST_STRUCT(Name, StmtNode, Fields)
#define MP_AST_EXPR(Name, Fields) MP_AST_STRUCT(Name, ExprNode, Fields)
#define MP_AST_HANDLER(Name, Fields) MP_AST_STRUCT(Name, HandlerNode, Fields)
#define MP_AST_PATTERN(Name, Fields) MP_AST_STRUCT(Name, PatternNode, Fields)
#define MP_AST_TYPE_PARAM(Name, Fields) MP_AST_STRUCT(Name, TypeParamNode, Fields)
#define MP_AST_HELPER(Name, python_name, Fields) MP_AST_STRUCT(Name, HelperNode, Fields)
#include "lang/ast_nodes.def"
#undef MP_AST_STRUCT
#undef F
#undef O

// if (auto *name = ast_cast<Name>(expr)) ...; null for another kind and for null.
template <typename T>
const T* ast_cast(const Node* node) {
  return node != nullptr && node->kind == T::kKind ? static_cast<const T*>(node) : nullptr;
}
template <typename T>
T* ast_cast(Node* node) {
  return node != nullptr && node->kind == T::kKind ? static_cast<T*>(node) : nullptr;
}
// The kind has been looked at already.
template <typename T>
const T& ast_as(const Node* node) {
  return *static_cast<const T*>(node);
}
template <typename T>
T& ast_as(Node* node) {
  return *static_cast<T*>(node);
}

struct DumpOptions {
  bool show_empty = false;  // ast.dump(show_empty=True), which is how 3.11 and 3.12 print
  bool attributes = false;  // lineno, col_offset, end_lineno, end_col_offset; needs a source
  int indent = -1;          // -1: one line
  const Source* source = nullptr;
};

// The text of ast.dump(node).
std::string dump_ast(const Node* node, const DumpOptions& options = {});

// repr() of a literal's value.
std::string constant_repr(const ConstantValue& value);

}  // namespace mp::lang

// What the grammar's actions call: it makes nodes, and rejects what the grammar accepts beyond Python (in
// validate.cpp). Private to the parser.
#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "lang/arena.h"
#include "lang/ast.h"
#include "lang/diagnostic.h"
#include "lang/frontend.h"
#include "lang/source.h"
#include "lang/token.h"

namespace mp::lang {

// Thrown by fail(), caught by parse(): the parse is over.
struct ParseStop {};

enum class ParameterKind : uint8_t { Plain, Slash, Star, StarName, DoubleStar };
struct Parameter {
  ParameterKind kind = ParameterKind::Plain;
  Arg* arg = nullptr;
  ExprNode* default_value = nullptr;
  Span span;
};

enum class ArgumentKind : uint8_t { Positional, Starred, Keyword, DoubleStar, Generator };
struct Argument {
  ArgumentKind kind = ArgumentKind::Positional;
  ExprNode* value = nullptr;
  ExprNode* name = nullptr;  // Keyword: what stands before the =
  Span span;
};

struct CallArguments {
  Seq<ExprNode*> positional;
  Seq<Keyword*> keywords;
};

struct StringPart {
  const Token* token = nullptr;             // a plain string
  SeqBuilder<ExprNode*>* values = nullptr;  // an f-string's
  Span span;
};

struct PatternArgument {
  Identifier name;
  PatternNode* pattern = nullptr;
  Span span;
};

using Exprs = SeqBuilder<ExprNode*>;
using Stmts = SeqBuilder<StmtNode*>;
using Patterns = SeqBuilder<PatternNode*>;

struct ComparisonChain {
  ExprNode* left = nullptr;
  SeqBuilder<CompareOperator> ops;
  Exprs comparators;
};

struct MappingItems {
  Exprs keys;
  Exprs values;
};

struct MappingPatternItems {
  Exprs keys;
  Patterns patterns;
  Identifier rest;
  bool has_rest = false;
  Span rest_span;
  bool item_after_rest = false;
};

// The except clauses of a try statement.
struct TryParts {
  SeqBuilder<ExceptHandler*> handlers;
  bool star = false;
  bool plain = false;
};

class ParserContext {
 public:
  ParserContext(const Source& source, Arena& arena, const TokenStream& stream, const ParseOptions& options)
      : source(source), arena(arena), stream(stream), options(options), cursor(stream.tokens.data()) {}

  const Source& source;
  Arena& arena;
  const TokenStream& stream;
  const ParseOptions& options;
  const Token* cursor;               // the next token the parser will read
  const Token* lookahead = nullptr;  // the last one it has read
  ModNode* module = nullptr;
  Diagnostic error;
  bool failed = false;
  bool failed_at_end = false;
  uint32_t failed_line = 0;     // of the furthest token that was looked at
  bool error_is_token = false;  // the error came from the tokens
  std::vector<Diagnostic> warnings;

  // ---- errors (validate.cpp, diagnose.cpp)
  Diagnostic located(DiagnosticKind kind, std::string message, Span span) const;
  [[noreturn]] void fail(std::string message, Span span);
  [[noreturn]] void fail(DiagnosticKind kind, std::string message, Span span);
  [[noreturn]] void fail_from(const Node* first, const Node* last, std::string message) {
    fail(std::move(message), {first->span.begin, last->span.end});
  }
  // CPython's RAISE_SYNTAX_ERROR without a location: at the last token that was read.
  [[noreturn]] void fail_at_last_token(std::string message);
  // An error of the tokenizer further on wins over the parser's, and so does a bracket on an earlier line
  // that nobody closes.
  void prefer_token_errors();
  void unclosed_bracket();
  // The parser cannot go on at `token`.
  void syntax_error(const Token* token);
  void warn(DiagnosticKind kind, std::string message, Span span);

  // ---- nodes
  // Of nodes only: other fields have none.
  template <typename T>
  static int depth_of(T* node) {
    return node == nullptr ? 0 : static_cast<const Node*>(node)->depth;
  }
  template <typename T>
  static int depth_of(const Seq<T*>& list) {
    int depth = 0;
    for (T* node : list) depth = std::max(depth, depth_of(node));
    return depth;
  }
  template <typename T>
  static int depth_of(const T&) {
    return 0;
  }

  // Fields in the order of ast_nodes.def.
  template <typename T, typename... Args>
  T* make(Span span, Args... args) {
    T* node = arena.make<T>();
    static_cast<typename T::Fields&>(*node) = typename T::Fields{args...};
    node->span = span;
    int depth = 0;
    ((depth = std::max(depth, depth_of(args))), ...);
    if (depth >= kMaxAstDepth) too_deep(span);
    node->depth = static_cast<uint16_t>(depth + 1);
    return node;
  }
  [[noreturn]] void too_deep(Span span);

  template <typename T>
  SeqBuilder<T>* list(T item) {
    auto* builder = arena.make<SeqBuilder<T>>();
    builder->push(arena, item);
    return builder;
  }
  template <typename T>
  SeqBuilder<T>* append(SeqBuilder<T>* builder, T item) {
    builder->push(arena, item);
    return builder;
  }

  static Span join(Span a, Span b) { return {a.begin, b.end}; }
  static Span until(Span first, const Seq<StmtNode*>& body) { return {first.begin, body.back()->span.end}; }

  Name* name(const Token* token, ExprContext context = ExprContext::Load) {
    return make<Name>(token->span, token->value.name, context);
  }
  Constant* constant(ConstantKind kind, Span span) {
    ConstantValue value;
    value.kind = kind;
    return make<Constant>(span, value);
  }
  ExprNode* number(const Token* token) {
    token->value.constant->depth = 1;
    return token->value.constant;
  }
  ExprNode* binary(ExprNode* left, Operator op, ExprNode* right) {
    return make<BinOp>({begin_of(left), end_of(right)}, left, op, right);
  }
  // Brackets belong to the span of what they are a part of.
  uint32_t begin_of(const ExprNode* node) const { return node->span.begin; }
  uint32_t end_of(const ExprNode* node) const { return node->span.end; }
  ExprNode* unary(Span span, UnaryOperator op, ExprNode* operand) { return make<UnaryOp>(span, op, operand); }
  ExprNode* tuple_or_single(Exprs* items, bool comma, Span span);
  ExprNode* group(Exprs* items, bool comma, Span span);
  ExprNode* parenthesize(ExprNode* node, Span span);
  ExprNode* comparison(ComparisonChain* chain, Span span);
  ExprNode* bool_op(BoolOperator op, Exprs* values, Span span);
  ExprNode* named(ExprNode* target, ExprNode* value, Span span);
  ExprNode* call(ExprNode* function, SeqBuilder<Argument*>* arguments, Span span, Span open,
                 bool trailing_comma);
  ExprNode* subscript(ExprNode* value, Exprs* slices, bool comma, Span span, Span slice_span);
  ExprNode* comprehension(NodeKind kind, Exprs* items, Seq<Comprehension*> generators, Span span);
  Comprehension* comprehension_clause(Exprs* targets, bool comma, ExprNode* iter, Exprs* ifs, bool is_async,
                                      Span target_span);

  ExprNode* string_constant(std::string_view text, ConstantKind kind, Span span);

  // ---- strings (strings.cpp)
  std::string_view decode(const Token* token, Span body, bool is_fstring);
  std::string_view decode_part(const Token* token);
  [[noreturn]] void fail_string(const std::string& message, Span span);
  ExprNode* strings(SeqBuilder<StringPart*>* parts, Span span);
  ExprNode* fstring_text(const Token* token);
  // One or two values: the text of a debug field (f"{x=}") comes first.
  void fstring_field(Exprs* values, Span open, ExprNode* value, const Token* equal, const Token* bang,
                     const Token* conversion, Exprs* spec, Span spec_span, Span span);

  // ---- statements
  Seq<StmtNode*> body(Stmts* statements) { return statements->seq(); }
  StmtNode* assign(Exprs* items, Span span);
  StmtNode* annotated(ExprNode* target, ExprNode* annotation, ExprNode* value, Span span);
  StmtNode* augmented(ExprNode* target, Operator op, ExprNode* value, Span span);
  StmtNode* delete_targets(Exprs* targets, bool comma, Span span, Span target_span);
  StmtNode* async_function(FunctionDef* function, Span async);
  StmtNode* decorate(StmtNode* node, Exprs* decorators);
  Arguments* parameters(SeqBuilder<Parameter*>* list, Span span, bool is_lambda);
  CallArguments* split_arguments(SeqBuilder<Argument*>* arguments, bool is_call);
  WithItem* with_item(ExprNode* context, ExprNode* target);
  ExprNode* for_target(Exprs* targets, bool comma, Span span);
  StmtNode* import_from(int level, Identifier module, SeqBuilder<Alias*>* names, Span span);
  TypeParamNode* type_param(ParameterKind kind, const Token* name, ExprNode* bound, ExprNode* default_value,
                            Span span);
  Seq<TypeParamNode*> type_params(SeqBuilder<TypeParamNode*>* list);
  StmtNode* try_statement(Stmts* body, TryParts* parts, Stmts* orelse, Stmts* finalbody, Span span);
  TryParts* add_handler(TryParts* parts, bool star, ExprNode* type, const Token* name, Stmts* body,
                        Span span);

  // ---- patterns
  PatternNode* pattern_constant(ExprNode* value);
  PatternNode* capture(const Token* token);
  PatternNode* pattern_as(PatternNode* pattern, const Token* name, Span span);
  PatternNode* pattern_star(const Token* name, Span span);
  PatternNode* pattern_class(ExprNode* cls, SeqBuilder<PatternArgument*>* arguments, Span span);
  PatternNode* pattern_mapping(MappingPatternItems* items, Span span);
  void check_pattern_number(const ExprNode* real, const ExprNode* imaginary);
  ExprNode* pattern_string(ExprNode* value);

  // ---- validation (validate.cpp)
  enum class TargetKind : uint8_t { Star, For, Delete };
  // Checks that `node` can be a target and gives it, and what it is made of, the context.
  void make_target(ExprNode* node, ExprContext context, TargetKind kind, const char* suffix = "");
  const ExprNode* invalid_target(const ExprNode* node, TargetKind kind) const;
  void set_context(ExprNode* node, ExprContext context);
  void suggest_equality(const ExprNode* target, const ExprNode* next, bool only);
  void check_comprehension(NodeKind kind, Exprs* items, const Comprehension* clause);
  [[noreturn]] void fail_generator_argument(SeqBuilder<Argument*>* arguments, uint32_t index);
  [[noreturn]] void fail_bare_star(Span star, bool is_lambda);
  // The token that begins there.
  const Token* token_at(uint32_t offset) const;
  ExprNode* eval_input(ExprNode* node);
  void check_single_statement(Stmts* statements, const Token* second_line);
};

// "function call", "literal", ...: how CPython's messages call an expression.
const char* expression_description(const ExprNode* node);

}  // namespace mp::lang

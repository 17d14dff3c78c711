// Compiler turns the AST of one source into CodeUnits. Its methods are spread over compile_*.cpp by topic. It
// owns the stack of units being compiled and their blocks (loops, try, with). It knows the syntax and the
// scopes; instructions and registers are the emitter's.
//
// Registers hold values by these rules. operand(e) gives a register that holds e's value: the register of a
// local itself where that is safe, or else a new temporary. into(e, r) puts the value in r and touches r only
// at its last instruction, unless r is a temporary. push(e) is into() a new temporary. Whoever pushes
// releases, by mark (Emitter::top) and release_to().
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "lang/compile.h"
#include "lang/constant_fold.h"
#include "lang/emitter.h"
#include "lang/scope.h"

namespace mp::lang {

enum class UnitKind : uint8_t {
  Module,
  Class,
  Function,
  AsyncFunction,
  Lambda,
  Comprehension,
  TypeParameters
};

enum class BlockKind : uint8_t {
  WhileLoop,
  ForLoop,
  Try,         // the guarded part of try/except
  FinallyTry,  // the guarded part of try/finally
  FinallyEnd,  // the finally part, run for an exception
  With,
  AsyncWith,
  Handler,      // except clause; `name` is unbound at its end
  StarHandler,  // except* clause
};

struct Block {
  BlockKind kind;
  int32_t outer_handler = kNoHandler;
  Label continue_label = kNoLabel;
  Label break_label = kNoLabel;
  // With: __exit__; FinallyEnd, Handler: the exception handled before; ForLoop: the iterator, if it may be a
  // generator
  Reg reg = -1;
  Seq<StmtNode*> finalbody{};
  Identifier name{};
  Span span{};
};

struct Unit {
  Unit(Unit* parent_unit, UnitKind unit_kind, Scope* unit_scope)
      : parent(parent_unit),
        kind(unit_kind),
        scope(unit_scope),
        code(std::make_unique<CodeUnit>()),
        emitter(*code) {}
  Unit* parent;
  UnitKind kind;
  Scope* scope;
  std::unique_ptr<CodeUnit> code;
  Emitter emitter;
  Identifier private_name;
  std::vector<Block> blocks;
  std::vector<Scope*> inlined;                // comprehensions being compiled inline, outermost first
  std::vector<Identifier> static_attributes;  // Class
  Reg class_cell = -1;                        // Class: the register of the cell __class__
  Reg class_dict_cell = -1;                   // Class: the register of the cell __classdict__
  bool async_comprehension = false;
  int handler_depth = 0;
};

// Where a name is, seen from the code being emitted.
struct Place {
  enum Kind : uint8_t { Local, Deref, ClassDeref, DictDeref, DictGlobal, Global, Name } kind;
  Reg reg;
  Identifier name;
  Symbol* symbol;
};

Op binary_op(Operator op);
bool immediate_op(Operator op, Op* result);  // the form with a small int on the right, if there is one

struct CompileLimits {
  static constexpr int kMaxDepth = 6000;    // nested nodes; kMaxAstDepth is the parser's
  static constexpr size_t kMaxBlocks = 21;  // CPython's CO_MAXBLOCKS
  static constexpr int kMaxRun = 200;       // operands in consecutive registers
};

class Compiler {
 public:
  Compiler(const Source& source, Arena& arena, const CompileOptions& options,
           std::vector<Diagnostic>& warnings);
  ~Compiler();
  Compiler(const Compiler&) = delete;
  Compiler& operator=(const Compiler&) = delete;
  std::unique_ptr<CodeUnit> module(const ModNode& module);  // throws CompileError

 private:
  // ---- compile_module.cpp
  uint32_t future_features(const ModNode& module);
  void enter(UnitKind kind, Scope* scope, std::string_view name, Span first_line);
  std::unique_ptr<CodeUnit> leave();
  void set_qualified_name(Unit& unit, std::string_view name);
  uint32_t scope_flags(const Unit& unit) const;
  void layout_registers(Unit& unit);
  void prologue(Unit& unit);
  uint16_t add_function(std::unique_ptr<CodeUnit> code);
  void warn(std::string message, Span span);
  bool debug() const { return options_.optimize == 0; }
  Emitter& out() { return unit_->emitter; }
  Identifier intern(std::string_view text) { return arena_.intern(text); }
  void body_with_docstring(Seq<StmtNode*> body);
  std::string_view docstring_of(Seq<StmtNode*> body, bool* found) const;

  // ---- names
  Identifier mangle(Identifier name) { return table_.mangle(unit_->private_name, name); }
  Place resolve(Identifier raw);
  Reg cell_register(Identifier name);
  void load_name(Identifier raw, Span span, Reg dest);
  void store_name(Identifier raw, Span span, Reg value);
  void delete_name(Identifier raw, Span span);
  void check_bound(const Place& place);
  // The register of a plain local, to be written directly; -1 otherwise.
  Reg plain_local(Identifier raw);
  void bound(Identifier raw);  // a plain local was written directly
  void forbid_debug(Identifier name, const char* verb, Span span);
  bool fold(const ExprNode* node, CodeConstant* value);

  // ---- statements (compile_stmt.cpp)
  void statements(Seq<StmtNode*> body);
  void statement(const StmtNode* node);
  void return_statement(const Return& node);
  void if_statement(const If& node);
  void while_statement(const While& node);
  void for_statement(const For& node);
  void async_for_statement(const AsyncFor& node);
  void assert_statement(const Assert& node);
  void import_statement(const Import& node);
  void import_from_statement(const ImportFrom& node);
  void annotated_assignment(const AnnAssign& node);
  void augmented_assignment(const AugAssign& node);
  void assignment(const Assign& node);
  void expression_statement(const Expr& node);
  void leave_loop(const StmtNode* node);
  void loop_left(Label left, Reg iterator, const ExprNode* iterable, bool falls_through);
  void raise_statement(const Raise& node);
  void delete_target(const ExprNode* target);
  bool assign_tuple_in_parallel(const ExprNode* target, const ExprNode* value);

  // ---- blocks (compile_try.cpp)
  void push_block(Block block);
  void pop_block() { unit_->blocks.pop_back(); }
  void unwind_block(const Block& block);
  bool unwind_needs_code(size_t down_to) const;
  void unwind_to(size_t down_to);
  int32_t handler_above(Label label, int extra_registers = 0);
  void try_statement(const Try& node);
  // Code under a handler of its own. The handler stands among the cold code: it finds the exception in
  // register `exception`, keeps the one handled before in `saved`; what is raised inside it goes to `second`,
  // which puts that one back. Both go on at `end`.
  struct Guard {
    int32_t outer = 0, first = 0, second = 0;
    Reg exception = 0, saved = 0;
    Label end{};
  };
  Guard begin_guarded(Block block);
  void end_guarded(const Guard& guard);
  void begin_handler(Guard* guard, Span span = {});
  void end_handler(const Guard& guard);
  Guard guarded(Seq<StmtNode*> body, Seq<StmtNode*> orelse, Span span);  // up to begin_handler()
  void try_except(const Try& node);
  void try_star_statement(const TryStar& node);
  void try_star_except(const TryStar& node);
  template <typename Body>
  void with_finally(Seq<StmtNode*> finalbody, Span span, Body body);
  void with_statement(const StmtNode* node, Seq<WithItem*> items, size_t index, Seq<StmtNode*> body,
                      bool async);
  void unbind_handler_name(Identifier name, Span span);
  void await_pair(Reg pair, Span span);  // r[pair] iterator, r[pair+1] sent value and result

  // ---- expressions (compile_expr.cpp)
  Reg operand(const ExprNode* node);
  Reg push(const ExprNode* node);
  Reg operand_in(const ExprNode* node,
                 Reg scratch);  // as operand(), but in the temporary `scratch` if one is needed
  void into(const ExprNode* node, Reg dest);
  void effect(const ExprNode* node);
  void jump_if(const ExprNode* node, Label target, bool sense);
  void jump_on(Reg value, Label target, bool sense, Span span);
  void load_constant(const CodeConstant& value, Reg dest);
  void binary_into(const ExprNode* node, Reg dest);
  void bool_op_into(const BoolOp& node, Reg dest);
  void compare_into(const Compare& node, Reg dest);
  void compare_step(CompareOperator op, Reg dest, Reg left, Reg right);
  void jump_compare(CompareOperator op, Reg left, const ExprNode* right_node, Reg right, Label target,
                    bool sense, Span span);
  void subscript_into(const Subscript& node, Reg dest);
  Reg slice_pair(const Slice& slice);
  void attribute_into(const Attribute& node, Reg dest);
  void joined_string_into(const JoinedStr& node, Reg dest);
  void formatted_value_into(const FormattedValue& node, Reg dest);
  void dict_into(const Dict& node, Reg dest);
  void sequence_into(Seq<ExprNode*> elements, NodeKind kind, Span span, Reg dest);
  void named_into(const NamedExpr& node, Reg dest);
  void lambda_into(const Lambda& node, Reg dest);
  void yield_into(const ExprNode* node, Reg dest);
  void await_into(const ExprNode* node, Reg dest);
  void build_slice_into(const Slice& node, Reg dest);
  bool small_int(const ExprNode* node, int* value);

  // ---- stores
  void store(const ExprNode* target, Reg value);
  void store_from(const ExprNode* target, const ExprNode* value);
  void unpack(Seq<ExprNode*> targets, Span span, Reg value);
  Span attribute_span(const Attribute& node) const;

  // ---- calls (compile_call.cpp)
  void call_into(const Call& node, Reg dest);
  void call_arguments(Op op, Op keyword_op, Reg base, Seq<ExprNode*> args, Seq<Keyword*> keywords, Span span,
                      Reg dest, int already = 0);
  void call_spread(Reg base, int already, Seq<ExprNode*> args, Seq<Keyword*> keywords, Span span, Reg dest);
  void validate_keywords(Seq<Keyword*> keywords);
  bool super_run(const ExprNode* function, const ExprNode* attribute, Reg* run, bool* two_arguments);
  void check_caller(const ExprNode* node);
  void check_subscripter(const ExprNode* node);
  void check_index(const ExprNode* node, const ExprNode* index);
  void check_compare(const Compare& node);

  // ---- functions and classes (compile_class.cpp)
  template <typename F>
  void function_definition(const F& node, bool async);
  void class_definition(const ClassDef& node);
  void type_alias(const TypeAlias& node);
  std::unique_ptr<CodeUnit> class_body(const ClassDef& node, Span first_line);
  template <typename F>
  void function_body_into(const F& node, bool async, int flags, Span first_line, Reg dest);
  int function_defaults(const Arguments& args);
  int function_annotations(const Arguments& args, ExprNode* returns);
  void annotation_pair(Identifier name, const ExprNode* annotation, bool star);
  void annotation_into(const ExprNode* annotation, Reg dest);
  void make_function(std::unique_ptr<CodeUnit> code, int flags, Reg dest);
  void decorators(Seq<ExprNode*> list, std::vector<Reg>* bases);
  void call_decorators(Seq<ExprNode*> list, const std::vector<Reg>& bases, Reg value);
  void type_parameters_into(Seq<TypeParamNode*> list, Reg dest);
  void type_parameter_part(const ExprNode* part, Identifier name, const void* node, ScopeRole role, Reg dest);
  void set_arguments(const Arguments& args);
  void note_static_attribute(const Attribute& node);
  bool fold_all(Seq<ExprNode*> list, CodeConstant* tuple);

  // ---- comprehensions (compile_comprehension.cpp)
  void comprehension_into(const ExprNode* node, ComprehensionKind kind, Seq<Comprehension*> generators,
                          ExprNode* element, ExprNode* value, Reg dest);
  void comprehension_loop(ComprehensionKind kind, Seq<Comprehension*> generators, size_t index,
                          ExprNode* element, ExprNode* value, Reg accumulator, Reg iterator);
  void comprehension_element(ComprehensionKind kind, ExprNode* element, ExprNode* value, Reg accumulator);
  void comprehension_bound(const ExprNode* target);

  // ---- patterns (compile_pattern.cpp)
  struct PatternContext {
    struct Capture {
      Identifier name;
      Reg reg;
    };
    std::vector<Capture> captures;
    Label fail = kNoLabel;
    bool allow_irrefutable = false;
  };
  void match_statement(const Match& node);
  void pattern(const PatternNode* node, Reg subject, PatternContext& context);
  void pattern_sequence(const MatchSequence& node, Reg subject, PatternContext& context);
  void pattern_mapping(const MatchMapping& node, Reg subject, PatternContext& context);
  void pattern_class(const MatchClass& node, Reg subject, PatternContext& context);
  void pattern_or(const MatchOr& node, Reg subject, PatternContext& context);
  void pattern_as(const MatchAs& node, Reg subject, PatternContext& context);
  void pattern_subpattern(const PatternNode* node, Reg subject, PatternContext& context);
  void capture(Identifier name, Reg reg, PatternContext& context, Span span);

  struct DepthGuard {
    DepthGuard(Compiler& compiler, Span span) : compiler_(compiler) {
      if (++compiler_.depth_ > CompileLimits::kMaxDepth) compiler_.too_deep(span);
    }
    ~DepthGuard() { --compiler_.depth_; }
    Compiler& compiler_;
  };
  [[noreturn]] void too_deep(Span span);

  const Source& source_;
  Arena& arena_;
  const CompileOptions& options_;
  std::vector<Diagnostic>& warnings_;
  SymbolTable table_;
  std::shared_ptr<const std::string> filename_;
  uint32_t future_flags_ = 0;
  bool interactive_ = false;
  int depth_ = 0;
  Unit* unit_ = nullptr;
};

}  // namespace mp::lang

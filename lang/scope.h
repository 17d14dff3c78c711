// The symbol table: which names each scope binds and uses, and where each lives (local, cell, free, global).
// It follows CPython 3.13's symtable, errors included, except that an inlined comprehension keeps a scope of
// its own and is not merged into its parent. It knows no registers and no code.
#pragma once

#include <cstdint>
#include <deque>
#include <unordered_map>
#include <vector>

#include "lang/ast.h"
#include "lang/diagnostic.h"

namespace mp::lang {

// Thrown inside lang only, from scope analysis and compilation to compile()'s door.
struct CompileError {
  DiagnosticKind kind;
  std::string message;
  Span span;
};
[[noreturn]] void fail_syntax(std::string message, Span span);

enum SymbolFlags : uint32_t {
  kDefGlobal = 1,
  kDefLocal = 2,
  kDefParam = 4,
  kDefNonlocal = 8,
  kUse = 16,
  kDefImport = 128,
  kDefAnnotation = 256,
  kDefCompIter = 512,
  kDefTypeParam = 1024,
  kDeleted = 4096,  // by `del` or at the end of `except ... as`: may become unbound again
  kWalrus = 8192,   // bound by an assignment expression
  kDefBound = kDefLocal | kDefParam | kDefImport | kDefTypeParam,
};

// Where a name lives, seen from one scope. InlineFree: in the code that the comprehension is inlined into, no
// cell is needed for it.
enum class NameScope : uint8_t { Unresolved, Local, Cell, Free, InlineFree, GlobalExplicit, GlobalImplicit };

struct Symbol {
  Identifier name;
  uint32_t flags = 0;
  NameScope scope = NameScope::Unresolved;
  bool free_through = false;  // a class body: the name is free for the functions inside, whatever it is here
  bool bound_now = false;     // the compiler's: a comprehension variable that has its value here
  uint16_t walrus_count = 0;  // assignment expressions that bind it
  int32_t reg = -1;           // the compiler's: register of the local, or of the cell
  int32_t free_reg = -1;      // the compiler's: register of the cell that passes through a class body
};

class SymbolMap {
 public:
  Symbol* find(Identifier name) const;
  Symbol* add(Identifier name);
  const std::vector<Symbol*>& all() const { return order_; }

 private:
  std::vector<Symbol*> order_;
  std::unordered_map<const void*, Symbol*> index_;  // used from kLinear symbols on
  std::deque<Symbol> storage_;
};

enum class ScopeKind : uint8_t {
  Module,
  Function,
  Class,
  Annotation,
  TypeVariable,
  TypeAlias,
  TypeParameters
};
enum class ComprehensionKind : uint8_t { None, List, Dict, Set, Generator };

struct Scope {
  ScopeKind kind = ScopeKind::Module;
  ComprehensionKind comprehension = ComprehensionKind::None;
  Scope* parent = nullptr;
  Identifier name;
  Identifier private_name;     // the class whose private names are mangled here
  const char* info = nullptr;  // "a TypeVar bound", ...
  Span span;
  std::vector<Scope*> children;
  SymbolMap symbols;
  std::vector<Identifier> parameters;  // in co_varnames order
  struct Directive {
    Identifier name;
    Span span;
  };
  std::vector<Directive> directives;  // global and nonlocal statements, for the position of errors

  bool nested = false;
  bool generator = false;
  bool coroutine = false;
  bool async_function = false;
  bool varargs = false;
  bool varkeywords = false;
  bool returns_value = false;
  bool annotations_used = false;
  bool comp_iter_target = false;
  int comp_iter_expr = 0;
  bool inlined = false;  // a comprehension that becomes part of its parent's code
  bool can_see_class_scope = false;
  bool needs_class_closure = false;
  bool needs_class_dict = false;
  bool method = false;
  bool discarded = false;  // postponed annotations: looked at for errors only

  bool function_like() const { return kind != ScopeKind::Module && kind != ScopeKind::Class; }
};

// Two scopes may hang on one node: a function's and that of its type parameters.
enum class ScopeRole : uint8_t { Main, TypeParameters, Default };

class SymbolTable {
 public:
  explicit SymbolTable(Arena& arena);
  void build(const ModNode& module, bool future_annotations);  // throws CompileError

  Scope* top() const { return top_; }
  Scope* find(const void* node, ScopeRole role = ScopeRole::Main) const;
  Identifier mangle(Identifier private_name, Identifier name);

 private:
  friend class ScopeBuilder;
  void resolve(Scope* scope);
  void resolve_name(Scope* scope, Symbol* symbol);
  Scope* class_entry_of(Scope* scope) const;
  [[noreturn]] void fail_at_directive(Scope* scope, Identifier name, std::string message);

  Arena& arena_;
  bool future_annotations_ = false;
  Scope* top_ = nullptr;
  std::deque<Scope> scopes_;
  std::unordered_map<uintptr_t, Scope*> by_node_;
};

}  // namespace mp::lang

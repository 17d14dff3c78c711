// What the text of a script says to `minipy atomic`: its statements, what its names are bound to, and which
// locks are held where. It reads the AST and knows no code.
#pragma once
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "lang/ast.h"
#include "lang/code_unit.h"
#include "lang/source.h"

namespace mp::atomicity {

enum class ObjectKind : uint8_t { Unknown, List, Dict, Set, Deque, Lock, Instance };

// What an expression is, as far as its assignments tell.
struct ObjectType {
  ObjectKind kind = ObjectKind::Unknown;
  const lang::ClassDef* cls = nullptr;  // of an Instance
  bool operator==(const ObjectType& o) const { return kind == o.kind && cls == o.cls; }
};

struct Statement {
  const lang::StmtNode* node;
  lang::Span span;      // with its decorators
  uint32_t header_end;  // where the first statement inside begins; the end of a simple statement
  uint32_t line;
  int parent;                  // index, -1: none
  const lang::ClassDef* self;  // the class whose method it stands in
};

class SourceFacts {
 public:
  SourceFacts(const lang::Source& source, const lang::ModNode& module);

  const std::vector<Statement>& statements() const { return statements_; }  // in the order of the source
  int statement_at(uint32_t offset) const;                                  // the innermost one; -1: none
  uint32_t offset(const lang::CodePosition& position) const;
  // An expression without needless blanks: two places with the same text name the same variable.
  std::string expression(const lang::CodePosition& position) const;
  // The first line of a statement, indented as in the source.
  std::string title(const Statement& statement) const;
  // The statement's own text, without the statements inside, stands on that line.
  bool covers(const Statement& statement, uint32_t line) const;

  // A builtin, as nothing in the file is bound to that name.
  bool is_unbound(std::string_view name) const { return names_.count(std::string(name)) == 0; }
  // Bound once, when the module starts: a function, a class, a module, a shared list.
  bool is_fixed(std::string_view name) const;
  bool is_callable(std::string_view name) const;  // a function or class of the file
  ObjectType type_of(std::string_view expression, const Statement& where) const;
  // Reading (or storing) `receiver.member` runs code of the script: a property, __setattr__; "[]": a
  // subscript.
  bool runs_code(std::string_view receiver, std::string_view member, bool store,
                 const Statement& where) const;

  // The lock that both statements stand under; empty: none.
  std::string common_lock(int one, int other) const;
  // The innermost decision that looks at `test_offset` in its test and acts at `act_offset`; -1: none. Such
  // are `if`, `match`, `x if test else y`, `test or x`, `if test: return` and `assert` for what follows them,
  // `try` with a handler of KeyError and the like, `while`, and `while test: wait()` for what follows; not so
  // a loop that changes at one of `changes` what it looks at.
  int decision(uint32_t test_offset, uint32_t act_offset, const std::vector<uint32_t>& changes) const;
  // In the function that this statement defines, the name at `offset` is only ever bound to what was made
  // there: a parameter behind a statement of the function's own block that binds it anew.
  bool is_made_in(int function, const std::string& name, uint32_t offset) const;
  // What it is, then.
  ObjectKind kind_made_in(int function, const std::string& name, uint32_t offset) const;

 private:
  friend class FactsWalker;
  struct Binding {
    int times = 0;
    bool at_start = false, callable = false;
    ObjectType type;
  };
  static std::string made_key(int function, const std::string& name) {
    return std::to_string(function) + name;
  }
  struct Made {
    bool always = true;  // each value was made there
    uint32_t since = 0;  // where that begins to hold
    int times = 0;
    ObjectType type;
  };
  struct Decision {
    lang::Span test, acts;
    lang::Span loop{0, 0};  // the body of a loop whose acts are also what follows it
  };
  bool class_runs_code(const lang::ClassDef& cls, std::string_view member, bool store, int depth) const;
  // The lock that a `with` or a `try: ... finally: X.release()` holds for the statement inside.
  std::string lock_of(const Statement& block, int inner) const;
  bool is_lock(const lang::ExprNode* node, const Statement& where, std::string* text) const;

  const lang::Source& source_;
  std::vector<Statement> statements_;
  std::unordered_map<std::string, Binding> names_;  // attributes under ".name"
  std::unordered_map<std::string, const lang::ClassDef*> classes_;
  std::vector<Decision> decisions_;
  std::unordered_map<std::string, Made> made_in_;  // by made_key()
};

}  // namespace mp::atomicity

// The only door to the front end: source text in, AST (parse) or CodeUnit (compile, see code_unit.h) out. It
// knows no heap.
#pragma once

#include <optional>
#include <vector>

#include "lang/arena.h"
#include "lang/ast.h"
#include "lang/diagnostic.h"
#include "lang/source.h"

namespace mp::lang {

enum class Mode : uint8_t {
  Exec,      // a module: Module
  Eval,      // one expression: Expression
  Single,    // one interactive statement: Interactive
  FuncType,  // "(int, str) -> bool": FunctionType
};

struct ParseOptions {
  Mode mode = Mode::Exec;
  bool allow_incomplete = false;  // REPL, codeop: tell input that ends too early from wrong input
  bool top_level_await = false;   // kept for the compiler: the parser accepts `await` everywhere
  std::string filename;           // overrides the source's where it is not empty
};

struct ParseResult {
  ModNode* module = nullptr;  // null when there is an error
  std::optional<Diagnostic> error;
  std::vector<Diagnostic> warnings;  // in source order
  bool incomplete = false;           // with allow_incomplete: more lines may make it valid
  bool ok() const { return module != nullptr; }
};

// The AST lives in the arena; the source must outlive it only where positions are asked for.
ParseResult parse(const Source& source, Arena& arena, const ParseOptions& options = {});

// `minipy -d tokens` (one line per token, as `python -m tokenize` does) and `minipy -d ast` (as
// ast.dump(indent=4)).
std::string dump_front_end(const Source& source, bool tokens, const ParseOptions& options = {});

}  // namespace mp::lang

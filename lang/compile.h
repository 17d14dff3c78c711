// From AST to CodeUnit: scopes, code, checks. See frontend.h for the parser. It knows no heap.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "lang/ast.h"
#include "lang/code_unit.h"
#include "lang/diagnostic.h"
#include "lang/frontend.h"
#include "lang/source.h"

namespace mp::lang {

struct CompileOptions {
  int optimize = 0;              // 1: no asserts, __debug__ is False; 2: no docstrings either
  bool top_level_await = false;  // ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
  uint32_t future_flags = 0;     // inherited __future__ features: CodeFlags in kCodeFutureMask
  std::string filename;          // overrides the source's where it is not empty
};

struct CompileResult {
  std::unique_ptr<CodeUnit> unit;  // null when there is an error
  std::optional<Diagnostic> error;
  std::vector<Diagnostic> warnings;  // SyntaxWarnings, in order
  bool incomplete = false;           // compile_source() only: see ParseResult
  bool ok() const { return unit != nullptr; }
};

// The arena is that of the AST; new names are interned in it.
CompileResult compile(const ModNode& module, const Source& source, Arena& arena,
                      const CompileOptions& options = {});

// Parses and compiles.
CompileResult compile_source(const Source& source, const ParseOptions& parse_options,
                             const CompileOptions& options = {});

// The text of an expression, as `from __future__ import annotations` keeps it (ast_unparse.c's rules).
std::string unparse_expression(const ExprNode* node);

}  // namespace mp::lang

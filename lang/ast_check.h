// What a tree made by hand must fulfil before it can be compiled; those of the parser do. CPython's rules and
// messages.
#pragma once
#include <string>

#include "lang/ast.h"

namespace mp::lang {

struct AstProblem {
  std::string message;      // empty: none
  bool wrong_type = false;  // a TypeError, else a ValueError
};
AstProblem check_ast(const ModNode& module);

}  // namespace mp::lang

// Values known at compile time: literals, and what CPython's optimiser folds (operators on constants, tuples,
// __debug__), with its limits on size. It knows no code.
#pragma once

#include "lang/ast.h"
#include "lang/code_unit.h"

namespace mp::lang {

CodeConstant literal_constant(const ConstantValue& value);
CodeConstant int_constant(int64_t value);
CodeConstant string_constant(std::string_view text);
bool constant_truth(const CodeConstant& constant);

// True: the expression always has the value *out.
bool fold_constant(const ExprNode* node, bool debug, CodeConstant* out);
// A quick test: false means that fold_constant() would fail.
bool may_be_constant(const ExprNode* node);

}  // namespace mp::lang

// The intrinsics of PEP 695 (type parameters, type aliases). It knows the typing module, not the interpreter.
#pragma once
#include "lang/code_unit.h"
#include "vm/types/type.h"

namespace mp {

Result<Value> type_parameter_intrinsic(Thread& t, lang::Intrinsic which, const Value* args);
extern const TypeSpec kTypeAliasSpec;

}  // namespace mp

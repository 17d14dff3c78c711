// Type parameters of generic aliases and unions: collecting, substituting, showing. Internal to
// generic_alias.cpp, union_type.cpp and typing natives.
#pragma once
#include "vm/types/generic_alias.h"

namespace mp {
Result<Value> generic_parameters(Thread& t, Value args);  // tuple of the type variables in `args`
Result<Value> generic_substitute(Thread& t, Value self, Value args, Value parameters,
                                 Value item);         // new args
Result<Value> generic_item_text(Thread& t, Value v);  // "int", "collections.deque", "..."
}  // namespace mp

// The cold instructions (cold_ops.def): false when they raised; they write their own results. Private to
// vm/exec.
#pragma once
#include "vm/exec/ops.h"

namespace mp::ops::cold {
#define COLD(NAME) bool NAME(Thread& t, Frame* frame, const Instruction* pc, Value* r);
#include "vm/exec/cold_ops.def"
#undef COLD
bool UNPACK(Thread& t, Frame* frame, const Instruction* pc, Value* r);
}  // namespace mp::ops::cold

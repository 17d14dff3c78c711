// Contexts (PEP 567) for other native code: tasks and event loops run their callbacks in one.
#pragma once
#include <string_view>

#include "vm/types/builtin_types.h"

namespace mp {

// A copy of the thread's current context: contextvars.copy_context().
Value copy_context(Thread& t);
bool is_context(Value v);
// The two halves of `context.run(...)`: `*before` is for leave_context. RuntimeError when it is entered
// already.
Status enter_context(Thread& t, Value context, Value* before);
void leave_context(Thread& t, Value context, Value before);
// ContextVar(name), var.get() (kNotFound where it is not set), var.set(value) without a token.
Value make_context_variable(Thread& t, std::string_view name);
Value context_variable(Thread& t, Value variable);
void set_context_variable(Thread& t, Value variable, Value value);

}  // namespace mp

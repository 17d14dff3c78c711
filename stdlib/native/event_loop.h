// The native event loop, for other native code (tasks, futures): scheduling a call without a Handle where
// nobody would see one.
#pragma once
#include "vm/types/builtin_types.h"

namespace mp {

// A native loop whose call_soon is its own: neither a subclass nor the instance has replaced it.
bool is_event_loop(Thread& t, Value loop);

// loop.get_debug() of such a loop.
bool event_loop_debug(Value loop);

// loop.call_soon(callback, argument, context=context) on any loop; `argument` may be empty (none).
// RuntimeError "Event loop is closed".
Status event_loop_call_soon(Thread& t, Value loop, Value callback, Value argument, Value context);

// What the loop calls in place of a script callable: the step of a task. It runs in the context; what it
// raises goes the way of a callback's exception. In debug mode `subject` is what a warning about a slow step
// shows.
using LoopStep = Status (*)(Thread& t, Value subject, Value argument);
// `loop` must satisfy is_event_loop().
Status event_loop_call_soon(Thread& t, Value loop, LoopStep step, Value subject, Value argument,
                            Value context);

}  // namespace mp

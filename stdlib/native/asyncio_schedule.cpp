// Handing work to an event loop, whichever it is: the native one takes a step as it is, any other gets a
// callable.
#include "stdlib/native/asyncio_internal.h"
#include "stdlib/native/event_loop.h"

namespace mp::asyncio {

static Status call_soon(Thread& t, Value loop, Value callback, Value argument, Value context) {
  Value method{}, self{};
  TRY(get_method(t, loop, intern(t, "call_soon"), &method, &self));
  Value values[4];
  size_t count = 0;
  if (!self.is_empty()) values[count++] = self;
  values[count++] = callback;
  if (!argument.is_empty()) values[count++] = argument;
  values[count] = context;
  Value names = make_tuple(t, {Value(intern(t, "context"))});
  TRY(call(t, method, CallArgs{values, count, names}));
  return {};
}

Status schedule_call(Thread& t, Value loop, Value callback, Value argument, Value context) {
  if (is_event_loop(t, loop)) return event_loop_call_soon(t, loop, callback, argument, context);
  return call_soon(t, loop, callback, argument, context);
}
Status schedule_step(Thread& t, Value loop, Value task, Value exception, Value context) {
  if (is_event_loop(t, loop)) return event_loop_call_soon(t, loop, task_step, task, exception, context);
  return call_soon(t, loop, make_step_callable(t, task, exception), kEmpty, context);
}
Status schedule_wake(Thread& t, Value loop, Value task, Value future, Value context) {
  if (is_event_loop(t, loop)) return event_loop_call_soon(t, loop, task_wake, task, future, context);
  return call_soon(t, loop, make_wakeup_callable(t, task), future, context);
}
Result<bool> loop_debug(Thread& t, Value loop) {
  if (is_event_loop(t, loop)) return event_loop_debug(loop);
  return truth(t, TRY(call_method(t, loop, intern(t, "get_debug"))));
}

}  // namespace mp::asyncio

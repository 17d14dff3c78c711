// asyncio's futures and tasks for other native code (the event loop): making futures, finishing them, the
// running loop.
#pragma once
#include "vm/types/builtin_types.h"

namespace mp {

// asyncio.Future(loop=loop). Debug mode records where it was made.
Result<Value> make_asyncio_future(Thread& t, Value loop);
// asyncio.Task(coroutine, loop=loop, name=name, context=context); name and context may be None.
Result<Value> make_asyncio_task(Thread& t, Value coroutine, Value loop, Value name, Value context);
bool is_asyncio_future(Thread& t, Value v);  // a native Future or Task, or an instance of a subclass
bool is_asyncio_task(Thread& t, Value v);
bool asyncio_future_done(Value future);
// InvalidStateError when it is done already.
Status asyncio_future_set_result(Thread& t, Value future, Value result);
Status asyncio_future_set_exception(Thread& t, Value future, Value exception);

// The loop that runs in this thread; None for none.
Value running_event_loop(Thread& t);
Status set_running_event_loop(Thread& t, Value loop_or_none);

}  // namespace mp

// What the asyncio_*.cpp files share: the layouts of futures and tasks, and what each file gives to the
// others.
#pragma once
#include "stdlib/native/asyncio.h"
#include "vm/gc/root.h"
#include "vm/native/native.h"
#include "vm/protocol/protocol.h"
#include "vm/threads/object_lock.h"
#include "vm/threads/thread_impl.h"
#include "vm/types/exception.h"
#include "vm/types/runtime.h"

namespace mp {
Result<Value> import_module(Thread& t, std::string_view dotted_name);  // vm/modules
}

namespace mp::asyncio {

enum class State : uint8_t { Pending, Cancelled, Finished };

struct FutureObject : Object {
  Slot loop;  // empty before __init__
  // Most futures have one callback: it stands here, the others in the list, as tuples (callback, context). A
  // task that waits for the future stands in place of a callback (wakes_first).
  Slot first_callback, first_context, callbacks;
  Slot result, exception, exception_traceback;
  Slot source_traceback, cancel_message, cancelled_error;
  std::atomic<State> state;
  std::atomic<bool> wakes_first, blocking, log_traceback;
};
inline constexpr size_t kFutureSlots = 10;

struct TaskList;
struct TaskObject : FutureObject {
  Slot coroutine, context, name, waiter;
  // The list of all pending tasks, see asyncio_registry.cpp. Not traced: the list keeps no task alive.
  std::atomic<TaskList*> list;
  TaskObject *next, *previous;
  uint64_t number;  // of "Task-N", while nobody gave it a name
  std::atomic<int64_t> cancels_requested;
  std::atomic<bool> must_cancel, log_destroy_pending;
};
inline constexpr size_t kTaskSlots = 4;

extern const TypeSpec kFutureSpec, kTaskSpec, kWakeupSpec;
inline FutureObject* future_of(Value v) { return v.as<FutureObject>(); }
inline TaskObject* task_of(Value v) { return v.as<TaskObject>(); }
inline State state_of(const FutureObject* f) { return f->state.load(std::memory_order_acquire); }
inline Value or_none(Value v) { return v.is_empty() ? kNone : v; }

// ---- asyncio_future.cpp
Status init_future(Thread& t, FutureObject* future, Value loop_or_none);
Status check_initialised(Thread& t, FutureObject* future);
Status finish(Thread& t, FutureObject* future, Value result);   // set_result
Status fail(Thread& t, FutureObject* future, Value exception);  // set_exception with an instance
Result<bool> cancel_future(Thread& t, FutureObject* future, Value message);
Result<Value> make_cancelled_error(Thread& t, FutureObject* future);
// The result, or the exception raised: CancelledError, InvalidStateError "Result is not set.", what was set.
Result<Value> future_outcome(Thread& t, FutureObject* future);
// The exception with the traceback it was set with; it counts as retrieved.
Value retrieve_exception(FutureObject* future);
Status add_callback(Thread& t, FutureObject* future, Value callback, Value context);
// The task is woken when the future is done.
Status add_waiter(Thread& t, FutureObject* future, TaskObject* task);
void trace_future(Object* o, Tracer& tracer);
Status finalize_future(Thread& t, Value self);
Result<Value> call_helper(Thread& t, const char* module, const char* function,
                          std::initializer_list<Value> arguments);
// {'message': ..., key: value, ...} for the loop's exception handler.
Status report_to_loop(Thread& t, FutureObject* future, const char* subject_key, const std::string& message,
                      Value exception);
extern const GetSetDef kFutureGetSets[];

// ---- asyncio_errors.cpp
enum class AsyncError : uint8_t { Cancelled, InvalidState, kCount };
Result<Value> async_error_class(Thread& t, AsyncError error);
Error raise_async_error(Thread& t, AsyncError error, const std::string& message);

// ---- asyncio_task.cpp
// What the loop calls: a step of the task (`exception` empty, or thrown into it), and a step when what it
// waits for is done.
Status task_step(Thread& t, Value task, Value exception);
Status task_wake(Thread& t, Value task, Value future);
// A callable that does the same, for loops that are not native.
Value make_step_callable(Thread& t, Value task, Value exception);
Value make_wakeup_callable(Thread& t, Value task);
Value task_name(Thread& t, TaskObject* task);
// _turn(): the awaitable of sleep(0).
Result<Value> make_turn(Thread& t, const Value* args);
inline bool is_task(Thread& t, Value v) {
  return v.is_object() && is_instance(t, v, native_type(t, kTaskSpec));
}

// ---- asyncio_registry.cpp
void register_task(Thread& t, TaskObject* task);
void unregister_task(TaskObject* task);
uint64_t next_task_number(Thread& t);
Status enter_task(Thread& t, Value loop, Value task);
Status leave_task(Thread& t, Value loop, Value task);
Result<Value> swap_current_task(Thread& t, Value loop, Value task);
Result<Value> current_task_of(Thread& t, Value loop);
extern const NativeDef kRegistryFunctions[];
Status init_registry(Thread& t, ModuleObject* module);

// ---- asyncio_schedule.cpp
Status schedule_call(Thread& t, Value loop, Value callback, Value argument_or_empty, Value context);
Status schedule_step(Thread& t, Value loop, Value task, Value exception_or_empty, Value context);
Status schedule_wake(Thread& t, Value loop, Value task, Value future, Value context);
Result<bool> loop_debug(Thread& t, Value loop);

}  // namespace mp::asyncio

// What the event_loop_*.cpp files share: the layouts of the loop and of its handles, and what each file gives
// to the others.
#pragma once
#include "stdlib/native/contextvars.h"
#include "stdlib/native/event_loop.h"
#include "stdlib/native/native_error.h"
#include "vm/native/native.h"
#include "vm/os/clock.h"
#include "vm/protocol/protocol.h"
#include "vm/threads/object_lock.h"
#include "vm/types/exception.h"

namespace mp::event_loop {

// asyncio.Handle, TimerHandle. Absent fields are None, as in CPython.
struct HandleObject : Object {
  Slot callback, arguments, context, loop, text, traceback;
  std::atomic<bool> cancelled;
};
struct TimerHandleObject : HandleObject {
  Slot when;        // as it was given
  double seconds;   // the same
  uint64_t serial;  // of two with the same time the elder comes first
  std::atomic<bool> scheduled;
};
extern const TypeSpec kHandleSpec, kTimerHandleSpec;

// A growable cell of Slots.
struct SlotArray {
  uint64_t capacity = 0;
  uint64_t reserved = 0;
  Slot* items() { return reinterpret_cast<Slot*>(this + 1); }
};

// One call that is due. Either `handle` alone, or a bare call that nobody has a handle of: a callable with at
// most one argument, or a LoopStep with its subject.
struct ReadyCall {
  Slot handle, callback, argument, context;
  Slot step;  // a LoopStep as an int, or empty
};
inline constexpr size_t kReadySlots = sizeof(ReadyCall) / sizeof(Slot);

enum class Sleep : uint32_t {
  Awake,
  Parked,   // on the loop's address, or about to be
  Polling,  // in epoll_wait, or about to be
  Woken,    // by another thread; not noticed yet
};

class Poller;

// Names that the loop looks up per event, interned once per runtime.
struct LoopNames {
  StrObject *data_received, *eof_received, *get_buffer, *buffer_updated, *pause_writing, *resume_writing,
      *call_soon, *call_connection_lost, *fatal_error, *call_exception_handler, *set_result, *set_exception;
};
const LoopNames& loop_names(Thread& t);

struct EventLoopObject : Object {
  // Calls that are due: a ring of ReadyCall, its capacity a power of two. Under the object lock, like the
  // timers and the watches: call_soon_threadsafe comes from anywhere.
  std::atomic<SlotArray*> ready;
  std::atomic<uint64_t> ready_head, ready_count;
  // A binary heap of TimerHandleObject.
  std::atomic<SlotArray*> timers;
  std::atomic<uint64_t> timer_count, cancelled_timers, timer_serial;
  // By descriptor: the handle of the reader, then the one of the writer.
  std::atomic<SlotArray*> watches;
  // Native memory, made when the first descriptor is watched and freed by the finalizer: another thread may
  // be about to wake a loop that is closed.
  std::atomic<Poller*> poller;
  std::atomic<char*> received;  // receive_buffer()
  const LoopNames* names;
  Slot current_handle, slow_callback_duration;
  Slot task_factory;
  Slot handle_type, timer_type;
  std::atomic<uint64_t> thread_id;  // of the thread that runs it, 0: none
  std::atomic<Sleep> sleep;
  std::atomic<bool> closed, stopping, debug;
  std::atomic<uint64_t> plain;  // type version and shape that were found to replace nothing; see is_plain()
};
extern const TypeSpec kEventLoopSpec;
inline EventLoopObject* loop_of(Value v) { return v.as<EventLoopObject>(); }
bool is_native_loop(Value v);

// ---- event_loop_handle.cpp
// context None or empty: a copy of the current one. `loop` is a native one.
Result<HandleObject*> make_handle(Thread& t, EventLoopObject* loop, Value callback, Value arguments,
                                  Value context);
Result<TimerHandleObject*> make_timer(Thread& t, EventLoopObject* loop, Value when, Value callback,
                                      Value arguments, Value context);
bool is_exact_handle(Value v);
Status cancel_handle(Thread& t, HandleObject* handle);
// Runs the callback in its context; what it raises goes to the loop's exception handler, except SystemExit
// and KeyboardInterrupt.
Status run_handle(Thread& t, HandleObject* handle);
// Hands the current exception to loop.call_exception_handler.
Status report_failure(Thread& t, HandleObject* handle);

// ---- event_loop_queue.cpp; each takes the object lock
Status push_ready(Thread& t, EventLoopObject* loop, const ReadyCall& call);
inline Status push_handle(Thread& t, EventLoopObject* loop, Value handle) {
  ReadyCall call{};
  call.handle = handle;
  return push_ready(t, loop, call);
}
bool take_ready(Thread& t, EventLoopObject* loop, ReadyCall* call);
Status push_timer(Thread& t, EventLoopObject* loop, TimerHandleObject* timer);
// Drops cancelled timers from the top; the time of the first that is left, or false.
bool first_timer(Thread& t, EventLoopObject* loop, double* seconds);
// Timers before `end` become ready.
Status release_timers(Thread& t, EventLoopObject* loop, double end);
void clear_queues(Thread& t, EventLoopObject* loop);
// Cells for at least `wanted` slots, the old content kept; nullptr with MemoryError raised.
SlotArray* grow(Thread& t, SlotArray* old, uint64_t wanted);

// ---- event_loop_poll.cpp
enum class Direction : uint8_t { Read, Write };
// The handle (or a transport, see event_loop_transport.cpp) that is told when `fd` is ready; *old is the one
// before, or empty.
Status watch(Thread& t, EventLoopObject* loop, int fd, Direction direction, Value handle, Value* old);
// What is told when `fd` is ready, or empty.
Value watcher_of(Thread& t, EventLoopObject* loop, int fd, Direction direction);
// Empty when nothing was watched.
Result<Value> unwatch(Thread& t, EventLoopObject* loop, int fd, Direction direction);
// Waits until something is ready, another thread calls, or the deadline (kDoNotWait: not at all), and moves
// what is ready to the queue.
inline constexpr os::Deadline kDoNotWait = 0;
Status poll_events(Thread& t, EventLoopObject* loop, os::Deadline deadline);
// Ends the loop's wait, from any thread.
void wake(Thread& t, EventLoopObject* loop);
void close_poller(Thread& t, EventLoopObject* loop);
Result<int> descriptor_of(Thread& t, Value file);
// A buffer of kReceiveSize bytes for the thread that runs the loop; nothing in it lives beyond a call. Null:
// no memory.
inline constexpr size_t kReceiveSize = 256 * 1024;
char* receive_buffer(Thread& t, EventLoopObject* loop);
void trace_watches(EventLoopObject* loop, Tracer& tracer);

// ---- event_loop_transport.cpp
extern const TypeSpec kStreamTransportSpec;
// What runs when the descriptor of a transport is ready; null when `watcher` is no transport.
LoopStep transport_step(Value watcher, Direction direction);
Value transport_context(Value watcher, Direction direction);

}  // namespace mp::event_loop

// The _thread module: starting and joining threads, idents, the unhandled-exception hook.
#include <limits.h>
#include <signal.h>

#include <algorithm>
#include <mutex>

#include "stdlib/native/condition.h"
#include "stdlib/native/sync_errors.h"
#include "stdlib/native/time_value.h"
#include "vm/gc/heap.h"
#include "vm/os/stack_bounds.h"
#include "vm/protocol/protocol.h"
#include "vm/threads/ended_threads.h"
#include "vm/threads/signals.h"
#include "vm/threads/thread_impl.h"
#include "vm/threads/thread_table.h"
#include "vm/types/exception.h"
#include "vm/types/runtime.h"

namespace mp {
namespace {

enum HandleState : uint32_t { kNotStarted, kStarting, kRunning, kDone };

// _ThreadHandle: outlives its thread; join() waits on its state.
struct HandleObject : Object {
  std::atomic<uint32_t> state{kNotStarted};
  std::atomic<uint64_t> ident{0};
  std::atomic<uint64_t> serial{0};  // of the thread that has ended: 0 when it is gone for the system as well
};

const char kStateTag = 0;
struct ThreadModuleState {
  std::mutex mutex;
  std::vector<Object*> joined_at_exit;  // handles of running non-daemon threads
  std::atomic<bool> scanned{false};
  std::atomic<bool> shut_down{false};
};

ThreadModuleState& module_state(Thread& t) {
  auto& state = t.runtime().state<ThreadModuleState>(&kStateTag);
  if (!state.scanned.exchange(true))
    t.heap().add_root_scanner(
        [](void* context, Tracer& tracer) {
          for (Object* handle : static_cast<ThreadModuleState*>(context)->joined_at_exit)
            tracer.visit(handle);
        },
        &state);
  return state;
}

void mark_done(Thread& t, HandleObject* handle) {
  auto& state = module_state(t);
  {
    std::lock_guard<std::mutex> guard(state.mutex);
    auto& all = state.joined_at_exit;
    all.erase(std::remove(all.begin(), all.end(), handle), all.end());
  }
  handle->state.store(kDone, std::memory_order_seq_cst);
  unpark_all(t, handle);
}

Result<Value> handle_wait(Thread& t, HandleObject* handle, int64_t timeout) {
  if (handle->state.load(std::memory_order_acquire) == kNotStarted)
    return t.raise(Exc::RuntimeError, "thread not started");
  if (handle->ident.load(std::memory_order_relaxed) == t.ident &&
      handle->state.load(std::memory_order_acquire) != kDone)
    return t.raise(Exc::RuntimeError, "Cannot join current thread");
  os::Deadline deadline = deadline_from_timeout(timeout);
  while (handle->state.load(std::memory_order_acquire) != kDone) {
    WaitResult result = park(
        t, handle,
        [](void* h) { return static_cast<HandleObject*>(h)->state.load(std::memory_order_seq_cst) != kDone; },
        handle, deadline, WaitKind::Join, handle->ident.load(std::memory_order_relaxed));
    if (result == WaitResult::TimedOut) break;
    if (result == WaitResult::Interrupted) TRY(t.poll());
  }
  if (handle->state.load(std::memory_order_acquire) != kDone) return kNone;
  if (uint64_t serial = handle->serial.load(std::memory_order_relaxed); serial != 0) {
    wait_until_gone(t, serial);
    handle->serial.store(0, std::memory_order_relaxed);
  }
  return kNone;
}

// The start argument: (function, args, kwargs or None, handle or None).
void thread_body(Thread& t, Value argument) {
  auto* start = argument.as<TupleObject>();
  Value function = (*start)[0], arguments = (*start)[1], keywords = (*start)[2], handle = (*start)[3];
  if (!handle.is_none()) {
    auto* h = handle.as<HandleObject>();
    h->ident.store(t.ident, std::memory_order_relaxed);
    h->serial.store(t.impl->serial, std::memory_order_relaxed);
    uint32_t expected = kStarting;
    h->state.compare_exchange_strong(expected, kRunning, std::memory_order_seq_cst);
  }
  auto result = call_tuple(t, function, arguments, keywords.is_none() ? kEmpty : keywords);
  if (result.is_error()) {
    if (t.exception_matches(Exc::SystemExit) || t.runtime().finalizing)
      t.clear_exception();
    else
      write_unraisable(t, ("Exception ignored in thread started by " + repr_text(t, function)).c_str(),
                       kNone);
  }
  Value at_end = t.impl->at_end;
  if (!at_end.is_empty() && call(t, at_end).is_error()) write_unraisable(t, nullptr, at_end);
  if (!handle.is_none()) mark_done(t, handle.as<HandleObject>());
}

Status check_may_start(Thread& t) {
  if (t.runtime().finalizing.load(std::memory_order_relaxed) ||
      module_state(t).shut_down.load(std::memory_order_relaxed))
    return t.raise(Exc::PythonFinalizationError, "can't create new thread at interpreter shutdown");
  return {};
}

// ---------------------------------------------------------------- functions

Result<Value> start_new_thread(Thread& t, const Value* args) {
  if (!is_callable(t, args[0])) return t.raise(Exc::TypeError, "first arg must be callable");
  if (!is_tuple(args[1])) return t.raise(Exc::TypeError, "2nd arg must be a tuple");
  if (!args[2].is_empty() && !is_dict(args[2]))
    return t.raise(Exc::TypeError, "optional 3rd arg must be a dictionary");
  TRY(check_may_start(t));
  uint64_t ident = 0;
  TupleObject* start = make_tuple(t, {args[0], args[1], args[2].is_empty() ? kNone : args[2], kNone});
  if (!start_thread(t, thread_body, start, &ident))
    return t.raise(Exc::RuntimeError, "can't start new thread");
  return make_int_unsigned(t, ident);
}

Result<Value> start_joinable_thread(Thread& t, const Value* args) {
  if (!is_callable(t, args[0])) return t.raise(Exc::TypeError, "thread function must be callable");
  HandleObject* handle;
  if (args[1].is_none()) {
    handle = t.heap().make<HandleObject>(t, native_type(t, kThreadHandleSpec));
  } else {
    if (type_of(t, args[1]) != native_type(t, kThreadHandleSpec))
      return t.raise(Exc::TypeError, "'handle' must be a _ThreadHandle");
    handle = args[1].as<HandleObject>();
  }
  bool daemon = TRY(truth(t, args[2]));
  TRY(check_may_start(t));
  uint32_t expected = kNotStarted;
  if (!handle->state.compare_exchange_strong(expected, kStarting, std::memory_order_seq_cst))
    return t.raise(Exc::RuntimeError, "thread already started");
  auto& state = module_state(t);
  if (!daemon) {
    std::lock_guard<std::mutex> guard(state.mutex);
    state.joined_at_exit.push_back(handle);
  }
  TupleObject* start = make_tuple(t, {args[0], Value(empty_tuple(t)), kNone, Value(handle)});
  uint64_t ident = 0;
  if (!start_thread(t, thread_body, start, &ident)) {
    mark_done(t, handle);
    handle->state.store(kNotStarted, std::memory_order_seq_cst);
    return t.raise(Exc::RuntimeError, "can't start new thread");
  }
  handle->ident.store(ident, std::memory_order_relaxed);
  return handle;
}

Result<Value> allocate_lock(Thread& t, const Value*) { return make_lock(t); }
Result<Value> get_ident(Thread& t, const Value*) { return make_int_unsigned(t, t.ident); }
Result<Value> get_native_id(Thread& t, const Value*) { return make_int_unsigned(t, t.impl->native_id); }
Result<Value> count(Thread& t, const Value*) {
  return make_int_unsigned(t, t.runtime().threads->started_threads.load(std::memory_order_relaxed));
}
Result<Value> exit_thread(Thread& t, const Value*) {
  return t.raise_object(make_exception_args(t, Exc::SystemExit, empty_tuple(t)));
}
Result<Value> daemon_threads_allowed(Thread&, const Value*) { return kTrue; }
Result<Value> is_main_interpreter(Thread&, const Value*) { return kTrue; }
Result<Value> get_main_thread_ident(Thread& t, const Value*) {
  return make_int_unsigned(t, t.runtime().main_thread().ident);
}

// The system shows the first 15 bytes (ps, gdb, top).
Result<Value> set_name(Thread& t, const Value* args) {
  if (!is_str(args[0]))
    return t.raise(Exc::TypeError, "set_name() argument 'name' must be str, not {}", type_name(t, args[0]));
  t.impl->name = str_text(t, args[0]);
  if (!t.is_main) pthread_setname_np(pthread_self(), t.impl->name.substr(0, 15).c_str());
  return kNone;
}

Result<Value> call_at_end(Thread& t, const Value* args) {
  t.impl->at_end = args[0];
  return kNone;
}

Result<Value> stack_size(Thread& t, const Value* args) {
  auto& size = t.runtime().threads->stack_size;
  int64_t wanted = TRY(to_ssize(t, args[0]));
  if (wanted < 0) return t.raise(Exc::ValueError, "size must be 0 or a positive value");
  if (wanted != 0 && wanted < 32768) return t.raise(Exc::ValueError, "size not valid: {} bytes", wanted);
  return make_int_unsigned(t, size.exchange(static_cast<size_t>(wanted), std::memory_order_relaxed));
}

Result<Value> interrupt_main(Thread& t, const Value* args) {
  int signal = TRY(to_c_int(t, args[0]));
  if (signal < 1 || signal >= kSignalCount) return t.raise(Exc::ValueError, "signal number out of range");
  trip_signal(t, signal);
  return kNone;
}

Result<Value> shutdown(Thread& t, const Value*) {
  auto& state = module_state(t);
  for (;;) {
    HandleObject* handle = nullptr;
    {
      std::lock_guard<std::mutex> guard(state.mutex);
      for (Object* candidate : state.joined_at_exit) {
        auto* h = static_cast<HandleObject*>(candidate);
        if (h->ident.load(std::memory_order_relaxed) != t.ident) handle = h;
      }
    }
    if (handle == nullptr) break;
    TRY(handle_wait(t, handle, kForever));
  }
  return kNone;
}

Result<Value> make_thread_handle(Thread& t, const Value* args) {
  int64_t ident = TRY(to_int64(t, args[0]));
  auto* handle = t.heap().make<HandleObject>(t, native_type(t, kThreadHandleSpec));
  handle->ident.store(static_cast<uint64_t>(ident), std::memory_order_relaxed);
  handle->state.store(kRunning, std::memory_order_relaxed);
  return handle;
}

const char* const kHookFields[] = {"exc_type", "exc_value", "exc_traceback", "thread", nullptr};
const StructSequenceSpec kHookArgsSpec = {
    "_thread._ExceptHookArgs", kHookFields, 4,
    "ExceptHookArgs\n\nType used to pass arguments to threading.excepthook."};

// threading.excepthook: prints "Exception in thread NAME:" and the traceback to sys.stderr, or to the stderr
// of the thread's creation.
Result<Value> excepthook(Thread& t, const Value* args) {
  if (type_of(t, args[0]) != struct_sequence_type(t, kHookArgsSpec))
    return t.raise(Exc::TypeError, "_thread.excepthook argument type must be ExceptHookArgs");
  auto* hook = args[0].as<TupleObject>();
  Value type = (*hook)[0], value = (*hook)[1], traceback = (*hook)[2], thread = (*hook)[3];
  if (type == Value(t.types().exception(Exc::SystemExit))) return kNone;
  Value file = dict_get_str(t.runtime().sys_module->dict, t.names().stderr);
  if (file.is_not_found() || file.is_none()) {
    if (thread.is_none()) return kNone;
    file = TRY(get_attr(t, thread, "_stderr"));
    if (file.is_none()) return kNone;
  }
  std::string text = "Exception in thread ";
  Value name = kNotFound;
  if (!thread.is_none()) name = TRY(get_attr_or_not_found(t, thread, intern(t, "name")));
  text += name.is_not_found() ? std::to_string(t.ident) : str_text(t, name);
  text += ":\n";
  Value formatted = TRY(excepthook_text(t, value, traceback));
  StrBuilder out(t);
  out.append(text);
  out.append(formatted.as<StrObject>());
  Value whole = TRY(out.finish());
  TRY(call_method(t, file, t.names().write, {whole}));
  TRY(call_method(t, file, t.names().flush));
  return kNone;
}

const NativeDef kFunctions[] = {
    MP_FUNCTION(start_new_thread, "start_new_thread(function, args, kwargs={}, /)",
                "Start a new thread and return its identifier."),
    MP_FUNCTION(start_new_thread, "start_new(function, args, kwargs={}, /)",
                "An obsolete synonym of start_new_thread()."),
    MP_FUNCTION(start_joinable_thread, "start_joinable_thread(function, handle=None, daemon=True)",
                "*For internal use only*: start a new thread."),
    MP_FUNCTION(allocate_lock, "allocate_lock()",
                "Create a new lock object. See help(type(threading.Lock())) for\ninformation about locks."),
    MP_FUNCTION(allocate_lock, "allocate()", "An obsolete synonym of allocate_lock()."),
    MP_FUNCTION(exit_thread, "exit()",
                "This is synonymous to ``raise SystemExit''.  It will cause the current\nthread to exit "
                "silently unless the exception is caught."),
    MP_FUNCTION(exit_thread, "exit_thread()", "An obsolete synonym of exit()."),
    MP_FUNCTION(interrupt_main, "interrupt_main(signum=2, /)",
                "Simulate the arrival of the given signal in the main thread."),
    MP_FUNCTION(get_ident, "get_ident()",
                "Return a non-zero integer that uniquely identifies the current thread\namongst other "
                "threads that exist simultaneously."),
    MP_FUNCTION(get_native_id, "get_native_id()",
                "Return a non-negative integer identifying the thread as reported\nby the OS (kernel)."),
    MP_FUNCTION(count, "_count()", "Return the number of currently running Python threads."),
    MP_FUNCTION(stack_size, "stack_size(size=0, /)",
                "Return the thread stack size used when creating new threads."),
    MP_FUNCTION(call_at_end, "_call_at_end(function, /)", nullptr),
    MP_FUNCTION(set_name, "set_name(name)", "Set the name of the current thread."),
    MP_FUNCTION(excepthook, "_excepthook(args, /)", "Handle uncaught Thread.run() exception."),
    MP_FUNCTION(shutdown, "_shutdown()",
                "Wait for all non-daemon threads (other than the calling thread) to stop."),
    MP_FUNCTION(
        make_thread_handle, "_make_thread_handle(ident, /)",
        "Internal only. Make a thread handle for threads not spawned by the _thread or threading module."),
    MP_FUNCTION(get_main_thread_ident, "_get_main_thread_ident()",
                "Internal only. Return a non-zero integer that uniquely identifies the main thread\nof the "
                "main interpreter."),
    MP_FUNCTION(is_main_interpreter, "_is_main_interpreter()",
                "Return True if the current interpreter is the main Python interpreter."),
    MP_FUNCTION(
        daemon_threads_allowed, "daemon_threads_allowed()",
        "Return True if daemon threads are allowed in the current interpreter,\nand False otherwise."),
    MP_END};

Status init_module(Thread& t, ModuleObject* module) {
  module_state(t);
  Type* lock = module_add_type(t, module, kLockSpec);
  TRY(module_add(t, module, "LockType", lock));
  module_add_type(t, module, kRLockSpec);
  module_add_type(t, module, kLocalSpec);
  module_add_type(t, module, kThreadHandleSpec);
  for (const TypeSpec* spec :
       {&kConditionSpec, &kSemaphoreSpec, &kBoundedSemaphoreSpec, &kEventSpec, &kBarrierSpec})
    module_add_type(t, module, *spec);
  TRY(module_add(t, module, "BrokenBarrierError", TRY(sync_error_class(t, SyncError::BrokenBarrier))));
  TRY(module_add(t, module, "error", t.types().exception(Exc::RuntimeError)));
  TRY(module_add(t, module, "TIMEOUT_MAX", make_float(t, kTimeoutMax)));
  TRY(module_add(t, module, "_ExceptHookArgs", struct_sequence_type(t, kHookArgsSpec)));
  return {};
}

// ---------------------------------------------------------------- _ThreadHandle

Result<Value> handle_new(Thread& t, const Value* args) {
  return t.heap().make<HandleObject>(t, args[0].as<Type>());
}
Result<Value> handle_join(Thread& t, const Value* args) {
  int64_t timeout = kForever;
  if (!args[1].is_none()) {
    timeout = TRY(time_from_seconds(t, args[1], TimeRounding::Up));
    if (timeout < 0) timeout = kForever;
  }
  return handle_wait(t, args[0].as<HandleObject>(), timeout);
}
Result<Value> handle_is_done(Thread&, const Value* args) {
  return Value::from_bool(args[0].as<HandleObject>()->state.load(std::memory_order_acquire) == kDone);
}
Result<Value> handle_set_done(Thread& t, const Value* args) {
  auto* handle = args[0].as<HandleObject>();
  if (handle->state.load(std::memory_order_acquire) == kNotStarted)
    return t.raise(Exc::RuntimeError, "thread not started");
  mark_done(t, handle);
  return kNone;
}
Result<Value> handle_ident(Thread& t, Value self) {
  return make_int_unsigned(t, self.as<HandleObject>()->ident.load(std::memory_order_relaxed));
}
Result<Value> handle_repr(Thread& t, Value self) {
  return str_or_error(
      make_str(t, fmt::format("<{} object: ident={}>", type_name(t, self),
                              self.as<HandleObject>()->ident.load(std::memory_order_relaxed))));
}
const NativeDef kHandleMethods[] = {MP_NEW(handle_new, "__new__(cls, /)", nullptr),
                                    MP_METHOD(handle_join, "join(self, timeout=None, /)", nullptr),
                                    MP_METHOD(handle_is_done, "is_done(self, /)", nullptr),
                                    MP_METHOD(handle_set_done, "_set_done(self, /)", nullptr), MP_END};
const GetSetDef kHandleGetSets[] = {{"ident", handle_ident, nullptr, nullptr}, {}};

}  // namespace

const TypeSpec kThreadHandleSpec = {.name = "_thread._ThreadHandle",
                                    .size = sizeof(HandleObject),
                                    .slots = MP_SLOTS(.repr = handle_repr),
                                    .methods = kHandleMethods,
                                    .getsets = kHandleGetSets};

extern const ModuleSpec kThreadModule;
const ModuleSpec kThreadModule = {
    "_thread",
    "This module provides primitive operations to write multi-threaded programs.\n"
    "The 'threading' module provides a more convenient interface.",
    kFunctions, init_module};

}  // namespace mp

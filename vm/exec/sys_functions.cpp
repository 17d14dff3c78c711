// sys functions that live with the interpreter: frames, tracing, recursion limits, hooks of async generators.
#include <utility>

#include "vm/exec/interp.h"
#include "vm/exec/ops.h"
#include "vm/protocol/protocol.h"
#include "vm/threads/thread_impl.h"
#include "vm/threads/thread_table.h"
#include "vm/types/number.h"
#include "vm/types/runtime.h"

namespace mp {

namespace {

Result<Value> sys_getframe(Thread& t, const Value* args) {
  int64_t depth = TRY(to_int64(t, args[0]));
  Frame* frame = t.frame;
  while (frame != nullptr && depth > 0) {
    frame = frame->previous;
    --depth;
  }
  if (frame == nullptr) return t.raise(Exc::ValueError, "call stack is not deep enough");
  FrameObject* f = frame_object(t, frame);
  f->exposed = true;
  return f;
}

Result<Value> sys_getframemodulename(Thread& t, const Value* args) {
  int64_t depth = TRY(to_int64(t, args[0]));
  Frame* frame = t.frame;
  while (frame != nullptr && depth > 0) {
    frame = frame->previous;
    --depth;
  }
  if (frame == nullptr) return kNone;
  if (frame->function != nullptr) return frame->function->module;
  Value name = dict_get_str(frame->globals, t.names().__name__);
  return name.is_not_found() ? kNone : name;
}

Result<Value> set_hook(Thread& t, Slot Thread::*which, Value function) {
  (t.*which) = function.is_none() ? kEmpty : function;
  t.set_interrupt(kInterruptTrace);
  return kNone;
}
Result<Value> get_hook(Thread& t, Slot Thread::*which) {
  Value f = t.*which;
  return f.is_empty() ? kNone : f;
}
Result<Value> set_hook_everywhere(Thread& t, Slot Thread::*which, Value function) {
  struct Hook {
    Slot Thread::*which;
    Value function;
  } hook{which, function.is_none() ? kEmpty : function};
  StoppedWorld stopped(t);
  for_each_thread(
      t.runtime(),
      [](void* context, Thread& other) {
        auto* h = static_cast<Hook*>(context);
        (other.*(h->which)) = h->function;
        other.set_interrupt(kInterruptTrace);
      },
      &hook);
  return kNone;
}
Result<Value> sys_settraceallthreads(Thread& t, const Value* args) {
  return set_hook_everywhere(t, &Thread::trace_function, args[0]);
}
Result<Value> sys_setprofileallthreads(Thread& t, const Value* args) {
  return set_hook_everywhere(t, &Thread::profile_function, args[0]);
}
Result<Value> sys_settrace(Thread& t, const Value* args) {
  return set_hook(t, &Thread::trace_function, args[0]);
}
Result<Value> sys_gettrace(Thread& t, const Value*) { return get_hook(t, &Thread::trace_function); }
Result<Value> sys_setprofile(Thread& t, const Value* args) {
  return set_hook(t, &Thread::profile_function, args[0]);
}
Result<Value> sys_getprofile(Thread& t, const Value*) { return get_hook(t, &Thread::profile_function); }
Result<Value> sys_call_tracing(Thread& t, const Value* args) {
  if (!is_tuple(args[1]))
    return t.raise(Exc::TypeError, "call_tracing() argument 2 must be tuple, not {}", type_name(t, args[1]));
  // From inside a trace function, which is not observed itself.
  bool observing = std::exchange(t.impl->observing, false);
  Result<Value> result = call_tuple(t, args[0], args[1], kEmpty);
  t.impl->observing = observing;
  return result;
}

Result<Value> sys_getrecursionlimit(Thread& t, const Value*) {
  return make_int(t, t.runtime().recursion_limit.load(std::memory_order_relaxed));
}
Result<Value> sys_setrecursionlimit(Thread& t, const Value* args) {
  int limit = TRY(to_c_int(t, args[0]));
  if (limit < 1) return t.raise(Exc::ValueError, "recursion limit must be greater or equal than 1");
  if (t.recursion_depth >= limit)
    return t.raise(Exc::RecursionError,
                   "cannot set the recursion limit to {} at the recursion depth {}: the limit is too low",
                   limit, t.recursion_depth);
  t.runtime().recursion_limit.store(limit, std::memory_order_relaxed);
  return kNone;
}

Status check_hook(Thread& t, Value hook, const char* name) {
  if (hook.is_empty() || hook.is_none() || is_callable(t, hook)) return {};
  return t.raise(Exc::TypeError, "callable {} expected, got {}", name, type_name(t, hook));
}
Result<Value> sys_set_asyncgen_hooks(Thread& t, const Value* args) {
  TRY(check_hook(t, args[1], "finalizer"));
  TRY(check_hook(t, args[0], "firstiter"));
  if (!args[1].is_empty()) t.async_gen_finalizer = args[1].is_none() ? kEmpty : args[1];
  if (!args[0].is_empty()) t.async_gen_firstiter = args[0].is_none() ? kEmpty : args[0];
  return kNone;
}
Result<Value> sys_get_asyncgen_hooks(Thread& t, const Value*) {
  static const char* const kFields[] = {"firstiter", "finalizer", nullptr};
  static const StructSequenceSpec kSpec = {"asyncgen_hooks", kFields, 2, "namedtuple of asyncgen hooks"};
  Value first = t.async_gen_firstiter, finalizer = t.async_gen_finalizer;
  Value values[2] = {first.is_empty() ? kNone : first, finalizer.is_empty() ? kNone : finalizer};
  return make_struct_sequence(t, struct_sequence_type(t, kSpec), values, 2);
}

Result<Value> sys_set_origin_depth(Thread& t, const Value* args) {
  int depth = TRY(to_c_int(t, args[0]));
  if (depth < 0) return t.raise(Exc::ValueError, "depth must be >= 0");
  t.coroutine_origin_depth = depth;
  return kNone;
}
Result<Value> sys_get_origin_depth(Thread& t, const Value*) { return make_int(t, t.coroutine_origin_depth); }

}  // namespace

extern const NativeDef kInterpreterSysFunctions[];
const NativeDef kInterpreterSysFunctions[] = {
    MP_FUNCTION(sys_getframe, "_getframe(depth=0, /)", "Return a frame object from the call stack."),
    MP_FUNCTION(sys_getframemodulename, "_getframemodulename(depth=0)",
                "Return the name of the module for a calling frame."),
    MP_FUNCTION(sys_settrace, "settrace(function, /)", "Set the global debug tracing function."),
    MP_FUNCTION(sys_gettrace, "gettrace()",
                "Return the global debug tracing function set with sys.settrace."),
    MP_FUNCTION(sys_setprofile, "setprofile(function, /)", "Set the profiling function."),
    MP_FUNCTION(sys_settraceallthreads, "_settraceallthreads(function, /)",
                "Set the global debug tracing function in all running threads."),
    MP_FUNCTION(sys_setprofileallthreads, "_setprofileallthreads(function, /)",
                "Set the profiling function in all running threads."),
    MP_FUNCTION(sys_getprofile, "getprofile()", "Return the profiling function set with sys.setprofile."),
    MP_FUNCTION(sys_call_tracing, "call_tracing(func, args, /)",
                "Call func(*args), while tracing is enabled."),
    MP_FUNCTION(sys_getrecursionlimit, "getrecursionlimit()",
                "Return the current value of the recursion limit."),
    MP_FUNCTION(sys_setrecursionlimit, "setrecursionlimit(limit, /)",
                "Set the maximum depth of the Python interpreter stack to n."),
    MP_FUNCTION(sys_set_asyncgen_hooks, "set_asyncgen_hooks(firstiter=?, finalizer=?)",
                "set_asyncgen_hooks([firstiter] [, finalizer])"),
    MP_FUNCTION(sys_get_asyncgen_hooks, "get_asyncgen_hooks()",
                "Return the installed asynchronous generators hooks."),
    MP_FUNCTION(sys_set_origin_depth, "set_coroutine_origin_tracking_depth(depth)",
                "Enable or disable origin tracking for coroutine objects in this thread."),
    MP_FUNCTION(sys_get_origin_depth, "get_coroutine_origin_tracking_depth()",
                "Check status of origin tracking for coroutine objects in this thread."),
    MP_END};

}  // namespace mp

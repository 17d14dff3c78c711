// What the sys module takes from the threads: the switch interval, frames of all threads, the GIL's state.
#include "vm/exec/frame.h"
#include "vm/gc/root.h"
#include "vm/native/native.h"
#include "vm/protocol/protocol.h"
#include "vm/threads/gil.h"
#include "vm/threads/thread_impl.h"
#include "vm/threads/thread_table.h"
#include "vm/types/number.h"
#include "vm/types/runtime.h"

namespace mp {

static Result<Value> sys_getswitchinterval(Thread& t, const Value*) {
  return make_float(t,
                    static_cast<double>(t.runtime().gil->interval_ns.load(std::memory_order_relaxed)) / 1e9);
}

static Result<Value> sys_setswitchinterval(Thread& t, const Value* args) {
  double seconds = TRY(to_double(t, args[0]));
  if (!(seconds > 0)) return t.raise(Exc::ValueError, "switch interval must be strictly positive");
  t.runtime().gil->interval_ns.store(switch_interval_ns(seconds), std::memory_order_relaxed);
  return kNone;
}

// Python 2's functions (removed from CPython in 3.9): they matter under the policy py2.
static Result<Value> sys_getcheckinterval(Thread& t, const Value*) {
  return Value::from_int(t.runtime().gil->check_interval.load(std::memory_order_relaxed));
}
static Result<Value> sys_setcheckinterval(Thread& t, const Value* args) {
  int64_t instructions = TRY(to_int64(t, args[0]));
  if (instructions < 1 || instructions > INT32_MAX)
    return t.raise(Exc::ValueError, "check interval must be from 1 to {}", INT32_MAX);
  t.runtime().gil->check_interval.store(static_cast<int>(instructions), std::memory_order_relaxed);
  return kNone;
}

struct ThreadValues {
  std::vector<uint64_t> idents;
  RootVector* values;
  Thread* self;
  bool exceptions;
};

static Result<Value> by_thread(Thread& t, bool exceptions) {
  RootVector values(t);
  ThreadValues found{{}, &values, &t, exceptions};
  {
    StoppedWorld stopped(t);
    for_each_thread(
        t.runtime(),
        [](void* context, Thread& other) {
          auto* f = static_cast<ThreadValues*>(context);
          if (f->exceptions) {
            Value e = topmost_handled(other);
            f->values->push_back(e.is_empty() ? kNone : e);
          } else if (other.frame != nullptr) {
            f->values->push_back(frame_object(*f->self, other.frame));
          } else {
            return;
          }
          f->idents.push_back(other.ident);
        },
        &found);
  }
  DictObject* result = make_dict(t);
  for (size_t i = 0; i < values.size(); ++i)
    TRY(dict_set(t, result, make_int_unsigned(t, found.idents[i]), values[i]));
  return result;
}
static Result<Value> sys_current_frames(Thread& t, const Value*) { return by_thread(t, false); }
static Result<Value> sys_current_exceptions(Thread& t, const Value*) { return by_thread(t, true); }

extern const NativeDef kThreadSysFunctions[];
const NativeDef kThreadSysFunctions[] = {
    MP_FUNCTION(sys_getswitchinterval, "getswitchinterval()",
                "Return the current thread switch interval; see sys.setswitchinterval()."),
    MP_FUNCTION(sys_setswitchinterval, "setswitchinterval(interval, /)",
                "Set the ideal thread switching delay inside the Python interpreter.\n\nThe actual frequency "
                "of switching threads can be lower if the\n"
                "interpreter executes long sequences of uninterruptible code\n(this is "
                "implementation-specific and workload-dependent)."),
    MP_FUNCTION(sys_getcheckinterval, "getcheckinterval()",
                "Return the current check interval; see sys.setcheckinterval()."),
    MP_FUNCTION(sys_setcheckinterval, "setcheckinterval(n, /)",
                "Under the GIL policy py2: release the lock every n instructions."),
    MP_FUNCTION(sys_current_frames, "_current_frames()",
                "Return a dict mapping each thread's thread id to its current stack frame."),
    MP_FUNCTION(sys_current_exceptions, "_current_exceptions()",
                "Return a dict mapping each thread's identifier to its current raised exception."),
    MP_END};

}  // namespace mp

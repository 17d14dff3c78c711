// Thread: one OS thread of one runtime: its interrupt word, its exception state, its VM stack, its place in
// attach/detach. It knows nothing of frames beyond an opaque pointer (vm/exec/frame.h) and nothing of
// concrete types.
#pragma once
#include <fmt/core.h>

#include <atomic>
#include <string>

#include "vm/core/result.h"
#include "vm/core/type.h"
#include "vm/threads/allocation_cache.h"
#include "vm/threads/native_stack.h"

namespace mp {

class Runtime;
class Heap;
struct BuiltinTypes;
struct Names;
class Thread;
struct Frame;       // vm/exec/frame.h
struct ThreadImpl;  // vm/threads/thread_impl.h: allocation caches, OS handle, wait record
class RootVector;

// Bits of the interrupt word, polled at switch sites.
enum Interrupt : uint32_t {
  kInterruptDropGil = 1,  // another thread waits for the GIL
  kInterruptStopTheWorld = 2,
  kInterruptSignal = 4,          // main thread: run script signal handlers (KeyboardInterrupt)
  kInterruptAsyncException = 8,  // PyThreadState_SetAsyncExc
  kInterruptPendingCall = 16,    // finalizers, weakref callbacks, queued calls
  kInterruptCollect = 32,        // the heap wants a collection
  kInterruptTrace = 64,          // loop mode changed (the interpreter clears it)
  kInterruptMemory = 128,        // an allocation that cannot fail took from the reserve: MemoryError
};

// A thread as the owner of objects that no other thread has changed yet: object_lock.h. It outlives the
// thread, for whoever takes an object away.
struct alignas(64) LockOwner {
  std::atomic<Object*> holding{nullptr};
  // Counts the moments at which the thread was within no short change (ObjectLock::needless); wraps around.
  std::atomic<uint32_t> passed{0};
  std::atomic<bool> aside{false};   // attached, but waits where it is within no short change
  std::atomic<bool> active{false};  // the thread owns objects
  // Microseconds that taking its objects away took since the last collection, less what streaks earned.
  std::atomic<int32_t> taken_away{0};
  std::atomic<uint32_t> streak{0};  // objects that were not its own and that it had held last, in a row
  std::atomic<uint32_t> locks{0};   // of objects that were not its own; wraps around
  uint8_t number = 0;               // in the table
  Thread* thread = nullptr;         // null: nobody's; under the table's mutex

  void pass() { passed.fetch_add(1, std::memory_order_seq_cst); }
};
inline constexpr uint32_t kNoLockOwner = 0x100;  // equals no lock byte
inline constexpr uint32_t kLockMask = 0x1ff;

// The exception being handled (sys.exc_info), a linked stack as in CPython: one per thread plus one per
// running generator.
struct HandledException {
  Slot value;  // exception instance, or empty
  HandledException* previous = nullptr;
};

class Thread {
 public:
  // --- the runtime's parts
  Runtime& runtime() { return *runtime_; }
  Heap& heap() { return *heap_; }
  BuiltinTypes& types() { return *types_; }
  Names& names() { return *names_; }

  // --- raising. `return t.raise(Exc::TypeError, "cannot add {}", name);` The exception becomes current().
  template <class... A>
  Error raise(Exc kind, fmt::format_string<A...> format, A&&... arguments) {
    return raise_text(kind, fmt::format(format, std::forward<A>(arguments)...));
  }
  Error raise_text(Exc kind, const std::string& message);  // vm/types/exception.cpp
  Error raise_value(Exc kind, Value argument);  // kind(argument): KeyError(key), StopIteration(value)
  Error raise_object(Value exception);  // an exception instance; sets __context__ from the handled one
  Error raise_os_error(int error_number, Value filename = {},
                       Value filename2 = {});  // OSError subclass by errno
  Error raise_memory_error();
  Error raise_recursion_error(const char* where = "");  // "maximum recursion depth exceeded{where}"

  // --- the current (propagating) exception; empty when none
  Value current() const { return current_exception; }
  bool has_exception() const { return !current_exception.is_empty(); }
  void clear_exception() { current_exception = kEmpty; }
  Value take_exception() {
    Value e = current_exception;
    current_exception = kEmpty;
    return e;
  }
  void restore_exception(Value exception) { current_exception = exception; }  // as it was: no context is set
  bool exception_matches(Exc kind) const;  // the current one is an instance of that builtin class
  // `if (t.catch_exception(Exc::AttributeError)) ...`: true and cleared when the current exception matches.
  bool catch_exception(Exc kind) {
    if (!exception_matches(kind)) return false;
    clear_exception();
    return true;
  }

  // --- safepoints
  // Handles whatever is in the interrupt word. May run script code, collect, switch threads.
  Status poll() {
    return interrupt_word.load(std::memory_order_relaxed) != 0 ? handle_interrupts() : Status();
  }
  Status handle_interrupts(bool keep_gil = false);  // vm/threads/safepoint.cpp
  // The same in the middle of what is one operation for the other threads (list(d.items()), Counter(text), a
  // regex): signals, a stop, a collection, but the GIL stays; who waits for it gets it after the operation,
  // as in CPython. So do finalizers and weakref callbacks: they are script code, and would let others in.
  Status poll_within() {
    constexpr uint32_t kAfterwards = kInterruptDropGil | kInterruptPendingCall;
    return (interrupt_word.load(std::memory_order_relaxed) & ~kAfterwards) != 0 ? handle_interrupts(true)
                                                                                : Status();
  }
  void set_interrupt(Interrupt bit) { interrupt_word.fetch_or(bit, std::memory_order_relaxed); }
  void clear_interrupt(Interrupt bit) { interrupt_word.fetch_and(~uint32_t{bit}, std::memory_order_relaxed); }

  // --- native recursion: `TRY(t.check_stack(" while calling a Python object"));` before C++ recursion that
  // scripts control
  Status check_stack(const char* where = "") {
    if (reinterpret_cast<uintptr_t>(__builtin_frame_address(0)) > stack_limit) [[likely]]
      return {};
    return raise_recursion_error(where);
  }

  // Hot state, public on purpose: the interpreter reads it directly.
  std::atomic<uint32_t> interrupt_word{0};
  // The bits of an object's lock byte that must be those of lock_owner_id for this thread to change the
  // object without a lock: none under a GIL. Written under the thread table's mutex.
  std::atomic<uint32_t> lock_mask{0};
  uint32_t lock_owner_id = kNoLockOwner;
  LockOwner* lock_owner = nullptr;
  AllocationCache cache;                // free cells: Heap::make pops them
  Value current_exception{};            // propagating
  HandledException* handled = nullptr;  // innermost; never null once the thread runs
  Frame* frame = nullptr;               // innermost frame of script code, or null
  Slot* stack_top = nullptr;            // first free register of the VM stack
  Slot* stack_end = nullptr;
  uintptr_t stack_limit = 0;    // lowest native stack address that may be used
  int32_t recursion_depth = 0;  // script frames; compared with runtime().recursion_limit
  HandledException base_handled;
  Slot thread_object;  // threading.Thread seen by this thread, if any
  Slot context;        // contextvars: current context
  Slot async_exception;
  Slot async_gen_firstiter, async_gen_finalizer;  // sys.set_asyncgen_hooks
  Slot trace_function, profile_function;
  int coroutine_origin_depth = 0;
  // repr() of recursive containers: list of objects being shown (owned by protocol/repr.cpp)
  Slot repr_stack;
  ThreadImpl* impl = nullptr;
  RootVector* roots = nullptr;
  uint64_t ident = 0;  // threading.get_ident
  bool is_main = false;

 private:
  friend class Runtime;
  friend struct ThreadImpl;
  Runtime* runtime_ = nullptr;
  Heap* heap_ = nullptr;
  BuiltinTypes* types_ = nullptr;
  Names* names_ = nullptr;
};

// True while the runtime has no GIL and several threads (becomes true at this thread's safepoints only).
inline bool free_threaded(Thread& t) { return t.lock_mask.load(std::memory_order_acquire) != 0; }

// Blocking work: `{ BlockingRegion out(t); read(fd, ...); }`. Detaches (releases the GIL, publishes the stack
// for the collector); no Value may be touched inside. The destructor attaches again (and waits for the GIL or
// a stopped world).
class BlockingRegion {
 public:
  __attribute__((always_inline)) explicit BlockingRegion(Thread& t) : thread_(t) {
    MP_SPILL_REGISTERS(
        registers_);  // what the callers keep in registers must lie above the published stack top
    enter(t, registers_);
  }
  ~BlockingRegion();
  BlockingRegion(const BlockingRegion&) = delete;

 private:
  static void enter(Thread& t, SpilledRegisters& registers);
  Thread& thread_;
  SpilledRegisters registers_;
};

}  // namespace mp

// ThreadImpl: the parts of a Thread that only vm/threads and vm/gc touch: its state in attach/detach, its
// native stack, its blocks, its wait.
#pragma once
#include <pthread.h>

#include <vector>

#include "vm/core/object.h"
#include "vm/threads/step_back.h"
#include "vm/threads/thread.h"
#include "vm/threads/wait.h"

namespace mp {

struct Block;        // vm/gc/block.h
class GilPolicy;     // vm/threads/gil.h
struct GilRecord;    // vm/threads/gil_statistics.h
struct OpenSection;  // vm/threads/open_section.h

// Bits of the interrupt word that only vm/threads sets and clears.
inline constexpr Interrupt kInterruptWake = Interrupt{256};         // DeferredWakes: vm/threads/wait.h
inline constexpr Interrupt kInterruptStoppedWork = Interrupt{512};  // run_when_stopped(): thread_table.h
inline constexpr Interrupt kInterruptPass = Interrupt{1024};        // let_take_away(): thread_table.h

enum class ThreadState : uint8_t {
  Detached,   // touches no Value: blocked, or waits for the GIL
  Attached,   // running
  Suspended,  // stopped for a stop-the-world
};

// A thread in the queue for the GIL: vm/threads/gil_queue.h.
struct GilWaiter {
  Thread* thread = nullptr;
  int64_t since = 0;       // monotonic nanoseconds
  int64_t hold_since = 0;  // of the hold that goes on
  int64_t computed = 0;    // nanoseconds of holds since it last came back from blocking work
  GilWaiter* next = nullptr;
  std::atomic<bool> granted{false};
  Parker parker;
};

// How much it allocated: of the bytes, the collector's trigger learns in portions.
struct AllocationCount {
  size_t bytes = 0;       // since the last collection
  size_t unreported = 0;  // of these
  size_t objects = 0;     // cells handed out, not yet in HeapImpl::allocated_objects
};

struct ThreadImpl {
  std::atomic<ThreadState> state{ThreadState::Detached};
  GilPolicy* held_policy = nullptr;  // the lock this thread holds; null: none
  bool at_switch_site = false;  // the instruction run last has a switch site behind it (instrumented loop)
  GilRecord* gil_record = nullptr;  // vm/threads/gil_statistics.h
  std::string name;                 // as threading knows it; for reports
  bool observing = false;  // runs a trace function or a monitoring callback: that is not observed itself
  bool running_finalizers = false;
  bool collecting_idly = false;  // vm/gc/idle.h
  // The program has not called the code that runs. CPython has no idle collections; a hook of gc.callbacks
  // in another one keeps what a handler of a signal raised, as there.
  bool runs_uncalled_code() const { return running_finalizers || collecting_idly; }
  // What a handler of a signal, or another thread, raised into such code. Not ignored where it comes out: it
  // becomes the thread's async_exception.
  Slot interruption;
  bool collecting = false;
  uintptr_t native_top = 0;   // lowest address the collector must scan; valid unless attached
  uintptr_t native_base = 0;  // highest
  pthread_t handle{};
  uint64_t native_id = 0;
  uint64_t serial = 0;  // never reused, unlike ident
  std::atomic<bool> exiting{false};
  Parker parker;
  GilWaiter gil_waiter;   // its place in the queue of a policy that has one
  bool yielding = false;  // drops the GIL to take it again at once
  GilPolicy* queued_policy =
      nullptr;  // the policy in whose queue it stands already, after a drop while yielding
  WaitRecord wait;
  DeferredWakes wakes;
  StepBack lock_steps, object_steps;  // at locks of scripts, and of objects
  LockPatience lock_patience;
  OpenSection* open_sections = nullptr;  // entered without a lock, the innermost first
  uint32_t owning_pause = 0;             // collections until it owns objects again
  uint32_t next_owning_pause = 1;        // how long the next pause will be
  AllocationCount allocation;
  Slot start_argument;  // what start_thread handed over
  Slot at_end;          // _thread._call_at_end: what is called when the thread ends, or empty
  Slot event_loop;      // asyncio: the loop that runs in this thread, or empty
  Slot current_task;    // the task that `event_loop` is running, or empty
  Slot* vm_stack = nullptr;
  size_t vm_stack_bytes = 0;
  // Empty blocks that it will use next, and those it began that HeapImpl::classes does not have yet.
  Block* spare_blocks = nullptr;
  std::vector<Block*> own_blocks;
  // Of the cache's lists of objects: index of the cell behind the last one in its block.
  uint32_t list_ends[kSizeClassCount] = {};
  // Blocks with cells that were never carved, per class.
  Block* carving_objects[kSizeClassCount] = {};
  Block* carving_raws[kSizeClassCount] = {};
  // Free cells under AddressSanitizer, in place of the cache's (vm/gc/poison.h).
  FreeCell* held_objects[kSizeClassCount] = {};
  FreeCell* held_raws[kSizeClassCount] = {};
  // ThreadTable's list
  Thread* next = nullptr;
  Thread* previous = nullptr;

  static Thread* create(Runtime& runtime);
  static void destroy(Thread* t);
  static void set_thread_bounds(Thread& t);  // of the calling OS thread
};

}  // namespace mp

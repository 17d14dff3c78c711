// ThreadTable: the threads of a runtime, attach and detach, stop-the-world, starting OS threads, fork.
// It knows the states of threads, not what they run.
#pragma once
#include <pthread.h>

#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "vm/threads/step_back.h"
#include "vm/threads/thread.h"

namespace mp {

// A change that no thread may see half done.
struct StoppedWork {
  void (*run)(void* what, uint64_t a, uint64_t b);
  void* what;
  uint64_t a, b;
};

// One that start_thread() made, until it is joined: ended_threads.h.
struct OsThread {
  uint64_t serial;
  pthread_t handle;
  bool ended, being_joined;
};

struct ThreadTable {
  ~ThreadTable();
  std::mutex mutex;
  std::condition_variable stopped;  // the last thread that a stop waits for has suspended or detached itself
  std::condition_variable started;  // the world runs again
  Thread* first = nullptr;
  std::atomic<size_t> count{0};    // written under the mutex
  std::atomic<size_t> blocked{0};  // threads that only another thread can wake: vm/threads/deadlock.h
  std::atomic<bool> watch_deadlocks{false};
  Thread* stopper = nullptr;  // who stopped the world
  int stop_depth = 0;
  std::atomic<size_t> still_running{0};  // threads that the stopper waits for; written under the mutex
  // Of the stop that goes on: each thread that ran has a processor, so who waits may stay awake.
  std::atomic<bool> processors_suffice{false};
  std::atomic<int64_t> usual_stop{0};      // nanoseconds
  std::atomic<uint32_t> switching_off{0};  // threads that wait to take the GIL away: open_section.h
  // VM stacks of threads that have ended, for those to come: mapping one costs more than starting a thread.
  std::vector<Slot*> spare_stacks;
  size_t stack_bytes = 0;  // of each
  std::vector<OsThread> os_threads;
  // By number, the first two are lock states; made when the GIL is first off. Threads beyond the last one do
  // without.
  static constexpr size_t kLockOwners = 64;
  std::unique_ptr<LockOwner[]> lock_owners;
  LockTurns lock_turns;
  std::vector<StoppedWork> stopped_work;
  std::atomic<int64_t> last_stop{0};  // monotonic nanoseconds
  std::atomic<bool> stop_requested{false};
  std::atomic<uint64_t> next_serial{1};
  std::atomic<size_t> stack_size{0};       // threading.stack_size(): 0 is the default
  std::atomic<size_t> started_threads{0};  // alive threads made by start_thread: _thread._count()
};

// A thread's name for a report: control characters as escapes.
std::string one_line(std::string_view name);

// Makes a Thread for the calling OS thread and attaches it (takes the GIL). The first one is the runtime's
// main thread.
Thread* attach_new_thread(Runtime& runtime);
// The thread must be attached and be the caller's. Detaches and frees it.
void detach_and_destroy(Thread* t);

// In a stopped world, when the GIL was switched on or off: what the threads need for free_threaded().
void update_lock_modes(Runtime& runtime);
// With the table's mutex held, or where no other thread is: the same when a thread has come or gone.
void choose_lock_modes(Runtime& runtime);
// With the table's mutex held, before the thread runs or in a stopped world: without a GIL it gets a number.
void assign_lock_owner(Thread& t);
// With the table's mutex held: what belongs to the thread is from now on anybody's, or the next one's that
// gets its number.
void disown(Thread& t);
// The safepoint's part of ObjectLock::take_away().
void let_take_away(Thread& t);
// The collector's part: a thread whose objects others change all the time owns none for a while.
void own_again_if_due(Thread& t);
// For a thread that waits attached, for others that may want objects of its own, outside of short changes.
class StandAside {
 public:
  explicit StandAside(Thread& t);
  ~StandAside();
  StandAside(const StandAside&) = delete;

 private:
  LockOwner* owner_;
  bool before_ = false;
};

// Between script code and blocking work. BlockingRegion is the usual form. The native stack top must have
// been published.
void attach_thread(Thread& t);
void detach_thread(Thread& t);
// Gives other threads a chance: releases the GIL and takes it again.
void yield_gil(Thread& t);

// Stops all other threads of the runtime at safepoints or detached; nests. The caller is attached and at a
// safepoint.
void stop_the_world(Thread& t);
void start_the_world(Thread& t);
// Runs `work` at once when the caller is the only thread, otherwise within the next stop-the-world, which is
// at hand: a stop of its own comes when there was none for a while. Objects that it refers to live until
// then.
void run_when_stopped(Thread& t, StoppedWork work);
// The safepoint's part of it.
void stop_for_work_if_due(Thread& t);
// A thread that was asked to stop: publishes its stack and waits.
void suspend_for_stop(Thread& t);
class StoppedWorld {
 public:
  explicit StoppedWorld(Thread& t) : thread_(t) { stop_the_world(t); }
  ~StoppedWorld() { start_the_world(thread_); }
  StoppedWorld(const StoppedWorld&) = delete;

 private:
  Thread& thread_;
};
// The same while threads run in parallel; under a GIL no other one runs anyway.
class Exclusive {
 public:
  explicit Exclusive(Thread& t) : thread_(free_threaded(t) ? &t : nullptr) {
    if (thread_ != nullptr) stop_the_world(*thread_);
  }
  ~Exclusive() {
    if (thread_ != nullptr) start_the_world(*thread_);
  }
  Exclusive(const Exclusive&) = delete;

 private:
  Thread* thread_;
};

// Starts an OS thread that runs body(thread, argument) attached. False when the system refuses ("can't start
// new thread").
using ThreadBody = void (*)(Thread& t, Value argument);
bool start_thread(Thread& parent, ThreadBody body, Value argument, uint64_t* ident);

// Calls visit for every thread; takes the table's lock (visit must not).
void for_each_thread(Runtime& runtime, void (*visit)(void* context, Thread& t), void* context);
Thread* find_thread(Runtime& runtime, uint64_t ident);
size_t thread_count(Runtime& runtime);
// PyThreadState_SetAsyncExc: raises `exception` (class or instance; empty clears) in the thread. Returns the
// number of threads found.
int raise_in_thread(Runtime& runtime, uint64_t ident, Value exception);

// os.fork: `before_fork(t); pid = fork(); pid == 0 ? after_fork_child(t) : after_fork_parent(t);`
void before_fork(Thread& t);
void after_fork_parent(Thread& t);
void after_fork_child(Thread& t);

// End of the runtime: no other thread runs script code after this returns. True when some are left (daemon
// threads, hung for ever): then the runtime's memory must not be freed.
bool stop_other_threads_for_exit(Thread& t);

// Runs the handlers of the signals that arrived (main thread). vm/threads/signals.cpp dispatches to the
// _signal module's table.
Status run_signal_handlers(Thread& t);

}  // namespace mp

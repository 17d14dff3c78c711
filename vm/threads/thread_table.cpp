#include "vm/threads/thread_table.h"

#include <signal.h>
#include <cstring>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <new>
#include <utility>

#include "vm/core/check.h"
#include "vm/core/compiler.h"
#include "vm/gc/heap_impl.h"
#include "vm/os/clock.h"
#include "vm/os/spin.h"
#include "vm/os/stack_bounds.h"
#include "vm/threads/dead_stack.h"
#include "vm/threads/deadlock.h"
#include "vm/threads/ended_threads.h"
#include "vm/threads/gil.h"
#include "vm/threads/gil_statistics.h"
#include "vm/threads/open_section.h"
#include "vm/threads/signals.h"
#include "vm/threads/thread_impl.h"
#include "vm/threads/vm_stack.h"
#include "vm/types/runtime.h"

namespace mp {

// ---------------------------------------------------------------- making and freeing

Thread* ThreadImpl::create(Runtime& runtime) {
  Thread* t = new Thread();
  t->impl = new ThreadImpl();
  t->runtime_ = &runtime;
  t->heap_ = runtime.heap.get();
  t->types_ = &runtime.types;
  t->names_ = &runtime.names;
  t->handled = &t->base_handled;
  t->impl->serial = runtime.threads->next_serial.fetch_add(1, std::memory_order_relaxed);
  if (!make_vm_stack(runtime, *t)) {
    delete t->impl;
    delete t;
    return nullptr;
  }
  return t;
}

void ThreadImpl::destroy(Thread* t) {
  free_vm_stack(*t->impl);
  delete t->impl;
  delete t;
}

void ThreadImpl::set_thread_bounds(Thread& t) {
  os::StackBounds bounds = os::current_stack_bounds();
  t.impl->native_base = bounds.base;
  size_t margin = os::kStackMargin;
  size_t size = bounds.base - bounds.limit;
  if (margin > size / 2) margin = size / 2;
  t.stack_limit = bounds.limit + margin;
  t.impl->handle = pthread_self();
  t.impl->native_id = os::native_thread_id();
  t.ident = static_cast<uint64_t>(t.impl->handle);
}

// ---------------------------------------------------------------- the list

static void link(Runtime& runtime, Thread* t) {
  ThreadTable& table = *runtime.threads;
  std::lock_guard<std::mutex> guard(table.mutex);
  t->impl->next = table.first;
  if (table.first != nullptr) table.first->impl->previous = t;
  table.first = t;
  ++table.count;
  assign_lock_owner(*t);
  choose_lock_modes(runtime);
  if (table.stopper != nullptr) t->impl->state.store(ThreadState::Suspended, std::memory_order_relaxed);
}

static void unlink(Runtime& runtime, Thread* t) {
  ThreadTable& table = *runtime.threads;
  disown(*t);
  if (t->impl->previous != nullptr)
    t->impl->previous->impl->next = t->impl->next;
  else
    table.first = t->impl->next;
  if (t->impl->next != nullptr) t->impl->next->impl->previous = t->impl->previous;
  --table.count;
  choose_lock_modes(runtime);
}

std::string one_line(std::string_view name) {
  std::string out;
  for (char c : name) {
    auto byte = static_cast<unsigned char>(c);
    out += byte < 0x20 || byte == 0x7f ? fmt::format("\\x{:02x}", byte) : std::string(1, c);
  }
  return out;
}

Thread* attach_new_thread(Runtime& runtime) {
  Thread* t = ThreadImpl::create(runtime);
  if (t == nullptr) return nullptr;
  ThreadImpl::set_thread_bounds(*t);
  t->is_main = runtime.threads->count == 0;
  if (t->is_main) t->impl->name = "MainThread";
  link(runtime, t);
  attach_thread(*t);
  // A thread that was alone up to now works without locks until its next safepoint: free_threaded().
  if (runtime.free_threaded.load(std::memory_order_relaxed) && !t->is_main) {
    StoppedWorld stopped(*t);
    MP_CHECK(lock_all_open_sections(runtime), "two threads are in one section without a lock");
  }
  if (t->is_main && runtime.options.install_signal_handlers) install_default_signal_handlers(*t);
  return t;
}

void detach_and_destroy(Thread* t) {
  Runtime& runtime = t->runtime();
  ThreadTable& table = *runtime.threads;
  release_signals(*t);
  runtime.heap->impl().leave_cells(*t);
  t->impl->native_top = t->impl->native_base;  // nothing of this stack is a root any more
  t->impl->exiting.store(true, std::memory_order_relaxed);
  if (GilRecorder* recorder = runtime.gil->recorder_owner.get()) recorder->thread_ended(*t);
  detach_thread(*t);
  for (auto& policy : runtime.gil->policies) policy->forget(*t);
  {
    std::unique_lock<std::mutex> lock(table.mutex);
    while (t->impl->state.load(std::memory_order_acquire) == ThreadState::Suspended) table.started.wait(lock);
    unlink(runtime, t);
    spare_vm_stack(runtime, *t->impl);
    note_thread_ended(runtime);
    note_ended(table, t->impl->serial);
  }
  // SAFETY: unlinked and detached: from here only this thread knows `t`, and nothing of the runtime is
  // touched.
  ThreadImpl::destroy(t);
}

// ---------------------------------------------------------------- attach, detach

static void wait_for_start(Thread& t) {
  ThreadTable& table = *t.runtime().threads;
  std::unique_lock<std::mutex> lock(table.mutex);
  while (t.impl->state.load(std::memory_order_acquire) == ThreadState::Suspended) table.started.wait(lock);
}

// The lock that a thread must hold to run; null while the GIL is off. Changes only in a stopped world.
static GilPolicy* active_policy(Runtime& runtime) {
  return runtime.free_threaded.load(std::memory_order_acquire)
             ? nullptr
             : runtime.gil->policy.load(std::memory_order_acquire);
}

static void note_drop(Thread& t) {
  if (GilRecorder* recorder = t.runtime().gil->recorder.load(std::memory_order_relaxed))
    recorder->drops(t, (t.interrupt_word.load(std::memory_order_relaxed) & kInterruptDropGil) != 0);
}

// Under the table's mutex: a thread that the stopper had found running has stopped.
static void note_stopped(ThreadTable& table) {
  if (table.still_running.fetch_sub(1, std::memory_order_acq_rel) == 1) table.stopped.notify_one();
}

static void note_detached(Thread& t) {
  ThreadTable& table = *t.runtime().threads;
  std::lock_guard<std::mutex> guard(table.mutex);
  ThreadState expected = ThreadState::Detached;
  // Otherwise the stopper has found it detached, or there is none any more.
  if (table.stopper != nullptr && table.stopper != &t &&
      t.impl->state.compare_exchange_strong(expected, ThreadState::Suspended, std::memory_order_seq_cst))
    note_stopped(table);
}

// From here on it touches no Value, and is within no short change (object_lock.h).
static void leave(Thread& t) {
  LockOwner* owner = t.lock_owner;  // may change in a stopped world
  t.impl->state.store(ThreadState::Detached, std::memory_order_seq_cst);
  if (owner != nullptr) owner->pass();
  if (t.runtime().threads->stop_requested.load(std::memory_order_seq_cst)) [[unlikely]]
    note_detached(t);
}

void attach_thread(Thread& t) {
  int saved_errno = errno;
  Runtime& runtime = t.runtime();
  ThreadImpl& impl = *t.impl;
  GilRecorder* recorder = runtime.gil->recorder.load(std::memory_order_acquire);
  int64_t waited = 0, now = 0;
  bool contended = false;
  // SAFETY: impl.held_policy is read in a stopped world, so it changes only while this thread is attached.
  GilPolicy* held = nullptr;
  for (;;) {
    // Who stands in a queue has to leave it through its head, even when the policy has been replaced
    // meanwhile.
    if (GilPolicy* policy = impl.queued_policy != nullptr ? impl.queued_policy : active_policy(runtime)) {
      int64_t wanted = now = recorder != nullptr ? os::monotonic_ns() : 0;
      if (policy->take(*runtime.gil, t)) {
        contended = true;
        if (recorder != nullptr) waited += (now = os::monotonic_ns()) - wanted;
      }
      held = policy;
    }
    ThreadState expected = ThreadState::Detached;
    if (impl.state.compare_exchange_strong(expected, ThreadState::Attached, std::memory_order_seq_cst)) {
      // The GIL may have been switched or replaced while we came in; it cannot be from here on.
      if (held == active_policy(runtime)) break;
      leave(t);
    }
    if (held != nullptr) std::exchange(held, nullptr)->drop_quietly(*runtime.gil, t);
    if (expected == ThreadState::Suspended) wait_for_start(t);
  }
  impl.held_policy = held;
  // Recording may have begun or ended while we waited; it cannot from here on.
  recorder = runtime.gil->recorder.load(std::memory_order_relaxed);
  if (recorder != nullptr && held != nullptr)
    recorder->took(t, now != 0 ? now : os::monotonic_ns(), waited, contended);
  errno = saved_errno;
}

void detach_thread(Thread& t) {
  int saved_errno = errno;
  Runtime& runtime = t.runtime();
  GilPolicy* held = std::exchange(t.impl->held_policy, nullptr);
  if (held != nullptr) note_drop(t);
  leave(t);
  if (held != nullptr) held->drop(*runtime.gil, t);
  errno = saved_errno;
}

MP_NOINLINE void BlockingRegion::enter(Thread& t, SpilledRegisters&) {
  t.impl->native_top = reinterpret_cast<uintptr_t>(__builtin_frame_address(0));
  detach_thread(t);
}

BlockingRegion::~BlockingRegion() { attach_thread(thread_); }

MP_NOINLINE void yield_gil(Thread& t) {
  SpilledRegisters registers{};
  MP_SPILL_REGISTERS(registers);
  t.impl->native_top = reinterpret_cast<uintptr_t>(&registers);
  t.impl->yielding = true;
  detach_thread(t);
  t.impl->yielding = false;
  attach_thread(t);
  asm volatile("" : : "r"(&registers) : "memory");
}

// ---------------------------------------------------------------- stop-the-world

// Going to sleep and being woken takes 50 microseconds and more in a virtual machine, and the first lines of
// code after it find cold caches; a collection of a small heap is over within a millisecond or two.
static constexpr int64_t kSafepointSpin = 20'000, kLongestSpin = 1'500'000;  // nanoseconds

// One in which the stopper lost its processor says little about the others. Under the table's mutex.
static void note_duration(ThreadTable& table, int64_t ns) {
  int64_t usual = table.usual_stop.load(std::memory_order_relaxed);
  if (ns > usual) ns = usual + (std::min(ns, usual * 2 + kSafepointSpin) - usual) / 4;
  table.usual_stop.store(ns, std::memory_order_relaxed);
}

template <class Done>
static void stay_awake(int64_t ns, Done&& done) {
  for (int64_t end = os::monotonic_ns() + ns; !done() && os::monotonic_ns() < end;)
    for (int i = 0; i < 16 && !done(); ++i) os::cpu_pause();
}

void stop_the_world(Thread& t) {
  ThreadTable& table = *t.runtime().threads;
  std::unique_lock<std::mutex> lock(table.mutex);
  while (table.stopper != nullptr && table.stopper != &t) {
    lock.unlock();
    suspend_for_stop(t);
    lock.lock();
  }
  if (table.stop_depth++ > 0) return;
  StandAside aside(t);  // who has to stop may be about to take an object away
  table.stopper = &t;
  table.stop_requested.store(true, std::memory_order_seq_cst);
  for (Thread* other = table.first; other != nullptr; other = other->impl->next)
    if (other != &t) other->set_interrupt(kInterruptStopTheWorld);
  size_t running = 0;
  for (Thread* other = table.first; other != nullptr; other = other->impl->next) {
    if (other == &t) continue;
    // SAFETY: who detaches from here on finds the stop requested and waits for the mutex (note_detached).
    ThreadState state = ThreadState::Detached;
    if (!other->impl->state.compare_exchange_strong(state, ThreadState::Suspended,
                                                    std::memory_order_seq_cst) &&
        state == ThreadState::Attached)
      ++running;
  }
  table.still_running.store(running, std::memory_order_relaxed);
  table.processors_suffice.store(running < os::processor_count(), std::memory_order_relaxed);
  if (running != 0 && table.processors_suffice.load(std::memory_order_relaxed)) {
    lock.unlock();
    stay_awake(kSafepointSpin, [&] { return table.still_running.load(std::memory_order_acquire) == 0; });
    lock.lock();
  }
  while (table.still_running.load(std::memory_order_acquire) != 0) table.stopped.wait(lock);
  for (const StoppedWork& work : table.stopped_work) work.run(work.what, work.a, work.b);
  table.stopped_work.clear();
  table.last_stop.store(os::monotonic_ns(), std::memory_order_relaxed);
}

void start_the_world(Thread& t) {
  ThreadTable& table = *t.runtime().threads;
  std::lock_guard<std::mutex> guard(table.mutex);
  if (--table.stop_depth > 0) return;
  note_duration(table, os::monotonic_ns() - table.last_stop.load(std::memory_order_relaxed));
  for (Thread* other = table.first; other != nullptr; other = other->impl->next) {
    other->clear_interrupt(kInterruptStopTheWorld);
    ThreadState expected = ThreadState::Suspended;
    other->impl->state.compare_exchange_strong(expected, ThreadState::Detached, std::memory_order_seq_cst);
  }
  table.stopper = nullptr;
  table.stop_requested.store(false, std::memory_order_seq_cst);
  table.started.notify_all();
}

void run_when_stopped(Thread& t, StoppedWork work) {
  ThreadTable& table = *t.runtime().threads;
  std::lock_guard<std::mutex> guard(table.mutex);
  // SAFETY: a thread that comes now takes the mutex before it runs anything.
  if (table.count.load(std::memory_order_relaxed) == 1) return work.run(work.what, work.a, work.b);
  table.stopped_work.push_back(work);
  t.set_interrupt(kInterruptStoppedWork);
}

void stop_for_work_if_due(Thread& t) {
  constexpr int64_t kBetween = 2'000'000;  // nanoseconds: what such stops cost stays below one percent
  ThreadTable& table = *t.runtime().threads;
  if (os::monotonic_ns() - table.last_stop.load(std::memory_order_relaxed) < kBetween) return;
  t.clear_interrupt(kInterruptStoppedWork);
  {
    std::lock_guard<std::mutex> guard(table.mutex);
    if (table.stopped_work.empty()) return;  // another stop has done it
  }
  StoppedWorld stopped(t);
}

MP_NOINLINE void suspend_for_stop(Thread& t) {
  SpilledRegisters registers{};
  MP_SPILL_REGISTERS(registers);
  t.impl->native_top = reinterpret_cast<uintptr_t>(&registers);
  Runtime& runtime = t.runtime();
  ThreadTable& table = *runtime.threads;
  {
    std::unique_lock<std::mutex> lock(table.mutex);
    t.clear_interrupt(kInterruptStopTheWorld);
    if (table.stopper == nullptr || table.stopper == &t) return;
    if (GilPolicy* held = std::exchange(t.impl->held_policy, nullptr)) {
      note_drop(t);
      held->drop_quietly(*runtime.gil, t);
    }
    t.impl->state.store(ThreadState::Suspended, std::memory_order_seq_cst);
    if (t.lock_owner != nullptr) t.lock_owner->pass();
    note_stopped(table);
    auto started = [&] { return t.impl->state.load(std::memory_order_seq_cst) != ThreadState::Suspended; };
    int64_t usual = table.usual_stop.load(std::memory_order_relaxed);
    if (usual < kLongestSpin && table.processors_suffice.load(std::memory_order_relaxed)) {
      lock.unlock();
      stay_awake(usual * 2 + kSafepointSpin, started);
      lock.lock();
    }
    while (!started()) table.started.wait(lock);
  }
  attach_thread(t);
  asm volatile("" : : "r"(&registers) : "memory");
}

// ---------------------------------------------------------------- OS threads

namespace {
struct StartRequest {
  Thread* thread;
  ThreadBody body;
};

void* thread_entry(void* argument) {
  clear_dead_stack<8192>();  // often that of a thread that has ended; as much as most threads use
  auto* request = static_cast<StartRequest*>(argument);
  Thread* t = request->thread;
  ThreadBody body = request->body;
  delete request;
  ThreadTable& table = *t->runtime().threads;
  {
    std::lock_guard<std::mutex> guard(table.mutex);  // find_thread() looks at the ident
    ThreadImpl::set_thread_bounds(*t);
    note_started(table, t->impl->serial);
  }
  attach_thread(*t);
  Value value = t->impl->start_argument;
  t->impl->start_argument = kEmpty;
  body(*t, value);
  table.started_threads.fetch_sub(1, std::memory_order_relaxed);
  detach_and_destroy(t);
  return nullptr;
}
}  // namespace

bool start_thread(Thread& parent, ThreadBody body, Value argument, uint64_t* ident) {
  Runtime& runtime = parent.runtime();
  ThreadTable& table = *runtime.threads;
  join_ended_threads(table);
  Thread* t = ThreadImpl::create(runtime);
  if (t == nullptr) return false;
  t->impl->start_argument = argument;
  if (runtime.free_threaded.load(std::memory_order_relaxed))
    MP_CHECK(lock_open_sections(parent), "another thread is in a section of the only one");
  link(runtime, t);
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  size_t stack = table.stack_size.load(std::memory_order_relaxed);
  pthread_attr_setstacksize(&attributes, stack != 0 ? stack : 8u << 20);
  auto* request = new StartRequest{t, body};
  table.started_threads.fetch_add(1, std::memory_order_relaxed);
  // New threads inherit the signal mask; signals are handled by the main thread's flag, whichever thread the
  // system picks.
  pthread_t handle;
  int rc = pthread_create(&handle, &attributes, thread_entry, request);
  pthread_attr_destroy(&attributes);
  if (rc != 0) {
    table.started_threads.fetch_sub(1, std::memory_order_relaxed);
    delete request;
    {
      std::lock_guard<std::mutex> guard(table.mutex);
      unlink(runtime, t);
    }
    ThreadImpl::destroy(t);
    return false;
  }
  if (ident != nullptr) *ident = static_cast<uint64_t>(handle);
  return true;
}

void for_each_thread(Runtime& runtime, void (*visit)(void* context, Thread& t), void* context) {
  std::lock_guard<std::mutex> guard(runtime.threads->mutex);
  for (Thread* t = runtime.threads->first; t != nullptr; t = t->impl->next) visit(context, *t);
}

Thread* find_thread(Runtime& runtime, uint64_t ident) {
  std::lock_guard<std::mutex> guard(runtime.threads->mutex);
  for (Thread* t = runtime.threads->first; t != nullptr; t = t->impl->next)
    if (t->ident == ident) return t;
  return nullptr;
}

size_t thread_count(Runtime& runtime) {
  std::lock_guard<std::mutex> guard(runtime.threads->mutex);
  return runtime.threads->count;
}

int raise_in_thread(Runtime& runtime, uint64_t ident, Value exception) {
  std::lock_guard<std::mutex> guard(runtime.threads->mutex);
  int found = 0;
  for (Thread* t = runtime.threads->first; t != nullptr; t = t->impl->next) {
    if (t->ident != ident) continue;
    t->async_exception = exception;
    if (!exception.is_empty()) t->set_interrupt(kInterruptAsyncException);
    ++found;
  }
  return found;
}

// ---------------------------------------------------------------- fork, exit

void before_fork(Thread& t) { stop_the_world(t); }
void after_fork_parent(Thread& t) { start_the_world(t); }

void after_fork_child(Thread& t) {
  Runtime& runtime = t.runtime();
  ThreadTable& table = *runtime.threads;
  reset_parking_lot_after_fork();
  new (&table.mutex) std::mutex;
  new (&table.stopped) std::condition_variable;
  new (&table.started) std::condition_variable;
  // Only the calling thread exists here. The others' records are freed; what their stacks referred to is
  // garbage.
  Thread* other = table.first;
  while (other != nullptr) {
    Thread* next = other->impl->next;
    if (other != &t) {
      if (GilRecorder* recorder = runtime.gil->recorder_owner.get()) recorder->thread_ended(*other);
      disown(*other);
      runtime.heap->impl().gather_blocks(*other);
      ThreadImpl::destroy(other);
    }
    other = next;
  }
  table.first = &t;
  t.impl->next = t.impl->previous = nullptr;
  table.count = 1;
  choose_lock_modes(runtime);
  table.stopper = nullptr;
  table.stop_depth = 0;
  table.blocked.store(0, std::memory_order_relaxed);
  table.stop_requested.store(false, std::memory_order_relaxed);
  table.started_threads.store(t.is_main ? 0 : 1, std::memory_order_relaxed);
  t.clear_interrupt(kInterruptStopTheWorld);
  t.impl->wakes.forget(t);
  t.is_main = true;
  runtime.main_thread_ = &t;
  t.impl->handle = pthread_self();
  t.impl->native_id = os::native_thread_id();
  table.os_threads.clear();
  for (auto& policy : runtime.gil->policies)
    policy->after_fork_child(policy.get() == t.impl->held_policy ? &t : nullptr);
  forget_gil_off_blocks_after_fork(t);
  runtime.heap->after_fork_child();
}

bool stop_other_threads_for_exit(Thread& t) {
  Runtime& runtime = t.runtime();
  join_leaving_threads(t);
  runtime.finalizing.store(true, std::memory_order_seq_cst);
  stop_the_world(t);  // for ever
  if (runtime.threads->count > 1) return true;
  start_the_world(t);
  return false;
}

}  // namespace mp

#include "vm/threads/signals.h"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <cerrno>

#include "vm/exec/frame.h"
#include "vm/gc/heap.h"
#include "vm/protocol/protocol.h"
#include "vm/threads/thread_impl.h"
#include "vm/threads/thread_table.h"
#include "vm/types/exception.h"
#include "vm/types/runtime.h"

namespace mp {

static const char kTag = 0;

// Process-wide by nature: what the C handler may touch.
static std::atomic<Thread*> g_signal_thread{nullptr};
static std::atomic<bool> g_tripped[kSignalCount];
static std::atomic<bool> g_any_tripped{false};
static std::atomic<int> g_wakeup_fd{-1};
static std::atomic<int> g_wakeup_error{0};  // of a write that failed, until it is reported
static std::atomic<bool> g_warn_on_full_buffer{true};
static std::atomic<int> g_event_fd{-1};

SignalState& signal_state(Thread& t) {
  auto& state = t.runtime().state<SignalState>(&kTag);
  if (!state.scanned) {
    state.scanned = true;
    t.heap().add_root_scanner(
        [](void* context, Tracer& tracer) {
          for (Slot& slot : static_cast<SignalState*>(context)->handlers) tracer.visit(slot);
        },
        &state);
  }
  return state;
}

static void wake_signal_thread() {
  g_any_tripped.store(true, std::memory_order_seq_cst);
  if (Thread* t = g_signal_thread.load(std::memory_order_acquire)) {
    t->interrupt_word.fetch_or(kInterruptSignal, std::memory_order_seq_cst);
    t->impl->parker.interrupt();
  }
  int fd = g_event_fd.load(std::memory_order_seq_cst);
  if (fd >= 0) {
    uint64_t one = 1;
    [[maybe_unused]] ssize_t written = write(fd, &one, sizeof one);
  }
}

static void note_signal(int signal) {
  g_tripped[signal].store(true, std::memory_order_seq_cst);
  wake_signal_thread();
}

static void on_signal(int signal) {
  int saved_errno = errno;
  note_signal(signal);
  int fd = g_wakeup_fd.load(std::memory_order_relaxed);
  if (fd >= 0) {
    auto byte = static_cast<unsigned char>(signal);
    bool full_is_error = g_warn_on_full_buffer.load(std::memory_order_relaxed);
    if (write(fd, &byte, 1) < 0 && (errno != EAGAIN || full_is_error)) {
      g_wakeup_error.store(errno, std::memory_order_seq_cst);
      wake_signal_thread();
    }
  }
  errno = saved_errno;
}

bool set_signal_action(Thread& t, int signal, SignalAction action, Value handler) {
  SignalState& state = signal_state(t);
  struct sigaction system {};
  sigemptyset(&system.sa_mask);
  system.sa_flags = SA_ONSTACK;
  system.sa_handler = action == SignalAction::Default  ? SIG_DFL
                      : action == SignalAction::Ignore ? SIG_IGN
                                                       : on_signal;
  if (sigaction(signal, &system, nullptr) != 0) return false;
  // An embedded runtime wants no signals until a script of it asks for one; where two do, the first has them.
  Thread* expected = nullptr;
  if (system.sa_handler == on_signal) g_signal_thread.compare_exchange_strong(expected, &t);
  state.handlers[signal] = handler;
  state.actions[signal].store(action, std::memory_order_release);
  return true;
}

// Asked for when it is first wanted: 64 system calls would be a part of every start.
SignalAction signal_action(Thread& t, int signal) {
  std::atomic<SignalAction>& action = signal_state(t).actions[signal];
  SignalAction known = action.load(std::memory_order_acquire);
  struct sigaction system {};
  if (known != SignalAction::Unknown || sigaction(signal, nullptr, &system) != 0) return known;
  SignalAction found = system.sa_handler == SIG_DFL   ? SignalAction::Default
                       : system.sa_handler == SIG_IGN ? SignalAction::Ignore
                                                      : SignalAction::Unknown;
  return action.compare_exchange_strong(known, found) ? found : known;
}

void install_default_signal_handlers(Thread& main) {
  Thread* expected = nullptr;
  if (!g_signal_thread.compare_exchange_strong(expected, &main)) return;
  if (signal_action(main, SIGINT) == SignalAction::Default)
    set_signal_action(main, SIGINT, SignalAction::DefaultInt, kEmpty);
  set_signal_action(main, SIGPIPE, SignalAction::Ignore, kEmpty);
  set_signal_action(main, SIGXFSZ, SignalAction::Ignore, kEmpty);
}

void release_signals(Thread& main) {
  Thread* expected = &main;
  g_signal_thread.compare_exchange_strong(expected, nullptr);
}

void release_signals_of_other_threads(Thread& t) {
  Thread* handling = g_signal_thread.load(std::memory_order_relaxed);
  if (handling != nullptr) g_signal_thread.store(&handling->runtime() == &t.runtime() ? &t : nullptr);
  g_any_tripped.store(false, std::memory_order_relaxed);
  g_wakeup_error.store(0, std::memory_order_relaxed);
  for (auto& tripped : g_tripped) tripped.store(false, std::memory_order_relaxed);
}

bool trip_signal(Thread& t, int signal) {
  SignalAction action = signal_state(t).actions[signal].load(std::memory_order_acquire);
  if (action != SignalAction::DefaultInt && action != SignalAction::Script) return false;
  note_signal(signal);
  return true;
}

int set_signal_wakeup_fd(int fd, bool warn_on_full_buffer) {
  g_warn_on_full_buffer.store(warn_on_full_buffer, std::memory_order_relaxed);
  return g_wakeup_fd.exchange(fd, std::memory_order_relaxed);
}
void set_signal_event_fd(int fd) { g_event_fd.store(fd, std::memory_order_seq_cst); }
bool signal_is_pending() { return g_any_tripped.load(std::memory_order_relaxed); }
bool interrupt_is_pending(Thread& t) {
  return g_tripped[SIGINT].load(std::memory_order_relaxed) &&
         signal_action(t, SIGINT) == SignalAction::DefaultInt;
}

Status run_signal_handlers(Thread& t) {
  if (g_signal_thread.load(std::memory_order_relaxed) != &t ||
      !g_any_tripped.exchange(false, std::memory_order_seq_cst))
    return {};
  if (int error = g_wakeup_error.exchange(0, std::memory_order_seq_cst)) {
    t.raise_os_error(error);
    write_unraisable(t, "Exception ignored when trying to write to the signal wakeup fd", kNone);
  }
  SignalState& state = signal_state(t);
  for (int s = 1; s < kSignalCount; ++s) {
    if (!g_tripped[s].exchange(false, std::memory_order_seq_cst)) continue;
    SignalAction action = state.actions[s].load(std::memory_order_acquire);
    Status outcome;
    if (action == SignalAction::DefaultInt) {
      outcome = t.raise_object(make_exception_args(t, Exc::KeyboardInterrupt, empty_tuple(t)));
    } else if (action == SignalAction::Script) {
      Value handler = state.handlers[s];
      Value frame = t.frame != nullptr ? Value(frame_object(t, t.frame)) : kNone;
      auto result = call(t, handler, {Value::from_int(s), frame});
      if (result.is_error()) outcome = Error{};
    }
    if (outcome.is_error()) {
      // The other signals stay noted: they are handled at the next safepoint.
      g_any_tripped.store(true, std::memory_order_seq_cst);
      t.set_interrupt(kInterruptSignal);
      return outcome;
    }
  }
  return {};
}

}  // namespace mp

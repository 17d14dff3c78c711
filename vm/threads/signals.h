// Signals: the C handler notes them and wakes the main thread, which runs the script handlers at a safepoint.
// The table of handlers is the process's business, so one runtime owns it: the first that installs handlers.
#pragma once
#include "vm/threads/thread.h"

namespace mp {

inline constexpr int kSignalCount = 65;  // 1..64

enum class SignalAction : uint8_t { Unknown, Default, Ignore, DefaultInt, Script };

struct SignalState {
  std::atomic<SignalAction> actions[kSignalCount] = {};
  Slot handlers[kSignalCount];  // Script: the callable
  bool scanned = false;         // registered with the heap
};
SignalState& signal_state(Thread& t);
// What happens on `signal`; Unknown: a handler that is not ours.
SignalAction signal_action(Thread& t, int signal);

// SIGINT raises KeyboardInterrupt, SIGPIPE and SIGXFSZ are ignored; the thread becomes the one that handles
// signals.
void install_default_signal_handlers(Thread& main);
// Forgets the thread (end of its runtime); restores nothing.
void release_signals(Thread& main);
// In the child of a fork: `t` is the main thread now, and no signal that came before is handled once more.
void release_signals_of_other_threads(Thread& t);
// Points the system's handler for `signal` at the action. False with errno set when the system refuses.
bool set_signal_action(Thread& t, int signal, SignalAction action, Value handler);
// As if the signal had arrived (interrupt_main): false when it is ignored or default.
bool trip_signal(Thread& t, int signal);
// Bytes with the signal numbers are written there; -1: nowhere. Returns the old one. An error of the write is
// reported as unraisable; that the buffer is full only if that is wanted.
int set_signal_wakeup_fd(int fd, bool warn_on_full_buffer);
// An eventfd that is told of every signal: what the main thread polls while it waits for descriptors; -1:
// none.
void set_signal_event_fd(int fd);
bool signal_is_pending();
// Ctrl-C has come, and raises KeyboardInterrupt.
bool interrupt_is_pending(Thread& t);

}  // namespace mp

// The _signal module, on which CPython's signal.py builds its enums.
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "stdlib/native/posix_process.h"
#include "stdlib/native/time_value.h"
#include "vm/gc/heap.h"
#include "vm/native/native.h"
#include "vm/protocol/protocol.h"
#include "vm/threads/signals.h"
#include "vm/threads/thread_impl.h"
#include "vm/threads/thread_table.h"
#include "vm/types/exception.h"
#include "vm/types/runtime.h"

namespace mp {
namespace {

const char kTag = 0;
struct SignalModuleState {
  Slot default_int_handler, itimer_error;
};
SignalModuleState& module_state(Thread& t) { return t.runtime().state<SignalModuleState>(&kTag); }

Result<int> signal_number(Thread& t, Value v) {
  int s = TRY(to_c_int(t, v));
  if (s < 1 || s >= kSignalCount) return t.raise(Exc::ValueError, "signal number out of range");
  return s;
}

Value handler_of(Thread& t, int signal) {
  SignalState& state = signal_state(t);
  switch (signal_action(t, signal)) {
    case SignalAction::Default: return Value::from_int(0);
    case SignalAction::Ignore: return Value::from_int(1);
    case SignalAction::DefaultInt: return module_state(t).default_int_handler;
    case SignalAction::Script: {  // unless it has just been taken away, in the main thread
      Value handler = state.handlers[signal];
      return handler.is_empty() ? Value::from_int(0) : handler;
    }
    default: return kNone;
  }
}

Result<Value> signal_default_int_handler(Thread& t, const Value* args) {
  (void)TRY(to_c_int(t, args[0]));
  return t.raise_object(make_exception_args(t, Exc::KeyboardInterrupt, empty_tuple(t)));
}

Result<Value> signal_signal(Thread& t, const Value* args) {
  int s = TRY(to_c_int(t, args[0]));
  if (!t.is_main) return t.raise(Exc::ValueError, "signal only works in main thread of the main interpreter");
  if (s < 1 || s >= kSignalCount) return t.raise(Exc::ValueError, "signal number out of range");
  SignalAction action = SignalAction::Script;
  if (args[1] == module_state(t).default_int_handler.get()) {
    action = SignalAction::DefaultInt;
  } else if (!is_callable(t, args[1])) {
    int64_t number;
    if (!is_any_int(args[1]) || !int_to_int64(args[1], &number) || (number != 0 && number != 1))
      return t.raise(Exc::TypeError,
                     "signal handler must be signal.SIG_IGN, signal.SIG_DFL, or a callable object");
    action = number == 0 ? SignalAction::Default : SignalAction::Ignore;
  } else if (is_any_int(args[1])) {
    // signal.Handlers members are ints, and callable only as classes.
    action = int_compare(args[1], Value::from_int(0)) == 0 ? SignalAction::Default : SignalAction::Ignore;
  }
  TRY(t.poll());
  Value old = handler_of(t, s);
  if (!set_signal_action(t, s, action, action == SignalAction::Script ? args[1] : kEmpty))
    return t.raise_os_error(errno);
  return old;
}

Result<Value> signal_getsignal(Thread& t, const Value* args) {
  return handler_of(t, TRY(signal_number(t, args[0])));
}

Result<Value> signal_alarm(Thread& t, const Value* args) {
  int s = TRY(to_c_int(t, args[0]));
  return Value::from_int(::alarm(static_cast<unsigned>(s)));
}

Error itimer_error(Thread& t, int error) {
  Value instance = TRY(call(t, module_state(t).itimer_error,
                            {Value::from_int(error), Value(make_str(t, std::strerror(error)))}));
  return t.raise_object(instance);
}
Value itimer_tuple(Thread& t, const itimerval& v) {
  auto seconds = [&](const timeval& tv) { return make_float(t, seconds_from_timeval(tv)); };
  Value delay = seconds(v.it_value), interval = seconds(v.it_interval);
  return make_tuple(t, {delay, interval});
}
timeval to_timeval(int64_t ns) {
  int64_t us = (ns + 999) / 1000;
  return {static_cast<time_t>(us / 1000000), static_cast<suseconds_t>(us % 1000000)};
}
Result<Value> signal_setitimer(Thread& t, const Value* args) {
  int which = TRY(to_c_int(t, args[0]));
  itimerval wanted{}, old{};
  wanted.it_value = to_timeval(TRY(time_from_seconds(t, args[1], TimeRounding::Ceiling)));
  wanted.it_interval = to_timeval(TRY(time_from_seconds(t, args[2], TimeRounding::Ceiling)));
  if (::setitimer(static_cast<__itimer_which>(which), &wanted, &old) != 0) return itimer_error(t, errno);
  return itimer_tuple(t, old);
}
Result<Value> signal_getitimer(Thread& t, const Value* args) {
  int which = TRY(to_c_int(t, args[0]));
  itimerval now{};
  if (::getitimer(static_cast<__itimer_which>(which), &now) != 0) return itimer_error(t, errno);
  return itimer_tuple(t, now);
}

Result<Value> signal_pause(Thread& t, const Value*) {
  if (t.is_main) {
    // Any handled signal ends the wait; park returns Interrupted for it.
    if (!signal_is_pending()) (void)park_until(t, os::kNoDeadline);
  } else {
    BlockingRegion out(t);
    ::pause();
  }
  TRY(t.poll());
  return kNone;
}

Result<Value> signal_raise_signal(Thread& t, const Value* args) {
  int s = TRY(to_c_int(t, args[0]));
  int rc;
  {
    BlockingRegion out(t);
    rc = ::raise(s);
  }
  if (rc != 0) return t.raise_os_error(errno);
  TRY(t.poll());
  return kNone;
}

Result<Value> signal_pthread_kill(Thread& t, const Value* args) {
  if (!is_any_int(args[0]))
    return t.raise(Exc::TypeError, "pthread_kill() argument 1 must be int, not {}", type_name(t, args[0]));
  int64_t ident = TRY(to_int64(t, args[0]));
  int s = TRY(to_c_int(t, args[1]));
  int rc = find_thread(t.runtime(), static_cast<uint64_t>(ident)) == nullptr
               ? ESRCH
               : ::pthread_kill(static_cast<pthread_t>(ident), s);
  if (rc != 0) return t.raise_os_error(rc);
  TRY(t.poll());
  return kNone;
}

// ---------------------------------------------------------------- signal sets

Result<Value> set_of(Thread& t, const sigset_t& signals) {
  SetObject* set = make_set(t);
  for (int s = 1; s < kSignalCount; ++s)
    if (sigismember(&signals, s) == 1) TRY(set_add(t, set, Value::from_int(s)));
  return set;
}

Result<Value> signal_pthread_sigmask(Thread& t, const Value* args) {
  int how = TRY(to_c_int(t, args[0]));
  sigset_t mask, old;
  TRY(posix::fill_signals(t, args[1], &mask));
  int rc = ::pthread_sigmask(how, &mask, &old);
  if (rc != 0) return t.raise_os_error(rc);
  TRY(t.poll());
  return set_of(t, old);
}
Result<Value> signal_sigpending(Thread& t, const Value*) {
  sigset_t pending;
  if (::sigpending(&pending) != 0) return t.raise_os_error(errno);
  return set_of(t, pending);
}
Result<Value> signal_sigwait(Thread& t, const Value* args) {
  sigset_t wanted;
  TRY(posix::fill_signals(t, args[0], &wanted));
  int s = 0, rc;
  {
    BlockingRegion out(t);
    rc = ::sigwait(&wanted, &s);
  }
  if (rc != 0) return t.raise_os_error(rc);
  return Value::from_int(s);
}

const char* const kInfoFields[] = {"si_signo", "si_code",   "si_errno", "si_pid",
                                   "si_uid",   "si_status", "si_band",  nullptr};
const StructSequenceSpec kInfoSpec = {"signal.struct_siginfo", kInfoFields, 7,
                                      "struct_siginfo: Result from sigwaitinfo or sigtimedwait.\n\n"
                                      "This object may be accessed either as a tuple of\n"
                                      "(si_signo, si_code, si_errno, si_pid, si_uid, si_status, si_band),\n"
                                      "or via the attributes si_signo, si_code, and so on."};
Value make_info(Thread& t, const siginfo_t& info) {
  Value values[7] = {Value::from_int(info.si_signo), Value::from_int(info.si_code),
                     Value::from_int(info.si_errno), Value::from_int(info.si_pid),
                     Value::from_int(info.si_uid),   Value::from_int(info.si_status),
                     Value::from_int(info.si_band)};
  return make_struct_sequence(t, struct_sequence_type(t, kInfoSpec), values, 7);
}
Result<Value> wait_info(Thread& t, const sigset_t& wanted, os::Deadline deadline) {
  for (;;) {
    siginfo_t info{};
    int rc, error;
    {
      BlockingRegion out(t);
      if (deadline == os::kNoDeadline) {
        rc = ::sigwaitinfo(&wanted, &info);
      } else {
        int64_t left = deadline - os::monotonic_ns();
        if (left < 0) left = 0;
        timespec limit{static_cast<time_t>(left / os::kNanosPerSecond),
                       static_cast<long>(left % os::kNanosPerSecond)};
        rc = ::sigtimedwait(&wanted, &info, &limit);
      }
      error = errno;
    }
    if (rc >= 0) return make_info(t, info);
    if (error == EAGAIN) return kNone;
    if (error != EINTR) return t.raise_os_error(error);
    TRY(t.poll());
  }
}
Result<Value> signal_sigwaitinfo(Thread& t, const Value* args) {
  sigset_t wanted;
  TRY(posix::fill_signals(t, args[0], &wanted));
  return wait_info(t, wanted, os::kNoDeadline);
}
Result<Value> signal_sigtimedwait(Thread& t, const Value* args) {
  sigset_t wanted;
  TRY(posix::fill_signals(t, args[0], &wanted));
  int64_t ns = TRY(time_from_seconds(t, args[1], TimeRounding::Ceiling));
  if (ns < 0) return t.raise(Exc::ValueError, "timeout must be non-negative");
  return wait_info(t, wanted, os::deadline_after(ns));
}

Result<Value> signal_siginterrupt(Thread& t, const Value* args) {
  int s = TRY(signal_number(t, args[0]));
  bool flag = TRY(to_c_int(t, args[1])) != 0;
  struct sigaction action {};
  sigaction(s, nullptr, &action);
  if (flag)
    action.sa_flags &= ~SA_RESTART;
  else
    action.sa_flags |= SA_RESTART;
  if (sigaction(s, &action, nullptr) != 0) return t.raise_os_error(errno);
  return kNone;
}

Result<Value> signal_set_wakeup_fd(Thread& t, const Value* args) {
  int fd = TRY(to_c_int(t, args[0]));
  bool warn = TRY(truth(t, args[1]));
  if (!t.is_main)
    return t.raise(Exc::ValueError, "set_wakeup_fd only works in main thread of the main interpreter");
  if (fd != -1) {
    struct stat status;
    if (fstat(fd, &status) != 0) return t.raise_os_error(errno);
    // A blocking descriptor could hang the signal handler.
    int flags = ::fcntl(fd, F_GETFL);
    if (flags < 0) return t.raise_os_error(errno);
    if ((flags & O_NONBLOCK) == 0)
      return t.raise(Exc::ValueError, "the fd {} must be in non-blocking mode", fd);
  }
  return Value::from_int(set_signal_wakeup_fd(fd, warn));
}

Result<Value> signal_strsignal(Thread& t, const Value* args) {
  int s = TRY(signal_number(t, args[0]));
  const char* text = ::strsignal(s);
  if (text == nullptr || std::strncmp(text, "Unknown signal", 14) == 0) return kNone;
  return str_or_error(make_str(t, text));
}
Result<Value> signal_valid_signals(Thread& t, const Value*) {
  sigset_t all;
  sigfillset(&all);
  return set_of(t, all);
}
Result<Value> signal_pidfd_send_signal(Thread& t, const Value* args) {
  int fd = TRY(to_c_int(t, args[0])), s = TRY(to_c_int(t, args[1])), flags = TRY(to_c_int(t, args[3]));
  if (!args[2].is_none()) return t.raise(Exc::TypeError, "siginfo must be None");
  if (::syscall(424 /* pidfd_send_signal */, fd, s, nullptr, flags) < 0) return t.raise_os_error(errno);
  return kNone;
}

const NativeDef kDefaultIntHandler =
    MP_FUNCTION(signal_default_int_handler, "default_int_handler(signalnum, frame, /)",
                "The default handler for SIGINT installed by Python.\n\nIt raises KeyboardInterrupt.");
const NativeDef kFunctions[] = {
    kDefaultIntHandler,
    MP_FUNCTION(signal_signal, "signal(signalnum, handler, /)", "Set the action for the given signal."),
    MP_FUNCTION(signal_getsignal, "getsignal(signalnum, /)",
                "Return the current action for the given signal."),
    MP_FUNCTION(signal_alarm, "alarm(seconds, /)",
                "Arrange for SIGALRM to arrive after the given number of seconds."),
    MP_FUNCTION(signal_setitimer, "setitimer(which, seconds, interval=0.0, /)",
                "Sets given itimer (one of ITIMER_REAL, ITIMER_VIRTUAL or ITIMER_PROF)."),
    MP_FUNCTION(signal_getitimer, "getitimer(which, /)", "Returns current value of given itimer."),
    MP_FUNCTION(signal_pause, "pause()", "Wait until a signal arrives."),
    MP_FUNCTION(signal_raise_signal, "raise_signal(signalnum, /)", "Send a signal to the executing process."),
    MP_FUNCTION(signal_pthread_kill, "pthread_kill(thread_id, signalnum, /)", "Send a signal to a thread."),
    MP_FUNCTION(signal_pthread_sigmask, "pthread_sigmask(how, mask, /)",
                "Fetch and/or change the signal mask of the calling thread."),
    MP_FUNCTION(signal_sigpending, "sigpending()", "Examine pending signals."),
    MP_FUNCTION(signal_sigwait, "sigwait(sigset, /)", "Wait for a signal."),
    MP_FUNCTION(signal_sigwaitinfo, "sigwaitinfo(sigset, /)",
                "Wait synchronously until one of the signals in *sigset* is delivered."),
    MP_FUNCTION(signal_sigtimedwait, "sigtimedwait(sigset, timeout, /)",
                "Like sigwaitinfo(), but with a timeout."),
    MP_FUNCTION(signal_siginterrupt, "siginterrupt(signalnum, flag, /)",
                "Change system call restart behaviour."),
    MP_FUNCTION(signal_set_wakeup_fd, "set_wakeup_fd(fd, /, *, warn_on_full_buffer=True)",
                "Sets the fd to be written to (with the signal number) when a signal comes in."),
    MP_FUNCTION(signal_strsignal, "strsignal(signalnum, /)",
                "Return the system description of the given signal."),
    MP_FUNCTION(signal_valid_signals, "valid_signals()",
                "Return a set of valid signal numbers on this platform."),
    MP_FUNCTION(signal_pidfd_send_signal, "pidfd_send_signal(pidfd, signalnum, siginfo=None, flags=0, /)",
                "Send a signal to a process referred to by a pid file descriptor."),
    MP_END};

Status init_module(Thread& t, ModuleObject* module) {
  SignalModuleState& state = module_state(t);
  state.default_int_handler = dict_get_text(t, module->dict, "default_int_handler");
  if (state.default_int_handler.get().is_not_found()) {
    state.default_int_handler = Value(make_native_function(
        t, kDefaultIntHandler, module, module->dict == nullptr ? kNone : Value(make_str(t, "_signal"))));
    TRY(module_add(t, module, "default_int_handler", state.default_int_handler));
  }
  DictObject* name_space = make_dict(t);
  TRY(dict_set_str(t, name_space, t.names().__module__, make_str(t, "signal")));
  state.itimer_error =
      TRY(call(t, t.types().type,
               {Value(make_str(t, "itimer_error")),
                Value(make_tuple(t, {Value(t.types().exception(Exc::OSError))})), Value(name_space)}));
  t.heap().add_root_scanner(
      [](void* context, Tracer& tracer) {
        tracer.visit(static_cast<SignalModuleState*>(context)->default_int_handler);
        tracer.visit(static_cast<SignalModuleState*>(context)->itimer_error);
      },
      &state);
  TRY(module_add(t, module, "ItimerError", state.itimer_error));
  TRY(module_add(t, module, "struct_siginfo", struct_sequence_type(t, kInfoSpec)));
  static constexpr IntConstant kConstants[] = {{"NSIG", 65},
                                               {"SIG_DFL", 0},
                                               {"SIG_IGN", 1},
                                               {"SIG_BLOCK", SIG_BLOCK},
                                               {"SIG_UNBLOCK", SIG_UNBLOCK},
                                               {"SIG_SETMASK", SIG_SETMASK},
                                               {"SIGHUP", SIGHUP},
                                               {"SIGINT", SIGINT},
                                               {"SIGQUIT", SIGQUIT},
                                               {"SIGILL", SIGILL},
                                               {"SIGTRAP", SIGTRAP},
                                               {"SIGIOT", SIGIOT},
                                               {"SIGABRT", SIGABRT},
                                               {"SIGFPE", SIGFPE},
                                               {"SIGKILL", SIGKILL},
                                               {"SIGBUS", SIGBUS},
                                               {"SIGSEGV", SIGSEGV},
                                               {"SIGSYS", SIGSYS},
                                               {"SIGPIPE", SIGPIPE},
                                               {"SIGALRM", SIGALRM},
                                               {"SIGTERM", SIGTERM},
                                               {"SIGUSR1", SIGUSR1},
                                               {"SIGUSR2", SIGUSR2},
                                               {"SIGCHLD", SIGCHLD},
                                               {"SIGCLD", SIGCHLD},
                                               {"SIGPWR", SIGPWR},
                                               {"SIGIO", SIGIO},
                                               {"SIGPOLL", SIGPOLL},
                                               {"SIGURG", SIGURG},
                                               {"SIGWINCH", SIGWINCH},
                                               {"SIGSTOP", SIGSTOP},
                                               {"SIGTSTP", SIGTSTP},
                                               {"SIGCONT", SIGCONT},
                                               {"SIGTTIN", SIGTTIN},
                                               {"SIGTTOU", SIGTTOU},
                                               {"SIGVTALRM", SIGVTALRM},
                                               {"SIGPROF", SIGPROF},
                                               {"SIGXCPU", SIGXCPU},
                                               {"SIGXFSZ", SIGXFSZ},
                                               {"SIGSTKFLT", SIGSTKFLT},
                                               {"ITIMER_REAL", ITIMER_REAL},
                                               {"ITIMER_VIRTUAL", ITIMER_VIRTUAL},
                                               {"ITIMER_PROF", ITIMER_PROF}};
  TRY(module_add_ints(t, module, kConstants));
  TRY(module_add_int(t, module, "SIGRTMIN", SIGRTMIN));
  return module_add_int(t, module, "SIGRTMAX", SIGRTMAX);
}

}  // namespace

extern const ModuleSpec kSignalModule;
const ModuleSpec kSignalModule = {
    "_signal", "This module provides mechanisms to use signal handlers in Python.", kFunctions, init_module};

}  // namespace mp

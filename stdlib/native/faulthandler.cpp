// The faulthandler module: tracebacks of the threads on fatal signals, on request, or after a time. What the
// C handlers call uses no heap memory and no lock.
#include <signal.h>
#include <unistd.h>

#include <cstring>

#include "vm/exec/frame.h"
#include "vm/native/native.h"
#include "vm/os/clock.h"
#include "vm/protocol/protocol.h"
#include "vm/threads/signals.h"
#include "vm/threads/thread_impl.h"
#include "vm/threads/thread_table.h"
#include "vm/types/number.h"
#include "vm/types/runtime.h"

namespace mp {
namespace {

constexpr int kMaxFrames = 100;
constexpr size_t kMaxText = 500;

// Process-wide by nature, like the signals they serve.
std::atomic<Runtime*> g_runtime{nullptr};
std::atomic<int> g_fatal_fd{-1};
std::atomic<bool> g_all_threads{true};
std::atomic<int> g_user_fd[kSignalCount];
std::atomic<bool> g_user_all[kSignalCount];

void put(int fd, const char* text, size_t length) { [[maybe_unused]] ssize_t n = ::write(fd, text, length); }
void put(int fd, const char* text) { put(fd, text, std::strlen(text)); }
void put_number(int fd, uint64_t number, unsigned base, int width = 0) {
  char digits[24];
  int n = 0;
  do {
    digits[23 - n++] = "0123456789abcdef"[number % base];
    number /= base;
  } while (number != 0 || n < width);
  put(fd, digits + 24 - n, static_cast<size_t>(n));
}
void put_text(int fd, Value v) {
  if (!is_str(v)) {
    put(fd, "???");
    return;
  }
  auto* text = v.as<StrObject>();
  size_t length = std::min(text->length(), kMaxText);
  for (size_t i = 0; i < length; ++i) {
    uint32_t c = text->at(i);
    if (c >= 32 && c < 127) {
      char byte = static_cast<char>(c);
      put(fd, &byte, 1);
    } else {
      put(fd, c < 256 ? "\\x" : c < 65536 ? "\\u" : "\\U");
      put_number(fd, c, 16, c < 256 ? 2 : c < 65536 ? 4 : 8);
    }
  }
  if (length < text->length()) put(fd, "...");
}

void dump_thread(int fd, Thread& t, bool current) {
  put(fd, current ? "Current thread 0x" : "Thread 0x");
  put_number(fd, t.ident, 16, 16);
  put(fd, " (most recent call first):\n");
  int depth = 0;
  if (t.frame == nullptr) put(fd, "  <no Python frame>\n");
  for (Frame* frame = t.frame; frame != nullptr; frame = frame->previous) {
    if (++depth > kMaxFrames) {
      put(fd, "  ...\n");
      break;
    }
    put(fd, "  File \"");
    put_text(fd, frame->code->filename);
    put(fd, "\", line ");
    int32_t line = code_line(frame->code, frame->word());
    if (line >= 0)
      put_number(fd, static_cast<uint64_t>(line), 10);
    else
      put(fd, "???");
    put(fd, " in ");
    put_text(fd, frame->code->name);
    put(fd, "\n");
  }
}

// The table is read without its lock: a signal may have come while it is held.
void dump(int fd, Runtime& runtime, bool all) {
  uint64_t self = static_cast<uint64_t>(pthread_self());
  bool first = true;
  for (Thread* t = runtime.threads->first; t != nullptr; t = t->impl->next) {
    bool current = t->ident == self;
    if (!current && !all) continue;
    if (!first) put(fd, "\n");
    first = false;
    dump_thread(fd, *t, current);
  }
}

struct FatalSignal {
  int number;
  const char* name;
};
const FatalSignal kFatalSignals[] = {{SIGBUS, "Bus error"},
                                     {SIGILL, "Illegal instruction"},
                                     {SIGFPE, "Floating-point exception"},
                                     {SIGABRT, "Aborted"},
                                     {SIGSEGV, "Segmentation fault"}};
struct sigaction g_previous[5];
std::atomic<bool> g_enabled{false};

void on_fatal(int number) {
  int fd = g_fatal_fd.load(std::memory_order_relaxed);
  for (size_t i = 0; i < 5; ++i) {
    if (kFatalSignals[i].number != number) continue;
    sigaction(number, &g_previous[i], nullptr);
    put(fd, "Fatal Python error: ");
    put(fd, kFatalSignals[i].name);
    put(fd, "\n\n");
  }
  if (Runtime* runtime = g_runtime.load(std::memory_order_relaxed))
    dump(fd, *runtime, g_all_threads.load(std::memory_order_relaxed));
  raise(number);
}

void on_user(int number) {
  int saved = errno;
  if (Runtime* runtime = g_runtime.load(std::memory_order_relaxed))
    dump(g_user_fd[number].load(std::memory_order_relaxed), *runtime,
         g_user_all[number].load(std::memory_order_relaxed));
  errno = saved;
}

// A file object, a number, or None for sys.stderr.
Result<int> descriptor(Thread& t, Value file) {
  if (file.is_none() || file.is_empty()) {
    file = dict_get_str(t.runtime().sys_module->dict, t.names().stderr);
    if (file.is_not_found()) return t.raise(Exc::RuntimeError, "unable to get sys.stderr");
    if (file.is_none()) return t.raise(Exc::RuntimeError, "sys.stderr is None");
  }
  if (file.is_int()) {
    int fd = TRY(to_c_int(t, file));
    if (fd < 0) return t.raise(Exc::ValueError, "file is not a valid file descripter");
    return fd;
  }
  Value number = TRY(call_method(t, file, t.names().fileno));
  int fd = TRY(to_c_int(t, number));
  if (fd < 0) return t.raise(Exc::RuntimeError, "file.fileno() is not a valid file descriptor");
  if (call_method(t, file, t.names().flush).is_error()) t.clear_exception();
  return fd;
}

Result<Value> fh_dump_traceback(Thread& t, const Value* args) {
  int fd = TRY(descriptor(t, args[0]));
  bool all = TRY(truth(t, args[1]));
  StoppedWorld stopped(t);
  dump(fd, t.runtime(), all);
  return kNone;
}

Result<Value> fh_enable(Thread& t, const Value* args) {
  int fd = TRY(descriptor(t, args[0]));
  g_all_threads.store(TRY(truth(t, args[1])), std::memory_order_relaxed);
  g_fatal_fd.store(fd, std::memory_order_relaxed);
  g_runtime.store(&t.runtime(), std::memory_order_relaxed);
  if (g_enabled.exchange(true)) return kNone;
  for (size_t i = 0; i < 5; ++i) {
    struct sigaction action {};
    action.sa_handler = on_fatal;
    action.sa_flags = SA_NODEFER;
    sigemptyset(&action.sa_mask);
    sigaction(kFatalSignals[i].number, &action, &g_previous[i]);
  }
  return kNone;
}
Result<Value> fh_disable(Thread&, const Value*) {
  if (!g_enabled.exchange(false)) return kFalse;
  for (size_t i = 0; i < 5; ++i) sigaction(kFatalSignals[i].number, &g_previous[i], nullptr);
  return kTrue;
}
Result<Value> fh_is_enabled(Thread&, const Value*) { return Value::from_bool(g_enabled.load()); }

Result<Value> fh_register(Thread& t, const Value* args) {
  int number = TRY(to_c_int(t, args[0]));
  if (number < 1 || number >= kSignalCount) return t.raise(Exc::ValueError, "signal number out of range");
  for (const FatalSignal& fatal : kFatalSignals)
    if (fatal.number == number)
      return t.raise(Exc::RuntimeError, "signal {} cannot be registered, use enable() instead", number);
  int fd = TRY(descriptor(t, args[1]));
  g_user_all[number].store(TRY(truth(t, args[2])), std::memory_order_relaxed);
  g_user_fd[number].store(fd, std::memory_order_relaxed);
  g_runtime.store(&t.runtime(), std::memory_order_relaxed);
  struct sigaction action {};
  action.sa_handler = on_user;
  action.sa_flags = SA_RESTART;
  sigemptyset(&action.sa_mask);
  if (sigaction(number, &action, nullptr) != 0) return t.raise_os_error(errno);
  return kNone;
}
Result<Value> fh_unregister(Thread& t, const Value* args) {
  int number = TRY(to_c_int(t, args[0]));
  if (number < 1 || number >= kSignalCount) return t.raise(Exc::ValueError, "signal number out of range");
  struct sigaction current {};
  sigaction(number, nullptr, &current);
  if (current.sa_handler != on_user) return kFalse;
  current.sa_handler = SIG_DFL;
  sigaction(number, &current, nullptr);
  return kTrue;
}

// The watchdog is a plain OS thread: it must work while the script hangs.
struct Watchdog {
  std::atomic<uint64_t> generation{0};
};
Watchdog g_watchdog;
struct WatchdogRequest {
  uint64_t generation;
  int64_t timeout_ns;
  bool repeat, exit;
  int fd;
  Runtime* runtime;
};
void* watch(void* argument) {
  auto request = *static_cast<WatchdogRequest*>(argument);
  delete static_cast<WatchdogRequest*>(argument);
  do {
    int64_t end = os::deadline_after(request.timeout_ns);
    while (os::monotonic_ns() < end) {
      if (g_watchdog.generation.load() != request.generation) return nullptr;
      usleep(static_cast<useconds_t>(std::min<int64_t>(10000, (end - os::monotonic_ns()) / 1000 + 1)));
    }
    if (g_watchdog.generation.load() != request.generation) return nullptr;
    put(request.fd, "Timeout (");
    uint64_t us = static_cast<uint64_t>(request.timeout_ns / 1000), s = us / 1000000;
    put_number(request.fd, s / 3600, 10);
    put(request.fd, ":");
    put_number(request.fd, s / 60 % 60, 10, 2);
    put(request.fd, ":");
    put_number(request.fd, s % 60, 10, 2);
    if (us % 1000000 != 0) {
      put(request.fd, ".");
      put_number(request.fd, us % 1000000, 10, 6);
    }
    put(request.fd, ")!\n");
    dump(request.fd, *request.runtime, true);
    if (request.exit) _exit(1);
  } while (request.repeat);
  return nullptr;
}
Result<Value> fh_dump_later(Thread& t, const Value* args) {
  double seconds = TRY(to_double(t, args[0]));
  if (!(seconds > 0)) return t.raise(Exc::ValueError, "timeout must be greater than 0");
  if (seconds > 9e9) return t.raise(Exc::OverflowError, "timeout value is too large");
  bool repeat = TRY(truth(t, args[1])), exit = TRY(truth(t, args[3]));
  int fd = TRY(descriptor(t, args[2]));
  auto* request = new WatchdogRequest{g_watchdog.generation.fetch_add(1) + 1,
                                      static_cast<int64_t>(seconds * 1e9),
                                      repeat,
                                      exit,
                                      fd,
                                      &t.runtime()};
  pthread_t handle;
  if (pthread_create(&handle, nullptr, watch, request) != 0) {
    delete request;
    return t.raise(Exc::RuntimeError, "unable to start watchdog thread");
  }
  pthread_detach(handle);
  return kNone;
}
Result<Value> fh_cancel_later(Thread&, const Value*) {
  g_watchdog.generation.fetch_add(1);
  return kNone;
}
Result<Value> fh_sigsegv(Thread&, const Value*) {
  raise(SIGSEGV);
  return kNone;
}
Result<Value> fh_sigabrt(Thread&, const Value*) {
  abort();
  return kNone;
}

const NativeDef kFunctions[] = {
    MP_FUNCTION(fh_enable, "enable(file=None, all_threads=True)", "Enable the fault handler."),
    MP_FUNCTION(fh_disable, "disable()", "Disable the fault handler."),
    MP_FUNCTION(fh_is_enabled, "is_enabled()", "Check if the handler is enabled."),
    MP_FUNCTION(
        fh_dump_traceback, "dump_traceback(file=None, all_threads=True)",
        "Dump the traceback of the current thread, or of all threads if all_threads is True, into file."),
    MP_FUNCTION(
        fh_dump_later, "dump_traceback_later(timeout, repeat=False, file=None, exit=False)",
        "Dump the traceback of all threads in timeout seconds, or each timeout seconds if repeat is True."),
    MP_FUNCTION(fh_cancel_later, "cancel_dump_traceback_later()",
                "Cancel the previous call to dump_traceback_later()."),
    MP_FUNCTION(fh_register, "register(signum, file=None, all_threads=True, chain=False)",
                "Register a handler for the signal 'signum'."),
    MP_FUNCTION(fh_unregister, "unregister(signum, /)",
                "Unregister the handler of the signal 'signum' registered by register()."),
    MP_FUNCTION(fh_sigsegv, "_sigsegv(release_gil=False, /)", "Raise a SIGSEGV signal."),
    MP_FUNCTION(fh_sigabrt, "_sigabrt()", "Raise a SIGABRT signal."),
    MP_END};

}  // namespace

extern const ModuleSpec kFaulthandlerModule;
const ModuleSpec kFaulthandlerModule = {"faulthandler", "faulthandler module.", kFunctions, nullptr};

}  // namespace mp

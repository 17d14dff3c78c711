// The faulthandler module: tracebacks of the threads on fatal signals, on request, or after a time. What the
// C handlers call uses no heap memory and no lock.
#include <signal.h>
#include <sys/uio.h>
#include <unistd.h>

#include <chrono>
#include <condition_variable>
#include <cstring>
#include <memory>
#include <mutex>
#include <string>

#include "stdlib/native/time_value.h"
#include "vm/exec/frame.h"
#include "vm/native/native.h"
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
std::atomic<bool> g_user_all[kSignalCount], g_user_chain[kSignalCount], g_user_registered[kSignalCount];
struct sigaction g_user_previous[kSignalCount];

// Where a dump goes: a descriptor, or a text, where the reader of the descriptor may be one of the threads
// that are kept from running meanwhile.
struct Output {
  int fd;
  std::string* text = nullptr;
};
void put(Output out, const char* text, size_t length) {
  if (out.text != nullptr) {
    out.text->append(text, length);
    return;
  }
  for (ssize_t n; length > 0 && (n = ::write(out.fd, text, length)) > 0; length -= static_cast<size_t>(n))
    text += n;
}
void put(Output out, const char* text) { put(out, text, std::strlen(text)); }
void put_number(Output out, uint64_t number, unsigned base, int width = 0) {
  char digits[24];
  int n = 0;
  do {
    digits[23 - n++] = "0123456789abcdef"[number % base];
    number /= base;
  } while (number != 0 || n < width);
  put(out, digits + 24 - n, static_cast<size_t>(n));
}
// Reads what another thread may change or give back meanwhile: false instead of a fault. Where the system
// forbids the call it is a plain copy.
template <class T>
bool peek(const void* from, T* to, size_t count = 1) {
  size_t size = sizeof(T) * count;
  iovec local{to, size}, remote{const_cast<void*>(from), size};
  ssize_t n = process_vm_readv(getpid(), &local, 1, &remote, 1, 0);
  if (n < 0 && errno != EFAULT) std::memcpy(static_cast<void*>(to), from, size);
  return n == static_cast<ssize_t>(size) || (n < 0 && errno != EFAULT);
}
// A copy of an object's memory, when it is one of that type.
template <class T>
struct Peeked {
  alignas(T) char bytes[sizeof(T)];
  bool read(const void* from, const Type* type) {
    return from != nullptr && peek(from, bytes, sizeof bytes) && (*this)->type() == type;
  }
  const T* operator->() const { return reinterpret_cast<const T*>(bytes); }
};

void put_text(Output out, Thread& t, Value v) {
  Peeked<StrObject> text;
  uint8_t units[kMaxText * 4];
  if (!v.is_object() || !text.read(v.as_object(), t.types().str) || text->is_external()) {
    put(out, "???");
    return;
  }
  size_t length = std::min(text->length(), kMaxText), width = static_cast<size_t>(text->width());
  if (!peek(v.as<StrObject>() + 1, units, length * width)) length = 0;
  for (size_t i = 0; i < length; ++i) {
    uint32_t c = 0;
    std::memcpy(&c, units + i * width, width);
    if (c >= 32 && c < 127) {
      char byte = static_cast<char>(c);
      put(out, &byte, 1);
    } else {
      put(out, c < 256 ? "\\x" : c < 65536 ? "\\u" : "\\U");
      put_number(out, c, 16, c < 256 ? 2 : c < 65536 ? 4 : 8);
    }
  }
  if (length < text->length()) put(out, "...");
}

// The thread may run meanwhile, and frames come and go: then the list ends where it makes no sense any more.
void dump_frames(Output out, Thread& t) {
  const Frame* at;
  if (!peek(&t.frame, &at)) return;
  if (at == nullptr) put(out, "  <no Python frame>\n");
  Frame frame;
  Peeked<CodeObject> code;
  for (int depth = 0; at != nullptr && depth < kMaxFrames; at = frame.previous, ++depth) {
    if (!peek(at, &frame) || !code.read(frame.code, t.types().code)) return;
    put(out, "  File \"");
    put_text(out, t, code->filename);
    put(out, "\", line ");
    uint32_t word = code->word_of(frame.pc);
    // (code_line() would keep what it reads, in heap memory.)
    auto line = word < code->word_count ? code_position(frame.code, word).line : 0;
    if (line > 0)
      put_number(out, static_cast<uint64_t>(line), 10);
    else
      put(out, "???");
    put(out, " in ");
    put_text(out, t, code->name);
    put(out, "\n");
  }
}

constexpr int kMaxThreads = 100;

// Keeps threads from ending while we look at them; goes without where a signal came while the lock was held.
class TableLock {
 public:
  explicit TableLock(std::mutex& mutex) : mutex_(mutex) {
    for (int i = 0; i < 20 && !(locked_ = mutex.try_lock()); ++i) usleep(1000);
  }
  ~TableLock() {
    if (locked_) mutex_.unlock();
  }
  TableLock(const TableLock&) = delete;

 private:
  std::mutex& mutex_;
  bool locked_ = false;
};

void dump(Output out, Runtime& runtime, bool all) {
  uint64_t self = static_cast<uint64_t>(pthread_self());
  TableLock lock(runtime.threads->mutex);
  int threads = 0;
  for (Thread* t = runtime.threads->first; t != nullptr; t = t->impl->next) {
    bool current = t->ident == self;
    if (!current && !all) continue;
    if (threads != 0) put(out, "\n");
    if (++threads > kMaxThreads) {
      put(out, "...\n");
      return;
    }
    if (all) {
      put(out, current ? "Current thread 0x" : "Thread 0x");
      put_number(out, t->ident, 16, 16);
    } else {
      put(out, "Stack");
    }
    put(out, " (most recent call first):\n");
    if (all && current && (t->impl->collecting || t->impl->running_finalizers))
      put(out, "  Garbage-collecting\n");
    dump_frames(out, *t);
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
  Output out{g_fatal_fd.load(std::memory_order_relaxed)};
  for (size_t i = 0; i < 5; ++i) {
    if (kFatalSignals[i].number != number) continue;
    sigaction(number, &g_previous[i], nullptr);
    put(out, "Fatal Python error: ");
    put(out, kFatalSignals[i].name);
    put(out, "\n\n");
  }
  if (Runtime* runtime = g_runtime.load(std::memory_order_relaxed))
    dump(out, *runtime, g_all_threads.load(std::memory_order_relaxed));
  raise(number);
}

// The handler that was there before gets the signal as well.
void pass_on(int number) {
  const struct sigaction& previous = g_user_previous[number];
  const bool is_plain = (previous.sa_flags & SA_SIGINFO) == 0;
  if (is_plain && previous.sa_handler == SIG_IGN) return;
  if (is_plain && previous.sa_handler != SIG_DFL) return previous.sa_handler(number);
  struct sigaction ours {};
  sigaction(number, &previous, &ours);
  raise(number);
  sigaction(number, &ours, nullptr);
}

void on_user(int number) {
  int saved = errno;
  if (Runtime* runtime = g_runtime.load(std::memory_order_relaxed))
    dump({g_user_fd[number].load(std::memory_order_relaxed)}, *runtime,
         g_user_all[number].load(std::memory_order_relaxed));
  if (g_user_chain[number].load(std::memory_order_relaxed)) pass_on(number);
  errno = saved;
}

void disable();
void cancel_watchdog();
bool unregister(int number);
void forget_runtime(Thread& t) {
  if (g_runtime.load() != &t.runtime()) return;
  disable();
  cancel_watchdog();
  for (int number = 1; number < kSignalCount; ++number) unregister(number);
  g_runtime.store(nullptr);
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
    if (fd < 0) return t.raise(Exc::ValueError, "file is not a valid file descriptor");
    return fd;
  }
  Value number = TRY(call_method(t, file, t.names().fileno));
  int fd = TRY(to_c_int(t, number));
  if (fd < 0) return t.raise(Exc::RuntimeError, "file.fileno() is not a valid file descriptor");
  if (call_method(t, file, t.names().flush).is_error()) t.clear_exception();
  return fd;
}

// Files are kept while a signal may still write to them, and nothing points at a runtime that is gone.
const TypeSpec kKeeperSpec = {.name = "faulthandler", .size = sizeof(Object), .flags = kTypeDisallowNew};
Status keep(Thread& t, std::string_view use, Value file) {
  Type* type = native_type(t, kKeeperSpec);
  if (type->extra.get().is_empty() && type->extra.compare_exchange(kEmpty, make_dict(t)))
    t.runtime().add_exit_hook(forget_runtime);
  g_runtime.store(&t.runtime(), std::memory_order_relaxed);
  return dict_set(t, type->extra.get().as<DictObject>(), make_str(t, use), file);
}

Result<Value> fh_dump_traceback(Thread& t, const Value* args) {
  int fd = TRY(descriptor(t, args[0]));
  bool all = TRY(truth(t, args[1]));
  std::string text;
  {
    StoppedWorld stopped(t);
    dump({fd, &text}, t.runtime(), all);
  }
  BlockingRegion out(t);
  put({fd}, text.data(), text.size());
  return kNone;
}

// Of the main thread: a handler still runs when its stack is used up.
alignas(16) char g_alternate_stack[64 * 1024];

Result<Value> fh_enable(Thread& t, const Value* args) {
  int fd = TRY(descriptor(t, args[0]));
  g_all_threads.store(TRY(truth(t, args[1])), std::memory_order_relaxed);
  TRY(keep(t, "enable", args[0]));
  g_fatal_fd.store(fd, std::memory_order_relaxed);
  if (g_enabled.exchange(true)) return kNone;
  stack_t stack{};
  stack.ss_sp = g_alternate_stack;
  stack.ss_size = sizeof g_alternate_stack;
  bool alternate = t.is_main && sigaltstack(&stack, nullptr) == 0;
  for (size_t i = 0; i < 5; ++i) {
    struct sigaction action {};
    action.sa_handler = on_fatal;
    action.sa_flags = SA_NODEFER | (alternate ? SA_ONSTACK : 0);
    sigemptyset(&action.sa_mask);
    sigaction(kFatalSignals[i].number, &action, &g_previous[i]);
  }
  return kNone;
}
void disable() {
  if (!g_enabled.exchange(false)) return;
  for (size_t i = 0; i < 5; ++i) sigaction(kFatalSignals[i].number, &g_previous[i], nullptr);
}
Result<Value> fh_disable(Thread&, const Value*) {
  bool was = g_enabled.load();
  disable();
  return Value::from_bool(was);
}
Result<Value> fh_is_enabled(Thread&, const Value*) { return Value::from_bool(g_enabled.load()); }

Result<int> user_signal(Thread& t, Value v) {
  int number = TRY(to_c_int(t, v));
  for (const FatalSignal& fatal : kFatalSignals)
    if (fatal.number == number)
      return t.raise(Exc::RuntimeError, "signal {} cannot be registered, use enable() instead", number);
  if (number < 1 || number >= kSignalCount) return t.raise(Exc::ValueError, "signal number out of range");
  return number;
}
Result<Value> fh_register(Thread& t, const Value* args) {
  int number = TRY(user_signal(t, args[0]));
  int fd = TRY(descriptor(t, args[1]));
  bool all = TRY(truth(t, args[2])), chain = TRY(truth(t, args[3]));
  TRY(keep(t, fmt::format("signal {}", number), args[1]));
  g_user_all[number].store(all, std::memory_order_relaxed);
  g_user_chain[number].store(chain, std::memory_order_relaxed);
  g_user_fd[number].store(fd, std::memory_order_relaxed);
  if (g_user_registered[number].load()) return kNone;  // whatever handler a script has set since stays
  struct sigaction action {
  }, previous{};
  action.sa_handler = on_user;
  // With `chain` the previous handler runs inside of ours.
  action.sa_flags = chain ? SA_NODEFER : SA_RESTART;
  sigemptyset(&action.sa_mask);
  if (sigaction(number, &action, &previous) != 0) return t.raise_os_error(errno);
  g_user_previous[number] = previous;
  g_user_registered[number].store(true);
  return kNone;
}
bool unregister(int number) {
  if (!g_user_registered[number].exchange(false)) return false;
  sigaction(number, &g_user_previous[number], nullptr);
  return true;
}
Result<Value> fh_unregister(Thread& t, const Value* args) {
  return Value::from_bool(unregister(TRY(user_signal(t, args[0]))));
}

// The watchdog is a plain OS thread: it must work while the script hangs. One runs at a time, and who sets
// `running` back joins it.
struct Watchdog {
  std::mutex mutex;  // of all that follows
  std::condition_variable changed;
  bool running = false;
  uint64_t number = 0;            // of the one that runs
  std::atomic<pid_t> process{0};  // that has the thread: a child of a fork has none
  pthread_t handle{};
};
Watchdog& watchdog() {
  static auto* one = new Watchdog;  // never destroyed: its thread may outlive main()
  return *one;
}
struct WatchdogRequest {
  std::chrono::microseconds timeout;
  bool repeat, exit;
  int fd;
  Runtime* runtime;
  uint64_t number = 0;
};
void put_timeout(Output out, uint64_t microseconds) {
  uint64_t seconds = microseconds / 1000000;
  put(out, "Timeout (");
  put_number(out, seconds / 3600, 10);
  put(out, ":");
  put_number(out, seconds / 60 % 60, 10, 2);
  put(out, ":");
  put_number(out, seconds % 60, 10, 2);
  if (microseconds % 1000000 != 0) {
    put(out, ".");
    put_number(out, microseconds % 1000000, 10, 6);
  }
  put(out, ")!\n");
}
void* watch(void* argument) {
  std::unique_ptr<WatchdogRequest> request(static_cast<WatchdogRequest*>(argument));
  Watchdog& dog = watchdog();
  std::unique_lock<std::mutex> lock(dog.mutex);
  do {
    if (dog.changed.wait_for(lock, request->timeout, [&] { return dog.number != request->number; }))
      return nullptr;
    std::string text;
    put_timeout({request->fd, &text}, static_cast<uint64_t>(request->timeout.count()));
    dump({request->fd, &text}, *request->runtime, true);
    lock.unlock();
    put({request->fd}, text.data(), text.size());
    if (request->exit) _exit(1);
    lock.lock();
  } while (request->repeat);
  return nullptr;
}
void cancel_watchdog() {
  Watchdog& dog = watchdog();
  if (dog.process != getpid()) return;
  std::unique_lock<std::mutex> lock(dog.mutex);
  if (!dog.running) return;
  dog.running = false;
  ++dog.number;
  dog.changed.notify_all();
  pthread_t handle = dog.handle;
  lock.unlock();
  pthread_join(handle, nullptr);
}
Result<Value> fh_dump_later(Thread& t, const Value* args) {
  int64_t nanoseconds = TRY(time_from_seconds(t, args[0], TimeRounding::Up));
  if (nanoseconds <= 0) return t.raise(Exc::ValueError, "timeout must be greater than 0");
  bool repeat = TRY(truth(t, args[1])), exit = TRY(truth(t, args[3]));
  int fd = TRY(descriptor(t, args[2]));
  TRY(keep(t, "later", args[2]));
  auto timeout = std::chrono::microseconds((nanoseconds - 1) / 1000 + 1);
  auto request = std::make_unique<WatchdogRequest>(WatchdogRequest{timeout, repeat, exit, fd, &t.runtime()});
  Watchdog& dog = watchdog();
  for (;;) {
    {
      BlockingRegion out(t);
      cancel_watchdog();
    }
    std::lock_guard<std::mutex> lock(dog.mutex);
    if (dog.running && dog.process == getpid()) continue;  // another thread has just started one
    request->number = dog.number;
    // Signals are for the runtime's threads.
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &before);
    int failed = pthread_create(&dog.handle, nullptr, watch, request.get());
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
    if (failed != 0) return t.raise(Exc::RuntimeError, "unable to start watchdog thread");
    (void)request.release();
    dog.running = true;
    dog.process = getpid();
    return kNone;
  }
}
Result<Value> fh_cancel_later(Thread& t, const Value*) {
  BlockingRegion out(t);
  cancel_watchdog();
  return kNone;
}
Result<Value> fh_sigfpe(Thread&, const Value*) {
  raise(SIGFPE);
  return kNone;
}
Result<Value> fh_read_null(Thread&, const Value*) {
  volatile int* null = nullptr;
  return Value::from_int(*null);
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
    MP_FUNCTION(fh_sigfpe, "_sigfpe()", "Raise a SIGFPE signal."),
    MP_FUNCTION(fh_read_null, "_read_null()", "Read from NULL, raise a SIGSEGV signal."),
    MP_FUNCTION(fh_sigabrt, "_sigabrt()", "Raise a SIGABRT signal."),
    MP_END};

}  // namespace

extern const ModuleSpec kFaulthandlerModule;
const ModuleSpec kFaulthandlerModule = {"faulthandler", "faulthandler module.", kFunctions, nullptr};

}  // namespace mp

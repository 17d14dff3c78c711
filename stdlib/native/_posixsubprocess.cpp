// _posixsubprocess: fork_exec(), the heart of subprocess.Popen. Without a preexec_fn the child shares the
// parent's memory until it runs the new program (vfork), so no page table is copied. What fails in the child
// is told through the error pipe as "ExceptionName:errno in hexadecimal:message".
#include <dirent.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/close_range.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstring>

#include "stdlib/native/posix_process.h"

#include "vm/core/compiler.h"

extern char** environ;

namespace mp {
namespace {

using posix::StringVector;

// All that the child needs, made before the fork: it must not allocate.
struct ChildPlan {
  char** arguments = nullptr;
  char** environment = nullptr;  // null: what the process has then, preexec_fn may have changed it
  char** executables = nullptr;
  const char* directory = nullptr;  // null: stay
  int p2cread = -1, p2cwrite = -1, c2pread = -1, c2pwrite = -1, errread = -1, errwrite = -1;
  int errpipe_read = -1, errpipe_write = -1;
  const int* keep = nullptr;  // descriptors that stay open, ascending
  size_t keep_count = 0;
  bool close_descriptors = false, restore_signals = false, new_session = false, change_groups = false;
  pid_t process_group = -1;
  size_t group_count = 0;
  const gid_t* groups = nullptr;
  gid_t group = static_cast<gid_t>(-1);
  uid_t user = static_cast<uid_t>(-1);
  int umask = -1;
  const sigset_t* signals = nullptr;  // vfork: to be unblocked when no handler of ours is left
};

// ---- The child. SAFETY: after vfork it shares the parent's memory while other threads run, so everything up
// to exec is system calls on what the plan names. After fork it may call only what is async-signal-safe.

void close_between(unsigned first, unsigned last) {
  if (first > last || syscall(SYS_close_range, first, last, 0) == 0) return;
  // Kernels before 5.9. The directory lists what is open; getdents64 needs no memory of its own.
  int directory = open("/proc/self/fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (directory < 0) {
    long most = sysconf(_SC_OPEN_MAX);
    for (unsigned fd = first; fd <= last && fd < static_cast<unsigned long>(most > 0 ? most : 65536); ++fd)
      close(static_cast<int>(fd));
    return;
  }
  struct Entry {
    uint64_t inode;
    int64_t offset;
    uint16_t length;
    uint8_t type;
    char name[];
  };
  alignas(Entry) char buffer[4096];
  for (;;) {
    long size = syscall(SYS_getdents64, directory, buffer, sizeof buffer);
    if (size <= 0) break;
    for (long at = 0; at < size;) {
      const auto* entry = reinterpret_cast<const Entry*>(buffer + at);
      at += entry->length;
      unsigned fd = 0;
      const char* digit = entry->name;
      for (; *digit >= '0' && *digit <= '9'; ++digit) fd = fd * 10 + static_cast<unsigned>(*digit - '0');
      if (*digit == '\0' && fd >= first && fd <= last && static_cast<int>(fd) != directory)
        close(static_cast<int>(fd));
    }
  }
  close(directory);
}
void close_open_descriptors(const ChildPlan& plan) {
  unsigned first = 3;
  for (size_t i = 0; i < plan.keep_count; ++i) {
    auto kept = static_cast<unsigned>(plan.keep[i]);
    if (kept < first) continue;
    if (kept > first) close_between(first, kept - 1);
    first = kept + 1;
  }
  close_between(first, ~0u);
}
int set_inheritable(int fd) {
  int flags = fcntl(fd, F_GETFD);
  return flags < 0 ? -1 : fcntl(fd, F_SETFD, flags & ~FD_CLOEXEC);
}

// Makes `fd` the child's `target`; one that is there already only loses its close-on-exec flag.
bool install(int fd, int target) {
  if (fd == target) return set_inheritable(fd) >= 0;
  return fd < 0 || dup2(fd, target) >= 0;
}
bool install_standard_streams(ChildPlan& plan) {
  for (size_t i = 0; i < plan.keep_count; ++i)
    if (plan.keep[i] != plan.errpipe_write && set_inheritable(plan.keep[i]) < 0) return false;
  for (int fd : {plan.p2cwrite, plan.c2pread, plan.errread, plan.errpipe_read})
    if (fd >= 0) close(fd);
  // A source that another stream is about to overwrite moves out of the way first.
  if (plan.c2pwrite == 0 && (plan.c2pwrite = dup(plan.c2pwrite)) < 0) return false;
  while (plan.errwrite == 0 || plan.errwrite == 1)
    if ((plan.errwrite = dup(plan.errwrite)) < 0) return false;
  return install(plan.p2cread, 0) && install(plan.c2pwrite, 1) && install(plan.errwrite, 2);
}
// Handlers are functions in memory that the child does not have for long: all become the default.
void reset_signal_handlers(const sigset_t* mask) {
  for (int signal = 1; signal < NSIG; ++signal) {
    if (signal == SIGKILL || signal == SIGSTOP) continue;
    struct sigaction action;
    if (sigaction(signal, nullptr, &action) < 0 || action.sa_handler == SIG_IGN ||
        action.sa_handler == SIG_DFL)
      continue;
    action.sa_handler = SIG_DFL;
    action.sa_flags = 0;
    sigemptyset(&action.sa_mask);
    sigaction(signal, &action, nullptr);
  }
  sigprocmask(SIG_SETMASK, mask, nullptr);
}
void ignore_result(ssize_t) {}
[[noreturn]] void report_and_exit(int pipe, int error, const char* message) {
  char hexadecimal[2 * sizeof error];
  char* begin = hexadecimal + sizeof hexadecimal;
  if (error != 0) {
    for (auto rest = static_cast<unsigned>(error); rest != 0; rest >>= 4)
      *--begin = "0123456789ABCDEF"[rest & 15];
    ignore_result(write(pipe, "OSError:", 8));
    ignore_result(write(pipe, begin, static_cast<size_t>(hexadecimal + sizeof hexadecimal - begin)));
    ignore_result(write(pipe, ":", 1));
  } else {
    ignore_result(write(pipe, "SubprocessError:0:", 18));
  }
  ignore_result(write(pipe, message, std::strlen(message)));
  _exit(255);
}

// What comes before preexec_fn. False with errno: *message is the rest of the report.
bool prepare_child(ChildPlan& plan, const char** message) {
  *message = "noexec";
  if (!install_standard_streams(plan)) return false;
  if (plan.directory != nullptr && chdir(plan.directory) < 0) {
    *message = "noexec:chdir";
    return false;
  }
  if (plan.umask >= 0) ::umask(static_cast<mode_t>(plan.umask));
  if (plan.restore_signals)
    for (int signal : {SIGPIPE, SIGXFSZ}) ::signal(signal, SIG_DFL);
  if (plan.signals != nullptr) reset_signal_handlers(plan.signals);
  if (plan.new_session && setsid() < 0) return false;
  if (plan.process_group >= 0 && setpgid(0, plan.process_group) < 0) return false;
  // System calls, not the C library's functions: those would change the ids of all threads of the parent.
  if (plan.change_groups && syscall(SYS_setgroups, plan.group_count, plan.groups) < 0) return false;
  if (plan.group != static_cast<gid_t>(-1) && syscall(SYS_setregid, plan.group, plan.group) < 0) return false;
  if (plan.user != static_cast<uid_t>(-1) && syscall(SYS_setreuid, plan.user, plan.user) < 0) return false;
  return true;
}
[[noreturn]] void run_program(ChildPlan& plan) {
  if (plan.close_descriptors) close_open_descriptors(plan);
  // Of several candidates the first real reason counts.
  int reason = 0;
  for (char** path = plan.executables; *path != nullptr; ++path) {
    execve(*path, plan.arguments, plan.environment != nullptr ? plan.environment : environ);
    if (errno != ENOENT && errno != ENOTDIR && reason == 0) reason = errno;
  }
  report_and_exit(plan.errpipe_write, reason != 0 ? reason : errno, "");
}
[[noreturn]] MP_NOINLINE void run_child(ChildPlan& plan) {
  const char* message;
  if (!prepare_child(plan, &message)) report_and_exit(plan.errpipe_write, errno, message);
  run_program(plan);
}

// ---- The parent.

// vfork() in a frame of its own: the child runs on our stack and must not return from it.
MP_NOINLINE pid_t vfork_and_run(ChildPlan& plan) {
  pid_t pid = vfork();
  if (pid == 0) run_child(plan);
  return pid;
}
Result<pid_t> start_sharing_memory(Thread& t, ChildPlan& plan) {
  sigset_t all, before;
  sigfillset(&all);
  pid_t pid;
  int error;
  {
    BlockingRegion out(t);
    // No signal handler may run in the child while it shares our memory.
    pthread_sigmask(SIG_BLOCK, &all, &before);
    plan.signals = &before;
    pid = vfork_and_run(plan);
    error = errno;
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
  }
  if (pid < 0) return t.raise_os_error(error);
  return pid;
}
Result<pid_t> start_with_function(Thread& t, ChildPlan& plan, Value function) {
  posix::Fork frame(t);
  TRY(frame.before());
  pid_t pid = fork();
  int error = errno;
  if (pid == 0) {
    const char* message;
    frame.in_child();
    if (!prepare_child(plan, &message)) report_and_exit(plan.errpipe_write, errno, message);
    if (call(t, function).is_error())
      report_and_exit(plan.errpipe_write, 0, "Exception occurred in preexec_fn.");
    run_program(plan);
  }
  frame.in_parent();
  if (pid < 0) return t.raise_os_error(error);
  return pid;
}

// args, executables and environments are sequences; their items bytes, except for the arguments.
Status fill_bytes(Thread& t, Value sequence, StringVector& out) {
  if (!is_list(sequence) && !is_tuple(sequence) && type_of(t, sequence)->slots.get_item == nullptr)
    return t.raise(Exc::TypeError, "'{}' object is not iterable", type_name(t, sequence));
  return for_each(t, sequence, [&](Value item) -> Status {
    if (!is_bytes(item)) return t.raise(Exc::TypeError, "expected bytes, {} found", type_name(t, item));
    out.strings.push_back(TRY(posix::exec_string(t, item)));
    return {};
  });
}
Status fill_process_arguments(Thread& t, Value sequence, StringVector& out) {
  Value items = is_tuple(sequence) ? sequence : TRY(to_list(t, sequence));
  return for_each(t, items, [&](Value item) -> Status {
    out.strings.push_back(TRY(posix::exec_string(t, item)));
    return {};
  });
}
// Ascending, and every one a descriptor.
Status fill_descriptors(Thread& t, Value tuple, std::vector<int>& out) {
  if (!is_tuple(tuple))
    return t.raise(Exc::TypeError, "fork_exec() argument 4 must be tuple, not {}", type_name(t, tuple));
  int64_t previous = -1;
  for (size_t i = 0; i < tuple.as<TupleObject>()->size; ++i) {
    Value item = (*tuple.as<TupleObject>())[i];
    int64_t fd;
    if (!is_any_int(item) || !int_to_int64(item, &fd) || fd <= previous || fd > INT32_MAX)
      return t.raise(Exc::ValueError, "bad value(s) in fds_to_keep");
    out.push_back(static_cast<int>(fd));
    previous = fd;
  }
  return {};
}
Status fill_groups(Thread& t, Value sequence, std::vector<gid_t>& out) {
  if (!is_list(sequence) && !is_tuple(sequence))
    return t.raise(Exc::TypeError, "setgroups argument must be a sequence");
  if (TRY(length(t, sequence)) > 65536) return t.raise(Exc::ValueError, "too many extra_groups");
  return for_each(t, sequence, [&](Value item) -> Status {
    if (!is_any_int(item)) return t.raise(Exc::TypeError, "extra_groups must be integers");
    Result<gid_t> group = posix::id_argument(t, item, "gid");
    if (group.is_error()) {
      if (!t.catch_exception(Exc::OverflowError)) return Error{};
      return t.raise(Exc::ValueError, "invalid group id");
    }
    out.push_back(group.value());
    return {};
  });
}

enum Argument : size_t {
  kArguments,
  kExecutables,
  kCloseFds,
  kKeep,
  kDirectory,
  kEnvironment,
  kP2cread,
  kP2cwrite,
  kC2pread,
  kC2pwrite,
  kErrread,
  kErrwrite,
  kErrpipeRead,
  kErrpipeWrite,
  kRestoreSignals,
  kSetsid,
  kProcessGroup,
  kGid,
  kGroups,
  kUid,
  kUmask,
  kPreexec,
  kAllowVfork
};

Result<Value> fork_exec(Thread& t, const Value* args) {
  if (!args[kPreexec].is_none() && t.runtime().finalizing)
    return t.raise(Exc::PythonFinalizationError, "preexec_fn not supported at interpreter shutdown");
  ChildPlan plan;
  std::vector<int> keep;
  TRY(fill_descriptors(t, args[kKeep], keep));
  plan.close_descriptors = TRY(truth(t, args[kCloseFds]));
  for (auto [argument, field] : {std::pair{kP2cread, &plan.p2cread},
                                 {kP2cwrite, &plan.p2cwrite},
                                 {kC2pread, &plan.c2pread},
                                 {kC2pwrite, &plan.c2pwrite},
                                 {kErrread, &plan.errread},
                                 {kErrwrite, &plan.errwrite},
                                 {kErrpipeRead, &plan.errpipe_read},
                                 {kErrpipeWrite, &plan.errpipe_write},
                                 {kProcessGroup, &plan.process_group},
                                 {kUmask, &plan.umask}})
    *field = TRY(to_c_int(t, args[argument]));
  plan.restore_signals = TRY(truth(t, args[kRestoreSignals]));
  plan.new_session = TRY(truth(t, args[kSetsid]));
  bool allow_vfork = TRY(truth(t, args[kAllowVfork]));
  if (plan.close_descriptors && plan.errpipe_write < 3)
    return t.raise(Exc::ValueError, "errpipe_write must be >= 3");
  plan.keep = keep.data();
  plan.keep_count = keep.size();

  StringVector executables, arguments, environment;
  TRY(fill_bytes(t, args[kExecutables], executables));
  TRY(fill_process_arguments(t, args[kArguments], arguments));
  plan.executables = executables.data();
  plan.arguments = arguments.data();
  if (!args[kEnvironment].is_none()) {
    TRY(fill_bytes(t, args[kEnvironment], environment));
    plan.environment = environment.data();
  }
  std::string directory;
  if (!args[kDirectory].is_none()) {
    directory = TRY(posix::exec_string(t, args[kDirectory]));
    plan.directory = directory.c_str();
  }
  std::vector<gid_t> groups;
  if (!args[kGroups].is_none()) {
    TRY(fill_groups(t, args[kGroups], groups));
    plan.change_groups = true;
    plan.groups = groups.data();
    plan.group_count = groups.size();
  }
  if (!args[kGid].is_none()) plan.group = TRY(posix::id_argument(t, args[kGid], "gid"));
  if (!args[kUid].is_none()) plan.user = TRY(posix::id_argument(t, args[kUid], "uid"));

  io::flush_writers(t);
  if (!args[kPreexec].is_none()) return make_int(t, TRY(start_with_function(t, plan, args[kPreexec])));
  if (allow_vfork) return make_int(t, TRY(start_sharing_memory(t, plan)));
  // subprocess._USE_VFORK = False: the child gets a copy of the memory, and no script code runs in it.
  pid_t pid;
  int error;
  {
    BlockingRegion out(t);
    pid = fork();
    if (pid == 0) run_child(plan);
    error = errno;
  }
  if (pid < 0) return t.raise_os_error(error);
  return make_int(t, pid);
}

const NativeDef kFunctions[] = {
    MP_FUNCTION(
        fork_exec,
        "fork_exec(args, executable_list, close_fds, pass_fds, cwd, env, p2cread, p2cwrite, c2pread, "
        "c2pwrite, errread, errwrite, errpipe_read, errpipe_write, restore_signals, call_setsid, "
        "pgid_to_set, gid, extra_groups, uid, child_umask, preexec_fn, allow_vfork=True, /)",
        "Spawn a fresh new child process.\n\nFork a child process, close parent file descriptors as "
        "appropriate in the\nchild and duplicate the few that are needed before calling exec() in the\n"
        "child process."),
    MP_END};

}  // namespace

extern const ModuleSpec kPosixsubprocessModule;
const ModuleSpec kPosixsubprocessModule = {"_posixsubprocess", "A POSIX helper for the subprocess module.",
                                           kFunctions};

}  // namespace mp

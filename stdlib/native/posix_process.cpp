// posix: processes, users, the environment, the system.
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/times.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>

#include "stdlib/native/posix_support.h"
#include "vm/gc/root.h"
#include "vm/threads/thread_table.h"

extern char** environ;

namespace mp::posix {
namespace {

#define MP_ID_FUNCTION(name, call) \
  Result<Value> name(Thread& t, const Value*) { return make_int(t, static_cast<int64_t>(call())); }
MP_ID_FUNCTION(os_getpid, getpid)
MP_ID_FUNCTION(os_getppid, getppid)
MP_ID_FUNCTION(os_getuid, getuid)
MP_ID_FUNCTION(os_geteuid, geteuid)
MP_ID_FUNCTION(os_getgid, getgid)
MP_ID_FUNCTION(os_getegid, getegid)
MP_ID_FUNCTION(os_getpgrp, getpgrp)
#undef MP_ID_FUNCTION
Result<Value> os_getpgid(Thread& t, const Value* args) {
  int pid = TRY(to_c_int(t, args[0]));
  return Value::from_int(TRY(checked(t, [&] { return getpgid(pid); })));
}
Result<Value> os_setpgid(Thread& t, const Value* args) {
  int pid = TRY(to_c_int(t, args[0])), group = TRY(to_c_int(t, args[1]));
  TRY(checked(t, [&] { return setpgid(pid, group); }));
  return kNone;
}
Result<Value> os_getsid(Thread& t, const Value* args) {
  int pid = TRY(to_c_int(t, args[0]));
  return Value::from_int(TRY(checked(t, [&] { return getsid(pid); })));
}
Result<Value> os_setsid(Thread& t, const Value*) {
  TRY(checked(t, [&] { return setsid(); }));
  return kNone;
}
Result<Value> os_kill(Thread& t, const Value* args) {
  int pid = TRY(to_c_int(t, args[0])), signal_number = TRY(to_c_int(t, args[1]));
  TRY(checked(t, [&] { return kill(pid, signal_number); }));
  TRY(t.poll());  // a signal to ourselves is handled before we return
  return kNone;
}
Result<Value> os_killpg(Thread& t, const Value* args) {
  int group = TRY(to_c_int(t, args[0])), signal_number = TRY(to_c_int(t, args[1]));
  TRY(checked(t, [&] { return killpg(group, signal_number); }));
  TRY(t.poll());
  return kNone;
}
Result<Value> os_exit(Thread& t, const Value* args) { _exit(TRY(to_c_int(t, args[0]))); }
Result<Value> os_abort(Thread&, const Value*) { abort(); }

// ---- fork and wait

constexpr char kHooksKey[] = "posix.fork_hooks";

// Lists of callables: before, after in the child, after in the parent.
Result<Value> fork_hooks(Thread& t) {
  DictObject* table = t.runtime().native_types;
  Value hooks = dict_get_text(t, table, kHooksKey);
  if (!hooks.is_not_found()) return hooks;
  Value made = make_tuple(t, {make_list(t), make_list(t), make_list(t)});
  TRY(dict_set_text(t, table, kHooksKey, made));
  return made;
}
Result<Value> os_register_at_fork(Thread& t, const Value* args) {
  if (args[0].is_empty() && args[1].is_empty() && args[2].is_empty())
    return t.raise(Exc::TypeError, "At least one argument is required.");
  Value hooks = TRY(fork_hooks(t));
  for (size_t i = 0; i < 3; ++i) {
    if (args[i].is_empty()) continue;
    if (!is_callable(t, args[i]))
      return t.raise(Exc::TypeError, "'{}' must be callable, not {}",
                     i == 0   ? "before"
                     : i == 1 ? "after_in_child"
                              : "after_in_parent",
                     type_name(t, args[i]));
    TRY(list_append(t, (*hooks.as<TupleObject>())[i].as<ListObject>(), args[i]));
  }
  return kNone;
}
void run_hooks(Thread& t, Value hooks, size_t which, bool backwards) {
  TupleObject* snapshot = list_to_tuple(t, (*hooks.as<TupleObject>())[which].as<ListObject>());
  for (size_t i = 0; i < snapshot->size; ++i) {
    Value hook = (*snapshot)[backwards ? snapshot->size - 1 - i : i];
    if (call(t, hook).is_error()) write_unraisable(t, nullptr, hook);
  }
}
Result<Value> os_fork(Thread& t, const Value*) {
  Value hooks = TRY(fork_hooks(t));
  run_hooks(t, hooks, 0, true);
  io::flush_writers(t);
  before_fork(t);
  pid_t pid = fork();
  int error = errno;
  if (pid == 0) {
    after_fork_child(t);
    run_hooks(t, hooks, 1, false);
    return Value::from_int(0);
  }
  after_fork_parent(t);
  run_hooks(t, hooks, 2, false);
  if (pid < 0) return t.raise_os_error(error);
  return make_int(t, pid);
}
Result<Value> os_waitpid(Thread& t, const Value* args) {
  int pid = TRY(to_c_int(t, args[0])), options = TRY(to_c_int(t, args[1]));
  int status = 0;
  int64_t child = TRY(checked(t, [&] { return waitpid(pid, &status, options); }));
  return make_tuple(t, {make_int(t, child), Value::from_int(status)});
}
Result<Value> os_wait(Thread& t, const Value*) {
  int status = 0;
  int64_t child = TRY(checked(t, [&] { return wait(&status); }));
  return make_tuple(t, {make_int(t, child), Value::from_int(status)});
}
#define MP_WAIT_FUNCTION(name, expression)           \
  Result<Value> name(Thread& t, const Value* args) { \
    int status = TRY(to_c_int(t, args[0]));          \
    return expression;                               \
  }
MP_WAIT_FUNCTION(os_wifexited, Value::from_bool(WIFEXITED(status)))
MP_WAIT_FUNCTION(os_wexitstatus, Value::from_int(WEXITSTATUS(status)))
MP_WAIT_FUNCTION(os_wifsignaled, Value::from_bool(WIFSIGNALED(status)))
MP_WAIT_FUNCTION(os_wtermsig, Value::from_int(WTERMSIG(status)))
MP_WAIT_FUNCTION(os_wifstopped, Value::from_bool(WIFSTOPPED(status)))
MP_WAIT_FUNCTION(os_wstopsig, Value::from_int(WSTOPSIG(status)))
MP_WAIT_FUNCTION(os_wifcontinued, Value::from_bool(WIFCONTINUED(status)))
MP_WAIT_FUNCTION(os_wcoredump, Value::from_bool(WCOREDUMP(status)))
#undef MP_WAIT_FUNCTION
Result<Value> os_waitstatus_to_exitcode(Thread& t, const Value* args) {
  int status = TRY(to_c_int(t, args[0]));
  if (WIFEXITED(status)) return Value::from_int(WEXITSTATUS(status));
  if (WIFSIGNALED(status)) return Value::from_int(-WTERMSIG(status));
  return t.raise(Exc::ValueError, "invalid wait status: {}", status);
}

// argv- or environ-like strings for exec.
struct StringVector {
  std::vector<std::string> strings;
  std::vector<char*> pointers;
  char** data() {
    pointers.clear();
    for (std::string& s : strings) pointers.push_back(s.data());
    pointers.push_back(nullptr);
    return pointers.data();
  }
};
Result<std::string> exec_string(Thread& t, Value v) {
  Value path = TRY(io::file_system_path(t, v));
  std::string text =
      is_bytes(path) ? std::string(path.as<BytesObject>()->view()) : TRY(io::file_system_encode(t, path));
  if (text.find('\0') != std::string::npos) return t.raise(Exc::ValueError, "embedded null byte");
  return text;
}
Status fill_arguments(Thread& t, Value sequence, StringVector& out, const char* name) {
  if (!is_list(sequence) && !is_tuple(sequence))
    return t.raise(Exc::TypeError, "{}() arg 2 must be a tuple or list", name);
  TRY(for_each(t, sequence, [&](Value item) -> Status {
    out.strings.push_back(TRY(exec_string(t, item)));
    return {};
  }));
  if (out.strings.empty()) return t.raise(Exc::ValueError, "{}() arg 2 must not be empty", name);
  return {};
}
Status fill_environment(Thread& t, Value mapping, StringVector& out) {
  Value items = TRY(call_method(t, mapping, t.names().items));
  return for_each(t, items, [&](Value pair) -> Status {
    Value two = TRY(to_tuple(t, pair));
    std::string key = TRY(exec_string(t, (*two.as<TupleObject>())[0]));
    std::string value = TRY(exec_string(t, (*two.as<TupleObject>())[1]));
    if (key.find('=') != std::string::npos)
      return t.raise(Exc::ValueError, "illegal environment variable name");
    out.strings.push_back(key + "=" + value);
    return {};
  });
}
Result<Value> exec_with(Thread& t, Value path_value, Value arguments, Value environment, const char* name) {
  Path path = TRY(path_argument(t, path_value, name));
  StringVector argv, env;
  TRY(fill_arguments(t, arguments, argv, name));
  char** environment_pointer = environ;
  if (!environment.is_empty()) {
    TRY(fill_environment(t, environment, env));
    environment_pointer = env.data();
  }
  execve(path.text.c_str(), argv.data(), environment_pointer);
  return t.raise_os_error(errno, path_value);
}
Result<Value> os_execv(Thread& t, const Value* args) {
  return exec_with(t, args[0], args[1], kEmpty, "execv");
}
Result<Value> os_execve(Thread& t, const Value* args) {
  return exec_with(t, args[0], args[1], args[2], "execve");
}
Result<Value> os_system(Thread& t, const Value* args) {
  std::string command = TRY(exec_string(t, args[0]));
  io::flush_writers(t);
  int status;
  {
    BlockingRegion out(t);
    status = system(command.c_str());
  }
  return Value::from_int(status);
}

// ---- environment and system

Result<Value> os_putenv(Thread& t, const Value* args) {
  std::string name = TRY(exec_string(t, args[0])), value = TRY(exec_string(t, args[1]));
  if (name.find('=') != std::string::npos)
    return t.raise(Exc::ValueError, "illegal environment variable name");
  if (setenv(name.c_str(), value.c_str(), 1) < 0) return t.raise_os_error(errno);
  return kNone;
}
Result<Value> os_unsetenv(Thread& t, const Value* args) {
  std::string name = TRY(exec_string(t, args[0]));
  if (unsetenv(name.c_str()) < 0) return t.raise_os_error(errno);
  return kNone;
}
Result<Value> os_strerror(Thread& t, const Value* args) {
  return make_str(t, strerror(TRY(to_c_int(t, args[0]))));
}
Result<Value> os_cpu_count(Thread&, const Value*) {
  long n = sysconf(_SC_NPROCESSORS_ONLN);
  return n > 0 ? Value::from_int(n) : kNone;
}
Result<Value> os_getloadavg(Thread& t, const Value*) {
  double loads[3];
  if (getloadavg(loads, 3) != 3) return t.raise(Exc::OSError, "Load averages are unobtainable");
  return make_tuple(t, {make_float(t, loads[0]), make_float(t, loads[1]), make_float(t, loads[2])});
}
Result<Value> os_nice(Thread& t, const Value* args) {
  int increment = TRY(to_c_int(t, args[0]));
  errno = 0;
  int value = nice(increment);
  if (value == -1 && errno != 0) return t.raise_os_error(errno);
  return Value::from_int(value);
}
Result<Value> os_sched_yield(Thread& t, const Value*) {
  BlockingRegion out(t);
  sched_yield();
  return kNone;
}
Result<Value> os_sched_getaffinity(Thread& t, const Value* args) {
  int pid = TRY(to_c_int(t, args[0]));
  cpu_set_t set;
  TRY(checked(t, [&] { return sched_getaffinity(pid, sizeof set, &set); }));
  SetObject* result = make_set(t);
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu)
    if (CPU_ISSET(cpu, &set)) TRY(set_add(t, result, Value::from_int(cpu)));
  return result;
}
Result<Value> os_sched_setaffinity(Thread& t, const Value* args) {
  int pid = TRY(to_c_int(t, args[0]));
  cpu_set_t set;
  CPU_ZERO(&set);
  TRY(for_each(t, args[1], [&](Value cpu) -> Status {
    int number = TRY(to_c_int(t, cpu));
    if (number < 0 || number >= CPU_SETSIZE) return t.raise(Exc::ValueError, "CPU number out of range");
    CPU_SET(number, &set);
    return {};
  }));
  TRY(checked(t, [&] { return sched_setaffinity(pid, sizeof set, &set); }));
  return kNone;
}
constexpr const char* kUnameFields[] = {"sysname", "nodename", "release", "version", "machine", nullptr};
const StructSequenceSpec kUnameSpec = {"posix.uname_result", kUnameFields, 5, nullptr};
Result<Value> os_uname(Thread& t, const Value*) {
  utsname u;
  uname(&u);
  Value fields[] = {make_str(t, u.sysname), make_str(t, u.nodename), make_str(t, u.release),
                    make_str(t, u.version), make_str(t, u.machine)};
  return make_struct_sequence(t, struct_sequence_type(t, kUnameSpec), fields, 5);
}
constexpr const char* kTimesFields[] = {"user",    "system", "children_user", "children_system",
                                        "elapsed", nullptr};
const StructSequenceSpec kTimesSpec = {"posix.times_result", kTimesFields, 5, nullptr};
Result<Value> os_times(Thread& t, const Value*) {
  tms times_buffer;
  clock_t elapsed = times(&times_buffer);
  auto ticks = static_cast<double>(sysconf(_SC_CLK_TCK));
  auto seconds = [&](clock_t c) { return make_float(t, static_cast<double>(c) / ticks); };
  Value fields[] = {seconds(times_buffer.tms_utime), seconds(times_buffer.tms_stime),
                    seconds(times_buffer.tms_cutime), seconds(times_buffer.tms_cstime), seconds(elapsed)};
  return make_struct_sequence(t, struct_sequence_type(t, kTimesSpec), fields, 5);
}
Result<Value> os_sysconf(Thread& t, const Value* args) {
  int name;
  if (is_str(args[0])) {
    std::string text = to_utf8(args[0].as<StrObject>());
    if (text == "SC_PAGESIZE" || text == "SC_PAGE_SIZE")
      name = _SC_PAGESIZE;
    else if (text == "SC_NPROCESSORS_ONLN")
      name = _SC_NPROCESSORS_ONLN;
    else if (text == "SC_NPROCESSORS_CONF")
      name = _SC_NPROCESSORS_CONF;
    else if (text == "SC_CLK_TCK")
      name = _SC_CLK_TCK;
    else if (text == "SC_OPEN_MAX")
      name = _SC_OPEN_MAX;
    else if (text == "SC_PHYS_PAGES")
      name = _SC_PHYS_PAGES;
    else if (text == "SC_ARG_MAX")
      name = _SC_ARG_MAX;
    else if (text == "SC_IOV_MAX")
      name = _SC_IOV_MAX;
    else if (text == "SC_SEM_NSEMS_MAX")
      name = _SC_SEM_NSEMS_MAX;
    else
      return t.raise(Exc::ValueError, "unrecognized configuration name");
  } else {
    name = TRY(to_c_int(t, args[0]));
  }
  errno = 0;
  long value = sysconf(name);
  if (value == -1 && errno != 0) return t.raise_os_error(errno);
  return make_int(t, value);
}
Result<Value> os_getlogin(Thread& t, const Value*) {
  char name[256];
  int error = getlogin_r(name, sizeof name);
  if (error != 0) return t.raise_os_error(error);
  return make_str(t, name);
}
}  // namespace

const NativeDef kProcessFunctions[] = {
    MP_FUNCTION(os_getpid, "getpid()", "Return the current process id."),
    MP_FUNCTION(os_getppid, "getppid()", "Return the parent's process id."),
    MP_FUNCTION(os_getuid, "getuid()", "Return the current process's user id."),
    MP_FUNCTION(os_geteuid, "geteuid()", nullptr),
    MP_FUNCTION(os_getgid, "getgid()", nullptr),
    MP_FUNCTION(os_getegid, "getegid()", nullptr),
    MP_FUNCTION(os_getpgrp, "getpgrp()", nullptr),
    MP_FUNCTION(os_getpgid, "getpgid(pid)", nullptr),
    MP_FUNCTION(os_setpgid, "setpgid(pid, pgrp, /)", nullptr),
    MP_FUNCTION(os_getsid, "getsid(pid, /)", nullptr),
    MP_FUNCTION(os_setsid, "setsid()", nullptr),
    MP_FUNCTION(os_kill, "kill(pid, signal, /)", "Kill a process with a signal."),
    MP_FUNCTION(os_killpg, "killpg(pgid, signal, /)", nullptr),
    MP_FUNCTION(os_exit, "_exit(status)",
                "Exit to the system with specified status, without normal exit processing."),
    MP_FUNCTION(os_abort, "abort()", nullptr),
    MP_FUNCTION(os_fork, "fork()", "Fork a child process."),
    MP_FUNCTION(os_register_at_fork, "register_at_fork(*, before=?, after_in_child=?, after_in_parent=?)",
                nullptr),
    MP_FUNCTION(os_waitpid, "waitpid(pid, options, /)", nullptr),
    MP_FUNCTION(os_wait, "wait()", nullptr),
    MP_FUNCTION(os_wifexited, "WIFEXITED(status)", nullptr),
    MP_FUNCTION(os_wexitstatus, "WEXITSTATUS(status)", nullptr),
    MP_FUNCTION(os_wifsignaled, "WIFSIGNALED(status)", nullptr),
    MP_FUNCTION(os_wtermsig, "WTERMSIG(status)", nullptr),
    MP_FUNCTION(os_wifstopped, "WIFSTOPPED(status)", nullptr),
    MP_FUNCTION(os_wstopsig, "WSTOPSIG(status)", nullptr),
    MP_FUNCTION(os_wifcontinued, "WIFCONTINUED(status)", nullptr),
    MP_FUNCTION(os_wcoredump, "WCOREDUMP(status, /)", nullptr),
    MP_FUNCTION(os_waitstatus_to_exitcode, "waitstatus_to_exitcode(status)", nullptr),
    MP_FUNCTION(os_execv, "execv(path, argv, /)", nullptr),
    MP_FUNCTION(os_execve, "execve(path, argv, env)", nullptr),
    MP_FUNCTION(os_system, "system(command)", "Execute the command in a subshell."),
    MP_FUNCTION(os_putenv, "putenv(name, value, /)", nullptr),
    MP_FUNCTION(os_unsetenv, "unsetenv(name, /)", nullptr),
    MP_FUNCTION(os_strerror, "strerror(code, /)", "Translate an error code to a message string."),
    MP_FUNCTION(os_cpu_count, "cpu_count()", "Return the number of logical CPUs in the system."),
    MP_FUNCTION(os_getloadavg, "getloadavg()", nullptr),
    MP_FUNCTION(os_nice, "nice(increment, /)", nullptr),
    MP_FUNCTION(os_sched_yield, "sched_yield()", nullptr),
    MP_FUNCTION(os_sched_getaffinity, "sched_getaffinity(pid, /)", nullptr),
    MP_FUNCTION(os_sched_setaffinity, "sched_setaffinity(pid, mask, /)", nullptr),
    MP_FUNCTION(os_uname, "uname()", nullptr),
    MP_FUNCTION(os_times, "times()", nullptr),
    MP_FUNCTION(os_sysconf, "sysconf(name, /)", nullptr),
    MP_FUNCTION(os_getlogin, "getlogin()", nullptr),
    MP_END};

Status add_process_types(Thread& t, ModuleObject* module) {
  TRY(module_add(t, module, "uname_result", struct_sequence_type(t, kUnameSpec)));
  TRY(module_add(t, module, "times_result", struct_sequence_type(t, kTimesSpec)));
  DictObject* environment = make_dict(t);
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
    std::string_view text = *entry;
    size_t equals_sign = text.find('=', 1);
    if (equals_sign == std::string_view::npos) continue;
    TRY(dict_set(t, environment, make_bytes(t, text.substr(0, equals_sign)),
                 make_bytes(t, text.substr(equals_sign + 1))));
  }
  return module_add(t, module, "environ", environment);
}

}  // namespace mp::posix

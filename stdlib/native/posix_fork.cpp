// posix: fork, its hooks, pseudo-terminals.
#include <fcntl.h>
#include <pty.h>
#include <unistd.h>
#include <utmp.h>

#include <cstdlib>

#include "stdlib/native/posix_process.h"
#include "vm/runtime/fork.h"
#include "vm/threads/thread_table.h"
#include "vm/types/exception.h"

namespace mp::posix {

namespace {
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
void run_hooks(Thread& t, Value hooks, size_t which, bool backwards) {
  TupleObject* snapshot = list_to_tuple(t, (*hooks.as<TupleObject>())[which].as<ListObject>());
  for (size_t i = 0; i < snapshot->size; ++i) {
    Value hook = (*snapshot)[backwards ? snapshot->size - 1 - i : i];
    if (call(t, hook).is_error()) write_unraisable(t, nullptr, hook);
  }
}
}  // namespace

Status Fork::before() {
  if (t_.runtime().finalizing)
    return t_.raise(Exc::PythonFinalizationError, "can't fork at interpreter shutdown");
  hooks_ = TRY(fork_hooks(t_));
  run_hooks(t_, hooks_, 0, true);
  io::flush_orphans(t_);
  fork_prepare(t_);
  return {};
}
void Fork::in_child() {
  fork_in_child(t_);
  run_hooks(t_, hooks_, 1, false);
}
void Fork::in_parent() {
  fork_in_parent(t_);
  run_hooks(t_, hooks_, 2, false);
}
Status Fork::warn_of_threads(Thread& t, const char* function) {
  if (thread_count(t.runtime()) <= 1) return {};
  return warn(
      t, Exc::DeprecationWarning,
      fmt::format("This process (pid={}) is multi-threaded, use of {}() may lead to deadlocks in the child.",
                  getpid(), function));
}

namespace {
Result<Value> os_register_at_fork(Thread& t, const Value* args) {
  if (args[0].is_empty() && args[1].is_empty() && args[2].is_empty())
    return t.raise(Exc::TypeError, "At least one argument is required.");
  static constexpr const char* kNames[] = {"before", "after_in_child", "after_in_parent"};
  for (size_t i = 0; i < 3; ++i)
    if (!args[i].is_empty() && !is_callable(t, args[i]))
      return t.raise(Exc::TypeError, "'{}' must be callable, not {}", kNames[i], type_name(t, args[i]));
  Value hooks = TRY(fork_hooks(t));
  for (size_t i = 0; i < 3; ++i)
    if (!args[i].is_empty()) TRY(list_append(t, (*hooks.as<TupleObject>())[i].as<ListObject>(), args[i]));
  return kNone;
}
Result<Value> os_fork(Thread& t, const Value*) {
  Fork frame(t);
  TRY(frame.before());
  pid_t pid = fork();
  int error = errno;
  if (pid == 0) {
    frame.in_child();
    return Value::from_int(0);
  }
  frame.in_parent();
  if (pid < 0) return t.raise_os_error(error);
  TRY(Fork::warn_of_threads(t, "fork"));
  return make_int(t, pid);
}
Result<Value> os_forkpty(Thread& t, const Value*) {
  Fork frame(t);
  TRY(frame.before());
  int master = -1;
  pid_t pid = forkpty(&master, nullptr, nullptr, nullptr);
  int error = errno;
  if (pid == 0) {
    frame.in_child();
    return make_tuple(t, {Value::from_int(0), Value::from_int(-1)});
  }
  frame.in_parent();
  if (pid < 0) return t.raise_os_error(error);
  fcntl(master, F_SETFD, FD_CLOEXEC);  // PEP 446
  TRY(Fork::warn_of_threads(t, "forkpty"));
  return make_tuple(t, {make_int(t, pid), Value::from_int(master)});
}
Result<Value> os_openpty(Thread& t, const Value*) {
  int master, slave;
  TRY(checked(t, [&] { return openpty(&master, &slave, nullptr, nullptr, nullptr); }));
  fcntl(master, F_SETFD, FD_CLOEXEC);
  fcntl(slave, F_SETFD, FD_CLOEXEC);
  return make_tuple(t, {Value::from_int(master), Value::from_int(slave)});
}
Result<Value> os_login_tty(Thread& t, const Value* args) {
  int fd = TRY(fd_argument(t, args[0]));
  TRY(checked(t, [&] { return login_tty(fd); }));
  return kNone;
}
Result<Value> os_posix_openpt(Thread& t, const Value* args) {
  int flags = TRY(to_c_int(t, args[0]));
  return Value::from_int(TRY(checked(t, [&] { return posix_openpt(flags | O_CLOEXEC); })));
}
Result<Value> os_grantpt(Thread& t, const Value* args) {
  int fd = TRY(fd_argument(t, args[0]));
  TRY(checked(t, [&] { return grantpt(fd); }));
  return kNone;
}
Result<Value> os_unlockpt(Thread& t, const Value* args) {
  int fd = TRY(fd_argument(t, args[0]));
  TRY(checked(t, [&] { return unlockpt(fd); }));
  return kNone;
}
Result<Value> os_ptsname(Thread& t, const Value* args) {
  char name[256];
  int error = ptsname_r(TRY(fd_argument(t, args[0])), name, sizeof name);
  if (error != 0) return t.raise_os_error(error);
  return path_value(t, name, false);
}
Result<Value> os_ctermid(Thread& t, const Value*) {
  char name[L_ctermid];
  return path_value(t, ctermid(name), false);
}
Result<Value> os_tcgetpgrp(Thread& t, const Value* args) {
  int fd = TRY(to_c_int(t, args[0]));
  return Value::from_int(TRY(checked(t, [&] { return tcgetpgrp(fd); })));
}
Result<Value> os_tcsetpgrp(Thread& t, const Value* args) {
  int fd = TRY(to_c_int(t, args[0])), group = TRY(to_c_int(t, args[1]));
  TRY(checked(t, [&] { return tcsetpgrp(fd, group); }));
  return kNone;
}
}  // namespace

const NativeDef kForkFunctions[] = {
    MP_FUNCTION(os_register_at_fork, "register_at_fork(*, before=?, after_in_child=?, after_in_parent=?)",
                "Register callables to be called when forking a new process."),
    MP_FUNCTION(os_fork, "fork()",
                "Fork a child process.\n\nReturn 0 to child process and PID of child to parent process."),
    MP_FUNCTION(os_forkpty, "forkpty()", "Fork a new process with a new pseudo-terminal as controlling tty."),
    MP_FUNCTION(os_openpty, "openpty()", "Open a pseudo-terminal."),
    MP_FUNCTION(os_login_tty, "login_tty(fd, /)",
                "Prepare the tty of which fd is a file descriptor for a new login session."),
    MP_FUNCTION(os_posix_openpt, "posix_openpt(oflag, /)",
                "Open and return a file descriptor for a master pseudo-terminal device."),
    MP_FUNCTION(os_grantpt, "grantpt(fd, /)", "Grant access to the slave pseudo-terminal device."),
    MP_FUNCTION(os_unlockpt, "unlockpt(fd, /)", "Unlock a pseudo-terminal master/slave pair."),
    MP_FUNCTION(os_ptsname, "ptsname(fd, /)", "Return the name of the slave pseudo-terminal device."),
    MP_FUNCTION(os_ctermid, "ctermid()", "Return the name of the controlling terminal for this process."),
    MP_FUNCTION(os_tcgetpgrp, "tcgetpgrp(fd, /)",
                "Return the process group associated with the terminal specified by fd."),
    MP_FUNCTION(os_tcsetpgrp, "tcsetpgrp(fd, pgid, /)",
                "Set the process group associated with the terminal specified by fd."),
    MP_END};

}  // namespace mp::posix

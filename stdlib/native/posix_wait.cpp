// posix: waiting for child processes, and what their status says.
#include <sys/resource.h>
#include <sys/wait.h>

#include "stdlib/native/posix_process.h"
#include "stdlib/native/resource_usage.h"

namespace mp::posix {
namespace {

Value wait_result(Thread& t, int64_t child, int status) {
  return make_tuple(t, {make_int(t, child), Value::from_int(status)});
}
Result<Value> os_wait(Thread& t, const Value*) {
  int status = 0;
  int64_t child = TRY(checked(t, [&] { return wait(&status); }));
  return wait_result(t, child, status);
}
Result<Value> os_waitpid(Thread& t, const Value* args) {
  int pid = TRY(to_c_int(t, args[0])), options = TRY(to_c_int(t, args[1]));
  int status = 0;
  int64_t child;
  if ((options & WNOHANG) != 0) {  // at once: no need to let others run
    child = waitpid(pid, &status, options);
    if (child < 0) return t.raise_os_error(errno);
  } else {
    child = TRY(checked(t, [&] { return waitpid(pid, &status, options); }));
  }
  return wait_result(t, child, status);
}
Result<Value> wait_with_usage(Thread& t, int pid, int options) {
  int status = 0;
  rusage usage{};
  int64_t child = TRY(checked(t, [&] { return wait4(pid, &status, options, &usage); }));
  Value used = TRY(make_resource_usage(t, usage));
  return make_tuple(t, {make_int(t, child), Value::from_int(status), used});
}
Result<Value> os_wait3(Thread& t, const Value* args) {
  return wait_with_usage(t, -1, TRY(to_c_int(t, args[0])));
}
Result<Value> os_wait4(Thread& t, const Value* args) {
  int pid = TRY(to_c_int(t, args[0]));
  return wait_with_usage(t, pid, TRY(to_c_int(t, args[1])));
}

constexpr const char* kWaitidFields[] = {"si_pid", "si_uid", "si_signo", "si_status", "si_code", nullptr};
const StructSequenceSpec kWaitidSpec = {"posix.waitid_result", kWaitidFields, 5,
                                        "waitid_result: Result from waitid."};
Result<Value> os_waitid(Thread& t, const Value* args) {
  int kind = TRY(to_c_int(t, args[0])), id = TRY(to_c_int(t, args[1])), options = TRY(to_c_int(t, args[2]));
  siginfo_t info{};
  TRY(checked(t, [&] { return waitid(static_cast<idtype_t>(kind), static_cast<id_t>(id), &info, options); }));
  if (info.si_pid == 0) return kNone;
  Value fields[] = {Value::from_int(info.si_pid), id_value(t, info.si_uid), Value::from_int(info.si_signo),
                    Value::from_int(info.si_status), Value::from_int(info.si_code)};
  return make_struct_sequence(t, struct_sequence_type(t, kWaitidSpec), fields, 5);
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
  if (WIFSIGNALED(status)) {
    int signal = WTERMSIG(status);
    if (signal <= 0) return t.raise(Exc::ValueError, "invalid WTERMSIG: {}", signal);
    return Value::from_int(-signal);
  }
  if (WIFSTOPPED(status))
    return t.raise(Exc::ValueError, "process stopped by delivery of signal {}", WSTOPSIG(status));
  return t.raise(Exc::ValueError, "invalid wait status: {}", status);
}
}  // namespace

const NativeDef kWaitFunctions[] = {
    MP_FUNCTION(os_wait, "wait()",
                "Wait for completion of a child process.\n\nReturns a tuple of information about the child "
                "process:\n    (pid, status)"),
    MP_FUNCTION(
        os_waitpid, "waitpid(pid, options, /)",
        "Wait for completion of a given child process.\n\nReturns a tuple of information regarding the "
        "child process:\n    (pid, status)"),
    MP_FUNCTION(os_wait3, "wait3(options)", "Wait for completion of a child process."),
    MP_FUNCTION(os_wait4, "wait4(pid, options)", "Wait for completion of a specific child process."),
    MP_FUNCTION(os_waitid, "waitid(idtype, id, options, /)",
                "Returns the result of waiting for a process or processes."),
    MP_FUNCTION(os_wifexited, "WIFEXITED(status)",
                "Return True if the process returning status exited via the exit() system call."),
    MP_FUNCTION(os_wexitstatus, "WEXITSTATUS(status)", "Return the process return code from status."),
    MP_FUNCTION(os_wifsignaled, "WIFSIGNALED(status)",
                "Return True if the process returning status was terminated by a signal."),
    MP_FUNCTION(os_wtermsig, "WTERMSIG(status)",
                "Return the signal that terminated the process that provided the status value."),
    MP_FUNCTION(os_wifstopped, "WIFSTOPPED(status)",
                "Return True if the process returning status was stopped."),
    MP_FUNCTION(os_wstopsig, "WSTOPSIG(status)",
                "Return the signal that stopped the process that provided the status value."),
    MP_FUNCTION(os_wifcontinued, "WIFCONTINUED(status)",
                "Return True if a particular process was continued from a job control stop."),
    MP_FUNCTION(os_wcoredump, "WCOREDUMP(status, /)",
                "Return True if the process returning status was dumped to a core file."),
    MP_FUNCTION(os_waitstatus_to_exitcode, "waitstatus_to_exitcode(status)",
                "Convert a wait status to an exit code."),
    MP_END};

Status add_wait_types(Thread& t, ModuleObject* module) {
  return module_add(t, module, "waitid_result", struct_sequence_type(t, kWaitidSpec));
}

}  // namespace mp::posix

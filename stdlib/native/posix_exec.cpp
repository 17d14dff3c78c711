// posix: running other programs: exec, posix_spawn, system.
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <unistd.h>

#include <cstdlib>

#include "stdlib/native/io_orphans.h"
#include "stdlib/native/posix_process.h"

extern char** environ;

namespace mp::posix {

Result<std::string> exec_string(Thread& t, Value v) {
  Value path = TRY(io::file_system_path(t, v));
  std::string text =
      is_bytes(path) ? std::string(path.as<BytesObject>()->view()) : TRY(io::file_system_encode(t, path));
  if (text.find('\0') != std::string::npos) return t.raise(Exc::ValueError, "embedded null byte");
  return text;
}
Status fill_arguments(Thread& t, Value sequence, StringVector& out, const std::string& what) {
  if (!is_list(sequence) && !is_tuple(sequence))
    return t.raise(Exc::TypeError, "{} must be a tuple or list", what);
  TRY(for_each(t, sequence, [&](Value item) -> Status {
    out.strings.push_back(TRY(exec_string(t, item)));
    return {};
  }));
  if (out.strings.empty()) return t.raise(Exc::ValueError, "{} must not be empty", what);
  if (out.strings[0].empty()) return t.raise(Exc::ValueError, "{} first element cannot be empty", what);
  return {};
}
Status fill_environment(Thread& t, Value mapping, StringVector& out) {
  Value items = TRY(call_method(t, mapping, t.names().items));
  return for_each(t, items, [&](Value pair) -> Status {
    Value two = TRY(to_tuple(t, pair));
    if (two.as<TupleObject>()->size != 2) return t.raise(Exc::TypeError, "items() must return pairs");
    std::string key = TRY(exec_string(t, (*two.as<TupleObject>())[0]));
    std::string value = TRY(exec_string(t, (*two.as<TupleObject>())[1]));
    if (key.find('=', 1) != std::string::npos)
      return t.raise(Exc::ValueError, "illegal environment variable name");
    out.strings.push_back(key + "=" + value);
    return {};
  });
}
Status fill_signals(Thread& t, Value iterable, sigset_t* out) {
  sigemptyset(out);
  return for_each(t, iterable, [&](Value item) -> Status {
    Value index = TRY(to_index(t, item));
    int64_t signal;
    if (!int_to_int64(index, &signal)) signal = -1;  // what CPython shows for one that no C long holds
    if (signal < 1 || signal >= NSIG)
      return t.raise(Exc::ValueError, "signal number {} out of range [1; {}]", signal, NSIG - 1);
    sigaddset(out,
              static_cast<int>(signal));  // EINVAL for those that the C library keeps: as CPython, ignored
    return {};
  });
}

namespace {

bool is_mapping(Thread& t, Value v) { return is_dict(v) || type_of(t, v)->slots.get_item != nullptr; }

Result<Value> os_execv(Thread& t, const Value* args) {
  Path path = TRY(path_argument(t, args[0], "execv"));
  StringVector argv;
  TRY(fill_arguments(t, args[1], argv, "execv() arg 2"));
  execve(path.text.c_str(), argv.data(), environ);
  return t.raise_os_error(errno);
}
Result<Value> os_execve(Thread& t, const Value* args) {
  Path path = TRY(path_argument(t, args[0], "execve", true));
  StringVector argv, environment;
  TRY(fill_arguments(t, args[1], argv, "execve: argv"));
  if (!is_mapping(t, args[2])) return t.raise(Exc::TypeError, "execve: environment must be a mapping object");
  TRY(fill_environment(t, args[2], environment));
  if (path.is_fd())
    fexecve(path.fd, argv.data(), environment.data());
  else
    execve(path.text.c_str(), argv.data(), environment.data());
  return t.raise_os_error(errno, path.original);
}

// ---- posix_spawn

enum SpawnAction : int { kSpawnOpen, kSpawnClose, kSpawnDup2, kSpawnCloseFrom };

struct FileActions {
  posix_spawn_file_actions_t actions;
  FileActions() { posix_spawn_file_actions_init(&actions); }
  ~FileActions() { posix_spawn_file_actions_destroy(&actions); }
  FileActions(const FileActions&) = delete;
};
struct SpawnAttributes {
  posix_spawnattr_t attributes;
  SpawnAttributes() { posix_spawnattr_init(&attributes); }
  ~SpawnAttributes() { posix_spawnattr_destroy(&attributes); }
  SpawnAttributes(const SpawnAttributes&) = delete;
};

Status add_file_action(Thread& t, FileActions& out, Value action) {
  if (!is_tuple(action) || action.as<TupleObject>()->size == 0)
    return t.raise(Exc::TypeError, "Each file_actions element must be a non-empty tuple");
  auto* fields = action.as<TupleObject>();
  auto expect = [&](size_t count, const char* text) -> Status {
    if (fields->size == count) return {};
    return t.raise(Exc::TypeError, "A {} file_action tuple must have {} elements", text, count);
  };
  int error = 0;
  switch (TRY(to_c_int(t, (*fields)[0]))) {
    case kSpawnOpen: {
      TRY(expect(5, "open"));
      int fd = TRY(to_c_int(t, (*fields)[1]));
      std::string path = TRY(exec_string(t, (*fields)[2]));
      int flags = TRY(to_c_int(t, (*fields)[3])), mode = TRY(to_c_int(t, (*fields)[4]));
      error =
          posix_spawn_file_actions_addopen(&out.actions, fd, path.c_str(), flags, static_cast<mode_t>(mode));
      break;
    }
    case kSpawnClose: {
      TRY(expect(2, "close"));
      error = posix_spawn_file_actions_addclose(&out.actions, TRY(to_c_int(t, (*fields)[1])));
      break;
    }
    case kSpawnDup2: {
      TRY(expect(3, "dup2"));
      int from = TRY(to_c_int(t, (*fields)[1])), to = TRY(to_c_int(t, (*fields)[2]));
      error = posix_spawn_file_actions_adddup2(&out.actions, from, to);
      break;
    }
    case kSpawnCloseFrom: {
      TRY(expect(2, "closefrom"));
      error = posix_spawn_file_actions_addclosefrom_np(&out.actions, TRY(to_c_int(t, (*fields)[1])));
      break;
    }
    default: return t.raise(Exc::TypeError, "Unknown file_actions identifier");
  }
  if (error != 0) return t.raise_os_error(error);
  return {};
}

// args: path, argv, env, file_actions, setpgroup, resetids, setsid, setsigmask, setsigdef, scheduler
Result<Value> spawn(Thread& t, const Value* args, const char* name, bool search) {
  Path path = TRY(path_argument(t, args[0], name));
  StringVector argv, environment;
  char** environment_pointer = environ;
  std::string text = name;
  TRY(fill_arguments(t, args[1], argv, text + ": argv"));
  if (!args[2].is_none()) {
    if (!is_mapping(t, args[2]))
      return t.raise(Exc::TypeError, "{}: environment must be a mapping object or None", name);
    TRY(fill_environment(t, args[2], environment));
    environment_pointer = environment.data();
  }
  FileActions actions;
  if (!args[3].is_none() && !args[3].is_empty()) {
    Value sequence = is_list(args[3]) || is_tuple(args[3]) ? args[3] : kEmpty;
    if (sequence.is_empty()) {
      Result<Value> list = to_list(t, args[3]);
      if (list.is_error()) {
        if (!t.catch_exception(Exc::TypeError)) return Error{};
        return t.raise(Exc::TypeError, "file_actions must be a sequence or None");
      }
      sequence = list.value();
    }
    TRY(for_each(t, sequence, [&](Value action) { return add_file_action(t, actions, action); }));
  }
  SpawnAttributes attributes;
  short flags = 0;
  if (!args[4].is_empty()) {
    posix_spawnattr_setpgroup(&attributes.attributes, TRY(to_c_int(t, args[4])));
    flags |= POSIX_SPAWN_SETPGROUP;
  }
  if (TRY(truth(t, args[5]))) flags |= POSIX_SPAWN_RESETIDS;
  if (TRY(truth(t, args[6]))) flags |= POSIX_SPAWN_SETSID;
  sigset_t signals;
  if (!args[7].is_empty()) {
    TRY(fill_signals(t, args[7], &signals));
    posix_spawnattr_setsigmask(&attributes.attributes, &signals);
    flags |= POSIX_SPAWN_SETSIGMASK;
  }
  if (!args[8].is_empty()) {
    TRY(fill_signals(t, args[8], &signals));
    posix_spawnattr_setsigdefault(&attributes.attributes, &signals);
    flags |= POSIX_SPAWN_SETSIGDEF;
  }
  if (!args[9].is_empty()) {
    if (!is_tuple(args[9]) || args[9].as<TupleObject>()->size != 2)
      return t.raise(Exc::TypeError, "A scheduler tuple must have two elements");
    auto* pair = args[9].as<TupleObject>();
    if (!(*pair)[0].is_none()) {
      posix_spawnattr_setschedpolicy(&attributes.attributes, TRY(to_c_int(t, (*pair)[0])));
      flags |= POSIX_SPAWN_SETSCHEDULER;
    }
    sched_param parameter{};
    parameter.sched_priority = TRY(sched_priority(t, (*pair)[1]));
    posix_spawnattr_setschedparam(&attributes.attributes, &parameter);
    flags |= POSIX_SPAWN_SETSCHEDPARAM;
  }
  posix_spawnattr_setflags(&attributes.attributes, flags);
  pid_t pid = -1;
  int error;
  {
    char** arguments = argv.data();
    BlockingRegion out(t);
    error = (search ? posix_spawnp : posix_spawn)(&pid, path.text.c_str(), &actions.actions,
                                                  &attributes.attributes, arguments, environment_pointer);
  }
  if (error != 0) return t.raise_os_error(error, path.original);
  return make_int(t, pid);
}
Result<Value> os_posix_spawn(Thread& t, const Value* args) { return spawn(t, args, "posix_spawn", false); }
Result<Value> os_posix_spawnp(Thread& t, const Value* args) { return spawn(t, args, "posix_spawnp", true); }

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
[[noreturn]] void leave(Thread& t, int status) {
  io::flush_orphans(t);  // not what is still referred to: CPython's buffers of that are lost as well
  _exit(status);
}
Result<Value> os_exit(Thread& t, const Value* args) { leave(t, TRY(to_c_int(t, args[0]))); }
Result<Value> os_abort(Thread&, const Value*) { abort(); }
}  // namespace

#define MP_SPAWN_PARAMETERS                                                                           \
  "(path, argv, env, /, *, file_actions=?, setpgroup=?, resetids=False, setsid=False, setsigmask=?, " \
  "setsigdef=?, scheduler=?)"
const NativeDef kExecFunctions[] = {
    MP_FUNCTION(os_execv, "execv(path, argv, /)",
                "Execute an executable path with arguments, replacing current process."),
    MP_FUNCTION(os_execve, "execve(path, argv, env)",
                "Execute an executable path with arguments, replacing current process."),
    MP_FUNCTION(os_posix_spawn, "posix_spawn" MP_SPAWN_PARAMETERS,
                "Execute the program specified by path in a new process."),
    MP_FUNCTION(os_posix_spawnp, "posix_spawnp" MP_SPAWN_PARAMETERS,
                "Execute the program specified by path in a new process."),
    MP_FUNCTION(os_system, "system(command)", "Execute the command in a subshell."),
    MP_FUNCTION(os_exit, "_exit(status)",
                "Exit to the system with specified status, without normal exit processing."),
    MP_FUNCTION(os_abort, "abort()",
                "Abort the interpreter immediately.\n\nThis function 'dumps core' or otherwise fails in the "
                "hardest way possible on the hosting operating system.  This function never returns."),
    MP_END};
#undef MP_SPAWN_PARAMETERS

Status add_exec_constants(Thread& t, ModuleObject* module) {
  TRY(module_add_int(t, module, "POSIX_SPAWN_OPEN", kSpawnOpen));
  TRY(module_add_int(t, module, "POSIX_SPAWN_CLOSE", kSpawnClose));
  TRY(module_add_int(t, module, "POSIX_SPAWN_DUP2", kSpawnDup2));
  return module_add_int(t, module, "POSIX_SPAWN_CLOSEFROM", kSpawnCloseFrom);
}

}  // namespace mp::posix

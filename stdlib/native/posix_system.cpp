// posix: the environment, times, and what the system says of itself.
#include <sys/times.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <mutex>

#include "stdlib/native/posix_process.h"

extern char** environ;

namespace mp::posix {
namespace {

// The environment is the process's. setenv(3) frees the array of a variable that is new while getenv(3) of
// another thread walks through it, also within the C library (tzset, getaddrinfo); so a new one goes into an
// array of ours, which is followed by a larger one and never freed.
std::mutex g_environment;
char** g_entries = nullptr;
size_t g_room = 0;

bool add_variable(const std::string& text, size_t name_size) {
  size_t count = 0;
  for (; environ != nullptr && environ[count] != nullptr; ++count)
    if (std::strncmp(environ[count], text.c_str(), name_size + 1) == 0) return false;
  char** entries = environ;
  if (entries != g_entries || count + 1 >= g_room) {
    g_room = 2 * count + 8;
    entries = g_entries = new char*[g_room]();
    std::copy_n(environ, count, entries);
  }
  __atomic_store_n(&entries[count], strdup(text.c_str()), __ATOMIC_RELEASE);
  __atomic_store_n(&environ, entries, __ATOMIC_RELEASE);
  return true;
}

Result<Value> os_putenv(Thread& t, const Value* args) {
  std::string name = TRY(exec_string(t, args[0])), value = TRY(exec_string(t, args[1]));
  if (name.find('=') != std::string::npos)
    return t.raise(Exc::ValueError, "illegal environment variable name");
  std::lock_guard<std::mutex> guard(g_environment);
  if (!name.empty() && add_variable(name + '=' + value, name.size())) return kNone;
  if (setenv(name.c_str(), value.c_str(), 1) < 0) return t.raise_os_error(errno);
  return kNone;
}
Result<Value> os_unsetenv(Thread& t, const Value* args) {
  std::string name = TRY(exec_string(t, args[0]));
  std::lock_guard<std::mutex> guard(g_environment);
  if (unsetenv(name.c_str()) < 0) return t.raise_os_error(errno);
  return kNone;
}
Result<Value> os_strerror(Thread& t, const Value* args) {
  return make_str(t, strerror(TRY(to_c_int(t, args[0]))));
}
Result<Value> os_getloadavg(Thread& t, const Value*) {
  double loads[3];
  if (getloadavg(loads, 3) != 3) return t.raise(Exc::OSError, "Load averages are unobtainable");
  return make_tuple(t, {make_float(t, loads[0]), make_float(t, loads[1]), make_float(t, loads[2])});
}

constexpr const char* kUnameFields[] = {"sysname", "nodename", "release", "version", "machine", nullptr};
const StructSequenceSpec kUnameSpec = {"posix.uname_result", kUnameFields, 5,
                                       "uname_result: Result from os.uname()."};
Result<Value> os_uname(Thread& t, const Value*) {
  utsname u;
  uname(&u);
  Value fields[] = {make_str(t, u.sysname), make_str(t, u.nodename), make_str(t, u.release),
                    make_str(t, u.version), make_str(t, u.machine)};
  return make_struct_sequence(t, struct_sequence_type(t, kUnameSpec), fields, 5);
}
constexpr const char* kTimesFields[] = {"user",    "system", "children_user", "children_system",
                                        "elapsed", nullptr};
const StructSequenceSpec kTimesSpec = {"posix.times_result", kTimesFields, 5,
                                       "times_result: Result from os.times()."};
Result<Value> os_times(Thread& t, const Value*) {
  tms used;
  clock_t elapsed = times(&used);
  auto ticks = static_cast<double>(sysconf(_SC_CLK_TCK));
  auto seconds = [&](clock_t c) { return make_float(t, static_cast<double>(c) / ticks); };
  Value fields[] = {seconds(used.tms_utime), seconds(used.tms_stime), seconds(used.tms_cutime),
                    seconds(used.tms_cstime), seconds(elapsed)};
  return make_struct_sequence(t, struct_sequence_type(t, kTimesSpec), fields, 5);
}

// ---- sysconf, confstr, pathconf

struct ConfigurationName {
  const char* name;
  int value;
};
constexpr ConfigurationName kSysconf[] = {
#define MP_SYSCONF(name) {#name, _##name},
#define MP_CONFSTR(name)
#define MP_PATHCONF(name)
#include "stdlib/native/posix_conf.def"
#undef MP_SYSCONF
#undef MP_CONFSTR
};
constexpr ConfigurationName kConfstr[] = {
#define MP_SYSCONF(name)
#define MP_CONFSTR(name) {#name, _##name},
#include "stdlib/native/posix_conf.def"
#undef MP_CONFSTR
#undef MP_PATHCONF
};
constexpr ConfigurationName kPathconf[] = {
#define MP_CONFSTR(name)
#define MP_PATHCONF(name) {#name, _##name},
#include "stdlib/native/posix_conf.def"
#undef MP_SYSCONF
#undef MP_CONFSTR
#undef MP_PATHCONF
};

template <size_t N>
Result<int> configuration_name(Thread& t, Value v, const ConfigurationName (&table)[N]) {
  if (is_any_int(v) || type_of(t, v)->slots.index != nullptr) return to_c_int(t, v);
  if (!is_str(v)) return t.raise(Exc::TypeError, "configuration names must be strings or integers");
  std::string text = to_utf8(v.as<StrObject>());
  for (const ConfigurationName& entry : table)
    if (text == entry.name) return entry.value;
  return t.raise(Exc::ValueError, "unrecognized configuration name");
}
template <size_t N>
Status add_names(Thread& t, ModuleObject* module, const char* name, const ConfigurationName (&table)[N]) {
  DictObject* names = make_dict(t);
  for (const ConfigurationName& entry : table)
    TRY(dict_set_text(t, names, entry.name, Value::from_int(entry.value)));
  return module_add(t, module, name, names);
}

Result<Value> os_sysconf(Thread& t, const Value* args) {
  int name = TRY(configuration_name(t, args[0], kSysconf));
  errno = 0;
  long value = sysconf(name);
  if (value == -1 && errno != 0) return t.raise_os_error(errno);
  return make_int(t, value);
}
Result<Value> os_confstr(Thread& t, const Value* args) {
  int name = TRY(configuration_name(t, args[0], kConfstr));
  errno = 0;
  size_t size = confstr(name, nullptr, 0);
  if (size == 0) {
    if (errno != 0) return t.raise_os_error(errno);
    return kNone;
  }
  std::string text(size, '\0');
  confstr(name, text.data(), size);
  text.pop_back();
  return path_value(t, text, false);
}
Result<Value> os_pathconf(Thread& t, const Value* args) {
  Path path = TRY(path_argument(t, args[0], "pathconf", true));
  int name = TRY(configuration_name(t, args[1], kPathconf));
  errno = 0;
  long value = path.is_fd() ? fpathconf(path.fd, name) : pathconf(path.text.c_str(), name);
  if (value == -1 && errno != 0) return t.raise_os_error(errno, path.original);
  return make_int(t, value);
}
Result<Value> os_fpathconf(Thread& t, const Value* args) {
  int fd = TRY(fd_argument(t, args[0]));
  int name = TRY(configuration_name(t, args[1], kPathconf));
  errno = 0;
  long value = fpathconf(fd, name);
  if (value == -1 && errno != 0) return t.raise_os_error(errno);
  return make_int(t, value);
}
}  // namespace

const NativeDef kSystemFunctions[] = {
    MP_FUNCTION(os_putenv, "putenv(name, value, /)", "Change or add an environment variable."),
    MP_FUNCTION(os_unsetenv, "unsetenv(name, /)", "Delete an environment variable."),
    MP_FUNCTION(os_strerror, "strerror(code, /)", "Translate an error code to a message string."),
    MP_FUNCTION(
        os_getloadavg, "getloadavg()",
        "Return average recent system load information.\n\nReturn the number of processes in the system "
        "run queue averaged over\nthe last 1, 5, and 15 minutes as a tuple of three floats."),
    MP_FUNCTION(os_uname, "uname()", "Return an object identifying the current operating system."),
    MP_FUNCTION(os_times, "times()", "Return a collection containing process timing information."),
    MP_FUNCTION(os_sysconf, "sysconf(name, /)", "Return an integer-valued system configuration variable."),
    MP_FUNCTION(os_confstr, "confstr(name, /)", "Return a string-valued system configuration variable."),
    MP_FUNCTION(os_pathconf, "pathconf(path, name)",
                "Return the configuration limit name for the file or directory path."),
    MP_FUNCTION(os_fpathconf, "fpathconf(fd, name, /)",
                "Return the configuration limit name for the file descriptor fd."),
    MP_END};

Status add_system_types(Thread& t, ModuleObject* module) {
  TRY(module_add(t, module, "uname_result", struct_sequence_type(t, kUnameSpec)));
  TRY(module_add(t, module, "times_result", struct_sequence_type(t, kTimesSpec)));
  TRY(add_names(t, module, "sysconf_names", kSysconf));
  TRY(add_names(t, module, "confstr_names", kConfstr));
  TRY(add_names(t, module, "pathconf_names", kPathconf));
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

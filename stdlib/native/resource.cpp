// The module resource: limits and what processes have used.
#include "stdlib/native/resource_usage.h"

#include <unistd.h>

#include <cerrno>

#include "stdlib/native/time_value.h"
#include "vm/protocol/protocol.h"
#include "vm/types/containers.h"
#include "vm/types/number.h"

namespace mp {

namespace {
constexpr const char* kUsageFields[] = {"ru_utime",   "ru_stime",  "ru_maxrss", "ru_ixrss",    "ru_idrss",
                                        "ru_isrss",   "ru_minflt", "ru_majflt", "ru_nswap",    "ru_inblock",
                                        "ru_oublock", "ru_msgsnd", "ru_msgrcv", "ru_nsignals", "ru_nvcsw",
                                        "ru_nivcsw",  nullptr};
const StructSequenceSpec kUsageSpec = {
    "resource.struct_rusage", kUsageFields, 16,
    "struct_rusage: Result from getrusage.\n\nThis object may be accessed either as a tuple of\n"
    "    (utime,stime,maxrss,ixrss,idrss,isrss,minflt,majflt,\n"
    "    nswap,inblock,oublock,msgsnd,msgrcv,nsignals,nvcsw,nivcsw)\n"
    "or via the attributes ru_utime, ru_stime, ru_maxrss, and so on."};
}  // namespace

Result<Value> make_resource_usage(Thread& t, const rusage& u) {
  auto seconds = [&](const timeval& tv) { return make_float(t, seconds_from_timeval(tv)); };
  Value fields[] = {seconds(u.ru_utime),       seconds(u.ru_stime),        make_int(t, u.ru_maxrss),
                    make_int(t, u.ru_ixrss),   make_int(t, u.ru_idrss),    make_int(t, u.ru_isrss),
                    make_int(t, u.ru_minflt),  make_int(t, u.ru_majflt),   make_int(t, u.ru_nswap),
                    make_int(t, u.ru_inblock), make_int(t, u.ru_oublock),  make_int(t, u.ru_msgsnd),
                    make_int(t, u.ru_msgrcv),  make_int(t, u.ru_nsignals), make_int(t, u.ru_nvcsw),
                    make_int(t, u.ru_nivcsw)};
  return make_struct_sequence(t, struct_sequence_type(t, kUsageSpec), fields, std::size(fields));
}

namespace {

Result<Value> resource_getrusage(Thread& t, const Value* args) {
  int who = TRY(to_c_int(t, args[0]));
  rusage usage{};
  if (getrusage(static_cast<__rusage_who>(who), &usage) < 0) {
    if (errno == EINVAL) return t.raise(Exc::ValueError, "invalid who parameter");
    return t.raise_os_error(errno);
  }
  return make_resource_usage(t, usage);
}

Result<int> limit_name(Thread& t, Value v) {
  int resource = TRY(to_c_int(t, v));
  if (resource < 0 || resource >= RLIM_NLIMITS) return t.raise(Exc::ValueError, "invalid resource specified");
  return resource;
}
// RLIM_INFINITY is -1 in Python.
Value limit_value(Thread& t, rlim_t limit) {
  return limit == RLIM_INFINITY ? Value::from_int(-1) : make_int_unsigned(t, limit);
}
Value limit_pair(Thread& t, const rlimit& limit) {
  return make_tuple(t, {limit_value(t, limit.rlim_cur), limit_value(t, limit.rlim_max)});
}
Status fill_limit(Thread& t, Value limits, rlimit* out) {
  Value pair = TRY(to_tuple(t, limits));
  if (pair.as<TupleObject>()->size != 2) return t.raise(Exc::ValueError, "expected a tuple of 2 integers");
  out->rlim_cur = static_cast<rlim_t>(TRY(to_int64(t, (*pair.as<TupleObject>())[0])));
  out->rlim_max = static_cast<rlim_t>(TRY(to_int64(t, (*pair.as<TupleObject>())[1])));
  return {};
}
Result<Value> limit_error(Thread& t) {
  if (errno == EINVAL) return t.raise(Exc::ValueError, "current limit exceeds maximum limit");
  if (errno == EPERM) return t.raise(Exc::ValueError, "not allowed to raise maximum limit");
  return t.raise_os_error(errno);
}
Result<Value> resource_getrlimit(Thread& t, const Value* args) {
  int resource = TRY(limit_name(t, args[0]));
  rlimit limit{};
  if (getrlimit(static_cast<__rlimit_resource>(resource), &limit) < 0) return t.raise_os_error(errno);
  return limit_pair(t, limit);
}
Result<Value> resource_setrlimit(Thread& t, const Value* args) {
  int resource = TRY(limit_name(t, args[0]));
  rlimit limit{};
  TRY(fill_limit(t, args[1], &limit));
  if (setrlimit(static_cast<__rlimit_resource>(resource), &limit) < 0) return limit_error(t);
  return kNone;
}
Result<Value> resource_prlimit(Thread& t, const Value* args) {
  int pid = TRY(to_c_int(t, args[0]));
  int resource = TRY(limit_name(t, args[1]));
  rlimit wanted{}, old{};
  bool change = !args[2].is_none();
  if (change) TRY(fill_limit(t, args[2], &wanted));
  if (prlimit(pid, static_cast<__rlimit_resource>(resource), change ? &wanted : nullptr, &old) < 0) {
    if (errno == EINVAL) return t.raise(Exc::ValueError, "current limit exceeds maximum limit");
    return t.raise_os_error(errno);
  }
  return limit_pair(t, old);
}
Result<Value> resource_getpagesize(Thread&, const Value*) { return Value::from_int(sysconf(_SC_PAGESIZE)); }

const NativeDef kFunctions[] = {
    MP_FUNCTION(resource_getrusage, "getrusage(who, /)", nullptr),
    MP_FUNCTION(resource_getrlimit, "getrlimit(resource, /)", nullptr),
    MP_FUNCTION(resource_setrlimit, "setrlimit(resource, limits, /)", nullptr),
    MP_FUNCTION(resource_prlimit, "prlimit(pid, resource, limits=None, /)", nullptr),
    MP_FUNCTION(resource_getpagesize, "getpagesize()", nullptr),
    MP_END};

Status init_module(Thread& t, ModuleObject* module) {
  static constexpr IntConstant kConstants[] = {
#define C(name) {#name, static_cast<int64_t>(name)}
      C(RLIMIT_AS),      C(RLIMIT_CORE),     C(RLIMIT_CPU),      C(RLIMIT_DATA),   C(RLIMIT_FSIZE),
      C(RLIMIT_MEMLOCK), C(RLIMIT_MSGQUEUE), C(RLIMIT_NICE),     C(RLIMIT_NOFILE), C(RLIMIT_NPROC),
      C(RLIMIT_OFILE),   C(RLIMIT_RSS),      C(RLIMIT_RTPRIO),   C(RLIMIT_RTTIME), C(RLIMIT_SIGPENDING),
      C(RLIMIT_STACK),   C(RUSAGE_SELF),     C(RUSAGE_CHILDREN), C(RUSAGE_THREAD), {"RLIM_INFINITY", -1},
#undef C
  };
  TRY(module_add_ints(t, module, kConstants));
  TRY(module_add(t, module, "error", t.types().exception(Exc::OSError)));
  return module_add(t, module, "struct_rusage", struct_sequence_type(t, kUsageSpec));
}

}  // namespace

extern const ModuleSpec kResourceModule;
const ModuleSpec kResourceModule = {"resource", nullptr, kFunctions, init_module};

}  // namespace mp

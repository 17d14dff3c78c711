// posix: the scheduler, priorities, processors.
#include <sched.h>
#include <sys/resource.h>
#include <unistd.h>

#include <memory>

#include "stdlib/native/posix_process.h"

namespace mp::posix {
namespace {

Result<Value> os_cpu_count(Thread&, const Value*) {
  long n = sysconf(_SC_NPROCESSORS_ONLN);
  return n > 0 ? Value::from_int(n) : kNone;
}
Result<Value> os_nice(Thread& t, const Value* args) {
  int increment = TRY(to_c_int(t, args[0]));
  errno = 0;
  int value = nice(increment);
  if (value == -1 && errno != 0) return t.raise_os_error(errno);
  return Value::from_int(value);
}
Result<Value> os_getpriority(Thread& t, const Value* args) {
  int which = TRY(to_c_int(t, args[0])), who = TRY(to_c_int(t, args[1]));
  errno = 0;
  int value = getpriority(static_cast<__priority_which>(which), static_cast<id_t>(who));
  if (value == -1 && errno != 0) return t.raise_os_error(errno);
  return Value::from_int(value);
}
Result<Value> os_setpriority(Thread& t, const Value* args) {
  int which = TRY(to_c_int(t, args[0])), who = TRY(to_c_int(t, args[1])), value = TRY(to_c_int(t, args[2]));
  TRY(checked(
      t, [&] { return setpriority(static_cast<__priority_which>(which), static_cast<id_t>(who), value); }));
  return kNone;
}
Result<Value> os_sched_yield(Thread& t, const Value*) {
  BlockingRegion out(t);
  sched_yield();
  return kNone;
}

// A set of processors of as many bits as the kernel has: more than cpu_set_t holds on big machines.
struct ProcessorSet {
  explicit ProcessorSet(int processors)
      : count(processors), bytes(CPU_ALLOC_SIZE(processors)), set(CPU_ALLOC(processors)) {
    CPU_ZERO_S(bytes, set);
  }
  ~ProcessorSet() { CPU_FREE(set); }
  ProcessorSet(const ProcessorSet&) = delete;
  int count;
  size_t bytes;
  cpu_set_t* set;
};
constexpr int kMostProcessors = 1 << 20;

Result<Value> os_sched_getaffinity(Thread& t, const Value* args) {
  int pid = TRY(to_c_int(t, args[0]));
  for (int processors = CPU_SETSIZE;; processors *= 2) {
    ProcessorSet mask(processors);
    if (sched_getaffinity(pid, mask.bytes, mask.set) < 0) {
      if (errno == EINVAL && processors < kMostProcessors) continue;  // the kernel's mask is longer
      return t.raise_os_error(errno);
    }
    SetObject* result = make_set(t);
    for (int cpu = 0; cpu < mask.count; ++cpu)
      if (CPU_ISSET_S(cpu, mask.bytes, mask.set)) TRY(set_add(t, result, Value::from_int(cpu)));
    return result;
  }
}
Result<Value> os_sched_setaffinity(Thread& t, const Value* args) {
  int pid = TRY(to_c_int(t, args[0]));
  auto mask = std::make_unique<ProcessorSet>(CPU_SETSIZE);
  TRY(for_each(t, args[1], [&](Value cpu) -> Status {
    if (!is_any_int(cpu))
      return t.raise(Exc::TypeError, "expected an iterator of ints, but iterator yielded '{}'",
                     type_name(t, cpu));
    int64_t number = TRY(to_int64(t, cpu));
    if (number < 0) return t.raise(Exc::ValueError, "negative CPU number");
    if (number > INT32_MAX - 1) return t.raise(Exc::OverflowError, "CPU number too large");
    if (number >= mask->count) {
      if (number >= kMostProcessors) return t.raise_os_error(EINVAL);  // no kernel has as many
      int wanted = mask->count;
      while (number >= wanted) wanted *= 2;
      auto bigger = std::make_unique<ProcessorSet>(wanted);
      for (int i = 0; i < mask->count; ++i)
        if (CPU_ISSET_S(i, mask->bytes, mask->set)) CPU_SET_S(i, bigger->bytes, bigger->set);
      mask = std::move(bigger);
    }
    CPU_SET_S(static_cast<size_t>(number), mask->bytes, mask->set);
    return {};
  }));
  TRY(checked(t, [&] { return sched_setaffinity(pid, mask->bytes, mask->set); }));
  return kNone;
}

constexpr const char* kParameterFields[] = {"sched_priority", nullptr};
const StructSequenceSpec kParameterSpec = {
    "posix.sched_param", kParameterFields, 1,
    "Currently has only one field: sched_priority\n\n  sched_priority\n    A scheduling parameter."};
Value parameter_value(Thread& t, const sched_param& parameter) {
  Value fields[] = {Value::from_int(parameter.sched_priority)};
  return make_struct_sequence(t, struct_sequence_type(t, kParameterSpec), fields, 1);
}
// sched_param(1): the number itself, where other struct sequences take a sequence.
Result<Value> parameter_new(Thread& t, const Value* args) {
  return make_struct_sequence(t, args[0].as<Type>(), &args[1], 1);
}
Result<Value> parameter_reduce(Thread& t, const Value* args) {
  Value priority = (*args[0].as<TupleObject>())[0];
  return make_tuple(t, {Value(args[0].as<TupleObject>()->type()), Value(make_tuple(t, {priority}))});
}
const NativeDef kParameterMethods[] = {MP_NEW(parameter_new, "__new__(cls, sched_priority)", nullptr),
                                       MP_METHOD(parameter_reduce, "__reduce__(self, /)", nullptr)};
Result<Value> os_sched_get_priority_max(Thread& t, const Value* args) {
  int policy = TRY(to_c_int(t, args[0]));
  return Value::from_int(TRY(checked(t, [&] { return sched_get_priority_max(policy); })));
}
Result<Value> os_sched_get_priority_min(Thread& t, const Value* args) {
  int policy = TRY(to_c_int(t, args[0]));
  return Value::from_int(TRY(checked(t, [&] { return sched_get_priority_min(policy); })));
}
Result<Value> os_sched_getscheduler(Thread& t, const Value* args) {
  int pid = TRY(to_c_int(t, args[0]));
  return Value::from_int(TRY(checked(t, [&] { return sched_getscheduler(pid); })));
}
Result<Value> os_sched_setscheduler(Thread& t, const Value* args) {
  int pid = TRY(to_c_int(t, args[0])), policy = TRY(to_c_int(t, args[1]));
  sched_param parameter{};
  parameter.sched_priority = TRY(sched_priority(t, args[2]));
  TRY(checked(t, [&] { return sched_setscheduler(pid, policy, &parameter); }));
  return kNone;
}
Result<Value> os_sched_getparam(Thread& t, const Value* args) {
  int pid = TRY(to_c_int(t, args[0]));
  sched_param parameter{};
  TRY(checked(t, [&] { return sched_getparam(pid, &parameter); }));
  return parameter_value(t, parameter);
}
Result<Value> os_sched_setparam(Thread& t, const Value* args) {
  int pid = TRY(to_c_int(t, args[0]));
  sched_param parameter{};
  parameter.sched_priority = TRY(sched_priority(t, args[1]));
  TRY(checked(t, [&] { return sched_setparam(pid, &parameter); }));
  return kNone;
}
Result<Value> os_sched_rr_get_interval(Thread& t, const Value* args) {
  int pid = TRY(to_c_int(t, args[0]));
  timespec interval{};
  TRY(checked(t, [&] { return sched_rr_get_interval(pid, &interval); }));
  return make_float(t, static_cast<double>(interval.tv_sec) + 1e-9 * static_cast<double>(interval.tv_nsec));
}
}  // namespace

Result<int> sched_priority(Thread& t, Value v) {
  if (!is_instance(t, v, struct_sequence_type(t, kParameterSpec)))
    return t.raise(Exc::TypeError, "must have a sched_param object");
  return to_c_int(t, (*v.as<TupleObject>())[0]);
}

const NativeDef kScheduleFunctions[] = {
    MP_FUNCTION(os_cpu_count, "cpu_count()",
                "Return the number of logical CPUs in the system.\n\nReturn None if indeterminable."),
    MP_FUNCTION(os_nice, "nice(increment, /)",
                "Add increment to the priority of process and return the new priority."),
    MP_FUNCTION(os_getpriority, "getpriority(which, who)", "Return program scheduling priority."),
    MP_FUNCTION(os_setpriority, "setpriority(which, who, priority)", "Set program scheduling priority."),
    MP_FUNCTION(os_sched_yield, "sched_yield()", "Voluntarily relinquish the CPU."),
    MP_FUNCTION(os_sched_getaffinity, "sched_getaffinity(pid, /)",
                "Return the affinity of the process identified by pid (or the current process if zero)."),
    MP_FUNCTION(os_sched_setaffinity, "sched_setaffinity(pid, mask, /)",
                "Set the CPU affinity of the process identified by pid to mask."),
    MP_FUNCTION(os_sched_get_priority_max, "sched_get_priority_max(policy)",
                "Get the maximum scheduling priority for policy."),
    MP_FUNCTION(os_sched_get_priority_min, "sched_get_priority_min(policy)",
                "Get the minimum scheduling priority for policy."),
    MP_FUNCTION(os_sched_getscheduler, "sched_getscheduler(pid, /)",
                "Get the scheduling policy for the process identified by pid."),
    MP_FUNCTION(os_sched_setscheduler, "sched_setscheduler(pid, policy, param, /)",
                "Set the scheduling policy for the process identified by pid."),
    MP_FUNCTION(os_sched_getparam, "sched_getparam(pid, /)",
                "Returns scheduling parameters for the process identified by pid."),
    MP_FUNCTION(os_sched_setparam, "sched_setparam(pid, param, /)",
                "Set scheduling parameters for the process identified by pid."),
    MP_FUNCTION(os_sched_rr_get_interval, "sched_rr_get_interval(pid, /)",
                "Return the round-robin quantum for the process identified by pid, in seconds."),
    MP_END};

Status add_schedule_types(Thread& t, ModuleObject* module) {
  Type* type = struct_sequence_type(t, kParameterSpec);
  for (const NativeDef& def : kParameterMethods) {
    NativeFunctionObject* function = make_native_function(t, def, Value(type), Value(type));
    TRY(type_set_attr_raw(t, type, function->name.get().as<StrObject>(), Value(function)));
  }
  return module_add(t, module, "sched_param", type);
}

}  // namespace mp::posix

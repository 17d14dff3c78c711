// _lsprof: what cProfile measures with. A Profiler is a tool of sys.monitoring (PROFILER_ID) whose callbacks
// are native. Each thread has a stack of the calls it is in; times are summed by callee, and by caller and
// callee.
#include <mutex>
#include <unordered_map>
#include <vector>

#include "vm/exec/monitoring.h"
#include "vm/native/native.h"
#include "vm/os/clock.h"
#include "vm/protocol/protocol.h"
#include "vm/threads/object_lock.h"
#include "vm/threads/thread_impl.h"
#include "vm/types/number.h"

namespace mp {
namespace {

constexpr int kProfilerTool = 2;
extern const TypeSpec kProfilerSpec;

struct Times {
  int64_t calls = 0, recursive_calls = 0, total = 0, own = 0;
  int depth = 0;  // calls that run now

  void leave(int64_t duration, int64_t own_duration) {
    if (--depth == 0)
      total += duration;
    else
      ++recursive_calls;
    own += own_duration;
    ++calls;
  }
};
struct Entry : Times {
  size_t name = 0;  // index in ProfilerObject::names
  std::unordered_map<Entry*, Times> callees;
};
struct Call {
  Entry* entry;
  Times* from_caller;  // null: no caller, or subcalls are not told apart
  int64_t start = 0, in_callees = 0;
};
struct Profile {
  std::unordered_map<const void*, std::unique_ptr<Entry>> entries;  // by code object or NativeDef
  std::unordered_map<uint64_t, std::vector<Call>> stacks;           // by Thread serial
  double unit = 0;  // of the script's timer, in seconds; 0: it counts seconds
  bool subcalls = true, builtins = true, enabled = false;
};
struct ProfilerObject : Object {
  Profile* profile;
  Slot timer;  // a script's, or empty: nanoseconds of the monotonic clock
  Slot names;  // list: the code objects and the texts of the entries
};
ProfilerObject* self_of(Value v) { return v.as<ProfilerObject>(); }
void trace_profiler(Object* o, Tracer& tracer) {
  tracer.visit_slots(&static_cast<ProfilerObject*>(o)->timer, 2);
}
void free_profiler(Object* o) { delete static_cast<ProfilerObject*>(o)->profile; }

// In nanoseconds, whatever the timer counts. An error of the timer is reported and counts as zero.
int64_t now(Thread& t, ProfilerObject* self) {
  Value timer = self->timer;
  if (timer.is_empty()) return os::monotonic_ns();
  Result<Value> told = call(t, timer, {});
  Result<double> number = told.is_error() ? Result<double>(Error{}) : to_double(t, told.value());
  if (number.is_error()) {
    write_unraisable(t, nullptr, timer);
    return 0;
  }
  double unit = self->profile->unit > 0 ? self->profile->unit : 1;
  return static_cast<int64_t>(number.value() * unit * 1e9);
}

void enter(Thread& t, ProfilerObject* self, const void* key, Value name) {
  int64_t time = now(t, self);
  ObjectLock lock(t, self);
  Profile& profile = *self->profile;
  auto& entry = profile.entries[key];
  if (entry == nullptr) {
    entry = std::make_unique<Entry>();
    entry->name = self->names.get().as<ListObject>()->length();
    if (list_append(t, self->names.get().as<ListObject>(), name).is_error()) t.clear_exception();
  }
  auto& stack = profile.stacks[t.impl->serial];
  Times* from_caller =
      profile.subcalls && !stack.empty() ? &stack.back().entry->callees[entry.get()] : nullptr;
  ++entry->depth;
  if (from_caller != nullptr) ++from_caller->depth;
  stack.push_back({entry.get(), from_caller, time, 0});
}

// Ends the innermost call of a thread.
void leave_innermost(std::vector<Call>& stack, int64_t time) {
  Call call = stack.back();
  stack.pop_back();
  int64_t duration = time - call.start, own = duration - call.in_callees;
  if (!stack.empty()) stack.back().in_callees += duration;
  call.entry->leave(duration, own);
  if (call.from_caller != nullptr) call.from_caller->leave(duration, own);
}
void leave(Thread& t, ProfilerObject* self, const void* key) {
  int64_t time = now(t, self);
  ObjectLock lock(t, self);
  auto& stack = self->profile->stacks[t.impl->serial];
  auto known = self->profile->entries.find(key);
  // The end of a call that began before enable() is not for us.
  if (!stack.empty() && known != self->profile->entries.end() && stack.back().entry == known->second.get())
    leave_innermost(stack, time);
}

// The builtin that a CALL event names, or null for classes and other callables: those are not told.
NativeFunctionObject* builtin_of(Value callee) {
  return is_kind(callee, Kind::NativeFunction) ? callee.as<NativeFunctionObject>() : nullptr;
}
Value builtin_name(Thread& t, NativeFunctionObject* native) {
  std::string name = to_utf8(native->name.get().as<StrObject>());
  switch (native->def->kind) {
    case NativeKind::Method:
      return make_str(t, fmt::format("<method '{}' of '{}' objects>", name, type_name(native->owner_type)));
    case NativeKind::Function:
      return make_str(
          t, fmt::format("<built-in method {}.{}>",
                         is_str(native->owner) ? to_utf8(native->owner.get().as<StrObject>()) : "builtins",
                         name));
    default: break;
  }
  return make_str(t, fmt::format("<built-in method {}>", name));
}

Result<Value> on_start(Thread& t, const Value* args) {
  if (is_kind(args[1], Kind::Code)) enter(t, self_of(args[0]), args[1].as_object(), args[1]);
  return kNone;
}
Result<Value> on_return(Thread& t, const Value* args) {
  if (is_kind(args[1], Kind::Code)) leave(t, self_of(args[0]), args[1].as_object());
  return kNone;
}
Result<Value> on_call(Thread& t, const Value* args) {
  if (NativeFunctionObject* native = builtin_of(args[3]);
      native != nullptr && self_of(args[0])->profile->builtins)
    enter(t, self_of(args[0]), native->def, builtin_name(t, native));
  return kNone;
}
Result<Value> on_call_return(Thread& t, const Value* args) {
  if (NativeFunctionObject* native = builtin_of(args[3])) leave(t, self_of(args[0]), native->def);
  return kNone;
}

constexpr uint32_t bit(Event event) { return 1U << static_cast<int>(event); }
struct Callback {
  Event event;
  const char* method;
};
const Callback kCallbacks[] = {
    {Event::PyStart, "_pystart_callback"},  {Event::PyResume, "_pystart_callback"},
    {Event::PyThrow, "_pythrow_callback"},  {Event::PyReturn, "_pyreturn_callback"},
    {Event::PyYield, "_pyreturn_callback"}, {Event::PyUnwind, "_pyunwind_callback"},
    {Event::Call, "_ccall_callback"},       {Event::CReturn, "_creturn_callback"},
    {Event::CRaise, "_creturn_callback"},
};

Result<Value> profiler_enable(Thread& t, const Value* args) {
  ProfilerObject* self = self_of(args[0]);
  Monitoring* m = monitoring(t);
  if (self->profile->enabled) return kNone;
  if (!args[1].is_empty()) self->profile->subcalls = TRY(truth(t, args[1]));
  if (!args[2].is_empty()) self->profile->builtins = TRY(truth(t, args[2]));
  if (!m->names[kProfilerTool].compare_exchange(kEmpty, make_str(t, "cProfile")))
    return t.raise(Exc::ValueError, "Another profiling tool is already active");
  uint32_t events = 0;
  for (const Callback& callback : kCallbacks) {
    Value method = TRY(get_attr(t, args[0], intern(t, callback.method)));
    m->callbacks[kProfilerTool][static_cast<int>(callback.event)] = method;
    if (callback.event < Event::CReturn) events |= bit(callback.event);
  }
  if (!self->profile->builtins) events &= ~bit(Event::Call);
  self->profile->enabled = true;
  monitoring_set_events(t, kProfilerTool, events);
  return kNone;
}
Result<Value> profiler_disable(Thread& t, const Value* args) {
  ProfilerObject* self = self_of(args[0]);
  if (!self->profile->enabled) return kNone;
  Monitoring* m = monitoring(t);
  monitoring_set_events(t, kProfilerTool, 0);
  for (const Callback& callback : kCallbacks)
    m->callbacks[kProfilerTool][static_cast<int>(callback.event)] = kEmpty;
  m->names[kProfilerTool] = kEmpty;
  self->profile->enabled = false;
  int64_t time = now(t, self);
  ObjectLock lock(t, self);
  for (auto& [serial, stack] : self->profile->stacks)
    while (!stack.empty()) leave_innermost(stack, time);
  return kNone;
}
Result<Value> profiler_clear(Thread& t, const Value* args) {
  ProfilerObject* self = self_of(args[0]);
  ObjectLock lock(t, self);
  self->profile->stacks.clear();
  self->profile->entries.clear();
  self->names = Value(make_list(t));
  return kNone;
}

const char* const kEntryFields[] = {"code",       "callcount", "reccallcount", "totaltime",
                                    "inlinetime", "calls",     nullptr};
const StructSequenceSpec kEntrySequence = {"_lsprof.profiler_entry", kEntryFields, 6};
const char* const kSubentryFields[] = {"code",      "callcount",  "reccallcount",
                                       "totaltime", "inlinetime", nullptr};
const StructSequenceSpec kSubentrySequence = {"_lsprof.profiler_subentry", kSubentryFields, 5};

void fill(Thread& t, Value* out, Value name, const Times& times) {
  out[0] = name;
  out[1] = make_int(t, times.calls);
  out[2] = make_int(t, times.recursive_calls);
  out[3] = make_float(t, static_cast<double>(times.total) * 1e-9);
  out[4] = make_float(t, static_cast<double>(times.own) * 1e-9);
}
Result<Value> profiler_getstats(Thread& t, const Value* args) {
  ProfilerObject* self = self_of(args[0]);
  Type* entry_type = struct_sequence_type(t, kEntrySequence);
  Type* subentry_type = struct_sequence_type(t, kSubentrySequence);
  ObjectLock lock(t, self);
  auto* names = self->names.get().as<ListObject>();
  ListObject* list = make_list(t);
  for (auto& [key, entry] : self->profile->entries) {
    if (entry->calls == 0) continue;
    Value callees = kNone;
    if (!entry->callees.empty()) {
      ListObject* sublist = make_list(t);
      for (auto& [callee, times] : entry->callees) {
        if (times.calls == 0) continue;
        Value values[5];
        fill(t, values, names->at(callee->name), times);
        TRY(list_append(t, sublist, make_struct_sequence(t, subentry_type, values, 5)));
      }
      callees = sublist;
    }
    Value values[6];
    fill(t, values, names->at(entry->name), *entry);
    values[5] = callees;
    TRY(list_append(t, list, make_struct_sequence(t, entry_type, values, 6)));
  }
  return list;
}

Result<Value> profiler_new(Thread& t, Value cls, const CallArgs&) {
  Value self = TRY(allocate_instance(t, cls.as<Type>()));
  self_of(self)->profile = new Profile;
  self_of(self)->names = Value(make_list(t));
  t.heap().register_native_finalizer(self.as_object(), free_profiler);
  return self;
}
Result<Value> profiler_init(Thread& t, const Value* args) {
  ProfilerObject* self = self_of(args[0]);
  self->timer = args[1].is_none() ? kEmpty : args[1];
  self->profile->unit = TRY(to_double(t, args[2]));
  self->profile->subcalls = TRY(truth(t, args[3]));
  self->profile->builtins = TRY(truth(t, args[4]));
  return kNone;
}

const NativeDef kMethods[] = {
    MP_RAW_NEW(profiler_new, "__new__(cls, /, *args, **kwargs)", nullptr),
    MP_METHOD(profiler_init, "__init__(self, /, timer=None, timeunit=0.0, subcalls=True, builtins=True)",
              nullptr),
    MP_METHOD(profiler_enable, "enable(self, /, subcalls=?, builtins=?)",
              "Start collecting profiling information."),
    MP_METHOD(profiler_disable, "disable(self, /)", "Stop collecting profiling information."),
    MP_METHOD(profiler_clear, "clear(self, /)", "Clear all profiling information collected so far."),
    MP_METHOD(profiler_getstats, "getstats(self, /)",
              "Return all information collected, as a list of profiler_entry."),
    MP_METHOD(on_start, "_pystart_callback(self, code, instruction_offset, /)", nullptr),
    MP_METHOD(on_start, "_pythrow_callback(self, code, instruction_offset, exception, /)", nullptr),
    MP_METHOD(on_return, "_pyreturn_callback(self, code, instruction_offset, retval, /)", nullptr),
    MP_METHOD(on_return, "_pyunwind_callback(self, code, instruction_offset, exception, /)", nullptr),
    MP_METHOD(on_call, "_ccall_callback(self, code, instruction_offset, callable, self_arg, /)", nullptr),
    MP_METHOD(on_call_return, "_creturn_callback(self, code, instruction_offset, callable, self_arg, /)",
              nullptr),
    MP_END};
const TypeSpec kProfilerSpec = {.name = "_lsprof.Profiler",
                                .size = sizeof(ProfilerObject),
                                .flags = kTypeBaseType,
                                .doc = "Build a profiler object using the specified timer function.",
                                .trace = trace_profiler,
                                .methods = kMethods};

Status init_module(Thread& t, ModuleObject* module) {
  if (module_add_type(t, module, kProfilerSpec) == nullptr) return Error{};
  TRY(module_add(t, module, "profiler_entry", struct_sequence_type(t, kEntrySequence)));
  return module_add(t, module, "profiler_subentry", struct_sequence_type(t, kSubentrySequence));
}

}  // namespace

extern const ModuleSpec kLsprofModule;
const ModuleSpec kLsprofModule = {.name = "_lsprof", .doc = "Fast profiler", .init = init_module};

}  // namespace mp

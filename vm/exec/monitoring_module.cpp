// The module sys.monitoring: its functions check their arguments and call monitoring.cpp.
#include "vm/exec/monitoring.h"
#include "vm/native/native.h"
#include "vm/protocol/protocol.h"
#include "vm/types/number.h"

namespace mp {

namespace {

constexpr uint32_t kCallEvents =
    1U << int(Event::Call) | 1U << int(Event::CReturn) | 1U << int(Event::CRaise);
constexpr uint32_t kReturnEvents = kCallEvents & ~(1U << int(Event::Call));

Result<int> tool_argument(Thread& t, Value v) {
  int tool = TRY(to_c_int(t, v));
  if (tool < 0 || tool >= kTools)
    return t.raise(Exc::ValueError, "invalid tool {} (must be between 0 and 5)", tool);
  return tool;
}
Result<int> used_tool_argument(Thread& t, Value v) {
  int tool = TRY(tool_argument(t, v));
  if (monitoring(t)->names[tool].get().is_empty())
    return t.raise(Exc::ValueError, "tool {} is not in use", tool);
  return tool;
}
Result<CodeObject*> code_argument(Thread& t, Value v) {
  if (!is_kind(v, Kind::Code)) return t.raise(Exc::TypeError, "code must be a code object");
  return v.as<CodeObject>();
}
Result<uint32_t> event_set_argument(Thread& t, Value v, int limit, const char* what) {
  auto events = static_cast<uint32_t>(TRY(to_c_int(t, v)));
  if (limit != kLocalEvents && events >= 1U << kAllEvents)
    return t.raise(Exc::ValueError, "invalid event set 0x{:x}", events);
  if ((events & kReturnEvents) != 0) {
    if ((events & kCallEvents) != kCallEvents)
      return t.raise(Exc::ValueError, "cannot set C_RETURN or C_RAISE events independently");
    events &= ~kReturnEvents;
  }
  if (events >= 1U << limit) return t.raise(Exc::ValueError, "invalid {} set 0x{:x}", what, events);
  return events;
}

Result<Value> use_tool_id(Thread& t, const Value* args) {
  int tool = TRY(tool_argument(t, args[0]));
  if (!is_str(args[1])) return t.raise(Exc::ValueError, "tool name must be a str");
  if (!monitoring(t)->names[tool].compare_exchange(kEmpty, args[1]))
    return t.raise(Exc::ValueError, "tool {} is already in use", tool);
  return kNone;
}
Result<Value> free_tool_id(Thread& t, const Value* args) {
  int tool = TRY(tool_argument(t, args[0]));
  monitoring(t)->names[tool] = kEmpty;
  return kNone;
}
Result<Value> get_tool(Thread& t, const Value* args) {
  Value name = monitoring(t)->names[TRY(tool_argument(t, args[0]))];
  return name.is_empty() ? kNone : name;
}
Result<Value> register_callback(Thread& t, const Value* args) {
  int tool = TRY(tool_argument(t, args[0]));
  int event = TRY(to_c_int(t, args[1]));
  auto bits = static_cast<uint32_t>(event);
  if (event <= 0 || (bits & (bits - 1)) != 0)
    return t.raise(Exc::ValueError, "The callback can only be set for one event at a time");
  int index = __builtin_ctz(bits);
  if (index >= kAllEvents) return t.raise(Exc::ValueError, "invalid event {}", event);
  Slot& slot = monitoring(t)->callbacks[tool][index];
  Value before = slot.exchange(args[2].is_none() ? kEmpty : args[2]);
  return before.is_empty() ? kNone : before;
}
Result<Value> get_events(Thread& t, const Value* args) {
  int tool = TRY(tool_argument(t, args[0]));
  return make_int(t, monitoring_events(monitoring(t), tool));
}
Result<Value> set_events(Thread& t, const Value* args) {
  int tool = TRY(tool_argument(t, args[0]));
  uint32_t events = TRY(event_set_argument(t, args[1], kUngroupedEvents, "event"));
  TRY(used_tool_argument(t, args[0]));
  monitoring_set_events(t, tool, events);
  return kNone;
}
Result<Value> get_local_events(Thread& t, const Value* args) {
  CodeObject* code = TRY(code_argument(t, args[1]));
  int tool = TRY(tool_argument(t, args[0]));
  return make_int(t, monitoring_local_events(code, tool));
}
Result<Value> set_local_events(Thread& t, const Value* args) {
  CodeObject* code = TRY(code_argument(t, args[1]));
  int tool = TRY(tool_argument(t, args[0]));
  uint32_t events = TRY(event_set_argument(t, args[2], kLocalEvents, "local event"));
  TRY(used_tool_argument(t, args[0]));
  monitoring_set_local_events(t, code, tool, events);
  return kNone;
}
Result<Value> restart_events(Thread& t, const Value*) {
  monitoring_restart(t);
  return kNone;
}
// For tests: the events of the runtime that have tools.
Result<Value> all_events(Thread& t, const Value*) {
  Monitoring* m = monitoring(t);
  DictObject* out = make_dict(t);
  for (int e = 0; e < kUngroupedEvents; ++e)
    if (uint8_t tools = m->tools[e].load(); tools != 0)
      TRY(dict_set(t, out, intern(t, event_name(static_cast<Event>(e))), Value::from_int(tools)));
  return out;
}

const NativeDef kFunctions[] = {
    MP_FUNCTION(use_tool_id, "use_tool_id(tool_id, name, /)", nullptr),
    MP_FUNCTION(free_tool_id, "free_tool_id(tool_id, /)", nullptr),
    MP_FUNCTION(get_tool, "get_tool(tool_id, /)", nullptr),
    MP_FUNCTION(register_callback, "register_callback(tool_id, event, func, /)", nullptr),
    MP_FUNCTION(get_events, "get_events(tool_id, /)", nullptr),
    MP_FUNCTION(set_events, "set_events(tool_id, event_set, /)", nullptr),
    MP_FUNCTION(get_local_events, "get_local_events(tool_id, code, /)", nullptr),
    MP_FUNCTION(set_local_events, "set_local_events(tool_id, code, event_set, /)", nullptr),
    MP_FUNCTION(restart_events, "restart_events()", nullptr),
    MP_FUNCTION(all_events, "_all_events()", nullptr),
    MP_END};

Status fill_module(Thread& t, ModuleObject* module) {
  for (const NativeDef* def = kFunctions; def->signature != nullptr; ++def) {
    NativeFunctionObject* function = make_native_function(t, *def, kEmpty, intern(t, "sys.monitoring"));
    TRY(dict_set(t, module->dict, function->name, function));
  }
  TRY(module_add(t, module, "DISABLE", monitoring(t)->disable));
  TRY(module_add(t, module, "MISSING", monitoring(t)->missing));
  TRY(module_add_int(t, module, "DEBUGGER_ID", 0));
  TRY(module_add_int(t, module, "COVERAGE_ID", 1));
  TRY(module_add_int(t, module, "PROFILER_ID", 2));
  TRY(module_add_int(t, module, "OPTIMIZER_ID", 5));
  DictObject* events = make_dict(t);
  for (int e = 0; e < kAllEvents; ++e)
    TRY(dict_set(t, events, intern(t, event_name(static_cast<Event>(e))), make_int(t, int64_t{1} << e)));
  TRY(dict_set(t, events, intern(t, "NO_EVENTS"), Value::from_int(0)));
  return module_add(t, module, "events", make_simple_namespace(t, events));
}

}  // namespace

Value make_monitoring_module(Thread& t) {
  ModuleObject* module = make_module(t, make_str(t, "sys.monitoring"));
  return fill_module(t, module).is_error() ? kErrorValue : Value(module);
}

}  // namespace mp

// The _minipy module: what minipy.gil stands on.
#include "vm/exec/generator.h"
#include "vm/gc/heap.h"
#include "vm/native/native.h"
#include "vm/protocol/protocol.h"
#include "vm/threads/gil.h"
#include "vm/types/runtime.h"

namespace mp {
namespace {

Result<std::string> text_argument(Thread& t, Value value, const char* what) {
  if (!is_str(value)) return t.raise(Exc::TypeError, "{} must be str, not {}", what, type_name(t, value));
  return str_text(t, value);
}

Result<Value> gil_enabled(Thread& t, const Value*) {
  return Value::from_bool(!t.runtime().free_threaded.load(std::memory_order_relaxed));
}
Result<Value> set_enabled(Thread& t, const Value* args) {
  bool enabled = TRY(truth(t, args[0]));
  TRY(set_gil_enabled(t, enabled));
  return kNone;
}

// minipy.gil.off. Native as a lock is: a handler of a signal cannot raise between a step and the note of it.
struct OffObject : Object {
  std::atomic<uint64_t> entered{0};  // blocks
};
Result<Value> off_new(Thread& t, Value cls, const CallArgs&) {
  return t.heap().make<OffObject>(t, cls.as<Type>());
}
Result<Value> off_init(Thread&, const Value*) { return kNone; }
Result<Value> off_enter(Thread& t, const Value* args) {
  TRY(enter_gil_off(t, args[0].as_object()));
  args[0].as<OffObject>()->entered.fetch_add(1);
  return args[0];
}
Result<Value> off_exit(Thread& t, Value self, const CallArgs&) {
  auto& entered = self.as<OffObject>()->entered;
  uint64_t count = entered.load();
  do
    if (count == 0) return t.raise(Exc::RuntimeError, "gil.off() has not been entered");
  while (!entered.compare_exchange_weak(count, count - 1));
  TRY(leave_gil_off(t, self.as_object()));
  return kNone;
}
const NativeDef kOffMethods[] = {MP_RAW_NEW(off_new, "__new__(cls, *args, **kwargs)", nullptr),
                                 MP_METHOD(off_init, "__init__(self)", nullptr),
                                 MP_METHOD(off_enter, "__enter__(self)", nullptr),
                                 MP_RAW_METHOD(off_exit, "__exit__(self, *exc_info)", nullptr), MP_END};
const TypeSpec kOffSpec = {
    .name = "minipy.gil.off",
    .size = sizeof(OffObject),
    .flags = kTypeBaseType | kTypeHasDict | kTypeHasWeakref,
    .doc =
        "Context manager: no lock inside, what there was before afterwards.\n\nIt holds for all threads of "
        "the runtime: where such blocks overlap, what there was before\nthe first comes back behind the "
        "last.",
    .methods = kOffMethods};

Status init_module(Thread& t, ModuleObject* module) {
  module_add_type(t, module, kOffSpec);
  return {};
}

Result<Value> gil_policy(Thread& t, const Value*) {
  return make_str(t, gil_policy_info(t.runtime().gil->policy_id.load(std::memory_order_relaxed)).name);
}
Result<Value> set_policy(Thread& t, const Value* args) {
  std::string name = TRY(text_argument(t, args[0], "policy"));
  GilPolicyId id;
  if (!parse_gil_policy(name, &id)) return t.raise(Exc::ValueError, "{}", unknown_gil_policy(name));
  TRY(set_gil_policy(t, id));
  return kNone;
}
Result<Value> gil_policies(Thread& t, const Value*) {
  ListObject* names = make_list(t);
  for (int i = 0; i <= kGilPolicies; ++i)
    TRY(list_append(t, names, make_str(t, gil_policy_info(static_cast<GilPolicyId>(i)).name)));
  return list_to_tuple(t, names);
}

Result<Value> semantics_name(Thread& t, const Value*) {
  return make_str(t, semantics_info(t.runtime().gil->semantics.load(std::memory_order_relaxed)).name);
}
Result<Value> set_semantics_name(Thread& t, const Value* args) {
  std::string name = TRY(text_argument(t, args[0], "semantics"));
  Semantics semantics;
  if (!parse_semantics(name, &semantics)) return t.raise(Exc::ValueError, "{}", unknown_semantics(name));
  TRY(set_semantics(t, semantics));
  return kNone;
}
Result<Value> semantics_presets(Thread& t, const Value*) {
  ListObject* names = make_list(t);
#define MP_SEMANTICS(name, enumerator, policy, doc) TRY(list_append(t, names, make_str(t, name)));
#include "vm/threads/semantics.def"
#undef MP_SEMANTICS
  return list_to_tuple(t, names);
}

Result<Value> record_gil(Thread& t, const Value* args) {
  bool on = TRY(truth(t, args[0]));
  set_gil_recording(t, on);
  return kNone;
}
Result<Value> gil_recording(Thread& t, const Value*) {
  return Value::from_bool(t.runtime().gil->recorder.load(std::memory_order_relaxed) != nullptr);
}
Result<Value> gil_statistics(Thread& t, const Value* args) {
  std::string form = TRY(text_argument(t, args[0], "form"));
  return make_str(t, gil_report(t, form == "json" ? GilReportForm::Json : GilReportForm::Text));
}

Result<Value> warn_created(Thread& t, const Value* args) {
  if (type_of(t, args[0]) != t.types().coroutine)
    return t.raise(Exc::TypeError, "a coroutine is needed, not {}", type_name(t, args[0]));
  TRY(warn_where_created(t, args[0].as<GeneratorObject>()));
  return kNone;
}

const NativeDef kFunctions[] = {
    MP_FUNCTION(gil_enabled, "gil_enabled()", "Whether threads run one at a time."),
    MP_FUNCTION(set_enabled, "set_gil_enabled(enabled, /)", "Switch the lock on or off for all threads."),
    MP_FUNCTION(gil_policy, "gil_policy()", "The name of the policy (also while the lock is off)."),
    MP_FUNCTION(set_policy, "set_gil_policy(name, /)", "Replace the lock."),
    MP_FUNCTION(gil_policies, "gil_policies()", "The names of the policies."),
    MP_FUNCTION(semantics_name, "semantics()", "The name of the preset of switch sites."),
    MP_FUNCTION(set_semantics_name, "set_semantics(name, /)", "Choose where a switch may fall."),
    MP_FUNCTION(semantics_presets, "semantics_presets()", "The names of the presets."),
    MP_FUNCTION(warn_created, "warn_where_created(coroutine, /)",
                "Warn that nobody awaited the coroutine, at the place that made it."),
    MP_FUNCTION(record_gil, "record_gil(on, /)", "Begin or stop to record what the lock costs."),
    MP_FUNCTION(gil_recording, "gil_recording()", "Whether it is recorded."),
    MP_FUNCTION(gil_statistics, "gil_statistics(form, /)", "What was recorded: \"json\" or \"text\"."),
    MP_END};

}  // namespace

extern const ModuleSpec kMinipyModule;
const ModuleSpec kMinipyModule = {"_minipy", "What the module minipy stands on.", kFunctions, init_module};

}  // namespace mp

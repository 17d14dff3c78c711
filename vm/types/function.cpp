// The function type: attributes of functions written in script, and types.FunctionType(code, globals, ...).
#include "vm/types/function.h"

#include "vm/exec/interp.h"
#include "vm/threads/object_lock.h"
#include "vm/threads/thread_table.h"
#include "vm/types/number.h"
#include "vm/types/type_internal.h"

namespace mp {

static FunctionObject* fn(Value v) { return v.as<FunctionObject>(); }

static Value or_none(Value v) { return v.is_empty() ? kNone : v; }

static Result<Value> get_name(Thread&, Value self) { return or_none(fn(self)->name); }
static Status set_name(Thread& t, Value self, Value value) {
  if (!is_str(value)) return t.raise(Exc::TypeError, "__name__ must be set to a string object");
  fn(self)->name = value;
  return {};
}
static Result<Value> get_qualname(Thread&, Value self) { return or_none(fn(self)->qualified_name); }
static Status set_qualname(Thread& t, Value self, Value value) {
  if (!is_str(value)) return t.raise(Exc::TypeError, "__qualname__ must be set to a string object");
  fn(self)->qualified_name = value;
  return {};
}
static Result<Value> get_module(Thread&, Value self) { return or_none(fn(self)->module); }
static Status set_module(Thread&, Value self, Value value) {
  fn(self)->module = value.is_empty() ? kNone : value;
  return {};
}
static Result<Value> get_doc(Thread&, Value self) { return or_none(fn(self)->doc); }
static Status set_doc(Thread&, Value self, Value value) {
  fn(self)->doc = value.is_empty() ? kNone : value;
  return {};
}
static Result<Value> get_code(Thread&, Value self) { return Value(fn(self)->code); }
static Status set_code(Thread& t, Value self, Value value) {
  if (!is_kind(value, Kind::Code)) return t.raise(Exc::TypeError, "__code__ must be set to a code object");
  auto* code = value.as<CodeObject>();
  Value closure = fn(self)->closure;
  size_t cells = closure.is_empty() ? 0 : closure.as<TupleObject>()->size;
  if (code->free_count != cells)
    return t.raise(Exc::ValueError, "{}() requires a code object with {} free vars, not {}",
                   str_text(t, fn(self)->name), cells, code->free_count);
  Exclusive alone(t);  // calls read it more than once
  fn(self)->code = code;
  fn(self)->code_cell.store(code);
  return {};
}
static Result<Value> get_defaults(Thread&, Value self) { return or_none(fn(self)->defaults); }
static Status set_defaults(Thread& t, Value self, Value value) {
  if (value.is_none()) value = kEmpty;
  if (!value.is_empty() && !is_tuple(value))
    return t.raise(Exc::TypeError, "__defaults__ must be set to a tuple object");
  fn(self)->defaults = value;
  return {};
}
static Result<Value> get_kwdefaults(Thread&, Value self) { return or_none(fn(self)->keyword_defaults); }
static Status set_kwdefaults(Thread& t, Value self, Value value) {
  if (value.is_none()) value = kEmpty;
  if (!value.is_empty() && !is_dict(value))
    return t.raise(Exc::TypeError, "__kwdefaults__ must be set to a dict object");
  fn(self)->keyword_defaults = value;
  return {};
}
static Result<Value> get_annotations(Thread& t, Value self) {
  Value v = fn(self)->annotations;
  if (is_dict(v)) return v;
  DictObject* dict = make_dict(t);
  if (is_tuple(v)) {
    auto* pairs = v.as<TupleObject>();
    for (size_t i = 0; i + 1 < pairs->size; i += 2) TRY(dict_set(t, dict, (*pairs)[i], (*pairs)[i + 1]));
  }
  if (!fn(self)->annotations.compare_exchange(v, Value(dict))) return get_annotations(t, self);
  return dict;
}
static Status set_annotations(Thread& t, Value self, Value value) {
  if (value.is_none()) value = kEmpty;
  if (!value.is_empty() && !is_dict(value))
    return t.raise(Exc::TypeError, "__annotations__ must be set to a dict object");
  fn(self)->annotations = value;
  return {};
}
static Result<Value> get_type_params(Thread& t, Value self) {
  Value v = fn(self)->type_params;
  return v.is_empty() ? Value(empty_tuple(t)) : v;
}
static Status set_type_params(Thread& t, Value self, Value value) {
  if (!is_tuple(value)) return t.raise(Exc::TypeError, "__type_params__ must be set to a tuple");
  fn(self)->type_params = value;
  return {};
}
static Result<Value> get_dict(Thread& t, Value self) { return instance_dict(t, self.as_object()); }
static Status set_dict(Thread& t, Value self, Value value) {
  if (value.is_empty()) return t.raise(Exc::TypeError, "cannot delete __dict__");
  return instance_set_dict(t, self.as_object(), value);
}

static Result<Value> function_new(Thread& t, const Value* args) {
  enum { kCls, kCode, kGlobals, kName, kArgdefs, kClosure, kKwdefaults };
  if (!is_kind(args[kCode], Kind::Code))
    return t.raise(Exc::TypeError, "function() argument 'code' must be code, not {}",
                   type_name(t, args[kCode]));
  if (!is_dict(args[kGlobals]))
    return t.raise(Exc::TypeError, "function() argument 'globals' must be dict, not {}",
                   type_name(t, args[kGlobals]));
  if (!args[kName].is_none() && !is_str(args[kName]))
    return t.raise(Exc::TypeError, "arg 3 (name) must be None or string");
  if (!args[kArgdefs].is_none() && !is_tuple(args[kArgdefs]))
    return t.raise(Exc::TypeError, "arg 4 (defaults) must be None or tuple");
  if (!args[kKwdefaults].is_none() && !is_dict(args[kKwdefaults]))
    return t.raise(Exc::TypeError, "arg 6 (kwdefaults) must be None or dict");
  auto* code = args[kCode].as<CodeObject>();
  Value closure = args[kClosure];
  if (!closure.is_none() && !is_tuple(closure))
    return t.raise(Exc::TypeError, "arg 5 (closure) must be {}",
                   code->free_count > 0 ? "tuple" : "None or tuple");
  if (closure.is_none() && code->free_count > 0)
    return t.raise(Exc::TypeError, "arg 5 (closure) must be tuple");
  size_t cells = closure.is_none() ? 0 : closure.as<TupleObject>()->size;
  if (cells != code->free_count)
    return t.raise(Exc::ValueError, "{} requires closure of length {}, not {}", str_text(t, code->name),
                   code->free_count, cells);
  for (size_t i = 0; i < cells; ++i)
    if (!is_kind((*closure.as<TupleObject>())[i], Kind::Cell))
      return t.raise(Exc::TypeError, "arg 5 (closure) expected cell, found {}",
                     type_name(t, (*closure.as<TupleObject>())[i]));
  FunctionObject* made = make_function(t, code, args[kGlobals].as<DictObject>());
  if (!args[kName].is_none()) made->name = args[kName];
  if (!args[kArgdefs].is_none()) made->defaults = args[kArgdefs];
  if (!args[kKwdefaults].is_none()) made->keyword_defaults = args[kKwdefaults];
  if (cells > 0) made->closure = closure;
  return made;
}

static Result<Value> function_repr(Thread& t, Value self) {
  return make_str(t,
                  fmt::format("<function {} at {:#x}>", str_text(t, fn(self)->qualified_name), self.bits()));
}
static Result<Value> function_call(Thread& t, Value callee, const CallArgs& args) {
  return call_function(t, fn(callee), kEmpty, args);
}
static Result<Value> function_get(Thread& t, Value descriptor, Value instance, Value) {
  if (instance.is_empty()) return descriptor;
  return make_bound_method(t, descriptor, instance);
}

static void trace_function(Object* o, Tracer& tracer) {
  auto* f = static_cast<FunctionObject*>(o);
  tracer.visit(reinterpret_cast<Object*>(f->code));
  tracer.visit(reinterpret_cast<Object*>(f->code_cell.load()));
  tracer.visit(f->globals);
  tracer.visit(f->builtins);
  for (const Slot* slot : {&f->name, &f->qualified_name, &f->module, &f->doc, &f->defaults,
                           &f->keyword_defaults, &f->closure, &f->annotations, &f->type_params})
    tracer.visit(*slot);
}

static const NativeDef kFunctionMethods[] = {
    MP_NEW(function_new,
           "__new__(cls, code, globals, name=None, argdefs=None, closure=None, kwdefaults=None)", nullptr),
    MP_END};
static const GetSetDef kFunctionGetSets[] = {{"__code__", get_code, set_code, nullptr},
                                             {"__defaults__", get_defaults, set_defaults, nullptr},
                                             {"__kwdefaults__", get_kwdefaults, set_kwdefaults, nullptr},
                                             {"__annotations__", get_annotations, set_annotations, nullptr},
                                             {"__dict__", get_dict, set_dict, nullptr},
                                             {"__name__", get_name, set_name, nullptr},
                                             {"__qualname__", get_qualname, set_qualname, nullptr},
                                             {"__type_params__", get_type_params, set_type_params, nullptr},
                                             {"__module__", get_module, set_module, nullptr},
                                             {"__doc__", get_doc, set_doc, nullptr},
                                             {}};
// Members as in CPython: types.MemberDescriptorType is the type of FunctionType.__globals__. A pointer field
// reads as a Slot.
static const MemberDef kFunctionMembers[] = {
    {"__closure__", offsetof(FunctionObject, closure), true, nullptr},
    {"__globals__", offsetof(FunctionObject, globals), true, nullptr},
    {"__builtins__", offsetof(FunctionObject, builtins), true, nullptr},
    {}};
extern const TypeSpec kFunctionSpec;
const TypeSpec kFunctionSpec = {
    .name = "function",
    .kind = Kind::Function,
    .size = sizeof(FunctionObject),
    .flags = kTypeHasDict | kTypeHasWeakref,
    .doc = "Create a function object.",
    .trace = trace_function,
    .slots = MP_SLOTS(.repr = function_repr, .call = function_call, .descr_get = function_get),
    .methods = kFunctionMethods,
    .getsets = kFunctionGetSets,
    .members = kFunctionMembers};

}  // namespace mp

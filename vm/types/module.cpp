// The module type.
#include "vm/types/exception.h"
#include "vm/types/type_internal.h"

namespace mp {

bool is_beside_program(Thread& t, const std::string& file);  // vm/modules/import.h, a layer up

static ModuleObject* mod(Value v) { return v.as<ModuleObject>(); }

ModuleObject* make_module(Thread& t, Value name, Value doc) {
  DictObject* dict = make_dict(t);
  auto* module = t.heap().make<ModuleObject>(t, t.types().module);
  module->dict = dict;
  (void)dict_set_str(t, dict, t.names().__name__, name);
  (void)dict_set_str(t, dict, t.names().__doc__, doc);
  (void)dict_set_str(t, dict, t.names().__package__, kNone);
  (void)dict_set_str(t, dict, t.names().__loader__, kNone);
  (void)dict_set_str(t, dict, t.names().__spec__, kNone);
  return module;
}

static Result<bool> is_initialising(Thread& t, Value spec) {
  if (spec.is_not_found() || spec.is_none()) return false;
  Value flag = TRY(get_attr_or_not_found(t, spec, intern(t, "_initializing")));
  if (flag.is_not_found()) return false;
  return truth(t, flag);
}

static Error raise_missing(Thread& t, ModuleObject* module, StrObject* name) {
  Value own = module->dict != nullptr ? dict_get_str(module->dict, t.names().__name__) : kNotFound;
  std::string attribute = to_utf8(name);
  if (!is_str(own))
    return raise_attribute_error(t, Value(module), name,
                                 fmt::format("module has no attribute '{}'", attribute));
  std::string text = to_utf8(own.as<StrObject>());
  Value spec = dict_get_str(module->dict, t.names().__spec__);
  bool initialising = TRY(is_initialising(t, spec));
  Value origin = spec.is_not_found() || spec.is_none()
                     ? kNotFound
                     : TRY(get_attr_or_not_found(t, spec, intern(t, "origin")));
  std::string file = is_str(origin) ? to_utf8(origin.as<StrObject>()) : "";
  if (!file.empty() && is_beside_program(t, file)) {
    Value library = dict_get_text(t, t.runtime().sys_module->dict, "stdlib_module_names");
    bool same_name = !library.is_not_found() && TRY(contains(t, library, own));
    if (same_name || initialising)
      return raise_attribute_error(
          t, Value(module), name,
          fmt::format("module '{}' has no attribute '{}' (consider renaming '{}' {})", text, attribute, file,
                      same_name
                          ? fmt::format("since it has the same name as the standard library module named "
                                        "'{}' and the import system gives it precedence",
                                        text)
                          : "if it has the same name as a third-party module you intended to import"));
  }
  if (initialising) {
    if (is_str(origin))
      return raise_attribute_error(t, Value(module), name,
                                   fmt::format("partially initialized module '{}' from '{}' has no attribute "
                                               "'{}' (most likely due to a circular import)",
                                               text, file, attribute));
    return raise_attribute_error(
        t, Value(module), name,
        fmt::format(
            "partially initialized module '{}' has no attribute '{}' (most likely due to a circular import)",
            text, attribute));
  }
  if (!spec.is_not_found() && !spec.is_none()) {
    Value submodules = TRY(get_attr_or_not_found(t, spec, intern(t, "_uninitialized_submodules")));
    if (is_list(submodules) && TRY(contains(t, submodules, Value(name))))
      return raise_attribute_error(
          t, Value(module), name,
          fmt::format("cannot access submodule '{}' of module '{}' (most likely due to a circular import)",
                      attribute, text));
  }
  return raise_attribute_error(t, Value(module), name,
                               fmt::format("module '{}' has no attribute '{}'", text, attribute));
}

// kNotFound without an exception when absent and no __getattr__.
Result<Value> module_get_attr_quiet(Thread& t, ModuleObject* module, StrObject* name) {
  name = attribute_name(t, name);
  Value found = TRY(generic_get_attr_quiet(t, Value(module), name));
  if (!found.is_not_found() || module->dict == nullptr) return found;
  Value hook = dict_get_str(module->dict, t.names().__getattr__);
  return hook.is_not_found() ? kNotFound : call(t, hook, {Value(name)});
}

Result<Value> module_get_attr_slot(Thread& t, Value module, StrObject* name) {
  Value v = TRY(module_get_attr_quiet(t, mod(module), name));
  if (v.is_not_found()) return raise_missing(t, mod(module), name);
  return v;
}

Value module_get_own(ModuleObject* module, StrObject* name) {
  return module->dict == nullptr ? kNotFound : dict_get_str(module->dict, name);
}
Status module_set_own(Thread& t, ModuleObject* module, StrObject* name, Value value) {
  if (module->dict == nullptr) module->dict = make_dict(t);
  if (!value.is_empty()) return dict_set_str(t, module->dict, name, value);
  if (!TRY(dict_delete(t, module->dict, Value(name)))) return raise_no_attribute(t, Value(module), name);
  return {};
}

static Result<Value> module_new(Thread& t, Value cls, const CallArgs&) {
  auto* module = t.heap().make<ModuleObject>(t, cls.as<Type>());
  module->dict = make_dict(t);
  return module;
}
static Result<Value> module_init(Thread& t, const Value* args) {
  if (!is_str(args[1]))
    return t.raise(Exc::TypeError, "module() argument 'name' must be str, not {}", type_name(t, args[1]));
  DictObject* dict = mod(args[0])->dict;
  TRY(dict_set_str(t, dict, t.names().__name__, args[1]));
  TRY(dict_set_str(t, dict, t.names().__doc__, args[2]));
  for (StrObject* name : {t.names().__package__, t.names().__loader__, t.names().__spec__})
    TRY(dict_set_str(t, dict, name, kNone));
  return kNone;
}

// importlib's _module_repr in short: the spec, else __loader__ and __file__.
static Result<Value> module_repr(Thread& t, Value self) {
  DictObject* dict = mod(self)->dict;
  auto text_of = [&](StrObject* name) { return dict_get_str(dict, name); };
  Value spec = text_of(t.names().__spec__);
  Value name = text_of(t.names().__name__);
  Value shown_name = name.is_not_found() ? Value(make_str(t, "?")) : name;
  if (!spec.is_not_found() && !spec.is_none()) {
    Value spec_name = TRY(get_attr_or_not_found(t, spec, t.names().name));
    if (!spec_name.is_not_found()) shown_name = spec_name.is_none() ? Value(make_str(t, "?")) : spec_name;
    Value origin = TRY(get_attr_or_not_found(t, spec, intern(t, "origin")));
    Value has_location = TRY(get_attr_or_not_found(t, spec, intern(t, "has_location")));
    std::string quoted = TRY(repr_utf8(t, shown_name));
    if (origin.is_not_found() || origin.is_none()) {
      Value loader = TRY(get_attr_or_not_found(t, spec, intern(t, "loader")));
      if (loader.is_not_found() || loader.is_none()) return make_str(t, fmt::format("<module {}>", quoted));
      return make_str(t, fmt::format("<module {} ({})>", quoted, TRY(repr_utf8(t, loader))));
    }
    bool located = !has_location.is_not_found() && TRY(truth(t, has_location));
    if (located) return make_str(t, fmt::format("<module {} from {}>", quoted, TRY(repr_utf8(t, origin))));
    return make_str(t, fmt::format("<module {} ({})>", quoted, str_text(t, origin)));
  }
  std::string quoted = TRY(repr_utf8(t, shown_name));
  Value file = text_of(t.names().__file__);
  if (!file.is_not_found())
    return make_str(t, fmt::format("<module {} from {}>", quoted, TRY(repr_utf8(t, file))));
  Value loader = text_of(t.names().__loader__);
  if (!loader.is_not_found() && !loader.is_none())
    return make_str(t, fmt::format("<module {} ({})>", quoted, TRY(repr_utf8(t, loader))));
  return make_str(t, fmt::format("<module {}>", quoted));
}

static Result<Value> module_dir(Thread& t, const Value* args) {
  Value given = TRY(get_attr(t, args[0], t.names().__dict__));
  if (!is_dict(given)) return t.raise(Exc::TypeError, "<module>.__dict__ is not a dictionary");
  auto* dict = given.as<DictObject>();
  Value hook = dict_get_str(dict, t.names().__dir__);
  if (!hook.is_not_found()) return call(t, hook);
  return to_list(t, Value(dict));
}
static Result<Value> get_dict(Thread& t, Value self) {
  if (mod(self)->dict == nullptr) mod(self)->dict = make_dict(t);
  return Value(mod(self)->dict);
}
static Result<Value> get_annotations(Thread& t, Value self) {
  DictObject* dict = mod(self)->dict;
  Value v = dict_get_str(dict, t.names().__annotations__);
  if (!v.is_not_found()) return v;
  return dict_set_default(t, dict, Value(t.names().__annotations__), Value(make_dict(t)));
}
static Status set_annotations(Thread& t, Value self, Value value) {
  DictObject* dict = mod(self)->dict;
  if (!value.is_empty()) return dict_set_str(t, dict, t.names().__annotations__, value);
  if (!TRY(dict_delete(t, dict, Value(t.names().__annotations__))))
    return raise_attribute_error(t, self, t.names().__annotations__, "__annotations__");
  return {};
}
static void trace_module(Object* o, Tracer& tracer) {
  tracer.visit(static_cast<ModuleObject*>(o)->dict);
  if (static_cast<ModuleObject*>(o)->state != nullptr) tracer.mark_raw(static_cast<ModuleObject*>(o)->state);
}

static const NativeDef kModuleMethods[] = {
    MP_RAW_NEW(module_new, "__new__(cls, /, *args, **kwargs)", nullptr),
    MP_METHOD(module_init, "__init__(self, name, doc=None)", nullptr),
    MP_METHOD(module_dir, "__dir__(self, /)", "__dir__() -> list\nspecialized dir() implementation"), MP_END};
static const GetSetDef kModuleGetSets[] = {{"__dict__", get_dict, nullptr, nullptr},
                                           {"__annotations__", get_annotations, set_annotations, nullptr},
                                           {}};
extern const TypeSpec kModuleSpec;
const TypeSpec kModuleSpec = {
    .name = "module",
    .kind = Kind::Module,
    .size = sizeof(ModuleObject),
    .flags = kTypeBaseType | kTypeHasWeakref,
    .doc = "Create a module object.\n\nThe name must be a string; the optional docstring can have any type.",
    .trace = trace_module,
    .slots = MP_SLOTS(.repr = module_repr, .get_attr = module_get_attr_slot, .set_attr = generic_set_attr),
    .methods = kModuleMethods,
    .getsets = kModuleGetSets};

}  // namespace mp

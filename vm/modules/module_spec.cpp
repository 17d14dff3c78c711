#include "vm/modules/module_spec.h"

#include "vm/exec/interp.h"
#include "vm/modules/import.h"
#include "vm/protocol/protocol.h"
#include "vm/types/exception.h"
#include "vm/types/runtime.h"

namespace mp {

namespace {

// ---- ModuleSpec

void trace_spec(Object* object, Tracer& tracer) {
  auto* spec = static_cast<ModuleSpecObject*>(object);
  tracer.visit_slots(&spec->name, 7);
}

Result<Value> spec_new(Thread& t, const Value* args) {
  auto* spec = t.heap().make<ModuleSpecObject>(t, args[0].as<Type>());
  spec->name = args[1];
  spec->loader = args[2];
  spec->origin = args[3];
  spec->loader_state = args[4];
  spec->submodule_search_locations = kNone;
  if (!args[5].is_none() && TRY(truth(t, args[5]))) spec->submodule_search_locations = make_list(t);
  spec->cached = kNone;
  spec->has_location = kFalse;
  return spec;
}

Result<Value> spec_repr(Thread& t, Value self) {
  auto* spec = self.as<ModuleSpecObject>();
  std::string out =
      "ModuleSpec(name=" + TRY(repr_utf8(t, spec->name)) + ", loader=" + TRY(repr_utf8(t, spec->loader));
  if (!spec->origin.get().is_none()) out += ", origin=" + TRY(repr_utf8(t, spec->origin));
  if (!spec->submodule_search_locations.get().is_none())
    out += ", submodule_search_locations=" + TRY(repr_utf8(t, spec->submodule_search_locations));
  return make_str(t, out + ")");
}

Result<Value> spec_parent(Thread& t, Value self) {
  auto* spec = self.as<ModuleSpecObject>();
  if (!spec->submodule_search_locations.get().is_none()) return spec->name;
  Value own = spec->name;
  if (!is_str(own))
    return t.raise(Exc::AttributeError, "'{}' object has no attribute 'rpartition'", type_name(t, own));
  std::string name = to_utf8(own.as<StrObject>());
  size_t dot = name.rfind('.');
  return make_str(t, dot == std::string::npos ? "" : name.substr(0, dot));
}
Result<Value> spec_initializing(Thread&, Value self) {
  return Value::from_bool(self.as<ModuleSpecObject>()->initializing.load());
}
Status spec_set_initializing(Thread& t, Value self, Value value) {
  self.as<ModuleSpecObject>()->initializing = !value.is_empty() && TRY(truth(t, value));
  return {};
}

const NativeDef kSpecMethods[] = {
    MP_NEW(spec_new, "__new__(cls, name, loader, *, origin=None, loader_state=None, is_package=None)",
           nullptr),
    MP_END};
const GetSetDef kSpecGetSets[] = {{"parent", spec_parent, nullptr, "The name of the module's parent."},
                                  {"_initializing", spec_initializing, spec_set_initializing, nullptr},
                                  {}};
const MemberDef kSpecMembers[] = {
    {"name", offsetof(ModuleSpecObject, name), false, nullptr},
    {"loader", offsetof(ModuleSpecObject, loader), false, nullptr},
    {"origin", offsetof(ModuleSpecObject, origin), false, nullptr},
    {"loader_state", offsetof(ModuleSpecObject, loader_state), false, nullptr},
    {"submodule_search_locations", offsetof(ModuleSpecObject, submodule_search_locations), false, nullptr},
    {"cached", offsetof(ModuleSpecObject, cached), false, nullptr},
    {"has_location", offsetof(ModuleSpecObject, has_location), false, nullptr},
    {}};
const TypeSpec kModuleSpecSpec = {.name = "_frozen_importlib.ModuleSpec",
                                  .size = sizeof(ModuleSpecObject),
                                  .flags = kTypeBaseType | kTypeHasDict,
                                  .doc = "The specification for a module, used for loading.",
                                  .trace = trace_spec,
                                  .slots = MP_SLOTS(.repr = spec_repr),
                                  .methods = kSpecMethods,
                                  .getsets = kSpecGetSets,
                                  .members = kSpecMembers};

// ---- loaders

void trace_loader(Object* object, Tracer& tracer) {
  auto* loader = static_cast<LoaderObject*>(object);
  tracer.visit(loader->name);
  tracer.visit(loader->path);
}
Result<Value> loader_new(Thread& t, const Value* args) {
  auto* loader = t.heap().make<LoaderObject>(t, args[0].as<Type>());
  loader->name = args[1];
  loader->path = args[2];
  return loader;
}
Result<Value> loader_repr(Thread& t, Value self) {
  return make_str(t, fmt::format("<{} object at {:#x}>", type_full_name(type_of(t, self)), self.bits()));
}
Result<Value> source_get_filename(Thread&, const Value* args) { return args[0].as<LoaderObject>()->path; }
Result<Value> source_get_data(Thread& t, const Value* args) {
  if (!is_str(args[1])) return t.raise(Exc::TypeError, "path must be str");
  return read_file(t, to_utf8(args[1].as<StrObject>()));
}
Result<Value> source_get_source(Thread& t, const Value* args) {
  Value data = TRY(read_file(t, to_utf8(args[0].as<LoaderObject>()->path.get().as<StrObject>())));
  Value io = TRY(import_module(t, "importlib._bootstrap_external"));
  return call_method(t, io, intern(t, "decode_source"), {data});
}
Result<Value> source_get_code(Thread& t, const Value* args) {
  auto* loader = args[0].as<LoaderObject>();
  std::string path = to_utf8(loader->path.get().as<StrObject>());
  Value data = TRY(read_file(t, path));
  CompileRequest request;
  request.source = data.as<BytesObject>()->view();
  request.filename = path;
  request.decode = true;
  return compile_source(t, request);
}
Result<Value> source_is_package(Thread&, const Value* args) {
  std::string path = to_utf8(args[0].as<LoaderObject>()->path.get().as<StrObject>());
  std::string file = path.substr(path.rfind('/') + 1);
  return Value::from_bool(file.starts_with("__init__."));
}
// What importlib.resources reads a package's files with; None for a module that is no package.
Result<Value> source_get_resource_reader(Thread& t, const Value* args) {
  if (!TRY(truth(t, TRY(source_is_package(t, args))))) return kNone;
  Value readers = TRY(import_module(t, "importlib.readers"));
  return call_method(t, readers, intern(t, "FileReader"), {args[0]});
}
Result<Value> loader_create_module(Thread&, const Value*) { return kNone; }
Result<Value> source_exec_module(Thread& t, const Value* args) {
  Value code = TRY(source_get_code(t, args));
  if (!is_kind(args[1], Kind::Module))
    return t.raise(Exc::TypeError, "exec_module() argument must be a module");
  DictObject* dict = args[1].as<ModuleObject>()->dict;
  TRY(run_code(t, code.as<CodeObject>(), dict, dict));
  return kNone;
}
Result<Value> no_source(Thread&, const Value*) { return kNone; }
Result<Value> builtin_create_module(Thread& t, const Value* args) {
  Value name = TRY(get_attr(t, args[1], t.names().name));
  Value module = TRY(load_native_module(t, name.as<StrObject>()));
  if (module.is_not_found())
    return t.raise(Exc::ImportError, "{} is not a built-in module", repr_text(t, name));
  return module;
}
// The frozen module that a loader's argument (or the loader itself) names.
Result<Value> frozen_get_code(Thread& t, const Value* args) {
  Value name = args[1].is_none() ? args[0].as<LoaderObject>()->name.get() : args[1];
  FrozenModule frozen;
  if (!is_str(name) || !find_frozen_module(to_utf8(name.as<StrObject>()), &frozen))
    return t.raise(Exc::ImportError, "No such frozen object named {}", str_text(t, name));
  return frozen_code(t, frozen);
}
Result<Value> frozen_exec_module(Thread& t, const Value* args) {
  if (!is_kind(args[1], Kind::Module))
    return t.raise(Exc::TypeError, "exec_module() argument must be a module");
  Value arguments[2] = {args[0], kNone};
  Value code = TRY(frozen_get_code(t, arguments));
  DictObject* dict = args[1].as<ModuleObject>()->dict;
  TRY(run_code(t, code.as<CodeObject>(), dict, dict));
  return kNone;
}
Result<Value> frozen_is_package(Thread&, const Value* args) {
  Value name = args[1].is_none() ? args[0].as<LoaderObject>()->name.get() : args[1];
  FrozenModule frozen;
  return Value::from_bool(is_str(name) && find_frozen_module(to_utf8(name.as<StrObject>()), &frozen) &&
                          frozen.is_package);
}

// ---- the finder in sys.meta_path

Result<Value> importer_find_spec(Thread& t, const Value* args) {
  if (!is_str(args[1]))
    return t.raise(Exc::TypeError, "module name must be str, not {}", type_name(t, args[1]));
  std::string name = to_utf8(args[1].as<StrObject>());
  size_t dot = name.rfind('.');
  ModuleLocation location;
  Value path = args[2].is_none() ? kEmpty : args[2];
  if (!TRY(locate_module(t, name, dot == std::string::npos ? name : name.substr(dot + 1), path, &location)))
    return kNone;
  switch (location.kind) {
    case ModuleLocation::Native:
      return make_module_spec(t, args[1], make_loader(t, LoaderKind::Builtin, args[1], kNone),
                              make_str(t, "built-in"), kNone, false);
    case ModuleLocation::Frozen:
      return make_module_spec(t, args[1], make_loader(t, LoaderKind::Frozen, args[1], kNone),
                              make_str(t, "frozen"), location.frozen.is_package ? Value(make_list(t)) : kNone,
                              false);
    case ModuleLocation::Archive: return location.spec;
    default: break;
  }
  ListObject* search = make_list(t);
  if (location.kind == ModuleLocation::File) {
    Value file = make_str(t, location.file);
    if (!location.package.empty()) TRY(list_append(t, search, make_str(t, location.package)));
    return make_module_spec(t, args[1], make_loader(t, LoaderKind::Source, args[1], file), file,
                            location.package.empty() ? kNone : Value(search), true);
  }
  for (const std::string& portion : location.portions) TRY(list_append(t, search, make_str(t, portion)));
  return make_module_spec(t, args[1], make_loader(t, LoaderKind::Namespace, args[1], kNone), kNone, search,
                          false);
}
Result<Value> importer_invalidate_caches(Thread&, const Value*) { return kNone; }
Result<Value> importer_repr(Thread& t, Value) { return make_str(t, "<minipy importer>"); }
const NativeDef kImporterMethods[] = {
    MP_METHOD(importer_find_spec, "find_spec(self, fullname, path=None, target=None)", nullptr),
    MP_METHOD(importer_invalidate_caches, "invalidate_caches(self)", nullptr), MP_END};
const TypeSpec kImporterSpec = {.name = "_frozen_importlib.Importer",
                                .size = sizeof(Object),
                                .flags = kTypeDisallowNew,
                                .slots = MP_SLOTS(.repr = importer_repr),
                                .methods = kImporterMethods};

const MemberDef kLoaderMembers[] = {{"name", offsetof(LoaderObject, name), false, nullptr},
                                    {"path", offsetof(LoaderObject, path), false, nullptr},
                                    {}};
const NativeDef kSourceMethods[] = {
    MP_NEW(loader_new, "__new__(cls, fullname=None, path=None)", nullptr),
    MP_METHOD(source_get_filename, "get_filename(self, name=None)", nullptr),
    MP_METHOD(source_get_data, "get_data(self, path)", nullptr),
    MP_METHOD(source_get_source, "get_source(self, fullname=None)", nullptr),
    MP_METHOD(source_get_code, "get_code(self, fullname=None)", nullptr),
    MP_METHOD(source_is_package, "is_package(self, fullname=None)", nullptr),
    MP_METHOD(source_get_resource_reader, "get_resource_reader(self, name=None)", nullptr),
    MP_METHOD(loader_create_module, "create_module(self, spec)", nullptr),
    MP_METHOD(source_exec_module, "exec_module(self, module)", nullptr),
    MP_END};
const NativeDef kPlainMethods[] = {MP_NEW(loader_new, "__new__(cls, fullname=None, path=None)", nullptr),
                                   MP_METHOD(no_source, "get_source(self, fullname=None)", nullptr),
                                   MP_METHOD(loader_create_module, "create_module(self, spec)", nullptr),
                                   MP_METHOD(no_source, "exec_module(self, module)", nullptr), MP_END};

const TypeSpec kSourceLoaderSpec = {.name = "_frozen_importlib_external.SourceFileLoader",
                                    .size = sizeof(LoaderObject),
                                    .flags = kTypeBaseType,
                                    .trace = trace_loader,
                                    .slots = MP_SLOTS(.repr = loader_repr),
                                    .methods = kSourceMethods,
                                    .members = kLoaderMembers};
const NativeDef kBuiltinMethods[] = {MP_NEW(loader_new, "__new__(cls, fullname=None, path=None)", nullptr),
                                     MP_METHOD(no_source, "get_source(self, fullname=None)", nullptr),
                                     MP_METHOD(no_source, "get_code(self, fullname=None)", nullptr),
                                     MP_METHOD(builtin_create_module, "create_module(self, spec)", nullptr),
                                     MP_METHOD(no_source, "exec_module(self, module)", nullptr),
                                     MP_END};
const NativeDef kFrozenMethods[] = {MP_NEW(loader_new, "__new__(cls, fullname=None, path=None)", nullptr),
                                    MP_METHOD(no_source, "get_source(self, fullname=None)", nullptr),
                                    MP_METHOD(frozen_get_code, "get_code(self, fullname=None)", nullptr),
                                    MP_METHOD(frozen_is_package, "is_package(self, fullname=None)", nullptr),
                                    MP_METHOD(loader_create_module, "create_module(self, spec)", nullptr),
                                    MP_METHOD(frozen_exec_module, "exec_module(self, module)", nullptr),
                                    MP_END};
const TypeSpec kBuiltinImporterSpec = {.name = "_frozen_importlib.BuiltinImporter",
                                       .size = sizeof(LoaderObject),
                                       .trace = trace_loader,
                                       .slots = MP_SLOTS(.repr = loader_repr),
                                       .methods = kBuiltinMethods,
                                       .members = kLoaderMembers};
const TypeSpec kFrozenImporterSpec = {.name = "_frozen_importlib.FrozenImporter",
                                      .size = sizeof(LoaderObject),
                                      .trace = trace_loader,
                                      .slots = MP_SLOTS(.repr = loader_repr),
                                      .methods = kFrozenMethods,
                                      .members = kLoaderMembers};
const TypeSpec kNamespaceLoaderSpec = {.name = "_frozen_importlib_external.NamespaceLoader",
                                       .size = sizeof(LoaderObject),
                                       .trace = trace_loader,
                                       .slots = MP_SLOTS(.repr = loader_repr),
                                       .methods = kPlainMethods,
                                       .members = kLoaderMembers};

}  // namespace

// PEP 3147: where CPython would keep the bytecode of a source file. (We write none.)
static Value cached_path(Thread& t, Value origin) {
  if (!is_str(origin)) return kNone;
  std::string file = to_utf8(origin.as<StrObject>());
  if (!file.ends_with(".py") && !file.ends_with(".mp")) return kNone;
  size_t name = file.rfind('/') + 1;
  return make_str(t, file.substr(0, name) + "__pycache__/" + file.substr(name, file.size() - 3 - name) +
                         ".minipy-313.pyc");
}

ModuleSpecObject* make_module_spec(Thread& t, Value name, Value loader, Value origin, Value search_locations,
                                   bool has_location) {
  auto* spec = t.heap().make<ModuleSpecObject>(t, native_type(t, kModuleSpecSpec));
  spec->name = name;
  spec->loader = loader;
  spec->origin = origin;
  spec->loader_state = kNone;
  spec->submodule_search_locations = search_locations;
  spec->cached = has_location ? cached_path(t, origin) : kNone;
  spec->has_location = Value::from_bool(has_location);
  return spec;
}
Value importer(Thread& t) {
  Type* type = native_type(t, kImporterSpec);
  if (type->extra.get().is_empty()) type->extra = t.heap().make<Object>(t, type);
  return type->extra;
}

bool is_module_spec(Thread& t, Value v) { return is_instance(t, v, native_type(t, kModuleSpecSpec)); }

Value make_loader(Thread& t, LoaderKind kind, Value name, Value path) {
  const TypeSpec* specs[] = {&kSourceLoaderSpec, &kBuiltinImporterSpec, &kFrozenImporterSpec,
                             &kNamespaceLoaderSpec};
  Type* type = native_type(t, *specs[static_cast<int>(kind)]);
  auto* loader = t.heap().make<LoaderObject>(t, type);
  loader->name = name;
  loader->path = path;
  return loader;
}

}  // namespace mp

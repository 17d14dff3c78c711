// The import statement: loads and caches modules. module_finder.cpp finds them.
#include "vm/modules/import.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "lang/code_unit_io.h"
#include "vm/exec/interp.h"
#include "vm/modules/module_lock.h"
#include "vm/modules/module_spec.h"
#include "vm/protocol/protocol.h"
#include "vm/types/exception.h"
#include "vm/types/number.h"
#include "vm/types/runtime.h"

namespace mp {

namespace {

Value module_in_cache(Thread& t, StrObject* name) {
  DictObject* modules = t.runtime().modules;
  return dict_get_str(modules, name);
}

ModuleSpecObject* spec_of(Thread& t, Value module) {
  if (!is_kind(module, Kind::Module)) return nullptr;
  Value spec = dict_get_str(module.as<ModuleObject>()->dict, t.names().__spec__);
  if (spec.is_not_found() || !is_module_spec(t, spec)) return nullptr;
  return spec.as<ModuleSpecObject>();
}

Error module_not_found(Thread& t, StrObject* name, const std::string& message) {
  Value exception = make_exception(t, Exc::ModuleNotFoundError, make_str(t, message));
  auto* object = exception.as<ExceptionObject>();
  object->fields[1] = name;  // name
  return t.raise_object(exception);
}

// ---- loading

Status run_module(Thread& t, ModuleObject* module, CodeObject* code) {
  TRY(run_code(t, code, module->dict, module->dict));
  return {};
}

// Puts the module in sys.modules, runs `body`, takes it out again on failure. Gives what sys.modules then
// holds.
template <class Body>
Result<Value> initialise(Thread& t, StrObject* name, ModuleObject* module, Value spec, Body body) {
  DictObject* modules = t.runtime().modules;
  auto* module_spec = spec.as<ModuleSpecObject>();
  module_spec->initializing = true;
  TRY(dict_set(t, modules, name, module));
  Status status = body();
  module_spec->initializing = false;
  if (status.is_error()) {
    Value exception = t.take_exception();
    if (dict_delete(t, modules, name).is_error()) t.clear_exception();
    t.restore_exception(exception);
    return Error{};
  }
  Value loaded = TRY(dict_get(t, modules, name));
  return loaded.is_not_found() ? Result<Value>(module) : Result<Value>(loaded);
}

// What newer versions added to a module of the library lies beside it and runs in its namespace.
Status run_later(Thread& t, StrObject* name, ModuleObject* module) {
  FrozenModule later;
  if (!find_frozen_module("_later." + to_utf8(name), &later)) return {};
  return run_module(t, module, TRY(frozen_code(t, later)).as<CodeObject>());
}

Result<Value> load_frozen(Thread& t, StrObject* name, const FrozenModule& frozen) {
  auto* code = TRY(frozen_code(t, frozen)).as<CodeObject>();
  ModuleObject* module = make_module(t, name);
  // Where the library that it was frozen from is installed, modules tell their file and packages their
  // directory, as CPython's own frozen modules do.
  std::string file = installed_source(code);
  bool installed = !file.empty();
  Value search = kNone;
  if (frozen.is_package) {
    ListObject* directories = make_list(t);
    if (installed) TRY(list_append(t, directories, make_str(t, file.substr(0, file.rfind('/')))));
    search = directories;
  }
  Value spec = make_module_spec(t, name, make_loader(t, LoaderKind::Frozen, name, kNone),
                                make_str(t, "frozen"), search, false);
  TRY(init_module_attributes(t, module, spec));
  if (installed) TRY(dict_set_str(t, module->dict, t.names().__file__, code->filename));
  return initialise(t, name, module, spec, [&]() -> Status {
    TRY(run_module(t, module, code));
    return run_later(t, name, module);
  });
}

Result<Value> load_file(Thread& t, StrObject* name, const std::string& file, const std::string& package) {
  Value search = kNone;
  if (!package.empty()) {
    ListObject* list = make_list(t);
    TRY(list_append(t, list, make_str(t, package)));
    search = list;
  }
  Value path = make_str(t, file);
  ModuleObject* module = make_module(t, name);
  Value spec = make_module_spec(t, name, make_loader(t, LoaderKind::Source, name, path), path, search, true);
  TRY(init_module_attributes(t, module, spec));
  return initialise(t, name, module, spec, [&]() -> Status {
    Value data = TRY(read_file(t, file));
    CompileRequest request;
    request.source = data.as<BytesObject>()->view();
    request.filename = file;
    request.decode = true;
    Value code = TRY(compile_source(t, request));
    TRY(run_module(t, module, code.as<CodeObject>()));
    const std::string& library = t.runtime().import->python_lib;
    return !library.empty() && file.starts_with(library + "/") ? run_later(t, name, module) : Status();
  });
}

Result<Value> load_namespace_package(Thread& t, StrObject* name, Value portions) {
  ModuleObject* module = make_module(t, name);
  Value spec =
      make_module_spec(t, name, make_loader(t, LoaderKind::Namespace, name, kNone), kNone, portions, false);
  TRY(init_module_attributes(t, module, spec));
  return initialise(t, name, module, spec, [] { return Status(); });
}

// What a user's finder in sys.meta_path gives: its spec is loaded as importlib would.
Result<Value> load_found_spec(Thread& t, StrObject* name, Value spec) {
  Value loader = TRY(get_attr(t, spec, "loader"));
  Value module = kNone;
  Value create = TRY(get_attr_or_not_found(t, loader, intern(t, "create_module")));
  if (!create.is_not_found()) module = TRY(call(t, create, {spec}));
  if (module.is_none()) module = make_module(t, name);
  if (is_kind(module, Kind::Module)) TRY(init_module_attributes(t, module.as<ModuleObject>(), spec));
  // Other threads that import it wait meanwhile.
  struct Initialising {
    ModuleSpecObject* spec;
    ~Initialising() {
      if (spec != nullptr) spec->initializing = false;
    }
  } initialising{is_module_spec(t, spec) ? spec.as<ModuleSpecObject>() : nullptr};
  if (initialising.spec != nullptr) initialising.spec->initializing = true;
  TRY(dict_set(t, t.runtime().modules, name, module));
  Value exec = TRY(get_attr_or_not_found(t, loader, intern(t, "exec_module")));
  if (!exec.is_not_found()) {
    Result<Value> done = call(t, exec, {module});
    if (done.is_error()) {
      Value exception = t.take_exception();
      if (dict_delete(t, t.runtime().modules, name).is_error()) t.clear_exception();
      t.restore_exception(exception);
      return Error{};
    }
  }
  Value loaded = TRY(dict_get(t, t.runtime().modules, name));
  return loaded.is_not_found() ? module : loaded;
}

Result<Value> load_located(Thread& t, StrObject* name, const ModuleLocation& location) {
  switch (location.kind) {
    case ModuleLocation::Native: return load_native_module(t, name);
    case ModuleLocation::Frozen: return load_frozen(t, name, location.frozen);
    case ModuleLocation::File: return load_file(t, name, location.file, location.package);
    case ModuleLocation::Archive: return load_found_spec(t, name, location.spec);
    default: {
      ListObject* portions = make_list(t);
      for (const std::string& portion : location.portions)
        TRY(list_append(t, portions, make_str(t, portion)));
      return load_namespace_package(t, name, portions);
    }
  }
}

// One module whose parent package (if any) is loaded. `path` is the parent's __path__ or empty. Finders are
// asked in the order of sys.meta_path, our own among them.
Result<Value> find_and_load(Thread& t, StrObject* name, const std::string& tail, Value path) {
  Value finders = dict_get_text(t, t.runtime().sys_module->dict, "meta_path");
  if (!is_list(finders))
    return t.raise(Exc::ImportError, "sys.meta_path is None, Python is likely shutting down");
  Value own = importer(t);
  auto* list = finders.as<ListObject>();
  for (size_t i = 0; i < list->length(); ++i) {
    Value finder = list->at(i);
    if (finder.is_empty()) break;
    if (finder == own) {
      ModuleLocation location;
      if (TRY(locate_module(t, to_utf8(name), tail, path, &location))) return load_located(t, name, location);
      continue;
    }
    Value find_spec = TRY(get_attr_or_not_found(t, finder, intern(t, "find_spec")));
    if (find_spec.is_not_found()) continue;
    Value spec = TRY(call(t, find_spec, {name, path.is_empty() ? kNone : path, kNone}));
    if (!spec.is_none()) return load_found_spec(t, name, spec);
  }
  return kNotFound;
}

Result<Value> import_one(Thread& t, StrObject* name, const std::string& text, Value parent,
                         const std::string& parent_name, const std::string& tail) {
  Value cached = module_in_cache(t, name);
  if (!cached.is_not_found()) {
    if (cached.is_none())
      return module_not_found(t, name, "import of " + text + " halted; None in sys.modules");
    ModuleSpecObject* spec = spec_of(t, cached);
    if (spec == nullptr || !spec->initializing.load()) return cached;
    ModuleLock wait_for_other_thread(t, text);
    TRY(wait_for_other_thread.acquire());
    Value again = module_in_cache(t, name);
    if (!again.is_not_found()) return again;
  }
  Value path = kEmpty;
  if (!parent.is_empty()) {
    path = TRY(get_attr_or_not_found(t, parent, t.names().__path__));
    if (path.is_not_found())
      return module_not_found(
          t, name, "No module named " + repr_text(t, name) + "; '" + parent_name + "' is not a package");
  }
  Value module;
  {
    ModuleLock lock(t, text);
    TRY(lock.acquire());
    cached = module_in_cache(t, name);
    if (!cached.is_not_found()) return cached;
    module = TRY(find_and_load(t, name, tail, path));
  }
  if (module.is_not_found()) {
    std::string hint;
    if (parent.is_empty()) hint = missing_library_hint(t, text);
    return module_not_found(t, name, "No module named " + repr_text(t, name) + hint);
  }
  if (!parent.is_empty()) {
    StrObject* tail_name = intern(t, tail);
    if (set_attr(t, parent, tail_name, module).is_error()) {
      if (!t.catch_exception(Exc::AttributeError)) return Error{};
      TRY(warn(t, Exc::ImportWarning,
               fmt::format("Cannot set an attribute on '{}' for child module '{}'", parent_name, tail)));
    }
  }
  return module;
}

// The package that a relative import starts from.
Result<Value> calculate_package(Thread& t, DictObject* globals) {
  if (globals == nullptr) return t.raise(Exc::KeyError, "'__name__' not in globals");
  Value package = dict_get_str(globals, t.names().__package__);
  if (!package.is_not_found() && !package.is_none()) {
    if (!is_str(package)) return t.raise(Exc::TypeError, "__package__ must be a string");
    return package;
  }
  Value spec = dict_get_str(globals, t.names().__spec__);
  if (!spec.is_not_found() && !spec.is_none()) return get_attr(t, spec, "parent");
  TRY(warn(t, Exc::ImportWarning,
           "can't resolve package from __spec__ or __package__, falling back on __name__ and __path__"));
  Value name = dict_get_str(globals, t.names().__name__);
  if (name.is_not_found()) return t.raise(Exc::KeyError, "'__name__' not in globals");
  if (!is_str(name)) return t.raise(Exc::TypeError, "__name__ must be a string");
  if (!dict_get_str(globals, t.names().__path__).is_not_found()) return name;
  std::string text = to_utf8(name.as<StrObject>());
  size_t dot = text.rfind('.');
  return make_str(t, dot == std::string::npos ? "" : text.substr(0, dot));
}

Result<std::string> resolve_name(Thread& t, StrObject* name, DictObject* globals, int64_t level) {
  Value package_value = TRY(calculate_package(t, globals));
  std::string package = to_utf8(package_value.as<StrObject>());
  if (package.empty())
    return t.raise(Exc::ImportError, "attempted relative import with no known parent package");
  for (int64_t i = 1; i < level; ++i) {
    size_t dot = package.rfind('.');
    if (dot == std::string::npos)
      return t.raise(Exc::ImportError, "attempted relative import beyond top-level package");
    package.resize(dot);
  }
  std::string tail = to_utf8(name);
  return tail.empty() ? package : package + "." + tail;
}

// The module named by `text`, all its parents first.
Result<Value> import_absolute(Thread& t, const std::string& text, Value* top) {
  Value parent = kEmpty;
  std::string parent_name;
  size_t begin = 0;
  for (;;) {
    size_t dot = text.find('.', begin);
    std::string prefix = text.substr(0, dot);
    Value module = TRY(import_one(t, intern(t, prefix), prefix, parent, parent_name, prefix.substr(begin)));
    if (begin == 0) *top = module;
    if (dot == std::string::npos) return module;
    parent = module;
    parent_name = prefix;
    begin = dot + 1;
  }
}

}  // namespace

Result<Value> frozen_code(Thread& t, const FrozenModule& frozen) {
  std::string error = "cannot be unpacked", bytes = unpack(frozen);
  std::shared_ptr<const lang::CodeUnit> unit;
  if (!bytes.empty()) unit = lang::read_code_unit(bytes, &error, lang::Origin::OwnBinary);
  if (unit == nullptr)
    return t.raise(Exc::ImportError, "frozen module {} is damaged: {}", frozen.name, error);
  return link_code(t, unit);
}

Result<Value> read_file(Thread& t, const std::string& path) {
  if (auto* flush = t.runtime().import->before_reading.load(std::memory_order_acquire)) flush(t);
  std::string content;
  int error = 0;
  {
    BlockingRegion out(t);
    int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
      error = errno;
    } else {
      struct stat info;
      if (fstat(fd, &info) == 0 && info.st_size > 0) content.reserve(static_cast<size_t>(info.st_size) + 1);
      char buffer[65536];
      for (;;) {
        ssize_t n = read(fd, buffer, sizeof buffer);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) error = errno;
        if (n <= 0) break;
        content.append(buffer, static_cast<size_t>(n));
      }
      close(fd);
    }
  }
  if (error != 0) return t.raise_os_error(error, make_str(t, path));
  BytesObject* bytes = make_bytes(t, content);
  return bytes == nullptr ? Result<Value>(Error{}) : Result<Value>(bytes);
}

Status init_module_attributes(Thread& t, ModuleObject* module, Value spec) {
  DictObject* dict = module->dict;
  Names& names = t.names();
  Value name = TRY(get_attr(t, spec, names.name));
  Value loader = TRY(get_attr(t, spec, "loader"));
  Value search = TRY(get_attr(t, spec, "submodule_search_locations"));
  Value origin = TRY(get_attr(t, spec, "origin"));
  Value parent = TRY(get_attr(t, spec, "parent"));
  Value located = TRY(get_attr(t, spec, "has_location"));
  TRY(dict_set_str(t, dict, names.__name__, name));
  if (dict_get_str(dict, names.__doc__).is_not_found()) TRY(dict_set_str(t, dict, names.__doc__, kNone));
  TRY(dict_set_str(t, dict, names.__package__, parent));
  TRY(dict_set_str(t, dict, names.__loader__, loader));
  TRY(dict_set_str(t, dict, names.__spec__, spec));
  if (!search.is_none()) TRY(dict_set_str(t, dict, names.__path__, search));
  if (TRY(truth(t, located))) {
    TRY(dict_set_str(t, dict, names.__file__, origin));
    Value cached = TRY(get_attr_or_not_found(t, spec, intern(t, "cached")));
    if (!cached.is_not_found() && !cached.is_none()) TRY(dict_set_text(t, dict, "__cached__", cached));
  }
  TRY(dict_set_str(t, dict, names.__builtins__, t.runtime().builtins_dict));
  return {};
}

void set_core_specs(Thread& t) {
  for (ModuleObject* module : {t.runtime().sys_module, t.runtime().builtins_module}) {
    Value name = dict_get_str(module->dict, t.names().__name__);
    Value loader = make_loader(t, LoaderKind::Builtin, name, kNone);
    Value spec = make_module_spec(t, name, loader, make_str(t, "built-in"), kNone, false);
    MP_BOOT(init_module_attributes(t, module, spec));
    MP_BOOT(dict_delete(t, module->dict, t.names().__builtins__));
  }
}

Result<Value> load_native_module(Thread& t, StrObject* name) {
  const ModuleSpec* native = find_native_module(to_utf8(name));
  if (native == nullptr) return kNotFound;
  ModuleObject* module =
      make_module(t, name, native->doc != nullptr ? Value(make_str(t, native->doc)) : kNone);
  module->spec = native;
  Value spec = make_module_spec(t, name, make_loader(t, LoaderKind::Builtin, name, kNone),
                                make_str(t, "built-in"), kNone, false);
  TRY(init_module_attributes(t, module, spec));
  TRY(dict_delete(t, module->dict, t.names().__builtins__));
  return initialise(t, name, module, spec, [&]() -> Status {
    if (native->functions != nullptr)
      for (const NativeDef* def = native->functions; def->signature != nullptr; ++def) {
        NativeFunctionObject* function = make_native_function(t, *def, module, name);
        TRY(dict_set(t, module->dict, function->name, function));
      }
    return native->init != nullptr ? native->init(t, module) : Status();
  });
}

Result<Value> import_dotted(Thread& t, StrObject* name, DictObject* globals, Value from_list, int64_t level) {
  if (level < 0) return t.raise(Exc::ValueError, "level must be >= 0");
  std::string text;
  if (level > 0) {
    text = TRY(resolve_name(t, name, globals, level));
  } else {
    if (name->length() == 0) return t.raise(Exc::ValueError, "Empty module name");
    // The usual case: an undotted module that is loaded.
    Value cached = module_in_cache(t, name);
    if (!cached.is_not_found() && !cached.is_none() && is_kind(cached, Kind::Module)) {
      ModuleSpecObject* spec = spec_of(t, cached);
      bool from = !from_list.is_empty() && !from_list.is_none() && TRY(truth(t, from_list));
      if ((spec == nullptr || !spec->initializing.load()) && !from &&
          (!name->is_ascii() || name->ascii().find('.') == std::string_view::npos))
        return cached;
    }
    text = to_utf8(name);
  }
  Value top;
  Value module = TRY(import_absolute(t, text, &top));
  bool from = !from_list.is_empty() && !from_list.is_none() && TRY(truth(t, from_list));
  if (!from) {
    if (level == 0) return top;
    // `from . import x` always has a list; plain relative import cannot be written. Kept for __import__
    // calls.
    std::string wanted = to_utf8(name);
    if (wanted.empty()) return module;
    size_t dot = wanted.find('.');
    if (dot == std::string::npos) return module;
    std::string head = text.substr(0, text.size() - (wanted.size() - dot));
    return TRY(dict_get(t, t.runtime().modules, make_str(t, head)));
  }
  // Submodules named in the list are imported when the package lacks the attribute.
  Value path = TRY(get_attr_or_not_found(t, module, t.names().__path__));
  if (path.is_not_found()) return module;
  Value names = TRY(to_list(t, from_list));
  auto* list = names.as<ListObject>();
  for (size_t i = 0; i < list->length(); ++i) {
    Value item = list->at(i);
    if (!is_str(item))
      return t.raise(Exc::TypeError, "Item in ``from list'' must be str, not {}", type_name(t, item));
    auto* attribute = item.as<StrObject>();
    if (str_equal(attribute, "*")) {
      Value all = TRY(get_attr_or_not_found(t, module, t.names().__all__));
      if (!all.is_not_found() && is_list(names)) {
        TRY(for_each(t, all, [&](Value entry) -> Status {
          if (is_str(entry) && !str_equal(entry.as<StrObject>(), "*")) TRY(list_append(t, list, entry));
          return {};
        }));
      }
      continue;
    }
    if (TRY(has_attr(t, module, intern(t, attribute)))) continue;
    std::string child = text + "." + to_utf8(attribute);
    Value ignored;
    Result<Value> loaded = import_absolute(t, child, &ignored);
    if (loaded.is_error()) {
      // Only the child's own absence is fine: `from package import name` then fails with its own message.
      if (!t.exception_matches(Exc::ModuleNotFoundError)) return Error{};
      Value missing = t.current().as<ExceptionObject>()->fields[1];
      if (!is_str(missing) || to_utf8(missing.as<StrObject>()) != child) return Error{};
      t.clear_exception();
    }
  }
  return module;
}

Result<Value> import_name(Thread& t, StrObject* name, DictObject* globals, Value locals, Value from_list,
                          int64_t level) {
  // A replaced builtins.__import__ is honoured.
  Value hook = dict_get_str(t.runtime().builtins_dict, t.names().__import__);
  if (hook == t.runtime().import->default_import) return import_dotted(t, name, globals, from_list, level);
  if (hook.is_not_found()) return t.raise(Exc::ImportError, "__import__ not found");
  Value locals_or_none = locals.is_empty() ? kNone : locals;
  return call(
      t, hook,
      {name, globals, locals_or_none, from_list.is_empty() ? kNone : from_list, Value::from_int(level)});
}

Result<Value> import_module(Thread& t, std::string_view dotted_name) {
  Value top;
  return import_absolute(t, std::string(dotted_name), &top);
}

Result<Value> import_from(Thread& t, Value module, StrObject* name) {
  Value found = TRY(get_attr_or_not_found(t, module, name));
  if (!found.is_not_found()) return found;
  // A submodule that is being imported right now is in sys.modules but not yet an attribute.
  Value package = TRY(get_attr_or_not_found(t, module, t.names().__name__));
  std::string package_name = is_str(package) ? to_utf8(package.as<StrObject>()) : "<unknown module name>";
  if (is_str(package)) {
    Value child = dict_get_text(t, t.runtime().modules, package_name + "." + to_utf8(name));
    if (!child.is_not_found()) return child;
  }
  Value file = TRY(get_attr_or_not_found(t, module, t.names().__file__));
  std::string location = is_str(file) ? to_utf8(file.as<StrObject>()) : "unknown location";
  ModuleSpecObject* spec = spec_of(t, module);
  bool partial = spec != nullptr && spec->initializing.load();
  std::string message =
      partial ? fmt::format(
                    "cannot import name '{}' from partially initialized module '{}' (most likely due to a "
                    "circular import) ({})",
                    to_utf8(name), package_name, location)
              : fmt::format("cannot import name '{}' from '{}' ({})", to_utf8(name), package_name, location);
  Value exception = make_exception(t, Exc::ImportError, make_str(t, message));
  auto* object = exception.as<ExceptionObject>();
  object->fields[1] = package.is_not_found() ? kNone : package;
  object->fields[2] = file.is_not_found() ? kNone : file;
  object->fields[3] = name;
  return t.raise_object(exception);
}

Status import_star(Thread& t, Value module, Value target) {
  Value all = TRY(get_attr_or_not_found(t, module, t.names().__all__));
  bool skip_private = all.is_not_found();
  Value dict = TRY(get_attr_or_not_found(t, module, t.names().__dict__));
  if (skip_private) {
    if (dict.is_not_found())
      return t.raise(Exc::ImportError, "from-import-* object has no __dict__ and no __all__");
    all = TRY(call_method(t, dict, t.names().keys));
  }
  Value names = TRY(to_list(t, all));
  auto* list = names.as<ListObject>();
  for (size_t i = 0; i < list->length(); ++i) {
    Value item = list->at(i);
    if (!is_str(item)) {
      std::string module_name = repr_text(t, TRY(get_attr(t, module, t.names().__name__)));
      if (module_name.size() > 1) module_name = module_name.substr(1, module_name.size() - 2);
      if (skip_private)
        return t.raise(Exc::TypeError, "Key in {}.__dict__ must be str, not {}", module_name,
                       type_name(t, item));
      return t.raise(Exc::TypeError, "Item in {}.__all__ must be str, not {}", module_name,
                     type_name(t, item));
    }
    auto* name = item.as<StrObject>();
    if (skip_private && name->length() > 0 && name->at(0) == '_') continue;
    Value value = TRY(get_attr(t, module, intern(t, name)));
    TRY(set_item(t, target, item, value));
  }
  return {};
}

}  // namespace mp

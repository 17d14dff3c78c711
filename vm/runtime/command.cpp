#include "vm/runtime/command.h"

#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "vm/exec/interp.h"
#include "vm/modules/import.h"
#include "vm/modules/module_spec.h"
#include "vm/os/path.h"
#include "vm/protocol/protocol.h"
#include "vm/types/exception.h"
#include "vm/types/number.h"
#include "vm/types/runtime.h"

namespace mp {

namespace {

Status flush_stream(Thread& t, StrObject* name) {
  Value stream = dict_get_str(t.runtime().sys_module->dict, name);
  if (stream.is_not_found() || stream.is_none()) return {};
  TRY(call_method(t, stream, t.names().flush));
  return {};
}

Status run_code_as_main(Thread& t, Value code) {
  DictObject* globals = main_module(t)->dict;
  TRY(run_code(t, code.as<CodeObject>(), globals, globals));
  return {};
}

Status compile_and_run(Thread& t, std::string_view source, const std::string& filename, bool decode) {
  CompileRequest request;
  request.source = source;
  request.filename = filename;
  request.decode = request.script = decode;
  return run_code_as_main(t, TRY(compile_source(t, request)));
}

// Where the program is no file, CPython names the importer of built-in modules, the class.
Status set_builtin_loader(Thread& t) {
  Value loader = make_loader(t, LoaderKind::Builtin, t.names().__main__, kNone);
  return dict_set_str(t, main_module(t)->dict, t.names().__loader__, Value(type_of(t, loader)));
}

Status set_spec(Thread& t, DictObject* globals, Value spec) {
  TRY(dict_set_str(t, globals, t.names().__spec__, spec));
  return dict_set_text(t, globals, "__cached__", TRY(get_attr(t, spec, "cached")));
}

// The program of -c. Tracebacks show its lines; the compiler's warnings, as in CPython, come too early for
// that.
Status run_text(Thread& t, const std::string& text) {
  CompileRequest request;
  request.source = text;
  request.filename = "<string>";
  TRY(set_builtin_loader(t));
  Value code = TRY(compile_source(t, request));
  register_source(t, "<string>", text);
  return run_code_as_main(t, code);
}

void insert_path(Thread& t, const std::string& entry) {
  Value path = dict_get_text(t, t.runtime().sys_module->dict, "path");
  if (is_list(path) && list_insert(t, path.as<ListObject>(), 0, make_str(t, entry)).is_error())
    t.clear_exception();
}

void enter_program_directory(Thread& t, const std::string& directory) {
  const RuntimeOptions& options = t.runtime().options;
  if (options.safe_path || options.isolated) return;
  insert_path(t, directory);
  t.runtime().import->program_directory = directory;
}

// The directory of a script, symbolic links followed.
std::string directory_of(const std::string& file) {
  char* resolved = realpath(file.c_str(), nullptr);
  std::string path = resolved != nullptr ? resolved : file;
  free(resolved);
  size_t slash = path.rfind('/');
  return slash == std::string::npos ? "" : slash == 0 ? "/" : path.substr(0, slash);
}

// A ZIP archive as a program (zipapp): its record at the end is what tells, as text may stand before it.
bool is_archive(std::string_view data) {
  std::string_view tail = data.substr(data.size() - std::min<size_t>(data.size(), 65536 + 22));
  return tail.find('\0') != tail.npos && tail.rfind(std::string_view("PK\5\6", 4)) != tail.npos;
}

Status run_archive(Thread& t, const std::string& file) {
  insert_path(t, file);
  Value importer =
      TRY(call_method(t, TRY(import_module(t, "zipimport")), intern(t, "zipimporter"), {make_str(t, file)}));
  DictObject* globals = main_module(t)->dict;
  Value name = t.names().__main__;
  Value spec = TRY(call_method(t, importer, intern(t, "find_spec"), {name}));
  if (spec.is_none()) {
    std::fprintf(stderr, "%s: can't find '__main__' module in '%s'\n", t.runtime().options.executable.c_str(),
                 file.c_str());
    return t.raise_value(Exc::SystemExit, Value::from_int(1));
  }
  Value code = TRY(call_method(t, importer, intern(t, "get_code"), {name}));
  TRY(dict_set_str(t, globals, t.names().__file__,
                   TRY(call_method(t, importer, intern(t, "get_filename"), {name}))));
  TRY(dict_set_str(t, globals, t.names().__loader__, importer));
  TRY(set_spec(t, globals, spec));
  TRY(dict_set_str(t, globals, t.names().__package__, make_str(t, "")));
  return run_code_as_main(t, code);
}

Status run_file(Thread& t, const std::string& name, bool skip_first_line) {
  const RuntimeOptions& options = t.runtime().options;
  DictObject* globals = main_module(t)->dict;
  struct stat info;
  std::string file = os::absolute_path(name);
  if (stat(file.c_str(), &info) == 0 && S_ISDIR(info.st_mode)) {
    insert_path(t, file);
    for (const char* main : {"/__main__.mp", "/__main__.py"}) {
      std::string inner = file + main;
      if (stat(inner.c_str(), &info) != 0) continue;
      Value name_of_main = t.names().__main__, path = make_str(t, inner);
      Value loader = make_loader(t, LoaderKind::Source, name_of_main, path);
      TRY(dict_set_str(t, globals, t.names().__package__, make_str(t, "")));
      TRY(dict_set_str(t, globals, t.names().__file__, path));
      TRY(dict_set_str(t, globals, t.names().__loader__, loader));
      TRY(set_spec(t, globals, make_module_spec(t, name_of_main, loader, path, kNone, true)));
      Value data = TRY(read_file(t, inner));
      return compile_and_run(t, data.as<BytesObject>()->view(), inner, true);
    }
    std::fprintf(stderr, "%s: can't find '__main__' module in '%s'\n", options.executable.c_str(),
                 file.c_str());
    return t.raise_value(Exc::SystemExit, Value::from_int(1));
  }
  Result<Value> data = read_file(t, file);
  if (data.is_error()) {
    Value exception = t.take_exception();
    Value number = exception.as<ExceptionObject>()->fields[0];
    int code = number.is_int() ? static_cast<int>(number.as_int()) : 0;
    std::fprintf(stderr, "%s: can't open file '%s': [Errno %d] %s\n", options.executable.c_str(),
                 file.c_str(), code, strerror(code));
    return t.raise_value(Exc::SystemExit, Value::from_int(2));
  }
  if (is_archive(data.value().as<BytesObject>()->view())) return run_archive(t, file);
  enter_program_directory(t, directory_of(file));
  Value path = make_str(t, file);
  TRY(dict_set_str(t, globals, t.names().__file__, path));
  TRY(dict_set_text(t, globals, "__cached__", kNone));
  TRY(dict_set_str(t, globals, t.names().__loader__,
                   make_loader(t, LoaderKind::Source, t.names().__main__, path)));
  std::string_view source = data.value().as<BytesObject>()->view();
  if (skip_first_line)
    source.remove_prefix(std::min(source.find('\n'), source.size()));  // lines keep their numbers
  return compile_and_run(t, source, file, true);
}

bool is_library(Thread& t, const ModuleLocation& location) {
  if (location.kind == ModuleLocation::Frozen) return true;
  const std::string& library = t.runtime().import->python_lib;
  return location.kind == ModuleLocation::File && !library.empty() &&
         location.file.starts_with(library + "/");
}

Status run_module(Thread& t, const std::string& name) {
  const RuntimeOptions& options = t.runtime().options;
  if (std::string directory = os::current_directory(); !directory.empty())
    enter_program_directory(t, directory);
  auto fail = [&](const std::string& message) -> Error {
    std::fprintf(stderr, "%s: %s\n", options.executable.c_str(), message.c_str());
    return t.raise_value(Exc::SystemExit, Value::from_int(1));
  };
  std::string target = name, parent_name;
  Value parent_path = kEmpty;
  auto not_found = [&](const std::string& type, const std::string& why) {
    std::string hint;
    if (name.ends_with(".py"))
      hint = ". Try using '" + name.substr(0, name.size() - 3) + "' instead of '" + name +
             "' as the module name.";
    return fail("Error while finding module specification for '" + target + "' (" + type + ": " + why + ")" +
                hint);
  };
  auto enter_parent = [&](const std::string& package) -> Status {
    Result<Value> imported = import_module(t, package);
    if (imported.is_error()) {
      // That the parent is missing is reported here; what goes wrong inside it is an error of its own.
      if (!t.exception_matches(Exc::ModuleNotFoundError)) return Error{};
      Value exception = t.take_exception();
      Value missing = exception.as<ExceptionObject>()->fields[1];
      std::string missing_name = is_str(missing) ? str_text(t, missing) : "";
      if (missing_name != package && !package.starts_with(missing_name + ".")) {
        t.restore_exception(exception);
        return Error{};
      }
      return not_found("ModuleNotFoundError", str_text(t, exception));
    }
    Value module = imported.value();
    parent_path = TRY(get_attr_or_not_found(t, module, t.names().__path__));
    if (parent_path.is_not_found())
      return not_found("ModuleNotFoundError", "__path__ attribute not found on '" + package +
                                                  "' while trying to find '" + target + "'");
    parent_name = package;
    return {};
  };
  size_t dot = target.rfind('.');
  if (dot != std::string::npos) TRY(enter_parent(target.substr(0, dot)));
  ModuleLocation location;
  auto locate = [&]() -> Result<bool> {
    location = {};
    size_t last = target.rfind('.');
    return locate_module(t, target, last == std::string::npos ? target : target.substr(last + 1), parent_path,
                         &location);
  };
  if (name.starts_with('.')) return fail("Relative module names not supported");
  if (name == "builtins" || name == "sys") return fail("No code object available for " + name);
  if (!TRY(locate())) return fail("No module named " + name);
  auto is_package = [&]() -> Result<bool> {
    switch (location.kind) {
      case ModuleLocation::File: return !location.package.empty();
      case ModuleLocation::Frozen: return location.frozen.is_package;
      case ModuleLocation::Archive:
        return !TRY(get_attr(t, location.spec, "submodule_search_locations")).is_none();
      default: return location.kind == ModuleLocation::Namespace;
    }
  };
  if (TRY(is_package())) {
    TRY(enter_parent(target));
    target += ".__main__";
    const std::string cannot = "; '" + name + "' is a package and cannot be directly executed";
    if (!TRY(locate())) return fail("No module named " + target + cannot);
    if (TRY(is_package())) return fail("Cannot use package as __main__ module" + cannot);
  }
  if (location.kind == ModuleLocation::Native) return fail("No code object available for " + name);
  DictObject* globals = main_module(t)->dict;
  Value module_name = make_str(t, target);
  Value file = location.kind == ModuleLocation::File ? Value(make_str(t, location.file)) : kNone;
  Value frozen = kNone;
  std::string frozen_file;
  Value importer = kNone;
  if (location.kind == ModuleLocation::Archive) {
    importer = TRY(get_attr(t, location.spec, "loader"));
    frozen = TRY(call_method(t, importer, intern(t, "get_code"), {module_name}));
    frozen_file = str_text(t, TRY(call_method(t, importer, intern(t, "get_filename"), {module_name})));
  }
  if (location.kind == ModuleLocation::Frozen) {
    frozen = TRY(frozen_code(t, location.frozen));
    frozen_file = installed_source(frozen.as<CodeObject>());
  }
  LoaderKind kind = location.kind == ModuleLocation::File ? LoaderKind::Source : LoaderKind::Frozen;
  Value loader = make_loader(t, kind, module_name, file);
  Value spec = make_module_spec(t, module_name, loader, file.is_none() ? Value(make_str(t, "frozen")) : file,
                                kNone, !file.is_none());
  if (!importer.is_none()) {
    loader = importer;
    spec = location.spec;
  }
  TRY(set_spec(t, globals, spec));
  TRY(dict_set_str(t, globals, t.names().__loader__, loader));
  size_t last = target.rfind('.');
  TRY(dict_set_str(t, globals, t.names().__package__,
                   make_str(t, last == std::string::npos ? "" : target.substr(0, last))));
  if (!frozen_file.empty()) file = make_str(t, frozen_file);
  if (!file.is_none()) {
    TRY(dict_set_str(t, globals, t.names().__file__, file));
    Value argv = dict_get_text(t, t.runtime().sys_module->dict, "argv");
    if (is_list(argv) && argv.as<ListObject>()->length() > 0)
      TRY(list_set(t, argv.as<ListObject>(), 0, file));
  }
  FrozenModule program;
  if (is_library(t, location) && find_frozen_module("_program." + target, &program))
    frozen = TRY(frozen_code(t, program));
  if (!frozen.is_none()) return run_code_as_main(t, frozen);
  Value data = TRY(read_file(t, location.file));
  return compile_and_run(t, data.as<BytesObject>()->view(), location.file, true);
}

Status run_standard_input(Thread& t) {
  std::string text;
  {
    BlockingRegion out(t);
    // Not on the stack: the compiler would give this room to whoever calls, and each collection scans the
    // stack.
    constexpr size_t kStep = 65536;
    size_t size = 0, n;
    do {
      text.resize(size + kStep);
      n = std::fread(text.data() + size, 1, kStep, stdin);
      size += n;
    } while (n > 0);
    text.resize(size);
  }
  TRY(set_builtin_loader(t));
  TRY(dict_set_text(t, main_module(t)->dict, "__file__", make_str(t, "<stdin>")));
  TRY(dict_set_text(t, main_module(t)->dict, "__cached__", kNone));
  return compile_and_run(t, text, "<stdin>", true);
}

// For pdb.pm(), dis.dis() and sys.excepthook.
void note_last_exception(Thread& t, Value exception) {
  Value traceback = exception.as<ExceptionObject>()->traceback;
  std::pair<const char*, Value> variables[] = {{"last_exc", exception},
                                               {"last_type", Value(type_of(t, exception))},
                                               {"last_value", exception},
                                               {"last_traceback", traceback.is_empty() ? kNone : traceback}};
  for (const auto& [name, value] : variables)
    if (dict_set_text(t, t.runtime().sys_module->dict, name, value).is_error()) t.clear_exception();
}

}  // namespace

int report_exception(Thread& t, AtExit at_exit) {
  Value exception = t.take_exception();
  if (at_exit == AtExit::Leave && is_exception_of(t, exception, Exc::SystemExit)) {
    Value code = exception.as<ExceptionObject>()->fields[0];
    if (code.is_none() || code.is_empty()) return 0;
    int64_t number;
    if (is_any_int(code)) return int_to_int64(code, &number) ? static_cast<int>(number & 0xff) : 255;
    if (flush_stream(t, t.names().stdout).is_error()) t.clear_exception();
    Value err = dict_get_str(t.runtime().sys_module->dict, t.names().stderr);
    std::string text = str_text(t, code) + "\n";
    if (err.is_not_found() || err.is_none() ||
        call_method(t, err, t.names().write, {make_str(t, text)}).is_error()) {
      t.clear_exception();
      std::fputs(text.c_str(), stderr);
    }
    return 1;
  }
  // Ours, without a traceback: what could not be run has been said.
  Value traceback = exception.as<ExceptionObject>()->traceback;
  if (is_exception_of(t, exception, Exc::SystemExit) && (traceback.is_empty() || traceback.is_none()))
    return 1;
  bool interrupted = is_exception_of(t, exception, Exc::KeyboardInterrupt);
  note_last_exception(t, exception);
  print_exception(t, exception);
  return interrupted ? 130 : 1;
}

int run_command(Thread& t, const minipy::Command& command) {
  using Kind = minipy::Command::Kind;
  Status status;
  if (command.kind == Kind::Text || command.kind == Kind::StandardInput || command.kind == Kind::Interactive)
    enter_program_directory(t, "");
  switch (command.kind) {
    case Kind::File: status = run_file(t, command.target, command.skip_first_line); break;
    case Kind::Text: status = run_text(t, command.target); break;
    case Kind::Module: status = run_module(t, command.target); break;
    case Kind::StandardInput: status = run_standard_input(t); break;
    case Kind::Interactive: return run_repl(t, Banner::Shown);
  }
  // The script itself may ask for the prompt.
  const char* wish = t.runtime().options.ignore_environment ? nullptr : std::getenv("PYTHONINSPECT");
  bool stay = command.interactive_after || (wish != nullptr && *wish != '\0');
  int code = status.is_error() ? report_exception(t, stay ? AtExit::Stay : AtExit::Leave) : 0;
  return stay ? run_repl(t, Banner::Hidden) : code;
}

}  // namespace mp

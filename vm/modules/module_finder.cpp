// Where a module lies: in the binary, in a directory or a ZIP archive of a path, or in the portions of a
// namespace package (PEP 420).
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "vm/exec/code.h"
#include "vm/modules/import.h"
#include "vm/protocol/protocol.h"
#include "vm/types/exception.h"
#include "vm/types/runtime.h"

namespace mp {

namespace {

bool is_file(const std::string& path) {
  struct stat info;
  return stat(path.c_str(), &info) == 0 && S_ISREG(info.st_mode);
}
bool is_directory(const std::string& path) {
  struct stat info;
  return stat(path.c_str(), &info) == 0 && S_ISDIR(info.st_mode);
}

// Modules that an older library still has and 3.12 or 3.13 does not (PEP 594, PEP 632): scripts ask for them
// in a `try` with an `except ImportError`.
bool was_removed(std::string_view name) {
  static constexpr std::string_view kRemoved[] = {
      "aifc",  "asynchat",  "asyncore",    "audioop", "cgi",     "cgitb",   "chunk",
      "crypt", "distutils", "imghdr",      "imp",     "lib2to3", "mailcap", "msilib",
      "nis",   "nntplib",   "ossaudiodev", "pipes",   "smtpd",   "sndhdr",  "spwd",
      "sunau", "telnetlib", "uu",          "xdrlib"};
  return std::find(std::begin(kRemoved), std::end(kRemoved), name) != std::end(kRemoved);
}

// An entry of a path that is a file, or leads into one: a ZIP archive, if anything.
Result<bool> locate_in_archive(Thread& t, const std::string& name, Value entry, ModuleLocation* out) {
  struct stat info;
  const std::string file = to_utf8(entry.as<StrObject>());
  if (stat(file.c_str(), &info) == 0 ? !S_ISREG(info.st_mode) : errno != ENOTDIR) return false;
  Value module = TRY(import_module(t, "zipimport"));
  auto made = call_method(t, module, intern(t, "zipimporter"), {entry});
  if (made.is_error()) {
    if (!t.catch_exception(Exc::ImportError)) return Error{};
    return false;
  }
  Value spec = TRY(call_method(t, made.value(), intern(t, "find_spec"), {make_str(t, name)}));
  if (spec.is_none()) return false;
  if (TRY(get_attr(t, spec, "loader")).is_none()) {
    Value portions = TRY(to_list(t, TRY(get_attr(t, spec, "submodule_search_locations"))));
    for (size_t i = 0; i < portions.as<ListObject>()->length(); ++i)
      out->portions.push_back(str_text(t, portions.as<ListObject>()->at(i)));
    return false;
  }
  out->kind = ModuleLocation::Archive;
  out->spec = spec;
  return true;
}

// Looks for `tail` in the directories of `path` (an iterable of str).
Result<bool> locate_on_path(Thread& t, const std::string& name, const std::string& tail, Value path,
                            ModuleLocation* out) {
  Value directories = TRY(to_list(t, path));
  auto* list = directories.as<ListObject>();
  for (size_t i = 0; i < list->length(); ++i) {
    Value entry = list->at(i);
    if (!is_str(entry)) continue;
    std::string directory = to_utf8(entry.as<StrObject>());
    if (directory.empty()) {
      char buffer[4096];
      if (getcwd(buffer, sizeof buffer) == nullptr) continue;
      directory = buffer;
    }
    if (directory == t.runtime().import->python_lib && was_removed(tail)) continue;
    std::string base = directory + (directory.back() == '/' ? "" : "/") + tail;
    bool folder = is_directory(base);
    if (folder) {
      for (const char* suffix : {"/__init__.mp", "/__init__.py"})
        if (is_file(base + suffix)) {
          out->kind = ModuleLocation::File;
          out->file = base + suffix;
          out->package = base;
          return true;
        }
    }
    for (const char* suffix : {".mp", ".py"})
      if (is_file(base + suffix)) {
        out->kind = ModuleLocation::File;
        out->file = base + suffix;
        return true;
      }
    if (folder)
      out->portions.push_back(base);
    else if (TRY(locate_in_archive(t, name, entry, out)))
      return true;
  }
  if (out->portions.empty()) return false;
  out->kind = ModuleLocation::Namespace;
  return true;
}

}  // namespace

Result<bool> locate_module(Thread& t, const std::string& name, const std::string& tail, Value path,
                           ModuleLocation* out) {
  if (find_native_module(name) != nullptr) {
    out->kind = ModuleLocation::Native;
    return true;
  }
  if (find_frozen_module(name, &out->frozen)) {
    out->kind = ModuleLocation::Frozen;
    return true;
  }
  if (path.is_empty()) {
    path = dict_get_text(t, t.runtime().sys_module->dict, "path");
    if (path.is_not_found()) return t.raise(Exc::RuntimeError, "lost sys.path");
  }
  return locate_on_path(t, name, tail, path, out);
}

std::string installed_source(CodeObject* code) {
  std::string file = to_utf8(code->filename.get().as<StrObject>());
  return file.starts_with('/') && is_file(file) ? file : "";
}

}  // namespace mp

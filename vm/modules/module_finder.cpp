// Where a module lies: in the binary, in a directory or a ZIP archive of a path, or in the portions of a
// namespace package (PEP 420).
#include <dirent.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "vm/exec/code.h"
#include "vm/modules/import.h"
#include "vm/os/clock.h"
#include "vm/os/path.h"
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
    if (directory.empty()) directory = os::current_directory();
    if (directory.empty()) continue;
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

// Frozen library modules that CPython has frozen as well, or has imported before a script's directory is on
// sys.path; and what is ours alone.
bool goes_first(const std::string& name) {
  static constexpr std::string_view kFirst[] = {"abc",   "codecs", "encodings", "genericpath", "importlib",
                                                "io",    "minipy", "ntpath",    "os",          "posixpath",
                                                "runpy", "site",   "stat",      "zipimport"};
  return name.front() == '_' || std::binary_search(std::begin(kFirst), std::end(kFirst), name);
}

void add_namesake(std::vector<std::string>& names, std::string_view name) {
  if (name.ends_with(".py") || name.ends_with(".mp")) name.remove_suffix(3);
  if (FrozenModule frozen; find_frozen_module(name, &frozen)) names.emplace_back(name);
}

// By the central directory of a ZIP archive (APPNOTE.TXT 4.3.12 and 4.3.16), where other data may stand
// before it.
std::vector<std::string> read_namesakes_in_archive(const std::string& file) {
  constexpr size_t kEndRecord = 22, kLongestComment = 65535, kEntry = 46;
  std::vector<std::string> names;
  std::unique_ptr<FILE, int (*)(FILE*)> in(std::fopen(file.c_str(), "rb"), std::fclose);
  if (in == nullptr || std::fseek(in.get(), 0, SEEK_END) != 0) return names;
  auto size = static_cast<size_t>(std::ftell(in.get()));
  // The bytes from `begin` on; false when there are not as many.
  auto read = [&](size_t begin, size_t count, std::string* out) {
    out->resize(count);
    return begin + count <= size && std::fseek(in.get(), static_cast<long>(begin), SEEK_SET) == 0 &&
           std::fread(out->data(), 1, count, in.get()) == count;
  };
  auto number = [](const std::string& bytes, size_t at, size_t width) {
    size_t value = 0;
    while (width-- > 0) value = value << 8 | static_cast<uint8_t>(bytes[at + width]);
    return value;
  };
  size_t tail = std::min(size, kEndRecord + kLongestComment);
  std::string end, entries;
  if (!read(size - tail, tail, &end)) return names;
  size_t record = end.rfind(std::string_view("PK\5\6", 4));
  if (record == end.npos || record + kEndRecord > end.size()) return names;
  size_t length = number(end, record + 12, 4), begin = size - tail + record;
  if (length > begin || !read(begin - length, length, &entries)) return names;
  for (size_t at = 0; at + kEntry <= length;) {
    size_t name_length = number(entries, at + 28, 2);
    std::string_view name = std::string_view(entries).substr(at + kEntry, name_length);
    add_namesake(names, name.substr(0, name.find('/')));
    at += kEntry + name_length + number(entries, at + 30, 2) + number(entries, at + 32, 2);
  }
  return names;
}

std::vector<std::string> read_namesakes(const std::string& directory) {
  std::vector<std::string> names;
  DIR* entries = opendir(directory.c_str());
  if (entries == nullptr) return names;
  while (const dirent* entry = readdir(entries)) add_namesake(names, entry->d_name);
  closedir(entries);
  return names;
}

// Whether a directory or archive may have a module of a library module's name. Its listing is read anew when
// it has changed, which is asked at most each kTrusted nanoseconds: a program that imports does so in bursts.
bool has_namesake(ImportState& state, const std::string& directory, const std::string& name) {
  constexpr int64_t kTrusted = 20'000'000;
  std::lock_guard<std::mutex> guard(state.mutex);
  ImportState::Namesakes& known = state.namesakes[directory];
  if (int64_t now = os::monotonic_ns(); known.checked == 0 || now - known.checked > kTrusted) {
    const std::string& place = directory.empty() ? "." : directory;
    struct stat info {};
    if (stat(place.c_str(), &info) != 0 || !(S_ISDIR(info.st_mode) || S_ISREG(info.st_mode))) info = {};
    bool same = known.checked != 0 && info.st_ino == known.info.st_ino && info.st_dev == known.info.st_dev &&
                info.st_mtim.tv_sec == known.info.st_mtim.tv_sec &&
                info.st_mtim.tv_nsec == known.info.st_mtim.tv_nsec;
    if (!same && info.st_ino == 0)
      known.names.clear();
    else if (!same)
      known.names = S_ISDIR(info.st_mode) ? read_namesakes(place) : read_namesakes_in_archive(place);
    known.info = info;
    known.checked = now;
  }
  return std::find(known.names.begin(), known.names.end(), name) != known.names.end();
}

// A file beside the script goes before the library, as in CPython, whose library is on sys.path too, behind
// the script's directory and MINIPYPATH.
Result<bool> locate_before_library(Thread& t, const std::string& name, ModuleLocation* out) {
  if (name.find('.') != std::string::npos || goes_first(name)) return false;
  Value path = dict_get_text(t, t.runtime().sys_module->dict, "path");
  if (!is_list(path)) return false;
  ImportState& state = *t.runtime().import;
  auto* list = path.as<ListObject>();
  for (size_t i = 0; i < list->length(); ++i) {
    Value entry = list->at(i);
    if (!is_str(entry)) continue;
    std::string directory = to_utf8(entry.as<StrObject>());
    if (!directory.empty() && directory == state.python_lib) break;
    if (!has_namesake(state, directory, name)) continue;
    ListObject* only = make_list(t);
    TRY(list_append(t, only, entry));
    ModuleLocation found;
    if (!TRY(locate_on_path(t, name, name, only, &found)) || found.kind == ModuleLocation::Namespace)
      continue;
    *out = found;
    return true;
  }
  return false;
}

// Whether the package of a submodule is the library's own, and not one that goes before it.
Result<bool> has_library_parent(Thread& t, const std::string& name) {
  Value parent = dict_get_text(t, t.runtime().modules, name.substr(0, name.rfind('.')));
  if (parent.is_not_found()) return true;
  Value spec = TRY(get_attr_or_not_found(t, parent, t.names().__spec__));
  if (spec.is_not_found() || spec.is_none()) return true;
  Value origin = TRY(get_attr_or_not_found(t, spec, intern(t, "origin")));
  if (!is_str(origin)) return false;
  // A package of the installed library may have submodules of ours (multiprocessing.sharedctypes).
  std::string place = to_utf8(origin.as<StrObject>());
  const std::string& library = t.runtime().import->python_lib;
  return place == "frozen" || place == "built-in" || (!library.empty() && place.starts_with(library + "/"));
}

}  // namespace

Result<bool> locate_module(Thread& t, const std::string& name, const std::string& tail, Value path,
                           ModuleLocation* out) {
  if (path.is_empty() || TRY(has_library_parent(t, name))) {
    if (find_native_module(name) != nullptr) {
      out->kind = ModuleLocation::Native;
      return true;
    }
    if (FrozenModule frozen; find_frozen_module(name, &frozen)) {
      if (path.is_empty() && TRY(locate_before_library(t, name, out))) return true;
      out->kind = ModuleLocation::Frozen;
      out->frozen = frozen;
      return true;
    }
  }
  if (path.is_empty()) {
    path = dict_get_text(t, t.runtime().sys_module->dict, "path");
    if (path.is_not_found()) return t.raise(Exc::RuntimeError, "lost sys.path");
  }
  return locate_on_path(t, name, tail, path, out);
}

bool is_beside_program(Thread& t, const std::string& file) {
  const std::optional<std::string>& program = t.runtime().import->program_directory;
  if (!program.has_value()) return false;
  std::string directory = file.substr(0, file.rfind('/') + 1);
  if (file.ends_with("/__init__.py") || file.ends_with("/__init__.mp"))
    directory.resize(directory.rfind('/', directory.size() - 2) + 1);
  return directory == (program->empty() ? os::current_directory() : *program) + "/";
}

std::string installed_source(CodeObject* code) {
  std::string file = to_utf8(code->filename.get().as<StrObject>());
  return file.starts_with('/') && is_file(file) ? file : "";
}

}  // namespace mp

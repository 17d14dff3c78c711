// sys.path: the script's directory, MINIPYPATH (and PYTHONPATH), an installed CPython library last.
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>

#include "vm/modules/import.h"
#include "vm/os/path.h"
#include "vm/types/runtime.h"

namespace mp {

static bool has_library(const std::string& directory) {
  struct stat info;
  return stat((directory + "/os.py").c_str(), &info) == 0;
}

// The newest CPython library that Debian's libpython3-stdlib would have installed.
static std::string find_python_library() {
  for (int minor = 15; minor >= 11; --minor) {
    std::string directory = "/usr/lib/python3." + std::to_string(minor);
    if (has_library(directory)) return directory;
  }
  return "";
}

// os.path.abspath: a program that changes its directory still finds its modules.
static std::string absolute(std::string_view path) {
  std::string joined = os::absolute_path(std::string(path)), result;
  for (size_t begin = 0, end; begin < joined.size(); begin = end + 1) {
    end = std::min(joined.find('/', begin), joined.size());
    std::string_view part = std::string_view(joined).substr(begin, end - begin);
    if (part == "..")
      result.resize(result.empty() ? 0 : result.rfind('/'));
    else if (!part.empty() && part != ".")
      result.append("/").append(part);
  }
  return result.empty() ? "/" : result;
}

Status sys_set_paths(Thread& t) {
  Runtime& runtime = t.runtime();
  const RuntimeOptions& options = runtime.options;
  std::vector<std::string> entries = options.module_path;
  if (!options.ignore_environment && !options.isolated) {
    for (const char* variable : {"MINIPYPATH", "PYTHONPATH"}) {
      const char* value = std::getenv(variable);
      if (value == nullptr || *value == '\0') continue;
      std::string_view rest = value;
      for (;;) {
        size_t colon = rest.find(':');
        std::string entry = absolute(rest.substr(0, colon));
        if (std::find(entries.begin(), entries.end(), entry) == entries.end()) entries.push_back(entry);
        if (colon == std::string_view::npos) break;
        rest.remove_prefix(colon + 1);
      }
    }
  }
  std::string library = options.python_lib;
  if (library.empty()) {
    const char* variable = options.ignore_environment ? nullptr : std::getenv("MINIPY_PYTHON_LIB");
    library = variable != nullptr && *variable != '\0' ? variable : find_python_library();
  }
  if (library == "none") library.clear();
  runtime.import->python_lib = library;
  if (!library.empty()) entries.push_back(library);
  Value path = dict_get_text(t, runtime.sys_module->dict, "path");
  for (const std::string& entry : entries) TRY(list_append(t, path.as<ListObject>(), make_str(t, entry)));
  return {};
}

std::string missing_library_hint(Thread& t, const std::string&) {
  if (!t.runtime().import->python_lib.empty()) return "";
  return " (no CPython library was found: install the package libpython3-stdlib or name one with "
         "--python-lib=DIR)";
}

}  // namespace mp

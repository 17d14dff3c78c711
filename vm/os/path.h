// Paths that are relative to the current directory. It knows nothing of minipy.
#pragma once
#include <unistd.h>

#include <string>

namespace mp::os {

// Empty when it was removed, or its path is longer than the system's calls take.
inline std::string current_directory() {
  char buffer[4096];
  return getcwd(buffer, sizeof buffer) == nullptr ? "" : buffer;
}

// As CPython's _Py_abspath: not normalised, no links followed; `path` where there is no current directory.
inline std::string absolute_path(std::string path) {
  if (path.starts_with('/')) return path;
  std::string directory = current_directory();
  if (directory.empty()) return path;
  return path.empty() ? directory : directory + (directory == "/" ? "" : "/") + path;
}

}  // namespace mp::os

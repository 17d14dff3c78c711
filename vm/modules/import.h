// ImportState: the per-runtime state of the import system.
#pragma once
#include <condition_variable>
#include <map>
#include <mutex>
#include <string>

#include "vm/modules/modules.h"

namespace mp {

struct ImportState {
  struct Lock {
    const Thread* owner = nullptr;
    int depth = 0;
  };
  std::mutex mutex;
  std::condition_variable released;
  std::map<std::string, Lock> locks;
  std::map<const Thread*, std::string> waiting;
  Value default_import;  // our builtins.__import__: rooted by the builtins' module function table (never collected, see bootstrap)
  std::string python_lib;  // the installed CPython library in use, or empty
};

// For ModuleNotFoundError: what to install when no CPython library is there and the name is one of its modules; else empty.
std::string missing_library_hint(Thread& t, const std::string& name);

}  // namespace mp

// ImportState: the per-runtime state of the import system.
#pragma once
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "vm/modules/frozen.h"
#include "vm/modules/modules.h"

namespace mp {

struct ImportState {
  struct Lock {
    const Thread* owner = nullptr;
    int depth = 0;
  };
  std::mutex mutex;
  std::map<std::string, Lock> locks;
  std::map<const Thread*, std::string> waiting;
  Value default_import;    // our builtins.__import__: rooted by the builtins' module function table (never
                           // collected, see bootstrap)
  std::string python_lib;  // the installed CPython library in use, or empty
};

// Where a module was found, before it is loaded.
struct ModuleLocation {
  enum Kind : uint8_t { Native, Frozen, File, Archive, Namespace } kind = Native;
  FrozenModule frozen{};
  std::string file;                   // File: the source
  std::string package;                // File: the package's directory, or empty
  std::vector<std::string> portions;  // Namespace: PEP 420
  Value spec = kNone;                 // Archive: what its zipimporter found
};
// `tail` is the last component of `name`; `path` is the parent package's __path__, or empty for a top-level
// module.
Result<bool> locate_module(Thread& t, const std::string& name, const std::string& tail, Value path,
                           ModuleLocation* out);
Result<Value> frozen_code(Thread& t, const FrozenModule& frozen);
// The file that a frozen module was made of, where that library is installed; else empty.
std::string installed_source(struct CodeObject* code);
// Our entry in sys.meta_path: an object with find_spec().
Value importer(Thread& t);

// For ModuleNotFoundError: what to install when no CPython library is there and the name is one of its
// modules; else empty.
std::string missing_library_hint(Thread& t, const std::string& name);

}  // namespace mp

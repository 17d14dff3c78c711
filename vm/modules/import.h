// ImportState: the per-runtime state of the import system.
#pragma once
#include <sys/stat.h>

#include <atomic>
#include <map>
#include <mutex>
#include <optional>
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
  // Called before a source file is read: a program may have written it and left it open (io_orphans.h).
  std::atomic<void (*)(Thread&)> before_reading{nullptr};

  // The program's directory, which goes first on sys.path: "" is the current one. Absent with -P and -I, and
  // for a directory or archive as a program.
  std::optional<std::string> program_directory;

  // Which library modules a directory of sys.path has as well, by the directory. Under the mutex.
  struct Namesakes {
    int64_t checked = 0;  // monotonic ns
    struct stat info {};  // of the directory when it was read
    std::vector<std::string> names;
  };
  std::map<std::string, Namesakes> namesakes;
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

// Whether a module of this file may be the program's own where a library module of the same name was meant.
bool is_beside_program(Thread& t, const std::string& file);

// For ModuleNotFoundError: what to install when no CPython library is there and the name is one of its
// modules; else empty.
std::string missing_library_hint(Thread& t, const std::string& name);

}  // namespace mp

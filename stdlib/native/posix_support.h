// What the posix_*.cpp files share: paths, errors, retried system calls.
#pragma once
#include <cerrno>
#include <string>

#include "stdlib/native/io.h"
#include "stdlib/native/io_orphans.h"

namespace mp::posix {

// A path argument: str, bytes, os.PathLike, or (with allow_fd) a descriptor.
struct Path {
  std::string text;
  int fd = -1;
  bool is_bytes = false;
  Value original;
  bool is_fd() const { return fd >= 0; }
};
// `name` is the parameter's; with `allow_none` a message says that None would do (the caller takes care of
// it).
Result<Path> path_argument(Thread& t, Value v, const char* function, bool allow_fd = false,
                           const char* name = "path", bool allow_none = false);
Result<int> dir_fd_argument(Thread& t, Value v);     // None: AT_FDCWD
Result<int> fd_argument(Thread& t, Value v);         // int, or an object with fileno()
Status warn_of_bool_descriptor(Thread& t, Value v);  // since 3.13; may raise
Value path_value(Thread& t, const std::string& text, bool as_bytes);

// Runs a system call detached until it is not interrupted by a signal (PEP 475). Gives its result; -1 leaves
// the error number in *error.
template <class Call>
Result<int64_t> retry(Thread& t, Call call, int* error) {
  for (;;) {
    int64_t result;
    {
      BlockingRegion out(t);
      result = call();
      *error = result < 0 ? errno : 0;
    }
    if (result >= 0 || *error != EINTR) return result;
    TRY(t.poll());
  }
}
// The same, raising OSError on failure.
template <class Call>
Result<int64_t> checked(Thread& t, Call call, Value filename = {}, Value filename2 = {}) {
  int error = 0;
  int64_t result = TRY(retry(t, call, &error));
  if (result < 0 && io::reclaim_descriptors(t, error)) result = TRY(retry(t, call, &error));
  if (result < 0) return t.raise_os_error(error, filename, filename2);
  return result;
}

// The functions of each posix_*.cpp, and what it adds to the module besides.
extern const NativeDef kFileFunctions[], kDescriptorFunctions[], kForkFunctions[], kExecFunctions[],
    kWaitFunctions[], kScheduleFunctions[], kUserFunctions[], kSystemFunctions[], kLinuxFunctions[],
    kTransferFunctions[], kAttributeFunctions[];
Status add_file_types(Thread& t, ModuleObject* module);
Status add_descriptor_types(Thread& t, ModuleObject* module);
Status add_exec_constants(Thread& t, ModuleObject* module);
Status add_wait_types(Thread& t, ModuleObject* module);
Status add_schedule_types(Thread& t, ModuleObject* module);
Status add_system_types(Thread& t, ModuleObject* module);

}  // namespace mp::posix

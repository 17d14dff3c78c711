// The module posix (what os.py stands on).
#include <dlfcn.h>
#include <fcntl.h>
#include <linux/memfd.h>
#include <sched.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/timerfd.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <sysexits.h>
#include <unistd.h>

#include "stdlib/native/posix_support.h"

namespace mp {
namespace posix {
namespace {

// The module's own: no header has O_LARGEFILE and TMP_MAX as CPython shows them.
constexpr IntConstant kConstants[] = {
#define MP_CONSTANT(name) {#name, name},
#include "stdlib/native/posix_constants.def"
#undef MP_CONSTANT
    {"NGROUPS_MAX", 65536}, {"TMP_MAX", 238328}, {"O_LARGEFILE", 0}, {"XATTR_SIZE_MAX", 65536}};

// What os.py builds its supports_dir_fd, supports_fd and supports_follow_symlinks from.
constexpr const char* kHave[] = {"HAVE_FACCESSAT", "HAVE_FCHDIR",    "HAVE_FCHMOD",   "HAVE_FCHOWN",
                                 "HAVE_FDOPENDIR", "HAVE_FSTATAT",   "HAVE_FSTATVFS", "HAVE_FTRUNCATE",
                                 "HAVE_FUTIMENS",  "HAVE_MKDIRAT",   "HAVE_OPENAT",   "HAVE_READLINKAT",
                                 "HAVE_RENAMEAT",  "HAVE_SYMLINKAT", "HAVE_UNLINKAT", "HAVE_UTIMENSAT",
                                 "HAVE_LSTAT",     "HAVE_FPATHCONF", "HAVE_FEXECVE",  "HAVE_LCHOWN",
                                 "HAVE_MKNODAT",   "HAVE_MKFIFOAT"};

Status init_posix(Thread& t, ModuleObject* module) {
  TRY(module_add_ints(t, module, kConstants));
  for (const NativeDef* table : {kFileFunctions, kDescriptorFunctions, kForkFunctions, kExecFunctions,
                                 kWaitFunctions, kScheduleFunctions, kUserFunctions, kSystemFunctions,
                                 kLinuxFunctions, kTransferFunctions, kAttributeFunctions})
    for (const NativeDef* def = table; def->signature != nullptr; ++def) {
      NativeFunctionObject* function = make_native_function(t, *def, module, intern(t, "posix"));
      TRY(dict_set(t, module->dict, function->name, function));
    }
  for (auto add : {add_file_types, add_descriptor_types, add_exec_constants, add_wait_types,
                   add_schedule_types, add_system_types})
    TRY(add(t, module));
  ListObject* have = make_list(t);
  for (const char* name : kHave) TRY(list_append(t, have, make_str(t, name)));
  TRY(module_add(t, module, "_have_functions", have));
  return module_add(t, module, "error", t.types().exception(Exc::OSError));
}

}  // namespace
}  // namespace posix

extern const ModuleSpec kPosixModule;
const ModuleSpec kPosixModule = {.name = "posix",
                                 .doc =
                                     "This module provides access to operating system functionality that is "
                                     "standardized by the C Standard "
                                     "and the POSIX standard.",
                                 .init = posix::init_posix};
}  // namespace mp

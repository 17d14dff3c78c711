// The module posix (what os.py stands on) and errno.
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

struct IntConstant {
  const char* name;
  int64_t value;
};
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
  for (const IntConstant& constant : kConstants)
    TRY(module_add_int(t, module, constant.name, constant.value));
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

constexpr IntConstant kErrors[] = {
#define E(name) \
  { #name, name }
    E(EPERM),
    E(ENOENT),
    E(ESRCH),
    E(EINTR),
    E(EIO),
    E(ENXIO),
    E(E2BIG),
    E(ENOEXEC),
    E(EBADF),
    E(ECHILD),
    E(EAGAIN),
    E(ENOMEM),
    E(EACCES),
    E(EFAULT),
    E(ENOTBLK),
    E(EBUSY),
    E(EEXIST),
    E(EXDEV),
    E(ENODEV),
    E(ENOTDIR),
    E(EISDIR),
    E(EINVAL),
    E(ENFILE),
    E(EMFILE),
    E(ENOTTY),
    E(ETXTBSY),
    E(EFBIG),
    E(ENOSPC),
    E(ESPIPE),
    E(EROFS),
    E(EMLINK),
    E(EPIPE),
    E(EDOM),
    E(ERANGE),
    E(EDEADLK),
    E(ENAMETOOLONG),
    E(ENOLCK),
    E(ENOSYS),
    E(ENOTEMPTY),
    E(ELOOP),
    E(ENOMSG),
    E(EIDRM),
    E(ENOSTR),
    E(ENODATA),
    E(ETIME),
    E(ENOSR),
    E(EREMOTE),
    E(ENOLINK),
    E(EPROTO),
    E(EMULTIHOP),
    E(EBADMSG),
    E(EOVERFLOW),
    E(EILSEQ),
    E(EUSERS),
    E(ENOTSOCK),
    E(EDESTADDRREQ),
    E(EMSGSIZE),
    E(EPROTOTYPE),
    E(ENOPROTOOPT),
    E(EPROTONOSUPPORT),
    E(ESOCKTNOSUPPORT),
    E(EOPNOTSUPP),
    E(EPFNOSUPPORT),
    E(EAFNOSUPPORT),
    E(EADDRINUSE),
    E(EADDRNOTAVAIL),
    E(ENETDOWN),
    E(ENETUNREACH),
    E(ENETRESET),
    E(ECONNABORTED),
    E(ECONNRESET),
    E(ENOBUFS),
    E(EISCONN),
    E(ENOTCONN),
    E(ESHUTDOWN),
    E(ETOOMANYREFS),
    E(ETIMEDOUT),
    E(ECONNREFUSED),
    E(EHOSTDOWN),
    E(EHOSTUNREACH),
    E(EALREADY),
    E(EINPROGRESS),
    E(ESTALE),
    E(EDQUOT),
    E(ECANCELED),
    E(EOWNERDEAD),
    E(ENOTRECOVERABLE),
    E(EWOULDBLOCK),
    {"ENOTSUP", ENOTSUP},
    {"EDEADLOCK", EDEADLOCK}};
#undef E

Status init_errno(Thread& t, ModuleObject* module) {
  DictObject* codes = make_dict(t);
  for (const IntConstant& error : kErrors) {
    TRY(module_add_int(t, module, error.name, error.value));
    Value number = Value::from_int(error.value);
    if (TRY(dict_get(t, codes, number)).is_not_found())
      TRY(dict_set(t, codes, number, make_str(t, error.name)));
  }
  return module_add(t, module, "errorcode", codes);
}

}  // namespace
}  // namespace posix

extern const ModuleSpec kPosixModule, kErrnoModule;
const ModuleSpec kPosixModule = {.name = "posix",
                                 .doc =
                                     "This module provides access to operating system functionality that is "
                                     "standardized by the C Standard "
                                     "and the POSIX standard.",
                                 .init = posix::init_posix};
const ModuleSpec kErrnoModule = {.name = "errno",
                                 .doc = "This module makes available standard errno system symbols.",
                                 .init = posix::init_errno};
}  // namespace mp

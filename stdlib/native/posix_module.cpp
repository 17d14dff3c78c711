// The module posix (what os.py stands on) and errno.
#include <fcntl.h>
#include <sched.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include "stdlib/native/posix_support.h"

namespace mp {
namespace posix {
Status add_descriptor_types(Thread& t, ModuleObject* module);
namespace {

struct IntConstant {
  const char* name;
  int64_t value;
};
#define C(name) \
  { #name, name }
constexpr IntConstant kConstants[] = {C(F_OK),
                                      C(R_OK),
                                      C(W_OK),
                                      C(X_OK),
                                      C(O_RDONLY),
                                      C(O_WRONLY),
                                      C(O_RDWR),
                                      C(O_APPEND),
                                      C(O_CREAT),
                                      C(O_EXCL),
                                      C(O_TRUNC),
                                      C(O_NONBLOCK),
                                      C(O_SYNC),
                                      C(O_DSYNC),
                                      C(O_CLOEXEC),
                                      C(O_NOCTTY),
                                      C(O_DIRECTORY),
                                      C(O_NOFOLLOW),
                                      C(O_ACCMODE),
                                      C(O_PATH),
                                      C(O_TMPFILE),
                                      C(SEEK_DATA),
                                      C(SEEK_HOLE),
                                      C(WNOHANG),
                                      C(WUNTRACED),
                                      C(WCONTINUED),
                                      C(WEXITED),
                                      C(WSTOPPED),
                                      C(WNOWAIT),
                                      C(P_PID),
                                      C(P_PGID),
                                      C(P_ALL),
                                      C(SCHED_OTHER),
                                      C(SCHED_FIFO),
                                      C(SCHED_RR),
                                      C(SCHED_BATCH),
                                      C(SCHED_IDLE),
                                      C(ST_RDONLY),
                                      C(ST_NOSUID),
                                      C(F_LOCK),
                                      C(F_TLOCK),
                                      C(F_ULOCK),
                                      C(F_TEST),
                                      {"EX_OK", 0},
                                      {"EX_USAGE", 64},
                                      {"EX_DATAERR", 65},
                                      {"EX_NOINPUT", 66},
                                      {"EX_UNAVAILABLE", 69},
                                      {"EX_SOFTWARE", 70},
                                      {"EX_OSERR", 71},
                                      {"EX_OSFILE", 72},
                                      {"EX_CANTCREAT", 73},
                                      {"EX_IOERR", 74},
                                      {"EX_TEMPFAIL", 75},
                                      {"EX_PROTOCOL", 76},
                                      {"EX_NOPERM", 77},
                                      {"EX_CONFIG", 78},
                                      {"NGROUPS_MAX", 65536},
                                      {"TMP_MAX", 238328},
                                      {"O_LARGEFILE", 0},
                                      {"O_NDELAY", O_NONBLOCK}};
#undef C

// What os.py builds its supports_dir_fd, supports_fd and supports_follow_symlinks from.
constexpr const char* kHave[] = {"HAVE_FACCESSAT", "HAVE_FCHDIR",    "HAVE_FCHMOD",   "HAVE_FCHOWN",
                                 "HAVE_FDOPENDIR", "HAVE_FSTATAT",   "HAVE_FSTATVFS", "HAVE_FTRUNCATE",
                                 "HAVE_FUTIMENS",  "HAVE_MKDIRAT",   "HAVE_OPENAT",   "HAVE_READLINKAT",
                                 "HAVE_RENAMEAT",  "HAVE_SYMLINKAT", "HAVE_UNLINKAT", "HAVE_UTIMENSAT",
                                 "HAVE_LSTAT"};

Status init_posix(Thread& t, ModuleObject* module) {
  for (const IntConstant& constant : kConstants)
    TRY(module_add_int(t, module, constant.name, constant.value));
  for (const NativeDef* table : {kFileFunctions, kDescriptorFunctions, kProcessFunctions})
    for (const NativeDef* def = table; def->signature != nullptr; ++def) {
      NativeFunctionObject* function = make_native_function(t, *def, module, intern(t, "posix"));
      TRY(dict_set(t, module->dict, function->name, function));
    }
  TRY(add_file_types(t, module));
  TRY(add_descriptor_types(t, module));
  TRY(add_process_types(t, module));
  ListObject* have = make_list(t);
  for (const char* name : kHave) TRY(list_append(t, have, make_str(t, name)));
  TRY(module_add(t, module, "_have_functions", have));
  DictObject* names = make_dict(t);
  TRY(dict_set_text(t, names, "SC_PAGESIZE", Value::from_int(_SC_PAGESIZE)));
  TRY(module_add(t, module, "sysconf_names", names));
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

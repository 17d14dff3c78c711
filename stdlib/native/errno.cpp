// errno: the system's error numbers under their names.
#include <cerrno>

#include "vm/native/native.h"
#include "vm/protocol/protocol.h"
#include "vm/types/containers.h"

namespace mp {

namespace {

struct ErrorNumber {
  const char* name;
  int value;
};

#define E(name) \
  { #name, name }
const ErrorNumber kErrorNumbers[] = {E(EPERM),
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
                                     E(ENAMETOOLONG),
                                     E(ENOLCK),
                                     E(ENOSYS),
                                     E(ENOTEMPTY),
                                     E(ELOOP),
                                     E(ENOMSG),
                                     E(EIDRM),
                                     E(ECHRNG),
                                     E(EL2NSYNC),
                                     E(EL3HLT),
                                     E(EL3RST),
                                     E(ELNRNG),
                                     E(EUNATCH),
                                     E(ENOCSI),
                                     E(EL2HLT),
                                     E(EBADE),
                                     E(EBADR),
                                     E(EXFULL),
                                     E(ENOANO),
                                     E(EBADRQC),
                                     E(EBADSLT),
                                     E(EBFONT),
                                     E(ENOSTR),
                                     E(ENODATA),
                                     E(ETIME),
                                     E(ENOSR),
                                     E(ENONET),
                                     E(ENOPKG),
                                     E(EREMOTE),
                                     E(ENOLINK),
                                     E(EADV),
                                     E(ESRMNT),
                                     E(ECOMM),
                                     E(EPROTO),
                                     E(EMULTIHOP),
                                     E(EDOTDOT),
                                     E(EBADMSG),
                                     E(EOVERFLOW),
                                     E(ENOTUNIQ),
                                     E(EBADFD),
                                     E(EREMCHG),
                                     E(ELIBACC),
                                     E(ELIBBAD),
                                     E(ELIBSCN),
                                     E(ELIBMAX),
                                     E(ELIBEXEC),
                                     E(EILSEQ),
                                     E(ERESTART),
                                     E(ESTRPIPE),
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
                                     E(EUCLEAN),
                                     E(ENOTNAM),
                                     E(ENAVAIL),
                                     E(EISNAM),
                                     E(EREMOTEIO),
                                     E(EDQUOT),
                                     E(ENOMEDIUM),
                                     E(EMEDIUMTYPE),
                                     E(ECANCELED),
                                     E(ENOKEY),
                                     E(EKEYEXPIRED),
                                     E(EKEYREVOKED),
                                     E(EKEYREJECTED),
                                     E(EOWNERDEAD),
                                     E(ENOTRECOVERABLE),
                                     E(ERFKILL),
                                     E(EHWPOISON),
                                     // The second names of two numbers; `errorcode` keeps what comes last.
                                     E(EDEADLOCK),
                                     E(EDEADLK),
                                     {"ENOTSUP", ENOTSUP},
                                     {"EWOULDBLOCK", EWOULDBLOCK}};
#undef E

Status init_module(Thread& t, ModuleObject* module) {
  DictObject* codes = make_dict(t);
  for (const ErrorNumber& number : kErrorNumbers) {
    TRY(module_add_int(t, module, number.name, number.value));
    std::string_view name = number.name;
    if (name == "EWOULDBLOCK" || name == "ENOTSUP") continue;  // EAGAIN and EOPNOTSUPP are the names shown
    TRY(set_item(t, Value(codes), Value::from_int(number.value), Value(make_str(t, name))));
  }
  return module_add(t, module, "errorcode", Value(codes));
}

}  // namespace

extern const ModuleSpec kErrnoModule;
const ModuleSpec kErrnoModule = {
    .name = "errno",
    .doc =
        "This module makes available standard errno system symbols.\n\nThe value of each symbol is the "
        "corresponding integer value,\ne.g., on most systems, errno.ENOENT equals the integer 2.",
    .init = init_module};

}  // namespace mp

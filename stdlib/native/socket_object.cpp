// socket objects: their life, their timeout, and the calls that make and end connections.
#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "stdlib/native/native_error.h"
#include "stdlib/native/socket.h"
#include "stdlib/native/time_value.h"
#include "vm/gc/idle.h"

namespace mp::net {

Result<int64_t> timeout_argument(Thread& t, Value seconds) {
  if (seconds.is_none()) return kNoTimeout;
  int64_t timeout = TRY(time_from_seconds(t, seconds, TimeRounding::Up));
  if (timeout < 0) return t.raise(Exc::ValueError, "Timeout value out of range");
  return timeout;
}
Value timeout_value(Thread& t, int64_t timeout) {
  return timeout < 0 ? kNone : make_float(t, static_cast<double>(timeout) / 1e9);
}

os::Deadline call_deadline(const SocketObject* socket) {
  int64_t timeout = socket->timeout;
  return timeout > 0 ? os::deadline_after(timeout) : os::kNoDeadline;
}
static Error raise_timed_out(Thread& t) { return t.raise(Exc::TimeoutError, "timed out"); }
// False at the deadline.
static Result<bool> poll_socket(Thread& t, SocketObject* socket, Ready ready, os::Deadline deadline) {
  pollfd one{socket->fd, static_cast<short>(ready), 0};
  if (one.fd < 0) return true;  // closed: poll(2) would pass over it, and the call says EBADF
  return TRY(wait_for_descriptors(t, &one, 1, deadline, socket)) != 0;
}
Status wait_until_ready(Thread& t, SocketObject* socket, Ready ready, os::Deadline deadline) {
  return TRY(poll_socket(t, socket, ready, deadline)) ? Status() : Status(raise_timed_out(t));
}

namespace {

struct SocketDefaults {
  std::atomic<int64_t> timeout{kNoTimeout};
};
const char kDefaultsTag = 0;
SocketDefaults& defaults(Thread& t) { return t.runtime().state<SocketDefaults>(&kDefaultsTag); }

Status set_blocking(Thread& t, int fd, bool blocking) {
  int flag = blocking ? 0 : 1;
  // One call where fcntl(O_NONBLOCK) takes two.
  if (ioctl(fd, FIONBIO, &flag) < 0) return t.raise_os_error(errno);
  return {};
}
// Gives the error number of close(2). Never retried on EINTR (Linux has closed it); a peer that reset the
// connection is no error of ours.
int close_detached(Thread& t, int fd) {
  int error = 0;
  BlockingRegion out(t);
  if (::close(fd) < 0) error = errno;
  return error == ECONNRESET || error == EINTR ? 0 : error;
}

Result<Value> socket_new(Thread& t, Value cls, const CallArgs&) {
  Value self = TRY(allocate_instance(t, cls.as<Type>()));
  auto* socket = self.as<SocketObject>();  // cells are zeroed, not constructed
  socket->fd = -1;
  socket->timeout = kNoTimeout;
  return self;
}

// What the system knows about a descriptor that a script hands in; values given (not -1) are believed.
Status describe_descriptor(Thread& t, int fd, int* family, int* type, int* protocol) {
  Address address;
  if (getsockname(fd, address.get(), &address.length) == 0) {
    if (*family == -1) *family = address.storage.ss_family;
  } else if (*family == -1) {
    return t.raise_os_error(errno);
  }
  const struct {
    int option;
    int* value;
  } unknown[] = {{SO_TYPE, type}, {SO_PROTOCOL, protocol}};
  for (auto& one : unknown) {
    socklen_t size = sizeof(int);
    if (*one.value == -1 && getsockopt(fd, SOL_SOCKET, one.option, one.value, &size) < 0)
      return t.raise_os_error(errno);
  }
  return {};
}

// __init__(self, family=-1, type=-1, proto=-1, fileno=None)
Result<Value> socket_init(Thread& t, const Value* args) {
  int family = TRY(to_c_int(t, args[1])), type = TRY(to_c_int(t, args[2])),
      protocol = TRY(to_c_int(t, args[3]));
  int64_t fd;
  if (!args[4].is_none()) {
    fd = TRY(to_int64(t, args[4]));
    if (fd < 0) return t.raise(Exc::ValueError, "negative file descriptor");
    if (fd > INT32_MAX) return t.raise_os_error(EBADF);
    TRY(describe_descriptor(t, static_cast<int>(fd), &family, &type, &protocol));
  } else {
    if (family == -1) family = AF_INET;
    if (type == -1) type = SOCK_STREAM;
    if (protocol == -1) protocol = 0;
    fd = TRY(posix::checked(t, [&] { return ::socket(family, type | SOCK_CLOEXEC, protocol); }));
  }
  TRY(set_up_socket(t, socket_of(args), static_cast<int>(fd), family, type, protocol));
  return kNone;
}

Result<Value> socket_repr(Thread& t, Value self) {
  auto* socket = self.as<SocketObject>();
  return make_str(t, fmt::format("<socket object, fd={}, family={}, type={}, proto={}>", socket->fd.load(),
                                 socket->family.load(), socket->type.load(), socket->protocol.load()));
}

int take_descriptor(Thread& t, SocketObject* socket) {
  int fd = socket->fd.exchange(-1);
  if (fd != -1) note_closed(t);
  return fd;
}

Status socket_finalize(Thread& t, Value self) {
  auto* socket = self.as<SocketObject>();
  if (socket->fd == -1) return {};
  if (warn(t, Exc::ResourceWarning, "unclosed " + repr_text(t, self)).is_error())
    write_unraisable(t, "Exception ignored in", self);
  int fd = take_descriptor(t, socket);
  if (fd != -1) close_detached(t, fd);
  return {};
}

Result<Value> socket_close(Thread& t, const Value* args) {
  int fd = take_descriptor(t, socket_of(args));
  if (fd == -1) return kNone;
  int error = close_detached(t, fd);
  if (error != 0) return t.raise_os_error(error);
  return kNone;
}
Result<Value> socket_detach(Thread& t, const Value* args) {
  return Value::from_int(take_descriptor(t, socket_of(args)));
}
Result<Value> socket_fileno(Thread&, const Value* args) { return Value::from_int(socket_of(args)->fd); }

// ---- timeouts

Result<Value> change_timeout(Thread& t, SocketObject* socket, int64_t timeout) {
  socket->timeout = timeout;
  TRY(set_blocking(t, socket->fd, timeout < 0));
  return kNone;
}
Result<Value> socket_settimeout(Thread& t, const Value* args) {
  return change_timeout(t, socket_of(args), TRY(timeout_argument(t, args[1])));
}
Result<Value> socket_setblocking(Thread& t, const Value* args) {
  return change_timeout(t, socket_of(args), TRY(truth(t, args[1])) ? kNoTimeout : 0);
}
Result<Value> socket_gettimeout(Thread& t, const Value* args) {
  return timeout_value(t, socket_of(args)->timeout);
}
Result<Value> socket_getblocking(Thread&, const Value* args) {
  return Value::from_bool(socket_of(args)->timeout != 0);
}
Result<Value> getdefaulttimeout(Thread& t, const Value*) { return timeout_value(t, defaults(t).timeout); }
Result<Value> setdefaulttimeout(Thread& t, const Value* args) {
  defaults(t).timeout = TRY(timeout_argument(t, args[0]));
  return kNone;
}

// ---- connections

Result<Value> socket_accept(Thread& t, const Value* args) {
  SocketObject* socket = socket_of(args);
  Address address;
  auto accept_one = [&] {
    address.length = sizeof address.storage;
    return accept4(socket->fd, address.get(), &address.length, SOCK_CLOEXEC);
  };
  bool waits = true;
  int64_t fd = TRY(waits_for_all(t, socket) ? call_interruptibly(t, socket, &waits, accept_one)
                                            : socket_call(t, socket, Ready::Read, accept_one));
  Result<Value> peer = make_address(t, static_cast<int>(fd), address, socket->protocol);
  if (peer.is_error()) {
    ::close(static_cast<int>(fd));
    return Error{};
  }
  return make_tuple(t, {Value::from_int(fd), peer.value()});
}

constexpr int kTimedOut = -1;
// The error number of the attempt, 0 when it is connected, or kTimedOut. An error is what a signal handler
// raised.
Result<int> try_connect(Thread& t, SocketObject* socket, Address& address) {
  int64_t timeout = socket->timeout;
  os::Deadline deadline = call_deadline(socket);
  int error = 0;
  {
    DescriptorRegion out(t, socket, deadline);
    if (::connect(socket->fd, address.get(), address.length) < 0) error = errno;
  }
  if (error == EINTR) TRY(t.poll());
  // connect(2) goes on in the background when it is interrupted; to call it again would be EALREADY.
  bool timed = deadline != os::kNoDeadline;
  if (!(error == EINTR && (timed || timeout != 0)) && !(error == EINPROGRESS && timed)) return error;
  if (!TRY(poll_socket(t, socket, Ready::Write, deadline))) return kTimedOut;
  socklen_t size = sizeof error;
  if (getsockopt(socket->fd, SOL_SOCKET, SO_ERROR, &error, &size) < 0) error = errno;
  return error == EISCONN ? 0 : error;
}
Result<Value> socket_connect(Thread& t, const Value* args) {
  Address address;
  TRY(parse_address(t, socket_of(args), args[1], "connect", &address));
  int error = TRY(try_connect(t, socket_of(args), address));
  if (error == kTimedOut) return raise_timed_out(t);
  if (error != 0) return t.raise_os_error(error);
  return kNone;
}
Result<Value> socket_connect_ex(Thread& t, const Value* args) {
  Address address;
  TRY(parse_address(t, socket_of(args), args[1], "connect_ex", &address));
  int error = TRY(try_connect(t, socket_of(args), address));
  return Value::from_int(error == kTimedOut ? EWOULDBLOCK : error);
}

// A call that does not wait: runs detached, raises OSError.
template <class Call>
Result<Value> simple_call(Thread& t, Call call) {
  int error = 0;
  {
    BlockingRegion out(t);
    if (call() < 0) error = errno;
  }
  if (error != 0) return t.raise_os_error(error);
  return kNone;
}
Result<Value> socket_bind(Thread& t, const Value* args) {
  Address address;
  TRY(parse_address(t, socket_of(args), args[1], "bind", &address));
  return simple_call(t, [&] { return ::bind(socket_of(args)->fd, address.get(), address.length); });
}
Result<Value> socket_listen(Thread& t, const Value* args) {
  int backlog = args[1].is_empty() ? std::min(SOMAXCONN, 128) : TRY(to_c_int(t, args[1]));
  if (backlog < 0) backlog = 0;
  return simple_call(t, [&] { return ::listen(socket_of(args)->fd, backlog); });
}
Result<Value> socket_shutdown(Thread& t, const Value* args) {
  int how = TRY(to_c_int(t, args[1]));
  return simple_call(t, [&] { return ::shutdown(socket_of(args)->fd, how); });
}
using NameCall = int (*)(int, sockaddr*, socklen_t*);
Result<Value> name_of(Thread& t, const Value* args, NameCall call) {
  SocketObject* socket = socket_of(args);
  Address address;
  TRY(simple_call(t, [&] { return call(socket->fd, address.get(), &address.length); }));
  return make_address(t, socket->fd, address, socket->protocol);
}
Result<Value> socket_getsockname(Thread& t, const Value* args) { return name_of(t, args, ::getsockname); }
Result<Value> socket_getpeername(Thread& t, const Value* args) { return name_of(t, args, ::getpeername); }

// ---- functions of the module

Result<Value> module_close(Thread& t, const Value* args) {
  int fd = TRY(to_c_int(t, args[0]));
  int error = close_detached(t, fd);
  if (error != 0) return t.raise_os_error(error);
  return kNone;
}
Result<Value> module_dup(Thread& t, const Value* args) {
  int fd = TRY(to_c_int(t, args[0]));
  return Value::from_int(TRY(posix::checked(t, [&] { return fcntl(fd, F_DUPFD_CLOEXEC, 0); })));
}
Result<Value> module_socketpair(Thread& t, const Value* args) {
  int family = TRY(to_c_int(t, args[0])), type = TRY(to_c_int(t, args[1])),
      protocol = TRY(to_c_int(t, args[2]));
  int fds[2];
  TRY(posix::checked(t, [&] { return ::socketpair(family, type | SOCK_CLOEXEC, protocol, fds); }));
  Type* cls = native_type(t, kSocketSpec);
  Result<Value> first = make_socket(t, cls, fds[0], family, type, protocol);
  if (first.is_error()) {
    ::close(fds[1]);
    return Error{};
  }
  return make_tuple(t, {first.value(), TRY(make_socket(t, cls, fds[1], family, type, protocol))});
}

const NativeDef kSocketMethods[] = {
    MP_RAW_NEW(socket_new, "__new__(cls, /, *args, **kwargs)", nullptr),
    MP_METHOD(socket_init, "__init__(self, family=-1, type=-1, proto=-1, fileno=None)", nullptr),
    MP_METHOD(socket_accept, "_accept(self, /)", "Wait for a connection: (descriptor, address)."),
    MP_METHOD(socket_bind, "bind(self, address, /)", "Bind the socket to a local address."),
    MP_METHOD(socket_close, "close(self, /)", "Close the socket."),
    MP_METHOD(socket_connect, "connect(self, address, /)", "Connect the socket to a remote address."),
    MP_METHOD(socket_connect_ex, "connect_ex(self, address, /)",
              "Like connect(), but gives the error number instead of raising OSError."),
    MP_METHOD(socket_detach, "detach(self, /)",
              "Forget the descriptor without closing it, and give it to the caller."),
    MP_METHOD(socket_fileno, "fileno(self, /)", "The socket's descriptor, -1 when it is closed."),
    MP_METHOD(socket_getpeername, "getpeername(self, /)", "The address of the other end."),
    MP_METHOD(socket_getsockname, "getsockname(self, /)", "The address of this end."),
    MP_METHOD(socket_getsockopt, "getsockopt(self, level, option, buflen=0, /)",
              "A socket option, as an int, or as bytes of at most buflen."),
    MP_METHOD(socket_listen, "listen(self, backlog=?, /)", "Let others connect."),
    MP_METHOD(socket_recv, "recv(self, bufsize, flags=0, /)",
              "Receive at most bufsize bytes; b'' when the other end has closed."),
    MP_METHOD(socket_recv_into, "recv_into(self, buffer, nbytes=0, flags=0)",
              "Receive into a writable buffer; the number of bytes."),
    MP_METHOD(socket_recvfrom, "recvfrom(self, bufsize, flags=0, /)",
              "Like recv(), with the sender: (data, address)."),
    MP_METHOD(socket_recvfrom_into, "recvfrom_into(self, buffer, nbytes=0, flags=0)",
              "Like recv_into(), with the sender: (nbytes, address)."),
    MP_METHOD(socket_recvmsg, "recvmsg(self, bufsize, ancbufsize=0, flags=0, /)",
              "Receive data and ancillary data: (data, ancdata, msg_flags, address)."),
    MP_METHOD(socket_recvmsg_into, "recvmsg_into(self, buffers, ancbufsize=0, flags=0, /)",
              "Like recvmsg(), into writable buffers: (nbytes, ancdata, msg_flags, address)."),
    MP_METHOD(socket_send, "send(self, data, flags=0, /)", "Send data; the number of bytes that were sent."),
    MP_METHOD(socket_sendall, "sendall(self, data, flags=0, /)", "Send all of the data."),
    MP_METHOD(socket_sendmsg, "sendmsg(self, buffers, ancdata=(), flags=0, address=None, /)",
              "Send buffers one after the other, with ancillary data; the number of bytes that were sent."),
    MP_METHOD(socket_sendmsg_afalg, "sendmsg_afalg(self, msg=?, *, op=?, iv=?, assoclen=?, flags=0)",
              "Send data with the operation and the initialisation vector to a socket of AF_ALG."),
    MP_RAW_METHOD(socket_sendto, "sendto(data, flags, address)", "Send data to an address."),
    MP_METHOD(socket_setblocking, "setblocking(self, flag, /)", "settimeout(None) or settimeout(0.0)."),
    MP_METHOD(socket_getblocking, "getblocking(self, /)", "False when the timeout is 0."),
    MP_METHOD(socket_setsockopt, "setsockopt(self, level, option, value, optlen=?, /)",
              "Set a socket option to an int, to bytes, or to None with a length."),
    MP_METHOD(socket_settimeout, "settimeout(self, timeout, /)",
              "Seconds that a call may take: None waits for ever, 0 never."),
    MP_METHOD(socket_gettimeout, "gettimeout(self, /)", "The timeout in seconds, or None."),
    MP_METHOD(socket_shutdown, "shutdown(self, how, /)",
              "End receiving (SHUT_RD), sending (SHUT_WR) or both."),
    MP_END};

Result<Value> get_family(Thread&, Value self) { return Value::from_int(self.as<SocketObject>()->family); }
Result<Value> get_type(Thread&, Value self) { return Value::from_int(self.as<SocketObject>()->type); }
Result<Value> get_protocol(Thread&, Value self) { return Value::from_int(self.as<SocketObject>()->protocol); }
Result<Value> get_timeout(Thread& t, Value self) {
  return timeout_value(t, self.as<SocketObject>()->timeout);
}
const GetSetDef kSocketGetSets[] = {{"family", get_family, nullptr, "the socket family"},
                                    {"type", get_type, nullptr, "the socket type"},
                                    {"proto", get_protocol, nullptr, "the socket protocol"},
                                    {"timeout", get_timeout, nullptr, "the socket timeout"},
                                    {}};

const NativeDef kFunctions[] = {
    MP_FUNCTION(module_close, "close(fd, /)", "Close a descriptor of a socket."),
    MP_FUNCTION(module_dup, "dup(fd, /)", "Duplicate a descriptor; the new one is not inheritable."),
    MP_FUNCTION(module_socketpair, "socketpair(family=1, type=1, proto=0, /)",
                "A pair of connected sockets."),
    MP_FUNCTION(getdefaulttimeout, "getdefaulttimeout()", "The timeout of new sockets in seconds, or None."),
    MP_FUNCTION(setdefaulttimeout, "setdefaulttimeout(timeout, /)", "Set the timeout of new sockets."),
    MP_FUNCTION(socket_cmsg_len, "CMSG_LEN(length, /)",
                "The size of an ancillary data item of that length, without padding behind it."),
    MP_FUNCTION(socket_cmsg_space, "CMSG_SPACE(length, /)",
                "The room that an ancillary data item of that length takes, padding included."),
    MP_END};

Status init_module(Thread& t, ModuleObject* module) {
  for (const NativeDef* table : {kResolverFunctions, kConversionFunctions})
    for (const NativeDef* def = table; def->signature != nullptr; ++def) {
      NativeFunctionObject* function = make_native_function(t, *def, module, intern(t, "_socket"));
      TRY(dict_set(t, module->dict, function->name, function));
    }
  Type* cls = module_add_type(t, module, kSocketSpec);
  if (cls == nullptr) return Error{};
  TRY(module_add(t, module, "SocketType", cls));
  TRY(module_add(t, module, "error", t.types().exception(Exc::OSError)));
  TRY(module_add(t, module, "timeout", t.types().exception(Exc::TimeoutError)));
  for (const char* name : {"gaierror", "herror"})
    TRY(module_add(t, module, name, TRY(native_error(t, "socket", name, Exc::OSError))));
  return add_socket_constants(t, module);
}

}  // namespace

Status set_up_socket(Thread& t, SocketObject* socket, int fd, int family, int type, int protocol) {
  if (socket->fd.exchange(fd) == -1) note_opened(t);
  socket->family = family;
  socket->type = type & ~(SOCK_NONBLOCK | SOCK_CLOEXEC);
  socket->protocol = protocol;
  if ((type & SOCK_NONBLOCK) != 0) {
    socket->timeout = 0;
    return {};
  }
  int64_t timeout = defaults(t).timeout;
  socket->timeout = timeout;
  return timeout >= 0 ? set_blocking(t, fd, false) : Status();
}
bool waits_for_all(Thread& t, SocketObject* socket) {
  if (!t.is_main || socket->timeout >= 0) return false;
  if (!socket->limit_known.load(std::memory_order_relaxed)) {
    timeval limit{};
    socklen_t size = sizeof limit;
    bool limited = ::getsockopt(socket->fd, SOL_SOCKET, SO_RCVTIMEO, &limit, &size) != 0 ||
                   limit.tv_sec != 0 || limit.tv_usec != 0;
    socket->has_limit.store(limited, std::memory_order_relaxed);
    socket->limit_known.store(true, std::memory_order_relaxed);
  }
  return !socket->has_limit.load(std::memory_order_relaxed);
}
Result<Value> make_socket(Thread& t, Type* cls, int fd, int family, int type, int protocol) {
  Result<Value> self = socket_new(t, cls, {});
  if (self.is_error()) {
    ::close(fd);
    return Error{};
  }
  TRY(set_up_socket(t, self.value().as<SocketObject>(), fd, family, type, protocol));
  return self;
}

const TypeSpec kSocketSpec = {.name = "_socket.socket",
                              .size = sizeof(SocketObject),
                              .flags = kTypeBaseType,
                              .doc = "A socket: one end of a connection, or an address to be reached at.",
                              .slots = MP_SLOTS(.repr = socket_repr, .finalize = socket_finalize),
                              .methods = kSocketMethods,
                              .getsets = kSocketGetSets};

}  // namespace mp::net

namespace mp {
extern const ModuleSpec kSocketModule;
const ModuleSpec kSocketModule = {"_socket", "Sockets: what socket.py stands on.", net::kFunctions,
                                  net::init_module};
}  // namespace mp

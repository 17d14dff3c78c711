// The _socket module: the layout of a socket object and what the socket_*.cpp files share. Semantics follow
// CPython's _socket; addresses are documented in the library reference under "Socket families".
#pragma once
#include <sys/socket.h>

#include <cerrno>
#include <cstdlib>
#include <optional>
#include <string>

#include "stdlib/native/posix_support.h"
#include "vm/gc/idle.h"
#include "vm/threads/descriptor_wait.h"
#include "vm/types/buffer.h"
#include "vm/types/codec.h"

namespace mp::net {

// A timeout in nanoseconds: negative blocks for ever, 0 never blocks.
inline constexpr int64_t kNoTimeout = -1;

struct SocketObject : Object {
  std::atomic<int> fd, family, type, protocol;  // fd -1: closed, or never opened
  std::atomic<int64_t> timeout;
  std::atomic<bool> waits;                   // the last recv() of the main thread had to wait
  std::atomic<bool> limit_known, has_limit;  // SO_RCVTIMEO, which hardly anybody sets
};
extern const TypeSpec kSocketSpec;

inline SocketObject* socket_of(const Value* args) { return args[0].as<SocketObject>(); }
// A socket object over an open descriptor, which it owns from now on; closed when an error comes back.
Result<Value> make_socket(Thread& t, Type* cls, int fd, int family, int type, int protocol);
Status set_up_socket(Thread& t, SocketObject* socket, int fd, int family, int type, int protocol);
// None or seconds; ValueError "Timeout value out of range" for negative ones.
Result<int64_t> timeout_argument(Thread& t, Value seconds);
Value timeout_value(Thread& t, int64_t timeout);

// ---- system calls under the socket's timeout (socket_object.cpp)
enum class Ready : short { Read = POLLIN, Write = POLLOUT };
os::Deadline call_deadline(const SocketObject* socket);
// Waits until the socket is ready; TimeoutError "timed out" at the deadline.
Status wait_until_ready(Thread& t, SocketObject* socket, Ready ready, os::Deadline deadline);

// Runs `call` (a system call: negative and errno on failure) detached until it succeeds, fails, or the
// deadline passes. The call comes before the wait: what is ready costs one system call.
template <class Call>
Result<int64_t> socket_call(Thread& t, SocketObject* socket, Ready ready, os::Deadline deadline, Call call) {
  for (bool reclaimed = false;;) {
    int64_t result;
    int error;
    {
      DescriptorRegion out(t, socket, deadline);
      result = call();
      error = errno;
    }
    if (result >= 0) return result;
    if (error == EINTR) {
      TRY(t.poll());
    } else if ((error == EAGAIN || error == EWOULDBLOCK) && deadline != os::kNoDeadline) {
      TRY(wait_until_ready(t, socket, ready, deadline));
    } else if (!reclaimed && io::reclaim_descriptors(t, error)) {
      reclaimed = true;
    } else {
      return t.raise_os_error(error);
    }
  }
}
template <class Call>
Result<int64_t> socket_call(Thread& t, SocketObject* socket, Ready ready, Call call) {
  return socket_call(t, socket, ready, call_deadline(socket), call);
}

// Whether it is the main thread that waits, without a timeout: then nothing may happen any more until a
// collection closes a socket that is garbage. (Where the main thread waits for something else, it collects
// from there.)
bool waits_for_all(Thread& t, SocketObject* socket);
// `call` when there is something to read, with a wait that a collection may interrupt. Not *waits: `call`
// does not block and is tried first; afterwards *waits says whether it had to wait, so that whoever waits
// each time makes two system calls.
template <class Call>
Result<int64_t> call_interruptibly(Thread& t, SocketObject* socket, bool* waits, Call call) {
  for (IdleWait idle(t);;) {
    int64_t result = -1;
    int error = EAGAIN, ready = 1;
    {
      DescriptorRegion out(t, socket);
      if (*waits) {
        pollfd one{socket->fd, POLLIN, 0};
        timespec left = idle.interval();
        if (one.fd >= 0)  // else it is closed, and `call` says so
          ready = ::ppoll(&one, 1, idle.armed() ? &left : nullptr, nullptr);
        error = errno;
      }
      if (ready > 0) {
        result = call();
        error = errno;
      }
    }
    if (result >= 0) return result;
    if (ready == 0) idle.collect(t);
    if (ready == 0 || error == EINTR)
      TRY(t.poll());
    else if (error == EAGAIN || error == EWOULDBLOCK)
      *waits = true;
    else
      return t.raise_os_error(error);
  }
}

// ---- addresses (socket_address.cpp)
struct Address {
  sockaddr_storage storage{};
  socklen_t length = sizeof(sockaddr_storage);
  sockaddr* get() { return reinterpret_cast<sockaddr*>(&storage); }
  template <class T>
  T* as() {
    static_assert(sizeof(T) <= sizeof(sockaddr_storage));
    return reinterpret_cast<T*>(&storage);
  }
};
// The address that `value` describes for this socket's family; `function` is named in messages. May resolve
// a host name.
Status parse_address(Thread& t, SocketObject* socket, Value value, const char* function, Address* out);
Result<Value> make_address(Thread& t, int fd, Address& address, int protocol);
// The families that only Linux has (socket_address_linux.cpp). False: not one of them.
Result<bool> parse_linux_address(Thread& t, SocketObject* socket, Value value, const char* function,
                                 Address* out);
Result<Value> make_linux_address(Thread& t, int fd, Address& address, int protocol);  // kNotFound
// Checks that `value` is a tuple of that many elements, else TypeError: "F(): AF_X address must be tuple, not
// int", "AF_X address must be a pair (a, b)".
Result<TupleObject*> address_tuple(Thread& t, Value value, const char* function, const char* family,
                                   size_t least, size_t most, const char* shape);
Result<uint32_t> unsigned_item(Thread& t, Value v);
// str (through the codec idna), bytes or bytearray.
Result<std::string> host_argument(Thread& t, Value v);
// Encodes a host name as IDNA does; UnicodeError for labels that are empty or too long.
Result<std::string> idna_encode(Thread& t, StrObject* host);
// Resolves into an address of the family (AF_UNSPEC: any). gaierror.
Status resolve_host(Thread& t, const std::string& host, int family, Address* out);
Error raise_gaierror(Thread& t, int code);
Error raise_herror(Thread& t, int code);

// ---- buffers
// What a script sends: bytes as they are, anything else pinned as long as this lives.
class Payload {
 public:
  Status get(Thread& t, Value v) {
    if (is_bytes(v)) {
      bytes_ = v.as<BytesObject>()->view();
      return {};
    }
    TRY(held_.emplace().get(t, v));
    if (!held_->view().contiguous())
      return t.raise(Exc::BufferError, "memoryview: underlying buffer is not C-contiguous");
    bytes_ = held_->bytes();
    return {};
  }
  const char* data() const { return bytes_.data(); }
  size_t size() const { return bytes_.size(); }

 private:
  std::string_view bytes_;
  std::optional<HeldBuffer> held_;
};
// Room for what the system fills in: on the stack when small, not initialised.
class ReceiveBuffer {
 public:
  ReceiveBuffer() = default;
  ~ReceiveBuffer() {
    if (data_ != small_) free(data_);
  }
  ReceiveBuffer(const ReceiveBuffer&) = delete;
  Status reserve(Thread& t, size_t size) {
    if (size <= sizeof small_) return {};
    auto* big = static_cast<char*>(malloc(size));
    if (big == nullptr) return t.raise_memory_error();
    data_ = big;
    return {};
  }
  char* data() { return data_; }

 private:
  char small_[4096];
  char* data_ = small_;
};

// ---- arguments (socket_conversions.cpp)
// Text without NUL; `which` is "argument" or "argument 2" in messages.
Result<std::string> text_argument(Thread& t, Value v, const char* function, const char* which);
std::string argument_type_name(Thread& t, Value v);  // as CPython's argument parser: "None", not "NoneType"
Result<int64_t> size_argument(Thread& t, Value v);

// ---- methods of socket objects
using Method = Result<Value>(Thread& t, const Value* args);
Method socket_recv, socket_recv_into, socket_recvfrom, socket_recvfrom_into, socket_send,
    socket_sendall;  // socket_transfer.cpp
Result<Value> socket_sendto(Thread& t, Value self, const CallArgs& args);
Method socket_recvmsg, socket_recvmsg_into, socket_sendmsg, socket_sendmsg_afalg;  // socket_messages.cpp
Method socket_getsockopt, socket_setsockopt;                                       // socket_options.cpp

extern const NativeDef kResolverFunctions[];    // socket_resolver.cpp
extern const NativeDef kConversionFunctions[];  // socket_conversions.cpp
Method socket_cmsg_len, socket_cmsg_space;
Status add_socket_constants(Thread& t, ModuleObject* module);  // socket_constants.cpp

}  // namespace mp::net

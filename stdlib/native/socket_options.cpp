// Socket options: getsockopt(2) and setsockopt(2).
#include <linux/vm_sockets.h>
#include <sys/socket.h>

#include "stdlib/native/socket.h"

namespace mp::net {

Result<Value> socket_getsockopt(Thread& t, const Value* args) {
  SocketObject* socket = socket_of(args);
  int level = TRY(to_c_int(t, args[1])), option = TRY(to_c_int(t, args[2])),
      wanted = TRY(to_c_int(t, args[3]));
  if (wanted == 0) {
    if (socket->family == AF_VSOCK) {  // its sizes are 64 bits wide
      uint64_t value = 0;
      socklen_t size = sizeof value;
      if (::getsockopt(socket->fd, level, option, &value, &size) < 0) return t.raise_os_error(errno);
      return make_int_unsigned(t, value);
    }
    int value = 0;
    socklen_t size = sizeof value;
    if (::getsockopt(socket->fd, level, option, &value, &size) < 0) return t.raise_os_error(errno);
    return Value::from_int(value);
  }
  char buffer[1024];
  if (wanted < 0 || wanted > static_cast<int>(sizeof buffer))
    return t.raise(Exc::OSError, "getsockopt buflen out of range");
  auto size = static_cast<socklen_t>(wanted);
  if (::getsockopt(socket->fd, level, option, buffer, &size) < 0) return t.raise_os_error(errno);
  return str_or_error(make_bytes(t, {buffer, size}));
}

Result<Value> socket_setsockopt(Thread& t, const Value* args) {
  SocketObject* socket = socket_of(args);
  int level = TRY(to_c_int(t, args[1])), option = TRY(to_c_int(t, args[2]));
  Value value = args[3];
  int result;
  if (!args[4].is_empty()) {
    if (!value.is_none())
      return t.raise(Exc::TypeError, "setsockopt() argument 3 must be None, not {}", type_name(t, value));
    uint32_t length = TRY(unsigned_item(t, args[4]));
    result = ::setsockopt(socket->fd, level, option, nullptr, length);
  } else if (int64_t number; is_any_int(value) && int_to_int64(value, &number) && number >= INT32_MIN &&
                             number <= INT32_MAX) {
    auto narrow = static_cast<int>(number);
    uint64_t wide = static_cast<uint64_t>(number);
    bool is_wide = socket->family == AF_VSOCK;
    result = ::setsockopt(socket->fd, level, option, is_wide ? static_cast<void*>(&wide) : &narrow,
                          is_wide ? sizeof wide : sizeof narrow);
  } else {
    HeldBuffer data;
    TRY(data.get(t, value));
    if (data.bytes().size() > INT32_MAX)
      return t.raise(Exc::OverflowError, "socket option is larger than {} bytes", INT32_MAX);
    result = ::setsockopt(socket->fd, level, option, data.bytes().data(),
                          static_cast<socklen_t>(data.bytes().size()));
  }
  if (result < 0) return t.raise_os_error(errno);
  if (option == SO_RCVTIMEO) socket->limit_known.store(false, std::memory_order_relaxed);
  return kNone;
}

}  // namespace mp::net

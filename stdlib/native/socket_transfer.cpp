// Sending and receiving plain data.
#include "stdlib/native/socket.h"

namespace mp::net {
namespace {

Result<size_t> receive_size(Thread& t, Value v, const char* function) {
  int64_t size = TRY(size_argument(t, v));
  if (size < 0) return t.raise(Exc::ValueError, "negative buffersize in {}", function);
  return static_cast<size_t>(size);
}

// recv(2) or, with an address, recvfrom(2).
Result<size_t> receive(Thread& t, SocketObject* socket, char* data, size_t size, int flags, Address* sender) {
  if (size == 0 && sender == nullptr) return size_t{0};
  auto receive_with = [&](int all_flags) {
    if (sender == nullptr) return ::recv(socket->fd, data, size, all_flags);
    *sender = Address();
    return ::recvfrom(socket->fd, data, size, all_flags, sender->get(), &sender->length);
  };
  if ((flags & MSG_DONTWAIT) == 0 && waits_for_all(t, socket)) {
    bool waits = socket->waits.load(std::memory_order_relaxed);
    auto received =
        TRY(call_interruptibly(t, socket, &waits, [&] { return receive_with(flags | MSG_DONTWAIT); }));
    socket->waits.store(waits, std::memory_order_relaxed);
    return static_cast<size_t>(received);
  }
  return static_cast<size_t>(TRY(socket_call(t, socket, Ready::Read, [&] { return receive_with(flags); })));
}
Result<Value> receive_bytes(Thread& t, const Value* args, const char* function, Address* sender) {
  size_t size = TRY(receive_size(t, args[1], function));
  int flags = TRY(to_c_int(t, args[2]));
  ReceiveBuffer buffer;
  TRY(buffer.reserve(t, size));
  size_t received = TRY(receive(t, socket_of(args), buffer.data(), size, flags, sender));
  return str_or_error(make_bytes(t, {buffer.data(), received}));
}
Result<Value> receive_into(Thread& t, const Value* args, const char* function, const char* too_small,
                           Address* sender) {
  HeldBuffer buffer;
  if (buffer.get(t, args[1], true).is_error()) {
    if (!t.catch_exception(Exc::TypeError) && !t.catch_exception(Exc::BufferError)) return Error{};
    return t.raise(Exc::TypeError, "{}() argument 1 must be read-write bytes-like object, not {}", function,
                   argument_type_name(t, args[1]));
  }
  size_t size = TRY(receive_size(t, args[2], function));
  int flags = TRY(to_c_int(t, args[3]));
  auto room = static_cast<size_t>(buffer.view().size);
  if (size > room) return t.raise(Exc::ValueError, "{}", too_small);
  if (size == 0) size = room;
  return make_int(t, static_cast<int64_t>(TRY(receive(
                         t, socket_of(args), reinterpret_cast<char*>(buffer.data()), size, flags, sender))));
}
Result<Value> with_address(Thread& t, const Value* args, Value first, Address& address) {
  SocketObject* socket = socket_of(args);
  return make_tuple(t, {first, TRY(make_address(t, socket->fd, address, socket->protocol))});
}

}  // namespace

Result<Value> socket_recv(Thread& t, const Value* args) { return receive_bytes(t, args, "recv", nullptr); }
Result<Value> socket_recvfrom(Thread& t, const Value* args) {
  Address sender;
  Value data = TRY(receive_bytes(t, args, "recvfrom", &sender));
  return with_address(t, args, data, sender);
}
Result<Value> socket_recv_into(Thread& t, const Value* args) {
  return receive_into(t, args, "recv_into", "buffer too small for requested bytes", nullptr);
}
Result<Value> socket_recvfrom_into(Thread& t, const Value* args) {
  Address sender;
  Value count =
      TRY(receive_into(t, args, "recvfrom_into", "nbytes is greater than the length of the buffer", &sender));
  return with_address(t, args, count, sender);
}

Result<Value> socket_send(Thread& t, const Value* args) {
  SocketObject* socket = socket_of(args);
  Payload data;
  TRY(data.get(t, args[1]));
  int flags = TRY(to_c_int(t, args[2]));
  return make_int(t, TRY(socket_call(t, socket, Ready::Write,
                                     [&] { return ::send(socket->fd, data.data(), data.size(), flags); })));
}
Result<Value> socket_sendall(Thread& t, const Value* args) {
  SocketObject* socket = socket_of(args);
  Payload data;
  TRY(data.get(t, args[1]));
  int flags = TRY(to_c_int(t, args[2]));
  // The timeout is for all of the data, however many calls it takes.
  os::Deadline deadline = call_deadline(socket);
  for (size_t sent = 0; sent < data.size();) {
    sent += static_cast<size_t>(TRY(socket_call(t, socket, Ready::Write, deadline, [&] {
      return ::send(socket->fd, data.data() + sent, data.size() - sent, flags);
    })));
    TRY(t.poll());
    if (sent < data.size() && os::monotonic_ns() >= deadline) return t.raise(Exc::TimeoutError, "timed out");
  }
  return kNone;
}

// sendto(data, address) or sendto(data, flags, address)
Result<Value> socket_sendto(Thread& t, Value self, const CallArgs& args) {
  if (!args.keyword_names.is_empty() && args.keyword_names.as<TupleObject>()->size != 0)
    return t.raise(Exc::TypeError, "socket.sendto() takes no keyword arguments");
  if (args.count != 2 && args.count != 3)
    return t.raise(Exc::TypeError, "sendto() takes 2 or 3 arguments ({} given)", args.count);
  auto* socket = self.as<SocketObject>();
  Payload data;
  TRY(data.get(t, args.values[0]));
  int flags = args.count == 3 ? TRY(to_c_int(t, args.values[1])) : 0;
  Address address;
  TRY(parse_address(t, socket, args.values[args.count - 1], "sendto", &address));
  return make_int(t, TRY(socket_call(t, socket, Ready::Write, [&] {
                    return ::sendto(socket->fd, data.data(), data.size(), flags, address.get(),
                                    address.length);
                  })));
}

}  // namespace mp::net

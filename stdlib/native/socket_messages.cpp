// Messages: scattered and gathered data with ancillary data, as recvmsg(2), sendmsg(2) and cmsg(3) describe.
#include <linux/if_alg.h>
#include <sys/uio.h>

#include <cstring>
#include <deque>
#include <vector>

#include "stdlib/native/socket.h"
#include "vm/core/check.h"

namespace mp::net {
namespace {

// The longest ancillary data that lengths of the type socklen_t can describe.
constexpr size_t kMaxControl = INT32_MAX;

// CMSG_LEN and CMSG_SPACE, false when the result would be out of range.
bool control_length(size_t length, size_t* out) {
  if (length > kMaxControl - CMSG_LEN(0)) return false;
  *out = CMSG_LEN(length);
  return true;
}
bool control_space(size_t length, size_t* out) {
  if (length > kMaxControl - CMSG_SPACE(1)) return false;
  *out = CMSG_SPACE(length);
  return true;
}
Result<Value> control_size(Thread& t, const Value* args, bool (*size)(size_t, size_t*), const char* name) {
  int64_t length = TRY(size_argument(t, args[0]));
  size_t result;
  if (length < 0 || !size(static_cast<size_t>(length), &result))
    return t.raise(Exc::OverflowError, "{}() argument out of range", name);
  return make_int(t, static_cast<int64_t>(result));
}

// Buffers of a script as an iovec, pinned as long as this lives.
struct Buffers {
  std::deque<HeldBuffer> held;  // a deque does not move them
  std::vector<iovec> parts;

  Status get(Thread& t, Value iterable, bool writable, const char* function) {
    if (is_error_to_iterate(t, iterable))
      return t.raise(Exc::TypeError, "{}() argument 1 must be an iterable", function);
    // SAFETY: the tuple keeps the buffers' objects alive; `held` lies in memory that the collector does not
    // scan.
    objects = TRY(to_tuple(t, iterable)).as<TupleObject>();
    if (objects->size > INT32_MAX) return t.raise_os_error(EMSGSIZE);
    for (size_t i = 0; i < objects->size; ++i) {
      HeldBuffer& buffer = held.emplace_back();
      if (buffer.get(t, (*objects)[i], writable).is_error()) {
        if (!writable || !(t.catch_exception(Exc::TypeError) || t.catch_exception(Exc::BufferError)))
          return Error{};
        return t.raise(Exc::TypeError,
                       "{}() argument 1 must be an iterable of single-segment read-write buffers", function);
      }
      std::string_view bytes = buffer.bytes();
      parts.push_back(
          {writable ? static_cast<void*>(buffer.data()) : const_cast<char*>(bytes.data()), bytes.size()});
    }
    return {};
  }
  void describe(msghdr* message) {
    message->msg_iov = parts.data();
    message->msg_iovlen = parts.size();
  }

 private:
  static bool is_error_to_iterate(Thread& t, Value v) {
    if (is_list(v) || is_tuple(v)) return false;
    if (!get_iter(t, v).is_error()) return false;
    t.clear_exception();
    return true;
  }
  TupleObject* objects = nullptr;
};

// ---------------------------------------------------------------- receiving

// The items of a control buffer: (level, type, data). The last may have been cut off by its end.
Result<Value> control_items(Thread& t, msghdr& message, bool* malformed) {
  ListObject* items = make_list(t);
  const char* end = static_cast<char*>(message.msg_control) + message.msg_controllen;
  for (cmsghdr* header = CMSG_FIRSTHDR(&message); header != nullptr; header = CMSG_NXTHDR(&message, header)) {
    const auto* data = reinterpret_cast<const char*>(CMSG_DATA(header));
    if (header->cmsg_len < CMSG_LEN(0) || data > end) {
      *malformed = true;
      break;
    }
    size_t length = header->cmsg_len - CMSG_LEN(0), room = static_cast<size_t>(end - data);
    bool cut = length > room;
    Value bytes = TRY(str_or_error(make_bytes(t, {data, cut ? room : length})));
    TRY(list_append(
        t, items,
        make_tuple(t, {Value::from_int(header->cmsg_level), Value::from_int(header->cmsg_type), bytes})));
    if (cut) {
      *malformed = true;
      break;
    }
  }
  return items;
}

// recvmsg into `parts`; `make_first` makes the first element of the result from the number of bytes.
template <class MakeFirst>
Result<Value> receive_message(Thread& t, const Value* args, iovec* parts, size_t count,
                              MakeFirst make_first) {
  SocketObject* socket = socket_of(args);
  int64_t control_wanted = TRY(size_argument(t, args[2]));
  int flags = TRY(to_c_int(t, args[3]));
  if (control_wanted < 0 || control_wanted > static_cast<int64_t>(kMaxControl))
    return t.raise(Exc::ValueError, "invalid ancillary data buffer length");
  ReceiveBuffer control;
  auto control_size = static_cast<size_t>(control_wanted);
  TRY(control.reserve(t, control_size));
  Address sender;
  msghdr message{};
  size_t received = static_cast<size_t>(TRY(socket_call(t, socket, Ready::Read, [&] {
    sender = Address();
    message = {};
    message.msg_name = sender.get();
    message.msg_namelen = sizeof sender.storage;
    message.msg_iov = parts;
    message.msg_iovlen = count;
    message.msg_control = control_size != 0 ? control.data() : nullptr;
    message.msg_controllen = control_size;
    return ::recvmsg(socket->fd, &message, flags);
  })));
  bool malformed = false;
  Value items = TRY(control_items(t, message, &malformed));
  if (malformed)
    TRY(warn(t, Exc::RuntimeWarning, "received malformed or improperly-truncated ancillary data"));
  sender.length = message.msg_namelen;
  Value first = TRY(make_first(received));
  return make_tuple(t, {first, items, Value::from_int(message.msg_flags),
                        TRY(make_address(t, socket->fd, sender, socket->protocol))});
}

// ---------------------------------------------------------------- sending

struct ControlItem {
  int level, type;
  std::string data;
};
// [(level, type, data), ...] as a control buffer.
Status build_control(Thread& t, Value items, std::string* control) {
  Result<Value> iterated = is_list(items) || is_tuple(items) ? Result<Value>(items) : to_tuple(t, items);
  if (iterated.is_error()) {
    t.clear_exception();
    return t.raise(Exc::TypeError, "sendmsg() argument 2 must be an iterable");
  }
  std::vector<ControlItem> parsed;
  size_t total = 0;
  TRY(for_each(t, iterated.value(), [&](Value item) -> Status {
    if (!is_tuple(item))
      return t.raise(Exc::TypeError,
                     "[sendmsg() ancillary data items]() argument must be 3-item sequence, not {}",
                     type_name(t, item));
    auto* three = item.as<TupleObject>();
    if (three->size != 3)
      return t.raise(Exc::TypeError,
                     "[sendmsg() ancillary data items]() argument must be sequence of length 3, not {}",
                     three->size);
    int level = TRY(to_c_int(t, (*three)[0])), type = TRY(to_c_int(t, (*three)[1]));
    HeldBuffer data;
    TRY(data.get(t, (*three)[2]));
    size_t space;
    if (!control_space(data.bytes().size(), &space))
      return t.raise(Exc::OSError, "ancillary data item too large");
    total += space;
    if (total > kMaxControl) return t.raise(Exc::OSError, "too much ancillary data");
    parsed.push_back({level, type, std::string(data.bytes())});
    return {};
  }));
  control->assign(total, '\0');
  msghdr message{};
  message.msg_control = control->data();
  message.msg_controllen = control->size();
  cmsghdr* header = nullptr;
  for (const ControlItem& item : parsed) {
    header = header == nullptr ? CMSG_FIRSTHDR(&message) : CMSG_NXTHDR(&message, header);
    MP_CHECK(header != nullptr, "the control buffer is too small for what it was made for");
    header->cmsg_level = item.level;
    header->cmsg_type = item.type;
    header->cmsg_len = CMSG_LEN(item.data.size());
    std::memcpy(CMSG_DATA(header), item.data.data(), item.data.size());
  }
  return {};
}

Result<Value> send_message(Thread& t, SocketObject* socket, msghdr& message, std::string& control,
                           int flags) {
  message.msg_control = control.empty() ? nullptr : control.data();
  message.msg_controllen = control.size();
  return make_int(
      t, TRY(socket_call(t, socket, Ready::Write, [&] { return ::sendmsg(socket->fd, &message, flags); })));
}

}  // namespace

Result<Value> socket_cmsg_len(Thread& t, const Value* args) {
  return control_size(t, args, control_length, "CMSG_LEN");
}
Result<Value> socket_cmsg_space(Thread& t, const Value* args) {
  return control_size(t, args, control_space, "CMSG_SPACE");
}

Result<Value> socket_recvmsg(Thread& t, const Value* args) {
  int64_t size = TRY(size_argument(t, args[1]));
  if (size < 0) return t.raise(Exc::ValueError, "negative buffer size in recvmsg()");
  ReceiveBuffer buffer;
  TRY(buffer.reserve(t, static_cast<size_t>(size)));
  iovec part{buffer.data(), static_cast<size_t>(size)};
  return receive_message(t, args, &part, 1, [&](size_t received) {
    return str_or_error(make_bytes(t, {buffer.data(), received}));
  });
}
Result<Value> socket_recvmsg_into(Thread& t, const Value* args) {
  Buffers buffers;
  TRY(buffers.get(t, args[1], true, "recvmsg_into"));
  return receive_message(
      t, args, buffers.parts.data(), buffers.parts.size(),
      [&](size_t received) -> Result<Value> { return make_int(t, static_cast<int64_t>(received)); });
}

Result<Value> socket_sendmsg(Thread& t, const Value* args) {
  SocketObject* socket = socket_of(args);
  Buffers buffers;
  TRY(buffers.get(t, args[1], false, "sendmsg"));
  int flags = TRY(to_c_int(t, args[3]));
  msghdr message{};
  Address address;
  if (!args[4].is_none()) {
    TRY(parse_address(t, socket, args[4], "sendmsg", &address));
    message.msg_name = address.get();
    message.msg_namelen = address.length;
  }
  buffers.describe(&message);
  std::string control;
  TRY(build_control(t, args[2], &control));
  return send_message(t, socket, message, control, flags);
}

// sendmsg_afalg([msg], *, op[, iv[, assoclen[, flags]]]): the kernel's crypto API takes its parameters as
// ancillary data.
Result<Value> socket_sendmsg_afalg(Thread& t, const Value* args) {
  SocketObject* socket = socket_of(args);
  if (socket->family != AF_ALG) return t.raise(Exc::OSError, "algset is only supported for AF_ALG");
  Buffers buffers;
  if (!args[1].is_empty()) TRY(buffers.get(t, args[1], false, "sendmsg_afalg"));
  if (args[2].is_empty() || TRY(to_c_int(t, args[2])) < 0)
    return t.raise(Exc::TypeError, "Invalid or missing argument 'op'");
  ListObject* items = make_list(t);
  auto add = [&](int type, std::string_view data) {
    return list_append(t, items,
                       make_tuple(t, {Value::from_int(SOL_ALG), Value::from_int(type), make_bytes(t, data)}));
  };
  auto number = [](const uint32_t& v) {
    return std::string_view(reinterpret_cast<const char*>(&v), sizeof v);
  };
  auto operation = static_cast<uint32_t>(TRY(to_c_int(t, args[2])));
  TRY(add(ALG_SET_OP, number(operation)));
  if (!args[3].is_empty()) {
    HeldBuffer vector;
    TRY(vector.get(t, args[3]));
    auto length =
        static_cast<uint32_t>(vector.bytes().size());  // struct af_alg_iv: the length, then the bytes
    TRY(add(ALG_SET_IV, std::string(number(length)) + std::string(vector.bytes())));
  }
  if (!args[4].is_empty()) {
    int length = TRY(to_c_int(t, args[4]));
    if (length < 0) return t.raise(Exc::TypeError, "assoclen must be positive");
    TRY(add(ALG_SET_AEAD_ASSOCLEN, number(static_cast<uint32_t>(length))));
  }
  msghdr message{};
  buffers.describe(&message);
  std::string control;
  TRY(build_control(t, items, &control));
  return send_message(t, socket, message, control, TRY(to_c_int(t, args[5])));
}

}  // namespace mp::net

// Socket addresses between Python's form and the system's: AF_INET, AF_INET6, AF_UNIX.
#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/un.h>

#include <cstring>

#include "stdlib/native/native_error.h"
#include "stdlib/native/socket.h"

namespace mp::net {

// ---------------------------------------------------------------- errors of the resolver

static Error raise_resolver_error(Thread& t, const char* name, int code, const char* text) {
  Value cls = TRY(native_error(t, "socket", name, Exc::OSError));
  return t.raise_object(TRY(call(t, cls, {Value::from_int(code), Value(make_str(t, text))})));
}
Error raise_gaierror(Thread& t, int code) {
  if (code == EAI_SYSTEM) return t.raise_os_error(errno);
  return raise_resolver_error(t, "gaierror", code, gai_strerror(code));
}
Error raise_herror(Thread& t, int code) { return raise_resolver_error(t, "herror", code, hstrerror(code)); }

// ---------------------------------------------------------------- hosts

// The idna codec on ASCII, which it leaves as it is. RFC 1035: a label has 1 to 63 bytes; the last may be
// empty.
static Result<std::string> encode_ascii_host(Thread& t, StrObject* host) {
  std::string_view text = host->ascii();
  for (size_t begin = 0; begin < text.size();) {
    size_t end = std::min(text.find('.', begin), text.size());
    if (end == begin || end - begin > 63) {
      Value arguments =
          make_tuple(t, {Value(intern(t, "idna")), Value(host), make_int(t, static_cast<int64_t>(begin)),
                         make_int(t, static_cast<int64_t>(end == begin ? end + 1 : end)),
                         Value(make_str(t, end == begin ? "label empty" : "label too long"))});
      return t.raise_object(make_exception_args(t, Exc::UnicodeEncodeError, arguments.as<TupleObject>()));
    }
    begin = end + 1;
  }
  return std::string(text);
}
Result<std::string> idna_encode(Thread& t, StrObject* host) {
  if (host->is_ascii()) return encode_ascii_host(t, host);
  Value encoded = TRY(encode_str(t, host, intern(t, "idna"), Value()));
  return std::string(TRY(bytes_view(t, encoded)));
}
Result<std::string> host_argument(Thread& t, Value v) {
  std::string host;
  if (is_bytes(v) || is_exact(v, t.types().bytearray)) {
    host = std::string(TRY(bytes_view(t, v)));
  } else if (is_str(v)) {
    auto* text = v.as<StrObject>();
    if (text->is_ascii()) {
      host = std::string(text->ascii());
    } else {
      Result<std::string> encoded = idna_encode(t, text);
      if (encoded.is_error()) {
        t.clear_exception();
        return t.raise(Exc::TypeError, "encoding of hostname failed");
      }
      host = encoded.take();
    }
  } else {
    return t.raise(Exc::TypeError, "str, bytes or bytearray expected, not {}", type_name(t, v));
  }
  if (host.find('\0') != std::string::npos)
    return t.raise(Exc::TypeError, "host name must not contain null character");
  return host;
}

// getaddrinfo(3) detached. The list is freed by the destructor.
namespace {
class Resolved {
 public:
  Resolved() = default;
  ~Resolved() {
    if (first_ != nullptr) freeaddrinfo(first_);
  }
  Resolved(const Resolved&) = delete;
  Status resolve(Thread& t, const char* host, const char* service, int family, int flags) {
    addrinfo hints{};
    hints.ai_family = family;
    hints.ai_socktype = SOCK_DGRAM;  // one result per address
    hints.ai_flags = flags;
    int code;
    {
      DescriptorRegion out(t);
      code = getaddrinfo(host, service, &hints, &first_);
    }
    return code == 0 ? Status() : Status(raise_gaierror(t, code));
  }
  const addrinfo* first() const { return first_; }

 private:
  addrinfo* first_ = nullptr;
};
}  // namespace

Status resolve_host(Thread& t, const std::string& host, int family, Address* out) {
  auto* in4 = out->as<sockaddr_in>();
  auto* in6 = out->as<sockaddr_in6>();
  if (host.empty()) {
    Resolved resolved;
    TRY(resolved.resolve(t, nullptr, "0", family, AI_PASSIVE));
    if (resolved.first()->ai_family != AF_INET && resolved.first()->ai_family != AF_INET6)
      return t.raise(Exc::OSError, "unsupported address family");
    if (resolved.first()->ai_next != nullptr)
      return t.raise(Exc::OSError, "wildcard resolved to multiple address");
    std::memcpy(&out->storage, resolved.first()->ai_addr, resolved.first()->ai_addrlen);
    out->length = resolved.first()->ai_addrlen;
    return {};
  }
  if (host == "<broadcast>" || host == "255.255.255.255") {
    if (family != AF_INET && family != AF_UNSPEC) return t.raise(Exc::OSError, "address family mismatched");
    in4->sin_family = AF_INET;
    in4->sin_addr.s_addr = INADDR_BROADCAST;
    out->length = sizeof(sockaddr_in);
    return {};
  }
  // Numbers need no resolver, which would read files.
  if (family != AF_INET6 && inet_pton(AF_INET, host.c_str(), &in4->sin_addr) == 1) {
    in4->sin_family = AF_INET;
    out->length = sizeof(sockaddr_in);
    return {};
  }
  if (family != AF_INET && inet_pton(AF_INET6, host.c_str(), &in6->sin6_addr) == 1) {
    in6->sin6_family = AF_INET6;
    out->length = sizeof(sockaddr_in6);
    return {};
  }
  Resolved resolved;
  TRY(resolved.resolve(t, host.c_str(), nullptr, family, 0));
  const addrinfo* first = resolved.first();
  if (first->ai_family != AF_INET && first->ai_family != AF_INET6)
    return t.raise(Exc::OSError, "unknown address family");
  std::memcpy(&out->storage, first->ai_addr, first->ai_addrlen);
  out->length = first->ai_addrlen;
  return {};
}

// ---------------------------------------------------------------- Python's form to the system's

Result<TupleObject*> address_tuple(Thread& t, Value value, const char* function, const char* family,
                                   size_t least, size_t most, const char* shape) {
  if (!is_tuple(value))
    return t.raise(Exc::TypeError, "{}(): {} address must be tuple, not {}", function, family,
                   type_name(t, value));
  auto* tuple = value.as<TupleObject>();
  if (tuple->size < least || tuple->size > most)
    return t.raise(Exc::TypeError, "{} address must be {}", family, shape);
  return tuple;
}
Result<uint32_t> unsigned_item(Thread& t, Value v) {
  // Reduced modulo 2**32, as CPython does.
  Value index = TRY(to_index(t, v));
  int64_t number;
  if (int_to_int64(index, &number)) return static_cast<uint32_t>(number);
  Value masked = TRY(binary(t, BinaryOp::And, index, Value::from_int(0xffffffff)));
  return static_cast<uint32_t>(masked.as_int());
}

static Result<int> port_item(Thread& t, Value v, const char* function) {
  Result<int> port = to_c_int(t, v);
  if (port.is_error() && !t.exception_matches(Exc::OverflowError)) return Error{};
  if (port.is_error() || port.value() < 0 || port.value() > 0xffff) {
    t.clear_exception();
    return t.raise(Exc::OverflowError, "{}(): port must be 0-65535.", function);
  }
  return port;
}

static Status parse_inet(Thread& t, Value value, const char* function, Address* out) {
  TupleObject* pair = TRY(address_tuple(t, value, function, "AF_INET", 2, 2, "a pair (host, port)"));
  std::string host = TRY(host_argument(t, (*pair)[0]));
  int port = TRY(port_item(t, (*pair)[1], function));
  TRY(resolve_host(t, host, AF_INET, out));
  out->as<sockaddr_in>()->sin_port = htons(static_cast<uint16_t>(port));
  return {};
}

static Status parse_inet6(Thread& t, Value value, const char* function, Address* out) {
  TupleObject* tuple =
      TRY(address_tuple(t, value, function, "AF_INET6", 2, 4, "a tuple (host, port[, flowinfo[, scopeid]])"));
  std::string host = TRY(host_argument(t, (*tuple)[0]));
  int port = TRY(port_item(t, (*tuple)[1], function));
  uint32_t flow = tuple->size > 2 ? TRY(unsigned_item(t, (*tuple)[2])) : 0;
  uint32_t scope = tuple->size > 3 ? TRY(unsigned_item(t, (*tuple)[3])) : 0;
  if (flow > 0xfffff) return t.raise(Exc::OverflowError, "{}(): flowinfo must be 0-1048575.", function);
  TRY(resolve_host(t, host, AF_INET6, out));
  auto* address = out->as<sockaddr_in6>();
  address->sin6_port = htons(static_cast<uint16_t>(port));
  address->sin6_flowinfo = htonl(flow);
  address->sin6_scope_id = scope;
  return {};
}

// A path, or (it begins with NUL, or is empty) a name in Linux's abstract namespace: unix(7).
static Status parse_unix(Thread& t, Value value, Address* out) {
  std::string path;
  if (is_str(value)) {
    path = TRY(io::file_system_encode(t, value));
  } else {
    HeldBuffer bytes;
    TRY(bytes.get(t, value));
    path = std::string(bytes.bytes());
  }
  auto* address = out->as<sockaddr_un>();
  bool is_abstract = path.empty() || path[0] == '\0';
  if (path.size() + (is_abstract ? 0 : 1) > sizeof address->sun_path)
    return t.raise(Exc::OSError, "AF_UNIX path too long");
  address->sun_family = AF_UNIX;
  std::memcpy(address->sun_path, path.data(), path.size());
  out->length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size() + (is_abstract ? 0 : 1));
  return {};
}

Status parse_address(Thread& t, SocketObject* socket, Value value, const char* function, Address* out) {
  switch (socket->family) {
    case AF_INET: return parse_inet(t, value, function, out);
    case AF_INET6: return parse_inet6(t, value, function, out);
    case AF_UNIX: return parse_unix(t, value, out);
    default:
      if (TRY(parse_linux_address(t, socket, value, function, out))) return {};
      return t.raise(Exc::OSError, "{}(): bad family", function);
  }
}

// ---------------------------------------------------------------- the system's form to Python's

static Value ip_text(Thread& t, int family, const void* bytes) {
  char text[INET6_ADDRSTRLEN] = "";
  inet_ntop(family, bytes, text, sizeof text);
  return make_str(t, text);
}

Result<Value> make_address(Thread& t, int fd, Address& address, int protocol) {
  if (address.length == 0) return kNone;  // nobody: a stream that is connected, a datagram without a name
  switch (address.storage.ss_family) {
    case AF_INET: {
      auto* in = address.as<sockaddr_in>();
      return make_tuple(t, {ip_text(t, AF_INET, &in->sin_addr), Value::from_int(ntohs(in->sin_port))});
    }
    case AF_INET6: {
      auto* in = address.as<sockaddr_in6>();
      return make_tuple(t, {ip_text(t, AF_INET6, &in->sin6_addr), Value::from_int(ntohs(in->sin6_port)),
                            Value::from_int(ntohl(in->sin6_flowinfo)), Value::from_int(in->sin6_scope_id)});
    }
    case AF_UNIX: {
      const char* path = address.as<sockaddr_un>()->sun_path;
      size_t length = address.length > offsetof(sockaddr_un, sun_path)
                          ? address.length - offsetof(sockaddr_un, sun_path)
                          : 0;
      if (length != 0 && path[0] == '\0') return str_or_error(make_bytes(t, {path, length}));
      return posix::path_value(t, std::string(path, strnlen(path, length)), false);
    }
    default: {
      Value made = TRY(make_linux_address(t, fd, address, protocol));
      if (!made.is_not_found()) return made;
      constexpr size_t kShown = sizeof(sockaddr::sa_data);
      return make_tuple(t, {Value::from_int(address.storage.ss_family),
                            TRY(str_or_error(make_bytes(t, {address.get()->sa_data, kShown})))});
    }
  }
}

}  // namespace mp::net

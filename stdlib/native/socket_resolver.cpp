// Names of hosts, services, protocols and interfaces: getaddrinfo(3), gethostbyname(3), getservbyname(3),
// if_nametoindex(3). The reentrant forms, as several threads may ask at once.
#include <net/if.h>
#include <netdb.h>
#include <netinet/in.h>
#include <unistd.h>

#include <cstring>

#include "stdlib/native/socket.h"

namespace mp::net {
namespace {

Value text_value(Thread& t, const char* text) { return posix::path_value(t, text, false); }
// A host for the older calls, which name themselves in messages.
Result<std::string> named_host(Thread& t, Value v, const char* function) {
  std::string host;
  if (is_str(v))
    host = TRY(idna_encode(t, v.as<StrObject>()));
  else if (is_bytes(v) || is_exact(v, t.types().bytearray))
    host = std::string(TRY(bytes_view(t, v)));
  else
    return t.raise(Exc::TypeError, "{}() argument 1 must be str, bytes or bytearray, not {}", function,
                   argument_type_name(t, v));
  if (host.find('\0') != std::string::npos)
    return t.raise(Exc::TypeError, "{}() argument 1 must be encoded string without null bytes, not {}",
                   function, type_name(t, v));
  return host;
}

// ---------------------------------------------------------------- getaddrinfo, getnameinfo

struct AddressList {
  addrinfo* first = nullptr;
  ~AddressList() {
    if (first != nullptr) freeaddrinfo(first);
  }
};

// getaddrinfo(host, port, family=0, type=0, proto=0, flags=0)
Result<Value> module_getaddrinfo(Thread& t, const Value* args) {
  std::string host, port;
  const char *host_text = nullptr, *port_text = nullptr;
  if (!args[0].is_none()) {
    if (is_str(args[0]))
      host = TRY(idna_encode(t, args[0].as<StrObject>()));
    else if (is_bytes(args[0]))
      host = std::string(args[0].as<BytesObject>()->view());
    else
      return t.raise(Exc::TypeError, "getaddrinfo() argument 1 must be string or None");
    host_text = host.c_str();
  }
  if (!args[1].is_none()) {
    if (is_any_int(args[1]) && !args[1].is_bool())
      port = int_to_text(args[1], 10);
    else if (is_str(args[1]))
      TRY(encode_utf8_to(t, args[1].as<StrObject>(), "strict", port));
    else if (is_bytes(args[1]))
      port = std::string(args[1].as<BytesObject>()->view());
    else
      return t.raise(Exc::OSError, "Int or String expected");
    port_text = port.c_str();
  }
  if (host.find('\0') != std::string::npos || port.find('\0') != std::string::npos)
    return t.raise(Exc::ValueError, "embedded null {}",
                   is_bytes(args[0]) || is_bytes(args[1]) ? "byte" : "character");
  addrinfo hints{};
  hints.ai_family = TRY(to_c_int(t, args[2]));
  hints.ai_socktype = TRY(to_c_int(t, args[3]));
  hints.ai_protocol = TRY(to_c_int(t, args[4]));
  hints.ai_flags = TRY(to_c_int(t, args[5]));
  AddressList found;
  int code, error;
  {
    DescriptorRegion out(t);
    code = getaddrinfo(host_text, port_text, &hints, &found.first);
    error = errno;
  }
  errno = error;
  if (code != 0) return raise_gaierror(t, code);
  ListObject* result = make_list(t);
  for (const addrinfo* one = found.first; one != nullptr; one = one->ai_next) {
    Address address;
    std::memcpy(&address.storage, one->ai_addr, one->ai_addrlen);
    address.length = one->ai_addrlen;
    Value name = one->ai_canonname != nullptr ? text_value(t, one->ai_canonname) : Value(empty_str(t));
    TRY(list_append(t, result,
                    make_tuple(t, {Value::from_int(one->ai_family), Value::from_int(one->ai_socktype),
                                   Value::from_int(one->ai_protocol), name,
                                   TRY(make_address(t, -1, address, one->ai_protocol))})));
  }
  return result;
}

// getnameinfo(sockaddr, flags)
Result<Value> module_getnameinfo(Thread& t, const Value* args) {
  if (!is_tuple(args[0])) return t.raise(Exc::TypeError, "getnameinfo() argument 1 must be a tuple");
  int flags = TRY(to_c_int(t, args[1]));
  auto* tuple = args[0].as<TupleObject>();
  if (tuple->size < 2 || tuple->size > 4)
    return t.raise(Exc::TypeError, "getnameinfo(): illegal sockaddr argument");
  if (!is_str((*tuple)[0])) return t.raise(Exc::TypeError, "getnameinfo(): illegal sockaddr argument");
  std::string host = TRY(text_argument(t, (*tuple)[0], "getnameinfo", "argument"));
  std::string port = std::to_string(TRY(to_c_int(t, (*tuple)[1])));
  uint32_t flow = tuple->size > 2 ? TRY(unsigned_item(t, (*tuple)[2])) : 0;
  uint32_t scope = tuple->size > 3 ? TRY(unsigned_item(t, (*tuple)[3])) : 0;
  if (flow > 0xfffff) return t.raise(Exc::OverflowError, "getnameinfo(): flowinfo must be 0-1048575.");
  addrinfo hints{};
  hints.ai_socktype = SOCK_DGRAM;  // one result per address
  hints.ai_flags = AI_NUMERICHOST;
  AddressList found;
  int code, error;
  {
    DescriptorRegion out(t);
    code = getaddrinfo(host.c_str(), port.c_str(), &hints, &found.first);
    error = errno;
  }
  errno = error;
  if (code != 0) return raise_gaierror(t, code);
  if (found.first->ai_next != nullptr)
    return t.raise(Exc::OSError, "sockaddr resolved to multiple addresses");
  if (found.first->ai_family == AF_INET && tuple->size != 2)
    return t.raise(Exc::OSError, "IPv4 sockaddr must be 2 tuple");
  if (found.first->ai_family == AF_INET6) {
    auto* address = reinterpret_cast<sockaddr_in6*>(found.first->ai_addr);
    address->sin6_flowinfo = htonl(flow);
    address->sin6_scope_id = scope;
  }
  char name[NI_MAXHOST], service[NI_MAXSERV];
  {
    DescriptorRegion out(t);
    code = getnameinfo(found.first->ai_addr, found.first->ai_addrlen, name, sizeof name, service,
                       sizeof service, flags);
    error = errno;
  }
  errno = error;
  if (code != 0) return raise_gaierror(t, code);
  return make_tuple(t, {text_value(t, name), text_value(t, service)});
}

// ---------------------------------------------------------------- the older calls for hosts

// Runs a *_r function with a buffer that grows while it says ERANGE.
template <class Call>
int with_growing_buffer(std::string& buffer, Call call) {
  buffer.resize(1024);
  for (;;) {
    int code = call(buffer.data(), buffer.size());
    if (code != ERANGE || buffer.size() > (1u << 20)) return code;
    buffer.resize(buffer.size() * 2);
  }
}
Value text_list(Thread& t, char** texts) {
  ListObject* list = make_list(t);
  for (; texts != nullptr && *texts != nullptr; ++texts)
    if (list_append(t, list, text_value(t, *texts)).is_error()) break;
  return list;
}
// (name, aliases, addresses)
Result<Value> host_entry(Thread& t, const hostent* found, int host_error, int family) {
  if (found == nullptr) return raise_herror(t, host_error);
  if (found->h_addrtype != family) return t.raise_os_error(EAFNOSUPPORT);
  ListObject* addresses = make_list(t);
  for (char** one = found->h_addr_list; *one != nullptr; ++one) {
    Address address;
    address.storage.ss_family = static_cast<sa_family_t>(found->h_addrtype);
    if (found->h_addrtype == AF_INET)
      std::memcpy(&address.as<sockaddr_in>()->sin_addr, *one, sizeof(in_addr));
    else
      std::memcpy(&address.as<sockaddr_in6>()->sin6_addr, *one, sizeof(in6_addr));
    Value made = TRY(make_address(t, -1, address, 0));
    TRY(list_append(t, addresses, (*made.as<TupleObject>())[0]));
  }
  return make_tuple(t, {text_value(t, found->h_name), text_list(t, found->h_aliases), addresses});
}
Result<Value> module_gethostbyname(Thread& t, const Value* args) {
  Address address;
  TRY(resolve_host(t, TRY(named_host(t, args[0], "gethostbyname")), AF_INET, &address));
  Value made = TRY(make_address(t, -1, address, 0));
  return (*made.as<TupleObject>())[0];
}
Result<Value> module_gethostbyname_ex(Thread& t, const Value* args) {
  std::string host = TRY(named_host(t, args[0], "gethostbyname_ex"));
  Address address;
  TRY(resolve_host(t, host, AF_INET, &address));
  hostent entry, *found = nullptr;
  int host_error = 0;
  std::string buffer;
  {
    DescriptorRegion out(t);
    with_growing_buffer(buffer, [&](char* data, size_t size) {
      return gethostbyname_r(host.c_str(), &entry, data, size, &found, &host_error);
    });
  }
  return host_entry(t, found, host_error, address.storage.ss_family);
}
Result<Value> module_gethostbyaddr(Thread& t, const Value* args) {
  Address address;
  TRY(resolve_host(t, TRY(named_host(t, args[0], "gethostbyaddr")), AF_UNSPEC, &address));
  int family = address.storage.ss_family;
  const void* bytes = family == AF_INET ? static_cast<void*>(&address.as<sockaddr_in>()->sin_addr)
                                        : &address.as<sockaddr_in6>()->sin6_addr;
  socklen_t length = family == AF_INET ? sizeof(in_addr) : sizeof(in6_addr);
  hostent entry, *found = nullptr;
  int host_error = 0;
  std::string buffer;
  {
    DescriptorRegion out(t);
    with_growing_buffer(buffer, [&](char* data, size_t size) {
      return gethostbyaddr_r(bytes, length, family, &entry, data, size, &found, &host_error);
    });
  }
  return host_entry(t, found, host_error, family);
}
Result<Value> module_gethostname(Thread& t, const Value*) {
  char name[1024];
  int result, error;
  {
    BlockingRegion out(t);
    result = gethostname(name, sizeof name - 1);
    error = errno;
  }
  if (result < 0) return t.raise_os_error(error);
  name[sizeof name - 1] = '\0';
  return text_value(t, name);
}
Result<Value> module_sethostname(Thread& t, const Value* args) {
  Value path = TRY(io::file_system_path(t, args[0]));
  std::string name =
      is_bytes(path) ? std::string(path.as<BytesObject>()->view()) : TRY(io::file_system_encode(t, path));
  if (sethostname(name.data(), name.size()) < 0) return t.raise_os_error(errno);
  return kNone;
}

// ---------------------------------------------------------------- services and protocols

Result<Value> module_getservbyname(Thread& t, const Value* args) {
  std::string name = TRY(text_argument(t, args[0], "getservbyname", "argument 1")), protocol;
  if (!args[1].is_empty()) protocol = TRY(text_argument(t, args[1], "getservbyname", "argument 2"));
  servent entry, *found = nullptr;
  std::string buffer;
  {
    DescriptorRegion out(t);
    with_growing_buffer(buffer, [&](char* data, size_t size) {
      return getservbyname_r(name.c_str(), args[1].is_empty() ? nullptr : protocol.c_str(), &entry, data,
                             size, &found);
    });
  }
  if (found == nullptr) return t.raise(Exc::OSError, "service/proto not found");
  return Value::from_int(ntohs(static_cast<uint16_t>(found->s_port)));
}
Result<Value> module_getservbyport(Thread& t, const Value* args) {
  int port = TRY(to_c_int(t, args[0]));
  std::string protocol;
  if (!args[1].is_empty()) protocol = TRY(text_argument(t, args[1], "getservbyport", "argument 2"));
  if (port < 0 || port > 0xffff) return t.raise(Exc::OverflowError, "getservbyport: port must be 0-65535.");
  servent entry, *found = nullptr;
  std::string buffer;
  {
    DescriptorRegion out(t);
    with_growing_buffer(buffer, [&](char* data, size_t size) {
      return getservbyport_r(htons(static_cast<uint16_t>(port)),
                             args[1].is_empty() ? nullptr : protocol.c_str(), &entry, data, size, &found);
    });
  }
  if (found == nullptr) return t.raise(Exc::OSError, "port/proto not found");
  return text_value(t, found->s_name);
}
Result<Value> module_getprotobyname(Thread& t, const Value* args) {
  std::string name = TRY(text_argument(t, args[0], "getprotobyname", "argument 1"));
  protoent entry, *found = nullptr;
  std::string buffer;
  {
    DescriptorRegion out(t);
    with_growing_buffer(buffer, [&](char* data, size_t size) {
      return getprotobyname_r(name.c_str(), &entry, data, size, &found);
    });
  }
  if (found == nullptr) return t.raise(Exc::OSError, "protocol not found");
  return Value::from_int(found->p_proto);
}

// ---------------------------------------------------------------- interfaces

Result<Value> module_if_nameindex(Thread& t, const Value*) {
  struct Names {
    struct if_nameindex* first = ::if_nameindex();
    ~Names() {
      if (first != nullptr) if_freenameindex(first);
    }
  } names;
  if (names.first == nullptr) return t.raise_os_error(errno);
  ListObject* list = make_list(t);
  for (auto* one = names.first; one->if_index != 0 || one->if_name != nullptr; ++one)
    TRY(list_append(t, list, make_tuple(t, {make_int(t, one->if_index), text_value(t, one->if_name)})));
  return list;
}
Result<Value> module_if_nametoindex(Thread& t, const Value* args) {
  Value path = TRY(io::file_system_path(t, args[0]));
  std::string name =
      is_bytes(path) ? std::string(path.as<BytesObject>()->view()) : TRY(io::file_system_encode(t, path));
  if (name.find('\0') != std::string::npos) return t.raise(Exc::ValueError, "embedded null byte");
  unsigned index = ::if_nametoindex(name.c_str());
  if (index == 0) return t.raise(Exc::OSError, "no interface with this name");
  return make_int(t, index);
}
Result<Value> module_if_indextoname(Thread& t, const Value* args) {
  if (!is_any_int(args[0])) return t.raise(Exc::TypeError, "an integer is required");
  if (int_compare(args[0], Value::from_int(0)) < 0)
    return t.raise(Exc::OverflowError, "can't convert negative value to unsigned int");
  int64_t index;
  char name[IF_NAMESIZE];
  if (!int_to_int64(args[0], &index) || index > UINT32_MAX)
    return t.raise(Exc::OverflowError, "index is too large");
  if (::if_indextoname(static_cast<unsigned>(index), name) == nullptr) return t.raise_os_error(errno);
  return text_value(t, name);
}

}  // namespace

const NativeDef kResolverFunctions[] = {
    MP_FUNCTION(module_getaddrinfo, "getaddrinfo(host, port, family=0, type=0, proto=0, flags=0)",
                "The addresses of a host and a service: [(family, type, proto, canonname, sockaddr), ...]."),
    MP_FUNCTION(module_getnameinfo, "getnameinfo(sockaddr, flags, /)", "The (host, service) of an address."),
    MP_FUNCTION(module_gethostbyname, "gethostbyname(host, /)", "The IPv4 address of a host."),
    MP_FUNCTION(module_gethostbyname_ex, "gethostbyname_ex(host, /)",
                "The IPv4 addresses of a host: (name, aliases, addresses)."),
    MP_FUNCTION(module_gethostbyaddr, "gethostbyaddr(host, /)",
                "A host by its address: (name, aliases, addresses)."),
    MP_FUNCTION(module_gethostname, "gethostname()", "The name of this host."),
    MP_FUNCTION(module_sethostname, "sethostname(name, /)", "Set the name of this host."),
    MP_FUNCTION(module_getservbyname, "getservbyname(servicename, protocolname=?, /)",
                "The port of a service."),
    MP_FUNCTION(module_getservbyport, "getservbyport(port, protocolname=?, /)", "The service of a port."),
    MP_FUNCTION(module_getprotobyname, "getprotobyname(name, /)", "The number of a protocol."),
    MP_FUNCTION(module_if_nameindex, "if_nameindex()", "The network interfaces: [(index, name), ...]."),
    MP_FUNCTION(module_if_nametoindex, "if_nametoindex(if_name, /)", "The index of a network interface."),
    MP_FUNCTION(module_if_indextoname, "if_indextoname(if_index, /)", "The name of a network interface."),
    MP_END};

}  // namespace mp::net

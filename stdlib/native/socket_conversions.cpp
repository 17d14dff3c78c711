// Byte order and numeric addresses: htons(3), inet(3), inet_pton(3).
#include <arpa/inet.h>

#include "stdlib/native/socket.h"

namespace mp::net {

std::string argument_type_name(Thread& t, Value v) { return v.is_none() ? "None" : type_name(t, v); }
Result<std::string> text_argument(Thread& t, Value v, const char* function, const char* which) {
  if (!is_str(v))
    return t.raise(Exc::TypeError, "{}() {} must be str, not {}", function, which, argument_type_name(t, v));
  std::string text;
  TRY(encode_utf8_to(t, v.as<StrObject>(), "strict", text));
  if (text.find('\0') != std::string::npos) return t.raise(Exc::ValueError, "embedded null character");
  return text;
}
Result<int64_t> size_argument(Thread& t, Value v) {
  int64_t size;
  if (!int_to_int64(TRY(to_index(t, v)), &size))
    return t.raise(Exc::OverflowError, "Python int too large to convert to C ssize_t");
  return size;
}

namespace {

Result<Value> swap16(Thread& t, Value v, const char* name) {
  int number = TRY(to_c_int(t, v));
  if (number < 0)
    return t.raise(Exc::OverflowError, "{}: can't convert negative Python int to C 16-bit unsigned integer",
                   name);
  if (number > 0xffff)
    return t.raise(Exc::OverflowError, "{}: Python int too large to convert to C 16-bit unsigned integer",
                   name);
  return Value::from_int(htons(static_cast<uint16_t>(number)));
}
Result<Value> swap32(Thread& t, Value v) {
  if (!is_any_int(v)) return t.raise(Exc::TypeError, "expected int, {} found", type_name(t, v));
  int64_t number;
  if (!int_to_int64(v, &number) && int_compare(v, Value::from_int(0)) > 0) number = INT64_MAX;
  if (number < 0) return t.raise(Exc::OverflowError, "can't convert negative value to unsigned int");
  if (number > UINT32_MAX) return t.raise(Exc::OverflowError, "int larger than 32 bits");
  return make_int(t, htonl(static_cast<uint32_t>(number)));
}
// Both directions do the same.
Result<Value> module_htons(Thread& t, const Value* args) { return swap16(t, args[0], "htons"); }
Result<Value> module_ntohs(Thread& t, const Value* args) { return swap16(t, args[0], "ntohs"); }
Result<Value> module_htonl(Thread& t, const Value* args) { return swap32(t, args[0]); }

Result<Value> module_inet_aton(Thread& t, const Value* args) {
  std::string text = TRY(text_argument(t, args[0], "inet_aton", "argument"));
  in_addr address;
  if (inet_aton(text.c_str(), &address) == 0)
    return t.raise(Exc::OSError, "illegal IP address string passed to inet_aton");
  return str_or_error(make_bytes(t, {reinterpret_cast<char*>(&address), sizeof address}));
}
Result<Value> module_inet_ntoa(Thread& t, const Value* args) {
  Payload packed;
  TRY(packed.get(t, args[0]));
  if (packed.size() != sizeof(in_addr)) return t.raise(Exc::OSError, "packed IP wrong length for inet_ntoa");
  char text[INET_ADDRSTRLEN];
  inet_ntop(AF_INET, packed.data(), text, sizeof text);
  return make_str(t, text);
}
Result<Value> module_inet_pton(Thread& t, const Value* args) {
  int family = TRY(to_c_int(t, args[0]));
  std::string text = TRY(text_argument(t, args[1], "inet_pton", "argument 2"));
  char packed[sizeof(in6_addr)];
  int result = inet_pton(family, text.c_str(), packed);
  if (result < 0) return t.raise_os_error(errno);
  if (result == 0) return t.raise(Exc::OSError, "illegal IP address string passed to inet_pton");
  return str_or_error(make_bytes(t, {packed, family == AF_INET ? sizeof(in_addr) : sizeof(in6_addr)}));
}
Result<Value> module_inet_ntop(Thread& t, const Value* args) {
  int family = TRY(to_c_int(t, args[0]));
  Payload packed;
  TRY(packed.get(t, args[1]));
  if (family != AF_INET && family != AF_INET6)
    return t.raise(Exc::ValueError, "unknown address family {}", family);
  if (packed.size() != (family == AF_INET ? sizeof(in_addr) : sizeof(in6_addr)))
    return t.raise(Exc::ValueError, "invalid length of packed IP address string");
  char text[INET6_ADDRSTRLEN];
  if (inet_ntop(family, packed.data(), text, sizeof text) == nullptr) return t.raise_os_error(errno);
  return make_str(t, text);
}

}  // namespace

const NativeDef kConversionFunctions[] = {
    MP_FUNCTION(module_htons, "htons(integer, /)", "16 bits from the machine's byte order to the network's."),
    MP_FUNCTION(module_ntohs, "ntohs(integer, /)", "16 bits from the network's byte order to the machine's."),
    MP_FUNCTION(module_htonl, "htonl(integer, /)", "32 bits from the machine's byte order to the network's."),
    MP_FUNCTION(module_htonl, "ntohl(integer, /)", "32 bits from the network's byte order to the machine's."),
    MP_FUNCTION(module_inet_aton, "inet_aton(ip_addr, /)", "The 4 bytes of an IPv4 address."),
    MP_FUNCTION(module_inet_ntoa, "inet_ntoa(packed_ip, /)", "The text of an IPv4 address of 4 bytes."),
    MP_FUNCTION(module_inet_pton, "inet_pton(address_family, ip_string, /)", "The bytes of an IP address."),
    MP_FUNCTION(module_inet_ntop, "inet_ntop(address_family, packed_ip, /)", "The text of an IP address."),
    MP_END};

}  // namespace mp::net

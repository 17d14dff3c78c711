// Socket addresses of the families that only Linux has: netlink(7), packet(7), vsock(7), the kernel's crypto
// API, CAN, TIPC and QRTR. The forms are those of CPython's library reference.
#include <linux/can.h>
#include <linux/if_alg.h>
#include <linux/netlink.h>
#include <linux/qrtr.h>
#include <linux/tipc.h>
#include <linux/vm_sockets.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netpacket/packet.h>
#include <sys/ioctl.h>

#include <cstring>

#include "stdlib/native/socket.h"

namespace mp::net {
namespace {

Result<std::string> text_item(Thread& t, Value v) {
  if (!is_str(v)) return t.raise(Exc::TypeError, "argument must be str, not {}", type_name(t, v));
  std::string text = to_utf8(v.as<StrObject>());
  if (text.find('\0') != std::string::npos) return t.raise(Exc::ValueError, "embedded null character");
  return text;
}

// The index of a network interface by name; "" is 0: any.
Result<int> interface_index(Thread& t, int fd, std::string_view name) {
  if (name.empty()) return 0;
  ifreq request{};
  if (name.size() >= sizeof request.ifr_name) return t.raise(Exc::OSError, "interface name too long");
  std::memcpy(request.ifr_name, name.data(), name.size());
  if (ioctl(fd, SIOCGIFINDEX, &request) < 0) return t.raise_os_error(errno);
  return request.ifr_ifindex;
}
Value interface_name(Thread& t, int fd, int index) {
  ifreq request{};
  request.ifr_ifindex = index;
  if (index == 0 || ioctl(fd, SIOCGIFNAME, &request) < 0) return empty_str(t);
  return posix::path_value(t, request.ifr_name, false);
}

Status parse_netlink(Thread& t, Value value, const char* function, Address* out) {
  TupleObject* pair = TRY(address_tuple(t, value, function, "AF_NETLINK", 2, 2, "a pair (pid, groups)"));
  auto* address = out->as<sockaddr_nl>();
  address->nl_family = AF_NETLINK;
  address->nl_pid = TRY(unsigned_item(t, (*pair)[0]));
  address->nl_groups = TRY(unsigned_item(t, (*pair)[1]));
  out->length = sizeof *address;
  return {};
}
Status parse_vsock(Thread& t, Value value, const char* function, Address* out) {
  TupleObject* pair = TRY(address_tuple(t, value, function, "AF_VSOCK", 2, 2, "a pair (CID, port)"));
  auto* address = out->as<sockaddr_vm>();
  address->svm_family = AF_VSOCK;
  address->svm_cid = TRY(unsigned_item(t, (*pair)[0]));
  address->svm_port = TRY(unsigned_item(t, (*pair)[1]));
  out->length = sizeof *address;
  return {};
}
Status parse_qrtr(Thread& t, Value value, const char* function, Address* out) {
  TupleObject* pair = TRY(address_tuple(t, value, function, "AF_QIPCRTR", 2, 2, "a pair (node, port)"));
  auto* address = out->as<sockaddr_qrtr>();
  address->sq_family = AF_QIPCRTR;
  address->sq_node = TRY(unsigned_item(t, (*pair)[0]));
  address->sq_port = TRY(unsigned_item(t, (*pair)[1]));
  out->length = sizeof *address;
  return {};
}
// (ifname, protocol[, pkttype[, hatype[, address]]])
Status parse_packet(Thread& t, int fd, Value value, const char* function, Address* out) {
  TupleObject* tuple =
      TRY(address_tuple(t, value, function, "AF_PACKET", 2, 5, "a tuple of two to five elements"));
  auto* address = out->as<sockaddr_ll>();
  std::string name = TRY(text_item(t, (*tuple)[0]));
  int protocol = TRY(to_c_int(t, (*tuple)[1]));
  if (tuple->size > 2) address->sll_pkttype = static_cast<unsigned char>(TRY(to_c_int(t, (*tuple)[2])));
  if (tuple->size > 3) address->sll_hatype = static_cast<unsigned short>(TRY(to_c_int(t, (*tuple)[3])));
  if (tuple->size > 4) {
    HeldBuffer hardware;
    TRY(hardware.get(t, (*tuple)[4]));
    if (hardware.bytes().size() > sizeof address->sll_addr)
      return t.raise(Exc::ValueError, "Hardware address must be 8 bytes or less");
    std::memcpy(address->sll_addr, hardware.bytes().data(), hardware.bytes().size());
    address->sll_halen = static_cast<unsigned char>(hardware.bytes().size());
  }
  address->sll_ifindex = TRY(interface_index(t, fd, name));
  if (protocol < 0 || protocol > 0xffff)
    return t.raise(Exc::OverflowError, "{}(): proto argument must be 0-65535.", function);
  address->sll_family = AF_PACKET;
  address->sll_protocol = htons(static_cast<uint16_t>(protocol));
  out->length = sizeof *address;
  return {};
}
// (interface,), ISO-TP: (interface, rx_id, tx_id), J1939: (interface, name, pgn, address)
Status parse_can(Thread& t, int fd, int protocol, Value value, const char* function, Address* out) {
  size_t size = protocol == CAN_ISOTP ? 3 : protocol == CAN_J1939 ? 4 : 1;
  if (protocol != CAN_RAW && protocol != CAN_BCM && size == 1)
    return t.raise(Exc::OSError, "{}(): unsupported CAN protocol", function);
  TupleObject* tuple = TRY(address_tuple(t, value, function, "AF_CAN", size, size,
                                         size == 1   ? "a tuple (interface, )"
                                         : size == 3 ? "a tuple (interface, rx_id, tx_id)"
                                                     : "a tuple (interface, name, pgn, addr)"));
  auto* address = out->as<sockaddr_can>();
  std::string_view name;
  Value encoded;
  if (is_str((*tuple)[0])) {
    encoded = TRY(encode_str(t, (*tuple)[0].as<StrObject>(), Value(), Value(intern(t, "surrogateescape"))));
    name = TRY(bytes_view(t, encoded));
  } else {
    name = TRY(bytes_view(t, (*tuple)[0]));
  }
  address->can_ifindex = TRY(interface_index(t, fd, name));
  address->can_family = AF_CAN;
  if (size == 3) {
    address->can_addr.tp.rx_id = TRY(unsigned_item(t, (*tuple)[1]));
    address->can_addr.tp.tx_id = TRY(unsigned_item(t, (*tuple)[2]));
  } else if (size == 4) {
    address->can_addr.j1939.name = static_cast<uint64_t>(TRY(to_int64(t, (*tuple)[1])));
    address->can_addr.j1939.pgn = TRY(unsigned_item(t, (*tuple)[2]));
    address->can_addr.j1939.addr = static_cast<uint8_t>(TRY(to_c_int(t, (*tuple)[3])));
  }
  out->length = sizeof *address;
  return {};
}
// (type, name[, feat[, mask]])
Status parse_alg(Thread& t, Value value, const char* function, Address* out) {
  TupleObject* tuple =
      TRY(address_tuple(t, value, function, "AF_ALG", 2, 4, "a tuple of two to four elements"));
  auto* address = out->as<sockaddr_alg>();
  std::string type = TRY(text_item(t, (*tuple)[0])), name = TRY(text_item(t, (*tuple)[1]));
  if (type.size() >= sizeof address->salg_type) return t.raise(Exc::ValueError, "AF_ALG type too long.");
  if (name.size() >= sizeof address->salg_name) return t.raise(Exc::ValueError, "AF_ALG name too long.");
  address->salg_family = AF_ALG;
  std::memcpy(address->salg_type, type.c_str(), type.size() + 1);
  std::memcpy(address->salg_name, name.c_str(), name.size() + 1);
  if (tuple->size > 2) address->salg_feat = TRY(unsigned_item(t, (*tuple)[2]));
  if (tuple->size > 3) address->salg_mask = TRY(unsigned_item(t, (*tuple)[3]));
  out->length = sizeof *address;
  return {};
}
// (addr_type, v1, v2, v3[, scope])
Status parse_tipc(Thread& t, Value value, const char* function, Address* out) {
  TupleObject* tuple =
      TRY(address_tuple(t, value, function, "AF_TIPC", 4, 5, "a tuple (addr_type, v1, v2, v3[, scope])"));
  auto* address = out->as<sockaddr_tipc>();
  uint32_t type = TRY(unsigned_item(t, (*tuple)[0])), v1 = TRY(unsigned_item(t, (*tuple)[1])),
           v2 = TRY(unsigned_item(t, (*tuple)[2])), v3 = TRY(unsigned_item(t, (*tuple)[3]));
  uint32_t scope = tuple->size > 4 ? TRY(unsigned_item(t, (*tuple)[4])) : TIPC_CLUSTER_SCOPE;
  address->family = AF_TIPC;
  address->scope = static_cast<signed char>(scope);
  address->addrtype = static_cast<unsigned char>(type);
  switch (type) {
    case TIPC_ADDR_NAMESEQ: address->addr.nameseq = {v1, v2, v3}; break;
    case TIPC_ADDR_NAME: address->addr.name.name = {v1, v2}; break;
    case TIPC_ADDR_ID:
      address->addr.id = {v2, v1};  // struct tipc_portid: the port's number, then the node's
      break;
    default: return t.raise(Exc::TypeError, "Invalid address type");
  }
  out->length = sizeof *address;
  return {};
}

}  // namespace

Result<bool> parse_linux_address(Thread& t, SocketObject* socket, Value value, const char* function,
                                 Address* out) {
  Status parsed;
  switch (socket->family) {
    case AF_NETLINK: parsed = parse_netlink(t, value, function, out); break;
    case AF_VSOCK: parsed = parse_vsock(t, value, function, out); break;
    case AF_QIPCRTR: parsed = parse_qrtr(t, value, function, out); break;
    case AF_PACKET: parsed = parse_packet(t, socket->fd, value, function, out); break;
    case AF_CAN: parsed = parse_can(t, socket->fd, socket->protocol, value, function, out); break;
    case AF_ALG: parsed = parse_alg(t, value, function, out); break;
    case AF_TIPC: parsed = parse_tipc(t, value, function, out); break;
    default: return false;
  }
  TRY(parsed);
  return true;
}

Result<Value> make_linux_address(Thread& t, int fd, Address& address, int protocol) {
  auto number = [&](uint64_t n) { return make_int_unsigned(t, n); };
  switch (address.storage.ss_family) {
    case AF_NETLINK: {
      auto* a = address.as<sockaddr_nl>();
      return make_tuple(t, {number(a->nl_pid), number(a->nl_groups)});
    }
    case AF_VSOCK: {
      auto* a = address.as<sockaddr_vm>();
      return make_tuple(t, {number(a->svm_cid), number(a->svm_port)});
    }
    case AF_QIPCRTR: {
      auto* a = address.as<sockaddr_qrtr>();
      return make_tuple(t, {number(a->sq_node), number(a->sq_port)});
    }
    case AF_PACKET: {
      auto* a = address.as<sockaddr_ll>();
      size_t length = std::min<size_t>(a->sll_halen, sizeof a->sll_addr);
      Value hardware = TRY(str_or_error(make_bytes(t, {reinterpret_cast<char*>(a->sll_addr), length})));
      return make_tuple(t, {interface_name(t, fd, a->sll_ifindex), number(ntohs(a->sll_protocol)),
                            number(a->sll_pkttype), number(a->sll_hatype), hardware});
    }
    case AF_CAN: {
      auto* a = address.as<sockaddr_can>();
      Value name = interface_name(t, fd, a->can_ifindex);
      if (protocol == CAN_ISOTP)
        return make_tuple(t, {name, number(a->can_addr.tp.rx_id), number(a->can_addr.tp.tx_id)});
      if (protocol == CAN_J1939)
        return make_tuple(t, {name, number(a->can_addr.j1939.name), number(a->can_addr.j1939.pgn),
                              number(a->can_addr.j1939.addr)});
      return make_tuple(t, {name});
    }
    case AF_TIPC: {
      auto* a = address.as<sockaddr_tipc>();
      auto five = [&](uint32_t v1, uint32_t v2, uint32_t v3) {
        return make_tuple(
            t, {number(a->addrtype), number(v1), number(v2), number(v3), Value::from_int(a->scope)});
      };
      if (a->addrtype == TIPC_ADDR_NAMESEQ)
        return five(a->addr.nameseq.type, a->addr.nameseq.lower, a->addr.nameseq.upper);
      if (a->addrtype == TIPC_ADDR_NAME)
        return five(a->addr.name.name.type, a->addr.name.name.instance, a->addr.name.name.instance);
      if (a->addrtype == TIPC_ADDR_ID) return five(a->addr.id.node, a->addr.id.ref, 0);
      return t.raise(Exc::ValueError, "Invalid address type");
    }
    default: return kNotFound;
  }
}

}  // namespace mp::net

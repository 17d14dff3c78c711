// The constants of _socket: socket_constants.def with the values of the system's headers.
#include <linux/can.h>
#include <linux/can/bcm.h>
#include <linux/can/error.h>
#include <linux/can/isotp.h>
#include <linux/can/j1939.h>
#include <linux/can/raw.h>
#include <linux/if_alg.h>
#include <linux/netlink.h>
#include <linux/qrtr.h>
#include <linux/tipc.h>
#include <linux/vm_sockets.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <netpacket/packet.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "stdlib/native/socket.h"

namespace mp::net {
namespace {

constexpr IntConstant kConstants[] = {
// Not one by the other: the name would be replaced by its value before it becomes text.
#define MP_CONSTANT(name) {#name, static_cast<int64_t>(name)},
#define MP_CONSTANT_AS(name, value) {#name, static_cast<int64_t>(value)},
#include "stdlib/native/socket_constants.def"
#undef MP_CONSTANT
#undef MP_CONSTANT_AS
};

}  // namespace

Status add_socket_constants(Thread& t, ModuleObject* module) {
  TRY(module_add_ints(t, module, kConstants));
  return module_add(t, module, "has_ipv6", kTrue);
}

}  // namespace mp::net

// The module errno: names and numbers of the system's errors.
#include <cerrno>

#include "vm/native/native.h"
#include "vm/protocol/protocol.h"
#include "vm/types/containers.h"

namespace mp {
namespace {

constexpr IntConstant kErrors[] = {
#define MP_CONSTANT(name) {#name, name},
#include "stdlib/native/errno_constants.def"
#undef MP_CONSTANT
};
// Second names of numbers.
constexpr IntConstant kAliases[] = {
    {"EWOULDBLOCK", EWOULDBLOCK}, {"EDEADLK", EDEADLK}, {"EOPNOTSUPP", EOPNOTSUPP}};

Status init_errno(Thread& t, ModuleObject* module) {
  DictObject* codes = make_dict(t);
  for (const IntConstant& error : kErrors) {
    TRY(module_add_int(t, module, error.name, error.value));
    TRY(dict_set(t, codes, Value::from_int(error.value), make_str(t, error.name)));
  }
  TRY(module_add_ints(t, module, kAliases));
  return module_add(t, module, "errorcode", codes);
}

}  // namespace

extern const ModuleSpec kErrnoModule;
const ModuleSpec kErrnoModule = {
    .name = "errno", .doc = "This module makes available standard errno system symbols.", .init = init_errno};
}  // namespace mp

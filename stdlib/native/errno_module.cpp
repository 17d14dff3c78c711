// The module errno: names and numbers of the system's errors.
#include <cerrno>

#include "vm/native/native.h"
#include "vm/protocol/protocol.h"
#include "vm/types/containers.h"

namespace mp {
namespace {

struct ErrorNumber {
  const char* name;
  int value;
};
constexpr ErrorNumber kErrors[] = {
#define MP_CONSTANT(name) {#name, name},
#include "stdlib/native/errno_constants.def"
#undef MP_CONSTANT
};
// Second names of numbers.
constexpr ErrorNumber kAliases[] = {
    {"EWOULDBLOCK", EWOULDBLOCK}, {"EDEADLK", EDEADLK}, {"EOPNOTSUPP", EOPNOTSUPP}};

Status init_errno(Thread& t, ModuleObject* module) {
  DictObject* codes = make_dict(t);
  for (const ErrorNumber& error : kErrors) {
    TRY(module_add_int(t, module, error.name, error.value));
    TRY(dict_set(t, codes, Value::from_int(error.value), make_str(t, error.name)));
  }
  for (const ErrorNumber& error : kAliases) TRY(module_add_int(t, module, error.name, error.value));
  return module_add(t, module, "errorcode", codes);
}

}  // namespace

extern const ModuleSpec kErrnoModule;
const ModuleSpec kErrnoModule = {
    .name = "errno", .doc = "This module makes available standard errno system symbols.", .init = init_errno};
}  // namespace mp

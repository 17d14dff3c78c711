// hash(): the type's slot, or TypeError.
#include "vm/native/native.h"
#include "vm/protocol/protocol.h"
#include "vm/types/number.h"
#include "vm/types/runtime.h"

namespace mp {

Result<int64_t> hash(Thread& t, Value v) {
  if (v.is_int()) return int_hash(v);
  Type* type = type_of(t, v);
  if (is_str(v) && type == t.types().str) return str_hash(v.as<StrObject>());
  if (type->slots.hash == nullptr) return t.raise(Exc::TypeError, "unhashable type: '{}'", type_name(type));
  TRY(t.check_stack());  // slices of slices, unions of aliases
  return type->slots.hash(t, v);
}

}  // namespace mp

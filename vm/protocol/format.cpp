// format(value, spec): straight to the builtin types, through __format__ for all others.
#include "vm/protocol/protocol.h"
#include "vm/types/number.h"
#include "vm/types/runtime.h"
#include "vm/types/text_format.h"

namespace mp {

Result<Value> format(Thread& t, Value v, Value spec) {
  Type* type = type_of(t, v);
  BuiltinTypes& types = t.types();
  auto* text = spec.as<StrObject>();
  if (type == types.str) {
    if (text->length() == 0) return v;
    return format_str(t, v.as<StrObject>(), text);
  }
  if (type == types.int_) return format_int(t, v, text);
  if (type == types.float_) return format_float(t, float_value(v), text);
  Value result = TRY(call_special(t, v, t.names().__format__, {spec}));
  if (result.is_not_found()) {
    return t.raise(Exc::TypeError, "Type {} doesn't define __format__", type_name(type));
  }
  if (!is_str(result)) {
    return t.raise(Exc::TypeError, "__format__ must return a str, not {}", type_name(t, result));
  }
  return result;
}

}  // namespace mp

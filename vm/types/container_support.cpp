// What the container files share.
#include "vm/types/container_support.h"

#include "vm/types/type.h"

namespace mp {

Result<Value> builtin_function(Thread& t, std::string_view name) {
  Value function = dict_get_text(t, t.runtime().builtins_dict, name);
  if (function.is_not_found())
    return t.raise(Exc::AttributeError, "module 'builtins' has no attribute '{}'", name);
  return function;
}

Result<int64_t> slice_argument(Thread& t, Value v) {
  if (v.is_int()) return v.as_int();
  if (is_any_int(v)) return clamp_ssize(v);
  if (type_of(t, v)->slots.index == nullptr)
    return t.raise(Exc::TypeError, "slice indices must be integers or have an __index__ method");
  Value index = TRY(to_index(t, v));
  return clamp_ssize(index);
}

}  // namespace mp

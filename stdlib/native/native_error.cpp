#include "stdlib/native/native_error.h"

#include "vm/protocol/protocol.h"

namespace mp {

Result<Value> native_error(Thread& t, const char* module, const char* name, Exc base) {
  DictObject* table = t.runtime().native_types;
  std::string key = std::string(module) + '.' + name;
  Value found = dict_get_text(t, table, key);
  if (!found.is_not_found()) return found;
  DictObject* body = make_dict(t);
  TRY(dict_set_text(t, body, "__module__", intern(t, module)));
  Value bases = make_tuple(t, {Value(t.types().exception(base))});
  found = TRY(call(t, Value(t.types().type), {Value(intern(t, name)), bases, Value(body)}));
  return dict_set_default(t, table, make_str(t, key), found);  // of two threads the first one's class stays
}

Error raise_native(Thread& t, const char* module, const char* name, Exc base, std::string_view message) {
  Result<Value> cls = native_error(t, module, name, base);
  if (cls.is_error()) return Error{};
  Result<Value> exception = call(t, cls.value(), {Value(make_str(t, message))});
  return exception.is_error() ? Error{} : t.raise_object(exception.value());
}

}  // namespace mp

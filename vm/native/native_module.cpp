// Helpers for native modules: constants, types made once per runtime, struct sequences.
#include <cstring>

#include "vm/native/native.h"
#include "vm/types/number.h"
#include "vm/types/type_internal.h"

namespace mp {

Status module_add(Thread& t, ModuleObject* module, const char* name, Value value) {
  return dict_set_text(t, module->dict, name, value);
}
Status module_add_int(Thread& t, ModuleObject* module, const char* name, int64_t value) {
  return module_add(t, module, name, make_int(t, value));
}
Status module_add_ints(Thread& t, ModuleObject* module, std::span<const IntConstant> constants) {
  for (const IntConstant& constant : constants) TRY(module_add_int(t, module, constant.name, constant.value));
  return {};
}
Status module_add_text(Thread& t, ModuleObject* module, const char* name, std::string_view text) {
  return module_add(t, module, name, Value(make_str(t, text)));
}

// The table's keys are the specs' addresses as ints.
Type* known_type(Thread& t, const void* spec) {
  if (t.runtime().native_types == nullptr) t.runtime().native_types = make_dict(t);
  auto found = dict_get(t, t.runtime().native_types,
                        make_int(t, static_cast<int64_t>(reinterpret_cast<uintptr_t>(spec))));
  return found.ok() && !found.value().is_not_found() ? found.value().as<Type>() : nullptr;
}
void remember_type(Thread& t, const void* spec, Type* type) {
  (void)dict_set(t, t.runtime().native_types,
                 make_int(t, static_cast<int64_t>(reinterpret_cast<uintptr_t>(spec))), Value(type));
}

Type* native_type(Thread& t, const TypeSpec& spec) {
  if (Type* type = known_type(t, &spec)) return type;
  TypeLock lock(t);
  if (Type* type = known_type(t, &spec)) return type;
  Type* type = make_builtin_type(t, spec);
  remember_type(t, &spec, type);
  return type;
}

Type* module_add_type(Thread& t, ModuleObject* module, const TypeSpec& spec) {
  Type* type = native_type(t, spec);
  (void)dict_set_str(t, module->dict, type->name, Value(type));
  return type;
}

}  // namespace mp

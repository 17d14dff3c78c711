// What the container files share.
#include "vm/types/container_support.h"

#include "vm/types/type.h"

namespace mp {

Match match_tuples(const Type* str_type, const TupleObject* stored, const TupleObject* key) {
  // Subclasses may compare in their own way.
  if (stored->type() != key->type() || (stored->type()->flags & kTypeHeap) != 0) return Match::Ask;
  if (stored->size != key->size) return Match::No;
  for (size_t i = 0; i < key->size; ++i) {
    Value a = (*stored)[i], b = (*key)[i];
    if (a == b) continue;
    if (is_kind(a, Kind::Tuple)) return Match::Ask;  // equals() knows how deep it may go
    Match m = match_keys(str_type, a, b);
    if (m != Match::Yes) return m;
  }
  return Match::Yes;
}

Result<Value> get_instance_dict(Thread& t, Value self) { return instance_dict(t, self.as_object()); }
Status set_instance_dict(Thread& t, Value self, Value value) {
  if (value.is_empty()) return t.raise(Exc::TypeError, "cannot delete __dict__");
  return instance_set_dict(t, self.as_object(), value);
}
const GetSetDef kInstanceDictGetSets[] = {{"__dict__", get_instance_dict, set_instance_dict, nullptr},
                                          {nullptr, nullptr, nullptr, nullptr}};

static bool has_keywords(const CallArgs& args) {
  return !args.keyword_names.is_empty() && args.keyword_names.as<TupleObject>()->size != 0;
}
Status refuse_keywords(Thread& t, Type* cls, const Type* own, const CallArgs& args, const char* who) {
  if (!has_keywords(args)) return {};
  StrObject* name = t.names().__new__;
  if (cls != own && type_lookup(t, cls, name) != type_lookup(t, const_cast<Type*>(own), name)) return {};
  return t.raise(Exc::TypeError, "{}() takes no keyword arguments", who);
}
Status refuse_keywords_of_new(Thread& t, Type* cls, const Type* own, const CallArgs& args, const char* who) {
  if (!has_keywords(args)) return {};
  StrObject* name = t.names().__init__;
  if (cls != own && type_lookup(t, cls, name) != type_lookup(t, const_cast<Type*>(own), name)) return {};
  return t.raise(Exc::TypeError, "{}() takes no keyword arguments", who);
}

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

// types.SimpleNamespace (3.13: takes a mapping or pairs as positional argument) and mappingproxy.
#include "vm/types/exception.h"
#include "vm/types/generic_alias.h"
#include "vm/types/number.h"
#include "vm/types/type_internal.h"

namespace mp {

static DictObject* attributes(Thread& t, Value self) { return instance_attrs_copy(t, self.as_object()); }

Value make_simple_namespace(Thread& t, DictObject* given) {
  auto* object = t.heap().make<Object>(t, t.types().simple_namespace);
  size_t position = 0;
  Value key, value;
  while (dict_next(given, &position, &key, &value))
    if (is_str(key)) (void)instance_set_own(t, object, attribute_name(t, key.as<StrObject>()), value);
  return object;
}

static Result<Value> namespace_new(Thread& t, Value cls, const CallArgs&) {
  return t.heap().make<Object>(t, cls.as<Type>());
}
static Result<Value> namespace_init(Thread& t, Value self, const CallArgs& args) {
  if (args.count > 1)
    return t.raise(Exc::TypeError, "{} expected at most 1 positional argument, got {}", type_name(t, self),
                   args.count);
  if (args.count == 1) {
    DictObject* dict = make_dict(t);
    TRY(dict_update(t, dict, args.values[0]));
    size_t position = 0;
    Value key, value;
    while (dict_next(dict, &position, &key, &value)) {
      if (!is_str(key)) return t.raise(Exc::TypeError, "keywords must be strings");
      TRY(instance_set_own(t, self.as_object(), attribute_name(t, key.as<StrObject>()), value));
    }
  }
  if (!args.keyword_names.is_empty()) {
    auto* names = args.keyword_names.as<TupleObject>();
    for (size_t i = 0; i < names->size; ++i)
      TRY(instance_set_own(t, self.as_object(), attribute_name(t, (*names)[i].as<StrObject>()),
                           args.values[args.count + i]));
  }
  return kNone;
}
static Result<Value> namespace_repr(Thread& t, Value self) {
  Type* type = type_of(t, self);
  std::string name = type == t.types().simple_namespace ? "namespace" : type_name(type);
  ReprGuard guard(t, self);
  if (guard.recursive()) return make_str(t, name + "(...)");
  DictObject* dict = attributes(t, self);
  StrBuilder out(t);
  out.append(name + "(");
  size_t position = 0, n = 0;
  Value key, value;
  while (dict_next(dict, &position, &key, &value)) {
    if (!is_str(key) || key.as<StrObject>()->length() == 0) continue;
    if (n++ > 0) out.append(", ");
    out.append(key.as<StrObject>());
    out.append("=");
    Value shown = TRY(repr(t, value));
    out.append(shown.as<StrObject>());
  }
  out.append(")");
  return out.finish();
}
static Result<Value> namespace_compare(Thread& t, Value a, Value b, CompareOp op) {
  if (!is_instance(t, a, t.types().simple_namespace) || !is_instance(t, b, t.types().simple_namespace))
    return kNotImplemented;
  return compare(t, Value(attributes(t, a)), Value(attributes(t, b)), op);
}
static Result<Value> namespace_reduce(Thread& t, const Value* args) {
  return make_tuple(t, {Value(type_of(t, args[0])), Value(empty_tuple(t)), Value(attributes(t, args[0]))});
}
static Result<Value> namespace_replace(Thread& t, Value self, const CallArgs& args) {
  if (args.count > 0)
    return t.raise(Exc::TypeError, "__replace__() takes no positional arguments ({} given)", args.count);
  Value made = TRY(call(t, Value(type_of(t, self))));
  if (!made.is_object()) return t.raise(Exc::TypeError, "expected a namespace, got {}", type_name(t, made));
  auto* dict = TRY(instance_dict(t, made.as_object())).as<DictObject>();
  TRY(dict_update(t, dict, Value(attributes(t, self))));  // whose keys need not be str
  if (!args.keyword_names.is_empty()) {
    auto* names = args.keyword_names.as<TupleObject>();
    for (size_t i = 0; i < names->size; ++i) TRY(dict_set(t, dict, (*names)[i], args.values[i]));
  }
  return made;
}
static Result<Value> get_dict(Thread& t, Value self) { return instance_dict(t, self.as_object()); }
static const NativeDef kNamespaceMethods[] = {
    MP_RAW_NEW(namespace_new, "__new__(cls, /, *args, **kwargs)", nullptr),
    MP_RAW_METHOD(namespace_init, "__init__(self, mapping_or_iterable=(), /, **kwargs)", nullptr),
    MP_METHOD(namespace_reduce, "__reduce__(self, /)", "Return state information for pickling"),
    MP_RAW_METHOD(namespace_replace, "__replace__(self, /, **changes)",
                  "Return a copy of the namespace object with new values for the specified attributes."),
    MP_END};
static const GetSetDef kNamespaceGetSets[] = {{"__dict__", get_dict, nullptr, nullptr}, {}};
extern const TypeSpec kSimpleNamespaceSpec, kMappingProxySpec;
const TypeSpec kSimpleNamespaceSpec = {
    .name = "types.SimpleNamespace",
    .size = sizeof(Object),
    .flags = kTypeBaseType | kTypeHasDict,
    .doc = "A simple attribute-based namespace.",
    .slots = MP_SLOTS(.repr = namespace_repr, .compare = namespace_compare),
    .methods = kNamespaceMethods,
    .getsets = kNamespaceGetSets};

// ---------------------------------------------------------------- mappingproxy

static Value mapping(Value v) { return v.as<MappingProxyObject>()->mapping; }

Value make_mapping_proxy(Thread& t, Value target) {
  auto* proxy = t.heap().make<MappingProxyObject>(t, t.types().mappingproxy);
  proxy->mapping = target;
  return proxy;
}
static Result<Value> proxy_new(Thread& t, const Value* args) {
  Type* type = type_of(t, args[1]);
  if (type->slots.get_item == nullptr || is_list(args[1]) || is_tuple(args[1]))
    return t.raise(Exc::TypeError, "mappingproxy() argument must be a mapping, not {}", type_name(type));
  return make_mapping_proxy(t, args[1]);
}
static Result<Value> proxy_repr(Thread& t, Value self) {
  Value shown = TRY(repr(t, mapping(self)));
  StrBuilder out(t);
  out.append("mappingproxy(");
  out.append(shown.as<StrObject>());
  out.append(")");
  return out.finish();
}
static Result<Value> proxy_str(Thread& t, Value self) { return str(t, mapping(self)); }
static Result<int64_t> proxy_hash(Thread& t, Value self) { return hash(t, mapping(self)); }
static Result<int64_t> proxy_length(Thread& t, Value self) { return length(t, mapping(self)); }
static Result<Value> proxy_get_item(Thread& t, Value self, Value key) {
  return get_item(t, mapping(self), key);
}
static Result<bool> proxy_contains(Thread& t, Value self, Value key) {
  return contains(t, mapping(self), key);
}
static Result<Value> proxy_iter(Thread& t, Value self) { return get_iter(t, mapping(self)); }
static Result<Value> proxy_compare(Thread& t, Value a, Value b, CompareOp op) {
  if (is_kind(b, Kind::MappingProxy)) b = mapping(b);
  return compare(t, mapping(a), b, op);
}
static Result<Value> proxy_or(Thread& t, Value a, Value b) {
  if (is_kind(a, Kind::MappingProxy)) a = mapping(a);
  if (is_kind(b, Kind::MappingProxy)) b = mapping(b);
  return binary(t, BinaryOp::Or, a, b);
}
static Result<Value> proxy_ior(Thread& t, Value self, Value) {
  return t.raise(Exc::TypeError, "'|=' is not supported by {}; use '|' instead", type_name(t, self));
}
static Result<Value> proxy_get(Thread& t, const Value* args) {
  return call_method(t, mapping(args[0]), t.names().get, {args[1], args[2]});
}
static Result<Value> proxy_keys(Thread& t, const Value* args) {
  return call_method(t, mapping(args[0]), t.names().keys);
}
static Result<Value> proxy_values(Thread& t, const Value* args) {
  return call_method(t, mapping(args[0]), t.names().values);
}
static Result<Value> proxy_items(Thread& t, const Value* args) {
  return call_method(t, mapping(args[0]), t.names().items);
}
static Result<Value> proxy_copy(Thread& t, const Value* args) {
  return call_method(t, mapping(args[0]), t.names().copy);
}
static Result<Value> proxy_reversed(Thread& t, const Value* args) {
  return call_method(t, mapping(args[0]), t.names().__reversed__);
}
static void trace_proxy(Object* o, Tracer& tracer) {
  tracer.visit(static_cast<MappingProxyObject*>(o)->mapping);
}
static const NativeDef kProxyMethods[] = {
    MP_NEW(proxy_new, "__new__(cls, mapping)", nullptr),
    MP_METHOD(proxy_get, "get(self, key, default=None, /)",
              "Return the value for key if key is in the mapping, else default."),
    MP_METHOD(proxy_keys, "keys(self, /)", "D.keys() -> a set-like object providing a view on D's keys"),
    MP_METHOD(proxy_values, "values(self, /)", "D.values() -> an object providing a view on D's values"),
    MP_METHOD(proxy_items, "items(self, /)", "D.items() -> a set-like object providing a view on D's items"),
    MP_METHOD(proxy_copy, "copy(self, /)", "D.copy() -> a shallow copy of D"),
    MP_METHOD(proxy_reversed, "__reversed__(self, /)", "D.__reversed__() -> reverse iterator"),
    MP_CLASS_GETITEM,
    MP_END};
const TypeSpec kMappingProxySpec = {
    .name = "mappingproxy",
    .kind = Kind::MappingProxy,
    .size = sizeof(MappingProxyObject),
    .flags = kTypeMapping,
    .doc = "Read-only proxy of a mapping.",
    .trace = trace_proxy,
    .slots = MP_SLOTS(.repr = proxy_repr, .str = proxy_str, .hash = proxy_hash, .compare = proxy_compare,
                      .iter = proxy_iter, .or_ = proxy_or, .ior = proxy_ior, .length = proxy_length,
                      .get_item = proxy_get_item, .contains = proxy_contains),
    .methods = kProxyMethods};

}  // namespace mp

// object: construction, identity, the default attribute slots, __class__ assignment.
#include <algorithm>

#include "vm/threads/object_lock.h"
#include "vm/types/exception.h"
#include "vm/types/number.h"
#include "vm/types/type_internal.h"

namespace mp {

Result<Value> object_reduce(Thread& t, const Value* args);  // object_reduce.cpp
Result<Value> object_reduce_ex(Thread& t, const Value* args);
Result<Value> object_getstate(Thread& t, const Value* args);

static bool is_raw(Value v, NativeRawCall raw) {
  return is_kind(v, Kind::NativeFunction) && v.as<NativeFunctionObject>()->def->raw_call == raw;
}
static bool excess(const CallArgs& args) { return args.count > 0 || keyword_count(args) > 0; }

static Error raise_abstract(Thread& t, Type* type) {
  Value methods = TRY(get_attr(t, Value(type), t.names().__abstractmethods__));
  Value list = TRY(to_list(t, methods));
  TRY(list_sort(t, list.as<ListObject>(), kNone, false));
  std::string names;
  size_t count = list.as<ListObject>()->length();
  for (size_t i = 0; i < count; ++i)
    names += (i > 0 ? ", '" : "'") + str_text(t, list.as<ListObject>()->at(i)) + "'";
  return t.raise(Exc::TypeError,
                 "Can't instantiate abstract class {} without an implementation for abstract method{} {}",
                 type_name(type), count == 1 ? "" : "s", names);
}

Result<Value> object_new_raw(Thread& t, Value cls, const CallArgs& args) {
  auto* type = cls.as<Type>();
  if (excess(args)) {
    Value make = TRY(resolve_new(t, type));
    if (!is_raw(make, object_new_raw))
      return t.raise(Exc::TypeError, "object.__new__() takes exactly one argument (the type to instantiate)");
    Value init = TRY(resolve_init(t, type));
    if (is_raw(init, object_init_raw))
      return t.raise(Exc::TypeError, "{}() takes no arguments", type_name(type));
  }
  if (type->has(kTypeAbstract)) return raise_abstract(t, type);
  return allocate_instance(t, type);
}

Result<Value> object_init_raw(Thread& t, Value self, const CallArgs& args) {
  if (!excess(args)) return kNone;
  Type* type = type_of(t, self);
  Value init = TRY(resolve_init(t, type));
  if (!is_raw(init, object_init_raw))
    return t.raise(Exc::TypeError,
                   "object.__init__() takes exactly one argument (the instance to initialize)");
  Value make = TRY(resolve_new(t, type));
  if (is_raw(make, object_new_raw))
    return t.raise(Exc::TypeError, "{}.__init__() takes exactly one argument (the instance to initialize)",
                   type_name(type));
  return kNone;
}

// ---------------------------------------------------------------- slots

static Result<Value> object_repr(Thread& t, Value self) {
  Type* type = type_of(t, self);
  Value module = type->has(kTypeHeap) ? type_lookup(t, type, t.names().__module__) : type->module.get();
  std::string name = to_utf8(type->qualified_name);
  if (is_str(module) && to_utf8(module.as<StrObject>()) != "builtins")
    name = to_utf8(module.as<StrObject>()) + "." + name;
  return make_str(t, fmt::format("<{} object at {:#x}>", name, self.bits()));
}
static Result<Value> object_str(Thread& t, Value self) { return type_of(t, self)->slots.repr(t, self); }

static Result<int64_t> object_hash(Thread&, Value self) {
  // Addresses are multiples of 16: rotate the zeros away, as CPython does.
  uint64_t h = (self.bits() >> 4) | (self.bits() << 60);
  auto value = static_cast<int64_t>(h << 1) >> 1;
  return value == -1 ? -2 : value;
}

static Result<Value> object_compare(Thread& t, Value a, Value b, CompareOp op) {
  switch (op) {
    case CompareOp::Eq: return a == b ? kTrue : kNotImplemented;
    case CompareOp::Ne: {
      CompareSlot compare = type_of(t, a)->slots.compare;
      if (compare == nullptr) return kNotImplemented;
      Value equal = TRY(compare(t, a, b, CompareOp::Eq));
      if (equal.is_not_implemented()) return equal;
      bool b_equal = TRY(truth(t, equal));
      return Value::from_bool(!b_equal);
    }
    default: return kNotImplemented;
  }
}

// ---------------------------------------------------------------- __class__

static Result<Value> get_class(Thread& t, Value self) { return Value(type_of(t, self)); }

Status set_class(Thread& t, Value self, Value cls) {
  if (cls.is_empty()) return t.raise(Exc::TypeError, "can't delete __class__ attribute");
  if (!is_type(cls))
    return t.raise(Exc::TypeError, "__class__ must be set to a class, not '{}' object", type_name(t, cls));
  auto* to = cls.as<Type>();
  Type* from = type_of(t, self);
  bool module = is_subtype(to, t.types().module) && is_subtype(from, t.types().module);
  if (!module && (to->has(kTypeImmutable) || from->has(kTypeImmutable)))
    return t.raise(Exc::TypeError,
                   "__class__ assignment only supported for mutable types or ModuleType subclasses");
  if (!self.is_object() || !same_layout(from, to))
    return t.raise(Exc::TypeError, "__class__ assignment: '{}' object layout differs from '{}'",
                   type_name(to), type_name(from));
  // Shapes belong to one class; in dict mode the attribute area is the same for all.
  instance_to_dict_mode(t, self.as_object());
  ObjectLock lock(t, self.as_object());
  self.as_object()->set_type(to);
  if (instance_attrs(self.as_object()) == nullptr) self.as_object()->set_shape(to->root_shape);
  return {};
}

// ---------------------------------------------------------------- methods

static Result<Value> object_format(Thread& t, const Value* args) {
  if (!is_str(args[1]))
    return t.raise(Exc::TypeError, "__format__() argument must be str, not {}", type_name(t, args[1]));
  if (args[1].as<StrObject>()->length() > 0)
    return t.raise(Exc::TypeError, "unsupported format string passed to {}.__format__",
                   type_name(t, args[0]));
  return str(t, args[0]);
}
static Result<Value> object_sizeof(Thread& t, const Value* args) {
  return make_int(t, type_of(t, args[0])->instance_size);
}

static Result<Value> object_dir(Thread& t, const Value* args) {
  DictObject* names = make_dict(t);
  Value dict = TRY(get_attr_or_not_found(t, args[0], t.names().__dict__));
  if (is_dict(dict)) TRY(dict_update(t, names, dict));
  Value cls = TRY(get_attr_or_not_found(t, args[0], t.names().__class__));
  if (is_type(cls)) {
    TupleObject* mro = cls.as<Type>()->mro.load();
    for (size_t i = 0; i < mro->size; ++i)
      TRY(dict_update(t, names, Value(type_namespace(t, (*mro)[i].as<Type>()))));
  }
  return to_list(t, Value(names));
}
static Result<Value> object_subclasshook(Thread&, Value, const CallArgs&) { return kNotImplemented; }
static Result<Value> object_init_subclass(Thread& t, const Value* args) {
  (void)t;
  (void)args;
  return kNone;
}

static const NativeDef kObjectMethods[] = {
    MP_RAW_NEW(object_new_raw, "__new__(cls, /, *args, **kwargs)",
               "Create and return a new object.  See help(type) for accurate signature."),
    MP_RAW_METHOD(object_init_raw, "__init__(self, /, *args, **kwargs)",
                  "Initialize self.  See help(type(self)) for accurate signature."),
    MP_METHOD(
        object_format, "__format__(self, format_spec, /)",
        "Default object formatter.\n\nReturn str(self) if format_spec is empty. Raise TypeError otherwise."),
    MP_METHOD(object_sizeof, "__sizeof__(self, /)", "Size of object in memory, in bytes."),
    MP_METHOD(object_dir, "__dir__(self, /)", "Default dir() implementation."),
    MP_METHOD(object_reduce, "__reduce__(self, /)", "Helper for pickle."),
    MP_METHOD(object_reduce_ex, "__reduce_ex__(self, protocol, /)", "Helper for pickle."),
    MP_METHOD(object_getstate, "__getstate__(self, /)", "Helper for pickle."),
    ::mp::NativeDef{"__subclasshook__(cls, subclass, /)", nullptr, object_subclasshook,
                    ::mp::NativeKind::ClassMethod,
                    "Abstract classes can override this to customize issubclass()."},
    MP_CLASS_METHOD(object_init_subclass, "__init_subclass__(cls, /)",
                    "This method is called when a class is subclassed.\n\nThe default implementation does "
                    "nothing. It may be\n"
                    "overridden to extend subclasses."),
    MP_END};
static const GetSetDef kObjectGetSets[] = {{"__class__", get_class, set_class, "the object's class"}, {}};

extern const TypeSpec kObjectSpec;
const TypeSpec kObjectSpec = {
    .name = "object",
    .kind = Kind::Instance,
    .flags = kTypeBaseType,
    .doc =
        "The base class of the class hierarchy.\n\nWhen called, it accepts no "
        "arguments and returns a new featureless\n"
        "instance that has no instance attributes and cannot be given any.\n",
    .slots = MP_SLOTS(.repr = object_repr, .str = object_str, .hash = object_hash,
                      .get_attr = generic_get_attr, .set_attr = generic_set_attr, .compare = object_compare),
    .methods = kObjectMethods,
    .getsets = kObjectGetSets};

}  // namespace mp

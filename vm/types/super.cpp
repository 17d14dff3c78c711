// super.
#include "vm/exec/frame.h"
#include "vm/types/exception.h"
#include "vm/types/type_internal.h"

namespace mp {

static SuperObject* sup(Value v) { return v.as<SuperObject>(); }

// The class in whose MRO the search goes: type(object), or object itself for class methods.
static Result<Value> check_super(Thread& t, Value cls, Value object) {
  auto* type = cls.as<Type>();
  if (is_type(object) && is_subtype(object.as<Type>(), type)) return object;
  if (is_subtype(type_of(t, object), type)) return Value(type_of(t, object));
  Value claimed = TRY(get_attr_or_not_found(t, object, t.names().__class__));
  if (is_type(claimed) && claimed.as<Type>() != type_of(t, object) && is_subtype(claimed.as<Type>(), type))
    return claimed;
  const char* kind = is_type(object) ? "type" : "instance of";
  std::string shown = is_type(object) ? type_name(object.as<Type>()) : type_name(t, object);
  return t.raise(Exc::TypeError, "super(type, obj): obj ({} {}) is not an instance or subtype of type ({}).",
                 kind, shown, type_name(type));
}

// Finds `name` after `cls` in the MRO of `start` and binds it; kNotFound when absent.
static Result<Value> find_after(Thread& t, Type* cls, Type* start, Value object, StrObject* name, bool bind,
                                Value* unbound) {
  TupleObject* mro = start->mro.load();
  if (mro == nullptr) return kNotFound;
  size_t i = 0;
  while (i < mro->size && (*mro)[i].as_object() != cls) ++i;
  for (++i; i < mro->size; ++i) {
    Value found = type_own(t, (*mro)[i].as<Type>(), name);
    if (found.is_not_found()) continue;
    if (!bind && found.is_object() && unbound != nullptr) {
      Type* type = found.as_object()->type();
      if (type == t.types().function || type == t.types().method_descriptor ||
          type == t.types().slot_wrapper) {
        *unbound = found;
        return found;
      }
    }
    if (found.is_object())
      if (DescrGetSlot get = found.as_object()->type()->slots.descr_get)
        // For a class method the object is the class itself: no instance.
        return get(t, found, object == Value(start) ? kEmpty : object, Value(start));
    return found;
  }
  return kNotFound;
}

// super(cls, object).name without making the super object. *self is set when the result is a plain method to
// be called with it.
Result<Value> super_get_attr(Thread& t, Value cls, Value object, StrObject* name, Value* self) {
  if (self != nullptr) *self = kEmpty;
  if (!is_type(cls))
    return t.raise(Exc::TypeError, "super() argument 1 must be a type, not {}", type_name(t, cls));
  if (object.is_none()) object = kEmpty;
  name = attribute_name(t, name);
  if (object.is_empty() || name == t.names().__class__) {
    auto* made = t.heap().make<SuperObject>(t, t.types().super);
    made->type = cls;
    if (!object.is_empty()) {
      made->object_type = TRY(check_super(t, cls, object));
      made->object = object;
    }
    return get_attr(t, Value(made), name);
  }
  Value start = TRY(check_super(t, cls, object));
  Value unbound;
  Value found = TRY(find_after(t, cls.as<Type>(), start.as<Type>(), object, name, self == nullptr, &unbound));
  if (!found.is_not_found()) {
    if (!unbound.is_empty()) {
      if (object == start) return found;  // super().method in a class method finds the plain function
      *self = object;
    }
    return found;
  }
  auto* made = t.heap().make<SuperObject>(t, t.types().super);
  made->type = cls;
  made->object = object;
  made->object_type = start;
  return generic_get_attr(t, Value(made), name);
}

static Result<Value> super_getattr(Thread& t, Value self, StrObject* name) {
  auto* s = sup(self);
  name = attribute_name(t, name);
  Value start = s->object_type;
  if (!start.is_empty() && name != t.names().__class__) {
    Value found =
        TRY(find_after(t, s->type.get().as<Type>(), start.as<Type>(), s->object, name, true, nullptr));
    if (!found.is_not_found()) return found;
  }
  return generic_get_attr(t, self, name);
}

static Result<Value> super_new(Thread& t, Value cls, const CallArgs&) {
  return t.heap().make<SuperObject>(t, cls.as<Type>());
}

static Result<Value> super_init(Thread& t, Value self, const CallArgs& args) {
  if (keyword_count(args) > 0) return t.raise(Exc::TypeError, "super() takes no keyword arguments");
  if (args.count > 2)
    return t.raise(Exc::TypeError, "super expected at most 2 arguments, got {}", args.count);
  Value type, object;
  if (args.count == 0) {
    TRY(super_arguments(t, &type, &object));
  } else {
    type = args.values[0];
    if (!is_type(type))
      return t.raise(Exc::TypeError, "super() argument 1 must be a type, not {}", type_name(t, type));
    if (args.count > 1 && !args.values[1].is_none()) object = args.values[1];
  }
  Value object_type;
  if (!object.is_empty()) object_type = TRY(check_super(t, type, object));
  sup(self)->type = type;
  sup(self)->object = object;
  sup(self)->object_type = object_type;
  return kNone;
}

static Result<Value> super_get(Thread& t, Value descriptor, Value instance, Value) {
  auto* s = sup(descriptor);
  Value cls = s->type;
  if (instance.is_empty() || instance.is_none() || !s->object.get().is_empty() || cls.is_empty())
    return descriptor;
  if (type_of(t, descriptor) != t.types().super)
    return call(t, Value(type_of(t, descriptor)), {cls, instance});
  Value object_type = TRY(check_super(t, cls, instance));
  auto* made = t.heap().make<SuperObject>(t, t.types().super);
  made->type = cls;
  made->object = instance;
  made->object_type = object_type;
  return made;
}

static Result<Value> super_repr(Thread& t, Value self) {
  auto* s = sup(self);
  std::string type = is_type(s->type) ? type_name(s->type.get().as<Type>()) : "NULL";
  if (Value start = s->object_type; !start.is_empty())
    return make_str(t, fmt::format("<super: <class '{}'>, <{} object>>", type, type_name(start.as<Type>())));
  return make_str(t, fmt::format("<super: <class '{}'>, NULL>", type));
}
static Result<Value> get_this(Thread&, Value self) {
  Value v = sup(self)->type;
  return v.is_empty() ? kNone : v;
}
static Result<Value> get_self(Thread&, Value self) {
  Value v = sup(self)->object;
  return v.is_empty() ? kNone : v;
}
static Result<Value> get_self_class(Thread&, Value self) {
  Value v = sup(self)->object_type;
  return v.is_empty() ? kNone : v;
}
static void trace_super(Object* o, Tracer& tracer) {
  auto* s = static_cast<SuperObject*>(o);
  tracer.visit(s->type);
  tracer.visit(s->object);
  tracer.visit(s->object_type);
}
static const NativeDef kSuperMethods[] = {MP_RAW_NEW(super_new, "__new__(cls, /, *args)", nullptr),
                                          MP_RAW_METHOD(super_init, "__init__(self, /, *args)", nullptr),
                                          MP_END};
static const GetSetDef kSuperGetSets[] = {
    {"__thisclass__", get_this, nullptr, "the class invoking super()"},
    {"__self__", get_self, nullptr, "the instance invoking super(); may be None"},
    {"__self_class__", get_self_class, nullptr, "the type of the instance invoking super(); may be None"},
    {}};
extern const TypeSpec kSuperSpec;
const TypeSpec kSuperSpec = {
    .name = "super",
    .kind = Kind::Super,
    .size = sizeof(SuperObject),
    .flags = kTypeBaseType,
    .doc =
        "super() -> same as super(__class__, <first argument>)\nsuper(type) -> unbound super object\n"
        "super(type, obj) -> bound super object; requires isinstance(obj, type)\n"
        "super(type, type2) -> bound super object; requires issubclass(type2, type)\n"
        "Typical use to call a cooperative superclass method:\nclass C(B):\n    def meth(self, arg):\n       "
        " super().meth(arg)\n"
        "This works for class methods too:\nclass C(B):\n    @classmethod\n    def cmeth(cls, arg):\n        "
        "super().cmeth(arg)\n",
    .trace = trace_super,
    .slots = MP_SLOTS(.repr = super_repr, .get_attr = super_getattr, .descr_get = super_get),
    .methods = kSuperMethods,
    .getsets = kSuperGetSets};

}  // namespace mp

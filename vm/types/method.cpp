// Bound methods; staticmethod and classmethod.
#include "vm/exec/interp.h"
#include "vm/types/number.h"
#include "vm/types/type_internal.h"

namespace mp {

// ---------------------------------------------------------------- method

static BoundMethodObject* method(Value v) { return v.as<BoundMethodObject>(); }

BoundMethodObject* make_bound_method(Thread& t, Value function, Value self) {
  auto* m = t.heap().make<BoundMethodObject>(t, t.types().method);
  m->function = function;
  m->self = self;
  return m;
}

static Result<Value> method_new(Thread& t, const Value* args) {
  if (!is_callable(t, args[1])) return t.raise(Exc::TypeError, "first argument must be callable");
  if (args[2].is_none()) return t.raise(Exc::TypeError, "instance must not be None");
  return make_bound_method(t, args[1], args[2]);
}
static Result<Value> method_call(Thread& t, Value callee, const CallArgs& args) {
  return call_prepend(t, method(callee)->function, method(callee)->self, args);
}
static Result<Value> method_repr(Thread& t, Value self) {
  Value name = TRY(get_attr_or_not_found(t, method(self)->function, t.names().__qualname__));
  if (!is_str(name)) name = TRY(get_attr_or_not_found(t, method(self)->function, t.names().__name__));
  std::string text = is_str(name) ? to_utf8(name.as<StrObject>()) : "?";
  Value shown = TRY(repr(t, method(self)->self));
  return make_str(t, fmt::format("<bound method {} of {}>", text, to_utf8(shown.as<StrObject>())));
}
static Result<Value> method_compare(Thread& t, Value a, Value b, CompareOp op) {
  if ((op != CompareOp::Eq && op != CompareOp::Ne) || !is_exact(b, t.types().method)) return kNotImplemented;
  bool same = method(a)->self.get() == method(b)->self.get();
  if (same) same = TRY(equals(t, method(a)->function, method(b)->function));
  return Value::from_bool(same == (op == CompareOp::Eq));
}
static Result<int64_t> method_hash(Thread& t, Value self) {
  int64_t h = TRY(hash(t, method(self)->function));
  h ^= static_cast<int64_t>(method(self)->self.get().bits() >> 4);
  return h == -1 ? -2 : h;
}
static Result<Value> method_get_func(Thread&, Value self) { return method(self)->function; }
static Result<Value> method_get_self(Thread&, Value self) { return method(self)->self; }
static Result<Value> method_get_doc(Thread& t, Value self) {
  return get_attr(t, method(self)->function, t.names().__doc__);
}

// Attributes that methods lack are the function's.
static Result<Value> method_get_attr(Thread& t, Value self, StrObject* name) {
  name = attribute_name(t, name);
  Value descriptor = type_lookup(t, t.types().method, name);
  if (!descriptor.is_not_found()) {
    if (descriptor.is_object())
      if (DescrGetSlot get = descriptor.as_object()->type()->slots.descr_get)
        return get(t, descriptor, self, Value(t.types().method));
    return descriptor;
  }
  TRY(t.check_stack());  // methods of methods
  return get_attr(t, method(self)->function, name);
}
static Result<Value> method_descr_get(Thread&, Value descriptor, Value, Value) { return descriptor; }
static Result<Value> method_reduce(Thread& t, const Value* args) {
  Value name = TRY(get_attr(t, method(args[0])->function, t.names().__name__));
  Value getattr = dict_get_text(t, t.runtime().builtins_dict, "getattr");
  return make_tuple(t, {getattr, Value(make_tuple(t, {method(args[0])->self.get(), name}))});
}
static void trace_method(Object* o, Tracer& tracer) {
  tracer.visit(static_cast<BoundMethodObject*>(o)->function);
  tracer.visit(static_cast<BoundMethodObject*>(o)->self);
}
static const NativeDef kMethodMethods[] = {MP_NEW(method_new, "__new__(cls, function, instance, /)", nullptr),
                                           MP_METHOD(method_reduce, "__reduce__(self, /)", nullptr), MP_END};
static const GetSetDef kMethodGetSets[] = {
    {"__func__", method_get_func, nullptr, "the function (or other callable) implementing a method"},
    {"__self__", method_get_self, nullptr, "the instance to which a method is bound"},
    {"__doc__", method_get_doc, nullptr, nullptr},
    {}};
extern const TypeSpec kMethodSpec, kStaticMethodSpec, kClassMethodSpec;
const TypeSpec kMethodSpec = {
    .name = "method",
    .kind = Kind::BoundMethod,
    .size = sizeof(BoundMethodObject),
    .flags = kTypeHasWeakref,
    .doc = "Create a bound instance method object.",
    .trace = trace_method,
    .slots = MP_SLOTS(.repr = method_repr, .hash = method_hash, .call = method_call,
                      .get_attr = method_get_attr, .compare = method_compare, .descr_get = method_descr_get),
    .methods = kMethodMethods,
    .getsets = kMethodGetSets};

// ---------------------------------------------------------------- staticmethod, classmethod

// functools.WRAPPER_ASSIGNMENTS, copied eagerly as CPython does.
static Status copy_attributes(Thread& t, Value wrapper, Value callable) {
  for (StrObject* name :
       {t.names().__module__, t.names().__name__, t.names().__qualname__, t.names().__doc__}) {
    Value v = TRY(get_attr_or_not_found(t, callable, name));
    if (!v.is_not_found()) TRY(instance_set_own(t, wrapper.as_object(), name, v));
  }
  Value annotations = TRY(get_attr_or_not_found(t, callable, t.names().__annotations__));
  if (!annotations.is_not_found())
    TRY(instance_set_own(t, wrapper.as_object(), t.names().__annotations__, annotations));
  return {};
}

static Result<Value> wrapper_new_static(Thread& t, Value cls, const CallArgs&) {
  return t.heap().make<StaticMethodObject>(t, cls.as<Type>());
}
static Result<Value> wrapper_new_class(Thread& t, Value cls, const CallArgs&) {
  return t.heap().make<ClassMethodObject>(t, cls.as<Type>());
}

static Status check_one(Thread& t, const char* name, const CallArgs& args) {
  if (keyword_count(args) > 0) return t.raise(Exc::TypeError, "{}() takes no keyword arguments", name);
  if (args.count != 1) return t.raise(Exc::TypeError, "{} expected 1 argument, got {}", name, args.count);
  return {};
}
static Result<Value> static_init(Thread& t, Value self, const CallArgs& args) {
  TRY(check_one(t, "staticmethod", args));
  self.as<StaticMethodObject>()->callable = args.values[0];
  TRY(copy_attributes(t, self, args.values[0]));
  return kNone;
}
static Result<Value> class_init(Thread& t, Value self, const CallArgs& args) {
  TRY(check_one(t, "classmethod", args));
  self.as<ClassMethodObject>()->callable = args.values[0];
  TRY(copy_attributes(t, self, args.values[0]));
  return kNone;
}
static Value callable_of(Value self) {
  return is_kind(self, Kind::StaticMethod) ? self.as<StaticMethodObject>()->callable
                                           : self.as<ClassMethodObject>()->callable;
}
static Result<Value> get_wrapped(Thread&, Value self) {
  Value v = callable_of(self);
  return v.is_empty() ? kNone : v;
}
static Result<Value> get_is_abstract(Thread& t, Value self) {
  Value v = TRY(get_attr_or_not_found(t, callable_of(self), t.names().__isabstractmethod__));
  if (v.is_not_found()) return kFalse;
  bool b = TRY(truth(t, v));
  return Value::from_bool(b);
}
static Result<Value> get_dict(Thread& t, Value self) { return instance_dict(t, self.as_object()); }
static Status set_dict(Thread& t, Value self, Value value) {
  return instance_set_dict(t, self.as_object(), value);
}

static Result<Value> static_get(Thread& t, Value descriptor, Value, Value) {
  Value callable = descriptor.as<StaticMethodObject>()->callable;
  if (callable.is_empty()) return t.raise(Exc::RuntimeError, "uninitialized staticmethod object");
  return callable;
}
static Result<Value> class_get(Thread& t, Value descriptor, Value instance, Value owner) {
  Value callable = descriptor.as<ClassMethodObject>()->callable;
  if (callable.is_empty()) return t.raise(Exc::RuntimeError, "uninitialized classmethod object");
  if (owner.is_empty() || owner.is_none()) owner = Value(type_of(t, instance));
  return make_bound_method(t, callable, owner);
}
static Result<Value> static_call(Thread& t, Value callee, const CallArgs& args) {
  Value callable = callee.as<StaticMethodObject>()->callable;
  // Not by calls: the compiler makes jumps of them, which no check of the stack ends.
  for (int32_t depth = 0; callable.is_object() && type_of(t, callable)->slots.call == static_call; ++depth) {
    if (depth > t.runtime().recursion_limit) return t.raise_recursion_error(" while calling a Python object");
    callable = callable.as<StaticMethodObject>()->callable;
  }
  return call(t, callable, args);
}
static Result<Value> static_repr(Thread& t, Value self) {
  return make_str(t, "<staticmethod(" + TRY(repr_utf8(t, callable_of(self))) + ")>");
}
static Result<Value> class_repr(Thread& t, Value self) {
  return make_str(t, "<classmethod(" + TRY(repr_utf8(t, callable_of(self))) + ")>");
}
static void trace_static(Object* o, Tracer& tracer) {
  tracer.visit(static_cast<StaticMethodObject*>(o)->callable);
}
static void trace_class(Object* o, Tracer& tracer) {
  tracer.visit(static_cast<ClassMethodObject*>(o)->callable);
}

static const NativeDef kStaticMethods[] = {
    MP_RAW_NEW(wrapper_new_static, "__new__(cls, function, /)", nullptr),
    MP_RAW_METHOD(static_init, "__init__(self, function, /)", nullptr), MP_END};
static const NativeDef kClassMethods[] = {MP_RAW_NEW(wrapper_new_class, "__new__(cls, function, /)", nullptr),
                                          MP_RAW_METHOD(class_init, "__init__(self, function, /)", nullptr),
                                          MP_END};
static const GetSetDef kWrapperGetSets[] = {{"__func__", get_wrapped, nullptr, nullptr},
                                            {"__wrapped__", get_wrapped, nullptr, nullptr},
                                            {"__isabstractmethod__", get_is_abstract, nullptr, nullptr},
                                            {"__dict__", get_dict, set_dict, nullptr},
                                            {}};
const TypeSpec kStaticMethodSpec = {
    .name = "staticmethod",
    .kind = Kind::StaticMethod,
    .size = sizeof(StaticMethodObject),
    .flags = kTypeBaseType | kTypeHasDict,
    .doc = "Convert a function to be a static method.",
    .trace = trace_static,
    .slots = MP_SLOTS(.repr = static_repr, .call = static_call, .descr_get = static_get),
    .methods = kStaticMethods,
    .getsets = kWrapperGetSets};
const TypeSpec kClassMethodSpec = {.name = "classmethod",
                                   .kind = Kind::ClassMethod,
                                   .size = sizeof(ClassMethodObject),
                                   .flags = kTypeBaseType | kTypeHasDict,
                                   .doc = "Convert a function to be a class method.",
                                   .trace = trace_class,
                                   .slots = MP_SLOTS(.repr = class_repr, .descr_get = class_get),
                                   .methods = kClassMethods,
                                   .getsets = kWrapperGetSets};

}  // namespace mp

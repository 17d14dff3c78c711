// Native functions as objects: builtin_function_or_method, method_descriptor, classmethod_descriptor; and
// calling them.
#include <alloca.h>

#include "vm/native/signature.h"
#include "vm/types/type_internal.h"

namespace mp {

static StrObject* def_name(Thread& t, const NativeDef& def) {
  std::string_view text(def.signature);
  return intern(t, text.substr(0, text.find('(')));
}

NativeFunctionObject* make_native_function(Thread& t, const NativeDef& def, Value self, Value owner) {
  auto* function = t.heap().make<NativeFunctionObject>(t, t.types().native_function);
  function->def = &def;
  function->self = self;
  function->owner = owner;
  function->name = Value(def_name(t, def));
  if (is_type(owner)) function->owner_type = owner.as<Type>();
  return function;
}

static bool is_init(const NativeDef& def) {
  return def.kind == NativeKind::Method && std::string_view(def.signature).substr(0, 9) == "__init__(";
}

NativeFunctionObject* make_native_descriptor(Thread& t, const NativeDef& def, Type* owner) {
  Type* type =
      def.kind == NativeKind::ClassMethod ? t.types().classmethod_descriptor : t.types().method_descriptor;
  // inspect and typing tell user-defined __init__ methods from builtin ones by this type.
  if (is_init(def)) type = t.types().slot_wrapper;
  auto* function = t.heap().make<NativeFunctionObject>(t, type);
  function->kind_ = Kind::NativeFunction;
  function->def = &def;
  function->owner = Value(owner);
  function->owner_type = owner;
  function->name = Value(def_name(t, def));
  return function;
}

NativeFunctionObject* bind_native_function(Thread& t, NativeFunctionObject* descriptor, Value self) {
  Type* type = is_init(*descriptor->def) ? t.types().method_wrapper : t.types().native_function;
  auto* bound = t.heap().make<NativeFunctionObject>(t, type);
  bound->kind_ = Kind::NativeFunction;
  bound->def = descriptor->def;
  // Looked up once, for the descriptor: `with lock:` binds two methods each time.
  bound->signature.store(native_signature(t, descriptor));
  bound->self = self;
  bound->owner = descriptor->owner;
  bound->owner_type = descriptor->owner_type;
  bound->name = descriptor->name;
  return bound;
}

static std::string plain_name(NativeFunctionObject* f) { return to_utf8(f->name.get().as<StrObject>()); }

// tp_new_wrapper's checks: T.__new__(S, ...) where S must be a subtype of T with T's layout.
static Status check_new(Thread& t, NativeFunctionObject* function, Value cls) {
  Type* owner = function->owner_type;
  if (!is_type(cls))
    return t.raise(Exc::TypeError, "{}.__new__(X): X is not a type object ({})", type_name(owner),
                   type_name(t, cls));
  auto* type = cls.as<Type>();
  if (!is_subtype(type, owner))
    return t.raise(Exc::TypeError, "{}.__new__({}): {} is not a subtype of {}", type_name(owner),
                   type_name(type), type_name(type), type_name(owner));
  Type* builtin = type;
  while (builtin->has(kTypeHeap)) builtin = builtin->base.load();
  if (builtin != owner) {
    // The most derived builtin base must use this very __new__.
    Value expected = type_lookup(t, builtin, t.names().__new__);
    if (!is_kind(expected, Kind::NativeFunction) || expected.as<NativeFunctionObject>()->def != function->def)
      return t.raise(Exc::TypeError, "{}.__new__({}) is not safe, use {}.__new__()", type_name(owner),
                     type_name(type), type_name(builtin));
  }
  return {};
}

static Error wrong_receiver(Thread& t, NativeFunctionObject* function, Value self) {
  if (is_init(*function->def))
    return t.raise(Exc::TypeError, "descriptor '__init__' requires a '{}' object but received a '{}'",
                   type_name(function->owner_type), type_name(t, self));
  return t.raise(Exc::TypeError, "descriptor '{}' for '{}' objects doesn't apply to a '{}' object",
                 plain_name(function), type_name(function->owner_type), type_name(t, self));
}

Status bind_native(Thread& t, NativeFunctionObject* function, Value self, const CallArgs& args, Value* out) {
  NativeSignature* signature = native_signature(t, function);
  if (signature->receiver != 0) out[0] = self;
  return bind_signature(t, function, *signature, args, out);
}

static Result<Value> call_with(Thread& t, NativeFunctionObject* function, Value self, const CallArgs& args) {
  const NativeDef& def = *function->def;
  if (def.raw_call != nullptr) return def.raw_call(t, self, args);
  NativeSignature* signature = native_signature(t, function);
  auto* out = static_cast<Value*>(alloca(sizeof(Value) * (signature->total + 1u)));
  out[0] = self;
  size_t receiver = signature->receiver, have = args.count + receiver;
  if (args.keyword_names.is_empty() && signature->takes(have)) [[likely]] {
    for (size_t i = 0; i < args.count; ++i) out[receiver + i] = args.values[i];
    for (size_t i = have; i < signature->total; ++i) out[i] = signature->parameters[i].default_value;
  } else {
    TRY(bind_signature(t, function, *signature, args, out));
  }
  return def.call(t, out);
}

Result<Value> call_native(Thread& t, NativeFunctionObject* function, const CallArgs& args) {
  const NativeDef& def = *function->def;
  switch (def.kind) {
    case NativeKind::Function:
    case NativeKind::StaticMethod: {
      if (def.raw_call != nullptr) return def.raw_call(t, function->self, args);
      NativeSignature* signature = native_signature(t, function);
      if (args.keyword_names.is_empty() && signature->is_exactly(args.count)) return def.call(t, args.values);
      return call_with(t, function, kEmpty, args);
    }
    case NativeKind::Method:
    case NativeKind::ClassMethod: {
      Value self = function->self;
      if (!self.is_empty()) return call_with(t, function, self, args);
      if (args.count == 0) {
        if (function->type() == t.types().slot_wrapper)
          return t.raise(Exc::TypeError, "descriptor '{}' of '{}' object needs an argument",
                         plain_name(function), type_name(function->owner_type));
        return t.raise(Exc::TypeError, "unbound method {}() needs an argument",
                       native_display_name(function));
      }
      self = args.values[0];
      if (def.kind == NativeKind::ClassMethod) {
        if (!is_type(self))
          return t.raise(Exc::TypeError, "descriptor '{}' requires a type but received a '{}' object",
                         plain_name(function), type_name(t, self));
        if (!is_subtype(self.as<Type>(), function->owner_type))
          return t.raise(Exc::TypeError, "descriptor '{}' requires a subtype of '{}' but received '{}'",
                         plain_name(function), type_name(function->owner_type), type_name(self.as<Type>()));
      } else if (!is_instance(t, self, function->owner_type)) {
        return wrong_receiver(t, function, self);
      }
      if (def.raw_call == nullptr) {
        NativeSignature* signature = native_signature(t, function);
        if (args.keyword_names.is_empty() && signature->is_exactly(args.count))
          return def.call(t, args.values);
      }
      return call_with(t, function, self, {args.values + 1, args.count - 1, args.keyword_names});
    }
    case NativeKind::New: {
      if (args.count == 0)
        return t.raise(Exc::TypeError, "{}.__new__(): not enough arguments", type_name(function->owner_type));
      Value cls = args.values[0];
      if (!(cls == Value(function->owner_type))) TRY(check_new(t, function, cls));
      return call_with(t, function, cls, {args.values + 1, args.count - 1, args.keyword_names});
    }
  }
  return Error{};
}

// ---------------------------------------------------------------- attributes

static NativeFunctionObject* native(Value v) { return v.as<NativeFunctionObject>(); }

static Result<Value> native_name(Thread&, Value self) { return native(self)->name; }

static Result<Value> native_qualname(Thread& t, Value self) {
  auto* f = native(self);
  if (f->owner_type == nullptr) return f->name;
  Type* owner = f->owner_type;
  // A bound class method shows the class it is bound to.
  if (f->def->kind == NativeKind::ClassMethod && is_type(f->self)) owner = f->self.get().as<Type>();
  return make_str(t, to_utf8(owner->qualified_name) + "." + plain_name(f));
}

static Result<Value> native_module(Thread& t, Value self) {
  auto* f = native(self);
  if (f->owner_type != nullptr || f->owner.get().is_empty()) return kNone;
  if (is_str(f->owner)) return f->owner;
  (void)t;
  return kNone;
}

static Result<Value> native_self(Thread& t, Value self) {
  auto* f = native(self);
  if (!f->self.get().is_empty()) return f->self;
  if (f->owner_type == nullptr && is_str(f->owner) && t.runtime().modules != nullptr) {
    // Module functions are bound to their module.
    Value module = dict_get_str(t.runtime().modules, f->owner.get().as<StrObject>());
    if (!module.is_not_found()) return module;
  }
  return kNone;
}

static Result<Value> native_doc(Thread& t, Value self) {
  const char* doc = native(self)->def->doc;
  if (doc == nullptr) return kNone;
  return make_str(t, doc);
}

static Result<Value> native_text_signature(Thread& t, Value self) {
  auto* f = native(self);
  NativeSignature* signature = native_signature(t, f);
  if (signature->text_signature.find("<unrepresentable>") != std::string::npos) return kNone;
  return make_str(t, signature->text_signature);
}

static Result<Value> native_objclass(Thread&, Value self) { return Value(native(self)->owner_type); }

static Result<Value> builtin_repr(Thread& t, Value self) {
  auto* f = native(self);
  Value bound = f->self;
  if (f->def->kind == NativeKind::New || (!bound.is_empty() && !is_kind(bound, Kind::Module)))
    return make_str(t, fmt::format("<built-in method {} of {} object at {:#x}>", plain_name(f),
                                   type_name(t, bound), bound.bits()));
  if (f->def->kind == NativeKind::StaticMethod && f->owner_type != nullptr)
    return make_str(t, fmt::format("<built-in method {} of type object at {:#x}>", plain_name(f),
                                   Value(f->owner_type).bits()));
  return make_str(t, fmt::format("<built-in function {}>", plain_name(f)));
}

static Result<Value> descriptor_repr(Thread& t, Value self) {
  auto* f = native(self);
  return make_str(t, fmt::format("<method '{}' of '{}' objects>", plain_name(f), type_name(f->owner_type)));
}

static Result<Value> native_call(Thread& t, Value callee, const CallArgs& args) {
  return call_native(t, native(callee), args);
}

static Result<Value> native_compare(Thread&, Value a, Value b, CompareOp op) {
  if (op != CompareOp::Eq && op != CompareOp::Ne) return kNotImplemented;
  if (!is_kind(b, Kind::NativeFunction)) return kNotImplemented;
  auto* x = native(a);
  auto* y = native(b);
  bool same = x->def == y->def && x->type() == y->type() && x->self.get() == y->self.get();
  return Value::from_bool(same == (op == CompareOp::Eq));
}

static Result<int64_t> native_hash(Thread&, Value self) {
  auto* f = native(self);
  auto bits = (reinterpret_cast<uintptr_t>(f->def) >> 4) ^ (f->self.get().bits() >> 4);
  return static_cast<int64_t>(bits >> 1);
}

static Result<Value> descriptor_get(Thread& t, Value descriptor, Value instance, Value) {
  auto* f = native(descriptor);
  if (instance.is_empty()) return descriptor;
  if (!is_instance(t, instance, f->owner_type)) return wrong_receiver(t, f, instance);
  return bind_native_function(t, f, instance);
}

static Result<Value> classmethod_descriptor_get(Thread& t, Value descriptor, Value instance, Value owner) {
  auto* f = native(descriptor);
  if (owner.is_empty() || owner.is_none()) {
    if (instance.is_empty())
      return t.raise(Exc::TypeError, "descriptor '{}' for type '{}' needs either an object or a type",
                     plain_name(f), type_name(f->owner_type));
    owner = Value(type_of(t, instance));
  }
  if (!is_type(owner))
    return t.raise(Exc::TypeError, "descriptor '{}' for type '{}' needs a type, not a '{}' as arg 2",
                   plain_name(f), type_name(f->owner_type), type_name(t, owner));
  if (!is_subtype(owner.as<Type>(), f->owner_type))
    return t.raise(Exc::TypeError, "descriptor '{}' requires a subtype of '{}' but received '{}'",
                   plain_name(f), type_name(f->owner_type), type_name(owner.as<Type>()));
  return bind_native_function(t, f, owner);
}

// Pickled by name: `len`, or getattr(object, name).
static Result<Value> native_reduce(Thread& t, const Value* args) {
  auto* f = native(args[0]);
  Value self = f->self;
  if (f->type() == t.types().classmethod_descriptor)
    return t.raise(Exc::TypeError, "cannot pickle 'classmethod_descriptor' object");
  bool bound = f->type() == t.types().native_function && !self.is_empty() && !is_kind(self, Kind::Module);
  if (!bound && f->owner_type == nullptr) return f->name;
  Value owner = bound ? self : Value(f->owner_type);
  Value getattr = dict_get_text(t, t.runtime().builtins_dict, "getattr");
  return make_tuple(t, {getattr, Value(make_tuple(t, {owner, f->name.get()}))});
}

static void trace_native(Object* o, Tracer& tracer) {
  auto* f = static_cast<NativeFunctionObject*>(o);
  tracer.visit(f->self);
  tracer.visit(f->name);
  tracer.visit(f->owner);
  tracer.visit(f->owner_type);
}

static const NativeDef kNativeMethods[] = {MP_METHOD(native_reduce, "__reduce__(self, /)", nullptr), MP_END};
static const GetSetDef kNativeGetSets[] = {{"__name__", native_name, nullptr, nullptr},
                                           {"__qualname__", native_qualname, nullptr, nullptr},
                                           {"__module__", native_module, nullptr, nullptr},
                                           {"__self__", native_self, nullptr, nullptr},
                                           {"__doc__", native_doc, nullptr, nullptr},
                                           {"__text_signature__", native_text_signature, nullptr, nullptr},
                                           {}};
static const GetSetDef kDescriptorGetSets[] = {
    {"__name__", native_name, nullptr, nullptr},
    {"__qualname__", native_qualname, nullptr, nullptr},
    {"__objclass__", native_objclass, nullptr, nullptr},
    {"__doc__", native_doc, nullptr, nullptr},
    {"__text_signature__", native_text_signature, nullptr, nullptr},
    {}};

extern const TypeSpec kNativeFunctionSpec, kMethodDescriptorSpec, kClassMethodDescriptorSpec;
const TypeSpec kNativeFunctionSpec = {.name = "builtin_function_or_method",
                                      .kind = Kind::NativeFunction,
                                      .size = sizeof(NativeFunctionObject),
                                      .flags = kTypeDisallowNew | kTypeHasWeakref,
                                      .trace = trace_native,
                                      .slots = MP_SLOTS(.repr = builtin_repr, .hash = native_hash,
                                                        .call = native_call, .compare = native_compare),
                                      .methods = kNativeMethods,
                                      .getsets = kNativeGetSets};
const TypeSpec kMethodDescriptorSpec = {
    .name = "method_descriptor",
    .kind = Kind::NativeFunction,
    .size = sizeof(NativeFunctionObject),
    .flags = kTypeDisallowNew,
    .trace = trace_native,
    .slots = MP_SLOTS(.repr = descriptor_repr, .call = native_call, .descr_get = descriptor_get),
    .methods = kNativeMethods,
    .getsets = kDescriptorGetSets};
const TypeSpec kClassMethodDescriptorSpec = {
    .name = "classmethod_descriptor",
    .kind = Kind::NativeFunction,
    .size = sizeof(NativeFunctionObject),
    .flags = kTypeDisallowNew,
    .trace = trace_native,
    .slots = MP_SLOTS(.repr = descriptor_repr, .call = native_call, .descr_get = classmethod_descriptor_get),
    .methods = kNativeMethods,
    .getsets = kDescriptorGetSets};

// ---------------------------------------------------------------- __init__ of builtin types
// Natives that are wrapper_descriptor and method-wrapper for script: slot_wrappers.cpp tells them by their
// kind.

static Result<Value> init_repr(Thread& t, Value self) {
  auto* f = native(self);
  return make_str(
      t, fmt::format("<slot wrapper '{}' of '{}' objects>", plain_name(f), type_name(f->owner_type)));
}
static Result<Value> bound_init_repr(Thread& t, Value self) {
  auto* f = native(self);
  return make_str(t, fmt::format("<method-wrapper '{}' of {} object at {:#x}>", plain_name(f),
                                 type_name(t, f->self), f->self.get().bits()));
}
static Result<Value> reduce_by_name(Thread& t, Value self) { return native_reduce(t, &self); }
const NativeInitForms kNativeInit = {
    init_repr,      bound_init_repr,       native_call,     native_compare,  native_hash,
    descriptor_get, native_name,           native_qualname, native_objclass, native_self,
    native_doc,     native_text_signature, reduce_by_name,  trace_native,
};

}  // namespace mp

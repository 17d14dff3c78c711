// Builtin slots seen from script: list.__len__ (wrapper_descriptor) and [].__len__ (method-wrapper).
#include "vm/exec/generator.h"
#include "vm/types/exception.h"
#include "vm/types/number.h"
#include "vm/types/type_internal.h"

namespace mp {

Value make_slot_wrapper(Thread& t, Type* owner, const DunderDef* def, void* function) {
  auto* wrapper = t.heap().make<SlotWrapperObject>(t, t.types().slot_wrapper);
  wrapper->owner = owner;
  wrapper->def = def;
  wrapper->function = function;
  wrapper->name = Value(t.runtime().method_cache->dunder_names[def - kDunders]);
  return wrapper;
}

static Status check_count(Thread& t, const DunderDef* def, const CallArgs& args, size_t least, size_t most) {
  if (keyword_count(args) > 0)
    return t.raise(Exc::TypeError, "wrapper {}() takes no keyword arguments", def->name);
  if (args.count >= least && args.count <= most) return {};
  if (least == most)
    return t.raise(Exc::TypeError, "expected {} argument{}, got {}", least, least == 1 ? "" : "s",
                   args.count);
  size_t limit = args.count < least ? least : most;
  return t.raise(Exc::TypeError, "expected at {} {} argument{}, got {}",
                 args.count < least ? "least" : "most", limit, limit == 1 ? "" : "s", args.count);
}

static Result<Value> none_or_error(Status status) {
  if (status.is_error()) return Error{};
  return kNone;
}

// CPython's hackcheck: object.__setattr__(cls, ...) must not go around a more special metatype.
static Status check_set_attr(Thread& t, SlotWrapperObject* wrapper, Value self, const char* what) {
  Type* type = type_of(t, self);
  Type* builtin = type;
  while (builtin->has(kTypeHeap)) builtin = builtin->base.load();
  void* own = reinterpret_cast<void*>(builtin->slots.set_attr);
  if (own != wrapper->function && is_subtype(builtin, wrapper->owner) && builtin != wrapper->owner)
    return t.raise(Exc::TypeError, "can't apply this {} to {} object", what, type_name(type));
  return {};
}

#define MP_CALL(Function) reinterpret_cast<Function>(wrapper->function)

Result<Value> call_slot_wrapper(Thread& t, SlotWrapperObject* wrapper, Value self, const CallArgs& args) {
  const DunderDef* def = wrapper->def;
  if (!is_instance(t, self, wrapper->owner))
    return t.raise(Exc::TypeError, "descriptor '{}' requires a '{}' object but received a '{}'", def->name,
                   type_name(wrapper->owner), type_name(t, self));
  TRY(t.check_stack(" while calling a Python object"));
  const Value* v = args.values;
  switch (def->wrap) {
    case Wrap::Unary:
    case Wrap::ReprLike: TRY(check_count(t, def, args, 0, 0)); return MP_CALL(UnarySlot)(t, self);
    case Wrap::Next: {
      TRY(check_count(t, def, args, 0, 0));
      if (is_exact(self, t.types().generator)) return generator_next_value(t, self.as<GeneratorObject>());
      Value item = TRY(MP_CALL(UnarySlot)(t, self));
      if (!item.is_no_more()) return item;
      // The slot may have left a StopIteration with a value behind.
      if (!t.has_exception())
        return t.raise_object(make_exception_args(t, Exc::StopIteration, empty_tuple(t)));
      return Error{};
    }
    case Wrap::Binary: TRY(check_count(t, def, args, 1, 1)); return MP_CALL(BinarySlot)(t, self, v[0]);
    case Wrap::Reflected: TRY(check_count(t, def, args, 1, 1)); return MP_CALL(BinarySlot)(t, v[0], self);
    case Wrap::Pow:
      TRY(check_count(t, def, args, 1, 2));
      return MP_CALL(PowSlot)(t, self, v[0], args.count > 1 ? v[1] : kNone);
    case Wrap::PowReflected:
      TRY(check_count(t, def, args, 1, 2));
      return MP_CALL(PowSlot)(t, v[0], self, args.count > 1 ? v[1] : kNone);
    case Wrap::Hash: {
      TRY(check_count(t, def, args, 0, 0));
      int64_t h = TRY(MP_CALL(HashSlot)(t, self));
      return make_int(t, h);
    }
    case Wrap::Call: return MP_CALL(CallSlot)(t, self, args);
    case Wrap::GetAttribute:
    case Wrap::GetAttrHook:
      TRY(check_count(t, def, args, 1, 1));
      if (!is_str(v[0]))
        return t.raise(Exc::TypeError, "attribute name must be string, not '{}'", type_name(t, v[0]));
      return MP_CALL(GetAttrSlot)(t, self, v[0].as<StrObject>());
    case Wrap::SetAttr:
      TRY(check_count(t, def, args, 2, 2));
      if (!is_str(v[0]))
        return t.raise(Exc::TypeError, "attribute name must be string, not '{}'", type_name(t, v[0]));
      TRY(check_set_attr(t, wrapper, self, "__setattr__"));
      return none_or_error(MP_CALL(SetAttrSlot)(t, self, v[0].as<StrObject>(), v[1]));
    case Wrap::DelAttr:
      TRY(check_count(t, def, args, 1, 1));
      if (!is_str(v[0]))
        return t.raise(Exc::TypeError, "attribute name must be string, not '{}'", type_name(t, v[0]));
      TRY(check_set_attr(t, wrapper, self, "__delattr__"));
      return none_or_error(MP_CALL(SetAttrSlot)(t, self, v[0].as<StrObject>(), kEmpty));
    case Wrap::Lt:
    case Wrap::Le:
    case Wrap::Eq:
    case Wrap::Ne:
    case Wrap::Gt:
    case Wrap::Ge: {
      TRY(check_count(t, def, args, 1, 1));
      auto op = static_cast<CompareOp>(static_cast<int>(def->wrap) - static_cast<int>(Wrap::Lt));
      return MP_CALL(CompareSlot)(t, self, v[0], op);
    }
    case Wrap::DescrGet: {
      TRY(check_count(t, def, args, 1, 2));
      Value instance = v[0].is_none() ? kEmpty : v[0];
      Value owner = args.count > 1 && !v[1].is_none() ? v[1] : kEmpty;
      if (instance.is_empty() && owner.is_empty())
        return t.raise(Exc::TypeError, "__get__(None, None) is invalid");
      return MP_CALL(DescrGetSlot)(t, self, instance, owner);
    }
    case Wrap::DescrSet:
      TRY(check_count(t, def, args, 2, 2));
      return none_or_error(MP_CALL(DescrSetSlot)(t, self, v[0], v[1]));
    case Wrap::DescrDelete:
      TRY(check_count(t, def, args, 1, 1));
      return none_or_error(MP_CALL(DescrSetSlot)(t, self, v[0], kEmpty));
    case Wrap::Bool: {
      TRY(check_count(t, def, args, 0, 0));
      bool b = TRY(MP_CALL(InquirySlot)(t, self));
      return Value::from_bool(b);
    }
    case Wrap::Length: {
      TRY(check_count(t, def, args, 0, 0));
      int64_t n = TRY(MP_CALL(LengthSlot)(t, self));
      return make_int(t, n);
    }
    case Wrap::SetItem:
      TRY(check_count(t, def, args, 2, 2));
      return none_or_error(MP_CALL(SetItemSlot)(t, self, v[0], v[1]));
    case Wrap::DelItem:
      TRY(check_count(t, def, args, 1, 1));
      return none_or_error(MP_CALL(SetItemSlot)(t, self, v[0], kEmpty));
    case Wrap::Contains: {
      TRY(check_count(t, def, args, 1, 1));
      bool b = TRY(MP_CALL(ContainsSlot)(t, self, v[0]));
      return Value::from_bool(b);
    }
    case Wrap::Repeat: TRY(check_count(t, def, args, 1, 1)); return MP_CALL(BinarySlot)(t, self, v[0]);
    case Wrap::Delete:
      TRY(check_count(t, def, args, 0, 0));
      return none_or_error(MP_CALL(FinalizeSlot)(t, self));
  }
  return Error{};
}
#undef MP_CALL

// ---------------------------------------------------------------- wrapper_descriptor

static SlotWrapperObject* wrapper_of(Value v) { return v.as<SlotWrapperObject>(); }

static Result<Value> wrapper_call(Thread& t, Value callee, const CallArgs& args) {
  if (is_native_init(callee)) return kNativeInit.call(t, callee, args);
  auto* wrapper = wrapper_of(callee);
  if (args.count == 0)
    return t.raise(Exc::TypeError, "descriptor '{}' of '{}' object needs an argument", wrapper->def->name,
                   type_name(wrapper->owner));
  return call_slot_wrapper(t, wrapper, args.values[0], {args.values + 1, args.count - 1, args.keyword_names});
}

static Result<Value> wrapper_get(Thread& t, Value descriptor, Value instance, Value) {
  if (is_native_init(descriptor)) return kNativeInit.descr_get(t, descriptor, instance, kEmpty);
  if (instance.is_empty()) return descriptor;
  auto* wrapper = wrapper_of(descriptor);
  if (!is_instance(t, instance, wrapper->owner))
    return t.raise(Exc::TypeError, "descriptor '{}' for '{}' objects doesn't apply to a '{}' object",
                   wrapper->def->name, type_name(wrapper->owner), type_name(t, instance));
  auto* bound = t.heap().make<MethodWrapperObject>(t, t.types().method_wrapper);
  bound->wrapper = descriptor;
  bound->self = instance;
  return bound;
}

static Result<Value> wrapper_repr(Thread& t, Value self) {
  if (is_native_init(self)) return kNativeInit.repr(t, self);
  auto* wrapper = wrapper_of(self);
  return make_str(
      t, fmt::format("<slot wrapper '{}' of '{}' objects>", wrapper->def->name, type_name(wrapper->owner)));
}
static Result<Value> wrapper_name(Thread& t, Value self) {
  if (is_native_init(self)) return kNativeInit.name(t, self);
  return wrapper_of(self)->name;
}
static Result<Value> wrapper_qualname(Thread& t, Value self) {
  if (is_native_init(self)) return kNativeInit.qualified_name(t, self);
  return make_str(t, to_utf8(wrapper_of(self)->owner->qualified_name) + "." + wrapper_of(self)->def->name);
}
static Result<Value> wrapper_objclass(Thread& t, Value self) {
  if (is_native_init(self)) return kNativeInit.objclass(t, self);
  return Value(wrapper_of(self)->owner);
}
static Result<Value> wrapper_doc(Thread& t, Value self) {
  if (is_native_init(self)) return kNativeInit.doc(t, self);
  return make_str(t, wrapper_of(self)->def->doc);
}
static Result<Value> wrapper_signature(Thread& t, Value self) {
  if (is_native_init(self)) return kNativeInit.text_signature(t, self);
  return make_str(t, wrapper_of(self)->def->signature);
}
static Result<Value> wrapper_reduce(Thread& t, const Value* args) {
  if (is_native_init(args[0])) return kNativeInit.reduce(t, args[0]);
  auto* wrapper = wrapper_of(args[0]);
  Value getattr = dict_get_text(t, t.runtime().builtins_dict, "getattr");
  return make_tuple(t, {getattr, Value(make_tuple(t, {Value(wrapper->owner), wrapper->name.get()}))});
}
static void trace_wrapper(Object* o, Tracer& tracer) {
  if (o->kind() == Kind::NativeFunction) return kNativeInit.trace(o, tracer);
  tracer.visit(static_cast<SlotWrapperObject*>(o)->owner);
  tracer.visit(static_cast<SlotWrapperObject*>(o)->name);
}

static const NativeDef kWrapperMethods[] = {MP_METHOD(wrapper_reduce, "__reduce__(self, /)", nullptr),
                                            MP_END};
static const GetSetDef kWrapperGetSets[] = {{"__name__", wrapper_name, nullptr, nullptr},
                                            {"__qualname__", wrapper_qualname, nullptr, nullptr},
                                            {"__objclass__", wrapper_objclass, nullptr, nullptr},
                                            {"__doc__", wrapper_doc, nullptr, nullptr},
                                            {"__text_signature__", wrapper_signature, nullptr, nullptr},
                                            {}};
extern const TypeSpec kSlotWrapperSpec, kMethodWrapperSpec;
const TypeSpec kSlotWrapperSpec = {
    .name = "wrapper_descriptor",
    .kind = Kind::SlotWrapper,
    .size = sizeof(SlotWrapperObject),
    .flags = kTypeDisallowNew,
    .trace = trace_wrapper,
    .slots = MP_SLOTS(.repr = wrapper_repr, .call = wrapper_call, .descr_get = wrapper_get),
    .methods = kWrapperMethods,
    .getsets = kWrapperGetSets};

// ---------------------------------------------------------------- method-wrapper

static MethodWrapperObject* bound_of(Value v) { return v.as<MethodWrapperObject>(); }
static SlotWrapperObject* inner(Value v) { return wrapper_of(bound_of(v)->wrapper); }

static Result<Value> bound_call(Thread& t, Value callee, const CallArgs& args) {
  if (is_native_init(callee)) return kNativeInit.call(t, callee, args);
  return call_slot_wrapper(t, inner(callee), bound_of(callee)->self, args);
}
static Result<Value> bound_repr(Thread& t, Value self) {
  if (is_native_init(self)) return kNativeInit.bound_repr(t, self);
  Value receiver = bound_of(self)->self;
  return make_str(t, fmt::format("<method-wrapper '{}' of {} object at {:#x}>", inner(self)->def->name,
                                 type_name(t, receiver), receiver.bits()));
}
static Result<Value> bound_compare(Thread& t, Value a, Value b, CompareOp op) {
  if (is_native_init(a)) return kNativeInit.compare(t, a, b, op);
  if ((op != CompareOp::Eq && op != CompareOp::Ne) || !is_exact(b, t.types().method_wrapper))
    return kNotImplemented;
  bool same = bound_of(a)->wrapper.get() == bound_of(b)->wrapper.get() &&
              bound_of(a)->self.get() == bound_of(b)->self.get();
  return Value::from_bool(same == (op == CompareOp::Eq));
}
static Result<int64_t> bound_hash(Thread& t, Value self) {
  if (is_native_init(self)) return kNativeInit.hash(t, self);
  return static_cast<int64_t>(
      ((bound_of(self)->wrapper.get().bits() >> 4) ^ (bound_of(self)->self.get().bits() >> 4)) >> 1);
}
static Result<Value> bound_self(Thread& t, Value self) {
  if (is_native_init(self)) return kNativeInit.self(t, self);
  return bound_of(self)->self;
}
static Result<Value> bound_name(Thread& t, Value self) {
  if (is_native_init(self)) return kNativeInit.name(t, self);
  return wrapper_name(t, bound_of(self)->wrapper);
}
static Result<Value> bound_qualname(Thread& t, Value self) {
  if (is_native_init(self)) return kNativeInit.qualified_name(t, self);
  return wrapper_qualname(t, bound_of(self)->wrapper);
}
static Result<Value> bound_objclass(Thread& t, Value self) {
  if (is_native_init(self)) return kNativeInit.objclass(t, self);
  return wrapper_objclass(t, bound_of(self)->wrapper);
}
static Result<Value> bound_doc(Thread& t, Value self) {
  if (is_native_init(self)) return kNativeInit.doc(t, self);
  return wrapper_doc(t, bound_of(self)->wrapper);
}
static Result<Value> bound_signature(Thread& t, Value self) {
  if (is_native_init(self)) return kNativeInit.text_signature(t, self);
  return wrapper_signature(t, bound_of(self)->wrapper);
}
static Result<Value> bound_reduce(Thread& t, const Value* args) {
  if (is_native_init(args[0])) return kNativeInit.reduce(t, args[0]);
  Value getattr = dict_get_text(t, t.runtime().builtins_dict, "getattr");
  return make_tuple(
      t, {getattr, Value(make_tuple(t, {bound_of(args[0])->self.get(), inner(args[0])->name.get()}))});
}
static void trace_bound(Object* o, Tracer& tracer) {
  if (o->kind() == Kind::NativeFunction) return kNativeInit.trace(o, tracer);
  tracer.visit(static_cast<MethodWrapperObject*>(o)->wrapper);
  tracer.visit(static_cast<MethodWrapperObject*>(o)->self);
}
static const NativeDef kBoundMethods[] = {MP_METHOD(bound_reduce, "__reduce__(self, /)", nullptr), MP_END};
static const GetSetDef kBoundGetSets[] = {{"__self__", bound_self, nullptr, nullptr},
                                          {"__name__", bound_name, nullptr, nullptr},
                                          {"__qualname__", bound_qualname, nullptr, nullptr},
                                          {"__objclass__", bound_objclass, nullptr, nullptr},
                                          {"__doc__", bound_doc, nullptr, nullptr},
                                          {"__text_signature__", bound_signature, nullptr, nullptr},
                                          {}};
const TypeSpec kMethodWrapperSpec = {
    .name = "method-wrapper",
    .size = sizeof(MethodWrapperObject),
    .flags = kTypeDisallowNew,
    .trace = trace_bound,
    .slots = MP_SLOTS(.repr = bound_repr, .hash = bound_hash, .call = bound_call, .compare = bound_compare),
    .methods = kBoundMethods,
    .getsets = kBoundGetSets};

}  // namespace mp

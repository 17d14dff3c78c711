// weakref.ref: calling, comparing, hashing; make_weakref. The collector clears the target (vm/gc/weak.cpp).
#include "vm/types/weakref.h"
#include "vm/native/native.h"
#include "vm/protocol/protocol.h"
#include "vm/types/container_support.h"
#include "vm/types/generic_alias.h"
#include "vm/types/number.h"
#include "vm/types/runtime.h"

namespace mp {

Value weakref_target(WeakRefObject* ref) {
  Value target(ref->target.load(std::memory_order_acquire));
  return target.is_empty() ? kNone : target;
}

bool is_weakly_referencable(Thread& t, Value target) {
  return target.is_object() && type_of(t, target)->has(kTypeHasWeakref);
}

struct FindPlain {
  Type* type;
  WeakRefObject* found;
};

Result<Value> make_weakref_of_type(Thread& t, Type* type, Value target, Value callback) {
  if (!is_weakly_referencable(t, target))
    return t.raise(Exc::TypeError, "cannot create weak reference to '{}' object", type_name(t, target));
  if (callback.is_none()) callback = kEmpty;
  bool builtin =
      type == t.types().weakref || type == t.types().weakproxy || type == t.types().weakcallableproxy;
  if (callback.is_empty() && builtin) {
    // One plain reference per object is enough.
    FindPlain find{type, nullptr};
    t.heap().for_each_weakref(
        target.as_object(),
        [](void* context, Object* object) {
          auto* f = static_cast<FindPlain*>(context);
          auto* ref = static_cast<WeakRefObject*>(object);
          if (ref->type() == f->type && ref->callback.get().is_empty()) f->found = ref;
        },
        &find);
    if (find.found != nullptr) return find.found;
  }
  auto* ref = t.heap().make<WeakRefObject>(t, type);
  ref->hash.store(-1, std::memory_order_relaxed);
  ref->callback = callback;
  ref->target.store(target.bits(), std::memory_order_release);
  t.heap().register_weakref(ref, target.as_object());
  return ref;
}

Result<Value> make_weakref(Thread& t, Value target, Value callback_or_empty) {
  return make_weakref_of_type(t, t.types().weakref, target, callback_or_empty);
}

// A name is shown where the referent has one: "(f)".
std::string weakref_name_suffix(Thread& t, Value target) {
  Value saved = t.take_exception();
  auto name = get_attr_or_not_found(t, target, t.names().__name__);
  std::string suffix;
  if (name.is_error())
    t.clear_exception();
  else if (is_str(name.value()))
    suffix = " (" + to_utf8(name.value().as<StrObject>()) + ")";
  t.restore_exception(saved);
  return suffix;
}

std::string weakref_type_text(Thread& t, Value target) {
  std::string name = type_full_name(type_of(t, target));
  return name.rfind("__main__.", 0) == 0 ? name.substr(9) : name;
}

static Result<Value> weakref_new(Thread& t, Value cls, const CallArgs& args) {
  if (args.count < 1 || args.count > 2) {
    if (args.count < 1)
      return t.raise(Exc::TypeError, "__new__ expected at least 1 argument, got {}", args.count);
    return t.raise(Exc::TypeError, "__new__ expected at most 2 arguments, got {}", args.count);
  }
  return make_weakref_of_type(t, cls.as<Type>(), args.values[0], args.count > 1 ? args.values[1] : kNone);
}

static Result<Value> weakref_init(Thread& t, Value, const CallArgs& args) {
  if (args.keyword_names.is_object() && args.keyword_names.as<TupleObject>()->size != 0)
    return t.raise(Exc::TypeError, "ref() takes no keyword arguments");
  if (args.count < 1) return t.raise(Exc::TypeError, "__init__ expected at least 1 argument, got 0");
  if (args.count > 2)
    return t.raise(Exc::TypeError, "__init__ expected at most 2 arguments, got {}", args.count);
  return kNone;
}

static Result<Value> weakref_call(Thread& t, Value self, const CallArgs& args) {
  if (args.keyword_names.is_object() && args.keyword_names.as<TupleObject>()->size != 0)
    return t.raise(Exc::TypeError, "weakref() takes no keyword arguments");
  if (args.count != 0) return t.raise(Exc::TypeError, "weakref expected 0 arguments, got {}", args.count);
  return weakref_target(self.as<WeakRefObject>());
}

static Result<int64_t> weakref_hash(Thread& t, Value self) {
  auto* ref = self.as<WeakRefObject>();
  int64_t known = ref->hash.load(std::memory_order_relaxed);
  if (known != -1) return known;
  Value target = weakref_target(ref);
  if (target.is_none()) return t.raise(Exc::TypeError, "weak object has gone away");
  int64_t h = TRY(hash(t, target));
  ref->hash.store(h, std::memory_order_relaxed);
  return h;
}

static Result<Value> weakref_compare(Thread& t, Value left, Value right, CompareOp op) {
  if ((op != CompareOp::Eq && op != CompareOp::Ne) || !is_kind(left, Kind::WeakRef) ||
      !is_kind(right, Kind::WeakRef))
    return kNotImplemented;
  if (!is_instance(t, left, t.types().weakref) || !is_instance(t, right, t.types().weakref))
    return kNotImplemented;
  Value a = weakref_target(left.as<WeakRefObject>()), b = weakref_target(right.as<WeakRefObject>());
  if (a.is_none() || b.is_none()) return Value::from_bool((left == right) == (op == CompareOp::Eq));
  return compare(t, a, b, op);
}

static Result<Value> weakref_repr(Thread& t, Value self) {
  Value target = weakref_target(self.as<WeakRefObject>());
  if (target.is_none()) return make_str(t, fmt::format("<weakref at {:#x}; dead>", self.bits()));
  return make_str(
      t, fmt::format("<weakref at {:#x}; to '{}' at {:#x}{}>", self.bits(), weakref_type_text(t, target),
                     target.bits(), weakref_name_suffix(t, target)));
}

static Result<Value> weakref_get_callback(Thread&, Value self) {
  auto* ref = self.as<WeakRefObject>();
  Value callback = ref->callback;
  return callback.is_empty() || weakref_target(ref).is_none() ? kNone : callback;
}

void trace_weakref(Object* self, Tracer& tracer) {
  tracer.visit(static_cast<WeakRefObject*>(self)->callback);
}

static const NativeDef kMethods[] = {
    MP_RAW_NEW(weakref_new, "__new__(cls, ob, callback=None, /)", nullptr),
    MP_RAW_METHOD(weakref_init, "__init__(self, ob, callback=None, /)",
                  "Initialize self.  See help(type(self)) for accurate signature."),
    MP_CLASS_GETITEM, MP_END};
static const GetSetDef kGetSets[] = {{"__callback__", weakref_get_callback, nullptr, nullptr}, {}};

extern const TypeSpec kWeakRefSpec;
const TypeSpec kWeakRefSpec = {.name = "weakref.ReferenceType",
                               .kind = Kind::WeakRef,
                               .size = sizeof(WeakRefObject),
                               .flags = kTypeBaseType,
                               .trace = trace_weakref,
                               .slots = MP_SLOTS(.repr = weakref_repr, .hash = weakref_hash,
                                                 .call = weakref_call, .compare = weakref_compare),
                               .methods = kMethods,
                               .getsets = kGetSets};

}  // namespace mp

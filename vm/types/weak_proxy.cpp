// weakref.proxy: an object that passes every operation on to its referent, and raises ReferenceError when
// that is gone.
#include "vm/native/native.h"
#include "vm/protocol/protocol.h"
#include "vm/types/container_support.h"
#include "vm/types/number.h"
#include "vm/types/runtime.h"
#include "vm/types/weakref.h"

namespace mp {

static Result<Value> unwrap(Thread& t, Value v) {
  if (!v.is_object()) return v;
  Type* type = v.as_object()->type();
  if (type != t.types().weakproxy && type != t.types().weakcallableproxy) return v;
  Value target = weakref_target(v.as<WeakRefObject>());
  if (target.is_none()) return t.raise(Exc::ReferenceError, "weakly-referenced object no longer exists");
  return target;
}

template <BinaryOp op>
static Result<Value> proxy_binary(Thread& t, Value left, Value right) {
  Value a = TRY(unwrap(t, left)), b = TRY(unwrap(t, right));
  return binary(t, op, a, b);
}
template <BinaryOp op>
static Result<Value> proxy_inplace(Thread& t, Value left, Value right) {
  Value a = TRY(unwrap(t, left)), b = TRY(unwrap(t, right));
  return inplace(t, op, a, b);
}
template <Result<Value> (*function)(Thread&, Value)>
static Result<Value> proxy_unary(Thread& t, Value self) {
  return function(t, TRY(unwrap(t, self)));
}
static Result<Value> proxy_divmod(Thread& t, Value left, Value right) {
  Value a = TRY(unwrap(t, left)), b = TRY(unwrap(t, right));
  return divmod(t, a, b);
}
static Result<Value> proxy_pow(Thread& t, Value base, Value exponent, Value modulus) {
  Value a = TRY(unwrap(t, base)), b = TRY(unwrap(t, exponent)), c = TRY(unwrap(t, modulus));
  return power(t, a, b, c);
}
static Result<Value> proxy_ipow(Thread& t, Value base, Value exponent, Value) {
  return proxy_inplace<BinaryOp::Pow>(t, base, exponent);
}

static Result<Value> proxy_repr(Thread& t, Value self) {
  Value target = weakref_target(self.as<WeakRefObject>());
  if (target.is_none()) return make_str(t, fmt::format("<weakproxy at {:#x}; dead>", self.bits()));
  return make_str(t, fmt::format("<weakproxy at {:#x}; to '{}' at {:#x}>", self.bits(),
                                 weakref_type_text(t, target), target.bits()));
}
static Result<Value> proxy_call(Thread& t, Value self, const CallArgs& args) {
  return call(t, TRY(unwrap(t, self)), args);
}
static Result<Value> proxy_get_attr(Thread& t, Value self, StrObject* name) {
  return get_attr(t, TRY(unwrap(t, self)), name);
}
static Status proxy_set_attr(Thread& t, Value self, StrObject* name, Value value) {
  Value target = TRY(unwrap(t, self));
  return value.is_empty() ? delete_attr(t, target, name) : set_attr(t, target, name, value);
}
static Result<Value> proxy_compare(Thread& t, Value left, Value right, CompareOp op) {
  Value a = TRY(unwrap(t, left)), b = TRY(unwrap(t, right));
  return compare(t, a, b, op);
}
static Result<Value> proxy_next(Thread& t, Value self) {
  Value target = TRY(unwrap(t, self));
  if (type_of(t, target)->slots.next == nullptr)
    return t.raise(Exc::TypeError, "Weakref proxy referenced a non-iterator '{}' object",
                   type_name(t, target));
  return iter_next(t, target);
}
static Result<bool> proxy_bool(Thread& t, Value self) { return truth(t, TRY(unwrap(t, self))); }
static Result<int64_t> proxy_length(Thread& t, Value self) { return length(t, TRY(unwrap(t, self))); }
static Result<Value> proxy_get_item(Thread& t, Value self, Value key) {
  Value a = TRY(unwrap(t, self)), b = TRY(unwrap(t, key));
  return get_item(t, a, b);
}
static Status proxy_set_item(Thread& t, Value self, Value key, Value value) {
  Value target = TRY(unwrap(t, self));
  return value.is_empty() ? delete_item(t, target, key) : set_item(t, target, key, value);
}
static Result<bool> proxy_contains(Thread& t, Value self, Value item) {
  return contains(t, TRY(unwrap(t, self)), item);
}
static Result<Value> proxy_int(Thread& t, Value self) {
  Value target = TRY(unwrap(t, self));
  return call(t, t.types().int_, {target});
}
static Result<Value> proxy_float(Thread& t, Value self) {
  Value target = TRY(unwrap(t, self));
  return call(t, t.types().float_, {target});
}
static Result<Value> proxy_bytes(Thread& t, const Value* args) {
  Value target = TRY(unwrap(t, args[0]));
  return call(t, t.types().bytes, {target});
}
static Result<Value> proxy_reversed(Thread& t, const Value* args) {
  return reversed_iter(t, TRY(unwrap(t, args[0])));
}

static const NativeDef kMethods[] = {MP_METHOD(proxy_bytes, "__bytes__(self, /)", nullptr),
                                     MP_METHOD(proxy_reversed, "__reversed__(self, /)", nullptr), MP_END};

static constexpr Slots proxy_slots(bool callable) {
  Slots s;
  s.repr = proxy_repr;
  s.str = proxy_unary<str>;
  s.hash = hash_not_implemented;
  if (callable) s.call = proxy_call;
  s.get_attr = proxy_get_attr;
  s.set_attr = proxy_set_attr;
  s.compare = proxy_compare;
  s.iter = proxy_unary<get_iter>;
  s.next = proxy_next;
  s.add = proxy_binary<BinaryOp::Add>;
  s.sub = proxy_binary<BinaryOp::Sub>;
  s.mul = proxy_binary<BinaryOp::Mul>;
  s.matmul = proxy_binary<BinaryOp::MatMul>;
  s.truediv = proxy_binary<BinaryOp::TrueDiv>;
  s.floordiv = proxy_binary<BinaryOp::FloorDiv>;
  s.mod = proxy_binary<BinaryOp::Mod>;
  s.divmod = proxy_divmod;
  s.pow = proxy_pow;
  s.lshift = proxy_binary<BinaryOp::LShift>;
  s.rshift = proxy_binary<BinaryOp::RShift>;
  s.and_ = proxy_binary<BinaryOp::And>;
  s.or_ = proxy_binary<BinaryOp::Or>;
  s.xor_ = proxy_binary<BinaryOp::Xor>;
  s.iadd = proxy_inplace<BinaryOp::Add>;
  s.isub = proxy_inplace<BinaryOp::Sub>;
  s.imul = proxy_inplace<BinaryOp::Mul>;
  s.imatmul = proxy_inplace<BinaryOp::MatMul>;
  s.itruediv = proxy_inplace<BinaryOp::TrueDiv>;
  s.ifloordiv = proxy_inplace<BinaryOp::FloorDiv>;
  s.imod = proxy_inplace<BinaryOp::Mod>;
  s.ipow = proxy_ipow;
  s.ilshift = proxy_inplace<BinaryOp::LShift>;
  s.irshift = proxy_inplace<BinaryOp::RShift>;
  s.iand = proxy_inplace<BinaryOp::And>;
  s.ior = proxy_inplace<BinaryOp::Or>;
  s.ixor = proxy_inplace<BinaryOp::Xor>;
  s.neg = proxy_unary<negative>;
  s.pos = proxy_unary<positive>;
  s.abs = proxy_unary<absolute>;
  s.invert = proxy_unary<invert>;
  s.bool_ = proxy_bool;
  s.int_ = proxy_int;
  s.float_ = proxy_float;
  s.index = proxy_unary<to_index>;
  s.length = proxy_length;
  s.get_item = proxy_get_item;
  s.set_item = proxy_set_item;
  s.contains = proxy_contains;
  return s;
}

extern const TypeSpec kWeakProxySpec, kWeakCallableProxySpec;
const TypeSpec kWeakProxySpec = {.name = "weakref.ProxyType",
                                 .kind = Kind::WeakRef,
                                 .size = sizeof(WeakRefObject),
                                 .flags = kTypeDisallowNew,
                                 .trace = trace_weakref,
                                 .slots = pack_slots([] { return proxy_slots(false); }),
                                 .methods = kMethods};
const TypeSpec kWeakCallableProxySpec = {.name = "weakref.CallableProxyType",
                                         .kind = Kind::WeakRef,
                                         .size = sizeof(WeakRefObject),
                                         .flags = kTypeDisallowNew,
                                         .trace = trace_weakref,
                                         .slots = pack_slots([] { return proxy_slots(true); }),
                                         .methods = kMethods};

}  // namespace mp

// Slot functions of classes whose special methods are written in script: they find the method and call it.
#include "vm/exec/interp.h"
#include "vm/types/exception.h"
#include "vm/types/number.h"
#include "vm/types/type_internal.h"

namespace mp {

// Calls type(self).name(self, ...); kNotFound when absent.
static Result<Value> call_dunder(Thread& t, Value self, Dunder d, const Value* values, size_t count) {
  Type* type = type_of(t, self);
  Value found = type_lookup(t, type, dunder_name(t, d));
  if (found.is_not_found()) return kNotFound;
  if (is_kind(found, Kind::Function))
    return call_function(t, found.as<FunctionObject>(), self, {values, count, kEmpty});
  if (found.is_object()) {
    Type* found_type = found.as_object()->type();
    if (found_type == t.types().method_descriptor || found_type == t.types().slot_wrapper)
      return call_prepend(t, found, self, {values, count, kEmpty});
    if (DescrGetSlot get = found_type->slots.descr_get) found = TRY(get(t, found, self, Value(type)));
  }
  return call(t, found, {values, count, kEmpty});
}
static Value find_dunder_method(Thread& t, Value self, Dunder d) {
  return type_lookup(t, type_of(t, self), dunder_name(t, d));
}

static Error missing(Thread& t, Value self, Dunder d) {
  StrObject* name = dunder_name(t, d);
  return raise_attribute_error(
      t, self, name, fmt::format("'{}' object has no attribute '{}'", type_name(t, self), to_utf8(name)));
}
static Result<Value> require(Thread& t, Value self, Dunder d, std::initializer_list<Value> values = {}) {
  Value v = TRY(call_dunder(t, self, d, values.begin(), values.size()));
  if (v.is_not_found()) return missing(t, self, d);
  return v;
}

static Result<Value> dispatch_repr(Thread& t, Value self) {
  Value v = TRY(call_dunder(t, self, Dunder::repr, nullptr, 0));
  if (!v.is_not_found()) return v;
  return t.types().object->slots.repr(t, self);
}
static Result<Value> dispatch_str(Thread& t, Value self) { return require(t, self, Dunder::str); }

static Result<int64_t> dispatch_hash(Thread& t, Value self) {
  Value method = find_dunder_method(t, self, Dunder::hash);
  if (method.is_not_found() || method.is_none()) return hash_not_implemented(t, self);
  Value v = TRY(call_dunder(t, self, Dunder::hash, nullptr, 0));
  if (!is_any_int(v)) return t.raise(Exc::TypeError, "__hash__ method should return an integer");
  int64_t h;
  if (!int_to_int64(v, &h)) h = int_hash(v);
  return h == -1 ? -2 : h;
}

static Result<Value> dispatch_call(Thread& t, Value self, const CallArgs& args) {
  Type* type = type_of(t, self);
  Value found = type_lookup(t, type, dunder_name(t, Dunder::call));
  if (found.is_not_found()) return t.raise(Exc::TypeError, "'{}' object is not callable", type_name(type));
  if (is_kind(found, Kind::Function)) return call_prepend(t, found, self, args);
  Value bound = TRY(lookup_special(t, self, dunder_name(t, Dunder::call)));
  // A __call__ that is itself an instance with __call__, perhaps the same one: no script frame would count.
  if (t.recursion_depth >= t.runtime().recursion_limit.load(std::memory_order_relaxed))
    return t.raise_recursion_error(" while calling a Python object");
  ++t.recursion_depth;
  Result<Value> result = call(t, bound, args);
  --t.recursion_depth;
  return result;
}

// __getattribute__, then __getattr__ on AttributeError. kNotFound when there is none and no exception was
// made.
Result<Value> hooked_get_attr_quiet(Thread& t, Value self, StrObject* name) {
  Type* type = type_of(t, self);
  Value hook = type_lookup(t, type, dunder_name(t, Dunder::getattr));
  Value getattribute = type_lookup(t, type, dunder_name(t, Dunder::getattribute));
  Result<Value> v = kNotFound;
  if (is_kind(getattribute, Kind::SlotWrapper) &&
      getattribute.as<SlotWrapperObject>()->def->wrap == Wrap::GetAttribute) {
    auto function = reinterpret_cast<GetAttrSlot>(getattribute.as<SlotWrapperObject>()->function);
    if (function == generic_get_attr)
      v = generic_get_attr_quiet(t, self, name);
    else if (function == type_get_attr_slot && is_type(self))
      v = type_get_attr(t, self.as<Type>(), attribute_name(t, name));
    else
      v = function(t, self, name);
  } else {
    v = require(t, self, Dunder::getattribute, {Value(name)});
  }
  if (v.is_error()) {
    if (hook.is_not_found() || !t.exception_matches(Exc::AttributeError)) return Error{};
    t.clear_exception();
  } else if (!v.value().is_not_found() || hook.is_not_found()) {
    return v;
  }
  return require(t, self, Dunder::getattr, {Value(name)});
}
Result<Value> dispatch_get_attr(Thread& t, Value self, StrObject* name) {
  Value v = TRY(hooked_get_attr_quiet(t, self, name));
  if (v.is_not_found()) return raise_no_attribute(t, self, name);
  return v;
}

static Status dispatch_set_attr(Thread& t, Value self, StrObject* name, Value value) {
  if (value.is_empty())
    (void)TRY(require(t, self, Dunder::delattr, {Value(name)}));
  else
    (void)TRY(require(t, self, Dunder::setattr, {Value(name), value}));
  return {};
}

static constexpr Dunder kCompareDunders[] = {Dunder::lt, Dunder::le, Dunder::eq,
                                             Dunder::ne, Dunder::gt, Dunder::ge};
static Result<Value> dispatch_compare(Thread& t, Value self, Value other, CompareOp op) {
  Dunder d = kCompareDunders[static_cast<int>(op)];
  Type* type = type_of(t, self);
  Value found = type_lookup(t, type, dunder_name(t, d));
  if (is_kind(found, Kind::Function))
    return call_function(t, found.as<FunctionObject>(), self, {&other, 1, kEmpty});
  if (found.is_not_found()) return kNotImplemented;
  if (found.is_object() && found.as_object()->type() != t.types().slot_wrapper) {
    if (DescrGetSlot get = found.as_object()->type()->slots.descr_get) {
      auto bound = get(t, found, self, Value(type));
      if (bound.is_error()) {
        // CPython takes a method that cannot be bound for a missing one.
        t.clear_exception();
        return kNotImplemented;
      }
      return call(t, bound.value(), {&other, 1, kEmpty});
    }
  }
  return call_dunder(t, self, d, &other, 1);
}

Value make_sequence_iterator(Thread& t, Value sequence);  // vm/types/iterators.cpp

static Result<Value> dispatch_iter(Thread& t, Value self) {
  Value method = find_dunder_method(t, self, Dunder::iter);
  if (method.is_none()) return t.raise(Exc::TypeError, "'{}' object is not iterable", type_name(t, self));
  if (!method.is_not_found()) return require(t, self, Dunder::iter);
  if (find_dunder_method(t, self, Dunder::getitem).is_not_found())
    return t.raise(Exc::TypeError, "'{}' object is not iterable", type_name(t, self));
  return make_sequence_iterator(t, self);
}

// StopIteration from __next__ becomes the sentinel; its value is lost, as for every caller of the slot that
// loops.
static Result<Value> dispatch_next(Thread& t, Value self) {
  auto v = require(t, self, Dunder::next);
  if (v.is_error() && t.catch_exception(Exc::StopIteration)) return kNoMore;
  return v;
}

static Result<Value> dispatch_get(Thread& t, Value descriptor, Value instance, Value owner) {
  if (find_dunder_method(t, descriptor, Dunder::get).is_not_found()) return descriptor;
  return require(t, descriptor, Dunder::get,
                 {instance.is_empty() ? kNone : instance, owner.is_empty() ? kNone : owner});
}
static Status dispatch_set(Thread& t, Value descriptor, Value instance, Value value) {
  Dunder d = value.is_empty() ? Dunder::delete_ : Dunder::set;
  Value args[] = {instance, value};
  Value done = TRY(call_dunder(t, descriptor, d, args, value.is_empty() ? 1 : 2));
  if (done.is_not_found())
    return t.raise(Exc::AttributeError, "{}", d == Dunder::set ? "__set__" : "__delete__");
  return {};
}

// CPython's SLOT1BINFULL: the right operand's reflected method goes first when its class is a subclass that
// overrides it.
static Result<Value> binary_full(Thread& t, Value left, Value right, Dunder plain, Dunder reflected,
                                 SlotId id, BinarySlot self_function) {
  Type* left_type = type_of(t, left);
  Type* right_type = type_of(t, right);
  auto has_dispatcher = [&](Type* type) {
    return slot_ref(type->slots, id) == reinterpret_cast<void*>(self_function);
  };
  bool do_other = left_type != right_type && has_dispatcher(right_type);
  if (has_dispatcher(left_type)) {
    if (do_other && is_subtype(right_type, left_type)) {
      Value theirs = type_lookup(t, right_type, dunder_name(t, reflected));
      Value ours = type_lookup(t, left_type, dunder_name(t, reflected));
      if (!theirs.is_not_found() && !(theirs == ours)) {
        Value v = TRY(call_dunder(t, right, reflected, &left, 1));
        if (!v.is_not_found() && !v.is_not_implemented()) return v;
        do_other = false;
      }
    }
    Value v = TRY(call_dunder(t, left, plain, &right, 1));
    if (v.is_not_found()) v = kNotImplemented;
    if (!v.is_not_implemented() || left_type == right_type) return v;
  }
  if (do_other) {
    Value v = TRY(call_dunder(t, right, reflected, &left, 1));
    return v.is_not_found() ? kNotImplemented : v;
  }
  return kNotImplemented;
}

#define MP_BINARY(name, plain, reflected, slot)                                                          \
  static Result<Value> dispatch_##name(Thread& t, Value left, Value right) {                             \
    return binary_full(t, left, right, Dunder::plain, Dunder::reflected, SlotId::slot, dispatch_##name); \
  }
MP_BINARY(add, add, radd, add)
MP_BINARY(sub, sub, rsub, sub)
MP_BINARY(mul, mul, rmul, mul)
MP_BINARY(matmul, matmul, rmatmul, matmul)
MP_BINARY(truediv, truediv, rtruediv, truediv)
MP_BINARY(floordiv, floordiv, rfloordiv, floordiv)
MP_BINARY(mod, mod, rmod, mod)
MP_BINARY(divmod, divmod, rdivmod, divmod)
MP_BINARY(lshift, lshift, rlshift, lshift)
MP_BINARY(rshift, rshift, rrshift, rshift)
MP_BINARY(and_, and_, rand, and_)
MP_BINARY(or_, or_, ror, or_)
MP_BINARY(xor_, xor_, rxor, xor_)
#undef MP_BINARY

static Result<Value> dispatch_pow(Thread& t, Value base, Value exponent, Value modulus);
static Result<Value> pow_two(Thread& t, Value left, Value right) {
  return binary_full(t, left, right, Dunder::pow, Dunder::rpow, SlotId::pow,
                     reinterpret_cast<BinarySlot>(dispatch_pow));
}
static Result<Value> dispatch_pow(Thread& t, Value base, Value exponent, Value modulus) {
  if (modulus.is_none()) return pow_two(t, base, exponent);
  // Three-argument power looks at the base only.
  if (reinterpret_cast<void*>(type_of(t, base)->slots.pow) == reinterpret_cast<void*>(dispatch_pow)) {
    Value values[] = {exponent, modulus};
    Value v = TRY(call_dunder(t, base, Dunder::pow, values, 2));
    return v.is_not_found() ? kNotImplemented : v;
  }
  return kNotImplemented;
}

#define MP_INPLACE(name)                                                     \
  static Result<Value> dispatch_##name(Thread& t, Value self, Value other) { \
    Value v = TRY(call_dunder(t, self, Dunder::name, &other, 1));            \
    return v.is_not_found() ? kNotImplemented : v;                           \
  }
MP_INPLACE(iadd)
MP_INPLACE(isub)
MP_INPLACE(imul)
MP_INPLACE(imatmul)
MP_INPLACE(itruediv)
MP_INPLACE(ifloordiv)
MP_INPLACE(imod)
MP_INPLACE(ilshift)
MP_INPLACE(irshift)
MP_INPLACE(iand)
MP_INPLACE(ior)
MP_INPLACE(ixor)
#undef MP_INPLACE
static Result<Value> dispatch_ipow(Thread& t, Value self, Value other, Value) {
  Value v = TRY(call_dunder(t, self, Dunder::ipow, &other, 1));
  return v.is_not_found() ? kNotImplemented : v;
}

#define MP_UNARY(name) \
  static Result<Value> dispatch_##name(Thread& t, Value self) { return require(t, self, Dunder::name); }
MP_UNARY(neg)
MP_UNARY(pos)
MP_UNARY(abs)
MP_UNARY(invert)
MP_UNARY(int_)
MP_UNARY(float_)
MP_UNARY(index)
#undef MP_UNARY

static Result<Value> dispatch_async(Thread& t, Value self, Dunder d, const char* what) {
  Value v = TRY(call_dunder(t, self, d, nullptr, 0));
  if (v.is_not_found())
    return t.raise(Exc::AttributeError, "object {} does not have {} method", type_name(t, self), what);
  return v;
}
static Result<Value> dispatch_await(Thread& t, Value self) {
  return dispatch_async(t, self, Dunder::await, "__await__");
}
static Result<Value> dispatch_aiter(Thread& t, Value self) {
  return dispatch_async(t, self, Dunder::aiter, "__aiter__");
}
static Result<Value> dispatch_anext(Thread& t, Value self) {
  return dispatch_async(t, self, Dunder::anext, "__anext__");
}

static Result<int64_t> dispatch_length(Thread& t, Value self) {
  Value v = TRY(require(t, self, Dunder::len));
  Value n = TRY(to_index(t, v));
  if (int_compare(n, Value::from_int(0)) < 0) return t.raise(Exc::ValueError, "__len__() should return >= 0");
  return to_ssize(t, n, Exc::OverflowError);
}

static Result<bool> dispatch_bool_(Thread& t, Value self) {
  Value v = TRY(call_dunder(t, self, Dunder::bool_, nullptr, 0));
  if (v.is_not_found()) {
    // Only __len__ is there.
    v = TRY(call_dunder(t, self, Dunder::len, nullptr, 0));
    if (v.is_not_found()) return true;
    int64_t n = TRY(dispatch_length(t, self));
    return n != 0;
  }
  if (!v.is_bool())
    return t.raise(Exc::TypeError, "__bool__ should return bool, returned {}", type_name(t, v));
  return v.is_true();
}

static Result<Value> dispatch_get_item(Thread& t, Value self, Value key) {
  return require(t, self, Dunder::getitem, {key});
}
static Status dispatch_set_item(Thread& t, Value self, Value key, Value value) {
  if (value.is_empty())
    (void)TRY(require(t, self, Dunder::delitem, {key}));
  else
    (void)TRY(require(t, self, Dunder::setitem, {key, value}));
  return {};
}

static Result<bool> dispatch_contains(Thread& t, Value self, Value item) {
  Value method = find_dunder_method(t, self, Dunder::contains);
  if (method.is_none()) return t.raise(Exc::TypeError, "'{}' object is not a container", type_name(t, self));
  if (method.is_not_found()) {
    bool found = false;
    Value iterator = TRY(get_iter(t, self));
    while (!found) {
      Value each = TRY(iter_next(t, iterator));
      if (each.is_no_more()) break;
      found = TRY(equals(t, each, item));
    }
    return found;
  }
  Value v = TRY(require(t, self, Dunder::contains, {item}));
  return truth(t, v);
}

static Status dispatch_finalize(Thread& t, Value self) {
  (void)TRY(require(t, self, Dunder::del_));
  return {};
}

// The formatter never comes to rest on a switch of macros.
// clang-format off
void* slot_dispatcher(SlotId id) {
  switch (id) {
#define MP_D(slot) \
  case SlotId::slot: return reinterpret_cast<void*>(&dispatch_##slot);
    MP_D(repr)
    MP_D(str)
    MP_D(hash)
    MP_D(call)
    MP_D(get_attr)
    MP_D(set_attr)
    MP_D(compare) MP_D(iter) MP_D(next) MP_D(add) MP_D(sub) MP_D(mul) MP_D(matmul) MP_D(truediv)
        MP_D(floordiv) MP_D(mod) MP_D(divmod) MP_D(pow) MP_D(lshift) MP_D(rshift) MP_D(and_) MP_D(or_)
            MP_D(xor_) MP_D(iadd) MP_D(isub) MP_D(imul) MP_D(imatmul) MP_D(itruediv) MP_D(ifloordiv)
                MP_D(imod) MP_D(ipow) MP_D(ilshift) MP_D(irshift) MP_D(iand) MP_D(ior) MP_D(ixor) MP_D(neg)
                    MP_D(pos) MP_D(abs) MP_D(invert) MP_D(bool_) MP_D(int_) MP_D(float_) MP_D(index)
                        MP_D(length) MP_D(get_item) MP_D(set_item) MP_D(contains) MP_D(await) MP_D(aiter)
                            MP_D(anext) MP_D(finalize)
#undef MP_D
                                case SlotId::descr_get : return reinterpret_cast<void*>(&dispatch_get);
    case SlotId::descr_set: return reinterpret_cast<void*>(&dispatch_set);
    default: return nullptr;
  }
}
// clang-format on

}  // namespace mp

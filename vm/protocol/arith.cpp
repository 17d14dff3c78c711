// Operators on arbitrary values: slot dispatch with CPython's order (the right operand goes first when its
// type is a subclass of the left one's).
#include "vm/native/native.h"
#include "vm/protocol/protocol.h"
#include "vm/types/number.h"
#include "vm/types/runtime.h"

namespace mp {

namespace {

struct Operator {
  BinarySlot Slots::*slot;
  BinarySlot Slots::*inplace_slot;
  const char* symbol;
  const char* inplace_symbol;
};

constexpr Operator kOperators[] = {
    {&Slots::add, &Slots::iadd, "+", "+="},         {&Slots::sub, &Slots::isub, "-", "-="},
    {&Slots::mul, &Slots::imul, "*", "*="},         {&Slots::matmul, &Slots::imatmul, "@", "@="},
    {&Slots::truediv, &Slots::itruediv, "/", "/="}, {&Slots::floordiv, &Slots::ifloordiv, "//", "//="},
    {&Slots::mod, &Slots::imod, "%", "%="},         {nullptr, nullptr, "** or pow()", "**="},
    {&Slots::lshift, &Slots::ilshift, "<<", "<<="}, {&Slots::rshift, &Slots::irshift, ">>", ">>="},
    {&Slots::and_, &Slots::iand, "&", "&="},        {&Slots::or_, &Slots::ior, "|", "|="},
    {&Slots::xor_, &Slots::ixor, "^", "^="},
};

// The numeric slots of both operands; kNotImplemented when neither knows the other.
Result<Value> try_slots(Thread& t, BinarySlot Slots::*slot, Value a, Value b) {
  Type* left = type_of(t, a);
  Type* right = type_of(t, b);
  BinarySlot left_slot = left->slots.*slot;
  BinarySlot right_slot = right == left ? nullptr : right->slots.*slot;
  if (right_slot == left_slot) right_slot = nullptr;
  if (left_slot != nullptr) {
    if (right_slot != nullptr && is_subtype(right, left)) {
      Value result = TRY(right_slot(t, a, b));
      if (!result.is_not_implemented()) return result;
      right_slot = nullptr;
    }
    Value result = TRY(left_slot(t, a, b));
    if (!result.is_not_implemented()) return result;
  }
  return right_slot != nullptr ? right_slot(t, a, b) : Result<Value>(kNotImplemented);
}

Error unsupported(Thread& t, const char* symbol, Value a, Value b) {
  return t.raise(Exc::TypeError, "unsupported operand type(s) for {}: '{}' and '{}'", symbol, type_name(t, a),
                 type_name(t, b));
}

// sequence * count, in either order.
Result<Value> repeat(Thread& t, BinarySlot slot, Value sequence, Value count) {
  Type* type = type_of(t, count);
  if (type->slots.index == nullptr)
    return t.raise(Exc::TypeError, "can't multiply sequence by non-int of type '{}'", type_name(type));
  return slot(t, sequence, TRY(to_index(t, count)));
}

Result<Value> binary_fallback(Thread& t, BinaryOp op, Value a, Value b, const char* symbol) {
  Type* left = type_of(t, a);
  Type* right = type_of(t, b);
  if (op == BinaryOp::Add && left->slots.concat != nullptr) return left->slots.concat(t, a, b);
  if (op == BinaryOp::Mul) {
    if (left->slots.repeat != nullptr) return repeat(t, left->slots.repeat, a, b);
    if (right->slots.repeat != nullptr) return repeat(t, right->slots.repeat, b, a);
  }
  if (op == BinaryOp::RShift && is_kind(a, Kind::NativeFunction)) {
    auto* function = a.as<NativeFunctionObject>();
    if (is_str(function->name) && str_equal(function->name.get().as<StrObject>(), "print"))
      return t.raise(Exc::TypeError,
                     "unsupported operand type(s) for {}: '{}' and '{}'. Did you mean \"print(<message>, "
                     "file=<output_stream>)\"?",
                     symbol, type_name(t, a), type_name(t, b));
  }
  return unsupported(t, symbol, a, b);
}

Result<Value> power_slots(Thread& t, Value a, Value b, Value modulus) {
  Type* left = type_of(t, a);
  Type* right = type_of(t, b);
  PowSlot left_slot = left->slots.pow;
  PowSlot right_slot = right == left ? nullptr : right->slots.pow;
  if (right_slot == left_slot) right_slot = nullptr;
  if (left_slot != nullptr) {
    if (right_slot != nullptr && is_subtype(right, left)) {
      Value result = TRY(right_slot(t, a, b, modulus));
      if (!result.is_not_implemented()) return result;
      right_slot = nullptr;
    }
    Value result = TRY(left_slot(t, a, b, modulus));
    if (!result.is_not_implemented()) return result;
  }
  if (right_slot != nullptr) {
    Value result = TRY(right_slot(t, a, b, modulus));
    if (!result.is_not_implemented()) return result;
  }
  if (!modulus.is_none()) {
    PowSlot modulus_slot = type_of(t, modulus)->slots.pow;
    if (modulus_slot != nullptr && modulus_slot != left_slot && modulus_slot != right_slot)
      return modulus_slot(t, a, b, modulus);
  }
  return kNotImplemented;
}

}  // namespace

Result<Value> binary(Thread& t, BinaryOp op, Value a, Value b) {
  if (op == BinaryOp::Pow) return power(t, a, b, kNone);
  // Sums of small ints, which natives add up by the thousand: no overflow, a Value has fewer bits.
  if (op == BinaryOp::Add && a.is_int() && b.is_int()) return make_int(t, a.as_int() + b.as_int());
  const Operator& o = kOperators[static_cast<int>(op)];
  Value result = TRY(try_slots(t, o.slot, a, b));
  if (!result.is_not_implemented()) return result;
  return binary_fallback(t, op, a, b, o.symbol);
}

Result<Value> inplace(Thread& t, BinaryOp op, Value a, Value b) {
  Type* left = type_of(t, a);
  const Operator& o = kOperators[static_cast<int>(op)];
  if (op == BinaryOp::Pow) {
    if (left->slots.ipow != nullptr) {
      Value result = TRY(left->slots.ipow(t, a, b, kNone));
      if (!result.is_not_implemented()) return result;
    }
    Value result = TRY(power_slots(t, a, b, kNone));
    return result.is_not_implemented() ? Result<Value>(unsupported(t, "**=", a, b)) : Result<Value>(result);
  }
  if (BinarySlot slot = left->slots.*o.inplace_slot; slot != nullptr) {
    Value result = TRY(slot(t, a, b));
    if (!result.is_not_implemented()) return result;
  }
  Value result = TRY(try_slots(t, o.slot, a, b));
  if (!result.is_not_implemented()) return result;
  if (op == BinaryOp::Add && left->slots.inplace_concat != nullptr)
    return left->slots.inplace_concat(t, a, b);
  if (op == BinaryOp::Mul && left->slots.inplace_repeat != nullptr)
    return repeat(t, left->slots.inplace_repeat, a, b);
  return binary_fallback(t, op, a, b, o.inplace_symbol);
}

Result<Value> power(Thread& t, Value a, Value b, Value modulus) {
  Value result = TRY(power_slots(t, a, b, modulus));
  if (!result.is_not_implemented()) return result;
  if (modulus.is_none()) return unsupported(t, "** or pow()", a, b);
  return t.raise(Exc::TypeError, "unsupported operand type(s) for ** or pow(): '{}', '{}', '{}'",
                 type_name(t, a), type_name(t, b), type_name(t, modulus));
}

Result<Value> divmod(Thread& t, Value a, Value b) {
  Value result = TRY(try_slots(t, &Slots::divmod, a, b));
  return result.is_not_implemented() ? Result<Value>(unsupported(t, "divmod()", a, b))
                                     : Result<Value>(result);
}

static Result<Value> unary(Thread& t, UnarySlot Slots::*slot, Value v, const char* message) {
  Type* type = type_of(t, v);
  if (UnarySlot function = type->slots.*slot; function != nullptr) return function(t, v);
  return t.raise(Exc::TypeError, "bad operand type for {}: '{}'", message, type_name(type));
}
Result<Value> negative(Thread& t, Value v) { return unary(t, &Slots::neg, v, "unary -"); }
Result<Value> positive(Thread& t, Value v) { return unary(t, &Slots::pos, v, "unary +"); }
Result<Value> invert(Thread& t, Value v) { return unary(t, &Slots::invert, v, "unary ~"); }
Result<Value> absolute(Thread& t, Value v) { return unary(t, &Slots::abs, v, "abs()"); }

}  // namespace mp

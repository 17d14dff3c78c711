// Rich comparison, equality for containers, truth.
#include "vm/native/native.h"
#include "vm/protocol/protocol.h"
#include "vm/types/number.h"
#include "vm/types/runtime.h"

namespace mp {

static CompareOp swapped(CompareOp op) {
  switch (op) {
    case CompareOp::Lt: return CompareOp::Gt;
    case CompareOp::Le: return CompareOp::Ge;
    case CompareOp::Gt: return CompareOp::Lt;
    case CompareOp::Ge: return CompareOp::Le;
    default: return op;
  }
}
static const char* symbol(CompareOp op) {
  constexpr const char* kSymbols[] = {"<", "<=", "==", "!=", ">", ">="};
  return kSymbols[static_cast<int>(op)];
}

// Of two C++ numbers.
template <class Number>
static Value compare_numbers(Number a, Number b, CompareOp op) {
  switch (op) {
    case CompareOp::Lt: return Value::from_bool(a < b);
    case CompareOp::Le: return Value::from_bool(a <= b);
    case CompareOp::Eq: return Value::from_bool(a == b);
    case CompareOp::Ne: return Value::from_bool(a != b);
    case CompareOp::Gt: return Value::from_bool(a > b);
    default: return Value::from_bool(a >= b);
  }
}

Result<Value> compare(Thread& t, Value a, Value b, CompareOp op) {
  if (a.is_int() && b.is_int()) return compare_numbers(a.as_int(), b.as_int(), op);
  if (a.is_float_inline() && b.is_float_inline())
    return compare_numbers(a.as_float_inline(), b.as_float_inline(), op);
  if (a.is_bool() && b.is_bool()) return compare_numbers(a.is_true(), b.is_true(), op);
  if (is_exact(a, t.types().str) && is_exact(b, t.types().str))
    return t.types().str->slots.compare(t, a, b, op);
  TRY(t.check_stack(" in comparison"));
  Type* left = type_of(t, a);
  Type* right = type_of(t, b);
  bool tried_right = false;
  if (left != right && right->slots.compare != nullptr && is_subtype(right, left)) {
    tried_right = true;
    Value result = TRY(right->slots.compare(t, b, a, swapped(op)));
    if (!result.is_not_implemented()) return result;
  }
  if (left->slots.compare != nullptr) {
    Value result = TRY(left->slots.compare(t, a, b, op));
    if (!result.is_not_implemented()) return result;
  }
  if (!tried_right && right->slots.compare != nullptr) {
    Value result = TRY(right->slots.compare(t, b, a, swapped(op)));
    if (!result.is_not_implemented()) return result;
  }
  if (op == CompareOp::Eq) return Value::from_bool(a == b);
  if (op == CompareOp::Ne) return Value::from_bool(a != b);
  return t.raise(Exc::TypeError, "'{}' not supported between instances of '{}' and '{}'", symbol(op),
                 type_name(left), type_name(right));
}

Result<bool> compare_bool(Thread& t, Value a, Value b, CompareOp op) {
  if (a == b && !a.is_float_inline()) {  // identity implies equality; NaN objects too, as in CPython
    if (op == CompareOp::Eq) return true;
    if (op == CompareOp::Ne) return false;
  }
  return truth(t, TRY(compare(t, a, b, op)));
}

Result<bool> equals(Thread& t, Value a, Value b) {
  if (a == b) return true;
  if (a.is_int() && b.is_int()) return false;
  if (is_str(a) && is_str(b) && a.as_object()->type() == t.types().str &&
      b.as_object()->type() == t.types().str) {
    auto* x = a.as<StrObject>();
    auto* y = b.as<StrObject>();
    if (is_interned(x) && is_interned(y)) return false;
    return str_equal(x, y);
  }
  return truth(t, TRY(compare(t, a, b, CompareOp::Eq)));
}

Result<bool> truth(Thread& t, Value v) {
  if (v.is_bool()) return v.is_true();
  if (v.is_none()) return false;
  if (v.is_int()) return v.as_int() != 0;
  Type* type = type_of(t, v);
  if (type->slots.bool_ != nullptr) return type->slots.bool_(t, v);
  if (type->slots.length != nullptr) return TRY(type->slots.length(t, v)) != 0;
  return true;
}

}  // namespace mp

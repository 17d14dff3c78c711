// Slow paths of operators, comparisons, truth and subscripts.
#include <cmath>

#include "vm/exec/interp_values.h"
#include "vm/exec/ops.h"
#include "vm/types/text_format.h"

namespace mp::ops {

namespace {

struct Arithmetic {
  BinaryOp op;
  bool immediate;
};

Arithmetic arithmetic_of(Op op) {
  switch (op) {
    case Op::ADD: return {BinaryOp::Add, false};
    case Op::SUB: return {BinaryOp::Sub, false};
    case Op::MUL: return {BinaryOp::Mul, false};
    case Op::DIV: return {BinaryOp::TrueDiv, false};
    case Op::FLOORDIV: return {BinaryOp::FloorDiv, false};
    case Op::MOD: return {BinaryOp::Mod, false};
    case Op::POW: return {BinaryOp::Pow, false};
    case Op::LSHIFT: return {BinaryOp::LShift, false};
    case Op::RSHIFT: return {BinaryOp::RShift, false};
    case Op::AND: return {BinaryOp::And, false};
    case Op::OR: return {BinaryOp::Or, false};
    case Op::XOR: return {BinaryOp::Xor, false};
    case Op::MATMUL: return {BinaryOp::MatMul, false};
    case Op::ADD_IMM: return {BinaryOp::Add, true};
    case Op::SUB_IMM: return {BinaryOp::Sub, true};
    case Op::MUL_IMM: return {BinaryOp::Mul, true};
    case Op::FLOORDIV_IMM: return {BinaryOp::FloorDiv, true};
    case Op::MOD_IMM: return {BinaryOp::Mod, true};
    case Op::POW_IMM: return {BinaryOp::Pow, true};
    case Op::AND_IMM: return {BinaryOp::And, true};
    case Op::LSHIFT_IMM: return {BinaryOp::LShift, true};
    default: return {BinaryOp::RShift, true};
  }
}

}  // namespace

namespace {

inline bool plain_int(Thread& t, Value v) { return v.is_int() || is_exact(v, t.types().int_); }

// Ints of which one is big, or whose result is: without the search for slots.
Value int_binary(Thread& t, BinaryOp op, Value x, Value y) {
  switch (op) {
    case BinaryOp::Add: return int_add(t, x, y).take();
    case BinaryOp::Sub: return int_sub(t, x, y).take();
    case BinaryOp::Mul: return int_mul(t, x, y).take();
    case BinaryOp::FloorDiv: return int_floordiv(t, x, y).take();
    case BinaryOp::Mod: return int_mod(t, x, y).take();
    case BinaryOp::LShift: return int_lshift(t, x, y).take();
    case BinaryOp::RShift: return int_rshift(t, x, y).take();
    case BinaryOp::Pow: return int_pow(t, x, y, kNone).take();
    default: return binary(t, op, x, y).take();
  }
}

// `item in container` for the containers that are asked most; the general way for the rest.
inline Result<bool> contains_in(Thread& t, Value container, Value item) {
  if (container.is_object()) {
    Type* type = container.as_object()->type();
    BuiltinTypes& types = t.types();
    if (type == types.dict) {
      Value v = dict_get(t, container.as<DictObject>(), item).take();
      if (v.is_error()) return Error{};
      return !v.is_not_found();
    }
    // An unhashable item (a set in a set) takes the general way.
    if ((type == types.set || type == types.frozenset) && (item.is_int() || is_exact(item, types.str)))
      return set_contains(t, container.as<SetObject>(), item);
  }
  return contains(t, container, item);
}

}  // namespace

MP_NOINLINE Value binary_slow(Thread& t, const Instruction* pc, Value* r) {
  Arithmetic what = arithmetic_of(lang::op_info(opcode(pc)).base);
  Value x = r[pc->b];
  Value y = what.immediate ? Value::from_int(pc->sc()) : r[pc->c];
  if (plain_int(t, x) && plain_int(t, y)) return int_binary(t, what.op, x, y);
  double a, b;
  if (mixed_numbers(x, y, &a, &b)) {
    switch (what.op) {
      case BinaryOp::Add: return make_float(t, a + b);
      case BinaryOp::Sub: return make_float(t, a - b);
      case BinaryOp::Mul: return make_float(t, a * b);
      case BinaryOp::TrueDiv:
        if (b != 0) return make_float(t, a / b);
        break;
      case BinaryOp::Mod:
        if (b != 0) return make_float(t, float_mod(a, b));
        break;
      case BinaryOp::FloorDiv:
        if (b != 0) return make_float(t, float_floordiv(a, b));
        break;
      case BinaryOp::Pow:
        if (b == 2) return make_float(t, a * a);
        break;
      default: break;
    }
  }
  if (what.op == BinaryOp::Add && is_exact(x, t.types().str) && is_exact(y, t.types().str)) {
    StrObject* joined = str_concat(t, x.as<StrObject>(), y.as<StrObject>());
    return joined == nullptr ? kErrorValue : Value(joined);
  }
  // A right operand of a subclass of str comes first with its __rmod__.
  if (what.op == BinaryOp::Mod && is_exact(x, t.types().str) && (!is_str(y) || is_exact(y, t.types().str)))
    return str_percent_format(t, x.as<StrObject>(), y).take();
  return (pc->aux & 1) != 0 ? inplace(t, what.op, x, y).take() : binary(t, what.op, x, y).take();
}

namespace {

CompareOp compare_op_of(Op op) {
  switch (op) {
    case Op::LT:
    case Op::JUMP_IF_LT:
    case Op::JUMP_IF_LT_IMM:
    case Op::LOOP_IF_LT:
    case Op::LOOP_IF_LT_IMM: return CompareOp::Lt;
    case Op::LE:
    case Op::JUMP_IF_LE:
    case Op::JUMP_IF_LE_IMM:
    case Op::LOOP_IF_LE:
    case Op::LOOP_IF_LE_IMM: return CompareOp::Le;
    case Op::EQ:
    case Op::JUMP_IF_EQ:
    case Op::JUMP_IF_EQ_IMM:
    case Op::LOOP_IF_EQ:
    case Op::LOOP_IF_EQ_IMM: return CompareOp::Eq;
    case Op::NE:
    case Op::JUMP_IF_NE:
    case Op::JUMP_IF_NE_IMM:
    case Op::LOOP_IF_NE:
    case Op::LOOP_IF_NE_IMM: return CompareOp::Ne;
    case Op::GT:
    case Op::JUMP_IF_GT:
    case Op::JUMP_IF_GT_IMM:
    case Op::LOOP_IF_GT:
    case Op::LOOP_IF_GT_IMM: return CompareOp::Gt;
    default: return CompareOp::Ge;
  }
}

// 1, 0, or -2 when it is not decided here.
inline int compare_fast(Thread& t, Value x, Value y, CompareOp op) {
  if (x.is_object() && y.is_object() && x.as_object()->type() == t.types().str &&
      y.as_object()->type() == t.types().str) {
    auto *a = x.as<StrObject>(), *b = y.as<StrObject>();
    switch (op) {
      case CompareOp::Eq: return str_equal(a, b);
      case CompareOp::Ne: return !str_equal(a, b);
      case CompareOp::Lt: return str_compare(a, b) < 0;
      case CompareOp::Le: return str_compare(a, b) <= 0;
      case CompareOp::Gt: return str_compare(a, b) > 0;
      case CompareOp::Ge: return str_compare(a, b) >= 0;
    }
  }
  double a, b;
  if (number(x, &a) && number(y, &b)) {
    switch (op) {
      case CompareOp::Eq: return a == b;
      case CompareOp::Ne: return a != b;
      case CompareOp::Lt: return a < b;
      case CompareOp::Le: return a <= b;
      case CompareOp::Gt: return a > b;
      case CompareOp::Ge: return a >= b;
    }
  }
  return -2;
}

}  // namespace

MP_NOINLINE Value compare_slow(Thread& t, const Instruction* pc, Value* r) {
  Op base = lang::op_info(opcode(pc)).base;
  Value x = r[pc->b], y = r[pc->c];
  if (base == Op::IN) {
    Result<bool> found = contains_in(t, y, x);
    if (found.is_error()) return kErrorValue;
    return Value::from_bool(found.value() != (pc->aux != 0));
  }
  CompareOp op = compare_op_of(base);
  int known = compare_fast(t, x, y, op);
  return known >= 0 ? Value::from_bool(known != 0) : compare(t, x, y, op).take();
}

MP_NOINLINE int compare_jump_slow(Thread& t, const Instruction* pc, Value* r) {
  const lang::OpInfo& info = lang::op_info(opcode(pc));
  Value x = r[pc->a];
  Value y = info.b == lang::Operand::I16 ? Value::from_int(pc->sb()) : r[pc->b];
  CompareOp op = compare_op_of(info.base);
  int known = compare_fast(t, x, y, op);
  if (known >= 0) return known;
  // Not compare_bool: identity decides nothing here (nan == nan is false).
  Value v = compare(t, x, y, op).take();
  if (v.is_error()) return -1;
  return v.is_bool() ? v.is_true() : truth_slow(t, v);
}

MP_NOINLINE int contains_jump(Thread& t, const Instruction* pc, Value* r) {
  Result<bool> found = contains_in(t, r[pc->b], r[pc->a]);
  return found.is_error() ? -1 : found.value();
}

MP_NOINLINE int truth_slow(Thread& t, Value v) {
  if (v.is_int()) return v.as_int() != 0;
  if (v.is_bool()) return v.is_true();
  if (v.is_none()) return 0;
  if (v.is_object()) {
    Type* type = v.as_object()->type();
    BuiltinTypes& types = t.types();
    if (type == types.str) return v.as<StrObject>()->length() != 0;
    if (type == types.list) return v.as<ListObject>()->length() != 0;
    if (type == types.dict) return v.as<DictObject>()->length() != 0;
    if (type == types.tuple) return v.as<TupleObject>()->size != 0;
  }
  Result<bool> truth_value = truth(t, v);
  return truth_value.is_error() ? -1 : truth_value.value();
}

MP_NOINLINE Value subscript(Thread& t, const Instruction* pc, Value container, Value key) {
  if (container.is_object()) {
    Type* type = container.as_object()->type();
    BuiltinTypes& types = t.types();
    bool specialise = lang::op_info(opcode(pc)).base == Op::SUBSCRIPT;
    if (type == types.list) {
      if (key.is_int()) {
        auto* list = container.as<ListObject>();
        int64_t i = key.as_int();
        if (i < 0) i += static_cast<int64_t>(list->length());
        Value v = i >= 0 ? list->at(static_cast<size_t>(i)) : kEmpty;
        if (v.is_empty()) {
          t.raise(Exc::IndexError, "list index out of range");
          return kErrorValue;
        }
        if (specialise) rewrite(pc, Op::SUBSCRIPT_LIST_INT);
        return v;
      }
    } else if (type == types.tuple) {
      if (key.is_int() && specialise) rewrite(pc, Op::SUBSCRIPT_TUPLE_INT);
    } else if (type == types.dict) {
      if (specialise) rewrite(pc, Op::SUBSCRIPT_DICT);
      Value v = dict_get(t, container.as<DictObject>(), key).take();
      if (!v.is_not_found()) return v;
      t.raise_value(Exc::KeyError, key);
      return kErrorValue;
    } else if (type == types.str && key.is_int()) {
      auto* text = container.as<StrObject>();
      int64_t i = key.as_int(), length = static_cast<int64_t>(text->length());
      if (i < 0) i += length;
      if (specialise) rewrite(pc, Op::SUBSCRIPT_STR_INT);
      if (i >= 0 && i < length) return make_str_char(t, text->at(static_cast<size_t>(i)));
      t.raise(Exc::IndexError, "string index out of range");
      return kErrorValue;
    }
  }
  return get_item(t, container, key).take();
}

MP_NOINLINE bool store_subscript(Thread& t, const Instruction* pc, Value container, Value key, Value value) {
  if (container.is_object()) {
    Type* type = container.as_object()->type();
    if (type == t.types().list) {
      if (key.is_int()) rewrite(pc, Op::STORE_SUBSCRIPT_LIST_INT);
    } else if (type == t.types().dict) {
      rewrite(pc, Op::STORE_SUBSCRIPT_DICT);
      return dict_set(t, container.as<DictObject>(), key, value).ok();
    }
  }
  return set_item(t, container, key, value).ok();
}

}  // namespace mp::ops

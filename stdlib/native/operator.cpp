// _operator: the operators as functions. itemgetter, attrgetter and methodcaller are in operator_getters.cpp.
#include "vm/native/native.h"
#include "vm/types/container_support.h"
#include "vm/types/iterator_support.h"
#include "vm/types/type.h"

namespace mp {

template <CompareOp op>
static Result<Value> op_compare(Thread& t, const Value* args) {
  return compare(t, args[0], args[1], op);
}
template <BinaryOp op>
static Result<Value> op_binary(Thread& t, const Value* args) {
  return binary(t, op, args[0], args[1]);
}
template <BinaryOp op>
static Result<Value> op_inplace(Thread& t, const Value* args) {
  return inplace(t, op, args[0], args[1]);
}
template <Result<Value> (*function)(Thread&, Value)>
static Result<Value> op_unary(Thread& t, const Value* args) {
  return function(t, args[0]);
}

static Result<Value> op_truth(Thread& t, const Value* args) {
  bool b = TRY(truth(t, args[0]));
  return bool_value(b);
}
static Result<Value> op_not(Thread& t, const Value* args) {
  bool b = TRY(truth(t, args[0]));
  return bool_value(!b);
}
static Result<Value> op_is(Thread&, const Value* args) { return bool_value(args[0] == args[1]); }
static Result<Value> op_is_not(Thread&, const Value* args) { return bool_value(args[0] != args[1]); }
static Result<Value> op_index(Thread& t, const Value* args) {
  Value index = TRY(to_index(t, args[0]));
  return int_plain(t, index);
}
static Result<Value> op_pow(Thread& t, const Value* args) { return power(t, args[0], args[1], kNone); }

static bool is_sequence(Thread& t, Value v) {
  return type_of(t, v)->slots.get_item != nullptr && !is_dict(v);
}
static Result<Value> op_concat(Thread& t, const Value* args) {
  if (type_of(t, args[0])->slots.concat != nullptr)
    return type_of(t, args[0])->slots.concat(t, args[0], args[1]);
  if (is_sequence(t, args[0]) && is_sequence(t, args[1])) return binary(t, BinaryOp::Add, args[0], args[1]);
  return t.raise(Exc::TypeError, "'{}' object can't be concatenated", type_name(t, args[0]));
}
static Result<Value> op_iconcat(Thread& t, const Value* args) {
  const Slots& s = type_of(t, args[0])->slots;
  if (s.inplace_concat != nullptr) return s.inplace_concat(t, args[0], args[1]);
  if (s.concat != nullptr) return s.concat(t, args[0], args[1]);
  if (is_sequence(t, args[0]) && is_sequence(t, args[1])) return inplace(t, BinaryOp::Add, args[0], args[1]);
  return t.raise(Exc::TypeError, "'{}' object can't be concatenated", type_name(t, args[0]));
}
static Result<Value> op_contains(Thread& t, const Value* args) {
  bool found = TRY(contains(t, args[0], args[1]));
  return bool_value(found);
}
static Result<Value> iterator_for(Thread& t, Value v) {
  Result<Value> made = get_iter(t, v);
  if (made.ok() || !t.catch_exception(Exc::TypeError)) return made;
  return t.raise(Exc::TypeError, "argument of type '{}' is not iterable", type_name(t, v));
}
static Result<Value> op_count_of(Thread& t, const Value* args) {
  Value iterator = TRY(iterator_for(t, args[0]));
  int64_t n = 0;
  for (;;) {
    Value item = TRY(next_of(t, iterator));
    if (item.is_no_more()) return make_int(t, n);
    bool same = TRY(equals_fast(t, item, args[1]));
    if (same) ++n;
    TRY(t.poll_within());
  }
}
static Result<Value> op_index_of(Thread& t, const Value* args) {
  Value iterator = TRY(iterator_for(t, args[0]));
  for (int64_t i = 0;; ++i) {
    Value item = TRY(next_of(t, iterator));
    if (item.is_no_more()) return t.raise(Exc::ValueError, "sequence.index(x): x not in sequence");
    bool same = TRY(equals_fast(t, item, args[1]));
    if (same) return make_int(t, i);
    TRY(t.poll_within());
  }
}
static Result<Value> op_getitem(Thread& t, const Value* args) { return get_item(t, args[0], args[1]); }
static Result<Value> op_setitem(Thread& t, const Value* args) {
  TRY(set_item(t, args[0], args[1], args[2]));
  return kNone;
}
static Result<Value> op_delitem(Thread& t, const Value* args) {
  TRY(delete_item(t, args[0], args[1]));
  return kNone;
}
static Result<Value> op_length_hint(Thread& t, const Value* args) {
  if (!is_any_int(args[1]))
    return t.raise(Exc::TypeError, "'{}' object cannot be interpreted as an integer", type_name(t, args[1]));
  int64_t fallback = TRY(to_ssize(t, args[1]));
  int64_t n = TRY(length_hint(t, args[0], fallback));
  return make_int(t, n);
}
static Result<Value> op_call(Thread& t, Value, const CallArgs& args) {
  if (args.count == 0) return t.raise(Exc::TypeError, "call expected at least 1 argument, got 0");
  return call(t, args.values[0], CallArgs{args.values + 1, args.count - 1, args.keyword_names});
}

// Takes the same time wherever the contents differ.
static Result<Value> compare_digest(Thread& t, const Value* args) {
  std::string_view a, b;
  if (is_str(args[0]) && is_str(args[1])) {
    if (!args[0].as<StrObject>()->is_ascii() || !args[1].as<StrObject>()->is_ascii())
      return t.raise(Exc::TypeError, "comparing strings with non-ASCII characters is not supported");
    a = args[0].as<StrObject>()->ascii();
    b = args[1].as<StrObject>()->ascii();
  } else {
    Result<std::string_view> x = bytes_view(t, args[0]);
    Result<std::string_view> y = x.ok() ? bytes_view(t, args[1]) : x;
    if (x.is_error() || y.is_error()) {
      if (!t.catch_exception(Exc::TypeError)) return Error{};
      return t.raise(Exc::TypeError, "unsupported operand types(s) or combination of types: '{}' and '{}'",
                     type_name(t, args[0]), type_name(t, args[1]));
    }
    a = x.value();
    b = y.value();
  }
  volatile unsigned char difference = a.size() == b.size() ? 0 : 1;
  std::string_view left = a.size() == b.size() ? a : b;
  for (size_t i = 0; i < b.size(); ++i)
    difference = static_cast<unsigned char>(
        difference | (static_cast<unsigned char>(left[i]) ^ static_cast<unsigned char>(b[i])));
  return bool_value(difference == 0);
}

static const NativeDef kOperatorFunctions[] = {
    MP_FUNCTION(op_compare<CompareOp::Lt>, "lt(a, b, /)", "Same as a < b."),
    MP_FUNCTION(op_compare<CompareOp::Le>, "le(a, b, /)", "Same as a <= b."),
    MP_FUNCTION(op_compare<CompareOp::Eq>, "eq(a, b, /)", "Same as a == b."),
    MP_FUNCTION(op_compare<CompareOp::Ne>, "ne(a, b, /)", "Same as a != b."),
    MP_FUNCTION(op_compare<CompareOp::Ge>, "ge(a, b, /)", "Same as a >= b."),
    MP_FUNCTION(op_compare<CompareOp::Gt>, "gt(a, b, /)", "Same as a > b."),
    MP_FUNCTION(op_not, "not_(a, /)", "Same as not a."),
    MP_FUNCTION(op_truth, "truth(a, /)", "Return True if a is true, False otherwise."),
    MP_FUNCTION(op_is, "is_(a, b, /)", "Same as a is b."),
    MP_FUNCTION(op_is_not, "is_not(a, b, /)", "Same as a is not b."),
    MP_FUNCTION(op_unary<absolute>, "abs(a, /)", "Same as abs(a)."),
    MP_FUNCTION(op_binary<BinaryOp::Add>, "add(a, b, /)", "Same as a + b."),
    MP_FUNCTION(op_binary<BinaryOp::And>, "and_(a, b, /)", "Same as a & b."),
    MP_FUNCTION(op_binary<BinaryOp::FloorDiv>, "floordiv(a, b, /)", "Same as a // b."),
    MP_FUNCTION(op_index, "index(a, /)", "Same as a.__index__()"),
    MP_FUNCTION(op_unary<invert>, "inv(a, /)", "Same as ~a."),
    MP_FUNCTION(op_unary<invert>, "invert(a, /)", "Same as ~a."),
    MP_FUNCTION(op_binary<BinaryOp::LShift>, "lshift(a, b, /)", "Same as a << b."),
    MP_FUNCTION(op_binary<BinaryOp::Mod>, "mod(a, b, /)", "Same as a % b."),
    MP_FUNCTION(op_binary<BinaryOp::Mul>, "mul(a, b, /)", "Same as a * b."),
    MP_FUNCTION(op_binary<BinaryOp::MatMul>, "matmul(a, b, /)", "Same as a @ b."),
    MP_FUNCTION(op_unary<negative>, "neg(a, /)", "Same as -a."),
    MP_FUNCTION(op_binary<BinaryOp::Or>, "or_(a, b, /)", "Same as a | b."),
    MP_FUNCTION(op_unary<positive>, "pos(a, /)", "Same as +a."),
    MP_FUNCTION(op_pow, "pow(a, b, /)", "Same as a ** b."),
    MP_FUNCTION(op_binary<BinaryOp::RShift>, "rshift(a, b, /)", "Same as a >> b."),
    MP_FUNCTION(op_binary<BinaryOp::Sub>, "sub(a, b, /)", "Same as a - b."),
    MP_FUNCTION(op_binary<BinaryOp::TrueDiv>, "truediv(a, b, /)", "Same as a / b."),
    MP_FUNCTION(op_binary<BinaryOp::Xor>, "xor(a, b, /)", "Same as a ^ b."),
    MP_FUNCTION(op_concat, "concat(a, b, /)", "Same as a + b, for a and b sequences."),
    MP_FUNCTION(op_contains, "contains(a, b, /)", "Same as b in a (note reversed operands)."),
    MP_FUNCTION(op_count_of, "countOf(a, b, /)",
                "Return the number of items in a which are, or which equal, b."),
    MP_FUNCTION(op_index_of, "indexOf(a, b, /)", "Return the first index of b in a."),
    MP_FUNCTION(op_getitem, "getitem(a, b, /)", "Same as a[b]."),
    MP_FUNCTION(op_setitem, "setitem(a, b, c, /)", "Same as a[b] = c."),
    MP_FUNCTION(op_delitem, "delitem(a, b, /)", "Same as del a[b]."),
    MP_FUNCTION(op_length_hint, "length_hint(obj, default=0, /)",
                "Return an estimate of the number of items in obj.\n\nThis is useful for presizing "
                "containers when building from an "
                "iterable.\n\nIf the object supports len(), the result will be exact.\nOtherwise, it may "
                "over- or under-estimate by "
                "an arbitrary amount."),
    MP_FUNCTION(op_inplace<BinaryOp::Add>, "iadd(a, b, /)", "Same as a += b."),
    MP_FUNCTION(op_inplace<BinaryOp::And>, "iand(a, b, /)", "Same as a &= b."),
    MP_FUNCTION(op_iconcat, "iconcat(a, b, /)", "Same as a += b, for a and b sequences."),
    MP_FUNCTION(op_inplace<BinaryOp::FloorDiv>, "ifloordiv(a, b, /)", "Same as a //= b."),
    MP_FUNCTION(op_inplace<BinaryOp::LShift>, "ilshift(a, b, /)", "Same as a <<= b."),
    MP_FUNCTION(op_inplace<BinaryOp::Mod>, "imod(a, b, /)", "Same as a %= b."),
    MP_FUNCTION(op_inplace<BinaryOp::Mul>, "imul(a, b, /)", "Same as a *= b."),
    MP_FUNCTION(op_inplace<BinaryOp::MatMul>, "imatmul(a, b, /)", "Same as a @= b."),
    MP_FUNCTION(op_inplace<BinaryOp::Or>, "ior(a, b, /)", "Same as a |= b."),
    MP_FUNCTION(op_inplace<BinaryOp::Pow>, "ipow(a, b, /)", "Same as a **= b."),
    MP_FUNCTION(op_inplace<BinaryOp::RShift>, "irshift(a, b, /)", "Same as a >>= b."),
    MP_FUNCTION(op_inplace<BinaryOp::Sub>, "isub(a, b, /)", "Same as a -= b."),
    MP_FUNCTION(op_inplace<BinaryOp::TrueDiv>, "itruediv(a, b, /)", "Same as a /= b."),
    MP_FUNCTION(op_inplace<BinaryOp::Xor>, "ixor(a, b, /)", "Same as a ^= b."),
    MP_RAW_FUNCTION(op_call, "call(obj, /, *args, **kwargs)", "Same as obj(*args, **kwargs)."),
    MP_FUNCTION(compare_digest, "_compare_digest(a, b, /)",
                "Return 'a == b'.\n\nThis function uses an approach designed to prevent\ntiming analysis, "
                "making it appropriate for "
                "cryptography.\n\na and b must both be of the same type: either str (ASCII only),\nor any "
                "bytes-like object."),
    MP_END};

extern const TypeSpec kItemGetterSpec, kAttrGetterSpec, kMethodCallerSpec;
static Status init_operator(Thread& t, ModuleObject* module) {
  module_add_type(t, module, kItemGetterSpec);
  module_add_type(t, module, kAttrGetterSpec);
  module_add_type(t, module, kMethodCallerSpec);
  return {};
}
extern const ModuleSpec kOperatorModule;
const ModuleSpec kOperatorModule = {
    .name = "_operator",
    .doc =
        "Operator interface.\n\nThis module exports a set of functions implemented in C "
        "corresponding\nto the intrinsic operators of Python.  For example, operator.add(x, "
        "y)\nis equivalent to the expression x+y.",
    .functions = kOperatorFunctions,
    .init = init_operator};

}  // namespace mp

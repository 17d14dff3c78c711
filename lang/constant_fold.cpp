#include "lang/constant_fold.h"

#include <gmp.h>

#include <cmath>
#include <cstdlib>

namespace mp::lang {

namespace {

using Kind = CodeConstant::Kind;

// CPython's limits (ast_opt.c): results beyond these are computed when the program runs.
constexpr size_t kMaxIntBits = 128;
constexpr size_t kMaxCollectionSize = 256;
constexpr size_t kMaxTextSize = 4096;
constexpr int64_t kMaxTotalItems = 1024;

struct BigInt {
  mpz_t value;
  BigInt() { mpz_init(value); }
  ~BigInt() { mpz_clear(value); }
  BigInt(const BigInt&) = delete;
  BigInt& operator=(const BigInt&) = delete;

  bool set(const CodeConstant& c) {
    switch (c.kind) {
      case Kind::True: mpz_set_si(value, 1); return true;
      case Kind::False: mpz_set_si(value, 0); return true;
      case Kind::Int: mpz_set_si(value, c.integer); return true;
      case Kind::BigInt: return mpz_set_str(value, c.text.c_str(), 16) == 0;
      default: return false;
    }
  }
  size_t bits() const { return mpz_sgn(value) == 0 ? 0 : mpz_sizeinbase(value, 2); }
  CodeConstant constant() const {
    CodeConstant result;
    if (mpz_fits_slong_p(value)) {
      result.kind = Kind::Int;
      result.integer = mpz_get_si(value);
      return result;
    }
    result.kind = Kind::BigInt;
    result.text.resize(mpz_sizeinbase(value, 16) + 2);
    mpz_get_str(result.text.data(), 16, value);
    result.text.resize(result.text.find('\0'));
    return result;
  }
};

bool is_int(const CodeConstant& c) {
  return c.kind == Kind::Int || c.kind == Kind::BigInt || c.kind == Kind::True || c.kind == Kind::False;
}
bool is_number(const CodeConstant& c) {
  return is_int(c) || c.kind == Kind::Float || c.kind == Kind::Complex;
}

CodeConstant float_constant(double value) {
  CodeConstant result;
  result.kind = Kind::Float;
  result.real = value;
  return result;
}

bool to_double(const CodeConstant& c, double* out) {
  if (c.kind == Kind::Float) {
    *out = c.real;
    return true;
  }
  BigInt big;
  if (!big.set(c)) return false;
  if (big.bits() > 53) return false;  // rounding and overflow are the run time's
  *out = mpz_get_d(big.value);
  return true;
}

bool fold_int(Operator op, const CodeConstant& l, const CodeConstant& r, CodeConstant* out) {
  BigInt a, b, result;
  if (!a.set(l) || !b.set(r)) return false;
  switch (op) {
    case Operator::Add: mpz_add(result.value, a.value, b.value); break;
    case Operator::Sub: mpz_sub(result.value, a.value, b.value); break;
    case Operator::Mult:
      if (a.bits() + b.bits() > kMaxIntBits) return false;
      mpz_mul(result.value, a.value, b.value);
      break;
    case Operator::FloorDiv:
      if (mpz_sgn(b.value) == 0) return false;
      mpz_fdiv_q(result.value, a.value, b.value);
      break;
    case Operator::Mod:
      if (mpz_sgn(b.value) == 0) return false;
      mpz_fdiv_r(result.value, a.value, b.value);
      break;
    case Operator::Div: {
      double x, y;
      if (mpz_sgn(b.value) == 0 || !to_double(l, &x) || !to_double(r, &y)) return false;
      *out = float_constant(x / y);
      return true;
    }
    case Operator::Pow: {
      if (mpz_sgn(b.value) < 0) {
        double x, y;
        if (mpz_sgn(a.value) == 0 || !to_double(l, &x) || !to_double(r, &y)) return false;
        *out = float_constant(std::pow(x, y));
        return true;
      }
      if (mpz_sgn(a.value) != 0 && mpz_sgn(b.value) > 0) {
        if (b.bits() > 32 || a.bits() > kMaxIntBits / mpz_get_ui(b.value)) return false;
      }
      mpz_pow_ui(result.value, a.value, mpz_get_ui(b.value));
      break;
    }
    case Operator::LShift:
      if (mpz_sgn(b.value) < 0 || b.bits() > 32) return false;
      if (mpz_sgn(a.value) != 0 && a.bits() + mpz_get_ui(b.value) > kMaxIntBits) return false;
      mpz_mul_2exp(result.value, a.value, mpz_sgn(a.value) == 0 ? 0 : mpz_get_ui(b.value));
      break;
    case Operator::RShift:
      if (mpz_sgn(b.value) < 0 || b.bits() > 32) return false;
      mpz_fdiv_q_2exp(result.value, a.value, mpz_get_ui(b.value));
      break;
    case Operator::BitAnd: mpz_and(result.value, a.value, b.value); break;
    case Operator::BitOr: mpz_ior(result.value, a.value, b.value); break;
    case Operator::BitXor: mpz_xor(result.value, a.value, b.value); break;
    default: return false;
  }
  bool both_bool = l.kind <= Kind::True && r.kind <= Kind::True;
  if (both_bool && (op == Operator::BitAnd || op == Operator::BitOr || op == Operator::BitXor)) {
    *out = CodeConstant{};
    out->kind = mpz_sgn(result.value) ? Kind::True : Kind::False;
    return true;
  }
  *out = result.constant();
  return true;
}

bool fold_float(Operator op, const CodeConstant& l, const CodeConstant& r, CodeConstant* out) {
  double x, y;
  if (!to_double(l, &x) || !to_double(r, &y)) return false;
  double result;
  switch (op) {
    case Operator::Add: result = x + y; break;
    case Operator::Sub: result = x - y; break;
    case Operator::Mult: result = x * y; break;
    case Operator::Div:
      if (y == 0) return false;
      result = x / y;
      break;
    // Signs, zeros and overflow have rules of their own: at run time.
    case Operator::FloorDiv:
    case Operator::Mod: {
      if (!(x > 0 && y > 0) || !std::isfinite(x) || !std::isfinite(y)) return false;
      result = std::fmod(x, y);
      if (op == Operator::Mod) break;
      double quotient = (x - result) / y;
      result = std::floor(quotient);
      if (quotient - result > 0.5) result += 1;
      break;
    }
    case Operator::Pow:
      result = std::pow(x, y);
      if (!(x > 0) || !std::isfinite(y) || !std::isfinite(result)) return false;
      break;
    default: return false;
  }
  *out = float_constant(result);
  return true;
}

bool fold_complex(Operator op, const CodeConstant& l, const CodeConstant& r, CodeConstant* out) {
  CodeConstant a = l, b = r;
  for (CodeConstant* each : {&a, &b}) {
    if (each->kind == Kind::Complex) continue;
    double real;
    if (!to_double(*each, &real)) return false;
    *each = float_constant(real);
  }
  CodeConstant result;
  result.kind = Kind::Complex;
  // 3.13 coerces both operands to complex.
  switch (op) {
    case Operator::Add:
      result.real = a.real + b.real;
      result.imaginary = a.imaginary + b.imaginary;
      break;
    case Operator::Sub:
      result.real = a.real - b.real;
      result.imaginary = a.imaginary - b.imaginary;
      break;
    case Operator::Mult:
      result.real = a.real * b.real - a.imaginary * b.imaginary;
      result.imaginary = a.real * b.imaginary + a.imaginary * b.real;
      break;
    default: return false;
  }
  *out = result;
  return true;
}

int64_t count_items(const CodeConstant& c) {
  int64_t total = 1;
  for (const CodeConstant& item : c.items) total += count_items(item);
  return total;
}

bool fold_repeat(const CodeConstant& sequence, const CodeConstant& times, CodeConstant* out) {
  if (times.kind == Kind::BigInt) return false;
  int64_t n = times.kind == Kind::Int ? times.integer : times.kind == Kind::True;
  if (n < 0) n = 0;
  *out = CodeConstant{};
  out->kind = sequence.kind;
  if (sequence.kind == Kind::Tuple) {
    if (!sequence.items.empty()) {
      if (static_cast<uint64_t>(n) > kMaxCollectionSize / sequence.items.size()) return false;
      if (n * count_items(sequence) > kMaxTotalItems) return false;
    }
    for (int64_t i = 0; i < n; ++i) {
      out->items.insert(out->items.end(), sequence.items.begin(), sequence.items.end());
      if (sequence.items.empty()) break;
    }
    return true;
  }
  if (!sequence.text.empty() && static_cast<uint64_t>(n) > kMaxTextSize / sequence.text.size()) return false;
  for (int64_t i = 0; i < n && !sequence.text.empty(); ++i) out->text += sequence.text;
  return true;
}

bool is_sequence(const CodeConstant& c) {
  return c.kind == Kind::String || c.kind == Kind::Bytes || c.kind == Kind::Tuple;
}

bool fold_binary(Operator op, const CodeConstant& l, const CodeConstant& r, CodeConstant* out) {
  if (is_number(l) && is_number(r)) {
    if (l.kind == Kind::Complex || r.kind == Kind::Complex) return fold_complex(op, l, r, out);
    if (l.kind == Kind::Float || r.kind == Kind::Float) return fold_float(op, l, r, out);
    return fold_int(op, l, r, out);
  }
  if (op == Operator::Add && l.kind == r.kind && is_sequence(l)) {
    if (l.text.size() + r.text.size() > kMaxTextSize ||
        l.items.size() + r.items.size() > kMaxCollectionSize) {
      return false;
    }
    *out = l;
    out->text += r.text;
    out->items.insert(out->items.end(), r.items.begin(), r.items.end());
    return true;
  }
  if (op == Operator::Mult) {
    if (is_sequence(l) && is_int(r)) return fold_repeat(l, r, out);
    if (is_int(l) && is_sequence(r)) return fold_repeat(r, l, out);
  }
  return false;
}

bool fold_unary(UnaryOperator op, const CodeConstant& c, CodeConstant* out) {
  if (op == UnaryOperator::Not) {
    *out = CodeConstant{};
    out->kind = constant_truth(c) ? Kind::False : Kind::True;
    return true;
  }
  if (!is_number(c)) return false;
  if (c.kind == Kind::Float || c.kind == Kind::Complex) {
    if (op == UnaryOperator::Invert) return false;
    *out = c;
    if (op == UnaryOperator::USub) {
      out->real = -out->real;
      if (c.kind == Kind::Complex) out->imaginary = -out->imaginary;
    }
    return true;
  }
  BigInt big;
  if (!big.set(c)) return false;
  // ~True warns when it runs.
  if (op == UnaryOperator::Invert && c.kind <= Kind::True) return false;
  if (op == UnaryOperator::USub) mpz_neg(big.value, big.value);
  if (op == UnaryOperator::Invert) mpz_com(big.value, big.value);
  *out = big.constant();
  return true;
}

}  // namespace

CodeConstant int_constant(int64_t value) {
  CodeConstant result;
  result.kind = Kind::Int;
  result.integer = value;
  return result;
}

CodeConstant string_constant(std::string_view text) {
  CodeConstant result;
  result.kind = Kind::String;
  result.text = text;
  return result;
}

CodeConstant literal_constant(const ConstantValue& value) {
  CodeConstant result;
  switch (value.kind) {
    case ConstantKind::None: break;
    case ConstantKind::True: result.kind = Kind::True; break;
    case ConstantKind::False: result.kind = Kind::False; break;
    case ConstantKind::Ellipsis: result.kind = Kind::Ellipsis; break;
    case ConstantKind::Int:
      result.kind = Kind::Int;
      result.integer = value.integer;
      break;
    case ConstantKind::BigInt: {
      BigInt big;
      mpz_set_str(big.value, std::string(value.text).c_str(), value.base);
      return big.constant();
    }
    case ConstantKind::Float:
      result.kind = Kind::Float;
      result.real = value.real;
      break;
    case ConstantKind::Complex:
      result.kind = Kind::Complex;
      result.imaginary = value.real;
      break;
    case ConstantKind::Str:
      result.kind = Kind::String;
      result.text = value.text;
      break;
    case ConstantKind::Bytes:
      result.kind = Kind::Bytes;
      result.text = value.text;
      break;
  }
  return result;
}

bool constant_truth(const CodeConstant& c) {
  switch (c.kind) {
    case Kind::None:
    case Kind::False: return false;
    case Kind::True:
    case Kind::Ellipsis:
    case Kind::BigInt: return true;
    case Kind::Int: return c.integer != 0;
    case Kind::Float: return c.real != 0;
    case Kind::Complex: return c.real != 0 || c.imaginary != 0;
    case Kind::String:
    case Kind::Bytes: return !c.text.empty();
    case Kind::Tuple:
    case Kind::FrozenSet: return !c.items.empty();
  }
  return true;
}

bool may_be_constant(const ExprNode* node) {
  switch (node->kind) {
    case NodeKind::Constant:
    case NodeKind::BinOp:
    case NodeKind::UnaryOp:
    case NodeKind::Tuple:
    case NodeKind::Name: return true;
    default: return false;
  }
}

bool fold_constant(const ExprNode* node, bool debug, CodeConstant* out) {
  switch (node->kind) {
    case NodeKind::Constant: *out = literal_constant(ast_as<Constant>(node).value); return true;
    case NodeKind::Name: {
      auto& name = ast_as<Name>(node);
      if (name.ctx != ExprContext::Load || !(name.id == "__debug__")) return false;
      *out = CodeConstant{};
      out->kind = debug ? Kind::True : Kind::False;
      return true;
    }
    case NodeKind::UnaryOp: {
      auto& unary = ast_as<UnaryOp>(node);
      CodeConstant operand;
      return fold_constant(unary.operand, debug, &operand) && fold_unary(unary.op, operand, out);
    }
    case NodeKind::BinOp: {
      auto& binary = ast_as<BinOp>(node);
      if (!may_be_constant(binary.right) || !may_be_constant(binary.left)) return false;
      CodeConstant left, right;
      return fold_constant(binary.right, debug, &right) && fold_constant(binary.left, debug, &left) &&
             fold_binary(binary.op, left, right, out);
    }
    case NodeKind::Tuple: {
      auto& tuple = ast_as<Tuple>(node);
      if (tuple.ctx != ExprContext::Load) return false;
      CodeConstant result;
      result.kind = Kind::Tuple;
      for (ExprNode* each : tuple.elts) {
        if (!may_be_constant(each)) return false;
      }
      for (ExprNode* each : tuple.elts) {
        result.items.emplace_back();
        if (!fold_constant(each, debug, &result.items.back())) return false;
      }
      *out = std::move(result);
      return true;
    }
    default: return false;
  }
}

}  // namespace mp::lang

// Operators and comparisons into registers, conditions into jumps.
#include "lang/compiler.h"

namespace mp::lang {

// ---- operators

Op binary_op(Operator op) {
  switch (op) {
    case Operator::Add: return Op::ADD;
    case Operator::Sub: return Op::SUB;
    case Operator::Mult: return Op::MUL;
    case Operator::MatMult: return Op::MATMUL;
    case Operator::Div: return Op::DIV;
    case Operator::Mod: return Op::MOD;
    case Operator::Pow: return Op::POW;
    case Operator::LShift: return Op::LSHIFT;
    case Operator::RShift: return Op::RSHIFT;
    case Operator::BitOr: return Op::OR;
    case Operator::BitXor: return Op::XOR;
    case Operator::BitAnd: return Op::AND;
    case Operator::FloorDiv: return Op::FLOORDIV;
  }
  return Op::NOP;
}

bool immediate_op(Operator op, Op* result) {
  switch (op) {
    case Operator::Add: *result = Op::ADD_IMM; return true;
    case Operator::Sub: *result = Op::SUB_IMM; return true;
    case Operator::Mult: *result = Op::MUL_IMM; return true;
    case Operator::FloorDiv: *result = Op::FLOORDIV_IMM; return true;
    case Operator::Mod: *result = Op::MOD_IMM; return true;
    case Operator::Pow: *result = Op::POW_IMM; return true;
    case Operator::BitAnd: *result = Op::AND_IMM; return true;
    case Operator::LShift: *result = Op::LSHIFT_IMM; return true;
    case Operator::RShift: *result = Op::RSHIFT_IMM; return true;
    default: return false;
  }
}

void Compiler::binary_into(const ExprNode* node, Reg dest) {
  // a + b + c + ...: deep on the left; from the inside out.
  Emitter& emitter = out();
  std::vector<const BinOp*> chain;
  const ExprNode* left_node = node;
  CodeConstant constant;
  while (left_node->kind == NodeKind::BinOp && (left_node == node || !fold(left_node, &constant))) {
    chain.push_back(&ast_as<BinOp>(left_node));
    left_node = chain.back()->left;
  }
  Reg mark = emitter.top();
  // A temporary destination serves for the partial results as well.
  Reg partial = emitter.is_temporary(dest) ? dest : -1;
  Reg left = partial >= 0 ? operand_in(left_node, partial) : operand(left_node);
  for (size_t i = chain.size(); i-- > 0;) {
    const BinOp& step = *chain[i];
    Reg before = emitter.top();
    Reg result = dest;
    if (i != 0) {
      if (partial < 0) partial = left >= mark ? left : emitter.push(), before = emitter.top();
      result = partial;
    }
    Op immediate;
    int value;
    if (immediate_op(step.op, &immediate) && small_int(step.right, &value)) {
      emitter.set_span(step.span);
      emitter.emit(immediate, result, left, static_cast<uint16_t>(value));
    } else {
      Reg right = operand(step.right);
      emitter.set_span(step.span);
      emitter.emit(binary_op(step.op), result, left, right);
    }
    emitter.release_to(before);
    left = result;
  }
  emitter.release_to(mark);
}

void Compiler::bool_op_into(const BoolOp& node, Reg dest) {
  Emitter& emitter = out();
  Reg value = emitter.is_temporary(dest) ? dest : emitter.push();
  Label end = emitter.new_label();
  Op jump = node.op == BoolOperator::And ? Op::JUMP_IF_FALSE : Op::JUMP_IF_TRUE;
  for (size_t i = 0; i + 1 < node.values.size(); ++i) {
    into(node.values[i], value);
    emitter.set_span(node.span);
    emitter.jump(jump, end, value);
  }
  into(node.values.back(), value);
  emitter.bind(end);
  emitter.move(dest, value);
}

namespace {

Op compare_op(CompareOperator op) {
  switch (op) {
    case CompareOperator::Eq: return Op::EQ;
    case CompareOperator::NotEq: return Op::NE;
    case CompareOperator::Lt: return Op::LT;
    case CompareOperator::LtE: return Op::LE;
    case CompareOperator::Gt: return Op::GT;
    case CompareOperator::GtE: return Op::GE;
    case CompareOperator::Is:
    case CompareOperator::IsNot: return Op::IS;
    case CompareOperator::In:
    case CompareOperator::NotIn: return Op::IN;
  }
  return Op::NOP;
}

bool is_negative(CompareOperator op) { return op == CompareOperator::IsNot || op == CompareOperator::NotIn; }

bool is_none(const ExprNode* node) {
  auto* constant = ast_cast<Constant>(node);
  return constant != nullptr && constant->value.kind == ConstantKind::None;
}

}  // namespace

void Compiler::compare_step(CompareOperator op, Reg dest, Reg left, Reg right) {
  out().emit(compare_op(op), dest, left, right, is_negative(op) ? 1 : 0);
}

void Compiler::compare_into(const Compare& node, Reg dest) {
  check_compare(node);
  Emitter& emitter = out();
  size_t count = node.ops.size();
  auto right_operand = [&](size_t i) {
    // x in [1, 2]: nobody can see the list, so it is a constant tuple; a set becomes a frozenset.
    const ExprNode* right = node.comparators[i];
    bool membership = node.ops[i] == CompareOperator::In || node.ops[i] == CompareOperator::NotIn;
    CodeConstant constant;
    if (membership && (right->kind == NodeKind::List || right->kind == NodeKind::Set) &&
        fold_all(right->kind == NodeKind::List ? ast_as<List>(right).elts : ast_as<Set>(right).elts,
                 &constant)) {
      if (right->kind == NodeKind::Set) constant.kind = CodeConstant::Kind::FrozenSet;
      Reg reg = emitter.push();
      emitter.set_span(right->span);
      load_constant(constant, reg);
      return reg;
    }
    return operand(right);
  };
  if (count == 1) {
    Reg left = operand(node.left);
    Reg right = right_operand(0);
    emitter.set_span(node.span);
    compare_step(node.ops[0], dest, left, right);
    return;
  }
  Reg result = emitter.is_temporary(dest) ? dest : emitter.push();
  Label end = emitter.new_label();
  Reg left = operand(node.left);
  for (size_t i = 0; i < count; ++i) {
    Reg right = right_operand(i);
    emitter.set_span(node.span);
    compare_step(node.ops[i], result, left, right);
    if (i + 1 < count) emitter.jump(Op::JUMP_IF_FALSE, end, result);
    left = right;
  }
  emitter.bind(end);
  emitter.move(dest, result);
}

// ---- conditions

void Compiler::jump_on(Reg value, Label target, bool sense, Span span) {
  Emitter& emitter = out();
  emitter.set_span(span);
  bool back = emitter.is_bound(target);
  Op op =
      back ? (sense ? Op::LOOP_IF_TRUE : Op::LOOP_IF_FALSE) : (sense ? Op::JUMP_IF_TRUE : Op::JUMP_IF_FALSE);
  emitter.jump(op, target, value);
}

// Jumps to target when (left op right) == sense. A small int on the right goes into the instruction.
void Compiler::jump_compare(CompareOperator op, Reg left, const ExprNode* right_node, Reg right, Label target,
                            bool sense, Span span) {
  Emitter& emitter = out();
  bool back = emitter.is_bound(target);
  int value = 0;
  bool immediate = right < 0 && op <= CompareOperator::GtE && small_int(right_node, &value);
  if (right < 0 && !immediate &&
      !((op == CompareOperator::Is || op == CompareOperator::IsNot) && is_none(right_node))) {
    right = operand(right_node);
  }
  emitter.set_span(span);
  if (is_negative(op)) sense = !sense;
  int offset = 0;
  switch (op) {
    case CompareOperator::Lt: offset = 0; break;
    case CompareOperator::LtE: offset = 1; break;
    case CompareOperator::Eq: offset = 2; break;
    case CompareOperator::NotEq: offset = 3; break;
    case CompareOperator::Gt: offset = 4; break;
    case CompareOperator::GtE: offset = 5; break;
    default: {
      // No backward forms of these: skip a jump back.
      Label skip = kNoLabel, to = target;
      if (back) {
        skip = to = emitter.new_label();
        sense = !sense;
      }
      if (right < 0) {
        emitter.jump(sense ? Op::JUMP_IF_NONE : Op::JUMP_IF_NOT_NONE, to, left);
      } else if (op == CompareOperator::Is || op == CompareOperator::IsNot) {
        emitter.jump(Op::JUMP_IF_IS, to, left, right, sense);
      } else {
        emitter.jump(Op::JUMP_IF_IN, to, left, right, sense);
      }
      if (back) {
        emitter.jump(Op::JUMP_BACK, target);
        emitter.bind(skip);
      }
      return;
    }
  }
  Op base =
      immediate ? (back ? Op::LOOP_IF_LT_IMM : Op::JUMP_IF_LT_IMM) : (back ? Op::LOOP_IF_LT : Op::JUMP_IF_LT);
  Op jump = static_cast<Op>(static_cast<int>(base) + offset);
  emitter.jump(jump, target, left, immediate ? static_cast<uint16_t>(value) : right, sense);
}

void Compiler::jump_if(const ExprNode* node, Label target, bool sense) {
  DepthGuard guard(*this, node->span);
  Emitter& emitter = out();
  Reg mark = emitter.top();
  CodeConstant constant;
  if (fold(node, &constant)) {
    if (constant_truth(constant) == sense) {
      emitter.set_span(node->span);
      emitter.jump_statement(target);
    } else if (node->kind == NodeKind::Constant) {
      emitter.set_span(node->span);
      emitter.mark_line();
    }
    return;
  }
  switch (node->kind) {
    case NodeKind::UnaryOp:
      if (ast_as<UnaryOp>(node).op == UnaryOperator::Not) {
        jump_if(ast_as<UnaryOp>(node).operand, target, !sense);
        return;
      }
      break;
    case NodeKind::BoolOp: {
      auto& logic = ast_as<BoolOp>(node);
      // `a and b` jumps when false at each operand; when it shall jump on true, only the last one does.
      bool each_jumps = (logic.op == BoolOperator::Or) == sense;
      Label skip = each_jumps ? target : emitter.new_label();
      for (size_t i = 0; i + 1 < logic.values.size(); ++i) {
        jump_if(logic.values[i], skip, logic.op == BoolOperator::Or);
      }
      jump_if(logic.values.back(), target, sense);
      if (!each_jumps) emitter.bind(skip);
      return;
    }
    case NodeKind::IfExp: {
      auto& choice = ast_as<IfExp>(node);
      Label orelse = emitter.new_label(), end = emitter.new_label();
      jump_if(choice.test, orelse, false);
      jump_if(choice.body, target, sense);
      emitter.jump(Op::JUMP, end);
      emitter.bind(orelse);
      jump_if(choice.orelse, target, sense);
      emitter.bind(end);
      return;
    }
    case NodeKind::Compare: {
      auto& compare = ast_as<Compare>(node);
      check_compare(compare);
      bool membership = compare.ops[0] == CompareOperator::In || compare.ops[0] == CompareOperator::NotIn;
      if (compare.ops.size() == 1) {
        const ExprNode* right = compare.comparators[0];
        if (membership && (right->kind == NodeKind::List || right->kind == NodeKind::Set)) {
          Reg left = operand(compare.left);
          Reg container = emitter.push();
          if (fold_all(right->kind == NodeKind::List ? ast_as<List>(right).elts : ast_as<Set>(right).elts,
                       &constant)) {
            if (right->kind == NodeKind::Set) constant.kind = CodeConstant::Kind::FrozenSet;
            emitter.set_span(right->span);
            load_constant(constant, container);
          } else {
            into(right, container);
          }
          jump_compare(compare.ops[0], left, right, container, target, sense, node->span);
        } else {
          Reg left = operand(compare.left);
          jump_compare(compare.ops[0], left, right, -1, target, sense, node->span);
        }
        emitter.release_to(mark);
        return;
      }
      // a < b < c: each comparison but the last leaves when it is false.
      Label end = emitter.new_label();
      Label no = sense ? end : target;
      Reg left = operand(compare.left);
      for (size_t i = 0; i + 1 < compare.ops.size(); ++i) {
        Reg right = operand(compare.comparators[i]);
        jump_compare(compare.ops[i], left, nullptr, right, no, false, node->span);
        left = right;
      }
      jump_compare(compare.ops[compare.ops.size() - 1], left, compare.comparators.back(), -1, target, sense,
                   node->span);
      emitter.release_to(mark);
      emitter.bind(end);
      return;
    }
    default: break;
  }
  Reg value = operand(node);
  jump_on(value, target, sense, node->span);
  emitter.release_to(mark);
}

}  // namespace mp::lang

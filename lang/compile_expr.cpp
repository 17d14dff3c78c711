// Expressions into registers, but for operators, calls and comprehensions.
#include "lang/compiler.h"

namespace mp::lang {

// ---- where values go

Reg Compiler::push(const ExprNode* node) {
  Reg dest = out().push();
  into(node, dest);
  return dest;
}

Reg Compiler::operand(const ExprNode* node) {
  if (auto* name = ast_cast<Name>(node)) {
    if (!(name->id == "__debug__")) {
      Place place = resolve(name->id);
      if (place.kind == Place::Local) {
        out().set_span(node->span);
        check_bound(place);
        // An assignment expression further right may rebind it: `x + (x := 5)` adds the old x.
        if (!(place.symbol->flags & kWalrus) && place.symbol->walrus_count == 0) return place.reg;
        Reg copy = out().push();
        out().move(copy, place.reg);
        return copy;
      }
    }
  } else if (auto* named = ast_cast<NamedExpr>(node)) {
    auto* target = ast_cast<Name>(named->target);
    Reg local = target == nullptr ? -1 : plain_local(target->id);
    if (local >= 0 && !out().is_temporary(local) && resolve(target->id).symbol->walrus_count <= 1) {
      into(named->value, local);
      bound(target->id);
      return local;
    }
  }
  return push(node);
}

Reg Compiler::operand_in(const ExprNode* node, Reg scratch) {
  auto* name = ast_cast<Name>(node);
  if ((name != nullptr && resolve(name->id).kind == Place::Local) || node->kind == NodeKind::NamedExpr) {
    return operand(node);
  }
  into(node, scratch);
  return scratch;
}

void Compiler::effect(const ExprNode* node) {
  Reg mark = out().top();
  operand(node);
  out().release_to(mark);
}

void Compiler::load_constant(const CodeConstant& value, Reg dest) {
  Emitter& emitter = out();
  if (value.kind == CodeConstant::Kind::None) {
    emitter.emit(Op::LOAD_NONE, dest);
  } else if (value.kind == CodeConstant::Kind::Int && value.integer >= INT32_MIN &&
             value.integer <= INT32_MAX) {
    emitter.emit_wide(Op::LOAD_INT, dest, static_cast<int32_t>(value.integer));
  } else {
    emitter.emit_wide(Op::LOAD_CONST, dest, static_cast<int32_t>(emitter.constant(value)));
  }
}

bool Compiler::small_int(const ExprNode* node, int* value) {
  if (node->kind != NodeKind::Constant && node->kind != NodeKind::UnaryOp) return false;
  CodeConstant constant;
  if (!fold(node, &constant) || constant.kind != CodeConstant::Kind::Int) return false;
  if (constant.integer < INT16_MIN || constant.integer > INT16_MAX) return false;
  *value = static_cast<int>(constant.integer);
  return true;
}

void Compiler::into(const ExprNode* node, Reg dest) {
  DepthGuard guard(*this, node->span);
  Emitter& emitter = out();
  Reg mark = emitter.top();
  CodeConstant constant;
  if (fold(node, &constant)) {
    emitter.set_span(node->span);
    load_constant(constant, dest);
    return;
  }
  switch (node->kind) {
    case NodeKind::Name: load_name(ast_as<Name>(node).id, node->span, dest); break;
    case NodeKind::BinOp: binary_into(node, dest); break;
    case NodeKind::BoolOp: bool_op_into(ast_as<BoolOp>(node), dest); break;
    case NodeKind::UnaryOp: {
      auto& unary = ast_as<UnaryOp>(node);
      Reg value = operand(unary.operand);
      emitter.set_span(node->span);
      static constexpr Op kOps[] = {Op::INVERT, Op::NOT, Op::POSITIVE, Op::NEGATIVE};
      emitter.emit(kOps[static_cast<int>(unary.op)], dest, value);
      break;
    }
    case NodeKind::NamedExpr: named_into(ast_as<NamedExpr>(node), dest); break;
    case NodeKind::Lambda: lambda_into(ast_as<Lambda>(node), dest); break;
    case NodeKind::IfExp: {
      auto& choice = ast_as<IfExp>(node);
      Label orelse = emitter.new_label(), end = emitter.new_label();
      jump_if(choice.test, orelse, false);
      into(choice.body, dest);
      emitter.jump(Op::JUMP, end);
      emitter.bind(orelse);
      into(choice.orelse, dest);
      emitter.bind(end);
      break;
    }
    case NodeKind::Dict: dict_into(ast_as<Dict>(node), dest); break;
    case NodeKind::Set: sequence_into(ast_as<Set>(node).elts, NodeKind::Set, node->span, dest); break;
    case NodeKind::List: sequence_into(ast_as<List>(node).elts, NodeKind::List, node->span, dest); break;
    case NodeKind::Tuple: sequence_into(ast_as<Tuple>(node).elts, NodeKind::Tuple, node->span, dest); break;
    case NodeKind::ListComp: {
      auto& comp = ast_as<ListComp>(node);
      comprehension_into(node, ComprehensionKind::List, comp.generators, comp.elt, nullptr, dest);
      break;
    }
    case NodeKind::SetComp: {
      auto& comp = ast_as<SetComp>(node);
      comprehension_into(node, ComprehensionKind::Set, comp.generators, comp.elt, nullptr, dest);
      break;
    }
    case NodeKind::DictComp: {
      auto& comp = ast_as<DictComp>(node);
      comprehension_into(node, ComprehensionKind::Dict, comp.generators, comp.key, comp.value, dest);
      break;
    }
    case NodeKind::GeneratorExp: {
      auto& comp = ast_as<GeneratorExp>(node);
      comprehension_into(node, ComprehensionKind::Generator, comp.generators, comp.elt, nullptr, dest);
      break;
    }
    case NodeKind::Yield:
    case NodeKind::YieldFrom: yield_into(node, dest); break;
    case NodeKind::Await: await_into(node, dest); break;
    case NodeKind::Compare: compare_into(ast_as<Compare>(node), dest); break;
    case NodeKind::Call: call_into(ast_as<Call>(node), dest); break;
    case NodeKind::FormattedValue: formatted_value_into(ast_as<FormattedValue>(node), dest); break;
    case NodeKind::JoinedStr: joined_string_into(ast_as<JoinedStr>(node), dest); break;
    case NodeKind::Attribute: attribute_into(ast_as<Attribute>(node), dest); break;
    case NodeKind::Subscript: subscript_into(ast_as<Subscript>(node), dest); break;
    case NodeKind::Slice: build_slice_into(ast_as<Slice>(node), dest); break;
    case NodeKind::Starred: fail_syntax("can't use starred expression here", node->span);
    default: fail_syntax("unexpected expression", node->span);
  }
  emitter.release_to(mark);
}

// ---- attributes, subscripts

void Compiler::attribute_into(const Attribute& node, Reg dest) {
  Emitter& emitter = out();
  uint32_t name = emitter.name(mangle(node.attr));
  if (name > 65535) fail_syntax("too many names", node.span);
  Reg run;
  bool two_arguments;
  if (super_run(node.value, &node, &run, &two_arguments)) {
    emitter.set_span(attribute_span(node));
    emitter.emit(Op::LOAD_SUPER_ATTR, dest, run, static_cast<Reg>(name), two_arguments ? 1 : 0);
    return;
  }
  // a.b.c.d: iterate instead of recursing on the left.
  Reg mark = emitter.top();
  std::vector<const Attribute*> chain{&node};
  const ExprNode* base = node.value;
  while (auto* inner = ast_cast<Attribute>(base)) {
    if (inner->value->kind == NodeKind::Call) break;
    chain.push_back(inner);
    base = inner->value;
  }
  bool scratch = emitter.is_temporary(dest);
  Reg value = scratch ? operand_in(base, dest) : operand(base);
  for (size_t i = chain.size(); i-- > 0;) {
    const Attribute& step = *chain[i];
    uint32_t index = emitter.name(mangle(step.attr));
    if (index > 65535) fail_syntax("too many names", node.span);
    Reg result = i == 0 ? dest : scratch ? dest : value >= mark ? value : emitter.push();
    emitter.set_span(attribute_span(step));
    emitter.emit(Op::LOAD_ATTR, result, value, static_cast<Reg>(index));
    value = result;
  }
}

Reg Compiler::slice_pair(const Slice& slice) {
  Emitter& emitter = out();
  Reg pair = emitter.push(2);
  for (int i = 0; i < 2; ++i) {
    const ExprNode* part = i == 0 ? slice.lower : slice.upper;
    if (part != nullptr) {
      into(part, pair + i);
    } else {
      emitter.set_span(slice.span);
      emitter.emit(Op::LOAD_NONE, pair + i);
    }
  }
  return pair;
}

void Compiler::build_slice_into(const Slice& node, Reg dest) {
  Emitter& emitter = out();
  int count = node.step != nullptr ? 3 : 2;
  Reg run = emitter.push(count);
  const ExprNode* parts[] = {node.lower, node.upper, node.step};
  for (int i = 0; i < count; ++i) {
    if (parts[i] != nullptr) {
      into(parts[i], run + i);
    } else {
      emitter.set_span(node.span);
      emitter.emit(Op::LOAD_NONE, run + i);
    }
  }
  emitter.set_span(node.span);
  emitter.emit(Op::BUILD_SLICE, dest, run, count);
}

void Compiler::subscript_into(const Subscript& node, Reg dest) {
  Emitter& emitter = out();
  check_subscripter(node.value);
  check_index(node.value, node.slice);
  Reg container = emitter.is_temporary(dest) ? operand_in(node.value, dest) : operand(node.value);
  auto* slice = ast_cast<Slice>(node.slice);
  int value;
  if (slice != nullptr && slice->step == nullptr) {
    Reg pair = slice_pair(*slice);
    emitter.set_span(node.span);
    emitter.emit(Op::LOAD_SLICE, dest, container, pair);
  } else if (small_int(node.slice, &value)) {
    emitter.set_span(node.span);
    emitter.emit(Op::SUBSCRIPT_IMM, dest, container, static_cast<uint16_t>(value));
  } else {
    Reg key = operand(node.slice);
    emitter.set_span(node.span);
    emitter.emit(Op::SUBSCRIPT, dest, container, key);
  }
}

// ---- strings

void Compiler::formatted_value_into(const FormattedValue& node, Reg dest) {
  Emitter& emitter = out();
  Reg value = operand(node.value);
  int aux = node.conversion == 's' ? 1 : node.conversion == 'r' ? 2 : node.conversion == 'a' ? 3 : 0;
  Reg spec = 0;
  if (node.format_spec != nullptr) {
    aux |= 4;
    spec = push(node.format_spec);
  }
  emitter.set_span(node.span);
  emitter.emit(Op::FORMAT_VALUE, dest, value, spec, aux);
}

void Compiler::joined_string_into(const JoinedStr& node, Reg dest) {
  Emitter& emitter = out();
  emitter.set_span(node.span);
  if (node.values.empty()) {
    load_constant(string_constant(""), dest);
    return;
  }
  if (node.values.size() == 1) {
    into(node.values[0], dest);
    return;
  }
  Reg run = emitter.top();
  int count = 0;
  for (const ExprNode* part : node.values) {
    if (count == CompileLimits::kMaxRun) {
      emitter.set_span(node.span);
      emitter.emit(Op::BUILD_STRING, run, run, count);
      emitter.release_to(run + 1);
      count = 1;
    }
    push(part);
    ++count;
  }
  emitter.set_span(node.span);
  emitter.emit(Op::BUILD_STRING, dest, run, count);
}

// ---- displays

bool Compiler::fold_all(Seq<ExprNode*> list, CodeConstant* tuple) {
  for (ExprNode* each : list) {
    if (!may_be_constant(each)) return false;
  }
  CodeConstant result;
  result.kind = CodeConstant::Kind::Tuple;
  for (ExprNode* each : list) {
    result.items.emplace_back();
    if (!fold(each, &result.items.back())) return false;
  }
  *tuple = std::move(result);
  return true;
}

void Compiler::sequence_into(Seq<ExprNode*> elements, NodeKind kind, Span span, Reg dest) {
  Emitter& emitter = out();
  Op build = kind == NodeKind::List  ? Op::BUILD_LIST
             : kind == NodeKind::Set ? Op::BUILD_SET
                                     : Op::BUILD_TUPLE;
  bool starred = false;
  for (ExprNode* each : elements) starred |= each->kind == NodeKind::Starred;
  if (!starred && elements.size() == 2 && kind == NodeKind::Tuple) {
    Reg left = operand(elements[0]);
    Reg right = operand(elements[1]);
    emitter.set_span(span);
    emitter.emit(Op::BUILD_PAIR, dest, left, right);
    return;
  }
  CodeConstant constants;
  if (kind != NodeKind::Tuple && elements.size() > 2 && !starred && fold_all(elements, &constants)) {
    Reg result = emitter.is_temporary(dest) ? dest : emitter.push();
    Reg all = emitter.push();
    emitter.set_span(span);
    if (kind == NodeKind::Set) constants.kind = CodeConstant::Kind::FrozenSet;
    emitter.emit(build, result, result, 0);
    load_constant(constants, all);
    emitter.emit(kind == NodeKind::Set ? Op::SET_UPDATE : Op::LIST_EXTEND, result, all);
    emitter.move(dest, result);
    return;
  }
  if (!starred && elements.size() <= CompileLimits::kMaxRun) {
    Reg run = emitter.top();
    for (ExprNode* each : elements) push(each);
    emitter.set_span(span);
    emitter.emit(build, dest, run, static_cast<Reg>(elements.size()));
    return;
  }
  // Step by step: the elements up to the first star at once, then one after the other.
  Reg result = emitter.is_temporary(dest) && kind != NodeKind::Tuple ? dest : emitter.push();
  Reg run = emitter.top();
  size_t index = 0;
  while (index < elements.size() && index < CompileLimits::kMaxRun &&
         elements[index]->kind != NodeKind::Starred) {
    push(elements[index++]);
  }
  emitter.set_span(span);
  emitter.emit(kind == NodeKind::Set ? Op::BUILD_SET : Op::BUILD_LIST, result, run, static_cast<Reg>(index));
  emitter.release_to(run);
  for (; index < elements.size(); ++index) {
    auto* star = ast_cast<Starred>(elements[index]);
    Reg value = operand(star != nullptr ? star->value : elements[index]);
    emitter.set_span(star != nullptr ? span : elements[index]->span);
    if (star != nullptr) {
      emitter.emit(kind == NodeKind::Set ? Op::SET_UPDATE : Op::LIST_EXTEND, result, value);
    } else {
      emitter.emit(kind == NodeKind::Set ? Op::SET_ADD : Op::LIST_APPEND, result, value);
    }
    emitter.release_to(run);
  }
  emitter.set_span(span);
  if (kind == NodeKind::Tuple) {
    emitter.emit(Op::LIST_TO_TUPLE, dest, result);
  } else {
    emitter.move(dest, result);
  }
}

void Compiler::dict_into(const Dict& node, Reg dest) {
  Emitter& emitter = out();
  size_t count = node.keys.size();
  Reg result = emitter.is_temporary(dest) ? dest : emitter.push();
  Reg run = emitter.top();
  size_t index = 0;
  while (index < count && index < CompileLimits::kMaxRun / 2 && node.keys[index] != nullptr) {
    push(node.keys[index]);
    push(node.values[index]);
    ++index;
  }
  emitter.set_span(node.span);
  emitter.emit(Op::BUILD_MAP, result, run, static_cast<Reg>(index));
  emitter.release_to(run);
  for (; index < count; ++index) {
    if (node.keys[index] == nullptr) {
      Reg mapping = operand(node.values[index]);
      emitter.set_span(node.values[index]->span);
      emitter.emit(Op::DICT_UPDATE, result, mapping);
    } else {
      Reg key = operand(node.keys[index]);
      Reg value = operand(node.values[index]);
      emitter.set_span(node.span);
      emitter.emit(Op::MAP_ADD, result, key, value);
    }
    emitter.release_to(run);
  }
  emitter.move(dest, result);
}

// ---- the rest

void Compiler::named_into(const NamedExpr& node, Reg dest) {
  auto* target = ast_cast<Name>(node.target);
  if (target == nullptr) fail_syntax("cannot use assignment expressions with expression", node.span);
  Reg local = plain_local(target->id);
  if (local >= 0 && !out().is_temporary(local)) {
    into(node.value, local);
    bound(target->id);
    out().move(dest, local);
    return;
  }
  if (out().is_temporary(dest)) {
    into(node.value, dest);
    store_name(target->id, target->span, dest);
    return;
  }
  Reg value = push(node.value);
  store_name(target->id, target->span, value);
  out().move(dest, value);
}

void Compiler::yield_into(const ExprNode* node, Reg dest) {
  Emitter& emitter = out();
  bool is_function = unit_->scope->function_like();
  if (!is_function) {
    fail_syntax("'yield' outside function", node->span);
  }
  if (auto* yield = ast_cast<Yield>(node)) {
    Reg value;
    if (yield->value != nullptr) {
      value = operand(yield->value);
    } else {
      value = emitter.push();
      emitter.set_span(node->span);
      emitter.emit(Op::LOAD_NONE, value);
    }
    emitter.set_span(node->span);
    bool async_generator = unit_->scope->generator && unit_->scope->coroutine;
    emitter.emit(Op::YIELD, dest, value, 0, async_generator ? 1 : 0);
    return;
  }
  if (unit_->kind == UnitKind::AsyncFunction) fail_syntax("'yield from' inside async function", node->span);
  auto& delegate = ast_as<YieldFrom>(node);
  Reg pair = emitter.push(2);
  Reg value = operand(delegate.value);
  emitter.set_span(node->span);
  emitter.emit(Op::GET_YIELD_FROM_ITER, pair, value);
  emitter.release_to(pair + 2);
  emitter.emit(Op::YIELD_FROM, pair + 1, pair);
  emitter.move(dest, pair + 1);
}

void Compiler::await_into(const ExprNode* node, Reg dest) {
  Emitter& emitter = out();
  bool top_level = unit_->kind == UnitKind::Module && options_.top_level_await;
  if (!top_level) {
    if (!unit_->scope->function_like()) fail_syntax("'await' outside function", node->span);
    bool allowed = unit_->kind == UnitKind::AsyncFunction || unit_->kind == UnitKind::Comprehension;
    if (!allowed) fail_syntax("'await' outside async function", node->span);
  }
  Reg pair = emitter.push(2);
  Reg value = operand(ast_as<Await>(node).value);
  emitter.set_span(node->span);
  emitter.emit(Op::GET_AWAITABLE, pair, value);
  emitter.release_to(pair + 2);
  emitter.emit(Op::AWAIT, pair + 1, pair);
  emitter.move(dest, pair + 1);
}

void Compiler::lambda_into(const Lambda& node, Reg dest) {
  Emitter& emitter = out();
  for (Arg* each : node.args->args) forbid_debug(each->arg, "assign to", each->span);
  int flags = function_defaults(*node.args);
  Scope* scope = table_.find(&node);
  enter(UnitKind::Lambda, scope, "<lambda>", node.span);
  set_arguments(*node.args);
  Reg value = operand(node.body);
  if (out().reachable()) {
    out().set_span(node.body->span);
    out().emit(Op::RETURN, value);
  }
  std::unique_ptr<CodeUnit> code = leave();
  emitter.set_span(node.span);
  make_function(std::move(code), flags, dest);
}

}  // namespace mp::lang

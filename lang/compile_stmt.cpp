// Statements, but for assignments, try, with, match and definitions.
#include "lang/compiler.h"

namespace mp::lang {

void Compiler::statements(Seq<StmtNode*> body) {
  for (const StmtNode* node : body) statement(node);
}

void Compiler::statement(const StmtNode* node) {
  DepthGuard guard(*this, node->span);
  Emitter& emitter = out();
  Reg mark = emitter.top();
  emitter.set_span(node->span);
  switch (node->kind) {
    case NodeKind::FunctionDef: function_definition(ast_as<FunctionDef>(node), false); break;
    case NodeKind::AsyncFunctionDef: function_definition(ast_as<AsyncFunctionDef>(node), true); break;
    case NodeKind::ClassDef: class_definition(ast_as<ClassDef>(node)); break;
    case NodeKind::TypeAlias: type_alias(ast_as<TypeAlias>(node)); break;
    case NodeKind::Return: return_statement(ast_as<Return>(node)); break;
    case NodeKind::Delete:
      for (ExprNode* target : ast_as<Delete>(node).targets) delete_target(target);
      break;
    case NodeKind::Assign: assignment(ast_as<Assign>(node)); break;
    case NodeKind::AugAssign: augmented_assignment(ast_as<AugAssign>(node)); break;
    case NodeKind::AnnAssign: annotated_assignment(ast_as<AnnAssign>(node)); break;
    case NodeKind::For: for_statement(ast_as<For>(node)); break;
    case NodeKind::AsyncFor: async_for_statement(ast_as<AsyncFor>(node)); break;
    case NodeKind::While: while_statement(ast_as<While>(node)); break;
    case NodeKind::If: if_statement(ast_as<If>(node)); break;
    case NodeKind::Match: match_statement(ast_as<Match>(node)); break;
    case NodeKind::Raise: raise_statement(ast_as<Raise>(node)); break;
    case NodeKind::Try: try_statement(ast_as<Try>(node)); break;
    case NodeKind::TryStar: try_star_statement(ast_as<TryStar>(node)); break;
    case NodeKind::Assert: assert_statement(ast_as<Assert>(node)); break;
    case NodeKind::Import: import_statement(ast_as<Import>(node)); break;
    case NodeKind::ImportFrom: import_from_statement(ast_as<ImportFrom>(node)); break;
    case NodeKind::Expr: expression_statement(ast_as<Expr>(node)); break;
    case NodeKind::Pass: emitter.mark_line(); break;
    case NodeKind::Break:
    case NodeKind::Continue: leave_loop(node); break;
    case NodeKind::With:
      with_statement(node, ast_as<With>(node).items, 0, ast_as<With>(node).body, false);
      break;
    case NodeKind::AsyncWith:
      with_statement(node, ast_as<AsyncWith>(node).items, 0, ast_as<AsyncWith>(node).body, true);
      break;
    default: break;  // global, nonlocal
  }
  emitter.release_to(mark);
}

void Compiler::return_statement(const Return& node) {
  Emitter& emitter = out();
  if (!unit_->scope->function_like() ||
      (unit_->kind != UnitKind::Function && unit_->kind != UnitKind::AsyncFunction &&
       unit_->kind != UnitKind::Lambda)) {
    fail_syntax("'return' outside function", node.span);
  }
  if (node.value != nullptr && unit_->scope->coroutine && unit_->scope->generator) {
    fail_syntax("'return' with value in async generator", node.span);
  }
  bool unwinds = unwind_needs_code(0);
  CodeConstant constant;
  if (node.value == nullptr || fold(node.value, &constant)) {
    uint32_t index = emitter.constant(constant);
    emitter.set_span(node.span);
    if (unwinds) emitter.mark_line();
    unwind_to(0);
    emitter.set_span(unwinds ? Span{} : node.span);
    emitter.emit_wide(Op::RETURN_CONST, 0, static_cast<int32_t>(index));
    return;
  }
  // What finally and __exit__ do to a local does not change the value returned.
  Reg value = unwinds ? push(node.value) : operand(node.value);
  unwind_to(0);
  emitter.set_span(unwinds ? Span{} : node.span);
  // What must be done on the way out is done: an exception from here on (a trace function's) leaves the
  // frame.
  int32_t handler = emitter.handler();
  if (unwinds) emitter.set_handler(kNoHandler);
  emitter.emit(Op::RETURN, value);
  emitter.set_handler(handler);
}

void Compiler::if_statement(const If& first) {
  Emitter& emitter = out();
  Label end = emitter.new_label();
  const If* node = &first;
  for (;;) {
    Label next = emitter.new_label();
    emitter.set_span(node->test->span);
    jump_if(node->test, next, false);
    statements(node->body);
    if (node->orelse.empty()) {
      emitter.bind(next);
      break;
    }
    emitter.set_span({});
    emitter.jump(Op::JUMP, end);
    emitter.bind(next);
    // A chain of elif is a chain of nested nodes.
    if (node->orelse.size() == 1 && node->orelse[0]->kind == NodeKind::If) {
      node = &ast_as<If>(node->orelse[0]);
      continue;
    }
    statements(node->orelse);
    break;
  }
  emitter.bind(end);
}

// The condition stands below the body, so that an iteration costs one jump.
void Compiler::while_statement(const While& node) {
  Emitter& emitter = out();
  Label test = emitter.new_label(), body = emitter.new_label(), orelse = emitter.new_label(),
        end = emitter.new_label();
  CodeConstant constant;
  bool known = fold(node.test, &constant);
  bool entered = emitter.reachable();
  if (known && !constant_truth(constant)) {
    emitter.set_span(node.test->span);
    emitter.jump_statement(orelse);
  } else if (!known) {
    emitter.jump(Op::JUMP, test);
    if (entered) emitter.resume();
  }
  if (known && constant_truth(constant)) {
    emitter.set_span(node.test->span);
    emitter.mark_line();
  }
  emitter.forget_deletable();
  emitter.bind(body);
  if (known) emitter.bind(test);
  Block block{};
  block.kind = BlockKind::WhileLoop;
  block.outer_handler = emitter.handler();
  block.continue_label = test;
  block.break_label = end;
  block.span = node.span;
  push_block(block);
  statements(node.body);
  pop_block();
  if (known) {
    emitter.set_span(node.span);
    emitter.jump(Op::JUMP_BACK, body);
  } else {
    emitter.bind(test);
    emitter.set_span(node.test->span);
    jump_if(node.test, body, true);
  }
  emitter.bind(orelse);
  statements(node.orelse);
  emitter.bind(end);
}

static bool is_display(const ExprNode* node) {
  return node->kind == NodeKind::Constant || node->kind == NodeKind::Tuple || node->kind == NodeKind::List ||
         node->kind == NodeKind::ListComp;
}
// What it makes may end before a generator that it was given does: islice(numbers(), 3).
static bool is_called_with_call(const ExprNode* node) {
  auto* call = ast_cast<Call>(node);
  if (call == nullptr) return false;
  for (ExprNode* each : call->args)
    if (each->kind == NodeKind::Call || each->kind == NodeKind::GeneratorExp) return true;
  return false;
}

void Compiler::for_statement(const For& node) {
  Emitter& emitter = out();
  Reg mark = emitter.top();
  Reg iterator = emitter.push();
  Reg iterable = operand(node.iter);
  emitter.set_span(node.iter->span);
  emitter.emit(Op::GET_ITER, iterator, iterable);
  emitter.release_to(iterator + 1);
  Label body = emitter.new_label(), next = emitter.new_label(), orelse = emitter.new_label(),
        left = emitter.new_label();
  auto* name = ast_cast<Name>(node.target);
  Reg item = name == nullptr ? -1 : plain_local(name->id);
  bool direct = item >= 0;
  if (!direct) item = emitter.push();
  emitter.forget_deletable();
  emitter.jump(Op::FOR_ITER, orelse, item, iterator);
  emitter.bind(body);
  Block block{};
  block.kind = BlockKind::ForLoop;
  block.outer_handler = emitter.handler();
  block.continue_label = next;
  block.break_label = left;
  if (!is_display(node.iter)) block.reg = iterator;
  block.span = node.span;
  push_block(block);
  emitter.release_to(iterator + 1);
  if (direct) {
    bound(name->id);
  } else {
    emitter.push();
    store(node.target, item);
    emitter.release_to(iterator + 1);
  }
  statements(node.body);
  pop_block();
  emitter.bind(next);
  emitter.set_span(node.iter->span);
  emitter.jump(Op::FOR_LOOP, body, item, iterator);
  emitter.bind(orelse);
  if (is_called_with_call(node.iter) && !node.orelse.empty()) {
    emitter.set_span({});
    emitter.emit(Op::LEAVE_LOOP, iterator);
  }
  emitter.release_to(mark);
  statements(node.orelse);
  loop_left(left, iterator, node.iter, node.orelse.empty());
}

// Where a break of a for loop goes: a generator that nothing else names ends there.
void Compiler::loop_left(Label left, Reg iterator, const ExprNode* iterable, bool falls_through) {
  Emitter& emitter = out();
  bool used_up = falls_through && is_called_with_call(iterable);
  if (is_display(iterable) || (!emitter.is_used(left) && !used_up)) return emitter.bind(left);
  Label end = emitter.new_label();
  if (!falls_through && emitter.reachable()) {
    emitter.set_span({});
    emitter.jump(Op::JUMP, end);
  }
  emitter.bind(left);
  emitter.push();
  emitter.set_span({});
  emitter.emit(Op::LEAVE_LOOP, iterator);
  emitter.release_to(iterator);
  emitter.bind(end);
}

void Compiler::async_for_statement(const AsyncFor& node) {
  Emitter& emitter = out();
  if (unit_->kind == UnitKind::Module && options_.top_level_await) {
  } else if (unit_->kind != UnitKind::AsyncFunction) {
    fail_syntax("'async for' outside async function", node.span);
  }
  Reg mark = emitter.top();
  Reg iterator = emitter.push();
  Reg iterable = operand(node.iter);
  emitter.set_span(node.iter->span);
  emitter.emit(Op::GET_AITER, iterator, iterable);
  emitter.release_to(iterator + 1);
  Label head = emitter.new_label(), orelse = emitter.new_label(), left = emitter.new_label();
  emitter.forget_deletable();
  emitter.bind(head);
  int32_t outer = emitter.handler();
  Block block{};
  block.kind = BlockKind::ForLoop;
  block.outer_handler = outer;
  block.continue_label = head;
  block.break_label = left;
  if (!is_display(node.iter)) block.reg = iterator;
  block.span = node.span;
  push_block(block);
  Label stop = emitter.new_label();
  int32_t handler = handler_above(stop);
  emitter.set_handler(handler);
  Reg pair = emitter.push(2);
  emitter.set_span(node.iter->span);
  emitter.emit(Op::GET_ANEXT, pair, iterator);
  emitter.emit(Op::AWAIT, pair + 1, pair);
  emitter.set_handler(outer);
  store(node.target, pair + 1);
  emitter.release_to(iterator + 1);
  statements(node.body);
  pop_block();
  emitter.set_span(node.span);
  emitter.jump(Op::JUMP_BACK, head);
  emitter.begin_cold();
  emitter.bind_handler(handler);
  emitter.set_span(node.iter->span);
  emitter.emit(Op::END_ASYNC_FOR, iterator + 1);
  emitter.jump(Op::JUMP, orelse);
  emitter.end_cold();
  emitter.bind(orelse);
  emitter.release_to(mark);
  statements(node.orelse);
  loop_left(left, iterator, node.iter, false);
}

void Compiler::leave_loop(const StmtNode* node) {
  Emitter& emitter = out();
  bool is_break = node->kind == NodeKind::Break;
  emitter.set_span(node->span);
  size_t index = unit_->blocks.size();
  while (index > 0) {
    BlockKind kind = unit_->blocks[index - 1].kind;
    if (kind == BlockKind::StarHandler) {
      fail_syntax("'break', 'continue' and 'return' cannot appear in an except* block", node->span);
    }
    if (kind == BlockKind::WhileLoop || kind == BlockKind::ForLoop) break;
    --index;
  }
  if (index == 0) {
    fail_syntax(is_break ? "'break' outside loop" : "'continue' not properly in loop", node->span);
  }
  Block loop = unit_->blocks[index - 1];
  Label target = is_break ? loop.break_label : loop.continue_label;
  bool unwinds = unwind_needs_code(index);
  if (unwinds) emitter.mark_line();
  unwind_to(index);
  // Behind what was done on the way out the line is not told again; a jump back may be interrupted there.
  emitter.set_span(unwinds && !emitter.is_bound(target) ? Span{} : node->span);
  emitter.jump_statement(target);
}

void Compiler::assert_statement(const Assert& node) {
  Emitter& emitter = out();
  if (auto* tuple = ast_cast<Tuple>(node.test); tuple != nullptr && !tuple->elts.empty()) {
    warn("assertion is always true, perhaps remove parentheses?", node.span);
  }
  if (options_.optimize > 0) return;
  Label end = emitter.new_label();
  jump_if(node.test, end, true);
  Reg base = emitter.push(2);
  emitter.set_span(node.test->span);
  emitter.emit(Op::LOAD_ASSERTION_ERROR, base);
  if (node.msg != nullptr) {
    push(node.msg);
    emitter.set_span(node.test->span);
    emitter.emit(Op::CALL, base, base, 1);
  }
  emitter.set_span(node.test->span);
  emitter.emit(Op::RAISE, base);
  emitter.bind(end);
}

void Compiler::raise_statement(const Raise& node) {
  Emitter& emitter = out();
  if (node.exc == nullptr) {
    emitter.set_span(node.span);
    emitter.emit(Op::RAISE_CURRENT);
    return;
  }
  Reg exception = operand(node.exc);
  if (node.cause == nullptr) {
    emitter.set_span(node.span);
    emitter.emit(Op::RAISE, exception);
    return;
  }
  Reg cause = operand(node.cause);
  emitter.set_span(node.span);
  emitter.emit(Op::RAISE_FROM, exception, cause);
}

void Compiler::import_statement(const Import& node) {
  Emitter& emitter = out();
  for (const Alias* alias : node.names) {
    emitter.set_span(node.span);
    Reg pair = emitter.push(2);
    load_constant(int_constant(0), pair);
    load_constant({}, pair + 1);
    uint32_t full = emitter.name(mangle(alias->name));
    if (full > 65535) fail_syntax("too many names", node.span);
    emitter.emit(Op::IMPORT_NAME, pair, pair, static_cast<Reg>(full));
    std::string_view text = alias->name.view();
    size_t dot = text.find('.');
    if (!alias->asname) {
      store_name(dot == std::string_view::npos ? alias->name : intern(text.substr(0, dot)), node.span, pair);
    } else {
      // import a.b.c as x: walk down by attributes, as the module may not be a package attribute yet.
      while (dot != std::string_view::npos) {
        size_t next = text.find('.', dot + 1);
        uint32_t part = emitter.name(
            mangle(intern(text.substr(dot + 1, next == std::string_view::npos ? next : next - dot - 1))));
        emitter.set_span(node.span);
        emitter.emit(Op::IMPORT_FROM, pair, pair, static_cast<Reg>(part));
        dot = next;
      }
      store_name(alias->asname, node.span, pair);
    }
    emitter.release_to(pair);
  }
}

void Compiler::import_from_statement(const ImportFrom& node) {
  Emitter& emitter = out();
  emitter.set_span(node.span);
  Reg pair = emitter.push(2);
  load_constant(int_constant(node.level), pair);
  CodeConstant from;
  from.kind = CodeConstant::Kind::Tuple;
  for (const Alias* alias : node.names) from.items.push_back(string_constant(alias->name.view()));
  load_constant(from, pair + 1);
  uint32_t module = emitter.name(node.module ? mangle(node.module) : intern(""));
  emitter.emit(Op::IMPORT_NAME, pair, pair, static_cast<Reg>(module));
  for (const Alias* alias : node.names) {
    emitter.set_span(node.span);
    if (alias->name == "*") {
      emitter.emit(Op::INTRINSIC, pair, pair, 1, static_cast<int>(Intrinsic::IMPORT_STAR));
      return;
    }
    uint32_t name = emitter.name(mangle(alias->name));
    if (name > 65535) fail_syntax("too many names", node.span);
    Identifier as = alias->asname ? alias->asname : alias->name;
    Reg direct = plain_local(as);
    if (direct >= 0) {
      emitter.emit(Op::IMPORT_FROM, direct, pair, static_cast<Reg>(name));
      bound(as);
    } else {
      emitter.emit(Op::IMPORT_FROM, pair + 1, pair, static_cast<Reg>(name));
      store_name(as, node.span, pair + 1);
    }
  }
}

void Compiler::expression_statement(const Expr& node) {
  Emitter& emitter = out();
  if (interactive_ && unit_->kind == UnitKind::Module) {
    Reg value = push(node.value);
    emitter.set_span(node.span);
    emitter.emit(Op::INTRINSIC, value, value, 1, static_cast<int>(Intrinsic::PRINT_EXPR));
    return;
  }
  if (node.value->kind == NodeKind::Constant || node.value->kind == NodeKind::Name) emitter.mark_line();
  if (node.value->kind != NodeKind::Constant) effect(node.value);
}

}  // namespace mp::lang

// Blocks that something must be done for on the way out: try, finally, with; and how jumps leave them.
#include <fmt/format.h>

#include "lang/compiler.h"

namespace mp::lang {

void Compiler::push_block(Block block) {
  if (unit_->blocks.size() >= CompileLimits::kMaxBlocks)
    fail_syntax("too many statically nested blocks", block.span);
  unit_->blocks.push_back(block);
}

// A handler whose exception register lies above all temporaries in use now, and above `extra_registers` more.
int32_t Compiler::handler_above(Label label, int extra_registers) {
  return out().new_handler(label, out().top() + extra_registers, unit_->handler_depth);
}

bool Compiler::unwind_needs_code(size_t down_to) const {
  for (size_t i = down_to; i < unit_->blocks.size(); ++i) {
    switch (unit_->blocks[i].kind) {
      case BlockKind::WhileLoop:
      case BlockKind::ForLoop:
      case BlockKind::Try: break;
      default: return true;
    }
  }
  return false;
}

void Compiler::unbind_handler_name(Identifier name, Span span) {
  // e = None; del e: whatever the body did with the name, this does not fail.
  Emitter& emitter = out();
  Place place = resolve(name);
  emitter.set_span(span);
  if (place.kind == Place::Local) {
    emitter.emit(Op::CLEAR, place.reg);
    if (!emitter.is_temporary(place.reg)) emitter.mark_unassigned(place.reg);
    return;
  }
  if (place.kind == Place::Deref) {
    emitter.emit(Op::CLEAR_DEREF, place.reg);
    return;
  }
  Reg none = emitter.push();
  emitter.emit(Op::LOAD_NONE, none);
  store_name(name, span, none);
  emitter.release_to(none);
  delete_name(name, span);
}

void Compiler::unwind_block(const Block& block) {
  Emitter& emitter = out();
  emitter.set_handler(block.outer_handler);
  switch (block.kind) {
    case BlockKind::WhileLoop:
    case BlockKind::ForLoop:
    case BlockKind::Try: break;
    case BlockKind::FinallyTry: statements(block.finalbody); break;
    case BlockKind::FinallyEnd: emitter.emit(Op::POP_EXC, block.reg); break;
    case BlockKind::With: {
      Reg mark = emitter.top();
      Reg result = emitter.push();
      emitter.set_span(block.span);
      emitter.emit(Op::WITH_EXIT, result, block.reg);
      emitter.release_to(mark);
      break;
    }
    case BlockKind::AsyncWith: {
      Reg mark = emitter.top();
      Reg pair = emitter.push(2);
      emitter.set_span(block.span);
      emitter.emit(Op::WITH_EXIT, pair, block.reg);
      emitter.emit(Op::GET_AWAITABLE, pair, pair, 0, 2);
      emitter.emit(Op::AWAIT, pair + 1, pair);
      emitter.release_to(mark);
      break;
    }
    case BlockKind::Handler:
      emitter.emit(Op::POP_EXC, block.reg);
      if (block.name) unbind_handler_name(block.name, emitter.span());
      break;
    case BlockKind::StarHandler:
      fail_syntax("'break', 'continue' and 'return' cannot appear in an except* block", emitter.span());
  }
}

// Emits what leaving all blocks above `down_to` takes. The blocks stay: the code behind the jump is still
// inside them.
void Compiler::unwind_to(size_t down_to) {
  Emitter& emitter = out();
  int32_t handler = emitter.handler();
  std::vector<Block> saved = unit_->blocks;
  for (size_t i = saved.size(); i > down_to; --i) {
    unit_->blocks.resize(i - 1);
    // The frame's end closes what a loop holds, but a `finally` on the way there comes later.
    if (saved[i - 1].kind == BlockKind::ForLoop && saved[i - 1].reg >= 0 && unwind_needs_code(down_to)) {
      emitter.set_span({});
      emitter.emit(Op::LEAVE_LOOP, saved[i - 1].reg);
    }
    unwind_block(saved[i - 1]);
  }
  unit_->blocks = std::move(saved);
  // The jump itself belongs to no handler any more, but nothing in it can fail.
  emitter.set_handler(handler);
}

Compiler::Guard Compiler::begin_guarded(Block block) {
  Emitter& emitter = out();
  Guard guard;
  guard.outer = block.outer_handler = emitter.handler();
  guard.end = emitter.new_label();
  ++unit_->handler_depth;
  guard.first = handler_above(emitter.new_label());
  emitter.set_handler(guard.first);
  push_block(block);
  return guard;
}

void Compiler::end_guarded(const Guard& guard) {
  pop_block();
  out().set_handler(guard.outer);
  --unit_->handler_depth;
}

void Compiler::begin_handler(Guard* guard, Span span) {
  Emitter& emitter = out();
  emitter.flow_into(guard->end);
  guard->exception = emitter.top();
  emitter.begin_cold();
  emitter.bind_handler(guard->first);
  guard->saved = emitter.push();
  guard->second = handler_above(emitter.new_label());
  emitter.set_handler(guard->second);
  emitter.set_span(span);
  emitter.emit(Op::PUSH_EXC, guard->saved, guard->exception);
}

void Compiler::end_handler(const Guard& guard) {
  Emitter& emitter = out();
  emitter.bind_handler(guard.second);
  emitter.set_span({});
  emitter.emit(Op::POP_EXC, guard.saved);
  emitter.emit(Op::RERAISE, guard.saved + 1);
  emitter.end_cold();
  emitter.release_to(guard.exception);
  emitter.bind(guard.end);
}

Compiler::Guard Compiler::guarded(Seq<StmtNode*> body, Seq<StmtNode*> orelse, Span span) {
  Block block{};
  block.kind = BlockKind::Try;
  block.span = span;
  Guard guard = begin_guarded(block);
  statements(body);
  end_guarded(guard);
  statements(orelse);
  begin_handler(&guard);
  return guard;
}

// body(), then the finally part: once for the normal end, once for an exception, and once for each jump out
// (unwind_block).
template <typename Body>
void Compiler::with_finally(Seq<StmtNode*> finalbody, Span span, Body body) {
  Emitter& emitter = out();
  Block block{};
  block.kind = BlockKind::FinallyTry;
  block.finalbody = finalbody;
  block.span = span;
  Guard guard = begin_guarded(block);
  body();
  end_guarded(guard);
  statements(finalbody);
  begin_handler(&guard);
  Block ending{};
  ending.kind = BlockKind::FinallyEnd;
  ending.outer_handler = guard.outer;
  ending.reg = guard.saved;
  ending.span = span;
  push_block(ending);
  statements(finalbody);
  pop_block();
  emitter.set_span({});
  emitter.emit(Op::RERAISE, guard.exception);
  emitter.set_handler(guard.outer);
  end_handler(guard);
}

void Compiler::try_statement(const Try& node) {
  out().mark_line();
  if (node.finalbody.empty()) {
    try_except(node);
    return;
  }
  with_finally(node.finalbody, node.span, [&] {
    if (node.handlers.empty()) {
      statements(node.body);
    } else {
      try_except(node);
    }
  });
}

void Compiler::try_except(const Try& node) {
  Emitter& emitter = out();
  Guard guard = guarded(node.body, node.orelse, node.span);
  const auto& [outer, first, second, exception, saved, end] = guard;
  for (size_t i = 0; i < node.handlers.size(); ++i) {
    const ExceptHandler* clause = node.handlers[i];
    emitter.set_span(clause->span);
    Label next = emitter.new_label();
    if (clause->type == nullptr) {
      if (i + 1 < node.handlers.size()) fail_syntax("default 'except:' must be last", clause->span);
      emitter.mark_line();
    } else {
      Reg match = emitter.push();
      Reg type = operand(clause->type);
      emitter.set_span(clause->type->span);
      emitter.emit(Op::CHECK_EXC_MATCH, match, exception, type);
      emitter.jump(Op::JUMP_IF_FALSE, next, match);
      emitter.release_to(match);
    }
    Block inside{};
    inside.kind = BlockKind::Handler;
    inside.outer_handler = outer;
    inside.reg = saved;
    inside.span = clause->span;
    if (clause->name) {
      // An exception in the body unbinds the name, too.
      inside.name = clause->name;
      store_name(clause->name, clause->span, exception);
      Label on_body = emitter.new_label();
      int32_t cleanup = handler_above(on_body);
      emitter.set_handler(cleanup);
      push_block(inside);
      statements(clause->body);
      pop_block();
      emitter.set_handler(outer);
      emitter.set_span({});
      emitter.emit(Op::POP_EXC, saved);
      unbind_handler_name(clause->name, {});
      emitter.jump(Op::JUMP, end);
      emitter.begin_cold();
      emitter.set_handler(second);
      emitter.bind_handler(cleanup);
      unbind_handler_name(clause->name, {});
      emitter.emit(Op::RERAISE, saved + 1);
      emitter.end_cold();
    } else {
      push_block(inside);
      statements(clause->body);
      pop_block();
      emitter.set_handler(outer);
      emitter.set_span({});
      emitter.emit(Op::POP_EXC, saved);
      emitter.jump(Op::JUMP, end);
    }
    emitter.release_to(saved + 1);
    emitter.set_handler(second);
    emitter.bind(next);
  }
  emitter.set_span({});
  emitter.emit(Op::RERAISE, exception);
  emitter.set_handler(outer);
  end_handler(guard);
}

void Compiler::try_star_statement(const TryStar& node) {
  out().mark_line();
  if (node.finalbody.empty()) {
    try_star_except(node);
    return;
  }
  with_finally(node.finalbody, node.span, [&] { try_star_except(node); });
}

// Registers in the handler: the exception, the one handled before, the list of what is still to be raised,
// the pair rest and match.
void Compiler::try_star_except(const TryStar& node) {
  Emitter& emitter = out();
  Guard guard = guarded(node.body, node.orelse, node.span);
  const auto& [outer, first, second, exception, saved, end] = guard;
  Reg raised = emitter.push();
  Reg pair = emitter.push(2);
  emitter.emit(Op::BUILD_LIST, raised, 0, 0);
  emitter.move(pair, exception);
  emitter.emit(Op::LOAD_NONE, pair + 1);
  for (const ExceptHandler* clause : node.handlers) {
    Label next = emitter.new_label();
    emitter.set_span(clause->type == nullptr ? clause->span : clause->type->span);
    if (clause->type != nullptr) {
      Reg type = operand(clause->type);
      emitter.set_span(clause->type->span);
      emitter.emit(Op::CHECK_EG_MATCH, pair, pair, type);
      emitter.release_to(pair + 2);
      emitter.jump(Op::JUMP_IF_NONE, next, pair + 1);
    }
    if (clause->name) store_name(clause->name, clause->span, pair + 1);
    Label on_body = emitter.new_label();
    int32_t cleanup = handler_above(on_body);
    emitter.set_handler(cleanup);
    Block inside{};
    inside.kind = BlockKind::StarHandler;
    inside.outer_handler = outer;
    inside.span = clause->span;
    push_block(inside);
    statements(clause->body);
    pop_block();
    emitter.set_handler(second);
    if (clause->name) unbind_handler_name(clause->name, {});
    emitter.jump(Op::JUMP, next);
    emitter.begin_cold();
    emitter.bind_handler(cleanup);
    if (clause->name) unbind_handler_name(clause->name, {});
    emitter.set_span({});
    emitter.emit(Op::LIST_APPEND, raised, pair + 2);
    emitter.jump(Op::JUMP, next);
    emitter.end_cold();
    emitter.release_to(pair + 2);
    emitter.bind(next);
  }
  Label again = emitter.new_label();
  emitter.set_span({});
  emitter.emit(Op::LIST_APPEND, raised, pair);
  emitter.emit(Op::PREP_RERAISE_STAR, pair, exception, raised);
  emitter.jump(Op::JUMP_IF_NOT_NONE, again, pair);
  emitter.set_handler(outer);
  emitter.emit(Op::POP_EXC, saved);
  emitter.jump(Op::JUMP, end);
  emitter.bind(again);
  emitter.emit(Op::POP_EXC, saved);
  emitter.emit(Op::RERAISE, pair);
  end_handler(guard);
}

void Compiler::with_statement(const StmtNode* node, Seq<WithItem*> items, size_t index, Seq<StmtNode*> body,
                              bool async) {
  Emitter& emitter = out();
  if (async && unit_->kind != UnitKind::AsyncFunction &&
      !(unit_->kind == UnitKind::Module && options_.top_level_await)) {
    fail_syntax("'async with' outside async function", node->span);
  }
  const WithItem* item = items[index];
  Span span = item->context_expr->span;
  Reg exit = emitter.push();
  Reg manager = operand(item->context_expr);
  Reg entered;
  emitter.set_span(span);
  auto* name = item->optional_vars == nullptr ? nullptr : ast_cast<Name>(item->optional_vars);
  Reg direct = name == nullptr || async ? -1 : plain_local(name->id);
  if (async) {
    entered = manager == exit + 1 ? manager : emitter.push();
    while (emitter.top() < entered + 2) emitter.push();
    emitter.emit(Op::BEFORE_ASYNC_WITH, entered, manager, exit);
    emitter.emit(Op::GET_AWAITABLE, entered, entered, 0, 1);
    emitter.emit(Op::AWAIT, entered + 1, entered);
    entered = entered + 1;
  } else {
    entered = direct >= 0 && !emitter.is_temporary(direct) ? direct : emitter.push();
    emitter.emit(Op::BEFORE_WITH, entered, manager, exit);
    if (entered == direct) bound(name->id);
  }
  emitter.release_to(exit + 1);
  Block block{};
  block.kind = async ? BlockKind::AsyncWith : BlockKind::With;
  block.outer_handler = emitter.handler();
  block.reg = exit;
  block.span = span;
  Guard guard = begin_guarded(block);
  if (item->optional_vars != nullptr) {
    emitter.set_span(item->optional_vars->span);
    emitter.mark_line();
  }
  if (item->optional_vars != nullptr && entered != direct) {
    while (emitter.top() <= entered) emitter.push();
    store(item->optional_vars, entered);
    emitter.release_to(exit + 1);
  }
  if (index + 1 < items.size()) {
    with_statement(node, items, index + 1, body, async);
  } else {
    statements(body);
  }
  end_guarded(guard);
  unwind_block(block);
  begin_handler(&guard, span);
  Reg pair = emitter.push(2);
  emitter.emit(Op::WITH_EXCEPT_START, pair, exit, guard.exception);
  Reg verdict = pair;
  if (async) {
    emitter.emit(Op::GET_AWAITABLE, pair, pair, 0, 2);
    emitter.emit(Op::AWAIT, pair + 1, pair);
    verdict = pair + 1;
  }
  Label suppressed = emitter.new_label();
  emitter.jump(Op::JUMP_IF_TRUE, suppressed, verdict);
  emitter.emit(Op::RERAISE, guard.exception);
  emitter.set_handler(guard.outer);
  emitter.bind(suppressed);
  emitter.emit(Op::POP_EXC, guard.saved);
  emitter.jump(Op::JUMP, guard.end);
  end_handler(guard);
  emitter.release_to(exit);
}

}  // namespace mp::lang

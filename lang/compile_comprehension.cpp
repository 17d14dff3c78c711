// Comprehensions: inlined (PEP 709) with their variables in temporaries, or as functions of their own.
#include "lang/compiler.h"

namespace mp::lang {

namespace {

// Before anything can read it.
bool binds_first(const ExprNode* target, Identifier name) {
  if (auto* simple = ast_cast<Name>(target)) return simple->id == name;
  auto* tuple = ast_cast<Tuple>(target);
  if (tuple == nullptr) return false;
  for (ExprNode* each : tuple->elts) {
    auto* simple = ast_cast<Name>(each);
    if (simple == nullptr) return false;  // a subscript or attribute reads
    if (simple->id == name) return true;
  }
  return false;
}

}  // namespace

void Compiler::comprehension_into(const ExprNode* node, ComprehensionKind kind,
                                  Seq<Comprehension*> generators, ExprNode* element, ExprNode* value,
                                  Reg dest) {
  Emitter& emitter = out();
  Scope* scope = table_.find(node);
  bool async_body = scope->coroutine;
  bool top_level = unit_->kind == UnitKind::Module && options_.top_level_await;
  if (async_body && kind != ComprehensionKind::Generator && unit_->kind != UnitKind::AsyncFunction &&
      unit_->kind != UnitKind::Comprehension && !top_level) {
    fail_syntax("asynchronous comprehension outside of an asynchronous function", node->span);
  }
  const Comprehension& first = *generators[0];
  Op build = kind == ComprehensionKind::List  ? Op::BUILD_LIST
             : kind == ComprehensionKind::Set ? Op::BUILD_SET
                                              : Op::BUILD_MAP;
  if (scope->inlined) {
    Reg accumulator = emitter.is_temporary(dest) ? dest : emitter.push();
    Reg iterator = emitter.push();
    Reg iterable = operand(first.iter);
    emitter.set_span(first.iter->span);
    emitter.emit(first.is_async ? Op::GET_AITER : Op::GET_ITER, iterator, iterable);
    emitter.release_to(iterator + 1);
    emitter.set_span(node->span);
    emitter.emit(build, accumulator, accumulator, 0);
    // The variables: temporaries that end with the comprehension. An unbound one is empty.
    std::vector<size_t> entries;
    for (Symbol* symbol : scope->symbols.all()) {
      if (symbol->scope != NameScope::Local && symbol->scope != NameScope::Cell) continue;
      if (symbol->flags & kDefParam) continue;  // .0
      symbol->reg = emitter.push();
      symbol->bound_now = false;
      bool cell = symbol->scope == NameScope::Cell;
      emitter.set_span(node->span);
      if (cell) {
        emitter.emit(Op::MAKE_CELL, symbol->reg, symbol->reg);
      } else if (!binds_first(first.target, symbol->name)) {
        emitter.emit(Op::CLEAR, symbol->reg);
      }
      entries.push_back(emitter.begin_scoped(symbol->name, symbol->reg, cell));
    }
    unit_->inlined.push_back(scope);
    comprehension_loop(kind, generators, 0, element, value, accumulator, iterator);
    unit_->inlined.pop_back();
    for (size_t entry : entries) emitter.end_scoped(entry);
    emitter.move(dest, accumulator);
    return;
  }
  // As a function of one argument, the iterator over the outermost iterable.
  static constexpr const char* kNames[] = {"", "<listcomp>", "<dictcomp>", "<setcomp>", "<genexpr>"};
  Reg base = emitter.push(3);
  enter(UnitKind::Comprehension, scope, kNames[static_cast<int>(kind)], node->span);
  unit_->code->argument_count = 1;
  bool generator = kind == ComprehensionKind::Generator;
  Reg accumulator = -1;
  if (!generator) {
    accumulator = out().push();
    out().set_span(node->span);
    out().emit(build, accumulator, accumulator, 0);
  }
  comprehension_loop(kind, generators, 0, element, value, accumulator, 0);
  out().set_span(generator ? Span{} : node->span);  // a generator ends on the line of its loop
  if (generator) {
    out().emit_wide(Op::RETURN_CONST, 0, static_cast<int32_t>(out().constant({})));
  } else {
    out().emit(Op::RETURN, accumulator);
  }
  std::unique_ptr<CodeUnit> code = leave();
  emitter.set_span(node->span);
  make_function(std::move(code), 0, base);
  Reg iterable = operand(first.iter);
  emitter.set_span(first.iter->span);
  emitter.emit(first.is_async ? Op::GET_AITER : Op::GET_ITER, base + 2, iterable, 0, generator ? 1 : 0);
  emitter.release_to(base + 3);
  emitter.set_span(node->span);
  emitter.emit(Op::CALL, base, base, 1);
  if (async_body && !generator) {
    emitter.emit(Op::GET_AWAITABLE, base, base);
    emitter.emit(Op::AWAIT, base + 1, base);
    emitter.move(dest, base + 1);
  } else {
    emitter.move(dest, base);
  }
}

// From here on the names of the target have values: their loads need no check.
void Compiler::comprehension_bound(const ExprNode* target) {
  if (auto* name = ast_cast<Name>(target)) {
    bound(name->id);
  } else if (auto* tuple = ast_cast<Tuple>(target)) {
    for (ExprNode* each : tuple->elts) comprehension_bound(each);
  } else if (auto* list = ast_cast<List>(target)) {
    for (ExprNode* each : list->elts) comprehension_bound(each);
  } else if (auto* star = ast_cast<Starred>(target)) {
    comprehension_bound(star->value);
  }
}

void Compiler::comprehension_element(ComprehensionKind kind, ExprNode* element, ExprNode* value,
                                     Reg accumulator) {
  Emitter& emitter = out();
  Reg mark = emitter.top();
  Reg first = operand(element);
  emitter.set_span(element->span);
  switch (kind) {
    case ComprehensionKind::List: emitter.emit(Op::LIST_APPEND, accumulator, first); break;
    case ComprehensionKind::Set: emitter.emit(Op::SET_ADD, accumulator, first); break;
    case ComprehensionKind::Dict: {
      Reg second = operand(value);
      emitter.set_span({element->span.begin, value->span.end});
      emitter.emit(Op::MAP_ADD, accumulator, first, second);
      break;
    }
    default: {
      Reg sent = emitter.push();
      bool async_generator = unit_->scope->coroutine;
      emitter.emit(Op::YIELD, sent, first, 0, async_generator ? 1 : 0);
    }
  }
  emitter.release_to(mark);
}

void Compiler::comprehension_loop(ComprehensionKind kind, Seq<Comprehension*> generators, size_t index,
                                  ExprNode* element, ExprNode* value, Reg accumulator, Reg iterator) {
  DepthGuard guard(*this, element->span);
  Emitter& emitter = out();
  const Comprehension& generator = *generators[index];
  Reg mark = emitter.top();
  if (iterator < 0) {
    iterator = emitter.push();
    Reg iterable = operand(generator.iter);
    emitter.set_span(generator.iter->span);
    emitter.emit(generator.is_async ? Op::GET_AITER : Op::GET_ITER, iterator, iterable);
    emitter.release_to(iterator + 1);
  }
  Reg inner = emitter.top();
  Label body = emitter.new_label(), next = emitter.new_label(), end = emitter.new_label();
  int32_t outer = emitter.handler();
  int32_t handler = kNoHandler;
  Reg item;
  if (generator.is_async) {
    emitter.bind(body);
    Label stop = emitter.new_label();
    handler = handler_above(stop);
    emitter.set_handler(handler);
    Reg pair = emitter.push(2);
    emitter.set_span(generator.iter->span);
    emitter.emit(Op::GET_ANEXT, pair, iterator);
    emitter.emit(Op::AWAIT, pair + 1, pair);
    emitter.set_handler(outer);
    item = pair + 1;
    store(generator.target, item);
  } else {
    auto* name = ast_cast<Name>(generator.target);
    item = name == nullptr ? -1 : plain_local(name->id);
    bool direct = item >= 0;
    if (!direct) item = emitter.push();
    emitter.set_span(generator.iter->span);
    emitter.jump(Op::FOR_ITER, end, item, iterator);
    emitter.bind(body);
    if (!direct) store(generator.target, item);
  }
  comprehension_bound(generator.target);
  emitter.release_to(inner);
  for (ExprNode* condition : generator.ifs) jump_if(condition, next, false);
  if (index + 1 < generators.size()) {
    comprehension_loop(kind, generators, index + 1, element, value, accumulator, -1);
  } else {
    comprehension_element(kind, element, value, accumulator);
  }
  emitter.bind(next);
  if (generator.is_async) {
    emitter.set_span(generator.iter->span);
    emitter.jump(Op::JUMP_BACK, body);
    emitter.begin_cold();
    emitter.bind_handler(handler);
    emitter.set_span(generator.iter->span);
    emitter.emit(Op::END_ASYNC_FOR, inner);
    emitter.jump(Op::JUMP, end);
    emitter.end_cold();
  } else {
    emitter.set_span(generator.iter->span);
    emitter.jump(Op::FOR_LOOP, body, item, iterator);
  }
  emitter.release_to(mark);
  emitter.bind(end);
}

}  // namespace mp::lang

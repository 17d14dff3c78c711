// Assignment in all its forms: plain, unpacking, augmented, annotated; and del.
#include "lang/compiler.h"

namespace mp::lang {

// ---- assignment

void Compiler::assignment(const Assign& node) {
  Emitter& emitter = out();
  if (node.targets.size() == 1) {
    store_from(node.targets[0], node.value);
    return;
  }
  // a = b = value: the value is computed once and stored from left to right.
  Reg value = operand(node.value);
  if (!emitter.is_temporary(value)) {
    // One of the targets may be that local itself, unpacked to something else.
    for (const ExprNode* target : node.targets) {
      if (target->kind == NodeKind::Name && plain_local(ast_as<Name>(target).id) == value) continue;
      if (target->kind == NodeKind::Name) continue;
      Reg copy = emitter.push();
      emitter.move(copy, value);
      value = copy;
      break;
    }
  }
  for (const ExprNode* target : node.targets) store(target, value);
}

// One target: computes the value where it will live, if that is a register.
void Compiler::store_from(const ExprNode* target, const ExprNode* value) {
  Emitter& emitter = out();
  if (auto* name = ast_cast<Name>(target)) {
    Reg local = plain_local(name->id);
    if (local >= 0 && !emitter.is_temporary(local)) {
      into(value, local);
      bound(name->id);
      return;
    }
  } else if (assign_tuple_in_parallel(target, value)) {
    return;
  }
  Reg mark = emitter.top();
  store(target, operand(value));
  emitter.release_to(mark);
}

// a, b = x, y: no tuple is built. The right side is computed first, from left to right; then the targets are
// stored in order.
bool Compiler::assign_tuple_in_parallel(const ExprNode* target, const ExprNode* value) {
  auto elements = [](const ExprNode* node) -> Seq<ExprNode*> {
    if (auto* tuple = ast_cast<Tuple>(node)) return tuple->elts;
    if (auto* list = ast_cast<List>(node)) return list->elts;
    return {};
  };
  Seq<ExprNode*> targets = elements(target), values = elements(value);
  if (targets.empty() || targets.size() != values.size() || targets.size() > 8) return false;
  for (ExprNode* each : targets) {
    if (each->kind == NodeKind::Starred) return false;
  }
  for (ExprNode* each : values) {
    if (each->kind == NodeKind::Starred) return false;
  }
  Emitter& emitter = out();
  Reg mark = emitter.top();
  Reg registers[8];
  for (size_t i = 0; i < values.size(); ++i) registers[i] = operand(values[i]);
  // A local that an earlier target overwrites is needed as it was. Targets other than plain names may
  // overwrite anything.
  for (size_t i = 1; i < values.size(); ++i) {
    if (emitter.is_temporary(registers[i])) continue;
    bool overwritten = false;
    for (size_t k = 0; k < i; ++k) {
      if (auto* name = ast_cast<Name>(targets[k])) {
        overwritten |= plain_local(name->id) == registers[i];
      } else if (targets[k]->kind == NodeKind::Tuple || targets[k]->kind == NodeKind::List) {
        overwritten = true;
      }
    }
    if (overwritten) {
      Reg copy = emitter.push();
      emitter.set_span(values[i]->span);
      emitter.move(copy, registers[i]);
      registers[i] = copy;
    }
  }
  for (size_t i = 0; i < targets.size(); ++i) store(targets[i], registers[i]);
  emitter.release_to(mark);
  return true;
}

Span Compiler::attribute_span(const Attribute& node) const {
  // A call chain over several lines is reported at the line of the attribute.
  if (source_.line_of(node.span.begin) == source_.line_of(node.span.end)) return node.span;
  uint32_t length = static_cast<uint32_t>(node.attr.view().size());
  return node.span.end >= length ? Span{node.span.end - length, node.span.end} : node.span;
}

void Compiler::store(const ExprNode* target, Reg value) {
  Emitter& emitter = out();
  Reg mark = emitter.top();
  switch (target->kind) {
    case NodeKind::Name: store_name(ast_as<Name>(target).id, target->span, value); break;
    case NodeKind::Attribute: {
      auto& attribute = ast_as<Attribute>(target);
      forbid_debug(attribute.attr, "assign to", target->span);
      note_static_attribute(attribute);
      Reg object = operand(attribute.value);
      uint32_t name = emitter.name(mangle(attribute.attr));
      if (name > 65535) fail_syntax("too many names", target->span);
      emitter.set_span(attribute_span(attribute));
      emitter.emit(Op::STORE_ATTR, value, object, static_cast<Reg>(name));
      break;
    }
    case NodeKind::Subscript: {
      auto& subscript = ast_as<Subscript>(target);
      Reg container = operand(subscript.value);
      auto* slice = ast_cast<Slice>(subscript.slice);
      if (slice != nullptr && slice->step == nullptr) {
        Reg pair = slice_pair(*slice);
        emitter.set_span(target->span);
        emitter.emit(Op::STORE_SLICE, value, container, pair);
      } else {
        Reg key = operand(subscript.slice);
        emitter.set_span(target->span);
        emitter.emit(Op::STORE_SUBSCRIPT, value, container, key);
      }
      break;
    }
    case NodeKind::Tuple: unpack(ast_as<Tuple>(target).elts, target->span, value); break;
    case NodeKind::List: unpack(ast_as<List>(target).elts, target->span, value); break;
    case NodeKind::Starred: fail_syntax("starred assignment target must be in a list or tuple", target->span);
    default: fail_syntax("cannot assign to expression", target->span);
  }
  emitter.release_to(mark);
}

void Compiler::unpack(Seq<ExprNode*> targets, Span span, Reg value) {
  Emitter& emitter = out();
  size_t star = targets.size();
  for (size_t i = 0; i < targets.size(); ++i) {
    if (targets[i]->kind != NodeKind::Starred) continue;
    if (star != targets.size()) fail_syntax("multiple starred expressions in assignment", span);
    star = i;
  }
  if (star != targets.size()) {
    size_t after = targets.size() - star - 1;
    if (star >= 256 || after >= 256) fail_syntax("too many expressions in star-unpacking assignment", span);
    Reg first = emitter.push(static_cast<int>(targets.size()));
    emitter.set_span(span);
    emitter.emit(Op::UNPACK_EX, first, value, static_cast<Reg>(star), static_cast<int>(after));
    for (size_t i = 0; i < targets.size(); ++i) {
      const ExprNode* target = i == star ? ast_as<Starred>(targets[i]).value : targets[i];
      store(target, first + static_cast<Reg>(i));
    }
    return;
  }
  if (targets.size() > 60000) fail_syntax("too many expressions in assignment", span);
  // Straight into locals where they are neighbours.
  bool neighbours = !targets.empty();
  Reg first = -1;
  for (size_t i = 0; i < targets.size() && neighbours; ++i) {
    auto* name = ast_cast<Name>(targets[i]);
    Reg local = name == nullptr ? -1 : plain_local(name->id);
    if (i == 0) first = local;
    neighbours = local >= 0 && local == first + static_cast<Reg>(i);
  }
  emitter.set_span(span);
  if (neighbours) {
    emitter.emit(Op::UNPACK, first, value, static_cast<Reg>(targets.size()));
    for (ExprNode* target : targets) bound(ast_as<Name>(target).id);
    return;
  }
  first = emitter.push(static_cast<int>(targets.size()));
  emitter.emit(Op::UNPACK, first, value, static_cast<Reg>(targets.size()));
  for (size_t i = 0; i < targets.size(); ++i) store(targets[i], first + static_cast<Reg>(i));
}

void Compiler::augmented_assignment(const AugAssign& node) {
  Emitter& emitter = out();
  // Computes r[result] = r[old] op value, in place.
  auto apply = [&](Reg result, Reg old) {
    Op immediate;
    int value;
    Reg mark = emitter.top();
    if (immediate_op(node.op, &immediate) && small_int(node.value, &value)) {
      emitter.set_span(node.span);
      emitter.emit(immediate, result, old, static_cast<uint16_t>(value), 1);
    } else {
      Reg right = operand(node.value);
      emitter.set_span(node.span);
      emitter.emit(binary_op(node.op), result, old, right, 1);
    }
    emitter.release_to(mark);
  };
  switch (node.target->kind) {
    case NodeKind::Name: {
      auto& name = ast_as<Name>(node.target);
      forbid_debug(name.id, "assign to", node.target->span);
      Reg local = plain_local(name.id);
      if (local >= 0) {
        Place place = resolve(name.id);
        emitter.set_span(node.target->span);
        check_bound(place);
        Reg old = local;
        if (place.symbol->flags & kWalrus) {
          old = emitter.push();
          emitter.move(old, local);
        }
        apply(local, old);
        bound(name.id);
        return;
      }
      Reg value = emitter.push();
      load_name(name.id, node.target->span, value);
      apply(value, value);
      store_name(name.id, node.target->span, value);
      return;
    }
    case NodeKind::Attribute: {
      auto& attribute = ast_as<Attribute>(node.target);
      forbid_debug(attribute.attr, "assign to", node.target->span);
      note_static_attribute(attribute);
      Reg object = operand(attribute.value);
      uint32_t attr = emitter.name(mangle(attribute.attr));
      if (attr > 65535) fail_syntax("too many names", node.span);
      Reg value = emitter.push();
      Span span = attribute_span(attribute);
      emitter.set_span(span);
      emitter.emit(Op::LOAD_ATTR, value, object, static_cast<Reg>(attr));
      apply(value, value);
      emitter.set_span(span);
      emitter.emit(Op::STORE_ATTR, value, object, static_cast<Reg>(attr));
      return;
    }
    case NodeKind::Subscript: {
      auto& subscript = ast_as<Subscript>(node.target);
      Reg container = operand(subscript.value);
      auto* slice = ast_cast<Slice>(subscript.slice);
      bool pair = slice != nullptr && slice->step == nullptr;
      Reg key = pair ? slice_pair(*slice) : operand(subscript.slice);
      Reg value = emitter.push();
      emitter.set_span(node.target->span);
      emitter.emit(pair ? Op::LOAD_SLICE : Op::SUBSCRIPT, value, container, key);
      apply(value, value);
      emitter.set_span(node.target->span);
      emitter.emit(pair ? Op::STORE_SLICE : Op::STORE_SUBSCRIPT, value, container, key);
      return;
    }
    default: fail_syntax("illegal expression for augmented assignment", node.target->span);
  }
}

void Compiler::annotated_assignment(const AnnAssign& node) {
  Emitter& emitter = out();
  bool in_function = unit_->scope->function_like();
  if (node.value != nullptr) store_from(node.target, node.value);
  switch (node.target->kind) {
    case NodeKind::Name: {
      auto& name = ast_as<Name>(node.target);
      forbid_debug(name.id, "assign to", node.target->span);
      if (!node.simple || in_function) break;
      Reg mark = emitter.top();
      Reg value = emitter.push();
      annotation_into(node.annotation, value);
      Reg annotations = emitter.push();
      emitter.set_span(node.span);
      emitter.emit_wide(Op::LOAD_NAME, annotations,
                        static_cast<int32_t>(emitter.name(intern("__annotations__"))));
      Reg key = emitter.push();
      load_constant(string_constant(mangle(name.id).view()), key);
      emitter.emit(Op::STORE_SUBSCRIPT, value, annotations, key);
      emitter.release_to(mark);
      return;
    }
    case NodeKind::Attribute:
      forbid_debug(ast_as<Attribute>(node.target).attr, "assign to", node.target->span);
      if (node.value == nullptr) effect(ast_as<Attribute>(node.target).value);
      break;
    case NodeKind::Subscript:
      if (node.value == nullptr) {
        effect(ast_as<Subscript>(node.target).value);
        const ExprNode* index = ast_as<Subscript>(node.target).slice;
        if (auto* slice = ast_cast<Slice>(index)) {
          for (ExprNode* part : {slice->lower, slice->upper, slice->step}) {
            if (part != nullptr) effect(part);
          }
        } else {
          effect(index);
        }
      }
      break;
    default: fail_syntax("invalid node type for annotated assignment", node.span);
  }
  // A target that is no plain name: the annotation is evaluated where a module's or class's is, and dropped.
  if (!node.simple && !in_function && !(future_flags_ & kCodeFutureAnnotations)) effect(node.annotation);
}

void Compiler::delete_target(const ExprNode* target) {
  Emitter& emitter = out();
  Reg mark = emitter.top();
  switch (target->kind) {
    case NodeKind::Name: delete_name(ast_as<Name>(target).id, target->span); break;
    case NodeKind::Attribute: {
      auto& attribute = ast_as<Attribute>(target);
      forbid_debug(attribute.attr, "delete", target->span);
      Reg object = operand(attribute.value);
      uint32_t name = emitter.name(mangle(attribute.attr));
      if (name > 65535) fail_syntax("too many names", target->span);
      emitter.set_span(attribute_span(attribute));
      emitter.emit(Op::DELETE_ATTR, 0, object, static_cast<Reg>(name));
      break;
    }
    case NodeKind::Subscript: {
      auto& subscript = ast_as<Subscript>(target);
      Reg container = operand(subscript.value);
      Reg key = operand(subscript.slice);
      emitter.set_span(target->span);
      emitter.emit(Op::DELETE_SUBSCRIPT, 0, container, key);
      break;
    }
    case NodeKind::Tuple:
      for (ExprNode* each : ast_as<Tuple>(target).elts) delete_target(each);
      break;
    case NodeKind::List:
      for (ExprNode* each : ast_as<List>(target).elts) delete_target(each);
      break;
    default: fail_syntax("cannot delete expression", target->span);
  }
  emitter.release_to(mark);
}

}  // namespace mp::lang

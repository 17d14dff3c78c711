// Calls, zero-argument super(), and the warnings about things that can never be called, indexed or compared.
#include <fmt/format.h>

#include "lang/compiler.h"

namespace mp::lang {

void Compiler::validate_keywords(Seq<Keyword*> keywords) {
  for (size_t i = 0; i < keywords.size(); ++i) {
    if (!keywords[i]->arg) continue;
    forbid_debug(keywords[i]->arg, "assign to", keywords[i]->span);
    for (size_t k = i + 1; k < keywords.size(); ++k) {
      if (keywords[k]->arg == keywords[i]->arg) {
        fail_syntax(fmt::format("keyword argument repeated: {}", keywords[k]->arg.view()), keywords[k]->span);
      }
    }
  }
}

// super().name and super(class, self).name: puts super, class and self in a run of registers, when nothing
// shadows super.
bool Compiler::super_run(const ExprNode* function, const ExprNode* attribute, Reg* run, bool* two_arguments) {
  auto* call = ast_cast<Call>(function);
  auto* name = call == nullptr ? nullptr : ast_cast<Name>(call->func);
  if (name == nullptr || !(name->id == "super") || !call->keywords.empty()) return false;
  if (ast_as<Attribute>(attribute).attr == "__class__") return false;
  if (!unit_->scope->function_like()) return false;
  Place place = resolve(name->id);
  if (place.kind != Place::Global || place.symbol == nullptr ||
      place.symbol->scope != NameScope::GlobalImplicit)
    return false;
  if (table_.top()->symbols.find(name->id) != nullptr && table_.top()->symbols.find(name->id)->flags != 0)
    return false;
  size_t count = call->args.size();
  for (ExprNode* each : call->args) {
    if (each->kind == NodeKind::Starred) return false;
  }
  Emitter& emitter = out();
  if (count == 2) {
    *run = emitter.push(3);
    load_name(name->id, name->span, *run);
    into(call->args[0], *run + 1);
    into(call->args[1], *run + 2);
    *two_arguments = true;
    return true;
  }
  if (count != 0 || unit_->code->argument_count == 0 || !unit_->inlined.empty()) return false;
  Symbol* cell = unit_->scope->symbols.find(intern("__class__"));
  if (cell == nullptr || cell->scope != NameScope::Free) return false;
  *run = emitter.push(3);
  load_name(name->id, name->span, *run);
  emitter.set_span(call->span);
  emitter.emit(Op::LOAD_DEREF, *run + 1, cell->reg);
  Symbol* first = unit_->scope->symbols.find(unit_->scope->parameters[0]);
  if (first->scope == NameScope::Cell) {
    emitter.emit(Op::LOAD_DEREF, *run + 2, first->reg);
  } else {
    if (!emitter.is_assigned(first->reg)) emitter.emit(Op::CHECK_BOUND, first->reg);
    emitter.move(*run + 2, first->reg);
  }
  *two_arguments = false;
  return true;
}

void Compiler::call_into(const Call& node, Reg dest) {
  Emitter& emitter = out();
  validate_keywords(node.keywords);
  check_caller(node.func);
  Reg base = emitter.push(2);
  auto* method = ast_cast<Attribute>(node.func);
  bool starred = node.args.size() + node.keywords.size() > CompileLimits::kMaxRun;
  for (ExprNode* each : node.args) starred |= each->kind == NodeKind::Starred;
  for (Keyword* each : node.keywords) starred |= !each->arg;
  if (method == nullptr || starred) {
    into(node.func, base);
    call_arguments(Op::CALL, Op::CALL_KW, base, node.args, node.keywords, node.span, dest);
    return;
  }
  uint32_t name = emitter.name(mangle(method->attr));
  if (name > 65535) fail_syntax("too many names", node.span);
  Reg run;
  bool two_arguments;
  Span span = attribute_span(*method);
  if (super_run(method->value, method, &run, &two_arguments)) {
    emitter.set_span(span);
    emitter.emit(Op::LOAD_SUPER_METHOD, base, run, static_cast<Reg>(name), two_arguments ? 1 : 0);
  } else {
    Reg object = operand_in(method->value, base);
    emitter.set_span(span);
    emitter.emit(Op::LOAD_METHOD, base, object, static_cast<Reg>(name));
  }
  emitter.release_to(base + 2);
  Span call_span = node.span;
  if (span.begin != method->span.begin) call_span.begin = span.begin;
  call_arguments(Op::CALL_METHOD, Op::CALL_METHOD_KW, base, node.args, node.keywords, call_span, dest);
}

// The arguments of a call of r[base], behind `already` ones that are in place.
void Compiler::call_arguments(Op op, Op keyword_op, Reg base, Seq<ExprNode*> args, Seq<Keyword*> keywords,
                              Span span, Reg dest, int already) {
  Emitter& emitter = out();
  bool spread = args.size() + keywords.size() + static_cast<size_t>(already) > CompileLimits::kMaxRun;
  for (ExprNode* each : args) spread |= each->kind == NodeKind::Starred;
  for (Keyword* each : keywords) spread |= !each->arg;
  if (spread) {
    call_spread(base, already, args, keywords, span, dest);
    return;
  }
  for (ExprNode* each : args) push(each);
  int count = already + static_cast<int>(args.size());
  if (keywords.empty()) {
    emitter.set_span(span);
    emitter.emit(op, dest, base, count);
    return;
  }
  CodeConstant names;
  names.kind = CodeConstant::Kind::Tuple;
  for (Keyword* each : keywords) {
    names.items.push_back(string_constant(each->arg.view()));
    push(each->value);
  }
  count += static_cast<int>(keywords.size());
  emitter.set_span(span);
  emitter.emit_extra(keyword_op, dest, base, count, emitter.constant(names));
}

// f(*args, **kwargs). r[base] is the callable; what is already in place stands from r[base + 2] on.
void Compiler::call_spread(Reg base, int already, Seq<ExprNode*> args, Seq<Keyword*> keywords, Span span,
                           Reg dest) {
  Emitter& emitter = out();
  Reg positional = base + 1;
  Reg named = base + 2;
  if (already == 0 && args.size() == 1 && args[0]->kind == NodeKind::Starred) {
    into(ast_as<Starred>(args[0]).value, positional);
  } else {
    bool starred = false;
    for (ExprNode* each : args) starred |= each->kind == NodeKind::Starred;
    size_t total = args.size() + static_cast<size_t>(already);
    if (!starred && total <= CompileLimits::kMaxRun) {
      for (ExprNode* each : args) push(each);
      emitter.set_span(span);
      emitter.emit(Op::BUILD_TUPLE, positional, base + 2, static_cast<Reg>(total));
      emitter.release_to(base + 2);
    } else {
      Reg list = emitter.push();
      emitter.set_span(span);
      emitter.emit(Op::BUILD_LIST, list, base + 2, already);
      Reg mark = emitter.top();
      for (ExprNode* each : args) {
        auto* star = ast_cast<Starred>(each);
        Reg value = operand(star != nullptr ? star->value : each);
        emitter.set_span(span);
        emitter.emit(star != nullptr ? Op::LIST_EXTEND : Op::LIST_APPEND, list, value);
        emitter.release_to(mark);
      }
      emitter.set_span(span);
      emitter.emit(Op::LIST_TO_TUPLE, positional, list);
      emitter.release_to(base + 2);
    }
  }
  if (!keywords.empty()) {
    while (emitter.top() < named + 1) emitter.push();
    Reg mark = emitter.top();
    bool started = false;
    size_t i = 0;
    while (i < keywords.size()) {
      // Neighbouring `name=value` become one dict.
      size_t end = i;
      while (end < keywords.size() && keywords[end]->arg && end - i < CompileLimits::kMaxRun / 2) ++end;
      if (end > i) {
        Reg pairs = emitter.top();
        for (size_t k = i; k < end; ++k) {
          Reg key = emitter.push();
          emitter.set_span(keywords[k]->span);
          load_constant(string_constant(keywords[k]->arg.view()), key);
          push(keywords[k]->value);
        }
        emitter.set_span(span);
        if (!started) {
          emitter.emit(Op::BUILD_MAP, named, pairs, static_cast<Reg>(end - i));
        } else {
          emitter.emit(Op::BUILD_MAP, pairs, pairs, static_cast<Reg>(end - i));
          emitter.emit(Op::DICT_MERGE, named, pairs, base);
        }
        i = end;
      } else {
        if (!started) {
          emitter.set_span(span);
          emitter.emit(Op::BUILD_MAP, named, named, 0);
        }
        Reg mapping = operand(keywords[i]->value);
        emitter.set_span(span);
        emitter.emit(Op::DICT_MERGE, named, mapping, base);
        ++i;
      }
      started = true;
      emitter.release_to(mark);
    }
  }
  emitter.set_span(span);
  emitter.emit(Op::CALL_EX, dest, base, 0, keywords.empty() ? 0 : 1);
}

// ---- warnings, as compile.c gives them

namespace {

const char* constant_type(const ExprNode* node) {
  switch (node->kind) {
    case NodeKind::Tuple: return "tuple";
    case NodeKind::List:
    case NodeKind::ListComp: return "list";
    case NodeKind::Dict:
    case NodeKind::DictComp: return "dict";
    case NodeKind::Set:
    case NodeKind::SetComp: return "set";
    case NodeKind::GeneratorExp: return "generator";
    case NodeKind::Lambda: return "function";
    case NodeKind::JoinedStr:
    case NodeKind::FormattedValue: return "str";
    case NodeKind::Constant: break;
    default: return nullptr;
  }
  switch (ast_as<Constant>(node).value.kind) {
    case ConstantKind::None: return "NoneType";
    case ConstantKind::True:
    case ConstantKind::False: return "bool";
    case ConstantKind::Ellipsis: return "ellipsis";
    case ConstantKind::Int:
    case ConstantKind::BigInt: return "int";
    case ConstantKind::Float: return "float";
    case ConstantKind::Complex: return "complex";
    case ConstantKind::Str: return "str";
    case ConstantKind::Bytes: return "bytes";
  }
  return nullptr;
}

}  // namespace

void Compiler::check_caller(const ExprNode* node) {
  const char* type = nullptr;
  switch (node->kind) {
    case NodeKind::Constant:
    case NodeKind::Tuple:
    case NodeKind::List:
    case NodeKind::ListComp:
    case NodeKind::Dict:
    case NodeKind::DictComp:
    case NodeKind::Set:
    case NodeKind::SetComp:
    case NodeKind::GeneratorExp:
    case NodeKind::JoinedStr:
    case NodeKind::FormattedValue: type = constant_type(node); break;
    default: return;
  }
  warn(fmt::format("'{}' object is not callable; perhaps you missed a comma?", type), node->span);
}

void Compiler::check_subscripter(const ExprNode* node) {
  switch (node->kind) {
    case NodeKind::Constant: {
      ConstantKind kind = ast_as<Constant>(node).value.kind;
      if (kind == ConstantKind::Str || kind == ConstantKind::Bytes) return;
      break;
    }
    case NodeKind::Set:
    case NodeKind::SetComp:
    case NodeKind::GeneratorExp:
    case NodeKind::Lambda: break;
    default: return;
  }
  warn(fmt::format("'{}' object is not subscriptable; perhaps you missed a comma?", constant_type(node)),
       node->span);
}

void Compiler::check_index(const ExprNode* node, const ExprNode* index) {
  const char* index_type = constant_type(index);
  if (index_type == nullptr) return;
  if (index->kind == NodeKind::Constant) {
    ConstantKind kind = ast_as<Constant>(index).value.kind;
    if (kind == ConstantKind::Int || kind == ConstantKind::BigInt || kind == ConstantKind::True ||
        kind == ConstantKind::False) {
      return;
    }
  }
  switch (node->kind) {
    case NodeKind::Constant: {
      ConstantKind kind = ast_as<Constant>(node).value.kind;
      if (kind != ConstantKind::Str && kind != ConstantKind::Bytes) return;
      break;
    }
    case NodeKind::Tuple:
    case NodeKind::List:
    case NodeKind::ListComp:
    case NodeKind::JoinedStr:
    case NodeKind::FormattedValue: break;
    default: return;
  }
  warn(fmt::format("{} indices must be integers or slices, not {}; perhaps you missed a comma?",
                   constant_type(node), index_type),
       node->span);
}

void Compiler::check_compare(const Compare& node) {
  auto singleton = [](const ExprNode* each) {
    // Names and what is computed may be identical; None, True, False and ... are unique.
    if (each->kind == NodeKind::Tuple) return false;
    auto* constant = ast_cast<Constant>(each);
    if (constant == nullptr) return true;
    ConstantKind kind = constant->value.kind;
    return kind <= ConstantKind::Ellipsis;
  };
  bool left = singleton(node.left);
  const ExprNode* left_node = node.left;
  for (size_t i = 0; i < node.ops.size(); ++i) {
    const ExprNode* right_node = node.comparators[i];
    bool right = singleton(right_node);
    CompareOperator op = node.ops[i];
    if ((op == CompareOperator::Is || op == CompareOperator::IsNot) && (!left || !right)) {
      const char* type = constant_type(!right ? right_node : left_node);
      CodeConstant constant;
      bool known = (left_node->kind != NodeKind::Tuple || left || fold(left_node, &constant)) &&
                   (right_node->kind != NodeKind::Tuple || right || fold(right_node, &constant));
      if (known) {
        warn(fmt::format(fmt::runtime(op == CompareOperator::Is
                                          ? "\"is\" with '{}' literal. Did you mean \"==\"?"
                                          : "\"is not\" with '{}' literal. Did you mean \"!=\"?"),
                         type),
             node.span);
      }
    }
    left = right;
    left_node = right_node;
  }
}

}  // namespace mp::lang

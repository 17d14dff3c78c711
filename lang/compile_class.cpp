// Functions, classes, type parameters, type aliases, annotations.
#include <fmt/format.h>

#include <algorithm>

#include "lang/compiler.h"

namespace mp::lang {

// ---- making function objects

// The last registers pushed hold what `flags` says (see MAKE_FUNCTION); the closure is added here.
void Compiler::make_function(std::unique_ptr<CodeUnit> code, int flags, Reg dest) {
  Emitter& emitter = out();
  Reg mark = emitter.top();
  Reg run = mark - __builtin_popcount(static_cast<unsigned>(flags));
  if (code->free_count != 0) {
    Reg closure = emitter.push();
    Reg cells = emitter.top();
    for (const std::string& name : code->free_names) {
      Reg from = cell_register(intern(name));
      emitter.move(emitter.push(), from);
    }
    emitter.emit(Op::BUILD_TUPLE, closure, cells, code->free_count);
    flags |= 8;
    emitter.release_to(closure + 1);
  }
  uint16_t index = add_function(std::move(code));
  emitter.emit(Op::MAKE_FUNCTION, dest, run, index, flags);
  emitter.release_to(mark);
}

// The tuple of defaults and the dict of keyword defaults, pushed. Result: flags.
int Compiler::function_defaults(const Arguments& args) {
  Emitter& emitter = out();
  int flags = 0;
  if (!args.defaults.empty()) {
    flags |= 1;
    CodeConstant constants;
    Reg tuple = emitter.push();
    if (fold_all(args.defaults, &constants)) {
      emitter.set_span(args.defaults[0]->span);
      load_constant(constants, tuple);
    } else {
      sequence_into(args.defaults, NodeKind::Tuple, args.defaults[0]->span, tuple);
    }
    emitter.release_to(tuple + 1);
  }
  bool any = false;
  for (ExprNode* each : args.kw_defaults) any |= each != nullptr;
  if (any) {
    flags |= 2;
    Reg dict = emitter.push();
    Reg pairs = emitter.top();
    int count = 0;
    bool started = false;
    for (size_t i = 0; i < args.kw_defaults.size(); ++i) {
      if (args.kw_defaults[i] == nullptr) continue;
      Reg key = emitter.push();
      emitter.set_span(args.kw_defaults[i]->span);
      load_constant(string_constant(mangle(args.kwonlyargs[i]->arg).view()), key);
      Reg value = push(args.kw_defaults[i]);
      if (started) {
        emitter.emit(Op::MAP_ADD, dict, key, value);
        emitter.release_to(pairs);
      } else if (++count == CompileLimits::kMaxRun / 2) {
        emitter.emit(Op::BUILD_MAP, dict, pairs, count);
        emitter.release_to(pairs);
        started = true;
      }
    }
    if (!started) emitter.emit(Op::BUILD_MAP, dict, pairs, count);
    emitter.release_to(pairs);
  }
  return flags;
}

void Compiler::annotation_into(const ExprNode* annotation, Reg dest) {
  if (future_flags_ & kCodeFutureAnnotations) {
    out().set_span(annotation->span);
    load_constant(string_constant(unparse_expression(annotation)), dest);
    return;
  }
  if (auto* star = ast_cast<Starred>(annotation)) {
    // *args: *Ts
    Reg value = operand(star->value);
    out().set_span(annotation->span);
    out().emit(Op::UNPACK, dest, value, 1);
    return;
  }
  into(annotation, dest);
}

void Compiler::annotation_pair(Identifier name, const ExprNode* annotation, bool) {
  Emitter& emitter = out();
  Reg key = emitter.push();
  emitter.set_span(annotation->span);
  load_constant(string_constant(mangle(name).view()), key);
  Reg value = emitter.push();
  annotation_into(annotation, value);
  emitter.release_to(value + 1);
}

// The dict of annotations, pushed. Result: flags.
int Compiler::function_annotations(const Arguments& args, ExprNode* returns) {
  Emitter& emitter = out();
  Reg dict = emitter.push();
  Reg pairs = emitter.top();
  int count = 0;
  bool started = false;
  auto add = [&](Identifier name, const ExprNode* annotation) {
    if (annotation == nullptr) return;
    annotation_pair(name, annotation, false);
    if (started) {
      emitter.emit(Op::MAP_ADD, dict, pairs, pairs + 1);
      emitter.release_to(pairs);
    } else if (++count == CompileLimits::kMaxRun / 2) {
      emitter.emit(Op::BUILD_MAP, dict, pairs, count);
      emitter.release_to(pairs);
      started = true;
    }
  };
  // CPython's order: positional-only ones come second.
  for (Arg* each : args.args) add(each->arg, each->annotation);
  for (Arg* each : args.posonlyargs) add(each->arg, each->annotation);
  if (args.vararg != nullptr) add(args.vararg->arg, args.vararg->annotation);
  for (Arg* each : args.kwonlyargs) add(each->arg, each->annotation);
  if (args.kwarg != nullptr) add(args.kwarg->arg, args.kwarg->annotation);
  add(intern("return"), returns);
  if (count == 0) {
    emitter.release_to(dict);
    return 0;
  }
  if (!started) emitter.emit(Op::BUILD_MAP, dict, pairs, count);
  emitter.release_to(pairs);
  return 4;
}

void Compiler::set_arguments(const Arguments& args) {
  auto check = [&](const Arg* each) {
    if (each != nullptr) forbid_debug(each->arg, "assign to", each->span);
  };
  for (Arg* each : args.posonlyargs) check(each);
  for (Arg* each : args.args) check(each);
  for (Arg* each : args.kwonlyargs) check(each);
  check(args.vararg);
  check(args.kwarg);
  unit_->code->argument_count = static_cast<uint16_t>(args.posonlyargs.size() + args.args.size());
  unit_->code->positional_only_count = static_cast<uint16_t>(args.posonlyargs.size());
  unit_->code->keyword_only_count = static_cast<uint16_t>(args.kwonlyargs.size());
}

// ---- functions

void Compiler::decorators(Seq<ExprNode*> list, std::vector<Reg>* bases) {
  for (ExprNode* each : list) {
    Reg base = out().push(2);
    into(each, base);
    bases->push_back(base);
  }
}

// The value stands where the argument of the innermost decorator is expected.
void Compiler::call_decorators(Seq<ExprNode*> list, const std::vector<Reg>& bases, Reg value) {
  Emitter& emitter = out();
  for (size_t i = bases.size(); i-- > 0;) {
    emitter.set_span(list[i]->span);
    Reg dest = i == 0 ? bases[0] : bases[i - 1] + 2;
    emitter.emit(Op::CALL, dest, bases[i], 1);
    emitter.release_to(std::max(dest + 1, bases[i]));
  }
  (void)value;
}

template <typename F>
void Compiler::function_body_into(const F& node, bool async, int flags, Span first_line, Reg dest) {
  Scope* scope = table_.find(&node);
  enter(async ? UnitKind::AsyncFunction : UnitKind::Function, scope, node.name.view(), first_line);
  set_arguments(*node.args);
  body_with_docstring(node.body);
  // Where several ways meet, the end belongs to no line.
  if (out().at_label()) out().set_span({});
  if (out().reachable()) out().emit_wide(Op::RETURN_CONST, 0, static_cast<int32_t>(out().constant({})));
  std::unique_ptr<CodeUnit> code = leave();
  out().set_span(node.span);
  make_function(std::move(code), flags, dest);
}

template <typename F>
void Compiler::function_definition(const F& node, bool async) {
  Emitter& emitter = out();
  forbid_debug(node.name, "assign to", node.span);
  std::vector<Reg> bases;
  decorators(node.decorator_list, &bases);
  Span first_line = node.decorator_list.empty() ? node.span : node.decorator_list[0]->span;
  Reg value = emitter.push();
  if (node.type_params.empty()) {
    int flags = function_defaults(*node.args);
    flags |= function_annotations(*node.args, node.returns);
    Reg direct = bases.empty() ? plain_local(node.name) : -1;
    function_body_into(node, async, flags, first_line, direct >= 0 ? direct : value);
    if (direct >= 0) {
      bound(node.name);
      return;
    }
  } else {
    Reg base = emitter.push(2);
    int flags = function_defaults(*node.args);
    int count = __builtin_popcount(static_cast<unsigned>(flags));
    Scope* scope = table_.find(&node, ScopeRole::TypeParameters);
    enter(UnitKind::TypeParameters, scope, fmt::format("<generic parameters of {}>", node.name.view()),
          first_line);
    Emitter& inner = out();
    unit_->code->argument_count = static_cast<uint16_t>(count);
    Reg pair = inner.push(2);
    type_parameters_into(node.type_params, pair + 1);
    for (int i = 0; i < count; ++i) inner.move(inner.push(), i);
    flags |= function_annotations(*node.args, node.returns);
    function_body_into(node, async, flags, first_line, pair);
    inner.emit(Op::INTRINSIC, pair, pair, 2, static_cast<int>(Intrinsic::SET_FUNCTION_TYPE_PARAMS));
    inner.emit(Op::RETURN, pair);
    std::unique_ptr<CodeUnit> code = leave();
    emitter.set_span(node.span);
    make_function(std::move(code), 0, base);
    emitter.emit(Op::CALL, value, base, count);
  }
  emitter.release_to(value + 1);
  call_decorators(node.decorator_list, bases, value);
  store_name(node.name, node.span, bases.empty() ? value : bases[0]);
}

template void Compiler::function_definition(const FunctionDef&, bool);
template void Compiler::function_definition(const AsyncFunctionDef&, bool);

// ---- type parameters

void Compiler::type_parameter_part(const ExprNode* part, Identifier name, const void* node, ScopeRole role,
                                   Reg dest) {
  Scope* scope = table_.find(node, role);
  enter(UnitKind::TypeParameters, scope, name.view(), part->span);
  Reg value;
  if (auto* star = ast_cast<Starred>(part)) {
    // *Ts = *tuple[int, str]: the default is the one item.
    Reg inner = operand(star->value);
    value = out().push();
    out().set_span(part->span);
    out().emit(Op::UNPACK, value, inner, 1);
  } else {
    value = operand(part);
  }
  out().set_span(part->span);
  out().emit(Op::RETURN, value);
  std::unique_ptr<CodeUnit> code = leave();
  out().set_span(part->span);
  make_function(std::move(code), 0, dest);
}

void Compiler::type_parameters_into(Seq<TypeParamNode*> list, Reg dest) {
  Emitter& emitter = out();
  Reg run = emitter.top();
  if (list.size() > CompileLimits::kMaxRun) fail_syntax("too many type parameters", list[0]->span);
  bool seen_default = false;
  for (TypeParamNode* each : list) {
    Identifier name;
    const ExprNode* bound_node = nullptr;
    const ExprNode* default_node = nullptr;
    Intrinsic make;
    switch (each->kind) {
      case NodeKind::TypeVar: {
        auto& node = ast_as<TypeVar>(each);
        name = node.name;
        bound_node = node.bound;
        default_node = node.default_value;
        make = bound_node == nullptr                 ? Intrinsic::TYPEVAR
               : bound_node->kind == NodeKind::Tuple ? Intrinsic::TYPEVAR_WITH_CONSTRAINTS
                                                     : Intrinsic::TYPEVAR_WITH_BOUND;
        break;
      }
      case NodeKind::ParamSpec: {
        auto& node = ast_as<ParamSpec>(each);
        name = node.name;
        default_node = node.default_value;
        make = Intrinsic::PARAMSPEC;
        break;
      }
      default: {
        auto& node = ast_as<TypeVarTuple>(each);
        name = node.name;
        default_node = node.default_value;
        make = Intrinsic::TYPEVARTUPLE;
      }
    }
    Reg slot = emitter.push(2);
    emitter.set_span(each->span);
    load_constant(string_constant(name.view()), slot);
    if (bound_node != nullptr) type_parameter_part(bound_node, name, each, ScopeRole::Main, slot + 1);
    emitter.set_span(each->span);
    emitter.emit(Op::INTRINSIC, slot, slot, bound_node != nullptr ? 2 : 1, static_cast<int>(make));
    if (default_node != nullptr) {
      seen_default = true;
      type_parameter_part(default_node, name, each, ScopeRole::Default, slot + 1);
      emitter.set_span(each->span);
      emitter.emit(Op::INTRINSIC, slot, slot, 2, static_cast<int>(Intrinsic::SET_TYPEPARAM_DEFAULT));
    } else if (seen_default) {
      fail_syntax(fmt::format("non-default type parameter '{}' follows default type parameter", name.view()),
                  each->span);
    }
    emitter.release_to(slot + 1);
    store_name(name, each->span, slot);
  }
  emitter.emit(Op::BUILD_TUPLE, dest, run, static_cast<Reg>(list.size()));
  emitter.release_to(run);
}

void Compiler::type_alias(const TypeAlias& node) {
  Emitter& emitter = out();
  auto& name = ast_as<Name>(node.name);
  bool generic = !node.type_params.empty();
  Reg base = emitter.push(2);
  Scope* outer_scope = nullptr;
  if (generic) {
    outer_scope = table_.find(&node, ScopeRole::TypeParameters);
    enter(UnitKind::TypeParameters, outer_scope, fmt::format("<generic parameters of {}>", name.id.view()),
          node.span);
  }
  Emitter& inner = out();
  Reg run = inner.push(3);
  inner.set_span(node.span);
  load_constant(string_constant(name.id.view()), run);
  if (generic) {
    type_parameters_into(node.type_params, run + 1);
  } else {
    inner.emit(Op::LOAD_NONE, run + 1);
  }
  Scope* scope = table_.find(&node);
  enter(UnitKind::Function, scope, name.id.view(), node.span);
  Reg value = operand(node.value);
  out().set_span(node.span);
  out().emit(Op::RETURN, value);
  std::unique_ptr<CodeUnit> code = leave();
  inner.set_span(node.span);
  make_function(std::move(code), 0, run + 2);
  inner.emit(Op::BUILD_TUPLE, run, run, 3);
  inner.emit(Op::INTRINSIC, run, run, 1, static_cast<int>(Intrinsic::TYPEALIAS));
  if (generic) {
    inner.emit(Op::RETURN, run);
    std::unique_ptr<CodeUnit> outer_code = leave();
    emitter.set_span(node.span);
    make_function(std::move(outer_code), 0, base);
    emitter.emit(Op::CALL, base, base, 0);
    run = base;
  }
  store_name(name.id, node.span, run);
}

// ---- classes

void Compiler::note_static_attribute(const Attribute& node) {
  auto* name = ast_cast<Name>(node.value);
  if (name == nullptr || !(name->id == "self")) return;
  for (Unit* unit = unit_->parent; unit != nullptr; unit = unit->parent) {
    if (unit->kind != UnitKind::Class) continue;
    auto& known = unit->static_attributes;
    if (std::find(known.begin(), known.end(), node.attr) == known.end()) known.push_back(node.attr);
    return;
  }
}

std::unique_ptr<CodeUnit> Compiler::class_body(const ClassDef& node, Span first_line) {
  Scope* scope = table_.find(&node);
  enter(UnitKind::Class, scope, node.name.view(), first_line);
  Emitter& emitter = out();
  uint32_t line_start = source_.line_start(unit_->code->first_line);
  emitter.set_span({line_start, line_start == 0 ? 1 : line_start});
  Span here = emitter.span();
  Reg value = emitter.push();
  load_name(intern("__name__"), here, value);
  store_name(intern("__module__"), here, value);
  load_constant(string_constant(unit_->code->qualified_name), value);
  store_name(intern("__qualname__"), here, value);
  load_constant(int_constant(unit_->code->first_line), value);
  store_name(intern("__firstlineno__"), here, value);
  if (!node.type_params.empty()) {
    load_name(intern(".type_params"), here, value);
    store_name(intern("__type_params__"), here, value);
  }
  if (unit_->class_dict_cell >= 0) {
    emitter.emit(Op::LOAD_LOCALS, value);
    emitter.emit(Op::STORE_DEREF, unit_->class_dict_cell, value);
  }
  emitter.release_to(value);
  if (scope->annotations_used) emitter.emit(Op::SETUP_ANNOTATIONS);
  body_with_docstring(node.body);
  // What follows has no line of its own.
  emitter.set_span({});
  value = emitter.push();
  CodeConstant attributes;
  attributes.kind = CodeConstant::Kind::Tuple;
  for (Identifier name : unit_->static_attributes) attributes.items.push_back(string_constant(name.view()));
  load_constant(attributes, value);
  store_name(intern("__static_attributes__"), {}, value);
  if (unit_->class_dict_cell >= 0) {
    store_name(intern("__classdictcell__"), {}, unit_->class_dict_cell);
  }
  if (unit_->class_cell >= 0) {
    store_name(intern("__classcell__"), {}, unit_->class_cell);
    emitter.emit(Op::RETURN, unit_->class_cell);
  } else {
    emitter.emit_wide(Op::RETURN_CONST, 0, static_cast<int32_t>(emitter.constant({})));
  }
  return leave();
}

void Compiler::class_definition(const ClassDef& node) {
  Emitter& emitter = out();
  forbid_debug(node.name, "assign to", node.span);
  std::vector<Reg> bases;
  decorators(node.decorator_list, &bases);
  Span first_line = node.decorator_list.empty() ? node.span : node.decorator_list[0]->span;
  Reg value = emitter.push();
  Reg outer_base = -1;
  bool generic = !node.type_params.empty();
  Scope* outer_scope = nullptr;
  Seq<ExprNode*> base_list = node.bases;
  if (generic) {
    outer_base = emitter.push(2);
    outer_scope = table_.find(&node, ScopeRole::TypeParameters);
    enter(UnitKind::TypeParameters, outer_scope, fmt::format("<generic parameters of {}>", node.name.view()),
          first_line);
    unit_->private_name = node.name;
    Reg parameters = out().push();
    type_parameters_into(node.type_params, parameters);
    store_name(intern(".type_params"), node.span, parameters);
    Reg generic_base = parameters;
    out().emit(Op::INTRINSIC, generic_base, parameters, 1, static_cast<int>(Intrinsic::SUBSCRIPT_GENERIC));
    store_name(intern(".generic_base"), node.span, generic_base);
    out().release_to(parameters);
    // class C[T](Base) has the bases (Base, Generic[T]).
    SeqBuilder<ExprNode*> all;
    for (ExprNode* each : node.bases) all.push(arena_, each);
    Name* last = arena_.make<Name>();
    last->id = intern(".generic_base");
    last->ctx = ExprContext::Load;
    last->span = node.span;
    all.push(arena_, last);
    base_list = all.seq();
  }
  Emitter& inner = out();
  std::unique_ptr<CodeUnit> code = class_body(node, first_line);
  Reg base = inner.push(2);
  inner.set_span(node.span);
  inner.emit(Op::LOAD_BUILD_CLASS, base);
  Reg function = inner.push();
  make_function(std::move(code), 0, function);
  load_constant(string_constant(node.name.view()), inner.push());
  validate_keywords(node.keywords);
  call_arguments(Op::CALL, Op::CALL_KW, base, base_list, node.keywords, node.span, generic ? base : value, 2);
  if (generic) {
    inner.emit(Op::RETURN, base);
    std::unique_ptr<CodeUnit> outer_code = leave();
    emitter.set_span(node.span);
    make_function(std::move(outer_code), 0, outer_base);
    emitter.emit(Op::CALL, value, outer_base, 0);
  }
  emitter.release_to(value + 1);
  call_decorators(node.decorator_list, bases, value);
  store_name(node.name, node.span, bases.empty() ? value : bases[0]);
}

}  // namespace mp::lang

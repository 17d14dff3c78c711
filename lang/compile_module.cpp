// The door of the compiler, modules, units, names.
#include <fmt/format.h>

#include <algorithm>
#include <new>

#include "lang/compiler.h"

namespace mp::lang {

Compiler::Compiler(const Source& source, Arena& arena, const CompileOptions& options,
                   std::vector<Diagnostic>& warnings)
    : source_(source), arena_(arena), options_(options), warnings_(warnings), table_(arena) {
  filename_ =
      std::make_shared<const std::string>(options.filename.empty() ? source.filename() : options.filename);
}

Compiler::~Compiler() {
  while (unit_ != nullptr) {
    Unit* parent = unit_->parent;
    delete unit_;
    unit_ = parent;
  }
}

void Compiler::too_deep(Span span) {
  throw CompileError{DiagnosticKind::RecursionError, "maximum recursion depth exceeded during compilation",
                     span};
}

void Compiler::warn(std::string message, Span span) {
  // A finally body is compiled more than once.
  for (const Diagnostic& known : warnings_) {
    if (known.span.begin == span.begin && known.message == message) return;
  }
  warnings_.push_back(source_.diagnose(DiagnosticKind::SyntaxWarning, std::move(message), span));
}

namespace {

uint32_t feature_flag(std::string_view name) {
  struct {
    const char* name;
    uint32_t flag;
  } static constexpr kFeatures[] = {
      {"nested_scopes", 0},    {"generators", 0},
      {"division", 0},         {"absolute_import", 0},
      {"with_statement", 0},   {"print_function", 0},
      {"unicode_literals", 0}, {"barry_as_FLUFL", kCodeFutureBarryAsBdfl},
      {"generator_stop", 0},   {"annotations", kCodeFutureAnnotations},
  };
  for (const auto& feature : kFeatures) {
    if (name == feature.name) return feature.flag;
  }
  return ~0u;
}

bool is_docstring(const StmtNode* node) {
  auto* statement = ast_cast<Expr>(node);
  auto* constant = statement == nullptr ? nullptr : ast_cast<Constant>(statement->value);
  return constant != nullptr && constant->value.kind == ConstantKind::Str;
}

Seq<StmtNode*> body_of(const ModNode& module) {
  if (auto* node = ast_cast<Module>(&module)) return node->body;
  if (auto* node = ast_cast<Interactive>(&module)) return node->body;
  return {};
}

}  // namespace

// What future.c does: the features, and that they come first.
uint32_t Compiler::future_features(const ModNode& module) {
  uint32_t flags = 0;
  bool done = false, first = true;
  for (const StmtNode* node : body_of(module)) {
    auto* import = ast_cast<ImportFrom>(node);
    if (import != nullptr && import->level == 0 && import->module == "__future__") {
      if (done) fail_syntax("from __future__ imports must occur at the beginning of the file", node->span);
      for (Alias* alias : import->names) {
        std::string_view name = alias->name.view();
        if (name == "braces") fail_syntax("not a chance", alias->span);
        uint32_t flag = feature_flag(name);
        if (flag == ~0u) fail_syntax(fmt::format("future feature {} is not defined", name), alias->span);
        flags |= flag;
      }
    } else if (!first || !is_docstring(node)) {
      done = true;
    }
    first = false;
  }
  return flags;
}

uint32_t Compiler::scope_flags(const Unit& unit) const {
  const Scope& scope = *unit.scope;
  uint32_t flags = 0;
  if (scope.function_like()) {
    flags |= kCodeNewLocals | kCodeOptimized;
    if (scope.nested) flags |= kCodeNested;
    if (scope.generator && !scope.coroutine) flags |= kCodeGenerator;
    if (!scope.generator && scope.coroutine) flags |= kCodeCoroutine;
    if (scope.generator && scope.coroutine) flags |= kCodeAsyncGenerator;
    if (scope.varargs) flags |= kCodeVarArgs;
    if (scope.varkeywords) flags |= kCodeVarKeywords;
    if (scope.method) flags |= kCodeMethod;
  } else if (scope.kind == ScopeKind::Module && options_.top_level_await && scope.coroutine &&
             !scope.generator) {
    flags |= kCodeCoroutine;
  }
  return flags | (future_flags_ & kCodeFutureMask);
}

// CPython's compiler_set_qualname().
void Compiler::set_qualified_name(Unit& unit, std::string_view name) {
  Unit* parent = unit.parent;
  std::string base;
  if (parent != nullptr && parent->parent != nullptr && parent->kind == UnitKind::TypeParameters) {
    parent = parent->parent;
  }
  bool in_type_parameters_of_module = parent != nullptr && parent->kind == UnitKind::TypeParameters;
  if (parent != nullptr && parent->parent != nullptr && !in_type_parameters_of_module) {
    bool force_global = false;
    if (unit.kind == UnitKind::Function || unit.kind == UnitKind::AsyncFunction ||
        unit.kind == UnitKind::Class) {
      Identifier mangled = table_.mangle(parent->private_name, arena_.intern(name));
      Symbol* symbol = parent->scope->symbols.find(mangled);
      force_global = symbol != nullptr && symbol->scope == NameScope::GlobalExplicit;
    }
    if (!force_global) {
      base = parent->code->qualified_name;
      if (parent->kind == UnitKind::Function || parent->kind == UnitKind::AsyncFunction ||
          parent->kind == UnitKind::Lambda) {
        base += ".<locals>";
      }
      base += '.';
    }
  }
  unit.code->qualified_name = base + std::string(name);
}

void Compiler::layout_registers(Unit& unit) {
  CodeUnit& code = *unit.code;
  Scope& scope = *unit.scope;
  Reg next = 0;
  std::vector<Symbol*> cells, frees;
  std::vector<uint64_t> deletable;
  // A function in a finally part is compiled more than once.
  for (Symbol* symbol : scope.symbols.all()) symbol->reg = symbol->free_reg = -1;
  if (scope.function_like()) {
    std::vector<Identifier> parameters = scope.parameters;
    for (Identifier name : parameters) {
      scope.symbols.find(name)->reg = next++;
      code.local_names.emplace_back(name.view());
    }
  }
  for (Symbol* symbol : scope.symbols.all()) {
    if (scope.function_like() && symbol->scope == NameScope::Local && symbol->reg < 0) {
      symbol->reg = next++;
      code.local_names.emplace_back(symbol->name.view());
    }
    if (symbol->scope == NameScope::Cell) cells.push_back(symbol);
    if (symbol->scope == NameScope::Free || symbol->free_through) frees.push_back(symbol);
  }
  deletable.assign((static_cast<size_t>(next) + 63) / 64, 0);
  for (Symbol* symbol : scope.symbols.all()) {
    if (symbol->scope == NameScope::Local && symbol->reg >= 0 && (symbol->flags & kDeleted)) {
      deletable[symbol->reg >> 6] |= uint64_t(1) << (symbol->reg & 63);
    }
  }
  unit.emitter.track_locals(next);
  unit.emitter.set_deletable(std::move(deletable));
  for (size_t i = 0; i < code.local_names.size() && i < scope.parameters.size(); ++i) {
    unit.emitter.mark_assigned(static_cast<Reg>(i));
  }
  if (next > 60000) fail_syntax("too many local variables", scope.span);
  code.local_count = static_cast<uint16_t>(next);
  auto by_name = [](Symbol* a, Symbol* b) { return a->name.view() < b->name.view(); };
  std::sort(cells.begin(), cells.end(), by_name);
  std::sort(frees.begin(), frees.end(), by_name);
  for (Symbol* symbol : cells) {
    // A parameter arrives in its own register; prologue() moves it.
    symbol->reg = next++;
    code.cell_names.emplace_back(symbol->name.view());
  }
  if (scope.kind == ScopeKind::Class) {
    if (scope.needs_class_closure) {
      unit.class_cell = next++;
      code.cell_names.emplace_back("__class__");
    }
    if (scope.needs_class_dict) {
      unit.class_dict_cell = next++;
      code.cell_names.emplace_back("__classdict__");
    }
  }
  code.cell_count = static_cast<uint16_t>(code.cell_names.size());
  for (Symbol* symbol : frees) {
    if (symbol->free_through || scope.kind == ScopeKind::Class) symbol->free_reg = next;
    if (symbol->scope == NameScope::Free) symbol->reg = next;
    ++next;
    code.free_names.emplace_back(symbol->name.view());
  }
  code.free_count = static_cast<uint16_t>(frees.size());
  unit.emitter.start_temporaries(next);
}

void Compiler::prologue(Unit& unit) {
  CodeUnit& code = *unit.code;
  Emitter& emitter = unit.emitter;
  if (code.free_count != 0) emitter.emit_wide(Op::COPY_FREE, code.first_free(), code.free_count);
  for (int i = 0; i < code.cell_count; ++i) {
    Reg cell = code.first_cell() + i;
    Reg parameter = -1;
    if (unit.scope->function_like()) {
      for (size_t k = 0; k < unit.scope->parameters.size(); ++k) {
        if (code.local_names[k] == code.cell_names[i]) parameter = static_cast<Reg>(k);
      }
    }
    if (parameter >= 0) {
      emitter.emit(Op::MAKE_CELL, cell, parameter, 0, 1);
    } else {
      emitter.emit(Op::MAKE_CELL, cell, cell);
    }
  }
  if (code.flags & (kCodeGenerator | kCodeCoroutine | kCodeAsyncGenerator))
    emitter.emit(Op::RETURN_GENERATOR);
}

void Compiler::enter(UnitKind kind, Scope* scope, std::string_view name, Span first_line) {
  Unit* unit = new Unit(unit_, kind, scope);
  unit->private_name = scope->private_name;
  if (kind == UnitKind::Class) unit->private_name = scope->name;
  CodeUnit& code = *unit->code;
  code.name = name;
  code.filename = filename_;
  code.first_line = source_.empty() ? 1 : source_.line_of(first_line.begin);
  code.flags = scope_flags(*unit);
  set_qualified_name(*unit, name);
  unit_ = unit;
  layout_registers(*unit);
  unit->emitter.set_span({first_line.begin, first_line.begin + 1});
  prologue(*unit);
}

std::unique_ptr<CodeUnit> Compiler::leave() {
  Unit* unit = unit_;
  if (!unit->emitter.assemble(source_)) fail_syntax("too many registers needed", unit->scope->span);
  std::unique_ptr<CodeUnit> code = std::move(unit->code);
  unit_ = unit->parent;
  delete unit;
  return code;
}

uint16_t Compiler::add_function(std::unique_ptr<CodeUnit> code) {
  auto& functions = unit_->code->functions;
  if (functions.size() >= 65535) fail_syntax("too many functions in one scope", unit_->scope->span);
  functions.push_back(std::move(code));
  return static_cast<uint16_t>(functions.size() - 1);
}

std::string_view Compiler::docstring_of(Seq<StmtNode*> body, bool* found) const {
  *found = !body.empty() && is_docstring(body[0]);
  if (!*found) return {};
  return ast_as<Constant>(ast_as<Expr>(body[0]).value).value.text;
}

std::unique_ptr<CodeUnit> Compiler::module(const ModNode& module) {
  future_flags_ = options_.future_flags | future_features(module);
  table_.build(module, (future_flags_ & kCodeFutureAnnotations) != 0);
  interactive_ = module.kind == NodeKind::Interactive;
  enter(UnitKind::Module, table_.top(), "<module>", module.span);
  CodeUnit& code = *unit_->code;
  code.first_line = 1;
  if (auto* expression = ast_cast<Expression>(&module)) {
    Reg value = operand(expression->body);
    out().set_span(expression->body->span);
    out().emit(Op::RETURN, value);
    return leave();
  }
  Seq<StmtNode*> body = body_of(module);
  if (!body.empty()) out().set_span({body[0]->span.begin, body[0]->span.begin});
  if (table_.top()->annotations_used) out().emit(Op::SETUP_ANNOTATIONS);
  if (interactive_) {
    statements(body);
  } else {
    body_with_docstring(body);
  }
  if (out().reachable()) out().emit_wide(Op::RETURN_CONST, 0, static_cast<int32_t>(out().constant({})));
  return leave();
}

namespace {

// 3.13 strips the common indentation of a docstring (inspect.cleandoc's rule, tabs expanded).
std::string clean_docstring(std::string_view text) {
  std::string expanded;
  size_t column = 0;
  bool has_tab = text.find('\t') != std::string_view::npos;
  if (has_tab) {
    for (char c : text) {
      if (c == '\t') {
        do {
          expanded += ' ';
        } while (++column % 8 != 0);
      } else {
        expanded += c;
        column = c == '\n' || c == '\r' ? 0 : column + ((c & 0xc0) != 0x80);
      }
    }
    text = expanded;
  }
  size_t margin = std::string_view::npos;
  size_t line = text.find('\n');
  while (line != std::string_view::npos) {
    size_t first = line + 1;
    size_t at = first;
    while (at < text.size() && text[at] == ' ') ++at;
    if (at < text.size() && text[at] != '\n') margin = std::min(margin, at - first);
    line = text.find('\n', first);
  }
  if (margin == std::string_view::npos) margin = 0;
  std::string result;
  size_t at = 0;
  while (at < text.size() && text[at] == ' ') ++at;
  size_t start = at;
  bool first_line = true;
  while (start <= text.size()) {
    size_t end = text.find('\n', start);
    size_t stop = end == std::string_view::npos ? text.size() : end;
    size_t from = start;
    if (!first_line) {
      size_t skipped = 0;
      while (skipped < margin && from < stop && text[from] == ' ') ++from, ++skipped;
    }
    result.append(text.substr(from, stop - from));
    if (end == std::string_view::npos) break;
    result += '\n';
    start = end + 1;
    first_line = false;
  }
  return result;
}

}  // namespace

void Compiler::body_with_docstring(Seq<StmtNode*> body) {
  bool found;
  std::string_view text = docstring_of(body, &found);
  if (!found) {
    statements(body);
    return;
  }
  if (unit_->kind == UnitKind::Function || unit_->kind == UnitKind::AsyncFunction) {
    if (options_.optimize < 2) {
      unit_->code->flags |= kCodeHasDocstring;
      out().constant(string_constant(clean_docstring(text)));
    }
    if (body.size() == 1) out().mark_line();  // that of the `def`
  } else if (options_.optimize < 2) {
    out().set_span(body[0]->span);
    Reg value = out().push();
    load_constant(string_constant(clean_docstring(text)), value);
    store_name(intern("__doc__"), body[0]->span, value);
    out().release_to(value);
  }
  statements(body.from(1));
}

// ---- names

Place Compiler::resolve(Identifier raw) {
  Identifier name = mangle(raw);
  Scope& scope = *unit_->scope;
  bool from_comprehension = false, needs_cell = false;
  for (size_t i = unit_->inlined.size(); i-- > 0;) {
    from_comprehension = true;
    Symbol* symbol = unit_->inlined[i]->symbols.find(name);
    if (symbol == nullptr) continue;
    switch (symbol->scope) {
      case NameScope::Local: return {Place::Local, symbol->reg, name, symbol};
      case NameScope::Cell: return {Place::Deref, symbol->reg, name, symbol};
      case NameScope::GlobalExplicit: return {Place::Global, -1, name, symbol};
      case NameScope::GlobalImplicit:
        return {scope.kind == ScopeKind::Module ? Place::Name : Place::Global, -1, name, symbol};
      case NameScope::Free: needs_cell = true; break;
      default: break;
    }
  }
  Symbol* symbol = scope.symbols.find(name);
  if (symbol == nullptr) return {scope.function_like() ? Place::Global : Place::Name, -1, name, nullptr};
  if (from_comprehension && needs_cell && scope.kind == ScopeKind::Class) {
    return {Place::Deref, symbol->free_reg, name, symbol};
  }
  switch (symbol->scope) {
    case NameScope::Local:
      if (scope.function_like()) return {Place::Local, symbol->reg, name, symbol};
      return {Place::Name, -1, name, symbol};
    case NameScope::Cell: return {Place::Deref, symbol->reg, name, symbol};
    case NameScope::Free:
      if (scope.kind == ScopeKind::Class) return {Place::ClassDeref, symbol->free_reg, name, symbol};
      if (scope.can_see_class_scope && !(name == "__classdict__")) {
        return {Place::DictDeref, symbol->reg, name, symbol};
      }
      return {Place::Deref, symbol->reg, name, symbol};
    case NameScope::GlobalExplicit: return {Place::Global, -1, name, symbol};
    default: break;
  }
  if (scope.can_see_class_scope) return {Place::DictGlobal, -1, name, symbol};
  return {scope.function_like() ? Place::Global : Place::Name, -1, name, symbol};
}

// The cell that a nested function gets for one of its free variables.
Reg Compiler::cell_register(Identifier name) {
  for (size_t i = unit_->inlined.size(); i-- > 0;) {
    Symbol* symbol = unit_->inlined[i]->symbols.find(name);
    if (symbol != nullptr && symbol->scope == NameScope::Cell) return symbol->reg;
  }
  if (unit_->scope->kind == ScopeKind::Class) {
    if (name == "__class__" && unit_->class_cell >= 0) return unit_->class_cell;
    if (name == "__classdict__" && unit_->class_dict_cell >= 0) return unit_->class_dict_cell;
  }
  Symbol* symbol = unit_->scope->symbols.find(name);
  if (symbol == nullptr) {
    throw CompileError{DiagnosticKind::ValueError, fmt::format("no cell for '{}'", name.view()),
                       unit_->scope->span};
  }
  return unit_->scope->kind == ScopeKind::Class ? symbol->free_reg : symbol->reg;
}

void Compiler::forbid_debug(Identifier name, const char* verb, Span span) {
  if (name == "__debug__") fail_syntax(fmt::format("cannot {} __debug__", verb), span);
}

void Compiler::check_bound(const Place& place) {
  if (!out().is_temporary(place.reg)) {
    if (out().is_assigned(place.reg)) return;
    out().emit(Op::CHECK_BOUND, place.reg);
    out().mark_assigned(place.reg);
  } else if (!place.symbol->bound_now) {
    out().emit(Op::CHECK_BOUND, place.reg);
  }
}

void Compiler::load_name(Identifier raw, Span span, Reg dest) {
  Place place = resolve(raw);
  Emitter& emitter = out();
  emitter.set_span(span);
  switch (place.kind) {
    case Place::Local:
      check_bound(place);
      emitter.move(dest, place.reg);
      break;
    case Place::Deref: emitter.emit(Op::LOAD_DEREF, dest, place.reg); break;
    case Place::ClassDeref:
    case Place::DictDeref:
    case Place::DictGlobal: {
      Reg mapping = emitter.is_temporary(dest) ? dest : emitter.push();
      if (place.kind == Place::ClassDeref) {
        emitter.emit(Op::LOAD_LOCALS, mapping);
      } else {
        emitter.emit(Op::LOAD_DEREF, mapping, cell_register(intern("__classdict__")));
      }
      if (place.kind == Place::DictGlobal) {
        emitter.emit_wide(Op::LOAD_FROM_DICT_OR_GLOBALS, mapping,
                          static_cast<int32_t>(emitter.name(place.name)));
      } else {
        emitter.emit(Op::LOAD_FROM_DICT_OR_DEREF, mapping, place.reg);
      }
      if (mapping != dest) emitter.release_to(mapping);
      emitter.move(dest, mapping);
      break;
    }
    case Place::Global:
      emitter.emit_wide(Op::LOAD_GLOBAL, dest, static_cast<int32_t>(emitter.name(place.name)));
      break;
    case Place::Name:
      emitter.emit_wide(Op::LOAD_NAME, dest, static_cast<int32_t>(emitter.name(place.name)));
      break;
  }
}

void Compiler::store_name(Identifier raw, Span span, Reg value) {
  forbid_debug(raw, "assign to", span);
  Place place = resolve(raw);
  Emitter& emitter = out();
  emitter.set_span(span);
  switch (place.kind) {
    case Place::Local:
      emitter.move(place.reg, value);
      bound(raw);
      break;
    case Place::Deref:
    case Place::ClassDeref:
    case Place::DictDeref: emitter.emit(Op::STORE_DEREF, place.reg, value); break;
    case Place::Global:
    case Place::DictGlobal:
      emitter.emit_wide(Op::STORE_GLOBAL, value, static_cast<int32_t>(emitter.name(place.name)));
      break;
    case Place::Name:
      emitter.emit_wide(Op::STORE_NAME, value, static_cast<int32_t>(emitter.name(place.name)));
      break;
  }
}

void Compiler::delete_name(Identifier raw, Span span) {
  forbid_debug(raw, "delete", span);
  Place place = resolve(raw);
  Emitter& emitter = out();
  emitter.set_span(span);
  switch (place.kind) {
    case Place::Local:
      emitter.emit(Op::DELETE_LOCAL, place.reg);
      if (!emitter.is_temporary(place.reg)) emitter.mark_unassigned(place.reg);
      break;
    case Place::Deref:
    case Place::ClassDeref:
    case Place::DictDeref: emitter.emit(Op::DELETE_DEREF, place.reg); break;
    case Place::Global:
    case Place::DictGlobal:
      emitter.emit_wide(Op::DELETE_GLOBAL, 0, static_cast<int32_t>(emitter.name(place.name)));
      break;
    case Place::Name:
      emitter.emit_wide(Op::DELETE_NAME, 0, static_cast<int32_t>(emitter.name(place.name)));
      break;
  }
}

Reg Compiler::plain_local(Identifier raw) {
  if (raw == "__debug__") return -1;
  Place place = resolve(raw);
  return place.kind == Place::Local ? place.reg : -1;
}

void Compiler::bound(Identifier raw) {
  Place place = resolve(raw);
  if (place.kind != Place::Local) return;
  if (out().is_temporary(place.reg)) {
    place.symbol->bound_now = true;
  } else {
    out().mark_assigned(place.reg);
  }
}

bool Compiler::fold(const ExprNode* node, CodeConstant* value) {
  return may_be_constant(node) && fold_constant(node, debug(), value);
}

// ---- the door

namespace {

Diagnostic diagnose(const Source& source, const CompileError& error, const std::string& filename) {
  Diagnostic result;
  if (error.kind == DiagnosticKind::SyntaxError) {
    result = source.diagnose(error.kind, error.message, error.span);
  } else {
    result.kind = error.kind;
    result.message = error.message;
    result.filename = source.filename();
  }
  if (!filename.empty()) result.filename = filename;
  return result;
}

}  // namespace

CompileResult compile(const ModNode& module, const Source& source, Arena& arena,
                      const CompileOptions& options) {
  CompileResult result;
  try {
    Compiler compiler(source, arena, options, result.warnings);
    result.unit = compiler.module(module);
  } catch (const CompileError& error) {
    result.error = diagnose(source, error, options.filename);
  } catch (const std::bad_alloc&) {
    result.error = out_of_memory();
  }
  return result;
}

CompileResult compile_source(const Source& source, const ParseOptions& parse_options,
                             const CompileOptions& options) {
  Arena arena;
  ParseResult parsed = parse(source, arena, parse_options);
  CompileResult result;
  if (!parsed.ok()) {
    result.error = std::move(parsed.error);
    result.warnings = std::move(parsed.warnings);
    result.incomplete = parsed.incomplete;
    return result;
  }
  result = compile(*parsed.module, source, arena, options);
  result.incomplete = parsed.incomplete;
  result.warnings.insert(result.warnings.begin(), std::make_move_iterator(parsed.warnings.begin()),
                         std::make_move_iterator(parsed.warnings.end()));
  return result;
}

}  // namespace mp::lang

#include "lang/scope.h"

#include <fmt/format.h>

namespace mp::lang {

void fail_syntax(std::string message, Span span) {
  throw CompileError{DiagnosticKind::SyntaxError, std::move(message), span};
}

namespace {
constexpr size_t kLinear = 8;
}

Symbol* SymbolMap::find(Identifier name) const {
  if (order_.size() <= kLinear) {
    for (Symbol* symbol : order_) {
      if (symbol->name == name) return symbol;
    }
    return nullptr;
  }
  auto it = index_.find(name.key());
  return it == index_.end() ? nullptr : it->second;
}

Symbol* SymbolMap::add(Identifier name) {
  if (Symbol* known = find(name)) return known;
  storage_.emplace_back();
  Symbol* symbol = &storage_.back();
  symbol->name = name;
  order_.push_back(symbol);
  if (order_.size() == kLinear + 1) {
    for (Symbol* each : order_) index_.emplace(each->name.key(), each);
  } else if (order_.size() > kLinear) {
    index_.emplace(name.key(), symbol);
  }
  return symbol;
}

SymbolTable::SymbolTable(Arena& arena) : arena_(arena) {}

Scope* SymbolTable::find(const void* node, ScopeRole role) const {
  auto it = by_node_.find(reinterpret_cast<uintptr_t>(node) + static_cast<uintptr_t>(role));
  return it == by_node_.end() ? nullptr : it->second;
}

Identifier SymbolTable::mangle(Identifier private_name, Identifier name) {
  std::string_view text = name.view();
  if (!private_name || text.size() < 3 || text[0] != '_' || text[1] != '_') return name;
  if (text.ends_with("__") || text.find('.') != std::string_view::npos) return name;
  std::string_view owner = private_name.view();
  size_t first = owner.find_first_not_of('_');
  if (first == std::string_view::npos) return name;
  return arena_.intern(fmt::format("_{}{}", owner.substr(first), text));
}

void SymbolTable::fail_at_directive(Scope* scope, Identifier name, std::string message) {
  for (const Scope::Directive& directive : scope->directives) {
    if (directive.name == name) fail_syntax(std::move(message), directive.span);
  }
  fail_syntax(std::move(message), scope->span);
}

// The class body whose names an annotation scope sees, or null.
Scope* SymbolTable::class_entry_of(Scope* scope) const {
  if (!scope->can_see_class_scope) return nullptr;
  for (Scope* outer = scope->parent; outer != nullptr; outer = outer->parent) {
    if (outer->kind == ScopeKind::Class) return outer;
    if (!outer->can_see_class_scope) return nullptr;
  }
  return nullptr;
}

void SymbolTable::resolve_name(Scope* scope, Symbol* symbol) {
  Identifier name = symbol->name;
  uint32_t flags = symbol->flags;
  if (flags & kDefGlobal) {
    if (flags & kDefNonlocal) {
      fail_at_directive(scope, name, fmt::format("name '{}' is nonlocal and global", name.view()));
    }
    symbol->scope = NameScope::GlobalExplicit;
    return;
  }
  bool nonlocal = (flags & kDefNonlocal) != 0;
  if (nonlocal && scope->kind == ScopeKind::Module) {
    fail_at_directive(scope, name, "nonlocal declaration not allowed at module level");
  }
  if (!nonlocal && (flags & kDefBound)) {
    // A child that needs a cell may have been here before only through its parent, so Local is right for now.
    symbol->scope = NameScope::Local;
    return;
  }
  if (!nonlocal) {
    if (Scope* class_scope = class_entry_of(scope)) {
      Symbol* in_class = class_scope->symbols.find(name);
      if (in_class != nullptr) {
        if (in_class->flags & kDefGlobal) {
          symbol->scope = NameScope::GlobalExplicit;
          return;
        }
        if ((in_class->flags & kDefBound) && !(in_class->flags & kDefNonlocal)) {
          symbol->scope = NameScope::GlobalImplicit;
          return;
        }
      }
    }
  }
  // Look outwards for the function that binds it. Class bodies are skipped, but for the two names that they
  // provide.
  bool crossed = !scope->inlined;
  bool class_name = name == "__class__", class_dict = name == "__classdict__";
  Scope* owner = nullptr;
  Symbol* owned = nullptr;
  for (Scope* outer = scope->parent; outer != nullptr; outer = outer->parent) {
    if (outer->kind == ScopeKind::Class) {
      if ((class_name || class_dict) && crossed) {
        owner = outer;
        break;
      }
    } else if (outer->kind == ScopeKind::Module) {
      break;
    } else if (Symbol* found = outer->symbols.find(name)) {
      if (found->flags & kDefGlobal) break;
      if ((found->flags & kDefBound) && !(found->flags & kDefNonlocal)) {
        owner = outer;
        owned = found;
        break;
      }
    }
    if (!outer->inlined) crossed = true;
  }
  if (owner == nullptr) {
    if (nonlocal) {
      fail_at_directive(scope, name, fmt::format("no binding for nonlocal '{}' found", name.view()));
    }
    symbol->scope = NameScope::GlobalImplicit;
    return;
  }
  if (nonlocal && owned != nullptr && (owned->flags & kDefTypeParam)) {
    fail_at_directive(scope, name,
                      fmt::format("nonlocal binding not allowed for type parameter '{}'", name.view()));
  }
  if (!crossed) {
    symbol->scope = NameScope::InlineFree;
    return;
  }
  symbol->scope = NameScope::Free;
  if (owned != nullptr) {
    owned->scope = NameScope::Cell;
  } else if (class_name) {
    owner->needs_class_closure = true;
  } else {
    owner->needs_class_dict = true;
  }
  // Every code between here and there passes the cell on.
  for (Scope* between = scope->inlined ? scope->parent : scope; between != owner; between = between->parent) {
    if (between->inlined && between != scope) continue;
    Symbol* passed = between->symbols.add(name);
    if (between->kind == ScopeKind::Class) {
      passed->free_through = true;
      if (passed->scope == NameScope::Unresolved) {
        passed->scope = (passed->flags & (kDefBound | kDefGlobal)) ? NameScope::Local : NameScope::Free;
      }
    } else {
      passed->scope = NameScope::Free;
    }
  }
}

void SymbolTable::resolve(Scope* scope) {
  if (scope->discarded) return;
  // Parents first: a name that turns out to be free below changes Local into Cell up here.
  const std::vector<Symbol*>& all = scope->symbols.all();
  for (size_t i = 0; i < all.size(); ++i) {
    if (all[i]->flags != 0) resolve_name(scope, all[i]);
  }
  for (Scope* child : scope->children) {
    // PEP 709: all but generator expressions, and not where names of a class body are looked up at run time.
    child->inlined = child->comprehension != ComprehensionKind::None &&
                     child->comprehension != ComprehensionKind::Generator && !scope->can_see_class_scope;
  }
  for (Scope* child : scope->children) resolve(child);
}

}  // namespace mp::lang

#include "vm/exec/atomicity_source.h"

#include <algorithm>
#include <cctype>
#include <utility>

namespace mp::atomicity {

using namespace lang;

namespace {

bool is_word(char c) { return std::isalnum(static_cast<unsigned char>(c)) || c == '_' || (c & 0x80) != 0; }

std::string_view callee_name(const ExprNode* node) {
  const auto* call = ast_cast<Call>(node);
  if (call == nullptr) return {};
  if (const auto* name = ast_cast<Name>(call->func)) return name->id;
  if (const auto* attribute = ast_cast<Attribute>(call->func)) return attribute->attr;
  return {};
}

std::string strip_blanks(std::string_view text) {
  std::string out;
  char quote = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (quote == 0 && std::isspace(static_cast<unsigned char>(c))) {
      size_t next = i;
      while (next < text.size() && std::isspace(static_cast<unsigned char>(text[next]))) ++next;
      if (!out.empty() && next < text.size() && is_word(out.back()) && is_word(text[next])) out += ' ';
      i = next - 1;
      continue;
    }
    if (quote != 0 && c == '\\' && i + 1 < text.size()) {
      out += c;
      c = text[++i];
    } else if (c == quote) {
      quote = 0;
    } else if (quote == 0 && (c == '\'' || c == '"')) {
      quote = c;
    }
    out += c;
  }
  return out;
}

}  // namespace

// Walks the AST once and fills in the facts.
class FactsWalker {
 public:
  explicit FactsWalker(SourceFacts& facts) : facts_(facts) {}

  void walk(const Node* node) {
    if (node == nullptr) return;
    switch (node->kind) {
#define MP_AST_NODE(Name, Fields)
#define MP_AST_STMT(Name, Fields) case NodeKind::Name:
#include "lang/ast_nodes.def"
      statement(static_cast<const StmtNode*>(node));
      return;
      case NodeKind::Name:
        if (ast_as<Name>(node).ctx != ExprContext::Load) bind(ast_as<Name>(node).id, nullptr);
        return;
      case NodeKind::Attribute:
        if (ast_as<Attribute>(node).ctx != ExprContext::Load)
          bind_attribute(ast_as<Attribute>(node), nullptr);
        break;
      case NodeKind::NamedExpr:
        ++in_expression_;
        assign(ast_as<NamedExpr>(node).target, ast_as<NamedExpr>(node).value);
        --in_expression_;
        walk(ast_as<NamedExpr>(node).value);
        return;
      case NodeKind::BoolOp: {
        const auto& values = ast_as<BoolOp>(node).values;
        choice({values[0]->span.begin, values[values.size() - 2]->span.end});
        break;
      }
      case NodeKind::IfExp: choice(ast_as<IfExp>(node).test->span); break;
      case NodeKind::Arg: bind_parameter(ast_as<Arg>(node).arg); break;
      case NodeKind::ExceptHandler: bind(ast_as<ExceptHandler>(node).name, nullptr); break;
      case NodeKind::MatchAs: bind(ast_as<MatchAs>(node).name, nullptr); break;
      case NodeKind::MatchStar: bind(ast_as<MatchStar>(node).name, nullptr); break;
      case NodeKind::MatchMapping: bind(ast_as<MatchMapping>(node).rest, nullptr); break;
      default: break;
    }
    children(node);
  }

 private:
  template <typename T>
  void walk(const Seq<T>& list) {
    uint32_t outer = block_end_;
    if constexpr (std::is_same_v<T, StmtNode*>)
      if (!list.empty()) block_end_ = list.back()->span.end;
    for (const T& item : list) walk(item);
    block_end_ = outer;
  }
  template <typename T>
  requires(!std::is_pointer_v<T>) void walk(const T&) {}

  void children(const Node* node) {
    switch (node->kind) {
#define F(type, name) walk(typed.name);
#define O(type, name) walk(typed.name);
#define MP_AST_NODE(Name, Fields)                                  \
  case NodeKind::Name: {                                           \
    [[maybe_unused]] const auto& typed = ast_as<lang::Name>(node); \
    Fields break;                                                  \
  }
#include "lang/ast_nodes.def"
#undef F
#undef O
    }
  }

  void bind(std::string_view name, const ExprNode* value, ObjectType type = {}, bool callable = false) {
    if (name.empty()) return;
    bound_.emplace_back(name);
    note_made(name, value);
    SourceFacts::Binding& binding = facts_.names_[std::string(name)];
    if (value != nullptr) type = value_type(value);
    if (binding.times++ == 0)
      binding.type = type;
    else if (!(binding.type == type))
      binding.type = {};
    binding.at_start = depth_ == 0 && loops_ == 0;
    binding.callable |= callable;
  }
  SourceFacts::Made& made(std::string_view name) {
    return facts_.made_in_[facts_.made_key(function_, std::string(name))];
  }
  void note_made(std::string_view name, const ExprNode* value) {
    SourceFacts::Made& here = made(name);
    if (value == nullptr || !makes_object(value)) {
      here.always = false;
      return;
    }
    ObjectType type = value_type(value);
    if (here.times++ == 0)
      here.type = type;
    else if (!(here.type == type))
      here.type = {};
    const Statement& statement = facts_.statements_[static_cast<size_t>(current_)];
    bool assigns = statement.node->kind == NodeKind::Assign || statement.node->kind == NodeKind::AnnAssign;
    // A statement of the function's own block comes before all that stands behind it.
    if (assigns && in_expression_ == 0 && statement.parent == function_)
      here.since = std::min(here.since, statement.span.end);
  }
  void bind_parameter(std::string_view name) {
    bool always = made(name).always;
    bind(name, nullptr);
    made(name).always = always;
    made(name).since = UINT32_MAX;
  }
  void bind_attribute(const Attribute& target, const ExprNode* value) {
    bind("." + std::string(target.attr.view()), value);
  }

  void assign(const ExprNode* target, const ExprNode* value) {
    if (const auto* name = ast_cast<Name>(target)) return bind(name->id, value);
    if (const auto* attribute = ast_cast<Attribute>(target)) {
      bind_attribute(*attribute, value);
      return walk(attribute->value);
    }
    const auto* targets = ast_cast<Tuple>(target);
    const auto* values = ast_cast<Tuple>(value);
    if (targets == nullptr || values == nullptr || targets->elts.size() != values->elts.size())
      return walk(target);
    for (uint32_t i = 0; i < targets->elts.size(); ++i) assign(targets->elts[i], values->elts[i]);
  }

  static bool makes_object(const ExprNode* value) {
    switch (value->kind) {
      case NodeKind::Name:
      case NodeKind::Attribute:
      case NodeKind::BoolOp:
      case NodeKind::IfExp:
      case NodeKind::NamedExpr:
      case NodeKind::Yield:
      case NodeKind::YieldFrom: return false;
      case NodeKind::Subscript: return ast_as<Subscript>(value).slice->kind == NodeKind::Slice;
      default: return true;
    }
  }

  ObjectType value_type(const ExprNode* value) {
    switch (value->kind) {
      case NodeKind::List:
      case NodeKind::ListComp: return {ObjectKind::List};
      case NodeKind::Dict:
      case NodeKind::DictComp: return {ObjectKind::Dict};
      case NodeKind::Set:
      case NodeKind::SetComp: return {ObjectKind::Set};
      default: break;
    }
    std::string_view callee = callee_name(value);
    for (std::string_view name : {"Lock", "RLock", "Condition", "allocate_lock"})
      if (callee == name) return {ObjectKind::Lock};
    if (auto cls = facts_.classes_.find(std::string(callee)); cls != facts_.classes_.end())
      return {ObjectKind::Instance, cls->second};
    if (callee == "list") return {ObjectKind::List};
    if (callee == "set") return {ObjectKind::Set};
    if (callee == "deque") return {ObjectKind::Deque};
    for (std::string_view name : {"dict", "defaultdict", "OrderedDict", "Counter"})
      if (callee == name) return {ObjectKind::Dict};
    return {};
  }

  // Where the statements inside begin; the end for a simple one.
  static uint32_t header_end(const StmtNode* node) {
    switch (node->kind) {
      case NodeKind::FunctionDef: return body_begin<FunctionDef>(node);
      case NodeKind::AsyncFunctionDef: return body_begin<AsyncFunctionDef>(node);
      case NodeKind::ClassDef: return body_begin<ClassDef>(node);
      case NodeKind::For: return body_begin<For>(node);
      case NodeKind::AsyncFor: return body_begin<AsyncFor>(node);
      case NodeKind::While: return body_begin<While>(node);
      case NodeKind::If: return body_begin<If>(node);
      case NodeKind::With: return body_begin<With>(node);
      case NodeKind::AsyncWith: return body_begin<AsyncWith>(node);
      case NodeKind::Try: return body_begin<Try>(node);
      case NodeKind::TryStar: return body_begin<TryStar>(node);
      case NodeKind::Match: return ast_as<Match>(node).cases[0]->pattern->span.begin;
      default: return node->span.end;
    }
  }
  static uint32_t decorators_begin(const Seq<ExprNode*>& list, uint32_t begin) {
    return list.empty() ? begin : std::min(begin, list.front()->span.begin);
  }
  // A body may begin with a decorated function.
  template <typename T>
  static uint32_t body_begin(const StmtNode* node) {
    return first_byte(ast_as<T>(node).body.front());
  }
  static uint32_t first_byte(const StmtNode* node) {
    uint32_t begin = node->span.begin;
    if (const auto* function = ast_cast<FunctionDef>(node))
      return decorators_begin(function->decorator_list, begin);
    if (const auto* function = ast_cast<AsyncFunctionDef>(node))
      return decorators_begin(function->decorator_list, begin);
    if (const auto* cls = ast_cast<ClassDef>(node)) return decorators_begin(cls->decorator_list, begin);
    return begin;
  }

  void statement(const StmtNode* node) {
    int index = static_cast<int>(facts_.statements_.size());
    Span span{first_byte(node), node->span.end};
    facts_.statements_.push_back(
        {node, span, header_end(node), facts_.source_.line_of(node->span.begin), current_, self_});
    int outer = std::exchange(current_, index);
    const ClassDef* self = self_;
    switch (node->kind) {
      case NodeKind::Assign:
        walk(ast_as<Assign>(node).value);
        for (const ExprNode* target : ast_as<Assign>(node).targets)
          assign(target, ast_as<Assign>(node).value);
        break;
      case NodeKind::AnnAssign:
        assign(ast_as<AnnAssign>(node).target, ast_as<AnnAssign>(node).value);
        walk(ast_as<AnnAssign>(node).value);
        break;
      case NodeKind::AugAssign:
        // The same object or another one of its kind.
        if (const auto* name = ast_cast<Name>(ast_as<AugAssign>(node).target)) {
          ++facts_.names_[std::string(name->id.view())].times;
          bound_.emplace_back(name->id.view());
          walk(ast_as<AugAssign>(node).value);
        } else {
          children(node);
        }
        break;
      case NodeKind::Import: import(ast_as<Import>(node).names); break;
      case NodeKind::ImportFrom: import(ast_as<ImportFrom>(node).names); break;
      case NodeKind::FunctionDef: function(ast_as<FunctionDef>(node)); break;
      case NodeKind::AsyncFunctionDef: function(ast_as<AsyncFunctionDef>(node)); break;
      case NodeKind::ClassDef: {
        const auto& cls = ast_as<ClassDef>(node);
        facts_.classes_[std::string(cls.name.view())] = &cls;
        bind(cls.name, nullptr, {}, true);
        const ClassDef* outer_class = std::exchange(class_, &cls);
        ++depth_;
        children(node);
        --depth_;
        class_ = outer_class;
        break;
      }
      case NodeKind::If: {
        const auto& choice = ast_as<If>(node);
        bool leaves = goes_elsewhere(choice.body) || goes_elsewhere(choice.orelse);
        decision(choice.test, choice.body.front(), leaves ? block_end_ : span.end);
        children(node);
        break;
      }
      case NodeKind::Match: {
        const auto& match = ast_as<Match>(node);
        bool leaves = std::any_of(match.cases.begin(), match.cases.end(),
                                  [](const MatchCase* each) { return goes_elsewhere(each->body); });
        uint32_t end = leaves ? block_end_ : span.end;
        decision(match.subject, match.cases[0]->body.front(), end);
        for (const MatchCase* each : match.cases) {
          uint32_t body = first_byte(each->body.front());
          facts_.decisions_.push_back({{each->pattern->span.begin, body}, {body, end}});
        }
        children(node);
        break;
      }
      case NodeKind::Assert:
        facts_.decisions_.push_back({ast_as<Assert>(node).test->span, {span.end, block_end_}});
        children(node);
        break;
      case NodeKind::Try: {
        const auto& guarded = ast_as<Try>(node);
        bool leaves = goes_elsewhere(guarded.body);
        for (const ExceptHandler* handler : guarded.handlers) {
          uint32_t end = leaves ? block_end_ : handler->body.back()->span.end;
          if (tells_of_absence(handler->type))
            facts_.decisions_.push_back({{first_byte(guarded.body.front()), guarded.body.back()->span.end},
                                         {first_byte(handler->body.front()), end}});
        }
        children(node);
        break;
      }
      case NodeKind::While: {
        const auto& loop = ast_as<While>(node);
        size_t index = facts_.decisions_.size(), bound = bound_.size();
        decision(loop.test, loop.body.front(), span.end);
        ++loops_;
        children(node);
        --loops_;
        std::string_view test = text_of(loop.test);
        bool changes = std::any_of(bound_.begin() + static_cast<ptrdiff_t>(bound), bound_.end(),
                                   [&](const std::string& name) { return has_word(test, name); });
        if (changes) break;
        facts_.decisions_[index].acts.end = block_end_;
        facts_.decisions_[index].loop = {loop.body.front()->span.begin, loop.body.back()->span.end};
        break;
      }
      case NodeKind::For:
      case NodeKind::AsyncFor:
        ++loops_;
        children(node);
        --loops_;
        break;
      default: children(node);
    }
    current_ = outer;
    self_ = self;
  }

  // A test inside an expression decides about what its statement stores.
  void choice(Span test) {
    if (current_ < 0) return;
    const Statement& statement = facts_.statements_[static_cast<size_t>(current_)];
    if (statement.header_end == statement.span.end) facts_.decisions_.push_back({test, statement.span});
  }
  // A handler of what a read raises where nothing is.
  static bool tells_of_absence(const ExprNode* type) {
    if (const auto* types = ast_cast<Tuple>(type))
      return std::any_of(types->elts.begin(), types->elts.end(), tells_of_absence);
    const auto* name = ast_cast<Name>(type);
    for (const char* each : {"KeyError", "IndexError", "LookupError", "AttributeError", "NameError"})
      if (name != nullptr && name->id == each) return true;
    return false;
  }
  static bool goes_elsewhere(const Seq<StmtNode*>& body) {
    if (body.empty()) return false;
    NodeKind last = body.back()->kind;
    return last == NodeKind::Return || last == NodeKind::Raise || last == NodeKind::Continue ||
           last == NodeKind::Break;
  }
  std::string_view text_of(const ExprNode* node) const {
    return std::string_view(facts_.source_.text())
        .substr(node->span.begin, node->span.end - node->span.begin);
  }
  // `name`: as in SourceFacts::names_.
  static bool has_word(std::string_view text, std::string_view name) {
    if (name.starts_with('.')) name.remove_prefix(1);
    for (size_t at = text.find(name); at != std::string_view::npos; at = text.find(name, at + 1)) {
      size_t end = at + name.size();
      if ((at == 0 || !is_word(text[at - 1])) && (end == text.size() || !is_word(text[end]))) return true;
    }
    return false;
  }

  void decision(const ExprNode* test, const StmtNode* first, uint32_t end) {
    facts_.decisions_.push_back({test->span, {first_byte(first), end}});
  }

  template <typename Function>
  void function(const Function& node) {
    bind(node.name, nullptr, {}, true);
    if (class_ != nullptr) self_ = class_;
    const ClassDef* cls = std::exchange(class_, nullptr);
    int outer = std::exchange(function_, current_);
    ++depth_;
    children(&node);
    --depth_;
    function_ = outer;
    class_ = cls;
  }

  void import(const Seq<Alias*>& names) {
    for (const Alias* alias : names) {
      std::string_view name = alias->asname ? alias->asname.view() : alias->name.view();
      bind(name.substr(0, name.find('.')), nullptr);
    }
  }

  SourceFacts& facts_;
  int current_ = -1, function_ = -1, depth_ = 0, loops_ = 0, in_expression_ = 0;
  uint32_t block_end_ = 0;           // of the list of statements that this one stands in
  std::vector<std::string> bound_;   // the names bound so far
  const ClassDef* class_ = nullptr;  // whose body this is
  const ClassDef* self_ = nullptr;   // whose method this is
};

SourceFacts::SourceFacts(const Source& source, const ModNode& module) : source_(source) {
  FactsWalker(*this).walk(&module);
  // Once more, now that the classes are known.
  statements_.clear();
  names_.clear();
  decisions_.clear();
  made_in_.clear();
  FactsWalker(*this).walk(&module);
}

int SourceFacts::statement_at(uint32_t offset) const {
  auto after = std::upper_bound(statements_.begin(), statements_.end(), offset,
                                [](uint32_t at, const Statement& s) { return at < s.span.begin; });
  int index = static_cast<int>(after - statements_.begin()) - 1;
  while (index >= 0 && statements_[static_cast<size_t>(index)].span.end <= offset)
    index = statements_[static_cast<size_t>(index)].parent;
  return index;
}

uint32_t SourceFacts::offset(const CodePosition& position) const {
  return source_.line_start(static_cast<uint32_t>(position.line)) +
         static_cast<uint32_t>(std::max(position.column, 0));
}

std::string SourceFacts::expression(const CodePosition& position) const {
  uint32_t begin = offset(position);
  uint32_t end = source_.line_start(static_cast<uint32_t>(position.end_line)) +
                 static_cast<uint32_t>(std::max(position.end_column, 0));
  if (end <= begin) return "?";
  return strip_blanks(std::string_view(source_.text()).substr(begin, end - begin));
}

std::string SourceFacts::title(const Statement& statement) const {
  // A body on the line of its header goes where it would stand below it.
  const Statement* first = &statement;
  size_t levels = 0;
  for (; first->parent >= 0; ++levels) {
    const Statement* around = &statements_[static_cast<size_t>(first->parent)];
    if (around->line != first->line) break;
    first = around;
  }
  std::string_view line = source_.line_text(statement.line);
  std::string out(line.substr(0, std::min(line.find_first_not_of(" \t"), line.size())));
  out.append(4 * levels, ' ');
  uint32_t begin = statement.node->span.begin;
  std::string_view text = std::string_view(source_.text()).substr(begin, statement.header_end - begin);
  size_t end = text.find('\n');
  out += text.substr(0, end);
  while (!out.empty() && std::isspace(static_cast<unsigned char>(out.back()))) out.pop_back();
  // Only comments and blanks may be left out silently.
  for (bool comment = false; end < text.size(); ++end) {
    if (text[end] == '\n')
      comment = false;
    else if (text[end] == '#')
      comment = true;
    else if (!comment && !std::isspace(static_cast<unsigned char>(text[end])))
      return out + " ...";
  }
  return out;
}

bool SourceFacts::covers(const Statement& statement, uint32_t line) const {
  uint32_t last = statement.header_end;
  while (last > statement.span.begin + 1 &&
         std::isspace(static_cast<unsigned char>(source_.text()[last - 1])))
    --last;
  if (source_.line_of(statement.span.begin) <= line && line <= source_.line_of(last - 1)) return true;
  // `except E:`, `case P:`, ... belong to the statement that they are a part of.
  std::string_view text = source_.line_text(line);
  size_t begin = text.find_first_not_of(" \t");
  if (begin == std::string_view::npos) return false;
  text.remove_prefix(begin);
  for (std::string_view word : {"except", "case", "else", "finally"}) {
    if (!text.starts_with(word) || (text.size() > word.size() && is_word(text[word.size()]))) continue;
    int inner = statement_at(source_.line_start(line) + static_cast<uint32_t>(begin));
    return inner >= 0 && &statements_[static_cast<size_t>(inner)] == &statement;
  }
  return false;
}

bool SourceFacts::is_fixed(std::string_view name) const {
  auto found = names_.find(std::string(name));
  return found != names_.end() && found->second.times == 1 && found->second.at_start;
}

bool SourceFacts::is_callable(std::string_view name) const {
  auto found = names_.find(std::string(name));
  return found != names_.end() && found->second.callable;
}

ObjectType SourceFacts::type_of(std::string_view expression, const Statement& where) const {
  if (expression == "self" && where.self != nullptr) return {ObjectKind::Instance, where.self};
  size_t dot = expression.rfind('.');
  std::string key(dot == std::string_view::npos ? expression : expression.substr(dot));
  auto found = names_.find(key);
  return found == names_.end() ? ObjectType{} : found->second.type;
}

bool SourceFacts::runs_code(std::string_view receiver, std::string_view member, bool store,
                            const Statement& where) const {
  ObjectType type = type_of(receiver, where);
  return type.kind == ObjectKind::Instance && class_runs_code(*type.cls, member, store, 0);
}

bool SourceFacts::class_runs_code(const ClassDef& cls, std::string_view member, bool store, int depth) const {
  for (const StmtNode* node : cls.body) {
    if (const auto* function = ast_cast<FunctionDef>(node)) {
      if (member == "[]") {
        if (function->name == (store ? "__setitem__" : "__getitem__")) return true;
        continue;
      }
      if (function->name == (store ? "__setattr__" : "__getattribute__")) return true;
      if (!(function->name == member) || function->decorator_list.empty()) continue;
      const auto* decorator = ast_cast<Name>(function->decorator_list.front());
      if (decorator == nullptr || !(decorator->id == "staticmethod" || decorator->id == "classmethod"))
        return true;
    } else if (const auto* assign = ast_cast<Assign>(node)) {
      const auto* target = ast_cast<Name>(assign->targets.front());
      if (target != nullptr && target->id == member && callee_name(assign->value) == "property") return true;
    }
  }
  for (const ExprNode* base : cls.bases) {
    const auto* name = ast_cast<Name>(base);
    auto found = name == nullptr ? classes_.end() : classes_.find(std::string(name->id.view()));
    if (found != classes_.end() && depth < 20 && class_runs_code(*found->second, member, store, depth + 1))
      return true;
  }
  return false;
}

bool SourceFacts::is_lock(const ExprNode* node, const Statement& where, std::string* text) const {
  *text = strip_blanks(
      std::string_view(source_.text()).substr(node->span.begin, node->span.end - node->span.begin));
  ObjectKind kind = type_of(*text, where).kind;
  if (kind != ObjectKind::Unknown) return kind == ObjectKind::Lock;
  std::string name = text->substr(text->rfind('.') + 1);  // a parameter, or made elsewhere
  std::transform(name.begin(), name.end(), name.begin(), [](unsigned char c) { return std::tolower(c); });
  return name.find("lock") != std::string::npos || name.find("mutex") != std::string::npos ||
         name.find("cond") != std::string::npos;
}

std::string SourceFacts::lock_of(const Statement& block, int inner) const {
  std::string text;
  auto stands_in = [&](const Seq<StmtNode*>& body) {
    Span span = statements_[static_cast<size_t>(inner)].span;
    return body.front()->span.begin <= span.begin && span.end <= body.back()->span.end;
  };
  if (const auto* with = ast_cast<With>(block.node); with != nullptr && stands_in(with->body)) {
    for (const WithItem* item : with->items)
      if (is_lock(item->context_expr, block, &text)) return text;
  } else if (const auto* guarded = ast_cast<Try>(block.node);
             guarded != nullptr && stands_in(guarded->body)) {
    for (const StmtNode* last : guarded->finalbody) {
      const auto* statement = ast_cast<Expr>(last);
      if (statement == nullptr || callee_name(statement->value) != "release") continue;
      const auto* callee = ast_cast<Attribute>(ast_as<Call>(statement->value).func);
      if (callee != nullptr && is_lock(callee->value, block, &text)) return text;
    }
  }
  return "";
}

std::string SourceFacts::common_lock(int one, int other) const {
  auto parent = [&](int index) { return statements_[static_cast<size_t>(index)].parent; };
  for (int with = parent(one); with >= 0; with = parent(with)) {
    const StmtNode* node = statements_[static_cast<size_t>(with)].node;
    if (node->kind == NodeKind::FunctionDef || node->kind == NodeKind::AsyncFunctionDef) return "";
    std::string lock = lock_of(statements_[static_cast<size_t>(with)], one);
    if (!lock.empty() && lock == lock_of(statements_[static_cast<size_t>(with)], other)) return lock;
  }
  return "";
}

int SourceFacts::decision(uint32_t test_offset, uint32_t act_offset,
                          const std::vector<uint32_t>& changes) const {
  auto inside = [](Span span, uint32_t at) { return span.begin <= at && at < span.end; };
  for (size_t i = decisions_.size(); i-- > 0;) {
    const Decision& decision = decisions_[i];
    if (!inside(decision.test, test_offset) || !inside(decision.acts, act_offset)) continue;
    bool behind = decision.loop.end != 0 && act_offset >= decision.loop.end;
    auto in_loop = [&](uint32_t change) { return inside(decision.loop, change); };
    if (!behind || std::none_of(changes.begin(), changes.end(), in_loop)) return static_cast<int>(i);
  }
  return -1;
}

bool SourceFacts::is_made_in(int function, const std::string& name, uint32_t offset) const {
  auto found = made_in_.find(made_key(function, name));
  return found != made_in_.end() && found->second.always && found->second.since <= offset;
}

ObjectKind SourceFacts::kind_made_in(int function, const std::string& name, uint32_t offset) const {
  return is_made_in(function, name, offset) ? made_in_.at(made_key(function, name)).type.kind
                                            : ObjectKind::Unknown;
}

}  // namespace mp::atomicity

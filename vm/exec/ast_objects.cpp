// _ast_support: the parser's trees as objects of the classes that stdlib/lib/_ast.mp makes, and back.
#include <string>
#include <unordered_map>
#include <vector>

#include "lang/ast_check.h"
#include "lang/compile.h"
#include "lang/constant_fold.h"
#include "vm/exec/code.h"
#include "vm/exec/compile_errors.h"
#include "vm/native/native.h"
#include "vm/os/memory.h"
#include "vm/protocol/protocol.h"
#include "vm/types/number.h"
#include "vm/types/runtime.h"
#include "vm/types/type.h"

namespace mp {

namespace {

using namespace lang;  // the names of the nodes

// ---- trees to objects

class ToObjects {
 public:
  ToObjects(Thread& t, const Source& source, DictObject* classes, DictObject* instances)
      : t_(t), source_(source), classes_(classes), instances_(instances) {}

  Result<Value> node(const Node* node) {
    if (node == nullptr) return mp::kNone;
    TRY(t_.check_stack(" during ast construction"));
    Value cls = dict_get_str(classes_, intern(t_, node_kind_name(node->kind)));
    if (cls.is_not_found())
      return t_.raise(Exc::SystemError, "no class {} in _ast", node_kind_name(node->kind));
    Value object = TRY(allocate_instance(t_, cls.as<Type>()));
    switch (node->kind) {
#define MP_AST_NODE(Name, Fields)                        \
  case NodeKind::Name: {                                 \
    [[maybe_unused]] auto& n = ast_as<lang::Name>(node); \
    Fields break;                                        \
  }
#define F(type, name) TRY(set(object, #name, TRY(convert(n.name))));
#define O(type, name) F(type, name)
#include "lang/ast_nodes.def"
#undef F
#undef O
    }
    if (node->kind == NodeKind::Module) TRY(set(object, "type_ignores", make_list(t_)));
    if (node->kind == NodeKind::Constant)
      TRY(set(object, "kind",
              ast_as<lang::Constant>(node).value.unicode_prefix ? Value(intern(t_, "u")) : mp::kNone));
    if (!has_position(node->kind)) return object;
    Position from = source_.position(node->span.begin), to = source_.position(node->span.end);
    TRY(set(object, "lineno", make_int(t_, from.line)));
    TRY(set(object, "col_offset", make_int(t_, from.column)));
    TRY(set(object, "end_lineno", make_int(t_, to.line)));
    TRY(set(object, "end_col_offset", make_int(t_, to.column)));
    return object;
  }

 private:
  Status set(Value object, const char* name, Value value) {
    TRY(set_attr(t_, object, intern(t_, name), value));
    return {};
  }
  Result<Value> instance(const char* name) {
    Value value = dict_get_str(instances_, intern(t_, name));
    if (value.is_not_found()) return t_.raise(Exc::SystemError, "no instance of {} in _ast", name);
    return value;
  }

  Result<Value> convert(const Node* child) { return node(child); }
  Result<Value> convert(Identifier name) { return name ? Value(intern(t_, name.view())) : mp::kNone; }
  Result<Value> convert(int value) { return Value::from_int(value); }
  Result<Value> convert(const ConstantValue& value) { return constant_value(t_, literal_constant(value)); }
  Result<Value> convert(Operator op) { return instance(operator_name(op)); }
  Result<Value> convert(UnaryOperator op) { return instance(operator_name(op)); }
  Result<Value> convert(BoolOperator op) { return instance(operator_name(op)); }
  Result<Value> convert(CompareOperator op) { return instance(operator_name(op)); }
  Result<Value> convert(ExprContext context) { return instance(context_name(context)); }
  template <typename T>
  Result<Value> convert(Seq<T> items) {
    ListObject* list = make_list(t_);
    for (const T& item : items) {
      Value value = TRY(convert(item));
      TRY(list_append(t_, list, value));
    }
    return Value(list);
  }

  Thread& t_;
  const Source& source_;
  DictObject* classes_;
  DictObject* instances_;
};

// ---- objects to trees

class FromObjects {
 public:
  FromObjects(Thread& t, Arena& arena, DictObject* classes) : t_(t), arena_(arena), classes_(classes) {}

  Result<ModNode*> module(Value object) {
    Node* root = TRY(node(object, "mod"));
    return static_cast<ModNode*>(root);
  }

  // A text of blanks in which the nodes' positions exist.
  Source place(const std::string& filename) {
    std::string text;
    for (uint32_t width : widths_) {
      text.append(width, ' ');
      text += '\n';
    }
    Source source = Source::from_text(text, filename);
    for (const Placed& each : placed_) {
      each.node->span = {source.line_start(each.line) + each.column,
                         source.line_start(each.end_line) + each.end_column};
    }
    return source;
  }

 private:
  struct Placed {
    Node* node;
    uint32_t line, column, end_line, end_column;
  };
  static constexpr int64_t kMaxLine = 1000000, kMaxColumn = 100000;

  Result<Value> kind_name(Value object) {
    Type* type = type_of(t_, object);
    for (Type* base = type; base != nullptr; base = base->base.load()) {
      Value name = TRY(get_attr(t_, base, "__name__"));
      Value cls = TRY(dict_get(t_, classes_, name));
      if (!cls.is_not_found() && cls == Value(base)) return name;
    }
    return kNotFound;
  }

  Result<uint32_t> number(Value object, const char* name, int64_t otherwise, int64_t limit,
                          const char* what) {
    Value value = TRY(get_attr_or_not_found(t_, object, intern(t_, name)));
    if (value.is_not_found() || value.is_none()) {
      if (otherwise >= 0) return static_cast<uint32_t>(otherwise);
      return t_.raise(Exc::TypeError, "required field \"{}\" missing from {}", name, what);
    }
    int64_t result = TRY(to_int64(t_, value));
    return static_cast<uint32_t>(result < 0 ? 0 : result > limit ? limit : result);
  }

  Status remember_place(Node* node, Value object, const char* what) {
    uint32_t line = TRY(number(object, "lineno", -1, kMaxLine, what));
    uint32_t column = TRY(number(object, "col_offset", -1, kMaxColumn, what));
    uint32_t end_line = TRY(number(object, "end_lineno", line, kMaxLine, what));
    uint32_t end_column = TRY(number(object, "end_col_offset", column, kMaxColumn, what));
    if (line == 0) line = 1;
    if (end_line < line || (end_line == line && end_column < column)) end_line = line, end_column = column;
    if (widths_.size() < end_line) widths_.resize(end_line, 0);
    if (widths_[line - 1] < column) widths_[line - 1] = column;
    if (widths_[end_line - 1] < end_column) widths_[end_line - 1] = end_column;
    placed_.push_back({node, line, column, end_line, end_column});
    return {};
  }

  static bool belongs(NodeKind kind, std::string_view wanted) {
    static constexpr const char* kSums[] = {
#define MP_AST_MOD(Name, Fields) "mod",
#define MP_AST_STMT(Name, Fields) "stmt",
#define MP_AST_EXPR(Name, Fields) "expr",
#define MP_AST_HANDLER(Name, Fields) "excepthandler",
#define MP_AST_PATTERN(Name, Fields) "pattern",
#define MP_AST_TYPE_PARAM(Name, Fields) "type_param",
#define MP_AST_HELPER(Name, python_name, Fields) #python_name,
#include "lang/ast_nodes.def"
    };
    return wanted == kSums[static_cast<int>(kind)];
  }

  Result<Node*> node(Value object, const char* wanted) {
    if (++depth_ > kMaxAstDepth)
      return t_.raise(Exc::RecursionError, "maximum recursion depth exceeded during ast construction");
    TRY(t_.check_stack(" during ast construction"));
    Value name = TRY(kind_name(object));
    int found = -1;
    if (!name.is_not_found()) {
      std::string text = to_utf8(name.as<StrObject>());
      for (int kind = 0; kind <= static_cast<int>(NodeKind::MatchCase); ++kind) {
        if (text == node_kind_name(static_cast<NodeKind>(kind))) found = kind;
      }
    }
    if (found < 0 || !belongs(static_cast<NodeKind>(found), wanted)) {
      return t_.raise(Exc::TypeError, "expected some sort of {}, but got {}", wanted, repr_text(t_, object));
    }
    NodeKind kind = static_cast<NodeKind>(found);
    what_ = node_kind_name(kind);
    Node* result = nullptr;
    switch (kind) {
#define MP_AST_NODE(Name, Fields)                                   \
  case NodeKind::Name: {                                            \
    [[maybe_unused]] const char* what = node_kind_name(kind);       \
    [[maybe_unused]] auto* n = arena_.make<lang::Name>();           \
    result = n;                                                     \
    if (has_position(kind)) TRY(remember_place(n, object, wanted)); \
    Fields break;                                                   \
  }
#define F(type, name) TRY(field(object, what, #name, &n->name, false));
#define O(type, name) TRY(field(object, what, #name, &n->name, true));
#include "lang/ast_nodes.def"
#undef F
#undef O
    }
    --depth_;
    return result;
  }

  template <typename T>
  Status field(Value object, const char* what, const char* name, T* out, bool optional) {
    Value value = TRY(get_attr_or_not_found(t_, object, intern(t_, name)));
    if (value.is_not_found() || (value.is_none() && !accepts_none(out))) {
      if (optional || is_list(out) || (std::string_view(name) == "level")) return {};
      if (value.is_not_found()) {
        return t_.raise(Exc::TypeError, "required field \"{}\" missing from {}", name, what);
      }
      return t_.raise(Exc::ValueError, "field '{}' is required for {}", name, what);
    }
    none_allowed_ = std::string_view(name) == "keys" || std::string_view(name) == "kw_defaults";
    return read(value, out);
  }
  static bool accepts_none(ConstantValue*) { return true; }
  static bool accepts_none(void*) { return false; }
  template <typename T>
  static bool is_list(Seq<T>*) {
    return true;
  }
  static bool is_list(void*) { return false; }

  template <typename T>
  Status child(Value value, const char* wanted, T** out) {
    Node* result = TRY(node(value, wanted));
    *out = static_cast<T*>(result);
    return {};
  }
  Status read(Value v, StmtNode** out) { return child(v, "stmt", out); }
  Status read(Value v, ExprNode** out) { return child(v, "expr", out); }
  Status read(Value v, PatternNode** out) { return child(v, "pattern", out); }
  Status read(Value v, TypeParamNode** out) { return child(v, "type_param", out); }
  Status read(Value v, ExceptHandler** out) { return child(v, "excepthandler", out); }
  Status read(Value v, lang::Comprehension** out) { return child(v, "comprehension", out); }
  Status read(Value v, lang::Arguments** out) { return child(v, "arguments", out); }
  Status read(Value v, lang::Arg** out) { return child(v, "arg", out); }
  Status read(Value v, lang::Keyword** out) { return child(v, "keyword", out); }
  Status read(Value v, lang::Alias** out) { return child(v, "alias", out); }
  Status read(Value v, lang::WithItem** out) { return child(v, "withitem", out); }
  Status read(Value v, lang::MatchCase** out) { return child(v, "match_case", out); }
  Status read(Value v, Identifier* out) {
    if (!is_str(v)) return t_.raise(Exc::TypeError, "AST identifier must be of type str");
    *out = arena_.intern(to_utf8(v.as<StrObject>()));
    return {};
  }
  Status read(Value v, int* out) {
    *out = static_cast<int>(TRY(to_int64(t_, v)));
    return {};
  }
  template <typename E>
  Status enumerator(Value v, const char* wanted, E last, const char* (*name_of)(E), E* out) {
    Value name = TRY(kind_name(v));
    if (!name.is_not_found()) {
      std::string text = to_utf8(name.as<StrObject>());
      for (int i = 0; i <= static_cast<int>(last); ++i) {
        if (text == name_of(static_cast<E>(i))) {
          *out = static_cast<E>(i);
          return {};
        }
      }
    }
    return t_.raise(Exc::TypeError, "expected some sort of {}, but got {}", wanted, repr_text(t_, v));
  }
  Status read(Value v, Operator* out) {
    return enumerator<Operator>(v, "operator", Operator::FloorDiv, operator_name, out);
  }
  Status read(Value v, UnaryOperator* out) {
    return enumerator<UnaryOperator>(v, "unaryop", UnaryOperator::USub, operator_name, out);
  }
  Status read(Value v, BoolOperator* out) {
    return enumerator<BoolOperator>(v, "boolop", BoolOperator::Or, operator_name, out);
  }
  Status read(Value v, CompareOperator* out) {
    return enumerator<CompareOperator>(v, "cmpop", CompareOperator::NotIn, operator_name, out);
  }
  Status read(Value v, ExprContext* out) {
    return enumerator<ExprContext>(v, "expr_context", ExprContext::Del, context_name, out);
  }
  Status read(Value v, ConstantValue* out) {
    if (v.is_none()) {
      out->kind = ConstantKind::None;
    } else if (v.is_bool()) {
      out->kind = v.is_true() ? ConstantKind::True : ConstantKind::False;
    } else if (v == kEllipsis) {
      out->kind = ConstantKind::Ellipsis;
    } else if (v.is_int()) {
      out->kind = ConstantKind::Int;
      out->integer = v.as_int();
    } else if (is_exact(v, t_.types().int_)) {
      Value hex = TRY(call_method(t_, v, intern(t_, "__format__"), {intern(t_, "x")}));
      out->kind = ConstantKind::BigInt;
      out->base = 16;
      out->text = arena_.copy_text(to_utf8(hex.as<StrObject>()));
    } else if (is_float(v) && type_of(t_, v) == t_.types().float_) {
      out->kind = ConstantKind::Float;
      out->real = TRY(to_double(t_, v));
    } else if (is_exact(v, t_.types().complex)) {
      out->kind = ConstantKind::Complex;
      out->real = TRY(to_double(t_, TRY(get_attr(t_, v, "imag"))));
    } else if (is_str(v)) {
      out->kind = ConstantKind::Str;
      out->text = arena_.copy_text(to_utf8(v.as<StrObject>()));
    } else if (is_bytes(v)) {
      out->kind = ConstantKind::Bytes;
      out->text = arena_.copy_text(v.as<BytesObject>()->view());
    } else {
      return t_.raise(Exc::TypeError, "got an invalid type in Constant: {}", type_name(t_, v));
    }
    return {};
  }
  template <typename T>
  Status read(Value v, Seq<T>* out) {
    bool none_allowed = none_allowed_;
    if (!mp::is_list(v))
      return t_.raise(Exc::TypeError, "{} field must be a list, not a {}", what_, type_name(t_, v));
    auto* list = v.as<ListObject>();
    SeqBuilder<T> items;
    for (size_t i = 0; i < list->length(); ++i) {
      Value item = list->at(i);
      T entry{};
      if (item.is_none() || item.is_empty()) {
        if (!none_allowed) return t_.raise(Exc::ValueError, "None disallowed in expression list");
      } else {
        TRY(read(item, &entry));
      }
      items.push(arena_, entry);
    }
    *out = items.seq();
    return {};
  }

  Thread& t_;
  Arena& arena_;
  DictObject* classes_;
  std::vector<Placed> placed_;
  std::vector<uint32_t> widths_;
  const char* what_ = "";
  bool none_allowed_ = false;
  int depth_ = 0;
};

// parse(source, filename, mode, flags, classes, instances)
Result<Value> ast_parse(Thread& t, const Value* args) {
  std::string filename = to_utf8(args[1].as<StrObject>()), mode = to_utf8(args[2].as<StrObject>());
  int64_t flags = TRY(to_int64(t, args[3]));
  std::optional<Diagnostic> broken;
  Source source;
  if (is_str(args[0])) {
    if (!os::has_room(args[0].as<StrObject>()->byte_size() * 2)) return t.raise_memory_error();
    std::string text = to_utf8(args[0].as<StrObject>());
    if (text.find('\0') != std::string::npos)
      return t.raise(Exc::SyntaxError, "source code string cannot contain null bytes");
    source = Source::from_text(text, filename, &broken);
  } else {
    Result<std::string_view> bytes = bytes_view(t, args[0]);
    if (bytes.is_error()) {
      if (!t.catch_exception(Exc::TypeError)) return Error{};
      return t.raise(Exc::TypeError, "compile() arg 1 must be a string, bytes or AST object");
    }
    if (!os::has_room(bytes.value().size())) return t.raise_memory_error();
    source = Source::from_bytes(std::string(bytes.value()), filename, &broken);
  }
  if (broken) return raise_diagnostic(t, *broken, false);
  ParseOptions options;
  options.filename = filename;
  options.mode = mode == "eval"        ? Mode::Eval
                 : mode == "single"    ? Mode::Single
                 : mode == "func_type" ? Mode::FuncType
                                       : Mode::Exec;
  options.allow_incomplete = (flags & 0x4000) != 0;
  Arena arena;
  ParseResult result = parse(source, arena, options);
  if (!result.ok()) return raise_diagnostic(t, *result.error, result.incomplete && options.allow_incomplete);
  for (const Diagnostic& warning : result.warnings) TRY(emit_compile_warning(t, warning));
  return ToObjects(t, source, args[4].as<DictObject>(), args[5].as<DictObject>()).node(result.module);
}

// compile(tree, filename, flags, optimize, classes)
Result<Value> ast_compile(Thread& t, const Value* args) {
  std::string filename = to_utf8(args[1].as<StrObject>());
  int64_t flags = TRY(to_int64(t, args[2])), optimize = TRY(to_int64(t, args[3]));
  Arena arena;
  FromObjects reader(t, arena, args[4].as<DictObject>());
  ModNode* module = TRY(reader.module(args[0]));
  lang::AstProblem problem = lang::check_ast(*module);
  if (!problem.message.empty())
    return t.raise(problem.wrong_type ? Exc::TypeError : Exc::ValueError, "{}", problem.message);
  Source source = reader.place(filename);
  CompileOptions options;
  options.optimize = optimize >= 0 ? static_cast<int>(optimize) : t.runtime().options.optimize;
  options.top_level_await = (flags & 0x2000) != 0;
  options.future_flags = static_cast<uint32_t>(flags) & kCodeFutureMask;
  options.filename = filename;
  lang::CompileResult result = lang::compile(*module, source, arena, options);
  if (!result.ok()) return raise_diagnostic(t, *result.error, false);
  for (const Diagnostic& warning : result.warnings) TRY(emit_compile_warning(t, warning));
  return Value(link_code(t, std::shared_ptr<const CodeUnit>(std::move(result.unit))));
}

const NativeDef kFunctions[] = {
    MP_FUNCTION(ast_parse, "parse(source, filename, mode, flags, classes, instances, /)",
                "Source text to ast objects."),
    MP_FUNCTION(ast_compile, "compile(tree, filename, flags, optimize, classes, /)",
                "ast objects to a code object."),
    MP_END};

}  // namespace

extern const ModuleSpec kAstSupportModule;
const ModuleSpec kAstSupportModule = {"_ast_support", "Syntax trees from and to objects; for _ast.",
                                      kFunctions};

}  // namespace mp

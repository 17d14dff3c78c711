#include "lang/ast.h"

#include <fmt/core.h>
#include <gmp.h>

#include <cmath>

#include "lang/source.h"
#include "lang/unicode.h"

namespace mp::lang {

const char* node_kind_name(NodeKind kind) {
  static constexpr const char* kNames[] = {
#define MP_AST_NODE(Name, Fields) #Name,
#define MP_AST_HELPER(Name, python_name, Fields) #python_name,
#include "lang/ast_nodes.def"
  };
  return kNames[static_cast<size_t>(kind)];
}

bool has_position(NodeKind kind) {
  switch (kind) {
    case NodeKind::Module:
    case NodeKind::Interactive:
    case NodeKind::Expression:
    case NodeKind::FunctionType:
    case NodeKind::Comprehension:
    case NodeKind::Arguments:
    case NodeKind::WithItem:
    case NodeKind::MatchCase: return false;
    default: return true;
  }
}

const char* operator_name(Operator op) {
  static constexpr const char* kNames[] = {"Add",    "Sub",    "Mult",  "MatMult", "Div",    "Mod",     "Pow",
                                           "LShift", "RShift", "BitOr", "BitXor",  "BitAnd", "FloorDiv"};
  return kNames[static_cast<int>(op)];
}

const char* operator_symbol(Operator op) {
  static constexpr const char* kSymbols[] = {"+",  "-",  "*", "@", "/", "%", "**",
                                             "<<", ">>", "|", "^", "&", "//"};
  return kSymbols[static_cast<int>(op)];
}

const char* operator_name(UnaryOperator op) {
  static constexpr const char* kNames[] = {"Invert", "Not", "UAdd", "USub"};
  return kNames[static_cast<int>(op)];
}

const char* operator_name(BoolOperator op) { return op == BoolOperator::And ? "And" : "Or"; }

const char* operator_name(CompareOperator op) {
  static constexpr const char* kNames[] = {"Eq",  "NotEq", "Lt",    "LtE", "Gt",
                                           "GtE", "Is",    "IsNot", "In",  "NotIn"};
  return kNames[static_cast<int>(op)];
}

const char* context_name(ExprContext context) {
  static constexpr const char* kNames[] = {"Load", "Store", "Del"};
  return kNames[static_cast<int>(context)];
}

namespace {

std::string float_repr(double value) {
  if (std::isinf(value)) return value < 0 ? "-inf" : "inf";
  if (std::isnan(value)) return "nan";
  // fmt gives the shortest digits, and the exponent form where repr() does.
  std::string text = fmt::format("{}", value);
  if (text.find_first_of(".e") == std::string::npos) text += ".0";
  return text;
}

std::string quoted(std::string_view text, bool bytes) {
  bool single = text.find('\'') != std::string_view::npos, twofold = text.find('"') != std::string_view::npos;
  char quote = single && !twofold ? '"' : '\'';
  std::string out = bytes ? "b" : "";
  out += quote;
  for (size_t at = 0; at < text.size();) {
    uint32_t c = static_cast<unsigned char>(text[at]);
    int width = 1;
    if (!bytes) {
      char padded[5] = {};
      for (size_t i = 0; i < 4 && at + i < text.size(); ++i) padded[i] = text[at + i];
      width = decode_utf8(padded, &c);
    }
    if (c == static_cast<uint32_t>(quote) || c == '\\') {
      out += '\\';
      out += static_cast<char>(c);
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '\r') {
      out += "\\r";
    } else if (c == '\t') {
      out += "\\t";
    } else if (c < 0x20 || c == 0x7f || (c >= 0x80 && c < 0x100 && (bytes || !is_printable(c)))) {
      out += fmt::format("\\x{:02x}", c);
    } else if (c < 0x80 || is_printable(c)) {
      out += text.substr(at, static_cast<size_t>(width));
    } else if (c < 0x10000) {
      out += fmt::format("\\u{:04x}", c);
    } else {
      out += fmt::format("\\U{:08x}", c);
    }
    at += static_cast<size_t>(width);
  }
  out += quote;
  return out;
}

class Dumper {
 public:
  explicit Dumper(const DumpOptions& options) : options_(options) {}
  std::string take() { return std::move(out_); }

  void value(const Node* node) {
    if (node == nullptr)
      out_ += "None";
    else
      dump(node);
  }
  void value(Identifier identifier) {
    if (identifier)
      out_ += quoted(identifier.view(), false);
    else
      out_ += "None";
  }
  void value(int number) { out_ += std::to_string(number); }
  void value(const ConstantValue& constant) { out_ += constant_repr(constant); }
  void value(Operator op) { out_ += fmt::format("{}()", operator_name(op)); }
  void value(UnaryOperator op) { out_ += fmt::format("{}()", operator_name(op)); }
  void value(BoolOperator op) { out_ += fmt::format("{}()", operator_name(op)); }
  void value(CompareOperator op) { out_ += fmt::format("{}()", operator_name(op)); }
  void value(ExprContext context) { out_ += fmt::format("{}()", context_name(context)); }
  template <typename T>
  void value(const Seq<T>& list) {
    out_ += '[';
    ++depth_;
    bool first = true;
    for (const T& item : list) {
      separate(first);
      first = false;
      value(item);
    }
    --depth_;
    out_ += ']';
  }

  template <typename T>
  bool absent(const T&) {
    return false;
  }
  template <typename T>
  bool absent(T* node) {
    return node == nullptr;
  }
  bool absent(Identifier identifier) { return !identifier; }
  template <typename T>
  bool empty(const T&) {
    return false;
  }
  template <typename T>
  bool empty(const Seq<T>& list) {
    return list.empty() && !options_.show_empty;
  }

  void separate(bool first) {
    if (options_.indent >= 0) {
      if (!first) out_ += ',';
      out_ += '\n';
      out_.append(static_cast<size_t>(depth_ * options_.indent), ' ');
    } else if (!first) {
      out_ += ", ";
    }
  }

  template <typename T>
  void field(const char* name, const T& item, bool optional, bool* first) {
    if ((optional && absent(item)) || empty(item)) return;
    separate(*first);
    *first = false;
    out_ += name;
    out_ += '=';
    value(item);
  }

  void dump(const Node* node) {
    out_ += node_kind_name(node->kind);
    out_ += '(';
    ++depth_;
    bool first = true;
    switch (node->kind) {
#define F(type, name) field(#name, typed.name, false, &first);
#define O(type, name) field(#name, typed.name, true, &first);
#define MP_AST_NODE(Name, Fields)                 \
  case NodeKind::Name: {                          \
    const auto& typed = ast_as<lang::Name>(node); \
    (void)typed;                                  \
    Fields break;                                 \
  }
#include "lang/ast_nodes.def"
#undef F
#undef O
    }
    if (const auto* constant = ast_cast<Constant>(node);
        constant != nullptr && constant->value.unicode_prefix) {
      separate(first);
      first = false;
      out_ += "kind='u'";
    }
    if (options_.attributes && options_.source != nullptr && has_position(node->kind)) {
      Position begin = options_.source->position(node->span.begin),
               end = options_.source->position(node->span.end);
      separate(first);
      out_ += fmt::format("lineno={}, col_offset={}, end_lineno={}, end_col_offset={}", begin.line,
                          begin.column, end.line, end.column);
    }
    --depth_;
    out_ += ')';
  }

 private:
  const DumpOptions& options_;
  std::string out_;
  int depth_ = 0;
};

}  // namespace

std::string constant_repr(const ConstantValue& value) {
  switch (value.kind) {
    case ConstantKind::None: return "None";
    case ConstantKind::True: return "True";
    case ConstantKind::False: return "False";
    case ConstantKind::Ellipsis: return "Ellipsis";
    case ConstantKind::Int: return std::to_string(value.integer);
    case ConstantKind::BigInt: {
      mpz_t number;
      mpz_init_set_str(number, std::string(value.text).c_str(), value.base);
      std::string out(mpz_sizeinbase(number, 10) + 2, '\0');
      mpz_get_str(out.data(), 10, number);
      out.resize(out.find('\0'));
      mpz_clear(number);
      return out;
    }
    case ConstantKind::Float: return float_repr(value.real);
    case ConstantKind::Complex: {
      std::string text = float_repr(value.real);
      if (text.size() > 2 && text.compare(text.size() - 2, 2, ".0") == 0) text.resize(text.size() - 2);
      return text + "j";
    }
    case ConstantKind::Str: return quoted(value.text, false);
    case ConstantKind::Bytes: return quoted(value.text, true);
  }
  return "?";
}

std::string dump_ast(const Node* node, const DumpOptions& options) {
  Dumper dumper(options);
  dumper.value(node);
  return dumper.take();
}

}  // namespace mp::lang

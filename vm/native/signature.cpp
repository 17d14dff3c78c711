// Parses signature texts and binds arguments with CPython's messages.
#include "vm/native/signature.h"

#include <algorithm>
#include <cctype>
#include <cstring>
#include <mutex>
#include <unordered_map>

#include "vm/core/check.h"
#include "vm/gc/root.h"
#include "vm/protocol/protocol.h"
#include "vm/types/number.h"
#include "vm/types/runtime.h"
#include "vm/types/type.h"

namespace mp {

namespace {

struct SignatureTable {
  std::mutex mutex;
  std::unordered_map<const NativeDef*, std::unique_ptr<NativeSignature>> by_def;
  bool registered = false;
};
const char kTableTag = 0;

void scan_signatures(void* context, Tracer& tracer) {
  for (auto& [def, signature] : static_cast<SignatureTable*>(context)->by_def)
    for (auto& parameter : signature->parameters) {
      tracer.visit(parameter.name);
      tracer.visit(parameter.default_value);
    }
}

std::string_view trim(std::string_view s) {
  while (!s.empty() && std::isspace(static_cast<unsigned char>(s.front()))) s.remove_prefix(1);
  while (!s.empty() && std::isspace(static_cast<unsigned char>(s.back()))) s.remove_suffix(1);
  return s;
}

Value parse_default(Thread& t, std::string_view text) {
  if (text == "?") return kEmpty;
  if (text == "None") return kNone;
  if (text == "True") return kTrue;
  if (text == "False") return kFalse;
  if (text == "()") return empty_tuple(t);
  if (text == "...") return kEllipsis;
  if (text == "sys.maxsize") return make_int(t, INT64_MAX);
  if (text.front() == '\'' || text.front() == '"') {
    std::string content;
    for (size_t i = 1; i + 1 < text.size(); ++i) {
      char c = text[i];
      if (c == '\\' && i + 2 < text.size()) {
        c = text[++i];
        if (c == 'n') c = '\n';
        if (c == 't') c = '\t';
        if (c == 'r') c = '\r';
      }
      content += c;
    }
    return intern(t, content);
  }
  if ((text.front() == 'b') && text.size() >= 3) return make_bytes(t, text.substr(2, text.size() - 3));
  if (std::isdigit(static_cast<unsigned char>(text.front())) || text.front() == '-') {
    std::string copy(text);
    if (copy.find_first_of(".e") != std::string::npos && copy.find('x') == std::string::npos)
      return make_float(t, std::strtod(copy.c_str(), nullptr));
    return make_int(t, std::strtoll(copy.c_str(), nullptr, 0));
  }
  return kEmpty;
}

// Splits at commas outside brackets and quotes.
std::vector<std::string_view> split(std::string_view text) {
  std::vector<std::string_view> parts;
  int depth = 0;
  char quote = 0;
  size_t start = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (quote != 0) {
      if (c == '\\') ++i;
      if (c == quote) quote = 0;
    } else if (c == '\'' || c == '"') {
      quote = c;
    } else if (c == '(' || c == '[' || c == '{') {
      ++depth;
    } else if (c == ')' || c == ']' || c == '}') {
      --depth;
    } else if (c == ',' && depth == 0) {
      parts.push_back(trim(text.substr(start, i - start)));
      start = i + 1;
    }
  }
  std::string_view last = trim(text.substr(start));
  if (!last.empty()) parts.push_back(last);
  return parts;
}

std::unique_ptr<NativeSignature> parse(Thread& t, const NativeDef& def) {
  auto signature = std::make_unique<NativeSignature>();
  std::string_view text = def.signature;
  size_t open = text.find('(');
  MP_CHECK(open != std::string_view::npos, def.signature);
  size_t close = text.rfind(')');
  MP_CHECK(close != std::string_view::npos && close > open, def.signature);
  signature->name = std::string(trim(text.substr(0, open)));
  bool receiver =
      def.kind == NativeKind::Method || def.kind == NativeKind::ClassMethod || def.kind == NativeKind::New;
  signature->receiver = receiver ? 1 : 0;
  bool keyword_only = false;
  std::string shown;
  for (std::string_view part : split(text.substr(open + 1, close - open - 1))) {
    if (!shown.empty()) shown += ", ";
    if (part == "/") {
      for (auto& parameter : signature->parameters) parameter.kind = ParameterKind::PositionalOnly;
      shown += "/";
      continue;
    }
    if (part == "*") {
      keyword_only = true;
      shown += "*";
      continue;
    }
    NativeParameter parameter;
    parameter.kind = keyword_only ? ParameterKind::KeywordOnly : ParameterKind::PositionalOrKeyword;
    if (part.substr(0, 2) == "**") {
      parameter.kind = ParameterKind::VarKeywords;
      parameter.required = false;
      parameter.name = intern(t, part.substr(2));
      signature->varkeywords = static_cast<int16_t>(signature->parameters.size());
      shown += part;
    } else if (part.front() == '*') {
      parameter.kind = ParameterKind::VarArgs;
      parameter.required = false;
      parameter.name = intern(t, part.substr(1));
      signature->varargs = static_cast<int16_t>(signature->parameters.size());
      keyword_only = true;
      shown += part;
    } else {
      size_t equals = part.find('=');
      std::string_view name = trim(part.substr(0, equals));
      size_t colon = name.find(':');
      if (colon != std::string_view::npos) name = trim(name.substr(0, colon));
      bool first = receiver && signature->parameters.empty();
      parameter.name = intern(t, name);
      if (first) shown += def.kind == NativeKind::Method ? "$self" : "$type";
      if (!first) shown += name;
      if (equals != std::string_view::npos) {
        parameter.required = false;
        std::string_view value = trim(part.substr(equals + 1));
        parameter.default_value = parse_default(t, value);
        shown += "=";
        shown += value == "?" ? std::string_view("<unrepresentable>") : value;
      }
      if (first) {
        parameter.kind = ParameterKind::PositionalOnly;
      }
    }
    signature->parameters.push_back(parameter);
  }
  // A lone receiver is positional-only, as CPython shows it.
  if (receiver && signature->parameters.size() == 1 && shown.find('/') == std::string::npos) shown += ", /";
  if (def.kind == NativeKind::Function) shown = shown.empty() ? "$module, /" : "$module, " + shown;
  signature->text_signature = "(" + shown + ")";
  for (auto& parameter : signature->parameters) {
    ++signature->total;
    if (parameter.kind == ParameterKind::PositionalOnly) ++signature->positional_only;
    if (parameter.kind <= ParameterKind::PositionalOrKeyword) {
      ++signature->positional;
      if (parameter.required) ++signature->required_positional;
    }
  }
  signature->simple = std::all_of(
      signature->parameters.begin(), signature->parameters.end(), [](const NativeParameter& parameter) {
        return parameter.kind <= ParameterKind::PositionalOrKeyword ||
               (parameter.kind == ParameterKind::KeywordOnly && !parameter.required);
      });
  return signature;
}

}  // namespace

NativeSignature* signature_of(Thread& t, const NativeDef& def) {
  auto& table = t.runtime().state<SignatureTable>(&kTableTag);
  {
    std::lock_guard<std::mutex> guard(table.mutex);
    auto found = table.by_def.find(&def);
    if (found != table.by_def.end()) return found->second.get();
  }
  auto parsed = parse(t, def);
  std::lock_guard<std::mutex> guard(table.mutex);
  if (!table.registered) {
    t.heap().add_root_scanner(scan_signatures, &table);
    table.registered = true;
  }
  return table.by_def.emplace(&def, std::move(parsed)).first->second.get();
}

NativeSignature* native_signature(Thread& t, NativeFunctionObject* function) {
  NativeSignature* signature = function->signature.load(std::memory_order_acquire);
  if (signature != nullptr) return signature;
  signature = signature_of(t, *function->def);
  function->signature.store(signature, std::memory_order_release);
  return signature;
}

// ---------------------------------------------------------------- messages

std::string native_display_name(NativeFunctionObject* function) {
  std::string name = to_utf8(function->name.get().as<StrObject>());
  if (function->def->kind == NativeKind::New || name == "__init__")
    return function->owner_type != nullptr ? to_utf8(function->owner_type->name) : name;
  if (function->def->kind == NativeKind::ClassMethod && is_type(function->self))
    return type_name(function->self.get().as<Type>()) + "." + name;
  if (function->owner_type != nullptr) return to_utf8(function->owner_type->name) + "." + name;
  Value owner = function->owner;
  if (is_str(owner)) {
    std::string module = to_utf8(owner.as<StrObject>());
    if (module != "builtins") return module + "." + name;
  }
  return name;
}

static std::string short_name(NativeFunctionObject* function) {
  std::string name = to_utf8(function->name.get().as<StrObject>());
  bool constructor = function->def->kind == NativeKind::New || name == "__init__";
  return constructor && function->owner_type != nullptr ? to_utf8(function->owner_type->name) : name;
}

// What is written in Python in CPython; its messages are those of functions (vm/exec/args.cpp).
static bool is_function_in_cpython(NativeFunctionObject* function) {
  return function->owner_type != nullptr && !function->owner_type->has(kTypeImmutable);
}

// CPython's _decimal parses its arguments without a name to tell of.
static bool is_nameless(NativeFunctionObject* function) {
  Value module = function->owner_type != nullptr ? function->owner_type->module.get() : function->owner.get();
  return is_str(module) && str_equal(module.as<StrObject>(), "decimal");
}
// As it stands in front of "takes ..." and "missing ...".
static std::string called_name(NativeFunctionObject* function) {
  if (is_nameless(function)) return "function";
  if (!is_function_in_cpython(function)) return short_name(function) + "()";
  return to_utf8(function->owner_type->name) + "." + to_utf8(function->name.get().as<StrObject>()) + "()";
}

static const char* plural(size_t n) { return n == 1 ? "" : "s"; }

static Error wrong_count(Thread& t, NativeFunctionObject* function, const NativeSignature& s, size_t given,
                         size_t keywords) {
  size_t most = s.positional - s.receiver, least = s.required_positional - s.receiver;
  if (is_function_in_cpython(function) && given > most) {
    std::string from = least < most ? fmt::format("from {} to ", s.required_positional) : "";
    return t.raise(Exc::TypeError, "{} takes {}{} positional argument{} but {} were given",
                   called_name(function), from, s.positional, s.positional == 1 ? "" : "s",
                   given + s.receiver);
  }
  bool accepts_keywords = s.positional > s.positional_only || s.varkeywords >= 0 || s.total > s.positional;
  bool constructor = short_name(function) != to_utf8(function->name.get().as<StrObject>());
  if (!accepts_keywords || s.varargs >= 0) {
    if (s.varargs < 0 && most == 0 && !constructor)
      return t.raise(Exc::TypeError, "{}() takes no arguments ({} given)", native_display_name(function),
                     given);
    if (s.varargs < 0 && most == 1 && least == 1 && !constructor)
      return t.raise(Exc::TypeError, "{}() takes exactly one argument ({} given)",
                     native_display_name(function), given);
    bool too_few = given < least;
    const char* how = least == most && s.varargs < 0 ? "" : too_few ? "at least " : "at most ";
    size_t limit = too_few ? least : most;
    if (is_nameless(function))
      return t.raise(Exc::TypeError, "function takes {}{} argument{} ({} given)",
                     *how == 0 ? "exactly " : how, limit, plural(limit), given);
    return t.raise(Exc::TypeError, "{} expected {}{} argument{}, got {}", short_name(function), how, limit,
                   plural(limit), given);
  }
  size_t all = 0;
  for (size_t i = s.receiver; i < s.parameters.size(); ++i)
    if (s.parameters[i].kind != ParameterKind::VarArgs && s.parameters[i].kind != ParameterKind::VarKeywords)
      ++all;
  if (s.varkeywords < 0 && given + keywords > all)
    return t.raise(Exc::TypeError, "{} takes at most {} {}argument{} ({} given)", called_name(function), all,
                   given == 0 ? "keyword " : "", plural(all), given + keywords);
  if (given > most) {
    if (most == 0) return t.raise(Exc::TypeError, "{} takes no positional arguments", called_name(function));
    return t.raise(Exc::TypeError, "{} takes {} {} positional argument{} ({} given)", called_name(function),
                   least < most ? "at most" : "exactly", most, plural(most), given);
  }
  size_t only = s.positional_only - s.receiver, only_required = 0;
  for (size_t i = s.receiver; i < s.positional_only; ++i)
    if (s.parameters[i].required) ++only_required;
  return t.raise(Exc::TypeError, "{} takes {} {} positional argument{} ({} given)", called_name(function),
                 only_required < most ? "at least" : "exactly", only_required, plural(only_required),
                 given + (only - only));
}

static Error wrong_keyword(Thread& t, NativeFunctionObject* function, const NativeSignature& s,
                           StrObject* name) {
  std::vector<std::string> candidates;
  for (auto& p : s.parameters)
    if (p.kind == ParameterKind::PositionalOrKeyword || p.kind == ParameterKind::KeywordOnly)
      candidates.push_back(to_utf8(p.name));
  std::string shown = called_name(function);
  return unexpected_keyword(t, shown == "function" ? "this function" : shown, to_utf8(name), candidates);
}

static bool same_name(StrObject* a, StrObject* b) { return a == b || str_equal(a, b); }

// A __new__ without keywords leaves them to a subclass's own __init__.
static bool init_takes_keywords(Thread& t, NativeFunctionObject* function, Value cls) {
  if (function->def->kind != NativeKind::New || !is_type(cls) || !is_type(function->self) ||
      cls == function->self.get())
    return false;
  StrObject* name = t.names().__init__;
  return type_lookup(t, cls.as<Type>(), name) != type_lookup(t, function->self.get().as<Type>(), name);
}

// Keyword arguments, and the general case with *args and **kwargs.
static Status bind_general(Thread& t, NativeFunctionObject* function, const NativeSignature& s,
                           const CallArgs& args, Value* out) {
  auto* names = args.keyword_names.is_empty() ? nullptr : args.keyword_names.as<TupleObject>();
  size_t keywords = names != nullptr ? names->size : 0;
  bool accepts_keywords = s.positional > s.positional_only || s.varkeywords >= 0 ||
                          s.total > s.positional + (s.varargs >= 0 ? 1 : 0);
  if (keywords > 0 && !accepts_keywords && init_takes_keywords(t, function, out[0])) {
    names = nullptr;
    keywords = 0;
  }
  bool function_in_cpython = is_function_in_cpython(function);
  if (keywords > 0 && !accepts_keywords && !function_in_cpython)
    return t.raise(Exc::TypeError, "{}() takes no keyword arguments", native_display_name(function));
  size_t given = args.count;
  size_t most = s.positional - s.receiver;
  size_t named = 0;
  for (size_t i = s.receiver; i < s.parameters.size(); ++i)
    if (s.parameters[i].kind != ParameterKind::VarArgs && s.parameters[i].kind != ParameterKind::VarKeywords)
      ++named;
  bool counts_keywords = s.varkeywords < 0 && !function_in_cpython;
  if (s.varargs < 0 && (given > most || (counts_keywords && given + keywords > named)))
    return wrong_count(t, function, s, given, keywords);
  size_t only_required = 0;
  for (size_t i = s.receiver; i < s.positional_only; ++i)
    if (s.parameters[i].required) ++only_required;
  if (given < only_required) return wrong_count(t, function, s, given, keywords);
  if (!accepts_keywords && given + s.receiver < s.required_positional)
    return wrong_count(t, function, s, given, keywords);

  size_t copied = given < most ? given : most;
  for (size_t i = 0; i < copied; ++i) out[s.receiver + i] = args.values[i];
  for (size_t i = s.receiver + copied; i < s.parameters.size(); ++i) out[i] = kEmpty;
  if (s.varargs >= 0) out[s.varargs] = make_tuple(t, args.values + copied, given - copied);
  DictObject* rest = nullptr;
  if (s.varkeywords >= 0) {
    rest = make_dict(t);
    out[s.varkeywords] = rest;
  }
  StrObject* unexpected = nullptr;
  for (size_t k = 0; k < keywords; ++k) {
    auto* name = (*names)[k].as<StrObject>();
    Value value = args.values[given + k];
    size_t at = s.parameters.size();
    for (size_t i = s.positional_only; i < s.parameters.size(); ++i) {
      auto kind = s.parameters[i].kind;
      if (kind != ParameterKind::VarArgs && kind != ParameterKind::VarKeywords &&
          same_name(s.parameters[i].name, name)) {
        at = i;
        break;
      }
    }
    if (at == s.parameters.size()) {
      if (rest == nullptr) {
        if (unexpected == nullptr) unexpected = name;
      } else {
        TRY(dict_set_str(t, rest, name, value));
      }
      continue;
    }
    if (at < s.receiver + copied && function_in_cpython)
      return t.raise(Exc::TypeError, "{} got multiple values for argument '{}'", called_name(function),
                     to_utf8(name));
    if (at < s.receiver + copied)
      return t.raise(Exc::TypeError, "argument for {}() given by name ('{}') and position ({})",
                     short_name(function), to_utf8(name), at - s.receiver + 1);
    out[at] = value;
  }
  for (size_t i = s.receiver + copied; i < s.parameters.size(); ++i) {
    const NativeParameter& p = s.parameters[i];
    if (!out[i].is_empty()) continue;
    if (p.required && function_in_cpython && unexpected == nullptr)
      return t.raise(Exc::TypeError, "{} missing 1 required positional argument: '{}'", called_name(function),
                     to_utf8(p.name));
    if (p.required && !function_in_cpython)
      return t.raise(Exc::TypeError, "{} missing required argument '{}' (pos {})", called_name(function),
                     to_utf8(p.name), i - s.receiver + 1);
    out[i] = p.default_value;
  }
  if (unexpected != nullptr) return wrong_keyword(t, function, s, unexpected);
  return {};
}

Status bind_signature(Thread& t, NativeFunctionObject* function, const NativeSignature& s,
                      const CallArgs& args, Value* out) {
  size_t have = args.count + s.receiver;
  if (args.keyword_names.is_empty() && s.takes(have)) [[likely]] {
    for (size_t i = 0; i < args.count; ++i) out[s.receiver + i] = args.values[i];
    for (size_t i = have; i < s.total; ++i) out[i] = s.parameters[i].default_value;
    return {};
  }
  return bind_general(t, function, s, args, out);
}

}  // namespace mp

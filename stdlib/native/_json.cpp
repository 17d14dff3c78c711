// _json: the scanner and the string escapers behind the json package. The encoder is in _json_encoder.cpp.
#include "stdlib/native/json_native.h"

#include <charconv>

#include "vm/gc/heap.h"
#include "vm/protocol/protocol.h"
#include "vm/types/list_filler.h"
#include "vm/types/number.h"
#include "vm/types/runtime.h"
#include "vm/types/str_internal.h"

namespace mp {

// ---------------------------------------------------------------- escaping

static void append_escape(StrBuilder& out, uint32_t c) {
  switch (c) {
    case '\\': out.append_ascii("\\\\"); return;
    case '"': out.append_ascii("\\\""); return;
    case '\b': out.append_ascii("\\b"); return;
    case '\f': out.append_ascii("\\f"); return;
    case '\n': out.append_ascii("\\n"); return;
    case '\r': out.append_ascii("\\r"); return;
    case '\t': out.append_ascii("\\t"); return;
    default: break;
  }
  auto put = [&](uint32_t unit) {
    char text[6] = {'\\', 'u'};
    for (int i = 0; i < 4; ++i) text[2 + i] = "0123456789abcdef"[unit >> 4 * (3 - i) & 15];
    out.append_ascii({text, 6});
  };
  if (c >= 0x10000) {
    put(0xd800 + ((c - 0x10000) >> 10));
    put(0xdc00 + (c & 0x3ff));
  } else {
    put(c);
  }
}

void json_append_string(StrBuilder& out, const StrObject* s, bool ascii_only) {
  out.append('"');
  with_width(s, [&](auto* data) {
    size_t n = s->length(), begin = 0;
    for (size_t i = 0; i < n; ++i) {
      uint32_t c = data[i];
      if (c >= 0x20 && c != '"' && c != '\\' && (!ascii_only || c < 0x7f)) continue;
      out.append(s, begin, i);
      append_escape(out, c);
      begin = i + 1;
    }
    out.append(s, begin, n);
  });
  out.append('"');
}

static Result<Value> encode_string(Thread& t, Value v, bool ascii_only) {
  if (!is_str(v)) {
    return t.raise(Exc::TypeError, "first argument must be a string, not {}", type_name(t, v));
  }
  StrBuilder out(t);
  json_append_string(out, v.as<StrObject>(), ascii_only);
  return out.finish();
}
Result<Value> json_encode_basestring_ascii(Thread& t, const Value* args) {
  return encode_string(t, args[0], true);
}
Result<Value> json_encode_basestring(Thread& t, const Value* args) {
  return encode_string(t, args[0], false);
}

// ---------------------------------------------------------------- errors

static Error raise_decode(Thread& t, const char* message, StrObject* text, size_t position) {
  Result<Value> import = get_attr(t, t.runtime().builtins_module, "__import__");
  if (import.is_error()) return Error{};
  ListObject* names = make_list(t);
  if (list_append(t, names, Value(make_str(t, "JSONDecodeError"))).is_error()) return Error{};
  Result<Value> module =
      call(t, import.value(), {Value(make_str(t, "json.decoder")), kNone, kNone, Value(names)});
  if (module.is_error()) return Error{};
  Result<Value> cls = get_attr(t, module.value(), "JSONDecodeError");
  if (cls.is_error()) return Error{};
  Result<Value> exception =
      call(t, cls.value(),
           {Value(make_str(t, message)), Value(text), make_int(t, static_cast<int64_t>(position))});
  if (exception.is_error()) return Error{};
  return t.raise_object(exception.value());
}

static Error raise_stop(Thread& t, size_t position) {
  return t.raise_value(Exc::StopIteration, make_int(t, static_cast<int64_t>(position)));
}

// ---------------------------------------------------------------- scanning

namespace {

struct ScannerObject : Object {
  Slot object_hook, object_pairs_hook, parse_float, parse_int, parse_constant;
  bool strict = true;
};

template <class Unit>
class Scanner {
 public:
  Scanner(Thread& t, StrObject* text, const Unit* data, ScannerObject* options)
      : t_(t), text_(text), s_(data), n_(text->length()), options_(options) {}

  Result<Value> value(size_t at, size_t* next) {
    if (at >= n_) return raise_stop(t_, at);
    switch (s_[at]) {
      case '"': return string(at + 1, options_->strict, next);
      case '{':
        TRY(t_.check_stack(" while decoding a JSON object from a unicode string"));
        return object(at + 1, next);
      case '[':
        TRY(t_.check_stack(" while decoding a JSON array from a unicode string"));
        return array(at + 1, next);
      case 'n':
        if (matches(at, "null")) return *next = at + 4, Result<Value>(kNone);
        break;
      case 't':
        if (matches(at, "true")) return *next = at + 4, Result<Value>(kTrue);
        break;
      case 'f':
        if (matches(at, "false")) return *next = at + 5, Result<Value>(kFalse);
        break;
      case 'N':
        if (matches(at, "NaN")) return constant("NaN", at, next);
        break;
      case 'I':
        if (matches(at, "Infinity")) return constant("Infinity", at, next);
        break;
      case '-':
        if (matches(at, "-Infinity")) return constant("-Infinity", at, next);
        break;
      default: break;
    }
    return number(at, next);
  }

  // `at` is behind the opening quote.
  Result<Value> string(size_t at, bool strict, size_t* next) {
    size_t begin = at - 1, i = at;
    while (i < n_ && s_[i] != '"' && s_[i] != '\\' && (s_[i] >= 0x20 || !strict)) ++i;
    if (i < n_ && s_[i] == '"') {
      *next = i + 1;
      return str_or_error(str_slice(t_, text_, at, i));
    }
    StrBuilder out(t_);
    for (;;) {
      out.append(text_, at, i);
      if (i >= n_) return raise_decode(t_, "Unterminated string starting at", text_, begin);
      if (s_[i] == '"') break;
      if (s_[i] != '\\') return raise_decode(t_, "Invalid control character at", text_, i);
      if (++i >= n_) return raise_decode(t_, "Unterminated string starting at", text_, begin);
      uint32_t c = s_[i++];
      switch (c) {
        case '"':
        case '\\':
        case '/': break;
        case 'b': c = '\b'; break;
        case 'f': c = '\f'; break;
        case 'n': c = '\n'; break;
        case 'r': c = '\r'; break;
        case 't': c = '\t'; break;
        case 'u': {
          int64_t unit = hex4(i);
          if (unit < 0) return raise_decode(t_, "Invalid \\uXXXX escape", text_, i - 1);
          c = static_cast<uint32_t>(unit);
          i += 4;
          if (c >= 0xd800 && c <= 0xdbff && i + 6 < n_ && s_[i] == '\\' && s_[i + 1] == 'u') {
            int64_t low = hex4(i + 2);
            if (low < 0) return raise_decode(t_, "Invalid \\uXXXX escape", text_, i + 1);
            if (low >= 0xdc00 && low <= 0xdfff) {
              c = 0x10000 + ((c - 0xd800) << 10 | static_cast<uint32_t>(low - 0xdc00));
              i += 6;
            }
          }
          break;
        }
        default: return raise_decode(t_, "Invalid \\escape", text_, i - 2);
      }
      out.append(c);
      at = i;
      while (i < n_ && s_[i] != '"' && s_[i] != '\\' && (s_[i] >= 0x20 || !strict)) ++i;
    }
    *next = i + 1;
    return out.finish();
  }

 private:
  bool matches(size_t at, const char* word) const {
    for (; *word != 0; ++word, ++at)
      if (at >= n_ || s_[at] != static_cast<Unit>(*word)) return false;
    return true;
  }
  static bool is_space(Unit c) { return c == ' ' || c == '\n' || c == '\t' || c == '\r'; }
  size_t skip_space(size_t at) const {
    while (at < n_ && is_space(s_[at])) ++at;
    return at;
  }
  int64_t hex4(size_t at) const {
    if (at + 4 >= n_) return -1;
    int64_t value = 0;
    for (size_t i = at; i < at + 4; ++i) {
      uint32_t c = s_[i];
      int digit = c - '0' < 10u         ? static_cast<int>(c - '0')
                  : (c | 32) - 'a' < 6u ? static_cast<int>((c | 32) - 'a') + 10
                                        : -1;
      if (digit < 0) return -1;
      value = value << 4 | digit;
    }
    return value;
  }

  Result<Value> constant(const char* name, size_t at, size_t* next) {
    *next = at + std::char_traits<char>::length(name);
    return call(t_, options_->parse_constant, {Value(intern(t_, name))});
  }

  static bool is_digit(Unit c) { return c >= '0' && c <= '9'; }

  Result<Value> number(size_t start, size_t* next) {
    size_t i = start;
    bool is_float = false;
    if (s_[i] == '-') {
      ++i;
      if (i >= n_) return raise_stop(t_, start);
    }
    if (i < n_ && s_[i] >= '1' && s_[i] <= '9') {
      while (i < n_ && is_digit(s_[i])) ++i;
    } else if (i < n_ && s_[i] == '0') {
      ++i;
    } else {
      return raise_stop(t_, start);
    }
    if (i + 1 < n_ && s_[i] == '.' && is_digit(s_[i + 1])) {
      is_float = true;
      i += 2;
      while (i < n_ && is_digit(s_[i])) ++i;
    }
    if (i + 1 < n_ && (s_[i] == 'e' || s_[i] == 'E')) {
      size_t e = i + 1;
      if (e + 1 < n_ && (s_[e] == '-' || s_[e] == '+')) ++e;
      size_t digits = e;
      while (e < n_ && is_digit(s_[e])) ++e;
      if (e > digits) {
        is_float = true;
        i = e;
      }
    }
    *next = i;
    size_t length = i - start;
    Value custom = is_float ? options_->parse_float : options_->parse_int;
    Type* plain = is_float ? t_.types().float_ : t_.types().int_;
    if (custom != Value(plain)) {
      Value text = TRY(str_or_error(str_slice(t_, text_, start, i)));
      return call(t_, custom, {text});
    }
    std::string digits;
    digits.reserve(length);
    for (size_t k = start; k < i; ++k) digits.push_back(static_cast<char>(s_[k]));
    if (is_float) {
      double value = 0;
      auto result = std::from_chars(digits.data(), digits.data() + digits.size(), value);
      if (result.ec == std::errc()) return make_float(t_, value);
      return make_float(t_, TRY(float_from_text(t_, digits, make_str(t_, digits))));
    }
    if (length <= 18) {
      int64_t value = 0;
      std::from_chars(digits.data(), digits.data() + digits.size(), value);
      return make_int(t_, value);
    }
    return int_from_text(t_, digits, 10, make_str(t_, digits));
  }

  Result<Value> key(size_t at, size_t* next) {
    Value made = TRY(string(at, options_->strict, next));
    if (memo_ == nullptr) memo_ = make_dict(t_);
    return dict_set_default(t_, memo_, made, made);
  }

  Result<Value> object(size_t at, size_t* next) {
    bool pairs = !options_->object_pairs_hook.get().is_none();
    DictObject* dict = pairs ? nullptr : make_dict(t_);
    ListObject* list = pairs ? make_list(t_) : nullptr;
    at = skip_space(at);
    if (at >= n_ || s_[at] != '}') {
      for (;;) {
        if (at >= n_ || s_[at] != '"') {
          return raise_decode(t_, "Expecting property name enclosed in double quotes", text_, at);
        }
        Value name = TRY(key(at + 1, &at));
        at = skip_space(at);
        if (at >= n_ || s_[at] != ':') return raise_decode(t_, "Expecting ':' delimiter", text_, at);
        at = skip_space(at + 1);
        Value item = TRY(value(at, &at));
        if (pairs)
          TRY(list_append(t_, list, make_tuple(t_, {name, item})));
        else
          TRY(dict_set_str(t_, dict, name.as<StrObject>(), item));
        at = skip_space(at);
        if (at < n_ && s_[at] == '}') break;
        if (at >= n_ || s_[at] != ',') return raise_decode(t_, "Expecting ',' delimiter", text_, at);
        size_t comma = at;
        at = skip_space(at + 1);
        if (at < n_ && s_[at] == '}') {
          return raise_decode(t_, "Illegal trailing comma before end of object", text_, comma);
        }
      }
    }
    *next = at + 1;
    if (pairs) return call(t_, options_->object_pairs_hook, {Value(list)});
    if (!options_->object_hook.get().is_none()) return call(t_, options_->object_hook, {Value(dict)});
    return Value(dict);
  }

  Result<Value> array(size_t at, size_t* next) {
    ListObject* list = make_list(t_);
    at = skip_space(at);
    if (at >= n_ || s_[at] != ']') {
      for (;;) {
        Value item = TRY(value(at, &at));
        TRY(list_append(t_, list, item));
        at = skip_space(at);
        if (at < n_ && s_[at] == ']') break;
        if (at >= n_ || s_[at] != ',') return raise_decode(t_, "Expecting ',' delimiter", text_, at);
        size_t comma = at;
        at = skip_space(at + 1);
        if (at < n_ && s_[at] == ']') {
          return raise_decode(t_, "Illegal trailing comma before end of array", text_, comma);
        }
      }
    }
    *next = at + 1;
    return Value(list);
  }

  Thread& t_;
  StrObject* text_;
  const Unit* s_;
  size_t n_;
  ScannerObject* options_;
  DictObject* memo_ = nullptr;
};

Result<Value> scanstring(Thread& t, const Value* args) {
  int64_t end = TRY(to_ssize(t, args[1]));
  if (!is_str(args[0])) {
    return t.raise(Exc::TypeError, "first argument must be a string, not {}", type_name(t, args[0]));
  }
  auto* text = args[0].as<StrObject>();
  bool strict = TRY(truth(t, args[2]));
  if (end < 0 || end > static_cast<int64_t>(text->length())) {
    return t.raise(Exc::ValueError, "end is out of bounds");
  }
  size_t next = 0;
  Value made = TRY(with_width(text, [&](auto* data) {
    Scanner scanner(t, text, data, nullptr);
    return scanner.string(static_cast<size_t>(end), strict, &next);
  }));
  return Value(make_tuple(t, {made, make_int(t, static_cast<int64_t>(next))}));
}

extern const TypeSpec kScannerSpec;

Result<Value> scanner_new(Thread& t, const Value* args) {
  auto* type = args[0].as<Type>();
  auto* s = t.heap().make<ScannerObject>(t, type);
  Value context = args[1];
  s->strict = TRY(truth(t, TRY(get_attr(t, context, "strict"))));
  s->object_hook = TRY(get_attr(t, context, "object_hook"));
  s->object_pairs_hook = TRY(get_attr(t, context, "object_pairs_hook"));
  s->parse_float = TRY(get_attr(t, context, "parse_float"));
  s->parse_int = TRY(get_attr(t, context, "parse_int"));
  s->parse_constant = TRY(get_attr(t, context, "parse_constant"));
  return Value(s);
}

Result<Value> scanner_call(Thread& t, Value self, const CallArgs& args) {
  Value text, index;
  if (args.count > 0) text = args.values[0];
  if (args.count > 1) index = args.values[1];
  if (!args.keyword_names.is_empty()) {
    auto* names = args.keyword_names.as<TupleObject>();
    for (size_t i = 0; i < names->size; ++i) {
      auto* name = (*names)[i].as<StrObject>();
      if (str_equal(name, "string")) text = args.values[args.count + i];
      if (str_equal(name, "idx")) index = args.values[args.count + i];
    }
  }
  if (args.count > 2 || text.is_empty() || index.is_empty()) {
    return t.raise(Exc::TypeError, "scan_once() takes exactly 2 arguments ({} given)", args.count);
  }
  if (!is_str(text))
    return t.raise(Exc::TypeError, "first argument must be a string, not {}", type_name(t, text));
  int64_t at = TRY(to_ssize(t, index));
  if (at < 0) return t.raise(Exc::ValueError, "idx cannot be negative");
  auto* s = text.as<StrObject>();
  size_t next = 0;
  Value made = TRY(with_width(s, [&](auto* data) {
    Scanner scanner(t, s, data, self.as<ScannerObject>());
    return scanner.value(static_cast<size_t>(at), &next);
  }));
  return Value(make_tuple(t, {made, make_int(t, static_cast<int64_t>(next))}));
}

#define MP_SCANNER_GETTER(name) \
  Result<Value> scanner_##name(Thread&, Value self) { return self.as<ScannerObject>()->name.get(); }
MP_SCANNER_GETTER(object_hook)
MP_SCANNER_GETTER(object_pairs_hook)
MP_SCANNER_GETTER(parse_float)
MP_SCANNER_GETTER(parse_int)
MP_SCANNER_GETTER(parse_constant)
Result<Value> scanner_strict(Thread&, Value self) {
  return Value::from_bool(self.as<ScannerObject>()->strict);
}

const GetSetDef kScannerGetSets[] = {{"strict", scanner_strict, nullptr, nullptr},
                                     {"object_hook", scanner_object_hook, nullptr, nullptr},
                                     {"object_pairs_hook", scanner_object_pairs_hook, nullptr, nullptr},
                                     {"parse_float", scanner_parse_float, nullptr, nullptr},
                                     {"parse_int", scanner_parse_int, nullptr, nullptr},
                                     {"parse_constant", scanner_parse_constant, nullptr, nullptr},
                                     {}};
const NativeDef kScannerMethods[] = {MP_NEW(scanner_new, "__new__(cls, context)", nullptr), MP_END};

void trace_scanner(Object* object, Tracer& tracer) {
  auto* s = static_cast<ScannerObject*>(object);
  tracer.visit(s->object_hook);
  tracer.visit(s->object_pairs_hook);
  tracer.visit(s->parse_float);
  tracer.visit(s->parse_int);
  tracer.visit(s->parse_constant);
}

const TypeSpec kScannerSpec = {.name = "_json.Scanner",
                               .size = sizeof(ScannerObject),
                               .flags = kTypeBaseType,
                               .doc = "JSON scanner object",
                               .trace = trace_scanner,
                               .slots = MP_SLOTS(.call = scanner_call),
                               .methods = kScannerMethods,
                               .getsets = kScannerGetSets};

const NativeDef kFunctions[] = {
    MP_FUNCTION(json_encode_basestring_ascii, "encode_basestring_ascii(string, /)",
                "Return an ASCII-only JSON representation of a Python string"),
    MP_FUNCTION(json_encode_basestring, "encode_basestring(string, /)",
                "Return a JSON representation of a Python string"),
    MP_FUNCTION(scanstring, "scanstring(string, end, strict=True, /)",
                "Scan the string s for a JSON string."),
    MP_END};

Status init_module(Thread& t, ModuleObject* module) {
  TRY(module_add(t, module, "make_scanner", Value(native_type(t, kScannerSpec))));
  return module_add(t, module, "make_encoder", Value(native_type(t, kJsonEncoderSpec)));
}

}  // namespace

extern const ModuleSpec kJsonModule;
const ModuleSpec kJsonModule = {"_json", "json speedups", kFunctions, init_module};

}  // namespace mp

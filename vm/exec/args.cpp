// Binding a call to the parameters of a script function, with CPython's messages.
#include <cstring>

#include "vm/exec/interp.h"
#include "vm/protocol/protocol.h"
#include "vm/types/number.h"
#include "vm/types/runtime.h"

namespace mp {

namespace {

// The parts of one binding, so that the error paths need no long argument lists.
struct Binding {
  Thread& t;
  FunctionObject* function;
  CodeObject* code;
  Value* r;
  size_t positional_given;

  std::string qualified_name() const { return to_utf8(function->qualified_name.get().as<StrObject>()); }
  StrObject* parameter(size_t i) const {
    return (*code->local_names.get().as<TupleObject>())[i].as<StrObject>();
  }
  std::string parameter_text(size_t i) const { return to_utf8(parameter(i)); }
  Value defaults() const { return function->defaults; }  // another thread may change them
};

size_t count_of(Value defaults) { return is_tuple(defaults) ? defaults.as<TupleObject>()->size : 0; }

Error missing_arguments(const Binding& b, size_t first, size_t end, const char* kind) {
  std::vector<std::string> names;
  for (size_t i = first; i < end; ++i)
    if (b.r[i].is_empty()) names.push_back("'" + b.parameter_text(i) + "'");
  std::string list;
  if (names.size() == 1) {
    list = names[0];
  } else if (names.size() == 2) {
    list = names[0] + " and " + names[1];
  } else {
    for (size_t i = 0; i < names.size(); ++i) {
      if (i + 1 == names.size()) list += "and ";
      list += names[i];
      if (i + 1 < names.size()) list += ", ";
    }
  }
  return b.t.raise(Exc::TypeError, "{}() missing {} required {} argument{}: {}", b.qualified_name(),
                   names.size(), kind, names.size() == 1 ? "" : "s", list);
}

Error too_many_positional(const Binding& b) {
  size_t keyword_only_given = 0;
  for (size_t i = b.code->argument_count; i < size_t(b.code->argument_count) + b.code->keyword_only_count;
       ++i)
    if (!b.r[i].is_empty()) ++keyword_only_given;
  size_t defaults = count_of(b.defaults());
  size_t takes = b.code->argument_count;
  bool plural = true;
  std::string signature;
  if (defaults != 0) {
    signature = fmt::format("from {} to {}", takes - defaults, takes);
  } else {
    plural = takes != 1;
    signature = fmt::format("{}", takes);
  }
  std::string keyword_part;
  if (keyword_only_given != 0)
    keyword_part = fmt::format(" positional argument{} (and {} keyword-only argument{})",
                               b.positional_given != 1 ? "s" : "", keyword_only_given,
                               keyword_only_given != 1 ? "s" : "");
  return b.t.raise(Exc::TypeError, "{}() takes {} positional argument{} but {}{} {} given",
                   b.qualified_name(), signature, plural ? "s" : "", b.positional_given, keyword_part,
                   b.positional_given == 1 && keyword_only_given == 0 ? "was" : "were");
}

// Index of the parameter called `name` in [first, end), or -1. Names are interned almost always.
Result<int64_t> find_parameter(const Binding& b, Value name, size_t first, size_t end) {
  auto* names = b.code->local_names.get().as<TupleObject>();
  for (size_t i = first; i < end; ++i)
    if ((*names)[i] == name) return static_cast<int64_t>(i);
  for (size_t i = first; i < end; ++i)
    if (str_equal((*names)[i].as<StrObject>(), name.as<StrObject>())) return static_cast<int64_t>(i);
  return int64_t{-1};
}

Error unexpected_keyword(const Binding& b, Value name, TupleObject* keywords) {
  // PEP 570: names of positional-only parameters are said to be so.
  std::string wrong;
  for (size_t i = 0; i < b.code->positional_only_count; ++i) {
    for (size_t k = 0; k < keywords->size; ++k) {
      if (str_equal(b.parameter(i), (*keywords)[k].as<StrObject>())) {
        if (!wrong.empty()) wrong += ", ";
        wrong += b.parameter_text(i);
        break;
      }
    }
  }
  if (!wrong.empty())
    return b.t.raise(Exc::TypeError,
                     "{}() got some positional-only arguments passed as keyword arguments: '{}'",
                     b.qualified_name(), wrong);
  std::vector<std::string> candidates;
  for (size_t i = b.code->positional_only_count;
       i < size_t(b.code->argument_count) + b.code->keyword_only_count; ++i)
    candidates.push_back(b.parameter_text(i));
  return unexpected_keyword(b.t, b.qualified_name() + "()", to_utf8(name.as<StrObject>()), candidates);
}

}  // namespace

bool keywords_are_rest(CodeObject* code, DictObject* keywords) {
  if (!(code->flags & lang::kCodeVarKeywords)) return false;
  auto* names = code->local_names.get().as<TupleObject>();
  const size_t named_end = size_t(code->argument_count) + code->keyword_only_count;
  if (keywords->length() == 0) return true;
  for (size_t i = code->positional_only_count; i < named_end; ++i)
    if (!dict_get_str(keywords, (*names)[i].as<StrObject>()).is_not_found()) return false;
  size_t position = 0;
  Value key, value;
  while (dict_next(keywords, &position, &key, &value))
    if (!is_str(key)) return false;
  return true;
}

Status bind_arguments(Thread& t, FunctionObject* function, CodeObject* code, Value self, const CallArgs& args,
                      Value* r, const SpreadArgs& spread) {
  size_t bound = self.is_empty() ? 0 : 1;
  size_t given = args.count + bound;
  if (given == code->exact_positional && args.keyword_names.is_empty()) {
    if (bound) r[0] = self;
    for (size_t i = 0; i < args.count; ++i) r[bound + i] = args.values[i];
    for (size_t i = given; i < code->local_count; ++i) r[i] = kEmpty;
    return {};
  }
  Binding b{t, function, code, r, given};
  const size_t takes = code->argument_count;
  const size_t named_end = takes + code->keyword_only_count;
  auto argument = [&](size_t i) { return i < bound ? self : args.values[i - bound]; };

  const size_t copied = given < takes ? given : takes;
  for (size_t i = 0; i < copied; ++i) r[i] = argument(i);
  for (size_t i = copied; i < code->local_count; ++i) r[i] = kEmpty;
  if (given < takes && args.keyword_names.is_empty() && code->parameter_count == takes) {
    // Only defaults are left to do, as a rule.
    Value defaults = b.defaults();
    if (size_t have = count_of(defaults); given + have >= takes) [[likely]] {
      for (size_t i = given; i < takes; ++i) r[i] = (*defaults.as<TupleObject>())[i + have - takes];
      return {};
    }
  }

  size_t next = named_end;
  if (code->flags & lang::kCodeVarArgs) {
    size_t extra = given > takes ? given - takes : 0;
    TupleObject* rest = spread.positional;
    if (rest == nullptr || extra != rest->size) {
      rest = extra == 0 ? empty_tuple(t) : allocate_tuple(t, extra);
      for (size_t i = 0; i < extra; ++i) rest->items()[i] = argument(takes + i);
    }
    r[next++] = rest;
  }
  DictObject* keywords_rest = nullptr;
  if (code->flags & lang::kCodeVarKeywords) {
    keywords_rest = spread.keywords != nullptr ? spread.keywords : make_dict(t);
    r[next++] = keywords_rest;
  }

  if (!args.keyword_names.is_empty()) {
    auto* names = args.keyword_names.as<TupleObject>();
    const Value* values = args.values + args.count;
    for (size_t i = 0; i < names->size; ++i) {
      Value name = (*names)[i];
      if (!is_str(name)) return t.raise(Exc::TypeError, "{}() keywords must be strings", b.qualified_name());
      int64_t at = TRY(find_parameter(b, name, code->positional_only_count, named_end));
      if (at >= 0) {
        if (!r[at].is_empty())
          return t.raise(Exc::TypeError, "{}() got multiple values for argument '{}'", b.qualified_name(),
                         to_utf8(name.as<StrObject>()));
        r[at] = values[i];
      } else if (keywords_rest != nullptr) {
        TRY(dict_set(t, keywords_rest, name, values[i]));
      } else {
        return unexpected_keyword(b, name, names);
      }
    }
  }

  if (given > takes && !(code->flags & lang::kCodeVarArgs)) return too_many_positional(b);

  if (given < takes) {
    Value defaults_value = b.defaults();
    size_t defaults = count_of(defaults_value);
    size_t required = takes - (defaults < takes ? defaults : takes);
    for (size_t i = given; i < required; ++i)
      if (r[i].is_empty()) return missing_arguments(b, 0, required, "positional");
    for (size_t i = given > required ? given : required; i < takes; ++i)
      if (r[i].is_empty()) r[i] = (*defaults_value.as<TupleObject>())[i - required];
  }
  if (code->keyword_only_count != 0) {
    Value defaults = function->keyword_defaults;
    bool missing = false;
    for (size_t i = takes; i < named_end; ++i) {
      if (!r[i].is_empty()) continue;
      Value value = kNotFound;
      if (is_dict(defaults)) value = TRY(dict_get(t, defaults.as<DictObject>(), b.parameter(i)));
      if (value.is_not_found())
        missing = true;
      else
        r[i] = value;
    }
    if (missing) return missing_arguments(b, takes, named_end, "keyword-only");
  }
  return {};
}

}  // namespace mp

// The module _sre: Pattern, its scanner and the helpers that re._compiler calls. Match is in sre_match.cpp,
// the matching itself in sre_engine.cpp.
#include <algorithm>
#include <cstring>

#include "stdlib/native/sre_objects.h"
#include "stdlib/native/sre_pcre.h"
#include "vm/modules/modules.h"
#include "vm/native/native.h"
#include "vm/protocol/protocol.h"
#include "vm/types/buffer.h"
#include "vm/types/exception.h"
#include "vm/types/generic_alias.h"
#include "vm/types/iterator_support.h"
#include "vm/types/number.h"
#include "vm/types/runtime.h"
#include "vm/types/unicode.h"

namespace mp::sre {

Value slice(Thread& t, Value string, int64_t begin, int64_t end) {
  if (is_str(string)) {
    auto* s = string.as<StrObject>();
    if (begin == 0 && end == static_cast<int64_t>(s->length()) && s->type() == t.types().str) return string;
    return str_slice(t, s, static_cast<size_t>(begin), static_cast<size_t>(end));
  }
  auto view = bytes_view(t, string);
  if (view.is_error()) {
    t.clear_exception();
    return kNone;
  }
  // A bytearray may have shrunk since the match.
  int64_t size = static_cast<int64_t>(view.value().size());
  begin = std::min(begin, size);
  end = std::clamp(end, begin, size);
  return make_bytes(t, view.value().substr(static_cast<size_t>(begin), static_cast<size_t>(end - begin)));
}

namespace {

extern const TypeSpec kScannerSpec;

struct ScannerObject : Object {
  Slot pattern, string;
  Slot view;  // memoryview of a string that could be resized, or empty
  int64_t end_position;
  // Without a GIL several threads may step: a match may be found twice, as in CPython.
  std::atomic<int64_t> position, must_advance_from;
  std::atomic<bool> finished;
  Mode mode;
  bool iterator;
};
void trace_pattern(Object* o, Tracer& tracer) {
  auto* self = static_cast<PatternObject*>(o);
  tracer.visit_slots(&self->pattern, 3);
  tracer.mark_raw(self->code);
}
void finalize_pattern(Object* o) { delete static_cast<PatternObject*>(o)->pcre; }
void trace_scanner(Object* o, Tracer& tracer) {
  tracer.visit_slots(&static_cast<ScannerObject*>(o)->pattern, 3);
}

// ---- subjects

struct Held {
  Subject subject;
  HeldBuffer buffer;
  bool text = false;
};
Status hold(Thread& t, PatternObject* pattern, Value string, Held* held) {
  if (is_str(string)) {
    auto* s = string.as<StrObject>();
    held->subject = {s->data8(), s->width(), static_cast<int64_t>(s->length())};
    held->text = true;
  } else {
    if (!supports_buffer(t, string))
      return t.raise(Exc::TypeError, "expected string or bytes-like object, got '{}'", type_name(t, string));
    TRY(held->buffer.get(t, string));
    std::string_view view = held->buffer.bytes();
    held->subject = {view.data(), 1, static_cast<int64_t>(view.size())};
  }
  Value source = pattern->pattern;
  if (!source.is_none() && is_str(source) != held->text)
    return t.raise(Exc::TypeError, "cannot use a {} pattern on a {}-like object",
                   held->text ? "bytes" : "string", held->text ? "string" : "bytes");
  return {};
}
void clamp(int64_t length, int64_t* begin, int64_t* end) {
  *begin = std::max<int64_t>(0, std::min(*begin, length));
  *end = std::max<int64_t>(0, std::min(*end, length));
}

Result<bool> run_pattern(Thread& t, PatternObject* pattern, const Held& held, int64_t begin, int64_t end,
                         Mode mode, int64_t must_advance, Outcome* outcome) {
  if (begin > end) return false;
  switch (pattern->pcre->run(held.subject, begin, end, mode, must_advance, outcome)) {
    case SrePcre::Answer::No: return false;
    case SrePcre::Answer::Yes: return true;
    case SrePcre::Answer::AskEngine: break;
  }
  return run(t, pattern->code, pattern->code_size, pattern->groups, held.subject, begin, end, mode,
             must_advance, outcome);
}

// match, fullmatch, search: (self, string, pos=0, endpos=sys.maxsize)
Result<Value> find(Thread& t, const Value* args, Mode mode) {
  auto* pattern = args[0].as<PatternObject>();
  int64_t begin = TRY(to_int64(t, args[2])), end = TRY(to_int64(t, args[3]));
  Held held;
  TRY(hold(t, pattern, args[1], &held));
  clamp(held.subject.length, &begin, &end);
  Outcome outcome;
  if (!TRY(run_pattern(t, pattern, held, begin, end, mode, -1, &outcome))) return kNone;
  return make_match(t, pattern, args[1], begin, end, outcome);
}
Result<Value> pattern_match(Thread& t, const Value* args) { return find(t, args, Mode::Match); }
Result<Value> pattern_fullmatch(Thread& t, const Value* args) { return find(t, args, Mode::FullMatch); }
Result<Value> pattern_search(Thread& t, const Value* args) { return find(t, args, Mode::Search); }

// Calls body(outcome) for each successive match, as findall does: an empty match may follow a non-empty one,
// not an empty one at its place.
template <class Body>
Status for_each_match(Thread& t, PatternObject* pattern, const Held& held, int64_t begin, int64_t end,
                      Body body) {
  int64_t must_advance = -1;
  Outcome outcome;
  while (begin <= end) {
    if (!TRY(run_pattern(t, pattern, held, begin, end, Mode::Search, must_advance, &outcome))) break;
    if (!TRY(body(outcome))) break;
    must_advance = outcome.end == outcome.start ? outcome.end : -1;
    begin = outcome.end;
    TRY(t.poll_within());
  }
  return {};
}

Value group_of(Thread& t, Value string, const Outcome& outcome, size_t group) {
  int64_t from = group == 0 ? outcome.start : outcome.marks[(group - 1) * 2],
          to = group == 0 ? outcome.end : outcome.marks[(group - 1) * 2 + 1];
  if (from < 0 || to < from) return kNotFound;
  return slice(t, string, from, to);
}
Value empty_like(Thread& t, Value string) {
  return is_str(string) ? Value(empty_str(t)) : Value(make_bytes(t, ""));
}

Result<Value> pattern_findall(Thread& t, const Value* args) {
  auto* pattern = args[0].as<PatternObject>();
  int64_t begin = TRY(to_int64(t, args[2])), end = TRY(to_int64(t, args[3]));
  Held held;
  TRY(hold(t, pattern, args[1], &held));
  clamp(held.subject.length, &begin, &end);
  ListObject* list = make_list(t);
  TRY(for_each_match(t, pattern, held, begin, end, [&](const Outcome& outcome) -> Result<bool> {
    auto group = [&](size_t i) {
      Value v = group_of(t, args[1], outcome, i);
      return v.is_not_found() ? empty_like(t, args[1]) : v;
    };
    Value item;
    if (pattern->groups <= 1) {
      item = group(pattern->groups);
    } else {
      TupleObject* tuple = allocate_tuple(t, pattern->groups);
      for (size_t i = 0; i < pattern->groups; ++i) tuple->items()[i] = group(i + 1);
      item = tuple;
    }
    TRY(list_append(t, list, item));
    return true;
  }));
  return list;
}

Result<Value> make_scanner(Thread& t, const Value* args, bool iterator) {
  auto* pattern = args[0].as<PatternObject>();
  int64_t begin = TRY(to_int64(t, args[2])), end = TRY(to_int64(t, args[3]));
  Held held;
  TRY(hold(t, pattern, args[1], &held));
  clamp(held.subject.length, &begin, &end);
  auto* scanner = t.heap().make<ScannerObject>(t, native_type(t, kScannerSpec));
  scanner->pattern = pattern;
  scanner->string = args[1];
  if (!held.text && !is_bytes(args[1])) scanner->view = TRY(make_memoryview(t, args[1]));
  scanner->position = begin;
  scanner->end_position = end;
  scanner->must_advance_from = -1;
  scanner->iterator = iterator;
  return scanner;
}
Result<Value> pattern_scanner(Thread& t, const Value* args) { return make_scanner(t, args, false); }
Result<Value> pattern_finditer(Thread& t, const Value* args) { return make_scanner(t, args, true); }
Result<Value> scan(Thread& t, ScannerObject* scanner, Mode mode) {
  int64_t position = scanner->position.load(std::memory_order_relaxed);
  int64_t must_advance_from = scanner->must_advance_from.load(std::memory_order_relaxed);
  if (scanner->finished.load(std::memory_order_relaxed) || position > scanner->end_position) return kNone;
  auto* pattern = scanner->pattern.get().as<PatternObject>();
  Held held;
  TRY(hold(t, pattern, scanner->string, &held));
  int64_t end = std::min(scanner->end_position, held.subject.length);
  Outcome outcome;
  if (!TRY(run_pattern(t, pattern, held, position, end, mode, must_advance_from, &outcome))) {
    scanner->finished.store(true, std::memory_order_relaxed);
    return kNone;
  }
  Value match = make_match(t, pattern, scanner->string, 0, scanner->end_position, outcome);
  scanner->position.store(outcome.end, std::memory_order_relaxed);
  scanner->must_advance_from.store(outcome.end == outcome.start ? outcome.end : -1,
                                   std::memory_order_relaxed);
  return match;
}
Result<Value> scanner_match(Thread& t, const Value* args) {
  return scan(t, args[0].as<ScannerObject>(), Mode::Match);
}
Result<Value> scanner_search(Thread& t, const Value* args) {
  return scan(t, args[0].as<ScannerObject>(), Mode::Search);
}
Result<Value> scanner_next(Thread& t, Value self) {
  Value match = TRY(scan(t, self.as<ScannerObject>(), Mode::Search));
  return match.is_none() ? Result<Value>(kNoMore) : Result<Value>(match);
}

// ---- substitution

Result<Value> join(Thread& t, Value string, ListObject* pieces) {
  TupleObject* items = list_to_tuple(t, pieces);
  return call_method(t, empty_like(t, string), t.names().join, {items});
}
Result<Value> substitute(Thread& t, const Value* args, bool with_count) {
  auto* pattern = args[0].as<PatternObject>();
  Value replacement = args[1], string = args[2];
  int64_t limit = TRY(to_ssize(t, args[3]));
  Held held;
  TRY(hold(t, pattern, string, &held));
  bool callable = is_callable(t, replacement);
  if (!callable) {
    bool literal = false;
    if (is_str(replacement)) {
      literal = true;
      auto* s = replacement.as<StrObject>();
      for (size_t i = 0; i < s->length() && literal; ++i) literal = s->at(i) != '\\';
    } else if (supports_buffer(t, replacement)) {
      std::string_view view = TRY(bytes_view(t, replacement));
      literal = view.find('\\') == std::string_view::npos;
    }
    if (!literal) {
      Value module = TRY(import_module(t, "re"));
      Value subx = TRY(get_attr(t, module, "_subx"));
      replacement = TRY(call(t, subx, {pattern, replacement}));
      callable = is_callable(t, replacement);
    }
  }
  ListObject* pieces = make_list(t);
  int64_t copied = 0, count = 0;
  TRY(for_each_match(t, pattern, held, 0, held.subject.length, [&](const Outcome& outcome) -> Result<bool> {
    if (copied < outcome.start) TRY(list_append(t, pieces, slice(t, string, copied, outcome.start)));
    Value item = replacement;
    if (callable)
      item = TRY(call(t, replacement, {make_match(t, pattern, string, 0, held.subject.length, outcome)}));
    if (!item.is_none()) TRY(list_append(t, pieces, item));
    copied = outcome.end;
    return ++count != limit;
  }));
  Value result = string;
  if (copied < held.subject.length)
    TRY(list_append(t, pieces, slice(t, string, copied, held.subject.length)));
  if (count > 0 || !is_exact(string, t.types().str)) result = TRY(join(t, string, pieces));
  if (!with_count) return result;
  return make_tuple(t, {result, make_int(t, count)});
}
Result<Value> pattern_sub(Thread& t, const Value* args) { return substitute(t, args, false); }
Result<Value> pattern_subn(Thread& t, const Value* args) { return substitute(t, args, true); }

Result<Value> pattern_split(Thread& t, const Value* args) {
  auto* pattern = args[0].as<PatternObject>();
  int64_t limit = TRY(to_ssize(t, args[2]));
  Held held;
  TRY(hold(t, pattern, args[1], &held));
  ListObject* list = make_list(t);
  int64_t last = 0, count = 0;
  if (limit >= 0) {
    TRY(for_each_match(t, pattern, held, 0, held.subject.length, [&](const Outcome& outcome) -> Result<bool> {
      TRY(list_append(t, list, slice(t, args[1], last, outcome.start)));
      for (size_t i = 1; i <= pattern->groups; ++i) {
        Value v = group_of(t, args[1], outcome, i);
        TRY(list_append(t, list, v.is_not_found() ? kNone : v));
      }
      last = outcome.end;
      return ++count != limit;
    }));
  }
  TRY(list_append(t, list, slice(t, args[1], last, held.subject.length)));
  return list;
}

// ---- Pattern

Result<int64_t> pattern_hash(Thread& t, Value self) {
  auto* pattern = self.as<PatternObject>();
  uint64_t h = static_cast<uint64_t>(TRY(hash(t, pattern->pattern)));
  for (size_t i = 0; i < pattern->code_size; ++i) h = h * 1000003 + pattern->code[i];
  h ^= static_cast<uint64_t>(pattern->flags) ^ (pattern->groups << 32);
  auto result = static_cast<int64_t>(h);
  return result == -1 ? -2 : result;
}
Result<Value> pattern_compare(Thread& t, Value a, Value b, CompareOp op) {
  if ((op != CompareOp::Eq && op != CompareOp::Ne) || type_of(t, b) != native_type(t, kPatternSpec))
    return kNotImplemented;
  auto* x = a.as<PatternObject>();
  auto* y = b.as<PatternObject>();
  bool equal = x == y;
  if (!equal)
    equal = x->flags == y->flags && x->code_size == y->code_size &&
            std::memcmp(x->code, y->code, x->code_size * 4) == 0 &&
            is_str(x->pattern) == is_str(y->pattern) && TRY(equals(t, x->pattern, y->pattern));
  return Value::from_bool(equal == (op == CompareOp::Eq));
}
Result<Value> pattern_repr(Thread& t, Value self) {
  auto* pattern = self.as<PatternObject>();
  constexpr std::pair<int64_t, const char*> kFlagNames[] = {
      {1, "re.TEMPLATE"}, {2, "re.IGNORECASE"}, {4, "re.LOCALE"},  {8, "re.MULTILINE"}, {16, "re.DOTALL"},
      {32, "re.UNICODE"}, {64, "re.VERBOSE"},   {128, "re.DEBUG"}, {256, "re.ASCII"}};
  int64_t flags = pattern->flags;
  if (is_str(pattern->pattern) && (flags & (4 | 32 | 256)) == 32) flags &= ~int64_t{32};
  std::string names;
  for (const auto& [bit, name] : kFlagNames)
    if (flags & bit) {
      names += (names.empty() ? "" : "|") + std::string(name);
      flags &= ~bit;
    }
  if (flags != 0) names += fmt::format("{}0x{:x}", names.empty() ? "" : "|", flags);
  Value text = TRY(repr(t, pattern->pattern));
  auto* shown = text.as<StrObject>();
  if (shown->length() > 200) shown = str_slice(t, shown, 0, 200);
  return make_str(t, "re.compile(" + to_utf8(shown) + (names.empty() ? "" : ", " + names) + ")");
}
Result<Value> pattern_flags(Thread&, Value self) { return Value::from_int(self.as<PatternObject>()->flags); }
Result<Value> pattern_groups(Thread&, Value self) {
  return Value::from_int(static_cast<int64_t>(self.as<PatternObject>()->groups));
}
Result<Value> pattern_groupindex(Thread& t, Value self) {
  return make_mapping_proxy(t, self.as<PatternObject>()->group_index);
}

#define MP_RANGE_SIGNATURE "string, pos=0, endpos=9223372036854775807)"
const NativeDef kPatternMethods[] = {
    MP_METHOD(pattern_match, "match(self, /, " MP_RANGE_SIGNATURE,
              "Matches zero or more characters at the beginning of the string."),
    MP_METHOD(pattern_fullmatch, "fullmatch(self, /, " MP_RANGE_SIGNATURE,
              "Matches against all of the string."),
    MP_METHOD(pattern_search, "search(self, /, " MP_RANGE_SIGNATURE,
              "Scan through string looking for a match, and return a corresponding match object instance."),
    MP_METHOD(pattern_findall, "findall(self, /, " MP_RANGE_SIGNATURE,
              "Return a list of all non-overlapping matches of pattern in string."),
    MP_METHOD(pattern_finditer, "finditer(self, /, " MP_RANGE_SIGNATURE,
              "Return an iterator over all non-overlapping matches for the RE pattern in string."),
    MP_METHOD(pattern_scanner, "scanner(self, /, " MP_RANGE_SIGNATURE, nullptr),
    MP_METHOD(pattern_sub, "sub(self, /, repl, string, count=0)",
              "Return the string obtained by replacing the leftmost non-overlapping occurrences of pattern "
              "in string by the replacement repl."),
    MP_METHOD(pattern_subn, "subn(self, /, repl, string, count=0)", nullptr),
    MP_METHOD(pattern_split, "split(self, /, string, maxsplit=0)",
              "Split string by the occurrences of pattern."),
    MP_METHOD(return_self, "__copy__(self, /)", nullptr),
    MP_METHOD(return_self, "__deepcopy__(self, memo, /)", nullptr),
    MP_CLASS_GETITEM,
    MP_END};
const GetSetDef kPatternGetSets[] = {{"flags", pattern_flags, nullptr, nullptr},
                                     {"groups", pattern_groups, nullptr, nullptr},
                                     {"groupindex", pattern_groupindex, nullptr, nullptr},
                                     {}};
const MemberDef kPatternMembers[] = {{"pattern", offsetof(PatternObject, pattern), true, nullptr}, {}};
const NativeDef kScannerMethods[] = {MP_METHOD(scanner_match, "match(self, /)", nullptr),
                                     MP_METHOD(scanner_search, "search(self, /)", nullptr), MP_END};
const MemberDef kScannerMembers[] = {{"pattern", offsetof(ScannerObject, pattern), true, nullptr}, {}};
const TypeSpec kScannerSpec = {.name = "_sre.SRE_Scanner",
                               .size = sizeof(ScannerObject),
                               .flags = kTypeDisallowNew,
                               .trace = trace_scanner,
                               .slots = MP_SLOTS(.iter = iterator_self, .next = scanner_next),
                               .methods = kScannerMethods,
                               .members = kScannerMembers};

// ---- module functions

// compile(pattern, flags, code, groups, groupindex, indexgroup)
Result<Value> sre_compile(Thread& t, const Value* args) {
  if (!is_list(args[2]) || !is_dict(args[4]) || !is_tuple(args[5]))
    return t.raise(Exc::TypeError, "compile() got arguments of a wrong type");
  auto* list = args[2].as<ListObject>();
  size_t size = list->length();
  auto* code = static_cast<uint32_t*>(t.heap().allocate_raw(t, size * sizeof(uint32_t)));
  if (code == nullptr) return t.raise_memory_error();
  for (size_t i = 0; i < size; ++i) {
    int64_t word = TRY(to_int64(t, list->at(i)));
    if (word < 0 || word > 0xffffffffLL)
      return t.raise(Exc::OverflowError, "regular expression code size limit exceeded");
    code[i] = static_cast<uint32_t>(word);
  }
  int64_t flags = TRY(to_int64(t, args[1])), groups = TRY(to_ssize(t, args[3]));
  if (groups < 0 || groups > (1 << 30) || !validate(code, size, static_cast<size_t>(groups)))
    return t.raise(Exc::RuntimeError, "invalid SRE code");
  auto* pattern = t.heap().make<PatternObject>(t, native_type(t, kPatternSpec));
  pattern->pattern = args[0];
  pattern->group_index = args[4];
  pattern->index_group = args[5];
  pattern->code = code;
  pattern->code_size = size;
  pattern->groups = static_cast<size_t>(groups);
  pattern->flags = flags;
  pattern->pcre = new SrePcre(code, size, pattern->groups);
  t.heap().register_native_finalizer(pattern, finalize_pattern);
  return pattern;
}
Result<uint32_t> character(Thread& t, Value v) { return static_cast<uint32_t>(TRY(to_int64(t, v))); }
Result<Value> ascii_iscased(Thread& t, const Value* args) {
  uint32_t c = TRY(character(t, args[0]));
  return Value::from_bool(c < 128 && ((c | 32) - 'a' < 26u));
}
Result<Value> unicode_iscased(Thread& t, const Value* args) {
  uint32_t c = TRY(character(t, args[0]));
  uint32_t upper[3];
  unicode::to_upper_full(c, upper);  // full: U+00DF has no simple upper case, yet it matches U+1E9E
  return Value::from_bool(lower_unicode(c) != c || upper[0] != c);
}
Result<Value> ascii_tolower(Thread& t, const Value* args) {
  return Value::from_int(lower_ascii(TRY(character(t, args[0]))));
}
Result<Value> unicode_tolower(Thread& t, const Value* args) {
  return Value::from_int(lower_unicode(TRY(character(t, args[0]))));
}
Result<Value> sre_getcodesize(Thread&, const Value*) { return Value::from_int(4); }

const NativeDef kFunctions[] = {
    MP_FUNCTION(sre_compile, "compile(pattern, flags, code, groups, groupindex, indexgroup)", nullptr),
    MP_FUNCTION(ascii_iscased, "ascii_iscased(character, /)", nullptr),
    MP_FUNCTION(unicode_iscased, "unicode_iscased(character, /)", nullptr),
    MP_FUNCTION(ascii_tolower, "ascii_tolower(character, /)", nullptr),
    MP_FUNCTION(unicode_tolower, "unicode_tolower(character, /)", nullptr),
    MP_FUNCTION(sre_getcodesize, "getcodesize()", nullptr),
    MP_END};
Status init_sre(Thread& t, ModuleObject* module) {
  TRY(module_add_int(t, module, "MAGIC", kMagic));
  TRY(module_add_int(t, module, "CODESIZE", 4));
  TRY(module_add_int(t, module, "MAXREPEAT", kMaxRepeat));
  TRY(module_add_int(t, module, "MAXGROUPS", 1 << 30));
  return {};
}
}  // namespace

const TypeSpec kPatternSpec = {
    .name = "re.Pattern",
    .size = sizeof(PatternObject),
    .flags = kTypeDisallowNew | kTypeHasWeakref,
    .doc = "Compiled regular expression object.",
    .trace = trace_pattern,
    .slots = MP_SLOTS(.repr = pattern_repr, .hash = pattern_hash, .compare = pattern_compare),
    .methods = kPatternMethods,
    .getsets = kPatternGetSets,
    .members = kPatternMembers};

}  // namespace mp::sre

namespace mp {
extern const ModuleSpec kSreModule;
const ModuleSpec kSreModule = {.name = "_sre", .functions = sre::kFunctions, .init = sre::init_sre};
}  // namespace mp

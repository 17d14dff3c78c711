// The methods of str: the table, searching and padding.
#include "vm/types/str_methods.h"

#include <algorithm>

#include "vm/protocol/protocol.h"
#include "vm/types/codec.h"
#include "vm/types/number.h"
#include "vm/types/text_format.h"
#include "vm/types/unicode.h"

namespace mp {

// ---------------------------------------------------------------- searching

namespace {
struct Needle {
  StrObject* text = nullptr;
  StrObject* part = nullptr;
  size_t from = 0, to = 0;
  bool possible = true;  // from <= to
};
}  // namespace

static Result<Needle> needle_args(Thread& t, const Value* args, const char* method) {
  if (!is_str(args[1])) {
    return t.raise(Exc::TypeError, "{}() argument 1 must be str, not {}", method, type_name(t, args[1]));
  }
  Needle n;
  n.text = args[0].as<StrObject>();
  n.part = args[1].as<StrObject>();
  int64_t from, to;
  TRY(clip_range(t, args[2], args[3], n.text->length(), &from, &to));
  n.possible = from <= to;
  n.from = static_cast<size_t>(from);
  n.to = static_cast<size_t>(to);
  return n;
}

static Result<Value> str_method_find(Thread& t, const Value* args) {
  Needle n = TRY(needle_args(t, args, "find"));
  return Value::from_int(n.possible ? str_find(n.text, n.part, n.from, n.to) : -1);
}
static Result<Value> str_method_rfind(Thread& t, const Value* args) {
  Needle n = TRY(needle_args(t, args, "rfind"));
  return Value::from_int(n.possible ? str_rfind(n.text, n.part, n.from, n.to) : -1);
}
static Result<Value> str_method_index(Thread& t, const Value* args) {
  Needle n = TRY(needle_args(t, args, "index"));
  int64_t at = n.possible ? str_find(n.text, n.part, n.from, n.to) : -1;
  if (at < 0) return t.raise(Exc::ValueError, "substring not found");
  return Value::from_int(at);
}
static Result<Value> str_method_rindex(Thread& t, const Value* args) {
  Needle n = TRY(needle_args(t, args, "rindex"));
  int64_t at = n.possible ? str_rfind(n.text, n.part, n.from, n.to) : -1;
  if (at < 0) return t.raise(Exc::ValueError, "substring not found");
  return Value::from_int(at);
}
static Result<Value> str_method_count(Thread& t, const Value* args) {
  Needle n = TRY(needle_args(t, args, "count"));
  return Value::from_int(n.possible ? str_count(n.text, n.part, n.from, n.to, -1) : 0);
}

static bool matches_at(const StrObject* s, const StrObject* part, size_t at) {
  if (part->width() > s->width()) return false;
  size_t m = part->length();
  if (part->width() == s->width()) {
    size_t unit = static_cast<size_t>(s->width());
    return std::memcmp(s->data8() + at * unit, part->data8(), m * unit) == 0;
  }
  for (size_t i = 0; i < m; ++i)
    if (s->at(at + i) != part->at(i)) return false;
  return true;
}

static Result<Value> tail_match(Thread& t, const Value* args, bool suffix) {
  const char* name = suffix ? "endswith" : "startswith";
  auto* s = args[0].as<StrObject>();
  int64_t from, to;
  TRY(clip_range(t, args[2], args[3], s->length(), &from, &to));
  auto test = [&](StrObject* part) {
    auto m = static_cast<int64_t>(part->length());
    if (to - from < m) return false;
    return matches_at(s, part, static_cast<size_t>(suffix ? to - m : from));
  };
  if (is_str(args[1])) return Value::from_bool(test(args[1].as<StrObject>()));
  if (!is_tuple(args[1])) {
    return t.raise(Exc::TypeError, "{} first arg must be str or a tuple of str, not {}", name,
                   type_name(t, args[1]));
  }
  auto* tuple = args[1].as<TupleObject>();
  for (size_t i = 0; i < tuple->size; ++i) {
    Value item = (*tuple)[i];
    if (!is_str(item)) {
      return t.raise(Exc::TypeError, "tuple for {} must only contain str, not {}", name, type_name(t, item));
    }
    if (test(item.as<StrObject>())) return kTrue;
  }
  return kFalse;
}
static Result<Value> str_method_startswith(Thread& t, const Value* args) {
  return tail_match(t, args, false);
}
static Result<Value> str_method_endswith(Thread& t, const Value* args) { return tail_match(t, args, true); }

// ---------------------------------------------------------------- padding

static Result<Value> pad(Thread& t, StrObject* s, size_t left, size_t right, uint32_t fill) {
  if (left == 0 && right == 0) return str_or_error(str_plain(t, s));
  size_t length = s->length() + left + right;
  int width = std::max(s->width(), width_for(fill));
  StrObject* out = allocate_str(t, length, width, s->is_ascii() && fill < 0x80);
  if (out == nullptr) return Error{};
  void* data = out->data();
  size_t unit = static_cast<size_t>(width), n = s->length();
  fill_code_points(data, width, 0, left, fill);
  fill_code_points(data, width, left + n, right, fill);
  copy_code_points(static_cast<uint8_t*>(data) + left * unit, width, s, 0, n);
  return Value(out);
}

static Result<Value> justify(Thread& t, const Value* args, char mode) {
  auto* s = args[0].as<StrObject>();
  int64_t width = TRY(to_ssize(t, args[1]));
  uint32_t fill = ' ';
  if (!args[2].is_empty()) {
    if (!is_str(args[2])) {
      return t.raise(Exc::TypeError, "The fill character must be a unicode character, not {}",
                     type_name(t, args[2]));
    }
    if (args[2].as<StrObject>()->length() != 1) {
      return t.raise(Exc::TypeError, "The fill character must be exactly one character long");
    }
    fill = args[2].as<StrObject>()->at(0);
  }
  auto length = static_cast<int64_t>(s->length());
  if (width <= length) return str_or_error(str_plain(t, s));
  if (width > int64_t{1} << 44) return t.raise_memory_error();
  int64_t margin = width - length;
  int64_t left = mode == 'l' ? 0 : mode == 'r' ? margin : margin / 2 + (margin & width & 1);
  return pad(t, s, static_cast<size_t>(left), static_cast<size_t>(margin - left), fill);
}
static Result<Value> str_method_ljust(Thread& t, const Value* args) { return justify(t, args, 'l'); }
static Result<Value> str_method_rjust(Thread& t, const Value* args) { return justify(t, args, 'r'); }
static Result<Value> str_method_center(Thread& t, const Value* args) { return justify(t, args, 'c'); }

static Result<Value> str_method_zfill(Thread& t, const Value* args) {
  auto* s = args[0].as<StrObject>();
  int64_t width = TRY(to_ssize(t, args[1]));
  auto length = static_cast<int64_t>(s->length());
  if (width <= length) return str_or_error(str_plain(t, s));
  if (width > int64_t{1} << 44) return t.raise_memory_error();
  StrBuilder out(t);
  size_t begin = 0;
  if (length > 0 && (s->at(0) == '+' || s->at(0) == '-')) {
    out.append(s->at(0));
    begin = 1;
  }
  out.append_fill('0', static_cast<size_t>(width - length));
  out.append(s, begin, s->length());
  return out.finish();
}

// ---------------------------------------------------------------- the rest

static Result<Value> str_method_encode(Thread& t, const Value* args) {
  for (int i = 1; i <= 2; ++i) {
    if (!args[i].is_empty() && !is_str(args[i])) {
      return t.raise(Exc::TypeError, "encode() argument '{}' must be str, not {}",
                     i == 1 ? "encoding" : "errors", type_name(t, args[i]));
    }
  }
  return encode_str(t, args[0].as<StrObject>(), args[1], args[2]);
}

static Result<Value> str_method_format(Thread& t, Value self, const CallArgs& args) {
  return str_format(t, self.as<StrObject>(), args);
}

Result<Value> str_method_format_map(Thread& t, const Value* args);

static Result<Value> str_method_dunder_format(Thread& t, const Value* args) {
  if (!is_str(args[1])) {
    return t.raise(Exc::TypeError, "__format__() argument must be str, not {}", type_name(t, args[1]));
  }
  auto* spec = args[1].as<StrObject>();
  if (spec->length() == 0) {
    if (is_exact(args[0], t.types().str)) return args[0];
    return str(t, args[0]);
  }
  return format_str(t, args[0].as<StrObject>(), spec);
}

static Result<Value> str_method_getnewargs(Thread& t, const Value* args) {
  // A copy, so that unpickling does not share what it rebuilds.
  auto* s = args[0].as<StrObject>();
  StrObject* copy = allocate_str(t, s->length(), s->width(), s->is_ascii());
  if (copy == nullptr) return Error{};
  std::memcpy(copy->data(), s->data8(), s->byte_size());
  return Value(make_tuple(t, {Value(copy)}));
}

static Result<Value> str_method_sizeof(Thread& t, const Value* args) {
  auto* s = args[0].as<StrObject>();
  return make_int(t, static_cast<int64_t>(sizeof(StrObject) + s->byte_size()));
}

#define MP_STR(name, signature, doc) MP_METHOD(str_method_##name, signature, doc)
const NativeDef kStrMethods[] = {
    MP_RAW_NEW(str_new, "__new__(cls, object='', encoding='utf-8', errors='strict')", nullptr),
    MP_STR(capitalize, "capitalize(self, /)",
           "Return a capitalized version of the string.\n\nMore specifically, make the first character have "
           "upper "
           "case and the rest lower\ncase."),
    MP_STR(casefold, "casefold(self, /)",
           "Return a version of the string suitable for caseless comparisons."),
    MP_STR(center, "center(self, width, fillchar=?, /)",
           "Return a centered string of length width.\n\nPadding is done using the specified fill character "
           "(default is a space)."),
    MP_STR(count, "count(self, sub, start=?, end=?, /)",
           "Return the number of non-overlapping occurrences of substring sub in string "
           "S[start:end].\n\nOptional "
           "arguments start and end are interpreted as in slice notation."),
    MP_STR(encode, "encode(self, /, encoding=?, errors=?)",
           "Encode the string using the codec registered for encoding.\n\n  encoding\n    The encoding in "
           "which to "
           "encode the string.\n  errors\n    The error handling scheme to use for encoding errors.\n    The "
           "default "
           "is 'strict' meaning that encoding errors raise a\n    UnicodeEncodeError.  Other possible values "
           "are "
           "'ignore', 'replace' and\n    'xmlcharrefreplace' as well as any other name registered with\n    "
           "codecs.register_error that can handle UnicodeEncodeErrors."),
    MP_STR(endswith, "endswith(self, suffix, start=?, end=?, /)",
           "Return True if the string ends with the specified suffix, False otherwise."),
    MP_STR(expandtabs, "expandtabs(self, /, tabsize=8)",
           "Return a copy where all tab characters are expanded using spaces.\n\nIf tabsize is not given, a "
           "tab size "
           "of 8 characters is assumed."),
    MP_STR(find, "find(self, sub, start=?, end=?, /)",
           "Return the lowest index in S where substring sub is found, such that sub is contained within "
           "S[start:end].\n\nOptional arguments start and end are interpreted as in slice notation.\nReturn "
           "-1 on "
           "failure."),
    MP_RAW_METHOD(
        str_method_format, "format(self, /, *args, **kwargs)",
        "Return a formatted version of the string, using substitutions from args and kwargs.\n\nThe "
        "substitutions are identified by braces ('{' and '}')."),
    MP_STR(format_map, "format_map(self, mapping, /)",
           "Return a formatted version of the string, using substitutions from mapping.\n\nThe substitutions "
           "are "
           "identified by braces ('{' and '}')."),
    MP_STR(index, "index(self, sub, start=?, end=?, /)",
           "Return the lowest index in S where substring sub is found, such that sub is contained within "
           "S[start:end].\n\nOptional arguments start and end are interpreted as in slice notation.\nRaises "
           "ValueError when the substring is not found."),
    MP_STR(isalnum, "isalnum(self, /)",
           "Return True if the string is an alpha-numeric string, False otherwise."),
    MP_STR(isalpha, "isalpha(self, /)",
           "Return True if the string is an alphabetic string, False otherwise."),
    MP_STR(isascii, "isascii(self, /)",
           "Return True if all characters in the string are ASCII, False otherwise.\n\nASCII characters have "
           "code "
           "points in the range U+0000-U+007F.\nEmpty string is ASCII too."),
    MP_STR(isdecimal, "isdecimal(self, /)",
           "Return True if the string is a decimal string, False otherwise."),
    MP_STR(isdigit, "isdigit(self, /)", "Return True if the string is a digit string, False otherwise."),
    MP_STR(isidentifier, "isidentifier(self, /)",
           "Return True if the string is a valid Python identifier, False otherwise.\n\nCall "
           "keyword.iskeyword(s) to test whether string s is a reserved identifier,\nsuch as \"def\" or "
           "\"class\"."),
    MP_STR(islower, "islower(self, /)", "Return True if the string is a lowercase string, False otherwise."),
    MP_STR(isnumeric, "isnumeric(self, /)",
           "Return True if the string is a numeric string, False otherwise."),
    MP_STR(isprintable, "isprintable(self, /)",
           "Return True if all characters in the string are printable, False otherwise."),
    MP_STR(isspace, "isspace(self, /)", "Return True if the string is a whitespace string, False otherwise."),
    MP_STR(istitle, "istitle(self, /)",
           "Return True if the string is a title-cased string, False otherwise."),
    MP_STR(isupper, "isupper(self, /)", "Return True if the string is an uppercase string, False otherwise."),
    MP_STR(join, "join(self, iterable, /)",
           "Concatenate any number of strings.\n\nThe string whose method is called is inserted in between "
           "each given "
           "string.\nThe result is returned as a new string.\n\nExample: '.'.join(['ab', 'pq', 'rs']) -> "
           "'ab.pq.rs'"),
    MP_STR(ljust, "ljust(self, width, fillchar=?, /)",
           "Return a left-justified string of length width.\n\nPadding is done using the specified fill "
           "character "
           "(default is a space)."),
    MP_STR(lower, "lower(self, /)", "Return a copy of the string converted to lowercase."),
    MP_STR(lstrip, "lstrip(self, chars=None, /)",
           "Return a copy of the string with leading whitespace removed.\n\nIf chars is given and not None, "
           "remove "
           "characters in chars instead."),
    MP_STATIC_METHOD(str_method_maketrans, "maketrans(x, y=?, z=?, /)",
                     "Return a translation table usable for str.translate()."),
    MP_STR(partition, "partition(self, sep, /)",
           "Partition the string into three parts using the given separator."),
    MP_STR(removeprefix, "removeprefix(self, prefix, /)",
           "Return a str with the given prefix string removed if present."),
    MP_STR(removesuffix, "removesuffix(self, suffix, /)",
           "Return a str with the given suffix string removed if present."),
    MP_STR(replace, "replace(self, old, new, /, count=-1)",
           "Return a copy with all occurrences of substring old replaced by new.\n\n  count\n    Maximum "
           "number of "
           "occurrences to replace.\n    -1 (the default value) means replace all occurrences.\n\nIf the "
           "optional "
           "argument count is given, only the first count occurrences are\nreplaced."),
    MP_STR(rfind, "rfind(self, sub, start=?, end=?, /)",
           "Return the highest index in S where substring sub is found, such that sub is contained within "
           "S[start:end]."),
    MP_STR(rindex, "rindex(self, sub, start=?, end=?, /)",
           "Return the highest index in S where substring sub is found, such that sub is contained within "
           "S[start:end]."),
    MP_STR(rjust, "rjust(self, width, fillchar=?, /)", "Return a right-justified string of length width."),
    MP_STR(rpartition, "rpartition(self, sep, /)",
           "Partition the string into three parts using the given separator."),
    MP_STR(rsplit, "rsplit(self, /, sep=None, maxsplit=-1)",
           "Return a list of the substrings in the string, using sep as the separator string."),
    MP_STR(rstrip, "rstrip(self, chars=None, /)",
           "Return a copy of the string with trailing whitespace removed."),
    MP_STR(split, "split(self, /, sep=None, maxsplit=-1)",
           "Return a list of the substrings in the string, using sep as the separator string."),
    MP_STR(splitlines, "splitlines(self, /, keepends=False)",
           "Return a list of the lines in the string, breaking at line boundaries.\n\nLine breaks are not "
           "included in "
           "the resulting list unless keepends is given and\ntrue."),
    MP_STR(startswith, "startswith(self, prefix, start=?, end=?, /)",
           "Return True if the string starts with the specified prefix, False otherwise."),
    MP_STR(strip, "strip(self, chars=None, /)",
           "Return a copy of the string with leading and trailing whitespace removed.\n\nIf chars is given "
           "and not "
           "None, remove characters in chars instead."),
    MP_STR(swapcase, "swapcase(self, /)",
           "Convert uppercase characters to lowercase and lowercase characters to uppercase."),
    MP_STR(title, "title(self, /)",
           "Return a version of the string where each word is titlecased.\n\nMore specifically, words start "
           "with "
           "uppercased characters and all remaining\ncased characters have lower case."),
    MP_STR(translate, "translate(self, table, /)",
           "Replace each character in the string using the given translation table."),
    MP_STR(upper, "upper(self, /)", "Return a copy of the string converted to uppercase."),
    MP_STR(zfill, "zfill(self, width, /)",
           "Pad a numeric string with zeros on the left, to fill a field of the given width.\n\nThe string "
           "is never "
           "truncated."),
    MP_STR(dunder_format, "__format__(self, format_spec, /)",
           "Return a formatted version of the string as described by format_spec."),
    MP_STR(getnewargs, "__getnewargs__(self, /)", nullptr),
    MP_STR(sizeof, "__sizeof__(self, /)", "Return the size of the string in memory, in bytes."),
    MP_END};
#undef MP_STR

}  // namespace mp

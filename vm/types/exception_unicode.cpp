// UnicodeEncodeError, UnicodeDecodeError, UnicodeTranslateError.
#include <algorithm>

#include "vm/types/exception_internal.h"
#include "vm/types/number.h"

namespace mp {

Status unicode_init(Thread& t, ExceptionObject* e, Exc kind, const CallArgs& args) {
  bool translate = kind == Exc::UnicodeTranslateError;
  const char* name = translate                         ? "UnicodeTranslateError"
                     : kind == Exc::UnicodeEncodeError ? "UnicodeEncodeError"
                                                       : "UnicodeDecodeError";
  size_t wanted = translate ? 4 : 5;
  if (args.count != wanted)
    return t.raise(Exc::TypeError, "function takes exactly {} arguments ({} given)", wanted, args.count);
  size_t i = 0;
  auto must_be = [&](bool right, const char* what) -> Status {
    if (right) return {};
    return t.raise(Exc::TypeError, "argument {} must be {}, not {}", i + 1, what,
                   type_name(t, args.values[i]));
  };
  (void)name;
  if (!translate) {
    TRY(must_be(is_str(args.values[i]), "str"));
    e->fields[kUnicodeEncoding] = args.values[i++];
  }
  if (kind == Exc::UnicodeDecodeError) {
    std::string_view view = TRY(bytes_view(t, args.values[i]));
    e->fields[kUnicodeObject] = is_bytes(args.values[i]) ? args.values[i] : Value(make_bytes(t, view));
    ++i;
  } else {
    TRY(must_be(is_str(args.values[i]), "str"));
    e->fields[kUnicodeObject] = args.values[i++];
  }
  for (int field : {kUnicodeStart, kUnicodeEnd}) {
    int64_t n = TRY(to_ssize(t, args.values[i++]));
    e->fields[field] = make_int(t, n);
  }
  TRY(must_be(is_str(args.values[i]), "str"));
  e->fields[kUnicodeReason] = args.values[i];
  return {};
}

static std::string escaped(uint32_t c) {
  if (c <= 0xff) return fmt::format("\\x{:02x}", c);
  if (c <= 0xffff) return fmt::format("\\u{:04x}", c);
  return fmt::format("\\U{:08x}", c);
}

Result<Value> unicode_str(Thread& t, Value self) {
  auto* e = self.as<ExceptionObject>();
  Value object = e->fields[kUnicodeObject];
  if (object.is_empty()) return empty_str(t);
  Exc kind = builtin_kind(t, e->type());
  bool decode = kind == Exc::UnicodeDecodeError;
  if (decode ? !is_bytes(object) : !is_str(object))
    return t.raise(Exc::TypeError, "object attribute must be {}", decode ? "bytes" : "unicode");
  Value why = e->fields[kUnicodeReason], codec = e->fields[kUnicodeEncoding];
  std::string reason = str_text(t, why.is_empty() ? kNone : why);
  std::string encoding = codec.is_empty() ? "" : str_text(t, codec);
  int64_t start = 0, end = 0;
  int_to_int64(e->fields[kUnicodeStart], &start);
  int_to_int64(e->fields[kUnicodeEnd], &end);
  int64_t size = is_str(object) ? static_cast<int64_t>(object.as<StrObject>()->length())
                                : static_cast<int64_t>(object.as<BytesObject>()->size);
  bool one = start >= 0 && start < size && end == start + 1;
  if (decode) {
    if (one)
      return make_str(t, fmt::format("'{}' codec can't decode byte 0x{:02x} in position {}: {}", encoding,
                                     object.as<BytesObject>()->data()[start], start, reason));
    return make_str(t, fmt::format("'{}' codec can't decode bytes in position {}-{}: {}", encoding, start,
                                   end - 1, reason));
  }
  std::string verb = kind == Exc::UnicodeTranslateError ? "can't translate"
                                                        : fmt::format("'{}' codec can't encode", encoding);
  if (one)
    return make_str(
        t, fmt::format("{} character '{}' in position {}: {}", verb,
                       escaped(object.as<StrObject>()->at(static_cast<size_t>(start))), start, reason));
  return make_str(t, fmt::format("{} characters in position {}-{}: {}", verb, start, end - 1, reason));
}

// start and end are clamped to the object when read through the codecs; scripts see what was set.
static Status set_position(Thread& t, Value self, Value value, int field) {
  if (value.is_empty()) return t.raise(Exc::TypeError, "can't delete numeric/char attribute");
  int64_t n = TRY(to_ssize(t, value));
  self.as<ExceptionObject>()->fields[field] = make_int(t, n);
  return {};
}
static Status set_start(Thread& t, Value self, Value value) {
  return set_position(t, self, value, kUnicodeStart);
}
static Status set_end(Thread& t, Value self, Value value) {
  return set_position(t, self, value, kUnicodeEnd);
}

const GetSetDef kUnicodeGetSets[] = {{"encoding", get_field<0>, set_field<0>, "exception encoding"},
                                     {"object", get_field<1>, set_field<1>, "exception object"},
                                     {"start", get_field<2>, set_start, "exception start"},
                                     {"end", get_field<3>, set_end, "exception end"},
                                     {"reason", get_field<4>, set_field<4>, "exception reason"},
                                     {}};

}  // namespace mp

// codecs.lookup_error: the registered handlers, and the standard ones as callables that work on exception
// objects.
#include <algorithm>

#include "vm/native/native.h"
#include "vm/protocol/protocol.h"
#include "vm/types/codec.h"
#include "vm/types/codec_errors.h"
#include "vm/types/codec_registry.h"
#include "vm/types/exception.h"
#include "vm/types/number.h"
#include "vm/types/str_internal.h"

namespace mp {

namespace {
// The fields of a UnicodeError, with start and end clamped to the object as CPython does.
struct UnicodeErrorParts {
  enum Kind { Decode, Encode, Translate } kind = Decode;
  Value object;
  std::string encoding;
  size_t start = 0, end = 0;
};

Result<UnicodeErrorParts> error_parts(Thread& t, Value exception) {
  UnicodeErrorParts parts;
  if (is_exception_of(t, exception, Exc::UnicodeDecodeError)) {
    parts.kind = UnicodeErrorParts::Decode;
  } else if (is_exception_of(t, exception, Exc::UnicodeEncodeError)) {
    parts.kind = UnicodeErrorParts::Encode;
  } else if (is_exception_of(t, exception, Exc::UnicodeTranslateError)) {
    parts.kind = UnicodeErrorParts::Translate;
  } else {
    return t.raise(Exc::TypeError, "don't know how to handle {} in error callback", type_name(t, exception));
  }
  parts.object = TRY(get_attr(t, exception, "object"));
  int64_t size;
  if (parts.kind == UnicodeErrorParts::Decode) {
    if (!is_bytes(parts.object)) return t.raise(Exc::TypeError, "object attribute must be bytes");
    size = static_cast<int64_t>(parts.object.as<BytesObject>()->size);
  } else {
    if (!is_str(parts.object)) return t.raise(Exc::TypeError, "object attribute must be unicode");
    size = static_cast<int64_t>(parts.object.as<StrObject>()->length());
  }
  if (parts.kind != UnicodeErrorParts::Translate) {
    Value encoding = TRY(get_attr(t, exception, "encoding"));
    if (!is_str(encoding)) return t.raise(Exc::TypeError, "encoding attribute must be unicode");
    parts.encoding = to_utf8(encoding.as<StrObject>());
  }
  int64_t start = TRY(to_ssize(t, TRY(get_attr(t, exception, "start"))));
  int64_t end = TRY(to_ssize(t, TRY(get_attr(t, exception, "end"))));
  start = std::clamp<int64_t>(start, 0, std::max<int64_t>(size - 1, 0));
  end = std::min(std::max<int64_t>(end, 1), size);
  parts.start = static_cast<size_t>(start);
  parts.end = static_cast<size_t>(std::max(start, end));
  return parts;
}

Result<Value> pair(Thread& t, Value replacement, size_t position) {
  return Value(make_tuple(t, {replacement, make_int(t, static_cast<int64_t>(position))}));
}

Error reraise(Thread& t, Value exception) { return t.raise_object(exception); }
Error cannot_handle(Thread& t, Value exception) {
  return t.raise(Exc::TypeError, "don't know how to handle {} in error callback", type_name(t, exception));
}

Result<Value> strict_errors(Thread& t, const Value* args) {
  if (is_exception(args[0])) return reraise(t, args[0]);
  return t.raise(Exc::TypeError, "codec must pass exception instance");
}
Result<Value> ignore_errors(Thread& t, const Value* args) {
  UnicodeErrorParts parts = TRY(error_parts(t, args[0]));
  return pair(t, empty_str(t), parts.end);
}
Result<Value> replace_errors(Thread& t, const Value* args) {
  UnicodeErrorParts parts = TRY(error_parts(t, args[0]));
  if (parts.kind == UnicodeErrorParts::Decode) return pair(t, make_str_char(t, 0xfffd), parts.end);
  StrBuilder out(t);
  out.append_fill(parts.kind == UnicodeErrorParts::Encode ? '?' : 0xfffd, parts.end - parts.start);
  return pair(t, TRY(out.finish()), parts.end);
}

template <class Escape>
Result<Value> escaped(Thread& t, const UnicodeErrorParts& parts, Escape&& escape) {
  std::string out;
  auto* text = parts.object.as<StrObject>();
  for (size_t i = parts.start; i < parts.end; ++i) out += escape(text->at(i));
  return pair(t, make_str(t, out), parts.end);
}

Result<Value> backslashreplace_errors(Thread& t, const Value* args) {
  UnicodeErrorParts parts = TRY(error_parts(t, args[0]));
  if (parts.kind != UnicodeErrorParts::Decode) return escaped(t, parts, backslash_escape);
  std::string out;
  for (size_t i = parts.start; i < parts.end; ++i)
    out += fmt::format("\\x{:02x}", parts.object.as<BytesObject>()->data()[i]);
  return pair(t, make_str(t, out), parts.end);
}
Result<Value> xmlcharrefreplace_errors(Thread& t, const Value* args) {
  UnicodeErrorParts parts = TRY(error_parts(t, args[0]));
  if (parts.kind != UnicodeErrorParts::Encode) return cannot_handle(t, args[0]);
  return escaped(t, parts, [](uint32_t c) { return fmt::format("&#{};", c); });
}
Result<Value> namereplace_errors(Thread& t, const Value* args) {
  UnicodeErrorParts parts = TRY(error_parts(t, args[0]));
  if (parts.kind != UnicodeErrorParts::Encode) return cannot_handle(t, args[0]);
  return escaped(t, parts, name_escape);
}
Result<Value> surrogateescape_errors(Thread& t, const Value* args) {
  UnicodeErrorParts parts = TRY(error_parts(t, args[0]));
  if (parts.kind == UnicodeErrorParts::Encode) {
    std::string out;
    for (size_t i = parts.start; i < parts.end; ++i) {
      uint32_t c = parts.object.as<StrObject>()->at(i);
      if (c < 0xdc80 || c > 0xdcff) return reraise(t, args[0]);
      out.push_back(static_cast<char>(c - 0xdc00));
    }
    return pair(t, make_bytes(t, out), parts.end);
  }
  if (parts.kind != UnicodeErrorParts::Decode) return cannot_handle(t, args[0]);
  StrBuilder out(t);
  size_t i = parts.start;
  for (; i < parts.end && i < parts.start + 4; ++i) {
    uint8_t byte = parts.object.as<BytesObject>()->data()[i];
    if (byte < 128) break;
    out.append(0xdc00u + byte);
  }
  if (i == parts.start) return reraise(t, args[0]);
  return pair(t, TRY(out.finish()), i);
}
Result<Value> surrogatepass_errors(Thread& t, const Value* args) {
  UnicodeErrorParts parts = TRY(error_parts(t, args[0]));
  UtfForm form = utf_form(parts.encoding);
  if (parts.kind == UnicodeErrorParts::Translate) return cannot_handle(t, args[0]);
  if (form.width == 0) return reraise(t, args[0]);
  if (parts.kind == UnicodeErrorParts::Encode) {
    std::string out;
    for (size_t i = parts.start; i < parts.end; ++i) {
      uint32_t c = parts.object.as<StrObject>()->at(i);
      if (c < 0xd800 || c > 0xdfff) return reraise(t, args[0]);
      if (form.width == 1)
        append_utf8_char(out, c);
      else
        append_unit(out, c, form.width, form.big_endian);
    }
    return pair(t, make_bytes(t, out), parts.end);
  }
  size_t length = 0;
  int64_t c = passed_surrogate(parts.encoding, parts.object.as<BytesObject>()->view(), parts.start, &length);
  if (c < 0) return reraise(t, args[0]);
  return pair(t, make_str_char(t, static_cast<uint32_t>(c)), parts.start + length);
}

const NativeDef kHandlers[] = {
    MP_FUNCTION(strict_errors, "strict_errors(exception, /)", "Implements the 'strict' error handling."),
    MP_FUNCTION(ignore_errors, "ignore_errors(exception, /)", "Implements the 'ignore' error handling."),
    MP_FUNCTION(replace_errors, "replace_errors(exception, /)", "Implements the 'replace' error handling."),
    MP_FUNCTION(backslashreplace_errors, "backslashreplace_errors(exception, /)", nullptr),
    MP_FUNCTION(xmlcharrefreplace_errors, "xmlcharrefreplace_errors(exception, /)", nullptr),
    MP_FUNCTION(namereplace_errors, "namereplace_errors(exception, /)", nullptr),
    MP_FUNCTION(surrogateescape_errors, "surrogateescape(exception, /)", nullptr),
    MP_FUNCTION(surrogatepass_errors, "surrogatepass(exception, /)", nullptr)};
constexpr std::string_view kHandlerNames[] = {
    "strict",      "ignore",          "replace",      "backslashreplace", "xmlcharrefreplace",
    "namereplace", "surrogateescape", "surrogatepass"};
}  // namespace

Result<Value> codec_lookup_error(Thread& t, std::string_view name) {
  if (name.empty()) name = "strict";
  auto* handlers = codec_registry(t).handlers.get().as<DictObject>();
  StrObject* key = make_str(t, name);
  if (key == nullptr) return Error{};
  Value known = TRY(dict_get(t, handlers, key));
  if (!known.is_not_found()) return known;
  for (size_t i = 0; i < std::size(kHandlers); ++i) {
    if (kHandlerNames[i] != name) continue;
    Value made = make_native_function(t, kHandlers[i], kEmpty, Value(intern(t, "_codecs")));
    return dict_set_default(t, handlers, key, made);
  }
  return t.raise(Exc::LookupError, "unknown error handler name '{}'", name);
}

}  // namespace mp

// Error handlers of codecs: the standard ones natively, registered ones by calling them; and raising
// UnicodeError with its five fields.
#include "vm/types/codec_errors.h"

#include <algorithm>

#include "vm/protocol/protocol.h"
#include "vm/types/bytes_internal.h"
#include "vm/types/codec.h"
#include "vm/types/exception_internal.h"
#include "vm/types/number.h"

namespace mp {

static Result<Value> decode_exception(Thread& t, const char* encoding, std::string_view data, size_t start,
                                      size_t end, const char* reason) {
  return call(
      t, t.types().exception(Exc::UnicodeDecodeError),
      {Value(make_str(t, encoding)), Value(make_bytes(t, data)), make_int(t, static_cast<int64_t>(start)),
       make_int(t, static_cast<int64_t>(end)), Value(make_str(t, reason))});
}
static Result<Value> encode_exception(Thread& t, const char* encoding, StrObject* text, size_t start,
                                      size_t end, const char* reason) {
  return call(t, t.types().exception(Exc::UnicodeEncodeError),
              {Value(make_str(t, encoding)), Value(text), make_int(t, static_cast<int64_t>(start)),
               make_int(t, static_cast<int64_t>(end)), Value(make_str(t, reason))});
}

Error raise_decode_error(Thread& t, const char* encoding, std::string_view data, size_t start, size_t end,
                         const char* reason) {
  Result<Value> exception = decode_exception(t, encoding, data, start, end, reason);
  if (exception.is_error()) return Error{};
  return t.raise_object(exception.value());
}
Error raise_encode_error(Thread& t, const char* encoding, StrObject* text, size_t start, size_t end,
                         const char* reason) {
  Result<Value> exception = encode_exception(t, encoding, text, start, end, reason);
  if (exception.is_error()) return Error{};
  return t.raise_object(exception.value());
}

ErrorHandler error_handler_by_name(std::string_view name) {
  if (name.empty() || name == "strict") return ErrorHandler::Strict;
  if (name == "ignore") return ErrorHandler::Ignore;
  if (name == "replace") return ErrorHandler::Replace;
  if (name == "backslashreplace") return ErrorHandler::BackslashReplace;
  if (name == "xmlcharrefreplace") return ErrorHandler::XmlCharRefReplace;
  if (name == "namereplace") return ErrorHandler::NameReplace;
  if (name == "surrogateescape") return ErrorHandler::SurrogateEscape;
  if (name == "surrogatepass") return ErrorHandler::SurrogatePass;
  return ErrorHandler::Other;
}

UtfForm utf_form(std::string_view encoding) {
  std::string name;
  for (char c : encoding) {
    if (c == '-' || c == '_') continue;
    name.push_back(c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c);
  }
  if (name.compare(0, 3, "utf") != 0) return {};
  std::string_view rest = std::string_view(name).substr(3);
  if (rest == "8") return {1, false};
  if (rest == "16" || rest == "16le") return {2, false};
  if (rest == "16be") return {2, true};
  if (rest == "32" || rest == "32le") return {4, false};
  if (rest == "32be") return {4, true};
  return {};
}

void append_unit(std::string& out, uint32_t unit, int width, bool big_endian) {
  for (int i = 0; i < width; ++i) {
    int shift = 8 * (big_endian ? width - 1 - i : i);
    out.push_back(static_cast<char>(unit >> shift));
  }
}

uint32_t read_unit(const uint8_t* p, int width, bool big_endian) {
  uint32_t unit = 0;
  for (int i = 0; i < width; ++i) unit |= static_cast<uint32_t>(p[i]) << 8 * (big_endian ? width - 1 - i : i);
  return unit;
}

std::string backslash_escape(uint32_t c) {
  if (c < 0x100) return fmt::format("\\x{:02x}", c);
  if (c < 0x10000) return fmt::format("\\u{:04x}", c);
  return fmt::format("\\U{:08x}", c);
}

std::string name_escape(uint32_t c) {
  std::string name = unicode_name(c);
  return name.empty() ? backslash_escape(c) : fmt::format("\\N{{{}}}", name);
}

// A surrogate in the encoding's own form at `start`; -1 when there is none.
int64_t passed_surrogate(std::string_view encoding, std::string_view data, size_t start, size_t* length) {
  UtfForm form = utf_form(encoding);
  auto* p = reinterpret_cast<const uint8_t*>(data.data()) + start;
  size_t left = data.size() - start;
  uint32_t c = 0;
  if (form.width == 1) {
    if (left < 3 || p[0] != 0xed || (p[1] & 0xe0) != 0xa0 || (p[2] & 0xc0) != 0x80) return -1;
    c = 0xd000u | (p[1] & 0x3fu) << 6 | (p[2] & 0x3fu);
    *length = 3;
  } else {
    if (form.width == 0 || left < static_cast<size_t>(form.width)) return -1;
    c = read_unit(p, form.width, form.big_endian);
    *length = static_cast<size_t>(form.width);
  }
  return c >= 0xd800 && c <= 0xdfff ? static_cast<int64_t>(c) : -1;
}

static Result<size_t> handler_position(Thread& t, Value tuple, int64_t size) {
  int64_t position = TRY(to_ssize(t, (*tuple.as<TupleObject>())[1]));
  int64_t adjusted = position < 0 ? position + size : position;
  if (adjusted < 0 || adjusted > size) {
    return t.raise(Exc::IndexError, "position {} from error handler out of bounds", position);
  }
  return static_cast<size_t>(adjusted);
}

static bool is_handler_result(Value v, bool allow_bytes) {
  if (!is_tuple(v) || v.as<TupleObject>()->size != 2) return false;
  Value text = (*v.as<TupleObject>())[0], position = (*v.as<TupleObject>())[1];
  return (is_str(text) || (allow_bytes && is_bytes(text))) && is_any_int(position);
}

static Result<Value> call_decode_error(Thread& t, std::string_view errors, const char* encoding,
                                       std::string_view& data, size_t start, size_t end, const char* reason,
                                       size_t* position) {
  *position = end;
  switch (error_handler_by_name(errors)) {
    case ErrorHandler::Strict: return raise_decode_error(t, encoding, data, start, end, reason);
    case ErrorHandler::Ignore: return Value(empty_str(t));
    case ErrorHandler::Replace: return str_or_error(make_str_char(t, 0xfffd));
    case ErrorHandler::BackslashReplace: {
      std::string out;
      for (size_t i = start; i < end; ++i) out += fmt::format("\\x{:02x}", static_cast<uint8_t>(data[i]));
      return str_or_error(make_str(t, out));
    }
    case ErrorHandler::SurrogateEscape: {
      StrBuilder out(t);
      size_t i = start;
      for (; i < end && i < start + 4; ++i) {
        auto byte = static_cast<uint8_t>(data[i]);
        if (byte < 128) break;
        out.append(0xdc00u + byte);
      }
      if (i == start) return raise_decode_error(t, encoding, data, start, end, reason);
      *position = i;
      return out.finish();
    }
    case ErrorHandler::SurrogatePass: {
      size_t length = 0;
      int64_t c = passed_surrogate(encoding, data, start, &length);
      if (c < 0) return raise_decode_error(t, encoding, data, start, end, reason);
      *position = start + length;
      return str_or_error(make_str_char(t, static_cast<uint32_t>(c)));
    }
    default: break;
  }
  Value handler = TRY(codec_lookup_error(t, errors));
  Value exception = TRY(decode_exception(t, encoding, data, start, end, reason));
  Value result = TRY(call(t, handler, {exception}));
  if (!is_handler_result(result, false)) {
    return t.raise(Exc::TypeError, "decoding error handler must return (str, int) tuple");
  }
  Value object = exception.as<ExceptionObject>()->fields[kUnicodeObject];
  if (!is_bytes(object)) return t.raise(Exc::TypeError, "object attribute must be bytes");
  data = object.as<BytesObject>()->view();
  *position = TRY(handler_position(t, result, static_cast<int64_t>(data.size())));
  return (*result.as<TupleObject>())[0];
}

Status handle_decode_error(Thread& t, std::string_view errors, const char* encoding, std::string_view& data,
                           size_t start, size_t end, const char* reason, StrBuilder& out, size_t* at) {
  size_t position;
  Value replacement = TRY(call_decode_error(t, errors, encoding, data, start, end, reason, &position));
  out.append(replacement.as<StrObject>());
  *at = position;
  return {};
}

Result<Value> call_encode_error(Thread& t, std::string_view errors, const char* encoding, StrObject* text,
                                size_t start, size_t end, const char* reason, size_t* position) {
  *position = end;
  std::string out;
  switch (error_handler_by_name(errors)) {
    case ErrorHandler::Strict: return raise_encode_error(t, encoding, text, start, end, reason);
    case ErrorHandler::Ignore: return Value(empty_str(t));
    case ErrorHandler::Replace: out.assign(end - start, '?'); break;
    case ErrorHandler::BackslashReplace:
      for (size_t i = start; i < end; ++i) out += backslash_escape(text->at(i));
      break;
    case ErrorHandler::XmlCharRefReplace:
      for (size_t i = start; i < end; ++i) out += fmt::format("&#{};", text->at(i));
      break;
    case ErrorHandler::NameReplace:
      for (size_t i = start; i < end; ++i) out += name_escape(text->at(i));
      break;
    case ErrorHandler::SurrogateEscape:
      for (size_t i = start; i < end; ++i) {
        uint32_t c = text->at(i);
        if (c < 0xdc80 || c > 0xdcff) return raise_encode_error(t, encoding, text, start, end, reason);
        out.push_back(static_cast<char>(c - 0xdc00));
      }
      return str_or_error(make_bytes(t, out));
    case ErrorHandler::SurrogatePass: {
      UtfForm form = utf_form(encoding);
      for (size_t i = start; i < end; ++i) {
        uint32_t c = text->at(i);
        if (form.width == 0 || c < 0xd800 || c > 0xdfff)
          return raise_encode_error(t, encoding, text, start, end, reason);
        if (form.width == 1)
          append_utf8_char(out, c);
        else
          append_unit(out, c, form.width, form.big_endian);
      }
      return str_or_error(make_bytes(t, out));
    }
    case ErrorHandler::Other: {
      Value handler = TRY(codec_lookup_error(t, errors));
      Value exception = TRY(encode_exception(t, encoding, text, start, end, reason));
      Value result = TRY(call(t, handler, {exception}));
      if (!is_handler_result(result, true)) {
        return t.raise(Exc::TypeError, "encoding error handler must return (str/bytes, int) tuple");
      }
      *position = TRY(handler_position(t, result, static_cast<int64_t>(text->length())));
      return (*result.as<TupleObject>())[0];
    }
  }
  return str_or_error(make_str(t, out));
}

}  // namespace mp

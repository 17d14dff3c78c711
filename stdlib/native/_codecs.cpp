// _codecs: the registry and the native codecs, as the `codecs` module and the `encodings` package use them.
#include "vm/native/native.h"
#include "vm/protocol/protocol.h"
#include "vm/types/buffer.h"
#include "vm/types/codec.h"
#include "vm/types/codec_registry.h"
#include "vm/types/number.h"
#include "vm/types/str_internal.h"

namespace mp {

namespace {

Result<std::string> errors_name(Thread& t, Value v, const char* function) {
  if (v.is_empty() || v.is_none()) return std::string("strict");
  if (!is_str(v)) {
    return t.raise(Exc::TypeError, "{}() argument 2 must be str or None, not {}", function, type_name(t, v));
  }
  return to_utf8(v.as<StrObject>());
}

Result<Value> with_length(Thread& t, Value v, size_t length) {
  return Value(make_tuple(t, {v, make_int(t, static_cast<int64_t>(length))}));
}

// ---------------------------------------------------------------- registry

Result<Value> codecs_register(Thread& t, const Value* args) {
  if (!is_callable(t, args[0])) return t.raise(Exc::TypeError, "argument must be callable");
  TRY(list_append(t, codec_registry(t).search_functions.get().as<ListObject>(), args[0]));
  return kNone;
}
Result<Value> codecs_unregister(Thread& t, const Value* args) {
  CodecRegistry& registry = codec_registry(t);
  auto* old = registry.search_functions.get().as<ListObject>();
  ListObject* kept = make_list(t);
  for (size_t i = 0; i < old->length(); ++i) {
    Value function = old->at(i);
    if (function == args[0])
      dict_clear(t, registry.cache.get().as<DictObject>());
    else
      TRY(list_append(t, kept, function));
  }
  registry.search_functions = Value(kept);
  return kNone;
}
Result<Value> codecs_lookup(Thread& t, const Value* args) {
  if (!is_str(args[0]))
    return t.raise(Exc::TypeError, "lookup() argument must be str, not {}", type_name(t, args[0]));
  return codec_lookup(t, to_utf8(args[0].as<StrObject>()));
}
Result<Value> codecs_register_error(Thread& t, const Value* args) {
  if (!is_str(args[0])) {
    return t.raise(Exc::TypeError, "register_error() argument 1 must be str, not {}", type_name(t, args[0]));
  }
  if (!is_callable(t, args[1])) return t.raise(Exc::TypeError, "handler must be callable");
  TRY(dict_set(t, codec_registry(t).handlers.get().as<DictObject>(), args[0], args[1]));
  return kNone;
}
Result<Value> codecs_lookup_error(Thread& t, const Value* args) {
  if (!is_str(args[0])) {
    return t.raise(Exc::TypeError, "lookup_error() argument must be str, not {}", type_name(t, args[0]));
  }
  return codec_lookup_error(t, to_utf8(args[0].as<StrObject>()));
}

Result<Value> through_codec(Thread& t, const Value* args, size_t which) {
  std::string name = args[1].is_empty() ? "utf-8" : "";
  if (!args[1].is_empty()) {
    if (!is_str(args[1])) {
      return t.raise(Exc::TypeError, "{}() argument 'encoding' must be str, not {}",
                     which == 0 ? "encode" : "decode", type_name(t, args[1]));
    }
    name = to_utf8(args[1].as<StrObject>());
  }
  Value codec = TRY(codec_lookup(t, name));
  Value function = (*codec.as<TupleObject>())[which];
  Value result =
      args[2].is_empty() ? TRY(call(t, function, {args[0]})) : TRY(call(t, function, {args[0], args[2]}));
  if (!is_tuple(result) || result.as<TupleObject>()->size != 2) {
    return t.raise_text(Exc::TypeError, which == 0 ? "encoder must return a tuple (object, integer)"
                                                   : "decoder must return a tuple (object,integer)");
  }
  return (*result.as<TupleObject>())[0];
}
Result<Value> codecs_encode(Thread& t, const Value* args) { return through_codec(t, args, 0); }
Result<Value> codecs_decode(Thread& t, const Value* args) { return through_codec(t, args, 1); }

// ---------------------------------------------------------------- decoders

// A decoder's data: any buffer; str for the escape codecs, as UTF-8.
Status get_data(Thread& t, Value v, HeldBuffer& held, std::string& copy, bool allow_str = false) {
  if (allow_str && is_str(v)) {
    copy = to_utf8(v.as<StrObject>());
    return {};
  }
  TRY(held.get(t, v));
  copy = held.bytes();
  return {};
}

template <class Decode>
Result<Value> run_decoder(Thread& t, const Value* args, const char* name, bool has_final, bool allow_str,
                          Decode&& decode) {
  HeldBuffer held;
  std::string data;
  TRY(get_data(t, args[0], held, data, allow_str));
  std::string errors = TRY(errors_name(t, args[1], name));
  bool final = !has_final || TRY(truth(t, args[2]));
  size_t consumed = data.size();
  Value text = TRY(decode(std::string_view(data), std::string_view(errors), final ? nullptr : &consumed));
  return with_length(t, text, consumed);
}

#define MP_DECODER(function, name, has_final, allow_str, expression)                             \
  Result<Value> function(Thread& t, const Value* args) {                                         \
    return run_decoder(                                                                          \
        t, args, name, has_final, allow_str,                                                     \
        [&](std::string_view data, std::string_view errors, size_t* consumed) -> Result<Value> { \
          int order = 0;                                                                         \
          (void)order, (void)errors, (void)consumed;                                             \
          return expression;                                                                     \
        });                                                                                      \
  }
MP_DECODER(utf_8_decode, "utf_8_decode", true, false, decode_utf8(t, data, errors, consumed))
MP_DECODER(utf_7_decode, "utf_7_decode", true, false, decode_utf7(t, data, errors, consumed))
MP_DECODER(utf_16_decode, "utf_16_decode", true, false, decode_utf16(t, data, errors, &order, consumed))
MP_DECODER(utf_16_le_decode, "utf_16_le_decode", true, false,
           decode_utf16(t, data, errors, &(order = -1), consumed))
MP_DECODER(utf_16_be_decode, "utf_16_be_decode", true, false,
           decode_utf16(t, data, errors, &(order = 1), consumed))
MP_DECODER(utf_32_decode, "utf_32_decode", true, false, decode_utf32(t, data, errors, &order, consumed))
MP_DECODER(utf_32_le_decode, "utf_32_le_decode", true, false,
           decode_utf32(t, data, errors, &(order = -1), consumed))
MP_DECODER(utf_32_be_decode, "utf_32_be_decode", true, false,
           decode_utf32(t, data, errors, &(order = 1), consumed))
MP_DECODER(latin_1_decode, "latin_1_decode", false, false, decode_latin1(t, data))
MP_DECODER(ascii_decode, "ascii_decode", false, false, decode_ascii(t, data, errors))
MP_DECODER(unicode_escape_decode, "unicode_escape_decode", true, true,
           decode_unicode_escape(t, data, errors, consumed))
MP_DECODER(raw_unicode_escape_decode, "raw_unicode_escape_decode", true, true,
           decode_raw_unicode_escape(t, data, errors, consumed))
#undef MP_DECODER

Result<Value> ex_decode(Thread& t, const Value* args, int width) {
  HeldBuffer held;
  std::string data;
  TRY(get_data(t, args[0], held, data));
  std::string errors = TRY(errors_name(t, args[1], width == 2 ? "utf_16_ex_decode" : "utf_32_ex_decode"));
  int order = TRY(to_c_int(t, args[2]));
  bool final = TRY(truth(t, args[3]));
  size_t consumed = data.size();
  size_t* partial = final ? nullptr : &consumed;
  Value text = width == 2 ? TRY(decode_utf16(t, data, errors, &order, partial))
                          : TRY(decode_utf32(t, data, errors, &order, partial));
  return Value(make_tuple(t, {text, make_int(t, static_cast<int64_t>(consumed)), Value::from_int(order)}));
}
Result<Value> utf_16_ex_decode(Thread& t, const Value* args) { return ex_decode(t, args, 2); }
Result<Value> utf_32_ex_decode(Thread& t, const Value* args) { return ex_decode(t, args, 4); }

// ---------------------------------------------------------------- encoders

template <class Encode>
Result<Value> run_encoder(Thread& t, const Value* args, const char* name, Encode&& encode) {
  if (!is_str(args[0])) {
    return t.raise(Exc::TypeError, "{}() argument 1 must be str, not {}", name, type_name(t, args[0]));
  }
  std::string errors = TRY(errors_name(t, args[1], name)), out;
  auto* text = args[0].as<StrObject>();
  TRY(encode(text, std::string_view(errors), out));
  Value bytes = TRY(str_or_error(make_bytes(t, out)));
  return with_length(t, bytes, text->length());
}

#define MP_ENCODER(function, expression)                                                           \
  Result<Value> function(Thread& t, const Value* args) {                                           \
    return run_encoder(t, args, #function,                                                         \
                       [&](StrObject* text, std::string_view errors, std::string& out) -> Status { \
                         (void)errors;                                                             \
                         return expression;                                                        \
                       });                                                                         \
  }
MP_ENCODER(utf_8_encode, encode_utf8_to(t, text, errors, out))
MP_ENCODER(utf_7_encode, encode_utf7_to(t, text, out))
MP_ENCODER(utf_16_le_encode, encode_utf16_to(t, text, errors, -1, out))
MP_ENCODER(utf_16_be_encode, encode_utf16_to(t, text, errors, 1, out))
MP_ENCODER(utf_32_le_encode, encode_utf32_to(t, text, errors, -1, out))
MP_ENCODER(utf_32_be_encode, encode_utf32_to(t, text, errors, 1, out))
MP_ENCODER(latin_1_encode, encode_latin1_to(t, text, errors, out))
MP_ENCODER(ascii_encode, encode_ascii_to(t, text, errors, out))
MP_ENCODER(unicode_escape_encode, encode_unicode_escape_to(t, text, out))
MP_ENCODER(raw_unicode_escape_encode, encode_raw_unicode_escape_to(t, text, out))
#undef MP_ENCODER

Result<Value> utf_16_encode(Thread& t, const Value* args) {
  int order = TRY(to_c_int(t, args[2]));
  return run_encoder(t, args, "utf_16_encode",
                     [&](StrObject* text, std::string_view errors, std::string& out) {
                       return encode_utf16_to(t, text, errors, order, out);
                     });
}
Result<Value> utf_32_encode(Thread& t, const Value* args) {
  int order = TRY(to_c_int(t, args[2]));
  return run_encoder(t, args, "utf_32_encode",
                     [&](StrObject* text, std::string_view errors, std::string& out) {
                       return encode_utf32_to(t, text, errors, order, out);
                     });
}
Result<Value> readbuffer_encode(Thread& t, const Value* args) {
  if (is_str(args[0])) {
    std::string text = to_utf8(args[0].as<StrObject>());
    return with_length(t, make_bytes(t, text), text.size());
  }
  HeldBuffer held;
  TRY(held.get(t, args[0]));
  return with_length(t, make_bytes(t, held.bytes()), held.bytes().size());
}

// ---------------------------------------------------------------- bytes literals

Result<Value> escape_encode(Thread& t, const Value* args) {
  if (!is_bytes(args[0])) {
    return t.raise(Exc::TypeError, "escape_encode() argument 1 must be bytes, not {}", type_name(t, args[0]));
  }
  std::string out;
  for (char signed_byte : args[0].as<BytesObject>()->view()) {
    auto c = static_cast<uint8_t>(signed_byte);
    if (c == '\'' || c == '\\') {
      out.push_back('\\');
      out.push_back(signed_byte);
    } else if (c == '\t') {
      out += "\\t";
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '\r') {
      out += "\\r";
    } else if (c < 0x20 || c >= 0x7f) {
      out += fmt::format("\\x{:02x}", c);
    } else {
      out.push_back(signed_byte);
    }
  }
  return with_length(t, make_bytes(t, out), args[0].as<BytesObject>()->size);
}

int hex_digit(uint8_t c) {
  if (c >= '0' && c <= '9') return c - '0';
  c |= 32;
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

Result<Value> escape_decode(Thread& t, const Value* args) {
  HeldBuffer held;
  std::string data, out;
  TRY(get_data(t, args[0], held, data, true));
  std::string errors = TRY(errors_name(t, args[1], "escape_decode"));
  for (size_t i = 0; i < data.size();) {
    char c = data[i++];
    if (c != '\\') {
      out.push_back(c);
      continue;
    }
    if (i == data.size()) return t.raise(Exc::ValueError, "Trailing \\ in string");
    c = data[i++];
    static constexpr std::string_view kSimple = "\\'\"bftnrva", kValues = "\\'\"\b\f\t\n\r\v\a";
    if (c == '\n') continue;
    size_t simple = kSimple.find(c);
    if (simple != std::string_view::npos) {
      out.push_back(kValues[simple]);
    } else if (c >= '0' && c <= '7') {
      int value = c - '0';
      for (int k = 0; k < 2 && i < data.size() && data[i] >= '0' && data[i] <= '7'; ++k)
        value = value * 8 + (data[i++] - '0');
      out.push_back(static_cast<char>(value));
    } else if (c == 'x') {
      int high = i < data.size() ? hex_digit(static_cast<uint8_t>(data[i])) : -1;
      int low = i + 1 < data.size() ? hex_digit(static_cast<uint8_t>(data[i + 1])) : -1;
      if (high >= 0 && low >= 0) {
        out.push_back(static_cast<char>(high << 4 | low));
        i += 2;
        continue;
      }
      if (errors == "strict") return t.raise(Exc::ValueError, "invalid \\x escape at position {}", i - 2);
      if (errors == "replace") {
        out.push_back('?');
      } else if (errors != "ignore") {
        return t.raise(Exc::ValueError, "decoding error; unknown error handling code: {}", errors);
      }
      if (high >= 0) ++i;
    } else {
      out.push_back('\\');
      out.push_back(c);
    }
  }
  return with_length(t, make_bytes(t, out), data.size());
}

// ---------------------------------------------------------------- charmap

Result<Value> charmap_decode(Thread& t, const Value* args) {
  HeldBuffer held;
  std::string given;
  TRY(get_data(t, args[0], held, given));
  std::string_view data = given;
  std::string errors = TRY(errors_name(t, args[1], "charmap_decode"));
  Value mapping = args[2];
  if (mapping.is_empty() || mapping.is_none())
    return with_length(t, TRY(decode_latin1(t, data)), data.size());
  StrBuilder out(t);
  for (size_t i = 0; i < data.size();) {
    auto byte = static_cast<uint8_t>(data[i]);
    Value mapped = kNone;
    if (is_str(mapping)) {
      auto* table = mapping.as<StrObject>();
      if (byte < table->length() && table->at(byte) != 0xfffe) {
        out.append(table->at(byte));
        ++i;
        continue;
      }
    } else {
      Result<Value> item = get_item(t, mapping, Value::from_int(byte));
      if (item.is_error()) {
        if (!t.catch_exception(Exc::LookupError)) return Error{};
      } else {
        mapped = item.value();
      }
    }
    int64_t code;
    if (is_any_int(mapped) && int_to_int64(mapped, &code)) {
      if (code < 0 || code > 0x10ffff) {
        return t.raise(Exc::TypeError, "character mapping must be in range(0x110000)");
      }
      if (code != 0xfffe) {
        out.append(static_cast<uint32_t>(code));
        ++i;
        continue;
      }
    } else if (is_str(mapped)) {
      auto* text = mapped.as<StrObject>();
      if (!(text->length() == 1 && text->at(0) == 0xfffe)) {
        out.append(text);
        ++i;
        continue;
      }
    } else if (!mapped.is_none()) {
      return t.raise(Exc::TypeError, "character mapping must return integer, None or str");
    }
    TRY(handle_decode_error(t, errors, "charmap", data, i, i + 1, "character maps to <undefined>", out, &i));
  }
  return with_length(t, TRY(out.finish()), data.size());
}

// Appends what the mapping says about `c`; false when it is undefined.
Result<bool> charmap_one(Thread& t, Value mapping, uint32_t c, std::string& out) {
  Result<Value> item = get_item(t, mapping, Value::from_int(c));
  if (item.is_error()) {
    if (!t.catch_exception(Exc::LookupError)) return Error{};
    return false;
  }
  Value mapped = item.value();
  if (mapped.is_none()) return false;
  if (is_any_int(mapped)) {
    int64_t code;
    if (!int_to_int64(mapped, &code) || code < 0 || code > 255) {
      return t.raise(Exc::TypeError, "character mapping must be in range(256)");
    }
    out.push_back(static_cast<char>(code));
    return true;
  }
  if (is_bytes(mapped)) {
    out.append(mapped.as<BytesObject>()->view());
    return true;
  }
  return t.raise(Exc::TypeError, "character mapping must return integer, bytes or None, not {}",
                 type_name(t, mapped));
}

Result<Value> charmap_encode(Thread& t, const Value* args) {
  if (!is_str(args[0])) {
    return t.raise(Exc::TypeError, "charmap_encode() argument 1 must be str, not {}", type_name(t, args[0]));
  }
  std::string errors = TRY(errors_name(t, args[1], "charmap_encode")), out;
  auto* text = args[0].as<StrObject>();
  Value mapping = args[2];
  if (mapping.is_empty() || mapping.is_none()) {
    TRY(encode_latin1_to(t, text, errors, out));
    return with_length(t, make_bytes(t, out), text->length());
  }
  size_t n = text->length();
  static const char* const kReason = "character maps to <undefined>";
  for (size_t i = 0; i < n;) {
    if (TRY(charmap_one(t, mapping, text->at(i), out))) {
      ++i;
      continue;
    }
    size_t end = i + 1;
    std::string ignored;
    while (end < n && !TRY(charmap_one(t, mapping, text->at(end), ignored))) ++end;
    size_t position;
    Value replacement = TRY(call_encode_error(t, errors, "charmap", text, i, end, kReason, &position));
    if (is_bytes(replacement)) {
      out.append(replacement.as<BytesObject>()->view());
    } else {
      auto* s = replacement.as<StrObject>();
      for (size_t k = 0; k < s->length(); ++k) {
        if (!TRY(charmap_one(t, mapping, s->at(k), out))) {
          return call_encode_error(t, "strict", "charmap", text, i, end, kReason, &position);
        }
      }
    }
    i = position;
  }
  return with_length(t, make_bytes(t, out), n);
}

Result<Value> charmap_build(Thread& t, const Value* args) {
  if (!is_str(args[0])) {
    return t.raise(Exc::TypeError, "charmap_build() argument must be str, not {}", type_name(t, args[0]));
  }
  auto* table = args[0].as<StrObject>();
  DictObject* map = make_dict(t, table->length());
  for (size_t i = 0; i < table->length(); ++i) {
    if (table->at(i) != 0xfffe)
      TRY(dict_set(t, map, Value::from_int(table->at(i)), Value::from_int(static_cast<int64_t>(i))));
  }
  return Value(map);
}

#define MP_CODEC_DECODE(name) \
  MP_FUNCTION(name##_decode, #name "_decode(data, errors=None, final=False, /)", nullptr)
#define MP_CODEC_ENCODE(name) MP_FUNCTION(name##_encode, #name "_encode(str, errors=None, /)", nullptr)
const NativeDef kFunctions[] = {
    MP_FUNCTION(codecs_register, "register(search_function, /)", "Register a codec search function."),
    MP_FUNCTION(codecs_unregister, "unregister(search_function, /)",
                "Unregister a codec search function and clear the registry's cache."),
    MP_FUNCTION(codecs_lookup, "lookup(encoding, /)",
                "Looks up a codec tuple in the Python codec registry and returns a CodecInfo object."),
    MP_FUNCTION(codecs_encode, "encode(obj, encoding=?, errors=?)",
                "Encodes obj using the codec registered for encoding."),
    MP_FUNCTION(codecs_decode, "decode(obj, encoding=?, errors=?)",
                "Decodes obj using the codec registered for encoding."),
    MP_FUNCTION(codecs_register_error, "register_error(errors, handler, /)",
                "Register the specified error handler under the name errors."),
    MP_FUNCTION(codecs_lookup_error, "lookup_error(name, /)", "lookup_error(errors) -> handler"),
    MP_FUNCTION(escape_encode, "escape_encode(data, errors=None, /)", nullptr),
    MP_FUNCTION(escape_decode, "escape_decode(data, errors=None, /)", nullptr),
    MP_CODEC_DECODE(utf_8),
    MP_CODEC_ENCODE(utf_8),
    MP_CODEC_DECODE(utf_7),
    MP_CODEC_ENCODE(utf_7),
    MP_CODEC_DECODE(utf_16),
    MP_CODEC_DECODE(utf_16_le),
    MP_CODEC_DECODE(utf_16_be),
    MP_CODEC_ENCODE(utf_16_le),
    MP_CODEC_ENCODE(utf_16_be),
    MP_CODEC_DECODE(utf_32),
    MP_CODEC_DECODE(utf_32_le),
    MP_CODEC_DECODE(utf_32_be),
    MP_CODEC_ENCODE(utf_32_le),
    MP_CODEC_ENCODE(utf_32_be),
    MP_FUNCTION(utf_16_encode, "utf_16_encode(str, errors=None, byteorder=0, /)", nullptr),
    MP_FUNCTION(utf_32_encode, "utf_32_encode(str, errors=None, byteorder=0, /)", nullptr),
    MP_FUNCTION(utf_16_ex_decode, "utf_16_ex_decode(data, errors=None, byteorder=0, final=False, /)",
                nullptr),
    MP_FUNCTION(utf_32_ex_decode, "utf_32_ex_decode(data, errors=None, byteorder=0, final=False, /)",
                nullptr),
    MP_FUNCTION(unicode_escape_decode, "unicode_escape_decode(data, errors=None, final=True, /)", nullptr),
    MP_CODEC_ENCODE(unicode_escape),
    MP_FUNCTION(raw_unicode_escape_decode, "raw_unicode_escape_decode(data, errors=None, final=True, /)",
                nullptr),
    MP_CODEC_ENCODE(raw_unicode_escape),
    MP_FUNCTION(latin_1_decode, "latin_1_decode(data, errors=None, /)", nullptr),
    MP_CODEC_ENCODE(latin_1),
    MP_FUNCTION(ascii_decode, "ascii_decode(data, errors=None, /)", nullptr),
    MP_CODEC_ENCODE(ascii),
    MP_FUNCTION(charmap_decode, "charmap_decode(data, errors=None, mapping=None, /)", nullptr),
    MP_FUNCTION(charmap_encode, "charmap_encode(str, errors=None, mapping=None, /)", nullptr),
    MP_FUNCTION(charmap_build, "charmap_build(map, /)", nullptr),
    MP_FUNCTION(readbuffer_encode, "readbuffer_encode(data, errors=None, /)", nullptr),
    MP_END};

}  // namespace

extern const ModuleSpec kCodecsModule;
const ModuleSpec kCodecsModule = {"_codecs", nullptr, kFunctions};

}  // namespace mp

// encode() and decode() by name: native encodings first, then the registry of search functions
// (codecs.register), with its cache.
#include "vm/types/codec_registry.h"
#include "vm/os/memory.h"

#include "vm/native/native.h"
#include "vm/protocol/protocol.h"
#include "vm/types/buffer.h"
#include "vm/types/bytes_internal.h"
#include "vm/types/codec.h"
#include "vm/types/codec_errors.h"
#include "vm/types/runtime.h"

namespace mp {

Encoding encoding_by_name(std::string_view name) {
  char folded[16];
  size_t n = 0;
  for (char c : name) {
    if (c == '-' || c == '_' || c == ' ') continue;
    if (n == sizeof folded) return Encoding::Other;
    folded[n++] = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  }
  std::string_view f(folded, n);
  if (f == "utf8" || f == "u8" || f == "cp65001") return Encoding::Utf8;
  if (f == "latin1" || f == "iso88591" || f == "l1" || f == "8859") return Encoding::Latin1;
  if (f == "ascii" || f == "usascii" || f == "646") return Encoding::Ascii;
  if (f == "utf16" || f == "u16") return Encoding::Utf16;
  if (f == "utf16le") return Encoding::Utf16Le;
  if (f == "utf16be") return Encoding::Utf16Be;
  if (f == "utf32" || f == "u32") return Encoding::Utf32;
  if (f == "utf32le") return Encoding::Utf32Le;
  if (f == "utf32be") return Encoding::Utf32Be;
  return Encoding::Other;
}

static void scan_registry(void* context, Tracer& tracer) {
  auto* registry = static_cast<CodecRegistry*>(context);
  tracer.visit(registry->search_functions);
  tracer.visit(registry->cache);
  tracer.visit(registry->handlers);
}

CodecRegistry& codec_registry(Thread& t) {
  static const char kTag = 0;
  auto& registry = t.runtime().state<CodecRegistry>(&kTag);
  std::lock_guard<std::mutex> guard(registry.mutex);
  if (!registry.ready) {
    registry.search_functions = Value(make_list(t));
    registry.cache = Value(make_dict(t));
    registry.handlers = Value(make_dict(t));
    t.heap().add_root_scanner(scan_registry, &registry);
    registry.ready = true;
  }
  return registry;
}

std::string normalized_encoding(std::string_view name) {
  // As CPython: runs of characters other than letters, digits and '.' become one '_'.
  std::string out;
  bool punctuation = false;
  for (char c : name) {
    bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.';
    if (!plain) {
      punctuation = true;
      continue;
    }
    if (punctuation && !out.empty()) out.push_back('_');
    punctuation = false;
    out.push_back(c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c);
  }
  return out;
}

Result<Value> codec_lookup(Thread& t, std::string_view encoding) {
  CodecRegistry& registry = codec_registry(t);
  if (encoding.find('\0') != std::string_view::npos)
    return t.raise(Exc::ValueError, "embedded null character");
  std::string name = normalized_encoding(encoding);
  StrObject* key = intern(t, name);
  Value known = TRY(dict_get(t, registry.cache.get().as<DictObject>(), key));
  if (!known.is_not_found()) return known;
  if (!registry.imported) {
    Value import = TRY(get_attr(t, t.runtime().builtins_module, "__import__"));
    TRY(call(t, import, {Value(intern(t, "encodings"))}));  // waits for another thread that does
    registry.imported = true;
  }
  auto* functions = registry.search_functions.get().as<ListObject>();
  for (size_t i = 0;; ++i) {
    Value function = functions->at(i);
    if (function.is_empty()) break;
    Value found = TRY(call(t, function, {Value(key)}));
    if (found.is_none()) continue;
    if (!is_tuple(found) || found.as<TupleObject>()->size != 4) {
      return t.raise(Exc::TypeError, "codec search functions must return 4-tuples");
    }
    TRY(dict_set(t, registry.cache.get().as<DictObject>(), key, found));
    return found;
  }
  return t.raise(Exc::LookupError, "unknown encoding: {}", encoding);
}

// ---------------------------------------------------------------- str.encode, bytes.decode

Result<Value> codec_call(Thread& t, Value function, Value argument, Value errors, const char* operation,
                         const std::string& encoding) {
  Result<Value> result =
      errors.is_empty() ? call(t, function, {argument}) : call(t, function, {argument, errors});
  if (result.ok()) return result;
  // CPython 3.12: the failure carries a note that names the codec.
  Value exception = t.take_exception();
  Value note = make_str(t, fmt::format("{} with '{}' codec failed", operation, encoding));
  if (call_method(t, exception, intern(t, "add_note"), {note}).is_error()) t.clear_exception();
  t.restore_exception(exception);
  return Error{};
}

static std::string text_of(Value v, std::string_view fallback) {
  return v.is_empty() || v.is_none() ? std::string(fallback) : to_utf8(v.as<StrObject>());
}

static Status check_text_encoding(Thread& t, Value codec, const std::string& name, const char* verb) {
  Value flag = TRY(get_attr_or_not_found(t, codec, intern(t, "_is_text_encoding")));
  if (flag.is_not_found() || TRY(truth(t, flag))) return {};
  return t.raise(Exc::LookupError, "'{}' is not a text encoding; use codecs.{}() to handle arbitrary codecs",
                 name, verb);
}

// `-X dev`: wrong names are errors even where nothing needs them.
static Status check_names(Thread& t, Value encoding, Value errors) {
  if (!t.runtime().options.dev_mode || t.runtime().finalizing) return {};
  if (std::string name = text_of(encoding, "utf-8"); encoding_by_name(name) == Encoding::Other)
    TRY(codec_lookup(t, name));
  if (std::string handler = text_of(errors, "strict"); error_handler_by_name(handler) == ErrorHandler::Other)
    TRY(codec_lookup_error(t, handler));
  return {};
}

Result<Value> encode_str(Thread& t, StrObject* text, Value encoding, Value errors) {
  if (!encoding.is_empty() || !errors.is_empty()) TRY(check_names(t, encoding, errors));
  auto is = [&](std::string_view name) { return str_equal(encoding.as<StrObject>(), name); };
  bool utf8 = encoding.is_empty() || is("utf-8") || is("utf8");
  if (text->is_ascii() && (utf8 || is("ascii") || is("latin-1") || is("latin1")))
    return str_or_error(make_bytes(t, text->ascii()));
  if (utf8)
    if (BytesObject* bytes = encode_utf8_strict(t, text)) return Value(bytes);
  std::string name = text_of(encoding, "utf-8"), handler = text_of(errors, "");
  Encoding known = encoding_by_name(name);
  if (known == Encoding::Utf8 && text->is_ascii()) return str_or_error(make_bytes(t, text->ascii()));
  if (!os::has_room(text->length() * 2 * sizeof(char32_t))) return t.raise_memory_error();
  std::string out;
  switch (known) {
    case Encoding::Utf8: TRY(encode_utf8_to(t, text, handler, out)); break;
    case Encoding::Latin1: TRY(encode_latin1_to(t, text, handler, out)); break;
    case Encoding::Ascii: TRY(encode_ascii_to(t, text, handler, out)); break;
    case Encoding::Utf16: TRY(encode_utf16_to(t, text, handler, 0, out)); break;
    case Encoding::Utf16Le: TRY(encode_utf16_to(t, text, handler, -1, out)); break;
    case Encoding::Utf16Be: TRY(encode_utf16_to(t, text, handler, 1, out)); break;
    case Encoding::Utf32: TRY(encode_utf32_to(t, text, handler, 0, out)); break;
    case Encoding::Utf32Le: TRY(encode_utf32_to(t, text, handler, -1, out)); break;
    case Encoding::Utf32Be: TRY(encode_utf32_to(t, text, handler, 1, out)); break;
    case Encoding::Other: {
      Value codec = TRY(codec_lookup(t, name));
      TRY(check_text_encoding(t, codec, name, "encode"));
      Value encoder = (*codec.as<TupleObject>())[0];
      Value result = TRY(codec_call(t, encoder, Value(text), errors, "encoding", name));
      if (!is_tuple(result) || result.as<TupleObject>()->size != 2) {
        return t.raise(Exc::TypeError, "encoder must return a tuple (object, integer)");
      }
      Value bytes = (*result.as<TupleObject>())[0];
      if (is_bytes(bytes)) return bytes;
      if (is_kind(bytes, Kind::ByteArray))
        return str_or_error(make_bytes(t, bytearray_content(t, bytes.as<ByteArrayObject>())));
      return t.raise(
          Exc::TypeError,
          "'{}' encoder returned '{}' instead of 'bytes'; use codecs.encode() to encode to arbitrary types",
          name, type_name(t, bytes));
    }
  }
  return str_or_error(make_bytes(t, out));
}

Result<Value> decode_object(Thread& t, Value source, Value encoding, Value errors) {
  if (is_bytes(source) && errors.is_empty() &&
      (encoding.is_empty() || str_equal(encoding.as<StrObject>(), "utf-8")))
    return decode_utf8(t, source.as<BytesObject>()->view(), {});
  TRY(check_names(t, encoding, errors));
  if (!supports_buffer(t, source)) {
    return t.raise(Exc::TypeError, "decoding to str: need a bytes-like object, {} found",
                   type_name(t, source));
  }
  HeldBuffer held;
  TRY(held.get(t, source));
  if (held.bytes().empty()) return Value(empty_str(t));
  std::string name = text_of(encoding, "utf-8"), handler = text_of(errors, "");
  std::string_view data = held.steady(t);
  // Handlers may run script code that changes a bytearray: work on a copy then.
  std::string copy;
  if (!is_bytes(source) && error_handler_by_name(handler) == ErrorHandler::Other) {
    copy = data;
    data = copy;
  }
  int order = 0;
  switch (encoding_by_name(name)) {
    case Encoding::Utf8: return decode_utf8(t, data, handler);
    case Encoding::Latin1: return decode_latin1(t, data);
    case Encoding::Ascii: return decode_ascii(t, data, handler);
    case Encoding::Utf16: return decode_utf16(t, data, handler, &order);
    case Encoding::Utf16Le: return decode_utf16(t, data, handler, &(order = -1));
    case Encoding::Utf16Be: return decode_utf16(t, data, handler, &(order = 1));
    case Encoding::Utf32: return decode_utf32(t, data, handler, &order);
    case Encoding::Utf32Le: return decode_utf32(t, data, handler, &(order = -1));
    case Encoding::Utf32Be: return decode_utf32(t, data, handler, &(order = 1));
    case Encoding::Other: break;
  }
  Value codec = TRY(codec_lookup(t, name));
  TRY(check_text_encoding(t, codec, name, "decode"));
  Value decoder = (*codec.as<TupleObject>())[1];
  Value result = TRY(codec_call(t, decoder, source, errors, "decoding", name));
  if (!is_tuple(result) || result.as<TupleObject>()->size != 2) {
    return t.raise(Exc::TypeError, "decoder must return a tuple (object,integer)");
  }
  Value text = (*result.as<TupleObject>())[0];
  if (!is_str(text)) {
    return t.raise(
        Exc::TypeError,
        "'{}' decoder returned '{}' instead of 'str'; use codecs.decode() to decode to arbitrary types", name,
        type_name(t, text));
  }
  return text;
}

}  // namespace mp

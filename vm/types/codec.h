// Codecs: text to bytes and back. Native for the common encodings (nothing is imported), through the codec
// registry for all others. It knows error handlers; it does not know files.
#pragma once
#include <string>
#include <string_view>

#include "vm/types/containers.h"

namespace mp {

// bytes.decode / str.encode semantics. `encoding` and `errors` are str, or empty for 'utf-8' and 'strict'.
Result<Value> decode_object(Thread& t, Value bytes_like, Value encoding, Value errors);
Result<Value> encode_str(Thread& t, StrObject* text, Value encoding, Value errors);

// The native encodings.
enum class Encoding : uint8_t {
  Utf8,
  Latin1,
  Ascii,
  Utf16,
  Utf16Le,
  Utf16Be,
  Utf32,
  Utf32Le,
  Utf32Be,
  Other
};
Encoding encoding_by_name(std::string_view name);  // normalises case, '-' and '_'

// Decodes `data`. `errors` is a handler's name. `consumed` non-null: incremental; an incomplete sequence at
// the end stays undecoded and *consumed tells how many bytes were used. Result: str.
Result<Value> decode_utf8(Thread& t, std::string_view data, std::string_view errors,
                          size_t* consumed = nullptr);
Result<Value> decode_latin1(Thread& t, std::string_view data);
Result<Value> decode_ascii(Thread& t, std::string_view data, std::string_view errors);
// byte_order: -1 little, 1 big, 0 native with BOM; updated when a BOM decides.
Result<Value> decode_utf16(Thread& t, std::string_view data, std::string_view errors, int* byte_order,
                           size_t* consumed = nullptr);
Result<Value> decode_utf32(Thread& t, std::string_view data, std::string_view errors, int* byte_order,
                           size_t* consumed = nullptr);
Result<Value> decode_utf7(Thread& t, std::string_view data, std::string_view errors,
                          size_t* consumed = nullptr);
Result<Value> decode_unicode_escape(Thread& t, std::string_view data, std::string_view errors,
                                    size_t* consumed = nullptr);
Result<Value> decode_raw_unicode_escape(Thread& t, std::string_view data, std::string_view errors,
                                        size_t* consumed = nullptr);

// Encodes. Appending to a std::string is what files use; the Value forms give bytes.
// The common case: no surrogates. nullptr: there are some (or no memory; nothing is raised then by both).
BytesObject* encode_utf8_strict(Thread& t, StrObject* text);
Status encode_utf8_to(Thread& t, StrObject* text, std::string_view errors, std::string& out);
Status encode_latin1_to(Thread& t, StrObject* text, std::string_view errors, std::string& out);
Status encode_ascii_to(Thread& t, StrObject* text, std::string_view errors, std::string& out);
Status encode_utf16_to(Thread& t, StrObject* text, std::string_view errors, int byte_order, std::string& out);
Status encode_utf32_to(Thread& t, StrObject* text, std::string_view errors, int byte_order, std::string& out);
Status encode_utf7_to(Thread& t, StrObject* text, std::string& out);
Status encode_unicode_escape_to(Thread& t, StrObject* text, std::string& out);
Status encode_raw_unicode_escape_to(Thread& t, StrObject* text, std::string& out);

// A decoder appends what stands for data[start:end] to `out` and goes on at `*at`; and with other data, where
// the handler gave its exception another object. That lives while `data` is on the stack.
Status handle_decode_error(Thread& t, std::string_view errors, const char* encoding, std::string_view& data,
                           size_t start, size_t end, const char* reason, StrBuilder& out, size_t* at);
// Calls the registered handler. The replacement is a str or bytes; *position is where to go on.
Result<Value> call_encode_error(Thread& t, std::string_view errors, const char* encoding, StrObject* text,
                                size_t start, size_t end, const char* reason, size_t* position);

// codecs.lookup(): the CodecInfo tuple of any encoding, from the registry (imports `encodings` on first use).
Result<Value> codec_lookup(Thread& t, std::string_view encoding);
Result<Value> codec_lookup_error(Thread& t, std::string_view name);  // the handler: a callable

}  // namespace mp

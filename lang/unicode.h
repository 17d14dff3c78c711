// The few questions about characters that the lexer asks: identifiers (PEP 3131), NFKC, printability. The
// data is utf8proc's.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace mp::lang {

// One code point from valid UTF-8 (WTF-8: surrogates too); returns its width, 1 where the bytes are not
// valid.
int decode_utf8(const char* at, uint32_t* code_point);
void append_utf8(std::string* out, uint32_t code_point);

// `bad` is the offset of the first character that no identifier has there.
bool is_identifier(std::string_view utf8, size_t* bad);
std::string normalize_nfkc(std::string_view utf8);
bool is_printable(uint32_t code_point);

// Code points of text[begin, end).
size_t count_characters(std::string_view text, size_t begin, size_t end);

// Offset of the first byte that is not valid UTF-8, or npos. Surrogates are invalid unless allowed.
size_t find_invalid_utf8(std::string_view text, bool allow_surrogates);

}  // namespace mp::lang

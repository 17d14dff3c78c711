// Any bytes through decoding, the lexer and layout: it must end, keep its spans in order, and say what is
// wrong.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "lang/layout.h"

using namespace mp::lang;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::optional<Diagnostic> error;
  Source source = Source::from_bytes({reinterpret_cast<const char*>(data), size}, "<fuzz>", &error);
  if (error) return 0;
  Arena arena;
  TokenStream stream = tokenize(source, arena);
  if (stream.tokens.empty()) std::abort();
  TokenKind last = stream.tokens.back().kind;
  if (last != TokenKind::End && last != TokenKind::Error) std::abort();
  if ((last == TokenKind::Error) != stream.has_error) std::abort();
  if (stream.has_error && stream.error.message.empty()) std::abort();
  uint32_t at = 0;
  for (const Token& token : stream.tokens) {
    if (token.span.begin > token.span.end || token.span.end > source.text().size()) std::abort();
    if (token.kind == TokenKind::Error) break;  // it may point back
    if (token.span.begin < at && token.kind != TokenKind::Indent && token.kind != TokenKind::Newline)
      std::abort();
    at = token.span.begin;
  }
  dump_tokens(source, stream);
  return 0;
}

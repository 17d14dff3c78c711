// What CPython says where the parser cannot go on.
#include <fmt/core.h>

#include "lang/parser_context.h"

namespace mp::lang {

void ParserContext::syntax_error(const Token* token) {
  failed = true;
  failed_at_end = token->kind == TokenKind::End || (stream.error_at_end && token->kind == TokenKind::Error);
  if (token->kind == TokenKind::Error) {
    error = stream.error;
    return;
  }
  error = source.diagnose(DiagnosticKind::SyntaxError, "invalid syntax", token->span);
}

}  // namespace mp::lang

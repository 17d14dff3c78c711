#include <new>

#include "lang/diagnose.h"
#include "lang/frontend.h"
#include "lang/layout.h"
#include "lang/parser_context.h"
#include "parser.hpp"

namespace mp::lang {

void ParserContext::syntax_error(const Token* token) {
  failed = true;
  bool last_dedent = token->kind == TokenKind::Dedent && token->span.begin >= source.text().size();
  failed_at_end = token->kind == TokenKind::End || last_dedent ||
                  (stream.error_at_end && token->kind == TokenKind::Error);
  Diagnoser(*this, static_cast<int>(token - stream.tokens.data())).run();
}

namespace {

// A compound statement of the REPL ends with a blank line.
bool wants_blank_line(const Source& source, const ModNode* module) {
  const auto* interactive = ast_cast<Interactive>(module);
  if (interactive == nullptr || interactive->body.empty()) return false;
  switch (interactive->body.back()->kind) {
    case NodeKind::FunctionDef:
    case NodeKind::AsyncFunctionDef:
    case NodeKind::ClassDef:
    case NodeKind::If:
    case NodeKind::While:
    case NodeKind::For:
    case NodeKind::AsyncFor:
    case NodeKind::With:
    case NodeKind::AsyncWith:
    case NodeKind::Try:
    case NodeKind::TryStar:
    case NodeKind::Match: break;
    default: return false;
  }
  // Lines joined by newlines: the blank one is seen as a newline at the end.
  return source.text().empty() || source.text().back() != '\n';
}

}  // namespace

std::string dump_front_end(const Source& source, bool tokens, const ParseOptions& options) {
  Arena arena;
  if (tokens) return dump_tokens(source, tokenize(source, arena, options.mode));
  ParseResult result = parse(source, arena, options);
  if (result.error) return result.error->message + "\n";
  DumpOptions dump;
  dump.indent = 4;
  return dump_ast(result.module, dump) + "\n";
}

ParseResult parse(const Source& source, Arena& arena, const ParseOptions& options) try {
  ParseResult result;
  TokenStream stream = tokenize(source, arena, options.mode);
  ParserContext context(source, arena, stream, options);
  bool parsed = false;
  try {
    Parser parser(context);
    parsed = parser.parse() == 0;
  } catch (const ParseStop&) {
  }
  if (parsed && !context.failed) {
    result.module = context.module;
    result.warnings = std::move(stream.warnings);
    for (Diagnostic& warning : context.warnings) result.warnings.push_back(std::move(warning));
    if (options.allow_incomplete && options.mode == Mode::Single && wants_blank_line(source, result.module))
      result.incomplete = true;
    return result;
  }
  context.prefer_token_errors();
  if (!options.filename.empty()) context.error.filename = options.filename;
  result.error = std::move(context.error);
  result.incomplete =
      options.allow_incomplete && (context.failed_at_end || (stream.has_error && stream.error_at_end));
  return result;
} catch (const std::bad_alloc&) {
  ParseResult result;
  result.error = out_of_memory();
  return result;
}

}  // namespace mp::lang

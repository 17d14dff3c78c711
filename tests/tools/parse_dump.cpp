// parse_dump: a developer's look at the front end. Reads file names from the command line, or from standard
// input with --batch.
//   parse_dump [--tokens] [--attributes] [--show-empty] [--mode=exec|eval|single] FILE...   prints the AST or
//   the error parse_dump --batch [--ast]                                        one line per file: "ok PATH"
//   or "error PATH<TAB>kind<TAB>message..."
#include <cstdio>
#include <cstring>
#include <iterator>
#include <string>
#include <vector>

#include <fmt/core.h>

#include "lang/frontend.h"
#include "lang/layout.h"
#include "tests/tools/read_file.h"

using namespace mp::lang;

static std::string escaped(const std::string& text) {
  std::string out;
  for (char c : text) {
    if (c == '\n')
      out += "\\n";
    else if (c == '\\')
      out += "\\\\";
    else if (c == '\t')
      out += "\\t";
    else
      out += c;
  }
  return out;
}

static std::string describe(const Diagnostic& error) {
  return fmt::format("{}\t{}\t{},{},{},{}\t{}", diagnostic_kind_name(error.kind), escaped(error.message),
                     error.line, error.offset, error.end_line, error.end_offset, escaped(error.text));
}

int main(int argc, char** argv) {
  bool batch = false, tokens = false, ast = false, chunks = false, quiet = false;
  DumpOptions dump;
  ParseOptions options;
  std::vector<std::string> paths;
  for (int i = 1; i < argc; ++i) {
    std::string argument = argv[i];
    if (argument == "--batch")
      batch = true;
    else if (argument == "--chunks")
      chunks = true;
    else if (argument == "--quiet")
      quiet = true;
    else if (argument == "--ast")
      ast = true;
    else if (argument == "--tokens")
      tokens = true;
    else if (argument == "--attributes")
      dump.attributes = true;
    else if (argument == "--show-empty")
      dump.show_empty = true;
    else if (argument == "--incomplete")
      options.allow_incomplete = true;
    else if (argument == "--mode=eval")
      options.mode = Mode::Eval;
    else if (argument == "--mode=single")
      options.mode = Mode::Single;
    else
      paths.push_back(argument);
  }
  if (chunks) {
    // NUL-separated sources on standard input, one line of answer each.
    std::string all;
    read_file("-", &all);
    size_t at = 0;
    while (at < all.size()) {
      size_t end = all.find('\0', at);
      if (end == std::string::npos) end = all.size();
      std::optional<Diagnostic> error;
      Source source = Source::from_text(std::string_view(all).substr(at, end - at), "<test>", &error);
      Arena arena;
      ParseResult result;
      if (!error) result = parse(source, arena, options);
      if (error) result.error = error;
      if (result.error)
        fmt::print("error\t{}{}\n", describe(*result.error), result.incomplete ? "\tincomplete" : "");
      else
        fmt::print("ok{}\t{}\n", result.incomplete ? "\tincomplete" : "",
                   ast ? dump_ast(result.module, dump) : "");
      at = end + 1;
    }
    return 0;
  }
  if (batch) {
    char line[4096];
    while (std::fgets(line, sizeof line, stdin) != nullptr) {
      line[std::strcspn(line, "\n")] = 0;
      paths.push_back(line);
    }
  }
  int status = 0;
  for (const std::string& path : paths) {
    std::string bytes;
    if (!read_file(path, &bytes)) {
      fmt::print("unreadable\t{}\n", path);
      continue;
    }
    std::optional<Diagnostic> error;
    Source source = Source::from_bytes(bytes, path, &error);
    Arena arena;
    if (tokens && !error) {
      fmt::print("{}", dump_tokens(source, tokenize(source, arena, options.mode)));
      continue;
    }
    ParseResult result;
    if (!error) result = parse(source, arena, options);
    if (error) result.error = error;
    if (result.error) {
      status = 1;
      if (batch)
        fmt::print("error\t{}\t{}\n", path, describe(*result.error));
      else
        fmt::print("{}\n", describe(*result.error));
      continue;
    }
    dump.source = &source;
    if (quiet) continue;
    if (batch)
      fmt::print("ok\t{}\t{}\n", path, ast ? dump_ast(result.module, dump) : "");
    else
      fmt::print("{}\n", dump_ast(result.module, dump));
    for (const Diagnostic& warning : result.warnings)
      if (!batch) fmt::print("{}\n", describe(warning));
  }
  return status;
}

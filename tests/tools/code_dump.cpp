// code_dump: a developer's look at the compiler.
//   code_dump [--live] [--positions] [--mode=exec|eval|single] [-O] FILE...   the code, or the error
//   code_dump --batch     file names on standard input; for each, after verification and a round trip through
//   bytes:
//                         "ok PATH" or "error PATH<TAB>kind<TAB>message<TAB>line,offset"
//   code_dump --chunks    NUL-separated sources on standard input, one line of answer each
//   code_dump --time FILE...   milliseconds for parsing and compiling
#include <chrono>
#include <cstdio>
#include <string>
#include <vector>

#include <fmt/core.h>

#include "lang/code_unit_io.h"
#include "lang/compile.h"
#include "lang/disassembler.h"
#include "lang/verifier.h"
#include "tests/tools/read_file.h"

using namespace mp::lang;

static std::string escaped(const std::string& text) {
  std::string out;
  for (char c : text) {
    if (c == '\n')
      out += "\\n";
    else if (c == '\t')
      out += "\\t";
    else
      out += c;
  }
  return out;
}

// One line per unit: what a code object shows of itself, and the positions of its calls, attributes and
// operators.
static void print_facts(const CodeUnit& unit) {
  auto join = [](std::vector<std::string> names) {
    std::string text;
    for (const std::string& name : names) text += (text.empty() ? "" : ",") + name;
    return text;
  };
  fmt::print("{}|{}|{:x}|{}|{}|{}|{}|{}|{}|{}|", unit.qualified_name, unit.first_line, unit.flags,
             unit.argument_count, unit.positional_only_count, unit.keyword_only_count, join(unit.local_names),
             join(unit.cell_names), join(unit.free_names), unit.name);
  for (uint32_t pc = 0; pc < unit.code.size();) {
    const OpInfo& info = op_info(unit.instruction(pc).opcode());
    std::string name = info.name;
    const char* kind = name.starts_with("CALL")                                ? "C"
                       : name == "LOAD_ATTR" || name == "LOAD_METHOD"          ? "A"
                       : name == "LOAD_GLOBAL" || name == "LOAD_NAME"          ? "G"
                       : name.starts_with("SUBSCRIPT") || name == "LOAD_SLICE" ? "S"
                       : name == "STORE_ATTR"                                  ? "T"
                       : info.a == Operand::W && name.find("ADD") == 0         ? "B"
                                                                               : nullptr;
    if (kind != nullptr) {
      CodePosition p = unit.position_at(pc);
      fmt::print("{}{}:{}:{}:{} ", kind, p.line, p.column, p.end_line, p.end_column);
    }
    pc += static_cast<uint32_t>(info.length());
  }
  fmt::print("\n");
  for (const auto& function : unit.functions) print_facts(*function);
}

static std::string check(const CodeUnit& unit) {
  std::string problem = verify(unit);
  if (!problem.empty()) return "VERIFIER " + problem;
  std::string bytes = write_code_unit(unit);
  std::unique_ptr<CodeUnit> back = read_code_unit(bytes, &problem);
  if (!back) return "ROUNDTRIP " + problem;
  if (write_code_unit(*back) != bytes || disassemble(*back) != disassemble(unit)) return "ROUNDTRIP differs";
  return "";
}

static std::string answer(const CompileResult& result) {
  if (result.error) {
    return fmt::format("error\t{}\t{}\t{},{},{},{}", diagnostic_kind_name(result.error->kind),
                       escaped(result.error->message), result.error->line, result.error->offset,
                       result.error->end_line, result.error->end_offset);
  }
  std::string problem = check(*result.unit);
  return problem.empty() ? "ok" : "BROKEN\t" + escaped(problem);
}

int main(int argc, char** argv) {
  bool facts = false, batch = false, chunks = false, timing = false;
  DisassembleOptions show;
  ParseOptions parse_options;
  CompileOptions options;
  std::vector<std::string> paths;
  for (int i = 1; i < argc; ++i) {
    std::string argument = argv[i];
    if (argument == "--batch")
      batch = true;
    else if (argument == "--chunks")
      chunks = true;
    else if (argument == "--time")
      timing = true;
    else if (argument == "--facts")
      facts = true;
    else if (argument == "--live")
      show.live = true;
    else if (argument == "--positions")
      show.positions = true;
    else if (argument == "-O")
      ++options.optimize;
    else if (argument == "--mode=eval")
      parse_options.mode = Mode::Eval;
    else if (argument == "--mode=single")
      parse_options.mode = Mode::Single;
    else
      paths.push_back(argument);
  }
  if (chunks) {
    std::string all;
    read_file("-", &all);
    size_t start = 0;
    while (start < all.size()) {
      size_t end = all.find('\0', start);
      if (end == std::string::npos) end = all.size();
      std::optional<Diagnostic> error;
      Source source = Source::from_text(std::string_view(all).substr(start, end - start), "<chunk>", &error);
      CompileResult result;
      if (error)
        result.error = error;
      else
        result = compile_source(source, parse_options, options);
      fmt::print("{}\n", answer(result));
      start = end + 1;
    }
    return 0;
  }
  if (batch) {
    char line[4096];
    while (std::fgets(line, sizeof line, stdin)) {
      std::string path = line;
      if (!path.empty() && path.back() == '\n') path.pop_back();
      paths.push_back(path);
    }
  }
  int status = 0;
  for (const std::string& path : paths) {
    std::string bytes;
    if (!read_file(path, &bytes)) {
      fmt::print(stderr, "cannot read {}\n", path);
      status = 1;
      continue;
    }
    auto before = std::chrono::steady_clock::now();
    std::optional<Diagnostic> error;
    Source source = Source::from_bytes(bytes, path, &error);
    CompileResult result;
    if (error)
      result.error = error;
    else
      result = compile_source(source, parse_options, options);
    if (timing) {
      auto time =
          std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - before).count();
      fmt::print("{:8.2f} ms {:7} lines {}\n", time, source.line_count(), path);
    } else if (facts) {
      fmt::print("FILE {}\n", path);
      if (result.unit) print_facts(*result.unit);
    } else if (batch) {
      fmt::print("{}\t{}\n", path, answer(result));
      std::fflush(stdout);
    } else {
      for (const Diagnostic& warning : result.warnings)
        fmt::print("warning: {}:{} {}\n", path, warning.line, warning.message);
      if (result.error) {
        fmt::print("{}\n", answer(result));
        status = 1;
      } else {
        fmt::print("{}", disassemble(*result.unit, show));
        std::string problem = check(*result.unit);
        if (!problem.empty()) {
          fmt::print("{}\n", problem);
          status = 1;
        }
      }
    }
  }
  return status;
}

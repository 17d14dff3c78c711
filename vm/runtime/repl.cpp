// The interactive prompt: gathers statements, runs them in __main__, shows what they raise.
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "lang/compile.h"
#include "vm/exec/interp.h"
#include "vm/modules/modules.h"
#include "vm/protocol/protocol.h"
#include "vm/runtime/command.h"
#include "vm/runtime/line_reader.h"
#include "vm/types/exception.h"
#include "vm/types/number.h"
#include "vm/types/runtime.h"

namespace mp {

namespace {

std::string prompt_text(Thread& t, const char* name, const char* fallback) {
  Value v = dict_get_text(t, t.runtime().sys_module->dict, name);
  if (v.is_not_found()) return fallback;
  return str_text(t, v);
}

// Whether more lines may complete the statement; `text` ends without a newline, or with a blank line.
bool needs_more(const std::string& text) {
  lang::Source source = lang::Source::from_text(text, "<stdin>");
  lang::Arena arena;
  lang::ParseOptions options;
  options.mode = lang::Mode::Single;
  options.allow_incomplete = true;
  return lang::parse(source, arena, options).incomplete;
}

void flush_output(Thread& t) {
  for (StrObject* name : {t.names().stdout, t.names().stderr}) {
    Value stream = dict_get_str(t.runtime().sys_module->dict, name);
    if (!stream.is_not_found() && !stream.is_none() && call_method(t, stream, t.names().flush).is_error())
      t.clear_exception();
  }
}

enum class Gathered { Statement, Nothing, End, Interrupted };

// Reads one statement. At the end of input, what there is of it.
Gathered gather(Thread& t, LineReader& reader, std::string* text) {
  text->clear();
  for (;;) {
    std::string line, prompt = text->empty() ? prompt_text(t, "ps1", ">>> ") : prompt_text(t, "ps2", "... ");
    LineReader::Outcome outcome = reader.read(prompt, &line);
    if (t.poll().is_error() || outcome == LineReader::Outcome::Interrupted) return Gathered::Interrupted;
    if (outcome == LineReader::Outcome::End) return text->empty() ? Gathered::End : Gathered::Statement;
    reader.remember(line);
    if (text->empty() && line.find_first_not_of(" \t") == std::string::npos) return Gathered::Nothing;
    if (!text->empty()) *text += '\n';
    *text += line;
    // An empty line ends a block also where its body is missing; not a string or a bracket.
    if (!needs_more(*text) || (line.empty() && !needs_more(*text + "0\n"))) return Gathered::Statement;
  }
}

// Each statement has a name of its own for as long as tracebacks may show its lines.
Result<Value> run_statement(Thread& t, const std::string& text, int number) {
  const std::string filename = fmt::format("<stdin>-{}", number);
  register_source(t, filename, text);
  CompileRequest request;
  request.source = text;
  request.filename = filename;
  request.mode = "single";
  Value code = TRY(compile_source(t, request));
  DictObject* globals = main_module(t)->dict;
  return run_code(t, code.as<CodeObject>(), globals, globals);
}

// $PYTHONSTARTUP, in __main__.
void run_startup_file(Thread& t) {
  const char* file = t.runtime().options.ignore_environment ? nullptr : std::getenv("PYTHONSTARTUP");
  if (file == nullptr || *file == '\0') return;
  Result<Value> data = read_file(t, file);
  Result<Value> done = data;
  if (data.ok()) {
    CompileRequest request;
    request.source = data.value().as<BytesObject>()->view();
    request.filename = file;
    request.decode = true;
    done = compile_source(t, request);
    DictObject* globals = main_module(t)->dict;
    if (done.ok()) done = run_code(t, done.value().as<CodeObject>(), globals, globals);
  } else {
    std::fprintf(stderr, "Could not open PYTHONSTARTUP\n");
  }
  if (done.is_error()) report_exception(t, AtExit::Stay);
}

}  // namespace

int run_repl(Thread& t, Banner banner) {
  LineReader reader(t);
  DictObject* sys_dict = t.runtime().sys_module->dict;
  for (const auto& [name, text] : {std::pair{"ps1", ">>> "}, std::pair{"ps2", "... "}})
    if (dict_get_text(t, sys_dict, name).is_not_found() &&
        dict_set_text(t, sys_dict, name, make_str(t, text)).is_error())
      t.clear_exception();
  if (banner == Banner::Shown) {
    if (!t.runtime().options.quiet)
      std::fprintf(
          stderr,
          "minipy %s (Python 3.13) on linux\nType \"help\", \"copyright\", \"credits\" or \"license\" "
          "for more information.\n",
          minipy::version().c_str());
    run_startup_file(t);
  }
  for (int number = 0;;) {
    flush_output(t);
    std::string text;
    switch (gather(t, reader, &text)) {
      case Gathered::Nothing: continue;
      case Gathered::End: std::fputs("\n", stderr); return 0;
      case Gathered::Interrupted:
        t.clear_exception();
        std::fputs("\nKeyboardInterrupt\n", stderr);
        continue;
      case Gathered::Statement: break;
    }
    if (run_statement(t, text, number++).is_error()) {
      bool leave = t.exception_matches(Exc::SystemExit);
      int status = report_exception(t);
      if (leave) return status;
    }
  }
}

}  // namespace mp

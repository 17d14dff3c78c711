// The interactive prompt: multi-line input, line editing with history and completion (libedit) where standard
// input is a terminal.
#include <editline/readline.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "lang/compile.h"
#include "vm/exec/interp.h"
#include "vm/modules/modules.h"
#include "vm/protocol/protocol.h"
#include "vm/runtime/command.h"
#include "vm/types/exception.h"
#include "vm/types/number.h"
#include "vm/types/runtime.h"

namespace mp {

namespace {

// libedit's completion callback has no context argument; the prompt runs on one thread of the process.
thread_local Thread* completing_thread = nullptr;

void add_matches(Thread& t, Value names, const std::string& prefix, const std::string& head,
                 std::vector<std::string>& out) {
  if (for_each(t, names, [&](Value name) -> Status {
        if (!is_str(name)) return {};
        std::string text = to_utf8(name.as<StrObject>());
        if (text.starts_with(prefix) && (!prefix.empty() || text[0] != '_')) out.push_back(head + text);
        return {};
      }).is_error())
    t.clear_exception();
}

// Names for `abc`, attributes for `a.b.abc`.
std::vector<std::string> completions(Thread& t, const std::string& text) {
  std::vector<std::string> out;
  DictObject* globals = main_module(t)->dict;
  size_t dot = text.rfind('.');
  if (dot == std::string::npos) {
    add_matches(t, globals, text, "", out);
    add_matches(t, t.runtime().builtins_dict, text, "", out);
    for (const char* word :
         {"and",    "as",   "assert", "async",  "await",  "break",   "class",    "continue",
          "def",    "del",  "elif",   "else",   "except", "finally", "for",      "from",
          "global", "if",   "import", "in",     "is",     "lambda",  "nonlocal", "not",
          "or",     "pass", "raise",  "return", "try",    "while",   "with",     "yield"})
      if (std::string_view(word).starts_with(text)) out.emplace_back(word);
    return out;
  }
  // Only names and dots: completion must not run calls.
  std::string path = text.substr(0, dot);
  Value object = kNotFound;
  size_t begin = 0;
  while (begin <= path.size()) {
    size_t end = path.find('.', begin);
    std::string name = path.substr(begin, end == std::string::npos ? std::string::npos : end - begin);
    if (begin == 0) {
      object = dict_get_text(t, globals, name);
      if (object.is_not_found()) object = dict_get_text(t, t.runtime().builtins_dict, name);
    } else {
      Result<Value> next = get_attr(t, object, name);
      if (next.is_error()) {
        t.clear_exception();
        return out;
      }
      object = next.value();
    }
    if (object.is_not_found()) return out;
    if (end == std::string::npos) break;
    begin = end + 1;
  }
  Result<Value> names = dir(t, object);
  if (names.is_error()) {
    t.clear_exception();
    return out;
  }
  add_matches(t, names.value(), text.substr(dot + 1), path + ".", out);
  return out;
}

char* next_completion(const char* text, int state) {
  static thread_local std::vector<std::string> matches;
  static thread_local size_t index;
  if (state == 0) {
    matches = completions(*completing_thread, text);
    index = 0;
  }
  return index < matches.size() ? strdup(matches[index++].c_str()) : nullptr;
}
char** complete(const char* text, int, int) { return rl_completion_matches(text, next_completion); }

std::string prompt_text(Thread& t, const char* name, const char* fallback) {
  Value v = dict_get_text(t, t.runtime().sys_module->dict, name);
  if (v.is_not_found()) return fallback;
  return str_text(t, v);
}

class LineReader {
 public:
  explicit LineReader(Thread& t) : thread_(t), terminal_(isatty(0) == 1 && isatty(1) == 1) {
    if (!terminal_) return;
    completing_thread = &t;
    rl_initialize();
    rl_readline_name = const_cast<char*>("minipy");
    rl_attempted_completion_function = complete;
    rl_completer_word_break_characters = const_cast<char*>(" \t\n`~!@#$%^&*()-=+[{]}\\|;:'\",<>/?");
    using_history();
    const char* home = std::getenv("HOME");
    const char* file = std::getenv("MINIPY_HISTORY");
    history_file_ = file != nullptr ? file : home != nullptr ? std::string(home) + "/.minipy_history" : "";
    if (!history_file_.empty()) read_history(history_file_.c_str());
  }
  ~LineReader() {
    if (terminal_ && !history_file_.empty()) {
      stifle_history(1000);
      write_history(history_file_.c_str());
    }
  }
  bool terminal() const { return terminal_; }
  // False at the end of input.
  bool read(const std::string& prompt, std::string* line) {
    if (!terminal_) {
      std::fputs(prompt.c_str(), stdout);
      std::fflush(stdout);
      BlockingRegion out(thread_);
      line->clear();
      int c;
      while ((c = std::getc(stdin)) != EOF) {
        if (c == '\n') return true;
        *line += static_cast<char>(c);
      }
      return !line->empty();
    }
    char* text = readline(prompt.c_str());  // attached: completion looks at objects
    if (text == nullptr) return false;
    *line = text;
    std::free(text);
    return true;
  }
  void remember(const std::string& line) {
    if (terminal_ && line.find_first_not_of(" \t") != std::string::npos) add_history(line.c_str());
  }

 private:
  Thread& thread_;
  bool terminal_;
  std::string history_file_;
};

// Whether more lines may complete the statement.
bool needs_more(const std::string& text) {
  lang::Source source = lang::Source::from_text(text, "<stdin>");
  lang::Arena arena;
  lang::ParseOptions options;
  options.mode = lang::Mode::Single;
  options.allow_incomplete = true;
  return lang::parse(source, arena, options).incomplete;
}
bool compound_statement(const std::string& text) {
  size_t end = text.find_last_not_of(" \t\n");
  size_t first_line = text.find('\n');
  return first_line != std::string::npos && first_line < end;
}

void flush_output(Thread& t) {
  for (StrObject* name : {t.names().stdout, t.names().stderr}) {
    Value stream = dict_get_str(t.runtime().sys_module->dict, name);
    if (!stream.is_not_found() && !stream.is_none() && call_method(t, stream, t.names().flush).is_error())
      t.clear_exception();
  }
}

}  // namespace

int run_repl(Thread& t) {
  LineReader reader(t);
  if (!t.runtime().options.quiet)
    std::fprintf(stderr,
                 "minipy %s (Python 3.13) on linux\nType \"help\", \"copyright\", \"credits\" or \"license\" "
                 "for more information.\n",
                 minipy::version().c_str());
  DictObject* sys_dict = t.runtime().sys_module->dict;
  for (const auto& [name, text] : {std::pair{"ps1", ">>> "}, std::pair{"ps2", "... "}})
    if (dict_get_text(t, sys_dict, name).is_not_found() &&
        dict_set_text(t, sys_dict, name, make_str(t, text)).is_error())
      t.clear_exception();
  DictObject* globals = main_module(t)->dict;
  for (;;) {
    flush_output(t);
    std::string text, line;
    bool ended = false;
    for (;;) {
      if (!reader.read(text.empty() ? prompt_text(t, "ps1", ">>> ") : prompt_text(t, "ps2", "... "), &line)) {
        ended = true;
        break;
      }
      if (t.poll().is_error()) break;  // Ctrl-C at the prompt
      reader.remember(line);
      bool blank = line.find_first_not_of(" \t") == std::string::npos;
      if (text.empty() && blank) continue;
      text += line + "\n";
      if (blank && compound_statement(text)) break;
      if (compound_statement(text)) {
        if (!blank) continue;
        break;
      }
      if (!needs_more(text)) break;
    }
    if (t.has_exception()) {
      t.clear_exception();
      std::fputs("\nKeyboardInterrupt\n", stderr);
      continue;
    }
    if (ended && text.empty()) {
      if (reader.terminal()) std::fputs("\n", stdout);
      return 0;
    }
    CompileRequest request;
    request.source = text;
    request.filename = "<stdin>";
    request.mode = "single";
    Result<Value> code = compile_source(t, request);
    Result<Value> done =
        code.is_error() ? code : run_code(t, code.value().as<CodeObject>(), globals, globals);
    if (done.is_error()) {
      if (t.exception_matches(Exc::SystemExit)) return report_exception(t);
      report_exception(t);
    }
    if (ended) return 0;
  }
}

}  // namespace mp

#include "vm/runtime/line_reader.h"

#include <dlfcn.h>
#include <editline/readline.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <optional>

#include "vm/modules/modules.h"
#include "vm/protocol/protocol.h"
#include "vm/threads/signals.h"
#include "vm/types/exception.h"
#include "vm/types/runtime.h"

namespace mp {

namespace {

constexpr int kHistoryLength = 1000;

// libedit is loaded when a prompt stands on a terminal: no other start pays for it. Where it is not
// installed, lines are read as they are, as by a CPython that was built without it. The members have the
// names and the types of its functions and variables.
struct Libedit {
// clang-format off
#define MP_LIBEDIT(X)                                                                                      \
  X(rl_readline_name) X(rl_initialize) X(rl_catch_signals) X(rl_line_buffer) X(rl_insert_text)             \
  X(rl_attempted_completion_function) X(rl_attempted_completion_over) X(rl_completion_matches)             \
  X(rl_completer_word_break_characters) X(rl_completion_append_character)                                  \
  X(rl_callback_handler_install) X(rl_callback_handler_remove) X(rl_callback_read_char)                    \
  X(rl_free_line_state) X(rl_cleanup_after_signal)                                                         \
  X(using_history) X(add_history) X(read_history) X(write_history) X(stifle_history)
// clang-format on
#define X(name) decltype(&::name) name = nullptr;
  MP_LIBEDIT(X)
#undef X
  bool usable = false;

  Libedit() {
    void* library = dlopen("libedit.so.2", RTLD_NOW | RTLD_LOCAL);
    if (library == nullptr) return;
    usable = true;
#define X(name)                                                   \
  name = reinterpret_cast<decltype(name)>(dlsym(library, #name)); \
  usable = usable && name != nullptr;
    MP_LIBEDIT(X)
#undef X
#undef MP_LIBEDIT
  }
  static const Libedit& get() {
    static const Libedit library;
    return library;
  }
};

// libedit's callbacks have no context argument; the prompt runs on one thread of the process.
struct Editing {
  Thread* thread = nullptr;
  std::optional<BlockingRegion> outside;  // while we wait for a key
  std::string* line = nullptr;
  bool done = false, end = false;
};
thread_local Editing editing;

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
    editing.outside.reset();
    matches = completions(*editing.thread, text);
    editing.outside.emplace(*editing.thread);
    index = 0;
  }
  return index < matches.size() ? strdup(matches[index++].c_str()) : nullptr;
}
// At the start of a line, Tab indents.
char** complete(const char* text, int start, int) {
  const Libedit& edit = Libedit::get();
  std::string_view before(*edit.rl_line_buffer, static_cast<size_t>(start));
  if (*text == '\0' && before.find_first_not_of(" \t") == std::string_view::npos) {
    edit.rl_insert_text("    ");
    *edit.rl_attempted_completion_over = 1;
    return nullptr;
  }
  return edit.rl_completion_matches(text, next_completion);
}

void take_line(char* text) {
  editing.done = true;
  editing.end = text == nullptr;
  if (text != nullptr) *editing.line = text;
  std::free(text);
  Libedit::get().rl_callback_handler_remove();
}

}  // namespace

LineReader::LineReader(Thread& t)
    : thread_(t), edits_(isatty(0) == 1 && isatty(1) == 1 && Libedit::get().usable) {
  if (!edits_) return;
  const Libedit& edit = Libedit::get();
  editing.thread = &t;
  *edit.rl_readline_name = const_cast<char*>("minipy");
  edit.rl_initialize();
  *edit.rl_catch_signals = 0;  // Ctrl-C is ours
  *edit.rl_attempted_completion_function = complete;
  *edit.rl_completer_word_break_characters = const_cast<char*>(" \t\n`~!@#$%^&*()-=+[{]}\\|;:'\",<>/?");
  *edit.rl_completion_append_character = '\0';
  edit.using_history();
  const char* home = std::getenv("HOME");
  const char* file = std::getenv("MINIPY_HISTORY");
  history_file_ = file != nullptr ? file : home != nullptr ? std::string(home) + "/.minipy_history" : "";
  if (!history_file_.empty()) edit.read_history(history_file_.c_str());
}

LineReader::~LineReader() {
  if (!edits_ || history_file_.empty()) return;
  const Libedit& edit = Libedit::get();
  edit.stifle_history(kHistoryLength);
  edit.write_history(history_file_.c_str());
  chmod(history_file_.c_str(), S_IRUSR | S_IWUSR);  // as readline leaves it: lines may hold secrets
}

LineReader::Outcome LineReader::read(const std::string& prompt, std::string* line) {
  line->clear();
  return edits_ ? read_edited(prompt, line) : read_plain(prompt, line);
}

LineReader::Outcome LineReader::read_edited(const std::string& prompt, std::string* line) {
  const Libedit& edit = Libedit::get();
  editing.line = line;
  editing.done = editing.end = false;
  edit.rl_callback_handler_install(prompt.c_str(), take_line);
  editing.outside.emplace(thread_);
  // SIGINT gets through in ppoll() only, so that none falls between the check and the wait.
  sigset_t blocked, before;
  sigemptyset(&blocked);
  sigaddset(&blocked, SIGINT);
  pthread_sigmask(SIG_BLOCK, &blocked, &before);
  bool interrupted = false;
  while (!editing.done && !interrupted) {
    pollfd input = {0, POLLIN, 0};
    if (!signal_is_pending() && ppoll(&input, 1, nullptr, &before) > 0)
      edit.rl_callback_read_char();
    else
      interrupted = signal_is_pending();
  }
  if (interrupted) {
    edit.rl_free_line_state();
    edit.rl_cleanup_after_signal();
    edit.rl_callback_handler_remove();
  }
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  editing.outside.reset();
  return interrupted ? Outcome::Interrupted : editing.end ? Outcome::End : Outcome::Line;
}

LineReader::Outcome LineReader::read_plain(const std::string& prompt, std::string* line) {
  std::fflush(stdout);
  std::fputs(prompt.c_str(), stderr);
  std::fflush(stderr);
  BlockingRegion out(thread_);
  // Byte by byte: what follows belongs to sys.stdin.
  for (;;) {
    char c;
    ssize_t n = ::read(0, &c, 1);
    if (n < 0 && errno == EINTR) {
      if (signal_is_pending()) return Outcome::Interrupted;
      continue;
    }
    if (n <= 0) return line->empty() ? Outcome::End : Outcome::Line;
    if (c == '\n') return Outcome::Line;
    *line += c;
  }
}

void LineReader::remember(const std::string& line) {
  if (edits_ && line.find_first_not_of(" \t") != std::string::npos) Libedit::get().add_history(line.c_str());
}

}  // namespace mp

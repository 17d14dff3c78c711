// The `minipy` command: reads its options (CPython's, which end at the script) and hands the rest to the
// library.
#include <langinfo.h>
#include <locale.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "cli/start.h"
#include "minipy/minipy.h"

#ifdef MINIPY_COUNTING
extern "C" int
__llvm_profile_write_file();  // the counts of `./dev profile`, which an exit handler writes otherwise
#endif

namespace {

constexpr const char* kHelp = R"(usage: minipy [option] ... [-c cmd | -m mod | file | -] [arg] ...
       minipy dis FILE
       minipy atomic FILE[:LINE]
Options:
-b       : issue warnings about mixing bytes and str (-bb: errors)
-B       : do not write byte code files (always so)
-c cmd   : program passed in as string (ends the options)
-d what  : tokens, ast, code: print that stage of the front end and stop;
           gc, gil: one line on standard error for each collection, each
           hand-over of the lock; several with commas
-E       : ignore PYTHON* and MINIPY* environment variables
-h       : print this help and exit (also --help)
-i       : interactive prompt after running the script
-I       : isolate from the user's environment (implies -E, -P and -s)
-m mod   : run a library module as a script (ends the options)
-O       : remove assert statements; -OO: docstrings as well
-P       : do not prepend an unsafe path to sys.path
-q       : no version message at the interactive prompt
-s, -S   : no user site directory; no exit, help, ... among the builtins
-u       : unbuffered standard output and error
-v       : verbose
-V       : print the version and exit (also --version)
-x       : skip the first line of the script
-W arg   : warning control: action:message:category:module:lineno
-X opt   : implementation-specific option: gil=0|1, dev, faulthandler,
           int_max_str_digits=N, utf8[=0|1]
--gil=on|off|POLICY    the global interpreter lock: timeslice (the default), py2, fair, priority, handoff;
                       off or none: threads run in parallel; 1 and 0 are on and off
--switch-interval=SEC  seconds that a thread may run while others wait (0.005)
--check-interval=N     instructions between two releases under --gil=py2 (100)
--semantics=PRESET     where a switch may fall: py2.7, py3.9, py3.10, py3.13 (the default), py3.13t, every-op
--gil-stats[=json]     print at exit what the lock cost, per thread
--deadlock=ACTION      when every thread is blocked for good: report (the default), raise, exit, off
--python-lib=DIR|none  the installed CPython library to fall back on
--memory-limit=BYTES   MemoryError beyond this heap size
dis FILE : print the byte code of a script (-d code)
atomic FILE[:LINE] : print for each statement (of that line) how many places
           there are where a thread switch may fall, under each preset of
           --semantics, and which updates of shared variables are atomic
file     : program read from a script file
-        : program read from standard input (the default; interactive on a terminal)
arg ...  : arguments passed to the program in sys.argv[1:]

Environment variables:
MINIPYPATH, PYTHONPATH  directories put in front of the module search path
MINIPY_GIL              as --gil
PYTHON_GIL              1 or 0: as --gil=on, --gil=off
MINIPY_PYTHON_LIB       as --python-lib
)";

struct CommandLine {
  minipy::Options options;
  minipy::Command command;
  std::vector<std::string> dump;  // -d, dis: stages to print
  bool atomic = false;            // `minipy atomic`: the target is FILE[:LINE]
  std::string gil;                // --gil, -X gil
  bool faulthandler = false;
  bool utf8_given = false;  // -X utf8 or PYTHONUTF8 decided about UTF-8 mode
};

std::string gil_word(const std::string& value, const std::string& otherwise) {
  return value == "0" ? "off" : value == "1" ? "on" : otherwise;
}

[[noreturn]] void usage_error(const std::string& message) {
  std::fprintf(stderr,
               "%s\nusage: %s [option] ... [-c cmd | -m mod | file | -] [arg] ...\nTry `minipy "
               "-h' for more information.\n",
               message.c_str(), program_invocation_name);
  std::exit(2);
}

// A value that CPython refuses while it reads its configuration.
[[noreturn]] void fatal_error(const char* where, const char* message, const char* state = "preinitialized") {
  std::fprintf(stderr, "Fatal Python error: %s: %s\nPython runtime state: %s\n\n", where, message, state);
  std::exit(1);
}

// The text of a number that is all of `text` and in range, or false.
bool whole_number(const std::string& text, long low, long high, long* out) {
  char* end;
  errno = 0;
  *out = std::strtol(text.c_str(), &end, 10);
  return !text.empty() && *end == '\0' && errno == 0 && *out >= low && *out <= high;
}

void check_digits_limit(const std::string& text, const char* message) {
  long limit;
  if (!whole_number(text, 0, 0x7fffffff, &limit) || (limit != 0 && limit < 640))
    fatal_error("config_init_int_max_str_digits", message);
}

void x_option(const std::string& option, CommandLine& line) {
  minipy::Options& o = line.options;
  size_t equals = option.find('=');
  std::string name = option.substr(0, equals),
              value = equals == std::string::npos ? "" : option.substr(equals + 1);
  if (name == "gil") {
    line.gil = gil_word(value, "?");
  } else if (name == "dev") {
    o.dev_mode = true;
  } else if (name == "utf8") {
    if (equals != std::string::npos && value != "0" && value != "1")
      fatal_error("preconfig_init_utf8_mode", "invalid -X utf8 option value", "preinitializing");
    o.utf8_mode = value != "0";
    line.utf8_given = true;
  } else if (name == "int_max_str_digits") {
    check_digits_limit(value, "-X int_max_str_digits: invalid limit; must be >= 640 or 0 for unlimited.");
  } else if (name == "faulthandler") {
    line.faulthandler = true;
  } else if (name == "cpu_count") {
    long count;
    if (value != "default" && !whole_number(value, 1, 0x7fffffff, &count))
      fatal_error("config_init_cpu_count",
                  "-X cpu_count=n option: n is missing or an invalid number, n must be greater than 0");
  }
  o.x_options.push_back(option);
}

// PEP 540: without a word about it, UTF-8 mode is on unless the locale itself names UTF-8. (CPython turns it
// on for the locales "C" and "POSIX" only; another encoding than UTF-8 is one that minipy does not have.)
bool locale_is_utf8() {
  // The names that every C library has need no question, which would read four files (POSIX: LC_ALL wins,
  // then LC_CTYPE, then LANG).
  std::string_view name;
  for (const char* variable : {"LANG", "LC_CTYPE", "LC_ALL"})
    if (const char* value = std::getenv(variable); value != nullptr && *value != '\0') name = value;
  if (name.empty() || name == "C" || name == "POSIX") return false;
  if (name == "C.UTF-8" || name == "C.utf8") return true;
  locale_t locale = newlocale(LC_CTYPE_MASK, "", nullptr);
  if (locale == nullptr) return false;
  bool utf8 = std::strcmp(nl_langinfo_l(CODESET, locale), "UTF-8") == 0;
  freelocale(locale);
  return utf8;
}

// The variables of CPython that say the same as an option. An option wins.
void read_environment(CommandLine& line) {
  minipy::Options& o = line.options;
  auto variable = [](const char* name) -> std::string {
    const char* value = std::getenv(name);
    return value != nullptr ? value : "";
  };
  // A number raises a level; any other text counts as 1.
  auto level = [&](const char* name) -> int {
    std::string value = variable(name);
    long number;
    return value.empty() ? 0 : whole_number(value, 0, 9, &number) ? static_cast<int>(number) : 1;
  };
  o.optimize = std::max(o.optimize, level("PYTHONOPTIMIZE"));
  if (level("PYTHONVERBOSE") > 0) o.verbose = true;
  if (!variable("PYTHONINSPECT").empty()) o.inspect = true;
  if (!variable("PYTHONUNBUFFERED").empty()) o.unbuffered = true;
  if (!variable("PYTHONSAFEPATH").empty()) o.safe_path = true;
  if (!variable("PYTHONDEVMODE").empty()) o.dev_mode = true;
  if (!variable("PYTHONFAULTHANDLER").empty()) line.faulthandler = true;
  if (std::string utf8 = variable("PYTHONUTF8"); !line.utf8_given && !utf8.empty()) {
    if (utf8 != "0" && utf8 != "1")
      fatal_error("preconfig_init_utf8_mode", "invalid PYTHONUTF8 environment variable value",
                  "preinitializing");
    line.utf8_given = true;
    o.utf8_mode = utf8 == "1";
  }
  std::string seed = variable("PYTHONHASHSEED");
  long number;
  if (!seed.empty() && seed != "random" && !whole_number(seed, 0, 4294967295L, &number))
    fatal_error("config_init_hash_seed",
                "PYTHONHASHSEED must be \"random\" or an integer in range [0; 4294967295]");
  if (std::string digits = variable("PYTHONINTMAXSTRDIGITS"); !digits.empty())
    check_digits_limit(digits, "PYTHONINTMAXSTRDIGITS: invalid limit; must be >= 640 or 0 for unlimited.");
  // Filters of the environment come before those of -W.
  std::vector<std::string> filters;
  std::string list = variable("PYTHONWARNINGS");
  for (size_t begin = 0, end; begin < list.size(); begin = end + 1) {
    end = std::min(list.find(',', begin), list.size());
    if (end > begin) filters.push_back(list.substr(begin, end - begin));
  }
  o.warn_options.insert(o.warn_options.begin(), filters.begin(), filters.end());
  if (line.gil.empty()) {
    std::string gil = variable("MINIPY_GIL"), python = variable("PYTHON_GIL");
    if (!gil.empty())
      line.gil = gil_word(gil, gil);
    else if (!python.empty())
      line.gil = gil_word(python, "?");
  }
}

// The long options; false when it is not one.
bool long_option(const std::string& text, CommandLine& line) {
  size_t equals = text.find('=');
  std::string name = text.substr(0, equals),
              value = equals == std::string::npos ? "" : text.substr(equals + 1);
  auto need = [&] {
    if (value.empty()) usage_error("argument expected for the " + name + " option");
  };
  if (name == "--gil") {
    need();
    line.gil = gil_word(value, value);
  } else if (name == "--switch-interval") {
    need();
    char* end;
    line.options.switch_interval = std::strtod(value.c_str(), &end);
    if (*end != '\0') usage_error("invalid value for --switch-interval: " + value);
  } else if (name == "--check-interval") {
    need();
    long number;
    if (!whole_number(value, 1, INT_MAX, &number))
      usage_error("check interval must be from 1 to 2147483647, not " + value);
    line.options.check_interval = static_cast<int>(number);
  } else if (name == "--semantics") {
    need();
    line.options.semantics = value;
  } else if (name == "--gil-stats") {
    if (equals != std::string::npos) need();
    if (!value.empty() && value != "text" && value != "json")
      usage_error("--gil-stats is text or json, not " + value);
    line.options.gil_statistics = value.empty() ? "text" : value;
  } else if (name == "--deadlock") {
    need();
    if (value != "report" && value != "raise" && value != "exit" && value != "off")
      usage_error("--deadlock is report, raise, exit or off, not " + value);
    line.options.deadlock = value;
  } else if (name == "--python-lib") {
    need();
    line.options.python_lib = value;
  } else if (name == "--memory-limit") {
    need();
    char* end;
    line.options.memory_limit = std::strtoull(value.c_str(), &end, 10);
    if (*end != '\0' || value[0] < '0' || value[0] > '9')
      usage_error("invalid value for --memory-limit: " + value);
  } else {
    return false;
  }
  return true;
}

// -d: what to print and stop, or what to report while the program runs.
void debug_option(const std::string& list, CommandLine& line) {
  for (size_t begin = 0, end; begin <= list.size(); begin = end + 1) {
    end = std::min(list.find(',', begin), list.size());
    std::string what = list.substr(begin, end - begin);
    if (what == "tokens" || what == "ast" || what == "code")
      line.dump.push_back(what);
    else if (what == "gc" || what == "gil")
      line.options.debug.push_back(what);
    else
      usage_error("-d knows tokens, ast, code, gc and gil, not '" + what + "'");
  }
}

CommandLine parse(int argc, char** argv) {
  CommandLine line;
  minipy::Options& o = line.options;
  o.deadlock.clear();  // the command has another default than the library
  using Kind = minipy::Command::Kind;
  int i = 1;
  int version = 0;
  bool decided = false, help = false;
  auto remaining = [&](const std::string& first) {
    o.argv = {first};
    for (int k = i + 1; k < argc; ++k) o.argv.emplace_back(argv[k]);
  };
  for (; i < argc && !decided; ++i) {
    std::string text = argv[i];
    if (text == "-" || text.empty() || text[0] != '-') break;
    if (text == "--help" || text == "--help-all") text = "-h";
    if (text == "--version") text = "-V";
    if (text == "--check-hash-based-pycs") {  // there are none; the value is checked as CPython does
      if (i + 1 >= argc) usage_error("Argument expected for the --check-hash-based-pycs options");
      std::string value = argv[++i];
      if (value != "default" && value != "always" && value != "never")
        usage_error("--check-hash-based-pycs must be one of 'default', 'always', or 'never'");
      continue;
    }
    if (text == "--") {
      ++i;
      break;
    }
    if (text.starts_with("--")) {
      if (!long_option(text, line)) usage_error("unknown option " + text);
      continue;
    }
    for (size_t k = 1; k < text.size(); ++k) {
      char c = text[k];
      auto argument = [&]() -> std::string {  // the rest of this word, or the next one
        if (k + 1 < text.size()) {
          std::string rest = text.substr(k + 1);
          k = text.size();
          return rest;
        }
        if (i + 1 >= argc) usage_error(std::string("Argument expected for the -") + c + " option");
        k = text.size();
        return argv[++i];
      };
      switch (c) {
        case 'b': ++o.bytes_warning; break;
        case 'B': o.dont_write_bytecode = true; break;
        case 'c':
          line.command.kind = Kind::Text;
          line.command.target = argument();
          remaining("-c");
          decided = true;
          break;
        case 'm':
          line.command.kind = Kind::Module;
          line.command.target = argument();
          remaining("-m");
          decided = true;
          break;
        case 'd': debug_option(argument(), line); break;
        case 'E': o.ignore_environment = true; break;
        case 'h':
        case '?': help = true; break;
        case 'i': o.inspect = o.interactive = true; break;
        case 'I': o.isolated = o.ignore_environment = o.safe_path = true; break;
        case 'O': ++o.optimize; break;
        case 'P': o.safe_path = true; break;
        case 'q': o.quiet = true; break;
        case 'R':
        case 's':
        case 't': break;  // nothing to turn off
        case 'S': o.no_site = true; break;
        case 'u': o.unbuffered = true; break;
        case 'v': o.verbose = true; break;
        case 'V': ++version; break;
        case 'W': o.warn_options.push_back(argument()); break;
        case 'X': x_option(argument(), line); break;
        case 'x': line.command.skip_first_line = true; break;
        case 'J': usage_error("-J is reserved for Jython");
        default: usage_error(std::string("Unknown option: -") + c);
      }
      if (decided) break;
    }
  }
  if (help) {
    std::fputs(kHelp, stdout);
    std::exit(std::fflush(stdout) == 0 ? 0 : 1);
  }
  if (version > 0) {
    std::printf("Python 3.13.0 (minipy %s)%s\n", minipy::version().c_str(), version > 1 ? " [C++20]" : "");
    std::exit(std::fflush(stdout) == 0 ? 0 : 1);
  }
  if (!o.ignore_environment) read_environment(line);
  if (!line.utf8_given) o.utf8_mode = !locale_is_utf8();
  if (!decided) {
    // A file of that name is a script.
    for (const char* name : {"dis", "atomic"}) {
      if (i >= argc || std::strcmp(argv[i], name) != 0 || access(name, F_OK) == 0) continue;
      if (i > 1) usage_error(std::string(name) + " takes no options: " + argv[1]);
      line.atomic = *name == 'a';
      if (!line.atomic) line.dump = {"code"};
      if (++i == argc) usage_error(std::string("file expected behind ") + name);
      if (std::strcmp(argv[i], "-h") == 0 || std::strcmp(argv[i], "--help") == 0) {
        std::printf("usage: minipy %s\nTry `minipy -h' for more information.\n",
                    line.atomic ? "atomic FILE[:LINE]" : "dis FILE");
        std::exit(std::fflush(stdout) == 0 ? 0 : 1);
      }
      const char* wrong = argv[i][0] == '-' && argv[i][1] != '\0' ? argv[i] : argv[i + 1];
      if (wrong != nullptr) usage_error(std::string(name) + " takes one file and nothing else: " + wrong);
      break;
    }
    if (i < argc && std::strcmp(argv[i], "-") != 0) {
      line.command.kind = Kind::File;
      line.command.target = argv[i];
      remaining(argv[i]);
    } else if (i < argc) {
      line.command.kind = Kind::StandardInput;
      remaining("-");
    } else {
      bool terminal = isatty(0) == 1;
      line.command.kind = terminal || o.interactive ? Kind::Interactive : Kind::StandardInput;
      o.argv = {""};
    }
  }
  line.command.interactive_after = o.inspect && line.command.kind != Kind::Interactive;
  if (o.dev_mode) {
    o.warn_options.insert(o.warn_options.begin(), "default");
    line.faulthandler = true;
  }
  if (o.bytes_warning > 0)
    o.warn_options.push_back(o.bytes_warning > 1 ? "error::BytesWarning" : "default::BytesWarning");
  return line;
}

// As scripts are named in messages.
std::string absolute_path(const std::string& name) {
  char here[4096];
  if (name.starts_with('/') || getcwd(here, sizeof here) == nullptr) return name;
  return std::string(here) + "/" + name;
}

std::string shown_name(const std::string& name) { return name == "-" ? "<stdin>" : absolute_path(name); }

// The bytes of a file, "-": standard input. False with a message as for a script that cannot be opened.
bool read_program(const std::string& name, std::string* text) {
  FILE* in = name == "-" ? stdin : std::fopen(name.c_str(), "rb");
  text->clear();
  char buffer[65536];
  size_t n;
  while (in != nullptr && (n = std::fread(buffer, 1, sizeof buffer, in)) > 0) text->append(buffer, n);
  if (in != nullptr && !std::ferror(in)) {
    std::fclose(in);
    return true;
  }
  int error = errno;
  if (in != nullptr) std::fclose(in);
  std::fprintf(stderr, "%s: can't open file '%s': [Errno %d] %s\n", program_invocation_name,
               absolute_path(name).c_str(), error, std::strerror(error));
  return false;
}

// `minipy atomic FILE[:LINE]`
int print_atomicity(const std::string& target) {
  std::string name = target, text;
  long line = 0;
  size_t colon = target.rfind(':');
  bool one_line = colon != std::string::npos && access(name.c_str(), F_OK) != 0 &&
                  whole_number(target.substr(colon + 1), 0, 0x7fffffff, &line);
  if (one_line) name.resize(colon);
  if (!read_program(name, &text)) return 2;
  if (one_line && line == 0) line = -1;  // no line, where 0 stands for all
  try {
    std::string table = minipy::Runtime::atomicity(text, shown_name(name), static_cast<int>(line));
    std::fputs(table.c_str(), stdout);
  } catch (const minipy::Error& error) {
    if (error.type() == "ValueError" && error.traceback().empty()) {
      std::fprintf(stderr, "%s: no line %ld in '%s': %s\n", program_invocation_name, std::max(line, 0L),
                   name.c_str(), error.what());
      return 2;
    }
    std::fputs(error.traceback().c_str(), stderr);
    return 1;
  }
  return std::fflush(stdout) == 0 ? 0 : 1;
}

// -d: text of the program, without running it.
int dump_stages(const CommandLine& line) {
  std::string text = line.command.target, name = "<string>";
  if (line.command.kind == minipy::Command::Kind::Module)
    usage_error("-d " + line.dump.front() + " takes a file or -c");
  if (line.command.kind != minipy::Command::Kind::Text) {
    std::string file = line.command.kind == minipy::Command::Kind::File ? text : "-";
    if (!read_program(file, &text)) return 2;
    name = shown_name(file);
  }
  for (const std::string& stage : line.dump) {
    try {
      std::fputs(minipy::Runtime::dump(stage, text, name).c_str(), stdout);
    } catch (const minipy::Error& error) {
      std::fputs(error.traceback().c_str(), stderr);
      return 1;
    }
  }
  return std::fflush(stdout) == 0 ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  prefault();
  CommandLine line = parse(argc, argv);
  if (!line.dump.empty()) return dump_stages(line);
  if (line.atomic) return print_atomicity(line.command.target.empty() ? "-" : line.command.target);
  minipy::Options& options = line.options;
  options.executable = argv[0];
  options.orig_argv.assign(argv, argv + argc);
  options.install_signal_handlers = true;
  if (options.deadlock.empty()) options.deadlock = "report";
  if (std::strchr(argv[0], '/') != nullptr) {
    if (char* path = realpath(argv[0], nullptr); path != nullptr) {
      options.executable = path;
      std::free(path);
    }
  } else if (char buffer[4096]; ssize_t n = readlink("/proc/self/exe", buffer, sizeof buffer)) {
    if (n > 0) options.executable.assign(buffer, static_cast<size_t>(n));
  }
  if (line.gil == "?") fatal_error("config_read_gil", "PYTHON_GIL / -X gil must be \"0\" or \"1\"");
  options.gil = line.gil != "off" && line.gil != "none";
  options.gil_policy = line.gil;
  int status;
  std::unique_ptr<minipy::Runtime> runtime;
  try {
    runtime = std::make_unique<minipy::Runtime>(options);
  } catch (const minipy::Error& error) {
    if (error.type() == "ValueError") usage_error(error.what());  // an option's value
    std::fprintf(stderr, "minipy: %s\n", error.what());
    return 1;
  }
  try {
    if (line.faulthandler) runtime->import("faulthandler").attribute("enable")();
    if (!options.warn_options.empty()) runtime->import("warnings");  // reports what it cannot read
    status = runtime->run(line.command);
    int finish = runtime->finish();
    if (finish != 0) status = finish;
    std::fflush(nullptr);
    if (status == 130) {
      // Die of the signal, so that the shell sees Ctrl-C.
      signal(SIGINT, SIG_DFL);
      raise(SIGINT);
    }
#ifdef MINIPY_COUNTING
    __llvm_profile_write_file();
#endif
    _exit(status);  // the process ends: nothing is worth freeing
  } catch (const minipy::Error& error) {
    std::fprintf(stderr, "minipy: %s\n", error.what());
    return 1;
  }
}

// The `minipy` command: reads its options (CPython's, which end at the script) and hands the rest to the
// library.
#include <signal.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <sstream>

#include "minipy/minipy.h"

namespace {

constexpr const char* kHelp = R"(usage: minipy [option] ... [-c cmd | -m mod | file | -] [arg] ...
       minipy dis FILE
Options:
-b       : issue warnings about mixing bytes and str (-bb: errors)
-B       : do not write byte code files (always so)
-c cmd   : program passed in as string (ends the options)
-d what  : print a stage of the front end and stop: tokens, ast, code
-E       : ignore PYTHON* and MINIPY* environment variables
-h       : print this help and exit (also --help)
-i       : interactive prompt after running the script
-I       : isolate from the user's environment (implies -E, -P and -s)
-m mod   : run a library module as a script (ends the options)
-O       : remove assert statements; -OO: docstrings as well
-P       : do not prepend an unsafe path to sys.path
-q       : no version message at the interactive prompt
-s, -S   : no user site directory; no `import site` (always so)
-u       : unbuffered standard output and error
-v       : verbose
-V       : print the version and exit (also --version)
-W arg   : warning control: action:message:category:module:lineno
-X opt   : implementation-specific option: gil=0|1, dev, utf8
--gil=on|off|POLICY    the global interpreter lock; off: threads run in parallel
--python-lib=DIR|none  the installed CPython library to fall back on
--memory-limit=BYTES   MemoryError beyond this heap size
file     : program read from a script file
-        : program read from standard input (the default; interactive on a terminal)
arg ...  : arguments passed to the program in sys.argv[1:]

Environment variables:
MINIPYPATH, PYTHONPATH  directories put in front of the module search path
PYTHON_GIL              1 or 0: as --gil=on, --gil=off
MINIPY_PYTHON_LIB       as --python-lib
)";

struct CommandLine {
  minipy::Options options;
  minipy::Command command;
  std::string dump;  // -d, dis
  std::string gil;   // --gil, -X gil
};

[[noreturn]] void usage_error(const std::string& message) {
  std::fprintf(stderr,
               "minipy: %s\nusage: minipy [option] ... [-c cmd | -m mod | file | -] [arg] ...\nTry `minipy "
               "-h' for more information.\n",
               message.c_str());
  std::exit(2);
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
    line.gil = value;
  } else if (name == "--python-lib") {
    need();
    line.options.python_lib = value;
  } else if (name == "--memory-limit") {
    need();
    char* end;
    line.options.memory_limit = std::strtoull(value.c_str(), &end, 10);
    if (*end != '\0') usage_error("invalid value for --memory-limit: " + value);
  } else {
    return false;
  }
  return true;
}

CommandLine parse(int argc, char** argv) {
  CommandLine line;
  minipy::Options& o = line.options;
  using Kind = minipy::Command::Kind;
  int i = 1;
  bool decided = false;
  auto remaining = [&](const std::string& first) {
    o.argv = {first};
    for (int k = i + 1; k < argc; ++k) o.argv.emplace_back(argv[k]);
  };
  for (; i < argc && !decided; ++i) {
    std::string text = argv[i];
    if (text == "-" || text.empty() || text[0] != '-') break;
    if (text == "--help") {
      std::fputs(kHelp, stdout);
      std::exit(0);
    }
    if (text == "--version") text = "-V";
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
        if (i + 1 >= argc) usage_error(std::string("argument expected for the -") + c + " option");
        k = text.size();
        return argv[++i];
      };
      switch (c) {
        case 'b': ++o.bytes_warning; break;
        case 'B': o.dont_write_bytecode = true; break;
        case 'c':
          line.command = {Kind::Text, argument(), false};
          remaining("-c");
          decided = true;
          break;
        case 'm':
          line.command = {Kind::Module, argument(), false};
          remaining("-m");
          decided = true;
          break;
        case 'd': line.dump = argument(); break;
        case 'E': o.ignore_environment = true; break;
        case 'h':
        case '?': std::fputs(kHelp, stdout); std::exit(0);
        case 'i': o.inspect = o.interactive = true; break;
        case 'I': o.isolated = o.ignore_environment = o.safe_path = true; break;
        case 'O': ++o.optimize; break;
        case 'P': o.safe_path = true; break;
        case 'q': o.quiet = true; break;
        case 's': break;
        case 'S': o.no_site = true; break;
        case 'u': o.unbuffered = true; break;
        case 'v': o.verbose = true; break;
        case 'V': std::printf("Python 3.13.0 (minipy %s)\n", minipy::version().c_str()); std::exit(0);
        case 'W': o.warn_options.push_back(argument()); break;
        case 'X': {
          std::string option = argument();
          if (option.starts_with("gil="))
            line.gil = option.substr(4) == "0" ? "off" : option.substr(4) == "1" ? "on" : "?";
          if (option == "dev") o.dev_mode = true;
          o.x_options.push_back(option);
          break;
        }
        default: usage_error(std::string("Unknown option: -") + c);
      }
      if (decided) break;
    }
  }
  if (!decided) {
    if (i < argc && std::strcmp(argv[i], "dis") == 0 && i + 1 < argc && access("dis", F_OK) != 0) {
      line.dump = "code";
      ++i;
    }
    if (i < argc && std::strcmp(argv[i], "-") != 0) {
      line.command = {Kind::File, argv[i], false};
      remaining(argv[i]);
    } else if (i < argc) {
      line.command = {Kind::StandardInput, "", false};
      remaining("-");
    } else {
      bool terminal = isatty(0) == 1;
      line.command = {terminal || o.interactive ? Kind::Interactive : Kind::StandardInput, "", false};
      o.argv = {""};
    }
  }
  line.command.interactive_after = o.inspect && line.command.kind != Kind::Interactive;
  return line;
}

// -d: text of the program, without running it.
int dump_stages(const CommandLine& line) {
  std::string text = line.command.target, name = "<string>";
  if (line.command.kind == minipy::Command::Kind::File) {
    name = line.command.target;
    std::ifstream in(name, std::ios::binary);
    if (!in) {
      std::fprintf(stderr, "minipy: can't open file '%s': [Errno %d] %s\n", name.c_str(), errno,
                   std::strerror(errno));
      return 2;
    }
    std::stringstream buffer;
    buffer << in.rdbuf();
    text = buffer.str();
  }
  std::stringstream stages(line.dump);
  for (std::string stage; std::getline(stages, stage, ',');) {
    if (stage != "tokens" && stage != "ast" && stage != "code")
      usage_error("-d knows tokens, ast and code, not '" + stage + "'");
    try {
      std::fputs(minipy::Runtime::dump(stage, text, name).c_str(), stdout);
    } catch (const minipy::Error& error) {
      std::fputs(error.traceback().c_str(), stderr);
      return 1;
    }
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  CommandLine line = parse(argc, argv);
  if (!line.dump.empty()) return dump_stages(line);
  minipy::Options& options = line.options;
  options.executable = argv[0];
  options.install_signal_handlers = true;
  if (std::strchr(argv[0], '/') != nullptr) {
    if (char* path = realpath(argv[0], nullptr); path != nullptr) {
      options.executable = path;
      std::free(path);
    }
  } else if (char buffer[4096]; ssize_t n = readlink("/proc/self/exe", buffer, sizeof buffer)) {
    if (n > 0) options.executable.assign(buffer, static_cast<size_t>(n));
  }
  if (line.gil.empty() && !options.ignore_environment) {
    if (const char* variable = std::getenv("MINIPY_GIL"); variable != nullptr && *variable != '\0')
      line.gil = variable;
    else if (const char* python = std::getenv("PYTHON_GIL"); python != nullptr && *python != '\0')
      line.gil = std::strcmp(python, "0") == 0 ? "off" : "on";
  }
  if (line.gil == "off" || line.gil == "none")
    options.gil = false;
  else if (line.gil == "?")
    usage_error("PYTHON_GIL / -X gil must be \"0\" or \"1\"");
  else if (!line.gil.empty() && line.gil != "on")
    options.gil_policy = line.gil;
  if (const char* unbuffered = std::getenv("PYTHONUNBUFFERED");
      unbuffered != nullptr && *unbuffered != '\0' && !options.ignore_environment)
    options.unbuffered = true;
  int status;
  try {
    minipy::Runtime runtime(options);
    status = runtime.run(line.command);
    int finish = runtime.finish();
    if (finish != 0) status = finish;
    std::fflush(nullptr);
    if (status == 130) {
      // Die of the signal, so that the shell sees Ctrl-C.
      signal(SIGINT, SIG_DFL);
      raise(SIGINT);
    }
    _exit(status);  // the process ends: nothing is worth freeing
  } catch (const minipy::Error& error) {
    std::fprintf(stderr, "minipy: %s\n", error.what());
    return 1;
  }
}

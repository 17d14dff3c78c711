#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <regex>

#include "expectations.h"
#include "process.h"
#include "runner.h"

namespace runner {
namespace {

namespace fs = std::filesystem;

ProcessOptions interpreter(const Settings& settings, const std::string& binary) {
  ProcessOptions options;
  options.command = {binary};
  options.command.insert(options.command.end(), settings.options.begin(), settings.options.end());
  options.time_limit = settings.time_limit > 0 ? settings.time_limit : default_time_limit();
  options.memory_limit = settings.memory_limit > 0 ? settings.memory_limit : default_memory_limit();
  options.environment = {{"PYTHONDONTWRITEBYTECODE", "1"},
                         {"PYTHONHASHSEED", "0"},
                         {"PYTHONUTF8", "1"},
                         {"PYTHON_COLORS", "0"},
                         {"NO_COLOR", "1"},
                         {"TERM", "dumb"},
                         {"LC_ALL", "C.UTF-8"},
                         {"TZ", "UTC"}};
  return options;
}

void show_errors(const ProcessResult& result) {
  if (result.timed_out) printf("  it ran into its time limit\n");
  if (!result.err.empty()) printf("  standard error:\n%s\n", result.err.substr(0, 6000).c_str());
}

// A folder for a rewritten copy, removed with what is in it.
struct TemporaryDirectory {
  std::string path = make_temporary_directory();
  ~TemporaryDirectory() {
    std::error_code ignored;
    fs::remove_all(path, ignored);
  }
};

ProcessResult run_parsed(const Settings& settings, const std::string& binary, const Script& script,
                         const std::string& path, const TemporaryDirectory& scratch) {
  ProcessOptions options = interpreter(settings, binary);
  std::string file = fs::absolute(path), home = fs::path(file).parent_path();
  if (script.rewritten) {
    file = scratch.path + "/" + fs::path(path).filename().string();
    write_file(file, script.source);
    options.environment.emplace_back("MINIPYPATH", home);
    options.environment.emplace_back("PYTHONPATH", home);
  }
  for (const auto& option : script.options) options.command.push_back(option);
  options.command.push_back(file);
  for (const auto& argument : script.arguments) options.command.push_back(argument);
  for (const auto& variable : script.environment) options.environment.push_back(variable);
  options.environment.emplace_back("MINIPY_TEST_TMP", scratch.path);
  options.input = script.input;
  options.directory = home;
  return run_process(options);
}

std::string judge(const Script& script, const ProcessResult& result, const std::string& path) {
  std::string problem = compare_output(script.expected, result.out, path);
  if (result.status != script.exit_status)
    problem += path + ": exit status " + std::to_string(result.status) + ", expected " +
               std::to_string(script.exit_status) + "\n";
  if (!script.error_pattern.empty() && !std::regex_search(result.err, std::regex(script.error_pattern)))
    problem += path + ": standard error does not match " + script.error_pattern + "\n";
  return problem;
}

bool is_helper(const fs::path& path, const fs::path& root) {
  for (const auto& part : fs::relative(path, root))
    if (part.string()[0] == '_') return true;
  return false;
}

std::vector<fs::path> scripts_under(const std::string& directory) {
  std::vector<fs::path> found;
  for (const auto& entry : fs::recursive_directory_iterator(directory))
    if (entry.path().extension() == ".mp" && !is_helper(entry.path(), directory))
      found.push_back(entry.path());
  std::sort(found.begin(), found.end());
  return found;
}

}  // namespace

int run_script(const Settings& settings, const std::string& path) {
  bool found = false;
  Script script = parse_script(read_file(path, &found));
  if (!found) return printf("%s: no such file\n", path.c_str()), kFailed;
  TemporaryDirectory scratch;
  ProcessResult result = run_parsed(settings, settings.binary, script, path, scratch);
  std::string problem = judge(script, result, path);
  if (script.expected.empty() && script.exit_status == 0 && script.error_pattern.empty())
    problem += path + ": it expects nothing\n";
  if (problem.empty()) return kPassed;
  printf("%s", problem.c_str());
  show_errors(result);
  return kFailed;
}

int run_sample(const Settings& settings, const std::string& path) {
  Script script = parse_script(read_file(path));
  TemporaryDirectory scratch;
  script.rewritten = false;
  ProcessResult result = run_parsed(settings, settings.binary, script, path, scratch);
  bool found = false;
  std::string out_path = path.substr(0, path.rfind('.')) + ".out";
  std::string expected = read_file(out_path, &found);
  if (!found) return printf("%s is missing\n", out_path.c_str()), kFailed;
  std::string problem = compare_texts(expected, result.out, out_path);
  if (result.status != script.exit_status)
    problem += path + ": exit status " + std::to_string(result.status) + "\n";
  if (problem.empty()) return kPassed;
  printf("%s", problem.c_str());
  show_errors(result);
  return kFailed;
}

int run_golden(const Settings& settings, const std::string& kind, const std::string& path) {
  ProcessOptions options = interpreter(settings, settings.binary);
  options.command.insert(options.command.end(), {"-d", kind, fs::path(path).filename()});
  options.directory = fs::absolute(path).parent_path();
  ProcessResult result = run_process(options);
  std::string text_path = path.substr(0, path.rfind('.')) + ".txt";
  const char* accept = getenv("MINIPY_ACCEPT");
  if (accept && std::string(accept) == "1" && result.status == 0) {
    write_file(text_path, result.out);
    printf("rewrote %s\n", text_path.c_str());
    return kPassed;
  }
  std::string problem = compare_texts(read_file(text_path), result.out, text_path);
  if (result.status != 0) problem += path + ": exit status " + std::to_string(result.status) + "\n";
  if (problem.empty()) return kPassed;
  printf("%s", problem.c_str());
  show_errors(result);
  return kFailed;
}

namespace {

// One chunk of a tests/errors file: the last line of standard error and the last line number it names.
std::string check_chunk(const Settings& settings, const std::string& path,
                        const std::vector<std::string>& lines, size_t first,
                        const TemporaryDirectory& scratch) {
  const std::string mark = "#! ";
  std::string source, message;
  int line = 0, expected_line = 0;
  for (const std::string& text : lines) {
    size_t at = text.rfind(mark);
    if (at != std::string::npos) message = strip(text.substr(at + mark.size()));
    if (at == text.find_first_not_of(" \t") && at != std::string::npos)
      continue;  // about the chunk, no line of it
    ++line;
    if (at != std::string::npos) expected_line = line;
    source += text + "\n";
  }
  std::string file = scratch.path + "/chunk.mp", where = path + ":" + std::to_string(first) + ": ";
  write_file(file, source);
  ProcessOptions options = interpreter(settings, settings.binary);
  options.command.push_back(file);
  options.directory = scratch.path;
  ProcessResult result = run_process(options);
  if (message.empty()) {
    if (result.status == 0) return "";
    return where + "expected no error\n" + result.err.substr(0, 2000) + "\n";
  }
  std::vector<std::string> errors = split_lines(result.err);
  std::string last = errors.empty() ? "" : errors.back();
  if (last != message || result.status != 1)
    return where + "exit status " + std::to_string(result.status) + "\n  expected: " + message +
           "\n  printed:  " + last + "\n";
  std::string number = ", line " + std::to_string(expected_line);
  size_t at = result.err.rfind(", line ");
  if (expected_line == 0 || at == std::string::npos) return "";
  std::string found = result.err.substr(at, result.err.find_first_of(",\n", at + 1) - at);
  if (found == number) return "";
  return where + "the error is at \"" + found.substr(2) + "\", expected \"" + number.substr(2) + "\"\n";
}

}  // namespace

int run_errors(const Settings& settings, const std::string& path) {
  TemporaryDirectory scratch;
  std::vector<std::string> chunk;
  std::vector<std::string> lines = split_lines(read_file(path));
  lines.push_back("---");
  int failed = 0, total = 0;
  size_t first = 1;
  for (size_t i = 0; i < lines.size(); ++i) {
    if (lines[i] != "---") {
      chunk.push_back(lines[i]);
      continue;
    }
    bool blank =
        std::all_of(chunk.begin(), chunk.end(), [](const std::string& line) { return strip(line).empty(); });
    if (!blank) {
      ++total;
      std::string problem = check_chunk(settings, path, chunk, first, scratch);
      if (!problem.empty()) ++failed, printf("%s", problem.c_str());
    }
    chunk.clear();
    first = i + 2;
  }
  printf("%d of %d chunks as expected\n", total - failed, total);
  return failed || total == 0 ? kFailed : kPassed;
}

int run_oracle(const Settings& settings) {
  ProcessOptions probe = interpreter({}, settings.python);
  probe.command.insert(probe.command.end(), {"-c", "import sys; print(sys.version_info >= (3, 11))"});
  probe.time_limit = 20;
  if (strip(run_process(probe).out.substr(0, 4)) != "True") {
    printf("SKIPPED: no python3 of 3.11 or newer as \"%s\"\n", settings.python.c_str());
    return kSkipped;
  }
  int compared = 0, differ = 0, left_out = 0;
  for (const fs::path& path : scripts_under(settings.directory)) {
    Script script = parse_script(read_file(path));
    std::string id =
        fs::path(settings.directory).parent_path().filename().string() + "/" +
        fs::relative(path, fs::path(settings.directory).parent_path()).replace_extension("").string();
    if (!script.no_oracle.empty() || !known_failure(settings.known, id).empty()) {
      ++left_out;
      continue;
    }
    TemporaryDirectory scratch;
    Settings plain = settings;
    plain.options.clear();
    ProcessResult theirs = run_parsed(plain, settings.python, script, path, scratch);
    ProcessResult ours = run_parsed(settings, settings.binary, script, path, scratch);
    std::string problem = compare_texts(theirs.out, ours.out, path);
    if (ours.status != theirs.status)
      problem += path.string() + ": exit status " + std::to_string(ours.status) + ", python3 " +
                 std::to_string(theirs.status) + "\n";
    ++compared;
    if (problem.empty()) continue;
    ++differ;
    printf("%s", problem.c_str());
  }
  printf("%d scripts compared, %d differ, %d left out (# oracle: no, or a known failure)\n", compared, differ,
         left_out);
  return differ ? kFailed : kPassed;
}

std::string known_failure(const std::string& table, const std::string& id) {
  for (const std::string& line : split_lines(read_file(table))) {
    size_t colon = line.find(": ");
    if (line.empty() || line[0] == '#' || colon == std::string::npos) continue;
    if (line.substr(0, colon) == id) return strip(line.substr(colon + 2));
  }
  return "";
}

}  // namespace runner

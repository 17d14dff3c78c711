// CPython's own test files under minipy: each file in a process of its own, resumed after a crash or a hang.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <set>

#include "expectations.h"
#include "process.h"
#include "runner.h"

namespace runner {
namespace {

namespace fs = std::filesystem;

constexpr int kMaxRestarts = 25;

struct Outcome {
  std::string event;  // pass fail skip crash hang
  std::string detail;
};

struct Tables {
  std::map<std::string, std::string> skip, fail;  // test id to reason
  std::map<std::string, int> ratchet;             // file to the least number of passes
};

struct FileResult {
  std::map<std::string, Outcome> tests;
  int passed = 0, failed = 0, skipped = 0;
  double seconds = 0;
};

std::vector<std::string> split_tabs(const std::string& line) {
  std::vector<std::string> fields(1);
  for (char c : line) {
    if (c == '\t')
      fields.emplace_back();
    else
      fields.back() += c;
  }
  fields.resize(3);
  return fields;
}

Tables read_tables(const std::string& directory) {
  Tables tables;
  for (const std::string& line : split_lines(read_file(directory + "/expected.txt"))) {
    size_t colon = line.find(": ");
    if (line.size() < 6 || line[0] == '#' || colon == std::string::npos) continue;
    std::string id = strip(line.substr(5, colon - 5)), reason = strip(line.substr(colon + 2));
    if (line.compare(0, 5, "skip ") == 0) tables.skip[id] = reason;
    if (line.compare(0, 5, "fail ") == 0) tables.fail[id] = reason;
  }
  for (const std::string& line : split_lines(read_file(directory + "/ratchet.txt"))) {
    std::vector<std::string> words = split_words(line);
    if (words.size() == 2 && line[0] != '#') tables.ratchet[words[0]] = atoi(words[1].c_str());
  }
  return tables;
}

FileResult run_file(const Settings& settings, const Tables& tables, const std::string& name,
                    const std::string& library) {
  FileResult file;
  std::string scratch = make_temporary_directory();
  auto started = std::chrono::steady_clock::now();
  std::set<std::string> settled;
  for (const auto& [id, reason] : tables.skip) settled.insert(id);
  for (int round = 0; round < kMaxRestarts; ++round) {
    std::string report = scratch + "/report", done = scratch + "/done";
    write_file(report, "");
    std::string text;
    for (const std::string& id : settled) text += id + "\n";
    write_file(done, text);
    ProcessOptions options;
    options.command = {settings.binary};
    options.command.insert(options.command.end(), settings.options.begin(), settings.options.end());
    options.command.insert(options.command.end(),
                           {fs::absolute(settings.directory + "/run_one.mp"), name, report, done});
    options.time_limit = settings.time_limit > 0 ? settings.time_limit : 120;
    options.memory_limit = settings.memory_limit > 0 ? settings.memory_limit : default_memory_limit();
    options.directory = scratch;
    options.environment = {{"MINIPY_SUITE_LIB", library},
                           {"PYTHONDONTWRITEBYTECODE", "1"},
                           {"TERM", "dumb"},
                           {"LC_ALL", "C.UTF-8"},
                           {"NO_COLOR", "1"}};
    ProcessResult result = run_process(options);
    std::string running;
    bool finished = false, progress = false;
    for (const std::string& line : split_lines(read_file(report))) {
      std::vector<std::string> fields = split_tabs(line);
      if (fields[0] == "done")
        finished = true;
      else if (fields[0] == "start")
        running = fields[1];
      else if (!fields[1].empty()) {
        file.tests[fields[1]] = {fields[0], fields[2]};
        settled.insert(fields[1]);
        progress = true;
        if (running == fields[1]) running.clear();
      }
    }
    if (finished) break;
    if (!running.empty()) {
      std::string last = result.err.substr(result.err.size() > 300 ? result.err.size() - 300 : 0);
      file.tests[running] = {result.timed_out ? "hang" : "crash",
                             "status " + std::to_string(result.status) + " " + last};
      settled.insert(running);
    } else if (!progress) {
      file.tests["test." + name] = {
          result.timed_out ? "hang" : "crash",
          "status " + std::to_string(result.status) + " " + result.err.substr(0, 300)};
      break;
    }
  }
  for (const auto& [id, outcome] : file.tests) {
    if (outcome.event == "pass")
      ++file.passed;
    else if (outcome.event == "skip")
      ++file.skipped;
    else
      ++file.failed;
  }
  file.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - started).count();
  std::error_code ignored;
  fs::remove_all(scratch, ignored);
  return file;
}

// A page that has the two marks keeps the rest of its text.
void write_table(const std::string& path, const std::string& table) {
  const std::string begin = "<!-- suite: begin -->\n", end = "<!-- suite: end -->";
  std::string page = read_file(path);
  size_t start = page.find(begin), stop = page.find(end);
  if (start == std::string::npos || stop == std::string::npos) return write_file(path, table);
  start += begin.size();
  write_file(path, page.substr(0, start) + table + page.substr(stop));
}

// The newest /usr/lib/python3.N that has the test package.
std::string find_library() {
  for (int minor = 20; minor >= 11; --minor) {
    std::string path = "/usr/lib/python3." + std::to_string(minor);
    if (fs::exists(path + "/test/test_grammar.py")) return path;
  }
  return "";
}

}  // namespace

// suite [--check] [--accept] [--details] [--table FILE] [TEST...]
int run_suite(const Settings& settings, const std::vector<std::string>& arguments) {
  bool check = false, accept = false, details = false;
  std::string table_path;
  std::vector<std::string> names;
  for (size_t i = 0; i < arguments.size(); ++i) {
    if (arguments[i] == "--check")
      check = true;
    else if (arguments[i] == "--accept")
      accept = true;
    else if (arguments[i] == "--details")
      details = true;
    else if (arguments[i] == "--table" && i + 1 < arguments.size())
      table_path = arguments[++i];
    else
      names.push_back(arguments[i]);
  }
  std::string library = find_library();
  if (library.empty()) {
    printf("SKIPPED: no CPython test suite here (Debian: libpython3.11-testsuite)\n");
    return kSkipped;
  }
  Tables tables = read_tables(settings.directory);
  if (names.empty()) names = split_lines(read_file(settings.directory + "/tests.txt"));
  std::string table = "| file | passed | failed | skipped | of those run |\n|---|---:|---:|---:|---:|\n";
  int passed = 0, failed = 0, skipped = 0, breaches = 0;
  printf("%-24s %7s %7s %7s %7s %8s\n", "file", "passed", "failed", "skipped", "", "seconds");
  for (const std::string& name : names) {
    FileResult file = run_file(settings, tables, name, library);
    passed += file.passed;
    failed += file.failed;
    skipped += file.skipped;
    int run = std::max(file.passed + file.failed, 1);
    char row[300];
    snprintf(row, sizeof row, "%-24s %7d %7d %7d %6.1f%% %8.1f", name.c_str(), file.passed, file.failed,
             file.skipped, 100.0 * file.passed / run, file.seconds);
    printf("%s\n", row);
    snprintf(row, sizeof row, "| %s | %d | %d | %d | %.1f %% |\n", name.c_str(), file.passed, file.failed,
             file.skipped, 100.0 * file.passed / run);
    table += row;
    for (const auto& [id, outcome] : file.tests) {
      bool is_pass = outcome.event == "pass", is_skip = outcome.event == "skip";
      if (is_pass && tables.fail.count(id)) {
        printf("  %s passes: take it out of expected.txt\n", id.c_str());
        ++breaches;
      }
      if (details && !is_pass && !is_skip)
        printf("  %s %s: %s\n", outcome.event.c_str(), id.c_str(), outcome.detail.c_str());
    }
    auto floor = tables.ratchet.find(name);
    if (check && floor != tables.ratchet.end() && file.passed < floor->second) {
      printf("  %s passed %d, the ratchet holds %d\n", name.c_str(), file.passed, floor->second);
      ++breaches;
      for (const auto& [id, outcome] : file.tests)
        if (outcome.event != "pass" && outcome.event != "skip" && !details)
          printf("  %s %s: %s\n", outcome.event.c_str(), id.c_str(), outcome.detail.c_str());
    }
    if (accept) tables.ratchet[name] = file.passed;
  }
  char row[300];
  double share = 100.0 * passed / std::max(passed + failed, 1);
  snprintf(row, sizeof row, "| **all** | %d | %d | %d | %.1f %% |\n", passed, failed, skipped, share);
  table += row;
  printf("%-24s %7d %7d %7d %6.1f%%\n", "all", passed, failed, skipped, share);
  if (accept) {
    std::string text =
        "# The least number of passes per file of CPython's suite; rewritten by `./dev suite --accept`.\n";
    for (const auto& [name, count] : tables.ratchet) text += name + " " + std::to_string(count) + "\n";
    write_file(settings.directory + "/ratchet.txt", text);
  }
  if (!table_path.empty()) write_table(table_path, table);
  return check && breaches ? kFailed : kPassed;
}

}  // namespace runner

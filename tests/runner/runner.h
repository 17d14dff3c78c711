// The kinds of tests that minipy_test runs; each returns an exit code: 0 passed, 1 failed, 77 skipped.
#pragma once

#include <string>
#include <vector>

namespace runner {

constexpr int kPassed = 0, kFailed = 1, kSkipped = 77;

struct Settings {
  std::string binary;                // minipy, or a python3 to validate the expectations themselves
  std::string python;                // the oracle
  std::string directory;             // what belongs to the kind: a folder of scripts, of tables
  std::string known;                 // tests/known_failures.txt
  std::vector<std::string> options;  // for the interpreter, added to the script's own
  double time_limit = 0;
  long memory_limit = 0;
};

int run_script(const Settings& settings, const std::string& path);
int run_errors(const Settings& settings, const std::string& path);
int run_golden(const Settings& settings, const std::string& kind, const std::string& path);
int run_sample(const Settings& settings, const std::string& path);
int run_oracle(const Settings& settings);
int run_suite(const Settings& settings, const std::vector<std::string>& arguments);

// The reason if tests/known_failures.txt names this test, else empty.
std::string known_failure(const std::string& table, const std::string& id);

}  // namespace runner

// Reads the expectations that a script carries in its comments, and says how output differs from them.
// tests/README.md defines the notation. It does not run anything.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace runner {

struct Expectation {
  int line;  // in the script, 1-based
  std::string text;
};

struct Script {
  std::vector<std::string> options;    // `# options:` for the interpreter, before the file
  std::vector<std::string> arguments;  // `# args:` for the script
  std::vector<std::pair<std::string, std::string>> environment;  // `# env: NAME=VALUE`
  std::string input;                                             // `# stdin:` with \n escapes
  int exit_status = 0;                                           // `# exit:`
  std::string error_pattern;                                     // `# stderr:` a regular expression
  std::string no_oracle;                                         // `# oracle: no, REASON`; empty: compare
  std::vector<Expectation> expected;
  std::string source;      // what to run
  bool rewritten = false;  // some statement was wrapped because it is expected to raise
};

Script parse_script(const std::string& text);

// Empty when `out` is what is expected, else a report of the first difference.
std::string compare_output(const std::vector<Expectation>& expected, const std::string& out,
                           const std::string& path);

// The same for two whole texts.
std::string compare_texts(const std::string& expected, const std::string& actual, const std::string& path);

std::string strip(const std::string& text);
std::vector<std::string> split_words(const std::string& text);

}  // namespace runner

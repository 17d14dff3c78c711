// Runs a child process with a time limit and a memory limit and collects what it writes.
// It knows nothing about tests or about minipy.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace runner {

struct ProcessOptions {
  std::vector<std::string> command;
  std::string input;                                             // all of standard input
  std::string directory;                                         // empty: ours
  std::vector<std::pair<std::string, std::string>> environment;  // added to ours; an empty value unsets
  double time_limit = 60;                                        // seconds of wall time
  long memory_limit = 0;                                         // bytes of address space, 0: none
};

struct ProcessResult {
  std::string out;
  std::string err;
  int status = 0;  // exit code, or 128 + signal
  bool timed_out = false;
};

ProcessResult run_process(const ProcessOptions& options);

// Address-space limits do not go with the sanitizers' shadow memory: 0 where this runner is sanitized.
long default_memory_limit();
// Sanitized and unoptimised builds get longer.
double default_time_limit();

std::string read_file(const std::string& path, bool* found = nullptr);
void write_file(const std::string& path, const std::string& text);
std::vector<std::string> split_lines(const std::string& text);
// A fresh directory under the system's temporary directory; the caller removes it.
std::string make_temporary_directory();

}  // namespace runner

// minipy_bench: runs each program of bench/programs in turn with minipy and every peer, prints medians and
// ratios. The programs time themselves (a line "elapsed SECONDS") and print a checksum, which must agree with
// minipy's.
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <regex>

#include "tests/runner/process.h"

namespace {

namespace fs = std::filesystem;
using runner::ProcessOptions;
using runner::ProcessResult;

struct Peer {
  std::string name;
  std::vector<std::string> command;
  bool lua = false;
};

struct Arguments {
  std::string root, binary, json, peers, only, group = "single";
  int rounds = 5;
};

std::string find_program(const std::string& name) {
  if (name == "python3" && fs::exists("/usr/bin/python3")) return "/usr/bin/python3";
  std::string path = getenv("PATH") ? getenv("PATH") : "";
  size_t start = 0;
  while (start <= path.size()) {
    size_t end = std::min(path.find(':', start), path.size());
    std::string file = path.substr(start, end - start) + "/" + name;
    if (access(file.c_str(), X_OK) == 0 && !fs::is_directory(file)) return file;
    start = end + 1;
  }
  return "";
}

std::vector<Peer> find_peers(const Arguments& arguments) {
  std::vector<Peer> peers = {{"minipy", {arguments.binary}, false}};
  for (const char* name : {"python3", "python3.12", "python3.13", "python3.14", "python3.13t", "python3.14t",
                           "pypy3", "micropython", "lua5.4", "luajit"}) {
    std::string path = find_program(name);
    if (path.empty()) continue;
    if (!arguments.peers.empty() &&
        ("," + arguments.peers + ",").find("," + std::string(name) + ",") == std::string::npos)
      continue;
    bool lua = std::string(name).compare(0, 3, "lua") == 0;
    std::vector<std::string> command = {path};
    if (std::string(name) == "luajit") command.push_back("-joff");
    // Version-manager shims and broken installations do not count as peers.
    ProcessOptions probe;
    probe.command = command;
    probe.command.insert(probe.command.end(), {lua ? "-e" : "-c", "print(1)"});
    probe.time_limit = 20;
    if (runner::run_process(probe).status != 0) continue;
    peers.push_back({name, command, lua});
  }
  return peers;
}

double median(std::vector<double> values) {
  if (values.empty()) return NAN;
  std::sort(values.begin(), values.end());
  size_t half = values.size() / 2;
  return values.size() % 2 ? values[half] : (values[half - 1] + values[half]) / 2;
}

// The figure after `key` in the output, or an empty text.
std::string field(const std::string& out, const std::string& key) {
  for (const std::string& line : runner::split_lines(out))
    if (line.compare(0, key.size(), key) == 0) return line.substr(line.find_first_not_of(" \t", key.size()));
  return "";
}

struct Row {
  std::string program;
  std::map<std::string, double> seconds;
  std::string problem;
};

// Where a group's programs lie; empty for groups that are none of programs.
std::string program_folder(const std::string& group) {
  if (group == "single") return "/bench/programs/";
  if (group == "threads") return "/bench/threads/";
  if (group == "process") return "/bench/process/";
  if (group == "async") return "/bench/async/";
  return "";
}

std::string program_file(const Arguments& arguments, const Peer& peer, const std::string& program) {
  return arguments.root +
         (peer.lua ? "/bench/lua/" + program + ".lua" : program_folder(arguments.group) + program + ".mp");
}

Row measure(const Arguments& arguments, const std::vector<Peer>& peers, const std::string& program) {
  Row row{program, {}, ""};
  std::map<std::string, std::vector<double>> samples;
  std::string checksum;
  for (int round = 0; round < arguments.rounds; ++round) {
    for (const Peer& peer : peers) {
      std::string file = program_file(arguments, peer, program);
      if (!fs::exists(file) || row.problem.find(peer.name + ":") != std::string::npos) continue;
      ProcessOptions options;
      options.command = peer.command;
      options.command.push_back(file);
      options.time_limit = 120;
      options.environment = {{"PYTHONHASHSEED", "0"}};
      ProcessResult result = runner::run_process(options);
      std::string elapsed = field(result.out, "elapsed");
      if (result.status != 0 || elapsed.empty()) {
        row.problem +=
            peer.name + ": " + result.err.substr(result.err.rfind('\n', result.err.size() - 2) + 1) + " ";
        continue;
      }
      if (!peer.lua) {
        std::string sum = field(result.out, "checksum");
        if (checksum.empty()) checksum = sum;
        if (sum != checksum) row.problem += peer.name + ": checksum " + sum + ", not " + checksum + " ";
      }
      samples[peer.name].push_back(atof(elapsed.c_str()));
    }
  }
  for (const auto& [name, values] : samples) row.seconds[name] = median(values);
  return row;
}

void write_json(const Arguments& arguments, const std::vector<Peer>& peers, const std::vector<Row>& rows) {
  FILE* file = fopen(arguments.json.c_str(), "w");
  if (!file) return perror(arguments.json.c_str());
  fprintf(file, "{\"group\": \"%s\", \"rounds\": %d, \"programs\": {", arguments.group.c_str(),
          arguments.rounds);
  for (size_t i = 0; i < rows.size(); ++i) {
    fprintf(file, "%s\n  \"%s\": {", i ? "," : "", rows[i].program.c_str());
    bool first = true;
    for (const Peer& peer : peers) {
      auto found = rows[i].seconds.find(peer.name);
      if (found == rows[i].seconds.end()) continue;
      fprintf(file, "%s\"%s\": %.6f", first ? "" : ", ", peer.name.c_str(), found->second);
      first = false;
    }
    fprintf(file, "}");
  }
  fprintf(file, "\n}}\n");
  fclose(file);
}

int programs(const Arguments& arguments) {
  std::vector<Peer> peers = find_peers(arguments);
  std::vector<std::string> programs;
  for (const auto& entry : fs::directory_iterator(arguments.root + program_folder(arguments.group))) {
    std::string name = entry.path().stem();
    if (arguments.only.empty() || std::regex_search(name, std::regex(arguments.only)))
      programs.push_back(name);
  }
  std::sort(programs.begin(), programs.end());
  printf("%-24s", "seconds");
  for (const Peer& peer : peers) printf(" %11s", peer.name.c_str());
  for (size_t i = 1; i < peers.size(); ++i) printf(" %14s", (peers[i].name + "/minipy").c_str());
  printf("\n");
  std::vector<Row> rows;
  std::map<std::string, std::vector<double>> ratios;
  for (const std::string& program : programs) {
    Row row = measure(arguments, peers, program);
    printf("%-24s", program.c_str());
    for (const Peer& peer : peers)
      row.seconds.count(peer.name) ? printf(" %11.4f", row.seconds[peer.name]) : printf(" %11s", "-");
    for (size_t i = 1; i < peers.size(); ++i) {
      if (!row.seconds.count(peers[i].name) || !row.seconds.count("minipy")) {
        printf(" %14s", "-");
        continue;
      }
      double ratio = row.seconds[peers[i].name] / row.seconds["minipy"];
      ratios[peers[i].name].push_back(ratio);
      printf(" %14.2f", ratio);
    }
    printf("%s%s\n", row.problem.empty() ? "" : "  ", row.problem.c_str());
    fflush(stdout);
    rows.push_back(row);
  }
  for (size_t i = 1; i < peers.size(); ++i) {
    const std::vector<double>& values = ratios[peers[i].name];
    if (values.empty()) continue;
    double sum = 0;
    int slower = 0;
    for (double value : values) sum += std::log(value), slower += value < 1;
    printf("geometric mean of %s/minipy over %zu programs: %.2f (above 1: minipy is faster; slower in %d)\n",
           peers[i].name.c_str(), values.size(), std::exp(sum / static_cast<double>(values.size())), slower);
  }
  if (!arguments.json.empty()) write_json(arguments, peers, rows);
  return 0;
}

// Wall time and peak resident memory of a process, the least of many.
int startup(const Arguments& arguments) {
  struct Case {
    const char* name;
    std::vector<std::string> words;
  };
  std::vector<Case> cases = {{"-c pass", {"-c", "pass"}}, {"import json, re", {"-c", "import json, re"}}};
  printf("%-18s %-12s %12s %14s\n", "", "", "least ms", "resident KiB");
  for (const Case& one : cases) {
    for (const Peer& peer : find_peers(arguments)) {
      if (peer.lua) continue;
      double best = 1e9;
      long memory = 0;
      for (int round = 0; round < arguments.rounds * 8; ++round) {
        auto start = std::chrono::steady_clock::now();
        pid_t pid = fork();
        if (pid == 0) {
          std::vector<std::string> words = peer.command;
          words.insert(words.end(), one.words.begin(), one.words.end());
          std::vector<char*> argv;
          for (std::string& word : words) argv.push_back(word.data());
          argv.push_back(nullptr);
          execv(argv[0], argv.data());
          _exit(127);
        }
        int status = 0;
        rusage usage{};
        wait4(pid, &status, 0, &usage);
        best =
            std::min(best, std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
        memory = usage.ru_maxrss;
      }
      printf("%-18s %-12s %12.2f %14ld\n", one.name, peer.name.c_str(), best * 1000, memory);
    }
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  Arguments arguments;
  for (int i = 1; i < argc; ++i) {
    std::string word = argv[i], value;
    size_t equals = word.find('=');
    if (word.compare(0, 2, "--") != 0) {
      arguments.group = word;
      continue;
    }
    if (equals != std::string::npos)
      value = word.substr(equals + 1), word = word.substr(0, equals);
    else if (i + 1 < argc)
      value = argv[++i];
    if (word == "--root")
      arguments.root = value;
    else if (word == "--binary")
      arguments.binary = value;
    else if (word == "--json")
      arguments.json = value;
    else if (word == "--peers")
      arguments.peers = value;
    else if (word == "--only")
      arguments.only = value;
    else if (word == "--rounds")
      arguments.rounds = std::max(1, atoi(value.c_str()));
    else
      return fprintf(stderr, "unknown option %s\n", word.c_str()), 2;
  }
  if (!program_folder(arguments.group).empty()) return programs(arguments);
  if (arguments.group == "startup") return startup(arguments);
  return fprintf(
             stderr,
             "minipy_bench: single, threads, async, process or startup (the other groups of the plan have no "
             "programs yet)\n"),
         2;
}

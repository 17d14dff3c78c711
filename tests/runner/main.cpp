// minipy_test KIND [OPTIONS] FILE...: the tests that need nothing but the minipy binary. tests/README.md
// explains the kinds.
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>

#include "process.h"
#include "runner.h"

namespace {

int usage() {
  printf(
      "minipy_test script|sample|errors|golden-tokens|golden-ast|golden-code [OPTIONS] FILE...\n"
      "minipy_test oracle --dir FOLDER [OPTIONS]\n"
      "minipy_test suite --dir tests/oracle/cpython_suite [OPTIONS] [TEST...]\n"
      "  --binary PATH   the interpreter under test (default: minipy)\n"
      "  --python PATH   the oracle (default: python3)\n"
      "  --option WORD   for the interpreter, before the file; may be repeated\n"
      "  --known FILE    the table of known failures, --id NAME the name of this test in it\n"
      "  --time SECONDS  --memory MEBIBYTES  limits of each process\n");
  return 2;
}

}  // namespace

int main(int argc, char** argv) {
  using namespace runner;
  if (argc < 2) return usage();
  setvbuf(stdout, nullptr, _IOLBF, 0);
  std::string kind = argv[1], id;
  Settings settings;
  std::string& known = settings.known;
  settings.binary = "minipy";
  settings.python = "python3";
  std::vector<std::string> rest;
  for (int i = 2; i < argc; ++i) {
    std::string word = argv[i];
    bool takes_value = word == "--binary" || word == "--python" || word == "--option" || word == "--known" ||
                       word == "--id" || word == "--dir" || word == "--time" || word == "--memory";
    if (!takes_value || i + 1 == argc) {
      rest.push_back(word);
      continue;
    }
    std::string value = argv[++i];
    if (word == "--binary") settings.binary = value;
    if (word == "--python") settings.python = value;
    if (word == "--option") settings.options.push_back(value);
    if (word == "--known") known = value;
    if (word == "--id") id = value;
    if (word == "--dir") settings.directory = value;
    if (word == "--time") settings.time_limit = atof(value.c_str());
    if (word == "--memory") settings.memory_limit = atol(value.c_str()) << 20;
  }
  // Tests run in folders of their own, so a relative name would not be found.
  if (settings.binary.find('/') != std::string::npos)
    settings.binary = std::filesystem::absolute(settings.binary);
  if (kind == "oracle") return run_oracle(settings);
  if (kind == "suite") return run_suite(settings, rest);
  int worst = kPassed, failed = 0;
  for (const std::string& path : rest) {
    int outcome;
    if (kind == "script")
      outcome = run_script(settings, path);
    else if (kind == "sample")
      outcome = run_sample(settings, path);
    else if (kind == "errors")
      outcome = run_errors(settings, path);
    else if (kind.compare(0, 7, "golden-") == 0)
      outcome = run_golden(settings, kind.substr(7), path);
    else
      return usage();
    if (outcome == kFailed) ++failed, worst = kFailed;
  }
  if (rest.size() > 1) printf("%zu passed, %d failed\n", rest.size() - static_cast<size_t>(failed), failed);
  std::string reason = known.empty() ? "" : known_failure(known, id);
  if (reason.empty()) return worst;
  if (worst == kFailed) {
    printf("SKIPPED, a known failure: %s\n", reason.c_str());
    return kSkipped;
  }
  printf("%s passes: take it out of %s\n", id.c_str(), known.c_str());
  return kFailed;
}

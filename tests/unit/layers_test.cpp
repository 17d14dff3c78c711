// Reads the sources and fails on a breach of the layer order of docs/ARCHITECTURE.md.
#include <gtest/gtest.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <vector>

namespace {

namespace fs = std::filesystem;
const fs::path kRoot = MINIPY_SOURCE_DIR;

struct Include {
  std::string file;  // relative to the root
  int line;
  std::string target;  // as written between the quotes
};

std::vector<fs::path> sources(const std::string& folder) {
  std::vector<fs::path> found;
  if (!fs::exists(kRoot / folder)) return found;
  for (const auto& entry : fs::recursive_directory_iterator(kRoot / folder)) {
    std::string extension = entry.path().extension();
    if (extension == ".h" || extension == ".cpp" || extension == ".def" || extension == ".re" ||
        extension == ".yy")
      found.push_back(entry.path());
  }
  return found;
}

std::vector<Include> includes(const std::string& folder) {
  std::vector<Include> result;
  for (const fs::path& path : sources(folder)) {
    std::ifstream stream(path);
    std::string line;
    for (int number = 1; std::getline(stream, line); ++number) {
      size_t start = line.find("#include \"");
      if (start == std::string::npos) continue;
      start += 10;
      result.push_back(
          {fs::relative(path, kRoot), number, line.substr(start, line.find('"', start) - start)});
    }
  }
  return result;
}

// The folder of vm/ that a path names, or an empty text.
std::string vm_layer(const std::string& path) {
  if (path.compare(0, 3, "vm/") != 0) return "";
  size_t end = path.find('/', 3);
  return end == std::string::npos ? "" : path.substr(3, end - 3);
}

bool starts_with(const std::string& text, const char* prefix) { return text.rfind(prefix, 0) == 0; }

std::string place(const Include& include) {
  return include.file + ":" + std::to_string(include.line) + " includes " + include.target;
}

}  // namespace

TEST(Layers, HeadersOfTheVmIncludeOnlyLowerLayers) {
  // The layouts in vm/types lie below the protocols; the types' code lies above, but code is not in headers.
  // The headers of vm/native are the tables that types register their functions with, so they go with the
  // layouts.
  const std::map<std::string, int> rank = {{"os", 0},     {"core", 1},    {"trace", 2},    {"threads", 3},
                                           {"gc", 4},     {"types", 5},   {"protocol", 6}, {"exec", 7},
                                           {"native", 5}, {"modules", 9}, {"runtime", 10}};
  for (const Include& include : includes("vm")) {
    if (include.file.substr(include.file.size() - 2) != ".h") continue;
    // What the types' code shares among its own files stands above the protocols, as that code does.
    if (include.file.find("_internal.h") != std::string::npos ||
        include.file.find("_support.h") != std::string::npos) {
      if (vm_layer(include.file) == "types" && vm_layer(include.target) == "protocol") continue;
    }
    std::string from = vm_layer(include.file), to = vm_layer(include.target);
    if (from.empty() || to.empty()) continue;
    ASSERT_TRUE(rank.count(from)) << from << " is no layer";
    ASSERT_TRUE(rank.count(to)) << to << " is no layer";
    EXPECT_GE(rank.at(from), rank.at(to)) << place(include);
  }
}

TEST(Layers, TheFrontEndNeverSeesTheHeap) {
  for (const Include& include : includes("lang"))
    EXPECT_FALSE(starts_with(include.target, "vm/") || starts_with(include.target, "stdlib/") ||
                 starts_with(include.target, "cli/"))
        << place(include);
}

TEST(Layers, OnlyLinkSignaturesAndImportUseTheFrontEnd) {
  for (const Include& include : includes("vm")) {
    if (!starts_with(include.target, "lang/")) continue;
    std::string from = vm_layer(include.file);
    // Tracebacks find their carets by parsing the line again.
    if (include.file.find("vm/types/traceback_") == 0) continue;
    EXPECT_TRUE(from == "exec" || from == "native" || from == "modules" || from == "runtime")
        << place(include);
  }
}

TEST(Layers, TheCommandIsAClientOfThePublicHeaders) {
  for (const char* folder : {"cli", "samples"})
    for (const Include& include : includes(folder))
      EXPECT_TRUE(starts_with(include.target, "minipy/") || include.target.find('/') == std::string::npos ||
                  starts_with(include.target, "cli/"))
          << place(include);
}

TEST(Layers, PublicHeadersShowNothingInternal) {
  for (const Include& include : includes("include"))
    EXPECT_TRUE(starts_with(include.target, "minipy/")) << place(include);
}

TEST(Layers, NoVectorOfValues) {
  // The collector does not see C++ containers: RootVector is the one that it does.
  for (const char* folder : {"vm", "stdlib"}) {
    for (const fs::path& path : sources(folder)) {
      if (path.filename() == "root.h") continue;  // it says why, in a comment
      std::ifstream stream(path);
      std::stringstream text;
      text << stream.rdbuf();
      EXPECT_EQ(text.str().find("std::vector<Value>"), std::string::npos) << fs::relative(path, kRoot);
    }
  }
}

TEST(Layers, FilesStayReadable) {
  // A habit, not a rule: 600 lines; the test only stops what is far beyond it.
  constexpr int kHabit = 600, kLimit = 1500;
  for (const char* folder : {"lang", "vm", "stdlib", "cli", "include", "tests", "bench"}) {
    for (const fs::path& path : sources(folder)) {
      if (path.string().find("tables") != std::string::npos) continue;
      std::ifstream stream(path);
      std::string line;
      int lines = 0;
      while (std::getline(stream, line)) ++lines;
      if (lines > kHabit) printf("note: %s has %d lines\n", fs::relative(path, kRoot).c_str(), lines);
      EXPECT_LE(lines, kLimit) << fs::relative(path, kRoot);
    }
  }
}

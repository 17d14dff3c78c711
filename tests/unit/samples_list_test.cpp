// samples/README.md lists every sample, with the description that the sample itself begins with, and
// nothing else.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <vector>

namespace {

namespace fs = std::filesystem;
const fs::path kSamples = fs::path(MINIPY_SOURCE_DIR) / "samples";

std::vector<std::string> read_lines(const fs::path& path, size_t at_most = SIZE_MAX) {
  std::ifstream stream(path);
  std::vector<std::string> lines;
  for (std::string line; lines.size() < at_most && std::getline(stream, line);) lines.push_back(line);
  return lines;
}

bool starts_with(const std::string& text, const std::string& prefix) {
  return text.compare(0, prefix.size(), prefix) == 0;
}

// The path of each script and of each program that embeds the machine, relative to samples/.
std::vector<std::string> samples() {
  std::vector<std::string> found;
  for (const auto& entry : fs::recursive_directory_iterator(kSamples)) {
    std::string path = fs::relative(entry.path(), kSamples).generic_string();
    bool is_script = entry.path().extension() == ".mp" && entry.path().filename().string()[0] != '_';
    if (!starts_with(path, "embed_") ? is_script : entry.path().filename() == "main.cpp")
      found.push_back(path);
  }
  return found;
}

// path -> description, from the lines "- [name](path): description".
std::map<std::string, std::string> listed() {
  std::map<std::string, std::string> result;
  for (const std::string& line : read_lines(kSamples / "README.md")) {
    size_t open = line.find("]("), close = line.find("): ", open);
    if (!starts_with(line, "- [") || open == std::string::npos || close == std::string::npos) continue;
    std::string path = line.substr(open + 2, close - open - 2);
    EXPECT_TRUE(result.emplace(path, line.substr(close + 3)).second)
        << "twice in samples/README.md: " << path;
  }
  return result;
}

TEST(Samples, TheReadmeListsEachOneAndNothingElse) {
  std::map<std::string, std::string> lines = listed();
  for (const std::string& path : samples()) {
    std::string name = fs::path(path).stem();
    std::string first = read_lines(kSamples / path, 1).at(0);
    std::string description =
        first.substr(starts_with(first, "// ") ? 3 : std::min(first.size(), first.find(": ") + 2));
    if (lines.count(path) == 0)
      ADD_FAILURE() << "samples/README.md lacks\n- [" << name << "](" << path << "): " << description;
    else
      EXPECT_EQ(lines[path], description) << "samples/README.md says something else than " << path;
    lines.erase(path);
  }
  for (const auto& [path, description] : lines)
    EXPECT_TRUE(fs::exists(kSamples / path)) << "samples/README.md lists what is not there: " << path;
}

TEST(Samples, ThreeLinesSayWhatAScriptShowsAndHowToRunIt) {
  for (const std::string& path : samples()) {
    if (starts_with(path, "embed_")) continue;
    std::vector<std::string> head = read_lines(kSamples / path, 3);
    ASSERT_EQ(head.size(), 3u) << path;
    EXPECT_TRUE(starts_with(head[0], "# " + fs::path(path).stem().string() + ": "))
        << path << ": " << head[0];
    EXPECT_TRUE(starts_with(head[1], "# Shows: ")) << path << ": " << head[1];
    EXPECT_TRUE(starts_with(head[2], "# Run") && head[2].find("samples/" + path) != std::string::npos)
        << path << ": " << head[2];
  }
}

}  // namespace

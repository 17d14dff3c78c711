// The pages for people name what exists: links lead somewhere, docs/GIL.md has every policy and every preset.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <regex>
#include <sstream>
#include <string>
#include <vector>

namespace {

namespace fs = std::filesystem;
const fs::path kRoot = MINIPY_SOURCE_DIR;

std::string read_text(const fs::path& path) {
  std::ifstream stream(path);
  std::stringstream text;
  text << stream.rdbuf();
  return text.str();
}

// What the first group of the pattern matches, each time.
std::vector<std::string> all_matches(const std::string& text, const std::regex& pattern) {
  std::vector<std::string> found;
  for (std::sregex_iterator match(text.begin(), text.end(), pattern), end; match != end; ++match)
    found.push_back((*match)[1]);
  return found;
}

TEST(Docs, LinksBetweenFilesLeadSomewhere) {
  std::vector<fs::path> pages = {kRoot / "README.md", kRoot / "samples/README.md", kRoot / "tests/README.md"};
  for (const auto& entry : fs::directory_iterator(kRoot / "docs"))
    if (entry.path().extension() == ".md") pages.push_back(entry.path());
  const std::regex link(R"(\]\(([^)#\s]+)[^)]*\))");
  for (const fs::path& page : pages) {
    for (const std::string& target : all_matches(read_text(page), link)) {
      if (target.find("://") != std::string::npos) continue;
      EXPECT_TRUE(fs::exists(page.parent_path() / target)) << page << " links to " << target;
    }
  }
}

TEST(Docs, TheChapterOnTheGilHasEachPolicyAndEachPreset) {
  const std::string chapter = read_text(kRoot / "docs/GIL.md");
  const std::regex entry(R"re((?:^|\n)MP_\w+\("?([\w.-]+)"?,)re");
  for (const char* list : {"vm/threads/gil_policies.def", "vm/threads/semantics.def"}) {
    std::vector<std::string> names = all_matches(read_text(kRoot / list), entry);
    EXPECT_FALSE(names.empty()) << list;
    for (const std::string& name : names)
      EXPECT_NE(chapter.find("| `" + name + "`"), std::string::npos) << "docs/GIL.md has no row for " << name;
  }
}

}  // namespace

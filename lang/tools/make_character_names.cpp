// Build tool: packs the names of Unicode's characters for \N{...}. Reads UnicodeData.txt and NameAliases.txt
// (Debian: unicode-data), writes the arrays that lang/character_names.cpp includes.
//   words:   each word of a name, the most frequent first: length, bytes
//   records: distance to the code point before it (varint), count of words, the words (varints); word 0 is
//   the code point in hex
// Each array is deflated (zlib): 365 KB become 156.
#include <zlib.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <map>
#include <string>
#include <vector>

namespace {

std::vector<std::string> split(const std::string& text, char separator) {
  std::vector<std::string> parts(1);
  for (char c : text) {
    if (c == separator)
      parts.emplace_back();
    else
      parts.back() += c;
  }
  return parts;
}

void put_varint(std::string* out, uint32_t value) {
  while (value >= 0x80) {
    *out += static_cast<char>(value | 0x80);
    value >>= 7;
  }
  *out += static_cast<char>(value);
}

void emit(FILE* out, const char* name, const std::string& bytes) {
  uLongf size = compressBound(bytes.size());
  std::string packed(size, '\0');
  compress2(reinterpret_cast<Bytef*>(packed.data()), &size, reinterpret_cast<const Bytef*>(bytes.data()),
            bytes.size(), 9);
  packed.resize(size);
  std::fprintf(out, "static const char %s[] =\n", name);
  for (size_t i = 0; i < packed.size(); i += 64) {
    std::fputs("\"", out);
    for (size_t j = i; j < std::min(packed.size(), i + 64); ++j)
      std::fprintf(out, "\\%03o", static_cast<unsigned char>(packed[j]));
    std::fputs("\"\n", out);
  }
  std::fprintf(out, "\"\";\nstatic const unsigned %sPacked = %zu, %sSize = %zu;\n", name, packed.size(), name,
               bytes.size());
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) {
    std::fprintf(stderr, "usage: make_character_names UnicodeData.txt NameAliases.txt OUTPUT\n");
    return 2;
  }
  std::vector<std::pair<uint32_t, std::string>> names;
  auto read = [&](const char* path, bool aliases) {
    std::ifstream file(path);
    std::string line;
    while (std::getline(file, line)) {
      if (line.empty() || line[0] == '#') continue;
      std::vector<std::string> fields = split(line, ';');
      // <control> and the ends of ranges, whose names are computed.
      if (fields.size() < 2 || fields[1].empty() || fields[1][0] == '<') continue;
      (void)aliases;
      names.emplace_back(static_cast<uint32_t>(std::stoul(fields[0], nullptr, 16)), fields[1]);
    }
  };
  read(argv[1], false);
  read(argv[2], true);
  std::stable_sort(names.begin(), names.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });

  // IDEOGRAPH-F900: the number is a word of its own.
  auto words_of = [](uint32_t code_point, const std::string& name) {
    char own[16];
    std::snprintf(own, sizeof own, "-%X", code_point);
    std::vector<std::string> words = split(name, ' ');
    std::string& last = words.back();
    std::string suffix = own;
    if (last.size() > suffix.size() &&
        last.compare(last.size() - suffix.size(), suffix.size(), suffix) == 0) {
      last.erase(last.size() - suffix.size() + 1);
      words.emplace_back();
    }
    return words;
  };
  std::map<std::string, uint32_t> counts;
  for (const auto& [code_point, name] : names)
    for (const std::string& word : words_of(code_point, name))
      if (!word.empty()) ++counts[word];
  std::vector<std::pair<uint32_t, std::string>> ranked;
  for (const auto& [word, count] : counts) ranked.emplace_back(count, word);
  std::stable_sort(ranked.begin(), ranked.end(),
                   [](const auto& a, const auto& b) { return a.first > b.first; });
  std::map<std::string, uint32_t> ids;
  std::string words, records;
  for (size_t i = 0; i < ranked.size(); ++i) {
    ids[ranked[i].second] = static_cast<uint32_t>(i + 1);
    words += static_cast<char>(ranked[i].second.size());
    words += ranked[i].second;
  }
  uint32_t previous = 0;
  for (const auto& [code_point, name] : names) {
    put_varint(&records, code_point - previous);
    previous = code_point;
    std::vector<std::string> parts = words_of(code_point, name);
    records += static_cast<char>(parts.size());
    for (const std::string& part : parts) put_varint(&records, part.empty() ? 0 : ids[part]);
  }
  FILE* out = std::fopen(argv[3], "w");
  if (out == nullptr) return 1;
  emit(out, "kWords", words);
  emit(out, "kRecords", records);
  return std::fclose(out) == 0 ? 0 : 1;
}

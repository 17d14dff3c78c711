// minipy-freeze: compiles the library modules that stdlib/modules.def lists (SCRIPT and PYTHON) and writes
// one archive plus a C++ index. A build tool: it links the front end only and runs no Python.
//   minipy-freeze MODULES_DEF SCRIPT_LIB PYTHON_LIB_OR_none OUTPUT_DIRECTORY
#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <sstream>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "freeze/coarse_positions.h"
#include "freeze/deflate.h"
#include "lang/code_unit_io.h"
#include "lang/compile.h"

namespace fs = std::filesystem;
using namespace mp::lang;

namespace {

constexpr size_t kDictionarySize = 32000;  // deflate looks back 32 KB
constexpr size_t kWordsSize = 11200;

struct LibraryModule {
  std::string name;
  fs::path file;
  std::string shown_path;  // co_filename: what tracebacks show
  bool is_package;
  std::string last_statement{};  // the source is cut before it
};

std::string read_all(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  std::stringstream buffer;
  buffer << in.rdbuf();
  return buffer.str();
}

// The files of a module and, for a package, of all its submodules (tests left out).
void collect(const std::string& name, const fs::path& library, const std::string& suffix,
             const std::string& shown_root, std::vector<LibraryModule>& out) {
  std::string relative = name;
  std::replace(relative.begin(), relative.end(), '.', '/');
  fs::path file = library / (relative + suffix);
  if (fs::is_regular_file(file)) {
    out.push_back({name, file, shown_root + "/" + relative + suffix, false});
    return;
  }
  fs::path init = library / relative / ("__init__" + suffix);
  if (!fs::is_regular_file(init)) return;
  out.push_back({name, init, shown_root + "/" + relative + "/__init__" + suffix, true});
  std::vector<fs::path> entries;
  for (const auto& entry : fs::directory_iterator(library / relative)) entries.push_back(entry.path());
  std::sort(entries.begin(), entries.end());
  for (const fs::path& entry : entries) {
    std::string stem = entry.stem().string();
    if (stem == "__init__" || stem == "__pycache__" || stem == "test" || stem == "tests" || stem == "idlelib")
      continue;
    if (fs::is_directory(entry) || entry.extension() == suffix)
      collect(name + "." + stem, library, suffix, shown_root, out);
  }
}

// NAME from a line `SCRIPT(NAME)`; empty when the line is something else.
std::string argument_of(const std::string& line, const std::string& macro) {
  if (line.rfind(macro + "(", 0) != 0) return "";
  size_t end = line.find(')');
  return end == std::string::npos ? "" : line.substr(macro.size() + 1, end - macro.size() - 1);
}

// PYTHON_AS(NAME, OLD): what 3.12 calls NAME is OLD in an older library, with `try: from _OLD import *` at
// its end.
void collect_renamed(const std::string& names, const fs::path& library, std::vector<LibraryModule>& out) {
  size_t comma = names.find(", "), before = out.size();
  std::string name = names.substr(0, comma), old = names.substr(comma + 2);
  collect(name, library, ".py", library.string(), out);
  if (out.size() > before) return;
  collect(old, library, ".py", library.string(), out);
  if (out.size() == before) return;
  out.back().name = name;
  out.back().last_statement = "\ntry:\n    from _" + old + " import *\n";
}

// Words that many modules hold, the most valuable last.
std::string common_words(const std::vector<std::string>& modules) {
  std::map<std::string, size_t> counts;  // strings of letters: names, messages
  for (const std::string& bytes : modules) {
    std::set<std::string> seen;
    for (size_t begin = 0; begin < bytes.size();) {
      size_t end = begin;
      while (end < bytes.size() &&
             (std::isalnum(static_cast<unsigned char>(bytes[end])) || bytes[end] == '_'))
        ++end;
      if (end - begin >= 4) seen.insert(bytes.substr(begin, std::min<size_t>(end - begin, 60)));
      begin = std::max(end, begin + 1);
    }
    for (const std::string& text : seen) ++counts[text];
  }
  std::vector<std::pair<size_t, std::string>> ranked;
  for (const auto& [text, count] : counts)
    if (count >= 4) ranked.emplace_back((count - 1) * (text.size() - 2), text);
  std::sort(ranked.rbegin(), ranked.rend());
  std::string dictionary;
  for (const auto& [value, text] : ranked) {
    if (dictionary.size() + text.size() > kWordsSize) break;
    dictionary.insert(0, text);
  }
  return dictionary;
}

// Segments of the modules that hold much of what others hold too (as in zstd's dictionary builder: Liao,
// Petri, Moffat and Wirth, "Effective construction of relative Lempel-Ziv dictionaries", 2016), the most
// valuable last.
std::string common_segments(const std::vector<std::string>& modules) {
  constexpr size_t kGram = 10, kSegment = 64, kStep = 16;
  std::hash<std::string_view> hash;
  auto gram = [&hash](const std::string& bytes, size_t at) {
    return hash(std::string_view(bytes).substr(at, kGram));
  };
  std::unordered_map<size_t, uint32_t> counts;  // of the modules that hold it
  for (const std::string& bytes : modules) {
    std::unordered_set<size_t> seen;
    for (size_t at = 0; at + kGram <= bytes.size(); ++at) seen.insert(gram(bytes, at));
    for (size_t each : seen) ++counts[each];
  }
  std::erase_if(counts, [](const auto& each) { return each.second < 4; });
  struct Segment {
    uint32_t value;
    size_t module, at;
  };
  std::unordered_set<size_t> taken;
  auto value_of = [&](const std::string& bytes, size_t begin) {
    uint32_t value = 0;
    for (size_t at = begin; at + kGram <= begin + kSegment; ++at) {
      auto found = counts.find(gram(bytes, at));
      if (found != counts.end() && !taken.contains(found->first)) value += found->second;
    }
    return value;
  };
  std::vector<Segment> ranked;
  for (size_t m = 0; m < modules.size(); ++m)
    for (size_t at = 0; at + kSegment <= modules[m].size(); at += kStep)
      if (uint32_t value = value_of(modules[m], at); value > 3 * kSegment) ranked.push_back({value, m, at});
  std::stable_sort(ranked.begin(), ranked.end(),
                   [](const Segment& a, const Segment& b) { return a.value > b.value; });
  std::vector<Segment> chosen;
  for (const Segment& each : ranked) {
    if ((chosen.size() + 1) * kSegment > kDictionarySize - kWordsSize) break;
    const std::string& bytes = modules[each.module];
    uint32_t value = value_of(bytes, each.at);
    if (value < each.value * 3 / 5) continue;  // others gave the better part
    chosen.push_back({value, each.module, each.at});
    for (size_t at = each.at; at + kGram <= each.at + kSegment; ++at) taken.insert(gram(bytes, at));
  }
  std::stable_sort(chosen.begin(), chosen.end(),
                   [](const Segment& a, const Segment& b) { return a.value < b.value; });
  std::string segments;
  for (const Segment& each : chosen) segments += modules[each.module].substr(each.at, kSegment);
  return segments;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 5) {
    std::fprintf(stderr, "usage: minipy-freeze MODULES_DEF SCRIPT_LIB PYTHON_LIB|none OUTPUT_DIRECTORY\n");
    return 2;
  }
  fs::path script_library = argv[2], output = argv[4];
  std::string python_library = argv[3];
  std::vector<LibraryModule> modules;
  std::istringstream list(read_all(argv[1]));
  for (std::string line; std::getline(list, line);) {
    size_t before = modules.size();
    std::string name = argument_of(line, "SCRIPT");
    if (!name.empty()) {
      collect(name, script_library, ".mp", "<minipy>", modules);
    } else {
      name = argument_of(line, "PYTHON");
      std::string renamed = argument_of(line, "PYTHON_AS");
      if ((name.empty() && renamed.empty()) || python_library == "none") continue;
      if (renamed.empty())
        collect(name, python_library, ".py", python_library, modules);
      else
        collect_renamed(renamed, python_library, modules);
    }
    if (modules.size() == before) {
      std::fprintf(stderr, "minipy-freeze: no source for module %s\n", name.c_str());
      return 1;
    }
  }
  std::sort(modules.begin(), modules.end(),
            [](const LibraryModule& a, const LibraryModule& b) { return a.name < b.name; });
  std::vector<std::string> serialised;
  for (const LibraryModule& module : modules) {
    std::string text = read_all(module.file);
    if (!module.last_statement.empty()) text.resize(std::min(text.size(), text.rfind(module.last_statement)));
    std::optional<Diagnostic> error;
    Source source = Source::from_bytes(text, module.shown_path, &error);
    CompileResult compiled;
    if (!error) {
      ParseOptions parse_options;
      parse_options.filename = module.shown_path;
      compiled = compile_source(source, parse_options);
      error = compiled.error;
    }
    if (!compiled.ok()) {
      std::fprintf(stderr, "minipy-freeze: %s: %s\n", module.file.c_str(),
                   error ? error->message.c_str() : "?");
      return 1;
    }
    make_positions_coarse(*compiled.unit);
    serialised.push_back(write_code_unit(*compiled.unit));
    // minipy trusts what it carries: this is where it is looked at.
    std::string problem;
    if (read_code_unit(serialised.back(), &problem) == nullptr) {
      std::fprintf(stderr, "minipy-freeze: %s: %s\n", module.file.c_str(), problem.c_str());
      return 1;
    }
  }
  std::string dictionary = common_segments(serialised) + common_words(serialised), archive = dictionary,
              index;
  size_t unpacked = 0;
  for (size_t i = 0; i < modules.size(); ++i) {
    std::string packed = deflate_shortest(serialised[i], dictionary, code_unit_parts(serialised[i]));
    index += fmt::format("    {{\"{}\", {}, {}, {}, {}}},\n", modules[i].name, archive.size(), packed.size(),
                         serialised[i].size(), modules[i].is_package);
    archive += packed;
    unpacked += serialised[i].size();
  }
  std::ofstream(output / "frozen.bin", std::ios::binary) << archive;
  std::ofstream cpp(output / "frozen.cpp");
  cpp << "// Generated by minipy-freeze.\n#include \"vm/modules/frozen.h\"\n\n"
      << "asm(\".section .rodata\\n.balign 16\\nminipy_frozen_archive:\\n.incbin \\\""
      << (output / "frozen.bin").string()
      << "\\\"\\n.byte 0\\n.previous\\n\");\nextern \"C\" const uint8_t minipy_frozen_archive[];\n\n"
      << "namespace mp {\nstatic const FrozenModule kModules[] = {\n"
      << index << "};\nextern const FrozenArchive kFrozenArchive;\n"
      << fmt::format(
             "const FrozenArchive kFrozenArchive = {{kModules, {}, minipy_frozen_archive, "
             "minipy_frozen_archive, {}}};\n}}  // namespace mp\n",
             modules.size(), dictionary.size());
  std::printf("minipy-freeze: %zu modules, %zu bytes, %zu in the archive\n", modules.size(), unpacked,
              archive.size());
  return 0;
}

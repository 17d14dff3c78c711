#include "expectations.h"

#include <algorithm>

#include "process.h"

namespace runner {
namespace {

const std::string kMark = "#=>";
const std::string kRaises = "raises ";

std::string strip_right(std::string text) {
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t' || text.back() == '\r')) text.pop_back();
  return text;
}

std::string unescape(const std::string& text) {
  std::string result;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\' || i + 1 == text.size()) {
      result += text[i];
    } else {
      char c = text[++i];
      result += c == 'n' ? '\n' : c == 't' ? '\t' : c;
    }
  }
  return result;
}

// `# key: value` at the head of the file, before the first line that is not a comment.
bool header_field(const std::string& line, const char* key, std::string& value) {
  std::string prefix = std::string("# ") + key + ":";
  if (line.compare(0, prefix.size(), prefix) != 0) return false;
  value = strip(line.substr(prefix.size()));
  return true;
}

void read_header(Script& script, const std::string& line) {
  std::string value;
  if (header_field(line, "args", value)) script.arguments = split_words(value);
  if (header_field(line, "options", value)) script.options = split_words(value);
  if (header_field(line, "stdin", value)) script.input = unescape(value);
  if (header_field(line, "exit", value)) script.exit_status = std::stoi(value);
  if (header_field(line, "stderr", value)) script.error_pattern = value;
  if (header_field(line, "oracle", value) && value.compare(0, 2, "no") == 0) script.no_oracle = value;
  if (header_field(line, "env", value)) {
    size_t equals = value.find('=');
    if (equals != std::string::npos)
      script.environment.emplace_back(value.substr(0, equals), value.substr(equals + 1));
  }
}

}  // namespace

std::string strip(const std::string& text) {
  size_t start = text.find_first_not_of(" \t");
  return start == std::string::npos ? "" : strip_right(text.substr(start));
}

std::vector<std::string> split_words(const std::string& text) {
  std::vector<std::string> words;
  size_t at = 0;
  while ((at = text.find_first_not_of(" \t", at)) != std::string::npos) {
    if (text[at] == '\'') {
      size_t end = std::min(text.find('\'', at + 1), text.size());
      words.push_back(text.substr(at + 1, end - at - 1));
      at = end + 1;
      continue;
    }
    size_t end = std::min(text.find_first_of(" \t", at), text.size());
    words.push_back(text.substr(at, end - at));
    at = end;
  }
  return words;
}

Script parse_script(const std::string& text) {
  Script script;
  bool in_header = true;
  int number = 0;
  for (const std::string& line : split_lines(text)) {
    ++number;
    size_t first = line.find_first_not_of(" \t");
    if (in_header && first != std::string::npos && line[first] != '#') in_header = false;
    if (in_header) read_header(script, line);
    size_t mark = line.rfind(kMark);
    size_t text_start = mark + kMark.size();
    bool alone = first == mark;
    // A mark counts at the start of a line or after two blanks, and is followed by a blank or nothing.
    bool counts = mark != std::string::npos && (text_start == line.size() || line[text_start] == ' ') &&
                  (alone || (mark >= 2 && line[mark - 1] == ' ' && line[mark - 2] == ' '));
    if (!counts) {
      script.source += line + "\n";
      continue;
    }
    std::string expected = text_start < line.size() ? line.substr(text_start + 1) : "";
    script.expected.push_back({number, strip_right(expected)});
    if (!alone && expected.compare(0, kRaises.size(), kRaises) == 0) {
      std::string indent = line.substr(0, first), statement = strip_right(line.substr(first, mark - first));
      script.rewritten = true;
      script.source += indent + "try:\n" + indent + " " + statement + "\n" + indent +
                       "except BaseException as _e: print('raises ' + type(_e).__name__ + (': ' + str(_e) if "
                       "str(_e) else ''))\n";
    } else {
      script.source += line + "\n";
    }
  }
  return script;
}

std::string compare_output(const std::vector<Expectation>& expected, const std::string& out,
                           const std::string& path) {
  std::vector<std::string> lines = split_lines(out);
  size_t shared = std::min(lines.size(), expected.size());
  for (size_t i = 0; i < shared; ++i) {
    if (strip_right(lines[i]) == expected[i].text) continue;
    return path + ":" + std::to_string(expected[i].line) + ": output line " + std::to_string(i + 1) +
           "\n  expected: " + expected[i].text + "\n  printed:  " + lines[i] + "\n";
  }
  if (lines.size() > shared)
    return path + ": " + std::to_string(lines.size() - shared) +
           " lines more than expected, the first:\n  printed:  " + lines[shared] + "\n";
  if (expected.size() > shared)
    return path + ":" + std::to_string(expected[shared].line) + ": the output ends after " +
           std::to_string(shared) + " lines\n  expected: " + expected[shared].text + "\n";
  return "";
}

std::string compare_texts(const std::string& expected, const std::string& actual, const std::string& path) {
  std::vector<Expectation> lines;
  int number = 0;
  for (const std::string& line : split_lines(expected)) lines.push_back({++number, strip_right(line)});
  return compare_output(lines, actual, path);
}

}  // namespace runner

#include "lang/source.h"

#include <fmt/core.h>
#include <iconv.h>

#include <algorithm>
#include <cctype>
#include <cstring>
#include <new>

#include "lang/unicode.h"

namespace mp::lang {

const char* diagnostic_kind_name(DiagnosticKind kind) {
  switch (kind) {
    case DiagnosticKind::SyntaxError: return "SyntaxError";
    case DiagnosticKind::IndentationError: return "IndentationError";
    case DiagnosticKind::TabError: return "TabError";
    case DiagnosticKind::ValueError: return "ValueError";
    case DiagnosticKind::RecursionError: return "RecursionError";
    case DiagnosticKind::MemoryError: return "MemoryError";
    case DiagnosticKind::SyntaxWarning: return "SyntaxWarning";
    case DiagnosticKind::DeprecationWarning: return "DeprecationWarning";
  }
  return "SyntaxError";
}

namespace {

// \r\n and \r become \n.
std::string universal_newlines(std::string_view text) {
  if (text.find('\r') == std::string_view::npos) return std::string(text);
  std::string out;
  out.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\r') {
      out += '\n';
      if (i + 1 < text.size() && text[i + 1] == '\n') ++i;
    } else {
      out += text[i];
    }
  }
  return out;
}

// PEP 263: the declaration of a comment line, empty where it has none.
std::string_view declared_encoding(std::string_view line) {
  size_t at = 0;
  while (at < line.size() && (line[at] == ' ' || line[at] == '\t' || line[at] == '\f')) ++at;
  if (at >= line.size() || line[at] != '#') return {};
  for (; (at = line.find("coding", at)) != std::string_view::npos; ++at) {
    size_t begin = at + 6;
    if (begin >= line.size() || (line[begin] != ':' && line[begin] != '=')) continue;
    ++begin;
    while (begin < line.size() && (line[begin] == ' ' || line[begin] == '\t')) ++begin;
    size_t end = begin;
    while (end < line.size() && (isalnum(static_cast<unsigned char>(line[end])) || line[end] == '-' ||
                                 line[end] == '_' || line[end] == '.'))
      ++end;
    if (end > begin) return line.substr(begin, end - begin);
  }
  return {};
}

bool only_comment_or_blank(std::string_view line) {
  for (char c : line) {
    if (c == '#') return true;
    if (c != ' ' && c != '\t' && c != '\f') return false;
  }
  return true;
}

std::string_view next_line(std::string_view* rest) {
  size_t end = rest->find_first_of("\r\n");
  std::string_view line = rest->substr(0, end);
  if (end == std::string_view::npos) {
    *rest = {};
  } else {
    if ((*rest)[end] == '\r' && end + 1 < rest->size() && (*rest)[end + 1] == '\n') ++end;
    rest->remove_prefix(end + 1);
  }
  return line;
}

// As tokenize._get_normal_name: "utf-8", "iso-8859-1", or the name in lower case with hyphens.
std::string normal_encoding_name(std::string_view name) {
  std::string lower;
  for (char c : name) lower += c == '_' ? '-' : static_cast<char>(tolower(static_cast<unsigned char>(c)));
  auto is = [&](std::string_view other) {
    return lower == other || lower.compare(0, other.size() + 1, std::string(other) + "-") == 0;
  };
  if (is("utf-8") || lower == "utf8") return "utf-8";
  if (is("latin-1") || is("iso-8859-1") || is("iso-latin-1") || lower == "latin1" || lower == "l1" ||
      lower == "iso8859-1")
    return "iso-8859-1";
  if (lower == "us-ascii" || lower == "646") return "ascii";
  if (lower == "windows-1252") return "cp1252";
  if (lower == "iso8859-15" || lower == "latin-9" || lower == "latin9") return "iso-8859-15";
  return lower;
}

// Code points of 0x80..0x9F in Windows-1252; 0 where there is none.
constexpr uint16_t kWindows1252[32] = {0x20AC, 0,      0x201A, 0x0192, 0x201E, 0x2026, 0x2020, 0x2021,
                                       0x02C6, 0x2030, 0x0160, 0x2039, 0x0152, 0,      0x017D, 0,
                                       0,      0x2018, 0x2019, 0x201C, 0x201D, 0x2022, 0x2013, 0x2014,
                                       0x02DC, 0x2122, 0x0161, 0x203A, 0x0153, 0,      0x017E, 0x0178};

uint32_t latin9(unsigned char c) {
  switch (c) {
    case 0xA4: return 0x20AC;
    case 0xA6: return 0x0160;
    case 0xA8: return 0x0161;
    case 0xB4: return 0x017D;
    case 0xB8: return 0x017E;
    case 0xBC: return 0x0152;
    case 0xBD: return 0x0153;
    case 0xBE: return 0x0178;
    default: return c;
  }
}

bool convert_with_iconv(std::string_view bytes, const std::string& encoding, std::string* utf8) {
  iconv_t converter = iconv_open("UTF-8", encoding.c_str());
  if (converter == reinterpret_cast<iconv_t>(-1)) return false;
  std::string in(bytes);
  utf8->assign(bytes.size() * 4 + 16, 0);
  char* from = in.data();
  char* to = utf8->data();
  size_t from_left = in.size(), to_left = utf8->size();
  size_t result = iconv(converter, &from, &from_left, &to, &to_left);
  iconv_close(converter);
  utf8->resize(utf8->size() - to_left);
  // Encodings that are not supersets of ASCII cannot have declared themselves.
  return result != static_cast<size_t>(-1) && from_left == 0 && utf8->find('\0') == std::string::npos &&
         utf8->find("coding") != std::string::npos;
}

Diagnostic plain_error(std::string message, const std::string& filename, int line = 0) {
  Diagnostic error;
  error.message = std::move(message);
  error.filename = filename;
  error.line = line;
  return error;
}

}  // namespace

static Source without_memory(std::optional<Diagnostic>* error) {
  if (error != nullptr) *error = out_of_memory();
  return Source::from_text({}, {});
}

Source Source::from_bytes(std::string_view bytes, std::string filename,
                          std::optional<Diagnostic>* error) try {
  Source source;
  source.filename_ = std::move(filename);
  bool bom = bytes.size() >= 3 && bytes.substr(0, 3) == "\xEF\xBB\xBF";
  if (bom) bytes.remove_prefix(3);
  std::string_view rest = bytes;
  std::string_view first = next_line(&rest);
  std::string_view declared = declared_encoding(first);
  if (declared.empty() && only_comment_or_blank(first)) declared = declared_encoding(next_line(&rest));
  std::string encoding = declared.empty() ? "utf-8" : normal_encoding_name(declared);

  auto fail = [&](Diagnostic diagnostic) {
    if (error != nullptr) *error = std::move(diagnostic);
    source.index_lines();
    return std::move(source);
  };
  // CPython knows only this spelling before it has read the codecs.
  if (bom && !declared.empty() && declared.size() == 4 && encoding == "utf-8")
    encoding = std::string(declared);
  if (bom && encoding != "utf-8")
    return fail(plain_error(fmt::format("encoding problem: {} with BOM", encoding), source.filename_));
  if (bytes.find('\0') != std::string_view::npos) {
    size_t at = bytes.find('\0');
    Diagnostic diagnostic = plain_error("source code cannot contain null bytes", source.filename_);
    diagnostic.line = 1 + static_cast<int>(std::count(bytes.begin(),
                                                      bytes.begin() + static_cast<std::ptrdiff_t>(at), '\n'));
    size_t line_begin = bytes.substr(0, at).rfind('\n') + 1;  // npos + 1: the first line
    diagnostic.has_text = true;
    diagnostic.text = bytes.substr(line_begin, at - line_begin);
    return fail(diagnostic);
  }
  if (encoding == "utf-8" || encoding == "utf-8-sig") {
    size_t bad = find_invalid_utf8(bytes, false);
    if (bad != std::string_view::npos) {
      int line = 1 + static_cast<int>(
                         std::count(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(bad), '\n'));
      unsigned byte = static_cast<unsigned char>(bytes[bad]);
      if (!declared.empty() || bom)
        return fail(plain_error(
            fmt::format("(unicode error) 'utf-8' codec can't decode byte 0x{:02x} in position {}: {}", byte,
                        bad, "invalid start byte"),
            source.filename_, line));
      return fail(plain_error(
          fmt::format(
              "Non-UTF-8 code starting with '\\x{:02x}' in file {} on line {}, but no encoding declared; see "
              "https://peps.python.org/pep-0263/ for details",
              byte, source.filename_, line),
          source.filename_, line));
    }
    source.text_ = universal_newlines(bytes);
  } else if (encoding == "iso-8859-1" || encoding == "ascii" || encoding == "cp1252" ||
             encoding == "iso-8859-15") {
    std::string utf8;
    utf8.reserve(bytes.size());
    for (size_t i = 0; i < bytes.size(); ++i) {
      unsigned char c = static_cast<unsigned char>(bytes[i]);
      uint32_t code_point = c;
      if (c >= 0x80) {
        if (encoding == "ascii") return fail(plain_error("encoding problem: ascii", source.filename_));
        if (encoding == "iso-8859-15") code_point = latin9(c);
        if (encoding == "cp1252" && c < 0xA0) code_point = kWindows1252[c - 0x80];
        if (code_point == 0) return fail(plain_error("encoding problem: cp1252", source.filename_));
      }
      append_utf8(&utf8, code_point);
    }
    source.text_ = universal_newlines(utf8);
  } else {
    // The rarer ones are the C library's to know.
    std::string utf8;
    if (!convert_with_iconv(bytes, encoding, &utf8))
      return fail(plain_error(fmt::format("encoding problem: {}", declared), source.filename_));
    source.text_ = universal_newlines(utf8);
  }
  source.encoding_ = encoding;
  source.index_lines();
  return source;
} catch (const std::bad_alloc&) {
  return without_memory(error);
}

Source Source::from_text(std::string_view utf8, std::string filename, std::optional<Diagnostic>* error) try {
  Source source;
  source.filename_ = std::move(filename);
  if (utf8.find('\0') != std::string_view::npos) {
    if (error != nullptr)
      *error = plain_error("source code string cannot contain null bytes", source.filename_);
  } else {
    source.text_ = universal_newlines(utf8);
  }
  source.index_lines();
  return source;
} catch (const std::bad_alloc&) {
  return without_memory(error);
}

void Source::index_lines() {
  line_starts_.clear();
  line_starts_.push_back(0);
  const char* begin = text_.data();
  const char* end = begin + text_.size();
  for (const char* at = begin;
       (at = static_cast<const char*>(memchr(at, '\n', static_cast<size_t>(end - at)))) != nullptr;) {
    ++at;
    line_starts_.push_back(static_cast<uint32_t>(at - begin));
    if (at == end) break;
  }
}

Position Source::position(uint32_t offset) const {
  uint32_t index = last_line_.load(std::memory_order_relaxed);
  uint32_t count = line_count();
  bool near = index < count && line_starts_[index] <= offset;
  if (near) {
    for (int i = 0; i < 4 && index + 1 < count && line_starts_[index + 1] <= offset; ++i) ++index;
    near = index + 1 >= count || line_starts_[index + 1] > offset;
  }
  if (!near) {
    auto found = std::upper_bound(line_starts_.begin(), line_starts_.end(), offset);
    index = static_cast<uint32_t>(found - line_starts_.begin()) - 1;
  }
  last_line_.store(index, std::memory_order_relaxed);
  return {index + 1, offset - line_starts_[index]};
}

uint32_t Source::line_start(uint32_t line) const {
  if (line == 0) return 0;
  if (line > line_count()) return static_cast<uint32_t>(text_.size());
  return line_starts_[line - 1];
}

std::string_view Source::line_text(uint32_t line) const {
  uint32_t begin = line_start(line), end = line_start(line + 1);
  if (end > begin && text_[end - 1] == '\n') --end;
  return std::string_view(text_).substr(begin, end - begin);
}

uint32_t Source::character_column(uint32_t offset) const {
  return static_cast<uint32_t>(count_characters(text_, offset - position(offset).column, offset));
}

Diagnostic Source::diagnose(DiagnosticKind kind, std::string message, Span span) const {
  Diagnostic diagnostic;
  diagnostic.kind = kind;
  diagnostic.message = std::move(message);
  diagnostic.filename = filename_;
  diagnostic.span = span;
  diagnostic.line = static_cast<int>(line_of(span.begin));
  diagnostic.offset = static_cast<int>(character_column(span.begin)) + 1;
  diagnostic.end_line = static_cast<int>(line_of(span.end));
  diagnostic.end_offset = static_cast<int>(character_column(span.end)) + 1;
  diagnostic.has_text = true;
  diagnostic.text = std::string(line_text(static_cast<uint32_t>(diagnostic.line))) + "\n";
  return diagnostic;
}

}  // namespace mp::lang

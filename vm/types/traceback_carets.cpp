// Source lines with carets under them, as CPython 3.13's traceback.py places them.
#include <algorithm>
#include <set>

#include "lang/frontend.h"
#include "vm/types/traceback_internal.h"

namespace mp {

namespace {

using Text = std::u32string;
using Lines = std::vector<Text>;

Text decode(std::string_view utf8) {
  Text out;
  for (size_t i = 0; i < utf8.size();) {
    auto c = static_cast<unsigned char>(utf8[i]);
    int extra = c < 0x80 ? 0 : c < 0xE0 ? 1 : c < 0xF0 ? 2 : 3;
    char32_t value = extra == 0 ? c : c & (0x3F >> extra);
    for (int k = 1; k <= extra && i + static_cast<size_t>(k) < utf8.size(); ++k)
      value = (value << 6) | (static_cast<unsigned char>(utf8[i + static_cast<size_t>(k)]) & 0x3F);
    out += value;
    i += static_cast<size_t>(extra) + 1;
  }
  return out;
}

void encode(std::string& out, const Text& text) {
  for (char32_t c : text) {
    if (c < 0x80) {
      out += static_cast<char>(c);
    } else if (c < 0x800) {
      out += static_cast<char>(0xC0 | (c >> 6));
      out += static_cast<char>(0x80 | (c & 0x3F));
    } else if (c < 0x10000) {
      out += static_cast<char>(0xE0 | (c >> 12));
      out += static_cast<char>(0x80 | ((c >> 6) & 0x3F));
      out += static_cast<char>(0x80 | (c & 0x3F));
    } else {
      out += static_cast<char>(0xF0 | (c >> 18));
      out += static_cast<char>(0x80 | ((c >> 12) & 0x3F));
      out += static_cast<char>(0x80 | ((c >> 6) & 0x3F));
      out += static_cast<char>(0x80 | (c & 0x3F));
    }
  }
}

bool is_blank(char32_t c) {
  return c == ' ' || (c >= '\t' && c <= '\r') || (c >= 0x1c && c <= 0x1f) || c == 0x85 || c == 0xa0;
}

bool is_wide(char32_t c) {
  return (c >= 0x1100 && c <= 0x115F) || (c >= 0x2E80 && c <= 0xA4CF && c != 0x303F) ||
         (c >= 0xAC00 && c <= 0xD7A3) || (c >= 0xF900 && c <= 0xFAFF) || (c >= 0xFE30 && c <= 0xFE6F) ||
         (c >= 0xFF00 && c <= 0xFF60) || (c >= 0xFFE0 && c <= 0xFFE6) || (c >= 0x1F300 && c <= 0x1F64F) ||
         (c >= 0x1F900 && c <= 0x1F9FF) || (c >= 0x20000 && c <= 0x3FFFD);
}
size_t display_width(const Text& line, size_t offset = SIZE_MAX) {
  size_t width = 0;
  for (size_t i = 0; i < line.size() && i < offset; ++i) width += is_wide(line[i]) ? 2 : 1;
  return width;
}

size_t character_offset(const std::string& line, int32_t byte_offset) {
  size_t bytes = std::min(static_cast<size_t>(byte_offset), line.size());
  size_t count = 0;
  for (size_t i = 0; i < bytes; ++i)
    if ((static_cast<unsigned char>(line[i]) & 0xC0) != 0x80) ++count;
  return count;
}

// textwrap.dedent: the common leading blanks of all lines that are not blank; blank lines become empty.
void dedent(Lines& lines) {
  Text margin;
  bool first = true;
  for (Text& line : lines) {
    if (std::all_of(line.begin(), line.end(), [](char32_t c) { return c == ' ' || c == '\t'; })) {
      line.clear();
      continue;
    }
    size_t n = 0;
    while (n < line.size() && (line[n] == ' ' || line[n] == '\t')) ++n;
    if (first) {
      margin = line.substr(0, n);
      first = false;
    } else {
      size_t same = 0;
      while (same < n && same < margin.size() && margin[same] == line[same]) ++same;
      margin.resize(same);
    }
  }
  for (Text& line : lines)
    if (!line.empty()) line.erase(0, margin.size());
}

struct Anchors {
  bool found = false;
  size_t left_line = 0, left_end = 0, right_line = 0, right_start = 0;
};

// Parses "(\n" + segment + "\n)" and gives places inside the segment as line and character column.
struct Parsed {
  std::string text;
  lang::Source source;
  lang::Arena arena;
  lang::ParseResult result;
  explicit Parsed(std::string input) : text(std::move(input)) {
    source = lang::Source::from_text(text, "<traceback>");
    lang::ParseOptions options;
    options.mode = lang::Mode::Exec;
    result = lang::parse(source, arena, options);
  }
};

struct Place {
  size_t line, column;
};

Anchors find_anchors(const Lines& segment) {
  std::string text = "(\n";
  for (const Text& line : segment) {
    encode(text, line);
    text += "\n";
  }
  text += ")";
  Parsed parsed(text);
  Anchors anchors;
  if (!parsed.result.ok()) return anchors;
  auto* module = lang::ast_cast<lang::Module>(parsed.result.module);
  if (module == nullptr || module->body.size() != 1) return anchors;
  auto* statement = lang::ast_cast<lang::Expr>(module->body[0]);
  if (statement == nullptr) return anchors;
  auto place = [&](uint32_t offset) {
    lang::Position p = parsed.source.position(offset);
    std::string line(parsed.source.line_text(p.line));
    return Place{p.line - 2, character_offset(line, static_cast<int32_t>(p.column))};  // line 1 is the "("
  };
  // Goes on from `at` until `stop` holds, over comments and continuation lines.
  auto advance = [&](Place at, auto&& stop) {
    while (at.line < segment.size()) {
      const Text& line = segment[at.line];
      if (at.column >= line.size() || line[at.column] == '\\' || line[at.column] == '#') {
        ++at.line;
        at.column = 0;
        continue;
      }
      if (stop(line[at.column])) break;
      ++at.column;
    }
    return at;
  };
  const lang::ExprNode* expression = statement->value;
  if (auto* binary = lang::ast_cast<lang::BinOp>(expression)) {
    Place at = advance(place(binary->left->span.end), [](char32_t c) { return !is_blank(c) && c != ')'; });
    if (at.line >= segment.size()) return anchors;
    const Text& line = segment[at.line];
    size_t right = at.column + 1;
    Place operand = place(binary->right->span.begin);
    if (right < line.size() && (at.line < operand.line || right < operand.column) && !is_blank(line[right]) &&
        line[right] != '\\' && line[right] != '#')
      ++right;
    return {true, at.line, at.column, at.line, right};
  }
  if (auto* subscript = lang::ast_cast<lang::Subscript>(expression)) {
    Place left = advance(place(subscript->value->span.end), [](char32_t c) { return c == '['; });
    Place right = place(subscript->span.end);
    return {true, left.line, left.column, right.line, right.column};
  }
  if (auto* call = lang::ast_cast<lang::Call>(expression)) {
    Place left = advance(place(call->func->span.end), [](char32_t c) { return c == '('; });
    Place right = place(call->span.end);
    return {true, left.line, left.column, right.line, right.column};
  }
  return anchors;
}

// `return f(...)` and `x = f(...)`, to one name, whose call is the whole failing part need no carets.
bool is_plain_call_statement(const Lines& lines, size_t start, size_t end) {
  std::string text;
  for (const Text& line : lines) {
    encode(text, line);
    text += "\n";
  }
  Parsed parsed(text);
  if (!parsed.result.ok()) return false;
  auto* module = lang::ast_cast<lang::Module>(parsed.result.module);
  if (module == nullptr || module->body.empty()) return false;
  const lang::ExprNode* value = nullptr;
  if (auto* ret = lang::ast_cast<lang::Return>(module->body[0])) {
    auto* call = lang::ast_cast<lang::Call>(ret->value);
    if (call != nullptr && lang::ast_cast<lang::Name>(call->func) != nullptr) value = call;
  } else if (auto* assign = lang::ast_cast<lang::Assign>(module->body[0])) {
    bool to_name = assign->targets.size() == 1 && lang::ast_cast<lang::Name>(assign->targets[0]) != nullptr;
    if (to_name && lang::ast_cast<lang::Call>(assign->value) != nullptr) value = assign->value;
  }
  if (value == nullptr) return false;
  lang::Position from = parsed.source.position(value->span.begin),
                 to = parsed.source.position(value->span.end);
  return from.line == 1 && to.line == lines.size() && from.column == start && to.column == end;
}

bool only_blanks(const Text& text, size_t from, size_t to) {
  for (size_t i = from; i < to && i < text.size(); ++i)
    if (!is_blank(text[i])) return false;
  return true;
}

}  // namespace

std::string format_source(SourceLines& sources, const std::string& filename, int32_t line,
                          const lang::CodePosition& position) {
  bool columns =
      position.column >= 0 && position.end_column >= 0 && position.line == line && position.end_line >= line;
  int32_t last = columns ? position.end_line : line;
  std::vector<std::string> original;
  for (int32_t n = line; n <= last; ++n) {
    std::string text = sources.line(filename, n);
    while (!text.empty() && is_blank(static_cast<unsigned char>(text.back()))) text.pop_back();
    original.push_back(std::move(text));
  }
  return format_lines(original, columns ? position.column : -1, position.end_column);
}

std::string format_lines(const std::vector<std::string>& original, int32_t column, int32_t end_column) {
  const bool columns = column >= 0;
  bool any = false;
  for (auto& text : original) any = any || !text.empty();
  if (!any) return {};
  Lines lines;
  for (auto& text : original) lines.push_back(decode(text));
  size_t first_length = lines[0].size();
  dedent(lines);
  std::string out;
  if (!columns) {
    Text text = lines[0];
    out = "    ";
    encode(out, text);
    return out + "\n";
  }
  size_t start = character_offset(original.front(), column);
  size_t end = character_offset(original.back(), end_column);
  size_t removed = first_length - lines[0].size();
  start = start > removed ? start - removed : 0;
  end = end > removed ? end - removed : 0;
  size_t shown_start = display_width(lines.front(), start), shown_end = display_width(lines.back(), end);

  Lines segment = lines;
  segment.back().resize(std::min(segment.back().size(), end));
  segment.front().erase(0, std::min(start, segment.front().size()));
  Anchors anchors = find_anchors(segment);
  bool show = true;
  if (is_plain_call_statement(lines, start, end))
    show = false;
  else if (!anchors.found)
    show = !only_blanks(lines.front(), 0, start) || !only_blanks(lines.back(), end, lines.back().size());

  std::set<size_t> significant{0, lines.size() - 1};
  if (anchors.found) {
    if (anchors.left_line == 0) anchors.left_end += start;
    if (anchors.right_line == 0) anchors.right_start += start;
    anchors.left_end = display_width(lines[anchors.left_line], anchors.left_end);
    anchors.right_start =
        display_width(lines[std::min(anchors.right_line, lines.size() - 1)], anchors.right_start);
    for (size_t base : {anchors.left_line, anchors.right_line})
      for (size_t n = base > 0 ? base - 1 : 0; n <= base + 1; ++n)
        if (n < lines.size()) significant.insert(n);
  }
  Lines result;
  auto emit = [&](size_t number) {
    const Text& text = lines[number];
    result.push_back(text);
    if (!show) return;
    size_t blanks = 0;
    while (blanks < text.size() && is_blank(text[blanks])) ++blanks;
    size_t width = number + 1 == lines.size() ? shown_end : display_width(text);
    Text carets;
    for (size_t column = 0; column < width; ++column) {
      char32_t mark = anchors.found ? U'~' : U'^';
      if (column < blanks || (number == 0 && column < shown_start))
        mark = U' ';
      else if (anchors.found &&
               (number > anchors.left_line || (number == anchors.left_line && column >= anchors.left_end)) &&
               (number < anchors.right_line ||
                (number == anchors.right_line && column < anchors.right_start)))
        mark = U'^';
      carets += mark;
    }
    result.push_back(carets);
  };
  size_t previous = 0;
  bool first = true;
  for (size_t number : significant) {
    if (!first) {
      size_t gap = number - previous;
      if (gap == 2)
        emit(number - 1);
      else if (gap > 2)
        result.push_back(decode(fmt::format("...<{} lines>...", gap - 1)));
    }
    emit(number);
    previous = number;
    first = false;
  }
  dedent(result);
  for (const Text& text : result) {
    out += "    ";
    encode(out, text);
    out += "\n";
  }
  return out;
}

}  // namespace mp

#include "vm/exec/atomicity_text.h"

#include <cctype>

namespace mp::atomicity {

std::string_view receiver_of(std::string_view expression) {
  if (!expression.ends_with(']')) return expression.substr(0, expression.rfind('.'));
  int depth = 0;
  for (size_t i = expression.size(); i-- > 0;) {
    if (expression[i] == ']') ++depth;
    if (expression[i] == '[' && --depth == 0) return expression.substr(0, i);
  }
  return expression;
}

std::pair<std::string, std::string> split_at_in(const std::string& text) {
  auto word_at = [&](size_t at, std::string_view word) {
    auto part_of_word = [&](size_t i) {
      return std::isalnum(static_cast<unsigned char>(text[i])) || text[i] == '_' || (text[i] & 0x80) != 0;
    };
    return text.compare(at, word.size(), word) == 0 && (at == 0 || !part_of_word(at - 1)) &&
           at + word.size() < text.size() && !part_of_word(at + word.size());
  };
  char quote = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    if (quote == 0 && (text[i] == '\'' || text[i] == '"'))
      quote = text[i];
    else if (quote != 0 && text[i] == quote)
      quote = 0;
    if (quote != 0 || !word_at(i, "in")) continue;
    size_t end = text.find_last_not_of(' ', i - 1) + 1, begin = text.find_first_not_of(' ', i + 2);
    if (end >= 4 && word_at(end - 3, "not")) end = text.find_last_not_of(' ', end - 4) + 1;
    return {text.substr(0, end), text.substr(begin)};
  }
  return {};
}

std::string first_argument(std::string_view call, std::string_view function) {
  size_t begin = function.size() + 1, end = begin;
  for (int depth = 0; end < call.size(); ++end) {
    char c = call[end];
    if (depth == 0 && (c == ',' || c == ')')) break;
    depth += (c == '(' || c == '[') - (c == ')' || c == ']');
  }
  return begin < end ? std::string(call.substr(begin, end - begin)) : "";
}

}  // namespace mp::atomicity

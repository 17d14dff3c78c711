// "Did you mean: 'x'?": CPython's bounded edit distance (a change of case costs less than a substitution).
#include <algorithm>
#include <vector>

#include "vm/protocol/protocol.h"

namespace mp {

static constexpr size_t kMaxCandidates = 750;
static constexpr size_t kMaxLength = 40;
static constexpr size_t kMoveCost = 2;
static constexpr size_t kCaseCost = 1;

static size_t substitution(char a, char b) {
  if (a == b) return 0;
  auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
  return lower(a) == lower(b) ? kCaseCost : kMoveCost;
}

// The distance, or more than `limit` when it exceeds it.
static size_t distance(std::string_view a, std::string_view b, size_t limit) {
  while (!a.empty() && !b.empty() && a.front() == b.front()) {
    a.remove_prefix(1);
    b.remove_prefix(1);
  }
  while (!a.empty() && !b.empty() && a.back() == b.back()) {
    a.remove_suffix(1);
    b.remove_suffix(1);
  }
  if (a.empty() || b.empty()) return (a.size() + b.size()) * kMoveCost;
  if (a.size() > kMaxLength || b.size() > kMaxLength) return limit + 1;
  if (b.size() < a.size()) std::swap(a, b);
  if ((b.size() - a.size()) * kMoveCost > limit) return limit + 1;
  std::vector<size_t> row(a.size());
  for (size_t i = 0; i < a.size(); ++i) row[i] = (i + 1) * kMoveCost;
  size_t result = 0;
  for (size_t j = 0; j < b.size(); ++j) {
    size_t diagonal = j * kMoveCost;
    result = diagonal;
    size_t least = SIZE_MAX;
    for (size_t i = 0; i < a.size(); ++i) {
      size_t substituted = diagonal + substitution(b[j], a[i]);
      diagonal = row[i];
      result = std::min(substituted, std::min(result, diagonal) + kMoveCost);
      row[i] = result;
      least = std::min(least, result);
    }
    if (least > limit) return limit + 1;
  }
  return result;
}

std::string suggest(const std::string& wrong, const std::string* candidates, size_t count) {
  if (count > kMaxCandidates || wrong.size() > kMaxLength) return {};
  size_t best = SIZE_MAX;
  std::string result;
  for (size_t i = 0; i < count; ++i) {
    if (candidates[i] == wrong) continue;
    size_t limit = (wrong.size() + candidates[i].size() + 3) * kMoveCost / 6;
    if (best != SIZE_MAX) limit = std::min(limit, best - 1);
    size_t d = distance(wrong, candidates[i], limit);
    if (d > limit) continue;
    if (d < best) {
      best = d;
      result = candidates[i];
    }
  }
  return result;
}

Error unexpected_keyword(Thread& t, std::string_view function, const std::string& wrong,
                         const std::vector<std::string>& known) {
  std::string close = suggest(wrong, known.data(), known.size());
  return t.raise(Exc::TypeError, "{} got an unexpected keyword argument '{}'{}", function, wrong,
                 close.empty() ? "" : ". Did you mean '" + close + "'?");
}

}  // namespace mp

#include "stdlib/native/sre_translate.h"

#include <fmt/format.h>

#include <algorithm>

#include "vm/types/unicode.h"

namespace mp::sre {

namespace {

constexpr uint32_t kMaxQuantifier = 65535;  // PCRE2's limit

// A set of code points: exact below 256, by PCRE2's class syntax from there on.
struct ClassText {
  std::string high;         // ranges and \p of the code points from 256 on
  std::string complement;   // of one negated category (`\W`): its positive form
  bool everything = false;  // a category and its complement, as in [\s\S]
};

// All (upper, lower) pairs from 256 on, for what ignores case.
const std::vector<std::pair<uint32_t, uint32_t>>& cased_pairs() {
  static const std::vector<std::pair<uint32_t, uint32_t>> pairs = [] {
    std::vector<std::pair<uint32_t, uint32_t>> found;
    for (uint32_t c = 256; c < 0x20000; ++c)
      if (uint32_t lower = lower_unicode(c); lower != c) found.emplace_back(c, lower);
    return found;
  }();
  return pairs;
}

class Translator {
 public:
  Translator(const uint32_t* code, size_t groups, int width, Translation* out)
      : code_(code), width_(width), out_(out), state_(groups, Unseen) {
    limit_ = width == 1 ? 0xff : width == 2 ? 0xffff : 0x10ffff;
  }
  bool whole(size_t size) {
    bool nullable = true;
    if (!sequence(0, size - 1, &nullable)) return false;
    if (ascii_boundaries_ && out_->unicode_boundaries)
      return false;  // \b has one meaning per pattern in PCRE2
    if (repeated_groups_) out_->marked = true;
    return true;
  }

 private:
  enum GroupState : uint8_t { Unseen, Open, Closed };

  void text(std::string_view s) { out_->text += s; }
  static std::string point(uint32_t c) { return fmt::format("\\x{{{:x}}}", c); }
  static std::string range(uint32_t first, uint32_t last) {
    return first == last ? point(first) : point(first) + "-" + point(last);
  }
  void add_high(std::string* high, uint32_t first, uint32_t last) const {
    first = std::max<uint32_t>(first, 256);
    last = std::min(last, limit_);
    if (first <= last) *high += range(first, last);
  }
  // The category's code points from 256 on; false: it has none that PCRE2 can name.
  bool high_category(uint32_t category, std::string* out) const {
    switch (category & ~1u) {
      case 0:
      case 2:
      case 4:
      case 6:
      case 8: return true;  // ASCII only
      case 10: *out += "\\p{Nd}"; return true;
      case 12:
        for (uint32_t c = 256; c <= 0x3000; ++c)
          if (unicode::is_space(c)) add_high(out, c, c);
        return true;
      case 14: *out += "\\p{L}\\p{N}"; return true;
      default: return false;
    }
  }
  bool high_set(uint32_t op, const uint32_t* set, ClassText* out) const;
  bool one(size_t pc, size_t* next);
  std::string low_class(size_t pc, bool wanted) const {
    std::string out;
    for (uint32_t c = 0; c < 256;) {
      if (matches_item(code_ + pc, c) != wanted) {
        ++c;
        continue;
      }
      uint32_t first = c;
      while (c < 256 && matches_item(code_ + pc, c) == wanted) ++c;
      out += range(first, c - 1);
    }
    return out;
  }
  void any_class(const std::string& inside) { text(inside.empty() ? "(?:(?!))" : "[" + inside + "]"); }
  void none_class(const std::string& inside) { text(inside.empty() ? "." : "[^" + inside + "]"); }

  bool quantifier(uint32_t min, uint32_t max, const char* kind) {
    if (min > kMaxQuantifier || (max != kMaxRepeat && max > kMaxQuantifier)) return false;
    if (max == kMaxRepeat)
      text(min == 0 ? "*" : min == 1 ? "+" : fmt::format("{{{},}}", min));
    else
      text(fmt::format("{{{},{}}}", min, max));
    text(kind);
    return true;
  }
  bool sequence(size_t i, size_t end, bool* nullable);
  bool boundary(uint32_t kind);
  // PCRE2's number of a group that is closed here; 0: none.
  size_t number_of(uint32_t group) const {
    if (group >= state_.size() || state_[group] != Closed) return 0;
    auto it = std::find(out_->group_of.begin(), out_->group_of.end(), group);
    return static_cast<size_t>(it - out_->group_of.begin()) + 1;
  }

  const uint32_t* code_;
  int width_;
  Translation* out_;
  std::vector<GroupState> state_;
  std::vector<uint32_t> open_;
  uint32_t limit_;
  bool ascii_boundaries_ = false;
  bool repeated_groups_ = false;  // two groups in one loop: which closed last depends on the text
  int depth_ = 0;
};

// What `set` (up to its FAILURE, without NEGATE) takes from 256 on.
bool Translator::high_set(uint32_t op, const uint32_t* set, ClassText* out) const {
  bool folds = op == kInUniIgnore;
  uint32_t positive = 0, negative = 0;
  for (;;) {
    switch (*set++) {
      case kFailure: out->everything = (positive & negative) != 0; return true;
      case kNegate: break;
      case kLiteral: {
        uint32_t c = *set++;
        if (c >= 256 && (!folds || lower_unicode(c) == c)) add_high(&out->high, c, c);
        if (folds)
          for (const auto& [upper, lower] : cased_pairs())
            if (lower == c) add_high(&out->high, upper, upper);
        break;
      }
      case kCategory: {
        uint32_t category = *set++;
        uint32_t bit = 1u << (category / 2);
        if ((category & 1) == 0) {
          positive |= bit;
          if (!high_category(category, &out->high)) return false;
        } else {
          if (negative != 0 && negative != bit) return false;
          negative |= bit;
          out->complement.clear();
          if (!high_category(category, &out->complement)) return false;
        }
        break;
      }
      case kCharset:
        if (folds)
          for (const auto& [upper, lower] : cased_pairs())
            if (lower < 256 && (set[lower / 32] & (1u << (lower & 31)))) add_high(&out->high, upper, upper);
        set += 8;
        break;
      case kRange:
        if (folds && set[1] >= 128) return false;
        if (folds)
          for (const auto& [upper, lower] : cased_pairs())
            if (set[0] <= lower && lower <= set[1]) add_high(&out->high, upper, upper);
        add_high(&out->high, set[0], set[1]);
        set += 2;
        break;
      case kBigCharset: {
        if (folds) return false;
        uint32_t count = *set++;
        const auto* blocks = reinterpret_cast<const uint8_t*>(set);
        auto has = [&](uint32_t c) {
          uint32_t block = blocks[c >> 8];
          return (set[64 + (block * 256 + (c & 255)) / 32] & (1u << (c & 31))) != 0;
        };
        for (uint32_t c = 256; c < 65536;) {
          if (!has(c)) {
            ++c;
            continue;
          }
          uint32_t first = c;
          while (c < 65536 && has(c)) ++c;
          add_high(&out->high, first, c - 1);
        }
        set += 64 + count * 8;
        break;
      }
      default: return false;  // RANGE_UNI_IGNORE
    }
  }
}

// The item at pc that takes one character.
bool Translator::one(size_t pc, size_t* next) {
  uint32_t op = code_[pc];
  *next = pc + 2;
  switch (op) {
    case kAny:
      text("\\N");
      *next = pc + 1;
      return true;
    case kAnyAll:
      text(".");
      *next = pc + 1;
      return true;
    case kLiteral:
      if (code_[pc + 1] > limit_) {
        text("(?:(?!))");
      } else {
        text(point(code_[pc + 1]));
      }
      return true;
    case kNotLiteral: none_class(code_[pc + 1] > limit_ ? "" : point(code_[pc + 1])); return true;
    default: break;
  }
  static constexpr uint32_t kItems[] = {kLiteralIgnore,
                                        kNotLiteralIgnore,
                                        kLiteralLocIgnore,
                                        kNotLiteralLocIgnore,
                                        kLiteralUniIgnore,
                                        kNotLiteralUniIgnore,
                                        kIn,
                                        kInIgnore,
                                        kInLocIgnore,
                                        kInUniIgnore,
                                        kCategory};
  if (std::find(std::begin(kItems), std::end(kItems), op) == std::end(kItems)) return false;
  bool is_set = op == kIn || op == kInIgnore || op == kInLocIgnore || op == kInUniIgnore;
  if (is_set) *next = pc + 1 + code_[pc + 1];
  if (width_ == 1) {
    std::string yes = low_class(pc, true), no = low_class(pc, false);
    yes.size() <= no.size() ? any_class(yes) : none_class(no);
    return true;
  }
  switch (op) {
    case kLiteralIgnore:
    case kNotLiteralIgnore:
    case kLiteralUniIgnore:
    case kNotLiteralUniIgnore: {
      bool negated = op == kNotLiteralIgnore || op == kNotLiteralUniIgnore;
      bool folds = op == kLiteralUniIgnore || op == kNotLiteralUniIgnore;
      uint32_t literal = code_[pc + 1];
      std::string inside = low_class(pc, !negated);
      if (literal >= 256) add_high(&inside, literal, literal);
      if (folds)
        for (const auto& [upper, lower] : cased_pairs())
          if (lower == literal) add_high(&inside, upper, upper);
      negated ? none_class(inside) : any_class(inside);
      return true;
    }
    case kIn:
    case kInIgnore:
    case kInUniIgnore: {
      bool negated = code_[pc + 2] == kNegate;
      ClassText set;
      if (!high_set(op, code_ + pc + 2, &set)) return false;
      if (set.everything) {
        negated ? any_class("") : text(".");
        return true;
      }
      if (set.complement.empty()) {
        // A negated ASCII category takes everything from 256 on.
        bool all_high = false;
        for (const uint32_t* p = code_ + pc + 2 + negated; *p != kFailure;) {
          if (*p == kCategory && (p[1] & 1)) all_high = true;
          p += *p == kCharset ? 9 : *p == kRange ? 3 : *p == kBigCharset ? 66 + p[1] * 8 : 2;
        }
        if (all_high) set.high = range(256, limit_);
        std::string inside = low_class(pc, !negated) + set.high;
        negated ? none_class(inside) : any_class(inside);
        return true;
      }
      // One negated category C beside the rest R: (not C) or R; negated: C and not R. Below 256 exactly.
      std::string low = low_class(pc, true);
      if (!negated) {
        text("(?:");
        any_class(low + set.high);
        text("|[^\\x{0}-\\x{ff}" + set.complement + "])");
      } else {
        text("(?:");
        if (!low.empty()) text("[" + low + "]|");
        if (!set.high.empty()) text("(?![" + set.high + "])");
        text("(?![\\x{0}-\\x{ff}])[" + set.complement + "])");
      }
      return true;
    }
    case kCategory: return false;  // the compiler wraps categories in IN
    default: return false;         // LOCALE is for bytes
  }
}

bool Translator::boundary(uint32_t kind) {
  switch (kind) {
    case 0:
    case 2: text("\\A"); return true;
    case 1: text("(?m:^)"); return true;
    case 5: text("$"); return true;
    case 6: text("(?m:$)"); return true;
    case 7: text("\\z"); return true;
    case 3:
    case 8:
      ascii_boundaries_ = true;
      text("\\b");
      return true;
    case 4:
    case 9:
      ascii_boundaries_ = true;
      text("(?!\\A\\z)\\B");
      return true;
    case 10:
      out_->unicode_boundaries = true;
      text("\\b");
      return true;
    case 11:
      out_->unicode_boundaries = true;
      text("(?!\\A\\z)\\B");
      return true;
    default: return false;
  }
}

// [i, end); `nullable`: whether it may match nothing.
bool Translator::sequence(size_t i, size_t end, bool* nullable) {
  if (++depth_ > 200) return false;
  *nullable = true;
  const size_t open_before = open_.size();
  while (i < end) {
    uint32_t op = code_[i];
    switch (op) {
      case kFailure:
        text("(?!)");
        i += 1;
        break;
      case kInfo: i += 1 + code_[i + 1]; break;
      case kMark: {
        uint32_t group = code_[i + 1] / 2;
        if (code_[i + 1] % 2 == 0) {
          if (state_[group] != Unseen) return false;
          state_[group] = Open;
          open_.push_back(group);
          out_->group_of.push_back(group);
          text("(");
        } else {
          if (open_.size() <= open_before || open_.back() != group) return false;
          open_.pop_back();
          state_[group] = Closed;
          out_->closing_order.push_back(group);
          // Kept only if the order depends on the text; see SrePcre.
          text(fmt::format("<{}>)", group + 1));
        }
        i += 2;
        break;
      }
      case kAt:
        if (!boundary(code_[i + 1])) return false;
        i += 2;
        break;
      case kBranch: {
        text("(?:");
        size_t word = i + 1;
        bool some_nullable = false, inner;
        while (code_[word] != 0) {
          size_t next = word + code_[word];
          if (word != i + 1) text("|");
          if (!sequence(word + 1, next - 2, &inner)) return false;
          some_nullable = some_nullable || inner;
          word = next;
        }
        text(")");
        if (!some_nullable) *nullable = false;
        i = word + 1;
        break;
      }
      case kRepeatOne:
      case kMinRepeatOne:
      case kPossessiveRepeatOne: {
        size_t after;
        uint32_t min = code_[i + 2], max = code_[i + 3];
        if (!one(i + 4, &after)) return false;
        size_t next = i + 1 + code_[i + 1];
        if (after + 1 != next) return false;
        if (!quantifier(min, max, op == kRepeatOne ? "" : op == kMinRepeatOne ? "?" : "+")) return false;
        if (min > 0) *nullable = false;
        i = next;
        break;
      }
      case kRepeat:
      case kPossessiveRepeat: {
        size_t until = i + 1 + code_[i + 1];
        uint32_t min = code_[i + 2], max = code_[i + 3];
        bool inner;
        size_t groups_before = out_->group_of.size();
        text("(?:");
        if (!sequence(i + 4, until, &inner)) return false;
        text(")");
        bool lazy = op == kRepeat && code_[until] == kMinUntil;
        // Python and PCRE2 disagree on how often a body may match nothing, except in these loops.
        if (inner && !(max <= 1 || (min == 0 && max == kMaxRepeat && !lazy && op == kRepeat))) return false;
        if (max > 1 && out_->group_of.size() - groups_before > 1) repeated_groups_ = true;
        if (!quantifier(min, max, op == kPossessiveRepeat ? "+" : lazy ? "?" : "")) return false;
        if (min > 0 && !inner) *nullable = false;
        i = until + 1;
        break;
      }
      case kAssert:
      case kAssertNot: {
        size_t next = i + 1 + code_[i + 1];
        bool back = code_[i + 2] != 0, inner;
        text(back ? (op == kAssert ? "(?<=" : "(?<!") : (op == kAssert ? "(?=" : "(?!"));
        size_t groups_before = out_->group_of.size();
        if (!sequence(i + 3, next - 1, &inner)) return false;
        // What a failed assertion leaves in its groups differs.
        if (op == kAssertNot && out_->group_of.size() != groups_before) return false;
        text(")");
        i = next;
        break;
      }
      case kAtomicGroup: {
        size_t next = i + 1 + code_[i + 1];
        bool inner;
        text("(?>");
        if (!sequence(i + 2, next - 1, &inner)) return false;
        text(")");
        if (!inner) *nullable = false;
        i = next;
        break;
      }
      case kGroupRef: {
        size_t number = number_of(code_[i + 1]);
        if (number == 0) return false;
        text(fmt::format("\\g{{{}}}", number));
        i += 2;
        break;
      }
      case kGroupRefExists: {
        size_t number = number_of(code_[i + 1]);
        if (number == 0) return false;
        size_t target = i + 1 + code_[i + 2];
        size_t yes_end = target, after = target;
        if (target >= i + 5 && code_[target - 2] == kJump) {
          yes_end = target - 2;
          after = target - 1 + code_[target - 1];
          if (after < target || after > end) return false;
        }
        bool yes, no = true;
        text(fmt::format("(?({})", number));
        // Alternatives would end the condition's parts: both stand in groups.
        text("(?:");
        if (!sequence(i + 3, yes_end, &yes)) return false;
        text(")|(?:");
        if (!sequence(target, after, &no)) return false;
        text("))");
        if (!yes && !no) *nullable = false;
        i = after;
        break;
      }
      default: {
        size_t next;
        if (!one(i, &next)) return false;
        *nullable = false;
        i = next;
      }
    }
  }
  --depth_;
  return open_.size() == open_before;
}

}  // namespace

Translation translate(const uint32_t* code, size_t size, size_t groups, int width) {
  Translation out;
  Translator translator(code, groups, width, &out);
  if (!translator.whole(size)) return {};
  // Closing parentheses carry the group's number up to here.
  std::string text;
  for (size_t i = 0; i < out.text.size(); ++i) {
    if (out.text[i] != '<' || !(out.text[i + 1] >= '0' && out.text[i + 1] <= '9')) {
      text += out.text[i];
      continue;
    }
    size_t end = out.text.find('>', i);
    if (out.marked) text += "(*MARK:" + out.text.substr(i + 1, end - i - 1) + ")";
    i = end;
  }
  out.text = std::move(text);
  out.possible = true;
  return out;
}

}  // namespace mp::sre

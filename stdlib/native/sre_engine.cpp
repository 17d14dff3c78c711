#include "stdlib/native/sre_engine.h"

#include <algorithm>
#include <cstring>

#include "stdlib/native/sre_items.h"
#include "vm/os/memory.h"
#include "vm/threads/signals.h"
#include "vm/threads/thread_table.h"

namespace mp::sre {

namespace {

// One loop iteration: immutable, so that backtracking only restores an index.
struct Loop {
  uint32_t previous;
  uint32_t pc;  // of the REPEAT's skip word
  int64_t count;
  int64_t last;  // position where this iteration began; -1 for none
};
constexpr uint32_t kNoLoop = 0xffffffffu;

struct Entry {
  enum Kind : uint8_t { Choice, LazyBody, GreedyOne, LazyOne, UndoMark } kind;
  uint32_t pc;
  uint32_t loop;
  uint32_t loops_used;
  int64_t position;  // UndoMark: the old value
  int64_t limit;     // GreedyOne: lowest position; LazyOne: how many more; UndoMark: mark number
  int32_t last_index;
};

constexpr size_t kMaxEntries = size_t{1} << 25;  // 1 GiB and more of backtracking: MemoryError

template <class Char>
class Matcher {
 public:
  Matcher(Thread& t, const uint32_t* code, size_t group_count, const Char* text, int64_t end)
      : thread_(t), code_(code), text_(text), end_(end), marks_(group_count * 2, -1) {}

  // 1: matched, 0: not, -1: exception.
  int run(uint32_t pc, int64_t position, bool top);
  void reset() {
    std::fill(marks_.begin(), marks_.end(), -1);
    stack_.clear();
    loops_.clear();
    loop_ = kNoLoop;
    last_index_ = -1;
  }
  int64_t match_end() const { return match_end_; }
  bool full = false;
  int64_t must_advance_from = -1;
  std::vector<int64_t>& marks() { return marks_; }
  int32_t last_index() const { return last_index_; }

 private:
  bool at(uint32_t kind, int64_t p) const {
    auto word = [&](int64_t i, bool uni) {
      if (i < 0 || i >= end_) return false;
      return uni ? unicode_word(text_[i]) : ascii_word(text_[i]);
    };
    switch (kind) {
      case 0:
      case 2: return p == 0;
      case 1: return p == 0 || text_[p - 1] == '\n';
      case 3:
      case 8: return end_ > 0 && word(p - 1, false) != word(p, false);
      case 4:
      case 9: return end_ > 0 && word(p - 1, false) == word(p, false);
      case 5: return p == end_ || (p + 1 == end_ && text_[p] == '\n');
      case 6: return p == end_ || text_[p] == '\n';
      case 7: return p == end_;
      case 10: return end_ > 0 && word(p - 1, true) != word(p, true);
      default: return end_ > 0 && word(p - 1, true) == word(p, true);
    }
  }
  bool item(uint32_t pc, uint32_t c) const { return item_takes(code_ + pc, c); }
  int64_t count_items(uint32_t pc, int64_t from, uint32_t max) const {
    int64_t limit = end_;
    if (max != kMaxRepeat && static_cast<int64_t>(max) < limit - from) limit = from + max;
    int64_t p = from;
    switch (code_[pc]) {
      case kAnyAll: return limit - from;
      case kAny:
        while (p < limit && text_[p] != '\n') ++p;
        break;
      case kLiteral:
        while (p < limit && text_[p] == code_[pc + 1]) ++p;
        break;
      case kNotLiteral:
        while (p < limit && text_[p] != code_[pc + 1]) ++p;
        break;
      case kIn:
        while (p < limit && in_set(code_ + pc + 2, text_[p])) ++p;
        break;
      default:
        while (p < limit && item(pc, text_[p])) ++p;
    }
    return p - from;
  }
  void push(typename Entry::Kind kind, uint32_t pc, int64_t position, uint32_t loop, int64_t limit = 0) {
    stack_.push_back({kind, pc, loop, static_cast<uint32_t>(loops_.size()), position, limit, last_index_});
  }
  uint32_t new_loop(uint32_t previous, uint32_t pc, int64_t count, int64_t last) {
    loops_.push_back({previous, pc, count, last});
    return static_cast<uint32_t>(loops_.size() - 1);
  }
  // As in CPython, a handler of a script may end a match that takes too long.
  Status poll() {
    TRY(thread_.poll_within());
    return thread_.is_main && signal_is_pending() ? run_signal_handlers(thread_) : Status();
  }
  // Before the stack may have to grow by itself, which would end the process where there is no memory. An
  // instruction pushes a few entries.
  bool grow_stack() {
    constexpr size_t kMostAtOnce = 16, kFirst = 64;
    size_t more = stack_.size() + kFirst;
    if (stack_.size() > kMaxEntries || !os::make_room(stack_, more)) return false;
    if (!loops_.empty() && !os::make_room(loops_, more)) return false;
    stack_room_ = std::min(stack_.capacity() - kMostAtOnce, kMaxEntries);
    return true;
  }
  void undo_to(size_t base) {
    while (stack_.size() > base) {
      const Entry& e = stack_.back();
      if (e.kind == Entry::UndoMark) {
        marks_[static_cast<size_t>(e.limit)] = e.position;
        last_index_ = e.last_index;
      }
      stack_.pop_back();
    }
  }
  // Makes what happened since `base` final, but undoable as a whole.
  void commit(size_t base) {
    size_t out = base;
    for (size_t i = base; i < stack_.size(); ++i)
      if (stack_[i].kind == Entry::UndoMark) stack_[out++] = stack_[i];
    stack_.resize(out);
  }
  bool group_matches(uint32_t group, int64_t* position, uint32_t (*lower)(uint32_t)) const {
    int64_t from = marks_[group * 2], to = marks_[group * 2 + 1];
    if (from < 0 || to < from) return false;
    if (end_ - *position < to - from) return false;
    for (int64_t i = 0; i < to - from; ++i) {
      uint32_t x = text_[from + i], y = text_[*position + i];
      if (x != y && (lower == nullptr || lower(x) != lower(y))) return false;
    }
    *position += to - from;
    return true;
  }

  Thread& thread_;
  const uint32_t* code_;
  const Char* text_;
  int64_t end_;
  std::vector<int64_t> marks_;
  std::vector<Entry> stack_;
  size_t stack_room_ = 0;  // beyond it, grow_stack()
  std::vector<Loop> loops_;
  uint32_t loop_ = kNoLoop;
  int32_t last_index_ = -1;
  int64_t match_end_ = -1;
  uint32_t steps_ = 0;
};

template <class Char>
int Matcher<Char>::run(uint32_t pc, int64_t p, bool top) {
  const size_t base = stack_.size();
  const uint32_t outer_loop = loop_;
  if (top) loop_ = kNoLoop;
  for (;;) {
    if ((++steps_ & 0xfffff) == 0 && poll().is_error()) return -1;
    bool failed = false;
    switch (code_[pc]) {
      case kSuccess:
        if (top && ((full && p != end_) || p == must_advance_from)) {
          failed = true;
          break;
        }
        match_end_ = p;
        loop_ = outer_loop;
        return 1;
      case kFailure: failed = true; break;
      case kMark: {
        uint32_t mark = code_[pc + 1];
        stack_.push_back({Entry::UndoMark, 0, 0, 0, marks_[mark], mark, last_index_});
        if (mark & 1) last_index_ = static_cast<int32_t>(mark / 2 + 1);
        marks_[mark] = p;
        pc += 2;
        break;
      }
      case kAny:
      case kAnyAll:
        if (p < end_ && item(pc, text_[p]))
          ++p, ++pc;
        else
          failed = true;
        break;
      case kLiteral:
        if (p < end_ && text_[p] == code_[pc + 1])
          ++p, pc += 2;
        else
          failed = true;
        break;
      case kNotLiteral:
      case kLiteralIgnore:
      case kNotLiteralIgnore:
      case kLiteralLocIgnore:
      case kNotLiteralLocIgnore:
      case kLiteralUniIgnore:
      case kNotLiteralUniIgnore:
      case kCategory:
        if (p < end_ && item(pc, text_[p]))
          ++p, pc += 2;
        else
          failed = true;
        break;
      case kIn:
      case kInIgnore:
      case kInLocIgnore:
      case kInUniIgnore:
        if (p < end_ && item(pc, text_[p]))
          ++p, pc += 1 + code_[pc + 1];
        else
          failed = true;
        break;
      case kAt:
        if (at(code_[pc + 1], p))
          pc += 2;
        else
          failed = true;
        break;
      case kJump: pc += 1 + code_[pc + 1]; break;
      case kInfo: pc += 1 + code_[pc + 1]; break;
      case kBranch: {
        // Alternatives that cannot start here are passed over without a stack entry.
        uint32_t skip = pc + 1;
        uint32_t chosen = 0;
        while (code_[skip] != 0) {
          const uint32_t* first = code_ + skip + 1;
          bool possible = true;
          if (*first == kLiteral)
            possible = p < end_ && text_[p] == first[1];
          else if (*first == kIn)
            possible = p < end_ && in_set(first + 2, text_[p]);
          if (possible) {
            chosen = skip;
            break;
          }
          skip += code_[skip];
        }
        if (chosen == 0) {
          failed = true;
          break;
        }
        uint32_t next = chosen + code_[chosen];
        if (code_[next] != 0) push(Entry::Choice, next | 0x80000000u, p, loop_);
        pc = chosen + 1;
        break;
      }
      case kRepeatOne: {
        uint32_t skip = pc + 1, min = code_[pc + 2], max = code_[pc + 3];
        int64_t count = count_items(pc + 4, p, max);
        if (count < static_cast<int64_t>(min)) {
          failed = true;
          break;
        }
        uint32_t tail = skip + code_[skip];
        if (count > static_cast<int64_t>(min)) push(Entry::GreedyOne, tail, p + count, loop_, p + min);
        p += count;
        pc = tail;
        break;
      }
      case kPossessiveRepeatOne: {
        uint32_t skip = pc + 1;
        int64_t count = count_items(pc + 4, p, code_[pc + 3]);
        if (count < static_cast<int64_t>(code_[pc + 2])) {
          failed = true;
          break;
        }
        p += count;
        pc = skip + code_[skip];
        break;
      }
      case kMinRepeatOne: {
        uint32_t skip = pc + 1, min = code_[pc + 2], max = code_[pc + 3];
        if (min > 0 && count_items(pc + 4, p, min) < static_cast<int64_t>(min)) {
          failed = true;
          break;
        }
        p += min;
        if (max > min)
          push(Entry::LazyOne, pc, p, loop_, max == kMaxRepeat ? INT64_MAX : static_cast<int64_t>(max) - min);
        pc = skip + code_[skip];
        break;
      }
      case kRepeat: {
        loop_ = new_loop(loop_, pc + 1, -1, -1);
        pc = pc + 1 + code_[pc + 1];
        break;
      }
      case kMaxUntil: {
        Loop loop = loops_[loop_];
        uint32_t min = code_[loop.pc + 1], max = code_[loop.pc + 2];
        int64_t count = loop.count + 1;
        if (count < static_cast<int64_t>(min)) {
          loop_ = new_loop(loop.previous, loop.pc, count, loop.last);
          pc = loop.pc + 3;
        } else if ((max == kMaxRepeat || count < static_cast<int64_t>(max)) && p != loop.last) {
          push(Entry::Choice, pc + 1, p, loop.previous);
          loop_ = new_loop(loop.previous, loop.pc, count, p);
          pc = loop.pc + 3;
        } else {
          loop_ = loop.previous;
          ++pc;
        }
        break;
      }
      case kMinUntil: {
        Loop loop = loops_[loop_];
        uint32_t min = code_[loop.pc + 1], max = code_[loop.pc + 2];
        int64_t count = loop.count + 1;
        if (count < static_cast<int64_t>(min)) {
          loop_ = new_loop(loop.previous, loop.pc, count, loop.last);
          pc = loop.pc + 3;
        } else {
          if ((max == kMaxRepeat || count < static_cast<int64_t>(max)) && p != loop.last) {
            uint32_t body_loop = new_loop(loop.previous, loop.pc, count, p);
            push(Entry::LazyBody, loop.pc + 3, p, body_loop);
          }
          loop_ = loop.previous;
          ++pc;
        }
        break;
      }
      case kGroupRef:
        if (group_matches(code_[pc + 1], &p, nullptr))
          pc += 2;
        else
          failed = true;
        break;
      case kGroupRefIgnore:
      case kGroupRefLocIgnore:
        if (group_matches(code_[pc + 1], &p, lower_ascii))
          pc += 2;
        else
          failed = true;
        break;
      case kGroupRefUniIgnore:
        if (group_matches(code_[pc + 1], &p, lower_unicode))
          pc += 2;
        else
          failed = true;
        break;
      case kGroupRefExists: {
        uint32_t group = code_[pc + 1];
        int64_t from = marks_[group * 2], to = marks_[group * 2 + 1];
        if (from >= 0 && to >= from)
          pc += 3;
        else
          pc = pc + 1 + code_[pc + 2];
        break;
      }
      case kAssert:
      case kAssertNot: {
        bool positive = code_[pc] == kAssert;
        uint32_t skip = pc + 1;
        int64_t back = code_[pc + 2];
        size_t before = stack_.size();
        int matched = 0;
        if (p - back >= 0) {
          matched = run(pc + 3, p - back, false);
          if (matched < 0) return -1;
        }
        if (matched != 0 && positive)
          commit(before);
        else
          undo_to(before);
        if ((matched != 0) != positive)
          failed = true;
        else
          pc = skip + code_[skip];
        break;
      }
      case kAtomicGroup: {
        uint32_t skip = pc + 1;
        size_t before = stack_.size();
        int matched = run(pc + 2, p, false);
        if (matched < 0) return -1;
        if (matched == 0) {
          undo_to(before);
          failed = true;
        } else {
          commit(before);
          p = match_end_;
          pc = skip + code_[skip];
        }
        break;
      }
      case kPossessiveRepeat: {
        uint32_t skip = pc + 1, min = code_[pc + 2], max = code_[pc + 3];
        size_t start = stack_.size();
        int64_t count = 0;
        while (max == kMaxRepeat || count < static_cast<int64_t>(max)) {
          size_t before = stack_.size();
          int matched = run(pc + 4, p, false);
          if (matched < 0) return -1;
          if (matched == 0) {
            undo_to(before);
            break;
          }
          commit(before);
          ++count;
          bool moved = match_end_ != p;
          p = match_end_;
          if (!moved && count >= static_cast<int64_t>(min)) break;
        }
        if (count < static_cast<int64_t>(min)) {
          undo_to(start);
          failed = true;
        } else {
          pc = skip + code_[skip] + 1;
        }
        break;
      }
      default: failed = true;
    }
    if (stack_.size() > stack_room_ && !grow_stack()) {
      (void)thread_.raise_memory_error();
      return -1;
    }
    // Backtrack to the youngest alternative of this run.
    while (failed) {
      if (stack_.size() == base) {
        loop_ = outer_loop;
        return 0;
      }
      Entry& e = stack_.back();
      switch (e.kind) {
        case Entry::UndoMark:
          marks_[static_cast<size_t>(e.limit)] = e.position;
          last_index_ = e.last_index;
          stack_.pop_back();
          continue;
        case Entry::Choice:
        case Entry::LazyBody: {
          p = e.position;
          loop_ = e.loop;
          uint32_t target = e.pc;
          loops_.resize(e.loops_used);
          stack_.pop_back();
          if ((target & 0x80000000u) == 0) {
            pc = target;
            failed = false;
            continue;
          }
          // The next alternative of a branch: `target` is its skip word.
          target &= 0x7fffffffu;
          uint32_t next = target + code_[target];
          if (code_[next] != 0) push(Entry::Choice, next | 0x80000000u, p, loop_);
          pc = target + 1;
          failed = false;
          continue;
        }
        case Entry::GreedyOne: {
          loops_.resize(e.loops_used);
          loop_ = e.loop;
          pc = e.pc;
          p = e.position - 1;
          if (code_[pc] == kLiteral) {  // only positions where the next literal fits are worth a try
            uint32_t wanted = code_[pc + 1];
            while (p >= e.limit && (p >= end_ || text_[p] != wanted)) --p;
            if (p < e.limit) {
              stack_.pop_back();
              continue;
            }
          }
          if (p <= e.limit)
            stack_.pop_back();
          else
            e.position = p;
          failed = false;
          continue;
        }
        case Entry::LazyOne: {
          loops_.resize(e.loops_used);
          loop_ = e.loop;
          p = e.position;
          uint32_t repeat = e.pc;
          if (p >= end_ || !item(repeat + 4, text_[p])) {
            stack_.pop_back();
            continue;
          }
          e.position = ++p;
          if (--e.limit == 0) stack_.pop_back();
          pc = repeat + 1 + code_[repeat + 1];
          failed = false;
          continue;
        }
      }
    }
  }
}

template <class Char>
Result<bool> run_width(Thread& t, const uint32_t* code, size_t group_count, const Char* text, int64_t begin,
                       int64_t end, Mode mode, int64_t must_advance_from, Outcome* outcome) {
  Matcher<Char> matcher(t, code, group_count, text, end);
  matcher.full = mode == Mode::FullMatch;
  matcher.must_advance_from = must_advance_from;
  uint32_t start_pc = code[0] == kInfo ? 1 + code[1] : 0;
  // A first item that is one plain character or set lets the search run ahead.
  const uint32_t* first = code + start_pc;
  while (*first == kMark) first += 2;
  // Anchored to the start of the text: no other place can match.
  if (mode == Mode::Search && first[0] == kAt && (first[1] == 0 || first[1] == 2)) mode = Mode::Match;
  for (int64_t p = begin; p <= end; ++p) {
    if (mode == Mode::Search) {
      if (*first == kLiteral) {
        if constexpr (sizeof(Char) == 1) {
          const void* hit = first[1] < 256 && p < end ? std::memchr(text + p, static_cast<int>(first[1]),
                                                                    static_cast<size_t>(end - p))
                                                      : nullptr;
          if (hit == nullptr) return false;
          p = static_cast<const Char*>(hit) - text;
        } else {
          while (p < end && text[p] != first[1]) ++p;
          if (p >= end) return false;
        }
      } else if (*first == kIn) {
        while (p < end && !in_set(first + 2, text[p])) ++p;
        if (p >= end) return false;
      }
    }
    int matched = matcher.run(start_pc, p, true);
    if (matched < 0) return Error{};
    if (matched > 0) {
      outcome->start = p;
      outcome->end = matcher.match_end();
      outcome->last_index = matcher.last_index();
      outcome->marks = std::move(matcher.marks());
      return true;
    }
    if (mode != Mode::Search) return false;
    matcher.reset();
  }
  return false;
}

}  // namespace

uint32_t lower_ascii(uint32_t c) { return c - 'A' < 26u ? c + 32 : c; }
uint32_t lower_unicode(uint32_t c) { return c < 128 ? lower_ascii(c) : unicode::to_lower(c); }

bool matches_item(const uint32_t* item, uint32_t c) { return item_takes(item, c); }

Result<bool> run(Thread& t, const uint32_t* code, size_t, size_t group_count, Subject subject, int64_t begin,
                 int64_t end, Mode mode, int64_t must_advance_from, Outcome* outcome) {
  switch (subject.width) {
    case 1:
      return run_width(t, code, group_count, static_cast<const uint8_t*>(subject.data), begin, end, mode,
                       must_advance_from, outcome);
    case 2:
      return run_width(t, code, group_count, static_cast<const uint16_t*>(subject.data), begin, end, mode,
                       must_advance_from, outcome);
    default:
      return run_width(t, code, group_count, static_cast<const uint32_t*>(subject.data), begin, end, mode,
                       must_advance_from, outcome);
  }
}

}  // namespace mp::sre

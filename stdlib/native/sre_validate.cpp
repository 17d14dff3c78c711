// Looks at code that a script hands to _sre.compile(): the engine trusts what passed.
#include "stdlib/native/sre_engine.h"

namespace mp::sre {

namespace {

class Validator {
 public:
  Validator(const uint32_t* code, size_t size, size_t groups) : code_(code), size_(size), groups_(groups) {}
  bool check(size_t begin, size_t end, int depth);  // [begin, end) is a sequence of instructions

 private:
  bool set(size_t begin, size_t end) {
    for (size_t i = begin; i < end;) {
      switch (code_[i]) {
        case kFailure: return i + 1 == end;
        case kNegate: i += 1; break;
        case kLiteral:
        case kCategory: i += 2; break;
        case kRange:
        case kRangeUniIgnore: i += 3; break;
        case kCharset: i += 9; break;
        case kBigCharset: {
          if (i + 66 > end) return false;
          uint32_t count = code_[i + 1];
          const auto* table = reinterpret_cast<const uint8_t*>(code_ + i + 2);
          if (count > 256) return false;
          for (int k = 0; k < 256; ++k)
            if (table[k] >= count) return false;
          i += 2 + 64 + size_t{count} * 8;
          break;
        }
        default: return false;
      }
    }
    return false;
  }
  const uint32_t* code_;
  size_t size_, groups_;
};

bool Validator::check(size_t i, size_t end, int depth) {
  if (depth > 2000 || end > size_) return false;
  while (i < end) {
    auto skip_target = [&](size_t word) -> size_t { return word < size_ ? word + code_[word] : size_ + 1; };
    switch (code_[i]) {
      case kSuccess:
      case kFailure:
      case kAny:
      case kAnyAll: i += 1; break;
      case kLiteral:
      case kNotLiteral:
      case kLiteralIgnore:
      case kNotLiteralIgnore:
      case kLiteralLocIgnore:
      case kNotLiteralLocIgnore:
      case kLiteralUniIgnore:
      case kNotLiteralUniIgnore:
      case kCategory:
      case kAt:
        i += 2;
        if (i > end) return false;
        break;
      case kMark:
        if (i + 1 >= end || code_[i + 1] >= groups_ * 2) return false;
        i += 2;
        break;
      case kGroupRef:
      case kGroupRefIgnore:
      case kGroupRefLocIgnore:
      case kGroupRefUniIgnore:
        if (i + 1 >= end || code_[i + 1] >= groups_) return false;
        i += 2;
        break;
      case kIn:
      case kInIgnore:
      case kInLocIgnore:
      case kInUniIgnore: {
        size_t target = skip_target(i + 1);
        if (target > end || target <= i + 2 || !set(i + 2, target)) return false;
        i = target;
        break;
      }
      case kInfo: {
        size_t target = skip_target(i + 1);
        if (target > end || target <= i + 1) return false;
        i = target;
        break;
      }
      case kBranch: {
        size_t word = i + 1;
        size_t tail = 0;
        while (word < end && code_[word] != 0) {
          size_t next = skip_target(word);
          if (next > end || next < word + 3 || code_[next - 2] != kJump) return false;
          if (!check(word + 1, next - 2, depth + 1)) return false;
          size_t jump = skip_target(next - 1);
          if (jump > end || (tail != 0 && jump != tail)) return false;
          tail = jump;
          word = next;
        }
        if (word >= end || tail != word + 1) return false;
        i = tail;
        break;
      }
      case kRepeatOne:
      case kMinRepeatOne:
      case kPossessiveRepeatOne: {
        size_t target = skip_target(i + 1);
        if (i + 5 > end || target > end || target <= i + 5 || code_[i + 2] > code_[i + 3] ||
            code_[target - 1] != kSuccess)
          return false;
        if (!check(i + 4, target - 1, depth + 1)) return false;
        i = target;
        break;
      }
      case kRepeat:
      case kPossessiveRepeat: {
        size_t target = skip_target(i + 1);
        if (i + 4 > end || target >= end || target < i + 4 || code_[i + 2] > code_[i + 3]) return false;
        uint32_t last = code_[target];
        if (code_[i] == kRepeat ? last != kMaxUntil && last != kMinUntil : last != kSuccess) return false;
        if (!check(i + 4, target, depth + 1)) return false;
        i = target + 1;
        break;
      }
      case kAssert:
      case kAssertNot: {
        size_t target = skip_target(i + 1);
        if (target > end || target <= i + 3 || code_[target - 1] != kSuccess || (code_[i + 2] & 0x80000000u))
          return false;
        if (!check(i + 3, target - 1, depth + 1)) return false;
        i = target;
        break;
      }
      case kAtomicGroup: {
        size_t target = skip_target(i + 1);
        if (target > end || target <= i + 2 || code_[target - 1] != kSuccess) return false;
        if (!check(i + 2, target - 1, depth + 1)) return false;
        i = target;
        break;
      }
      case kGroupRefExists: {
        if (i + 2 >= end || code_[i + 1] >= groups_) return false;
        size_t target = i + 1 + code_[i + 2];  // start of the "no" part, or of what follows
        if (target > end || target < i + 3) return false;
        // A "yes" part that ends in a jump has a "no" part.
        if (target >= i + 5 && code_[target - 2] == kJump && skip_target(target - 1) <= end &&
            skip_target(target - 1) >= target && check(i + 3, target - 2, depth + 1)) {
          size_t after = skip_target(target - 1);
          if (!check(target, after, depth + 1)) return false;
          i = after;
        } else {
          if (!check(i + 3, target, depth + 1)) return false;
          i = target;
        }
        break;
      }
      default: return false;
    }
  }
  return i == end;
}

}  // namespace

bool validate(const uint32_t* code, size_t size, size_t group_count) {
  if (size == 0 || size > 0x7fffffffu || code[size - 1] != kSuccess) return false;
  return Validator(code, size, group_count).check(0, size - 1, 0);
}

}  // namespace mp::sre

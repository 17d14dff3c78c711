// The matcher behind `re`: runs the code that CPython's re._compiler emits, with an explicit backtrack stack
// (deep patterns and long texts never overflow the C stack). It knows code points and marks, not Pattern or
// Match objects.
#pragma once
#include <cstdint>
#include <vector>

#include "vm/types/containers.h"

namespace mp::sre {

enum Op : uint32_t {
  kFailure,
  kSuccess,
  kAny,
  kAnyAll,
  kAssert,
  kAssertNot,
  kAt,
  kBranch,
  kCategory,
  kCharset,
  kBigCharset,
  kGroupRef,
  kGroupRefExists,
  kIn,
  kInfo,
  kJump,
  kLiteral,
  kMark,
  kMaxUntil,
  kMinUntil,
  kNotLiteral,
  kNegate,
  kRange,
  kRepeat,
  kRepeatOne,
  kSubpattern,
  kMinRepeatOne,
  kAtomicGroup,
  kPossessiveRepeat,
  kPossessiveRepeatOne,
  kGroupRefIgnore,
  kInIgnore,
  kLiteralIgnore,
  kNotLiteralIgnore,
  kGroupRefLocIgnore,
  kInLocIgnore,
  kLiteralLocIgnore,
  kNotLiteralLocIgnore,
  kGroupRefUniIgnore,
  kInUniIgnore,
  kLiteralUniIgnore,
  kNotLiteralUniIgnore,
  kRangeUniIgnore,
};
inline constexpr uint32_t kMaxRepeat = 0xffffffffu;
inline constexpr uint32_t kMagic = 20220615;  // the layout of 3.11's re._constants

// What is searched: code points of 1, 2 or 4 bytes.
struct Subject {
  const void* data = nullptr;
  int width = 1;
  int64_t length = 0;
  uint32_t at(int64_t i) const {
    switch (width) {
      case 1: return static_cast<const uint8_t*>(data)[i];
      case 2: return static_cast<const uint16_t*>(data)[i];
      default: return static_cast<const uint32_t*>(data)[i];
    }
  }
};

struct Outcome {
  int64_t start = -1, end = -1;
  int32_t last_index = -1;     // 1-based number of the last closed group, or -1
  std::vector<int64_t> marks;  // two per group, -1 when unset
};

enum class Mode : uint8_t { Match, FullMatch, Search };

// Looks in subject[begin, end). `must_advance_from` >= 0: an empty match there does not count. False: no
// match. MemoryError when the backtrack stack grows beyond all bounds; a signal's exception.
Result<bool> run(Thread& t, const uint32_t* code, size_t code_size, size_t group_count, Subject subject,
                 int64_t begin, int64_t end, Mode mode, int64_t must_advance_from, Outcome* outcome);
// Whether the instruction that takes one character (LITERAL, IN, ANY, ...) takes c.
bool matches_item(const uint32_t* item, uint32_t c);
// Rejects code that would read or jump outside itself.
bool validate(const uint32_t* code, size_t size, size_t group_count);

uint32_t lower_ascii(uint32_t c);
uint32_t lower_unicode(uint32_t c);

}  // namespace mp::sre

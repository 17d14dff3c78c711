// The serialised form of a CodeUnit, for its writer and its reader: magic, stamp, the sizes of the columns,
// the columns. What is alike stands together (all opcodes, all first operands, ...): that is what makes it
// small once compressed (stdlib/freeze). Numbers are varints; signed ones zigzag. An instruction is its
// opcode and the operands of that opcode; kOddInstruction stands before one that has more (aux, words behind
// it).
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "lang/code_unit.h"

namespace mp::lang {

inline constexpr char kCodeUnitMagic[] = {'M', 'P', 'C', '1'};
inline constexpr size_t kMaxWordsPerInstruction = 3;
inline constexpr int kMaxUnitNesting = 3000;  // kMaxAstDepth: lambdas in lambdas

enum Column {
  kStructure,  // whatever has no column of its own, in the order of the units; each unit has its functions
               // inside
  kText,       // the strings, in the order of their first use
  kLengths,    // of the strings
  kStrings,    // uses of them: 0 a new one, n the n-th of the list in the order of their last use
  kOps,
  kOddFields,  // OddField of the odd ones
  kAuxes,
  kOperandA,  // registers, see TemporaryStack
  kOperandB,
  kOperandC,
  kNames,  // other operands: indexes, see IndexCode
  kConstantIndexes,
  kFunctionIndexes,
  kJumpOffsets,
  kImmediates,
  kCounts,
  kWords,           // operand words and cache words
  kLiveLength,      // instructions until the next one that LiveGuess has wrong
  kLive,            // the difference from LiveGuess
  kFirstLine,       // the difference from the function written before
  kExceptionStart,  // the difference from the range before
  kExceptionLength,
  kExceptionHandler,  // the difference from the end of the range
  kConstants,         // kinds and numbers
  kPositionLength,    // in instructions
  kPositionLine,      // the difference from the one before
  kPositionSpan,      // lines; 0: no position
  kPositionColumn,
  kPositionColumnGuessed,  // the difference from PositionGuess::column()
  kPositionEnd,            // the difference from the column; where it spans lines, the end column
  kPositionEndGuessed,     // the difference from PositionGuess::end_column()
  kColumnCount
};

inline constexpr uint8_t kOddInstruction = 255;  // an opcode of no instruction
static_assert(kBaseOpCount <= kOddInstruction);
enum OddField : uint8_t { kOddAux = 1, kOddExtraWord = 2, kOddCacheWord = 4 };

// b and c are one 32-bit operand.
inline bool has_wide_operand(const OpInfo& info) {
  return info.b == Operand::I32 || info.b == Operand::J32 || info.b == Operand::N32 ||
         info.b == Operand::K32 || info.b == Operand::CNT32;
}
inline bool is_signed(Operand kind) {
  return kind == Operand::I16 || kind == Operand::J16 || kind == Operand::I32 || kind == Operand::J32;
}

// Indexes into a table that is in the order of first use, mostly: 0 is the next new one.
class IndexCode {
 public:
  int64_t encode(int64_t index) {
    int64_t back = next_ - index;
    next_ = std::max(next_, index + 1);
    return back;
  }
  int64_t decode(int64_t back) {
    int64_t index = next_ - back;
    next_ = std::max(next_, index + 1);
    return index;
  }

 private:
  int64_t next_ = 0;
};
inline bool names_register(Operand kind) { return kind >= Operand::W && kind <= Operand::RF; }
inline Column operand_column(Operand kind, Column registers) {
  switch (kind) {
    case Operand::N16:
    case Operand::N32: return kNames;
    case Operand::K32: return kConstantIndexes;
    case Operand::F16: return kFunctionIndexes;
    case Operand::J16:
    case Operand::J32: return kJumpOffsets;
    case Operand::I16:
    case Operand::I32: return kImmediates;
    case Operand::CNT:
    case Operand::CNT32: return kCounts;
    default: return registers;
  }
}
// Of one unit.
struct IndexCodes {
  IndexCode names, constants, functions;
  IndexCode* of(Operand kind) {
    switch (kind) {
      case Operand::N16:
      case Operand::N32: return &names;
      case Operand::K32: return &constants;
      case Operand::F16: return &functions;
      default: return nullptr;
    }
  }
};

// The numbers of the strings in the order of their last use.
class RecentStrings {
 public:
  void add(uint32_t string) { order_.push_back(string); }
  // The string of the n-th last use, n <= size(); this is its next one.
  uint32_t use(size_t n) {
    auto at = order_.end() - static_cast<ptrdiff_t>(n);
    uint32_t string = *at;
    std::copy(at + 1, order_.end(), at);
    order_.back() = string;
    return string;
  }
  // The n of use() for a string that was added.
  size_t find(uint32_t string) const {
    return static_cast<size_t>(std::find(order_.rbegin(), order_.rend(), string) - order_.rbegin()) + 1;
  }
  size_t size() const { return order_.size(); }

 private:
  std::vector<uint32_t> order_;  // the last one last
};

}  // namespace mp::lang

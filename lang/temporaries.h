// What the stack of temporaries says: which register the next instruction is likely to name, and how many are
// live at it. The serialised form (code_unit_columns.h) keeps the differences only.
#pragma once

#include <algorithm>
#include <array>

#include "lang/operands.h"

namespace mp::lang {

// What an instruction does with the temporaries, the registers from `first` on.
struct TemporaryUse {
  // Looked up: a library is read through here, instruction by instruction.
  static constexpr auto kCounts = [] {
    std::array<RegisterCounts, kOperandCount> table{};
    for (size_t i = 0; i < table.size(); ++i) table[i] = register_counts(static_cast<Operand>(i));
    return table;
  }();
  static constexpr uint32_t kNone = UINT32_MAX;
  uint32_t read_end = 0, written_end = 0;  // behind the last one; 0: none
  uint32_t lowest_read = kNone, lowest_written = 0, callee = kNone;

  TemporaryUse(const Instruction& i, uint32_t first) {
    const OpInfo& info = op_info(i.opcode());
    Operand kinds[] = {info.a, info.b, info.c};
    uint32_t registers[] = {i.a, i.b, i.c};
    for (int k = 0; k < 3; ++k) {
      if (registers[k] < first) continue;
      RegisterCounts counts = kCounts[static_cast<size_t>(kinds[k])];
      uint32_t read = counts.read, written = counts.written;
      if (counts.varies) {
        read = static_cast<uint32_t>(read_count(kinds[k], i));
        written = static_cast<uint32_t>(write_count(kinds[k], i));
      }
      if (read > 0) {
        read_end = std::max(read_end, registers[k] + read);
        lowest_read = std::min(lowest_read, registers[k]);
      }
      if (written > 0) {
        written_end = std::max(written_end, registers[k] + written);
        lowest_written = registers[k];
      }
      if (kinds[k] == Operand::RK) callee = registers[k];
    }
  }
};

class TemporaryStack {
 public:
  explicit TemporaryStack(uint32_t first) : first_(first), top_(first) {}
  uint32_t first() const { return first_; }
  // Where the next value goes, in all likelihood.
  uint32_t top() const { return top_; }
  void after(const TemporaryUse& use) {
    if (use.written_end > 0)
      top_ = use.written_end;
    else if (use.lowest_read != TemporaryUse::kNone)
      top_ = use.lowest_read;
  }
  // A register as a number that is small for a local and near the top.
  uint64_t encode(uint32_t reg) const {
    if (reg < first_) return uint64_t{reg} << 1 | 1;
    int64_t above = int64_t{reg} - top_;
    return ((static_cast<uint64_t>(above) << 1) ^ static_cast<uint64_t>(above >> 63)) << 1;
  }
  // Anything, of what encode() never gave.
  uint32_t decode(uint64_t code) const {
    if (code & 1) return static_cast<uint32_t>(code >> 1);
    uint64_t raw = code >> 1;
    return top_ + (static_cast<uint32_t>(raw >> 1) ^ -static_cast<uint32_t>(raw & 1));
  }

 private:
  uint32_t first_, top_;
};

class LiveGuess {
 public:
  explicit LiveGuess(const CodeUnit& unit) : unit_(unit), stack_(unit.first_temporary()) {}
  // To be asked for each instruction in turn.
  uint32_t at(uint32_t pc) {
    TemporaryUse use(unit_.instruction(pc), stack_.first());
    uint32_t live = std::max({stack_.top(), use.read_end, use.written_end});
    uint32_t next = pc + length(pc);
    if (use.written_end > 0 && next < unit_.code.size()) {
      // A callee has an empty register behind it.
      TemporaryUse after(unit_.instruction(next), stack_.first());
      if (after.callee == use.written_end - 1 || after.lowest_written > use.written_end) ++live;
    }
    stack_.after(use);
    return live;
  }
  uint32_t length(uint32_t pc) const {
    return static_cast<uint32_t>(op_info(unit_.instruction(pc).opcode()).length());
  }

 private:
  const CodeUnit& unit_;
  TemporaryStack stack_;
};

}  // namespace mp::lang

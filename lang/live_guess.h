// How many registers are likely to be live at an instruction: temporaries are a stack, and the callee of a
// call has an empty register behind it. The serialised form (code_unit_columns.h) keeps the differences only.
#pragma once

#include <algorithm>

#include "lang/operands.h"

namespace mp::lang {

class LiveGuess {
 public:
  explicit LiveGuess(const CodeUnit& unit) : unit_(unit), first_(unit.first_temporary()), top_(first_) {}
  uint32_t at(uint32_t pc) {
    Use use = use_of(pc);
    uint32_t live = std::max({top_, use.read_end, use.written_end});
    if (use.written_end > first_) {
      uint32_t next = pc + length(pc);
      Use after = next < unit_.code.size() ? use_of(next) : Use();
      if (after.callee == use.written_end - 1 || after.lowest_written > use.written_end) ++live;
    }
    top_ = use.written_end > first_         ? use.written_end
           : use.lowest_read != kNoRegister ? use.lowest_read
                                            : top_;
    return live;
  }
  uint32_t length(uint32_t pc) const {
    return static_cast<uint32_t>(op_info(unit_.instruction(pc).opcode()).length());
  }

 private:
  static constexpr uint32_t kNoRegister = 0;  // no temporary: the lowest one is never asked for
  struct Use {                                // of the temporaries
    uint32_t read_end = 0, written_end = 0, lowest_read = kNoRegister, lowest_written = kNoRegister,
             callee = UINT32_MAX;
  };
  Use use_of(uint32_t pc) const {
    Use use;
    Instruction i = unit_.instruction(pc);
    const OpInfo& info = op_info(i.opcode());
    Operand kinds[] = {info.a, info.b, info.c};
    uint32_t first[] = {i.a, i.b, i.c};
    for (int k = 0; k < 3; ++k) {
      if (first[k] < first_) continue;
      auto read = static_cast<uint32_t>(read_count(kinds[k], i));
      auto written = static_cast<uint32_t>(write_count(kinds[k], i));
      if (read > 0) {
        use.read_end = std::max(use.read_end, first[k] + read);
        use.lowest_read = use.lowest_read == kNoRegister ? first[k] : std::min(use.lowest_read, first[k]);
      }
      if (written > 0) {
        use.written_end = std::max(use.written_end, first[k] + written);
        use.lowest_written = first[k];
      }
      if (kinds[k] == Operand::RK) use.callee = first[k];
    }
    return use;
  }

  const CodeUnit& unit_;
  uint32_t first_, top_;
};

}  // namespace mp::lang

#include "lang/position_guess.h"

#include "lang/operands.h"

namespace mp::lang {

void PositionGuess::begin(uint32_t start, uint32_t end) {
  start_ = start;
  end_ = end;
  key_ = unit_.instruction(start);
  for (uint32_t pc = start; pc < end;) {
    Instruction i = unit_.instruction(pc);
    const OpInfo& info = op_info(i.opcode());
    if (info.effects & kRaises) {
      key_ = i;
      break;
    }
    pc += static_cast<uint32_t>(info.length());
  }
  const OpInfo& info = op_info(key_.opcode());
  begins_ = Place();
  if (read_count(info.b, key_) > 0)
    begins_ = place(key_.b);
  else if (info.b != Operand::N32 && read_count(info.a, key_) > 0)
    begins_ = place(key_.a);
}

// Of the expression in the register; a local that is read at `column` ends behind its name.
int32_t PositionGuess::end_of(uint32_t reg, int32_t column) const {
  if (reg < unit_.local_names.size()) return column + static_cast<int32_t>(unit_.local_names[reg].size());
  return place(reg).end_column;
}

int32_t PositionGuess::end_column(int32_t column) const {
  const OpInfo& info = op_info(key_.opcode());
  if (info.b == Operand::N32) return column + name_length(static_cast<uint32_t>(key_.bc()));
  if (info.c == Operand::N16) {
    int32_t base = end_of(key_.b, column);
    return base == kUnknown ? kUnknown : base + 1 + name_length(key_.c);
  }
  if (info.b == Operand::RK) {
    int32_t last = key_.c > 0 ? place(key_.b + 1u + key_.c).end_column : kUnknown;
    if (last != kUnknown) return last + 1;
    last = place(key_.b).end_column;
    return last == kUnknown ? kUnknown : last + 2;
  }
  if (read_count(info.c, key_) > 0)
    return place(key_.c + static_cast<uint32_t>(read_count(info.c, key_)) - 1).end_column;
  if (read_count(info.b, key_) > 0)
    return place(key_.b + static_cast<uint32_t>(read_count(info.b, key_)) - 1).end_column;
  return kUnknown;
}

void PositionGuess::learn(const CodePosition& position) {
  for (uint32_t pc = start_; pc < end_;) {
    Instruction i = unit_.instruction(pc);
    const OpInfo& info = op_info(i.opcode());
    bool counts = (info.effects & kRaises) != 0;
    auto written = static_cast<uint32_t>(write_count(info.a, i));
    for (uint32_t reg = i.a; reg < i.a + written && reg < places_.size(); ++reg)
      places_[reg] = counts ? Place{position.column, position.end_column} : Place();
    pc += static_cast<uint32_t>(info.length());
  }
}

}  // namespace mp::lang

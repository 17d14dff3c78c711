// What the operands of an instruction say about registers and jumps; see the operand kinds in opcodes.def.
#pragma once
#include "lang/code_unit.h"

namespace mp::lang {

// How many registers from the operand's on an instruction reads.
inline int read_count(Operand kind, const Instruction& i) {
  switch (kind) {
    case Operand::R:
    case Operand::M: return 1;
    case Operand::R2: return 2;
    case Operand::R3: return 3;
    case Operand::RC:
    case Operand::RS: return i.c;
    case Operand::RP: return 2 * i.c;
    case Operand::RK: return i.c + 2;
    case Operand::RF: return __builtin_popcount(i.aux & 15);
    default: return 0;
  }
}

inline int write_count(Operand kind, const Instruction& i) {
  switch (kind) {
    case Operand::W:
    case Operand::M: return 1;
    case Operand::W2: return 2;
    case Operand::WC: return i.c;
    case Operand::WX: return i.c + 1 + i.aux;
    default: return 0;
  }
}

inline constexpr size_t kOperandCount = static_cast<size_t>(Operand::CNT32) + 1;

// Both, for operands that always name as many; `varies` for the others.
struct RegisterCounts {
  uint8_t read = 0, written = 0;
  bool varies = false;
};
inline constexpr RegisterCounts register_counts(Operand kind) {
  switch (kind) {
    case Operand::R: return {1, 0};
    case Operand::R2: return {2, 0};
    case Operand::R3: return {3, 0};
    case Operand::W: return {0, 1};
    case Operand::W2: return {0, 2};
    case Operand::M: return {1, 1};
    case Operand::RC:
    case Operand::RS:
    case Operand::RP:
    case Operand::RK:
    case Operand::RF:
    case Operand::WC:
    case Operand::WX: return {0, 0, true};
    default: return {};
  }
}

inline bool has_jump(const OpInfo& info) { return info.b == Operand::J32 || info.c == Operand::J16; }

// Where the jump of the instruction at pc goes.
inline uint32_t jump_target(const CodeUnit& unit, uint32_t pc) {
  Instruction i = unit.instruction(pc);
  const OpInfo& info = op_info(i.opcode());
  int32_t offset = info.b == Operand::J32 ? i.bc() : i.sc();
  return static_cast<uint32_t>(static_cast<int64_t>(pc) + info.length() + offset);
}

}  // namespace mp::lang

// The readable form of a CodeUnit: one line per instruction, names and constants resolved. `minipy dis` and
// the golden tests print it.
#pragma once

#include <string>

#include "lang/code_unit.h"

namespace mp::lang {

struct DisassembleOptions {
  bool nested = true;      // the functions inside as well
  bool positions = false;  // columns, too; otherwise only lines
  bool live = false;       // registers in use
};

std::string disassemble(const CodeUnit& unit, const DisassembleOptions& options = {});
// One instruction without its address: "ADD           x, x, t5".
std::string disassemble_instruction(const CodeUnit& unit, uint32_t pc);
// A variable's name ("x"; "&x" if the register holds its cell), else that of a temporary: "t0", or "t0:y"
// while the variable y of a comprehension lives there.
std::string register_name(const CodeUnit& unit, uint32_t pc, uint32_t reg);
std::string code_constant_repr(const CodeConstant& constant);

}  // namespace mp::lang

// `minipy atomic`: where a switch may fall in each statement of a script, by preset, and which updates of
// shared variables are atomic, by guarantee or by accident. It works on the front end's output and knows no
// heap.
#pragma once
#include <string>

#include "lang/ast.h"
#include "lang/code_unit.h"
#include "lang/source.h"

namespace mp {

// The table, as text. `line` 0: the whole file.
std::string describe_atomicity(const lang::Source& source, const lang::ModNode& module,
                               const lang::CodeUnit& unit, uint32_t line);

}  // namespace mp

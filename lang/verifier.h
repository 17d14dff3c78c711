// Checks that a CodeUnit is well formed, so that the VM needs no check of its own: every operand in range,
// every jump to the start of an instruction, every table sound, no way to run off the end. It does not prove
// that registers hold what the code expects: an empty register where a value should be is the VM's to
// survive.
#pragma once

#include <string>

#include "lang/code_unit.h"

namespace mp::lang {

// Empty: sound, nested functions included. Otherwise what is wrong, for a developer.
std::string verify(const CodeUnit& unit);

}  // namespace mp::lang

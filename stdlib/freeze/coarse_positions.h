// Fewer positions for the library inside the binary: what cannot raise keeps its line, not its columns, since
// no traceback ever shows them.
#pragma once

#include "lang/code_unit.h"

void make_positions_coarse(mp::lang::CodeUnit& unit);

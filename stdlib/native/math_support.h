// What the files of the math module share: the errors of C's functions as Python's exceptions.
#pragma once
#include <cmath>

#include "vm/native/native.h"
#include "vm/protocol/protocol.h"
#include "vm/types/number.h"

namespace mp {

inline Error math_domain_error(Thread& t) { return t.raise(Exc::ValueError, "math domain error"); }
inline Error math_range_error(Thread& t) { return t.raise(Exc::OverflowError, "math range error"); }

extern const NativeDef kMathFunctions[];         // math.cpp: of floats
extern const NativeDef kMathIntegerFunctions[];  // math_integer.cpp: of ints and sums
extern const NativeDef kMathVectorFunctions[];   // math_vector.cpp: of several numbers

}  // namespace mp

// What int(), float() and complex() share: the text of a number, and __float__ with its checks.
#pragma once
#include <string>

#include "vm/types/str.h"

namespace mp {

// ASCII: decimal digits of any script become 0-9, spaces blanks, anything else '\x01' (which no number has).
std::string number_text(StrObject* s);
// v.__float__(); the type has the slot. TypeError for what is no float, a DeprecationWarning for a subclass.
Result<Value> converted_to_float(Thread& t, Value v);

}  // namespace mp

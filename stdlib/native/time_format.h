// struct_time and strftime of the time module for other native code.
#pragma once
#include <ctime>
#include <string>

#include "vm/types/type.h"

namespace mp {

// Of its nine items; tm_zone and tm_gmtoff are None.
Value make_struct_time(Thread& t, const Value* items);
// strftime(3) of UTF-8 text, which may hold NULs, with the names of the runtime's locale.
std::string format_time(Thread& t, const std::string& format, const tm& broken);

}  // namespace mp

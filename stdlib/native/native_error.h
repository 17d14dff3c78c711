// The exception classes that native modules define themselves (zlib.error, binascii.Error): made once per
// runtime, so that a module imported afresh raises the class that `except` clauses already name.
#pragma once
#include "vm/types/runtime.h"

namespace mp {

Result<Value> native_error(Thread& t, const char* module, const char* name, Exc base);
Error raise_native(Thread& t, const char* module, const char* name, Exc base, std::string_view message);

}  // namespace mp

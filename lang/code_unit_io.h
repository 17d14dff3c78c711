// CodeUnit to bytes and back: frozen library modules and caches. Reading checks everything (verifier.h): what
// it returns is safe to run.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "lang/code_unit.h"

namespace mp::lang {

// Grows with each change of the format or of opcodes.def.
inline constexpr uint32_t kCodeFormatVersion = 6;
// Differs between builds whose instructions differ.
uint64_t code_format_stamp();

std::string write_code_unit(const CodeUnit& unit);
// Where the parts of different kinds end in what write_code_unit() made, for who compresses it.
std::vector<size_t> code_unit_parts(std::string_view bytes);
// Who made the bytes. The frozen library was verified when it was written (stdlib/freeze): what the binary
// itself carries needs no second look.
enum class Origin { Unknown, OwnBinary };
// Null, and a reason in *error, when the bytes are not what write_code_unit() of this build made.
std::unique_ptr<CodeUnit> read_code_unit(std::string_view bytes, std::string* error,
                                         Origin origin = Origin::Unknown);

}  // namespace mp::lang

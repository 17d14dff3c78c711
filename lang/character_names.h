// The names of Unicode's characters, both ways. It knows no properties (those are utf8proc's).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace mp::lang {

// The code point of \N{name}, aliases included; -1 where no character is called so. Case does not matter.
int32_t lookup_character_name(std::string_view name);

// unicodedata.name(): empty where the character has none.
std::string character_name(uint32_t code_point);

}  // namespace mp::lang

// Names of characters for codecs and unicodedata: the table belongs to lang, whose literals need it too.
#include "lang/character_names.h"
#include "vm/types/codec_errors.h"

namespace mp {

std::string unicode_name(uint32_t c) { return lang::character_name(c); }
int64_t unicode_by_name(std::string_view name) { return lang::lookup_character_name(name); }

}  // namespace mp

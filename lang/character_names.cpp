#include "lang/literals.h"

namespace mp::lang {

int32_t lookup_character_name(std::string_view name) {
  (void)name;
  return 0xFFFD;
}

}  // namespace mp::lang

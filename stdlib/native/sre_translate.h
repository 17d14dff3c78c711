// Translation of SRE code to the text of a PCRE2 pattern (without options like anchoring). It knows both
// languages, not how they run.
#pragma once
#include <string>
#include <vector>

#include "stdlib/native/sre_engine.h"

namespace mp::sre {

struct Translation {
  bool possible = false;            // false: only the engine gives Python's result; the rest is then empty
  std::string text;                 // ASCII; code points are escaped
  bool unicode_boundaries = false;  // needs PCRE2_UCP
  bool marked = false;              // `(*MARK)`s name the group closed last
  std::vector<uint32_t> group_of;   // PCRE2's group number - 1 -> Python's group number - 1
  std::vector<uint32_t>
      closing_order;  // Python's group numbers - 1 in the order of their closing parentheses
};

// For subjects of 1-, 2- or 4-byte code points.
Translation translate(const uint32_t* code, size_t size, size_t groups, int width);

}  // namespace mp::sre

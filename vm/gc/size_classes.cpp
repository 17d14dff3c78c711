#include "vm/threads/allocation_cache.h"

namespace mp {
constinit const std::array<uint8_t, kMaxSmallSize / kGranule + 1> kClassOfGranules =
    detail::make_class_table();
}

// The numbers of a range, where one word holds them. It knows nothing of those that do not fit.
#pragma once
#include "vm/types/containers.h"

namespace mp {

// False: they do not fit, or the place after the last one does not.
inline bool range_in_words(const RangeObject* range, int64_t* start, int64_t* step, int64_t* length) {
  Value a = range->start.get(), s = range->step.get(), n = range->length.get();
  if (!a.is_int() || !s.is_int() || !n.is_int()) return false;
  *start = a.as_int();
  *step = s.as_int();
  *length = n.as_int();
  int64_t end;
  return !__builtin_mul_overflow(*length, *step, &end) && !__builtin_add_overflow(end, *start, &end);
}

}  // namespace mp

// The magnitude of an int as GMP limbs, small ints included. Internal to int*.cpp.
#pragma once
#include "vm/types/number.h"

namespace mp {

// Larger results raise MemoryError before GMP would abort the process.
inline constexpr size_t kMaxIntLimbs = size_t{1} << 27;  // 1 GiB of magnitude

// Read-only; `data` may point into the view itself.
struct LimbView {
  const mp_limb_t* data;
  size_t count;
  bool negative;
  explicit LimbView(Value any_int) {
    if (is_kind(any_int, Kind::Int)) {
      auto* object = any_int.as<IntObject>();
      data = object->limbs();
      count = object->limb_count();
      negative = object->size < 0;
      return;
    }
    int64_t i = any_int.is_bool() ? any_int.is_true() : any_int.as_int();
    scratch_ = i < 0 ? -static_cast<uint64_t>(i) : static_cast<uint64_t>(i);
    data = &scratch_;
    count = i != 0;
    negative = i < 0;
  }
  LimbView(const LimbView&) = delete;

 private:
  mp_limb_t scratch_;
};

bool int_is_zero(Value any_int);
int int_sign(Value any_int);

}  // namespace mp

// Set algebra that other files use (dict views, collections). Internal to vm/types.
#pragma once
#include "vm/types/containers.h"

namespace mp {
Result<Value> set_intersection(Thread& t, SetObject* set, Value other);  // result has the base type of `set`
Status set_difference_update(Thread& t, SetObject* set, Value other);
Status set_symmetric_difference_update(Thread& t, SetObject* set, Value other);
}  // namespace mp

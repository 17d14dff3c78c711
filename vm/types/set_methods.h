// Set algebra that other files use (dict views, collections). Internal to vm/types.
#pragma once
#include "vm/types/containers.h"

namespace mp {
Result<Value> set_intersection(Thread& t, SetObject* set, Value other);  // result has the base type of `set`
Status set_difference_update(Thread& t, SetObject* set, Value other);
Status set_symmetric_difference_update(Thread& t, SetObject* set, Value other);
Result<SetObject*> set_difference(Thread& t, SetObject* set, Value other);
Result<bool> set_is_subset(Thread& t, SetObject* a, SetObject* b);
Result<bool> set_is_disjoint(Thread& t, SetObject* a, SetObject* b);
// A set of the items of any iterable; the argument itself when it is one.
Result<SetObject*> set_from(Thread& t, Value iterable);
// The type of a derived set: set or frozenset, never a subclass.
Type* set_base_type(Thread& t, SetObject* set);
}  // namespace mp

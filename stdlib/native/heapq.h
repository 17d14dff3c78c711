// heapq for other native code: a heap in a list. Comparisons may run script code.
#pragma once
#include "vm/types/containers.h"

namespace mp {

Status heap_push(Thread& t, ListObject* heap, Value item);
Result<Value> heap_pop(Thread& t, ListObject* heap);  // IndexError when empty

}  // namespace mp

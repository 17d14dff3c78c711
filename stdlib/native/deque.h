// collections.deque for other native code: the queues keep their items in one.
#pragma once
#include "vm/types/type.h"

namespace mp {

Value make_deque(Thread& t);
bool is_exact_deque(Value v);
// `deque` is exactly a deque. Each is atomic.
Status deque_push(Thread& t, Value deque, Value item);  // append
Value deque_take(Thread& t, Value deque);               // popleft; empty when there is none
uint64_t deque_size(Value deque);                       // needs no attached thread

}  // namespace mp

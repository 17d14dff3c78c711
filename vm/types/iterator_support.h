// What iterator types share. Used by vm/types/iterators.cpp and the native modules.
#pragma once
#include "vm/protocol/protocol.h"
#include "vm/types/containers.h"

namespace mp {

inline Result<Value> iterator_self(Thread&, Value self) { return self; }

// next() of something get_iter() gave.
inline Result<Value> next_of(Thread& t, Value iterator) {
  UnarySlot next = type_of(t, iterator)->slots.next;
  if (next == nullptr) [[unlikely]]
    return iter_next(t, iterator);  // raises
  TRY(t.check_stack());             // an iterator over an iterator over ...
  return next(t, iterator);
}

Value make_sequence_iterator(Thread& t, Value sequence);
Value make_callable_iterator(Thread& t, Value callable, Value sentinel);  // iter(callable, sentinel)
Value make_reversed(Thread& t, Value sequence, int64_t length);
// iter() of each; when `who` is given, "{who} argument #2 must support iteration".
Result<TupleObject*> iterators_of(Thread& t, const Value* iterables, size_t count, const char* who);

}  // namespace mp

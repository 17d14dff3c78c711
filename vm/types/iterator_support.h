// What iterator types share. Used by vm/types/iterators.cpp and the native modules.
#pragma once
#include "vm/protocol/protocol.h"
#include "vm/types/containers.h"
#include "vm/types/runtime.h"

namespace mp {

inline Result<Value> iterator_self(Thread&, Value self) { return self; }

// next() of something get_iter() gave.
inline Result<Value> next_of(Thread& t, Value iterator) {
  if (is_exact(iterator, t.types().list_iterator)) {
    auto* it = iterator.as<ListIterator>();
    uint64_t index = it->index.load(std::memory_order_relaxed);
    Value list = it->list;
    Value item = list.is_empty() ? kEmpty : list.as<ListObject>()->at(index);
    if (!item.is_empty()) [[likely]] {
      it->index.store(index + 1, std::memory_order_relaxed);
      return item;
    }
  }
  UnarySlot next = type_of(t, iterator)->slots.next;
  if (next == nullptr) [[unlikely]]
    return iter_next(t, iterator);  // raises
  TRY(t.check_stack());             // an iterator over an iterator over ...
  return next(t, iterator);
}

// Iterators that yield tuples hand the items of one to a loop that would unpack it at once: no tuple is made.
inline constexpr size_t kMostUnpacked = 4;
enum class Unpacked : uint8_t { Items, End, Raised, Other };  // Other: not such an iterator, nothing was done
// Whether the iterator is one that yields tuples of `count` items this way.
bool yields_tuples(Thread& t, Value iterator, size_t count);
// The next `count` items, at most kMostUnpacked; `to` is written when there are all of them.
Unpacked next_unpacked(Thread& t, Value iterator, Value* to, size_t count);
// The step of an iterator of dict.items(): false at the end.
Result<bool> dict_items_next(Thread& t, Value iterator, Value* key, Value* value);

Value make_sequence_iterator(Thread& t, Value sequence);
Value make_callable_iterator(Thread& t, Value callable, Value sentinel);  // iter(callable, sentinel)
Value make_reversed(Thread& t, Value sequence, int64_t length);
// iter() of each; when `who` is given, "{who} argument #2 must support iteration".
Result<TupleObject*> iterators_of(Thread& t, const Value* iterables, size_t count, const char* who);

}  // namespace mp

// The layout of a deque, for the files it is made of: collections_deque.cpp and its iterators.
#pragma once
#include "vm/protocol/protocol.h"
#include "vm/threads/object_lock.h"
#include "vm/types/type.h"

namespace mp {

struct DequeArray {
  uint64_t capacity = 0;  // power of two
  uint64_t reserved = 0;
  Slot* items() { return reinterpret_cast<Slot*>(this + 1); }
};
struct Deque : Object {
  std::atomic<DequeArray*> array{nullptr};
  std::atomic<uint64_t> head{0};
  std::atomic<uint64_t> size{0};
  std::atomic<uint64_t> state{0};  // counts changes of structure
  std::atomic<int64_t> maxlen{-1};

  uint64_t count() const { return size.load(std::memory_order_relaxed); }
  Slot& slot(uint64_t i) const {
    DequeArray* a = array.load(std::memory_order_relaxed);
    return a->items()[(head.load(std::memory_order_relaxed) + i) & (a->capacity - 1)];
  }
  void changed() { state.store(state.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed); }
};

extern const TypeSpec kDequeSpec, kDequeIteratorSpec, kDequeReverseIteratorSpec;
bool is_deque(Thread& t, Value v);
// `spec` is one of the iterators'.
Value make_deque_iterator(Thread& t, Value deque, const TypeSpec& spec);

}  // namespace mp

// Iterators over a deque, forwards and backwards: each ends with an error where the deque has changed.
#include "stdlib/native/collections_deque.h"
#include "vm/native/native.h"
#include "vm/types/iterator_support.h"
#include "vm/types/number.h"

namespace mp {

namespace {

struct DequeIterator : Object {
  Slot deque;
  std::atomic<uint64_t> index{0}, state{0}, remaining{0};
};

void trace_deque_iterator(Object* self, Tracer& tracer) {
  tracer.visit(static_cast<DequeIterator*>(self)->deque);
}

template <bool reverse>
Result<Value> deque_iterator_next(Thread& t, Value self) {
  auto* it = self.as<DequeIterator>();
  auto* d = it->deque.get().as<Deque>();
  if (d->state.load(std::memory_order_relaxed) != it->state.load(std::memory_order_relaxed)) {
    it->remaining.store(0);
    return t.raise(Exc::RuntimeError, "deque mutated during iteration");
  }
  uint64_t remaining = it->remaining.load(std::memory_order_relaxed);
  if (remaining == 0) return kNoMore;
  uint64_t i = it->index.load(std::memory_order_relaxed);
  ObjectLock lock(t, d);
  uint64_t n = d->count();
  if (i >= n) return kNoMore;
  it->index.store(i + 1, std::memory_order_relaxed);
  it->remaining.store(remaining - 1, std::memory_order_relaxed);
  return d->slot(reverse ? n - 1 - i : i).get();
}
Result<Value> deque_iterator_length_hint(Thread& t, const Value* args) {
  return make_int_unsigned(t, args[0].as<DequeIterator>()->remaining.load());
}
Result<Value> deque_iterator_reduce(Thread& t, const Value* args) {
  auto* it = args[0].as<DequeIterator>();
  return make_tuple(
      t, {Value(it->type()), Value(make_tuple(t, {it->deque, make_int_unsigned(t, it->index.load())}))});
}
Result<Value> deque_iterator_new(Thread& t, const Value* args) {
  if (!is_deque(t, args[1]))
    return t.raise(Exc::TypeError, "argument 1 must be collections.deque, not {}", type_name(t, args[1]));
  int64_t index = TRY(to_ssize(t, args[2]));
  auto* it = t.heap().make<DequeIterator>(t, args[0].as<Type>());
  uint64_t n = args[1].as<Deque>()->count();
  uint64_t skip = index < 0 ? 0 : static_cast<uint64_t>(index) > n ? n : static_cast<uint64_t>(index);
  it->deque = args[1];
  it->state.store(args[1].as<Deque>()->state.load());
  it->index.store(skip);
  it->remaining.store(n - skip);
  return it;
}
const NativeDef kDequeIteratorMethods[] = {
    MP_NEW(deque_iterator_new, "__new__(cls, deque, index=0, /)", nullptr),
    MP_METHOD(deque_iterator_length_hint, "__length_hint__(self, /)",
              "Private method returning an estimate of len(list(it))."),
    MP_METHOD(deque_iterator_reduce, "__reduce__(self, /)", "Return state information for pickling."),
    MP_END};

}  // namespace

Value make_deque_iterator(Thread& t, Value self, const TypeSpec& spec) {
  auto* it = t.heap().make<DequeIterator>(t, native_type(t, spec));
  it->deque = self;
  it->state.store(self.as<Deque>()->state.load());
  it->remaining.store(self.as<Deque>()->count());
  return it;
}

const TypeSpec kDequeIteratorSpec = {
    .name = "_collections._deque_iterator",
    .size = sizeof(DequeIterator),
    .trace = trace_deque_iterator,
    .slots = MP_SLOTS(.iter = iterator_self, .next = deque_iterator_next<false>),
    .methods = kDequeIteratorMethods};
const TypeSpec kDequeReverseIteratorSpec = {
    .name = "_collections._deque_reverse_iterator",
    .size = sizeof(DequeIterator),
    .trace = trace_deque_iterator,
    .slots = MP_SLOTS(.iter = iterator_self, .next = deque_iterator_next<true>),
    .methods = kDequeIteratorMethods};

}  // namespace mp

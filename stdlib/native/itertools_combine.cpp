// itertools: product, combinations and permutations.
#include <algorithm>

#include "stdlib/native/itertools_support.h"

namespace mp {

namespace {
// Indices into a pool; `state` counts: 0 fresh, 1 running, 2 exhausted.
struct Selector : Object {
  Slot pool;                               // tuple; product: tuple of tuples
  Slot result;                             // last tuple given
  std::atomic<int64_t*> indices{nullptr};  // raw cell
  std::atomic<int64_t*> cycles{nullptr};   // raw cell (permutations)
  int64_t length = 0;
  std::atomic<int> state{0};
};
void trace_selector(Object* self, Tracer& tracer) {
  auto* it = static_cast<Selector*>(self);
  tracer.visit(it->pool);
  tracer.visit(it->result);
  tracer.mark_raw(it->indices.load());
  tracer.mark_raw(it->cycles.load());
}
int64_t* new_indices(Thread& t, int64_t n) {
  return static_cast<int64_t*>(
      t.heap().allocate_raw(t, static_cast<size_t>(n < 1 ? 1 : n) * sizeof(int64_t)));
}
Result<Selector*> new_selector(Thread& t, Value cls, Value pool, int64_t length) {
  auto* it = t.heap().make<Selector>(t, cls.as<Type>());
  it->pool = pool;
  it->length = length;
  it->indices.store(new_indices(t, length));
  if (it->indices.load() == nullptr) return t.raise_memory_error();
  return it;
}
TupleObject* select(Thread& t, Selector* it) {
  TupleObject* items = allocate_tuple(t, static_cast<size_t>(it->length));
  auto* pool = it->pool.get().as<TupleObject>();
  int64_t* indices = it->indices.load();
  for (int64_t i = 0; i < it->length; ++i) items->items()[i] = (*pool)[static_cast<size_t>(indices[i])];
  return items;
}
// A copy of the last result with the items from `from` on taken anew.
TupleObject* copy_result(Thread& t, Selector* it) {
  auto* old = it->result.get().as<TupleObject>();
  if (old->size == 0) return old;
  TupleObject* items = allocate_tuple(t, old->size);
  copy_slots(items->items(), old->items(), old->size);
  return items;
}
}  // namespace

// Pickling and copying, until 3.14 drops them: the arguments anew, then the indices and the last result.
static Result<Value> selector_state(Thread& t, Selector* it, size_t index_count, size_t cycle_count) {
  auto ints = [&](int64_t* from, size_t n) {
    TupleObject* tuple = allocate_tuple(t, n);
    for (size_t i = 0; i < n; ++i) tuple->items()[i] = Value::from_int(from[i]);
    return Value(tuple);
  };
  Value result = it->result.get();
  return make_tuple(t, {Value::from_int(it->state.load()), ints(it->indices.load(), index_count),
                        ints(it->cycles.load(), cycle_count), result.is_empty() ? kNone : result});
}
static Result<Value> selector_reduce(Thread& t, const Value* args) {
  auto* it = args[0].as<Selector>();
  bool cycles = it->cycles.load() != nullptr;
  size_t pool = it->pool.get().as<TupleObject>()->size;
  size_t r = static_cast<size_t>(it->length);
  Value state = TRY(selector_state(t, it, cycles ? pool : r, cycles ? r : 0));
  return make_tuple(
      t, {Value(it->type()), Value(make_tuple(t, {it->pool, Value::from_int(it->length)})), state});
}
static Result<Value> product_reduce(Thread& t, const Value* args) {
  auto* it = args[0].as<Selector>();
  int state = it->state.load();
  if (state == 2) return make_tuple(t, {Value(it->type()), Value(make_tuple(t, {Value(empty_tuple(t))}))});
  if (state == 0) return make_tuple(t, {Value(it->type()), it->pool});
  TupleObject* indices = allocate_tuple(t, static_cast<size_t>(it->length));
  for (size_t i = 0; i < indices->size; ++i) indices->items()[i] = Value::from_int(it->indices.load()[i]);
  return make_tuple(t, {Value(it->type()), it->pool, Value(indices)});
}
static Result<Value> product_setstate(Thread& t, const Value* args) {
  auto* it = args[0].as<Selector>();
  auto* state = is_tuple(args[1]) ? args[1].as<TupleObject>() : nullptr;
  if (state == nullptr || state->size != static_cast<size_t>(it->length))
    return t.raise(Exc::ValueError, "invalid arguments");
  auto* pools = it->pool.get().as<TupleObject>();
  TupleObject* result = allocate_tuple(t, state->size);
  for (size_t i = 0; i < state->size; ++i) {
    int64_t index = TRY(to_int64(t, (*state)[i]));
    auto* pool = (*pools)[i].as<TupleObject>();
    if (pool->size == 0) {
      it->state.store(2);
      return kNone;
    }
    index = std::clamp<int64_t>(index, 0, static_cast<int64_t>(pool->size) - 1);
    it->indices.load()[i] = index;
    result->items()[i] = (*pool)[static_cast<size_t>(index)];
  }
  it->result = Value(result);
  it->state.store(1);
  return kNone;
}
static Result<Value> selector_setstate(Thread& t, const Value* args) {
  auto* it = args[0].as<Selector>();
  auto* state = is_tuple(args[1]) ? args[1].as<TupleObject>() : nullptr;
  if (state == nullptr || state->size != 4 || !(*state)[0].is_int() || !is_tuple((*state)[1]) ||
      !is_tuple((*state)[2]))
    return t.raise(Exc::ValueError, "invalid arguments");
  auto* pool = it->pool.get().as<TupleObject>();
  bool cycles = it->cycles.load() != nullptr;
  auto* indices = (*state)[1].as<TupleObject>();
  auto* counts = (*state)[2].as<TupleObject>();
  size_t expected = cycles ? pool->size : static_cast<size_t>(it->length);
  if (indices->size != expected || counts->size != (cycles ? static_cast<size_t>(it->length) : 0))
    return t.raise(Exc::ValueError, "invalid arguments");
  for (size_t i = 0; i < indices->size; ++i) {
    int64_t index = (*indices)[i].is_int() ? (*indices)[i].as_int() : -1;
    if (index < 0 || index >= static_cast<int64_t>(pool->size))
      return t.raise(Exc::ValueError, "invalid arguments");
    it->indices.load()[i] = index;
  }
  for (size_t i = 0; i < counts->size; ++i) {
    int64_t count = (*counts)[i].is_int() ? (*counts)[i].as_int() : -1;
    if (count < 1 || count > static_cast<int64_t>(pool->size - i))
      return t.raise(Exc::ValueError, "invalid arguments");
    it->cycles.load()[i] = count;
  }
  Value result = (*state)[3];
  bool running = (*state)[0].as_int() == 1;
  if (running && (!is_tuple(result) || result.as<TupleObject>()->size != static_cast<size_t>(it->length)))
    return t.raise(Exc::ValueError, "invalid arguments");
  it->result = is_tuple(result) ? result : kEmpty;
  it->state.store(running ? 1 : (*state)[0].as_int() == 0 ? 0 : 2);
  return kNone;
}

// ---------------------------------------------------------------- product
static Result<Value> product_new(Thread& t, const Value* args) {
  auto* iterables = args[1].as<TupleObject>();
  int64_t repeat = TRY(to_ssize(t, args[2]));
  if (repeat < 0) return t.raise(Exc::ValueError, "repeat argument cannot be negative");
  auto n = static_cast<int64_t>(repeat == 0 ? 0 : iterables->size);
  if (n != 0 && repeat > kMaxContainerItems / n)
    return t.raise(Exc::OverflowError, "repeat argument too large");
  TupleObject* pools = TRY(new_tuple(t, static_cast<size_t>(n * repeat)));
  for (int64_t i = 0; i < n; ++i) {
    Value pool = TRY(to_tuple(t, (*iterables)[static_cast<size_t>(i)]));
    for (int64_t r = 0; r < repeat; ++r) pools->items()[r * n + i] = pool;
  }
  Selector* it = TRY(new_selector(t, args[0], pools, n * repeat));
  return it;
}
static Result<Value> product_next(Thread& t, Value self) {
  auto* it = self.as<Selector>();
  int state = it->state.load(std::memory_order_relaxed);
  if (state == 2) return kNoMore;
  auto* pools = it->pool.get().as<TupleObject>();
  int64_t* indices = it->indices.load();
  TupleObject* items;
  if (state == 0) {
    items = allocate_tuple(t, static_cast<size_t>(it->length));
    for (int64_t i = 0; i < it->length; ++i) {
      auto* pool = (*pools)[static_cast<size_t>(i)].as<TupleObject>();
      if (pool->size == 0) {
        it->state.store(2);
        return kNoMore;
      }
      items->items()[i] = (*pool)[0];
    }
    it->state.store(1);
  } else {
    items = copy_result(t, it);
    int64_t i = it->length - 1;
    for (; i >= 0; --i) {
      auto* pool = (*pools)[static_cast<size_t>(i)].as<TupleObject>();
      if (static_cast<size_t>(++indices[i]) >= pool->size) {
        indices[i] = 0;
        items->items()[i] = (*pool)[0];
      } else {
        items->items()[i] = (*pool)[static_cast<size_t>(indices[i])];
        break;
      }
    }
    if (i < 0) {
      it->state.store(2);
      return kNoMore;
    }
  }
  it->result = Value(items);
  return items;
}
static const NativeDef kProductMethods[] = {
    MP_NEW(product_new, "__new__(cls, *iterables, repeat=1)", nullptr),
    MP_METHOD(product_reduce, "__reduce__(self, /)", nullptr),
    MP_METHOD(product_setstate, "__setstate__(self, state, /)", nullptr), MP_END};
MP_ITERTOOL(kProductSpec, "product", Selector, trace_selector, product_next, kProductMethods,
            "product(*iterables, repeat=1) --> product object\n\nCartesian product of input iterables.  "
            "Equivalent to nested "
            "for-loops.");

// Combinations and permutations: the first selection is the indices as they were made, the others are what
// advance() makes of the last one; null: that was the last.
template <TupleObject* (*advance)(Thread& t, Selector* it)>
static Result<Value> selector_next(Thread& t, Value self) {
  auto* it = self.as<Selector>();
  int state = it->state.load(std::memory_order_relaxed);
  if (state == 2) return kNoMore;
  TupleObject* items = state == 0 ? select(t, it) : advance(t, it);
  if (items == nullptr) {
    it->state.store(2);
    return kNoMore;
  }
  if (state == 0) it->state.store(1);
  it->result = Value(items);
  return items;
}

// ---------------------------------------------------------------- combinations
static Result<Value> combinations_new(Thread& t, const Value* args) {
  Value pool = TRY(to_tuple(t, args[1]));
  int64_t r = TRY(to_ssize(t, args[2]));
  if (r < 0) return t.raise(Exc::ValueError, "r must be non-negative");
  auto n = static_cast<int64_t>(pool.as<TupleObject>()->size);
  Selector* it = TRY(new_selector(t, args[0], pool, r > n ? 0 : r));
  for (int64_t i = 0; i < it->length; ++i) it->indices.load()[i] = i;
  if (r > n) it->state.store(2);
  return it;
}
static TupleObject* combinations_advance(Thread& t, Selector* it) {
  auto* pool = it->pool.get().as<TupleObject>();
  auto n = static_cast<int64_t>(pool->size);
  int64_t r = it->length;
  int64_t* indices = it->indices.load();
  int64_t i = r - 1;
  while (i >= 0 && indices[i] == i + n - r) --i;
  if (i < 0) return nullptr;
  ++indices[i];
  for (int64_t k = i + 1; k < r; ++k) indices[k] = indices[k - 1] + 1;
  TupleObject* items = copy_result(t, it);
  for (; i < r; ++i) items->items()[i] = (*pool)[static_cast<size_t>(indices[i])];
  return items;
}
static const NativeDef kCombinationsMethods[] = {
    MP_NEW(combinations_new, "__new__(cls, iterable, r)", nullptr),
    MP_METHOD(selector_reduce, "__reduce__(self, /)", nullptr),
    MP_METHOD(selector_setstate, "__setstate__(self, state, /)", nullptr), MP_END};
MP_ITERTOOL(kCombinationsSpec, "combinations", Selector, trace_selector, selector_next<combinations_advance>,
            kCombinationsMethods,
            "Return successive r-length combinations of elements in the iterable.\n\ncombinations(range(4), "
            "3) --> (0,1,2), "
            "(0,1,3), (0,2,3), (1,2,3)");

// ---------------------------------------------------------------- combinations_with_replacement
static Result<Value> combinations_with_replacement_new(Thread& t, const Value* args) {
  Value pool = TRY(to_tuple(t, args[1]));
  int64_t r = TRY(to_ssize(t, args[2]));
  if (r < 0) return t.raise(Exc::ValueError, "r must be non-negative");
  bool none = pool.as<TupleObject>()->size == 0 && r > 0;
  Selector* it = TRY(new_selector(t, args[0], pool, none ? 0 : r));
  if (none) it->state.store(2);
  return it;
}
static TupleObject* combinations_with_replacement_advance(Thread& t, Selector* it) {
  auto* pool = it->pool.get().as<TupleObject>();
  auto n = static_cast<int64_t>(pool->size);
  int64_t* indices = it->indices.load();
  int64_t i = it->length - 1;
  while (i >= 0 && indices[i] == n - 1) --i;
  if (i < 0) return nullptr;
  int64_t index = indices[i] + 1;
  TupleObject* items = copy_result(t, it);
  for (; i < it->length; ++i) {
    indices[i] = index;
    items->items()[i] = (*pool)[static_cast<size_t>(index)];
  }
  return items;
}
static const NativeDef kCombinationsWithReplacementMethods[] = {
    MP_NEW(combinations_with_replacement_new, "__new__(cls, iterable, r)", nullptr),
    MP_METHOD(selector_reduce, "__reduce__(self, /)", nullptr),
    MP_METHOD(selector_setstate, "__setstate__(self, state, /)", nullptr), MP_END};
MP_ITERTOOL(kCombinationsWithReplacementSpec, "combinations_with_replacement", Selector, trace_selector,
            selector_next<combinations_with_replacement_advance>, kCombinationsWithReplacementMethods,
            "Return successive r-length combinations of elements in the iterable allowing individual "
            "elements to have successive "
            "repeats.\n\ncombinations_with_replacement('ABC', 2) --> ('A','A'), ('A','B'), ('A','C'), "
            "('B','B'), ('B','C'), "
            "('C','C')");

// ---------------------------------------------------------------- permutations
static Result<Value> permutations_new(Thread& t, const Value* args) {
  Value pool = TRY(to_tuple(t, args[1]));
  auto n = static_cast<int64_t>(pool.as<TupleObject>()->size);
  int64_t r = n;
  if (!args[2].is_none()) {
    if (!is_any_int(args[2])) return t.raise(Exc::TypeError, "Expected int as r");
    r = TRY(to_ssize(t, args[2]));
    if (r < 0) return t.raise(Exc::ValueError, "r must be non-negative");
  }
  Selector* it = TRY(new_selector(t, args[0], pool, r > n ? 0 : r));
  // Permutations need all n indices and r countdowns.
  it->indices.store(new_indices(t, n));
  it->cycles.store(new_indices(t, it->length));
  if (it->indices.load() == nullptr || it->cycles.load() == nullptr) return t.raise_memory_error();
  for (int64_t i = 0; i < n; ++i) it->indices.load()[i] = i;
  for (int64_t i = 0; i < it->length; ++i) it->cycles.load()[i] = n - i;
  if (r > n) it->state.store(2);
  return it;
}
static TupleObject* permutations_advance(Thread& t, Selector* it) {
  auto* pool = it->pool.get().as<TupleObject>();
  auto n = static_cast<int64_t>(pool->size);
  int64_t r = it->length;
  int64_t* indices = it->indices.load();
  int64_t* cycles = it->cycles.load();
  if (n == 0) return nullptr;
  int64_t i = r - 1;
  for (; i >= 0; --i) {
    if (--cycles[i] == 0) {
      // Rotates the tail left by one.
      int64_t first = indices[i];
      for (int64_t k = i; k < n - 1; ++k) indices[k] = indices[k + 1];
      indices[n - 1] = first;
      cycles[i] = n - i;
      continue;
    }
    std::swap(indices[i], indices[n - cycles[i]]);
    break;
  }
  if (i < 0) return nullptr;
  TupleObject* items = copy_result(t, it);
  for (; i < r; ++i) items->items()[i] = (*pool)[static_cast<size_t>(indices[i])];
  return items;
}
static const NativeDef kPermutationsMethods[] = {
    MP_NEW(permutations_new, "__new__(cls, iterable, r=None)", nullptr),
    MP_METHOD(selector_reduce, "__reduce__(self, /)", nullptr),
    MP_METHOD(selector_setstate, "__setstate__(self, state, /)", nullptr), MP_END};
MP_ITERTOOL(kPermutationsSpec, "permutations", Selector, trace_selector, selector_next<permutations_advance>,
            kPermutationsMethods,
            "Return successive r-length permutations of elements in the iterable.\n\npermutations(range(3), "
            "2) --> (0,1), (0,2), "
            "(1,0), (1,2), (2,0), (2,1)");

}  // namespace mp

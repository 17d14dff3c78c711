// itertools: product, combinations and permutations.
#include <algorithm>
#include <vector>

#include "stdlib/native/itertools_support.h"
#include "vm/threads/object_lock.h"

namespace mp {

namespace {
// Indices into a pool; `state` counts: 0 fresh, 1 running, 2 exhausted. What changes does so under its lock.
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
TupleObject* new_items(Thread& t, int64_t length) {
  return length == 0 ? empty_tuple(t) : allocate_tuple(t, static_cast<size_t>(length));
}

// The next selection, which first() or advance() puts into `items`; advance() finds the last one there.
// False: there is none.
using Select = bool(Selector* it, TupleObject* items);
template <Select first, Select advance>
Result<Value> selector_next(Thread& t, Value self) {
  auto* it = self.as<Selector>();
  if (it->state.load(std::memory_order_relaxed) == 2) return kNoMore;
  TupleObject* items = new_items(t, it->length);
  ObjectLock lock(t, it);
  int state = it->state.load(std::memory_order_relaxed);
  if (state == 1) copy_slots(items->items(), it->result.get().as<TupleObject>()->items(), items->size);
  if (state == 2 || !(state == 0 ? first : advance)(it, items)) {
    it->state.store(2, std::memory_order_relaxed);
    return kNoMore;
  }
  it->result = Value(items);
  it->state.store(1, std::memory_order_relaxed);
  return items;
}
// Of combinations and permutations: the indices as they were made.
bool first_selection(Selector* it, TupleObject* items) {
  auto* pool = it->pool.get().as<TupleObject>();
  int64_t* indices = it->indices.load();
  for (int64_t i = 0; i < it->length; ++i) items->items()[i] = (*pool)[static_cast<size_t>(indices[i])];
  return true;
}
}  // namespace

// Pickling and copying, until 3.14 drops them: the arguments anew, then the indices and the last result.
static void put_ints(TupleObject* tuple, const int64_t* from) {
  for (size_t i = 0; i < tuple->size; ++i) tuple->items()[i] = Value::from_int(from[i]);
}
static Result<Value> selector_reduce(Thread& t, const Value* args) {
  auto* it = args[0].as<Selector>();
  bool has_cycles = it->cycles.load() != nullptr;
  auto pool = static_cast<int64_t>(it->pool.get().as<TupleObject>()->size);
  TupleObject* indices = new_items(t, has_cycles ? pool : it->length);
  TupleObject* cycles = new_items(t, has_cycles ? it->length : 0);
  Value result;
  int state;
  {
    ObjectLock lock(t, it);
    put_ints(indices, it->indices.load());
    put_ints(cycles, it->cycles.load());
    state = it->state.load(std::memory_order_relaxed);
    result = it->result;
  }
  Value how = Value(make_tuple(
      t, {Value::from_int(state), Value(indices), Value(cycles), result.is_empty() ? kNone : result}));
  return make_tuple(t,
                    {Value(it->type()), Value(make_tuple(t, {it->pool, Value::from_int(it->length)})), how});
}
static Result<Value> product_reduce(Thread& t, const Value* args) {
  auto* it = args[0].as<Selector>();
  TupleObject* indices = new_items(t, it->length);
  int state;
  {
    ObjectLock lock(t, it);
    state = it->state.load(std::memory_order_relaxed);
    put_ints(indices, it->indices.load());
  }
  if (state == 2) return make_tuple(t, {Value(it->type()), Value(make_tuple(t, {Value(empty_tuple(t))}))});
  if (state == 0) return make_tuple(t, {Value(it->type()), it->pool});
  return make_tuple(t, {Value(it->type()), it->pool, Value(indices)});
}
static Result<Value> product_setstate(Thread& t, const Value* args) {
  auto* it = args[0].as<Selector>();
  auto* state = is_tuple(args[1]) ? args[1].as<TupleObject>() : nullptr;
  if (state == nullptr || state->size != static_cast<size_t>(it->length))
    return t.raise(Exc::ValueError, "invalid arguments");
  auto* pools = it->pool.get().as<TupleObject>();
  TupleObject* result = new_items(t, it->length);
  std::vector<int64_t> indices;
  for (size_t i = 0; i < state->size; ++i) {
    int64_t index = TRY(to_int64(t, (*state)[i]));
    auto* pool = (*pools)[i].as<TupleObject>();
    if (pool->size == 0) {
      it->state.store(2);
      return kNone;
    }
    index = std::clamp<int64_t>(index, 0, static_cast<int64_t>(pool->size) - 1);
    indices.push_back(index);
    result->items()[i] = (*pool)[static_cast<size_t>(index)];
  }
  ObjectLock lock(t, it);
  std::copy(indices.begin(), indices.end(), it->indices.load());
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
  }
  for (size_t i = 0; i < counts->size; ++i) {
    int64_t count = (*counts)[i].is_int() ? (*counts)[i].as_int() : -1;
    if (count < 1 || count > static_cast<int64_t>(pool->size - i))
      return t.raise(Exc::ValueError, "invalid arguments");
  }
  Value result = (*state)[3];
  bool running = (*state)[0].as_int() == 1;
  if (running && (!is_tuple(result) || result.as<TupleObject>()->size != static_cast<size_t>(it->length)))
    return t.raise(Exc::ValueError, "invalid arguments");
  ObjectLock lock(t, it);
  for (size_t i = 0; i < indices->size; ++i) it->indices.load()[i] = (*indices)[i].as_int();
  for (size_t i = 0; i < counts->size; ++i) it->cycles.load()[i] = (*counts)[i].as_int();
  it->result = running ? result : kEmpty;
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
static bool first_product(Selector* it, TupleObject* items) {
  auto* pools = it->pool.get().as<TupleObject>();
  for (int64_t i = 0; i < it->length; ++i) {
    auto* pool = (*pools)[static_cast<size_t>(i)].as<TupleObject>();
    if (pool->size == 0) return false;
    items->items()[i] = (*pool)[0];
  }
  return true;
}
static bool next_product(Selector* it, TupleObject* items) {
  auto* pools = it->pool.get().as<TupleObject>();
  int64_t* indices = it->indices.load();
  for (int64_t i = it->length - 1; i >= 0; --i) {
    auto* pool = (*pools)[static_cast<size_t>(i)].as<TupleObject>();
    if (static_cast<size_t>(++indices[i]) < pool->size) {
      items->items()[i] = (*pool)[static_cast<size_t>(indices[i])];
      return true;
    }
    indices[i] = 0;
    items->items()[i] = (*pool)[0];
  }
  return false;
}
static const NativeDef kProductMethods[] = {
    MP_NEW(product_new, "__new__(cls, *iterables, repeat=1)", nullptr), MP_REDUCE(product_reduce),
    MP_SETSTATE(product_setstate), MP_END};
MP_ITERTOOL(kProductSpec, "product", Selector, trace_selector, (selector_next<first_product, next_product>),
            kProductMethods,
            "product(*iterables, repeat=1) --> product object\n\nCartesian product of input iterables.  "
            "Equivalent to nested "
            "for-loops.");

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
static bool next_combination(Selector* it, TupleObject* items) {
  auto* pool = it->pool.get().as<TupleObject>();
  auto n = static_cast<int64_t>(pool->size);
  int64_t r = it->length;
  int64_t* indices = it->indices.load();
  int64_t i = r - 1;
  while (i >= 0 && indices[i] == i + n - r) --i;
  if (i < 0) return false;
  ++indices[i];
  for (int64_t k = i + 1; k < r; ++k) indices[k] = indices[k - 1] + 1;
  for (; i < r; ++i) items->items()[i] = (*pool)[static_cast<size_t>(indices[i])];
  return true;
}
static const NativeDef kCombinationsMethods[] = {
    MP_NEW(combinations_new, "__new__(cls, iterable, r)", nullptr), MP_REDUCE(selector_reduce),
    MP_SETSTATE(selector_setstate), MP_END};
MP_ITERTOOL(kCombinationsSpec, "combinations", Selector, trace_selector,
            (selector_next<first_selection, next_combination>), kCombinationsMethods,
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
static bool next_combination_with_replacement(Selector* it, TupleObject* items) {
  auto* pool = it->pool.get().as<TupleObject>();
  auto n = static_cast<int64_t>(pool->size);
  int64_t* indices = it->indices.load();
  int64_t i = it->length - 1;
  while (i >= 0 && indices[i] == n - 1) --i;
  if (i < 0) return false;
  int64_t index = indices[i] + 1;
  for (; i < it->length; ++i) {
    indices[i] = index;
    items->items()[i] = (*pool)[static_cast<size_t>(index)];
  }
  return true;
}
static const NativeDef kCombinationsWithReplacementMethods[] = {
    MP_NEW(combinations_with_replacement_new, "__new__(cls, iterable, r)", nullptr),
    MP_REDUCE(selector_reduce), MP_SETSTATE(selector_setstate), MP_END};
MP_ITERTOOL(kCombinationsWithReplacementSpec, "combinations_with_replacement", Selector, trace_selector,
            (selector_next<first_selection, next_combination_with_replacement>),
            kCombinationsWithReplacementMethods,
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
static bool next_permutation(Selector* it, TupleObject* items) {
  auto* pool = it->pool.get().as<TupleObject>();
  auto n = static_cast<int64_t>(pool->size);
  int64_t r = it->length;
  int64_t* indices = it->indices.load();
  int64_t* cycles = it->cycles.load();
  if (n == 0) return false;
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
  if (i < 0) return false;
  for (; i < r; ++i) items->items()[i] = (*pool)[static_cast<size_t>(indices[i])];
  return true;
}
static const NativeDef kPermutationsMethods[] = {
    MP_NEW(permutations_new, "__new__(cls, iterable, r=None)", nullptr), MP_REDUCE(selector_reduce),
    MP_SETSTATE(selector_setstate), MP_END};
MP_ITERTOOL(kPermutationsSpec, "permutations", Selector, trace_selector,
            (selector_next<first_selection, next_permutation>), kPermutationsMethods,
            "Return successive r-length permutations of elements in the iterable.\n\npermutations(range(3), "
            "2) --> (0,1), (0,2), "
            "(1,0), (1,2), (2,0), (2,1)");

}  // namespace mp

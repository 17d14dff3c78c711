// itertools: pairwise, batched, islice and zip_longest: tools that cut or join by position.
#include "stdlib/native/itertools_support.h"
#include "vm/exec/generator.h"

namespace mp {

// ---------------------------------------------------------------- pairwise: iterator, previous
static Result<Value> pairwise_new(Thread& t, const Value* args) {
  Value iterator = TRY(get_iter(t, args[1]));
  auto* it = t.heap().make<SlotIterator<2>>(t, args[0].as<Type>());
  it->slots[0] = iterator;
  return it;
}
static Result<Value> pairwise_next(Thread& t, Value self) {
  auto* it = self.as<SlotIterator<2>>();
  Value iterator = it->slots[0].get();
  if (iterator.is_empty()) return kNoMore;
  Value old = it->slots[1].get();
  if (old.is_empty()) {
    old = TRY(next_of(t, iterator));
    if (old.is_no_more()) {
      it->slots[0] = kEmpty;
      return kNoMore;
    }
    it->slots[1] = old;
    if (it->slots[0].get().is_empty()) return kNoMore;  // a re-entrant call exhausted it
  }
  Value item = TRY(next_of(t, iterator));
  if (item.is_no_more()) {
    it->slots[0] = kEmpty;
    it->slots[1] = kEmpty;
    return kNoMore;
  }
  it->slots[1] = item;
  TupleObject* pair = allocate_tuple(t, 2);
  pair->items()[0] = old;
  pair->items()[1] = item;
  return pair;
}
static const NativeDef kPairwiseMethods[] = {MP_NEW(pairwise_new, "__new__(cls, iterable, /)", nullptr),
                                             MP_END};
MP_ITERTOOL(kPairwiseSpec, "pairwise", SlotIterator<2>, trace_slot_iterator<2>, pairwise_next,
            kPairwiseMethods,
            "Return an iterator of overlapping pairs taken from the input iterator.\n\n    s -> (s0,s1), "
            "(s1,s2), (s2, s3), ...");

// ---------------------------------------------------------------- batched
namespace {
struct Batched : Object {
  Slot iterator;
  int64_t size = 0;
  bool strict = false;
};
}  // namespace
static void trace_batched(Object* self, Tracer& tracer) {
  tracer.visit(static_cast<Batched*>(self)->iterator);
}
static Result<Value> batched_new(Thread& t, const Value* args) {
  int64_t n = TRY(to_ssize(t, args[2]));
  if (n < 1) return t.raise(Exc::ValueError, "n must be at least one");
  bool strict = TRY(is_true(t, args[3]));
  Value iterator = TRY(get_iter(t, args[1]));
  auto* it = t.heap().make<Batched>(t, args[0].as<Type>());
  it->iterator = iterator;
  it->size = n;
  it->strict = strict;
  return it;
}
static Result<Value> batched_next(Thread& t, Value self) {
  auto* it = self.as<Batched>();
  Value iterator = it->iterator.get();
  if (iterator.is_empty()) return kNoMore;
  ListObject* items = make_list(t, it->size < 1000 ? static_cast<size_t>(it->size) : 16);
  while (static_cast<int64_t>(items->length()) < it->size) {
    Value item = TRY(next_of(t, iterator));
    if (item.is_no_more()) break;
    TRY(list_append(t, items, item));
  }
  if (static_cast<int64_t>(items->length()) == it->size) return list_to_tuple(t, items);
  it->iterator = kEmpty;
  if (items->length() == 0) return kNoMore;
  if (it->strict) return t.raise(Exc::ValueError, "batched(): incomplete batch");
  return list_to_tuple(t, items);
}
static const NativeDef kBatchedMethods[] = {
    MP_NEW(batched_new, "__new__(cls, iterable, n, *, strict=False)", nullptr), MP_END};
MP_ITERTOOL(kBatchedSpec, "batched", Batched, trace_batched, batched_next, kBatchedMethods,
            "Batch data into tuples of length n. The last batch may be shorter than n.\n\nLoops over the "
            "input iterable and "
            "accumulates data into tuples up to size\nn.  The input is consumed lazily, just enough to fill "
            "a batch.  "
            "The\nresult is yielded as soon as a batch is full or when the input iterable\nis exhausted.");

// ---------------------------------------------------------------- islice
namespace {
struct ISlice : Object {
  Slot iterator;  // empty when exhausted
  std::atomic<int64_t> next{0}, count{0};
  int64_t stop = -1, step = 1;
};
}  // namespace
static void trace_islice(Object* self, Tracer& tracer) { tracer.visit(static_cast<ISlice*>(self)->iterator); }
// None or an int in 0..sys.maxsize; -1 when it is neither.
static int64_t islice_bound(Thread& t, Value v, int64_t fallback) {
  if (v.is_none()) return fallback;
  Result<Value> index = to_index(t, v);
  int64_t i;
  if (index.is_error()) {
    t.clear_exception();
    return -1;
  }
  return int_to_int64(index.value(), &i) && i >= 0 ? i : -1;
}
extern const TypeSpec kISliceSpec;
static Result<Value> islice_new(Thread& t, Value self, const CallArgs& args) {
  TRY(refuse_keywords_of_new(t, self.as<Type>(), native_type(t, kISliceSpec), args, "islice"));
  if (args.count < 2)
    return t.raise(Exc::TypeError, "islice expected at least 2 arguments, got {}", args.count);
  if (args.count > 4)
    return t.raise(Exc::TypeError, "islice expected at most 4 arguments, got {}", args.count);
  int64_t start = 0, stop = -1, step = 1;
  Value stop_value = args.count == 2 ? args.values[1] : args.values[2];
  if (!stop_value.is_none()) {
    stop = islice_bound(t, stop_value, -1);
    if (stop < 0) {
      if (args.count == 2)
        return t.raise(Exc::ValueError,
                       "Stop argument for islice() must be None or an integer: 0 <= x <= sys.maxsize.");
      return t.raise(Exc::ValueError,
                     "Indices for islice() must be None or an integer: 0 <= x <= sys.maxsize.");
    }
  }
  if (args.count > 2) {
    start = islice_bound(t, args.values[1], 0);
    if (start < 0)
      return t.raise(Exc::ValueError,
                     "Indices for islice() must be None or an integer: 0 <= x <= sys.maxsize.");
  }
  if (args.count == 4) {
    step = islice_bound(t, args.values[3], 1);
    if (step < 1) return t.raise(Exc::ValueError, "Step for islice() must be a positive integer or None.");
  }
  Value iterator = TRY(get_iter(t, args.values[0]));
  auto* it = t.heap().make<ISlice>(t, self.as<Type>());
  it->iterator = iterator;
  it->next.store(start);
  it->stop = stop;
  it->step = step;
  return it;
}
static Result<Value> islice_next(Thread& t, Value self) {
  auto* it = self.as<ISlice>();
  Value iterator = it->iterator.get();
  if (iterator.is_empty()) return kNoMore;
  int64_t next = it->next.load(std::memory_order_relaxed), count = it->count.load(std::memory_order_relaxed);
  while (count < next) {
    Value skipped = TRY(next_of(t, iterator));
    if (skipped.is_no_more()) {
      it->iterator = kEmpty;
      return kNoMore;
    }
    it->count.store(++count, std::memory_order_relaxed);
    TRY(t.poll_within());
  }
  if (it->stop >= 0 && count >= it->stop) {
    it->iterator = kEmpty;
    drop_held(t, iterator);
    return kNoMore;
  }
  Value item = TRY(next_of(t, iterator));
  if (item.is_no_more()) {
    it->iterator = kEmpty;
    return kNoMore;
  }
  it->count.store(count + 1, std::memory_order_relaxed);
  int64_t after;
  if (__builtin_add_overflow(next, it->step, &after) || (it->stop >= 0 && after > it->stop))
    after = it->stop >= 0 ? it->stop : INT64_MAX;
  it->next.store(after, std::memory_order_relaxed);
  return item;
}
static Result<Value> islice_reduce(Thread& t, const Value* args) {
  auto* it = args[0].as<ISlice>();
  Value iterator = it->iterator.get();
  if (iterator.is_empty()) {
    Value none = TRY(get_iter(t, make_list(t)));
    return make_tuple(
        t, {Value(it->type()), Value(make_tuple(t, {none, Value::from_int(0)})), Value::from_int(0)});
  }
  Value stop = it->stop < 0 ? kNone : make_int(t, it->stop);
  return make_tuple(
      t, {Value(it->type()),
          Value(make_tuple(t, {iterator, make_int(t, it->next.load()), stop, make_int(t, it->step)})),
          make_int(t, it->count.load())});
}
static Result<Value> islice_setstate(Thread& t, const Value* args) {
  int64_t count = TRY(to_ssize(t, args[1]));
  args[0].as<ISlice>()->count.store(count);
  return kNone;
}
static const NativeDef kISliceMethods[] = {MP_RAW_NEW(islice_new, "__new__(cls, iterable, *args)", nullptr),
                                           MP_REDUCE(islice_reduce), MP_SETSTATE(islice_setstate), MP_END};
MP_ITERTOOL(kISliceSpec, "islice", ISlice, trace_islice, islice_next, kISliceMethods,
            "islice(iterable, stop) --> islice object\nislice(iterable, start, stop[, step]) --> islice "
            "object\n\nReturn an iterator "
            "whose next() method returns selected values from an\niterable.");

// ---------------------------------------------------------------- zip_longest: iterators (list; exhausted
// ones are None), fill, active count
static Result<Value> zip_longest_new(Thread& t, Value self, const CallArgs& args) {
  Value fill = kNone;
  size_t keywords = args.keyword_names.is_empty() ? 0 : args.keyword_names.as<TupleObject>()->size;
  for (size_t i = 0; i < keywords; ++i) {
    if (!str_equal((*args.keyword_names.as<TupleObject>())[i].as<StrObject>(), "fillvalue"))
      return t.raise(Exc::TypeError, "zip_longest() got an unexpected keyword argument");
    fill = args.values[args.count + i];
  }
  ListObject* iterators = make_list(t, args.count);
  for (size_t i = 0; i < args.count; ++i) {
    Value iterator = TRY(get_iter(t, args.values[i]));
    TRY(list_append(t, iterators, iterator));
  }
  auto* it = t.heap().make<SlotIterator<3>>(t, self.as<Type>());
  it->slots[0] = Value(iterators);
  it->slots[1] = fill;
  it->slots[2] = Value::from_int(static_cast<int64_t>(args.count));
  return it;
}
static Result<Value> zip_longest_next(Thread& t, Value self) {
  auto* it = self.as<SlotIterator<3>>();
  auto* iterators = it->slots[0].get().as<ListObject>();
  size_t n = iterators->length();
  if (n == 0 || it->slots[2].get().as_int() == 0) return kNoMore;
  TupleObject* items = allocate_tuple(t, n);
  for (size_t i = 0; i < n; ++i) {
    Value iterator = iterators->at(i);
    Value item = it->slots[1];
    if (!iterator.is_none()) {
      Result<Value> next = next_of(t, iterator);
      if (next.is_error()) {
        it->slots[2] = Value::from_int(0);
        return Error{};
      }
      if (next.value().is_no_more()) {
        int64_t active = it->slots[2].get().as_int() - 1;
        it->slots[2] = Value::from_int(active);
        if (active <= 0) return kNoMore;
        TRY(list_set(t, iterators, i, kNone));
      } else {
        item = next.value();
      }
    }
    items->items()[i] = item;
  }
  return items;
}
static Result<Value> zip_longest_reduce(Thread& t, const Value* args) {
  auto* it = args[0].as<SlotIterator<3>>();
  auto* iterators = it->slots[0].get().as<ListObject>();
  TupleObject* sources = allocate_tuple(t, iterators->length());
  for (size_t i = 0; i < sources->size; ++i) {
    Value iterator = iterators->at(i);
    sources->items()[i] = iterator.is_none() ? Value(empty_tuple(t)) : iterator;
  }
  return make_tuple(t, {Value(it->type()), Value(sources), it->slots[1]});
}
static Result<Value> zip_longest_setstate(Thread&, const Value* args) {
  args[0].as<SlotIterator<3>>()->slots[1] = args[1];
  return kNone;
}
static const NativeDef kZipLongestMethods[] = {
    MP_RAW_NEW(zip_longest_new, "__new__(cls, *iterables, fillvalue=None)", nullptr),
    MP_REDUCE(zip_longest_reduce), MP_SETSTATE(zip_longest_setstate), MP_END};
MP_ITERTOOL(kZipLongestSpec, "zip_longest", SlotIterator<3>, trace_slot_iterator<3>, zip_longest_next,
            kZipLongestMethods,
            "Return a zip_longest object whose .__next__() method returns a tuple where\nthe i-th element "
            "comes from the i-th "
            "iterable argument.");

}  // namespace mp

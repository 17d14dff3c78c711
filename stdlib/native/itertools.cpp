// itertools: the module, and the tools that run along one or several iterators.
#include "stdlib/native/itertools_support.h"

namespace mp {

Status warn_of_pickling(Thread& t) {
  return warn(t, Exc::DeprecationWarning,
              "Pickle, copy, and deepcopy support will be removed from itertools in Python 3.14.");
}

// ---------------------------------------------------------------- count
namespace {
struct Count : Object {
  std::atomic<int64_t> fast{0};  // the next value while `slow` is false
  std::atomic<bool> slow{false};
  Slot value;  // the next value while `slow` is true
  Slot step;
};
}  // namespace
static void trace_count(Object* self, Tracer& tracer) {
  tracer.visit(static_cast<Count*>(self)->value);
  tracer.visit(static_cast<Count*>(self)->step);
}
static bool is_number(Thread& t, Value v) {
  const Slots& s = type_of(t, v)->slots;
  return is_any_int(v) || s.index != nullptr || s.int_ != nullptr || s.float_ != nullptr ||
         is_kind(v, Kind::Complex);
}
static Result<Value> count_new(Thread& t, const Value* args) {
  if (!is_number(t, args[1]) || !is_number(t, args[2]))
    return t.raise(Exc::TypeError, "a number is required");
  auto* it = t.heap().make<Count>(t, args[0].as<Type>());
  it->step = args[2];
  if (args[1].is_int() && args[2] == Value::from_int(1)) {
    it->fast.store(args[1].as_int());
  } else {
    it->value = args[1];
    it->slow.store(true);
  }
  return it;
}
static Result<Value> count_next(Thread& t, Value self) {
  auto* it = self.as<Count>();
  if (!it->slow.load(std::memory_order_acquire)) {
    // One step even between threads without a GIL.
    int64_t now = it->fast.load(std::memory_order_relaxed);
    if (!free_threaded(t) && now < Value::kMaxInt) {
      it->fast.store(now + 1, std::memory_order_relaxed);
      return Value::from_int(now);
    }
    while (now < Value::kMaxInt)
      if (it->fast.compare_exchange_weak(now, now + 1)) return Value::from_int(now);
    ObjectLock lock(t, it);
    if (!it->slow.load(std::memory_order_relaxed)) it->value = Value::from_int(now);
    it->slow.store(true, std::memory_order_release);
  }
  for (;;) {
    Value now = it->value.get();
    Value next = TRY(binary(t, BinaryOp::Add, now, it->step));
    if (it->value.compare_exchange(now, next)) return now;
  }
}
static Value count_now(Thread& t, Count* it) {
  return it->slow.load() ? it->value.get() : make_int(t, it->fast.load());
}
static Result<Value> count_repr(Thread& t, Value self) {
  auto* it = self.as<Count>();
  std::string text = to_utf8(it->type()->name) + "(";
  Value now = TRY(repr(t, count_now(t, it)));
  text += to_utf8(now.as<StrObject>());
  Value step = it->step.get();
  if (!(step == Value::from_int(1))) {
    Value shown = TRY(repr(t, step));
    text += ", " + to_utf8(shown.as<StrObject>());
  }
  return make_str(t, text + ")");
}
static Result<Value> count_reduce(Thread& t, const Value* args) {
  auto* it = args[0].as<Count>();
  Value now = count_now(t, it);
  if (it->step.get() == Value::from_int(1))
    return make_tuple(t, {Value(it->type()), Value(make_tuple(t, {now}))});
  return make_tuple(t, {Value(it->type()), Value(make_tuple(t, {now, it->step}))});
}
static const NativeDef kCountMethods[] = {MP_NEW(count_new, "__new__(cls, start=0, step=1)", nullptr),
                                          MP_REDUCE(count_reduce), MP_END};
extern const TypeSpec kCountSpec;
const TypeSpec kCountSpec = {
    .name = "itertools.count",
    .size = sizeof(Count),
    .flags = kTypeBaseType,
    .doc = "Return a count object whose .__next__() method returns consecutive values.",
    .trace = trace_count,
    .slots = MP_SLOTS(.repr = count_repr, .iter = iterator_self, .next = count_next),
    .methods = kCountMethods};

// ---------------------------------------------------------------- cycle
namespace {
struct Cycle : Object {
  Slot iterator;                      // empty once exhausted
  Slot saved;                         // list
  std::atomic<bool> complete{false};  // `saved` has what the iterator still gives (unpickled)
  std::atomic<uint64_t> index{0};
};
}  // namespace
static void trace_cycle(Object* self, Tracer& tracer) {
  tracer.visit(static_cast<Cycle*>(self)->iterator);
  tracer.visit(static_cast<Cycle*>(self)->saved);
}
static Result<Value> cycle_new(Thread& t, const Value* args) {
  Value iterator = TRY(get_iter(t, args[1]));
  auto* it = t.heap().make<Cycle>(t, args[0].as<Type>());
  it->iterator = iterator;
  it->saved = Value(make_list(t));
  return it;
}
static Result<Value> cycle_next(Thread& t, Value self) {
  auto* it = self.as<Cycle>();
  auto* saved = it->saved.get().as<ListObject>();
  Value iterator = it->iterator.get();
  if (!iterator.is_empty()) {
    Value item = TRY(next_of(t, iterator));
    if (!item.is_no_more()) {
      if (!it->complete.load(std::memory_order_relaxed)) TRY(list_append(t, saved, item));
      return item;
    }
    it->iterator = kEmpty;
  }
  uint64_t n = saved->length();
  if (n == 0) return kNoMore;
  uint64_t i = it->index.load(std::memory_order_relaxed);
  it->index.store(i + 1 >= n ? 0 : i + 1, std::memory_order_relaxed);
  Value item = saved->at(i < n ? i : 0);
  return item.is_empty() ? kNoMore : item;  // __reduce__() has given the list away
}
static Result<Value> cycle_reduce(Thread& t, const Value* args) {
  auto* it = args[0].as<Cycle>();
  Value iterator = it->iterator.get(), saved = it->saved.get();
  bool complete = it->complete.load();
  if (iterator.is_empty()) {
    // An iterator over what is left of this round.
    iterator = TRY(get_iter(t, saved));
    if (uint64_t index = it->index.load(); index != 0)
      TRY(call_method(t, iterator, t.names().__setstate__, {Value::from_int(static_cast<int64_t>(index))}));
    complete = true;
  }
  return make_tuple(t, {Value(it->type()), Value(make_tuple(t, {iterator})),
                        Value(make_tuple(t, {saved, Value::from_int(complete ? 1 : 0)}))});
}
static Result<Value> cycle_setstate(Thread& t, const Value* args) {
  auto* it = args[0].as<Cycle>();
  if (!is_tuple(args[1])) return t.raise(Exc::TypeError, "state is not a tuple");
  auto* state = args[1].as<TupleObject>();
  if (state->size != 2 || !is_list((*state)[0]))
    return t.raise(Exc::TypeError, "state is not a list and an int");
  int complete = TRY(to_c_int(t, (*state)[1]));
  it->saved = (*state)[0];
  it->complete.store(complete != 0);
  it->index.store(0);
  return kNone;
}
static const NativeDef kCycleMethods[] = {MP_NEW(cycle_new, "__new__(cls, iterable, /)", nullptr),
                                          MP_REDUCE(cycle_reduce), MP_SETSTATE(cycle_setstate), MP_END};
MP_ITERTOOL(
    kCycleSpec, "cycle", Cycle, trace_cycle, cycle_next, kCycleMethods,
    "Return elements from the iterable until it is exhausted. Then repeat the sequence indefinitely.");

// ---------------------------------------------------------------- repeat
namespace {
struct Repeat : Object {
  Slot item;
  std::atomic<int64_t> left{-1};  // negative: for ever
};
}  // namespace
static void trace_repeat(Object* self, Tracer& tracer) { tracer.visit(static_cast<Repeat*>(self)->item); }
static Result<Value> repeat_new(Thread& t, const Value* args) {
  int64_t times = -1;
  if (!args[2].is_empty()) {
    times = TRY(to_ssize(t, args[2]));
    if (times < 0) times = 0;
  }
  auto* it = t.heap().make<Repeat>(t, args[0].as<Type>());
  it->item = args[1];
  it->left.store(times);
  return it;
}
static Result<Value> repeat_next(Thread&, Value self) {
  auto* it = self.as<Repeat>();
  int64_t left = it->left.load(std::memory_order_relaxed);
  if (left == 0) return kNoMore;
  if (left > 0) it->left.store(left - 1, std::memory_order_relaxed);
  return it->item;
}
static Result<Value> repeat_repr(Thread& t, Value self) {
  auto* it = self.as<Repeat>();
  Value shown = TRY(repr(t, it->item));
  std::string text = to_utf8(it->type()->name) + "(" + to_utf8(shown.as<StrObject>());
  if (it->left.load() >= 0) text += ", " + std::to_string(it->left.load());
  return make_str(t, text + ")");
}
static Result<Value> repeat_length_hint(Thread& t, const Value* args) {
  int64_t left = args[0].as<Repeat>()->left.load();
  if (left < 0) return t.raise(Exc::TypeError, "len() of unsized object");
  return make_int(t, left);
}
static Result<Value> repeat_reduce(Thread& t, const Value* args) {
  auto* it = args[0].as<Repeat>();
  if (it->left.load() < 0) return make_tuple(t, {Value(it->type()), Value(make_tuple(t, {it->item}))});
  return make_tuple(t, {Value(it->type()), Value(make_tuple(t, {it->item, make_int(t, it->left.load())}))});
}
static const NativeDef kRepeatMethods[] = {MP_NEW(repeat_new, "__new__(cls, object, times=?)", nullptr),
                                           MP_METHOD(repeat_length_hint, "__length_hint__(self, /)", nullptr),
                                           MP_REDUCE(repeat_reduce), MP_END};
extern const TypeSpec kRepeatSpec;
const TypeSpec kRepeatSpec = {
    .name = "itertools.repeat",
    .size = sizeof(Repeat),
    .flags = kTypeBaseType,
    .doc =
        "repeat(object [,times]) -> create an iterator which returns the object\nfor the specified "
        "number of times.  If not specified, returns the object\nendlessly.",
    .trace = trace_repeat,
    .slots = MP_SLOTS(.repr = repeat_repr, .iter = iterator_self, .next = repeat_next),
    .methods = kRepeatMethods};

// ---------------------------------------------------------------- accumulate: iterator, function, total,
// initial
static Result<Value> accumulate_new(Thread& t, const Value* args) {
  Value iterator = TRY(get_iter(t, args[1]));
  auto* it = t.heap().make<SlotIterator<4>>(t, args[0].as<Type>());
  it->slots[0] = iterator;
  it->slots[1] = args[2].is_none() ? kEmpty : args[2];
  it->slots[3] = args[3].is_none() ? kEmpty : args[3];
  return it;
}
static Result<Value> accumulate_next(Thread& t, Value self) {
  auto* it = self.as<SlotIterator<4>>();
  Value initial = it->slots[3].get();
  if (!initial.is_empty()) {
    it->slots[3] = kEmpty;
    it->slots[2] = initial;
    return initial;
  }
  Value item = TRY(next_of(t, it->slots[0]));
  if (item.is_no_more()) return kNoMore;
  Value total = it->slots[2].get();
  if (total.is_empty()) {
    it->slots[2] = item;
    return item;
  }
  Value function = it->slots[1].get();
  if (function.is_empty()) {
    total = TRY(binary(t, BinaryOp::Add, total, item));
  } else {
    Value pair[2] = {total, item};
    total = TRY(call(t, function, CallArgs{pair, 2, {}}));
  }
  it->slots[2] = total;
  return total;
}
extern const TypeSpec kChainSpec, kAccumulateSpec, kISliceSpec;
// Pickling and copying, until 3.14 drops them.
static Result<Value> chain_before(Thread& t, Value first, Value rest) {
  Value front = TRY(get_iter(t, make_list(t, &first, 1)));
  auto* chain = t.heap().make<SlotIterator<2>>(t, native_type(t, kChainSpec));
  chain->slots[0] = TRY(get_iter(t, make_tuple(t, {front, rest})));
  return chain;
}
static Result<Value> accumulate_reduce(Thread& t, const Value* args) {
  auto* it = args[0].as<SlotIterator<4>>();
  Value function = it->slots[1].get().is_empty() ? kNone : it->slots[1].get();
  Value total = it->slots[2].get(), initial = it->slots[3].get();
  if (!initial.is_empty()) {
    Value chain = TRY(chain_before(t, initial, it->slots[0]));
    return make_tuple(t, {Value(it->type()), Value(make_tuple(t, {chain, function}))});
  }
  if (total.is_none()) {
    // As a state None is none at all: the total comes first in the chain and is sliced off again.
    auto* whole = t.heap().make<SlotIterator<4>>(t, native_type(t, kAccumulateSpec));
    whole->slots[0] = TRY(chain_before(t, total, it->slots[0]));
    whole->slots[1] = it->slots[1].get();
    return make_tuple(t, {Value(native_type(t, kISliceSpec)),
                          Value(make_tuple(t, {Value(whole), Value::from_int(1), kNone}))});
  }
  if (total.is_empty())
    return make_tuple(t, {Value(it->type()), Value(make_tuple(t, {it->slots[0], function}))});
  return make_tuple(t, {Value(it->type()), Value(make_tuple(t, {it->slots[0], function})), total});
}
static Result<Value> accumulate_setstate(Thread&, const Value* args) {
  args[0].as<SlotIterator<4>>()->slots[2] = args[1];
  return kNone;
}
static const NativeDef kAccumulateMethods[] = {
    MP_NEW(accumulate_new, "__new__(cls, iterable, func=None, *, initial=None)", nullptr),
    MP_REDUCE(accumulate_reduce), MP_SETSTATE(accumulate_setstate), MP_END};
MP_ITERTOOL(kAccumulateSpec, "accumulate", SlotIterator<4>, trace_slot_iterator<4>, accumulate_next,
            kAccumulateMethods, "Return series of accumulated sums (or other binary function results).");

// ---------------------------------------------------------------- chain: source (iterator of iterables),
// active
static Value new_chain(Thread& t, Type* cls, Value source) {
  auto* it = t.heap().make<SlotIterator<2>>(t, cls);
  it->slots[0] = source;
  return it;
}
static Result<Value> chain_new(Thread& t, const Value* args) {
  Value source = TRY(get_iter(t, args[1]));
  return new_chain(t, args[0].as<Type>(), source);
}
static Result<Value> chain_next(Thread& t, Value self) {
  auto* it = self.as<SlotIterator<2>>();
  for (;;) {
    Value active = it->slots[1].get();
    if (active.is_empty()) {
      Value source = it->slots[0].get();
      if (source.is_empty()) return kNoMore;
      Value iterable = TRY(next_of(t, source));
      if (iterable.is_no_more()) {
        it->slots[0] = kEmpty;
        return kNoMore;
      }
      Result<Value> made = get_iter(t, iterable);
      if (made.is_error()) {
        it->slots[0] = kEmpty;
        return Error{};
      }
      active = made.value();
      it->slots[1] = active;
    }
    Value item = TRY(next_of(t, active));
    if (!item.is_no_more()) return item;
    it->slots[1] = kEmpty;
    TRY(t.poll_within());
  }
}
static Result<Value> chain_reduce(Thread& t, const Value* args) {
  auto* it = args[0].as<SlotIterator<2>>();
  Value source = it->slots[0].get(), active = it->slots[1].get();
  if (source.is_empty()) return make_tuple(t, {Value(it->type()), Value(empty_tuple(t))});
  if (active.is_empty())
    return make_tuple(t, {Value(it->type()), Value(empty_tuple(t)), Value(make_tuple(t, {source}))});
  return make_tuple(t, {Value(it->type()), Value(empty_tuple(t)), Value(make_tuple(t, {source, active}))});
}
static Result<Value> chain_setstate(Thread& t, const Value* args) {
  auto* it = args[0].as<SlotIterator<2>>();
  if (!is_tuple(args[1])) return t.raise(Exc::TypeError, "state is not a tuple");
  auto* state = args[1].as<TupleObject>();
  if (state->size < 1 || state->size > 2)
    return t.raise(Exc::TypeError, "function takes at {} ({} given)",
                   state->size < 1 ? "least 1 argument" : "most 2 arguments", state->size);
  for (size_t i = 0; i < state->size; ++i)
    if (type_of(t, (*state)[i])->slots.next == nullptr)
      return t.raise(Exc::TypeError, "Arguments must be iterators.");
  for (size_t i = 0; i < state->size; ++i) it->slots[i] = (*state)[i];
  return kNone;
}
static const NativeDef kChainMethods[] = {
    MP_NEW(chain_new, "__new__(cls, *iterables)", nullptr),
    MP_CLASS_METHOD(
        chain_new, "from_iterable(cls, iterable, /)",
        "Alternative chain() constructor taking a single iterable argument that evaluates lazily."),
    MP_REDUCE(chain_reduce),
    MP_SETSTATE(chain_setstate),
    MP_CLASS_GETITEM,
    MP_END};
MP_ITERTOOL(kChainSpec, "chain", SlotIterator<2>, trace_slot_iterator<2>, chain_next, kChainMethods,
            "Return a chain object whose .__next__() method returns elements from the\nfirst iterable until "
            "it is exhausted, then "
            "elements from the next\niterable, until all of the iterables are exhausted.");

// ---------------------------------------------------------------- two slots: function or data, iterator
static Result<Value> function_and_iterator_new(Thread& t, const Value* args) {
  Value iterator = TRY(get_iter(t, args[2]));
  auto* it = t.heap().make<SlotIterator<3>>(t, args[0].as<Type>());
  it->slots[0] = args[1];
  it->slots[1] = iterator;
  return it;
}
static Result<bool> verdict(Thread& t, Value function, Value item) {
  Value v = TRY(call(t, function, CallArgs{&item, 1, {}}));
  return is_true(t, v);
}
static Result<Value> dropwhile_next(Thread& t, Value self) {
  auto* it = self.as<SlotIterator<3>>();
  for (;;) {
    Value item = TRY(next_of(t, it->slots[1]));
    if (item.is_no_more() || !it->slots[2].get().is_empty()) return item;
    bool drop = TRY(verdict(t, it->slots[0], item));
    if (!drop) {
      it->slots[2] = kTrue;
      return item;
    }
    TRY(t.poll_within());
  }
}
static Result<Value> takewhile_next(Thread& t, Value self) {
  auto* it = self.as<SlotIterator<3>>();
  if (!it->slots[2].get().is_empty()) return kNoMore;
  Value item = TRY(next_of(t, it->slots[1]));
  if (item.is_no_more()) return kNoMore;
  bool take = TRY(verdict(t, it->slots[0], item));
  if (take) return item;
  it->slots[2] = kTrue;
  return kNoMore;
}
static Result<Value> filterfalse_next(Thread& t, Value self) {
  auto* it = self.as<SlotIterator<3>>();
  Value function = it->slots[0].get();
  bool plain = function.is_none() || function == Value(t.types().bool_);
  for (;;) {
    Value item = TRY(next_of(t, it->slots[1]));
    if (item.is_no_more()) return kNoMore;
    bool skip = plain ? TRY(is_true(t, item)) : TRY(verdict(t, function, item));
    if (!skip) return item;
    TRY(t.poll_within());
  }
}
static Result<Value> starmap_next(Thread& t, Value self) {
  auto* it = self.as<SlotIterator<3>>();
  Value args = TRY(next_of(t, it->slots[1]));
  if (args.is_no_more()) return kNoMore;
  if (!is_tuple(args)) args = TRY(to_tuple(t, args));
  auto* tuple = args.as<TupleObject>();
  return call(t, it->slots[0], CallArgs{reinterpret_cast<const Value*>(tuple->items()), tuple->size, {}});
}
static Result<Value> two_reduce(Thread& t, const Value* args) {
  auto* it = args[0].as<SlotIterator<3>>();
  Value flag = it->slots[2].get();
  return make_tuple(t, {Value(it->type()), Value(make_tuple(t, {it->slots[0], it->slots[1]})),
                        bool_value(!flag.is_empty())});
}
static Result<Value> two_setstate(Thread& t, const Value* args) {
  bool flag = TRY(truth(t, args[1]));
  args[0].as<SlotIterator<3>>()->slots[2] = flag ? kTrue : kEmpty;
  return kNone;
}
static Result<Value> plain_reduce(Thread& t, const Value* args) {
  auto* it = args[0].as<SlotIterator<3>>();
  return make_tuple(t, {Value(it->type()), Value(make_tuple(t, {it->slots[0], it->slots[1]}))});
}
static const NativeDef kDropWhileMethods[] = {
    MP_NEW(function_and_iterator_new, "__new__(cls, predicate, iterable, /)", nullptr), MP_REDUCE(two_reduce),
    MP_SETSTATE(two_setstate), MP_END};
MP_ITERTOOL(kDropWhileSpec, "dropwhile", SlotIterator<3>, trace_slot_iterator<3>, dropwhile_next,
            kDropWhileMethods,
            "Drop items from the iterable while predicate(item) is true.\n\nAfterwards, return every element "
            "until the iterable is "
            "exhausted.");
MP_ITERTOOL(
    kTakeWhileSpec, "takewhile", SlotIterator<3>, trace_slot_iterator<3>, takewhile_next, kDropWhileMethods,
    "Return successive entries from an iterable as long as the predicate evaluates to true for each entry.");
static const NativeDef kFilterFalseMethods[] = {
    MP_NEW(function_and_iterator_new, "__new__(cls, function, iterable, /)", nullptr),
    MP_REDUCE(plain_reduce), MP_END};
MP_ITERTOOL(kFilterFalseSpec, "filterfalse", SlotIterator<3>, trace_slot_iterator<3>, filterfalse_next,
            kFilterFalseMethods,
            "Return those items of iterable for which function(item) is false.\n\nIf function is None, "
            "return the items that are "
            "false.");
MP_ITERTOOL(kStarMapSpec, "starmap", SlotIterator<3>, trace_slot_iterator<3>, starmap_next,
            kFilterFalseMethods,
            "Return an iterator whose values are returned from the function evaluated with an argument tuple "
            "taken from the given "
            "sequence.");

static Result<Value> compress_new(Thread& t, const Value* args) {
  Value data = TRY(get_iter(t, args[1]));
  Value selectors = TRY(get_iter(t, args[2]));
  auto* it = t.heap().make<SlotIterator<2>>(t, args[0].as<Type>());
  it->slots[0] = data;
  it->slots[1] = selectors;
  return it;
}
static Result<Value> compress_next(Thread& t, Value self) {
  auto* it = self.as<SlotIterator<2>>();
  for (;;) {
    Value item = TRY(next_of(t, it->slots[0]));
    if (item.is_no_more()) return kNoMore;
    Value selector = TRY(next_of(t, it->slots[1]));
    if (selector.is_no_more()) return kNoMore;
    bool keep = TRY(is_true(t, selector));
    if (keep) return item;
    TRY(t.poll_within());
  }
}
static Result<Value> compress_reduce(Thread& t, const Value* args) {
  auto* it = args[0].as<SlotIterator<2>>();
  return make_tuple(t, {Value(it->type()), Value(make_tuple(t, {it->slots[0], it->slots[1]}))});
}
static const NativeDef kCompressMethods[] = {MP_NEW(compress_new, "__new__(cls, data, selectors)", nullptr),
                                             MP_REDUCE(compress_reduce), MP_END};
MP_ITERTOOL(kCompressSpec, "compress", SlotIterator<2>, trace_slot_iterator<2>, compress_next,
            kCompressMethods,
            "Return data elements corresponding to true selector elements.\n\nForms a shorter iterator from "
            "selected data elements "
            "using the selectors to\nchoose the data elements.");

// ---------------------------------------------------------------- the module
extern const TypeSpec kPairwiseSpec, kBatchedSpec, kISliceSpec, kZipLongestSpec, kProductSpec,
    kPermutationsSpec, kCombinationsSpec, kCombinationsWithReplacementSpec, kGroupBySpec, kGrouperSpec,
    kTeeSpec, kTeeDataSpec;
Result<Value> itertools_tee(Thread& t, const Value* args);

static Status init_itertools(Thread& t, ModuleObject* module) {
  for (const TypeSpec* spec : {&kAccumulateSpec,
                               &kBatchedSpec,
                               &kChainSpec,
                               &kCombinationsSpec,
                               &kCombinationsWithReplacementSpec,
                               &kCompressSpec,
                               &kCountSpec,
                               &kCycleSpec,
                               &kDropWhileSpec,
                               &kFilterFalseSpec,
                               &kGroupBySpec,
                               &kGrouperSpec,
                               &kISliceSpec,
                               &kPairwiseSpec,
                               &kPermutationsSpec,
                               &kProductSpec,
                               &kRepeatSpec,
                               &kStarMapSpec,
                               &kTakeWhileSpec,
                               &kTeeSpec,
                               &kTeeDataSpec,
                               &kZipLongestSpec}) {
    Type* type = module_add_type(t, module, *spec);
    // A group keeps its groupby, and the iterators of tee() share what they read.
    if (spec != &kGroupBySpec && spec != &kTeeSpec && spec != &kTeeDataSpec) type->flags |= kTypeAdapter;
  }
  return {};
}
static const NativeDef kItertoolsFunctions[] = {
    MP_FUNCTION(itertools_tee, "tee(iterable, n=2, /)", "Returns a tuple of n independent iterators."),
    MP_END};
extern const ModuleSpec kItertoolsModule;
const ModuleSpec kItertoolsModule = {.name = "itertools",
                                     .doc = "Functional tools for creating and using iterators.",
                                     .functions = kItertoolsFunctions,
                                     .init = init_itertools};

}  // namespace mp

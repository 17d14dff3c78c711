// The iterators that wrap others: sequence iterator, iter(callable, sentinel), reversed, enumerate, zip, map,
// filter.
#include "vm/native/native.h"
#include "vm/types/container_support.h"
#include "vm/types/iterator_support.h"
#include "vm/types/type.h"

namespace mp {

// ---------------------------------------------------------------- sequence iterator
namespace {
struct SequenceIterator : Object {
  Slot sequence;  // empty when exhausted
  std::atomic<int64_t> index{0};
};
struct CallableIterator : Object {
  Slot callable, sentinel;
};
struct ReversedIterator : Object {
  Slot sequence;
  std::atomic<int64_t> index{0};
};
struct EnumerateIterator : Object {
  Slot iterator;
  Slot next;  // the int that comes next
};
struct ZipIterator : Object {
  Slot iterators;  // tuple
  std::atomic<bool> strict{false};
};
struct MapIterator : Object {
  Slot function, iterators;
};
struct FilterIterator : Object {
  Slot function, iterator;
};
}  // namespace

Value make_sequence_iterator(Thread& t, Value sequence) {
  auto* it = t.heap().make<SequenceIterator>(t, t.types().sequence_iterator);
  it->sequence = sequence;
  return it;
}

static void trace_sequence_iterator(Object* self, Tracer& tracer) {
  tracer.visit(static_cast<SequenceIterator*>(self)->sequence);
}

static Result<Value> sequence_next(Thread& t, Value self) {
  auto* it = self.as<SequenceIterator>();
  Value sequence = it->sequence.get();
  if (sequence.is_empty()) return kNoMore;
  int64_t i = it->index.load(std::memory_order_relaxed);
  if (i == INT64_MAX) return t.raise(Exc::OverflowError, "iter index too large");
  Result<Value> item = get_item(t, sequence, make_int(t, i));
  if (item.ok()) {
    it->index.store(i + 1, std::memory_order_relaxed);
    return item;
  }
  if (t.catch_exception(Exc::IndexError) || t.catch_exception(Exc::StopIteration)) {
    it->sequence = kEmpty;
    return kNoMore;
  }
  return Error{};
}

static Result<Value> sequence_length_hint(Thread& t, const Value* args) {
  auto* it = args[0].as<SequenceIterator>();
  Value sequence = it->sequence.get();
  if (sequence.is_empty()) return Value::from_int(0);
  if (type_of(t, sequence)->slots.length == nullptr) return kNotImplemented;
  int64_t n = TRY(length(t, sequence));
  n -= it->index.load();
  return make_int(t, n < 0 ? 0 : n);
}

static Result<Value> sequence_reduce(Thread& t, const Value* args) {
  auto* it = args[0].as<SequenceIterator>();
  Value iter = TRY(builtin_function(t, "iter"));
  Value sequence = it->sequence.get();
  if (sequence.is_empty()) return make_tuple(t, {iter, Value(make_tuple(t, {Value(empty_tuple(t))}))});
  return make_tuple(t, {iter, Value(make_tuple(t, {sequence})), make_int(t, it->index.load())});
}

static Result<Value> sequence_setstate(Thread& t, const Value* args) {
  auto* it = args[0].as<SequenceIterator>();
  int64_t index = TRY(to_ssize(t, args[1]));
  if (!it->sequence.get().is_empty()) it->index.store(index < 0 ? 0 : index);
  return kNone;
}

static const NativeDef kSequenceIteratorMethods[] = {
    MP_METHOD(sequence_length_hint, "__length_hint__(self, /)",
              "Private method returning an estimate of len(list(it))."),
    MP_METHOD(sequence_reduce, "__reduce__(self, /)", "Return state information for pickling."),
    MP_METHOD(sequence_setstate, "__setstate__(self, state, /)", "Set state information for unpickling."),
    MP_END};
extern const TypeSpec kSequenceIteratorSpec;
const TypeSpec kSequenceIteratorSpec = {.name = "iterator",
                                        .size = sizeof(SequenceIterator),
                                        .flags = kTypeDisallowNew,
                                        .trace = trace_sequence_iterator,
                                        .slots = MP_SLOTS(.iter = iterator_self, .next = sequence_next),
                                        .methods = kSequenceIteratorMethods};

// ---------------------------------------------------------------- iter(callable, sentinel)
Value make_callable_iterator(Thread& t, Value callable, Value sentinel) {
  auto* it = t.heap().make<CallableIterator>(t, t.types().callable_iterator);
  it->callable = callable;
  it->sentinel = sentinel;
  return it;
}

static void trace_callable_iterator(Object* self, Tracer& tracer) {
  auto* it = static_cast<CallableIterator*>(self);
  tracer.visit(it->callable);
  tracer.visit(it->sentinel);
}

static Result<Value> callable_next(Thread& t, Value self) {
  auto* it = self.as<CallableIterator>();
  Value callable = it->callable.get();
  if (callable.is_empty()) return kNoMore;
  Result<Value> item = call(t, callable);
  if (item.is_error()) {
    if (!t.exception_matches(Exc::StopIteration)) return Error{};
    t.clear_exception();
    it->callable = kEmpty;
    return kNoMore;
  }
  Value sentinel = it->sentinel.get();
  if (sentinel.is_empty()) return kNoMore;
  bool same = TRY(equals(t, sentinel, item.value()));
  if (!same) return item;
  it->callable = kEmpty;
  it->sentinel = kEmpty;
  return kNoMore;
}

static Result<Value> callable_reduce(Thread& t, const Value* args) {
  auto* it = args[0].as<CallableIterator>();
  Value iter = TRY(builtin_function(t, "iter"));
  Value callable = it->callable.get(), sentinel = it->sentinel.get();
  if (callable.is_empty() || sentinel.is_empty())
    return make_tuple(t, {iter, Value(make_tuple(t, {Value(empty_tuple(t))}))});
  return make_tuple(t, {iter, Value(make_tuple(t, {callable, sentinel}))});
}

static const NativeDef kCallableIteratorMethods[] = {
    MP_METHOD(callable_reduce, "__reduce__(self, /)", "Return state information for pickling."), MP_END};
extern const TypeSpec kCallableIteratorSpec;
const TypeSpec kCallableIteratorSpec = {.name = "callable_iterator",
                                        .size = sizeof(CallableIterator),
                                        .flags = kTypeDisallowNew,
                                        .trace = trace_callable_iterator,
                                        .slots = MP_SLOTS(.iter = iterator_self, .next = callable_next),
                                        .methods = kCallableIteratorMethods};

// ---------------------------------------------------------------- reversed
Value make_reversed(Thread& t, Value sequence, int64_t length) {
  auto* it = t.heap().make<ReversedIterator>(t, t.types().reversed);
  it->sequence = sequence;
  it->index.store(length - 1);
  return it;
}

static void trace_reversed(Object* self, Tracer& tracer) {
  tracer.visit(static_cast<ReversedIterator*>(self)->sequence);
}

static Result<Value> reversed_new(Thread& t, const Value* args) {
  Value made = TRY(reversed_iter(t, args[1]));
  auto* cls = args[0].as<Type>();
  if (cls == t.types().reversed || !is_exact(made, t.types().reversed)) return made;
  auto* it = t.heap().make<ReversedIterator>(t, cls);
  it->sequence = made.as<ReversedIterator>()->sequence;
  it->index.store(made.as<ReversedIterator>()->index.load());
  return it;
}

static Result<Value> reversed_next(Thread& t, Value self) {
  auto* it = self.as<ReversedIterator>();
  Value sequence = it->sequence.get();
  int64_t i = it->index.load(std::memory_order_relaxed);
  if (sequence.is_empty()) return kNoMore;
  if (i >= 0) {
    auto place = static_cast<size_t>(i);
    if (is_exact(sequence, t.types().str) && place < sequence.as<StrObject>()->length()) {
      it->index.store(i - 1, std::memory_order_relaxed);
      return str_or_error(make_str_char(t, sequence.as<StrObject>()->at(place)));
    }
    if (is_exact(sequence, t.types().tuple) && place < sequence.as<TupleObject>()->size) {
      it->index.store(i - 1, std::memory_order_relaxed);
      return (*sequence.as<TupleObject>())[place];
    }
    Result<Value> item = get_item(t, sequence, make_int(t, i));
    if (item.ok()) {
      it->index.store(i - 1, std::memory_order_relaxed);
      return item;
    }
    if (!t.catch_exception(Exc::IndexError) && !t.catch_exception(Exc::StopIteration)) return Error{};
  }
  it->index.store(-1, std::memory_order_relaxed);
  it->sequence = kEmpty;
  return kNoMore;
}

static Result<Value> reversed_length_hint(Thread& t, const Value* args) {
  auto* it = args[0].as<ReversedIterator>();
  Value sequence = it->sequence.get();
  if (sequence.is_empty()) return Value::from_int(0);
  int64_t size = TRY(length(t, sequence));
  int64_t position = it->index.load() + 1;
  return make_int(t, size < position ? 0 : position);
}

static Result<Value> reversed_reduce(Thread& t, const Value* args) {
  auto* it = args[0].as<ReversedIterator>();
  Value sequence = it->sequence.get();
  if (sequence.is_empty())
    return make_tuple(t, {Value(it->type()), Value(make_tuple(t, {Value(empty_tuple(t))}))});
  return make_tuple(t, {Value(it->type()), Value(make_tuple(t, {sequence})), make_int(t, it->index.load())});
}

static Result<Value> reversed_setstate(Thread& t, const Value* args) {
  auto* it = args[0].as<ReversedIterator>();
  int64_t index = TRY(to_ssize(t, args[1]));
  Value sequence = it->sequence.get();
  if (!sequence.is_empty()) {
    int64_t n = TRY(length(t, sequence));
    it->index.store(index < -1 ? -1 : index > n - 1 ? n - 1 : index);
  }
  return kNone;
}

static const NativeDef kReversedMethods[] = {
    MP_NEW(reversed_new, "__new__(cls, sequence, /)", nullptr),
    MP_METHOD(reversed_length_hint, "__length_hint__(self, /)",
              "Private method returning an estimate of len(list(it))."),
    MP_METHOD(reversed_reduce, "__reduce__(self, /)", "Return state information for pickling."),
    MP_METHOD(reversed_setstate, "__setstate__(self, state, /)", "Set state information for unpickling."),
    MP_END};
extern const TypeSpec kReversedSpec;
const TypeSpec kReversedSpec = {.name = "reversed",
                                .size = sizeof(ReversedIterator),
                                .flags = kTypeBaseType,
                                .doc = "Return a reverse iterator over the values of the given sequence.",
                                .trace = trace_reversed,
                                .slots = MP_SLOTS(.iter = iterator_self, .next = reversed_next),
                                .methods = kReversedMethods};

// ---------------------------------------------------------------- enumerate
static void trace_enumerate(Object* self, Tracer& tracer) {
  auto* it = static_cast<EnumerateIterator*>(self);
  tracer.visit(it->iterator);
  tracer.visit(it->next);
}

static Result<Value> enumerate_new(Thread& t, const Value* args) {
  Value start = args[2];
  if (args[1].is_empty()) return t.raise(Exc::TypeError, "enumerate() missing required argument 'iterable'");
  if (!start.is_int()) {
    start = TRY(to_index(t, start));
    start = int_plain(t, start);
  }
  Value iterator = TRY(get_iter(t, args[1]));
  auto* it = t.heap().make<EnumerateIterator>(t, args[0].as<Type>());
  it->iterator = iterator;
  it->next = start;
  return it;
}

static Result<bool> enumerate_step(Thread& t, EnumerateIterator* it, Value* pair) {
  Value item = TRY(next_of(t, it->iterator));
  if (item.is_no_more()) return false;
  Value number = it->next.get();
  if (number.is_int() && number.as_int() < Value::kMaxInt) {
    it->next = Value::from_int(number.as_int() + 1);
  } else {
    Value next = TRY(int_add(t, number, Value::from_int(1)));
    it->next = next;
  }
  pair[0] = number;
  pair[1] = item;
  return true;
}

static Result<Value> enumerate_next(Thread& t, Value self) {
  Value values[2];
  if (!TRY(enumerate_step(t, self.as<EnumerateIterator>(), values))) return kNoMore;
  TupleObject* pair = allocate_tuple(t, 2);
  pair->items()[0] = values[0];
  pair->items()[1] = values[1];
  return pair;
}

static Result<Value> enumerate_reduce(Thread& t, const Value* args) {
  auto* it = args[0].as<EnumerateIterator>();
  return make_tuple(t, {Value(it->type()), Value(make_tuple(t, {it->iterator, it->next}))});
}

static const NativeDef kEnumerateMethods[] = {
    MP_NEW(enumerate_new, "__new__(cls, iterable=?, start=0)", nullptr),
    MP_METHOD(enumerate_reduce, "__reduce__(self, /)", "Return state information for pickling."),
    MP_CLASS_GETITEM, MP_END};
extern const TypeSpec kEnumerateSpec;
const TypeSpec kEnumerateSpec = {
    .name = "enumerate",
    .size = sizeof(EnumerateIterator),
    .flags = kTypeBaseType | kTypeAdapter,
    .doc =
        "Return an enumerate object.\n\n  iterable\n    an object supporting iteration\n\nThe enumerate "
        "object yields pairs "
        "containing a count (from start, which\ndefaults to zero) and a value yielded by the iterable "
        "argument.\n\nenumerate is "
        "useful for obtaining an indexed list:\n    (0, seq[0]), (1, seq[1]), (2, seq[2]), ...",
    .trace = trace_enumerate,
    .slots = MP_SLOTS(.iter = iterator_self, .next = enumerate_next),
    .methods = kEnumerateMethods};

// ---------------------------------------------------------------- zip
static void trace_zip(Object* self, Tracer& tracer) {
  tracer.visit(static_cast<ZipIterator*>(self)->iterators);
}

Result<TupleObject*> iterators_of(Thread& t, const Value* iterables, size_t count, const char* who) {
  TupleObject* iterators = count == 0 ? empty_tuple(t) : allocate_tuple(t, count);
  for (size_t i = 0; i < count; ++i) {
    Result<Value> it = get_iter(t, iterables[i]);
    if (it.is_error()) {
      if (who != nullptr && type_of(t, iterables[i])->slots.iter == nullptr &&
          t.catch_exception(Exc::TypeError))
        return t.raise(Exc::TypeError, "{} argument #{} must support iteration", who, i + 1);
      return Error{};
    }
    iterators->items()[i] = it.value();
  }
  return iterators;
}

static Result<Value> zip_new(Thread& t, Value self, const CallArgs& args) {
  bool strict = false;
  size_t keywords = args.keyword_names.is_empty() ? 0 : args.keyword_names.as<TupleObject>()->size;
  for (size_t i = 0; i < keywords; ++i) {
    Value name = (*args.keyword_names.as<TupleObject>())[i];
    if (!str_equal(name.as<StrObject>(), "strict"))
      return unexpected_keyword(t, "zip()", to_utf8(name.as<StrObject>()), {"strict"});
    strict = TRY(truth(t, args.values[args.count + i]));
  }
  TupleObject* iterators = TRY(iterators_of(t, args.values, args.count, nullptr));
  auto* it = t.heap().make<ZipIterator>(t, self.as<Type>());
  it->iterators = Value(iterators);
  it->strict.store(strict);
  return it;
}

// One iterator of a strict zip ended early.
static Result<Value> zip_uneven(Thread& t, TupleObject* iterators, size_t i) {
  if (i != 0)
    return t.raise(Exc::ValueError, "zip() argument {} is shorter than argument{}{}", i + 1,
                   i == 1 ? " " : "s 1-", i);
  for (i = 1; i < iterators->size; ++i) {
    Value item = TRY(next_of(t, (*iterators)[i]));
    if (!item.is_no_more())
      return t.raise(Exc::ValueError, "zip() argument {} is longer than argument{}{}", i + 1,
                     i == 1 ? " " : "s 1-", i);
  }
  return kNoMore;
}

static Result<Value> zip_next(Thread& t, Value self) {
  auto* it = self.as<ZipIterator>();
  auto* iterators = it->iterators.get().as<TupleObject>();
  if (iterators->size == 0) return kNoMore;
  TupleObject* items = allocate_tuple(t, iterators->size);
  for (size_t i = 0; i < iterators->size; ++i) {
    Value item = TRY(next_of(t, (*iterators)[i]));
    if (item.is_no_more()) {
      if (it->strict.load(std::memory_order_relaxed)) return zip_uneven(t, iterators, i);
      return kNoMore;
    }
    items->items()[i] = item;
  }
  return items;
}

// ---------------------------------------------------------------- without the tuple
bool yields_tuples(Thread& t, Value iterator, size_t count) {
  if (count > kMostUnpacked || !iterator.is_object()) return false;
  Type* type = iterator.as_object()->type();
  if (type == t.types().zip) {
    auto* zip = iterator.as<ZipIterator>();
    return count != 0 && zip->iterators.get().as<TupleObject>()->size == count && !zip->strict.load();
  }
  return count == 2 && (type == t.types().enumerate || type == t.types().dict_item_iterator);
}

Unpacked next_unpacked(Thread& t, Value iterator, Value* to, size_t count) {
  if (!yields_tuples(t, iterator, count)) return Unpacked::Other;
  Value items[kMostUnpacked];
  Type* type = iterator.as_object()->type();
  if (type == t.types().zip) {
    auto* iterators = iterator.as<ZipIterator>()->iterators.get().as<TupleObject>();
    for (size_t i = 0; i < count; ++i) {
      items[i] = next_of(t, (*iterators)[i]).take();
      if (items[i].is_error()) return Unpacked::Raised;
      if (items[i].is_no_more()) return Unpacked::End;
    }
  } else {
    Result<bool> more = type == t.types().enumerate
                            ? enumerate_step(t, iterator.as<EnumerateIterator>(), items)
                            : dict_items_next(t, iterator, &items[0], &items[1]);
    if (more.is_error()) return Unpacked::Raised;
    if (!more.value()) return Unpacked::End;
  }
  // Word by word: a memcpy() would wait for the stores just made to these words.
  if (count == 2) [[likely]] {
    to[0] = items[0];
    to[1] = items[1];
    return Unpacked::Items;
  }
  for (size_t i = 0; i < count; ++i) to[i] = items[i];
  return Unpacked::Items;
}

static Result<Value> zip_reduce(Thread& t, const Value* args) {
  auto* it = args[0].as<ZipIterator>();
  if (it->strict.load()) return make_tuple(t, {Value(it->type()), it->iterators, kTrue});
  return make_tuple(t, {Value(it->type()), it->iterators});
}
static Result<Value> zip_setstate(Thread& t, const Value* args) {
  bool strict = TRY(truth(t, args[1]));
  args[0].as<ZipIterator>()->strict.store(strict);
  return kNone;
}

static const NativeDef kZipMethods[] = {
    MP_RAW_NEW(zip_new, "__new__(cls, *iterables, strict=False)", nullptr),
    MP_METHOD(zip_reduce, "__reduce__(self, /)", "Return state information for pickling."),
    MP_METHOD(zip_setstate, "__setstate__(self, state, /)", "Set state information for unpickling."), MP_END};
extern const TypeSpec kZipSpec;
const TypeSpec kZipSpec = {.name = "zip",
                           .size = sizeof(ZipIterator),
                           .flags = kTypeBaseType | kTypeAdapter,
                           .doc =
                               "The zip object yields n-length tuples, where n is the number of "
                               "iterables\npassed as positional arguments to zip().  The "
                               "i-th element in every tuple\ncomes from the i-th iterable argument to zip(). "
                               " This continues until the\nshortest "
                               "argument is exhausted.\n\nIf strict is true and one of the arguments is "
                               "exhausted before the others,\nraise a "
                               "ValueError.\n\n   >>> list(zip('abcdefg', range(3), range(4)))\n   [('a', 0, "
                               "0), ('b', 1, 1), ('c', 2, 2)]",
                           .trace = trace_zip,
                           .slots = MP_SLOTS(.iter = iterator_self, .next = zip_next),
                           .methods = kZipMethods};

// ---------------------------------------------------------------- map
static void trace_map(Object* self, Tracer& tracer) {
  tracer.visit(static_cast<MapIterator*>(self)->function);
  tracer.visit(static_cast<MapIterator*>(self)->iterators);
}

static Result<Value> map_new(Thread& t, Value self, const CallArgs& args) {
  TRY(refuse_keywords_of_new(t, self.as<Type>(), t.types().map, args, "map"));
  if (args.count < 2) return t.raise(Exc::TypeError, "map() must have at least two arguments.");
  TupleObject* iterators = TRY(iterators_of(t, args.values + 1, args.count - 1, nullptr));
  auto* it = t.heap().make<MapIterator>(t, self.as<Type>());
  it->function = args.values[0];
  it->iterators = Value(iterators);
  return it;
}

static Result<Value> map_next(Thread& t, Value self) {
  auto* it = self.as<MapIterator>();
  auto* iterators = it->iterators.get().as<TupleObject>();
  Value few[8];
  size_t n = iterators->size;
  if (n <= 8) {
    for (size_t i = 0; i < n; ++i) {
      few[i] = TRY(next_of(t, (*iterators)[i]));
      if (few[i].is_no_more()) return kNoMore;
    }
    return call(t, it->function, CallArgs{few, n, {}});
  }
  TupleObject* items = allocate_tuple(t, n);
  for (size_t i = 0; i < n; ++i) {
    Value item = TRY(next_of(t, (*iterators)[i]));
    if (item.is_no_more()) return kNoMore;
    items->items()[i] = item;
  }
  return call_tuple(t, it->function, items, {});
}

static Result<Value> map_reduce(Thread& t, const Value* args) {
  auto* it = args[0].as<MapIterator>();
  auto* iterators = it->iterators.get().as<TupleObject>();
  TupleObject* state = allocate_tuple(t, iterators->size + 1);
  state->items()[0] = it->function.get();
  for (size_t i = 0; i < iterators->size; ++i) state->items()[i + 1] = (*iterators)[i];
  return make_tuple(t, {Value(it->type()), Value(state)});
}

static const NativeDef kMapMethods[] = {
    MP_RAW_NEW(map_new, "__new__(cls, function, iterable, /, *iterables)", nullptr),
    MP_METHOD(map_reduce, "__reduce__(self, /)", "Return state information for pickling."), MP_END};
extern const TypeSpec kMapSpec;
const TypeSpec kMapSpec = {
    .name = "map",
    .size = sizeof(MapIterator),
    .flags = kTypeBaseType | kTypeAdapter,
    .doc =
        "Make an iterator that computes the function using arguments from\neach of the iterables.  Stops "
        "when the shortest iterable is exhausted.",
    .trace = trace_map,
    .slots = MP_SLOTS(.iter = iterator_self, .next = map_next),
    .methods = kMapMethods};

// ---------------------------------------------------------------- filter
static void trace_filter(Object* self, Tracer& tracer) {
  tracer.visit(static_cast<FilterIterator*>(self)->function);
  tracer.visit(static_cast<FilterIterator*>(self)->iterator);
}

static Result<Value> filter_new(Thread& t, Value self, const CallArgs& args) {
  TRY(refuse_keywords_of_new(t, self.as<Type>(), t.types().filter, args, "filter"));
  if (args.count != 2) return t.raise(Exc::TypeError, "filter expected 2 arguments, got {}", args.count);
  Value iterator = TRY(get_iter(t, args.values[1]));
  auto* it = t.heap().make<FilterIterator>(t, self.as<Type>());
  it->function = args.values[0];
  it->iterator = iterator;
  return it;
}

static Result<Value> filter_next(Thread& t, Value self) {
  auto* it = self.as<FilterIterator>();
  Value function = it->function.get();
  bool plain = function.is_none() || function == Value(t.types().bool_);
  for (;;) {
    Value item = TRY(next_of(t, it->iterator));
    if (item.is_no_more()) return kNoMore;
    Value verdict = item;
    if (!plain) verdict = TRY(call(t, function, CallArgs{&item, 1, {}}));
    bool keep = verdict.is_bool()  ? verdict.is_true()
                : verdict.is_int() ? verdict.as_int() != 0
                                   : TRY(truth(t, verdict));
    if (keep) return item;
    TRY(t.poll_within());
  }
}

static Result<Value> filter_reduce(Thread& t, const Value* args) {
  auto* it = args[0].as<FilterIterator>();
  return make_tuple(t, {Value(it->type()), Value(make_tuple(t, {it->function, it->iterator}))});
}

static const NativeDef kFilterMethods[] = {
    MP_RAW_NEW(filter_new, "__new__(cls, function, iterable, /)", nullptr),
    MP_METHOD(filter_reduce, "__reduce__(self, /)", "Return state information for pickling."), MP_END};
extern const TypeSpec kFilterSpec;
const TypeSpec kFilterSpec = {
    .name = "filter",
    .size = sizeof(FilterIterator),
    .flags = kTypeBaseType | kTypeAdapter,
    .doc =
        "Return an iterator yielding those items of iterable for which function(item)\nis true. If "
        "function is None, return the items that are true.",
    .trace = trace_filter,
    .slots = MP_SLOTS(.iter = iterator_self, .next = filter_next),
    .methods = kFilterMethods};

}  // namespace mp

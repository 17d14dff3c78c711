// range and its iterators: native int64 while everything fits, ints of any size otherwise.
#include "vm/native/native.h"
#include "vm/types/container_support.h"
#include "vm/types/iterator_support.h"
#include "vm/types/range_values.h"
#include "vm/types/type.h"

namespace mp {

namespace {
const Value kZero = Value::from_int(0);
const Value kOne = Value::from_int(1);

// Iterator over values beyond int64. Same type name; another layout, told apart by its type.
struct BigRangeIterator : Object {
  Slot start, step, length, index;
};

Result<Value> range_length(Thread& t, Value start, Value stop, Value step) {
  if (start.is_int() && stop.is_int() && step.is_int()) {
    // 63-bit operands: differences fit 64 bits unsigned.
    int64_t a = start.as_int(), b = stop.as_int(), s = step.as_int();
    if (s > 0)
      return a >= b ? kZero
                    : make_int_unsigned(t, (static_cast<uint64_t>(b) - static_cast<uint64_t>(a) - 1) /
                                                   static_cast<uint64_t>(s) +
                                               1);
    return a <= b ? kZero
                  : make_int_unsigned(t, (static_cast<uint64_t>(a) - static_cast<uint64_t>(b) - 1) /
                                                 (~static_cast<uint64_t>(s) + 1) +
                                             1);
  }
  bool up = int_compare(step, kZero) > 0;
  Value low = up ? start : stop, high = up ? stop : start;
  if (int_compare(low, high) >= 0) return kZero;
  Value size = up ? step : TRY(int_sub(t, kZero, step));
  Value span = TRY(int_sub(t, high, low));
  span = TRY(int_sub(t, span, kOne));
  span = TRY(int_floordiv(t, span, size));
  return int_add(t, span, kOne);
}

Result<Value> item_at(Thread& t, RangeObject* r, Value index) {
  int64_t start, step, length;
  if (index.is_int() && range_in_words(r, &start, &step, &length)) {
    int64_t product, sum;
    if (!__builtin_mul_overflow(index.as_int(), step, &product) &&
        !__builtin_add_overflow(product, start, &sum))
      return make_int(t, sum);
  }
  Value product = TRY(int_mul(t, index, r->step));
  return int_add(t, product, r->start);
}

RangeObject* new_range(Thread& t, Value start, Value stop, Value step, Value length) {
  auto* r = t.heap().make<RangeObject>(t, t.types().range);
  r->start = start;
  r->stop = stop;
  r->step = step;
  r->length = length;
  return r;
}
}  // namespace

Result<Value> make_range(Thread& t, Value start, Value stop, Value step) {
  if (int_compare(step, kZero) == 0) return t.raise(Exc::ValueError, "range() arg 3 must not be zero");
  Value length = TRY(range_length(t, start, stop, step));
  return new_range(t, start, stop, step, length);
}

static void trace_range(Object* self, Tracer& tracer) {
  auto* r = static_cast<RangeObject*>(self);
  tracer.visit(r->start);
  tracer.visit(r->stop);
  tracer.visit(r->step);
  tracer.visit(r->length);
}

static Result<Value> range_new(Thread& t, Value, const CallArgs& args) {
  if (!args.keyword_names.is_empty() && args.keyword_names.as<TupleObject>()->size != 0)
    return t.raise(Exc::TypeError, "range() takes no keyword arguments");
  if (args.count == 0) return t.raise(Exc::TypeError, "range expected at least 1 argument, got 0");
  if (args.count > 3)
    return t.raise(Exc::TypeError, "range expected at most 3 arguments, got {}", args.count);
  Value v[3];
  for (size_t i = 0; i < args.count; ++i) {
    v[i] = args.values[i];
    if (v[i].is_int()) continue;
    Value index = TRY(to_index(t, v[i]));
    v[i] = int_plain(t, index);
  }
  if (args.count == 1) return make_range(t, kZero, v[0], kOne);
  return make_range(t, v[0], v[1], args.count == 3 ? v[2] : kOne);
}

static Result<Value> range_repr(Thread& t, Value self) {
  auto* r = self.as<RangeObject>();
  std::string text = "range(" + int_to_text(r->start, 10) + ", " + int_to_text(r->stop, 10);
  if (r->step.get() != kOne) text += ", " + int_to_text(r->step, 10);
  return make_str(t, text + ")");
}

static Result<int64_t> range_size(Thread& t, Value self) {
  Value n = self.as<RangeObject>()->length.get();
  int64_t i;
  if (!int_to_int64(n, &i))
    return t.raise(Exc::OverflowError, "Python int too large to convert to C ssize_t");
  return i;
}
static Result<bool> range_bool(Thread&, Value self) { return self.as<RangeObject>()->length.get() != kZero; }

static Result<Value> range_slice(Thread& t, RangeObject* r, SliceObject* slice) {
  Value indices = TRY(call_method(t, slice, intern(t, "indices"), {r->length}));
  auto* triple = indices.as<TupleObject>();
  Value step = TRY(int_mul(t, (*triple)[2], r->step));
  Value start = TRY(item_at(t, r, (*triple)[0]));
  Value stop = TRY(item_at(t, r, (*triple)[1]));
  return make_range(t, start, stop, step);
}

static Result<Value> range_get_item(Thread& t, Value self, Value key) {
  auto* r = self.as<RangeObject>();
  if (is_kind(key, Kind::Slice)) return range_slice(t, r, key.as<SliceObject>());
  if (!key.is_int()) {
    if (!key.is_bool() && type_of(t, key)->slots.index == nullptr)
      return t.raise(Exc::TypeError, "range indices must be integers or slices, not {}", type_name(t, key));
    Value index = TRY(to_index(t, key));
    key = int_plain(t, index);
  }
  if (int_compare(key, kZero) < 0) key = TRY(int_add(t, key, r->length));
  if (int_compare(key, kZero) < 0 || int_compare(key, r->length) >= 0)
    return t.raise(Exc::IndexError, "range object index out of range");
  return item_at(t, r, key);
}

// Position of an int in the range, or kNotFound.
static Result<Value> find_int(Thread& t, RangeObject* r, Value v) {
  v = int_plain(t, v);
  int64_t start, step, length;
  if (v.is_int() && range_in_words(r, &start, &step, &length)) {
    int64_t offset;
    if (length == 0 || __builtin_sub_overflow(v.as_int(), start, &offset) || offset % step != 0)
      return kNotFound;
    int64_t index = offset / step;
    return index >= 0 && index < length ? Value::from_int(index) : kNotFound;
  }
  bool up = int_compare(r->step, kZero) > 0;
  if (up ? int_compare(v, r->start) < 0 || int_compare(v, r->stop) >= 0
         : int_compare(v, r->start) > 0 || int_compare(v, r->stop) <= 0)
    return kNotFound;
  Value offset = TRY(int_sub(t, v, r->start));
  Value rest = TRY(int_mod(t, offset, r->step));
  if (int_compare(rest, kZero) != 0) return kNotFound;
  return int_floordiv(t, offset, r->step);
}

static bool is_plain_int(Thread& t, Value v) {
  return v.is_int() || v.is_bool() || is_exact(v, t.types().int_);
}

static Result<bool> range_contains(Thread& t, Value self, Value item) {
  if (is_plain_int(t, item)) {
    Value found = TRY(find_int(t, self.as<RangeObject>(), item));
    return !found.is_not_found();
  }
  Value iterator = TRY(get_iter(t, self));
  for (;;) {
    Value own = TRY(iter_next(t, iterator));
    if (own.is_no_more()) return false;
    bool same = TRY(equals(t, own, item));
    if (same) return true;
    TRY(t.poll_within());
  }
}

static Result<Value> range_index(Thread& t, const Value* args) {
  auto* r = args[0].as<RangeObject>();
  if (is_plain_int(t, args[1])) {
    Value found = TRY(find_int(t, r, args[1]));
    if (!found.is_not_found()) return found;
    return t.raise(Exc::ValueError, "{} is not in range", repr_text(t, args[1]));
  }
  Value iterator = TRY(get_iter(t, args[0]));
  for (int64_t i = 0;; ++i) {
    Value own = TRY(iter_next(t, iterator));
    if (own.is_no_more()) break;
    bool same = TRY(equals(t, own, args[1]));
    if (same) return make_int(t, i);
    TRY(t.poll_within());
  }
  return t.raise(Exc::ValueError, "sequence.index(x): x not in sequence");
}

static Result<Value> range_count(Thread& t, const Value* args) {
  if (is_plain_int(t, args[1])) {
    Value found = TRY(find_int(t, args[0].as<RangeObject>(), args[1]));
    return found.is_not_found() ? kZero : kOne;
  }
  int64_t n = 0;
  TRY(for_each(t, args[0], [&](Value own) -> Status {
    bool same = TRY(equals(t, own, args[1]));
    if (same) ++n;
    return t.poll_within();
  }));
  return make_int(t, n);
}

static bool same_range(RangeObject* a, RangeObject* b) {
  if (a == b) return true;
  if (int_compare(a->length, b->length) != 0) return false;
  if (a->length.get() == kZero) return true;
  if (int_compare(a->start, b->start) != 0) return false;
  if (a->length.get() == kOne) return true;
  return int_compare(a->step, b->step) == 0;
}

static Result<Value> range_compare(Thread&, Value left, Value right, CompareOp op) {
  if (!is_kind(left, Kind::Range) || !is_kind(right, Kind::Range) ||
      (op != CompareOp::Eq && op != CompareOp::Ne))
    return kNotImplemented;
  return bool_value(same_range(left.as<RangeObject>(), right.as<RangeObject>()) == (op == CompareOp::Eq));
}

static Result<int64_t> range_hash(Thread& t, Value self) {
  auto* r = self.as<RangeObject>();
  bool none = r->length.get() == kZero;
  Value key = make_tuple(
      t, {r->length, none ? kNone : r->start.get(), none || r->length.get() == kOne ? kNone : r->step.get()});
  return hash(t, key);
}

// ---------------------------------------------------------------- iterators
static void trace_big(Object* self, Tracer& tracer) {
  auto* it = static_cast<BigRangeIterator*>(self);
  tracer.visit(it->start);
  tracer.visit(it->step);
  tracer.visit(it->length);
  tracer.visit(it->index);
}

static Result<Value> big_next(Thread& t, Value self) {
  auto* it = self.as<BigRangeIterator>();
  Value index = it->index.get();
  if (int_compare(index, it->length) >= 0) return kNoMore;
  Value next = TRY(int_add(t, index, kOne));
  it->index = next;
  Value product = TRY(int_mul(t, index, it->step));
  return int_add(t, it->start, product);
}
static Result<Value> big_length_hint(Thread& t, const Value* args) {
  auto* it = args[0].as<BigRangeIterator>();
  return int_sub(t, it->length, it->index);
}
static Result<Value> big_reduce(Thread& t, const Value* args) {
  auto* it = args[0].as<BigRangeIterator>();
  Value iter = TRY(builtin_function(t, "iter"));
  Value span = TRY(int_mul(t, it->length, it->step));
  Value stop = TRY(int_add(t, it->start, span));
  Value range = TRY(make_range(t, it->start, stop, it->step));
  return make_tuple(t, {iter, Value(make_tuple(t, {range})), it->index});
}
static Result<Value> big_setstate(Thread& t, const Value* args) {
  auto* it = args[0].as<BigRangeIterator>();
  Value index = TRY(to_index(t, args[1]));
  if (int_compare(index, kZero) < 0) index = kZero;
  if (int_compare(index, it->length) > 0) index = it->length;
  it->index = index;
  return kNone;
}
static const NativeDef kBigIteratorMethods[] = {
    MP_METHOD(big_length_hint, "__length_hint__(self, /)",
              "Private method returning an estimate of len(list(it))."),
    MP_METHOD(big_reduce, "__reduce__(self, /)", "Return state information for pickling."),
    MP_METHOD(big_setstate, "__setstate__(self, state, /)", "Set state information for unpickling."), MP_END};
static const TypeSpec kLongRangeIteratorSpec = {.name = "longrange_iterator",
                                                .size = sizeof(BigRangeIterator),
                                                .flags = kTypeDisallowNew,
                                                .trace = trace_big,
                                                .slots = MP_SLOTS(.iter = iterator_self, .next = big_next),
                                                .methods = kBigIteratorMethods};

static Value new_big_iterator(Thread& t, Value start, Value step, Value length) {
  auto* it = t.heap().make<BigRangeIterator>(t, native_type(t, kLongRangeIteratorSpec));
  it->start = start;
  it->step = step;
  it->length = length;
  it->index = kZero;
  return it;
}

static Value new_iterator(Thread& t, int64_t start, int64_t step, int64_t length) {
  auto* it = t.heap().make<RangeIterator>(t, t.types().range_iterator);
  it->end = static_cast<int64_t>(static_cast<uint64_t>(start) +
                                 static_cast<uint64_t>(length) * static_cast<uint64_t>(step));
  it->step = step;
  it->remaining.store(length, std::memory_order_relaxed);
  return it;
}

static Result<Value> range_iter(Thread& t, Value self) {
  auto* r = self.as<RangeObject>();
  int64_t start, step, length;
  if (range_in_words(r, &start, &step, &length)) return new_iterator(t, start, step, length);
  return new_big_iterator(t, r->start, r->step, r->length);
}

static Result<Value> range_reversed(Thread& t, const Value* args) {
  auto* r = args[0].as<RangeObject>();
  int64_t start, step, length;
  if (range_in_words(r, &start, &step, &length))
    return new_iterator(t, start + (length - 1) * step, -step, length);
  Value last = TRY(int_sub(t, r->length, kOne));
  last = TRY(item_at(t, r, last));
  Value back = TRY(int_sub(t, kZero, r->step));
  return new_big_iterator(t, last, back, r->length);
}

static Result<Value> range_iterator_next(Thread& t, Value self) {
  auto* it = self.as<RangeIterator>();
  int64_t rest = it->remaining.load(std::memory_order_relaxed);
  if (rest <= 0) return kNoMore;
  it->remaining.store(rest - 1, std::memory_order_relaxed);
  return make_int(t, it->value(rest));
}
static Result<Value> range_iterator_length_hint(Thread& t, const Value* args) {
  return make_int(t, args[0].as<RangeIterator>()->remaining.load(std::memory_order_relaxed));
}
static Result<Value> range_iterator_reduce(Thread& t, const Value* args) {
  auto* it = args[0].as<RangeIterator>();
  Value iter = TRY(builtin_function(t, "iter"));
  int64_t next = it->value(it->remaining.load());
  Value range = TRY(make_range(t, make_int(t, next), make_int(t, it->end), make_int(t, it->step)));
  return make_tuple(t, {iter, Value(make_tuple(t, {range})), kNone});
}
static Result<Value> range_iterator_setstate(Thread& t, const Value* args) {
  auto* it = args[0].as<RangeIterator>();
  if (args[1].is_none()) return kNone;
  int64_t n = TRY(to_int64(t, args[1]));
  int64_t rest = it->remaining.load();
  n = n < 0 ? 0 : n > rest ? rest : n;
  it->remaining.store(rest - n);
  return kNone;
}
static Result<Value> range_reduce(Thread& t, const Value* args) {
  auto* r = args[0].as<RangeObject>();
  return make_tuple(t, {Value(t.types().range), Value(make_tuple(t, {r->start, r->stop, r->step}))});
}

static const MemberDef kRangeMembers[] = {{"start", offsetof(RangeObject, start), true, nullptr},
                                          {"stop", offsetof(RangeObject, stop), true, nullptr},
                                          {"step", offsetof(RangeObject, step), true, nullptr},
                                          {}};
static const NativeDef kRangeMethods[] = {
    MP_RAW_NEW(range_new, "__new__(cls, *args)", nullptr),
    MP_METHOD(range_reversed, "__reversed__(self, /)", "Return a reverse iterator."),
    MP_METHOD(range_reduce, "__reduce__(self, /)", nullptr),
    MP_METHOD(range_count, "count(self, value, /)",
              "rangeobject.count(value) -> integer -- return number of occurrences of value"),
    MP_METHOD(range_index, "index(self, value, /)",
              "rangeobject.index(value) -> integer -- return index of value.\nRaise ValueError if the value "
              "is not present."),
    MP_END};

extern const TypeSpec kRangeSpec;
const TypeSpec kRangeSpec = {
    .name = "range",
    .kind = Kind::Range,
    .size = sizeof(RangeObject),
    .flags = kTypeSequence,
    .doc =
        "range(stop) -> range object\nrange(start, stop[, step]) -> range "
        "object\n\nReturn an object that produces a sequence "
        "of integers from start (inclusive)\nto stop (exclusive) by step.  range(i, "
        "j) produces i, i+1, i+2, ..., j-1.\nstart "
        "defaults to 0, and stop is omitted!  range(4) produces 0, 1, 2, 3.\nThese "
        "are exactly the valid indices for a list of 4 "
        "elements.\nWhen step is given, it specifies the increment (or decrement).",
    .trace = trace_range,
    .slots = MP_SLOTS(.repr = range_repr, .hash = range_hash, .compare = range_compare, .iter = range_iter,
                      .bool_ = range_bool, .length = range_size, .get_item = range_get_item,
                      .contains = range_contains),
    .methods = kRangeMethods,
    .members = kRangeMembers};

static const NativeDef kRangeIteratorMethods[] = {
    MP_METHOD(range_iterator_length_hint, "__length_hint__(self, /)",
              "Private method returning an estimate of len(list(it))."),
    MP_METHOD(range_iterator_reduce, "__reduce__(self, /)", "Return state information for pickling."),
    MP_METHOD(range_iterator_setstate, "__setstate__(self, state, /)",
              "Set state information for unpickling."),
    MP_END};
extern const TypeSpec kRangeIteratorSpec;
const TypeSpec kRangeIteratorSpec = {.name = "range_iterator",
                                     .size = sizeof(RangeIterator),
                                     .flags = kTypeDisallowNew,
                                     .slots = MP_SLOTS(.iter = iterator_self, .next = range_iterator_next),
                                     .methods = kRangeIteratorMethods};

}  // namespace mp

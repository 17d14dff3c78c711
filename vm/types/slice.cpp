// slice: indices, comparisons, hashing (3.12+).
#include "vm/native/native.h"
#include "vm/types/container_support.h"
#include "vm/types/type.h"

namespace mp {

SliceObject* make_slice(Thread& t, Value start, Value stop, Value step) {
  auto* slice = t.heap().make<SliceObject>(t, t.types().slice);
  slice->start = start;
  slice->stop = stop;
  slice->step = step;
  return slice;
}

// An int, or None, or something with __index__; saturated.
static Result<int64_t> slice_part(Thread& t, Value v) {
  if (!is_any_int(v) && type_of(t, v)->slots.index == nullptr)
    return t.raise(Exc::TypeError, "slice indices must be integers or None or have an __index__ method");
  return slice_argument(t, v);
}

Result<SliceRange> slice_indices(Thread& t, SliceObject* slice, int64_t length) {
  SliceRange r;
  Value step = slice->step.get(), start = slice->start.get(), stop = slice->stop.get();
  if (!step.is_none()) {
    r.step = TRY(slice_part(t, step));
    if (r.step == 0) return t.raise(Exc::ValueError, "slice step cannot be zero");
    // The step is negated below: INT64_MIN has no negative.
    if (r.step < -INT64_MAX) r.step = -INT64_MAX;
  }
  int64_t low = r.step < 0 ? -1 : 0, high = r.step < 0 ? length - 1 : length;
  auto clamp = [&](int64_t i) {
    if (i < 0) {
      i += length;
      return i < 0 ? low : i;
    }
    return i > high ? high : i;
  };
  r.start = start.is_none() ? (r.step < 0 ? high : low) : clamp(TRY(slice_part(t, start)));
  r.stop = stop.is_none() ? (r.step < 0 ? low : high) : clamp(TRY(slice_part(t, stop)));
  if (r.step < 0)
    r.count = r.stop < r.start ? (r.start - r.stop - 1) / -r.step + 1 : 0;
  else
    r.count = r.start < r.stop ? (r.stop - r.start - 1) / r.step + 1 : 0;
  if (r.count == 0 && r.step > 0 && r.stop < r.start) r.stop = r.start;
  return r;
}

static void trace_slice(Object* self, Tracer& tracer) {
  auto* slice = static_cast<SliceObject*>(self);
  tracer.visit(slice->start);
  tracer.visit(slice->stop);
  tracer.visit(slice->step);
}

static Result<Value> slice_new(Thread& t, Value, const CallArgs& args) {
  if (!args.keyword_names.is_empty() && args.keyword_names.as<TupleObject>()->size != 0)
    return t.raise(Exc::TypeError, "slice() takes no keyword arguments");
  if (args.count == 0) return t.raise(Exc::TypeError, "slice expected at least 1 argument, got 0");
  if (args.count > 3)
    return t.raise(Exc::TypeError, "slice expected at most 3 arguments, got {}", args.count);
  if (args.count == 1) return make_slice(t, kNone, args.values[0], kNone);
  return make_slice(t, args.values[0], args.values[1], args.count == 3 ? args.values[2] : kNone);
}

static TupleObject* slice_tuple(Thread& t, Value v) {
  auto* s = v.as<SliceObject>();
  return make_tuple(t, {s->start, s->stop, s->step});
}

static Result<Value> slice_repr(Thread& t, Value self) {
  auto* s = self.as<SliceObject>();
  StrBuilder out(t);
  out.append(std::string_view("slice("));
  Value parts[3] = {s->start, s->stop, s->step};
  for (int i = 0; i < 3; ++i) {
    if (i != 0) out.append(std::string_view(", "));
    Value text = TRY(repr(t, parts[i]));
    out.append(text.as<StrObject>());
  }
  out.append(U')');
  return out.finish();
}

static Result<int64_t> slice_hash(Thread& t, Value self) {
  auto* s = self.as<SliceObject>();
  Value parts[3] = {s->start, s->stop, s->step};
  uint64_t acc = 2870177450012600261u;
  for (Value part : parts) {
    int64_t lane = TRY(hash_key(t, part));
    acc += static_cast<uint64_t>(lane) * 14029467366897019727u;
    acc = std::rotl(acc, 31);
    acc *= 11400714785074694791u;
  }
  return acc == static_cast<uint64_t>(-1) ? int64_t{1546275796} : static_cast<int64_t>(acc);
}

static Result<Value> slice_compare(Thread& t, Value left, Value right, CompareOp op) {
  if (!is_kind(left, Kind::Slice) || !is_kind(right, Kind::Slice)) return kNotImplemented;
  if (left == right) return bool_value(op == CompareOp::Eq || op == CompareOp::Le || op == CompareOp::Ge);
  return compare(t, slice_tuple(t, left), slice_tuple(t, right), op);
}

// slice.indices works on ints of any size, as CPython's does.
static Result<Value> slice_indices_method(Thread& t, const Value* args) {
  auto* s = args[0].as<SliceObject>();
  Value size = TRY(to_index(t, args[1]));
  const Value zero = Value::from_int(0), one = Value::from_int(1), minus_one = Value::from_int(-1);
  if (int_compare(size, zero) < 0) return t.raise(Exc::ValueError, "length should not be negative");
  auto index = [&](Value v) -> Result<Value> {
    if (!is_any_int(v) && type_of(t, v)->slots.index == nullptr)
      return t.raise(Exc::TypeError, "slice indices must be integers or None or have an __index__ method");
    return to_index(t, v);
  };
  Value step = s->step.get().is_none() ? one : TRY(index(s->step));
  int direction = int_compare(step, zero);
  if (direction == 0) return t.raise(Exc::ValueError, "slice step cannot be zero");
  Value low = direction < 0 ? minus_one : zero;
  Value high = direction < 0 ? TRY(int_add(t, size, minus_one)) : size;
  auto clamp = [&](Value v) -> Result<Value> {
    Value i = TRY(index(v));
    if (int_compare(i, zero) < 0) {
      i = TRY(int_add(t, i, size));
      return int_compare(i, low) < 0 ? low : i;
    }
    return int_compare(i, high) > 0 ? high : i;
  };
  Value start = s->start.get().is_none() ? (direction < 0 ? high : low) : TRY(clamp(s->start));
  Value stop = s->stop.get().is_none() ? (direction < 0 ? low : high) : TRY(clamp(s->stop));
  return make_tuple(t, {start, stop, step});
}

static Result<Value> slice_reduce(Thread& t, const Value* args) {
  return make_tuple(t, {Value(t.types().slice), Value(slice_tuple(t, args[0]))});
}

static const MemberDef kSliceMembers[] = {{"start", offsetof(SliceObject, start), true, nullptr},
                                          {"stop", offsetof(SliceObject, stop), true, nullptr},
                                          {"step", offsetof(SliceObject, step), true, nullptr},
                                          {}};
static const NativeDef kSliceMethods[] = {
    MP_RAW_NEW(slice_new, "__new__(cls, *args)", nullptr),
    MP_METHOD(slice_indices_method, "indices(self, len, /)",
              "S.indices(len) -> (start, stop, stride)\n\nAssuming a sequence of length len, calculate the "
              "start and stop\nindices, "
              "and the stride length of the extended slice described by\nS. Out of bounds indices are "
              "clipped in a manner "
              "consistent with the\nhandling of normal slices."),
    MP_METHOD(slice_reduce, "__reduce__(self, /)", "Return state information for pickling."), MP_END};

extern const TypeSpec kSliceSpec;
const TypeSpec kSliceSpec = {
    .name = "slice",
    .kind = Kind::Slice,
    .size = sizeof(SliceObject),
    .doc =
        "slice(stop)\nslice(start, stop[, step])\n\nCreate a slice object.  This is used for extended "
        "slicing (e.g. a[0:10:2]).",
    .trace = trace_slice,
    .slots = MP_SLOTS(.repr = slice_repr, .hash = slice_hash, .compare = slice_compare),
    .methods = kSliceMethods,
    .members = kSliceMembers};

}  // namespace mp

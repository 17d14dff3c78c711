// tuple and its iterator.
#include "vm/native/native.h"
#include "vm/types/iterator_support.h"
#include "vm/types/list_support.h"
#include "vm/types/type.h"

namespace mp {

TupleObject* allocate_tuple_of(Thread& t, Type* type, size_t count) {
  auto* tuple = t.heap().make<TupleObject>(t, type, count * sizeof(Slot));
  tuple->size = count;
  tuple->hash.store(-1, std::memory_order_relaxed);
  return tuple;
}

Result<TupleObject*> new_tuple(Thread& t, size_t count) {
  if (count == 0) return empty_tuple(t);
  if (count > static_cast<size_t>(kMaxContainerItems)) return t.raise_memory_error();
  Type* type = t.types().tuple;
  auto* tuple = static_cast<TupleObject*>(
      t.heap().allocate_object(t, type, type->instance_size + count * sizeof(Slot)));
  if (tuple == nullptr) return t.raise_memory_error();
  tuple->size = count;
  tuple->hash.store(-1, std::memory_order_relaxed);
  return tuple;
}

TupleObject* allocate_tuple(Thread& t, size_t count) {
  if (count == 0) return empty_tuple(t);
  return allocate_tuple_of(t, t.types().tuple, count);
}

TupleObject* empty_tuple(Thread& t) {
  TupleObject*& shared = t.runtime().empty_tuple;
  if (shared == nullptr) shared = allocate_tuple_of(t, t.types().tuple, 0);
  return shared;
}

TupleObject* make_tuple(Thread& t, const Value* items, size_t count) {
  if (count == 0) return empty_tuple(t);
  TupleObject* tuple = allocate_tuple(t, count);
  copy_values(tuple->items(), items, count);
  return tuple;
}

TupleObject* make_tuple(Thread& t, std::initializer_list<Value> items) {
  return make_tuple(t, items.begin(), items.size());
}

static TupleObject* tuple_of_slots(Thread& t, const Slot* items, size_t count) {
  TupleObject* tuple = allocate_tuple(t, count);
  for (size_t i = 0; i < count; ++i) tuple->items()[i] = items[i].get();
  return tuple;
}

static void trace_tuple(Object* self, Tracer& tracer) {
  auto* tuple = static_cast<TupleObject*>(self);
  tracer.visit_slots(tuple->items(), tuple->size);
}

static Result<Value> tuple_new(Thread& t, Value self, const CallArgs& args) {
  auto* cls = self.as<Type>();
  TRY(refuse_keywords_of_new(t, cls, t.types().tuple, args, "tuple"));
  if (args.count > 1) return t.raise(Exc::TypeError, "tuple expected at most 1 argument, got {}", args.count);
  if (cls == t.types().tuple) {
    if (args.count == 0) return empty_tuple(t);
    return to_tuple(t, args.values[0]);
  }
  TupleObject* items = empty_tuple(t);
  if (args.count == 1) {
    Value plain = TRY(to_tuple(t, args.values[0]));
    items = plain.as<TupleObject>();
  }
  TupleObject* tuple = allocate_tuple_of(t, cls, items->size);
  for (size_t i = 0; i < items->size; ++i) tuple->items()[i] = items->items()[i].get();
  return tuple;
}

static Result<Value> tuple_repr(Thread& t, Value self) {
  auto* tuple = self.as<TupleObject>();
  if (tuple->size == 0) return make_str(t, "()");
  ReprGuard guard(t, self);
  if (guard.recursive()) return make_str(t, "(...)");
  StrBuilder out(t);
  out.append(U'(');
  for (size_t i = 0; i < tuple->size; ++i) {
    if (i != 0) out.append(std::string_view(", "));
    Value text = TRY(repr(t, (*tuple)[i]));
    out.append(text.as<StrObject>());
  }
  out.append(tuple->size == 1 ? std::string_view(",)") : std::string_view(")"));
  return out.finish();
}

static Result<int64_t> tuple_hash(Thread& t, Value self) {
  auto* tuple = self.as<TupleObject>();
  int64_t cached = tuple->hash.load(std::memory_order_relaxed);
  if (cached != -1) return cached;
  TRY(t.check_stack());
  TupleHash hash;
  for (size_t i = 0; i < tuple->size; ++i) hash.add(TRY(hash_key(t, (*tuple)[i])));
  int64_t result = hash.finish(tuple->size);
  tuple->hash.store(result, std::memory_order_relaxed);
  return result;
}

Result<Value> compare_sequences(Thread& t, CompareOp op, size_t left_count, size_t right_count, bool differ,
                                Value left, Value right) {
  if (!differ) {
    switch (op) {
      case CompareOp::Lt: return bool_value(left_count < right_count);
      case CompareOp::Le: return bool_value(left_count <= right_count);
      case CompareOp::Eq: return bool_value(left_count == right_count);
      case CompareOp::Ne: return bool_value(left_count != right_count);
      case CompareOp::Gt: return bool_value(left_count > right_count);
      case CompareOp::Ge: return bool_value(left_count >= right_count);
    }
  }
  if (op == CompareOp::Eq) return kFalse;
  if (op == CompareOp::Ne) return kTrue;
  return compare(t, left, right, op);
}

static Result<Value> tuple_compare(Thread& t, Value left, Value right, CompareOp op) {
  if (!is_tuple(left) || !is_tuple(right)) return kNotImplemented;
  auto* a = left.as<TupleObject>();
  auto* b = right.as<TupleObject>();
  size_t common = a->size < b->size ? a->size : b->size;
  for (size_t i = 0; i < common; ++i) {
    bool same = TRY(equals_fast(t, (*a)[i], (*b)[i]));
    if (!same) return compare_sequences(t, op, a->size, b->size, true, (*a)[i], (*b)[i]);
  }
  return compare_sequences(t, op, a->size, b->size, false, {}, {});
}

static Result<int64_t> tuple_length(Thread&, Value self) {
  return static_cast<int64_t>(self.as<TupleObject>()->size);
}

static Result<Value> tuple_get_item(Thread& t, Value self, Value key) {
  auto* tuple = self.as<TupleObject>();
  auto size = static_cast<int64_t>(tuple->size);
  int64_t i;
  if (key.is_int()) {
    i = key.as_int();
  } else if (is_kind(key, Kind::Slice)) {
    SliceRange r = TRY(slice_indices(t, key.as<SliceObject>(), size));
    if (r.count == 0) return empty_tuple(t);
    if (r.step == 1 && r.count == size && tuple->type() == t.types().tuple) return self;
    TupleObject* part = TRY(new_tuple(t, static_cast<size_t>(r.count)));
    for (int64_t n = 0, at = r.start; n < r.count; ++n, at += r.step)
      part->items()[n] = tuple->items()[at].get();
    return part;
  } else if (key.is_bool() || type_of(t, key)->slots.index != nullptr) {
    i = TRY(to_ssize(t, key, Exc::IndexError));
  } else {
    return t.raise(Exc::TypeError, "tuple indices must be integers or slices, not {}", type_name(t, key));
  }
  if (i < 0) i += size;
  if (i < 0 || i >= size) return t.raise(Exc::IndexError, "tuple index out of range");
  return tuple->items()[i].get();
}

static Result<bool> tuple_contains(Thread& t, Value self, Value item) {
  auto* tuple = self.as<TupleObject>();
  for (size_t i = 0; i < tuple->size; ++i) {
    bool same = TRY(equals_fast(t, (*tuple)[i], item));
    if (same) return true;
  }
  return false;
}

static Result<Value> tuple_concat(Thread& t, Value left, Value right) {
  if (!is_tuple(right))
    return t.raise(Exc::TypeError, "can only concatenate tuple (not \"{}\") to tuple", type_name(t, right));
  auto* a = left.as<TupleObject>();
  auto* b = right.as<TupleObject>();
  if (a->size == 0 && b->type() == t.types().tuple) return right;
  if (b->size == 0 && a->type() == t.types().tuple) return left;
  if (a->size + b->size == 0) return empty_tuple(t);
  TupleObject* sum = TRY(new_tuple(t, a->size + b->size));
  copy_slots(sum->items(), a->items(), a->size);
  copy_slots(sum->items() + a->size, b->items(), b->size);
  return sum;
}

static Result<Value> tuple_repeat(Thread& t, Value self, Value count) {
  auto* tuple = self.as<TupleObject>();
  if (!is_any_int(count) && type_of(t, count)->slots.index == nullptr)
    return t.raise(Exc::TypeError, "can't multiply sequence by non-int of type '{}'", type_name(t, count));
  int64_t n = TRY(to_ssize(t, count));
  if (n < 0) n = 0;
  if (tuple->size == 0 || n == 1) {
    if (tuple->type() == t.types().tuple) return self;
    if (tuple->size == 0) return empty_tuple(t);
  }
  if (n == 0) return empty_tuple(t);
  if (n > kMaxContainerItems / static_cast<int64_t>(tuple->size)) return t.raise_memory_error();
  TupleObject* product = TRY(new_tuple(t, tuple->size * static_cast<size_t>(n)));
  Slot* to = product->items();
  for (int64_t i = 0; i < n; ++i, to += tuple->size) copy_slots(to, tuple->items(), tuple->size);
  return product;
}

static Result<Value> tuple_iter(Thread& t, Value self) {
  auto* it = t.heap().make<TupleIterator>(t, t.types().tuple_iterator);
  it->tuple = self;
  return it;
}

static Result<Value> tuple_count(Thread& t, const Value* args) {
  auto* tuple = args[0].as<TupleObject>();
  int64_t n = 0;
  for (size_t i = 0; i < tuple->size; ++i) {
    bool same = TRY(equals_fast(t, (*tuple)[i], args[1]));
    if (same) ++n;
  }
  return Value::from_int(n);
}

static Result<Value> tuple_index(Thread& t, const Value* args) {
  auto* tuple = args[0].as<TupleObject>();
  auto size = static_cast<int64_t>(tuple->size);
  int64_t start = clamp_start(TRY(slice_argument(t, args[2])), size);
  int64_t stop = clamp_start(TRY(slice_argument(t, args[3])), size);
  if (stop > size) stop = size;
  for (int64_t i = start; i < stop; ++i) {
    bool same = TRY(equals_fast(t, tuple->items()[i], args[1]));
    if (same) return Value::from_int(i);
  }
  return t.raise(Exc::ValueError, "tuple.index(x): x not in tuple");
}

static Result<Value> tuple_getnewargs(Thread& t, const Value* args) {
  auto* tuple = args[0].as<TupleObject>();
  return make_tuple(t, {Value(tuple_of_slots(t, tuple->items(), tuple->size))});
}

static const NativeDef kTupleMethods[] = {
    MP_RAW_NEW(tuple_new, "__new__(cls, iterable=?, /)", nullptr),
    MP_METHOD(tuple_getnewargs, "__getnewargs__(self, /)", nullptr),
    MP_METHOD(tuple_index, "index(self, value, start=0, stop=9223372036854775807, /)",
              "Return first index of value.\n\nRaises ValueError if the value is not present."),
    MP_METHOD(tuple_count, "count(self, value, /)", "Return number of occurrences of value."),
    MP_CLASS_GETITEM,
    MP_END};

extern const TypeSpec kTupleSpec;
const TypeSpec kTupleSpec = {
    .name = "tuple",
    .kind = Kind::Tuple,
    .size = sizeof(TupleObject),
    .flags = kTypeBaseType | kTypeTupleSubclass | kTypeVariableSize | kTypeSequence | kTypeMatchSelf,
    .doc =
        "Built-in immutable sequence.\n\nIf no argument is given, the constructor returns an empty "
        "tuple.\nIf iterable is "
        "specified the tuple is initialized from iterable's items.\n\nIf the argument is a tuple, the return "
        "value is the "
        "same object.",
    .trace = trace_tuple,
    .slots = MP_SLOTS(.repr = tuple_repr, .hash = tuple_hash, .compare = tuple_compare, .iter = tuple_iter,
                      .length = tuple_length, .get_item = tuple_get_item, .contains = tuple_contains,
                      .concat = tuple_concat, .repeat = tuple_repeat),
    .methods = kTupleMethods};

// ---------------------------------------------------------------- iterator
static void trace_tuple_iterator(Object* self, Tracer& tracer) {
  tracer.visit(static_cast<TupleIterator*>(self)->tuple);
}

static Result<Value> tuple_iterator_next(Thread&, Value self) {
  auto* it = self.as<TupleIterator>();
  Value tuple = it->tuple.get();
  if (tuple.is_empty()) return kNoMore;
  uint64_t i = it->index.load(std::memory_order_relaxed);
  if (i < tuple.as<TupleObject>()->size) {
    it->index.store(i + 1, std::memory_order_relaxed);
    return (*tuple.as<TupleObject>())[i];
  }
  it->tuple = kEmpty;
  return kNoMore;
}

static Result<Value> tuple_iterator_length_hint(Thread&, const Value* args) {
  auto* it = args[0].as<TupleIterator>();
  Value tuple = it->tuple.get();
  if (tuple.is_empty()) return Value::from_int(0);
  return Value::from_int(static_cast<int64_t>(tuple.as<TupleObject>()->size - it->index.load()));
}

static Result<Value> tuple_iterator_reduce(Thread& t, const Value* args) {
  auto* it = args[0].as<TupleIterator>();
  Value iter = TRY(builtin_function(t, "iter"));
  Value tuple = it->tuple.get();
  if (tuple.is_empty()) return make_tuple(t, {iter, Value(make_tuple(t, {Value(empty_tuple(t))}))});
  return make_tuple(
      t, {iter, Value(make_tuple(t, {tuple})), Value::from_int(static_cast<int64_t>(it->index.load()))});
}

static Result<Value> tuple_iterator_setstate(Thread& t, const Value* args) {
  auto* it = args[0].as<TupleIterator>();
  int64_t index = TRY(to_ssize(t, args[1]));
  Value tuple = it->tuple.get();
  if (!tuple.is_empty()) {
    auto size = static_cast<int64_t>(tuple.as<TupleObject>()->size);
    it->index.store(static_cast<uint64_t>(index < 0 ? 0 : index > size ? size : index));
  }
  return kNone;
}

static const NativeDef kTupleIteratorMethods[] = {
    MP_METHOD(tuple_iterator_length_hint, "__length_hint__(self, /)",
              "Private method returning an estimate of len(list(it))."),
    MP_METHOD(tuple_iterator_reduce, "__reduce__(self, /)", "Return state information for pickling."),
    MP_METHOD(tuple_iterator_setstate, "__setstate__(self, state, /)",
              "Set state information for unpickling."),
    MP_END};

extern const TypeSpec kTupleIteratorSpec;
const TypeSpec kTupleIteratorSpec = {.name = "tuple_iterator",
                                     .size = sizeof(TupleIterator),
                                     .flags = kTypeDisallowNew,
                                     .trace = trace_tuple_iterator,
                                     .slots = MP_SLOTS(.iter = iterator_self, .next = tuple_iterator_next),
                                     .methods = kTupleIteratorMethods};

}  // namespace mp

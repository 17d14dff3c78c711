// itertools: groupby and tee: several iterators over one source.
#include "stdlib/native/itertools_support.h"

namespace mp {

// ---------------------------------------------------------------- groupby
namespace {
struct GroupBy : Object {
  Slot iterator, key_function, target_key, current_key, current_value, current_grouper;
};
struct Grouper : Object {
  Slot parent, key;
};
}  // namespace
extern const TypeSpec kGrouperSpec;
static void trace_groupby(Object* self, Tracer& tracer) {
  auto* it = static_cast<GroupBy*>(self);
  tracer.visit(it->iterator);
  tracer.visit(it->key_function);
  tracer.visit(it->target_key);
  tracer.visit(it->current_key);
  tracer.visit(it->current_value);
  tracer.visit(it->current_grouper);
}
static void trace_grouper(Object* self, Tracer& tracer) {
  tracer.visit(static_cast<Grouper*>(self)->parent);
  tracer.visit(static_cast<Grouper*>(self)->key);
}
static Result<Value> groupby_new(Thread& t, const Value* args) {
  Value iterator = TRY(get_iter(t, args[1]));
  auto* it = t.heap().make<GroupBy>(t, args[0].as<Type>());
  it->iterator = iterator;
  it->key_function = args[2];
  return it;
}
static Result<bool> groupby_step(Thread& t, GroupBy* it) {
  Value item = TRY(next_of(t, it->iterator));
  if (item.is_no_more()) return false;
  Value key = item;
  if (!it->key_function.get().is_none()) key = TRY(call(t, it->key_function, CallArgs{&item, 1, {}}));
  it->current_value = item;
  it->current_key = key;
  return true;
}
static Result<Value> groupby_next(Thread& t, Value self) {
  auto* it = self.as<GroupBy>();
  it->current_grouper = kEmpty;
  Value key;
  for (;;) {
    key = it->current_key.get();
    Value target = it->target_key.get();
    if (!key.is_empty()) {
      if (target.is_empty()) break;
      bool same = TRY(equals_fast(t, target, key));
      if (!same) break;
    }
    bool more = TRY(groupby_step(t, it));
    if (!more) return kNoMore;
    TRY(t.poll_within());
  }
  it->target_key = key;
  auto* grouper = t.heap().make<Grouper>(t, native_type(t, kGrouperSpec));
  grouper->parent = self;
  grouper->key = key;
  it->current_grouper = Value(grouper);
  return make_tuple(t, {key, Value(grouper)});
}
static Result<Value> grouper_next(Thread& t, Value self) {
  auto* grouper = self.as<Grouper>();
  auto* it = grouper->parent.get().as<GroupBy>();
  for (;;) {
    if (it->current_grouper.get() != self) return kNoMore;
    Value item = it->current_value.get(), key = it->current_key.get();
    if (item.is_empty() || key.is_empty()) {
      bool more = TRY(groupby_step(t, it));
      if (!more) return kNoMore;
      continue;
    }
    bool same = TRY(equals_fast(t, grouper->key, key));
    if (!same) return kNoMore;
    // Another thread may have taken it meanwhile.
    if (!it->current_value.compare_exchange(item, kEmpty)) continue;
    it->current_key.compare_exchange(key, kEmpty);
    return item;
  }
}
static Result<Value> grouper_new(Thread& t, const Value* args) {
  auto* grouper = t.heap().make<Grouper>(t, args[0].as<Type>());
  extern const TypeSpec kGroupBySpec;
  if (!is_instance(t, args[1], native_type(t, kGroupBySpec)))
    return t.raise(Exc::TypeError, "_grouper() argument 1 must be itertools.groupby, not {}",
                   type_name(t, args[1]));
  grouper->parent = args[1];
  grouper->key = args[2];
  args[1].as<GroupBy>()->current_grouper = Value(grouper);
  return grouper;
}
static Result<Value> groupby_reduce(Thread& t, const Value* args) {
  auto* it = args[0].as<GroupBy>();
  Value anew = make_tuple(t, {it->iterator, it->key_function});
  Value value = it->current_value.get(), target = it->target_key.get(), key = it->current_key.get();
  if (value.is_empty() || target.is_empty() || key.is_empty())
    return make_tuple(t, {Value(it->type()), anew});
  return make_tuple(t, {Value(it->type()), anew, Value(make_tuple(t, {value, target, key}))});
}
static Result<Value> groupby_setstate(Thread& t, const Value* args) {
  auto* it = args[0].as<GroupBy>();
  if (!is_tuple(args[1]) || args[1].as<TupleObject>()->size != 3)
    return t.raise(Exc::TypeError, "state is not a 3-tuple");
  auto* state = args[1].as<TupleObject>();
  it->current_value = (*state)[0];
  it->target_key = (*state)[1];
  it->current_key = (*state)[2];
  return kNone;
}
static Result<Value> grouper_reduce(Thread& t, const Value* args) {
  auto* grouper = args[0].as<Grouper>();
  if (grouper->parent.get().as<GroupBy>()->current_grouper.get() != args[0])
    return make_tuple(t, {TRY(builtin_function(t, "iter")), Value(make_tuple(t, {Value(empty_tuple(t))}))});
  return make_tuple(t, {Value(grouper->type()), Value(make_tuple(t, {grouper->parent, grouper->key}))});
}
static const NativeDef kGroupByMethods[] = {MP_NEW(groupby_new, "__new__(cls, iterable, key=None)", nullptr),
                                            MP_REDUCE(groupby_reduce), MP_SETSTATE(groupby_setstate), MP_END};
MP_ITERTOOL(kGroupBySpec, "groupby", GroupBy, trace_groupby, groupby_next, kGroupByMethods,
            "make an iterator that returns consecutive keys and groups from the iterable\n\n  iterable\n    "
            "Elements to divide into "
            "groups according to the key function.\n  key\n    A function for computing the group category "
            "for each element.\n    If "
            "the key function is not specified or is None, the element itself\n    is used for grouping.");
static const NativeDef kGrouperMethods[] = {MP_NEW(grouper_new, "__new__(cls, parent, tgtkey, /)", nullptr),
                                            MP_REDUCE(grouper_reduce), MP_END};
MP_ITERTOOL(kGrouperSpec, "_grouper", Grouper, trace_grouper, grouper_next, kGrouperMethods, nullptr);

// ---------------------------------------------------------------- tee: a linked list of blocks, shared by
// the iterators
namespace {
constexpr uint32_t kTeeBlock = 57;
struct TeeData : Object {
  Slot iterator;
  Slot next;
  std::atomic<uint32_t> filled{0};
  std::atomic<bool> running{false};
  Slot values[kTeeBlock];
};
struct Tee : Object {
  Slot data;
  std::atomic<uint32_t> index{0};
};
}  // namespace
extern const TypeSpec kTeeSpec, kTeeDataSpec;
static void trace_tee_data(Object* self, Tracer& tracer) {
  auto* data = static_cast<TeeData*>(self);
  tracer.visit(data->iterator);
  tracer.visit(data->next);
  tracer.visit_slots(data->values, data->filled.load());
}
static void trace_tee(Object* self, Tracer& tracer) { tracer.visit(static_cast<Tee*>(self)->data); }

static Value new_tee_data(Thread& t, Value iterator) {
  auto* data = t.heap().make<TeeData>(t, native_type(t, kTeeDataSpec));
  data->iterator = iterator;
  return data;
}
static Value new_tee(Thread& t, Value data, uint32_t index) {
  auto* tee = t.heap().make<Tee>(t, native_type(t, kTeeSpec));
  tee->data = data;
  tee->index.store(index);
  return tee;
}
static Result<Value> tee_of(Thread& t, Value iterable) {
  Value iterator = TRY(get_iter(t, iterable));
  if (is_instance(t, iterator, native_type(t, kTeeSpec)))
    return new_tee(t, iterator.as<Tee>()->data, iterator.as<Tee>()->index.load());
  return new_tee(t, new_tee_data(t, iterator), 0);
}
static Result<Value> tee_next(Thread& t, Value self) {
  auto* tee = self.as<Tee>();
  auto* data = tee->data.get().as<TeeData>();
  uint32_t i = tee->index.load(std::memory_order_relaxed);
  if (i >= kTeeBlock) {
    Value next = data->next.get();
    if (next.is_empty()) {
      Value fresh = new_tee_data(t, data->iterator);
      if (!data->next.compare_exchange(kEmpty, fresh)) fresh = data->next.get();
      next = fresh;
    }
    data = next.as<TeeData>();
    tee->data = next;
    i = 0;
    tee->index.store(0, std::memory_order_relaxed);
  }
  if (i >= data->filled.load(std::memory_order_acquire)) {
    if (data->running.exchange(true)) return t.raise(Exc::RuntimeError, "cannot re-enter the tee iterator");
    for (uint32_t filled = data->filled.load(std::memory_order_relaxed); filled <= i; ++filled) {
      Result<Value> item = next_of(t, data->iterator);
      if (item.is_error() || item.value().is_no_more()) {
        data->running.store(false);
        return item;
      }
      data->values[filled] = item.value();
      data->filled.store(filled + 1, std::memory_order_release);
    }
    data->running.store(false);
  }
  tee->index.store(i + 1, std::memory_order_relaxed);
  return data->values[i];
}
static Result<Value> tee_new(Thread& t, const Value* args) { return tee_of(t, args[1]); }
static Result<Value> tee_copy(Thread& t, const Value* args) {
  return new_tee(t, args[0].as<Tee>()->data, args[0].as<Tee>()->index.load());
}
Result<Value> itertools_tee(Thread& t, const Value* args) {
  int64_t n = TRY(to_ssize(t, args[1]));
  if (n < 0) return t.raise(Exc::ValueError, "n must be >= 0");
  if (n == 0) return empty_tuple(t);
  Value iterator = TRY(get_iter(t, args[0]));
  Value copier = TRY(get_attr_or_not_found(t, iterator, t.names().__copy__));
  if (copier.is_not_found()) {
    iterator = TRY(tee_of(t, iterator));
    copier = TRY(get_attr(t, iterator, t.names().__copy__));
  }
  TupleObject* result = allocate_tuple(t, static_cast<size_t>(n));
  result->items()[0] = iterator;
  for (int64_t i = 1; i < n; ++i) {
    Value copy = TRY(call(t, copier));
    result->items()[i] = copy;
  }
  return result;
}
static Result<Value> tee_reduce(Thread& t, const Value* args) {
  auto* tee = args[0].as<Tee>();
  return make_tuple(t, {Value(tee->type()), Value(make_tuple(t, {Value(empty_tuple(t))})),
                        Value(make_tuple(t, {tee->data, Value::from_int(tee->index.load())}))});
}
static Result<Value> tee_setstate(Thread& t, const Value* args) {
  auto* tee = args[0].as<Tee>();
  auto* state = is_tuple(args[1]) ? args[1].as<TupleObject>() : nullptr;
  if (state == nullptr || state->size != 2 || !is_exact((*state)[0], native_type(t, kTeeDataSpec)))
    return t.raise(Exc::TypeError, "state is not a tuple of data and index");
  int index = TRY(to_c_int(t, (*state)[1]));
  if (index < 0 || index > static_cast<int>(kTeeBlock)) return t.raise(Exc::ValueError, "Index out of range");
  tee->data = (*state)[0];
  tee->index.store(static_cast<uint32_t>(index));
  return kNone;
}
static Result<Value> tee_data_reduce(Thread& t, const Value* args) {
  auto* data = args[0].as<TeeData>();
  ListObject* values = make_list(t);
  for (uint32_t i = 0, n = data->filled.load(); i < n; ++i) TRY(list_append(t, values, data->values[i]));
  Value next = data->next.get();
  return make_tuple(t,
                    {Value(data->type()),
                     Value(make_tuple(t, {data->iterator, Value(values), next.is_empty() ? kNone : next}))});
}
static Result<Value> tee_data_new(Thread& t, const Value* args) {
  Value iterator = TRY(get_iter(t, args[1]));
  Value values = TRY(to_tuple(t, args[2].is_empty() ? Value(empty_tuple(t)) : args[2]));
  Value next = args[3];
  auto* given = values.as<TupleObject>();
  bool linked = !next.is_empty() && !next.is_none();
  if (given->size > kTeeBlock ||
      (linked && (given->size < kTeeBlock || !is_exact(next, native_type(t, kTeeDataSpec)))))
    return t.raise(Exc::ValueError, "Invalid arguments");
  auto* data = new_tee_data(t, iterator).as<TeeData>();
  for (uint32_t i = 0; i < given->size; ++i) data->values[i] = (*given)[i];
  data->filled.store(static_cast<uint32_t>(given->size));
  if (linked) data->next = next;
  return data;
}
static const NativeDef kTeeMethods[] = {
    MP_NEW(tee_new, "__new__(cls, iterable, /)", nullptr),
    MP_METHOD(tee_copy, "__copy__(self, /)", "Returns an independent iterator."), MP_REDUCE(tee_reduce),
    MP_SETSTATE(tee_setstate), MP_END};
extern const TypeSpec kTeeSpec;
const TypeSpec kTeeSpec = {.name = "itertools._tee",
                           .size = sizeof(Tee),
                           .flags = kTypeHasWeakref,
                           .doc = "Iterator wrapped to make it copyable.",
                           .trace = trace_tee,
                           .slots = MP_SLOTS(.iter = iterator_self, .next = tee_next),
                           .methods = kTeeMethods};
static const NativeDef kTeeDataMethods[] = {
    MP_NEW(tee_data_new, "__new__(cls, iterable, values=?, next=None, /)", nullptr),
    MP_REDUCE(tee_data_reduce), MP_END};
extern const TypeSpec kTeeDataSpec;
const TypeSpec kTeeDataSpec = {.name = "itertools._tee_dataobject",
                               .size = sizeof(TeeData),
                               .doc = "Data container common to multiple tee objects.",
                               .trace = trace_tee_data,
                               .methods = kTeeDataMethods};

}  // namespace mp

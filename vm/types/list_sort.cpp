// list.sort: chooses among a radix sort (keys that are all small ints, floats or Latin-1 strings) and a merge
// sort, and what "less than" is for the keys at hand.
#include "vm/exec/interp.h"
#include "vm/types/list_support.h"
#include "vm/types/merge_sort.h"
#include "vm/types/radix_sort.h"
#include "vm/types/type_internal.h"

namespace mp {

// The first items that are not equal decide; identical ones are equal.
static Result<bool> tuple_less(Thread& t, const TupleObject* a, const TupleObject* b) {
  const Type* str_type = t.types().str;
  size_t common = a->size < b->size ? a->size : b->size;
  for (size_t i = 0; i < common; ++i) {
    Value x = (*a)[i], y = (*b)[i];
    if (x == y) continue;
    if (x.is_int() && y.is_int()) return x.as_int() < y.as_int();
    if (x.is_float_inline() && y.is_float_inline()) return x.as_float_inline() < y.as_float_inline();
    if (is_exact(x, str_type) && is_exact(y, str_type)) {
      int order = str_compare(x.as<StrObject>(), y.as<StrObject>());
      if (order == 0) continue;
      return order < 0;
    }
    bool same = TRY(equals_fast(t, x, y));
    if (same) continue;
    TRY(t.check_stack(" in comparison"));
    return less_than(t, x, y);
  }
  return a->size < b->size;
}

Result<bool> less_than(Thread& t, Value a, Value b) {
  if (a.is_int() && b.is_int()) return a.as_int() < b.as_int();
  if (a.is_float_inline() && b.is_float_inline()) return a.as_float_inline() < b.as_float_inline();
  if (a.is_object() && b.is_object()) {
    Type* type = a.as_object()->type();
    if (type == b.as_object()->type()) {
      if (type == t.types().str) return str_compare(a.as<StrObject>(), b.as<StrObject>()) < 0;
      if (type == t.types().tuple) return tuple_less(t, a.as<TupleObject>(), b.as<TupleObject>());
    }
  }
  return compare_bool(t, a, b, CompareOp::Lt);
}

namespace {

// Comparators: 1 less, 0 not less, -1 an exception is set. The first three never fail.
struct IntLess {
  int operator()(Value a, Value b) const { return a.as_int() < b.as_int() ? 1 : 0; }
};
struct FloatLess {
  int operator()(Value a, Value b) const { return a.as_float_inline() < b.as_float_inline() ? 1 : 0; }
};
struct StrLess {  // Latin-1 and ASCII only
  int operator()(Value a, Value b) const {
    auto* x = a.as<StrObject>();
    auto* y = b.as<StrObject>();
    size_t n = x->length() < y->length() ? x->length() : y->length();
    int order = std::memcmp(x->data8(), y->data8(), n);
    return order < 0 || (order == 0 && x->length() < y->length()) ? 1 : 0;
  }
};
class AnyLess {
 public:
  explicit AnyLess(Thread& t) : t_(t) {}
  int operator()(Value a, Value b) {
    if (is_exact(a, t_.types().tuple) && is_exact(b, t_.types().tuple))
      return answer(tuple_less(t_, a.as<TupleObject>(), b.as<TupleObject>()));
    if (is_known(a, b)) {
      Result<Value> less = call_function(t_, function_, a, CallArgs{&b, 1, {}});
      if (less.is_error()) return -1;
      if (less.value().is_bool()) [[likely]]
        return less.value().is_true() ? 1 : 0;
      if (!less.value().is_not_implemented()) return answer(truth(t_, less.value()));
    }
    return answer(less_than(t_, a, b));
  }

 private:
  static int answer(Result<bool> less) { return less.is_error() ? -1 : less.value() ? 1 : 0; }
  // Two instances of the class whose __lt__, written in script, was asked last; it is looked up once.
  bool is_known(Value a, Value b) {
    if (!a.is_object() || !b.is_object()) return false;
    Type* type = a.as_object()->type();
    if (type != b.as_object()->type() || !type->has(kTypeHeap)) return false;
    if (type != type_ || type->version.load(std::memory_order_acquire) != version_) {
      type_ = type;
      version_ = type_version(t_, type);
      Value found = version_ != 0 ? type_lookup(t_, type, dunder_name(t_, Dunder::lt)) : kNotFound;
      function_ = is_kind(found, Kind::Function) ? found.as<FunctionObject>() : nullptr;
    }
    return function_ != nullptr;
  }

  Thread& t_;
  Type* type_ = nullptr;
  uint32_t version_ = 0;
  FunctionObject* function_ = nullptr;
};

constexpr size_t kRadixMinimum = 200;

// Is merging natural runs better? Few descents, or few ascents, mean long runs.
template <class Less>
bool has_long_runs(const Value* keys, size_t count, Less less) {
  size_t descents = 0;
  for (size_t i = 1; i < count; ++i) descents += static_cast<size_t>(less(keys[i], keys[i - 1]));
  return descents < count / 32 || descents > count - count / 32;
}

// Sorts by ordered(key); false when there is no memory for it (nothing has changed then).
template <class Order>
bool radix_lanes(Thread& t, Lanes all, size_t count, Order ordered) {
  if (all.values == nullptr && sizeof(RadixItem) * count * 2 < 512) return false;
  auto* items = static_cast<RadixItem*>(t.heap().allocate_raw(t, 2 * count * sizeof(RadixItem)));
  auto* old = static_cast<Value*>(t.heap().allocate_raw(t, count * sizeof(Value)));
  if (items == nullptr || old == nullptr) return false;
  for (size_t i = 0; i < count; ++i) items[i] = {ordered(all.keys[i]), i};
  RadixItem* sorted = radix_sort(items, items + count, count);
  std::memcpy(static_cast<void*>(old), all.keys, count * sizeof(Value));
  for (size_t i = 0; i < count; ++i) all.keys[i] = old[sorted[i].index];
  if (all.values != nullptr) {
    std::memcpy(static_cast<void*>(old), all.values, count * sizeof(Value));
    for (size_t i = 0; i < count; ++i) all.values[i] = old[sorted[i].index];
  }
  return true;
}

enum class KeyClass { Int, Float, Latin1, Any };

KeyClass classify(Thread& t, const Value* keys, size_t count) {
  Value first = keys[0];
  if (first.is_int()) {
    for (size_t i = 1; i < count; ++i)
      if (!keys[i].is_int()) return KeyClass::Any;
    return KeyClass::Int;
  }
  if (first.is_float_inline()) {
    for (size_t i = 1; i < count; ++i)
      if (!keys[i].is_float_inline()) return KeyClass::Any;
    return KeyClass::Float;
  }
  const Type* str_type = t.types().str;
  for (size_t i = 0; i < count; ++i)
    if (!is_exact(keys[i], str_type) || keys[i].as<StrObject>()->width() != 1) return KeyClass::Any;
  return KeyClass::Latin1;
}

template <class Less>
bool sort_lanes(Lanes all, size_t count, Lanes scratch, Less less) {
  return MergeSort<Less>(all, count, scratch, less).run();
}

// Keys with a 64-bit order; `whole` says that the order is all there is to compare.
template <class Less, class Order>
bool sort_ordered(Thread& t, Lanes all, size_t count, Lanes scratch, Less less, Order ordered, bool whole) {
  if (count < kRadixMinimum || count > UINT32_MAX || has_long_runs(all.keys, count, less) ||
      !radix_lanes(t, all, count, ordered))
    return sort_lanes(all, count, scratch, less);
  if (whole) return true;
  for (size_t i = 0; i < count;) {
    uint64_t key = ordered(all.keys[i]);
    size_t end = i + 1;
    while (end < count && ordered(all.keys[end]) == key) ++end;
    if (end - i > 1 && !sort_lanes(all + i, end - i, scratch, less)) return false;
    i = end;
  }
  return true;
}

// Below it one run is made by insertion: nothing is merged.
constexpr size_t kMergeMinimum = 64;

bool sort_keys(Thread& t, Lanes all, size_t count, Lanes scratch, KeyClass kind) {
  switch (kind) {
    case KeyClass::Int: return sort_ordered(t, all, count, scratch, IntLess{}, ordered_int, true);
    case KeyClass::Float: return sort_ordered(t, all, count, scratch, FloatLess{}, ordered_float, true);
    case KeyClass::Latin1: return sort_ordered(t, all, count, scratch, StrLess{}, str_prefix, false);
    case KeyClass::Any: break;
  }
  return sort_lanes(all, count, scratch, AnyLess{t});
}

}  // namespace

// Items of one builtin class are sorted in one step: no script code runs. False: they are not.
static Result<bool> sort_in_one_step(Thread& t, ListObject* list, bool reverse) {
  ObjectLock lock(t, list);
  ListView view = list_view(list);
  if (view.count < 2) return true;
  Lanes all{reinterpret_cast<Value*>(view.items), nullptr};
  KeyClass kind = classify(t, all.keys, view.count);
  if (kind == KeyClass::Any) return false;
  // Without a GIL others may read the array meanwhile, and see it as it was or sorted.
  ListArray* copy = nullptr;
  if (free_threaded(t)) {
    copy = list_allocate_array(t, view.count, view.count);
    if (copy == nullptr) return t.raise_memory_error();
    copy_steady_slots(copy->items(), view.items, view.count);
    all.keys = reinterpret_cast<Value*>(copy->items());
  }
  Lanes scratch{};
  if (view.count >= kMergeMinimum) {
    scratch.keys = static_cast<Value*>(t.heap().allocate_raw_unset(t, (view.count / 2 + 1) * sizeof(Value)));
    if (scratch.keys == nullptr) return t.raise_memory_error();
  }
  if (reverse) reverse_lanes(all, view.count);
  (void)sort_keys(t, all, view.count, scratch, kind);
  if (reverse) reverse_lanes(all, view.count);
  if (copy != nullptr) list->array.store(copy, std::memory_order_release);
  return true;
}

// For items that no script may change meanwhile.
static ListObject* make_hidden_list(Thread& t, size_t capacity) {
  ListObject* list = make_list(t, capacity);
  list->set_flag(kFlagHidden);
  return list;
}

Status list_sort(Thread& t, ListObject* list, Value key, bool reverse) {
  static_assert(sizeof(Slot) == sizeof(Value));
  if (key.is_none() && TRY(sort_in_one_step(t, list, reverse))) return {};
  // The list is empty while script code may look at it; `holder` keeps the items alive.
  ListObject* holder = make_hidden_list(t, 0);
  // An array without room: whatever changes the list meanwhile replaces it.
  auto* placeholder = static_cast<ListArray*>(t.heap().allocate_raw(t, sizeof(ListArray)));
  if (placeholder == nullptr) return t.raise_memory_error();
  size_t count;
  {
    ObjectLock lock(t, list);
    ListArray* array = list->array.load(std::memory_order_relaxed);
    count = list->size.load(std::memory_order_relaxed);
    // Nothing to do, and perhaps another thread sorts it: it shall find its placeholder again.
    if (count == 0) return {};
    list->size.store(0, std::memory_order_release);
    list->array.store(placeholder, std::memory_order_release);
    if (array != nullptr && free_threaded(t)) {
      // Readers may still hold the old array: sort a copy.
      if (list_reserve(t, holder, count) == nullptr) return t.raise_memory_error();
      copy_slots(holder->array.load()->items(), array->items(), count);
    } else {
      holder->array.store(array, std::memory_order_release);
    }
    holder->size.store(count, std::memory_order_release);
  }
  Status status;
  if (count >= 2) {
    auto* values = reinterpret_cast<Value*>(holder->array.load()->items());
    Lanes all{values, nullptr};
    ListObject* keys_holder = nullptr;
    auto body = [&]() -> Status {
      if (!key.is_none()) {
        keys_holder = make_hidden_list(t, count);
        if (keys_holder->array.load() == nullptr) return t.raise_memory_error();
        for (size_t i = 0; i < count; ++i) {
          Value k = TRY(call(t, key, CallArgs{&values[i], 1, {}}));
          keys_holder->array.load()->items()[i] = k;
          keys_holder->size.store(i + 1, std::memory_order_release);
        }
        all = {reinterpret_cast<Value*>(keys_holder->array.load()->items()), values};
      }
      if (reverse) reverse_lanes(all, count);
      // Merging copies the shorter run; scratch items stay referenced from the holders' runs or from here.
      ListObject* scratch_keys = nullptr;
      ListObject* scratch_values = nullptr;
      Lanes scratch{};
      auto scratch_for = [&](ListObject** scratch_list) -> Value* {
        *scratch_list = make_hidden_list(t, count / 2 + 1);
        ListArray* array = (*scratch_list)->array.load();
        if (array == nullptr) return nullptr;
        (*scratch_list)->size.store(count / 2 + 1, std::memory_order_release);
        return reinterpret_cast<Value*>(array->items());
      };
      if (count >= kMergeMinimum) {
        scratch.keys = scratch_for(&scratch_keys);
        if (all.values != nullptr) scratch.values = scratch_for(&scratch_values);
        if (scratch.keys == nullptr || (all.values != nullptr && scratch.values == nullptr))
          return t.raise_memory_error();
      }
      bool done = sort_keys(t, all, count, scratch, classify(t, all.keys, count));
      // The collector finds holders through this frame only while they are used after the last safepoint.
      asm volatile("" : : "r"(scratch_keys), "r"(scratch_values), "r"(keys_holder) : "memory");
      if (reverse) reverse_lanes(all, count);
      if (!done) return Error{};
      return {};
    };
    status = body();
    asm volatile("" : : "r"(keys_holder), "r"(holder) : "memory");
  } else if (count == 1 && !key.is_none()) {
    Value only = holder->at(0);
    if (call(t, key, CallArgs{&only, 1, {}}).is_error()) status = Error{};
  }
  ObjectLock lock(t, list);
  bool modified = list->array.load(std::memory_order_relaxed) != placeholder;
  list->size.store(0, std::memory_order_release);
  list->array.store(holder->array.load(std::memory_order_relaxed), std::memory_order_release);
  list->size.store(count, std::memory_order_release);
  if (status.ok() && modified) return t.raise(Exc::ValueError, "list modified during sort");
  return status;
}

}  // namespace mp

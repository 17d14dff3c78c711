// _bisect: binary search in sorted sequences.
#include "vm/native/native.h"
#include "vm/types/list_support.h"

namespace mp {

namespace {
Result<Value> item_at(Thread& t, Value sequence, int64_t i) {
  if (is_exact(sequence, t.types().list)) {
    Value item = sequence.as<ListObject>()->at(static_cast<size_t>(i));
    if (!item.is_empty()) return item;
  }
  return get_item(t, sequence, make_int(t, i));
}

template <bool right>
Result<int64_t> search(Thread& t, Value sequence, Value wanted, Value low_value, Value high_value,
                       Value key) {
  int64_t low = TRY(to_ssize(t, low_value));
  if (low < 0) return t.raise(Exc::ValueError, "lo must be non-negative");
  int64_t high;
  if (high_value.is_none()) {
    high = TRY(length(t, sequence));
  } else {
    high = TRY(to_ssize(t, high_value));
  }
  while (low < high) {
    int64_t middle = static_cast<int64_t>((static_cast<uint64_t>(low) + static_cast<uint64_t>(high)) / 2);
    Value item = TRY(item_at(t, sequence, middle));
    if (!key.is_none()) item = TRY(call(t, key, {item}));
    bool less = right ? TRY(less_than(t, wanted, item)) : TRY(less_than(t, item, wanted));
    if (less == right)
      high = middle;
    else
      low = middle + 1;
  }
  return low;
}

template <bool right>
Result<Value> bisect(Thread& t, const Value* args) {
  int64_t i = TRY(search<right>(t, args[0], args[1], args[2], args[3], args[4]));
  return make_int(t, i);
}

template <bool right>
Result<Value> insort(Thread& t, const Value* args) {
  Value wanted = args[1];
  if (!args[4].is_none()) wanted = TRY(call(t, args[4], {args[1]}));
  int64_t i = TRY(search<right>(t, args[0], wanted, args[2], args[3], args[4]));
  if (is_exact(args[0], t.types().list)) {
    TRY(list_insert(t, args[0].as<ListObject>(), i, args[1]));
  } else {
    TRY(call_method(t, args[0], intern(t, "insert"), {make_int(t, i), args[1]}));
  }
  return kNone;
}
}  // namespace

static const char kBisectRight[] =
    "Return the index where to insert item x in list a, assuming a is sorted.\n\nThe return value i is such "
    "that all e in a[:i] "
    "have e <= x, and all e in\na[i:] have e > x.  So if x already appears in the list, a.insert(i, x) "
    "will\ninsert just after the "
    "rightmost x already there.\n\nOptional args lo (default 0) and hi (default len(a)) bound the\nslice of "
    "a to be searched.\n\nA "
    "custom key function can be supplied to customize the sort order.";
static const char kBisectLeft[] =
    "Return the index where to insert item x in list a, assuming a is sorted.\n\nThe return value i is such "
    "that all e in a[:i] "
    "have e < x, and all e in\na[i:] have e >= x.  So if x already appears in the list, a.insert(i, x) "
    "will\ninsert just before the "
    "leftmost x already there.\n\nOptional args lo (default 0) and hi (default len(a)) bound the\nslice of a "
    "to be searched.\n\nA "
    "custom key function can be supplied to customize the sort order.";
static const char kInsort[] = "Insert item x in list a, and keep it sorted assuming a is sorted.";

static const NativeDef kBisectFunctions[] = {
    MP_FUNCTION(bisect<true>, "bisect_right(a, x, lo=0, hi=None, *, key=None)", kBisectRight),
    MP_FUNCTION(bisect<true>, "bisect(a, x, lo=0, hi=None, *, key=None)", kBisectRight),
    MP_FUNCTION(bisect<false>, "bisect_left(a, x, lo=0, hi=None, *, key=None)", kBisectLeft),
    MP_FUNCTION(insort<true>, "insort_right(a, x, lo=0, hi=None, *, key=None)", kInsort),
    MP_FUNCTION(insort<true>, "insort(a, x, lo=0, hi=None, *, key=None)", kInsort),
    MP_FUNCTION(insort<false>, "insort_left(a, x, lo=0, hi=None, *, key=None)", kInsort),
    MP_END};
extern const ModuleSpec kBisectModule;
const ModuleSpec kBisectModule = {
    .name = "_bisect", .doc = "Bisection algorithms.", .functions = kBisectFunctions};

}  // namespace mp

// list.sort: a stable merge sort over natural runs (timsort with the powersort merge policy and galloping, as
// listsort.txt describes). It knows two parallel arrays of values and a "less than" that may fail; never how
// a list stores them.
#include "vm/exec/interp.h"
#include "vm/types/list_support.h"
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

// One range of keys, and of the values that move with them (null when the keys are the values).
struct Lanes {
  Value* keys;
  Value* values;
  Lanes operator+(size_t n) const { return {keys + n, values == nullptr ? nullptr : values + n}; }
};
inline void copy_one(Lanes to, size_t i, Lanes from, size_t j) {
  to.keys[i] = from.keys[j];
  if (to.values != nullptr) to.values[i] = from.values[j];
}
inline void move_many(Lanes to, Lanes from, size_t count) {
  std::memmove(static_cast<void*>(to.keys), from.keys, count * sizeof(Value));
  if (to.values != nullptr) std::memmove(static_cast<void*>(to.values), from.values, count * sizeof(Value));
}
inline void reverse_values(Value* v, size_t count) {
  for (size_t i = 0, j = count; i + 1 < j; ++i) std::swap(v[i], v[--j]);
}
inline void reverse_lanes(Lanes a, size_t count) {
  reverse_values(a.keys, count);
  if (a.values != nullptr) reverse_values(a.values, count);
}

constexpr size_t kMinGallop = 7;

template <class Less>
class MergeSort {
 public:
  MergeSort(Lanes all, size_t count, Lanes scratch, Less less)
      : all_(all), count_(count), scratch_(scratch), less_(less) {}

  // False when a comparison failed; the array is then some permutation of the original.
  bool run() {
    if (count_ < 2) return true;
    size_t low = 0, left = count_;
    size_t minimum = min_run(count_);
    while (left != 0) {
      size_t n = 0;
      if (!count_run(low, left, &n)) return false;
      if (n < minimum) {
        size_t forced = left <= minimum ? left : minimum;
        if (!binary_insertion(low, forced, n)) return false;
        n = forced;
      }
      if (!found_new_run(n)) return false;
      runs_[run_count_++] = {low, n, 0};
      low += n;
      left -= n;
    }
    while (run_count_ > 1) {
      size_t i = run_count_ - 2;
      if (i > 0 && runs_[i - 1].length < runs_[i + 1].length) --i;
      if (!merge_at(i)) return false;
    }
    return true;
  }

 private:
  struct Run {
    size_t start, length;
    int power;
  };

  static size_t min_run(size_t n) {
    size_t rest = 0;
    while (n >= 64) {
      rest |= n & 1;
      n >>= 1;
    }
    return n + rest;
  }

  bool count_run(size_t low, size_t left, size_t* out) {
    Value* k = all_.keys + low;
    if (left == 1) {
      *out = 1;
      return true;
    }
    size_t n = 2;
    int c = less_(k[1], k[0]);
    if (c < 0) return false;
    if (c != 0) {
      for (; n < left; ++n) {
        c = less_(k[n], k[n - 1]);
        if (c < 0) return false;
        if (c == 0) break;
      }
      reverse_lanes(all_ + low, n);
    } else {
      for (; n < left; ++n) {
        c = less_(k[n], k[n - 1]);
        if (c < 0) return false;
        if (c != 0) break;
      }
    }
    *out = n;
    return true;
  }

  bool binary_insertion(size_t low, size_t count, size_t sorted) {
    Lanes a = all_ + low;
    if (sorted == 0) sorted = 1;
    for (; sorted < count; ++sorted) {
      size_t l = 0, r = sorted;
      Value pivot = a.keys[r];
      while (l < r) {
        size_t m = l + ((r - l) >> 1);
        int c = less_(pivot, a.keys[m]);
        if (c < 0) return false;
        if (c != 0)
          r = m;
        else
          l = m + 1;
      }
      std::memmove(static_cast<void*>(a.keys + l + 1), a.keys + l, (sorted - l) * sizeof(Value));
      a.keys[l] = pivot;
      if (a.values != nullptr) {
        Value value = a.values[sorted];
        std::memmove(static_cast<void*>(a.values + l + 1), a.values + l, (sorted - l) * sizeof(Value));
        a.values[l] = value;
      }
    }
    return true;
  }

  // Powersort: the depth of the boundary between two runs in a nearly optimal merge tree.
  int boundary_power(size_t start1, size_t n1, size_t n2) const {
    int result = 0;
    size_t a = 2 * start1 + n1, b = a + n1 + n2;
    for (;;) {
      ++result;
      if (a >= count_) {
        a -= count_;
        b -= count_;
      } else if (b >= count_) {
        break;
      }
      a <<= 1;
      b <<= 1;
    }
    return result;
  }

  bool found_new_run(size_t n2) {
    if (run_count_ == 0) return true;
    Run& last = runs_[run_count_ - 1];
    int power = boundary_power(last.start, last.length, n2);
    while (run_count_ > 1 && runs_[run_count_ - 2].power > power)
      if (!merge_at(run_count_ - 2)) return false;
    runs_[run_count_ - 1].power = power;
    return true;
  }

  // Where key belongs in sorted a[0..n): leftmost place, starting the search at `hint`. SIZE_MAX on failure.
  size_t gallop_left(Value key, const Value* a, size_t n, size_t hint) {
    int64_t last = 0, offset = 1, size = static_cast<int64_t>(n), h = static_cast<int64_t>(hint);
    int c = less_(a[h], key);
    if (c < 0) return SIZE_MAX;
    if (c != 0) {
      int64_t limit = size - h;
      while (offset < limit) {
        c = less_(a[h + offset], key);
        if (c < 0) return SIZE_MAX;
        if (c == 0) break;
        last = offset;
        offset = (offset << 1) + 1;
      }
      if (offset > limit) offset = limit;
      last += h;
      offset += h;
    } else {
      int64_t limit = h + 1;
      while (offset < limit) {
        c = less_(a[h - offset], key);
        if (c < 0) return SIZE_MAX;
        if (c != 0) break;
        last = offset;
        offset = (offset << 1) + 1;
      }
      if (offset > limit) offset = limit;
      int64_t k = last;
      last = h - offset;
      offset = h - k;
    }
    ++last;
    while (last < offset) {
      int64_t m = last + ((offset - last) >> 1);
      c = less_(a[m], key);
      if (c < 0) return SIZE_MAX;
      if (c != 0)
        last = m + 1;
      else
        offset = m;
    }
    return static_cast<size_t>(offset);
  }

  // The same, rightmost place.
  size_t gallop_right(Value key, const Value* a, size_t n, size_t hint) {
    int64_t last = 0, offset = 1, size = static_cast<int64_t>(n), h = static_cast<int64_t>(hint);
    int c = less_(key, a[h]);
    if (c < 0) return SIZE_MAX;
    if (c != 0) {
      int64_t limit = h + 1;
      while (offset < limit) {
        c = less_(key, a[h - offset]);
        if (c < 0) return SIZE_MAX;
        if (c == 0) break;
        last = offset;
        offset = (offset << 1) + 1;
      }
      if (offset > limit) offset = limit;
      int64_t k = last;
      last = h - offset;
      offset = h - k;
    } else {
      int64_t limit = size - h;
      while (offset < limit) {
        c = less_(key, a[h + offset]);
        if (c < 0) return SIZE_MAX;
        if (c != 0) break;
        last = offset;
        offset = (offset << 1) + 1;
      }
      if (offset > limit) offset = limit;
      last += h;
      offset += h;
    }
    ++last;
    while (last < offset) {
      int64_t m = last + ((offset - last) >> 1);
      c = less_(key, a[m]);
      if (c < 0) return SIZE_MAX;
      if (c != 0)
        offset = m;
      else
        last = m + 1;
    }
    return static_cast<size_t>(offset);
  }

  bool merge_at(size_t i) {
    size_t a = runs_[i].start, na = runs_[i].length, b = runs_[i + 1].start, nb = runs_[i + 1].length;
    runs_[i].length = na + nb;
    if (i + 3 == run_count_) runs_[i + 1] = runs_[i + 2];
    --run_count_;
    size_t k = gallop_right(all_.keys[b], all_.keys + a, na, 0);
    if (k == SIZE_MAX) return false;
    a += k;
    na -= k;
    if (na == 0) return true;
    nb = gallop_left(all_.keys[a + na - 1], all_.keys + b, nb, nb - 1);
    if (nb == SIZE_MAX) return false;
    if (nb == 0) return true;
    return na <= nb ? merge_low(a, na, b, nb) : merge_high(a, na, b, nb);
  }

  // Merges adjacent runs, the left one through the scratch area.
  bool merge_low(size_t a_start, size_t na, size_t b_start, size_t nb) {
    Lanes to = all_ + a_start, b = all_ + b_start, a = scratch_;
    move_many(a, to, na);
    size_t d = 0, ia = 0, ib = 0;  // places in to, a, b
    auto finish_a = [&] { move_many(to + d, a + ia, na); };
    copy_one(to, d++, b, ib++);
    if (--nb == 0) return finish_a(), true;
    if (na == 1) goto copy_b;
    for (;;) {
      size_t wins_a = 0, wins_b = 0;
      for (;;) {
        int c = less_(b.keys[ib], a.keys[ia]);
        if (c < 0) return finish_a(), false;
        if (c != 0) {
          copy_one(to, d++, b, ib++);
          ++wins_b;
          wins_a = 0;
          if (--nb == 0) return finish_a(), true;
          if (wins_b >= gallop_) break;
        } else {
          copy_one(to, d++, a, ia++);
          ++wins_a;
          wins_b = 0;
          if (--na == 1) goto copy_b;
          if (wins_a >= gallop_) break;
        }
      }
      ++gallop_;
      do {
        gallop_ -= gallop_ > 1;
        size_t k = gallop_right(b.keys[ib], a.keys + ia, na, 0);
        if (k == SIZE_MAX) return finish_a(), false;
        wins_a = k;
        if (k != 0) {
          move_many(to + d, a + ia, k);
          d += k;
          ia += k;
          na -= k;
          if (na == 1) goto copy_b;
          if (na == 0) return true;  // only an inconsistent comparison gets here
        }
        copy_one(to, d++, b, ib++);
        if (--nb == 0) return finish_a(), true;
        k = gallop_left(a.keys[ia], b.keys + ib, nb, 0);
        if (k == SIZE_MAX) return finish_a(), false;
        wins_b = k;
        if (k != 0) {
          move_many(to + d, b + ib, k);
          d += k;
          ib += k;
          nb -= k;
          if (nb == 0) return finish_a(), true;
        }
        copy_one(to, d++, a, ia++);
        if (--na == 1) goto copy_b;
      } while (wins_a >= kMinGallop || wins_b >= kMinGallop);
      ++gallop_;
    }
  copy_b:
    move_many(to + d, b + ib, nb);
    copy_one(to, d + nb, a, ia);
    return true;
  }

  // Merges adjacent runs from the right, the right one through the scratch area.
  bool merge_high(size_t a_start, size_t na, size_t b_start, size_t nb) {
    Lanes base = all_ + a_start, b = scratch_;
    move_many(b, all_ + b_start, nb);
    // Places are one past the next item to take or fill.
    size_t d = na + nb;
    auto finish_b = [&] { move_many(base + (d - nb), b, nb); };
    copy_one(base, --d, base, --na);
    if (na == 0) return finish_b(), true;
    if (nb == 1) goto copy_a;
    for (;;) {
      size_t wins_a = 0, wins_b = 0;
      for (;;) {
        int c = less_(b.keys[nb - 1], base.keys[na - 1]);
        if (c < 0) return finish_b(), false;
        if (c != 0) {
          copy_one(base, --d, base, --na);
          ++wins_a;
          wins_b = 0;
          if (na == 0) return finish_b(), true;
          if (wins_a >= gallop_) break;
        } else {
          copy_one(base, --d, b, --nb);
          ++wins_b;
          wins_a = 0;
          if (nb == 1) goto copy_a;
          if (wins_b >= gallop_) break;
        }
      }
      ++gallop_;
      do {
        gallop_ -= gallop_ > 1;
        size_t k = gallop_right(b.keys[nb - 1], base.keys, na, na - 1);
        if (k == SIZE_MAX) return finish_b(), false;
        k = na - k;
        wins_a = k;
        if (k != 0) {
          d -= k;
          na -= k;
          move_many(base + d, base + na, k);
          if (na == 0) return finish_b(), true;
        }
        copy_one(base, --d, b, --nb);
        if (nb == 1) goto copy_a;
        k = gallop_left(base.keys[na - 1], b.keys, nb, nb - 1);
        if (k == SIZE_MAX) return finish_b(), false;
        k = nb - k;
        wins_b = k;
        if (k != 0) {
          d -= k;
          nb -= k;
          move_many(base + d, b + nb, k);
          if (nb == 1) goto copy_a;
          if (nb == 0) return true;  // only an inconsistent comparison gets here
        }
        copy_one(base, --d, base, --na);
        if (na == 0) return finish_b(), true;
      } while (wins_a >= kMinGallop || wins_b >= kMinGallop);
      ++gallop_;
    }
  copy_a:
    d -= na;
    move_many(base + d, base, na);
    copy_one(base, d - 1, b, 0);
    return true;
  }

  Lanes all_;
  size_t count_;
  Lanes scratch_;
  Less less_;
  size_t gallop_ = kMinGallop;
  Run runs_[90];
  size_t run_count_ = 0;
};

// ---- keys with a 64-bit order: radix sort, least significant byte first. It is stable and compares nothing.
constexpr size_t kRadixMinimum = 200;

struct RadixItem {
  uint64_t key;
  uint64_t index;
};

inline uint64_t ordered_int(Value v) { return v.bits() ^ (uint64_t{1} << 63); }
inline uint64_t ordered_float(Value v) {
  uint64_t u = std::bit_cast<uint64_t>(v.as_float_inline());
  return (u >> 63) != 0 ? ~u : u ^ (uint64_t{1} << 63);
}
// The first eight bytes of a Latin-1 str, big-endian. Equal prefixes decide nothing unless both strings end
// within them.
inline uint64_t str_prefix(Value v) {
  auto* s = v.as<StrObject>();
  uint64_t raw = 0;
  size_t n = s->length();
  if (n >= 8) {
    std::memcpy(&raw, s->data8(), 8);
  } else {
    std::memcpy(&raw, s->data8(), n);
  }
  return __builtin_bswap64(raw);
}

// Sorts `items` by key through `scratch`; returns the array that holds the result.
template <class Item>
Item* radix_sort(Item* items, Item* scratch, size_t count) {
  static thread_local uint32_t histogram[8][256];
  std::memset(histogram, 0, sizeof histogram);
  for (size_t i = 0; i < count; ++i) {
    uint64_t key = items[i].key;
    for (int d = 0; d < 8; ++d) ++histogram[d][(key >> (8 * d)) & 255];
  }
  for (int d = 0; d < 8; ++d) {
    uint32_t* h = histogram[d];
    if (h[(items[0].key >> (8 * d)) & 255] == count) continue;  // all the same
    uint32_t sum = 0;
    for (int b = 0; b < 256; ++b) {
      uint32_t n = h[b];
      h[b] = sum;
      sum += n;
    }
    for (size_t i = 0; i < count; ++i) scratch[h[(items[i].key >> (8 * d)) & 255]++] = items[i];
    std::swap(items, scratch);
  }
  return items;
}

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

Status list_sort(Thread& t, ListObject* list, Value key, bool reverse) {
  static_assert(sizeof(Slot) == sizeof(Value));
  if (key.is_none() && !free_threaded(t)) {
    ListView view = list_view(list);
    Lanes all{reinterpret_cast<Value*>(view.items), nullptr};
    if (view.count < 2) return {};
    KeyClass kind = classify(t, all.keys, view.count);
    if (kind != KeyClass::Any) {
      // No script code runs, so that nobody sees the list before it is sorted.
      Lanes scratch{};
      if (view.count >= kMergeMinimum) {
        scratch.keys =
            static_cast<Value*>(t.heap().allocate_raw_unset(t, (view.count / 2 + 1) * sizeof(Value)));
        if (scratch.keys == nullptr) return t.raise_memory_error();
      }
      if (reverse) reverse_lanes(all, view.count);
      (void)sort_keys(t, all, view.count, scratch, kind);
      if (reverse) reverse_lanes(all, view.count);
      return {};
    }
  }
  // The list is empty while script code may look at it; `holder` keeps the items alive.
  ListObject* holder = make_list(t);
  // An array without room: whatever changes the list meanwhile replaces it.
  auto* placeholder = static_cast<ListArray*>(t.heap().allocate_raw(t, sizeof(ListArray)));
  if (placeholder == nullptr) return t.raise_memory_error();
  size_t count;
  {
    ObjectLock lock(t, list);
    ListArray* array = list->array.load(std::memory_order_relaxed);
    count = list->size.load(std::memory_order_relaxed);
    list->size.store(0, std::memory_order_release);
    list->array.store(placeholder, std::memory_order_release);
    if (array != nullptr && free_threaded(t)) {
      // Readers may still hold the old array: sort a copy.
      if (list_reserve(t, holder, count == 0 ? 1 : count) == nullptr) return t.raise_memory_error();
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
        keys_holder = make_list(t, count);
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
        *scratch_list = make_list(t, count / 2 + 1);
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

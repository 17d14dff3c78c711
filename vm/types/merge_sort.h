// MergeSort: a stable merge sort over natural runs (timsort with the powersort merge policy and galloping, as
// listsort.txt describes). It knows two parallel arrays of values and a "less than" that may fail; never how
// a list stores them.
#pragma once
#include <cstring>
#include <utility>

#include "vm/core/value.h"

namespace mp {

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

inline constexpr size_t kMinGallop = 7;

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

  // Where key belongs in sorted a[0..n), before its equals or behind them, searching from `hint` in steps
  // that double. SIZE_MAX on failure.
  enum class Place : uint8_t { BeforeEquals, BehindEquals };
  template <Place place>
  size_t gallop(Value key, const Value* a, size_t n, size_t hint) {
    // Whether key belongs behind a[i]: 1 or 0; -1 on failure.
    auto behind = [&](int64_t i) {
      if (place == Place::BeforeEquals) return less_(a[i], key);
      int less = less_(key, a[i]);
      return less < 0 ? less : 1 - less;
    };
    int64_t last = 0, offset = 1, h = static_cast<int64_t>(hint);
    int c = behind(h);
    if (c < 0) return SIZE_MAX;
    if (c != 0) {
      int64_t limit = static_cast<int64_t>(n) - h;
      while (offset < limit) {
        c = behind(h + offset);
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
        c = behind(h - offset);
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
      c = behind(m);
      if (c < 0) return SIZE_MAX;
      if (c != 0)
        last = m + 1;
      else
        offset = m;
    }
    return static_cast<size_t>(offset);
  }
  size_t gallop_left(Value key, const Value* a, size_t n, size_t hint) {
    return gallop<Place::BeforeEquals>(key, a, n, hint);
  }
  size_t gallop_right(Value key, const Value* a, size_t n, size_t hint) {
    return gallop<Place::BehindEquals>(key, a, n, hint);
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

}  // namespace mp

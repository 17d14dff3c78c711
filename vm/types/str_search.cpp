// Substring search over all combinations of storage widths.
#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include <algorithm>
#include <bit>

#include "vm/types/number.h"
#include "vm/types/str_internal.h"

namespace mp {

#ifdef __SSE2__
// Short needles: 16 bytes of positions at once, by the needle's first and last unit. Long ones go to memmem
// or find_units, whose worst case is better.
static constexpr size_t kShortNeedle = 32;
template <class Unit>
static __m128i splat(Unit unit) {
  if constexpr (sizeof(Unit) == 1) return _mm_set1_epi8(static_cast<char>(unit));
  if constexpr (sizeof(Unit) == 2) return _mm_set1_epi16(static_cast<short>(unit));
  return _mm_set1_epi32(static_cast<int>(unit));
}
template <class Unit>
static __m128i same_units(const Unit* units, __m128i unit) {
  __m128i loaded = _mm_loadu_si128(reinterpret_cast<const __m128i*>(units));
  if constexpr (sizeof(Unit) == 1) return _mm_cmpeq_epi8(loaded, unit);
  if constexpr (sizeof(Unit) == 2) return _mm_cmpeq_epi16(loaded, unit);
  return _mm_cmpeq_epi32(loaded, unit);
}
template <class Unit>
static const Unit* find_short(const Unit* hay, size_t n, const Unit* needle, size_t m) {
  constexpr int kStep = 16 / sizeof(Unit);
  constexpr uint32_t kOneBit = sizeof(Unit) == 1 ? 0xffff : sizeof(Unit) == 2 ? 0x5555 : 0x1111;  // per unit
  const Unit* end = hay + (n - m) + 1;  // of the possible positions
  const Unit* p = hay;
  auto middle = [&](const Unit* at) {
    return m <= 2 || std::memcmp(at + 1, needle + 1, (m - 2) * sizeof(Unit)) == 0;
  };
  __m128i first = splat(needle[0]), last = splat(needle[m - 1]);
  for (; end - p >= kStep; p += kStep) {
    __m128i both = _mm_and_si128(same_units(p, first), same_units(p + m - 1, last));
    auto mask = static_cast<uint32_t>(_mm_movemask_epi8(both)) & kOneBit;
    for (; mask != 0; mask &= mask - 1) {
      const Unit* at = p + static_cast<size_t>(std::countr_zero(mask)) / sizeof(Unit);
      if (middle(at)) return at;
    }
  }
  for (; p < end; ++p)
    if (p[0] == needle[0] && p[m - 1] == needle[m - 1] && middle(p)) return p;
  return nullptr;
}
#endif

int64_t find_bytes(const uint8_t* hay, size_t hay_size, const uint8_t* needle, size_t needle_size) {
  if (needle_size > hay_size) return -1;
  if (needle_size == 0) return 0;
  const void* hit;
  if (needle_size == 1) {
    hit = std::memchr(hay, *needle, hay_size);
#ifdef __SSE2__
  } else if (needle_size <= kShortNeedle) {
    hit = find_short(hay, hay_size, needle, needle_size);
#endif
  } else {
    hit = ::memmem(hay, hay_size, needle, needle_size);
  }
  return hit == nullptr ? -1 : static_cast<const uint8_t*>(hit) - hay;
}

// Horspool with a bloom mask of the needle's units: skips whole needle lengths past units that the needle
// lacks.
template <class Unit>
static int64_t find_units(const Unit* hay, size_t n, const Unit* needle, size_t m) {
  if (m > n) return -1;
  if (m == 0) return 0;
#ifdef __SSE2__
  if (m <= kShortNeedle) {
    const Unit* hit = find_short(hay, n, needle, m);
    return hit == nullptr ? -1 : hit - hay;
  }
#endif
  uint64_t bloom = 0;
  size_t last = m - 1, skip = last;
  for (size_t i = 0; i < last; ++i) {
    bloom |= uint64_t{1} << (needle[i] & 63);
    if (needle[i] == needle[last]) skip = last - i - 1;
  }
  bloom |= uint64_t{1} << (needle[last] & 63);
  for (size_t i = 0; i <= n - m; ++i) {
    if (hay[i + last] == needle[last]) {
      size_t j = 0;
      while (j < last && hay[i + j] == needle[j]) ++j;
      if (j == last) return static_cast<int64_t>(i);
      if (i + m < n && (bloom >> (hay[i + m] & 63) & 1) == 0)
        i += m;
      else
        i += skip;
    } else if (i + m < n && (bloom >> (hay[i + m] & 63) & 1) == 0) {
      i += m;
    }
  }
  return -1;
}

template <class Unit>
static int64_t rfind_units(const Unit* hay, size_t n, const Unit* needle, size_t m) {
  if (m > n) return -1;
  if (m == 0) return static_cast<int64_t>(n);
  uint64_t bloom = 0;
  size_t skip = m - 1;
  for (size_t i = m; i-- > 1;) {
    bloom |= uint64_t{1} << (needle[i] & 63);
    if (needle[i] == needle[0]) skip = i - 1;
  }
  bloom |= uint64_t{1} << (needle[0] & 63);
  for (int64_t i = static_cast<int64_t>(n - m); i >= 0; --i) {
    if (hay[i] == needle[0]) {
      size_t j = m - 1;
      while (j > 0 && hay[static_cast<size_t>(i) + j] == needle[j]) --j;
      if (j == 0) return i;
      if (i > 0 && (bloom >> (hay[i - 1] & 63) & 1) == 0)
        i -= static_cast<int64_t>(m);
      else
        i -= static_cast<int64_t>(skip);
    } else if (i > 0 && (bloom >> (hay[i - 1] & 63) & 1) == 0) {
      i -= static_cast<int64_t>(m);
    }
  }
  return -1;
}

int64_t rfind_bytes(const uint8_t* hay, size_t hay_size, const uint8_t* needle, size_t needle_size) {
  if (needle_size > hay_size) return -1;
  if (needle_size == 1) {
    const void* hit = ::memrchr(hay, *needle, hay_size);
    return hit == nullptr ? -1 : static_cast<const uint8_t*>(hit) - hay;
  }
  return rfind_units(hay, hay_size, needle, needle_size);
}

int64_t count_bytes(const uint8_t* hay, size_t n, const uint8_t* needle, size_t m, int64_t limit) {
  if (limit < 0) limit = INT64_MAX;
  if (m == 0) return std::min<int64_t>(limit, static_cast<int64_t>(n) + 1);
  if (m == 1 && limit >= static_cast<int64_t>(n)) {
    size_t total = 0;
    for (size_t i = 0; i < n; ++i) total += hay[i] == *needle;
    return static_cast<int64_t>(total);
  }
  int64_t found = 0;
  for (size_t at = 0; found < limit;) {
    int64_t hit = find_bytes(hay + at, n - at, needle, m);
    if (hit < 0) break;
    ++found;
    at += static_cast<size_t>(hit) + m;
  }
  return found;
}

namespace {
// The needle in the width of the text; only called when it is not wider.
struct Widened {
  Widened(const StrObject* s, int width) {
    if (s->width() == width) {
      data = s->data8();
      return;
    }
    size_t bytes = s->length() * static_cast<size_t>(width);
    void* out = small;
    if (bytes > sizeof small) {
      large.resize(bytes);
      out = large.data();
    }
    copy_code_points(out, width, s, 0, s->length());
    data = static_cast<const uint8_t*>(out);
  }
  const uint8_t* data;
  alignas(4) uint8_t small[128];
  std::string large;
};
}  // namespace

int64_t str_find(const StrObject* text, const StrObject* part, size_t begin, size_t end) {
  size_t m = part->length();
  if (begin > end || m > end - begin) return -1;
  if (m == 0) return static_cast<int64_t>(begin);
  if (part->width() > text->width()) return -1;
  size_t n = end - begin;
  int64_t hit;
  if (text->width() == 1) {
    hit = find_bytes(text->data8() + begin, n, part->data8(), m);
  } else {
    Widened needle(part, text->width());
    hit = text->width() == 2
              ? find_units(text->data16() + begin, n, reinterpret_cast<const uint16_t*>(needle.data), m)
              : find_units(text->data32() + begin, n, reinterpret_cast<const uint32_t*>(needle.data), m);
  }
  return hit < 0 ? -1 : hit + static_cast<int64_t>(begin);
}

int64_t str_rfind(const StrObject* text, const StrObject* part, size_t begin, size_t end) {
  size_t m = part->length();
  if (begin > end || m > end - begin) return -1;
  if (m == 0) return static_cast<int64_t>(end);
  if (part->width() > text->width()) return -1;
  size_t n = end - begin;
  int64_t hit;
  if (text->width() == 1) {
    hit = rfind_bytes(text->data8() + begin, n, part->data8(), m);
  } else {
    Widened needle(part, text->width());
    hit = text->width() == 2
              ? rfind_units(text->data16() + begin, n, reinterpret_cast<const uint16_t*>(needle.data), m)
              : rfind_units(text->data32() + begin, n, reinterpret_cast<const uint32_t*>(needle.data), m);
  }
  return hit < 0 ? -1 : hit + static_cast<int64_t>(begin);
}

int64_t str_count(const StrObject* text, const StrObject* part, size_t begin, size_t end, int64_t limit) {
  if (begin > end) return 0;
  size_t m = part->length();
  if (limit < 0) limit = INT64_MAX;
  if (m == 0) return std::min<int64_t>(limit, static_cast<int64_t>(end - begin) + 1);
  if (part->width() > text->width() || m > end - begin) return 0;
  if (text->width() == 1) return count_bytes(text->data8() + begin, end - begin, part->data8(), m, limit);
  Widened needle(part, text->width());
  auto count = [&](auto* units) {
    auto* wanted = reinterpret_cast<decltype(units)>(needle.data);
    int64_t found = 0;
    for (; found < limit && m <= end - begin; ++found) {
      int64_t hit = find_units(units + begin, end - begin, wanted, m);
      if (hit < 0) break;
      begin += static_cast<size_t>(hit) + m;
    }
    return found;
  };
  return text->width() == 2 ? count(text->data16()) : count(text->data32());
}

static Status clip_one(Thread& t, Value v, int64_t length, int64_t* out) {
  if (!is_any_int(v)) {
    if (!v.is_object() || type_of(t, v)->slots.index == nullptr)
      return t.raise(Exc::TypeError, "slice indices must be integers or None or have an __index__ method");
    v = TRY(to_index(t, v));
  }
  int64_t i = clamp_ssize(v);
  if (i < 0) i = std::max<int64_t>(i + length, 0);
  *out = i;
  return {};
}

Status clip_range(Thread& t, Value begin, Value end, size_t length, int64_t* from, int64_t* to) {
  auto size = static_cast<int64_t>(length);
  *from = 0;
  *to = size;
  if (!begin.is_empty() && !begin.is_none()) TRY(clip_one(t, begin, size, from));
  if (!end.is_empty() && !end.is_none()) TRY(clip_one(t, end, size, to));
  *to = std::min(*to, size);
  return {};
}

}  // namespace mp

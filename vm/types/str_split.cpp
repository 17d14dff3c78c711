// Methods of str that take text apart and put it together: split, strip, partition, replace, join.
#include <algorithm>

#include "vm/protocol/protocol.h"
#include "vm/threads/object_lock.h"
#include "vm/types/list_filler.h"
#include "vm/types/number.h"
#include "vm/types/str_methods.h"
#include "vm/types/unicode.h"

namespace mp {

// Pushes s[begin:end]; false with an exception raised.
static bool push_slice(Thread& t, ListFiller& out, StrObject* s, size_t begin, size_t end) {
  StrObject* piece;
  size_t length = end - begin;
  if (s->is_ascii() && length > 1) {
    piece = allocate_ascii(t, length);
    if (piece == nullptr) return false;
    copy_bytes(reinterpret_cast<uint8_t*>(piece + 1), s->data8() + begin, length);
  } else {
    piece = str_slice(t, s, begin, end);
    if (piece == nullptr) return false;
  }
  out.push(Value(piece));
  return true;
}

struct AsciiSpace {
  // Bit c is set for the white space below 64: 9..13, 28..32.
  static constexpr uint64_t kMask = uint64_t{0x1f} << 9 | uint64_t{0x1f} << 28;
  static bool test(uint32_t c) { return c < 64 && (kMask >> c & 1) != 0; }
};
struct UnicodeSpace {
  static bool test(uint32_t c) { return c < 0x80 ? AsciiSpace::test(c) : c >= 0x85 && unicode::is_space(c); }
};

template <class Space, class Unit>
static Result<Value> split_space(Thread& t, StrObject* s, const Unit* data, int64_t limit) {
  ListFiller out(t);
  size_t n = s->length(), i = 0;
  while (limit-- > 0) {
    while (i < n && Space::test(data[i])) ++i;
    if (i == n) return out.finish();
    size_t begin = i++;
    while (i < n && !Space::test(data[i])) ++i;
    if (!push_slice(t, out, s, begin, i)) return Error{};
  }
  while (i < n && Space::test(data[i])) ++i;
  if (i < n && !push_slice(t, out, s, i, n)) return Error{};
  return out.finish();
}

template <class Space, class Unit>
static Result<Value> rsplit_space(Thread& t, StrObject* s, const Unit* data, int64_t limit) {
  ListFiller out(t);
  size_t i = s->length();
  while (limit-- > 0) {
    while (i > 0 && Space::test(data[i - 1])) --i;
    if (i == 0) break;
    size_t end = i--;
    while (i > 0 && !Space::test(data[i - 1])) --i;
    if (!push_slice(t, out, s, i, end)) return Error{};
  }
  while (i > 0 && Space::test(data[i - 1])) --i;
  if (i > 0 && !push_slice(t, out, s, 0, i)) return Error{};
  return out.finish_reversed();
}

struct SplitArgs {
  StrObject* separator = nullptr;  // null: whitespace
  int64_t limit = 0;
};
static Result<SplitArgs> split_args(Thread& t, const Value* args) {
  SplitArgs out;
  if (!args[1].is_none()) {
    if (!is_str(args[1]))
      return t.raise(Exc::TypeError, "must be str or None, not {}", type_name(t, args[1]));
    out.separator = args[1].as<StrObject>();
  }
  out.limit = TRY(to_ssize(t, args[2]));
  if (out.limit < 0) out.limit = INT64_MAX;
  if (out.separator != nullptr && out.separator->length() == 0) {
    return t.raise(Exc::ValueError, "empty separator");
  }
  return out;
}

Result<Value> str_method_split(Thread& t, const Value* args) {
  auto* s = args[0].as<StrObject>();
  SplitArgs a = TRY(split_args(t, args));
  if (a.separator == nullptr) {
    if (s->is_ascii()) return split_space<AsciiSpace>(t, s, s->data8(), a.limit);
    return with_width(s, [&](auto* data) { return split_space<UnicodeSpace>(t, s, data, a.limit); });
  }
  ListFiller out(t);
  size_t at = 0, n = s->length(), m = a.separator->length();
  if (m == 1 && s->is_ascii() && a.separator->is_ascii()) {
    const uint8_t *data = s->data8(), *end = data + n, *begin = data;
    uint8_t c = a.separator->data8()[0];
    while (a.limit-- > 0) {
      // Fields are short as a rule: a loop beats the call of memchr.
      const uint8_t *p = begin, *near = end - begin > 24 ? begin + 24 : end;
      while (p < near && *p != c) ++p;
      if (p == near) {
        p = p == end ? nullptr : static_cast<const uint8_t*>(std::memchr(p, c, static_cast<size_t>(end - p)));
        if (p == nullptr) break;
      }
      if (!push_slice(t, out, s, static_cast<size_t>(begin - data), static_cast<size_t>(p - data)))
        return Error{};
      begin = p + 1;
    }
    if (!push_slice(t, out, s, static_cast<size_t>(begin - data), n)) return Error{};
    return out.finish();
  }
  while (a.limit-- > 0) {
    int64_t hit = str_find(s, a.separator, at, n);
    if (hit < 0) break;
    if (!push_slice(t, out, s, at, static_cast<size_t>(hit))) return Error{};
    at = static_cast<size_t>(hit) + m;
  }
  if (!push_slice(t, out, s, at, n)) return Error{};
  return out.finish();
}

Result<Value> str_method_rsplit(Thread& t, const Value* args) {
  auto* s = args[0].as<StrObject>();
  SplitArgs a = TRY(split_args(t, args));
  if (a.separator == nullptr) {
    if (s->is_ascii()) return rsplit_space<AsciiSpace>(t, s, s->data8(), a.limit);
    return with_width(s, [&](auto* data) { return rsplit_space<UnicodeSpace>(t, s, data, a.limit); });
  }
  ListFiller out(t);
  size_t end = s->length(), m = a.separator->length();
  while (a.limit-- > 0) {
    int64_t hit = str_rfind(s, a.separator, 0, end);
    if (hit < 0) break;
    if (!push_slice(t, out, s, static_cast<size_t>(hit) + m, end)) return Error{};
    end = static_cast<size_t>(hit);
  }
  if (!push_slice(t, out, s, 0, end)) return Error{};
  return out.finish_reversed();
}

// Where the line that goes on at `i` ends.
static size_t line_end(StrObject* s, size_t i, size_t n) {
  constexpr uint32_t kNextLine = 0x85, kLineSeparator = 0x2028;  // and the paragraph separator behind it
  return with_width(s, [&](auto* text) {
    auto within = [](uint32_t c) {
      return c >= ' ' ? c != kNextLine && (c & ~1u) != kLineSeparator : !unicode::is_line_break(c);
    };
    while (i < n && within(text[i])) ++i;
    return i;
  });
}

Result<Value> str_method_splitlines(Thread& t, const Value* args) {
  auto* s = args[0].as<StrObject>();
  bool keep = TRY(truth(t, args[1]));
  ListFiller out(t);
  size_t n = s->length();
  for (size_t i = 0; i < n;) {
    size_t begin = i;
    i = line_end(s, i, n);
    size_t end = i;
    if (i < n) {
      i += s->at(i) == '\r' && i + 1 < n && s->at(i + 1) == '\n' ? 2 : 1;
      if (keep) end = i;
    }
    if (!push_slice(t, out, s, begin, end)) return Error{};
  }
  return out.finish();
}

// ---------------------------------------------------------------- partition, removeprefix

static Result<Value> partition(Thread& t, const Value* args, bool from_right) {
  auto* s = args[0].as<StrObject>();
  if (!is_str(args[1])) return t.raise(Exc::TypeError, "must be str, not {}", type_name(t, args[1]));
  auto* separator = args[1].as<StrObject>();
  if (separator->length() == 0) return t.raise(Exc::ValueError, "empty separator");
  int64_t hit = from_right ? str_rfind(s, separator, 0, s->length()) : str_find(s, separator, 0, s->length());
  StrObject* empty = empty_str(t);
  if (hit < 0) {
    StrObject* plain = str_plain(t, s);
    if (plain == nullptr) return Error{};
    if (from_right) return Value(make_tuple(t, {Value(empty), Value(empty), Value(plain)}));
    return Value(make_tuple(t, {Value(plain), Value(empty), Value(empty)}));
  }
  auto at = static_cast<size_t>(hit);
  StrObject* head = str_slice(t, s, 0, at);
  StrObject* tail = str_slice(t, s, at + separator->length(), s->length());
  if (head == nullptr || tail == nullptr) return Error{};
  return Value(make_tuple(t, {Value(head), Value(separator), Value(tail)}));
}
Result<Value> str_method_partition(Thread& t, const Value* args) { return partition(t, args, false); }
Result<Value> str_method_rpartition(Thread& t, const Value* args) { return partition(t, args, true); }

Result<Value> str_method_removeprefix(Thread& t, const Value* args) {
  auto* s = args[0].as<StrObject>();
  if (!is_str(args[1])) {
    return t.raise(Exc::TypeError, "removeprefix() argument must be str, not {}", type_name(t, args[1]));
  }
  auto* part = args[1].as<StrObject>();
  size_t n = s->length(), m = part->length();
  if (m <= n && str_find(s, part, 0, m) == 0) return str_or_error(str_slice(t, s, m, n));
  return str_or_error(str_plain(t, s));
}
Result<Value> str_method_removesuffix(Thread& t, const Value* args) {
  auto* s = args[0].as<StrObject>();
  if (!is_str(args[1])) {
    return t.raise(Exc::TypeError, "removesuffix() argument must be str, not {}", type_name(t, args[1]));
  }
  auto* part = args[1].as<StrObject>();
  size_t n = s->length(), m = part->length();
  if (m <= n && m != 0 && str_find(s, part, n - m, n) >= 0) return str_or_error(str_slice(t, s, 0, n - m));
  return str_or_error(str_plain(t, s));
}

// ---------------------------------------------------------------- strip

static Result<Value> strip(Thread& t, const Value* args, const char* name, bool left, bool right) {
  auto* s = args[0].as<StrObject>();
  size_t begin = 0, end = s->length();
  if (args[1].is_none() && s->is_ascii()) {
    const uint8_t* data = s->data8();
    if (left)
      while (begin < end && AsciiSpace::test(data[begin])) ++begin;
    if (right)
      while (end > begin && AsciiSpace::test(data[end - 1])) --end;
  } else if (args[1].is_none()) {
    with_width(s, [&](auto* data) {
      if (left)
        while (begin < end && UnicodeSpace::test(data[begin])) ++begin;
      if (right)
        while (end > begin && UnicodeSpace::test(data[end - 1])) --end;
    });
  } else {
    if (!is_str(args[1])) {
      return t.raise(Exc::TypeError, "{} arg must be None or str", name);
    }
    auto* set = args[1].as<StrObject>();
    auto in_set = [&](uint32_t c) {
      return with_width(set, [&](auto* data) {
        for (size_t i = 0, n = set->length(); i < n; ++i)
          if (data[i] == c) return true;
        return false;
      });
    };
    if (left)
      while (begin < end && in_set(s->at(begin))) ++begin;
    if (right)
      while (end > begin && in_set(s->at(end - 1))) --end;
  }
  return str_or_error(str_slice(t, s, begin, end));
}
Result<Value> str_method_strip(Thread& t, const Value* args) { return strip(t, args, "strip", true, true); }
Result<Value> str_method_lstrip(Thread& t, const Value* args) {
  return strip(t, args, "lstrip", true, false);
}
Result<Value> str_method_rstrip(Thread& t, const Value* args) {
  return strip(t, args, "rstrip", false, true);
}

// ---------------------------------------------------------------- replace

static Result<Value> replace_everywhere(Thread& t, StrObject* s, StrObject* part, StrObject* with,
                                        int64_t limit) {
  size_t n = s->length(), m = part->length();
  if (m == 0) {  // before each character, and at the end
    StrBuilder out(t);
    size_t i = 0;
    for (; i < n && limit > 0; ++i, --limit) {
      out.append(with);
      out.append(s->at(i));
    }
    if (i == n && limit > 0)
      out.append(with);
    else
      out.append(s, i, n);
    return out.finish();
  }
  if (m == 1 && with->length() == 1 && s->is_ascii() && with->is_ascii() && limit == INT64_MAX) {
    uint8_t from = part->data8()[0], to = with->data8()[0];
    const uint8_t* in = s->data8();
    if (std::memchr(in, from, n) == nullptr) return str_or_error(str_plain(t, s));
    StrObject* out = allocate_ascii(t, n);
    if (out == nullptr) return Error{};
    auto* p = static_cast<uint8_t*>(out->data());
    for (size_t i = 0; i < n; ++i) p[i] = in[i] == from ? to : in[i];
    return Value(out);
  }
  if (m == with->length() && with->width() <= s->width()) {
    int64_t hit = str_find(s, part, 0, n);
    if (hit < 0) return str_or_error(str_plain(t, s));
    bool ascii = s->is_ascii() && with->is_ascii();
    StrObject* out = allocate_text(t, n, s->width(), ascii);
    if (out == nullptr) return Error{};
    auto unit = static_cast<size_t>(s->width());
    auto* p = static_cast<uint8_t*>(out->data());
    std::memcpy(p, s->data8(), n * unit);
    while (hit >= 0 && limit-- > 0) {
      copy_code_points(p + static_cast<size_t>(hit) * unit, s->width(), with, 0, m);
      hit = str_find(s, part, static_cast<size_t>(hit) + m, n);
    }
    // A wide character may have been the last of its kind.
    return ascii ? Result<Value>(Value(out)) : str_or_error(str_narrowest(t, out));
  }
  // The first hits are remembered, so that most texts are searched once.
  constexpr int64_t kRemembered = 128;
  uint32_t remembered[kRemembered];
  int64_t hits = 0;
  size_t searched = 0;
  bool small = n < UINT32_MAX;
  while (small && hits < kRemembered && hits < limit) {
    int64_t hit = str_find(s, part, searched, n);
    if (hit < 0) {
      searched = n;
      break;
    }
    remembered[hits++] = static_cast<uint32_t>(hit);
    searched = static_cast<size_t>(hit) + m;
  }
  int64_t known = hits;
  if (hits < limit && searched < n) hits += str_count(s, part, searched, n, limit - hits);
  if (hits == 0) return str_or_error(str_plain(t, s));
  int64_t next = 0;
  auto next_hit = [&](size_t from) {
    size_t hit = next < known ? remembered[next] : static_cast<size_t>(str_find(s, part, from, n));
    ++next;
    return hit;
  };
  int64_t growth = static_cast<int64_t>(with->length()) - static_cast<int64_t>(m);
  if (growth > 0 && hits > (int64_t{1} << 45) / growth) {
    return t.raise(Exc::OverflowError, "replace string is too long");
  }
  auto length = static_cast<size_t>(static_cast<int64_t>(n) + hits * growth);
  if (length == 0) return Value(empty_str(t));
  if (with->width() <= s->width()) {
    bool ascii = s->is_ascii() && with->is_ascii();
    int width = s->width();
    StrObject* out = allocate_str(t, length, width, ascii);
    if (out == nullptr) return Error{};
    auto* p = static_cast<uint8_t*>(out->data());
    const uint8_t* in = s->data8();
    size_t at = 0, w = with->length(), unit = static_cast<size_t>(width);
    for (; hits > 0; --hits) {
      size_t hit = next_hit(at);
      std::memcpy(p, in + at * unit, (hit - at) * unit);
      p += (hit - at) * unit;
      copy_code_points(p, width, with, 0, w);
      p += w * unit;
      at = hit + m;
    }
    std::memcpy(p, in + at * unit, (n - at) * unit);
    // A wide character may have been the last of its kind.
    return ascii ? Result<Value>(Value(out)) : str_or_error(str_narrowest(t, out));
  }
  StrBuilder out(t);
  size_t at = 0;
  for (; hits > 0; --hits) {
    size_t hit = next_hit(at);
    out.append(s, at, hit);
    out.append(with);
    at = hit + m;
  }
  out.append(s, at, n);
  return out.finish();
}

Result<Value> str_method_replace(Thread& t, const Value* args) {
  for (int i = 1; i <= 2; ++i) {
    if (!is_str(args[i])) {
      return t.raise(Exc::TypeError, "replace() argument {} must be str, not {}", i, type_name(t, args[i]));
    }
  }
  int64_t limit = TRY(to_ssize(t, args[3]));
  auto* s = args[0].as<StrObject>();
  auto *part = args[1].as<StrObject>(), *with = args[2].as<StrObject>();
  if (limit < 0) limit = INT64_MAX;
  if (limit == 0 || part->length() > s->length() || part->width() > s->width() || str_equal(part, with)) {
    return str_or_error(str_plain(t, s));
  }
  return replace_everywhere(t, s, part, with, limit);
}

// ---------------------------------------------------------------- join

Result<Value> str_method_join(Thread& t, const Value* args) {
  auto* separator = args[0].as<StrObject>();
  Value items = args[1];
  if (is_list(items)) {
    auto* list = items.as<ListObject>();
    // SAFETY: no script code runs during the join, so the list stays as it is.
    ObjectLock lock(t, list);
    ListArray* array = list->array.load();
    size_t n = list->length();
    if (n == 0) return Value(empty_str(t));
    return str_join(t, separator, reinterpret_cast<const Value*>(array->items()), n);
  }
  if (!is_tuple(items)) {
    if (!items.is_object() ||
        (type_of(t, items)->slots.iter == nullptr && type_of(t, items)->slots.get_item == nullptr)) {
      return t.raise(Exc::TypeError, "can only join an iterable");
    }
    Value list = TRY(to_list(t, items));
    auto* object = list.as<ListObject>();
    size_t n = object->length();
    if (n == 0) return Value(empty_str(t));
    return str_join(t, separator, reinterpret_cast<const Value*>(object->array.load()->items()), n);
  }
  auto* tuple = items.as<TupleObject>();
  return str_join(t, separator, reinterpret_cast<const Value*>(tuple->items()), tuple->size);
}

}  // namespace mp

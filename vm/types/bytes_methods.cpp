// Methods that bytes and bytearray share: searching, replacing, stripping, joining.
#include "vm/types/bytes_methods.h"
#include "vm/os/memory.h"

#include <algorithm>

#include "vm/protocol/protocol.h"
#include "vm/types/codec.h"
#include "vm/types/list_filler.h"
#include "vm/types/number.h"
#include "vm/types/runtime.h"

namespace mp {

static std::string bytes_type_name(Value self) { return is_bytes(self) ? "bytes" : "bytearray"; }

// ---------------------------------------------------------------- searching

namespace {
// The argument of find and friends: bytes-like or one byte as an int.
struct BytesNeedle {
  HeldBuffer held;
  uint8_t byte = 0;
  std::string_view part;
  std::string_view text;  // clipped to the range
  int64_t from = 0, to = 0;
  bool possible = true;

  Status get(Thread& t, const Value* args) {
    Value v = args[1];
    bool index =
        is_any_int(v) || (v.is_object() && type_of(t, v)->slots.index != nullptr && !supports_buffer(t, v));
    if (index) {
      byte = TRY(byte_value(t, v, "byte must be in range(0, 256)"));
      part = {reinterpret_cast<const char*>(&byte), 1};
    } else {
      if (!supports_buffer(t, v)) {
        return t.raise(Exc::TypeError, "argument should be integer or bytes-like object, not '{}'",
                       type_name(t, v));
      }
      TRY(held.get(t, v));
      part = held.bytes();
    }
    std::string_view own = self_bytes(t, args[0]);
    TRY(clip_range(t, args[2], args[3], own.size(), &from, &to));
    own = self_bytes(t, args[0]);
    to = std::min<int64_t>(to, static_cast<int64_t>(own.size()));
    possible = from <= to;
    if (possible) text = own.substr(static_cast<size_t>(from), static_cast<size_t>(to - from));
    return {};
  }
  int64_t find() const {
    if (!possible) return -1;
    int64_t hit = find_bytes(raw(text), text.size(), raw(part), part.size());
    return hit < 0 ? -1 : hit + from;
  }
  int64_t rfind() const {
    if (!possible) return -1;
    int64_t hit = rfind_bytes(raw(text), text.size(), raw(part), part.size());
    return hit < 0 ? -1 : hit + from;
  }
};
}  // namespace

Result<Value> bytes_method_find(Thread& t, const Value* args) {
  BytesNeedle n;
  TRY(n.get(t, args));
  return Value::from_int(n.find());
}
Result<Value> bytes_method_rfind(Thread& t, const Value* args) {
  BytesNeedle n;
  TRY(n.get(t, args));
  return Value::from_int(n.rfind());
}
Result<Value> bytes_method_index(Thread& t, const Value* args) {
  BytesNeedle n;
  TRY(n.get(t, args));
  int64_t at = n.find();
  if (at < 0) return t.raise(Exc::ValueError, "subsection not found");
  return Value::from_int(at);
}
Result<Value> bytes_method_rindex(Thread& t, const Value* args) {
  BytesNeedle n;
  TRY(n.get(t, args));
  int64_t at = n.rfind();
  if (at < 0) return t.raise(Exc::ValueError, "subsection not found");
  return Value::from_int(at);
}
Result<Value> bytes_method_count(Thread& t, const Value* args) {
  BytesNeedle n;
  TRY(n.get(t, args));
  if (!n.possible) return Value::from_int(0);
  return Value::from_int(count_bytes(raw(n.text), n.text.size(), raw(n.part), n.part.size(), -1));
}

static Result<Value> tail_match(Thread& t, const Value* args, bool suffix) {
  const char* name = suffix ? "endswith" : "startswith";
  int64_t from, to;
  TRY(clip_range(t, args[2], args[3], self_size(args[0]), &from, &to));
  auto test = [&](Value part) -> Result<bool> {
    HeldBuffer held;
    TRY(held.get(t, part));
    // __index__, __buffer__ or another thread may have made it shorter.
    std::string_view own = self_bytes(t, args[0]);
    to = std::min<int64_t>(to, static_cast<int64_t>(own.size()));
    auto m = static_cast<int64_t>(held.bytes().size());
    if (to - from < m) return false;
    return own.substr(static_cast<size_t>(suffix ? to - m : from), static_cast<size_t>(m)) == held.bytes();
  };
  if (is_tuple(args[1])) {
    auto* tuple = args[1].as<TupleObject>();
    for (size_t i = 0; i < tuple->size; ++i)
      if (TRY(test((*tuple)[i]))) return kTrue;
    return kFalse;
  }
  if (!supports_buffer(t, args[1])) {
    return t.raise(Exc::TypeError, "{} first arg must be bytes or a tuple of bytes, not {}", name,
                   type_name(t, args[1]));
  }
  return Value::from_bool(TRY(test(args[1])));
}
Result<Value> bytes_method_startswith(Thread& t, const Value* args) { return tail_match(t, args, false); }
Result<Value> bytes_method_endswith(Thread& t, const Value* args) { return tail_match(t, args, true); }

// ---------------------------------------------------------------- cutting

Result<Value> bytes_method_removeprefix(Thread& t, const Value* args) {
  HeldBuffer held;
  TRY(held.get(t, args[1]));
  std::string_view own = self_bytes(t, args[0]), part = held.bytes();
  if (!part.empty() && own.substr(0, part.size()) == part) {
    return bytes_like_self(t, args[0], own.substr(part.size()));
  }
  return bytes_unchanged(t, args[0]);
}
Result<Value> bytes_method_removesuffix(Thread& t, const Value* args) {
  HeldBuffer held;
  TRY(held.get(t, args[1]));
  std::string_view own = self_bytes(t, args[0]), part = held.bytes();
  if (!part.empty() && own.size() >= part.size() && own.substr(own.size() - part.size()) == part) {
    return bytes_like_self(t, args[0], own.substr(0, own.size() - part.size()));
  }
  return bytes_unchanged(t, args[0]);
}

static Result<Value> strip(Thread& t, const Value* args, bool left, bool right) {
  bool drop[256] = {};
  if (args[1].is_none()) {
    for (int c = 0; c < 256; ++c) drop[c] = is_space_byte(static_cast<uint8_t>(c));
  } else {
    HeldBuffer held;
    TRY(held.get(t, args[1]));
    for (char c : held.bytes()) drop[static_cast<uint8_t>(c)] = true;
  }
  std::string_view own = self_bytes(t, args[0]);
  size_t begin = 0, end = own.size();
  if (left)
    while (begin < end && drop[raw(own)[begin]]) ++begin;
  if (right)
    while (end > begin && drop[raw(own)[end - 1]]) --end;
  if (begin == 0 && end == own.size()) return bytes_unchanged(t, args[0]);
  return bytes_like_self(t, args[0], own.substr(begin, end - begin));
}
Result<Value> bytes_method_strip(Thread& t, const Value* args) { return strip(t, args, true, true); }
Result<Value> bytes_method_lstrip(Thread& t, const Value* args) { return strip(t, args, true, false); }
Result<Value> bytes_method_rstrip(Thread& t, const Value* args) { return strip(t, args, false, true); }

Result<Value> bytes_method_replace(Thread& t, const Value* args) {
  HeldBuffer held_part, held_with;
  TRY(held_part.get(t, args[1]));
  TRY(held_with.get(t, args[2]));
  int64_t limit = TRY(to_ssize(t, args[3]));
  if (limit < 0) limit = INT64_MAX;
  std::string_view own = self_bytes(t, args[0]), part = held_part.steady(t), with = held_with.bytes();
  if (part.size() == with.size() && !part.empty() && limit > 0) {
    int64_t hit = find_bytes(raw(own), own.size(), raw(part), part.size());
    if (hit < 0) return bytes_unchanged(t, args[0]);
    BytesRoom room(t, args[0], own.size());
    if (room.data == nullptr) return Error{};
    std::memcpy(room.data, own.data(), own.size());
    size_t at = 0;
    do {
      at += static_cast<size_t>(hit);
      copy_bytes(room.data + at, raw(with), with.size());
      at += part.size();
      hit = find_bytes(raw(own) + at, own.size() - at, raw(part), part.size());
    } while (hit >= 0 && --limit > 0);
    return room.made;
  }
  int64_t hits = count_bytes(raw(own), own.size(), raw(part), part.size(), limit);
  if (hits == 0 || limit == 0) return bytes_unchanged(t, args[0]);
  if (with.size() > part.size() &&
      hits > (int64_t{1} << 45) / static_cast<int64_t>(with.size() - part.size())) {
    return t.raise(Exc::OverflowError, "replace bytes is too long");
  }
  size_t size =
      own.size() + static_cast<size_t>(hits) * (with.size() > part.size() ? with.size() - part.size() : 0);
  if (!os::has_room(2 * size)) return t.raise_memory_error();  // the text and the object
  std::string out;
  out.reserve(size);
  size_t at = 0;
  for (; hits > 0; --hits) {
    if (part.empty()) {
      out.append(with);
      if (at < own.size()) out.push_back(own[at]);
      ++at;
      continue;
    }
    size_t hit = at + static_cast<size_t>(find_bytes(raw(own) + at, own.size() - at, raw(part), part.size()));
    out.append(own, at, hit - at);
    out.append(with);
    at = hit + part.size();
  }
  if (at < own.size()) out.append(own.substr(at));
  return bytes_like_self(t, args[0], out);
}

Result<Value> bytes_method_join(Thread& t, const Value* args) {
  Value items = args[1];
  if (!is_tuple(items) && !is_list(items)) {
    if (!items.is_object() ||
        (type_of(t, items)->slots.iter == nullptr && type_of(t, items)->slots.get_item == nullptr)) {
      return t.raise(Exc::TypeError, "can only join an iterable");
    }
    items = TRY(to_list(t, items));
  }
  if (is_list(items)) items = TRY(tuple_of_list(t, items.as<ListObject>()));
  auto* tuple = items.as<TupleObject>();
  std::string_view separator = self_bytes(t, args[0]);
  if (tuple->size == 1 && is_bytes(args[0]) && is_exact((*tuple)[0], t.types().bytes)) return (*tuple)[0];
  size_t total = tuple->size > 0 ? separator.size() * (tuple->size - 1) : 0;
  bool plain = true;
  for (size_t i = 0; i < tuple->size; ++i) {
    Value item = (*tuple)[i];
    if (is_bytes(item)) {
      total += item.as<BytesObject>()->size;
      continue;
    }
    plain = false;
    if (!supports_buffer(t, item)) {
      return t.raise(Exc::TypeError, "sequence item {}: expected a bytes-like object, {} found", i,
                     type_name(t, item));
    }
  }
  if (plain && is_bytes(args[0])) {
    BytesObject* out = allocate_bytes(t, total);
    if (out == nullptr) return Error{};
    uint8_t* p = out->data();
    for (size_t i = 0; i < tuple->size; ++i) {
      if (i != 0) {
        std::memcpy(p, separator.data(), separator.size());
        p += separator.size();
      }
      std::string_view part = (*tuple)[i].as<BytesObject>()->view();
      std::memcpy(p, part.data(), part.size());
      p += part.size();
    }
    return Value(out);
  }
  std::string out;
  for (size_t i = 0; i < tuple->size; ++i) {
    if (i != 0) out.append(separator);
    HeldBuffer held;
    TRY(held.get(t, (*tuple)[i]));
    if (!os::make_room(out, held.bytes().size() + separator.size())) return t.raise_memory_error();
    out.append(held.bytes());
  }
  return bytes_like_self(t, args[0], out);
}

// ---------------------------------------------------------------- conversions

Result<Value> bytes_method_decode(Thread& t, const Value* args) {
  for (int i = 1; i <= 2; ++i) {
    if (!args[i].is_empty() && !is_str(args[i])) {
      return t.raise(Exc::TypeError, "decode() argument '{}' must be str, not {}",
                     i == 1 ? "encoding" : "errors", type_name(t, args[i]));
    }
  }
  return decode_object(t, args[0], args[1], args[2]);
}

Result<HexGroups> hex_groups(Thread& t, Value separator, Value per_group) {
  HexGroups groups;
  if (separator.is_empty()) return groups;
  if (!is_str(separator) && !is_bytes(separator)) {
    if (TRY(length(t, separator)) != 1) return t.raise(Exc::ValueError, "sep must be length 1.");
    return t.raise(Exc::TypeError, "sep must be str or bytes.");
  }
  size_t size = is_str(separator) ? separator.as<StrObject>()->length() : separator.as<BytesObject>()->size;
  if (size != 1) return t.raise(Exc::ValueError, "sep must be length 1.");
  uint32_t c = is_str(separator) ? separator.as<StrObject>()->at(0) : separator.as<BytesObject>()->data()[0];
  if (c > 127) return t.raise(Exc::ValueError, "sep must be ASCII.");
  groups.separator = static_cast<char>(c);
  groups.size = TRY(to_c_int(t, per_group));
  return groups;
}

struct HexPairs {
  char digits[256][2];
};
static constexpr HexPairs kHexPairs = [] {
  HexPairs pairs{};
  for (int i = 0; i < 256; ++i) {
    pairs.digits[i][0] = "0123456789abcdef"[i >> 4];
    pairs.digits[i][1] = "0123456789abcdef"[i & 15];
  }
  return pairs;
}();
static char* put_hex(char* out, std::string_view content) {
  for (char c : content) {
    std::memcpy(out, kHexPairs.digits[static_cast<uint8_t>(c)], 2);
    out += 2;
  }
  return out;
}

Result<Value> hex_text(Thread& t, std::string_view content, HexGroups groups, HexType type) {
  size_t n = content.size();
  auto size = static_cast<size_t>(groups.size < 0 ? -groups.size : groups.size);
  if (size == 0 || size > n) size = n;
  if (n == 0) return type == HexType::Str ? Value(empty_str(t)) : TRY(str_or_error(make_bytes(t, {})));
  size_t total = 2 * n + (n - 1) / size;
  Value made;
  char* out;
  if (type == HexType::Str) {
    StrObject* text = allocate_ascii(t, total);
    if (text == nullptr) return Error{};
    made = text;
    out = static_cast<char*>(text->data());
  } else {
    BytesObject* bytes = allocate_bytes(t, total);
    if (bytes == nullptr) return Error{};
    made = bytes;
    out = reinterpret_cast<char*>(bytes->data());
  }
  // Positive: groups are counted from the right.
  size_t first = groups.size > 0 && n % size != 0 ? n % size : size;
  out = put_hex(out, content.substr(0, first));
  for (size_t at = first; at < n; at += size) {
    *out++ = groups.separator;
    out = put_hex(out, content.substr(at, size));
  }
  return made;
}

Result<Value> bytes_method_hex(Thread& t, const Value* args) {
  HexGroups groups = TRY(hex_groups(t, args[1], args[2]));
  return hex_text(t, self_bytes(t, args[0]), groups, HexType::Str);
}

static int hex_digit(uint32_t c) {
  if (c - '0' < 10u) return static_cast<int>(c - '0');
  c |= 32;
  return c - 'a' < 6u ? static_cast<int>(c - 'a' + 10) : -1;
}

Status bytes_fromhex(Thread& t, Value text, std::string& out) {
  if (!is_str(text))
    return t.raise(Exc::TypeError, "fromhex() argument must be str, not {}", type_name(t, text));
  auto* s = text.as<StrObject>();
  size_t n = s->length();
  for (size_t i = 0; i < n;) {
    uint32_t c = s->at(i);
    if (c < 128 && is_space_byte(static_cast<uint8_t>(c))) {
      ++i;
      continue;
    }
    int high = c < 128 ? hex_digit(c) : -1;
    if (high < 0) {
      return t.raise(Exc::ValueError, "non-hexadecimal number found in fromhex() arg at position {}", i);
    }
    ++i;
    uint32_t d = i < n ? s->at(i) : 0;
    int low = i < n && d < 128 ? hex_digit(d) : -1;
    if (low < 0) {
      return t.raise(Exc::ValueError, "non-hexadecimal number found in fromhex() arg at position {}", i);
    }
    ++i;
    out.push_back(static_cast<char>(high << 4 | low));
  }
  return {};
}

Result<Value> bytes_method_fromhex(Thread& t, const Value* args) {
  std::string out;
  TRY(bytes_fromhex(t, args[1], out));
  auto* type = args[0].as<Type>();
  bool array = is_subtype(type, t.types().bytearray);
  Value made = array ? TRY(str_or_error(make_bytearray(t, out))) : TRY(str_or_error(make_bytes(t, out)));
  if (type == t.types().bytes || type == t.types().bytearray) return made;
  return call(t, args[0], {made});
}

Result<Value> bytes_method_maketrans(Thread& t, const Value* args) {
  HeldBuffer from, to;
  TRY(from.get(t, args[0]));
  TRY(to.get(t, args[1]));
  if (from.bytes().size() != to.bytes().size()) {
    return t.raise(Exc::ValueError, "maketrans arguments must have same length");
  }
  char table[256];
  for (int i = 0; i < 256; ++i) table[i] = static_cast<char>(i);
  for (size_t i = 0; i < from.bytes().size(); ++i) table[raw(from.bytes())[i]] = to.bytes()[i];
  return str_or_error(make_bytes(t, {table, 256}));
}

Result<Value> bytes_method_translate(Thread& t, const Value* args) {
  HeldBuffer table, deleted;
  bool has_table = !args[1].is_none();
  if (has_table) {
    TRY(table.get(t, args[1]));
    if (table.bytes().size() != 256) {
      return t.raise(Exc::ValueError, "translation table must be 256 characters long");
    }
  }
  bool drop[256] = {};
  if (!args[2].is_empty()) {
    TRY(deleted.get(t, args[2]));
    for (char c : deleted.bytes()) drop[static_cast<uint8_t>(c)] = true;
  }
  std::string_view own = self_bytes(t, args[0]), map = table.bytes();
  BytesRoom room(t, args[0], own.size());
  if (room.data == nullptr) return Error{};
  uint8_t* to = room.data;
  const uint8_t *from = raw(own), *mapped = raw(map);
  if (args[2].is_empty()) {
    if (!has_table) return bytes_unchanged(t, args[0]);
    for (size_t i = 0; i < own.size(); ++i) to[i] = mapped[from[i]];
    to += own.size();
  } else {
    for (size_t i = 0; i < own.size(); ++i) {
      *to = has_table ? mapped[from[i]] : from[i];
      to += !drop[from[i]];
    }
  }
  auto size = static_cast<size_t>(to - room.data);
  bool same = size == own.size() && (size == 0 || std::memcmp(room.data, from, size) == 0);
  if (same) return bytes_unchanged(t, args[0]);
  if (size == own.size()) return room.made;
  return bytes_like_self(t, args[0], {reinterpret_cast<char*>(room.data), size});
}

// ---------------------------------------------------------------- padding

static Result<Value> justify(Thread& t, const Value* args, char mode, const char* name) {
  int64_t width = TRY(to_ssize(t, args[1]));
  char fill = ' ';
  if (!args[2].is_empty()) {
    if (!is_bytes(args[2]) && !is_kind(args[2], Kind::ByteArray))
      return t.raise(Exc::TypeError, "{}() argument 2 must be a byte string of length 1, not {}", name,
                     type_name(t, args[2]));
    std::string_view given = self_bytes(t, args[2]);
    if (given.size() != 1)
      return t.raise(Exc::TypeError,
                     "{}(): argument 2 must be a byte string of length 1, not a {} object of length {}", name,
                     bytes_type_name(args[2]), given.size());
    fill = given[0];
  }
  std::string_view own = self_bytes(t, args[0]);
  auto size = static_cast<int64_t>(own.size());
  if (width <= size) return bytes_unchanged(t, args[0]);
  if (!os::has_room(static_cast<size_t>(width))) return t.raise_memory_error();
  int64_t margin = width - size;
  int64_t left = mode == 'l' ? 0 : mode == 'r' ? margin : margin / 2 + (margin & width & 1);
  std::string out(static_cast<size_t>(left), fill);
  out.append(own);
  out.append(static_cast<size_t>(margin - left), fill);
  return bytes_like_self(t, args[0], out);
}
Result<Value> bytes_method_ljust(Thread& t, const Value* args) { return justify(t, args, 'l', "ljust"); }
Result<Value> bytes_method_rjust(Thread& t, const Value* args) { return justify(t, args, 'r', "rjust"); }
Result<Value> bytes_method_center(Thread& t, const Value* args) { return justify(t, args, 'c', "center"); }

Result<Value> bytes_method_zfill(Thread& t, const Value* args) {
  int64_t width = TRY(to_ssize(t, args[1]));
  std::string_view own = self_bytes(t, args[0]);
  if (width <= static_cast<int64_t>(own.size())) return bytes_unchanged(t, args[0]);
  if (!os::has_room(static_cast<size_t>(width))) return t.raise_memory_error();
  std::string out(static_cast<size_t>(width) - own.size(), '0');
  if (!own.empty() && (own[0] == '+' || own[0] == '-')) {
    out.insert(out.begin(), own[0]);
    own.remove_prefix(1);
  }
  out.append(own);
  return bytes_like_self(t, args[0], out);
}

Result<Value> bytes_method_expandtabs(Thread& t, const Value* args) {
  int64_t tab_size = TRY(to_c_int(t, args[1]));
  std::string out;
  int64_t column = 0;
  for (char c : self_bytes(t, args[0])) {
    if (c == '\t') {
      if (tab_size <= 0) continue;
      int64_t spaces = tab_size - column % tab_size;
      if (!os::has_room(out.size() + static_cast<size_t>(spaces))) return t.raise_memory_error();
      out.append(static_cast<size_t>(spaces), ' ');
      column += spaces;
    } else {
      out.push_back(c);
      column = c == '\n' || c == '\r' ? 0 : column + 1;
    }
  }
  return bytes_like_self(t, args[0], out);
}

}  // namespace mp

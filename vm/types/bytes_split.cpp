// Methods of bytes and bytearray that take them apart: split, rsplit, splitlines, partition.
#include "vm/protocol/protocol.h"
#include "vm/types/bytes_methods.h"
#include "vm/types/list_filler.h"
#include "vm/types/number.h"

namespace mp {

static bool push_part(Thread& t, ListFiller& out, Value self, std::string_view part) {
  if (is_bytes(self) && !part.empty()) [[likely]] {
    BytesObject* made = allocate_bytes(t, part.size());
    if (made == nullptr) return false;
    copy_bytes(made->data(), raw(part), part.size());
    out.push(Value(made));
    return true;
  }
  Result<Value> made = bytes_like_self(t, self, part);
  if (made.is_error()) return false;
  out.push(made.value());
  return true;
}

static Result<Value> split(Thread& t, const Value* args, bool from_right) {
  int64_t limit = TRY(to_ssize(t, args[2]));
  if (limit < 0) limit = INT64_MAX;
  HeldBuffer held;
  bool space = args[1].is_none();
  if (!space) {
    TRY(held.get(t, args[1]));
    if (held.bytes().empty()) return t.raise(Exc::ValueError, "empty separator");
  }
  std::string_view own = self_bytes(t, args[0]);
  std::string_view separator = held.bytes();
  ListFiller out(t);
  if (space && !from_right) {
    size_t i = 0, n = own.size();
    for (;;) {
      while (i < n && is_space_byte(raw(own)[i])) ++i;
      if (i == n) break;
      if (limit-- <= 0) {
        if (!push_part(t, out, args[0], own.substr(i))) return Error{};
        break;
      }
      size_t begin = i;
      while (i < n && !is_space_byte(raw(own)[i])) ++i;
      if (!push_part(t, out, args[0], own.substr(begin, i - begin))) return Error{};
    }
    return out.finish();
  }
  if (space) {
    size_t i = own.size();
    for (;;) {
      while (i > 0 && is_space_byte(raw(own)[i - 1])) --i;
      if (i == 0) break;
      size_t end = i;
      if (limit-- <= 0) {
        if (!push_part(t, out, args[0], own.substr(0, end))) return Error{};
        break;
      }
      while (i > 0 && !is_space_byte(raw(own)[i - 1])) --i;
      if (!push_part(t, out, args[0], own.substr(i, end - i))) return Error{};
    }
  } else if (!from_right) {
    size_t at = 0;
    while (limit-- > 0) {
      int64_t hit = find_bytes(raw(own) + at, own.size() - at, raw(separator), separator.size());
      if (hit < 0) break;
      if (!push_part(t, out, args[0], own.substr(at, static_cast<size_t>(hit)))) return Error{};
      at += static_cast<size_t>(hit) + separator.size();
    }
    if (!push_part(t, out, args[0], own.substr(at))) return Error{};
    return out.finish();
  } else {
    size_t end = own.size();
    while (limit-- > 0) {
      int64_t hit = rfind_bytes(raw(own), end, raw(separator), separator.size());
      if (hit < 0) break;
      size_t begin = static_cast<size_t>(hit) + separator.size();
      if (!push_part(t, out, args[0], own.substr(begin, end - begin))) return Error{};
      end = static_cast<size_t>(hit);
    }
    if (!push_part(t, out, args[0], own.substr(0, end))) return Error{};
  }
  return out.finish_reversed();
}
Result<Value> bytes_method_split(Thread& t, const Value* args) { return split(t, args, false); }
Result<Value> bytes_method_rsplit(Thread& t, const Value* args) { return split(t, args, true); }

Result<Value> bytes_method_splitlines(Thread& t, const Value* args) {
  bool keep = TRY(truth(t, args[1]));
  std::string_view own = self_bytes(t, args[0]);
  ListFiller out(t);
  for (size_t i = 0; i < own.size();) {
    size_t begin = i;
    while (i < own.size() && own[i] != '\n' && own[i] != '\r') ++i;
    size_t end = i;
    if (i < own.size()) {
      i += own[i] == '\r' && i + 1 < own.size() && own[i + 1] == '\n' ? 2 : 1;
      if (keep) end = i;
    }
    if (!push_part(t, out, args[0], own.substr(begin, end - begin))) return Error{};
  }
  return out.finish();
}

static Result<Value> partition(Thread& t, const Value* args, bool from_right) {
  HeldBuffer held;
  TRY(held.get(t, args[1]));
  std::string_view separator = held.bytes(), own = self_bytes(t, args[0]);
  if (separator.empty()) return t.raise(Exc::ValueError, "empty separator");
  int64_t hit = from_right ? rfind_bytes(raw(own), own.size(), raw(separator), separator.size())
                           : find_bytes(raw(own), own.size(), raw(separator), separator.size());
  if (hit < 0) {
    Value whole = TRY(bytes_unchanged(t, args[0]));
    Value empty1 = TRY(bytes_like_self(t, args[0], {})), empty2 = TRY(bytes_like_self(t, args[0], {}));
    if (from_right) return Value(make_tuple(t, {empty1, empty2, whole}));
    return Value(make_tuple(t, {whole, empty1, empty2}));
  }
  Value head = TRY(bytes_like_self(t, args[0], own.substr(0, static_cast<size_t>(hit))));
  Value tail = TRY(bytes_like_self(t, args[0], own.substr(static_cast<size_t>(hit) + separator.size())));
  Value middle = args[1];
  if (!is_bytes(args[0])) middle = TRY(bytes_like_self(t, args[0], separator));
  return Value(make_tuple(t, {head, middle, tail}));
}
Result<Value> bytes_method_partition(Thread& t, const Value* args) { return partition(t, args, false); }
Result<Value> bytes_method_rpartition(Thread& t, const Value* args) { return partition(t, args, true); }

}  // namespace mp

// ASCII case mapping and character tests of bytes and bytearray.
#include "vm/types/bytes_methods.h"

namespace mp {

static bool upper_byte(uint8_t c) { return static_cast<uint8_t>(c - 'A') < 26; }
static bool lower_byte(uint8_t c) { return static_cast<uint8_t>(c - 'a') < 26; }
static bool alpha_byte(uint8_t c) { return lower_byte(c | 32); }
static bool digit_byte(uint8_t c) { return static_cast<uint8_t>(c - '0') < 10; }
static uint8_t to_lower_byte(uint8_t c) { return upper_byte(c) ? c + 32 : c; }
static uint8_t to_upper_byte(uint8_t c) { return lower_byte(c) ? c - 32 : c; }

template <class Map>
static Result<Value> map_bytes(Thread& t, Value self, Map&& map) {
  std::string_view own = self_bytes(t, self);
  if (own.empty() || !is_bytes(self)) {
    std::string out(own);
    for (char& c : out) c = static_cast<char>(map(static_cast<uint8_t>(c)));
    return bytes_like_self(t, self, out);
  }
  BytesObject* made = allocate_bytes(t, own.size());
  if (made == nullptr) return Error{};
  uint8_t* to = made->data();
  for (char c : own) *to++ = map(static_cast<uint8_t>(c));
  return made;
}

Result<Value> bytes_method_lower(Thread& t, const Value* args) {
  return map_bytes(t, args[0], [](uint8_t c) { return to_lower_byte(c); });
}
Result<Value> bytes_method_upper(Thread& t, const Value* args) {
  return map_bytes(t, args[0], [](uint8_t c) { return to_upper_byte(c); });
}
Result<Value> bytes_method_swapcase(Thread& t, const Value* args) {
  return map_bytes(t, args[0], [](uint8_t c) { return alpha_byte(c) ? static_cast<uint8_t>(c ^ 32) : c; });
}
Result<Value> bytes_method_title(Thread& t, const Value* args) {
  bool in_word = false;
  return map_bytes(t, args[0], [&](uint8_t c) {
    uint8_t mapped = in_word ? to_lower_byte(c) : to_upper_byte(c);
    in_word = alpha_byte(c);
    return mapped;
  });
}
Result<Value> bytes_method_capitalize(Thread& t, const Value* args) {
  bool first = true;
  return map_bytes(t, args[0], [&](uint8_t c) {
    uint8_t mapped = first ? to_upper_byte(c) : to_lower_byte(c);
    first = false;
    return mapped;
  });
}

template <class Test>
static Result<Value> all_bytes(Thread& t, Value self, Test&& test) {
  std::string_view own = self_bytes(t, self);
  if (own.empty()) return kFalse;
  for (char c : own)
    if (!test(static_cast<uint8_t>(c))) return kFalse;
  return kTrue;
}
Result<Value> bytes_method_isalpha(Thread& t, const Value* args) { return all_bytes(t, args[0], alpha_byte); }
Result<Value> bytes_method_isdigit(Thread& t, const Value* args) { return all_bytes(t, args[0], digit_byte); }
Result<Value> bytes_method_isalnum(Thread& t, const Value* args) {
  return all_bytes(t, args[0], [](uint8_t c) { return alpha_byte(c) || digit_byte(c); });
}
Result<Value> bytes_method_isspace(Thread& t, const Value* args) {
  return all_bytes(t, args[0], [](uint8_t c) { return c == ' ' || (c >= 9 && c <= 13); });
}
Result<Value> bytes_method_isascii(Thread& t, const Value* args) {
  std::string_view own = self_bytes(t, args[0]);
  return Value::from_bool(all_ascii(reinterpret_cast<const uint8_t*>(own.data()), own.size()));
}
Result<Value> bytes_method_islower(Thread& t, const Value* args) {
  bool cased = false;
  for (char signed_byte : self_bytes(t, args[0])) {
    auto c = static_cast<uint8_t>(signed_byte);
    if (upper_byte(c)) return kFalse;
    cased = cased || lower_byte(c);
  }
  return Value::from_bool(cased);
}
Result<Value> bytes_method_isupper(Thread& t, const Value* args) {
  bool cased = false;
  for (char signed_byte : self_bytes(t, args[0])) {
    auto c = static_cast<uint8_t>(signed_byte);
    if (lower_byte(c)) return kFalse;
    cased = cased || upper_byte(c);
  }
  return Value::from_bool(cased);
}
Result<Value> bytes_method_istitle(Thread& t, const Value* args) {
  bool cased = false, in_word = false;
  for (char signed_byte : self_bytes(t, args[0])) {
    auto c = static_cast<uint8_t>(signed_byte);
    if (upper_byte(c)) {
      if (in_word) return kFalse;
      cased = in_word = true;
    } else if (lower_byte(c)) {
      if (!in_word) return kFalse;
    } else {
      in_word = false;
    }
  }
  return Value::from_bool(cased);
}

}  // namespace mp

// str.translate, str.maketrans and str.expandtabs.
#include "vm/protocol/protocol.h"
#include "vm/types/number.h"
#include "vm/types/str_methods.h"

namespace mp {

// What a table says about one code point: appended to `out`.
static Status translate_one(Thread& t, Value table, uint32_t c, StrBuilder& out) {
  Value key = Value::from_int(c);
  Value mapped;
  if (is_exact(table, t.types().dict)) {
    mapped = TRY(dict_get(t, table.as<DictObject>(), key));
    if (mapped.is_not_found()) {
      out.append(c);
      return {};
    }
  } else {
    Result<Value> item = get_item(t, table, key);
    if (item.is_error()) {
      if (!t.catch_exception(Exc::LookupError)) return Error{};
      out.append(c);
      return {};
    }
    mapped = item.value();
  }
  if (mapped.is_none()) return {};
  if (is_str(mapped)) {
    out.append(mapped.as<StrObject>());
    return {};
  }
  if (is_any_int(mapped)) {
    int64_t code;
    if (!int_to_int64(mapped, &code) || code < 0 || code > 0x10ffff) {
      return t.raise(Exc::ValueError, "character mapping must be in range(0x110000)");
    }
    out.append(static_cast<uint32_t>(code));
    return {};
  }
  return t.raise(Exc::TypeError, "character mapping must return integer, None or str");
}

Result<Value> str_method_translate(Thread& t, const Value* args) {
  auto* s = args[0].as<StrObject>();
  Value table = args[1];
  StrBuilder out(t);
  // Answers "ASCII to one ASCII character or nothing" are remembered: 0 unknown, 1 deleted, else character
  // + 2.
  uint8_t known[128] = {};
  for (size_t i = 0, n = s->length(); i < n; ++i) {
    if (s->width() == 1) {  // what is known goes out in pieces
      const uint8_t* text = s->data8();
      char piece[256];
      size_t length = 0;
      for (; i < n && length < sizeof piece && text[i] < 128 && known[text[i]] != 0; ++i) {
        piece[length] = static_cast<char>(known[text[i]] - 2);
        length += known[text[i]] > 1;
      }
      if (length != 0) out.append_ascii(std::string_view(piece, length));
      if (i == n) break;
    }
    uint32_t c = s->at(i);
    if (c < 128 && known[c] != 0) {
      if (known[c] > 1) out.append(known[c] - 2u);
      continue;
    }
    size_t before = out.length();
    TRY(translate_one(t, table, c, out));
    if (c >= 128) continue;
    if (out.length() == before) {
      known[c] = 1;
    } else if (out.length() == before + 1 && out.at(before) < 128) {
      known[c] = static_cast<uint8_t>(out.at(before) + 2);
    }
  }
  return out.finish();
}

static Result<Value> maketrans_from_dict(Thread& t, Value source) {
  if (!is_dict(source)) {
    return t.raise(Exc::TypeError, "if you give only one argument to maketrans it must be a dict");
  }
  DictObject* out = make_dict(t);
  size_t position = 0;
  Value key, value;
  while (dict_next(source.as<DictObject>(), &position, &key, &value)) {
    if (is_str(key)) {
      auto* text = key.as<StrObject>();
      if (text->length() != 1) {
        return t.raise(Exc::ValueError, "string keys in translate table must be of length 1");
      }
      key = Value::from_int(text->at(0));
    } else if (!is_any_int(key)) {
      return t.raise(Exc::TypeError, "keys in translate table must be strings or integers");
    }
    TRY(dict_set(t, out, key, value));
  }
  return Value(out);
}

Result<Value> str_method_maketrans(Thread& t, const Value* args) {
  if (args[1].is_empty()) return maketrans_from_dict(t, args[0]);
  if (!is_str(args[0])) {
    return t.raise(Exc::TypeError, "first maketrans argument must be a string if there is a second argument");
  }
  for (int i = 1; i <= 2; ++i) {
    if (!args[i].is_empty() && !is_str(args[i])) {
      return t.raise(Exc::TypeError, "maketrans() argument {} must be str, not {}", i + 1,
                     type_name(t, args[i]));
    }
  }
  auto *from = args[0].as<StrObject>(), *to = args[1].as<StrObject>();
  if (from->length() != to->length()) {
    return t.raise(Exc::ValueError, "the first two maketrans arguments must have equal length");
  }
  DictObject* out = make_dict(t, from->length());
  for (size_t i = 0; i < from->length(); ++i)
    TRY(dict_set(t, out, Value::from_int(from->at(i)), Value::from_int(to->at(i))));
  if (!args[2].is_empty()) {
    auto* deleted = args[2].as<StrObject>();
    for (size_t i = 0; i < deleted->length(); ++i)
      TRY(dict_set(t, out, Value::from_int(deleted->at(i)), kNone));
  }
  return Value(out);
}

Result<Value> str_method_expandtabs(Thread& t, const Value* args) {
  auto* s = args[0].as<StrObject>();
  int64_t tab_size = TRY(to_c_int(t, args[1]));
  StrBuilder out(t);
  int64_t column = 0;
  for (size_t i = 0, n = s->length(); i < n; ++i) {
    uint32_t c = s->at(i);
    if (c == '\t') {
      if (tab_size <= 0) continue;
      int64_t spaces = tab_size - column % tab_size;
      out.append_fill(' ', static_cast<size_t>(spaces));
      column += spaces;
    } else {
      out.append(c);
      column = c == '\n' || c == '\r' ? 0 : column + 1;
    }
  }
  return out.finish();
}

}  // namespace mp

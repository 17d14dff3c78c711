// UTF-8, Latin-1 and ASCII: the codecs that files and literals use, without any import.
#include <algorithm>

#include "vm/types/codec.h"
#include "vm/types/codec_errors.h"
#include "vm/types/str_internal.h"

namespace mp {

namespace {
// One step of UTF-8 at `p`: the length of a valid sequence (1..4), or 0 with the error described.
struct Utf8Error {
  size_t length = 1;  // bytes that belong to the bad sequence
  const char* reason = nullptr;
  bool incomplete = false;  // more data could make it valid
};

inline bool continuation(uint8_t c) { return (c & 0xc0) == 0x80; }

size_t utf8_step(const uint8_t* p, const uint8_t* end, Utf8Error* error) {
  static const char* const kContinuation = "invalid continuation byte";
  uint8_t c = p[0];
  if (c < 0x80) return 1;
  *error = {};
  if (c < 0xc2 || c > 0xf4) {
    error->reason = "invalid start byte";
    return 0;
  }
  size_t need = c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
  auto left = static_cast<size_t>(end - p);
  uint8_t low = 0x80, high = 0xbf;
  if (c == 0xe0) low = 0xa0;
  if (c == 0xed) high = 0x9f;
  if (c == 0xf0) low = 0x90;
  if (c == 0xf4) high = 0x8f;
  for (size_t i = 1; i < need; ++i) {
    if (i >= left) {
      error->reason = "unexpected end of data";
      error->length = left;
      error->incomplete = true;
      return 0;
    }
    bool fits = i == 1 ? p[1] >= low && p[1] <= high : continuation(p[i]);
    if (!fits) {
      error->reason = kContinuation;
      error->length = i;
      return 0;
    }
  }
  return need;
}

// The length of the valid prefix.
size_t valid_utf8(const uint8_t* data, size_t size) {
  const uint8_t *p = data, *end = data + size;
  Utf8Error ignored;
  while (p < end) {
    if (*p < 0x80) {
      uint64_t word;
      while (end - p >= 8 && (std::memcpy(&word, p, 8), (word & 0x8080808080808080u) == 0)) p += 8;
      while (p < end && *p < 0x80) ++p;
      continue;
    }
    if (*p >= 0xc2 && *p < 0xe0 && end - p >= 2 && continuation(p[1])) {
      p += 2;
      continue;
    }
    size_t step = utf8_step(p, end, &ignored);
    if (step == 0) break;
    p += step;
  }
  return static_cast<size_t>(p - data);
}
}  // namespace

Result<Value> decode_utf8(Thread& t, std::string_view data, std::string_view errors, size_t* consumed) {
  auto* bytes = reinterpret_cast<const uint8_t*>(data.data());
  if (consumed != nullptr) *consumed = data.size();
  if (all_ascii(bytes, data.size())) return str_or_error(make_str_latin1(t, bytes, data.size()));
  size_t good = valid_utf8(bytes, data.size());
  if (good == data.size()) return str_or_error(make_str(t, data));
  StrBuilder out(t);
  size_t at = 0;
  for (;;) {
    out.append(data.substr(at, good - at));
    at = good;
    if (at == data.size()) break;
    Utf8Error error;
    (void)utf8_step(bytes + at, bytes + data.size(), &error);
    // What `surrogatepass` would take may be there in part.
    bool half_surrogate = data.size() - at == 2 && bytes[at] == 0xed && (bytes[at + 1] & 0xe0) == 0xa0;
    if ((error.incomplete || half_surrogate) && consumed != nullptr) {
      *consumed = at;
      break;
    }
    TRY(handle_decode_error(t, errors, "utf-8", data, at, at + error.length, error.reason, out, &at));
    bytes = reinterpret_cast<const uint8_t*>(data.data());
    if (consumed != nullptr) *consumed = data.size();
    good = at + valid_utf8(bytes + at, data.size() - at);
  }
  return out.finish();
}

Result<Value> decode_latin1(Thread& t, std::string_view data) {
  return str_or_error(make_str_latin1(t, reinterpret_cast<const uint8_t*>(data.data()), data.size()));
}

Result<Value> decode_ascii(Thread& t, std::string_view data, std::string_view errors) {
  auto* bytes = reinterpret_cast<const uint8_t*>(data.data());
  if (all_ascii(bytes, data.size())) return str_or_error(make_str_latin1(t, bytes, data.size()));
  StrBuilder out(t);
  size_t at = 0;
  while (at < data.size()) {
    if (bytes[at] < 0x80) {
      out.append(static_cast<uint32_t>(bytes[at++]));
      continue;
    }
    TRY(handle_decode_error(t, errors, "ascii", data, at, at + 1, "ordinal not in range(128)", out, &at));
    bytes = reinterpret_cast<const uint8_t*>(data.data());
  }
  return out.finish();
}

// ---------------------------------------------------------------- encoding

// The end of what was written; nullptr: there is a surrogate.
template <class Unit>
static uint8_t* put_text(uint8_t* p, const Unit* data, size_t count) {
  for (const Unit* end = data + count; data != end; ++data) {
    uint32_t c = *data;
    if (sizeof(Unit) > 1 && (c & ~0x7ffu) == 0xd800) [[unlikely]]
      return nullptr;
    p = put_utf8(p, c);
  }
  return p;
}

BytesObject* encode_utf8_strict(Thread& t, StrObject* text) {
  return with_width(text, [&](auto* data) -> BytesObject* {
    constexpr size_t kShort = 1024;  // bytes: one pass does
    uint8_t room[kShort];
    size_t n = text->length();
    BytesObject* out;
    if (n <= kShort / 4) {
      uint8_t* end = put_text(room, data, n);
      if (end == nullptr) return nullptr;
      out = make_bytes(t, {reinterpret_cast<char*>(room), static_cast<size_t>(end - room)});
    } else {
      out = allocate_bytes(t, utf8_size(data, n));
      if (out != nullptr && put_text(out->data(), data, n) == nullptr) return nullptr;
    }
    if (out == nullptr) t.clear_exception();
    return out;
  });
}

Status encode_utf8_to(Thread& t, StrObject* text, std::string_view errors, std::string& out) {
  if (text->is_ascii()) {
    out.append(text->ascii());
    return {};
  }
  size_t n = text->length(), before = out.size();
  bool done = with_width(text, [&](auto* data) {
    out.resize(before + utf8_size(data, n));
    return put_text(reinterpret_cast<uint8_t*>(out.data()) + before, data, n) != nullptr;
  });
  if (done) return {};
  out.resize(before);
  for (size_t i = 0; i < n;) {
    uint32_t c = text->at(i);
    if (c < 0xd800 || c > 0xdfff) {
      append_utf8_char(out, c);
      ++i;
      continue;
    }
    size_t end = i + 1;
    while (end < n && text->at(end) >= 0xd800 && text->at(end) <= 0xdfff) ++end;
    size_t position;
    Value replacement =
        TRY(call_encode_error(t, errors, "utf-8", text, i, end, "surrogates not allowed", &position));
    if (is_bytes(replacement)) {
      out.append(replacement.as<BytesObject>()->view());
    } else {
      auto* s = replacement.as<StrObject>();
      for (size_t k = 0; k < s->length(); ++k)
        if (s->at(k) >= 0x80) return raise_encode_error(t, "utf-8", text, i, end, "surrogates not allowed");
      out.append(to_utf8(s));
    }
    i = position;
  }
  return {};
}

static Status encode_narrow(Thread& t, StrObject* text, std::string_view errors, std::string& out,
                            uint32_t limit, const char* encoding, const char* reason) {
  if (text->is_ascii() || (limit == 256 && text->width() == 1)) {
    out.append(reinterpret_cast<const char*>(text->data8()), text->length());
    return {};
  }
  size_t n = text->length();
  for (size_t i = 0; i < n;) {
    uint32_t c = text->at(i);
    if (c < limit) {
      out.push_back(static_cast<char>(c));
      ++i;
      continue;
    }
    size_t end = i + 1;
    while (end < n && text->at(end) >= limit) ++end;
    size_t position;
    Value replacement = TRY(call_encode_error(t, errors, encoding, text, i, end, reason, &position));
    if (is_bytes(replacement)) {
      out.append(replacement.as<BytesObject>()->view());
    } else {
      auto* s = replacement.as<StrObject>();
      for (size_t k = 0; k < s->length(); ++k) {
        if (s->at(k) >= limit) return raise_encode_error(t, encoding, text, i, end, reason);
        out.push_back(static_cast<char>(s->at(k)));
      }
    }
    i = position;
  }
  return {};
}

Status encode_latin1_to(Thread& t, StrObject* text, std::string_view errors, std::string& out) {
  return encode_narrow(t, text, errors, out, 256, "latin-1", "ordinal not in range(256)");
}
Status encode_ascii_to(Thread& t, StrObject* text, std::string_view errors, std::string& out) {
  return encode_narrow(t, text, errors, out, 128, "ascii", "ordinal not in range(128)");
}

}  // namespace mp

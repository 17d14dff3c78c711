// TextIOWrapper's tell(), seek() and truncate(). A position is the byte position of the unread text, which
// follows from the text where its encoding allows to compute it.
#include "stdlib/native/io_text.h"

namespace mp::io {

namespace {

// `text`, which is UTF-8, as the file has it: without a mark of byte order.
Status encode_as_read(Thread& t, TextObject* self, std::string_view text, std::string& out) {
  StrObject* str = make_str(t, text);
  const std::string errors = error_handler(self);
  switch (self->native) {
    case Encoding::Latin1: return encode_latin1_to(t, str, errors, out);
    case Encoding::Utf8:
    case Encoding::Ascii: return encode_utf8_to(t, str, errors == "strict" ? "surrogatepass" : errors, out);
    default: {
      Value encoded = TRY(encode_str(t, str, self->encoding, self->errors));
      Value mark = TRY(encode_str(t, empty_str(t), self->encoding, self->errors));
      out.append(encoded.as<BytesObject>()->view().substr(mark.as<BytesObject>()->size));
      return {};
    }
  }
}

// "\r\n" was folded: how many bytes `encoded` and a carriage return that waits had in the file, which is read
// once more. They end `after` bytes before the buffer's position `end`.
Result<int64_t> size_before_folding(Thread& t, TextObject* self, std::string_view encoded, int64_t end,
                                    int64_t after) {
  std::string lf, cr;
  TRY(encode_as_read(t, self, "\n", lf));
  TRY(encode_as_read(t, self, "\r", cr));
  int64_t most = after + 2 * static_cast<int64_t>(encoded.size() + cr.size());
  int64_t low = std::max<int64_t>(0, end - most);
  TRY(call_name(t, self->buffer, "seek", {make_int(t, low)}));
  Value data = TRY(call_name(t, self->buffer, "read", {make_int(t, end - low)}));
  TRY(call_name(t, self->buffer, "seek", {make_int(t, end)}));
  std::string_view raw = TRY(bytes_view(t, data));
  raw.remove_suffix(std::min(raw.size(), static_cast<size_t>(after)));
  size_t size = raw.size(), unit = lf.size();
  if (self->newlines.pending_cr) raw.remove_suffix(std::min(raw.size(), unit));
  while (encoded.size() >= unit && raw.size() >= unit) {
    bool newline = encoded.ends_with(lf) && raw.ends_with(lf);
    encoded.remove_suffix(unit);
    raw.remove_suffix(unit);
    if (newline && raw.ends_with(cr)) raw.remove_suffix(unit);
  }
  return static_cast<int64_t>(size - raw.size());
}

// A position is that in the file and, above it, the flags of the decoder's state there (the byte order of
// UTF-16), as in CPython.
constexpr int kFlagsShift = 64;

Status reset_reading(Thread& t, TextObject* self) {
  self->decoded->clear();
  self->raw_ahead->clear();
  self->offset = 0;
  self->newlines.pending_cr = false;
  if (!self->decoder.get().is_empty()) TRY(call_name(t, self->decoder, "reset"));
  return {};
}

}  // namespace

Result<Value> text_tell(Thread& t, const Value* args) {
  TextObject* self = self_of(args);
  TRY(check_open(t, self));
  if (!self->seekable) return unsupported(t, "underlying stream is not seekable");
  if (!self->telling) return t.raise(Exc::OSError, "telling position disabled by next() call");
  TRY(write_pending(t, self));
  TRY(call_method(t, self->buffer, t.names().flush));
  Value at = TRY(call_name(t, self->buffer, "tell"));
  int64_t position = TRY(to_int64(t, at));
  std::string ahead(unread(self)), encoded;
  int64_t bytes = static_cast<int64_t>(self->raw_ahead->size());
  Value flags = Value::from_int(0);
  if (!self->decoder.get().is_empty()) {
    Value state = TRY(call_name(t, self->decoder, "getstate"));
    if (!is_tuple(state) || state.as<TupleObject>()->size != 2)
      return t.raise(Exc::TypeError, "illegal decoder state");
    Value waiting = (*state.as<TupleObject>())[0];
    bytes += static_cast<int64_t>(TRY(bytes_view(t, waiting)).size());
    flags = TRY(to_index(t, (*state.as<TupleObject>())[1]));
  }
  if (!ahead.empty() || self->newlines.pending_cr) {
    TRY(encode_as_read(t, self, ahead, encoded));
    if (self->translate_read && (self->newlines.seen & (kNewlineCr | kNewlineCrLf)) != 0) {
      bytes += TRY(size_before_folding(t, self, encoded, position, bytes));
    } else {
      if (self->newlines.pending_cr) TRY(encode_as_read(t, self, "\r", encoded));
      bytes += static_cast<int64_t>(encoded.size());
    }
  }
  Value cookie = make_int(t, position - bytes);
  if (position == bytes || flags == Value::from_int(0)) return cookie;
  return int_add(t, cookie, TRY(int_lshift(t, flags, Value::from_int(kFlagsShift))));
}

Result<Value> text_seek(Thread& t, const Value* args) {
  TextObject* self = self_of(args);
  TRY(check_open(t, self));
  int whence = TRY(to_c_int(t, args[2]));
  if (!self->seekable) return unsupported(t, "underlying stream is not seekable");
  Value target = args[1];
  if (whence == 1) {
    if (int_compare(TRY(to_index(t, target)), Value::from_int(0)) != 0)
      return unsupported(t, "can't do nonzero cur-relative seeks");
    Value at = TRY(call_name(t, args[0], "tell"));
    target = at;
  } else if (whence == 2) {
    if (int_compare(TRY(to_index(t, target)), Value::from_int(0)) != 0)
      return unsupported(t, "can't do nonzero end-relative seeks");
    TRY(call_method(t, args[0], t.names().flush));
    TRY(reset_reading(t, self));
    return call_name(t, self->buffer, "seek", {Value::from_int(0), Value::from_int(2)});
  } else if (whence != 0) {
    return t.raise(Exc::ValueError, "invalid whence ({}, should be 0, 1 or 2)", whence);
  }
  Value cookie = TRY(to_index(t, target)), flags = Value::from_int(0);
  if (!cookie.is_int() && int_compare(cookie, Value::from_int(0)) > 0 && !self->decoder.get().is_empty()) {
    flags = TRY(int_rshift(t, cookie, Value::from_int(kFlagsShift)));
    cookie = TRY(int_sub(t, cookie, TRY(int_lshift(t, flags, Value::from_int(kFlagsShift)))));
  }
  int64_t position = TRY(to_int64(t, cookie));
  if (position < 0) return t.raise(Exc::ValueError, "negative seek position {}", position);
  TRY(call_method(t, args[0], t.names().flush));
  TRY(reset_reading(t, self));
  if (!self->decoder.get().is_empty() && position != 0)
    TRY(call_name(t, self->decoder, "setstate", {make_tuple(t, {make_bytes(t, ""), flags})}));
  if (!self->encoder.get().is_empty()) {
    if (position == 0)
      TRY(call_name(t, self->encoder, "reset"));
    else
      TRY(call_name(t, self->encoder, "setstate", {Value::from_int(0)}));
  }
  return call_name(t, self->buffer, "seek", {make_int(t, position)});
}
Result<Value> text_truncate(Thread& t, const Value* args) {
  TRY(check_open(t, self_of(args)));
  TRY(call_method(t, args[0], t.names().flush));
  Value size = args[1];
  if (size.is_none()) size = TRY(call_name(t, args[0], "tell"));
  return call_name(t, self_of(args)->buffer, "truncate", {size});
}

}  // namespace mp::io

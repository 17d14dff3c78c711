// What TextIOWrapper's __init__() and reconfigure() set: the encoding and its error handler, the newline,
// when to flush.
#include "stdlib/native/io_text.h"
#include "vm/modules/modules.h"

namespace mp::io {

namespace {

Status set_newline(Thread& t, TextObject* self, Value newline) {
  if (!newline.is_none() && !is_str(newline))
    return t.raise(Exc::TypeError, "TextIOWrapper() argument 'newline' must be str or None, not {}",
                   type_name(t, newline));
  std::string text = newline.is_none() ? "" : to_utf8(newline.as<StrObject>());
  if (!newline.is_none() && !text.empty() && text != "\n" && text != "\r" && text != "\r\n")
    return t.raise(Exc::ValueError, "illegal newline value: {}", text);
  self->universal = newline.is_none() || text.empty();
  self->translate_read = newline.is_none();
  *self->read_newline = text;
  *self->newline = newline.is_none() ? "\n" : text.empty() ? "\n" : text;
  return {};
}
Status set_encoding(Thread& t, TextObject* self, Value encoding, Value errors) {
  std::string name = to_utf8(encoding.as<StrObject>());
  if (name.find('\0') != std::string::npos) return t.raise(Exc::ValueError, "embedded null character");
  Encoding native = encoding_by_name(name);
  // UTF-16/32 carry state (the BOM): leave them to the registry's incremental codecs.
  if (native != Encoding::Utf8 && native != Encoding::Latin1 && native != Encoding::Ascii)
    native = Encoding::Other;
  *self->errors_text = errors.is_none() ? "strict" : to_utf8(errors.as<StrObject>());
  if (self->errors_text->find('\0') != std::string::npos)
    return t.raise(Exc::ValueError, "embedded null character");
  self->native = native;
  self->encoding = encoding;
  self->errors = errors.is_none() ? Value(make_str(t, "strict")) : errors;
  self->decoder = kEmpty;
  self->encoder = kEmpty;
  if (native == Encoding::Other) {
    Value info = TRY(codec_lookup(t, name));
    Value is_text = TRY(get_attr_or_not_found(t, info, intern(t, "_is_text_encoding")));
    if (!is_text.is_not_found() && !TRY(truth(t, is_text)))
      return t.raise(Exc::LookupError,
                     "'{}' is not a text encoding; use codecs.open() to handle arbitrary codecs", name);
    if (TRY(ask(t, self->buffer, "readable"))) {
      Value factory = TRY(get_attr(t, info, "incrementaldecoder"));
      self->decoder = TRY(call(t, factory, {self->errors}));
    }
    if (TRY(ask(t, self->buffer, "writable"))) {
      Value factory = TRY(get_attr(t, info, "incrementalencoder"));
      self->encoder = TRY(call(t, factory, {self->errors}));
    }
  } else if (!errors.is_none() && *self->errors_text != "strict") {
    TRY(codec_lookup_error(t, *self->errors_text));
  }
  return {};
}

}  // namespace

// __init__(self, buffer, encoding=None, errors=None, newline=None, line_buffering=False, write_through=False)
Result<Value> text_init(Thread& t, const Value* args) {
  TextObject* self = self_of(args);
  self->ready = false;
  self->detached = false;
  Value encoding = args[2], errors = args[3];
  if (!encoding.is_none() && !is_str(encoding))
    return t.raise(Exc::TypeError, "TextIOWrapper() argument 'encoding' must be str or None, not {}",
                   type_name(t, encoding));
  if (!errors.is_none() && !is_str(errors))
    return t.raise(Exc::TypeError, "TextIOWrapper() argument 'errors' must be str or None, not {}",
                   type_name(t, errors));
  self->buffer = args[1];
  TRY(set_newline(t, self, args[4]));
  if (encoding.is_none()) TRY(warn_about_encoding(t, 1));
  if (encoding.is_none() || str_equal(encoding.as<StrObject>(), "locale"))
    encoding = make_str(t, encoding.is_none() && t.runtime().options.utf8_mode ? "utf-8" : "UTF-8");
  TRY(set_encoding(t, self, encoding, errors));
  self->line_buffering = TRY(truth(t, args[5]));
  self->write_through = TRY(truth(t, args[6]));
  self->pending->clear();
  self->unwritten = false;
  self->raw_ahead->clear();
  self->decoded->clear();
  self->can_tell = false;
  self->offset = 0;
  self->newlines = {};
  self->chunk_size = 8192;
  self->seekable = TRY(ask(t, args[1], "seekable"));
  self->telling = self->seekable;
  self->readable = TRY(ask(t, args[1], "readable"));
  self->writable = TRY(ask(t, args[1], "writable"));
  self->has_read1 = TRY(has_attr(t, args[1], intern(t, "read1")));
  self->ready = true;
  // Appending in an encoding with BOM must not write another one.
  if (self->seekable && !self->encoder.get().is_empty()) {
    Result<Value> at = call_name(t, args[1], "tell");
    if (at.ok() && is_any_int(at.value()) && int_compare(at.value(), Value::from_int(0)) != 0)
      TRY(call_name(t, self->encoder, "setstate", {Value::from_int(0)}));
    else if (at.is_error())
      t.clear_exception();
  }
  return kNone;
}

// reconfigure(self, *, encoding=?, errors=?, newline=?, line_buffering=None, write_through=None)
Result<Value> text_reconfigure(Thread& t, const Value* args) {
  TextObject* self = self_of(args);
  TRY(check_open(t, self));
  Value encoding = args[1], errors = args[2], newline = args[3];
  bool codec_changes =
      (!encoding.is_empty() && !encoding.is_none()) || (!errors.is_empty() && !errors.is_none());
  if ((codec_changes || !newline.is_empty()) && (!self->decoded->empty() || !self->raw_ahead->empty()))
    return unsupported(t, "It is not possible to set the encoding or newline of stream after the first read");
  TRY(call_method(t, args[0], t.names().flush));
  if (codec_changes) {
    bool new_encoding = !encoding.is_empty() && !encoding.is_none();
    Value chosen = new_encoding ? encoding : self->encoding.get();
    if (!is_str(chosen))
      return t.raise(Exc::TypeError, "reconfigure() argument 'encoding' must be str or None, not {}",
                     type_name(t, chosen));
    if (str_equal(chosen.as<StrObject>(), "locale")) chosen = make_str(t, "UTF-8");
    Value chosen_errors = !errors.is_empty() && !errors.is_none() ? errors
                          : new_encoding                          ? kNone
                                                                  : self->errors.get();
    TRY(set_encoding(t, self, chosen, chosen_errors));
  }
  if (!newline.is_empty()) TRY(set_newline(t, self, newline));
  if (!args[4].is_none()) self->line_buffering = TRY(truth(t, args[4]));
  if (!args[5].is_none()) self->write_through = TRY(truth(t, args[5]));
  return kNone;
}

}  // namespace mp::io

// TextObject: the state of a TextIOWrapper, for the files it is made of. io_text.cpp has reading, writing and
// the type, io_text_settings.cpp what __init__() and reconfigure() set, io_text_position.cpp tell() and
// seek().
#pragma once
#include "stdlib/native/io.h"
#include "stdlib/native/io_newlines.h"

namespace mp::io {

// Reading and writing each have a lock: a thread that waits for a line (of a socket) keeps no other from
// writing. Who changes what both use takes both.
struct TextObject : Object {
  StreamLock reading, writing;
  Slot buffer;            // empty before __init__ and after detach()
  Slot encoding, errors;  // str
  Slot decoder, encoder;  // codec objects when the encoding is not native
  std::atomic<bool> ready;
  bool detached, line_buffering, write_through, seekable, has_read1, readable, writable;
  std::atomic<bool> telling;
  std::atomic<bool> unwritten;     // `pending` is not empty, for who does not hold `writing`
  bool universal, translate_read;  // newline is None or '' / None
  Encoding native;
  std::string* errors_text;
  std::string* newline;       // what '\n' becomes when written
  std::string* read_newline;  // explicit terminator for reading ("\r", "\r\n", "\n"), or empty
  std::string* pending;       // encoded, not yet written
  std::string* raw_ahead;     // undecoded bytes (an incomplete sequence)
  std::string* decoded;       // decoded UTF-8 (WTF-8), [offset, size()) unread
  size_t offset;
  uint64_t taken;  // pieces of it that were handed out
  bool can_tell;   // `decoded` was read while tell() was possible: a write makes it void (CPython 3.13)
  NewlineState newlines;
  size_t chunk_size;
};
inline TextObject* self_of(const Value* args) { return args[0].as<TextObject>(); }
// Decoded, and not yet handed out.
inline std::string_view unread(const TextObject* self) {
  return std::string_view(*self->decoded).substr(self->offset);
}
// Whether it has a buffer, and whether that is open.
Status check_ready(Thread& t, TextObject* self);
Status check_open(Thread& t, TextObject* self);
// The buffer for who holds no lock: another thread may detach it at any time.
Result<Value> buffer_of(Thread& t, TextObject* self);
// The name of the error handler, which may itself call reconfigure().
std::string error_handler(const TextObject* self);
// Hands what is encoded on to the buffer.
Status write_pending(Thread& t, TextObject* self);

// Methods, called with both locks held.
Result<Value> text_init(Thread& t, const Value* args);
Result<Value> text_reconfigure(Thread& t, const Value* args);
Result<Value> text_tell(Thread& t, const Value* args);
Result<Value> text_seek(Thread& t, const Value* args);
Result<Value> text_truncate(Thread& t, const Value* args);

}  // namespace mp::io

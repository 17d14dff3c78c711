// The buffer of a BufferedReader, BufferedWriter or BufferedRandom over its raw stream: filling, flushing,
// and where the raw stream stands. The lock of the object is held where nothing else is said.
#pragma once
#include "stdlib/native/io.h"

namespace mp::io {

struct BufferedObject : Object {
  Slot raw;  // empty before __init__ and after detach()
  std::atomic<bool> ready{false}, detached{false};
  bool readable = false, writable = false;
  OwnedLock lock;
  std::string* buffer = nullptr;  // read-ahead: [position, size()) is unread; or pending writes
  size_t position = 0;
  bool writing = false;  // the buffer holds pending writes
  int64_t buffer_size = kDefaultBufferSize;
};

// Exactly a FileIO: no calls through attributes.
inline bool is_plain_file(Value raw) {
  return raw.is_object() && raw.as_object()->type()->spec == &kFileIOSpec;
}
inline size_t unread(const BufferedObject* self) {
  return self->writing ? 0 : self->buffer->size() - self->position;
}
inline std::string take(BufferedObject* self, size_t count) {
  std::string out = self->buffer->substr(self->position, count);
  self->position += out.size();
  return out;
}

Status check_ready(Thread& t, BufferedObject* self);
// For who does not hold the lock: another thread may detach it at any time.
Result<Value> raw_of(Thread& t, BufferedObject* self);
Result<bool> raw_closed(Thread& t, Value raw);
// The same as raw_of(); ValueError with the message where that is closed.
Result<Value> usable_raw(Thread& t, BufferedObject* self, const char* message);

Error blocking_error(Thread& t, size_t written);  // BlockingIOError
// One raw write; -2: would block.
Result<int64_t> raw_write(Thread& t, BufferedObject* self, std::string_view data);
// Writes everything that is pending.
Status flush_pending(Thread& t, BufferedObject* self);

Result<int64_t> raw_seek(Thread& t, BufferedObject* self, int64_t offset, int whence);
Result<int64_t> raw_tell(Thread& t, Value raw);
// Drops read-ahead, moving the raw position back to where the reader is.
Status drop_read_ahead(Thread& t, BufferedObject* self);

// One raw read of at most `size` bytes, appended to `out`. 0: end of file; -2: would block.
Result<int64_t> raw_read(Thread& t, BufferedObject* self, size_t size, std::string& out);
// The same past the buffer, all of which is read. What a buffer holds always ends where the raw stream is.
Result<int64_t> read_past(Thread& t, BufferedObject* self, size_t size, std::string& out);
// Refills an empty read buffer; returns what raw_read returns.
Result<int64_t> fill(Thread& t, BufferedObject* self);

}  // namespace mp::io

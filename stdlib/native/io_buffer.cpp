#include "stdlib/native/io_buffer.h"

#include <cerrno>

#include "vm/core/compiler.h"
#include "vm/os/memory.h"

namespace mp::io {

MP_NOINLINE Status check_ready(Thread& t, BufferedObject* self) {
  if (self->ready) return {};
  if (self->detached) return t.raise(Exc::ValueError, "raw stream has been detached");
  return t.raise(Exc::ValueError, "I/O operation on uninitialized object");
}

MP_NOINLINE Result<Value> raw_of(Thread& t, BufferedObject* self) {
  TRY(t.check_stack());  // it may lead back to here
  Value raw = self->raw;
  TRY(check_ready(t, self));
  if (raw.is_empty()) return t.raise(Exc::ValueError, "raw stream has been detached");
  return raw;
}

Result<bool> raw_closed(Thread& t, Value raw) {
  if (is_plain_file(raw)) return raw.as<FileIOObject>()->fd < 0;
  return is_closed(t, raw);
}

MP_NOINLINE Result<Value> usable_raw(Thread& t, BufferedObject* self, const char* message) {
  Value raw = TRY(raw_of(t, self));
  if (TRY(raw_closed(t, raw))) return t.raise(Exc::ValueError, "{}", message);
  return raw;
}

Error blocking_error(Thread& t, size_t written) {
  Value number = Value::from_int(EAGAIN);
  Value text = make_str(t, "write could not complete without blocking");
  Result<Value> made = call(t, t.types().exception(Exc::BlockingIOError),
                            {number, text, make_int(t, static_cast<int64_t>(written))});
  return made.is_error() ? Error{} : t.raise_object(made.value());
}

Result<int64_t> raw_write(Thread& t, BufferedObject* self, std::string_view data) {
  if (is_plain_file(self->raw))
    return file_write_from(t, self->raw.get().as<FileIOObject>(), data.data(), data.size());
  BytesObject* bytes = make_bytes(t, data);
  Value n = TRY(call_name(t, self->raw, "write", {bytes}));
  if (n.is_none()) return int64_t{-2};
  int64_t count = TRY(to_ssize(t, n));
  if (count < 0 || count > static_cast<int64_t>(data.size()))
    return t.raise(Exc::OSError, "raw write() returned invalid length {} (should have been between 0 and {})",
                   count, data.size());
  return count;
}

Status flush_pending(Thread& t, BufferedObject* self) {
  if (!self->writing) return {};
  size_t done = 0;
  while (done < self->buffer->size()) {
    std::string chunk =
        self->buffer->substr(done);  // script code of a raw object may not see the buffer change
    auto n = raw_write(t, self, chunk);
    if (n.is_error() || n.value() == -2) {
      self->buffer->erase(0, done);
      return n.is_error() ? Error{} : blocking_error(t, 0);
    }
    done += static_cast<size_t>(n.value());
    Status polled = t.poll();
    if (polled.is_error()) {
      self->buffer->erase(0, done);
      return Error{};
    }
  }
  self->buffer->clear();
  self->position = 0;
  self->writing = false;
  return {};
}

Result<int64_t> raw_seek(Thread& t, BufferedObject* self, int64_t offset, int whence) {
  Value at = TRY(call_name(t, self->raw, "seek", {make_int(t, offset), Value::from_int(whence)}));
  int64_t position = TRY(to_ssize(t, at));
  if (position < 0) return t.raise(Exc::OSError, "Raw stream returned invalid position {}", position);
  return position;
}

Result<int64_t> raw_tell(Thread& t, Value raw) {
  int64_t position = TRY(to_ssize(t, TRY(call_name(t, raw, "tell"))));
  if (position < 0) return t.raise(Exc::OSError, "Raw stream returned invalid position {}", position);
  return position;
}

Status drop_read_ahead(Thread& t, BufferedObject* self) {
  size_t ahead = unread(self);
  if (ahead > 0) TRY(raw_seek(t, self, -static_cast<int64_t>(ahead), 1));
  if (!self->writing) {
    self->buffer->clear();
    self->position = 0;
  }
  return {};
}

Result<int64_t> raw_read(Thread& t, BufferedObject* self, size_t size, std::string& out) {
  if (!os::has_room(out.size() + size)) return t.raise_memory_error();
  if (is_plain_file(self->raw)) {
    size_t used = out.size();
    out.resize(used + size);
    auto n = file_read_into(t, self->raw.get().as<FileIOObject>(), out.data() + used, size);
    out.resize(used + static_cast<size_t>(n.ok() && n.value() > 0 ? n.value() : 0));
    return n;
  }
  ByteArrayObject* buffer = make_bytearray(t, std::string(size, '\0'));
  Value n = TRY(call_name(t, self->raw, "readinto", {buffer}));
  if (n.is_none()) return int64_t{-2};
  int64_t count = TRY(to_ssize(t, n));
  if (count < 0 || count > static_cast<int64_t>(size))
    return t.raise(Exc::OSError,
                   "raw readinto() returned invalid length {} (should have been between 0 and {})", count,
                   size);
  std::string_view view = TRY(bytes_view(t, buffer));
  out.append(view.substr(0, static_cast<size_t>(count)));
  return count;
}

Result<int64_t> read_past(Thread& t, BufferedObject* self, size_t size, std::string& out) {
  self->buffer->clear();
  self->position = 0;
  return raw_read(t, self, size, out);
}

Result<int64_t> fill(Thread& t, BufferedObject* self) {
  std::string fresh;
  int64_t n = TRY(raw_read(t, self, static_cast<size_t>(self->buffer_size), fresh));
  if (self->position == self->buffer->size()) {
    *self->buffer = std::move(fresh);
    self->position = 0;
  } else {
    *self->buffer += fresh;
  }
  return n;
}

}  // namespace mp::io

// The transport of a stream socket: reading into the protocol, writing with a buffer, water marks. It speaks
// to the kernel itself; the socket object is only kept. Opening, closing and messages are its script
// subclass's (stdlib/lib/_later/asyncio/unix_events.mp).
#include <sys/socket.h>
#include <sys/uio.h>

#include <cerrno>

#include "stdlib/native/event_loop_internal.h"
#include "vm/core/compiler.h"
#include "vm/types/buffer.h"
#include "vm/types/number.h"
#include "vm/types/runtime.h"

namespace mp::event_loop {
namespace {

constexpr uint64_t kHighWater = 64 * 1024;
constexpr int kMaxParts = 64;             // of one sendmsg
constexpr uint32_t kQuietLostWrites = 5;  // constants.LOG_THRESHOLD_FOR_CONNLOST_WRITES
constexpr const char* kWriteError = "Fatal write error on socket transport";
constexpr const char* kReadError = "Fatal read error on socket transport";

struct StreamTransport : Object {
  Slot loop, sock, protocol, server, extra, empty_waiter, read_context, write_context;
  // What is still to be written: a ring of bytes objects, of the first of which `written` bytes are gone.
  // Under the object lock.
  std::atomic<SlotArray*> chunks;
  std::atomic<uint64_t> head, count, written, buffered;
  std::atomic<uint64_t> high, low;
  std::atomic<int> fd;
  std::atomic<uint32_t> lost;  // times that connection_lost() was scheduled or a write came after it
  std::atomic<bool> closing, paused, eof, protocol_paused, protocol_connected, buffered_protocol, reading,
      writing;
};

StreamTransport* transport(Value v) { return v.as<StreamTransport>(); }
EventLoopObject* loop_of(StreamTransport* self) {
  Value loop = self->loop;
  return loop.is_object() ? loop.as<EventLoopObject>() : nullptr;
}
void trace_transport(Object* o, Tracer& tracer) {
  auto* self = static_cast<StreamTransport*>(o);
  tracer.visit_slots(&self->loop, 8);
  SlotArray* chunks = self->chunks.load();
  if (chunks == nullptr) return;
  tracer.mark_raw(chunks);
  tracer.visit_slots(chunks->items(), chunks->capacity);
}

// ---------------------------------------------------------------- the write buffer

Status push_chunk(Thread& t, StreamTransport* self, Value bytes) {
  ObjectLock lock(t, self);
  SlotArray* chunks = self->chunks.load(std::memory_order_relaxed);
  uint64_t count = self->count.load(std::memory_order_relaxed),
           head = self->head.load(std::memory_order_relaxed);
  if (chunks == nullptr || count == chunks->capacity) {
    SlotArray* fresh = grow(t, nullptr, chunks == nullptr ? 1 : chunks->capacity * 2);
    if (fresh == nullptr) return Error{};
    for (uint64_t i = 0; i < count; ++i)
      fresh->items()[i] = chunks->items()[(head + i) & (chunks->capacity - 1)];
    self->head.store(head = 0, std::memory_order_relaxed);
    self->chunks.store(chunks = fresh, std::memory_order_release);
  }
  chunks->items()[(head + count) & (chunks->capacity - 1)] = bytes;
  self->count.store(count + 1, std::memory_order_relaxed);
  self->buffered.fetch_add(bytes.as<BytesObject>()->view().size(), std::memory_order_relaxed);
  return {};
}
void drop_written(Thread& t, StreamTransport* self, uint64_t bytes) {
  ObjectLock lock(t, self);
  SlotArray* chunks = self->chunks.load(std::memory_order_relaxed);
  uint64_t count = self->count.load(std::memory_order_relaxed),
           head = self->head.load(std::memory_order_relaxed);
  uint64_t written = self->written.load(std::memory_order_relaxed) + bytes;
  uint64_t gone = 0;
  while (count > 0) {
    Slot& first = chunks->items()[head];
    uint64_t size = first.get().as<BytesObject>()->view().size();
    if (written < size) break;
    written -= size;
    gone += size;
    first = kEmpty;
    head = (head + 1) & (chunks->capacity - 1);
    --count;
  }
  if (count == 0) written = 0;
  self->head.store(head, std::memory_order_relaxed);
  self->count.store(count, std::memory_order_relaxed);
  self->written.store(written, std::memory_order_relaxed);
  self->buffered.fetch_sub(gone, std::memory_order_relaxed);
}
void clear_chunks(Thread& t, StreamTransport* self) {
  ObjectLock lock(t, self);
  self->chunks.store(nullptr, std::memory_order_release);
  self->head.store(0, std::memory_order_relaxed);
  self->count.store(0, std::memory_order_relaxed);
  self->written.store(0, std::memory_order_relaxed);
  self->buffered.store(0, std::memory_order_relaxed);
}
uint64_t buffer_size(StreamTransport* self) {
  return self->buffered.load(std::memory_order_relaxed) - self->written.load(std::memory_order_relaxed);
}
bool has_chunks(StreamTransport* self) { return self->count.load(std::memory_order_relaxed) > 0; }

// Sends as much of the buffer as the kernel takes now; -1 leaves errno.
int64_t send_chunks(Thread& t, StreamTransport* self) {
  Value held[kMaxParts];
  iovec parts[kMaxParts];
  int used = 0;
  {
    ObjectLock lock(t, self);
    SlotArray* chunks = self->chunks.load(std::memory_order_relaxed);
    uint64_t count = self->count.load(std::memory_order_relaxed),
             head = self->head.load(std::memory_order_relaxed);
    for (; used < kMaxParts && static_cast<uint64_t>(used) < count; ++used) {
      held[used] = chunks->items()[(head + static_cast<uint64_t>(used)) & (chunks->capacity - 1)];
      std::string_view bytes = held[used].as<BytesObject>()->view();
      if (used == 0) bytes.remove_prefix(self->written.load(std::memory_order_relaxed));
      parts[used] = {const_cast<char*>(bytes.data()), bytes.size()};
    }
  }
  msghdr message{};
  message.msg_iov = parts;
  message.msg_iovlen = static_cast<size_t>(used);
  int64_t sent = sendmsg(self->fd.load(), &message, MSG_NOSIGNAL | MSG_DONTWAIT);
  // SAFETY: the collector scans this frame: the bytes live as long as `held`.
  asm volatile("" : : "r"(held) : "memory");
  return sent;
}

// ---------------------------------------------------------------- watching

Status set_reading(Thread& t, StreamTransport* self, bool wanted) {
  EventLoopObject* loop = loop_of(self);
  if (loop == nullptr || self->reading.exchange(wanted) == wanted) return {};
  Value old;
  if (!wanted) {
    old = TRY(unwatch(t, loop, self->fd, Direction::Read));
    return {};
  }
  self->read_context = copy_context(t);
  return watch(t, loop, self->fd, Direction::Read, self, &old);
}
Status set_writing(Thread& t, StreamTransport* self, bool wanted) {
  EventLoopObject* loop = loop_of(self);
  if (loop == nullptr || self->writing.exchange(wanted) == wanted) return {};
  Value old;
  if (!wanted) {
    old = TRY(unwatch(t, loop, self->fd, Direction::Write));
    return {};
  }
  self->write_context = copy_context(t);
  return watch(t, loop, self->fd, Direction::Write, self, &old);
}

// ---------------------------------------------------------------- errors and closing

bool ends_the_loop(Thread& t) {
  return t.exception_matches(Exc::SystemExit) || t.exception_matches(Exc::KeyboardInterrupt);
}
// The current exception closes the connection.
Status fatal_error(Thread& t, StreamTransport* self, const char* message) {
  if (ends_the_loop(t)) return Error{};
  Value exception = t.take_exception();
  TRY(call_method(t, self, loop_names(t).fatal_error, {exception, Value(make_str(t, message))}));
  return {};
}
Status fatal_os_error(Thread& t, StreamTransport* self, int error, const char* message) {
  (void)t.raise_os_error(error);
  return fatal_error(t, self, message);
}
Status schedule_lost(Thread& t, StreamTransport* self, Value exception) {
  self->lost.fetch_add(1);
  EventLoopObject* loop = loop_of(self);
  if (loop == nullptr) return {};
  const LoopNames& names = *loop->names;
  Value callback = TRY(get_attr(t, self, names.call_connection_lost));
  TRY(call_method(t, loop, names.call_soon, {callback, exception}));
  return {};
}
Status close_transport(Thread& t, StreamTransport* self) {
  if (self->closing.exchange(true)) return {};
  TRY(set_reading(t, self, false));
  if (has_chunks(self)) return {};
  TRY(set_writing(t, self, false));
  return schedule_lost(t, self, kNone);
}
Status force_close(Thread& t, StreamTransport* self, Value exception) {
  if (self->lost.load() > 0) return {};
  if (has_chunks(self)) {
    clear_chunks(t, self);
    TRY(set_writing(t, self, false));
  }
  if (!self->closing.exchange(true)) TRY(set_reading(t, self, false));
  return schedule_lost(t, self, exception);
}

// ---------------------------------------------------------------- flow control

Status tell_protocol(Thread& t, StreamTransport* self, StrObject* method, const char* failed) {
  Value protocol = self->protocol, loop = self->loop;
  if (call_method(t, protocol, method).ok()) return {};
  if (ends_the_loop(t)) return Error{};
  DictObject* context = make_dict(t);
  Value exception = t.take_exception();
  TRY(dict_set_text(t, context, "message", make_str(t, failed)));
  TRY(dict_set_text(t, context, "exception", exception));
  TRY(dict_set_text(t, context, "transport", self));
  TRY(dict_set_text(t, context, "protocol", protocol));
  TRY(call_method(t, loop, loop_names(t).call_exception_handler, {Value(context)}));
  return {};
}
Status maybe_pause(Thread& t, StreamTransport* self) {
  if (buffer_size(self) <= self->high.load(std::memory_order_relaxed) || self->protocol_paused.exchange(true))
    return {};
  return tell_protocol(t, self, loop_names(t).pause_writing, "protocol.pause_writing() failed");
}
Status maybe_resume(Thread& t, StreamTransport* self) {
  if (!self->protocol_paused.load(std::memory_order_relaxed) ||
      buffer_size(self) > self->low.load(std::memory_order_relaxed))
    return {};
  self->protocol_paused.store(false);
  return tell_protocol(t, self, loop_names(t).resume_writing, "protocol.resume_writing() failed");
}

// ---------------------------------------------------------------- reading

MP_NOINLINE Status on_eof(Thread& t, StreamTransport* self, const LoopNames& names) {
  auto keep_open = call_method(t, self->protocol, names.eof_received);
  if (keep_open.is_error()) return fatal_error(t, self, "Fatal error: protocol.eof_received() call failed.");
  if (TRY(truth(t, keep_open.value()))) return set_reading(t, self, false);  // it may still write
  return close_transport(t, self);
}

Status read_into_protocol(Thread& t, StreamTransport* self, const LoopNames& names) {
  constexpr const char* kGetFailed = "Fatal error: protocol.get_buffer() call failed.";
  auto given = call_method(t, self->protocol, names.get_buffer, {Value::from_int(-1)});
  if (given.is_error()) return fatal_error(t, self, kGetFailed);
  BufferView view;
  auto size = length(t, given.value());
  if (size.ok() && size.value() == 0)
    (void)t.raise(Exc::RuntimeError, "get_buffer() returned an empty buffer");
  if (t.has_exception()) return fatal_error(t, self, kGetFailed);
  if (get_buffer(t, given.value(), &view, true).is_error()) return fatal_error(t, self, kReadError);
  int64_t received = recv(self->fd, view.data, static_cast<size_t>(view.size), MSG_DONTWAIT);
  int error = errno;
  release_buffer(view);
  if (received < 0) {
    if (error == EAGAIN || error == EINTR) return {};
    return fatal_os_error(t, self, error, kReadError);
  }
  if (received == 0) return on_eof(t, self, names);
  if (call_method(t, self->protocol, names.buffer_updated, {Value::from_int(received)}).is_error())
    return fatal_error(t, self, "Fatal error: protocol.buffer_updated() call failed.");
  return {};
}

Status on_readable(Thread& t, Value subject, Value) {
  StreamTransport* self = transport(subject);
  EventLoopObject* loop = loop_of(self);
  if (!self->reading.load(std::memory_order_relaxed) || self->lost.load(std::memory_order_relaxed) > 0 ||
      loop == nullptr)
    return {};
  const LoopNames& names = *loop->names;  // `loop` of the transport may be taken away while a script runs
  if (self->buffered_protocol.load(std::memory_order_relaxed)) return read_into_protocol(t, self, names);
  char* buffer = receive_buffer(t, loop);
  int64_t received = recv(self->fd.load(std::memory_order_relaxed), buffer, kReceiveSize, MSG_DONTWAIT);
  if (received < 0) {
    int error = errno;
    if (error == EAGAIN || error == EINTR) return {};
    return fatal_os_error(t, self, error, kReadError);
  }
  if (received == 0) return on_eof(t, self, names);
  Value data = make_bytes(t, {buffer, static_cast<size_t>(received)});
  if (data.is_empty()) return fatal_error(t, self, kReadError);
  if (call_method(t, self->protocol, names.data_received, {data}).is_error())
    return fatal_error(t, self, "Fatal error: protocol.data_received() call failed.");
  return {};
}

// ---------------------------------------------------------------- writing

Status shut_down(Thread& t, StreamTransport* self) {
  if (shutdown(self->fd, SHUT_WR) != 0) return t.raise_os_error(errno);
  return {};
}

Status write_failed(Thread& t, StreamTransport* self, int error) {
  TRY(set_writing(t, self, false));
  clear_chunks(t, self);
  Value waiter = self->empty_waiter;
  (void)t.raise_os_error(error);
  Value exception = t.current();
  TRY(fatal_error(t, self, kWriteError));
  if (!waiter.is_none()) TRY(call_method(t, waiter, loop_names(t).set_exception, {exception}));
  return {};
}
Status write_buffered(Thread& t, StreamTransport* self) {
  if (self->lost.load(std::memory_order_relaxed) > 0 || !has_chunks(self)) return {};
  int64_t sent = send_chunks(t, self);
  if (sent < 0) {
    int error = errno;
    if (error == EAGAIN || error == EINTR) return {};
    return write_failed(t, self, error);
  }
  drop_written(t, self, static_cast<uint64_t>(sent));
  TRY(maybe_resume(t, self));  // which may write more
  if (has_chunks(self)) return {};
  TRY(set_writing(t, self, false));
  Value waiter = self->empty_waiter;
  if (!waiter.is_none()) TRY(call_method(t, waiter, loop_names(t).set_result, {kNone}));
  if (self->closing) {
    TRY(call_method(t, self, loop_names(t).call_connection_lost, {kNone}));
  } else if (self->eof) {
    return shut_down(t, self);
  }
  return {};
}
Status on_writable(Thread& t, Value subject, Value) {
  StreamTransport* self = transport(subject);
  return self->writing.load(std::memory_order_relaxed) ? write_buffered(t, self) : Status();
}

Result<Value> transport_write(Thread& t, const Value* args) {
  StreamTransport* self = transport(args[0]);
  Value data = args[1];
  if (!is_bytes(data) && !is_kind(data, Kind::ByteArray) && !is_kind(data, Kind::MemoryView))
    return t.raise(Exc::TypeError, "data argument must be a bytes-like object, not {}",
                   repr_text(t, type_of(t, data)->name));
  if (self->eof) return t.raise(Exc::RuntimeError, "Cannot call write() after write_eof()");
  if (!self->empty_waiter.get().is_none())
    return t.raise(Exc::RuntimeError, "unable to write; sendfile is in progress");
  HeldBuffer held;
  TRY(held.get(t, data));
  std::string_view bytes = held.bytes();
  if (bytes.empty()) return kNone;
  if (self->lost.load(std::memory_order_relaxed) > 0) {
    if (self->lost.load() >= kQuietLostWrites) TRY(call_method(t, self, intern(t, "_warn_lost_write")));
    self->lost.fetch_add(1);
    return kNone;
  }
  if (!has_chunks(self)) {
    int64_t sent = send(self->fd.load(std::memory_order_relaxed), bytes.data(), bytes.size(),
                        MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent < 0) {
      int error = errno;
      if (error != EAGAIN && error != EINTR) {
        TRY(fatal_os_error(t, self, error, kWriteError));
        return kNone;
      }
      sent = 0;
    }
    if (static_cast<size_t>(sent) == bytes.size()) return kNone;
    bytes.remove_prefix(static_cast<size_t>(sent));
    TRY(set_writing(t, self, true));
  }
  // A bytes object is kept as it is; what can change is copied.
  bool whole = is_bytes(data) && bytes.size() == data.as<BytesObject>()->view().size();
  Value chunk = whole ? data : Value(make_bytes(t, bytes));
  if (chunk.is_empty()) return Error{};
  TRY(push_chunk(t, self, chunk));
  TRY(maybe_pause(t, self));
  return kNone;
}

Result<Value> transport_writelines(Thread& t, const Value* args) {
  StreamTransport* self = transport(args[0]);
  if (self->eof) return t.raise(Exc::RuntimeError, "Cannot call writelines() after write_eof()");
  if (!self->empty_waiter.get().is_none())
    return t.raise(Exc::RuntimeError, "unable to writelines; sendfile is in progress");
  bool was_empty = !has_chunks(self);
  TRY(for_each(t, args[1], [&](Value data) -> Status {
    HeldBuffer held;
    TRY(held.get(t, data));
    if (held.bytes().empty()) return {};
    Value chunk = is_bytes(data) ? data : Value(make_bytes(t, held.bytes()));
    return chunk.is_empty() ? Status(Error{}) : push_chunk(t, self, chunk);
  }));
  if (self->lost.load() > 0) {
    clear_chunks(t, self);
    self->lost.fetch_add(1);
    return kNone;
  }
  if (was_empty && has_chunks(self)) {
    TRY(write_buffered(t, self));
    if (has_chunks(self)) TRY(set_writing(t, self, true));
  }
  TRY(maybe_pause(t, self));
  return kNone;
}
Result<Value> transport_write_eof(Thread& t, const Value* args) {
  StreamTransport* self = transport(args[0]);
  if (self->closing || self->eof.exchange(true)) return kNone;
  if (!has_chunks(self)) TRY(shut_down(t, self));
  return kNone;
}

// ---------------------------------------------------------------- the script interface

Result<Value> transport_new(Thread& t, Value cls, const CallArgs&) {
  auto* self = t.heap().make<StreamTransport>(t, cls.as<Type>());
  for (Slot* slot = &self->loop; slot <= &self->write_context; ++slot) *slot = kNone;
  self->fd.store(-1);
  self->high.store(kHighWater);
  self->low.store(kHighWater / 4);
  return self;
}
// _open(self, loop, sock, fd, protocol, extra, server)
Result<Value> transport_open(Thread& t, const Value* args) {
  StreamTransport* self = transport(args[0]);
  if (!is_native_loop(args[1])) return t.raise(Exc::TypeError, "a native event loop is needed");
  int fd = TRY(to_c_int(t, args[3]));
  self->loop = args[1];
  self->sock = args[2];
  self->fd = fd;
  self->extra = args[5];
  self->server = args[6];
  TRY(call_method(t, args[0], intern(t, "set_protocol"), {args[4]}));
  return kNone;
}
Result<Value> transport_set_protocol(Thread& t, const Value* args) {
  StreamTransport* self = transport(args[0]);
  self->buffered_protocol = TRY(truth(t, args[2]));
  self->protocol = args[1];
  self->protocol_connected = true;
  return kNone;
}
Result<Value> transport_get_protocol(Thread&, const Value* args) {
  return transport(args[0])->protocol.get();
}
bool is_reading(StreamTransport* self) { return !self->closing && !self->paused; }
Result<Value> transport_is_closing(Thread&, const Value* args) {
  return Value::from_bool(transport(args[0])->closing);
}
Result<Value> transport_is_reading(Thread&, const Value* args) {
  return Value::from_bool(is_reading(transport(args[0])));
}
Result<Value> transport_start_reading(Thread& t, const Value* args) {
  if (is_reading(transport(args[0]))) TRY(set_reading(t, transport(args[0]), true));
  return kNone;
}
Result<Value> transport_pause_reading(Thread& t, const Value* args) {
  StreamTransport* self = transport(args[0]);
  if (!is_reading(self)) return kNone;
  self->paused = true;
  TRY(set_reading(t, self, false));
  return kNone;
}
Result<Value> transport_resume_reading(Thread& t, const Value* args) {
  StreamTransport* self = transport(args[0]);
  if (self->closing || !self->paused.exchange(false)) return kNone;
  TRY(set_reading(t, self, true));
  return kNone;
}
Result<Value> transport_close(Thread& t, const Value* args) {
  TRY(close_transport(t, transport(args[0])));
  return kNone;
}
Result<Value> transport_abort(Thread& t, const Value* args) {
  TRY(force_close(t, transport(args[0]), kNone));
  return kNone;
}
Result<Value> transport_force_close(Thread& t, const Value* args) {
  TRY(force_close(t, transport(args[0]), args[1]));
  return kNone;
}
Result<Value> transport_can_write_eof(Thread&, const Value*) { return kTrue; }
Result<Value> transport_buffer_size(Thread& t, const Value* args) {
  return make_int_unsigned(t, buffer_size(transport(args[0])));
}
Result<Value> transport_limits(Thread& t, const Value* args) {
  StreamTransport* self = transport(args[0]);
  return make_tuple(t, {make_int_unsigned(t, self->low), make_int_unsigned(t, self->high)});
}
// The marks where the protocol is paused and resumed; one follows from the other.
Result<Value> transport_set_limits(Thread& t, const Value* args) {
  StreamTransport* self = transport(args[0]);
  int64_t high = args[1].is_none() ? 0 : TRY(to_int64(t, args[1]));
  int64_t low = args[2].is_none() ? 0 : TRY(to_int64(t, args[2]));
  if (args[1].is_none())
    high = args[2].is_none() ? static_cast<int64_t>(kHighWater) : low > INT64_MAX / 4 ? INT64_MAX : 4 * low;
  if (args[2].is_none()) low = high / 4;
  if (low < 0 || high < low)
    return t.raise(Exc::ValueError, "high ({}) must be >= low ({}) must be >= 0", high, low);
  self->high = static_cast<uint64_t>(high);
  self->low = static_cast<uint64_t>(low);
  TRY(maybe_pause(t, self));
  return kNone;
}

template <std::atomic<bool> StreamTransport::*flag>
Result<Value> get_flag(Thread&, Value self) {
  return Value::from_bool((transport(self)->*flag).load());
}
Result<Value> get_fd(Thread&, Value self) { return Value::from_int(transport(self)->fd); }
Result<Value> get_lost(Thread&, Value self) { return Value::from_int(transport(self)->lost); }

Status set_loop(Thread& t, Value self, Value value) {
  if (value.is_empty() || !(value.is_none() || is_native_loop(value)))
    return t.raise(Exc::TypeError, "a native event loop or None is needed");
  transport(self)->loop = value;
  return {};
}
Result<Value> get_loop(Thread&, Value self) { return transport(self)->loop.get(); }
const GetSetDef kGetSets[] = {
    {"_loop", get_loop, set_loop, nullptr},
    {"_sock_fd", get_fd, nullptr, nullptr},
    {"_conn_lost", get_lost, nullptr, nullptr},
    {"_closing", get_flag<&StreamTransport::closing>, nullptr, nullptr},
    {"_paused", get_flag<&StreamTransport::paused>, nullptr, nullptr},
    {"_eof", get_flag<&StreamTransport::eof>, nullptr, nullptr},
    {"_reading", get_flag<&StreamTransport::reading>, nullptr, nullptr},
    {"_writing", get_flag<&StreamTransport::writing>, nullptr, nullptr},
    {"_protocol_paused", get_flag<&StreamTransport::protocol_paused>, nullptr, nullptr},
    {"_protocol_connected", get_flag<&StreamTransport::protocol_connected>, nullptr, nullptr},
    {}};
const MemberDef kMembers[] = {{"_sock", offsetof(StreamTransport, sock), false, nullptr},
                              {"_protocol", offsetof(StreamTransport, protocol), false, nullptr},
                              {"_server", offsetof(StreamTransport, server), false, nullptr},
                              {"_extra", offsetof(StreamTransport, extra), false, nullptr},
                              {"_empty_waiter", offsetof(StreamTransport, empty_waiter), false, nullptr},
                              {}};
const NativeDef kMethods[] = {
    MP_RAW_NEW(transport_new, "__new__(cls, *args, **kwargs)", nullptr),
    MP_METHOD(transport_open, "_open(self, loop, sock, fd, protocol, extra, server)", nullptr),
    MP_METHOD(transport_set_protocol, "_set_protocol(self, protocol, buffered)", nullptr),
    MP_METHOD(transport_get_protocol, "get_protocol(self)", "Return the current protocol."),
    MP_METHOD(transport_is_closing, "is_closing(self)", "Return True if the transport is closing or closed."),
    MP_METHOD(transport_is_reading, "is_reading(self)", "Return True if the transport is receiving."),
    MP_METHOD(transport_start_reading, "_start_reading(self)", nullptr),
    MP_METHOD(transport_pause_reading, "pause_reading(self)",
              "No data is given to the protocol until resume_reading()."),
    MP_METHOD(transport_resume_reading, "resume_reading(self)", "Data is given to the protocol again."),
    MP_METHOD(transport_write, "write(self, data)",
              "Write data without blocking: what cannot be sent is buffered."),
    MP_METHOD(transport_writelines, "writelines(self, list_of_data)", "Write the parts one after the other."),
    MP_METHOD(transport_write_eof, "write_eof(self)", "Close the write end when the buffered data is sent."),
    MP_METHOD(transport_can_write_eof, "can_write_eof(self)",
              "True: a socket can be closed for writing only."),
    MP_METHOD(transport_close, "close(self)",
              "Close when the buffered data is sent; no more data is received."),
    MP_METHOD(transport_abort, "abort(self)", "Close at once; buffered data is lost."),
    MP_METHOD(transport_force_close, "_force_close(self, exc)", nullptr),
    MP_METHOD(transport_buffer_size, "get_write_buffer_size(self)", "Bytes that are still to be sent."),
    MP_METHOD(transport_limits, "get_write_buffer_limits(self)", "The water marks: (low, high)."),
    MP_METHOD(transport_set_limits, "set_write_buffer_limits(self, high=None, low=None)",
              "Set the water marks at which the protocol's pause_writing() and resume_writing() are called."),
    MP_END};

}  // namespace

const TypeSpec kStreamTransportSpec = {.name = "_event_loop.StreamTransport",
                                       .size = sizeof(StreamTransport),
                                       .flags = kTypeBaseType | kTypeHasDict | kTypeHasWeakref,
                                       .doc = "What is hot in the transport of a stream socket.",
                                       .trace = trace_transport,
                                       .methods = kMethods,
                                       .getsets = kGetSets,
                                       .members = kMembers};

LoopStep transport_step(Value watcher, Direction direction) {
  for (const Type* type = watcher.as_object()->type(); type != nullptr; type = type->base.load())
    if (type->spec == &kStreamTransportSpec) return direction == Direction::Read ? on_readable : on_writable;
  return nullptr;
}
Value transport_context(Value watcher, Direction direction) {
  return direction == Direction::Read ? transport(watcher)->read_context : transport(watcher)->write_context;
}

}  // namespace mp::event_loop

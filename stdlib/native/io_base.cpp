// _IOBase, _RawIOBase, _BufferedIOBase, _TextIOBase: the default methods, in terms of what a subclass
// provides.
#include <algorithm>
#include <cstring>
#include <ctime>
#include <utility>

#include "stdlib/native/io.h"

#include "vm/os/memory.h"
#include "vm/threads/object_lock.h"
#include "vm/threads/thread_impl.h"
#include "vm/threads/thread_table.h"
#include "vm/types/buffer.h"

namespace mp::io {

Value unsupported_operation_class(Thread& t) {
  DictObject* table = t.runtime().native_types;
  static const char kKey[] = "io.UnsupportedOperation";
  Value cls = dict_get_text(t, table, kKey);
  if (!cls.is_not_found()) return cls;
  TupleObject* bases =
      make_tuple(t, {t.types().exception(Exc::OSError), t.types().exception(Exc::ValueError)});
  DictObject* name_space = make_dict(t);
  Result<Value> made =
      dict_set_text(t, name_space, "__module__", make_str(t, "io")).ok()
          ? make_class(t, t.types().type, intern(t, "UnsupportedOperation"), bases, name_space, {})
          : Result<Value>(Error{});
  if (made.is_error() || dict_set_text(t, table, kKey, made.value()).is_error()) {
    t.clear_exception();
    return t.types().exception(Exc::OSError);
  }
  return made.value();
}

Error unsupported(Thread& t, const char* message) {
  Result<Value> exception = call(t, unsupported_operation_class(t), {make_str(t, message)});
  return exception.is_error() ? Error{} : t.raise_object(exception.value());
}
Error raise_closed(Thread& t) { return t.raise(Exc::ValueError, "I/O operation on closed file."); }

Result<bool> is_closed(Thread& t, Value file) { return truth(t, TRY(get_attr(t, file, "closed"))); }
Status check_closed(Thread& t, Value file) {
  if (TRY(is_closed(t, file))) return raise_closed(t);
  return {};
}
Result<Value> call_name(Thread& t, Value receiver, const char* name, std::initializer_list<Value> arguments) {
  TRY(t.check_stack());  // streams may lead back to themselves
  return call_method(t, receiver, intern(t, name), arguments);
}
Result<bool> ask(Thread& t, Value file, const char* name) { return truth(t, TRY(call_name(t, file, name))); }

Result<int64_t> size_argument(Thread& t, Value v, int64_t fallback) {
  if (v.is_empty() || v.is_none()) return fallback;
  if (!is_any_int(v) && type_of(t, v)->slots.index == nullptr)
    return t.raise(Exc::TypeError, "argument should be integer or None, not '{}'", type_name(t, v));
  return to_ssize(t, v);
}

Result<int64_t> writable_size(Thread& t, Value buffer) {
  BufferView view;
  if (!supports_buffer(t, buffer))
    return t.raise(Exc::TypeError, "readinto() argument must be read-write bytes-like object, not {}",
                   type_name(t, buffer));
  if (get_buffer(t, buffer, &view, true).is_error()) {
    t.clear_exception();
    return t.raise(Exc::TypeError, "readinto() argument must be read-write bytes-like object, not {}",
                   type_name(t, buffer));
  }
  int64_t size = view.size;
  release_buffer(view);
  return size;
}
Status copy_into(Thread& t, Value buffer, std::string_view data) {
  BufferView view;
  TRY(get_buffer(t, buffer, &view, true));
  std::memcpy(view.data, data.data(), std::min(data.size(), static_cast<size_t>(view.size)));
  release_buffer(view);
  return {};
}
Result<std::string_view> hold_bytes(Thread& t, Value v, HeldBuffer& held) {
  if (is_bytes(v)) return v.as<BytesObject>()->view();  // which nobody can change
  TRY(held.get(t, v));
  if (!held.view().contiguous())
    return t.raise(Exc::BufferError, "memoryview: underlying buffer is not C-contiguous");
  return held.bytes();
}

void StreamOwner::forget_absent_owner(Thread& t) {
  uint32_t seen = generation_.load(std::memory_order_relaxed), now = fork_generation();
  if (seen == now || !generation_.compare_exchange_strong(seen, now)) return;
  uint64_t owner = owner_.load(std::memory_order_relaxed);
  if (!lock_.is_locked() || owner == t.runtime().main_thread().ident)
    return;  // the one that forked is still here
  owner_.store(0, std::memory_order_relaxed);
  lock_.unlock(t);
}
Status StreamOwner::acquire(Thread& t) {
  while (!lock_.try_lock()) {
    WaitResult result = lock_.lock(t, os::kNoDeadline, WaitKind::Lock, owner_.load());
    if (result == WaitResult::Woken) break;
    TRY(t.poll());
  }
  owner_.store(t.ident, std::memory_order_relaxed);
  return {};
}
bool StreamOwner::try_acquire(Thread& t) {
  if (!lock_.try_lock()) return false;
  owner_.store(t.ident, std::memory_order_relaxed);
  return true;
}
void StreamOwner::release(Thread& t) {
  owner_.store(0, std::memory_order_relaxed);
  lock_.unlock(t);
}

Status OwnedLock::acquire(Thread& t, Value object) {
  if (owner_.is_mine(t)) return t.raise(Exc::RuntimeError, "reentrant call inside {}", repr_text(t, object));
  bool found_suspended = StreamGuard::is_suspended(t);
  if (!owner_.try_acquire(t)) TRY(StreamGuard::wait_for(t, owner_, found_suspended));
  found_suspended_ = found_suspended;
  return {};
}
void OwnedLock::release(Thread& t) {
  bool resumes = !found_suspended_;
  owner_.release(t);
  if (resumes) StreamGuard::resume_innermost(t);
}

StreamGuard* StreamGuard::innermost(OpenSection* section) {
  while (section != nullptr && section->lock != lock_for) section = section->outer;
  return static_cast<StreamGuard*>(section);
}
bool StreamGuard::is_suspended(Thread& t) {
  StreamGuard* guard = innermost(t.impl->open_sections);
  return guard != nullptr && guard->suspended_;
}
void StreamGuard::suspend_all(Thread& t) {
  for (StreamGuard* guard = innermost(t.impl->open_sections); guard != nullptr;
       guard = innermost(guard->outer)) {
    guard->suspended_ = true;
    if (std::exchange(guard->held_, false) && --guard->lock_.depth_ == 0) guard->lock_.owner_.release(t);
  }
}
Status StreamGuard::wait_for(Thread& t, StreamOwner& owner, bool found_suspended) {
  suspend_all(t);
  Status waited = owner.acquire(t);
  if (waited.is_error() && !found_suspended) resume_innermost(t);
  return waited;
}
void StreamGuard::resume_innermost(Thread& t) {
  StreamGuard* guard = innermost(t.impl->open_sections);
  if (guard != nullptr && guard->suspended_) guard->resume(t);
}
// It waits without a look at signals, whose handlers have no place between a method and its caller. Who has
// the lock leaves, or gives it up before it waits for a lock itself.
void StreamGuard::resume(Thread& t) {
  constexpr int64_t kLongestNap = 1'000'000;  // nanoseconds
  for (int64_t nap = 1'000; free_threaded(t); nap = std::min(2 * nap, kLongestNap)) {
    if (try_hold(t)) {
      suspended_ = false;
      return;
    }
    BlockingRegion out(t);
    timespec time{0, nap};
    nanosleep(&time, nullptr);
  }
  suspended_ = false;
  if (!open_) enter();
}

Status StreamGuard::acquire() {
  Thread& t = thread_;
  constexpr int64_t kBetween = 50'000;  // nanoseconds
  found_suspended_ = is_suspended(t);
  while (!free_threaded(t)) {
    bool may_enter = t.runtime().threads->switching_off.load(std::memory_order_relaxed) == 0;
    if (may_enter || lock_.inside_ == 0 || times_inside(t) != 0) {
      link(t);
      enter();
      return {};
    }
    (void)park_until(t, os::monotonic_ns() + kBetween);
    TRY(t.poll());
  }
  if (!try_hold(t)) {
    TRY(wait_for(t, lock_.owner_, found_suspended_));
    lock_.depth_ = 0;
    hold();
  }
  link(t);
  return {};
}
bool StreamGuard::try_acquire() {
  Thread& t = thread_;
  found_suspended_ = is_suspended(t);
  if (!free_threaded(t)) {
    if (lock_.inside_ != times_inside(t)) return false;
    link(t);
    enter();
    return true;
  }
  if (!try_hold(t)) return false;
  link(t);
  return true;
}
void StreamGuard::link(Thread& t) {
  lock = lock_for;
  outer = t.impl->open_sections;
  t.impl->open_sections = this;
  linked_ = true;
}
void StreamGuard::enter() {
  ++lock_.inside_;
  open_ = true;
}
uint32_t StreamGuard::times_inside(Thread& t) {
  uint32_t times = 0;
  for (StreamGuard* guard = innermost(t.impl->open_sections); guard != nullptr;
       guard = innermost(guard->outer))
    if (guard->open_ && &guard->lock_ == &lock_) ++times;
  return times;
}
bool StreamGuard::try_hold(Thread& t) {
  if (!lock_.owner_.is_mine(t)) {
    if (!lock_.owner_.try_acquire(t)) return false;
    lock_.depth_ = 0;  // not what a thread left that stayed behind at a fork
  }
  hold();
  return true;
}
void StreamGuard::hold() {
  ++lock_.depth_;
  held_ = true;
}
bool StreamGuard::lock_for(OpenSection& section, Thread& owner) {
  auto& self = static_cast<StreamGuard&>(section);
  return self.held_ || self.suspended_ || self.try_hold(owner);
}
StreamGuard::~StreamGuard() {
  if (!linked_) return;
  thread_.impl->open_sections = outer;
  if (open_) --lock_.inside_;
  if (held_ && --lock_.depth_ == 0) lock_.owner_.release(thread_);
  if (!found_suspended_) resume_innermost(thread_);
}

namespace {

// ---- _IOBase

constexpr const char* kClosedName = "__IOBase_closed";

Result<Value> base_closed(Thread& t, Value self) {
  Value flag = TRY(get_attr_or_not_found(t, self, intern(t, kClosedName)));
  return Value::from_bool(!flag.is_not_found());
}
Result<Value> base_close(Thread& t, const Value* args) {
  if (TRY(base_closed(t, args[0])).is_true()) return kNone;
  Result<Value> flushed = call_name(t, args[0], "flush");
  Value exception = flushed.is_error() ? t.take_exception() : kEmpty;
  TRY(set_attr(t, args[0], intern(t, kClosedName), kTrue));
  if (!exception.is_empty()) {
    t.restore_exception(exception);
    return Error{};
  }
  return kNone;
}
Result<Value> base_flush(Thread& t, const Value* args) {
  if (TRY(is_closed(t, args[0]))) return raise_closed(t);
  return kNone;
}
Result<Value> base_enter(Thread& t, const Value* args) {
  TRY(check_closed(t, args[0]));
  return args[0];
}
Result<Value> base_exit(Thread& t, const Value* args) { return call_name(t, args[0], "close"); }
Result<Value> base_false(Thread& t, const Value* args) {
  TRY(check_closed(t, args[0]));
  return kFalse;
}
template <const char* (*Name)()>
Result<Value> refuse(Thread& t, const Value*) {
  return unsupported(t, Name());
}
#define MP_IO_REFUSE(id, text) \
  const char* id##_name() { return text; }
MP_IO_REFUSE(seek, "seek")
MP_IO_REFUSE(truncate, "truncate")
MP_IO_REFUSE(fileno, "fileno")
MP_IO_REFUSE(read, "read")
MP_IO_REFUSE(read1, "read1")
MP_IO_REFUSE(write, "write")
MP_IO_REFUSE(readline, "readline")
MP_IO_REFUSE(detach, "detach")
#undef MP_IO_REFUSE

Result<Value> base_tell(Thread& t, const Value* args) {
  return call_name(t, args[0], "seek", {Value::from_int(0), Value::from_int(1)});
}
Status check_ability(Thread& t, Value file, const char* question, const char* message) {
  if (!TRY(ask(t, file, question))) return unsupported(t, message);
  return {};
}
Result<Value> base_check_closed(Thread& t, const Value* args) {
  TRY(check_closed(t, args[0]));
  return kNone;
}
Result<Value> base_check_readable(Thread& t, const Value* args) {
  TRY(check_ability(t, args[0], "readable", "File or stream is not readable."));
  return kTrue;
}
Result<Value> base_check_writable(Thread& t, const Value* args) {
  TRY(check_ability(t, args[0], "writable", "File or stream is not writable."));
  return kTrue;
}
Result<Value> base_check_seekable(Thread& t, const Value* args) {
  TRY(check_ability(t, args[0], "seekable", "File or stream is not seekable."));
  return kTrue;
}

Result<Value> base_readline(Thread& t, const Value* args) {
  int64_t limit = TRY(size_argument(t, args[1]));
  Value peek = TRY(get_attr_or_not_found(t, args[0], intern(t, "peek")));
  std::string line;
  while (limit < 0 || static_cast<int64_t>(line.size()) < limit) {
    int64_t wanted = 1;
    if (!peek.is_not_found()) {
      Value ahead = TRY(call(t, peek, {Value::from_int(1)}));
      if (!is_bytes(ahead))
        return t.raise(Exc::OSError, "peek() should have returned a bytes object, not '{}'",
                       type_name(t, ahead));
      std::string_view view = ahead.as<BytesObject>()->view();
      if (!view.empty()) {
        size_t newline = view.find('\n');
        wanted = static_cast<int64_t>(newline == std::string_view::npos ? view.size() : newline + 1);
        if (limit >= 0) wanted = std::min(wanted, limit - static_cast<int64_t>(line.size()));
      }
    }
    Value piece = TRY(call_name(t, args[0], "read", {Value::from_int(wanted)}));
    if (piece.is_none()) break;
    if (!is_bytes(piece))
      return t.raise(Exc::OSError, "read() should have returned a bytes object, not '{}'",
                     type_name(t, piece));
    std::string_view view = piece.as<BytesObject>()->view();
    if (view.empty()) break;
    if (!os::make_room(line, view.size())) return t.raise_memory_error();
    line += view;
    if (line.back() == '\n') break;
  }
  return str_or_error(make_bytes(t, line));
}
Result<Value> base_iter(Thread& t, Value self) {
  TRY(check_closed(t, self));
  return self;
}
Result<Value> base_next(Thread& t, Value self) {
  Value line = TRY(call_name(t, self, "readline"));
  if (TRY(length(t, line)) == 0) return kNoMore;
  return line;
}
Result<Value> base_readlines(Thread& t, const Value* args) {
  int64_t hint = TRY(size_argument(t, args[1]));
  ListObject* lines = make_list(t);
  int64_t total = 0;
  Value iterator = TRY(get_iter(t, args[0]));
  for (;;) {
    Value line = TRY(iter_next(t, iterator));
    if (line.is_no_more()) break;
    TRY(list_append(t, lines, line));
    total += TRY(length(t, line));
    if (hint > 0 && total >= hint) break;
  }
  return lines;
}
Result<Value> base_writelines(Thread& t, const Value* args) {
  TRY(check_closed(t, args[0]));
  TRY(for_each(t, args[1], [&](Value line) -> Status {
    TRY(call_name(t, args[0], "write", {line}));
    return {};
  }));
  return kNone;
}
Status base_finalize(Thread& t, Value self) {
  Result<bool> closed = is_closed(t, self);
  if (closed.is_error()) {
    t.clear_exception();
    return {};
  }
  if (closed.value()) return {};
  if (call_name(t, self, "close").is_error()) t.clear_exception();
  return {};
}

const NativeDef kBaseMethods[] = {
    MP_METHOD(refuse<seek_name>, "seek(self, offset, whence=0, /)",
              "Change the stream position to the given byte offset."),
    MP_METHOD(base_tell, "tell(self, /)", "Return current stream position."),
    MP_METHOD(refuse<truncate_name>, "truncate(self, size=None, /)", "Truncate file to size bytes."),
    MP_METHOD(base_flush, "flush(self, /)", "Flush write buffers, if applicable."),
    MP_METHOD(base_close, "close(self, /)", "Flush and close the IO object."),
    MP_METHOD(base_false, "seekable(self, /)", "Return whether object supports random access."),
    MP_METHOD(base_false, "readable(self, /)", "Return whether object was opened for reading."),
    MP_METHOD(base_false, "writable(self, /)", "Return whether object was opened for writing."),
    MP_METHOD(base_check_closed, "_checkClosed(self, msg=None, /)", nullptr),
    MP_METHOD(base_check_seekable, "_checkSeekable(self, msg=None, /)", nullptr),
    MP_METHOD(base_check_readable, "_checkReadable(self, msg=None, /)", nullptr),
    MP_METHOD(base_check_writable, "_checkWritable(self, msg=None, /)", nullptr),
    MP_METHOD(refuse<fileno_name>, "fileno(self, /)", "Return underlying file descriptor if one exists."),
    MP_METHOD(base_false, "isatty(self, /)", "Return whether this is an 'interactive' stream."),
    MP_METHOD(base_enter, "__enter__(self, /)", nullptr),
    MP_METHOD(base_exit, "__exit__(self, /, *args)", nullptr),
    MP_METHOD(base_readline, "readline(self, size=-1, /)", "Read and return a line from the stream."),
    MP_METHOD(base_readlines, "readlines(self, hint=-1, /)", "Return a list of lines from the stream."),
    MP_METHOD(base_writelines, "writelines(self, lines, /)", "Write a list of lines to stream."),
    MP_END};
const GetSetDef kBaseGetSets[] = {{"closed", base_closed, nullptr, nullptr}, {}};

// ---- _RawIOBase

Result<Value> raw_readall(Thread& t, const Value* args) {
  std::string all;
  for (;;) {
    Value piece = TRY(call_name(t, args[0], "read", {Value::from_int(kDefaultBufferSize)}));
    if (piece.is_none()) {
      if (all.empty()) return kNone;
      break;
    }
    if (!is_bytes(piece)) return t.raise(Exc::TypeError, "read() should return bytes");
    std::string_view view = piece.as<BytesObject>()->view();
    if (view.empty()) break;
    if (!os::make_room(all, view.size())) return t.raise_memory_error();
    all += view;
  }
  return str_or_error(make_bytes(t, all));
}
Result<Value> raw_read(Thread& t, const Value* args) {
  int64_t size = TRY(size_argument(t, args[1]));
  if (size < 0) return call_name(t, args[0], "readall");
  if (!os::has_room(static_cast<size_t>(size))) return t.raise_memory_error();
  ByteArrayObject* buffer = make_bytearray(t, std::string(static_cast<size_t>(size), '\0'));
  Value n = TRY(call_name(t, args[0], "readinto", {buffer}));
  if (n.is_none()) return kNone;
  int64_t count = TRY(to_ssize(t, n));
  if (count < 0 || count > size)
    return t.raise(Exc::ValueError, "readinto returned {} outside buffer size {}", count, size);
  std::string_view view = TRY(bytes_view(t, buffer));
  return make_bytes(t, view.substr(0, static_cast<size_t>(count)));
}
const NativeDef kRawMethods[] = {
    MP_METHOD(raw_read, "read(self, size=-1, /)", nullptr),
    MP_METHOD(raw_readall, "readall(self, /)", "Read until EOF, using multiple read() call."), MP_END};

// ---- _BufferedIOBase, _TextIOBase

Result<Value> buffered_readinto_with(Thread& t, const Value* args, const char* method) {
  int64_t size = TRY(writable_size(t, args[1]));
  Value data = TRY(call_name(t, args[0], method, {Value::from_int(size)}));
  if (!is_bytes(data)) return t.raise(Exc::TypeError, "read() should return bytes");
  std::string_view view = data.as<BytesObject>()->view();
  if (static_cast<int64_t>(view.size()) > size)
    return t.raise(Exc::ValueError, "read() returned too much data: {} bytes requested, {} returned", size,
                   view.size());
  TRY(copy_into(t, args[1], view));
  return Value::from_int(static_cast<int64_t>(view.size()));
}
Result<Value> buffered_readinto(Thread& t, const Value* args) {
  return buffered_readinto_with(t, args, "read");
}
Result<Value> buffered_readinto1(Thread& t, const Value* args) {
  return buffered_readinto_with(t, args, "read1");
}
const NativeDef kBufferedMethods[] = {MP_METHOD(refuse<detach_name>, "detach(self, /)", nullptr),
                                      MP_METHOD(refuse<read_name>, "read(self, size=-1, /)", nullptr),
                                      MP_METHOD(refuse<read1_name>, "read1(self, size=-1, /)", nullptr),
                                      MP_METHOD(buffered_readinto, "readinto(self, buffer, /)", nullptr),
                                      MP_METHOD(buffered_readinto1, "readinto1(self, buffer, /)", nullptr),
                                      MP_METHOD(refuse<write_name>, "write(self, b, /)", nullptr),
                                      MP_END};
const NativeDef kTextMethods[] = {MP_METHOD(refuse<detach_name>, "detach(self, /)", nullptr),
                                  MP_METHOD(refuse<read_name>, "read(self, size=-1, /)", nullptr),
                                  MP_METHOD(refuse<readline_name>, "readline(self, size=-1, /)", nullptr),
                                  MP_METHOD(refuse<write_name>, "write(self, s, /)", nullptr), MP_END};
Result<Value> text_none(Thread&, Value) { return kNone; }
const GetSetDef kTextGetSets[] = {{"encoding", text_none, nullptr, nullptr},
                                  {"newlines", text_none, nullptr, nullptr},
                                  {"errors", text_none, nullptr, nullptr},
                                  {}};

}  // namespace

const TypeSpec kIOBaseSpec = {
    .name = "_io._IOBase",
    .flags = kTypeBaseType | kTypeHasDict | kTypeHasWeakref,
    .doc = "The abstract base class for all I/O classes.",
    .slots = MP_SLOTS(.iter = base_iter, .next = base_next, .finalize = base_finalize),
    .methods = kBaseMethods,
    .getsets = kBaseGetSets};
const TypeSpec kRawIOBaseSpec = {.name = "_io._RawIOBase",
                                 .base_spec = &kIOBaseSpec,
                                 .flags = kTypeBaseType | kTypeHasDict | kTypeHasWeakref,
                                 .doc = "Base class for raw binary I/O.",
                                 .methods = kRawMethods};
const TypeSpec kBufferedIOBaseSpec = {.name = "_io._BufferedIOBase",
                                      .base_spec = &kIOBaseSpec,
                                      .flags = kTypeBaseType | kTypeHasDict | kTypeHasWeakref,
                                      .doc = "Base class for buffered IO objects.",
                                      .methods = kBufferedMethods};
const TypeSpec kTextIOBaseSpec = {.name = "_io._TextIOBase",
                                  .base_spec = &kIOBaseSpec,
                                  .flags = kTypeBaseType | kTypeHasDict | kTypeHasWeakref,
                                  .doc = "Base class for text I/O.",
                                  .methods = kTextMethods,
                                  .getsets = kTextGetSets};

Status close_forgotten(Thread& t, Value self, Value warner) {
  auto closed = is_closed(t, self);
  if (closed.is_error()) {
    t.clear_exception();
    return {};
  }
  if (closed.value()) return {};
  if (call_name(t, warner, "_dealloc_warn", {self}).is_error()) t.clear_exception();
  if (call_method(t, self, t.names().close).is_error()) t.clear_exception();
  return {};
}

Result<Value> flush_and_close(Thread& t, Value self, Value inner) {
  Result<Value> flushed = call_method(t, self, t.names().flush);
  Value exception = flushed.is_error() ? t.take_exception() : kEmpty;
  Result<Value> closed = call_method(t, inner, t.names().close);
  if (exception.is_empty()) return closed;
  if (closed.is_error()) {
    Value second = t.take_exception();
    chain_context(t, second, exception);
    t.restore_exception(second);
  } else {
    t.restore_exception(exception);
  }
  return Error{};
}

Result<Value> refuse_pickling(Thread& t, const Value* args) {
  return t.raise(Exc::TypeError, "cannot pickle '{}' instances", to_utf8(type_of(t, args[0])->name));
}

}  // namespace mp::io

// The _io module's types: layouts and helpers shared by the io_*.cpp files. Semantics follow CPython's io
// module (PEP 3116).
#pragma once
#include <string>

#include "vm/native/native.h"
#include "vm/protocol/protocol.h"
#include "vm/threads/open_section.h"
#include "vm/threads/wait.h"
#include "vm/types/buffer.h"
#include "vm/types/codec.h"
#include "vm/types/exception.h"
#include "vm/types/number.h"
#include "vm/types/runtime.h"

namespace mp::io {

inline constexpr int64_t kDefaultBufferSize = 8192;

extern const TypeSpec kIOBaseSpec, kRawIOBaseSpec, kBufferedIOBaseSpec, kTextIOBaseSpec;
extern const TypeSpec kFileIOSpec, kBytesIOSpec, kBufferedReaderSpec, kBufferedWriterSpec,
    kBufferedRandomSpec, kBufferedPairSpec;
extern const TypeSpec kTextIOWrapperSpec, kStringIOSpec, kNewlineDecoderSpec;

// io.UnsupportedOperation (OSError and ValueError), one class per runtime.
Value unsupported_operation_class(Thread& t);
Error unsupported(Thread& t, const char* message);
Error raise_closed(Thread& t);
// Reads the `closed` attribute.
Result<bool> is_closed(Thread& t, Value file);
Status check_closed(Thread& t, Value file);
Result<Value> call_name(Thread& t, Value receiver, const char* name,
                        std::initializer_list<Value> arguments = {});
// Truth of file.name(); name is "readable" and the like.
Result<bool> ask(Thread& t, Value file, const char* name);
// An int or None argument: None and absent give `fallback`.
Result<int64_t> size_argument(Thread& t, Value v, int64_t fallback = -1);
// Copies into a writable bytes-like object; returns the number of bytes that fit. TypeError for read-only
// ones.
Result<int64_t> writable_size(Thread& t, Value buffer);
Status copy_into(Thread& t, Value buffer, std::string_view data);
// bytes_view() that stays valid: another thread may close the mmap, or resize the bytearray.
Result<std::string_view> hold_bytes(Thread& t, Value v, HeldBuffer& held);
// EncodingWarning where the command asks for it (PEP 597).
Status warn_about_encoding(Thread& t, int stack_level);

// A lock that knows its owner, and is free in the child of a fork when its owner stayed in the parent.
class StreamOwner {
 public:
  bool is_mine(Thread& t) {
    forget_absent_owner(t);
    return owner_.load(std::memory_order_relaxed) == t.ident;
  }
  Status acquire(Thread& t);  // it is_mine() not
  bool try_acquire(Thread& t);
  void release(Thread& t);

 private:
  void forget_absent_owner(Thread& t);
  ParkingLock lock_;
  std::atomic<uint32_t> generation_{0};  // the fork_generation() in which it was used last
  std::atomic<uint64_t> owner_{0};
};

// For objects whose methods may run script code in between. Who waits for one gives up the stream locks that
// it holds (StreamGuard) until it has released this one.
class OwnedLock {
 public:
  // RuntimeError "reentrant call inside <repr>" when this thread holds it already.
  Status acquire(Thread& t, Value object);
  void release(Thread& t);

 private:
  StreamOwner owner_;
  bool found_suspended_ = false;  // the thread's streams, by who has it now
};
class LockHolder {
 public:
  LockHolder(Thread& t, OwnedLock& lock) : thread_(t), lock_(lock) {}
  ~LockHolder() { lock_.release(thread_); }
  LockHolder(const LockHolder&) = delete;

 private:
  Thread& thread_;
  OwnedLock& lock_;
};

// With the GIL off too, one thread at a time is in a method of a stream whose state is C++ strings.
// Recursive, because a script's buffer may call back. Under a GIL nothing is locked: the lock is taken when
// the GIL is switched off meanwhile (OpenSection); where several threads are inside that waits until one is
// left, and who comes then waits too.
class StreamLock {
  friend class StreamGuard;
  StreamOwner owner_;
  uint32_t depth_ = 0;
  uint32_t inside_ = 0;  // threads that came in without the lock
};
// As with the critical sections of PEP 703 there is no order of locks, and no deadlock: a thread that has to
// wait for a stream gives up those that it is in further out, where a GIL would let others in as well. The
// end of the inner method takes the next outer one back.
class StreamGuard : OpenSection {
 public:
  StreamGuard(Thread& t, StreamLock& lock) : thread_(t), lock_(lock) {}
  ~StreamGuard();
  StreamGuard(const StreamGuard&) = delete;
  Status acquire();
  bool try_acquire();  // false: another thread is inside

  // Of the calling thread: the guard that it is in, the innermost.
  static bool is_suspended(Thread& t);
  // Takes what is taken by another thread. The guards are suspended meanwhile, and on; when that fails only
  // if `found_suspended`.
  static Status wait_for(Thread& t, StreamOwner& owner, bool found_suspended);
  static void resume_innermost(Thread& t);

 private:
  Thread& thread_;
  StreamLock& lock_;
  static bool lock_for(OpenSection& self, Thread& owner);
  static StreamGuard* innermost(OpenSection* section);
  static void suspend_all(Thread& t);
  uint32_t times_inside(Thread& t);  // methods of the same stream further out
  void link(Thread& t);
  void enter();  // without the lock
  bool try_hold(Thread& t);
  void hold();
  void resume(Thread& t);
  bool linked_ = false, open_ = false, held_ = false, suspended_ = false;
  bool found_suspended_ = false;  // what is further out: not by this guard or one inside
};
// A method or slot of T (which has a `StreamLock lock`), run by one thread at a time.
template <class T, Result<Value> (*F)(Thread&, const Value*)>
Result<Value> exclusive(Thread& t, const Value* args) {
  StreamGuard guard(t, args[0].as<T>()->lock);
  TRY(guard.acquire());
  return F(t, args);
}
template <class T, Result<Value> (*F)(Thread&, Value)>
Result<Value> exclusive_slot(Thread& t, Value self) {
  StreamGuard guard(t, self.as<T>()->lock);
  TRY(guard.acquire());
  return F(t, self);
}

// A method of T that hands on to the method `name` of the stream inside.
template <class T, Slot T::*inner, const char* name>
Result<Value> forward(Thread& t, const Value* args) {
  Value stream = args[0].as<T>()->*inner;  // before the check: detach() empties it after `ready`
  TRY(check_ready(t, args[0].as<T>()));
  return call_name(t, stream, name);
}
inline constexpr char kSeekable[] = "seekable", kFileno[] = "fileno", kIsatty[] = "isatty",
                      kReadable[] = "readable", kWritable[] = "writable";
// close() of a stream over another one: that is closed even where flush() raises.
Result<Value> flush_and_close(Thread& t, Value self, Value inner);
// What a forgotten stream does: `warner` warns about `self` if that is open, and it is closed.
Status close_forgotten(Thread& t, Value self, Value warner);
// __reduce__ and __getstate__ of the streams: TypeError.
Result<Value> refuse_pickling(Thread& t, const Value* args);

struct FileIOObject : Object {
  std::atomic<int> fd{-1};
  bool created = false, readable = false, writable = false, appending = false, close_fd = true;
  std::atomic<int8_t> seekable{-1};
  bool counted = false;  // by note_opened()
  int64_t block_size = kDefaultBufferSize;
};
// For BufferedReader's fast path: read straight into memory. -1 with an exception; -2: would block.
Result<int64_t> file_read_into(Thread& t, FileIOObject* file, char* data, size_t size);
Result<int64_t> file_write_from(Thread& t, FileIOObject* file, const char* data, size_t size);
// io_buffered.cpp: whether `v` is exactly one of our buffered objects and known to be an open FileIO's
// (false: ask it).
bool buffered_is_open_file(Value v);
// Data that was written to this object and is not with the one below yet.
bool buffered_has_pending(Thread& t, Value v);  // io_buffered.cpp
bool text_has_pending(Thread& t, Value v);      // io_text.cpp; the buffer below included

// os.fspath: str or bytes. And its bytes as the system wants them (UTF-8, lone surrogates DC80..DCFF as their
// byte).
bool is_path_like(Thread& t, Value v);  // has __fspath__
Result<Value> file_system_path(Thread& t, Value v);
Result<std::string> file_system_encode(Thread& t, Value path);
// open(): shared by io.open and builtins.open.
Result<Value> open_file(Thread& t, const Value* args);

}  // namespace mp::io

// Waiting: for descriptors with epoll, for other threads alone in the parking lot, so that a loop without
// descriptors costs no system call and is seen by the deadlock detector.
#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <vector>

#include "stdlib/native/event_loop_internal.h"
#include "vm/core/compiler.h"
#include "vm/gc/idle.h"
#include "vm/threads/signals.h"
#include "vm/threads/thread_impl.h"
#include "vm/threads/wait.h"
#include "vm/types/number.h"
#include "vm/types/runtime.h"

namespace mp::event_loop {

// The kernel's side: an epoll instance, an eventfd in it by which other threads and signals end a wait, and
// what is asked for each descriptor.
class Poller {
 public:
  Poller() : generation_(fork_generation()) {
    epoll_ = epoll_create1(EPOLL_CLOEXEC);
    event_ = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    epoll_event asked{};
    asked.events = EPOLLIN;
    asked.data.fd = event_;
    if (is_open()) epoll_ctl(epoll_, EPOLL_CTL_ADD, event_, &asked);
  }
  ~Poller() { shut(); }
  Poller(const Poller&) = delete;

  std::atomic<bool> waited_for{false};  // a thread is in epoll_wait, or about to be
  // Under the loop's lock, as whatever else uses the descriptors.
  MP_NOINLINE void shut() {
    for (std::atomic<int>* fd : {&epoll_, &event_})
      if (int open = fd->exchange(-1); open >= 0) close(open);
    watched_.store(0, std::memory_order_relaxed);
  }
  bool is_open() const { return epoll_ >= 0 && event_ >= 0; }
  int descriptor() const { return epoll_; }
  int event_descriptor() const { return event_; }
  size_t watched() const { return watched_.load(std::memory_order_relaxed); }
  // In a child process the instance is still the parent's: nothing may be changed there.
  bool is_inherited() const { return generation_ != fork_generation(); }

  uint32_t asked(int fd) const { return static_cast<size_t>(fd) < asked_.size() ? asked_[fd] : 0; }
  // Zero or the error number.
  int ask(int fd, uint32_t events) {
    uint32_t before = asked(fd);
    if (events == before) return 0;
    if (static_cast<size_t>(fd) >= asked_.size()) asked_.resize(static_cast<size_t>(fd) + 32);
    if (!is_inherited()) {
      epoll_event event{};
      event.events = events;
      event.data.fd = fd;
      int operation = events == 0 ? EPOLL_CTL_DEL : before == 0 ? EPOLL_CTL_ADD : EPOLL_CTL_MOD;
      int result = epoll_ctl(epoll_, operation, fd, &event);
      // The number belongs to another file by now, which epoll does not know; or it was known under this
      // number.
      if (result != 0 && operation == EPOLL_CTL_MOD && errno == ENOENT)
        result = epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event);
      if (result != 0 && operation == EPOLL_CTL_ADD && errno == EEXIST)
        result = epoll_ctl(epoll_, EPOLL_CTL_MOD, fd, &event);
      if (result != 0 && operation != EPOLL_CTL_DEL) return errno;
    }
    if (before == 0) watched_.fetch_add(1, std::memory_order_relaxed);
    if (events == 0) watched_.fetch_sub(1, std::memory_order_relaxed);
    asked_[fd] = events;
    return 0;
  }
  // Room for one epoll_wait. Not on the native stack: the collector would take what earlier calls left there
  // for references.
  static constexpr int kBatch = 512;
  epoll_event* events() { return events_; }
  void signal() const {
    uint64_t one = 1;
    [[maybe_unused]] ssize_t written = write(event_, &one, sizeof one);
  }
  void clear_signal() const {
    uint64_t count;
    [[maybe_unused]] ssize_t read_count = read(event_, &count, sizeof count);
  }

 private:
  std::atomic<int> epoll_, event_;
  uint32_t generation_;
  std::atomic<size_t> watched_{0};
  std::vector<uint32_t> asked_;  // EPOLL* bits by descriptor
  epoll_event events_[kBatch];
};

static Poller* poller_of(EventLoopObject* loop) { return loop->poller.load(std::memory_order_acquire); }

// ---------------------------------------------------------------- what is watched

Result<int> descriptor_of(Thread& t, Value file) {
  int64_t fd;
  if (is_any_int(file)) {
    if (!int_to_int64(file, &fd) || fd > INT32_MAX)
      return t.raise(Exc::ValueError, "Invalid file descriptor: {}", repr_text(t, file));
  } else {
    auto number = call_method(t, file, intern(t, "fileno"));
    if (number.is_error()) {
      if (!t.catch_exception(Exc::AttributeError) && !t.catch_exception(Exc::TypeError) &&
          !t.catch_exception(Exc::ValueError))
        return Error{};
      return t.raise(Exc::ValueError, "Invalid file object: {}", repr_text(t, file));
    }
    if (!is_any_int(number.value()) || !int_to_int64(number.value(), &fd))
      return t.raise(Exc::ValueError, "Invalid file object: {}", repr_text(t, file));
  }
  if (fd < 0) return t.raise(Exc::ValueError, "Invalid file descriptor: {}", fd);
  return static_cast<int>(fd);
}

static Slot& watch_slot(SlotArray* watches, int fd, Direction direction) {
  return watches->items()[2 * static_cast<size_t>(fd) + (direction == Direction::Write ? 1 : 0)];
}
static uint32_t event_bit(Direction direction) { return direction == Direction::Read ? EPOLLIN : EPOLLOUT; }

static void finalize_loop(Object* object) {
  auto* loop = static_cast<EventLoopObject*>(object);
  delete loop->poller.exchange(nullptr);
}

Status watch(Thread& t, EventLoopObject* loop, int fd, Direction direction, Value handle, Value* old) {
  int error = 0;
  {
    ObjectLock lock(t, loop);
    if (poller_of(loop) == nullptr) {
      auto* poller = new Poller;
      if (!poller->is_open()) {
        error = errno;
        delete poller;
      } else {
        loop->poller = poller;
        t.heap().register_native_finalizer(loop, finalize_loop);
      }
    }
    if (error == 0) {
      SlotArray* watches = loop->watches.load(std::memory_order_relaxed);
      uint64_t wanted = 2 * (static_cast<uint64_t>(fd) + 1);
      if (watches == nullptr || watches->capacity < wanted) {
        watches = grow(t, watches, wanted);
        if (watches == nullptr) return Error{};
        loop->watches.store(watches, std::memory_order_release);
      }
      error = poller_of(loop)->ask(fd, poller_of(loop)->asked(fd) | event_bit(direction));
      if (error == 0) *old = watch_slot(watches, fd, direction).exchange(handle);
    }
  }
  if (error != 0) return t.raise_os_error(error);
  return {};
}

Result<Value> unwatch(Thread& t, EventLoopObject* loop, int fd, Direction direction) {
  ObjectLock lock(t, loop);
  SlotArray* watches = loop->watches.load(std::memory_order_relaxed);
  if (poller_of(loop) == nullptr || watches == nullptr ||
      2 * (static_cast<uint64_t>(fd) + 1) > watches->capacity)
    return kEmpty;
  poller_of(loop)->ask(fd, poller_of(loop)->asked(fd) & ~event_bit(direction));
  return watch_slot(watches, fd, direction).exchange(kEmpty);
}

Value watcher_of(Thread& t, EventLoopObject* loop, int fd, Direction direction) {
  ObjectLock lock(t, loop);
  SlotArray* watches = loop->watches.load(std::memory_order_relaxed);
  if (watches == nullptr || 2 * (static_cast<uint64_t>(fd) + 1) > watches->capacity) return kEmpty;
  return watch_slot(watches, fd, direction);
}

char* receive_buffer(Thread& t, EventLoopObject* loop) {
  char* buffer = loop->received.load(std::memory_order_acquire);
  if (buffer == nullptr) {
    buffer = static_cast<char*>(t.heap().allocate_raw_unset(t, kReceiveSize));
    loop->received.store(buffer, std::memory_order_release);
  }
  return buffer;
}

void trace_watches(EventLoopObject* loop, Tracer& tracer) {
  tracer.mark_raw(loop->received.load(std::memory_order_relaxed));
  SlotArray* watches = loop->watches.load(std::memory_order_relaxed);
  if (watches == nullptr) return;
  tracer.mark_raw(watches);
  tracer.visit_slots(watches->items(), watches->capacity);
}

void close_poller(Thread& t, EventLoopObject* loop) {
  // A thread that began to run the loop meanwhile may wait in it: that is to notice, and the descriptors stay
  // open for it until the loop is gone.
  wake(t, loop);
  ObjectLock lock(t, loop);
  if (Poller* poller = poller_of(loop); poller != nullptr && !poller->waited_for) poller->shut();
  loop->watches.store(nullptr, std::memory_order_release);
  loop->received.store(nullptr, std::memory_order_release);
}

// ---------------------------------------------------------------- waiting

void wake(Thread& t, EventLoopObject* loop) {
  switch (loop->sleep.exchange(Sleep::Woken, std::memory_order_seq_cst)) {
    case Sleep::Parked: unpark_one(t, &loop->sleep); break;
    case Sleep::Polling: {
      ObjectLock lock(t, loop);  // the descriptor stays open
      poller_of(loop)->signal();
      break;
    }
    case Sleep::Awake:
    case Sleep::Woken: break;
  }
}

// False when somebody called meanwhile.
static bool fall_asleep(EventLoopObject* loop, Sleep how) {
  Sleep expected = Sleep::Awake;
  if (loop->sleep.compare_exchange_strong(expected, how, std::memory_order_seq_cst)) return true;
  loop->sleep.store(Sleep::Awake, std::memory_order_seq_cst);
  return false;
}

static Status park_loop(Thread& t, EventLoopObject* loop, os::Deadline deadline) {
  if (!fall_asleep(loop, Sleep::Parked)) return {};
  auto still_parked = [](void* self) {
    return static_cast<EventLoopObject*>(self)->sleep.load(std::memory_order_seq_cst) == Sleep::Parked;
  };
  (void)park(t, &loop->sleep, still_parked, loop, deadline, WaitKind::Poll, 0, loop);
  loop->sleep.store(Sleep::Awake, std::memory_order_seq_cst);
  return t.poll();
}

static int milliseconds_until(os::Deadline deadline) {
  if (deadline == os::kNoDeadline) return -1;
  int64_t left = deadline - os::monotonic_ns();
  if (left <= 0) return 0;
  // Rounded up: a timer must not be polled for again and again in its last millisecond.
  return static_cast<int>(std::min<int64_t>((left + 999999) / 1000000, INT32_MAX));
}

// What epoll_wait gave, with the wait on record.
static int wait_detached(Thread& t, EventLoopObject* loop, epoll_event* events, int capacity,
                         os::Deadline deadline) {
  Poller& poller = *poller_of(loop);
  poller.waited_for = true;
  if (!fall_asleep(loop, Sleep::Polling)) {
    poller.waited_for = false;
    return epoll_wait(poller.descriptor(), events, capacity, 0);
  }
  WaitRecord& record = t.impl->wait;
  record.object.store(loop, std::memory_order_relaxed);
  record.deadline.store(deadline, std::memory_order_relaxed);
  record.owner.store(0, std::memory_order_relaxed);
  record.kind.store(WaitKind::Poll, std::memory_order_release);
  // SAFETY: a signal that comes before epoll_wait leaves its mark in the eventfd.
  if (t.is_main) set_signal_event_fd(poller.event_descriptor());
  bool signalled = t.is_main && (t.interrupt_word.load(std::memory_order_seq_cst) & kInterruptSignal) != 0;
  IdleWait idle(t);
  int timeout = signalled ? 0 : milliseconds_until(std::min(deadline, idle.deadline()));
  int count;
  {
    BlockingRegion out(t);
    count = epoll_wait(poller.descriptor(), events, capacity, timeout);
  }
  poller.waited_for = false;
  if (t.is_main) set_signal_event_fd(-1);
  record.kind.store(WaitKind::None, std::memory_order_release);
  loop->sleep.store(Sleep::Awake, std::memory_order_seq_cst);
  if (count == 0 && idle.deadline() < deadline && !signalled) idle.collect(t);
  return count;
}

static Status make_ready(Thread& t, EventLoopObject* loop, int fd, Direction direction) {
  Value watcher = watcher_of(t, loop, fd, direction);
  if (watcher.is_empty()) return {};
  if (LoopStep step = transport_step(watcher, direction)) {
    ReadyCall call{};
    call.callback = watcher;
    call.context = transport_context(watcher, direction);
    call.step = Value::from_int(reinterpret_cast<int64_t>(step));
    return push_ready(t, loop, call);
  }
  if (watcher.as<HandleObject>()->cancelled.load(std::memory_order_relaxed)) {
    TRY(unwatch(t, loop, fd, direction));
    return {};
  }
  return push_handle(t, loop, watcher);
}

Status poll_events(Thread& t, EventLoopObject* loop, os::Deadline deadline) {
  if (loop->closed.load(std::memory_order_relaxed)) return t.raise(Exc::RuntimeError, "Event loop is closed");
  Poller* poller = poller_of(loop);
  if (poller == nullptr || poller->watched() == 0)
    return deadline == kDoNotWait ? t.poll() : park_loop(t, loop, deadline);
  epoll_event* events = poller->events();
  int count = deadline == kDoNotWait ? epoll_wait(poller->descriptor(), events, Poller::kBatch, 0)
                                     : wait_detached(t, loop, events, Poller::kBatch, deadline);
  for (int i = 0; i < count; ++i) {
    int fd = events[i].data.fd;
    if (fd == poller->event_descriptor()) {
      poller->clear_signal();
      continue;
    }
    // An error or a hang-up is both: whoever reads or writes finds out.
    if ((events[i].events & ~uint32_t{EPOLLOUT}) != 0) TRY(make_ready(t, loop, fd, Direction::Read));
    if ((events[i].events & ~uint32_t{EPOLLIN}) != 0) TRY(make_ready(t, loop, fd, Direction::Write));
  }
  return t.poll();
}

}  // namespace mp::event_loop

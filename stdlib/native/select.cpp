// select: waiting for many descriptors: select(2), poll(2), epoll(7). All waits are on record
// (vm/threads/descriptor_wait.h) and are taken up again after a signal (PEP 475).
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <unistd.h>

#include <memory>
#include <vector>

#include "stdlib/native/posix_support.h"
#include "stdlib/native/time_value.h"
#include "vm/gc/idle.h"
#include "vm/threads/descriptor_wait.h"

namespace mp {
namespace {

// An int, or an object with fileno(): not negative.
Result<int> descriptor_argument(Thread& t, Value v) {
  if (v.is_bool()) TRY(warn(t, Exc::RuntimeWarning, "bool is used as a file descriptor"));
  if (!is_any_int(v)) {
    Value fileno = TRY(get_attr_or_not_found(t, v, t.names().fileno));
    if (fileno.is_not_found())
      return t.raise(Exc::TypeError, "argument must be an int, or have a fileno() method.");
    v = TRY(call(t, fileno));
    if (!is_any_int(v)) return t.raise(Exc::TypeError, "fileno() returned a non-integer");
  }
  int64_t fd;
  if (!int_to_int64(v, &fd) || fd > INT_MAX || fd < INT_MIN)
    return t.raise(Exc::OverflowError, "Python int too large to convert to C int");
  if (fd < 0) return t.raise(Exc::ValueError, "file descriptor cannot be a negative integer ({})", fd);
  return static_cast<int>(fd);
}

// A number of nanoseconds from an argument, TypeError with `message` for what is no number.
using FromNumber = Result<int64_t> (*)(Thread&, Value, TimeRounding);
Result<int64_t> wait_argument(Thread& t, Value v, FromNumber from_number, const char* message) {
  Result<int64_t> timeout = from_number(t, v, TimeRounding::Up);
  if (timeout.is_error() && t.catch_exception(Exc::TypeError)) return t.raise(Exc::TypeError, "{}", message);
  return timeout;
}
// poll() and epoll.poll() take milliseconds as an int in the end; a negative number waits for ever.
Result<os::Deadline> poll_deadline(Thread& t, Value v, FromNumber from_number) {
  if (v.is_none()) return os::kNoDeadline;
  int64_t timeout = TRY(wait_argument(t, v, from_number, "timeout must be an integer or None"));
  if (timeout / 1000000 >= INT_MAX) return t.raise(Exc::OverflowError, "timeout is too large");
  return timeout < 0 ? os::kNoDeadline : os::deadline_after(timeout);
}

// ---------------------------------------------------------------- select

struct Selected {
  ListObject* things = nullptr;  // what the script gave
  std::vector<int> fds;
  fd_set wanted, ready;
};
Status collect_descriptors(Thread& t, Value iterable, Selected* out, int* highest) {
  FD_ZERO(&out->wanted);
  out->things = make_list(t);
  // A list is read as it is now, since fileno() may change it.
  if (!is_list(iterable) && !is_tuple(iterable)) {
    Result<Value> listed = to_list(t, iterable);
    if (listed.is_error()) {
      if (t.catch_exception(Exc::TypeError))
        return t.raise(Exc::TypeError, "arguments 1-3 must be sequences");
      return Error{};
    }
    iterable = listed.value();
  }
  return for_each(t, iterable, [&](Value thing) -> Status {
    int fd = TRY(descriptor_argument(t, thing));
    if (fd >= FD_SETSIZE) return t.raise(Exc::ValueError, "filedescriptor out of range in select()");
    if (out->fds.size() >= FD_SETSIZE)
      return t.raise(Exc::ValueError, "too many file descriptors in select()");
    TRY(list_append(t, out->things, thing));
    out->fds.push_back(fd);
    FD_SET(fd, &out->wanted);
    *highest = std::max(*highest, fd);
    return {};
  });
}
// select(rlist, wlist, xlist, timeout=None, /)
Result<Value> select_select(Thread& t, const Value* args) {
  os::Deadline deadline = os::kNoDeadline;
  if (!args[3].is_none()) {
    int64_t timeout = TRY(wait_argument(t, args[3], time_from_seconds, "timeout must be a float or None"));
    if (timeout < 0) return t.raise(Exc::ValueError, "timeout must be non-negative");
    deadline = os::deadline_after(timeout);
  }
  Selected sets[3];
  int highest = -1;
  for (int i = 0; i < 3; ++i) TRY(collect_descriptors(t, args[i], &sets[i], &highest));
  for (IdleWait idle(t);;) {
    timespec left{};
    os::Deadline end = std::min(deadline, idle.deadline());
    if (end != os::kNoDeadline) {
      int64_t nanoseconds = std::max<int64_t>(end - os::monotonic_ns(), 0);
      left = {nanoseconds / os::kNanosPerSecond, nanoseconds % os::kNanosPerSecond};
    }
    for (Selected& set : sets) set.ready = set.wanted;
    int result, error;
    {
      DescriptorRegion out(t, nullptr, deadline);
      result = ::pselect(highest + 1, &sets[0].ready, &sets[1].ready, &sets[2].ready,
                         end != os::kNoDeadline ? &left : nullptr, nullptr);
      error = errno;
    }
    if (result == 0 && idle.deadline() < deadline) {
      idle.collect(t);
    } else if (result >= 0) {
      break;
    } else if (error != EINTR) {
      return t.raise_os_error(error);
    }
    TRY(t.poll());
  }
  Value ready[3];
  for (int i = 0; i < 3; ++i) {
    ListObject* list = make_list(t);
    for (size_t k = 0; k < sets[i].fds.size(); ++k)
      if (FD_ISSET(sets[i].fds[k], &sets[i].ready)) TRY(list_append(t, list, sets[i].things->at(k)));
    ready[i] = list;
  }
  return make_tuple(t, {ready[0], ready[1], ready[2]});
}

// ---------------------------------------------------------------- poll

constexpr int kPollDefault = POLLIN | POLLPRI | POLLOUT;

struct PollObject : Object {
  DictObject* events;                // descriptor -> events, in the order of registration
  std::atomic<pollfd*> descriptors;  // raw cell: `events` as the system wants them, as of `version`
  size_t count;
  uint64_t version;
  std::atomic<uint64_t> changes;
  std::atomic<bool> polling;
};
extern const TypeSpec kPollSpec;
void trace_poll(Object* object, Tracer& tracer) {
  auto* self = static_cast<PollObject*>(object);
  tracer.visit(self->events);
  tracer.mark_raw(self->descriptors.load());
}
PollObject* poll_of(const Value* args) { return args[0].as<PollObject>(); }

Result<Value> make_poll(Thread& t, const Value*) {
  DictObject* events = make_dict(t);
  auto* self = t.heap().make<PollObject>(t, native_type(t, kPollSpec));
  self->events = events;
  self->changes = 1;
  return self;
}
Result<int> event_mask(Thread& t, Value v) {
  if (!is_any_int(v)) return t.raise(Exc::TypeError, "an integer is required");
  if (int_compare(v, Value::from_int(0)) < 0) return t.raise(Exc::ValueError, "value must be positive");
  int64_t mask;
  if (!int_to_int64(v, &mask))
    return t.raise(Exc::OverflowError, "Python int too large to convert to C unsigned long");
  if (mask > USHRT_MAX) return t.raise(Exc::OverflowError, "Python int too large for C unsigned short");
  return static_cast<int>(mask);
}
Result<Value> poll_register(Thread& t, const Value* args) {
  int fd = TRY(descriptor_argument(t, args[1]));
  int mask = TRY(event_mask(t, args[2]));
  TRY(dict_set(t, poll_of(args)->events, Value::from_int(fd), Value::from_int(mask)));
  ++poll_of(args)->changes;
  return kNone;
}
Result<Value> poll_modify(Thread& t, const Value* args) {
  int fd = TRY(descriptor_argument(t, args[1]));
  int mask = TRY(event_mask(t, args[2]));
  DictObject* events = poll_of(args)->events;
  if (TRY(dict_get(t, events, Value::from_int(fd))).is_not_found()) return t.raise_os_error(ENOENT);
  TRY(dict_set(t, events, Value::from_int(fd), Value::from_int(mask)));
  ++poll_of(args)->changes;
  return kNone;
}
Result<Value> poll_unregister(Thread& t, const Value* args) {
  int fd = TRY(descriptor_argument(t, args[1]));
  if (!TRY(dict_delete(t, poll_of(args)->events, Value::from_int(fd))))
    return t.raise_value(Exc::KeyError, Value::from_int(fd));
  ++poll_of(args)->changes;
  return kNone;
}
// Makes `descriptors` from `events`. Only the thread that is polling calls it.
Status refresh_descriptors(Thread& t, PollObject* self) {
  uint64_t changes = self->changes;
  if (self->version == changes) return {};
  size_t room = self->events->length();
  auto* cells = static_cast<pollfd*>(t.heap().allocate_raw(t, (room + 1) * sizeof(pollfd)));
  if (cells == nullptr) return t.raise_memory_error();
  size_t count = 0, position = 0;
  Value fd, mask;
  while (count < room && dict_next(self->events, &position, &fd, &mask)) {
    cells[count].fd = static_cast<int>(fd.as_int());
    cells[count].events = static_cast<short>(mask.as_int());
    ++count;
  }
  self->descriptors = cells;
  self->count = count;
  self->version = changes;
  return {};
}
Result<Value> poll_poll(Thread& t, const Value* args) {
  PollObject* self = poll_of(args);
  os::Deadline deadline = TRY(poll_deadline(t, args[1], time_from_milliseconds));
  // The system writes into `descriptors` while other threads run.
  if (self->polling.exchange(true)) return t.raise(Exc::RuntimeError, "concurrent poll() invocation");
  struct Release {
    PollObject* self;
    ~Release() { self->polling = false; }
  } release{self};
  TRY(refresh_descriptors(t, self));
  pollfd* cells = self->descriptors;
  size_t count = self->count;
  int ready = TRY(wait_for_descriptors(t, cells, count, deadline, self));
  ListObject* result = make_list(t, static_cast<size_t>(ready));
  for (size_t i = 0; i < count && ready > 0; ++i) {
    if (cells[i].revents == 0) continue;
    --ready;
    TRY(list_append(t, result,
                    make_tuple(t, {Value::from_int(cells[i].fd),
                                   Value::from_int(static_cast<unsigned short>(cells[i].revents))})));
  }
  return result;
}

const NativeDef kPollMethods[] = {
    MP_METHOD(poll_register, "register(self, fd, eventmask=7, /)", "Watch a descriptor for events."),
    MP_METHOD(poll_modify, "modify(self, fd, eventmask, /)", "Change the events of a watched descriptor."),
    MP_METHOD(poll_unregister, "unregister(self, fd, /)", "Watch a descriptor no longer."),
    MP_METHOD(poll_poll, "poll(self, timeout=None, /)",
              "Wait for events, at most `timeout` milliseconds: [(fd, events), ...]."),
    MP_END};
static_assert(kPollDefault == 7, "the default in the signature of register");

const TypeSpec kPollSpec = {.name = "select.poll",
                            .size = sizeof(PollObject),
                            .flags = kTypeDisallowNew,
                            .trace = trace_poll,
                            .methods = kPollMethods};

// ---------------------------------------------------------------- epoll

struct EpollObject : Object {
  std::atomic<int> fd;  // -1: closed
};
extern const TypeSpec kEpollSpec;
// What one call reports at most unless the script says otherwise: as many as select() could.
constexpr int kDefaultEvents = FD_SETSIZE - 1;

Result<int> open_epoll(Thread& t, const Value* args) {
  int fd = args[0].as<EpollObject>()->fd;
  if (fd < 0) return t.raise(Exc::ValueError, "I/O operation on closed epoll object");
  return fd;
}
EpollObject* make_epoll(Thread& t, Type* cls, int fd) {
  auto* self = t.heap().make<EpollObject>(t, cls);
  self->fd = fd;
  return self;
}
// __new__(cls, sizehint=-1, flags=0): sizehint is history.
Result<Value> epoll_new(Thread& t, const Value* args) {
  int size = TRY(to_c_int(t, args[1])), flags = TRY(to_c_int(t, args[2]));
  if (size <= 0 && size != -1) return t.raise(Exc::ValueError, "negative sizehint");
  if (flags != 0 && flags != EPOLL_CLOEXEC) return t.raise(Exc::OSError, "invalid flags");
  int64_t fd = TRY(posix::checked(t, [] { return epoll_create1(EPOLL_CLOEXEC); }));
  return make_epoll(t, args[0].as<Type>(), static_cast<int>(fd));
}
Result<Value> epoll_fromfd(Thread& t, const Value* args) {
  int fd = TRY(to_c_int(t, args[1]));
  return make_epoll(t, args[0].as<Type>(), fd);
}
int close_epoll(Thread& t, EpollObject* self) {
  int fd = self->fd.exchange(-1);
  if (fd < 0) return 0;
  int error = 0;
  BlockingRegion out(t);
  if (::close(fd) < 0) error = errno;
  return error;
}
Result<Value> epoll_close(Thread& t, const Value* args) {
  int error = close_epoll(t, args[0].as<EpollObject>());
  if (error != 0) return t.raise_os_error(error);
  return kNone;
}
Status epoll_finalize(Thread& t, Value self) {
  close_epoll(t, self.as<EpollObject>());
  return {};
}
Result<Value> epoll_enter(Thread& t, const Value* args) {
  TRY(open_epoll(t, args));
  return args[0];
}
Result<Value> epoll_fileno(Thread& t, const Value* args) { return Value::from_int(TRY(open_epoll(t, args))); }
Result<Value> epoll_closed(Thread&, Value self) { return Value::from_bool(self.as<EpollObject>()->fd < 0); }

Result<Value> epoll_control(Thread& t, const Value* args, int operation, Value mask) {
  int epoll = TRY(open_epoll(t, args));
  int fd = TRY(descriptor_argument(t, args[1]));
  epoll_event event{};
  event.data.fd = fd;
  if (!mask.is_empty()) {
    // Reduced modulo 2**32, as CPython does.
    Value low = TRY(binary(t, BinaryOp::And, TRY(to_index(t, mask)), Value::from_int(0xffffffff)));
    event.events = static_cast<uint32_t>(low.as_int());
  }
  int error = 0;
  {
    BlockingRegion out(t);
    if (::epoll_ctl(epoll, operation, fd, &event) < 0) error = errno;
  }
  if (error != 0) return t.raise_os_error(error);
  return kNone;
}
Result<Value> epoll_register(Thread& t, const Value* args) {
  return epoll_control(t, args, EPOLL_CTL_ADD, args[2]);
}
Result<Value> epoll_modify(Thread& t, const Value* args) {
  return epoll_control(t, args, EPOLL_CTL_MOD, args[2]);
}
Result<Value> epoll_unregister(Thread& t, const Value* args) {
  return epoll_control(t, args, EPOLL_CTL_DEL, kEmpty);
}

// poll(timeout=None, maxevents=-1)
Result<Value> epoll_poll(Thread& t, const Value* args) {
  TRY(open_epoll(t, args));
  os::Deadline deadline = TRY(poll_deadline(t, args[1], time_from_seconds));
  int most = TRY(to_c_int(t, args[2]));
  if (most == -1) most = kDefaultEvents;
  if (most < 1) return t.raise(Exc::ValueError, "maxevents must be greater than 0, got {}", most);
  // More than the system has descriptors cannot be ready.
  most = std::min(most, 1 << 20);
  // Not on the native stack: the collector would take what earlier calls left there for references.
  std::unique_ptr<epoll_event[]> events(new epoll_event[static_cast<size_t>(most)]);
  int ready;
  for (IdleWait idle(t);;) {
    int timeout = -1;
    if (os::Deadline end = std::min(deadline, idle.deadline()); end != os::kNoDeadline) {
      int64_t left = std::max<int64_t>(end - os::monotonic_ns(), 0);
      timeout = static_cast<int>((left + 999999) / 1000000);  // never before the deadline
    }
    int error;
    {
      DescriptorRegion out(t, args[0].as_object(), deadline);
      ready = ::epoll_wait(args[0].as<EpollObject>()->fd, events.get(), most, timeout);
      error = errno;
    }
    if (ready == 0 && idle.deadline() < deadline) {
      idle.collect(t);
    } else if (ready >= 0) {
      break;
    } else if (error != EINTR) {
      return t.raise_os_error(error);
    }
    TRY(t.poll());
  }
  ListObject* result = make_list(t, static_cast<size_t>(ready));
  for (int i = 0; i < ready; ++i)
    TRY(list_append(t, result,
                    make_tuple(t, {Value::from_int(events[i].data.fd), Value::from_int(events[i].events)})));
  return result;
}

const NativeDef kEpollMethods[] = {
    MP_NEW(epoll_new, "__new__(cls, sizehint=-1, flags=0)", nullptr),
    MP_CLASS_METHOD(epoll_fromfd, "fromfd(cls, fd, /)",
                    "An epoll object over a control descriptor that is open."),
    MP_METHOD(epoll_close, "close(self, /)", "Close the control descriptor."),
    MP_METHOD(epoll_enter, "__enter__(self, /)", nullptr),
    MP_METHOD(epoll_close, "__exit__(self, exc_type=None, exc_value=None, exc_tb=None, /)", nullptr),
    MP_METHOD(epoll_fileno, "fileno(self, /)", "The control descriptor."),
    MP_METHOD(epoll_register, "register(self, fd, eventmask=7)", "Watch a descriptor for events."),
    MP_METHOD(epoll_modify, "modify(self, fd, eventmask)", "Change the events of a watched descriptor."),
    MP_METHOD(epoll_unregister, "unregister(self, fd)", "Watch a descriptor no longer."),
    MP_METHOD(epoll_poll, "poll(self, timeout=None, maxevents=-1)",
              "Wait for events, at most `timeout` seconds: [(fd, events), ...]."),
    MP_END};
static_assert((EPOLLIN | EPOLLPRI | EPOLLOUT) == 7, "the default in the signature of register");
const GetSetDef kEpollGetSets[] = {{"closed", epoll_closed, nullptr, "True if the epoll handler is closed"},
                                   {}};

const TypeSpec kEpollSpec = {.name = "select.epoll",
                             .size = sizeof(EpollObject),
                             .flags = 0,
                             .doc = "Waits for events of any number of descriptors: epoll(7).",
                             .slots = MP_SLOTS(.finalize = epoll_finalize),
                             .methods = kEpollMethods,
                             .getsets = kEpollGetSets};

// ---------------------------------------------------------------- module

const NativeDef kFunctions[] = {
    MP_FUNCTION(
        select_select, "select(rlist, wlist, xlist, timeout=None, /)",
        "Wait until one of the descriptors is ready for reading, writing, or has an exceptional condition."),
    MP_FUNCTION(make_poll, "poll()",
                "An object that waits for events of any number of descriptors: poll(2)."),
    MP_END};

#define C(name) \
  { #name, static_cast < int64_t>(name) }
constexpr IntConstant kConstants[] = {
    C(PIPE_BUF),    C(POLLIN),     C(POLLPRI),        C(POLLOUT),      C(POLLERR),     C(POLLHUP),
    C(POLLNVAL),    C(POLLRDNORM), C(POLLRDBAND),     C(POLLWRNORM),   C(POLLWRBAND),  C(POLLMSG),
    C(POLLRDHUP),   C(EPOLLIN),    C(EPOLLOUT),       C(EPOLLPRI),     C(EPOLLERR),    C(EPOLLHUP),
    C(EPOLLRDHUP),  C(EPOLLET),    C(EPOLLONESHOT),   C(EPOLLRDNORM),  C(EPOLLRDBAND), C(EPOLLWRNORM),
    C(EPOLLWRBAND), C(EPOLLMSG),   C(EPOLLEXCLUSIVE), C(EPOLL_CLOEXEC)};
#undef C

Status init_select(Thread& t, ModuleObject* module) {
  TRY(module_add_ints(t, module, kConstants));
  if (module_add_type(t, module, kEpollSpec) == nullptr) return Error{};
  return module_add(t, module, "error", t.types().exception(Exc::OSError));
}

}  // namespace

extern const ModuleSpec kSelectModule;
const ModuleSpec kSelectModule = {"select", "Waiting for many descriptors at once.", kFunctions, init_select};

}  // namespace mp

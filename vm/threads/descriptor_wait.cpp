#include "vm/threads/descriptor_wait.h"

#include <fcntl.h>

#include <algorithm>
#include <cerrno>

#include "vm/gc/idle.h"
#include "vm/threads/thread_impl.h"

namespace mp {

DescriptorRegion::Record::Record(Thread& t, const void* object, os::Deadline deadline)
    : record_(t.impl->wait) {
  record_.object.store(object, std::memory_order_relaxed);
  record_.deadline.store(deadline, std::memory_order_relaxed);
  record_.owner.store(0, std::memory_order_relaxed);
  record_.kind.store(WaitKind::Poll, std::memory_order_release);
}
DescriptorRegion::Record::~Record() { record_.kind.store(WaitKind::None, std::memory_order_release); }

Result<int> wait_for_descriptors(Thread& t, pollfd* descriptors, size_t count, os::Deadline deadline,
                                 const void* object) {
  for (IdleWait idle(t);;) {
    timespec left{};
    os::Deadline end = std::min(deadline, idle.deadline());
    if (end != os::kNoDeadline) {
      int64_t nanoseconds = end - os::monotonic_ns();
      if (nanoseconds < 0) nanoseconds = 0;
      left = {nanoseconds / os::kNanosPerSecond, nanoseconds % os::kNanosPerSecond};
    }
    int ready, error;
    {
      DescriptorRegion out(t, object, deadline);
      ready = ::ppoll(descriptors, count, end != os::kNoDeadline ? &left : nullptr, nullptr);
      error = errno;
    }
    if (ready == 0 && idle.deadline() < deadline) {
      idle.collect(t);
    } else if (ready >= 0) {
      return ready;
    } else if (error != EINTR) {
      return t.raise_os_error(error);
    }
    TRY(t.poll());  // PEP 475: what is left of the time is waited for
  }
}

Status await_readable(Thread& t, int fd) {
  if (!may_wait_for_garbage(t)) return {};
  pollfd one{fd, POLLIN, 0};
  if (::poll(&one, 1, 0) != 0 || (fcntl(fd, F_GETFL) & O_NONBLOCK) != 0) return {};
  TRY(wait_for_descriptors(t, &one, 1, os::kNoDeadline));
  return {};
}

}  // namespace mp

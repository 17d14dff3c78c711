// Blocking on file descriptors: system calls that wait in the kernel, with the wait on record like that of
// park(). It knows descriptors and deadlines, nothing of sockets or pipes.
#pragma once
#include <poll.h>

#include "vm/threads/wait.h"

namespace mp {

// A BlockingRegion whose wait is on record: on `object` (what reports name; may be null), until `deadline`.
class DescriptorRegion {
 public:
  __attribute__((always_inline)) explicit DescriptorRegion(Thread& t, const void* object = nullptr,
                                                           os::Deadline deadline = os::kNoDeadline)
      : record_(t, object, deadline), out_(t) {}

 private:
  class Record {
   public:
    Record(Thread& t, const void* object, os::Deadline deadline);
    ~Record();

   private:
    WaitRecord& record_;
  };
  Record record_;
  BlockingRegion out_;
};

// poll(2) until one of the descriptors is ready (their number), or the deadline (0). Signals are handled
// meanwhile: an error is what a handler raised, or OSError.
Result<int> wait_for_descriptors(Thread& t, pollfd* descriptors, size_t count, os::Deadline deadline,
                                 const void* object = nullptr);
// Before a read(2) that may block: waits until it will not, if what comes may depend on a collection.
Status await_readable(Thread& t, int fd);

}  // namespace mp

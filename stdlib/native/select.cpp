// _select_support: poll(2), for the module select (stdlib/lib/select.mp).
#include <poll.h>

#include <vector>

#include "stdlib/native/posix_support.h"
#include "vm/native/native.h"
#include "vm/os/clock.h"

namespace mp {

namespace {

// poll(pairs, timeout): pairs is a list of (descriptor, events), timeout seconds as a float or None. Result:
// the list of (descriptor, events) that are ready.
Result<Value> select_poll(Thread& t, const Value* args) {
  if (!is_list(args[0])) return t.raise(Exc::TypeError, "a list is required");
  auto* pairs = args[0].as<ListObject>();
  std::vector<pollfd> polled;
  for (size_t i = 0; i < pairs->length(); ++i) {
    auto* pair = pairs->at(i).as<TupleObject>();
    pollfd one{};
    one.fd = static_cast<int>(TRY(to_int64(t, (*pair)[0])));
    one.events = static_cast<short>(TRY(to_int64(t, (*pair)[1])));
    polled.push_back(one);
  }
  int64_t deadline = -1;
  if (!args[1].is_none()) {
    double seconds = TRY(to_double(t, args[1]));
    if (seconds < 0) seconds = 0;
    if (seconds < 1e9) deadline = os::monotonic_ns() + static_cast<int64_t>(seconds * 1e9);
  }
  int ready;
  for (;;) {
    timespec wait{};
    if (deadline >= 0) {
      int64_t left = deadline - os::monotonic_ns();
      if (left < 0) left = 0;
      wait.tv_sec = left / 1000000000;
      wait.tv_nsec = left % 1000000000;
    }
    int error;
    {
      BlockingRegion out(t);
      ready = ppoll(polled.data(), polled.size(), deadline >= 0 ? &wait : nullptr, nullptr);
      error = errno;
    }
    if (ready >= 0) break;
    if (error != EINTR) return t.raise_os_error(error);
    TRY(t.poll());  // PEP 475
  }
  ListObject* result = make_list(t);
  for (const pollfd& one : polled) {
    if (one.revents != 0) {
      TRY(list_append(t, result, make_tuple(t, {Value::from_int(one.fd), Value::from_int(one.revents)})));
    }
  }
  return Value(result);
}

const NativeDef kFunctions[] = {MP_FUNCTION(select_poll, "poll(pairs, timeout, /)", "Waits for descriptors."),
                                MP_END};

}  // namespace

extern const ModuleSpec kSelectSupportModule;
const ModuleSpec kSelectSupportModule = {"_select_support", "poll(2); for select.", kFunctions};

}  // namespace mp

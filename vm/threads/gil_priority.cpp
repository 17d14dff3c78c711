// The cure for the starvation of threads that wait for I/O: who comes back from blocking work asks at once
// and goes first, until it has computed for an interval. A computing thread that has waited ten intervals
// goes before them (aging), so that it cannot starve either.
#include "vm/os/clock.h"
#include "vm/threads/gil_queue.h"

namespace mp {
namespace {

constexpr int kAgingIntervals = 10;

bool computes(GilState& gil, const GilWaiter& waiter) {
  return waiter.computed >= gil.interval_ns.load(std::memory_order_relaxed);
}

class PriorityPolicy final : public QueuedPolicy {
  Waiter* choose(GilState& gil, Waiter* first) override {
    int64_t aged = os::monotonic_ns() - kAgingIntervals * gil.interval_ns.load(std::memory_order_relaxed);
    for (Waiter* waiter = first; waiter != nullptr; waiter = waiter->next)
      if (computes(gil, *waiter) && waiter->since < aged) return waiter;
    for (Waiter* waiter = first; waiter != nullptr; waiter = waiter->next)
      if (!computes(gil, *waiter)) return waiter;
    return first;
  }
  int64_t patience(GilState& gil, const Waiter& waiter) override {
    return computes(gil, waiter) ? gil.interval_ns.load(std::memory_order_relaxed) : 0;
  }
};

}  // namespace

std::unique_ptr<GilPolicy> make_priority_policy() { return std::make_unique<PriorityPolicy>(); }

}  // namespace mp

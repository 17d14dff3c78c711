// Tickets in arrival order: who came first goes next, whether it computes or comes back from blocking work.
// With n waiters nobody waits longer than n switch intervals.
#include "vm/threads/gil_queue.h"

namespace mp {
namespace {

class FairPolicy final : public QueuedPolicy {
  Waiter* choose(GilState&, Waiter* first) override { return first; }
  int64_t patience(GilState& gil, const Waiter&) override {
    return gil.interval_ns.load(std::memory_order_relaxed);
  }
};

}  // namespace

std::unique_ptr<GilPolicy> make_fair_policy() { return std::make_unique<FairPolicy>(); }

}  // namespace mp

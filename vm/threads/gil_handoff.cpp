// The limit of fairness: whoever waits asks at once, so the lock changes hands at every permitted site, in
// arrival order. Two threads that both compute are switched deterministically: what can interleave, does.
#include "vm/threads/gil_queue.h"

namespace mp {
namespace {

class HandoffPolicy final : public QueuedPolicy {
  Waiter* choose(GilState&, Waiter* first) override { return first; }
  int64_t patience(GilState&, const Waiter&) override { return 0; }
};

}  // namespace

std::unique_ptr<GilPolicy> make_handoff_policy() { return std::make_unique<HandoffPolicy>(); }

}  // namespace mp

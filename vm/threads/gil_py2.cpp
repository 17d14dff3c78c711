// Python 2's policy: a plain mutex without any hand-over. The holder counts instructions
// (sys.setcheckinterval) and at zero releases and at once re-acquires: on several cores it mostly wins
// against the thread that it has just woken. That is the convoy effect.
#include "vm/os/futex.h"
#include "vm/threads/gil.h"

namespace mp {
namespace {

class Py2Policy final : public GilPolicy {
 public:
  bool take(GilState& gil, Thread& t) override {
    t.clear_interrupt(kInterruptDropGil);
    uint32_t expected = kFree;
    bool contended = !word_.compare_exchange_strong(expected, kHeld, std::memory_order_acquire);
    if (contended) {
      gil.contended.fetch_add(1, std::memory_order_relaxed);
      while (word_.exchange(kHeldWithWaiters, std::memory_order_acquire) != kFree)
        os::futex_wait(word_, kHeldWithWaiters, os::kNoDeadline);
    }
    if (last_holder_ != &t) {
      last_holder_ = &t;
      gil.switches.fetch_add(1, std::memory_order_relaxed);
    }
    return contended;
  }

  void drop(GilState&, Thread& t) override {
    t.clear_interrupt(kInterruptDropGil);
    if (word_.exchange(kFree, std::memory_order_release) == kHeldWithWaiters) os::futex_wake(word_, 1);
  }
  void drop_quietly(GilState& gil, Thread& t) override { drop(gil, t); }

  void after_fork_child(Thread* holder) override {
    word_.store(holder != nullptr ? kHeld : kFree, std::memory_order_relaxed);
    last_holder_ = holder;
  }
  bool counts_instructions() const override { return true; }

 private:
  static constexpr uint32_t kFree = 0, kHeld = 1, kHeldWithWaiters = 2;
  std::atomic<uint32_t> word_{kFree};
  Thread* last_holder_ = nullptr;  // written by the holder
};

}  // namespace

std::unique_ptr<GilPolicy> make_py2_policy() { return std::make_unique<Py2Policy>(); }

}  // namespace mp

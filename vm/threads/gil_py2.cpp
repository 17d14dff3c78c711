// Python 2's policy: a plain lock without any hand-over. The holder counts instructions
// (sys.setcheckinterval) and at zero releases and at once re-acquires: on several cores it mostly wins
// against the thread that it has just woken. That is the convoy effect. As with the POSIX semaphore that
// CPython 2 used, a release wakes somebody whenever anybody waits, also one who was woken before and has not
// come to run yet: so every check costs a system call, and threads are woken in vain.
#include "vm/os/futex.h"
#include "vm/threads/gil.h"

namespace mp {
namespace {

class Py2Policy final : public GilPolicy {
 public:
  bool take(GilState& gil, Thread& t) override {
    t.clear_interrupt(kInterruptDropGil);
    bool contended = !try_take();
    if (contended) {
      gil.contended.fetch_add(1, std::memory_order_relaxed);
      waiting_.fetch_add(1, std::memory_order_seq_cst);
      while (!try_take()) os::futex_wait(word_, kHeld, os::kNoDeadline);
      waiting_.fetch_sub(1, std::memory_order_relaxed);
    }
    if (last_holder_ != &t) {
      if (last_holder_ != nullptr) gil.switches.fetch_add(1, std::memory_order_relaxed);
      last_holder_ = &t;
    }
    return contended;
  }

  void drop(GilState&, Thread& t) override {
    t.clear_interrupt(kInterruptDropGil);
    word_.store(kFree, std::memory_order_seq_cst);
    if (waiting_.load(std::memory_order_seq_cst) != 0) os::futex_wake(word_, 1);
  }
  void drop_quietly(GilState& gil, Thread& t) override { drop(gil, t); }

  void after_fork_child(Thread* holder) override {
    word_.store(holder != nullptr ? kHeld : kFree, std::memory_order_relaxed);
    waiting_.store(0, std::memory_order_relaxed);
    last_holder_ = holder;
  }
  bool counts_instructions() const override { return true; }

 private:
  static constexpr uint32_t kFree = 0, kHeld = 1;
  bool try_take() {
    uint32_t expected = kFree;
    return word_.compare_exchange_strong(expected, kHeld, std::memory_order_seq_cst);
  }
  std::atomic<uint32_t> word_{kFree};
  std::atomic<uint32_t> waiting_{0};
  Thread* last_holder_ = nullptr;  // written by the holder
};

}  // namespace

std::unique_ptr<GilPolicy> make_py2_policy() { return std::make_unique<Py2Policy>(); }

}  // namespace mp

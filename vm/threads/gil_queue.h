// QueuedPolicy: a lock that is handed over directly to a waiter of the policy's choice. What fair, priority
// and handoff have in common; they differ in who goes next and in how long a waiter is patient.
#pragma once
#include "vm/threads/gil.h"
#include "vm/threads/thread_impl.h"

namespace mp {

// A mutex that is served in arrival order: a thread that drops the GIL and comes back at once stands behind
// those that came before.
class TicketMutex {
 public:
  void lock();
  void unlock();

 private:
  std::atomic<uint32_t> next_{0}, serving_{0};
};

class QueuedPolicy : public GilPolicy {
 public:
  bool take(GilState& gil, Thread& t) final;
  void drop(GilState& gil, Thread& t) final;
  void drop_quietly(GilState& gil, Thread& t) final { drop(gil, t); }
  void after_fork_child(Thread* holder) final;

 protected:
  using Waiter = GilWaiter;

  // Who goes next; `first` is the one that came first and never null.
  virtual Waiter* choose(GilState& gil, Waiter* first) = 0;
  // How long this waiter waits before it asks the holder to drop, in nanoseconds; 0: at once.
  virtual int64_t patience(GilState& gil, const Waiter& waiter) = 0;

 private:
  void begin_hold(GilState& gil, Thread& t);
  void enqueue(GilState& gil, Thread& t);
  void ask(GilState& gil);

  TicketMutex mutex_;
  Thread* holder_ = nullptr;
  Thread* last_holder_ = nullptr;
  Waiter* first_ = nullptr;
  Waiter* last_ = nullptr;
};

}  // namespace mp

// QueuedPolicy: a lock that is handed over directly to a waiter of the policy's choice. What fair, priority
// and handoff have in common; they differ in who goes next and in how long a waiter is patient.
#pragma once
#include <mutex>

#include "vm/threads/gil.h"
#include "vm/threads/wait.h"

namespace mp {

class QueuedPolicy : public GilPolicy {
 public:
  bool take(GilState& gil, Thread& t) final;
  void drop(GilState& gil, Thread& t) final;
  void drop_quietly(GilState& gil, Thread& t) final { drop(gil, t); }
  void after_fork_child(Thread* holder) final;

 protected:
  struct Waiter {
    Thread* thread;
    int64_t since;    // monotonic nanoseconds
    bool was_forced;  // it was asked to drop, and wants to go on computing; false: it comes back from
                      // blocking work
    Waiter* next = nullptr;
    bool granted = false;
    Parker parker;
  };

  // Who goes next; `first` is the one that came first and never null.
  virtual Waiter* choose(GilState& gil, Waiter* first) = 0;
  // How long this waiter waits before it asks the holder to drop, in nanoseconds; 0: at once.
  virtual int64_t patience(GilState& gil, const Waiter& waiter) = 0;

 private:
  void hand_over(GilState& gil);  // with the mutex held and no holder
  void ask(GilState& gil);

  std::mutex mutex_;
  Thread* holder_ = nullptr;
  Thread* last_holder_ = nullptr;
  Waiter* first_ = nullptr;
  Waiter* last_ = nullptr;
};

}  // namespace mp

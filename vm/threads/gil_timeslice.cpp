// CPython's policy since 3.2: a waiter waits one switch interval; if no switch happened meanwhile it asks the
// holder to drop; a holder that was asked waits until another thread has taken the lock (forced switch); a
// voluntary release does not wait; one waiter is woken.
#include <pthread.h>

#include <new>

#include "vm/os/spin.h"
#include "vm/threads/gil.h"

namespace mp {
namespace {

class Mutex {
 public:
  Mutex() { pthread_mutex_init(&mutex_, nullptr); }
  ~Mutex() { pthread_mutex_destroy(&mutex_); }
  void lock() { pthread_mutex_lock(&mutex_); }
  void unlock() { pthread_mutex_unlock(&mutex_); }
  pthread_mutex_t* get() { return &mutex_; }

 private:
  pthread_mutex_t mutex_;
};

class Condition {
 public:
  Condition() {
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&condition_, &attributes);
    pthread_condattr_destroy(&attributes);
  }
  ~Condition() { pthread_cond_destroy(&condition_); }
  void signal() { pthread_cond_signal(&condition_); }
  void wait(Mutex& mutex) { pthread_cond_wait(&condition_, mutex.get()); }
  bool wait_ns(Mutex& mutex, int64_t nanoseconds) {  // false: timed out
    timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    int64_t ns = at.tv_nsec + nanoseconds % 1000000000;
    at.tv_sec += nanoseconds / 1000000000 + ns / 1000000000;
    at.tv_nsec = ns % 1000000000;
    return pthread_cond_timedwait(&condition_, mutex.get(), &at) == 0;
  }

 private:
  pthread_cond_t condition_;
};

class TimeslicePolicy final : public GilPolicy {
 public:
  bool take(GilState& gil, Thread& t) override {
    // The holder often drops within a microsecond: who woke us is about to wait itself.
    spin_.wait([this] { return !locked_.load(std::memory_order_relaxed); });
    mutex_.lock();
    bool contended = locked_;
    if (contended) gil.contended.fetch_add(1, std::memory_order_relaxed);
    while (locked_) {
      uint64_t switch_number = switch_number_;
      int64_t interval = gil.interval_ns.load(std::memory_order_relaxed);
      bool signalled = free_.wait_ns(mutex_, interval < 1000 ? 1000 : interval);
      if (!signalled && locked_ && switch_number_ == switch_number) {
        holder_->set_interrupt(kInterruptDropGil);
        gil.forced_requests.fetch_add(1, std::memory_order_relaxed);
      }
    }
    switch_mutex_.lock();
    locked_ = true;
    holder_ = &t;
    if (last_holder_ != &t) {
      last_holder_ = &t;
      ++switch_number_;
      gil.switches.fetch_add(1, std::memory_order_relaxed);
    }
    switched_.signal();
    switch_mutex_.unlock();
    // A request of an earlier hold would make us wait, in drop(), for a taker that does not exist.
    t.clear_interrupt(kInterruptDropGil);
    mutex_.unlock();
    return contended;
  }

  void drop(GilState&, Thread& t) override {
    mutex_.lock();
    holder_ = nullptr;
    locked_ = false;
    free_.signal();
    mutex_.unlock();
    if ((t.interrupt_word.load(std::memory_order_relaxed) & kInterruptDropGil) == 0) return;
    switch_mutex_.lock();
    if (last_holder_ == &t) {
      t.clear_interrupt(kInterruptDropGil);
      // Forced switch: the asking thread is awake by now or will be, and takes the lock before we try again.
      switched_.wait(switch_mutex_);
    }
    switch_mutex_.unlock();
  }

  void drop_quietly(GilState&, Thread& t) override {
    t.clear_interrupt(kInterruptDropGil);
    mutex_.lock();
    holder_ = nullptr;
    locked_ = false;
    free_.signal();
    mutex_.unlock();
  }

  void after_fork_child(Thread* holder) override {
    new (&mutex_) Mutex;
    new (&switch_mutex_) Mutex;
    new (&free_) Condition;
    new (&switched_) Condition;
    locked_ = holder != nullptr;
    holder_ = last_holder_ = holder;
    if (holder != nullptr) holder->clear_interrupt(kInterruptDropGil);
  }

 private:
  Mutex mutex_, switch_mutex_;
  Condition free_, switched_;
  os::AdaptiveSpin spin_;
  std::atomic<bool> locked_{false};  // written under the mutex
  Thread* holder_ = nullptr;
  Thread* last_holder_ = nullptr;  // written under both mutexes
  uint64_t switch_number_ = 0;
};

}  // namespace

std::unique_ptr<GilPolicy> make_timeslice_policy() { return std::make_unique<TimeslicePolicy>(); }

}  // namespace mp

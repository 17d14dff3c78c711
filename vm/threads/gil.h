// The global interpreter lock of one runtime, behind a policy. It knows threads and their drop-request bit,
// not what they run.
#pragma once
#include <memory>
#include <string_view>

#include "vm/threads/thread.h"

namespace mp {

struct RuntimeOptions;

struct GilStatistics {
  std::atomic<uint64_t> switches{0};         // the lock went to another thread than the last holder
  std::atomic<uint64_t> forced_requests{0};  // a waiter's interval ran out and it asked the holder to drop
  std::atomic<uint64_t> contended{0};        // take() had to wait
};

struct GilState;

// One way of handing the lock over. take() and drop() are called detached: they touch no Value.
class GilPolicy {
 public:
  virtual ~GilPolicy() = default;
  virtual const char* name() const = 0;
  virtual void take(GilState& gil, Thread& t) = 0;
  virtual void drop(GilState& gil, Thread& t) = 0;
  // For a stop-the-world: releases without waiting for another taker.
  virtual void drop_quietly(GilState& gil, Thread& t) = 0;
  // In the child of a fork, which holds the lock: no other thread exists.
  virtual void after_fork_child(Thread& holder) = 0;
};

struct GilState {
  std::unique_ptr<GilPolicy> policy;  // never null: kept while the GIL is off
  std::atomic<int64_t> interval_ns{5000000};
  GilStatistics statistics;
};

std::unique_ptr<GilPolicy> make_timeslice_policy();
// nullptr for an unknown name.
std::unique_ptr<GilPolicy> make_gil_policy(std::string_view name);
// From the options: policy, interval. An unknown policy is reported on stderr and the default taken.
std::unique_ptr<GilState> make_gil(const RuntimeOptions& options);

}  // namespace mp

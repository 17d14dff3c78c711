// Threads that do little but take a lock slow each other down: at each hand-over the processors' cache lines
// move from one to the other, some 100 nanoseconds each. If one takes a nap the others take the lock many
// times meanwhile. When they work long between two locks, who naps only loses time. So it is measured, now
// and then, whether locks are taken more often while all take turns: one thread has the lock to itself for up
// to 5 milliseconds (CPython's switch interval) while the others nap, then another one.
#pragma once
#include <atomic>
#include <cstdint>

#include "vm/core/address_hash.h"

namespace mp {

class Thread;

// Whose turn it is. Part of a runtime's ThreadTable.
struct LockTurns {
  // At the locks of which the addresses have the same hash.
  struct Turn {
    std::atomic<uint64_t> word{0};     // the thread's name, the turn's number and its end; 0: nobody's
    std::atomic<int64_t> together{0};  // what all need without turns: nanoseconds for 64 locks
    std::atomic<uint32_t> pause{0};    // windows more before turns are tried again
    // Monotonic nanoseconds: when a thread came to own an object, so that its locks are not counted any more.
    std::atomic<int64_t> owned{0};
  };
  Turn& of(const void* lock) { return turns[address_bucket<kTurnBits>(lock)]; }

  // Threads are told apart by eight bits: two with the same name stay awake together, or take a turn from
  // each other, which is harmless.
  static constexpr unsigned kTurnBits = 6;
  static constexpr uint64_t kNames = 256;
  Turn turns[1 << kTurnBits];
  std::atomic<bool> naps[kNames]{};  // by the thread's name
};

class StepBack {
 public:
  using Count = uint32_t (*)(const void* what);  // all threads together have taken it so often; wraps around

  // This thread has met another one at `lock`, one of those that are measured together as `what`. It may
  // sleep, for up to 5 milliseconds; a stop of the world or a signal ends that.
  void meet(Thread& t, const void* lock, const void* what, Count count);

 private:
  void measure(int64_t now, uint32_t count);
  int64_t cost(int64_t now, uint32_t count) const;
  void nap(Thread& t, LockTurns::Turn& turns, uint64_t turn, int64_t now, Count count);

  const void* what_ = nullptr;
  uint32_t count_ = 0;     // when the window began
  uint32_t meetings_ = 0;  // in this window
  uint32_t windows_ = 0;   // since the last turn
  int64_t begin_ = 0;      // of the window, nanoseconds
  static constexpr uint32_t kWindows = 3;
  int64_t costs_[kWindows] = {};  // of the last windows without turns
  uint64_t turn_ = 0;             // the last one before the window
};

// Signals and stops wait for a thread that is attached.
bool is_urgent(const Thread& t);

}  // namespace mp

#include "vm/threads/ended_threads.h"

#include <pthread.h>
#include <sched.h>
#include <time.h>

#include <algorithm>

#include "vm/threads/thread_impl.h"
#include "vm/types/runtime.h"

namespace mp {

void note_ended(ThreadTable& table, uint64_t serial) {
  table.ended.push_back({serial, pthread_self(), false});
}

static void join_one(ThreadTable& table, std::unique_lock<std::mutex>& lock, EndedThread& one) {
  EndedThread ended = one;
  one.being_joined = true;
  lock.unlock();
  pthread_join(ended.handle, nullptr);
  lock.lock();
  auto at = std::find_if(table.ended.begin(), table.ended.end(),
                         [&](const EndedThread& other) { return other.serial == ended.serial; });
  table.ended.erase(at);
}

// False: it is still on its way, or another thread joins it right now.
static bool is_gone(ThreadTable& table, uint64_t serial) {
  std::unique_lock<std::mutex> lock(table.mutex);
  for (EndedThread& one : table.ended) {
    if (one.serial != serial) continue;
    if (one.being_joined) return false;
    join_one(table, lock, one);
    return true;
  }
  for (Thread* t = table.first; t != nullptr; t = t->impl->next)
    if (t->impl->serial == serial) return false;
  return true;
}

void wait_until_gone(Thread& t, uint64_t serial) {
  constexpr int kYields = 16;
  ThreadTable& table = *t.runtime().threads;
  BlockingRegion out(t);
  for (int round = 0; !is_gone(table, serial); ++round) {
    timespec nap{0, 50'000};
    if (round < kYields)
      sched_yield();
    else
      nanosleep(&nap, nullptr);
  }
}

void join_ended_threads(ThreadTable& table) {
  std::unique_lock<std::mutex> lock(table.mutex);
  for (;;) {
    auto one = std::find_if(table.ended.begin(), table.ended.end(),
                            [](const EndedThread& other) { return !other.being_joined; });
    if (one == table.ended.end()) return;
    join_one(table, lock, *one);
  }
}

}  // namespace mp

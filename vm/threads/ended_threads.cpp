#include "vm/threads/ended_threads.h"

#include <pthread.h>
#include <time.h>

#include <algorithm>

#include "vm/threads/thread_impl.h"
#include "vm/types/runtime.h"

namespace mp {

void note_started(ThreadTable& table, uint64_t serial) {
  table.os_threads.push_back({serial, pthread_self(), false, false});
}

static auto find(ThreadTable& table, uint64_t serial) {
  return std::find_if(table.os_threads.begin(), table.os_threads.end(),
                      [&](const OsThread& one) { return one.serial == serial; });
}

void note_ended(ThreadTable& table, uint64_t serial) {
  if (auto one = find(table, serial); one != table.os_threads.end()) one->ended = true;
}

static void join_one(ThreadTable& table, std::unique_lock<std::mutex>& lock, OsThread& one) {
  OsThread joined = one;
  one.being_joined = true;
  lock.unlock();
  pthread_join(joined.handle, nullptr);
  lock.lock();
  table.os_threads.erase(find(table, joined.serial));
}

// False: another thread joins it right now.
static bool is_gone(ThreadTable& table, uint64_t serial) {
  std::unique_lock<std::mutex> lock(table.mutex);
  auto one = find(table, serial);
  if (one == table.os_threads.end()) return true;
  if (one->being_joined) return false;
  join_one(table, lock, *one);
  return true;
}

void wait_until_gone(Thread& t, uint64_t serial) {
  BlockingRegion out(t);
  while (!is_gone(*t.runtime().threads, serial)) {
    timespec nap{0, 50'000};
    nanosleep(&nap, nullptr);
  }
}

void join_ended_threads(ThreadTable& table) {
  std::unique_lock<std::mutex> lock(table.mutex);
  for (;;) {
    auto one = std::find_if(table.os_threads.begin(), table.os_threads.end(),
                            [](const OsThread& other) { return other.ended && !other.being_joined; });
    if (one == table.os_threads.end()) return;
    join_one(table, lock, *one);
  }
}

void join_leaving_threads(Thread& t) {
  auto one_leaves = [&] {
    bool found = false;
    for_each_thread(
        t.runtime(),
        [](void* leaves, Thread& other) {
          if (other.impl->exiting.load(std::memory_order_relaxed)) *static_cast<bool*>(leaves) = true;
        },
        &found);
    return found;
  };
  for (int i = 0; i < 1000 && one_leaves(); ++i) {
    BlockingRegion out(t);
    timespec nap{0, 100'000};
    nanosleep(&nap, nullptr);
  }
  ThreadTable& table = *t.runtime().threads;
  join_ended_threads(table);
  std::lock_guard<std::mutex> guard(table.mutex);
  std::erase_if(table.os_threads, [](const OsThread& one) {  // daemons; nobody waits for them any more
    return !one.being_joined && pthread_detach(one.handle) == 0;
  });
}

}  // namespace mp

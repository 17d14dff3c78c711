// Threads without scripts: the GIL's hand-over, stop-the-world, parking, object locks.
#include <gtest/gtest.h>

#include <thread>

#include "vm/gc/heap.h"
#include "vm/threads/gil.h"
#include "vm/threads/object_lock.h"
#include "vm/threads/thread_impl.h"
#include "vm/threads/thread_table.h"
#include "vm/threads/wait.h"
#include "vm/types/containers.h"
#include "vm/types/runtime.h"

namespace mp {
namespace {

enum class Gil : bool { Off, On };

std::unique_ptr<Runtime> make_runtime(Gil gil) {
  RuntimeOptions options;
  options.install_signal_handlers = false;
  options.gil = gil == Gil::On;
  return Runtime::create(std::move(options));
}

struct Shared {
  std::atomic<int> running{0};
  std::atomic<int> done{0};
  std::atomic<bool> stop{false};
  ParkingLock lock;
  int64_t guarded = 0;
  ListObject* list = nullptr;
};
Shared* g_shared = nullptr;

void wait_for(Thread& t, std::atomic<int>& counter, int value) {
  while (counter.load() < value) {
    (void)park_until(t, os::deadline_after(200000));
    (void)t.poll().is_error();
  }
}
void start(Thread& t, int count, ThreadBody body) {
  for (int i = 0; i < count; ++i) ASSERT_TRUE(start_thread(t, body, kNone, nullptr));
}

class ThreadsWithBothGils : public testing::TestWithParam<Gil> {
 protected:
  void SetUp() override { g_shared = &shared; }
  Shared shared;
};

TEST_P(ThreadsWithBothGils, AParkingLockExcludes) {
  auto runtime = make_runtime(GetParam());
  Thread& t = runtime->main_thread();
  start(t, 4, [](Thread& self, Value) {
    for (int i = 0; i < 2000; ++i) {
      while (g_shared->lock.lock(self, os::kNoDeadline, WaitKind::Lock) != WaitResult::Woken) {
      }
      ++g_shared->guarded;
      g_shared->lock.unlock(self);
      (void)self.poll().is_error();
    }
    ++g_shared->done;
  });
  wait_for(t, shared.done, 4);
  EXPECT_EQ(shared.guarded, 8000);
}

TEST_P(ThreadsWithBothGils, AppendIsAtomic) {
  auto runtime = make_runtime(GetParam());
  Thread& t = runtime->main_thread();
  shared.list = make_list(t);
  ListObject* keep = shared.list;
  start(t, 4, [](Thread& self, Value) {
    for (int i = 0; i < 3000; ++i) {
      ASSERT_TRUE(list_append(self, g_shared->list, make_str(self, "item")).ok());
      (void)self.poll().is_error();
    }
    ++g_shared->done;
  });
  wait_for(t, shared.done, 4);
  EXPECT_EQ(keep->length(), 12000u);
}

TEST_P(ThreadsWithBothGils, CollectionsStopTheOthers) {
  auto runtime = make_runtime(GetParam());
  Thread& t = runtime->main_thread();
  start(t, 3, [](Thread& self, Value) {
    ListObject* mine = make_list(self);
    for (int i = 0; i < 3000; ++i) {
      ASSERT_TRUE(list_append(self, mine, make_str(self, std::to_string(i))).ok());
      (void)self.poll().is_error();
    }
    for (size_t i = 0; i < 3000; ++i) ASSERT_EQ(to_utf8(mine->at(i).as<StrObject>()), std::to_string(i));
    ++g_shared->done;
  });
  while (shared.done.load() < 3) {
    t.heap().collect(t);
    (void)park_until(t, os::deadline_after(100000));
    (void)t.poll().is_error();
  }
}

TEST_P(ThreadsWithBothGils, TimedWaitsTimeOut) {
  auto runtime = make_runtime(GetParam());
  Thread& t = runtime->main_thread();
  ASSERT_TRUE(shared.lock.try_lock());
  EXPECT_EQ(shared.lock.lock(t, os::deadline_after(1000000), WaitKind::Lock), WaitResult::TimedOut);
  shared.lock.unlock(t);
  EXPECT_EQ(shared.lock.lock(t, os::deadline_after(1000000), WaitKind::Lock), WaitResult::Woken);
}

TEST_P(ThreadsWithBothGils, ABlockedThreadDoesNotHoldUpACollection) {
  auto runtime = make_runtime(GetParam());
  Thread& t = runtime->main_thread();
  start(t, 1, [](Thread& self, Value) {
    ListObject* mine = make_list(self);
    ++g_shared->running;
    {
      BlockingRegion out(self);
      while (!g_shared->stop.load()) std::this_thread::yield();
    }
    ASSERT_EQ(mine->length(), 0u);
    ASSERT_EQ(mine->type(), self.types().list);
    ++g_shared->done;
  });
  wait_for(t, shared.running, 1);
  for (int i = 0; i < 10; ++i) t.heap().collect(t);
  shared.stop = true;
  wait_for(t, shared.done, 1);
}

INSTANTIATE_TEST_SUITE_P(Threads, ThreadsWithBothGils, testing::Values(Gil::On, Gil::Off),
                         [](const auto& parameter) {
                           return parameter.param == Gil::On ? "GilOn" : "GilOff";
                         });

TEST(Gil, AHolderThatWasAskedGivesWay) {
  Shared shared;
  g_shared = &shared;
  auto runtime = make_runtime(Gil::On);
  runtime->gil->interval_ns = 200000;
  Thread& t = runtime->main_thread();
  ThreadBody spin = [](Thread& self, Value) {
    ++g_shared->running;
    while (!g_shared->stop.load()) (void)self.poll().is_error();
    ++g_shared->done;
  };
  ASSERT_TRUE(start_thread(t, spin, kNone, nullptr));
  ASSERT_TRUE(start_thread(t, spin, kNone, nullptr));
  wait_for(t, shared.running,
           2);  // both run, and so does this thread: the spinning ones were made to give way
  EXPECT_GT(runtime->gil->forced_requests.load(), 0u);
  shared.stop = true;
  wait_for(t, shared.done, 2);
}

}  // namespace
}  // namespace mp

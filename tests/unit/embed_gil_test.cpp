// The lock through the C++ interface: options, the run-time switch, several runtimes with locks of their own.
#include <gtest/gtest.h>

#include "minipy/minipy.h"

namespace {

TEST(EmbedGil, OptionsChooseThePolicyAndTheSemanticsBringOne) {
  minipy::Runtime plain;
  EXPECT_TRUE(plain.gil_enabled());
  EXPECT_EQ(plain.gil_policy(), "timeslice");
  minipy::Options options;
  options.semantics = "py2.7";
  minipy::Runtime old(options);
  EXPECT_EQ(old.gil_policy(), "py2");
  options.gil_policy = "fair";
  minipy::Runtime chosen(options);
  EXPECT_EQ(chosen.gil_policy(), "fair");
  options = {};
  options.semantics = "py3.13t";
  minipy::Runtime parallel(options);
  EXPECT_FALSE(parallel.gil_enabled());
}

TEST(EmbedGil, UnknownNamesAndNumbersOutOfRangeAreErrors) {
  auto refused = [](auto change) {
    minipy::Options options;
    change(options);
    try {
      minipy::Runtime runtime(options);
    } catch (const minipy::Error& error) {
      return error.type() + ": " + error.message();
    }
    return std::string();
  };
  EXPECT_EQ(refused([](auto& o) { o.gil_policy = "best"; }),
            "ValueError: unknown GIL policy 'best' (known: timeslice py2 fair priority handoff none)");
  EXPECT_EQ(refused([](auto& o) { o.semantics = "py1"; }),
            "ValueError: unknown semantics 'py1' (known: py2.7 py3.9 py3.10 py3.13 py3.13t every-op)");
  EXPECT_EQ(refused([](auto& o) { o.switch_interval = 0; }),
            "ValueError: switch interval must be strictly positive");
  EXPECT_EQ(refused([](auto& o) { o.check_interval = 0; }), "ValueError: check interval must be at least 1");
}

TEST(EmbedGil, EachRuntimeHasALockOfItsOwn) {
  minipy::Runtime one, two;
  one.set_gil_enabled(false);
  two.set_gil_policy("handoff");
  EXPECT_FALSE(one.gil_enabled());
  EXPECT_TRUE(two.gil_enabled());
  EXPECT_EQ(one.gil_policy(), "timeslice");
  EXPECT_FALSE(one.eval("__import__('sys')._is_gil_enabled()").truth());
  EXPECT_THROW(one.set_gil_policy("none at all"), minipy::Error);
}

TEST(EmbedGil, TheHostSwitchesTheLockWhileThreadsRun) {
  minipy::Runtime runtime;
  runtime.exec(
      "import threading\n"
      "items, done = [], threading.Event()\n"
      "def work():\n"
      "    while not done.is_set(): items.append(1)\n"
      "threads = [threading.Thread(target=work) for _ in range(3)]\n"
      "for thread in threads: thread.start()\n");
  for (int i = 0; i < 50; ++i) {
    runtime.set_gil_enabled(i % 2 != 0);
    runtime.set_gil_policy(i % 3 == 0 ? "fair" : "timeslice");
  }
  runtime.exec("done.set()\nfor thread in threads: thread.join()\n");
  EXPECT_TRUE(runtime.eval("set(items) <= {1}").truth());
}

TEST(EmbedGil, StatisticsAreJsonAndEmptyWhenNothingWasRecorded) {
  minipy::Runtime runtime;
  EXPECT_EQ(runtime.gil_statistics(), "");
  runtime.record_gil(true);
  runtime.exec("pass");
  EXPECT_EQ(runtime.gil_statistics().rfind("{\"policy\": \"timeslice\", \"enabled\": true", 0), 0u);
}

TEST(EmbedGil, ADeadlockRaisesWhereTheHostAskedForIt) {
  minipy::Options options;
  options.deadlock = "raise";
  minipy::Runtime runtime(options);
  try {
    runtime.exec("import threading\nlock = threading.Lock()\nlock.acquire()\nlock.acquire()\n");
    FAIL() << "the second acquire() came back";
  } catch (const minipy::Error& error) {
    EXPECT_EQ(error.type(), "RuntimeError");
    EXPECT_EQ(error.message(), "deadlock: all threads are blocked for good");
  }
}

}  // namespace

// The lock through the C++ interface: options, the run-time switch, several runtimes with locks of their own.
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

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
  EXPECT_EQ(parallel.gil_policy(), "none");
  options.gil_policy = "on";
  minipy::Runtime locked(options);
  EXPECT_TRUE(locked.gil_enabled());
  EXPECT_EQ(locked.gil_policy(), "timeslice");
}

TEST(EmbedGil, AnotherPolicyAfterNoneBringsTheLockBack) {
  minipy::Runtime runtime;
  runtime.set_gil_policy("none");
  EXPECT_FALSE(runtime.gil_enabled());
  runtime.set_gil_policy("fair");
  EXPECT_TRUE(runtime.gil_enabled());
  EXPECT_EQ(runtime.gil_policy(), "fair");
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
            "ValueError: unknown GIL policy 'best' (known: on off timeslice py2 fair priority handoff none)");
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

// Each runtime has an event loop of its own, with timers, sockets and children; the watcher of children is
// the process's.
TEST(EmbedGil, EventLoopsOfTwoRuntimesRunSideBySide) {
  const char* kScript =
      "import asyncio, sys\n"
      "async def serve(reader, writer):\n"
      "    writer.write((await reader.readline()).upper())\n"
      "    await writer.drain()\n"
      "    writer.close()\n"
      "async def ask(port, text):\n"
      "    reader, writer = await asyncio.open_connection('127.0.0.1', port)\n"
      "    writer.write(text.encode() + b'\\n')\n"
      "    answer = await reader.readline()\n"
      "    writer.close()\n"
      "    return answer.decode().strip()\n"
      "async def child(n):\n"
      "    process = await asyncio.create_subprocess_exec('sh', '-c', f'echo {n}; exit {n}', "
      "stdout=asyncio.subprocess.PIPE)\n"
      "    out, _ = await process.communicate()\n"
      "    return int(out), process.returncode\n"
      "async def main():\n"
      "    server = await asyncio.start_server(serve, '127.0.0.1', 0)\n"
      "    port = server.sockets[0].getsockname()[1]\n"
      "    async with server:\n"
      "        answers = await asyncio.gather(*(ask(port, f'text {i}') for i in range(10)), "
      "asyncio.sleep(0.01, 'slept'))\n"
      "    children = await asyncio.gather(*(child(n) for n in range(4)))\n"
      "    return answers == [f'TEXT {i}' for i in range(10)] + ['slept'] and children == [(n, n) for n in "
      "range(4)]\n"
      "good = all(asyncio.run(main()) for _ in range(3))\n";
  std::atomic<int> good{0};
  auto run = [&](bool gil) {
    minipy::Runtime runtime;
    runtime.set_gil_enabled(gil);
    runtime.exec(kScript);
    good += runtime.eval("good").truth() ? 1 : 0;
  };
  std::thread with_gil(run, true), without(run, false);
  with_gil.join();
  without.join();
  EXPECT_EQ(good, 2);
}

}  // namespace

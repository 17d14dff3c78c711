// Signals in an embedded runtime, which takes none by itself.
#include <gtest/gtest.h>

#include "minipy/minipy.h"

namespace {

const char kHandles[] = R"(
import signal
hits = []
signal.signal(signal.SIGUSR1, lambda number, frame: hits.append(number == signal.SIGUSR1))
signal.raise_signal(signal.SIGUSR1)
)";

TEST(EmbedSignals, AHandlerThatAScriptSetsRuns) {
  for (int round = 0; round < 2; ++round) {  // the second runtime has the signals after the first is gone
    minipy::Runtime runtime;
    runtime.exec(kHandles, "handles");
    EXPECT_TRUE(runtime.eval("hits == [True]").truth());
    runtime.exec("signal.signal(signal.SIGUSR1, signal.SIG_DFL)", "reset");
  }
}

}  // namespace

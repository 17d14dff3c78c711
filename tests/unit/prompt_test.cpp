// The prompt on a terminal: a pseudo terminal, the command at its other end. What needs no terminal is tested
// in tests/script/cli.
#include <gtest/gtest.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <string>
#include <vector>

namespace {

constexpr std::chrono::seconds kPatience(60);  // sanitized builds on a busy machine

class Session {
 public:
  explicit Session(const std::vector<std::pair<std::string, std::string>>& environment = {},
                   std::vector<std::string> arguments = {"-q"}) {
    winsize size = {40, 200, 0, 0};
    child_ = forkpty(&terminal_, nullptr, nullptr, &size);
    if (child_ != 0) return;
    for (const char* name : {"NO_COLOR", "FORCE_COLOR", "PYTHON_COLORS", "PYTHONSTARTUP"}) unsetenv(name);
    setenv("TERM", "xterm", 1);
    setenv("MINIPY_HISTORY", "", 1);
    for (const auto& [name, value] : environment) setenv(name.c_str(), value.c_str(), 1);
    std::vector<char*> argv = {const_cast<char*>(MINIPY_BINARY)};
    for (std::string& each : arguments) argv.push_back(each.data());
    argv.push_back(nullptr);
    execv(MINIPY_BINARY, argv.data());
    _exit(127);
  }
  ~Session() {
    if (child_ > 0) {
      kill(child_, SIGKILL);
      waitpid(child_, nullptr, 0);
    }
    close(terminal_);
  }
  Session(const Session&) = delete;

  void type(const std::string& keys) {
    ASSERT_EQ(write(terminal_, keys.data(), keys.size()), static_cast<ssize_t>(keys.size()));
  }
  // Everything shown up to the end of `text`, which must come.
  std::string wait_for(const std::string& text) {
    auto deadline = std::chrono::steady_clock::now() + kPatience;
    for (;;) {
      if (size_t at = shown_.find(text); at != std::string::npos) {
        std::string before = shown_.substr(0, at + text.size());
        shown_.erase(0, at + text.size());
        return before;
      }
      if (std::chrono::steady_clock::now() > deadline || !read_more()) {
        ADD_FAILURE() << "waited for <" << text << ">, saw <" << shown_ << ">";
        return shown_;
      }
    }
  }
  // The exit status after everything was read; -1: a signal.
  int end() {
    while (read_more()) {
    }
    int status = 0;
    if (waitpid(child_, &status, WNOHANG) == 0) {  // it has closed the terminal, or it never will
      auto deadline = std::chrono::steady_clock::now() + kPatience;
      while (waitpid(child_, &status, WNOHANG) == 0)
        if (std::chrono::steady_clock::now() > deadline) return -1;
    }
    child_ = -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }

 private:
  bool read_more() {
    pollfd input = {terminal_, POLLIN, 0};
    if (poll(&input, 1, static_cast<int>(std::chrono::milliseconds(kPatience).count())) <= 0) return false;
    char buffer[4096];
    ssize_t n = read(terminal_, buffer, sizeof buffer);
    if (n <= 0) return false;
    shown_.append(buffer, static_cast<size_t>(n));
    return true;
  }
  int terminal_ = -1;
  pid_t child_ = -1;
  std::string shown_;
};

TEST(Prompt, ShowsValuesAndKeepsTheLastOne) {
  Session session;
  session.wait_for(">>> ");
  session.type("20 + 1\r");
  session.wait_for("\n21\r\n");
  session.wait_for(">>> ");  // keys that come before it are lost: the terminal is not in raw mode yet
  session.type("_ * 2\r");
  session.wait_for("\n42\r\n");
  session.wait_for(">>> ");
  session.type("\x04");
  EXPECT_EQ(session.end(), 0);
}

TEST(Prompt, ABlockEndsWithAnEmptyLine) {
  Session session;
  session.wait_for(">>> ");
  session.type("for i in range(2):\r");
  session.wait_for("... ");
  session.type("  print('line', i)\r");
  session.wait_for("... ");
  session.type("\r");
  session.wait_for("\nline 1\r\n");
}

TEST(Prompt, CtrlCDropsTheLine) {
  Session session;
  session.wait_for(">>> ");
  session.type("unfinished = (");
  session.wait_for("(");
  session.type("\x03");
  session.wait_for("\nKeyboardInterrupt\r\n");
  session.wait_for(">>> ");
  session.type("print('ali' + 've')\r");
  session.wait_for("alive");
}

TEST(Prompt, CtrlCStopsWhatRuns) {
  Session session;
  session.wait_for(">>> ");
  session.type("while not print('star' + 'ted'):\r");
  session.wait_for("... ");
  session.type("  while True: pass\r\r");
  session.wait_for("started");
  session.type("\x03");
  session.wait_for("KeyboardInterrupt");
  session.wait_for(">>> ");
}

TEST(Prompt, TabCompletesNamesAndAttributes) {
  Session session;
  session.wait_for(">>> ");
  session.type("import sys; colourless = 'green ideas'\r");
  session.wait_for(">>> ");
  session.type("sys.getrecursionl\t()\r");
  session.wait_for("\n1000\r\n");
  session.wait_for(">>> ");
  session.type("colourl\t.upp\t()\r");
  session.wait_for("'GREEN IDEAS'");
  session.wait_for(">>> ");
  session.type("if True:\r\t7\r\r");
  session.wait_for("\n7\r\n");
}

TEST(Prompt, HistoryLivesAcrossSessions) {
  std::string file = testing::TempDir() + "/minipy_history_" + std::to_string(getpid());
  unlink(file.c_str());
  {
    Session session({{"MINIPY_HISTORY", file}});
    session.wait_for(">>> ");
    session.type("print('remem' + 'bered')\r");
    session.wait_for("remembered");
    session.wait_for(">>> ");
    session.type("exit(3)\r");
    EXPECT_EQ(session.end(), 3);
  }
  Session session({{"MINIPY_HISTORY", file}});
  session.wait_for(">>> ");
  session.type("\x1b[A\x1b[A\r");
  session.wait_for("remembered");
  unlink(file.c_str());
}

TEST(Prompt, OtherThreadsRunWhileItWaits) {
  Session session;
  session.wait_for(">>> ");
  session.type("import threading; threading.Timer(0.01, lambda: print('ti' + 'ck')).start()\r");
  session.wait_for("tick");
}

TEST(Prompt, TracebacksAreColoured) {
  Session session;
  session.wait_for(">>> ");
  session.type("1/0\r");
  EXPECT_NE(
      session.wait_for(">>> ").find("\x1b[1;35mZeroDivisionError\x1b[0m: \x1b[35mdivision by zero\x1b[0m"),
      std::string::npos);
}

TEST(Prompt, NoColourWhereTheUserOrTheTerminalWantsNone) {
  for (const std::pair<std::string, std::string>& wish :
       {std::pair<std::string, std::string>{"NO_COLOR", "1"}, {"PYTHON_COLORS", "0"}, {"TERM", "dumb"}}) {
    Session session({wish}, {"-c", "1/0"});
    EXPECT_EQ(session.wait_for("division by zero").find("\x1b["), std::string::npos) << wish.first;
    EXPECT_EQ(session.end(), 1);
  }
}

}  // namespace

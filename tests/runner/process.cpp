#include "process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace runner {
namespace {

double now() {
  using namespace std::chrono;
  return duration<double>(steady_clock::now().time_since_epoch()).count();
}

[[noreturn]] void child(const ProcessOptions& options, int in, int out, int err) {
  setpgid(0, 0);
  dup2(in, 0);
  dup2(out, 1);
  dup2(err, 2);
  for (int fd = 3; fd < 64; ++fd) close(fd);
  if (!options.directory.empty() && chdir(options.directory.c_str()) != 0) _exit(126);
  for (const auto& [name, value] : options.environment) {
    if (value.empty())
      unsetenv(name.c_str());
    else
      setenv(name.c_str(), value.c_str(), 1);
  }
  if (options.memory_limit > 0) {
    rlimit limit{static_cast<rlim_t>(options.memory_limit), static_cast<rlim_t>(options.memory_limit)};
    setrlimit(RLIMIT_AS, &limit);
  }
  rlimit no_core{0, 0};
  setrlimit(RLIMIT_CORE, &no_core);
  std::vector<char*> argv;
  for (const auto& word : options.command) argv.push_back(const_cast<char*>(word.c_str()));
  argv.push_back(nullptr);
  execvp(argv[0], argv.data());
  dprintf(2, "cannot run %s: %s\n", argv[0], strerror(errno));
  _exit(127);
}

}  // namespace

ProcessResult run_process(const ProcessOptions& options) {
  signal(SIGPIPE, SIG_IGN);
  ProcessResult result;
  int in[2], out[2], err[2];
  if (pipe2(in, O_CLOEXEC) || pipe2(out, O_CLOEXEC) || pipe2(err, O_CLOEXEC)) {
    perror("pipe2");
    exit(3);
  }
  fflush(nullptr);
  pid_t pid = fork();
  if (pid < 0) {
    perror("fork");
    exit(3);
  }
  if (pid == 0) {
    signal(SIGPIPE, SIG_DFL);
    child(options, in[0], out[1], err[1]);
  }
  setpgid(pid, pid);
  close(in[0]);
  close(out[1]);
  close(err[1]);
  fcntl(in[1], F_SETFL, O_NONBLOCK);
  size_t written = 0;
  bool in_open = true, out_open = true, err_open = true;
  const double deadline = now() + options.time_limit;
  if (options.input.empty()) {
    close(in[1]);
    in_open = false;
  }
  while (out_open || err_open) {
    pollfd fds[3] = {{out_open ? out[0] : -1, POLLIN, 0},
                     {err_open ? err[0] : -1, POLLIN, 0},
                     {in_open ? in[1] : -1, POLLOUT, 0}};
    double left = deadline - now();
    if (left <= 0) {
      result.timed_out = true;
      kill(-pid, SIGKILL);
      break;
    }
    if (poll(fds, 3, static_cast<int>(left * 1000) + 1) < 0) continue;
    auto drain = [](pollfd& fd, std::string& text, bool& open) {
      if (!(fd.revents & (POLLIN | POLLHUP | POLLERR))) return;
      char buffer[65536];
      ssize_t got = read(fd.fd, buffer, sizeof buffer);
      if (got > 0)
        text.append(buffer, static_cast<size_t>(got));
      else
        open = false;
    };
    drain(fds[0], result.out, out_open);
    drain(fds[1], result.err, err_open);
    if (in_open && (fds[2].revents & (POLLOUT | POLLERR | POLLHUP))) {
      ssize_t put = write(in[1], options.input.data() + written, options.input.size() - written);
      if (put > 0) written += static_cast<size_t>(put);
      if (put < 0 || written == options.input.size()) {
        close(in[1]);
        in_open = false;
      }
    }
  }
  if (in_open) close(in[1]);
  close(out[0]);
  close(err[0]);
  // The child may have closed its output and go on: it has the rest of its time to end.
  int status = 0;
  while (waitpid(pid, &status, result.timed_out ? 0 : WNOHANG) == 0) {
    if (now() > deadline) {
      result.timed_out = true;
      kill(-pid, SIGKILL);
    }
    usleep(200);
  }
  kill(-pid, SIGKILL);  // grandchildren that outlived it
  result.status = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
  return result;
}

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define RUNNER_SANITIZED 1
#endif
#endif

long default_memory_limit() {
#ifdef RUNNER_SANITIZED
  return 0;
#else
  return 8L << 30;
#endif
}

double default_time_limit() {
#if defined(MINIPY_STRESS)
  return 360;  // a collection of 5,000 connections at every other step takes its time
#elif defined(RUNNER_SANITIZED) || !defined(NDEBUG)
  return 180;
#else
  return 60;
#endif
}

std::string read_file(const std::string& path, bool* found) {
  std::string text;
  FILE* file = fopen(path.c_str(), "rb");
  if (found) *found = file != nullptr;
  if (!file) return text;
  char buffer[65536];
  for (size_t got; (got = fread(buffer, 1, sizeof buffer, file)) > 0;) text.append(buffer, got);
  fclose(file);
  return text;
}

void write_file(const std::string& path, const std::string& text) {
  FILE* file = fopen(path.c_str(), "wb");
  if (!file || fwrite(text.data(), 1, text.size(), file) != text.size()) {
    perror(path.c_str());
    exit(3);
  }
  fclose(file);
}

std::vector<std::string> split_lines(const std::string& text) {
  std::vector<std::string> lines;
  size_t start = 0;
  while (start < text.size()) {
    size_t end = text.find('\n', start);
    if (end == std::string::npos) end = text.size();
    lines.push_back(text.substr(start, end - start));
    start = end + 1;
  }
  return lines;
}

std::string make_temporary_directory() {
  const char* base = getenv("TMPDIR");
  std::string name = std::string(base && *base ? base : "/tmp") + "/minipy-test-XXXXXX";
  if (!mkdtemp(name.data())) {
    perror(name.c_str());
    exit(3);
  }
  return name;
}

}  // namespace runner

// Contradictions inside the VM abort with a message, also in release builds.
#pragma once
#include <cstdio>
#include <cstdlib>

namespace mp {
[[noreturn]] inline void check_failed(const char* file, int line, const char* condition,
                                      const char* message) {
  std::fprintf(stderr, "minipy: internal error at %s:%d: %s: %s\n", file, line, condition, message);
  std::abort();
}
}  // namespace mp

#define MP_CHECK(condition, message) \
  ((condition) ? (void)0 : ::mp::check_failed(__FILE__, __LINE__, #condition, message))
#define MP_UNREACHABLE() ::mp::check_failed(__FILE__, __LINE__, "unreachable", "")

// SrePcre: the patterns of `re` that PCRE2's JIT compiler can run with exactly Python's result. It translates
// the code that re._compiler emits (sre_engine.h) into a PCRE2 pattern, per width of the subject and per
// mode, on first use. What it cannot say for sure it leaves to the engine.
#pragma once
#include <array>
#include <atomic>
#include <vector>

#include "stdlib/native/sre_engine.h"

namespace mp::sre {

class SrePcre {
 public:
  enum class Answer : uint8_t { No, Yes, AskEngine };

  // `code` must outlive this.
  SrePcre(const uint32_t* code, size_t size, size_t groups) : code_(code), size_(size), groups_(groups) {}
  ~SrePcre();
  SrePcre(const SrePcre&) = delete;
  SrePcre& operator=(const SrePcre&) = delete;

  // As sre::run(). Safe to call from several threads at once.
  Answer run(const Subject& subject, int64_t begin, int64_t end, Mode mode, int64_t must_advance_from,
             Outcome* outcome);

 private:
  struct Compiled;
  static Compiled* unusable();
  Compiled* compiled(int width, Mode mode);

  const uint32_t* code_;
  size_t size_, groups_;
  std::atomic<uint32_t> heat_{0};
  // By width (1, 2, 4) and mode; unusable() where PCRE2 cannot do it.
  std::array<std::atomic<Compiled*>, 9> compiled_{};
};

}  // namespace mp::sre

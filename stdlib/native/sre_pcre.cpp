#include "stdlib/native/sre_pcre.h"

#define PCRE2_CODE_UNIT_WIDTH 0
#include <dlfcn.h>
#include <pcre2.h>

#include <cstdlib>
#include <cstring>

#include "stdlib/native/sre_translate.h"

namespace mp::sre {

namespace {

// PCRE2 is loaded when the first pattern gets hot: most programs never pay for it, and where it is not
// installed the engine does all the work. One table per code unit width.
#define MP_PCRE2(WIDTH)                                                                                      \
  struct Pcre##WIDTH {                                                                                       \
    using Unit = PCRE2_UCHAR##WIDTH;                                                                         \
    using Code = pcre2_code_##WIDTH;                                                                         \
    using MatchData = pcre2_match_data_##WIDTH;                                                              \
    using MatchContext = pcre2_match_context_##WIDTH;                                                        \
    using JitStack = pcre2_jit_stack_##WIDTH;                                                                \
    decltype(&pcre2_compile_##WIDTH) compile;                                                                \
    decltype(&pcre2_code_free_##WIDTH) code_free;                                                            \
    decltype(&pcre2_jit_compile_##WIDTH) jit_compile;                                                        \
    decltype(&pcre2_jit_match_##WIDTH) jit_match;                                                            \
    decltype(&pcre2_match_data_create_from_pattern_##WIDTH) match_data_create;                               \
    decltype(&pcre2_match_data_free_##WIDTH) match_data_free;                                                \
    decltype(&pcre2_get_ovector_pointer_##WIDTH) ovector;                                                    \
    decltype(&pcre2_get_mark_##WIDTH) mark;                                                                  \
    decltype(&pcre2_match_context_create_##WIDTH) context_create;                                            \
    decltype(&pcre2_match_context_free_##WIDTH) context_free;                                                \
    decltype(&pcre2_jit_stack_create_##WIDTH) stack_create;                                                  \
    decltype(&pcre2_jit_stack_assign_##WIDTH) stack_assign;                                                  \
    decltype(&pcre2_jit_stack_free_##WIDTH) stack_free;                                                      \
    bool usable = false;                                                                                     \
    Pcre##WIDTH() {                                                                                          \
      void* library = dlopen("libpcre2-" #WIDTH ".so.0", RTLD_NOW | RTLD_LOCAL);                             \
      if (library == nullptr) return;                                                                        \
      auto find = [&](auto*& function, const char* name) {                                                   \
        function = reinterpret_cast<std::remove_reference_t<decltype(function)>>(dlsym(library, name));      \
        return function != nullptr;                                                                          \
      };                                                                                                     \
      decltype(&pcre2_config_##WIDTH) config;                                                                \
      uint32_t jit = 0;                                                                                      \
      usable = find(compile, "pcre2_compile_" #WIDTH) && find(code_free, "pcre2_code_free_" #WIDTH) &&       \
               find(jit_compile, "pcre2_jit_compile_" #WIDTH) &&                                             \
               find(jit_match, "pcre2_jit_match_" #WIDTH) &&                                                 \
               find(match_data_create, "pcre2_match_data_create_from_pattern_" #WIDTH) &&                    \
               find(match_data_free, "pcre2_match_data_free_" #WIDTH) &&                                     \
               find(ovector, "pcre2_get_ovector_pointer_" #WIDTH) && find(mark, "pcre2_get_mark_" #WIDTH) && \
               find(context_create, "pcre2_match_context_create_" #WIDTH) &&                                 \
               find(context_free, "pcre2_match_context_free_" #WIDTH) &&                                     \
               find(stack_create, "pcre2_jit_stack_create_" #WIDTH) &&                                       \
               find(stack_assign, "pcre2_jit_stack_assign_" #WIDTH) &&                                       \
               find(stack_free, "pcre2_jit_stack_free_" #WIDTH) && find(config, "pcre2_config_" #WIDTH) &&   \
               config(PCRE2_CONFIG_JIT, &jit) >= 0 && jit != 0;                                              \
    }                                                                                                        \
    static const Pcre##WIDTH& get() {                                                                        \
      static const Pcre##WIDTH table;                                                                        \
      return table;                                                                                          \
    }                                                                                                        \
  };
MP_PCRE2(8)
MP_PCRE2(16)
MP_PCRE2(32)
#undef MP_PCRE2

// A pattern is translated once it has been asked this often (a long text counts for more): a pattern that is
// used twice is done sooner by the engine.
constexpr uint32_t kHot = 24;
constexpr int64_t kTextPerHeat = 64;
constexpr size_t kMaxJitStack = size_t{16} << 20;

enum class Choice : uint8_t { ByHeat, Always, Never };
// MINIPY_REGEX=pcre|engine: for tests and measurements.
Choice choice() {
  static const Choice chosen = [] {
    const char* text = std::getenv("MINIPY_REGEX");
    if (text == nullptr) return Choice::ByHeat;
    return std::strcmp(text, "pcre") == 0     ? Choice::Always
           : std::strcmp(text, "engine") == 0 ? Choice::Never
                                              : Choice::ByHeat;
  }();
  return chosen;
}

}  // namespace

// Machine code for one width and mode. Shared by all threads; only the scratch memory is per call.
struct SrePcre::Compiled {
  virtual ~Compiled() = default;
  virtual Answer run(const Subject& subject, int64_t begin, int64_t end, int64_t must_advance_from,
                     Outcome* outcome) = 0;
  std::vector<uint32_t> group_of, closing_order;
  size_t groups = 0;
  bool marked = false;
};

namespace {

template <class Pcre, class Base, class Answer>
struct Program final : Base {
  // What one call needs: kept for the next one.
  struct Scratch {
    typename Pcre::MatchData* data = nullptr;
    typename Pcre::MatchContext* context = nullptr;
    typename Pcre::JitStack* stack = nullptr;
    ~Scratch() {
      const Pcre& pcre = Pcre::get();
      if (data != nullptr) pcre.match_data_free(data);
      if (context != nullptr) pcre.context_free(context);
      if (stack != nullptr) pcre.stack_free(stack);
    }
  };

  typename Pcre::Code* code = nullptr;
  std::atomic<Scratch*> spare{nullptr};

  ~Program() override {
    delete spare.load();
    if (code != nullptr) Pcre::get().code_free(code);
  }

  bool build(const Translation& translation, Mode mode) {
    const Pcre& pcre = Pcre::get();
    if (!pcre.usable) return false;
    std::string text = "(*LF)" + translation.text;
    std::vector<typename Pcre::Unit> units(text.begin(), text.end());
    uint32_t options = PCRE2_DOTALL | PCRE2_ALT_CIRCUMFLEX | PCRE2_NEVER_UTF;
    if (translation.unicode_boundaries) options |= PCRE2_UCP;
    if (mode != Mode::Search) options |= PCRE2_ANCHORED;
    if (mode == Mode::FullMatch) options |= PCRE2_ENDANCHORED;
    int error;
    size_t offset;
    code = pcre.compile(units.data(), units.size(), options, &error, &offset, nullptr);
    return code != nullptr && pcre.jit_compile(code, PCRE2_JIT_COMPLETE) == 0;
  }

  Answer run(const Subject& subject, int64_t begin, int64_t end, int64_t must_advance_from,
             Outcome* outcome) override {
    const Pcre& pcre = Pcre::get();
    Scratch* scratch = spare.exchange(nullptr);
    if (scratch == nullptr) scratch = new Scratch;
    if (scratch->data == nullptr) scratch->data = pcre.match_data_create(code, nullptr);
    Answer answer = Answer::AskEngine;
    if (scratch->data != nullptr) {
      // An empty match at `must_advance_from` does not count: it is where the search begins.
      uint32_t options = must_advance_from == begin ? PCRE2_NOTEMPTY_ATSTART : 0;
      auto match = [&] {
        return pcre.jit_match(code, static_cast<const typename Pcre::Unit*>(subject.data),
                              static_cast<size_t>(end), static_cast<size_t>(begin), options, scratch->data,
                              scratch->context);
      };
      int rc = match();
      if (rc == PCRE2_ERROR_JIT_STACKLIMIT && scratch->stack == nullptr && need_stack(scratch)) rc = match();
      if (rc == PCRE2_ERROR_NOMATCH) {
        answer = Answer::No;
      } else if (rc > 0) {
        take(pcre.ovector(scratch->data), rc, pcre.mark(scratch->data), outcome);
        answer = Answer::Yes;
      }
    }
    delete spare.exchange(scratch);
    return answer;
  }

  // The default is 32 KiB of the machine's stack; deep backtracking gets memory of its own.
  static bool need_stack(Scratch* scratch) {
    const Pcre& pcre = Pcre::get();
    scratch->context = pcre.context_create(nullptr);
    scratch->stack = pcre.stack_create(size_t{64} << 10, kMaxJitStack, nullptr);
    if (scratch->context == nullptr || scratch->stack == nullptr) return false;
    pcre.stack_assign(scratch->context, nullptr, scratch->stack);
    return true;
  }

  void take(const size_t* ovector, int count, const typename Pcre::Unit* mark, Outcome* outcome) {
    outcome->start = static_cast<int64_t>(ovector[0]);
    outcome->end = static_cast<int64_t>(ovector[1]);
    outcome->last_index = -1;
    outcome->marks.assign(this->groups * 2, -1);
    for (size_t i = 1; i < static_cast<size_t>(count); ++i) {
      if (ovector[2 * i] == PCRE2_UNSET) continue;
      size_t group = this->group_of[i - 1];
      outcome->marks[group * 2] = static_cast<int64_t>(ovector[2 * i]);
      outcome->marks[group * 2 + 1] = static_cast<int64_t>(ovector[2 * i + 1]);
    }
    if (this->marked) {
      if (mark == nullptr) return;
      int32_t number = 0;
      for (; *mark != 0; ++mark) number = number * 10 + static_cast<int32_t>(*mark - '0');
      outcome->last_index = number;
      return;
    }
    for (size_t i = this->closing_order.size(); i-- > 0;) {
      if (outcome->marks[this->closing_order[i] * 2 + 1] < 0) continue;
      outcome->last_index = static_cast<int32_t>(this->closing_order[i]) + 1;
      return;
    }
  }
};

}  // namespace

// Stands in a slot for "the engine does it".
SrePcre::Compiled* SrePcre::unusable() { return reinterpret_cast<Compiled*>(alignof(Compiled)); }

SrePcre::Compiled* SrePcre::compiled(int width, Mode mode) {
  size_t index = (width == 1 ? 0u : width == 2 ? 3u : 6u) + static_cast<size_t>(mode);
  std::atomic<Compiled*>& slot = compiled_[index];
  Compiled* known = slot.load(std::memory_order_acquire);
  if (known != nullptr) return known == unusable() ? nullptr : known;
  Translation translation = translate(code_, size_, groups_, width);
  Compiled* made = nullptr;
  auto build = [&](auto* program) {
    if (translation.possible && program->build(translation, mode))
      made = program;
    else
      delete program;
  };
  if (width == 1)
    build(new Program<Pcre8, Compiled, Answer>);
  else if (width == 2)
    build(new Program<Pcre16, Compiled, Answer>);
  else
    build(new Program<Pcre32, Compiled, Answer>);
  if (made == nullptr) {
    slot.store(unusable(), std::memory_order_release);
    return nullptr;
  }
  made->group_of = std::move(translation.group_of);
  made->closing_order = std::move(translation.closing_order);
  made->marked = translation.marked;
  made->groups = groups_;
  Compiled* expected = nullptr;
  if (!slot.compare_exchange_strong(expected, made)) {  // another thread was first
    delete made;
    return expected == unusable() ? nullptr : expected;
  }
  return made;
}

SrePcre::~SrePcre() {
  for (std::atomic<Compiled*>& slot : compiled_)
    if (Compiled* program = slot.load(); program != nullptr && program != unusable()) delete program;
}

SrePcre::Answer SrePcre::run(const Subject& subject, int64_t begin, int64_t end, Mode mode,
                             int64_t must_advance_from, Outcome* outcome) {
  if (choice() != Choice::Always) {
    if (choice() == Choice::Never) return Answer::AskEngine;
    uint32_t heat = heat_.load(std::memory_order_relaxed);
    if (heat < kHot) {
      int64_t more = 1 + (mode == Mode::Search ? (end - begin) / kTextPerHeat : 0);
      heat_.store(heat + static_cast<uint32_t>(std::min<int64_t>(more, kHot)), std::memory_order_relaxed);
      return Answer::AskEngine;
    }
  }
  Compiled* program = compiled(subject.width, mode);
  if (program == nullptr) return Answer::AskEngine;
  return program->run(subject, begin, end, must_advance_from, outcome);
}

}  // namespace mp::sre

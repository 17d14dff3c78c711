// The locale of a runtime: what locale.setlocale() chose. It is a locale_t of its own and never the
// process's, so that neither hosts nor other runtimes nor the C library's parsing of numbers notice.
#pragma once
#include <locale.h>

#include <array>
#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "vm/types/runtime.h"

namespace mp {

// The categories of <locale.h> by number, and the number that means all of them.
constexpr int kLocaleCategories = LC_IDENTIFICATION + 1;

class Locale {
 public:
  Locale();  // as CPython begins: LC_CTYPE of the environment, the rest "C"
  ~Locale();
  Locale(const Locale&) = delete;
  Locale& operator=(const Locale&) = delete;

  // For the functions of the C library whose names end in _l. It lives as long as the runtime.
  locale_t current() const { return current_.load(std::memory_order_acquire); }
  // The name of a category; for LC_ALL of all of them, joined where they differ.
  std::string name(int category);
  // Chooses a locale by name ("" means the environment's) and returns what name() says then; nothing where
  // there is none.
  std::optional<std::string> set(int category, const std::string& name);

 private:
  using Names = std::array<std::string, kLocaleCategories>;
  std::string joined(int category) const;
  bool choose(const Names& names);

  std::mutex mutex_;
  Names names_;
  std::vector<locale_t> made_;  // kept: a thread may still use one that is no longer the current one
  std::vector<Names> made_names_;
  std::atomic<locale_t> current_{nullptr};
};

Locale& locale_of(Thread& t);

// How the locale writes numbers. Texts are UTF-8; grouping as in localeconv().
struct NumericConventions {
  std::string decimal_point, thousands_separator, grouping;
  bool is_plain() const { return decimal_point == "." && (thousands_separator.empty() || grouping.empty()); }
};
NumericConventions numeric_conventions(Thread& t);

}  // namespace mp

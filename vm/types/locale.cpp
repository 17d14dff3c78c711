#include "vm/types/locale.h"

#include <langinfo.h>

#include <cstdlib>

namespace mp {

namespace {

struct Category {
  int number;
  const char* name;
};
// In the order in which setlocale(3) joins them. The number of LC_ALL lies between.
constexpr Category kCategories[] = {{LC_CTYPE, "LC_CTYPE"},
                                    {LC_NUMERIC, "LC_NUMERIC"},
                                    {LC_TIME, "LC_TIME"},
                                    {LC_COLLATE, "LC_COLLATE"},
                                    {LC_MONETARY, "LC_MONETARY"},
                                    {LC_MESSAGES, "LC_MESSAGES"},
                                    {LC_PAPER, "LC_PAPER"},
                                    {LC_NAME, "LC_NAME"},
                                    {LC_ADDRESS, "LC_ADDRESS"},
                                    {LC_TELEPHONE, "LC_TELEPHONE"},
                                    {LC_MEASUREMENT, "LC_MEASUREMENT"},
                                    {LC_IDENTIFICATION, "LC_IDENTIFICATION"}};

// POSIX: LC_ALL wins over the category's own variable, which wins over LANG.
std::string name_of_environment(const Category& category) {
  for (const char* variable : {"LC_ALL", category.name, "LANG"})
    if (const char* value = std::getenv(variable); value != nullptr && *value != '\0') return value;
  return "C";
}

bool exists(const Category& category, const std::string& name) {
  if (name == "C") return true;
  locale_t made = newlocale(1 << category.number, name.c_str(), nullptr);
  if (made == nullptr) return false;
  freelocale(made);
  return true;
}

// The part for a category of a name like "LC_CTYPE=C.UTF-8;LC_NUMERIC=C;...": what name(LC_ALL) gives is
// accepted back.
std::optional<std::string> part_of_name(const std::string& name, const Category& category) {
  if (name.find('=') == std::string::npos) return name;
  std::string key = std::string(category.name) + "=";
  size_t at = name.starts_with(key) ? 0 : name.find(";" + key);
  if (at == std::string::npos) return std::nullopt;
  at = name.find('=', at) + 1;
  return name.substr(at, std::min(name.find(';', at), name.size()) - at);
}

}  // namespace

Locale::Locale() {
  names_.fill("C");
  Names names = names_;
  std::string wanted = name_of_environment(kCategories[0]);
  if (wanted != "POSIX" && exists(kCategories[0], wanted)) names[LC_CTYPE] = wanted;
  choose(names);
}

Locale::~Locale() {
  for (locale_t made : made_) freelocale(made);
}

bool Locale::choose(const Names& names) {
  for (size_t i = 0; i < made_.size(); ++i)
    if (made_names_[i] == names) {
      names_ = names;
      current_.store(made_[i], std::memory_order_release);
      return true;
    }
  locale_t made = newlocale(LC_ALL_MASK, "C", nullptr);
  for (const Category& category : kCategories) {
    const std::string& name = names[category.number];
    if (made == nullptr) break;
    if (name == "C") continue;
    locale_t next = newlocale(1 << category.number, name.c_str(), made);
    if (next == nullptr) freelocale(made);
    made = next;
  }
  if (made == nullptr) return false;
  made_.push_back(made);
  made_names_.push_back(names);
  names_ = names;
  current_.store(made, std::memory_order_release);
  return true;
}

std::string Locale::joined(int category) const {
  if (category != LC_ALL) return names_[category];
  bool same = true;
  std::string text;
  for (const Category& each : kCategories) {
    same = same && names_[each.number] == names_[LC_CTYPE];
    text += std::string(text.empty() ? "" : ";") + each.name + "=" + names_[each.number];
  }
  return same ? names_[LC_CTYPE] : text;
}

std::string Locale::name(int category) {
  std::lock_guard<std::mutex> guard(mutex_);
  return joined(category);
}

std::optional<std::string> Locale::set(int category, const std::string& name) {
  std::lock_guard<std::mutex> guard(mutex_);
  Names names = names_;
  for (const Category& each : kCategories) {
    if (category != LC_ALL && category != each.number) continue;
    std::optional<std::string> wanted = category != LC_ALL ? name
                                        : name.empty()     ? name_of_environment(each)
                                                           : part_of_name(name, each);
    if (wanted && wanted->empty()) wanted = name_of_environment(each);
    if (wanted && *wanted == "POSIX") wanted = "C";
    if (!wanted || !exists(each, *wanted)) return std::nullopt;
    names[each.number] = *wanted;
  }
  if (!choose(names)) return std::nullopt;
  return joined(category);
}

static const char kTag = 0;

Locale& locale_of(Thread& t) { return t.runtime().state<Locale>(&kTag); }

NumericConventions numeric_conventions(Thread& t) {
  locale_t locale = locale_of(t).current();
  return {nl_langinfo_l(RADIXCHAR, locale), nl_langinfo_l(THOUSEP, locale), nl_langinfo_l(GROUPING, locale)};
}

}  // namespace mp

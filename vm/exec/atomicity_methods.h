// What the methods of builtin containers are to other threads.
#pragma once
#include <algorithm>
#include <initializer_list>
#include <iterator>
#include <string_view>

#include "vm/exec/atomicity_source.h"

namespace mp::atomicity {

// Methods that are one step for other threads (PEP 703 and CPython's thread safety page).
struct AtomicMethod {
  const char* name;
  std::initializer_list<ObjectKind> kinds;
  bool takes_container = false;  // one step if its argument is no iterator written in Python
};
inline const AtomicMethod kAtomicMethods[] = {
    {"append", {ObjectKind::List, ObjectKind::Deque}},
    {"appendleft", {ObjectKind::Deque}},
    {"extend", {ObjectKind::List}, true},
    {"insert", {ObjectKind::List}},
    {"pop", {ObjectKind::List, ObjectKind::Dict, ObjectKind::Set, ObjectKind::Deque}},
    {"popleft", {ObjectKind::Deque}},
    {"popitem", {ObjectKind::Dict}},
    {"setdefault", {ObjectKind::Dict}},
    {"update", {ObjectKind::Dict, ObjectKind::Set}, true},
    {"add", {ObjectKind::Set}},
    {"discard", {ObjectKind::Set}},
    {"clear", {ObjectKind::List, ObjectKind::Dict, ObjectKind::Set, ObjectKind::Deque}},
    {"sort", {ObjectKind::List}},
    {"reverse", {ObjectKind::List}},
};

inline const char* kind_name(ObjectKind kind) {
  switch (kind) {
    case ObjectKind::List: return "list";
    case ObjectKind::Dict: return "dict";
    case ObjectKind::Set: return "set";
    case ObjectKind::Deque: return "deque";
    default: return "object";
  }
}

// A decision about a container, or a queue, rests on what these tell, and is acted upon by those.
inline constexpr std::string_view kActs[] = {"append",  "appendleft", "extend", "extendleft", "insert", "pop",
                                             "popleft", "popitem",    "remove", "add",        "update"};
inline constexpr std::string_view kQueueLooks[] = {"empty", "full", "qsize"};
inline constexpr std::string_view kQueueActs[] = {"get", "get_nowait", "put", "put_nowait"};
template <size_t N>
bool is_one_of(const std::string_view (&names)[N], std::string_view name) {
  return std::find(std::begin(names), std::end(names), name) != std::end(names);
}

}  // namespace mp::atomicity

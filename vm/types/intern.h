// InternTable: the canonical str objects of one runtime. Striped by hash, each stripe with its own lock;
// entries are immortal, as in CPython 3.13. It knows nothing of who interns.
#pragma once
#include <mutex>
#include <vector>

#include "vm/types/str.h"

namespace mp {

struct InternTable {
  struct Stripe {
    std::mutex mutex;
    std::vector<StrObject*> cells;  // open addressing, a power of two, null when free
    size_t used = 0;
    std::vector<StrObject*> fresh;  // that no collection has seen yet
  };
  static constexpr size_t kStripes = 16;
  Stripe stripes[kStripes];

  // The canonical object for this text; `str` itself (marked interned) when it is the first.
  StrObject* intern(StrObject* str);
  // The canonical object, or nullptr when there is none.
  StrObject* find(std::string_view ascii, int64_t hash);
  // Root scanner: heap.add_root_scanner(&InternTable::scan, table).
  static void scan(void* table, Tracer& tracer);
};

}  // namespace mp

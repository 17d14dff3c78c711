#include "vm/threads/open_section.h"

#include "vm/threads/thread_impl.h"
#include "vm/threads/thread_table.h"
#include "vm/types/runtime.h"

namespace mp {

bool lock_open_sections(Thread& t) {
  bool all = true;
  for (OpenSection* section = t.impl->open_sections; section != nullptr; section = section->outer)
    all &= section->lock(*section, t);
  return all;
}

bool lock_all_open_sections(Runtime& runtime) {
  bool all = true;
  for_each_thread(
      runtime, [](void* all, Thread& t) { *static_cast<bool*>(all) &= lock_open_sections(t); }, &all);
  return all;
}

}  // namespace mp

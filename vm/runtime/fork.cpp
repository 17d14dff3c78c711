#include "vm/runtime/fork.h"

#include <new>

#include "vm/core/compiler.h"
#include "vm/modules/import.h"
#include "vm/threads/signals.h"
#include "vm/threads/thread_table.h"
#include "vm/types/runtime.h"
#include "vm/types/type_internal.h"

#if MP_TSAN
#include <sanitizer/tsan_interface.h>
#endif

namespace mp {

// In the child, what the forking thread has locked: a mutex that remembers a thread of the parent cannot be
// unlocked here. ThreadSanitizer has to be told, and knows no such difference.
template <class Mutex>
static void renew(Mutex& mutex) {
#if MP_TSAN
  __tsan_mutex_pre_unlock(&mutex, __tsan_mutex_recursive_unlock);
  __tsan_mutex_post_unlock(&mutex, __tsan_mutex_recursive_unlock);
#endif
  new (&mutex) Mutex;
}

void fork_prepare(Thread& t) {
  Runtime& runtime = t.runtime();
  std::recursive_mutex& types = runtime.method_cache->mutex;
  if (!types.try_lock()) {
    BlockingRegion out(t);
    types.lock();
  }
  before_fork(t);
  // Threads that wait for a module are detached and change the table of waits without being stopped.
  runtime.import->mutex.lock();
}

void fork_in_parent(Thread& t) {
  Runtime& runtime = t.runtime();
  runtime.import->mutex.unlock();
  after_fork_parent(t);
  runtime.method_cache->mutex.unlock();
}

void fork_in_child(Thread& t) {
  Runtime& runtime = t.runtime();
  // SAFETY: there is one thread.
  renew(runtime.method_cache->mutex);
  ImportState& import = *runtime.import;
  renew(import.mutex);
  std::erase_if(import.locks, [&t](const auto& entry) { return entry.second.owner != &t; });
  import.waiting.clear();
  release_signals_of_other_threads(t);
  after_fork_child(t);
}

}  // namespace mp

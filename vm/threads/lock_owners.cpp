// Which threads lock objects, and which own objects so that they need not (vm/threads/object_lock.h).
#include <algorithm>

#include "vm/os/process_fence.h"
#include "vm/threads/object_lock.h"
#include "vm/threads/thread_impl.h"
#include "vm/threads/thread_table.h"
#include "vm/types/runtime.h"

namespace mp {

static constexpr size_t kFirstLockOwner = 2;

// Under the table's mutex.
static void choose_lock_mode(Runtime& runtime, Thread& t) {
  ThreadTable& table = *runtime.threads;
  bool without_gil = runtime.free_threaded.load(std::memory_order_relaxed);
  if (without_gil && t.lock_owner == nullptr && table.lock_owners != nullptr) {
    for (size_t id = kFirstLockOwner; id < ThreadTable::kLockOwners; ++id) {
      LockOwner& owner = table.lock_owners[id];
      if (owner.assigned) continue;
      owner.assigned = true;
      owner.number = static_cast<uint8_t>(id);
      owner.streak.store(0, std::memory_order_relaxed);
      owner.taken_away.store(0, std::memory_order_relaxed);
      // SAFETY: before the thread looks at any lock byte: see ObjectLock::take_away.
      owner.active.store(true, std::memory_order_seq_cst);
      t.lock_owner = &owner;
      t.lock_owner_id = static_cast<uint16_t>(id);
      break;
    }
  }
  // A thread that is the only one needs no locks. SAFETY: the second one is started by the first, between two
  // operations, or comes from outside and waits for the first to reach a safepoint (attach_new_thread); the
  // last one that ends has touched its last object before it is no longer counted.
  t.needs_locks.store(without_gil && table.count.load(std::memory_order_relaxed) > 1,
                      std::memory_order_release);
}

void choose_lock_modes(Runtime& runtime) {
  ThreadTable& table = *runtime.threads;
  if (runtime.free_threaded.load(std::memory_order_relaxed) && table.lock_owners == nullptr &&
      os::enable_process_fence())
    table.lock_owners = std::make_unique<LockOwner[]>(ThreadTable::kLockOwners);
  for (Thread* t = table.first; t != nullptr; t = t->impl->next) choose_lock_mode(runtime, *t);
}

void update_lock_modes(Runtime& runtime) {
  std::lock_guard<std::mutex> guard(runtime.threads->mutex);
  choose_lock_modes(runtime);
}

void disown(Thread& t) {
  if (t.lock_owner == nullptr) return;
  t.lock_owner->active.store(false, std::memory_order_seq_cst);
  t.lock_owner->assigned = false;
  t.lock_owner = nullptr;
  t.lock_owner_id = kNoLockOwner;
}

void give_up_owning_if_due(Thread& t) {
  constexpr int32_t kMost = 16;  // taken away between two collections: each costs some microseconds
  constexpr uint32_t kLongestPause = 256;
  if (t.lock_owner_id == kNoLockOwner || t.lock_owner->taken_away.load(std::memory_order_relaxed) < kMost ||
      t.lock_owner->holding.load(std::memory_order_relaxed) != nullptr)
    return;
  t.lock_owner_id = kNoLockOwner;
  t.lock_owner->active.store(false, std::memory_order_seq_cst);
  t.impl->owning_pause = t.impl->next_owning_pause;
  t.impl->next_owning_pause = std::min(t.impl->next_owning_pause * 2, kLongestPause);
}

void own_again_if_due(Thread& t) {
  if (t.lock_owner == nullptr) return;
  t.lock_owner->taken_away.store(0, std::memory_order_relaxed);
  if (t.lock_owner_id != kNoLockOwner || --t.impl->owning_pause > 0) return;
  t.lock_owner->active.store(true, std::memory_order_seq_cst);
  t.lock_owner_id = t.lock_owner->number;
}

}  // namespace mp

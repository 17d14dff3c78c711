// Which threads lock objects, and which own objects so that they need not (vm/threads/object_lock.h).
#include <algorithm>

#include "vm/threads/object_lock.h"
#include "vm/threads/thread_impl.h"
#include "vm/threads/thread_table.h"
#include "vm/types/runtime.h"

namespace mp {

static constexpr size_t kFirstLockOwner = 2;

void assign_lock_owner(Thread& t) {
  ThreadTable& table = *t.runtime().threads;
  if (!t.runtime().free_threaded.load(std::memory_order_relaxed) || t.lock_owner != nullptr) return;
  if (table.lock_owners == nullptr)
    table.lock_owners = std::make_unique<LockOwner[]>(ThreadTable::kLockOwners);
  for (size_t id = kFirstLockOwner; id < ThreadTable::kLockOwners; ++id) {
    LockOwner& owner = table.lock_owners[id];
    if (owner.thread != nullptr) continue;
    owner.thread = &t;
    owner.number = static_cast<uint8_t>(id);
    owner.streak.store(0, std::memory_order_relaxed);
    owner.taken_away.store(0, std::memory_order_relaxed);
    // SAFETY: before the thread looks at any lock byte: see ObjectLock::take_away.
    owner.active.store(true, std::memory_order_seq_cst);
    t.lock_owner = &owner;
    t.lock_owner_id = static_cast<uint32_t>(id);
    return;
  }
}

// A thread that is the only one needs no locks. SAFETY: the second one is started by the first, between two
// operations, or comes from outside and waits for the first to reach a safepoint (attach_new_thread).
static bool locks_are_needed(Runtime& runtime) {
  return runtime.free_threaded.load(std::memory_order_relaxed) &&
         runtime.threads->count.load(std::memory_order_relaxed) > 1;
}

void choose_lock_modes(Runtime& runtime) {
  bool needed = locks_are_needed(runtime);
  for (Thread* t = runtime.threads->first; t != nullptr; t = t->impl->next) {
    if (needed)
      t->lock_mask.store(kLockMask, std::memory_order_release);
    else if (free_threaded(*t))
      t->set_interrupt(kInterruptPass);  // it may be within an operation that needs them
  }
}

void update_lock_modes(Runtime& runtime) {
  ThreadTable& table = *runtime.threads;
  std::lock_guard<std::mutex> guard(table.mutex);
  uint32_t mask = locks_are_needed(runtime) ? kLockMask : 0;
  for (Thread* t = table.first; t != nullptr; t = t->impl->next) {
    assign_lock_owner(*t);
    t->lock_mask.store(mask, std::memory_order_release);
  }
}

void disown(Thread& t) {
  if (t.lock_owner == nullptr) return;
  t.lock_owner->active.store(false, std::memory_order_seq_cst);
  t.lock_owner->thread = nullptr;
  t.lock_owner = nullptr;
  t.lock_owner_id = kNoLockOwner;
}

static void give_up_owning_if_due(Thread& t, LockOwner& owner) {
  constexpr int32_t kMost = 2'000;  // microseconds between two collections
  constexpr uint32_t kLongestPause = 256;
  if (t.lock_owner_id == kNoLockOwner || owner.taken_away.load(std::memory_order_relaxed) < kMost) return;
  t.lock_owner_id = kNoLockOwner;
  owner.active.store(false, std::memory_order_seq_cst);
  t.impl->owning_pause = t.impl->next_owning_pause;
  t.impl->next_owning_pause = std::min(t.impl->next_owning_pause * 2, kLongestPause);
}

void let_take_away(Thread& t) {
  t.clear_interrupt(kInterruptPass);
  if (free_threaded(t)) {
    std::lock_guard<std::mutex> guard(t.runtime().threads->mutex);
    if (!locks_are_needed(t.runtime())) t.lock_mask.store(0, std::memory_order_release);
  }
  if (t.lock_owner == nullptr) return;
  give_up_owning_if_due(t, *t.lock_owner);
  t.lock_owner->pass();
}

StandAside::StandAside(Thread& t) : owner_(t.lock_owner) {
  if (owner_ == nullptr) return;
  before_ = owner_->aside.exchange(true, std::memory_order_seq_cst);
  owner_->pass();
}
StandAside::~StandAside() {
  if (owner_ != nullptr) owner_->aside.store(before_, std::memory_order_seq_cst);
}

void own_again_if_due(Thread& t) {
  if (t.lock_owner == nullptr) return;
  t.lock_owner->taken_away.store(0, std::memory_order_relaxed);
  if (t.lock_owner_id != kNoLockOwner || --t.impl->owning_pause > 0) return;
  t.lock_owner->active.store(true, std::memory_order_seq_cst);
  t.lock_owner_id = t.lock_owner->number;
}

}  // namespace mp

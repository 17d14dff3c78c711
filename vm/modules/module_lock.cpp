#include "vm/modules/module_lock.h"

#include "vm/types/runtime.h"

namespace mp {

ModuleLock::ModuleLock(Thread& t, std::string name) : state_(*t.runtime().import), name_(std::move(name)) {
  {
    std::lock_guard<std::mutex> guard(state_.mutex);
    if (take(&t)) return;
    if (would_deadlock(&t, state_.locks[name_].owner)) return;  // not owned: the caller sees a partial module
  }
  BlockingRegion out(t);
  std::unique_lock<std::mutex> guard(state_.mutex);
  state_.waiting[&t] = name_;
  while (!take(&t)) {
    if (would_deadlock(&t, state_.locks[name_].owner)) break;
    state_.released.wait(guard);
  }
  state_.waiting.erase(&t);
}

ModuleLock::~ModuleLock() {
  std::lock_guard<std::mutex> guard(state_.mutex);
  auto it = state_.locks.find(name_);
  if (owned_ && it != state_.locks.end() && --it->second.depth == 0) {
    state_.locks.erase(it);
    state_.released.notify_all();
  }
}

bool ModuleLock::would_deadlock(const Thread* self, const Thread* owner) const {
  for (size_t hops = 0; owner != nullptr && hops < 1000; ++hops) {
    if (owner == self) return true;
    auto waiting = state_.waiting.find(owner);
    if (waiting == state_.waiting.end()) return false;
    auto lock = state_.locks.find(waiting->second);
    if (lock == state_.locks.end()) return false;
    owner = lock->second.owner;
  }
  return false;
}

bool ModuleLock::take(Thread* self) {
  auto [it, fresh] = state_.locks.try_emplace(name_);
  if (!fresh && it->second.owner != self) return false;
  it->second.owner = self;
  ++it->second.depth;
  owned_ = true;
  return true;
}

}  // namespace mp

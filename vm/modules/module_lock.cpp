#include "vm/modules/module_lock.h"

#include "vm/threads/wait.h"
#include "vm/types/runtime.h"

namespace mp {

ModuleLock::ModuleLock(Thread& t, std::string name)
    : thread_(t), state_(*t.runtime().import), name_(std::move(name)) {}

const Thread* ModuleLock::holder() {
  if (take()) return nullptr;
  const Thread* owner = state_.locks[name_].owner;
  return would_deadlock(owner) ? nullptr : owner;  // not owned: the caller sees a partial module
}

Status ModuleLock::acquire() {
  for (;;) {
    uint64_t owner;
    {
      std::lock_guard<std::mutex> guard(state_.mutex);
      const Thread* other = holder();
      if (other == nullptr) {
        state_.waiting.erase(&thread_);
        return {};
      }
      owner = other->ident;
      state_.waiting[&thread_] = name_;
    }
    WaitCheck still_held = [](void* self) {
      auto* lock = static_cast<ModuleLock*>(self);
      std::lock_guard<std::mutex> guard(lock->state_.mutex);
      auto it = lock->state_.locks.find(lock->name_);
      return it != lock->state_.locks.end() && !lock->would_deadlock(it->second.owner);
    };
    if (park(thread_, &state_, still_held, this, os::kNoDeadline, WaitKind::Import, owner) !=
        WaitResult::Interrupted)
      continue;
    if (Status handled = thread_.poll(); handled.is_error()) {
      std::lock_guard<std::mutex> guard(state_.mutex);
      state_.waiting.erase(&thread_);
      return handled;
    }
  }
}

ModuleLock::~ModuleLock() {
  {
    std::lock_guard<std::mutex> guard(state_.mutex);
    auto it = state_.locks.find(name_);
    if (!owned_ || it == state_.locks.end() || --it->second.depth != 0) return;
    state_.locks.erase(it);
  }
  unpark_all(thread_, &state_);
}

bool ModuleLock::would_deadlock(const Thread* owner) const {
  for (size_t hops = 0; owner != nullptr && hops < 1000; ++hops) {
    if (owner == &thread_) return true;
    auto waiting = state_.waiting.find(owner);
    if (waiting == state_.waiting.end()) return false;
    auto lock = state_.locks.find(waiting->second);
    if (lock == state_.locks.end()) return false;
    owner = lock->second.owner;
  }
  return false;
}

bool ModuleLock::take() {
  auto [it, fresh] = state_.locks.try_emplace(name_);
  if (!fresh && it->second.owner != &thread_) return false;
  it->second.owner = &thread_;
  ++it->second.depth;
  owned_ = true;
  return true;
}

}  // namespace mp

// ModuleLock: one thread at a time loads a module. Deadlock avoidance as in CPython's importlib: a thread
// that would close a cycle of waits goes on with the partially initialised module.
#pragma once
#include <string>

#include "vm/modules/import.h"

namespace mp {

class ModuleLock {
 public:
  ModuleLock(Thread& t, std::string name);
  ~ModuleLock();
  ModuleLock(const ModuleLock&) = delete;

 private:
  // Whether waiting for `owner` would wait for ourselves in the end.
  bool would_deadlock(const Thread* self, const Thread* owner) const;
  bool take(Thread* self);

  ImportState& state_;
  std::string name_;
  bool owned_ = false;
};

}  // namespace mp

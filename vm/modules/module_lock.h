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
  // Error: a signal handler raised (Ctrl-C), or the wait would never end.
  Status acquire();
  ModuleLock(const ModuleLock&) = delete;

 private:
  // Under the state's mutex: whether waiting for `owner` would wait for ourselves in the end.
  bool would_deadlock(const Thread* owner) const;
  bool take();
  // The thread that has to be waited for; null: taken, or not to be waited for.
  const Thread* holder();

  Thread& thread_;
  ImportState& state_;
  std::string name_;
  bool owned_ = false;
};

}  // namespace mp

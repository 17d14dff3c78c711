// OpenSection: a thread is in native code that only one thread at a time may be in while there is no GIL, and
// has not locked it, because a GIL was there or no other thread. It may be blocked in there, or running
// script code; whoever takes that protection away locks it in its name first. It knows nothing of what the
// section protects.
#pragma once
#include "vm/core/result.h"

namespace mp {

class Runtime;
class Thread;

// On the thread's native stack, the innermost first in ThreadImpl::open_sections.
struct OpenSection {
  OpenSection* outer = nullptr;
  // Locks it for `owner`, the thread that is inside, without waiting; true when it is, or was already. False:
  // another thread is inside as well.
  bool (*lock)(OpenSection& self, Thread& owner) = nullptr;
};

// Of one thread: the caller's, or one that stands still. False: not all could be locked.
bool lock_open_sections(Thread& t);
// Of all threads, in a stopped world.
bool lock_all_open_sections(Runtime& runtime);

}  // namespace mp

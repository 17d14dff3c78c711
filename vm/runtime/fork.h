// What surrounds fork(): locks that the child needs free and what they protect whole are taken before; the
// other threads are stopped, so that no attached thread is in the middle of a change; the child makes new
// what its threads of before may have held. It knows no hooks of scripts (stdlib/native/posix_fork.cpp runs
// those).
#pragma once
#include "vm/threads/thread.h"

namespace mp {

// `fork_prepare(t); pid = fork(); pid == 0 ? fork_in_child(t) : fork_in_parent(t);` The thread is attached.
void fork_prepare(Thread& t);
void fork_in_parent(Thread& t);
void fork_in_child(Thread& t);

}  // namespace mp

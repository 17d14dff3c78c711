// Deadlock detection: says so when every thread of a runtime is blocked for good, instead of hanging mute. It
// stands on the records of vm/threads/wait and knows nothing of particular primitives. A thread in a timed
// wait, in I/O, or one that a signal handler of the script may wake is alive: there is no false alarm.
#pragma once
#include "vm/threads/wait.h"

namespace mp {

// True when a wait of this kind without a deadline counts as blocked for good, so that the wait is to be
// counted in ThreadTable::blocked. Evaluated by the waiting thread, attached.
bool may_block_for_good(Thread& t, WaitKind kind, os::Deadline deadline);
// Cheap: all threads are blocked for good. Any state.
bool all_threads_blocked(Runtime& runtime);

// The calling thread, attached and with its wait on record, would be the last one to block. Looks again in a
// stopped world and does what Options::deadlock asks for. Error: RuntimeError ("raise"), or Ctrl-C while
// standard output was flushed; to be raised in this thread.
Status handle_deadlock(Thread& t);
// Adds to the report what waits within an event loop, indented: for the library that has event loops. Called
// in a stopped world, runs no script code.
using LoopDescription = void (*)(Thread& t, const void* loop, std::string& report);
void set_loop_description(Runtime& runtime, LoopDescription describe);
// A thread has ended, with the table locked. When it leaves only blocked ones behind, the oldest of them is
// made to look again.
void note_thread_ended(Runtime& runtime);

}  // namespace mp

// OS threads of ours, until they are joined, as each is: what a script has waited for is gone for the system
// as well, its stack and its entry in /proc included.
#pragma once
#include "vm/threads/thread_table.h"

namespace mp {

// With the table's mutex held, by the thread itself: at its start, and when it has left the table and touches
// nothing of the runtime any more.
void note_started(ThreadTable& table, uint64_t serial);
void note_ended(ThreadTable& table, uint64_t serial);
// Waits, detached, for the end of the thread with this serial, which has done its work.
void wait_until_gone(Thread& t, uint64_t serial);
// Joins those that nobody waits for. The caller waits at most for the system.
void join_ended_threads(ThreadTable& table);
// At the end of the program: those at their very end get the time to leave, the others are let go.
void join_leaving_threads(Thread& t);

}  // namespace mp

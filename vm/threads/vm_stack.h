// The stack for the frames and registers of a thread's script code: one run of virtual memory, resident where
// it was touched. It starts small and grows in place, so that sys.setrecursionlimit() is what ends a
// recursion.
#pragma once
#include "vm/threads/thread_impl.h"
#include "vm/threads/thread_table.h"

namespace mp {

// One of a thread that has ended, or a new one; false: no memory.
bool make_vm_stack(Runtime& runtime, Thread& t);
// Room up to `top`; false: there is none.
bool grow_vm_stack(Thread& t, const Slot* top);
// With the table's mutex held: the thread has ended.
void spare_vm_stack(Runtime& runtime, ThreadImpl& impl);
void free_vm_stack(ThreadImpl& impl);

}  // namespace mp

// What reference counting does for files in CPython and a tracing collector does not: `open(p, "w").write(x)`
// is on the disk before the next statement, and a loop of `open(p).read()` does not run out of descriptors.
#pragma once
#include "vm/types/runtime.h"

namespace mp::io {

// Remembers (weakly) a buffered file that open() made for writing.
void track_writer(Thread& t, Value file);
// Flushes the tracked files. Whoever gives a path to the system or starts a process calls it first: what
// nobody refers to any longer may be waiting in a buffer. Errors stay for the file's own flush or close to
// raise.
void flush_writers(Thread& t);
// Writes what waits in files that nobody refers to any longer, and only that: what a fork would double and
// CPython would not.
void flush_orphans(Thread& t);
// After EMFILE or ENFILE: closes the files that nobody refers to. False for other errors: nothing was done.
bool reclaim_descriptors(Thread& t, int error);

}  // namespace mp::io

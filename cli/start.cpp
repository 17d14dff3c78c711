#include "cli/start.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>

extern "C" char __data_start[], _end[];  // the linker's: the command's own data

namespace {

constexpr uintptr_t kPage = 4096;
constexpr ptrdiff_t kMostData = 256 * 1024;
constexpr size_t kFirstHeap = 128 * 1024;  // what glibc's malloc asks for at first

void populate(uintptr_t begin, uintptr_t end) {
#ifdef MADV_POPULATE_WRITE
  begin &= ~(kPage - 1);
  madvise(reinterpret_cast<void*>(begin), (end - begin + kPage - 1) & ~(kPage - 1), MADV_POPULATE_WRITE);
#endif
}

}  // namespace

void prefault() {
  if (_end - __data_start > kMostData) return;  // a sanitizer's tables are among them
  populate(reinterpret_cast<uintptr_t>(__data_start), reinterpret_cast<uintptr_t>(_end));
  std::free(std::malloc(1));  // from here on there is a heap
  auto top = reinterpret_cast<uintptr_t>(sbrk(0));
  populate(top - kFirstHeap, top);
}

// libstdc++ prints the type of an exception that nobody catches, for which it carries a demangler of 40 KB.
// Here it can only be std::bad_alloc: minipy's own code raises nothing else.
namespace __gnu_cxx {
void __verbose_terminate_handler() {
  std::fputs("minipy: out of memory\n", stderr);
  std::abort();
}
}  // namespace __gnu_cxx

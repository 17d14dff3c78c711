#include "cli/start.h"

#include <malloc.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <new>

#if defined(__GLIBC__) && !__has_feature(address_sanitizer) && !__has_feature(thread_sanitizer)

extern "C" char __data_start[], _end[];  // the linker's: the command's own data

namespace {

constexpr uintptr_t kPage = 4096;
constexpr int kHeapStep = 256 * 1024;
constexpr int kLargestInHeap = 8 << 20;
constexpr int kKeptHeap = 16 << 20;

void populate(uintptr_t begin, uintptr_t end) {
#ifdef MADV_POPULATE_WRITE
  begin &= ~(kPage - 1);
  madvise(reinterpret_cast<void*>(begin), (end - begin + kPage - 1) & ~(kPage - 1), MADV_POPULATE_WRITE);
#endif
}

uintptr_t heap_top() { return reinterpret_cast<uintptr_t>(sbrk(0)); }
uintptr_t populated_top = UINTPTR_MAX;  // until prefault(); then how far the heap's pages are there

}  // namespace

// SAFETY: two threads that see the heap grow both populate, which does no harm.
void* operator new(size_t size) {
  void* memory = std::malloc(size != 0 ? size : 1);
  if (memory == nullptr) throw std::bad_alloc();
  uintptr_t top = heap_top(), known = __atomic_load_n(&populated_top, __ATOMIC_RELAXED);
  if (top > known) [[unlikely]] {
    __atomic_store_n(&populated_top, top, __ATOMIC_RELAXED);
    populate(known, top);
  }
  return memory;
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, size_t) noexcept { std::free(memory); }

void prefault() {
  populate(reinterpret_cast<uintptr_t>(__data_start), reinterpret_cast<uintptr_t>(_end));
  // Few, large steps; what C++ containers give back (a module's text, a parse tree) is used again.
  mallopt(M_TOP_PAD, kHeapStep);
  mallopt(M_MMAP_THRESHOLD, kLargestInHeap);
  mallopt(M_TRIM_THRESHOLD, kKeptHeap);
  populated_top = heap_top();
  ::operator delete(::operator new(1));  // from here on there is a heap
}

#else

void prefault() {}  // a sanitizer has its own memory

#endif

// libstdc++ prints the type of an exception that nobody catches, for which it carries a demangler of 40 KB.
// Here it can only be std::bad_alloc: minipy's own code raises nothing else.
namespace __gnu_cxx {
void __verbose_terminate_handler() {
  std::fputs("minipy: out of memory\n", stderr);
  std::abort();
}
}  // namespace __gnu_cxx

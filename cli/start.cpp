#include "cli/start.h"

#include <malloc.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <new>

#if defined(__GLIBC__) && !__has_feature(address_sanitizer) && !__has_feature(thread_sanitizer)

extern "C" char __data_start[], _edata[];  // the linker's: the command's own data

namespace {

constexpr uintptr_t kPage = 4096;
constexpr int kFirstStep = 32 * 1024, kLargestStep = 512 * 1024;
constexpr int kLargestInHeap = 8 << 20;
constexpr int kKeptHeap = 16 << 20;

void populate(uintptr_t begin, uintptr_t end) {
#ifdef MADV_POPULATE_WRITE
  begin &= ~(kPage - 1);
  madvise(reinterpret_cast<void*>(begin), (end - begin + kPage - 1) & ~(kPage - 1), MADV_POPULATE_WRITE);
#endif
}

uintptr_t heap_top() { return reinterpret_cast<uintptr_t>(sbrk(0)); }
std::atomic<uintptr_t> populated_top =
    UINTPTR_MAX;  // until prefault(); then how far the heap's pages are there
std::atomic<int> step = kFirstStep;

// Addresses put aside, for what C++ containers ask when there are no more: until the script has its
// MemoryError, which the collector's heap raises out of a reserve of its own.
constexpr size_t kSpare = 1 << 20;
std::atomic<void*> spare{nullptr};
bool use_spare() {
  void* memory = spare.exchange(nullptr);
  return memory != nullptr && munmap(memory, kSpare) == 0;
}
void put_spare_aside() {
  if (spare.load(std::memory_order_relaxed) != nullptr) return;
  void *memory = mmap(nullptr, kSpare, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0),
       *none = nullptr;
  if (memory != MAP_FAILED && !spare.compare_exchange_strong(none, memory)) munmap(memory, kSpare);
}

// Small at first: a short program stays small.
void heap_grew(uintptr_t from, uintptr_t to) {
  populate(from, to);
  int next = std::min(2 * step.load(std::memory_order_relaxed), kLargestStep);
  step.store(next, std::memory_order_relaxed);
  mallopt(M_TOP_PAD, next);
  put_spare_aside();
}

}  // namespace

// SAFETY: two threads that see the heap grow both populate, which does no harm.
void* operator new(size_t size) {
  void* memory = std::malloc(size != 0 ? size : 1);
  if (memory == nullptr && use_spare()) memory = std::malloc(size);
  if (memory == nullptr) throw std::bad_alloc();
  uintptr_t top = heap_top(), known = populated_top.load(std::memory_order_relaxed);
  if (top > known) [[unlikely]] {
    populated_top.store(top, std::memory_order_relaxed);
    heap_grew(known, top);
  }
  return memory;
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, size_t) noexcept { std::free(memory); }

void prefault() {
  populate(reinterpret_cast<uintptr_t>(__data_start), reinterpret_cast<uintptr_t>(_edata));
  // Few, large steps; what C++ containers give back (a module's text, a parse tree) is used again.
  mallopt(M_TOP_PAD, kFirstStep);
  mallopt(M_MMAP_THRESHOLD, kLargestInHeap);
  mallopt(M_TRIM_THRESHOLD, kKeptHeap);
  void* first = ::operator new(1);  // from here on there is a heap; static initialisers may have made it
  populate(reinterpret_cast<uintptr_t>(first), heap_top());
  populated_top = heap_top();
  ::operator delete(first);
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

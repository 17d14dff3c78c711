#include "vm/threads/vm_stack.h"

#include <algorithm>
#include <utility>

#include "vm/gc/heap_impl.h"
#include "vm/os/memory.h"
#include "vm/threads/ended_threads.h"
#include "vm/types/runtime.h"

namespace mp {

static constexpr size_t kMostBytes = size_t{256} << 20;

static size_t first_bytes(Runtime& runtime) { return runtime.options.stack_slots * sizeof(Slot); }

// Stacks lie far from each other and from everything else, where the system lets us choose: address space
// that is only kept free costs nothing (RLIMIT_AS counts what is mapped). The second area is
// ThreadSanitizer's.
static void* map_stack(Runtime& runtime, uint64_t serial, size_t bytes) {
  struct Area {
    uintptr_t begin;
    size_t places;
  };
  constexpr Area kAreas[] = {{uintptr_t{1} << 45, 8192}, {uintptr_t{1} << 37, 256}};
  size_t number = (reinterpret_cast<uintptr_t>(&runtime) >> 12) + serial;
  for (const Area& area : kAreas) {
    uintptr_t wanted = area.begin + number % area.places * kMostBytes;
    void* stack = os::map_memory_near(wanted, bytes);
    if (stack == nullptr || reinterpret_cast<uintptr_t>(stack) == wanted) return stack;
    os::unmap_memory(stack, bytes);
  }
  return os::map_memory(bytes, 4096, os::Reserve::No);
}

static Slot* take_spare(ThreadTable& table) {
  std::lock_guard<std::mutex> guard(table.mutex);
  if (table.spare_stacks.empty()) return nullptr;
  Slot* stack = table.spare_stacks.back();
  table.spare_stacks.pop_back();
  return stack;
}

bool make_vm_stack(Runtime& runtime, Thread& t) {
  size_t bytes = first_bytes(runtime);
  void* stack = take_spare(*runtime.threads);
  if (stack == nullptr) {
    stack = map_stack(runtime, t.impl->serial, bytes);
    if (stack == nullptr) return false;
    os::no_huge_pages(stack, bytes);
  }
  t.impl->vm_stack = static_cast<Slot*>(stack);
  t.impl->vm_stack_bytes = bytes;
  t.stack_top = t.impl->vm_stack;
  t.stack_end = t.impl->vm_stack + bytes / sizeof(Slot);
  return true;
}

bool grow_vm_stack(Thread& t, const Slot* top) {
  size_t bytes = t.impl->vm_stack_bytes;
  auto* base = reinterpret_cast<char*>(t.impl->vm_stack);
  auto wanted = static_cast<size_t>(reinterpret_cast<const char*>(top) - base);
  size_t limit = t.heap().impl().memory_limit.load(std::memory_order_relaxed);
  size_t most = limit == 0 ? kMostBytes : std::min(kMostBytes, limit);
  while (bytes < wanted) {
    size_t more = bytes;
    if (bytes + more > most || !os::extend_memory(base + bytes, more)) return false;
    bytes += more;
    t.impl->vm_stack_bytes = bytes;
    t.stack_end = t.impl->vm_stack + bytes / sizeof(Slot);
  }
  return true;
}

void spare_vm_stack(Runtime& runtime, ThreadImpl& impl) {
  constexpr size_t kMostSpare = 8, kKept = 64 * 1024;
  ThreadTable& table = *runtime.threads;
  if (table.spare_stacks.size() == kMostSpare) return;
  auto* base = reinterpret_cast<char*>(impl.vm_stack);
  size_t first = first_bytes(runtime);
  if (impl.vm_stack_bytes > first) os::unmap_memory(base + first, impl.vm_stack_bytes - first);
  // What a deep recursion touched goes back to the system.
  if (first > kKept) os::discard_memory(base + kKept, first - kKept);
  table.spare_stacks.push_back(std::exchange(impl.vm_stack, nullptr));
  table.stack_bytes = first;
}

void free_vm_stack(ThreadImpl& impl) {
  if (impl.vm_stack != nullptr) os::unmap_memory(impl.vm_stack, impl.vm_stack_bytes);
}

ThreadTable::~ThreadTable() {
  join_ended_threads(*this);
  for (Slot* stack : spare_stacks) os::unmap_memory(stack, stack_bytes);
}

}  // namespace mp

// One collection: stop the world, mark from the roots, decide about finalizers and weak references, give
// empty blocks back. Sweeping is left to the threads that need cells.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "vm/core/compiler.h"
#include "vm/gc/heap_impl.h"
#include "vm/gc/poison.h"
#include "vm/os/clock.h"
#include "vm/os/spin.h"
#include "vm/threads/thread_impl.h"
#include "vm/threads/thread_table.h"
#include "vm/types/runtime.h"

namespace mp {

// What a program may fill between two collections: some times what is alive, since that is what a collection
// has to mark. With a small heap it is little, so that the memory in use stays in the processor's cache and
// few pages are ever touched (docs/ARCHITECTURE.md); with a large one memory counts for more than time.
static constexpr size_t kMinTrigger = 2u << 20;
static constexpr size_t kMostUsualTrigger = 24u << 20;
static constexpr size_t kUsuallyKept = 8u << 20;
static constexpr size_t kTriggerPerLive = 8;
static constexpr size_t kMostParallel = 16;  // threads that the trigger counts; processors at most
static constexpr uint32_t kFewerInARow = 8;  // collections until it counts less
static constexpr int64_t kKeptFreeStep_ns = 500'000'000;
static constexpr size_t kStressThinning =
    64;  // collections after which the interval of `stress` grows by one

HeapImpl::HeapImpl(Runtime& r) : runtime(r) {
#ifdef MINIPY_STRESS
  stress = 1;
#endif
  if (const char* wish = std::getenv("MINIPY_STRESS")) {
    if (const char* gc = std::strstr(wish, "gc"))
      stress = gc[2] == ':' ? static_cast<uint32_t>(std::max(std::atoi(gc + 3), 0)) : 1;
  }
  const auto& debug = runtime.options.debug;
  report = std::find(debug.begin(), debug.end(), "gc") != debug.end();
  set_trigger();
}

HeapImpl::~HeapImpl() {
  run_native_finalizers(true);
  for (Block* block : large_blocks)
    if (block->own_mapping) pool.release(block, map);
}

void HeapImpl::set_trigger() {
  size_t live = live_after.load(std::memory_order_relaxed);
  size_t window = std::clamp(live * kTriggerPerLive, kMinTrigger, kMostUsualTrigger) * allocating_threads;
  size_t wanted = std::max(window, live / 4 * 3);
  if (size_t limit = memory_limit.load(std::memory_order_relaxed); limit != 0) {
    size_t room = limit > live ? limit - live : 0;
    wanted = std::min(wanted, std::max<size_t>(room / 3, 64 * 1024));
  }
  if (stress != 0) wanted = 0;
  trigger.store(wanted, std::memory_order_relaxed);
}

size_t HeapImpl::objects_handed_out(const Thread& t) const {
  return allocated_objects.load(std::memory_order_relaxed) + t.impl->allocation.objects;
}

// The headers of blocks that others have filled are in no cache of this processor.
template <class Visit>
static void for_each_block(const std::vector<Block*>& blocks, Visit&& visit) {
  constexpr size_t kAhead = 8;
  for (size_t i = 0; i < blocks.size(); ++i) {
    if (i + kAhead < blocks.size()) __builtin_prefetch(blocks[i + kAhead], 1);
    visit(blocks[i]);
  }
}

void HeapImpl::gather_blocks(Thread& t) {
  for_each_block(t.impl->own_blocks, [this](Block* block) {
    classes[static_cast<size_t>(block->kind)][block->size_class].blocks.push_back(block);
  });
  t.impl->own_blocks.clear();
  while (Block* block = t.impl->spare_blocks) {
    t.impl->spare_blocks = block->next;
    pool.release(block, map);
  }
}

void HeapImpl::drop_cache(Thread& t) {
  gather_blocks(t);
  size_t unused = 0;
  for (size_t i = 0; i < kSizeClassCount; ++i) {
    FreeCell* head = (kPoisons ? t.impl->held_objects : t.cache.objects)[i];
    if (head != nullptr) unused += block_of(head)->free_cells_from(head, t.impl->list_ends[i]);
  }
  allocated_objects.fetch_sub(unused, std::memory_order_relaxed);
  t.cache = AllocationCache{};
  std::fill(std::begin(t.impl->held_objects), std::end(t.impl->held_objects), nullptr);
  std::fill(std::begin(t.impl->held_raws), std::end(t.impl->held_raws), nullptr);
  std::fill(std::begin(t.impl->carving_objects), std::end(t.impl->carving_objects), nullptr);
  std::fill(std::begin(t.impl->carving_raws), std::end(t.impl->carving_raws), nullptr);
}

void HeapImpl::count_allocations() {
  size_t all = 0, most = 1;
  for (Thread* t = runtime.threads->first; t != nullptr; t = t->impl->next) {
    AllocationCount& count = t->impl->allocation;
    all += count.bytes;
    most = std::max(most, count.bytes);
    allocated_since.fetch_add(count.unreported, std::memory_order_relaxed);
    allocated_objects.fetch_add(count.objects, std::memory_order_relaxed);
    count = {};
    own_again_if_due(*t);
  }
  bool parallel = runtime.free_threaded.load(std::memory_order_relaxed);
  size_t now = parallel ? (all + most / 2) / most : 1;
  now = std::min({now, kMostParallel, os::processor_count()});
  // One may only have lost its processor to another program.
  if (now < allocating_threads && parallel && ++fewer_allocating < kFewerInARow) return;
  fewer_allocating = 0;
  allocating_threads = now;
}

// Short threads would otherwise begin fresh blocks one after the other, each for a few cells.
void HeapImpl::leave_cells(Thread& t) {
  // SAFETY: nobody takes what is left before drop_cache() has counted it.
  std::lock_guard guard(mutex);
  for (size_t kind = 0; kind < 2 && !kPoisons; ++kind) {
    bool objects = kind == static_cast<size_t>(CellKind::Object);
    for (size_t i = 0; i < kSizeClassCount; ++i) {
      ClassBlocks& c = classes[kind][i];
      LeftCells cells{(objects ? t.cache.objects : t.cache.raws)[i], 0, t.impl->list_ends[i]};
      if (objects && cells.first != nullptr)
        cells.count = block_of(cells.first)->free_cells_from(cells.first, cells.end);
      if (cells.first != nullptr) c.left_cells.push_back(cells);
      Block* block = (objects ? t.impl->carving_objects : t.impl->carving_raws)[i];
      if (block != nullptr && block->carved < block->cell_count) c.left_blocks.push_back(block);
      if (!c.left_cells.empty() || !c.left_blocks.empty()) c.used_up.store(false, std::memory_order_relaxed);
    }
  }
  drop_cache(t);
  AllocationCount& count = t.impl->allocation;
  allocated_since.fetch_add(count.unreported, std::memory_order_relaxed);
  allocated_objects.fetch_add(count.objects, std::memory_order_relaxed);
  count = {};
  // It will not come back: no need to wait for several collections without it. If it did not count, the next
  // collection says so.
  if (allocating_threads > 1) --allocating_threads;
}

// Dead objects that were not swept yet must not be found by the conservative scan: what they refer to may be
// gone.
void HeapImpl::finish_sweeping() {
  for (size_t kind = 0; kind < 2; ++kind) {
    for (ClassBlocks& c : classes[kind]) {
      for_each_block(c.blocks, [&](Block* block) {
        if (!std::exchange(block->needs_sweep, false)) return;
        if (kind == static_cast<size_t>(CellKind::Raw) || block->occupied == block->marked) return;
        sweep(block);
        block->occupied = block->marked;
      });
    }
  }
}

void HeapImpl::prepare() {
  count_allocations();
  for (Thread* t = runtime.threads->first; t != nullptr; t = t->impl->next) drop_cache(*t);
  finish_sweeping();
  for (auto& kind : classes) {
    for (ClassBlocks& c : kind) {
      c.left_cells.clear();
      c.left_blocks.clear();
      for (Block* block : c.blocks) block->clear_marks();
    }
  }
  for (Block* block : large_blocks) block->clear_marks();
  marked_bytes = immortal_bytes;
  marked_objects = immortal_objects;
}

void HeapImpl::mark_roots() {
  Tracer tracer(*this);
  for (Thread* t = runtime.threads->first; t != nullptr; t = t->impl->next) mark_thread(*t);
  for (size_t i = 0; i < scanners.size(); ++i) scanners[i].scan(scanners[i].context, tracer);
  for (Object* object : pending_finalizers) mark_object(object);
  for (Object* object : pending_callbacks) mark_object(object);
  drain();
}

// Only where cells are poisoned: what died is so at once, not when its block is swept.
void HeapImpl::poison_dead_cells() {
  for (auto& kind : classes) {
    for (ClassBlocks& c : kind) {
      for (Block* block : c.blocks) {
        for (size_t i = 0; i < block->carved; ++i) {
          auto* cell = static_cast<uint8_t*>(block->cell(i));
          if (block->is_marked(cell)) continue;
          if (block->kind == CellKind::Object && reinterpret_cast<Object*>(cell)->kind_ != Kind::Free) {
            unpoison(cell, block->cell_size);
            std::memset(cell, 0, block->cell_size);
          }
          poison_free_cell(cell, block->cell_size);
        }
      }
    }
  }
}

void HeapImpl::release_empty_blocks() {
  for (auto& kind : classes) {
    for (ClassBlocks& c : kind) {
      size_t kept = 0;
      for (Block* block : c.blocks) {
        if (block->marked == 0) {
          pool.release(block, map);
        } else {
          block->needs_sweep = true;
          c.blocks[kept++] = block;
        }
      }
      c.blocks.resize(kept);
      c.next_to_sweep = 0;
      c.used_up.store(kept == 0, std::memory_order_relaxed);
    }
  }
  size_t kept = 0;
  for (Block* block : large_blocks) {
    if (block->marked == 0)
      pool.release(block, map);
    else
      large_blocks[kept++] = block;
  }
  large_blocks.resize(kept);
}

// The scan begins at this small frame: what earlier calls left in the large one below keeps nothing alive.
MP_NOINLINE size_t HeapImpl::collect(Thread& t, const char* reason) {
  SpilledRegisters registers{};
  MP_SPILL_REGISTERS(registers);
  size_t freed = collect(t, reason, registers);
  asm volatile("" : : "r"(&registers) : "memory");
  return freed;
}

MP_NOINLINE size_t HeapImpl::collect(Thread& t, const char* reason, const SpilledRegisters& top) {
  if (observer != nullptr) observer(observer_context, t, true, 0);
  int64_t asked = os::monotonic_ns();
  stop_the_world(t);
  size_t freed;
  {
    // SAFETY: no thread runs; the lock only tells the sanitizers so.
    std::lock_guard guard(mutex);
    t.impl->native_top = reinterpret_cast<uintptr_t>(&top);
    int64_t begin = os::monotonic_ns(), cpu_begin = os::thread_cpu_ns();
    collecting.store(true, std::memory_order_relaxed);
    last_collector = t.impl->serial;
    prepare();
    size_t before = allocated_objects.load(std::memory_order_relaxed);
    size_t bytes_before =
        live_after.load(std::memory_order_relaxed) + allocated_since.load(std::memory_order_relaxed);
    mark_roots();
    queue_dead_script_finalizers();
    clear_weakrefs();
    Tracer tracer(*this);
    for (auto& table : weak_tables) table.scan(table.context, tracer);
    run_native_finalizers(false);
    size_t used_before = pool.used_bytes();
    release_empty_blocks();
    size_t released = used_before - pool.used_bytes();
    if (kPoisons) poison_dead_cells();
    freed = before > marked_objects ? before - marked_objects : 0;
    allocated_objects.store(marked_objects, std::memory_order_relaxed);
    live_after.store(marked_bytes, std::memory_order_relaxed);
    allocated_since.store(0, std::memory_order_relaxed);
    set_trigger();
    // What this cycle released the next one will want again: pages that go to the system and come back cost
    // more than the work on them. Beyond a few cycles' worth it was a peak. The number of threads that
    // allocate varies: what was kept is given back over some time.
    size_t churn = std::min(released + released / 2, trigger.load(std::memory_order_relaxed) * 3);
    if (begin - kept_free_lowered >= kKeptFreeStep_ns) {
      kept_free = kept_free / 8 * 7;
      kept_free_lowered = begin;
    }
    kept_free = std::max({marked_bytes / 4 * 3, kUsuallyKept, churn, kept_free});
    pool.trim(kept_free);
    pool.turn();
    pool.look_for_memory();
    mark_stack.shrink();
    ++statistics.collections;
    statistics.collected += freed;
    int64_t took = os::monotonic_ns() - begin;
    statistics.total_ns += took;
    statistics.last_cpu_ns.store(os::thread_cpu_ns() - cpu_begin, std::memory_order_relaxed);
    collecting.store(false, std::memory_order_relaxed);
    if (report)
      std::fprintf(
          stderr,
          "[gc] %zu: %s, thread %llu: live %zu objects, %zu bytes; freed %zu objects, about %zu bytes; "
          "stopped in %.3f ms, pause %.3f ms\n",
          statistics.collections, reason, static_cast<unsigned long long>(t.impl->native_id), marked_objects,
          marked_bytes, freed, bytes_before > marked_bytes ? bytes_before - marked_bytes : 0,
          static_cast<double>(begin - asked) / 1e6, static_cast<double>(took) / 1e6);
    if (pending.load(std::memory_order_relaxed) != 0) t.set_interrupt(kInterruptPendingCall);
  }
  start_the_world(t);
  if (observer != nullptr) observer(observer_context, t, false, freed);
  return freed;
}

// What marking reads and writes is in the caches of the processor that did so last, and nearly each line
// would have to come from there. Not for ever: that thread may be far from its next safepoint.
bool HeapImpl::leave_to_last_collector(Thread& t) {
  if (t.impl->serial == last_collector ||
      allocated_since.load(std::memory_order_relaxed) > trigger.load(std::memory_order_relaxed) / 4 * 5)
    return false;
  struct Search {
    uint64_t serial;
    bool asked;
  } search{last_collector, false};
  for_each_thread(
      runtime,
      [](void* context, Thread& other) {
        auto* s = static_cast<Search*>(context);
        if (other.impl->serial != s->serial ||
            other.impl->state.load(std::memory_order_relaxed) != ThreadState::Attached)
          return;
        other.set_interrupt(kInterruptCollect);
        s->asked = true;
      },
      &search);
  return search.asked;
}

void HeapImpl::collect_automatically(Thread& t) {
  if (t.impl->collecting) return;
  if (stress != 0) {
    t.set_interrupt(kInterruptCollect);
    // Each nth safepoint at first; long programs are thinned out, so that they end.
    uint32_t interval = std::max(stress, static_cast<uint32_t>(statistics.collections / kStressThinning));
    if (++stress_countdown % interval != 0) return;
  } else if (allocated_since.load(std::memory_order_relaxed) < trigger.load(std::memory_order_relaxed)) {
    return;  // another thread has done it
  }
  if (!enabled.load(std::memory_order_relaxed) || threshold_is_zero.load(std::memory_order_relaxed)) return;
  if (stress == 0 && leave_to_last_collector(t)) return;
  t.impl->collecting = true;  // the observers are script code
  collect(t, stress != 0 ? "stress" : "allocation");
  t.impl->collecting = false;
}

}  // namespace mp

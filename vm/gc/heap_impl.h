// HeapImpl: the collector's insides: blocks by class, the mark stack, weak references, finalizers. Only vm/gc
// and the safepoint code look here.
#pragma once
#include <deque>
#include <memory>
#include <unordered_map>
#include <vector>

#include "vm/gc/block.h"
#include "vm/gc/heap.h"
#include "vm/gc/mark_stack.h"
#include "vm/os/spin.h"

namespace mp {

// The blocks of one class and cell kind. After a collection they are swept one by one, when a thread needs
// cells.
// Free cells of a thread that has ended: `count` of them, linked.
struct LeftCells {
  FreeCell* first;
  size_t count;
  uint32_t end;  // see ThreadImpl::list_ends
};
struct ClassBlocks {
  std::vector<Block*> blocks;
  size_t next_to_sweep = 0;
  std::atomic<bool> used_up{true};  // nothing to sweep, nothing left: no need to look
  // Until the next collection, which finds them again.
  std::vector<LeftCells> left_cells;
  std::vector<Block*> left_blocks;  // not carved to the end
};

struct CollectionStatistics {
  size_t collections = 0;
  size_t collected = 0;  // objects found dead, all collections together
  size_t uncollectable = 0;
  int64_t total_ns = 0;
  std::atomic<int64_t> last_cpu_ns{0};  // processor time of the last one: not what others did meanwhile
};

// gc.callbacks and the debug flags see each collection through this.
using CollectionObserver = void (*)(void* context, Thread& t, bool starting, size_t collected);

struct SpilledRegisters;

struct HeapImpl {
  explicit HeapImpl(Runtime& runtime);
  ~HeapImpl();

  // ---- allocate.cpp
  // First cell of a new list, the rest is in the cache; nullptr: out of memory.
  FreeCell* refill(Thread& t, CellKind kind, size_t size_class, FromReserve from_reserve);
  // Zeroed but for the first `unset` bytes.
  void* allocate_large(Thread& t, CellKind kind, size_t bytes, bool may_exceed, size_t unset = 0);
  void* allocate_raw(Thread& t, size_t bytes, size_t unset);
  bool over_limit(size_t more) const;
  void note_allocated(Thread& t, size_t bytes, size_t objects);
  FreeCell* carve(Thread& t, Block* block);
  FreeCell* sweep(Block* block);  // list of the free cells; zeroes dead objects
  // A block with free cells, no other thread's any more; nullptr: all have been swept. Under the lock.
  Block* next_to_sweep(ClassBlocks& blocks, BlockUser user);
  Block* new_block(Thread& t, CellKind kind, size_t size_class, FromReserve from_reserve);
  bool take_spare_blocks(Thread& t, FromReserve from_reserve);

  // ---- collect.cpp
  // Stop, mark, free; no finalizers are run. Returns the number of objects freed. `reason` is for the report.
  size_t collect(Thread& t, const char* reason);
  size_t collect(Thread& t, const char* reason, const SpilledRegisters& top);
  void collect_automatically(Thread& t);
  bool leave_to_last_collector(Thread& t);
  void prepare();
  void mark_roots();
  void release_empty_blocks();
  void poison_dead_cells();
  void finish_sweeping();
  void count_allocations();  // of all threads, which begin anew
  // Those that only the thread knows; under the lock or with the world stopped.
  void gather_blocks(Thread& t);
  void drop_cache(Thread& t);   // forgets a thread's free cells; they are found again by sweeping
  void leave_cells(Thread& t);  // gives an ending thread's free cells to the others
  void set_trigger();

  // ---- mark.cpp
  void mark_object(Object* object);
  // Appends what `object` refers to (gc.get_referents); the world is stopped.
  void edges_of(Object* object, std::vector<Object*>* edges);
  void mark_raw(const void* cell);
  void mark_leaf(Object* object);
  bool mark_immortal(Object* object);
  void trace(Object* object);
  void mark_word(uintptr_t word);
  void mark_range(const void* begin, const void* end);
  void mark_thread(Thread& t);
  void drain();
  void drain_stack();
  void trace_marked();
  bool is_live(const Object* object) const { return block_of(object)->is_marked(object); }

  // ---- weak.cpp, finalize.cpp
  void queue_dead_script_finalizers();
  void clear_weakrefs();
  void run_native_finalizers(bool all);

  Runtime& runtime;
  PageMap map;
  os::SpinningMutex mutex;  // blocks, pool, registrations
  BlockPool pool;
  ClassBlocks classes[2][kSizeClassCount];
  std::vector<Block*> large_blocks;

  MarkStack mark_stack;
  std::vector<Object*>* edge_recorder = nullptr;  // while set, visits are recorded instead of marking
  // Roughly: what other threads took since the last collection is counted at the next one.
  size_t objects_handed_out(const Thread& t) const;

  size_t marked_bytes = 0;
  size_t marked_objects = 0;
  size_t immortal_bytes = 0, immortal_objects = 0;  // of these
  std::vector<std::unique_ptr<uint64_t[]>> immortal_marks;

  alignas(64) std::atomic<size_t> allocated_since{0};  // bytes that threads have reported since then
  std::atomic<size_t> allocated_objects{0};       // cells handed out as objects; exact only within prepare()
  std::atomic<int64_t> external{0};               // native memory owned by objects
  alignas(64) std::atomic<size_t> live_after{0};  // bytes that survived the last collection
  std::atomic<size_t> trigger{0};                 // allocated_since that asks for a collection
  size_t allocating_threads = 1;  // that did so in parallel, by their shares, up to the last collection
  uint32_t fewer_allocating = 0;  // collections in a row that found fewer
  size_t kept_free = 0;           // bytes of free blocks that stay mapped
  int64_t kept_free_lowered = 0;  // when, monotonic
  std::atomic<size_t> memory_limit{0};
  std::atomic<bool> enabled{true};
  std::atomic<bool> threshold_is_zero{false};  // gc.set_threshold(0)
  std::atomic<int64_t> open_files{0};          // pipes and sockets: idle.h
  std::atomic<bool> collecting{false};
  uint64_t last_collector = 0;  // the serial number of a thread
  CollectionStatistics statistics;
  bool report = false;  // -d gc: a line on standard error per collection
  uint32_t stress = 0;  // collect at every nth safepoint; 0: normal
  uint32_t stress_countdown = 0;

  struct Scanner {
    RootScanner scan;
    void* context;
  };
  std::vector<Scanner> scanners;
  std::vector<Scanner> weak_tables;

  std::unordered_map<Object*, std::vector<Object*>> weakrefs;  // target -> weak references
  std::vector<Object*> script_finalizers;
  struct Native {
    Object* object;
    NativeFinalizer finalizer;
  };
  std::vector<Native> native_finalizers;
  // Waiting for a safepoint: objects whose __del__ is to run, weak references whose callback is to be called.
  // Both are roots.
  std::deque<Object*> pending_finalizers;
  std::deque<Object*> pending_callbacks;
  std::atomic<size_t> pending{0};

  CollectionObserver observer = nullptr;
  bool (*has_callbacks)(void* context) = nullptr;  // whether the observer has script code to run
  void* observer_context = nullptr;
  bool runs_callbacks() const { return has_callbacks != nullptr && has_callbacks(observer_context); }
};

}  // namespace mp

// Heap: the tracing collector of one runtime. Non-moving, mark and lazy sweep, segregated size classes,
// thread-local allocation. It knows cells, blocks, roots, weak references and finalizers; of objects it knows
// only the header and Type::trace.
//
// Rules for all C++ code of the VM:
// - Collection happens at safepoints only (interrupt poll in the interpreter, return of a blocking call,
// explicit collect). Anything that takes
//   `Thread&` may reach a safepoint if it can run script code; anything that takes `Heap&` only allocates.
// - Native stacks are scanned conservatively, interior pointers included: locals (Value, Object*, pointers
// into arrays) keep things alive.
// - C++ heap memory (std::vector, malloc) is NOT scanned. Keep Values there only in RootVector / Root
// (vm/gc/root.h).
// - Fresh cells are zeroed, so every Slot starts empty.
#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>

#include "vm/core/type.h"
#include "vm/threads/thread.h"

namespace mp {

class Runtime;

struct HeapImpl;

// Given to trace functions: marks what the object refers to.
class Tracer {
 public:
  void visit(Value v) {
    if (v.is_object()) visit_object(v.as_object());
  }
  void visit(const Slot& slot) { visit(slot.get()); }
  void visit(const Object* object) {
    if (object != nullptr) visit_object(const_cast<Object*>(object));
  }
  // Keeps a raw cell (array, table, string data) alive; its content is the caller's to visit. nullptr is
  // fine.
  void mark_raw(const void* cell);
  // Keeps an object alive without looking into it, which would fetch it from memory: what it refers to (an
  // exact str: nothing; a tuple of interned names: these) lives anyway.
  void mark_leaf(const Object* object);
  // The same, and so in each collection from now on: nobody needs to mark it again. False: no memory for
  // that.
  bool mark_immortal(const Object* object);
  void visit_slots(const Slot* slots, size_t count) {
    for (size_t i = 0; i < count; ++i) visit(slots[i]);
  }
  // Scans words that may or may not be pointers (native stacks).
  void visit_conservative(const void* begin, const void* end);

 private:
  friend class Heap;
  friend struct HeapImpl;
  explicit Tracer(HeapImpl& heap) : heap_(heap) {}
  void visit_object(Object* object);
  HeapImpl& heap_;
};

// A source of roots outside the heap (VM stacks, the runtime's tables, root vectors). Called with the world
// stopped.
using RootScanner = void (*)(void* context, Tracer& tracer);
using NativeFinalizer =
    void (*)(Object* object);  // runs during collection: frees a resource, touches no Value, runs no script

class Heap {
 public:
  explicit Heap(Runtime& runtime);
  ~Heap();
  Heap(const Heap&) = delete;

  // A zeroed cell of at least `bytes` bytes for an object; the header is filled in from `type` (type pointer,
  // kind, root shape). Returns nullptr only when the memory limit is reached or the system has no memory
  // (then raise MemoryError: Thread::raise_memory_error).
  Object* allocate_object(Thread& t, Type* type, size_t bytes);
  // The usual form: t.heap().make<ListObject>(t, type). Size is max(sizeof(T), type->instance_size) +
  // extra_bytes. Never null: aborts the process only if even the emergency reserve is gone.
  template <class T>
  T* make(Thread& t, Type* type, size_t extra_bytes = 0);
  // A zeroed raw cell (no header, not traced by itself: its owner's trace function marks it with mark_raw).
  // nullptr when out of memory.
  void* allocate_raw(Thread& t, size_t bytes);
  // The same with undefined content in the first `unset` bytes, for a caller that writes them at once.
  void* allocate_raw_unset(Thread& t, size_t bytes, size_t unset);
  void* allocate_raw_unset(Thread& t, size_t bytes) { return allocate_raw_unset(t, bytes, bytes); }
  // Bytes that a raw cell of a request of `bytes` really has: growable arrays use the slack.
  static size_t usable_size(size_t bytes);

  // Collects now (a full collection); the caller is at a safepoint. Returns the number of objects freed. Then
  // runs pending finalizers and callbacks.
  size_t collect(Thread& t);
  // Runs queued __del__ calls and weakref callbacks; called by the safepoint code on a normal thread.
  void run_pending_finalizers(Thread& t);
  bool has_pending_finalizers() const;

  // Native memory that an object owns outside the heap (counts towards the next collection and the memory
  // limit). May be negative.
  void account_external(int64_t bytes);
  // `finalizer` is called once when the object is found dead.
  void register_native_finalizer(Object* object, NativeFinalizer finalizer);
  // The object's type defines __del__: it will be resurrected once and `type->slots.finalize` called.
  void register_script_finalizer(Object* object);

  // Weak references. A WeakRefObject (vm/types/weakref.h) registers itself; when its target dies the heap
  // clears it and queues its callback.
  void register_weakref(Object* weakref, Object* target);
  void unregister_weakref(Object* weakref, Object* target);
  // Calls `visit` for every live weak reference to `target`.
  void for_each_weakref(Object* target, void (*visit)(void* context, Object* weakref), void* context);

  void add_root_scanner(RootScanner scanner, void* context);
  void remove_root_scanner(RootScanner scanner, void* context);

  bool enabled() const;  // gc.enable / gc.disable: automatic collection
  void set_enabled(bool enabled);
  void set_memory_limit(size_t bytes);  // 0: none
  size_t live_bytes() const;            // after the last collection, plus what was allocated since
  size_t collections() const;
  // Visits every live object (gc.get_objects); the world is stopped by the caller.
  void for_each_object(void (*visit)(void* context, Object* object), void* context);
  // Tables that must not keep their entries alive (interned strings, caches): called after marking; `is_live`
  // tells what stays.
  void add_weak_table(RootScanner prune, void* context);
  bool is_live(const Object* object) const;  // only within a weak table's callback
  // At the end of the runtime: calls __del__ of everything that still has one, and the callbacks that are
  // queued.
  void finalize_all(Thread& t);
  // Calls after-fork fixing of locks in the child.
  void after_fork_child();

  HeapImpl& impl() { return *impl_; }

 private:
  Object* allocate_object_slow(Thread& t, Type* type, size_t bytes, bool may_exceed);
  static void init_header(Thread& t, Object* object, Type* type) {
    object->set_type(type);
    object->lock_.store(static_cast<uint8_t>(t.lock_owner_id), std::memory_order_relaxed);
    object->shape_.store(type->root_shape, std::memory_order_relaxed);
    object->kind_ = type->instance_kind;
  }
  std::unique_ptr<HeapImpl> impl_;
};

inline Object* Heap::allocate_object(Thread& t, Type* type, size_t bytes) {
  if (bytes <= kMaxSmallSize) [[likely]] {
    FreeCell*& head = t.cache.objects[size_class(bytes)];
    if (FreeCell* cell = head) [[likely]] {
      head = cell->next;
      auto* object = reinterpret_cast<Object*>(cell);
      init_header(t, object, type);
      return object;
    }
  }
  return allocate_object_slow(t, type, bytes, false);
}

template <class T>
T* Heap::make(Thread& t, Type* type, size_t extra_bytes) {
  size_t size = (type->instance_size > sizeof(T) ? type->instance_size : sizeof(T)) + extra_bytes;
  if (size <= kMaxSmallSize) [[likely]] {
    FreeCell*& head = t.cache.objects[size_class(size)];
    if (FreeCell* cell = head) [[likely]] {
      head = cell->next;
      auto* object = reinterpret_cast<Object*>(cell);
      init_header(t, object, type);
      return static_cast<T*>(object);
    }
  }
  return static_cast<T*>(allocate_object_slow(t, type, size, true));
}

}  // namespace mp

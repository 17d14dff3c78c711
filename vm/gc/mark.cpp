// Marking: an explicit stack of objects, precise tracing by type, conservative scanning of native stacks.
#include <new>

#include "vm/gc/heap_impl.h"
#include "vm/gc/root.h"
#include "vm/threads/thread_impl.h"
#include "vm/types/type.h"

namespace mp {

// Marks an object, or notes that it is referred to where edges are asked for. Whether it was just marked.
static inline bool reach(HeapImpl& heap, Object* object) {
  if (heap.edge_recorder != nullptr) [[unlikely]] {
    heap.edge_recorder->push_back(object);
    return false;
  }
  Block* block = block_of(object);
  if (!block->mark(object)) return false;
  heap.marked_bytes += block->cell_size;
  ++heap.marked_objects;
  return true;
}

void HeapImpl::mark_object(Object* object) {
  if (reach(*this, object)) mark_stack.push(object);
}

void HeapImpl::mark_leaf(Object* object) { reach(*this, object); }

bool HeapImpl::mark_immortal(Object* object) {
  mark_leaf(object);
  Block* block = block_of(object);
  if (block->immortal == nullptr) {
    std::unique_ptr<uint64_t[]> marks(new (std::nothrow) uint64_t[kMarkWords]{});
    if (marks == nullptr) return false;
    block->immortal = marks.get();
    immortal_marks.push_back(std::move(marks));
  }
  if (Block::set_mark(block->immortal, object)) {
    ++block->immortal_count;
    ++immortal_objects;
    immortal_bytes += block->cell_size;
  }
  return true;
}

void HeapImpl::edges_of(Object* object, std::vector<Object*>* edges) {
  edge_recorder = edges;
  size_t first = edges->size();
  trace(object);
  edge_recorder = nullptr;
  // The first is the type; that of builtin types is not counted as a reference.
  if (edges->size() > first && !object->type()->has(kTypeHeap))
    edges->erase(edges->begin() + static_cast<long>(first));
}

void HeapImpl::mark_raw(const void* cell) {
  if (edge_recorder != nullptr) [[unlikely]]
    return;
  Block* block = block_of(cell);
  if (block->mark(cell)) marked_bytes += block->cell_size;
}

void HeapImpl::trace(Object* object) {
  Type* type = object->type();
  if (type == nullptr) return;  // being set up before the types exist
  mark_object(type);
  Tracer tracer(*this);
  if (type->has(kTypeHasDict) || type->fields_offset < type->base_size) trace_attrs(object, tracer);
  if (type->trace != nullptr) type->trace(object, tracer);
}

// Objects wait in a short queue between the stack and their tracing: time for the prefetched header to
// arrive, and half-way through for what the first field refers to, often the table, the items or the
// instance's values.
void HeapImpl::drain_stack() {
  constexpr size_t kQueue = 32;
  Object* queue[kQueue];
  size_t first = 0, looked = 0, end = 0;  // they only grow
  for (;;) {
    while (end - first < kQueue && !mark_stack.empty()) {
      Object* object = mark_stack.pop();
      __builtin_prefetch(object);
      __builtin_prefetch(reinterpret_cast<char*>(object) + 64);
      __builtin_prefetch(reinterpret_cast<char*>(object) + 128);
      queue[end++ % kQueue] = object;
    }
    if (first == end) return;
    for (size_t until = end - (end - first) / 2; looked < until; ++looked) {
      Object* object = queue[looked % kQueue];
      if (block_of(object)->cell_size > sizeof(Object))
        __builtin_prefetch(*reinterpret_cast<void* const*>(object + 1));
    }
    trace(queue[first++ % kQueue]);
  }
}

// What had no room on the stack is somewhere among the marked: they are traced once more.
void HeapImpl::trace_marked() {
  auto trace_block = [this](Block* block) {
    if (block->kind != CellKind::Object) return;
    for (uint32_t i = 0; i < block->carved; ++i) {
      if (!block->is_marked(block->cell(i))) continue;
      trace(static_cast<Object*>(block->cell(i)));
      drain_stack();
    }
  };
  for (ClassBlocks& c : classes[static_cast<size_t>(CellKind::Object)])
    for (Block* block : c.blocks) trace_block(block);
  for (Block* block : large_blocks) trace_block(block);
}

void HeapImpl::drain() {
  drain_stack();
  while (mark_stack.take_overflow()) trace_marked();
}

void HeapImpl::mark_word(uintptr_t word) {
  Block* block = map.find(word);
  if (block == nullptr) return;
  auto first = reinterpret_cast<uintptr_t>(block->cells());
  if (word < first) return;
  uint64_t offset = word - first;
  uint64_t index = 0;
  if (!block->large) {
    index = (offset * block->reciprocal) >> 32;
    if (index > block->carved || (index == block->carved && block->kind == CellKind::Object)) return;
  }
  if (block->kind == CellKind::Object) {
    auto* object = static_cast<Object*>(block->cell(index));
    if (object->kind_ != Kind::Free) mark_object(object);
    return;
  }
  if (index < block->carved) mark_raw(block->cell(index));
  // A loop may hold nothing but the end of its array.
  if (index > 0 && offset == index * block->cell_size) mark_raw(block->cell(index - 1));
}

__attribute__((no_sanitize("address", "thread"))) void HeapImpl::mark_range(const void* begin,
                                                                            const void* end) {
  auto* word = reinterpret_cast<const uintptr_t*>(reinterpret_cast<uintptr_t>(begin) & ~uintptr_t{7});
  for (; word < static_cast<const uintptr_t*>(end); ++word) mark_word(*word);
}

void HeapImpl::mark_thread(Thread& t) {
  Tracer tracer(*this);
  tracer.visit(t.current_exception);
  for (HandledException* h = t.handled; h != nullptr; h = h->previous) tracer.visit(h->value);
  for (const Slot* slot :
       {&t.thread_object, &t.context, &t.async_exception, &t.async_gen_firstiter, &t.async_gen_finalizer,
        &t.trace_function, &t.profile_function, &t.repr_stack, &t.impl->start_argument, &t.impl->at_end,
        &t.impl->interruption, &t.impl->event_loop, &t.impl->current_task})
    tracer.visit(*slot);
  RootVector::scan_thread(t, tracer);
  if (t.impl->native_top != 0)
    mark_range(reinterpret_cast<void*>(t.impl->native_top), reinterpret_cast<void*>(t.impl->native_base));
}

void Tracer::mark_raw(const void* cell) {
  if (cell != nullptr) heap_.mark_raw(cell);
}
void Tracer::mark_leaf(const Object* object) {
  if (object != nullptr) heap_.mark_leaf(const_cast<Object*>(object));
}
bool Tracer::mark_immortal(const Object* object) { return heap_.mark_immortal(const_cast<Object*>(object)); }
void Tracer::visit_object(Object* object) { heap_.mark_object(object); }
void Tracer::visit_conservative(const void* begin, const void* end) { heap_.mark_range(begin, end); }

}  // namespace mp

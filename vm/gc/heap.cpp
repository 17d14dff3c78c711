#include "vm/gc/heap.h"

#include "vm/gc/heap_impl.h"
#include "vm/gc/root.h"
#include "vm/threads/thread_impl.h"
#include "vm/threads/thread_table.h"
#include "vm/types/runtime.h"

namespace mp {

Heap::Heap(Runtime& runtime) : impl_(std::make_unique<HeapImpl>(runtime)) {}
Heap::~Heap() = default;

size_t Heap::collect(Thread& t) {
  size_t freed = impl_->collect(t, "asked for");
  if (!has_pending_finalizers()) return freed;
  run_pending_finalizers(t);
  // What closed generators and objects with __del__ held is garbage only now.
  freed += impl_->collect(t, "after finalizers");
  run_pending_finalizers(t);
  return freed;
}

void Heap::add_root_scanner(RootScanner scanner, void* context) {
  std::lock_guard guard(impl_->mutex);
  impl_->scanners.push_back({scanner, context});
}

void Heap::remove_root_scanner(RootScanner scanner, void* context) {
  std::lock_guard guard(impl_->mutex);
  auto& all = impl_->scanners;
  for (size_t i = 0; i < all.size(); ++i) {
    if (all[i].scan != scanner || all[i].context != context) continue;
    all.erase(all.begin() + static_cast<long>(i));
    return;
  }
}

void Heap::add_weak_table(RootScanner prune, void* context) {
  std::lock_guard guard(impl_->mutex);
  impl_->weak_tables.push_back({prune, context});
}
bool Heap::is_live(const Object* object) const { return impl_->is_live(object); }

bool Heap::enabled() const { return impl_->enabled.load(std::memory_order_relaxed); }
void Heap::set_enabled(bool enabled) { impl_->enabled.store(enabled, std::memory_order_relaxed); }
void Heap::set_memory_limit(size_t bytes) {
  impl_->memory_limit.store(bytes, std::memory_order_relaxed);
  impl_->set_trigger();
}
size_t Heap::live_bytes() const {
  return impl_->live_after.load(std::memory_order_relaxed) +
         impl_->allocated_since.load(std::memory_order_relaxed);
}
size_t Heap::collections() const { return impl_->statistics.collections; }

void Heap::for_each_object(void (*visit)(void* context, Object* object), void* context) {
  for (Thread* t = impl_->runtime.threads->first; t != nullptr; t = t->impl->next) impl_->gather_blocks(*t);
  impl_->finish_sweeping();
  for (ClassBlocks& c : impl_->classes[static_cast<size_t>(CellKind::Object)]) {
    for (Block* block : c.blocks) {
      for (size_t i = 0; i < block->carved; ++i) {
        auto* object = static_cast<Object*>(block->cell(i));
        if (object->kind_ != Kind::Free) visit(context, object);
      }
    }
    c.next_to_sweep = c.blocks.size();
  }
  for (Block* block : impl_->large_blocks)
    if (block->kind == CellKind::Object) visit(context, static_cast<Object*>(block->cell(0)));
}

void Heap::after_fork_child() { new (&impl_->mutex) os::SpinningMutex; }

// ---------------------------------------------------------------- root vectors

RootVector::RootVector(Thread& t) : thread_(t), next_(t.roots), previous_(nullptr) {
  if (next_ != nullptr) next_->previous_ = this;
  t.roots = this;
}

RootVector::~RootVector() {
  (previous_ != nullptr ? previous_->next_ : thread_.roots) = next_;
  if (next_ != nullptr) next_->previous_ = previous_;
}

void RootVector::scan_thread(Thread& t, Tracer& tracer) {
  for (RootVector* v = t.roots; v != nullptr; v = v->next_)
    for (Value value : v->values_) tracer.visit(value);
}

}  // namespace mp

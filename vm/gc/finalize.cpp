// Finalizers: script ones (__del__) run at safepoints on a normal thread; native ones free a resource during
// the collection.
#include <algorithm>

#include "vm/gc/heap_impl.h"
#include "vm/protocol/protocol.h"
#include "vm/threads/thread_impl.h"
#include "vm/types/exception.h"
#include "vm/types/function.h"
#include "vm/types/runtime.h"
#include "vm/types/type.h"

namespace mp {

void Heap::register_native_finalizer(Object* object, NativeFinalizer finalizer) {
  std::lock_guard guard(impl_->mutex);
  impl_->native_finalizers.push_back({object, finalizer});
  object->set_flag(kFlagHasFinalizer);
}

void Heap::register_script_finalizer(Object* object) {
  std::lock_guard guard(impl_->mutex);
  impl_->script_finalizers.push_back(object);
  object->set_flag(kFlagHasFinalizer);
}

bool Heap::has_pending_finalizers() const { return impl_->pending.load(std::memory_order_relaxed) != 0; }

// Script classes and generators in the order of creation: they may still use a file. Streams then, wrappers
// before what they wrap: the newest first.
template <class Objects>
static void order_finalizers(Objects& pending, size_t first) {
  auto begin = pending.begin() + static_cast<std::ptrdiff_t>(first);
  auto streams = std::stable_partition(
      begin, pending.end(), [](Object* o) { return o->type()->has(kTypeHeap) || o->kind() != Kind::Other; });
  std::reverse(streams, pending.end());
}

// Dead objects with __del__ live once more; so does what they refer to.
void HeapImpl::queue_dead_script_finalizers() {
  size_t kept = 0, first_new = pending_finalizers.size();
  for (Object* object : script_finalizers) {
    if (is_live(object)) {
      script_finalizers[kept++] = object;
    } else if (!object->has_flag(kFlagFinalized)) {
      object->set_flag(kFlagFinalized);
      pending_finalizers.push_back(object);
    }
  }
  script_finalizers.resize(kept);
  order_finalizers(pending_finalizers, first_new);
  for (size_t i = first_new; i < pending_finalizers.size(); ++i) mark_object(pending_finalizers[i]);
  pending.fetch_add(pending_finalizers.size() - first_new, std::memory_order_relaxed);
  drain();
}

void HeapImpl::run_native_finalizers(bool all) {
  size_t kept = 0;
  for (Native& entry : native_finalizers) {
    if (!all && is_live(entry.object))
      native_finalizers[kept++] = entry;
    else
      entry.finalizer(entry.object);
  }
  native_finalizers.resize(kept);
}

static void call_finalizer(Thread& t, Object* object) {
  Type* type = object->type();
  if (type->slots.finalize == nullptr) return;
  // As CPython, the message names the __del__ function.
  if (type->slots.finalize(t, object).is_error()) {
    Value method = type_lookup(t, type, t.names().__del__);
    write_unraisable(t, nullptr, method.is_not_found() ? Value(object) : method);
  }
}

static void call_callback(Thread& t, Object* weakref) {
  auto* ref = static_cast<WeakRefObject*>(weakref);
  Value callback = ref->callback.exchange(kEmpty);
  if (callback.is_empty() || callback.is_none()) return;
  if (call(t, callback, {Value(weakref)}).is_error()) write_unraisable(t, nullptr, callback);
}

void Heap::run_pending_finalizers(Thread& t) {
  if (t.impl->running_finalizers || !has_pending_finalizers()) return;
  t.impl->running_finalizers = true;
  Value saved = t.take_exception();  // a local: the native stack keeps it alive
  for (;;) {
    // What the program is to be told of does not wait for the rest, nor is a finalizer told.
    if (!t.async_exception.get().is_empty() && !t.runtime().finalizing) {
      t.set_interrupt(kInterruptPendingCall);
      break;
    }
    Object* object = nullptr;
    bool is_callback = false;
    {
      std::lock_guard guard(impl_->mutex);
      auto& callbacks = impl_->pending_callbacks;
      auto& finalizers = impl_->pending_finalizers;
      if (!callbacks.empty()) {
        object = callbacks.front();
        callbacks.pop_front();
        is_callback = true;
      } else if (!finalizers.empty()) {
        object = finalizers.front();
        finalizers.pop_front();
      } else {
        break;
      }
      impl_->pending.fetch_sub(1, std::memory_order_relaxed);
    }
    if (is_callback)
      call_callback(t, object);
    else
      call_finalizer(t, object);
  }
  t.impl->interruption = kEmpty;
  t.restore_exception(saved);
  t.impl->running_finalizers = false;
}

void Heap::finalize_all(Thread& t) {
  run_pending_finalizers(t);
  for (;;) {
    {
      std::lock_guard guard(impl_->mutex);
      auto& all = impl_->script_finalizers;
      if (all.empty()) break;
      size_t first = impl_->pending_finalizers.size();
      for (Object* object : all) {
        if (object->has_flag(kFlagFinalized)) continue;
        object->set_flag(kFlagFinalized);
        impl_->pending_finalizers.push_back(object);
        impl_->pending.fetch_add(1, std::memory_order_relaxed);
      }
      all.clear();
      order_finalizers(impl_->pending_finalizers, first);
    }
    run_pending_finalizers(t);
  }
}

}  // namespace mp

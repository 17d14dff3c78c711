// Weak references: a table from target to its references; dead targets clear theirs and queue the callbacks.
#include <algorithm>

#include "vm/gc/heap_impl.h"
#include "vm/types/function.h"

namespace mp {

void Heap::register_weakref(Object* weakref, Object* target) {
  std::lock_guard guard(impl_->mutex);
  impl_->weakrefs[target].push_back(weakref);
  target->set_flag(kFlagHasWeakrefs);
}

void Heap::unregister_weakref(Object* weakref, Object* target) {
  std::lock_guard guard(impl_->mutex);
  auto found = impl_->weakrefs.find(target);
  if (found == impl_->weakrefs.end()) return;
  auto& list = found->second;
  list.erase(std::remove(list.begin(), list.end(), weakref), list.end());
  if (!list.empty()) return;
  impl_->weakrefs.erase(found);
  target->clear_flag(kFlagHasWeakrefs);
}

void Heap::for_each_weakref(Object* target, void (*visit)(void* context, Object* weakref), void* context) {
  if (!target->has_flag(kFlagHasWeakrefs)) return;
  std::lock_guard guard(impl_->mutex);
  auto found = impl_->weakrefs.find(target);
  if (found == impl_->weakrefs.end()) return;
  for (Object* weakref : found->second) visit(context, weakref);
}

void HeapImpl::clear_weakrefs() {
  for (auto it = weakrefs.begin(); it != weakrefs.end();) {
    auto& list = it->second;
    if (is_live(it->first)) {
      list.erase(std::remove_if(list.begin(), list.end(), [this](Object* ref) { return !is_live(ref); }),
                 list.end());
      if (!list.empty()) {
        ++it;
        continue;
      }
      it->first->clear_flag(kFlagHasWeakrefs);
    } else {
      // The newest callback is called first, as in CPython. A reference that died with its target stays
      // silent.
      for (size_t i = list.size(); i-- > 0;) {
        auto* ref = static_cast<WeakRefObject*>(list[i]);
        ref->target.store(0, std::memory_order_release);
        if (!is_live(ref) || ref->callback.get().is_empty() || ref->callback.get().is_none()) continue;
        pending_callbacks.push_back(ref);
        pending.fetch_add(1, std::memory_order_relaxed);
      }
    }
    it = weakrefs.erase(it);
  }
}

}  // namespace mp

#include "stdlib/native/io_orphans.h"

#include <cerrno>

#include "stdlib/native/io.h"
#include "vm/core/compiler.h"
#include "vm/gc/heap.h"
#include "vm/modules/import.h"
#include "vm/threads/thread_table.h"
#include "vm/types/function.h"

namespace mp::io {

namespace {

struct Writers {
  Slot files;  // list of weak references
  std::atomic<bool> any{false}, registered{false};
};
const char kStateTag = 0;
Writers& writers(Thread& t) {
  auto& state = t.runtime().state<Writers>(&kStateTag);
  if (!state.registered && !state.registered.exchange(true)) {
    t.heap().add_root_scanner(
        [](void* context, Tracer& tracer) { tracer.visit(static_cast<Writers*>(context)->files); }, &state);
  }
  return state;
}

}  // namespace

void track_writer(Thread& t, Value file) {
  Writers& state = writers(t);
  if (state.files.get().is_empty()) state.files.compare_exchange(kEmpty, make_list(t, 0));
  Result<Value> reference = make_weakref(t, file, Value());
  if (reference.is_error()) return t.clear_exception();
  for (Value files, other = state.files; files != other;
       other = state.files) {  // or flush_writers() replaces it
    files = other;
    if (list_append(t, files.as<ListObject>(), reference.value()).is_error()) return t.clear_exception();
  }
  state.any = true;
  t.runtime().import->before_reading.store(flush_writers, std::memory_order_release);
}

void flush_writers(Thread& t) {
  Writers& state = writers(t);
  if (!state.any) [[likely]]
    return;
  auto* files = state.files.get().as<ListObject>();
  ListObject* open = make_list(t, 0);
  size_t i = 0;
  for (; i < files->length(); ++i) {
    Value reference = files->at(i);
    Value file = weakref_target(reference.as<WeakRefObject>());
    if (file.is_none()) continue;
    Result<bool> closed = is_closed(t, file);
    if (closed.is_error() || (!closed.value() && call_method(t, file, t.names().flush).is_error()))
      t.clear_exception();
    if (!closed.is_error() && !closed.value() && list_append(t, open, reference).is_error())
      t.clear_exception();
  }
  if (!state.files.compare_exchange(files, open)) return;  // another thread did the same
  for (; i < files->length(); ++i)                         // added meanwhile
    if (list_append(t, open, files->at(i)).is_error()) t.clear_exception();
  state.any = false;
  if (open->length() != 0) state.any = true;
}

// Not inline: what it looks at must be gone from the stack and the registers when the collection looks there.
MP_NOINLINE static bool is_any_pending(Thread& t) {
  Writers& state = writers(t);
  if (!state.any) return false;
  auto* files = state.files.get().as<ListObject>();
  for (size_t i = 0; i < files->length() && !files->at(i).is_empty(); ++i) {
    Value file = weakref_target(files->at(i).as<WeakRefObject>());
    if (file.is_none()) continue;
    StoppedWorld nobody_writes(t);  // the lock of a stream may be held by a thread that waits for its input
    if (buffered_has_pending(t, file) || text_has_pending(t, file)) return true;
  }
  return false;
}

void flush_orphans(Thread& t) {
  if (!is_any_pending(t)) return;
  t.heap().collect(t);  // whether anybody refers to it only a collection can tell
  t.heap().run_pending_finalizers(t);
}

bool reclaim_descriptors(Thread& t, int error) {
  if (error != EMFILE && error != ENFILE) return false;
  t.heap().collect(t);
  t.heap().run_pending_finalizers(t);
  return true;
}

}  // namespace mp::io

#include "stdlib/native/sync_errors.h"

#include "vm/gc/heap.h"
#include "vm/protocol/protocol.h"
#include "vm/types/runtime.h"

namespace mp {
namespace {

constexpr size_t kErrors = static_cast<size_t>(SyncError::kCount);
struct ErrorClass {
  const char *module, *name;
  Exc base;
  SyncError error_base;  // kCount: `base`
  const char* doc;
};
constexpr ErrorClass kClasses[kErrors] = {
    {"threading", "BrokenBarrierError", Exc::RuntimeError, SyncError::kCount,
     "Raised by Barrier.wait() when the barrier is broken or reset."},
    {"_queue", "Empty", Exc::Exception, SyncError::kCount,
     "Exception raised by Queue.get(block=0)/get_nowait()."},
    {"queue", "Full", Exc::Exception, SyncError::kCount,
     "Exception raised by Queue.put(block=0)/put_nowait()."},
    {"queue", "ShutDown", Exc::Exception, SyncError::kCount, "Raised when put/get with shut-down queue."},
    {"concurrent.futures._base", "Error", Exc::Exception, SyncError::kCount,
     "Base class for all future-related exceptions."},
    {"concurrent.futures._base", "CancelledError", Exc::Exception, SyncError::FutureError,
     "The Future was cancelled."},
    {"concurrent.futures._base", "InvalidStateError", Exc::Exception, SyncError::FutureError,
     "The operation is not allowed in this state."},
};

const char kTag = 0;
struct ErrorState {
  std::atomic<bool> scanned{false};
  Slot classes[kErrors];
};

}  // namespace

Result<Value> sync_error_class(Thread& t, SyncError error) {
  auto& state = t.runtime().state<ErrorState>(&kTag);
  if (!state.scanned.exchange(true))
    t.heap().add_root_scanner(
        [](void* context, Tracer& tracer) {
          tracer.visit_slots(static_cast<ErrorState*>(context)->classes, kErrors);
        },
        &state);
  auto index = static_cast<size_t>(error);
  Slot& slot = state.classes[index];
  if (Value known = slot.get(); !known.is_empty()) return known;
  const ErrorClass& c = kClasses[index];
  Value base = c.error_base == SyncError::kCount ? Value(t.types().exception(c.base))
                                                 : TRY(sync_error_class(t, c.error_base));
  DictObject* body = make_dict(t);
  TRY(dict_set_text(t, body, "__module__", make_str(t, c.module)));
  TRY(dict_set_text(t, body, "__doc__", make_str(t, c.doc)));
  Value made = TRY(
      call(t, Value(t.types().type), {Value(intern(t, c.name)), Value(make_tuple(t, {base})), Value(body)}));
  // Two threads may come here at once: the first one's class stays.
  slot.compare_exchange(kEmpty, made);
  return slot.get();
}

Error raise_sync_error(Thread& t, SyncError error) {
  auto made = sync_error_class(t, error);
  if (made.is_error()) return Error{};
  auto exception = call(t, made.value());
  return exception.is_error() ? Error{} : t.raise_object(exception.value());
}
Error raise_sync_error(Thread& t, SyncError error, const std::string& message) {
  auto made = sync_error_class(t, error);
  if (made.is_error()) return Error{};
  auto exception = call(t, made.value(), {Value(make_str(t, message))});
  return exception.is_error() ? Error{} : t.raise_object(exception.value());
}

}  // namespace mp

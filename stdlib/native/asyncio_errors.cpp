// The exception classes of asyncio.exceptions, which futures and tasks raise and recognise.
#include "stdlib/native/asyncio_internal.h"

namespace mp::asyncio {
namespace {

constexpr size_t kErrors = static_cast<size_t>(AsyncError::kCount);
constexpr const char* kNames[kErrors] = {"CancelledError", "InvalidStateError"};
const char kTag = 0;
struct ErrorClasses {
  std::atomic<bool> scanned{false};
  Slot classes[kErrors];
};

}  // namespace

Result<Value> async_error_class(Thread& t, AsyncError error) {
  auto& known = t.runtime().state<ErrorClasses>(&kTag);
  Slot& slot = known.classes[static_cast<size_t>(error)];
  if (Value cls = slot.get(); !cls.is_empty()) return cls;
  if (!known.scanned.exchange(true))
    t.heap().add_root_scanner(
        [](void* context, Tracer& tracer) {
          tracer.visit_slots(static_cast<ErrorClasses*>(context)->classes, kErrors);
        },
        &known);
  Value cls =
      TRY(get_attr(t, TRY(import_module(t, "asyncio.exceptions")), kNames[static_cast<size_t>(error)]));
  if (!is_type(cls))
    return t.raise(Exc::TypeError, "asyncio.exceptions.{} is not a class",
                   kNames[static_cast<size_t>(error)]);
  slot = cls;
  return cls;
}

Error raise_async_error(Thread& t, AsyncError error, const std::string& message) {
  auto cls = async_error_class(t, error);
  if (cls.is_error()) return Error{};
  auto exception = call(t, cls.value(), {Value(make_str(t, message))});
  return exception.is_error() ? Error{} : t.raise_object(exception.value());
}

}  // namespace mp::asyncio

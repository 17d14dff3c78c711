// _queue.SimpleQueue: unbounded, first in, first out. put() never waits and may be called from finalizers
// and signal handlers.
#include "stdlib/native/condition.h"
#include "stdlib/native/deque.h"
#include "stdlib/native/sync_errors.h"
#include "stdlib/native/time_value.h"
#include "vm/gc/heap.h"
#include "vm/protocol/protocol.h"
#include "vm/threads/object_lock.h"
#include "vm/types/generic_alias.h"
#include "vm/types/runtime.h"
#include "vm/types/type_internal.h"

namespace mp {
namespace {

struct SimpleQueueObject : Object {
  Slot items;  // deque
  std::atomic<uint32_t> waiting{0};
};
extern const TypeSpec kSimpleQueueSpec;

void trace_queue(Object* o, Tracer& tracer) { tracer.visit(static_cast<SimpleQueueObject*>(o)->items); }
SimpleQueueObject* queue(Value v) { return v.as<SimpleQueueObject>(); }

Result<Value> queue_new(Thread& t, Value cls, const CallArgs& args) {
  auto* type = cls.as<Type>();
  bool keywords = keyword_count(args) > 0;
  if ((args.count > 0 || keywords) && !has_own_init(t, type))
    return t.raise(Exc::TypeError, "SimpleQueue() takes no {} arguments",
                   args.count > 0 ? "positional" : "keyword");
  auto* self = t.heap().make<SimpleQueueObject>(t, type);
  self->items = make_deque(t);
  return self;
}

Result<Value> queue_put(Thread& t, const Value* args) {
  SimpleQueueObject* self = queue(args[0]);
  TRY(deque_push(t, self->items, args[1]));
  // Without a GIL: the item must be seen by whoever we do not see waiting.
  if (free_threaded(t)) std::atomic_thread_fence(std::memory_order_seq_cst);
  if (self->waiting.load(std::memory_order_relaxed) != 0) unpark_one(t, self);
  return kNone;
}

Result<Value> get(Thread& t, SimpleQueueObject* self, bool block, Value timeout_value) {
  os::Deadline deadline = os::kNoDeadline;
  if (block && !timeout_value.is_none()) {
    int64_t timeout = TRY(time_from_seconds(t, timeout_value, TimeRounding::Ceiling));
    if (timeout < 0) return t.raise(Exc::ValueError, "'timeout' must be a non-negative number");
    if (static_cast<double>(timeout) / 1e9 > kTimeoutMax)
      return t.raise(Exc::OverflowError, "timeout value is too large");
    deadline = deadline_from_timeout(timeout);
  }
  for (;;) {
    Value item = deque_take(t, self->items);
    if (!item.is_empty()) return item;
    if (!block) return raise_sync_error(t, SyncError::Empty);
    self->waiting.fetch_add(1, std::memory_order_seq_cst);
    WaitResult result = park(
        t, self, [](void* q) { return deque_size(static_cast<SimpleQueueObject*>(q)->items) == 0; }, self,
        deadline, WaitKind::Queue);
    self->waiting.fetch_sub(1, std::memory_order_relaxed);
    if (result == WaitResult::Interrupted) TRY(t.poll());
    if (result == WaitResult::TimedOut) block = false;
  }
}
Result<Value> queue_get(Thread& t, const Value* args) {
  return get(t, queue(args[0]), TRY(truth(t, args[1])), args[2]);
}
Result<Value> queue_get_nowait(Thread& t, Value self, const CallArgs& args) {
  if (args.count + keyword_count(args) > 0) return t.raise(Exc::TypeError, "get_nowait() takes no arguments");
  return get(t, queue(self), false, kNone);
}
Result<Value> queue_empty(Thread&, const Value* args) {
  return Value::from_bool(deque_size(queue(args[0])->items) == 0);
}
Result<Value> queue_size(Thread& t, const Value* args) {
  return make_int_unsigned(t, deque_size(queue(args[0])->items));
}

const NativeDef kMethods[] = {
    MP_RAW_NEW(queue_new, "__new__(cls, /)", nullptr),
    MP_METHOD(
        queue_put, "put(self, /, item, block=True, timeout=None)",
        "Put the item on the queue.\n\nThe optional 'block' and 'timeout' arguments are ignored, as this "
        "method\nnever blocks.  They are provided for compatibility with the Queue class."),
    MP_METHOD(queue_put, "put_nowait(self, /, item)",
              "Put an item into the queue without blocking.\n\nThis is exactly equivalent to `put(item)` and "
              "is only provided\nfor compatibility with the Queue class."),
    MP_METHOD(
        queue_get, "get(self, /, block=True, timeout=None)",
        "Remove and return an item from the queue.\n\nWaits for one when block is true, at most timeout "
        "seconds; raises Empty otherwise."),
    MP_RAW_METHOD(queue_get_nowait, "get_nowait(self, /)",
                  "Remove and return an item from the queue without blocking.\n\nOnly get an item if one is "
                  "immediately available. Otherwise\nraise the Empty exception."),
    MP_METHOD(queue_empty, "empty(self, /)",
              "Return True if the queue is empty, False otherwise (not reliable!)."),
    MP_METHOD(queue_size, "qsize(self, /)", "Return the approximate size of the queue (not reliable!)."),
    MP_CLASS_GETITEM,
    MP_END};
const TypeSpec kSimpleQueueSpec = {.name = "_queue.SimpleQueue",
                                   .size = sizeof(SimpleQueueObject),
                                   .flags = kTypeBaseType | kTypeHasWeakref,
                                   .doc = "Simple, unbounded, reentrant FIFO queue.",
                                   .trace = trace_queue,
                                   .methods = kMethods};

Status init_module(Thread& t, ModuleObject* module) {
  module_add_type(t, module, kSimpleQueueSpec);
  return module_add(t, module, "Empty", TRY(sync_error_class(t, SyncError::Empty)));
}
const NativeDef kFunctions[] = {MP_END};

}  // namespace

extern const ModuleSpec kQueueModule;
const ModuleSpec kQueueModule = {.name = "_queue",
                                 .doc =
                                     "C implementation of the Python queue module.\nThis module is an "
                                     "implementation detail, please do not use it directly.",
                                 .functions = kFunctions,
                                 .init = init_module};

}  // namespace mp

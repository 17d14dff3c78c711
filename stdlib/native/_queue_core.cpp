// queue.Queue, LifoQueue and PriorityQueue: items under one lock with three Conditions, all of them visible
// to scripts (mutex, not_empty, ...). Subclasses may replace _init, _qsize, _put and _get.
#include "stdlib/native/condition.h"
#include "stdlib/native/deque.h"
#include "stdlib/native/heapq.h"
#include "stdlib/native/sync_errors.h"
#include "stdlib/native/time_value.h"
#include "vm/gc/heap.h"
#include "vm/protocol/protocol.h"
#include "vm/types/generic_alias.h"
#include "vm/types/runtime.h"

namespace mp {
namespace {

struct QueueObject : Object {
  Slot mutex, not_empty, not_full, all_tasks_done;
  Slot items;    // `queue`: a deque or a list, unless a script replaced it
  Slot maxsize;  // any number
  std::atomic<int64_t> unfinished{0};
  std::atomic<bool> shut_down{false};
};
extern const TypeSpec kQueueSpec, kLifoQueueSpec, kPriorityQueueSpec;

void trace_queue(Object* o, Tracer& tracer) { tracer.visit_slots(&static_cast<QueueObject*>(o)->mutex, 6); }
QueueObject* queue(Value v) { return v.as<QueueObject>(); }
Result<Value> items_of(Thread& t, Value self) {
  return slot_attribute(t, queue(self), queue(self)->items, "queue");
}
Result<Value> maxsize_of(Thread& t, QueueObject* self) {
  return slot_attribute(t, self, self->maxsize, "maxsize");
}
Result<ConditionObject*> empty_condition(Thread& t, QueueObject* self) {
  return condition_attribute(t, self, self->not_empty, "not_empty");
}
Result<ConditionObject*> full_condition(Thread& t, QueueObject* self) {
  return condition_attribute(t, self, self->not_full, "not_full");
}
Result<ConditionObject*> done_condition(Thread& t, QueueObject* self) {
  return condition_attribute(t, self, self->all_tasks_done, "all_tasks_done");
}

// ---- the hooks. Own: this class's natives; Script: a subclass has at least one of its own.

enum class Order : uint8_t { Fifo, Lifo, Priority, Script };

bool is_plain_list(Thread& t, Value v) { return v.is_object() && v.as_object()->type() == t.types().list; }

Result<Value> fifo_put(Thread& t, const Value* args) {
  Value items = TRY(items_of(t, args[0]));
  if (!is_exact_deque(items)) return call_method(t, items, t.names().append, {args[1]});
  TRY(deque_push(t, items, args[1]));
  return kNone;
}
Result<Value> fifo_get(Thread& t, const Value* args) {
  Value items = TRY(items_of(t, args[0]));
  if (!is_exact_deque(items)) return call_method(t, items, intern(t, "popleft"));
  Value item = deque_take(t, items);
  if (item.is_empty()) return t.raise(Exc::IndexError, "pop from an empty deque");
  return item;
}
Result<Value> lifo_put(Thread& t, const Value* args) {
  Value items = TRY(items_of(t, args[0]));
  if (!is_plain_list(t, items)) return call_method(t, items, t.names().append, {args[1]});
  TRY(list_append(t, items.as<ListObject>(), args[1]));
  return kNone;
}
Result<Value> lifo_get(Thread& t, const Value* args) {
  Value items = TRY(items_of(t, args[0]));
  if (!is_plain_list(t, items)) return call_method(t, items, intern(t, "pop"));
  return list_pop(t, items.as<ListObject>(), -1);
}
Result<ListObject*> heap_of(Thread& t, Value self) {
  Value items = TRY(items_of(t, self));
  if (!is_list(items))
    return t.raise(Exc::TypeError, "heap argument must be a list, not {}", type_name(t, items));
  return items.as<ListObject>();
}
Result<Value> priority_put(Thread& t, const Value* args) {
  TRY(heap_push(t, TRY(heap_of(t, args[0])), args[1]));
  return kNone;
}
Result<Value> priority_get(Thread& t, const Value* args) { return heap_pop(t, TRY(heap_of(t, args[0]))); }
Result<Value> count_items(Thread& t, const Value* args) {
  return make_int(t, TRY(length(t, TRY(items_of(t, args[0])))));
}
Result<Value> fifo_init(Thread& t, const Value* args) {
  queue(args[0])->items = make_deque(t);
  return kNone;
}
Result<Value> list_init(Thread& t, const Value* args) {
  queue(args[0])->items = Value(make_list(t));
  return kNone;
}

bool is_native(Value v, NativeCall call) {
  return is_kind(v, Kind::NativeFunction) && v.as<NativeFunctionObject>()->def->call == call;
}
Order order_of(Thread& t, Value self) {
  Type* type = self.as_object()->type();
  if (type->spec == &kQueueSpec) return Order::Fifo;
  if (type->spec == &kLifoQueueSpec) return Order::Lifo;
  if (type->spec == &kPriorityQueueSpec) return Order::Priority;
  if (!is_native(type_lookup(t, type, intern(t, "_qsize")), count_items)) return Order::Script;
  Value put = type_lookup(t, type, intern(t, "_put")), get = type_lookup(t, type, intern(t, "_get"));
  if (is_native(put, fifo_put) && is_native(get, fifo_get)) return Order::Fifo;
  if (is_native(put, lifo_put) && is_native(get, lifo_get)) return Order::Lifo;
  if (is_native(put, priority_put) && is_native(get, priority_get)) return Order::Priority;
  return Order::Script;
}

Result<int64_t> size_of(Thread& t, Value self, Order order) {
  if (order == Order::Script) return to_int64(t, TRY(call_method(t, self, intern(t, "_qsize"))));
  Value items = TRY(items_of(t, self));
  if (is_exact_deque(items)) return static_cast<int64_t>(deque_size(items));
  return length(t, items);
}
Status store(Thread& t, Value self, Order order, Value item) {
  Value args[2] = {self, item};
  switch (order) {
    case Order::Fifo: (void)TRY(fifo_put(t, args)); return {};
    case Order::Lifo: (void)TRY(lifo_put(t, args)); return {};
    case Order::Priority: (void)TRY(priority_put(t, args)); return {};
    case Order::Script: break;
  }
  TRY(call_method(t, self, intern(t, "_put"), {item}));
  return {};
}
Result<Value> take(Thread& t, Value self, Order order) {
  switch (order) {
    case Order::Fifo: return fifo_get(t, &self);
    case Order::Lifo: return lifo_get(t, &self);
    case Order::Priority: return priority_get(t, &self);
    case Order::Script: break;
  }
  return call_method(t, self, intern(t, "_get"));
}

// ---- making

Result<Value> queue_new(Thread& t, Value cls, const CallArgs&) {
  return t.heap().make<QueueObject>(t, cls.as<Type>());
}
Result<Value> queue_init(Thread& t, const Value* args) {
  QueueObject* self = queue(args[0]);
  self->maxsize = args[1];
  self->unfinished.store(0);
  self->shut_down.store(false);
  switch (order_of(t, args[0])) {
    case Order::Fifo:
    case Order::Lifo:
    case Order::Priority:
      if (args[0].as_object()->type()->spec != nullptr) {
        TRY(self->type()->spec == &kQueueSpec ? fifo_init(t, args) : list_init(t, args));
        break;
      }
      [[fallthrough]];
    case Order::Script: TRY(call_method(t, args[0], intern(t, "_init"), {args[1]}));
  }
  LockObject* mutex = make_lock(t);
  self->mutex = Value(mutex);
  self->not_empty = Value(make_condition(t, mutex));
  self->not_full = Value(make_condition(t, mutex));
  self->all_tasks_done = Value(make_condition(t, mutex));
  return kNone;
}
// The lock alone: any of the Conditions has it.
Result<ConditionObject*> monitor_of(Thread& t, QueueObject* self) {
  return condition_attribute(t, self, self->not_empty, "mutex");
}

// ---- put and get

Result<bool> is_bounded(Thread& t, QueueObject* self) {
  Value maxsize = TRY(maxsize_of(t, self));
  if (maxsize.is_int()) [[likely]]
    return maxsize.as_int() > 0;
  return compare_bool(t, maxsize, Value::from_int(0), CompareOp::Gt);
}
Result<bool> is_full(Thread& t, Value self, Order order) {
  int64_t size = TRY(size_of(t, self, order));
  Value maxsize = TRY(maxsize_of(t, queue(self)));
  if (maxsize.is_int()) [[likely]]
    return size >= maxsize.as_int();
  return compare_bool(t, make_int(t, size), maxsize, CompareOp::Ge);
}
// None, or a float: `timeout` is only a time once somebody must wait for that long.
Result<Value> timeout_argument(Thread& t, Value timeout) {
  if (timeout.is_none()) return timeout;
  if (TRY(compare_bool(t, timeout, Value::from_int(0), CompareOp::Lt)))
    return t.raise(Exc::ValueError, "'timeout' must be a non-negative number");
  return binary(t, BinaryOp::Add, make_float(t, 0.0), timeout);
}

// Waits on `condition` while `blocked()`; `late` is raised when that may not be waited for any longer.
template <class Blocked, class Check>
Status wait_while(Thread& t, Value self, ConditionObject* condition, Value block, Value timeout_value,
                  SyncError late, Blocked&& blocked, Check&& check) {
  if (!TRY(truth(t, block))) {
    if (TRY(blocked())) return raise_sync_error(t, late);
    return {};
  }
  timeout_value = TRY(timeout_argument(t, timeout_value));
  if (!TRY(blocked())) return {};
  int64_t timeout = TRY(parse_timeout(t, timeout_value));
  os::Deadline deadline = deadline_from_timeout(timeout);
  do {
    int64_t left = kForever;
    if (timeout != kForever) {
      left = deadline - os::monotonic_ns();
      if (left <= 0) return raise_sync_error(t, late);
    }
    (void)TRY(condition_wait(t, condition, left,
                             late == SyncError::Full ? WaitKind::QueuePut : WaitKind::Queue,
                             self.as_object()));
    TRY(check());
  } while (TRY(blocked()));
  return {};
}

Result<Value> queue_put(Thread& t, const Value* args) {
  Value self = args[0];
  QueueObject* q = queue(self);
  ConditionObject* condition = TRY(full_condition(t, q));
  return with_monitor(t, condition, [&]() -> Result<Value> {
    auto check = [&]() -> Status {
      if (q->shut_down.load(std::memory_order_relaxed)) return raise_sync_error(t, SyncError::ShutDown);
      return {};
    };
    TRY(check());
    Order order = order_of(t, self);
    if (TRY(is_bounded(t, q)))
      TRY(wait_while(
          t, self, condition, args[2], args[3], SyncError::Full, [&] { return is_full(t, self, order); },
          check));
    TRY(store(t, self, order, args[1]));
    q->unfinished.store(q->unfinished.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
    condition_notify(t, TRY(empty_condition(t, q)), 1);
    return kNone;
  });
}

Result<Value> queue_get(Thread& t, const Value* args) {
  Value self = args[0];
  QueueObject* q = queue(self);
  ConditionObject* condition = TRY(empty_condition(t, q));
  return with_monitor(t, condition, [&]() -> Result<Value> {
    Order order = order_of(t, self);
    auto is_empty = [&]() -> Result<bool> { return TRY(size_of(t, self, order)) == 0; };
    auto check = [&]() -> Status {
      if (q->shut_down.load(std::memory_order_relaxed) && TRY(is_empty()))
        return raise_sync_error(t, SyncError::ShutDown);
      return {};
    };
    TRY(check());
    TRY(wait_while(t, self, condition, args[1], args[2], SyncError::Empty, is_empty, check));
    Value item = TRY(take(t, self, order));
    condition_notify(t, TRY(full_condition(t, q)), 1);
    return item;
  });
}

bool is_plain(Value self) { return self.as_object()->type()->spec != nullptr; }

Result<Value> queue_put_nowait(Thread& t, const Value* args) {
  Value full[4] = {args[0], args[1], kFalse, kNone};
  if (is_plain(args[0])) return queue_put(t, full);
  return call_method(t, args[0], intern(t, "put"), {args[1], kFalse});
}
Result<Value> queue_get_nowait(Thread& t, const Value* args) {
  Value full[3] = {args[0], kFalse, kNone};
  if (is_plain(args[0])) return queue_get(t, full);
  return call_method(t, args[0], intern(t, "get"), {kFalse});
}

// ---- the rest

Result<Value> queue_size(Thread& t, const Value* args) {
  return with_monitor(t, TRY(monitor_of(t, queue(args[0]))), [&]() -> Result<Value> {
    return make_int(t, TRY(size_of(t, args[0], order_of(t, args[0]))));
  });
}
Result<Value> queue_empty(Thread& t, const Value* args) {
  return Value::from_bool(TRY(queue_size(t, args)) == Value::from_int(0));
}
Result<Value> queue_full(Thread& t, const Value* args) {
  return with_monitor(t, TRY(monitor_of(t, queue(args[0]))), [&]() -> Result<Value> {
    Value maxsize = TRY(maxsize_of(t, queue(args[0])));
    if (!TRY(compare_bool(t, Value::from_int(0), maxsize, CompareOp::Lt))) return kFalse;
    return Value::from_bool(TRY(is_full(t, args[0], order_of(t, args[0]))));
  });
}
Result<Value> queue_task_done(Thread& t, const Value* args) {
  QueueObject* q = queue(args[0]);
  ConditionObject* condition = TRY(done_condition(t, q));
  return with_monitor(t, condition, [&]() -> Result<Value> {
    int64_t left = q->unfinished.load(std::memory_order_relaxed) - 1;
    if (left < 0) return t.raise(Exc::ValueError, "task_done() called too many times");
    if (left == 0) condition_notify_all(t, condition);
    q->unfinished.store(left, std::memory_order_relaxed);
    return kNone;
  });
}
Result<Value> queue_join(Thread& t, const Value* args) {
  QueueObject* q = queue(args[0]);
  ConditionObject* condition = TRY(done_condition(t, q));
  return with_monitor(t, condition, [&]() -> Result<Value> {
    while (q->unfinished.load(std::memory_order_relaxed) != 0)
      (void)TRY(condition_wait(t, condition, kForever, WaitKind::QueueJoin, q));
    return kNone;
  });
}
Result<Value> queue_shutdown(Thread& t, const Value* args) {
  QueueObject* q = queue(args[0]);
  bool immediate = TRY(truth(t, args[1]));
  return with_monitor(t, TRY(monitor_of(t, q)), [&]() -> Result<Value> {
    q->shut_down.store(true, std::memory_order_relaxed);
    if (immediate) {
      Order order = order_of(t, args[0]);
      while (TRY(size_of(t, args[0], order)) != 0) {
        TRY(take(t, args[0], order));
        int64_t left = q->unfinished.load(std::memory_order_relaxed);
        if (left > 0) q->unfinished.store(left - 1, std::memory_order_relaxed);
      }
      condition_notify_all(t, TRY(done_condition(t, q)));
    }
    condition_notify_all(t, TRY(empty_condition(t, q)));
    condition_notify_all(t, TRY(full_condition(t, q)));
    return kNone;
  });
}

// ---- attributes

Result<Value> get_not_empty(Thread& t, Value self) { return TRY(empty_condition(t, queue(self))); }
Result<Value> get_not_full(Thread& t, Value self) { return TRY(full_condition(t, queue(self))); }
Result<Value> get_all_done(Thread& t, Value self) { return TRY(done_condition(t, queue(self))); }
Status set_not_empty(Thread& t, Value self, Value v) { return set_condition(t, queue(self)->not_empty, v); }
Status set_not_full(Thread& t, Value self, Value v) { return set_condition(t, queue(self)->not_full, v); }
Status set_all_done(Thread& t, Value self, Value v) {
  return set_condition(t, queue(self)->all_tasks_done, v);
}
Result<Value> get_unfinished(Thread& t, Value self) {
  (void)TRY(slot_attribute(t, queue(self), queue(self)->mutex, "unfinished_tasks"));
  return make_int(t, queue(self)->unfinished.load(std::memory_order_relaxed));
}
Status set_unfinished(Thread& t, Value self, Value value) {
  if (value.is_empty()) return t.raise(Exc::AttributeError, "unfinished_tasks");
  queue(self)->unfinished.store(TRY(to_int64(t, value)), std::memory_order_relaxed);
  return {};
}
Result<Value> get_shutdown(Thread& t, Value self) {
  (void)TRY(slot_attribute(t, queue(self), queue(self)->mutex, "is_shutdown"));
  return Value::from_bool(queue(self)->shut_down.load(std::memory_order_relaxed));
}
Status set_shutdown(Thread& t, Value self, Value value) {
  if (value.is_empty()) return t.raise(Exc::AttributeError, "is_shutdown");
  queue(self)->shut_down.store(TRY(truth(t, value)), std::memory_order_relaxed);
  return {};
}

const NativeDef kQueueMethods[] = {
    MP_RAW_NEW(queue_new, "__new__(cls, *args, **kwargs)", nullptr),
    MP_METHOD(queue_init, "__init__(self, maxsize=0)", nullptr),
    MP_METHOD(queue_put, "put(self, item, block=True, timeout=None)",
              "Put an item into the queue: waits for a free place, or raises Full."),
    MP_METHOD(queue_get, "get(self, block=True, timeout=None)",
              "Remove and return an item from the queue: waits for one, or raises Empty."),
    MP_METHOD(queue_put_nowait, "put_nowait(self, item)", "Put an item into the queue without blocking."),
    MP_METHOD(queue_get_nowait, "get_nowait(self)", "Remove and return an item without blocking."),
    MP_METHOD(queue_size, "qsize(self)", "Return the approximate size of the queue (not reliable!)."),
    MP_METHOD(queue_empty, "empty(self)",
              "Return True if the queue is empty, False otherwise (not reliable!)."),
    MP_METHOD(queue_full, "full(self)", "Return True if the queue is full, False otherwise (not reliable!)."),
    MP_METHOD(queue_task_done, "task_done(self)", "Indicate that a formerly enqueued task is complete."),
    MP_METHOD(queue_join, "join(self)",
              "Blocks until all items in the Queue have been gotten and processed."),
    MP_METHOD(queue_shutdown, "shutdown(self, immediate=False)",
              "Shut down the queue: put() raises ShutDown, and get() as well once the queue is empty."),
    MP_METHOD(fifo_init, "_init(self, maxsize)", nullptr),
    MP_METHOD(count_items, "_qsize(self)", nullptr),
    MP_METHOD(fifo_put, "_put(self, item)", nullptr),
    MP_METHOD(fifo_get, "_get(self)", nullptr),
    MP_CLASS_GETITEM,
    MP_END};
const NativeDef kLifoMethods[] = {
    MP_METHOD(list_init, "_init(self, maxsize)", nullptr), MP_METHOD(count_items, "_qsize(self)", nullptr),
    MP_METHOD(lifo_put, "_put(self, item)", nullptr), MP_METHOD(lifo_get, "_get(self)", nullptr), MP_END};
const NativeDef kPriorityMethods[] = {MP_METHOD(list_init, "_init(self, maxsize)", nullptr),
                                      MP_METHOD(count_items, "_qsize(self)", nullptr),
                                      MP_METHOD(priority_put, "_put(self, item)", nullptr),
                                      MP_METHOD(priority_get, "_get(self)", nullptr), MP_END};
const GetSetDef kGetSets[] = {{"not_empty", get_not_empty, set_not_empty, nullptr},
                              {"not_full", get_not_full, set_not_full, nullptr},
                              {"all_tasks_done", get_all_done, set_all_done, nullptr},
                              {"unfinished_tasks", get_unfinished, set_unfinished, nullptr},
                              {"is_shutdown", get_shutdown, set_shutdown, nullptr},
                              {}};
const MemberDef kMembers[] = {{"mutex", offsetof(QueueObject, mutex), false, nullptr},
                              {"queue", offsetof(QueueObject, items), false, nullptr},
                              {"maxsize", offsetof(QueueObject, maxsize), false, nullptr},
                              {}};
const TypeSpec kQueueSpec = {
    .name = "queue.Queue",
    .size = sizeof(QueueObject),
    .flags = kTypeBaseType | kTypeHasDict | kTypeHasWeakref,
    .doc =
        "Create a queue object with a given maximum size.\n\nIf maxsize is <= 0, the queue size is "
        "infinite.",
    .trace = trace_queue,
    .methods = kQueueMethods,
    .getsets = kGetSets,
    .members = kMembers,
    .init = open_type};
const TypeSpec kLifoQueueSpec = {.name = "queue.LifoQueue",
                                 .base_spec = &kQueueSpec,
                                 .size = sizeof(QueueObject),
                                 .flags = kTypeBaseType,
                                 .doc = "Variant of Queue that retrieves most recently added entries first.",
                                 .trace = trace_queue,
                                 .methods = kLifoMethods,
                                 .init = open_type};
const TypeSpec kPriorityQueueSpec = {
    .name = "queue.PriorityQueue",
    .base_spec = &kQueueSpec,
    .size = sizeof(QueueObject),
    .flags = kTypeBaseType,
    .doc =
        "Variant of Queue that retrieves open entries in priority order (lowest first).\n\nEntries are "
        "typically tuples of the form:  (priority number, data).",
    .trace = trace_queue,
    .methods = kPriorityMethods,
    .init = open_type};

Status init_module(Thread& t, ModuleObject* module) {
  for (const TypeSpec* spec : {&kQueueSpec, &kLifoQueueSpec, &kPriorityQueueSpec})
    module_add_type(t, module, *spec);
  TRY(module_add(t, module, "Empty", TRY(sync_error_class(t, SyncError::Empty))));
  TRY(module_add(t, module, "Full", TRY(sync_error_class(t, SyncError::Full))));
  return module_add(t, module, "ShutDown", TRY(sync_error_class(t, SyncError::ShutDown)));
}
const NativeDef kFunctions[] = {MP_END};

}  // namespace

extern const ModuleSpec kQueueCoreModule;
const ModuleSpec kQueueCoreModule = {.name = "_queue_core",
                                     .doc = "What the module queue is made of.",
                                     .functions = kFunctions,
                                     .init = init_module};

}  // namespace mp

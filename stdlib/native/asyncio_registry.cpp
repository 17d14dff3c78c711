// Which tasks exist, which one runs, and the loop that runs in this thread. Pending tasks stand in lists that
// keep none of them alive; the collector takes dead ones out.
#include <mutex>

#include "stdlib/native/asyncio_internal.h"
#include "vm/exec/generator.h"
#include "vm/threads/deadlock.h"
#include "vm/threads/thread_table.h"

namespace mp::asyncio {

struct TaskList {
  std::mutex mutex;
  TaskObject* first = nullptr;
};

namespace {

constexpr size_t kLists = 8;  // threads with loops of their own should not meet
const char kTag = 0;
struct Registry {
  TaskList lists[kLists];
  std::atomic<uint64_t> task_count{0};
  std::atomic<Heap*> heap{nullptr};
  // The tasks of loops that do not run in the thread that asks: loops of other libraries, tests. {loop: task}
  Slot current_tasks;
};

void prune(void* context, Tracer&) {
  auto* registry = static_cast<Registry*>(context);
  Heap* heap = registry->heap;
  for (TaskList& list : registry->lists) {
    for (TaskObject* task = list.first; task != nullptr;) {
      TaskObject* next = task->next;
      if (!heap->is_live(task)) {
        (task->previous != nullptr ? task->previous->next : list.first) = next;
        if (next != nullptr) next->previous = task->previous;
      }
      task = next;
    }
  }
}

Registry& registry_of(Thread& t) {
  auto& registry = t.runtime().state<Registry>(&kTag);
  Heap* none = nullptr;
  if (registry.heap.load(std::memory_order_acquire) == nullptr &&
      registry.heap.compare_exchange_strong(none, &t.heap())) {
    t.heap().add_weak_table(prune, &registry);
    t.heap().add_root_scanner(
        [](void* context, Tracer& tracer) { tracer.visit(static_cast<Registry*>(context)->current_tasks); },
        &registry);
  }
  return registry;
}
DictObject* current_tasks(Thread& t) {
  Registry& registry = registry_of(t);
  if (registry.current_tasks.get().is_empty()) registry.current_tasks.compare_exchange(kEmpty, make_dict(t));
  return registry.current_tasks.get().as<DictObject>();
}

}  // namespace

uint64_t next_task_number(Thread& t) {
  return registry_of(t).task_count.fetch_add(1, std::memory_order_relaxed) + 1;
}

// SAFETY: no safepoint while a list's mutex is held, so the collector never finds a list half changed.
void register_task(Thread& t, TaskObject* task) {
  TaskList *none = nullptr, *list = &registry_of(t).lists[(task->loop.get().bits() >> 6) % kLists];
  std::lock_guard<std::mutex> guard(list->mutex);
  if (!task->list.compare_exchange_strong(none, list)) return;
  task->previous = nullptr;
  task->next = list->first;
  if (list->first != nullptr) list->first->previous = task;
  list->first = task;
}
void unregister_task(TaskObject* task) {
  TaskList* list = task->list;
  if (list == nullptr) return;
  std::lock_guard<std::mutex> guard(list->mutex);
  if (task->list != list) return;
  (task->previous != nullptr ? task->previous->next : list->first) = task->next;
  if (task->next != nullptr) task->next->previous = task->previous;
  task->next = task->previous = nullptr;
  task->list = nullptr;  // from here on it may be put into another list
}

Status enter_task(Thread& t, Value loop, Value task) {
  Value current;
  if (loop == t.impl->event_loop.get()) [[likely]] {
    current = t.impl->current_task;
    if (current.is_empty()) {
      t.impl->current_task = task;
      return {};
    }
  } else {
    current = TRY(dict_get(t, current_tasks(t), loop));
    if (current.is_not_found() || current.is_none()) return dict_set(t, current_tasks(t), loop, task);
  }
  return t.raise(Exc::RuntimeError, "Cannot enter into task {} while another task {} is being executed.",
                 repr_text(t, task), repr_text(t, current));
}
Status leave_task(Thread& t, Value loop, Value task) {
  Value current;
  if (loop == t.impl->event_loop.get()) [[likely]] {
    current = or_none(t.impl->current_task);
    if (current == task) {
      t.impl->current_task = kEmpty;
      return {};
    }
  } else {
    current = TRY(dict_get(t, current_tasks(t), loop));
    if (current.is_not_found()) current = kNone;
    if (current == task) {
      TRY(dict_delete(t, current_tasks(t), loop));
      return {};
    }
  }
  return t.raise(Exc::RuntimeError, "Leaving task {} does not match the current task {}.", repr_text(t, task),
                 repr_text(t, current));
}
Result<Value> swap_current_task(Thread& t, Value loop, Value task) {
  if (loop == t.impl->event_loop.get())
    return or_none(t.impl->current_task.exchange(task.is_none() ? kEmpty : task));
  Value previous = TRY(dict_get(t, current_tasks(t), loop));
  if (task.is_none()) {
    TRY(dict_delete(t, current_tasks(t), loop));
  } else {
    TRY(dict_set(t, current_tasks(t), loop, task));
  }
  return previous.is_not_found() ? kNone : previous;
}
Result<Value> current_task_of(Thread& t, Value loop) {
  if (loop == t.impl->event_loop.get()) return or_none(t.impl->current_task);
  Value known = TRY(dict_get(t, current_tasks(t), loop));
  if (!known.is_not_found()) return known;
  // It may run in another thread.
  struct Search {
    Value loop, found;
  } search{loop, kNone};
  for_each_thread(
      t.runtime(),
      [](void* context, Thread& other) {
        auto* s = static_cast<Search*>(context);
        if (other.impl->event_loop.get() == s->loop) s->found = or_none(other.impl->current_task);
      },
      &search);
  return search.found;
}

namespace {

Error no_running_loop(Thread& t) { return t.raise(Exc::RuntimeError, "no running event loop"); }

Result<Value> get_running_loop(Thread& t, const Value*) {
  Value loop = t.impl->event_loop;
  if (loop.is_empty()) return no_running_loop(t);
  return loop;
}
Result<Value> private_get_running_loop(Thread& t, const Value*) { return or_none(t.impl->event_loop); }
Result<Value> private_set_running_loop(Thread& t, const Value* args) {
  TRY(set_running_event_loop(t, args[0]));
  return kNone;
}
Result<Value> get_event_loop(Thread& t, const Value*) {
  Value loop = t.impl->event_loop;
  if (!loop.is_empty()) return loop;
  Value policy = TRY(call_helper(t, "asyncio.events", "get_event_loop_policy", {}));
  return call_method(t, policy, intern(t, "get_event_loop"));
}
Result<Value> loop_or_running(Thread& t, Value loop) {
  if (!loop.is_none()) return loop;
  loop = t.impl->event_loop;
  return loop.is_empty() ? Result<Value>(no_running_loop(t)) : Result<Value>(loop);
}
Result<Value> current_task(Thread& t, const Value* args) {
  return current_task_of(t, TRY(loop_or_running(t, args[0])));
}
// The pending native tasks of a loop; tasks of other classes are in tasks._scheduled_tasks.
Result<Value> native_tasks(Thread& t, const Value* args) {
  Value loop = TRY(loop_or_running(t, args[0]));
  RootVector found(t);
  for (TaskList& list : registry_of(t).lists) {
    std::lock_guard<std::mutex> guard(list.mutex);
    for (TaskObject* task = list.first; task != nullptr; task = task->next)
      if (task->loop.get() == loop && state_of(task) == State::Pending) found.push_back(Value(task));
  }
  return make_list(t, found.data(), found.size());
}
// Native tasks are registered without help; the script's own sets take all others.
template <void (*change)(Thread&, TaskObject*)>
Result<Value> change_registration(Thread& t, const Value* args) {
  if (!is_task(t, args[0])) return kFalse;
  change(t, task_of(args[0]));
  return kTrue;
}
void forget_task(Thread&, TaskObject* task) { unregister_task(task); }
Result<Value> enter_task_function(Thread& t, const Value* args) {
  TRY(enter_task(t, args[0], args[1]));
  return kNone;
}
Result<Value> leave_task_function(Thread& t, const Value* args) {
  TRY(leave_task(t, args[0], args[1]));
  return kNone;
}
Result<Value> swap_current_task_function(Thread& t, const Value* args) {
  return swap_current_task(t, args[0], args[1]);
}
Result<Value> next_number(Thread& t, const Value*) {
  return Value::from_int(static_cast<int64_t>(next_task_number(t)));
}

}  // namespace

const NativeDef kRegistryFunctions[] = {
    MP_FUNCTION(get_running_loop, "get_running_loop()",
                "Return the running event loop. Raise a RuntimeError if there is none."),
    MP_FUNCTION(private_get_running_loop, "_get_running_loop()", "Return the running event loop or None."),
    MP_FUNCTION(private_set_running_loop, "_set_running_loop(loop, /)", "Set the running event loop."),
    MP_FUNCTION(get_event_loop, "get_event_loop()",
                "Return an asyncio event loop: the running one, or what the policy says."),
    MP_FUNCTION(current_task, "current_task(loop=None)", "Return a currently executed task."),
    MP_FUNCTION(native_tasks, "_native_tasks(loop=None)", nullptr),
    MP_FUNCTION(change_registration<register_task>, "_register_native(task)", nullptr),
    MP_FUNCTION(change_registration<forget_task>, "_unregister_native(task)", nullptr),
    MP_FUNCTION(enter_task_function, "_enter_task(loop, task)",
                "Enter into task execution or resume suspended task."),
    MP_FUNCTION(leave_task_function, "_leave_task(loop, task)", "Leave task execution or suspend a task."),
    MP_FUNCTION(swap_current_task_function, "_swap_current_task(loop, task)",
                "Temporarily swap in the supplied task and return the original one (or None)."),
    MP_FUNCTION(next_number, "_next_task_number()", nullptr),
    MP_FUNCTION(make_turn, "_turn()", nullptr),
    MP_END};

// ---- for the deadlock report: what each pending task of a loop waits for, and where it stands

namespace {

std::string plain_name(const TaskObject* task) {
  Value name = task->name;
  return is_str(name) ? to_utf8(name.as<StrObject>()) : fmt::format("Task-{}", task->number);
}

void describe_task(Thread& t, TaskObject* task, std::string& out) {
  Value waiter = task->waiter;
  out += fmt::format("    Task \"{}\" awaits ", plain_name(task));
  if (waiter.is_empty())
    out += "its turn\n";
  else if (is_task(t, waiter))
    out += fmt::format("Task \"{}\"\n", plain_name(task_of(waiter)));
  else
    out += fmt::format("a {} that nobody has finished\n", to_utf8(type_of(t, waiter)->name));
  for (Value v = task->coroutine; is_kind(v, Kind::Generator);) {
    auto* coroutine = v.as<GeneratorObject>();
    if (coroutine->state.load(std::memory_order_acquire) != GeneratorState::Suspended) return;
    const Frame& frame = coroutine->frame;
    out += fmt::format(
        "      File \"{}\", line {}, in {}\n", to_utf8(frame.code->filename.get().as<StrObject>()),
        code_line(frame.code, frame.word()), to_utf8(frame.code->qualified_name.get().as<StrObject>()));
    v = delegate_of(coroutine);
  }
}

void describe_loop(Thread& t, const void* loop, std::string& report) {
  for (TaskList& list : registry_of(t).lists)
    for (TaskObject* task = list.first; task != nullptr; task = task->next)
      if (task->loop.get().as_object() == loop && state_of(task) == State::Pending)
        describe_task(t, task, report);
}

}  // namespace

Status init_registry(Thread& t, ModuleObject* module) {
  set_loop_description(t.runtime(), describe_loop);
  return module_add(t, module, "_current_tasks", Value(current_tasks(t)));
}

}  // namespace mp::asyncio

namespace mp {

Value running_event_loop(Thread& t) { return asyncio::or_none(t.impl->event_loop); }
Status set_running_event_loop(Thread& t, Value loop) {
  if (loop.is_none()) loop = kEmpty;
  Value before = t.impl->event_loop, task = t.impl->current_task;
  if (loop == before) return {};
  // A loop that is put aside within a task (nested loops) keeps it.
  DictObject* others = asyncio::current_tasks(t);
  if (!before.is_empty() && !task.is_empty()) TRY(dict_set(t, others, before, task));
  t.impl->current_task = kEmpty;
  t.impl->event_loop = loop;
  if (loop.is_empty() || others->length() == 0) return {};
  Value known = TRY(dict_pop(t, others, loop));
  if (!known.is_not_found()) t.impl->current_task = known;
  return {};
}

}  // namespace mp

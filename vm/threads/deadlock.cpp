#include "vm/threads/deadlock.h"

#include <unistd.h>

#include <cstdio>
#include <cstring>

#include "vm/exec/frame.h"
#include "vm/protocol/protocol.h"
#include "vm/threads/signals.h"
#include "vm/threads/thread_impl.h"
#include "vm/threads/thread_table.h"
#include "vm/types/exception.h"
#include "vm/types/function.h"
#include "vm/types/runtime.h"

namespace mp {
namespace {

constexpr int kExitCode = 67;
constexpr const char* kMessage = "deadlock: all threads are blocked for good";

bool is_endless(WaitKind kind) {
  switch (kind) {
    case WaitKind::Lock:
    case WaitKind::RLock:
    case WaitKind::Condition:
    case WaitKind::Event:
    case WaitKind::Semaphore:
    case WaitKind::Barrier:
    case WaitKind::Queue:
    case WaitKind::QueuePut:
    case WaitKind::QueueJoin:
    case WaitKind::Future:
    case WaitKind::Import:
    case WaitKind::Poll:  // an event loop without descriptors and timers; with them it does not park
    case WaitKind::Join: return true;
    case WaitKind::None:
    case WaitKind::Sleep:
    case WaitKind::Child:
    case WaitKind::Gil:
    case WaitKind::Other: return false;
  }
  return false;
}

// `object`, as scripts see it: "an Event", "a BoundedSemaphore".
std::string object_text(const void* object) {
  std::string name = to_utf8(static_cast<const Object*>(object)->type()->name);
  return (std::strchr("AEIOU", name[0]) != nullptr ? "an " : "a ") + name;
}

// SAFETY: where it is an object, the waiting thread's arguments hold it.
std::string wait_text(WaitKind kind, const void* object) {
  switch (kind) {
    case WaitKind::Lock: return "a Lock";
    case WaitKind::RLock: return "an RLock";
    case WaitKind::Condition:
    case WaitKind::Event:
    case WaitKind::Semaphore:
    case WaitKind::Barrier: return object_text(object);
    case WaitKind::Queue: return "an item of " + object_text(object);
    case WaitKind::QueuePut: return "room in " + object_text(object);
    case WaitKind::QueueJoin: return "the end of all tasks of " + object_text(object);
    case WaitKind::Future: return "the result of " + object_text(object);
    case WaitKind::Import: return "the import of a module";
    case WaitKind::Poll: return "an event loop";
    case WaitKind::Join: return "the end of a thread";
    default: return "something";
  }
}

const char kLoopTag = 0;
struct LoopDescriber {
  std::atomic<LoopDescription> describe{nullptr};
};

// asyncio.Runner's handler of Ctrl-C cancels the main task. Like KeyboardInterrupt, which it stands for, it
// is a way out and no reason to believe that the thread goes on by itself.
bool is_way_out(Value handler) {
  if (!is_kind(handler, Kind::Function)) return false;
  Value module = handler.as<FunctionObject>()->module;
  return is_str(module) && str_equal(module.as<StrObject>(), "asyncio.runners");
}

// A handler of the script could release what the main thread waits for.
bool has_script_signal_handler(Thread& t) {
  const SignalState& state = signal_state(t);
  for (int i = 0; i < kSignalCount; ++i)
    if (state.actions[i].load(std::memory_order_relaxed) == SignalAction::Script &&
        !is_way_out(state.handlers[i]))
      return true;
  return false;
}

std::string thread_title(const Thread& t) {
  const std::string& name = t.impl->name;  // empty: threading does not know the thread
  return fmt::format("Thread {} (ident {})", name.empty() ? "without a name" : one_line('"' + name + '"'),
                     t.ident);
}

std::string title_of(Thread& t, uint64_t ident) {
  for (Thread* other = t.runtime().threads->first; other != nullptr; other = other->impl->next)
    if (other->ident == ident) return thread_title(*other);
  return fmt::format("a thread that has ended (ident {})", ident);
}

std::string place(CodeObject* code, uint32_t word) {
  return fmt::format("File \"{}\", line {}, in {}", to_utf8(code->filename.get().as<StrObject>()),
                     code_line(code, word), to_utf8(code->qualified_name.get().as<StrObject>()));
}

void append_stack(std::string& out, const Thread& t) {
  std::vector<Frame*> frames;
  for (Frame* frame = t.frame; frame != nullptr; frame = frame->previous) frames.push_back(frame);
  constexpr size_t kShown = 30;
  size_t hidden = frames.size() > kShown ? frames.size() - kShown : 0;
  if (hidden != 0) out += fmt::format("    ... {} more\n", hidden);
  for (size_t i = frames.size() - hidden; i-- > 0;)
    out += "    " + place(frames[i]->code, frames[i]->word()) + "\n";
}

void append_thread(std::string& out, Thread& self, Thread& t) {
  const WaitRecord& record = t.impl->wait;
  WaitKind kind = record.kind.load(std::memory_order_acquire);
  const LockSite* site = record.site.load(std::memory_order_relaxed);
  uint64_t owner = site != nullptr ? site->owner.load(std::memory_order_relaxed)
                                   : record.owner.load(std::memory_order_relaxed);
  const void* object = record.object.load(std::memory_order_relaxed);
  out += fmt::format("  {} waits for {}", thread_title(t), wait_text(kind, object));
  if (kind == WaitKind::Join)
    out += ": " + title_of(self, owner);
  else
    out += fmt::format(" at {:#x}", reinterpret_cast<uintptr_t>(object));
  if (kind != WaitKind::Join && owner != 0)
    out += ", held by " + (owner == t.ident ? "itself" : title_of(self, owner));
  out += "\n";
  if (site != nullptr && owner != 0 && !site->code.get().is_empty())
    out += "    taken in " +
           place(site->code.get().as<CodeObject>(), site->word.load(std::memory_order_relaxed)) + "\n";
  int64_t waited = os::monotonic_ns() - record.since.load(std::memory_order_relaxed);
  out += fmt::format("    has waited {:.3f} s\n", static_cast<double>(waited) * 1e-9);
  append_stack(out, t);
  if (kind != WaitKind::Poll) return;
  LoopDescription describe =
      t.runtime().state<LoopDescriber>(&kLoopTag).describe.load(std::memory_order_acquire);
  if (describe != nullptr) describe(self, object, out);
}

Thread* oldest_thread(ThreadTable& table) {
  Thread* oldest = table.first;
  while (oldest->impl->next != nullptr) oldest = oldest->impl->next;
  return oldest;
}

bool is_blocked_for_good(const Thread& t) {
  const WaitRecord& record = t.impl->wait;
  return is_endless(record.kind.load(std::memory_order_acquire)) &&
         record.deadline.load(std::memory_order_relaxed) == os::kNoDeadline;
}

// With the world stopped: true, and the report, when all threads are blocked for good; `t` itself is about to
// be.
bool describe(Thread& t, std::string* report) {
  ThreadTable& table = *t.runtime().threads;
  std::lock_guard<std::mutex> guard(table.mutex);
  size_t waiting = 0;
  std::string text;
  // The oldest thread first, which is mostly the main thread.
  for (Thread* other = oldest_thread(table); other != nullptr; other = other->impl->previous) {
    const Parker& parker = other->impl->parker;
    if (!is_blocked_for_good(*other) || (other != &t && (parker.woken() || parker.interrupted())))
      return false;
    append_thread(text, t, *other);
    ++waiting;
  }
  *report = fmt::format("minipy: deadlock: {} blocked for good\n",
                        waiting == 1 ? "the only thread is" : fmt::format("all {} threads are", waiting)) +
            text;
  return true;
}

// Standard output first, so that the report stands behind what the script printed. A stream of the script's
// own class might wait for what is stuck: what it writes to is flushed in its place. Error: an exception that
// is no Exception (Ctrl-C).
Status flush_streams(Thread& t) {
  for (const char* name : {"stdout", "__stdout__", "stderr", "__stderr__"}) {
    Value stream = dict_get_text(t, t.runtime().sys_module->dict, name);
    if (!stream.is_object() || stream.is_none() || type_of(t, stream)->has(kTypeHeap)) continue;
    if (call_method(t, stream, t.names().flush).is_error() && !t.catch_exception(Exc::Exception))
      return Error{};
  }
  return {};
}

bool found_deadlock(Thread& t, std::string* report) {
  StoppedWorld stopped(t);
  return describe(t, report);
}

}  // namespace

bool may_block_for_good(Thread& t, WaitKind kind, os::Deadline deadline) {
  Runtime& runtime = t.runtime();
  return deadline == os::kNoDeadline && is_endless(kind) &&
         runtime.threads->watch_deadlocks.load(std::memory_order_relaxed) &&
         !(t.is_main && has_script_signal_handler(t));
}

bool all_threads_blocked(Runtime& runtime) {
  ThreadTable& table = *runtime.threads;
  return table.blocked.load(std::memory_order_seq_cst) >= table.count.load(std::memory_order_seq_cst);
}

Status handle_deadlock(Thread& t) {
  Runtime& runtime = t.runtime();
  std::string report;
  if (!found_deadlock(t, &report)) return {};
  const std::string& action = runtime.options.deadlock;
  if (action == "raise") return t.raise(Exc::RuntimeError, "{}", kMessage);
  runtime.threads->watch_deadlocks.store(false, std::memory_order_relaxed);  // once, and not while it flushes
  Status flushed = flush_streams(t);
  std::fputs(report.c_str(), stderr);
  std::fflush(stderr);
  if (action == "exit") _exit(kExitCode);
  return flushed;
}

void set_loop_description(Runtime& runtime, LoopDescription describe) {
  runtime.state<LoopDescriber>(&kLoopTag).describe.store(describe, std::memory_order_release);
}

void note_thread_ended(Runtime& runtime) {
  if (!runtime.threads->watch_deadlocks.load(std::memory_order_relaxed) ||
      runtime.threads->first == nullptr || !all_threads_blocked(runtime))
    return;
  // It finds no signal and no exception, waits again, and is the last one then.
  oldest_thread(*runtime.threads)->impl->parker.interrupt();
}

}  // namespace mp

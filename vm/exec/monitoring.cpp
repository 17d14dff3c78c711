#include "vm/exec/monitoring.h"

#include "vm/exec/code_data.h"
#include "vm/exec/ops.h"
#include "vm/native/native.h"
#include "vm/threads/object_lock.h"
#include "vm/threads/thread_impl.h"
#include "vm/threads/thread_table.h"

namespace mp {

namespace {

const char* const kEventNames[kAllEvents] = {
    "PY_START",    "PY_RESUME", "PY_RETURN", "PY_YIELD",       "CALL",   "LINE",
    "INSTRUCTION", "JUMP",      "BRANCH",    "STOP_ITERATION", "RAISE",  "EXCEPTION_HANDLED",
    "PY_UNWIND",   "PY_THROW",  "RERAISE",   "C_RETURN",       "C_RAISE"};

void trace_monitoring(Object* o, Tracer& tracer) {
  auto* m = static_cast<Monitoring*>(o);
  tracer.visit_slots(&m->disable, 2);
  tracer.visit_slots(m->names, kTools);
  tracer.visit_slots(&m->callbacks[0][0], kTools * kAllEvents);
}
const TypeSpec kMonitoringSpec = {
    .name = "monitoring", .size = sizeof(Monitoring), .flags = kTypeDisallowNew, .trace = trace_monitoring};

int index_of(Event event) { return static_cast<int>(event); }
// C_RETURN and C_RAISE belong to CALL.
int owner_of(Event event) { return event >= Event::CReturn ? index_of(Event::Call) : index_of(event); }

CodeMonitors* monitors_of(const CodeObject* code) {
  return code->data->monitors.load(std::memory_order_acquire);
}
CodeMonitors* make_monitors(Thread& t, CodeObject* code) {
  ObjectLock lock(t, code);
  CodeMonitors* monitors = monitors_of(code);
  if (monitors == nullptr) {
    monitors = new CodeMonitors(code->word_count);
    code->data->monitors.store(monitors, std::memory_order_release);
  }
  return monitors;
}

// The tools that returned DISABLE here, or null when none did since the last restart.
std::atomic<uint8_t>* disabled_at(Monitoring* m, CodeMonitors* monitors, int event, uint32_t word) {
  if (monitors == nullptr || monitors->restarts.load() != m->restarts.load()) return nullptr;
  std::atomic<uint8_t>* all = monitors->disabled.load(std::memory_order_acquire);
  return all == nullptr ? nullptr : all + static_cast<size_t>(event) * monitors->word_count + word;
}

void disable(Thread& t, Monitoring* m, CodeObject* code, int event, uint32_t word, int tool) {
  CodeMonitors* monitors = make_monitors(t, code);
  ObjectLock lock(t, code);
  size_t size = size_t{kLocalEvents} * monitors->word_count;
  std::atomic<uint8_t>* all = monitors->disabled.load();
  if (all == nullptr) {
    all = new std::atomic<uint8_t>[size] {};
    monitors->disabled.store(all, std::memory_order_release);
  }
  if (uint32_t now = m->restarts.load(); monitors->restarts.load() != now) {
    for (size_t i = 0; i < size; ++i) all[i].store(0);
    monitors->restarts.store(now);
  }
  all[static_cast<size_t>(event) * monitors->word_count + word].fetch_or(static_cast<uint8_t>(1 << tool));
}

uint8_t tools_for(Monitoring* m, Event event, const Frame* frame) {
  int e = owner_of(event);
  uint8_t tools = m->tools[e].load(std::memory_order_relaxed);
  if (e >= kLocalEvents) return tools;
  CodeMonitors* monitors = monitors_of(frame->code);
  if (monitors == nullptr) return tools;
  tools |= monitors->tools[e].load(std::memory_order_relaxed);
  if (tools == 0) return 0;
  std::atomic<uint8_t>* disabled = disabled_at(m, monitors, e, frame->word());
  return disabled == nullptr ? tools : tools & static_cast<uint8_t>(~disabled->load());
}

uint32_t events_with_tools(std::atomic<uint8_t>* tools, int count) {
  uint32_t events = 0;
  for (int e = 0; e < count; ++e)
    if (tools[e].load() != 0) events |= 1U << e;
  return events;
}

// Threads look at the loop they run whenever this changes.
void update(Thread& t, Monitoring* m) {
  {
    ObjectLock lock(t, m);
    m->wanted.store(events_with_tools(m->tools, kUngroupedEvents));
    t.runtime().gil->monitored.store(m->local_sets.load() != 0 || m->wanted.load() != 0);
  }
  for_each_thread(
      t.runtime(), [](void*, Thread& other) { other.set_interrupt(kInterruptTrace); }, nullptr);
}

}  // namespace

const char* event_name(Event event) { return kEventNames[index_of(event)]; }

CodeData::~CodeData() { delete monitors.load(); }

Monitoring* monitoring(Thread& t) {
  auto& slot = t.runtime().gil->monitoring;
  if (Monitoring* m = slot.load(std::memory_order_acquire)) return m;
  Type* type = native_type(t, kMonitoringSpec);
  ObjectLock lock(t, type);
  if (type->extra.get().is_empty()) {
    auto* m = t.heap().make<Monitoring>(t, type);
    m->disable = Value(t.heap().make<Object>(t, t.types().object));
    m->missing = Value(t.heap().make<Object>(t, t.types().object));
    type->extra = Value(m);
    slot.store(m, std::memory_order_release);
  }
  return type->extra.get().as<Monitoring>();
}

uint32_t monitoring_events(Monitoring* m, int tool) {
  uint32_t events = 0;
  for (int e = 0; e < kUngroupedEvents; ++e)
    if ((m->tools[e].load() >> tool & 1) != 0) events |= 1U << e;
  return events;
}

void monitoring_set_events(Thread& t, int tool, uint32_t events) {
  Monitoring* m = monitoring(t);
  auto bit = static_cast<uint8_t>(1 << tool);
  for (int e = 0; e < kUngroupedEvents; ++e)
    if ((events >> e & 1) != 0)
      m->tools[e].fetch_or(bit);
    else
      m->tools[e].fetch_and(static_cast<uint8_t>(~bit));
  update(t, m);
}

uint32_t monitoring_local_events(CodeObject* code, int tool) {
  uint32_t events = 0;
  if (CodeMonitors* monitors = monitors_of(code))
    for (int e = 0; e < kLocalEvents; ++e)
      if ((monitors->tools[e].load() >> tool & 1) != 0) events |= 1U << e;
  return events;
}

void monitoring_set_local_events(Thread& t, CodeObject* code, int tool, uint32_t events) {
  Monitoring* m = monitoring(t);
  CodeMonitors* monitors = make_monitors(t, code);
  {
    ObjectLock lock(t, code);
    bool before = monitoring_local_events(code, tool) != 0;
    auto bit = static_cast<uint8_t>(1 << tool);
    for (int e = 0; e < kLocalEvents; ++e)
      if ((events >> e & 1) != 0)
        monitors->tools[e].fetch_or(bit);
      else
        monitors->tools[e].fetch_and(static_cast<uint8_t>(~bit));
    monitors->wanted.store(events_with_tools(monitors->tools, kLocalEvents));
    if (before != (events != 0)) m->local_sets.fetch_add(events != 0 ? 1 : UINT32_MAX);
  }
  update(t, m);
}

void monitoring_restart(Thread& t) { monitoring(t)->restarts.fetch_add(1); }

uint32_t wanted_events(Thread& t, const CodeObject* code) {
  CodeMonitors* monitors = monitors_of(code);
  uint32_t local = monitors == nullptr ? 0 : monitors->wanted.load(std::memory_order_relaxed);
  return local | monitoring(t)->wanted.load(std::memory_order_relaxed);
}

bool wants_event(Thread& t, Event event, const Frame* frame) {
  return monitored(t.runtime()) && !t.impl->observing && tools_for(monitoring(t), event, frame) != 0;
}

bool fire_event(Thread& t, Event event, Frame* frame, std::initializer_list<Value> arguments) {
  if (!monitored(t.runtime()) || t.impl->observing) return true;
  Monitoring* m = monitoring(t);
  uint8_t tools = tools_for(m, event, frame);
  if (tools == 0) return true;
  uint32_t word = frame->word();
  CodeObject* code = frame->code;
  Value values[4] = {code, make_int(t, int64_t{word} * 2)};
  // A line is told by its number alone.
  size_t count = event == Event::Line ? 1 : 2;
  for (Value v : arguments) values[count++] = v;
  Value pending = t.take_exception();
  bool ok = true;
  for (int tool = 0; ok && tool < kTools; ++tool) {
    if ((tools >> tool & 1) == 0) continue;
    Value callback = m->callbacks[tool][index_of(event)];
    if (callback.is_empty()) continue;
    t.impl->observing = true;
    Value result = call(t, callback, CallArgs{values, count, {}}).take();
    t.impl->observing = false;
    t.set_interrupt(kInterruptTrace);  // it may have switched off what keeps this loop running
    if (result.is_error()) {
      ok = false;
    } else if (result == m->disable.get()) {
      if (index_of(event) < kLocalEvents) {
        disable(t, m, code, index_of(event), word, tool);
      } else {
        m->callbacks[tool][index_of(event)] = kEmpty;
        t.raise(Exc::ValueError, "Cannot disable {} events. Callback removed.", event_name(event));
        ok = false;
      }
    }
  }
  if (ok) t.restore_exception(pending);
  return ok;
}

}  // namespace mp

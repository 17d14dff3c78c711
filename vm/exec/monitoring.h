// sys.monitoring (PEP 669): which tools want which events, of the whole runtime and of single code objects,
// and the calls of their callbacks. Events come from the instrumented loop (trace.cpp), which runs only while
// some tool wants some. It does not know instructions.
#pragma once
#include <initializer_list>

#include "vm/exec/frame.h"
#include "vm/threads/gil.h"
#include "vm/types/runtime.h"

namespace mp {

// In CPython's order: the bit of an event in an event set is 1 << event.
enum class Event : uint8_t {
  PyStart,
  PyResume,
  PyReturn,
  PyYield,
  Call,
  Line,
  Instruction,
  Jump,
  Branch,
  StopIteration,  // local
  Raise,
  ExceptionHandled,
  PyUnwind,
  PyThrow,
  Reraise,  // of the runtime only
  CReturn,
  CRaise,  // go to the tools that get Call
};
inline constexpr int kLocalEvents = 10, kUngroupedEvents = 15, kAllEvents = 17;
inline constexpr int kTools = 6;

// What a code object knows of it; made when a tool first asks for local events, or disables a place.
struct CodeMonitors {
  explicit CodeMonitors(uint32_t words) : word_count(words) {}
  ~CodeMonitors() { delete[] disabled.load(); }
  uint32_t word_count;
  std::atomic<uint8_t> tools[kLocalEvents] = {};         // a bit per tool
  std::atomic<std::atomic<uint8_t>*> disabled{nullptr};  // [event][word]: tools that returned DISABLE there
  std::atomic<uint32_t> wanted{0};                       // events with tools
  std::atomic<uint32_t> restarts{0};                     // when `disabled` was valid
};

// One per runtime, made on first use.
struct Monitoring : Object {
  Slot disable, missing;  // object() instances: the answer that ends events from a place; no first argument
  Slot names[kTools];
  Slot callbacks[kTools][kAllEvents];
  std::atomic<uint8_t> tools[kUngroupedEvents];  // for all code; a bit per tool
  std::atomic<uint32_t> wanted;                  // events with tools, 1 << event
  std::atomic<uint32_t> local_sets;              // pairs of code and tool with local events
  std::atomic<uint32_t> restarts;                // calls of restart_events()
};
Monitoring* monitoring(Thread& t);
const char* event_name(Event event);  // "PY_START"

// The calls behind the functions of the same names in sys.monitoring, for native tools too.
uint32_t monitoring_events(Monitoring* m, int tool);
void monitoring_set_events(Thread& t, int tool, uint32_t events);
uint32_t monitoring_local_events(CodeObject* code, int tool);
void monitoring_set_local_events(Thread& t, CodeObject* code, int tool, uint32_t events);
void monitoring_restart(Thread& t);

// Whether any tool has any event now.
inline bool monitored(Runtime& runtime) { return runtime.gil->monitored.load(std::memory_order_relaxed); }
// The events (1 << event) that some tool wants from this code, places that are disabled included.
uint32_t wanted_events(Thread& t, const CodeObject* code);
// Whether a tool wants this one here.
bool wants_event(Thread& t, Event event, const Frame* frame);
// Calls the callbacks with (code, offset, *arguments); the offset is that of the frame's instruction. False
// when one raised: its exception is the current one. A pending exception survives otherwise.
bool fire_event(Thread& t, Event event, Frame* frame, std::initializer_list<Value> arguments);

// The module sys.monitoring (monitoring_module.cpp).
Value make_monitoring_module(Thread& t);

}  // namespace mp

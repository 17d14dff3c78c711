#include "vm/threads/gil.h"

#include <algorithm>

#include "vm/threads/gil_statistics.h"
#include "vm/threads/open_section.h"
#include "vm/threads/thread_impl.h"
#include "vm/threads/thread_table.h"
#include "vm/types/runtime.h"

namespace mp {

#define MP_GIL_POLICY(name, maker, doc) std::unique_ptr<GilPolicy> maker();
#include "vm/threads/gil_policies.def"
#undef MP_GIL_POLICY

// ---------------------------------------------------------------- names

const GilPolicyInfo& gil_policy_info(GilPolicyId id) {
  static constexpr GilPolicyInfo kPolicies[] = {
#define MP_GIL_POLICY(name, maker, doc) {#name, maker, doc},
#include "vm/threads/gil_policies.def"
#undef MP_GIL_POLICY
      {"none", nullptr, "no lock"}};
  return kPolicies[static_cast<int>(id)];
}

bool parse_gil_policy(std::string_view name, GilPolicyId* id) {
  for (int i = 0; i <= kGilPolicies; ++i) {
    if (name != gil_policy_info(static_cast<GilPolicyId>(i)).name) continue;
    *id = static_cast<GilPolicyId>(i);
    return true;
  }
  return false;
}

static constexpr SemanticsInfo kSemantics[] = {
#define MP_SEMANTICS(name, enumerator, policy, doc) {name, policy, doc},
#include "vm/threads/semantics.def"
#undef MP_SEMANTICS
};
const SemanticsInfo& semantics_info(Semantics semantics) { return kSemantics[static_cast<int>(semantics)]; }

bool parse_semantics(std::string_view name, Semantics* semantics) {
  for (size_t i = 0; i < std::size(kSemantics); ++i) {
    if (name != kSemantics[i].name) continue;
    *semantics = static_cast<Semantics>(i);
    return true;
  }
  return false;
}

// ---------------------------------------------------------------- options

GilState::GilState() {
  for (int i = 0; i < kGilPolicies; ++i) policies[i] = gil_policy_info(static_cast<GilPolicyId>(i)).make();
}
GilState::~GilState() = default;

static void choose_policy(GilState& gil, GilPolicyId id) {
  if (id != GilPolicyId::none)
    gil.policy.store(gil.policies[static_cast<int>(id)].get(), std::memory_order_release);
  gil.policy_id.store(id, std::memory_order_relaxed);
}

// Also while "none" is chosen.
static GilPolicyId last_policy(const GilState& gil) {
  int id = 0;
  while (gil.policies[id].get() != gil.policy.load(std::memory_order_relaxed)) ++id;
  return static_cast<GilPolicyId>(id);
}

static GilPolicyId policy_of(Semantics semantics) {
  GilPolicyId id = GilPolicyId::none;
  parse_gil_policy(semantics_info(semantics).policy, &id);
  return id;
}

static void update_loop(GilState& gil) {
  gil.every_instruction.store(needs_every_instruction(gil.semantics.load(std::memory_order_relaxed)) ||
                                  gil.policy.load(std::memory_order_relaxed)->counts_instructions(),
                              std::memory_order_relaxed);
}

// The policy asked for, or the one that comes with the semantics. False for an unknown name.
static bool first_policy(const RuntimeOptions& options, Semantics semantics, GilPolicyId* id, bool* named) {
  const std::string& name = options.gil_policy;
  bool on = name == "on";
  *named = !on && name != "off" && !name.empty();
  if (*named) return parse_gil_policy(name, id);
  *id = policy_of(semantics);
  if (on && *id == GilPolicyId::none) *id = GilPolicyId::timeslice;
  return true;
}

int64_t switch_interval_ns(double seconds) {
  return seconds > 9e9 ? INT64_MAX : static_cast<int64_t>(seconds * 1e9 + 0.5);
}

std::string unknown_gil_policy(const std::string& name, const char* more) {
  std::string text = "unknown GIL policy '" + name + "' (known:" + more;
  for (int i = 0; i <= kGilPolicies; ++i)
    text += std::string(" ") + gil_policy_info(static_cast<GilPolicyId>(i)).name;
  return text + ")";
}
std::string unknown_semantics(const std::string& name) {
  std::string text = "unknown semantics '" + name + "' (known:";
  for (const SemanticsInfo& info : kSemantics) text += std::string(" ") + info.name;
  return text + ")";
}

bool check_gil_options(const RuntimeOptions& options, std::string* problem) {
  Semantics semantics;
  GilPolicyId id;
  if (!parse_semantics(options.semantics, &semantics)) {
    *problem = unknown_semantics(options.semantics);
    return false;
  }
  bool named;
  if (!first_policy(options, semantics, &id, &named)) {
    *problem = unknown_gil_policy(options.gil_policy, " on off");
    return false;
  }
  if (!(options.switch_interval > 0)) {
    *problem = "switch interval must be strictly positive";
    return false;
  }
  if (options.check_interval < 1) {
    *problem = "check interval must be at least 1";
    return false;
  }
  return true;
}

std::unique_ptr<GilState> make_gil(const RuntimeOptions& options, bool* enabled) {
  auto gil = std::make_unique<GilState>();
  Semantics semantics = Semantics::Py313;
  parse_semantics(options.semantics, &semantics);
  GilPolicyId id;
  first_policy(options, semantics, &id, &gil->policy_named);
  *enabled = options.gil && options.gil_policy != "off" && id != GilPolicyId::none;
  gil->semantics = semantics;
  choose_policy(*gil, GilPolicyId::timeslice);
  choose_policy(*gil, id);
  gil->interval_ns = switch_interval_ns(options.switch_interval);
  gil->check_interval = options.check_interval;
  gil->ticker = options.check_interval;
  bool report = std::find(options.debug.begin(), options.debug.end(), "gil") != options.debug.end();
  if (!options.gil_statistics.empty() || report) {
    gil->recorder_owner = std::make_unique<GilRecorder>();
    gil->recorder_owner->report = report;
    gil->recorder = gil->recorder_owner.get();
  }
  update_loop(*gil);
  return gil;
}

// ---------------------------------------------------------------- the run-time switch

namespace {

// The other threads leave the lock they hold or wait for when they find, on their way in, that it is not the
// active one: see attach_thread.
void change(Thread& t, bool enabled, GilPolicyId id) {
  Runtime& runtime = t.runtime();
  GilState& gil = *runtime.gil;
  choose_policy(gil, id);
  update_loop(gil);
  runtime.free_threaded.store(!enabled, std::memory_order_release);
  update_lock_modes(runtime);
  GilPolicy* wanted = enabled ? gil.policy.load(std::memory_order_relaxed) : nullptr;
  GilPolicy* held = t.impl->held_policy;
  if (held == wanted) return;
  if (held != nullptr) {
    held->drop_quietly(gil, t);
    t.impl->held_policy = nullptr;
  }
  if (wanted != nullptr) {
    // Others may hold it for a moment, on their way out.
    wanted->take(gil, t);
    t.impl->held_policy = wanted;
  }
}

void change_loops(Thread& t) {
  for_each_thread(
      t.runtime(), [](void*, Thread& other) { other.set_interrupt(kInterruptTrace); }, nullptr);
}

enum class Step : uint8_t { Enable, Disable, EnterOff, LeaveOff, Policy, Semantics };

struct Choice {
  bool enabled;
  GilPolicyId id;
};

// A policy that replaces "none", or is replaced by it, switches the lock as well: behind the last block of
// gil.off() where there is one.
Choice choose(GilState& gil, Choice now, GilPolicyId id) {
  bool& enabled = !gil.off_blocks.empty() ? gil.enabled_before : now.enabled;
  if (id == GilPolicyId::none)
    enabled = now.enabled = false;
  else if (now.id == GilPolicyId::none)
    enabled = true;
  return {now.enabled, id};
}

Choice choose(GilState& gil, Choice now, Semantics semantics) {
  GilPolicyId id = policy_of(semantics);
  bool back =
      now.id == GilPolicyId::none && gil.semantics.load(std::memory_order_relaxed) == Semantics::Py313t;
  if (id != GilPolicyId::none && gil.policy_named) id = back ? last_policy(gil) : now.id;
  return choose(gil, now, id);
}

// The thread's own block of that object, or that of another thread; the end where there is none: a fork left
// its thread behind.
auto find_block(GilState& gil, const Thread& t, uint64_t object) {
  auto found = gil.off_blocks.end();
  for (auto it = gil.off_blocks.begin(); it != gil.off_blocks.end(); ++it)
    if (it->object == object && (found == gil.off_blocks.end() || it->thread == t.impl->serial)) found = it;
  return found;
}

// In a stopped world. False: threads are in the way; it may be tried again.
bool try_step(Thread& t, Step step, uint64_t argument) {
  Runtime& runtime = t.runtime();
  GilState& gil = *runtime.gil;
  const Choice now{!runtime.free_threaded.load(std::memory_order_relaxed),
                   gil.policy_id.load(std::memory_order_relaxed)};
  Choice next = now;
  auto left = find_block(gil, t, argument);
  switch (step) {
    case Step::Enable: next = {true, last_policy(gil)}; break;
    case Step::Disable:
    case Step::EnterOff: next.enabled = false; break;
    case Step::LeaveOff:
      if (gil.off_blocks.size() == 1 && left != gil.off_blocks.end()) next.enabled = gil.enabled_before;
      break;
    case Step::Policy: next = choose(gil, now, static_cast<GilPolicyId>(argument)); break;
    case Step::Semantics: next = choose(gil, now, static_cast<Semantics>(argument)); break;
  }
  if (now.enabled && !next.enabled && !lock_all_open_sections(runtime)) return false;
  if (step == Step::EnterOff) {
    if (gil.off_blocks.empty()) gil.enabled_before = now.enabled;
    gil.off_blocks.push_back({t.impl->serial, argument});
  }
  if (step == Step::LeaveOff && left != gil.off_blocks.end()) gil.off_blocks.erase(left);
  if (step == Step::Policy) gil.policy_named = true;
  if (step == Step::Semantics)
    gil.semantics.store(static_cast<Semantics>(argument), std::memory_order_relaxed);
  change(t, next.enabled, next.id);
  if (step == Step::Policy || step == Step::Semantics) change_loops(t);
  return true;
}

Status make_step(Thread& t, Step step, uint64_t argument = 0) {
  constexpr int64_t kLongest = 5 * os::kNanosPerSecond, kBetween = 50'000;
  struct Announced {
    std::atomic<uint32_t>& count;
    ~Announced() { count.fetch_sub(1, std::memory_order_relaxed); }
  } announced{t.runtime().threads->switching_off};
  announced.count.fetch_add(1, std::memory_order_relaxed);
  for (os::Deadline deadline = os::deadline_after(kLongest);;) {
    {
      StoppedWorld stopped(t);
      if (try_step(t, step, argument)) return {};
    }
    int64_t now = os::monotonic_ns();
    if (now >= deadline)
      return t.raise(Exc::RuntimeError,
                     "the GIL cannot be switched off while several threads are blocked in one stream");
    if (park_until(t, now + kBetween) == WaitResult::Interrupted) TRY(t.poll());
  }
}

}  // namespace

Status set_gil_enabled(Thread& t, bool enabled) {
  return make_step(t, enabled ? Step::Enable : Step::Disable);
}
Status enter_gil_off(Thread& t, const Object* object) {
  return make_step(t, Step::EnterOff, reinterpret_cast<uint64_t>(object));
}
Status leave_gil_off(Thread& t, const Object* object) {
  auto block = reinterpret_cast<uint64_t>(object);
  Status done = make_step(t, Step::LeaveOff, block);
  if (done.is_error()) {
    StoppedWorld stopped(t);
    GilState& gil = *t.runtime().gil;
    if (auto left = find_block(gil, t, block); left != gil.off_blocks.end()) gil.off_blocks.erase(left);
  }
  return done;
}
void forget_gil_off_blocks_after_fork(Thread& t) {
  GilState& gil = *t.runtime().gil;
  t.runtime().threads->switching_off.store(0, std::memory_order_relaxed);
  if (gil.off_blocks.empty()) return;
  std::erase_if(gil.off_blocks, [&](const auto& block) { return block.thread != t.impl->serial; });
  if (gil.off_blocks.empty()) change(t, gil.enabled_before, gil.policy_id.load(std::memory_order_relaxed));
}

Status set_gil_policy(Thread& t, GilPolicyId id) {
  return make_step(t, Step::Policy, static_cast<uint64_t>(id));
}
Status set_semantics(Thread& t, Semantics semantics) {
  return make_step(t, Step::Semantics, static_cast<uint64_t>(semantics));
}

void set_gil_recording(Thread& t, bool on) {
  StoppedWorld stopped(t);
  GilState& gil = *t.runtime().gil;
  if (on && gil.recorder_owner == nullptr) gil.recorder_owner = std::make_unique<GilRecorder>();
  if (on)
    gil.recorder_owner->clear(t.runtime());
  else if (gil.recorder_owner != nullptr)
    gil.recorder_owner->stop(t.runtime());
  gil.recorder.store(on ? gil.recorder_owner.get() : nullptr, std::memory_order_release);
}

}  // namespace mp

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
  };
  return kPolicies[static_cast<int>(id)];
}

bool parse_gil_policy(std::string_view name, GilPolicyId* id) {
  for (int i = 0; i < kGilPolicies; ++i) {
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
  gil.policy.store(gil.policies[static_cast<int>(id)].get(), std::memory_order_release);
  gil.policy_id.store(id, std::memory_order_relaxed);
}

static void update_loop(GilState& gil) {
  gil.every_instruction.store(needs_every_instruction(gil.semantics.load(std::memory_order_relaxed)) ||
                                  gil.policy.load(std::memory_order_relaxed)->counts_instructions(),
                              std::memory_order_relaxed);
}

// The policy by name: the one asked for, or the one that comes with the semantics.
static std::string policy_name(const RuntimeOptions& options, Semantics semantics) {
  return options.gil_policy.empty() ? semantics_info(semantics).policy : options.gil_policy;
}

bool check_gil_options(const RuntimeOptions& options, std::string* problem) {
  Semantics semantics;
  GilPolicyId id;
  if (!parse_semantics(options.semantics, &semantics)) {
    *problem = "unknown semantics '" + options.semantics + "' (known:";
    for (const SemanticsInfo& info : kSemantics) *problem += std::string(" ") + info.name;
    *problem += ")";
    return false;
  }
  std::string name = policy_name(options, semantics);
  if (name != "none" && !parse_gil_policy(name, &id)) {
    *problem = "unknown GIL policy '" + name + "' (known:";
    for (int i = 0; i < kGilPolicies; ++i)
      *problem += std::string(" ") + gil_policy_info(static_cast<GilPolicyId>(i)).name;
    *problem += " none)";
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
  std::string name = policy_name(options, semantics);
  *enabled = options.gil && name != "none";
  GilPolicyId id = GilPolicyId::timeslice;
  parse_gil_policy(name, &id);
  gil->semantics = semantics;
  choose_policy(*gil, id);
  gil->interval_ns = static_cast<int64_t>(options.switch_interval * 1e9);
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

}  // namespace

Status set_gil_enabled(Thread& t, bool enabled) {
  constexpr int64_t kLongest = 5 * os::kNanosPerSecond, kBetween = 50'000;
  Runtime& runtime = t.runtime();
  struct Announced {
    std::atomic<uint32_t>& count;
    ~Announced() { count.fetch_sub(1, std::memory_order_relaxed); }
  } announced{runtime.threads->switching_off};
  announced.count.fetch_add(1, std::memory_order_relaxed);
  for (os::Deadline deadline = os::deadline_after(kLongest);;) {
    {
      StoppedWorld stopped(t);
      bool was_enabled = !runtime.free_threaded.load(std::memory_order_relaxed);
      if (enabled || !was_enabled || lock_all_open_sections(runtime)) {
        change(t, enabled, runtime.gil->policy_id.load(std::memory_order_relaxed));
        return {};
      }
    }
    int64_t now = os::monotonic_ns();
    if (now >= deadline)
      return t.raise(Exc::RuntimeError,
                     "the GIL cannot be switched off while several threads are blocked in one stream");
    if (park_until(t, now + kBetween) == WaitResult::Interrupted) TRY(t.poll());
  }
}

void set_gil_policy(Thread& t, GilPolicyId id) {
  StoppedWorld stopped(t);
  change(t, !t.runtime().free_threaded.load(std::memory_order_relaxed), id);
  change_loops(t);
}

void set_semantics(Thread& t, Semantics semantics) {
  StoppedWorld stopped(t);
  GilState& gil = *t.runtime().gil;
  gil.semantics.store(semantics, std::memory_order_relaxed);
  update_loop(gil);
  change_loops(t);
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

void count_instruction(Thread& t, bool permitted) {
  GilState& gil = *t.runtime().gil;
  if (t.impl->held_policy != nullptr && t.impl->held_policy->counts_instructions()) {
    int left = gil.ticker.load(std::memory_order_relaxed) - 1;
    if (left < 0) {
      left = gil.check_interval.load(std::memory_order_relaxed);
      t.set_interrupt(kInterruptDropGil);
    }
    gil.ticker.store(left, std::memory_order_relaxed);
  }
  if (permitted && (t.interrupt_word.load(std::memory_order_relaxed) & kInterruptDropGil) != 0) {
    if (t.impl->held_policy != nullptr)
      yield_gil(t);
    else
      t.clear_interrupt(kInterruptDropGil);
  }
}

}  // namespace mp

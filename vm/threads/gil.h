// The global interpreter lock of one runtime, behind a policy that can be replaced and switched off while
// scripts run. It knows threads and their drop-request bit, not what they run.
#pragma once
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "vm/threads/semantics.h"
#include "vm/threads/thread.h"

namespace mp {

struct RuntimeOptions;
struct GilState;
struct Monitoring;  // vm/exec/monitoring.h
class GilRecorder;  // vm/threads/gil_statistics.h

// One way of handing the lock over. take() and drop() are called detached: they touch no Value.
class GilPolicy {
 public:
  virtual ~GilPolicy() = default;
  // Blocks until the thread holds the lock; true when it had to wait. The drop request of an earlier hold is
  // cleared.
  virtual bool take(GilState& gil, Thread& t) = 0;
  // A thread that was asked to drop lets another one go first.
  virtual void drop(GilState& gil, Thread& t) = 0;
  // For a stop-the-world or a change of policy: releases without waiting for another taker.
  virtual void drop_quietly(GilState& gil, Thread& t) = 0;
  // In the child of a fork no other thread exists: the lock is held by `holder`, or free (null).
  virtual void after_fork_child(Thread* holder) = 0;
  // The thread has dropped the lock for the last time: when this returns nobody knows it any more.
  virtual void forget(Thread&) {}
  // The holder counts instructions and asks itself to drop (Python 2).
  virtual bool counts_instructions() const { return false; }
  // Whom the holder wakes meanwhile is woken by drop(), with the lock free: vm/threads/wait.h.
  virtual bool defers_wakes() const { return false; }
};

enum class GilPolicyId : uint8_t {
#define MP_GIL_POLICY(name, maker, doc) name,
#include "vm/threads/gil_policies.def"
#undef MP_GIL_POLICY
  none  // no lock at all
};
#define MP_GIL_POLICY(name, maker, doc) +1
inline constexpr int kGilPolicies = 0
#include "vm/threads/gil_policies.def"
    ;
#undef MP_GIL_POLICY

struct GilPolicyInfo {
  const char* name;
  std::unique_ptr<GilPolicy> (*make)();
  const char* doc;
};
const GilPolicyInfo& gil_policy_info(GilPolicyId id);
// False for an unknown name.
bool parse_gil_policy(std::string_view name, GilPolicyId* id);
// What is said then, with the names that are known; `more`: others in front of them.
std::string unknown_gil_policy(const std::string& name, const char* more = "");
std::string unknown_semantics(const std::string& name);

struct GilState {
  GilState();
  ~GilState();
  // All live as long as the runtime: a thread may still wait in one that has been replaced.
  std::unique_ptr<GilPolicy> policies[kGilPolicies];
  // The one that is active when the GIL is on; changes in a stopped world, as what follows.
  std::atomic<GilPolicy*> policy{nullptr};
  std::atomic<GilPolicyId> policy_id{GilPolicyId::timeslice};  // the chosen one, also while the GIL is off
  bool policy_named = false;  // somebody asked for it by name: semantics bring no other one
  // `with gil.off():` not left: the serial number of who entered, and the address of the object.
  struct OffBlock {
    uint64_t thread, object;
  };
  std::vector<OffBlock> off_blocks;
  bool enabled_before = false;  // the first of them
  std::atomic<Semantics> semantics{Semantics::Py313};
  std::atomic<int64_t> interval_ns{5000000};
  std::atomic<int> check_interval{100};
  std::atomic<int> ticker{100};  // instructions left; only the holder of the lock counts
  // Threads run the instrumented loop: there are switch sites, or ticks, between the loop's own polls.
  std::atomic<bool> every_instruction{false};
  // They run it as well while some tool of sys.monitoring wants events.
  std::atomic<bool> monitored{false};
  std::atomic<Monitoring*> monitoring{nullptr};  // null until a tool uses it
  std::atomic<GilRecorder*> recorder{nullptr};   // null: nothing is recorded
  std::unique_ptr<GilRecorder> recorder_owner;   // kept until the end once made
  std::atomic<uint64_t> switches{0};             // the lock went to another thread than the last holder
  std::atomic<uint64_t> forced_requests{0};      // a waiter asked the holder to drop
  std::atomic<uint64_t> contended{0};            // take() had to wait
};

int64_t switch_interval_ns(
    double seconds);  // of a positive number; the longest there is for what is too much

// The choice that a runtime starts with. An unknown name: false, and *problem says what is known.
bool check_gil_options(const RuntimeOptions& options, std::string* problem);
// `options` have been checked. *enabled: whether the runtime starts with a lock.
std::unique_ptr<GilState> make_gil(const RuntimeOptions& options, bool* enabled);

// The run-time switch: through a stop-the-world, for the whole runtime. The caller is attached and at a
// safepoint. Switching off waits while several threads are inside one text stream; RuntimeError when that
// takes seconds, for they are blocked there.
Status set_gil_enabled(Thread& t, bool enabled);
// `with gil.off():` in any thread: off while there is such a block, what there was before when the last one
// is left. `object`: the same one for both. Where leaving fails the lock stays as it is; the block is over.
Status enter_gil_off(Thread& t, const Object* object);
Status leave_gil_off(Thread& t, const Object* object);
// In the child of a fork: the blocks of threads that do not exist there have been left.
void forget_gil_off_blocks_after_fork(Thread& t);
// "none" switches the lock off, and another one after it on again (within a block of gil.off(): at its end).
Status set_gil_policy(Thread& t, GilPolicyId id);
// Brings its policy unless one was asked for by name; "none" in any case.
Status set_semantics(Thread& t, Semantics semantics);
// Starts or stops the recording of gil_statistics.h; starting clears what was recorded before.
void set_gil_recording(Thread& t, bool on);

enum class GilReportForm : uint8_t { Json, Text };
// What was recorded, in a stopped world; empty when nothing ever was. vm/threads/gil_statistics.cpp
std::string gil_report(Thread& t, GilReportForm form);

// The instrumented loop, before each instruction: `permitted` says that the preset has a switch site here.
// Gives the lock up when that is due.
void count_instruction(Thread& t, bool permitted);

}  // namespace mp

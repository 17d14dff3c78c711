// What the GIL cost: who held it how long, who waited how long and for whom. Exact: every acquisition is
// counted. While nothing is recorded it costs one load. It knows threads and the frame they stand in, nothing
// of policies.
#pragma once
#include <algorithm>
#include <compare>
#include <deque>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "vm/threads/thread.h"

namespace mp {

struct CodeObject;  // vm/exec/code.h

// Where a thread was when it let the lock go.
struct DropSite {
  uint64_t serial = 0;  // of the thread
  std::string function;
  int32_t line = 0;  // kAtEnd: where the thread ended
  static constexpr int32_t kAtEnd = -1;
  auto operator<=>(const DropSite&) const = default;
};

// The same as it is noted: the name is looked up only when somebody waited. SAFETY: the code lives until the
// lock is dropped for the next time; comparing it with an older one needs the same count of collections.
struct RawDropSite {
  uint64_t serial = 0;
  CodeObject* code = nullptr;  // null: native code
  uint32_t word = 0;
  bool at_end = false;
  size_t collections = 0;
  bool operator==(const RawDropSite&) const = default;
};

// Times in nanoseconds. Quantiles are upper bounds that are at most 1/16 above the exact value.
class WaitHistogram {
 public:
  void add(int64_t ns);
  int64_t quantile(double q) const;  // 0 when empty

 private:
  static constexpr int kSteps = 16;
  uint32_t counts_[64 * kSteps] = {};
  uint64_t total_ = 0;
};

// One thread. Written by the thread itself while it is attached, read in a stopped world.
struct GilRecord {
  uint64_t serial = 0, ident = 0, native_id = 0;
  std::string name;
  bool alive = true;
  uint64_t acquisitions = 0, contended = 0, forced_drops = 0, voluntary_drops = 0;
  int64_t hold_ns = 0, wait_ns = 0, longest_wait_ns = 0, longest_hold_ns = 0;
  int64_t took_at = 0;  // 0: does not hold the lock
  WaitHistogram waits;  // of contended acquisitions
  int64_t wait_quantile(double q) const { return std::min(waits.quantile(q), longest_wait_ns); }
  struct WaitedFor {
    uint64_t count = 0;
    int64_t ns = 0;
  };
  std::map<DropSite, WaitedFor> waited_for;
  RawDropSite last_site;             // what *last_source stands for
  WaitedFor* last_source = nullptr;  // in waited_for
};

class GilRecorder {
 public:
  bool report = false;  // -d gil: a line on standard error for each event
  // Forgets everything, and begins with the threads that hold the lock now. In a stopped world.
  void clear(Runtime& runtime);
  // Closes the holds that go on. In a stopped world.
  void stop(Runtime& runtime);
  // The attached thread has taken the lock at `now_ns`, after `waited_ns`; contended: it had to wait.
  void took(Thread& t, int64_t now_ns, int64_t waited_ns, bool contended);
  // The attached thread is about to let it go.
  void drops(Thread& t, bool forced);
  void thread_ended(Thread& t);

  // The report as JSON (docs/GIL.md names the fields) and as a table. The caller has stopped the world.
  std::string json(Runtime& runtime);
  std::string text(Runtime& runtime);

 private:
  GilRecord& record(Thread& t);
  void settle(Runtime& runtime);  // adds what running holds have come to, while it records
  double contention() const;
  static DropSite resolve(const RawDropSite& site);

  std::mutex mutex_;               // guards the list of records, not their contents
  std::deque<GilRecord> records_;  // kept when the thread ends
  RawDropSite last_drop_;          // written by the holder, read by the next one
  // GilState's counters at the beginning, and how far they have come since.
  uint64_t first_switch_ = 0, first_request_ = 0, switches_ = 0, requests_ = 0;
};

}  // namespace mp

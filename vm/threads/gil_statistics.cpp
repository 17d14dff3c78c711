#include "vm/threads/gil_statistics.h"

#include <algorithm>
#include <bit>
#include <cstdio>

#include "vm/exec/frame.h"
#include "vm/gc/heap.h"
#include "vm/os/clock.h"
#include "vm/threads/gil.h"
#include "vm/threads/thread_impl.h"
#include "vm/threads/thread_table.h"
#include "vm/types/runtime.h"

namespace mp {

// ---------------------------------------------------------------- histogram

// Bucket of a value: its highest bit and the four bits behind it.
static int bucket_of(int64_t ns) {
  auto value = static_cast<uint64_t>(std::max<int64_t>(ns, 0));
  if (value < 16) return static_cast<int>(value);
  int high = 63 - std::countl_zero(value);
  return (high - 3) * 16 + static_cast<int>((value >> (high - 4)) & 15);
}
static int64_t upper_bound_of(int bucket) {
  if (bucket < 16) return bucket;
  int high = bucket / 16 + 3;
  return ((int64_t{17} + bucket % 16) << (high - 4)) - 1;
}

void WaitHistogram::add(int64_t ns) {
  ++counts_[bucket_of(ns)];
  ++total_;
}

int64_t WaitHistogram::quantile(double q) const {
  uint64_t wanted = static_cast<uint64_t>(q * static_cast<double>(total_)), seen = 0;
  for (int i = 0; i < 64 * kSteps; ++i) {
    seen += counts_[i];
    if (seen > wanted || (seen == total_ && seen != 0)) return upper_bound_of(i);
  }
  return 0;
}

// ---------------------------------------------------------------- recording

GilRecord& GilRecorder::record(Thread& t) {
  if (t.impl->gil_record != nullptr) return *t.impl->gil_record;
  std::lock_guard<std::mutex> guard(mutex_);
  GilRecord& fresh = records_.emplace_back();
  fresh.serial = t.impl->serial;
  fresh.ident = t.ident;
  fresh.native_id = t.impl->native_id;
  t.impl->gil_record = &fresh;
  return fresh;
}

void GilRecorder::clear(Runtime& runtime) {
  records_.clear();
  last_drop_ = {};
  first_switch_ = runtime.gil->switches.load();
  first_request_ = runtime.gil->forced_requests.load();
  switches_ = requests_ = 0;
  for_each_thread(
      runtime,
      [](void* self, Thread& t) {
        t.impl->gil_record = nullptr;
        if (t.impl->held_policy == nullptr) return;
        static_cast<GilRecorder*>(self)->record(t).took_at = os::monotonic_ns();
      },
      this);
}

void GilRecorder::stop(Runtime& runtime) {
  settle(runtime);
  for (GilRecord& r : records_) r.took_at = 0;
}

void GilRecorder::took(Thread& t, int64_t now_ns, int64_t waited_ns, bool contended) {
  GilRecord& r = record(t);
  ++r.acquisitions;
  r.wait_ns += waited_ns;
  r.longest_wait_ns = std::max(r.longest_wait_ns, waited_ns);
  if (contended) {
    ++r.contended;
    r.waits.add(waited_ns);
    if (last_drop_.serial != 0 && last_drop_.serial != r.serial) {
      if (r.last_source == nullptr || r.last_site != last_drop_) {
        r.last_site = last_drop_;
        r.last_source = &r.waited_for[resolve(last_drop_)];
      }
      ++r.last_source->count;
      r.last_source->ns += waited_ns;
    }
  }
  if (report) {
    auto id = static_cast<unsigned long long>(t.impl->native_id);
    if (contended)
      std::fprintf(stderr, "[gil] thread %llu: takes it, waited %.3f ms\n", id,
                   static_cast<double>(waited_ns) / 1e6);
    else
      std::fprintf(stderr, "[gil] thread %llu: takes it\n", id);
  }
  r.took_at = now_ns;
}

static std::string place(const DropSite& site) {
  if (!site.function.empty()) return fmt::format("in {}, line {}", site.function, site.line);
  return site.line == DropSite::kAtEnd ? "at its end" : "in native code";
}

DropSite GilRecorder::resolve(const RawDropSite& site) {
  DropSite named{site.serial, {}, 0};
  if (site.at_end) named.line = DropSite::kAtEnd;
  if (site.code == nullptr) return named;
  append_utf8(named.function, site.code->qualified_name.get().as<StrObject>());
  named.line = code_line(site.code, site.word);
  return named;
}

void GilRecorder::drops(Thread& t, bool forced) {
  GilRecord& r = record(t);
  int64_t held = 0;
  if (r.took_at != 0) {
    held = os::monotonic_ns() - r.took_at;
    r.hold_ns += held;
    r.longest_hold_ns = std::max(r.longest_hold_ns, held);
    r.took_at = 0;
  }
  ++(forced ? r.forced_drops : r.voluntary_drops);
  last_drop_ = {r.serial, nullptr, 0, t.impl->exiting.load(std::memory_order_relaxed),
                t.heap().collections()};
  if (Frame* frame = t.frame) {
    last_drop_.code = frame->code;
    last_drop_.word = frame->word();
  }
  if (report) {
    DropSite site = resolve(last_drop_);
    std::fprintf(stderr, "[gil] thread %llu: drops it, %s, held %.3f ms, %s\n",
                 static_cast<unsigned long long>(t.impl->native_id), forced ? "asked to" : "by itself",
                 static_cast<double>(held) / 1e6, place(site).c_str());
  }
}

void GilRecorder::thread_ended(Thread& t) {
  if (t.impl->gil_record == nullptr) return;
  t.impl->gil_record->alive = false;
  t.impl->gil_record->name = t.impl->name;
}

// ---------------------------------------------------------------- reports

void GilRecorder::settle(Runtime& runtime) {
  if (runtime.gil->recorder.load(std::memory_order_relaxed) != nullptr) {
    switches_ = runtime.gil->switches.load() - first_switch_;
    requests_ = runtime.gil->forced_requests.load() - first_request_;
  }
  for_each_thread(
      runtime,
      [](void*, Thread& t) {
        GilRecord* r = t.impl->gil_record;
        if (r == nullptr) return;
        r->name = t.impl->name;
        r->native_id = t.impl->native_id;  // another one in the child of a fork
        if (r->took_at == 0) return;
        int64_t now = os::monotonic_ns();
        r->hold_ns += now - r->took_at;
        r->longest_hold_ns = std::max(r->longest_hold_ns, now - r->took_at);
        r->took_at = now;
      },
      nullptr);
}

double GilRecorder::contention() const {
  double held = 0, waited = 0;
  for (const GilRecord& r : records_) {
    held += static_cast<double>(r.hold_ns);
    waited += static_cast<double>(r.wait_ns);
  }
  return held + waited > 0 ? waited / (held + waited) : 0.0;
}

static void append_json_string(std::string& out, const std::string& text) {
  out += '"';
  for (char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    if (static_cast<unsigned char>(c) < 0x20)
      out += fmt::format("\\u{:04x}", static_cast<int>(c));
    else
      out += c;
  }
  out += '"';
}

static double seconds(int64_t ns) { return static_cast<double>(ns) * 1e-9; }

static std::string name_of(const GilRecord& r) {
  return r.name.empty() ? fmt::format("Thread {}", r.serial) : r.name;
}
static std::string name_of(const std::deque<GilRecord>& records, uint64_t serial) {
  for (const GilRecord& r : records)
    if (r.serial == serial) return name_of(r);
  return fmt::format("Thread {}", serial);
}

// In characters.
static size_t length_of(std::string_view text) {
  return static_cast<size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xc0) != 0x80; }));
}

// The sources of waiting, the longest first.
static std::vector<std::pair<DropSite, GilRecord::WaitedFor>> sorted_sources(const GilRecord& r) {
  std::vector<std::pair<DropSite, GilRecord::WaitedFor>> sources(r.waited_for.begin(), r.waited_for.end());
  std::sort(sources.begin(), sources.end(), [](auto& a, auto& b) { return a.second.ns > b.second.ns; });
  return sources;
}

std::string GilRecorder::json(Runtime& runtime) {
  settle(runtime);
  GilState& gil = *runtime.gil;
  std::string out = fmt::format(
      "{{\"policy\": \"{}\", \"enabled\": {}, \"semantics\": \"{}\", \"interval\": {}, \"check_interval\": "
      "{}, "
      "\"switches\": {}, \"forced_requests\": {}, \"contention\": {:.6f}, \"threads\": [",
      gil_policy_info(gil.policy_id).name, !runtime.free_threaded.load(), semantics_info(gil.semantics).name,
      seconds(gil.interval_ns), gil.check_interval.load(), switches_, requests_, contention());
  const char* separator = "";
  for (const GilRecord& r : records_) {
    out += fmt::format("{}{{\"name\": ", separator);
    append_json_string(out, name_of(r));
    out += fmt::format(
        ", \"ident\": {}, \"native_id\": {}, \"alive\": {}, \"acquisitions\": {}, \"contended\": {}, "
        "\"forced_drops\": {}, \"voluntary_drops\": {}, \"hold\": {:.9f}, \"longest_hold\": {:.9f}, "
        "\"wait\": {:.9f}, "
        "\"longest_wait\": {:.9f}, \"p50_wait\": {:.9f}, \"p99_wait\": {:.9f}, \"waited_for\": [",
        r.ident, r.native_id, r.alive, r.acquisitions, r.contended, r.forced_drops, r.voluntary_drops,
        seconds(r.hold_ns), seconds(r.longest_hold_ns), seconds(r.wait_ns), seconds(r.longest_wait_ns),
        seconds(r.wait_quantile(0.5)), seconds(r.wait_quantile(0.99)));
    const char* inner = "";
    for (const auto& [site, waited] : sorted_sources(r)) {
      out += fmt::format("{}{{\"thread\": ", inner);
      append_json_string(out, name_of(records_, site.serial));
      out += ", \"function\": ";
      append_json_string(out, site.function);
      out += fmt::format(", \"line\": {}, \"count\": {}, \"seconds\": {:.9f}}}", std::max(site.line, 0),
                         waited.count, seconds(waited.ns));
      inner = ", ";
    }
    out += "]}";
    separator = ", ";
  }
  return out + "]}";
}

std::string GilRecorder::text(Runtime& runtime) {
  settle(runtime);
  GilState& gil = *runtime.gil;
  constexpr double kMilli = 1e-6;  // from nanoseconds
  size_t width = 24;
  for (const GilRecord& r : records_) width = std::max(width, length_of(one_line(name_of(r))));
  std::string out = fmt::format(
      "GIL: {}policy {}, interval {:g} ms, {} switches, {} requests to drop, contention {:.3f}\n"
      "{:<{}} {:>10} {:>10} {:>8} {:>9} {:>10} {:>10} {:>10} {:>10} {:>10}\n",
      runtime.free_threaded.load() ? "off, " : "", gil_policy_info(gil.policy_id).name,
      static_cast<double>(gil.interval_ns) * kMilli, switches_, requests_, contention(), "thread", width,
      "acquired", "contended", "forced", "voluntary", "hold ms", "wait ms", "longest", "p50", "p99");
  for (const GilRecord& r : records_) {
    out += fmt::format(
        "{:<{}} {:>10} {:>10} {:>8} {:>9} {:>10.3f} {:>10.3f} {:>10.3f} {:>10.3f} {:>10.3f}\n",
        one_line(name_of(r)), width, r.acquisitions, r.contended, r.forced_drops, r.voluntary_drops,
        static_cast<double>(r.hold_ns) * kMilli, static_cast<double>(r.wait_ns) * kMilli,
        static_cast<double>(r.longest_wait_ns) * kMilli, static_cast<double>(r.wait_quantile(0.5)) * kMilli,
        static_cast<double>(r.wait_quantile(0.99)) * kMilli);
    constexpr size_t kShown = 3;
    auto sources = sorted_sources(r);
    for (size_t i = 0; i < sources.size() && i < kShown; ++i) {
      const auto& [site, waited] = sources[i];
      out +=
          fmt::format("    waited {:.3f} ms in {} waits for {} {}\n", static_cast<double>(waited.ns) * kMilli,
                      waited.count, one_line(name_of(records_, site.serial)), place(site));
    }
  }
  return out;
}

std::string gil_report(Thread& t, GilReportForm form) {
  StoppedWorld stopped(t);
  Runtime& runtime = t.runtime();
  if (runtime.gil->recorder_owner == nullptr) return {};
  return form == GilReportForm::Json ? runtime.gil->recorder_owner->json(runtime)
                                     : runtime.gil->recorder_owner->text(runtime);
}

}  // namespace mp

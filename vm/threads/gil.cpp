#include "vm/threads/gil.h"

#include "vm/types/runtime.h"

namespace mp {

std::unique_ptr<GilPolicy> make_gil_policy(std::string_view name) {
#define MP_GIL_POLICY(text, maker) \
  if (name == text) return maker();
#include "vm/threads/gil_policies.def"
#undef MP_GIL_POLICY
  return nullptr;
}

std::unique_ptr<GilState> make_gil(const RuntimeOptions& options) {
  auto gil = std::make_unique<GilState>();
  gil->policy = make_gil_policy(options.gil_policy);
  if (gil->policy == nullptr) {
    if (options.gil_policy != "none")
      std::fprintf(stderr, "minipy: unknown GIL policy '%s'\n", options.gil_policy.c_str());
    gil->policy = make_timeslice_policy();
  }
  double interval = options.switch_interval > 0 ? options.switch_interval : 0.005;
  gil->interval_ns.store(static_cast<int64_t>(interval * 1e9), std::memory_order_relaxed);
  return gil;
}

}  // namespace mp

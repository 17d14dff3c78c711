// What the instrumented loop does before each instruction.
#include "vm/threads/gil.h"
#include "vm/threads/thread_impl.h"
#include "vm/threads/thread_table.h"
#include "vm/types/runtime.h"

namespace mp {

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

// The loop's two queues: calls that are due, a ring, and timers, a binary heap. Both live in cells of the
// collector's heap and change under the loop's object lock.
#include "stdlib/native/event_loop_internal.h"

namespace mp::event_loop {

SlotArray* grow(Thread& t, SlotArray* old, uint64_t wanted) {
  uint64_t capacity = old == nullptr ? 16 : old->capacity;
  while (capacity < wanted) capacity *= 2;
  auto* array =
      static_cast<SlotArray*>(t.heap().allocate_raw(t, sizeof(SlotArray) + capacity * sizeof(Slot)));
  if (array == nullptr) {
    (void)t.raise_memory_error();
    return nullptr;
  }
  array->capacity = capacity;
  for (uint64_t i = 0; old != nullptr && i < old->capacity; ++i) array->items()[i] = old->items()[i];
  return array;
}

// ---------------------------------------------------------------- the ring

static ReadyCall* ready_calls(SlotArray* array) { return reinterpret_cast<ReadyCall*>(array->items()); }
static constexpr uint64_t kFirstReady = 16;

Status push_ready(Thread& t, EventLoopObject* loop, const ReadyCall& call) {
  ObjectLock lock(t, loop);
  SlotArray* array = loop->ready.load(std::memory_order_relaxed);
  uint64_t capacity = array == nullptr ? 0 : array->reserved;  // in calls
  uint64_t head = loop->ready_head.load(std::memory_order_relaxed);
  uint64_t count = loop->ready_count.load(std::memory_order_relaxed);
  if (count == capacity) [[unlikely]] {
    uint64_t larger = capacity == 0 ? kFirstReady : capacity * 2;
    SlotArray* fresh = grow(t, nullptr, larger * kReadySlots);
    if (fresh == nullptr) return Error{};
    fresh->reserved = larger;
    for (uint64_t i = 0; i < count; ++i)
      ready_calls(fresh)[i] = ready_calls(array)[(head + i) & (capacity - 1)];
    array = fresh;
    capacity = larger;
    head = 0;
    loop->ready_head.store(0, std::memory_order_relaxed);
    loop->ready.store(fresh, std::memory_order_release);
  }
  ready_calls(array)[(head + count) & (capacity - 1)] = call;
  loop->ready_count.store(count + 1, std::memory_order_release);
  return {};
}

bool take_ready(Thread& t, EventLoopObject* loop, ReadyCall* call) {
  ObjectLock lock(t, loop);
  uint64_t count = loop->ready_count.load(std::memory_order_relaxed);
  if (count == 0) return false;
  SlotArray* array = loop->ready.load(std::memory_order_relaxed);
  uint64_t head = loop->ready_head.load(std::memory_order_relaxed);
  ReadyCall& first = ready_calls(array)[head];
  *call = first;
  first = ReadyCall{};
  loop->ready_head.store((head + 1) & (array->reserved - 1), std::memory_order_relaxed);
  loop->ready_count.store(count - 1, std::memory_order_relaxed);
  return true;
}

// ---------------------------------------------------------------- the heap of timers

static TimerHandleObject* timer_at(SlotArray* array, uint64_t i) {
  return array->items()[i].get().as<TimerHandleObject>();
}
static bool earlier(const TimerHandleObject* a, const TimerHandleObject* b) {
  return a->seconds < b->seconds || (a->seconds == b->seconds && a->serial < b->serial);
}
static void sift_up(SlotArray* array, uint64_t i) {
  Value moving = array->items()[i];
  while (i > 0) {
    uint64_t parent = (i - 1) / 2;
    if (!earlier(moving.as<TimerHandleObject>(), timer_at(array, parent))) break;
    array->items()[i] = array->items()[parent];
    i = parent;
  }
  array->items()[i] = moving;
}
static void sift_down(SlotArray* array, uint64_t count, uint64_t i) {
  Value moving = array->items()[i];
  for (;;) {
    uint64_t child = 2 * i + 1;
    if (child >= count) break;
    if (child + 1 < count && earlier(timer_at(array, child + 1), timer_at(array, child))) ++child;
    if (!earlier(timer_at(array, child), moving.as<TimerHandleObject>())) break;
    array->items()[i] = array->items()[child];
    i = child;
  }
  array->items()[i] = moving;
}
static void pop_first(EventLoopObject* loop) {
  SlotArray* array = loop->timers.load(std::memory_order_relaxed);
  uint64_t count = loop->timer_count.load(std::memory_order_relaxed) - 1;
  array->items()[0] = array->items()[count];
  array->items()[count] = kEmpty;
  loop->timer_count.store(count, std::memory_order_relaxed);
  if (count > 0) sift_down(array, count, 0);
}
static void note_left(EventLoopObject* loop, TimerHandleObject* timer) {
  timer->scheduled.store(false, std::memory_order_relaxed);
  if (timer->cancelled.load(std::memory_order_relaxed) &&
      loop->cancelled_timers.load(std::memory_order_relaxed) > 0)
    loop->cancelled_timers.fetch_sub(1, std::memory_order_relaxed);
}

Status push_timer(Thread& t, EventLoopObject* loop, TimerHandleObject* timer) {
  ObjectLock lock(t, loop);
  SlotArray* array = loop->timers.load(std::memory_order_relaxed);
  uint64_t count = loop->timer_count.load(std::memory_order_relaxed);
  if (array == nullptr || count == array->capacity) {
    array = grow(t, array, count + 1);
    if (array == nullptr) return Error{};
    loop->timers.store(array, std::memory_order_release);
  }
  timer->serial = loop->timer_serial.fetch_add(1, std::memory_order_relaxed);
  timer->scheduled.store(true, std::memory_order_relaxed);
  array->items()[count] = timer;
  loop->timer_count.store(count + 1, std::memory_order_relaxed);
  sift_up(array, count);
  return {};
}

// Most timers of timeouts are cancelled long before their time: beyond a hundred of them, when they are more
// than half, the heap is built afresh without them.
static void drop_cancelled(EventLoopObject* loop) {
  constexpr uint64_t kMany = 100;
  uint64_t count = loop->timer_count.load(std::memory_order_relaxed);
  if (count <= kMany || loop->cancelled_timers.load(std::memory_order_relaxed) * 2 <= count) return;
  SlotArray* array = loop->timers.load(std::memory_order_relaxed);
  uint64_t kept = 0;
  for (uint64_t i = 0; i < count; ++i) {
    TimerHandleObject* timer = timer_at(array, i);
    if (timer->cancelled.load(std::memory_order_relaxed)) {
      timer->scheduled.store(false, std::memory_order_relaxed);
    } else {
      array->items()[kept++] = timer;
    }
  }
  for (uint64_t i = kept; i < count; ++i) array->items()[i] = kEmpty;
  loop->timer_count.store(kept, std::memory_order_relaxed);
  loop->cancelled_timers.store(0, std::memory_order_relaxed);
  for (uint64_t i = kept / 2; i-- > 0;) sift_down(array, kept, i);
}

bool first_timer(Thread& t, EventLoopObject* loop, double* seconds) {
  ObjectLock lock(t, loop);
  drop_cancelled(loop);
  while (loop->timer_count.load(std::memory_order_relaxed) > 0) {
    TimerHandleObject* timer = timer_at(loop->timers.load(std::memory_order_relaxed), 0);
    if (!timer->cancelled.load(std::memory_order_relaxed)) {
      *seconds = timer->seconds;
      return true;
    }
    pop_first(loop);
    note_left(loop, timer);
  }
  return false;
}

Status release_timers(Thread& t, EventLoopObject* loop, double end) {
  for (;;) {
    TimerHandleObject* timer;
    {
      ObjectLock lock(t, loop);
      if (loop->timer_count.load(std::memory_order_relaxed) == 0) return {};
      timer = timer_at(loop->timers.load(std::memory_order_relaxed), 0);
      if (timer->seconds >= end) return {};
      pop_first(loop);
      note_left(loop, timer);
    }
    TRY(push_handle(t, loop, timer));
  }
}

void clear_queues(Thread& t, EventLoopObject* loop) {
  ObjectLock lock(t, loop);
  loop->ready_count.store(0, std::memory_order_relaxed);
  loop->ready_head.store(0, std::memory_order_relaxed);
  loop->ready.store(nullptr, std::memory_order_release);
  loop->timer_count.store(0, std::memory_order_relaxed);
  loop->cancelled_timers.store(0, std::memory_order_relaxed);
  loop->timers.store(nullptr, std::memory_order_release);
}

}  // namespace mp::event_loop

// The collector: what keeps objects alive, what frees them, weak references, finalizers, limits.
#include <gtest/gtest.h>

#include "vm/core/compiler.h"
#include "vm/gc/heap_impl.h"
#include "vm/gc/root.h"
#include "vm/protocol/protocol.h"
#include "vm/types/number.h"
#include "vm/types/runtime.h"
#include "vm/types/weakref.h"

namespace mp {
namespace {

std::unique_ptr<Runtime> make_runtime(size_t memory_limit = 0) {
  RuntimeOptions options;
  options.install_signal_handlers = false;
  options.memory_limit = memory_limit;
  return Runtime::create(std::move(options));
}

// Built and dropped in a frame of its own, so that no word of it stays on the stack.
MP_NOINLINE void make_garbage(Thread& t, size_t count) {
  for (size_t i = 0; i < count; ++i) {
    ListObject* list = make_list(t, 4);
    ASSERT_TRUE(list_append(t, list, list).ok());
  }
}
MP_NOINLINE void scrub_stack() {
  volatile char bytes[8192];
  for (size_t i = 0; i < sizeof bytes; ++i) bytes[i] = 0;
}

TEST(Gc, CyclesAreFreed) {
  auto runtime = make_runtime();
  Thread& t = runtime->main_thread();
  t.heap().collect(t);
  make_garbage(t, 10000);
  scrub_stack();
  EXPECT_GE(t.heap().collect(t), 9990u);
}

TEST(Gc, LocalsKeepObjectsAlive) {
  auto runtime = make_runtime();
  Thread& t = runtime->main_thread();
  ListObject* list = make_list(t, 1000);
  for (int i = 0; i < 1000; ++i) ASSERT_TRUE(list_append(t, list, make_str(t, std::to_string(i))).ok());
  for (int round = 0; round < 3; ++round) {
    t.heap().collect(t);
    make_garbage(t, 1000);
  }
  ASSERT_EQ(list->length(), 1000u);
  for (size_t i = 0; i < 1000; ++i) EXPECT_EQ(to_utf8(list->at(i).as<StrObject>()), std::to_string(i));
}

TEST(Gc, InteriorPointersKeepArraysAlive) {
  auto runtime = make_runtime();
  Thread& t = runtime->main_thread();
  for (size_t bytes : {64u, 5000u, 40000u, 3000000u}) {
    auto* cell = static_cast<uint8_t*>(t.heap().allocate_raw(t, bytes));
    uint8_t* volatile middle = cell + bytes / 2;
    middle[0] = 42;
    cell = nullptr;
    t.heap().collect(t);
    make_garbage(t, 2000);
    (void)t.heap().allocate_raw(t, bytes);
    EXPECT_EQ(middle[0], 42);
  }
}

TEST(Gc, RootVectorsAreRoots) {
  auto runtime = make_runtime();
  Thread& t = runtime->main_thread();
  RootVector roots(t);
  for (int i = 0; i < 5000; ++i) roots.push_back(make_list(t));
  t.heap().collect(t);
  make_garbage(t, 5000);
  for (Value v : roots) {
    EXPECT_TRUE(is_list(v));
    EXPECT_EQ(v.as<ListObject>()->length(), 0u);
  }
}

TEST(Gc, DeepStructuresDoNotOverflowTheStack) {
  auto runtime = make_runtime();
  Thread& t = runtime->main_thread();
  ListObject* outer = make_list(t);
  for (int i = 0; i < 300000; ++i) {
    ListObject* next = make_list(t, 1);
    ASSERT_TRUE(list_append(t, next, outer).ok());
    outer = next;
  }
  t.heap().collect(t);
  EXPECT_EQ(outer->length(), 1u);
}

MP_NOINLINE WeakRefObject* weakref_to_garbage(Thread& t) {
  SetObject* set = make_set(t);
  return make_weakref(t, set, kEmpty).take().as<WeakRefObject>();
}
TEST(Gc, WeakReferencesAreCleared) {
  auto runtime = make_runtime();
  Thread& t = runtime->main_thread();
  WeakRefObject* dead = weakref_to_garbage(t);
  SetObject* kept = make_set(t);
  auto* alive = make_weakref(t, kept, kEmpty).take().as<WeakRefObject>();
  scrub_stack();
  t.heap().collect(t);
  EXPECT_TRUE(weakref_target(dead).is_none());
  EXPECT_EQ(weakref_target(alive), Value(kept));
}

int g_freed = 0;
MP_NOINLINE void make_finalized(Thread& t, int count) {
  for (int i = 0; i < count; ++i)
    t.heap().register_native_finalizer(make_list(t), [](Object*) { ++g_freed; });
}
TEST(Gc, NativeFinalizersRunOnce) {
  g_freed = 0;
  {
    auto runtime = make_runtime();
    Thread& t = runtime->main_thread();
    make_finalized(t, 100);
    scrub_stack();
    t.heap().collect(t);
    EXPECT_GE(g_freed, 98);
    t.heap().collect(t);
  }
  EXPECT_EQ(g_freed, 100);
}

TEST(Gc, LargeCellsAreZeroedAndReturned) {
  auto runtime = make_runtime();
  Thread& t = runtime->main_thread();
  t.heap().collect(t);
  size_t before = t.heap().impl().pool.used_bytes();
  for (int round = 0; round < 20; ++round) {
    auto* cell = static_cast<uint8_t*>(t.heap().allocate_raw(t, 300000));
    ASSERT_NE(cell, nullptr);
    for (size_t i = 0; i < Heap::usable_size(300000); i += 997) ASSERT_EQ(cell[i], 0);
    std::memset(cell, 0xff, 300000);
    t.heap().collect(t);
  }
  scrub_stack();
  t.heap().collect(t);
  EXPECT_LT(t.heap().impl().pool.used_bytes(), before + (8u << 20));
}

TEST(Gc, TheMemoryLimitMakesAllocationFail) {
  auto runtime = make_runtime(64u << 20);
  Thread& t = runtime->main_thread();
  EXPECT_EQ(t.heap().allocate_raw(t, 100u << 20), nullptr);
  EXPECT_NE(t.heap().allocate_raw(t, 1u << 20), nullptr);
  EXPECT_EQ(t.heap().allocate_raw(t, SIZE_MAX / 2), nullptr);
}

TEST(Gc, CollectionIsAskedForAndDoneAtASafepoint) {
  auto runtime = make_runtime();
  Thread& t = runtime->main_thread();
  size_t before = t.heap().collections();
  for (int i = 0; i < 40; ++i) {
    make_garbage(t, 20000);
    ASSERT_TRUE(t.poll().ok());
  }
  EXPECT_GT(t.heap().collections(), before);
  EXPECT_LT(t.heap().live_bytes(), 40u << 20);
}

TEST(Gc, SizeClassesCoverEveryRequest) {
  for (size_t bytes = 1; bytes <= kMaxSmallSize; ++bytes) {
    size_t c = size_class(bytes);
    ASSERT_GE(kClassSizes[c], bytes);
    if (c > 0) {
      ASSERT_LT(kClassSizes[c - 1], bytes);
    }
  }
}

}  // namespace
}  // namespace mp

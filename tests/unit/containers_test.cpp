// The containers' C++ interface: tables, order, sorting, snapshots.
#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "vm/protocol/protocol.h"
#include "vm/types/containers.h"
#include "vm/types/number.h"
#include "vm/types/runtime.h"

namespace mp {
namespace {

std::unique_ptr<Runtime> make_runtime() {
  RuntimeOptions options;
  options.install_signal_handlers = false;
  return Runtime::create(std::move(options));
}
Value integer(int64_t i) { return Value::from_int(i); }

TEST(Dict, KeepsInsertionOrderThroughGrowthAndDeletion) {
  auto runtime = make_runtime();
  Thread& t = runtime->main_thread();
  DictObject* dict = make_dict(t);
  for (int64_t i = 0; i < 1000; ++i) ASSERT_TRUE(dict_set(t, dict, integer(i * 7), integer(i)).ok());
  for (int64_t i = 0; i < 1000; i += 2) ASSERT_TRUE(dict_delete(t, dict, integer(i * 7)).value());
  EXPECT_EQ(dict->length(), 500u);
  size_t position = 0;
  Value key, value;
  int64_t expected = 1;
  while (dict_next(dict, &position, &key, &value)) {
    EXPECT_EQ(key.as_int(), expected * 7);
    EXPECT_EQ(value.as_int(), expected);
    expected += 2;
  }
  EXPECT_EQ(expected, 1001);
  EXPECT_TRUE(dict_get(t, dict, integer(0)).value().is_not_found());
  EXPECT_EQ(dict_get(t, dict, integer(7)).value().as_int(), 1);
}

TEST(Dict, VersionChangesWithTheKeySetOnly) {
  auto runtime = make_runtime();
  Thread& t = runtime->main_thread();
  DictObject* dict = make_dict(t);
  StrObject* name = intern(t, "name");
  ASSERT_TRUE(dict_set_str(t, dict, name, integer(1)).ok());
  uint32_t version = dict_version(t, dict);
  ASSERT_TRUE(dict_set_str(t, dict, name, integer(2)).ok());
  EXPECT_EQ(dict_version(t, dict), version);
  EXPECT_EQ(dict_entry_index(dict, name), 0);
  ASSERT_TRUE(dict_set_str(t, dict, intern(t, "other"), integer(3)).ok());
  EXPECT_NE(dict_version(t, dict), version);
}

TEST(Dict, CopyIsIndependent) {
  auto runtime = make_runtime();
  Thread& t = runtime->main_thread();
  DictObject* dict = make_dict(t);
  for (int64_t i = 0; i < 100; ++i) ASSERT_TRUE(dict_set(t, dict, integer(i), integer(i)).ok());
  DictObject* copy = dict_copy(t, dict);
  dict_clear(t, dict);
  EXPECT_EQ(dict->length(), 0u);
  EXPECT_EQ(copy->length(), 100u);
  EXPECT_EQ(dict_get(t, copy, integer(42)).value().as_int(), 42);
}

TEST(Set, SmallIntsIterateInCPythonsOrder) {
  auto runtime = make_runtime();
  Thread& t = runtime->main_thread();
  // set literal order: added one after the other
  SetObject* set = make_set(t);
  for (int64_t i : {100, 3, 64, 8, 1, 0, 33}) ASSERT_TRUE(set_add(t, set, integer(i)).ok());
  // python3 -c "print(list({100, 3, 64, 8, 1, 0, 33}))"
  std::vector<int64_t> order;
  size_t position = 0;
  Value key;
  while (set_next(set, &position, &key)) order.push_back(key.as_int());
  EXPECT_EQ(order, (std::vector<int64_t>{64, 1, 0, 3, 100, 33, 8}));
  EXPECT_TRUE(set_discard(t, set, integer(64)).value());
  EXPECT_FALSE(set_contains(t, set, integer(64)).value());
}

TEST(ListSort, IsStableForAnySizeAndPattern) {
  auto runtime = make_runtime();
  Thread& t = runtime->main_thread();
  std::mt19937 random(7);
  for (int64_t size : {0, 1, 2, 3, 31, 64, 65, 100, 1000, 5000}) {
    for (int64_t range : {2, 10, 1000000}) {
      ListObject* list = make_list(t);
      // Tuples (key, position): sorted by the key alone they must keep the positions' order. Compared as
      // tuples they do anyway.
      std::vector<int64_t> keys;
      for (int64_t i = 0; i < size; ++i) {
        keys.push_back(static_cast<int64_t>(random() % static_cast<uint32_t>(range)));
        ASSERT_TRUE(list_append(t, list, make_tuple(t, {integer(keys.back()), integer(i)})).ok());
      }
      ASSERT_TRUE(list_sort(t, list, kNone, false).ok());
      for (size_t i = 1; i < list->length(); ++i) {
        auto* a = list->at(i - 1).as<TupleObject>();
        auto* b = list->at(i).as<TupleObject>();
        ASSERT_TRUE((*a)[0].as_int() < (*b)[0].as_int() ||
                    ((*a)[0] == (*b)[0] && (*a)[1].as_int() < (*b)[1].as_int()));
      }
      ListObject* ints = make_list(t);
      for (int64_t k : keys) ASSERT_TRUE(list_append(t, ints, integer(k)).ok());
      ASSERT_TRUE(list_sort(t, ints, kNone, true).ok());
      std::sort(keys.rbegin(), keys.rend());
      for (size_t i = 0; i < keys.size(); ++i) ASSERT_EQ(ints->at(i).as_int(), keys[i]);
    }
  }
}

TEST(List, SlicesAndInsertion) {
  auto runtime = make_runtime();
  Thread& t = runtime->main_thread();
  ListObject* list = make_list(t);
  for (int64_t i = 0; i < 10; ++i) ASSERT_TRUE(list_append(t, list, integer(i)).ok());
  Value items[3] = {integer(100), integer(101), integer(102)};
  ASSERT_TRUE(list_set_slice(t, list, 2, 8, items, 3).ok());
  EXPECT_EQ(list->length(), 7u);
  EXPECT_EQ(list->at(2).as_int(), 100);
  EXPECT_EQ(list->at(5).as_int(), 8);
  EXPECT_TRUE(list->at(7).is_empty());
  ASSERT_TRUE(list_insert(t, list, -100, integer(-1)).ok());
  EXPECT_EQ(list->at(0).as_int(), -1);
  EXPECT_EQ(list_pop(t, list, -1).value().as_int(), 9);
}

}  // namespace
}  // namespace mp

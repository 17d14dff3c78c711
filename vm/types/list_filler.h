// ListFiller: builds a list that no script has seen yet, without a lock or a call per item.
#pragma once
#include "vm/types/containers.h"

namespace mp {

class ListFiller {
 public:
  explicit ListFiller(Thread& t, size_t expected = 8) : thread_(t), list_(make_list(t, expected)) {
    reload();
  }
  // SAFETY: the caller reaches no safepoint between two calls unless it calls publish() before.
  void push(Value v) {
    if (count_ < capacity_) [[likely]] {
      items_[count_++].set(v);
      return;
    }
    publish();
    failed_ = failed_ || list_append(thread_, list_, v).is_error();
    ++count_;
    reload();
  }
  void publish() { list_->size.store(count_, std::memory_order_release); }
  Result<Value> finish() {
    if (failed_) return Error{};
    publish();
    return Value(list_);
  }
  // What was pushed last comes first.
  Result<Value> finish_reversed() {
    for (size_t i = 0, j = count_; !failed_ && i + 1 < j; ++i) {
      Value left = items_[i].get();
      items_[i] = items_[--j].get();
      items_[j] = left;
    }
    return finish();
  }
  ListObject* list() { return list_; }
  size_t size() const { return count_; }

 private:
  void reload() {
    ListArray* array = list_->array.load();
    capacity_ = array != nullptr ? array->capacity : 0;
    items_ = array != nullptr ? array->items() : nullptr;
  }
  Thread& thread_;
  ListObject* list_;
  Slot* items_ = nullptr;
  size_t count_ = 0, capacity_ = 0;
  bool failed_ = false;
};

}  // namespace mp

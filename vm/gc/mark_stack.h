// MarkStack: the objects that are marked and not traced yet. It grows with the memory that the collector is
// to find, so it may be refused: an object that has no room then is left out, and take_overflow() says that
// there was one.
#pragma once
#include <cstring>
#include <memory>
#include <new>
#include <utility>

#include "vm/core/compiler.h"

namespace mp {

struct Object;

class MarkStack {
 public:
  bool empty() const { return size_ == 0; }
  void push(Object* object) {
    if (size_ == capacity_ && (overflow_ || !grow())) [[unlikely]] {
      overflow_ = true;
      return;
    }
    items_[size_++] = object;
  }
  Object* pop() { return items_[--size_]; }
  bool take_overflow() { return std::exchange(overflow_, false); }
  // Gives an unusually large array back; empty().
  void shrink() {
    if (capacity_ <= kUsual) return;
    items_.reset();
    capacity_ = 0;
  }

 private:
  static constexpr size_t kFirst = 256, kUsual = 1u << 20;
  MP_NOINLINE bool grow() {
    size_t capacity = capacity_ == 0 ? kFirst : 2 * capacity_;
    std::unique_ptr<Object*[]> items(new (std::nothrow) Object*[capacity]);
    if (items == nullptr) return false;
    if (size_ != 0) std::memcpy(items.get(), items_.get(), size_ * sizeof(Object*));
    items_ = std::move(items);
    capacity_ = capacity;
    return true;
  }

  std::unique_ptr<Object*[]> items_;
  size_t size_ = 0, capacity_ = 0;
  bool overflow_ = false;
};

}  // namespace mp

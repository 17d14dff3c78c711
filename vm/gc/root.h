// Root and RootVector: the only way to keep Values in C++ heap memory or across detached regions.
#pragma once
#include <vector>

#include "vm/gc/heap.h"

namespace mp {

// A growable array of Values that the collector sees. Lives on the native stack or inside C++ objects; not
// shared between threads.
class RootVector {
 public:
  explicit RootVector(Thread& t);
  ~RootVector();
  RootVector(const RootVector&) = delete;
  RootVector& operator=(const RootVector&) = delete;
  void push_back(Value v) { values_.push_back(v); }
  void pop_back() { values_.pop_back(); }
  Value& operator[](size_t i) { return values_[i]; }
  Value operator[](size_t i) const { return values_[i]; }
  Value& back() { return values_.back(); }
  size_t size() const { return values_.size(); }
  bool empty() const { return values_.empty(); }
  void clear() { values_.clear(); }
  void resize(size_t n) { values_.resize(n); }
  void reserve(size_t n) { values_.reserve(n); }
  Value* data() { return values_.data(); }
  const Value* data() const { return values_.data(); }
  Value* begin() { return values_.data(); }
  Value* end() { return values_.data() + values_.size(); }

 private:
  static void scan_thread(Thread& t, Tracer& tracer);
  friend struct HeapImpl;
  Thread& thread_;
  RootVector* next_;  // doubly linked list of the thread's root vectors
  RootVector* previous_;
  std::vector<Value> values_;  // layer test: the one place where std::vector<Value> is allowed
};

}  // namespace mp

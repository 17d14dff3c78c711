// Result<T>: a value or "an exception is set on the thread". TRY unwraps or returns the error to the caller.
#pragma once
#include <utility>

#include "vm/core/object.h"

namespace mp {

// What `return t.raise(...)` gives: converts to any failed Result. The exception itself is on the Thread.
struct Error {};

template <class T>
class [[nodiscard]] Result {
 public:
  Result(T value) : value_(std::move(value)), ok_(true) {}  // NOLINT: implicit on purpose
  Result(Error) : value_(), ok_(false) {}                   // NOLINT
  bool ok() const { return ok_; }
  bool is_error() const { return !ok_; }
  T& value() { return value_; }
  T take() { return std::move(value_); }

 private:
  T value_;
  bool ok_;
};

// One machine word: the error is a sentinel.
template <>
class [[nodiscard]] Result<Value> {
 public:
  Result(Value value) : value_(value) {}            // NOLINT: implicit on purpose
  Result(const Slot& slot) : value_(slot.get()) {}  // NOLINT
  Result(const Object* object) : value_(object) {}  // NOLINT
  Result(Error) : value_(kErrorValue) {}            // NOLINT
  bool ok() const { return !value_.is_error(); }
  bool is_error() const { return value_.is_error(); }
  Value value() const { return value_; }
  Value take() const { return value_; }

 private:
  Value value_;
};

template <>
class [[nodiscard]] Result<void> {
 public:
  Result() = default;
  Result(Error) : ok_(false) {}  // NOLINT: implicit on purpose
  bool ok() const { return ok_; }
  bool is_error() const { return !ok_; }
  void take() const {}

 private:
  bool ok_ = true;
};

using Status = Result<void>;
inline Status success() { return {}; }

// `Value sum = TRY(add(t, a, b));`
#define TRY(expression)                        \
  ({                                           \
    auto mp_try_result = (expression);         \
    if (mp_try_result.is_error()) [[unlikely]] \
      return ::mp::Error{};                    \
    mp_try_result.take();                      \
  })

}  // namespace mp

// The object header: 16 bytes in front of every heap object: type pointer, shape, kind, lock byte, flags.
#pragma once
#include <atomic>
#include <cstddef>
#include <cstdint>

#include "vm/core/value.h"

namespace mp {

struct Type;

enum class Kind : uint8_t {
#define MP_KIND(name) name,
#include "vm/core/kinds.def"
#undef MP_KIND
};

using ShapeId = uint32_t;
inline constexpr ShapeId kNoShape = 0;  // no attribute area, or its attributes live in a dict ("dict mode")

enum ObjectFlags : uint16_t {
  kFlagInterned = 1,      // str: in the runtime's intern table
  kFlagHasWeakrefs = 2,   // the heap's weak table has entries for this object
  kFlagFinalized = 4,     // __del__ has run
  kFlagHasFinalizer = 8,  // registered with the heap for __del__ or native finalisation
  kFlagImmortal = 16,     // made at start-up, never collected
  kFlagHidden = 32,       // a native's own: the gc module does not show it
  kFlagUser1 = 64,        // for the type's own use
  kFlagUser2 = 128,
};

struct alignas(16) Object {
  std::atomic<Type*> type_{nullptr};
  std::atomic<uint32_t> shape_{kNoShape};
  Kind kind_{Kind::Free};
  std::atomic<uint8_t> lock_{0};  // see vm/threads/object_lock.h
  std::atomic<uint16_t> flags_{0};

  Type* type() const { return type_.load(std::memory_order_relaxed); }
  void set_type(Type* type) { type_.store(type, std::memory_order_relaxed); }
  Kind kind() const { return kind_; }
  ShapeId shape() const { return shape_.load(std::memory_order_acquire); }
  void set_shape(ShapeId id) { shape_.store(id, std::memory_order_release); }
  bool has_flag(ObjectFlags f) const { return (flags_.load(std::memory_order_relaxed) & f) != 0; }
  void set_flag(ObjectFlags f) { flags_.fetch_or(f, std::memory_order_relaxed); }
  void clear_flag(ObjectFlags f) { flags_.fetch_and(static_cast<uint16_t>(~f), std::memory_order_relaxed); }
};
static_assert(sizeof(Object) == 16);

inline bool is_kind(Value v, Kind k) { return v.is_object() && v.as_object()->kind() == k; }

}  // namespace mp

// Value: one 64-bit word. It knows how ints, floats, singletons and object pointers are told apart, and
// nothing else.
#pragma once
#include <atomic>
#include <bit>
#include <cstdint>

namespace mp {

struct Object;

// Encoding (low bits):
//   ...1    63-bit signed integer
//   ..10    float whose exponent was rotated into the tag (CRuby's "flonum": no mantissa bit is lost; about
//   1e-77..1e77, and 0.0) .100    immediates and internal sentinels .000    object pointer (16-byte aligned);
//   all-zero is the empty Value: unbound, absent, deleted
class Value {
 public:
  constexpr Value() = default;
  constexpr explicit Value(uint64_t bits) : bits_(bits) {}
  Value(const Object* object) : bits_(reinterpret_cast<uint64_t>(object)) {}  // NOLINT: implicit on purpose

  static constexpr Value from_int(int64_t i) { return Value((static_cast<uint64_t>(i) << 1) | 1); }
  static constexpr bool fits_int(int64_t i) { return i >= kMinInt && i <= kMaxInt; }
  static constexpr Value from_bool(bool b) { return Value(b ? kTrueBits : kFalseBits); }

  // `d` where it has an inline form, else the empty Value: such doubles live in a FloatObject. Turned by
  // three, the sign and the two upper bits of the exponent come last, and these two must be 01 where the
  // third (now the first) is 1, and 10 where it is 0: the sum ends in 10.
  static Value try_float_inline(double d) {
    uint64_t turned = std::rotl(std::bit_cast<uint64_t>(d), 3);
    uint64_t word = turned + (turned >> 63);
    if ((word & 3) == 2 && word != kZeroFloatBits) [[likely]]
      return Value(word);
    return turned == 0 ? Value(kZeroFloatBits) : Value();
  }

  constexpr uint64_t bits() const { return bits_; }
  constexpr bool is_empty() const { return bits_ == 0; }
  constexpr bool is_int() const { return (bits_ & 1) != 0; }  // inline ints only; not bool
  constexpr bool is_float_inline() const { return (bits_ & 3) == 2; }
  constexpr bool is_object() const { return (bits_ & 7) == 0 && bits_ != 0; }
  constexpr bool is_none() const { return bits_ == kNoneBits; }
  constexpr bool is_true() const { return bits_ == kTrueBits; }
  constexpr bool is_false() const { return bits_ == kFalseBits; }
  constexpr bool is_bool() const { return is_true() || is_false(); }
  constexpr bool is_not_implemented() const { return bits_ == kNotImplementedBits; }
  constexpr bool is_error() const { return bits_ == kErrorBits; }
  constexpr bool is_not_found() const {
    return bits_ == kNotFoundBits;
  }  // a look-up found nothing (no exception set)
  constexpr bool is_no_more() const {
    return bits_ == kNoMoreBits;
  }  // an iterator is exhausted (no exception set)

  constexpr int64_t as_int() const { return static_cast<int64_t>(bits_) >> 1; }
  double as_float_inline() const {
    if (bits_ == kZeroFloatBits) return 0.0;
    return std::bit_cast<double>(std::rotr(bits_ - (bits_ >> 63), 3));
  }
  Object* as_object() const { return reinterpret_cast<Object*>(bits_); }
  template <class T>
  T* as() const {  // unchecked downcast
    return static_cast<T*>(as_object());
  }

  constexpr bool operator==(const Value& other) const = default;  // identity (`is`), not Python's ==

  static constexpr int64_t kMaxInt = (int64_t{1} << 62) - 1;
  static constexpr int64_t kMinInt = -(int64_t{1} << 62);
  static constexpr uint64_t kZeroFloatBits = 0x8000000000000002u;
  static constexpr uint64_t kNoneBits = 0x04, kFalseBits = 0x14, kTrueBits = 0x24, kEllipsisBits = 0x34,
                            kNotImplementedBits = 0x44, kNotFoundBits = 0x54, kNoMoreBits = 0x64,
                            kErrorBits = 0x74;

 private:
  uint64_t bits_ = 0;
};

inline constexpr Value kEmpty{};
inline constexpr Value kNone{Value::kNoneBits};
inline constexpr Value kFalse{Value::kFalseBits};
inline constexpr Value kTrue{Value::kTrueBits};
inline constexpr Value kEllipsis{Value::kEllipsisBits};
inline constexpr Value kNotImplemented{Value::kNotImplementedBits};
inline constexpr Value kNotFound{Value::kNotFoundBits};
inline constexpr Value kNoMore{Value::kNoMoreBits};
inline constexpr Value kErrorValue{Value::kErrorBits};

// A Value in shared heap memory: every access is one atomic word (free of cost on x86-64 and arm64).
class Slot {
 public:
  Slot() = default;
  Slot(Value v) : bits_(v.bits()) {}  // NOLINT: implicit on purpose
  Slot(const Slot& other) : bits_(other.get().bits()) {}
  Slot& operator=(const Slot& other) { return *this = other.get(); }
  Slot& operator=(Value v) {
    set(v);
    return *this;
  }
  Value get() const { return Value(bits_.load(std::memory_order_acquire)); }
  operator Value() const { return get(); }  // NOLINT: implicit on purpose
  void set(Value v) { bits_.store(v.bits(), std::memory_order_release); }
  Value exchange(Value v) { return Value(bits_.exchange(v.bits(), std::memory_order_acq_rel)); }
  bool compare_exchange(Value expected, Value desired) {
    uint64_t e = expected.bits();
    return bits_.compare_exchange_strong(e, desired.bits(), std::memory_order_acq_rel);
  }

 private:
  std::atomic<uint64_t> bits_{0};
};
static_assert(sizeof(Slot) == 8);

}  // namespace mp

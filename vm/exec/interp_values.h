// What the interpreter loop does with the bits of values, caches and control words. Internal to interp.cpp.
#pragma once
#include "vm/exec/frame.h"
#include "vm/types/type.h"

namespace mp::ops {

inline bool both_ints(Value x, Value y) { return (x.bits() & y.bits() & 1) != 0; }
inline bool both_floats(Value x, Value y) { return x.is_float_inline() && y.is_float_inline(); }
inline int64_t raw(Value v) { return static_cast<int64_t>(v.bits()); }
inline Value from_raw(int64_t bits) { return Value(static_cast<uint64_t>(bits)); }
inline Slot* slot_at(Object* object, uint64_t word) {
  return reinterpret_cast<Slot*>(object) + ((word >> 16) & 0xffff);
}
// (shape id 32 | slot offset in words 16 | type version 16): see inline_cache.cpp.
inline bool matches_shape(Object* object, uint64_t word) {
  return object->shape() == static_cast<uint32_t>(word >> 32) &&
         static_cast<uint16_t>(object->type()->version.load(std::memory_order_relaxed)) ==
             static_cast<uint16_t>(word);
}
// Where the registers of the next frame will lie: arguments that are in no row yet are written there, which
// push_exact then copies in place.
inline Value* fresh_registers(Thread& t) { return reinterpret_cast<Value*>(t.stack_top + kFrameSlots); }
inline bool has_room(Thread& t, size_t values) { return t.stack_top + kFrameSlots + values <= t.stack_end; }
inline uint32_t control_word(uint32_t flags, uint32_t length, uint32_t reg) {
  return flags | (length << 8) | (reg << 16);
}
inline int64_t floor_divide(int64_t a, int64_t b) {
  int64_t q = a / b;
  return (a % b != 0 && ((a % b < 0) != (b < 0))) ? q - 1 : q;
}
inline int64_t floor_modulo(int64_t a, int64_t b) {
  int64_t m = a % b;
  return m != 0 && ((m < 0) != (b < 0)) ? m + b : m;
}

}  // namespace mp::ops

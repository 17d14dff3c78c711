// What the interpreter loop and its caches do with the bits of values, words and control words. Internal to
// interp.cpp, inline_cache.cpp and ops_values.cpp.
#pragma once
#include "vm/exec/frame.h"
#include "vm/types/type.h"

namespace mp::ops {

inline bool both_ints(Value x, Value y) { return (x.bits() & y.bits() & 1) != 0; }
inline bool both_floats(Value x, Value y) { return x.is_float_inline() && y.is_float_inline(); }
// An inline float, or an int that a double holds exactly: beyond 2^53 ints go the exact way.
inline bool number(Value v, double* out) {
  if (v.is_float_inline()) {
    *out = v.as_float_inline();
    return true;
  }
  constexpr int64_t kExact = int64_t{1} << 53;
  if (!v.is_int() || v.as_int() > kExact || v.as_int() < -kExact) return false;
  *out = static_cast<double>(v.as_int());
  return true;
}
// A float and an int.
inline bool mixed_numbers(Value x, Value y, double* a, double* b) {
  return (x.is_float_inline() || y.is_float_inline()) && number(x, a) && number(y, b);
}
// Two exact str: 1 equal, 0 different; -1: not seen at a glance, or something else.
inline int text_equality(Thread& t, Value x, Value y) {
  if (!is_exact(x, t.types().str) || !is_exact(y, t.types().str)) return -1;
  if (x == y) return 1;
  auto *a = x.as<StrObject>(), *b = y.as<StrObject>();
  // Where the characters lie is no part of the text.
  if (((a->length_and_width ^ b->length_and_width) & ~StrObject::kExternalBit) != 0) return 0;
  return a->length() != 0 && a->data8()[0] != b->data8()[0] ? 0 : -1;
}
inline int64_t raw(Value v) { return static_cast<int64_t>(v.bits()); }
inline Value from_raw(int64_t bits) { return Value(static_cast<uint64_t>(bits)); }
inline Slot* slot_at(Object* object, uint64_t word) {
  return reinterpret_cast<Slot*>(object) + ((word >> 16) & 0xffff);
}
// (shape id 32 | slot offset in words 16 | type version 16): see inline_cache.cpp.
inline ShapeId shape_in(uint64_t word) { return static_cast<ShapeId>(word >> 32); }
inline bool matches_shape(Object* object, uint64_t word) {
  return object->shape() == shape_in(word) &&
         static_cast<uint16_t>(object->type()->version.load(std::memory_order_relaxed)) ==
             static_cast<uint16_t>(word);
}
// STORE_ATTR_ADD, under the object's lock: the attribute that an instance of the entry's shape does not have
// yet.
inline void add_slot(Object* object, const CacheEntry* entry, Value value) {
  reinterpret_cast<Slot*>(object)[entry->number >> 32] = value;
  object->set_shape(static_cast<ShapeId>(entry->number));
}
// LOAD_*_MODULE: the global of a module at the place that `word` says; empty when that is not known to hold.
inline Value cached_global(Thread& t, Value module, uint64_t word) {
  if (!is_kind(module, Kind::Module) || module.as_object()->type() != t.types().module) return kEmpty;
  DictTable* table = module.as<ModuleObject>()->dict->table.load(std::memory_order_acquire);
  if (table->version.load(std::memory_order_relaxed) != static_cast<uint32_t>(word >> 32)) return kEmpty;
  return table->entries()[static_cast<uint32_t>(word)].value;
}
// In the cache word of a native call, beside the NativeDef: r[b+1] is empty and no argument; not all
// parameters are given. Other threads may write the instruction and its word in any order: the word alone
// says what it is good for.
inline constexpr uint64_t kWithoutSelf = 1, kWithDefaults = 2;
// Where the registers of the next frame will lie: arguments that are in no row yet are written there, which
// push_exact then copies in place.
inline Value* fresh_registers(Thread& t) { return reinterpret_cast<Value*>(t.stack_top + kFrameSlots); }
inline bool has_room(Thread& t, size_t values) { return t.stack_top + kFrameSlots + values <= t.stack_end; }
// Registers are few. Of a plain loop the compiler would make vector code or a call of memset, whose beginning
// alone costs more than these stores.
inline Value* copy_registers(Value* to, const Value* from, size_t count) {
  for (const Value* end = from + count; from != end; ++from) {
    *to++ = *from;
    asm volatile("" : "+r"(to));
  }
  return to;
}
inline void clear_registers(Value* to, const Value* end) {
  while (to < end) {
    *to++ = kEmpty;
    asm volatile("" : "+r"(to));
  }
}
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

// PackedSlots: the slots that a TypeSpec fills, as pairs of a number and a function. A type has 57 slots and
// a builtin one fills five, and there are 300 of them: unpacked they would be 130 KB of the binary.
#pragma once
#include <array>

#include "vm/core/type.h"

namespace mp {

enum class SlotId : uint8_t {
#define MP_SLOT(field, function_type, dunder, second) field,
#include "vm/core/slots.def"
#undef MP_SLOT
  kCount
};
inline constexpr size_t kSlotCount = static_cast<size_t>(SlotId::kCount);
inline void*& slot_ref(Slots& slots, SlotId id) {
  return reinterpret_cast<void**>(&slots)[static_cast<size_t>(id)];
}

// A member for each type of function that slots.def knows (some of its names stand for the same type).
union SlotFunction {
  constexpr SlotFunction() : unary(nullptr) {}
  constexpr SlotFunction(UnarySlot f) : unary(f) {}
  constexpr SlotFunction(BinarySlot f) : binary(f) {}
  constexpr SlotFunction(DescrGetSlot f) : ternary(f) {}
  constexpr SlotFunction(HashSlot f) : hash(f) {}
  constexpr SlotFunction(CallSlot f) : call(f) {}
  constexpr SlotFunction(GetAttrSlot f) : get_attr(f) {}
  constexpr SlotFunction(SetAttrSlot f) : set_attr(f) {}
  constexpr SlotFunction(CompareSlot f) : compare(f) {}
  constexpr SlotFunction(SetItemSlot f) : set_item(f) {}
  constexpr SlotFunction(InquirySlot f) : inquiry(f) {}
  constexpr SlotFunction(ContainsSlot f) : contains(f) {}
  constexpr SlotFunction(FinalizeSlot f) : finalize(f) {}

  UnarySlot unary;
  BinarySlot binary;
  DescrGetSlot ternary;
  HashSlot hash;
  CallSlot call;
  GetAttrSlot get_attr;
  SetAttrSlot set_attr;
  CompareSlot compare;
  SetItemSlot set_item;
  InquirySlot inquiry;
  ContainsSlot contains;
  FinalizeSlot finalize;
  void* any;  // for reading
};

struct FilledSlot {
  SlotId id;
  SlotFunction function;
};

class PackedSlots {
 public:
  constexpr PackedSlots() = default;
  constexpr PackedSlots(const FilledSlot* filled, size_t count) : filled_(filled), count_(count) {}
  void* find(SlotId id) const {
    for (size_t i = 0; i < count_; ++i)
      if (filled_[i].id == id) return filled_[i].function.any;
    return nullptr;
  }
  Slots unpack() const {
    Slots slots;
    for (size_t i = 0; i < count_; ++i) slot_ref(slots, filled_[i].id) = filled_[i].function.any;
    return slots;
  }

 private:
  const FilledSlot* filled_ = nullptr;
  size_t count_ = 0;
};

// The static array of the slots that Make() returns filled.
template <class Make>
struct SlotTable {
  static constexpr size_t count() {
    Slots slots = Make{}();
    size_t n = 0;
#define MP_SLOT(field, function_type, dunder, second) n += slots.field != nullptr ? 1 : 0;
#include "vm/core/slots.def"
#undef MP_SLOT
    return n;
  }
  static constexpr std::array<FilledSlot, count()> fill() {
    Slots slots = Make{}();
    std::array<FilledSlot, count()> filled{};
    size_t n = 0;
#define MP_SLOT(field, function_type, dunder, second) \
  if (slots.field != nullptr) filled[n++] = {SlotId::field, slots.field};
#include "vm/core/slots.def"
#undef MP_SLOT
    return filled;
  }
  static constexpr std::array<FilledSlot, count()> kFilled = fill();
};
// Make: a lambda that returns Slots.
template <class Make>
constexpr PackedSlots pack_slots(Make) {
  return {SlotTable<Make>::kFilled.data(), SlotTable<Make>::count()};
}
// In a TypeSpec: `.slots = MP_SLOTS(.repr = list_repr, .length = list_length)`.
#define MP_SLOTS(...) ::mp::pack_slots([] { return ::mp::Slots{__VA_ARGS__}; })

}  // namespace mp

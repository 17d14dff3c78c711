// What the itertools files share: how an iterator type is declared. Internal to stdlib/native/itertools*.cpp.
#pragma once
#include "vm/native/native.h"
#include "vm/types/container_support.h"
#include "vm/types/iterator_support.h"
#include "vm/types/type.h"

namespace mp {

// An iterator object whose state is `n` slots, all traced.
template <int n>
struct SlotIterator : Object {
  Slot slots[n];
};
template <int n>
inline void trace_slot_iterator(Object* self, Tracer& tracer) {
  tracer.visit_slots(static_cast<SlotIterator<n>*>(self)->slots, n);
}

#define MP_ITERTOOL(spec, python_name, layout, trace_function, next_function, method_table, text) \
  extern const TypeSpec spec;                                                                     \
  const TypeSpec spec = {.name = "itertools." python_name,                                        \
                         .size = sizeof(layout),                                                  \
                         .flags = kTypeBaseType,                                                  \
                         .doc = text,                                                             \
                         .trace = trace_function,                                                 \
                         .slots = MP_SLOTS(.iter = iterator_self, .next = next_function),         \
                         .methods = method_table}

inline Result<bool> is_true(Thread& t, Value v) {
  return v.is_bool() ? Result<bool>(v.is_true()) : truth(t, v);
}

}  // namespace mp

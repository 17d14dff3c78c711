// What the itertools files share: how an iterator type is declared. Internal to stdlib/native/itertools*.cpp.
#pragma once
#include "vm/core/compiler.h"
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

// Copies and pickles: 3.14 drops them, and each use says so.
MP_NOINLINE Status warn_of_pickling(Thread& t);
template <Result<Value> (*function)(Thread&, const Value*)>
Result<Value> leaving(Thread& t, const Value* args) {
  TRY(warn_of_pickling(t));
  return function(t, args);
}
#define MP_REDUCE(function) MP_METHOD(leaving<function>, "__reduce__(self, /)", nullptr)
#define MP_SETSTATE(function) MP_METHOD(leaving<function>, "__setstate__(self, state, /)", nullptr)

inline Result<bool> is_true(Thread& t, Value v) {
  return v.is_bool() ? Result<bool>(v.is_true()) : truth(t, v);
}

}  // namespace mp

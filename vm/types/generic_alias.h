// types.GenericAlias and types.UnionType: layouts and what other C++ code asks of them. It knows nothing of
// typing.py beyond attribute names.
#pragma once
#include "vm/types/function.h"

namespace mp {

struct GenericAliasObject : Object {
  Slot origin, args, parameters;
  std::atomic<bool> starred{false};  // *tuple[int, ...]
};
struct UnionObject : Object {
  Slot args, parameters;
};

// `__class_getitem__(cls, item, /)` of every builtin generic.
Result<Value> native_class_getitem(Thread& t, const Value* args);
#define MP_CLASS_GETITEM \
  MP_CLASS_METHOD(native_class_getitem, "__class_getitem__(cls, item, /)", "See PEP 585")
// isinstance(v, int | str): the arguments of the union, for the protocol.
TupleObject* union_args(Value union_object);
// X | Y where either side is a type, None, alias or union; NotImplemented otherwise. For type.__or__.
Result<Value> union_or(Thread& t, Value left, Value right);

}  // namespace mp

// Type: a class object, with the table of special-method slots that the protocols dispatch through. It knows
// layouts and slots, not how classes are built (vm/types/type.cpp) nor how attributes are found
// (vm/protocol/attr.h).
#pragma once
#include "vm/core/result.h"

namespace mp {

class Thread;
class Tracer;
struct Type;
struct StrObject;
struct DictObject;
struct TupleObject;

enum class Exc : uint16_t {
#define MP_EXC(name, base) name,
#include "vm/core/exceptions.def"
#undef MP_EXC
  kCount
};

enum class CompareOp : uint8_t { Lt, Le, Eq, Ne, Gt, Ge };

// A call: `count` positional values, then one value per name in `keyword_names` (a tuple of str, or empty).
struct CallArgs {
  const Value* values = nullptr;
  size_t count = 0;
  Value keyword_names{};
};

using UnarySlot = Result<Value> (*)(Thread&, Value self);
using BinarySlot = Result<Value> (*)(Thread&, Value left, Value right);
using PowSlot = Result<Value> (*)(Thread&, Value base, Value exponent, Value modulus_or_none);
using HashSlot = Result<int64_t> (*)(Thread&, Value self);
using CallSlot = Result<Value> (*)(Thread&, Value callee, const CallArgs& args);
using GetAttrSlot = Result<Value> (*)(Thread&, Value self,
                                      StrObject* name);  // raises AttributeError when absent
using SetAttrSlot = Status (*)(Thread&, Value self, StrObject* name, Value value_or_empty);
using CompareSlot = Result<Value> (*)(Thread&, Value left, Value right, CompareOp op);
using DescrGetSlot = Result<Value> (*)(Thread&, Value descriptor, Value instance_or_empty, Value owner);
using DescrSetSlot = Status (*)(Thread&, Value descriptor, Value instance, Value value_or_empty);
using InquirySlot = Result<bool> (*)(Thread&, Value self);
using LengthSlot = Result<int64_t> (*)(Thread&, Value self);
using SetItemSlot = Status (*)(Thread&, Value self, Value key, Value value_or_empty);
using ContainsSlot = Result<bool> (*)(Thread&, Value self, Value item);
using FinalizeSlot = Status (*)(Thread&, Value self);

struct Slots {
#define MP_SLOT(field, function_type, dunder, second) function_type field = nullptr;
#include "vm/core/slots.def"
#undef MP_SLOT
};

// How the collector walks an object of this layout, beyond its type and its attribute area. Static data.
using TraceFunction = void (*)(Object* self, Tracer& tracer);

enum TypeFlags : uint32_t {
  kTypeHeap = 1,          // made by a class statement or type(): attributes can be set
  kTypeBaseType = 2,      // may be subclassed
  kTypeHasDict = 4,       // instances have an attribute area (and __dict__)
  kTypeHasWeakref = 8,    // instances may be weakly referenced
  kTypeIntSubclass = 16,  // fast isinstance for the builtin layouts
  kTypeStrSubclass = 32,
  kTypeTupleSubclass = 64,
  kTypeListSubclass = 128,
  kTypeDictSubclass = 256,
  kTypeBytesSubclass = 512,
  kTypeExceptionSubclass = 1024,
  kTypeTypeSubclass = 2048,
  kTypeFloatSubclass = 4096,
  kTypeVariableSize =
      8192,  // int, str, bytes, tuple: items follow the header; the attribute area comes after them
  kTypeSequence = 1 << 14,     // matches `case [..]`
  kTypeMapping = 1 << 15,      // matches `case {..}`
  kTypeMatchSelf = 1 << 16,    // `case int(x)` binds the subject itself
  kTypeAbstract = 1 << 17,     // has abstract methods (object.__new__ refuses)
  kTypeImmutable = 1 << 18,    // builtin: cannot set attributes
  kTypeDisallowNew = 1 << 19,  // "cannot create 'X' instances"
  kTypeCustomGetAttr =
      1 << 20,  // overrides __getattribute__/__getattr__: no inline caching of instance attributes
  kTypeCustomSetAttr = 1 << 21,
  kTypeAdapter = 1 << 23,        // an iterator over its arguments, which nobody can get out of it again
  kTypeLazyNamespace = 1 << 22,  // builtin whose methods are not in `dict` yet: go through type_namespace()
};

struct Type : Object {
  StrObject* name = nullptr;  // __name__
  StrObject* qualified_name = nullptr;
  Slot module;  // __module__
  std::atomic<TupleObject*> mro{nullptr};
  std::atomic<TupleObject*> bases{nullptr};
  std::atomic<Type*> base{nullptr};        // the base whose layout this type extends (__base__)
  std::atomic<DictObject*> dict{nullptr};  // the class namespace; write through type_set_attr only
  Slots slots;
  // Constructor look-ups, cached like slots (values found through the MRO). `type.__call__` uses them.
  Slot new_function;
  Slot init_function;

  std::atomic<uint32_t> version{
      0};  // 0: not cacheable yet; a fresh number after each change of the type or a base
  std::atomic<uint32_t> flags{0};
  Kind instance_kind = Kind::Instance;
  TraceFunction trace = nullptr;  // of the instances
  uint32_t base_size =
      sizeof(Object);  // bytes of the fixed part: C++ layout incl. header, and __slots__ fields
  uint32_t instance_size =
      sizeof(Object);  // bytes to allocate: layout + __slots__ fields + attribute area (fixed-size types)
  uint32_t fields_offset =
      0;  // where the __slots__ fields begin (end of the C++ layout); they end at base_size
  uint32_t attrs_offset =
      0;  // byte offset of the AttrArea; 0: none. Variable-size types: see instance_attrs()
  uint16_t inline_slot_count = 0;  // inline attributes in the AttrArea
  ShapeId root_shape = kNoShape;   // shape of a fresh instance
  Slot subclasses;                 // list of weakref-like: a raw list object owned by vm/types/type.cpp
  Slot slot_names;                 // __slots__ fields of this type: tuple, or empty
  Slot annotations_cache;
  const void* spec = nullptr;  // the TypeSpec of a builtin type
  Slot extra;                  // for natives: e.g. struct-sequence field names

  bool has(uint32_t f) const { return (flags.load(std::memory_order_relaxed) & f) != 0; }
};

// The attribute area of an instance with a __dict__: `inline_slot_count` slots that never move, then an
// overflow array. In dict mode (shape kNoShape) `extra` holds the DictObject and the slots are empty.
struct AttrArea {
  Slot extra;  // empty, or in shape mode a raw GC array of Slots (as a pointer Value), or in dict mode the
               // dict
  Slot slots[1];
};

}  // namespace mp

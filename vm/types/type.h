// Building and changing classes: from a TypeSpec (builtin) or from type(name, bases, namespace). It knows
// MROs, slots inheritance, shapes.
#pragma once
#include "vm/types/function.h"
#include "vm/types/packed_slots.h"

namespace mp {

struct MemberDef {
  const char* name;
  uint32_t offset;
  bool read_only;
  const char* doc;
};

// A builtin type, as static data. Unset fields take the default; arrays end with a zeroed element.
struct TypeSpec {
  const char* name;  // "list", or "collections.deque": module before the last dot
  Kind kind = Kind::Other;
  Type* BuiltinTypes::*base = nullptr;  // nullptr: object
  const struct TypeSpec* base_spec =
      nullptr;                     // a native module's own type as base (made through native_type())
  uint32_t size = sizeof(Object);  // sizeof the layout struct
  uint32_t flags = 0;              // TypeFlags; kTypeBaseType to allow subclassing
  const char* doc = nullptr;
  TraceFunction trace = nullptr;       // own fields only (not the type, not the attribute area)
  PackedSlots slots = {};              // MP_SLOTS(.repr = ...)
  const NativeDef* methods = nullptr;  // includes __new__ (MP_NEW) and __init__ where the type has its own
  const GetSetDef* getsets = nullptr;
  const MemberDef* members = nullptr;
  void (*init)(Thread& t, Type* type) = nullptr;  // last step: extra attributes
};

// Makes object, type, str, tuple, dict and list usable (allocation, slots) before names are interned;
// make_builtin_type() completes them later, in types.def order. make_exception_types() makes
// BuiltinTypes::exceptions afterwards.
void bootstrap_core_types(Thread& t);
void make_exception_types(Thread& t);
Type* make_builtin_type(
    Thread& t,
    const TypeSpec& spec);  // also used by native modules; cached per runtime: see runtime.h native_type()
// type(name, bases, namespace, **kwargs) with everything: metaclass conflict, __slots__, __set_name__,
// __init_subclass__, __classcell__.
Result<Value> make_class(Thread& t, Type* metatype, StrObject* name, TupleObject* bases,
                         DictObject* name_space, const CallArgs& keywords);
// The class attribute found along the MRO; kNotFound if absent. Uses the runtime's method cache. No
// descriptors applied.
Value type_lookup(Thread& t, Type* type, StrObject* name);
// The namespace dict of this class itself, filled in (builtin types make their descriptors when first looked
// at). Never null.
DictObject* type_namespace(Thread& t, Type* type);
// Own namespace only; kNotFound when absent.
Value type_own(Thread& t, Type* type, StrObject* name);
// type.__getattribute__ without raising: kNotFound when absent. And type.__setattr__ (empty value: delete).
Result<Value> type_get_attr(Thread& t, Type* type, StrObject* name);
Status type_set_attr(Thread& t, Value cls, StrObject* name, Value value_or_empty);
// Writes into the class namespace and updates slots, caches and versions of the type and its subclasses
// (builtin set-up and setattr alike).
Status type_set_attr_raw(Thread& t, Type* type, StrObject* name, Value value_or_empty);
uint32_t type_version(Thread& t,
                      Type* type);  // gives it a version if it has none; 0 when exhausted: do not cache
// cls(*args, **kwargs): type.__call__.
Result<Value> type_call(Thread& t, Value cls, const CallArgs& args);
// object.__new__ for a class without special layout: allocates an instance.
Result<Value> allocate_instance(Thread& t, Type* cls);
std::string type_name(const Type* type);    // for messages: "list", "Foo"
std::string type_name(Thread& t, Value v);  // of the value's type
std::string type_full_name(Type* type);     // "module.Foo" unless builtins
Result<Value> compute_metatype(Thread& t, Type* given, TupleObject* bases);
Result<bool> is_subclass(Thread& t, Value cls, Value class_or_tuple);   // with __subclasscheck__ (protocol)
Result<bool> is_instance_of(Thread& t, Value v, Value class_or_tuple);  // with __instancecheck__ (protocol)

// super(cls, object).name without the super object. When `self` is given and the result is a plain method,
// *self is the receiver to call it with (else empty). vm/types/super.cpp
Result<Value> super_get_attr(Thread& t, Value cls, Value object, StrObject* name, Value* self);

// ---- instances: shapes
// Rules for inline caches:
// - A shape belongs to one class: an equal shape id implies the type, its attrs_offset and its
// inline_slot_count.
// - Slot i of an object in shape S is `attrs->slots[i]` for i < inline_slot_count, else the overflow array's
// (attr_slot()).
// - An empty slot means "absent": deleted, or the object just went to dict mode. Take the slow path, for
// loads and for stores.
// - A store from a cache re-reads the shape afterwards when the runtime is free-threaded: if it changed,
// store again the slow way.
// - The shape says nothing about the class attributes: check type->version as well.
struct ShapeTable;
struct Shape {
  ShapeId id = 0;
  uint32_t count = 0;  // slots in use, holes included
  Type* owner = nullptr;
  Shape* parent = nullptr;
  StrObject* key = nullptr;  // the attribute this shape adds, at slot count - 1
  std::atomic<Shape*> first_child{nullptr};
  std::atomic<Shape*> next_sibling{nullptr};
  std::atomic<ShapeTable*> table{nullptr};  // key -> slot, built on demand
};
struct AttrOverflow {  // raw cell
  uint64_t capacity;
  uint64_t reserved;
  Slot slots[1];
};
// AttrArea::extra holds the overflow array with bit 3 set (so that a racing reader never takes it for the
// dict), or the dict, or nothing.
inline AttrOverflow* attr_overflow(Value extra) {
  return (extra.bits() & 8) != 0 ? reinterpret_cast<AttrOverflow*>(extra.bits() & ~uint64_t{8}) : nullptr;
}
inline DictObject* attr_dict(Value extra) {
  return (extra.bits() & 8) != 0 ? nullptr : reinterpret_cast<DictObject*>(extra.bits());
}
inline constexpr uint32_t kMaxShapeSlots = 200;  // more attributes: dict mode
void init_shapes(Thread& t);
ShapeId make_root_shape(Thread& t, Type* owner);
Shape* shape_by_id(Thread& t, ShapeId id);
// The successor of `from` with `name` (interned) added; nullptr when there are too many (dict mode then).
Shape* shape_add(Thread& t, Shape* from, StrObject* name);
// Shape mode only: the slot's address, or nullptr when the overflow array is not there (yet).
inline Slot* attr_slot(const Type* type, AttrArea* area, uint32_t index) {
  if (index < type->inline_slot_count) return &area->slots[index];
  AttrOverflow* overflow = attr_overflow(area->extra);
  index -= type->inline_slot_count;
  return overflow != nullptr && index < overflow->capacity ? &overflow->slots[index] : nullptr;
}
// Adds the attribute that `to` has more than the object's shape; false if the object has another shape by
// now.
bool instance_add_slot(Thread& t, Object* object, Shape* from, Shape* to, Value value);
Shape* shape_by_id(Thread& t, ShapeId id);
// Slot number of an interned attribute name in this shape, or -1.
int32_t shape_find(Thread& t, ShapeId id, StrObject* name);
AttrArea* instance_attrs(Object* object);  // nullptr when the type has none
// Own attribute of an instance (shape or dict mode); kNotFound when absent. No descriptors, no class look-up.
Value instance_get_own(Thread& t, Object* object, StrObject* name);
Status instance_set_own(Thread& t, Object* object, StrObject* name,
                        Value value_or_empty);  // empty: delete; kNotFound-like absence raises AttributeError
void instance_to_dict_mode(Thread& t, Object* object);
// Own attributes in order (shape or dict mode), as a new dict; for __getstate__, dir, repr. The object keeps
// its mode.
DictObject* instance_attrs_copy(Thread& t, Object* object);
Result<Value> instance_dict(Thread& t,
                            Object* object);  // obj.__dict__: switches the object to dict mode; a real dict
Status instance_set_dict(Thread& t, Object* object, Value dict);
void trace_attrs(Object* object, Tracer& tracer);  // called by the collector for every object whose type has
                                                   // an attribute area or __slots__
size_t instance_attr_count(Thread& t, Object* object);

}  // namespace mp

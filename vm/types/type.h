// Building and changing classes: from a TypeSpec (builtin) or from type(name, bases, namespace). It knows MROs, slots inheritance, shapes.
#pragma once
#include "vm/types/function.h"

namespace mp {

struct MemberDef {
  const char* name;
  uint32_t offset;
  bool read_only;
  const char* doc;
};

// A builtin type, as static data. Unset fields take the default; arrays end with a zeroed element.
struct TypeSpec {
  const char* name;                  // "list", or "collections.deque": module before the last dot
  Kind kind = Kind::Other;
  Type* BuiltinTypes::*base = nullptr;  // nullptr: object
  const struct TypeSpec* base_spec = nullptr;  // a native module's own type as base (made through native_type())
  uint32_t size = sizeof(Object);    // sizeof the layout struct
  uint32_t flags = 0;                // TypeFlags; kTypeBaseType to allow subclassing
  const char* doc = nullptr;
  TraceFunction trace = nullptr;     // own fields only (not the type, not the attribute area)
  Slots slots = {};
  const NativeDef* methods = nullptr;    // includes __new__ (MP_NEW) and __init__ where the type has its own
  const GetSetDef* getsets = nullptr;
  const MemberDef* members = nullptr;
  void (*init)(Thread& t, Type* type) = nullptr;  // last step: extra attributes
};

Type* make_builtin_type(Thread& t, const TypeSpec& spec);  // also used by native modules; cached per runtime: see runtime.h native_type()
// type(name, bases, namespace, **kwargs) with everything: metaclass conflict, __slots__, __set_name__, __init_subclass__, __classcell__.
Result<Value> make_class(Thread& t, Type* metatype, StrObject* name, TupleObject* bases, DictObject* name_space, CallArgs keywords);
// The class attribute found along the MRO; kNotFound if absent. Uses the runtime's method cache. No descriptors applied.
Value type_lookup(Thread& t, Type* type, StrObject* name);
// Writes into the class namespace and updates slots, caches and versions of the type and its subclasses (builtin set-up and setattr alike).
Status type_set_attr_raw(Thread& t, Type* type, StrObject* name, Value value_or_empty);
uint32_t type_version(Thread& t, Type* type);  // gives it a version if it has none; 0 when exhausted: do not cache
// cls(*args, **kwargs): type.__call__.
Result<Value> type_call(Thread& t, Value cls, CallArgs args);
// object.__new__ for a class without special layout: allocates an instance.
Result<Value> allocate_instance(Thread& t, Type* cls);
std::string type_name(const Type* type);            // for messages: "list", "Foo"
std::string type_name(Thread& t, Value v);          // of the value's type
std::string type_full_name(Type* type);             // "module.Foo" unless builtins
Result<Value> compute_metatype(Thread& t, Type* given, TupleObject* bases);
Result<bool> is_subclass(Thread& t, Value cls, Value class_or_tuple);    // with __subclasscheck__ (protocol)
Result<bool> is_instance_of(Thread& t, Value v, Value class_or_tuple);   // with __instancecheck__ (protocol)

// ---- instances: shapes
struct Shape {
  ShapeId id = 0;
  Type* owner = nullptr;
  Shape* parent = nullptr;
  StrObject* key = nullptr;   // the attribute this shape adds
  uint32_t count = 0;         // slots in use, holes included
  struct ShapeTable* table = nullptr;  // key -> slot, built on demand
};
Shape* shape_by_id(Thread& t, ShapeId id);
// Slot number of an interned attribute name in this shape, or -1.
int32_t shape_find(Thread& t, ShapeId id, StrObject* name);
AttrArea* instance_attrs(Object* object);  // nullptr when the type has none
// Own attribute of an instance (shape or dict mode); kNotFound when absent. No descriptors, no class look-up.
Value instance_get_own(Thread& t, Object* object, StrObject* name);
Status instance_set_own(Thread& t, Object* object, StrObject* name, Value value_or_empty);  // empty: delete; kNotFound-like absence raises AttributeError
Result<Value> instance_dict(Thread& t, Object* object);  // obj.__dict__: switches the object to dict mode; a real dict
Status instance_set_dict(Thread& t, Object* object, Value dict);
void trace_attrs(Object* object, Tracer& tracer);  // called by the collector for every object whose type has an attribute area or __slots__
size_t instance_attr_count(Thread& t, Object* object);

}  // namespace mp

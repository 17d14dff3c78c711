// property.
#include "vm/types/exception.h"
#include "vm/types/type_internal.h"

namespace mp {

static PropertyObject* prop(Value v) { return v.as<PropertyObject>(); }
static bool absent(Value v) { return v.is_empty() || v.is_none(); }

static Result<Value> property_new(Thread& t, Value cls, const CallArgs&) {
  return t.heap().make<PropertyObject>(t, cls.as<Type>());
}

// The doc of the getter goes to a plain property's own field, to a subclass's attribute area.
static Status set_doc_from(Thread& t, Value self, Value doc) {
  if (type_of(t, self) != t.types().property) {
    auto set = generic_set_attr(t, self, t.names().__doc__, doc.is_empty() ? kNone : doc);
    if (set.is_error()) {
      if (doc.is_empty() || doc.is_none()) {
        t.clear_exception();
        return {};
      }
      return Error{};
    }
    return {};
  }
  prop(self)->doc = doc;
  return {};
}

static Result<Value> property_init(Thread& t, const Value* args) {
  auto* p = prop(args[0]);
  p->getter = args[1].is_none() ? kEmpty : args[1];
  p->setter = args[2].is_none() ? kEmpty : args[2];
  p->deleter = args[3].is_none() ? kEmpty : args[3];
  Value doc = args[4].is_none() ? kEmpty : args[4];
  p->name = kEmpty;
  p->clear_flag(kFlagUser1);
  if (doc.is_empty() && !absent(args[1])) {
    Value from_getter = TRY(get_attr_or_not_found(t, args[1], t.names().__doc__));
    if (!from_getter.is_not_found() && !from_getter.is_none()) {
      p->set_flag(kFlagUser1);  // the doc is the getter's
      doc = from_getter;
    }
  }
  if (type_of(t, args[0]) == t.types().property)
    p->doc = doc;
  else
    TRY(set_doc_from(t, args[0], doc));
  return kNone;
}

static std::string shown_name(Thread& t, PropertyObject* p) {
  Value name = p->name, getter = p->getter;
  if (name.is_empty() && !absent(getter)) {
    auto found = get_attr_or_not_found(t, getter, t.names().__name__);
    if (found.is_error())
      t.clear_exception();
    else if (!found.value().is_not_found())
      name = found.value();
  }
  return name.is_empty() || name.is_none() ? std::string() : repr_text(t, name);
}

static Error missing(Thread& t, Value self, Value instance, const char* what) {
  std::string name = shown_name(t, prop(self));
  std::string owner = to_utf8(type_of(t, instance)->qualified_name);
  if (!name.empty())
    return t.raise(Exc::AttributeError, "property {} of '{}' object has no {}", name, owner, what);
  return t.raise(Exc::AttributeError, "property of '{}' object has no {}", owner, what);
}

static Result<Value> property_get(Thread& t, Value descriptor, Value instance, Value) {
  if (instance.is_empty() || instance.is_none()) return descriptor;
  Value getter = prop(descriptor)->getter;
  if (absent(getter)) return missing(t, descriptor, instance, "getter");
  return call(t, getter, CallArgs{&instance, 1, kEmpty});
}
static Status property_set(Thread& t, Value descriptor, Value instance, Value value) {
  Value accessor = value.is_empty() ? prop(descriptor)->deleter : prop(descriptor)->setter;
  if (absent(accessor)) return missing(t, descriptor, instance, value.is_empty() ? "deleter" : "setter");
  Value both[] = {instance, value};
  (void)TRY(call(t, accessor, CallArgs{both, value.is_empty() ? 1u : 2u, kEmpty}));
  return {};
}

static Value given_or(Value v) { return v.is_empty() ? kNone : v; }

static Result<Value> copy_with(Thread& t, Value self, Value getter, Value setter, Value deleter) {
  auto* p = prop(self);
  Value get = getter.is_empty() || getter.is_none() ? given_or(p->getter) : getter;
  Value set = setter.is_empty() || setter.is_none() ? given_or(p->setter) : setter;
  Value del = deleter.is_empty() || deleter.is_none() ? given_or(p->deleter) : deleter;
  // The doc is taken from the (new) getter again if it came from a getter.
  Value doc = p->has_flag(kFlagUser1) && !get.is_none() ? kNone : given_or(p->doc);
  if (!p->has_flag(kFlagUser1) && type_of(t, self) != t.types().property) {
    Value own = TRY(get_attr_or_not_found(t, self, t.names().__doc__));
    if (!own.is_not_found()) doc = own;
  }
  Value made = TRY(call(t, Value(type_of(t, self)), {get, set, del, doc}));
  if (is_kind(made, Kind::Property)) prop(made)->name = p->name;
  return made;
}
static Result<Value> property_getter(Thread& t, const Value* args) {
  return copy_with(t, args[0], args[1], kEmpty, kEmpty);
}
static Result<Value> property_setter(Thread& t, const Value* args) {
  return copy_with(t, args[0], kEmpty, args[1], kEmpty);
}
static Result<Value> property_deleter(Thread& t, const Value* args) {
  return copy_with(t, args[0], kEmpty, kEmpty, args[1]);
}
static Result<Value> property_set_name(Thread& t, Value self, const CallArgs& args) {
  if (args.count != 2)
    return t.raise(Exc::TypeError, "__set_name__() takes 2 positional arguments but {} were given",
                   args.count);
  prop(self)->name = args.values[1];
  return kNone;
}

static Result<Value> get_doc(Thread&, Value self) { return given_or(prop(self)->doc); }
static Status set_doc(Thread&, Value self, Value value) {
  prop(self)->doc = value;
  return {};
}
static Result<Value> get_name(Thread& t, Value self) {
  Value name = prop(self)->name, getter = prop(self)->getter;
  if (!name.is_empty()) return name;
  if (!absent(getter)) {
    Value v = TRY(get_attr_or_not_found(t, getter, t.names().__name__));
    if (!v.is_not_found()) return v;
  }
  return raise_attribute_error(t, self, t.names().__name__, "'property' object has no attribute '__name__'");
}
static Status set_name(Thread&, Value self, Value value) {
  prop(self)->name = value;
  return {};
}
static Result<Value> get_is_abstract(Thread& t, Value self) {
  auto* p = prop(self);
  for (const Slot* slot : {&p->getter, &p->setter, &p->deleter}) {
    Value accessor = *slot;
    if (absent(accessor)) continue;
    Value v = TRY(get_attr_or_not_found(t, accessor, t.names().__isabstractmethod__));
    if (!v.is_not_found() && TRY(truth(t, v))) return kTrue;
  }
  return kFalse;
}
static void trace_property(Object* o, Tracer& tracer) {
  auto* p = static_cast<PropertyObject*>(o);
  for (const Slot* slot : {&p->getter, &p->setter, &p->deleter, &p->doc, &p->name}) tracer.visit(*slot);
}

static const NativeDef kPropertyMethods[] = {
    MP_RAW_NEW(property_new, "__new__(cls, /, *args, **kwargs)", nullptr),
    MP_METHOD(property_init, "__init__(self, fget=None, fset=None, fdel=None, doc=None)", nullptr),
    MP_METHOD(property_getter, "getter(self, fget, /)",
              "Descriptor to obtain a copy of the property with a different getter."),
    MP_METHOD(property_setter, "setter(self, fset, /)",
              "Descriptor to obtain a copy of the property with a different setter."),
    MP_METHOD(property_deleter, "deleter(self, fdel, /)",
              "Descriptor to obtain a copy of the property with a different deleter."),
    MP_RAW_METHOD(property_set_name, "__set_name__(self, owner, name, /)",
                  "Method to set name of a property."),
    MP_END};
static const GetSetDef kPropertyGetSets[] = {{"__doc__", get_doc, set_doc, nullptr},
                                             {"__name__", get_name, set_name, nullptr},
                                             {"__isabstractmethod__", get_is_abstract, nullptr, nullptr},
                                             {}};
static const MemberDef kPropertyMembers[] = {{"fget", offsetof(PropertyObject, getter), true, nullptr},
                                             {"fset", offsetof(PropertyObject, setter), true, nullptr},
                                             {"fdel", offsetof(PropertyObject, deleter), true, nullptr},
                                             {}};
extern const TypeSpec kPropertySpec;
const TypeSpec kPropertySpec = {.name = "property",
                                .kind = Kind::Property,
                                .size = sizeof(PropertyObject),
                                .flags = kTypeBaseType,
                                .doc =
                                    "Property attribute.\n\n  fget\n    function to be used for getting an "
                                    "attribute value\n  fset\n    function to be used "
                                    "for setting an attribute value\n  fdel\n    function to be used for "
                                    "del'ing an attribute\n  doc\n    docstring\n",
                                .trace = trace_property,
                                .slots = MP_SLOTS(.descr_get = property_get, .descr_set = property_set),
                                .methods = kPropertyMethods,
                                .getsets = kPropertyGetSets,
                                .members = kPropertyMembers};

}  // namespace mp

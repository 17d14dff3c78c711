// member_descriptor (__slots__ fields) and getset_descriptor; cells; None, Ellipsis, NotImplemented.
#include "vm/protocol/order.h"
#include "vm/types/exception.h"
#include "vm/types/number.h"
#include "vm/types/type_internal.h"

namespace mp {

// ---------------------------------------------------------------- member_descriptor

static MemberDescriptorObject* member(Value v) { return v.as<MemberDescriptorObject>(); }
static Slot& field_of(Value instance, MemberDescriptorObject* m) {
  return *reinterpret_cast<Slot*>(reinterpret_cast<char*>(instance.as_object()) + m->offset);
}
static Error wrong_object(Thread& t, Value name, Type* owner, Value instance) {
  return t.raise(Exc::TypeError, "descriptor '{}' for '{}' objects doesn't apply to a '{}' object",
                 str_text(t, name), type_name(owner), type_name(t, instance));
}

static Result<Value> member_get(Thread& t, Value descriptor, Value instance, Value) {
  if (instance.is_empty()) return descriptor;
  auto* m = member(descriptor);
  if (!is_instance(t, instance, m->owner)) return wrong_object(t, m->name, m->owner, instance);
  Value v = field_of(instance, m);
  if (v.is_empty()) {
    if (m->owner->has(kTypeImmutable)) return kNone;
    return raise_no_attribute(t, instance, m->name.get().as<StrObject>());
  }
  return v;
}
static Status member_set(Thread& t, Value descriptor, Value instance, Value value) {
  auto* m = member(descriptor);
  if (!is_instance(t, instance, m->owner)) return wrong_object(t, m->name, m->owner, instance);
  if (m->read_only) return t.raise(Exc::AttributeError, "readonly attribute");
  Slot& field = field_of(instance, m);
  if (value.is_empty() && field.get().is_empty())
    return raise_no_attribute(t, instance, m->name.get().as<StrObject>());
  field.set(value);
  return {};
}
static Result<Value> member_repr(Thread& t, Value self) {
  return make_str(t, fmt::format("<member '{}' of '{}' objects>", str_text(t, member(self)->name),
                                 type_name(member(self)->owner)));
}
static Result<Value> member_name(Thread&, Value self) { return member(self)->name; }
static Result<Value> member_qualname(Thread& t, Value self) {
  return make_str(t, to_utf8(member(self)->owner->qualified_name) + "." + str_text(t, member(self)->name));
}
static Result<Value> member_owner(Thread&, Value self) { return Value(member(self)->owner); }
static Result<Value> member_doc(Thread& t, Value self) {
  const char* doc = member(self)->doc;
  return doc == nullptr ? Result<Value>(kNone) : Result<Value>(make_str(t, doc));
}
static Result<Value> by_getattr(Thread& t, Value owner, Value name) {
  Value getattr = dict_get_text(t, t.runtime().builtins_dict, "getattr");
  return make_tuple(t, {getattr, Value(make_tuple(t, {owner, name}))});
}
static Result<Value> member_reduce(Thread& t, const Value* args) {
  return by_getattr(t, Value(member(args[0])->owner), member(args[0])->name);
}
static void trace_member(Object* o, Tracer& tracer) {
  tracer.visit(static_cast<MemberDescriptorObject*>(o)->owner);
  tracer.visit(static_cast<MemberDescriptorObject*>(o)->name);
}
static const NativeDef kMemberMethods[] = {MP_METHOD(member_reduce, "__reduce__(self, /)", nullptr), MP_END};
static const GetSetDef kMemberGetSets[] = {{"__name__", member_name, nullptr, nullptr},
                                           {"__qualname__", member_qualname, nullptr, nullptr},
                                           {"__objclass__", member_owner, nullptr, nullptr},
                                           {"__doc__", member_doc, nullptr, nullptr},
                                           {}};
extern const TypeSpec kMemberDescriptorSpec, kGetSetDescriptorSpec, kCellSpec, kNoneSpec, kEllipsisSpec,
    kNotImplementedSpec;
const TypeSpec kMemberDescriptorSpec = {
    .name = "member_descriptor",
    .kind = Kind::MemberDescriptor,
    .size = sizeof(MemberDescriptorObject),
    .flags = kTypeDisallowNew,
    .trace = trace_member,
    .slots = MP_SLOTS(.repr = member_repr, .descr_get = member_get, .descr_set = member_set),
    .methods = kMemberMethods,
    .getsets = kMemberGetSets};

// ---------------------------------------------------------------- getset_descriptor

static GetSetDescriptorObject* getset(Value v) { return v.as<GetSetDescriptorObject>(); }

static Result<Value> getset_get(Thread& t, Value descriptor, Value instance, Value) {
  if (instance.is_empty()) return descriptor;
  auto* g = getset(descriptor);
  if (!is_instance(t, instance, g->owner)) return wrong_object(t, g->name, g->owner, instance);
  TRY(t.check_stack());  // a getter may ask another object: property.__isabstractmethod__
  return g->def->get(t, instance);
}
static Status getset_set(Thread& t, Value descriptor, Value instance, Value value) {
  auto* g = getset(descriptor);
  if (!is_instance(t, instance, g->owner)) return wrong_object(t, g->name, g->owner, instance);
  // A class that is one of Python's in CPython has properties (and __dict__, __weakref__).
  if (g->def->set == nullptr && !g->owner->has(kTypeImmutable) && g->def->name[0] != '_')
    return t.raise(Exc::AttributeError, "property '{}' of '{}' object has no {}", g->def->name,
                   type_name(t, instance), value.is_empty() ? "deleter" : "setter");
  if (g->def->set == nullptr)
    return raise_attribute_error(
        t, instance, g->name.get().as<StrObject>(),
        fmt::format("attribute '{}' of '{}' objects is not writable", g->def->name, type_name(g->owner)));
  return g->def->set(t, instance, value);
}
static Result<Value> getset_repr(Thread& t, Value self) {
  return make_str(t, fmt::format("<attribute '{}' of '{}' objects>", getset(self)->def->name,
                                 type_name(getset(self)->owner)));
}
static Result<Value> getset_name(Thread&, Value self) { return getset(self)->name; }
static Result<Value> getset_qualname(Thread& t, Value self) {
  return make_str(t, to_utf8(getset(self)->owner->qualified_name) + "." + getset(self)->def->name);
}
static Result<Value> getset_owner(Thread&, Value self) { return Value(getset(self)->owner); }
static Result<Value> getset_doc(Thread& t, Value self) {
  const char* doc = getset(self)->def->doc;
  return doc == nullptr ? Result<Value>(kNone) : Result<Value>(make_str(t, doc));
}
static Result<Value> getset_reduce(Thread& t, const Value* args) {
  return by_getattr(t, Value(getset(args[0])->owner), getset(args[0])->name);
}
static void trace_getset(Object* o, Tracer& tracer) {
  tracer.visit(static_cast<GetSetDescriptorObject*>(o)->owner);
  tracer.visit(static_cast<GetSetDescriptorObject*>(o)->name);
}
static const NativeDef kGetSetMethods[] = {MP_METHOD(getset_reduce, "__reduce__(self, /)", nullptr), MP_END};
static const GetSetDef kGetSetGetSets[] = {{"__name__", getset_name, nullptr, nullptr},
                                           {"__qualname__", getset_qualname, nullptr, nullptr},
                                           {"__objclass__", getset_owner, nullptr, nullptr},
                                           {"__doc__", getset_doc, nullptr, nullptr},
                                           {}};
const TypeSpec kGetSetDescriptorSpec = {
    .name = "getset_descriptor",
    .kind = Kind::GetSetDescriptor,
    .size = sizeof(GetSetDescriptorObject),
    .flags = kTypeDisallowNew,
    .trace = trace_getset,
    .slots = MP_SLOTS(.repr = getset_repr, .descr_get = getset_get, .descr_set = getset_set),
    .methods = kGetSetMethods,
    .getsets = kGetSetGetSets};

// ---------------------------------------------------------------- cell

CellObject* make_cell(Thread& t, Value content) {
  auto* cell = t.heap().make<CellObject>(t, t.types().cell);
  cell->content = content;
  return cell;
}
static Result<Value> cell_new(Thread& t, const Value* args) { return make_cell(t, args[1]); }
static Result<Value> cell_repr(Thread& t, Value self) {
  Value v = self.as<CellObject>()->content;
  if (v.is_empty()) return make_str(t, fmt::format("<cell at {:#x}: empty>", self.bits()));
  return make_str(t,
                  fmt::format("<cell at {:#x}: {} object at {:#x}>", self.bits(), type_name(t, v), v.bits()));
}
static Result<Value> cell_get(Thread& t, Value self) {
  Value v = self.as<CellObject>()->content;
  if (v.is_empty()) return t.raise(Exc::ValueError, "cell is empty");
  return v;
}
static Status cell_set(Thread&, Value self, Value value) {
  self.as<CellObject>()->content = value;
  return {};
}
static Result<Value> cell_compare(Thread& t, Value a, Value b, CompareOp op) {
  if (!is_kind(b, Kind::Cell)) return kNotImplemented;
  Value x = a.as<CellObject>()->content, y = b.as<CellObject>()->content;
  if (!x.is_empty() && !y.is_empty()) return compare(t, x, y, op);
  // Empty cells come first.
  int order = static_cast<int>(y.is_empty()) - static_cast<int>(x.is_empty());
  return order_result(order, op);
}
static void trace_cell(Object* o, Tracer& tracer) { tracer.visit(static_cast<CellObject*>(o)->content); }
static const NativeDef kCellMethods[] = {MP_NEW(cell_new, "__new__(cls, contents=?, /)", nullptr), MP_END};
static const GetSetDef kCellGetSets[] = {{"cell_contents", cell_get, cell_set, nullptr}, {}};
const TypeSpec kCellSpec = {.name = "cell",
                            .kind = Kind::Cell,
                            .size = sizeof(CellObject),
                            .doc = "Create a new cell object.",
                            .trace = trace_cell,
                            .slots = MP_SLOTS(.repr = cell_repr, .compare = cell_compare),
                            .methods = kCellMethods,
                            .getsets = kCellGetSets};

// ---------------------------------------------------------------- singletons

static Status no_arguments(Thread& t, const char* name, const CallArgs& args) {
  if (args.count > 0 || keyword_count(args) > 0)
    return t.raise(Exc::TypeError, "{} takes no arguments", name);
  return {};
}
static Result<Value> none_new(Thread& t, Value, const CallArgs& args) {
  TRY(no_arguments(t, "NoneType", args));
  return kNone;
}
static Result<Value> none_repr(Thread& t, Value) { return Value(t.names().none_); }
static Result<bool> none_bool(Thread&, Value) { return false; }
static Result<int64_t> none_hash(Thread&, Value) { return int64_t{0xFCA86420}; }
static const NativeDef kNoneMethods[] = {MP_RAW_NEW(none_new, "__new__(cls, /)", nullptr), MP_END};
const TypeSpec kNoneSpec = {.name = "NoneType",
                            .doc = "The type of the None singleton.",
                            .slots = MP_SLOTS(.repr = none_repr, .hash = none_hash, .bool_ = none_bool),
                            .methods = kNoneMethods};

static Result<Value> ellipsis_new(Thread& t, Value, const CallArgs& args) {
  TRY(no_arguments(t, "EllipsisType", args));
  return kEllipsis;
}
static Result<Value> ellipsis_repr(Thread& t, Value) { return intern(t, "Ellipsis"); }
static Result<Value> ellipsis_reduce(Thread& t, const Value*) { return intern(t, "Ellipsis"); }
static const NativeDef kEllipsisMethods[] = {MP_RAW_NEW(ellipsis_new, "__new__(cls, /)", nullptr),
                                             MP_METHOD(ellipsis_reduce, "__reduce__(self, /)", nullptr),
                                             MP_END};
const TypeSpec kEllipsisSpec = {.name = "ellipsis",
                                .doc = "The type of the Ellipsis singleton.",
                                .slots = MP_SLOTS(.repr = ellipsis_repr),
                                .methods = kEllipsisMethods};

static Result<Value> not_implemented_new(Thread& t, Value, const CallArgs& args) {
  TRY(no_arguments(t, "NotImplementedType", args));
  return kNotImplemented;
}
static Result<Value> not_implemented_repr(Thread& t, Value) { return intern(t, "NotImplemented"); }
static Result<bool> not_implemented_bool(Thread& t, Value) {
  TRY(warn(t, Exc::DeprecationWarning, "NotImplemented should not be used in a boolean context"));
  return true;
}
static Result<Value> not_implemented_reduce(Thread& t, const Value*) { return intern(t, "NotImplemented"); }
static const NativeDef kNotImplementedMethods[] = {
    MP_RAW_NEW(not_implemented_new, "__new__(cls, /)", nullptr),
    MP_METHOD(not_implemented_reduce, "__reduce__(self, /)", nullptr), MP_END};
const TypeSpec kNotImplementedSpec = {
    .name = "NotImplementedType",
    .doc = "The type of the NotImplemented singleton.",
    .slots = MP_SLOTS(.repr = not_implemented_repr, .bool_ = not_implemented_bool),
    .methods = kNotImplementedMethods};

}  // namespace mp

// Classes made at run time: type(name, bases, namespace), and calling a class.
#include <alloca.h>

#include <algorithm>

#include "vm/exec/frame.h"
#include "vm/exec/interp.h"
#include "vm/native/signature.h"
#include "vm/types/codec.h"
#include "vm/types/exception.h"
#include "vm/types/number.h"
#include "vm/types/type_internal.h"
#include "vm/types/unicode.h"

namespace mp {

// ---------------------------------------------------------------- calling a class

// Cached in the class, which forgets it when it changes (type_modified()).
static void keep(Thread& t, Type* type, Slot Type::*which, Value found, uint32_t version) {
  TypeLock lock(t);
  if (type->version.load(std::memory_order_relaxed) == version) type->*which = found;
}

// kTypeDisallowNew types have no __new__ at all: kNone stands for that.
Result<Value> resolve_new(Thread& t, Type* type) {
  Value f = type->new_function;
  if (!f.is_empty()) return f;
  uint32_t version = type_version(t, type);
  Value found = type_lookup(t, type, t.names().__new__);
  for (Type* each = type; each != nullptr; each = each->base.load())
    if (!each->has(kTypeHeap)) {
      if (each->has(kTypeDisallowNew) && type_own(t, each, t.names().__new__).is_not_found() &&
          is_kind(found, Kind::NativeFunction) &&
          found.as<NativeFunctionObject>()->def->raw_call == object_new_raw)
        found = kNone;
      break;
    }
  if (is_kind(found, Kind::StaticMethod))
    found = found.as<StaticMethodObject>()->callable;
  else if (found.is_object() && !is_kind(found, Kind::NativeFunction) && !is_kind(found, Kind::Function))
    if (DescrGetSlot get = found.as_object()->type()->slots.descr_get)
      return get(t, found, kEmpty, Value(type));  // not cached
  keep(t, type, &Type::new_function, found, version);
  return found;
}

Result<Value> resolve_init(Thread& t, Type* type) {
  Value f = type->init_function;
  if (!f.is_empty()) return f;
  uint32_t version = type_version(t, type);
  Value found = type_lookup(t, type, t.names().__init__);
  keep(t, type, &Type::init_function, found, version);
  return found;
}

static bool is_native(Value v, NativeRawCall raw) {
  return is_kind(v, Kind::NativeFunction) && v.as<NativeFunctionObject>()->def->raw_call == raw;
}

// `make` has made the object; empty: as a __new__ of another class.
static Status run_init(Thread& t, Value object, Type* type, Value make, const CallArgs& args) {
  Value init = TRY(resolve_init(t, type));
  if (is_native(init, object_init_raw)) {
    if (args.count == 0 && args.keyword_names.is_empty()) return {};
    if (!make.is_empty() && !is_native(make, object_new_raw))
      return {};  // it has used the arguments: str, tuple
    (void)TRY(object_init_raw(t, object, args));
    return {};
  }
  // BaseException.__new__ has stored the arguments already.
  if (is_native(init, exception_base_init) && args.keyword_names.is_empty()) {
    Value make = TRY(resolve_new(t, type));
    if (is_native(make, exception_new_raw)) return {};
  }
  Value result;
  if (is_kind(init, Kind::Function)) {
    result = TRY(call_function(t, init.as<FunctionObject>(), object, args));
  } else if (is_kind(init, Kind::NativeFunction)) {
    auto* native = init.as<NativeFunctionObject>();
    if (native->def->raw_call != nullptr && native->def->kind == NativeKind::Method &&
        native->self.get().is_empty() && is_instance(t, object, native->owner_type))
      result = TRY(native->def->raw_call(t, object, args));
    else
      result = TRY(call_prepend(t, init, object, args));
  } else {
    Value bound = TRY(lookup_special(t, object, t.names().__init__));
    result = TRY(call(t, bound, args));
  }
  if (!result.is_none())
    return t.raise(Exc::TypeError, "__init__() should return None, not '{}'", type_name(t, result));
  return {};
}

// The conversions that programs do most, without the general way through __new__ and __init__; kEmpty:
// another one.
static inline Result<Value> convert(Thread& t, Type* type, Value v) {
  BuiltinTypes& types = t.types();
  if (type == types.str) return str(t, v);
  if (type == types.int_ && v.is_int()) return v;
  if (type == types.float_ && v.is_int()) return make_float(t, static_cast<double>(v.as_int()));
  if (type == types.list) return to_list(t, v);
  if (type == types.bool_) return Value::from_bool(TRY(truth(t, v)));
  return kEmpty;
}

Result<Value> type_call(Thread& t, Value cls, const CallArgs& args) {
  auto* type = cls.as<Type>();
  if (args.count == 1 && args.keyword_names.is_empty()) {
    Value converted = TRY(convert(t, type, args.values[0]));
    if (!converted.is_empty()) return converted;
  }
  if (type == t.types().type) {
    if (args.count == 1 && args.keyword_names.is_empty()) return Value(type_of(t, args.values[0]));
    if (args.count != 3) return t.raise(Exc::TypeError, "type() takes 1 or 3 arguments");
  }
  Value make = TRY(resolve_new(t, type));
  Value object;
  if (is_native(make, object_new_raw)) {
    // The usual case: allocation, then __init__ gets the arguments.
    if (args.count == 0 && args.keyword_names.is_empty() && !type->has(kTypeAbstract))
      object = TRY(allocate_instance(t, type));
    else
      object = TRY(object_new_raw(t, cls, args));
  } else if (is_kind(make, Kind::NativeFunction) &&
             make.as<NativeFunctionObject>()->def->kind == NativeKind::New) {
    auto* function = make.as<NativeFunctionObject>();
    const NativeDef& def = *function->def;
    if (def.raw_call != nullptr) {
      object = TRY(def.raw_call(t, cls, args));
    } else {
      NativeSignature* signature = native_signature(t, function);
      auto* out = static_cast<Value*>(alloca(sizeof(Value) * (signature->total + 1u)));
      out[0] = cls;
      // A script __init__ takes the arguments; a builtin __new__ that knows none of them must not complain
      // (as tp_new slots that ignore theirs). Everything else is bound strictly.
      TRY(bind_signature(t, function, *signature, args, out));
      object = TRY(def.call(t, out));
    }
  } else if (make.is_none() || make.is_not_found()) {
    return t.raise(Exc::TypeError, "cannot create '{}' instances", type_full_name(type));
  } else {
    object = TRY(call_prepend(t, make, cls, args));
  }
  Type* made = type_of(t, object);
  if (made != type && !is_subtype(made, type)) return object;
  if (object.is_object() && made->slots.finalize != nullptr &&
      !object.as_object()->has_flag(kFlagHasFinalizer)) {
    object.as_object()->set_flag(kFlagHasFinalizer);
    t.heap().register_script_finalizer(object.as_object());
  }
  if (!object.is_object() && made == type) return object;  // int, float, bool: nothing to initialise
  TRY(run_init(t, object, made, made == type ? make : kEmpty, args));
  return object;
}

Result<Value> allocate_instance(Thread& t, Type* cls) {
  Object* object;
  switch (cls->instance_kind) {
    case Kind::Type:
      return t.raise(Exc::TypeError, "object.__new__({}) is not safe, use type.__new__()", type_name(cls));
    default: object = t.heap().make<Object>(t, cls); break;
  }
  if (object == nullptr) return t.raise_memory_error();
  if (cls->slots.finalize != nullptr) [[unlikely]] {
    object->set_flag(kFlagHasFinalizer);
    t.heap().register_script_finalizer(object);
  }
  return object;
}

// ---------------------------------------------------------------- __slots__

struct SlotsPlan {
  bool given = false;
  bool add_dict = false;
  bool add_weakref = false;
  TupleObject* names = nullptr;  // mangled, sorted, without __dict__ and __weakref__
};

static std::string mangle(const std::string& class_name, const std::string& name) {
  if (name.size() < 3 || name.compare(0, 2, "__") != 0 || name.compare(name.size() - 2, 2, "__") == 0 ||
      name.find('.') != std::string::npos)
    return name;
  size_t start = class_name.find_first_not_of('_');
  if (start == std::string::npos) return name;
  return "_" + class_name.substr(start) + name;
}

static bool is_identifier(StrObject* name) {
  size_t n = name->length();
  for (size_t i = 0; i < n; ++i) {
    uint32_t c = name->at(i);
    if (i == 0 ? c != '_' && !unicode::is_identifier_start(c) : !unicode::is_identifier_continue(c))
      return false;
  }
  return n > 0;
}

static Result<SlotsPlan> plan_slots(Thread& t, Type* base, StrObject* class_name, DictObject* dict) {
  SlotsPlan plan;
  bool may_dict =
      !base->has(kTypeHasDict) && base->instance_kind != Kind::Type && base->instance_kind != Kind::Module;
  bool may_weakref = !base->has(kTypeHasWeakref);
  Value slots = dict_get_str(dict, t.names().__slots__);
  if (slots.is_not_found()) {
    plan.add_dict = may_dict;
    plan.add_weakref = may_weakref && !base->has(kTypeVariableSize);
    // int, tuple, bytes subclasses: CPython refuses weak references; str allows them.
    if (may_weakref && base->instance_kind == Kind::Str) plan.add_weakref = true;
    return plan;
  }
  plan.given = true;
  Value items = is_str(slots) ? Value(make_tuple(t, {slots})) : TRY(to_tuple(t, slots));
  auto* tuple = items.as<TupleObject>();
  if (tuple->size > 0 && base->has(kTypeVariableSize) && base->instance_kind != Kind::Str) {
    bool only_dict = true;
    for (size_t i = 0; i < tuple->size; ++i)
      only_dict = only_dict && is_str((*tuple)[i]) &&
                  str_equal((*tuple)[i].as<StrObject>(), std::string_view("__dict__"));
    if (!only_dict)
      return t.raise(Exc::TypeError, "nonempty __slots__ not supported for subtype of '{}'", type_name(base));
  }
  RootVector names(t);
  std::string owner = to_utf8(class_name);
  for (size_t i = 0; i < tuple->size; ++i) {
    Value item = (*tuple)[i];
    if (!is_str(item))
      return t.raise(Exc::TypeError, "__slots__ items must be strings, not '{}'", type_name(t, item));
    auto* name = item.as<StrObject>();
    if (!is_identifier(name)) return t.raise(Exc::TypeError, "__slots__ must be identifiers");
    std::string text = to_utf8(name);
    if (text == "__dict__") {
      if (!may_dict || plan.add_dict)
        return t.raise(Exc::TypeError, "__dict__ slot disallowed: we already got one");
      plan.add_dict = true;
      continue;
    }
    if (text == "__weakref__") {
      if (!may_weakref || plan.add_weakref)
        return t.raise(Exc::TypeError, "__weakref__ slot disallowed: we already got one");
      plan.add_weakref = true;
      continue;
    }
    StrObject* mangled = intern(t, mangle(owner, text));
    Value existing = dict_get_str(dict, mangled);
    bool special = text == "__qualname__" || text == "__classcell__" || text == "__classdictcell__";
    if (!existing.is_not_found() && !special)
      return t.raise(Exc::ValueError, "'{}' in __slots__ conflicts with class variable", text);
    names.push_back(Value(mangled));
  }
  // Sorted, as CPython lays them out; a name given twice makes one member and one unused field.
  std::sort(names.begin(), names.end(),
            [](Value a, Value b) { return str_compare(a.as<StrObject>(), b.as<StrObject>()) < 0; });
  if (base->has(kTypeVariableSize)) {
    // str subclasses have no fixed place for fields: they live in the attribute area.
    if (!names.empty()) plan.add_dict = may_dict;
    return plan;
  }
  plan.names = make_tuple(t, names.data(), names.size());
  return plan;
}

// How many attributes get an inline slot: the names the class and its bases assign to self, as the compiler
// saw them.
static uint16_t inline_slots(Thread& t, Type* type) {
  constexpr size_t kMost = 30, kDefault = 3;
  StrObject* seen[kMost];
  size_t count = 0;
  TupleObject* mro = type->mro.load();
  for (size_t i = 0; i < mro->size; ++i) {
    auto* each = (*mro)[i].as<Type>();
    if (!each->has(kTypeHeap)) continue;
    Value names = type_own(t, each, t.names().__static_attributes__);
    if (!is_tuple(names)) continue;
    auto* tuple = names.as<TupleObject>();
    for (size_t j = 0; j < tuple->size && count < kMost; ++j) {
      if (!is_str((*tuple)[j])) continue;
      StrObject* name = attribute_name(t, (*tuple)[j].as<StrObject>());
      bool known = false;
      for (size_t k = 0; k < count && !known; ++k) known = seen[k] == name;
      if (!known) seen[count++] = name;
    }
  }
  return static_cast<uint16_t>(count > kDefault ? count : kDefault);
}

static Result<Value> get_instance_dict(Thread& t, Value self) {
  if (!self.is_object()) return raise_no_attribute(t, self, t.names().__dict__);
  if (is_type(self)) return make_mapping_proxy(t, Value(type_namespace(t, self.as<Type>())));
  if (is_kind(self, Kind::Module)) return Value(self.as<ModuleObject>()->dict);
  return instance_dict(t, self.as_object());
}
extern const GetSetDef kDictGetSet;
static Status set_instance_dict(Thread& t, Value self, Value value) {
  // A builtin base with a __dict__ of its own decides what may be done with it.
  for (Type* base = type_of(t, self); base != nullptr; base = base->base.load()) {
    if (base->has(kTypeHeap)) continue;
    Value own = type_own(t, base, t.names().__dict__);
    if (is_kind(own, Kind::GetSetDescriptor) && own.as<GetSetDescriptorObject>()->def == &kDictGetSet) break;
    if (own.is_object())
      if (DescrSetSlot set = own.as_object()->type()->slots.descr_set) return set(t, own, self, value);
  }
  return instance_set_dict(t, self.as_object(), value.is_empty() ? Value(make_dict(t)) : value);
}
static Result<Value> get_weakref_list(Thread& t, Value self) {
  if (!self.is_object() || !self.as_object()->has_flag(kFlagHasWeakrefs)) return kNone;
  struct Found {
    Value ref;
  } found{kNone};
  t.heap().for_each_weakref(
      self.as_object(),
      [](void* context, Object* ref) {
        auto* f = static_cast<Found*>(context);
        if (f->ref.is_none()) f->ref = Value(ref);
      },
      &found);
  return found.ref;
}
const GetSetDef kDictGetSet = {"__dict__", get_instance_dict, set_instance_dict,
                               "dictionary for instance variables"};
static const GetSetDef kWeakrefGetSet = {"__weakref__", get_weakref_list, nullptr,
                                         "list of weak references to the object"};

static void add_getset(Thread& t, Type* type, DictObject* dict, const GetSetDef& def) {
  StrObject* name = intern(t, def.name);
  if (!dict_get_str(dict, name).is_not_found()) return;
  auto* descriptor = t.heap().make<GetSetDescriptorObject>(t, t.types().getset_descriptor);
  descriptor->owner = type;
  descriptor->def = &def;
  descriptor->name = Value(name);
  (void)dict_set_str(t, dict, name, descriptor);
}

// ---------------------------------------------------------------- type.__new__

static void lay_out_class(Thread& t, Type* type, Type* base, const SlotsPlan& plan) {
  type->base.store(base);
  type->instance_kind = base->instance_kind;
  type->trace = base->trace;
  constexpr uint32_t kInherited = kTypeHasDict | kTypeHasWeakref | kTypeIntSubclass | kTypeStrSubclass |
                                  kTypeTupleSubclass | kTypeListSubclass | kTypeDictSubclass |
                                  kTypeBytesSubclass | kTypeExceptionSubclass | kTypeTypeSubclass |
                                  kTypeFloatSubclass | kTypeVariableSize | kTypeMatchSelf;
  uint32_t flags = kTypeHeap | kTypeBaseType | (base->flags.load() & kInherited);
  TupleObject* bases = type->bases.load();
  for (size_t i = 0; i < bases->size; ++i) {
    uint32_t each = (*bases)[i].as<Type>()->flags.load();
    flags |= each & kTypeHasWeakref;
    if ((each & kTypeHasDict) != 0) flags |= kTypeHasDict;
    if ((flags & (kTypeSequence | kTypeMapping)) == 0) flags |= each & (kTypeSequence | kTypeMapping);
  }
  if (plan.add_dict) flags |= kTypeHasDict;
  if (plan.add_weakref) flags |= kTypeHasWeakref;
  // Classes and modules have their own kind of __dict__.
  if (base->instance_kind == Kind::Type || base->instance_kind == Kind::Module)
    flags &= ~uint32_t{kTypeHasDict};
  type->flags.store(flags);
  type->fields_offset = base->fields_offset;
  type->base_size = base->base_size;
  if (plan.names != nullptr && plan.names->size > 0 && (flags & kTypeVariableSize) == 0) {
    type->slot_names = Value(plan.names);
    type->base_size += static_cast<uint32_t>(plan.names->size * sizeof(Slot));
  }
  (void)t;
}

static void finish_layout(Thread& t, Type* type) {
  type->instance_size = type->base_size;
  if (type->has(kTypeHasDict)) {
    type->inline_slot_count = inline_slots(t, type);
    uint32_t area = sizeof(Slot) * (1u + type->inline_slot_count);
    if (type->has(kTypeVariableSize)) {
      type->instance_size =
          type->base_size + area + 8;  // 8: the area begins at the next multiple of 8 behind the items
    } else {
      type->attrs_offset = type->base_size;
      type->instance_size = type->base_size + area;
    }
    type->root_shape = make_root_shape(t, type);
  }
  // Instances with fields only get a shape as well: it tells inline caches the class.
  if (!type->has(kTypeHasDict) && type->instance_kind == Kind::Instance &&
      type->base_size > type->fields_offset)
    type->root_shape = make_root_shape(t, type);
}

// The descriptors of the fields stand in the class's namespace before __dict__, __weakref__ and __doc__, as
// in CPython.
static void add_members(Thread& t, Type* type, const SlotsPlan& plan) {
  if (plan.names == nullptr || type->has(kTypeVariableSize)) return;
  DictObject* dict = type->dict.load();
  for (size_t i = 0; i < plan.names->size; ++i) {
    auto* descriptor = t.heap().make<MemberDescriptorObject>(t, t.types().member_descriptor);
    descriptor->owner = type;
    descriptor->name = (*plan.names)[i];
    descriptor->offset = static_cast<uint32_t>(type->base_size - (plan.names->size - i) * sizeof(Slot));
    (void)dict_set_str(t, dict, (*plan.names)[i].as<StrObject>(), descriptor);
  }
}

static Status wrap_special(Thread& t, DictObject* dict, StrObject* name, Type* wrapper) {
  Value v = dict_get_str(dict, name);
  if (!is_kind(v, Kind::Function)) return {};
  if (wrapper == t.types().staticmethod) {
    auto* wrapped = t.heap().make<StaticMethodObject>(t, wrapper);
    wrapped->callable = v;
    return dict_set_str(t, dict, name, wrapped);
  }
  auto* wrapped = t.heap().make<ClassMethodObject>(t, wrapper);
  wrapped->callable = v;
  return dict_set_str(t, dict, name, wrapped);
}

static Status call_set_names(Thread& t, Type* type, DictObject* names) {
  DictObject* snapshot = dict_copy(t, names);  // __set_name__ may change the class
  if (snapshot == nullptr) return Error{};
  size_t position = 0;
  Value key, value;
  while (dict_next(snapshot, &position, &key, &value)) {
    if (!value.is_object()) continue;
    Value method = type_lookup(t, value.as_object()->type(), t.names().__set_name__);
    if (method.is_not_found()) continue;
    auto result = call_special(t, value, t.names().__set_name__, {Value(type), key});
    if (result.is_error()) {
      Value e = t.take_exception();
      std::string note = fmt::format("Error calling __set_name__ on '{}' instance {} in '{}'",
                                     type_name(t, value), repr_text(t, key), type_name(type));
      auto added = call_method(t, e, intern(t, "add_note"), {Value(make_str(t, note))});
      if (added.is_error()) t.clear_exception();
      t.restore_exception(e);
      return Error{};
    }
  }
  return {};
}

static Status call_init_subclass(Thread& t, Type* type, const CallArgs& args) {
  // super(type, type).__init_subclass__(**kwargs)
  TupleObject* mro = type->mro.load();
  for (size_t i = 1; i < mro->size; ++i) {
    Value found = type_own(t, (*mro)[i].as<Type>(), t.names().__init_subclass__);
    if (found.is_not_found()) continue;
    if (is_kind(found, Kind::NativeFunction) && (*mro)[i].as<Type>() == t.types().object &&
        keyword_count(args) == 0)
      return {};
    if (found.is_object())
      if (DescrGetSlot get = found.as_object()->type()->slots.descr_get)
        found = TRY(get(t, found, kEmpty, Value(type)));
    (void)TRY(call(t, found, CallArgs{args.values + args.count, 0, args.keyword_names}));
    return {};
  }
  return {};
}

// What CPython keeps as UTF-8 must be encodable.
static Status check_encodable(Thread& t, StrObject* text) {
  std::string ignored;
  return encode_utf8_to(t, text, "strict", ignored);
}
Status check_type_name(Thread& t, StrObject* name) {
  for (size_t i = 0; i < name->length(); ++i)
    if (name->at(i) == 0) return t.raise(Exc::ValueError, "type name must not contain null characters");
  return check_encodable(t, name);
}

Result<Value> make_class(Thread& t, Type* metatype, StrObject* name, TupleObject* bases,
                         DictObject* name_space, const CallArgs& keywords) {
  if (bases->size == 0) bases = make_tuple(t, {Value(t.types().object)});
  Type* base = TRY(best_base(t, bases));
  TRY(check_type_name(t, name));
  DictObject* dict = dict_copy(t, name_space);
  if (dict == nullptr) return Error{};
  if (dict->type() != t.types().dict) {
    dict = make_dict(t);
    TRY(dict_update(t, dict, Value(name_space)));
  }
  SlotsPlan plan = TRY(plan_slots(t, base, name, dict));

  auto* type = t.heap().make<Type>(t, metatype);
  type->name = attribute_name(t, name);
  type->qualified_name = type->name;
  type->bases.store(bases);
  type->dict.store(dict);
  lay_out_class(t, type, base, plan);

  Value qualname = dict_get_str(dict, t.names().__qualname__);
  if (!qualname.is_not_found()) {
    if (!is_str(qualname))
      return t.raise(Exc::TypeError, "type __qualname__ must be a str, not {}", type_name(t, qualname));
    type->qualified_name = qualname.as<StrObject>();
    TRY(dict_delete(t, dict, Value(t.names().__qualname__)));
  }
  Value module = dict_get_str(dict, t.names().__module__);
  if (module.is_not_found() && t.frame != nullptr && t.frame->globals != nullptr) {
    module = dict_get_str(t.frame->globals, t.names().__name__);
    if (!module.is_not_found()) TRY(dict_set_str(t, dict, t.names().__module__, module));
  }
  if (!module.is_not_found()) type->module = module;
  Value cell = dict_get_str(dict, t.names().__classcell__);
  if (!cell.is_not_found()) {
    if (!is_kind(cell, Kind::Cell))
      return t.raise(Exc::TypeError, "__classcell__ must be a nonlocal cell, not {}",
                     repr_text(t, Value(type_of(t, cell))));
    TRY(dict_delete(t, dict, Value(t.names().__classcell__)));
    cell.as<CellObject>()->content = Value(type);  // the metaclass's mro() may call methods already
  }
  add_members(t, type, plan);
  if (plan.add_dict) add_getset(t, type, dict, kDictGetSet);
  if (plan.add_weakref) add_getset(t, type, dict, kWeakrefGetSet);
  if (dict_get_str(dict, t.names().__doc__).is_not_found())
    TRY(dict_set_str(t, dict, t.names().__doc__, kNone));
  else if (Value doc = dict_get_str(dict, t.names().__doc__); is_str(doc))
    TRY(check_encodable(t, doc.as<StrObject>()));
  TRY(wrap_special(t, dict, t.names().__new__, t.types().staticmethod));
  TRY(wrap_special(t, dict, t.names().__init_subclass__, t.types().classmethod));
  TRY(wrap_special(t, dict, t.names().__class_getitem__, t.types().classmethod));
  // Equality without a hash makes instances unhashable.
  if (!dict_get_str(dict, t.names().__eq__).is_not_found() &&
      dict_get_str(dict, t.names().__hash__).is_not_found())
    TRY(dict_set_str(t, dict, t.names().__hash__, kNone));

  type->slots = base->slots;
  Value mro;
  bool scripted = has_scripted_mro(t, type);
  if (scripted) mro = TRY(compute_mro(t, type));
  {
    TypeLock lock(t);
    // No other thread gives a base other bases until this class is among its subclasses.
    if (!scripted) mro = TRY(linearise(t, type, bases));
    // Has one already: the metaclass's mro() has assigned to __bases__.
    if (type->mro.load() == nullptr) type->mro.store(mro.as<TupleObject>());
    finish_layout(t, type);
    fill_class_slots(t, type);
    if (scripted)
      store_bases(t, type, type->bases.load(), type->base.load());
    else
      for (size_t i = 0; i < bases->size; ++i) add_subclass(t, (*bases)[i].as<Type>(), type);
  }
  TRY(call_set_names(t, type, dict));
  TRY(call_init_subclass(t, type, keywords));
  return type;
}

Result<Value> type_new_raw(Thread& t, Value cls, const CallArgs& args) {
  auto* metatype = cls.as<Type>();
  static const char* const kNames[] = {"name", "bases", "dict"};
  Value given[3];
  size_t used = 0;
  for (; used < args.count && used < 3; ++used) given[used] = args.values[used];
  if (metatype == t.types().type && args.count == 1 && args.keyword_names.is_empty())
    return Value(type_of(t, args.values[0]));
  if (args.count != 3)
    return t.raise(Exc::TypeError, "type.__new__() takes exactly 3 arguments ({} given)", args.count);
  const char* const kTypes[] = {"str", "tuple", "dict"};
  for (int i = 0; i < 3; ++i) {
    bool right = i == 0 ? is_str(given[i]) : i == 1 ? is_tuple(given[i]) : is_dict(given[i]);
    if (!right)
      return t.raise(Exc::TypeError, "type.__new__() argument {} must be {}, not {}", i + 1, kTypes[i],
                     type_name(t, given[i]));
  }
  (void)kNames;
  auto* bases = given[1].as<TupleObject>();
  for (size_t i = 0; i < bases->size; ++i) {
    if (is_type((*bases)[i])) continue;
    Value entries = TRY(get_attr_or_not_found(t, (*bases)[i], t.names().__mro_entries__));
    if (!entries.is_not_found())
      return t.raise(Exc::TypeError, "type() doesn't support MRO entry resolution; use types.new_class()");
  }
  Value winner = TRY(compute_metatype(t, metatype, bases));
  if (!(winner == cls)) {
    auto* better = winner.as<Type>();
    Value make = TRY(resolve_new(t, better));
    if (!is_native(make, type_new_raw)) return call_prepend(t, make, winner, args);
    metatype = better;
  }
  return make_class(t, metatype, given[0].as<StrObject>(), bases, given[2].as<DictObject>(),
                    CallArgs{args.values + args.count, 0, args.keyword_names});
}

}  // namespace mp

// Attribute access on classes, and the attributes and methods that classes have from `type`.
#include <algorithm>

#include "vm/exec/frame.h"
#include "vm/native/signature.h"
#include "vm/types/exception.h"
#include "vm/types/number.h"
#include "vm/types/type_internal.h"

namespace mp {

Result<bool> plain_isinstance(Thread& t, Value v, Value cls);
Result<bool> plain_issubclass(Thread& t, Value derived, Value cls);

static Type* as_type(Value v) { return v.as<Type>(); }

// ---------------------------------------------------------------- get and set

Result<Value> type_get_attr(Thread& t, Type* type, StrObject* name) {
  Type* metatype = type->type();
  Value meta = type_lookup(t, metatype, name);
  DescrGetSlot meta_get = nullptr;
  if (!meta.is_not_found() && meta.is_object()) {
    Type* meta_type = meta.as_object()->type();
    meta_get = meta_type->slots.descr_get;
    if (meta_get != nullptr && meta_type->slots.descr_set != nullptr)
      return meta_get(t, meta, Value(type), Value(metatype));
  }
  Value own = type_lookup(t, type, name);
  if (!own.is_not_found()) {
    if (own.is_object())
      if (DescrGetSlot get = own.as_object()->type()->slots.descr_get)
        return get(t, own, kEmpty, Value(type));
    return own;
  }
  if (meta_get != nullptr) return meta_get(t, meta, Value(type), Value(metatype));
  return meta;
}

Result<Value> type_get_attr_slot(Thread& t, Value cls, StrObject* name) {
  Value v = TRY(type_get_attr(t, as_type(cls), attribute_name(t, name)));
  if (v.is_not_found()) return raise_no_attribute(t, cls, name);
  return v;
}

Status type_set_attr_raw(Thread& t, Type* type, StrObject* name, Value value) {
  name = attribute_name(t, name);
  TypeLock lock(t);
  DictObject* dict = type->dict.load();
  if (value.is_empty()) {
    dict = type_namespace(t, type);
    if (!TRY(dict_delete(t, dict, Value(name)))) return raise_no_attribute(t, Value(type), name);
  } else {
    TRY(dict_set_str(t, dict, name, value));
  }
  type_modified(t, type);
  if (name->length() > 4 && name->at(0) == '_' && name->at(1) == '_' && type->mro.load() != nullptr) {
    if (name == t.names().__module__) type->module = value;
    if (type->has(kTypeLazyNamespace)) {
      // Set-up of a builtin type: its namespace stays unfilled; only `__hash__ = None` concerns a slot.
      if (name == t.names().__hash__ && value.is_none()) type->slots.hash = hash_not_implemented;
      return {};
    }
    update_slots_for(t, type, name);
  }
  return {};
}

Status type_set_attr(Thread& t, Value cls, StrObject* name, Value value) {
  Type* type = as_type(cls);
  name = attribute_name(t, name);
  if (type->has(kTypeImmutable))
    return t.raise(Exc::TypeError, "cannot set '{}' attribute of immutable type '{}'", to_utf8(name),
                   type_name(type));
  Value meta = type_lookup(t, type->type(), name);
  if (!meta.is_not_found() && meta.is_object())
    if (DescrSetSlot set = meta.as_object()->type()->slots.descr_set) return set(t, meta, cls, value);
  return type_set_attr_raw(t, type, name, value);
}

// ---------------------------------------------------------------- attributes

static Status check_settable(Thread& t, Type* type, Value value, const char* name) {
  if (type->has(kTypeImmutable))
    return t.raise(Exc::TypeError, "cannot set '{}' attribute of immutable type '{}'", name, type_name(type));
  if (value.is_empty())
    return t.raise(Exc::TypeError, "cannot delete '{}' attribute of immutable type '{}'", name,
                   type_name(type));
  return {};
}

static Result<Value> get_name(Thread&, Value self) { return Value(as_type(self)->name); }
static Status set_name(Thread& t, Value self, Value value) {
  TRY(check_settable(t, as_type(self), value, "__name__"));
  if (!is_str(value))
    return t.raise(Exc::TypeError, "can only assign string to {}.__name__, not '{}'",
                   type_name(as_type(self)), type_name(t, value));
  TRY(check_type_name(t, value.as<StrObject>()));
  as_type(self)->name = value.as<StrObject>();
  return {};
}

static Result<Value> get_qualname(Thread&, Value self) { return Value(as_type(self)->qualified_name); }
static Status set_qualname(Thread& t, Value self, Value value) {
  TRY(check_settable(t, as_type(self), value, "__qualname__"));
  if (!is_str(value))
    return t.raise(Exc::TypeError, "can only assign string to {}.__qualname__, not '{}'",
                   type_name(as_type(self)), type_name(t, value));
  as_type(self)->qualified_name = value.as<StrObject>();
  return {};
}

static Result<Value> get_module(Thread& t, Value self) {
  Type* type = as_type(self);
  if (type->has(kTypeHeap)) {
    Value own = type_own(t, type, t.names().__module__);
    if (!own.is_not_found()) return own;
    return raise_attribute_error(t, self, t.names().__module__, "__module__");
  }
  return type->module;
}
static Status set_module(Thread& t, Value self, Value value) {
  TRY(check_settable(t, as_type(self), value, "__module__"));
  return type_set_attr_raw(t, as_type(self), t.names().__module__, value);
}

static Result<Value> get_mro(Thread&, Value self) {
  TupleObject* mro = as_type(self)->mro.load();
  return mro != nullptr ? Value(mro) : kNone;
}
static Result<Value> get_base(Thread&, Value self) {
  Type* base = as_type(self)->base.load();
  return base != nullptr ? Value(base) : kNone;
}
static Result<Value> get_bases(Thread&, Value self) { return Value(as_type(self)->bases.load()); }

// What an MRO is computed from: the bases and their MROs.
static void list_basis(Type* type, RootVector& out) {
  TupleObject* bases = type->bases.load();
  out.push_back(Value(bases));
  for (size_t i = 0; i < bases->size; ++i) out.push_back(Value(as_type((*bases)[i])->mro.load()));
}

// Computes the MRO and gives it to the class; `undo` gets the class, this MRO and the old one. False: the
// metaclass's mro() has set another by assigning to __bases__ (or another thread has), which stays. That
// mro() runs without the type lock, as it may wait for other threads; what they change of the bases meanwhile
// is the reason to ask it again, a few times.
static Result<bool> renew_mro(Thread& t, TypeLock& lock, Type* type, RootVector& undo) {
  Value old(type->mro.load()), mro;
  for (int tries = 8; mro.is_empty(); --tries) {
    if (!has_scripted_mro(t, type)) {
      mro = TRY(linearise(t, type, type->bases.load()));
      break;
    }
    RootVector before(t), now(t);
    list_basis(type, before);
    lock.release();
    Result<Value> computed = compute_mro(t, type);
    lock.acquire(t);
    Value found = TRY(computed);
    list_basis(type, now);
    if (!(Value(type->mro.load()) == old) || !(before[0] == now[0])) return false;
    if (tries == 0 || std::equal(before.begin(), before.end(), now.begin())) mro = found;
  }
  for (Value each : {Value(type), mro, old}) undo.push_back(each);
  type->mro.store(mro.as<TupleObject>());
  type_modified(t, type);
  return true;
}

// New MROs for the class and everything below.
static Status recompute(Thread& t, TypeLock& lock, Type* type, RootVector& undo) {
  if (!TRY(renew_mro(t, lock, type, undo))) return {};
  RootVector subclasses(t);
  for_each_subclass(
      t, type,
      [](void* context, Type* subclass) { static_cast<RootVector*>(context)->push_back(Value(subclass)); },
      &subclasses);
  for (size_t i = 0; i < subclasses.size(); ++i) TRY(recompute(t, lock, as_type(subclasses[i]), undo));
  return {};
}

// By the bases as well: while a metaclass's mro() runs, the MROs are not up to date.
static bool derives(Type* from, Type* type, std::vector<Type*>& seen) {
  if (is_subtype(from, type)) return true;
  if (std::find(seen.begin(), seen.end(), from) != seen.end()) return false;
  seen.push_back(from);
  TupleObject* bases = from->bases.load();
  for (size_t i = 0; i < bases->size; ++i)
    if (derives(as_type((*bases)[i]), type, seen)) return true;
  return false;
}

void store_bases(Thread& t, Type* type, TupleObject* bases, Type* base) {
  TupleObject* old = type->bases.load();
  for (size_t i = 0; i < old->size; ++i) remove_subclass(t, as_type((*old)[i]), type);
  type->bases.store(bases);
  type->base.store(base);
  for (size_t i = 0; i < bases->size; ++i) add_subclass(t, as_type((*bases)[i]), type);
}

static Status set_bases(Thread& t, Value self, Value value) {
  Type* type = as_type(self);
  TRY(check_settable(t, type, value, "__bases__"));
  if (!is_tuple(value))
    return t.raise(Exc::TypeError, "can only assign tuple to {}.__bases__, not {}", type_name(type),
                   type_name(t, value));
  auto* bases = value.as<TupleObject>();
  if (bases->size == 0)
    return t.raise(Exc::TypeError, "can only assign non-empty tuple to {}.__bases__, not ()",
                   type_name(type));
  TypeLock lock(t);  // now, or two threads make each other's class their base
  std::vector<Type*> seen;
  for (size_t i = 0; i < bases->size; ++i) {
    if (!is_type((*bases)[i]))
      return t.raise(Exc::TypeError, "{}.__bases__ must be tuple of classes, not '{}'", type_name(type),
                     type_name(t, (*bases)[i]));
    if (derives(as_type((*bases)[i]), type, seen))
      return t.raise(Exc::TypeError, "a __bases__ item causes an inheritance cycle");
  }
  Type* base = TRY(best_base(t, bases));
  Type* old_base = type->base.load();
  if (!same_layout(old_base, base))
    return t.raise(Exc::TypeError, "__bases__ assignment: '{}' object layout differs from '{}'",
                   type_name(base), type_name(old_base));
  TupleObject* old_bases = type->bases.load();
  store_bases(t, type, bases, base);
  RootVector undo(t);
  Status done = recompute(t, lock, type, undo);
  if (done.is_error()) {
    for (size_t i = undo.size(); i > 0; i -= 3) {
      Type* each = as_type(undo[i - 3]);
      if (Value(each->mro.load()) == undo[i - 2]) each->mro.store(undo[i - 1].as<TupleObject>());
    }
    // Else a custom mro() has assigned others meanwhile.
    if (type->bases.load() == bases) store_bases(t, type, old_bases, old_base);
  }
  type_modified(t, type);
  update_all_slots(t, type);
  return done;
}

static Result<Value> get_doc(Thread& t, Value self) {
  Type* type = as_type(self);
  if (!type->has(kTypeHeap) && type->spec != nullptr) {
    const char* doc = static_cast<const TypeSpec*>(type->spec)->doc;
    if (doc == nullptr) return kNone;
    return make_str(t, doc);
  }
  Value doc = type_lookup(t, type, t.names().__doc__);
  if (doc.is_not_found()) return kNone;
  if (doc.is_object())
    if (DescrGetSlot get = doc.as_object()->type()->slots.descr_get) return get(t, doc, kEmpty, self);
  return doc;
}
static Status set_doc(Thread& t, Value self, Value value) {
  TRY(check_settable(t, as_type(self), value, "__doc__"));
  return type_set_attr_raw(t, as_type(self), t.names().__doc__, value);
}

static Result<Value> get_dict(Thread& t, Value self) {
  return make_mapping_proxy(t, Value(type_namespace(t, as_type(self))));
}

// What inspect.signature shows of a builtin class: the parameters of its own __init__ or __new__, without the
// receiver.
static Result<Value> get_text_signature(Thread& t, Value self) {
  Type* type = as_type(self);
  if (type == t.types().object) return make_str(t, "()");
  if (type->has(kTypeHeap)) return kNone;
  for (StrObject* name : {t.names().__init__, t.names().__new__}) {
    Value own = type_own(t, type, name);
    if (!is_kind(own, Kind::NativeFunction)) continue;
    auto* function = own.as<NativeFunctionObject>();
    const NativeSignature* signature = native_signature(t, function);
    // Parameters of a raw native are only a description.
    if (function->def->raw_call != nullptr && signature->parameters.size() > 1) continue;
    const std::string& text = signature->text_signature;
    if (text.find("<unrepresentable>") != std::string::npos) return kNone;
    size_t comma = text.find(", ");
    if (comma == std::string::npos || text.compare(comma, 3, ", /") == 0) return make_str(t, "()");
    return make_str(t, "(" + text.substr(comma + 2));
  }
  return kNone;
}

static Result<Value> get_abstract(Thread& t, Value self) {
  Type* type = as_type(self);
  Value own = type == t.types().type ? kNotFound : type_own(t, type, t.names().__abstractmethods__);
  if (own.is_not_found())
    return raise_attribute_error(t, self, t.names().__abstractmethods__, "__abstractmethods__");
  return own;
}
static Status set_abstract(Thread& t, Value self, Value value) {
  Type* type = as_type(self);
  bool abstract = false;
  if (!value.is_empty()) abstract = TRY(truth(t, value));
  if (value.is_empty() && type_own(t, type, t.names().__abstractmethods__).is_not_found())
    return raise_attribute_error(t, self, t.names().__abstractmethods__, "__abstractmethods__");
  TRY(type_set_attr_raw(t, type, t.names().__abstractmethods__, value));
  if (abstract)
    type->flags.fetch_or(kTypeAbstract);
  else
    type->flags.fetch_and(~uint32_t{kTypeAbstract});
  return {};
}

static Result<Value> get_annotations(Thread& t, Value self) {
  Type* type = as_type(self);
  if (!type->has(kTypeHeap))
    return raise_attribute_error(
        t, self, t.names().__annotations__,
        fmt::format("type object '{}' has no attribute '__annotations__'", type_name(type)));
  Value own = type_own(t, type, t.names().__annotations__);
  if (!own.is_not_found()) {
    if (own.is_object())
      if (DescrGetSlot get = own.as_object()->type()->slots.descr_get) return get(t, own, kEmpty, self);
    return own;
  }
  TypeLock lock(t);
  own = type_own(t, type, t.names().__annotations__);
  if (!own.is_not_found()) return own;  // another thread's
  Value made = make_dict(t);
  TRY(type_set_attr_raw(t, type, t.names().__annotations__, made));
  return made;
}
static Status set_annotations(Thread& t, Value self, Value value) {
  Type* type = as_type(self);
  if (type->has(kTypeImmutable))
    return t.raise(Exc::TypeError, "cannot set '__annotations__' attribute of immutable type '{}'",
                   type_name(type));
  if (value.is_empty() && type_own(t, type, t.names().__annotations__).is_not_found())
    return raise_attribute_error(t, self, t.names().__annotations__, "__annotations__");
  return type_set_attr_raw(t, type, t.names().__annotations__, value);
}

static Result<Value> get_type_params(Thread& t, Value self) {
  Value own = type_own(t, as_type(self), t.names().__type_params__);
  return own.is_not_found() || as_type(self) == t.types().type ? Value(empty_tuple(t)) : own;
}
static Status set_type_params(Thread& t, Value self, Value value) {
  TRY(check_settable(t, as_type(self), value, "__type_params__"));
  return type_set_attr_raw(t, as_type(self), t.names().__type_params__, value);
}

// CPython's layout numbers are not ours; what matters to scripts is __dictoffset__ != 0 and the like.
static Result<Value> get_basicsize(Thread& t, Value self) { return make_int(t, as_type(self)->base_size); }
static Result<Value> get_itemsize(Thread&, Value self) {
  return Value::from_int(as_type(self)->has(kTypeVariableSize) ? 8 : 0);
}
static Result<Value> get_dictoffset(Thread&, Value self) {
  return Value::from_int(as_type(self)->has(kTypeHasDict) ? -1 : 0);
}
static Result<Value> get_weakrefoffset(Thread&, Value self) {
  return Value::from_int(as_type(self)->has(kTypeHasWeakref) ? 8 : 0);
}
static Result<Value> get_flags(Thread&, Value self) {
  Type* type = as_type(self);
  int64_t flags = 0;
  if (type->has(kTypeImmutable)) flags |= 1 << 8;
  if (type->has(kTypeHeap)) flags |= 1 << 9;
  if (type->has(kTypeBaseType)) flags |= 1 << 10;
  flags |= 1 << 12;  // ready
  if (type->has(kTypeSequence)) flags |= 1 << 5;
  if (type->has(kTypeMapping)) flags |= 1 << 6;
  if (type->has(kTypeDisallowNew)) flags |= 1 << 7;
  if (type->has(kTypeAbstract)) flags |= 1 << 20;
  if (type->has(kTypeIntSubclass)) flags |= 1 << 24;
  if (type->has(kTypeListSubclass)) flags |= 1 << 25;
  if (type->has(kTypeTupleSubclass)) flags |= 1 << 26;
  if (type->has(kTypeBytesSubclass)) flags |= 1 << 27;
  if (type->has(kTypeStrSubclass)) flags |= 1 << 28;
  if (type->has(kTypeDictSubclass)) flags |= 1 << 29;
  if (type->has(kTypeExceptionSubclass)) flags |= 1 << 30;
  if (type->has(kTypeTypeSubclass)) flags |= int64_t{1} << 31;
  return Value::from_int(flags);
}

// ---------------------------------------------------------------- methods

static Result<Value> type_mro(Thread& t, const Value* args) {
  Value mro = TRY(linearise(t, as_type(args[0]), as_type(args[0])->bases.load()));
  auto* tuple = mro.as<TupleObject>();
  return make_list(t, reinterpret_cast<const Value*>(tuple->items()), tuple->size);
}
static Result<Value> type_subclasses(Thread& t, const Value* args) {
  ListObject* list = make_list(t);
  struct Context {
    Thread& t;
    ListObject* list;
  } context{t, list};
  for_each_subclass(
      t, as_type(args[0]),
      [](void* c, Type* subclass) {
        auto* own = static_cast<Context*>(c);
        (void)list_append(own->t, own->list, Value(subclass));
      },
      &context);
  return list;
}
static Result<Value> type_prepare(Thread& t, Value, const CallArgs&) { return make_dict(t); }
static Result<Value> type_instancecheck(Thread& t, const Value* args) {
  bool b = TRY(plain_isinstance(t, args[1], args[0]));
  return Value::from_bool(b);
}
static Result<Value> type_subclasscheck(Thread& t, const Value* args) {
  bool b = TRY(plain_issubclass(t, args[1], args[0]));
  return Value::from_bool(b);
}
static Result<Value> type_init(Thread& t, Value, const CallArgs& args) {
  if (args.count == 1 && keyword_count(args) > 0)
    return t.raise(Exc::TypeError, "type.__init__() takes no keyword arguments");
  if (args.count != 1 && args.count != 3)
    return t.raise(Exc::TypeError, "type.__init__() takes 1 or 3 arguments");
  return kNone;
}
static Status merge_class_dict(Thread& t, DictObject* names, Value cls) {
  Value dict = TRY(get_attr_or_not_found(t, cls, t.names().__dict__));
  if (!dict.is_not_found()) TRY(dict_update(t, names, dict));
  Value bases = TRY(get_attr_or_not_found(t, cls, t.names().__bases__));
  if (!is_tuple(bases)) return {};
  auto* tuple = bases.as<TupleObject>();
  for (size_t i = 0; i < tuple->size; ++i) TRY(merge_class_dict(t, names, (*tuple)[i]));
  return {};
}
static Result<Value> type_dir(Thread& t, const Value* args) {
  DictObject* names = make_dict(t);
  TRY(merge_class_dict(t, names, args[0]));
  return to_list(t, Value(names));
}
static Result<Value> type_sizeof(Thread& t, const Value* args) {
  return make_int(t, static_cast<int64_t>(sizeof(Type)) + (as_type(args[0])->has(kTypeHeap) ? 64 : 0));
}

static Result<Value> type_repr(Thread& t, Value self) {
  Type* type = as_type(self);
  Value module = kNone;
  if (type->has(kTypeHeap)) {
    module = type_own(t, type, t.names().__module__);
  } else {
    module = type->module;
  }
  std::string name = to_utf8(type->qualified_name);
  if (is_str(module) && to_utf8(module.as<StrObject>()) != "builtins")
    return make_str(t, fmt::format("<class '{}.{}'>", to_utf8(module.as<StrObject>()), name));
  return make_str(
      t, fmt::format("<class '{}'>", is_str(module) || !type->has(kTypeHeap) ? name : type_name(type)));
}

static Result<Value> type_or(Thread& t, Value left, Value right) {
  auto acceptable = [&](Value v) {
    return v.is_none() || is_type(v) || type_of(t, v) == t.types().union_type ||
           type_of(t, v) == t.types().generic_alias ||
           str_equal(type_of(t, v)->name, std::string_view("TypeAliasType"));
  };
  if (!acceptable(left) || !acceptable(right)) return kNotImplemented;
  return make_union(t, left, right);
}

static void trace_type(Object* o, Tracer& tracer) {
  auto* type = static_cast<Type*>(o);
  tracer.visit(type->name);
  tracer.visit(type->qualified_name);
  tracer.visit(type->module);
  tracer.visit(type->mro.load());
  tracer.visit(type->bases.load());
  tracer.visit(type->base.load());
  tracer.visit(type->dict.load());
  tracer.visit(type->new_function);
  tracer.visit(type->init_function);
  tracer.visit(type->subclasses);
  tracer.visit(type->slot_names);
  tracer.visit(type->annotations_cache);
  tracer.visit(type->extra);
}

static const NativeDef kTypeMethods[] = {
    MP_RAW_NEW(type_new_raw, "__new__(cls, name_or_object, bases=?, dict=?, /, **kwds)", nullptr),
    MP_RAW_METHOD(type_init, "__init__(self, /, *args, **kwargs)",
                  "Initialize self.  See help(type(self)) for accurate signature."),
    MP_METHOD(type_mro, "mro(self, /)", "Return a type's method resolution order."),
    MP_METHOD(type_subclasses, "__subclasses__(self, /)", "Return a list of immediate subclasses."),
    ::mp::NativeDef{"__prepare__(cls, /, *args, **kwargs)", nullptr, type_prepare,
                    ::mp::NativeKind::ClassMethod, "Create the namespace for the class statement"},
    MP_METHOD(type_instancecheck, "__instancecheck__(self, instance, /)",
              "Check if an object is an instance."),
    MP_METHOD(type_subclasscheck, "__subclasscheck__(self, subclass, /)", "Check if a class is a subclass."),
    MP_METHOD(type_dir, "__dir__(self, /)", "Specialized __dir__ implementation for types."),
    MP_METHOD(type_sizeof, "__sizeof__(self, /)", "Return memory consumption of the type object."),
    MP_END};
static const GetSetDef kTypeGetSets[] = {{"__name__", get_name, set_name, nullptr},
                                         {"__qualname__", get_qualname, set_qualname, nullptr},
                                         {"__module__", get_module, set_module, nullptr},
                                         {"__mro__", get_mro, nullptr, nullptr},
                                         {"__base__", get_base, nullptr, nullptr},
                                         {"__bases__", get_bases, set_bases, nullptr},
                                         {"__doc__", get_doc, set_doc, nullptr},
                                         {"__dict__", get_dict, nullptr, nullptr},
                                         {"__text_signature__", get_text_signature, nullptr, nullptr},
                                         {"__abstractmethods__", get_abstract, set_abstract, nullptr},
                                         {"__annotations__", get_annotations, set_annotations, nullptr},
                                         {"__type_params__", get_type_params, set_type_params, nullptr},
                                         {"__basicsize__", get_basicsize, nullptr, nullptr},
                                         {"__itemsize__", get_itemsize, nullptr, nullptr},
                                         {"__dictoffset__", get_dictoffset, nullptr, nullptr},
                                         {"__weakrefoffset__", get_weakrefoffset, nullptr, nullptr},
                                         {"__flags__", get_flags, nullptr, nullptr},
                                         {}};
extern const TypeSpec kTypeSpec;
const TypeSpec kTypeSpec = {
    .name = "type",
    .kind = Kind::Type,
    .size = sizeof(Type),
    .flags = kTypeBaseType | kTypeHasWeakref,
    .doc = "type(object) -> the object's type\ntype(name, bases, dict, **kwds) -> a new type",
    .trace = trace_type,
    .slots = MP_SLOTS(.repr = type_repr, .call = type_call, .get_attr = type_get_attr_slot,
                      .set_attr = type_set_attr, .or_ = type_or),
    .methods = kTypeMethods,
    .getsets = kTypeGetSets};

}  // namespace mp

// Cold instructions: building, functions, with, import.
#include "vm/exec/ops.h"

#include "vm/core/compiler.h"
#include "vm/exec/cold_ops.h"
#include "vm/exec/loop_generators.h"
#include "vm/native/signature.h"
#include "vm/types/list_support.h"
#include "vm/types/type_internal.h"

namespace mp::ops {

// What enters: a script function with its receiver in *self, or something bound. r[c] gets the bound method
// that leaves: nothing reads it should entering fail.
static Value with_methods(Thread& t, const Instruction* pc, Value* r, Value* self, StrObject* enter_name,
                          StrObject* exit_name, const char* protocol, const char* exit_text) {
  Value manager = r[pc->b];
  Value enter = type_lookup(t, type_of(t, manager), enter_name);
  if (enter.is_not_found()) {
    t.raise(Exc::TypeError, "'{}' object does not support the {} protocol", type_name(t, manager), protocol);
    return kErrorValue;
  }
  *self = is_kind(enter, Kind::Function) ? manager : kEmpty;
  if (self->is_empty()) {
    enter = lookup_special(t, manager, enter_name).take();
    if (enter.is_error()) return enter;
  }
  Value exit = lookup_special(t, manager, exit_name).take();
  if (exit.is_error()) return exit;
  if (exit.is_not_found()) {
    t.raise(Exc::TypeError, "'{}' object does not support the {} protocol (missed {} method)",
            type_name(t, manager), protocol, exit_text);
    return kErrorValue;
  }
  // What cannot be called must not be taken for a manager: a bound method of it fails in the same words.
  r[pc->c] = type_of(t, exit)->slots.call != nullptr ? exit : Value(make_bound_method(t, exit, kNone));
  return enter;
}

// A method that a builtin type defines itself.
static NativeFunctionObject* own_native(Type* type, Value method) {
  if (type->spec == nullptr || !is_kind(method, Kind::NativeFunction)) return nullptr;
  auto* native = method.as<NativeFunctionObject>();
  bool own = native->def->kind == NativeKind::Method && native->owner_type == type;
  return own && native->self.get().is_empty() ? native : nullptr;
}

MP_NOINLINE Value with_methods(Thread& t, const Instruction* pc, Value* r, Value* self) {
  // A lock, a condition: no bound methods are made. What can be called could not be told from what leaves.
  Value manager = r[pc->b];
  Type* type = type_of(t, manager);
  if (auto* enter = own_native(type, type_lookup(t, type, t.names().__enter__));
      enter != nullptr && type->slots.call == nullptr &&
      own_native(type, type_lookup(t, type, t.names().__exit__)) != nullptr) {
    *self = r[pc->c] = manager;
    return enter;
  }
  return with_methods(t, pc, r, self, t.names().__enter__, t.names().__exit__, "context manager", "__exit__");
}
Result<Value> call_exit(Thread& t, Value exit, Value type, Value exception, Value traceback) {
  if (type_of(t, exit)->slots.call != nullptr) return call(t, exit, {type, exception, traceback});
  Value method = type_lookup(t, type_of(t, exit), t.names().__exit__);
  Value values[] = {exit, type, exception, traceback};
  CallArgs args{values + 1, 3, {}};
  if (!is_kind(method, Kind::NativeFunction)) [[unlikely]] {  // a script has patched the class meanwhile
    Value result = TRY(call_special(t, exit, t.names().__exit__, {type, exception, traceback}));
    if (!result.is_not_found()) return result;
    return t.raise(Exc::AttributeError, "'{}' object has no attribute '__exit__'", type_name(t, exit));
  }
  Value result = call_native_direct(t, method.as<NativeFunctionObject>(), exit, args);
  if (result.is_error()) return Error{};
  return result;
}

namespace cold {

bool DELETE_ATTR(Thread& t, Frame* frame, const Instruction* pc, Value* r) {
  return delete_attr(t, r[pc->b], name_of(frame, pc->c)).ok();
}
bool DELETE_SUBSCRIPT(Thread& t, Frame*, const Instruction* pc, Value* r) {
  return delete_item(t, r[pc->b], r[pc->c]).ok();
}

// A slice bound that is an int or None; false: anything else.
static bool plain_bound(Value v, int64_t absent, int64_t length, int64_t* out) {
  if (v.is_none()) return *out = absent, true;
  if (!v.is_int()) return false;
  int64_t i = v.as_int();
  if (i < 0) i = i + length < 0 ? 0 : i + length;
  return *out = i > length ? length : i, true;
}
// Where [a:b] of a list or str begins and ends.
static bool plain_slice(const Value* bounds, size_t size, size_t* low, size_t* high) {
  auto length = static_cast<int64_t>(size);
  int64_t from, to;
  if (!plain_bound(bounds[0], 0, length, &from) || !plain_bound(bounds[1], length, length, &to)) return false;
  *low = static_cast<size_t>(from);
  *high = static_cast<size_t>(to < from ? from : to);
  return true;
}

bool LOAD_SLICE(Thread& t, Frame*, const Instruction* pc, Value* r) {
  Value container = r[pc->b];
  size_t low, high;
  if (is_exact(container, t.types().str)) {
    auto* text = container.as<StrObject>();
    if (plain_slice(r + pc->c, text->length(), &low, &high)) {
      StrObject* part = str_slice(t, text, low, high);
      if (part == nullptr) return false;
      r[pc->a] = part;
      return true;
    }
  } else if (is_exact(container, t.types().list)) {
    auto* list = container.as<ListObject>();
    if (plain_slice(r + pc->c, list->length(), &low, &high)) {
      ListObject* part = list_slice(t, list, low, high);
      if (part == nullptr) return false;
      r[pc->a] = part;
      return true;
    }
  }
  Value v = get_item(t, r[pc->b], make_slice(t, r[pc->c], r[pc->c + 1], kNone)).take();
  if (v.is_error()) return false;
  r[pc->a] = v;
  return true;
}
bool STORE_SLICE(Thread& t, Frame*, const Instruction* pc, Value* r) {
  return set_item(t, r[pc->b], make_slice(t, r[pc->c], r[pc->c + 1], kNone), r[pc->a]).ok();
}

static bool put(Value* r, uint32_t at, Result<Value> v) {
  if (v.is_error()) return false;
  r[at] = v.value();
  return true;
}

bool POSITIVE(Thread& t, Frame*, const Instruction* pc, Value* r) {
  return put(r, pc->a, positive(t, r[pc->b]));
}
bool INVERT(Thread& t, Frame*, const Instruction* pc, Value* r) { return put(r, pc->a, invert(t, r[pc->b])); }
bool GET_ITER(Thread& t, Frame* frame, const Instruction* pc, Value* r) {
  Value iterable = r[pc->b];
  if (!put(r, pc->a, get_iter(t, iterable))) return false;
  hold_made_by_iter(t, frame, pc, iterable, r[pc->a], t.names().__iter__);
  return true;
}

static bool unpack_type_error(Thread& t, Value v) {
  Type* type = type_of(t, v);
  if (t.exception_matches(Exc::TypeError) && type->slots.iter == nullptr && type->slots.get_item == nullptr) {
    t.clear_exception();
    t.raise(Exc::TypeError, "cannot unpack non-iterable {} object", type_name(type));
  }
  return false;
}

bool UNPACK(Thread& t, Frame*, const Instruction* pc, Value* r) {
  Value v = r[pc->b];
  const size_t wanted = pc->c;
  if (is_exact(v, t.types().list) && v.as<ListObject>()->length() == wanted) {
    TupleObject* items = list_to_tuple(t, v.as<ListObject>());
    if (items->size == wanted) {
      for (size_t i = 0; i < wanted; ++i) r[pc->a + i] = (*items)[i];
      return true;
    }
  }
  Value iterator = get_iter(t, v).take();
  if (iterator.is_error()) return unpack_type_error(t, v);
  TupleObject* items = allocate_tuple(t, wanted);
  for (size_t i = 0; i < wanted; ++i) {
    Value item = iter_next(t, iterator).take();
    if (item.is_error()) return false;
    if (item.is_no_more()) {
      t.raise(Exc::ValueError, "not enough values to unpack (expected {}, got {})", wanted, i);
      return false;
    }
    items->items()[i] = item;
  }
  Value extra = iter_next(t, iterator).take();
  if (extra.is_error()) return false;
  if (!extra.is_no_more()) {
    t.raise(Exc::ValueError, "too many values to unpack (expected {})", wanted);
    return false;
  }
  for (size_t i = 0; i < wanted; ++i) r[pc->a + i] = (*items)[i];
  return true;
}

bool UNPACK_EX(Thread& t, Frame*, const Instruction* pc, Value* r) {
  Value v = r[pc->b];
  const size_t before = pc->c, after = pc->aux;
  TupleObject* items;
  if (is_exact(v, t.types().tuple)) {
    items = v.as<TupleObject>();
  } else if (is_exact(v, t.types().list)) {
    items = list_to_tuple(t, v.as<ListObject>());
  } else {
    Value iterator = get_iter(t, v).take();
    if (iterator.is_error()) return unpack_type_error(t, v);
    ListObject* all = make_list(t, before + after);
    for (;;) {
      Value item = iter_next(t, iterator).take();
      if (item.is_error()) return false;
      if (item.is_no_more()) break;
      if (list_append(t, all, item).is_error()) return false;
    }
    items = list_to_tuple(t, all);
  }
  if (items->size < before + after) {
    t.raise(Exc::ValueError, "not enough values to unpack (expected at least {}, got {})", before + after,
            items->size);
    return false;
  }
  size_t middle = items->size - before - after;
  for (size_t i = 0; i < before; ++i) r[pc->a + i] = (*items)[i];
  r[pc->a + before] = Value(make_list(t, reinterpret_cast<const Value*>(items->items()) + before, middle));
  for (size_t i = 0; i < after; ++i) r[pc->a + before + 1 + i] = (*items)[before + middle + i];
  return true;
}

// ---- building

bool BUILD_SET(Thread& t, Frame*, const Instruction* pc, Value* r) {
  SetObject* set = make_set(t);
  for (uint32_t i = 0; i < pc->c; ++i)
    if (set_add(t, set, r[pc->b + i]).is_error()) return false;
  r[pc->a] = set;
  return true;
}
bool BUILD_MAP(Thread& t, Frame*, const Instruction* pc, Value* r) {
  DictObject* dict = make_dict(t, pc->c);
  if (dict_fill(t, dict, r + pc->b, pc->c).is_error()) return false;
  r[pc->a] = dict;
  return true;
}
bool BUILD_SLICE(Thread& t, Frame*, const Instruction* pc, Value* r) {
  r[pc->a] = make_slice(t, r[pc->b], r[pc->b + 1], pc->c == 3 ? r[pc->b + 2] : kNone);
  return true;
}
bool BUILD_STRING(Thread& t, Frame*, const Instruction* pc, Value* r) {
  return put(r, pc->a, str_join(t, empty_str(t), r + pc->b, pc->c));
}
bool FORMAT_VALUE(Thread& t, Frame*, const Instruction* pc, Value* r) {
  Value v = r[pc->b];
  Result<Value> converted = v;
  switch (pc->aux & 3) {
    case 1: converted = str(t, v); break;
    case 2: converted = repr(t, v); break;
    case 3: converted = ascii(t, v); break;
    default: break;
  }
  if (converted.is_error()) return false;
  v = converted.value();
  if ((pc->aux & 4) == 0 && is_exact(v, t.types().str)) {
    r[pc->a] = v;
    return true;
  }
  return put(r, pc->a, format(t, v, (pc->aux & 4) != 0 ? r[pc->c] : Value(empty_str(t))));
}
bool SET_ADD(Thread& t, Frame*, const Instruction* pc, Value* r) {
  return set_add(t, r[pc->a].as<SetObject>(), r[pc->b]).ok();
}
bool MAP_ADD(Thread& t, Frame*, const Instruction* pc, Value* r) {
  return dict_set(t, r[pc->a].as<DictObject>(), r[pc->b], r[pc->c]).ok();
}
bool LIST_EXTEND(Thread& t, Frame*, const Instruction* pc, Value* r) {
  Value v = r[pc->b];
  if (list_extend(t, r[pc->a].as<ListObject>(), v).ok()) return true;
  Type* type = type_of(t, v);
  if (t.exception_matches(Exc::TypeError) && type->slots.iter == nullptr && type->slots.get_item == nullptr) {
    t.clear_exception();
    t.raise(Exc::TypeError, "Value after * must be an iterable, not {}", type_name(type));
  }
  return false;
}
bool SET_UPDATE(Thread& t, Frame*, const Instruction* pc, Value* r) {
  return set_update(t, r[pc->a].as<SetObject>(), r[pc->b]).ok();
}
bool DICT_UPDATE(Thread& t, Frame*, const Instruction* pc, Value* r) {
  Value v = r[pc->b];
  if (!is_dict(v)) {
    Result<bool> mapping = has_attr(t, v, t.names().keys);
    if (mapping.is_error()) return false;
    if (!mapping.value()) {
      t.raise(Exc::TypeError, "'{}' object is not a mapping", type_name(t, v));
      return false;
    }
  }
  return dict_update(t, r[pc->a].as<DictObject>(), v).ok();
}
bool DICT_MERGE(Thread& t, Frame*, const Instruction* pc, Value* r) {
  return dict_merge_keywords(t, r[pc->a].as<DictObject>(), r[pc->b], r[pc->c]).ok();
}
bool LIST_TO_TUPLE(Thread& t, Frame*, const Instruction* pc, Value* r) {
  Value tuple = tuple_of_list(t, r[pc->b].as<ListObject>()).take();
  if (tuple.is_error()) return false;
  r[pc->a] = tuple;
  return true;
}

// ---- functions, classes, import

bool MAKE_FUNCTION(Thread& t, Frame* frame, const Instruction* pc, Value* r) {
  FunctionObject* function = make_function(t, linked_function(t, frame->code, pc->c), frame->globals);
  uint32_t at = pc->b;
  if ((pc->aux & 1) != 0) function->defaults = r[at++];
  if ((pc->aux & 2) != 0) function->keyword_defaults = r[at++];
  if ((pc->aux & 4) != 0) function->annotations = r[at++];
  if ((pc->aux & 8) != 0) function->closure = r[at++];
  r[pc->a] = function;
  return true;
}

bool LOAD_BUILD_CLASS(Thread& t, Frame* frame, const Instruction* pc, Value* r) {
  Value v = dict_get_str(frame->builtins, t.names().__build_class__);
  if (v.is_not_found()) {
    t.raise(Exc::NameError, "__build_class__ not found");
    return false;
  }
  r[pc->a] = v;
  return true;
}

bool IMPORT_NAME(Thread& t, Frame* frame, const Instruction* pc, Value* r) {
  StrObject* name = name_of(frame, pc->c);
  Value level = r[pc->b], from_list = r[pc->b + 1];
  Value hook = dict_get_str(frame->builtins, t.names().__import__);
  if (hook.is_not_found()) {
    t.raise(Exc::ImportError, "__import__ not found");
    return false;
  }
  Value own = dict_get_str(t.runtime().builtins_dict, t.names().__import__);
  bool native = is_kind(hook, Kind::NativeFunction) && hook == own;
  if (native)
    return put(r, pc->a, import_name(t, name, frame->globals, frame->locals, from_list, level.as_int()));
  Value locals = frame->locals.is_empty() ? kNone : frame->locals;
  return put(r, pc->a, call(t, hook, {name, frame->globals, locals, from_list, level}));
}

static Error import_from_error(Thread& t, Value module, StrObject* name) {
  auto text_attr = [&](StrObject* attr) -> Value {
    Value v = get_attr_or_not_found(t, module, attr).take();
    if (v.is_error()) {
      t.clear_exception();
      return kNone;
    }
    return is_str(v) ? v : kNone;
  };
  Value package = text_attr(t.names().__name__);
  Value path = text_attr(t.names().__file__);
  std::string module_text = package.is_none() ? "<unknown module name>" : to_utf8(package.as<StrObject>());
  std::string where = path.is_none() ? "unknown location" : to_utf8(path.as<StrObject>());
  Value spec = get_attr_or_not_found(t, module, t.names().__spec__).take();
  if (spec.is_error()) t.clear_exception();
  bool initializing = false;
  if (!spec.is_error() && !spec.is_not_found()) {
    Value flag = get_attr_or_not_found(t, spec, intern(t, "_initializing")).take();
    if (flag.is_error())
      t.clear_exception();
    else if (!flag.is_not_found())
      initializing = truth_slow(t, flag) == 1;
  }
  std::string message =
      initializing ? fmt::format(
                         "cannot import name '{}' from partially initialized module '{}' (most likely due to "
                         "a circular import) ({})",
                         to_utf8(name), module_text, where)
                   : fmt::format("cannot import name '{}' from '{}' ({})", to_utf8(name), module_text, where);
  Value e = make_exception(t, Exc::ImportError, make_str(t, message));
  auto* object = e.as<ExceptionObject>();
  object->fields[0] = Value(make_str(t, message));
  object->fields[1] = package;
  object->fields[2] = path;
  object->fields[3] = Value(name);
  return t.raise_object(e);
}

bool IMPORT_FROM(Thread& t, Frame* frame, const Instruction* pc, Value* r) {
  Value module = r[pc->b];
  StrObject* name = name_of(frame, pc->c);
  Value v = get_attr_or_not_found(t, module, name).take();
  if (v.is_error()) return false;
  if (v.is_not_found()) {
    // A circular import: the submodule may be in sys.modules before it is an attribute.
    Value package = get_attr_or_not_found(t, module, t.names().__name__).take();
    if (package.is_error()) t.clear_exception();
    if (is_str(package)) {
      std::string full = to_utf8(package.as<StrObject>()) + "." + to_utf8(name);
      v = dict_get(t, t.runtime().modules, make_str(t, full)).take();
      if (v.is_error()) return false;
    }
    if (v.is_not_found()) {
      import_from_error(t, module, name);
      return false;
    }
  }
  r[pc->a] = v;
  return true;
}

bool SETUP_ANNOTATIONS(Thread& t, Frame* frame, const Instruction*, Value*) {
  StrObject* name = t.names().__annotations__;
  Value locals = frame->locals;
  if (is_exact(locals, t.types().dict)) {
    if (!dict_get_str(locals.as<DictObject>(), name).is_not_found()) return true;
    return dict_set_str(t, locals.as<DictObject>(), name, make_dict(t)).ok();
  }
  Value v = get_item(t, locals, name).take();
  if (!v.is_error()) return true;
  if (!t.catch_exception(Exc::KeyError)) return false;
  return set_item(t, locals, name, make_dict(t)).ok();
}

bool LOAD_ASSERTION_ERROR(Thread& t, Frame*, const Instruction* pc, Value* r) {
  r[pc->a] = t.types().exception(Exc::AssertionError);
  return true;
}

// ---- with

bool BEFORE_ASYNC_WITH(Thread& t, Frame*, const Instruction* pc, Value* r) {
  Value self{};
  Value enter = with_methods(t, pc, r, &self, t.names().__aenter__, t.names().__aexit__,
                             "asynchronous context manager", "__aexit__");
  if (enter.is_error()) return false;
  return put(r, pc->a, self.is_empty() ? call(t, enter) : call_prepend(t, enter, self, {}));
}
bool WITH_EXCEPT_START(Thread& t, Frame*, const Instruction* pc, Value* r) {
  Value e = r[pc->c];
  Value traceback = is_exception(e) ? e.as<ExceptionObject>()->traceback.get() : kNone;
  if (traceback.is_empty()) traceback = kNone;
  return put(r, pc->a, call_exit(t, r[pc->b], type_of(t, e), e, traceback));
}

}  // namespace cold

// ---- natives

const NativeDef* exact_native(Thread& t, NativeFunctionObject* function, size_t count) {
  const NativeDef* def = function->def;
  if (def->call == nullptr) return nullptr;
  bool bound = !function->self.get().is_empty();
  switch (def->kind) {
    case NativeKind::Function:
    case NativeKind::StaticMethod: break;
    case NativeKind::Method:
      if (bound) return nullptr;
      break;
    default: return nullptr;
  }
  NativeSignature* signature = native_signature(t, function);
  return signature->is_exactly(count) ? def : nullptr;
}

constexpr size_t kMostFilled = 6;

// A frame of its own, and a small one without unused words: what an earlier call left in those would keep
// objects alive, for the collector scans the native stack.
MP_NOINLINE static Value call_with_defaults(Thread& t, const NativeDef& def, const NativeSignature& signature,
                                            const Value* given, size_t count) {
  Value values[kMostFilled];
  size_t i = 0;
  for (; i < count; ++i) {
    values[i] = given[i];
    asm volatile("" : "+r"(i));  // else the compiler calls memcpy for one or two words
  }
  for (; i < signature.total; ++i) values[i] = signature.parameters[i].default_value;
  for (; i < kMostFilled; ++i) values[i] = kEmpty;
  return def.call(t, values).take();
}

bool knows_defaults(Thread& t, NativeFunctionObject* function, Value self, size_t count) {
  const NativeDef* def = function->def;
  if (def->kind != (self.is_empty() ? NativeKind::Function : NativeKind::Method)) return false;
  if (def->raw_call != nullptr) return true;
  if (def->call == nullptr) return false;
  NativeSignature* signature = native_signature(t, function);
  size_t have = count + (self.is_empty() ? 0 : 1);
  return signature->takes(have) && signature->total <= kMostFilled;
}

MP_NOINLINE Value call_known(Thread& t, NativeFunctionObject* function, Value self, const CallArgs& args) {
  const NativeDef* def = function->def;
  bool method = !self.is_empty();
  if (def->raw_call != nullptr) return def->raw_call(t, method ? self : function->self.get(), args).take();
  // The interpreter's runs have the receiver directly before the arguments.
  NativeSignature* signature = function->signature.load(std::memory_order_acquire);
  if (signature == nullptr) [[unlikely]]
    signature = native_signature(t, function);
  return call_with_defaults(t, *def, *signature, args.values - (method ? 1 : 0),
                            args.count + (method ? 1 : 0));
}

MP_NOINLINE Value call_builtin_type(Thread& t, Type* type, const CallArgs& args) {
  if (t.check_stack(" while calling a Python object").is_error()) return kErrorValue;
  return type_call(t, Value(type), args).take();
}

Value call_native_direct(Thread& t, NativeFunctionObject* function, Value self, const CallArgs& args) {
  const NativeDef* def = function->def;
  if (def->raw_call != nullptr) {
    if (self.is_empty()) {
      if (def->kind == NativeKind::Function ||
          (def->kind == NativeKind::Method && !function->self.get().is_empty()))
        return def->raw_call(t, function->self, args).take();
    } else if (def->kind == NativeKind::Method && function->self.get().is_empty() &&
               check_receiver(t, function, self)) {
      return def->raw_call(t, self, args).take();
    }
  }
  // Arguments left to their defaults: `items.pop()`, `text.split()`, `round(x)`.
  bool method = def->kind == NativeKind::Method && !self.is_empty() && function->self.get().is_empty();
  if (def->call != nullptr && (method || (def->kind == NativeKind::Function && self.is_empty()))) {
    NativeSignature* signature = native_signature(t, function);
    size_t have = args.count + (method ? 1 : 0);
    if (signature->takes(have) && signature->total <= kMostFilled &&
        (!method || check_receiver(t, function, self))) {
      return call_with_defaults(t, *def, *signature, method ? args.values - 1 : args.values, have);
    }
  }
  // The interpreter's runs have the receiver directly before the arguments.
  if (!self.is_empty())
    return call_native(t, function, CallArgs{args.values - 1, args.count + 1, args.keyword_names}).take();
  return call_native(t, function, args).take();
}

}  // namespace mp::ops

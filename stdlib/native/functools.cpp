// _functools: the module, partial, reduce, cmp_to_key. lru_cache is in functools_cache.cpp.
#include "vm/gc/root.h"
#include "vm/native/native.h"
#include "vm/types/container_support.h"
#include "vm/types/iterator_support.h"
#include "vm/types/type.h"

namespace mp {

// ---------------------------------------------------------------- partial
namespace {
struct Partial : Object {
  Slot function, args, keywords;  // callable, tuple, dict
};
void trace_partial(Object* self, Tracer& tracer) {
  auto* p = static_cast<Partial*>(self);
  tracer.visit(p->function);
  tracer.visit(p->args);
  tracer.visit(p->keywords);
}
}  // namespace
extern const TypeSpec kPartialSpec;

static Result<Value> partial_new(Thread& t, Value self, const CallArgs& args) {
  if (args.count < 1) return t.raise(Exc::TypeError, "type 'partial' takes at least one argument");
  Value function = args.values[0];
  if (!is_callable(t, function)) return t.raise(Exc::TypeError, "the first argument must be callable");
  Value inner_args = kEmpty, inner_keywords = kEmpty;
  if (is_exact(function, native_type(t, kPartialSpec)) && instance_attr_count(t, function.as_object()) == 0) {
    // partial(partial(f, 1), 2) is partial(f, 1, 2).
    auto* inner = function.as<Partial>();
    inner_args = inner->args;
    inner_keywords = inner->keywords;
    function = inner->function;
  }
  auto* p = t.heap().make<Partial>(t, self.as<Type>());
  p->function = function;
  size_t first = inner_args.is_empty() ? 0 : inner_args.as<TupleObject>()->size;
  TupleObject* all = allocate_tuple(t, first + args.count - 1);
  if (first != 0) copy_slots(all->items(), inner_args.as<TupleObject>()->items(), first);
  for (size_t i = 1; i < args.count; ++i) all->items()[first + i - 1] = args.values[i];
  p->args = Value(all);
  DictObject* keywords =
      inner_keywords.is_empty() ? make_dict(t) : dict_copy(t, inner_keywords.as<DictObject>());
  if (keywords == nullptr) return Error{};
  if (!args.keyword_names.is_empty()) {
    auto* names = args.keyword_names.as<TupleObject>();
    for (size_t i = 0; i < names->size; ++i)
      TRY(dict_set(t, keywords, (*names)[i], args.values[args.count + i]));
  }
  p->keywords = Value(keywords);
  return p;
}

static Result<Value> partial_call(Thread& t, Value self, const CallArgs& args) {
  auto* p = self.as<Partial>();
  auto* own = p->args.get().as<TupleObject>();
  auto* keywords = p->keywords.get().as<DictObject>();
  size_t given_keywords = args.keyword_names.is_empty() ? 0 : args.keyword_names.as<TupleObject>()->size;
  size_t positional = own->size + args.count;
  size_t most = positional + given_keywords + keywords->length();
  Value few[12];
  RootVector many(t);
  Value* values = few;
  if (most > 12) {
    many.resize(most);
    values = many.data();
  }
  for (size_t i = 0; i < own->size; ++i) values[i] = (*own)[i];
  for (size_t i = 0; i < args.count; ++i) values[own->size + i] = args.values[i];
  if (keywords->length() == 0) {
    for (size_t i = 0; i < given_keywords; ++i) values[positional + i] = args.values[args.count + i];
    return call(t, p->function, CallArgs{values, positional, args.keyword_names});
  }
  DictObject* merged = keywords;
  if (given_keywords != 0) {
    merged = dict_copy(t, keywords);
    if (merged == nullptr) return Error{};
    for (size_t i = 0; i < given_keywords; ++i)
      TRY(dict_set(t, merged, (*args.keyword_names.as<TupleObject>())[i], args.values[args.count + i]));
  }
  ListObject* names = make_list(t, merged->length());
  size_t position = 0, n = 0;
  Value key, value;
  while (n < most - positional && dict_next(merged, &position, &key, &value)) {
    if (!is_str(key)) return t.raise(Exc::TypeError, "keywords must be strings");
    TRY(list_append(t, names, key));
    values[positional + n++] = value;
  }
  return call(t, p->function, CallArgs{values, positional, Value(list_to_tuple(t, names))});
}

static Result<Value> partial_repr(Thread& t, Value self) {
  auto* p = self.as<Partial>();
  ReprGuard guard(t, self);
  if (guard.recursive()) return make_str(t, "...");
  StrBuilder out(t);
  Value module = TRY(get_attr(t, Value(p->type()), t.names().__module__));
  Value name = TRY(get_attr(t, Value(p->type()), t.names().__qualname__));
  out.append(std::string_view(str_text(t, module) + "." + str_text(t, name) + "("));
  Value shown = TRY(repr(t, p->function));
  out.append(shown.as<StrObject>());
  auto* args = p->args.get().as<TupleObject>();
  for (size_t i = 0; i < args->size; ++i) {
    shown = TRY(repr(t, (*args)[i]));
    out.append(std::string_view(", "));
    out.append(shown.as<StrObject>());
  }
  size_t position = 0;
  Value key, value;
  while (dict_next(p->keywords.get().as<DictObject>(), &position, &key, &value)) {
    Value k = TRY(str(t, key));
    shown = TRY(repr(t, value));
    out.append(std::string_view(", "));
    out.append(k.as<StrObject>());
    out.append(U'=');
    out.append(shown.as<StrObject>());
  }
  out.append(U')');
  return out.finish();
}

static Result<Value> partial_reduce(Thread& t, const Value* args) {
  auto* p = args[0].as<Partial>();
  Value state = kNone;
  if (instance_attr_count(t, p) != 0) state = TRY(instance_dict(t, p));
  Value inner = make_tuple(t, {p->function, p->args, p->keywords, state});
  return make_tuple(t, {Value(p->type()), Value(make_tuple(t, {p->function})), inner});
}
static Result<Value> partial_setstate(Thread& t, const Value* args) {
  auto* p = args[0].as<Partial>();
  if (!is_tuple(args[1]) || args[1].as<TupleObject>()->size != 4)
    return t.raise(Exc::TypeError, "invalid partial state");
  auto* state = args[1].as<TupleObject>();
  Value function = (*state)[0], positional = (*state)[1], keywords = (*state)[2], dict = (*state)[3];
  if (!is_callable(t, function) || !is_tuple(positional) || (!keywords.is_none() && !is_dict(keywords)))
    return t.raise(Exc::TypeError, "invalid partial state");
  positional = TRY(to_tuple(t, positional));
  Value own = keywords.is_none() ? Value(make_dict(t))
              : is_exact(keywords, t.types().dict)
                  ? keywords
                  : TRY(str_or_error(dict_copy(t, keywords.as<DictObject>())));
  p->function = function;
  p->args = positional;
  p->keywords = own;
  if (!dict.is_none())
    TRY(instance_set_dict(t, p, dict));
  else if (instance_attr_count(t, p) != 0)
    TRY(instance_set_dict(t, p, Value(make_dict(t))));
  return kNone;
}
static Result<Value> get_function(Thread&, Value self) { return self.as<Partial>()->function; }
static Result<Value> get_args(Thread&, Value self) { return self.as<Partial>()->args; }
static Result<Value> get_keywords(Thread&, Value self) { return self.as<Partial>()->keywords; }

static const GetSetDef kPartialGetSets[] = {
    {"func", get_function, nullptr, "function object to use in future partial calls"},
    {"args", get_args, nullptr, "tuple of arguments to future partial calls"},
    {"keywords", get_keywords, nullptr, "dictionary of keyword arguments to future partial calls"},
    {"__dict__", get_instance_dict, set_instance_dict, nullptr},
    {nullptr, nullptr, nullptr, nullptr}};
static const NativeDef kPartialMethods[] = {
    MP_RAW_NEW(partial_new, "__new__(cls, func, /, *args, **keywords)", nullptr),
    MP_METHOD(partial_reduce, "__reduce__(self, /)", nullptr),
    MP_METHOD(partial_setstate, "__setstate__(self, state, /)", nullptr), MP_CLASS_GETITEM, MP_END};
const TypeSpec kPartialSpec = {
    .name = "functools.partial",
    .size = sizeof(Partial),
    .flags = kTypeBaseType | kTypeHasDict | kTypeHasWeakref,
    .doc = "Create a new function with partial application of the given arguments and keywords.",
    .trace = trace_partial,
    .slots = MP_SLOTS(.repr = partial_repr, .call = partial_call),
    .methods = kPartialMethods,
    .getsets = kPartialGetSets};

// ---------------------------------------------------------------- reduce
static Result<Value> reduce(Thread& t, const Value* args) {
  Result<Value> made = get_iter(t, args[1]);
  if (made.is_error()) {
    if (t.catch_exception(Exc::TypeError))
      return t.raise(Exc::TypeError, "reduce() arg 2 must support iteration");
    return Error{};
  }
  Value iterator = made.value();
  Value total = args[2];
  for (;;) {
    Value item = TRY(next_of(t, iterator));
    if (item.is_no_more()) break;
    if (total.is_empty()) {
      total = item;
    } else {
      TRY(t.poll_within());  // neither the items of a list nor a native function are a safepoint
      Value pair[2] = {total, item};
      total = TRY(call(t, args[0], CallArgs{pair, 2, {}}));
    }
  }
  if (total.is_empty()) return t.raise(Exc::TypeError, "reduce() of empty iterable with no initial value");
  return total;
}

// ---------------------------------------------------------------- cmp_to_key
namespace {
struct KeyWrapper : Object {
  Slot compare, object;
};
void trace_key_wrapper(Object* self, Tracer& tracer) {
  tracer.visit(static_cast<KeyWrapper*>(self)->compare);
  tracer.visit(static_cast<KeyWrapper*>(self)->object);
}
}  // namespace
extern const TypeSpec kKeyWrapperSpec;
static Value new_key_wrapper(Thread& t, Value compare, Value object) {
  auto* k = t.heap().make<KeyWrapper>(t, native_type(t, kKeyWrapperSpec));
  k->compare = compare;
  k->object = object;
  return k;
}
static Result<Value> key_wrapper_call(Thread& t, Value self, const CallArgs& args) {
  size_t keywords = args.keyword_names.is_empty() ? 0 : args.keyword_names.as<TupleObject>()->size;
  if (keywords == 1 && args.count == 0 &&
      str_equal((*args.keyword_names.as<TupleObject>())[0].as<StrObject>(), "obj"))
    return new_key_wrapper(t, self.as<KeyWrapper>()->compare, args.values[0]);
  if (keywords != 0 || args.count != 1)
    return t.raise(Exc::TypeError, "K() takes exactly 1 argument ({} given)", args.count + keywords);
  return new_key_wrapper(t, self.as<KeyWrapper>()->compare, args.values[0]);
}
static Result<Value> key_wrapper_compare(Thread& t, Value left, Value right, CompareOp op) {
  if (!is_exact(right, left.as_object()->type()))
    return t.raise(Exc::TypeError, "other argument must be K instance");
  Value x = left.as<KeyWrapper>()->object, y = right.as<KeyWrapper>()->object;
  if (x.is_empty() || y.is_empty()) return t.raise(Exc::AttributeError, "object");
  Value order = TRY(call(t, left.as<KeyWrapper>()->compare, {x, y}));
  return compare(t, order, Value::from_int(0), op);
}
static Result<Value> get_object(Thread& t, Value self) {
  Value object = self.as<KeyWrapper>()->object;
  if (object.is_empty()) return t.raise(Exc::AttributeError, "obj");
  return object;
}
static Status set_object(Thread&, Value self, Value value) {
  self.as<KeyWrapper>()->object = value;
  return {};
}
static const GetSetDef kKeyWrapperGetSets[] = {
    {"obj", get_object, set_object, "Value wrapped by a key function."},
    {nullptr, nullptr, nullptr, nullptr}};
const TypeSpec kKeyWrapperSpec = {
    .name = "functools.KeyWrapper",
    .size = sizeof(KeyWrapper),
    .flags = kTypeDisallowNew,
    .trace = trace_key_wrapper,
    .slots = MP_SLOTS(.hash = hash_not_implemented, .call = key_wrapper_call, .compare = key_wrapper_compare),
    .getsets = kKeyWrapperGetSets};
static Result<Value> cmp_to_key(Thread& t, const Value* args) { return new_key_wrapper(t, args[0], kEmpty); }

// ---------------------------------------------------------------- the module
extern const TypeSpec kLruCacheSpec;
static Status init_functools(Thread& t, ModuleObject* module) {
  module_add_type(t, module, kPartialSpec);
  module_add_type(t, module, kLruCacheSpec);
  native_type(t, kKeyWrapperSpec);
  return {};
}
static const NativeDef kFunctoolsFunctions[] = {
    MP_FUNCTION(reduce, "reduce(function, iterable, initial=?, /)",
                "Apply a function of two arguments cumulatively to the items of an iterable, from left to "
                "right.\n\nThis "
                "effectively reduces the iterable to a single value.  If initial is present,\nit is placed "
                "before the items of the "
                "iterable in the calculation, and serves as\na default when the iterable is empty.\n\nFor "
                "example, reduce(lambda x, "
                "y: x+y, [1, 2, 3, 4, 5])\ncalculates ((((1 + 2) + 3) + 4) + 5)."),
    MP_FUNCTION(cmp_to_key, "cmp_to_key(mycmp)", "Convert a cmp= function into a key= function."), MP_END};
extern const ModuleSpec kFunctoolsModule;
const ModuleSpec kFunctoolsModule = {.name = "_functools",
                                     .doc = "Tools that operate on functions.",
                                     .functions = kFunctoolsFunctions,
                                     .init = init_functools};

}  // namespace mp

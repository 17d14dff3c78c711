// operator.itemgetter, attrgetter, methodcaller.
#include "vm/native/native.h"
#include "vm/types/container_support.h"
#include "vm/types/type.h"

namespace mp {

namespace {
struct ItemGetter : Object {
  Slot items;  // tuple
};
struct AttrGetter : Object {
  Slot names;  // tuple of tuples of str: the parts of the dotted names
};
struct MethodCaller : Object {
  Slot name, args, keywords;  // str, tuple, dict or empty
};
void trace_item_getter(Object* self, Tracer& tracer) { tracer.visit(static_cast<ItemGetter*>(self)->items); }
void trace_attr_getter(Object* self, Tracer& tracer) { tracer.visit(static_cast<AttrGetter*>(self)->names); }
void trace_method_caller(Object* self, Tracer& tracer) {
  auto* m = static_cast<MethodCaller*>(self);
  tracer.visit(m->name);
  tracer.visit(m->args);
  tracer.visit(m->keywords);
}
size_t keyword_count(const CallArgs& args) {
  return args.keyword_names.is_empty() ? 0 : args.keyword_names.as<TupleObject>()->size;
}
inline Status one_argument(Thread& t, const CallArgs& args, const char* who) {
  if (args.count == 1 && args.keyword_names.is_empty()) [[likely]]
    return {};
  if (keyword_count(args) != 0) return t.raise(Exc::TypeError, "{}() takes no keyword arguments", who);
  if (args.count != 1) return t.raise(Exc::TypeError, "{} expected 1 argument, got {}", who, args.count);
  return {};
}
Result<Value> shown_tuple(Thread& t, Value self, TupleObject* items) {
  StrBuilder out(t);
  out.append(std::string_view(type_full_name(self.as_object()->type()) + "("));
  for (size_t i = 0; i < items->size; ++i) {
    if (i != 0) out.append(std::string_view(", "));
    Value text = TRY(repr(t, (*items)[i]));
    out.append(text.as<StrObject>());
  }
  out.append(U')');
  return out.finish();
}
}  // namespace

// ---------------------------------------------------------------- itemgetter
static Result<Value> item_getter_new(Thread& t, Value self, const CallArgs& args) {
  if (keyword_count(args) != 0) return t.raise(Exc::TypeError, "itemgetter() takes no keyword arguments");
  if (args.count == 0) return t.raise(Exc::TypeError, "itemgetter expected 1 argument, got 0");
  auto* g = t.heap().make<ItemGetter>(t, self.as<Type>());
  g->items = Value(make_tuple(t, args.values, args.count));
  return g;
}
static Result<Value> item_getter_call(Thread& t, Value self, const CallArgs& args) {
  TRY(one_argument(t, args, "itemgetter"));
  auto* items = self.as<ItemGetter>()->items.get().as<TupleObject>();
  Value object = args.values[0];
  if (items->size == 1) {
    Value key = (*items)[0];
    if (key.is_int() && is_exact(object, t.types().tuple)) {
      auto i = static_cast<uint64_t>(key.as_int());
      if (i < object.as<TupleObject>()->size) return (*object.as<TupleObject>())[i];
    }
    if (is_exact(object, t.types().dict)) {
      Value found = TRY(dict_get(t, object.as<DictObject>(), key));
      if (!found.is_not_found()) return found;
    }
    return get_item(t, object, key);
  }
  TupleObject* result = allocate_tuple(t, items->size);
  for (size_t i = 0; i < items->size; ++i) {
    Value item = TRY(get_item(t, object, (*items)[i]));
    result->items()[i] = item;
  }
  return result;
}
static Result<Value> item_getter_repr(Thread& t, Value self) {
  ReprGuard guard(t, self);
  if (guard.recursive()) return make_str(t, type_full_name(self.as_object()->type()) + "(...)");
  return shown_tuple(t, self, self.as<ItemGetter>()->items.get().as<TupleObject>());
}
static Result<Value> item_getter_reduce(Thread& t, const Value* args) {
  return make_tuple(t, {Value(args[0].as_object()->type()), args[0].as<ItemGetter>()->items});
}
static const NativeDef kItemGetterMethods[] = {
    MP_RAW_NEW(item_getter_new, "__new__(cls, item, /, *items)", nullptr),
    MP_METHOD(item_getter_reduce, "__reduce__(self, /)", "Return state information for pickling"), MP_END};
extern const TypeSpec kItemGetterSpec;
const TypeSpec kItemGetterSpec = {
    .name = "operator.itemgetter",
    .size = sizeof(ItemGetter),
    .doc =
        "Return a callable object that fetches the given item(s) from its operand.\nAfter f = itemgetter(2), "
        "the call f(r) "
        "returns r[2].\nAfter g = itemgetter(2, 5, 3), the call g(r) returns (r[2], r[5], r[3])",
    .trace = trace_item_getter,
    .slots = MP_SLOTS(.repr = item_getter_repr, .call = item_getter_call),
    .methods = kItemGetterMethods};

// ---------------------------------------------------------------- attrgetter
static Result<Value> attr_getter_new(Thread& t, Value self, const CallArgs& args) {
  if (keyword_count(args) != 0) return t.raise(Exc::TypeError, "attrgetter() takes no keyword arguments");
  if (args.count == 0) return t.raise(Exc::TypeError, "attrgetter expected 1 argument, got 0");
  TupleObject* names = allocate_tuple(t, args.count);
  for (size_t i = 0; i < args.count; ++i) {
    if (!is_str(args.values[i])) return t.raise(Exc::TypeError, "attribute name must be a string");
    std::string text = to_utf8(args.values[i].as<StrObject>());
    ListObject* parts = make_list(t);
    for (size_t from = 0;;) {
      size_t dot = text.find('.', from);
      std::string part = text.substr(from, dot == std::string::npos ? dot : dot - from);
      TRY(list_append(t, parts, intern(t, part)));
      if (dot == std::string::npos) break;
      from = dot + 1;
    }
    names->items()[i] = Value(list_to_tuple(t, parts));
  }
  auto* g = t.heap().make<AttrGetter>(t, self.as<Type>());
  g->names = Value(names);
  return g;
}
static Result<Value> dotted(Thread& t, Value object, TupleObject* parts) {
  for (size_t i = 0; i < parts->size; ++i) object = TRY(get_attr(t, object, (*parts)[i].as<StrObject>()));
  return object;
}
static Result<Value> attr_getter_call(Thread& t, Value self, const CallArgs& args) {
  TRY(one_argument(t, args, "attrgetter"));
  auto* names = self.as<AttrGetter>()->names.get().as<TupleObject>();
  if (names->size == 1) return dotted(t, args.values[0], (*names)[0].as<TupleObject>());
  TupleObject* result = allocate_tuple(t, names->size);
  for (size_t i = 0; i < names->size; ++i) {
    Value item = TRY(dotted(t, args.values[0], (*names)[i].as<TupleObject>()));
    result->items()[i] = item;
  }
  return result;
}
static Result<Value> full_names(Thread& t, Value self) {
  auto* names = self.as<AttrGetter>()->names.get().as<TupleObject>();
  TupleObject* result = allocate_tuple(t, names->size);
  StrObject* dot = make_str(t, ".");
  for (size_t i = 0; i < names->size; ++i) {
    auto* parts = (*names)[i].as<TupleObject>();
    Value text = TRY(str_join(t, dot, reinterpret_cast<const Value*>(parts->items()), parts->size));
    result->items()[i] = text;
  }
  return result;
}
static Result<Value> attr_getter_repr(Thread& t, Value self) {
  Value names = TRY(full_names(t, self));
  return shown_tuple(t, self, names.as<TupleObject>());
}
static Result<Value> attr_getter_reduce(Thread& t, const Value* args) {
  Value names = TRY(full_names(t, args[0]));
  return make_tuple(t, {Value(args[0].as_object()->type()), names});
}
static const NativeDef kAttrGetterMethods[] = {
    MP_RAW_NEW(attr_getter_new, "__new__(cls, attr, /, *attrs)", nullptr),
    MP_METHOD(attr_getter_reduce, "__reduce__(self, /)", "Return state information for pickling"), MP_END};
extern const TypeSpec kAttrGetterSpec;
const TypeSpec kAttrGetterSpec = {
    .name = "operator.attrgetter",
    .size = sizeof(AttrGetter),
    .doc =
        "Return a callable object that fetches the given attribute(s) from its operand.\nAfter f = "
        "attrgetter('name'), the call "
        "f(r) returns r.name.\nAfter g = attrgetter('name', 'date'), the call g(r) returns (r.name, "
        "r.date).\nAfter h = "
        "attrgetter('name.first', 'name.last'), the call h(r) returns\n(r.name.first, r.name.last).",
    .trace = trace_attr_getter,
    .slots = MP_SLOTS(.repr = attr_getter_repr, .call = attr_getter_call),
    .methods = kAttrGetterMethods};

// ---------------------------------------------------------------- methodcaller
static Result<Value> method_caller_new(Thread& t, Value self, const CallArgs& args) {
  if (args.count == 0)
    return t.raise(Exc::TypeError, "methodcaller needs at least one argument, the method name");
  if (!is_str(args.values[0])) return t.raise(Exc::TypeError, "method name must be a string");
  auto* m = t.heap().make<MethodCaller>(t, self.as<Type>());
  m->name = is_exact(args.values[0], t.types().str) ? Value(intern(t, args.values[0].as<StrObject>()))
                                                    : args.values[0];
  m->args = Value(make_tuple(t, args.values + 1, args.count - 1));
  size_t keywords = keyword_count(args);
  if (keywords != 0) {
    DictObject* dict = make_dict(t, keywords);
    for (size_t i = 0; i < keywords; ++i)
      TRY(dict_set(t, dict, (*args.keyword_names.as<TupleObject>())[i], args.values[args.count + i]));
    m->keywords = Value(dict);
  }
  return m;
}
static Result<Value> method_caller_call(Thread& t, Value self, const CallArgs& args) {
  TRY(one_argument(t, args, "methodcaller"));
  auto* m = self.as<MethodCaller>();
  auto* own = m->args.get().as<TupleObject>();
  if (m->keywords.get().is_empty() && own->size < 8) {
    Value method, receiver;
    TRY(get_method(t, args.values[0], m->name.get().as<StrObject>(), &method, &receiver));
    Value values[9];
    size_t n = 0;
    if (!receiver.is_empty()) values[n++] = receiver;
    for (size_t i = 0; i < own->size; ++i) values[n++] = (*own)[i];
    return call(t, method, CallArgs{values, n, {}});
  }
  Value method = TRY(get_attr(t, args.values[0], m->name.get().as<StrObject>()));
  return call_tuple(t, method, m->args, m->keywords);
}
static Result<Value> method_caller_repr(Thread& t, Value self) {
  auto* m = self.as<MethodCaller>();
  ReprGuard guard(t, self);
  std::string head = type_full_name(self.as_object()->type()) + "(";
  if (guard.recursive()) return make_str(t, head + "...)");
  StrBuilder out(t);
  out.append(std::string_view(head));
  Value text = TRY(repr(t, m->name));
  out.append(text.as<StrObject>());
  auto* args = m->args.get().as<TupleObject>();
  for (size_t i = 0; i < args->size; ++i) {
    out.append(std::string_view(", "));
    text = TRY(repr(t, (*args)[i]));
    out.append(text.as<StrObject>());
  }
  if (!m->keywords.get().is_empty()) {
    size_t position = 0;
    Value key, value;
    while (dict_next(m->keywords.get().as<DictObject>(), &position, &key, &value)) {
      out.append(std::string_view(", "));
      out.append(key.as<StrObject>());
      out.append(U'=');
      text = TRY(repr(t, value));
      out.append(text.as<StrObject>());
    }
  }
  out.append(U')');
  return out.finish();
}
static Result<Value> method_caller_reduce(Thread& t, const Value* args) {
  auto* m = args[0].as<MethodCaller>();
  auto* own = m->args.get().as<TupleObject>();
  Value cls = args[0].as_object()->type();
  if (m->keywords.get().is_empty()) {
    TupleObject* all = allocate_tuple(t, own->size + 1);
    all->items()[0] = m->name.get();
    copy_slots(all->items() + 1, own->items(), own->size);
    return make_tuple(t, {cls, Value(all)});
  }
  Value import = TRY(builtin_function(t, "__import__"));
  Value functools = TRY(call(t, import, {Value(make_str(t, "functools"))}));
  Value partial = TRY(get_attr(t, functools, "partial"));
  DictObject* keywords = m->keywords.get().as<DictObject>();
  Value constructor = TRY(call_tuple(t, partial, make_tuple(t, {cls, m->name}), keywords));
  return make_tuple(t, {constructor, m->args});
}
static const NativeDef kMethodCallerMethods[] = {
    MP_RAW_NEW(method_caller_new, "__new__(cls, name, /, *args, **kwargs)", nullptr),
    MP_METHOD(method_caller_reduce, "__reduce__(self, /)", "Return state information for pickling"), MP_END};
extern const TypeSpec kMethodCallerSpec;
const TypeSpec kMethodCallerSpec = {.name = "operator.methodcaller",
                                    .size = sizeof(MethodCaller),
                                    .doc =
                                        "Return a callable object that calls the given method on its "
                                        "operand.\nAfter f = methodcaller('name'), the call f(r) "
                                        "returns r.name().\nAfter g = methodcaller('name', 'date', foo=1), "
                                        "the call g(r) returns\nr.name('date', foo=1).",
                                    .trace = trace_method_caller,
                                    .slots = MP_SLOTS(.repr = method_caller_repr, .call = method_caller_call),
                                    .methods = kMethodCallerMethods};

}  // namespace mp

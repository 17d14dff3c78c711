// The variables of a frame as script code sees them: locals(), and f_locals as a write-through proxy (PEP
// 667).
#include "vm/exec/generator.h"
#include "vm/exec/interp.h"
#include "vm/native/native.h"
#include "vm/protocol/protocol.h"
#include "vm/types/number.h"
#include "vm/types/runtime.h"

namespace mp {

void for_each_variable(Thread& t, const FrameView& view, VariableVisitor visit, void* context) {
  CodeObject* code = view.code;
  if (view.registers == nullptr) return;
  auto* locals = code->local_names.get().as<TupleObject>();
  auto* cells = code->cell_names.get().as<TupleObject>();
  auto* free_names = code->free_names.get().as<TupleObject>();
  auto content = [](Value cell) {
    return is_kind(cell, Kind::Cell) ? cell.as<CellObject>()->content.get() : kEmpty;
  };
  auto cell_of = [&](Value name) -> Value* {
    for (size_t i = 0; i < cells->size; ++i)
      if ((*cells)[i] == name) return &view.registers[code->local_count + i];
    return nullptr;
  };
  // A comprehension's variable shadows a local of the same name while it runs.
  auto scoped = [&](std::string_view name) -> const lang::ScopedLocal* {
    const auto& all = code->unit->scoped_locals;
    for (size_t i = all.size(); i-- > 0;)
      if (view.word >= all[i].start && view.word < all[i].end && code->unit->names[all[i].name] == name)
        return &all[i];
    return nullptr;
  };
  bool some_scoped = !code->unit->scoped_locals.empty();
  for (size_t i = 0; i < locals->size; ++i) {
    Value name = (*locals)[i];
    if (some_scoped && scoped(code->unit->local_names[i]) != nullptr) continue;
    // The `.0` of a generator expression may be one that nobody else knows.
    if (is_kind(view.registers[i], Kind::Generator)) note_seen(view.registers[i].as_object());
    Value* cell = cell_of(name);
    if (cell != nullptr && is_kind(*cell, Kind::Cell))
      visit(context, name, content(*cell), cell, true);
    else
      visit(context, name, view.registers[i], &view.registers[i], false);
  }
  for (size_t i = 0; i < cells->size; ++i) {
    bool is_local = false;
    for (size_t k = 0; k < locals->size; ++k) is_local |= (*locals)[k] == (*cells)[i];
    if (is_local) continue;
    Value* home = &view.registers[code->local_count + i];
    visit(context, (*cells)[i], content(*home), home, true);
  }
  for (size_t i = 0; i < free_names->size; ++i) {
    Value* home = &view.registers[code->local_count + code->cell_count + i];
    visit(context, (*free_names)[i], content(*home), home, true);
  }
  if (!some_scoped) return;
  for (const lang::ScopedLocal& s : code->unit->scoped_locals) {
    if (view.word < s.start || view.word >= s.end || scoped(code->unit->names[s.name]) != &s) continue;
    Value* home = &view.registers[s.reg];
    visit(context, intern(t, code->unit->names[s.name]), s.is_cell ? content(*home) : *home, home, s.is_cell);
  }
}

namespace {

struct Snapshot {
  Thread& t;
  DictObject* dict;
};

void add_to_snapshot(void* context, Value name, Value value, Value*, bool) {
  auto* s = static_cast<Snapshot*>(context);
  if (!value.is_empty() && dict_set_str(s->t, s->dict, name.as<StrObject>(), value).is_error())
    s->t.clear_exception();
}

DictObject* variables(Thread& t, const FrameView& view) {
  Snapshot s{t, make_dict(t)};
  for_each_variable(t, view, add_to_snapshot, &s);
  return s.dict;
}
void add_extra(Thread& t, DictObject* dict, Value extra) {
  if (is_dict(extra) && dict_update(t, dict, extra).is_error()) t.clear_exception();
}

struct ProxyObject : Object {
  Slot frame;
};

struct Search {
  StrObject* name;
  Value* home = nullptr;
  bool is_cell = false;
};

void find_variable(void* context, Value name, Value, Value* home, bool is_cell) {
  auto* s = static_cast<Search*>(context);
  if (str_equal(name.as<StrObject>(), s->name)) {
    s->home = home;
    s->is_cell = is_cell;
  }
}

FrameObject* frame_of(Value proxy) { return proxy.as<ProxyObject>()->frame.get().as<FrameObject>(); }
DictObject* contents(Thread& t, Value proxy) {
  FrameObject* f = frame_of(proxy);
  DictObject* dict;
  {
    FrameLook look(t, f);
    dict = variables(t, frame_view(f));
  }
  add_extra(t, dict, f->extra_locals);
  return dict;
}

Result<Value> proxy_get_item(Thread& t, Value self, Value key) {
  Value v = TRY(dict_get(t, contents(t, self), key));
  if (!v.is_not_found()) return v;
  if (is_str(key))
    return t.raise(Exc::KeyError, "local variable '{}' is not defined", to_utf8(key.as<StrObject>()));
  return t.raise_value(Exc::KeyError, key);
}

Status proxy_set_item(Thread& t, Value self, Value key, Value value) {
  FrameObject* f = frame_of(self);
  if (is_str(key)) {
    Search search{key.as<StrObject>()};
    FrameLook look(t, f);
    for_each_variable(t, frame_view(f), find_variable, &search);
    if (search.home != nullptr) {
      if (value.is_empty())
        return t.raise(Exc::ValueError, "cannot remove local variables from FrameLocalsProxy");
      if (search.is_cell && is_kind(*search.home, Kind::Cell))
        search.home->as<CellObject>()->content = value;
      else
        *search.home = value;
      return {};
    }
  }
  Value known;
  while ((known = f->extra_locals).is_empty()) f->extra_locals.compare_exchange(kEmpty, Value(make_dict(t)));
  auto* extra = known.as<DictObject>();
  if (!value.is_empty()) return dict_set(t, extra, key, value);
  if (!TRY(dict_delete(t, extra, key))) return t.raise_value(Exc::KeyError, key);
  return {};
}

Result<bool> proxy_contains(Thread& t, Value self, Value key) {
  return !TRY(dict_get(t, contents(t, self), key)).is_not_found();
}
Result<int64_t> proxy_length(Thread& t, Value self) {
  return static_cast<int64_t>(contents(t, self)->length());
}
Result<Value> proxy_iter(Thread& t, Value self) { return get_iter(t, TRY(to_list(t, contents(t, self)))); }
Result<Value> proxy_repr(Thread& t, Value self) { return repr(t, contents(t, self)); }
Result<Value> proxy_compare(Thread& t, Value a, Value b, CompareOp op) {
  Type* type = type_of(t, a);
  Value left = contents(t, a);
  Value right = type_of(t, b) == type ? Value(contents(t, b)) : b;
  if (op != CompareOp::Eq && op != CompareOp::Ne) return kNotImplemented;
  return compare(t, left, right, op);
}
Result<Value> proxy_or(Thread& t, Value a, Value b) {
  auto plain = [&](Value v) {
    return is_instance(t, v, t.types().dict) || is_kind(v, Kind::Dict) ? v : Value(contents(t, v));
  };
  if (!is_kind(a, Kind::Other) && !is_kind(a, Kind::Dict)) return kNotImplemented;
  if (!is_kind(b, Kind::Other) && !is_kind(b, Kind::Dict)) return kNotImplemented;
  return binary(t, BinaryOp::Or, plain(a), plain(b));
}
Result<Value> proxy_update_slot(Thread& t, Value self, Value other) {
  Value items = is_dict(other) ? other : TRY(call(t, t.types().dict, {other}));
  size_t at = 0;
  Value key, value;
  while (dict_next(items.as<DictObject>(), &at, &key, &value)) TRY(proxy_set_item(t, self, key, value));
  return self;
}
Result<Value> proxy_update(Thread& t, const Value* args) {
  TRY(proxy_update_slot(t, args[0], args[1]));
  return kNone;
}
Result<Value> proxy_keys(Thread& t, const Value* args) {
  return call_method(t, contents(t, args[0]), t.names().keys);
}
Result<Value> proxy_values(Thread& t, const Value* args) {
  return call_method(t, contents(t, args[0]), t.names().values);
}
Result<Value> proxy_items(Thread& t, const Value* args) {
  return call_method(t, contents(t, args[0]), t.names().items);
}
Result<Value> proxy_copy(Thread& t, const Value* args) { return contents(t, args[0]); }
Result<Value> proxy_get(Thread& t, const Value* args) {
  Value v = TRY(dict_get(t, contents(t, args[0]), args[1]));
  return v.is_not_found() ? args[2] : v;
}
Result<Value> proxy_set_default(Thread& t, const Value* args) {
  Value v = TRY(dict_get(t, contents(t, args[0]), args[1]));
  if (!v.is_not_found()) return v;
  TRY(proxy_set_item(t, args[0], args[1], args[2]));
  return args[2];
}
Result<Value> proxy_pop(Thread& t, const Value* args) {
  Value v = TRY(dict_get(t, contents(t, args[0]), args[1]));
  if (v.is_not_found()) {
    if (!args[2].is_empty()) return args[2];
    return t.raise_value(Exc::KeyError, args[1]);
  }
  TRY(proxy_set_item(t, args[0], args[1], kEmpty));
  return v;
}
Result<Value> proxy_reversed(Thread& t, const Value* args) { return reversed_iter(t, contents(t, args[0])); }

void trace_proxy(Object* o, Tracer& tracer) { tracer.visit(static_cast<ProxyObject*>(o)->frame); }

const NativeDef kProxyMethods[] = {
    MP_METHOD(proxy_keys, "keys(self, /)", nullptr),
    MP_METHOD(proxy_values, "values(self, /)", nullptr),
    MP_METHOD(proxy_items, "items(self, /)", nullptr),
    MP_METHOD(proxy_copy, "copy(self, /)", nullptr),
    MP_METHOD(proxy_get, "get(self, key, default=None, /)", nullptr),
    MP_METHOD(proxy_set_default, "setdefault(self, key, default=None, /)", nullptr),
    MP_METHOD(proxy_pop, "pop(self, key, default=?, /)", nullptr),
    MP_METHOD(proxy_update, "update(self, other, /)", nullptr),
    MP_METHOD(proxy_reversed, "__reversed__(self, /)", nullptr),
    MP_END};

const TypeSpec kProxySpec = {
    .name = "FrameLocalsProxy",
    .size = sizeof(ProxyObject),
    .flags = kTypeMapping | kTypeDisallowNew,
    .trace = trace_proxy,
    .slots = MP_SLOTS(.repr = proxy_repr, .compare = proxy_compare, .iter = proxy_iter, .or_ = proxy_or,
                      .ior = proxy_update_slot, .length = proxy_length, .get_item = proxy_get_item,
                      .set_item = proxy_set_item, .contains = proxy_contains),
    .methods = kProxyMethods,
};

}  // namespace

Result<Value> frame_locals(Thread& t, FrameObject* f) {
  if ((frame_code(f)->flags & lang::kCodeOptimized) == 0) {
    FrameLook look(t, f);
    Value locals = f->frame != nullptr ? f->frame->locals : f->locals.get();
    if (!locals.is_empty()) return locals;
  }
  f->exposed = true;
  auto* proxy = t.heap().make<ProxyObject>(t, native_type(t, kProxySpec));
  proxy->frame = Value(f);
  return proxy;
}

Result<Value> frame_locals_snapshot(Thread& t, Frame* frame) {
  if ((frame->code->flags & lang::kCodeOptimized) == 0 && !frame->locals.is_empty()) return frame->locals;
  Value extra = frame->frame_object != nullptr ? frame->frame_object->extra_locals.get() : kEmpty;
  DictObject* dict = variables(t, {frame->code, frame->registers, frame->word()});
  add_extra(t, dict, extra);
  return dict;
}

}  // namespace mp

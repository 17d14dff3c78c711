// _contextvars (PEP 567): Context, ContextVar, Token. A context's variables are a persistent map, so set() is
// O(log n) and copy_context() is O(1).
#include "stdlib/native/contextvars.h"

#include "stdlib/native/hamt.h"
#include "vm/native/native.h"
#include "vm/protocol/protocol.h"
#include "vm/threads/object_lock.h"
#include "vm/types/exception.h"
#include "vm/types/generic_alias.h"
#include "vm/types/iterator_support.h"
#include "vm/types/number.h"
#include "vm/types/runtime.h"

namespace mp {
namespace {

extern const TypeSpec kContextSpec, kContextVarSpec, kTokenSpec, kMissingSpec;
extern const TypeSpec kKeysSpec, kValuesSpec, kItemsSpec;

struct ContextObject : Object {
  Slot variables;  // ContextVar -> value (hamt.h), replaced as a whole
  Slot previous;   // the context entered before, while this one is entered
  std::atomic<bool> entered;
};
struct ContextVarObject : Object {
  Slot name, default_value;  // empty: none
};
struct TokenObject : Object {
  Slot context, variable, old_value;  // old value empty: there was none
  std::atomic<bool> used;
};
void trace_context(Object* o, Tracer& tracer) {
  tracer.visit_slots(&static_cast<ContextObject*>(o)->variables, 2);
}
void trace_variable(Object* o, Tracer& tracer) {
  tracer.visit_slots(&static_cast<ContextVarObject*>(o)->name, 2);
}
void trace_token(Object* o, Tracer& tracer) { tracer.visit_slots(&static_cast<TokenObject*>(o)->context, 3); }

ContextObject* make_context(Thread& t, Value variables) {
  auto* context = t.heap().make<ContextObject>(t, native_type(t, kContextSpec));
  context->variables = variables;
  return context;
}
ContextObject* current_context(Thread& t) {
  if (t.context.get().is_empty()) t.context = make_context(t, kEmpty);
  return t.context.get().as<ContextObject>();
}
Value find(ContextObject* context, Value variable) { return hamt_find(context->variables, variable); }

// ---- Context

Result<Value> context_new(Thread& t, Value, const CallArgs& args) {
  bool named = args.keyword_names.is_object() && args.keyword_names.as<TupleObject>()->size > 0;
  if (args.count > 0 || named) return t.raise(Exc::TypeError, "Context() does not accept any arguments");
  return make_context(t, kEmpty);
}
Result<Value> context_copy_current(Thread& t, const Value*) { return copy_context(t); }
Result<Value> context_copy(Thread& t, const Value* args) {
  return make_context(t, args[0].as<ContextObject>()->variables);
}
Result<Value> context_run(Thread& t, Value self, const CallArgs& call_args) {
  if (call_args.count == 0) return t.raise(Exc::TypeError, "run() missing 1 required positional argument");
  Value before;
  TRY(enter_context(t, self, &before));
  Result<Value> result =
      call(t, call_args.values[0], {call_args.values + 1, call_args.count - 1, call_args.keyword_names});
  leave_context(t, self, before);
  return result;
}
Status check_key(Thread& t, Value key) {
  if (!is_instance(t, key, native_type(t, kContextVarSpec)))
    return t.raise(Exc::TypeError, "a ContextVar key was expected, got {}", repr_text(t, key));
  return {};
}
Result<Value> context_get_item(Thread& t, Value self, Value key) {
  TRY(check_key(t, key));
  Value found = find(self.as<ContextObject>(), key);
  return found.is_not_found() ? Result<Value>(t.raise_value(Exc::KeyError, key)) : Result<Value>(found);
}
Result<bool> context_contains(Thread& t, Value self, Value key) {
  TRY(check_key(t, key));
  return !find(self.as<ContextObject>(), key).is_not_found();
}
Result<Value> context_get(Thread& t, const Value* args) {
  TRY(check_key(t, args[1]));
  Value found = find(args[0].as<ContextObject>(), args[1]);
  return found.is_not_found() ? args[2] : found;
}
Result<int64_t> context_length(Thread&, Value self) {
  return static_cast<int64_t>(hamt_size(self.as<ContextObject>()->variables));
}
Result<Value> context_compare(Thread& t, Value a, Value b, CompareOp op) {
  if ((op != CompareOp::Eq && op != CompareOp::Ne) || type_of(t, b) != native_type(t, kContextSpec))
    return kNotImplemented;
  Value left = a.as<ContextObject>()->variables, right = b.as<ContextObject>()->variables;
  bool equal = hamt_size(left) == hamt_size(right);
  if (equal && left != right) {
    // The walk lives on the native stack, which the collector scans.
    HamtCursor cursor;
    cursor.start(left);
    for (Value key, value; equal && cursor.next(&key, &value);) {
      Value other = hamt_find(right, key);
      equal = !other.is_not_found() && TRY(compare_bool(t, value, other, CompareOp::Eq));
    }
  }
  return Value::from_bool(equal == (op == CompareOp::Eq));
}

// What keys(), values() and items() give: an iterator over what the context holds at this moment.
struct ContextIterator : Object {
  uint64_t size;
  HamtCursor cursor;
};
void trace_iterator(Object* o, Tracer& tracer) {
  tracer.visit_slots(static_cast<ContextIterator*>(o)->cursor.nodes, kHamtDepth);
}
Value make_iterator(Thread& t, Value context, const TypeSpec& spec) {
  Value variables = context.as<ContextObject>()->variables;
  auto* iterator = t.heap().make<ContextIterator>(t, native_type(t, spec));
  iterator->size = hamt_size(variables);
  iterator->cursor.start(variables);
  return iterator;
}
Result<int64_t> iterator_length(Thread&, Value self) {
  return static_cast<int64_t>(self.as<ContextIterator>()->size);
}
// With the GIL off two threads may share one.
bool iterator_step(Thread& t, Value self, Value* key, Value* value) {
  ObjectLock lock(t, self.as_object());
  return self.as<ContextIterator>()->cursor.next(key, value);
}
Result<Value> keys_next(Thread& t, Value self) {
  Value key, value;
  return iterator_step(t, self, &key, &value) ? key : kNoMore;
}
Result<Value> values_next(Thread& t, Value self) {
  Value key, value;
  return iterator_step(t, self, &key, &value) ? value : kNoMore;
}
Result<Value> items_next(Thread& t, Value self) {
  Value key, value;
  if (!iterator_step(t, self, &key, &value)) return kNoMore;
  return make_tuple(t, {key, value});
}
Result<Value> context_iter(Thread& t, Value self) { return make_iterator(t, self, kKeysSpec); }
Result<Value> context_keys(Thread& t, const Value* args) { return make_iterator(t, args[0], kKeysSpec); }
Result<Value> context_values(Thread& t, const Value* args) { return make_iterator(t, args[0], kValuesSpec); }
Result<Value> context_items(Thread& t, const Value* args) { return make_iterator(t, args[0], kItemsSpec); }

// ---- ContextVar

Result<Value> variable_new(Thread& t, const Value* args) {
  if (!is_str(args[1])) return t.raise(Exc::TypeError, "context variable name must be a str");
  auto* variable = t.heap().make<ContextVarObject>(t, args[0].as<Type>());
  variable->name = args[1];
  variable->default_value = args[2];
  return variable;
}
Result<Value> variable_get(Thread& t, const Value* args) {
  Value found = find(current_context(t), args[0]);
  if (!found.is_not_found()) return found;
  if (!args[1].is_empty()) return args[1];
  Value fallback = args[0].as<ContextVarObject>()->default_value;
  if (!fallback.is_empty()) return fallback;
  return t.raise_value(Exc::LookupError, args[0]);
}
Result<Value> variable_set(Thread& t, const Value* args) {
  ContextObject* context = current_context(t);
  auto* token = t.heap().make<TokenObject>(t, native_type(t, kTokenSpec));
  token->context = context;
  token->variable = args[0];
  Value old = find(context, args[0]);
  token->old_value = old.is_not_found() ? kEmpty : old;
  context->variables = hamt_set(t, context->variables, args[0], args[1]);
  return token;
}
Result<Value> variable_reset(Thread& t, const Value* args) {
  if (type_of(t, args[1]) != native_type(t, kTokenSpec))
    return t.raise(Exc::TypeError, "expected an instance of Token, got {}", repr_text(t, args[1]));
  auto* token = args[1].as<TokenObject>();
  if (token->used) return t.raise(Exc::RuntimeError, "{} has already been used once", repr_text(t, args[1]));
  if (token->variable.get() != args[0])
    return t.raise(Exc::ValueError, "{} was created by a different ContextVar", repr_text(t, args[1]));
  if (token->context.get() != Value(current_context(t)))
    return t.raise(Exc::ValueError, "{} was created in a different Context", repr_text(t, args[1]));
  token->used = true;
  ContextObject* context = current_context(t);
  Value old = token->old_value;
  context->variables = old.is_empty() ? hamt_delete(t, context->variables, args[0])
                                      : hamt_set(t, context->variables, args[0], old);
  return kNone;
}
Result<Value> variable_repr(Thread& t, Value self) {
  auto* variable = self.as<ContextVarObject>();
  std::string text = "<ContextVar name=" + TRY(repr_utf8(t, variable->name));
  if (!variable->default_value.get().is_empty())
    text += " default=" + TRY(repr_utf8(t, variable->default_value));
  return make_str(t, text + fmt::format(" at {:#x}>", self.bits()));
}

// ---- Token

Result<Value> missing_repr(Thread& t, Value) { return make_str(t, "<Token.MISSING>"); }
Value missing(Thread& t) {
  Type* type = native_type(t, kMissingSpec);
  if (type->extra.get().is_empty()) type->extra = t.heap().make<Object>(t, type);
  return type->extra;
}
Result<Value> token_new(Thread& t, Value, const CallArgs&) {
  return t.raise(Exc::RuntimeError, "Tokens can only be created by ContextVars");
}
Result<Value> token_old_value(Thread& t, Value self) {
  Value old = self.as<TokenObject>()->old_value;
  return old.is_empty() ? missing(t) : old;
}
Result<Value> token_repr(Thread& t, Value self) {
  auto* token = self.as<TokenObject>();
  return make_str(t, fmt::format("<Token{} var={} at {:#x}>", token->used ? " used" : "",
                                 TRY(repr_utf8(t, token->variable)), self.bits()));
}
void init_token(Thread& t, Type* type) {
  if (type_set_attr_raw(t, type, intern(t, "MISSING"), missing(t)).is_error()) t.clear_exception();
}

const NativeDef kContextMethods[] = {
    MP_RAW_NEW(context_new, "__new__(cls, arguments=?, /)", nullptr),
    MP_RAW_METHOD(context_run, "run(self, callable, /, *args, **kwargs)", nullptr),
    MP_METHOD(context_copy, "copy(self, /)", "Return a shallow copy of the context object."),
    MP_METHOD(context_get, "get(self, key, default=None, /)",
              "Return the value for `key` if `key` has the value in the context object."),
    MP_METHOD(context_keys, "keys(self, /)", "Return a list of all variables in the context object."),
    MP_METHOD(context_values, "values(self, /)",
              "Return a list of all variables' values in the context object."),
    MP_METHOD(context_items, "items(self, /)",
              "Return all variables and their values in the context object."),
    MP_END};
const TypeSpec kContextSpec = {
    .name = "_contextvars.Context",
    .size = sizeof(ContextObject),
    .flags = kTypeHasWeakref,
    .trace = trace_context,
    .slots = MP_SLOTS(.compare = context_compare, .iter = context_iter, .length = context_length,
                      .get_item = context_get_item, .contains = context_contains),
    .methods = kContextMethods};
#define MP_CONTEXT_ITERATOR(spec, python_name, next_function) \
  const TypeSpec spec = {                                     \
      .name = python_name,                                    \
      .size = sizeof(ContextIterator),                        \
      .flags = kTypeDisallowNew,                              \
      .trace = trace_iterator,                                \
      .slots = MP_SLOTS(.iter = iterator_self, .next = next_function, .length = iterator_length)}
MP_CONTEXT_ITERATOR(kKeysSpec, "keys", keys_next);
MP_CONTEXT_ITERATOR(kValuesSpec, "values", values_next);
MP_CONTEXT_ITERATOR(kItemsSpec, "items", items_next);
#undef MP_CONTEXT_ITERATOR
const NativeDef kVariableMethods[] = {
    MP_NEW(variable_new, "__new__(cls, name, /, *, default=?)", nullptr),
    MP_METHOD(variable_get, "get(self, default=?, /)",
              "Return a value for the context variable for the current context."),
    MP_METHOD(variable_set, "set(self, value, /)",
              "Call to set a new value for the context variable in the current context."),
    MP_METHOD(variable_reset, "reset(self, token, /)", "Reset the context variable."),
    MP_CLASS_GETITEM,
    MP_END};
const MemberDef kVariableMembers[] = {{"name", offsetof(ContextVarObject, name), true, nullptr}, {}};
const TypeSpec kContextVarSpec = {.name = "_contextvars.ContextVar",
                                  .size = sizeof(ContextVarObject),
                                  .flags = kTypeHasWeakref,
                                  .trace = trace_variable,
                                  .slots = MP_SLOTS(.repr = variable_repr),
                                  .methods = kVariableMethods,
                                  .members = kVariableMembers};
const GetSetDef kTokenGetSets[] = {{"old_value", token_old_value, nullptr, nullptr}, {}};
const NativeDef kTokenMethods[] = {MP_RAW_NEW(token_new, "__new__(cls, *args, **kwargs)", nullptr),
                                   MP_CLASS_GETITEM, MP_END};
const MemberDef kTokenMembers[] = {{"var", offsetof(TokenObject, variable), true, nullptr}, {}};
const TypeSpec kTokenSpec = {.name = "_contextvars.Token",
                             .size = sizeof(TokenObject),
                             .flags = kTypeHasWeakref,
                             .trace = trace_token,
                             .slots = MP_SLOTS(.repr = token_repr),
                             .methods = kTokenMethods,
                             .getsets = kTokenGetSets,
                             .members = kTokenMembers,
                             .init = init_token};
const TypeSpec kMissingSpec = {.name = "Token.MISSING",
                               .size = sizeof(Object),
                               .flags = kTypeDisallowNew,
                               .slots = MP_SLOTS(.repr = missing_repr)};

const NativeDef kFunctions[] = {
    MP_FUNCTION(context_copy_current, "copy_context()", "Return a shallow copy of the current context."),
    MP_END};
Status init_module(Thread& t, ModuleObject* module) {
  for (const TypeSpec* spec : {&kContextSpec, &kContextVarSpec, &kTokenSpec})
    if (module_add_type(t, module, *spec) == nullptr) return Error{};
  return {};
}
}  // namespace

Value copy_context(Thread& t) {
  ContextObject* current = current_context(t);
  auto* copy = t.heap().make<ContextObject>(t, current->type());
  copy->variables = current->variables;
  return copy;
}
Value make_context_variable(Thread& t, std::string_view name) {
  auto* variable = t.heap().make<ContextVarObject>(t, native_type(t, kContextVarSpec));
  variable->name = Value(intern(t, name));
  return variable;
}
Value context_variable(Thread& t, Value variable) {
  Value context = t.context;
  return context.is_empty() ? kNotFound : find(context.as<ContextObject>(), variable);
}
void set_context_variable(Thread& t, Value variable, Value value) {
  ContextObject* context = current_context(t);
  context->variables = hamt_set(t, context->variables, variable, value);
}
bool is_context(Value v) { return v.is_object() && v.as_object()->type()->spec == &kContextSpec; }
Status enter_context(Thread& t, Value self, Value* before) {
  auto* context = self.as<ContextObject>();
  if (context->entered.exchange(true))
    return t.raise(Exc::RuntimeError, "cannot enter context: {} is already entered", repr_text(t, self));
  *before = current_context(t);
  context->previous = *before;
  t.context = self;
  return {};
}
void leave_context(Thread& t, Value self, Value before) {
  auto* context = self.as<ContextObject>();
  t.context = before;
  context->previous = kEmpty;
  context->entered = false;
}

extern const ModuleSpec kContextvarsModule;
const ModuleSpec kContextvarsModule = {
    .name = "_contextvars", .doc = "Context Variables", .functions = kFunctions, .init = init_module};
}  // namespace mp

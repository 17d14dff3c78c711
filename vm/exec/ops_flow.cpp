// Cold instructions of control flow: raising, exception groups, awaiting, pattern matching, intrinsics.
#include "vm/exec/cold_ops.h"
#include "vm/exec/loop_generators.h"
#include "vm/exec/type_parameters.h"

namespace mp::ops::cold {

namespace {

bool put(Value* r, uint32_t at, Result<Value> v) {
  if (v.is_error()) return false;
  r[at] = v.value();
  return true;
}

bool is_group(Thread& t, Value v) { return is_instance(t, v, t.types().exception(Exc::BaseExceptionGroup)); }
TupleObject* members(Value group) { return group.as<ExceptionObject>()->fields[1].get().as<TupleObject>(); }

}  // namespace

// ---- raising

bool RAISE(Thread& t, Frame*, const Instruction* pc, Value* r) {
  raise_from(t, r[pc->a], kEmpty);
  return false;
}
bool RAISE_FROM(Thread& t, Frame*, const Instruction* pc, Value* r) {
  raise_from(t, r[pc->a], r[pc->b]);
  return false;
}

// ---- except*

static Status check_group_match_type(Thread& t, Value type) {
  auto check_one = [&](Value v) -> Status {
    if (!is_type(v) || !is_subtype(v.as<Type>(), t.types().exception(Exc::BaseException)))
      return t.raise(Exc::TypeError,
                     "catching classes that do not inherit from BaseException is not allowed");
    if (is_subtype(v.as<Type>(), t.types().exception(Exc::BaseExceptionGroup)))
      return t.raise(Exc::TypeError,
                     "catching ExceptionGroup with except* is not allowed. Use except instead.");
    return {};
  };
  if (!is_tuple(type)) return check_one(type);
  auto* tuple = type.as<TupleObject>();
  for (size_t i = 0; i < tuple->size; ++i) TRY(check_one((*tuple)[i]));
  return {};
}

static Result<Value> make_group(Thread& t, ListObject* exceptions) {
  return call(t, t.types().exception(Exc::BaseExceptionGroup), {empty_str(t), exceptions});
}

static Status match_group(Thread& t, Value exception, Value type, Value* match, Value* rest) {
  TRY(check_group_match_type(t, type));
  *match = kNone;
  *rest = kNone;
  if (exception.is_none()) return {};
  if (TRY(exception_matches(t, exception, type))) {
    if (is_group(t, exception)) {
      *match = exception;
    } else {
      Value wrapped = TRY(
          call(t, t.types().exception(Exc::BaseExceptionGroup), {empty_str(t), make_tuple(t, {exception})}));
      // The wrapper stands where the naked exception was raised in this frame.
      Value pending = t.take_exception();
      t.restore_exception(wrapped);
      add_traceback(t, t.frame);
      t.restore_exception(pending);
      *match = wrapped;
    }
    return {};
  }
  if (is_group(t, exception)) {
    Value pair = TRY(call_method(t, exception, intern(t, "split"), {type}));
    if (!is_tuple(pair))
      return t.raise(Exc::TypeError, "{}.split must return a tuple, not {}", type_name(t, exception),
                     type_name(t, pair));
    if (pair.as<TupleObject>()->size < 2)
      return t.raise(Exc::TypeError, "{}.split must return a 2-tuple, got tuple of size {}",
                     type_name(t, exception), pair.as<TupleObject>()->size);
    *match = (*pair.as<TupleObject>())[0];
    *rest = (*pair.as<TupleObject>())[1];
    return {};
  }
  *rest = exception;
  return {};
}

bool CHECK_EG_MATCH(Thread& t, Frame*, const Instruction* pc, Value* r) {
  Value match, rest;
  if (match_group(t, r[pc->b], r[pc->c], &match, &rest).is_error()) return false;
  r[pc->a] = rest;
  r[pc->a + 1] = match;
  if (!match.is_none()) t.handled->value = match;
  return true;
}

static bool contains_leaf(ListObject* leaves, Value v) {
  for (size_t i = 0; i < leaves->length(); ++i)
    if (leaves->at(i) == v) return true;
  return false;
}

static Status collect_leaves(Thread& t, Value exception, ListObject* leaves) {
  if (!is_group(t, exception)) return list_append(t, leaves, exception);
  TRY(t.check_stack(" in collect_exception_group_leaf_ids"));
  TupleObject* inner = members(exception);
  for (size_t i = 0; i < inner->size; ++i) TRY(collect_leaves(t, (*inner)[i], leaves));
  return {};
}

// The part of a group whose leaves are in `leaves`, nested as in the group; None when there is none.
static Result<Value> project(Thread& t, Value exception, ListObject* leaves) {
  if (!is_group(t, exception)) return contains_leaf(leaves, exception) ? exception : kNone;
  TRY(t.check_stack(" in exception_group_split_recursive"));
  ListObject* kept = make_list(t);
  TupleObject* inner = members(exception);
  for (size_t i = 0; i < inner->size; ++i) {
    Value part = TRY(project(t, (*inner)[i], leaves));
    if (!part.is_none()) TRY(list_append(t, kept, part));
  }
  if (kept->length() == 0) return kNone;
  Value made = TRY(call_method(t, exception, intern(t, "derive"), {kept}));
  if (!is_group(t, made))
    return t.raise(Exc::TypeError, "derive must return an instance of BaseExceptionGroup");
  auto *from = exception.as<ExceptionObject>(), *to = made.as<ExceptionObject>();
  to->traceback = from->traceback;
  to->context = from->context;
  to->cause = from->cause;
  to->suppress_context.store(from->suppress_context.load());
  Value notes = TRY(get_attr_or_not_found(t, exception, t.names().__notes__));
  if (!notes.is_not_found() && is_list(notes))
    TRY(set_attr(t, made, t.names().__notes__, TRY(to_list(t, notes))));
  return made;
}

static Result<bool> same_metadata(Thread& t, Value a, Value b) {
  if (!is_exception(a) || !is_exception(b)) return false;
  auto *x = a.as<ExceptionObject>(), *y = b.as<ExceptionObject>();
  auto same = [](const Slot& p, const Slot& q) {
    auto plain = [](Value v) { return v.is_none() ? kEmpty : v; };
    return plain(p) == plain(q);
  };
  Value notes_a = TRY(get_attr_or_not_found(t, a, t.names().__notes__));
  Value notes_b = TRY(get_attr_or_not_found(t, b, t.names().__notes__));
  bool same_notes =
      notes_a == notes_b || (is_list(notes_a) && is_list(notes_b) && TRY(equals(t, notes_a, notes_b)));
  return same_notes && same(x->traceback, y->traceback) && same(x->cause, y->cause) &&
         same(x->context, y->context);
}

static Result<Value> prepare_reraise(Thread& t, Value original, ListObject* exceptions) {
  if (exceptions->length() == 0) return kNone;
  if (!is_group(t, original)) return exceptions->at(0);  // a naked exception was caught by at most one clause
  ListObject* raised = make_list(t);
  ListObject* leaves = make_list(t);
  bool some_reraised = false;
  for (size_t i = 0; i < exceptions->length(); ++i) {
    Value e = exceptions->at(i);
    if (e.is_none()) continue;
    if (is_group(t, e) && TRY(same_metadata(t, e, original))) {
      some_reraised = true;
      TRY(collect_leaves(t, e, leaves));
    } else {
      TRY(list_append(t, raised, e));
    }
  }
  Value reraised = some_reraised ? TRY(project(t, original, leaves)) : kNone;
  if (raised->length() == 0) return reraised;
  if (!reraised.is_none()) TRY(list_append(t, raised, reraised));
  return raised->length() > 1 ? make_group(t, raised) : Result<Value>(raised->at(0));
}

bool PREP_RERAISE_STAR(Thread& t, Frame*, const Instruction* pc, Value* r) {
  return put(r, pc->a, prepare_reraise(t, r[pc->b], r[pc->c].as<ListObject>()));
}

// ---- awaiting

bool GET_YIELD_FROM_ITER(Thread& t, Frame* frame, const Instruction* pc, Value* r) {
  Value v = r[pc->b];
  Value iterator = v;
  if (is_coroutine(t, v)) {
    if ((frame->code->flags & (lang::kCodeCoroutine | lang::kCodeIterableCoroutine)) == 0 &&
        v.as_object()->type() == t.types().coroutine) {
      t.raise(Exc::TypeError, "cannot 'yield from' a coroutine object in a non-coroutine generator");
      return false;
    }
  } else if (!is_exact(v, t.types().generator)) {
    iterator = get_iter(t, v).take();
    if (iterator.is_error()) return false;
  }
  r[pc->a] = iterator;
  r[pc->a + 1] = kNone;
  return true;
}

bool GET_AWAITABLE(Thread& t, Frame*, const Instruction* pc, Value* r) {
  Value v = r[pc->b];
  Value iterator = get_awaitable_iter(t, v).take();
  if (iterator.is_error()) {
    Type* type = type_of(t, v);
    if (pc->aux != 0 && type->slots.await == nullptr && t.exception_matches(Exc::TypeError)) {
      t.clear_exception();
      t.raise(Exc::TypeError, "'async with' received an object from {} that does not implement __await__: {}",
              pc->aux == 1 ? "__aenter__" : "__aexit__", type_name(type));
    }
    return false;
  }
  if (is_exact(iterator, t.types().coroutine) && is_awaiting(iterator.as<GeneratorObject>())) {
    t.raise(Exc::RuntimeError, "coroutine is being awaited already");
    return false;
  }
  r[pc->a] = iterator;
  r[pc->a + 1] = kNone;
  return true;
}

bool GET_AITER(Thread& t, Frame* frame, const Instruction* pc, Value* r) {
  Value v = r[pc->b];
  Type* type = type_of(t, v);
  if (type->slots.aiter == nullptr) {
    t.raise(Exc::TypeError, "'async for' requires an object with __aiter__ method, got {}", type_name(type));
    return false;
  }
  Value iterator = type->slots.aiter(t, v).take();
  if (iterator.is_error()) return false;
  if (type_of(t, iterator)->slots.anext == nullptr) {
    t.raise(Exc::TypeError,
            "'async for' received an object from __aiter__ that does not implement __anext__: {}",
            type_name(t, iterator));
    return false;
  }
  hold_made_by_iter(t, frame, pc, v, iterator, t.names().__aiter__);
  r[pc->a] = iterator;
  return true;
}

bool GET_ANEXT(Thread& t, Frame*, const Instruction* pc, Value* r) {
  Value v = r[pc->b];
  Type* type = type_of(t, v);
  if (type->slots.anext == nullptr) {
    t.raise(Exc::TypeError, "'async for' requires an iterator with __anext__ method, got {}",
            type_name(type));
    return false;
  }
  bool own = type == t.types().async_generator;
  Value next = own ? async_generator_next_awaited(t, v).take() : type->slots.anext(t, v).take();
  if (next.is_error()) return false;
  Value iterator = next;
  if (!is_exact(next, t.types().async_generator_asend)) {
    iterator = get_awaitable_iter(t, next).take();
    if (iterator.is_error()) {
      Value cause = t.take_exception();
      t.raise(Exc::TypeError, "'async for' received an invalid object from __anext__: {}",
              type_name(t, next));
      if (is_exception(t.current())) {
        auto* e = t.current().as<ExceptionObject>();
        e->cause = cause;
        e->context = cause;
        e->suppress_context.store(true);
      }
      return false;
    }
  }
  r[pc->a] = iterator;
  r[pc->a + 1] = kNone;
  return true;
}

// ---- pattern matching

bool MATCH_SEQUENCE(Thread& t, Frame*, const Instruction* pc, Value* r) {
  r[pc->a] = Value::from_bool(type_of(t, r[pc->b])->has(kTypeSequence));
  return true;
}
bool MATCH_MAPPING(Thread& t, Frame*, const Instruction* pc, Value* r) {
  r[pc->a] = Value::from_bool(type_of(t, r[pc->b])->has(kTypeMapping));
  return true;
}
bool GET_LEN(Thread& t, Frame*, const Instruction* pc, Value* r) {
  Result<int64_t> n = length(t, r[pc->b]);
  if (n.is_error()) return false;
  r[pc->a] = make_int(t, n.value());
  return true;
}

static Result<Value> match_keys(Thread& t, Value subject, TupleObject* keys) {
  TupleObject* values = allocate_tuple(t, keys->size);
  if (keys->size == 0) return values;
  SetObject* seen = make_set(t);
  bool plain = is_exact(subject, t.types().dict);
  Value get = plain ? kEmpty : TRY(get_attr(t, subject, t.names().get));
  // No value of a mapping can be this cell.
  Value missing = make_cell(t);
  for (size_t i = 0; i < keys->size; ++i) {
    Value key = (*keys)[i];
    if (TRY(set_contains(t, seen, key)))
      return t.raise(Exc::ValueError, "mapping pattern checks duplicate key ({})", repr_text(t, key));
    TRY(set_add(t, seen, key));
    Value v = plain ? TRY(dict_get(t, subject.as<DictObject>(), key)) : TRY(call(t, get, {key, missing}));
    if (v.is_not_found() || v == missing) return kNone;
    values->items()[i] = v;
  }
  return values;
}

bool MATCH_KEYS(Thread& t, Frame*, const Instruction* pc, Value* r) {
  return put(r, pc->a, match_keys(t, r[pc->b], r[pc->c].as<TupleObject>()));
}

// kNotFound when the subject has no such attribute.
static Result<Value> class_attr(Thread& t, Value subject, Type* type, Value name, SetObject* seen) {
  if (TRY(set_contains(t, seen, name)))
    return t.raise(Exc::TypeError, "{}() got multiple sub-patterns for attribute {}", type_name(type),
                   repr_text(t, name));
  TRY(set_add(t, seen, name));
  return get_attr_or_not_found(t, subject, name.as<StrObject>());
}

static Result<Value> match_class(Thread& t, Value subject, Value cls, size_t positional, TupleObject* names) {
  if (!is_type(cls)) return t.raise(Exc::TypeError, "called match pattern must be a type");
  if (!TRY(is_instance_of(t, subject, cls))) return kNone;
  Type* type = cls.as<Type>();
  SetObject* seen = make_set(t);
  ListObject* values = make_list(t, positional + names->size);
  if (positional != 0) {
    Value match_args = TRY(get_attr_or_not_found(t, cls, t.names().__match_args__));
    bool match_self = false;
    if (match_args.is_not_found()) {
      match_args = empty_tuple(t);
      match_self = type->has(kTypeMatchSelf);
    } else if (!is_exact(match_args, t.types().tuple)) {
      return t.raise(Exc::TypeError, "{}.__match_args__ must be a tuple (got {})", type_name(type),
                     type_name(t, match_args));
    }
    size_t allowed = match_self ? 1 : match_args.as<TupleObject>()->size;
    if (allowed < positional)
      return t.raise(Exc::TypeError, "{}() accepts {} positional sub-pattern{} ({} given)", type_name(type),
                     allowed, allowed == 1 ? "" : "s", positional);
    if (match_self) {
      TRY(list_append(t, values, subject));
    } else {
      for (size_t i = 0; i < positional; ++i) {
        Value name = (*match_args.as<TupleObject>())[i];
        if (!is_exact(name, t.types().str))
          return t.raise(Exc::TypeError, "__match_args__ elements must be strings (got {})",
                         type_name(t, name));
        Value v = TRY(class_attr(t, subject, type, name, seen));
        if (v.is_not_found()) return kNone;
        TRY(list_append(t, values, v));
      }
    }
  }
  for (size_t i = 0; i < names->size; ++i) {
    Value v = TRY(class_attr(t, subject, type, (*names)[i], seen));
    if (v.is_not_found()) return kNone;
    TRY(list_append(t, values, v));
  }
  return list_to_tuple(t, values);
}

bool MATCH_CLASS(Thread& t, Frame*, const Instruction* pc, Value* r) {
  return put(r, pc->a, match_class(t, r[pc->b], r[pc->b + 1], pc->c, r[pc->b + 2].as<TupleObject>()));
}

bool MATCH_REST(Thread& t, Frame*, const Instruction* pc, Value* r) {
  DictObject* rest = make_dict(t);
  if (dict_update(t, rest, r[pc->b]).is_error()) return false;
  auto* keys = r[pc->c].as<TupleObject>();
  for (size_t i = 0; i < keys->size; ++i)
    if (dict_delete(t, rest, (*keys)[i]).is_error()) return false;
  r[pc->a] = rest;
  return true;
}

// ---- intrinsics

static Status import_star(Thread& t, Frame* frame, Value module) {
  Value all = TRY(get_attr_or_not_found(t, module, t.names().__all__));
  bool skip_private = false;
  if (all.is_not_found()) {
    Value dict = TRY(get_attr_or_not_found(t, module, t.names().__dict__));
    if (dict.is_not_found())
      return t.raise(Exc::ImportError, "from-import-* object has no __dict__ and no __all__");
    all = TRY(call_method(t, dict, t.names().keys));
    skip_private = true;
  }
  // A snapshot: the module may be ours.
  Value names = TRY(to_list(t, all));
  auto* list = names.as<ListObject>();
  for (size_t i = 0; i < list->length(); ++i) {
    Value name = list->at(i);
    if (!is_str(name)) {
      Value module_name = TRY(get_attr_or_not_found(t, module, t.names().__name__));
      return t.raise(Exc::TypeError, "{} in {}.{} must be str, not {}", skip_private ? "Key" : "Item",
                     is_str(module_name) ? to_utf8(module_name.as<StrObject>()) : "?",
                     skip_private ? "__dict__" : "__all__", type_name(t, name));
    }
    auto* text = name.as<StrObject>();
    if (skip_private && text->length() > 0 && text->at(0) == '_') continue;
    Value v = TRY(get_attr(t, module, text));
    Value locals = frame->locals;
    if (is_exact(locals, t.types().dict))
      TRY(dict_set(t, locals.as<DictObject>(), name, v));
    else
      TRY(set_item(t, locals, name, v));
  }
  return {};
}

static Result<Value> run_intrinsic(Thread& t, Frame* frame, lang::Intrinsic which, const Value* args) {
  switch (which) {
    case lang::Intrinsic::PRINT_EXPR: {
      Value hook = dict_get_text(t, t.runtime().sys_module->dict, "displayhook");
      if (hook.is_not_found()) return t.raise(Exc::RuntimeError, "lost sys.displayhook");
      TRY(call(t, hook, {args[0]}));
      return kNone;
    }
    case lang::Intrinsic::IMPORT_STAR: TRY(import_star(t, frame, args[0])); return kNone;
    case lang::Intrinsic::SET_FUNCTION_TYPE_PARAMS:
      args[0].as<FunctionObject>()->type_params = args[1];
      return args[0];
    default: break;
  }
  return type_parameter_intrinsic(t, which, args);
}

bool INTRINSIC(Thread& t, Frame* frame, const Instruction* pc, Value* r) {
  return put(r, pc->a, run_intrinsic(t, frame, static_cast<lang::Intrinsic>(pc->aux), r + pc->b));
}

}  // namespace mp::ops::cold
